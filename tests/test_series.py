"""Series of any length: what is told about all records stays exact when points are folded."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wganlint import builder as module
from wganlint.builder import PLACES, Chunk, SeriesBuilder
from wganlint.series import Series, distinct
from wganlint.texts import BOUNDS

LIMIT, HEAD = 64, 12


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LIMIT", LIMIT)
        patch.setattr(module, "HEAD", HEAD)
        yield


@dataclass(frozen=True)
class Record:
    text: str
    step: float
    file: str = "a.log"


def chunk(records: list[Record], first_line: int) -> Chunk:
    lines = np.arange(first_line, first_line + len(records), dtype=np.int64)
    return Chunk(
        np.array([r.step for r in records], dtype=np.float64),
        np.array([float(r.text) for r in records], dtype=np.float64),
        [r.text for r in records],
        lines,
        np.full(len(records), 3, dtype=np.int64),
        [f"x={r.text}" for r in records],
        records[0].file,
    )


def build(records: list[Record], sizes: list[int]) -> Series:
    """Hand records over in chunks of these sizes, over and over, a new chunk where the file changes."""
    builder = SeriesBuilder("x")
    at = turn = 0
    while at < len(records):
        stop = at + sizes[turn % len(sizes)]
        part = [r for r in records[at:stop] if r.file == records[at].file]
        builder.extend(chunk(part, at + 1))
        at, turn = at + len(part), turn + 1
    assert len(builder) == len(records)
    return builder.build()


def numbered(texts: list[str]) -> list[Record]:
    return [Record(text, 10.0 * at) for at, text in enumerate(texts)]


TEXTS = st.lists(
    st.sampled_from(["0.5", "1", "-1.25", "nan", "inf", "-inf", "3e5", "-1e-05", "0.50"]), min_size=1, max_size=700
)
RUNS = st.lists(st.tuples(st.sampled_from(["1", "2.0", "nan", "-3"]), st.integers(1, 60)), min_size=1, max_size=20).map(
    lambda runs: [text for text, times in runs for _ in range(times)]
)
SIZES = st.lists(st.integers(1, 150), min_size=1, max_size=5)


@settings(max_examples=120, deadline=None)
@given(st.one_of(TEXTS, RUNS), SIZES)
def test_what_is_told_about_all_records_is_exact(texts: list[str], sizes: list[int]) -> None:
    series = build(numbered(texts), sizes)
    values = [float(text) for text in texts]
    bad = [at for at, value in enumerate(values) if not math.isfinite(value)]
    assert len(series) == series.tally.count == len(texts)
    assert (series.first.text, series.first.index) == (texts[0], 0)
    assert (series.last.text, series.last.index) == (texts[-1], len(texts) - 1)
    assert series.last.place.line == len(texts)
    assert series.tally.finite == len(texts) - len(bad)
    assert series.tally.nonfinite_count == len(bad)
    assert [point.index for point in series.tally.nonfinite] == bad[:PLACES]
    assert [point.place.line for point in series.tally.nonfinite] == [at + 1 for at in bad[:PLACES]]
    assert series.tally.printed == Counter(texts)


@settings(max_examples=120, deadline=None)
@given(st.one_of(TEXTS, RUNS), SIZES)
def test_the_longest_and_the_last_stretch_of_equal_text_are_exact(texts: list[str], sizes: list[int]) -> None:
    tally = build(numbered(texts), sizes).tally
    runs, start = [], 0
    for text, group in groupby(texts):
        length = len(list(group))
        runs.append((text, start, start + length - 1))
        start += length
    longest = max(runs, key=lambda run: (run[2] - run[1], -run[1]))
    assert tally.longest is not None and tally.trailing is not None
    assert (tally.longest.text, tally.longest.first, tally.longest.last) == longest
    assert (tally.trailing.text, tally.trailing.first, tally.trailing.last) == runs[-1]


@settings(max_examples=120, deadline=None)
@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=900), SIZES)
def test_folding_keeps_memory_flat_and_extremes_exact(numbers: list[int], sizes: list[int]) -> None:
    series = build(numbered([str(number) for number in numbers]), sizes)
    assert len(series.values) <= LIMIT
    assert series.folded == (len(series.values) < len(numbers))
    assert series.folded == (len(numbers) > LIMIT)
    assert series.values.min() == min(numbers)
    assert series.values.max() == max(numbers)
    assert series.index[int(series.values.argmin())] == numbers.index(min(numbers))
    assert series.index[int(series.values.argmax())] == numbers.index(max(numbers))
    assert (np.diff(series.index) > 0).all()
    for at, index in enumerate(series.index.tolist()):
        point = series.point(at)
        assert (point.value, point.text) == (numbers[index], str(numbers[index]))
        assert (point.place.line, point.step, point.quote) == (index + 1, 10.0 * index, f"x={numbers[index]}")


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 1500), SIZES)
def test_the_sample_is_even_in_time(count: int, sizes: list[int]) -> None:
    series = build(numbered([str(at % 7) for at in range(count)]), sizes)
    places = series.index[series.sample()]
    assert places[0] == 0
    assert len(set(np.diff(places).tolist())) <= 1
    gap = int(places[1]) if len(places) > 1 else 1
    assert count - places[-1] <= gap
    assert len(series.sample(5)) <= 5
    assert len(series.thumbnail(9)) <= 9


@settings(max_examples=120, deadline=None)
@given(st.one_of(TEXTS, RUNS), SIZES, st.integers(0, 30))
def test_the_first_records_are_all_kept(texts: list[str], sizes: list[int], most: int) -> None:
    series = build(numbered(texts), sizes)
    head = series.head()
    assert series.index[head].tolist() == list(range(len(head)))
    assert len(head) >= min(HEAD, len(texts))
    assert (len(head) == len(texts)) == (not series.folded)
    assert [series.texts[at] for at in head.tolist()] == texts[: len(head)]
    assert series.head(most).tolist() == head[:most].tolist()


@settings(max_examples=120, deadline=None)
@given(st.lists(st.integers(0, 899), max_size=20), SIZES)
def test_folding_keeps_the_first_non_finite_point_of_each_bucket(bad: list[int], sizes: list[int]) -> None:
    texts = ["nan" if at in bad else str(at % 9) for at in range(900)]
    series = build(numbered(texts), sizes)
    bucket = int(np.diff(series.index[series.sample()])[0])
    kept = series.index[~np.isfinite(series.values)].tolist()
    assert {at // bucket for at in kept} == {at // bucket for at in bad}
    assert {min(at for at in bad if at // bucket == place) for place in {at // bucket for at in bad}} <= set(kept)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), SIZES)
@example(1116, [1, 4])
def test_small_chunks_lose_no_more_detail_than_large_ones(count: int, sizes: list[int]) -> None:
    texts = [str(at % 7) for at in range(count)]
    assert len(build(numbered(texts), sizes).sample()) >= len(build(numbered(texts), [count]).sample()) / 4


def test_non_finite_values_are_no_extremes() -> None:
    texts = ["nan"] * 100 + ["5"] + ["inf"] * 100 + ["-7"] + ["-inf"] * 200
    series = build(numbered(texts), [50])
    finite = series.values[np.isfinite(series.values)]
    assert sorted({finite.min(), finite.max()}) == [-7, 5]
    assert series.tally.nonfinite_count == 400
    assert len(series.tally.nonfinite) == PLACES


@pytest.mark.parametrize(
    ("texts", "stuck"),
    [
        (["1", "nan", "2"], None),
        (["1", "nan", "nan"], 1),
        (["nan", "nan"], 0),
        (["1"] * 70 + ["nan"] * 300, 70),
        (["nan", "1"] * 100 + ["inf"], 200),
    ],
    ids=["over", "to-end", "always", "long", "late"],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_stretch_without_values_that_lasts_to_the_end_is_known(
    texts: list[str], stuck: int | None, size: int
) -> None:
    found = build(numbered(texts), [size]).tally.stuck
    assert (found.index if found else None) == stuck


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=900), SIZES)
def test_frequent_texts_are_counted_nearly_exactly(numbers: list[int], sizes: list[int]) -> None:
    texts = [str(number) for number in numbers]
    printed = build(numbered(texts), sizes).tally.printed
    assert len(printed) <= BOUNDS
    for text, times in Counter(texts).items():
        assert times - len(texts) / BOUNDS <= printed.get(text, 0) <= times


def test_points_know_their_file() -> None:
    records = [Record(str(at), at, "a.log" if at < 90 else "b.log") for at in range(200)]
    series = build(records, [40])
    assert series.files == ("a.log", "b.log")
    assert series.first.place.file == "a.log"
    assert series.last.place.file == "b.log"
    for at, index in enumerate(series.index.tolist()):
        assert series.point(at).place.file == ("a.log" if index < 90 else "b.log")


def test_the_axis_is_steps_only_where_each_record_has_one() -> None:
    assert build(numbered(["1", "2", "3"]), [3]).axis().tolist() == [0.0, 10.0, 20.0]
    some = [Record("1", 5.0), Record("2", math.nan), Record("3", 9.0)]
    assert build(some, [3]).axis().tolist() == [0.0, 1.0, 2.0]


def test_numbers_of_a_series_print_as_precisely_as_its_texts() -> None:
    assert build(numbered(["1.5", "nan", "0.0048", "2"]), [2]).decimals == 4
    assert build(numbered(["nan"]), [1]).decimals is None
    assert build(numbered(["1e-05"]), [1]).decimals == 5


def test_a_series_without_records_cannot_be_built() -> None:
    builder = SeriesBuilder("x")
    builder.extend(
        chunk([Record("1", 1.0)], 1).__class__(*[np.zeros(0)] * 2, [], *[np.zeros(0, np.int64)] * 2, [], "a")
    )
    with pytest.raises(ValueError, match="x has no records"):
        builder.build()


def test_many_series_share_what_they_keep_and_lose_no_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    from wganlint.builder import Share, shared

    head = 512
    monkeypatch.setattr(module, "LIMIT", 15_000)
    monkeypatch.setattr(module, "HEAD", head)
    draw = np.random.default_rng(0)
    count, rows = 60, 9_000
    values = draw.normal(size=(count, rows))
    values[:, 7_000] = np.nan
    share = Share(24 << 20)
    with shared(share):
        builders = [SeriesBuilder(f"m{at}") for at in range(count)]
        few = SeriesBuilder("few")
    none = np.zeros(500, dtype=np.int64)
    for first in range(0, rows, 500):
        for at, builder in enumerate(builders):
            part = values[at, first : first + 500]
            texts = [repr(value) for value in part.tolist()]
            builder.extend(Chunk(np.arange(first, first + 500.0), part, texts, none, none, [""] * 500, "a.log"))
    few.extend(Chunk(np.arange(500.0), values[0, :500], ["1"] * 500, none, none, [""] * 500, "a.log"))
    assert sum(builder.held for builder in builders) <= share.most == 24 << 20
    assert len(few.build().values) == 500  # the small ones are left alone
    for at, builder in enumerate(builders):
        series = builder.build()
        assert len(series) == rows and series.folded and len(series.values) >= head
        assert series.tally.nonfinite_count == 1 and series.tally.nonfinite[0].index == 7_000
        assert np.nanmin(series.values) == np.nanmin(values[at]) and np.nanmax(series.values) == np.nanmax(values[at])
        assert series.index[:head].tolist() == list(range(head))
        assert series.texts[-1] == repr(float(series.values[-1]))


@given(st.lists(st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 1e-300]), max_size=12))
def test_different_values_are_counted_as_numpy_counts_them(values: list[float]) -> None:
    assert distinct(np.array(values)) == len(np.unique(np.array(values)))
