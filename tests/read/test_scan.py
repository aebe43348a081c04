"""Reading at speed changes nothing: templates and masks against the tokenizer, number for number."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from wganlint.read import lines as lines_module
from wganlint.read import shapes as shapes_module
from wganlint.read import text as text_module
from wganlint.read.digits import WIDEST, read_numbers
from wganlint.read.kept import TABLES
from wganlint.read.rows import Rows
from wganlint.read.scan import Lines, template_of
from wganlint.read.text import TextFacts, TextReader
from wganlint.read.tokens import bar_of, fields_of, is_number

BLOCK = 900


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Blocks of a few lines, and templates from the second one on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "BLOCK", BLOCK)
        patch.setattr(text_module, "STUDY_AT", 1)
        yield


def facts_of(data: bytes, how: str) -> TextFacts:
    with pytest.MonkeyPatch.context() as patch:
        if how == "patterns":
            patch.setattr(text_module, "STUDY_AT", 1 << 40)
        return TextReader(learn=how != "tokenizer").read(io.BytesIO(data), "x.log")


def dump(facts: TextFacts) -> object:
    """Everything that a file gave, comparable (nan equals nan)."""
    found = {}
    for builder in facts.series:
        one = builder.build()
        found[one.kind, one.form, one.name] = (
            one.step_key, one.unit, one.decimals, one.steps.tobytes(), one.values.tobytes(), one.texts,
            one.lines.tolist(), one.columns.tolist(), one.quotes, one.index.tolist(), one.sampled.tolist(),
            repr(one.tally), repr(one.first), repr(one.last),
        )  # fmt: skip
    tables = [astuple(table) for table in facts.tables]
    notes = sorted((note.text, repr(note.place)) for note in facts.notes)
    return found, repr(facts.settings), tables, notes, facts.restarts, facts.records, facts.fed


def alike(data: bytes) -> TextFacts:
    """Read in all three ways, see that they agree, and return what was read."""
    slow = facts_of(data, "tokenizer")
    expected = dump(slow)
    assert dump(facts_of(data, "patterns")) == expected
    assert dump(facts_of(data, "templates")) == expected
    return slow


printed = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:+.4f}"),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.3g}"),
    st.floats().map(lambda value: f"{value:.3e}"),
    st.floats().map(lambda value: f"{value:.15g}"),
    st.integers(-(10**20), 10**20).map(str),
    st.from_regex(r"[-+]?([0-9]{1,16}\.?[0-9]{0,16}|\.[0-9]{1,17})([eE][-+]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(["nan", "NaN", "-nan", "inf", "-inf", "+Infinity", ".5", "5.", "-0.0", "-0", "1e-05", "00012", "0e999",
                     "1e22", "1e23", "9007199254740993", "123456789012345e22", "123456789012345e-22", "4.9e-324"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(printed, min_size=1, max_size=60))
@example(["1.7976931348623157e308", "2.2250738585072014e-308", "0.1", "-.5e-3"])
def test_numbers_equal_float_to_the_last_bit(texts: list[str]) -> None:
    texts = [text for text in texts if len(text) <= WIDEST]
    if not texts:
        return
    block = Lines(Rows.cut("=".join(texts).encode())[0])
    sizes = np.array([len(text) for text in texts])
    starts = np.cumsum(sizes + 1) - sizes - 1
    width = -(-int(sizes.max()) // 8) * 8
    values, kept, good = read_numbers(block.windows(starts, width), sizes)
    assert good.all()
    assert [text.decode() for text in kept.tolist()] == texts
    for value, text in zip(values.tolist(), texts, strict=True):
        assert struct.pack("d", value) == struct.pack("d", float(text)), text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("0123456789.-+einfaNAT_,/:\x01 ", min_size=1, max_size=12), min_size=1, max_size=30))
def test_what_is_no_number_is_not_read(texts: list[str]) -> None:
    block = Lines(Rows.cut("=".join(texts).encode())[0])
    sizes = np.array([len(text) for text in texts])
    starts = np.cumsum(sizes + 1) - sizes - 1
    values, _, good = read_numbers(block.windows(starts, 16), sizes)
    for value, fine, text in zip(values.tolist(), good.tolist(), texts, strict=True):
        assert fine == (is_number(text) and "," not in text)
        if fine:
            assert struct.pack("d", value) == struct.pack("d", float(text))


FORMS = (
    "batch={n}: c_loss={a} g_loss={b} grad_norm={c} lr=1e-05",
    "[Epoch {n}/200] [Batch {n}/938] [D loss: {a}] [G loss: {b}]",
    "2026-01-14 15:41:{n:02d},{n:03d} INFO step: {n} | loss: {a} | acc: {b}%",
    "iter {n} loss:  {a}  acc:   {b}",
    "epoch = {n}, λ1 = {a}, D(G(z)): {b} / 0.4",
    '{{"step": {n}, "loss": {a}, "T15": {b}}}',
    "iter: {n},000, l: {a}, m: {b}, {c}",
    "step {n} done x2={a} x3={b}ms",
    "[file {n}/9] kimg={n} a={a}",
)
NOISE = (
    "", "  warnings.warn(m)", "2026-01-14 15:41:{n:02d},{n:03d} INFO loader {n}: depth {n} ok", "saved to /a/b_{n}.pt: ok",
    "\rEpoch 3:  25%|##   | {n}/700 [00:25<01:25, 18.47it/s]\rEpoch 3:  50%|##   | {n}/700 [00:50<01:50, 6.7it/s]",
    "Using Adam optimizer: lr={a}", "\x1b[31mloss={a}\x1b[0m", "a={a}\x00 b=1", "x={a}/{b} y=1,{n:03d}", "Done: yes {n}",
    "batch={n}: c_loss={a} g_loss={b} grad_norm={c}d lr=1e-05", "batch={n}: c_loss={a}, g_loss={b} grad_norm={c} lr=1e-05",
    "batch={n}: c_loss=1,{n:03d} g_loss={b} grad_norm={c} lr=1e-05", "---- part {n} ----", "Tesla T4, {n} MiB: busy",
)  # fmt: skip
TABLE = """
profile step {n}
-----------------  ------------  ------------  ------------
             Name      Self CPU     CPU total    # of Calls
-----------------  ------------  ------------  ------------
       aten::mm{a:>16}us{b:>12}ms{n:>14}
NanToNumBackward0{a:>12}us{b:>12}ms{n:>14}
-----------------  ------------  ------------  ------------
Self CPU time total: {a}ms
"""


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Many lines of few forms with all kinds of numbers, and other lines between them."""
    forms = draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=3, unique=True))
    odd = draw(st.lists(st.sampled_from(NOISE), max_size=4))
    numbers = draw(st.lists(printed, min_size=1, max_size=12))
    chance = random.Random(draw(st.integers(0, 10**6)))
    fixed = draw(st.booleans())

    def number() -> str:
        return f"{chance.gauss(0, 9):.4f}" if fixed and chance.random() < 0.9 else chance.choice(numbers)

    rows = []
    for n in range(1, draw(st.integers(20, 120))):
        form = chance.choice(odd) if odd and chance.random() < 0.3 else chance.choice(forms)
        rows.append(form.format(n=n, a=number(), b=number(), c=number()))
        if chance.random() < 0.05:
            rows.append(TABLE.format(n=n, a=f"{chance.random() * 90:.3f}", b=f"{chance.random():.3f}"))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return (end.join(rows) + draw(st.sampled_from(["", end]))).encode()


@settings(max_examples=120, deadline=None)
@given(logs())
def test_templates_and_masks_read_what_the_tokenizer_reads(data: bytes) -> None:
    alike(data)


def test_templates_are_used() -> None:
    """Without this, the tests above could pass because nothing was read fast."""
    rows = [f"batch={n}: c_loss={n * 0.37:.3f} gp={1 / n:.3g} lr=1e-05" for n in range(1, 200)]
    reader = TextReader()
    seen: list[int] = []
    take = shapes_module.Shape.take
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes_module.Shape, "take", lambda *given: (seen.append(len(given[1].orders)), take(*given))[1])
        reader.read(io.BytesIO("\n".join(rows).encode()), "x")
    assert sum(seen) > 120
    alike("\n".join(rows).encode())


@pytest.mark.parametrize("form", [form for form in FORMS if "{n},000" not in form])
def test_a_template_reads_its_own_line(form: str) -> None:
    line = form.format(n=12, a="-1.25", b="0.5", c="1e-05")
    fields = fields_of(line, bar_of(line))
    template = template_of(line, fields)
    assert template is not None
    found = template.read(Lines(Rows.of(["other", line, "other"])), np.arange(3))
    assert found is not None and found.orders.tolist() == [1]
    for field, texts, values, starts in zip(fields, found.texts, found.values, found.starts, strict=True):
        text = line[field.start : field.end]
        assert (texts[0].decode(), values[0], starts[0]) == (text, float(text), field.start + 1)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_template_leaves_lines_that_differ_in_anything_but_numbers(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(FORMS)).format(n=12, a="-1.25", b="0.5", c="1e-05")
    template = template_of(line, fields_of(line))
    assert template is not None
    at = data.draw(st.integers(0, len(line) - 1))
    letter = data.draw(st.sampled_from("0=: ,.[]-e/|%xλ\t{"))
    other = line[:at] + letter + line[at + data.draw(st.integers(0, 1)) :]
    keys = [(field.key, field.unit) for field in fields_of(line)]
    if template.read(Lines(Rows.of([other])), np.arange(1)) is not None:
        assert [(field.key, field.unit) for field in fields_of(other)] == keys
    alike(f"{line}\n{line}\n{other}\n".encode() * 12)


@settings(max_examples=300, deadline=None)
@given(st.text("ab=:., |[](){}'\"0123456789e+-%/#*λT", max_size=60), st.integers(0, 10**6))
def test_the_grammar_is_blind_to_which_digit_stands_where(line: str, seed: int) -> None:
    """Masks rely on it: fields, bars and settings stand in the same places when digits change."""
    chance = random.Random(seed)
    other = "".join(chance.choice("0123456789") if letter in "0123456789" else letter for letter in line)

    def places(text: str) -> object:
        bar = bar_of(text)
        fields = fields_of(text, bar)
        return bar and astuple(bar)[1:], [(field.key_start, field.start, field.unit_end) for field in fields]

    assert places(line) == places(other)


def test_many_tables_are_known_at_sight() -> None:
    chance = random.Random(3)
    rows = []
    for n in range(700):
        numbers = {"a": f"{chance.random() * 90:.3f}", "b": f"{chance.random():.3f}"}
        rows.append(TABLE.format(n=n % 90, **numbers) + ("loss=0.5\n" if n % 7 == 0 else ""))
    facts = alike("".join(rows).encode())
    assert len(facts.tables) == TABLES < 700
    assert facts.tables[-1].heading == "profile step 69"


def test_tables_that_go_wrong_are_read_in_the_ordinary_way() -> None:
    whole = [TABLE.format(n=n, a=f"{n}.125", b="0.500") for n in range(10, 40)]
    whole[12] = whole[12].replace("NanToNum", "loss=0.5\nNanToNum")
    whole[15] = whole[15].replace("Self CPU time total", "Self CPU time totally")
    whole[18] = "\n".join(whole[18].split("\n")[:6])
    whole[20] = whole[20].rstrip("\n") + "\nSelf CUDA time total: 1.000ms\nSelf CPU time total: 3.000ms\n"
    whole[25] = whole[25].replace("Name  ", "Name x")
    facts = alike("".join(whole).encode())
    assert len(facts.notes) >= 3


def test_a_file_of_two_logs_in_turn() -> None:
    first = [f"[a] step={n} loss={n / 7:.5f}" for n in range(300)]
    second = [f"[b] step={n} loss={n / 3:.2e} extra={n}" for n in range(300)]
    rows = [row for pair in zip(first, second, strict=True) for row in pair]
    facts = alike("\n".join(rows).encode())
    assert facts.lines == 600


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_sparse_logs_with_tables_redraws_and_other_letters(end: str) -> None:
    chance = random.Random(5)
    lines = []
    for at in range(400):
        kind = chance.randrange(6)
        lines += [
            TABLE.format(n=at, a=f"{chance.random() * 10 ** chance.randrange(4):.3f}", b="1.500").split("\n"),
            [NOISE[4].format(n=at)],
            [f"Müller lädt Teil {at} — λ ünd ∇"],
            [""] * chance.randrange(3),
            [f"2026-01-14 15:41:07,{at:03d} INFO loader {at}: depth {at} ok"] * 3,
            [f"batch={at}: c_loss={chance.random():.5f} g_loss={chance.random():.3g} lr=1e-05"] * 2,
        ][kind]
    facts = alike(end.join(lines).encode())
    assert len(facts.tables) > 20
    assert facts.records > 50
