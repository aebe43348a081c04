"""Log losses at the floor of floating point, and answers that print as exactly 0 or 1."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from wganlint.detect.bounds import resolution_at
from wganlint.detect.duel import common
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import RECORDS
from wganlint.detect.words import since
from wganlint.floors import FLOORS, NEAR, at_floor
from wganlint.run import Run, Series
from wganlint.series import Flags, Floats, Ints, median
from wganlint.units import Kind, Quantity

LOSSES = ("critic_loss", "critic_loss_real", "critic_loss_fake", "generator_loss")
SMOOTH = 0.9  # labels of reals smoothed to it: a loss of 0.9 * floor (arXiv:1606.03498)
FINE = 3  # digits after the point from which 1.000 says something
SURE = 1e-6  # from 0 or 1: where float32 answers end to differ from them


class Stand(Struct, frozen=True):
    """Records of a series that stand at a floor: `part` of `floor`, clipped by `what`."""

    series: Series
    at: Ints
    hit: Flags
    values: Floats
    what: str
    floor: float
    part: float


@detector(
    fields={
        "by": Kind.TEXT, "name": Kind.TEXT, "value": Kind.TEXT, "what": Kind.TEXT, "floor": Kind.NUMBER,
        "part": Kind.TEXT,
        "records": Kind.POINTS, "every": Kind.POINTS, "share": Kind.RATIO, "recent": Kind.FLAG,
        "ends": Kind.FLAG, "since": Kind.TEXT,
        "step": Kind.STEPS, "mixed": Kind.RATIO, "whose": Kind.TEXT, "other": Kind.TEXT, "other_value": Kind.NUMBER,
    },
    parameters={
        "hits": Parameter(int, None, "fewest records at the floor ..."),
        "of": Parameter(int, None, "... among so many in a row"),
        "least": Parameter(float, None, "share of records at which both answers are exactly 0 or 1"),
    },
)  # fmt: skip
def log_floor(run: Run, hits: int, of: int, least: float) -> Found:
    """A loss at -ln(eps), the largest that a clipped logarithm gives, or D(x) and D(G(z)) that print as 0 or 1.

    Floors: `wganlint.floors`; a half of one is the mean of two sides of which one is there, 0.9 of one the loss of a
    smoothed label. by: "loss" or "answers"; value as printed; records at the floor among every; recent: the last `of`
    records hold enough of them too; step: the last step at which they do, counted from the run's first; mixed: median
    of the loss as a share of the floor, which is the share of samples at it if the others cost little; whose:
    "critic", "real", "fake" (a half of its loss) or "generator"; ends: the last record is at it.
    """
    losses = {role: s for pair in run.pairs for role in LOSSES if (s := run.played(pair, role)) is not None}
    answers = _answers(run, least, hits)
    stands = [stand for s in losses.values() for stand in _stands(s) if _held(stand.hit, hits, of).any()]
    if not stands:
        return answers if answers is not None else ABSENT if losses else Missing("a loss of the discriminator")
    stand = max(stands, key=lambda one: (int(one.hit.sum()), one.part))
    series = stand.series
    held = _held(stand.hit, hits, of)
    start, end = int(np.argmax(held)), int(np.flatnonzero(stand.hit)[-1])
    first = max(0, start - of + 1) + int(np.argmax(stand.hit[max(0, start - of + 1) :]))
    point, last = series.point(int(stand.at[first])), series.point(int(stand.at[end]))
    role = next(r for r, s in losses.items() if s is series)
    mine = role == "generator_loss"
    other = next((s for r, s in losses.items() if (r == "generator_loss") != mine), None)
    axis = series.axis()
    fields: dict[str, Quantity | bool | str] = {
        "by": "loss",
        "name": series.key,
        "value": point.text,
        "what": stand.what,
        "floor": Quantity(stand.floor, Kind.NUMBER, 0 if stand.floor == 100 else 3),
        "part": {1.0: "", 0.5: "half of ", SMOOTH: "for a label smoothed, the larger part of "}[stand.part],
        "records": Quantity(int(stand.hit.sum()), Kind.POINTS),
        "every": Quantity(len(stand.hit), Kind.POINTS),
        "share": Quantity(float(np.mean(stand.hit)), Kind.RATIO),
        "recent": bool(held[-1]),
        "ends": bool(stand.hit[-1]),
        "since": since(point),
        "step": Quantity(float(axis[stand.at[end]] - axis[stand.at[0]]), Kind.STEPS),
        "mixed": Quantity(min(1.0, median(stand.values[-RECORDS:]) / (stand.part * stand.floor)), Kind.RATIO),
        "whose": role.replace("critic_loss_", "").replace("_loss", ""),
        "other": other.key if other is not None else "",
        "other_value": other.quantity(other.last.value) if other is not None else Quantity(0.0),
    }
    evidence = (point.evidence(f"{series.key} at {stand.what}"), last.evidence("the last of them"))
    return Fact(fields, evidence, point.place, (series.name,))


def _held(hit: Flags, hits: int, of: int) -> Flags:
    """Tell for each record whether `hits` of the `of` records up to it are at the floor."""
    total = np.concatenate([[0], np.cumsum(hit)])
    ends = np.arange(1, len(hit) + 1)
    return np.asarray(total[ends] - total[np.maximum(0, ends - of)] >= min(hits, of))


def _stands(series: Series) -> list[Stand]:
    at, (values,) = common(series)
    unit = resolution_at(series, at) if len(at) else None
    found: list[Stand] = []
    for part in (1.0, 0.5, SMOOTH):
        for what, floor in FLOORS.items():
            near = at_floor(values, part * floor) > 0
            coarse = unit is not None and unit > 2 * NEAR * part * floor
            if near.any() and not coarse and float(np.median(values[near])) > 1:
                found.append(Stand(series, at, near, values, what, floor, part))
    return found


def _decimals(series: Series) -> int:
    """Return the digits after the point that a series prints at most (`1.0` beside `0.99999` is exact)."""
    return 17 if series.kind == "events" or series.decimals is None else series.decimals


def _answers(run: Run, least: float, hits: int) -> Fact | None:
    """D(x) and D(G(z)) that print as exactly 0 or 1, both, over the last max(20, 10 %) records."""
    for pair in run.pairs:
        real, fake = run.played(pair, "real_score"), run.played(pair, "fake_score")
        if real is None or fake is None:
            continue
        at, (r, f) = common(real, fake)
        known = np.concatenate([r, f])
        if len(at) < hits or bool((known < 0).any()) or bool((known > 1).any()):
            continue
        if min(_decimals(real), _decimals(fake)) < FINE:
            continue
        slack = max(SURE, *(0.5 * 10.0 ** -_decimals(s) for s in (real, fake)))
        hit = (np.minimum(r, 1 - r) <= slack) & (np.minimum(f, 1 - f) <= slack)
        window = max(RECORDS, len(hit) // 10)
        if int(hit.sum()) < hits or float(np.mean(hit[-window:])) < least:
            continue
        point = real.point(int(at[int(np.argmax(hit))]))
        fields: dict[str, Quantity | bool | str] = {
            "by": "answers",
            "name": real.key,
            "value": real.last.text,
            "what": "",
            "floor": Quantity(0.0),
            "part": "",
            "records": Quantity(int(hit.sum()), Kind.POINTS),
            "every": Quantity(len(hit), Kind.POINTS),
            "share": Quantity(float(np.mean(hit)), Kind.RATIO),
            "recent": True,
            "ends": bool(hit[-1]),
            "since": since(point),
            "step": Quantity(float(np.ptp(real.axis()[at])), Kind.STEPS),
            "mixed": Quantity(1.0, Kind.RATIO),
            "whose": "",
            "other": fake.key,
            "other_value": fake.quantity(fake.last.value),
        }
        return Fact(fields, (point.evidence("from here on"), real.last.evidence("at the last record")), point.place,
                    (real.name, fake.name))  # fmt: skip
    return None
