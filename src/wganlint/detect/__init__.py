"""Detectors: small, pure functions from a Run to facts (Run -> detect -> facts -> rules)."""
