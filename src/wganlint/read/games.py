"""The loss family as an input states it, or as the numbers of the game give it away; part of read/family.

Where the numbers exclude a mean-score (Wasserstein) loss without saying which other it is, it is "not-wasserstein".
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from wganlint import units
from wganlint.align import align
from wganlint.evidence import Evidence, Standing
from wganlint.floors import floor_of
from wganlint.run import Family, Pair, Run, Series
from wganlint.series import Floats, median

FEW = 3  # fewest common records to compare two series
HALVES = 10  # the same, of both halves of a loss
MANY = 20  # fewest records before a sign that never shows says something
LARGE = 50.0  # above every hinge loss of a run that trains
TINY = 1e-4  # a loss formed with log(p + eps) may be so far below 0
_KINDS = (  # first that a stated name of the loss holds
    ("wgan-gp", ("wgangp", "wgan-gp", "wgan_gp", "wgan gp")),
    ("wgan", ("wgan", "wasserstein")),
    ("hinge", ("hinge",)),
    ("lsgan", ("lsgan", "least", "mse", "ls")),
    ("bce", ("vanilla", "bce", "dcgan", "nsgan", "non-saturating", "nonsaturating", "non_saturating", "logistic",
             "cross", "standard", "softplus", "gan")),
)  # fmt: skip
_WORDS = ("wgan", "wass", "critic", "crit")  # names that speak of a mean-score loss


class Clue(Struct, frozen=True):
    """What tells a family: its name, the reason and what shows it."""

    family: str
    why: str
    evidence: tuple[Evidence, ...] = ()


def stated(run: Run) -> Family | None:
    """Return the family that a setting names (`gan_mode: lsgan`), or None."""
    for setting in run.latest("adversarial_loss"):
        value = setting.value.strip(" '\"[]").lower().split(" ")[0]
        for name, words in _KINDS:
            if value in words or (len(value) > 4 and any(len(w) > 4 and w in value for w in words)):
                return Family(name, Standing.OBSERVED, f"{setting.name} is stated as {value}", (setting.evidence(),))
    return None


def of_numbers(run: Run) -> Family:
    """Return the family that the numbers of the log exclude or allow.

    A negative loss of the critic, or one that is the difference of its halves, is a mean-score loss; probabilities,
    known values of an uninformed discriminator and inequalities tell the others.
    """
    games = [*run.pairs] or [Pair("", {})]
    clues = [clue for pair in games if (clue := _wasserstein(run, pair)) is not None]
    if clues:
        return _mean_score_family(run, clues)
    for pair in games:
        clue = _probabilities(run, pair) or _other(run, pair)
        if clue is not None:
            return Family(clue.family, Standing.DERIVED, clue.why, clue.evidence)
    first = next((s for pair in games if (s := _critic(run, pair)) is not None), None)
    if first is None:
        return Family("unknown", Standing.ASSUMED, "no critic loss is logged")
    return Family("unknown", Standing.ASSUMED, f"{first.key} is never negative and nothing else tells the loss")


def _critic(run: Run, pair: Pair) -> Series | None:
    return next(
        (s for r in ("critic_loss", "critic_loss_fake", "critic_loss_real") if (s := run.played(pair, r)) is not None),
        None,
    )


def _common(*series: Series) -> list[Floats]:
    at, places = align(series[0], series[1:], np.arange(len(series[0].values)))
    columns = [series[0].values[at], *(s.values[there] for s, there in zip(series[1:], places, strict=True))]
    known = np.logical_and.reduce([np.isfinite(column) for column in columns])
    return [column[known] for column in columns]


# -- mean-score losses


def _wasserstein(run: Run, pair: Pair) -> Clue | None:
    critic, generator = run.played(pair, "critic_loss"), run.played(pair, "generator_loss")
    gap = run.played(pair, "gap")
    reasons: list[str] = []
    evidence: list[Evidence] = []
    if gap is not None and critic is not None:
        reasons.append(f"a Wasserstein gap is logged ({gap.key})")
        evidence.append(gap.first.evidence("the gap"))
    halves = [run.played(pair, role) for role in ("critic_loss_real", "critic_loss_fake")]
    for series in (critic, *halves):
        negative = _first_negative(series)
        if negative is not None and series is not None:
            reasons.append(f"{series.key} is negative, which BCE, hinge and least squares cannot be")
            evidence.append(series.point(negative).evidence("negative"))
            break
    if not reasons and critic is not None and generator is not None and _mean_score(critic, generator):
        reasons.append(
            f"{generator.key} is negative and {critic.key} + {generator.key} is less than a hinge loss allows"
        )
        evidence.append(generator.first.evidence("negative"))
    if not reasons and critic is not None and halves[0] is not None and halves[1] is not None:
        c, a, b = _common(critic, halves[0], halves[1])
        apart = median(np.abs(c - a + b)) if len(c) >= FEW else np.nan
        if min(apart, median(np.abs(c + a - b))) * 10 < median(np.abs(c - a - b)):
            reasons.append(f"{critic.key} is the difference of its halves, not their sum")
            evidence.append(critic.first.evidence("the loss and its halves"))
    weight = next((s for s in run.settings if s.meaning == "penalty_weight" and s.number), None)
    if not reasons and critic is not None and weight is not None and weight.number is not None and weight.number >= 5:
        start = median(critic.values[np.isfinite(critic.values)][:FEW])
        if 0.8 * weight.number <= start <= 1.05 * weight.number:
            reasons.append(f"{critic.key} starts at the weight of a gradient penalty, as an untrained critic does")
            evidence.append(critic.first.evidence("the first record"))
    return Clue("wgan", "; ".join(reasons), tuple(evidence)) if reasons else None


def _mean_score_family(run: Run, clues: list[Clue]) -> Family:
    why, evidence = clues[0].why, clues[0].evidence
    weight = next((s for s in run.settings if s.meaning == "penalty_weight" and s.number), None)
    clip = next((s for s in run.settings if s.meaning == "weight_clip" and s.number), None)
    if run.role("penalty") is not None or weight is not None or run.role("penalty_weight") is not None:
        more = (weight.evidence("penalty weight"),) if weight is not None else ()
        return Family("wgan-gp", Standing.DERIVED, f"{why}; a gradient penalty is named", (*evidence, *more))
    if clip is not None:
        return Family("wgan-clip", Standing.DERIVED, f"{why}; weight clipping is named", evidence)
    return Family("wgan", Standing.DERIVED, why, evidence)


def _first_negative(series: Series | None) -> int | None:
    """Return the first record that is below 0 by more than log(p + eps) can be; tiny losses only among tiny ones."""
    if series is None:
        return None
    values = series.values
    largest = float(np.max(np.abs(values[np.isfinite(values)]), initial=0.0))
    below = np.flatnonzero(values < (-TINY if largest > 10 * TINY else 0))
    return int(below[0]) if len(below) else None


def _mean_score(critic: Series, generator: Series) -> bool:
    """Whether a critic loss that is never negative beside a negative generator loss is no hinge loss.

    A hinge loss is at least 1 + mean(fake) = 1 - g where mean(fake) > -1 (arXiv:1802.05957, eq. 16), so c + g >= 1.
    """
    c, g = _common(critic, generator)
    below = g < -TINY
    return bool(below.any()) and median((c + g)[below]) < 0.9


# -- the others


def _probabilities(run: Run, pair: Pair) -> Clue | None:
    """Mean D(x) and D(G(z)) in [0, 1]; the loss may then be the log loss or something else of the two."""
    real, fake = run.played(pair, "real_score"), run.played(pair, "fake_score")
    if real is None or fake is None:
        return None
    values = np.concatenate([real.values, fake.values])
    if len(real) < FEW or not bool((values >= 0).all()) or not bool((values <= 1).all()):
        return None
    told = f"{real.key} and {fake.key} are probabilities"
    critic = run.played(pair, "critic_loss")
    if critic is not None:
        c, r, f = _common(critic, real, fake)
        inside = np.clip(1 - f, 1e-12, 1) * np.clip(r, 1e-12, 1)
        least = -np.log(inside)  # the log loss is convex: its mean is at least that of the means
        if len(c) >= FEW and float(np.mean(c < 0.45 * least - 0.01)) > 0.5:
            return Clue("not-wasserstein", f"{told}, and {critic.key} is too small for their log loss",
                        (real.first.evidence(),))  # fmt: skip
        if len(c) >= FEW and median(np.abs(c - (1 - r + f))) < 0.01 * max(median(np.abs(c)), 1e-6):
            return Clue("not-wasserstein", f"{told}, and {critic.key} = 1 - {real.key} + {fake.key}",
                        (real.first.evidence(),))  # fmt: skip
    return Clue("bce", told, (real.first.evidence(),))


def _other(run: Run, pair: Pair) -> Clue | None:
    """Losses that are never negative: which of the losses with a least value is it?"""
    total = _whole(run, pair)
    if total is None or _speaks_of_mean_scores(run, pair):
        return None
    c, g, series = total
    evidence = (series.first.evidence("the first record"),)
    floored = _floored(run, pair)
    if floored is not None and not bool((g < -TINY).any()):
        return floored
    if len(g) and bool((g < -TINY).any()):
        lawful = len(c) >= MANY and float(np.max(c)) < LARGE and median((c + g)[g < -TINY]) >= 0.9
        why = f"the generator's loss is negative at times and {series.key} + it stays above 1"
        return Clue("hinge", why, evidence) if lawful else None
    first, answer = median(c[:FEW]), median(g[:FEW]) if len(g) else np.nan
    if len(g) >= FEW and abs(answer - np.log(2)) < 0.1:
        for scale, what in ((1.0, "2 ln 2"), (0.5, "ln 2")):
            if abs(first - scale * 2 * np.log(2)) < 0.1 * scale:
                return Clue("bce", f"{series.key} starts near {what} and the generator's loss near ln 2", evidence)
    if len(g) >= MANY and _never_log_loss(c, g) and abs(median(c[-MANY:]) - 2) < 0.2:
        return Clue("hinge", f"{series.key} ends near 2, and no log loss is that small beside this generator's loss",
                    evidence)  # fmt: skip
    if _halves_count(run, pair):
        why = "both halves of the discriminator's loss are logged and neither is ever negative, as mean scores would be"
        return Clue("not-wasserstein", why, evidence)
    if len(c) < MANY or not len(g) or (_near_one(c) and _near_one(g)):
        return None
    if bool((c >= -TINY).all()) and float(np.max(c)) > 0:
        return Clue("not-wasserstein", f"neither {series.key} nor the generator's loss is ever negative in {len(c)} "
                    "records, as mean scores would be", evidence)  # fmt: skip
    return None


def _whole(run: Run, pair: Pair) -> tuple[Floats, Floats, Series] | None:
    """Return the critic's loss, halves added up, the generator's (empty if none), and the series that leads."""
    critic = run.played(pair, "critic_loss")
    generator = run.played(pair, "generator_loss")
    real, fake = run.played(pair, "critic_loss_real"), run.played(pair, "critic_loss_fake")
    parts = [critic] if critic is not None else [s for s in (real, fake) if s is not None]
    if not parts or (critic is None and len(parts) < 2):
        return None
    columns = _common(*parts, *([generator] if generator is not None else []))
    answer = columns.pop() if generator is not None else np.zeros(0)
    return np.sum(columns, axis=0), answer, parts[0]


def _floored(run: Run, pair: Pair) -> Clue | None:
    """A loss that stands, record after record, where a log loss ends."""
    for role in ("critic_loss", "critic_loss_real", "critic_loss_fake", "generator_loss"):
        series = run.played(pair, role)
        longest = series.tally.longest if series is not None else None
        if series is None or longest is None or longest.length < FEW:
            continue
        at = np.flatnonzero(series.index == longest.first)
        found = floor_of(float(series.values[at[0]])) if len(at) else None
        if found is not None and (units.decimals(longest.text) or 0) > 0:
            why = f"{series.key} stands at {longest.text}, where a log loss ends ({found[0]})"
            return Clue("bce", why, (series.point(int(at[0])).evidence("where a log loss ends"),))
    return None


def _never_log_loss(c: Floats, g: Floats) -> bool:
    """Whether c is below the least sum of log losses that g allows: -ln(1 - D) with D = exp(-g) (Jensen), mostly."""
    least = -np.log(np.clip(1 - np.exp(-np.maximum(g, 0)), 1e-12, 1))
    return float(np.mean(c < least - 0.05)) > 0.5


def _near_one(values: Floats) -> bool:
    """Whether a loss hardly leaves 1: some programs print 1 - loss of a mean score that is small."""
    return float(np.max(np.abs(values - 1))) < 0.1


def _halves_count(run: Run, pair: Pair) -> bool:
    """Whether both halves of the loss are logged over enough records, and none is ever below 0."""
    real, fake = (run.played(pair, role) for role in ("critic_loss_real", "critic_loss_fake"))
    if real is None or fake is None:
        return False
    a, b = _common(real, fake)
    return len(a) >= HALVES and bool((np.minimum(a, b) >= -TINY).all())


def _speaks_of_mean_scores(run: Run, pair: Pair) -> bool:
    """Whether names or settings speak of a Wasserstein loss: then a loss that is never negative excludes nothing."""
    names = [series.key.lower() for role in pair.series if (series := run.played(pair, role)) is not None]
    if any(word in name for name in names for word in _WORDS) or run.role("penalty_weight") is not None:
        return True
    penalty = run.role("penalty")
    penalized = penalty is not None and "r1" not in penalty.key.lower()
    return penalized or any(setting.meaning in ("weight_clip", "penalty_weight") for setting in run.settings)
