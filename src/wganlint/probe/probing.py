"""The way of a probe: a command becomes two runs of the user's script, one plain and one measured, and then a Probe."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from wganlint import __version__
from wganlint.errors import UsageError
from wganlint.measured import VERSION, Ending, Line, Probe, Timing
from wganlint.probe.command import Command
from wganlint.probe.profiled import TABLE, TRACE, Profile, taken
from wganlint.probe.runner import Outcome, execute
from wganlint.probe.scratch import copy_folder, inside, state_of
from wganlint.read.header import settings_of
from wganlint.read.roles import role_book
from wganlint.read.sniff import PROBE

WELL = ("steps", "finished", "stopped-hard")  # how a script ends that did what was asked
PRINTED = 15  # last lines of the script's output that are kept where it failed


class Options(Struct, frozen=True):
    """How a probe is to run. `scratch`: a folder to keep the copy in; `in_place`: run in the user's own folder."""

    steps: int = 20
    timeout: float = 600.0
    light: bool = False
    seed: int | None = 0
    scratch: Path | None = None
    in_place: bool = False
    plain: bool = True
    roles: dict[str, str] = field(default_factory=dict)
    device: str = "auto"  # "cpu" hides CUDA devices, "cuda" wants one, "auto" leaves it to the program
    profile: bool = False  # once more, without instruments, under torch.profiler
    checkpoint: dict[str, str] = field(default_factory=dict)  # files by role, "" for both; of a target only


class Probed(Struct, frozen=True):
    """What a probe measured, and what must be said beside it."""

    probe: Probe
    notices: tuple[str, ...] = ()
    profile: Profile | None = None


def run_probe(command: Command, options: Options, folder: Path, say: Callable[[str], None]) -> Probed:
    """Run the user's command under instruments and return what was measured.

    Raises:
        UsageError: the command cannot be started, or its interpreter has no torch.
    """
    notices: list[str] = []
    with tempfile.TemporaryDirectory(prefix="wganlint-probe-", ignore_cleanup_errors=True) as temporary:
        room = Path(temporary)
        before = {} if options.in_place else state_of(folder)
        plain: Outcome | None = None
        plain_wanted = options.plain and not options.in_place
        if plain_wanted and command.kind != "target":
            say(f"running {options.steps} steps without instruments")
            plain = _once(command, options, folder, room, "plain", notices)
            late = _ended(plain, options).kind == "timeout" and len(plain.written.get("ticks", [])) < options.steps
            if late or plain.interrupted:
                return Probed(probe_of(command, options, folder, "plain", None, plain), tuple(notices))
        say(f"running {options.steps} steps with instruments")
        mode = "light" if options.light else "default"
        measured = _once(command, options, folder, room, mode, notices)
        if plain_wanted and command.kind == "target" and measured.written.get("ticks"):
            say(f"running {options.steps} steps without instruments")
            plain = _once(command, options, folder, room, "plain", notices)
        if plain is not None and _differ(plain, measured):
            say("the weights differ from those of the run without instruments: once more, to see why")
            if _differ(plain, _once(command, options, folder, room, "plain", notices)):
                notices.append("the script does not repeat by itself (its seeds, threads or workers)")
                plain.written.pop("fingerprint", None)
        profile: Profile | None = None
        if options.profile and _ended(measured, options).kind in WELL:
            say(f"running {options.steps} steps without instruments, under torch.profiler")
            got = _once(command, options, folder, room, "profile", notices)
            found = taken(got.place, got.written.get("window", {"why": _ended(got, options).text}))
            if isinstance(found, Profile):
                profile = found
            else:
                notices.append(f"no profile: {found}")
        if not options.in_place:
            ours = {_file_of(stream) for stream in (1, 2)}  # what this command's own output is written to
            changed = [
                name
                for name, state in state_of(folder).items()
                if before.get(name) != state and _file_of(name) not in ours
            ]
            if changed:
                notices.append(f"files of your project changed meanwhile: {', '.join(sorted(changed)[:3])}")
    return Probed(probe_of(command, options, folder, mode, plain, measured), tuple(dict.fromkeys(notices)), profile)


def _file_of(what: str | int) -> tuple[int, int]:
    try:
        info = os.stat(what)  # noqa: PTH116 - a descriptor, too
    except OSError:
        return (0, 0)
    return info.st_dev, info.st_ino


def _differ(one: Outcome, other: Outcome) -> bool:
    mine, theirs = one.written.get("fingerprint"), other.written.get("fingerprint")
    return bool(mine and theirs and mine != theirs)


def _once(command: Command, options: Options, folder: Path, room: Path, mode: str, notices: list[str]) -> Outcome:
    place = Path(tempfile.mkdtemp(prefix=f"{mode}-", dir=room))
    where, guarded = folder, []
    if not options.in_place:
        keep = options.scratch is not None and mode in ("default", "light")
        into = options.scratch if options.scratch is not None and keep else place / "copy"
        if into.exists() and any(into.iterdir()):
            raise UsageError(f"{into} is not empty", hint="--scratch takes a new folder")
        copy = copy_folder(folder, into)
        where, guarded = copy.folder, [str(folder.resolve())]
        if copy.linked and mode != "plain":
            notices.append(f"too large to copy, so read where they are: {', '.join(copy.linked[:3])}")
    order: dict[str, Any] = {
        "mode": mode, "steps": options.steps, "seed": options.seed, "roles": options.roles, "guarded": guarded,
        "shown": {} if options.in_place else {str(folder.resolve()): ""}, "kind": command.kind,
        "name": _name(command, folder, where),
        "argv": list(command.arguments), "device": options.device,
        "checkpoint": options.checkpoint, "trace": str(place / TRACE), "table": str(place / TABLE),
    }  # fmt: skip
    outcome = execute(command, order, folder=where, place=place, timeout=options.timeout)
    if outcome.written.get("ending", {}).get("kind") == "no-torch":
        raise UsageError(
            f"there is no torch in {command.interpreter}",
            hint="the probe needs it where your script runs: pip install torch (or 'wganlint[probe]')",
        )
    told = outcome.written.get("ending", {})
    if told.get("kind") == "refused":
        raise UsageError(told["text"], hint=told.get("hint", ""))
    notices += outcome.written.get("notes", [])
    for name in outcome.written.get("refused", [])[:3]:
        notices.append(f"the script wanted to write {name}, in your project: refused; --in-place lets it")
    return outcome


def _name(command: Command, folder: Path, where: Path) -> str:
    """Return what is to be run, as named where it runs."""
    if command.kind == "script":
        return inside(command.name, folder, where)
    module, _, function = command.name.rpartition(":")
    return f"{inside(module, folder, where)}:{function}" if module.endswith(".py") else command.name


def _ended(outcome: Outcome, options: Options) -> Ending:
    """Return how a run ended, by what it wrote, or by how its process ended."""
    told = outcome.written.get("ending", {})
    if told.get("kind") not in (None, "running"):
        return msgspec.convert(told, Ending)
    if outcome.interrupted:
        return Ending("interrupted", "you stopped it (Ctrl-C); it was ended with all that it started")
    if outcome.timed_out:
        file, _, line = outcome.hang.rpartition(":")
        where = Line(Path(file).name, int(line)) if line.isdigit() else None
        return Ending("timeout", f"it was still running after {options.timeout:g} s, and was ended", None, where)
    if outcome.code < 0:
        try:
            name = signal.Signals(-outcome.code).name
        except ValueError:
            name = f"signal {-outcome.code}"
        often = ", as when memory runs out" if name == "SIGKILL" else ""
        return Ending("killed", f"its process was ended by {name}{often}", outcome.code)
    last = next((line.strip() for line in reversed(outcome.output.splitlines()) if line.strip()), "")
    if outcome.code == 0:
        return Ending("exited", "its process ended without a word (os._exit)", 0)
    return Ending("crashed", f"its process ended with code {outcome.code}: {last}"[:400], outcome.code)


def _timing(plain: Outcome | None, measured: Outcome, mode: str) -> Timing:
    probed = measured.written.get("ticks", [])
    wall, trials = round(measured.seconds, 3), measured.written.get("experiments")
    if len(probed) < 2:
        return Timing(wall, how="fewer than two steps")
    if plain is None or not plain.written.get("ticks"):
        mean = (probed[-1] - probed[0]) / (len(probed) - 1)
        return Timing(wall, None, mean, None, "no run without instruments", trials)
    ticks = plain.written["ticks"]
    most = min(len(ticks), len(probed))
    first = max(1, most // 4)
    if most - first < 1:
        return Timing(wall, how="fewer than two steps")
    without, within = _step(ticks[first - 1 : most]), _step(probed[first - 1 : most])
    how = f"steps {first + 1} to {most} of the same script, run once without instruments before"
    return Timing(wall, without, within, within / without if without > 0 else None, how, trials)


def _step(ticks: list[float]) -> float:
    """Return the mean time from tick to tick, without the slowest tenth: a busy machine is no cost of ours."""
    times = sorted(after - before for before, after in pairwise(ticks))
    kept = times[: max(1, len(times) - len(times) // 10)]
    return float(sum(kept) / len(kept))


def probe_of(
    command: Command, options: Options, folder: Path, mode: str, plain: Outcome | None, measured: Outcome
) -> Probe:
    """Return what was measured, as it is written: from what a run left, and how it ended."""
    ending = _ended(measured, options)
    found = measured.written.get("measured", {})
    prints = plain.written.get("fingerprint") if plain is not None else None
    mine = measured.written.get("fingerprint")
    failed = ending.kind not in (*WELL, "forward")
    lines = measured.output.rstrip().splitlines()[-PRINTED:] if failed else []
    weights = [f"--checkpoint={role and role + '='}{Path(file).name}" for role, file in options.checkpoint.items()]
    told: dict[str, Any] = {
        "command": [word[:300] for word in (*command.words, *weights)[:40]], "script": command.name[:300],
        "folder": folder.name, "python": "", "torch": "", "device": "", "steps": 0, "rounds": 0, **found, "mode": mode,
        "asked_steps": options.steps, "seed": options.seed, "wganlint": __version__,
        "ending": msgspec.to_builtins(ending), "timing": msgspec.to_builtins(_timing(plain, measured, mode)),
        "printed": rates_printed(measured.output),
        "target": command.kind == "target",
        "memory_peak": (plain or measured).written.get("memory_peak"),
        "unchanged": (prints == mine) if prints and mine else None, "output": "\n".join(lines)[-1900:],
    }  # fmt: skip
    return msgspec.convert(told, Probe)


def rates_printed(output: str) -> list[dict[str, Any]]:
    """Return the learning rates that a script printed, as our reader of headers sees them; each value once."""
    book = role_book()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in settings_of(enumerate(output.splitlines(), 1), "output"):
        if one.number is not None and book.meaning(one.name, one.context or one.quote) == "learning_rate":
            name, value = one.name[:60], one.value[:60]
            told = {"name": name, "value": value, "number": one.number, "line": one.quote.strip()[:300]}
            found.setdefault((name, value), told)
    return list(found.values())[:40]


def as_json(probe: Probe) -> bytes:
    """Return the file of a probe, which read/ takes in."""
    data = msgspec.json.encode({PROBE: VERSION, **msgspec.to_builtins(probe)})
    return msgspec.json.format(data, indent=1) + b"\n"
