"""Which files belong to one run, which are skipped and why, and what the runs are called."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wganlint.errors import UsageError
from wganlint.read.attempts import log_name, stamp
from wganlint.read.discover import RunFiles, discover

SHARED = Path(__file__).parents[2].parent / "shared"
STAMP = "20260114-154159"


def make(root: Path, *names: str, text: str = "step=1 loss=2\n") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def outs(run: RunFiles) -> list[str]:
    return [attempt.out.shown for attempt in run.logs if attempt.out is not None]


def errs(run: RunFiles) -> list[str]:
    return [attempt.err.shown for attempt in run.logs if attempt.err is not None]


@pytest.mark.parametrize(
    ("name", "stem", "stream", "span", "number", "when"),
    [
        (f"train_0000000-0000999_attempt2_{STAMP}.out.log", "train_0000000-0000999", "out", "0000000-0000999", 2,
         "20260114154159"),
        (f"train_0000000-0000999_attempt1_{STAMP}.err.log", "train_0000000-0000999", "err", "0000000-0000999", 1,
         "20260114154159"),
        ("train.log", "train", "out", "", 0, ""),
        ("job.stderr", "job", "err", "", 0, ""),
        ("train_20251111_212636.log", "train_20251111_212636", "out", "", 0, "20251111212636"),
        ("slurm-123456.out", "slurm-123456", "out", "", 0, ""),
        ("stdout.log", "log", "out", "", 0, ""),
    ],
)  # fmt: skip
def test_names(name: str, stem: str, stream: str, span: str, number: int, when: str) -> None:
    found = log_name(name)
    assert (found.stem, found.stream, found.range, found.number, found.time) == (stem, stream, span, number, when)


def test_stamps() -> None:
    assert stamp("logs/2026-01-14_15-41-59/x") == stamp(f"a/{STAMP}") == "20260114154159"
    assert stamp("events.out.tfevents.1795391827.vm.21656.0") == ""


def test_attempts_of_one_training(tmp_path: Path) -> None:
    make(
        tmp_path,
        "train_0-999_attempt10_20260114-200000.out.log",
        "train_0-999_attempt2_20260114-160000.err.log",
        "train_0-999_attempt2_20260114-160000.out.log",
        "train_0-999_attempt1_20260114-154159.out.log",
    )
    (run,) = discover([tmp_path])
    assert [attempt.number for attempt in run.logs] == [1, 2, 10]
    assert errs(run) == ["train_0-999_attempt2_20260114-160000.err.log"]
    assert run.id == tmp_path.name


def test_ranges_and_folders_apart(tmp_path: Path) -> None:
    make(tmp_path, f"a/train_000-999_attempt1_{STAMP}.out.log", f"a/train_1000-1999_attempt1_{STAMP}.out.log")
    make(tmp_path, f"b/train_000-999_attempt1_{STAMP}.out.log")
    runs = discover([tmp_path])
    assert [run.id for run in runs] == ["a/train_000-999", "a/train_1000-1999", "b"]
    assert all(len(run.logs) == 1 for run in runs)


def test_other_logs_are_a_run_each(tmp_path: Path) -> None:
    make(tmp_path, "one.log", "two.txt", "job.out", "job.err", "out.log", "err.log")
    runs = discover([tmp_path])
    assert sorted((run.stem, outs(run), errs(run)) for run in runs) == [
        ("job", ["job.out"], ["job.err"]), ("log", ["out.log"], ["err.log"]), ("one", ["one.log"], []),
        ("two", ["two.txt"], []),
    ]  # fmt: skip
    assert len({run.id for run in runs}) == 4


def test_events_by_nearest_folder_stamp_and_mention(tmp_path: Path) -> None:
    events = "events.out.tfevents.1.host.1.0"
    make(tmp_path, f"sick/logs_training/train_attempt1_{STAMP}.out.log", f"sick/logs_tensorboard/x/{events}")
    make(tmp_path, f"both/train_attempt1_{STAMP}.out.log", "both/other_attempt1_20260115-000000.out.log")
    make(tmp_path, f"both/tb/{STAMP}/{events}", f"both/tb/20200101-000000/{events}")
    make(tmp_path, "said/a.log", text="TensorBoard logging enabled: ./tb/20210101-000000\n")
    make(tmp_path, "said/b.log", f"said/tb/20210101-000000/{events}")
    runs = {(str(run.folder), run.stem): run for run in discover([tmp_path])}
    assert [file.shown for file in runs["sick/logs_training", "train"].events] == [f"sick/logs_tensorboard/x/{events}"]
    assert [file.shown for file in runs["both", "train"].events] == [f"both/tb/{STAMP}/{events}"]
    assert [file.shown for file in runs["said", "a"].events] == [f"said/tb/20210101-000000/{events}"]
    assert not runs["both", "other"].events
    skipped = [item for run in runs.values() for item in run.skipped]
    assert [name for name, reason in skipped if "events that 2 runs may own" in reason] == [
        f"both/tb/20200101-000000/{events}"
    ]


def test_only_inside_the_given_path(tmp_path: Path) -> None:
    make(tmp_path, "sick/logs_training/a.log", "sick/logs_tensorboard/x/events.out.tfevents.1.h", "sick/model.py")
    (run,) = discover([tmp_path / "sick" / "logs_training"])
    assert (run.id, run.events, run.source) == ("sick", [], [])
    (run,) = discover([tmp_path / "sick" / "logs_training" / "a.log"])
    assert (run.id, outs(run)) == ("a", ["a.log"])


def test_events_alone(tmp_path: Path) -> None:
    make(tmp_path, "tb/one/events.out.tfevents.1.h", "tb/two/events.out.tfevents.1.h")
    runs = discover([tmp_path])
    assert [run.id for run in runs] == ["one", "two"]
    assert all(len(run.events) == 1 and not run.logs for run in runs)


def test_source(tmp_path: Path) -> None:
    make(tmp_path, "r/run/logs_training/a.log", "r/run/training/model.py", "r/run/training/tests/test_x.py", "r/x.py")
    (run,) = discover([tmp_path / "r"])
    assert [file.shown for file in run.source] == ["x.py", "run/training/model.py"]
    assert ("run/training/tests/test_x.py", "a test: not read") in run.skipped
    make(tmp_path, "r/other/b.log")
    runs = {run.id: run for run in discover([tmp_path / "r"])}
    assert [file.shown for file in runs["other"].source] == []
    assert any("name it with --source" in reason for run in runs.values() for _, reason in run.skipped)
    (alone,) = discover([tmp_path / "r" / "run" / "training"])
    assert (alone.id, [file.shown for file in alone.source]) == ("training", ["model.py"])
    (given,) = discover([tmp_path / "r" / "other"], source=[tmp_path / "r" / "run" / "training"])
    assert [file.shown for file in given.source] == ["training/model.py"]
    (twice,) = discover([tmp_path / "r" / "run"], source=[tmp_path / "r" / "run" / "training"])
    assert [file.shown for file in twice.source] == ["training/model.py"]


def test_given_events(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "tb/events.out.tfevents.1.h")
    (run,) = discover([tmp_path / "a.log"], events=[tmp_path / "tb"])
    assert [file.shown for file in run.events] == ["tb/events.out.tfevents.1.h"]
    with pytest.raises(UsageError, match="no TensorBoard"):
        discover([tmp_path / "a.log"], events=[tmp_path / "a.log"])
    with pytest.raises(UsageError, match="no Python"):
        discover([tmp_path / "a.log"], source=[tmp_path / "tb"])


def test_skipped_with_reasons(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "w.pt", "s.json", "t.csv", "p.png", "c.yaml", "README.txt", "notes.md", "d.toml")
    make(tmp_path, "empty.log", text="")
    make(tmp_path, *(f"samples/{n}.png" for n in range(9)))
    (tmp_path / "gone.log").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.log")
    (run,) = discover([tmp_path])
    assert outs(run) == ["a.log"]
    assert dict(run.skipped) == {
        "w.pt": "weights: not read",
        "s.json": "not JSON",
        "t.csv": "no table of numbers with names over them",
        "p.png": "an image: not read",
        "c.yaml": "not configuration of a run by its name",
        "d.toml": "configuration in a format that is not read",
        "README.txt": "not a log by its name",
        "notes.md": "not a log by its name",
        "empty.log": "empty",
        "gone.log": "a link to nothing",
        "pipe.log": "a pipe, socket or device: not opened",
        "loop": "a link to a folder that was read already",
        "samples/*.png": "9 files: an image: not read",
    }


def test_folders_not_entered(tmp_path: Path) -> None:
    make(tmp_path, "a.log", ".git/x.log", "node_modules/x.log", "__pycache__/x.log", "env/pyvenv.cfg", "env/x.log")
    (run,) = discover([tmp_path])
    assert outs(run) == ["a.log"]
    assert run.skipped == [("env", "a virtual environment: not entered")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "secret.log", "closed/b.log")
    (tmp_path / "secret.log").chmod(0)
    (tmp_path / "closed").chmod(0)
    (run,) = discover([tmp_path])
    (tmp_path / "closed").chmod(0o700)
    assert dict(run.skipped) == {"secret.log": "permission denied", "closed": "permission denied"}


def test_wrong_paths(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", Path("a\0b")):
        with pytest.raises(UsageError) as caught:
            discover([path])
        assert caught.value.hint
    make(tmp_path, "only/weights.pt")
    (nothing,) = discover([tmp_path / "only"])
    assert (nothing.id, nothing.logs, nothing.skipped) == ("only", [], [("weights.pt", "weights: not read")])
    with pytest.raises(UsageError, match="no path"):
        discover([])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        discover([tmp_path / "pipe"])
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="link to nothing"):
        discover([tmp_path / "gone"])


def test_a_file_of_any_ending_may_be_given(tmp_path: Path) -> None:
    make(tmp_path, "session.capture")
    (run,) = discover([tmp_path / "session.capture"])
    assert outs(run) == ["session.capture"]


def test_many_paths_and_a_file_given_twice(tmp_path: Path) -> None:
    make(tmp_path, "x/logs/a.log", "y/logs/a.log")
    runs = discover([tmp_path / "x", tmp_path / "y", tmp_path / "x" / "logs" / "a.log"])
    assert [run.id for run in runs] == ["x", "y"]


def test_thousands_of_files(tmp_path: Path) -> None:
    for number in range(3000):
        folder = tmp_path / f"run{number % 300:03d}"
        folder.mkdir(exist_ok=True)
        (folder / f"train_0-999_attempt{number // 300}_{STAMP}.out.log").write_text("x=1\n")
    begin = time.process_time()
    runs = discover([tmp_path])
    assert time.process_time() - begin < 5
    assert [run.id for run in runs] == [f"run{number:03d}" for number in range(300)]
    assert all(len(run.logs) == 10 for run in runs)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared case is not here")
def test_reference_case() -> None:
    runs = discover([SHARED / "case" / "runs"])
    assert [run.id for run in runs] == ["cuda-shaped", "fixed", "sick", "sick-profile"]
    assert [len(run.events) for run in runs] == [0, 1, 1, 1]
    assert all(len(run.logs) == 1 and not run.skipped for run in runs)
    assert [len(errs(run)) for run in runs] == [0, 1, 1, 1]


def test_source_beside_the_log_of_one_run_is_its_own(tmp_path: Path) -> None:
    make(tmp_path, "train.log", "checkpoints/stripes/loss_log.txt")
    make(tmp_path, "code/train.py", text="x = 1\n")
    found = {str(run.folder): [file.shown for file in run.source] for run in discover([tmp_path])}
    assert found == {".": ["code/train.py"], "checkpoints/stripes": []}


def test_source_above_several_runs_is_nobodys(tmp_path: Path) -> None:
    make(tmp_path, "runs/a/train.log", "runs/b/train.log")
    make(tmp_path, "code/train.py", text="x = 1\n")
    assert [run.source for run in discover([tmp_path])] == [[], []]
