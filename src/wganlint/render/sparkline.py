"""A series as one row of block characters (Report -> render)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"
_FLAT = "▄"
_BROKEN = "\N{MULTIPLICATION SIGN}"
_SAME = 1e-4  # a spread below this share of the size is drawn flat: eight levels would only magnify rounding


def sparkline(values: Sequence[float], size: int = 40) -> str:
    """Return `values` as at most `size` blocks: flat where they hardly move, a cross where not finite."""
    shown = _thin(values, size)
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return _BROKEN * len(shown)
    low, high = min(finite) / 2, max(finite) / 2  # halves: the spread of finite numbers stays finite
    spread = high - low
    flat = spread <= _SAME * max(abs(low), abs(high))
    return "".join(_block(value / 2, low, spread, flat) for value in shown)


def _block(half: float, low: float, spread: float, flat: bool) -> str:
    if not math.isfinite(half):
        return _BROKEN
    if flat:
        return _FLAT
    return _BLOCKS[min(int((half - low) / spread * len(_BLOCKS)), len(_BLOCKS) - 1)]


def _thin(values: Sequence[float], size: int) -> list[float]:
    """Return one value for each of `size` stretches: a non-finite one, else the farthest from the mean."""
    if len(values) <= size:
        return list(values)
    finite = [value for value in values if math.isfinite(value)]
    mean = math.fsum(value / len(finite) for value in finite) if finite else 0.0
    edges = [round(at * len(values) / size) for at in range(size + 1)]
    stretches = [values[first:stop] for first, stop in pairwise(edges)]
    return [
        max(part, key=lambda v: (not math.isfinite(v), abs(v - mean) if math.isfinite(v) else 0)) for part in stretches
    ]
