"""`wganlint verify` from its options to its account: reads the folder, warns, tries the fixes, writes what it found."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from wganlint.analysis import analyze, load_runs
from wganlint.errors import UsageError
from wganlint.finding import Finding
from wganlint.probe.changed import Measured
from wganlint.probe.command import Command
from wganlint.probe.edits import needed
from wganlint.probe.probing import Options, as_json
from wganlint.probe.session import GATES
from wganlint.read.sniff import VERIFY
from wganlint.run import Run
from wganlint.verify import account
from wganlint.verify.account import Verified
from wganlint.verify.candidates import Candidate, Left, candidates
from wganlint.verify.policy import Policy, policy
from wganlint.verify.signs import Signs, sick
from wganlint.verify.trying import Bench, alone, smallest

VERIFIED, UNCURED, FAILED, NOTHING = 0, 1, 2, 3
MARK = VERIFY.encode()


class Order(Struct, frozen=True):
    """What the user asked for. `seeds`: none means the script's own; `only`: codes whose fixes are tried."""

    options: Options
    seeds: tuple[int, ...] = ()
    only: tuple[str, ...] = ()
    into: Path = Path("verify.json")
    patch: Path | None = None
    yes: bool = False


def verify(command: Command, order: Order, folder: Path, say: Callable[[str], None]) -> tuple[str, int]:
    """Try the fixes of the folder's report; return the account and the exit code.

    Raises:
        UsageError: LibCST or torch is missing, in CI without --yes, or a file cannot be written.
    """
    needed()
    if not order.yes and any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in GATES):
        raise UsageError("wganlint verify runs user code, and this is CI", hint="say --yes if that is wanted here")
    _check(order.into)
    book = policy()
    run, findings = _read(folder)
    if run is None or run.source is None:
        return "nothing to verify: no Python source was found in this folder\n", NOTHING
    texts = _texts(folder, run.source.files)
    found, left = candidates(findings, run.source, texts, book)
    if order.only:
        known = {one.code for one in found if one.code}
        if unknown := [code for code in order.only if code not in known]:
            raise UsageError(f"no fix to try for {', '.join(unknown)}", hint=f"there are: {', '.join(sorted(known))}")
        found = [one for one in found if one.code in order.only]
    if not found:
        reasons = "".join(f"  {one.title} ({one.code}): {one.why}\n" for one in left)
        return f"nothing to verify: no fix of this report is an edit that wganlint can make\n{reasons}", NOTHING
    seeds: tuple[int | None, ...] = order.seeds or (None,)
    options = order.options
    say(
        f"this runs your code in copies of this folder: {len(found)} fixes, {len(seeds)} seed{'s'[: len(seeds) > 1]},"
        f" {options.steps} optimizer steps and more, at most {options.timeout:g} s a run: {' '.join(command.words)}"
    )
    turned = run.convention.sign == -1
    bench = Bench(command, folder, options, book, texts, _reader(texts), say, _seed_option(run, book), turned)
    return _tried(bench, order, found, left, seeds)


def _tried(
    bench: Bench, order: Order, found: list[Candidate], left: list[Left], seeds: Sequence[int | None]
) -> tuple[str, int]:  # fmt: skip
    bench.say("without a fix")
    steps = bench.options.steps
    base = {seed: bench.base(seed, steps) for seed in seeds}
    for now in base.values():
        if now.broken:
            return f"nothing was verified: the script itself fails: {now.text}\n", FAILED
    ill = [seed for seed in seeds if sick(base[seed], bench.book.vital)]
    if not ill:
        return _well(bench, base), NOTHING
    trials = alone(bench, found, ill)
    sets = smallest(bench, trials, ill)
    done = Verified(
        bench.command.words, steps, {seed: base[seed] for seed in ill}, tuple(trials), tuple(sets), tuple(left),
        bench.runs, bench.texts, tuple(seed for seed in seeds if seed not in ill),
    )  # fmt: skip
    _write(order.into, account.as_json(done, bench.book))
    bench.say(f"written: {order.into}")
    if order.patch is not None and sets:
        _write(order.patch, account.diff(bench.texts, sets[0].changes).encode("utf-8"))
        bench.say(f"written: {order.patch} (git apply {order.patch})")
    return account.told(done, bench.book), VERIFIED if sets else UNCURED


def _well(bench: Bench, base: Mapping[int | None, Signs]) -> str:
    figures = account.told_signs(next(iter(base.values())))
    return (
        f"nothing to verify: after {bench.options.steps} steps of this command no vital sign is sick\n"
        f"  {figures}\n"
        "  Does the log come from another command? Give the options that it was run with.\n"
    )


def _read(folder: Path) -> tuple[Run | None, Sequence[Finding]]:
    """Return the run of a folder that has source, with what was found in it."""
    runs = [run for run in load_runs([folder]) if run.source is not None]
    if not runs:
        return None, ()
    report = analyze([folder])
    mine = {run.id: [one for one in report.findings if one.run == run.id] for run in runs}
    best = max(runs, key=lambda run: sum(int(one.severity) for one in mine[run.id]))
    return best, mine[best.id]


def _texts(folder: Path, files: Sequence[str]) -> dict[str, str]:
    texts = {}
    for name in files:
        try:
            texts[name] = (folder / name).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # an edit there is told to be impossible
    return texts


def _seed_option(run: Run, book: Policy) -> str:
    """Return the option by which the script takes its seed, "" if it has none that is known."""
    defaults = run.source.defaults if run.source else ()
    names = {one.name.lstrip("-").replace("-", "_") for one in defaults if one.kind == "option"}
    return next((one for one in book.budget.seed_options if one.lstrip("-").replace("-", "_") in names), "")


def _reader(texts: Mapping[str, str]) -> Callable[[Measured, Mapping[str, str]], Run | None]:
    def read(got: Measured, changes: Mapping[str, str]) -> Run | None:
        with tempfile.TemporaryDirectory(prefix="wganlint-read-") as room:
            Path(room, "train.log").write_text(got.output, encoding="utf-8")
            Path(room, "probe.json").write_bytes(as_json(got.probe))
            for name, text in {**texts, **changes}.items():
                file = Path(room, name)
                if file.resolve().is_relative_to(Path(room).resolve()):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(text.encode("utf-8"))
            try:
                runs = load_runs([room])
            except Exception:  # what the user's script printed must not stop the trials
                return None
        return max(runs, key=lambda run: len(run.series), default=None)

    return read


def _check(into: Path) -> None:
    """Refuse to write over a file that is none of ours."""
    if into.is_dir():
        raise UsageError(f"{into} is a folder", hint="name a file with --into")
    try:
        with into.open("rb") as stream:
            head = stream.read(200)
    except OSError:
        return
    if head and MARK not in head:
        raise UsageError(f"{into} is there and is not a file of verify", hint="name another file with --into")


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="check the folder") from None
