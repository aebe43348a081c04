"""Importing this registers every detector that ships."""

from wganlint.detect import (
    counters,
    critics,
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
    "counters",
    "critics",
    "inputs",
    "penalty",
    "pinned",
    "profile",
    "series",
    "settings",
    "sides",
    "slopes",
    "source",
    "steps",
    "traces",
]
