"""The condition language: what it takes, what it refuses and where it points, and what it answers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.detect.registry import ABSENT, Fact, Found, Missing
from wganlint.errors import ConditionError
from wganlint.rules.catalogue import catalogue
from wganlint.rules.condition import Condition, Scope, Shape, Unknown, parse
from wganlint.units import Kind, Quantity

FIELDS = {
    "share": Kind.RATIO,
    "bound": Kind.NUMBER,
    "onset": Kind.STEPS,
    "time": Kind.SECONDS,
    "records": Kind.POINTS,
    "name": Kind.TEXT,
    "both": Kind.FLAG,
}
SHAPE = Shape(
    {"always": FIELDS, "pin": FIELDS, "part": FIELDS, "é": FIELDS},
    frozenset({"always"}),
    {"low": Kind.NUMBER, "stay": Kind.RATIO, "word": Kind.TEXT},
)


def fact(**changes: Quantity | bool | str | float) -> Fact:
    values: dict[str, Quantity | bool | str] = {
        name: Quantity(0.5, kind) for name, kind in FIELDS.items() if kind not in (Kind.TEXT, Kind.FLAG)
    }
    values |= {"name": "loss", "both": True}
    for name, value in changes.items():
        values[name] = Quantity(value, FIELDS[name]) if isinstance(value, float) else value
    return Fact(values)


def scope(**finds: Found) -> Scope:
    known: dict[str, Found] = {"always": fact(), "pin": fact(), "part": fact(), "é": fact()}
    return Scope(known | finds, {"low": 1.0, "stay": 0.8, "word": "loss"})


def answer(text: str, **finds: Found) -> bool | Unknown:
    return parse(text, SHAPE).evaluate(scope(**finds))


def refusal(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse(text, SHAPE)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "pin",
        "True",
        "not pin",
        "pin and part or always",
        "(pin\n  and part)\n",
        "  pin  ",
        "always.share > 0.5",
        "0 < always.share <= stay",
        "always.share > stay * 2 - 1 / 3 + -low",
        "pin and pin.share > 0.5",
        "pin and (pin.share > 0.5 or pin.both)",
        "not pin or pin.share > 0.5",
        "not (not pin or not pin.both)",
        "not (not pin) and pin.both",
        "seen(pin) and pin.share > 0.5",
        "not seen(pin) or pin.share > 0.5",
        "(pin and part) and part.both and pin.both",
        "(pin and part or pin) and pin.both",
        "not (not pin or not part) and part.both",
        "always.name == 'loss' and always.name != word",
        'pin and pin.name == "a#b("',
        r'pin and pin.name == "a\"b"',
        "é and é.both",
        "always.both == True",
        "near(always.share, 1, 0.01)",
        "near(always.onset, 100, stay)",
        "abs(always.share - 1) < min(low, stay, 3)",
        "max(always.onset, 3) > 2",
        "always.share / always.bound < stay",
        "always.onset / always.onset < stay",
        "always.onset * 2 > 3 * always.onset",
        "always.bound == 1_000",
        "always.bound < 1e299",
    ],
)
def test_these_are_conditions(text: str) -> None:
    assert isinstance(parse(text, SHAPE), Condition)


REFUSED = [
    # text, line, column, part of what, part of the hint
    ("", 1, 1, "empty condition", "name a find"),
    ("  \n ", 1, 1, "empty condition", "name a find"),
    ("pin and", 1, 8, "not an expression", "names, find.field"),
    ("pin and\n", 1, 8, "not an expression", "names, find.field"),
    ("pin\n  && part", 2, 4, "not an expression", "and/or/not"),
    ("always.share = 1", 1, 1, "not an expression", ""),
    ("abs(always.share", 1, 4, "'(' is never closed", ""),
    ("((pin) and\n (part)", 1, 1, "'(' is never closed", ""),
    ("pin) or (pin", 1, 4, "')' closes nothing", ""),
    ("(pin]", 1, 5, "']' closes nothing", ""),
    ("pin # so", 1, 5, "no comments", "TOML line"),
    ("pin\x00", 1, 4, "control character", ""),
    ("always.name == 'é' and\n  foo", 2, 3, "unknown name 'foo'", "known here: always, low, part, pin"),
    ("always.name == 'éé' and foo", 1, 25, "unknown name 'foo'", "known here"),
    ("fo.share > 1", 1, 1, "unknown find 'fo'", "known here: always, part, pin"),
    ("pin and pin.sharee > 1", 1, 9, "pin has no field 'sharee'", "it has both, bound"),
    ("low.share > 1", 1, 1, "unknown find 'low'", "known here"),
    ("pin.share > 0.5", 1, 1, "pin.share is read where pin may be absent", "`pin and pin.share ...`"),
    ("pin or pin.share > 0.5", 1, 8, "pin may be absent", "pin and pin.share"),
    ("part and pin.share > 0.5", 1, 10, "pin may be absent", ""),
    ("pin.share > 0.5 and pin", 1, 1, "pin may be absent", ""),
    ("not pin and pin.share > 0.5", 1, 13, "pin may be absent", ""),
    ("(pin or part) and pin.both", 1, 19, "pin may be absent", ""),
    ("not (pin and part) or pin.both and part.bth", 1, 36, "part has no field", ""),
    ("not (pin or part) or pin.both", 1, 22, "pin may be absent", ""),
    ("pin == True and pin.both", 1, 17, "pin may be absent", ""),
    ("seen(3)", 1, 1, "seen takes the name of a find", "known here: always"),
    ("seen(low)", 1, 1, "seen takes the name of a find", ""),
    ("seen(pin, part)", 1, 1, "seen takes", ""),
    ("always.time + always.onset > 1", 1, 1, "seconds and steps cannot be added", ""),
    ("pin and always.time < always.onset", 1, 9, "seconds and steps cannot be compared", ""),
    ("always.onset * always.time > 1", 1, 1, "steps * seconds has no meaning", ""),
    ("1 / always.time > 1", 1, 1, "has no meaning", ""),
    ("max(always.onset, always.time) > 1", 1, 1, "cannot be compared", ""),
    ("near(always.onset, always.time, 0.1)", 1, 1, "cannot be compared", ""),
    ("near(always.bound, 1, always.onset)", 1, 23, "a tolerance is a share, not steps", "near("),
    ("near(always.bound, 1)", 1, 1, "near takes 3 arguments, not 2", ""),
    ("abs(1, 2) > 1", 1, 1, "abs takes 1 argument, not 2", ""),
    ("always.name < 'b'", 1, 1, "can only be == or !=", ""),
    ("always.name == 3", 1, 1, "can only be == or !=", ""),
    ("always.both > 0", 1, 1, "can only be == or !=", ""),
    ("always.both == 'yes'", 1, 1, "can only be == or !=", ""),
    ("always.name + 'b' == 'c'", 1, 1, "a number is needed here", ""),
    ("-always.both > 1", 1, 2, "a number is needed here", ""),
    ("always.share", 1, 1, "not a condition", "compare it"),
    ("'text'", 1, 1, "not a condition", "compare it"),
    ("3", 1, 1, "not a condition", "compare it"),
    ("pin and always.share", 1, 9, "join conditions", ""),
    ("not 3", 1, 5, "join conditions", ""),
    ("always.bound < 1e999", 1, 16, "must be finite", ""),
    ("always.bound < 1" + "0" * 400, 1, 16, "must be finite", ""),
    ("always.bound < 1" + "0" * 1900, 1, 16, "must be finite", ""),
    ("always.bound == None", 1, 17, "None is neither a number nor a text", ""),
    ("always.bound == 1j", 1, 17, "1j is neither", ""),
    ("always.name == b'x'", 1, 16, "b'x' is neither", ""),
    ("always.bound in (1, 2)", 1, 1, "In is not part", "comparisons"),
    ("always.bound ** 2 > 1", 1, 1, "Pow is not part", "+ - * /"),
    ("always.bound % 2 > 1", 1, 1, "Mod is not part", "+ - * /"),
    ("__import__('os')", 1, 1, "unknown function '__import__'", "known: abs, min, max, near, seen"),
    ("__import__('os').system('true')", 1, 1, "Call is not part", "names, find.field"),
    ("abs.__class__", 1, 1, "unknown find 'abs'", ""),
    ("always.__class__", 1, 1, "no field '__class__'", ""),
    ("always.name.upper", 1, 1, "Attribute is not part", ""),
    ("always.name.format(pin)", 1, 1, "Call is not part", ""),
    ("'{0.__class__}'.format(pin)", 1, 1, "Call is not part", ""),
    ("a.b.c.d", 1, 1, "Attribute is not part", ""),
    ("(lambda: pin)()", 1, 1, "Call is not part", ""),
    ("lambda: pin", 1, 1, "Lambda is not part", ""),
    ("f'{pin}'", 1, 1, "JoinedStr is not part", ""),
    ("(x := pin)", 1, 2, "NamedExpr is not part", ""),
    ("[pin for pin in always]", 1, 1, "ListComp is not part", ""),
    ("pin for pin in always", 1, 1, "GeneratorExp is not part", ""),
    ("min(*pin, 1) > 1", 1, 5, "Starred is not part", ""),
    ("min(a=1, b=2) > 1", 1, 1, "min takes no named arguments", ""),
    ("always['share'] > 1", 1, 1, "Subscript is not part", ""),
    ("pin if part else always", 1, 1, "IfExp is not part", ""),
    ("pin, part", 1, 1, "Tuple is not part", ""),
    ("yield pin", 1, 1, "Yield is not part", ""),
    ("await pin", 1, 1, "Await is not part", ""),
    ("pin is part", 1, 1, "Is is not part", ""),
    ("~pin", 1, 1, "UnaryOp is not part", ""),
    ("always.name == '\\d'", 1, 16, "invalid escape", ""),
    ("import os", 1, 1, "not an expression", ""),
    ("pin; part", 1, 4, "not an expression", ""),
    ("pin" + " and pin" * 500, 1, 1, "a condition of 4003 characters", "2000"),
    ("pin" * 33_334, 1, 1, "a condition of 100002 characters", "the most is 2000"),
]


@pytest.mark.parametrize(("text", "line", "column", "what", "hint"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_is_refused_says_where_and_what_to_do(text: str, line: int, column: int, what: str, hint: str) -> None:
    error = refusal(text)
    assert (error.line, error.column) == (line, column)
    assert what in error.what
    assert hint in error.hint


@pytest.mark.parametrize(
    "text",
    [
        "not " * 60 + "pin",
        "(" * 300 + "pin" + ")" * 300,
        "(" * 900 + "pin" + ")" * 900,
        "- " * 60 + "1 > 0",
        "1" + " + 1" * 60 + " > 0",
        "abs(" * 60 + "1" + ")" * 60 + " > 0",
        "not " * 450 + "pin",
        "a" + ".a" * 900,
        "[" * 150 + "]" * 150,
    ],
    ids=lambda text: text[:12],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    assert refusal(text).line == 1


def test_brackets_alone_do_not_make_a_condition_deep() -> None:
    assert answer("(" * 30 + "pin" + ")" * 30) is True


def test_nothing_of_a_condition_is_run(tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    for text in (
        f"open({str(witness)!r}, 'w')",
        f"__import__('pathlib').Path({str(witness)!r}).touch()",
        f"[open({str(witness)!r}, 'w') for _ in (1,)]",
        f"(lambda: open({str(witness)!r}, 'w'))()",
        f"f'{{open({str(witness)!r}, chr(119))}}' == 'a'",
        f"eval(\"open({witness.name!r}, 'w')\")",
    ):
        refusal(text)
    assert not witness.exists()


# -- what it answers ------------------------------------------------------------------------------------------------

GONE = Missing("a gap in the log")
LOST = Missing("the source")


@pytest.mark.parametrize(
    ("text", "finds", "expected"),
    [
        ("pin", {"pin": fact()}, True),
        ("pin", {"pin": ABSENT}, False),
        ("pin", {"pin": GONE}, ("a gap in the log",)),
        ("not pin", {"pin": ABSENT}, True),
        ("not pin", {"pin": GONE}, ("a gap in the log",)),
        ("pin and part", {"pin": ABSENT, "part": GONE}, False),
        ("pin and part", {"pin": GONE, "part": ABSENT}, False),
        ("pin and part", {"pin": GONE, "part": fact()}, ("a gap in the log",)),
        ("pin and part", {"pin": GONE, "part": LOST}, ("a gap in the log", "the source")),
        ("pin or part", {"pin": GONE, "part": fact()}, True),
        ("pin or part", {"pin": fact(), "part": GONE}, True),
        ("pin or part", {"pin": GONE, "part": ABSENT}, ("a gap in the log",)),
        ("pin or part", {"pin": GONE, "part": GONE}, ("a gap in the log",)),
        ("pin or part", {"pin": ABSENT, "part": ABSENT}, False),
        ("pin and pin.share > 0.4", {"pin": ABSENT}, False),
        ("pin and pin.share > 0.4", {"pin": GONE}, ("a gap in the log",)),
        ("pin and pin.share > 0.4", {"pin": fact(share=0.41)}, True),
        ("pin and pin.share > 0.4", {"pin": fact(share=0.4)}, False),
        ("not pin or pin.share > 0.4", {"pin": ABSENT}, True),
        ("not pin or pin.share > 0.4", {"pin": fact(share=0.1)}, False),
        ("seen(pin)", {"pin": GONE}, False),
        ("not seen(pin)", {"pin": GONE}, True),
        ("seen(pin) and pin.both", {"pin": GONE}, False),
        ("seen(pin) and pin.both", {"pin": fact(both=False)}, False),
        ("not (pin or part)", {"pin": GONE, "part": fact()}, False),
        ("1 > 2 and pin", {"pin": GONE}, False),
        ("pin and 1 > 2", {"pin": GONE}, False),
        ("1 < 2 or pin", {"pin": GONE}, True),
    ],
)  # fmt: skip
def test_truth_has_three_values(text: str, finds: dict[str, Found], expected: bool | tuple[str, ...]) -> None:
    result = answer(text, **finds)
    assert (result.missing if isinstance(result, Unknown) else result) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 < 2 < 3", True),
        ("1 < 2 < 2", False),
        ("always.share * 2 + 1 - 0.5 == 1.5", True),
        ("-always.share == -0.5", True),
        ("always.share != 0.5", False),
        ("abs(-3) == 3", True),
        ("min(3, 1, 2) == 1 and max(3, 1, 2) == 3", True),
        ("near(100, 101, 0.01)", True),
        ("near(100, 102, 0.01)", False),
        ("near(0, 0, 0)", True),
        ("near(-1, 1, 0.5)", False),
        ("always.name == word", True),
        ("always.name != 'loss'", False),
        ("always.both == False", False),
    ],
)
def test_numbers_and_texts_compare_as_usual(text: str, expected: bool) -> None:
    assert answer(text) is expected


def test_an_infinite_value_is_near_itself_only() -> None:
    near_five = "near(always.bound, 5, 0.1)"
    assert answer(near_five, always=fact(bound=math.inf)) is False
    assert answer("near(always.bound, always.bound, 0.1)", always=fact(bound=math.inf)) is True
    assert answer("always.bound > 5", always=fact(bound=math.inf)) is True


def test_a_division_by_zero_cannot_be_told() -> None:
    zero = fact(share=0.0)
    result = answer("1 / always.share > 2", always=zero)
    assert result == Unknown(("a divisor that is not zero",))
    assert answer("1 / always.share > 2 or pin", always=zero) is True
    assert answer("pin and 1 / always.share > 2", always=zero, pin=ABSENT) is False


def test_a_division_by_a_zero_of_numpy_cannot_be_told_either() -> None:
    zero = Fact({**fact().fields, "share": Quantity(np.float64(0.0), Kind.RATIO)})
    assert answer("1 / always.share > 2", always=zero) == Unknown(("a divisor that is not zero",))


def test_a_value_that_is_no_number_cannot_be_told() -> None:
    assert answer("always.bound > 2", always=fact(bound=math.nan)) == Unknown(("a finite bound",))
    assert answer("always.bound - always.bound > 2", always=fact(bound=math.inf)) == Unknown(("a finite number",))


def test_a_chain_of_comparisons_stops_at_what_is_false() -> None:
    text = "1 < 0 < always.bound"
    assert answer(text, always=fact(bound=math.nan)) is False


def test_what_a_condition_proves_is_what_texts_may_read() -> None:
    assert parse("pin and part", SHAPE).proves == {"pin", "part"}
    assert parse("pin and part or pin", SHAPE).proves == {"pin"}
    assert parse("pin or part", SHAPE).proves == frozenset()
    assert parse("not (not pin or part)", SHAPE).proves == {"pin"}
    assert parse("seen(pin) and 1 < 2", SHAPE).proves == {"pin"}


def test_given_finds_need_no_guard() -> None:
    assert parse("pin.both", SHAPE, given=frozenset({"pin"})).evaluate(scope()) is True


# -- fuzz -----------------------------------------------------------------------------------------------------------

VALID = [rule.condition.text for rule in catalogue().rules] + [
    "pin and (pin.share > 0.5 or near(pin.bound, low, 0.1))",
    "not pin or pin.share / pin.bound > stay and pin.name == 'loss'",
    "seen(part) and -part.onset < max(3, part.onset) and part.both != True",
]
WORDS = st.sampled_from(
    ["pin", "part", "always", ".share", ".name", ".both", " and ", " or ", " not ", "(", ")", " < ", " == ", " / ",
     " * ", " - ", "0", "1e308", "low", "word", "'a'", "abs(", "near(", "min(", "seen(", ",", "\n", "True", "[", "é",
     "{", "**", ":=", "lambda:", "\\", "\"", "#", ".", "\x00", "\t", "0x", "f'", "*"]
)  # fmt: skip
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
FOUND = st.one_of(
    st.just(ABSENT),
    st.just(GONE),
    st.builds(
        lambda numbers, name, both: Fact(
            {
                **{
                    field: Quantity(number, FIELDS[field])
                    for field, number in zip(("share", "bound", "onset", "time", "records"), numbers, strict=True)
                },
                "name": name,
                "both": both,
            }
        ),
        st.lists(st.one_of(NUMBERS, st.just(0.0)), min_size=5, max_size=5),
        st.sampled_from(["loss", "a", ""]),
        st.booleans(),
    ),
)
SCOPES = st.builds(
    lambda a, b, c, d, low, stay: Scope(
        {"always": a, "pin": b, "part": c, "é": d}, {"low": low, "stay": stay, "word": "loss"}
    ),
    FOUND.filter(lambda found: isinstance(found, Fact)), FOUND, FOUND, FOUND, NUMBERS, NUMBERS,
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 6)))
        text = text[:start] + draw(st.one_of(WORDS, st.text(max_size=3))) + text[stop:]
    return text


CONDITIONS = st.one_of(
    st.text(max_size=60), st.lists(WORDS, max_size=14).map("".join), mutations(), st.sampled_from(VALID)
)


@settings(max_examples=400, deadline=None)
@given(CONDITIONS, SCOPES)
def test_no_text_breaks_the_language(text: str, seen: Scope) -> None:
    try:
        condition = parse(text, SHAPE)
    except ConditionError as error:
        assert error.what
        lines = text.split("\n")
        assert error.line is not None and error.column is not None
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
        return
    result = condition.evaluate(seen)
    assert isinstance(result, bool) or result.missing


@settings(max_examples=150, deadline=None)
@given(SCOPES)
def test_what_proves_a_find_holds_only_with_it(seen: Scope) -> None:
    for text in VALID[-3:]:
        condition = parse(text, SHAPE)
        if condition.evaluate(seen) is True:
            assert all(isinstance(seen.finds[name], Fact) for name in condition.proves)
