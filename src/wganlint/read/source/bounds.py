"""files -> read -> Run: what bounds or rescales the critic's score, and clipped weights."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from msgspec.structs import replace

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.ends import SOFT, ends
from wganlint.read.source.flow import dotted
from wganlint.read.source.gates import gate_of_calls
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths
from wganlint.read.source.project import Project
from wganlint.read.source.steps import CUT, keyword, operand, rest
from wganlint.read.source.values import Number
from wganlint.source import Clamp, Scale, WeightClip

_CLAMPS = {
    "clamp": "both", "clamp_": "both", "clip": "both", "clip_": "both", "clip_by_value": "both", "hardtanh": "both",
    "hardtanh_": "both", "clamp_min": "low", "clamp_min_": "low", "clamp_max": "high", "clamp_max_": "high",
    "relu6": "six",
}  # fmt: skip
_AT_ZERO = frozenset({"sqrt", "rsqrt", "log", "log2", "log10", "log1p", "reciprocal", "div", "divide", "true_divide"})
_SMALL = 1e-3
_BATCH = frozenset({"batch", "bsz", "bs", "batchsize", "events", "samples", "minibatch"})
_RUNNING = frozenset({"running", "ema", "avg", "average", "momentum", "moving", "history"})


def weight_clips(paths: Paths) -> tuple[WeightClip, ...]:
    """Return clamps of parameters."""
    found = []
    for call in _clamp_calls(paths.project):
        if _on_weights(call, paths.project):
            low, high = _bounds(call, paths)
            bound = high or low
            site = paths.project.site(call)
            number = abs(bound.value) if bound else None
            names, only = bound.resolved if bound else "", gate_of_calls(call, paths.project)
            found.append(WeightClip(site.place, site.quote, site.owner, number, names, only))
    return tuple(found)


def clamps(paths: Paths, losses: Losses) -> tuple[Clamp, ...]:
    """Return every hard or soft bound with what it bounds."""
    found: dict[ast.AST, Clamp] = {}
    for call in _clamp_calls(paths.project):
        if not _on_weights(call, paths.project):
            low, high = _bounds(call, paths)
            if high is None and _is_epsilon(call, low, paths.project):
                continue
            found[call] = _clamp(call, operand(call), low, high, False, paths)
    for call in _pairs(paths.project):
        low, high, value = _pair_bounds(call, paths)
        if value is not None:
            found[call] = _clamp(call, value, low, high, False, paths)
    for end in ends(paths, losses):
        on = "floor" if end.kind == "relu" else "score"
        clamp = _clamp(end.call, None, end.low, end.high, end.kind in SOFT, paths, on)
        found[end.call] = replace(clamp, call=end.kind, gate=end.gate, network=end.network, inner=end.inner)
    return tuple(sorted(found.values(), key=lambda clamp: clamp.place))


def _clamp(
    call: ast.expr, value: ast.expr | None, low: Number | None, high: Number | None, soft: bool, paths: Paths,
    on: str = "",
) -> Clamp:  # fmt: skip
    site = paths.project.site(call)
    names = list(dict.fromkeys(number.resolved for number in (low, high) if number is not None and number.names))
    on = on or (_on(call, value, paths) if isinstance(call, ast.Call) else "other")
    name = callee(call)
    return Clamp(
        site.place, site.quote, site.owner, on,
        low.value if low and math.isfinite(low.value) else None,
        high.value if high and math.isfinite(high.value) else None,
        soft, name, "; ".join(names),
    )  # fmt: skip


def _is_epsilon(call: ast.Call, low: Number | None, project: Project) -> bool:
    """Whether a small lower bound keeps a root, a logarithm or a division away from 0; that is no bound of a score."""
    if low is None or not 0 <= low.value <= _SMALL:
        return False
    around = project.parents.get(call)
    if isinstance(around, ast.Attribute):  # a method of what was bounded
        return around.attr in _AT_ZERO
    if isinstance(around, ast.Call):
        return call in around.args and callee(around) in _AT_ZERO
    return isinstance(around, ast.BinOp) and isinstance(around.op, ast.Div) and around.right is call


def _clamp_calls(project: Project) -> Iterator[ast.Call]:
    for call in project.calls:
        if callee(call) not in _CLAMPS or operand(call) is None:
            continue
        if isinstance(call.func, ast.Name) and project.targets(call):
            continue
        yield call


def _bounds(call: ast.Call, paths: Paths) -> tuple[Number | None, Number | None]:
    values = paths.values
    kind = _CLAMPS[callee(call)]
    if kind == "six":
        return Number(0.0), Number(6.0)
    args = rest(call)
    low = keyword(call, "min", "a_min", "min_val", "clip_value_min", "amin")
    high = keyword(call, "max", "a_max", "max_val", "clip_value_max", "amax")
    if kind == "low":
        low = low or (args[0] if args else None)
    elif kind == "high":
        high = high or (args[0] if args else None)
    else:
        low = low or (args[0] if args else None)
        high = high or (args[1] if len(args) > 1 else None)
    if callee(call).startswith("hardtanh") and low is None and high is None:
        return Number(-1.0), Number(1.0)
    return values.number(low), values.number(high)


# -- what is bounded


def _on(call: ast.Call, value: ast.expr | None, paths: Paths) -> str:
    if value is None or paths.idle(call) or _read_out(value, paths):
        return "other"
    if call in paths.score_nodes:
        return "score"
    if paths.from_gradient_norm(value):
        return "norm"
    if paths.is_hinge(call, value):
        return "other"
    upstream = paths.critic_values(value)
    if upstream == "score":
        return "score"
    if upstream == "loss" and paths.trains(call):
        return "loss"
    inside = "critic" in paths.roles.parts_of(paths.project.owner_class(call))
    return "features" if inside and paths.from_layer(value) and paths.feeds_layer(call) else "other"


def _read_out(value: ast.expr, paths: Paths) -> bool:
    """Return whether a value is a number or a copy that was taken out of the graph before it is bounded."""

    def stop(one: ast.AST) -> bool:
        return isinstance(one, ast.Call) and (callee(one) in CUT or bool(paths.roles.call_part(one)))

    return any(isinstance(one, ast.Call) and callee(one) in CUT for one in paths.upstream(value, stop))


def _on_weights(call: ast.Call, project: Project) -> bool:
    """`p.data.clamp_(-c, c)` with p from a loop over parameters(), or a weight by name."""
    value = operand(call)
    if isinstance(value, ast.Attribute) and value.attr == "data":
        value = value.value
    if isinstance(value, ast.Attribute) and value.attr in ("weight", "bias"):
        return callee(call).endswith("_")
    if _assigned(call, project):
        return True
    if not isinstance(value, ast.Name):
        return False
    for binding in project.holds(value):
        if binding.how == "each" and _walks_parameters(binding.value):
            return True
        if isinstance(binding.value, ast.Call) and binding.value is not call and callee(binding.value) in _CLAMPS:
            inner = operand(binding.value)
            if isinstance(inner, ast.Name) and inner is not value and _each_parameter(inner, project):
                return True
    return False


def _assigned(call: ast.Call, project: Project) -> bool:
    """p.assign(clip(p, -c, c)) for p in theta_D; weights = [clip(w, -c, c) for w in weights]; set_weights(weights)."""
    value = operand(call)
    if not isinstance(value, ast.Name):
        return False
    each = [binding.value for binding in project.holds(value) if binding.how == "each"]
    names = {word for one in each for node in ast.walk(one) if isinstance(node, ast.Name | ast.Attribute)
             for word in words.lowered(dotted(node).split(".")[-1] or getattr(node, "attr", ""))}  # fmt: skip
    weights = bool(names & {"weights", "theta", "vars", "variables", "params", "parameters", "weight"})
    for parent, _ in project.around(call):
        if isinstance(parent, ast.Call) and callee(parent) in ("assign", "set_weights", "set_value", "assign_"):
            return bool(each) or weights
        if isinstance(parent, ast.ListComp):
            return weights
    return weights and isinstance(project.parents.get(call), ast.Assign)


def _each_parameter(name: ast.Name, project: Project) -> bool:
    return any(binding.how == "each" and _walks_parameters(binding.value) for binding in project.holds(name))


def _walks_parameters(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and callee(inner) in ("parameters", "named_parameters"):
            return True
        if isinstance(inner, ast.Attribute) and inner.attr in ("trainable_variables", "trainable_weights", "weights"):
            return True
    return False


# -- min(max(x, low), high)


def _pairs(project: Project) -> Iterator[ast.Call]:
    for call in project.calls:
        inner = _inner_pair(call)
        if inner is not None and {callee(call), callee(inner)} in ({"minimum", "maximum"}, {"min", "max"}):
            yield call


def _inner_pair(call: ast.Call) -> ast.Call | None:
    if callee(call) not in ("minimum", "maximum", "min", "max") or len(call.args) != 2:
        return None
    return next((arg for arg in call.args if isinstance(arg, ast.Call) and len(arg.args) == 2), None)


def _pair_bounds(call: ast.Call, paths: Paths) -> tuple[Number | None, Number | None, ast.expr | None]:
    inner = _inner_pair(call)
    if inner is None:
        return None, None, None
    outer_bound = next((number for arg in call.args if arg is not inner and (number := paths.values.number(arg))), None)
    bounds = [(arg, paths.values.number(arg)) for arg in inner.args]
    inner_bound = next((number for _, number in bounds if number), None)
    value = next((arg for arg, number in bounds if number is None), None)
    low_first = callee(inner) in ("maximum", "max")
    return (inner_bound, outer_bound, value) if low_first else (outer_bound, inner_bound, value)


# -- scales


def scales(paths: Paths) -> tuple[Scale, ...]:
    """Return divisions of the critic's score by something that depends on the batch."""
    found = []
    for node in paths.score_nodes:
        divisor = _divisor(node)
        kind = _kind_of_divisor(divisor, paths) if divisor is not None else ""
        if divisor is not None and kind:
            site = paths.project.site(node)
            found.append(Scale(site.place, site.quote, site.owner, paths.project.text(divisor), kind))
    return tuple(sorted(found, key=lambda scale: scale.place))


def _divisor(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.BinOp(op=ast.Div(), right=right):
            return right
        case ast.Call() if callee(node) in ("div", "div_", "true_divide", "divide"):
            args = rest(node)
            return args[0] if args else None
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            for side in (left, right):
                if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Div) and isinstance(side.left, ast.Constant):
                    return side.right
    return None


def _kind_of_divisor(node: ast.expr, paths: Paths, depth: int = 4) -> str:
    """ "batch" for sizes of the batch, "running" for statistics of scores; empty for anything else."""
    for inner in ast.walk(node):
        match inner:
            case ast.Subscript(value=ast.Attribute(attr="shape"), slice=index) if not _is_zero(index):
                return ""  # the number of features, not of samples
            case ast.Name() | ast.Attribute():
                name = inner.id if isinstance(inner, ast.Name) else inner.attr
                low = words.lowered(name)
                if low & _RUNNING:
                    return "running"
                if low & _BATCH and not low & {"mean", "std"}:
                    return "batch"
                if depth and isinstance(inner.ctx, ast.Load):
                    for binding in paths.project.holds(inner):
                        if binding.how == "is" and isinstance(binding.value, ast.expr):
                            kind = _kind_of_divisor(binding.value, paths, depth - 1)
                            if kind:
                                return kind
            case ast.Call() if _is_batch_size(inner):
                return "batch"
            case ast.Call() if callee(inner) in ("std", "mean", "max", "norm"):
                value = operand(inner)
                if isinstance(value, ast.Call) and callee(value) == "abs":
                    value = operand(value)
                if value is not None and paths.is_score(value):
                    return "running"
            case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant(value=0)):
                return "batch"
    return ""


def _is_zero(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and index.value == 0


def _is_batch_size(call: ast.Call) -> bool:
    name = callee(call)
    if name == "len" and isinstance(call.func, ast.Name):
        return True
    return (
        name == "size" and len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and (call.args[0].value == 0)
    )
