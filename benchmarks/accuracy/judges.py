"""Who judges a run: wganlint, and the place where adapters of other tools come in.

A judge is a function from the paths that it may read to what it said. An adapter of a rival maps that tool's own words
to codes of the catalogue, in the rival's favor where a word could mean two things, and its grades to severities; it
may convert a log to a format that the rival reads. It belongs in `JUDGES`, and score.py does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SEVERITIES = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Said:
    """One finding, most important first in a judgement."""

    code: str
    severity: str
    root: bool
    title: str

    @property
    def loud(self) -> bool:
        """Medium or worse: what counts as an alarm."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index("medium")

    @property
    def named(self) -> bool:
        """More than a remark: low or worse."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index("low")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judge said about one run; `abstained`: codes that it tried and could not tell."""

    said: tuple[Said, ...]
    abstained: frozenset[str] = frozenset()
    known: frozenset[str] = field(default_factory=frozenset)  # codes that the judge has a rule for; empty: not known
    error: str = ""


def wganlint(paths: list[Path]) -> Judgement:
    """Judge with the rules of this checkout."""
    from wganlint import analyze
    from wganlint.finding import Outcome

    report = analyze(paths)
    said = tuple(Said(f.code, str(f.severity), f.root, f.title) for f in report.findings)
    unsure = frozenset(v.code for v in report.verdicts if v.outcome is Outcome.COULD_NOT_TELL)
    return Judgement(said, unsure, frozenset(v.code for v in report.verdicts))


JUDGES: dict[str, Callable[[list[Path]], Judgement]] = {"wganlint": wganlint}


def judge(name: str, paths: list[Path]) -> Judgement:
    """Ask a judge; a judge that breaks has said nothing, and that is recorded."""
    try:
        return JUDGES[name](paths)
    except Exception as broken:  # a rival's traceback must not end the measurement
        return Judgement((), error=f"{type(broken).__name__}: {broken}")
