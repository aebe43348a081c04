"""Settings in lines that come again and again, an option dump at each epoch: the first and the changed; part of text.

Such lines feed series like any others. Where they carry no step and no loss, a number that hardly ever changes is
told as a setting as well, or a log that prints its options once would know more than one that prints them often.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field

from wganlint.read.header import settings_of
from wganlint.run import Setting
from wganlint.series import Floats, Ints

CHANGES = 16  # of one number; what changes more often is measured
MOST = 200  # lines kept

Rows = tuple[Sequence[str], Sequence[Floats], Ints, Sequence[str]]


class _Number(Struct):
    """One number of such lines: its last value, how often it came and how often it changed."""

    last: float
    count: int = 0
    changes: int = 0


class Stated(Struct):
    """The lines of one form that may state settings: the first of each kind, and those with a new value."""

    _numbers: dict[str, _Number] = field(default_factory=dict)
    _lines: dict[int, str] = field(default_factory=dict)
    _kinds: set[tuple[str, ...]] = field(default_factory=set)

    def see(self, rows: Sequence[Rows]) -> None:
        """Take the rows of a block: for each kind of line the names of its numbers, their columns, places and lines."""
        places: dict[int, str] = {}
        columns: dict[str, list[tuple[Floats, Ints, Sequence[str]]]] = {}
        for names, values, numbers, lines in sorted(rows, key=lambda row: int(row[2][0])):
            if tuple(names) not in self._kinds:
                self._kinds.add(tuple(names))
                places[int(numbers[0])] = lines[0]
            for name, column in zip(names, values, strict=True):
                columns.setdefault(name, []).append((column, numbers, lines))
        for name, parts in columns.items():
            column, numbers = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
            order = np.argsort(numbers, kind="stable")
            column = column[order]
            known = self._numbers.setdefault(name, _Number(float(column[0])))
            moved = np.flatnonzero(column != np.concatenate([[known.last], column[:-1]]))
            known.changes += len(moved)
            known.count += len(column)
            known.last = float(column[-1])
            if known.changes <= CHANGES and len(moved):
                every = [(part[2], at) for part in parts for at in range(len(part[0]))]
                for at in order[moved].tolist():
                    places[int(numbers[at])] = every[at][0][every[at][1]]
        for number in sorted(places):
            if len(self._lines) < MOST:
                self._lines[number] = places[number]

    def settings(self, file: str) -> list[Setting]:
        """Return what these lines state, each time that it is new, but for numbers that change often."""
        vary = {
            name.partition("#")[0].lower()
            for name, one in self._numbers.items()
            if one.changes > CHANGES or one.changes * 4 > one.count
        }
        found: list[Setting] = []
        told: dict[str, str] = {}
        for one in settings_of(self._lines.items(), file):
            if one.name.lower() in vary or told.get(one.name) == one.value:
                continue
            told[one.name] = one.value
            found.append(one)
        return found
