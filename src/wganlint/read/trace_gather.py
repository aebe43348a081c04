"""Events of a trace become compact records, names and threads as numbers; between read/trace_events and trace_fold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wganlint.read.trace_repair import Arguments, Event, Word
from wganlint.read.trace_spool import Records, Spool

OP, ANNOTATION, RUNTIME, PYTHON, KERNEL, STEP, IGNORED = range(7)
BACKWARD = 16  # flag of a record: it ran in the backward pass
CONTEXT = 32  # flag of a record: it began in an earlier window, where it is counted
FLAGS = BACKWARD | CONTEXT

CALLS = np.dtype([("start", "i8"), ("end", "i8"), ("sequence", "i8"), ("name", "i4"), ("thread", "i4"), ("kind", "u1")])
LAUNCHES = np.dtype([("correlation", "i8"), ("start", "i8"), ("thread", "i4")])
KERNELS = np.dtype([("correlation", "i8"), ("time", "i8"), ("name", "i4")])

KEPT = 100_000  # records of a kind in memory; more lie in a temporary file
BATCH = 20_000  # records gathered before they become an array
NAMES = 300_000  # different names that are told apart
THREADS = 100_000
FARTHEST = 9e15  # microseconds: what fits 64 bits as nanoseconds
OTHER = "(names beyond the first 300,000)"

_KINDS = {
    "cpu_op": OP, "Operator": OP, "user_annotation": ANNOTATION, "cuda_runtime": RUNTIME, "cuda_driver": RUNTIME,
    "Runtime": RUNTIME, "runtime": RUNTIME, "hip_runtime": RUNTIME, "xpu_runtime": RUNTIME, "xpu_driver": RUNTIME,
    "mtia_runtime": RUNTIME, "privateuse1_runtime": RUNTIME, "privateuse1_driver": RUNTIME,
    "python_function": PYTHON, "kernel": KERNEL, "Kernel": KERNEL, "gpu_memcpy": KERNEL, "gpu_memset": KERNEL,
    "Memcpy": KERNEL, "Memset": KERNEL, "concurrent_kernel": KERNEL, "mtia_ccp_events": KERNEL,
}  # fmt: skip
_STEP = re.compile(r"ProfilerStep#(\d{1,15})\Z", re.ASCII)
_NO_ARGUMENTS = Arguments()


class Gathered:
    """Records of one trace. Times are whole nanoseconds, on the trace's own clock.

    `names` and `kinds` are indexed by the `name` of a record. `steps` holds (start, end, number) of each step.
    """

    def __init__(self) -> None:
        self.calls = Spool(CALLS, KEPT)
        self.launches = Spool(LAUNCHES, KEPT)
        self.kernels = Spool(KERNELS, KEPT)
        self.names: list[str] = []
        self.kinds: list[int] = []
        self.steps: dict[tuple[int, int], int] = {}
        self.first: int | None = None
        self.last: int | None = None
        self.stacks = False
        self.full = False  # there are more names than are told apart
        self.unusable = 0  # complete events without a time
        self.latest = -(1 << 62)  # the last start of a call
        self._known: dict[tuple[int, str], int] = {}
        self._numbers = _Numbers(self)
        self._threads = _Threads()
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._waiting = 0

    def take(self, events: Iterable[Event]) -> None:
        """Take the events that have a length; flows, counters and instants say nothing here.

        Columns of numbers are made at once: keeping the objects until there are many costs as much as decoding them.
        """
        chosen = [event for event in events if event.ph == "X"]
        numbers, threads, count = self._numbers, self._threads, len(chosen)
        arguments = [event.args or _NO_ARGUMENTS for event in chosen]
        name = [numbers[event.cat or _category(event.pid), event.name] for event in chosen]
        thread = [threads[event.pid, event.tid] for event in chosen]
        self._parts.append((
            np.fromiter(name, np.int32, count), np.fromiter(thread, np.int32, count),
            _floats([event.ts for event in chosen]), _floats([event.dur for event in chosen]),
            _wholes([one.correlation for one in arguments]), _wholes([one.sequence for one in arguments]),
            _wholes([one.forward for one in arguments]),
        ))  # fmt: skip
        self._waiting += count
        if self._waiting > BATCH:
            self.flush()

    def flush(self) -> None:
        """Turn what was gathered into records."""
        if not self._waiting:
            return
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        self._parts, self._waiting = [], 0
        name, thread, start, length, correlation, sequence, forward = columns
        length = np.where(length > 0, length, 0.0)
        kind = np.array(self.kinds, np.uint8)[name]
        usable = (np.abs(start) < FARTHEST) & (length < FARTHEST) & (kind != IGNORED)
        self.unusable += int((~usable & (kind != IGNORED)).sum())
        begin = _nanoseconds(np.where(usable, start, 0.0))
        time = _nanoseconds(np.where(usable, length, 0.0))
        for at in np.flatnonzero(usable & (kind == STEP)).tolist():
            self._step(self.names[name[at]], int(begin[at]), int(begin[at] + time[at]))
        flag = np.where(forward > 0, BACKWARD, 0).astype(np.uint8)
        self.kernels.add(_records(KERNELS, usable & (kind == KERNEL), correlation, time, name))
        launches = usable & (kind == RUNTIME) & (correlation >= 0)
        self.launches.add(_records(LAUNCHES, launches, correlation, begin, thread))
        calls = usable & (kind <= PYTHON)
        self.calls.add(_records(CALLS, calls, begin, begin + time, sequence, name, thread, kind | flag))
        if calls.any():
            first, last = int(begin[calls].min()), int((begin + time)[calls].max())
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)
            self.latest = max(self.latest, int(begin[calls].max()))

    def close(self) -> None:
        """Give memory and temporary files back."""
        for spool in (self.calls, self.launches, self.kernels):
            spool.close()

    def _step(self, name: str, start: int, end: int) -> None:
        found = _STEP.match(name)
        if found is not None and len(self.steps) < NAMES:
            self.steps.setdefault((int(found[1]), start), end)

    def number(self, kind: int, name: str) -> int:
        """Return the number of a name that was not seen with this category before."""
        if kind != IGNORED and len(self.names) >= NAMES:
            name, self.full = OTHER, True
        if kind == IGNORED:
            name = ""
        elif kind <= ANNOTATION and _STEP.match(name):
            kind = STEP
        number = self._known.get((kind, name))
        if number is None:
            number = self._known[kind, name] = len(self.names)
            self.names.append(name[:4000])
            self.kinds.append(kind)
            self.stacks |= kind == PYTHON
        return number


class _Numbers(dict[tuple[str, str], int]):
    """(category, name) -> number of the name."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    def __missing__(self, key: tuple[str, str]) -> int:
        number = self._gathered.number(_KINDS.get(key[0], IGNORED), key[1])
        if len(self) < 2 * NAMES:
            self[key] = number
        return number


class _Threads(dict[tuple[object, object], int]):
    """(process, thread) -> number of the thread; those beyond the limit share one."""

    def __missing__(self, key: tuple[object, object]) -> int:
        number = min(len(self), THREADS)
        if number < THREADS:
            self[key] = number
        return number


def _category(process: object) -> str:
    """Return the category of an event that has none: old traces name the process `CUDA functions` instead."""
    return "kernel" if isinstance(process, str) and process.startswith("CUDA") else "cpu_op"


def _records(dtype: np.dtype[Any], chosen: NDArray[np.bool_], *columns: NDArray[Any]) -> Records:
    records = np.empty(int(chosen.sum()), dtype)
    for field, column in zip(dtype.names or (), columns, strict=True):
        records[field] = column[chosen]
    return records


def _nanoseconds(microseconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole nanoseconds; whole microseconds stay exact however far from zero (clocks count from 1970)."""
    whole = np.floor(microseconds)
    return whole.astype(np.int64) * 1000 + np.rint((microseconds - whole) * 1000.0).astype(np.int64)


def _floats(column: Sequence[Any]) -> NDArray[np.float64]:
    try:
        return np.fromiter(column, np.float64, len(column))
    except (ValueError, TypeError):
        return np.array([_float(value) for value in column])


def _float(value: float | str | None) -> float:
    try:
        return float(value) if value is not None else math.nan
    except ValueError:
        return math.nan


def _wholes(column: Sequence[Any]) -> NDArray[np.int64]:
    try:
        return np.fromiter(column, np.int64, len(column))
    except (ValueError, TypeError, OverflowError):
        return np.array([_whole(value) for value in column], np.int64)


def _whole(value: Word) -> int:
    try:
        number = int(value or 0)
    except (ValueError, OverflowError):
        return -1
    return number if -1 << 62 < number < 1 << 62 else -1
