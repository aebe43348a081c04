"""Formats of many families, written here with their truth: every record is read, and nothing else is taken for a metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import assign, axes, bits, differences, kept, plain, rows, said
from families import Log, Record, Truth, logs

from wganlint.analysis import load_runs
from wganlint.run import Run

LOGS = logs()


def read(log: Log, folder: Path) -> list[Run]:
    path = folder / log.file
    path.write_bytes(log.data)
    return load_runs([path])


@pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.row}-{log.name}")
def test_every_record_is_read(log: Log, tmp_path: Path) -> None:
    runs = read(log, tmp_path)
    if any(truth.nameless for truth in log.truth.values()):
        nameless(log, runs)
        return
    of, _ = assign([*log.truth, *log.allowed], runs)
    wrong: list[str] = []
    for key, truth in log.truth.items():
        if of[key] or not truth.optional:
            wrong += differences(key, kept(printed(truth), counted(truth.records), of[key], runs), of[key])
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.row}-{log.name}")
def test_nothing_else_is_a_series(log: Log, tmp_path: Path) -> None:
    runs = read(log, tmp_path)
    _, rest = assign([*log.truth, *log.allowed], runs)
    if any(truth.nameless for truth in log.truth.values()):
        rest = [series for series in rest if not plain(series.key).split(" ")[-1].isdecimal()]
    more = [f"{s.name}: {s.first.text} .. {s.last.text}" for s in rest]
    assert not more, "\n".join(more)


@pytest.mark.parametrize(
    "log",
    [log for log in LOGS if any(truth.records[0].steps for truth in log.truth.values() if not truth.optional)],
    ids=lambda log: f"{log.row}-{log.name}",
)
def test_steps_are_those_of_the_log(log: Log, tmp_path: Path) -> None:
    of, _ = assign([*log.truth, *log.allowed], read(log, tmp_path))
    wrong: list[str] = []
    for key, truth in log.truth.items():
        if truth.optional and not of[key]:
            continue
        there = {(line, text) for line, text, _, _ in rows(of[key])}
        records = [record for record in truth.records if (record.line, record.text) in there]
        complaint = axes([record.steps for record in records], of[key]) if of[key] else "not read"
        wrong += [f"{key}: {complaint}"] if complaint else []
    assert not wrong, "\n".join(wrong)


def test_rows_of_a_printed_profiler_table(tmp_path: Path) -> None:
    (log,) = [log for log in LOGS if log.rows]
    (run,) = read(log, tmp_path)
    (table,) = run.tables
    assert [(row.name, row.calls) for row in table.rows] == list(log.rows)


def printed(truth: Truth) -> list[tuple[int, str]]:
    return [(record.line, record.text) for record in truth.records]


def counted(records: list[Record]) -> list[float]:
    """Return the finest count of each record, none where the log has no step."""
    return [record.steps[min(1, len(record.steps) - 1)] for record in records if record.steps]


def nameless(log: Log, runs: list[Run]) -> None:
    """Columns without names are known by their numbers; where they are left alone, the report says why."""
    every = [rows([series]) for run in runs for series in run.series]
    if not every and log.needs_columns:
        told = [i.why for run in runs for i in run.inputs] + [note.text for run in runs for note in run.notes]
        assert any("column" in text for text in told), told
        return
    for key, truth in log.truth.items():
        wanted = [(record.line, record.text) for record in truth.records]
        same = [found for found in every if [(line, text) for line, text, _, _ in found] == wanted]
        assert same or truth.optional, f"column {key} was not read"
        assert all(bits(value) == bits(said(text)) for found in same for _, text, value, _ in found)


# -- the writers themselves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", LOGS, ids=lambda log: f"{log.row}-{log.name}")
def test_the_truth_stands_in_the_log(log: Log) -> None:
    data = log.data.decode("utf-16" if log.data[:2] == b"\xff\xfe" else "utf-8")
    lines = data.split("\n")
    for key, truth in log.truth.items():
        assert truth.records, key
        for record in truth.records:
            assert record.text in lines[record.line - 1], (key, record)


def test_the_rows_of_the_list_are_covered() -> None:
    assert {log.row for log in LOGS} >= set(range(1, 32))


def test_truth_has_forty_records() -> None:
    def longest(truths: dict[str, Truth]) -> int:
        return max(len(truth.records) for truth in truths.values())

    assert all(longest(log.truth) >= 30 for log in LOGS if log.truth)
