"""Importing this registers every detector that ships."""

from wganlint.detect import (
    counters,
    inputs,
    invariants,
    launches,
    memory,
    penalty,
    pinned,
    profile,
    samples,
    series,
    settings,
    sides,
    source,
    throughput,
    traces,
)

__all__ = [
    "counters",
    "inputs",
    "invariants",
    "launches",
    "memory",
    "penalty",
    "pinned",
    "profile",
    "samples",
    "series",
    "settings",
    "sides",
    "source",
    "throughput",
    "traces",
]
