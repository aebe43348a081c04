"""Importing this registers every detector that ships."""

from wganlint.detect import (
    breaks,
    control,
    counters,
    critic,
    diversity,
    duel,
    flat,
    floors,
    inputs,
    invariants,
    launches,
    memory,
    norms,
    penalty,
    pinned,
    printing,
    profile,
    quality,
    rates,
    restarts,
    samples,
    series,
    settings,
    sides,
    source,
    throughput,
    traces,
)  # fmt: skip

__all__ = [
    "breaks", "control", "counters", "critic", "diversity", "duel", "flat", "floors", "inputs", "invariants",
    "launches", "memory", "norms", "penalty", "pinned", "printing", "profile", "quality", "rates", "restarts",
    "samples", "series", "settings", "sides", "source", "throughput", "traces",
]  # fmt: skip
