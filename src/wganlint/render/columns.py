"""The series of a run as rows of a table that fits the screen (Inspection -> render)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from wganlint.inspection import Record, SeriesView
from wganlint.render.cells import cells, clean, clip
from wganlint.render.spans import Line, Span, line, wrap
from wganlint.render.sparkline import sparkline
from wganlint.render.story import counted, number

FEW = 24  # series of a run that are shown one by one
SINGLES = 12  # series without a role that are shown where there are more
FAMILY = 3  # series of one pattern that are folded into a row
NUMBERS = (
    (12, 6),
    (10, 4),
)  # cells of a number as printed, and digits of a longer one; the second where names are long
NAME = 30  # cells of a name
LEAST = 6  # cells of a name beside its numbers
SPARK = (10, 24)  # cells of a curve: least, most
INDENT, DEEPER = "    ", "      "
KINDS = {"text": "lines", "redraw": "progress bar", "events": "TensorBoard scalars", "table": "table"}
HEADS = ("first", "last", "lowest", "highest")


class Folded(Struct, frozen=True):
    """What is shown of many series: some by themselves, families by their pattern, and the names of the rest."""

    shown: tuple[SeriesView, ...]
    families: tuple[tuple[str, tuple[SeriesView, ...]], ...] = ()
    rest: tuple[SeriesView, ...] = ()


def fold(series: Sequence[SeriesView], *, all: bool = False) -> Folded:
    """Choose what to show: everything where it is little or `all`; else roles and what is not finite come first."""
    if all or len(series) <= FEW:
        return Folded(tuple(series))
    named = [one for one in series if one.role and one.role != "auxiliary_loss"]
    others = [one for one in series if one not in named]
    families: dict[str, list[SeriesView]] = {}
    for pattern in (_numbered, _below):
        counts = Counter(pattern(one.name) for one in others)
        for one in others:
            key = pattern(one.name)
            if key and counts[key] >= FAMILY:
                families.setdefault(key, []).append(one)
        others = [one for one in others if not (counts[key := pattern(one.name)] >= FAMILY and key)]
    singles = sorted(others, key=lambda one: (not one.nonfinite, not one.role))[:SINGLES]
    chosen = {one.name for one in (*named, *singles)}
    return Folded(
        tuple(one for one in series if one.name in chosen),
        tuple((key, tuple(found)) for key, found in families.items()),
        tuple(one for one in others if one.name not in chosen),
    )


def _numbered(name: str) -> str:
    """Return `layer.*.grad` for `layer.3.grad`, an empty text for a name without a number."""
    pattern = re.sub(r"\d+", "*", name)
    return "" if pattern == name else pattern


def _below(name: str) -> str:
    """Return `grad/*` for `grad/conv1`, an empty text for a name that stands alone."""
    at = max(name.rfind("/"), name.rfind("."))
    return f"{name[: at + 1]}*" if at > 0 else ""


def groups(series: Sequence[SeriesView]) -> list[list[SeriesView]]:
    """Return the series in groups that were printed together: one form of line, one kind, the same files."""
    found: dict[tuple[str, str, str, tuple[str, ...]], list[SeriesView]] = {}
    for one in series:
        found.setdefault((one.kind, one.form, one.step_key, one.files), []).append(one)
    return list(found.values())


def rows(group: Sequence[SeriesView], width: int) -> list[Line]:
    """Return a group as a heading and one row a series; a long name stands on a line of its own."""
    layout = _layout(group, width)
    lines = [*_heading(group, width), _titles(layout)]
    even = len({one.points for one in group}) == 1
    several = len(group[0].files) > 1
    for one in group:
        lines += _row(one, layout, width, even=even)
        lines += _remarks(one, width, even=even or _apart(one, layout), several=several)
    return lines


def _heading(group: Sequence[SeriesView], width: int) -> list[Line]:
    first = group[0]
    name = KINDS.get(first.kind, clean(first.kind))
    label: list[Span | str] = [(name, "strong")]
    if first.form and first.form not in {"scalar", first.kind}:
        label += [" ", (clean(first.form), "code")]
    reach = ", ".join(part for part in (records(group), steps(group)) if part)
    lines = wrap([*label, (f": {reach}", "dim")], width, "  ", INDENT)
    files = [*first.files[:2], *([f"and {len(first.files) - 2} more files"] if len(first.files) > 2 else [])]
    for file in files:
        lines += wrap([(file, "path")], width, INDENT)
    for file, names in _again(group).items():
        what = ", ".join(names) if len(names) <= 4 else f"{len(names)} of them"
        lines += wrap([(f"{clean(what)} also in ", "dim"), (file, "path")], width, INDENT)
    return lines


def _again(group: Sequence[SeriesView]) -> dict[str, list[str]]:
    """Return the other files that carry series of this group, with the names of those."""
    found: dict[str, list[str]] = {}
    for one in group:
        for file in one.also_in:
            found.setdefault(file, []).append(one.name)
    return dict(list(found.items())[:2])


def records(group: Sequence[SeriesView]) -> str:
    """Return how many records a group has: `30 records`, `20 to 30 records`."""
    least, most = min(one.points for one in group), max(one.points for one in group)
    return f"{counted(most, 'record')}" if least == most else f"{least} to {most} records"


def steps(group: Sequence[SeriesView]) -> str:
    """Return the steps of a group: `batches 10 to 300`, and where they go back."""
    least = min((one.least_step for one in group if one.least_step is not None), default=None)
    most = max((one.most_step for one in group if one.most_step is not None), default=None)
    if least is None or most is None:
        return "no step: counted by record"
    key = clean(group[0].step_key) or "step"
    backs = max(one.backs for one in group)
    back = f", goes back {counted(backs, 'time')}" if backs else ""
    return f"{key} {number(least)} to {number(most)}{back}"


class _Layout(Struct, frozen=True):
    name: int
    role: int
    numbers: tuple[int, ...]
    room: tuple[int, int]  # as in NUMBERS
    spark: int


def _layout(group: Sequence[SeriesView], width: int) -> _Layout:
    role = max((len(one.role) for one in group), default=0)
    longest = min(max(cells(clean(one.name)) for one in group), NAME)
    for room in NUMBERS:
        values = [_values(one, room) for one in group]
        numbers = tuple(max(len(title), *(cells(row[at]) for row in values)) for at, title in enumerate(HEADS))
        left = width - len(INDENT) - (role + 2 if role else 0) - sum(size + 2 for size in numbers)
        if longest <= left:
            break
    if left < LEAST:  # names and roles on lines of their own
        return _Layout(0, 0, numbers, room, 0)
    name = min(longest, left)
    spare = left - name - 2
    least, most = SPARK
    return _Layout(name, role, numbers, room, min(spare, most) if spare >= least else 0)


def _titles(layout: _Layout) -> Line:
    parts = [INDENT, "name".ljust(layout.name) if layout.name else ""]
    if layout.role:
        parts += ["  ", "role".ljust(layout.role)]
    parts += ["  " + title.rjust(size) for title, size in zip(HEADS, layout.numbers, strict=True)]
    return line(("".join(parts), "dim"))


def _apart(one: SeriesView, layout: _Layout) -> bool:
    """Whether the name needs a line of its own."""
    return cells(clean(one.name)) > layout.name


def _row(one: SeriesView, layout: _Layout, width: int, *, even: bool) -> list[Line]:
    name, short = clean(one.name), not _apart(one, layout)
    spans: list[Span] = [(INDENT, ""), (pad(name if short else "", layout.name), "strong")]
    if layout.role:
        spans.append(("  " + one.role.ljust(layout.role), "good" if one.role_standing else "dim"))
    for text, size in zip(_values(one, layout.room), layout.numbers, strict=True):
        spans.append(("  " + pad(text, size, right=True), "" if text != "-" else "dim"))
    if layout.spark:
        spans += [("  ", ""), (sparkline(one.thumbnail, layout.spark), "spark")]
    if short:
        return [tuple(spans)]
    role: list[Span | str] = (
        [" ", (one.role, "good" if one.role_standing else "dim")] if one.role and not layout.role else []
    )
    count: list[Span | str] = [] if even else [(f" {counted(one.points, 'record')}", "dim")]
    return [*wrap([(name, "strong"), *role, *count], width, INDENT, DEEPER), tuple(spans)]


def _values(one: SeriesView, room: tuple[int, int]) -> tuple[str, ...]:
    found = (one.first, one.last, one.lowest, one.highest)
    return tuple(printed(record.text, record.value, room) if record is not None else "-" for record in found)


def printed(text: str, value: float, room: tuple[int, int]) -> str:
    """Return a number as printed; a very long one shorter, marked as such."""
    shown = clean(text)
    return shown if cells(shown) <= room[0] else f"≈{value:.{room[1]}g}"


def _remarks(one: SeriesView, width: int, *, even: bool, several: bool) -> list[Line]:
    """Return what is special about one series, each on a line below it."""
    lines: list[Line] = []
    if one.first_nonfinite is not None:
        bad = one.first_nonfinite
        text = f"{one.nonfinite} of {one.points} not finite: first {clean(bad.text)} at {_where(bad, several)}"
        if one.stuck is not None:
            text += (
                ", and so to the end" if one.stuck_at_once else f"; none finite from {_where(one.stuck, several)} on"
            )
        lines += wrap([("! ", "medium"), (text, "medium")], width, DEEPER, DEEPER + "  ")
    if one.kept < one.points:
        text = f"{one.points} records, folded to {one.kept}: first, last, extremes and counts are exact"
        lines += wrap([(text, "dim")], width, DEEPER)
    elif not even:
        lines += wrap([(f"{counted(one.points, 'record')}", "dim")], width, DEEPER)
    return lines


def _where(record: Record, several: bool) -> str:
    """Return step and line of a record; the file where the series has several."""
    parts = [f"step {number(record.step)}"] if record.step is not None else []
    if several:
        parts.append(str(record.place))
    elif record.place.line is not None:
        parts.append(f"line {record.place.line}")
    return ", ".join(parts) or "an unknown place"


def family(pattern: str, found: Sequence[SeriesView], width: int) -> list[Line]:
    """Return many series of one pattern as one row."""
    bad = sum(one.nonfinite > 0 for one in found)
    spans: list[Span | str] = [(clean(pattern), "strong"), (f"  {len(found)} series, {records(found)} each", "dim")]
    if bad:
        spans.append((f", {bad} with values that are not finite", "medium"))
    return wrap(spans, width, INDENT, DEEPER)


def rest(found: Sequence[SeriesView], width: int) -> list[Line]:
    """Return the names of series that are not shown, as many as fit two lines."""
    names: list[str] = []
    room = 2 * (width - 40)
    for one in found:
        room -= cells(clean(one.name)) + 2
        if room < 0:
            break
        names.append(clip(clean(one.name), 40))
    more = ", ..." if len(names) < len(found) else ""
    text = f"and {len(found)} more: {', '.join(names)}{more}" if names else f"and {len(found)} more"
    return wrap([(text, "dim"), ("  (--all shows each)", "dim")], width, INDENT, DEEPER)


def pad(text: str, size: int, *, right: bool = False) -> str:
    """Return `text` filled with blanks to `size` cells."""
    gap = " " * max(size - cells(text), 0)
    return gap + text if right else text + gap
