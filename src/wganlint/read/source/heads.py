"""files -> read -> Run: heads that say how many items a sample gets: their form inverted, their bias, their minimum."""

from __future__ import annotations

import ast
import math

from wganlint.read.source import words
from wganlint.read.source.classes import Class, callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import constructors
from wganlint.read.source.paths import Paths
from wganlint.read.source.roundings import DRAWN, Rounded, head_name, rounded_values
from wganlint.read.source.steps import keyword, operand, passes, rest
from wganlint.source import CountHead, Site

_COUNTS = frozenset({"count", "counts", "num", "number", "multiplicity", "mult", "n", "length", "lengths", "size",
                     "sizes", "repeats", "total", "many", "cardinality"})  # fmt: skip
_UNKNOWN = frozenset({"mul", "div", "abs", "neg", "sqrt", "log", "tanh", "softmax", "power", "norm"})
_MAKES = frozenset({"repeat_interleave", "arange", "range", "repeat"})


def count_heads(paths: Paths) -> tuple[CountHead, ...]:
    """Return every head whose rounded output is a number of items."""
    found = []
    for rounded in rounded_values(paths):
        if rounded.names[0].startswith(("gumbel", ">", "<")) or set(rounded.names) & DRAWN:
            continue
        if not _is_count(rounded, paths):
            continue
        site = paths.project.site(rounded.first)
        bias, where = _bias(rounded.head, paths)
        found.append(
            CountHead(
                site.place, site.quote, site.owner, paths.project.text(rounded.ends[0]),
                paths.project.text(rounded.head.func), _alive_above(rounded, paths), bias, where,
                _minimum(rounded, paths),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda head: head.place))


def _is_count(rounded: Rounded, paths: Paths) -> bool:
    """Return whether the rounded value is a number of items, by its use or its name."""

    def through(before: ast.AST, after: ast.AST) -> bool:
        return before in passes(after, many=False) or isinstance(after, ast.Attribute)

    for after in [*rounded.ends, *paths.downstream(rounded.first, through)]:
        if isinstance(after, ast.Call) and callee(after) in _MAKES:
            return True
        if isinstance(after, ast.Name) and words.lowered(after.id) & _COUNTS:
            return True
    statement = paths.project.statement(rounded.first)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return bool(words.lowered(statement.targets[0].id) & _COUNTS)
    return False


def _alive_above(rounded: Rounded, paths: Paths) -> float | None:
    """Invert the form: the head's output above which the count is at least 1."""
    if len(rounded.names) == 0:
        return None
    start = {"round": 0.5, "rint": 0.5, "ceil": 0.0}.get(rounded.names[0], 1.0)
    return _inverted(rounded.value, start, rounded.head, paths, 24)


def _inverted(node: ast.AST, level: float, head: ast.Call, paths: Paths, depth: int) -> float | None:
    """Return the head's output at which an increasing expression reaches `level`."""
    if node is head:
        return level
    if depth == 0:
        return None
    match node:
        case ast.Name() | ast.Attribute():
            held = [binding for binding in paths.project.holds(node) if binding.how == "is"]
            if isinstance(node, ast.Attribute) and not held and node.attr in ("data", "T"):
                return _inverted(node.value, level, head, paths, depth - 1)
            return _inverted(held[0].value, level, head, paths, depth - 1) if len(held) == 1 else None
        case ast.BinOp(left=left, op=op, right=right):
            return _inverted_arithmetic(left, op, right, level, head, paths, depth)
        case ast.Subscript(value=value):
            return _inverted(value, level, head, paths, depth - 1)
        case ast.Call():
            return _inverted_call(node, level, head, paths, depth)
    return None


def _inverted_arithmetic(
    left: ast.expr, op: ast.operator, right: ast.expr, level: float, head: ast.Call, paths: Paths, depth: int
) -> float | None:
    first, second = paths.values.number(left), paths.values.number(right)
    try:
        match op:
            case ast.Pow() if first is not None and first.value > 1:
                return _inverted(right, math.log(level) / math.log(first.value), head, paths, depth - 1)
            case ast.Add() if second is not None:
                return _inverted(left, level - second.value, head, paths, depth - 1)
            case ast.Add() if first is not None:
                return _inverted(right, level - first.value, head, paths, depth - 1)
            case ast.Sub() if second is not None:
                return _inverted(left, level + second.value, head, paths, depth - 1)
            case ast.Mult() if second is not None and second.value > 0:
                return _inverted(left, level / second.value, head, paths, depth - 1)
            case ast.Mult() if first is not None and first.value > 0:
                return _inverted(right, level / first.value, head, paths, depth - 1)
            case ast.Div() if second is not None and second.value > 0:
                return _inverted(left, level * second.value, head, paths, depth - 1)
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return None


def _inverted_call(call: ast.Call, level: float, head: ast.Call, paths: Paths, depth: int) -> float | None:
    name, value = callee(call), operand(call)
    results = [result for function in paths.project.targets(call) for result in paths.project.returned(function)]
    if results:  # a method around the head
        return _inverted(results[0], level, head, paths, depth - 1) if len(results) == 1 else None
    if value is None:
        return None
    try:
        match name:
            case "pow" | "float_power":
                base, args = paths.values.number(value), rest(call)
                if base is None or base.value <= 1 or not args:
                    return None
                return _inverted(args[0], math.log(level) / math.log(base.value), head, paths, depth - 1)
            case "exp":
                level = math.log(level)
            case "exp2":
                level = math.log2(level)
            case "expm1":
                level = math.log1p(level)
            case "softplus":
                level = math.log(math.expm1(level))
            case "sigmoid":
                level = math.log(level / (1 - level))
            case "relu" | "clamp" | "clamp_min" | "clip" | "clamp_max":
                low = paths.values.number(keyword(call, "min") or (rest(call)[0] if rest(call) else None))
                if name not in ("relu", "clamp_max") and low is not None and low.value >= level:
                    return None
                if name == "relu" and level <= 0:
                    return None
            case "sub" | "add" if rest(call):
                number = paths.values.number(rest(call)[0])
                if number is None:
                    return None
                level += number.value if name == "sub" else -number.value
            case _ if name in _UNKNOWN or not passes(call, many=False):
                return None
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return _inverted(value, level, head, paths, depth - 1)


def _minimum(rounded: Rounded, paths: Paths) -> int:
    """Return the lower clamp on the count, before or after it is rounded."""
    nodes = list(rounded.ends)
    for read, binding in paths.project.users(rounded.ends[0]):
        parent = paths.project.parents.get(read)
        outer = paths.project.parents.get(parent) if isinstance(parent, ast.Attribute) else parent
        if binding.how == "is" and outer is not None:
            nodes.append(outer)
    nodes += list(paths.upstream(rounded.value, lambda one: one is rounded.head, many=False, calls=False))
    best = 0
    for node in nodes:
        if isinstance(node, ast.Call) and callee(node) in ("clamp", "clamp_", "clamp_min", "clip", "maximum", "max"):
            args = rest(node) if callee(node) != "max" else node.args
            number = paths.values.number(keyword(node, "min", "a_min") or (args[0] if args else None))
            if number is not None and 1 <= number.value < 1e6 and not _beyond_head(node, rounded, paths):
                best = max(best, int(number.value))
    return best


def _beyond_head(node: ast.AST, rounded: Rounded, paths: Paths) -> bool:
    """A clamp on the exponent is not one on the count."""
    current: ast.AST | None = node
    while current is not None and not isinstance(current, ast.stmt):
        parent = paths.project.parents.get(current)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.right is current:
            return True
        if isinstance(parent, ast.Call) and callee(parent) in ("exp", "pow", "expm1", "exp2") and current is not node:
            return True
        current = parent
    return False


# -- the head's bias


def _bias(head: ast.Call, paths: Paths) -> tuple[float | None, Site | None]:
    """Return the value that the head's last bias is set to, with its site."""
    for call in paths.project.calls:
        target, value = _bias_set(call)
        if target is None or value is None:
            continue
        if _is_head_bias(target, head, paths):
            number = paths.values.number(value)
            return (number.value if number is not None else None), paths.project.site(call)
    return None, None


def _bias_set(call: ast.Call) -> tuple[ast.expr | None, ast.expr | None]:
    """Return (module, value) of nn.init.constant_(m.bias, v), m.bias.data.fill_(v), m.bias.copy_(v)."""
    name, func = callee(call), call.func
    if not isinstance(func, ast.Attribute):
        return None, None
    if name in ("constant_", "zeros_", "ones_") and dotted(func.value).split(".")[-1] == "init" and call.args:
        fixed = {"zeros_": 0.0, "ones_": 1.0}.get(name)
        value = (
            ast.Constant(fixed) if fixed is not None else (call.args[1] if len(call.args) > 1 else keyword(call, "val"))
        )
        return _bias_owner(call.args[0]), value
    if name in ("fill_", "copy_") and call.args:
        return _bias_owner(func.value), call.args[0]
    return None, None


def _bias_owner(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.Attribute) and node.attr == "data":
        node = node.value
    if isinstance(node, ast.Subscript):
        node = node.value
    return node.value if isinstance(node, ast.Attribute) and node.attr == "bias" else None


def _is_head_bias(module: ast.expr, head: ast.Call, paths: Paths) -> bool:
    """Return whether `self.net[-1]` is the last layer of what `head` calls."""
    if isinstance(module, ast.Name):  # last = self.net[-1]; last.bias...
        held = paths.project.holds(module)
        if len(held) == 1 and isinstance(held[0].value, ast.Subscript | ast.Attribute):
            module = held[0].value
    base = module.value if isinstance(module, ast.Subscript) else module
    index = paths.values.number(module.slice) if isinstance(module, ast.Subscript) else None
    name = head_name(head)
    if not isinstance(base, ast.Attribute):
        return False
    owner = _holder(base, paths)
    home = paths.project.owner_class(head)
    if isinstance(head.func, ast.Attribute) and dotted(head.func.value) != "self":
        homes = list(paths.project.classes_of(head.func.value))
    else:
        homes = [home] if home else []
    if base.attr == name and (owner is None or owner in homes or not homes):
        return _is_last(index, base, paths)
    inner = paths.project.classes_of(head.func)
    if owner is not None and owner in inner:
        return _is_last(index, base, paths) and _returns(owner, base.attr, paths)
    return False


def _holder(base: ast.Attribute, paths: Paths) -> Class | None:
    if dotted(base.value) == "self":
        return paths.project.owner_class(base)
    found = paths.project.classes_of(base.value)
    return found[0] if found else None


def _is_last(index: object, base: ast.Attribute, paths: Paths) -> bool:
    if index is None:
        return True
    number = int(getattr(index, "value", 0))
    if number == -1:
        return True
    for constructor in constructors(base, paths.project):
        if callee(constructor) == "Sequential" and number == len(constructor.args) - 1:
            return True
    return False


def _returns(owner: Class, attribute: str, paths: Paths) -> bool:
    forward = owner.forward()
    if forward is None:
        return False
    for result in paths.project.returned(forward):
        for node in paths.upstream(result, lambda one: isinstance(one, ast.Call) and paths.roles.learned(one)):
            if isinstance(node, ast.Call) and head_name(node) == attribute:
                return True
    return False
