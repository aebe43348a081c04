"""Which call encloses which: the nesting of the records of each thread; part of read/trace_fold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from wganlint.read.trace_spool import Records, in_groups

DEEPEST = 2_000  # levels that are walked up from a launch
ROUNDS = 64  # of looking at all records at once, before the few that are left go one by one

Longs = NDArray[np.int64]


class Nested(Struct, frozen=True):
    """Records in the order of thread and start. `parent`: place of the innermost call around each, or -1."""

    records: Records
    parent: Longs

    def around(self, threads: NDArray[np.int32], times: Longs) -> Longs:
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


def nest(records: Records) -> Nested:
    """Find what encloses what.

    A call lies inside another of its thread if it starts before that one ends; of two that start together the longer is
    the outer one, of two with the same bounds the first in the file. A call of no length encloses nothing, and at the
    end of another it is outside of it: where a clock counts whole microseconds, such calls follow each other.
    """
    records = records[np.lexsort((-records["end"], records["start"], records["thread"]))]
    return Nested(records, _parents(records))


def outermost(records: Records) -> NDArray[np.bool_]:
    """Tell of sorted records which start while no other call of their name is open on their thread."""
    order = in_groups(records["name"])
    groups = (records["name"].astype(np.int64) << 32 | records["thread"])[order]
    outer = np.empty(len(records), bool)
    outer[order] = ~_inside(groups, records["start"][order], records["end"][order])
    return outer


def within(records: Records, wrappers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of sorted records which start while a call is open on their thread that `wrappers` names by its number."""
    ends = np.where(wrappers[records["name"]], records["end"], records["start"].min(initial=0))
    return _inside(records["thread"].astype(np.int64), records["start"], ends)


def _inside(groups: Longs, starts: Longs, ends: Longs) -> NDArray[np.bool_]:
    """Tell which start before the latest end of those that stand before them in their group; groups lie together."""
    if not len(groups):
        return np.zeros(0, bool)
    group = np.concatenate(([0], np.cumsum(np.diff(groups) != 0)))
    first = min(int(starts.min()), int(ends.min()))
    span = int(ends.max()) - first + 1
    if span * (int(group[-1]) + 1) < 1 << 62:
        starts, ends = starts - first, ends - first
    else:  # times so far apart become their ranks
        ranks = np.unique(np.concatenate((starts, ends)), return_inverse=True)[1]
        starts, ends, span = ranks[: len(starts)], ranks[len(starts) :], int(ranks.max()) + 1
    # Each group lies above the one before it, so that one running maximum serves all.
    latest = np.maximum.accumulate(ends + group * span)
    inside = np.zeros(len(groups), bool)
    inside[1:] = latest[:-1] > (starts + group * span)[1:]
    return inside


def _parents(records: Records) -> Longs:
    """Return for each record the place of the nearest one before it, on its thread, that ends after it starts.

    Nothing between a record and its candidate is open. If the candidate has ended, its own candidate is the next one,
    be that settled or not: so long rows of siblings are skipped by doubling steps.
    """
    starts, ends = records["start"].copy(), records["end"].copy()
    parent = np.arange(-1, len(records) - 1)
    for low, _ in _bounds(records["thread"]).values():
        parent[low] = -1
    left = np.arange(len(records))
    for _ in range(ROUNDS):
        left = left[parent[left] >= 0]
        left = left[ends[parent[left]] <= starts[left]]
        if not len(left):
            return parent
        parent[left] = parent[parent[left]]
    for at in left.tolist():
        place, start = int(parent[at]), starts[at]
        while place >= 0 and ends[place] <= start:
            place = int(parent[place])
        parent[at] = place
    return parent


def _bounds(threads: NDArray[np.int32]) -> dict[int, tuple[int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(threads)) + 1).tolist(), len(threads)]
    return {int(threads[low]): (low, high) for low, high in pairwise(edges) if low < high}
