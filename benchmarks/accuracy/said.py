"""What a judge said about a run, whoever judged."""

from __future__ import annotations

from dataclasses import dataclass, field

SEVERITIES = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Said:
    """One finding, most important first in a judgement."""

    code: str
    severity: str
    root: bool
    title: str
    codes: frozenset[str] = frozenset()  # what else a rival's word may stand for, in its favor

    @property
    def meant(self) -> frozenset[str]:
        """All codes that this finding names."""
        return self.codes | {self.code}

    @property
    def rank(self) -> int:
        """The place of its severity, the worst highest."""
        return SEVERITIES.index(self.severity)

    @property
    def loud(self) -> bool:
        """Medium or worse: what counts as an alarm."""
        return self.rank >= SEVERITIES.index("medium")

    @property
    def named(self) -> bool:
        """More than a remark: low or worse."""
        return self.rank >= SEVERITIES.index("low")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judge said about one run; `abstained`: codes that it tried and could not tell."""

    said: tuple[Said, ...]
    abstained: frozenset[str] = frozenset()
    known: frozenset[str] = field(default_factory=frozenset)  # codes that the judge has a rule for; empty: not known
    error: str = ""
