"""Importing this registers every detector that ships."""

from wganlint.detect import counters, inputs, penalty, pinned, profile, series, settings, sides, source, traces
from wganlint.detect import breaks, control, diversity, norms, quality, rates, restarts  # isort: skip

__all__ = ["counters", "inputs", "penalty", "pinned", "profile", "series", "settings", "sides", "source", "traces"]
__all__ += ["breaks", "control", "diversity", "norms", "quality", "rates", "restarts"]
