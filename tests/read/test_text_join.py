"""Files of one run joined: attempts, second sources of a series, names, and inputs that cannot be read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from wganlint.read.discover import discover
from wganlint.read.join import read_run, read_runs
from wganlint.run import Run

SHARED = Path(__file__).parents[2].parent / "shared"


def run_of(folder: Path) -> Run:
    (files,) = discover([folder])
    return read_run(files)


def log(steps: range, scale: float = 1.0) -> str:
    return "".join(f"[global] batches={n} c_loss={math.sin(n) * scale:.4f} cs=2\n" for n in steps)


def bars(steps: range) -> str:
    rows = [f"\rB: {n}batch [00:01, 6.5batch/s, c_loss={math.sin(n):.4f}, mem={n * 7}]" for n in steps]
    return "".join(rows) + "\n"


def test_attempts_are_one_series(tmp_path: Path) -> None:
    (tmp_path / "train_attempt1_20260114-154159.out.log").write_text("Using SGD: lr=0.1\n" + log(range(0, 60, 10)))
    (tmp_path / "train_attempt2_20260114-164159.out.log").write_text("Using SGD: lr=0.1\n" + log(range(40, 90, 10)))
    run = run_of(tmp_path)
    loss = run.named("c_loss")
    assert loss is not None
    assert loss.steps.tolist() == [0, 10, 20, 30, 40, 50, 40, 50, 60, 70, 80]
    assert [path[:14] for path in loss.files] == ["train_attempt1", "train_attempt2"]
    assert [setting.name for setting in run.settings] == ["optimizer", "lr", "optimizer", "lr"]
    assert run.notes == ()
    assert [(item.kind, item.used, item.why) for item in run.inputs] == [
        ("log", True, "6 records of 2 series, 2 settings"), ("log", True, "5 records of 2 series, 2 settings"),
    ]  # fmt: skip


def test_redraws_of_the_same_quantity_are_merged(tmp_path: Path) -> None:
    (tmp_path / "a.out.log").write_text(log(range(0, 100, 10)))
    (tmp_path / "a.err.log").write_text(bars(range(100)))
    run = run_of(tmp_path)
    assert {series.name: series.also_in for series in run.series} == {
        "c_loss": ("a.err.log",), "cs": (), "mem": (),
    }  # fmt: skip
    mem = run.named("mem")
    assert mem is not None
    assert mem.kind == "redraw"


def test_redraws_that_differ_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.out.log").write_text(log(range(0, 100, 10), scale=2.0))
    (tmp_path / "a.err.log").write_text(bars(range(100)))
    run = run_of(tmp_path)
    assert [series.name for series in run.series] == ["c_loss", "cs", "c_loss [B bar]", "mem"]


def test_same_text_in_both_streams(tmp_path: Path) -> None:
    for name in ("a.out.log", "a.err.log"):
        (tmp_path / name).write_text(log(range(0, 100, 10)))
    run = run_of(tmp_path)
    assert [(series.name, series.also_in) for series in run.series] == [
        ("c_loss", ("a.err.log",)),
        ("cs", ("a.err.log",)),
    ]


def test_a_second_start_in_one_log_is_a_second_run(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(log(range(0, 60, 10)) + log(range(0, 60, 10)))
    (files,) = discover([tmp_path])
    runs = read_runs(files)
    assert [(run.id.rpartition("#")[2], [len(series) for series in run.series]) for run in runs] == [
        ("1", [6, 6]), ("2", [6, 6]),
    ]  # fmt: skip
    assert [run.series[0].first.place.line for run in runs] == [1, 7]


def test_unreadable_inputs_are_listed(tmp_path: Path) -> None:
    (tmp_path / "train_attempt1.log").write_text(log(range(5)))
    (tmp_path / "train_attempt2.log").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "train_attempt3.log").write_text('{"step": 1, "loss": 2}\n' * 5)
    (tmp_path / "train_attempt4.log").write_text("nothing here\n")
    run = run_of(tmp_path)
    assert [(item.used, item.why) for item in run.inputs] == [
        (True, "5 records of 2 series"), (False, "this is a binary file, not a text log"),
        (False, "no numbers with names in it"), (True, "5 rows of 2 series"),
    ]  # fmt: skip


def test_file_that_vanished(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(log(range(5)))
    (files,) = discover([tmp_path])
    (tmp_path / "a.log").unlink()
    run = read_run(files)
    assert [(item.used, item.why) for item in run.inputs] == [(False, "no such file or directory")]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared case is not here")
@pytest.mark.parametrize(("run", "records"), [("sick", 20), ("fixed", 20), ("sick-profile", 3)])
def test_case_is_one_series_each(run: str, records: int) -> None:
    found = run_of(SHARED / "case" / "runs" / run)
    assert found.id == run
    for name in ("c_loss", "g_loss", "m_loss", "w_gap"):
        series = found.named(name)
        assert series is not None
        assert len(series) == records
        assert [path.split("/")[0] for path in series.also_in] == ["logs_training", "logs_tensorboard"]
        assert sum(name in other.name for other in found.series) == 1 or run == "sick-profile"
    assert found.notes == ()
