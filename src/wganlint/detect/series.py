"""Detectors that look at one series at a time: frozen, learning, non-finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite, median, window
from wganlint.evidence import Evidence, derived
from wganlint.run import Run, Series
from wganlint.units import Kind, Quantity

ADVERSARIAL = ("generator_loss", "critic_loss", "gap", "fake_score", "real_score")
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
        "span": Kind.STEPS, "mover": Kind.TEXT, "change": Kind.RATIO,
    },
    parameters={
        "records": Parameter(int, None, "fewest records"),
        "span": Parameter(int, None, "fewest steps that they must cover"),
        "distinct": Parameter(int, None, "most distinct printed values of a frozen series"),
    },
    reads="all",
)  # fmt: skip
def frozen(run: Run, records: int, span: int, distinct: int) -> Found:
    """An adversarial loss that prints the same few values while another series of the run moves by over 1 %.

    Looks at the last max(20, 10 %) records. A loss printed more coarsely than 1 % of its size is not evaluable, and a
    constant 0 is left to the rules that know the loss family. Epoch-counted logs need `records` only.
    """
    found = list(roles(run, ("generator_loss", "critic_loss")))
    if not found:
        return Missing("a critic or generator loss")
    frozen_ones: list[tuple[Series, int, int, float]] = []
    evaluable = False
    for _, series in found:
        at = finite(series, window(series))
        if len(at) < records:
            continue
        values = series.values[at]
        axis = series.axis()[at]
        steps = float(np.ptp(axis))
        middle = float(np.median(np.abs(values)))
        if middle == 0 or series.decimals is None or 10.0**-series.decimals > 0.01 * middle:
            continue
        evaluable = True
        texts = {series.texts[i] for i in at.tolist()}
        enough = steps >= span or (series.step_key or "").startswith("ep")
        still = len(texts) <= distinct or float(np.std(values)) < 1e-6 * max(1.0, middle)
        if enough and still:
            frozen_ones.append((series, len(texts), len(at), steps))
    if not frozen_ones:
        return ABSENT if evaluable else Missing(f"at least {records} records of a loss, printed finely enough")
    mover = _mover(run, {s.name for s, *_ in frozen_ones})
    if mover is None:
        return Missing("another series that moves, to tell a frozen loss from a stale log")
    series, texts_seen, count, steps = frozen_ones[0]
    first, last = series.point(int(finite(series, window(series))[0])), series.last
    fields: dict[str, Quantity | bool | str] = {
        "names": " and ".join(s.key for s, *_ in frozen_ones),
        "name": series.key,
        "value": last.text,
        "distinct": Quantity(texts_seen, Kind.COUNT),
        "records": Quantity(count, Kind.POINTS),
        "span": Quantity(steps, Kind.STEPS),
        "mover": mover[0].key,
        "change": Quantity(mover[1], Kind.RATIO),
    }
    evidence = (
        first.evidence(f"{series.key} prints {texts_seen} distinct value{'s' if texts_seen > 1 else ''} from here on"),
        last.evidence("to the last record"),
    )
    return Fact(fields, evidence, first.place, tuple(s.name for s, *_ in frozen_ones))


def _mover(run: Run, still: set[str]) -> tuple[Series, float] | None:
    """Return a side loss or score whose middle half spreads over 1 % of its median, and that spread."""
    names = [s.name for _, s in roles(run, ADVERSARIAL)] + list(run.auxiliary)
    best: tuple[Series, float] | None = None
    for name in names:
        series = run.named(name)
        if series is None or name in still:
            continue
        values = series.values[finite(series, window(series))]
        middle = abs(float(np.median(values))) if len(values) else 0.0
        spread = float(np.ptp(values)) / middle if middle > 0 else 0.0
        if spread > 0.01 and (best is None or spread > best[1]):
            best = (series, spread)
    return best


@detector(
    fields={
        "name": Kind.TEXT, "first": Kind.NUMBER, "last": Kind.NUMBER, "fall": Kind.RATIO, "records": Kind.POINTS,
        "plural": Kind.FLAG, "names": Kind.TEXT,
    },
    reads="sample",
)  # fmt: skip
def learning(run: Run) -> Found:
    """The side loss that falls most: 1 - median(last 20 %) / median(first 3), of positive losses."""
    if not run.auxiliary:
        return Missing("a side loss (reconstruction, count, cycle ...)")
    best: tuple[float, Series] | None = None
    falling: list[str] = []
    for name in run.auxiliary:
        series = run.named(name)
        if series is None:
            continue
        at = finite(series, series.sample())
        values = series.values[at]
        if len(values) < 3 or series.tally.nonfinite_count or float(np.median(values[:3])) <= 0:
            continue
        tail = values[-max(1, round(0.2 * len(values))) :]
        fall = 1.0 - float(np.median(tail)) / float(np.median(values[:3]))
        falling += [series.key] if fall >= 0.1 else []
        if best is None or fall > best[0]:
            best = (fall, series)
    if best is None:
        return Missing("at least 3 records of a positive side loss")
    fall, series = best
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": ", ".join(falling) or series.key,
        "plural": len(falling) > 1,
        "first": series.quantity(series.first.value, series.first.text),
        "last": series.quantity(series.last.value, series.last.text),
        "fall": Quantity(fall, Kind.RATIO),
        "records": Quantity(len(series), Kind.POINTS),
    }
    evidence = (
        series.first.evidence(f"{series.key} at first"),
        series.last.evidence(f"{series.key} at last"),
    )
    return Fact(fields, evidence, series.first.place, (series.name,))


@detector(
    fields={
        "name": Kind.TEXT, "value": Kind.TEXT, "count": Kind.POINTS, "records": Kind.POINTS, "step": Kind.STEPS,
        "names": Kind.TEXT, "to_end": Kind.FLAG, "isolated": Kind.FLAG, "before": Kind.TEXT, "stepped": Kind.FLAG,
        "earlier": Kind.POINTS,
    },
    reads="tally",
)  # fmt: skip
def nonfinite(run: Run) -> Found:
    """NaN or infinity in a loss, score, gradient or weight series.

    Where one stays to the end (to_end), step is where that stretch begins and earlier counts those that came before it
    and went; else step is the first one. isolated: at most 1 % of the records.
    """
    candidates = [s for _, s in roles(run, CRITICAL)]
    candidates += [s for name in run.auxiliary if (s := run.named(name)) is not None]
    if not candidates:
        return Missing("a loss, score, gradient or weight series")
    hit = [s for s in candidates if s.tally.nonfinite_count]
    if not hit:
        return ABSENT
    series = min(hit, key=lambda s: (s.tally.stuck is None, s.tally.nonfinite[0].index / len(s)))
    stuck = series.tally.stuck
    start = stuck if stuck is not None else series.tally.nonfinite[0]
    before = series.sample()
    before = before[series.index[before] < start.index][-20:]
    lasting = len(series) - start.index if stuck is not None else 0
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": ", ".join(s.key for s in hit),
        "value": start.text,
        "count": Quantity(series.tally.nonfinite_count, Kind.POINTS),
        "earlier": Quantity(series.tally.nonfinite_count - lasting, Kind.POINTS),
        "records": Quantity(len(series), Kind.POINTS),
        "step": Quantity(start.step if np.isfinite(start.step) else float(start.index + 1), Kind.STEPS),
        "stepped": bool(np.isfinite(start.step)),
        "to_end": stuck is not None,
        "isolated": stuck is None and series.tally.nonfinite_count <= max(1, len(series) // 100),
        "before": _before(series, before),
    }
    evidence: list[Evidence] = []
    if len(before):
        evidence.append(series.point(int(before[-1])).evidence("the last record before"))
    evidence.append(start.evidence(f"the first {start.text} of {series.key}" + (" that stays" if stuck else "")))
    if stuck is not None:
        evidence.append(series.last.evidence("still not finite at the last record"))
    return Fact(fields, tuple(evidence), start.place, tuple(s.name for s in hit))


def _before(series: Series, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    """Say what the last records before looked like: growing, spiking, or ordinary."""
    values = np.abs(series.values[finite(series, at)])
    if len(values) < 4:
        return "too few records before it to say how it came"
    head, tail = float(np.median(values[: len(values) // 2])), float(np.median(values[-3:]))
    if head > 0 and tail > 10 * head:
        return f"it grew by {tail / head:.0f}x over the {len(values)} records before"
    return f"the {len(values)} records before look ordinary: it came at once"


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
