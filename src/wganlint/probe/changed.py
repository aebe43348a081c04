"""One measured run of the user's script in a copy in which some files read differently; the user's tree stays."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from wganlint.errors import UsageError
from wganlint.measured import Probe
from wganlint.probe.command import Command
from wganlint.probe.probing import Options, probe_of
from wganlint.probe.runner import execute
from wganlint.probe.scratch import copy_folder, inside


class Measured(Struct, frozen=True):
    """What was measured, and the end of what the script printed."""

    probe: Probe
    output: str


def measure(command: Command, options: Options, folder: Path, changes: Mapping[str, str]) -> Measured:
    """Run the command in a copy of the folder with `changes` (path in the folder -> text) under instruments.

    Raises:
        UsageError: the copy cannot be made or changed, the command cannot be started, or there is no torch.
    """
    with tempfile.TemporaryDirectory(prefix="wganlint-verify-", ignore_cleanup_errors=True) as temporary:
        room = Path(temporary)
        copy = copy_folder(folder, room / "copy")
        for name, text in changes.items():
            _write(copy.folder, name, text)
        order: dict[str, Any] = {
            "mode": "light" if options.light else "default", "steps": options.steps, "seed": options.seed,
            "roles": options.roles, "guarded": [str(folder.resolve())], "shown": {str(folder.resolve()): ""},
            "kind": command.kind,
            "name": inside(command.name, folder, copy.folder) if command.kind == "script" else command.name,
            "argv": list(command.arguments),
        }  # fmt: skip
        place = room / "place"
        place.mkdir()
        outcome = execute(command, order, folder=copy.folder, place=place, timeout=options.timeout)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.written.get("ending", {}).get("kind") == "no-torch":
            raise UsageError(
                f"there is no torch in {command.interpreter}",
                hint="verify needs it where your script runs: pip install torch (or 'wganlint[probe]')",
            )
        probe = probe_of(command, options, folder, "light" if options.light else "default", None, outcome)
        return Measured(probe, outcome.output)


def _write(folder: Path, name: str, text: str) -> None:
    """Change a file of the copy; what is only a link to the user's own file is not written through."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()) or file.is_symlink() or not file.is_file():
        raise UsageError(f"{name} was too large to copy, so it cannot be changed there", hint="start in its folder")
    file.write_bytes(text.encode("utf-8"))
