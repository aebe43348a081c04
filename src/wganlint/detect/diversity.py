"""Detectors on how much samples differ from each other: logged spreads of fakes and reals, and noise that is none."""

from __future__ import annotations

import numpy as np

from wganlint.detect.probed_game import probed_samples
from wganlint.detect.quality import measures
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.window import finite, window
from wganlint.detect.words import where
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import median
from wganlint.units import Kind, Quantity


def _spreads(run: Run) -> tuple[list[Series], list[Series]]:
    """Return the series that are spreads of fakes and of reals: `fake_std`, `std/real`, `samples/diversity`, `gen_var`.

    A spread of samples without a word for either side is one of fakes.
    """
    book = role_book()
    fakes: list[Series] = []
    reals: list[Series] = []
    for series in run.series:
        words = set(words_of(series.key, book))
        if not words & book.words["spread"] or words & book.words["not_samples"]:
            continue
        fake = bool(words & (book.words["fake"] | {"g", "generator", "netg"}))
        real = bool(words & {"real", "reals", "true", "data"})
        fake = fake or (not real and bool(words & book.words["sample"]))
        if fake != real:
            (fakes if fake else reals).append(series)
    return fakes, reals


def _squared(series: Series) -> bool:
    """Whether a spread is a variance, whose root is comparable."""
    book = role_book()
    return not book.words["squared_spread"].isdisjoint(words_of(series.key, book))


@detector(
    fields={
        "name": Kind.TEXT, "real_name": Kind.TEXT, "fake": Kind.NUMBER, "real": Kind.NUMBER, "ratio": Kind.RATIO,
        "records": Kind.POINTS, "with_real": Kind.FLAG, "fell": Kind.FACTOR, "before": Kind.NUMBER,
    },
)  # fmt: skip
def fake_spread(run: Run) -> Found:
    """The logged spread (standard deviation) of generated samples at the end, beside that of real ones.

    ratio: median over the last max(20, 10 %) records, at most a third of them, over the same of the reals (of a
    variance the root); without reals over its own level before: the median from a fifth to two thirds of the run (a
    burst does not move it). fell: that level over the one at the end. Of several pairs the one with the smallest ratio.
    """
    fakes, reals = _spreads(run)
    if not fakes:
        return Missing("the spread of generated samples (fake_std beside real_std)")
    facts = [f for series in fakes if (f := _spread_of(series, _partner(series, reals))) is not None]
    if not facts:
        return Missing("at least 9 records of the spread of generated samples")
    return min(facts, key=lambda fact: _field(fact, "ratio"))


def _field(fact: Fact, name: str) -> float:
    value = fact.fields[name]
    return value.value if isinstance(value, Quantity) else 1.0


def _partner(fake: Series, reals: list[Series]) -> Series | None:
    reals = [series for series in reals if _squared(series) is _squared(fake)]
    same = [series for series in reals if series.form == fake.form] or reals
    return same[0] if len(same) == 1 else next((s for s in same if len(s.key) == len(fake.key)), None)


def _spread_of(fake: Series, real: Series | None) -> Fact | None:
    at = finite(fake, fake.sample())
    if len(at) < 9 or (fake.values[at] < 0).any():
        return None
    end = finite(fake, window(fake))[-max(3, len(at) // 3) :]
    level = median(fake.values[end])
    before = median(fake.values[at[len(at) // 5 : len(at) * 2 // 3]])
    other = float("nan")
    if real is not None:
        known = finite(real, window(real))
        other = median(real.values[known]) if len(known) else float("nan")
    with_real = bool(other > 0)
    base = other if with_real else before
    root = 0.5 if _squared(fake) else 1.0
    fields: dict[str, Quantity | bool | str] = {
        "name": fake.key,
        "real_name": real.key if real is not None and with_real else "",
        "fake": fake.quantity(level),
        "real": real.quantity(other) if real is not None and with_real else Quantity(0.0),
        "ratio": Quantity((level / base) ** root if base > 0 else 1.0, Kind.RATIO),
        "records": Quantity(int(fake.index[end[-1]] - fake.index[end[0]]) + 1, Kind.POINTS),
        "with_real": with_real,
        "fell": Quantity((before / level) ** root if level > 0 else float("inf"), Kind.FACTOR),
        "before": fake.quantity(before),
    }
    evidence = [fake.last.evidence(f"{fake.key} at the end")]
    if real is not None and with_real and real.last.place != fake.last.place:
        evidence.append(real.last.evidence(f"{real.key} at the end"))
    return Fact(fields, tuple(evidence), fake.last.place, tuple(s.name for s in (fake, real) if s is not None))


@detector(
    fields={"call": Kind.TEXT, "where": Kind.TEXT, "constant": Kind.FLAG, "row": Kind.FLAG, "again": Kind.FLAG,
            "seeded": Kind.FLAG},
)  # fmt: skip
def constant_noise(run: Run) -> Found:
    """The source feeds the generator no fresh noise in training: a constant or a draw times 0 (constant), one row for
    the whole batch (row), or the same draw at each step (again), set back by a seed (seeded) or made once."""
    if run.source is None:
        return Missing("the source that draws the generator's noise")
    if not run.source.noises:
        return ABSENT
    first = run.source.noises[0]
    evidence = tuple(one.evidence("the generator's input in training") for one in run.source.noises)
    kinds = {noise.kind for noise in run.source.noises}
    fields: dict[str, Quantity | bool | str] = {
        "call": first.call,
        "where": where(first.place),
        "constant": bool(kinds & {"constant", "scaled"}),
        "row": "row" in kinds,
        "again": bool(kinds & {"once", "seeded"}),
        "seeded": "seeded" in kinds,
    }
    return Fact(fields, evidence, first.place)


@detector(fields={"name": Kind.TEXT, "level": Kind.NUMBER, "share": Kind.RATIO, "records": Kind.POINTS})
def covered_share(run: Run) -> Found:
    """Recall or coverage of the samples: the lowest median over the last fifth of the evaluations (at least 3).

    share: that median as a fraction, percentages divided by 100.
    """
    found: list[Fact] = []
    for series, measure in measures(run):
        words = words_of(series.key, role_book())
        if measure.name != "share" or not {"recall", "coverage"} & set(words):
            continue
        at = finite(series, series.sample())
        values = series.values[at]
        if len(values) < 5 or (values < 0).any() or (values > 100).any():
            continue
        level = median(values[-max(3, len(values) // 5) :])
        share = level / 100 if float(np.max(values)) > 1.5 else level
        fields: dict[str, Quantity | bool | str] = {
            "name": series.key,
            "level": series.quantity(level),
            "share": Quantity(share, Kind.RATIO),
            "records": Quantity(len(series), Kind.POINTS),
        }
        found.append(Fact(fields, (series.last.evidence(f"{series.key} at the end"),), series.last.place))
    if not found:
        return Missing("recall or coverage of the samples, five times")
    return min(found, key=lambda fact: _field(fact, "share"))


@detector(fields={"what": Kind.TEXT})
def diversity_told(run: Run) -> Found:
    """Something that can show how much samples differ: their spread, recall, coverage, or noise that is none.

    A probe of the first steps shows it only where something is wrong: samples may grow alike later.
    """
    spread, share = fake_spread(run), covered_share(run)
    if isinstance(spread, Fact):
        return Fact({"what": str(spread.fields["name"])})
    if isinstance(share, Fact):
        return Fact({"what": str(share.fields["name"])})
    if run.source is not None and run.source.noises:
        return Fact({"what": "the source"})
    probed = probed_samples(run)
    if isinstance(probed, Fact) and probed.fields["any"]:
        return Fact({"what": "the probe"})
    return Missing("the spread of generated and real samples (fake_std, real_std) or recall; losses cannot show it")
