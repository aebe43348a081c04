"""What one cell of a table says: a number as printed, nothing, or a text; part of read/columns."""

from __future__ import annotations

import re
from typing import NamedTuple

from wganlint.read.tokens import NUMBER, number

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "none", "null", "nil", "-", "--", "n.a.", "nat"})
_PLAIN = re.compile(NUMBER)
_COMMA = re.compile(r"[+-]?[0-9]{1,40},[0-9]{1,40}(?:[eE][+-]?[0-9]{1,10})?")
_WRAPPED = re.compile(
    rf"(?:[A-Za-z_][\w.]{{0,40}}\(\s*\[{{0,4}}\s*(?P<call>{NUMBER})\s*\]{{0,4}}\s*(?:,[^\n]*)?\)"  # tensor(10.5, ...)
    rf"|\[{{1,4}}\s*(?P<list>{NUMBER})\s*\]{{1,4}}"  # [0.5]
    rf"|<[^\n]{{0,200}}?numpy=(?P<numpy>{NUMBER})[^\n]{{0,40}}>"  # <tf.Tensor: shape=(), numpy=0.5>
    rf"|(?P<share>{NUMBER})\s?%"
    rf"|(?P<of>{NUMBER})\s?/\s?[0-9]{{1,18}})"  # 104/ 180
)


class Cell(NamedTuple):
    """A number in a cell: its value, as printed, and how many characters of the cell stand before it."""

    value: float
    text: str
    offset: int
    unit: str = ""


def cell(text: str, *, decimal: str = ".") -> Cell | None:
    """Return the number that a cell (without outer blanks) holds, or None. `decimal` is the decimal mark."""
    if decimal == "," and _COMMA.fullmatch(text):
        plain = text.replace(",", ".")
        return Cell(float(plain), plain, 0)
    if _PLAIN.fullmatch(text):
        return Cell(number(text), text, 0)
    match = _WRAPPED.fullmatch(text) if len(text) <= 400 else None
    if match is None:
        return None
    group = next(name for name in ("call", "list", "numpy", "share", "of") if match[name] is not None)
    return Cell(number(match[group]), match[group], match.start(group), "%" if group == "share" else "")


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value. `nan` is a value: it may be what training came to."""
    return text.lower() in MISSING
