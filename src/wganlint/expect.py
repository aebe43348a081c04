"""What must hold on each record of a run, as its user says it: `muons >= events`, `0 <= "D(x)" <= 1`; beside `run`.

Names are those of series (in quotes where they are no plain names), with numbers, + - * /, comparisons, and/or/not,
abs, min and max. Parsed by `ast` against a whitelist and walked over arrays: nothing of it is ever run as Python.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from msgspec import Struct

from wganlint.errors import UsageError
from wganlint.series import Flags, Floats

MOST = 100  # expectations
LONGEST = 500  # characters of one
DEEPEST = 30

_COMPARE: dict[type, Any] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal,
    ast.Eq: np.equal, ast.NotEq: np.not_equal,
}  # fmt: skip
_ARITHMETIC: dict[type, Any] = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide}
_CALLS: dict[str, Any] = {"abs": np.abs, "min": np.minimum, "max": np.maximum}
_GRAMMAR = "write for example muons >= events, 0 <= d_real <= 1, or abs(gap - w_gap) < 0.01"


class ExpectError(ValueError):
    """An expectation that cannot be read; `at` is the 0-based offset of the fault."""

    def __init__(self, what: str, at: int = 0) -> None:
        super().__init__(what)
        self.what, self.at = what, at


class Expectation(Struct, frozen=True):
    """A checked expectation: its text and the names of the series that it reads."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def holds(self, values: Mapping[str, Floats]) -> tuple[Flags, Flags]:
        """Return for each record whether it holds, and whether it can be told (all numbers finite)."""
        columns = [values[name] for name in self.names]
        known = reduce(np.logical_and, (np.isfinite(column) for column in columns))
        with np.errstate(all="ignore"):
            result = np.broadcast_to(_value(self.tree, values), known.shape)
        return np.asarray(result, dtype=np.bool_), known


def expectation(text: str) -> Expectation:
    """Check an expectation.

    Raises:
        ExpectError: it is empty or too long, is no comparison, or holds what the grammar has not.
    """
    if len(text) > LONGEST:
        raise ExpectError(f"an expectation of {len(text)} characters; the most is {LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpectError(_mistake(text, error), max(0, (error.offset or 1) - 1)) from None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise ExpectError("this cannot be read") from None
    lead = len(text) - len(text.lstrip())
    names: dict[str, None] = {}
    if not _check(tree, names, lead, 0):
        raise ExpectError("this says nothing that could be false: compare something", lead)
    if not names:
        raise ExpectError("no series is named in it", lead)
    return Expectation(text.strip(), tuple(names), tree)


def expectations(texts: Sequence[str]) -> tuple[Expectation, ...]:
    """Check the expectations of a command line or a call.

    Raises:
        UsageError: one of them cannot be read; the place is told.
    """
    if len(texts) > MOST:
        raise UsageError(f"{len(texts)} expectations; the most is {MOST}")
    found = []
    for text in texts:
        try:
            found.append(expectation(text))
        except ExpectError as error:
            raise UsageError(f"--expect {text!r}, character {error.at + 1}: {error.what}", hint=_GRAMMAR) from None
    return tuple(found)


def _mistake(text: str, error: SyntaxError) -> str:
    if "=" in text and not any(sign in text for sign in ("==", "<=", ">=", "!=")):
        return "a single = compares nothing: write =="
    if not text.strip():
        return "it is empty"
    return f"not an expression: {error.msg}"


def _check(node: ast.expr, names: dict[str, None], lead: int, depth: int) -> bool:
    """Check a piece, collect its names, and return whether it is true or false (and no number)."""

    def fail(what: str, at: ast.expr) -> ExpectError:
        return ExpectError(what, lead + at.col_offset)

    def number(part: ast.expr) -> None:
        if _check(part, names, lead, depth + 1):
            raise fail("a number is needed here, not a comparison", part)

    if depth > DEEPEST:
        raise fail("nested too deep", node)
    match node:
        case ast.Name():
            names[node.id] = None
        case ast.Constant(value=str()) if str(node.value).strip():
            names[str(node.value)] = None
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            pass
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            number(node.left)
            number(node.right)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            number(node.operand)
        case ast.Call(func=ast.Name(id="abs" | "min" | "max" as name), keywords=[]):
            if (len(node.args) != 1) if name == "abs" else (len(node.args) < 2):
                raise fail(f"{name} takes {'one number' if name == 'abs' else 'two numbers or more'}", node)
            for part in node.args:
                number(part)
        case ast.Compare():
            for part in (node.left, *node.comparators):
                number(part)
            if not all(type(sign) in _COMPARE for sign in node.ops):
                raise fail("only < <= == != >= > compare here", node)
            return True
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            for part in node.values if isinstance(node, ast.BoolOp) else [node.operand]:
                if not _check(part, names, lead, depth + 1):
                    raise fail("and, or, not join comparisons", part)
            return True
        case ast.Attribute() | ast.Subscript() | ast.Call():
            raise fail('a name with dots, slashes or brackets goes in quotes: "Loss/D(x)" >= 0', node)
        case _:
            raise fail("this has no meaning here", node)
    return False


def _value(node: ast.expr, values: Mapping[str, Floats]) -> Any:
    match node:
        case ast.Name():
            return values[node.id]
        case ast.Constant(value=str()):
            return values[str(node.value)]
        case ast.Constant():
            return float(node.value)  # type: ignore[arg-type]
        case ast.BinOp():
            return _ARITHMETIC[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.UnaryOp(op=ast.Not()):
            return np.logical_not(_value(node.operand, values))
        case ast.UnaryOp():
            inner = _value(node.operand, values)
            return np.negative(inner) if isinstance(node.op, ast.USub) else inner
        case ast.Call(func=ast.Name(id=name)):
            parts = [_value(part, values) for part in node.args]
            return _CALLS[name](parts[0]) if name == "abs" else reduce(_CALLS[name], parts)
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return reduce(join, [_value(part, values) for part in node.values])
        case ast.Compare():
            terms = [_value(part, values) for part in (node.left, *node.comparators)]
            pairs = zip(node.ops, terms, terms[1:], strict=False)
            return reduce(np.logical_and, [_COMPARE[type(sign)](left, right) for sign, left, right in pairs])
        case _:
            raise TypeError("an expectation that was not checked")
