"""Seeded mutations of one sound sample of each format: only errors of ours may escape, and nothing raw is printed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
import re
import sqlite3
from pathlib import Path

import pytest

from wganlint import analyze
from wganlint.analysis import inspect, load_runs
from wganlint.errors import WganlintError
from wganlint.render.full import full
from wganlint.render.inspected_json import as_json
from wganlint.render.inspected_markdown import markdown

ROUNDS = 12
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_STUFF = (
    b"\0", b"\x1b[31m", b"\xff\xfe", b"[bold]", b"[/x]", "\u202e\u200b".encode(), b"\n", b"\r", b'"', b"{", b"[" * 3000,
    b"1e999", b"-1", b"nan", b"9" * 5000, b",", b"=", b": ", b"a" * 100_000, b"\x9b2J", b"}", b"]", b"\t", b"\\ud800",
)  # fmt: skip


def _log() -> bytes:
    return b"".join(b"step %d: c_loss=-%d.25 g_loss=%d.5 gp=0.125 lr=1e-4\n" % (i, i, i) for i in range(30))


def _records() -> list[dict[str, float]]:
    return [{"step": i, "c_loss": -i / 4, "g_loss": i / 8} for i in range(30)]


def _events() -> list[dict[str, object]]:
    return [
        {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": i * 10, "dur": 5} for i in range(30)
    ]


SAMPLES: dict[str, bytes] = {
    "train.log": _log(),
    "loss.csv": b"step,c_loss,g_loss\n" + b"".join(b"%d,-%d.5,%d.25\n" % (i, i, i) for i in range(30)),
    "loss.tsv": b"step\tc_loss\n" + b"".join(b"%d\t-%d.5\n" % (i, i) for i in range(30)),
    "loss.jsonl": "".join(json.dumps(one) + "\n" for one in _records()).encode(),
    "loss.json": json.dumps(_records(), indent=1).encode(),
    "history.json": json.dumps({"c_loss": list(range(20)), "g_loss": list(range(20))}).encode(),
    "config.yaml": b"lr: 1.0e-4\nbatch_size: 64\nmodel:\n  layers: [1, 2, 3]\n  name: 'x'\n",
    "train_opt.txt": b"----- Options -----\nlr: 0.0002\nlambda_gp: 10.0\n----- End -----\n",
    "ok.trace.json": json.dumps({"schemaVersion": 1, "traceEvents": _events()}).encode(),
    "train.log.gz": gzip.compress(_log(), mtime=0),
    "train.log.bz2": bz2.compress(_log()),
    "train.log.xz": lzma.compress(_log()),
    "events.out.tfevents.1": b"",
}


def _mutated(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(5):
            case 0:
                out[at:at] = rng.choice(_STUFF)
            case 1:
                out[at : at + rng.randrange(1, 40)] = rng.choice(_STUFF)
            case 2:
                del out[at:]
            case 3:
                out[at:at] = out[rng.randrange(len(out) + 1) :][:200]
            case _:
                out[at : at + 1] = bytes([rng.randrange(256)])
    return bytes(out)


def _look(path: Path) -> None:
    """Read, judge and show a file in several ways; only our own errors may end that."""
    try:
        found = inspect([path])
        report = analyze([path])
    except WganlintError as error:
        assert str(error)
        return
    for text in (full(report, width=80), markdown(found), as_json(found)):
        raw = _RAW.search(text)
        assert raw is None, text[max(0, raw.start() - 40) : raw.end() + 40]


@pytest.mark.parametrize("name", SAMPLES)
def test_only_our_errors_escape(name: str, tmp_path: Path) -> None:
    rng = random.Random(name)
    for _ in range(ROUNDS):
        path = tmp_path / name
        path.write_bytes(_mutated(SAMPLES[name], rng))
        _look(path)


def _store(path: Path, *more: str) -> Path:
    with sqlite3.connect(path) as base:
        for line in (
            "CREATE TABLE runs(run_uuid TEXT, name TEXT, start_time INT, lifecycle_stage TEXT)",
            "CREATE TABLE params(key TEXT, value TEXT, run_uuid TEXT)",
            "CREATE TABLE metrics(key TEXT, value REAL, step INT, is_nan INT, timestamp INT, run_uuid TEXT)",
            "INSERT INTO runs VALUES ('r1', 'a', 1, 'active')",
            *(f"INSERT INTO metrics VALUES ('c_loss', {i}.5, {i}, 0, {i}, 'r1')" for i in range(30)),
            *more,
        ):
            base.execute(line)
    base.close()
    return path


def test_rows_of_a_database_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    more = (
        "INSERT INTO metrics VALUES ('c_loss', 'x', 31, 0, 1, 'r1')",
        "INSERT INTO params VALUES (CAST(x'fffe' AS TEXT), 'v', 'r1')",
    )
    path = _store(tmp_path / "mlflow.db", *more)
    (run,) = load_runs([path])
    assert [len(series) for series in run.series] == [30]
    assert any("1 rows of metrics" in note.text for note in run.notes)
    _look(path)


def test_a_huge_name_in_a_database_is_cut(tmp_path: Path) -> None:
    huge = "INSERT INTO metrics SELECT hex(zeroblob(1000000)), 1.0, 1, 0, 1, 'r1'"
    (run,) = load_runs([_store(tmp_path / "mlflow.db", huge)])
    assert max(len(series.name) for series in run.series) <= 400


def test_a_damaged_database_is_no_traceback(tmp_path: Path) -> None:
    data, rng = _store(tmp_path / "mlflow.db").read_bytes(), random.Random(5)
    for _ in range(ROUNDS):
        path = tmp_path / "other.db"
        path.write_bytes(_mutated(data, rng))
        _look(path)


def test_what_waits_in_the_log_of_a_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(100))
    path.with_name("mlflow.db-wal").write_bytes(b"x" * 100)
    (run,) = load_runs([path])
    assert any("mlflow.db-wal" in one.why for one in run.inputs)


def test_a_list_that_stands_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"c_loss": [1, 2, 3], "g_loss": [1, 2, 3],\n"c_loss": [4, 5, 6, 7]}')
    (run,) = load_runs([path])
    assert {series.key: series.values.tolist() for series in run.series} == {
        "c_loss": [4, 5, 6, 7],
        "g_loss": [1, 2, 3],
    }
    assert any("twice" in note.text and note.place is not None and note.place.line == 2 for note in run.notes)
