"""A fix becomes a change of the user's source: codemods by LibCST, which keep all formatting; nothing is written here.

Each edit is found by a line (and column) that the source reader gave, never by a name of the user's. An edit that does
not fit in exactly one place, or whose result Python does not parse, raises NotApplied with the reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, field

from wganlint.errors import UsageError

cst: Any = None
try:
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    cst = libcst
except ImportError:  # told by `needed`
    pass

Node = Any  # a node of LibCST
_SELF = re.compile(r"^[ \t]*(\w+) = \1[ \t]*\r?\n", re.M)  # `x = x`, which an edit may leave


class NotApplied(Exception):
    """An edit that does not fit. The message says why, in words for the user."""


class Spot(Struct, frozen=True):
    """Where an edit goes, and with what.

    `line` and `column` (1-based) are where the expression starts; `owner` and `attribute` name a class and what it
    assigns to `self`; `values` are the edit's parameters.
    """

    file: str
    line: int = 0
    column: int = 0
    owner: str = ""
    attribute: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def needed() -> None:
    """Raise if LibCST is not installed.

    Raises:
        UsageError: with how to get it.
    """
    if cst is None:
        raise UsageError("wganlint verify needs LibCST to edit source", hint="pip install 'wganlint[probe]'")


def apply(name: str, text: str, spots: Sequence[Spot]) -> str:
    """Return one file's text with an edit done at all its spots.

    Raises:
        NotApplied: a spot is not there, or there twice, or the result is no Python.
    """
    for spot in sorted(spots, key=lambda one: (-one.line, -one.column)):  # from the end: earlier lines keep their place
        text = EDITS[name](text, spot)
        if name in ("remove-scale", "remove-guard", "remove-clamp"):
            text = _SELF.sub("", text)
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotApplied(f"the result is no Python: {str(error)[:80]}") from None
    return text


# -- finding and replacing


def _module(text: str) -> Any:
    try:
        return MetadataWrapper(cst.parse_module(text))
    except (cst.ParserSyntaxError, RecursionError, ValueError) as error:
        raise NotApplied(f"LibCST does not read the file: {str(error).splitlines()[0][:80]}") from None


def _rewritten(text: str, spot: Spot, kind: Any, fits: Callable[[Node], bool], made: Callable[[Node], Node]) -> str:
    """Replace the one node of a kind that lies at the spot's line, the nearest to its column, and fits."""
    wrapper = _module(text)
    places = wrapper.resolve(PositionProvider)
    found = [
        node
        for node in places
        if isinstance(node, kind) and places[node].start.line <= spot.line <= places[node].end.line and fits(node)
    ]
    at = [node for node in found if _start(places[node]) == (spot.line, spot.column - 1)]
    found = at or [node for node in found if places[node].start.line == spot.line] or found
    if len(found) != 1:
        raise NotApplied(f"{len(found)} places for it at {spot.file}:{spot.line}, not one")
    return str(wrapper.module.deep_replace(found[0], made(found[0])).code)


def _start(place: Any) -> tuple[int, int]:
    return place.start.line, place.start.column


def _name(call: Node) -> str:
    """Return the last name of what is called: `torch.clamp` and `x.clamp` are clamp."""
    func = call.func
    return str(func.attr.value) if isinstance(func, cst.Attribute) else str(getattr(func, "value", ""))


def _is_module(node: Node) -> bool:
    return isinstance(node, cst.Name) and node.value in ("torch", "F", "functional", "nn", "np")


def _subject(call: Node) -> Node:
    """Return what a function or method is called on."""
    if isinstance(call.func, cst.Attribute) and not _is_module(call.func.value):
        return call.func.value
    if not call.args:
        raise NotApplied("the call has no argument")
    return call.args[0].value


def _code(text: str) -> Node:
    return cst.parse_expression(text)


def _of(node: Node) -> str:
    return str(cst.Module([]).code_for_node(node))


def _closed(node: Node) -> Node:
    """Return an expression that an operator may stand beside."""
    simple = isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float)) or node.lpar
    return node if simple else node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _call(*names: str) -> Callable[[Node], bool]:
    return lambda node: _name(node) in names


def _set(call: Node, name: str, value: str) -> Node:
    """Return a call with a keyword set, where it stood or at its end."""
    args = list(call.args)
    for at, arg in enumerate(args):
        if arg.keyword is not None and arg.keyword.value == name:
            args[at] = arg.with_changes(value=_code(value))
            return call.with_changes(args=args)
    if args:
        comma = args[-1].comma
        plain = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        before = args[0].comma if len(args) > 1 else plain
        args[-1] = args[-1].with_changes(comma=before)
    else:
        comma = cst.MaybeSentinel.DEFAULT
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    args.append(cst.Arg(_code(value), cst.Name(name), equal=equal, comma=comma))
    return call.with_changes(args=args)


# -- bounds of the score


CLAMPS = ("clamp", "clip", "clamp_", "hardtanh")


def remove_clamp(text: str, spot: Spot) -> str:
    """`torch.clamp(x, ...)` -> `x`."""
    return _rewritten(text, spot, cst.Call, _call(*CLAMPS), lambda call: _closed(_subject(call)))


def tanh(text: str, spot: Spot) -> str:
    """`torch.clamp(x, ...)` -> `C * torch.tanh(x / C)`."""
    bound = f"{float(spot.values['bound']):g}"
    bound += "" if "." in bound or "e" in bound else ".0"

    def made(call: Node) -> Node:
        inner = _of(_closed(_subject(call)))
        return _code(f"{bound} * torch.tanh({inner} / {bound})")

    return _rewritten(text, spot, cst.Call, _call(*CLAMPS), made)


def drift(text: str, spot: Spot) -> str:
    """Where the loss at this line is first set: `+ W * score.square().mean()` of each score that is averaged there."""
    wrapper = _module(text)
    places = wrapper.resolve(PositionProvider)
    inside = [
        node for node in places
        if isinstance(node, cst.FunctionDef) and places[node].start.line <= spot.line <= places[node].end.line
    ]  # fmt: skip
    if not inside:
        raise NotApplied(f"{spot.file}:{spot.line} lies in no function")
    function = max(inside, key=lambda node: places[node].start.line)
    first, last = places[function].start.line, places[function].end.line
    own = [node for node in places if first <= places[node].start.line <= last]
    assigned = [(node, _of(node.targets[0].target)) for node in own if isinstance(node, cst.Assign)]
    losses = {name for node, name in assigned if places[node].start.line == spot.line}
    called = {name for node, name in assigned if isinstance(node.value, cst.Call)}
    means = [_of(node.func.value) for node in own if isinstance(node, cst.Call) and _method(node) == "mean"]
    scores = [name for name in dict.fromkeys(means) if name in called]
    if len(losses) != 1 or len(scores) != 2:
        raise NotApplied("which variables hold the two sides' scores is not told")
    target = min((node for node, name in assigned if name in losses), key=lambda node: places[node].start.line)
    term = " + ".join(f"{one}.square().mean()" for one in scores)
    value = _code(f"{_of(_closed(target.value))} + {float(spot.values['weight']):g} * ({term})")
    return str(wrapper.module.deep_replace(target, target.with_changes(value=value)).code)


def _method(call: Node) -> str:
    return str(call.func.attr.value) if isinstance(call.func, cst.Attribute) else ""


def remove_scale(text: str, spot: Spot) -> str:
    """`score / sqrt(batch)` -> `score`."""

    def fits(node: Node) -> bool:
        return isinstance(node.operator, cst.Divide)

    return _rewritten(text, spot, cst.BinaryOperation, fits, lambda node: node.left)


def remove_guard(text: str, spot: Spot) -> str:
    """`torch.nan_to_num(x)` -> `x`."""
    return _rewritten(text, spot, cst.Call, _call("nan_to_num", "nan_to_num_"), lambda call: _closed(_subject(call)))


# -- empty groups and counts


def neutral_fill(text: str, spot: Spot) -> str:
    """Fill with 0 instead of the sentinel; a reduction into it (`reduction` lines) then leaves the fill out."""
    value = float(spot.values["value"])

    def is_value(node: Node) -> bool:
        if not isinstance(node, (cst.Float, cst.Integer, cst.UnaryOperation)):
            return False
        try:
            return float(ast.literal_eval(_of(node))) == value
        except (ValueError, TypeError, SyntaxError):
            return False

    text = _rewritten(text, spot, (cst.Float, cst.Integer, cst.UnaryOperation), is_value, lambda node: _code("0.0"))
    for line in spot.values.get("reductions", ()):
        there = Spot(spot.file, int(line))
        text = _rewritten(
            text, there, cst.Call, _call("scatter_reduce", "scatter_reduce_", "index_reduce", "index_reduce_"),
            lambda call: _set(call, "include_self", "False"),
        )  # fmt: skip
    return text


# -- layers


def insert_after(text: str, spot: Spot) -> str:
    """Put `code` behind the statement of `owner.__init__` that assigns `self.attribute` (none: at the end)."""
    wrapper = _module(text)
    statements = [
        (one, body)
        for node in wrapper.module.body
        if isinstance(node, cst.ClassDef) and node.name.value == spot.owner
        for function in node.body.body
        if isinstance(function, cst.FunctionDef) and function.name.value == "__init__"
        for body in [function.body]
        for one in body.body
        if not spot.attribute or _assigns(one, spot.attribute)
    ]
    if not spot.attribute and statements:
        statements = statements[-1:]
    if len(statements) != 1:
        raise NotApplied(f"{len(statements)} assignments of self.{spot.attribute} in {spot.owner}.__init__, not one")
    statement, block = statements[0]
    body = list(block.body)
    at = body.index(statement) + 1
    body[at:at] = list(cst.parse_module(str(spot.values["code"])).body)
    return str(wrapper.module.deep_replace(block, block.with_changes(body=body)).code)


def _assigns(statement: Node, attribute: str) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    for small in statement.body:
        if isinstance(small, cst.Assign):
            for target in small.targets:
                if _of(target.target) == f"self.{attribute}":
                    return True
    return False


def layer_norm(text: str, spot: Spot) -> str:
    """Put a LayerNorm of the same width behind a Linear that stands in a Sequential at this line."""
    wrapper = _module(text)
    places = wrapper.resolve(PositionProvider)
    found: list[tuple[Node, int, Node]] = []
    for node in places:
        if isinstance(node, (cst.Call, cst.List)):
            items = node.args if isinstance(node, cst.Call) else node.elements
            if isinstance(node, cst.Call) and _name(node) != "Sequential":
                continue
            for at, item in enumerate(items):
                inner = item.value
                if isinstance(inner, cst.Call) and _name(inner) == "Linear" and _line(places, inner) == spot.line:
                    found.append((node, at, inner))
    if len(found) != 1:
        raise NotApplied(f"{len(found)} Linear layers of a Sequential at {spot.file}:{spot.line}, not one")
    node, at, linear = found[0]
    width = next((a.value for a in linear.args if a.keyword and a.keyword.value == "out_features"), None)
    if width is None:
        plain = [a.value for a in linear.args if a.keyword is None]
        if len(plain) < 2:
            raise NotApplied(f"the width of the Linear at {spot.file}:{spot.line} is not told")
        width = plain[1]
    prefix = linear.func.value if isinstance(linear.func, cst.Attribute) else None
    if prefix is None:
        raise NotApplied("Linear is imported by itself, LayerNorm is not")
    items = list(node.args if isinstance(node, cst.Call) else node.elements)
    norm = cst.Call(cst.Attribute(prefix, cst.Name("LayerNorm")), [cst.Arg(width)])
    new = items[at].with_changes(value=norm)
    if isinstance(items[at].comma, cst.MaybeSentinel):  # it was the last
        items[at] = items[at].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    items.insert(at + 1, new)
    changed = node.with_changes(args=items) if isinstance(node, cst.Call) else node.with_changes(elements=items)
    return str(wrapper.module.deep_replace(node, changed).code)


def _line(places: Any, node: Node) -> int:
    return int(places[node].start.line)


def group_norm(text: str, spot: Spot) -> str:
    """`nn.BatchNorm1d(n)` -> `nn.LayerNorm(n)`, `nn.BatchNorm2d(n)` -> `nn.GroupNorm(1, n)`."""

    def made(call: Node) -> Node:
        size = _of(_subject(call))
        prefix = _of(call.func).rpartition(".")[0]
        if not prefix:
            raise NotApplied("the layer is imported by itself, its successor is not")
        if _name(call) == "BatchNorm1d":
            return _code(f"{prefix}.LayerNorm({size})")
        return _code(f"{prefix}.GroupNorm(1, {size})")

    def fits(call: Node) -> bool:
        return _name(call) in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")

    return _rewritten(text, spot, cst.Call, fits, made)


# -- gradients


def create_graph(text: str, spot: Spot) -> str:
    """`autograd.grad(...)` -> with `create_graph=True`."""
    return _rewritten(text, spot, cst.Call, _call("grad"), lambda call: _set(call, "create_graph", "True"))


def remove_detach(text: str, spot: Spot) -> str:
    """`x.detach()` -> `x`."""
    return _rewritten(text, spot, cst.Call, _call("detach"), lambda call: call.func.value)


def eps_root(text: str, spot: Spot) -> str:
    """`x.sqrt()`, `torch.sqrt(x)`, `x.norm(2, dim=d)` -> a root with a small number under it."""
    eps = str(spot.values["eps"])

    def made(call: Node) -> Node:
        inner = _closed(_subject(call))
        if _name(call) == "sqrt":
            return _code(f"({_of(inner)} + {eps}).sqrt()")
        axis = next((a for a in call.args if a.keyword and a.keyword.value in ("dim", "axis")), None)
        order = [a.value for a in call.args if a.keyword is None or a.keyword.value in ("p", "ord")]
        order = order if isinstance(call.func, cst.Attribute) and not _is_module(call.func.value) else order[1:]
        plain = [_of(one) for one in order]
        dims = _of(axis.value) if axis is not None else plain[1] if len(plain) > 1 else ""
        if plain and plain[0] not in ("2", "2.0"):
            raise NotApplied(f"the norm is not of order 2 at {spot.file}:{spot.line}")
        if not dims:
            raise NotApplied(f"the axes of the norm at {spot.file}:{spot.line} are not told")
        return _code(f"({_of(inner)}.square().sum(dim={dims}) + {eps}).sqrt()")

    return _rewritten(text, spot, cst.Call, _call("sqrt", "norm", "vector_norm"), made)


def negate(text: str, spot: Spot) -> str:
    """`loss = x` -> `loss = -x`, and back."""

    def made(node: Node) -> Node:
        value = node.value
        if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
            return node.with_changes(value=value.expression)
        return node.with_changes(value=_code(f"-{_of(_closed(value))}"))

    return _rewritten(text, spot, cst.Assign, lambda node: True, made)


# -- optimizers


def optimizer(text: str, spot: Spot) -> str:
    """Make the optimizer at this line another one: `class`, and keywords that are `set`; `drop` are left out."""
    wanted, drop = spot.values.get("class"), set(spot.values.get("drop", ()))

    def made(call: Node) -> Node:
        args = [arg for arg in call.args if arg.keyword is None or arg.keyword.value not in drop]
        if sum(arg.keyword is None for arg in args) > 1:
            raise NotApplied(f"the optimizer at {spot.file}:{spot.line} takes its rate by position")
        args[-1] = args[-1].with_changes(comma=call.args[-1].comma)
        call = call.with_changes(args=args)
        if wanted:
            name = cst.Name(str(wanted))
            if not isinstance(call.func, cst.Attribute):
                raise NotApplied(f"{_name(call)} is imported by itself, {wanted} is not")
            call = call.with_changes(func=call.func.with_changes(attr=name))
        for key, value in spot.values.get("set", {}).items():
            call = _set(call, key, value)
        return call

    known = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "RAdam", "NAdam")
    return _rewritten(text, spot, cst.Call, _call(*known), made)


EDITS: dict[str, Callable[[str, Spot], str]] = {
    "remove-clamp": remove_clamp,
    "tanh": tanh,
    "drift": drift,
    "remove-scale": remove_scale,
    "remove-guard": remove_guard,
    "neutral-fill": neutral_fill,
    "insert": insert_after,
    "layer-norm": layer_norm,
    "group-norm": group_norm,
    "create-graph": create_graph,
    "remove-detach": remove_detach,
    "eps-root": eps_root,
    "negate": negate,
    "optimizer": optimizer,
}
