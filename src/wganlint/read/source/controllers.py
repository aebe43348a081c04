"""files -> read -> Run: branches on the gap of the game: what they change (critic steps, penalty), what they print."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.flow import dotted
from wganlint.read.source.paths import Paths
from wganlint.source import BiasedPrint, Controller

_GAP = words.listed("gap wasserstein wass wdist w_dist wgap w_gap wma w_ma emd w")
_STEPS = words.listed("n_critic critic_steps ncritic d_steps critic_iters n_dis disc_steps cs k_critic d_iters")
_WEIGHT = frozenset(
    [
        "lambda_gp",
        "gp_weight",
        "lambda_",
        "gp_lambda",
        "lam",
        "lambda_term",
        "gp_coef",
        "gp_lam",
        "lambda_gradient_penalty",
    ]
)
_PRINTS = words.listed("print info debug warning write log add_scalar")
_CALM = frozenset({"cooldown", "cool", "patience", "last_change", "last_adapt", "hysteresis", "wait"})


def controllers(paths: Paths) -> tuple[Controller, ...]:
    """Return the branches of an `if` on the gap whose body changes the critic's steps or the penalty's weight."""
    found: list[Controller] = []
    chained: set[ast.AST] = set()
    for node in paths.project.by_class["If"]:
        assert isinstance(node, ast.If)
        if node in chained:
            continue
        branches = list(_branches(node, paths, chained))
        if not branches:
            continue
        strengths = {strength for *_, strength in branches}
        apart = _kept_apart(node, [limit for _, _, _, limit, _ in branches], paths)
        for test, statement, below, limit, strength in branches:
            site = paths.project.site(statement)
            against = below and limit <= 0 and strength < 0
            found.append(
                Controller(
                    site.place, site.quote, site.owner, paths.project.text(test), paths.project.text(statement),
                    against, len(strengths) == 2 and not apart,
                )
            )  # fmt: skip
    return tuple(sorted(found, key=lambda one: one.place))


def biased_prints(paths: Paths) -> tuple[BiasedPrint, ...]:
    """Return the prints of a gap that only happen on one side of a limit of that gap, where nothing else prints it."""
    found: dict[ast.Call, BiasedPrint] = {}
    free: set[str] = set()
    for call in paths.project.calls:
        shown = {dotted(node) for arg in call.args for node in ast.walk(arg) if _speaks(node, _GAP)} - {""}
        if dotted(call.func).rsplit(".", 1)[-1] not in _PRINTS or not shown:
            continue
        held = [p for p, child in paths.project.around(call) if isinstance(p, ast.If) and child in p.body]
        tests = [p.test for p in held if _test(p.test, paths) is not None and not p.orelse]
        names = {dotted(node) for test in tests for node in ast.walk(test)}
        if tests and shown & names:
            site = paths.project.site(call)
            found[call] = BiasedPrint(site.place, site.quote, site.owner, paths.project.text(tests[0]))
        else:
            free |= shown
    biased = [one for call, one in found.items() if not free.intersection(_names(call))]
    return tuple(sorted(biased, key=lambda one: one.place))


def _names(call: ast.Call) -> set[str]:
    return {dotted(node) for arg in call.args for node in ast.walk(arg) if isinstance(node, ast.Name | ast.Attribute)}


def _branches(
    node: ast.If, paths: Paths, chained: set[ast.AST]
) -> Iterator[tuple[ast.expr, ast.stmt, bool, float, int]]:
    """Yield (test, statement, whether it is for a gap below the limit, limit, effect on the critic) of an if-chain."""
    current: ast.stmt | None = node
    while isinstance(current, ast.If):
        chained.add(current)
        told = _test(current.test, paths)
        if told is not None:
            for statement in current.body:
                strength = _effect(statement, paths)
                if strength:
                    yield current.test, statement, *told, strength
        current = current.orelse[0] if len(current.orelse) == 1 else None


def _test(test: ast.expr, paths: Paths) -> tuple[bool, float] | None:
    """Return (the gap is below, limit) of `w_ma < -5.0`, whichever way round it is written."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return next((told for one in test.values if (told := _test(one, paths)) is not None), None)
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return None
    left, right, op = test.left, test.comparators[0], test.ops[0]
    below = isinstance(op, ast.Lt | ast.LtE)
    if not below and not isinstance(op, ast.Gt | ast.GtE):
        return None
    if _speaks(right, _GAP):
        left, right, below = right, left, not below
    limit = paths.values.number(right)
    return (below, limit.value) if limit is not None and _speaks(left, _GAP) else None


def _speaks(node: ast.AST, listed: frozenset[str]) -> bool:
    name = dotted(node).rsplit(".", 1)[-1].lower() if isinstance(node, ast.Name | ast.Attribute) else ""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        name = node.slice.value.lower()
    return bool(name) and (name in listed or bool(words.lowered(name) & listed & _GAP))


def _effect(statement: ast.stmt, paths: Paths) -> int:
    """Return +1 where a statement strengthens the critic, -1 where it weakens it, 0 where neither is sure."""
    match statement:
        case ast.AugAssign(target=target, op=op, value=value):
            number = paths.values.number(value)
            if number is None or not number.value > 0:
                return 0
            up = _raises(op, number.value)
        case ast.Assign(targets=[target], value=value):
            change = value
            if isinstance(value, ast.Call) and dotted(value.func) in ("min", "max", "int") and value.args:
                inner = [arg for arg in value.args if isinstance(arg, ast.BinOp)]
                change = inner[0] if len(inner) == 1 else value
            if not isinstance(change, ast.BinOp) or dotted(change.left) != dotted(target):
                return 0
            number = paths.values.number(change.right)
            if number is None or not number.value > 0:
                return 0
            up = _raises(change.op, number.value)
        case _:
            return 0
    if not up:
        return 0
    if _speaks(target, _STEPS):
        return up
    return -up if _speaks(target, _WEIGHT) else 0


def _raises(op: ast.operator, number: float) -> int:
    match op:
        case ast.Add():
            return 1
        case ast.Sub():
            return -1
        case ast.Mult():
            return 1 if number > 1 else -1 if number < 1 else 0
        case ast.Div() | ast.FloorDiv():
            return -1 if number > 1 else 1 if number < 1 else 0
    return 0


def _kept_apart(node: ast.If, limits: list[float], paths: Paths) -> bool:
    """Return whether a band lies between the tests, or a cooldown is spoken of around them."""
    if len(set(limits)) > 1:
        return True
    around = [node, *(parent for parent, _ in paths.project.around(node) if isinstance(parent, ast.If))]
    names = {name for one in around for part in ast.walk(one.test) for name in words.lowered(dotted(part))}
    return bool(names & _CALM)
