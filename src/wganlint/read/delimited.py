"""Delimited tables (CSV and its kin, number files without names) become rows, block by block; part of read/columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import BinaryIO

import numpy as np

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import stem_of
from wganlint.read.cells import cell, is_missing
from wganlint.read.dialect import LOOKED, OURS, Dialect, dialect_of, is_comment, names_in
from wganlint.read.grid import Grid
from wganlint.read.lines import Block, Damage, blocks
from wganlint.read.sheet import Column, Rows, Sheet, form_of, is_label, rank
from wganlint.run import Note
from wganlint.series import Ints

LONGEST = 60  # characters of a number that needs no closer look
_EXPORT = ("wall time", "step", "value")  # what TensorBoard's download button writes


class Delimited:
    """Reads one delimited file into a sheet; a header that comes again with the step back at its start begins a run."""

    def __init__(self, shown: str, names: Sequence[str] = (), before: Delimited | None = None) -> None:
        self.shown = shown
        self.goes_on = False  # whether the steps of the file before go on here: its sheet is fed
        self._before = before
        self.notes: list[Note] = []
        self.comments: list[tuple[int, str]] = []
        self.sheets: list[Sheet] = []
        self.skipped: list[str] = []  # columns without numbers
        self.rows = 0
        self._given = tuple(names)
        self._dialect = Dialect(",", 0)
        self._names: tuple[str, ...] = ()
        self._text: set[int] = set()  # columns of words
        self._open: set[int] = set()  # columns that have shown nothing but blanks so far
        self._filler: set[int] = set()  # columns where NaN stands for a blank
        self._filled = 0
        self._bad: dict[str, tuple[int, int, str]] = {}
        self._drop: set[int] = set()
        self._ragged: dict[str, tuple[int, int]] = {}

    def read(self, stream: BinaryIO, *, strict: bool = False) -> None:
        """Read the whole file.

        Raises:
            InputError: the file is binary, cannot be read, or is no table.
        """
        damage = Damage(self.shown)
        first: list[Block] = []
        for block in blocks(stream, damage):
            if self.sheets:
                self._block(block)
                continue
            first.append(block)
            if sum(len(one.lines) for one in first) >= LOOKED or len(first) > 8:
                self._begin(first, strict)
                first = []
        if not self.sheets:
            self._begin(first, strict)
        self._finish()
        self.notes += damage.all_notes()

    def _begin(self, first: list[Block], strict: bool) -> None:
        numbers = [number for block in first for number in block.numbers]
        lines = [line for block in first for line in block.lines]
        dialect = dialect_of(lines, strict=strict)
        if dialect is None:
            raise InputError("no table of numbers", file=self.shown, hint="A table has a header line, then numbers.")
        self._dialect = dialect
        if self._continues(lines[dialect.first : LOOKED]):
            assert self._before is not None
            self.goes_on, self._names = True, dialect.names
            self.sheets.append(self._before.sheets[-1])
            self.sheets[0].begin(self.shown)
        else:
            self._start(dialect.names)
        self._look(lines[dialect.first : LOOKED])
        above = [(numbers[at], lines[at]) for at in range(dialect.first) if at != dialect.header]
        self.comments += [(at, line.lstrip("#%/ \t")) for at, line in above if line.strip()]
        rest = Block.of(numbers[dialect.first :], lines[dialect.first :])
        self._block(rest)

    def _continues(self, rows: list[str]) -> bool:
        """Whether the file before has the same columns, and a step that goes on here."""
        before = self._before
        if before is None or len(before.sheets) != 1 or not self._dialect.names:
            return False
        sheet = before.sheets[0]
        if before._names != self._dialect.names or sheet.step not in before._names:
            return False
        row = next((line for line in rows if not is_comment(line)), "")
        cells = self._dialect.cut(row)[0]
        at = before._names.index(sheet.step)
        found = cell(cells[at]) if at < len(cells) else None
        return found is not None and found.value > sheet.last_step

    def _start(self, names: tuple[str, ...]) -> None:
        """Begin a sheet with these columns."""
        width = self._dialect.width if not names else len(names)
        stem = stem_of(self.shown)
        if not names and len(self._given) == width:
            names = self._given
        elif not names and width == 1:
            names = (stem,)
        elif not names:
            names = tuple(f"column {at + 1}" for at in range(width))
            listed = ",".join(f"name{at + 1}" for at in range(min(width, 6))) + (",..." if width > 6 else "")
            text = f"{width} columns without names: --columns {listed} names them"
            self.notes.append(Note(text, Place(self.shown, 1)))
        renamed = {}
        if self._dialect.delimiter == ":":
            renamed = {names[1]: stem}
        if tuple(name.lower() for name in names) == _EXPORT:
            renamed = {names[2]: stem}
        self._names = names
        self._drop = {0} if len(names) == 3 and renamed else {5, 7} if names == OURS else set()
        self.sheets.append(Sheet(self.shown, form_of(self.shown), named=lambda name: renamed.get(name, name)))

    def _look(self, lines: list[str]) -> None:
        """Tell columns of words, blanks and fillers by the first rows."""
        rows = [self._dialect.cut(line)[0] for line in lines if not is_comment(line)]
        rows = [row for row in rows if len(row) == len(self._names)]
        finite = []
        for at in range(len(self._names)):
            texts = [row[at] for row in rows]
            filled = [text for text in texts if not is_missing(text)]
            found = [cell(text, decimal=self._dialect.decimal) for text in filled]
            if not filled:
                self._open.add(at)
            elif sum(item is not None for item in found) < 0.5 * len(filled):
                self._text.add(at)
            finite.append(np.array([_is_finite(text, self._dialect.decimal) for text in texts], dtype=np.bool_))
        self._find_filler(rows, finite)

    def _find_filler(self, rows: list[list[str]], finite: list[np.ndarray]) -> None:
        """A table writes NaN for blanks where columns take turns: one has numbers just where another has none."""
        partial = [at for at, mask in enumerate(finite) if len(mask) and mask.any() and not mask.all()]
        partial = [at for at in partial if any(row[at].lower() == "nan" for row in rows)]
        for at in partial:
            gaps = [other for other in partial if other != at and not np.any(finite[at] & finite[other])]
            turns = int(np.count_nonzero(np.diff(finite[at].astype(np.int8))))
            ends = bool(finite[at][-1]) or turns > 2
            if (gaps and ends) or turns > max(4, 0.1 * len(rows)):
                self._filler.add(at)

    # -- blocks

    def _block(self, block: Block) -> None:
        if len(block.rows) and not block.redrawn and self._clean_block(block):
            return
        lines, numbers = block.lines, np.array(block.numbers, dtype=np.int64)
        text = "\n".join(lines)
        keep: Sequence[int] = range(len(lines))
        if " " in text or "\t" in text or "" in lines:
            keep = [at for at, line in enumerate(lines) if line and not line.isspace()]
        if "#" in text or "//" in text or "%" in text or "--" in text or not text.isascii():
            keep = [at for at in keep if not is_comment(lines[at])]
        if len(keep) != len(lines):
            lines, numbers = [lines[at] for at in keep], numbers[list(keep)]
            text = "\n".join(lines)
        if not lines:
            return
        name = self._names[0] if self._names else ""
        if self._dialect.names and name and name in text and any(line.lstrip('" ').startswith(name) for line in lines):
            self._segments(lines, numbers)
        else:
            self._rows(lines, numbers, text)

    def _clean_block(self, block: Block) -> bool:
        """Take a block that is nothing but rows, column by column; return whether it is one."""
        data, lines, names = block.rows.joined(), block.rows, self._names
        grid = None
        if self._dialect.parts(data) and self._dialect.decimal == ".":
            grid = Grid.of(data, self._dialect.delimiter, len(names), len(lines))
        if grid is None:
            return False
        name = names[0] if self._dialect.names else ""
        first = grid.beginning(b"#/% \t\n|+:=-" + name[:1].encode())
        if any(is_comment(lines[at]) or (name and lines[at].lstrip(" ").startswith(name)) for at in first):
            return False  # perhaps the header again
        self.rows += len(lines)
        span = block.places
        numbers = np.arange(span.start, span.stop) if isinstance(span, range) else span
        easy = b"_" not in data and b" " not in data and (self._dialect.delimiter == "\t" or b"\t" not in data)
        found: dict[str, Column] = {}
        words: dict[str, Sequence[str]] = {}
        for at, name in enumerate(names):
            if is_label(name):
                words[name] = [item.strip() for item in grid.texts(at)]
            if at in self._text or at in self._drop or (at in self._open and self._still_blank(grid, at)):
                continue
            read = None if at in self._filler else grid.numbers(at)
            if read is not None:
                found[name] = Column(*read)
                continue
            column = self._column(at, grid.texts(at), grid.starts(at), numbers, easy, grid.longest)
            if len(column.values):
                found[name] = column
        self.sheets[-1].take(Rows(numbers, block.rows, found, words, grid.longest))
        return True

    def _still_blank(self, grid: Grid, at: int) -> bool:
        """Whether a column that has shown nothing but blanks goes on like that."""
        if grid.is_blank(at) or all(map(is_missing, grid.texts(at))):
            return True
        if any(map(is_missing, grid.texts(at))):
            self._open.discard(at)
        return False

    def _segments(self, lines: list[str], numbers: Ints) -> None:
        """Read lines among which a header comes again."""
        at = 0
        for place, line in enumerate(lines):
            names = names_in(self._dialect, line) if line.lstrip('" ').startswith(self._names[0]) else ()
            if not names:
                continue
            if place > at:
                self._rows(lines[at:place], numbers[at:place], "\n".join(lines[at:place]))
            at = place + 1
            again = names == self._dialect.names
            text = "the header comes again: the rows below it are read as a run of their own"
            if again and not self._falls(lines[at : at + 1]):
                text = "the header comes again; its steps go on"
            else:
                self.sheets[-1].finish()
                self._dialect = Dialect(self._dialect.delimiter, len(names), names, -1, 0, self._dialect.decimal)
                self._start(names)
                if not again:
                    self._text, self._open, self._filler = set(), set(), set()
                    self._look(lines[at : at + LOOKED])
            if len(self.sheets) <= 20:
                self.notes.append(Note(text, Place(self.shown, int(numbers[place]))))
        if at < len(lines):
            self._rows(lines[at:], numbers[at:], "\n".join(lines[at:]))

    def _falls(self, after: list[str]) -> bool:
        """Whether the step of the row behind a header is not above the last one."""
        sheet = self.sheets[-1]
        sheet.finish()
        if sheet.step is None or not after or np.isnan(sheet.last_step):
            return True
        cells = self._dialect.cut(after[0])[0]
        at = self._names.index(sheet.step) if sheet.step in self._names else -1
        found = cell(cells[at]) if 0 <= at < len(cells) else None
        return found is None or found.value <= sheet.last_step

    def _rows(self, lines: list[str], numbers: Ints, text: str) -> None:
        columns, starts = self._grid(lines, text) if self._dialect.plain(text) else ([], None)
        if starts is None:
            lines, numbers, columns, starts = self._ragged_rows(lines, numbers)
            if not lines:
                return
        self._take(lines, numbers, columns, starts, text)

    def _grid(self, lines: list[str], text: str) -> tuple[list[Sequence[str]], list[Ints] | None]:
        """Cut all lines at once where each has as many cells as the table has columns; else return no starts."""
        width, mark = len(self._names), self._dialect.delimiter
        if not text.isascii():
            return [], None
        data = np.frombuffer(text.encode() + b"\n", dtype=np.uint8)
        ends = np.flatnonzero((data == ord(mark)) | (data == 10))
        if len(ends) != width * len(lines):
            return [], None
        grid = ends.reshape(len(lines), width)
        if not (data[grid[:, -1]] == 10).all():
            return [], None
        begin = np.concatenate([[0], grid[:-1, -1] + 1])
        cells = text.replace("\n", mark).split(mark)
        starts = [np.zeros(len(lines), dtype=np.int64), *(grid[:, at] + 1 - begin for at in range(width - 1))]
        return [cells[at::width] for at in range(width)], starts

    def _ragged_rows(self, lines: list[str], numbers: Ints) -> tuple[list[str], Ints, list[Sequence[str]], list[Ints]]:
        """Cut lines one by one: quotes, brackets, and rows with too few or too many cells."""
        width = len(self._names)
        kept: list[int] = []
        cells: list[list[str]] = []
        starts: list[list[int]] = []
        for at, line in enumerate(lines):
            row, begins = self._dialect.cut(line)
            while len(row) > width and not row[-1]:
                row.pop()
                begins.pop()
            if len(row) > width:
                self._odd("more", int(numbers[at]))
                continue
            if len(row) < width:
                self._odd("fewer", int(numbers[at]))
                if at == len(lines) - 1 and row:
                    row.pop()  # perhaps cut inside the number
                    begins.pop()
                row += [""] * (width - len(row))
                begins += [0] * (width - len(begins))
            kept.append(at)
            cells.append(row)
            starts.append(begins)
        columns: list[Sequence[str]] = list(zip(*cells, strict=True)) if cells else []
        grid = np.array(starts, dtype=np.int64).T if starts else np.zeros((width, 0), dtype=np.int64)
        return [lines[at] for at in kept], numbers[kept], columns, list(grid)

    def _odd(self, what: str, line: int) -> None:
        count, first = self._ragged.get(what, (0, line))
        self._ragged[what] = (count + 1, first)

    def _take(
        self, lines: list[str], numbers: Ints, columns: list[Sequence[str]], starts: list[Ints], text: str
    ) -> None:
        self.rows += len(lines)
        easy = self._dialect.decimal == "." and "_" not in text and text.isascii() and " " not in text
        easy = easy and (self._dialect.delimiter == "\t" or "\t" not in text)
        longest = max(map(len, lines)) if easy else 0
        found: dict[str, Column] = {}
        words: dict[str, Sequence[str]] = {}
        for at, name in enumerate(self._names):
            if is_label(name):
                words[name] = [item.strip() for item in columns[at]]
            if at in self._text or at in self._drop:
                continue
            if at in self._open and any(map(is_missing, columns[at])):
                if all(map(is_missing, columns[at])):
                    continue
                self._open.discard(at)
            column = self._column(at, columns[at], starts[at], numbers, easy, longest)
            if len(column.values):
                found[name] = column
        self.sheets[-1].take(Rows(numbers, lines, found, words))

    def _column(self, at: int, texts: Sequence[str], starts: Ints, numbers: Ints, easy: bool, longest: int) -> Column:
        """Turn cells into numbers: all at once where each is plain, else one by one."""
        rows = np.arange(len(texts), dtype=np.int64)
        if easy and at not in self._filler:
            if "" in texts:
                filled = np.fromiter(map(bool, texts), np.bool_, len(texts))
                rows, texts = rows[filled], list(compress(texts, filled.tolist()))
            try:
                values = np.array(list(map(float, texts)), dtype=np.float64)
            except ValueError:
                pass
            else:
                if longest <= LONGEST or len(max(texts, key=len, default="")) <= LONGEST:
                    return Column(rows, values, texts, starts[rows] + 1)
        return self._slow_column(at, texts, rows, starts, numbers)

    def _slow_column(self, at: int, texts: Sequence[str], rows: Ints, starts: Ints, numbers: Ints) -> Column:
        kept, values, shown, begins, unit = [], [], [], [], ""
        decimal, filler = self._dialect.decimal, at in self._filler
        for row, text in zip(rows.tolist(), texts, strict=True):
            bare = text.strip()
            if is_missing(bare):
                continue
            if filler and bare.lower() == "nan":
                self._filled += 1
                continue
            item = cell(bare, decimal=decimal)
            if item is None:
                count, line, first = self._bad.get(self._names[at], (0, int(numbers[row]), bare))
                self._bad[self._names[at]] = (count + 1, line, first)
                continue
            kept.append(row)
            values.append(item.value)
            shown.append(item.text)
            begins.append(int(starts[row]) + len(text) - len(text.lstrip()) + item.offset + 1)
            unit = unit or item.unit
        where = np.array(kept, dtype=np.int64)
        return Column(where, np.array(values), shown, np.array(begins, dtype=np.int64), unit=unit)

    def _finish(self) -> None:
        for sheet in self.sheets:
            sheet.finish()
            self.notes += sheet.notes
            sheet.notes = []
        self.skipped = [self._names[at] or f"column {at + 1}" for at in sorted(self._text) if at < len(self._names)]
        self.skipped = [name for name in self.skipped if not is_label(name) and rank(name) is None]
        for name, (count, line, first) in self._bad.items():
            what = "1 cell is no number" if count == 1 else f"{count} cells are no numbers, the first"
            self.notes.append(Note(f"{name}: {what}: {first[:40]!r}", Place(self.shown, line)))
        for what, (count, line) in self._ragged.items():
            rows = "1 row has" if count == 1 else f"{count} rows have"
            done = "left out, because its columns are not certain" if what == "more" else "read from the left"
            self.notes.append(Note(f"{rows} {what} cells than the header: {done}", Place(self.shown, line)))
        if self._filled:
            text = f"NaN stands for a blank cell in columns that take turns: {self._filled} cells"
            self.notes.append(Note(text, Place(self.shown)))


def _is_finite(text: str, decimal: str) -> bool:
    found = cell(text, decimal=decimal)
    return found is not None and bool(np.isfinite(found.value))
