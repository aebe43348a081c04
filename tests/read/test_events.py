"""TensorBoard event files: both layouts of scalars, texts, hyper-parameters, and every kind of damage."""

from __future__ import annotations

import io
import math
import re
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from event_files import HEADER, event, masked, message, plugin, record, scalar, tensor, text, varint, write
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.builder import LIMIT
from wganlint.read.events import checksum, files, messages, read_events, records
from wganlint.read.events import series as tag_series
from wganlint.read.roles import assign
from wganlint.run import Note, Run, Setting
from wganlint.series import Series

SHARED = Path(__file__).parents[2].parent / "shared"


def read(data: bytes) -> tuple[dict[str, Series], list[Setting], list[Note]]:
    series, stated, notes = read_events(io.BytesIO(data), "tb/events.out")
    built = [one.build() for one in series]
    return {one.name: one for one in built}, stated, notes


# -- scalars


def test_both_layouts() -> None:
    data = write(
        event(0, scalar("loss/critic", 0.1)),
        event(1, tensor("loss/tf2", 1, message(4, struct.pack("<f", -2.5)))),
        event(2, tensor("loss/tf2", 1, message(5, struct.pack("<f", 7.0)))),
        event(200, scalar("loss/critic", 1e-5), scalar("lr", float("nan"))),
        event(100_000, scalar("loss/critic", float("-inf"))),
    )
    series, stated, notes = read(data)
    assert list(series) == ["loss/critic", "loss/tf2", "lr"]
    critic = series["loss/critic"]
    assert critic.texts == ("0.1", "1e-05", "-inf")
    assert critic.steps.tolist() == [0, 200, 100_000]
    assert critic.values[0] == float(np.float32(0.1)) and critic.values[2] == -math.inf
    assert (critic.kind, critic.step_key, critic.decimals, critic.key) == (
        "events",
        "step",
        None,
        "loss/critic",
    )
    assert critic.files == ("tb/events.out",)
    point = critic.point(0)
    assert (point.place.file, point.place.line, point.place.column) == ("tb/events.out", None, None)
    assert series["loss/tf2"].values.tolist() == [-2.5, 7.0]
    assert series["lr"].tally.nonfinite_count == 1
    assert not stated and not notes


@pytest.mark.parametrize(
    ("type_", "rest", "value", "shown"),
    [
        (1, b"\x2d" + struct.pack("<f", 0.25), 0.25, "0.25"),  # a list that is not packed
        (2, message(6, struct.pack("<d", 0.1)), 0.1, "0.1"),
        (2, message(4, struct.pack("<d", 0.1)), 0.1, "0.1"),
        (3, message(7, varint(-3)), -3.0, "-3"),
        (9, b"\x50" + varint(12), 12.0, "12"),
        (9, message(4, struct.pack("<q", -(2**40))), -(2.0**40), str(-(2**40))),
        (23, message(17, varint(2**64 - 1)), 2.0**64, str(2**64 - 1)),
        (10, message(11, b"\x01"), 1.0, "1"),
        (19, message(4, np.float16(0.1).tobytes()), float(np.float16(0.1)), "0.1"),
    ],
)
def test_tensor_types(type_: int, rest: bytes, value: float, shown: str) -> None:
    for shape in (b"\x12\x00", b"", message(2, message(2, b"\x08\x01"))):
        series, _, _ = read(write(event(3, tensor("x", type_, rest, shape=shape))))
        assert (series["x"].values.tolist(), series["x"].texts) == ([value], (shown,))


def test_what_is_no_scalar_is_counted() -> None:
    pair = message(2, message(2, b"\x08\x02"))
    series, stated, notes = read(
        write(
            event(1, tensor("v", 1, message(4, b"\0" * 8), shape=pair)),
            event(1, tensor("h", 2, message(4, b"\0" * 8), "histograms")),
            event(1, message(1, b"i") + message(4, b"\x08\x01")),
            event(1, message(1, b"h") + message(5, b"")),
            event(1, tensor("p", 7, message(8, b"png"), "images")),
            event(0) + message(4, b"graph"),
        )
    )
    assert not series and not stated
    assert notes[0].text.startswith("passed over: ")
    parts = set(notes[0].text.removeprefix("passed over: ").split(", "))
    assert parts == {"1 scalars", "2 images", "1 histograms", "1 empty histograms", "1 graphs"}


# -- several values under one tag


@pytest.mark.parametrize("batch", [100, 1 << 20])
@pytest.mark.parametrize("many", [2, 3, 8])
def test_values_of_one_tag_at_each_step_are_told_apart(many: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BATCH", batch)
    datas = [event(step, scalar("gan/loss", 10.0 * part + step / 64)) for step in range(300) for part in range(many)]
    series, _, notes = read(write(*datas))
    assert list(series) == [f"gan/loss#{part + 1}" for part in range(many)]
    for part in range(many):
        assert series[f"gan/loss#{part + 1}"].steps.tolist() == list(range(300))
        assert series[f"gan/loss#{part + 1}"].values.tolist() == [10.0 * part + step / 64 for step in range(300)]
    assert [note.text for note in notes] == [
        "several values of one tag at a step: read as separate series #1, #2, ... in the order of the file: "
        f'"gan/loss" (300 of 300 steps, {many} each)'
    ]


def test_two_values_in_one_event_are_told_apart() -> None:
    series, _, _ = read(write(*(event(step, scalar("x", step), scalar("x", -step - 1.0)) for step in range(20))))
    assert series["x#1"].values.tolist() == list(range(20))
    assert series["x#2"].values.tolist() == [-step - 1.0 for step in range(20)]


def test_no_value_is_lost_where_a_few_steps_carry_more_or_less() -> None:
    datas = [event(step, scalar("x", part)) for step in range(50) for part in range({20: 3, 49: 1}.get(step, 2))]
    series, _, notes = read(write(*datas))
    assert {name: len(one) for name, one in series.items()} == {"x#1": 50, "x#2": 49, "x#3": 1}
    assert {float(value) for value in series["x#2"].values} == {1.0}
    assert '"x" (48 of 50 steps, 2 each)' in notes[0].text


@pytest.mark.parametrize("values", [9, 100])
def test_batches_of_an_epoch_stay_one_series(values: int) -> None:
    series, _, notes = read(write(*(event(at // values, scalar("x", at)) for at in range(20 * values))))
    assert series["x"].values.tolist() == list(range(20 * values)) and not notes


def test_a_few_doubled_steps_stay_one_series() -> None:
    datas = [event(step, scalar("x", step)) for step in range(100) for _ in range(2 if step % 10 == 0 else 1)]
    series, _, notes = read(write(*datas))
    assert len(series["x"]) == 110 and not notes


def test_roles_are_not_guessed_from_a_tag_that_holds_several_values_or_a_histogram() -> None:
    layers = [event(step, message(1, b"critic_loss") + message(5, histogram(-1, 1, 4, 2))) for step in range(9)]
    twice = [event(step, scalar("critic_loss", part)) for step in range(9) for part in (1.0, -1.0)]
    for datas in (layers, twice):
        series, _, _ = read(write(*datas))
        assert len(series) >= 2
        assert assign(Run("r", ".", series=tuple(series.values()))).roles == {}
    series, _, _ = read(write(*(event(step, scalar("critic_loss", step)) for step in range(9))))
    assert set(assign(Run("r", ".", series=tuple(series.values()))).roles) == {"critic_loss"}


def test_records_without_steps_are_counted() -> None:
    series, _, notes = read(write(*(event(0, scalar("x", at), scalar("y", -at)) for at in range(100))))
    assert np.isnan(series["x"].steps).all() and series["x"].values.tolist() == list(range(100))
    assert [note.text for note in notes] == ['logged without steps, so records are counted instead: "x", "y"']
    series, _, notes = read(write(event(0, scalar("fid", 1.0))))
    assert series["fid"].steps.tolist() == [0] and not notes


def test_steps_that_go_back_are_kept_and_told() -> None:
    series, _, notes = read(write(*(event(at % 40, scalar("x", at)) for at in range(80))))
    assert series["x"].values.tolist() == list(range(80)) and series["x"].steps.tolist() == [*range(40), *range(40)]
    assert [note.text for note in notes] == [
        'steps go back; all points are kept, in the order of the file: "x" (from 39 to 0)'
    ]


# -- histograms


def histogram(low: float, high: float, count: float, total: float) -> bytes:
    numbers = enumerate((low, high, count, total), 1)
    stated = b"".join(bytes([at << 3 | 1]) + struct.pack("<d", one) for at, one in numbers)
    return stated + message(6, struct.pack("<3d", low, 0, high)) + message(7, struct.pack("<3d", 1, 2, 1))


def buckets(rows: list[tuple[float, float, float]], type_: int = 2) -> bytes:
    content = np.array(rows, dtype={1: "<f4", 2: "<f8"}[type_]).tobytes()
    shape = message(2, message(2, b"\x08" + varint(len(rows))) + message(2, b"\x08\x03"))
    return tensor("w", type_, message(4, content) if rows else b"", "histograms", shape)


def test_histograms_of_both_layouts_give_their_figures() -> None:
    old = [event(step, message(1, b"w") + message(5, histogram(-2.5, 4.0, 8, 2.0 * step))) for step in range(5)]
    series, _, notes = read(write(*old))
    assert {name: one.values.tolist() for name, one in series.items()} == {
        "w/min": [-2.5] * 5, "w/max": [4.0] * 5, "w/mean": [0.25 * step for step in range(5)], "w/num": [8.0] * 5,
    }  # fmt: skip
    assert series["w/min"].steps.tolist() == list(range(5)) and not notes
    rows = [(-3.0, -1.0, 0.0), (-1.0, 1.0, 6.0), (1.0, 3.0, 2.0)]
    for type_ in (1, 2):
        series, _, notes = read(write(event(7, buckets(rows, type_))))
        assert {name: one.values.tolist() for name, one in series.items()} == {
            "w/min": [-1.0], "w/max": [3.0], "w/mean": [0.5], "w/num": [8.0],
        }  # fmt: skip
        assert [note.text for note in notes] == [files.ROUGH]


def test_a_histogram_without_a_finite_value_is_not_a_number() -> None:
    rows = [(math.inf, math.nan, 0.0), (math.nan, math.nan, 0.0), (math.nan, -math.inf, 0.0)]
    series, _, _ = read(write(event(1, buckets([(0.0, 1.0, 2.0)])), event(2, buckets(rows))))
    assert series["w/mean"].texts == ("0.5", "nan") and series["w/min"].tally.nonfinite_count == 1
    assert len(series["w/num"]) == 1
    series, _, notes = read(write(event(1, buckets([])), event(2, buckets([(0.0, 0.0, 0.0)]))))
    assert not series and notes[0].text == "passed over: 2 empty histograms"


def test_histograms_against_torch(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    drawn = np.random.default_rng(5).standard_normal((20, 300))
    with tensorboard.SummaryWriter(tmp_path) as writer:
        for step, values in enumerate(drawn):
            writer.add_histogram("w", values, step)
    [path] = tmp_path.glob("*tfevents*")
    series, _, _ = read(path.read_bytes())
    assert series["w/min"].values.tolist() == drawn.min(axis=1).tolist()
    assert series["w/max"].values.tolist() == drawn.max(axis=1).tolist()
    assert series["w/num"].values.tolist() == [300.0] * 20
    np.testing.assert_allclose(series["w/mean"].values, drawn.mean(axis=1), atol=1e-12)


def test_steps_of_all_sizes_and_signs() -> None:
    steps = [0, 1, 127, 128, 16_383, 16_384, 2**31, 2**53, -1, 5]
    series, _, _ = read(write(*(event(step, scalar("x", 1.0)) for step in steps)))
    assert series["x"].steps.tolist() == steps


def test_layouts_of_equal_length_are_kept_apart() -> None:
    datas = [event(at % 100 + 1, scalar(f"tag{at % 90:03d}", at)) for at in range(900)]
    series, _, _ = read(write(*datas))
    assert len(series) == 90
    for at in range(90):
        assert series[f"tag{at:03d}"].values.tolist() == [float(at + 90 * turn) for turn in range(10)]


def test_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BATCH", 100)
    datas = [event(at, scalar("x", at), scalar("y", -at)) for at in range(200)]
    series, _, notes = read(write(*datas))
    assert not notes
    assert series["x"].values.tolist() == [float(at) for at in range(200)]
    assert series["y"].values.tolist() == [float(-at) for at in range(200)]


def test_memory_is_bounded() -> None:
    data = write(*(event(at, scalar("x", at)) for at in range(2 * LIMIT)))
    series, _, _ = read(data)
    assert len(series["x"]) == 2 * LIMIT and len(series["x"].values) <= LIMIT
    assert series["x"].last.value == 2 * LIMIT - 1


def test_too_many_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_series, "TAGS", 3)
    series, _, notes = read(write(*(event(1, scalar(f"t{at}", at)) for at in range(5))))
    assert len(series) == 3
    assert notes[-1].text == "too many tags, left out: 2 scalars of further tags"


def test_many_tags_of_one_length_and_many_values_in_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    datas = [event(turn, scalar(f"tag{at:04d}", at + turn)) for turn in range(3) for at in range(1500)]
    series, _, notes = read(write(*datas))
    assert len(series) == 1500 and not notes
    assert all(series[f"tag{at:04d}"].values.tolist() == [at, at + 1, at + 2] for at in range(0, 1500, 7))
    monkeypatch.setattr(messages, "CROWDED", 50)
    series, _, notes = read(write(event(1, *(scalar("x", at) for at in range(80)))))
    assert series["x"].values.tolist() == list(range(50))
    assert notes[0].text == "passed over: 30 values beyond the first 50 of an event"


def test_shapes_that_lie_cost_nothing() -> None:
    shape = message(2, b"".join(message(2, b"\x08" + varint(2**62)) for _ in range(500)))
    series, _, notes = read(write(event(1, tensor("x", 1, message(4, b"\0" * 4), shape=shape))))
    assert not series and notes[0].text == "passed over: 1 scalars"


# -- settings


@pytest.mark.parametrize(
    ("tag", "content", "expected"),
    [
        ("run/args/text_summary", '{\n "lr": 1e-05, "net": {"dim": 8, "amp": true}, "files": ["a"], "x": null}',
         {"lr": "1e-05", "net.dim": "8", "net.amp": "true", "x": "null"}),
        ("args", "lr: 0.001\nbeta1=0.5, beta2 = 0.9\noptimizer: adam",
         {"lr": "0.001", "beta1": "0.5", "beta2": "0.9", "optimizer": "adam"}),
        ("args", "Namespace(lr=0.1, name='a b', clip=None)", {"lr": "0.1", "name": "a b", "clip": "None"}),
        ("args", "|param|value|\n|-----|-----|\n|lr|0.0002|\n| **batch_size** | 64 |",
         {"param": "value", "lr": "0.0002", "batch_size": "64"}),
        ("command", "python train.py --lr 1e-5 --n-critic=5 --amp --mean -0.5",
         {"lr": "1e-5", "n-critic": "5", "mean": "-0.5"}),
        ("config/critic_pooling/text_summary", "amax", {"critic_pooling": "amax"}),
        ("note", "this run is the second try: the loss went up", {}),
        ("broken", '{"lr": 0.5, ', {"lr": "0.5"}),
        ("deep", "[" * 100_000, {}),
        ("deep", '{"a":' * 10_000, {}),
    ],
)  # fmt: skip
def test_settings_of_texts(tag: str, content: str, expected: dict[str, str]) -> None:
    _, stated, _ = read(write(event(0, text(tag, content))))
    assert {one.name: one.value for one in stated} == expected
    for one in stated:
        assert one.origin == "events" and one.place.file == "tb/events.out" and one.place.line is None
        assert tag in one.context and one.quote


def test_numbers_of_settings() -> None:
    _, stated, _ = read(write(event(0, text("args", '{"lr": 1e-05, "net": "mlp"}'))))
    assert [(one.number, one.quote) for one in stated] == [(1e-5, '"lr": 1e-05'), (None, '"net": "mlp"')]


def test_hyper_parameters() -> None:
    def entry(name: str, value: bytes) -> bytes:
        return message(1, message(1, name.encode()) + message(2, value))

    content = message(
        3,
        entry("lr", b"\x11" + struct.pack("<d", 1e-4)) + entry("net", message(3, b"mlp")) + entry("amp", b"\x20\x01"),
    )
    value = message(1, b"_hparams_/session_start_info") + plugin("hparams", content)
    _, stated, _ = read(write(event(0, value)))
    assert [(one.name, one.value, one.number) for one in stated] == [
        ("lr", "0.0001", 1e-4),
        ("net", "mlp", None),
        ("amp", "true", None),
    ]


# -- damage

RUN = write(*(event(at, scalar("x", at), scalar("longer/tag", -at)) for at in range(40)))
SIZE = len(record(event(5, scalar("x", 0), scalar("longer/tag", 0))))


def starts(data: bytes) -> list[int]:
    at, found = 0, []
    while at < len(data):
        found.append(at)
        at += 16 + struct.unpack_from("<Q", data, at)[0]
    return found


def test_empty_and_header_only() -> None:
    assert [note.text for note in read(b"")[2]] == ["the file is empty"]
    assert [note.text for note in read(HEADER)[2]] == ["no scalars in it"]


@pytest.mark.parametrize("cut", [1, 3, 11, 12, 20, SIZE - 1])
def test_cut_last_record(cut: int) -> None:
    last = starts(RUN)[-1]
    series, _, notes = read(RUN[: last + cut])
    assert len(series["x"]) == 39
    assert [note.text for note in notes] == [f"the last record is cut, at byte {last}, and was left out"]


def test_damaged_data_is_left_out() -> None:
    at = starts(RUN)[10]
    broken = bytearray(RUN)
    broken[at + 30] ^= 4
    series, _, notes = read(bytes(broken))
    assert len(series["x"]) == 39 and 9.0 not in series["x"].values
    assert [note.text for note in notes] == [
        f"the record at byte {at} is damaged (its checksum is wrong) and was left out"
    ]


@pytest.mark.parametrize("batch", [64, 1 << 20])
def test_damaged_length_is_passed(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BATCH", batch)
    at, following = starts(RUN)[10:12]
    for length in (2**60, 0, 5, 2**63):
        broken = RUN[:at] + struct.pack("<Q", length) + RUN[at + 8 :]
        series, _, notes = read(broken)
        assert len(series["x"]) == 39
        assert [note.text for note in notes] == [
            f"bytes {at} to {following - 1} are damaged; reading went on after them"
        ]
    series, _, notes = read(RUN[:at] + b"\0" * 5000)
    assert len(series["x"]) == 9
    assert [note.text for note in notes] == [f"damaged from byte {at} on; what follows was not read"]


def test_a_file_of_damage_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LOSSES", 5)
    broken = bytearray(RUN)
    for at in starts(RUN)[2::2]:
        broken[at + 9] ^= 1
    series, _, notes = read(bytes(broken))
    assert len(series["x"]) == 6
    assert [note.text.split()[0] for note in notes] == ["bytes"] * 5 + ["damaged"]


def test_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BATCH", 256)
    monkeypatch.setattr(records, "SEARCH", 1000)
    at = starts(RUN)[10]
    series, _, notes = read(RUN[:at] + b"\0" * 100_000 + RUN[at:])
    assert len(series["x"]) == 9 and len(notes) == 1


def test_huge_length_that_checks() -> None:
    length = struct.pack("<Q", 2**60)
    series, _, notes = read(RUN + length + masked(length) + b"\0" * 100)
    assert len(series["x"]) == 40
    assert [note.text for note in notes] == [f"the last record is cut, at byte {len(RUN)}, and was left out"]


def test_large_record_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LARGE", 3000)
    monkeypatch.setattr(records, "BATCH", 500)
    data = RUN + record(event(0) + message(4, b"\0" * 5000)) + record(event(99, scalar("x", 99)))
    series, _, notes = read(data)
    assert series["x"].values.tolist()[-1] == 99 and len(series["x"]) == 41
    assert "was passed over, its data not checked" in notes[0].text


def test_record_that_is_no_event() -> None:
    series, _, notes = read(write(b"\xff" * 20, event(1, scalar("x", 1)), b"\xff" * 20, b""))
    assert len(series["x"]) == 1
    assert len(notes) == 2 and "holds no event that can be read" in notes[0].text


@pytest.mark.parametrize("data", [b"loss=0.5\n" * 100, b"\0" * 1000, bytes(range(256)) * 20, b"PK\3\4", b"\x1f\x8b"])
def test_other_files(data: bytes) -> None:
    series, stated, notes = read(data)
    assert not series and not stated and len(notes) == 1


@pytest.mark.parametrize("size", [0, 1, 3, 4, 8, 9, 511, 512, 1023, 1024, 1025, 1536, 5000])
def test_checksums_of_all_lengths(size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, 6000, dtype=np.uint8).tobytes()
    starts_ = np.array([0, 1, 700], dtype=np.int64)
    lengths = np.array([size, 17, size], dtype=np.int64)
    expected = [masked(data[at : at + length]) for at, length in zip(starts_, lengths, strict=True)]
    assert [struct.pack("<I", one) for one in checksum.checksums(data, starts_, lengths)] == expected


HPARAMS = plugin("hparams", message(3, message(1, message(1, b"k") + message(2, b"\x20\x01"))))
MIX = write(
    event(0, text("a/text_summary", "lr: 0.1")),
    *(event(at, scalar("x", at), tensor("y", 1, message(4, b"\0\0\x80?"))) for at in range(5)),
    event(3, message(1, b"_hparams_") + HPARAMS),
)


def edited(data: bytes, edits: Iterable[tuple[int, bytes]]) -> bytes:
    for place, piece in edits:
        at = place % (len(data) + 1)
        data = data[:at] + piece + data[at + len(piece) :]
    return data


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=6), st.integers(0, 10_000))
def test_mutated_files(edits: list[tuple[int, bytes]], stop: int) -> None:
    read(edited(MIX, edits)[: stop % (len(MIX) + 1)])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=4)), max_size=6), st.integers(0, 20))
def test_mutated_events_whose_checksums_hold(edits: list[tuple[int, bytes]], which: int) -> None:
    places = starts(MIX)
    datas = [MIX[at + 12 : at + 12 + struct.unpack_from("<Q", MIX, at)[0]] for at in places]
    datas[which % len(datas)] = edited(datas[which % len(datas)], edits)
    read(b"".join(record(data) for data in datas * 2))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes(data: bytes, framed: bool) -> None:
    read(HEADER + record(data) if framed else data)


# -- real files, against TensorBoard's own reader

SPLIT = re.compile(r"#\d$")
FILES = sorted(SHARED.glob("corpus/*/*tfevents*")) + sorted(SHARED.glob("case/runs/*/logs_tensorboard/*/*tfevents*"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_against_tensorboard(path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    tensor_util = pytest.importorskip("tensorboard.util.tensor_util")

    expected: dict[str, list[tuple[int, float]]] = {}
    strings = 0
    for one in loader.LegacyEventFileLoader(str(path)).Load():
        for value in one.summary.value:
            if value.WhichOneof("value") == "simple_value":
                expected.setdefault(value.tag, []).append((one.step, value.simple_value))
            elif value.metadata.plugin_data.plugin_name == "scalars":
                number = float(tensor_util.make_ndarray(value.tensor))
                expected.setdefault(value.tag, []).append((one.step, number))
            strings += value.metadata.plugin_data.plugin_name == "text"
    with path.open("rb") as file:
        found, stated, _ = read_events(file, path.name)
    built = [one.build() for one in found if not one.form.startswith("histogram")]
    assert list(dict.fromkeys(SPLIT.sub("", one.name) for one in built)) == list(expected)
    for series in built:
        turn = SPLIT.search(series.name)
        many = len([one for one in built if SPLIT.sub("", one.name) == SPLIT.sub("", series.name)])
        points = expected[SPLIT.sub("", series.name)]
        if turn:
            points = points[int(turn[0][1:]) - 1 :: many]
        assert series.steps.tolist() == [step for step, _ in points]
        np.testing.assert_array_equal(series.values, np.array([value for _, value in points]))
        assert all(np.float32(shown) == np.float32(value) or value != value
                   for shown, value in zip(series.texts, series.values.tolist(), strict=True))  # fmt: skip
    assert bool(stated) == bool(strings)


@pytest.mark.skipif(not FILES, reason="the shared corpus is not beside this checkout")
def test_real_notes() -> None:
    def notes(name: str) -> list[str]:
        [path] = SHARED.glob(f"corpus/{name}/*tfevents*")
        return [note.text for note in read(path.read_bytes())[2]]

    assert notes("vanilla-notconverging")[0].startswith("the last record is cut, at byte 15715")
    assert notes("empty-tfevents") == ["no scalars in it"]
    assert notes("wgan-kdd-tfevents") == []
    rough, several, back = notes("timegan-normal1")
    assert rough == files.ROUGH
    assert several.endswith('"3. TimeGAN training - GAN/1. Unsupervised loss" (300 of 300 steps, 2 each)')
    assert back.startswith("steps go back") and back.endswith(" and 11 more tags")


def test_settings_of_the_case() -> None:
    found = sorted(SHARED.glob("case/runs/sick/logs_tensorboard/*/*tfevents*"))
    if not found:
        pytest.skip("the shared case is not beside this checkout")
    _, stated, _ = read(found[0].read_bytes())
    values = {one.name: (one.value, one.number) for one in stated}
    assert values["lr"] == ("1e-05", 1e-5) and values["critic_steps"] == ("2", 2.0)
    assert values["optimizer"] == ("sgd", None) and values["critic_pooling"] == ("amax", None)


def test_against_torch_writer(tmp_path: Path) -> None:
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    values = np.random.default_rng(3).standard_normal(500).astype(np.float32)
    with tensorboard.SummaryWriter(tmp_path) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("loss/critic", value, step * 1000)
            writer.add_scalar("loss/new", value, step, new_style=True)
        writer.add_text("args", "lr: 0.25")
        writer.add_hparams({"lr": 0.5, "amp": True, "net": "mlp", "dim": 64}, {"fid": 3.0}, run_name=".")
    stated: list[Setting] = []
    series: dict[str, Series] = {}
    for path in sorted(tmp_path.glob("*tfevents*")):
        found, more, _ = read(path.read_bytes())
        series, stated = series | found, stated + more
    assert series["loss/critic"].texts == tuple(str(value) for value in values)
    assert series["loss/new"].values.tolist() == values.astype(float).tolist()
    assert series["loss/critic"].steps.tolist() == [step * 1000 for step in range(500)]
    assert (stated[0].name, stated[0].value) == ("lr", "0.25")
    assert {one.name: one.value for one in stated[1:]} == {"lr": "0.5", "amp": "1", "net": "mlp", "dim": "64"}
