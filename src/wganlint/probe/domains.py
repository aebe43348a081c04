"""Edits that keep an operation where its value and its slope are finite: roots, logarithms, quotients, halves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from wganlint.probe.syntax import (
    Node,
    NotApplied,
    Spot,
    called,
    calls,
    closed,
    cst,
    expression,
    is_module,
    nodes_of,
    parsed,
    rewritten,
    subject,
    text_of,
    with_keyword,
)  # fmt: skip

EPS = "1e-12"  # under a root or in a logarithm: far below any square of a number of order one
EDGE = "0.999999"  # the largest cosine: the next float32 numbers are 6e-8 apart
FLOOR = "1e-8"  # under the root of a norm that something is divided by: a direction keeps a slope of 1e4 at most
LOWEST = "-1e4"  # of what goes into a softmax: exp of it is 0 beside any other, in float16 too; a row of it is even
HIGHEST = "80.0"  # exp of more leaves float32 at 88.7


def eps_root(text: str, spot: Spot) -> str:
    """`x.sqrt()`, `torch.sqrt(x)`, `x.norm(2, dim=d)` -> a root with a small number under it."""
    eps = str(spot.values.get("eps", EPS))

    def made(call: Node) -> Node:
        if called(call) == "sqrt":
            return _with_subject(call, lambda inner: f"{inner} + {eps}")
        return _norm(call, eps, spot)

    return rewritten(text, spot, cst.Call, calls("sqrt", "norm", "vector_norm"), made)


def _norm(call: Node, eps: str, spot: Spot) -> Node:
    inner = closed(subject(call))
    axis = next((a for a in call.args if a.keyword and a.keyword.value in ("dim", "axis")), None)
    order = [a.value for a in call.args if a.keyword is None or a.keyword.value in ("p", "ord")]
    order = order if _is_method(call) else order[1:]
    plain = [text_of(one) for one in order]
    dims = text_of(axis.value) if axis is not None else plain[1] if len(plain) > 1 else ""
    if plain and plain[0] not in ("2", "2.0"):
        raise NotApplied(f"the norm is not of order 2 at {spot.file}:{spot.line}")
    if not dims:
        raise NotApplied(f"the axes of the norm at {spot.file}:{spot.line} are not told")
    keep = next((f", keepdim={text_of(a.value)}" for a in call.args if a.keyword and a.keyword.value == "keepdim"), "")
    return expression(f"({text_of(inner)}.square().sum(dim={dims}{keep}) + {eps}).sqrt()")


def _is_method(call: Node) -> bool:
    return isinstance(call.func, cst.Attribute) and not is_module(call.func.value)


def _with_subject(call: Node, made: Callable[[str], str]) -> Node:
    """Return the call on something else: as a method or as a function, as it stands."""
    if _is_method(call):
        return call.with_changes(
            func=call.func.with_changes(value=expression(f"({made(text_of(closed(call.func.value)))})"))
        )
    first = call.args[0]
    inner = first.value if isinstance(first.value, cst.BinaryOperation) and _adds(first.value) else closed(first.value)
    return call.with_changes(args=[first.with_changes(value=expression(made(text_of(inner)))), *call.args[1:]])


def _adds(node: Node) -> bool:
    """Whether a sum may go on behind it without parentheses."""
    return isinstance(node.operator, (cst.Add, cst.Subtract, cst.Multiply, cst.Divide, cst.Power))


def _clamped(bounds: str) -> Callable[[Node], Node]:
    def made(call: Node) -> Node:
        inner = text_of(closed(subject(call)))
        if _is_method(call):
            return call.with_changes(func=call.func.with_changes(value=expression(f"{inner}.clamp({bounds})")))
        first = call.args[0].with_changes(value=expression(f"{inner}.clamp({bounds})"))
        return call.with_changes(args=[first, *call.args[1:]])

    return made


def inside_domain(text: str, spot: Spot) -> str:
    """Keep the input of the operation `op` at this line where its result and its slope are finite.

    `direction`: whether its result is not finite, or only its gradient: then a root gets an epsilon, not a bound.
    """
    op = str(spot.values["op"]).removesuffix("Backward0").lower().rstrip("_")
    if op == "div":
        return _quotient(text, spot)
    if op == "pow":
        return _power(text, spot)
    if op == "sqrt" and spot.values.get("direction") == "backward":
        return eps_root(text, spot)
    made = _MADE.get(op)
    if made is None:
        raise NotApplied(f"no edit is known that keeps {op} finite")
    return rewritten(text, spot, cst.Call, calls(op), made)


_MADE: dict[str, Callable[[Node], Node]] = {
    "sqrt": _clamped(f"min={EPS}"),
    "log": _clamped(f"min={EPS}"), "log2": _clamped(f"min={EPS}"), "log10": _clamped(f"min={EPS}"),
    "acos": _clamped(f"-{EDGE}, {EDGE}"), "asin": _clamped(f"-{EDGE}, {EDGE}"),
    "exp": _clamped(f"max={HIGHEST}"),
    "softmax": _clamped(f"min={LOWEST}"), "log_softmax": _clamped(f"min={LOWEST}"),
    "logit": lambda call: with_keyword(call, "eps", "1e-6"),
    "std": lambda call: with_keyword(_without(call, "unbiased"), "correction", "0"),
}  # fmt: skip


def _without(call: Node, name: str) -> Node:
    kept = [one for one in call.args if one.keyword is None or one.keyword.value != name]
    if kept:
        kept[-1] = kept[-1].with_changes(comma=call.args[-1].comma)
    return call.with_changes(args=kept)


def _quotient(text: str, spot: Spot) -> str:
    """`a / b` -> `a / b.where(b != 0, 1.0)`: 0/0 is 0, and so is its slope to b; a norm gets a floor under its root."""

    def made(node: Node) -> Node:
        if isinstance(node.right, cst.Call) and called(node.right) in ("norm", "vector_norm"):
            with suppress(NotApplied):
                return node.with_changes(right=_norm(node.right, FLOOR, spot))
        below = text_of(closed(node.right))
        return node.with_changes(right=expression(f"{below}.where({below} != 0, 1.0)"))

    def fits(node: Node) -> bool:
        number = isinstance(node.right, (cst.Integer, cst.Float))
        return isinstance(node.operator, cst.Divide) and not number

    return rewritten(text, spot, cst.BinaryOperation, fits, made)


def _power(text: str, spot: Spot) -> str:
    """`x ** p`, `x.pow(p)` -> the power of what is above zero: below it a broken power is no number."""

    def made(node: Node) -> Node:
        return node.with_changes(left=expression(f"{text_of(closed(node.left))}.clamp(min={EPS})"))

    def fits(node: Node) -> bool:
        number = isinstance(node.left, (cst.Integer, cst.Float))
        return isinstance(node.operator, cst.Power) and not number

    try:
        return rewritten(text, spot, cst.Call, calls("pow"), _clamped(f"min={EPS}"))
    except NotApplied:
        return rewritten(text, spot, cst.BinaryOperation, fits, made)


HALF = ("torch.float16", "torch.half")


def bfloat16(text: str, spot: Spot) -> str:
    """`autocast(..., dtype=torch.float16)` -> `torch.bfloat16`, wherever it stands in the file."""
    wrapper = parsed(text)
    found = [
        arg for node in nodes_of(wrapper) if isinstance(node, cst.Call) and called(node) == "autocast"
        for arg in node.args if arg.keyword is not None and arg.keyword.value == "dtype" and text_of(arg.value) in HALF
    ]  # fmt: skip
    if not found:
        raise NotApplied(f"no autocast to float16 in {spot.file}")
    module = wrapper.module
    for arg in found:
        module = module.deep_replace(arg, arg.with_changes(value=expression("torch.bfloat16")))
    return str(module.code)


DOMAINS: dict[str, Callable[[str, Spot], str]] = {
    "eps-root": eps_root,
    "inside-domain": inside_domain,
    "bfloat16": bfloat16,
}
