"""What a Chrome trace says, as data: profiled steps and exact figures of each operation; part of the Run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from wganlint.evidence import Place

Longs = NDArray[np.int64]


class TraceStep(Struct, frozen=True):
    """A profiled step (`ProfilerStep#N`): the loop's own number; start from the first step and duration in seconds."""

    number: int
    start: float
    duration: float


class Site(Struct, frozen=True):
    """A Python function from which an operation was called: `line` is that of its `def`, not of the call."""

    file: str
    line: int
    function: str
    calls: int


class Operation(Struct, frozen=True):
    """Exact figures of one name in a trace.

    Calls that an operation makes to itself (`aten::nan_to_num` calls `aten::nan_to_num`) are one call. `calls`,
    `cpu_ns` and `device_ns` have one entry a step of the trace, in order: calls that began in the step, their time on
    the CPU, and the time of the kernels that they launched, children included, in nanoseconds. `total_*` are those of
    the whole window, with what lies outside of steps. A kernel's own row (`kind` "kernel") counts it in the step that
    launched it. `in_wrapper`: calls inside `autograd::engine::evaluate_function` of any node.
    """

    name: str
    kind: str  # "op", "node" (backward), "wrapper", "runtime", "kernel", "annotation", "other"
    calls: Longs
    cpu_ns: Longs
    device_ns: Longs
    total_calls: int
    total_cpu_ns: int
    total_device_ns: int
    in_wrapper: int = 0
    sites: tuple[Site, ...] = ()  # of the forward call that made a backward node, most calls first
    unplaced: int = 0  # calls of a backward node whose forward call was not found under a Python function


class Trace(Struct, frozen=True):
    """One Chrome trace of torch.profiler.

    `steps` are the complete steps whose figures are kept, `steps_seen` all of them (more only in enormous traces);
    without any the window covers an unknown number of steps. `window` is the time from the first event to the end of
    the last one on the CPU, in seconds. `unlaunched`: kernels whose launch is not in the trace; `unowned`: kernels
    launched outside of any operation; `outside`: operations that began outside of all steps.
    """

    place: Place
    events: int
    steps: tuple[TraceStep, ...] = ()
    steps_seen: int = 0
    operations: Mapping[str, Operation] = field(default_factory=dict)
    window: float = 0.0
    device: str = ""  # name of the first device, as the trace gives it
    rank: int | None = None
    world_size: int | None = None
    backend: str = ""
    kernels: int = 0
    unlaunched: int = 0
    unowned: int = 0
    outside: int = 0
    stacks: bool = False  # Python functions were recorded
    truncated: bool = False
    repaired: int = 0
    dropped: int = 0

    @property
    def complete(self) -> bool:
        """Whether no event is known to be missing, so that an absent operation did not run."""
        return not (self.truncated or self.dropped)
