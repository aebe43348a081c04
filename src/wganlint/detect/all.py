"""Importing this registers every detector that ships."""

from wganlint.detect import (
    counters,
    critic,
    duel,
    flat,
    floors,
    inputs,
    penalty,
    pinned,
    profile,
    series,
    settings,
    sides,
    source,
    traces,
)

__all__ = [
    "counters",
    "critic",
    "duel",
    "flat",
    "floors",
    "inputs",
    "penalty",
    "pinned",
    "profile",
    "series",
    "settings",
    "sides",
    "source",
    "traces",
]
