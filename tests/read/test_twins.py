"""One quantity in two inputs is one series; many series are compared no more than they must be."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.read import twins
from wganlint.read.twins import AGREE, COMMON, COMMON_NAMELESS, DISTINCT, merge
from wganlint.series import Series


def series(key: str, steps: list[float], texts: list[str], file: str = "run.out", kind: str = "text") -> Series:
    builder = SeriesBuilder(key, kind=kind)
    count = len(steps)
    builder.extend(
        Chunk(
            np.array(steps, dtype=np.float64), np.array([float(text) for text in texts], dtype=np.float64), texts,
            np.arange(1, count + 1), np.ones(count, dtype=np.int64), [f"{key}={text}" for text in texts], file,
        )
    )  # fmt: skip
    return builder.build()


def many(count: int, steps: int, file: str, name: str, seed: int = 0, decimals: int = 4) -> list[Series]:
    values = np.random.default_rng(seed).normal(size=(count, steps))
    axis = [float(step) for step in range(steps)]
    return [series(name.format(at), axis, [f"{v:.{decimals}f}" for v in row], file) for at, row in enumerate(values)]


def slow(main: list[Series], others: list[Series]) -> list[int | None]:
    """Return the twin of each by comparing each pair, named ones first: what `merge` must come to."""
    found: list[int | None] = []
    for other in others:
        named = [at for at, one in enumerate(main) if alike(one.key, other.key)]
        sure = [at for at in named if agree(main[at], other, COMMON, AGREE)]
        nameless = [
            at
            for at, one in enumerate(main)
            if agree(one, other, COMMON_NAMELESS, 1.0)
            and (pair(one, other)[2] >= DISTINCT or twins._related(one.key, other.key))
        ]
        found.append((sure or nameless or [None])[0])
    return found


def alike(key: str, other: str) -> bool:
    mine = twins._tokens(key)
    return bool(mine) and mine in (twins._tokens(other), twins._tokens(re.split(r"[/.]", other)[-1]))


def agree(one: Series, two: Series, least: int, share: float) -> bool:
    common, equal, _ = pair(one, two)
    return common >= least and equal >= share * common


def pair(one: Series, two: Series) -> tuple[int, int, int]:
    if np.isnan(one.steps).any() or np.isnan(two.steps).any():
        return 0, 0, 0
    left = dict(zip(one.steps.tolist(), one.values.tolist(), strict=True))  # the last record of a step counts
    right = dict(zip(two.steps.tolist(), two.values.tolist(), strict=True))
    shared = sorted(left.keys() & right.keys())
    slack = sum(0.5 * 10.0**-s.decimals for s in (one, two) if s.decimals is not None and s.kind != "events")
    same = 0
    for step in shared:
        a, b = left[step], right[step]
        both_nan = math.isnan(a) and math.isnan(b)
        same += both_nan or a == b or abs(a - b) <= slack * 1.001 + 2e-7 * np.maximum(abs(a), abs(b))
    return len(shared), same, len({str(left[step]) for step in shared})


def twin_of(main: list[Series], others: list[Series]) -> list[int | None]:
    told: list[int | None] = []
    for at, other in enumerate(others):
        merged = merge(main, [other])
        told.append(next((i for i, one in enumerate(merged[: len(main)]) if one.also_in), None))
        assert len(merged) == len(main) + (told[at] is None)
    return told


NAMES = st.sampled_from(["loss", "c_loss", "train/c_loss", "layer_1", "layer_2", "w_gap", "w_gap_ma_500", "x", "z/y"])
PLAIN = st.lists(st.sampled_from(["0", "1", "1.5", "2", "-3", "nan", "inf"]), min_size=12, max_size=12)
AXIS = st.sampled_from(
    [
        [float(n) for n in range(12)],
        [float(2 * n) for n in range(12)],
        [float(n % 7) for n in range(12)],
        [float(n) for n in range(11)] + [math.nan],
        [float(n) for n in range(9, 21)],
    ]
)
POOL = st.lists(PLAIN, min_size=1, max_size=4)


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Series], list[Series]]:
    pool = draw(POOL)

    def one(file: str) -> Series:
        texts = list(draw(st.sampled_from(pool)))
        if draw(st.booleans()):
            texts[draw(st.integers(0, 11))] = draw(st.sampled_from(["1.52", "7", "nan"]))
        return series(draw(NAMES), draw(AXIS), texts, file, draw(st.sampled_from(["text", "events"])))

    main = [one("a.out") for _ in range(draw(st.integers(1, 12)))]
    return main, [one("b.err") for _ in range(draw(st.integers(1, 6)))]


@settings(max_examples=300, deadline=None)
@given(pools())
def test_twins_are_those_that_comparing_each_pair_finds(both: tuple[list[Series], list[Series]]) -> None:
    main, others = both
    expected = slow(main, others)
    assert twin_of(main, others) == expected
    merged = merge(main, others)
    paths = [("b.err",) if at in expected else () for at in range(len(main))]
    assert [one.also_in for one in merged[: len(main)]] == paths
    rest = [other for other, at in zip(others, expected, strict=True) if at is None]
    assert [one is other for one, other in zip(merged[len(main) :], rest, strict=True)] == [True] * len(rest)


@pytest.mark.parametrize(
    ("mine", "its", "seed", "merged"),
    [
        ("alpha_{0}", "beta_{0}", 0, True),  # only the values tell
        ("layer_{0}_loss", "layer_{0}_loss", 0, True),  # digits do not make a name: all names are alike
        ("alpha_{0}", "beta_{0}", 1, False),
        ("layer_{0}_loss", "layer_{0}_loss", 1, False),
    ],
    ids=["nameless", "alike", "nameless-other", "alike-other"],
)
def test_a_series_is_compared_with_few_others(
    monkeypatch: pytest.MonkeyPatch, mine: str, its: str, seed: int, merged: bool
) -> None:
    count = 60
    compared, shared = [], []
    compare, share = twins._compare, twins._shared
    monkeypatch.setattr(twins, "_compare", lambda *args: (compared.append(1), compare(*args))[1])
    monkeypatch.setattr(twins, "_shared", lambda *args: (shared.append(1), share(*args))[1])
    main, others = many(count, 300, "a.out", mine), many(count, 300, "b.err", its, seed)
    result = merge(main, others)
    assert len(result) == (count if merged else 2 * count)
    assert all(one.also_in == (("b.err",) if merged else ()) for one in result[:count])
    assert len(compared) <= 2 * count
    assert len(shared) == 1  # all series of an input stand on the same steps


def test_series_that_never_move_are_not_compared_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    compare = twins._compare
    monkeypatch.setattr(twins, "_compare", lambda *args: (compared.append(1), compare(*args))[1])
    axis, zeros = [float(n) for n in range(100)], ["0.000"] * 100
    names = ["".join(chr(97 + (at // 26**digit) % 26) for digit in range(3)) for at in range(80)]
    main = [series("m" + name, axis, zeros, "a.out") for name in names]
    others = [series("q" + name, axis, zeros, "b.err") for name in names]
    assert len(merge(main, others)) == 160
    assert len(compared) <= 160


def test_coarse_series_are_told_apart() -> None:
    """Printed to one decimal many points agree by chance; the whole of them decides."""
    main = many(60, 200, "a.out", "alpha_{0}", decimals=0)
    assert len(merge(main, many(60, 200, "b.err", "beta_{0}", 3, decimals=0))) == 120
    assert len(merge(main, many(60, 200, "b.err", "beta_{0}", decimals=0))) == 60
