"""Series at a bound: wholly (`pinned`) or in part (`bound_share`)."""

from __future__ import annotations

from collections import Counter

import numpy as np

from wganlint.detect.bounds import Pin, is_round, near_bound, score_bounds
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.scores import LOSSES, PLAYERS, mean_scores, pins
from wganlint.evidence import Evidence
from wganlint.run import Run, Series
from wganlint.units import Kind, Quantity


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
    found = pins(run)
    if not found:
        return ABSENT
    main = next(found[role] for role in PLAYERS if role in found)
    critic, generator = found.get("critic_loss"), found.get("generator_loss")
    both = critic is not None and generator is not None and bool(np.isclose(critic.bound, generator.bound, rtol=1e-9))
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
        "others": ", ".join(p.series.key for p in found.values() if p is not main) or "none",
        "is_weight": list(found) == ["critic_loss"]
        and lam is not None
        and bool(np.isclose(main.bound, lam, rtol=2e-3)),
        "stepped": not np.isnan(start.step),
    }
    evidence = [
        *_quotes(main, run),
        *(p.series.point(p.onset).evidence(f"{p.series.key} from here on") for p in found.values() if p is not main),
    ]
    return Fact(fields, tuple(evidence), start.place, tuple(p.series.name for p in found.values()))


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
    """How large the mean scores are, as a share of a known bound C: the share of samples at C, if the rest is near 0.

    Fields: side that is larger; share: median over the last max(20, 10 %) records; first: median of the first 3; onset:
    step of the change point (largest |cumulative sum| of share - mean, Page 1954); other: the other side's share;
    apart: the two sides differ by at least half of the larger one (a common drift is no saturation). The bound is a
    literal of the source or settings, or one where the run itself stood for a while; without either there is nothing
    to compare with, and a share is never guessed.
    """
    known = score_bounds(run)
    seen = _stood_at(run)
    if not known and seen is None:
        return ABSENT
    sides = mean_scores(run)
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
        "apart": bool(np.median(np.abs(fake - real)) >= 0.5 * np.median(np.maximum(np.abs(fake), np.abs(real)))),
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
        if value >= 1 and value >= 0.999 * top and near_bound(series, at[:1], value).all() and is_round(value):
            return value
    return None
