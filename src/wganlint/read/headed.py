"""Rows of numbers below a line of names: rich, Markdown and aligned tables printed into a log; part of read/text.

A heading alone is nothing: its first row must follow at once and fit it. A row is read by the names that stand above
it, so no pattern is learned of it: the same numbers below other names are other series.
"""

from __future__ import annotations

import re

from wganlint.late import late
from wganlint.read.tokens import NUMBER, UNIT, Field, step_rank

LONGEST = 1000  # characters of a row
MOST = 60  # columns
SOON = 4  # lines below its heading in which the first row must come
NEAR = 50  # lines between two rows of columns that only blanks part
FAR = 20_000  # the same where bars part them
_BARS = "│┃║|"
_BAR = late(f"[{_BARS}]")
_RULE = late(r"[\s+\-=_:|│┃║─━═┄┈╌╍┅┉╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╒╕╘╛╞╡╤╧╪╔╗╚╝╠╣╦╩╬┡┩┢┪╇┯┷┿╂┠┨┝┥┞┟]+")
_NAME = late(r"[^\W\d](?:[\w./()%#*+-]|(?<! ) (?! ))*")
_GAP = late(r"[ \t]{2,}|\t")
_WORD = re.compile(r"\S+")
_SPEAKS = late(r"loss|cost|wasserstein|(?<![a-z])(?:gap|gp|fid|err)(?![a-z])|penalty", re.IGNORECASE)
_CELL = late(rf"(?P<value>(?>{NUMBER}))(?P<of>[ ]?/[ ]?[0-9]++)?(?:[ ]?(?P<unit>{UNIT}))?(?P<mark>[ ]?[*+↑↓✓]{{1,3}})?")
_NONE = frozenset({"", "-", "--", "—", "n/a", "na", "none", "null", "*", "+", "✓", "✗", "..."})
_CLOCK = late(
    r"(?:[0-9]+ days?,? )?[0-9]+:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?:[ap]m)?"
    r"|[0-9]+(?:h|m|min)(?: ?[0-9]+(?:m|s|min|sec))?"
)

Cells = list[tuple[int, int]]


class Headed:
    """The heading that holds, and what it makes of the lines below it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._barred = False  # bars part the columns, else blanks
        self._index = 0  # cells of a row before the first name: pandas prints a number of its own
        self._last = 0  # line of the heading or of the last row
        self._rows = 0

    def row(self, line: str, number: int) -> list[Field]:
        """Return the fields of a row below the heading that holds; nothing if the line is none."""
        if not self._names or len(line) > LONGEST or number - self._last > self._reach():
            return []
        cells = _cells(line, barred=self._barred)
        index = self._index if self._rows else len(cells) - len(self._names)
        if len(cells) != len(self._names) + index or not 0 <= index <= (0 if self._barred else 1):
            return []
        fields = self._fields(line, cells[index:])
        if fields and index and re.fullmatch("[0-9]+", line[slice(*cells[0])]) is None:
            return []
        if fields:
            self._last, self._index = number, index
            self._rows += 1
        return fields

    def heading(self, line: str, number: int) -> bool:
        """Whether a line without a number of its own names columns; they hold from here on."""
        names, barred = names_of(line)
        if names:
            self._names, self._barred, self._last, self._rows, self._index = names, barred, number, 0, 0
        return bool(names)

    def may(self, line: str) -> bool:
        """Whether a line is a heading, or a row if it stands below one: then no other line of its look is noise."""
        if len(line) > LONGEST or not line or line.isspace():
            return False
        barred = _BAR.search(line) is not None
        cells = _cells(line, barred=barred)
        if len(cells) < 2:
            return False
        values = sum(_value(line, cell) is not None for cell in cells)
        words = sum(line[slice(*cell)].lower() not in _NONE for cell in cells) - values
        return values >= words if barred and values else (values > 1 and not words) or bool(names_of(line)[0])

    def _reach(self) -> int:
        return (FAR if self._barred else NEAR) if self._rows else SOON

    def _fields(self, line: str, cells: Cells) -> list[Field]:
        """Return the numbers of a row: columns of words are passed, if the columns are parted by bars."""
        found: list[Field] = []
        for name, cell in zip(self._names, cells, strict=True):
            match = _value(line, cell)
            if match is None:
                text = line[slice(*cell)].strip().lower()
                empty = text in _NONE or _CLOCK.fullmatch(text) is not None
                if not empty and (not self._barred or step_rank(name) is not None or "=" in text or ": " in text):
                    return []
                continue
            start, end = match.span("value")
            unit = match["unit"] or ""
            found.append(Field(name, start, start, start, end, unit, match.end("unit") if unit else end))
        return found if len(found) * 2 >= len(cells) else []


def _cells(line: str, *, barred: bool) -> Cells:
    """Return where the cells of a line are, without the blanks around them."""
    if not barred:
        return [match.span() for match in _WORD.finditer(line)]
    bars = [match.start() for match in _BAR.finditer(line)]
    if not bars or len(bars) > MOST:
        return []
    begins, ends = [0, *(bar + 1 for bar in bars)], [*bars, len(line)]
    if not line[begins[-1] :].strip():  # a bar at the end: then one stands before the first cell, too
        begins, ends = begins[1:-1], ends[1:-1]
    elif not line[: ends[0]].strip():
        return []
    return [_bare(line, begin, end) for begin, end in zip(begins, ends, strict=True)]


def _bare(line: str, begin: int, end: int) -> tuple[int, int]:
    text = line[begin:end]
    start = begin + len(text) - len(text.lstrip())
    return (start, start + len(text.strip())) if text.strip() else (begin, begin)


def _value(line: str, cell: tuple[int, int]) -> re.Match[str] | None:
    return _CELL.fullmatch(line, *cell)


def names_of(line: str) -> tuple[list[str], bool]:
    """Return the names of columns that a line states, and whether bars part them."""
    if len(line) > LONGEST or "=" in line or ": " in line or line.rstrip().endswith((".", "!", "?", ":")):
        return [], False
    barred = _BAR.search(line) is not None
    if not barred:
        text = line.strip()
        names = _GAP.split(text)
        if len(names) < 2 or (any(" " in name for name in names) and "  " not in text):
            names = text.split()
        if any(len(name.split()) > 3 for name in names) or len(names) != len(set(names)):
            return [], False
        words = [name for name in names if _NAME.fullmatch(name) is None]
        counts = any(step_rank(name) is not None for name in names)
        if words or len(names) < 3 - counts or not (counts or _GAP.search(text)) or not _speak(names):
            return [], False
        return names, False
    names = [line[slice(*cell)] for cell in _cells(line, barred=True)]
    named = [name for name in names if name]
    good = 2 <= len(named) == len(set(named)) and len(names) - len(named) <= 1
    if not good or any(len(name) > 40 or _NAME.fullmatch(name) is None for name in named) or not _speak(named):
        return [], False
    return names, True


def _speak(names: list[str]) -> bool:
    """Whether names speak of training: of a loss or the like, or of a step and of something else."""
    return any(_SPEAKS.search(name) for name in names)
