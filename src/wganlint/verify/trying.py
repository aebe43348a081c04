"""Candidates -> what each did: measured runs of copies, alone first, then longer, then the smallest sets that work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.engine import check_outcome
from wganlint.finding import Check
from wganlint.probe.changed import Measured, measure
from wganlint.probe.command import Command
from wganlint.probe.probing import Options
from wganlint.probe.syntax import NotApplied
from wganlint.run import Run
from wganlint.verify.candidates import Candidate, applied
from wganlint.verify.pace import Pace, Spent
from wganlint.verify.policy import Policy
from wganlint.verify.seen import inside_domain
from wganlint.verify.signs import Effect, Signs, effect, signs
from wganlint.verify.trend import awake, open_at_first, trend

Reader = Callable[[Measured, Mapping[str, str]], Run | None]  # with the files as they were changed


class Result(Struct, frozen=True):
    """What one candidate (or set) did under one seed. `check`: what the fix's own check says of the new run.

    `trend` tells of one that is not well yet whether it still gets better.
    """

    effect: Effect
    signs: Signs
    steps: int
    check: str = ""
    lacking: str = ""
    trend: str = ""  # does it still get better


class Bench(Struct):
    """Runs and remembers: the same edit, seed and number of steps is measured once."""

    command: Command
    folder: Path
    options: Options
    book: Policy
    texts: Mapping[str, str]
    read: Reader
    pace: Pace
    seed_option: str = ""
    turned: bool = False  # this critic scores fakes above reals
    kept: dict[tuple[str, int | None, int], Measured] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """How many runs were measured."""
        return self.pace.runs

    def measured(self, changes: Mapping[str, str], seed: int | None, steps: int) -> Measured:
        """Measure the command with some files changed.

        Raises:
            Spent: a limit is met, or the user has stopped it.
        """
        key = (repr(sorted(changes.items())), seed, steps)
        if key not in self.kept:
            options = replace(self.options, steps=steps, seed=self.options.seed if seed is None else seed)
            with self.pace.run(steps):
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

    def tried(
        self, changes: Mapping[str, str], seed: int | None, check: Check | None = None, steps: int | None = None
    ) -> Result:  # fmt: skip
        """Return what a change did over so many steps, as a rule the usual ones."""
        with self.pace.heeding():
            return self._compared(changes, seed, steps or self.options.steps, check)

    def is_open(self, result: Result, seed: int | None) -> bool:
        """Whether more steps are likely to tell more; a script that came to its end first has no more."""
        if result.signs.steps < result.steps:
            return False
        return open_at_first(result.effect, self.base(seed, result.steps), result.signs, self.book)

    def settled(
        self, result: Result, changes: Mapping[str, str], seed: int | None, check: Check | None = None
    ) -> Result:  # fmt: skip
        """Measure what the run leaves open once more, over more steps, as long as it still gets better."""
        if not self.is_open(result, seed):
            return result
        without = self.base(seed, result.steps)
        most = self.options.steps * self.book.budget.longer[-1]
        for factor in self.book.budget.longer:
            steps = round(self.options.steps * factor)
            try:
                later = self.tried(changes, seed, check, steps)
            except Spent:
                told = result.trend or f"open at {result.steps:,} steps, as it {_why_open(result)}"
                return replace(result, trend=f"{told}; no longer run was begun: {self.pace.why}")
            found = trend(result.signs, later.signs, self.book.vital) if later.effect is Effect.HELPS else None
            text = found.text if found is not None else ""
            if later.effect is Effect.NOTHING and (faster := awake(without, result.signs, self.book)):
                text = f"its weights move ({faster}), which no vital sign shows at {steps:,} steps"
            result = replace(later, trend=text)
            if found is None or not found.moving or (found.steps or 0) > most:
                break
        return result

    def _compared(self, changes: Mapping[str, str], seed: int | None, steps: int, check: Check | None) -> Result:
        got = self.measured(changes, seed, steps)
        now = signs(got.probe, self.turned)
        without = self.base(seed, steps)
        what = effect(without, now, self.book.vital)
        same = "these are exactly the figures without it: for this command it changes nothing" if now == without else ""
        run = self.read(got, changes) if check is not None and what is not Effect.BREAKS else None
        if check is None or run is None:
            return Result(what, now, steps, trend=same)
        outcome, lacking = check_outcome(check, run)
        return Result(what, now, steps, str(outcome), ", ".join(lacking)[:200], same)


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


def _why_open(result: Result) -> str:
    return "gets better" if result.effect is Effect.HELPS else "moves its weights faster"


def alone(bench: Bench, found: Sequence[Candidate], seeds: Sequence[int | None]) -> list[Trial]:
    """Try each candidate by itself under each seed, then longer what is open; what no run was left for is not there."""
    some: list[tuple[Candidate, dict[int | None, Result]]] = []
    bench.pace.plan(len(found) * len(seeds), bench.options.steps)
    with suppress(Spent):
        for at, one in enumerate(found, 1):
            results: dict[int | None, Result] = {}
            some.append((one, results))
            for seed in seeds:
                bench.pace.doing = f"{at} of {len(found)}: {one.title}{_under(seed, seeds)}"
                results[seed] = bench.tried(one.changes, seed, one.check)
            one, results = some[-1] = _widened(bench, one, results)
            bench.pace.show.line(f"{Trial(one, results).effect:<8} {one.title}")
    bench.pace.coming.clear()
    open_ = [seed for _, results in some for seed, result in results.items() if bench.is_open(result, seed)]
    bench.pace.plan(len(open_) + len(set(open_)), round(bench.options.steps * bench.book.budget.longer[0]))
    for one, results in some:
        for seed in results:
            bench.pace.doing = f"over more steps: {one.title}{_under(seed, seeds)}"
            results[seed] = bench.settled(results[seed], one.changes, seed, one.check)
    return [Trial(one, results) for one, results in some if results]


def _widened(
    bench: Bench, one: Candidate, results: dict[int | None, Result]
) -> tuple[Candidate, dict[int | None, Result]]:  # fmt: skip
    """Where the first operation that made NaN is cured and another one shows, cure that too, as long as it helps."""
    for _ in range(bench.book.budget.places):
        seed = next(iter(results))
        if one.edit != "inside-domain" or Trial(one, results).effect not in (Effect.HELPS, Effect.MOVES):
            break
        probe = bench.measured(one.changes, seed, bench.options.steps).probe
        try:
            plan = [*one.plan, *inside_domain(probe)]
            wider = replace(one, plan=plan, changes=applied(plan, bench.texts))
        except NotApplied:
            break
        if wider.changes == one.changes:
            break
        told = {seed: bench.tried(wider.changes, seed, one.check) for seed in results}
        one, results = replace(wider, told=f"in {len(plan)} places, one behind the other; {one.told}"), told
    return one, results


def _under(seed: int | None, seeds: Sequence[int | None]) -> str:
    return f", seed {seed}" if len(seeds) > 1 else ""


class Smallest(Struct, frozen=True):
    """A smallest set that cures under all seeds: nothing of it can be left out. `tried`: sets that were measured.

    `whole`: whether all that could be left out was tried; a limit may come before.
    """

    members: tuple[Candidate, ...]
    changes: dict[str, str]
    results: dict[int | None, Result]
    tried: int = 0
    whole: bool = True


def smallest(bench: Bench, trials: Sequence[Trial], seeds: Sequence[int | None]) -> list[Smallest]:
    """Return the smallest sets that cure: single fixes if there are any, else one set by delta debugging."""
    single = [
        Smallest((one.candidate,), one.candidate.changes, one.results) for one in trials
        if len(one.results) == len(seeds) and all(result.effect is Effect.CURES for result in one.results.values())
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
        results = {}
        for seed in seeds:
            bench.pace.doing = f"together: {'; '.join(one.title for one in some)}{_under(seed, seeds)}"
            results[seed] = bench.settled(bench.tried(changes, seed), changes, seed)
            if results[seed].effect is not Effect.CURES:
                return None
        return results

    whole = None
    with suppress(Spent):
        whole = works(members) if len(members) > 1 else None
    if whole is None:
        return []
    members, whole, complete = _fewer(members, whole, works)
    changes = joined(members, bench.texts)
    assert changes is not None  # they worked
    return [Smallest(tuple(members), changes, whole, count, complete and count < bench.book.budget.sets)]


def _fewer(
    members: list[Candidate], whole: dict[int | None, Result],
    works: Callable[[Sequence[Candidate]], dict[int | None, Result] | None],
) -> tuple[list[Candidate], dict[int | None, Result], bool]:  # fmt: skip
    """Leave parts out as long as the rest works; tell whether all was tried that could be left out."""
    parts = 2
    while len(members) > 1:
        size = -(-len(members) // parts)
        pieces = [members[at : at + size] for at in range(0, len(members), size)]
        rests = [[one for one in members if one not in piece] for piece in pieces]
        tries = [some for some in [*pieces, *rests] if len(some) < len(members)]
        try:
            smaller = next(((some, got) for some in tries if (got := works(some))), None)
        except Spent:
            return members, whole, False
        if smaller is not None:
            members, whole = smaller
            parts = max(2, min(parts - 1, len(members)))
        elif parts >= len(members):
            break
        else:
            parts = min(len(members), 2 * parts)
    return members, whole, True


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
