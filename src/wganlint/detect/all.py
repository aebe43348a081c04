"""Importing this registers every detector that ships."""

from wganlint.detect import counters, inputs, profile, scores, series, settings, source

__all__ = ["counters", "inputs", "profile", "scores", "series", "settings", "source"]
