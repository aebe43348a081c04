"""Which discriminator plays against which generator loss, where a run has several of them; part of read/roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from wganlint.late import late
from wganlint.run import Pair, RoleGuess, Run, Series

GAME = (
    "critic_loss", "critic_loss_real", "critic_loss_fake", "generator_loss", "real_score", "fake_score",
    "critic_accuracy", "gap", "real_sign", "fake_sign",
)  # fmt: skip
_LABEL = late(r"[A-FH-Za-fh-z]|\d{1,2}|[A-Za-z]2[A-Za-z]")
_PIECES = re.compile(r"#\d+$|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z0-9]+")
_PLAYERS = frozenset({"D", "G"})

Reader = Callable[[str], Sequence[tuple[float, str]]]


def pairs(run: Run, roles: Mapping[str, RoleGuess], fits: Reader) -> tuple[Pair, ...]:
    """Return the games of a run; `fits` gives the roles that a name fits, each with its score.

    Names that differ in one label only (`D_A`, `D_B`; `D1_loss`, `D2_loss`; `loss_D#1`, `loss_D#2`) are the same role
    in several games. Where there are none, the roles of the run are the only game.
    """
    games: dict[str, dict[str, tuple[float, str]]] = {}
    for template, labelled in _templates(run.series).items():
        best = _best(fits, template)
        if len(labelled) < 2 or best is None:
            continue
        score, role = best
        for label, series in labelled.items():
            known = games.setdefault(label, {}).get(role)
            if known is None or known[0] < score:
                games[label][role] = (score, series.name)
    found = [
        Pair(label, {role: name for role, (_, name) in parts.items()})
        for label, parts in games.items()
        if any(role.startswith("critic") for role in parts)
    ]
    lead = next((guess.series for role, guess in roles.items() if role.startswith("critic")), None)
    if len(found) > 1 and (lead is None or any(lead in pair.series.values() for pair in found)):
        return tuple(sorted(found, key=lambda pair: pair.label))
    whole = {role: roles[role].series for role in GAME if role in roles}
    if any(role.startswith("critic") or role.endswith("score") for role in whole):
        return (Pair("", _with_answers(run, _with_game(run, whole, fits))),)
    return tuple(found) if len(found) > 1 else _untold(run)


def _best(fits: Reader, name: str) -> tuple[float, str] | None:
    told = [(score, role) for score, role in fits(name) if role in GAME and score > -0.5]
    return max(told, default=None)


def _templates(every: Sequence[Series]) -> dict[str, dict[str, Series]]:
    """Return names with one label taken out -> label -> series, for names that have a label.

    `D_A` gives `D_`, `D1_loss` gives `D_loss`, `loss_D#1` gives `loss_D`.
    """
    found: dict[str, dict[str, Series]] = {}
    for series in every:
        if series.kind == "events" and series.form.startswith("scalar histogram"):
            continue
        pieces = _PIECES.findall(series.key)
        for at, piece in enumerate(pieces):
            several = piece.startswith("#")
            if piece in _PLAYERS or not (several or _LABEL.fullmatch(piece)) or len(pieces) < 2:
                continue
            template = "".join(pieces[:at]) + " " + "".join(pieces[at + 1 :])
            found.setdefault(f"{template.strip()}", {}).setdefault(piece, series)
    return found


def _with_game(run: Run, whole: dict[str, str], fits: Reader) -> dict[str, str]:
    """Prefer the generator's adversarial loss (`loss_G_GAN`) to its sum with side losses (`loss_G`)."""
    total = run.named(whole["generator_loss"]) if "generator_loss" in whole else None
    if total is None or _adversarial(total.key):
        return whole
    for series in run.series:
        if series.form == total.form and _adversarial(series.key):
            best = _best(fits, series.key)
            if best is not None and best[1] == "generator_loss":
                return whole | {"generator_loss": series.name}
    return whole


def _with_answers(run: Run, whole: dict[str, str]) -> dict[str, str]:
    """Add names that mean an answer of the discriminator only beside its loss: Score_D with Score_G, and `acc`."""
    critic = run.named(whole.get("critic_loss", ""))
    if critic is None:
        return whole
    beside = {series.key.lower().strip("."): series.name for series in run.series if series.form == critic.form}
    found = dict(whole)
    for real, fake in (("score_d", "score_g"), ("d_score", "g_score")):
        if real in beside and fake in beside and "real_score" not in whole:
            found |= {"real_score": beside[real], "fake_score": beside[fake]}
    for name in ("acc", "accuracy", "d acc", "d_accuracy"):
        if name in beside and "generator_loss" in whole:
            found.setdefault("critic_accuracy", beside[name])
    return found


def _adversarial(key: str) -> bool:
    return any(piece.lower() in ("gan", "adv", "adversarial") for piece in _PIECES.findall(key))


def _untold(run: Run) -> tuple[Pair, ...]:
    """Two values of one tag that speaks of the game, such as `GAN/Unsupervised loss`: both losses, who is not told."""
    for series in run.series:
        last = series.key.rpartition("/")[2].lower()
        if not series.key.endswith("#1") or series.form.startswith("scalar histogram"):
            continue
        if not ("unsupervised" in last or "adversarial" in last or "gan" in last.split()) or "loss" not in last:
            continue
        other = next((s for s in run.series if s.key == series.key[:-1] + "2"), None)
        third = next((s for s in run.series if s.key == series.key[:-1] + "3"), None)
        if other is not None and third is None:
            return (Pair("", {"one": series.name, "other": other.name}),)
    return ()
