"""Kinds of number: what combines with what, and how numbers print."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wganlint.units import Kind, KindError, Quantity, combine, decimals, fixed, show

BARE = None
ALIKE = ["+", "-", "<", "==", "min", "max"]
NUMERIC = [kind for kind in Kind if kind not in (Kind.TEXT, Kind.FLAG)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0048", 4),
        ("-1000.0000", 4),
        ("12", 0),
        ("-12", 0),
        ("12.", 0),
        (".5", 1),
        ("-.25", 2),
        ("1e-05", 5),
        ("1.5e-5", 6),
        ("2.50e1", 1),
        ("1e5", 0),
        ("1E+5", 0),
        ("1,234.50", 2),
        ("1_000.5", 1),
        ("12.5%", 1),
        ("x0.25", 2),
        ("nan", None),
        ("-inf", None),
        ("", None),
        ("1e-99999999999999999999", None),
    ],
)
def test_decimals_are_those_that_were_printed(text: str, expected: int | None) -> None:
    assert decimals(text) == expected


@pytest.mark.parametrize("operator", ALIKE)
@pytest.mark.parametrize("kind", NUMERIC)
def test_like_kinds_and_bare_numbers_add_and_compare(operator: str, kind: Kind) -> None:
    assert combine(operator, kind, kind) == kind
    assert combine(operator, kind, BARE) == kind
    assert combine(operator, BARE, kind) == kind


@pytest.mark.parametrize("operator", ALIKE)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Kind.SECONDS, Kind.STEPS),
        (Kind.STEPS, Kind.POINTS),
        (Kind.BYTES, Kind.COUNT),
        (Kind.NUMBER, Kind.SECONDS),
        (Kind.RATIO, Kind.POINTS),
    ],
)
def test_unlike_kinds_do_not(operator: str, left: Kind, right: Kind) -> None:
    for pair in ((left, right), (right, left)):
        with pytest.raises(KindError, match=r"cannot be (added|subtracted|compared)"):
            combine(operator, *pair)


@pytest.mark.parametrize("pair", [(Kind.NUMBER, Kind.RATIO), (Kind.RATIO, Kind.FACTOR), (Kind.FACTOR, Kind.NUMBER)])
def test_pure_numbers_mix(pair: tuple[Kind, Kind]) -> None:
    for operator in [*ALIKE, "*", "/"]:
        assert combine(operator, *pair) in pair


@pytest.mark.parametrize(
    ("operator", "left", "right", "expected"),
    [
        ("*", BARE, BARE, None),
        ("*", Kind.STEPS, BARE, Kind.STEPS),
        ("*", BARE, Kind.STEPS, Kind.STEPS),
        ("*", Kind.RATIO, Kind.SECONDS, Kind.SECONDS),
        ("*", Kind.SECONDS, Kind.FACTOR, Kind.SECONDS),
        ("*", Kind.RATIO, BARE, Kind.RATIO),
        ("/", BARE, BARE, None),
        ("/", Kind.SECONDS, Kind.SECONDS, Kind.RATIO),
        ("/", Kind.NUMBER, Kind.NUMBER, Kind.RATIO),
        ("/", Kind.SECONDS, BARE, Kind.SECONDS),
        ("/", Kind.STEPS, Kind.FACTOR, Kind.STEPS),
        ("/", BARE, Kind.RATIO, None),
    ],
)
def test_products_and_quotients(operator: str, left: Kind | None, right: Kind | None, expected: Kind | None) -> None:
    assert combine(operator, left, right) == expected


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [
        ("*", Kind.STEPS, Kind.SECONDS),
        ("*", Kind.BYTES, Kind.BYTES),
        ("/", Kind.STEPS, Kind.SECONDS),
        ("/", BARE, Kind.SECONDS),
        ("/", Kind.NUMBER, Kind.SECONDS),
        ("+", Kind.TEXT, Kind.TEXT),
        ("<", Kind.FLAG, Kind.FLAG),
        ("*", Kind.TEXT, BARE),
        ("==", Kind.TEXT, BARE),
        ("==", Kind.FLAG, Kind.TEXT),
        ("==", Kind.NUMBER, Kind.TEXT),
        ("**", Kind.NUMBER, Kind.NUMBER),
    ],
)
def test_what_has_no_meaning_is_refused(operator: str, left: Kind | None, right: Kind | None) -> None:
    with pytest.raises(KindError):
        combine(operator, left, right)


def test_texts_and_flags_are_equal_to_their_like() -> None:
    assert combine("==", Kind.TEXT, Kind.TEXT) is Kind.TEXT
    assert combine("==", Kind.FLAG, Kind.FLAG) is Kind.FLAG


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.0, Kind.RATIO, "0 %"),
        (-0.0, Kind.RATIO, "0 %"),
        (0.0004, Kind.RATIO, "under 0.1 %"),
        (0.001, Kind.RATIO, "0.1 %"),
        (0.0123, Kind.RATIO, "1.2 %"),
        (0.0999, Kind.RATIO, "10 %"),
        (0.456, Kind.RATIO, "46 %"),
        (0.99, Kind.RATIO, "99 %"),
        (0.991, Kind.RATIO, "99.1 %"),
        (0.9995, Kind.RATIO, "over 99.9 %"),
        (0.99999999, Kind.RATIO, "over 99.9 %"),
        (1.0, Kind.RATIO, "100 %"),
        (2.5, Kind.RATIO, "250 %"),
        (-0.0004, Kind.RATIO, "-0.04 %"),
        (-0.456, Kind.RATIO, "-46 %"),
        (-0.9995, Kind.RATIO, "-99.9 %"),
        (-1.0, Kind.RATIO, "-100 %"),
        (10.0, Kind.FACTOR, "10x"),
        (1234.0, Kind.FACTOR, "1234x"),
        (0.333, Kind.FACTOR, "0.33x"),
        (20.0, Kind.POINTS, "20"),
        (-0.0, Kind.STEPS, "0"),
        (2.5, Kind.STEPS, "2.5"),
        (1e6, Kind.COUNT, "1000000"),
        (90.04, Kind.SECONDS, "90 s"),
        (0.0123, Kind.SECONDS, "12.3 ms"),
        (0.0000123, Kind.SECONDS, "12.3 us"),
        (-0.0, Kind.SECONDS, "0 s"),
        (512, Kind.BYTES, "512 B"),
        (-1e-9, Kind.BYTES, "0 B"),
        (1536, Kind.BYTES, "1.5 KiB"),
        (3 * 2**30, Kind.BYTES, "3 GiB"),
        (-0.0, Kind.NUMBER, "0"),
        (0.000012345, Kind.NUMBER, "1.23e-05"),
        (12345.678, Kind.NUMBER, "12346"),
        (math.nan, Kind.RATIO, "nan"),
        (math.inf, Kind.STEPS, "inf"),
        (-math.inf, Kind.BYTES, "-inf"),
    ],
)
def test_each_kind_prints_in_its_own_way(value: float, kind: Kind, expected: str) -> None:
    assert show(Quantity(value, kind)) == expected


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (-1000.0048, 4, "-1000.0048"),
        (-0.00004, 4, "0.0000"),
        (-0.0, 2, "0.00"),
        (-0.4, 0, "0"),
        (-0.6, 0, "-1"),
        (2.0, 1, "2.0"),
        (1.23456, 2, "1.23"),
        (1e-12, 12, "0.000000000001"),
        (1.23456, 30, "1.23"),
        (-0.0, None, "0"),
        (1e300, 2, "1e+300"),
    ],
)
def test_a_number_keeps_the_decimals_of_its_input(value: float, places: int | None, expected: str) -> None:
    assert fixed(value, places) == expected


def test_the_text_of_the_input_wins() -> None:
    assert show(Quantity(1000.0, Kind.RATIO, 4, "1000.0000")) == "1000.0000"


@given(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(NUMERIC), st.one_of(st.none(), st.integers(0, 20))
)
def test_no_number_prints_as_minus_zero_or_with_more_decimals_than_given(
    value: float, kind: Kind, places: int | None
) -> None:
    text = show(Quantity(value, kind, places))
    assert not re.match(r"-0(\.0*)?( |x|$)", text)
    if kind is Kind.NUMBER and places is not None and "e" not in text and len(f"{value:.{places}f}") <= 18:
        assert len(text.partition(".")[2]) == places
