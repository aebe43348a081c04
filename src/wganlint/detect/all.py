"""Importing this registers every detector that ships."""

from wganlint.detect import (
    counters,
    declared,
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
    "declared",
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
