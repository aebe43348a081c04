"""Free-text logs: no value lost or changed on random logs, no surprise on random bytes, shapes against the tokenizer."""

from __future__ import annotations

import io
import random
import re
import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.errors import InputError
from wganlint.read.text import TextFacts, TextReader, read_text

SHARED = Path(__file__).parents[2].parent / "shared"

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.floats(-1e4, 1e4).map(lambda value: f"{value:+.4f}"),
    st.floats(-1, 1).map(lambda value: f"{value:.3e}"),
    st.integers(-(10**12), 10**12).map(str),
    st.sampled_from(["nan", "NaN", "-inf", "Infinity", ".5", "5.", "1e-05", "0"]),
)
names = st.from_regex(r"[a-z][a-z_]{0,6}[a-z]", fullmatch=True).filter(
    lambda name: name not in {"nan", "inf", "step", "load", "resume"}
)


@st.composite
def logs(draw: st.DrawFn) -> tuple[str, dict[tuple[str, str], list[tuple[int, str]]]]:
    """A log of a few kinds of line in random order, and what each series must hold: (line, text)."""
    kinds = []
    for head in draw(st.lists(st.sampled_from(["[a]", "[b]", "x |", ""]), min_size=1, max_size=3, unique=True)):
        keys = draw(st.lists(names, min_size=1, max_size=5, unique=True))
        gap = draw(st.sampled_from([" ", ", ", " | ", "; ", "\t", "  "]))
        joint = draw(st.sampled_from(["=", " = ", ": ", "= "]))
        kinds.append((head, keys, gap, joint))
    lines: list[str] = []
    expected: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for step in range(1, draw(st.integers(1, 25)) + 1):
        head, keys, gap, joint = draw(st.sampled_from(kinds))
        texts = [draw(numbers) for _ in keys]
        fields = [f"step{joint}{step}", *(f"{k}{joint}{t}" for k, t in zip(keys, texts, strict=True))]
        lines.append(f"{head} {gap.join(fields)}".strip())
        for key, text in zip(keys, texts, strict=True):
            expected.setdefault((head.rstrip(" |"), key), []).append((len(lines), text))
        if draw(st.integers(0, 9)) == 0:
            lines.append(draw(st.sampled_from(["", "saved to /a/b.pt", "12:30:15 working", "Done: yes"])))
    return "\n".join(lines), expected


def dump(facts: TextFacts) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {}
    for builder in facts.series:
        one = builder.build()
        found[f"{one.kind} {one.form}", one.name] = (
            one.step_key, one.unit, one.steps.tobytes(), one.values.tobytes(), one.texts, one.lines.tolist(),
            one.columns.tolist(), one.quotes,
        )  # fmt: skip
    return found


@settings(max_examples=150, deadline=None)
@given(logs())
def test_every_value_is_read_exactly(log: tuple[str, dict[tuple[str, str], list[tuple[int, str]]]]) -> None:
    text, expected = log
    facts = read_text(io.BytesIO(text.encode()), "x.log")
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for builder in facts.series:
        one = builder.build()
        found[one.form, one.name] = list(zip(one.lines.tolist(), one.texts, strict=True))
        for at, text_of in enumerate(one.texts):
            assert struct.pack("d", one.values[at]) == struct.pack("d", float(text_of))
            column = int(one.columns[at])
            assert one.quotes[at][column - 1 : column - 1 + len(text_of)] == text_of
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(logs())
def test_patterns_read_what_the_tokenizer_reads(log: tuple[str, object]) -> None:
    data = ((log[0] + "\n") * 6).encode()
    fast, slow = TextReader().read(io.BytesIO(data), "x"), TextReader(learn=False).read(io.BytesIO(data), "x")
    assert dump(fast) == dump(slow)
    assert fast.settings == slow.settings
    assert fast.restarts == slow.restarts


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes(data: bytes) -> None:
    try:
        read_text(io.BytesIO(data), "x")
    except InputError as error:
        assert error.hint


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab=:., |[](){}<>'\"0123456789e+-%/\r\n\t\x1b\x08_nif#*λ", max_size=120), st.integers(1, 5))
def test_random_text(text: str, times: int) -> None:
    data = (text * times).encode()
    fast, slow = TextReader().read(io.BytesIO(data), "x"), TextReader(learn=False).read(io.BytesIO(data), "x")
    assert dump(fast) == dump(slow)
    assert fast.settings == slow.settings


def test_mutated_lines() -> None:
    chance = random.Random(5)
    line = "[global] batches=20 events=30621 c_loss=-1000.0048 g: 1,000 lr:(1e-4) 17%|##| 3/18 [00:14<01:13, 4.8s/it]"
    rows = []
    for _ in range(3000):
        letters = list(line)
        for _ in range(chance.randrange(4)):
            letters[chance.randrange(len(letters))] = chance.choice("0=: ,.[]-e\r/|%")
        rows.append("".join(letters))
    data = "\n".join(rows).encode()
    fast, slow = TextReader().read(io.BytesIO(data), "x"), TextReader(learn=False).read(io.BytesIO(data), "x")
    assert dump(fast) == dump(slow)


class _OneLine(io.RawIOBase):
    """200 MB without a line end, made up while it is read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        count = min(self.left, size)
        self.left -= count
        return b"loss=0.5" * (count // 8)


def test_endless_line_in_bounded_memory() -> None:
    tracemalloc.start()
    try:
        facts = read_text(_OneLine(200 << 20), "x")  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
    assert facts.notes[0].text == "line 1 is 209.7 MB long; read to character 1048576"


def _shared_logs() -> list[Path]:
    if not SHARED.exists():
        return []
    found = [*SHARED.glob("case/runs/*/logs_training/*.log"), *SHARED.glob("corpus/*/*.txt")]
    return sorted([*found, *SHARED.glob("corpus/*/*.log"), *SHARED.glob("corpus/*/*.out")])


@pytest.mark.skipif(not SHARED.exists(), reason="the shared corpus is not here")
@pytest.mark.parametrize("path", _shared_logs(), ids=lambda path: f"{path.parent.name}-{path.name[-24:]}")
def test_shared_logs_read_alike_with_and_without_patterns(path: Path) -> None:
    data = path.read_bytes()
    fast, slow = TextReader().read(io.BytesIO(data), "x"), TextReader(learn=False).read(io.BytesIO(data), "x")
    assert dump(fast) == dump(slow)
    assert fast.settings == slow.settings
    assert fast.restarts == slow.restarts


@pytest.mark.skipif(not SHARED.exists(), reason="the shared corpus is not here")
@pytest.mark.parametrize("run", ["sick", "sick-profile", "fixed", "cuda-shaped"])
def test_case_against_an_obvious_reader(run: str) -> None:
    path = next((SHARED / "case" / "runs" / run / "logs_training").glob("*.out.log"))
    expected: dict[str, list[tuple[int, float, str]]] = {}
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if line.startswith("[global]"):
            pairs = re.findall(r"(\w+)=([-+0-9.e]+)", line)
            for key, text in pairs[1:]:
                expected.setdefault(key, []).append((number, float(pairs[0][1]), text))
    with path.open("rb") as stream:
        facts = read_text(stream, path.name)
    built = [builder.build() for builder in facts.series]
    found = {
        one.name: list(zip(one.lines.tolist(), one.steps.tolist(), one.texts, strict=True))
        for one in built
        if one.form == "[global]"
    }
    assert found == expected
    assert facts.restarts == []
    assert len(facts.tables) == (4 if run == "sick-profile" else 10)
