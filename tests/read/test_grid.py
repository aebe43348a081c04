"""A clean block of a table that is read by columns of bytes tells the very same as one that is cut cell by cell."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.errors import InputError
from wganlint.read import delimited
from wganlint.read.delimited import Delimited
from wganlint.read.grid import Grid

CELLS = [
    "0", "1", "-1.5", "1e-05", "+3.25E+4", ".5", "5.", "nan", "-inf", "Infinity", "", " ", "-", "--", "None", "N/A", "1_0",
    "0x1p3", "1,5", "12%", "[0.5]", "3/ 9", "tensor", "abc", "#", "#1", "// x", "%", "step", "0.1234567890123456789",
    "123456789012345678901234567890", "0." + "1" * 34, "1e400", "4.9e-324", "1.7976931348623157e308", " 2.5", "7 ", "\t",
    "\u0663", "\u00a01", "1\x002", "\x1b[31m1", '"3"', "tensor(4., 1)", "9007199254740993", "-0.0", "1e", "e5", "..",
]  # fmt: skip


def told(data: bytes) -> Any:
    """Return all that a reading tells of a table."""
    reader = Delimited("a.csv")
    try:
        reader.read(io.BytesIO(data))
    except InputError as error:
        return error.what
    found = []
    for sheet in reader.sheets:
        for run, builders in sheet.by_run().items():
            for builder in builders:
                series = builder.build()
                found.append((
                    run, series.name, series.unit, series.decimals, series.values.tobytes(), series.texts,
                    series.lines.tolist(), series.columns.tolist(), np.nan_to_num(series.steps, nan=-7.5).tolist(),
                    series.quotes, repr(series.tally), repr(series.last), series.step_key,
                ))  # fmt: skip
    return found, sorted(map(repr, reader.notes)), reader.rows, reader.skipped, reader.comments


def both(data: bytes) -> tuple[Any, Any]:
    """Read by columns, and cell by cell."""
    quick = told(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "Grid", _Never)
        return quick, told(data)


class _Never:
    @staticmethod
    def of(*_: object) -> None:
        return None


@given(
    st.lists(
        st.tuples(*[st.sampled_from(CELLS) | st.floats().map(repr) | st.integers().map(str)] * 3), min_size=1, max_size=30
    ),
    st.sampled_from([",", "\t", ";"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_hostile_cells(rows: list[tuple[str, ...]], mark: str, end: str, last: bool) -> None:
    lines = [
        mark.join(["step", "d_loss", "g_loss", "x"]),
        *(mark.join([str(at), *row]) for at, row in enumerate(rows)),
    ]
    quick, slow = both((end.join(lines) + end * last).encode())
    assert quick == slow


@given(st.lists(st.floats(-1e30, 1e30), min_size=3, max_size=60), st.sampled_from(["r", ".4f", ".3e", ".17g", "g"]))
@settings(max_examples=100, deadline=None)
def test_values_are_those_of_float(values: list[float], form: str) -> None:
    texts = [repr(value) if form == "r" else format(value, form) for value in values]
    data = "step,d_loss\n" + "".join(f"{at},{text}\n" for at, text in enumerate(texts))
    reader = Delimited("a.csv")
    reader.read(io.BytesIO(data.encode()))
    (builder,) = reader.sheets[0].by_run()[""]
    series = builder.build()
    assert series.values.tobytes() == np.array([float(text) for text in texts]).tobytes()
    assert series.texts == tuple(texts)
    assert series.quotes == tuple(f"{at},{text}" for at, text in enumerate(texts))


def table(rows: int, *, mark: str = ",", words: bool = False) -> str:
    lines = [
        mark.join(["step", "run", "split", "d_loss", "g_loss"]) if words else mark.join(["step", "d_loss", "g_loss"])
    ]
    for at in range(rows):
        cells = [str(at // 4 if words else at), f"{np.sin(at):.5f}", "" if at % 3 else f"{at / 7:.3g}"]
        if words:
            cells[1:1] = ["ab"[at % 2], ("train", "val")[at // 2 % 2]]
        lines.append(mark.join(cells))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        table(40_000),  # several blocks, folded
        table(3000, words=True),
        table(3000, mark="\t"),
        table(300) + "a,b\n" + table(200).split("\n", 1)[1],  # a row that is odd
        table(300) + table(200),  # the header again: a run of its own
        "# made by hand\n" + table(100) + "# more\n\n" + table(50).split("\n", 1)[1],
        table(200).replace("\n", "\r\n"),
        "step," + ",".join(f"m{at}" for at in range(80)) + "\n"
        + "".join(f"{row}," + ",".join(f"{row * at / 9:.6f}" for at in range(80)) + "\n" for row in range(300)),  # wide
        "step,d_loss\n" + "".join(f"{at},{'nan' if at % 2 else at}\n" for at in range(500)),
        table(100)[:-4],
    ],
    ids=["long", "words", "tabs", "odd row", "header again", "comments", "returns", "wide", "filler", "cut"],
)  # fmt: skip
def test_tables(text: str) -> None:
    quick, slow = both(text.encode())
    assert quick == slow
    assert quick[0]


def test_the_columns_are_really_read_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    numbers = Grid.numbers
    monkeypatch.setattr(Grid, "numbers", lambda self, at: read.append(at) or numbers(self, at))
    told(table(5000).encode())
    assert set(read) == {0, 1, 2}
