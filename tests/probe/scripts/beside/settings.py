"""Settings that `sibling.py` imports."""

STEPS = 30
