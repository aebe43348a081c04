"""Importing this registers every detector that ships."""

from wganlint.detect import (
    counters,
    inputs,
    penalty,
    pinned,
    profile,
    rates,
    series,
    settings,
    sides,
    source,
    traces,
    updates,
)

__all__ = [
    "counters",
    "inputs",
    "penalty",
    "pinned",
    "profile",
    "rates",
    "series",
    "settings",
    "sides",
    "source",
    "traces",
    "updates",
]
