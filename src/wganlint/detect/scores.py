"""The arithmetic that an expert does on two losses and a gap; shared by the detectors that read scores.

With convention s (+1: c = s*(f - r) + P and g = -s*f are minimized; f, r mean scores of fakes and reals, P the weighted
penalty >= 0, w = r - f the gap): f = -s*g, s*r - P = -(g + c), r = f + w, P = c + s*w. (From arXiv:1704.00028, eq. 3.)
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint.align import align
from wganlint.detect.bounds import STAY, Pin, pin, resolution_at
from wganlint.detect.window import finite, window
from wganlint.run import Run, Series
from wganlint.series import Flags, Floats, Ints

PLAYERS = ("generator_loss", "critic_loss", "fake_score", "real_score", "gap")
LOSSES = "a critic or generator loss"


class Rows(Struct, frozen=True):
    """Values of several roles at the records that all of them share; `at` are positions in the first one's series."""

    values: dict[str, Floats]
    at: Ints
    resolution: float | None  # what one printed unit of the coarsest of them is worth

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
    at, places = align(first, others, at)
    columns = {role: o.values[there] for role, o, there in zip(roles, others, places, strict=True)}
    known = np.logical_and.reduce([np.isfinite(column) for column in columns.values()])
    return Rows({role: column[known] for role, column in columns.items()}, at[known], _coarsest(others, places, known))


def _coarsest(series: list[Series], places: list[Ints], known: Flags) -> float | None:
    """Return the size of one unit in the last printed digit, of the series that is printed most coarsely."""
    told = [resolution_at(one, there[known]) for one, there in zip(series, places, strict=True)]
    return (
        None if any(unit is None for unit in told) else max((unit for unit in told if unit is not None), default=None)
    )


def pins(run: Run) -> dict[str, Pin]:
    """Return the losses, scores and gap that stay at a bound, by role; none where no number stands there exactly.

    A loss of the critic may pass near a round number for a while. It counts beside a series that does not move, or
    where the mean score that it carries by the arithmetic of this module does not.
    """
    found = {role: pin(run, s) for role in PLAYERS if (s := run.role(role)) is not None}
    near = {role: p for role, p in found.items() if p is not None}
    if any(p.exact for p in near.values()):
        return near
    means = mean_scores(run)
    if means is None:
        return {}
    for role, one in near.items():
        recent = means.series.index[means.at] >= one.series.index[one.onset]
        for score in (means.fake[recent], means.real[recent]):
            sizes = np.abs(score)
            slack = 1.5 * (means.resolution or 0.0) + 4 * float(np.spacing(np.float32(one.bound)))
            if len(sizes) >= 3 and float(np.mean(np.abs(sizes - one.bound) <= slack)) >= STAY:
                return {role: replace(one, exact=True)} | {r: p for r, p in near.items() if r != role}
    return {}


class Means(Struct, frozen=True):
    """Mean scores f of the fakes and r of the reals, record by record.

    `by` says how: "scores" (both logged), "gap" (r = f + gap) or "loss" (r less the penalty); `index`: record numbers
    in `series`, which carries f or what f comes from; `real_series`: what r comes from.
    """

    fake: Floats
    real: Floats
    by: str
    series: Series
    real_series: Series
    at: Ints
    resolution: float | None


def mean_scores(run: Run) -> Means | None:
    """Return the mean scores by the most direct way that the log allows, or None."""
    sign = run.convention.sign or 1
    for by, mine, other in (
        ("scores", "fake_score", "real_score"),
        ("gap", "generator_loss", "gap"),
        ("loss", "generator_loss", "critic_loss"),
    ):
        both, series, beside = rows(run, mine, other), run.role(mine), run.role(other)
        if both is None or series is None or beside is None or not len(both):
            continue
        a, b = both.values[mine], both.values[other]
        fake = a if by == "scores" else -sign * a
        real = {"scores": b, "gap": fake + b, "loss": -sign * (a + b)}[by]
        return Means(fake, real, by, series, beside, both.at, both.resolution)
    return None


def penalty_weight(run: Run) -> float | None:
    """Return the weight of the penalty: as the log states it, as a series echoes it, or as the source defaults it."""
    stated = run.number("penalty_weight")
    if stated is not None and stated.number is not None and stated.origin != "default":
        return stated.number
    role = run.role("penalty_weight")
    if role is not None:
        return role.last.value
    return stated.number if stated is not None else None
