"""files -> read -> Run: tests of losses beside which a program warns, and the range that they call normal."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.paths import Paths
from wganlint.source import Alarm

_WARNS = frozenset({"print", "warning", "warn", "error", "critical", "append", "log", "info", "write", "echo", "secho"})
_BECAUSE = re.compile(
    r"(?:due to|because of|from|by|at)(?: the)? (?:hard )?(?:score )?(?:clamp|clip)\w*|clamped at", re.I
)
_ABOVE = 6  # lines before a test that are looked at for a comment


def alarms(paths: Paths) -> tuple[Alarm, ...]:
    """Return every warning on a loss or score with the range that it lets pass."""
    found = []
    for node in paths.project.by_class["If"]:
        assert isinstance(node, ast.If)
        if not _warns(node.body):
            continue
        low, high, value = _range(node.test, paths)
        if value is not None and (low is not None or high is not None):
            site = paths.project.site(node.test)
            why = _reason(node, paths)
            found.append(Alarm(site.place, site.quote, site.owner, low, high, paths.project.text(value), why))
    return tuple(sorted(found, key=lambda alarm: alarm.place))


def _warns(body: list[ast.stmt]) -> bool:
    for statement in body[:4]:
        for node in ast.walk(statement):
            if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and callee(node) in _WARNS):
                return True
    return False


def _range(test: ast.expr, paths: Paths) -> tuple[float | None, float | None, ast.expr | None]:
    """Return (low, high, value) of `x < low or x > high`: what makes no warning lies between."""
    low: float | None = None
    high: float | None = None
    value: ast.expr | None = None
    for side, above, level in _sides(test, paths):
        if value is not None and ast.dump(side) != ast.dump(value):
            return None, None, None
        value = side
        if above:
            high = level
        else:
            low = level
    return low, high, value


def _sides(test: ast.expr, paths: Paths) -> Iterator[tuple[ast.expr, bool, float]]:
    """Yield (value, it warns above, level) of each comparison with a number that an `or` joins."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=parts):
            for part in parts:
                yield from _sides(part, paths)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left=left, ops=[_, _], comparators=[middle, right])):
            low, high = paths.values.number(left), paths.values.number(right)
            if low and high and _is_loss(middle, paths):
                yield middle, False, low.value
                yield middle, True, high.value
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            number, value = paths.values.number(right), left
            above = isinstance(op, ast.Gt | ast.GtE)
            if number is None:
                number, value, above = paths.values.number(left), right, isinstance(op, ast.Lt | ast.LtE)
            if number and isinstance(op, ast.Gt | ast.GtE | ast.Lt | ast.LtE) and _is_loss(value, paths):
                yield value, above, number.value


def _is_loss(node: ast.expr, paths: Paths) -> bool:
    for number, one in enumerate(paths.upstream(node)):
        name = one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else ""
        low = words.lowered(name)
        if low & {"loss", "losses", "score", "scores"} and not low & {"time", "epoch", "step", "scale"}:
            return True
        if number > 12:
            return False
    return False


def _reason(node: ast.If, paths: Paths) -> str:
    code = paths.project.code(node)
    for line in range(max(0, node.lineno - 1 - _ABOVE), min(len(code.lines), node.lineno + 1)):
        _, mark, comment = code.lines[line].partition("#")
        if mark and _BECAUSE.search(comment) and words.lowered(comment) & {"loss", "g", "c", "d", "score", "losses"}:
            return comment.strip()
    return ""
