"""Input text made safe and measured in terminal cells; under every renderer (Report -> render)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import accumulate

TAB = 4
CUT = "…"
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean(text: str) -> str:
    """Return `text` with control and format characters written out, as `\\x1b`; a tab becomes a blank."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char == "\t" else _visible(char) for char in text)


def glyphs(line: str) -> list[str]:
    """Return what to print for each character of `line`: tabs expanded, control characters written out."""
    if line.isascii() and line.isprintable():
        return list(line)
    shown: list[str] = []
    at = 0
    for char in line:
        glyph = " " * (TAB - at % TAB) if char == "\t" else _visible(char)
        at += cells(glyph)
        shown.append(glyph)
    return shown


def cells(text: str) -> int:
    """Return how many terminal cells `text` takes: wide East Asian characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def clip(text: str, room: int) -> str:
    """Return `text` cut at its end with an ellipsis where it takes more than `room` cells."""
    if cells(text) <= room:
        return text
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > room - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + CUT


def window(line: str, marks: Sequence[tuple[int, int]], room: int) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of `line` around `marks` that fits `room` cells, and where the marks stand in it.

    Marks are given in characters (0-based, end exclusive) and returned in cells; what does not fit is cut
    with an ellipsis on its side.
    """
    shown = glyphs(line)
    at = [0, *accumulate(cells(glyph) for glyph in shown)]
    inside = [(min(start, len(shown)), min(max(start, stop), len(shown))) for start, stop in marks]
    first = min((start for start, _ in inside), default=0)
    last = max((stop for _, stop in inside), default=0)
    left, right = _borders(at, first, last, room)
    before = CUT if left > 0 else ""
    after = CUT if right < len(shown) else ""
    shift = len(before) - at[left]
    end = at[right] + shift
    return before + "".join(shown[left:right]) + after, [
        (at[start] + shift, max(min(at[stop] + shift, end), at[start] + shift)) for start, stop in inside
    ]


def _borders(at: list[int], start: int, stop: int, room: int) -> tuple[int, int]:
    """Return the first and last character to show; `at` holds the cell where each character begins."""
    count = len(at) - 1
    if at[count] <= room:
        return 0, count
    room = max(room - 2, 1)  # for the two ellipses
    left, right = start, stop
    while right > left + 1 and at[right] - at[left] > room:
        right -= 1
    spare = room - (at[right] - at[left])
    ahead = spare if at[right] <= room - 10 else spare * 2 // 3
    while left > 0 and at[start] - at[left - 1] <= ahead:
        left -= 1
    while right < count and at[right + 1] - at[left] <= room:
        right += 1
    one = room + 1 if left == 0 or right == count else room  # only one side is cut: one ellipsis less
    while left > 0 and at[right] - at[left - 1] <= one:
        left -= 1
    while left == 0 and right < count and at[right + 1] <= room + 1:
        right += 1
    return left, right


def _visible(char: str) -> str:
    kind = unicodedata.category(char)
    if kind not in _UNSAFE:
        return char
    if kind == "Cs":
        return "\ufffd"
    code = ord(char)
    if code < 0x100:
        return {"\n": "\\n", "\r": "\\r"}.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
