"""Importing this registers every detector that ships."""

from wganlint.detect import counters, inputs, launches, memory, penalty, pinned, profile, series, settings, sides, source, traces

__all__ = ["counters", "inputs", "launches", "memory", "penalty", "pinned", "profile", "series", "settings", "sides", "source", "traces"]
