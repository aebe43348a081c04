"""files -> read -> Run: the labels of Keras' train_on_batch: which of real, fake and generated samples get the same."""

from __future__ import annotations

import ast
from collections import defaultdict

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.paths import Paths
from wganlint.read.source.trained import last_name
from wganlint.source import SignFault

_COMBINED = frozenset({"combined", "gan", "adversarial", "stacked"})


def label_faults(paths: Paths) -> tuple[SignFault, ...]:
    """Return calls that train a generator, through a frozen critic, toward the label that the critic learns for fakes.

    Only labels that are plain arrays of one number count (ones, zeros, -ones); several outputs are left out.
    """
    by_scope: dict[ast.AST, list[ast.Call]] = defaultdict(list)
    for call in paths.project.calls:
        if callee(call) == "train_on_batch" and isinstance(call.func, ast.Attribute) and len(call.args) == 2:
            by_scope[paths.project.scope(call)].append(call)
    found: list[SignFault] = []
    for calls in by_scope.values():
        found += _of_scope(calls, paths)
    return tuple(found)


def _of_scope(calls: list[ast.Call], paths: Paths) -> list[SignFault]:
    labels: dict[str, set[float | None]] = {"real": set(), "fake": set()}
    shown: ast.Call | None = None
    trained: list[ast.Call] = []
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        name = last_name(call.func.value)
        if words.lowered(name) & _COMBINED:
            trained.append(call)
        elif words.part_of(name) == "critic":
            side = paths.roles.side(call.args[0]) or "real"  # a batch of a loader; what is made is told by its maker
            if side not in labels:
                return []
            labels[side].add(_label(call.args[1], paths))
            shown = call if side == "fake" else shown
    real, fake = labels["real"], labels["fake"]
    if len(real) != 1 or len(fake) != 1 or None in real | fake or real == fake or shown is None:
        return []
    faults = []
    for call in trained:
        label = _label(call.args[1], paths)
        if label is not None and {label} == fake:
            site = paths.project.site(call)
            mark = (paths.project.site(shown), "the label that the critic learns for fakes")
            up = label > max(value for value in real if value is not None)
            text, rival = paths.project.text(call), paths.project.text(shown)
            faults.append(
                SignFault(site.place, site.quote, site.owner, "along", "generator", text, rival, up, (mark,))
            )  # fmt: skip
    return faults


def _label(node: ast.expr, paths: Paths, depth: int = 6) -> float | None:
    number = paths.values.number(node)
    if number is not None or depth <= 0:
        return number.value if number is not None else None
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = _label(inner, paths, depth - 1)
            return -value if value is not None else None
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            first, second = _label(left, paths, depth - 1), _label(right, paths, depth - 1)
            return first * second if first is not None and second is not None else None
        case ast.Call() if callee(node) in ("ones", "ones_like"):
            return 1.0
        case ast.Call() if callee(node) in ("zeros", "zeros_like"):
            return 0.0
        case ast.Name() | ast.Attribute():
            held = paths.project.holds(node)
            if len(held) == 1 and held[0].how == "is" and held[0].item is None and isinstance(held[0].value, ast.expr):
                return _label(held[0].value, paths, depth - 1)
    return None
