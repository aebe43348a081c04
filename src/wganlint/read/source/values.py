"""files -> read -> Run: numbers behind names: literals, constants, parameter defaults and command-line options."""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec import Struct

from wganlint.read.source.classes import callee
from wganlint.read.source.flow import Binding, dotted
from wganlint.read.source.project import Project
from wganlint.run import Setting

_SETTINGS = frozenset({"args", "opt", "opts", "config", "cfg", "conf", "hparams", "hp", "options", "option", "params",
                       "flags", "settings", "arguments", "parsed", "ns", "p", "a", "c", "h", "train_cfg", "kwargs",
                       "configs", "setting", "namespace", "hyperparameters", "hps", "arg"})  # fmt: skip
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "log": math.log, "log10": math.log10, "log2": math.log2, "log1p": math.log1p, "exp": math.exp, "sqrt": math.sqrt,
    "float": float, "abs": abs, "tensor": float, "FloatTensor": float, "as_tensor": float, "float32": float,
    "constant": float, "Tensor": float, "scalar_tensor": float,
}  # fmt: skip
_FLOAT_MAX = {"float16": 65504.0, "half": 65504.0, "float64": 1.7976931348623157e308, "double": 1.7976931348623157e308}


class Number(Struct, frozen=True):
    """A number, and the names that were resolved on the way to it, outermost first."""

    value: float
    names: tuple[str, ...] = ()

    @property
    def resolved(self) -> str:
        """The names in reading order, as `self.bound <- bound <- --score-clamp`."""
        return " <- ".join(self.names)


class Option(Struct, frozen=True, eq=False):
    """A named default: an argparse or click option, or a field of a settings class."""

    name: str
    flag: str
    value: ast.expr | None
    node: ast.AST
    kind: str


class Values:
    """Resolves expressions to numbers across the files."""

    def __init__(self, project: Project, settings: Sequence[Setting] = ()) -> None:
        self.project = project
        self.told: dict[str, set[str]] = defaultdict(set)  # what configuration files say, by the last part of the name
        for setting in settings:
            self.told[setting.name.rsplit(".", 1)[-1]].add(setting.value)
        self.options: dict[str, list[Option]] = defaultdict(list)
        self._numbers: dict[ast.AST, Number | None] = {}
        for call in project.calls:
            option = _option(call)
            if option is not None:
                self.options[option.name].append(option)
        for info in project.classes.values():
            for name, value, node in _fields(info.node):
                if not info.is_network:
                    self.options[name].append(Option(name, name, value, node, "constant"))
        project.hears(self.word)

    def word(self, key: str) -> str | None:
        """Return the text of a setting: the one that a configuration file gives, else the one default of the files."""
        known = self.told.get(key) or {
            option.value.value
            for option in self.options.get(key, ())
            if isinstance(option.value, ast.Constant) and isinstance(option.value.value, str)
        }
        return next(iter(known)) if len(known) == 1 else None

    def number(self, node: ast.AST | None, depth: int = 12) -> Number | None:
        """Return the number that an expression is by default, or None where that is not certain."""
        if node is None or depth <= 0:
            return None
        match node:
            case ast.Constant(value=bool()):
                return None
            case ast.Constant(value=int() | float() as value):
                return _finite(value)
            case ast.Constant(value=str() as text):
                return _from_text(text)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                inner = self.number(operand, depth - 1)
                minus = isinstance(sign, ast.USub)
                return inner and Number(-inner.value if minus else inner.value, inner.names)
            case ast.BinOp(left=left, op=op, right=right):
                first, second = self.number(left, depth - 1), self.number(right, depth - 1)
                return _combined(op, first, second) if first and second else None
            case ast.Name() | ast.Attribute() | ast.arg():
                if node not in self._numbers:
                    self._numbers[node] = None  # a cycle ends here
                    found = self._parameter(node, depth) if isinstance(node, ast.arg) else self._named(node, depth)
                    self._numbers[node] = found
                return self._numbers[node]
            case ast.Subscript(value=ast.Name() | ast.Attribute() as base, slice=ast.Constant(value=str() as key)):
                return self._setting(dotted(base), key, node, depth)
            case ast.List(elts=[only]) | ast.Tuple(elts=[only]):
                return self.number(only, depth - 1)
            case ast.Call():
                return self._called(node, depth)
            case ast.BoolOp(op=ast.Or(), values=[first_value, *_]):
                first = self.number(first_value, depth - 1)
                return first if first and first.value else None
        return None

    def literal(self, node: ast.AST | None) -> bool | None:
        """Return True or False where an expression is that constant, followed through names and defaults."""
        for _ in range(6):
            match node:
                case ast.Constant(value=bool() as value):
                    return value
                case ast.arg():
                    node = self.project.default(node)
                case ast.Name() | ast.Attribute():
                    held = self.project.holds(node)
                    node = held[0].value if len(held) == 1 else None
                case _:
                    return None
        return None

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> Number | None:
        name = dotted(node)
        last = name.rsplit(".", 1)[-1] if name else node.attr if isinstance(node, ast.Attribute) else ""
        if last in ("inf", "infty", "Inf", "Infinity") and isinstance(node, ast.Attribute):
            return Number(math.inf)
        if isinstance(node, ast.Attribute) and last in ("min", "max") and isinstance(node.value, ast.Call):
            return _limit(node.value, last)
        bindings = self.project.holds(node)
        if not bindings and isinstance(node, ast.Attribute):
            bindings = self.project.module_member(node)
        if bindings:
            found = self._agreed(bindings, depth - 1)
            if found is not None:
                return Number(found.value, (name or last, *(n for n in found.names if n != name)))
        if isinstance(node, ast.Attribute) and name:
            return self._setting(name.rsplit(".", 1)[0], last, node, depth)
        return None

    def _agreed(self, bindings: list[Binding], depth: int) -> Number | None:
        """Return the one number that all bindings give; a None or an unknown one spoils it."""
        found: Number | None = None
        for binding in bindings:
            value = binding.value
            if isinstance(value, ast.Constant) and value.value is None and len(bindings) > 1:
                continue
            if binding.item is not None or binding.how != "is":
                return None
            number = self.number(value, depth)
            if number is None or (found is not None and found.value != number.value):
                return None
            found = found or number
        return found

    def _parameter(self, node: ast.arg, depth: int) -> Number | None:
        """Return what the files pass for a parameter, if that is one number; its default where nothing is passed."""
        project = self.project
        default = self.number(project.default(node), depth - 1)
        passed = [self.number(value, depth - 3) for value in project.arguments(node)]
        known = {number.value: number for number in passed if number is not None}
        if len(known) == 1 and None not in passed:
            (number,) = known.values()
            return Number(number.value, (node.arg, *number.names))
        if len(known) > 1:
            return None
        return Number(default.value, (node.arg, *default.names)) if default is not None else None

    def _setting(self, base: str, key: str, node: ast.AST, depth: int) -> Number | None:
        """Resolve `args.key`, `opt.key`, `self.args.key`, `config["key"]` through the options of the files."""
        last = base.rsplit(".", 1)[-1].lstrip("_").lower()
        if last not in _SETTINGS and not last.endswith(("args", "config", "cfg", "opt", "hparams")):
            return None
        known = {number.value: (option, number) for option in self.options.get(key, ())
                 if (number := self.number(option.value, depth - 1))}  # fmt: skip
        told = self.told.get(key, set())
        if not known and len(told) == 1:
            given = _from_text(next(iter(told)))
            return Number(given.value, (f"{base}.{key}",)) if given is not None else None
        if len(known) != 1:
            return None
        ((option, number),) = known.values()
        return Number(number.value, (f"{base}.{key}", option.flag))

    def _called(self, node: ast.Call, depth: int) -> Number | None:
        name = callee(node)
        if name in _FUNCTIONS and node.args:
            inner = self.number(node.args[0], depth - 1)
            try:
                return inner and Number(_FUNCTIONS[name](inner.value), inner.names)
            except (ValueError, OverflowError):
                return None
        if name in ("int", "round") and isinstance(node.func, ast.Name) and len(node.args) == 1:
            inner = self.number(node.args[0], depth - 1)
            if inner is not None and math.isfinite(inner.value):
                return Number(float(math.trunc(inner.value)), inner.names)
            return None
        if name in ("max", "min") and isinstance(node.func, ast.Name) and len(node.args) == 2:
            first, second = self.number(node.args[0], depth - 1), self.number(node.args[1], depth - 1)
            if first and second:
                return Number({"max": max, "min": min}[name](first.value, second.value), first.names + second.names)
        if name in ("cuda", "to", "float") and isinstance(node.func, ast.Attribute) and not node.args[1:]:
            return self.number(node.func.value, depth - 1)
        if name == "getattr" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
            key = str(node.args[1].value)
            found = self._setting(dotted(node.args[0]), key, node, depth)
            return found or self.number(node.args[2], depth - 1)
        return None


def _finite(value: float) -> Number | None:
    try:
        return Number(float(value))
    except OverflowError:
        return None


def _from_text(text: str) -> Number | None:
    """float("-inf") and argparse defaults given as text."""
    if len(text) > 40:
        return None
    try:
        return Number(float(text))
    except ValueError:
        return None


def _limit(call: ast.Call, which: str) -> Number | None:
    """torch.finfo(x.dtype).min and .max."""
    if callee(call) not in ("finfo", "iinfo"):
        return None
    kind = callee(call.args[0]) if call.args else ""
    size = _FLOAT_MAX.get(kind, 3.4028234663852886e38)
    return Number(-size if which == "min" else size)


def _combined(op: ast.operator, first: Number, second: Number) -> Number | None:
    a, b = first.value, second.value
    try:
        match op:
            case ast.Add():
                value = a + b
            case ast.Sub():
                value = a - b
            case ast.Mult():
                value = a * b
            case ast.Div():
                value = a / b
            case ast.FloorDiv():
                value = a // b
            case ast.Mod():
                value = a % b
            case ast.Pow():
                power = a**b
                if not isinstance(power, float):
                    return None
                value = power
            case _:
                return None
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return Number(value, first.names + second.names)


def _option(call: ast.Call) -> Option | None:
    """Argparse add_argument, click.option, absl flags and typer.Option with their default."""
    name = callee(call)
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if name in ("add_argument", "option"):
        flags = [text for text in texts if text.startswith("-")] or texts[:1]
        long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
        plain = [text for text in texts if not text.startswith("-")]
        dest = keywords.get("dest")
        if isinstance(dest, ast.Constant) and isinstance(dest.value, str):
            key = dest.value
        else:
            key = plain[0] if name == "option" and plain else long.lstrip("-").split("/")[0]
        return Option(key.replace("-", "_"), long, keywords.get("default"), call, "option") if key else None
    if name.startswith("DEFINE_") and len(call.args) >= 2 and texts:
        return Option(texts[0], f"--{texts[0]}", call.args[1], call, "option")
    return None


def _fields(node: ast.ClassDef) -> list[tuple[str, ast.expr, ast.AST]]:
    """Return the settings that a class body states: dataclass fields and class constants."""
    found: list[tuple[str, ast.expr, ast.AST]] = []
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.append((name, value, statement))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.append((name, value, statement))
    return found
