"""Which side of the critic, fakes or reals, sits at the bound, with the formula that says so."""

from __future__ import annotations

from collections import Counter

import numpy as np

from wganlint import units
from wganlint.detect.bounds import Pin
from wganlint.detect.pinned import bound_quantity
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import Means, mean_scores, pins, rows
from wganlint.evidence import Evidence, Standing, derived
from wganlint.run import Run
from wganlint.series import Floats, median
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "side": Kind.TEXT, "other_side": Kind.TEXT, "bound": Kind.NUMBER, "pinned": Kind.NUMBER, "rest": Kind.NUMBER,
        "margin": Kind.NUMBER, "others": Kind.TEXT, "with_gap": Kind.FLAG, "penalty": Kind.NUMBER,
        "assumed": Kind.FLAG, "other_share": Kind.RATIO, "measured": Kind.TEXT, "exact": Kind.FLAG,
    },
    parameters={
        "at_bound": Parameter(float, None, "share of the bound that the pinned side must reach"),
        "free": Parameter(float, None, "share of the bound that the other side must stay under"),
        "most": Parameter(float, None, "share of the records since the onset where both must hold"),
    },
)  # fmt: skip
def sides(run: Run, at_bound: float, free: float, most: float) -> Found:
    """Which side, fakes or reals, sits at the bound, by the arithmetic of `scores`.

    Fields: side ("fake", "real"); pinned: its mean score; rest: the other side's mean (less the penalty where only the
    losses are logged: `measured` says which), margin: what printing may hide, exact: print hides something; with_gap:
    the gap was used, so real and penalty come apart; assumed: the sign convention is assumed.
    """
    if run.role("generator_loss") is None and run.role("fake_score") is None:
        return Missing("a generator loss or the mean score of the fakes")
    found = pins(run)
    order = ("fake_score", "real_score", "generator_loss", "critic_loss")
    holder = next((found[role] for role in order if role in found), None)
    if holder is None:
        return ABSENT
    means = mean_scores(run)
    if means is None:
        return Missing("the critic loss, the gap or the mean score of the reals")
    recent = means.series.index[means.at] >= int(holder.series.index[holder.onset])
    if int(recent.sum()) < 3:
        return ABSENT
    values = {"fake": means.fake[recent], "real": means.real[recent]}
    for side, other in (("fake", "real"), ("real", "fake")):
        holds = (np.abs(values[side]) >= at_bound * holder.bound) & (np.abs(values[other]) <= free * holder.bound)
        if float(np.mean(holds)) >= most:
            return _one_sided(run, side, values[side], values[other], holder, means)
    return ABSENT


def _one_sided(run: Run, side: str, mine: Floats, other: Floats, holder: Pin, means: Means) -> Fact:
    places = units.places_of(means.resolution)
    shown = places if places is not None else 6
    counts = Counter(units.fixed(float(v), shown) for v in other)
    rest, lines = counts.most_common(1)[0]
    words = _others(counts, lines, len(other), means.series.folded)
    evidence = _formulas(run, means, holder)
    fields: dict[str, Quantity | bool | str] = {
        "side": side,
        "other_side": "real" if side == "fake" else "fake",
        "bound": bound_quantity(holder.bound, holder.series),
        "pinned": Quantity(median(mine), Kind.NUMBER, places),
        "rest": Quantity(float(rest), Kind.NUMBER, places, rest),
        "margin": Quantity(means.resolution or 0.0, Kind.NUMBER, places, f"{means.resolution or 0:g}"),
        "exact": means.resolution is not None,
        "others": words,
        "with_gap": means.by == "gap",
        "penalty": Quantity(_penalty(run), Kind.NUMBER, places),
        "assumed": run.convention.standing is Standing.ASSUMED and means.by != "scores",
        "other_share": Quantity(median(np.abs(other)) / holder.bound, Kind.RATIO),
        "measured": _measured(run, side, means.by),
    }
    used = (means.series.name, means.real_series.name)
    return Fact(fields, tuple(evidence), holder.series.point(holder.onset).place, used)


def _measured(run: Run, side: str, by: str) -> str:
    """From the losses alone the real side is known only less (or, mirrored, plus) the penalty."""
    if side == "real":
        return "mean(fake)"
    less = " - penalty" if run.convention.sign >= 0 else " + penalty"
    return "mean(real)" + (less if by == "loss" else "")


def _others(counts: Counter[str], lines: int, total: int, folded: bool) -> str:
    records = f"{total} records" + (" of an even sample" if folded else "")
    if lines == total:
        return f"on all {records}"
    if len(counts) == 2:
        other, times = counts.most_common(2)[1]
        return f"on {lines} of {records}, {other} on the other {times}"
    numbers = sorted(float(text) for text in counts)
    low, high = (next(text for text in counts if float(text) == n) for n in (numbers[0], numbers[-1]))
    return f"most often; {low} to {high} over {records}"


def _penalty(run: Run) -> float:
    """Return the median of the implied penalty, 0 where it is within print, NaN where it is not logged."""
    both = rows(run, "critic_loss", "gap")
    if both is None or not len(both):
        return float("nan")
    value = median(both.values["critic_loss"] + (run.convention.sign or 1) * both.values["gap"])
    return 0.0 if both.resolution is not None and abs(value) < 0.6 * both.resolution else value


def _formulas(run: Run, means: Means, holder: Pin) -> list[Evidence]:
    """Return the arithmetic since the onset, each with the numbers of a record that has its most frequent result."""
    g, c, w = run.role("generator_loss"), run.role("critic_loss"), run.role("gap")
    if means.by == "scores" or g is None:
        return []
    sign = run.convention.sign or 1
    first = int(holder.series.index[holder.onset])
    evidence: list[Evidence] = []
    for other, name in ((c, "critic_loss"), (w, "gap")):
        both = rows(run, "generator_loss", name)
        if other is None or both is None:
            continue
        recent = g.index[both.at] >= first
        gs, others = both.values["generator_loss"][recent], both.values[name][recent]
        if not len(gs):
            continue
        results = -sign * (gs + others) if name == "critic_loss" else -sign * gs + others
        places = units.places_of(both.resolution)
        counts = Counter(units.fixed(float(v), places if places is not None else 6) for v in results)
        rest, lines = counts.most_common(1)[0]
        at = int(np.argmin(np.abs(results - float(rest))))
        mean, value, result = (units.fixed(float(v), places) for v in (-sign * gs[at], others[at], results[at]))
        note = f"{rest} {_others(counts, lines, len(results), g.folded)}"
        note += f"; each printed number is rounded, so +-{both.resolution:g}" if both.resolution is not None else ""
        if not evidence:
            evidence.append(derived(f"mean(fake) = {'-' if sign > 0 else ''}{g.key} = {mean}", run.convention.why))
        if name == "critic_loss":
            left, right = ("-", f"-{g.key} - {other.key}") if sign > 0 else ("+", f"{g.key} + {other.key}")
            numbers = f"{mean} {'-' if sign > 0 else '+'} ({value}) = {result}"
            evidence.append(derived(f"mean(real) {left} penalty = {right} = {numbers}", note))
        else:
            evidence.append(derived(f"mean(real) = mean(fake) + {other.key} = {mean} + {value} = {result}", note))
    return evidence
