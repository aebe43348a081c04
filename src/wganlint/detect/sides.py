"""Which side of the critic, fakes or reals, sits at the bound, with the formula that says so."""

from __future__ import annotations

from collections import Counter

import numpy as np

from wganlint import units
from wganlint.detect.bounds import Pin
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import mean_scores, pins, rows
from wganlint.evidence import Evidence, Standing, derived
from wganlint.run import Run
from wganlint.series import Floats
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "side": Kind.TEXT, "bound": Kind.NUMBER, "pinned": Kind.NUMBER, "rest": Kind.NUMBER, "margin": Kind.NUMBER,
        "lines": Kind.POINTS, "others": Kind.TEXT, "share": Kind.RATIO, "with_gap": Kind.FLAG, "real": Kind.NUMBER,
        "penalty": Kind.NUMBER, "assumed": Kind.FLAG, "logged": Kind.FLAG, "formula": Kind.TEXT, "source": Kind.FLAG,
        "other_side": Kind.TEXT, "sign": Kind.TEXT, "other_share": Kind.RATIO, "measured": Kind.TEXT,
    },
    parameters={
        "at_bound": Parameter(float, None, "share of the bound that the pinned side must reach"),
        "free": Parameter(float, None, "share of the bound that the other side must stay under"),
    },
)  # fmt: skip
def sides(run: Run, at_bound: float, free: float) -> Found:
    """Which side, fakes or reals, sits at the bound, by the arithmetic of the module.

    Fields: side ("fake", "real"); pinned: its mean score; rest: the other side's mean (less the penalty where the gap
    is not logged), margin: what printing may hide; share: of the records since the onset where this holds; with_gap:
    the gap is logged, so real and penalty come apart; assumed: the sign convention is assumed; logged: the scores
    themselves are logged; source: there is source.
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
    fake, real, index, _ = means
    recent = index >= int(holder.series.index[holder.onset])
    fake, real = fake[recent], real[recent]
    if len(fake) < 3:
        return ABSENT
    bound = holder.bound
    for side, mine, other in (("fake", fake, real), ("real", real, fake)):
        holds = (np.abs(mine) >= at_bound * bound) & (np.abs(other) <= free * bound)
        if float(np.mean(holds)) >= 0.8:
            return _one_sided(run, side, mine, other, float(np.mean(holds)), holder)
    return ABSENT


def _one_sided(run: Run, side: str, mine: Floats, other: Floats, share: float, holder: Pin) -> Fact:
    logged = run.role("fake_score") is not None and run.role("real_score") is not None
    gap = None if logged else run.role("gap")
    critic, generator = run.role("critic_loss"), run.role("generator_loss")
    sign = run.convention.sign or 1
    used = [s for s in (generator, gap or critic) if s is not None]
    if logged:
        used = [s for s in (run.role("fake_score"), run.role("real_score")) if s is not None]
    places = [s.decimals for s in used if s.decimals is not None]
    decimals = max(places) if len(places) == len(used) else None
    counts = Counter(units.fixed(float(v), decimals if decimals is not None else 6) for v in other)
    rest, lines = counts.most_common(1)[0]
    margin = (10.0**-decimals) if decimals is not None else 0.0
    penalty = _penalty(run, decimals)
    evidence = _side_formulas(run, holder, sign, rest, counts, len(other), decimals, logged)
    fields: dict[str, Quantity | bool | str] = {
        "side": side,
        "other_side": "real" if side == "fake" else "fake",
        "bound": Quantity(holder.bound, Kind.NUMBER, 0 if float(holder.bound).is_integer() else None),
        "pinned": Quantity(float(np.median(mine)), Kind.NUMBER, decimals),
        "rest": Quantity(float(rest), Kind.NUMBER, decimals),
        "margin": Quantity(margin, Kind.NUMBER, decimals),
        "lines": Quantity(lines, Kind.POINTS),
        "others": _others(counts, lines, len(other)),
        "share": Quantity(share, Kind.RATIO),
        "with_gap": gap is not None,
        "real": Quantity(float(rest), Kind.NUMBER, decimals),
        "penalty": Quantity(penalty if penalty is not None else float("nan"), Kind.NUMBER, decimals),
        "assumed": run.convention.standing is Standing.ASSUMED and not logged,
        "logged": logged,
        "formula": evidence[0].quote if evidence else "",
        "source": run.source is not None and bool(run.source.networks),
        "sign": "+" if sign > 0 else "-",
        "other_share": Quantity(float(np.median(np.abs(other))) / holder.bound, Kind.RATIO),
        "measured": f"mean({'real' if side == 'fake' else 'fake'})"
        + ("" if logged or gap is not None else _less(sign, side)),
    }
    return Fact(fields, tuple(evidence), holder.series.point(holder.onset).place, tuple(s.name for s in used))


def _less(sign: int, side: str) -> str:
    """The real side is known only less (or, mirrored, plus) the penalty where the gap is not logged."""
    return "" if side == "real" else (" - penalty" if sign > 0 else " + penalty")


def _others(counts: Counter[str], lines: int, total: int) -> str:
    if lines == total:
        return f"on all {total} records"
    if len(counts) == 2:
        other, times = counts.most_common(2)[1]
        return f"on {lines} of {total} records, {other} on the other {times}"
    numbers = sorted(float(text) for text in counts)
    low, high = (next(text for text in counts if float(text) == n) for n in (numbers[0], numbers[-1]))
    return f"most often; {low} to {high} over {total} records"


def _penalty(run: Run, decimals: int | None) -> float | None:
    both = rows(run, "critic_loss", "gap")
    if both is None or not len(both):
        return None
    sign = run.convention.sign or 1
    value = float(np.median(both.values["critic_loss"] + sign * both.values["gap"]))
    return 0.0 if decimals is not None and abs(value) < 0.6 * 10.0**-decimals else value


def _side_formulas(
    run: Run,
    holder: Pin,
    sign: int,
    rest: str,
    counts: Counter[str],
    total: int,
    decimals: int | None,
    logged: bool,
) -> list[Evidence]:
    """Return the arithmetic with the numbers of one record that has the most frequent result."""
    if logged:
        return []
    g, c, w = run.role("generator_loss"), run.role("critic_loss"), run.role("gap")
    if g is None:
        return []
    minus = "-" if sign > 0 else ""
    evidence: list[Evidence] = []
    with_gap = rows(run, "generator_loss", "gap")
    with_loss = rows(run, "generator_loss", "critic_loss")

    def text(value: float) -> str:
        return units.fixed(value, decimals)

    def pick(values: Floats) -> int:
        return int(np.argmin(np.abs(values - float(rest))))

    note = (
        f"{rest} {_others(counts, counts[rest], total)}; each printed number is rounded, so +-{10.0**-decimals:g}"
        if decimals
        else ""
    )
    if c is not None and with_loss is not None and len(with_loss):
        gs, cs = with_loss.values["generator_loss"], with_loss.values["critic_loss"]
        at = pick(-sign * (gs + cs))
        left = "mean(real) - penalty" if sign > 0 else "mean(real) + penalty"
        right = f"-{g.key} - {c.key}" if sign > 0 else f"{g.key} + {c.key}"
        numbers = f"{text(-sign * gs[at])} {'-' if sign > 0 else '+'} ({text(cs[at])})"
        evidence.append(derived(f"{left} = {right} = {numbers} = {text(-sign * (gs[at] + cs[at]))}", note))
    if w is not None and with_gap is not None and len(with_gap):
        gs, ws = with_gap.values["generator_loss"], with_gap.values["gap"]
        at = pick(-sign * gs + ws)
        numbers = f"{text(-sign * gs[at])} + {text(ws[at])} = {text(-sign * gs[at] + ws[at])}"
        formula = f"mean(real) = mean(fake) + {w.key} = {numbers}"
        evidence.append(derived(formula, "with the logged gap"))
    if with_loss is not None and len(with_loss):
        value = with_loss.values["generator_loss"][pick(-sign * with_loss.values["generator_loss"])]
        evidence.insert(0, derived(f"mean(fake) = {minus}{g.key} = {text(-sign * value)}", run.convention.why))
    return evidence
