"""Which call encloses which: the nesting of the records of each thread; part of read/trace_fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from wganlint.read.trace_spool import Records

_NEVER = 1 << 63  # later than every end
DEEPEST = 2_000  # levels that are walked up from a launch


@dataclass(frozen=True, slots=True)
class Nested:
    """Records in the order of thread and start. `parent`: place of the innermost call around each, or -1.

    `outer`: no call around it has its name. `wrapped`: a call around it is a wrapper.
    """

    records: Records
    parent: NDArray[np.int64]
    outer: NDArray[np.bool_]
    wrapped: NDArray[np.bool_]

    def around(self, threads: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place of the innermost call that is open on a thread at a time, or -1."""
        found = np.full(len(times), -1, np.int64)
        bounds = _bounds(self.records["thread"])
        for thread in np.unique(threads):
            here = np.flatnonzero(threads == thread)
            low, high = bounds.get(int(thread), (0, 0))
            if low == high:
                continue
            at = np.searchsorted(self.records["start"][low:high], times[here], "right") - 1 + low
            at[at < low] = -1
            open_ = at.copy()
            for _ in range(DEEPEST):
                ended = np.flatnonzero((open_ >= 0) & (self.records["end"][open_] < times[here]))
                if not len(ended):
                    break
                open_[ended] = self.parent[open_[ended]]
            else:
                open_[ended] = -1
            found[here] = open_
        return found


def nest(records: Records, wrappers: Sequence[bool]) -> Nested:
    """Find what encloses what. `wrappers` says by name number whether a call is a wrapper.

    A call lies inside another of its thread if it starts before that one ends; of two that start together the longer is
    the outer one, of two of the same bounds the one that stands first in the file. A call of no length encloses nothing,
    and at the end of another it is outside of it: where a clock counts whole microseconds, such calls follow each other.
    """
    order = np.lexsort((-records["end"], records["start"], records["thread"]))
    records = records[order]
    starts, ends = records["start"].tolist(), records["end"].tolist()
    names = records["name"].tolist()
    parent: list[int] = []
    outer: list[bool] = []
    wrapped: list[bool] = []
    for low, high in _bounds(records["thread"]).values():
        open_ends, open_at = [_NEVER], [-1]  # the calls that are open, the innermost last
        open_names, inside = [0] * len(wrappers), 0
        for at in range(low, high):
            start, name = starts[at], names[at]
            while open_ends[-1] <= start:
                open_ends.pop()
                gone = names[open_at.pop()]
                open_names[gone] -= 1
                if wrappers[gone]:
                    inside -= 1
            parent.append(open_at[-1])
            outer.append(not open_names[name])
            wrapped.append(inside > 0)
            open_names[name] += 1
            if wrappers[name]:
                inside += 1
            open_ends.append(ends[at])
            open_at.append(at)
    return Nested(records, np.array(parent, np.int64), np.array(outer, bool), np.array(wrapped, bool))


def _bounds(threads: NDArray[np.int32]) -> dict[int, tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(threads)) + 1).tolist(), len(threads)]
    return {int(threads[low]): (low, high) for low, high in pairwise(edges) if low < high}
