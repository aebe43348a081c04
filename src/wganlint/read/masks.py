"""Lines known by their mask, that is, with every digit as 0: noise, and lines of profiler tables; part of read/text.

Whether a line carries a number with a name, a setting or a table's row does not depend on which digits it has, only on
where they stand. So a line that was found to say nothing, or to be a row of a table of some layout, need not be looked
at again when only its digits differ. A long log mostly repeats itself; what is new is read in the ordinary way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from wganlint.read.lines import Block
from wganlint.read.profile_table import LONGEST, is_header, row_test
from wganlint.read.rows import Ints, Rows
from wganlint.read.scan import Lines, Words
from wganlint.read.table_rows import Lattice, lattice_of
from wganlint.run import OpTable

MOST = 30_000  # masks remembered
WIDEST = 1000  # bytes of such a line
SHELF = 17  # bits of a place where a code is looked up
LAYOUTS = 40  # of tables; each has its own columns
LATTICES = 8  # by which rows are told without a hash
ROWS = 400  # of a table that is known at sight
NOISE = 1
_FIRST = 2
_LAST = 255
_FOOTER = "time total:"
_AT_ONCE = 4096  # lines: what is in work stays in the cache
_U29, _U32 = np.uint64(29), np.uint64(32)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_PIECE, _SHIFT = 32, 5  # bytes that are taken at once: smaller pieces take longer to gather than to mix
_DRAWN = np.frombuffer(os.urandom(_PIECE * (WIDEST // _PIECE + 2)), dtype=np.uint64) | np.uint64(1)
_DRAWN = _DRAWN.view(f"V{_PIECE}")
_BYTES = np.arange(_PIECE) < np.arange(_PIECE + 1)[:, None]
_WITHIN = (_BYTES * np.uint8(255)).view(f"V{_PIECE}").ravel()  # the first bytes of a piece
_STACKS = {"Source Location", "Calling Stack Tree"}  # such rows may go on over several lines


class View(Struct):
    """The lines of one block: for each its code (0: unknown) and its print (0: has none)."""

    codes: bytes
    prints: Words

    def unknown(self) -> npt.NDArray[np.bool_]:
        """Return for each line whether it is more than noise."""
        more: npt.NDArray[np.bool_] = np.frombuffer(self.codes, dtype=np.uint8) != NOISE
        return more


def prints_of(lines: Lines, at: Ints) -> Words:
    """Return a 64-bit hash of the masks of some lines, 0 for lines of more than `WIDEST` bytes.

    Multilinear hashing (Lemire & Kaser, "Strongly universal string hashing is fast", 2014) of words that are mixed
    first, by numbers drawn at each start of the program: two masks share a print with a chance of about 2**-60.
    """
    return np.concatenate([_prints_of(lines, at[low : low + _AT_ONCE]) for low in range(0, len(at) or 1, _AT_ONCE)])


def _prints_of(lines: Lines, at: Ints) -> Words:
    starts, sizes = lines.starts[at], lines.stops[at] - lines.starts[at]
    wide = sizes > WIDEST
    if wide.any():
        sizes = np.where(wide, 0, sizes)
    counts = np.maximum((sizes + (_PIECE - 1)) >> _SHIFT, 1)
    ends = np.cumsum(counts)
    firsts = ends - counts
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(firsts, counts)
    letters = lines.windows(np.repeat(starts, counts) + (within << _SHIFT), _PIECE)
    letters -= np.uint8(48)
    letters *= letters > 9  # every digit as 0, all else told apart
    words: Words = letters.view(np.uint64)
    last, pieces = ends - 1, letters.view(f"V{_PIECE}").ravel()
    ending = pieces[last].view(np.uint64)
    ending &= _WITHIN[sizes - ((counts - 1) << _SHIFT)].view(np.uint64)
    pieces[last] = ending.view(f"V{_PIECE}")
    words ^= words >> _U32
    words *= _ODD
    words ^= words >> _U29
    words *= _DRAWN[within].view(np.uint64).reshape(words.shape)
    found = np.add.reduceat(words.reshape(-1), firsts * (_PIECE // 8)) if len(firsts) else words[:, 0]
    found += (sizes + 1).astype(np.uint64) * _ODD  # one more: an empty line has a print, too
    found ^= found >> _U32
    found *= _ODD
    found ^= found >> _U29
    found[wide] = 0
    prints: Words = found
    return prints


class _Shelf:
    """Codes by print, looked up for many lines at once; a print that finds both its places taken is not held."""

    def __init__(self) -> None:
        self._prints: Words = np.zeros(2**SHELF, dtype=np.uint64)
        self._codes = np.zeros(2**SHELF, dtype=np.uint8)

    def put(self, key: int, code: int) -> None:
        """Remember a code."""
        for place in (key >> (64 - SHELF), key & (2**SHELF - 1)):
            if int(self._prints[place]) in (0, key):
                self._prints[place], self._codes[place] = key, code
                return

    def look(self, prints: Words) -> npt.NDArray[np.uint8]:
        """Return the code of each print, 0 where it is not known."""
        place = prints >> np.uint64(64 - SHELF)
        found = self._codes[place] * (self._prints[place] == prints)
        missing = np.flatnonzero(found == 0)
        if len(missing):
            other = prints[missing]
            place = other & np.uint64(2**SHELF - 1)
            found[missing] = self._codes[place] * (self._prints[place] == other)
        codes: npt.NDArray[np.uint8] = found
        return codes


class Masks:
    """What is known of masks: a code for each; and how the codes of a whole table follow each other."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._codes: dict[int, int] = {}
        self._shelf = _Shelf()
        self._layouts: dict[tuple[int, ...], tuple[int, int]] = {}  # frame -> codes: row, footer
        # of each layout: the codes of a table, some rows may be unknown; of one without; the code of its rows
        self._tables: list[tuple[re.Pattern[bytes], re.Pattern[bytes], int, Callable[[str], bool]]] = []
        self._next = _FIRST
        self._dashes: set[int] = set()
        self._lattices: dict[Lattice, int] = {}  # codes of rows

    def rows(self, lines: Lines) -> npt.NDArray[np.uint8]:
        """Return for each line of a block the code of the table's rows that it looks like, 0 for others."""
        codes = np.zeros(len(lines.starts), dtype=np.uint8)
        if self._lattices:
            sizes = lines.stops - lines.starts
            for lattice, code in self._lattices.items():
                codes[lattice.rows(lines, np.flatnonzero(sizes == lattice.size))] = code
        return codes

    def look(self, lines: Lines, read: npt.NDArray[np.bool_], rows: npt.NDArray[np.uint8]) -> View:
        """Return what is known of the lines of a block; those that were read already are not looked at."""
        codes = np.where(read, np.uint8(NOISE), rows)
        prints = np.zeros(len(read), dtype=np.uint64)
        left = np.flatnonzero(codes == 0)
        prints[left] = mine = prints_of(lines, left)
        codes[left] = self._shelf.look(mine)
        return View(codes.tobytes(), prints)

    def noise(self, view: View, at: int, line: str) -> None:
        """Remember that lines of this mask say nothing; what may belong to a table is looked at each time."""
        key = int(view.prints[at])
        if key and "---" not in line and _FOOTER not in line and not is_header(line):
            if len(self._codes) >= MOST:
                known = {key: code for key, code in self._codes.items() if code >= _FIRST}
                if len(known) * 2 >= MOST:
                    self._forget()
                else:
                    self._codes, self._shelf = known, _Shelf()
                    for old, code in known.items():
                        self._shelf.put(old, code)
            if key not in self._codes:
                self._put(key, NOISE)

    def _put(self, key: int, code: int) -> None:
        self._codes[key] = code
        self._shelf.put(key, code)

    # -- tables --

    def known(self, view: View, block: Block) -> tuple[Ints, Ints]:
        """Return where the tables begin and end that are known at first sight, in order.

        All their lines are known and follow each other in the file, and noise stands before and behind them.
        """
        found = [match.span() for _, whole, _, _ in self._tables for match in whole.finditer(view.codes)]
        starts, stops = np.array(sorted(found), dtype=np.int64).reshape(-1, 2).T
        codes = np.frombuffer(view.codes, dtype=np.uint8)
        inside = (starts > 0) & (stops < len(codes))
        starts, stops = starts[inside], stops[inside]
        alone = (codes[starts - 1] == NOISE) & (codes[stops] == NOISE)
        if isinstance(block.places, np.ndarray):
            alone &= block.places[stops - 1] - block.places[starts] == stops - 1 - starts
        alone[1:] &= starts[1:] >= stops[:-1]
        return starts[alone], stops[alone]

    def dashes(self, view: View, rows: Rows, starts: Ints, stops: Ints) -> list[int]:
        """Return the lines that carry a run of dashes, but for those of tables that are known at first sight."""
        may = np.zeros(256, dtype=np.bool_)
        may[[0, *self._dashes]] = True
        codes = view.codes
        found = np.flatnonzero(may[np.frombuffer(codes, dtype=np.uint8)])
        if len(starts):
            last = np.searchsorted(starts, found, side="right") - 1
            found = found[(last < 0) | (found >= stops[last])]
        return [at for at in found.tolist() if codes[at] or "---" in rows[at]]

    def table(self, view: View, block: Block, at: int) -> int:
        """Return where a table that begins at line `at` of the block ends, if it is known at sight; else 0."""
        found = ((match, row, test) for known, _, row, test in self._tables if (match := known.match(view.codes, at)))
        match, row, is_row = next(found, (None, 0, None))
        if match is None or is_row is None:
            return 0
        stop = match.end()
        if 0 in match[0] and not self._rows(view, block.rows, at, stop, row, is_row):
            return 0
        if stop >= len(block.rows) or block.number(stop - 1) - block.number(at) != stop - 1 - at:
            return 0
        if view.codes[stop] == NOISE:
            return stop
        after = block.rows[stop]
        if len(after) > LONGEST or "time total:" in after or is_header(after):
            return 0
        return stop

    def _rows(self, view: View, rows: Rows, start: int, stop: int, code: int, is_row: Callable[[str], bool]) -> bool:
        """Whether all unknown lines of a table are rows of it; those are remembered."""
        for at in range(start, stop):
            if view.codes[at]:
                continue
            key, line = int(view.prints[at]), rows[at]
            if not key or len(self._codes) >= MOST or "|" in line or not is_row(line):
                return False
            self._put(key, code)
        return True

    def learn(self, view: View, block: Block, start: int, table: OpTable) -> None:
        """Remember the lines of a table that was read in the ordinary way and begins at line `start` of the block."""
        first, count = table.place.line or 0, table.end_line - (table.place.line or 0) + 1
        prints = view.prints[start : start + count].tolist()
        if (
            table.damage or len(table.rows) > ROWS or _STACKS & set(table.columns) or len(prints) < count
            or block.number(start + count - 1) - block.number(start) != count - 1 or len(self._codes) >= MOST
        ):  # fmt: skip
            return
        lines = block.rows[start : start + count]
        if any("|" in line for line in lines):
            return
        rows = {(row.place.line or 0) - first for row in table.rows}
        kinds = bytes(ord("r" if at in rows else "f" if _FOOTER in lines[at] else ".") for at in range(count))
        if re.fullmatch(rb"\.+r+\.f+", kinds) is None or "---" not in lines[0]:
            return
        frame = [at for at, kind in enumerate(kinds) if kind == ord(".")]
        if not all(key for key, kind in zip(prints, kinds, strict=True) if kind != ord("r")):
            return
        is_row = row_test(table.columns, lines[frame[-2]])
        lattice = lattice_of(lines[0], lines[1], [lines[at] for at in sorted(rows)]) if len(frame) > 2 else None
        codes = self._layout(tuple(prints[at] for at in frame), [lines[at] for at in frame], is_row, lattice)
        if codes is None:
            return
        row, footer = codes
        for mask, kind in zip(prints, kinds, strict=True):
            if mask and kind != ord(".") and self._codes.get(mask, NOISE) == NOISE:
                self._put(mask, row if kind == ord("r") else footer)

    def _layout(
        self, frame: tuple[int, ...], lines: list[str], is_row: Callable[[str], bool], lattice: Lattice | None
    ) -> tuple[int, int] | None:
        """Return the codes of rows and footers between these lines; None if there are too many layouts."""
        known = self._layouts.get(frame)
        if known is not None and lattice is not None and len(self._lattices) < LATTICES:
            self._lattices.setdefault(lattice, known[0])
        if known is not None or len(self._layouts) >= LAYOUTS or self._next + len(frame) + 2 > _LAST:
            return known
        parts = []
        for key, line in zip(frame, lines, strict=True):
            if self._codes.get(key, NOISE) == NOISE:
                self._put(key, self._new())
            parts.append(re.escape(bytes([self._codes[key]])))
            if "---" in line:
                self._dashes.add(self._codes[key])
        row = (self._lattices.get(lattice) if lattice else None) or self._new()
        footer = self._new()
        self._layouts[frame] = row, footer
        if lattice is not None and len(self._lattices) < LATTICES:
            self._lattices[lattice] = row
        *top, bottom = parts
        rows, footers = (re.escape(bytes([code])) for code in (row, footer))
        parts_of = (b"".join(top), rows, ROWS, bottom, footers)
        pattern = re.compile(b"%s[\\0%s]{1,%d}+%s%s{1,8}+" % parts_of)
        whole = re.compile(b"%s%s{1,%d}+%s%s{1,8}+" % parts_of)
        self._tables.append((pattern, whole, row, is_row))
        return row, footer

    def _new(self) -> int:
        self._next += 1
        return self._next - 1
