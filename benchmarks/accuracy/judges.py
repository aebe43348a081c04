"""Who judges a run: wganlint, and the rivals through their adapters (peers.py).

A judge is a function from the paths that it may read to what it said. An adapter of a rival maps that tool's own words
to codes of the catalogue, in the rival's favor where a word could mean two things, and its grades to severities; it
may convert a log to a format that the rival reads. It belongs in `JUDGES`, and score.py does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from peers import peers
from said import Judgement, Said


def wganlint(paths: list[Path]) -> Judgement:
    """Judge with the rules of this checkout."""
    from wganlint import analyze
    from wganlint.finding import Outcome

    report = analyze(paths)
    said = tuple(Said(f.code, str(f.severity), f.root, f.title) for f in report.findings)
    unsure = frozenset(v.code for v in report.verdicts if v.outcome is Outcome.COULD_NOT_TELL)
    return Judgement(said, unsure, frozenset(v.code for v in report.verdicts))


JUDGES: dict[str, Callable[[list[Path]], Judgement]] = {"wganlint": wganlint, **peers()}


def judge(name: str, paths: list[Path]) -> Judgement:
    """Ask a judge; a judge that breaks has said nothing, and that is recorded."""
    try:
        return JUDGES[name](paths)
    except Exception as broken:  # a rival's traceback must not end the measurement
        return Judgement((), error=f"{type(broken).__name__}: {broken}")
