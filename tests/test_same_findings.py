"""One run told as text, CSV, JSON lines, a database of MLflow and TensorBoard events is judged alike."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wganlint import Report, analyze
from wganlint.analysis import load_runs

FIXTURES = Path(__file__).parents[1] / "fixtures"
Rows = list[list[str]]
LITERAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def rows_of(case: str) -> tuple[list[str], Rows]:
    """Return what the log of a fixture prints on its main lines: names and rows, the step first."""
    (run,) = load_runs(FIXTURES / case / "run" / "logs_training")
    main = [
        s for s in run.series if s.kind == "text" and s.form == run.series[0].form and s.same_records(run.series[0])
    ]
    steps = [format(step, ".15g") for step in run.series[0].steps.tolist()]
    unique = {s.key: s for s in main}
    return (
        [run.series[0].step_key or "step", *unique],
        [[step, *(s.texts[at] for s in unique.values())] for at, step in enumerate(steps)],
    )


def as_text(folder: Path, names: list[str], rows: Rows) -> None:
    lines = [" ".join(f"{name}={text}" for name, text in zip(names, row, strict=True)) for row in rows]
    (folder / "train.log").write_text("\n".join(lines) + "\n")


def as_csv(folder: Path, names: list[str], rows: Rows) -> None:
    with (folder / "metrics.csv").open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def as_lines(folder: Path, names: list[str], rows: Rows) -> None:
    lines = [
        "{" + ", ".join(f'"{name}": {LITERAL.get(text, text)}' for name, text in zip(names, row, strict=True)) + "}"
        for row in rows
    ]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def as_mlflow(folder: Path, names: list[str], rows: Rows) -> None:
    with sqlite3.connect(folder / "mlflow.db") as base:
        base.execute("CREATE TABLE runs (run_uuid, name, lifecycle_stage, start_time)")
        base.execute("CREATE TABLE params (key, value, run_uuid)")
        base.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
        base.execute("INSERT INTO runs VALUES ('r1', 'one', 'active', 1)")
        for at, row in enumerate(rows):
            for name, text in zip(names[1:], row[1:], strict=True):
                point = (name, float(text), at, "r1", int(float(row[0])), 0)
                base.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", point)
    base.close()


def as_events(folder: Path, names: list[str], rows: Rows) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for row in rows:
        for name, text in zip(names[1:], row[1:], strict=True):
            value = Summary.Value(tag=name, simple_value=float(text))
            writer.add_event(Event(wall_time=1.0, step=int(float(row[0])), summary=Summary(value=[value])))
    writer.close()


def told(report: Report) -> list[tuple[object, ...]]:
    """Return what a report says, apart from how its input writes numbers and places."""
    return sorted((f.code, str(f.severity), str(f.confidence), f.root) for f in report.findings)


def shown_values(report: Report) -> list[float]:
    """Return the numbers of the quoted evidence, as far as they are records of series."""
    values = []
    for finding in report.findings:
        for item in finding.evidence:
            if item.step is not None and item.place is not None and item.quote:
                values.append(item.step)
    return sorted(values)


@pytest.mark.parametrize("case", ["sick", "bound-37", "healthy-gp", "late"])
@pytest.mark.parametrize("write", [as_csv, as_lines, as_mlflow, as_events])
def test_same_findings(tmp_path: Path, case: str, write: Callable[[Path, list[str], Rows], None]) -> None:
    names, rows = rows_of(case)
    assert len(rows) > 10
    reports = []
    for number, one in enumerate((as_text, write)):
        folder = tmp_path / str(number) / "run"
        folder.mkdir(parents=True)
        one(folder, names, rows)
        reports.append(analyze(folder))
    text, other = reports
    assert told(other) == told(text)
    assert shown_values(other) == shown_values(text)
    assert other.runs[0].roles == text.runs[0].roles
    assert other.runs[0].loss_family == text.runs[0].loss_family
    if case == "sick":
        assert {f.code for f in text.findings} >= {"SAT001", "SAT002"}


def test_all_at_once_are_one_set_of_series(tmp_path: Path) -> None:
    names, rows = rows_of("sick")
    folder = tmp_path / "run"
    folder.mkdir()
    for write in (as_text, as_csv, as_lines, as_events):
        write(folder, names, rows)
    (run,) = load_runs(folder)
    assert sorted(s.key for s in run.series) == sorted(names[1:])
    for series in run.series:
        if len(np.unique(series.values)) > 2:
            assert len(series.also_in) == 3, series.name
    alone = tmp_path / "alone" / "run"
    alone.mkdir(parents=True)
    as_text(alone, names, rows)
    assert told(analyze(folder)) == told(analyze(alone))
