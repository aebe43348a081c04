"""Event files of `SummaryWriter.add_scalars`: a folder for each curve, beside the main file; part of read/discover."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePosixPath

from wganlint.errors import InputError
from wganlint.read.attempts import File
from wganlint.read.opening import head_of

MOST = 500  # event files that are looked into


def curves(events: Sequence[File]) -> dict[str, tuple[str, PurePosixPath]]:
    """Return for each event file that holds one curve of a main writer the curve's name and the main folder.

    torch writes `add_scalars("loss", {"critic": c})` into `loss_critic/`, older and TensorBoard's own layouts into
    `loss/critic/`: the folder repeats the only tag that its file holds.
    """
    folders = {PurePosixPath(file.shown).parent for file in events}
    found: dict[str, tuple[str, PurePosixPath]] = {}
    for file in events:
        folder = PurePosixPath(file.shown).parent
        main = next((above for above in folder.parents if above in folders), None)
        if main is None or len(found) >= MOST:
            continue
        curve = _curve(file, folder.relative_to(main).as_posix())
        if curve:
            found[file.shown] = curve, main
    return found


def _curve(file: File, below: str) -> str:
    """Return the name of the curve that an event file below the main folder holds, or an empty string."""
    from wganlint.read.events import read_events

    try:
        series, _, _ = read_events(io.BytesIO(head_of(file.path)), file.shown)
    except InputError:
        return ""
    if len(series) != 1:
        return ""
    tag = series[0].name
    for head in (tag.replace("/", "_") + "_", tag + "/", tag.replace("/", "_") + "/"):
        if below.startswith(head) and len(below) > len(head):
            return below[len(head) :]
    return ""
