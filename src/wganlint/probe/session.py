"""`wganlint probe` from its options to its account: warns, runs, writes the file, tells the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from wganlint.errors import UsageError
from wganlint.measured import Probe
from wganlint.probe.command import Command
from wganlint.probe.probing import Options, as_json, run_probe
from wganlint.probe.profiled import beside, write
from wganlint.probe.told import told
from wganlint.read.sniff import PROBE

MEASURED, FAILED, NOTHING = 0, 2, 3
GATES = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "TF_BUILD")


def check_gate(command: str, *, yes: bool) -> None:
    """Refuse to run user code in CI where nobody has asked for it.

    Raises:
        UsageError: in CI without `yes`.
    """
    if not yes and any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in GATES):
        raise UsageError(f"wganlint {command} runs user code, and this is CI", hint="say --yes if that is wanted here")


def probe_and_write(
    command: Command, options: Options, into: Path, *, yes: bool, say: Callable[[str], None]
) -> tuple[str, int]:
    """Probe, write the file, and return the account and the exit code.

    Raises:
        UsageError: in CI without `yes`, or the file or the command is not usable.
    """
    check_gate("probe", yes=yes)
    check_into(into, PROBE.encode(), "the file of a probe")
    if options.profile and options.in_place:
        raise UsageError("--profile runs the program once more", hint="leave out --in-place")
    if options.profile and not into.exists() and (there := [file for file in beside(into) if file.exists()]):
        raise UsageError(f"{there[0]} is there and is not of a probe", hint="name another file with --into")
    where = "in this folder" if options.in_place else "in a copy of this folder"
    say(f"this runs your code, {where}, for up to {options.timeout:g} s: {' '.join(command.words)}")
    probed = run_probe(command, options, Path.cwd(), say)
    for notice in probed.notices:
        say(notice)
    probe = probed.probe
    if probe.steps or probe.ending.kind == "forward":
        try:
            into.parent.mkdir(parents=True, exist_ok=True)
            into.write_bytes(as_json(probe))
        except OSError as error:
            raise UsageError(f"cannot write {into}: {error.strerror}", hint="name another file with --into") from None
        say(f"written: {into}")
    if probed.profile is not None:
        say(f"written: {', '.join(str(file) for file in write(probed.profile, into))}")
    return told(probe, probed.profile.lines if probed.profile is not None else ()), code_of(probe)


def code_of(probe: Probe) -> int:
    """Return the exit code of a probe."""
    if probe.ending.kind in ("crashed", "exited", "timeout", "killed", "interrupted"):
        return FAILED
    return MEASURED if probe.steps or probe.ending.kind == "forward" else NOTHING


def check_into(into: Path, mark: bytes, what: str) -> None:
    """Refuse to write over a file that is none of ours; ours hold `mark` among their first bytes.

    Raises:
        UsageError: there is a folder, or another file than `what`.
    """
    if into.is_dir():
        raise UsageError(f"{into} is a folder", hint="name a file with --into")
    try:
        with into.open("rb") as stream:
            head = stream.read(200)
    except OSError:
        return
    if head and mark not in head:
        raise UsageError(f"{into} is there and is not {what}", hint="name another file with --into")
