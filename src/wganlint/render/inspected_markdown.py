"""What was read, as Markdown to keep and to send (Inspection -> render)."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.inspection import Inspection, Record, RunView, SeriesView
from wganlint.render.columns import fold, groups, records, steps
from wganlint.render.inspected import read, table_facts
from wganlint.render.markup import code, prose
from wganlint.render.story import number


def markdown(inspection: Inspection, *, all: bool = False) -> str:
    """Return the inspection as GitHub-flavored Markdown; input text cannot become markup. `all` folds no series."""
    parts = ["\n".join(_run(run, inspection.version, all)).strip() for run in inspection.runs]
    return "\n\n---\n\n".join(parts) + "\n"


def _run(run: RunView, version: str, all: bool) -> list[str]:
    lines = [
        f"# What was read: run {prose(run.id)}",
        "",
        f"wganlint {prose(version)} read {prose(read(run)) or 'nothing'}.",
        "",
    ]
    if not run.empty:
        lines.append(f"- Loss family: {prose(run.family)} ({run.family_standing}){_tail(run.family_why)}")
        if run.convention or run.convention_why:
            told = f"{prose(run.convention)} ({run.convention_standing})" if run.convention else "not told"
            lines.append(f"- Sign convention: {told}{_tail(run.convention_why)}")
        if run.source:
            lines.append(f"- Source: {prose(', '.join(f'{name} {count}' for name, count in run.source))}")
        lines.append("")
    lines += _series(run, all)
    lines += _section("Roles", [
        f"- {prose(one.role)}: {code(one.name)} ({one.role_standing}){_tail(one.role_why)}"
        for one in run.series if one.role_standing is not None
    ])  # fmt: skip
    lines += _section("Settings", [
        f"- {code(f'{one.name} = {one.value}')} at {code(str(one.place))}"
        + (f", taken to mean {prose(one.meaning)}" if one.meaning else "")
        for one in run.settings
    ])  # fmt: skip
    lines += _section("Profiler tables", [
        f"- {code(one.place.file)} lines {one.place.line}-{one.end_line}: {prose(table_facts(one))}"
        for one in run.tables
    ])  # fmt: skip
    facts = [(one.file, ", ".join(f"{name} {text}" for name, text in one.facts)) for one in run.traces]
    lines += _section("Profiler traces", [f"- {code(file)}{_tail(told)}" for file, told in facts])
    lines += _section("Notes", [f"- {prose(text)} ({code(str(place))})" for text, place in run.notes])
    used = [f"- {code(one.path)}{_tail(one.why)}" for one in run.inputs if one.used]
    unused = [f"- Not used: {code(one.path)}{_tail(one.why)}" for one in run.inputs if not one.used]
    return lines + _section("Inputs", [*used, *unused])


def _section(title: str, rows: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *rows, ""] if rows else []


def _tail(text: str) -> str:
    return f": {prose(text)}" if text else ""


def _series(run: RunView, all: bool) -> list[str]:
    folded = fold(run.series, all=all)
    lines = [f"## Series ({len(run.series)})", ""] if run.series else []
    for group in groups(folded.shown):
        form = f" {code(group[0].form)}" if group[0].form else ""
        files = ", ".join(code(file) for file in group[0].files)
        lines += [f"{prose(group[0].kind)}{form}: {prose(records(group))}, {prose(steps(group))}, in {files}", ""]
        lines += [
            "| series | role | records | first | last | lowest | highest | not finite |",
            "|---|---|--:|--:|--:|--:|--:|--:|",
        ]
        lines += [*(_row(one) for one in group), ""]
    for pattern, found in folded.families:
        lines.append(f"- {code(pattern)}: {len(found)} series, {prose(records(found))} each")
    if folded.rest:
        lines.append(f"- and {len(folded.rest)} more (all with --all)")
    return [*lines, ""] if lines else []


def _row(one: SeriesView) -> str:
    values = [_cell(record) for record in (one.first, one.last, one.lowest, one.highest)]
    bad = ""
    if one.first_nonfinite is not None:
        step = f", step {number(one.first_nonfinite.step)}" if one.first_nonfinite.step is not None else ""
        bad = f"{one.nonfinite}, first at {code(str(one.first_nonfinite.place))}{step}"
    return (
        "| "
        + " | ".join(_piped(part) for part in (code(one.name), prose(one.role), str(one.points), *values, bad))
        + " |"
    )


def _cell(record: Record | None) -> str:
    return code(record.text) if record is not None else ""


def _piped(text: str) -> str:
    """Return a cell of a table: a pipe would end it, in code too."""
    return text.replace("|", "\\|")
