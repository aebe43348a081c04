"""The sign convention and the loss family of a run, each inferred with its reason; part of `read/roles`."""

from __future__ import annotations

import numpy as np

from wganlint.align import align
from wganlint.evidence import Evidence, Standing, derived
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
    return _family_from_source(run) or _family_from_log(run)


def _family_from_source(run: Run) -> Family | None:
    if run.source is None:
        return None
    named = [loss for loss in run.source.losses if loss.family]
    families = {loss.family for loss in named}
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


def _family_from_log(run: Run) -> Family:
    critic, generator, gap = run.role("critic_loss"), run.role("generator_loss"), run.role("gap")
    penalty = run.role("penalty")
    weight = next((s for s in run.settings if s.meaning == "penalty_weight" and s.number), None)
    clip = next((s for s in run.settings if s.meaning == "weight_clip" and s.number), None)
    reasons: list[str] = []
    evidence: list[Evidence] = []
    if gap is not None and critic is not None:
        reasons.append(f"a Wasserstein gap is logged ({gap.key})")
        evidence.append(gap.first.evidence("the gap"))
    negative = _first_negative(critic)
    if negative is not None and critic is not None:
        reasons.append(f"{critic.key} is negative, which BCE, hinge and least squares cannot be")
        evidence.append(critic.point(negative).evidence("negative"))
    elif critic is not None and generator is not None and _mean_score(critic, generator):
        reasons.append(
            f"{generator.key} is negative and {critic.key} + {generator.key} is less than a hinge loss allows"
        )
        evidence.append(generator.first.evidence("negative"))
    if not reasons:
        return _other(run)
    if penalty is not None or weight is not None or run.role("penalty_weight") is not None:
        if weight is not None:
            evidence.append(weight.evidence("penalty weight"))
        return Family(
            "wgan-gp", Standing.DERIVED, f"{'; '.join(reasons)}; a gradient penalty is named", tuple(evidence)
        )
    if clip is not None:
        return Family("wgan-clip", Standing.DERIVED, f"{'; '.join(reasons)}; weight clipping is named", tuple(evidence))
    return Family("wgan", Standing.DERIVED, "; ".join(reasons), tuple(evidence))


def _first_negative(series: Series | None) -> int | None:
    if series is None:
        return None
    below = np.flatnonzero(series.values < 0)
    return int(below[0]) if len(below) else None


def _mean_score(critic: Series, generator: Series) -> bool:
    """Whether a critic loss that is never negative beside a negative generator loss is no hinge loss.

    A hinge loss is at least 1 + mean(fake) = 1 - g where mean(fake) > -1 (arXiv:1802.05957, eq. 16), so c + g >= 1.
    """
    c, g = common(critic, generator)
    below = g < 0
    return bool(below.any()) and median((c + g)[below]) < 0.9


def _other(run: Run) -> Family:
    real, fake, critic = run.role("real_score"), run.role("fake_score"), run.role("critic_loss")
    if real is not None and fake is not None:
        values = np.concatenate([real.values, fake.values])
        if len(values) and bool((values >= 0).all()) and bool((values <= 1).all()):
            return Family(
                "bce",
                Standing.DERIVED,
                f"{real.key} and {fake.key} are probabilities",
                (real.first.evidence(),),
            )
    if critic is None:
        return Family("unknown", Standing.ASSUMED, "no critic loss is logged")
    return Family("unknown", Standing.ASSUMED, f"{critic.key} is never negative and nothing else tells the loss")
