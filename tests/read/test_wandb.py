"""W&B's own files: every point, names as in a history in JSON, damage told, one run for each folder."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wandb_files import BLOCK, HEADER, chunk, config, field, framed, history, item, run, summary, varint

from wganlint.analysis import load_runs
from wganlint.errors import InputError
from wganlint.read.wandb_file import read_wandb
from wganlint.read.wandb_frames import Frames
from wganlint.run import Run


def rows(count: int) -> list[dict[str, object]]:
    return [
        {"d_loss": -1 - at / 3, "g": {"loss": at / 7}, "_step": 3 * at, "_timestamp": 1.6e9 + at, "_runtime": at}
        for at in range(count)
    ]


def file(path: Path, records: list[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(framed(records))
    return path


def points(found: Run) -> dict[str, list[tuple[float, str]]]:
    return {one.key: list(zip(one.steps.tolist(), one.texts, strict=True)) for one in found.series}


def why(found: Run) -> dict[str, str]:
    return {one.path.rpartition("/")[2]: one.why for one in found.inputs}


# -- what a file says


@pytest.mark.parametrize("nested", [False, True])
def test_a_history_gives_what_the_same_history_in_json_gives(tmp_path: Path, nested: bool) -> None:
    told = rows(200)
    told[7]["d_loss"], told[9]["d_loss"], told[11]["d_loss"] = math.nan, math.inf, -math.inf
    for row in told:
        del row["_timestamp"], row["_runtime"]
    binary = file(tmp_path / "a" / "run-abc123.wandb", [history(row, nested=nested) for row in told])
    lines = tmp_path / "b" / "history.jsonl"
    lines.parent.mkdir()
    lines.write_text("".join(json.dumps(row) + "\n" for row in told))
    (one,), (other,) = load_runs(binary), load_runs(lines)
    assert points(one) == points(other)
    assert set(points(one)) == {"d_loss", "g/loss"}
    assert points(one)["d_loss"][7] == (21.0, "NaN")
    assert {(s.kind, s.step_key) for s in one.series} == {("table", "step")}


def test_the_clocks_media_and_words_are_no_series(tmp_path: Path) -> None:
    image = {"_type": "image-file", "width": 64, "size": 9}
    row = {"loss": 0.5, "img": image, "deep": {"img": image, "x": 1}, "text": "hi", "on": True, "none": None}
    for nested in (False, True):
        (found,) = load_runs(file(tmp_path / "x.wandb", [run("a", {}), history({**rows(1)[0], **row}, nested=nested)]))
        assert set(points(found)) == {"d_loss", "g/loss", "loss", "deep/x"}
        assert "no numbers in" in why(found)["x.wandb"]
        assert "img" in why(found)["x.wandb"]


def test_typed_values_and_the_step_of_the_record(tmp_path: Path) -> None:
    import struct

    def typed(number: int) -> bytes:
        whole = field(1, field(1, b"k") + varint(5 << 3) + varint(2 * number - 1))
        double = field(1, field(1, b"x") + varint(6 << 3 | 1) + struct.pack("<d", number / 3))
        return field(2, whole + double + field(2, varint(1 << 3) + varint(number)))

    (found,) = load_runs(file(tmp_path / "x.wandb", [typed(at) for at in range(1, 4)]))
    assert points(found) == {
        "k": [(1.0, "-1"), (2.0, "-2"), (3.0, "-3")],
        "x": [(float(at), repr(at / 3)) for at in range(1, 4)],
    }


def test_the_last_configuration_counts_and_secrets_are_left_out(tmp_path: Path) -> None:
    first = {
        "lr": 1e-4,
        "betas": [0.5, 0.9],
        "model": {"depth": 4, "width": 8},
        "gone": 1,
        "api_key": "x",
        "_wandb": {},
    }
    records = [run("bold-owl", first), *map(history, rows(3)), config({"lr": 3e-4, "model": {"depth": 5}}, ["gone"])]
    (found,) = load_runs(file(tmp_path / "x.wandb", records))
    assert {(s.name, s.value) for s in found.settings} == {
        ("betas", "[0.5, 0.9]"), ("lr", "0.0003"), ("model.depth", "5"),
    }  # fmt: skip
    assert {(s.place.line, s.origin) for s in found.settings} == {(None, "config")}
    assert found.id == "bold-owl"


def test_without_a_history_the_last_values_are_read(tmp_path: Path) -> None:
    (found,) = load_runs(file(tmp_path / "x.wandb", [run("a", {}), summary({"d_loss": -1}), summary({"d_loss": -2})]))
    assert points(found)["d_loss"][0][1] == "-2"
    assert [note.text for note in found.notes] == ["no history in it: the last values only"]


def test_what_is_compressed_reads_the_same(tmp_path: Path) -> None:
    plain = file(tmp_path / "x.wandb", list(map(history, rows(2000))))
    packed = tmp_path / "x.wandb.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert points(load_runs(plain)[0]) == points(load_runs(packed)[0])


WORDS = ("NaN", "Infinity", "-Infinity")  # how some clients put what JSON has no number for


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["d_loss", "g/loss", "\u00e9", "x" * 200, "std", "img", "_step"]),
            st.one_of(
                st.floats(),
                st.integers(-(10**30), 10**30),
                st.booleans(),
                st.text(max_size=5),
                st.sampled_from(WORDS),
                st.just({"a": 1, "b": {"c": 2.5}}),
            ),
        ),
        max_size=12,
    )
)
@settings(max_examples=80, deadline=None)
def test_known_and_new_keys_give_the_same_numbers(told: list[dict[str, object]]) -> None:
    records = [history({**row, "_step": at}, step=at) for at, row in enumerate(told)]
    facts = read_wandb(io.BytesIO(framed([run("a", {}), *records])), "x.wandb")
    wanted: dict[str, list[tuple[float, str]]] = {}
    for at, row in enumerate(told):
        for key, value in row.items():
            inner = {"/a": 1, "/b/c": 2.5} if isinstance(value, dict) else {"": value}
            for rest, held in inner.items():
                number = float(held) if isinstance(held, str) and held in WORDS else held
                if isinstance(number, int | float) and not isinstance(number, bool) and key != "_step":
                    wanted.setdefault(key + rest, []).append((at, repr(float(number))))
    built = {one.key: one.build() for one in facts.runs.get("", [])}
    got = {
        key: [(step, repr(value)) for step, value in zip(one.steps.tolist(), one.values.tolist(), strict=True)]
        for key, one in built.items()
    }
    assert got == wanted


@pytest.mark.parametrize("text", ["1-2", "1.", "1e", "--1", "0x1", "1_000", "1,234"])
def test_what_is_no_number_is_no_value(text: str) -> None:
    good, bad = field(2, field(1, item("d_loss", "1"))), field(2, field(1, item("d_loss", text)))
    facts = read_wandb(io.BytesIO(framed([good, bad, good])), "x.wandb")
    (series,) = facts.runs[""]
    assert series.build().texts == ("1", "1")


# -- folders


def test_each_folder_is_one_run_and_is_counted_once(tmp_path: Path) -> None:
    for name in ("offline-run-20230101_000000-aaa", "run-20230102_000000-bbb", "run-20230103_000000-ccc"):
        home = tmp_path / "wandb" / name
        file(home / f"run-{name[-3:]}.wandb", [run(name[-3:], {"lr": 0.5, "beta": 1}), *map(history, rows(30))])
        (home / "files" / "media" / "table").mkdir(parents=True)
        (home / "files" / "media" / "table" / "t.table.json").write_text('[{"step": 1, "loss": 5}]\n' * 2)
        (home / "files" / "wandb-summary.json").write_text(json.dumps(rows(30)[-1]))
        (home / "files" / "wandb-history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(30)))
        (home / "files" / "config.yaml").write_text("lr:\n  value: 0.5\n")
        (home / "logs").mkdir()
        (home / "logs" / "debug.log").write_text("d_loss=5\n" * 9)
    text = "".join(f"step={3 * at} d_loss={-1 - at / 3:.4f}\n" for at in range(30))
    (tmp_path / "wandb" / "run-20230102_000000-bbb" / "files" / "output.log").write_text(text)
    (tmp_path / "wandb" / "latest-run").symlink_to("run-20230103_000000-ccc")
    (tmp_path / "wandb" / "debug.log").symlink_to("run-20230103_000000-ccc/logs/debug.log")
    found = load_runs(tmp_path)
    assert len(found) == 3
    for one in found:
        assert {series.key: len(series) for series in one.series} == {"d_loss": 30, "g/loss": 30}
        assert sorted((s.name, s.value) for s in one.settings) == [("beta", "1"), ("lr", "0.5")]
        assert next(s.place.line for s in one.settings if s.name == "lr") == 2
        told = why(one)
        assert told["wandb-history.jsonl"] == "the same history as in W&B's own file, which is read"
        assert "last values only" in told["wandb-summary.json"]
    assert [any(path.path.endswith("output.log") for path in one.inputs) for one in found].count(True) == 1
    (alone,) = load_runs(tmp_path / "wandb" / "offline-run-20230101_000000-aaa")
    assert len(alone.series) == 2
    assert why(alone)["debug.log"] == "W&B's own records, not of the training"


def test_a_lone_file_beside_the_log_of_a_training_joins_it(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("".join(f"step={at} d_loss={-at / 7:.4f}\n" for at in range(30)))
    file(tmp_path / "wandb" / "run-20230102_000000-bbb" / "run-bbb.wandb", list(map(history, rows(30))))
    (found,) = load_runs(tmp_path)
    assert any(one.key == "g/loss" for one in found.series)


def test_without_a_readable_file_the_history_beside_it_counts(tmp_path: Path) -> None:
    home = tmp_path / "run-20230102_000000-bbb"
    file(home / "run-bbb.wandb", [run("b", {"lr": 1})])
    (home / "files").mkdir()
    (home / "files" / "wandb-history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(30)))
    (found,) = load_runs(tmp_path)
    assert len(points(found)["d_loss"]) == 30
    assert [(s.name, s.value) for s in found.settings] == [("lr", "1")]


# -- framing and damage


def cut(data: bytes) -> tuple[list[bytes], list[str]]:
    frames = Frames(io.BytesIO(data))
    return [record for _, record in frames], frames.notes()


@given(
    st.lists(st.one_of(st.integers(0, 300), st.integers(BLOCK - 40, BLOCK + 40), st.integers(0, 3 * BLOCK)), max_size=8)
)
@settings(max_examples=60, deadline=None)
def test_records_of_any_length_come_back(lengths: list[int]) -> None:
    records = [bytes([at + 1]) * length for at, length in enumerate(lengths)]
    assert cut(framed(records)) == (records, [])


@given(st.integers(7, 100_000), st.integers(1, 255))
@example(where=52, flip=1)  # a length, before bytes that look like a chunk at each place
@settings(max_examples=60, deadline=None)
def test_of_a_damaged_file_only_what_is_hit_is_lost(where: int, flip: int) -> None:
    records = [bytes([at % 251]) * (40 + 700 * (at % 7)) + str(at).encode() for at in range(60)]
    data = bytearray(framed(records))
    where = where % (len(data) - 7) + 7
    data[where] ^= flip
    found, notes = cut(bytes(data))
    missing = [record for record in records if record not in found]
    assert len(missing) <= 1
    assert [record for record in records if record in found] == found
    assert bool(missing) == bool(notes)
    if missing:
        assert "damaged" in notes[0] or "cut" in notes[0]


@given(st.integers(0, 120_000))
@settings(max_examples=60, deadline=None)
def test_of_a_cut_file_the_whole_records_are_kept(size: int) -> None:
    records = [bytes([at % 251]) * (40 + 700 * (at % 7)) for at in range(60)]
    data = framed(records)[:size]
    found, notes = cut(data)
    assert found == records[: len(found)]
    whole = len(framed(found))
    if size > 7 and whole < len(data.rstrip(b"\0")):
        assert len(framed(records[: len(found) + 1])) > size
        assert any("the last record is cut" in note for note in notes)


@given(st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_hostile_bytes_raise_nothing_but_our_own(data: bytes) -> None:
    for content in (data, HEADER + data, framed([data]), framed([field(2, data)]), framed([field(2, field(1, data))])):
        try:
            read_wandb(io.BytesIO(content), "x.wandb")
        except InputError:
            continue


def test_a_record_with_a_hole_is_not_sewn_together() -> None:
    record = bytes(range(256)) * 500
    data = bytearray(framed([b"before", record, b"after"]))
    data[BLOCK + 100] ^= 1  # in a middle chunk
    found, notes = cut(bytes(data))
    assert found == [b"before", b"after"]
    assert notes == [f"bytes {BLOCK} to {2 * BLOCK - 1} are damaged and were left out"]


def test_a_start_without_an_end_and_an_end_without_a_start() -> None:
    data = HEADER + chunk(2, b"never ends") + chunk(1, b"whole") + chunk(4, b"never began")
    found, notes = cut(data)
    assert found == [b"whole"]
    assert [note.partition(" and")[0] for note in notes] == [
        "the record at byte 7 does not end", "the record at byte 36 does not begin",
    ]  # fmt: skip


def test_values_that_are_no_numbers_and_deep_ones_are_counted(tmp_path: Path) -> None:
    odd = field(1, item("a", "1,234")) + field(1, item("b", "[" * 5000)) + field(1, item("c", '{"x": ')) + field(
        1, item("\x1b[31mred", "2"))  # fmt: skip
    (found,) = load_runs(file(tmp_path / "x.wandb", [history({"d_loss": 1}), field(2, odd), field(2, b"\xff\xff")]))
    assert {one.key for one in found.series} == {"d_loss", " [31mred"}
    told = [note.text for note in found.notes]
    assert any("2 values" in text for text in told)
    assert any("1 record is not understood" in text for text in told)


def test_what_only_bears_the_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.wandb").write_bytes(b"not at all" * 9000)
    (found,) = load_runs(tmp_path / "x.wandb")
    assert why(found)["x.wandb"] == "no record of W&B in it that checks"


# -- the real thing

PROGRAM = """
import sys, wandb
run = wandb.init(mode="offline", dir=sys.argv[1], project="gan", config={"lr": 1e-4, "model": {"depth": 4}})
for at in range(50):
    loss = {7: float("nan"), 9: float("inf")}.get(at, -1 - at / 3)
    run.log({"d_loss": loss, "g": {"loss": at / 7}, "hist": wandb.Histogram([1, 2, at])}, step=3 * at)
run.finish()
"""


@pytest.mark.skipif(find_spec("wandb") is None, reason="the wandb package is not installed: nothing to compare with")
def test_what_wandb_writes_is_read(tmp_path: Path) -> None:
    environment = {**os.environ, "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=True, env=environment, cwd=tmp_path)
    (found,) = load_runs(tmp_path)
    assert set(points(found)) == {"d_loss", "g/loss"}
    series = found.named("d_loss")
    assert series is not None
    assert series.steps.tolist() == [3.0 * at for at in range(50)]
    wanted = [{7: math.nan, 9: math.inf}.get(at, -1 - at / 3) for at in range(50)]
    assert list(map(str, series.values.tolist())) == list(map(str, wanted))
    assert {(s.name, s.number) for s in found.settings} == {("lr", 1e-4), ("model.depth", 4.0)}
