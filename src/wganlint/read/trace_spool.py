"""Records of a trace that do not fit into memory lie in a temporary file; part of read/trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Records = NDArray[np.void]
BLOCK = 65_536  # records that are handled at once


class Spool:
    """Keeps records in the order they come; above `limit` of them in a temporary file that has no name."""

    def __init__(self, dtype: np.dtype[Any], limit: int) -> None:
        self.dtype = dtype
        self.count = 0
        self._limit = limit
        self._kept: list[Records] = []
        self._held = 0
        self._file: IO[bytes] | None = None

    def add(self, records: Records) -> None:
        """Take records.

        Raises:
            OSError: no room for the temporary file.
        """
        if not len(records):
            return
        self._kept.append(records)
        self._held += len(records)
        self.count += len(records)
        if self._held > self._limit:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="wganlint-")  # noqa: SIM115
            self._file.seek(0, 2)
            for held in self._kept:
                self._file.write(held.tobytes())
            self._kept, self._held = [], 0

    def __iter__(self) -> Iterator[Records]:
        """Yield the records in blocks, in order."""
        if self._file is not None:
            self._file.seek(0)
            while data := self._file.read(BLOCK * self.dtype.itemsize):
                at = self._file.tell()
                yield np.frombuffer(data, self.dtype)
                self._file.seek(at)
        for held in self._kept:
            for start in range(0, len(held), BLOCK):
                yield held[start : start + BLOCK]

    def whole(self) -> Records:
        """Return all records at once."""
        blocks = list(self)
        return np.concatenate(blocks) if blocks else np.empty(0, self.dtype)

    def close(self) -> None:
        """Give the memory and the file back."""
        self._kept = []
        if self._file is not None:
            self._file.close()
            self._file = None


def in_groups(numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Return the order in which equal numbers, from 0 on, lie together and keep their order."""
    # Numbers of 16 bits are sorted by counting, which is many times as fast.
    small = len(numbers) > 0 and int(numbers.max()) < 1 << 16
    return np.argsort(numbers.astype(np.uint16) if small else numbers, kind="stable")


def divide(records: Records, rooms: NDArray[np.int64], spools: list[Spool]) -> None:
    """Put each record into the spool whose number stands in `rooms`, order kept."""
    order = in_groups(rooms)
    sorted_rooms = rooms[order]
    edges = np.flatnonzero(np.diff(sorted_rooms)) + 1
    for part in np.split(order, edges) if len(order) else ():
        spools[int(rooms[part[0]])].add(records[part])
