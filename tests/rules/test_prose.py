"""Sentences of rules: what they may read, and that they print no more digits than the input did."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wganlint.detect.registry import ABSENT, Fact
from wganlint.errors import RuleError
from wganlint.rules.condition import Scope, Shape
from wganlint.rules.prose import parse
from wganlint.units import Kind, Quantity

FIELDS = {"loss": Kind.NUMBER, "share": Kind.RATIO, "times": Kind.FACTOR, "name": Kind.TEXT, "both": Kind.FLAG}
SHAPE = Shape({"pin": FIELDS, "part": FIELDS}, frozenset(), {"low": Kind.NUMBER, "word": Kind.TEXT})
PIN = frozenset({"pin"})


LOSS = Quantity(-1000.0048, decimals=4)


def said(text: str, loss: Quantity = LOSS, share: float = 0.5) -> str:
    fact = Fact({"loss": loss, "share": Quantity(share, Kind.RATIO), "times": Quantity(10.2, Kind.FACTOR),
                 "name": "{c_loss}", "both": True})  # fmt: skip
    return parse(text, SHAPE, PIN).fill(Scope({"pin": fact, "part": ABSENT}, {"low": 1e-6, "word": "Adam"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("at {pin.loss}", "at -1000.0048"),
        ("{pin.share} of it, {pin.times}", "50 % of it, 10x"),
        ("{pin.name}", "{c_loss}"),  # a value is never read again as a template
        ("{low} and {word}", "1e-06 and Adam"),
        ("a {{brace}} and {{pin.loss}}", "a {brace} and {pin.loss}"),
        ("{pin.loss}{pin.loss}", "-1000.0048-1000.0048"),
    ],
)
def test_holes_are_filled(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (Quantity(0.12345678, decimals=4), "0.1235"),
        (Quantity(0.1, decimals=4), "0.1000"),
        (Quantity(-0.00001, decimals=4), "0.0000"),
        (Quantity(2.0, decimals=0), "2"),
        (Quantity(0.12345678), "0.123"),
        (Quantity(1e-05, text="1e-05"), "1e-05"),
        (Quantity(-0.0), "0"),
    ],
)
def test_a_number_prints_as_precisely_as_it_came(loss: Quantity, expected: str) -> None:
    assert said("{pin.loss}", loss) == expected


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("a {pin.lost}", 3, "no field 'lost'"),
        ("a {pun.loss}", 3, "unknown find 'pun'"),
        ("{pin.loss} {part.loss}", 12, "may be absent"),
        ("a {pin.both}", 3, "flag"),
        ("a {pin}", 3, "unknown parameter 'pin'"),
        ("a {}", 3, "is not a place"),
        ("a {pin.loss", 3, "is not a place"),
        ("a } b", 3, "is not a place"),
        ("a {pin.loss.real}", 3, "is not a place"),
        ("a {pin[0]}", 3, "is not a place"),
        ("a {pin.loss!r}", 3, "is not a place"),
        ("a {pin.loss:>99999999}", 3, "is not a place"),
        ("a {pin.__class__}", 3, "no field"),
        ("a {0}", 3, "is not a place"),
        ("a { pin.loss }", 3, "is not a place"),
    ],
)
def test_what_is_no_hole_is_refused_at_its_column(text: str, column: int, what: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text, SHAPE, PIN)
    assert what in caught.value.what
    assert caught.value.column == column
    assert caught.value.hint


@pytest.mark.parametrize("text", ["`lr 1e-4`", "conv x1 of SAT001", "arXiv:1704.00028", "the L2 norm", "1-Lipschitz",
                                  "`a {pin.loss} 3`", "{pin.loss}", "fp32 and sha-256"])  # fmt: skip
def test_digits_in_names_and_code_are_no_claims(text: str) -> None:
    assert parse(text, SHAPE, PIN, numbers=False).text == text


@pytest.mark.parametrize(
    ("text", "column"), [("in 95 % of them", 4), ("{pin.loss} of 7", 15), ("`a 1` but 2", 11), ("-1000.5", 1)]
)
def test_a_literal_number_about_the_run_is_refused(text: str, column: int) -> None:
    with pytest.raises(RuleError, match="literal number") as caught:
        parse(text, SHAPE, PIN, numbers=False)
    assert caught.value.column == column


PIECES = st.sampled_from(
    ["{", "}", "{{", "}}", "{pin.loss}", "{pin.share}", "{part.loss}", "pin", ".", " ", "7", "`", "\n"]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_any_text_is_either_refused_or_filled(text: str) -> None:
    try:
        parse(text, SHAPE, PIN)
    except RuleError as error:
        assert error.column is not None and 1 <= error.column <= len(text)
    else:
        values = {"{{": "{", "}}": "}", "{pin.loss}": "-1000.0048", "{pin.share}": "50 %"}
        pieces = re.findall(r"\{\{|\}\}|\{[a-z.]+\}|[^{}]", text)
        assert said(text) == "".join(values.get(piece, piece) for piece in pieces)
