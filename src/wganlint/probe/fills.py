"""Edits of what empty groups are filled with: zero, or a number that the network learns."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from wganlint.probe.syntax import (
    Node,
    NotApplied,
    Spot,
    called,
    calls,
    closed,
    cst,
    expression,
    rewritten,
    text_of,
    with_keyword,
)

ATTRIBUTE = "empty_fill"
WHOLE = ("full", "new_full", "full_like")  # of one value, so that a number can be added to all of it


def _is_value(value: float) -> Callable[[Node], bool]:
    def fits(node: Node) -> bool:
        if not isinstance(node, (cst.Float, cst.Integer, cst.UnaryOperation)):
            return False
        try:
            return float(ast.literal_eval(text_of(node))) == value
        except (ValueError, TypeError, SyntaxError):
            return False

    return fits


def neutral_fill(text: str, spot: Spot) -> str:
    """Fill with 0 instead of the sentinel; a reduction into it (`reductions`: lines) then leaves the fill out."""
    fits = _is_value(float(spot.values["value"]))
    text = rewritten(text, spot, (cst.Float, cst.Integer, cst.UnaryOperation), fits, lambda node: expression("0.0"))
    for line in spot.values.get("reductions", ()):
        there = Spot(spot.file, int(line))
        text = rewritten(
            text, there, cst.Call, calls("scatter_reduce", "scatter_reduce_", "index_reduce", "index_reduce_"),
            lambda call: with_keyword(call, "include_self", "False"),
        )  # fmt: skip
    return text


def learned_fill(text: str, spot: Spot) -> str:
    """`torch.full(size, 0.0)` -> `torch.full(size, 0.0) + self.empty_fill`; a weight of that name is put in beside."""
    if re.search(rf"\bself\.{ATTRIBUTE}\b", text):
        raise NotApplied(f"{spot.file} has a self.{ATTRIBUTE} already")

    def added(call: Node) -> Node:
        return expression(f"{text_of(call)} + self.{ATTRIBUTE}")

    def alone(node: Node) -> bool:
        return isinstance(node.value, cst.Call) and called(node.value) in WHOLE

    line = Spot(spot.file, spot.line)
    try:
        return rewritten(text, line, cst.Assign, alone, lambda node: node.with_changes(value=added(node.value)))
    except NotApplied:
        return rewritten(text, spot, cst.Call, calls(*WHOLE), lambda call: closed(added(call)))


FILLS: dict[str, Callable[[str, Spot], str]] = {"neutral-fill": neutral_fill, "learned-fill": learned_fill}
