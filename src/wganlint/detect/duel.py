"""Who is ahead in each game that a run plays: the discriminator's loss, answers and accuracy over its last records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from wganlint.align import align
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import RECORDS, SHARE
from wganlint.detect.words import since
from wganlint.run import Pair, Run, Series
from wganlint.series import Flags, Floats, Ints, median
from wganlint.units import Kind, Quantity

STAY = 0.5  # share that the change point weighs against: half of the records decide a median
GAME = "a discriminator's loss, scores or accuracy"


class Sight(Struct, frozen=True):
    """A sign that the discriminator wins: which records show it (`hit`), and what it is read from.

    `by`: "scores", "signs", "loss", "accuracy", "rejected", "margin" or "answer"; `at`: positions in `series`.
    """

    by: str
    series: Series
    other: Series | None
    at: Ints
    hit: Flags
    values: Floats  # of the loss, or of what `series` carries
    beside: Floats  # of `other`


class Stretch(Struct, frozen=True):
    """A sight from its change point to the end; `share` of all records that is, `recent` of the last window's hits."""

    sight: Sight
    start: int
    records: int
    share: float
    recent: float


def common(*series: Series) -> tuple[Ints, list[Floats]]:
    """Return the positions in the first series of the sampled records that all carry, and the finite values there."""
    first = series[0]
    at, places = align(first, series[1:], first.sample())
    columns = [first.values[at], *(s.values[there] for s, there in zip(series[1:], places, strict=True))]
    known = np.logical_and.reduce([np.isfinite(column) for column in columns])
    return at[known], [column[known] for column in columns]


def stretch(sight: Sight) -> Stretch | None:
    """Return the stretch to the end in which a sight holds most of the time, or None.

    The onset is the change point: the maximum of the reversed cumulative sum of hit - `STAY` (Page 1954,
    doi:10.1093/biomet/41.1-2.100), so the median of the stretch is on the side of the sight.
    """
    count = len(sight.hit)
    if not count or not sight.hit.any():
        return None
    gain = np.cumsum((sight.hit - STAY)[::-1])[::-1]
    starts = np.flatnonzero(sight.hit)
    start = int(starts[np.argmax(gain[starts])])
    recent = float(np.mean(sight.hit[-max(RECORDS, int(np.ceil(SHARE * count))) :]))
    if gain[start] <= 0:
        return None
    series = sight.series
    records = int(series.index[sight.at[-1]] - series.index[sight.at[start]]) + 1
    every = int(series.index[sight.at[-1]] - series.index[sight.at[0]]) + 1
    return Stretch(sight, start, records, records / every, recent)


@detector(
    fields={
        "by": Kind.TEXT, "name": Kind.TEXT, "value": Kind.NUMBER, "answer_name": Kind.TEXT, "answer": Kind.NUMBER,
        "fooled": Kind.RATIO, "records": Kind.POINTS, "share": Kind.RATIO, "since": Kind.TEXT, "pair": Kind.TEXT,
        "several": Kind.FLAG, "games": Kind.COUNT, "beaten": Kind.COUNT, "highest": Kind.NUMBER, "log_loss": Kind.FLAG,
    },
    parameters={
        "loss": Parameter(float, None, "loss of the discriminator below which it has won"),
        "real": Parameter(float, None, "mean D(x) above which reals are told"),
        "fake": Parameter(float, None, "mean D(G(z)) below which fakes are told"),
        "sign": Parameter(float, None, "mean sign of the score from which a side is told"),
        "accuracy": Parameter(float, None, "accuracy from which both sides are told"),
        "answer": Parameter(float, None, "the generator's loss from which its samples are rejected"),
        "behind": Parameter(float, None, "loss of the discriminator below which that counts"),
        "rejected": Parameter(float, None, "the generator's squared or hinge loss from which its samples are rejected"),
        "sure": Parameter(float, None, "both halves of the discriminator's loss below which that counts"),
        "margin": Parameter(float, None, "difference of mean scores that a hinge loss does not ask for"),
        "least": Parameter(int, None, "fewest records"),
        "few": Parameter(int, None, "fewest records where the run has not even `least`"),
    },
    reads="sample",
)  # fmt: skip
def discriminator_ahead(
    run: Run, loss: float, real: float, fake: float, sign: float, accuracy: float, answer: float, behind: float,
    rejected: float, sure: float, margin: float, least: int, few: int,
) -> Found:  # fmt: skip
    """The discriminator that wins most clearly, over the stretch to the end in which it does so most of the time.

    by: "scores" (D(x), D(G(z)) are probabilities), "signs" (of the scores), "loss" (both halves together), "accuracy",
    "margin" (mean scores farther apart than a hinge loss asks for), "rejected" (the generator pays the full squared
    loss, D(G(z)) near 0, or a hinge loss near 1, beside a small loss of the discriminator), "answer" (only the
    generator's loss tells: of a log loss g the mean answer to fakes is about exp(-g), arXiv:1406.2661). value: median
    of what `name` carries; answer: of the generator's loss or D(G(z)); fooled: exp(-g); share: of the run; games,
    beaten: how many there are, and how many discriminators win; highest: the largest value in the stretch.
    """
    sights = list(_sights(run, loss, real, fake, sign, accuracy, answer, behind, rejected, sure, margin))
    if not sights:
        return Missing(GAME)
    found: dict[str, tuple[Pair, Stretch]] = {}
    for pair, sight in sights:
        held = stretch(sight)
        count = len(sight.hit)
        enough = least if count >= least else few
        if held is None or held.records < enough or held.recent < 0.5:
            continue
        if count < least and float(np.mean(sight.hit)) < 0.8:
            continue
        known = found.get(pair.label)
        if known is None or _WEIGHT[sight.by] > _WEIGHT[known[1].sight.by]:
            found[pair.label] = (pair, held)
    if not found:
        return ABSENT
    pair, held = max(found.values(), key=lambda one: (_WEIGHT[one[1].sight.by], one[1].share))
    sight = held.sight
    series, beside = sight.series, sight.beside[held.start :]
    start = series.point(int(sight.at[held.start]))
    value, other = median(sight.values[held.start :]), median(beside) if len(beside) else float("nan")
    generator = sight.other
    shown = generator if generator is not None else series
    fields: dict[str, Quantity | bool | str] = {
        "by": sight.by,
        "name": _named(run, pair, sight),
        "value": series.quantity(value),
        "highest": series.quantity(float(np.max(sight.values[held.start :]))),
        "answer_name": shown.key if generator is not None else "",
        "answer": shown.quantity(other if generator is not None else value),
        "fooled": Quantity(float(np.exp(-max(other, 0.0))) if generator is not None else 0.0, Kind.RATIO),
        "records": Quantity(held.records, Kind.POINTS),
        "share": Quantity(held.share, Kind.RATIO),
        "since": since(start),
        "pair": pair.label,
        "several": len(run.pairs) > 1,
        "games": Quantity(len(run.pairs), Kind.COUNT),
        "beaten": Quantity(len(found), Kind.COUNT),
        "log_loss": run.family.name == "bce",
    }
    label = "the first record" if held.start == 0 else "from about here"
    evidence = [start.evidence(label), series.point(int(sight.at[-1])).evidence("to the last record")]
    names = tuple(s.name for s in (series, generator) if s is not None)
    return Fact(fields, tuple(evidence), start.place, names)


@detector(fields={"count": Kind.COUNT})
def games(run: Run) -> Found:
    """How many games the run plays: a discriminator each, with the generator loss that answers it."""
    return Fact({"count": Quantity(len(run.pairs), Kind.COUNT)}) if run.pairs else ABSENT


_WEIGHT = {"answer": 0, "margin": 1, "rejected": 2, "accuracy": 3, "loss": 4, "signs": 5, "scores": 6}


def _named(run: Run, pair: Pair, sight: Sight) -> str:
    halves = [s.key for role in ("critic_loss_real", "critic_loss_fake") if (s := run.played(pair, role)) is not None]
    if sight.by in ("loss", "answer", "rejected", "margin") and len(halves) == 2 and sight.series.key == halves[0]:
        return " + ".join(halves)
    return sight.series.key


def _sights(
    run: Run, loss: float, real: float, fake: float, sign: float, accuracy: float, answer: float, behind: float,
    rejected: float, sure: float, margin: float,
) -> Iterator[tuple[Pair, Sight]]:  # fmt: skip
    for pair in run.pairs:
        scores = [run.played(pair, role) for role in ("real_score", "fake_score")]
        signs = [run.played(pair, role) for role in ("real_sign", "fake_sign")]
        if scores[0] is not None and scores[1] is not None and _probabilities(scores[0], scores[1]):
            yield pair, _two_sided("scores", scores[0], scores[1], real, fake)
        if signs[0] is not None and signs[1] is not None:
            yield pair, _two_sided("signs", signs[0], signs[1], sign, -sign)
        whole = discriminator_loss(run, pair)
        if whole is not None:
            series, generator, at, d, g = whole
            yield pair, Sight("loss", series, generator, at, (d < loss) & (d > -loss), d, g)
            lawful = generator is not None and (not run.auxiliary or _adversarial(generator))
            if lawful and len(g) and run.family.name in ("bce", "not-wasserstein"):
                yield pair, Sight("answer", series, generator, at, (g >= answer) & (d < behind), d, g)
            if lawful and len(g) and run.family.name != "bce":
                half = 1.0 if series.name != pair.series.get("critic_loss") else 0.5
                yield pair, Sight("rejected", series, generator, at, (g >= rejected) & (d < half * sure), d, g)
            if run.family.name != "lsgan" and scores[0] is not None and scores[1] is not None:
                where, (r, f) = common(scores[0], scores[1])
                if len(where) == len(d):
                    yield pair, Sight("margin", scores[0], scores[1], where, (r - f >= margin) & (d < behind), r - f, f)
        right = run.played(pair, "critic_accuracy")
        if right is not None:
            at, (values,) = common(right)
            scale = 100.0 if len(values) and float(np.max(values)) > 1 else 1.0
            yield pair, Sight("accuracy", right, None, at, values >= accuracy * scale, values, values[:0])


def _probabilities(real: Series, fake: Series) -> bool:
    return all(bool((s.values[np.isfinite(s.values)] >= 0).all() and (s.values[np.isfinite(s.values)] <= 1).all())
               for s in (real, fake))  # fmt: skip


def _two_sided(by: str, real: Series, fake: Series, high: float, low: float) -> Sight:
    at, (r, f) = common(real, fake)
    return Sight(by, real, fake, at, (r > high) & (f < low), r, f)


def _adversarial(generator: Series) -> bool:
    name = generator.key.lower()
    return any(word in name for word in ("gan", "adv"))


def discriminator_loss(run: Run, pair: Pair) -> tuple[Series, Series | None, Ints, Floats, Floats] | None:
    """Return what carries the discriminator's loss, the generator's series, positions, both losses; None if not logged.

    The two halves are added up where both are logged: a total may hold further terms.
    """
    real, fake = run.played(pair, "critic_loss_real"), run.played(pair, "critic_loss_fake")
    whole, generator = run.played(pair, "critic_loss"), run.played(pair, "generator_loss")
    parts = [real, fake] if real is not None and fake is not None else [whole]
    known = [s for s in parts if s is not None]
    if not known:
        return None
    if generator is not None:
        at, columns = common(*known, generator)
        if len(at):
            return known[0], generator, at, np.sum(columns[:-1], axis=0), columns[-1]
    at, columns = common(*known)
    return known[0], None, at, np.sum(columns, axis=0), np.zeros(0)
