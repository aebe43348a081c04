"""files -> read -> Run: every node of all files: in which file, class and function it stands, and what a function says.

Nothing is followed here: what a name stands for is asked of the project, which is built on this.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from wganlint.read.source.classes import NETWORK_BASES, Class, Function, callee, parameter_defaults, walk_own
from wganlint.read.source.flow import FUNCTIONS, Binding, Flow, Scope, dotted, follow, parameters
from wganlint.read.source.parse import Code
from wganlint.source import Site

_REGISTERS = frozenset({"register_buffer", "register_parameter", "register_module", "add_module"})


class Index:
    """The nodes of the parsed files by kind, by name and by where they stand."""

    def __init__(self, codes: list[Code]) -> None:
        self.codes = codes
        self.classes: dict[ast.ClassDef, Class] = {}
        self.functions: dict[Function, Class | None] = {}
        self.code_of: dict[ast.AST, Code] = {}  # scopes only
        self.parents: dict[ast.AST, ast.AST] = {}
        self.bindings: dict[ast.AST, tuple[Binding, ...]] = {}
        self.readers: dict[ast.AST, list[tuple[ast.expr, Binding]]] = {}
        self.named: dict[Scope, dict[str, list[Binding]]] = {}
        self.calls: list[ast.Call] = []
        self.attribute_reads: dict[str, list[ast.Attribute]] = defaultdict(list)
        self.by_class: dict[str, list[ast.AST]] = defaultdict(list)
        self._returned: dict[Function, list[ast.expr]] = {}
        self._scopes: dict[ast.AST, ast.AST] = {}
        self._stems: dict[str, list[Code]] = defaultdict(list)
        for code in codes:
            self._stems[code.stem].append(code)
        for code in codes:
            self._index(code, follow(code.tree))
        self._derive()

    # -- building

    def _index(self, code: Code, flow: Flow) -> None:
        self.parents.update(flow.parents)
        self.bindings.update(flow.bindings)
        self.readers.update(flow.readers)
        self.named.update(flow.named)
        for node in flow.nodes:
            self.by_class[type(node).__name__].append(node)
            if isinstance(node, ast.Call):
                self.calls.append(node)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                self.attribute_reads[node.attr].append(node)
            elif isinstance(node, ast.ClassDef):
                bases = tuple(dotted(base) for base in node.bases)
                self.classes[node] = Class(node, code, bases)
                self.code_of[node] = code
            elif isinstance(node, FUNCTIONS):
                parent = flow.parents[node]
                self.functions[node] = self.classes.get(parent) if isinstance(parent, ast.ClassDef) else None
                self.code_of[node] = code
        self.code_of[code.tree] = code
        for info in self.classes.values():
            if info.code is code:
                self._members(info)
        for node in flow.nodes:
            if isinstance(node, ast.Call) and callee(node) in _REGISTERS and len(node.args) >= 2:
                self._registered(node)

    def _members(self, info: Class) -> None:
        for statement in info.node.body:
            if isinstance(statement, FUNCTIONS):
                info.methods.setdefault(statement.name, statement)
                first = next(parameters(statement), None)
                if first is None:
                    continue
                for name, bindings in self.named.get(statement, {}).items():
                    head, _, rest = name.partition(".")
                    if head == first.arg and rest and rest.count(".") <= 1:
                        info.attributes[rest].extend(bindings)
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name):
                        info.attributes[target.id].append(Binding(statement.value))
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                info.attributes[statement.target.id].append(Binding(statement.value))

    def _registered(self, call: ast.Call) -> None:
        """`self.register_buffer("mean", value)` sets self.mean."""
        name = call.args[0]
        if not (
            isinstance(name, ast.Constant) and isinstance(name.value, str) and isinstance(call.func, ast.Attribute)
        ):
            return
        info = self.owner_class(call) if dotted(call.func.value) == "self" else None
        if info is not None:
            info.attributes[name.value].append(Binding(call.args[1]))

    def _derive(self) -> None:
        by_name: dict[str, list[Class]] = defaultdict(list)
        for info in self.classes.values():
            by_name[info.name].append(info)
        for info in self.classes.values():
            for base in info.bases:
                known = [other for other in by_name.get(base.split(".")[-1], ()) if other is not info]
                same = [other for other in known if other.code is info.code]
                info.parents.extend((same or known)[:1])
        for info in self.classes.values():
            bases = {base.split(".")[-1] for known in info.lineage() for base in known.bases}
            info.is_network = bool(bases & NETWORK_BASES) or (
                "forward" in info.methods and "__init__" in info.methods and "Function" not in bases
            )

    # -- places

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, class or module in which a node stands."""
        chain = []
        current: ast.AST = node
        while current not in self._scopes:
            chain.append(current)
            parent = self.parents.get(current)
            if parent is None or isinstance(parent, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self._scopes[current] = parent if parent is not None else current
                break
            current = parent
        found = self._scopes[current]
        for seen in chain:
            self._scopes[seen] = found
        return found

    def function(self, node: ast.AST) -> Function | None:
        """Return the innermost function around a node."""
        scope: ast.AST | None = self.scope(node)
        while isinstance(scope, ast.ClassDef):
            scope = self.scope(scope)
        return scope if isinstance(scope, FUNCTIONS) else None

    def owner_class(self, node: ast.AST) -> Class | None:
        """Return the innermost class around a node."""
        scope: ast.AST | None = self.scope(node)
        while scope is not None and not isinstance(scope, ast.Module):
            if isinstance(scope, ast.ClassDef):
                return self.classes[scope]
            scope = self.scope(scope)
        return None

    def self_class(self, node: ast.AST) -> Class | None:
        """Return the class that `self` means at a node."""
        return self.owner_class(node)

    def code(self, node: ast.AST) -> Code:
        """Return the file of a node."""
        return self.code_of[node] if node in self.code_of else self.code_of[self.scope(node)]

    def site(self, node: ast.AST) -> Site:
        """Return the place of a node with its quoted line and its owner."""
        code = self.code(node)
        return Site(code.place(node), code.quote(node), self.owner(node))

    def owner(self, node: ast.AST) -> str:
        """Return `Class.method`, the function, or an empty string at module level."""
        parts: list[str] = []
        scope: ast.AST = node if isinstance(node, ast.ClassDef) else self.scope(node)
        while isinstance(scope, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            parts.append(scope.name)
            scope = self.scope(scope)
        return ".".join(reversed(parts))

    def text(self, node: ast.AST) -> str:
        """Return the source of a node on one line."""
        return self.code(node).text(node)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the statement that holds a node."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parents.get(current)
        return current

    def around(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Yield (parent, child) outwards from a node up to its function or module."""
        child, parent = node, self.parents.get(node)
        while parent is not None:
            yield parent, child
            if isinstance(parent, Scope):
                return
            child, parent = parent, self.parents.get(parent)

    def _nearest(self, stem: str, code: Code) -> list[Code]:
        """Return the files of a name, those that share most folders with the given one first."""
        own = code.path.replace("\\", "/").split("/")[:-1]

        def apart(other: Code) -> int:
            folders = other.path.replace("\\", "/").split("/")[:-1]
            shared = 0
            while shared < min(len(own), len(folders)) and own[shared] == folders[shared]:
                shared += 1
            return len(own) + len(folders) - 2 * shared

        return sorted(self._stems.get(stem, ()), key=apart)

    def files_named(self, stem: str, path: str) -> list[str]:
        """Return the file that `import stem` in a file most likely means; empty where none is called so."""
        here = next((code for code in self.codes if code.path == path), None)
        if here is None or not stem:
            return []
        return [code.path for code in self._nearest(stem, here) if code.path != path][:1]

    # -- functions as they are written

    def returned(self, function: Function) -> list[ast.expr]:
        """Return the expressions that a function gives back."""
        if function not in self._returned:
            returns = [node for node in walk_own(function) if isinstance(node, ast.Return)]
            self._returned[function] = [node.value for node in returns if node.value is not None]
        return self._returned[function]

    def passed(self, call: ast.Call, function: Function) -> Iterator[tuple[ast.arg, ast.expr]]:
        """Yield (parameter, argument) of a call of a function of the user."""
        positional = [*function.args.posonlyargs, *function.args.args]
        if self.functions.get(function) is not None and positional and positional[0].arg in ("self", "cls"):
            positional = positional[1:]
        for parameter, value in zip(positional, call.args, strict=False):
            if isinstance(value, ast.Starred):
                return
            yield parameter, value
        by_name = {parameter.arg: parameter for parameter in [*positional, *function.args.kwonlyargs]}
        for keyword in call.keywords:
            if keyword.arg in by_name:
                yield by_name[keyword.arg], keyword.value

    def function_of(self, parameter: ast.arg) -> Function | None:
        """Return the function that a parameter belongs to."""
        arguments = self.parents.get(parameter)
        function = self.parents.get(arguments) if arguments is not None else None
        return function if isinstance(function, FUNCTIONS) else None

    def given(self, parameter: ast.arg, call: ast.Call, function: Function) -> ast.expr | None:
        """Return what a parameter is in one call of its function: what is passed, else its default."""
        passed = next((value for known, value in self.passed(call, function) if known is parameter), None)
        return passed if passed is not None else self.default(parameter)

    def default(self, parameter: ast.arg) -> ast.expr | None:
        """Return the default of a parameter."""
        function = self.function_of(parameter)
        if function is None:
            return None
        return next((value for known, value in parameter_defaults(function) if known is parameter), None)
