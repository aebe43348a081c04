"""Detectors on the starts of a program: how often it began, how each start ended, whether two write one log."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import pairwise

import numpy as np

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite
from wganlint.evidence import Evidence, Place, observed
from wganlint.run import Launch, Run, Series
from wganlint.series import Ints
from wganlint.units import Kind, Quantity

LOG = "a text log that shows where the program was started"
FAILURES = {
    "out_of_memory": "an out-of-memory error",
    "killed": "being killed",
    "nccl_error": "an NCCL error",
    "device_error": "an error of the device",
    "traceback": "an exception",
}


def stretches(run: Run, series: Series) -> list[Ints]:
    """Return the positions of the finite, sampled points of a series, those of each launch apart."""
    at = finite(series, series.sample())
    begins: dict[str, list[int]] = {}
    for launch in run.launches:
        begins.setdefault(launch.place.file, []).append(launch.place.line or 0)
    keys = np.zeros(len(at), dtype=np.int64)
    for order, file in enumerate(series.files):
        mine = np.flatnonzero(series.file_of[at] == order)
        cuts = np.array(begins.get(file, []), dtype=np.int64)
        keys[mine] = order * 10_000 + np.searchsorted(cuts, series.lines[at[mine]], side="right")
    return [at[keys == key] for key in dict.fromkeys(keys.tolist())]


@detector(
    fields={"starts": Kind.COUNT, "records": Kind.POINTS, "turns": Kind.COUNT, "counter": Kind.TEXT},
    reads="all",
)
def two_writers(run: Run) -> Found:
    """A stretch of a log in which the counters fall back every few records: two processes write it in turn.

    turns: how often the coarsest counter that falls goes back there, of the records that are kept.
    """
    if not run.launches:
        return Missing(LOG)
    mixed = next((launch for launch in run.launches if launch.mixed), None)
    if mixed is None:
        return ABSENT
    quotes = _turns(run, mixed)
    fields: dict[str, Quantity | bool | str] = {
        "starts": Quantity(len(run.launches), Kind.COUNT),
        "records": Quantity(mixed.records, Kind.POINTS),
        "turns": Quantity(quotes[1], Kind.COUNT),
        "counter": mixed.names[0] if mixed.names else "the counter",
    }
    return Fact(fields, quotes[0], quotes[0][0].place if quotes[0] else mixed.place)


def _turns(run: Run, launch: Launch) -> tuple[tuple[Evidence, ...], int]:
    """Return four records in a row between which a step falls back and comes again, and how often it falls."""
    best: tuple[tuple[Evidence, ...], int] = ((), 0)
    for series in run.series:
        steps = series.steps
        if series.kind != "text" or launch.place.file not in series.files or len(steps) < 4:
            continue
        falls = np.flatnonzero(steps[1:] < steps[:-1]) + 1
        if len(falls) <= best[1]:
            continue
        gaps = np.diff(falls)
        at = int(falls[int(np.argmin(gaps))]) if len(gaps) else int(falls[0])
        rows = range(max(0, at - 1), min(len(steps), at + 3))
        best = (
            tuple(series.point(row).evidence("written in turn" if row == rows[0] else "") for row in rows),
            len(falls),
        )
    return best


@detector(
    fields={
        "starts": Kind.COUNT, "dead": Kind.COUNT, "streak": Kind.COUNT, "lasting": Kind.COUNT, "longest": Kind.POINTS,
        "same": Kind.COUNT, "failure": Kind.TEXT, "ended": Kind.FLAG, "resumed": Kind.COUNT, "anew": Kind.COUNT,
        "lost": Kind.RATIO, "where": Kind.TEXT, "ending": Kind.TEXT, "told": Kind.FLAG, "files": Kind.COUNT,
    },
    parameters={"few": Parameter(int, None, "records below which a start has died before it could be judged")},
    reads="tally",
)  # fmt: skip
def starts(run: Run, few: int) -> Found:
    """How often the program was started and how these starts ended.

    dead: starts with fewer than `few` records that nobody stopped and that do not say that they finished; streak: how
    many of them stand at the end in a row; lasting: the others, longest the records of the longest. same: starts that
    ended with the commonest failure, failure what it is, ended: the last start ended so too. resumed: starts that go on
    from where the one before was; anew: those that begin again; lost: the share of all records that stand before a
    start that begins anew. where: at which record they failed.
    """
    launches = run.launches
    if not launches or (len(launches) == 1 and not launches[0].records):
        return Missing(LOG)
    if len(launches) == 1:
        return ABSENT
    dead = [launch.records < few and launch.outcome not in ("stopped", "finished") for launch in launches]
    streak = next((at for at, launch in enumerate(reversed(dead)) if not launch), len(dead))
    failures = Counter(launch.outcome for launch in launches if launch.outcome in FAILURES)
    failure, same = failures.most_common(1)[0] if failures else ("", 0)
    alike = [launch for launch in launches if launch.outcome == failure] if failure else []
    total = sum(launch.records for launch in launches)
    lost = sum(launch.records for launch, after in pairwise(launches) if after.first and not after.resumed)
    begun = [launch for launch in launches[1:] if launch.first]
    fields: dict[str, Quantity | bool | str] = {
        "starts": Quantity(len(launches), Kind.COUNT),
        "dead": Quantity(sum(dead), Kind.COUNT),
        "streak": Quantity(streak, Kind.COUNT),
        "lasting": Quantity(len(dead) - sum(dead), Kind.COUNT),
        "longest": Quantity(max(launch.records for launch in launches), Kind.POINTS),
        "same": Quantity(same, Kind.COUNT),
        "failure": FAILURES.get(failure, failure.replace("_", " ")),
        "told": bool(failure),
        "ended": bool(failure) and launches[-1].outcome == failure,
        "resumed": Quantity(sum(launch.resumed for launch in begun), Kind.COUNT),
        "anew": Quantity(sum(not launch.resumed for launch in begun), Kind.COUNT),
        "lost": Quantity(lost / total if total else 0.0, Kind.RATIO),
        "where": _positions(alike),
        "ending": launches[-1].ending[:160],
        "files": Quantity(len({launch.place.file for launch in launches}), Kind.COUNT),
    }
    return Fact(fields, _shown(launches, alike), _place(launches, alike, streak))


def _positions(launches: list[Launch]) -> str:
    """Return where starts ended, by their coarsest counter that differs: `batches 3700, 3750, 3800`."""
    ends = [launch.last for launch in launches if launch.last]
    if not ends:
        return ""
    name = launches[0].names[0] if launches[0].names else "record"
    listed = ", ".join(f"{end[0]:.15g}" for end in ends[:4])
    return f"{name} {listed}" + (" ..." if len(ends) > 4 else "")


def _shown(launches: tuple[Launch, ...], alike: list[Launch]) -> tuple[Evidence, ...]:
    """Quote how starts ended: up to three that failed alike, else the last ones that died."""
    if alike:
        return tuple(
            observed("log", launch.ending, launch.end or launch.place, f"how start {launches.index(launch) + 1} ended")
            for launch in alike[:3]
        )
    return tuple(
        observed("log", launch.head, launch.place, f"start {at + 1} of {len(launches)}: {_count(launch.records)}")
        for at, launch in [(0, launches[0]), (len(launches) - 2, launches[-2]), (len(launches) - 1, launches[-1])]
        if launch.head
    )


def _count(records: int) -> str:
    return "no record" if records == 0 else f"{records} record{'s' if records > 1 else ''}"


def _place(launches: tuple[Launch, ...], alike: list[Launch], streak: int) -> Place:
    if alike:
        return alike[0].end or alike[0].place
    return launches[-streak].place if streak else launches[-1].place


@detector(
    fields={
        "kind": Kind.TEXT, "count": Kind.COUNT, "step": Kind.TEXT, "later": Kind.POINTS,
    },
    parameters={"kind": Parameter(str, None, "which kind of line, as roles.toml calls it")},
    reads="all",
)  # fmt: skip
def line_said(run: Run, kind: str) -> Found:
    """Lines of one kind that are no records (`out_of_memory`, `nccl_error` ...). step: of the last record before the
    first; later: how many records come after the last of them."""
    said = next((one for one in run.said if one.kind == kind), None)
    if said is None:
        return ABSENT if run.launches else Missing(LOG)
    first, last = said.lines[0][0], said.lines[-1][0]
    step, later = "", 0
    for series in run.series:
        if last.file not in series.files:
            continue
        mine = series.files.index(last.file)
        lines = series.lines[series.file_of == mine]
        after = int(len(lines) - bisect_right(lines.tolist(), last.line or 0))
        later = max(later, after)
        before = np.flatnonzero((series.file_of == mine) & (series.lines < (first.line or 0)))
        if len(before) and np.isfinite(series.steps[before[-1]]) and not step and first.file == last.file:
            step = f"{series.step_key or 'step'} {series.steps[before[-1]]:.15g}"
    fields: dict[str, Quantity | bool | str] = {
        "kind": kind.replace("_", " "),
        "count": Quantity(said.count, Kind.COUNT),
        "step": step,
        "later": Quantity(later, Kind.POINTS),
    }
    shown = [said.evidence("the first one" if said.count > 1 else "")]
    if said.count > 1:
        shown.append(said.evidence("the last one", -1))
    return Fact(fields, tuple(shown), first)
