"""A mean-score critic over the run: running away, scoring fakes above reals, drifting as a whole."""

from __future__ import annotations

import numpy as np

from wganlint.detect.duel import common
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import penalty_weight
from wganlint.detect.window import RECORDS, SHARE
from wganlint.detect.words import since
from wganlint.evidence import Evidence, derived
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity

GAP = "the critic's loss or the gap"
EARLY = 0.05  # share of the records that count as the start


def critic_gap(run: Run) -> tuple[Series, Ints, Floats, str] | None:
    """Return (series, positions, values, how) of the gap mean(real) - mean(fake), or of -critic loss, or None.

    how: "gap" (logged), "scores" (both mean scores; turned by the sign convention), "loss" (-c: the gap less the
    penalty).
    """
    gap, critic = run.role("gap"), run.role("critic_loss")
    if gap is not None:
        at, (values,) = common(gap)
        return gap, at, values, "gap"
    real, fake = run.role("real_score"), run.role("fake_score")
    if real is not None and fake is not None:
        at, (r, f) = common(real, fake)
        return real, at, (run.convention.sign or 1) * (r - f), "scores"
    if critic is not None:
        at, (values,) = common(critic)
        return critic, at, -values, "loss"
    return None


def last(count: int, share: float = SHARE) -> slice:
    """Return the last max(20, share) of so many records."""
    return slice(max(0, count - max(RECORDS, int(np.ceil(share * count)))), count)


def first(count: int) -> slice:
    """Return the first 5 % of so many records, three at least."""
    return slice(0, max(3, int(np.ceil(EARLY * count))))


@detector(
    fields={
        "name": Kind.TEXT, "how": Kind.TEXT, "early": Kind.NUMBER, "value": Kind.NUMBER, "growth": Kind.FACTOR,
        "below": Kind.RATIO, "highest": Kind.NUMBER, "top": Kind.NUMBER, "over": Kind.POINTS,
        "records": Kind.POINTS, "share": Kind.RATIO,
        "peak": Kind.FACTOR, "slope": Kind.NUMBER, "penalty": Kind.NUMBER, "penalty_name": Kind.TEXT,
        "weight": Kind.NUMBER, "weighed": Kind.FLAG,
    },
    parameters={
        "least": Parameter(int, None, "fewest records"),
        "usual": Parameter(float, None, "weight of the penalty where none is stated"),
        "burst": Parameter(float, None, "size over the last one that counts as having run away before"),
    },
)  # fmt: skip
def runaway(run: Run, least: int, usual: float, burst: float) -> Found:
    """How far the gap (else the critic's loss) has grown, and how large the critic's slope is by its penalty.

    early: median size over the first 5 %; value: over the last max(20, 10 %); growth: value / max(1, early); below:
    share of the last records with fakes above reals. top: the largest; highest: the largest median of 20 records in a
    row; peak: that over max(1, value); over: how many records were beyond `burst` times the latter. penalty: median of
    the logged penalty over the weight, or of (c + gap) / weight; slope = 1 + sqrt(penalty): what a mean of
    (slope - 1)^2 stands for. weighed: the log's penalty column is taken to hold the weight.
    """
    found = critic_gap(run)
    if found is None:
        return Missing(GAP)
    series, at, values, how = found
    if len(values) < least:
        return Missing(f"at least {least} records of the critic")
    size = np.abs(values)
    recent = values[last(len(size))]
    early, value = median(size[first(len(size))]), median(np.abs(recent))
    below = float(np.mean(recent < 0))
    block = min(RECORDS, len(size))
    edges = range(0, len(size) - block + 1, max(1, block // 2))
    medians = [median(size[i : i + block]) for i in edges]
    top = int(np.argmax(medians))
    over = size >= burst * max(1.0, value)
    raw = _raw_penalty(run, usual)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key if how != "scores" else "the gap of the mean scores",
        "how": how,
        "early": series.quantity(early),
        "value": series.quantity(value),
        "growth": Quantity(value / max(1.0, early), Kind.FACTOR),
        "below": Quantity(below, Kind.RATIO),
        "highest": series.quantity(medians[top]),
        "top": series.quantity(float(np.max(size))),
        "over": Quantity(int(over.sum()), Kind.POINTS),
        "records": Quantity(len(series), Kind.POINTS),
        "share": Quantity(float(np.mean(over)), Kind.RATIO),
        "peak": Quantity(medians[top] / max(1.0, value), Kind.FACTOR),
        "penalty": Quantity(raw[0] if raw else 0.0),
        "slope": Quantity(1 + float(np.sqrt(max(0.0, raw[0]))) if raw else 0.0),
        "penalty_name": raw[1] if raw else "",
        "weight": Quantity(raw[2] if raw else 0.0),
        "weighed": bool(raw and raw[3]),
    }
    evidence: list[Evidence] = [series.point(int(at[0])).evidence("at first")]
    highest = int(np.argmax(size))
    if 0 < highest < len(size) - 1:
        evidence.append(series.point(int(at[highest])).evidence("the largest"))
    evidence.append(series.last.evidence("at last"))
    if raw:
        evidence += raw[4]
    return Fact(fields, tuple(evidence), series.point(int(at[highest])).place, (series.name,))


def _raw_penalty(run: Run, usual: float) -> tuple[float, str, float, bool, list[Evidence]] | None:
    """Return (median penalty per weight over the last records, its name, the weight, whether it held it, evidence)."""
    series, critic, gap = run.role("penalty"), run.role("critic_loss"), run.role("gap")
    weight = penalty_weight(run)
    known = weight if weight is not None and weight > 0 else usual
    if series is not None and "r1" not in series.key.lower() and "r2" not in series.key.lower():
        _, (p,) = common(series)
        weighed = _weighed(run, series, known)
        recent = median(p[last(len(p))]) / (known if weighed else 1.0) if len(p) else 0.0
        return recent, series.key, known, weighed, [series.last.evidence("the penalty at last")]
    if critic is not None and gap is not None and weight is not None and weight > 0:
        _, (c, w) = common(critic, gap)
        implied = median((c + (run.convention.sign or 1) * w)[last(len(c))]) if len(c) else 0.0
        name = f"{critic.key} + {gap.key}"
        formula = derived(f"penalty = {name}, median {implied:.3g}", "of the last records")
        return implied / weight, name, weight, True, [formula]
    return None


def _weighed(run: Run, penalty: Series, weight: float) -> bool:
    """Whether a penalty column holds the weight: it equals c + gap; where that cannot be told it is taken to."""
    critic, gap = run.role("critic_loss"), run.role("gap")
    if critic is None or gap is None:
        return True
    _, (c, w, p) = common(critic, gap, penalty)
    implied = c + (run.convention.sign or 1) * w
    if not len(p) or weight == 1:
        return True
    return not median(np.abs(implied - weight * p)) < median(np.abs(implied - p))


@detector(
    fields={
        "name": Kind.TEXT, "how": Kind.TEXT, "negative": Kind.RATIO, "value": Kind.NUMBER, "early": Kind.NUMBER,
        "growth": Kind.FACTOR, "records": Kind.POINTS, "since": Kind.TEXT, "told": Kind.FLAG,
    },
    parameters={
        "share": Parameter(float, None, "share of the run that is looked at, from its end"),
        "least": Parameter(int, None, "fewest records"),
    },
)  # fmt: skip
def negative_gap(run: Run, share: float, least: int) -> Found:
    """How often the critic scores fakes above reals over the last max(20, share) records: the sign of the gap.

    Without a logged gap or scores, -c stands for it only where no penalty is in the loss. A logged gap whose sign is
    that of the critic's loss is mirrored (c = gap + penalty) and says nothing. growth: size over max(1, early size).
    told: the sign convention is told by source or scores, or not needed.
    """
    found = critic_gap(run)
    if found is None:
        return Missing(GAP)
    series, at, values, how = found
    if how == "loss" and run.family.name != "wgan-clip":
        return Missing("the gap, or the mean scores of reals and fakes")
    if len(values) < least:
        return Missing(f"at least {least} records of the gap")
    critic = run.role("critic_loss")
    recent = last(len(values), share)
    if how != "loss" and critic is not None:
        _, (w, c) = common(series, critic)
        if how == "gap" and len(w) and float(np.mean((np.sign(w) == np.sign(c))[last(len(w), share)])) > 0.5:
            return ABSENT
    part = values[recent]
    early = median(np.abs(values[first(len(values))]))
    above = np.flatnonzero(values >= 0)
    after = int(above[-1]) + 1 if len(above) else 0
    start = series.point(int(at[after if after < len(at) else 0]))
    fields: dict[str, Quantity | bool | str] = {
        "name": {"gap": series.key, "scores": "the gap of the mean scores", "loss": f"-{series.key}"}[how],
        "how": how,
        "negative": Quantity(float(np.mean(part < 0)), Kind.RATIO),
        "value": series.quantity(median(part)),
        "early": series.quantity(early),
        "growth": Quantity(median(np.abs(part)) / max(1.0, early), Kind.FACTOR),
        "records": Quantity(len(part), Kind.POINTS),
        "since": since(start),
        "told": how == "loss" or run.convention.evidence != (),
    }
    evidence = (start.evidence("from about here"), series.last.evidence("at last"))
    return Fact(fields, evidence, start.place, (series.name,))


@detector(
    fields={
        "name": Kind.TEXT, "early": Kind.NUMBER, "late": Kind.NUMBER, "drift": Kind.NUMBER, "noise": Kind.NUMBER,
        "gap_name": Kind.TEXT, "gap_early": Kind.NUMBER, "gap_late": Kind.NUMBER, "growth": Kind.FACTOR,
        "spacing": Kind.RATIO, "size": Kind.NUMBER, "records": Kind.POINTS,
    },
    parameters={
        "times": Parameter(float, None, "drift over the noise of g that counts"),
        "least": Parameter(float, None, "drift that is worth a word"),
        "records": Parameter(int, None, "fewest records"),
    },
)  # fmt: skip
def offset_drift(run: Run, times: float, least: float, records: int) -> Found:
    """A generator loss that drifts as a whole while the gap stays: both mean scores move together.

    drift: median of g over the last window less that over the first; noise: 1.4826 * median |g - its rolling median|
    (MAD, Hampel 1974). growth: size of the gap over its early size. spacing: the float32 step at |g| over the gap.
    """
    generator, found = run.role("generator_loss"), critic_gap(run)
    if generator is None or found is None:
        return Missing("the generator's loss and " + GAP)
    _, (g,) = common(generator)
    if len(g) < records or len(found[2]) < records:
        return Missing(f"at least {records} records")
    gap_series, _, gap, _ = found
    head, tail = slice(0, last(len(g)).stop - last(len(g)).start), last(len(g))
    early, late = median(g[head]), median(g[tail])
    noise = 1.4826 * median(np.abs(g - _rolling(g)))
    drift = late - early
    if abs(drift) <= times * noise or abs(drift) < least:
        return ABSENT
    gap_early, gap_late = median(np.abs(gap[head])), median(np.abs(gap[last(len(gap))]))
    size = float(np.max(np.abs([early, late])))
    fields: dict[str, Quantity | bool | str] = {
        "name": generator.key,
        "early": generator.quantity(early),
        "late": generator.quantity(late),
        "drift": generator.quantity(drift),
        "noise": generator.quantity(noise),
        "gap_name": gap_series.key,
        "gap_early": gap_series.quantity(gap_early),
        "gap_late": gap_series.quantity(gap_late),
        "growth": Quantity(gap_late / max(gap_early, 1e-12), Kind.FACTOR),
        "spacing": Quantity(float(np.spacing(np.float32(abs(late)))) / max(gap_late, 1e-12), Kind.RATIO),
        "size": generator.quantity(size),
        "records": Quantity(len(g), Kind.POINTS),
    }
    evidence = (generator.first.evidence("at first"), generator.last.evidence("at last"))
    return Fact(fields, evidence, generator.last.place, (generator.name, gap_series.name))


def _rolling(values: Floats, width: int = 9) -> Floats:
    """Return the running median over `width` values; at the ends over those that are there."""
    padded = np.pad(values, width // 2, mode="edge")
    stack = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(np.sort(stack, axis=1)[:, width // 2])
