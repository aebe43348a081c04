"""files -> read -> Run: large constants that stand for missing values, and whether a network gets to see them."""

from __future__ import annotations

import ast
import math
import re

from msgspec import Struct, field

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.layers import constructors, first_norm, kind_of_call, normalizes, type_of
from wganlint.read.source.networks import class_layers
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import FILLING, NAN, SCATTER, SHAPE, keyword, operand, rest
from wganlint.source import Fill, Layer, Site

LARGE = 1e4
_NINES = re.compile(r"9{3,}")  # 999 and 9999 stand for "missing" in tables of data
_MASKING = words.listed(
    "softmax log_softmax logsumexp argmax argmin topk sort argsort cross_entropy Categorical "
    "gumbel_softmax sigmoid tanh scaled_dot_product_attention multi_head_attention_forward cummax "
    "Softmax softmin exp sparsemax isinf isneginf"
)
_MEANS = frozenset({"mean", "sum", "reduce_mean", "reduce_sum", "nanmean"})
_ON = words.listed(
    "scatter_reduce scatter_reduce_ amax amin max min cat concat stack concatenate maximum minimum add "
    "sub add_ sub_ mul div neg abs values to_dense reduce_max where index_fill index_fill_ pad roll "
    "view_as_real masked_fill masked_fill_ nan_to_num nan_to_num_ dropout"
)
_RESET = words.listed(
    "fill_ zero_ copy_ normal_ uniform_ random_ shape size numel dim device dtype ndim new_zeros "
    "new_ones isnan all any item detach_ zeros_like ones_like full_like new_full rand_like"
)
_GUARDS = frozenset({"isfinite", "masked_select", "nonzero"})


class _Reach(Struct):
    found: dict[str, ast.AST] = field(default_factory=dict)  # how -> where, first found
    before: dict[ast.AST, ast.AST] = field(default_factory=dict)
    norm: ast.Call | Layer | None = None
    pure: set[ast.AST] = field(default_factory=set)  # still the constant alone, not mixed with data

    def note(self, how: str, node: ast.AST) -> None:
        self.found.setdefault(how, node)


def fills(paths: Paths) -> tuple[Fill, ...]:
    """Return every large fill value with what sees it."""
    found: list[Fill] = []
    project = paths.project
    for call in project.calls:
        constant = _constant(call, paths)
        if constant is not None and math.isnan(constant) is False:
            found.append(_fill(call, constant, callee(call), call, paths))
    for node in project.by_class["Assign"]:
        assert isinstance(node, ast.Assign)
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and _is_data(target, paths):
            number = paths.values.number(node.value)
            if number is not None and _stands_out(number.value):
                found.append(_fill(node, number.value, "[...] =", node.value, paths))
    return tuple(sorted(found, key=lambda fill: fill.place))


def _is_data(target: ast.Subscript, paths: Paths) -> bool:
    """`scores[~mask] = c` fills; `table["max"] = c` and `limits[0] = c` do not."""
    index = target.slice
    return not (isinstance(index, ast.Constant) or (isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub)))


def _fill(node: ast.AST, value: float, call: str, start: ast.AST, paths: Paths) -> Fill:
    reach = _follow(start, value, paths)
    how = next((known for known in ("network", "masking", "guarded") if known in reach.found), "unknown")
    site = paths.project.site(node)
    steps = _steps(start, reach.found.get(how), reach, paths, site)
    norm = reach.norm if how == "network" else None
    layer = _norm_layer(norm, paths) if isinstance(norm, ast.Call) else norm
    return Fill(site.place, site.quote, site.owner, value, call, how, steps, layer)


def _steps(start: ast.AST, end: ast.AST | None, reach: _Reach, paths: Paths, first: Site) -> tuple[Site, ...]:
    nodes: list[ast.AST] = []
    node = end
    while node is not None and node is not start:
        nodes.append(node)
        node = reach.before.get(node)
    sites: list[Site] = []
    seen = {(first.place.file, first.place.line)}
    for node in reversed(nodes):
        statement = paths.project.statement(node) or node
        head = statement if not isinstance(statement, ast.FunctionDef | ast.For | ast.If | ast.With) else node
        site = paths.project.site(head if hasattr(head, "lineno") else node)
        key = (site.place.file, site.place.line)
        if key not in seen:
            seen.add(key)
            sites.append(site)
    return tuple(sites)


def _constant(call: ast.Call, paths: Paths) -> float | None:
    """Return the constant with which a call fills, or None if it does not fill."""
    name = callee(call)
    args = call.args
    candidates: list[ast.expr | None] = []
    if name in ("full", "full_like", "fill") or name == "new_full":
        candidates = [keyword(call, "fill_value"), *args[1:2]]
    elif name in ("fill_", "fill_diagonal_"):
        candidates = [keyword(call, "value"), *args[:1]]
    elif name in FILLING:
        candidates = [keyword(call, "value"), *args[-1:]]
    elif name in NAN:
        extra = args if operand(call) not in args else args[1:]
        candidates = [keyword(call, "nan"), keyword(call, "posinf"), keyword(call, "neginf"), *extra]
    elif name == "pad":
        candidates = [keyword(call, "value", "constant_values"), *args[3:4]]
    elif name == "where" and len(args) == 3:
        candidates = list(args[1:])
    elif name in ("pad_sequence",):
        candidates = [keyword(call, "padding_value")]
    elif name in SCATTER:
        candidates = [keyword(call, "value"), *args[2:3]]
    elif name in ("scatter", "segment_csr"):
        candidates = [keyword(call, "fill_value")]
    for candidate in candidates:
        number = paths.values.number(candidate)
        if number is not None and _stands_out(number.value):
            return number.value
    return None


def _stands_out(value: float) -> bool:
    """Whether a number is no value of the data itself: very large, or made of nines."""
    return abs(value) >= LARGE or bool(_NINES.fullmatch(f"{abs(value):g}"))


def _follow(start: ast.AST, value: float, paths: Paths) -> _Reach:
    """Run after a filled value until something with weights, a mask or a guard takes it."""
    reach = _Reach()
    if isinstance(start, ast.Call) and callee(start) in ("full", "full_like", "new_full", "fill", "fill_"):
        reach.pure.add(start)
    seen: set[ast.AST] = {start}
    queue = [start]
    assigned = paths.project.parents.get(start)
    if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Subscript):
        for read, _ in paths.project.users(start):
            seen.add(read)
            queue.append(read)
            reach.before[read] = start
    while queue and len(seen) < 300:
        node = queue.pop(0)
        for after, how in paths.onward(node):
            if after in seen:
                continue
            reach.before.setdefault(after, node)
            if node in reach.pure and (how != "into" or not isinstance(after, ast.Call) or callee(after) in SHAPE):
                reach.pure.add(after)
            if how != "into" or _survives(node, after, value, reach, paths):
                seen.add(after)
                queue.append(after)
    return reach


def _survives(node: ast.AST, after: ast.AST, value: float, reach: _Reach, paths: Paths) -> bool:
    match after:
        case ast.BinOp():
            return _survives_arithmetic(node, after, reach)
        case ast.UnaryOp(op=op):
            return isinstance(op, ast.USub)
        case ast.Subscript(value=base, slice=index):
            if base is not node:
                return False
            if _is_mask(index):
                reach.note("guarded", after)
                return False
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return node in (body, orelse)
        case ast.Tuple() | ast.List() | ast.Starred() | ast.NamedExpr():
            return True
        case ast.Attribute(attr=name):
            return name not in _RESET or name == "detach_"
        case ast.Call():
            return _survives_call(node, after, value, reach, paths)
    return False


def _survives_arithmetic(node: ast.AST, after: ast.BinOp, reach: _Reach) -> bool:
    other = after.right if after.left is node else after.left
    if isinstance(after.op, ast.Mult) and _is_mask(other):
        reach.note("guarded", after)
        return False
    if isinstance(after.op, ast.Div | ast.Mod | ast.FloorDiv | ast.Pow):
        return after.left is node
    return isinstance(after.op, ast.Add | ast.Sub | ast.Mult)


def _survives_call(node: ast.AST, call: ast.Call, value: float, reach: _Reach, paths: Paths) -> bool:
    name = callee(call)
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    first = operand(call)
    if name in _RESET:
        return False
    kind = kind_of_call(call, paths.project)
    part = paths.roles.call_part(call)
    if kind == "norm" and node in call.args:
        reach.norm = reach.norm or _made(call, paths)
        return True
    if (kind == "learned" or part) and (node in call.args or any(k.value is node for k in call.keywords)):
        if reach.norm is None and "network" not in reach.found:
            reach.norm = _entry_norm(call, paths)
        reach.note("network", call)
        return False
    if kind == "plain":
        made = _made(call, paths)
        if made is not None and callee(made) in ("Softmax", "Sigmoid", "Tanh", "LogSoftmax"):
            reach.note("masking", call)
            return False
        return True
    if name in _MASKING:
        reach.note("masking", call)
        return False
    if name in _GUARDS or _guards(node, call, value, reach, paths):
        reach.note("guarded", call)
        return False
    if name in _MEANS and (first is node or receiver is node):
        if _inside_network(call, paths):
            reach.note("network", call)
        return False
    if name in SCATTER:
        return True
    return name in SHAPE | _ON or name in ("scatter_", "detach")


def _guards(node: ast.AST, call: ast.Call, value: float, reach: _Reach, paths: Paths) -> bool:
    """where(mask, x, other), clamp to a small range, nan_to_num of an infinity, masked_fill of the filled."""
    name = callee(call)
    first = operand(call)
    if name == "where":
        branches = call.args[1:] if len(call.args) == 3 else [first, *call.args[1:]]
        return node in branches and node not in reach.pure
    if name in FILLING and first is node:
        constant = _constant(call, paths)
        return constant is None
    if name in NAN and first is node and math.isinf(value):
        bound = paths.values.number(keyword(call, "neginf" if value < 0 else "posinf"))
        return bound is not None and abs(bound.value) < LARGE
    if name.startswith(("clamp", "clip", "hardtanh")) and first is node:
        numbers = [paths.values.number(arg) for arg in [*rest(call), *(known.value for known in call.keywords)]]
        side = [number.value for number in numbers if number is not None and abs(number.value) < LARGE]
        low = name in ("clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_") if value < 0 else True
        return bool(side) and low
    return False


def _is_mask(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Compare | ast.Invert):
            return True
        name = inner.id if isinstance(inner, ast.Name) else inner.attr if isinstance(inner, ast.Attribute) else ""
        if words.lowered(name) & {"mask", "masks", "valid", "keep", "nonempty", "present", "empty", "isfinite"}:
            return True
    return False


def _inside_network(node: ast.AST, paths: Paths) -> bool:
    return bool(paths.roles.parts_of(paths.project.owner_class(node)))


def _made(call: ast.Call, paths: Paths) -> ast.Call | None:
    made = constructors(call.func, paths.project) if not isinstance(call.func, ast.Call) else [call.func]
    return made[0] if made else None


def _entry_norm(call: ast.Call, paths: Paths) -> ast.Call | Layer | None:
    """Return the first normalizing layer of the network that a value enters."""
    for constructor in constructors(call.func, paths.project):
        norm = first_norm(constructor, paths.project)
        if norm is not None:
            return norm
        for known in paths.project.definitions(constructor.func):
            if isinstance(known, ast.ClassDef):
                layers = class_layers(paths.project.classes[known], paths.project, paths.roles)
                found = next((layer for layer in layers if layer.normalizes), None)
                if found is not None:
                    return found
    return None


def _norm_layer(call: ast.Call, paths: Paths) -> Layer:
    site = paths.project.site(call)
    info = paths.project.owner_class(call)
    if info is not None:
        for layer in class_layers(info, paths.project, paths.roles):
            if layer.place == site.place:
                return layer
    kind = type_of(call, paths.project)
    return Layer(site.place, site.quote, site.owner, "", kind, normalizes(kind), False)
