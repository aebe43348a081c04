"""A Run becomes what `wganlint inspect` shows of it: Run -> Inspection -> render. Nothing is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from wganlint.finding import InputSummary
from wganlint.inspection import Record, RunView, SeriesView, SettingView, TableView, TraceView
from wganlint.run import SIGNS, OpTable, Point, Run, Series

if TYPE_CHECKING:
    from wganlint.trace import Trace


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
        traces=tuple(trace_view(trace) for trace in run.traces),
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


def trace_view(trace: Trace) -> TraceView:
    """Return what a trace covers, in words; what is 0 or not known is left out."""
    numbers = [step.number for step in trace.steps]
    whole = "" if len(numbers) == trace.steps_seen else f"{len(numbers)} of them whole: "
    steps = f"{trace.steps_seen}" + (f" ({whole}#{numbers[0]} to #{numbers[-1]})" if len(numbers) > 1 else "")
    ranks = f" of {trace.world_size}" if trace.world_size else ""
    backend = f" ({trace.backend})" if trace.backend else ""
    lost = [
        f"{count:,} {what}"
        for count, what in (
            (trace.unlaunched, "launched before the window"), (trace.unowned, "launched outside of any operation"),
        )
        if count
    ]  # fmt: skip
    facts = [
        ("steps", steps if trace.steps_seen else ""),
        ("window", f"{trace.window:.3g} s" if trace.window else ""),
        ("events", f"{trace.events:,}"),
        ("operations", f"{len(trace.operations):,}" if trace.operations else ""),
        ("device", trace.device),
        ("rank", f"{trace.rank}{ranks}{backend}" if trace.rank is not None else ""),
        ("kernels", ", ".join([f"{trace.kernels:,}", *lost]) if trace.kernels else ""),
        ("operations outside of steps", f"{trace.outside:,}" if trace.outside else ""),
        ("Python functions", "recorded" if trace.stacks else ""),
        ("end", "missing" if trace.truncated else ""),
        ("events mended", f"{trace.repaired:,}" if trace.repaired else ""),
        ("events dropped", f"{trace.dropped:,}" if trace.dropped else ""),
    ]
    return TraceView(trace.place.file, tuple((name, text) for name, text in facts if text))


def _counts(source: object) -> tuple[tuple[str, int], ...]:
    """Return what the source says, as counts of each kind of fact."""
    found = [(name.replace("_", " "), value) for name, value in _parts(source)]
    return tuple((name, len(value)) for name, value in found if isinstance(value, tuple) and value)


def _parts(thing: object) -> list[tuple[str, object]]:
    if isinstance(thing, Struct):
        return [(name, getattr(thing, name)) for name in thing.__struct_fields__]
    return list(thing.items()) if isinstance(thing, Mapping) else []
