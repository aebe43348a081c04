"""`wganlint verify` from its options to its account: reads the folder, warns, tries the fixes, writes what it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from wganlint.analysis import judged
from wganlint.errors import InputError, UsageError
from wganlint.finding import Finding
from wganlint.otherwise import Told, otherwise, script_options
from wganlint.probe.changed import Measured
from wganlint.probe.command import Command
from wganlint.probe.probing import Options, as_json
from wganlint.probe.session import check_gate, check_into
from wganlint.probe.syntax import needed
from wganlint.read.probed import read_probe
from wganlint.read.sniff import VERIFY
from wganlint.run import Run
from wganlint.verify import account
from wganlint.verify.account import Verified
from wganlint.verify.candidates import Candidate, Left, candidates
from wganlint.verify.folder import reader, run_of, texts_of
from wganlint.verify.pace import Pace, Show, Silent, Spent, in_words
from wganlint.verify.policy import policy
from wganlint.verify.signs import Signs, sick
from wganlint.verify.trying import Bench, alone, smallest

VERIFIED, UNCURED, FAILED, NOTHING, STOPPED = 0, 1, 2, 3, 130
MARK = VERIFY.encode()


class Order(Struct, frozen=True):
    """What the user asked for. `seeds`: none means the script's own; `only`: codes whose fixes are tried.

    `runs` and `minutes`: at most so many; None: as rules/edits.toml has it.
    """

    options: Options
    seeds: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    into: Path = Path("verify.json")
    patch: Path | None = None
    yes: bool = False
    runs: int | None = None
    minutes: float | None = None


def verify(
    command: Command, order: Order, folder: Path, say: Callable[[str], None], show: Show | None = None
) -> tuple[str, int]:  # fmt: skip
    """Try the fixes of the folder's report; return the account and the exit code.

    `show` is where somebody sees what is running; `say` tells what must be known in any case.

    Raises:
        UsageError: LibCST or torch is missing, in CI without --yes, or a file cannot be written.
    """
    needed()
    check_gate("verify", yes=order.yes)
    check_into(order.into, MARK, "a file of verify")
    book = policy()
    run, findings = run_of(folder)
    if run is None or run.source is None:
        return "nothing to verify: no Python source was found in this folder\n", NOTHING
    texts = texts_of(folder, run.source.files)
    _known(order, findings)
    pace = Pace(order.runs or book.budget.runs, 60 * (order.minutes or book.budget.minutes), show or Silent())
    seeds: tuple[int | None, ...] = order.seeds or (None,)
    say(
        f"this runs your code in copies of this folder, at most {pace.most} times and {in_words(pace.seconds)} in all"
        f" (--most-runs, --minutes), {order.options.timeout:g} s a run: {' '.join(command.words)}"
    )
    turned = run.convention.sign == -1
    known = script_options(command.name, texts)
    stated = [one for one in run.settings if one.origin == "header"]
    told = [Told.at(one.name, one.value, one.place.file, one.place.line) for one in stated]
    if line := otherwise(told, command.arguments, known):
        say(line)
    option = next((one for one in book.budget.seed_options if one in known), "")
    if order.seeds and not option:
        say("the script takes no --seed: each seed is set before it starts, and a seed that it sets itself stands")
    bench = Bench(command, folder, order.options, book, texts, reader(texts), pace, option, turned)
    base = _without(bench, seeds)
    if not base:
        return f"nothing was verified: {pace.why}\n", STOPPED
    if broken := [now for now in base.values() if now.broken]:
        return f"nothing was verified: the script itself fails: {broken[0].text}\n", FAILED
    ill = {seed: now for seed, now in base.items() if sick(now, book.vital)}
    if not ill:
        return _well(bench, base), NOTHING
    measured = bench.measured({}, next(iter(ill)), bench.options.steps)
    found, left = candidates(_judged(run, measured, findings), run.source, texts, book, measured.probe)
    if order.only:
        found = [one for one in found if one.code in order.only]
    if not found:
        reasons = "".join(f"  {one.title} ({one.code}): {one.why}\n" for one in left)
        return f"nothing to verify: no fix of this report is an edit that wganlint can make\n{reasons}", NOTHING
    say(_forecast(bench, found, list(ill)))
    return _tried(bench, order, found, left, ill, [seed for seed in base if seed not in ill], say)


def _without(bench: Bench, seeds: Sequence[int | None]) -> dict[int | None, Signs]:
    """Measure the script as it is, under each seed as far as the limits go."""
    base: dict[int | None, Signs] = {}
    bench.pace.plan(len(seeds), bench.options.steps)
    with suppress(Spent):
        for seed in seeds:
            bench.pace.doing = f"without a fix{f', seed {seed}' if seed is not None else ''}"
            base[seed] = bench.base(seed, bench.options.steps)
    return base


def _forecast(bench: Bench, found: Sequence[Candidate], seeds: Sequence[int | None]) -> str:
    """Return how many runs are to come and how long they take."""
    number, one = len(found) * len(seeds), bench.pace.expected(bench.options.steps) or 0.0
    each = f"{len(found)} fix{'es'[: 2 * (len(found) > 1)]}"
    under = f" under {len(seeds)} seeds" if len(seeds) > 1 else ""
    room = min(bench.pace.most - bench.pace.runs, int(bench.pace.left() / max(one, 0.1)))
    rest = (
        "longer ones of what gets better come on top" if number <= room else f"the limits leave room for {max(0, room)}"
    )
    runs = f"{number} run{'s'[: number > 1]} of about {in_words(one)}, {in_words(number * one)}"
    return f"{each} to try{under}: {runs}; {rest}"


def _tried(
    bench: Bench, order: Order, found: list[Candidate], left: list[Left], ill: Mapping[int | None, Signs],
    well: Sequence[int | None], say: Callable[[str], None],
) -> tuple[str, int]:  # fmt: skip
    seeds, pace = list(ill), bench.pace
    trials = alone(bench, found, seeds)
    sets = smallest(bench, trials, seeds)
    tried = {one.candidate.title for one in trials}
    late = [Left(one.title, one.code, pace.why) for one in found if one.title not in tried]
    done = Verified(
        bench.command.words, bench.options.steps, dict(ill), tuple(trials), tuple(sets), (*late, *left),
        bench.runs, bench.texts, tuple(well), pace.why,
    )  # fmt: skip
    if not trials:
        return f"nothing was compared: {pace.why}\n", STOPPED
    _write(order.into, account.as_json(done, bench.book))
    say(f"written: {order.into}")
    if order.patch is not None and sets:
        _write(order.patch, account.diff(bench.texts, sets[0].changes).encode("utf-8"))
        say(f"written: {order.patch} (git apply {order.patch})")
    elif order.patch is not None:
        say(f"not written: {order.patch}, as nothing that was tried cures")
    return account.told(done, bench.book), STOPPED if pace.stopped else VERIFIED if sets else UNCURED


def _known(order: Order, findings: Sequence[Finding]) -> None:
    """Refuse a code that no rule has."""
    if not order.only:
        return
    from wganlint.rules.catalogue import catalogue

    book = catalogue(())
    if unknown := [code for code in order.only if book.find(code) is None]:
        there = ", ".join(sorted({one.code for one in findings if one.fixes}))
        raise UsageError(f"no such rule: {', '.join(unknown)}", hint=f"with fixes in this report: {there or 'none'}")


def _judged(run: Run, measured: Measured, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return what is found once the run without a fix is known, and what was found without it beside."""
    try:
        more = judged(replace(run, probe=read_probe(as_json(measured.probe), "probe.json")))
    except InputError:  # the fixes of the report as it stands are tried all the same
        return findings
    known = {one.code for one in more}
    return [*more, *(one for one in findings if one.code not in known)]


def _well(bench: Bench, base: Mapping[int | None, Signs]) -> str:
    figures = account.told_signs(next(iter(base.values())))
    return (
        f"nothing to verify: after {bench.options.steps} steps of this command no vital sign is sick\n"
        f"  {figures}\n"
        "  Does the log come from another command? Give the options that it was run with.\n"
    )


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="check the folder") from None
