"""Records of a trace become exact figures by step and name; the second half of read/trace.

Calls are counted where they begin, over all threads. A kernel is counted under every call that was open around its
launch (runtime call of the same correlation id), and in the step of that launch: the device runs behind, so its own
time would put it into a later step. Long traces are folded window by window, cut at steps, so that memory stays flat.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from wganlint.read.opnames import kind_of
from wganlint.read.trace_gather import (
    ANNOTATION,
    CONTEXT,
    FLAGS,
    IGNORED,
    KERNEL,
    KERNELS,
    LAUNCHES,
    OP,
    PYTHON,
    Gathered,
)
from wganlint.read.trace_nest import DEEPEST, Nested, nest, outermost, within
from wganlint.read.trace_sites import Sites
from wganlint.read.trace_spool import Records, Spool, divide
from wganlint.trace import Operation, TraceStep

WINDOW = 50_000  # records of a window
WINDOWS = 300
CELLS = 800_000  # figures kept for steps times names
JOINED = np.dtype([("start", "i8"), ("time", "i8"), ("thread", "i4"), ("name", "i4")])

Longs = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Steps(Struct):
    """The steps in order of time; `kept` of them have figures of their own."""

    numbers: Longs
    starts: Longs
    ends: Longs
    kept: int

    def of(self, times: Longs) -> Longs:
        """Return for each time the place of its step; `kept` for steps beyond those, `kept` + 1 outside of all."""
        at = np.searchsorted(self.starts, times, "right") - 1
        inside = (at >= 0) & (times < self.ends[at]) if len(self.ends) else np.zeros(len(times), bool)
        return np.where(inside, np.minimum(at, self.kept), self.kept + 1)


class Folded(Struct):
    """The figures of one trace."""

    operations: dict[str, Operation]
    steps: tuple[TraceStep, ...]
    steps_seen: int
    kernels: int
    unlaunched: int
    unowned: int
    outside: int


class Figures:
    """Sums by name and step: calls, time on the CPU, time on the device."""

    def __init__(self, names: int, steps: Steps) -> None:
        self.width = steps.kept + 2
        self.calls = np.zeros(names * self.width, np.int64)
        self.cpu = np.zeros(names * self.width, np.int64)
        self.device = np.zeros(names * self.width, np.int64)
        self.wrapped = np.zeros(names, np.int64)

    def add(self, into: Longs, names: NDArray[np.int32], steps: Longs, amounts: Longs | None = None) -> None:
        """Add amounts, or one for each, to the sums of names and steps."""
        np.add.at(into, names.astype(np.int64) * self.width + steps, 1 if amounts is None else amounts)


def fold(gathered: Gathered, *, truncated: bool = False) -> Folded:
    """Return the figures of everything that was gathered.

    If the trace is `truncated`, steps that reach beyond the last call that was read are no steps with figures.

    Raises:
        OSError: no room for temporary files.
    """
    steps = _steps(gathered, truncated)
    figures = Figures(len(gathered.names), steps)
    sites = Sites(gathered.names) if gathered.stacks else None
    kernels, unlaunched = _join(gathered, steps, figures)
    wrappers = np.array([name.startswith("autograd::engine::evaluate_function") for name in gathered.names], bool)
    outside = unowned = 0
    for calls, launched in _windows(gathered, kernels, steps):
        kinds = calls["kind"] & ~np.uint8(FLAGS)
        own = (calls["kind"] & CONTEXT) == 0
        _count_flat(calls[own & (kinds > ANNOTATION) & (kinds < PYTHON)], steps, figures)
        nested = nest(calls[kinds <= ANNOTATION])
        outer = outermost(nested.records)
        outside += _count(nested.records, outer, wrappers, steps, figures)
        unowned += _attribute(nested, outer, launched, steps, figures)
        if sites is not None:
            sites.take(nested, nest(calls[kinds == PYTHON]))
    kernels.close()
    return Folded(
        _operations(gathered, steps, figures, sites), _as_data(steps), len(gathered.steps), gathered.kernels.count,
        unlaunched, unowned, outside if len(steps.numbers) else 0,
    )  # fmt: skip


def _steps(gathered: Gathered, truncated: bool) -> Steps:
    found = sorted((start, end, number) for (number, start), end in gathered.steps.items())
    if truncated:
        found = [step for step in found if step[1] <= gathered.latest]
    columns = np.array(found, np.int64).reshape(-1, 3)
    kept = min(len(found), max(1, CELLS // max(1, len(gathered.names))))
    return Steps(columns[:, 2].copy(), columns[:, 0].copy(), columns[:, 1].copy(), kept)


def _as_data(steps: Steps) -> tuple[TraceStep, ...]:
    first = steps.starts[0] if steps.kept else 0
    return tuple(
        TraceStep(int(steps.numbers[at]), (steps.starts[at] - first) / 1e9, (steps.ends[at] - steps.starts[at]) / 1e9)
        for at in range(steps.kept)
    )


# -- kernels and their launches ----------------------------------------------------------------------------------


def _join(gathered: Gathered, steps: Steps, figures: Figures) -> tuple[Spool, int]:
    """Match kernels with the calls that launched them; count kernels by name in the step of their launch."""
    joined, unlaunched = Spool(JOINED, WINDOW), 0
    rooms = max(1, min(WINDOWS, (gathered.launches.count + gathered.kernels.count) // (2 * WINDOW)))
    if rooms == 1:
        pairs = [(gathered.launches.whole(), gathered.kernels.whole())]
        halves: list[list[Spool]] = []
    else:
        halves = [[Spool(dtype, 0) for _ in range(rooms)] for dtype in (LAUNCHES, KERNELS)]
        for spool, parts in zip((gathered.launches, gathered.kernels), halves, strict=True):
            for records in spool:
                divide(records, records["correlation"] % rooms, parts)
        pairs = []
    for room in range(rooms):
        launches, kernels = pairs[0] if pairs else (halves[0][room].whole(), halves[1][room].whole())
        launches = launches[np.argsort(launches["correlation"], kind="stable")]
        at = np.searchsorted(launches["correlation"], kernels["correlation"])
        known = (at < len(launches)) & (kernels["correlation"] >= 0)
        known[known] = launches["correlation"][at[known]] == kernels["correlation"][known]
        records = np.empty(int(known.sum()), JOINED)
        records["start"], records["thread"] = launches["start"][at[known]], launches["thread"][at[known]]
        records["time"], records["name"] = kernels["time"][known], kernels["name"][known]
        places = np.full(len(kernels), steps.kept + 1, np.int64)
        places[known] = steps.of(records["start"])
        figures.add(figures.calls, kernels["name"], places)
        figures.add(figures.device, kernels["name"], places, kernels["time"])
        unlaunched += len(kernels) - len(records)
        joined.add(records)
    for spool in (spool for half in halves for spool in half):
        spool.close()
    return joined, unlaunched


# -- windows -----------------------------------------------------------------------------------------------------


def _windows(gathered: Gathered, kernels: Spool, steps: Steps) -> list[tuple[Records, Records]] | _Divided:
    rooms = min(WINDOWS, gathered.calls.count // WINDOW)
    if rooms <= 2:
        return [(gathered.calls.whole(), kernels.whole())]
    return _Divided(gathered, kernels, steps, rooms)


class _Divided:
    """Windows of time, cut at steps where there are any; a call that reaches into a later window is seen there too."""

    def __init__(self, gathered: Gathered, kernels: Spool, steps: Steps, rooms: int) -> None:
        self._calls, self._kernels = gathered.calls, kernels
        self._edges = self._cut(steps, rooms)
        self._copies = max(WINDOW, gathered.calls.count)  # a hostile trace could ask for more

    def _cut(self, steps: Steps, rooms: int) -> Longs:
        sample = np.sort(np.concatenate([block["start"][::64].copy() for block in self._calls]))
        edges = sample[np.linspace(0, len(sample) - 1, rooms + 1).astype(np.int64)[1:-1]]
        if len(steps.starts):
            nearest = steps.starts[np.clip(np.searchsorted(steps.starts, edges), 0, len(steps.starts) - 1)]
            reach = (sample[-1] - sample[0]) / rooms
            edges = np.where(np.abs(nearest - edges) <= reach, nearest, edges)
        return np.unique(edges)

    def __iter__(self):  # type: ignore[no-untyped-def]
        count = len(self._edges) + 1
        calls, kernels = ([Spool(spool.dtype, 0) for _ in range(count)] for spool in (self._calls, self._kernels))
        try:
            for records in self._calls:
                self._divide(records, calls)
            for records in self._kernels:
                divide(records, np.searchsorted(self._edges, records["start"], "right"), kernels)
            for room in range(count):
                yield calls[room].whole(), kernels[room].whole()
                calls[room].close()
                kernels[room].close()
        finally:
            for spool in (*calls, *kernels):
                spool.close()

    def _divide(self, records: Records, spools: list[Spool]) -> None:
        first = np.searchsorted(self._edges, records["start"], "right")
        last = np.searchsorted(self._edges, records["end"], "left")
        divide(records, first, spools)
        reach = np.flatnonzero(last > first)
        level = 1
        while len(reach) and self._copies > 0:
            self._copies -= len(reach)
            copies = records[reach].copy()
            copies["kind"] |= CONTEXT
            divide(copies, first[reach] + level, spools)
            level += 1
            reach = reach[last[reach] >= first[reach] + level]


# -- counting ----------------------------------------------------------------------------------------------------


def _count_flat(calls: Records, steps: Steps, figures: Figures) -> None:
    places = steps.of(calls["start"])
    figures.add(figures.calls, calls["name"], places)
    figures.add(figures.cpu, calls["name"], places, calls["end"] - calls["start"])


def _count(records: Records, outer: Flags, wrappers: Flags, steps: Steps, figures: Figures) -> int:
    """Count the calls of a window; return how many operations lie outside of all steps."""
    counted = outer & ((records["kind"] & CONTEXT) == 0)
    calls = records[counted]
    _count_flat(calls, steps, figures)
    inside = calls["name"][within(records, wrappers)[counted]]
    figures.wrapped += np.bincount(inside, minlength=len(figures.wrapped))
    ops = calls[(calls["kind"] & ~np.uint8(FLAGS)) == OP]
    return int((steps.of(ops["start"]) == steps.kept + 1).sum())


def _attribute(nested: Nested, outer: Flags, launched: Records, steps: Steps, figures: Figures) -> int:
    """Add the time of each kernel to the calls that were open around its launch; return how many had no operation."""
    if not len(launched):
        return 0
    records = nested.records
    kinds = records["kind"] & ~np.uint8(FLAGS)
    at = nested.around(launched["thread"], launched["start"])
    places, times = steps.of(launched["start"]), launched["time"]
    owned = np.zeros(len(launched), bool)
    left = np.flatnonzero(at >= 0)
    for _ in range(DEEPEST):
        if not len(left):
            break
        here = at[left]
        open_ = records["end"][here] >= launched["start"][left]
        owned[left] |= open_ & (kinds[here] == OP)
        counts = open_ & outer[here]
        figures.add(figures.device, records["name"][here[counts]], places[left[counts]], times[left[counts]])
        at[left] = nested.parent[here]
        left = left[at[left] >= 0]
    return int((~owned).sum())


def _operations(gathered: Gathered, steps: Steps, figures: Figures, sites: Sites | None) -> dict[str, Operation]:
    tables = [part.reshape(-1, figures.width) for part in (figures.calls, figures.cpu, figures.device)]
    found: dict[str, Operation] = {}
    for at in sorted(range(len(gathered.names)), key=lambda at: gathered.kinds[at] == KERNEL):
        name, kind = gathered.names[at], gathered.kinds[at]
        calls, cpu, device = (table[at] for table in tables)
        if kind in (PYTHON, IGNORED) or name in found or not calls.any():
            continue
        places, unplaced = sites.of(at) if sites is not None else ((), 0)
        found[name] = Operation(
            name, _KIND[kind] or kind_of(name), calls[: steps.kept], cpu[: steps.kept], device[: steps.kept],
            int(calls.sum()), int(cpu.sum()), int(device.sum()), int(figures.wrapped[at]), places, unplaced,
        )  # fmt: skip
    return found


_KIND = ("", "annotation", "runtime", "", "kernel")
