"""How a project builds, imports and calls its networks, by the syntax tree alone; what `probe init` writes down."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from wganlint.source import Default, Network

_SIMPLE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign,
    ast.If, ast.Try, ast.Pass, ast.With, ast.AugAssign,
)  # fmt: skip
_RUNS = re.compile(r"(?:^|\.)(?:parse_args|parse_known_args|backward|train|main|fit|run|app)$")


class Given(Struct, frozen=True):
    """One argument of a constructor: its value as Python text, "" where it is not known; `seen` is as written."""

    name: str
    value: str = ""
    seen: str = ""


class Built(Struct, frozen=True):
    """One network: where it is imported from, what it is built with, what its forward takes and returns.

    `root` is the folder that must be on the path ("" for that of the project); `module` is empty where the file cannot
    be imported without running it, and `why` says so. `fields` are those of the record that forward returns.
    """

    name: str
    file: str
    line: int
    root: str
    module: str
    why: str = ""
    given: tuple[Given, ...] = ()
    takes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    made_at: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # file:line and text of lines that call it


class Called(Struct, frozen=True):
    """A function at the top of a module: its parameters (name, whether it has a default) and its text."""

    name: str
    file: str
    line: int
    root: str
    module: str
    takes: tuple[tuple[str, bool], ...]
    text: str


class Project:
    """The parsed files of a project, by name as shown."""

    def __init__(self, texts: Mapping[str, str], defaults: Sequence[Default]) -> None:
        self.texts, self.trees = texts, dict[str, ast.Module]()
        for file, text in texts.items():
            try:
                self.trees[file] = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError):
                continue
        self.defaults: dict[str, set[str]] = {}
        for one in defaults:
            if one.value:
                self.defaults.setdefault(one.name.lstrip("-").replace("-", "_"), set()).add(one.value)
        for tree in self.trees.values():
            for name, value in _stated(tree):
                self.defaults.setdefault(name, set()).add(_literal(ast.unparse(value)).strip("'") or "?")

    def built(self, network: Network) -> Built | None:
        """Return what is known of a network, None where its definition is not found."""
        file, line = network.place.file, network.place.line or 1
        node = next((one for one in self._tops(file) if one.name == network.name), None)
        if node is None:
            return None
        maker = self._method(node, "__init__") if isinstance(node, ast.ClassDef) else node
        forward = self._method(node, "forward") if isinstance(node, ast.ClassDef) else None
        root, module = self.importing(file, network.name)
        why = self.runs(file) if module else "it cannot be imported by this name"
        call, at = self._construction(network.name)
        return Built(
            network.name, file, line, root, "" if why else module, why,
            tuple(self._given(maker, call, isinstance(node, ast.ClassDef))),
            _required(forward)[0] if forward is not None else (), self._fields(forward), at,
            tuple(self._calls(network.name)),
        )  # fmt: skip

    def function(self, name: str, file: str) -> Called | None:
        """Return a function at the top of a file that can be imported."""
        for node in self._tops(file):
            if isinstance(node, ast.FunctionDef) and node.name == name and not self.runs(file):
                every = [*node.args.posonlyargs, *node.args.args]
                bare = len(every) - len(node.args.defaults)
                takes = tuple((one.arg, number >= bare) for number, one in enumerate(every))
                root, module = self.importing(file, name)
                text = ast.get_source_segment(self.texts[file], node) or ""
                return Called(name, file, node.lineno, root, module, takes, text) if module else None
        return None

    # -- importing

    def importing(self, file: str, name: str) -> tuple[str, str]:
        """Return the folder to put on the path and the module to import from: as the project's own imports have it."""
        path = PurePosixPath(file).with_suffix("")
        parts = path.parts[:-1] if path.name == "__init__" else path.parts
        for other, tree in self.trees.items():
            for node in ast.walk(tree):
                if not isinstance(node, ast.ImportFrom) or node.level or not node.module or other == file:
                    continue
                wanted = tuple(node.module.split("."))
                if any(one.name in (name, "*") for one in node.names) and parts[-len(wanted) :] == wanted:
                    return "/".join(parts[: -len(wanted)]), node.module
        first = len(parts) - 1
        while first > 0 and "/".join((*parts[:first], "__init__.py")) in self.texts:
            first -= 1
        if self._relative(file):
            first = min(first, max(0, len(parts) - 2))
        names = parts[first:]
        return ("/".join(parts[:first]), ".".join(names)) if all(one.isidentifier() for one in names) else ("", "")

    def _relative(self, file: str) -> bool:
        tree = self.trees[file]
        return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))

    def runs(self, file: str) -> str:
        """Return why a file cannot be imported without running it: it trains or parses its command line at once."""
        for node in self.trees[file].body:
            if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
                continue
            loop = not isinstance(node, _SIMPLE) and not isinstance(node, ast.Expr)
            inner = () if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else ast.walk(node)
            calls = [one for one in inner if isinstance(one, ast.Call) and _RUNS.search(_dotted(one.func))]
            if loop or calls:
                return f"importing {file} would run it (line {node.lineno})"
        return ""

    # -- definitions

    def _tops(self, file: str) -> list[ast.ClassDef | ast.FunctionDef]:
        tree = self.trees.get(file)
        body = tree.body if tree is not None else []
        return [one for one in body if isinstance(one, (ast.ClassDef, ast.FunctionDef))]

    def _method(self, node: ast.ClassDef, name: str, depth: int = 4) -> ast.FunctionDef | None:
        for one in node.body:
            if isinstance(one, ast.FunctionDef) and one.name == name:
                return one
        names = {_dotted(parent).rpartition(".")[2] for parent in node.bases}
        for file in self.trees if depth else ():
            for other in self._tops(file):
                if isinstance(other, ast.ClassDef) and other.name in names and other is not node:
                    return self._method(other, name, depth - 1)
        return None

    def _fields(self, forward: ast.FunctionDef | None) -> tuple[str, ...]:
        """Return the fields of the record that a forward is annotated to return."""
        if forward is None or forward.returns is None:
            return ()
        text = forward.returns.value if isinstance(forward.returns, ast.Constant) else _dotted(forward.returns)
        for file in self.trees:
            for node in self._tops(file):
                if isinstance(node, ast.ClassDef) and node.name == str(text).rpartition(".")[2]:
                    plain = [one.target.id for one in node.body if _is_field(one)]  # type: ignore[attr-defined]
                    return tuple(plain)
        return ()

    # -- use

    def _construction(self, name: str) -> tuple[ast.Call | None, str]:
        """Return the call that builds a network in the project, and where: one beside an optimizer's file first."""
        found: list[tuple[ast.Call, str]] = []
        for file, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _names(node.func, name):
                    found.append((node, f"{file}:{node.lineno}"))
        found.sort(key=lambda one: not re.search(r"train|main|run", one[1]))
        return found[0] if found else (None, "")

    def _given(self, maker: ast.FunctionDef | None, call: ast.Call | None, method: bool) -> Iterator[Given]:
        if maker is None:
            return
        required, every = _required(maker, method)
        seen: dict[str, ast.expr] = {}
        if call is not None and not any(isinstance(one, ast.Starred) for one in call.args):
            seen = dict(zip(every, call.args, strict=False))
            seen |= {one.arg: one.value for one in call.keywords if one.arg in every}
        for name in every:
            if name in seen:
                value = self.value(seen[name])
                if value or name in required:
                    yield Given(name, value, ast.unparse(seen[name]))
            elif name in required:
                known = self.defaults.get(name, set())
                yield Given(name, _literal(next(iter(known))) if len(known) == 1 else "")

    def value(self, node: ast.expr) -> str:
        """Return a value as Python text: a literal, or the one default that its name has in the project."""
        try:
            ast.literal_eval(node)
            return ast.unparse(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            known = self.defaults.get(_dotted(node).rpartition(".")[2].replace("-", "_"), set())
            value = next(iter(known)) if len(known) == 1 else ""
            return _literal(value)

    def holders(self, name: str) -> set[str]:
        """Return the variables and attributes that hold a network."""
        found = set()
        for tree in self.trees.values():
            for node in ast.walk(tree):
                pairs: list[tuple[ast.expr, ast.expr]] = []
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                            pairs += list(zip(target.elts, node.value.elts, strict=False))
                        else:
                            pairs.append((target, node.value))
                for target, value in pairs:
                    made = any(isinstance(one, ast.Call) and _names(one.func, name) for one in ast.walk(value))
                    if made and not isinstance(target, ast.Tuple):
                        found.add(_dotted(target).rpartition(".")[2])
        return found - {""}

    def _calls(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the lines that call a network, the first few."""
        held = self.holders(name)
        seen: set[tuple[str, int]] = set()
        for file, tree in self.trees.items():
            lines = self.texts[file].split("\n")
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] in held and node.args:
                    if len(seen) < 3 and (file, node.lineno) not in seen:
                        yield f"{file}:{node.lineno}", plain(lines[node.lineno - 1])
                    seen.add((file, node.lineno))

    def batches(self) -> list[tuple[str, str]]:
        """Return the loops over what reads like data, the first few."""
        found = []
        for file, tree in self.trees.items():
            lines = self.texts[file].split("\n")
            for node in ast.walk(tree):
                if isinstance(node, ast.For):
                    text = ast.unparse(node.iter)
                elif isinstance(node, ast.Assign):
                    text = ast.unparse(node.value)
                    text = text if "DataLoader(" in text or text.startswith("next(") else ""
                else:
                    continue
                if re.search(r"loader|batches|dataset|DataLoader|next\(", text):
                    found.append((f"{file}:{node.lineno}", plain(lines[node.lineno - 1])))
        return found[:3]


def _required(function: ast.FunctionDef, method: bool = True) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parameters without a default, and all of them; `self` is left out."""
    every = [*function.args.posonlyargs, *function.args.args][1 if method else 0 :]
    bare = max(0, len(every) - len(function.args.defaults))
    names = [one.arg for one in every]
    only = [one.arg for one in function.args.kwonlyargs]
    needed = [
        one.arg for one, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if not value
    ]
    return (*names[:bare], *needed), (*names, *only)


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _literal(text: str) -> str:
    """Return a literal in Python's own writing, "" for what is none."""
    try:
        ast.literal_eval(text)
        return ast.unparse(ast.parse(text.strip(), mode="eval"))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""


def _stated(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what constants of a module and options of its command line are by default."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
    for one in ast.walk(tree):
        if isinstance(one, ast.Call) and _dotted(one.func).endswith("add_argument") and one.args:
            flag = one.args[-1].value if isinstance(one.args[-1], ast.Constant) else ""
            value = next((word.value for word in one.keywords if word.arg == "default"), None)
            if isinstance(flag, str) and flag.startswith("--") and value is not None:
                yield flag.lstrip("-").replace("-", "_"), value


def _names(function: ast.expr, name: str) -> bool:
    """Whether a call is of this class or function of the project, not of a library's of that name."""
    first, _, last = _dotted(function).rpartition(".")
    return last == name and first.partition(".")[0] not in ("torch", "nn", "np", "numpy", "tf", "keras", "random")


def plain(text: str, most: int = 100) -> str:
    """Return a line of somebody's source as a comment may hold it: one line, printable."""
    return "".join(one if one.isprintable() else " " for one in text).strip()[:most]
