"""What the name of a log says: range, attempt, time, output or error stream; part of read/discover."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from msgspec import Struct

from wganlint.late import late

_ATTEMPT = late(r"[._-]?(?:attempt|try|restart|requeue)[._-]?([0-9]{1,9})(?![0-9])", re.IGNORECASE)
TIME = late(
    r"[._-]?((?:19|20)[0-9]{2})[-_.]?([01][0-9])[-_.]?([0-3][0-9])"
    r"[-_.T ]?([0-2][0-9])[-_.:h]?([0-5][0-9])[-_.:m]?([0-5][0-9])(?![0-9])"
)
_RANGE = late(r"(?<![0-9])([0-9]{2,12})-([0-9]{2,12})(?![0-9-])")
_STREAM = late(r"(?:^|[._-])(out|err|stdout|stderr)$", re.IGNORECASE)
_LOG = late(r"\.(?:log|txt)$", re.IGNORECASE)
_EXPORTED = late(r"run-(?P<run>.+?)-tag-(?P<tag>.+)", re.IGNORECASE)
_ENDING = late(r"\.(?:csv|tsv|txt|dat|log|out|json|jsonl|ndjson)$", re.IGNORECASE)


def stem_of(shown: str) -> str:
    """Return the name of a file without what tells its kind: `d_loss` for `run-1-tag-d_loss.csv.gz`."""
    name = re.sub(r"\.(?:gz|bz2|xz|zst)$", "", PurePosixPath(shown).name, flags=re.IGNORECASE)
    name = _ENDING.sub("", name)
    match = _EXPORTED.fullmatch(name)
    return match["tag"] if match else name


class File(Struct, frozen=True):
    """A file and the name under which it is shown."""

    path: Path
    shown: str


class Attempt(Struct, frozen=True):
    """One start of a training: its output, its error stream, or both; `range`, `number`, `time` by name."""

    out: File | None
    err: File | None = None
    range: str = ""
    number: int = 0
    time: str = ""

    @property
    def files(self) -> tuple[File, ...]:
        """The files of this attempt, the output first."""
        return tuple(file for file in (self.out, self.err) if file is not None)


class LogName(Struct, frozen=True):
    """The parts of a log's name. All attempts of one training share the `stem`; `start` names one attempt."""

    stem: str
    start: str
    stream: str  # "out" or "err"
    range: str
    number: int
    time: str


def stamp(text: str) -> str:
    """Return the first time stamp in a text as `YYYYMMDDhhmmss`, or an empty string."""
    match = TIME.search(text)
    return "".join(match.groups()) if match else ""


def log_name(name: str) -> LogName:
    """Take the file name of a log apart."""
    base = _LOG.sub("", name)
    stream = "out"
    match = _STREAM.search(base)
    if match is not None:
        stream = "err" if match[1].lower() in {"err", "stderr"} else "out"
        base = base[: match.start()]
    attempt = _ATTEMPT.search(base)
    when = stamp(base)
    stem = _ATTEMPT.sub("", base)
    span = _RANGE.search(TIME.sub("", stem))
    if attempt is not None:
        stem = TIME.sub("", stem)
    return LogName(
        stem or base or "log", base, stream, span[0] if span else "", int(attempt[1]) if attempt else 0, when
    )


def attempts(files: Iterable[File]) -> dict[str, list[Attempt]]:
    """Group the logs of one folder by training (its stem) and pair each output with its error stream."""
    pairs: dict[tuple[str, str], dict[str, list[tuple[File, LogName]]]] = {}
    for file in sorted(files, key=lambda file: file.shown):
        name = log_name(file.path.name)
        pairs.setdefault((name.stem, name.start), {}).setdefault(name.stream, []).append((file, name))
    runs: dict[str, list[Attempt]] = {}
    for (stem, _), streams in pairs.items():
        outs, errs = streams.get("out", []), streams.get("err", [])
        if len(outs) <= 1 and len(errs) <= 1:
            name = (outs or errs)[0][1]
            out, err = (outs[0][0] if outs else None), (errs[0][0] if errs else None)
            runs.setdefault(stem, []).append(Attempt(out, err, name.range, name.number, name.time))
            continue
        for file, name in outs:  # train.log beside train.txt: nothing says that they are one
            runs.setdefault(file.path.name, []).append(Attempt(file, None, name.range, name.number, name.time))
        for file, name in errs:
            runs.setdefault(file.path.name, []).append(Attempt(None, file, name.range, name.number, name.time))
    for tries in runs.values():
        tries.sort(key=lambda attempt: (attempt.number, attempt.time, attempt.files[0].shown))
    return runs
