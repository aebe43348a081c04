"""The second half of the Markdown document: fixes, checks, evidence, blind spots (Report -> render)."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.evidence import Evidence, Standing
from wganlint.finding import Effect, Finding, Outcome
from wganlint.render.cells import window
from wganlint.render.markup import code, fence, prose, reference
from wganlint.render.story import Step, Story, aside, counted, effect, listed, manner, passages, steps, todo, unjudged

LISTED = 40  # of one finding, in the list of evidence


def fixes(story: Story) -> list[str]:
    """Return all fixes in their order, with code, conflicts and checks."""
    found = steps(story)
    if not found:
        return []
    lines = [f"## {todo(story) if story.healthy else 'Fixes, in priority order'}", ""]
    for at, step in enumerate(found, start=1):
        fix = step.fix
        lines += [f"### {fix.rank or at}. {prose(fix.title)}", ""]
        lines += [
            f"For {prose(', '.join(step.codes))}. Effect: **{effect(fix)}**{prose(manner(fix))}.",
            "",
        ]
        for is_code, rows in passages(fix.text):
            lines += [*fence(rows, "sh"), ""] if is_code else [part for row in rows for part in (prose(row), "")]
        if fix.diff.strip():
            lines += [*fence(fix.diff.rstrip("\n").split("\n"), "diff"), ""]
        if fix.effect is Effect.HIDES or fix.hides:
            covers = f" It covers {prose(', '.join(fix.hides))}." if fix.hides else ""
            lines += [f"**Caution:** the number looks well afterwards, the fault stays.{covers}", ""]
        if fix.conflicts:
            lines += [f"**Not together with** {listed(fix.conflicts)}.", ""]
        if fix.check.text:
            lines += [f"**Check{_within(step)}:** {prose(fix.check.text)}", ""]
    return lines


def _within(step: Step) -> str:
    return f" within {prose(step.fix.check.within)}" if step.fix.check.within else ""


def checks(found: Sequence[Step]) -> list[str]:
    """Return what must hold after each fix."""
    checks = [step for step in found if step.fix.check.text]
    if not checks:
        return []
    lines = ["## What the log should look like afterwards", ""]
    for step in checks:
        after = f"After fix {step.fix.rank}" if step.fix.rank else "Afterwards"
        lines.append(f"- {after}{_within(step).replace(' within', ', within')}: {prose(step.fix.check.text)}")
    return [*lines, ""]


def references(findings: Sequence[Finding]) -> list[str]:
    """Return the references of all findings, each once."""
    named = dict.fromkeys(text for finding in findings for text in finding.references)
    return ["## References", "", *(f"- {reference(text)}" for text in named), ""] if named else []


def exhibits(findings: Sequence[Finding], numbers: dict[tuple[str, int], int]) -> list[str]:
    """Return all evidence as a numbered list: code, place, standing, quote."""
    if not numbers:
        return []
    lines = ["## Evidence", ""]
    for finding in findings:
        for at, item in enumerate(finding.evidence[:LISTED]):
            key = f"{numbers[finding.id, at]}. {prose(finding.code)}, "
            where = f"{code(str(item.place))}, " if item.place else ""
            lines.append(f"{key}{where}{item.standing}: {code(_short(item))}{remark(item)}")
        if len(finding.evidence) > LISTED:
            lines += [
                "",
                f"and {len(finding.evidence) - LISTED} more for {prose(finding.code)}, not listed.",
                "",
            ]
    return [*lines, ""]


def _short(item: Evidence) -> str:
    row = item.quote.split("\n", 1)[0].rstrip("\r")
    column = item.place.column if item.place and item.place.column and item.place.column <= len(row) else None
    marks = [(column - 1, column + 10)] if column else []
    return window(row, marks, 100)[0].strip()


def blind_spots(story: Story) -> list[str]:
    """Return what was not judged, and why."""
    lines = ["## Not judged", ""]
    for missing, found in unjudged(story):
        names = ", ".join(verdict.code for verdict in found)
        lines.append(f"- Needs {prose(missing)}: {prose(names)}")
    for outcome, word in ((Outcome.BROKEN, "Broken rule"), (Outcome.IGNORED, "Ignored on request")):
        lines += [f"- {word} {prose(v.code)} {prose(v.name)}{tail(v.note)}" for v in story.said(outcome)]
    lines += [f"- Not used: {code(entry.path)}{tail(entry.why)}" for entry in story.run.inputs if not entry.used]
    for shared, groups in aside(story):
        told = (
            prose(", ".join(verdict.code for verdict in found) + (f" ({own})" if own else "")) for own, found in groups
        )
        lines.append(f"- Not for this kind of run{f' ({prose(shared)})' if shared else ''}: {'; '.join(told)}")
    quiet = len(story.said(Outcome.QUIET))
    return [*lines, *([f"- {counted(quiet, 'rule')} looked and found nothing."] if quiet else []), ""]


def remark(item: Evidence) -> str:
    """Return the note on a piece of evidence."""
    if item.standing is Standing.ASSUMED and item.label:
        return f": would be settled by {prose(item.label)}"
    return f": {prose(item.label)}" if item.label else ""


def tail(text: str) -> str:
    """Return a text as the end of a line, or nothing."""
    return f": {prose(text)}" if text else ""
