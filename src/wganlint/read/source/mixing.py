"""files -> read -> Run: the points at which a penalty looks: how real and fake are mixed, and their axes."""

from __future__ import annotations

import ast

from msgspec import Struct

from wganlint.read.source.classes import Class, callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import constructors, learns, type_of
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword, operand, rest
from wganlint.source import Site

_DRAWS = frozenset({"rand", "rand_like", "random", "uniform", "uniform_", "random_uniform", "random_sample", "rand_n",
                    "sample"})  # fmt: skip
_MADE = frozenset({"Tensor", "FloatTensor", "tensor", "as_tensor", "from_numpy", "Variable"})
_SPREAD = frozenset({"view", "reshape", "unsqueeze", "expand", "expand_as", "unsqueeze_", "repeat", "expand_dims",
                     "broadcast_to", "view_as"})  # fmt: skip


class Mixing(Struct, frozen=True):
    """How the input of a penalty comes about; `rank` is its number of axes where that is told."""

    kind: str = ""
    site: Site | None = None
    rank: int | None = None


def mixing(call: ast.Call, paths: Paths) -> Mixing:
    """Return how the input that a penalty differentiates by is drawn."""
    inputs = keyword(call, "inputs", "sources") or (call.args[1] if len(call.args) > 1 else None)
    if isinstance(inputs, ast.List | ast.Tuple) and inputs.elts:
        inputs = inputs.elts[0]
    if inputs is None:
        return Mixing()
    nodes = list(paths.upstream(inputs, lambda one: isinstance(one, ast.Call) and bool(paths.roles.call_part(one))))
    rank = _rank_of(nodes, paths)
    unequal = next((one for one in nodes if _unequal(one, paths)), None)
    if unequal is not None:
        return Mixing("unequal", paths.project.site(unequal), rank)
    for node in nodes:
        weight = _weight(node, paths)
        if weight is None:
            continue
        drawn, spread = _draw(weight, paths)
        if drawn is None:
            continue
        kind, axes = _shape(drawn, paths)
        if kind == "vector" and spread:
            kind = "sample"
        return Mixing(kind, paths.project.site(drawn), rank or (axes if axes and axes >= 3 else None))
    return Mixing("", None, rank)


def _rank_of(nodes: list[ast.AST], paths: Paths) -> int | None:
    """Return the axes that the last view or reshape on the way gives."""
    for node in nodes:
        if isinstance(node, ast.Call) and callee(node) in ("view", "reshape") and isinstance(node.func, ast.Attribute):
            args = rest(node)
            if len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List):
                args = list(args[0].elts)
            return len(args) if len(args) >= 2 and not any(isinstance(a, ast.Starred) for a in args) else None
    return None


def _weight(node: ast.AST, paths: Paths) -> ast.expr | None:
    """Return alpha of alpha * real + (1 - alpha) * fake, or of real + alpha * (fake - real)."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub(), left=left, right=right):
            for side in (left, right):
                if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mult):
                    for factor in (side.left, side.right):
                        if _draw(factor, paths)[0] is not None:
                            return factor
        case ast.Call() if callee(node) == "lerp":
            return keyword(node, "weight") or (rest(node)[1] if len(rest(node)) > 1 else None)
    return None


def _draw(node: ast.expr, paths: Paths) -> tuple[ast.Call | None, bool]:
    """Return (the random draw behind a factor, a reshaping or an index with None stands between)."""
    spread = False
    for one in paths.upstream(node, lambda n: isinstance(n, ast.Call) and callee(n) in _DRAWS, calls=False):
        if isinstance(one, ast.Call) and callee(one) in _DRAWS and not paths.project.targets(one):
            return one, spread
        if (
            isinstance(one, ast.Call)
            and callee(one) in _MADE
            and len(one.args) == 1
            and isinstance(one.args[0], ast.Call)
        ):
            return _draw(one.args[0], paths)  # Tensor(np.random.random((n, 1, 1, 1)))
        spread |= isinstance(one, ast.Call) and callee(one) in _SPREAD
        spread |= isinstance(one, ast.Subscript)
        if isinstance(one, ast.BinOp) and not isinstance(one.op, ast.Sub | ast.Mult):
            return None, spread
    return None, spread


def _shape(call: ast.Call, paths: Paths) -> tuple[str, int | None]:
    """Return (kind, number of axes) of a random draw by the sizes that it is given."""
    name = callee(call)
    if name == "rand_like":
        return "element", None
    if name == "uniform_":
        made = operand(call)
        for one in paths.upstream(made, calls=False) if made is not None else ():
            if isinstance(one, ast.Call) and one is not call and callee(one) not in _SPREAD | {"to", "cuda"}:
                return _sizes(list(one.args))
        return "", None
    given = keyword(call, "size", "shape")
    root = dotted(call.func).split(".")[0]
    if given is not None:
        args = [given]
    elif name == "uniform" and root in ("np", "numpy", "random", "rng"):
        args = list(call.args[2:3])
    elif name in ("random_uniform", "uniform"):
        args = list(call.args[:1])
    else:
        args = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
        if len(args) < len(call.args):
            return ("element", None) if _is_shape(call.args[0]) else ("", None)
    return _sizes(args)


def _sizes(args: list[ast.expr]) -> tuple[str, int | None]:
    if len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List):
        args = list(args[0].elts)
        if any(isinstance(arg, ast.Starred) for arg in args):
            return "", None
    if not args:
        return "batch", 0
    if len(args) == 1 and _is_shape(args[0]):
        return "element", None
    ones = [isinstance(arg, ast.Constant) and arg.value in (1, 1.0) for arg in args]
    if all(ones):
        return "batch", len(args)
    if len(args) == 1:
        return ("vector", 1) if _is_size(args[0]) else ("", None)
    return ("sample" if all(ones[1:]) else ""), len(args)


def _is_shape(node: ast.expr) -> bool:
    """x.shape, x.size(), tf.shape(x); behind a star as well."""
    if isinstance(node, ast.Starred):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr == "shape"
    return (
        isinstance(node, ast.Call)
        and callee(node) in ("size", "shape", "int_shape")
        and not (node.args and callee(node) == "size")
    )


def _is_size(node: ast.expr) -> bool:
    """A number of samples: x.size(0), x.shape[0], len(x), batch_size."""
    match node:
        case ast.Subscript(value=ast.Attribute(attr="shape")):
            return True
        case ast.Call():
            return callee(node) in ("size", "len")
        case ast.Name() | ast.Attribute():
            name = dotted(node).lower()
            return any(word in name for word in ("batch", "bs", "num", "len")) or name.split(".")[-1] in ("n", "b")
    return False


def _unequal(node: ast.AST, paths: Paths) -> bool:
    """Alpha * real + alpha * fake: the weights do not add up to 1."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
        return False
    left, right = node.left, node.right
    if not (isinstance(left, ast.BinOp) and isinstance(right, ast.BinOp)):
        return False
    if not (isinstance(left.op, ast.Mult) and isinstance(right.op, ast.Mult)):
        return False
    shared = {ast.dump(left.left), ast.dump(left.right)} & {ast.dump(right.left), ast.dump(right.right)}
    if not shared:
        return False
    weight = next(one for one in (left.left, left.right) if ast.dump(one) in shared)
    sides = [one for one in (left.left, left.right, right.left, right.right) if ast.dump(one) not in shared]
    differ = len(sides) == 2 and {paths.roles.side(one) for one in sides} == {"real", "fake"}
    return differ and _draw(weight, paths)[0] is not None


# -- the axes of what a critic takes


def input_rank(info: Class, paths: Paths) -> int | None:
    """Return the axes of a critic's input: 4 where its first layer is a Conv2d that sees the input as it comes."""
    forward = info.forward()
    if forward is None or len(forward.args.args) < 2:
        return None
    first = forward.args.args[1]
    for read, _ in paths.project.readers.get(first, ()):
        parent = paths.project.parents.get(read)
        if not (isinstance(parent, ast.Call) and read in parent.args):
            return None
        for made in constructors(parent.func, paths.project):
            rank = _first_rank(made, paths)
            if rank is not None:
                return rank
        return None
    return None


def static_rank(call: ast.Call, paths: Paths) -> int | None:
    """Return the axes of what a network of older TensorFlow takes: 4 where its input goes into conv2d as it is."""
    ranks: set[int | None] = set()
    for function in paths.project.targets(call):
        first = next((one for one in function.args.args if one.arg not in ("self", "cls")), None)
        reads = paths.project.readers.get(first, []) if first is not None else []
        for read, _ in reads[:1]:
            parent = paths.project.parents.get(read)
            name = callee(parent).lower() if isinstance(parent, ast.Call) and read in parent.args[:1] else ""
            ranks.add(next((axes + 2 for axes in (1, 2, 3) if f"conv{axes}d" in name), None))
    return ranks.pop() if len(ranks) == 1 else None


def _first_rank(call: ast.Call, paths: Paths, depth: int = 4) -> int | None:
    """Return the axes that the first learned layer behind a constructor takes."""
    kind = type_of(call, paths.project)
    if kind and learns(kind):
        for axes in (1, 2, 3):
            if f"Conv{axes}d" in kind or f"Conv{axes}D" in kind:
                return axes + 2
        return None
    if callee(call) != "Sequential" or not depth:
        return None
    parts = call.args
    if len(parts) == 1 and isinstance(parts[0], ast.List):
        parts = parts[0].elts
    for part in parts:
        if isinstance(part, ast.Starred):
            part = part.value
        if not isinstance(part, ast.Call):
            return None
        inner = _helper_rank(part, paths) or _first_rank(part, paths, depth - 1)
        if inner is not None:
            return inner
        if callee(part) in ("Flatten", "Unflatten", "View", "Reshape") or learns(type_of(part, paths.project)):
            return None
    return None


def _helper_rank(call: ast.Call, paths: Paths) -> int | None:
    """`*block(3, 64)`: the first layer that a helper of the files makes."""
    for function in paths.project.targets(call):
        made = [one for one in ast.walk(function) if isinstance(one, ast.Call) and learns(type_of(one, paths.project))]
        made.sort(key=lambda one: (one.lineno, one.col_offset))
        if made:
            return _first_rank(made[0], paths)
    return None
