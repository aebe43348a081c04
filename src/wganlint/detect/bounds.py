"""Where a series sits at a bound: candidates, tolerance, and the record from which it stays there."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from wganlint import units
from wganlint.detect.window import finite
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, distinct, median

TOLERANCE = 1e-3  # of the bound: float32 scores at 1000 print as 1000.0000 or 1000.0048 beside a penalty of 0.0048
LOOKED = 30  # records at each end whose printed digits are looked at
STAY = 0.8  # share of records at the bound that the change point weighs against; rules have their own threshold


class Pin(Struct, frozen=True):
    """A series that stays near +-bound from an onset on.

    `at`: positions of kept points from the onset; `records`: how many records that is; `share`: of them near the bound;
    `literal`: the bound stands in the source or the settings; `round`: it is 1, 2 or 5 times a power of ten; `same`:
    share that prints the same text; `exact`: it does not only pass near the number: literal, or one text, or no spread
    beyond the last printed digit.
    """

    series: Series
    bound: float
    at: Ints
    onset: int
    records: int
    share: float
    literal: bool
    round: bool
    same: float
    exact: bool

    @property
    def from_start(self) -> bool:
        """Whether it was there from the first record."""
        return int(self.series.index[self.onset]) == 0


def score_bounds(run: Run) -> tuple[float, ...]:
    """Return the bounds that the source or the settings put on scores or losses, as positive numbers."""
    bounds: list[float] = []
    for clamp in run.source.clamps if run.source else ():
        if clamp.on in ("score", "loss"):
            bounds += [abs(b) for b in (clamp.low, clamp.high) if b is not None and np.isfinite(b)]
    bounds += [abs(s.number) for s in run.stated("score_bound") if s.number is not None]
    return tuple(dict.fromkeys(bound for bound in bounds if 0 < bound < np.inf))


def pin(run: Run, series: Series) -> Pin | None:
    """Return where a series stays at a bound, or None.

    Candidates: literals of the source, printed repeats, round numbers.

    The onset is the change point: the start of the stretch to the end whose share at the bound most exceeds `STAY`
    (the maximum of the reversed cumulative sum of b - STAY, Page 1954, doi:10.1093/biomet/41.1-2.100).
    """
    at = finite(series, series.sample())
    if len(at) < 3:
        return None
    literal = score_bounds(run)
    best: Pin | None = None
    for bound in _candidates(series, at, literal):
        found = _stay(series, at, bound, any(np.isclose(bound, known, rtol=1e-9) for known in literal))
        if found is not None and not (found.literal or found.round) and _one_record(run, series, found.at):
            continue
        if found is not None and (best is None or _rank(found) > _rank(best)):
            best = found
    return best


def _rank(found: Pin) -> tuple[bool, float, float]:
    return (found.literal, found.records * found.share, found.same)


def _candidates(series: Series, at: Ints, literal: tuple[float, ...]) -> list[float]:
    values = np.abs(series.values[at])
    tail = median(values[-max(3, len(values) // 10) :])
    bounds = [*literal, nearest_round(tail)]
    for text, count in sorted(series.tally.printed.items(), key=lambda item: -item[1])[:4]:
        number = _number(text)
        if number is not None and count >= 3:
            bounds.append(abs(number))
    return [bound for bound in dict.fromkeys(bounds) if bound > 0 and np.isfinite(bound)]


def nearest_round(value: float) -> float:
    """Return the nearest of 1, 2, 5 times a power of ten; 0 where there is none."""
    if not value > 0 or not np.isfinite(value):
        return 0.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(min((m * power for m in (1, 2, 5, 10)), key=lambda c: abs(c - value)))


def is_round(bound: float) -> bool:
    """Return whether a number is 1, 2 or 5 times a power of ten."""
    return bool(np.isclose(bound, nearest_round(bound), rtol=1e-9))


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "").replace("_", ""))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def near_bound(series: Series, at: Ints, bound: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which values have the bound's size, within max(0.1 %, 4 float32 steps)."""
    values = np.abs(series.values[at])
    slack = max(TOLERANCE * bound, 4 * float(np.spacing(np.float32(bound))))
    return np.asarray(np.abs(values - bound) <= slack)


def _stay(series: Series, at: Ints, bound: float, literal: bool) -> Pin | None:
    hit = near_bound(series, at, bound)
    gain = np.cumsum((hit - STAY)[::-1])[::-1]
    starts = np.flatnonzero(hit)
    if not len(starts):
        return None
    start = int(starts[np.argmax(gain[starts])])
    if gain[start] <= 0:
        return None
    stretch, inside = at[start:], at[start:][hit[start:]]
    texts = [series.texts[i] for i in stretch.tolist()]
    unit = resolution_at(series, inside)
    if unit is not None and unit > TOLERANCE * bound:
        return None  # printed too coarsely to tell a bound from a value near it
    same = max(texts.count(text) for text in set(texts[:3] + texts[-3:])) / len(texts)
    exact = literal or same >= STAY or is_tight(np.abs(series.values[inside]), bound, unit)
    if not literal and not is_round(bound) and same < STAY:
        return None  # a bound that is neither in the source nor round shows by repeating one text
    seldom = not is_round(bound) or series.kind == "redraw"  # a bar shows a value until the next is computed
    if not literal and seldom and repeats_before(series, stretch) * 3 >= len(stretch):
        return None  # this log repeats a value until it is computed again
    records = _records(series, stretch)
    share = float(np.mean(hit[start:]))
    return Pin(series, bound, stretch, int(stretch[0]), records, share, literal, is_round(bound), same, exact)


def _records(series: Series, stretch: Ints) -> int:
    """Return how many records a stretch to the end has; lines of one step, as several processes print them, are one."""
    steps = series.steps[stretch]
    if not series.folded and bool(np.isfinite(steps).all()):
        return distinct(steps)
    return int(series.tally.count - series.index[stretch[0]])


def _one_record(run: Run, series: Series, at: Ints) -> bool:
    """Whether nothing tells these records apart: no step, and nothing on their lines moves. Processes of one job that
    print the same epoch look like that."""
    if np.isfinite(series.steps[at]).any():
        return False
    beside = [other for other in run.series if other.form == series.form and other.same_records(series)]
    return all(len({other.texts[i] for i in at.tolist()}) == 1 for other in beside)


def repeats_before(series: Series, at: Ints) -> int:
    """Return the longest stretch of one text before the points `at`, of a text that they do not print."""
    end, now = int(at[0]), {series.texts[i] for i in at.tolist()}
    longest = length = 0
    for place in range(end):
        same = place > 0 and series.texts[place] == series.texts[place - 1]
        length = 0 if series.texts[place] in now else length + 1 if same else 1
        longest = max(longest, length)
    return longest if longest > 1 else 0


def resolution_at(series: Series, at: Ints) -> float | None:
    """Return what one printed unit is worth, the coarsest of the first and last few points; None if none is printed."""
    if series.kind == "events" or series.decimals is None:
        return None
    texts = {series.texts[i] for i in [*at[:LOOKED].tolist(), *at[-LOOKED:].tolist()]}
    told = [unit for text in texts if (unit := units.resolution(text)) is not None]
    return max(told, default=None)


def is_tight(sizes: Floats, bound: float, unit: float | None) -> bool:
    """Whether values sit on one number: most lie within 1.5 printed units, or 4 float32 steps, of their median."""
    if not len(sizes):
        return False
    slack = max(1.5 * (unit or 0.0), 4 * float(np.spacing(np.float32(bound))))
    return float(np.mean(np.abs(sizes - median(sizes)) <= slack)) >= STAY
