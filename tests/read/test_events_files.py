"""Several event files of one run: resumed ones, folders side by side, subfolders of `add_scalars`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_files import event, message, record, scalar, write
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.read.attempts import File
from wganlint.read.discover import discover
from wganlint.read.events import EventFacts, read_event_files
from wganlint.read.join import read_run
from wganlint.series import Series

START = message(7, b"\x08\x01")


def facts(folder: Path, **files: bytes) -> EventFacts:
    """Read files; `a__b` is the file `b` in the folder `a`."""
    found = []
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        found.append(File(path, str(path.relative_to(folder))))
    return read_event_files(found)


def built(read: EventFacts) -> dict[str, Series]:
    return {one.name: one.build() for one in read.series}


def points(tag: str, steps: range, base: float = 0.0, wall: float = 0.0) -> list[bytes]:
    return [event(step, scalar(tag, base + step), wall=1.7e9 + wall + step) for step in steps]


def opened(wall: float, *datas: bytes) -> bytes:
    """A file that was opened so many seconds later than the others."""
    return record(event(0, wall=1.7e9 + wall) + message(3, b"brain.Event:2")) + b"".join(map(record, datas))


def test_a_resumed_file_takes_over_from_its_first_step(tmp_path: Path) -> None:
    first = write(*points("loss", range(100)), *points("lr", range(100)))
    second = write(*points("loss", range(80, 150), 1000.0, wall=500))
    read = facts(tmp_path, first=first, second=second)
    series = built(read)
    assert series["loss"].steps.tolist() == list(range(150))
    assert series["loss"].values.tolist() == [*range(80), *(1000.0 + step for step in range(80, 150))]
    assert series["loss"].files == ("first", "second")
    assert len(series["lr"]) == 100
    assert [(note.text, note.place.file) for note in read.notes] == [
        ("20 points were replaced by a later file that starts before them", "first")
    ]
    assert [(one.shown, one.records, one.series) for one in read.files] == [("first", 100, 2), ("second", 70, 1)]


def test_the_time_in_the_files_orders_them_not_their_names(tmp_path: Path) -> None:
    series = built(facts(tmp_path, b=write(*points("x", range(10))), a=write(*points("x", range(10, 20), wall=99))))
    assert series["x"].steps.tolist() == list(range(20)) and series["x"].files == ("b", "a")


def test_a_session_that_starts_takes_over_all_tags(tmp_path: Path) -> None:
    first = write(*points("loss", range(100)), *points("lr", range(100)))
    second = write(event(60, wall=1.7e9 + 500) + START, *points("loss", range(61, 70), wall=500))
    read = facts(tmp_path, first=first, second=second)
    series = built(read)
    assert series["lr"].steps.tolist() == list(range(60))
    assert series["loss"].steps.tolist() == [*range(60), *range(61, 70)]
    assert "79 points were replaced" in read.notes[0].text or "80 points were replaced" in read.notes[0].text


def test_three_files_each_replaces_what_is_left(tmp_path: Path) -> None:
    series = built(
        facts(
            tmp_path,
            a=write(*points("x", range(10))),
            b=write(*points("x", range(5, 12), 100.0, wall=100)),
            c=write(*points("x", range(3, 6), 200.0, wall=200)),
        )
    )
    assert series["x"].values.tolist() == [0, 1, 2, 203, 204, 205]


def test_records_without_steps_are_not_replaced(tmp_path: Path) -> None:
    def stepless(wall: float) -> bytes:
        return write(*(event(0, scalar("x", at), wall=1.7e9 + wall + at) for at in range(10)))

    assert len(built(facts(tmp_path, a=stepless(0), b=stepless(100)))["x"]) == 20


def test_a_damaged_record_replaces_nothing(tmp_path: Path) -> None:
    second = bytearray(write(*points("x", range(3, 20), wall=100)))
    at = len(write())
    second[at + 30] ^= 1
    series = built(facts(tmp_path, a=write(*points("x", range(10), 50.0)), b=bytes(second)))
    assert series["x"].values.tolist() == [50, 51, 52, 53, *range(4, 20)]


def test_folders_written_at_the_same_time_keep_their_series(tmp_path: Path) -> None:
    read = facts(
        tmp_path,
        train__f=write(*points("epoch_loss", range(10)), *points("lr", range(10))),
        validation__f=write(*points("epoch_loss", range(10), 5.0, wall=0.5)),
    )
    series = built(read)
    assert set(series) == {"train/epoch_loss", "validation/epoch_loss", "lr"}
    assert series["validation/epoch_loss"].values.tolist() == [5.0 + at for at in range(10)]
    assert not read.notes


def test_folders_of_attempts_are_joined(tmp_path: Path) -> None:
    read = facts(
        tmp_path, one__f=write(*points("x", range(10))), two__f=opened(50, *points("x", range(8, 20), wall=50))
    )
    assert built(read)["x"].steps.tolist() == list(range(20))


def test_attempts_with_folders_side_by_side(tmp_path: Path) -> None:
    files = {
        f"{attempt}__{part}__f": opened(50 * at, *points("x", range(10 * at, 10 * at + 10), base, wall=40 * at))
        for at, attempt in enumerate(("one", "two")) for part, base in (("train", 0.0), ("eval", 100.0))
    }  # fmt: skip
    series = built(facts(tmp_path, **files))
    assert series["train/x"].values.tolist() == list(range(20))
    assert series["eval/x"].values.tolist() == [100.0 + at for at in range(20)]


def test_add_scalars_of_torch(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        for step in range(5):
            writer.add_scalar("lr", 0.5, step)
            writer.add_scalars("gan/loss", {"critic": -step, "generator": 2 * step}, step)
    found = [File(path, str(path.relative_to(tmp_path))) for path in sorted(tmp_path.rglob("*tfevents*"))]
    series = built(read_event_files(found))
    assert {name: one.values.tolist() for name, one in series.items()} == {
        "lr": [0.5] * 5, "gan/loss/critic": [-float(at) for at in range(5)],
        "gan/loss/generator": [2.0 * at for at in range(5)],
    }  # fmt: skip


def test_folders_of_one_writer_are_one_run_and_experiments_are_not(tmp_path: Path) -> None:
    files = {
        "runs__a__tfevents.0": points("lr", range(3)),
        "runs__a__gan_loss_critic__tfevents.1": points("gan/loss", range(3)),
        "runs__a__gan_loss_generator__tfevents.2": points("gan/loss", range(3), 9.0),
        "runs__a__1768401719.123__tfevents.3": points("hparam/fid", range(1)),
        "runs__b__tfevents.4": points("loss", range(3)),
        "runs__b__again__tfevents.5": points("loss", range(3)),
        "keras__train__tfevents.6": points("epoch_loss", range(3)),
        "keras__validation__tfevents.7": points("epoch_loss", range(3), 5.0),
    }
    facts(tmp_path, **{name: write(*datas) for name, datas in files.items()})
    runs = discover([tmp_path])
    assert {str(run.folder): len(run.events) for run in runs} == {
        "runs/a": 4,
        "runs/b": 1,
        "runs/b/again": 1,
        "keras": 2,
    }
    run = read_run(next(run for run in runs if str(run.folder) == "runs/a"))
    assert {series.name for series in run.series} == {"lr", "gan/loss/critic", "gan/loss/generator", "hparam/fid"}


def test_purge_step_of_torch(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    with tensorboard.SummaryWriter(tmp_path, filename_suffix=".a") as writer:
        for step in range(30):
            writer.add_scalar("x", step, step)
            writer.add_scalar("y", step, step)
    with tensorboard.SummaryWriter(tmp_path, purge_step=20, filename_suffix=".b") as writer:
        writer.add_scalar("x", 99, 25)
    found = [File(path, path.name) for path in sorted(tmp_path.glob("*tfevents*"))]
    series = built(read_event_files(found))
    assert series["x"].steps.tolist() == [*range(20), 25] and series["y"].steps.tolist() == list(range(20))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(write(*points("x", range(3))))
    found = [File(tmp_path / "missing", "missing"), File(tmp_path / "good", "good")]
    read = read_event_files(found)
    assert [(one.shown, one.error) for one in read.files] == [("missing", "no such file or directory"), ("good", "")]
    assert len(built(read)["x"]) == 3


def test_a_cut_gzip_is_told(tmp_path: Path) -> None:
    import gzip

    data = gzip.compress(write(*points("x", range(5000))))
    (tmp_path / "f.gz").write_bytes(data[: len(data) // 2])
    read = read_event_files([File(tmp_path / "f.gz", "f.gz")])
    assert any("the archive is cut after" in note.text for note in read.notes)


def test_inputs_of_a_run_tell_what_each_file_gave(tmp_path: Path) -> None:
    (tmp_path / "a.tfevents.1").write_bytes(write(*points("x", range(5)), *points("y", range(3))))
    (tmp_path / "b.tfevents.2").write_bytes(b"no events" * 100)
    run = read_run(discover([tmp_path])[0])
    assert [(one.path, one.used, one.why) for one in run.inputs] == [
        ("a.tfevents.1", True, "5 records of 2 series"),
        ("b.tfevents.2", False, "no numbers with names in it"),
    ]
    assert any("not a TensorBoard event file" in note.text for note in run.notes)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=4), st.randoms())
def test_replaced_points_follow_the_rule(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[int]], draw: object
) -> None:
    """Against the rule, said slowly: a file's lowest step of a tag removes what earlier files have from there on."""
    folder = tmp_path_factory.mktemp("files")
    kept: list[tuple[int, float]] = []
    files = {}
    for at, some in enumerate(steps):
        steppy = [step + 1 for step in some]
        kept = [point for point in kept if not steppy or point[0] < min(steppy)]
        kept += [(step, float(at * 100 + turn)) for turn, step in enumerate(steppy)]
        datas = [
            event(step, scalar("x", at * 100 + turn), wall=1.7e9 + at * 1000 + turn) for turn, step in enumerate(steppy)
        ]
        files[f"f{at}"] = write(event(0, wall=1.7e9 + at * 1000), *datas)
    series = [one.build() for one in facts(folder, **files).series]
    found = sorted((step, value) for one in series for step, value in zip(one.steps, one.values, strict=True))
    assert found == sorted(kept)


def test_the_reader_survives_times_that_are_no_times(tmp_path: Path) -> None:
    files = {
        name: write(*(event(at, scalar("x", at), wall=wall) for at in range(5)))
        for name, wall in (("a", np.nan), ("b", np.inf), ("c", -np.inf), ("d", 0.0))
    }
    assert len(built(facts(tmp_path, **files))["x"]) == 5


def test_junk_after_a_good_file(tmp_path: Path) -> None:
    read = facts(tmp_path, a=write(*points("x", range(5))), b=record(b"\xff" * 40) * 3)
    assert len(built(read)["x"]) == 5 and "no event that can be read" in read.notes[0].text
