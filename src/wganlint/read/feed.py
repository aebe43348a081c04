"""Feeds the reader of profiler tables the lines that it needs; passes tables that are known at sight; part of text."""

from __future__ import annotations

import numpy as np

from wganlint.read.digits import Flags
from wganlint.read.kept import Numbered, Passed
from wganlint.read.lines import Block
from wganlint.read.masks import NOISE, Masks, View
from wganlint.read.profile_table import TableReader, is_header
from wganlint.read.rows import Ints

ABOVE = 8  # lines before a table in which its heading may stand


class Feed:
    """The tables of one file: the reader sees the lines from shortly before dashes to the end of a table."""

    def __init__(self, shown: str, masks: Masks) -> None:
        self.reader = TableReader(shown)
        self._recent: list[Numbered] = []
        self._masks = masks

    def take(self, block: Block, view: View | None) -> Flags:
        """Return which lines belong to a table. Tables that are known at sight are passed."""
        lines, reader = block.rows, self.reader
        taken = np.zeros(len(lines), dtype=np.bool_)
        if view is None:
            dashes = [at for at, line in enumerate(lines) if "---" in line]
            starts = stops = np.zeros(0, dtype=np.int64)
        else:
            starts, stops = self._masks.known(view, block)
            dashes = self._masks.dashes(view, lines, starts, stops)
        if dashes or len(starts) or reader.inside:
            for number, line in self._recent:
                reader.feed(number, line)
        fed = done = 0  # lines handed on or passed; tables passed
        for at in [0, *dashes] if reader.inside else dashes:
            if at < fed:
                continue
            if not reader.inside:
                until = int(np.searchsorted(starts, at))
                fed = self._pass(block, taken, starts[done:until], stops[done:until], fed)
                done = until
                stop = 0 if view is None else self._one(block, view, at, fed)
                if stop:
                    taken[at:stop] = True
                    fed = stop
                    continue
            closed = reader.closed
            for order in range(max(fed, at - ABOVE), len(lines)):
                if order > at and not reader.inside:
                    break
                if reader.feed(block.number(order), lines[order]):
                    taken[order] = True
                fed = order + 1
            table = reader.last
            new = table is not None and reader.closed == closed + 1 and taken[at]
            if view is not None and table is not None and new and table.place.line == block.number(at):
                self._masks.learn(view, block, at, table)
        fed = self._pass(block, taken, starts[done:], stops[done:], fed)
        reader.settle()
        first = max(fed, len(lines) - ABOVE)
        recent = [(block.number(at), lines[at]) for at in range(first, len(lines))]
        self._recent = recent if fed else [*self._recent, *recent][-ABOVE:]
        return taken

    def _pass(self, block: Block, taken: Flags, starts: Ints, stops: Ints, fed: int) -> int:
        """Pass known tables, but for those of which the reader took lines; return where the last one ends."""
        if len(starts) and starts[0] < fed:
            later = starts >= fed
            starts, stops = starts[later], stops[later]
        if not len(starts):
            return fed
        begins = np.maximum(starts - ABOVE, np.concatenate([[fed], stops[:-1]]))
        change = np.zeros(len(taken) + 1, dtype=np.int8)
        change[starts] += 1
        change[stops] -= 1
        taken |= np.cumsum(change[:-1], dtype=np.int8).view(np.bool_)
        self._skip(block, begins, stops, fed)
        return int(stops[-1])

    def _skip(self, block: Block, begins: Ints, stops: Ints, fed: int) -> None:
        before = () if fed else tuple(self._recent)
        passed = Passed(block.rows, block.places, begins, stops, before)
        self.reader.skip(passed, block.number(int(stops[-1]) - 1))

    def _one(self, block: Block, view: View, at: int, fed: int) -> int:
        """Pass the table that begins at line `at` if it is known at second sight; return where it ends, or 0."""
        stop = self._masks.table(view, block, at)
        if not stop:
            return 0
        known = at > 0 and view.codes[at - 1] == NOISE
        if not known:
            above = block.rows[at - 1] if at else self._recent[-1][1] if not fed and self._recent else ""
            if is_header(above):
                return 0
        self._skip(block, np.array([max(fed, at - ABOVE)]), np.array([stop]), fed)
        return stop
