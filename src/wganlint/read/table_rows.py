"""Rows of known profiler tables, told by where their blanks stand; part of read/masks.

A printed table is a lattice: all its lines are equally long, two blanks part its columns, numbers end at the right of
theirs. Within the frame of a known table a line that keeps to this is a row, whatever its digits; to look at these few
bytes takes a tenth of the time that a hash of the line takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from wganlint.read.digits import Flags, Ints
from wganlint.read.scan import Lines

_COLUMN = re.compile("-+")
_NONE, _GAP = np.uint32(0x00FFFF00), np.uint32(0x00202000)  # of four bytes: two blanks behind the first
_FIRST, _BLANK = np.uint32(0xFF), np.uint32(32)


class Lattice(Struct, frozen=True):
    """How long a row is, where its columns but the last end, and where a digit must stand."""

    size: int
    ends: tuple[int, ...]
    digit: int

    def rows(self, lines: Lines, at: Ints) -> Ints:
        """Return those of some lines, all of this size, that keep to it."""
        at = at[(lines.bytes[lines.starts[at] + self.digit] - np.uint8(48)) < 10]
        for end in self.ends:
            four = lines.fours(lines.starts[at] + (end - 1))
            fits: Flags = ((four & _NONE) == _GAP) & ((four & _FIRST) > _BLANK)
            if not fits.all():
                at = at[fits]
        return at


def lattice_of(dashes: str, header: str, rows: Sequence[str]) -> Lattice | None:
    """Return the lattice of a table, told by its line of dashes; None where its rows do not keep to one."""
    every = [dashes, header, *rows]
    if len({len(line) for line in every}) != 1 or not all(line.isascii() for line in every) or not rows:
        return None
    ends = [match.end() for match in _COLUMN.finditer(dashes)]
    digits = [end - 1 for end in ends if all(row[end - 1].isdigit() for row in rows) and not header[end - 1].isdigit()]
    parted = all(row[end - 1] > " " and row[end : end + 2] == "  " for row in rows for end in ends[:-1])
    if not digits or not parted or len(ends) < 3 or ends[-1] != len(dashes):
        return None
    return Lattice(len(dashes), tuple(ends[:-1]), digits[-1])
