"""Detectors on logged measures of quality (FID, KID, IS, precision, MMD ...): can a value be, and did it get worse?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.statistics import noise, running_median
from wganlint.detect.window import finite
from wganlint.detect.words import since
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import Flags, Floats, Ints, median
from wganlint.units import Kind, Quantity

METRIC = "a measure of quality (FID, KID, IS, precision and recall ...)"


class Measure(Struct, frozen=True):
    """What is known of a measure: whether less is better, its domain, and whether ratios of it are comparable.

    `share`: a fraction or a percentage. `high` without `share` is what no real pair of data sets reaches.
    """

    name: str
    less: bool
    low: float = -np.inf
    high: float = np.inf
    share: bool = False
    calibrated: bool = False


DISTANCE = Measure("distance", True)
# Words that only together, or beside a word for an evaluation, name a measure.
PAIRS = (
    (frozenset({"energy"}), frozenset({"distance"}), DISTANCE),
    (frozenset({"distance", "dist"}), frozenset({"eval", "evaluation", "val", "validation", "test"}), DISTANCE),
    (frozenset({"modes"}), frozenset({"covered", "captured", "found", "recovered", "n", "num", "number"}),
     Measure("modes", False, 0.0)),
)  # fmt: skip
# FID compares two normal distributions of Inception features: >= 0, and some hundred between noise and photographs
# (arXiv:1706.08500). KID and MMD have unbiased estimators that may fall a little below 0 (arXiv:1801.01401).
MEASURES = {
    word: measure
    for words, measure in (
        (("fid", "sfid"), Measure("FID", True, 0.0, 1e4, calibrated=True)),
        (("fvd", "fad", "fjd"), Measure("Frechet distance", True, 0.0, calibrated=True)),
        (("kid",), Measure("KID", True)),
        (("mmd", "emd", "swd", "jsd", "cmmd", "lpips", "sliced", "chamfer", "hellinger"), DISTANCE),
        (("precision", "recall", "coverage", "hq"), Measure("share", False, 0.0, 1.0, share=True)),
        (("ssim", "msssim"), Measure("SSIM", False, -1.0, 1.0, share=True)),
        (("inception",), Measure("IS", False, 1.0)),
        (("acc", "accuracy"), Measure("accuracy", False, 0.0, 1.0, share=True)),
    )
    for word in words
}
OTHER = frozenset(
    [
        "num",
        "interval",
        "every",
        "freq",
        "frequency",
        "weight",
        "lambda",
        "samples",
        "images",
        "epoch",
        "epochs",
        "step",
        "steps",
        "best",
        "target",
        "loss",
    ]
)
SLACK = 1e-3  # rounding of a share, and of a distance between equal sets


def measures(run: Run) -> Iterator[tuple[Series, Measure]]:
    """Yield the series that measure quality, by name: `fid50k_full`, `Metrics/kid`, `IS_mean`, `val_precision`."""
    book = role_book()
    for series in run.series:
        if series.kind == "events" and series.form != "scalar":
            continue
        words = words_of(series.key, book)
        pair = next((m for first, second, m in PAIRS if first & set(words) and second & set(words)), None)
        if (pair is None and OTHER.intersection(words)) or "loss" in words or not book.words["clock"].isdisjoint(words):
            continue
        bare = series.key.rpartition("/")[2]
        if bare == "IS" or bare.lower() in ("is_mean", "is_score"):
            words = ["inception"]
        found = next((MEASURES[word] for word in words if word in MEASURES), pair)
        if found is not None:
            yield series, found


@detector(
    fields={
        "name": Kind.TEXT, "measure": Kind.TEXT, "value": Kind.TEXT, "count": Kind.POINTS, "records": Kind.POINTS,
        "negative": Kind.FLAG, "share": Kind.FLAG, "since": Kind.TEXT, "names": Kind.TEXT, "every": Kind.FLAG,
    },
    reads="all",
)  # fmt: skip
def impossible_metric(run: Run) -> Found:
    """A measure of quality outside its domain: FID below 0, above 10,000 or infinite; a share outside 0 to 1 (100 %).

    KID and MMD may fall below 0 (unbiased estimators) and are not looked at. NaN is no value. Shares are read as
    percentages where they exceed 1.5.
    """
    known = list(measures(run))
    if not known:
        return Missing(METRIC)
    hits = [(s, m, at) for s, m in known if len(at := np.flatnonzero(_outside(s.values, m)))]
    if not hits:
        return ABSENT
    series, measure, at = max(hits, key=lambda hit: len(hit[2]) / len(hit[0].values))
    below = series.values[at] < measure.low
    shown = int(at[np.flatnonzero(below)[0]]) if below.any() else int(at[0])
    point = series.point(shown)
    count = max(len(at), int(series.tally.nonfinite_count) if not np.isfinite(series.values[at]).any() else 0)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": ", ".join(s.key for s, *_ in hits),
        "measure": measure.name,
        "value": point.text,
        "count": Quantity(count, Kind.POINTS),
        "records": Quantity(len(series), Kind.POINTS),
        "negative": bool(point.value < measure.low),
        "share": measure.share,
        "since": since(series.point(int(at[0]))),
        "every": count >= len(series),
    }
    evidence = tuple(s.point(int(a[0])).evidence(f"the first impossible {s.key}") for s, _, a in hits)
    if point.index != series.point(int(at[0])).index:
        evidence = (*evidence, point.evidence(f"{series.key} = {point.text}"))
    return Fact(fields, evidence, point.place, tuple(s.name for s, *_ in hits))


def _outside(values: Floats, measure: Measure) -> Flags:
    """Return which values the measure cannot take."""
    real = values[np.isfinite(values)]
    if not measure.share:
        return (values < measure.low - SLACK) | (values > measure.high)
    largest = float(np.max(real, initial=0.0))
    scale = 100.0 if largest > 1.5 else 1.0
    return (values < measure.low * scale - SLACK * scale) | (values > (1 + SLACK) * scale)


@detector(
    fields={
        "name": Kind.TEXT, "best": Kind.NUMBER, "best_at": Kind.TEXT, "last": Kind.NUMBER, "ratio": Kind.FACTOR,
        "lost": Kind.RATIO, "clear": Kind.FACTOR, "records": Kind.POINTS, "calibrated": Kind.FLAG, "less": Kind.FLAG,
        "after": Kind.RATIO,
    },
    parameters={},
)  # fmt: skip
def quality_course(run: Run) -> Found:
    """The measure of quality that ends farthest from its best value: the worse over the better of last and best.

    last: median of the last tenth (at least 3) of the evaluations, of fewer than 10 the better of the last two; best:
    the best running median of 3, of fewer than 10 the best value. lost: (last - best) / (first - best), the share of
    what was won that is gone; clear: |last - best| over the noise; after: where in the run the best stood (0 to 1).
    """
    known = [(s, m) for s, m in measures(run) if m.name != "accuracy" and not _outside(s.values, m).any()]
    if not known:
        return Missing(METRIC)
    courses = [c for s, m in known if (c := _course(s, m)) is not None]
    if not courses:
        return Missing("at least five evaluations of a measure of quality")
    series, measure, best_at, best, last, first, rough = max(courses, key=lambda c: _ratio(c[1], c[3], c[4]))
    won = abs(first - best)
    point = series.point(best_at)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "best": series.quantity(best),
        "best_at": since(point),
        "last": series.quantity(last),
        "ratio": Quantity(_ratio(measure, best, last), Kind.FACTOR),
        "lost": Quantity(abs(last - best) / won if won > 0 else float("inf"), Kind.RATIO),
        "clear": Quantity(abs(last - best) / rough if rough > 0 else float("inf"), Kind.FACTOR),
        "records": Quantity(len(series), Kind.POINTS),
        "calibrated": measure.calibrated,
        "less": measure.less,
        "after": Quantity(point.index / max(1, len(series) - 1), Kind.RATIO),
    }
    evidence = (point.evidence(f"{series.key} at its best"), series.last.evidence(f"{series.key} at the end"))
    return Fact(fields, evidence, series.last.place, (series.name,))


def _course(series: Series, measure: Measure) -> tuple[Series, Measure, int, float, float, float, float] | None:
    at: Ints = finite(series, series.sample())
    n = len(at)
    if n < 5:
        return None
    values = series.values[at] if measure.less else -series.values[at]
    smooth = running_median(values, 3) if n >= 10 else values
    place = int(np.argmin(smooth))
    last = median(values[-max(3, n // 10) :]) if n >= 10 else float(values[-2:].min())
    sign = 1.0 if measure.less else -1.0
    first = median(values[: max(1, n // 20)])
    rough = noise(values)
    return series, measure, int(at[place]), sign * float(smooth[place]), sign * last, sign * first, rough


def _ratio(measure: Measure, best: float, last: float) -> float:
    worse, better = (last, best) if measure.less else (best, last)
    return worse / better if better > 0 else 1.0
