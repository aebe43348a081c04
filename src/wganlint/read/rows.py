"""The lines of a block as bytes, each decoded only when it is asked for; part of read/lines.

Most lines of a long log are read as bytes (read/scan) or known at sight (read/masks), so making text of all of them
would cost more than reading them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np
import numpy.typing as npt

from wganlint.texts import Objects

PAD = 128  # zero bytes behind the data, so that windows at its end are whole
_MANY = 3  # one in so many lines is asked for: then all are made at once

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def controls(data: bytes, size: int) -> tuple[Ints, Bytes]:
    """Return where control characters (below the blank) stand in the first `size` bytes, and which they are."""
    values = np.frombuffer(data, dtype=np.uint8, count=size)
    places = np.flatnonzero(values < 32)
    return places, values[places]


class Held:
    """Some lines of a block that outlive it."""

    __slots__ = ("_begin", "_data", "_starts", "_stops")

    def __init__(self, data: bytes, begin: int, starts: Ints, stops: Ints) -> None:
        self._data, self._begin, self._starts, self._stops = data, begin, starts, stops

    def lines(self) -> list[str]:
        """Return the lines as text."""
        ends = zip((self._starts - self._begin).tolist(), (self._stops - self._begin).tolist(), strict=True)
        return [self._data[begin:end].decode(errors="replace") for begin, end in ends]


class Rows(Sequence[str]):
    """Lines of UTF-8 bytes; line `at` is `data[starts[at]:stops[at]]`. `data` ends with `PAD` zero bytes."""

    def __init__(self, data: bytes, starts: Ints, stops: Ints) -> None:
        self.data = data
        self.size = len(data) - PAD
        self.starts = starts
        self.stops = stops
        self._made: Objects = np.empty(len(starts), dtype=np.object_)
        self._has = np.zeros(len(starts), dtype=np.bool_)

    @staticmethod
    def of(lines: Sequence[str]) -> Rows:
        """Return lines that are text already."""
        if not lines:
            return Rows(bytes(PAD), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return Rows.cut("\n".join(lines).encode(errors="replace") + b"\n")[0]

    @staticmethod
    def cut(data: bytes) -> tuple[Rows, Ints | None]:
        """Cut bytes into lines at newlines, and these into parts at carriage returns; empty parts are left out.

        Returns the lines, and for each its physical line from 0 on (None: they are all lines, in order).
        """
        return Rows.cut_at(data + bytes(PAD), *controls(data, len(data)))

    @staticmethod
    def cut_at(padded: bytes, places: Ints, codes: Bytes) -> tuple[Rows, Ints | None]:
        """Do the same where the bytes are padded and the control characters known."""
        size = len(padded) - PAD
        returns = codes == 13
        redrawn = bool(returns.any())
        line_ends = codes == 10
        ends = places if line_ends.all() else places[returns | line_ends]
        stops = ends if padded[max(0, size - 1) : size] == b"\n" else np.append(ends, size)
        starts = np.empty(len(stops), dtype=np.int64)
        starts[:1] = 0
        np.add(ends[: len(stops) - 1], 1, out=starts[1:])
        if not redrawn:
            return Rows(padded, starts, stops), None
        returned = np.zeros(len(stops), dtype=np.bool_)
        returned[: len(ends)] = returns[returns | line_ends]
        beside = returned.copy()
        beside[1:] |= returned[:-1]
        numbers = np.zeros(len(stops), dtype=np.int64)
        np.cumsum(~returned[:-1], out=numbers[1:])
        keep = np.flatnonzero((starts < stops) | ~beside)
        return Rows(padded, starts[keep], stops[keep]), numbers[keep]

    @cached_property
    def every(self) -> list[str]:
        """All lines."""
        if not len(self.starts):
            return []
        text = self.data[: self.size].decode(errors="replace")
        if len(text) == self.size:  # ASCII
            if len(self.starts) == 1 + text.count("\n") - text.endswith("\n") and "\r" not in text:
                return (text[:-1] if text.endswith("\n") else text).split("\n")
            return [text[a:b] for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True)]
        data = self.data
        return [
            data[a:b].decode(errors="replace") for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True)
        ]

    def joined(self) -> bytes:
        """Return all lines as bytes, each with a line end."""
        if (
            len(self.starts)
            and self.starts[0] == 0
            and self.size - 1 <= self.stops[-1]
            and len(self.starts) == (self.data.count(b"\n", 0, self.stops[-1]) + 1)
        ):
            return self.data[: self.stops[-1]] + b"\n"
        return b"".join(self.data[a:b] + b"\n" for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def chosen(self, places: Ints) -> Objects:
        """Return some lines; a line that is asked for again is the same object."""
        missing = places[~self._has[places]]
        if len(missing) * _MANY > len(self.starts) or "every" in self.__dict__:
            self._made[:] = self.every
            self._has[:] = True
        elif len(missing):
            data = self.data
            ends = zip(self.starts[missing].tolist(), self.stops[missing].tolist(), strict=True)
            made = np.empty(len(missing), dtype=np.object_)
            made[:] = [data[begin:end].decode(errors="replace") for begin, end in ends]
            self._made[missing], self._has[missing] = made, True
        found: Objects = self._made[places]
        return found

    def held(self, low: int, high: int) -> Held:
        """Return a copy of consecutive lines (at least one), to be read later or never."""
        starts, stops = self.starts[low:high].copy(), self.stops[low:high].copy()
        begin = int(starts[0])
        return Held(self.data[begin : int(stops[-1])], begin, starts, stops)

    def part(self, low: int, high: int) -> Rows:
        """Return consecutive lines."""
        if low >= high:
            return Rows(bytes(PAD), self.starts[:0], self.stops[:0])
        begin, end = int(self.starts[low]), int(self.stops[high - 1])
        return Rows(self.data[begin:end] + bytes(PAD), self.starts[low:high] - begin, self.stops[low:high] - begin)

    def only(self, places: Ints) -> Rows:
        """Return a copy of some lines."""
        data, starts, stops = self.data, self.starts[places], self.stops[places]
        every = [data[begin:end] for begin, end in zip(starts.tolist(), stops.tolist(), strict=True)]
        sizes = stops - starts + 1
        ends = np.cumsum(sizes)
        return Rows(b"\n".join([*every, bytes(PAD)]), ends - sizes, ends - 1)

    @staticmethod
    def joined_of(parts: Sequence[Rows]) -> Rows:
        """Return the lines of several, one after the other."""
        offsets = np.cumsum([0, *(part.size for part in parts)])
        return Rows(
            b"".join([*(memoryview(part.data)[: part.size] for part in parts), bytes(PAD)]),
            np.concatenate([part.starts + at for part, at in zip(parts, offsets, strict=False)]),
            np.concatenate([part.stops + at for part, at in zip(parts, offsets, strict=False)]),
        )

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self.starts)))]
        made: str | None = self._made[at]
        if made is None:
            made = self.data[int(self.starts[at]) : int(self.stops[at])].decode(errors="replace")
            self._made[at], self._has[at] = made, True
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self.every)


NOTHING = Rows(bytes(PAD), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
