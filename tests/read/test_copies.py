"""One run that is told by two logs is one run."""

from __future__ import annotations

from pathlib import Path

from wganlint.read.copies import copies
from wganlint.read.discover import discover

LINES = [f"(epoch: {n}, iters: 100, time: 0.06{n}) D_real: 0.3{n} D_fake: 0.2{n} G_GAN: 1.0{n}" for n in range(1, 30)]


def _write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]))
    return path


def test_a_log_that_is_written_and_printed_is_read_once_and_keeps_its_source(tmp_path: Path) -> None:
    shown = [text for line in LINES for text in (line, f"saving the model at {line[1:9]}")]
    _write(tmp_path / "train.log", ["lr: 0.0002", *shown])
    _write(tmp_path / "checkpoints" / "stripes" / "loss_log.txt", ["=== Training Loss (Mon) ===", *LINES])
    _write(tmp_path / "code" / "train.py", ["import torch"])
    (run,) = discover([tmp_path])
    assert [attempt.out.shown for attempt in run.logs if attempt.out] == ["train.log"]
    assert [file.shown for file in run.source] == ["code/train.py"]
    assert ("checkpoints/stripes/loss_log.txt", "its lines are in train.log, too") in run.skipped


def test_in_one_folder_the_log_that_says_more_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "nohup.out.log", ["nohup: ignoring input", "number of parameters: 1200345", *LINES])
    _write(tmp_path / "train.log", LINES)
    (run,) = discover([tmp_path])
    assert [attempt.out.shown for attempt in run.logs if attempt.out] == ["nohup.out.log"]


def test_equal_logs_of_one_folder_stay_two(tmp_path: Path) -> None:
    _write(tmp_path / "a.log", LINES)
    _write(tmp_path / "b.log", LINES)
    assert len(discover([tmp_path])) == 2


def test_an_attempt_that_starts_anew_with_the_same_seed_is_no_copy(tmp_path: Path) -> None:
    _write(tmp_path / "train_attempt1.out.log", LINES)
    _write(tmp_path / "train_attempt2.out.log", LINES[:12])
    (run,) = discover([tmp_path])
    assert len(run.logs) == 2


def test_logs_of_two_runs_stay_two(tmp_path: Path) -> None:
    _write(tmp_path / "a" / "train.log", LINES)
    _write(tmp_path / "b" / "train.log", LINES)  # the same seed: still two runs, neither lies in the other's folder
    assert len(discover([tmp_path])) == 2


def test_logs_that_only_begin_alike_stay_two(tmp_path: Path) -> None:
    _write(tmp_path / "one.log", LINES)
    _write(tmp_path / "two.log", [*LINES[:10], *(line.replace("1.0", "1.1") for line in LINES[10:])])
    assert len(discover([tmp_path])) == 2


def test_a_log_that_says_too_little_is_no_copy(tmp_path: Path) -> None:
    _write(tmp_path / "one.log", LINES)
    _write(tmp_path / "two.log", LINES[:2])
    assert len(discover([tmp_path])) == 2


def test_what_cannot_be_read_is_no_copy(tmp_path: Path) -> None:
    from wganlint.read.attempts import File

    there = _write(tmp_path / "one.log", LINES)
    assert copies([File(there, "one.log"), File(tmp_path / "gone.log", "gone.log")]) == {}
