"""Evidence as quoted lines with a gutter and carets, the way rustc shows source (Report -> render)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from wganlint.evidence import Evidence, Place, Standing
from wganlint.render.cells import cells, clean, clip, window
from wganlint.render.spans import Line, line, wrap
from wganlint.render.story import counted, known, number

Quote = tuple[Place, Evidence]

MOST = 4  # quotes shown of one finding; the others are counted
ROWS = 6  # lines shown of one quote


def excerpt(place: Place | None, evidence: Sequence[Evidence], width: int, style: str, most: int = MOST) -> list[Line]:
    """Return the place, the quoted lines with carets, and the arithmetic; `style` colors the carets."""
    quoted = [(item.place, item) for item in evidence if item.place is not None]
    shown, hidden = _picked(quoted, most)
    gutter = max([3, *(len(str(where.line)) for where, _ in shown if where.line is not None)])
    lines: list[Line] = []
    arrow = "-->"
    groups = [list(group) for _, group in groupby(shown, key=lambda pair: pair[0].file)]
    if place is not None and (not groups or groups[0][0][0].file != place.file):
        lines.append(_pointer(gutter, arrow, place))
        arrow = ":::"
    for group in groups:
        lines.append(_pointer(gutter, arrow, place if place and arrow == "-->" else group[0][0]))
        lines.append(_row(gutter))
        lines += _quotes(group, gutter, width, style)
        arrow = ":::"
    lines += _rest([where for where, _ in hidden], gutter)
    for item in evidence:
        if item.place is None:
            lines += _note(item, gutter, width)
    return lines


def _picked(quoted: list[Quote], most: int) -> tuple[list[Quote], list[Quote]]:
    """Return the quotes to show (the first of each file, then those with a label) and those to count."""
    files = [where.file for where, _ in quoted]
    order = sorted(range(len(quoted)), key=lambda at: (files.index(files[at]) != at, not quoted[at][1].label, at))
    picked = set(order[:most])
    shown = [quote for at, quote in enumerate(quoted) if at in picked]
    return shown, [quote for at, quote in enumerate(quoted) if at not in picked]


def _pointer(gutter: int, arrow: str, place: Place) -> Line:
    return line((" " * gutter + arrow, "gutter"), " ", (clean(str(place)), "path"))


def _row(gutter: int, label: str = "") -> Line:
    return line((f"{label:>{gutter}} |", "gutter"), " ")


def _quotes(group: list[Quote], gutter: int, width: int, style: str) -> list[Line]:
    """Return the quotes of one file in the order of its lines; quotes of one line are joined."""
    ordered = sorted(group, key=lambda pair: (pair[0].line or 0, pair[0].column or 0))
    lines: list[Line] = []
    previous: int | None = None
    for (at, _), found in groupby(ordered, key=_same):
        if previous is not None and at is not None and at > previous + 1:
            lines.append(line(("...", "gutter")))
        pairs = list(found)
        quote = max((item.quote for _, item in pairs), key=len)  # a probe quotes a line without its indentation
        rows = quote.rstrip("\r\n").split("\n")
        lines += _quote(rows[0], at, pairs, gutter, width, style)
        for offset, row in enumerate(rows[1:ROWS], start=1):
            text, _ = window(row, [], width - gutter - 3)
            lines.append((*_row(gutter, str(at + offset) if at else ""), (text, "quote")))
        if len(rows) > ROWS:
            lines.append(line(("...", "gutter"), (f" {counted(len(rows) - ROWS, 'line')} more", "dim")))
        previous = at + len(rows) - 1 if at is not None else None
    return lines


def _same(pair: Quote) -> tuple[int | None, str]:
    where, item = pair
    return where.line, item.quote if "\n" in item.quote else item.quote.strip()


def _quote(row: str, at: int | None, pairs: list[Quote], gutter: int, width: int, style: str) -> list[Line]:
    """Return one quoted line, and under it a row of carets with its label for each thing seen in it."""
    room = max(width - gutter - 3, 20)
    marks = [_mark(row, where) for where, _ in pairs]
    if len(pairs) > 1 and _reach(marks) > room - 2:  # too far apart for one window: quote the line for each
        return [found for pair in pairs for found in _quote(row, at, [pair], gutter, width, style)]
    text, places = window(row, [mark for mark in marks if mark], room)
    lines: list[Line] = [(*_row(gutter, str(at) if at else ""), (text, "quote"))]
    found = iter(places)
    for mark, (_, item) in zip(marks, pairs, strict=True):
        lines += _carets(next(found) if mark else None, _label(item), gutter, room, style)
    return lines


def _mark(row: str, place: Place) -> tuple[int, int] | None:
    """Return the marked characters (0-based, end exclusive), or None without a column in this row."""
    if place.column is None:
        return None
    start = place.column - 1
    stop = place.end_column - 1 if place.end_column is not None else start + 1
    if start > 0 and stop - start == len(row):  # the quote is the marked part alone
        return 0, len(row)
    return (start, max(stop, start + 1)) if 0 <= start < len(row) else None


def _reach(marks: list[tuple[int, int] | None]) -> int:
    known = [mark for mark in marks if mark]
    return max(stop for _, stop in known) - min(start for start, _ in known) if known else 0


def _label(item: Evidence) -> str:
    label = item.label
    if item.place is not None and item.place.line is None and known(item.step):
        label = f"{label} (step {number(item.step)})" if label else f"step {number(item.step)}"
    if item.standing is Standing.ASSUMED:
        return f"assumed; would settle it: {label}" if label else "assumed"
    return label


def _carets(mark: tuple[int, int] | None, label: str, gutter: int, room: int, style: str) -> list[Line]:
    head = _row(gutter)
    if mark is None:
        return [(*head, *rest) for rest in wrap([(label, "label")], room, "  ")] if label else []
    start, stop = mark
    carets = line(*head, " " * start, ("^" * max(stop - start, 1), style))
    shown = clean(label)
    if cells(shown) <= room - max(stop, start + 1) - 1:
        return [line(*carets, " ", (shown, "label")) if shown else carets]
    indent = " " * min(start, max(room - cells(shown), room // 3) if cells(shown) < room else room // 8)
    return [carets, *((*head, *rest) for rest in wrap([(label, "label")], room, indent))]


def _rest(places: list[Place], gutter: int) -> list[Line]:
    """Return how many quotes were left out, and where they are."""
    if not places:
        return []
    numbers = [place.line for place in places if place.line is not None]
    text = f"and {len(places)} more"
    if numbers and len({place.file for place in places}) == 1:
        first, last = min(numbers), max(numbers)
        text += f", line {first}" if first == last else f", lines {first}-{last}"
    return [line(("...".ljust(gutter), "gutter"), " ", (text, "dim"))]


def _note(item: Evidence, gutter: int, width: int) -> list[Line]:
    """Return evidence without a place: arithmetic, an absence, a hypothesis."""
    word = "absent" if item.kind == "absence" else str(item.standing)
    opening = " " * gutter + f" = {word}: "
    label = f"would settle it: {item.label}" if item.label and item.standing is Standing.ASSUMED else item.label
    spans = [(part, "code") for part in [clip(item.quote, 600)] if part]
    lines = wrap([*spans, *([f" ({label})"] if label else [])], width, opening, " " * (gutter + 5))
    return [((lines[0][0][0], "gutter"), *lines[0][1:]), *lines[1:]]
