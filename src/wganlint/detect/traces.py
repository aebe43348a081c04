"""Detectors on Chrome traces: skipped optimizer steps, waiting for the device, the data loader, anomaly mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Value, detector
from wganlint.evidence import Evidence, derived, observed
from wganlint.run import Run
from wganlint.series import median
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.trace import Longs, Trace

UNSCALE = "aten::_amp_foreach_non_finite_check_and_unscale_"
OPTIMIZER = "Optimizer.step#"
LOADER = "enumerate(DataLoader)#"
SCALAR = "aten::_local_scalar_dense"
WAITING = frozenset({
    "cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "hipStreamSynchronize",
    "hipDeviceSynchronize", "hipEventSynchronize", "cuStreamSynchronize", "cuCtxSynchronize",
})  # fmt: skip


def traced_steps(run: Run) -> list[Trace] | Missing:
    """Return the traces that have steps with figures, or what lacks."""
    if not run.traces:
        return Missing("a profiler trace")
    found = [trace for trace in run.traces if trace.steps and trace.operations]
    return found or Missing("a profiler trace with marked steps (call `prof.step()` after each)")


def listed(trace: Trace, values: Longs | list[int]) -> str:
    """Return figures by step in words: `14, 14, 14 in ProfilerStep#2, #3, #4`; the first eight of many."""
    numbers = [step.number for step in trace.steps]
    shown = ", ".join(f"{int(value):,}" for value in values[:8])
    names = ", ".join(f"#{number}" for number in numbers[:8])
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return f"{shown} in ProfilerStep{names}{more}"


@detector(
    fields={"skipped": Kind.COUNT, "steps": Kind.COUNT, "share": Kind.RATIO, "numbers": Kind.TEXT, "later": Kind.FLAG},
    reads="all",
)
def skipped_steps(run: Run) -> Found:
    """Profiled steps in which the AMP scaler checked the gradients and no optimizer stepped after it.

    GradScaler leaves an optimizer step out exactly when its check found a gradient that was inf or NaN. Counted only in
    traces where an optimizer of torch steps in another checked step (else the optimizer may not be one that the
    profiler names), over the steps that have the check. `later`: one is not the first checked step.
    """
    traces = traced_steps(run)
    if isinstance(traces, Missing):
        return traces
    names: list[str] = []
    evidence: list[Evidence] = []
    checked = skipped = 0
    later = False
    place = traces[0].place
    for trace in traces:
        check = trace.operations.get(UNSCALE)
        stepped = _sum(trace, OPTIMIZER)
        if check is None or trace.dropped:
            continue
        of_check = check.calls > 0
        bare = of_check & (stepped == 0)
        if not (of_check & (stepped > 0)).any():
            continue
        checked += int(of_check.sum())
        if not bare.any():
            continue
        place = trace.place
        skipped += int(bare.sum())
        later |= bool(np.flatnonzero(bare)[-1] > np.flatnonzero(of_check)[0])
        names += [f"ProfilerStep#{trace.steps[at].number}" for at in np.flatnonzero(bare)]
        evidence.append(observed("trace", f"{UNSCALE}: {listed(trace, check.calls)}", trace.place, "checks of AMP"))
        evidence.append(observed("trace", f"{OPTIMIZER}*: {listed(trace, stepped)}", trace.place, "optimizer steps"))
    if not skipped:
        return ABSENT
    fields: dict[str, Value] = {
        "skipped": Quantity(skipped, Kind.COUNT), "steps": Quantity(checked, Kind.COUNT),
        "share": Quantity(skipped / checked, Kind.RATIO), "numbers": _few(names), "later": later,
    }  # fmt: skip
    return Fact(fields, tuple(evidence[:6]), place)


@detector(
    fields={
        "calls": Kind.COUNT, "low": Kind.COUNT, "high": Kind.COUNT, "waits": Kind.COUNT, "time": Kind.SECONDS,
        "share": Kind.RATIO, "steps": Kind.COUNT,
    },
    reads="all",
)  # fmt: skip
def host_syncs(run: Run) -> Found:
    """How often a step fetches a number from the device (`.item()`, `float(tensor)`, `bool(tensor)`), from traces.

    calls: median over the steps of `aten::_local_scalar_dense`; waits: of the runtime calls that wait for the device;
    time and share: what those waits take of the step, medians. Only traces with kernels count: on a CPU nothing waits.
    """
    traces = traced_steps(run)
    if isinstance(traces, Missing):
        return traces
    traces = [trace for trace in traces if trace.kernels]
    if not traces:
        return ABSENT
    trace = max(traces, key=lambda one: median(_figures(one, SCALAR)))
    calls = _figures(trace, SCALAR)
    names = [name for name in trace.operations if name in WAITING]
    waits = sum((trace.operations[name].calls for name in names), np.zeros_like(calls))
    times = sum((trace.operations[name].cpu_ns for name in names), np.zeros_like(calls)) / 1e9
    if not calls.any():
        return ABSENT
    lengths = np.array([step.duration for step in trace.steps])
    shares = np.divide(times, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    evidence = [
        observed("trace", f"{SCALAR}: {listed(trace, calls)}", trace.place, "numbers fetched from the device"),
        observed(
            "trace", f"{', '.join(names) or 'waiting calls'}: {listed(trace, waits)}", trace.place, "waits for it"
        ),
    ]
    fields = {
        "calls": Quantity(median(calls), Kind.COUNT), "low": Quantity(int(calls.min()), Kind.COUNT),
        "high": Quantity(int(calls.max()), Kind.COUNT), "waits": Quantity(median(waits), Kind.COUNT),
        "time": Quantity(median(times), Kind.SECONDS), "steps": Quantity(len(lengths), Kind.COUNT),
        "share": Quantity(min(1.0, median(shares)), Kind.RATIO),
    }  # fmt: skip
    return Fact(fields, tuple(evidence), trace.place)


@detector(
    fields={
        "share": Kind.RATIO, "low": Kind.RATIO, "high": Kind.RATIO, "time": Kind.SECONDS, "step_time": Kind.SECONDS,
        "steps": Kind.COUNT,
    },
    reads="all",
)  # fmt: skip
def loader_share(run: Run) -> Found:
    """Which share of a step the program waits for its DataLoader (`enumerate(DataLoader)#...`), from traces.

    Medians over the steps after the first of each trace, which pays for starting the workers; at least three.
    """
    traces = traced_steps(run)
    if isinstance(traces, Missing):
        return traces
    found: list[tuple[float, float, Trace]] = []
    for trace in traces:
        names = [name for name in trace.operations if name.startswith(LOADER)]
        times = sum((trace.operations[name].cpu_ns for name in names), np.zeros(len(trace.steps), np.int64)) / 1e9
        lengths = np.array([step.duration for step in trace.steps])
        if names and len(lengths) >= 4:
            found += [(float(a), float(b), trace) for a, b in zip(times[1:], lengths[1:], strict=True) if b > 0]
    if len(found) < 3:
        return ABSENT
    shares = sorted(min(1.0, time / length) for time, length, _ in found)
    times, lengths = (np.array([one[at] for one in found]) for at in (0, 1))
    trace = found[0][2]
    evidence = derived(
        f"median({LOADER}... / ProfilerStep) over {len(found)} steps = {median(shares):.1%}",
        "the first step of the window is left out",
    )
    names = [name for name in trace.operations if name.startswith(LOADER)]
    quote = f"{names[0]}: {trace.operations[names[0]].total_cpu_ns / 1e6:,.3f}ms in {len(trace.steps)} steps"
    fields = {
        "share": Quantity(median(shares), Kind.RATIO), "low": Quantity(shares[0], Kind.RATIO),
        "high": Quantity(shares[-1], Kind.RATIO), "time": Quantity(median(times), Kind.SECONDS),
        "step_time": Quantity(median(lengths), Kind.SECONDS), "steps": Quantity(len(found), Kind.COUNT),
    }  # fmt: skip
    return Fact(fields, (observed("trace", quote, trace.place), evidence), trace.place)


@detector(fields={"checks": Kind.COUNT, "nodes": Kind.COUNT, "ratio": Kind.FACTOR}, reads="all")
def anomaly_checks(run: Run) -> Found:
    """How many NaN checks run inside the backward engine for each backward node, from traces.

    `torch.autograd.set_detect_anomaly(True)` checks every gradient that a node returns with `aten::isnan`, inside the
    engine's `evaluate_function`; code of the user runs there only in hooks.
    """
    traces = [trace for trace in run.traces if trace.operations]
    if not traces:
        return Missing("a profiler trace")
    best: tuple[float, int, int, Trace] | None = None
    for trace in traces:
        check = trace.operations.get("aten::isnan")
        nodes = sum(op.total_calls for op in trace.operations.values() if op.kind == "wrapper")
        if check is not None and check.in_wrapper and nodes:
            one = (check.in_wrapper / nodes, check.in_wrapper, nodes, trace)
            best = one if best is None or one[0] > best[0] else best
    if best is None:
        return ABSENT
    ratio, checks, nodes, trace = best
    quote = f"aten::isnan: {checks:,} calls inside autograd::engine::evaluate_function, {nodes:,} nodes evaluated"
    fields = {
        "checks": Quantity(checks, Kind.COUNT), "nodes": Quantity(nodes, Kind.COUNT),
        "ratio": Quantity(ratio, Kind.FACTOR),
    }  # fmt: skip
    return Fact(fields, (observed("trace", quote, trace.place),), trace.place)


def _figures(trace: Trace, name: str) -> Longs:
    found = trace.operations.get(name)
    return found.calls if found is not None else np.zeros(len(trace.steps), np.int64)


def _sum(trace: Trace, prefix: str) -> NDArray[np.int64]:
    """Return the calls by step of all names that begin so."""
    chosen = (op.calls for name, op in trace.operations.items() if name.startswith(prefix))
    return sum(chosen, np.zeros(len(trace.steps), np.int64))


def _few(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
