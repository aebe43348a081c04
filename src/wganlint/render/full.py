"""The whole report as terminal text, the way rustc talks (Report -> render)."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.finding import Finding, Outcome, Report, Severity
from wganlint.render.cells import cells, clean
from wganlint.render.detail import compact, folded, plan, whole
from wganlint.render.drawing import below, tree
from wganlint.render.spans import Line, Span, line, plain, wrap
from wganlint.render.story import (
    Story,
    aside,
    counted,
    extent,
    looked,
    loops,
    read,
    steps,
    stories,
    tally,
    todo,
    told,
    unjudged,
    worst_roots,
)

NARROW = 60
NOTES = 4  # shown of one run
INDENT = "  "


def full(report: Report, width: int = 100) -> str:
    """Return the report as plain text of `width` columns; paths and diffs are never broken."""
    return plain(lines(report, width))


def lines(report: Report, width: int = 100) -> list[Line]:
    """Return the report as lines of styled spans."""
    width = max(width, NARROW)
    said: list[Line] = []
    for story in stories(report):
        said += [(), line(("─" * width, "dim")), ()] if said else []
        said += _run(story, report.version, width)
    if not report.runs:
        said += wrap(
            [(f"wganlint {report.version}", "head"), "   nothing that looks like a training run was found"],
            width,
        )
    for problem in report.problems:
        said += [(), *wrap([("trouble: ", "high"), problem], width, "", "    ")]
    if len(report.runs) > 1:
        said += [
            (),
            *wrap([(f"{len(report.runs)} runs: ", "strong"), tally(report.findings) or "no findings"], width),
        ]
    return said


def _run(story: Story, version: str, width: int) -> list[Line]:
    said = _header(story, version, width)
    printed: set[int] = set()
    for finding, symptoms in told(story):
        said.append(())
        brief = _brief(finding)
        said += compact(story, finding, width) if brief else whole(story, finding, width)
        printed |= set() if brief else {id(fix) for fix in finding.fixes}
        for symptom in symptoms:
            said += [line(("  │", "gutter")), *folded(story, symptom, finding, width)]
    said += _chain(story, width)
    said += _plan(story, printed, width)
    said += _unjudged(story, width)
    return said


def _brief(finding: Finding) -> bool:
    """Whether a few lines are enough: little is at stake and nothing follows from it."""
    return finding.severity <= Severity.LOW and not finding.causes


def _header(story: Story, version: str, width: int) -> list[Line]:
    run = story.run
    facts = "   ".join(part for part in (read(run), extent(run)) if part)
    name: list[Span] = [(f"wganlint {clean(version)}", "head"), ("   run ", ""), (clean(run.id), "head")]
    if sum(cells(text) for text, _ in name) + 3 + cells(facts) <= width:
        said = [line(*name, ("   " + facts, "dim"))]
    else:
        said = [line(*name), *wrap([(facts, "dim")], width, INDENT)]
    if run.loss_family and run.loss_family != "unknown":
        said += _understood("loss", [(run.loss_family, "strong"), *_why(run.family_why)], width)
    elif run.family_why:
        said += _understood("loss", ["family unknown", *_why(run.family_why)], width)
    if run.convention:
        standing = str(run.convention_standing)
        spans: list[Span] = [(run.convention, ""), (" (", ""), (standing, standing), (")", "")]
        said += _understood("signs", [*spans, *_why(run.convention_why)], width)
    if run.roles:
        said += _understood("roles", [", ".join(f"{role}={name}" for role, name in run.roles.items())], width)
    for text, place in run.notes[:NOTES]:
        said += _understood("note", [text, " ", (f"({place})", "path")], width)
    if len(run.notes) > NOTES:
        said += _understood("", [(f"and {len(run.notes) - NOTES} more notes (all in --format json)", "dim")], width)
    return said + _understood("result", _result(story), width)


def _understood(name: str, spans: list[Span | str], width: int) -> list[Line]:
    first, *others = wrap(spans, width, INDENT + name.ljust(8), INDENT + " " * 8)
    return [((first[0][0], "dim"), *first[1:]), *others]


def _why(why: str) -> list[Span]:
    return [(f": {why}", "")] if why else []


def _result(story: Story) -> list[Span | str]:
    """Return the whole report in one line: how bad, and where to start."""
    if not any(entry.used for entry in story.run.inputs):
        return [("nothing to judge", "medium"), ": give a log, a folder that holds one, or the source (--source DIR)"]
    if not story.run.judged:
        return [("could not be judged", "medium"), f": {looked(story)}; what is missing stands below"]
    if story.healthy:
        more = f"; {counted(len(story.findings), 'remark')} below" if story.findings else ""
        return [
            ("No findings of medium or worse.", "good"),
            f" {looked(story)[0].upper()}{looked(story)[1:]}{more}.",
        ]
    spans: list[Span | str] = _tally(story.findings)
    first, others = worst_roots(story)
    if first:
        names = " and ".join(story.label(root.id) for root in first[:3])
        many = len(first) > 1
        spans.append(f"; start with {names}, {'roots' if many else 'a root' if others else 'the root'}")
    return spans


def _tally(findings: Sequence[Finding]) -> list[Span | str]:
    """Return how many findings there are of each severity, each in its color."""
    spans: list[Span | str] = []
    for level in reversed(Severity):
        count = sum(finding.severity is level for finding in findings)
        if count:
            spans += [", ", (f"{count} {level}", str(level))]
    return spans[1:]


def _chain(story: Story, width: int) -> list[Line]:
    drawn = tree(story, width - len(INDENT))
    beside = below(story, width - len(INDENT))
    if not story.chain.edges:
        return []
    said: list[Line] = [(), line(("How it hangs together", "head"))]
    said += [((INDENT, ""), *spans) for spans in drawn]
    for loop in loops(story):
        text = " ─▶ ".join(loop)
        said += wrap([("a loop that feeds itself: ", "hides"), text], width, INDENT, INDENT + "    ")
    return said + [((INDENT, ""), *spans) for spans in beside]


def _plan(story: Story, printed: set[int], width: int) -> list[Line]:
    found = steps(story)
    return [(), line((todo(story), "head")), *plan(found, printed, width)] if found else []


def _unjudged(story: Story, width: int) -> list[Line]:
    """Return which rules could not look, what they lack, and which inputs were left aside."""
    said: list[Line] = []
    for missing, found in unjudged(story):
        names = ", ".join(verdict.code for verdict in found)
        said += wrap([("needs ", "dim"), (missing, "strong"), (": ", "dim"), names], width, INDENT, INDENT + "    ")
    for outcome, word in ((Outcome.BROKEN, "broken rule"), (Outcome.IGNORED, "ignored on request")):
        for verdict in story.said(outcome):
            reason = f": {verdict.note}" if verdict.note else ""
            said += wrap(
                [(f"{word} ", "dim"), f"{verdict.code} {verdict.name}{reason}"],
                width,
                INDENT,
                INDENT + "    ",
            )
    for entry in story.run.inputs:
        if not entry.used:
            said += wrap([("not used ", "dim"), (entry.path, "path"), f": {entry.why}"], width, INDENT, INDENT + "    ")
    for shared, groups in aside(story):
        spans: list[Span | str] = [("not for this kind of run", "dim"), (f" ({shared})" if shared else "", "dim")]
        spans.append((": ", "dim"))
        for at, (own, found) in enumerate(groups):
            spans += ["; " if at else "", ", ".join(verdict.code for verdict in found)]
            spans.append((f" ({own})" if own else "", "dim"))
        said += wrap(spans, width, INDENT, INDENT + "    ")
    quiet = len(story.said(Outcome.QUIET))
    if quiet:
        said += wrap([(f"{counted(quiet, 'rule')} looked and found nothing", "dim")], width, INDENT)
    return [(), line(("Not judged, and why", "head")), *said] if said else []
