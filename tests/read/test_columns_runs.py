"""Which tables, event curves, stores and archives belong to which run."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import sqlite3
from pathlib import Path

import pytest

from wganlint.analysis import load_runs
from wganlint.read import opening
from wganlint.read.opening import damage_of, open_file
from wganlint.run import Run


def make(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def table(steps: range, shift: float = 0.0) -> str:
    rows = (f"{at},{-1 - shift - at / 7:.4f},{1 + shift + at / 9:.4f}\n" for at in steps)
    return "epoch,d_loss,g_loss\n" + "".join(rows)


def log(steps: range) -> str:
    return "".join(f"step={at} d_loss={-1 - at / 7:.4f} g_loss={1 + at / 9:.4f}\n" for at in steps)


def keys(run: Run) -> dict[str, int]:
    return {series.name: len(series) for series in run.series}


def why(run: Run) -> dict[str, str]:
    return {item.path: item.why for item in run.inputs}


# -- tables


@pytest.mark.parametrize("names", [("run_1.csv", "run_2.csv"), ("wgan.csv", "dcgan.csv"), ("seed0.csv", "seed1.csv")])
def test_rivals_are_runs_of_their_own(tmp_path: Path, names: tuple[str, str]) -> None:
    for at, name in enumerate(names):
        make(tmp_path / name, table(range(20), at))
    runs = load_runs(tmp_path)
    assert sorted(run.id.rpartition("/")[2] for run in runs) == sorted(name.removesuffix(".csv") for name in names)
    assert all(keys(run) == {"d_loss": 20, "g_loss": 20} for run in runs)


def test_parts_of_one_run_follow_one_another(tmp_path: Path) -> None:
    make(tmp_path / "metrics_10.csv", table(range(20, 40)))
    make(tmp_path / "metrics_9.csv", table(range(20)))
    (run,) = load_runs(tmp_path)
    assert keys(run) == {"d_loss": 40, "g_loss": 40}
    assert run.series[0].files == ("metrics_9.csv", "metrics_10.csv")
    assert run.notes == ()


def test_training_and_validation_are_one_run(tmp_path: Path) -> None:
    make(tmp_path / "train_losses.csv", table(range(20)))
    make(tmp_path / "val_losses.csv", table(range(20), 1))
    (run,) = load_runs(tmp_path)
    assert keys(run) == {
        "d_loss": 20, "g_loss": 20, "d_loss [val_losses.csv]": 20, "g_loss [val_losses.csv]": 20,
    }  # fmt: skip


def test_a_table_beside_a_log_belongs_to_its_run(tmp_path: Path) -> None:
    make(tmp_path / "a" / "train.log", log(range(20)))
    make(tmp_path / "a" / "fid.csv", "step,fid\n0,300.5\n10,100.25\n")
    (run,) = load_runs(tmp_path)
    assert keys(run) == {"d_loss": 20, "g_loss": 20, "fid": 2}


def test_each_log_takes_the_table_of_its_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / f"{name}.log", log(range(20)))
        make(tmp_path / f"{name}.csv", "step,fid\n0,300.5\n10,100.25\n")
    runs = load_runs(tmp_path)
    assert [(run.id.rpartition("/")[2], keys(run)["fid"]) for run in runs] == [("a", 2), ("b", 2)]


def test_folders_of_a_sweep_are_runs(tmp_path: Path) -> None:
    for at in range(3):
        make(tmp_path / f"lr{at}" / "metrics.csv", table(range(20), at))
    assert [run.id for run in load_runs(tmp_path)] == ["lr0", "lr1", "lr2"]


def test_data_sets_are_not_read(tmp_path: Path) -> None:
    make(tmp_path / "train.log", log(range(20)))
    make(tmp_path / "labels.csv", "filename,label\n" + "".join(f"img_{at}.png,{at % 3}\n" for at in range(30)))
    (run,) = load_runs(tmp_path)
    assert keys(run) == {"d_loss": 20, "g_loss": 20}
    assert why(run)["labels.csv"] == "a table without a step or a metric of training: name the file itself to read it"


# -- curves of add_scalars


@pytest.mark.parametrize("layout", ["{tag}_{curve}", "{tag}/{curve}"])
@pytest.mark.parametrize("with_log", [False, True])
def test_curves_belong_to_their_writer(tmp_path: Path, layout: str, with_log: bool) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    def write(folder: Path, tag: str, shift: float) -> None:
        writer = EventFileWriter(str(folder))
        for at in range(9):
            value = Summary.Value(tag=tag, simple_value=shift + at / 8)
            writer.add_event(Event(wall_time=1.0, step=at, summary=Summary(value=[value])))
        writer.close()

    write(tmp_path / "tb", "fid", 30)
    for shift, curve in enumerate(("critic", "generator")):
        write(tmp_path / "tb" / layout.format(tag="loss", curve=curve), "loss", shift)
    if with_log:
        make(tmp_path / "train.log", "".join(f"step={at} lr=0.1\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert {name: size for name, size in keys(run).items() if name != "lr"} == {
        "fid": 9, "loss/critic": 9, "loss/generator": 9,
    }  # fmt: skip
    assert {role: guess.series for role, guess in run.roles.items() if "loss" in role} == {
        "critic_loss": "loss/critic", "generator_loss": "loss/generator",
    }  # fmt: skip
    critic = run.named("loss/critic")
    assert critic is not None
    assert critic.values.tolist() == [at / 8 for at in range(9)]


# -- MLflow and W&B


def test_a_run_folder_of_mlflow(tmp_path: Path) -> None:
    run = tmp_path / "mlruns" / "0" / ("ab" * 16)
    make(run / "meta.yaml", "lifecycle_stage: active\nrun_name: bold-owl\n")
    make(run / "metrics" / "d_loss", "1600 0.5 0\n1601 nan 1\nbroken\n1602 -1e-05 2\n")
    make(run / "metrics" / "val" / "fid", "1600 33.5 2\n")
    make(run / "params" / "lr", "0.0002")
    make(run / "tags" / "mlflow.user", "somebody")
    gone = tmp_path / "mlruns" / "0" / ("cd" * 16)
    make(gone / "meta.yaml", "lifecycle_stage: deleted\n")
    make(gone / "metrics" / "d_loss", "1600 0.5 0\n")
    make(gone / "params" / "lr", "1")
    (found,) = load_runs(tmp_path)
    assert found.id == "bold-owl"
    assert keys(found) == {"d_loss": 3, "val/fid": 1}
    series = found.named("d_loss")
    assert series is not None
    assert (series.texts, series.steps.tolist(), series.lines.tolist()) == (
        ("0.5", "nan", "-1e-05"),
        [0, 1, 2],
        [1, 2, 4],
    )
    assert [(s.name, s.value, s.origin) for s in found.settings] == [("lr", "0.0002", "config")]
    assert [note.text for note in found.notes] == ["1 lines are not `time value step`"]


def database(path: Path, runs: int) -> None:
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE runs (run_uuid, name, lifecycle_stage, start_time)")
    base.execute("CREATE TABLE params (key, value, run_uuid)")
    base.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
    for run in range(runs):
        stage = "deleted" if run == 2 else "active"
        base.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (f"r{run}", f"name{run}", stage, run))
        base.execute("INSERT INTO params VALUES ('lr', ?, ?)", (f"0.{run}", f"r{run}"))
        for at in range(5):
            value, is_nan = ((0.0, 1), (1.7976931348623157e308, 0))[at - 3] if at > 2 else (0.5 + at, 0)
            base.execute("INSERT INTO metrics VALUES ('d_loss', ?, ?, ?, ?, ?)", (value, at, f"r{run}", at, is_nan))
    base.commit()
    base.close()


def test_a_database_of_mlflow_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    database(path, 3)
    before = path.read_bytes()
    path.chmod(0o400)
    runs = load_runs(tmp_path)
    assert [run.id.rpartition("/")[2] for run in runs] == ["name0", "name1"]
    assert [[(s.name, s.value) for s in run.settings] for run in runs] == [[("lr", "0.0")], [("lr", "0.1")]]
    series = runs[0].named("d_loss")
    assert series is not None
    assert [str(value) for value in series.values.tolist()] == ["0.5", "1.5", "2.5", "nan", "inf"]
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["mlflow.db"]


def test_other_databases_are_left_alone(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "study.db")
    base.execute("CREATE TABLE trials (id)")
    base.commit()
    base.close()
    make(tmp_path / "broken.db", "SQLite format 3\0 and then nothing of the kind")
    make(tmp_path / "train.log", log(range(20)))
    (run,) = load_runs(tmp_path)
    assert {name: reason for name, reason in why(run).items() if name.endswith(".db")} == {
        "study.db": "not a database of MLflow", "broken.db": "not a database of MLflow",
    }  # fmt: skip


def test_a_run_folder_of_wandb(tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "offline-run-20230101_000000-abc123"
    make(folder / "files" / "output.log", log(range(20)))
    make(folder / "files" / "config.yaml", "wandb_version: 1\n\nlr:\n  desc: null\n  value: 0.0002\n")
    rows = [{"d_loss": -1 - at / 3, "fid": 30 + at, "_step": at, "_timestamp": 1.6e9 + at} for at in range(20)]
    make(folder / "files" / "wandb-history.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    make(folder / "files" / "wandb-summary.json", json.dumps(rows[-1]))
    make(folder / "files" / "wandb-metadata.json", json.dumps({"lr": 7, "os": "x"}))
    make(folder / "logs" / "debug.log", "d_loss=5\n" * 9)
    make(folder / "run-abc123.wandb", ":W&B\0\1")
    (run,) = load_runs(tmp_path)
    assert keys(run)["fid"] == 20
    fid = run.named("fid")
    assert fid is not None
    assert (fid.step_key, fid.last.step) == ("step", 19)
    assert [(s.name, s.value) for s in run.settings if s.name == "lr"] == [("lr", "0.0002")]
    told = {name.rpartition("/")[2]: reason for name, reason in why(run).items()}
    assert "the last values only" in told["wandb-summary.json"]
    assert told["run-abc123.wandb"] == "no record of W&B in it that checks"
    assert told["debug.log"] == told["wandb-metadata.json"] == "W&B's own records, not of the training"


def test_the_summary_of_wandb_alone_is_one_record(tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "run-20230101_000000-abc123"
    make(folder / "files" / "wandb-summary.json", json.dumps({"d_loss": -1.5, "g": {"loss": 2}, "_step": 99}))
    make(folder / "run-abc123.wandb", ":W&B\0\1")
    (run,) = load_runs(tmp_path)
    assert [(s.name, s.last.value, s.last.step) for s in run.series] == [("d_loss", -1.5, 99.0), ("g/loss", 2.0, 99.0)]


# -- archives


PACKERS = [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]


@pytest.mark.parametrize(("ending", "pack"), PACKERS)
def test_what_is_compressed_reads_the_same(tmp_path: Path, ending: str, pack: object) -> None:
    assert callable(pack)
    for name, text in (
        ("train.log", log(range(50))),
        ("metrics.csv", table(range(50))),
        ("a.jsonl", '{"step": 1, "d_loss": 2}\n' * 4),
    ):
        plain = make(tmp_path / "plain" / name, text)
        packed = tmp_path / "packed" / f"{name}{ending}"
        packed.parent.mkdir(exist_ok=True)
        packed.write_bytes(pack(text.encode()))
        (one,), (two,) = load_runs(plain), load_runs(packed)
        assert [(s.key, s.texts, s.lines.tolist()) for s in two.series] == [
            (s.key, s.texts, s.lines.tolist()) for s in one.series
        ]
        assert two.notes == ()


@pytest.mark.parametrize(("ending", "pack"), PACKERS)
def test_of_a_cut_archive_the_whole_lines_are_read(tmp_path: Path, ending: str, pack: object) -> None:
    assert callable(pack)
    text = "".join(
        f"step={at} d_loss={os.urandom(4).hex().translate(str.maketrans('abcdef', '123456'))}.5\n"
        for at in range(60_000)
    )
    path = tmp_path / f"train.log{ending}"
    data = pack(text.encode())
    path.write_bytes(data[: len(data) * 2 // 3])
    (run,) = load_runs(path)
    series = run.named("d_loss")
    assert series is not None
    assert 1000 < len(series) < 60_000
    lines = text.splitlines()
    assert lines[(series.last.place.line or 0) - 1].endswith(f"={series.last.text}")
    (note,) = run.notes
    assert note.text.startswith("the archive is cut after ")


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(log(range(5000)).encode()))
    data[-6] ^= 0xFF  # in the checksum
    path = tmp_path / "train.log.gz"
    path.write_bytes(bytes(data))
    (run,) = load_runs(path)
    assert keys(run)["d_loss"] >= 4900
    assert "damaged" in run.notes[0].text


def test_a_bomb_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FREE", 4 << 20)
    path = tmp_path / "train.log.xz"
    path.write_bytes(lzma.compress(b"\n" * (64 << 20)))
    with open_file(path) as stream:
        size = sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b""))
        assert "swells" in damage_of(stream)
    assert size <= 6 << 20
    (run,) = load_runs(path)
    assert any("swells" in note.text for note in run.notes)


def test_zstandard_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "train.log.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 50)
    (run,) = load_runs(path)
    assert run.inputs[0].why.startswith(("Zstandard cannot be read here", "no numbers", "this is a binary"))
