"""Importing this registers every detector that ships."""

from wganlint.detect import counters, duel, floors, inputs, penalty, pinned, profile, series, settings, sides, source, traces

__all__ = ["counters", "duel", "floors", "inputs", "penalty", "pinned", "profile", "series", "settings", "sides", "source", "traces"]
