"""Lines of styled spans and how they wrap: what `full` yields and `screen` colors (Report -> render)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from wganlint.render.cells import cells, clean

Span = tuple[str, str]  # text, name of a style ("" for none)
Line = tuple[Span, ...]

STYLES = (
    "critical",
    "high",
    "medium",
    "low",
    "info",
    "head",
    "strong",
    "dim",
    "code",
    "path",
    "gutter",
    "label",
    "quote",
    "add",
    "del",
    "cures",
    "hides",
    "moves",
    "unknown",
    "observed",
    "derived",
    "assumed",
    "good",
    "spark",
)


def line(*spans: Span | str) -> Line:
    """Return one line; a bare string is a span without a style."""
    return tuple((span, "") if isinstance(span, str) else span for span in spans)


def plain(lines: Iterable[Line]) -> str:
    """Return the lines as text without styles and without trailing blanks."""
    text = "\n".join("".join(text for text, _ in spans).rstrip() for spans in lines)
    return text + "\n" if text else ""


def wrap(spans: Sequence[Span | str], width: int, indent: str = "", hanging: str | None = None) -> list[Line]:
    """Return `spans` as lines of at most `width` cells: `indent` opens the first, `hanging` all others.

    Input-derived text is made safe here; runs of blanks become one; a word longer than a line is
    broken, unless it is a path.
    """
    hanging = indent if hanging is None else hanging
    lines: list[list[Span]] = []
    current: list[Span] = [(indent, "")]
    used, empty = cells(indent), True
    room = max(width - cells(hanging), 8)
    for word in _words(line(*spans)):
        for piece in _pieces(word, room):
            size = sum(cells(text) for text, _ in piece)
            if not empty and used + 1 + size > width:
                lines.append(current)
                current, used, empty = [(hanging, "")], cells(hanging), True
            if not empty:
                current.append((" ", piece[0][1] if current[-1][1] == piece[0][1] else ""))
                used += 1
            current.extend(piece)
            used, empty = used + size, False
    lines.append(current)
    return [_merged(spans) for spans in lines]


def paragraphs(text: str, width: int, indent: str, hanging: str | None = None, style: str = "") -> list[Line]:
    """Return `text`, wrapped, each of its own lines on a new line."""
    lines: list[Line] = []
    for number, part in enumerate(part for part in text.split("\n") if part.strip()):
        lines += wrap([(part, style)], width, hanging if number and hanging is not None else indent, hanging)
    return lines


def _merged(spans: list[Span]) -> Line:
    """Return the spans with neighbors of one style joined."""
    groups = groupby(spans[1:], key=lambda span: span[1])
    return (spans[0], *(("".join(text for text, _ in group), style) for style, group in groups))


def _words(spans: Line) -> list[list[Span]]:
    """Split spans at blanks; parts of one word may carry several styles."""
    words: list[list[Span]] = [[]]
    for text, style in spans:
        for part in re.split(r"([ \t\n\r]+)", text):
            if part and not part.strip(" \t\n\r"):
                words.append([])
            elif part:
                words[-1].append((clean(part), style))
    return [word for word in words if word]


def _pieces(word: list[Span], room: int) -> list[list[Span]]:
    """Return the word, in parts where it is longer than a whole line."""
    if sum(cells(text) for text, _ in word) <= room or any(style == "path" for _, style in word):
        return [word]
    pieces: list[list[Span]] = [[]]
    used = 0
    for text, style in word:
        start = 0
        for at, char in enumerate(text):
            size = cells(char)
            if used + size > room:
                pieces[-1].append((text[start:at], style))
                pieces.append([])
                start, used = at, 0
            used += size
        pieces[-1].append((text[start:], style))
    return [[span for span in piece if span[0]] for piece in pieces]
