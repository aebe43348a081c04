"""The arithmetic that an expert does on two losses and a gap: which side is where, what the penalty must be.

With convention s (+1: c = s*(f - r) + P and g = -s*f are minimized; f, r mean scores of fakes and reals, P the weighted
penalty >= 0, w = r - f the gap): f = -s*g, s*r - P = -(g + c), r = f + w, P = c + s*w. (catalogue, A1, A2, A4.)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from wganlint import units
from wganlint.detect.bounds import Pin, near_bound, pin, score_bounds
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite, window
from wganlint.evidence import Evidence, Standing, derived
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints
from wganlint.units import Kind, Quantity

PLAYERS = ("generator_loss", "critic_loss", "fake_score", "real_score", "gap")
LOSSES = "a critic or generator loss"


@dataclass(frozen=True, slots=True)
class Rows:
    """Values of several roles at the records that all of them share; `at` are positions in the first one's series."""

    values: dict[str, Floats]
    at: Ints
    decimals: int | None

    def __len__(self) -> int:
        return len(self.at)


def rows(run: Run, *roles: str, last: bool = False) -> Rows | None:
    """Return the common records of roles (same line of one form, else same step), or None if one is not logged.

    Only the even sample is read; with `last` only the last max(20, 10 %) records of the first role.
    """
    series = [run.role(role) for role in roles]
    if any(s is None for s in series):
        return None
    first = series[0]
    assert first is not None
    at = finite(first, window(first) if last else first.sample())
    others = [s for s in series if s is not None]
    places = [s.decimals for s in others if s.decimals is not None]
    decimals = max(places) if len(places) == len(series) else None
    if all(first.same_records(other) for other in others):
        for other in others:
            at = finite(other, at)
        return Rows({role: s.values[at] for role, s in zip(roles, others, strict=True)}, at, decimals)
    keep = {key: i for key, i in zip(_keys(first, at, first), at.tolist(), strict=True)}
    columns: dict[str, dict[tuple[float, ...], float]] = {}
    for role, other in zip(roles, series, strict=True):
        assert other is not None
        every = finite(other, np.arange(len(other.values)))
        columns[role] = dict(zip(_keys(other, every, first), other.values[every].tolist(), strict=True))
    shared = [key for key in keep if all(key in column for column in columns.values())]
    values = {
        role: np.array([column[key] for key in shared], dtype=np.float64) for role, column in columns.items()
    }
    return Rows(values, np.array([keep[key] for key in shared], dtype=np.int64), decimals)


def _keys(series: Series, at: Ints, like: Series) -> list[tuple[float, ...]]:
    if series.form == like.form and series.files == like.files:
        return [
            (float(a), float(b))
            for a, b in zip(series.file_of[at].tolist(), series.lines[at].tolist(), strict=True)
        ]
    return [(float(step),) for step in series.axis()[at].tolist()]


def _pins(run: Run) -> dict[str, Pin]:
    found = {role: pin(run, s) for role in PLAYERS if (s := run.role(role)) is not None}
    return {role: p for role, p in found.items() if p is not None}


@detector(
    fields={
        "name": Kind.TEXT, "value": Kind.TEXT, "bound": Kind.NUMBER, "records": Kind.POINTS, "share": Kind.RATIO,
        "same": Kind.RATIO, "onset": Kind.STEPS, "onset_share": Kind.RATIO, "from_start": Kind.FLAG, "both": Kind.FLAG,
        "literal": Kind.FLAG, "round": Kind.FLAG, "others": Kind.TEXT, "is_weight": Kind.FLAG, "stepped": Kind.FLAG,
    },
)  # fmt: skip
def pinned(run: Run) -> Found:
    """A critic-derived series that stays at +-bound from some record to the end of the run.

    Fields: value as printed; bound > 0; records from the onset on; share of them at the bound; same: share printing one
    text; onset: its step, onset_share: where in the run; both: critic and generator loss sit at the same bound;
    is_weight: only the critic's loss is there and the bound is the penalty weight (a flat critic, not a bound score).
    """
    if not any(run.role(role) for role in PLAYERS):
        return Missing(LOSSES)
    pins = _pins(run)
    if not pins:
        return ABSENT
    main = next(pins[role] for role in PLAYERS if role in pins)
    critic, generator = pins.get("critic_loss"), pins.get("generator_loss")
    both = (
        critic is not None
        and generator is not None
        and bool(np.isclose(critic.bound, generator.bound, rtol=1e-9))
    )
    weight = run.number("penalty_weight")
    lam = weight.number if weight is not None else None
    role = run.role("penalty_weight")
    if lam is None and role is not None:
        lam = role.first.value
    series = main.series
    start = series.point(main.onset)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "value": Counter(series.texts[i] for i in main.at.tolist()).most_common(1)[0][0],
        "bound": Quantity(main.bound, Kind.NUMBER, 0 if main.bound.is_integer() else None),
        "records": Quantity(main.records, Kind.POINTS),
        "share": Quantity(main.share, Kind.RATIO),
        "same": Quantity(main.same, Kind.RATIO),
        "onset": Quantity(start.step if np.isfinite(start.step) else float(start.index), Kind.STEPS),
        "onset_share": Quantity(start.index / max(1, len(series) - 1), Kind.RATIO),
        "from_start": main.from_start,
        "both": both,
        "literal": main.literal,
        "round": main.round,
        "others": ", ".join(p.series.key for p in pins.values() if p is not main) or "none",
        "is_weight": list(pins) == ["critic_loss"]
        and lam is not None
        and bool(np.isclose(main.bound, lam, rtol=2e-3)),
        "stepped": not np.isnan(start.step),
    }
    evidence = [
        *_quotes(main, run),
        *(
            p.series.point(p.onset).evidence(f"{p.series.key} from here on")
            for p in pins.values()
            if p is not main
        ),
    ]
    return Fact(fields, tuple(evidence), start.place, tuple(p.series.name for p in pins.values()))


def _quotes(found: Pin, run: Run) -> list[Evidence]:
    series = found.series
    first, last = series.point(int(found.at[0])), series.point(int(found.at[-1]))
    label = f"{series.key} is at {'-' if first.value < 0 else ''}{found.bound:g} from here"
    quotes = [first.evidence(label + (", the first record" if found.from_start else ""))]
    if not found.from_start:
        before = np.flatnonzero(series.index < first.index)
        if len(before):
            quotes.insert(0, series.point(int(before[-1])).evidence("the last record before"))
    return [*quotes, last.evidence("and still there at the last record")]


@detector(
    fields={
        "name": Kind.TEXT, "bound": Kind.NUMBER, "share": Kind.RATIO, "first": Kind.RATIO, "last": Kind.RATIO,
        "highest": Kind.RATIO, "side": Kind.TEXT, "other": Kind.RATIO, "records": Kind.POINTS, "literal": Kind.FLAG,
        "apart": Kind.FLAG, "onset": Kind.STEPS,
    },
)  # fmt: skip
def bound_share(run: Run) -> Found:
    """How large the mean scores are, as a share of a known bound: with |score| <= C, |mean|/C is at least the share at C
    if the rest is near 0.

    Fields: side that is larger; share: median over the last max(20, 10 %) records; first: median of the first 3; onset: step of
    the change point (largest |cumulative sum| of share - mean, Page 1954); other: the other side's share; apart: the two sides differ by at least half of the larger one (a common drift is no
    saturation). The bound is a literal of the source or settings, or one where the run itself stood for a while;
    without either there is nothing to compare with, and a share is never guessed.
    """
    known = score_bounds(run)
    seen = _stood_at(run)
    if not known and seen is None:
        return ABSENT
    sides = _mean_scores(run)
    if sides is None:
        return Missing("a generator loss with the gap or the critic loss")
    fake, real, at, series = sides
    if len(fake) < 3:
        return Missing("at least 3 records")
    middle = float(np.median(np.abs(np.concatenate([fake, real]))))
    bound = min((c for c in known if c >= 0.5 * middle), default=None) if known else None
    bound = bound if bound is not None else seen
    if bound is None:
        return ABSENT
    size = {"fake": np.abs(fake) / bound, "real": np.abs(real) / bound}
    side = max(size, key=lambda name: float(np.max(size[name])))
    mine, other = size[side], size["real" if side == "fake" else "fake"]
    last = at >= len(series) - max(20, int(np.ceil(0.1 * len(series))))
    if not bool(last.any()):
        last = np.ones(len(at), dtype=np.bool_)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "bound": Quantity(bound, Kind.NUMBER, 0 if float(bound).is_integer() else None),
        "share": Quantity(float(np.median(mine[last])), Kind.RATIO),
        "first": Quantity(float(np.median(mine[:3])), Kind.RATIO),
        "last": Quantity(float(mine[-1]), Kind.RATIO),
        "highest": Quantity(float(np.max(mine)), Kind.RATIO),
        "side": side,
        "other": Quantity(float(np.median(other[last])), Kind.RATIO),
        "records": Quantity(len(mine), Kind.POINTS),
        "literal": bool(known),
        "apart": bool(
            np.median(np.abs(fake - real)) >= 0.5 * np.median(np.maximum(np.abs(fake), np.abs(real)))
        ),
    }
    change = int(np.argmax(np.abs(np.cumsum(mine - mine.mean())))) + 1
    start = series.point(_position(series, at[min(change, len(at) - 1)]))
    fields["onset"] = Quantity(start.step if np.isfinite(start.step) else float(start.index), Kind.STEPS)
    top = int(np.argmax(mine))
    quotes = [series.first, series.point(_position(series, at[top])), series.last]
    labels = [f"|{series.key}|/{bound:g} = {value:.2f}" for value in (mine[0], mine[top], mine[-1])]
    evidence = {q.index: q.evidence(label) for q, label in zip(quotes, labels, strict=True)}
    return Fact(fields, tuple(evidence.values()), series.first.place, (series.name,))


def _position(series: Series, index: int) -> int:
    return int(np.searchsorted(series.index, index))


def _mean_scores(run: Run) -> tuple[Floats, Floats, Ints, Series] | None:
    """Return f, r (without the penalty where it is not known), record numbers, and the series that carries f."""
    scores = rows(run, "fake_score", "real_score")
    if scores is not None and len(scores):
        series = run.role("fake_score")
        assert series is not None
        return scores.values["fake_score"], scores.values["real_score"], series.index[scores.at], series
    sign = run.convention.sign or 1
    series = run.role("generator_loss")
    if series is None:
        return None
    gap = rows(run, "generator_loss", "gap")
    if gap is not None and len(gap):
        fake = -sign * gap.values["generator_loss"]
        return fake, fake + gap.values["gap"], series.index[gap.at], series
    loss = rows(run, "generator_loss", "critic_loss")
    if loss is not None and len(loss):
        g = loss.values["generator_loss"]
        return -sign * g, -sign * (g + loss.values["critic_loss"]), series.index[loss.at], series
    return None


def _stood_at(run: Run) -> float | None:
    """Return a round bound at which the generator loss or fake score stood for at least 3 records in a row, or None."""
    for role in ("generator_loss", "fake_score"):
        series = run.role(role)
        longest = series.tally.longest if series is not None else None
        if series is None or longest is None or longest.length < 3:
            continue
        at = np.flatnonzero((series.index >= longest.first) & (series.index <= longest.last))
        value = abs(float(series.values[at[0]])) if len(at) else 0.0
        top = float(np.max(np.abs(series.values[np.isfinite(series.values)]), initial=0.0))
        if value >= 1 and value >= 0.999 * top and near_bound(series, at[:1], value).all() and _round(value):
            return value
    return None


def _round(value: float) -> bool:
    from wganlint.detect.bounds import is_round

    return is_round(value)


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

    Fields: side ("fake", "real"); pinned: its mean score; rest: the other side's mean (less the penalty where the gap is
    not logged), margin: what printing may hide; share: of the last records where this holds; with_gap: the gap is logged, so real and
    penalty come apart; assumed: the sign convention is assumed; logged: the scores themselves are logged; source: the
    source states the convention.
    """
    if run.role("generator_loss") is None and run.role("fake_score") is None:
        return Missing("a generator loss or the mean score of the fakes")
    pins = _pins(run)
    holder = (
        pins.get("fake_score")
        or pins.get("real_score")
        or pins.get("generator_loss")
        or pins.get("critic_loss")
    )
    if holder is None:
        return ABSENT
    means = _mean_scores(run)
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
        formula = f"mean(real) = mean(fake) + {w.key} = {text(-sign * gs[at])} + {text(ws[at])} = {text(-sign * gs[at] + ws[at])}"
        evidence.append(derived(formula, "with the logged gap"))
    if with_loss is not None and len(with_loss):
        value = with_loss.values["generator_loss"][pick(-sign * with_loss.values["generator_loss"])]
        evidence.insert(
            0, derived(f"mean(fake) = {minus}{g.key} = {text(-sign * value)}", run.convention.why)
        )
    return evidence


@detector(
    fields={
        "zero": Kind.RATIO, "negative": Kind.RATIO, "median": Kind.NUMBER, "weight": Kind.NUMBER, "ratio": Kind.RATIO,
        "records": Kind.POINTS, "critic": Kind.TEXT, "gap": Kind.TEXT, "logged_zero": Kind.FLAG, "flat": Kind.RATIO,
        "steps": Kind.STEPS,
    },
)  # fmt: skip
def implied_penalty(run: Run) -> Found:
    """The penalty that c and the gap imply, P = c + s*w, over the records that carry both.

    Fields: zero: share with |P| within rounding; negative: share below 0 by more than rounding and 3 standard errors;
    ratio: median P over the weight; flat: share with P/weight in 1 +- 0.02; logged_zero: a logged penalty is exactly 0.
    """
    both = rows(run, "critic_loss", "gap")
    if both is None:
        return Missing("the gap (w_gap, Wasserstein distance) beside the critic loss")
    weight = _weight(run)
    if weight is None:
        return Missing("the penalty weight (lambda)")
    if len(both) < 5 or weight <= 0:
        return ABSENT
    critic, gap = run.role("critic_loss"), run.role("gap")
    assert critic is not None and gap is not None
    sign = run.convention.sign or 1
    values = both.values["critic_loss"] + sign * both.values["gap"]
    unit = (
        10.0**-both.decimals
        if both.decimals is not None
        else 1e-6 * float(np.median(np.abs(both.values["gap"])) or 1)
    )
    slack = 1.01 * unit + 3 * float(np.std(values)) / np.sqrt(len(values))
    penalty = run.role("penalty")
    axis = critic.axis()[both.at]
    fields: dict[str, Quantity | bool | str] = {
        "zero": Quantity(float(np.mean(np.abs(values) <= 1.01 * unit)), Kind.RATIO),
        "negative": Quantity(float(np.mean(values < -slack)), Kind.RATIO),
        "median": Quantity(float(np.median(values)), Kind.NUMBER, both.decimals),
        "weight": Quantity(weight, Kind.NUMBER, 0 if float(weight).is_integer() else None),
        "ratio": Quantity(float(np.median(values)) / weight, Kind.RATIO),
        "records": Quantity(len(values), Kind.POINTS),
        "critic": critic.key,
        "gap": gap.key,
        "logged_zero": penalty is not None and bool((penalty.values == 0).mean() > 0.05),
        "flat": Quantity(float(np.mean(np.abs(values / weight - 1) <= 0.02)), Kind.RATIO),
        "steps": Quantity(float(np.ptp(axis)) if len(axis) else 0.0, Kind.STEPS),
    }
    at = int(both.at[0])
    c, w = both.values["critic_loss"][0], both.values["gap"][0]
    places = both.decimals
    formula = (
        f"penalty = {critic.key} {'+' if sign > 0 else '-'} {gap.key} = {units.fixed(c, places)} "
        f"{'+' if sign > 0 else '-'} {units.fixed(w, places)} = {units.fixed(c + sign * w, places)}"
    )
    evidence = (
        critic.point(at).evidence("both on this line"),
        derived(formula, f"over {len(values)} records"),
    )
    return Fact(fields, evidence, critic.point(at).place, (critic.name, gap.name))


def _weight(run: Run) -> float | None:
    stated = run.number("penalty_weight")
    if stated is not None and stated.number is not None and stated.origin != "default":
        return stated.number
    role = run.role("penalty_weight")
    if role is not None:
        return role.last.value
    return stated.number if stated is not None else None


__all__ = ["Rows", "bound_share", "implied_penalty", "pinned", "rows", "sides"]
