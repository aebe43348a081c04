"""Detectors on how values are logged: too few digits, values that are printed again, prints under a condition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from wganlint.detect.bounds import resolution_at
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.series import CRITICAL, roles
from wganlint.detect.statistics import spread
from wganlint.detect.window import finite
from wganlint.detect.words import where
from wganlint.run import Run, Series
from wganlint.series import median
from wganlint.units import Kind, Quantity

LEAST = 30  # records
MOVER = 0.9  # share of records at which a live series differs from the one before


@detector(
    fields={"name": Kind.TEXT, "names": Kind.TEXT, "unit": Kind.NUMBER, "same": Kind.RATIO, "records": Kind.POINTS,
            "count": Kind.COUNT},
)  # fmt: skip
def coarse_print(run: Run) -> Found:
    """Losses and scores whose last printed digit is no finer than what they move by: their noise cannot be seen.

    same: share of the records in the second half that print the text of the record before; a series counts if that is
    more than half, its spread is at most one printed unit, it prints at least 2 different values, and not one
    value throughout.
    """
    found: list[tuple[float, float, Series]] = []
    looked = False
    for _, series in roles(run, CRITICAL):
        at = finite(series, series.sample())
        at = at[len(at) // 2 :]
        if len(at) < LEAST // 2 or series.kind == "events" or series.folded:
            continue
        looked = True
        unit = resolution_at(series, at)
        texts = [series.texts[i] for i in at.tolist()]
        same = float(np.mean([a == b for a, b in pairwise(texts)]))
        if unit is None or len(set(texts)) < 2 or same <= 0.5 or spread(series.values[at]) > unit:
            continue
        if float(np.ptp(series.values[at])) <= 5 * unit and unit < 1:
            found.append((same, unit, series))
    if not found:
        return ABSENT if looked else Missing("30 records of a loss that are printed as text")
    same, unit, series = max(found, key=lambda one: one[0])
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": ", ".join(s.key for *_, s in found),
        "unit": Quantity(unit, Kind.NUMBER, None, f"{unit:g}"),
        "same": Quantity(same, Kind.RATIO),
        "records": Quantity(len(series), Kind.POINTS),
        "count": Quantity(len(found), Kind.COUNT),
    }
    return Fact(fields, (series.last.evidence(f"{series.key} as printed"),), series.last.place, (series.name,))


@detector(
    fields={
        "name": Kind.TEXT,
        "every": Kind.POINTS,
        "records": Kind.POINTS,
        "mover": Kind.TEXT,
        "stretches": Kind.COUNT,
    },
)  # fmt: skip
def printed_again(run: Run) -> Found:
    """A loss, score, penalty or gradient norm that prints one value for a fixed number of records, then another.

    Four of five stretches of equal text are of one length (at least 3 records, at least 5 stretches), while
    another such series on the same records differs from record to record: it is computed seldom and printed always.
    """
    live = [(s, _texts(s)) for _, s in roles(run, CRITICAL) if len(s) >= LEAST and not s.folded]
    if not live:
        return Missing("30 records of a loss")
    for series, texts in live:
        changes = np.flatnonzero(np.array([a != b for a, b in pairwise(texts)])) + 1
        inner = np.diff(changes)
        if len(inner) < 4:
            continue
        length = int(median(inner))
        if length < 3 or float(np.mean(inner == length)) < 0.8:
            continue
        mover = next((o for o, shown in live if o is not series and len(o) == len(series) and _moves(shown)), None)
        if mover is None:
            continue
        fields: dict[str, Quantity | bool | str] = {
            "name": series.key,
            "every": Quantity(length, Kind.POINTS),
            "records": Quantity(len(series), Kind.POINTS),
            "mover": mover.key,
            "stretches": Quantity(len(inner) + 2, Kind.COUNT),
        }
        point = series.point(int(changes[0]))
        return Fact(fields, (point.evidence(f"{series.key} changes here, then {length} records later"),), point.place,
                    (series.name,))  # fmt: skip
    return ABSENT


def _texts(series: Series) -> list[str]:
    return [series.texts[i] for i in series.sample().tolist()]


def _moves(texts: list[str]) -> bool:
    return float(np.mean([a != b for a, b in pairwise(texts)])) >= MOVER


@detector(fields={"where": Kind.TEXT, "test": Kind.TEXT})
def conditional_print(run: Run) -> Found:
    """The source prints the gap only where the gap itself is on one side of a limit."""
    if run.source is None:
        return Missing("the source that prints")
    if not run.source.biased:
        return ABSENT
    first = run.source.biased[0]
    evidence = tuple(one.evidence("printed under a condition on itself") for one in run.source.biased)
    return Fact({"where": where(first.place), "test": first.test}, evidence, first.place)


@detector(fields={"what": Kind.TEXT})
def logging_told(run: Run) -> Found:
    """Something that shows how values are logged: 30 records of a loss, or the source that prints."""
    longest = max((len(series) for _, series in roles(run, CRITICAL)), default=0)
    if longest >= LEAST:
        return Fact({"what": "a log"})
    return Fact({"what": "the source"}) if run.source is not None else Missing("30 records of a loss")
