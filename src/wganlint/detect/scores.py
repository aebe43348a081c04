"""The arithmetic that an expert does on two losses and a gap; shared by the detectors that read scores.

With convention s (+1: c = s*(f - r) + P and g = -s*f are minimized; f, r mean scores of fakes and reals, P the weighted
penalty >= 0, w = r - f the gap): f = -s*g, s*r - P = -(g + c), r = f + w, P = c + s*w. (From arXiv:1704.00028, eq. 3.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wganlint.detect.bounds import Pin, pin
from wganlint.detect.window import finite, window
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints

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
    keep = dict(zip(_keys(first, at, first), at.tolist(), strict=True))
    columns: dict[str, dict[tuple[float, ...], float]] = {}
    for role, other in zip(roles, others, strict=True):
        every = finite(other, np.arange(len(other.values)))
        columns[role] = dict(zip(_keys(other, every, first), other.values[every].tolist(), strict=True))
    shared = [key for key in keep if all(key in column for column in columns.values())]
    values = {role: np.array([column[key] for key in shared], dtype=np.float64) for role, column in columns.items()}
    return Rows(values, np.array([keep[key] for key in shared], dtype=np.int64), decimals)


def _keys(series: Series, at: Ints, like: Series) -> list[tuple[float, ...]]:
    if series.form == like.form and series.files == like.files:
        return [
            (float(a), float(b)) for a, b in zip(series.file_of[at].tolist(), series.lines[at].tolist(), strict=True)
        ]
    return [(float(step),) for step in series.axis()[at].tolist()]


def pins(run: Run) -> dict[str, Pin]:
    """Return the losses, scores and gap that stay at a bound, by role."""
    found = {role: pin(run, s) for role in PLAYERS if (s := run.role(role)) is not None}
    return {role: p for role, p in found.items() if p is not None}


def mean_scores(run: Run) -> tuple[Floats, Floats, Ints, Series] | None:
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


def penalty_weight(run: Run) -> float | None:
    """Return the weight of the penalty: as the log states it, as a series echoes it, or as the source defaults it."""
    stated = run.number("penalty_weight")
    if stated is not None and stated.number is not None and stated.origin != "default":
        return stated.number
    role = run.role("penalty_weight")
    if role is not None:
        return role.last.value
    return stated.number if stated is not None else None
