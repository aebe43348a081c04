"""One finding as terminal lines: in full, folded under its root, or in brief (Report -> render)."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.evidence import Evidence, Standing
from wganlint.finding import Edge, Effect, Finding, Fix, LinkKind, SeriesSummary, Statement
from wganlint.render.cells import cells, clean, clip
from wganlint.render.excerpt import excerpt
from wganlint.render.spans import Line, Span, line, paragraphs, wrap
from wganlint.render.sparkline import sparkline
from wganlint.render.story import Step, Story, arrows, effect, known, listed, manner, number, passages

BODY = "    "
COLUMN = 11  # `how sure: ` and its kin
CURVES = 3
DIFF_ROOM = 400


def whole(story: Story, finding: Finding, width: int) -> list[Line]:
    """Return all there is to say on a finding."""
    style = str(finding.severity)
    lines = heading(story, finding, width)
    lines += above(story, finding, width)
    lines += excerpt(finding.place, finding.evidence, width, style)
    drawn = curves(story, finding, width)
    lines += [*([(), *drawn] if drawn else []), ()]
    lines += _statements("why:", finding.statements, width)
    lines += _statements("could be:", finding.alternatives, width)
    lines += row("how sure:", [(str(finding.confidence), "strong"), *_because(finding)], width)
    lines += _links(story, finding, width)
    for fix in sorted(finding.fixes, key=lambda fix: fix.rank or 10**6):
        lines += repair(fix, width, BODY)
    for reference in finding.references:
        lines += row("see:", [(reference, "dim")], width)
    return lines


def folded(story: Story, finding: Finding, root: Finding, width: int) -> list[Line]:
    """Return a symptom, short: its root is printed above and holds the rest."""
    inside = width - len(BODY)
    causes = [story.code(id) for id in finding.caused_by]
    top = story.code(root.id)
    through = f", by way of {', '.join(causes)}" if causes and top not in causes else ""
    lines = heading(story, finding, inside)
    lines += wrap([("symptom of ", "dim"), (top, str(root.severity)), (f" above{through}", "dim")], inside, BODY)
    lines += excerpt(finding.place, _first(finding), inside, str(finding.severity), most=1)
    lines += curves(story, finding, inside, most=1)
    lines += _brief(story, finding, inside, most=2)
    return [(("  ", ""), ("│ ", "gutter"), *spans) for spans in lines]


def compact(story: Story, finding: Finding, width: int) -> list[Line]:
    """Return a remark of low severity in a few lines."""
    lines = heading(story, finding, width)
    if finding.place is not None:
        lines.append(line(("   --> ", "gutter"), (clean(str(finding.place)), "path")))
    return [*lines, *curves(story, finding, width, most=1), *_brief(story, finding, width)]


def heading(story: Story, finding: Finding, width: int) -> list[Line]:
    """Return `critical[SAT001] score-pinned-at-bound: title`."""
    style = str(finding.severity)
    label = (f"{finding.severity}[{story.code(finding.id)}]", style)
    return wrap([label, " ", (f"{finding.name}:", "strong"), " ", (finding.title, "strong")], width, "", BODY)


def above(story: Story, finding: Finding, width: int) -> list[Line]:
    """Return what causes this finding, where that is known."""
    if not finding.caused_by:
        return []
    text = "also caused by" if finding.root else "caused by"
    return wrap([(f"{text} ", "dim"), *_names(story, finding.caused_by)], width, BODY)


def curves(story: Story, finding: Finding, width: int, most: int = CURVES) -> list[Line]:
    """Return a sparkline for each series that the finding is about, with its first and last value."""
    read = {series.name: series for series in story.run.series}
    shown = [read[name] for name in finding.series if name in read][:most]
    if not shown:
        return []
    room = min(max(cells(clean(series.name)) for series in shown), 24)
    lines: list[Line] = []
    for series in shown:
        tail = _ends(series)
        name = clip(clean(series.name), room)
        size = min(60, width - len(BODY) - room - 4 - cells(tail))
        label = BODY + name + " " * (room - cells(name)) + "  "
        if size >= 12:
            lines.append(line((label, "dim"), (sparkline(series.thumbnail, min(size, 40)), "spark"), "  ", tail))
        else:
            lines.append(line((label, "dim"), (sparkline(series.thumbnail, width - cells(label)), "spark")))
            lines += wrap([tail], width, " " * cells(label))
    return lines


def _ends(series: SeriesSummary) -> str:
    first, last = clean(series.first_text), clean(series.last_text)
    if known(series.first_step) and known(series.last_step):
        text = f"{first} at step {number(series.first_step)}, {last} at step {number(series.last_step)}"
    else:
        text = f"{first} first, {last} last"
    return f"{text}, {series.nonfinite} not finite" if series.nonfinite else text


def _statements(name: str, statements: Sequence[Statement], width: int) -> list[Line]:
    """Return statements, each with its standing; an assumed one with what would settle it."""
    lines: list[Line] = []
    for statement in statements:
        opening = BODY + (name if not lines else "").ljust(COLUMN) + str(statement.standing).ljust(10)
        indent = " " * len(opening)
        said = paragraphs(statement.text, width, indent) or [line(indent)]
        tag = str(statement.standing)
        first = line((opening[:-10], "dim"), (tag.ljust(10), tag))
        lines += [(*first, *said[0][1:]), *said[1:]]
        if statement.standing is Standing.ASSUMED and statement.settle:
            lines += wrap([("would settle it: ", "dim"), statement.settle], width, indent, indent + "  ")
    return lines


def row(name: str, spans: Sequence[Span | str], width: int) -> list[Line]:
    """Return `name:  text` with the text hanging in its own column."""
    lines = wrap(spans, width, BODY + name.ljust(COLUMN), BODY + " " * COLUMN)
    return [((lines[0][0][0], "dim"), *lines[0][1:]), *lines[1:]]


def _because(finding: Finding) -> list[Span]:
    return [(f", because {finding.because}", "")] if finding.because else []


def _links(story: Story, finding: Finding, width: int) -> list[Line]:
    """Return the arrows of a finding; without a chain, the ids it names itself."""
    edges = arrows(story, source=finding.id)
    lines: list[Line] = []
    onward = [edge for edge in edges if edge.how is not LinkKind.MASKS]
    for edge in onward:
        lines += row("" if lines else "leads to:", _arrow(story, edge), width)
    if not onward and finding.causes:
        lines += row("leads to:", _names(story, finding.causes), width)
    masks = [edge for edge in edges if edge.how is LinkKind.MASKS]
    for at, edge in enumerate(masks):
        lines += row("" if at else "masks:", _arrow(story, edge), width)
    if not masks and finding.masks:
        lines += row("masks:", _names(story, finding.masks), width)
    return lines


def _arrow(story: Story, edge: Edge) -> list[Span]:
    """Return where an arrow goes, how, and what it stands on."""
    (name,) = _names(story, (edge.target,))
    how = {LinkKind.ENABLES: " (enables it)", LinkKind.KEEPS_ALIVE: " (keeps it alive)"}.get(edge.how, "")
    why = [(" (", ""), (f"{edge.standing}:", str(edge.standing)), (f" {edge.why})", "")] if edge.why else []
    return [name, (how, "dim"), *why]


def _names(story: Story, ids: Sequence[str]) -> list[Span]:
    spans: list[Span] = []
    for id in ids:
        found = story.find(id)
        spans += [(", ", ""), (story.label(id), str(found.severity) if found else "")]
    return spans[1:]


def _first(finding: Finding) -> list[Evidence]:
    """Return the evidence that a folded symptom shows: one quote and one piece of arithmetic."""
    placed = [item for item in finding.evidence if item.place is not None]
    others = [item for item in finding.evidence if item.place is None]
    return [*placed[:1], *others[:1]]


def _brief(story: Story, finding: Finding, width: int, most: int = 1) -> list[Line]:
    """Return the first `most` statements, how sure it is, and which fixes are for it, in a few lines."""
    lines = _statements("why:", finding.statements[:most], width)
    tail: list[Span | str] = [(str(finding.confidence), "strong"), *_because(finding)]
    ranks = sorted(fix.rank for fix in finding.fixes if fix.rank)
    if ranks:
        tail.append((f"; {listed(ranks)} below", "dim"))
    lines += row("how sure:", tail, width)
    if finding.masks:
        lines += row("masks:", _names(story, finding.masks), width)
    return lines


def repair(fix: Fix, width: int, indent: str) -> list[Line]:
    """Return a fix with its text, its diff and the check that says whether it worked."""
    title = f"fix {fix.rank}" if fix.rank else "fix"
    does = (f" ({effect(fix)}):", str(fix.effect))
    lines = [
        (),
        *wrap(
            [(title, "strong"), does, " ", (fix.title, "strong"), (manner(fix), "dim")],
            width,
            indent,
            indent + "    ",
        ),
    ]
    return lines + instructions(fix, width, indent + "    ")


def instructions(fix: Fix, width: int, indent: str) -> list[Line]:
    """Return all of a fix but its title."""
    lines: list[Line] = []
    for code, rows in passages(fix.text):
        for text in rows:
            if code:
                lines.append(line(indent + "  ", (clip(clean(text), DIFF_ROOM), "code")))
            else:
                lines += wrap([text], width, indent)
    for change in fix.diff.splitlines():
        style = {"+": "add", "-": "del"}.get(change[:1], "code")
        lines.append(line(indent + "  ", (clip(clean(change), DIFF_ROOM), style)))
    if fix.effect is Effect.HIDES or fix.hides:
        codes = ", ".join(fix.hides)
        lines += wrap(
            [
                ("hides" + (f" {codes}:" if codes else ":"), "hides"),
                " the number looks well, the fault stays",
            ],
            width,
            indent,
            indent + "  ",
        )
    if fix.conflicts:
        lines += wrap([(f"not together with {listed(fix.conflicts)}", "label")], width, indent)
    if fix.check.text:
        within = f" within {fix.check.within}" if fix.check.within else ""
        lines += wrap([(f"check{within}:", "good"), " ", fix.check.text], width, indent, indent + "  ")
    return lines


def plan(steps: Sequence[Step], printed: set[int], width: int) -> list[Line]:
    """Return the numbered list of fixes; `printed`: ids of fixes whose body stands above."""
    lines: list[Line] = []
    for at, step in enumerate(steps, start=1):
        fix = step.fix
        opening = f"{fix.rank or at:>3}. "
        hanging = " " * len(opening)
        does = (effect(fix), str(fix.effect))
        codes = (f" {', '.join(step.codes)}", "dim")
        lines += wrap([(fix.title, "strong"), (" - ", "dim"), does, (" -", "dim"), codes], width, opening, hanging)
        if id(fix) not in printed:
            lines += instructions(fix, width, hanging)
        elif fix.conflicts:
            lines += wrap([(f"not together with {listed(fix.conflicts)}", "label")], width, hanging)
    return lines
