"""TFRecord framing: an event file is cut into batches of whole records, damage is passed; part of read/events.

A record is its length (8 bytes), the checksum of the length, the data, and the checksum of the data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from wganlint.read.events.checksum import Ints, checksums, checksums_of_eight, stored
from wganlint.read.opening import BROKEN

BATCH = 2 << 20  # bytes read at once
LARGE = 32 << 20  # bytes of a record whose data is passed over
SEARCH = 32 << 20  # bytes searched for the next record after damage
WINDOW = 1 << 14  # places searched at once
LOSSES = 100  # of a file after which it is given up
CHASED = 64  # records cut one by one before a period in their lengths is looked for

Batch = tuple[int, bytes, Ints, Ints]  # offset in the file, bytes, where the data of each record starts, its length


class Records:
    """Cuts a file into batches of whole records whose checksums hold; `note` is told what is damaged."""

    def __init__(self, file: BinaryIO, note: Callable[[str], None]) -> None:
        self.file, self.note = file, note
        self.base, self.rest = 0, b""  # what is read and not yet cut, and its offset in the file
        self.lost: int | None = None  # offset of damage, while the next record is looked for
        self.losses = 0
        self.over = False

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of the file in order."""
        while self._more():
            if self.lost is None:
                yield from self._frame()
            while self.lost is not None and self._found():
                yield from self._frame()
        if self.lost is not None:
            self.note(f"damaged from byte {self.lost} on; what follows was not read")
        elif self.rest:
            self.note(f"the last record is cut, at byte {self.base}, and was left out")
        elif self.base == 0 and not self.over:
            self.note("the file is empty")

    def _more(self) -> bool:
        if self.over:
            return False
        block = self._read(BATCH)
        self.rest = self.rest + block if self.rest else block
        return bool(block)

    def _read(self, size: int) -> bytes:
        try:
            return self.file.read(size)
        except BROKEN as error:
            self.note(f"reading failed after byte {self.base + len(self.rest)}: {error}")
            self.over = True
            return b""

    def _frame(self) -> Iterator[Batch]:
        """Cut whole records off the front of `rest`; set `lost` at the first length that does not check."""
        rest = self.rest
        begins = _cuts(rest)
        whole = begins[:-1]
        good = stored(rest, whole + 8) == checksums_of_eight(rest, whole)
        count = len(whole) if good.all() else int(np.argmin(good))
        at = int(begins[count])
        broken = count < len(whole) or (at + 12 <= len(rest) and _next_header(rest[at : at + 12]) != 0)
        if count:
            starts, lengths = whole[:count] + 12, np.diff(begins[: count + 1]) - 16
            intact = stored(rest, starts + lengths) == checksums(rest, starts, lengths)
            for lie in starts[~intact].tolist():
                place = self.base + lie - 12
                self.note(f"the record at byte {place} is damaged (its checksum is wrong) and was left out")
            yield self.base, rest, starts[intact], lengths[intact]
        if broken and self.base + at == 0:
            self.note("not a TensorBoard event file: its first record does not check")
            self.rest, self.over = b"", True
        elif broken:
            self.lost = self.base + at
            self.losses += 1
            self._drop(at + 1)
        else:
            self._drop(at)
            self._pass_over()

    def _drop(self, count: int) -> None:
        self.rest, self.base = self.rest[count:], self.base + count

    def _pass_over(self) -> None:
        """Skip a record that is too large to be a scalar's, unread."""
        if len(self.rest) < 12:
            return
        length = struct.unpack_from("<Q", self.rest)[0]
        left = length + 16 - len(self.rest)
        if length <= LARGE or left <= 0:
            return
        while left > 0 and (block := self._read(min(BATCH, left))):
            left -= len(block)
        if left > 0:
            self.note(f"the last record is cut, at byte {self.base}, and was left out")
        else:
            self.note(f"the record at byte {self.base} ({length} bytes) was passed over, its data not checked")
        self.rest, self.base, self.over = b"", self.base + length + 16, left > 0

    def _found(self) -> bool:
        """Look for the next record in `rest`, after damage."""
        assert self.lost is not None
        if self.losses > LOSSES:
            self.over = True
            return False
        at = _next_header(self.rest)
        if at is None:
            self._drop(max(0, len(self.rest) - 11))
            self.over = self.over or self.base - self.lost > SEARCH
            return False
        self._drop(at)
        self.note(f"bytes {self.lost} to {self.base - 1} are damaged; reading went on after them")
        self.lost = None
        return True


def _cuts(data: bytes) -> Ints:
    """Return where records begin, and where the last whole one ends, by the lengths that they state.

    Training loops write the same tags again and again, so the lengths repeat: where the last ones have a period,
    the next are foretold by it and compared all at once.
    """
    unpack, size, at, wait = struct.Struct("<Q").unpack_from, len(data), 0, CHASED
    ends: list[int] = [0]
    parts: list[Ints] = []
    while at + 12 <= size and (next_ := at + 16 + unpack(data, at)[0]) <= size:
        at = next_
        ends.append(at)
        if len(ends) > wait:
            done = np.array(ends, dtype=np.int64)
            more = _foretold(data, done[-CHASED - 1 :])
            wait = CHASED if len(more) > CHASED else min(2 * wait, 64 * CHASED)  # little gained: look less often
            parts += [done[:-1], more[:-1]]
            at = int(more[-1])
            ends = [at]
    return np.concatenate([*parts, np.array(ends, dtype=np.int64)])


def _foretold(data: bytes, ends: Ints) -> Ints:
    """Return the ends of records after the last of `ends` (that one first) as far as the period of `ends` holds."""
    strides = np.diff(ends)
    at = int(ends[-1])
    found = [ends[-1:]]
    period = next((p for p in range(1, CHASED // 2 + 1) if (strides[p:] == strides[:-p]).all()), 0)
    if not period:
        return found[0]
    cycle = strides[-period:]
    lengths: npt.NDArray[np.uint64] = np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))
    turns = max(1, 4 * CHASED // period)
    while (turns := min(turns, (len(data) - at) // int(cycle.sum()))) > 0:
        steps = np.tile(cycle, turns)
        stops = at + np.cumsum(steps)
        wrong = np.flatnonzero(lengths[stops - steps] != (steps - 16).astype(np.uint64))
        stops = stops[: wrong[0]] if len(wrong) else stops
        found.append(stops)
        if len(wrong):
            break
        at, turns = int(stops[-1]), 2 * turns
    return np.concatenate(found)


def _next_header(data: bytes) -> int | None:
    """Return the first place whose eight bytes are followed by their own checksum."""
    for begin in range(0, len(data) - 11, WINDOW):
        places = np.arange(begin, min(begin + WINDOW, len(data) - 11), dtype=np.int64)
        eight = np.full(len(places), 8, dtype=np.int64)
        hits = np.flatnonzero(stored(data, places + 8) == checksums(data, places, eight))
        if len(hits):
            return begin + int(hits[0])
    return None
