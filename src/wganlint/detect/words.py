"""How detectors name places in a run and in source, for sentences."""

from __future__ import annotations

import numpy as np

from wganlint.evidence import Place
from wganlint.series import Point


def since(start: Point) -> str:
    """Return where something begins: `step 390` in the log's own steps, else `record 39`, counted from 1."""
    return f"step {start.step:g}" if np.isfinite(start.step) else f"record {start.index + 1}"


def where(place: Place) -> str:
    """Return `file.py:12` of a place."""
    return f"{place.file.rsplit('/', 1)[-1]}:{place.line}"
