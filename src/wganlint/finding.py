"""What wganlint says: findings, verdicts, the causal chain, the report. Pure data; renderers read this and no more."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any

from msgspec import Struct, field

from wganlint.evidence import Evidence, Place, Standing


class Severity(IntEnum):
    """How bad it is if it is true. Ordered: CRITICAL is the greatest."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """How sure it is that it is true; apart from severity."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2

    def __str__(self) -> str:
        return self.name.lower()


class LinkKind(StrEnum):
    """How one finding bears on another. Only CAUSES counts for being a root."""

    CAUSES = "causes"
    ENABLES = "enables"
    KEEPS_ALIVE = "keeps-alive"
    MASKS = "masks"


class Outcome(StrEnum):
    """What a rule said about a run."""

    FIRED = "fired"
    QUIET = "quiet"
    COULD_NOT_TELL = "could-not-tell"
    NOT_APPLICABLE = "not-applicable"
    IGNORED = "ignored"
    BROKEN = "broken"


class Effect(StrEnum):
    """What a fix does to the fault: removes it, makes it invisible, moves it elsewhere, or not known."""

    CURES = "cures"
    HIDES = "hides"
    MOVES = "moves"
    UNKNOWN = "unknown"


class CheckOutcome(StrEnum):
    """Whether the check of a fix holds in another run."""

    MET = "met"
    NOT_MET = "not met"
    CANNOT_TELL = "cannot tell"


class Statement(Struct, frozen=True):
    """One sentence of a finding with its standing; an assumed one names what would settle it."""

    standing: Standing
    text: str
    settle: str = ""


class Check(Struct, frozen=True):
    """What must hold in the next run after a fix.

    `text` is for people; `finds` (name -> detector call) and `condition` are for machines, in the language of rules;
    `within` says how soon, as "50 points" or "200 steps".
    """

    text: str
    finds: dict[str, dict[str, Any]] = field(default_factory=dict)
    condition: str = ""
    within: str = ""


class Fix(Struct, frozen=True):
    """One change to make. `rank` orders all fixes of a run; `hides` names rules whose symptom it only covers.

    `order` is the rule's own word on when: below 80 by the place of the finding in the chain, from 80 on afterwards.
    """

    title: str
    kind: str  # "edit", "setting" or "measure"
    safety: str  # "safe", "unsafe" or "manual"
    text: str
    effect: Effect
    check: Check
    diff: str = ""
    rank: int = 0
    order: int = 50
    hides: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()  # titles of fixes that must not be combined with this one
    conflicts: tuple[int, ...] = ()  # ranks of those, once ranked


class Finding(Struct, frozen=True):
    """One thing that is wrong in one run."""

    id: str
    run: str
    code: str
    name: str
    severity: Severity
    confidence: Confidence
    because: str
    title: str
    statements: tuple[Statement, ...]
    place: Place | None = None
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Statement, ...] = ()
    fixes: tuple[Fix, ...] = ()
    references: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    root: bool = False
    causes: tuple[str, ...] = ()
    caused_by: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The explanation as one text."""
        return " ".join(statement.text for statement in self.statements)


class Verdict(Struct, frozen=True):
    """What one rule said about one run; `missing` names what it would have needed, `note` says why else."""

    run: str
    code: str
    name: str
    outcome: Outcome
    missing: tuple[str, ...] = ()
    note: str = ""


class Edge(Struct, frozen=True):
    """An arrow of the chain, between ids of findings, with what it stands on."""

    source: str
    target: str
    how: LinkKind
    standing: Standing
    why: str = ""


class Chain(Struct, frozen=True):
    """The causal graph of one run. `nodes`: ids of findings that have an arrow; `loops`: each as its ids in order."""

    run: str
    nodes: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    loops: tuple[tuple[str, ...], ...] = ()
    apart: tuple[str, ...] = ()  # findings without an arrow


class SeriesSummary(Struct, frozen=True):
    """What was read of one series, with a thumbnail for a sparkline."""

    name: str
    role: str
    points: int
    first_step: float | None
    last_step: float | None
    nonfinite: int
    first_text: str
    last_text: str
    thumbnail: tuple[float, ...] = ()
    sources: tuple[str, ...] = ()


class InputSummary(Struct, frozen=True):
    """A file that was looked at, whether it was used, and why (not)."""

    path: str
    kind: str
    used: bool
    why: str


class SettingSummary(Struct, frozen=True):
    """A setting with its place."""

    name: str
    value: str
    file: str
    line: int | None


class RunSummary(Struct, frozen=True):
    """What was read of one run, and how it was understood."""

    id: str
    root: str
    inputs: tuple[InputSummary, ...]
    loss_family: str
    family_why: str
    convention: str
    convention_why: str
    convention_standing: Standing
    roles: dict[str, str]
    series: tuple[SeriesSummary, ...]
    settings: tuple[SettingSummary, ...]
    notes: tuple[tuple[str, Place], ...] = ()
    judged: bool = True  # a rule other than LOG* was fired or quiet


class Report(Struct, frozen=True):
    """Everything that was said. Findings are ordered: roots first (and what is graver than all
    that they lead to), then by the chain, then by severity."""

    version: str
    runs: tuple[RunSummary, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    chains: tuple[Chain, ...]
    problems: tuple[str, ...] = ()  # broken rules and the like: our own or the user's rule files

    @property
    def worst(self) -> Severity | None:
        """The greatest severity among the findings."""
        return max((finding.severity for finding in self.findings), default=None)

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings of each severity, most severe first."""
        return {str(level): sum(f.severity is level for f in self.findings) for level in reversed(Severity)}

    def of(self, run: str) -> tuple[Finding, ...]:
        """Return the findings of one run, in order."""
        return tuple(finding for finding in self.findings if finding.run == run)
