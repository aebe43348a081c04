"""Findings that a comment in the source asks to leave out, with its reason; comments that do nothing are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from wganlint.engine import Judgement, judge
from wganlint.finding import Outcome, Verdict
from wganlint.rules.rule import Rule
from wganlint.run import Note, Run

if TYPE_CHECKING:
    from wganlint.source import Pardon

_LOOKED = (Outcome.FIRED, Outcome.QUIET)


def inline(
    run: Run, judgements: Sequence[Judgement], rules: Sequence[Rule]
) -> tuple[list[Judgement], tuple[Note, ...]]:
    """Return the judgements with pardoned findings taken back, and notes on comments without effect.

    A finding is pardoned by its primary place. A rule has one finding a run: if it has further places, it is judged
    again without the pardoned line, so that a comment on one line never hides another.
    """
    pardons = run.source.pardons if run.source is not None else ()
    if not pardons:
        return list(judgements), ()
    valid = [pardon for pardon in pardons if pardon.codes and pardon.reason]
    used: set[tuple[Pardon, str]] = set()
    kept = [_kept(run, judgement, valid, rules, used) for judgement in judgements]
    return kept, tuple(_notes(pardons, judgements, used))


def _kept(
    run: Run, judgement: Judgement, pardons: Sequence[Pardon], rules: Sequence[Rule], used: set[tuple[Pardon, str]]
) -> Judgement:  # fmt: skip
    hidden: list[Pardon] = []
    now = judgement
    while now.finding is not None and (found := _pardon(now, pardons)) is not None and found not in hidden:
        hidden.append(found)
        used.add((found, now.rule.code))
        if run.source is None:
            break
        run = replace(run, source=run.source.without(found))
        now = next(again for again in judge(run, rules) if again.rule.code == judgement.rule.code)
    if not hidden:
        return judgement
    if now.finding is not None and _pardon(now, pardons) is None:
        return now
    verdict = judgement.verdict
    note = "; ".join(f"{pardon.place}: {pardon.reason}" for pardon in hidden)
    return Judgement(judgement.rule, Verdict(verdict.run, verdict.code, verdict.name, Outcome.IGNORED, note=note))


def _pardon(judgement: Judgement, pardons: Sequence[Pardon]) -> Pardon | None:
    place = judgement.finding.place if judgement.finding is not None else None
    return next((p for p in pardons if p.covers(place) and any(_means(name, judgement.rule) for name in p.codes)), None)


def _means(name: str, rule: Rule) -> bool:
    return name.lower() in (rule.code.lower(), rule.name.lower())


def _notes(pardons: Sequence[Pardon], judgements: Sequence[Judgement], used: set[tuple[Pardon, str]]) -> list[Note]:
    notes = []
    for pardon in pardons:
        if not pardon.codes:
            notes.append(Note("ignore without effect: name the rules, as in ignore[CODE] reason", pardon.place))
        elif not pardon.reason:
            notes.append(Note(f"ignore[{', '.join(pardon.codes)}] without effect: it gives no reason", pardon.place))
        else:
            notes += [
                Note(said, pardon.place) for name in pardon.codes if (said := _idle(name, pardon, judgements, used))
            ]
    return notes


def _idle(name: str, pardon: Pardon, judgements: Sequence[Judgement], used: set[tuple[Pardon, str]]) -> str:
    """Return why one code of a comment did nothing; empty if it did, or if its rule could not look."""
    judgement = next((one for one in judgements if _means(name, one.rule)), None)
    if judgement is None:
        return f"ignore[{name}]: there is no such rule"
    if (pardon, judgement.rule.code) in used or judgement.verdict.outcome not in _LOOKED:
        return ""
    return f"ignore[{name}] is not needed: {judgement.rule.code} finds nothing here"
