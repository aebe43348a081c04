"""The first lines of a log, to see where the program was started again; part of read/text."""

from __future__ import annotations

import re

import numpy as np

from wganlint.late import late
from wganlint.read.forms import MONTHS, MOST_RESTARTS, TIMES, Restart
from wganlint.read.headed import names_of
from wganlint.read.lines import Block
from wganlint.read.loose import all_fields
from wganlint.read.rows import Ints, Rows
from wganlint.read.tokens import bar_of, step_rank

MOST_HEADS = 5000  # places kept
_DAY = late(rf"\b(?:{MONTHS})[a-z]*\b[ ]++(?:[0-9]{{1,2}}(?![0-9:]))?|(?<![0-9])(?:19|20)[0-9]{{2}}(?![0-9])", re.I)
LINES = 3  # lines of a banner that must come again in a row


class Banner:
    """Remembers the first lines of a file; times in them do not count, other numbers do."""

    def __init__(self, shown: str) -> None:
        self.file = shown
        self.restarts: list[Restart] = []
        self.heads: list[int] = []  # the lines of all restarts
        self._lines: list[str] | None = None
        self._ends: list[tuple[str, str] | None] = []  # how each of them must begin and end, times or not
        self._prefix = ""

    def look(self, block: Block) -> None:
        """Search a block for the banner; the first block sets it."""
        start = 0
        if self._lines is None:
            self._lines, start = _banner(block.rows[:50])
            self._prefix = _prefix(self._lines)
            self._ends = [_ends(line) for line in self._lines]
        if not self._prefix or not self._lines:
            return
        lines, prefix = block.rows, self._prefix.encode(errors="replace")
        places = _begin(lines, prefix[:8])
        places = places[_begin(lines, prefix, places)] if len(prefix) > 8 else places
        for at in places[places > start].tolist():
            if len(self.heads) >= MOST_HEADS:
                return
            if not self._again(lines, at):
                continue
            self.heads.append(block.number(at))
            if len(self.restarts) < MOST_RESTARTS:
                self.restarts.append(Restart(block.number(at), f"the log's first line again: {lines[at][:80]}"))

    def _again(self, lines: Rows, at: int) -> bool:
        """Whether the banner begins at a line: as soon as one line differs, those below it are not looked at."""
        banner = self._lines or []
        found = 0
        for place in range(at, min(at + 4 * len(banner), len(lines))):
            line = lines[place]
            if not line.strip():
                continue
            if not _is(line, banner[found], self._ends[found]):
                return False
            found += 1
            if found == len(banner):
                return True
        return False


def _begin(rows: Rows, text: bytes, at: Ints | None = None) -> Ints:
    """Return which of some lines (or of all) begin with a text of at most `PAD` bytes."""
    heads = np.ndarray((len(rows.data) - len(text) + 1,), f"S{len(text)}", rows.data, strides=(1,))
    return np.flatnonzero(heads[rows.starts if at is None else rows.starts[at]] == text)


def _banner(lines: list[str]) -> tuple[list[str], int]:
    """Return the first lines without times, and where they start; nothing if they say too little."""
    kept: list[str] = []
    start = 0
    if any(names_of(line)[0] for line in [line for line in lines if line.strip()][: LINES + 2]):
        return [], 0  # the title of a table, perhaps, which comes with each
    for at, line in enumerate(lines[:50]):
        if not line.strip():
            continue
        if bar_of(line) is not None or any(step_rank(field.key) is not None for field in all_fields(line[:2000])):
            break
        if not kept:
            if sum(map(str.isalpha, line[:200])) < 6:
                return [], 0
            start = at
        kept.append(_plain(line))
        if len(kept) == LINES:
            break
    if len(set(kept)) == 1 and kept:  # the same line over and over: starts that died at once
        return (kept[:1], start) if TIMES.search(lines[start]) or kept[0].startswith("nohup") else ([], 0)
    return kept, start


def _prefix(lines: list[str]) -> str:
    if not lines:
        return ""
    text = lines[0][:24]
    end = next((at for at, letter in enumerate(text) if letter.isdigit() or letter == "\0"), len(text))
    return text[:end] if end >= 6 else ""


def _plain(line: str) -> str:
    text = line[:400]
    if TIMES.search(text):
        text = TIMES.sub("\0", _DAY.sub("\0", text))
    return text.rstrip()


def _ends(plain: str) -> tuple[str, str] | None:
    """Return what a line begins and ends with, whatever its times; None where it has no time."""
    return (plain.partition("\0")[0], plain.rpartition("\0")[2]) if "\0" in plain else None


def _is(line: str, plain: str, ends: tuple[str, str] | None) -> bool:
    """Whether `_plain(line) == plain`; most lines are told by their first and last characters alone."""
    text = line[:400].rstrip()
    if ends is None:
        return text == plain
    return text.startswith(ends[0]) and text.endswith(ends[1]) and _plain(line) == plain
