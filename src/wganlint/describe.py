"""A Run becomes what `wganlint inspect` shows of it: Run -> Inspection -> render. Nothing is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import fields, is_dataclass

import numpy as np

from wganlint.evidence import Place
from wganlint.finding import InputSummary
from wganlint.inspection import Record, RunView, SeriesView, SettingView, TableView, TraceView
from wganlint.run import OpTable, Point, Run, Series

SIGNS = {
    1: "c = mean(fake) - mean(real) + penalty, g = -mean(fake)",
    -1: "c = mean(real) - mean(fake) + penalty, g = mean(fake)",
}


def describe(run: Run) -> RunView:
    """Return how a run was understood, as plain data."""
    wasserstein = run.family.name.startswith("wgan")
    return RunView(
        id=run.id,
        root=run.root,
        inputs=tuple(InputSummary(i.path, i.kind, i.used, i.why) for i in run.inputs),
        family=run.family.name,
        family_why=run.family.why,
        family_standing=run.family.standing,
        convention=SIGNS.get(run.convention.sign, "") if wasserstein else "",
        convention_why=run.convention.why if wasserstein else "",
        convention_standing=run.convention.standing,
        series=tuple(_series(run, series) for series in run.series),
        settings=tuple(SettingView(s.name, s.value, s.meaning, s.origin, s.place, s.quote) for s in run.settings),
        tables=tuple(_table(table) for table in run.tables),
        traces=tuple(trace_view(trace) for trace in getattr(run, "traces", ())),
        source=_counts(run.source),
        notes=tuple((note.text, note.place) for note in run.notes),
    )


def _series(run: Run, series: Series) -> SeriesView:
    guess = next((guess for guess in run.roles.values() if guess.series == series.name), None)
    aside = guess is None and series.name in run.auxiliary
    low, high = _extremes(series)
    steps = np.concatenate([[series.first.step], series.steps, [series.last.step]])  # a folded end may not be kept
    steps = steps[np.isfinite(steps)]
    bad = series.tally.nonfinite
    return SeriesView(
        name=series.name,
        key=series.key,
        form=series.form,
        kind=series.kind,
        role=guess.role if guess else "auxiliary_loss" if aside else "",
        role_why=guess.why if guess else "a loss beside the adversarial ones, by its name" if aside else "",
        role_standing=guess.standing if guess else None,
        step_key=series.step_key or "",
        least_step=float(steps.min()) if len(steps) else None,
        most_step=float(steps.max()) if len(steps) else None,
        backs=int((np.diff(steps) < 0).sum()),
        points=len(series),
        kept=len(series.values),
        first=_record(series.first),
        last=_record(series.last),
        lowest=low,
        highest=high,
        nonfinite=series.tally.nonfinite_count,
        first_nonfinite=_record(bad[0]) if bad else None,
        stuck=_record(series.tally.stuck) if series.tally.stuck is not None else None,
        stuck_at_once=bool(bad) and series.tally.stuck is not None and series.tally.stuck.index == bad[0].index,
        files=series.files,
        also_in=series.also_in,
        thumbnail=series.thumbnail(),
    )


def _extremes(series: Series) -> tuple[Record | None, Record | None]:
    """Return the lowest and the highest record; buckets keep extremes, so they are exact."""
    finite = np.flatnonzero(np.isfinite(series.values))
    if not len(finite):
        return None, None
    values = series.values[finite]
    low, high = finite[int(values.argmin())], finite[int(values.argmax())]
    return _record(series.point(int(low))), _record(series.point(int(high)))


def _record(point: Point) -> Record:
    step = None if np.isnan(point.step) else point.step
    return Record(step, point.value, point.text, point.place)


def _table(table: OpTable) -> TableView:
    steps = 1 if table.steps is None and table.one_step else table.steps
    return TableView(
        table.place, table.end_line, len(table.rows), steps, table.device or "", table.heading.strip(),
        table.limited, table.damage,
    )  # fmt: skip


def trace_view(trace: object) -> TraceView:
    """Return the figures of a trace: numbers and texts as they are, collections by their size, nothing that is 0."""
    place = getattr(trace, "place", None)
    file = place.file if isinstance(place, Place) else str(getattr(trace, "file", ""))
    facts = []
    for name, value in _parts(trace):
        shown = _figure(value)
        if shown and name not in {"place", "file"}:
            facts.append((name.replace("_", " "), shown))
    return TraceView(file, tuple(facts))


def _figure(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else ""
        case int() | np.integer():
            return str(value) if value else ""
        case float():
            return f"{value:.6g}" if value else ""
        case str():
            return value
        case Sized():
            return str(len(value)) if len(value) else ""
        case _:
            return ""


def _counts(source: object) -> tuple[tuple[str, int], ...]:
    """Return what the source says, as counts of each kind of fact."""
    found = [(name.replace("_", " "), value) for name, value in _parts(source)]
    return tuple((name, len(value)) for name, value in found if isinstance(value, tuple) and value)


def _parts(thing: object) -> list[tuple[str, object]]:
    if is_dataclass(thing):
        return [(one.name, getattr(thing, one.name)) for one in fields(thing)]
    return list(thing.items()) if isinstance(thing, Mapping) else []
