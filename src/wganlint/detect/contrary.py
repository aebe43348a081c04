"""Detectors on what two networks of one game cannot both have: small losses on the same fakes, fakes that run away."""

from __future__ import annotations

import numpy as np

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.scores import Rows, rows
from wganlint.detect.statistics import ranks
from wganlint.detect.window import finite
from wganlint.evidence import Evidence, derived
from wganlint.run import Run, Series
from wganlint.series import Flags, Floats, median
from wganlint.units import Kind, Quantity

FEW = 8
EQUAL = float(2 * np.log(2))  # the least of -log(1 - p) - log(p), at p = 1/2
TOLD = 0.5  # of the bound: averages over other batches and half losses stay above it
ALIKE = 0.5
FIRST = 0.35  # of log 2 at chance: a generator loss that starts below is scaled by a weight
BOTH = "the losses of critic and generator on the same records"


@detector(
    fields={
        "critic": Kind.TEXT, "generator": Kind.TEXT, "critic_loss": Kind.NUMBER, "generator_loss": Kind.NUMBER,
        "share": Kind.RATIO, "records": Kind.POINTS, "form": Kind.TEXT,
    },
)  # fmt: skip
def contrary_losses(run: Run) -> Found:
    """Losses that critic and generator cannot both have on the same fakes, over the last third of the records.

    With p = D(fake) a cross-entropy gives the critic -log(1 - p) and the generator -log(p), which add up to 2 log 2 or
    more; least squares give p^2 and (p - 1)^2, whose roots add up to 1 or more; a hinge critic with a loss below 1/4
    scores fakes below 0, so that -D(fake) is above 0, and log(1 - p) above -1/2. A critic's loss counts twice, as
    halves may be averaged; below half of these bounds counts. Penalties and side losses only add. A generator loss may
    be scaled by a weight: it must start near its value at chance, or rise with what the critic sees of the fakes (their
    score under a critic that scores reals higher, or their half of its loss; rank correlation). share: of the records.
    """
    if run.family.name not in ("bce", "lsgan", "hinge", "not-wasserstein"):
        return Missing("a loss family that is not Wasserstein's") if run.family.name == "unknown" else ABSENT
    half = "critic_loss_fake" if run.role("critic_loss_fake") is not None else "critic_loss"
    both = rows(run, "generator_loss", half)
    theirs, ours = run.role("generator_loss"), run.role(half)
    if both is None or theirs is None or ours is None or len(both) < 3 * FEW:
        return Missing(BOTH)
    g, c = both.values["generator_loss"], both.values[half]
    if float(c.min()) < 0:
        return ABSENT  # no loss of these families
    end = slice(-(len(g) // 3), None)
    form, hit = _impossible(run.family.name, g, c, _rises_along(run))
    share = float(np.mean(hit[end]))
    fields: dict[str, Quantity | bool | str] = {
        "critic": ours.key,
        "generator": theirs.key,
        "critic_loss": ours.quantity(median(c[end])),
        "generator_loss": theirs.quantity(median(g[end])),
        "share": Quantity(share, Kind.RATIO),
        "records": Quantity(len(g[end]), Kind.POINTS),
        "form": form,
    }
    if share == 0:
        return ABSENT
    return Fact(fields, _quotes(theirs, ours, both, hit), theirs.last.place, (theirs.name, ours.name))


def _rises_along(run: Run) -> bool:
    """Whether the generator's loss rises with the fakes' score or half loss, where a sound one falls."""
    means = rows(run, "generator_loss", "fake_score", "real_score")
    if means is not None and len(means) >= FEW:
        g, f, r = (means.values[role] for role in ("generator_loss", "fake_score", "real_score"))
        return median(r - f) > 0 and _alike(g, f) >= ALIKE
    halves = rows(run, "generator_loss", "critic_loss_fake")
    if halves is None or len(halves) < FEW:
        return False
    return _alike(halves.values["generator_loss"], halves.values["critic_loss_fake"]) >= ALIKE


def _alike(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation; 0 where one does not vary."""
    a, b = ranks(first), ranks(second)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _impossible(family: str, g: Floats, c: Floats, along: bool) -> tuple[str, Flags]:
    """Return what cannot hold, in words, and the records on which it does."""
    negative = (c < 0.25) & (g < (0.0 if family == "hinge" else -1.0))
    if family == "hinge" or float(g.min()) < -1e-6:
        formula = "a critic that is right about fakes scores them below 0: -D(fake) > 0"
        if family != "hinge":
            formula = "log(1 - D(fake)) >= -2 * the critic's loss"
        return formula, negative
    entropy = (2 * c + g < TOLD * EQUAL) & (along or median(g[:3]) >= FIRST)
    squares = (2 * np.sqrt(c) + np.sqrt(2 * np.maximum(g, 0)) < TOLD) & (along or median(g[:3]) >= 0.1)
    if family == "bce":
        return "-log(1 - p) - log(p) >= 2 log 2 for every p = D(fake)", entropy
    if family == "lsgan":
        return "|p| + |p - 1| >= 1 for every p = D(fake)", squares
    return "no score of the fakes pleases both", entropy & squares


def _quotes(theirs: Series, ours: Series, both: Rows, hit: Flags) -> tuple[Evidence, ...]:
    point = theirs.point(int(both.at[np.flatnonzero(hit)[-1]]))
    shown = [point.evidence(f"{theirs.key} here")]
    if ours.last.place != point.place:
        shown.append(ours.last.evidence(f"{ours.key} at the end"))
    return tuple(shown)


@detector(
    fields={
        "fake": Kind.TEXT, "real": Kind.TEXT, "first": Kind.NUMBER, "last": Kind.NUMBER, "real_last": Kind.NUMBER,
        "grown": Kind.FACTOR, "over_real": Kind.FACTOR, "real_grown": Kind.FACTOR, "critic": Kind.TEXT,
        "pleased": Kind.FLAG, "records": Kind.POINTS, "rising": Kind.RATIO,
    },
)  # fmt: skip
def fakes_away(run: Run) -> Found:
    """The score of fakes runs away while that of reals stays, in the direction that the critic's loss wants.

    A critic that explodes takes both sides along; here its answer to real data keeps its size, so what runs away are
    the fakes. grown: median |fake| of the last tenth (at least 3 records) over that of the first; over_real: over
    |real| + 1 at the end; real_grown: the same growth of the reals (of |real| + 1); rising: share of tenths of the run
    in which |fake| grew; pleased: the critic's loss ends lower than it began, or at most at 0.25.
    """
    fake, real = run.role("fake_score"), run.role("real_score")
    if fake is None or real is None:
        fake, real = run.role("critic_loss_fake"), run.role("critic_loss_real")
    if fake is None or real is None:
        return Missing("the critic's scores of fakes and reals")
    f, r = _sizes(fake), _sizes(real)
    if len(f) < 3 * FEW or len(r) < 3 * FEW:
        return Missing(f"{3 * FEW} records of both scores")
    (first, last), (real_first, real_last) = _ends(f), _ends(r)
    parts = [median(part) for part in np.array_split(f, 10)]
    critic = run.role("critic_loss")
    c = critic.values[finite(critic, critic.sample())] if critic is not None else np.array([])
    tail = max(3, len(c) // 10)
    pleased = bool(len(c) and (median(c[-tail:]) < median(c[:tail]) or median(c[-tail:]) <= 0.25))
    halves = fake.name == getattr(run.role("critic_loss_fake"), "name", None)
    fields: dict[str, Quantity | bool | str] = {
        "fake": fake.key,
        "real": real.key,
        "first": fake.quantity(first),
        "last": fake.quantity(last),
        "real_last": real.quantity(real_last),
        "grown": Quantity(last / first if first > 0 else float("inf"), Kind.FACTOR),
        "over_real": Quantity(last / (real_last + 1), Kind.FACTOR),
        "real_grown": Quantity((real_last + 1) / (real_first + 1), Kind.FACTOR),
        "critic": critic.key if critic is not None else "",
        "pleased": pleased or (critic is None and not halves and _low_halves(run)),
        "records": Quantity(len(f), Kind.POINTS),
        "rising": Quantity(float(np.mean(np.diff(parts) > 0)), Kind.RATIO),
    }
    shown = [fake.last.evidence(f"{fake.key} at the end")]
    if real.last.place != fake.last.place:
        shown.append(real.last.evidence(f"{real.key} at the end"))
    shown.append(derived(f"|{fake.key}| / (|{real.key}| + 1) = {last:.3g} / {real_last + 1:.3g}", "medians at the end"))
    return Fact(fields, tuple(shown), fake.last.place, (fake.name, real.name))


def _low_halves(run: Run) -> bool:
    """Whether the half of the critic's loss that fakes give is small, where only halves are logged."""
    half = run.role("critic_loss_fake")
    return half is not None and median(_sizes(half)[-FEW:]) <= 0.25


def _sizes(series: Series) -> Floats:
    return np.abs(series.values[finite(series, series.sample())])


def _ends(sizes: Floats) -> tuple[float, float]:
    count = max(3, len(sizes) // 10)
    return median(sizes[:count]), median(sizes[-count:])
