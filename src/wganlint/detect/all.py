"""Importing this registers every detector that ships."""

from wganlint.detect import (
    breaks, control, counters, critic, diversity, duel, flat, floors, inputs, norms, penalty, pinned, printing,
    profile, quality, rates, restarts, series, settings, sides, source, traces,
)  # fmt: skip

__all__ = [
    "breaks", "control", "counters", "critic", "diversity", "duel", "flat", "floors", "inputs", "norms",
    "penalty", "pinned", "printing", "profile", "quality", "rates", "restarts", "series", "settings", "sides",
    "source", "traces",
]  # fmt: skip
