"""A fix becomes a change of the user's source: each edit alone, and all of them by name; nothing is written here.

An edit that does not fit in exactly one place, or whose result Python does not parse, raises NotApplied and says why.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from wganlint.probe.domains import DOMAINS
from wganlint.probe.fills import FILLS
from wganlint.probe.syntax import (
    Node,
    NotApplied,
    Spot,
    called,
    calls,
    closed,
    cst,
    expression,
    line_of,
    method,
    nodes_of,
    parsed,
    rewritten,
    subject,
    text_of,
    with_keyword,
)

_SELF = re.compile(r"^[ \t]*(\w+) = \1[ \t]*\r?\n", re.M)  # `x = x`, which an edit may leave


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


# -- bounds of the score


CLAMPS = ("clamp", "clip", "clamp_", "hardtanh")


def remove_clamp(text: str, spot: Spot) -> str:
    """`torch.clamp(x, ...)` -> `x`."""
    return rewritten(text, spot, cst.Call, calls(*CLAMPS), lambda call: closed(subject(call)))


def tanh(text: str, spot: Spot) -> str:
    """`torch.clamp(x, ...)` -> `C * torch.tanh(x / C)`."""
    bound = f"{float(spot.values['bound']):g}"
    bound += "" if "." in bound or "e" in bound else ".0"

    def made(call: Node) -> Node:
        inner = text_of(closed(subject(call)))
        return expression(f"{bound} * torch.tanh({inner} / {bound})")

    return rewritten(text, spot, cst.Call, calls(*CLAMPS), made)


def unsquash(text: str, spot: Spot) -> str:
    """`C * torch.tanh(x / C)`, `torch.tanh(x)` -> `x`."""
    squash = calls("tanh", "Tanh", "sigmoid", "softsign")

    def made(node: Node) -> Node:
        call = node if isinstance(node, cst.Call) else next(one for one in (node.left, node.right) if _is_call(one))
        inner = subject(call)
        divided = isinstance(inner, cst.BinaryOperation) and isinstance(inner.operator, cst.Divide)
        return closed(inner.left) if divided else closed(inner)

    def whole(node: Node) -> bool:
        sides = [node.left, node.right] if isinstance(node.operator, cst.Multiply) else []
        return any(_is_call(one) and squash(one) for one in sides)

    try:
        return rewritten(text, Spot(spot.file, spot.line), cst.BinaryOperation, whole, made)
    except NotApplied:
        return rewritten(text, spot, cst.Call, squash, made)


def _is_call(node: Node) -> bool:
    return isinstance(node, cst.Call)


def drift(text: str, spot: Spot) -> str:
    """Where the loss at this line is first set: `+ W * score.square().mean()` of each score that is averaged there.

    `beyond`: only what a score is beyond this bound counts.
    """
    wrapper = parsed(text)
    places = nodes_of(wrapper)
    inside = [
        node for node in places
        if isinstance(node, cst.FunctionDef) and places[node].start.line <= spot.line <= places[node].end.line
    ]  # fmt: skip
    function = max(inside, key=lambda node: places[node].start.line, default=None)  # none: a script without functions
    first, last = (places[function].start.line, places[function].end.line) if function else (1, text.count("\n") + 1)
    own = [node for node in places if first <= places[node].start.line <= last]
    assigned = [(node, text_of(node.targets[0].target)) for node in own if isinstance(node, cst.Assign)]
    losses = {name for node, name in assigned if places[node].start.line == spot.line}
    called = {name for node, name in assigned if isinstance(node.value, cst.Call)}
    means = [text_of(node.func.value) for node in own if isinstance(node, cst.Call) and method(node) == "mean"]
    scores = [name for name in dict.fromkeys(means) if name in called]
    if len(losses) != 1 or len(scores) != 2:
        raise NotApplied("which variables hold the two sides' scores is not told")
    target = min((node for node, name in assigned if name in losses), key=lambda node: places[node].start.line)
    over = f".abs().sub({spot.values['beyond']:g}).relu()" if "beyond" in spot.values else ""
    term = " + ".join(f"{one}{over}.square().mean()" for one in scores)
    value = expression(f"{text_of(closed(target.value))} + {float(spot.values['weight']):g} * ({term})")
    return str(wrapper.module.deep_replace(target, target.with_changes(value=value)).code)


def remove_scale(text: str, spot: Spot) -> str:
    """`score / sqrt(batch)` -> `score`."""

    def fits(node: Node) -> bool:
        return isinstance(node.operator, cst.Divide)

    return rewritten(text, spot, cst.BinaryOperation, fits, lambda node: node.left)


def remove_guard(text: str, spot: Spot) -> str:
    """`torch.nan_to_num(x)` -> `x`."""
    return rewritten(text, spot, cst.Call, calls("nan_to_num", "nan_to_num_"), lambda call: closed(subject(call)))


# -- layers


def insert_after(text: str, spot: Spot) -> str:
    """Put `code` behind the statement of `owner.__init__` that assigns `self.attribute` (none: at the end)."""
    wrapper = parsed(text)
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
                if text_of(target.target) == f"self.{attribute}":
                    return True
    return False


def layer_norm(text: str, spot: Spot) -> str:
    """Put a LayerNorm of the same width behind a Linear that stands in a Sequential at this line."""
    wrapper = parsed(text)
    places = nodes_of(wrapper)
    found: list[tuple[Node, int, Node]] = []
    for node in places:
        if isinstance(node, (cst.Call, cst.List)):
            items = node.args if isinstance(node, cst.Call) else node.elements
            if isinstance(node, cst.Call) and called(node) != "Sequential":
                continue
            for at, item in enumerate(items):
                inner = item.value
                if isinstance(inner, cst.Call) and called(inner) == "Linear" and line_of(places, inner) == spot.line:
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


def group_norm(text: str, spot: Spot) -> str:
    """`nn.BatchNorm1d(n)` -> `nn.LayerNorm(n)`, `nn.BatchNorm2d(n)` -> `nn.GroupNorm(1, n)`."""

    def made(call: Node) -> Node:
        size = text_of(subject(call))
        prefix = text_of(call.func).rpartition(".")[0]
        if not prefix:
            raise NotApplied("the layer is imported by itself, its successor is not")
        if called(call) == "BatchNorm1d":
            return expression(f"{prefix}.LayerNorm({size})")
        return expression(f"{prefix}.GroupNorm(1, {size})")

    def fits(call: Node) -> bool:
        return called(call) in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")

    return rewritten(text, spot, cst.Call, fits, made)


# -- gradients


def create_graph(text: str, spot: Spot) -> str:
    """`autograd.grad(...)` -> with `create_graph=True`."""
    return rewritten(text, spot, cst.Call, calls("grad"), lambda call: with_keyword(call, "create_graph", "True"))


def remove_detach(text: str, spot: Spot) -> str:
    """`x.detach()` -> `x`."""
    return rewritten(text, spot, cst.Call, calls("detach"), lambda call: call.func.value)


def negate(text: str, spot: Spot) -> str:
    """`loss = x` -> `loss = -x`, and back."""

    def made(node: Node) -> Node:
        value = node.value
        if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
            return node.with_changes(value=value.expression)
        return node.with_changes(value=expression(f"-{text_of(closed(value))}"))

    return rewritten(text, spot, cst.Assign, lambda node: True, made)


# -- optimizers


OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax", "RAdam", "NAdam")


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
                raise NotApplied(f"{called(call)} is imported by itself, {wanted} is not")
            call = call.with_changes(func=call.func.with_changes(attr=name))
        for key, value in spot.values.get("set", {}).items():
            call = with_keyword(call, key, value)
        return call

    return rewritten(text, spot, cst.Call, calls(*OPTIMIZERS), made)


def own_weights(text: str, spot: Spot) -> str:
    """`Adam(critic.parameters(), ...)` -> `Adam(generator.parameters(), ...)`: `name` is that of the right network."""
    right = str(spot.values["name"])

    def made(call: Node) -> Node:
        holds = call.args[0].value
        if not (_is_call(holds) and method(holds) == "parameters"):
            raise NotApplied(f"the optimizer at {spot.file}:{spot.line} is not given the parameters of one network")
        wrong = holds.func.value
        name = right.rpartition(".")[2]
        new = wrong.with_changes(attr=cst.Name(name)) if isinstance(wrong, cst.Attribute) else expression(name)
        first = call.args[0].with_changes(value=holds.with_changes(func=holds.func.with_changes(value=new)))
        return call.with_changes(args=[first, *call.args[1:]])

    return rewritten(text, spot, cst.Call, calls(*OPTIMIZERS), made)


EDITS: dict[str, Callable[[str, Spot], str]] = {
    "remove-clamp": remove_clamp,
    "tanh": tanh,
    "drift": drift,
    "remove-scale": remove_scale,
    "remove-guard": remove_guard,
    "insert": insert_after,
    "layer-norm": layer_norm,
    "group-norm": group_norm,
    "create-graph": create_graph,
    "remove-detach": remove_detach,
    "negate": negate,
    "optimizer": optimizer,
    "own-weights": own_weights,
    "unsquash": unsquash,
    **DOMAINS,
    **FILLS,
}
