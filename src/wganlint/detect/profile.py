"""Detectors on profiles: how often an operation ran, what it cost, and when that cannot be told.

A trace is asked first: it counts exactly, step by step; a printed table folds a whole window into one row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wganlint.detect.calls import PerStep, calls_per_step
from wganlint.detect.registry import Fact, Found, Missing, Parameter, detector
from wganlint.detect.traces import listed
from wganlint.evidence import Evidence, derived, observed
from wganlint.run import OpTable, Run
from wganlint.series import median
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.trace import Operation, Trace


@detector(
    fields={
        "op": Kind.TEXT, "calls": Kind.COUNT, "low": Kind.COUNT, "high": Kind.COUNT, "time": Kind.SECONDS,
        "device": Kind.TEXT, "per": Kind.TEXT, "basis": Kind.TEXT, "tables": Kind.COUNT, "present": Kind.FLAG,
        "per_step": Kind.FLAG, "divided": Kind.FLAG, "share": Kind.RATIO, "with_share": Kind.FLAG, "times": Kind.TEXT,
        "traced": Kind.FLAG, "traces": Kind.COUNT, "with_sites": Kind.FLAG, "sites": Kind.TEXT,
    },
    parameters={"name": Parameter(str, None, "exact name of the operation, such as NanToNumBackward0")},
    reads="all",
)  # fmt: skip
def operation(run: Run, name: str) -> Found:
    """Calls and time of one operation over all traces, else over all printed profiler tables, that can tell.

    From traces (`traced`): median calls a step (`per` is "trace" where no steps are marked), the time of the kernels
    that were launched under it where there are kernels, else its time on the CPU, a step; share: of all kernels' time
    or of the steps; sites: the Python functions that its forward calls were made from, where stacks were recorded.

    calls: median over the tables, per step where the table or its heading says how many steps it covers (`per` is
    "step" or "table"); time: of the device column for CUDA tables (`CUDA total`: a backward node launches no kernel
    itself), else `CPU total`; share: of the footer's total. present is false if complete tables lack it; a table cut
    by row_limit without it could not tell.
    """
    seen = [(trace, op) for trace in run.traces if (op := trace.operations.get(name)) is not None]
    if seen:
        return _traced(name, seen)
    whole = [trace for trace in run.traces if trace.complete and _shows(trace, name)]
    if not run.tables and whole:
        return _not_traced(name, whole)
    if not run.tables and run.traces:
        return Missing(f"a whole trace of training steps that are not compiled: {name} may be missing from this one")
    if not run.tables:
        return Missing("a profiler table or trace")
    told = [(table, found) for table in run.tables if (found := calls_per_step(table, name)) is not None]
    if not told:
        return Missing(f"a profiler table that is not cut: {name} may be among the rows that row_limit left out")
    hits = [(table, found) for table, found in told if found.calls > 0]
    if not hits:
        return _absent(name, told)
    calls = sorted(found.calls for _, found in hits)
    per_step = all(found.basis != "table" for _, found in hits)
    times = [found.device_time if table.device else found.cpu_time for table, found in hits]
    known = sorted(t for t in times if t is not None)
    device = next((table.device for table, _ in hits if table.device), None)
    shares = [share for table, found in hits if (share := _share(table, found)) is not None]
    first_table, first = hits[0]
    fields: dict[str, Quantity | bool | str] = {
        "op": name,
        "calls": Quantity(calls[len(calls) // 2], Kind.COUNT),
        "low": Quantity(calls[0], Kind.COUNT),
        "high": Quantity(calls[-1], Kind.COUNT),
        "time": Quantity(known[len(known) // 2] if known else float("nan"), Kind.SECONDS),
        "times": _span(hits),
        "device": f"{device} total" if device else "CPU total",
        "per": "step" if per_step else "table",
        "basis": _basis(first_table, first),
        "tables": Quantity(len(hits), Kind.COUNT),
        "present": True,
        "per_step": per_step,
        "divided": any(found.basis == "ProfilerStep*" or found.halved for _, found in hits),
        "share": Quantity(max(shares) if shares else float("nan"), Kind.RATIO),
        "with_share": bool(shares),
        **_NO_TRACE,
    }
    return Fact(fields, tuple(_quotes(hits, device)), first.rows[0].place)


_NO_TRACE: dict[str, Quantity | bool | str] = {
    "traced": False, "traces": Quantity(0, Kind.COUNT), "with_sites": False, "sites": "",
}  # fmt: skip


def _traced(name: str, seen: list[tuple[Trace, Operation]]) -> Fact:
    """Return the figures of an operation that stands in traces."""
    with_steps = [(trace, op) for trace, op in seen if trace.steps]
    device = any(trace.kernels for trace, _ in seen)
    if with_steps:
        calls = [int(count) for _, op in with_steps for count in op.calls]
        times = [int(time) / 1e9 for _, op in with_steps for time in (op.device_ns if device else op.cpu_ns)]
    else:
        calls = [op.total_calls for _, op in seen]
        times = [(op.total_device_ns if device else op.total_cpu_ns) / 1e9 for _, op in seen]
    trace, _ = (with_steps or seen)[0]
    share = _trace_share(with_steps or seen, device)
    sites = _sites(seen)
    fields: dict[str, Quantity | bool | str] = {
        "op": name,
        "calls": Quantity(median(calls), Kind.COUNT),
        "low": Quantity(min(calls), Kind.COUNT),
        "high": Quantity(max(calls), Kind.COUNT),
        "time": Quantity(median(times), Kind.SECONDS),
        "times": _milliseconds(times),
        "device": "kernels that it launched" if device else "CPU, with what it calls",
        "per": "step" if with_steps else "trace",
        "basis": _steps_in_words(trace),
        "tables": Quantity(0, Kind.COUNT),
        "present": True,
        "per_step": bool(with_steps),
        "divided": False,
        "share": Quantity(share if share is not None else float("nan"), Kind.RATIO),
        "with_share": share is not None,
        "traced": True,
        "traces": Quantity(len(with_steps or seen), Kind.COUNT),
        "with_sites": bool(sites),
        "sites": sites,
    }
    return Fact(fields, tuple(_trace_quotes(name, with_steps or seen, device)), trace.place)


def _not_traced(name: str, whole: list[Trace]) -> Fact:
    nothing = Quantity(0, Kind.COUNT)
    fields: dict[str, Quantity | bool | str] = {
        "op": name, "calls": nothing, "low": nothing, "high": nothing, "time": Quantity(0, Kind.SECONDS),
        "times": "none", "device": "CPU, with what it calls", "per": "step" if whole[0].steps else "trace",
        "basis": _steps_in_words(whole[0]), "tables": nothing, "present": False, "per_step": bool(whole[0].steps),
        "divided": False, "share": Quantity(0, Kind.RATIO), "with_share": False, "traced": True,
        "traces": Quantity(len(whole), Kind.COUNT), "with_sites": False, "sites": "",
    }  # fmt: skip
    evidence = observed("trace", name, whole[0].place, f"a whole trace without {name}")
    return Fact(fields, (evidence,), whole[0].place)


def _shows(trace: Trace, name: str) -> bool:
    """Whether a trace would show an operation of this name if it had run.

    torch.compile fuses operations and nodes under names of its own; a window without a backward pass has no nodes.
    """
    if any(other.startswith(("CompiledFunction", "Torch-Compiled Region")) for other in trace.operations):
        return False
    return any(op.kind == ("node" if "Backward" in name else "op") for op in trace.operations.values())


def _steps_in_words(trace: Trace) -> str:
    if not trace.steps:
        return "no ProfilerStep marks the steps"
    first, last = trace.steps[0].number, trace.steps[-1].number
    return f"ProfilerStep#{first}" if first == last else f"ProfilerStep#{first} to #{last}"


def _milliseconds(times: list[float]) -> str:
    low, high = f"{min(times) * 1e3:.3f}ms", f"{max(times) * 1e3:.3f}ms"
    return low if low == high else f"{low} to {high}"


def _trace_share(seen: list[tuple[Trace, Operation]], device: bool) -> float | None:
    """Return the share of all kernels' time, or of the steps' time."""
    if device:
        kernels = [op for trace, _ in seen for op in trace.operations.values() if op.kind == "kernel"]
        busy = sum(op.total_device_ns for op in kernels)
        return sum(op.total_device_ns for _, op in seen) / busy if busy else None
    whole = sum(step.duration for trace, _ in seen for step in trace.steps) * 1e9
    spent = sum(int(op.cpu_ns.sum()) for _, op in seen)
    return spent / whole if 0 < spent <= whole else None


def _sites(seen: list[tuple[Trace, Operation]]) -> str:
    """Return the functions that an operation came from: `critic (train.py:14) 36 times, gp (train.py:19) 6 times`."""
    found: dict[tuple[str, str, int], int] = {}
    for _, op in seen:
        for site in op.sites:
            key = (site.function, site.file, site.line)
            found[key] = found.get(key, 0) + site.calls
    ranked = sorted(found.items(), key=lambda item: -item[1])[:4]
    return ", ".join(f"{key[0]} ({key[1]}:{key[2]}) {count:,}x" for key, count in ranked)


def _trace_quotes(name: str, seen: list[tuple[Trace, Operation]], device: bool) -> list[Evidence]:
    quotes: list[Evidence] = []
    for trace, op in seen[:3]:
        label = "calls that it makes to itself are not counted"
        if trace.steps:
            quotes.append(observed("trace", f"{name}: {listed(trace, op.calls)}", trace.place, label))
        else:
            quotes.append(observed("trace", f"{name}: {op.total_calls:,} in the whole window", trace.place, label))
        spent = op.total_device_ns if device else op.total_cpu_ns
        what = "kernels launched under it" if device else "time on the CPU"
        quotes.append(derived(f"{what}: {spent / 1e6:,.3f}ms in {op.total_calls:,} calls"))
        for site in op.sites[:4]:
            quote = f"{site.file}({site.line}): {site.function}"
            note = f"{site.calls:,} of {op.total_calls:,} calls come from here; the line is that of the def"
            quotes.append(observed("trace", quote, trace.place, note))
    return quotes


def _absent(name: str, told: list[tuple[OpTable, PerStep]]) -> Fact:
    table = told[0][0]
    nothing = Quantity(0, Kind.COUNT)
    fields: dict[str, Quantity | bool | str] = {
        "op": name, "calls": nothing, "low": nothing, "high": nothing, "time": Quantity(0, Kind.SECONDS),
        "times": "none", "device": f"{table.device} total" if table.device else "CPU total", "per": "table",
        "basis": "complete tables",
        "tables": Quantity(len(told), Kind.COUNT), "present": False, "divided": False,
        "per_step": table.steps is not None,
        "share": Quantity(0, Kind.RATIO), "with_share": False, **_NO_TRACE,
    }  # fmt: skip
    evidence = observed("table", table.heading or name, table.place, f"a complete table without {name}")
    return Fact(fields, (evidence,), table.place)


def _basis(table: OpTable, found: PerStep) -> str:
    if found.basis == "ProfilerStep*":
        return f"{table.steps} ProfilerStep* calls in the table"
    if found.basis == "heading":
        return f"the heading says `{table.one_step}`"
    return "nothing says how many steps the table covers"


def _share(table: OpTable, found: PerStep) -> float | None:
    time, total = (found.device_time, table.device_time) if table.device else (found.cpu_time, table.cpu_time)
    if time is None or not total or table.steps not in (None, 1):
        return None
    return time / total if 0 <= time <= total else None


def _span(hits: list[tuple[OpTable, PerStep]]) -> str:
    """Return the time as the tables print it: one text, or `first to last` of the sorted ones."""
    texts: list[tuple[float, str]] = []
    for table, found in hits:
        column = f"{table.device} total" if table.device else "CPU total"
        time = found.device_time if table.device else found.cpu_time
        if (
            time is not None
            and len(found.rows) == 1
            and column in found.rows[0].cells
            and found.basis != "ProfilerStep*"
        ):
            texts.append((time, found.rows[0].cells[column]))
        elif time is not None:
            texts.append((time, f"{time * 1e3:.3f}ms"))
    texts.sort()
    if not texts:
        return "not printed"
    return texts[0][1] if texts[0][1] == texts[-1][1] else f"{texts[0][1]} to {texts[-1][1]}"


def _quotes(hits: list[tuple[OpTable, PerStep]], device: str | None) -> list[Evidence]:
    quotes: list[Evidence] = []
    for table, found in hits[:3]:
        if table.heading and table.one_step and found.basis == "heading":
            quotes.append(
                observed(
                    "table",
                    table.heading,
                    table.heading_place,
                    f"`{table.one_step}`: this table covers one step",
                )
            )
        row = found.rows[0]
        said = "calls" if row.calls != 1 else "call"
        quotes.append(observed("table", row.quote, row.place, f"{row.calls} {said} in this table"))
        if found.basis == "ProfilerStep*":
            quotes.append(
                derived(f"{sum(r.calls or 0 for r in found.rows)} calls / {table.steps} steps = {found.calls:g}")
            )
    return quotes
