"""Detectors of a sudden change in the adversarial numbers that lasts: a collapse, or a restart that began anew."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from wganlint.detect.bounds import resolution_at
from wganlint.detect.quality import measures
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.series import ADVERSARIAL, roles
from wganlint.detect.statistics import MOST, shift, spread
from wganlint.detect.window import finite
from wganlint.detect.words import since
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity

SKIP = 0.2  # of the run: young networks move fast
BEFORE, AFTER = 10, 5  # fewest records on each side of a break
MANY = 12  # series of the game that are looked at
SPOKEN = frozenset(
    ["loss", "losses", "err", "error", "cost", "real", "fake", "gan", "adv", "score", "scores", "logit", "logits"]
)
MOSTLY = 0.8  # share of records by which places are ranked
BURST = 50.0  # spreads: far outside what a place is chosen among
BEYOND = 4.0  # spreads from the level before: normal noise goes there once in 16,000 records


class Break(Struct, frozen=True):
    """A level that changes and stays: where (position in `at`), how far in spreads of the time before, how lasting."""

    series: Series
    at: Ints
    place: int
    size: float  # median distance of the records after it
    peak: float  # largest distance
    lasting: float  # share of the records after it that are `BEYOND`
    drift: float  # difference of the medians of both halves of the time before
    before: float
    after: float


def players(run: Run) -> list[Series]:
    """Return the series of the game: those with a role, then halves and scores by name (`D_fake`, `loss/G_GAN`)."""
    found = [s for _, s in roles(run, ADVERSARIAL)]
    book = role_book()
    other = [book.words[name] for name in ("penalty", "gradient", "rate", "norm", "quality", "count", "clock", "side")]
    for series in run.series:
        if series in found or len(found) >= MANY or (series.kind == "events" and series.form != "scalar"):
            continue
        words = set(words_of(series.key, book))
        side = words & (book.words["critic"] | book.words["generator"])
        if side and words & SPOKEN and not any(words & listed for listed in other):
            found.append(series)
    return found


def find_break(series: Series) -> Break | None:
    """Return the most likely change of level of a series after its first fifth, or None where it is too short.

    Two places are tried: the change point by ranks, and the first record of the second half that is `BURST` spreads
    away from all before it (a burst leaves values that scatter about no new level). Distances are in 1.4826 MAD of the
    records from the first fifth to the change, at least one percent of their median size and one printed unit: a
    value that hardly moved before would make any change look large.
    """
    at = finite(series, series.sample(MOST))
    begin = int(SKIP * len(at))
    values = series.values[at]
    found = shift(values[begin:])
    if found is None:
        return None
    places = [begin + found.at]
    printed = resolution_at(series, at) or 0.0
    middle, unit = _level(values[begin : len(at) // 2], printed)
    away = np.flatnonzero(np.abs(values[len(at) // 2 :] - middle) > BURST * unit)
    if len(away):
        places.append(len(at) // 2 + int(away[0]))
    breaks = [_break(series, at, begin, p, printed) for p in places if p - begin >= BEFORE and len(at) - p >= AFTER]
    return max(breaks, key=lambda b: (b.lasting >= MOSTLY, b.peak), default=None)


def _level(base: Floats, printed: float) -> tuple[float, float]:
    middle = median(base) if len(base) else 0.0
    return middle, max(spread(base), 0.01 * median(np.abs(base)) if len(base) else 0.0, printed, 1e-9)


def _break(series: Series, at: Ints, begin: int, place: int, printed: float) -> Break:
    values = series.values[at]
    base, tail = values[begin:place], values[place:]
    middle, unit = _level(base, printed)
    far = np.abs(tail - middle) / unit
    half = len(base) // 2
    drift = abs(median(base[:half]) - median(base[half:])) / unit
    lasting = float(np.mean(far > BEYOND))
    return Break(series, at, place, median(far), float(np.max(far)), lasting, drift, middle, median(tail))


@detector(
    fields={
        "name": Kind.TEXT, "before": Kind.NUMBER, "after": Kind.NUMBER, "since": Kind.TEXT, "records": Kind.POINTS,
        "size": Kind.NUMBER, "lasting": Kind.RATIO, "drift": Kind.NUMBER, "late": Kind.RATIO, "with": Kind.TEXT,
        "together": Kind.COUNT, "peak": Kind.NUMBER,
        "family": Kind.FLAG,
    },
)  # fmt: skip
def level_break(run: Run) -> Found:
    """A change of level in an adversarial series that lasts to the end, after a time in which it was steady.

    size: median distance after it, in spreads (1.4826 MAD) of the time before; lasting: share of the records after it
    beyond 4 of them; drift: how far the level moved within the time before, in the same unit; late: where in the run
    it comes; together: how many adversarial series change at the same time (within 2 % of the run, or 2 records);
    peak: the largest distance among these; family: the loss family is known.
    """
    series = players(run)
    breaks = [b for s in series if (b := find_break(s)) is not None]
    if not series:
        return Missing("a critic or generator loss")
    if not breaks:
        return Missing("at least 20 records with a steady first part")
    best = max(breaks, key=lambda b: (b.lasting >= MOSTLY, b.size))
    index = best.series.index[best.at[best.place]]
    near = max(2.0, 0.02 * len(best.series))
    others = [b for b in breaks if abs(float(b.series.index[b.at[b.place]] - index)) <= near and b.peak > BEYOND]
    if best.size <= BEYOND:
        return ABSENT
    point = best.series.point(int(best.at[best.place]))
    fields: dict[str, Quantity | bool | str] = {
        "name": best.series.key,
        "before": best.series.quantity(best.before),
        "after": best.series.quantity(best.after),
        "since": since(point),
        "records": Quantity(len(best.series) - point.index, Kind.POINTS),
        "size": Quantity(best.size, Kind.NUMBER, 0),
        "lasting": Quantity(best.lasting, Kind.RATIO),
        "drift": Quantity(best.drift, Kind.NUMBER, 1),
        "late": Quantity(point.index / len(best.series), Kind.RATIO),
        "with": ", ".join(b.series.key for b in others if b is not best),
        "together": Quantity(len(others), Kind.COUNT),
        "peak": Quantity(max(b.peak for b in others or [best]), Kind.NUMBER, 0),
        "family": run.family.name != "unknown",
    }
    earlier = best.series.point(int(best.at[best.place - 1]))
    evidence = (earlier.evidence(f"{best.series.key} before"), point.evidence("from here on another level"))
    return Fact(fields, evidence, point.place, tuple(b.series.name for b in others))


@detector(fields={"records": Kind.POINTS})
def long_course(run: Run) -> Found:
    """A measure of quality with five evaluations, or an adversarial series of 20 records: enough to tell a collapse."""
    lengths = [len(s) for s, _ in measures(run) if len(s) >= 5]
    lengths += [len(s) for s in players(run) if len(s) >= 2 * BEFORE]
    if not lengths:
        return Missing("five evaluations of a measure of quality, or 20 records of a loss")
    return Fact({"records": Quantity(max(lengths), Kind.POINTS)})
