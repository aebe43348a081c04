"""Detectors on time: how fast training goes within one start, where it stands still, how the log ends."""

from __future__ import annotations

import re

import numpy as np
from msgspec import Struct

from wganlint.detect.launches import FAILURES, LOG, stretches
from wganlint.detect.memory import memory_series
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.series import PAIRED, mann_kendall
from wganlint.detect.words import since
from wganlint.evidence import derived, observed
from wganlint.late import late
from wganlint.read.roles import role_book, words_of
from wganlint.run import Launch, Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity, resolution

CLOCK = "a rate or a time on each record (it/s, time per step, elapsed)"
_SPEED = late(r"(?:^|[ _.(\[-])[a-z]{1,12} ?(?:/|_per_) ?s(?:ec(?:ond)?s?)?\b|\bfps\b|throughput", re.IGNORECASE)
_SPENT = late(r"\b(?:m?s|secs?|seconds?) ?(?:/|_per_) ?[a-z]{1,12}", re.IGNORECASE)
_OF = late(r"(?<![0-9.])([0-9]+) ?(?:/|of) ?([0-9]+)(?![0-9.])")


class _Rates(Struct, frozen=True):
    """Rates of one start, in the order of its records: `at` the kept points that they end at, `how` they were got."""

    series: Series
    at: Ints
    rates: Floats
    how: str


def _rates(run: Run, records: int) -> list[_Rates]:
    found: list[_Rates] = []
    for series in run.series:
        how = _how(series)
        if not how or series.kind == "redraw" or series.step_key == "":  # two writers: no order in time
            continue
        for at in stretches(run, series):
            values = series.values[at]
            if len(at) < records or not np.all(values >= 0) or _coarse(series, values, how):
                continue
            if how == "time" and _rises(values):
                steps = series.axis()[at]
                passed, done = np.diff(values), np.diff(steps)
                keep = np.flatnonzero((passed > 0) & (done > 0))
                if len(keep) >= records:
                    found.append(_Rates(series, at[keep + 1], done[keep] / passed[keep], "elapsed"))
            elif how == "speed":
                found.append(_Rates(series, at[values > 0], values[values > 0], how))
            else:
                found.append(_Rates(series, at[values > 0], 1.0 / values[values > 0], "spent"))
    return [one for one in found if len(one.at) >= records]


def _how(series: Series) -> str:
    """Return what a series says of time: "speed", "spent" (on one step or record), "time" (that, or all so far)."""
    name = f"{series.key} {series.unit}".strip().lower()
    book = role_book()
    words = set(words_of(series.key, book))
    if words & (
        book.words["loss"] | {"eta", "maintenance", "load", "data", "eval", "remaining", "left"}
    ) or words & book.words["rate"] - {"rate"}:
        return ""
    if name.endswith(("/std", "/num")):
        return ""
    per = "/" in name or "_per_" in name
    if per and _SPENT.search(name):
        return "spent"
    if (per or "fps" in name or "throughput" in name) and _SPEED.search(name):
        return "speed"
    return "time" if words & (book.words["clock"] - {"s"}) else ""


def _rises(values: Floats) -> bool:
    return bool(np.mean(np.diff(values) > 0) > 0.95)


def _coarse(series: Series, values: Floats, how: str) -> bool:
    """Whether a time is printed too coarsely: a printed unit is more than a tenth of what passes, or of what it is."""
    unit = resolution(series.last.text) or 0.0
    passes = how == "time" and bool(np.mean(np.diff(values) >= 0) > 0.95)
    return unit * 10 > median(np.diff(values) if passes else values)


@detector(
    fields={
        "name": Kind.TEXT, "how": Kind.TEXT, "kept": Kind.RATIO, "since": Kind.TEXT, "trend": Kind.NUMBER,
        "records": Kind.POINTS, "items": Kind.FACTOR, "composed": Kind.FLAG, "changed": Kind.TEXT, "grows": Kind.FLAG,
        "printed": Kind.FLAG, "resized": Kind.FLAG, "sustained": Kind.FLAG,
    },
    parameters={"records": Parameter(int, None, "fewest records of one start")},
)  # fmt: skip
def throughput(run: Run, records: int) -> Found:
    """How the speed within one start changes: kept = median rate of its last fifth / that from a tenth to three tenths.

    Rates are differences where an elapsed time is logged (steps done / time passed between records), else what is
    printed (`printed`: it may be an average since the start, which hides a part of a fall). trend: z of the
    Mann-Kendall test; sustained: three quarters of the last fifth are slower than the early median; since: where the
    cumulative sum of deviations peaks (Page 1954). items: how much larger batches became meanwhile, composed: that is
    known; resized: a resolution or scale changed; changed: controls that changed around there; grows: memory grew.
    """
    worst: tuple[float, _Rates] | None = None
    for one in _rates(run, records):
        n = len(one.rates)
        early, late = one.rates[n // 10 : 3 * n // 10], one.rates[n - n // 5 :]
        kept = median(late) / median(early) if median(early) > 0 else 1.0
        if worst is None or kept < worst[0]:
            worst = (kept, one)
    if worst is None:
        return Missing(f"{CLOCK}, over at least {records} records of one start")
    kept, one = worst
    n = len(one.rates)
    early, late = one.rates[n // 10 : 3 * n // 10], one.rates[n - n // 5 :]
    thin = np.linspace(0, n - 1, min(n, PAIRED)).round().astype(np.int64)
    turn = int(np.argmax(np.abs(np.cumsum(one.rates - one.rates.mean()))))
    turn = min(turn + 1, n - 1)
    point = one.series.point(int(one.at[turn]))
    items = _items(run, one)
    shown = (one.series.point(int(one.at[n // 5])), point, one.series.point(int(one.at[-1])))
    fields: dict[str, Quantity | bool | str] = {
        "name": one.series.key,
        "how": one.how,
        "kept": Quantity(kept, Kind.RATIO),
        "since": since(point),
        "trend": Quantity(mann_kendall(one.rates[thin]), Kind.NUMBER, 1),
        "records": Quantity(n, Kind.POINTS),
        "items": Quantity(items, Kind.FACTOR),
        "composed": items > 0,
        "changed": _changed(run, one, turn),
        "grows": _grew(run),
        "printed": one.how == "speed",
        "resized": _resized(run),
        "sustained": bool(np.sort(late)[3 * len(late) // 4] < median(early)) if len(late) else False,
    }
    formula = f"median rate: {median(early):.4g} early, {median(late):.4g} late: {kept:.0%} of it"
    labels = ("early", "around the change", "at the end")
    evidence = dict.fromkeys(p.evidence(label) for p, label in zip(shown, labels, strict=True))
    return Fact(fields, (*evidence, derived(formula, one.how)), point.place, (one.series.name,))


def _items(run: Run, rates: _Rates) -> float:
    """Return how many times as many items a record holds late as early, 0 where no such count is beside it."""
    book = role_book()
    for series in run.series:
        words = set(words_of(series.key, book))
        if series.form != rates.series.form or not words & (book.words["elements"] | book.words["items"]):
            continue
        if words & (book.words["dropped"] | book.words["aim"] | {"fake", "generated"}):
            continue
        values = series.values[np.isfinite(series.values)]
        if len(values) < 10 or not np.all(values >= 0):
            continue
        if _rises(values):
            values = np.diff(values)
        n = len(values)
        early = median(values[n // 10 : 3 * n // 10])
        return median(values[n - n // 5 :]) / early if early > 0 else 0.0
    return 0.0


def _resized(run: Run) -> bool:
    book = role_book()
    for series in run.series:
        words = set(words_of(series.key, book))
        if (
            words & book.words["size"]
            and not words & (book.words["loss"] | book.words["critic"])
            and len(set(series.values[np.isfinite(series.values)])) > 1
        ):
            return True
    return False


def _changed(run: Run, rates: _Rates, turn: int) -> str:
    """Return the controls (critic steps, penalty weight) whose value differs before and after."""
    step = rates.series.axis()[rates.at[turn]]
    told = []
    for role in ("critic_steps", "penalty_weight"):
        series = run.role(role)
        if series is None or series.step_key != rates.series.step_key:
            continue
        axis = series.axis()
        before, after = series.values[axis < step], series.values[axis >= step]
        if len(before) >= 3 and len(after) >= 3 and median(before[-10:]) != median(after[:10]):
            told.append(f"{series.key} {median(before[-10:]):.4g} -> {median(after[:10]):.4g}")
    return ", ".join(told)


def _grew(run: Run) -> bool:
    for series in memory_series(run)["used"]:
        values = series.values[np.isfinite(series.values)]
        n = len(values)
        if n >= 10 and median(values[n - n // 5 :]) > 1.1 * median(values[n // 10 : 3 * n // 10]):
            return True
    return False


@detector(
    fields={
        "name": Kind.TEXT, "gaps": Kind.COUNT, "longest": Kind.FACTOR, "share": Kind.RATIO, "since": Kind.TEXT,
        "regular": Kind.FLAG,
    },
    parameters={
        "times": Parameter(float, None, "length of a gap over the usual one"),
        "records": Parameter(int, None, "fewest records of one start"),
    },
)  # fmt: skip
def stalls(run: Run, times: float, records: int) -> Found:
    """Gaps in a logged elapsed time: records that came `times` times as late as usual. regular: they come at even
    distances, as evaluations do; share: their part of all the time."""
    looked = False
    for series in run.series:
        if _how(series) != "time" or series.step_key == "":
            continue
        for at in stretches(run, series):
            values = series.values[at]
            if len(at) < records or not _rises(values) or series.folded or _coarse(series, values, "time"):
                continue
            looked = True
            passed = np.diff(values)
            usual = median(passed)
            long = np.flatnonzero(passed > times * usual)
            if not usual > 0 or not len(long):
                continue
            apart = np.diff(long)
            after = series.point(int(at[long[int(np.argmax(passed[long]))] + 1]))
            before = series.point(int(at[long[int(np.argmax(passed[long]))]]))
            fields: dict[str, Quantity | bool | str] = {
                "name": series.key,
                "gaps": Quantity(len(long), Kind.COUNT),
                "longest": Quantity(float(passed.max()) / usual, Kind.FACTOR),
                "share": Quantity(float(passed[long].sum() / passed.sum()), Kind.RATIO),
                "since": since(before),
                "regular": len(long) >= 3 and bool(np.ptp(apart) <= max(1.0, 0.2 * median(apart))),
            }
            shown = (before.evidence("the record before the longest gap"), after.evidence("and after it"))
            return Fact(fields, shown, after.place, (series.name,))
    return ABSENT if looked else Missing("an elapsed time on each record")


@detector(
    fields={
        "failed": Kind.FLAG, "failure": Kind.TEXT, "ending": Kind.TEXT, "finished": Kind.FLAG, "stopped": Kind.FLAG,
        "counter": Kind.TEXT, "reached": Kind.STEPS, "planned": Kind.STEPS, "known": Kind.FLAG, "share": Kind.RATIO,
        "oom": Kind.FLAG, "at": Kind.TEXT, "done": Kind.FLAG,
    },
    reads="tally",
)  # fmt: skip
def log_end(run: Run) -> Found:
    """How the last start of the program ended: a failure behind its last record, an announced end, or the last line.

    reached and planned: its coarsest counter, and what that was to reach (`Epoch 19/150`, or a setting of that name);
    done: it came there.
    """
    if not run.launches:
        return Missing(LOG)
    last = [launch for launch in run.launches if launch.own][-1]
    planned = _planned(run, last)
    reached = last.last[0] if last.last else 0.0
    fields: dict[str, Quantity | bool | str] = {
        "failed": last.outcome in FAILURES,
        "failure": FAILURES.get(last.outcome, ""),
        "ending": last.ending[:200],
        "finished": last.outcome == "finished" or any(one.kind == "finished" for one in run.said),
        "stopped": last.outcome == "stopped",
        "counter": last.names[0] if last.names else "record",
        "reached": Quantity(reached, Kind.STEPS),
        "planned": Quantity(planned, Kind.STEPS),
        "known": planned > reached + 1 > 1,  # counters from 0 end one before
        "share": Quantity(reached / planned if planned else 1.0, Kind.RATIO),
        "oom": last.outcome == "out_of_memory",
        "done": 0 < planned <= reached + 1,
        "at": f"{last.names[0]} {reached:.15g}" if last.last and last.names else "",
    }
    place = last.end or last.place
    shown = [observed("log", last.ending, place, "the last line")] if last.ending else []
    said = next((one for one in run.said if one.kind == last.outcome), None)
    if last.outcome in FAILURES and said is not None and said.lines[-1][0] != place:
        shown.insert(0, said.evidence(FAILURES[last.outcome], -1))
    return Fact(fields, tuple(shown), place)


def _planned(run: Run, last: Launch) -> float:
    """Return what the coarsest counter was to reach, 0 where nothing says it."""
    if not last.last or not last.names:
        return 0.0
    reached = last.last[0]
    for series in run.series:
        quote = series.last.quote
        for match in _OF.finditer(quote[:200]):
            if float(match[1]) == reached and float(match[2]) >= reached and len(match[2]) < 12:
                return float(match[2])
    name = re.sub(r"[^a-z]", "", last.names[0].lower()).rstrip("s")
    wanted = {f"{lead}{name}{s}" for lead in ("", "n", "num", "max", "total", "numof") for s in ("", "s")} - {name}
    for setting in run.settings:
        if re.sub(r"[^a-z]", "", setting.name.lower()) in wanted and setting.number and setting.number >= reached:
            return float(setting.number)
    return 0.0
