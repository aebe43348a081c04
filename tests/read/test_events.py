"""TensorBoard event files: both layouts of scalars, texts, hyper-parameters, and every kind of damage."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.read import events
from wganlint.read.events import read_events
from wganlint.run import Note, Setting
from wganlint.series import LIMIT, Series

SHARED = Path(__file__).parents[2].parent / "shared"


# -- a writer, independent of the reader


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, *values: bytes, wall: float = 1.7e9) -> bytes:
    summary = message(5, b"".join(message(1, value) for value in values)) if values else b""
    return b"\x09" + struct.pack("<d", wall) + (b"\x10" + varint(step) if step else b"") + summary


def scalar(tag: str, value: float) -> bytes:
    return message(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def plugin(name: str, content: bytes = b"") -> bytes:
    return message(9, message(1, message(1, name.encode()) + (message(2, content) if content else b"")))


def tensor(tag: str, type_: int, rest: bytes, name: str = "scalars", shape: bytes = b"\x12\x00") -> bytes:
    return message(1, tag.encode()) + message(8, b"\x08" + varint(type_) + shape + rest) + plugin(name)


def text(tag: str, content: str) -> bytes:
    return tensor(tag, 7, message(8, content.encode()), "text")


HEADER = record(b"\x09" + struct.pack("<d", 1.7e9) + message(3, b"brain.Event:2"))


def write(*datas: bytes) -> bytes:
    return HEADER + b"".join(record(data) for data in datas)


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
            event(1, message(1, b"i") + message(5, b"")),
            event(1) + message(4, b"graph"),
        )
    )
    assert not series and not stated
    assert "1 histograms" not in notes[0].text and "2 histograms" in notes[0].text
    assert "1 images" in notes[0].text and "1 graphs" in notes[0].text and "1 scalars" in notes[0].text


def test_tag_written_twice_per_step_stays_in_order() -> None:
    datas = [event(step, scalar("x", step + part)) for step in range(300) for part in (0.0, 0.5)]
    series, _, _ = read(write(*datas))
    assert series["x"].steps.tolist() == [step for step in range(300) for _ in (0, 1)]
    assert series["x"].values.tolist() == [step + part for step in range(300) for part in (0.0, 0.5)]


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
    monkeypatch.setattr(events, "BATCH", 100)
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


def test_series_go_on_in_a_second_file() -> None:
    first, _, _ = read_events(io.BytesIO(write(event(1, scalar("x", 1.0)))), "a")
    into = {"x": first[0]}
    second, _, _ = read_events(io.BytesIO(write(event(2, scalar("x", 2.0)), event(2, scalar("y", 3.0)))), "b", into)
    built = second[0].build()
    assert second[0] is first[0] and [one.name for one in second] == ["x", "y"]
    assert (built.values.tolist(), built.files, built.decimals) == ([1.0, 2.0], ("a", "b"), None)


def test_too_many_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "TAGS", 3)
    series, _, notes = read(write(*(event(1, scalar(f"t{at}", at)) for at in range(5))))
    assert len(series) == 3
    assert notes[-1].text == "passed over: 2 scalars of further tags"


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
    monkeypatch.setattr(events, "BATCH", batch)
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
    monkeypatch.setattr(events, "LOSSES", 5)
    broken = bytearray(RUN)
    for at in starts(RUN)[2::2]:
        broken[at + 9] ^= 1
    series, _, notes = read(bytes(broken))
    assert len(series["x"]) == 6
    assert [note.text.split()[0] for note in notes] == ["bytes"] * 5 + ["damaged"]


def test_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BATCH", 256)
    monkeypatch.setattr(events, "SEARCH", 1000)
    at = starts(RUN)[10]
    series, _, notes = read(RUN[:at] + b"\0" * 100_000 + RUN[at:])
    assert len(series["x"]) == 9 and len(notes) == 1


def test_huge_length_that_checks() -> None:
    length = struct.pack("<Q", 2**60)
    series, _, notes = read(RUN + length + masked(length) + b"\0" * 100)
    assert len(series["x"]) == 40
    assert [note.text for note in notes] == [f"the last record is cut, at byte {len(RUN)}, and was left out"]


def test_large_record_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGE", 3000)
    monkeypatch.setattr(events, "BATCH", 500)
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
    assert [struct.pack("<I", one) for one in events._checksums(data, starts_, lengths)] == expected


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
    assert [one.name for one in found] == list(expected)
    for builder in found:
        series = builder.build()
        points = expected[series.name]
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
    assert notes("timegan-normal1") == ["passed over: 498 histograms"]


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
