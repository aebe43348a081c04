"""files -> read -> Run: quantities that a generator learns and then rounds, and heads that say how many."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass

from wganlint.read.source import words
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import constructors
from wganlint.read.source.paths import Paths
from wganlint.read.source.project import Class, callee
from wganlint.read.source.steps import ROUND, keyword, operand, passes, rest
from wganlint.source import CountHead, Rounding, Site

_DRAWN = frozenset({"argmax", "multinomial", "bernoulli", "argmin"})
_SUPERVISE = frozenset("mse_loss l1_loss smooth_l1_loss huber_loss cross_entropy nll_loss poisson_nll_loss "
                       "binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss kl_div "
                       "MSELoss L1Loss SmoothL1Loss HuberLoss CrossEntropyLoss NLLLoss PoissonNLLLoss BCELoss "
                       "BCEWithLogitsLoss".split())  # fmt: skip
_COUNTS = frozenset({"count", "counts", "num", "number", "multiplicity", "mult", "n", "length", "lengths", "size",
                     "sizes", "repeats", "total", "many", "cardinality"})  # fmt: skip
_MAKES = frozenset({"repeat_interleave", "arange", "range", "repeat"})


@dataclass(frozen=True, slots=True, eq=False)
class _Rounded:
    """A chain of roundings (round().long()), the value before it and the learned call that this comes from."""

    first: ast.AST
    names: tuple[str, ...]
    value: ast.expr
    head: ast.Call
    ends: tuple[ast.AST, ...]


def roundings(paths: Paths) -> tuple[Rounding, ...]:
    """Return every rounding of a quantity that a generator learns."""
    found = []
    for rounded in _all(paths):
        site = paths.project.site(rounded.first)
        call = ".".join(f"{name}()" if not name.startswith((">", "<", "gumbel")) else name for name in rounded.names)
        straight = rounded.names[0].startswith("gumbel") or _straight_through(rounded, paths)
        quantity = paths.project.text(rounded.head)
        found.append(
            Rounding(site.place, site.quote, site.owner, call, quantity, straight, _supervised(rounded, paths))
        )
    return tuple(sorted(found, key=lambda rounding: rounding.place))


def count_heads(paths: Paths) -> tuple[CountHead, ...]:
    """Return every head whose rounded output is a number of items."""
    found = []
    for rounded in _all(paths):
        if rounded.names[0].startswith(("gumbel", ">", "<")) or set(rounded.names) & _DRAWN:
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


# -- finding them


def _all(paths: Paths) -> Iterator[_Rounded]:
    """Yield the roundings of learned quantities, chains as one."""
    seen: set[ast.AST] = set()
    nodes = [*paths.project.calls, *paths.project.by_class["Compare"]]
    for node in paths.one_file([one for one in nodes if _names(one)]):
        if node in seen or paths.idle(node):
            continue
        value = _value(node)
        head = _head(value, paths) if value is not None else None
        if value is None or head is None or not _in_generator(node, head, paths):
            continue
        if isinstance(node, ast.Compare) and not _used_as_data(node, paths):
            continue
        if any(_names(one) and one is not node for one in paths.upstream(value, lambda one: one is head)):
            continue  # a later step of a chain that its first step stands for
        chain, ends = _chain(node, paths)
        seen.update(chain)
        names = tuple(_names(one) for one in chain)
        yield _Rounded(node, names, value, head, tuple(ends))


def _names(node: ast.AST) -> str:
    """Return what a node does: round, long, argmax, > 0.5; an empty string where it rounds nothing."""
    if isinstance(node, ast.Call):
        name = callee(node)
        if name in ROUND or name in _DRAWN:
            return name.rstrip("_")
        if name == "long" or (name == "int" and (isinstance(node.func, ast.Attribute) or len(node.args) == 1)):
            return name
        if name == "gumbel_softmax":
            hard = keyword(node, "hard")
            return "gumbel_softmax(hard=True)" if isinstance(hard, ast.Constant) and hard.value is True else ""
        if name in ("to", "type", "astype") and node.args and dotted(node.args[0]).endswith(("long", "int64", "int32")):
            return name
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Gt | ast.GtE):
        if isinstance(node.comparators[0], ast.Constant):
            return f"> {node.comparators[0].value}"
    return ""


def _value(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Compare):
        return node.left
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.args:
            return node.args[0]
        return operand(node)
    return None


def _head(value: ast.AST, paths: Paths) -> ast.Call | None:
    """Return the learned call that a value comes from by arithmetic alone."""

    def stop(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and (paths.roles.learned(node) or callee(node) in ("item", "tolist"))

    for node in paths.upstream(value, stop, many=False):
        if isinstance(node, ast.Call) and paths.roles.learned(node):
            return node
    return None


def _in_generator(node: ast.AST, head: ast.Call, paths: Paths) -> bool:
    info = paths.project.owner_class(node)
    parts = paths.roles.parts_of(info)
    if "generator" in parts and "critic" not in parts:
        return True
    if info is not None and info.is_network and parts:
        return False
    if paths.roles.call_part(head) == "critic":
        return False
    holder = head.func.value if isinstance(head.func, ast.Attribute) else None
    held = holder is not None and paths.roles.object_part(holder) == "generator"
    return (held or paths.roles.call_part(head) == "generator") and _reaches_critic(node, paths)


def _reaches_critic(node: ast.AST, paths: Paths) -> bool:
    def through(before: ast.AST, after: ast.AST) -> bool:
        return not (isinstance(after, ast.Call) and paths.roles.call_part(after))

    for after in paths.downstream(node, through):
        if isinstance(after, ast.Call) and paths.roles.call_part(after):
            return True
    return False


def _used_as_data(node: ast.Compare, paths: Paths) -> bool:
    """Return whether a threshold's result is used as a value or a mask of the output, not in a test."""
    for parent, _ in paths.project.around(node):
        if isinstance(parent, ast.If | ast.While | ast.Assert | ast.IfExp):
            return False
        if isinstance(parent, ast.Call | ast.BinOp | ast.Subscript | ast.Return | ast.Assign):
            return not (isinstance(parent, ast.Call) and callee(parent) in ("any", "all", "where", "sum", "item"))
    return False


def _chain(node: ast.AST, paths: Paths) -> tuple[list[ast.AST], list[ast.AST]]:
    """Return the roundings that follow each other, and the ends of what they give, widest expression first."""
    chain, ends, current = [node], [node], node
    while True:
        parent = paths.project.parents.get(current)
        if isinstance(parent, ast.Attribute):
            parent = paths.project.parents.get(parent)
        if isinstance(parent, ast.Call) and (current is operand(parent) or current in parent.args[:1]):
            step = _names(parent)
            if step or callee(parent) in ("clamp", "clamp_min", "squeeze", "view", "maximum", "float", "reshape", "clip"):
                chain += [parent] if step else []
                ends.insert(0, parent)
                current = parent
                continue
        break
    for read, binding in paths.project.users(current):
        if binding.how == "is" and len(chain) < 4:
            outer = paths.project.parents.get(read)
            outer = paths.project.parents.get(outer) if isinstance(outer, ast.Attribute) else outer
            if isinstance(outer, ast.Call) and _value(outer) is read and _names(outer) and outer not in chain:
                chain.append(outer)
                ends.append(outer)
    return chain, ends


def _straight_through(rounded: _Rounded, paths: Paths) -> bool:
    """x + (round(x) - x).detach(), also over names."""

    def through(before: ast.AST, after: ast.AST) -> bool:
        return before in passes(after) or isinstance(after, ast.Attribute)

    def stop(one: ast.AST) -> bool:
        return one is rounded.head

    source = {ast.dump(one) for one in [rounded.value, rounded.head]}
    for after in paths.downstream(rounded.first, through):
        if isinstance(after, ast.BinOp) and isinstance(after.op, ast.Sub):
            minus = after.right
            if ast.dump(minus) in source or rounded.head in set(paths.upstream(minus, stop)):
                return any(
                    isinstance(parent, ast.Attribute) and parent.attr == "detach"
                    or isinstance(parent, ast.Call) and callee(parent) in ("detach", "stop_gradient")
                    for parent, _ in list(paths.project.around(after))[:3]
                )
    return False


# -- another loss on the same head


def _supervised(rounded: _Rounded, paths: Paths) -> Site | None:
    name = _head_name(rounded.head)
    if not name:
        return None
    for call in paths.project.calls:
        if not _is_loss(call, paths):
            continue
        for argument in call.args[:2]:
            if _from_head(argument, rounded.head, name, paths):
                return paths.project.site(call)
    return None


def _is_loss(call: ast.Call, paths: Paths) -> bool:
    if callee(call) in _SUPERVISE and call.args:
        return isinstance(call.func, ast.Attribute) or not callee(call)[0].isupper()
    if not call.args or len(call.args) < 2:
        return False
    return any(callee(made) in _SUPERVISE for made in constructors(call.func, paths.project))


def _head_name(head: ast.Call) -> str:
    func = head.func.value if isinstance(head.func, ast.Subscript) else head.func
    return func.attr if isinstance(func, ast.Attribute) else ""


def _from_head(value: ast.AST, head: ast.Call, name: str, paths: Paths) -> bool:
    """Return whether a loss's argument is the head's output: the same call, the head called again, or a result field."""
    owner = paths.project.owner_class(head)

    def stop(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and bool(paths.roles.call_part(node)) or node is head

    for node in paths.upstream(value, stop, many=False):
        if node is head:
            return True
        if isinstance(node, ast.Call) and _head_name(node) == name and isinstance(node.func, ast.Attribute):
            holders = paths.project.classes_of(node.func.value)
            if owner in holders or paths.roles.object_part(node.func.value) == "generator":
                return True
        if isinstance(node, ast.Attribute) and _field_from_head(node, head, paths):
            return True
        if isinstance(node, ast.Call) and paths.roles.call_part(node) == "generator":
            item = _item_of(value, node, paths)
            if item is not None and any(head in set(paths.upstream(one, lambda x: x is head)) for one in item):
                return True
    return False


def _item_of(value: ast.AST, call: ast.Call, paths: Paths) -> list[ast.AST] | None:
    """Return what the generator returns at the position that a name unpacks."""
    for binding in paths.project.holds(value):
        if binding.value is call and binding.item is not None:
            results = [r for f in paths.project.targets(call) for r in paths.project.returned(f)]
            return [r.elts[binding.item] for r in results if isinstance(r, ast.Tuple) and binding.item < len(r.elts)]
    return None


def _field_from_head(node: ast.Attribute, head: ast.Call, paths: Paths) -> bool:
    """`fake.log_count` where the generator returns FakeEvents(tracks, counts, p)."""
    for one in paths.upstream(node.value):
        if not (isinstance(one, ast.Call) and paths.roles.call_part(one) == "generator"):
            continue
        for function in paths.project.targets(one):
            for result in paths.project.returned(function):
                for made in paths.upstream(result, calls=False):
                    value = _field(made, node.attr, paths) if isinstance(made, ast.Call) else None
                    if value is not None and head in set(paths.upstream(value, lambda x: x is head)):
                        return True
    return False


def _field(call: ast.Call, name: str, paths: Paths) -> ast.expr | None:
    """Return the argument of a record's constructor that becomes the field."""
    given = keyword(call, name)
    if given is not None:
        return given
    for known in paths.project.definitions(call.func):
        if isinstance(known, ast.ClassDef):
            fields = [s.target.id for s in known.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
            if name in fields and fields.index(name) < len(call.args):
                return call.args[fields.index(name)]
    return None


# -- counts


def _is_count(rounded: _Rounded, paths: Paths) -> bool:
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


def _alive_above(rounded: _Rounded, paths: Paths) -> float | None:
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
            case _ if not passes(call, many=False) or name in ("mul", "div", "abs", "neg", "pow", "sqrt", "log", "tanh"):
                return None
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return _inverted(value, level, head, paths, depth - 1)


def _minimum(rounded: _Rounded, paths: Paths) -> int:
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


def _beyond_head(node: ast.AST, rounded: _Rounded, paths: Paths) -> bool:
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
        value = ast.Constant(fixed) if fixed is not None else (
            call.args[1] if len(call.args) > 1 else keyword(call, "val")
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
    name = _head_name(head)
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
            if isinstance(node, ast.Call) and _head_name(node) == attribute:
                return True
    return False


