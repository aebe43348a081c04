"""The data that ships with the package, beside the code in a wheel, at the top of a checkout else; kept parsed.

Python parses TOML in Python, which takes a millisecond or two a rule, at each start. So what decides whether rules
fire is kept as Python keeps modules: in `__pycache__`, made anew when a file has changed, and never needed.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from wganlint.errors import ConfigError

Stamp = list[list[str | int]]  # of each file: name, size, time of the last change in ns
BODY = frozenset(  # parts of a rule that are read when it fires
    {"grade", "confidence", "title", "say", "alternative", "link", "fix", "references", "example"}
)


def rules_folder() -> Path:
    """Return the folder of the shipped rules.

    Raises:
        ConfigError: neither the package nor a checkout around it has one (a broken installation).
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "rulebook", package.parents[1] / "rules"):
        if (folder / "roles.toml").is_file():
            return folder
    raise ConfigError(
        "the rules that ship with wganlint are not there",
        hint="reinstall: pip install --force-reinstall wganlint",
    )


@cache
def parsed() -> dict[str, dict[str, Any]]:
    """Return what the shipped TOML files say but for `BODY`, by their names; without those that are no TOML."""
    return parse(rules_folder())


def parse(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the TOML files under a folder say but for `BODY`; as kept, if none has changed."""
    files = sorted([*folder.glob("*.toml"), *folder.glob("*/*.toml")])
    stamp: Stamp = [[file.relative_to(folder).as_posix(), *_state(file)] for file in files]
    kept = folder / "__pycache__" / "rules.json"
    found = _kept(kept, stamp)
    if found is None:
        import tomllib

        found = {}
        for file in files:
            try:
                data = tomllib.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                continue  # who needs it reads it and says what is wrong
            found[file.relative_to(folder).as_posix()] = {key: data[key] for key in data if key not in BODY}
        _keep(kept, (stamp, found))
    return found


def _state(file: Path) -> tuple[int, int]:
    try:
        state = file.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _kept(file: Path, stamp: Stamp) -> dict[str, dict[str, Any]] | None:
    try:
        known, found = json.loads(file.read_bytes())
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return found if known == stamp and isinstance(found, dict) else None


def _keep(file: Path, what: tuple[Stamp, dict[str, dict[str, Any]]]) -> None:
    if sys.dont_write_bytecode:
        return
    made = file.with_suffix(f".{os.getpid()}")
    try:
        data = json.dumps(what)
        file.parent.mkdir(exist_ok=True)
        made.write_text(data, encoding="utf-8")
        made.replace(file)  # at once: another process may read it now
    except (OSError, ValueError, TypeError):  # a folder that cannot be written; a date, which JSON does not know
        return
