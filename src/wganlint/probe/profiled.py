"""The profiler window of a probe: taken from its run, read by our own readers, told in a few lines."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from wganlint.errors import UsageError
from wganlint.read.profile_table import TableReader
from wganlint.read.sniff import WINDOW
from wganlint.read.trace import read_trace
from wganlint.run import OpTable
from wganlint.trace import Trace

TRACE, TABLE = "window.json.gz", "window.profile"  # in the folder of the run
SHOWN = 6  # operations that are told


class Profile(Struct, frozen=True):
    """What torch.profiler wrote, as it wrote it (the trace compressed), and what our readers say of it."""

    trace: bytes
    table: bytes
    lines: tuple[str, ...]


def taken(place: Path, window: dict[str, Any]) -> Profile | str:
    """Return the profile that a run wrote into `place`, or why there is none; `window` is what is said of it."""
    if why := window.get("why"):
        return str(why)[:300]
    try:
        trace, table = (place / TRACE).read_bytes(), (place / TABLE).read_bytes()
    except OSError:
        return "the run came to no step that it could cover"
    return Profile(trace, table, tuple(_lines(trace, table, window)))


def write(profile: Profile, into: Path) -> tuple[Path, Path]:
    """Write trace and table beside the file of the probe; return where.

    Raises:
        UsageError: it cannot be written.
    """
    files = beside(into)
    try:
        for file, content in zip(files, (profile.trace, profile.table), strict=True):
            file.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"cannot write beside {into}: {error.strerror}", hint="name another file with --into"
        ) from None
    return files


def beside(into: Path) -> tuple[Path, Path]:
    """Return the files of trace and table beside the file of a probe."""
    return into.with_name(f"{into.stem}{WINDOW}"), into.with_name(f"{into.stem}.profile")


def _lines(trace: bytes, table: bytes, window: dict[str, Any]) -> Iterator[str]:
    first, last = window.get("first"), window.get("last")
    read = _trace(trace)
    seen = _table(table)
    if read is None or seen is None:
        yield "torch.profiler wrote what wganlint cannot read: please report it with the two files"
        return
    kernels = f", {read.kernels:,} kernels on {read.device or 'the device'}" if read.kernels else ""
    calls = sum(one.total_calls for one in read.operations.values() if one.kind == "op")
    yield (
        f"steps {first} to {last}, without instruments: {read.window * 1e3:.2f} ms, {read.events:,} events,"
        f" {calls:,} calls of operations{kernels}"
    )
    device = seen.device is not None and bool(seen.device_time)
    whole = (seen.device_time if device else seen.cpu_time) or 0.0
    rows = [one for one in seen.rows if one.kind in ("op", "node") and (one.self_device if device else one.self_cpu)]
    rows.sort(key=lambda one: -((one.self_device if device else one.self_cpu) or 0.0))
    for row in rows[:SHOWN]:
        own = (row.self_device if device else row.self_cpu) or 0.0
        known = read.operations.get(row.name)
        calls = known.total_calls if known is not None else row.calls or 0
        percent = 100 * own / whole if whole else 0.0
        share = f" ({percent:.0f} %)" if percent >= 1 else ""
        where = seen.device if device else "CPU"
        yield f"{row.name}: {calls:,} calls, {own * 1e3:.3f} ms of its own on {where}{share}"


def _trace(data: bytes) -> Trace | None:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            return read_trace(stream, TRACE)[0]  # type: ignore[arg-type]
    except (OSError, EOFError):
        return None


def _table(data: bytes) -> OpTable | None:
    reader = TableReader(TABLE)
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        reader.feed(number, line)
    reader.finish()
    return reader.tables[0] if reader.tables else None
