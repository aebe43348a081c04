"""Series at a bound: wholly (`pinned`) or in part (`bound_share`)."""

from __future__ import annotations

from collections import Counter

import numpy as np

from wganlint.detect.bounds import TOLERANCE, Pin, is_round, near_bound, resolution_at, score_bounds
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.scores import LOSSES, PLAYERS, mean_scores, penalty_weight, pins
from wganlint.detect.window import RECORDS, SHARE
from wganlint.detect.words import since
from wganlint.evidence import Evidence
from wganlint.run import Run, Series
from wganlint.series import Flags, median
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "name": Kind.TEXT, "value": Kind.TEXT, "bound": Kind.NUMBER, "records": Kind.POINTS, "share": Kind.RATIO,
        "same": Kind.RATIO, "since": Kind.TEXT, "from_start": Kind.FLAG, "both": Kind.FLAG, "others": Kind.TEXT,
        "alone": Kind.FLAG, "span": Kind.POINTS,
    },
    parameters={
        "least": Parameter(int, None, "fewest records at a round number that stands in no source"),
        "few": Parameter(int, None, "fewest records where both losses sit there, or the source or a setting states it"),
        "odd": Parameter(int, None, "fewest records at a number that is neither round nor stated"),
    },
)  # fmt: skip
def pinned(run: Run, least: int, few: int, odd: int) -> Found:
    """A critic-derived series that stays at +-bound from some record to the end of the run.

    Outside the Wasserstein families only scores count, and none that ends where probabilities, labels or a tanh end:
    losses stand still at their floors there. A critic's loss that stands at the penalty weight is not meant: that is a
    flat critic (P/lambda = 1), not a bound score; nor is a number at which both sides stand together, the free offset
    of a WGAN's scores.

    Fields: value as printed; bound > 0; records from the onset on; share of them at the bound; same: share printing one
    text; since: the step (or record) of the onset; both: critic and generator loss are at the same bound; others: what
    else is there, alone: nothing else is; span: the records up to the onset and 50 more.
    """
    wasserstein = run.family.name.startswith("wgan")
    if not any(run.role(role) for role in PLAYERS if wasserstein or role in ("fake_score", "real_score")):
        unseen = run.family.name == "unknown" and not any(run.role(role) for role in PLAYERS)
        return Missing(LOSSES) if wasserstein or unseen else ABSENT
    found = pins(run)
    if not found:
        return ABSENT
    main = next(found[role] for role in PLAYERS if role in found and found[role].exact)
    if not wasserstein:
        told = {role: one for role, one in found.items() if role in ("fake_score", "real_score") and _no_end(one)}
        if not any(one.exact for one in told.values()):
            return ABSENT
        found, main = told, next(one for one in told.values() if one.exact)
    critic, generator = found.get("critic_loss"), found.get("generator_loss")
    both = critic is not None and generator is not None and bool(np.isclose(critic.bound, generator.bound, rtol=1e-9))
    enough = few if both or main.literal else least if main.round else odd
    if main.records < enough or _is_weight(run, found) or (wasserstein and not main.literal and _is_offset(run, main)):
        return ABSENT
    series = main.series
    start = series.point(main.onset)
    others = [p for p in found.values() if p is not main]
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "value": Counter(series.texts[i] for i in main.at.tolist()).most_common(1)[0][0],
        "bound": bound_quantity(main.bound, series),
        "records": Quantity(main.records, Kind.POINTS),
        "share": Quantity(main.share, Kind.RATIO),
        "same": Quantity(main.same, Kind.RATIO),
        "since": since(start),
        "from_start": main.from_start,
        "both": both,
        "others": ", ".join(p.series.key for p in others),
        "alone": not others,
        "span": Quantity(start.index + 50, Kind.POINTS),
    }
    evidence = [*_quotes(main), *(p.series.point(p.onset).evidence(f"{p.series.key} from here on") for p in others)]
    return Fact(fields, tuple(evidence), start.place, tuple(p.series.name for p in found.values()))


def _no_end(found: Pin) -> bool:
    """Whether a score is at a bound that neither a probability nor a squashed output has by itself: not 0 or +-1."""
    if found.literal:
        return found.bound != 1
    return found.round and found.bound > 1 and found.same >= 0.8


def bound_quantity(bound: float, series: Series) -> Quantity:
    """Return a bound as it prints: whole numbers whole, others with the digits of the series."""
    return Quantity(bound, Kind.NUMBER, 0 if float(bound).is_integer() else series.decimals, f"{bound:.6g}")


def _is_weight(run: Run, found: dict[str, Pin]) -> bool:
    """Whether only the critic's loss stands still, and at the weight of the penalty."""
    weight = penalty_weight(run)
    return (
        list(found) == ["critic_loss"]
        and weight is not None
        and abs(found["critic_loss"].bound - weight) <= 2e-3 * weight
    )


def _is_offset(run: Run, found: Pin) -> bool:
    """Whether both mean scores are at the same number: the free offset of a WGAN's scores, and no bound."""
    means = mean_scores(run)
    if means is None:
        return False
    recent = means.series.index[means.at] >= found.series.index[found.onset]
    apart = np.abs(means.fake - means.real)[recent]
    return len(apart) > 0 and median(apart) < 0.5 * found.bound


def _quotes(found: Pin) -> list[Evidence]:
    series = found.series
    first = series.point(int(found.at[0]))
    held = abs(abs(series.last.value) - found.bound) <= abs(abs(series.point(int(found.at[-1])).value) - found.bound)
    last = series.last if held else series.point(int(found.at[-1]))
    label = f"{series.key} is at {first.text} from here"
    quotes = [first.evidence(label + (", the first record" if found.from_start else ""))]
    before = np.flatnonzero(series.index < first.index)
    if len(before):
        earlier = series.point(int(before[-1]))
        quotes.insert(0, earlier.evidence("the last record before" if earlier.index == first.index - 1 else "before"))
    return [*quotes, last.evidence("and still there at the last record" if last is series.last else "and here")]


@detector(
    fields={
        "bound": Kind.NUMBER, "share": Kind.RATIO, "first": Kind.RATIO, "last": Kind.RATIO, "highest": Kind.RATIO,
        "stood": Kind.POINTS, "side": Kind.TEXT, "other": Kind.RATIO, "literal": Kind.FLAG, "apart": Kind.FLAG,
        "since": Kind.TEXT,
    },
    parameters={
        "full": Parameter(float, None, "share of the bound that counts as being there, for `stood`"),
        "apart": Parameter(float, None, "difference of the sides over the larger one from which they are apart"),
    },
)  # fmt: skip
def bound_share(run: Run, full: float, apart: float) -> Found:
    """How large the mean scores are, as a share of a known bound C: the share of samples at C, if the rest is near 0.

    Fields: side that is larger; share: median over the last max(20, 10 %) records; first: median of the first 3; stood:
    longest stretch of records at the bound; since: the change point (largest |cumulative sum| of share - mean, Page
    1954); other: the other side's share; apart: the two sides differ (a common drift is no saturation). The bound is a
    literal of the source or settings, or one where the run itself stood for a while; without either there is nothing
    to compare with, and a share is never guessed.
    """
    if not run.family.name.startswith("wgan"):
        return ABSENT  # the arithmetic is that of mean scores
    known, seen = score_bounds(run), _stood_at(run)
    if not known and seen is None:
        return ABSENT
    means = mean_scores(run)
    if means is None:
        return Missing("a generator loss with the gap or the critic loss")
    if len(means.fake) < 3:
        return Missing("at least 3 records")
    middle = median(np.abs(np.concatenate([means.fake, means.real])))
    bound = min((c for c in known if c >= 0.5 * middle), default=seen)
    if bound is None:
        return ABSENT
    size = {"fake": np.abs(means.fake) / bound, "real": np.abs(means.real) / bound}
    side = max(size, key=lambda name: float(np.max(size[name])))
    mine, other = size[side], size["real" if side == "fake" else "fake"]
    series = means.series
    index = series.index[means.at]
    last = index >= index[-1] - max(RECORDS, int(np.ceil(SHARE * len(series)))) + 1
    change = int(np.argmax(np.abs(np.cumsum(mine - mine.mean())))) + 1
    high = np.maximum(np.abs(means.fake), np.abs(means.real))
    fields: dict[str, Quantity | bool | str] = {
        "bound": bound_quantity(bound, series),
        "share": Quantity(_within(median(mine[last])), Kind.RATIO),
        "first": Quantity(_within(median(mine[:3])), Kind.RATIO),
        "last": Quantity(_within(float(mine[-1])), Kind.RATIO),
        "highest": Quantity(_within(float(np.max(mine))), Kind.RATIO),
        "stood": Quantity(_longest(mine >= full), Kind.POINTS),
        "side": side,
        "other": Quantity(median(other[last]), Kind.RATIO),
        "literal": bool(known),
        "apart": bool(median(np.abs(means.fake - means.real)) >= apart * median(high)),
        "since": since(series.point(int(means.at[min(change, len(mine) - 1)]))),
    }
    evidence = {}
    for place in (0, int(np.argmax(mine)), len(mine) - 1):
        point = series.point(int(means.at[place]))
        evidence[point.index] = point.evidence(f"|mean({side})|/{bound:g} = {mine[place]:.2f} at this record")
    return Fact(fields, tuple(evidence.values()), series.first.place, (series.name,))


def _longest(hits: Flags) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hits, [False]]).astype(np.int8)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _stood_at(run: Run) -> float | None:
    """Return a round bound at which the generator loss or fake score stood for at least 3 records in a row, or None."""
    for role in ("generator_loss", "fake_score"):
        series = run.role(role)
        longest = series.tally.longest if series is not None else None
        if series is None or longest is None or longest.length < 3:
            continue
        at = np.flatnonzero((series.index >= longest.first) & (series.index <= longest.last))
        value = abs(float(series.values[at[0]])) if len(at) else 0.0
        unit = resolution_at(series, at)
        if unit is not None and unit > TOLERANCE * value:
            continue
        top = float(np.max(np.abs(series.values[np.isfinite(series.values)]), initial=0.0))
        if value >= 1 and value >= 0.999 * top and near_bound(series, at[:1], value).all() and is_round(value):
            return value
    return None


def _within(share: float) -> float:
    """No score is beyond its clamp: what is above comes from losses that were measured on different batches."""
    return min(share, 1.0)
