"""files -> read -> Run: what single operations do to a value: pass it on, reshape it, reduce it, or end it."""

from __future__ import annotations

import ast

from wganlint.read.source.classes import LIBRARIES, callee
from wganlint.read.source.flow import LIBRARY, dotted
from wganlint.read.source.words import listed

SHAPE = listed(
    "view reshape squeeze unsqueeze flatten expand expand_as permute transpose contiguous clone to cuda cpu float "
    "double half type type_as repeat t view_as requires_grad_ Variable ravel squeeze_ unsqueeze_ astype "
    "bfloat16 as_tensor convert_to_tensor cast identity broadcast_to narrow split chunk gather index_select "
    "repeat_interleave retain_grad copy reshape_as swapaxes rearrange unbind numpy from_numpy tensor asarray array"
)
CUT = frozenset({"detach", "detach_", "stop_gradient", "item", "numpy", "tolist"})
VALUE = listed(
    "nan_to_num nan_to_num_ clamp clamp_ clip clip_ clamp_min clamp_max clamp_min_ clamp_max_ clip_by_value hardtanh "
    "hardtanh_ relu6 div mul add sub div_ mul_ add_ sub_ neg divide multiply subtract true_divide tanh "
    "sigmoid softsign hardsigmoid hard_sigmoid softplus relu leaky_relu elu abs minimum maximum where lerp square pow "
    "sqrt exp log log10 log1p expm1 exp2 rsqrt dropout cat concat concatenate stack sign reciprocal float_power "
    "power round floor ceil trunc long int softmax log_softmax round_ floor_ ceil_ rint"
)
REDUCE = listed("mean sum reduce_mean reduce_sum logsumexp amax amin max min nanmean nansum norm vector_norm")
SCATTER = listed(
    "scatter_reduce scatter_reduce_ scatter scatter_ scatter_add scatter_add_ index_add index_add_ index_put "
    "index_put_ index_copy index_copy_ index_reduce index_reduce_ masked_scatter scatter_max scatter_mean"
)
FILLING = frozenset({"masked_fill", "masked_fill_"})
NAN = frozenset({"nan_to_num", "nan_to_num_"})
MANY = frozenset({"cat", "concat", "concatenate", "stack"})
TWO = frozenset({"minimum", "maximum", "add", "sub", "subtract", "lerp", "add_", "sub_"})
ROUND = frozenset({"round", "floor", "ceil", "trunc", "rint", "round_", "floor_", "ceil_"})
_PASSING = SHAPE | CUT | VALUE | REDUCE | SCATTER | FILLING


def operand(call: ast.Call) -> ast.expr | None:
    """Return the value a call works on: the receiver of a method, the first argument of a library function."""
    func = call.func
    library = getattr(call, LIBRARY, False) or dotted(func).split(".")[0] in LIBRARIES
    if isinstance(func, ast.Attribute) and not library:
        return func.value
    if call.args:
        return call.args[0]
    for keyword in call.keywords:
        if keyword.arg in ("input", "x", "inputs", "a"):
            return keyword.value
    return None


def rest(call: ast.Call) -> list[ast.expr]:
    """Return the positional arguments after the operand."""
    first = operand(call)
    return [arg for arg in call.args if arg is not first]


def keyword(call: ast.Call, *names: str) -> ast.expr | None:
    """Return a keyword argument by any of its names."""
    return next((known.value for known in call.keywords if known.arg in names), None)


def passes(node: ast.AST, *, many: bool = True, reduce: bool = True) -> list[ast.expr]:
    """Return the sub-expressions whose value goes through a node elementwise or by reshaping; none where it ends.

    Divisors, exponents, indices and conditions are not the value. `many`: a concatenation passes its parts.
    """
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return [left, right]
        case ast.BinOp(left=left, op=ast.Div() | ast.FloorDiv()):
            return [left]
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return [right] if isinstance(left, ast.Constant) else [left]
        case ast.UnaryOp(operand=inner):
            return [inner]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return [value]
        case ast.Subscript(value=value):
            return [value]
        case ast.Attribute(value=value, attr="data" | "T" | "values" | "mT"):
            return [value]
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            return [part]
        case ast.Call():
            return _passes_call(node, many, reduce)
    return []


def _passes_call(call: ast.Call, many: bool, reduce: bool) -> list[ast.expr]:
    name = callee(call)
    if name not in _PASSING or (name in REDUCE and not reduce):
        return []
    first = operand(call)
    if name in MANY:
        parts = first.elts if isinstance(first, ast.List | ast.Tuple) else [first] if first is not None else []
        return parts if many else []
    if name == "where":
        return list(call.args[1:]) if first is call.args[0] else [first, *call.args[1:2]] if first else []
    if name in ("pow", "float_power", "power") and first is not None and isinstance(first, ast.Constant):
        return rest(call)[:1]
    if name in ("float", "int", "round", "abs", "max", "min", "sum") and isinstance(call.func, ast.Name):
        return list(call.args) if name in ("max", "min") else list(call.args[:1])
    if name in TWO and first is not None:
        return [first, *rest(call)[:1]]
    if name in SCATTER and first is not None:
        return [first, *rest(call)[2:3]]
    return [first] if first is not None else []
