"""Detectors on feedback: control fields that a run adapts, augmentation that runs away, and cycles in the game."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from wganlint.align import align
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.series import roles
from wganlint.detect.statistics import Cycle, cycle, noise
from wganlint.detect.window import finite
from wganlint.detect.words import since, where
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, distinct, median
from wganlint.units import Kind, Quantity

FIELDS = "a control field that the run adapts (critic steps, penalty weight)"
AUGMENT = frozenset({"augment", "ada", "aug", "augpipe"})


class Control(Struct, frozen=True):
    """A logged control field: its values at the kept points `at`, and whether a rise strengthens the critic."""

    series: Series
    at: Ints
    values: Floats
    strengthens: bool

    @property
    def changes(self) -> Ints:
        """Return positions (in `at`) of the records whose value differs from the one before."""
        return np.flatnonzero(np.diff(self.values)) + 1


def controls(run: Run) -> Iterator[Control]:
    """Yield the control fields that change: critic steps, and the penalty's weight.

    A column `gp` that begins at the stated weight and keeps a value for several records is that weight.
    """
    stated = {s.number for s in run.latest("penalty_weight")}
    for role, strengthens in (("critic_steps", True), ("penalty_weight", False), ("penalty", False)):
        series = run.role(role)
        if series is None or series.folded:
            continue
        at = finite(series, series.sample())
        values = series.values[at]
        if len(at) < 10 or not np.any(np.diff(values)):
            continue
        if role == "penalty" and not (series.first.value in stated and np.mean(np.diff(values) == 0) >= 0.5):
            continue
        yield Control(series, at, values, strengthens)


@detector(
    fields={
        "name": Kind.TEXT, "changes": Kind.COUNT, "share": Kind.RATIO, "turns": Kind.COUNT, "records": Kind.POINTS,
        "rail": Kind.NUMBER, "railed": Kind.RATIO, "distinct": Kind.COUNT, "weakens": Kind.COUNT,
        "against": Kind.COUNT, "gap": Kind.TEXT, "first": Kind.TEXT, "lowest": Kind.NUMBER, "highest": Kind.NUMBER,
    },
)  # fmt: skip
def control_course(run: Run) -> Found:
    """A logged control field that changes during the run: the one that changes most often.

    share: changes over records; turns: changes of direction; rail: the extreme value that it ends at, railed: share of
    the records at it (0 where it ends elsewhere); distinct: different values. weakens: changes that lower the critic's
    share (fewer critic steps, a larger weight of the penalty), against: those of them at which the gap (its average, if
    logged) was below 0, which an under-trained critic shows.
    """
    known = list(controls(run))
    if not known:
        return ABSENT if run.role("critic_steps") or run.role("penalty_weight") else Missing(FIELDS)
    best = max(known, key=lambda control: len(control.changes))
    values, changes = best.values, best.changes
    moves = np.sign(values[changes] - values[changes - 1])
    low, high = float(values.min()), float(values.max())
    end = float(values[-1])
    weakening = changes[moves < 0] if best.strengthens else changes[moves > 0]
    gap = run.role("gap_average") or run.role("gap")
    against = 0
    if gap is not None and len(weakening):
        _, (there,) = align(best.series, [gap], best.at[weakening])
        against = int(np.sum(gap.values[there] < 0))
    point = best.series.point(int(best.at[changes[0]]))
    fields: dict[str, Quantity | bool | str] = {
        "name": best.series.key,
        "changes": Quantity(len(changes), Kind.COUNT),
        "share": Quantity(len(changes) / len(values), Kind.RATIO),
        "turns": Quantity(int(np.sum(moves[1:] != moves[:-1])), Kind.COUNT),
        "records": Quantity(len(values), Kind.POINTS),
        "rail": best.series.quantity(end, best.series.last.text),
        "railed": Quantity(float(np.mean(values == end)) if end in (low, high) else 0.0, Kind.RATIO),
        "distinct": Quantity(distinct(values), Kind.COUNT),
        "weakens": Quantity(len(weakening), Kind.COUNT),
        "against": Quantity(against, Kind.COUNT),
        "gap": gap.key if gap is not None else "",
        "first": since(point),
        "lowest": best.series.quantity(low),
        "highest": best.series.quantity(high),
    }
    shown = [point.evidence(f"{best.series.key} changes first here")]
    shown += [best.series.point(int(best.at[one])).evidence(f"{best.series.key} at {gap.key} < 0" if gap else "")
              for one in weakening[:2] if against]  # fmt: skip
    return Fact(fields, tuple(shown), point.place, (best.series.name,))


@detector(
    fields={
        "name": Kind.TEXT, "last": Kind.NUMBER, "first": Kind.NUMBER, "records": Kind.POINTS, "rising": Kind.FLAG,
        "rise": Kind.NUMBER,
    },
)  # fmt: skip
def augment_course(run: Run) -> Found:
    """The strength of adaptive augmentation (ADA) as logged: `augment`, `Progress/augment`, `ada_aug_p`.

    rising: it still rises over the last max(5 records, 20 %): their end is above their start by more than three times
    its noise and nothing in between falls.
    """
    book = role_book()
    for series in run.series:
        words = words_of(series.key.rpartition("/")[2], book)
        if not AUGMENT & set(words) or not set(words) <= AUGMENT | {"p", "prob", "probability", "strength"}:
            continue
        at = finite(series, series.sample())
        values = series.values[at]
        if len(values) < 5:
            continue
        tail = values[-max(5, len(values) // 5) :]
        rise = float(tail[-1] - tail[0])
        rising = rise > 3 * noise(tail) and bool((np.diff(tail) >= 0).mean() >= 0.8)
        fields: dict[str, Quantity | bool | str] = {
            "name": series.key,
            "last": series.quantity(series.last.value, series.last.text),
            "first": series.quantity(series.first.value, series.first.text),
            "records": Quantity(len(series), Kind.POINTS),
            "rising": rising,
            "rise": series.quantity(rise),
        }
        return Fact(fields, (series.first.evidence("at first"), series.last.evidence("at last")), series.last.place)
    return Missing("the strength of adaptive augmentation (ADA)")


@detector(
    fields={
        "name": Kind.TEXT, "period": Kind.STEPS, "in_steps": Kind.FLAG, "score": Kind.NUMBER, "second": Kind.NUMBER,
        "cycles": Kind.COUNT, "growth": Kind.FACTOR, "records": Kind.POINTS, "driver": Kind.TEXT,
        "driven": Kind.FLAG, "every": Kind.POINTS,
    },
)  # fmt: skip
def limit_cycle(run: Run) -> Found:
    """A stable period in the gap or a loss of the game, by the autocorrelation of what is left beyond its trend.

    score: the highest peak behind the first negative lobe, between 8 records and a quarter of the run; second: the peak
    at twice that lag; growth: spread of the last over that of the first quarter. driver: a control field whose median
    distance between changes is within a fifth of the period (driven), if one is logged.
    """
    found: list[tuple[float, Series, Fact]] = []
    looked = False
    for _, series in roles(run, ("gap", "critic_loss", "generator_loss")):
        at = finite(series, series.sample())
        if len(at) < 40:
            continue
        looked = True
        seen = cycle(series.values[at])
        if seen is not None:
            found.append((min(seen.score, 2 * seen.second), series, _cycle_fact(run, series, at, seen)))
    if not looked:
        return Missing("40 records of the gap or a loss")
    return max(found, key=lambda one: one[0])[2] if found else ABSENT


def _cycle_fact(run: Run, series: Series, at: Ints, seen: Cycle) -> Fact:
    axis = series.axis()[at]
    each = median(np.diff(axis)) if series.step_key else 1.0
    bucket = median(np.diff(series.index[at]))
    driver = ""
    for control in controls(run):
        gaps = np.diff(control.at[control.changes])
        if len(gaps) >= 3 and abs(median(gaps) - seen.lag) <= 0.2 * seen.lag:
            driver = control.series.key
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "period": Quantity(round(seen.lag * each), Kind.STEPS),
        "in_steps": bool(series.step_key),
        "every": Quantity(round(seen.lag * bucket), Kind.POINTS),
        "score": Quantity(seen.score, Kind.NUMBER, 2),
        "second": Quantity(seen.second, Kind.NUMBER, 2),
        "cycles": Quantity(int(seen.cycles), Kind.COUNT),
        "growth": Quantity(seen.growth, Kind.FACTOR),
        "records": Quantity(len(series), Kind.POINTS),
        "driver": driver,
        "driven": bool(driver),
    }
    ends = (series.first.evidence("first record"), series.last.evidence("last record"))
    return Fact(fields, ends, series.first.place, (series.name,))


@detector(
    fields={"where": Kind.TEXT, "test": Kind.TEXT, "action": Kind.TEXT, "against": Kind.FLAG, "both": Kind.FLAG},
)
def controller(run: Run) -> Found:
    """A branch of the source that changes critic steps or the penalty's weight by the gap.

    against: where the gap is negative it weakens the critic (fewer steps, larger weight). both: a second branch does
    the opposite, and nothing (a band between the two tests, a cooldown) keeps them apart.
    """
    if run.source is None:
        return Missing("the source that adapts the training")
    if not run.source.controllers:
        return ABSENT
    first = next((c for c in run.source.controllers if c.against), run.source.controllers[0])
    fields: dict[str, Quantity | bool | str] = {
        "where": where(first.place),
        "test": first.test,
        "action": first.action,
        "against": any(c.against for c in run.source.controllers),
        "both": any(c.both for c in run.source.controllers),
    }
    return Fact(fields, tuple(c.evidence("adapts the training") for c in run.source.controllers), first.place)


@detector(fields={"what": Kind.TEXT})
def control_told(run: Run) -> Found:
    """Something that could be adapted: critic steps or the penalty's weight on each record, ADA, or the source."""
    for role in ("critic_steps", "penalty_weight"):
        series = run.role(role)
        if series is not None:
            return Fact({"what": series.key})
    if next(controls(run), None) is not None or isinstance(augment_course(run), Fact):
        return Fact({"what": "a control field"})
    return Fact({"what": "the source"}) if run.source is not None else Missing(FIELDS)
