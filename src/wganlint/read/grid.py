"""A clean block of a delimited table is cut into columns of bytes, and its numbers are read in bulk; read/delimited.

Clean: every row has as many cells as the table has columns, and nothing is quoted. A column with anything but numbers
and blanks in it is left to the reader of single cells.
"""

from __future__ import annotations

import numpy as np

from wganlint.read.digits import WIDEST, Floats, Ints, read_numbers
from wganlint.read.rows import Rows
from wganlint.read.scan import Lines
from wganlint.texts import Texts

Numbers = tuple[Ints, Floats, Texts, Ints]  # rows that have one, values, texts, starts (1-based)


class Grid:
    """Where the cells of a block are. `cells` are their texts, made when they are asked for."""

    def __init__(self, data: bytes, mark: str, ends: Ints, lines: Lines) -> None:
        self.longest = int((lines.stops - lines.starts).max(initial=0))
        self._data, self._mark, self._lines = data, mark, lines
        self._ends = np.ascontiguousarray(ends.T)  # of the cells, shape (columns, lines)
        self._cells: list[str] | None = None

    @classmethod
    def of(cls, data: bytes, mark: str, width: int, count: int) -> Grid | None:
        """Cut `count` lines into `width` cells each; None where that does not work out."""
        if not data.isascii():
            return None
        data = data if data.endswith(b"\n") else data + b"\n"
        lines = Lines(Rows.cut(data)[0])
        letters = lines.bytes[: lines.size]
        ends = np.flatnonzero((letters == ord(mark)) | (letters == 10))
        if len(ends) != width * count or len(lines.stops) != count:
            return None
        grid = ends.reshape(count, width)
        if not np.array_equal(grid[:, -1], lines.stops):
            return None
        return cls(data, mark, grid, lines)

    def starts(self, at: int) -> Ints:
        """Return where the cells of a column start in their lines, 0-based."""
        starts: Ints = self._begin(at) - self._lines.starts
        return starts

    def _begin(self, at: int) -> Ints:
        begin: Ints = self._lines.starts if at == 0 else self._ends[at - 1] + 1
        return begin

    def beginning(self, letters: bytes) -> list[int]:
        """Return the lines that begin with one of these letters."""
        first = self._lines.bytes[self._lines.starts]
        table = np.zeros(256, dtype=np.bool_)
        table[np.frombuffer(letters, dtype=np.uint8)] = True
        return [int(at) for at in np.flatnonzero(table[first])]

    def texts(self, at: int) -> list[str]:
        """Return the cells of a column."""
        if self._cells is None:
            self._cells = self._data[:-1].decode("ascii").replace("\n", self._mark).split(self._mark)
        return self._cells[at :: len(self._ends)]

    def is_blank(self, at: int) -> bool:
        """Whether no cell of a column has a character."""
        return bool((self._ends[at] == self._begin(at)).all())

    def numbers(self, at: int) -> Numbers | None:
        """Return the numbers of a column; None if any cell is neither a plain number nor blank."""
        start = self._begin(at)
        size = self._ends[at] - start
        rows = np.arange(len(size), dtype=np.int64)
        columns = start - self._lines.starts
        most = int(size.max(initial=0))
        if not most or most > WIDEST:
            return None
        if not size.all():
            rows = np.flatnonzero(size)
            start, size, columns = start[rows], size[rows], columns[rows]
        values, texts, good = read_numbers(self._lines.windows(start, -(-most // 8) * 8), size)
        return (rows, values, texts, columns + 1) if good.all() else None
