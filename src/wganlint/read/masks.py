"""Lines known by their mask, that is, with every digit as 0: noise, and lines of profiler tables; part of read/text.

Whether a line carries a number with a name, a setting or a table's row does not depend on which digits it has, only on
where they stand. So a line that was found to say nothing, or to be a row of a table of some layout, need not be looked
at again when only its digits differ. A long log mostly repeats itself; what is new is read in the ordinary way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wganlint.read.lines import Block
from wganlint.read.profile_table import LONGEST, is_header
from wganlint.run import OpTable

MOST = 30_000  # masks remembered
WIDEST = 400  # bytes of such a line
LAYOUTS = 40  # of tables; each has its own columns
ROWS = 400  # of a table that is known at sight
NOISE = 1
_FIRST = 2
_LAST = 255
_FOOTER = b"time total:"
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_STACKS = {"Source Location", "Calling Stack Tree"}  # such rows may go on over several lines


def mask_of(line: str) -> bytes:
    """Return a line with every digit as 0."""
    return line.encode(errors="replace").translate(_ZEROS)


@dataclass(slots=True)
class View:
    """The lines of one block: for each its code (0: unknown) and its mask."""

    codes: bytes
    masks: list[bytes]

    def unknown(self) -> npt.NDArray[np.bool_]:
        """Return for each line whether it is more than noise."""
        more: npt.NDArray[np.bool_] = np.frombuffer(self.codes, dtype=np.uint8) != NOISE
        return more


@dataclass(slots=True)
class Masks:
    """What is known of masks: a code for each; and how the codes of a whole table follow each other."""

    _codes: dict[bytes, int] = field(default_factory=dict)
    _layouts: dict[tuple[bytes, ...], tuple[int, int]] = field(default_factory=dict)  # frame -> codes: row, footer
    _tables: list[re.Pattern[bytes]] = field(default_factory=list)
    _next: int = _FIRST
    _dashes: set[int] = field(default_factory=set)

    def look(self, block: Block, read: npt.NDArray[np.bool_]) -> View:
        """Return what is known of the lines of a block; those that were read already are not looked at."""
        count = len(block.lines)
        if np.count_nonzero(read) * 4 > count * 3:
            masks, codes = [b""] * count, bytearray([NOISE]) * count
            for at in np.flatnonzero(~read).tolist():
                masks[at] = mask_of(block.lines[at])
                codes[at] = self._codes.get(masks[at], 0)
            return View(bytes(codes), masks)
        masks = block.data.translate(_ZEROS).split(b"\n")
        del masks[count:]
        known = self._codes
        return View(bytes([known.get(mask, 0) for mask in masks]), masks)

    def noise(self, mask: bytes) -> None:
        """Remember that lines of this mask say nothing."""
        if len(mask) <= WIDEST and b"---" not in mask:
            if len(self._codes) >= MOST:
                self._codes = {mask: code for mask, code in self._codes.items() if code >= _FIRST}
                if len(self._codes) * 2 >= MOST:
                    self.__init__()  # type: ignore[misc]
            self._codes.setdefault(mask, NOISE)

    # -- tables --

    def dashes(self, view: View, lines: list[str]) -> list[int]:
        """Return the lines that carry a run of dashes."""
        may = np.zeros(256, dtype=np.bool_)
        may[[0, *self._dashes]] = True
        codes = view.codes
        found = np.flatnonzero(may[np.frombuffer(codes, dtype=np.uint8)]).tolist()
        return [at for at in found if codes[at] or "---" in lines[at]]

    def table(self, view: View, block: Block, at: int) -> int:
        """Return where a table that begins at line `at` of the block ends, if it is known at sight; else 0."""
        for pattern in self._tables:
            match = pattern.match(view.codes, at)
            if match is not None:
                break
        else:
            return 0
        stop = match.end()
        numbers = block.numbers
        if stop >= len(block.lines) or numbers[stop - 1] - numbers[at] != stop - 1 - at:
            return 0
        after = block.lines[stop]
        if len(after) > LONGEST or "time total:" in after or is_header(after):
            return 0
        return stop

    def learn(self, view: View, block: Block, start: int, table: OpTable) -> None:
        """Remember the lines of a table that was read in the ordinary way and begins at line `start` of the block."""
        first, count = table.place.line or 0, table.end_line - (table.place.line or 0) + 1
        masks = view.masks[start : start + count]
        if (
            table.damage or len(table.rows) > ROWS or _STACKS & set(table.columns) or len(masks) < count
            or block.numbers[start + count - 1] - block.numbers[start] != count - 1
            or any(len(mask) > LONGEST // 4 or b"|" in mask for mask in masks) or len(self._codes) >= MOST
        ):  # fmt: skip
            return
        rows = {(row.place.line or 0) - first for row in table.rows}
        kinds = bytes(ord("r" if at in rows else "f" if _FOOTER in masks[at] else ".") for at in range(count))
        if re.fullmatch(rb"\.+r+\.f+", kinds) is None or b"---" not in masks[0]:
            return
        frame = tuple(mask for mask, kind in zip(masks, kinds, strict=True) if kind == ord("."))
        codes = self._layout(frame)
        if codes is None:
            return
        row, footer = codes
        for mask, kind in zip(masks, kinds, strict=True):
            if kind != ord(".") and self._codes.get(mask, NOISE) == NOISE:
                self._codes[mask] = row if kind == ord("r") else footer

    def _layout(self, frame: tuple[bytes, ...]) -> tuple[int, int] | None:
        """Return the codes of rows and footers between these lines; None if there are too many layouts."""
        known = self._layouts.get(frame)
        if known is not None or len(self._layouts) >= LAYOUTS or self._next + len(frame) + 2 > _LAST:
            return known
        parts = []
        for mask in frame:
            if self._codes.get(mask, NOISE) == NOISE:
                self._codes[mask] = self._new()
            parts.append(re.escape(bytes([self._codes[mask]])))
            if b"---" in mask:
                self._dashes.add(self._codes[mask])
        row, footer = self._layouts[frame] = self._new(), self._new()
        *top, bottom = parts
        rows, footers = (re.escape(bytes([code])) for code in (row, footer))
        self._tables.append(re.compile(b"%s%s{1,%d}+%s%s{1,8}+" % (b"".join(top), rows, ROWS, bottom, footers)))
        return row, footer

    def _new(self) -> int:
        self._next += 1
        return self._next - 1
