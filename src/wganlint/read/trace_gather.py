"""Events of a trace become compact records, names and threads as numbers; between read/trace_events and trace_fold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from wganlint.read.trace_repair import Event
from wganlint.read.trace_spool import Spool

OP, ANNOTATION, RUNTIME, PYTHON, KERNEL = range(5)
BACKWARD = 16  # flag of a record: it ran in the backward pass
CONTEXT = 32  # flag of a record: it began in an earlier window, where it is counted
FLAGS = BACKWARD | CONTEXT

CALLS = np.dtype(
    [("start", "i8"), ("end", "i8"), ("sequence", "i8"), ("name", "i4"), ("thread", "i4"), ("kind", "u1")]
)
LAUNCHES = np.dtype([("correlation", "i8"), ("start", "i8"), ("thread", "i4")])
KERNELS = np.dtype([("correlation", "i8"), ("time", "i8"), ("name", "i4")])

KEPT = 200_000  # records of a kind in memory; more lie in a temporary file
BATCH = 50_000  # records gathered before they become an array
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

Row: TypeAlias = tuple[int, ...]


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
        self.unusable = 0  # complete events without a time
        self._ids: list[dict[str, int]] = [{} for _ in range(5)]
        self._threads: dict[tuple[object, object], int] = {}
        self._rows: list[list[Row]] = [[], [], []]

    def take(self, events: Iterable[Event]) -> None:
        """Take the events that have a length; flows, counters and instants say nothing here."""
        kind_of, ids, threads = _KINDS, self._ids, self._threads
        calls, launches, kernels = self._rows
        for event in events:
            if event.ph != "X":
                continue
            kind = kind_of.get(event.cat, -1)
            if kind < 0:
                if event.cat:
                    continue
                kind = _kind_by_process(event)
            start, length = event.ts, event.dur
            if start.__class__ is not float or length.__class__ is not float:
                start, length = _time(start), _time(length if length is not None else 0.0)
            if not (-FARTHEST < start < FARTHEST) or not length < FARTHEST:  # type: ignore[operator]
                self.unusable += 1
                continue
            begin = round(start * 1000.0)  # type: ignore[operator]
            time = round(length * 1000.0) if length > 0 else 0  # type: ignore[operator]
            name = ids[kind].get(event.name)
            if name is None:
                name = self._new_name(kind, event.name)
            args = event.args
            if kind == KERNEL:
                kernels.append((_whole(args.correlation) if args else -1, time, name))
                continue
            thread = threads.get((event.pid, event.tid))
            if thread is None:
                thread = self._new_thread(event)
            if args is None:
                calls.append((begin, begin + time, -1, name, thread, kind))
            elif kind == RUNTIME:
                calls.append((begin, begin + time, -1, name, thread, kind))
                if args.correlation is not None:
                    launches.append((_whole(args.correlation), begin, thread))
            else:
                if args.sequence is None:
                    calls.append((begin, begin + time, -1, name, thread, kind))
                else:
                    flag = BACKWARD if args.forward not in (None, 0, "0") else 0
                    calls.append((begin, begin + time, _whole(args.sequence), name, thread, kind | flag))
            if kind <= ANNOTATION and event.name.startswith("ProfilerStep"):
                calls.pop()
                self._step(event.name, begin, begin + time)
        if len(calls) + len(launches) + len(kernels) > BATCH:
            self.flush()

    def flush(self) -> None:
        """Turn what was gathered into arrays."""
        for rows, spool in zip(self._rows, (self.calls, self.launches, self.kernels), strict=True):
            if rows:
                records = np.empty(len(rows), spool.dtype)
                for field, column in zip(spool.dtype.names or (), zip(*rows, strict=True), strict=True):
                    records[field] = column
                rows.clear()
                spool.add(records)
                if spool is self.calls:
                    first, last = int(records["start"].min()), int(records["end"].max())
                    self.first = first if self.first is None else min(first, self.first)
                    self.last = last if self.last is None else max(last, self.last)

    def close(self) -> None:
        """Give memory and temporary files back."""
        for spool in (self.calls, self.launches, self.kernels):
            spool.close()

    def _step(self, name: str, start: int, end: int) -> None:
        found = _STEP.match(name)
        if found is not None and len(self.steps) < NAMES:
            self.steps.setdefault((int(found[1]), start), end)

    def _new_name(self, kind: int, name: str) -> int:
        if len(self.names) >= NAMES:
            name = OTHER
            if name in self._ids[kind]:
                return self._ids[kind][name]
        self.stacks |= kind == PYTHON
        self._ids[kind][name] = len(self.names)
        self.names.append(name if len(name) < 4000 else name[:4000])
        self.kinds.append(kind)
        return len(self.names) - 1

    def _new_thread(self, event: Event) -> int:
        number = min(len(self._threads), THREADS)
        if number < THREADS:
            self._threads[event.pid, event.tid] = number
        return number


def _kind_by_process(event: Event) -> int:
    """Return the kind of an event without category: old traces name `CPU functions` and `CUDA functions` instead."""
    return KERNEL if isinstance(event.pid, str) and event.pid.startswith("CUDA") else OP


def _time(value: float | str | None) -> float:
    try:
        return float(value) if value is not None else math.nan
    except ValueError:
        return math.nan


def _whole(value: int | float | str | None) -> int:
    if value.__class__ is int and -1 << 62 < value < 1 << 62:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    try:
        number = int(value or 0)
    except (ValueError, OverflowError):
        return -1
    return number if -1 << 62 < number < 1 << 62 else -1
