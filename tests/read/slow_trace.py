"""The figures of a trace, computed slowly and plainly: what the fast reader is held to."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

OPS = {"cpu_op", "Operator"}
RUNTIME = {"cuda_runtime", "cuda_driver", "Runtime", "hip_runtime"}
KERNEL = {"kernel", "Kernel", "gpu_memcpy", "gpu_memset", "Memcpy", "Memset"}


@dataclass
class Call:
    name: str
    start: int
    end: int
    is_op: bool
    order: int
    parent: Call | None = None
    outer: bool = True

    def chain(self) -> list[Call]:
        return [self] + (self.parent.chain() if self.parent else [])


@dataclass
class Figures:
    """Calls, CPU time and device time by (name, number of the step or None)."""

    calls: dict[tuple[str, int | None], int] = field(default_factory=lambda: defaultdict(int))
    cpu: dict[tuple[str, int | None], int] = field(default_factory=lambda: defaultdict(int))
    device: dict[tuple[str, int | None], int] = field(default_factory=lambda: defaultdict(int))
    unlaunched: int = 0
    unowned: int = 0


def nanoseconds(microseconds: float | str) -> int:
    """Return whole nanoseconds, with no rounding before the last: a double has no room for a date in nanoseconds."""
    return round(Fraction(microseconds if isinstance(microseconds, int) else float(microseconds)) * 1000)


def slow_figures(document: Any) -> Figures:
    events = document["traceEvents"] if isinstance(document, dict) else document
    events = [event for event in events if event.get("ph") == "X"]
    steps = []
    threads: dict[Any, list[Call]] = defaultdict(list)
    found = Figures()
    launches = {}
    for order, event in enumerate(events):
        start = nanoseconds(event["ts"])
        end = start + max(0, round(float(event.get("dur", 0)) * 1000))
        name, category = event["name"], event.get("cat")
        if category in OPS or category == "user_annotation":
            if name.startswith("ProfilerStep#"):
                steps.append((start, end, int(name.split("#")[1])))
            else:
                threads[event["pid"], event["tid"]].append(Call(name, start, end, category in OPS, order))
        elif category in RUNTIME and event.get("args", {}).get("correlation") is not None:
            launches.setdefault(event["args"]["correlation"], (event["pid"], event["tid"], start))

    def step_of(time: int) -> int | None:
        return next((number for start, end, number in steps if start <= time < end), None)

    for calls in threads.values():
        calls.sort(key=lambda call: (call.start, -call.end, call.order))
        open_calls: list[Call] = []
        for call in calls:
            open_calls = [o for o in open_calls if o.end > call.start]
            call.parent = open_calls[-1] if open_calls else None
            call.outer = all(other.name != call.name for other in open_calls)
            open_calls.append(call)
        for call in calls:
            if call.outer:
                found.calls[call.name, step_of(call.start)] += 1
                found.cpu[call.name, step_of(call.start)] += call.end - call.start
    for event in events:
        category = event.get("cat")
        length = max(0, round(float(event.get("dur", 0)) * 1000))
        if category in RUNTIME:
            time = nanoseconds(event["ts"])
            found.calls[event["name"], step_of(time)] += 1
            found.cpu[event["name"], step_of(time)] += length
        if category not in KERNEL:
            continue
        launch = launches.get(event.get("args", {}).get("correlation"))
        step = step_of(launch[2]) if launch else None
        found.calls[event["name"], step] += 1
        found.device[event["name"], step] += length
        if launch is None:
            found.unlaunched += 1
            continue
        pid, tid, time = launch
        calls = threads[pid, tid]
        before = range(bisect_right(calls, time, key=lambda call: call.start) - 1, -1, -1)
        around = next((calls[at] for at in before if calls[at].end >= time), None)
        chain = [call for call in around.chain() if call.end >= time] if around else []
        found.unowned += not any(call.is_op for call in chain)
        for call in chain:
            if call.outer:
                found.device[call.name, step] += length
    return found
