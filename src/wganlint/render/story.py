"""One run in the order in which it is told: what is under which root, which fix first, what was not judged.

Both `full` and `markdown` read this (Report -> render).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from msgspec import Struct

from wganlint.evidence import Standing
from wganlint.finding import (
    Chain,
    Edge,
    Effect,
    Finding,
    Fix,
    Outcome,
    Report,
    RunSummary,
    Severity,
    Verdict,
)
from wganlint.render.cells import clean
from wganlint.units import Kind, Quantity, show

EFFECTS = {
    Effect.CURES: "cures",
    Effect.HIDES: "hides the symptom only",
    Effect.MOVES: "moves the fault elsewhere",
    Effect.UNKNOWN: "effect not known",
}


def effect(fix: Fix) -> str:
    """Return what a fix does, in words; a measurement changes nothing."""
    return "a measurement" if fix.kind == "measure" else EFFECTS[fix.effect]


def manner(fix: Fix) -> str:
    """Return how a fix is made, in brackets, or nothing where its effect says that already."""
    unsafe = ", unsafe" if fix.safety == "unsafe" else ""
    return "" if fix.kind == "measure" else f" [{fix.kind}{unsafe}]"


HINTS = {"source": "--source DIR"}  # an input that a rule lacks -> how to give it

INPUTS = {
    "log": "log",
    "errlog": "error log",
    "events": "event file",
    "source": "source file",
    "table": "table",
    "settings": "configuration file",
    "trace": "trace",
    "other": "other file",
}


class Step(Struct, frozen=True):
    """A fix with the codes of the findings that it is for."""

    fix: Fix
    codes: tuple[str, ...]


class Story(Struct, frozen=True):
    """A run with all that was said about it. `codes`: id of a finding -> its code, numbered if not alone."""

    run: RunSummary
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    chain: Chain
    codes: dict[str, str]

    def code(self, id: str) -> str:
        """Return the code by which people know this finding."""
        return self.codes.get(id, clean(id))

    def label(self, id: str) -> str:
        """Return code and name."""
        found = self.find(id)
        return f"{self.code(id)} {clean(found.name)}" if found else self.code(id)

    def find(self, id: str) -> Finding | None:
        """Return the finding of this id, or None."""
        return next((finding for finding in self.findings if finding.id == id), None)

    def said(self, outcome: Outcome) -> tuple[Verdict, ...]:
        """Return the verdicts with this outcome."""
        return tuple(verdict for verdict in self.verdicts if verdict.outcome is outcome)

    @property
    def healthy(self) -> bool:
        """Whether nothing of medium severity or worse was found."""
        return all(finding.severity < Severity.MEDIUM for finding in self.findings)


def stories(report: Report) -> tuple[Story, ...]:
    """Return one story a run, in the order of the report."""
    return tuple(_story(report, run) for run in report.runs)


def _story(report: Report, run: RunSummary) -> Story:
    findings = report.of(run.id)
    chain = next((chain for chain in report.chains if chain.run == run.id), Chain(run.id))
    verdicts = tuple(verdict for verdict in report.verdicts if verdict.run == run.id)
    return Story(run, findings, verdicts, chain, _codes(findings))


def _codes(findings: tuple[Finding, ...]) -> dict[str, str]:
    codes: dict[str, str] = {}
    for finding in findings:
        code = clean(finding.code)
        twins = [other.id for other in findings if other.code == finding.code]
        codes[finding.id] = f"{code}#{twins.index(finding.id) + 1}" if len(twins) > 1 else code
    return codes


def told(story: Story) -> tuple[tuple[Finding, tuple[Finding, ...]], ...]:
    """Return the findings that stand on their own, each with the symptoms that are folded under it."""
    under = {finding.id: _root_of(story, finding) for finding in story.findings}
    return tuple(
        (finding, tuple(other for other in story.findings if under[other.id] == finding.id))
        for finding in story.findings
        if under[finding.id] is None
    )


def _root_of(story: Story, finding: Finding) -> str | None:
    """Return the nearest root above `finding` that is at least as severe, or None."""
    if finding.root:
        return None
    known = {other.id: other for other in story.findings}
    seen, layer = {finding.id}, list(finding.caused_by)
    while layer:
        above = [known[id] for id in layer if id in known and id not in seen]
        for cause in above:
            if cause.root and cause.severity >= finding.severity:
                return cause.id
        seen.update(cause.id for cause in above)
        layer = [id for cause in above for id in cause.caused_by]
    return None


def steps(story: Story) -> tuple[Step, ...]:
    """Return all fixes in the order in which to try them, each once."""
    found: dict[tuple[int, str], tuple[Fix, list[str]]] = {}
    for finding in story.findings:
        for fix in finding.fixes:
            found.setdefault((fix.rank, fix.title), (fix, []))[1].append(story.code(finding.id))
    ordered = sorted(found.values(), key=lambda item: item[0].rank or 10**6)
    return tuple(Step(fix, tuple(dict.fromkeys(codes))) for fix, codes in ordered)


def unjudged(story: Story) -> tuple[tuple[str, tuple[Verdict, ...]], ...]:
    """Return the rules that could not tell, grouped by what they lack, the largest group first.

    Where nothing was read at all there is nothing to go through rule by rule.
    """
    if not any(entry.used for entry in story.run.inputs):
        return ()
    groups: dict[str, list[Verdict]] = {}
    for verdict in story.said(Outcome.COULD_NOT_TELL):
        missing = (
            ", ".join(_named(name) for name in verdict.missing) or clean(verdict.note) or "a reason that was not given"
        )
        groups.setdefault(missing, []).append(verdict)
    return tuple((missing, tuple(found)) for missing, found in sorted(groups.items(), key=lambda item: -len(item[1])))


def aside(story: Story) -> tuple[tuple[str, tuple[tuple[str, tuple[Verdict, ...]], ...]], ...]:
    """Return the rules that are not for this kind of run: what the run is -> what they are for -> the rules.

    A reason reads `for bce, hinge; this run is wgan`: what it ends with is said once.
    """
    groups: dict[str, dict[str, list[Verdict]]] = {}
    for verdict in story.said(Outcome.NOT_APPLICABLE):
        own, _, shared = clean(verdict.note).rpartition("; ")
        groups.setdefault(shared, {}).setdefault(own, []).append(verdict)
    return tuple(
        (shared, tuple((own, tuple(found)) for own, found in every.items())) for shared, every in groups.items()
    )


def todo(story: Story) -> str:
    """Return what the fixes are headed with: nobody must act on remarks."""
    return "Nothing has to be done; what could be tried" if story.healthy else "What to do, in this order"


def _named(missing: str) -> str:
    name = clean(missing)
    return f"{name} ({HINTS[name]})" if name in HINTS else name


def passages(text: str) -> list[tuple[bool, list[str]]]:
    """Return the text of a fix in passages: (True, lines of code indented by four), or (False, prose)."""
    found: list[tuple[bool, list[str]]] = []
    for row in text.split("\n"):
        code = row.startswith("    ")
        if not row.strip():
            continue
        if not found or found[-1][0] != code:
            found.append((code, []))
        found[-1][1].append(row[4:] if code else row)
    return found


def arrows(story: Story, *, source: str | None = None, target: str | None = None) -> tuple[Edge, ...]:
    """Return the edges that leave `source` or reach `target`."""
    return tuple(edge for edge in story.chain.edges if source in {None, edge.source} and target in {None, edge.target})


def worst_roots(story: Story) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the roots of medium severity or worse: the most severe ones, and the others."""
    roots = [finding for finding in story.findings if finding.root and finding.severity >= Severity.MEDIUM]
    top = max((root.severity for root in roots), default=Severity.INFO)
    return tuple(r for r in roots if r.severity is top), tuple(r for r in roots if r.severity is not top)


def loops(story: Story) -> tuple[tuple[str, ...], ...]:
    """Return the loops as tuples of codes, the first repeated at the end."""
    return tuple(tuple(story.code(id) for id in (*loop, loop[0])) for loop in story.chain.loops if loop)


def counted(number: int, word: str, words: str | None = None) -> str:
    """Return `1 log` or `3 logs`."""
    return f"{number} {word}" if number == 1 else f"{number} {words or word + 's'}"


def listed(ranks: Sequence[int]) -> str:
    """Return `fix 1` or `fixes 1, 3 and 4`."""
    *others, last = map(str, ranks)
    return f"fixes {', '.join(others)} and {last}" if others else f"fix {last}"


def read(run: RunSummary) -> str:
    """Return what was read, as `1 log, 1 event file`."""
    kinds = [entry.kind for entry in run.inputs if entry.used]
    if not kinds:
        return "no input was used"
    return ", ".join(counted(kinds.count(kind), INPUTS.get(kind, clean(kind))) for kind in dict.fromkeys(kinds))


def extent(run: RunSummary) -> str:
    """Return how far the series reach, as `20 records, steps 20-400`, or an empty string without series.

    Series that play a role speak for the run; a progress bar beside them redraws far more often.
    """
    told = [series for series in run.series if series.role] or list(run.series)
    if not told:
        return ""
    text = counted(max(series.points for series in told), "record")
    firsts = [series.first_step for series in told if known(series.first_step)]
    lasts = [series.last_step for series in told if known(series.last_step)]
    return f"{text}, steps {number(min(firsts))}-{number(max(lasts))}" if firsts and lasts else text


def known(step: float | None) -> TypeGuard[float]:
    """Return whether there is such a step."""
    return step is not None and math.isfinite(step)


def number(step: float) -> str:
    """Return a step as text."""
    return show(Quantity(step, Kind.STEPS))


def tally(findings: tuple[Finding, ...]) -> str:
    """Return `1 critical, 2 high`."""
    levels = [finding.severity for finding in findings]
    return ", ".join(f"{levels.count(level)} {level}" for level in reversed(Severity) if level in levels)


def looked(story: Story) -> str:
    """Return how many rules looked and how many could not, as a sentence part."""
    quiet, blind = len(story.said(Outcome.QUIET)), len(story.said(Outcome.COULD_NOT_TELL))
    if not quiet:
        return f"{counted(blind, 'rule')} could not tell"
    return f"{counted(quiet, 'rule')} looked and found nothing, {blind} could not tell"


def standings(findings: tuple[Finding, ...]) -> dict[Standing, int]:
    """Return how many statements are observed, derived and assumed."""
    known = [statement.standing for finding in findings for statement in finding.statements]
    return {standing: known.count(standing) for standing in Standing}
