"""The report as a Markdown document to keep and to send (Report -> render)."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.finding import Edge, Finding, LinkKind, Report, Severity, Statement
from wganlint.render.appendix import blind_spots, checks, exhibits, fixes, references, remark, tail
from wganlint.render.detail import curves
from wganlint.render.drawing import VERBS, below, mermaid, tree
from wganlint.render.excerpt import excerpt
from wganlint.render.markup import code, fence, prose
from wganlint.render.spans import plain
from wganlint.render.story import (
    Story,
    arrows,
    extent,
    looked,
    loops,
    read,
    standings,
    steps,
    stories,
    tally,
    told,
    worst_roots,
)

WIDTH = 110  # columns of what stands in a fence
LIVES = "OPT007"  # the rule that says what still learns


def markdown(report: Report) -> str:
    """Return the report as GitHub-flavored Markdown; input text cannot become markup."""
    parts = [_document(story, report.version) for story in stories(report)]
    if not parts:
        parts = [["# Training analysis", "", "Nothing that looks like a training run was found.", ""]]
    if report.problems:
        parts[-1] += [
            "## Trouble with rules",
            "",
            *(f"- {prose(problem)}" for problem in report.problems),
        ]
    return "\n\n---\n\n".join("\n".join(lines).strip() for lines in parts) + "\n"


def _document(story: Story, version: str) -> list[str]:
    numbers = _numbers(story)
    lines = [f"# Training analysis: run {prose(story.run.id)}", "", *_read(story, version)]
    lines += _summary(story)
    ordered = [finding for root, symptoms in told(story) for finding in (root, *symptoms)]
    problems = [finding for finding in ordered if finding.severity >= Severity.MEDIUM]
    for number, finding in enumerate(problems, start=1):
        lines += _problem(story, finding, number, numbers)
    lines += _alive(story, numbers)
    lines += _remarks(story, [finding for finding in ordered if finding.severity < Severity.MEDIUM])
    lines += _cycle(story)
    lines += fixes(story)
    lines += checks(steps(story))
    lines += references(ordered)
    lines += exhibits(ordered, numbers)
    return lines + blind_spots(story)


def _numbers(story: Story) -> dict[tuple[str, int], int]:
    """Return the number of each piece of evidence: (finding, position) -> 1, 2, ... as told."""
    ordered = [finding for root, symptoms in told(story) for finding in (root, *symptoms)]
    keys = [(finding.id, at) for finding in ordered for at in range(len(finding.evidence))]
    return {key: number for number, key in enumerate(keys, start=1)}


def _read(story: Story, version: str) -> list[str]:
    run = story.run
    lines = [
        f"wganlint {prose(version)} read {prose(', '.join(filter(None, (read(run), extent(run)))))}.",
        "",
    ]
    if run.family_why or run.loss_family not in {"", "unknown"}:
        lines.append(f"- Loss family: {prose(run.loss_family)}{tail(run.family_why)}")
    if run.convention:
        lines.append(f"- Signs: {prose(run.convention)} *({run.convention_standing})*{tail(run.convention_why)}")
    if run.roles:
        roles = ", ".join(f"{prose(role)} is {code(name)}" for role, name in run.roles.items())
        lines.append(f"- Roles: {roles}")
    lines += [f"- Note: {prose(text)} ({code(str(place))})" for text, place in run.notes]
    return [*lines, ""] if lines[-1] else lines


def _summary(story: Story) -> list[str]:
    lines = ["## Executive summary", ""]
    if not story.run.judged:
        return [
            *lines,
            f"This run could not be judged: {looked(story)}. What is missing stands at the end.",
            "",
        ]
    if story.healthy:
        said = looked(story)
        return [*lines, f"No findings of medium or worse. {said[0].upper()}{said[1:]}.", ""]
    lines += [f"**{tally(story.findings)}.** {_roots(story)}", ""]
    for finding in sorted(story.findings, key=lambda finding: -finding.severity):
        if finding.severity >= Severity.HIGH:
            mark = " (root)" if finding.root else ""
            lines.append(f"- **{finding.severity}** {prose(story.code(finding.id))}{mark}: {prose(finding.title)}")
    if lines[-1]:
        lines.append("")
    known = standings(story.findings)
    parts = ", ".join(f"{count} {standing}" for standing, count in known.items())
    return [*lines, f"Of the statements below, {parts}; each carries its mark.", ""]


def _roots(story: Story) -> str:
    """Return where it begins, in a sentence, and how sure that is."""
    first, others = worst_roots(story)
    said = []
    for root in first:
        word = "The root is" if len(first) == 1 else "A root is"
        because = f", because {prose(root.because)}" if root.because else ""
        said.append(
            f"{word} {prose(story.label(root.id))}: {_sentence(root.title)} How sure: {root.confidence}{because}."
        )
    if others:
        said.append(f"On their own: {prose(', '.join(story.label(root.id) for root in others))}.")
    return " ".join(said)


def _sentence(text: str) -> str:
    shown = prose(text)
    return shown if shown.endswith((".", "!", "?")) else shown + "."


def _problem(story: Story, finding: Finding, number: int, numbers: dict[tuple[str, int], int]) -> list[str]:
    root = ", root" if finding.root else ""
    lines = [f"## Problem {number}: {prose(finding.title)}", ""]
    lines += [f"{prose(story.label(finding.id))}, **{finding.severity}**{root}", ""]
    if finding.place is not None:
        lines += [f"**Location:** {code(str(finding.place))}", ""]
    lines += _quotes(story, finding, numbers)
    lines += _causes(story, finding)
    if finding.alternatives:
        lines += ["**It could also be**", "", *(_statement(other) for other in finding.alternatives), ""]
    lines += _impact(story, finding)
    because = f", because {prose(finding.because)}" if finding.because else ""
    return [*lines, f"**How sure:** {finding.confidence}{because}.", ""]


def _quotes(story: Story, finding: Finding, numbers: dict[tuple[str, int], int]) -> list[str]:
    """Return the quotes and the curves in one fence, and the arithmetic as a list."""
    placed = [item for item in finding.evidence if item.place is not None]
    rows = excerpt(None, placed, WIDTH, "")
    drawn = curves(story, finding, WIDTH)
    if not finding.evidence and not drawn:
        return []
    lines = ["**Evidence**" + _span(finding, numbers), ""]
    if rows or drawn:
        lines += [
            *fence(plain([*rows, *([()] if rows and drawn else []), *drawn]).split("\n")[:-1], "text"),
            "",
        ]
    others = [(at, item) for at, item in enumerate(finding.evidence) if item.place is None]
    for at, item in others:
        lines.append(f"- {code(item.quote)}{remark(item)} *({item.standing}, E{numbers[finding.id, at]})*")
    return [*lines, ""] if others else lines


def _span(finding: Finding, numbers: dict[tuple[str, int], int]) -> str:
    """Return the numbers under which the quotes stand in the list of evidence."""
    known = [numbers[finding.id, at] for at, item in enumerate(finding.evidence) if item.place is not None]
    if not known:
        return ""
    span = f"E{min(known)}" if len(known) == 1 else f"E{min(known)} to E{max(known)}"
    words = {str(item.standing) for item in finding.evidence if item.place is not None}
    return f" ({', '.join(sorted(words, reverse=True))}; {span})"


def _statement(statement: Statement) -> str:
    settle = f"; would settle it: {prose(statement.settle)}" if statement.settle else ""
    return f"- {prose(statement.text)} *({statement.standing}{settle})*"


def _causes(story: Story, finding: Finding) -> list[str]:
    lines = [f"**{'Why' if finding.root else 'Cause'}**", ""]
    if finding.caused_by:
        lines += ["- Caused by " + ", ".join(prose(story.label(id)) for id in finding.caused_by) + "."]
    lines += [_statement(statement) for statement in finding.statements]
    return [*lines, ""] if len(lines) > 2 else []


def _impact(story: Story, finding: Finding) -> list[str]:
    edges = arrows(story, source=finding.id)
    lines = [_arrow(story, edge) for edge in edges]
    if not edges:
        lines += [f"- Causes {prose(story.label(id))}." for id in finding.causes]
        lines += [f"- Masks {prose(story.label(id))}." for id in finding.masks]
    return ["**Impact**", "", *lines, ""] if lines else []


def _arrow(story: Story, edge: Edge) -> str:
    found = story.find(edge.target)
    title = f": {prose(found.title)}" if found and edge.how is not LinkKind.MASKS else ""
    why = f": {prose(edge.why)}" if edge.why else ""
    basis = f"*({edge.standing}{why})*"
    return f"- {VERBS[edge.how].capitalize()} {prose(story.label(edge.target))}{title} {basis}"


def _alive(story: Story, numbers: dict[tuple[str, int], int]) -> list[str]:
    """Return the section on what still learns, where the rule that looks for it fired."""
    found = next((finding for finding in story.findings if finding.code == LIVES), None)
    if found is None:
        return []
    lines = [
        "## What still learns, and why",
        "",
        *(_statement(statement) for statement in found.statements),
        "",
    ]
    return lines + _quotes(story, found, numbers)


def _remarks(story: Story, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    lines = ["## Smaller remarks", ""]
    for finding in findings:
        where = f" ({code(str(finding.place))})" if finding.place else ""
        lines.append(f"- **{finding.severity}** {prose(story.label(finding.id))}{where}: {_sentence(finding.title)}")
        if finding.code != LIVES:  # its statements stand in their own section
            lines += [f"  {_statement(statement)}" for statement in finding.statements]
    return [*lines, ""]


def _cycle(story: Story) -> list[str]:
    if not story.chain.edges:
        return []
    title = "## The cycle" if story.chain.loops else "## The chain of causes"
    lines = [title, "", *fence(mermaid(story), "mermaid"), ""]
    lines += [f"The loop {prose(' → '.join(loop))} feeds itself." for loop in loops(story)]
    twin = plain([*tree(story, WIDTH), *below(story, WIDTH)]).splitlines()
    return [*lines, *([""] if story.chain.loops else []), "The same as text:", "", *fence(twin, "text"), ""]
