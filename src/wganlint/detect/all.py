"""Importing this registers every detector that ships."""

from wganlint.detect import control, counters, inputs, penalty, pinned, profile, series, settings, sides, slopes, source
from wganlint.detect import traces

__all__ = [
    "control", "counters", "inputs", "penalty", "pinned", "profile", "series", "settings", "sides", "slopes", "source",
    "traces",
]  # fmt: skip
