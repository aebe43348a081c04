"""The judge of the readers is judged: a lost, changed, doubled or foreign record and a wrong axis are seen."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import absent, assign, axes, differences, kept

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.evidence import Place
from wganlint.run import Note, Run
from wganlint.series import Series

TEXTS = ("0.50", "nan", "1,200", "-0.0")
TRUTH = list(enumerate(TEXTS, start=3))
VALUES = (0.5, float("nan"), 1200.0, -0.0)


def series(name: str = "d_loss", key: str = "", **other: object) -> Series:
    columns = {"texts": TEXTS, "values": VALUES, "lines": (3, 4, 5, 6), "steps": (0.0, 1.0, 2.0, 3.0)} | other
    size = len(columns["values"])  # type: ignore[arg-type]
    builder = SeriesBuilder(name, key=key)
    builder.extend(
        Chunk(
            np.array(columns["steps"], dtype=np.float64), np.array(columns["values"], dtype=np.float64),
            list(columns["texts"]), np.array(columns["lines"], dtype=np.int64),  # type: ignore[call-overload]
            np.ones(size, dtype=np.int64), [""] * size, "train.log",
        )
    )  # fmt: skip
    return builder.build()


def test_the_same_records_are_no_difference() -> None:
    assert differences("d_loss", TRUTH, [series()]) == []


def test_records_of_two_series_are_joined_by_line() -> None:
    first = series(texts=TEXTS[::2], values=VALUES[::2], lines=(3, 5), steps=(0.0, 2.0))
    second = series("d_loss#2", texts=TEXTS[1::2], values=VALUES[1::2], lines=(4, 6), steps=(1.0, 3.0))
    assert differences("d_loss", TRUTH, [second, first]) == []


@pytest.mark.parametrize(
    "other",
    [
        {"texts": TEXTS[:3], "values": VALUES[:3], "lines": (3, 4, 5), "steps": (0, 1, 2)},
        {"texts": ("0.5", *TEXTS[1:])},
        {"values": (0.5000000000000001, *VALUES[1:])},
        {"values": (*VALUES[:3], 0.0)},
        {"values": (0.5, 1.0, 1200.0, -0.0)},
        {"lines": (3, 4, 5, 7)},
    ],
)
def test_each_other_record_is_a_difference(other: dict[str, object]) -> None:
    assert differences("d_loss", TRUTH, [series(**other)])


def test_a_record_read_twice_is_a_difference() -> None:
    assert differences("d_loss", TRUTH, [series(), series("d_loss [bar]")])


def test_series_are_known_by_key_form_and_place() -> None:
    names = ["loss [Epoch #]", "D(G(z))#2", "Loss/fake", "unknown"]
    run = Run("r", ".", series=tuple(series(name, key) for name, key in zip(names, ["loss", "", "", ""], strict=True)))
    of, rest = assign(["loss", "D(G(z))", "D(G(z))#2", "Loss/fake/mean"], [run])
    assert {key: [one.name for one in found] for key, found in of.items()} == {
        "loss": ["loss [Epoch #]"],
        "D(G(z))": [],
        "D(G(z))#2": ["D(G(z))#2"],
        "Loss/fake/mean": ["Loss/fake"],
    }
    assert [one.name for one in rest] == ["unknown"]
    assert absent(["unknown", "time"], [run]) == ["unknown"]


def test_an_axis_is_one_of_the_sound_ones_throughout() -> None:
    assert axes([(0, 9), (1, 9), (2, 9), (3, 9)], [series()]) == ""
    assert axes([(5, 10), (5, 11), (5, 12), (6, 0)], [series()])
    assert axes([(5, 10), (5, 11), (5, 12), (6, 13)], [series()]) == ""  # rises as the finer one does
    assert axes([(0,), (1,), (2,), (4,)], [series()])
    assert axes([(0,), (1,), (2,), (3,)], [series(steps=(np.nan,) * 4)])


def test_what_a_resume_repeats_may_be_left_out_if_told() -> None:
    later = series(texts=("nan", "1,200", "-0.0"), values=VALUES[1:], lines=(4, 5, 6), steps=(1.0, 2.0, 3.0))
    told = Run("r", ".", notes=(Note("records that a resume repeats: 1 earlier one is left out", Place("train.log")),))
    other = Run("r", ".", notes=(Note("2 earlier ones are left out", Place("train.log")),))
    assert kept(TRUTH, [1, 1, 2, 3], [later], [told]) == TRUTH[1:]
    assert kept(TRUTH, [0, 1, 2, 3], [later], [told]) == TRUTH  # training never went back to it
    assert kept(TRUTH, [1, 1, 2, 3], [later], [other]) == TRUTH
    assert kept(TRUTH, [1, 1, 2, 3], [later], []) == TRUTH
