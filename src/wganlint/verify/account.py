"""What was tried and what it did, in plain lines of at most 80 columns, as JSON, and as a unified diff."""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from wganlint import __version__
from wganlint.read.sniff import VERIFY
from wganlint.read.verified import VERSION, digest
from wganlint.verify.candidates import Candidate, Left
from wganlint.verify.policy import Policy
from wganlint.verify.signs import Effect, Signs, left, percent, sick
from wganlint.verify.trying import Result, Smallest, Trial

WIDTH = 80
SHOWN = 6  # changed lines that are shown with what is to be done first
_WORDS = {
    Effect.CURES: "the vital signs that were sick are well",
    Effect.HELPS: "clearly better, and not well at the end",
    Effect.HIDES: "the symptom is gone, its root is as sick as before",
    Effect.MOVES: "the fault shows elsewhere",
    Effect.NOTHING: "no vital sign is better",
    Effect.BREAKS: "the script fails with it",
}


class Verified(Struct, frozen=True):
    """All that `wganlint verify` found out."""

    command: tuple[str, ...]
    steps: int
    without: dict[int | None, Signs]
    trials: tuple[Trial, ...]
    smallest: tuple[Smallest, ...]
    left: tuple[Left, ...]
    runs: int
    texts: Mapping[str, str] = {}  # the source as it was
    well: tuple[int | None, ...] = ()  # seeds under which nothing was sick
    short: str = ""  # why not all was tried


def told(done: Verified, book: Policy) -> str:
    """Return the account."""
    lines: list[str] = []
    for text, indent, hang in _lines(done, book):
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * hang, break_on_hyphens=False
        ) or [""]  # fmt: skip
    return "\n".join(lines) + "\n"


def _lines(done: Verified, book: Policy) -> Iterator[tuple[str, int, int]]:
    seeds = ", ".join("as given" if one is None else str(one) for one in done.without)
    yield f"What each fix does: {done.runs} measured runs of {done.steps} optimizer steps and more", 0, 2
    if done.short:
        yield f"not all was tried: {done.short}", 2, 4
    yield f"seed{'s' if len(done.without) > 1 else ''}: {seeds}", 2, 4
    first = next(iter(done.without.values()))
    yield f"without a fix: {told_signs(first)}", 2, 4
    yield f"sick: {'; '.join(sick(first, book.vital).values())}", 2, 4
    yield "", 0, 0
    for trial in in_order(done.trials):
        yield from _trial(trial, done, book)
    yield "", 0, 0
    yield from _recommended(done, book)
    untold = sum(_typical(one).check == "cannot tell" for one in done.trials)
    if untold:
        of = f"{untold} of {len(done.trials)} fixes"
        yield f"The checks of {of} cannot be told from runs this short; the file says what they need.", 0, 2
    if done.left:
        yield "", 0, 0
        yield "Not tried", 0, 2
        for one in done.left:
            yield f"{one.title}{f' ({one.code})' if one.code else ''}: {one.why}", 2, 4


def in_order(trials: Sequence[Trial]) -> list[Trial]:
    """Return the best first; of equals as the report has them, what only people try last."""
    order = list(Effect)
    return sorted(
        trials,
        key=lambda one: (order.index(one.effect), -one.agreeing, one.candidate.rank or 1000),
    )


def _trial(trial: Trial, done: Verified, book: Policy) -> Iterator[tuple[str, int, int]]:
    result = _typical(trial)
    count = len(trial.results)
    share = f"{trial.agreeing} of {count} seeds: " if count > 1 else ""
    code = f" ({trial.candidate.code})" if trial.candidate.code else " (often tried; no advice of wganlint)"
    yield f"{trial.effect.upper():<8} {trial.candidate.title}{code}", 2, 11
    yield f"{share}{_WORDS[trial.effect]}", 11, 13
    if trial.effect is Effect.BREAKS:
        yield result.signs.text, 11, 13
        return
    over = f" after {result.signs.steps} steps"
    yield f"{told_signs(result.signs)}{over}", 11, 13
    sore = list(sick(result.signs, book.vital).values())
    if result.trend:
        yield result.trend, 11, 13
        if result.trend.startswith("not settled") and trial.candidate.code:
            yield f"to see its end: --only {trial.candidate.code} --steps N", 11, 13
    if trial.effect in (Effect.HIDES, Effect.MOVES) and sore:
        yield f"still sick: {'; '.join(sore)}", 11, 13
    rest = left(result.signs, book.vital)
    if trial.effect is Effect.CURES and rest:
        yield f"left: {'; '.join(rest)}", 11, 13
    if result.check in ("met", "not met"):
        yield f"its own check: {result.check}", 11, 13
    if missing := len(done.without) - count:
        yield f"not measured under {missing} of {len(done.without)} seeds: {done.short}", 11, 13
    for seed, one in trial.results.items():
        if one.effect is not trial.effect:
            yield f"seed {seed}: {one.effect}, {told_signs(one.signs)}", 11, 13


def _typical(trial: Trial) -> Any:
    return next(one for one in trial.results.values() if one.effect is trial.effect)


def told_signs(now: Signs) -> str:
    """Return the figures of one run on one line."""
    parts = []
    if now.empty is not None:
        parts.append(f"empty {percent(now.empty)}")
    if now.pinned is not None:
        parts.append(f"at bound {percent(now.pinned)}")
    if now.gradient is not None:
        parts.append(f"gradient {now.gradient:.2g}")
    if now.gap is not None:
        parts.append(f"gap {now.gap:.3g}")
    if now.masked:
        parts.append(f"masked {now.masked:,}")
    return ", ".join(parts) or "no vital sign could be measured"


def _recommended(done: Verified, book: Policy) -> Iterator[tuple[str, int, int]]:
    if not done.smallest:
        yield "No fix alone and no set of them that was tried cures this within the steps that were measured.", 0, 2
        return
    best = done.smallest[0]
    yield "Do this first", 0, 2
    number = "one edit" if len(best.members) == 1 else f"{len(best.members)} edits, none of which can be left out"
    for one in best.members:
        yield f"{one.title}{f' ({one.code})' if one.code else ''}: {', '.join(sorted(one.changes))}", 2, 4
        for line in _shown(done.texts, one.changes):
            yield line, 4, 8
        if one.told:
            yield one.told, 4, 4
    rest = "" if best.whole else "; not all that could be left out was tried"
    under = " under all seeds" if len(done.without) > 1 else ""
    yield f"the smallest set that cures{under}: {number}{rest}", 2, 4
    for other in done.smallest[1:]:
        yield f"or: {' and '.join(member.title for member in other.members)}", 2, 4


def _shown(before: Mapping[str, str], changes: Mapping[str, str]) -> list[str]:
    """Return the lines that an edit changes, where they are few."""
    rows = [
        f"{line[0]} {line[1:].strip()}" for line in diff(before, changes).splitlines()
        if line[:1] in "+-" and not line.startswith(("+++", "---")) and line[1:].strip()
    ]  # fmt: skip
    return rows if len(rows) <= SHOWN else [*rows[:SHOWN], f"and {len(rows) - SHOWN} more lines: --patch FILE"]


def as_json(done: Verified, book: Policy) -> bytes:
    """Return the file that is kept."""
    data = {
        VERIFY: VERSION, "wganlint": __version__, "command": list(done.command), "steps": done.steps,
        "sources": {name: digest(text.encode("utf-8")) for name, text in done.texts.items()},
        "runs": done.runs, "short": done.short, "seeds": [_seed(one) for one in done.without],
        "well_without": [_seed(one) for one in done.well],
        "without": {_seed(seed): msgspec.to_builtins(one) for seed, one in done.without.items()},
        "fixes": [_as_data(one) for one in in_order(done.trials)],
        "smallest": [[_named(one) for one in some.members] for some in done.smallest],
        "left": [msgspec.to_builtins(one) for one in done.left],
    }  # fmt: skip
    return json.dumps(data, indent=1).encode() + b"\n"


def _seed(seed: int | None) -> str:
    return "as given" if seed is None else str(seed)


def _named(one: Candidate) -> dict[str, Any]:
    return {"title": one.title, "code": one.code, "edit": one.edit}


def _as_data(trial: Trial) -> dict[str, Any]:
    return {
        **_named(trial.candidate), "rank": trial.candidate.rank, "effect": str(trial.effect),
        "agreeing": trial.agreeing,
        "seeds": {_seed(seed): _result(one) for seed, one in trial.results.items()},
    }  # fmt: skip


def _result(one: Result) -> dict[str, Any]:
    kept = {"check": one.check, "lacking": one.lacking, "trend": one.trend}
    return {"effect": str(one.effect), **kept, "signs": msgspec.to_builtins(one.signs)}


def diff(before: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """Return a unified diff that `git apply` and `patch -p1` take."""
    text = ""
    for name in sorted(changes):
        old, new = before[name].splitlines(keepends=True), changes[name].splitlines(keepends=True)
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
            text += line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    return text
