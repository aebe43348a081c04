"""What the probe's detectors share: how a measurement is counted, named and quoted in a fact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wganlint.evidence import Evidence, Place, observed
from wganlint.measured import FAKE, MIXED, OTHER, REAL, Line, Probe, Share, Spread
from wganlint.units import Kind, Quantity

SIDE_WORDS = {REAL: "real", FAKE: "fake", MIXED: "interpolated", OTHER: "all"}


def counted(number: int) -> Quantity:
    """Return a count as it prints: `3,822`."""
    return Quantity(number, Kind.COUNT, None, f"{number:,}")


def ratio(hit: int, elements: int) -> Quantity:
    """Return a share; of nothing it is 0."""
    return Quantity(hit / elements if elements else 0.0, Kind.RATIO)


def measured(value: float | None) -> Quantity:
    """Return a measured number with three significant digits; what was not finite is nan."""
    return Quantity(float("nan") if value is None else value, Kind.NUMBER)


def probed_steps(probe: Probe) -> Quantity:
    """Return over how many steps of optimizers was measured; a forward alone is a first step under way."""
    return counted(max(1, probe.steps) if probe.ending.kind == "forward" else probe.steps)


def place_of(line: Line | None) -> Place | None:
    """Return the place of a line of the user's source, if it is one."""
    return Place(line.file, line.line) if line is not None and line.file and line.line > 0 else None


def at(line: Line | None) -> str:
    """Return `model.py:98`, or words where no line of the user's was on the way."""
    if line is None or not line.file:
        return "a line that the probe could not tell"
    return f"{line.file.rsplit('/', 1)[-1]}:{line.line}"


def seen(line: Line | None, label: str) -> tuple[Evidence, ...]:
    """Return the evidence of a line: its text as it ran, and what was measured there."""
    return (observed("probe", line.text.strip(), place_of(line), label),) if line is not None else ()


def side_of(shares: Iterable[Share], side: str) -> Share | None:
    """Return the counts of one side."""
    return next((one for one in shares if one.side == side), None)


def spread_of(spreads: Iterable[Spread], side: str) -> Spread | None:
    """Return the values of one side."""
    return next((one for one in spreads if one.side == side), None)


def fullest(shares: Sequence[Share]) -> Share | None:
    """Return the side with the largest share, a told one before what could not be told apart."""
    told = [one for one in shares if one.side in (FAKE, REAL) and one.elements]
    return max(told or [one for one in shares if one.elements], key=lambda one: one.share, default=None)


def of(hit: int, elements: int) -> str:
    """Return `3,822 of 3,840`."""
    return f"{hit:,} of {elements:,}"
