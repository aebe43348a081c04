"""A copy of the user's folder to run in, so that nothing of the project is changed."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from msgspec import Struct, field

from wganlint.errors import UsageError

LARGEST = 8 << 20  # bytes of a file that is copied; larger ones are linked
BUDGET = 256 << 20  # bytes that are copied in all
CROWD = 1000  # entries from which a folder is linked whole
MOST = 20_000  # entries that are looked at
_LINKED = frozenset({".git", ".hg", "node_modules", ".venv", "venv", "site-packages", ".tox", "wandb", "mlruns"})
_LEFT = frozenset({"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"})


class Copy(Struct):
    """Where the copy of the folder lies, and what of it is only a link to the original."""

    root: Path
    folder: Path
    linked: list[str] = field(default_factory=list)
    copied: int = 0
    seen: int = 0


def copy_folder(folder: Path, into: Path) -> Copy:
    """Copy a folder; large files and crowded folders become links, which the guard keeps from being written.

    The neighbours of the folder are linked beside the copy, so that `../data` leads where it led.

    Raises:
        UsageError: the copy cannot be made.
    """
    folder = folder.resolve()
    try:
        place = into / "beside" / folder.name if folder.name else into / "beside" / "root"
        place.mkdir(parents=True)
        found = Copy(into, place)
        _copy(folder, place, "", found)
        if folder.parent != folder and folder.parent not in (Path("/"), Path.home().parent):
            for entry in sorted(os.scandir(folder.parent), key=lambda one: one.name)[:CROWD]:
                target = place.parent / entry.name
                if entry.name != folder.name and not target.is_symlink() and not target.exists():
                    target.symlink_to(entry.path)
    except OSError as error:
        raise UsageError(
            f"no copy of {folder} could be made: {error.strerror or error}",
            hint="name a folder with --scratch, or run in place with --in-place",
        ) from None
    return found


def inside(script: str, folder: Path, where: Path) -> str:
    """Return the script's name where it runs: an absolute path into the folder leads into its copy."""
    path = Path(script)
    if path.is_absolute() and path.resolve().is_relative_to(folder.resolve()):
        return str(where / path.resolve().relative_to(folder.resolve()))
    return script


def _copy(source: Path, target: Path, shown: str, found: Copy) -> None:
    with os.scandir(source) as scan:
        entries = sorted(scan, key=lambda one: one.name)
    for entry in entries:
        found.seen += 1
        name = shown + entry.name
        if entry.name in _LEFT or Path(entry.path).resolve() == found.root.resolve():
            continue
        place = target / entry.name
        try:
            info = entry.stat()
            if entry.is_symlink():
                place.symlink_to(Path(entry.path).resolve())
            elif stat.S_ISDIR(info.st_mode):
                if _is_linked(entry, found):
                    place.symlink_to(entry.path)
                    found.linked.append(name + "/")
                else:
                    place.mkdir()
                    _copy(Path(entry.path), place, name + "/", found)
            elif stat.S_ISREG(info.st_mode):
                if info.st_size > LARGEST or found.copied + info.st_size > BUDGET:
                    place.symlink_to(entry.path)
                    found.linked.append(name)
                else:
                    shutil.copy2(entry.path, place)
                    found.copied += info.st_size
        except PermissionError:
            found.linked.append(f"{name} (not readable: left out)")


def _is_linked(entry: os.DirEntry[str], found: Copy) -> bool:
    if entry.name in _LINKED or found.seen > MOST:
        return True
    try:
        with os.scandir(entry.path) as inner:
            names = [one.name for one in inner]
    except OSError:
        return True
    return len(names) > CROWD or "pyvenv.cfg" in names


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of the files of a folder, to see afterwards that nothing has changed."""
    found: dict[str, tuple[int, int]] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LINKED | _LEFT]
        for name in files:
            try:
                info = os.lstat(os.path.join(place, name))  # noqa: PTH118 - twenty thousand of them
            except OSError:
                continue
            found[os.path.join(place, name)] = (info.st_size, info.st_mtime_ns)  # noqa: PTH118
        if len(found) > MOST:
            break
    return found
