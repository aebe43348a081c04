"""What was read, for a person at a terminal of any width (Inspection -> render)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from wganlint.finding import InputSummary
from wganlint.inspection import Inspection, RunView, SettingView, TableView
from wganlint.render.cells import cells, clean, clip
from wganlint.render.columns import family, fold, groups, rest, rows, steps
from wganlint.render.spans import Line, Span, line, plain, wrap
from wganlint.render.story import INPUTS, counted

NARROW = 60
SETTINGS, NOTES, UNUSED, TABLES, USED = 16, 6, 8, 8, 12  # shown of each without --all
RUNS = 6  # shown in full
HEADING = 60  # cells of what stands above a profiler table
INDENT, DEEPER = "  ", "    "


def full(inspection: Inspection, width: int = 100, *, all: bool = False) -> str:
    """Return the inspection as plain text of `width` columns."""
    return plain(lines(inspection, width, all=all))


def lines(inspection: Inspection, width: int = 100, *, all: bool = False) -> list[Line]:
    """Return the inspection as lines of styled spans; `all` folds no list."""
    width = max(width, NARROW)
    said: list[Line] = []
    if len(inspection.runs) > RUNS and not all:
        return [*_brief(inspection, width), (), *_overview(inspection, width)]
    for run in inspection.runs:
        said += [(), line(("─" * width, "dim")), ()] if said else []
        said += _run(run, inspection.version, width, all)
    if len(inspection.runs) > 1:
        said += [(), *_overview(inspection, width)]
    return said


def _brief(inspection: Inspection, width: int) -> list[Line]:
    """Return many runs in a few lines each: what was read, how far it goes, which series plays which role."""
    said: list[Line] = [line((f"wganlint {clean(inspection.version)}", "head"), f"   {len(inspection.runs)} runs")]
    for run in inspection.runs:
        facts = ", ".join(part for part in (read(run), _reach(run)) if part) or "nothing to read"
        said += [(), *wrap([(run.id, "head"), f": {facts}"], width, "", INDENT)]
        roles = ", ".join(f"{one.role}={one.name}" for one in run.series if one.role_standing is not None)
        others = sum(one.role_standing is None for one in run.series)
        bad = sum(one.nonfinite > 0 for one in run.series)
        if run.series:
            told: list[Span | str] = [roles or "no roles", (f"; {others} other series", "dim")]
            said += wrap([*told, *([(f"; {bad} not finite", "medium")] if bad else [])], width, INDENT, DEEPER)
        unused = sum(not one.used for one in run.inputs)
        if unused or run.notes:
            parts = [
                counted(len(run.notes), "note") if run.notes else "",
                f"{unused} inputs not used" if unused else "",
            ]
            said += wrap([(", ".join(part for part in parts if part), "dim")], width, INDENT)
    return said


def _run(run: RunView, version: str, width: int, all: bool) -> list[Line]:
    said = _header(run, version, width)
    for title, part in (
        ("Series", _series(run, width, all)),
        ("Roles", _roles(run, width)),
        ("Settings", _settings(run, width, all)),
        ("Profiler tables", _tables(run.tables, width, all)),
        ("Profiler traces", _traces(run, width)),
        ("Notes", _notes(run, width, all)),
        ("Inputs", _inputs(run, width, all)),
    ):
        if part:
            said += [(), line((title, "head"), (_count(title, run), "dim")), *part]
    return said


def _count(title: str, run: RunView) -> str:
    counts = {"Series": len(run.series), "Settings": len(run.settings), "Inputs": len(run.inputs)}
    return f"  {counts[title]}" if title in counts else ""


def _header(run: RunView, version: str, width: int) -> list[Line]:
    name: list[Span] = [(f"wganlint {clean(version)}", "head"), ("   run ", ""), (clean(run.id), "head")]
    facts = ", ".join(part for part in (read(run), _reach(run)) if part)
    if sum(cells(text) for text, _ in name) + 3 + cells(facts) <= width:
        said = [line(*name, ("   " + facts, "dim"))]
    else:
        said = [line(*name), *wrap([(facts, "dim")], width, INDENT)]
    if run.empty:
        return [*said, *_fact("result", [("nothing to read", "medium"), ": what was looked at stands below"], width)]
    told = run.family and run.family != "unknown"
    name_of: list[Span | str] = [(run.family, "strong"), *_standing(str(run.family_standing))]
    said += _fact("loss", [*(name_of if told else ["not told"]), *_why(run.family_why)], width)
    if run.convention:
        spans: list[Span | str] = [run.convention, *_standing(str(run.convention_standing))]
        said += _fact("signs", [*spans, *_why(run.convention_why)], width)
    elif run.convention_why:
        said += _fact("signs", ["not told", *_why(run.convention_why)], width)
    if run.source:
        said += _fact("source", [", ".join(f"{name} {count}" for name, count in run.source)], width)
    return said


def _fact(name: str, spans: Sequence[Span | str], width: int) -> list[Line]:
    first, *others = wrap(spans, width, INDENT + name.ljust(8), INDENT + " " * 8)
    return [((first[0][0], "dim"), *first[1:]), *others]


def _standing(standing: str) -> list[Span | str]:
    return [(" (", ""), (standing, standing), (")", "")]


def _why(why: str) -> list[Span | str]:
    return [f": {why}"] if why else []


def read(run: RunView) -> str:
    """Return what was read, as `1 log, 1 event file`."""
    kinds = [entry.kind for entry in run.inputs if entry.used]
    return ", ".join(counted(kinds.count(kind), INPUTS.get(kind, clean(kind))) for kind in dict.fromkeys(kinds))


def _reach(run: RunView) -> str:
    told = [one for one in run.series if one.role] or [one for one in run.series if one.kind != "redraw"]
    if not told:
        return ""
    longest = max(told, key=lambda one: one.points)
    return f"{counted(longest.points, 'record')}, {steps([longest])}"


def _series(run: RunView, width: int, all: bool) -> list[Line]:
    said: list[Line] = []
    folded = fold(run.series, all=all)
    for group in groups(folded.shown):
        said += [*([()] if said else []), *rows(group, width)]
    if folded.families or folded.rest:
        said += [(), line(INDENT, ("and more of the same", "strong"))]
    for pattern, found in folded.families:
        said += family(pattern, found, width)
    if folded.rest:
        said += rest(folded.rest, width)
    elif folded.families:
        said += wrap([("--all shows each", "dim")], width, DEEPER)
    return said


def _roles(run: RunView, width: int) -> list[Line]:
    """Return why each series is thought to play its role."""
    found = [one for one in run.series if one.role_standing is not None]
    said: list[Line] = []
    wide = max((len(one.role) for one in found), default=0)
    for one in found:
        standing = str(one.role_standing)
        spans: list[Span | str] = [(one.name, "strong"), *_standing(standing), f": {one.role_why}"]
        said += wrap(spans, width, f"{INDENT}{one.role.ljust(wide)}  ", INDENT + " " * (wide + 2))
    aside = [one.name for one in run.series if one.role and one.role_standing is None]
    if aside:
        shown = ", ".join(aside[:20]) + (f" and {len(aside) - 20} more" if len(aside) > 20 else "")
        said += wrap([("side losses: ", "dim"), shown], width, INDENT, DEEPER)
    return said


def _settings(run: RunView, width: int, all: bool) -> list[Line]:
    """Return the settings under their files, each with its line and what it was taken to mean."""
    shown = list(run.settings)
    if not all and len(shown) > SETTINGS:
        first = sorted(range(len(shown)), key=lambda at: (not shown[at].meaning, at))[:SETTINGS]
        shown = [shown[at] for at in sorted(first)]
    said: list[Line] = []
    for file, part in groupby(shown, key=lambda one: one.place.file):
        said += [line(INDENT, (clean(file), "path")), *_setting_rows(list(part), width)]
    return said + _more(len(run.settings) - len(shown), width)


def _setting_rows(found: Sequence[SettingView], width: int) -> list[Line]:
    places = [str(one.place.line) if one.place.line is not None else one.origin for one in found]
    gutter = max(map(len, places))
    meant = max((len(one.meaning) for one in found), default=0)
    room = width - gutter - 7 - (meant + 4 if meant else 0)
    texts = [clip(f"{clean(one.name)} = {clean(one.value)}", max(room, 20)) for one in found]
    wide = max(map(cells, texts))
    said: list[Line] = []
    for one, place, text in zip(found, places, texts, strict=True):
        gap = " " * (wide - cells(text))
        meaning: list[Span] = [(f"{gap}  → ", "dim"), (one.meaning, "code")] if one.meaning else []
        said.append(line(DEEPER, (place.rjust(gutter), "gutter"), "  ", text, *meaning))
    return said


def _tables(tables: Sequence[TableView], width: int, all: bool) -> list[Line]:
    said: list[Line] = []
    shown = tables if all else tables[:TABLES]
    for file, part in groupby(shown, key=lambda one: one.place.file):
        said.append(line(INDENT, (clean(file), "path")))
        for one in part:
            where = f"lines {one.place.line}-{one.end_line}"
            said += wrap([(where, "gutter"), ": ", table_facts(one)], width, DEEPER, DEEPER * 2)
    return said + _more(len(tables) - len(shown), width)


def table_facts(table: TableView) -> str:
    """Return what a profiler table holds, in words."""
    parts = [counted(table.rows, "row"), f"device {table.device}" if table.device else "CPU only"]
    parts.append(counted(table.steps, "step") if table.steps is not None else "does not say how many steps")
    if table.limited:
        parts.append("rows may be missing (row limit)")
    if table.damage:
        parts.append(table.damage)
    return ", ".join(parts) + (f"; under: {clip(clean(table.heading), HEADING)}" if table.heading else "")


def _traces(run: RunView, width: int) -> list[Line]:
    said: list[Line] = []
    for one in run.traces:
        said.append(line(INDENT, (clean(one.file), "path")))
        said += wrap(["; ".join(f"{name} {text}" for name, text in one.facts)], width, DEEPER)
    return said


def _notes(run: RunView, width: int, all: bool) -> list[Line]:
    said: list[Line] = []
    shown = run.notes if all else run.notes[:NOTES]
    for text, place in shown:
        said += wrap([text, " ", (f"({place})", "path")], width, INDENT + "- ", DEEPER)
    return said + _more(len(run.notes) - len(shown), width)


def _inputs(run: RunView, width: int, all: bool) -> list[Line]:
    """Return each file: what it gave, then what was not used and why."""
    used = [one for one in run.inputs if one.used]
    unused = [one for one in run.inputs if not one.used]
    said = _listed(used, USED, width, all)
    if unused:
        said += [line(INDENT, ("not used:", "strong"))]
        said += _listed(unused, UNUSED, width, all)
    return said


def _listed(found: Sequence[InputSummary], most: int, width: int, all: bool) -> list[Line]:
    shown = found if all else found[:most]
    said = [row for one in shown for row in wrap([(one.path, "path"), f": {one.why}"], width, INDENT, DEEPER)]
    return said + _more(len(found) - len(shown), width)


def _more(count: int, width: int) -> list[Line]:
    return wrap([(f"and {count} more (--all shows each)", "dim")], width, INDENT) if count > 0 else []


def _overview(inspection: Inspection, width: int) -> list[Line]:
    """Return one line about all runs."""
    series = sum(len(run.series) for run in inspection.runs)
    points = sum(one.points for run in inspection.runs for one in run.series)
    empty = sum(run.empty for run in inspection.runs)
    text = f"{series} series, {points} points" + (
        f"; {counted(empty, 'run')} without anything to read" if empty else ""
    )
    more = "; give one of them, or --all, for the whole" if len(inspection.runs) > RUNS else ""
    return wrap([(f"{len(inspection.runs)} runs: ", "strong"), text, (more, "dim")], width)
