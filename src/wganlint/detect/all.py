"""Importing this registers every detector that ships."""

from wganlint.detect import (
    control,
    counters,
    inputs,
    penalty,
    pinned,
    profile,
    series,
    settings,
    sides,
    slopes,
    source,
    steps,
    traces,
)

__all__ = [
    "control", "counters", "inputs", "penalty", "pinned", "profile", "series", "settings", "sides", "slopes", "source",
    "steps", "traces",
]  # fmt: skip
