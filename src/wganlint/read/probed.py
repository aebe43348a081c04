"""The file that `wganlint probe` writes becomes a Probe: strict, because a stranger may have written it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from wganlint.errors import InputError
from wganlint.measured import (
    SIDES,
    VERSION,
    Crosstalk,
    Line,
    Probe,
    Pull,
    Scaler,
    Share,
    Spread,
    Use,
    Variety,
)
from wganlint.read.sniff import PROBE

LARGEST = 32 << 20  # bytes
LONGEST = 2000  # characters of one text
DEEPEST = 12


def read_probe(data: bytes, shown: str) -> Probe:
    """Return what a probe measured; files of its lines are named as seen from the folder of `shown`.

    Raises:
        InputError: it is no such file, of another version, or holds what no probe can have measured.
    """
    if len(data) > LARGEST:
        raise InputError(f"larger than {LARGEST >> 20} MiB: not a file that wganlint probe writes", file=shown)
    try:
        raw = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(f"not readable as a probe: {_first(error)}", file=shown) from None
    version = raw.pop(PROBE, None) if isinstance(raw, dict) else None
    if version != VERSION or isinstance(version, bool):
        hint = "run wganlint probe again"
        raise InputError(f"a probe of another version ({str(version)[:20]}, not {VERSION})", file=shown, hint=hint)
    try:
        probe = msgspec.convert(raw, Probe)
    except (msgspec.ValidationError, RecursionError, ValueError, OverflowError) as error:
        raise InputError(f"not what a probe writes: {_first(error)}", file=shown) from None
    if wrong := next(_wrong(probe), ""):
        raise InputError(f"not what a probe measures: {wrong}", file=shown)
    folder = shown.rpartition("/")[0]
    moved: Probe = _moved(probe, f"{folder}/" if folder else "")
    return replace(moved, file=shown)


def in_words(probe: Probe) -> str:
    """Return what a probe gave, in words."""
    steps = f"{probe.steps} step{'' if probe.steps == 1 else 's'}"
    return f"{steps} under the probe on {probe.device}, {len(probe.networks)} networks"


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _parts(value: Any, depth: int = 0) -> Iterator[Any]:
    """Yield all values in a measurement, itself first."""
    yield value
    if depth > DEEPEST:
        return
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _parts(getattr(value, name), depth + 1)
    elif isinstance(value, tuple):
        for part in value:
            yield from _parts(part, depth + 1)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _parts(part, depth + 1)


def _wrong(probe: Probe) -> Iterator[str]:
    """Yield what cannot have been measured."""
    for part in _parts(probe):
        if isinstance(part, Share):
            counts = (part.calls, part.elements, part.hit, part.first_elements, part.first_hit, part.last_elements)
            if min(*counts, part.last_hit) < 0 or part.hit > part.elements:
                yield f"{part.hit} of {part.elements} elements"
            if part.first_hit > part.first_elements or part.last_hit > part.last_elements:
                yield "more elements at a bound than there were"
        if isinstance(part, Pull | Use | Variety | Scaler | Crosstalk) and _beyond(part):
            yield f"more of a part than of the whole ({type(part).__name__.lower()})"
        if isinstance(part, Share | Spread | Pull) and part.side not in SIDES:
            yield f"a side called {part.side[:40]!r}"
        if isinstance(part, Line) and part.line < 0:
            yield f"line {part.line} of a file"
        if isinstance(part, str) and len(part) > LONGEST:
            yield f"a text of {len(part)} characters"
        if isinstance(part, float) and (part != part or part in (float("inf"), float("-inf"))):
            yield "a number that is not finite"
        if isinstance(part, int) and abs(part) > 1 << 60:
            yield "a count beyond all computers"
    if min(probe.steps, probe.rounds, probe.asked_steps) < 0:
        yield "a negative number of steps"


def _beyond(part: Pull | Use | Variety | Scaler | Crosstalk) -> bool:
    """Whether counts of one measurement contradict each other: each must be at most the one before it, and none < 0."""
    match part:
        case Pull():
            counts = [(part.elements, part.up + part.down), (part.up, 0), (part.down, 0), (part.calls, 0)]
        case Use():
            counts = [(part.elements, part.changed), (part.changed, 0), (part.rows, 0), (part.repeated, 0)]
        case Variety():
            counts = [(part.samples, part.alike), (part.alike, 0)]
        case Scaler():
            counts = [(part.asked, part.skipped), (part.skipped, part.row), (part.row, 0)]
        case Crosstalk():
            counts = [(part.samples, part.kept), (part.kept, 0)]
        case _:
            assert_never(part)
    return any(whole < some for whole, some in counts)


def _moved(value: Any, prefix: str) -> Any:
    """Return the same measurement with the files of its lines below a folder."""
    if not prefix:
        return value
    if isinstance(value, Line):
        return value if value.file.startswith("/") else replace(value, file=prefix + value.file)
    if isinstance(value, msgspec.Struct):
        changed = {name: _moved(getattr(value, name), prefix) for name in value.__struct_fields__}
        return replace(value, **changed)
    return tuple(_moved(part, prefix) for part in value) if isinstance(value, tuple) else value
