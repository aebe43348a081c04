"""files -> read -> Run: whether a layer is certainly made, or only under a condition that the files do not tell."""

from __future__ import annotations

import ast
from collections.abc import Callable

from wganlint.read.source.classes import Function
from wganlint.read.source.project import Project

NEVER = "never"


def gate(node: ast.AST, project: Project) -> str:
    """Return an empty string where a node is certainly run, NEVER where it certainly is not, else the condition.

    The conditions around it count, up to its function; names of parameters are followed to what the files pass.
    """
    home = project.function(node)
    tests: list[tuple[ast.expr, bool]] = []
    for parent, child in project.around(node):
        if isinstance(parent, ast.If):
            if child in parent.body or child in parent.orelse:
                tests.append((parent.test, child in parent.body))
        elif isinstance(parent, ast.IfExp) and child is not parent.test:
            tests.append((parent.test, child is parent.body))
    if not tests:
        return ""
    verdicts = [_truth(test, project, home) for test, _ in tests]
    wanted = [
        None if not values else any(value is side for value in values)
        for values, (_, side) in zip(verdicts, tests, strict=True)
    ]
    if all(wanted):
        return ""
    if any(one is False for one in wanted):
        return NEVER
    return next(project.text(test) for (test, _), one in zip(tests, wanted, strict=True) if one is None)


def _truth(test: ast.expr, project: Project, home: Function | None) -> frozenset[bool]:
    """Return the values that a test takes over the calls of its function; empty where one is not told."""
    calls: list[ast.Call | None] = list(project.callers.get(home, ())) if home is not None else []
    found: set[bool] = set()
    for call in calls or [None]:
        value = _value(test, project, call, home)
        if value is None:
            return frozenset()
        found.add(bool(value[0]))
    return frozenset(found)


Known = tuple[object] | None  # a value in a box; None: not told


def _value(
    node: ast.AST | None, project: Project, call: ast.Call | None, home: Function | None, depth: int = 6
) -> Known:
    if node is None or depth <= 0:
        return None

    def of(one: ast.AST | None) -> Known:
        return _value(one, project, call, home, depth - 1)

    match node:
        case ast.Constant(value=value):
            return (value,)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            known = of(inner)
            return None if known is None else (not known[0],)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(op, of(left), of(right))
        case ast.arg():
            return _passed(node, project, call, home, of)
        case ast.Name() | ast.Attribute():
            held = project.holds(node)
            if len(held) == 1 and held[0].how == "is" and held[0].item is None:
                return of(held[0].value)
    return None


def _passed(
    node: ast.arg, project: Project, call: ast.Call | None, home: Function | None, of: Callable[[ast.AST | None], Known]
) -> Known:
    function = project.function_of(node)
    if function is None:
        return None
    if call is not None and function is home:
        for parameter, value in project.passed(call, function):
            if parameter is node:
                return of(value)
        if any(isinstance(arg, ast.Starred) for arg in call.args) or any(known.arg is None for known in call.keywords):
            return None
        return of(project.default(node))
    values = [of(value) for value in project.arguments(node)]
    if not values:
        return of(project.default(node))
    return values[0] if all(value == values[0] for value in values) else None


def _compared(op: ast.cmpop, left: Known, right: Known) -> Known:
    if left is None or right is None:
        return None
    match op:
        case ast.Eq() | ast.Is():
            return (left[0] == right[0],)
        case ast.NotEq() | ast.IsNot():
            return (left[0] != right[0],)
        case ast.Gt() if isinstance(left[0], int | float) and isinstance(right[0], int | float):
            return (left[0] > right[0],)
        case ast.Lt() if isinstance(left[0], int | float) and isinstance(right[0], int | float):
            return (left[0] < right[0],)
    return None


def gate_of_calls(node: ast.AST, project: Project) -> str:
    """Return the condition of a node, or else that of the calls of its function, one step up."""
    own = gate(node, project)
    home = project.function(node)
    if own or home is None:
        return own
    gates = [gate(call, project) for call in project.callers.get(home, ())]
    return next((one for one in gates if one), "") if gates and all(gates) else ""
