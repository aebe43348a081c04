"""Candidates -> what each did: measured runs of copies, alone first, then the smallest sets that work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.engine import check_outcome
from wganlint.finding import Check
from wganlint.probe.changed import Measured, measure
from wganlint.probe.command import Command
from wganlint.probe.edits import NotApplied
from wganlint.probe.probing import Options
from wganlint.run import Run
from wganlint.verify.candidates import Candidate, applied
from wganlint.verify.policy import Policy
from wganlint.verify.signs import Effect, Signs, effect, sick, signs

Reader = Callable[[Measured, Mapping[str, str]], Run | None]  # with the files as they were changed


class Result(Struct, frozen=True):
    """What one candidate (or set) did under one seed. `check`: what the fix's own check says of the new run."""

    effect: Effect
    signs: Signs
    steps: int
    check: str = ""
    lacking: str = ""


class Bench(Struct):
    """Runs and remembers: the same edit, seed and number of steps is measured once."""

    command: Command
    folder: Path
    options: Options
    book: Policy
    texts: Mapping[str, str]
    read: Reader
    say: Callable[[str], None]
    seed_option: str = ""
    turned: bool = False  # this critic scores fakes above reals
    runs: int = 0
    kept: dict[tuple[str, int | None, int], Measured] = field(default_factory=dict)

    def measured(self, changes: Mapping[str, str], seed: int | None, steps: int) -> Measured:
        """Measure the command with some files changed."""
        key = (repr(sorted(changes.items())), seed, steps)
        if key not in self.kept:
            self.runs += 1
            options = replace(self.options, steps=steps, seed=self.options.seed if seed is None else seed)
            self.kept[key] = measure(self._seeded(seed), options, self.folder, changes)
        return self.kept[key]

    def _seeded(self, seed: int | None) -> Command:
        if seed is None or not self.seed_option:
            return self.command
        words = list(self.command.arguments)
        if self.seed_option in words[:-1]:
            at = words.index(self.seed_option)
            words[at + 1] = str(seed)
        else:
            words = [one for one in words if not one.startswith(self.seed_option + "=")]
            words += [self.seed_option, str(seed)]
        return replace(self.command, arguments=tuple(words))

    def base(self, seed: int | None, steps: int) -> Signs:
        """Return the vital signs without any fix."""
        return signs(self.measured({}, seed, steps).probe, self.turned)

    def tried(self, changes: Mapping[str, str], seed: int | None, check: Check | None = None) -> Result:
        """Return what a change did; what only gets better is measured once more, over more steps."""
        steps = self.options.steps
        result = self._result(changes, seed, steps, check)
        longer = round(steps * self.book.budget.longer)
        if result.effect is Effect.HELPS and longer > steps:
            self.say("  gets better and is not well yet: over more steps")
            result = self._result(changes, seed, longer, check)
        return result

    def _result(self, changes: Mapping[str, str], seed: int | None, steps: int, check: Check | None) -> Result:
        got = self.measured(changes, seed, steps)
        now = signs(got.probe, self.turned)
        what = effect(self.base(seed, steps), now, self.book.vital)
        if check is None or what is Effect.BREAKS:
            return Result(what, now, steps)
        run = self.read(got, changes)
        if run is None:
            return Result(what, now, steps)
        outcome, lacking = check_outcome(check, run)
        return Result(what, now, steps, str(outcome), ", ".join(lacking)[:200])


class Trial(Struct, frozen=True):
    """A candidate with what it did under each seed."""

    candidate: Candidate
    results: dict[int | None, Result]

    @property
    def effect(self) -> Effect:
        """What it did under most seeds; of equals the worse."""
        said = [one.effect for one in self.results.values()]
        return max(Effect, key=lambda one: (said.count(one), list(Effect).index(one)))

    @property
    def agreeing(self) -> int:
        """Under how many seeds it did so."""
        return sum(one.effect is self.effect for one in self.results.values())


def alone(bench: Bench, found: Sequence[Candidate], seeds: Sequence[int | None]) -> list[Trial]:
    """Try each candidate by itself under each seed."""
    trials = []
    for at, one in enumerate(found, 1):
        bench.say(f"{at} of {len(found)}: {one.title}")
        trials.append(Trial(one, {seed: bench.tried(one.changes, seed, one.check) for seed in seeds}))
    return trials


class Smallest(Struct, frozen=True):
    """A smallest set that cures under all seeds: nothing of it can be left out. `tried`: sets that were measured."""

    members: tuple[Candidate, ...]
    changes: dict[str, str]
    results: dict[int | None, Result]
    tried: int = 0


def smallest(bench: Bench, trials: Sequence[Trial], seeds: Sequence[int | None]) -> list[Smallest]:
    """Return the smallest sets that cure: single fixes if there are any, else one set by delta debugging."""
    single = [
        Smallest((one.candidate,), one.candidate.changes, one.results) for one in trials
        if all(result.effect is Effect.CURES for result in one.results.values())
    ]  # fmt: skip
    return single or _debugged(bench, [one for one in trials if one.effect is not Effect.BREAKS], seeds)


def _debugged(bench: Bench, trials: Sequence[Trial], seeds: Sequence[int | None]) -> list[Smallest]:
    """Leave fixes out of the whole, in halves and then one by one, as long as the rest still cures."""
    useful = [one for one in trials if one.effect not in (Effect.NOTHING, Effect.MOVES)]
    members = _fitting([one.candidate for one in sorted(useful, key=lambda one: list(Effect).index(one.effect))], bench)
    count = 0

    def works(some: Sequence[Candidate]) -> dict[int | None, Result] | None:
        nonlocal count
        if not some or count >= bench.book.budget.sets:
            return None
        changes = joined(some, bench.texts)
        if changes is None:
            return None
        count += 1
        bench.say(f"together: {'; '.join(one.title for one in some)}")
        results = {}
        for seed in seeds:
            results[seed] = bench.tried(changes, seed)
            if results[seed].effect is not Effect.CURES:
                return None
        return results

    whole = works(members) if len(members) > 1 else None
    if whole is None:
        return []
    parts = 2
    while len(members) > 1:
        size = -(-len(members) // parts)
        pieces = [members[at : at + size] for at in range(0, len(members), size)]
        rests = [[one for one in members if one not in piece] for piece in pieces]
        tries = [some for some in [*pieces, *rests] if len(some) < len(members)]
        smaller = next(((some, got) for some in tries if (got := works(some))), None)
        if smaller is not None:
            members, whole = smaller
            parts = max(2, min(parts - 1, len(members)))
        elif parts >= len(members):
            break
        else:
            parts = min(len(members), 2 * parts)
    changes = joined(members, bench.texts)
    assert changes is not None and whole is not None  # they worked
    return [Smallest(tuple(members), changes, whole, count)]


def _fitting(found: Sequence[Candidate], bench: Bench) -> list[Candidate]:
    """Return candidates that can be applied together, the first ones first."""
    kept: list[Candidate] = []
    for one in found:
        if joined([*kept, one], bench.texts) is not None:
            kept.append(one)
    return kept


def joined(found: Sequence[Candidate], texts: Mapping[str, str]) -> dict[str, str] | None:
    """Return the files with several candidates applied, None if they do not go together."""
    plan = [step for one in found for step in one.plan]
    taken = [(spot.file, spot.line, spot.column) for _, spot in plan if spot.line]
    if len(set(taken)) < len(taken):
        return None
    try:
        return applied(plan, texts)
    except NotApplied:
        return None


def sick_words(signs_: Signs, book: Policy) -> list[str]:
    """Return what is sick in words."""
    return list(sick(signs_, book.vital).values())
