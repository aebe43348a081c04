"""Detectors on printed profiler tables: how often an operation ran, what it cost, and when that cannot be told."""

from __future__ import annotations

from wganlint.detect.calls import PerStep, calls_per_step
from wganlint.detect.registry import Fact, Found, Missing, Parameter, detector
from wganlint.evidence import Evidence, derived, observed
from wganlint.run import OpTable, Run
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "op": Kind.TEXT, "calls": Kind.COUNT, "low": Kind.COUNT, "high": Kind.COUNT, "time": Kind.SECONDS,
        "device": Kind.TEXT, "per": Kind.TEXT, "basis": Kind.TEXT, "tables": Kind.COUNT, "present": Kind.FLAG,
        "per_step": Kind.FLAG, "divided": Kind.FLAG, "share": Kind.RATIO, "with_share": Kind.FLAG, "times": Kind.TEXT,
    },
    parameters={"name": Parameter(str, None, "exact name of the operation, such as NanToNumBackward0")},
    reads="all",
)  # fmt: skip
def operation(run: Run, name: str) -> Found:
    """Calls and time of one operation over all printed profiler tables that can tell.

    calls: median over the tables, per step where the table or its heading says how many steps it covers (`per` is
    "step" or "table"); time: of the device column for CUDA tables (`CUDA total`: a backward node launches no kernel
    itself), else `CPU total`; share: of the footer's total. present is false if complete tables lack it; a table cut
    by row_limit without it could not tell.
    """
    if not run.tables:
        return Missing("a profiler table")
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
    }
    return Fact(fields, tuple(_quotes(hits, device)), first.rows[0].place)


def _absent(name: str, told: list[tuple[OpTable, PerStep]]) -> Fact:
    table = told[0][0]
    nothing = Quantity(0, Kind.COUNT)
    fields: dict[str, Quantity | bool | str] = {
        "op": name, "calls": nothing, "low": nothing, "high": nothing, "time": Quantity(0, Kind.SECONDS),
        "times": "none", "device": f"{table.device} total" if table.device else "CPU total", "per": "table",
        "basis": "complete tables",
        "tables": Quantity(len(told), Kind.COUNT), "present": False, "divided": False,
        "per_step": table.steps is not None,
        "share": Quantity(0, Kind.RATIO), "with_share": False,
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
