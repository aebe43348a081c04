"""Detectors that look at one series at a time: frozen, learning, non-finite."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from wganlint.detect.bounds import repeats_before, resolution_at
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite, window
from wganlint.detect.words import since
from wganlint.evidence import Evidence, derived
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity

ADVERSARIAL = ("generator_loss", "critic_loss", "gap", "fake_score", "real_score")
PAIRED = 300  # most points of a test that compares all pairs
CRITICAL = (
    *ADVERSARIAL,
    "penalty",
    "critic_gradient_norm",
    "generator_gradient_norm",
    "gradient_norm",
    "weight_norm",
)


def roles(run: Run, names: tuple[str, ...]) -> Iterator[tuple[str, Series]]:
    """Yield the series that play these roles."""
    for name in names:
        series = run.role(name)
        if series is not None:
            yield name, series


@detector(
    fields={
        "names": Kind.TEXT, "name": Kind.TEXT, "value": Kind.TEXT, "distinct": Kind.COUNT, "records": Kind.POINTS,
        "span": Kind.STEPS, "mover": Kind.TEXT,
    },
    parameters={
        "records": Parameter(int, None, "fewest records"),
        "span": Parameter(int, None, "fewest steps that they must cover"),
        "distinct": Parameter(int, None, "most distinct printed values of a frozen series"),
        "fine": Parameter(float, None, "largest printed unit of a loss that could show noise, as a share of it"),
        "moves": Parameter(float, None, "spread over the median from which another series counts as moving"),
    },
    reads="sample",
)  # fmt: skip
def frozen(run: Run, records: int, span: int, distinct: int, fine: float, moves: float) -> Found:
    """A critic or generator loss that prints the same few values while another series of the run moves.

    Looks at the last max(20, 10 %) records, or at more where they cover too few steps. A constant 0 is left to the
    rules that know the loss family. distinct: printed values of the one that is named first.
    """
    found = list(roles(run, ("generator_loss", "critic_loss")))
    if not found:
        return Missing("a critic or generator loss")
    frozen_ones: list[tuple[Series, int, int, float]] = []
    evaluable = False
    for _, series in found:
        at = _recent(series, records, span)
        unit = resolution_at(series, at)
        middle = median(np.abs(series.values[at])) if len(at) else 0.0
        if len(at) == 0 or middle == 0 or (unit is not None and unit > fine * middle):
            continue
        evaluable = True
        texts = {series.texts[i] for i in at.tolist()}
        still = len(texts) <= distinct or float(np.std(series.values[at])) < 1e-6 * max(1.0, middle)
        if still and not _re_printed(series, at, len(texts)):
            count = int(series.index[at[-1]] - series.index[at[0]]) + 1
            frozen_ones.append((series, len(texts), count, float(np.ptp(series.axis()[at]))))
    if not frozen_ones:
        return (
            ABSENT if evaluable else Missing(f"at least {records} records over {span} steps of a finely printed loss")
        )
    mover = _mover(run, {s.name for s, *_ in frozen_ones}, moves)
    if mover is None:
        return Missing("another series that moves, to tell a frozen loss from a stale log")
    series, texts_seen, count, steps = frozen_ones[0]
    first, last = series.point(int(_recent(series, records, span)[0])), series.last
    fields: dict[str, Quantity | bool | str] = {
        "names": " and ".join(s.key for s, *_ in frozen_ones),
        "name": series.key,
        "value": last.text,
        "distinct": Quantity(texts_seen, Kind.COUNT),
        "records": Quantity(count, Kind.POINTS),
        "span": Quantity(steps, Kind.STEPS),
        "mover": mover.key,
    }
    evidence = (
        first.evidence(f"{series.key} prints {texts_seen} distinct value{'s' if texts_seen > 1 else ''} from here on"),
        last.evidence("to the last record"),
    )
    return Fact(fields, evidence, first.place, tuple(s.name for s, *_ in frozen_ones))


def _re_printed(series: Series, at: Ints, texts: int) -> bool:
    """Whether this log repeats a value until it is computed again: stretch after stretch, each of another text."""
    changes = sum(series.texts[i] != series.texts[j] for i, j in pairwise(at.tolist()))
    return changes + 1 == texts > 1 or repeats_before(series, at) * 3 >= len(at)


def _recent(series: Series, records: int, span: int) -> Ints:
    """Return the last max(20, 10 %) finite points, more if they cover fewer than `span` steps; none if too few do.

    Epoch-counted logs need `records` only: an epoch is many steps.
    """
    at = finite(series, window(series))
    every = finite(series, series.sample())
    axis = series.axis()
    if (series.step_key or "").startswith("ep"):
        return at if len(at) >= records else at[:0]
    while len(at) < len(every) and (len(at) < records or float(np.ptp(axis[at])) < span):
        at = every[-min(len(every), 2 * max(1, len(at))) :]
    return at if len(at) >= records and float(np.ptp(axis[at])) >= span else at[:0]


def _mover(run: Run, still: set[str], moves: float) -> Series | None:
    """Return the side loss or score that spreads most, range over median, if that is more than `moves`."""
    names = [s.name for _, s in roles(run, ADVERSARIAL)] + list(run.auxiliary)
    best: tuple[float, Series | None] = (moves, None)
    for name in names:
        series = run.named(name)
        if series is None or name in still:
            continue
        values = series.values[finite(series, window(series))]
        middle = abs(median(values)) if len(values) else 0.0
        spread = float(np.ptp(values)) / middle if middle > 0 else 0.0
        if spread > best[0]:
            best = (spread, series)
    return best[1]


@detector(
    fields={
        "name": Kind.TEXT, "first": Kind.NUMBER, "last": Kind.NUMBER, "fall": Kind.RATIO, "records": Kind.POINTS,
        "trend": Kind.NUMBER,
    },
    reads="sample",
)  # fmt: skip
def learning(run: Run) -> Found:
    """The side loss that falls most: 1 - median(last 20 %) / median(first 3), of positive losses.

    trend: z of the Mann-Kendall test over at most `PAIRED` points, negative for a fall: below -2 noise would give it in
    one run of forty (Kendall 1975, Rank Correlation Methods).
    """
    if not run.auxiliary:
        return Missing("a side loss (reconstruction, count, cycle ...)")
    best: tuple[float, Series] | None = None
    for name in run.auxiliary:
        series = run.named(name)
        if series is None:
            continue
        values = series.values[finite(series, series.sample())]
        if len(values) < 3 or series.tally.nonfinite_count or median(values[:3]) <= 0:
            continue
        tail = values[-max(1, round(0.2 * len(values))) :]
        fall = 1.0 - median(tail) / median(values[:3])
        if best is None or fall > best[0]:
            best = (fall, series)
    if best is None:
        return Missing("at least 3 records of a positive side loss")
    fall, series = best
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "first": series.quantity(series.first.value, series.first.text),
        "last": series.quantity(series.last.value, series.last.text),
        "fall": Quantity(fall, Kind.RATIO),
        "records": Quantity(len(series), Kind.POINTS),
        "trend": Quantity(mann_kendall(series.values[finite(series, series.sample(PAIRED))]), Kind.NUMBER, 1),
    }
    evidence = (series.first.evidence(f"{series.key} at first"), series.last.evidence(f"{series.key} at last"))
    return Fact(fields, evidence, series.first.place, (series.name,))


def mann_kendall(values: Floats) -> float:
    """Return z of the Mann-Kendall trend test: (S -+ 1) / sqrt(n (n - 1) (2 n + 5) / 18), ties not corrected for.

    Compares all pairs: give it at most a few hundred values. 0 below four values.
    """
    n = len(values)
    if n < 4:
        return 0.0
    s = float(np.sum(np.sign(values[None, :] - values[:, None])[np.triu_indices(n, 1)]))
    return float((s - np.sign(s)) / np.sqrt(n * (n - 1) * (2 * n + 5) / 18))


@detector(
    fields={
        "name": Kind.TEXT, "value": Kind.TEXT, "count": Kind.POINTS, "records": Kind.POINTS,
        "names": Kind.TEXT, "to_end": Kind.FLAG, "lasting": Kind.POINTS, "isolated": Kind.FLAG, "before": Kind.TEXT,
        "since": Kind.TEXT, "earlier": Kind.POINTS, "gradient": Kind.FLAG, "head": Kind.FLAG,
        "tenfold": Kind.POINTS,
    },
    reads="tally",
)  # fmt: skip
def nonfinite(run: Run) -> Found:
    """NaN or infinity in a loss, score, gradient or weight series.

    Where one stays to the end (to_end), since is where that stretch begins, lasting its records, earlier counts those
    that came before it and went; else since is the first one. gradient: only gradient norms are concerned; head: only
    the first records are; tenfold: ten times as many records as came before; isolated: at most 1 % of the records.
    """
    vital = [s for _, s in roles(run, CRITICAL)]
    games = [s for pair in run.pairs for name in pair.series.values() if (s := run.named(name)) is not None]
    vital += [s for s in games if s not in vital]
    candidates = vital + [s for name in run.auxiliary if (s := run.named(name)) is not None and _measured(s)]
    if not candidates:
        return Missing("a loss, score, gradient or weight series")
    hit = [s for s in candidates if s.tally.nonfinite_count]
    if not hit:
        return ABSENT
    series = min(hit, key=lambda s: (s.tally.stuck is None, s.tally.nonfinite[0].index / len(s)))
    stuck = series.tally.stuck
    start = stuck if stuck is not None else series.tally.nonfinite[0]
    before = np.flatnonzero(series.index < start.index)[-20:]
    lasting = len(series) - start.index if stuck is not None else 0
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": ", ".join(s.key for s in hit),
        "value": start.text,
        "count": Quantity(series.tally.nonfinite_count, Kind.POINTS),
        "earlier": Quantity(series.tally.nonfinite_count - lasting, Kind.POINTS),
        "records": Quantity(len(series), Kind.POINTS),
        "since": since(start),
        "lasting": Quantity(lasting, Kind.POINTS),
        "to_end": stuck is not None,
        "isolated": stuck is None and series.tally.nonfinite_count <= max(1, len(series) // 100),
        "before": _before(series, before),
        "gradient": all("gradient" in role for role, s in roles(run, CRITICAL) if s in hit) and series in vital,
        "tenfold": Quantity(10 * (start.index + 1), Kind.POINTS),
        "head": stuck is None and _only_at_the_start(series),
    }
    evidence: list[Evidence] = []
    if len(before):
        earlier = series.point(int(before[-1]))
        evidence.append(earlier.evidence("the last record before" if earlier.index == start.index - 1 else "before"))
    evidence.append(start.evidence(f"the first {start.text} of {series.key}" + (" that stays" if stuck else "")))
    if lasting > 1:
        evidence.append(series.last.evidence("still not finite at the last record"))
    return Fact(fields, tuple(evidence), start.place, tuple(s.name for s in hit))


def _only_at_the_start(series: Series) -> bool:
    known = np.flatnonzero(np.isfinite(series.values))
    return len(known) > 0 and int(series.index[known[0]]) == series.tally.nonfinite_count


def _measured(series: Series) -> bool:
    """Whether a side loss is really computed: one that starts as NaN, or is NaN now and then, holds a place."""
    bad = series.tally.nonfinite_count
    if bad == 0 or series.tally.stuck is None:
        return bad == 0
    return bool(np.isfinite(series.first.value)) and bad == len(series) - series.tally.stuck.index


def _before(series: Series, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """Say what the last records before looked like: growing, spiking, or ordinary."""
    values = np.abs(series.values[finite(series, at)])
    if len(values) < 4:
        return "too few records before it to say how it came"
    head, tail = median(values[: len(values) // 2]), median(values[-3:])
    if head > 0 and tail > 10 * head:
        return f"it grew by {tail / head:.0f}x over the {len(values)} values before"
    return f"the {len(values)} values before look ordinary: it came at once"


@detector(
    fields={"ratio": Kind.RATIO, "gradient": Kind.NUMBER, "weights": Kind.NUMBER, "lr": Kind.NUMBER},
    reads="sample",
)
def update_ratio(run: Run) -> Found:
    """How far one step moves the weights, relative to their size: lr * |gradient| / ((1 - momentum) * |weights|)."""
    gradient = run.role("critic_gradient_norm") or run.role("generator_gradient_norm") or run.role("gradient_norm")
    weights = run.role("weight_norm")
    lr = run.number("learning_rate")
    missing = [
        what
        for what, there in (
            ("gradient norms", gradient),
            ("weight norms", weights),
            ("the learning rate", lr),
        )
        if there is None
    ]
    if gradient is None or weights is None or lr is None or lr.number is None:
        return Missing(" and ".join(missing))
    momentum = run.number("momentum")
    mu = momentum.number if momentum is not None and momentum.number is not None else 0.0
    g = median(gradient.values[finite(gradient, window(gradient))])
    w = median(weights.values[finite(weights, window(weights))])
    if not w > 0 or not np.isfinite(g) or not 0 <= mu < 1:
        return Missing("a weight norm above 0")
    ratio = lr.number * g / ((1 - mu) * w)
    fields: dict[str, Quantity | bool | str] = {
        "ratio": Quantity(ratio, Kind.RATIO),
        "gradient": gradient.quantity(g),
        "weights": weights.quantity(w),
        "lr": Quantity(lr.number, Kind.NUMBER, None, lr.value),
    }
    formula = (
        f"lr * |gradient| / ((1 - momentum) * |weights|) = {lr.value} * {g:.3g} / ({1 - mu:g} * {w:.3g}) = {ratio:.1e}"
    )
    return Fact(fields, (lr.evidence, derived(formula)), lr.evidence.place)


__all__ = ["frozen", "learning", "nonfinite", "update_ratio"]
