"""files -> read -> Run: roots of distances between samples that hold the distance of each to itself, zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source.classes import callee
from wganlint.read.source.guards import keeps_positive
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import operand
from wganlint.source import BareRoot

_SUMS = frozenset({"sum", "reduce_sum"})
_SPREAD = frozenset({"unsqueeze", "view", "reshape", "expand_dims"})


def bare_roots(paths: Paths) -> tuple[BareRoot, ...]:
    """Return the roots of sums of squares of x[:, None] - x[None] that a loss differentiates."""
    found = []
    for node, under in _roots(paths):
        if not paths.idle(node) and _to_itself(under, paths) and paths.trains(node):
            site = paths.project.site(node)
            found.append(BareRoot(site.place, site.quote, site.owner, "itself"))
    return tuple(sorted(found, key=lambda root: root.place))


def _roots(paths: Paths) -> Iterator[tuple[ast.AST, ast.expr]]:
    for call in paths.project.calls:
        under = operand(call)
        if callee(call) in ("sqrt", "sqrt_") and under is not None:
            yield call, under
    for node in paths.project.by_class["BinOp"]:
        match node:
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=0.5)):
                yield node, left


def _to_itself(under: ast.expr, paths: Paths) -> bool:
    """Return whether a sum of squared differences of one tensor with itself stands under a root, and nothing else."""
    home = paths.project.function(under)
    summed = False
    for number, one in enumerate(paths.upstream(under, calls=False)):
        if number > 30 or paths.project.function(one) is not home:
            return False
        if keeps_positive(one, paths) or isinstance(one, ast.Subscript):
            return False
        summed |= isinstance(one, ast.Call) and callee(one) in _SUMS
        if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub):
            left, right = _base(one.left), _base(one.right)
            return summed and left is not None and right is not None and ast.dump(left) == ast.dump(right)
    return False


def _base(node: ast.expr) -> ast.expr | None:
    """Return x of x[:, None], x.unsqueeze(1): a tensor that is spread over a further axis."""
    match node:
        case ast.Subscript(value=value, slice=index) if any(
            isinstance(one, ast.Constant) and one.value is None for one in ast.walk(index)
        ):
            return value
        case ast.Call(func=ast.Attribute(value=value)) if callee(node) in _SPREAD:
            return value
    return None
