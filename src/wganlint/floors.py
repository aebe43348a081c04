"""Where a log loss ends in floating point: -ln of the smallest number that a library lets through; part of `run`."""

from __future__ import annotations

from typing import Final

import numpy as np

from wganlint.series import Floats

# What clips the logarithm -> the loss of a sample that is wholly wrong.
FLOORS: Final[dict[str, float]] = {
    "the clamp of BCELoss at -100": 100.0,
    "-ln 1e-12": float(-np.log(1e-12)),
    "-ln 1e-10": float(-np.log(1e-10)),
    "-ln 1e-8": float(-np.log(1e-8)),
    "-ln 1e-7": float(-np.log(1e-7)),
    "-ln of the float32 step below 1": float(24 * np.log(2) - np.log(2)),  # 1 - (1 - 1e-7) in float32 is 2**-23
    "-ln 1e-6": float(-np.log(1e-6)),
}
NEAR = 1e-3  # of the value: logs print three digits or more


def floor_of(value: float, parts: tuple[float, ...] = (1.0, 0.5)) -> tuple[str, float, float] | None:
    """Return (what clips it, the floor, the part of it) that a loss stands at, within a thousandth, or None.

    `parts`: 1 for the loss of one side, 1/2 for the mean of two sides of which one is at the floor, k for a sum of k.
    """
    for part in parts:
        for what, floor in FLOORS.items():
            if abs(value - part * floor) <= NEAR * part * floor:
                return what, floor, part
    return None


def at_floor(values: Floats, floor: float) -> Floats:
    """Return 1.0 where a value is at the floor, within a thousandth, else 0.0."""
    return np.asarray(np.abs(values - floor) <= NEAR * floor, dtype=np.float64)
