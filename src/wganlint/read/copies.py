"""Logs that repeat what another says: a trainer prints a line and writes it to a file as well; part of discover.

`python train.py > train.log` beside `checkpoints/name/loss_log.txt` is one run told twice, not two runs.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from wganlint.read.attempts import File, log_name

MOST = 12  # logs that are compared with each other
LINES = 6  # lines of a copy that must be in the other log, from its start and from its end
END = 1 << 18  # bytes at each end of a log that are looked at
SHORTEST = 20  # characters of a line that tells something
HEADING = 4  # lines above its records that a log may have for itself
Ends = tuple[list[bytes], list[bytes], set[bytes]]
_DIGIT = re.compile(rb"[0-9]")


def copies(logs: Sequence[File]) -> dict[str, str]:
    """Return for each log whose lines another one holds, too, the name of that one; both by their shown names.

    The other one lies above it, or in the same folder if it says more: equal logs of one folder may be two runs.
    """
    if not 2 <= len(logs) <= MOST:
        return {}
    ends = {log.shown: _ends(log.path) for log in logs}
    found: dict[str, str] = {}
    for copy in sorted(logs, key=lambda log: log.shown, reverse=True):
        folder, size = PurePosixPath(copy.shown).parent, len(ends[copy.shown][2])
        for other in logs:
            above, most = PurePosixPath(other.shown).parent, len(ends[other.shown][2])
            if other is copy or other.shown in found or not folder.is_relative_to(above):
                continue
            if above == folder and log_name(other.path.name).stem == log_name(copy.path.name).stem:
                continue  # attempts of one training: one that starts anew with the same seed says the same
            if (most > size or (most == size and above != folder)) and _holds(ends[other.shown], ends[copy.shown]):
                found[copy.shown] = other.shown
                break
    return found


def _holds(other: Ends, copy: Ends) -> bool:
    """Whether a log has the lines at both ends of another one, but for a few that head it."""
    head, tail, _ = copy
    known = other[2]
    begin = next((at for at, line in enumerate(head[:HEADING]) if line in known), 0)
    told = [*head[begin : begin + LINES], *tail[-LINES:]]
    return len(set(told)) >= LINES and all(line in known for line in told)


def _ends(path: Path) -> Ends:
    """Return the telling lines at the start and at the end of a log, and all of them as a set."""
    try:
        with path.open("rb") as stream:
            head = stream.read(END)
            size = stream.seek(0, io.SEEK_END)
            stream.seek(max(0, size - END))
            tail = stream.read()
    except OSError:
        return [], [], set()
    first, last = _telling(head, cut=size > END), _telling(tail, late=size > END)
    return first, last, {*first, *last}


def _telling(data: bytes, *, cut: bool = False, late: bool = False) -> list[bytes]:
    lines = re.split(rb"[\r\n]+", data)
    lines = lines[1 if late else 0 : -1 if cut else None]
    return [line.strip() for line in lines if len(line.strip()) >= SHORTEST and _DIGIT.search(line)]
