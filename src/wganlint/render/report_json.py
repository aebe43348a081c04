"""The report as JSON of a stable shape (`report.schema.json`) (Report -> render)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from importlib import resources
from numbers import Integral, Real
from typing import Any

from wganlint.evidence import Evidence, Place
from wganlint.finding import Chain, Finding, Fix, Report, RunSummary, SeriesSummary, Statement, Verdict

SCHEMA = 1
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def as_json(report: Report) -> str:
    """Return the report as JSON text, valid whatever the inputs held: a number that is not finite is null."""
    return written(document(report))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the report."""
    text = resources.files(__package__ or "").joinpath("report.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def document(report: Report) -> dict[str, Any]:
    """Return the report as nested dictionaries; findings keep their order."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "wganlint", "version": report.version},
        "runs": [_run(run) for run in report.runs],
        "findings": [_finding(finding) for finding in report.findings],
        "verdicts": [_verdict(verdict) for verdict in report.verdicts],
        "chains": [_chain(chain) for chain in report.chains],
        "summary": {
            "worst": str(report.worst) if report.worst is not None else None,
            "counts": report.counts,
        },
        "problems": list(report.problems),
    }


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "id": run.id,
        "root": run.root,
        "inputs": [{"path": i.path, "kind": i.kind, "used": i.used, "why": i.why} for i in run.inputs],
        "loss_family": run.loss_family,
        "family_why": run.family_why,
        "convention": run.convention,
        "convention_why": run.convention_why,
        "convention_standing": run.convention_standing,
        "roles": run.roles,
        "series": [_series(series) for series in run.series],
        "settings": [{"name": s.name, "value": s.value, "file": s.file, "line": s.line} for s in run.settings],
        "notes": [{"text": text, "place": shown_place(place)} for text, place in run.notes],
        "judged": run.judged,
    }


def _series(series: SeriesSummary) -> dict[str, Any]:
    return {
        "name": series.name,
        "role": series.role,
        "points": series.points,
        "first_step": series.first_step,
        "last_step": series.last_step,
        "nonfinite": series.nonfinite,
        "first": series.first_text,
        "last": series.last_text,
        "thumbnail": list(series.thumbnail),
        "sources": list(series.sources),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "run": finding.run,
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "confidence": str(finding.confidence),
        "because": finding.because,
        "title": finding.title,
        "why": finding.why,
        "root": finding.root,
        "place": shown_place(finding.place),
        "statements": [_statement(statement) for statement in finding.statements],
        "alternatives": [_statement(statement) for statement in finding.alternatives],
        "evidence": [_evidence(item) for item in finding.evidence],
        "series": list(finding.series),
        "causes": list(finding.causes),
        "caused_by": list(finding.caused_by),
        "masks": list(finding.masks),
        "fixes": [_fix(fix) for fix in finding.fixes],
        "references": list(finding.references),
    }


def shown_place(place: Place | None) -> dict[str, Any] | None:
    """Return a place as JSON."""
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "column": place.column, "end_column": place.end_column}


def _statement(statement: Statement) -> dict[str, Any]:
    return {"standing": statement.standing, "text": statement.text, "settle": statement.settle}


def _evidence(item: Evidence) -> dict[str, Any]:
    place = shown_place(item.place) or {"file": None, "line": None, "column": None, "end_column": None}
    return {
        "kind": item.kind,
        "standing": item.standing,
        **place,
        "quote": item.quote,
        "label": item.label,
        "step": item.step,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    check = fix.check
    return {
        "rank": fix.rank,
        "title": fix.title,
        "kind": fix.kind,
        "safety": fix.safety,
        "text": fix.text,
        "diff": fix.diff,
        "effect": fix.effect,
        "hides": list(fix.hides),
        "excludes": list(fix.excludes),
        "conflicts": list(fix.conflicts),
        "check": {
            "text": check.text,
            "finds": check.finds,
            "condition": check.condition,
            "within": check.within,
        },
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "run": verdict.run,
        "code": verdict.code,
        "name": verdict.name,
        "outcome": verdict.outcome,
        "missing": list(verdict.missing),
        "note": verdict.note,
    }


def _chain(chain: Chain) -> dict[str, Any]:
    edges = [
        {"from": e.source, "to": e.target, "how": e.how, "standing": e.standing, "why": e.why} for e in chain.edges
    ]
    loops = [list(loop) for loop in chain.loops]
    return {
        "run": chain.run,
        "nodes": list(chain.nodes),
        "edges": edges,
        "loops": loops,
        "apart": list(chain.apart),
    }


def written(document: Any) -> str:
    """Return a document as JSON text; characters that steer a terminal or cannot be seen are escaped."""
    text = json.dumps(plain(document), ensure_ascii=False, allow_nan=False, indent=2)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def plain(value: Any) -> Any:
    """Return `value` in types that JSON has; lone surrogates, which UTF-8 has not, become U+FFFD."""
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return _SURROGATES.sub("\ufffd", value)
        case Integral():
            return int(value)
        case Real():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=repr)
        case _:
            return plain(str(value))
