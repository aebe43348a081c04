"""The gradient penalty as a log shows it: implied by the losses, by its schedule, by its own column."""

from __future__ import annotations

import numpy as np

from wganlint import units
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import penalty_weight, rows
from wganlint.evidence import derived
from wganlint.run import Run, Stated
from wganlint.series import median
from wganlint.units import Kind, Quantity

VISIBLE = (
    0.001  # of the weight: penalties of healthy runs are a few thousandths of it, so numbers must be finer than this
)


@detector(
    fields={
        "zero": Kind.RATIO, "negative": Kind.RATIO, "median": Kind.NUMBER, "weight": Kind.NUMBER, "ratio": Kind.RATIO,
        "records": Kind.POINTS, "critic": Kind.TEXT, "gap": Kind.TEXT, "flat": Kind.RATIO, "steps": Kind.STEPS,
    },
    parameters={"near": Parameter(float, None, "how near P/weight must be to 1 for `flat`")},
)  # fmt: skip
def implied_penalty(run: Run, near: float) -> Found:
    """The penalty that c and the gap imply, P = c + s*w, over the records that carry both.

    Fields: zero: share with |P| within rounding; negative: share below 0 by more than rounding and 3 standard errors;
    ratio: median P over the weight; flat: share with P/weight within `near` of 1; steps: how many
    steps these records cover.
    """
    both = rows(run, "critic_loss", "gap")
    if both is None:
        return Missing("the gap (w_gap, Wasserstein distance) beside the critic loss")
    weight = penalty_weight(run)
    if weight is None:
        return Missing("the penalty weight (lambda)")
    if len(both) < 5 or weight <= 0:
        return ABSENT
    critic, gap = run.role("critic_loss"), run.role("gap")
    assert critic is not None and gap is not None
    sign = run.convention.sign or 1
    values = both.values["critic_loss"] + sign * both.values["gap"]
    unit = both.resolution or 1e-6 * float(median(np.abs(both.values["gap"])) or 1)
    places = units.places_of(both.resolution)
    slack = 1.01 * unit + 3 * float(np.std(values)) / np.sqrt(len(values))
    zero = float(np.mean(np.abs(values) <= 1.01 * unit))
    if zero > 0.5 and unit > weight * VISIBLE:
        return Missing("the losses with more decimals: a penalty would be rounded away")
    axis = critic.axis()[both.at]
    fields: dict[str, Quantity | bool | str] = {
        "zero": Quantity(zero, Kind.RATIO),
        "negative": Quantity(float(np.mean(values < -slack)), Kind.RATIO),
        "median": Quantity(median(values), Kind.NUMBER, places),
        "weight": Quantity(weight, Kind.NUMBER, 0 if float(weight).is_integer() else None),
        "ratio": Quantity(median(values) / weight, Kind.RATIO),
        "records": Quantity(len(values), Kind.POINTS),
        "critic": critic.key,
        "gap": gap.key,
        "flat": Quantity(float(np.mean(np.abs(values / weight - 1) <= near)), Kind.RATIO),
        "steps": Quantity(float(np.ptp(axis)) if len(axis) else 0.0, Kind.STEPS),
    }
    at = int(both.at[0])
    c, w = both.values["critic_loss"][0], both.values["gap"][0]
    formula = (
        f"penalty = {critic.key} {'+' if sign > 0 else '-'} {gap.key} = {units.fixed(c, places)} "
        f"{'+' if sign > 0 else '-'} {units.fixed(w, places)} = {units.fixed(c + sign * w, places)}"
    )
    evidence = (
        critic.point(at).evidence("both on this line"),
        derived(formula, f"over {len(values)} records"),
    )
    return Fact(fields, evidence, critic.point(at).place, (critic.name, gap.name))


@detector(
    fields={"every": Kind.COUNT, "steps": Kind.COUNT, "skipped": Kind.FLAG, "steps_name": Kind.TEXT},
)
def penalty_schedule(run: Run) -> Found:
    """A stated penalty interval k and critic steps n: does the last (logged) critic step, number n - 1, carry it?

    It does if (n - 1) % k == 0, for a schedule that counts substeps from 0.
    """
    every = next((s for s in run.stated("penalty_every") if s.number is not None and s.origin != "default"), None)
    if every is None or every.number is None:
        return ABSENT
    steps = run.number("critic_steps")
    n, name, evidence = None, "", None
    if steps is not None and steps.number is not None:
        n, name, evidence = steps.number, f"{steps.name}={steps.value}", steps.evidence
    echo = run.role("critic_steps")
    if echo is not None:
        if echo.tally.longest is not None and echo.tally.longest.length < len(echo):
            return Missing("one number of critic steps: it changes during the run")
        shown = f"{echo.key}={echo.last.text}"
        n, name, evidence = echo.last.value, shown, echo.last.evidence(shown)
    if n is None or evidence is None or not np.isfinite(n) or every.number < 1 or n < 1:
        return Missing("the number of critic steps")
    k = int(every.number)
    skipped = k > 1 and (int(n) - 1) % k != 0
    formula = f"(critic steps - 1) % {every.name} = ({int(n)} - 1) % {k} = {(int(n) - 1) % k}"
    fields: dict[str, Quantity | bool | str] = {
        "every": Quantity(k, Kind.COUNT),
        "steps": Quantity(int(n), Kind.COUNT),
        "steps_name": name,
        "skipped": skipped,
    }
    return Fact(fields, (every.evidence, evidence, derived(formula, "substeps counted from 0")), every.evidence.place)


@detector(
    fields={"name": Kind.TEXT, "zero": Kind.RATIO, "records": Kind.POINTS},
)
def logged_penalty_zero(run: Run) -> Found:
    """A logged penalty column: the share of its records that print exactly 0."""
    series = run.role("penalty")
    if series is None:
        return Missing("the penalty itself as a column of the log")
    at = series.sample()
    zero = series.values[at] == 0
    if not zero.any():
        return ABSENT
    point = series.point(int(at[np.flatnonzero(zero)[0]]))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "zero": Quantity(float(np.mean(zero)), Kind.RATIO),
        "records": Quantity(len(series), Kind.POINTS),
    }
    return Fact(fields, (point.evidence(f"{series.key}={point.text}"),), point.place, (series.name,))


@detector(
    fields={
        "weight": Kind.NUMBER, "name": Kind.TEXT, "effective": Kind.NUMBER, "thinned": Kind.FLAG, "every": Kind.COUNT,
        "steps": Kind.COUNT, "lowest": Kind.NUMBER, "highest": Kind.NUMBER, "moves": Kind.FACTOR, "stated": Kind.FLAG,
    },
)  # fmt: skip
def effective_penalty(run: Run) -> Found:
    """The weight of the penalty, and what is left of it where it is computed on every k-th of n critic steps only.

    effective = weight * ceil(n / k) / n for k <= n, weight / k beyond; moves: the largest over the smallest weight that
    the records echo (1 where they echo none); stated: the log or a configuration says it, not only a default.
    """
    known = run.number("penalty_weight")
    echo = run.role("penalty_weight")
    literal = next((p for p in (run.source.penalties if run.source else ()) if p.weight is not None), None)
    if echo is not None and (known is None or known.origin == "default"):
        known = Stated(echo.key, echo.last.text, echo.last.value, "records", echo.last.evidence("the weight in force"))
    if known is None and literal is not None:
        shown = literal.weight_text or f"{literal.weight:g}"
        known = Stated("the weight of the penalty", shown, literal.weight, "default", literal.evidence("the penalty"))
    if known is None or known.number is None or not np.isfinite(known.number):
        return Missing("the penalty weight (lambda)")
    every = next((s for s in run.stated("penalty_every") if s.number is not None and s.number >= 2), None)
    count = run.number("critic_steps")
    k = int(every.number) if every is not None and every.number is not None else 1
    n = int(count.number) if count is not None and count.number is not None and count.number >= 1 else 1
    share = -(-n // k) / n if k <= n else 1 / k
    values = echo.values[np.isfinite(echo.values)] if echo is not None else np.array([known.number])
    positive = values[values > 0]
    effective = known.number * share
    fields: dict[str, Quantity | bool | str] = {
        "weight": Quantity(known.number, Kind.NUMBER, None, known.value),
        "name": known.name,
        "effective": Quantity(effective, Kind.NUMBER),
        "thinned": k > 1,
        "every": Quantity(k, Kind.COUNT),
        "steps": Quantity(n, Kind.COUNT),
        "lowest": Quantity(float(np.min(values, initial=known.number)), Kind.NUMBER),
        "highest": Quantity(float(np.max(values, initial=known.number)), Kind.NUMBER),
        "moves": Quantity(float(positive.max() / positive.min()) if len(positive) else 1.0, Kind.FACTOR),
        "stated": known.origin != "default",
    }
    formula = f"weight * ceil(n / k) / n = {known.value} * ceil({n} / {k}) / {n}"
    formula = formula if k <= n else f"weight / k = {known.value} / {k}"
    extra = (every.evidence, derived(f"{formula} = {effective:.3g}")) if every is not None and k > 1 else ()
    return Fact(fields, (known.evidence, *extra), known.evidence.place)
