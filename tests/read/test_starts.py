"""Several starts of training in one file: split, stitched or said; never one curve over them."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_data import CORPUS, needs_corpus

from wganlint import analyze
from wganlint.analysis import inspect, load_runs
from wganlint.read.roles import role_book
from wganlint.run import Run

HEAD = "TRAIN started at Fri Oct {day} 19:45:03 2025\n"


def epochs(begin: int, end: int, offset: float = 0.0) -> str:
    return "".join(f"Epoch {n}/99 | D_loss={n + offset:.4f} | G_loss={-n:.4f}\n" for n in range(begin, end))


def runs_of(tmp_path: Path, text: str) -> list[Run]:
    (tmp_path / "train.log").write_text(text)
    return load_runs(tmp_path / "train.log")


def steps(run: Run) -> list[float]:
    loss = run.named("D_loss")
    assert loss is not None
    return [float(step) for step in loss.steps]


def test_appended_runs_are_judged_apart(tmp_path: Path) -> None:
    parts = [HEAD.format(day=day) + "lr: 0.1\n" + epochs(1, 10 + day) for day in (4, 14, 24)]
    runs = runs_of(tmp_path, "".join(parts))
    assert [run.id for run in runs] == ["train#1", "train#2", "train#3"]
    assert [steps(run) for run in runs] == [list(range(1, 10 + day)) for day in (4, 14, 24)]
    third = runs[2].named("D_loss")
    assert third is not None
    assert third.lines[0] == (2 + 13) + (2 + 23) + 3
    assert [setting.place.line for setting in runs[1].settings if setting.name == "lr"] == [17]
    assert [item.why[:14] for item in runs[1].inputs] == ["lines 16 to 40"]
    assert all(run.notes == () for run in runs)


def test_a_fresh_start_without_a_header_is_a_run_too(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, epochs(1, 20) + epochs(1, 15))
    assert [steps(run) for run in runs] == [list(range(1, 20)), list(range(1, 15))]


def test_starts_that_die_are_said_in_one_note(tmp_path: Path) -> None:
    text = HEAD.format(day=1) * 4 + epochs(1, 3) + HEAD.format(day=2) + epochs(1, 30) + HEAD.format(day=3)
    run, short = runs_of(tmp_path, text)
    assert (run.id, short.id) == ("train", "train#short")
    assert steps(run) == list(range(1, 30))
    assert [note.text for note in run.notes] == [
        "5 more starts of training end within 4 records: not judged",
        "what they logged is read all the same: `wganlint inspect` shows it as train#short",
    ]


def test_no_record_of_a_start_that_dies_is_lost_and_none_is_judged(tmp_path: Path) -> None:
    text = HEAD.format(day=1) + epochs(1, 3) + HEAD.format(day=2) + epochs(1, 30) + HEAD.format(day=3) + epochs(1, 4)
    _, short = runs_of(tmp_path, text)
    loss = short.named("D_loss")
    assert loss is not None
    assert (loss.lines.tolist(), steps(short)) == ([2, 3, 35, 36, 37], [1, 2, 1, 2, 3])
    assert (loss.step_key, loss.axis().tolist()) == ("", [0, 1, 2, 3, 4])  # the order of the file places them
    assert not short.judged
    report = analyze(tmp_path / "train.log")
    assert [run.id for run in report.runs] == ["train"]
    assert [view.id for view in inspect(tmp_path / "train.log").runs] == ["train", "train#short"]


def test_a_resume_keeps_the_later_of_what_it_repeats(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, HEAD.format(day=1) + epochs(1, 21) + HEAD.format(day=2) + epochs(16, 31, 0.5))
    loss = run.named("D_loss")
    assert loss is not None
    assert steps(run) == list(range(1, 31))
    assert loss.values[13:17].tolist() == [14.0, 15.0, 16.5, 17.5]
    assert [(note.place.line, note.text) for note in run.notes] == [
        (22, "training was resumed here and goes back from Epoch 20 to 16"),
        (1, "records that a resume repeats are kept once, the later ones: 5 earlier ones are left out"),
    ]


def test_two_resumes_that_overlap(tmp_path: Path) -> None:
    head = HEAD.format(day=1)
    (run,) = runs_of(tmp_path, head + epochs(1, 21) + head + epochs(18, 25, 0.25) + head + epochs(17, 31, 0.5))
    loss = run.named("D_loss")
    assert loss is not None
    assert steps(run) == list(range(1, 31))
    assert loss.values[15:17].tolist() == [16.0, 17.5]


def test_a_start_that_goes_on_where_it_was_is_one_run(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, HEAD.format(day=1) + epochs(1, 21) + HEAD.format(day=2) + epochs(21, 31))
    assert steps(run) == list(range(1, 31))
    assert [note.text for note in run.notes] == ["the program was started again here; training goes on where it was"]


def test_two_writers_are_said_and_their_steps_not_used(tmp_path: Path) -> None:
    text = "".join(epochs(n + 10, n + 11) + epochs(n, n + 1, 40.0) for n in range(1, 40))
    (run,) = runs_of(tmp_path, text)
    loss = run.named("D_loss")
    assert loss is not None
    assert loss.step_key == ""
    assert len(loss) == 78
    assert "two processes" in run.notes[0].text


def test_batches_that_start_anew_in_each_epoch_are_no_restarts(tmp_path: Path) -> None:
    text = "".join(f"[{e}/9][{b}/80] Loss_D: {e}.{b:02d} Loss_G: 1.5\n" for e in range(9) for b in range(80))
    (run,) = runs_of(tmp_path, text)
    loss = run.named("Loss_D")
    assert loss is not None
    assert (loss.step_key, run.notes, len(loss)) == ("epoch", (), 720)
    bare = "".join(f"step {b}: Loss_D: {e}.{b:02d}\n" for e in range(5) for b in range(80))
    (run,) = runs_of(tmp_path, bare)
    loss = run.named("Loss_D")
    assert loss is not None
    assert (loss.step_key, len(loss)) == (None, 400)
    assert "counts within an epoch" in run.notes[0].text


def test_only_short_starts_are_read_together_without_steps(tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, "".join(HEAD.format(day=day) + epochs(1, 3) for day in range(1, 20)))
    loss = run.named("D_loss")
    assert loss is not None
    assert (loss.step_key, len(loss)) == ("", 38)
    assert steps(run) == [1, 2] * 19  # as printed; the axis counts records
    assert loss.axis().tolist() == list(range(38))
    assert "none lasts 5 records" in run.notes[0].text


def test_runs_above_the_cap_are_said(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, "".join(HEAD.format(day=1 + n % 28) + epochs(1, 8) for n in range(50)))
    assert len(runs) == 41
    assert [run.judged for run in runs] == [True] * 40 + [False]
    assert len(steps(runs[-1])) == 10 * 7
    assert "10 more runs" in runs[0].notes[0].text


def test_attempts_in_files_of_their_own_stay_one_run(tmp_path: Path) -> None:
    (tmp_path / "train_attempt1.log").write_text(epochs(1, 20))
    (tmp_path / "train_attempt2.log").write_text(epochs(1, 20))
    (run,) = load_runs(tmp_path)
    assert len(steps(run)) == 38


@needs_corpus
@pytest.mark.parametrize(
    ("name", "records"),
    [("pix2pixhd-monet", [500, 55, 1000]), ("cyclegan-nnfl", [800]), ("cyclegan-horse2zebra", [802]),
     ("cyclegan-ganilla", [43, 54, 64, 75, 86, 75, 86, 90, 86, 15, 15, 53, 72, 14, 44, 35, 3])],
)  # fmt: skip
def test_real_logs_with_several_headers(name: str, records: list[int]) -> None:
    runs = load_runs(CORPUS / name)
    assert [max(len(series) for series in run.series) for run in runs] == records


@needs_corpus
def test_a_log_of_many_appended_runs_has_the_long_one_whole() -> None:
    report = analyze(CORPUS / "tabgan-himanshu-log")
    assert max(series.points for run in report.runs for series in run.series) == 500
    assert all(finding.severity.name in ("INFO", "LOW") for finding in report.findings)


def test_a_resume_that_repeats_records_of_a_long_log_is_cut_there(tmp_path: Path) -> None:
    lines = [f"step={n} c_loss={-1 - n % 7 / 10:.4f} g_loss={n % 5 / 10:.4f}\n" for n in range(1, 8001)]
    (run,) = runs_of(tmp_path, "".join([*lines, *lines[7000:]]))
    loss = run.named("c_loss")
    assert loss is not None
    assert [float(step) for step in loss.steps] == list(range(1, 8001))


def test_starts_are_told_with_how_far_they_came_and_how_they_ended(tmp_path: Path) -> None:
    head = "Using device: cuda:0\nbatch size is small\n"
    oom = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    (run, *_) = runs_of(tmp_path, head + epochs(1, 9) + oom + head + epochs(1, 8) + "KeyboardInterrupt\n" + head)
    first, second, third = run.launches
    assert [launch.place.line for launch in run.launches] == [1, 12, 22]
    assert [(launch.records, launch.first, launch.last) for launch in run.launches] == [
        (8, (1.0,), (8.0,)), (7, (1.0,), (7.0,)), (0, (), ()),
    ]  # fmt: skip
    assert (first.outcome, first.ending, first.end and first.end.line) == ("out_of_memory", oom.strip(), 11)
    assert (second.outcome, second.resumed, third.outcome) == ("stopped", False, "")


def test_attempts_in_files_of_their_own_are_starts_too(tmp_path: Path) -> None:
    for number, (begin, end) in enumerate([(1, 20), (12, 30), (1, 10)], 1):
        (tmp_path / f"train_attempt{number}.out.log").write_text(epochs(begin, end))
        (tmp_path / f"train_attempt{number}.err.log").write_text(
            "Traceback (most recent call last):\n  oh\nMemoryError\n"
        )
    (run,) = load_runs(tmp_path)
    assert [launch.records for launch in run.launches] == [19, 18, 9]
    assert [launch.resumed for launch in run.launches] == [False, True, False]
    assert {launch.outcome for launch in run.launches} == {"out_of_memory"}
    assert all(launch.end and launch.end.file.endswith(".err.log") for launch in run.launches)


def test_what_a_log_says_is_counted_and_warnings_of_it_are_not(tmp_path: Path) -> None:
    text = "Gradient checkpointing is on to avoid out of memory errors\n" + epochs(1, 8)
    text += "torch.cuda.OutOfMemoryError: CUDA out of memory; batch skipped\n" * 300 + epochs(8, 12)
    (run,) = runs_of(tmp_path, text)
    (said,) = run.said
    assert (said.kind, said.count, said.lines[0][0].line, said.lines[-1][0].line) == ("out_of_memory", 300, 9, 308)
    assert run.launches[0].outcome == ""


def test_every_word_that_is_listened_for_holds_a_sign() -> None:
    book = role_book()
    words = [word for kind in book.lines for word in kind.words]
    assert words
    assert [word for word in words if not any(sign in word for sign in book.signs)] == []
    assert [word for word in words if word != word.lower()] == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (
            "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 11.17 GiB total capacity)",
            "out_of_memory",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory.", "out_of_memory"),
        ("tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor", "out_of_memory"),
        (
            "RuntimeError: [enforce fail at alloc_cpu.cpp:66] DefaultCPUAllocator: can't allocate memory",
            "out_of_memory",
        ),
        ("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch.", "out_of_memory"),
        (
            "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate",
            "out_of_memory",
        ),
        ("Killed", "killed"),
        ("run.sh: line 3:  4711 Killed                  python train.py", "killed"),
        ("[Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=15)", "nccl_error"),
        ("RuntimeError: CUDA error: device-side assert triggered", "device_error"),
        ("slurmstepd: error: *** JOB 8 ON n1 CANCELLED AT 2026-01-14T12:00:00 DUE TO TIME LIMIT ***", "stopped"),
        ("Training finished at Fri Oct 24", "finished"),
        ("Batch size lowered to avoid out of memory errors", ""),
        ("You may run out of memory if you raise it", ""),
        ("except torch.cuda.OutOfMemoryError:", ""),
        ("skills of the trained model", ""),
    ],
)
def test_lines_that_tell_of_the_program(line: str, kind: str, tmp_path: Path) -> None:
    (run,) = runs_of(tmp_path, epochs(1, 7) + line + "\n")
    assert [said.kind for said in run.said] == ([kind] if kind else [])
    assert run.launches[0].outcome == kind
