"""A Chrome trace of torch.profiler becomes a `Trace`, streamed in flat memory; on the way from files to a `Run`.

All eras are read: a root object or a bare list, plain or compressed, one key a line or dumped again by another tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, BinaryIO

from wganlint.evidence import Place
from wganlint.read.trace_events import EventReader
from wganlint.read.trace_fold import Folded, fold
from wganlint.read.trace_gather import NAMES, Gathered
from wganlint.run import Note
from wganlint.trace import Trace


def read_trace(stream: BinaryIO, shown: str) -> tuple[Trace | None, list[Note]]:
    """Return what a trace says, None if the stream holds no list of events; damage is told in the notes.

    Raises:
        OSError: there is no room for temporary files (only large traces need them).
    """
    place = Place(shown)
    reader, gathered = EventReader(stream), Gathered()
    try:
        for events in reader:
            gathered.take(events)
        gathered.flush()
        if not reader.found or not reader.events:
            why = f"reading failed: {reader.broken}" if reader.broken else "no list of trace events in it"
            return None, [Note(why, place)]
        folded = fold(gathered, truncated=reader.truncated or bool(reader.broken))
    finally:
        gathered.close()
    trace = _trace(reader, gathered, folded, place)
    return trace, [Note(text, place) for text in (*_damage(reader, gathered), *_limits(trace, gathered))]


def in_words(trace: Trace) -> str:
    """Return what a trace gave, in words: `6 steps, 109,123 events, rank 3`."""
    if not trace.operations:
        return f"{_events(trace.events)}, no operation of PyTorch among them"
    steps = trace.steps_seen
    told = [f"{steps:,} step{'' if steps == 1 else 's'}" if steps else "no steps marked", _events(trace.events)]
    if trace.rank is not None:
        told.append(f"rank {trace.rank}")
    return ", ".join(told)


def _trace(reader: EventReader, gathered: Gathered, folded: Folded, place: Place) -> Trace:
    about = _Keys(reader.head + b" " + reader.tail)
    job = about.value("distributedInfo")
    job = job if isinstance(job, dict) else {}
    window = (gathered.last - gathered.first) / 1e9 if gathered.first is not None and gathered.last is not None else 0.0
    return Trace(
        place, reader.events, folded.steps, folded.steps_seen, folded.operations, window,
        device=_device(about.value("deviceProperties")), rank=_whole(job.get("rank")),
        world_size=_whole(job.get("world_size")), backend=_word(job.get("backend")), kernels=folded.kernels,
        unlaunched=folded.unlaunched, unowned=folded.unowned, outside=folded.outside, stacks=gathered.stacks,
        truncated=reader.truncated or bool(reader.broken), repaired=reader.repaired,
        dropped=reader.dropped + gathered.unusable,
    )  # fmt: skip


def _damage(reader: EventReader, gathered: Gathered) -> list[str]:
    told = []
    if reader.broken:
        told.append(f"trace: reading stopped after {reader.events:,} events: {reader.broken}")
    elif reader.truncated:
        told.append(f"trace: it breaks off after {reader.events:,} events, all whole ones are read")
    if reader.repaired:
        told.append(f"trace: {_events(reader.repaired)} not valid JSON, mended ({_bytes(reader.repaired_at)})")
    if reader.dropped:
        told.append(f"trace: {_events(reader.dropped)} unreadable, left out ({_bytes(reader.dropped_at)})")
    if gathered.unusable:
        told.append(f"trace: {_events(gathered.unusable)} without a time, left out")
    return told


def _limits(trace: Trace, gathered: Gathered) -> list[str]:
    told = []
    if not trace.steps_seen and trace.operations:
        told.append("trace: no ProfilerStep in it, so it covers an unknown number of steps")
    if trace.steps_seen > len(trace.steps) and trace.truncated:
        told.append(f"trace: {len(trace.steps):,} of {trace.steps_seen:,} steps are whole; the others have no figures")
    elif trace.steps_seen > len(trace.steps):
        told.append(f"trace: figures by step are kept for the first {len(trace.steps):,} of {trace.steps_seen:,} steps")
    if trace.unlaunched:
        share = f"{trace.unlaunched:,} of {trace.kernels:,} kernels"
        told.append(f"trace: the launch of {share} is not in it, so they belong to no operation")
    if trace.unowned:
        told.append(f"trace: {trace.unowned:,} of {trace.kernels:,} kernels were launched outside of any operation")
    if gathered.full:
        told.append(f"trace: more than {NAMES:,} different names; the rest is added up under one")
    return told


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def _bytes(places: Sequence[int]) -> str:
    shown = ", ".join(f"{place:,}" for place in places[:3])
    return f"at byte{'' if len(places) == 1 else 's'} {shown}{', ...' if len(places) > 3 else ''}"


class _Keys:
    """Finds values of keys in the text before and after the events, whole or damaged."""

    def __init__(self, text: bytes) -> None:
        self._text = text.decode("utf-8", "replace")

    def value(self, key: str) -> Any:
        """Return the value of the first such key that can be read, or None."""
        for found in re.finditer(rf'"{key}"\s*:\s*', self._text):
            try:
                return json.JSONDecoder(strict=False).raw_decode(self._text, found.end())[0]
            except (ValueError, RecursionError):
                continue
        return None


def _device(properties: Any) -> str:
    first = properties[0] if isinstance(properties, list) and properties else None
    return _word(first.get("name")) if isinstance(first, dict) else ""


def _word(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None
