"""Which folders of event files are one run, where no log tells: the way from read/discover into read/events."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from wganlint.errors import InputError
from wganlint.read.attempts import File
from wganlint.read.events.files import joined, read_events
from wganlint.read.opening import head_of

_PARTS = frozenset({"train", "training", "validation", "valid", "val", "eval", "evaluation", "test"})
_HPARAMS = re.compile(r"[0-9]{10}(?:\.[0-9]+)?")


def run_folders(files: Iterable[File]) -> list[PurePosixPath]:
    """Return the folders that are runs, sorted.

    `train/` beside `validation/` (Keras) are parts of the folder around them. So are the folders that torch's writer
    makes below its own: one for each curve of `add_scalars`, and one named by the time for `add_hparams`.
    """
    first: dict[PurePosixPath, File] = {}
    for file in files:
        first.setdefault(PurePosixPath(file.shown).parent, file)
    runs: set[PurePosixPath] = set()
    for folder, file in first.items():
        parent = folder.parent
        siblings = [other for other in first if other.parent == parent and other.name.lower() in _PARTS]
        main = next((above for above in folder.parents if above in first and above != folder), None)
        is_part = folder.name.lower() in _PARTS and len(siblings) > 1
        if is_part:
            runs.add(parent)
        elif main is not None and _made_by_writer(folder.relative_to(main).as_posix(), file):
            runs.add(main)
        else:
            runs.add(folder)
    return sorted(runs)


def _made_by_writer(name: str, file: File) -> bool:
    """Whether a folder is one of `add_hparams`, or of `add_scalars`: named by the tag that its file has."""
    if _HPARAMS.fullmatch(name):
        return True
    try:
        series, _, _ = read_events(io.BytesIO(head_of(file.path)), file.shown)
    except InputError:
        return False
    return any(joined(name, one.name).startswith(f"{one.name}/") for one in series)
