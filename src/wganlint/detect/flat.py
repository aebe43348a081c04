"""A mean-score critic without a slope: no gap, a loss at the penalty weight, weights that never left their start."""

from __future__ import annotations

import numpy as np

from wganlint.detect.bounds import resolution_at
from wganlint.detect.critic import GAP, critic_gap, first, last
from wganlint.detect.duel import common, discriminator_loss
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import penalty_weight
from wganlint.detect.window import RECORDS, finite
from wganlint.detect.words import since
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity

FAMILY = "the loss family (log the gap or the scores, or give the source: --source DIR)"


@detector(
    fields={
        "by": Kind.TEXT, "name": Kind.TEXT, "value": Kind.NUMBER, "answer_name": Kind.TEXT, "answer": Kind.NUMBER,
        "weight": Kind.NUMBER, "records": Kind.POINTS, "steps": Kind.STEPS, "since": Kind.TEXT, "spread": Kind.RATIO,
        "before": Kind.NUMBER, "printed": Kind.FLAG,
    },
    parameters={
        "flat": Parameter(float, None, "size of the gap, over max(1, |g|), under which scores are the same"),
        "near": Parameter(float, None, "how near the critic's loss is to the penalty weight, as a share of it"),
        "long": Parameter(int, None, "fewest steps that it stays there"),
        "still": Parameter(float, None, "range of g over max(1, |g|) that counts as no change"),
        "low": Parameter(float, None, "least share of the weight that an untrained critic's loss has"),
        "high": Parameter(float, None, "largest share of the weight that it has"),
        "moved": Parameter(float, None, "change of the median, as a share of the weight, that counts as moving"),
        "guess": Parameter(float, None, "share of the hinge loss of a guess that the discriminator pays"),
        "least": Parameter(int, None, "fewest records"),
    },
)  # fmt: skip
def critic_flat(
    run: Run,
    flat: float,
    near: float,
    long: int,
    still: float,
    low: float,
    high: float,
    moved: float,
    guess: float,
    least: int,
) -> Found:
    """A critic that gives one score to everything, or that has not left its start.

    A critic without slope has a penalty of exactly its weight (arXiv:1704.00028, eq. 3: (0 - 1)^2), so its loss equals
    the weight; without a penalty its loss is 0. by: "dead" (both losses of the game print exactly 0 to the end: no loss
    with a logarithm, margin or square allows that), "zero", "weight", "unmoved" (loss between `low` and `high` of the
    weight from first to last record). before: the value that the series had before it went to 0.
    """
    dead = _dead(run, least)
    if dead is not None:
        return dead
    if run.family.name == "hinge":
        return _chance(run, guess, least) or ABSENT
    if run.family.name not in ("wgan", "wgan-gp", "wgan-clip"):
        return Missing(FAMILY) if run.family.name == "unknown" else ABSENT
    critic, found = run.role("critic_loss"), critic_gap(run)
    if found is None:
        return Missing(GAP)
    series, at, values, _ = found
    if len(values) < least:
        return Missing(f"at least {least} records of the critic")
    generator = run.role("generator_loss")
    g = np.abs(generator.values[finite(generator, generator.sample())]) if generator is not None else np.zeros(1)
    scale = max(1.0, median(g) if len(g) else 1.0)
    recent = last(len(values))
    unit = resolution_at(series, at[recent])
    if median(np.abs(values[recent])) < flat * scale:
        if unit is not None and unit > 10 * flat * scale:
            return Missing("the gap with more decimals: it prints as 0")
        return _flat_fact(run, "zero", series, at[recent], median(values[recent]), 0.0)
    weight = penalty_weight(run)
    if critic is None or weight is None or weight <= 0:
        return ABSENT
    at, (c,) = common(critic)
    return _at_weight(run, critic, at, c, weight, near, long, still, least) or _unmoved(
        run, critic, at, c, weight, low, high, moved, least
    )


def _chance(run: Run, guess: float, least: int) -> Fact | None:
    """A hinge loss that comes to stand near 2, with both mean scores near 0."""
    for pair in run.pairs:
        whole = discriminator_loss(run, pair)
        if whole is None or whole[1] is None or len(whole[3]) < 2 * least:
            continue
        series, _, at, d, g = whole
        recent, start = last(len(d)), median(d[first(len(d))])
        near = d >= 2 * guess
        if float(np.mean(near[recent])) < 0.9 or median(np.abs(g[recent])) > 1 - guess + 0.1 or start > 2 * guess**2:
            continue
        from_here = int(np.flatnonzero(~near)[-1]) + 1 if not near.all() else 0
        return _flat_fact(run, "chance", series, at[from_here:], median(d[recent]), 2.0, before=start)
    return None


def _flat_fact(
    run: Run, by: str, series: Series, at: Ints, value: float, weight: float, before: float = 0.0, spread: float = 0.0
) -> Fact:
    generator = run.role("generator_loss")
    start, end = series.point(int(at[0])), series.point(int(at[-1]))
    axis = series.axis()[at]
    fields: dict[str, Quantity | bool | str] = {
        "by": by,
        "name": series.key,
        "value": series.quantity(value),
        "answer_name": generator.key if generator is not None else "",
        "answer": generator.quantity(generator.last.value) if generator is not None else Quantity(0.0),
        "weight": Quantity(weight, Kind.NUMBER, 0 if float(weight).is_integer() else None),
        "records": Quantity(end.index - start.index + 1, Kind.POINTS),
        "steps": Quantity(float(np.ptp(axis)) if len(axis) else 0.0, Kind.STEPS),
        "since": since(start),
        "spread": Quantity(spread, Kind.RATIO),
        "before": series.quantity(before),
        "printed": bool(start.text),
    }
    return Fact(fields, (start.evidence("from here"), end.evidence("to the last record")), start.place, (series.name,))


def _dead(run: Run, least: int) -> Fact | None:
    """Both losses of a game print exactly 0 from some record to the end, after they had not."""
    for pair in run.pairs:
        names = ("one", "other") if "one" in pair.series else ("critic_loss", "generator_loss")
        both = [run.played(pair, role) for role in names]
        if both[0] is None or both[1] is None:
            continue
        series = both[0]
        at, (a, b) = common(series, both[1])
        alive = np.flatnonzero((a != 0) | (b != 0))
        start = int(alive[-1]) + 1 if len(alive) else len(a)
        if not len(alive) or len(a) - start < least:
            continue
        fact = _flat_fact(run, "dead", series, at[start:], 0.0, 0.0, before=median(a[max(0, start - RECORDS) : start]))
        return Fact(
            {**fact.fields, "answer_name": both[1].key, "answer": both[1].quantity(0.0)},
            (series.point(int(at[start - 1])).evidence("the last record before"), *fact.evidence),
            fact.place,
            (series.name, both[1].name),
        )
    return None


def _at_weight(
    run: Run, critic: Series, at: Ints, c: Floats, weight: float, near: float, long: int, still: float, least: int
) -> Fact | None:
    stays = np.abs(c - weight) < near * weight
    leaves = np.flatnonzero(~stays)
    start = int(leaves[-1]) + 1 if len(leaves) else 0
    if len(c) - start < least or float(np.ptp(critic.axis()[at[start:]])) <= long:
        return None
    generator = run.role("generator_loss")
    spread = 0.0
    if generator is not None:
        where, (_, g) = common(critic, generator)
        g = g[np.isin(where, at[start:])]
        spread = float(np.ptp(g)) / max(1.0, median(np.abs(g))) if len(g) else 0.0
    if spread > still:
        return None
    return _flat_fact(run, "weight", critic, at[start:], median(c[start:]), weight, spread=spread)


def _unmoved(
    run: Run, critic: Series, at: Ints, c: Floats, weight: float, low: float, high: float, moved: float, least: int
) -> Found:
    fifth = max(1, len(c) // 5)
    inside = (c >= low * weight) & (c <= high * weight)
    change = abs(median(c[:fifth]) - median(c[-fifth:]))
    if len(c) < least or float(np.mean(inside)) <= 0.9 or change >= moved * weight:
        return ABSENT
    return _flat_fact(run, "unmoved", critic, at, median(c), weight, before=median(c[:fifth]), spread=change / weight)
