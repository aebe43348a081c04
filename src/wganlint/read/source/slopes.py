"""files -> read -> Run: what a penalty does to the critic's slope: norm, target, masks, and the way to a loss."""

from __future__ import annotations

import ast

from msgspec import Struct

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.guards import keeps_positive
from wganlint.read.source.paths import FAR, Paths, is_gradient
from wganlint.read.source.steps import CUT, NAN, keyword, operand, passes, rest
from wganlint.source import Site, SlopeNorm

_NORMS = frozenset({"norm", "vector_norm"})
_SUMS = frozenset({"sum", "reduce_sum", "nansum"})
_SQUARES = frozenset({"square", "pow", "square_", "pow_", "abs_squared"})
_FLAT = frozenset({"view", "reshape", "flatten", "Flatten", "batch_flatten", "rearrange"})
_READ_OUT = words.listed(
    "item float print format round append add_scalar log info debug warning update write add_scalars str tolist numpy "
    "set_postfix set_description scalar log_dict log_metric metric meter add record report isnan isfinite isinf any "
    "all detach cpu"
)
_BACKWARD = words.listed("backward manual_backward minimize apply_gradients gradient scale")
_LIMITS = frozenset({"clamp", "clamp_", "clip", "clip_", "clip_by_value", "clamp_max", "clamp_max_", "minimum",
                     "hardtanh", "clip_by_norm"})  # fmt: skip


class Slope(Struct, frozen=True):
    """What became of one gradient."""

    used: bool | None
    cut: Site | None
    masked: tuple[Site, ...]
    norms: tuple[SlopeNorm, ...]
    rank: int | None  # as the norm's own axes tell it


def slope(call: ast.Call, paths: Paths) -> Slope:
    """Return what a penalty's gradient passes on its way to the loss."""
    reached = [call, *paths.downstream(call, _through)]
    squared = _upto_loss(reached, paths)
    rooted = {total for node in squared for root, total in [_root(node, paths)] if root}
    found = [norm for node in squared if node not in rooted and (norm := _norm(node, paths)) is not None]
    used, cut = _use(call, paths)
    masked = tuple(paths.project.site(node) for node in squared if _masks(node, paths) and _meets_norm(node, paths))
    ranks = [rank for node in squared if (rank := _rank(node, paths)) is not None]
    return Slope(used, cut, masked, tuple(found), max(ranks, default=None))


def _through(before: ast.AST, after: ast.AST) -> bool:
    return before in passes(after) or isinstance(after, ast.Attribute | ast.Subscript | ast.Tuple | ast.List)


def _upto_loss(reached: list[ast.AST], paths: Paths) -> list[ast.AST]:
    """Return the nodes that hold the gradient alone, before a critic's score is added."""

    def stop(one: ast.AST) -> bool:
        return is_gradient(one) or (isinstance(one, ast.Call) and bool(paths.roles.call_part(one)))

    found = []
    for node in reached:
        scored = any(isinstance(one, ast.Call) and paths.roles.call_part(one) for one in paths.upstream(node, stop))
        if not scored:
            found.append(node)
    return found


# -- norms


def _norm(node: ast.AST, paths: Paths) -> SlopeNorm | None:
    """Return the norm that a node takes: x.norm(...), sum of squares with or without a root."""
    root, total = _root(node, paths)
    if isinstance(node, ast.Call) and callee(node) in _NORMS:
        value, dims, bare = operand(node), _norm_dims(node), _is_tensorflow(node)
    elif total is not None:
        value, dims, bare = operand(total), _sum_dims(total), root and not _lifted(node, paths)
    else:
        return None
    if value is None:
        return None
    over = _over(value, dims, paths)
    if over == "axis" and _joined(node, paths):
        over = "unknown"  # a norm of norms: one number for each sample all the same
    site = paths.project.site(node)
    text = "" if dims is None else ", ".join(str(dim) for dim in dims)
    return SlopeNorm(site.place, site.quote, site.owner, over, bare, _target(node, paths, root or total is None), text)


def _root(node: ast.AST, paths: Paths) -> tuple[bool, ast.Call | None]:
    """Return (a root is taken, the sum of squares under it); a sum without root counts where nothing roots it."""
    inner: ast.AST | None = None
    match node:
        case ast.Call() if callee(node) in ("sqrt", "sqrt_", "rsqrt"):
            inner = operand(node)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=0.5)):
            inner = left
        case ast.Call() if callee(node) in ("pow", "pow_") and _half(node):
            inner = operand(node)
    if inner is not None:
        for one in paths.upstream(inner, is_gradient):
            if isinstance(one, ast.Call) and _sums_squares(one, paths):
                return True, one
        return True, None
    if isinstance(node, ast.Call) and _sums_squares(node, paths):
        return False, node
    return False, None


def _half(call: ast.Call) -> bool:
    return any(isinstance(arg, ast.Constant) and arg.value == 0.5 for arg in rest(call))


def _sums_squares(node: ast.AST, paths: Paths) -> bool:
    if not (isinstance(node, ast.Call) and callee(node) in _SUMS):
        return False
    value = operand(node)
    if value is None or not paths.from_gradient(value):
        return False
    for one in paths.upstream(value, is_gradient):
        if isinstance(one, ast.Call) and callee(one) in _NORMS | {"sqrt"}:
            return False  # a sum of norms
        if (isinstance(one, ast.Call) and callee(one) in _SQUARES and not _half(one)) or _is_square(one):
            return True
    return False


def _is_square(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=2 | 2.0)):
            return True
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return ast.dump(left) == ast.dump(right)
    return False


def _norm_dims(call: ast.Call) -> tuple[int, ...] | None:
    given = keyword(call, "dim", "axis", "axes")
    if given is None:
        args = rest(call)
        given = args[1] if len(args) > 1 else None
    return _whole_numbers(given)


def _sum_dims(call: ast.Call) -> tuple[int, ...] | None:
    given = keyword(call, "dim", "axis", "axes", "reduction_indices") or next(iter(rest(call)), None)
    return _whole_numbers(given)


def _whole_numbers(node: ast.expr | None) -> tuple[int, ...] | None:
    """Return the axes, () where they are given and not literal, None where none are given (all at once)."""
    match node:
        case None | ast.Constant(value=None):
            return None
        case ast.Constant(value=int() as value):
            return (value,)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return (-value,)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            inner = [_whole_numbers(part) for part in parts]
            return tuple(one[0] for one in inner if one) if all(inner) else ()
    return ()


def _over(value: ast.expr, dims: tuple[int, ...] | None, paths: Paths) -> str:
    if dims == ():
        return "unknown"
    flat, summed = "", False
    for one in paths.upstream(value, is_gradient):
        if isinstance(one, ast.Call) and callee(one) in _FLAT and not flat:
            flat = _flat(one)
        if isinstance(one, ast.Call) and callee(one) in _SUMS | {"mean", "reduce_mean"} | _NORMS | {"stack", "cat"}:
            summed = True  # the norm of a norm, or of collected parts
        if isinstance(one, ast.ListComp | ast.GeneratorExp | ast.Lambda) or _loops(one, paths):
            return "unknown"
        if isinstance(one, ast.Call) and callee(one) in ("permute", "transpose", "swapaxes", "t", "chunk", "split"):
            return "unknown"
    if summed:
        return "unknown"
    if dims is None:
        return "unknown" if flat == "unknown" else "whole"
    if flat == "unknown" or (flat == "all" and dims):
        return "unknown"
    if flat == "rows":
        return "batch" if dims == (0,) else "sample"
    if dims == (0,):
        return "batch"
    return "axis" if len(dims) == 1 else "sample"


def _flat(call: ast.Call) -> str:
    """Return "rows" for view(B, -1) and flatten(1), "all" for view(-1), "unknown" for other shapes."""
    name = callee(call)
    args: list[ast.expr] = rest(call)
    if name in ("Flatten", "batch_flatten"):
        return "rows"
    if name == "flatten":
        start = keyword(call, "start_dim") or (args[0] if args else None)
        return "rows" if start is not None else "all"
    if len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List):
        args = list(args[0].elts)
    last = _whole_numbers(args[-1]) if args else ()
    if len(args) == 2 and last == (-1,):
        return "rows"
    return "all" if len(args) == 1 and last == (-1,) else "rows" if len(args) == 2 else "unknown"


def _loops(node: ast.AST, paths: Paths) -> bool:
    """Return whether a value is an item of a loop over single samples."""
    return isinstance(node, ast.Name) and any(binding.how == "each" for binding in paths.project.holds(node))


def _rank(node: ast.AST, paths: Paths) -> int | None:
    """Return the number of axes of the gradient that a reduction over several axes, or [:, :, 0, 0], tells."""
    if isinstance(node, ast.Call) and callee(node) in _SUMS | _NORMS:
        value = operand(node)
        if value is None or any(isinstance(o, ast.Call) and callee(o) in _FLAT for o in paths.upstream(value)):
            return None
        dims = _norm_dims(node) if callee(node) in _NORMS else _sum_dims(node)
        return max(dims) + 1 if dims and len(dims) > 1 and min(dims) > 0 else None
    return None


def _is_tensorflow(call: ast.Call) -> bool:
    """tf.norm is sqrt of a sum of squares, with an infinite derivative at 0; torch's norm gives 0 there."""
    return dotted(call.func).split(".")[0] in ("tf", "K", "tensorflow", "jnp")


def _lifted(node: ast.AST, paths: Paths) -> bool:
    """Return whether something positive is added under the root (or inside the sum under it)."""
    inner = operand(node) if isinstance(node, ast.Call) else node.left if isinstance(node, ast.BinOp) else None
    return inner is not None and any(keeps_positive(one, paths) for one in paths.upstream(inner, is_gradient))


def _target(node: ast.AST, paths: Paths, rooted: bool) -> float | None:
    """Return 1 where 1 is subtracted from the norm, 0 where nothing is, None where something unread is."""
    seen = [node]
    for after in paths.downstream(node, _through):
        seen.append(after)
        if isinstance(after, ast.BinOp) and isinstance(after.op, ast.Sub):
            numbers = [paths.values.number(side) for side in (after.left, after.right)]
            return next((number.value for number in numbers if number is not None), None)
        if isinstance(after, ast.Call) and callee(after) in ("mse_loss", "MSELoss", "sub", "subtract"):
            return 1.0 if any(isinstance(o, ast.Call) and "ones" in callee(o) for o in ast.walk(after)) else None
        if isinstance(after, ast.Call) and after in paths.project.calls and not passes(after):
            made = paths.project.definitions(after.func)
            if any(isinstance(one, ast.Call) and callee(one) == "MSELoss" for one in made):
                return 1.0
    return 0.0 if rooted or len(seen) > 1 else None


def _joined(node: ast.AST, paths: Paths) -> bool:
    """Return whether norms are added up over a further axis of a sample before the target is taken from them."""
    for after in paths.downstream(node, _through):
        if isinstance(after, ast.BinOp) and isinstance(after.op, ast.Sub):
            return False
        if isinstance(after, ast.Call) and callee(after) in _SUMS | _NORMS | {"mean", "reduce_mean"}:
            dims = _norm_dims(after) if callee(after) in _NORMS else _sum_dims(after)
            if dims is not None and 0 not in dims:
                return True
    return False


# -- masks


def _masks(node: ast.AST, paths: Paths) -> bool:
    """Return whether a node bounds the slope from above or replaces its NaN: no gradient for the steepest points."""
    if not isinstance(node, ast.Call):
        return False
    name = callee(node)
    if name in NAN:
        return True
    if name not in _LIMITS or paths.idle(node):
        return False
    if name == "minimum":
        return True
    args = rest(node)
    high = keyword(node, "max", "clip_value_max", "a_max")
    if high is None and name in ("clamp_max", "clamp_max_"):
        high = args[0] if args else None
    elif high is None and len(args) > 1:
        high = args[1]
    elif high is None and name == "hardtanh":
        return True
    return high is not None and not (isinstance(high, ast.Constant) and high.value is None)


def _meets_norm(node: ast.AST, paths: Paths) -> bool:
    """Return whether a masked value is a norm already or becomes one; else it is no part of the penalty."""
    if paths.from_gradient_norm(node):
        return True
    return any(_norm(after, paths) is not None for after in paths.downstream(node, _through))


# -- the way to a loss


def _use(call: ast.Call, paths: Paths) -> tuple[bool | None, Site | None]:
    """Return (used, cut): whether a penalty reaches a backward call (None: it leaves the files' sight), and where it
    loses its graph if it gets there only as a number."""
    used, cuts = _reaches(call, paths)
    if used is False:
        for cut in cuts:
            if _reaches(cut, paths)[0]:
                return True, paths.project.site(cut)
    return used, None


def _reaches(start: ast.AST, paths: Paths) -> tuple[bool | None, list[ast.AST]]:
    """Follow a value onwards: to a backward call (True), to print and log calls (False), or out of sight (None)."""
    seen: set[ast.AST] = {start}
    queue: list[ast.AST] = [start]
    unknown, cuts = False, list[ast.AST]()
    while queue and len(seen) < FAR:
        node = queue.pop(0)
        unknown |= _leaves(node, paths)
        for after, how in paths.onward(node):
            if after in seen:
                continue
            seen.add(after)
            if isinstance(after, ast.Attribute) and after.attr == "data":
                cuts.append(after)
                continue
            if how == "into" and isinstance(after, ast.Call):
                name = callee(after)
                if name in _BACKWARD:
                    return True, cuts
                if name in CUT:
                    cuts.append(after)
                if name in _READ_OUT | CUT:
                    unknown |= name in ("append", "add", "update", "report")
                    continue
            queue.append(after)
    return (None if unknown or queue else False), cuts


def _leaves(node: ast.AST, paths: Paths) -> bool:
    """Return whether a value goes where it is not followed: a container, an object, a caller outside the files."""
    parent = paths.project.parents.get(node)
    match parent:
        case ast.Return() | ast.Yield():
            function = paths.project.function(parent)
            return function is not None and not paths.project.callers.get(function)
        case ast.Dict() | ast.Set():
            return True
        case ast.Tuple() | ast.List():
            return not isinstance(paths.project.parents.get(parent), ast.Assign | ast.Return)
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Subscript | ast.Attribute) for target in targets)
    return False
