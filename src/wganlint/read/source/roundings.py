"""files -> read -> Run: quantities that a generator learns and then rounds, and whether another loss trains them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import constructors
from wganlint.read.source.paths import Paths
from wganlint.read.source.project import Project
from wganlint.read.source.steps import CUT, ROUND, keyword, operand, passes
from wganlint.source import Rounding, Site

DRAWN = frozenset({"argmax", "multinomial", "bernoulli", "argmin"})
_SUPERVISE = words.listed(
    "mse_loss l1_loss smooth_l1_loss huber_loss cross_entropy nll_loss poisson_nll_loss "
    "binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss kl_div "
    "MSELoss L1Loss SmoothL1Loss HuberLoss CrossEntropyLoss NLLLoss PoissonNLLLoss BCELoss "
    "BCEWithLogitsLoss"
)


_BETWEEN = frozenset({"clamp", "clamp_min", "squeeze", "view", "maximum", "float", "reshape", "clip"})


class Rounded(Struct, frozen=True, eq=False):
    """A chain of roundings (round().long()), the value before it and the learned call that this comes from."""

    first: ast.AST
    names: tuple[str, ...]
    value: ast.expr
    head: ast.Call
    ends: tuple[ast.AST, ...]


def roundings(paths: Paths) -> tuple[Rounding, ...]:
    """Return every rounding of a quantity that a generator learns."""
    found = []
    for rounded in rounded_values(paths):
        site = paths.project.site(rounded.first)
        call = ".".join(f"{name}()" if not name.startswith((">", "<", "gumbel")) else name for name in rounded.names)
        straight = rounded.names[0].startswith("gumbel") or _straight_through(rounded, paths)
        quantity = paths.project.text(rounded.head)
        found.append(
            Rounding(site.place, site.quote, site.owner, call, quantity, straight, _supervised(rounded, paths))
        )
    return tuple(sorted(found, key=lambda rounding: rounding.place))


# -- finding them


def rounded_values(paths: Paths) -> Iterator[Rounded]:
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
        if isinstance(node, ast.Compare) and not (_used_as_data(node, paths) and _only_way(node, value, head, paths)):
            continue
        if _rounded_before(value, head, paths):
            continue
        chain, ends = _chain(node, paths)
        seen.update(chain)
        names = tuple(_names(one) for one in chain)
        yield Rounded(node, names, value, head, tuple(ends))


def _rounded_before(value: ast.expr, head: ast.Call, paths: Paths) -> bool:
    """Return whether this is a later step of a chain that its first step stands for."""
    return any(_names(one) for one in paths.upstream(value, lambda one: one is head))


def _names(node: ast.AST) -> str:
    """Return what a node does: round, long, argmax, > 0.5; an empty string where it rounds nothing."""
    if isinstance(node, ast.Call):
        name = callee(node)
        if name in ROUND or name in DRAWN:
            return name.rstrip("_")
        if name == "long" or (name == "int" and (isinstance(node.func, ast.Attribute) or len(node.args) == 1)):
            return name
        if name == "gumbel_softmax":
            hard = keyword(node, "hard")
            return "gumbel_softmax(hard=True)" if isinstance(hard, ast.Constant) and hard.value is True else ""
        if name in ("to", "type", "astype") and node.args and dotted(node.args[0]).endswith(("long", "int64", "int32")):
            return name
    match node:
        case ast.Compare(ops=[ast.Gt() | ast.GtE()], comparators=[ast.Constant(value=int() | float() as level)]):
            return f"> {level}"
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


def _only_way(node: ast.Compare, value: ast.expr, head: ast.Call, paths: Paths) -> bool:
    """Return whether a threshold is the only way out of what it compares.

    A mask over a detached norm, or one that multiplies or picks the very values it was made of (x * (x > 0)), leaves
    them their gradient: it chooses, it does not round.
    """

    def stop(one: ast.AST) -> bool:
        return one is head

    if any(isinstance(one, ast.Call) and callee(one) in CUT for one in paths.upstream(value, stop)):
        return False

    def through(before: ast.AST, after: ast.AST) -> bool:
        return before in passes(after) or isinstance(after, ast.Attribute)

    for after in [node, *paths.downstream(node, through)]:
        beside: list[ast.expr] = []
        match after:
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                beside = [left, right]
            case ast.Call() if callee(after) in ("where", "mul", "masked_fill", "masked_select", "masked_fill_"):
                beside = [*after.args, *([after.func.value] if isinstance(after.func, ast.Attribute) else [])]
            case ast.Subscript(value=picked):
                beside = [picked]
        for one in beside:
            ways = set(paths.upstream(one, lambda known: known is head or known is node))
            if head in ways and node not in ways:
                return False
        parent = paths.project.parents.get(after)
        picks = isinstance(parent, ast.Subscript) and parent.slice is after
        if picks and isinstance(parent, ast.Subscript) and head in set(paths.upstream(parent.value, stop)):
            return False
    return True


def _chain(node: ast.AST, paths: Paths) -> tuple[list[ast.AST], list[ast.AST]]:
    """Return the roundings that follow each other, and the ends of what they give, widest expression first."""
    chain, ends, current = [node], [node], node
    while True:
        parent = paths.project.parents.get(current)
        if isinstance(parent, ast.Attribute):
            parent = paths.project.parents.get(parent)
        if isinstance(parent, ast.Call) and (current is operand(parent) or current in parent.args[:1]):
            step = _names(parent)
            if step or callee(parent) in _BETWEEN:
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


def _straight_through(rounded: Rounded, paths: Paths) -> bool:
    """X + (round(x) - x).detach(), also over names."""

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
                    (isinstance(parent, ast.Attribute) and parent.attr == "detach")
                    or (isinstance(parent, ast.Call) and callee(parent) in ("detach", "stop_gradient"))
                    for parent, _ in list(paths.project.around(after))[:3]
                )
    return False


# -- another loss on the same head


def _supervised(rounded: Rounded, paths: Paths) -> Site | None:
    name = head_name(rounded.head)
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


def head_name(head: ast.Call) -> str:
    """Return the attribute of the network that is called: size_net for gen.size_net(c)."""
    func = head.func.value if isinstance(head.func, ast.Subscript) else head.func
    return func.attr if isinstance(func, ast.Attribute) else ""


def _from_head(value: ast.AST, head: ast.Call, name: str, paths: Paths) -> bool:
    """Return whether a loss's argument is the head's output: the same call, a second one, or a result field."""
    owner = paths.project.owner_class(head)

    def stop(node: ast.AST) -> bool:
        return (isinstance(node, ast.Call) and bool(paths.roles.call_part(node))) or node is head

    for node in paths.upstream(value, stop, many=False):
        if node is head:
            return True
        if isinstance(node, ast.Call) and head_name(node) == name and isinstance(node.func, ast.Attribute):
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
                    value = field_of(made, node.attr, paths.project) if isinstance(made, ast.Call) else None
                    if value is not None and head in set(paths.upstream(value, lambda x: x is head)):
                        return True
    return False


def field_of(call: ast.Call, name: str, project: Project) -> ast.expr | None:
    """Return the argument of a record's constructor that becomes the field."""
    given = keyword(call, name)
    if given is not None:
        return given
    for known in project.definitions(call.func):
        if isinstance(known, ast.ClassDef):
            targets = [statement.target for statement in known.body if isinstance(statement, ast.AnnAssign)]
            fields = [target.id for target in targets if isinstance(target, ast.Name)]
            if name in fields and fields.index(name) < len(call.args):
                return call.args[fields.index(name)]
    return None
