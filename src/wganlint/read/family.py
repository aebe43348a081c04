"""The sign convention and the loss family of a run, each inferred with its reason; part of `read/roles`."""

from __future__ import annotations

import numpy as np

from wganlint.align import align
from wganlint.evidence import Standing, derived
from wganlint.read.games import of_numbers, stated
from wganlint.run import Convention, Family, Run, Series
from wganlint.series import Floats, median

FEW = 3  # fewest common records to compare two series


def common(a: Series, b: Series) -> tuple[Floats, Floats]:
    """Return the values of two series at the records that both carry, where both are finite."""
    at, (there,) = align(a, [b], np.arange(len(a.values)))
    both = np.isfinite(a.values[at]) & np.isfinite(b.values[there])
    return a.values[at][both], b.values[there][both]


def convention(run: Run) -> Convention:
    """Return the sign convention of the critic's loss.

    Canonical (+1, arXiv:1704.00028): minimized c = E[D(fake)] - E[D(real)] + P and g = -E[D(fake)]. Mirrored (-1,
    martinarjovsky/WassersteinGAN): both with the other sign. Told by the source, else by logged scores, else assumed.
    """
    return _from_source(run) or _from_scores(run) or _assumed(run)


def _from_source(run: Run) -> Convention | None:
    if run.source is None:
        return None
    for part, sign_of in (("critic", 1), ("generator", -1)):
        signs = {loss.fake_sign * sign_of for loss in run.source.losses if loss.part == part and loss.fake_sign}
        if len(signs) == 1:
            loss = next(loss for loss in run.source.losses if loss.part == part and loss.fake_sign)
            sign = signs.pop()
            return Convention(
                sign, Standing.OBSERVED, f"the {part} loss in the source", (loss.evidence("sign convention"),)
            )
    return None


def _from_scores(run: Run) -> Convention | None:
    fake, generator = run.role("fake_score"), run.role("generator_loss")
    if fake is None or generator is None:
        return None
    f, g = common(fake, generator)
    if len(f) < FEW or float(np.ptp(f)) == 0:
        return None
    scale = median(np.abs(f)) or 1.0
    minus, plus = (median(np.abs(g + sign * f)) for sign in (1, -1))
    if min(minus, plus) > 0.2 * scale or max(minus, plus) < 3 * min(minus, plus):
        return None
    sign = 1 if minus < plus else -1
    near = f"within {min(minus, plus):.2g} (median over {len(f)} records)"
    formula = f"{generator.key} is {'-' if sign > 0 else '+'}{fake.key} {near}"
    return Convention(sign, Standing.DERIVED, "logged scores against the generator loss", (derived(formula),))


def _assumed(run: Run) -> Convention:
    critic, gap = run.role("critic_loss"), run.role("gap")
    if critic is not None and gap is not None:
        c, w = common(critic, gap)
        spread = median(np.abs(c)) if len(c) >= FEW else 0.0
        if spread > 0:
            same = float(np.mean(np.sign(c) == np.sign(w)))
            if same < 0.2:
                return Convention(1, Standing.ASSUMED, f"{critic.key} has the sign of -{gap.key}, as in the usual form")
    return Convention(1, Standing.ASSUMED, "the usual form; no source and no scores that would tell")


def family(run: Run) -> Family:
    """Return the loss family, from the source's formulas, else from what is logged."""
    return _family_from_source(run) or stated(run) or of_numbers(run)


def _family_from_source(run: Run) -> Family | None:
    if run.source is None:
        return None
    named = [loss for loss in run.source.losses if loss.family not in ("", "labels")]
    families = {loss.family for loss in named}
    if {loss.family for loss in named if loss.part == "critic"} == {"hinge"}:
        families -= {"wgan"}  # the generator's -mean(D(fake)) belongs to both
    if len(families) != 1:
        return None
    name = families.pop()
    evidence = tuple(loss.evidence("loss formula") for loss in named[:2])
    if name == "wgan":
        if run.source.penalties or any(loss.penalty for loss in named):
            return Family(
                "wgan-gp",
                Standing.OBSERVED,
                "mean-score losses and a gradient penalty in the source",
                evidence,
            )
        if run.source.clips:
            return Family(
                "wgan-clip",
                Standing.OBSERVED,
                "mean-score losses and weight clipping in the source",
                evidence,
            )
        return Family("wgan", Standing.OBSERVED, "mean-score losses in the source", evidence)
    return Family(name, Standing.OBSERVED, "the loss formula in the source", evidence)
