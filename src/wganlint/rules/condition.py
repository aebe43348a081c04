"""The condition language of rules: short expressions, parsed against a whitelist, checked at load, never `eval`ed.

Grammar: names of finds and parameters, `find.field`, numbers, texts, comparisons, and/or/not, + - * /, abs, min, max,
near(a, b, tolerance), seen(find). A bare find name means "it was seen". Truth has three values (Kleene 1952): what a
missing input would decide stays unknown, and the unknown names that input; `seen(find)` is false for it instead.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeAlias

from msgspec import Struct

from wganlint.detect.registry import Absent, Fact, Found, Missing
from wganlint.errors import ConditionError
from wganlint.units import PURE, Kind, KindError, Quantity, combine

MOST_CHARACTERS = 2_000
MOST_DEPTH = 40


class Unknown(Struct, frozen=True):
    """A value that a missing input would decide; `missing` names what."""

    missing: tuple[str, ...]


Result: TypeAlias = bool | float | str | Unknown
Reader: TypeAlias = Callable[["Scope"], Result]


class Shape(Struct, frozen=True):
    """What a condition may read: fields with kinds of each find, finds that are always there, and parameters."""

    finds: Mapping[str, Mapping[str, Kind]]
    required: frozenset[str] = frozenset()
    parameters: Mapping[str, Kind] | None = None


class Scope(Struct, frozen=True):
    """What a condition reads when it is evaluated."""

    finds: Mapping[str, Found]
    parameters: Mapping[str, float | str]


class Condition(Struct, frozen=True):
    """A checked condition. `proves`: the finds that are certainly there when it holds."""

    text: str
    read: Reader
    proves: frozenset[str]
    names: frozenset[str]

    def evaluate(self, scope: Scope) -> bool | Unknown:
        """Return True, False, or Unknown naming the missing inputs."""
        result = self.read(scope)
        return result if isinstance(result, Unknown) else bool(result)


class _Term(Struct, frozen=True):
    """A checked piece: how to read it, its kind (None: a bare number), and what its truth or falsity proves."""

    read: Reader
    kind: Kind | None
    if_true: frozenset[str] = frozenset()
    if_false: frozenset[str] = frozenset()
    numeric: bool = False


_NOTHING: frozenset[str] = frozenset()


def parse(text: str, shape: Shape, *, given: frozenset[str] = frozenset()) -> Condition:
    """Check a condition and return it ready to evaluate; `given` are finds known to be there.

    Raises:
        ConditionError: with the 1-based line and column inside `text`.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConditionError(
            f"a condition of {len(text)} characters", line=1, column=1, hint=f"the most is {MOST_CHARACTERS}"
        )
    tree = _tree(text)
    parser = _Parser(text, shape)
    term = parser.check(tree, shape.required | given, 0)
    if term.kind is not Kind.FLAG:
        parser.fail(tree, "this is a number or a text, not a condition", "compare it with something")
    return Condition(text, term.read, term.if_true, frozenset(parser.names))


def _tree(text: str) -> ast.expr:
    _plain(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as an unknown escape in a text
            # The brackets let a condition run over several lines.
            return ast.parse(f"({text}\n)", mode="eval").body
    except SyntaxError as error:
        line, column = _inside(error.lineno or 1, error.offset or 1)
        line, column = min((line, column), _place(text, len(text.rstrip())))
        raise ConditionError(
            f"not an expression: {error.msg}", line=line, column=column, hint=f"it is made of {_LANGUAGE}"
        ) from None
    except (ValueError, RecursionError, MemoryError, Warning):
        raise ConditionError("not an expression", line=1, column=1, hint=f"it is made of {_LANGUAGE}") from None


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_MARKS = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[()\[\]{}#]""")


def _plain(text: str) -> None:
    """Refuse what Python's parser would not tell clearly: nothing, control characters, comments, unpaired brackets."""

    def fail(at: int, what: str, hint: str = "") -> NoReturn:
        line, column = _place(text, at)
        raise ConditionError(what, line=line, column=column, hint=hint)

    if not text.strip():
        fail(0, "an empty condition", "name a find that must be seen, or compare one of its fields")
    control = _CONTROL.search(text)
    if control:
        fail(control.start(), f"a control character, {control[0]!r}")
    opened: list[int] = []
    for mark in _MARKS.finditer(text):
        match mark[0]:
            case "#":
                fail(mark.start(), "no comments in a condition", "put it on a TOML line of its own")
            case "(" | "[" | "{":
                opened.append(mark.start())
            case ")" | "]" | "}":
                if not opened or text[opened.pop()] + mark[0] not in ("()", "[]", "{}"):
                    fail(mark.start(), f"{mark[0]!r} closes nothing")
    if opened:
        fail(opened[-1], f"{text[opened[-1]]!r} is never closed")


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


class _Parser:
    def __init__(self, text: str, shape: Shape) -> None:
        self.lines = f"({text}".split("\n")
        self.shape = shape
        self.names: set[str] = set()

    def fail(self, node: ast.expr, what: str, hint: str = "") -> NoReturn:
        before = self.lines[node.lineno - 1].encode()[: node.col_offset]  # the parser counts bytes
        line, column = _inside(node.lineno, len(before.decode(errors="replace")) + 1)
        raise ConditionError(what, line=line, column=column, hint=hint)

    def check(self, node: ast.expr, seen: frozenset[str], depth: int) -> _Term:
        if depth > MOST_DEPTH:
            self.fail(node, "the condition is nested too deeply")
        match node:
            case ast.Constant(value=bool() as truth):
                return _Term(lambda _, t=truth: t, Kind.FLAG)  # type: ignore[misc]
            case ast.Constant(value=int() | float() as number):
                value = float(number) if abs(number) < 1e300 else math.inf
                if not math.isfinite(value):
                    self.fail(node, "a number must be finite")
                return _Term(lambda _, v=value: v, None, numeric=True)  # type: ignore[misc]
            case ast.Constant(value=str() as word):
                return _Term(lambda _, w=word: w, Kind.TEXT)  # type: ignore[misc]
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=ast.Name(id=name), attr=field):
                return self._field(node, name, field, seen)
            case ast.BoolOp(op=ast.And(), values=parts):
                return self._all(parts, seen, depth)
            case ast.BoolOp(op=ast.Or(), values=parts):
                return self._any(parts, seen, depth)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return self._not(inner, seen, depth)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                term = self._number(inner, seen, depth)
                return _Term(lambda s: _apply(lambda a: -a, term.read(s)), term.kind, numeric=True)
            case ast.BinOp(left=left, op=operator, right=right):
                return self._arithmetic(node, left, operator, right, seen, depth)
            case ast.Compare(left=left, ops=operators, comparators=others):
                return self._compare(node, left, operators, others, seen, depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(node, name, arguments, seen, depth)
            case ast.Constant(value=value):
                return self.fail(node, f"{value!r} is neither a number nor a text", _LANGUAGE)
            case ast.Call(func=ast.Name(id=name)):
                return self.fail(node, f"{name} takes no named arguments", _LANGUAGE)
            case _:
                return self.fail(node, f"{type(node).__name__} is not part of the condition language", _LANGUAGE)

    def _name(self, node: ast.expr, name: str) -> _Term:
        if name in self.shape.finds:
            self.names.add(name)
            return _Term(lambda s: _present(s.finds[name]), Kind.FLAG, frozenset({name}))
        kind = (self.shape.parameters or {}).get(name)
        if kind is None:
            known = sorted([*self.shape.finds, *(self.shape.parameters or {})])
            self.fail(node, f"unknown name {name!r}", f"known here: {', '.join(known) or 'nothing'}")
        return _Term(lambda s: s.parameters[name], kind, numeric=kind is not Kind.TEXT)

    def _seen(self, node: ast.expr, arguments: list[ast.expr]) -> _Term:
        match arguments:
            case [ast.Name(id=name)] if name in self.shape.finds:
                self.names.add(name)
                return _Term(lambda s: isinstance(s.finds[name], Fact), Kind.FLAG, frozenset({name}))
            case _:
                known = ", ".join(sorted(self.shape.finds))
                return self.fail(node, "seen takes the name of a find", f"known here: {known}")

    def _field(self, node: ast.expr, name: str, field: str, seen: frozenset[str]) -> _Term:
        fields = self.shape.finds.get(name)
        if fields is None:
            self.fail(node, f"unknown find {name!r}", f"known here: {', '.join(sorted(self.shape.finds))}")
        if field not in fields:
            self.fail(node, f"{name} has no field {field!r}", f"it has {', '.join(sorted(fields))}")
        if name not in seen:
            self.fail(
                node,
                f"{name}.{field} is read where {name} may be absent",
                f"write `{name} and {name}.{field} ...`",
            )
        self.names.add(name)
        kind = fields[field]
        return _Term(lambda s: _read(s.finds[name], field), kind, numeric=kind not in {Kind.TEXT, Kind.FLAG})

    def _all(self, parts: list[ast.expr], seen: frozenset[str], depth: int) -> _Term:
        terms: list[_Term] = []
        proved: frozenset[str] = _NOTHING
        for part in parts:
            term = self._truth(part, seen | proved, depth)
            proved |= term.if_true
            terms.append(term)
        common = frozenset.intersection(*(t.if_false for t in terms))
        return _Term(lambda s: _kleene(terms, s, stop=False), Kind.FLAG, proved, common)

    def _any(self, parts: list[ast.expr], seen: frozenset[str], depth: int) -> _Term:
        terms: list[_Term] = []
        refuted: frozenset[str] = _NOTHING
        for part in parts:
            term = self._truth(part, seen | refuted, depth)
            refuted |= term.if_false
            terms.append(term)
        common = frozenset.intersection(*(t.if_true for t in terms))
        return _Term(lambda s: _kleene(terms, s, stop=True), Kind.FLAG, common, refuted)

    def _not(self, inner: ast.expr, seen: frozenset[str], depth: int) -> _Term:
        term = self._truth(inner, seen, depth)

        def read(scope: Scope) -> Result:
            value = term.read(scope)
            return value if isinstance(value, Unknown) else not value

        return _Term(read, Kind.FLAG, term.if_false, term.if_true)

    def _truth(self, node: ast.expr, seen: frozenset[str], depth: int) -> _Term:
        term = self.check(node, seen, depth + 1)
        if term.kind is not Kind.FLAG:
            self.fail(node, "and, or and not join conditions; this is a number or a text")
        return term

    def _number(self, node: ast.expr, seen: frozenset[str], depth: int) -> _Term:
        term = self.check(node, seen, depth + 1)
        if not term.numeric:
            self.fail(node, "a number is needed here")
        return term

    def _kind(self, node: ast.expr, operator: str, left: _Term, right: _Term) -> Kind | None:
        try:
            return combine(operator, left.kind, right.kind)
        except KindError as error:
            self.fail(node, str(error))

    def _arithmetic(
        self,
        node: ast.expr,
        left: ast.expr,
        operator: ast.operator,
        right: ast.expr,
        seen: frozenset[str],
        depth: int,
    ) -> _Term:
        symbol = _OPERATORS.get(type(operator))
        if symbol is None:
            self.fail(node, f"{type(operator).__name__} is not part of the condition language", _LANGUAGE)
        a, b = self._number(left, seen, depth), self._number(right, seen, depth)
        kind = self._kind(node, symbol, a, b)
        return _Term(lambda s: _apply(_ARITHMETIC[symbol], a.read(s), b.read(s)), kind, numeric=True)

    def _compare(
        self, node: ast.expr, left: ast.expr, operators: list[ast.cmpop], others: list[ast.expr], seen: frozenset[str],
        depth: int,
    ) -> _Term:  # fmt: skip
        unknown = next((operator for operator in operators if type(operator) not in _COMPARISONS), None)
        if unknown is not None:
            self.fail(node, f"{type(unknown).__name__} is not part of the condition language", _LANGUAGE)
        terms = [self.check(part, seen, depth + 1) for part in (left, *others)]
        tests: list[Callable[..., bool]] = []
        for operator, a, b in zip(operators, terms, terms[1:], strict=False):
            test = _COMPARISONS[type(operator)]
            equality = isinstance(operator, ast.Eq | ast.NotEq)
            if Kind.TEXT in (a.kind, b.kind) or Kind.FLAG in (a.kind, b.kind):
                if not (equality and a.kind == b.kind):
                    self.fail(node, "a text or a flag can only be == or != to one of its kind")
            else:
                self._kind(node, "<", a, b)
            tests.append(test)

        def read(scope: Scope) -> Result:
            values = [term.read(scope) for term in terms]
            waiting: list[Result] = []
            for test, a, b in zip(tests, values, values[1:], strict=False):
                lacking = _unknowns([a, b])
                if lacking:
                    waiting.append(lacking)
                elif not test(a, b):
                    return False
            return _unknowns(waiting) or True

        return _Term(read, Kind.FLAG)

    def _call(self, node: ast.expr, name: str, arguments: list[ast.expr], seen: frozenset[str], depth: int) -> _Term:
        if name == "seen":
            return self._seen(node, arguments)
        counts = {"abs": (1, 1), "min": (2, 8), "max": (2, 8), "near": (3, 3)}
        if name not in counts:
            self.fail(node, f"unknown function {name!r}", "known: abs, min, max, near, seen")
        low, high = counts[name]
        if not low <= len(arguments) <= high:
            self.fail(node, f"{name} takes {low} argument{'s' if low > 1 else ''}, not {len(arguments)}")
        terms = [self._number(argument, seen, depth) for argument in arguments]
        if name == "near":
            self._kind(node, "<", terms[0], terms[1])
            if terms[2].kind is not None and terms[2].kind not in PURE:
                self.fail(arguments[2], f"a tolerance is a share, not {terms[2].kind}", "near(a, b, 0.01)")
            return _Term(lambda s: _apply(_near, *(t.read(s) for t in terms)), Kind.FLAG)
        kind = terms[0].kind
        for other in terms[1:]:
            kind = self._kind(node, "min", _Term(other.read, kind), other)
        functions: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}
        function = functions[name]
        return _Term(lambda s: _apply(function, *(t.read(s) for t in terms)), kind, numeric=True)


def _inside(line: int, column: int) -> tuple[int, int]:
    """Return a place without the opening bracket that `parse` puts before the text."""
    return line, max(1, column - 1) if line == 1 else column


_LANGUAGE = "names, find.field, numbers, texts, comparisons, and/or/not, + - * /, abs, min, max, near, seen"
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_ARITHMETIC: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[..., bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def _near(a: float, b: float, tolerance: float) -> bool:
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def _present(found: Found) -> Result:
    match found:
        case Fact():
            return True
        case Absent():
            return False
        case Missing(what=what):
            return Unknown((what,))


def _read(found: Found, field: str) -> Result:
    match found:
        case Fact(fields=fields):
            value = fields[field]
            if isinstance(value, Quantity):
                number = float(value.value)  # NumPy's own floats would divide by zero
                return Unknown((f"a finite {field}",)) if math.isnan(number) else number
            return value
        case Absent():
            return Unknown((field,))
        case Missing(what=what):
            return Unknown((what,))


def _unknowns(values: list[Result]) -> Unknown | None:
    missing = dict.fromkeys(what for value in values if isinstance(value, Unknown) for what in value.missing)
    return Unknown(tuple(missing)) if missing else None


def _apply(function: Callable[..., float | bool], *values: Result) -> Result:
    unknown = _unknowns(list(values))
    if unknown:
        return unknown
    try:
        result = function(*values)
    except (ZeroDivisionError, OverflowError):
        return Unknown(("a divisor that is not zero",))
    return Unknown(("a finite number",)) if isinstance(result, float) and math.isnan(result) else result


def _kleene(terms: list[_Term], scope: Scope, *, stop: bool) -> Result:
    """Join with `or` (stop at the first True) or `and` (stop at the first False); unknowns wait for the others.

    A term after an unknown one may read a find that the unknown one guards; it then is unknown itself.
    """
    waiting: list[Result] = []
    for term in terms:
        value = term.read(scope)
        if isinstance(value, Unknown):
            waiting.append(value)
        elif bool(value) is stop:
            return stop
    return _unknowns(waiting) or (not stop)
