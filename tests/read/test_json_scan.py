"""JSON lines read many at a time say the same as lines read one by one; long numbers are those of `float()`."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.read import digits, json_lines, lines
from wganlint.read.columns import read_json
from wganlint.read.json_lines import JsonLines
from wganlint.read.json_scan import LineScan

numbers = st.one_of(
    st.floats(allow_nan=False).map(repr),
    st.floats(-1e6, 1e6).map("{:.4f}".format),
    st.floats(-1e6, 1e6).map("{:.3e}".format),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["NaN", "nan", "-Infinity", "inf", "+nan", "0", "-0", "-0.0", "1E5", "00012"]),
    st.sampled_from(["+1", ".5", "5.", "-.5", "1.e5", "1,5", "0x1", "NAN", "INF", "--1", "-", "1_0", "1e", ""]),
)
words = st.sampled_from(
    ["train", "val", "2024-01-02 10:00:07", "2025-11-12 23:59:59", "épo 3", 'a \\" b', "run 1", "run 2"]
)
FORMS = (
    '{{"step": {0}, "d_loss": {1}, "g_loss": {2}}}',
    '{{"time": "{3}", "step": {0}, "loss_1": {1}, "note": "{4}", "loss_2": {2}}}',
    '{{"seed": {0}, "phase": "{3}", "step": {1}, "d": {{"num": 8, "mean": {2}, "std": 0.5}}}}',
    '{{"step": {0}, "d_loss": {1}, "d_loss": {2}, "ok": true}}',
    '{{"step": {0}, "d_loss": {1}, "run": "{3}"}}',
    '  {{ "step" :  {0} , "d_loss":\t{1}, "x": [{2}, 1] }}',
)
rows = st.tuples(st.sampled_from(FORMS), numbers, numbers, numbers, words, words).map(lambda r: r[0].format(*r[1:]))
others = st.sampled_from(["", "   ", "{", "not json", '{"step": 1', "[1, 2]", '{"step": 3} x'])
Told = tuple[list[object], list[str], int]


def _told(text: str) -> Told:
    reader = read_json(io.BytesIO(text.encode()), text.encode()[:4000], "log.jsonl")
    found: list[object] = []
    for sheet in reader.sheets.values():
        for run, every in sheet.by_run().items():
            for series in (builder.build() for builder in every):
                values = [struct.pack("d", value) for value in series.values.tolist()]
                steps = [struct.pack("d", value) for value in series.steps.tolist()]
                places = series.lines.tolist(), series.columns.tolist()
                found.append((run, series.key, series.texts, values, steps, places, list(series.quotes)))
    return found, [str(note) for note in reader.notes], reader.rows


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_many_at_a_time_is_the_same_as_one_by_one(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMS))
    mine = st.tuples(numbers, numbers, numbers, words, words).map(lambda r: form.format(*r))
    body = data.draw(st.lists(st.one_of(mine, mine, mine, rows, others), min_size=20, max_size=60))
    text = "\n".join(['{"step": 0, "d_loss": 0.5, "g_loss": 1}', *body])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", 1 << 11)
        patch.setattr(json_lines, "OFTEN", 10**9)
        slow = _told(text)
        patch.setattr(json_lines, "OFTEN", 1)
        fast = _told(text)
    assert fast == slow


def test_the_lines_are_really_read_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    real = JsonLines._match

    def spy(self: JsonLines, *given: object) -> object:
        nonlocal asked
        asked += 1
        return real(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(JsonLines, "_match", spy)
    line = '{{"time": "2024-01-02 10:{0:02}:{1:02}", "phase": "train", "step": {2}, "d_loss": {3!r}, "lr": 1e-05}}'
    text = "\n".join(line.format(at // 60 % 60, at % 60, at, at / 7) for at in range(20_000))
    found, notes, count = _told(text)
    assert count == 20_000 and not notes
    assert asked < 2_000  # those of the first block
    assert [one[1] for one in found] == ["d_loss", "lr"]  # type: ignore[index]


def test_a_label_with_digits_is_never_taken_for_another() -> None:
    text = "\n".join(
        json.dumps({"run": f"run{at // 600}", "step": at % 600, "d_loss": at / 4}) for at in range(3 * 600)
    )
    found, _, _ = _told(text)
    assert {one[0]: len(one[3]) for one in found} == {"run=run0": 600, "run=run1": 600, "run=run2": 600}  # type: ignore[index, misc]


def test_a_line_that_ends_in_digits_has_no_template() -> None:
    from wganlint.read.json_walk import leaves

    line = '{"step": 1, "d_loss": 2, "at": "10:00"}'
    assert LineScan.of(line, leaves(line), ["step", "d_loss"]) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False).map(repr),
            st.floats(-10, 10).map("{:.20f}".format),
            st.integers(-(10**30), 10**30).map(str),
            st.sampled_from(
                ["1e400", "-0.00000000000000000000", "00000000000000000001.5", "5.", "-0", ".12345678901234567890"]
            ),
            st.sampled_from(
                ["12345678901234567-8", "1.2345678901234567.8", "--12345678901234567", "123456789012345678x"]
            ),
        ).filter(lambda text: len(text) <= digits.WIDEST),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 5),
)
def test_long_numbers_are_those_of_float(texts: list[str], times: int) -> None:
    column = texts * (times * 30)
    windows = np.array(column, dtype=f"S{digits.WIDEST}").view(np.uint8).reshape(len(column), digits.WIDEST)
    lengths = np.array(list(map(len, column)))
    values, kept, good = digits.read_numbers(windows, lengths)
    assert [text.decode() for text in kept.tolist()] == column
    for text, value, fine in zip(column, values.tolist(), good.tolist(), strict=True):
        assert fine == digits.is_number(text), text
        assert not fine or struct.pack("d", value) == struct.pack("d", float(text)), text
