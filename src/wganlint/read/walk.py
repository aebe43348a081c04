"""What lies under a path: each file sorted by its name, or skipped with a reason; part of read/discover."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct, field

from wganlint.errors import InputError, UsageError
from wganlint.late import late
from wganlint.read.attempts import File
from wganlint.read.opening import head_of
from wganlint.read.sniff import SKELETON, is_config, is_run_folder, kind_of

DEEPEST = 40  # folders below the given one
FOLDED = 5  # skipped files of one kind in one folder that are listed one by one

_CLOSED = frozenset({
    ".git", ".hg", ".svn", "node_modules", "__pycache__", "site-packages", "dist-packages", ".tox", ".nox",
    ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints", ".eggs", ".idea", ".vscode",
    ".cache",
})  # fmt: skip
_NO_LOG = re.compile(
    r"(?:requirements|readme|licen[cs]e|notice|copying|authors|cmakelists|constraints|classes|labels|vocab)",
    re.I,
)
_REASONS = {
    "weights: not read": "pt pth ckpt pkl pickle npz npy safetensors h5 hdf5 onnx bin msgpack joblib tar",
    "an image: not read": "png jpg jpeg gif svg bmp webp tif tiff pdf eps mp4 avi webm ico",
    "a table in a binary format: export it as CSV": "xlsx parquet feather arrow",
    "an archive: unpack it first": "zip 7z tgz lz4 rar",
    "configuration in a format that is not read": "toml ini cfg conf",
}
_REASON_OF = {ending: reason for reason, endings in _REASONS.items() for ending in endings.split()}
_COMPRESSED = frozenset({"gz", "bz2", "xz", "zst"})
_TABLES = frozenset({"csv", "tsv", "dat", "json", "jsonl", "ndjson", "yaml", "yml"})
_DATABASES = frozenset({"db", "sqlite", "sqlite3"})
_PROSE = frozenset({"md", "rst", "ipynb", "html"})
_LOG_NAME = late(r"\.(?:log|txt|out|err|stdout|stderr)(?:\.[0-9]{1,4})?$|^(?:log|stdout|stderr|output|nohup)$", re.I)


_WANDB = late(r"(?:^|/)(?:offline-)?run-[0-9]{8}_[0-9]{6}-[A-Za-z0-9_-]+/")


class Found(Struct):
    """What lies under one given path."""

    root: Path
    logs: list[File] = field(default_factory=list)
    events: list[File] = field(default_factory=list)
    source: list[File] = field(default_factory=list)
    tables: list[File] = field(default_factory=list)
    traces: list[File] = field(default_factory=list)
    probes: list[File] = field(default_factory=list)
    settings: list[File] = field(default_factory=list)
    stores: list[File] = field(default_factory=list)  # folders and databases of MLflow, files of W&B
    skipped: list[tuple[str, str]] = field(default_factory=list)


def look(path: Path, seen: set[tuple[int, int]]) -> Found:
    """Return what lies under `path`; files whose device and number are in `seen` are left out.

    Raises:
        UsageError: the path does not exist, may not be read, or is a pipe or a device.
    """
    found = Found(path)
    try:
        info = path.stat()
    except OSError as error:
        if path.is_symlink():
            raise UsageError(f"{path} is a symbolic link to nothing", hint="Check the link.") from error
        if isinstance(error, PermissionError):
            raise UsageError(f"{path} may not be read", hint="Check its permissions.") from error
        raise UsageError(
            f"{path} does not exist", hint="Check the path; it is relative to the current folder."
        ) from error
    except ValueError as error:
        raise UsageError(f"{path!r} is no path", hint="Check the path.") from error
    if stat.S_ISDIR(info.st_mode):
        root = path.resolve().name
        for file in _walk(path, found, seen):
            if not _is_of_wandb(file, root, found):
                _sort_in(file, found)
    elif not stat.S_ISREG(info.st_mode):
        raise UsageError(f"{path} is neither a file nor a folder", hint="Save the output to a file first.")
    elif (info.st_dev, info.st_ino) not in seen:
        seen.add((info.st_dev, info.st_ino))
        file = File(path, path.name)
        if info.st_size == 0:
            found.skipped.append((path.name, "empty"))
        else:
            _sort_in(file, found, given=True)
    _fold(found)
    return found


def _walk(root: Path, found: Found, seen: set[tuple[int, int]]) -> Iterator[File]:
    """Yield the regular files under a folder in the order of their names; links are followed once."""
    folders = [(root, "", 0)]
    entered: set[tuple[int, int]] = set()
    while folders:
        folder, prefix, depth = folders.pop()
        try:
            info = folder.stat()
            if (info.st_dev, info.st_ino) in entered:
                found.skipped.append((prefix.rstrip("/"), "a link to a folder that was read already"))
                continue
            entered.add((info.st_dev, info.st_ino))
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            found.skipped.append((prefix.rstrip("/") or ".", _why(error)))
            continue
        names = {entry.name for entry in entries}
        if "pyvenv.cfg" in names and prefix:
            found.skipped.append((prefix.rstrip("/"), "a virtual environment: not entered"))
            continue
        if is_run_folder(names):
            if "lifecycle_stage: deleted" in _start_of(folder / "meta.yaml"):
                found.skipped.append((prefix.rstrip("/"), "a run that was deleted in MLflow"))
            else:
                found.stores.append(File(folder, prefix.rstrip("/") or folder.name))
            continue
        inner = []
        for entry in entries:
            shown = prefix + entry.name
            try:
                info = entry.stat()
            except OSError as error:
                found.skipped.append((shown, "a link to nothing" if entry.is_symlink() else _why(error)))
                continue
            if stat.S_ISDIR(info.st_mode):
                if entry.name in _CLOSED:
                    continue
                if depth >= DEEPEST:
                    found.skipped.append((shown, f"more than {DEEPEST} folders deep: not entered"))
                else:
                    inner.append((Path(entry.path), shown + "/", depth + 1))
            elif not stat.S_ISREG(info.st_mode):
                found.skipped.append((shown, "a pipe, socket or device: not opened"))
            elif (info.st_dev, info.st_ino) in seen:
                if entry.is_symlink() or info.st_nlink > 1:
                    found.skipped.append((shown, "another name of a file that was read already"))
            else:
                seen.add((info.st_dev, info.st_ino))
                if info.st_size == 0:
                    found.skipped.append((shown, "empty"))
                elif not os.access(entry.path, os.R_OK):
                    found.skipped.append((shown, "permission denied"))
                else:
                    yield File(Path(entry.path), shown)
        inner.sort(key=lambda item: item[0].is_symlink())  # a folder is shown under its own name
        folders += reversed(inner)


def _start_of(path: Path) -> str:
    """Return the first characters of a small file, nothing if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(4096).decode("utf-8", "replace")
    except OSError:
        return ""


def run_name(path: Path) -> str:
    """Return the name that a run of MLflow was given, or nothing."""
    named = (
        re.search(r"^run_name: *['\"]?([^'\"\n]+)", _start_of(path / "meta.yaml"), re.MULTILINE)
        if path.is_dir()
        else None
    )
    return named[1].strip() if named else _start_of(path / "tags" / "mlflow.runName").strip()[:80]


def _is_of_wandb(file: File, root: str, found: Found) -> bool:
    """Whether a file is one that W&B keeps for itself in the folder of a run; it is skipped with its reason.

    W&B puts links beside the folders of its runs (`wandb/debug.log`): what they lead to counts.
    """
    names = [f"{root}/{file.shown}", *([file.path.resolve().as_posix()] if file.path.is_symlink() else [])]
    for rest in [name[match.end() :] for name in names if (match := _WANDB.search(name)) is not None]:
        if rest.startswith(("logs/", "tmp/")) or rest in {"files/wandb-metadata.json", "files/conda-environment.yaml"}:
            found.skipped.append((file.shown, "W&B's own records, not of the training"))
            return True
        if rest.startswith("files/media/"):
            found.skipped.append((file.shown, "media that W&B keeps: not read"))
            return True
    return False


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    return (error.strerror or str(error)).lower()


def _sort_in(file: File, found: Found, *, given: bool = False) -> None:
    name = file.path.name
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in _COMPRESSED:
        name = name[: -len(ending) - 1]
        ending = name.rpartition(".")[2].lower() if "." in name else ""
    if "tfevents" in name:
        found.events.append(file)
    elif ending in {"py", "pyw"}:
        if not given and _is_test(file.shown):
            found.skipped.append((file.shown, "a test: not read"))
        elif not given and name == SKELETON:
            found.skipped.append((file.shown, "written for the probe: not read"))
        else:
            found.source.append(file)
    elif ending in _DATABASES:
        _look_in_database(file, found)
    elif ending == "wandb":
        found.stores.append(file)
    elif ending in _REASON_OF:
        found.skipped.append((file.shown, _REASON_OF[ending]))
    elif ending in _TABLES or _is_log(name) or (given and ending not in _PROSE):
        _look_in(file, name, found, given)
    else:
        found.skipped.append((file.shown, "not a log by its name"))


def _look_in_database(file: File, found: Found) -> None:
    from wganlint.read.mlflow import is_store

    if is_store(file.path):
        found.stores.append(file)
    else:
        log = file.path.with_name(file.path.name + "-wal")
        unsaved = log.is_file() and log.stat().st_size > 0
        what = f"; what {log.name} holds was not read: is a program still writing?" if unsaved else ""
        found.skipped.append((file.shown, f"not a database of MLflow{what}"))


def _is_log(name: str) -> bool:
    return _LOG_NAME.search(name) is not None and (_NO_LOG.match(name) is None or is_config(name))


def _look_in(file: File, name: str, found: Found, given: bool) -> None:
    """Sort in a file whose name leaves open what it is."""
    try:
        kind, why = kind_of(name, head_of(file.path), given=given)
    except InputError as error:
        found.skipped.append((file.shown, error.what))
        return
    match kind:
        case "trace":
            found.traces.append(file)
        case "probe":
            found.probes.append(file)
        case "table":
            found.tables.append(file)
        case "settings":
            found.settings.append(file)
        case "log":
            found.logs.append(file)
        case _:
            found.skipped.append((file.shown, why))


def _is_test(shown: str) -> bool:
    parts = shown.split("/")
    return parts[-1].startswith("test_") or parts[-1] == "conftest.py" or not {"test", "tests"}.isdisjoint(parts[:-1])


def _fold(found: Found) -> None:
    """Say `samples/*.png: 1,234 times: an image` instead of 1,234 lines."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for shown, reason in found.skipped:
        folder, _, name = shown.rpartition("/")
        groups.setdefault((folder, name.rpartition(".")[2] if "." in name else "", reason), []).append(shown)
    found.skipped = []
    for (folder, ending, reason), names in groups.items():
        if len(names) <= FOLDED:
            found.skipped += [(name, reason) for name in names]
        else:
            pattern = f"*.{ending}" if ending else "*"
            found.skipped.append((f"{folder}/{pattern}" if folder else pattern, f"{len(names)} files: {reason}"))


def unread(name: str) -> bool:
    """Whether files of this name are never read, whatever they hold: weights, images, archives."""
    return name.rpartition(".")[2].lower() in _REASON_OF
