"""One line a finding, for terminals, editors and grep (Report -> render)."""

from __future__ import annotations

from wganlint.finding import Finding, Outcome, Report
from wganlint.render.cells import clean
from wganlint.render.story import counted, tally


def concise(report: Report) -> str:
    """Return `file:line:column: CODE severity (confidence) title [root]` a finding, and a summary."""
    return "\n".join([*(_row(finding) for finding in report.findings), _summary(report)]) + "\n"


def _row(finding: Finding) -> str:
    root = " [root]" if finding.root else ""
    grade = f"{finding.severity} ({finding.confidence})"
    return f"{clean(_where(finding))}: {clean(finding.code)} {grade} {clean(finding.title).strip()}{root}"


def _where(finding: Finding) -> str:
    """Return `file:line:column` as far as known; a finding without a place stands at its run."""
    place = finding.place
    if place is None:
        return finding.run
    return place.file if place.line is None else f"{place.file}:{place.line}:{place.column or 1}"


def _summary(report: Report) -> str:
    found = tally(report.findings)
    said = [verdict.outcome for verdict in report.verdicts]
    head = f"{counted(len(report.findings), 'finding')} ({found})" if found else "No findings"
    quiet, blind, broken = (said.count(o) for o in (Outcome.QUIET, Outcome.COULD_NOT_TELL, Outcome.BROKEN))
    runs = f" in {counted(len(report.runs), 'run')}"
    trouble = f", {broken} broken" if broken else ""
    return f"{head}{runs}; rules: {quiet} quiet, {blind} could not tell{trouble}."
