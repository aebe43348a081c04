"""files -> read -> Run: code that replaces or skips non-finite values, and what could make them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import NAN, operand
from wganlint.source import NanGuard

_TESTS = frozenset({"isnan", "isfinite", "isinf", "is_nan", "is_finite", "is_inf"})
_SOFT = frozenset({"clamp", "clamp_min", "clip", "maximum", "max", "relu", "softplus", "abs", "square", "nan_to_num",
                   "exp", "softmax", "sigmoid"})  # fmt: skip
_COUNTED = frozenset({"sum", "norm", "std", "var", "bincount", "reduce_sum", "count_nonzero", "reduce_std"})


def guards(paths: Paths) -> tuple[NanGuard, ...]:
    """Return every guard against non-finite values."""
    found: list[NanGuard] = []
    for call in paths.project.calls:
        name = callee(call)
        value = operand(call)
        if name in NAN and value is not None:
            found.append(_guard(call, value, "nan_to_num", paths))
        elif name == "where" and len(call.args) == 3 and _tests(call.args[0]):
            tested = _tested(call.args[0])
            if tested is not None:
                found.append(_guard(call, tested, "where(isnan)", paths))
    for node in paths.project.by_class["Assign"]:
        assert isinstance(node, ast.Assign)
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and _tests(target.slice):
            found.append(_guard(node, target.value, "x[isnan] =", paths))
    for node in paths.project.by_class["If"]:
        assert isinstance(node, ast.If)
        tested = _tested(node.test) if _tests(node.test) and _skips(node.body) else None
        if tested is not None:
            found.append(_guard(node.test, tested, "skip step", paths))
    return tuple(sorted(found, key=lambda guard: guard.place))


def _guard(node: ast.AST, value: ast.expr, call: str, paths: Paths) -> NanGuard:
    site = paths.project.site(node)
    return NanGuard(site.place, site.quote, site.owner, call, _on(node, value, paths), _producer(value, paths))


def _tests(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) and callee(inner) in _TESTS for inner in ast.walk(node))


def _tested(node: ast.AST) -> ast.expr | None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and callee(inner) in _TESTS:
            return operand(inner)
    return None


def _skips(body: list[ast.stmt]) -> bool:
    """Return whether a branch leaves the step: continue, return or an optimizer's zero_grad before them."""
    last = body[-1] if body else None
    if isinstance(last, ast.Return):
        return len(body) <= 4 and (last.value is None or isinstance(last.value, ast.Constant))
    return isinstance(last, ast.Continue)


# -- on what


def _on(node: ast.AST, value: ast.expr, paths: Paths) -> str:
    name = dotted(value).split(".")[-1] if dotted(value) else ""
    if name == "grad" or _is_gradient(value, paths):
        return "gradient"
    if paths.from_gradient(value):
        return "norm"
    if node in paths.score_nodes or paths.is_score(value):
        return "score"
    upstream = paths.critic_values(value)
    low = words.lowered(name)
    if upstream == "score":
        return "score"
    if paths.idle(node) or low & {"metric", "metrics", "fid", "accuracy"} or _is_plain_number(value):
        return "metric"
    if upstream == "loss" or "loss" in low or paths.trains(node):
        return "loss"
    info = paths.project.owner_class(node)
    if info is not None and info.is_network:
        return "features"
    return "other"


def _is_gradient(value: ast.expr, paths: Paths) -> bool:
    """`param.grad` itself, directly or by a local name; a norm of a gradient is not one."""
    return any(
        isinstance(one, ast.Attribute) and one.attr == "grad"
        for one in paths.upstream(value, calls=False, reduce=False)
    )


def _is_plain_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and (callee(value) == "item" or dotted(value.func) == "float")


# -- what could make a NaN


def _producer(value: ast.expr, paths: Paths) -> str:
    """Return the nearest code in the same function that could really make the NaN, or an empty string."""
    home = paths.project.function(value)
    for node in paths.upstream(value, lambda one: _stops(one, paths)):
        if paths.project.function(node) is home and _makes_nan(node, paths):
            return paths.project.text(node)
    return ""


def _stops(node: ast.AST, paths: Paths) -> bool:
    return isinstance(node, ast.Call) and (callee(node) in NAN or paths.roles.learned(node))


def _makes_nan(node: ast.AST, paths: Paths) -> bool:
    match node:
        case ast.BinOp(op=ast.Div(), right=right):
            return _may_be_zero(right, paths)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=float() as power)) if power != int(power):
            return not _kept_positive(left, paths)
        case ast.Call() if callee(node) in ("div", "div_", "true_divide") and node.args:
            return _may_be_zero(node.args[-1], paths)
        case ast.Call() if callee(node) in ("log", "log10", "log2", "sqrt", "rsqrt"):
            value = operand(node)
            return value is not None and not _kept_positive(value, paths) and not _is_plain(node)
    return False


def _is_plain(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and dotted(call.func.value) in ("math", "np")


def _may_be_zero(node: ast.expr, paths: Paths) -> bool:
    """Return whether a tensor divisor can be 0: a sum, a norm, a count, a standard deviation, with nothing added."""
    if any(keeps_positive(one, paths) for one in _ways(node, paths)):
        return False
    for one in _ways(node, paths):
        if isinstance(one, ast.Call) and callee(one) in _COUNTED and not isinstance(one.func, ast.Name):
            return True
        name = one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else ""
        if words.lowered(name) & {"count", "counts", "std", "sigma", "norm", "norms"} and "batch" not in name.lower():
            return not isinstance(one, ast.Name) or not _passed_number(one, paths)
    return False


def _passed_number(name: ast.Name, paths: Paths) -> bool:
    return paths.values.number(name) is not None


def _kept_positive(node: ast.expr, paths: Paths) -> bool:
    return any(keeps_positive(one, paths) for one in _ways(node, paths)) or paths.values.number(node) is not None


def keeps_positive(node: ast.AST, paths: Paths) -> bool:
    """Return whether a node keeps a value away from 0: + eps, clamp(min=...), max(1, ...), a float() of Python."""
    match node:
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return any(_is_small_name(side) or paths.values.number(side) is not None for side in (left, right))
        case ast.Call() if callee(node) in ("add", "add_") and node.args:
            return True
        case ast.Call() if callee(node) in _SOFT - {"square", "abs", "relu"}:
            return True
    return False


def _is_small_name(node: ast.expr) -> bool:
    name = dotted(node).split(".")[-1].lower()
    return "eps" in name or name in ("tiny", "delta", "ε")


def _ways(node: ast.expr, paths: Paths) -> Iterator[ast.AST]:
    """Yield what a divisor is made of within its own function, a few steps back."""
    home = paths.project.function(node)
    for number, one in enumerate(paths.upstream(node, calls=False)):
        if number > 24 or paths.project.function(one) is not home:
            return
        yield one
