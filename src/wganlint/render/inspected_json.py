"""What was read, as JSON of a stable shape (`inspection.schema.json`) (Inspection -> render)."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from wganlint.evidence import Place
from wganlint.inspection import Inspection, Record, RunView, SeriesView
from wganlint.render.report_json import shown_place, written

SCHEMA = 1


def as_json(inspection: Inspection) -> str:
    """Return the inspection as JSON text, valid whatever the inputs held: a number that is not finite is null."""
    return written(document(inspection))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the inspection."""
    text = resources.files(__package__ or "").joinpath("inspection.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def document(inspection: Inspection) -> dict[str, Any]:
    """Return the inspection as nested dictionaries."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "wganlint", "version": inspection.version},
        "runs": [_run(run) for run in inspection.runs],
    }


def _run(run: RunView) -> dict[str, Any]:
    return {
        "id": run.id,
        "root": run.root,
        "loss_family": _stood(run.family, run.family_why, run.family_standing),
        "convention": _stood(run.convention, run.convention_why, run.convention_standing),
        "series": [_series(series) for series in run.series],
        "settings": [
            {
                "name": s.name, "value": s.value, "meaning": s.meaning, "origin": s.origin, "quote": s.quote,
                "place": shown_place(s.place),
            }
            for s in run.settings
        ],
        "profiler_tables": [
            {
                "file": t.place.file, "line": t.place.line, "end_line": t.end_line, "rows": t.rows, "steps": t.steps,
                "device": t.device, "heading": t.heading, "limited": t.limited, "damage": t.damage,
            }
            for t in run.tables
        ],
        "traces": [{"file": trace.file, "facts": dict(trace.facts)} for trace in run.traces],
        "source": dict(run.source),
        "notes": [{"text": text, "place": shown_place(place)} for text, place in run.notes],
        "inputs": [{"path": i.path, "kind": i.kind, "used": i.used, "why": i.why} for i in run.inputs],
    }  # fmt: skip


def _stood(name: str, why: str, standing: str) -> dict[str, Any]:
    return {"name": name, "why": why, "standing": standing}


def _series(series: SeriesView) -> dict[str, Any]:
    return {
        "name": series.name,
        "key": series.key,
        "form": series.form,
        "kind": series.kind,
        "role": _stood(series.role, series.role_why, series.role_standing or "") if series.role else None,
        "step_key": series.step_key or None,
        "least_step": series.least_step,
        "most_step": series.most_step,
        "step_goes_back": series.backs,
        "points": series.points,
        "kept": series.kept,
        "first": _record(series.first),
        "last": _record(series.last),
        "lowest": _record(series.lowest),
        "highest": _record(series.highest),
        "nonfinite": series.nonfinite,
        "first_nonfinite": _record(series.first_nonfinite),
        "nonfinite_to_the_end_from": _record(series.stuck),
        "files": list(series.files),
        "also_in": list(series.also_in),
        "thumbnail": list(series.thumbnail),
    }


def _record(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    place: Place = record.place
    return {"step": record.step, "value": record.value, "text": record.text, "place": shown_place(place)}
