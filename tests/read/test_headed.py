"""Tables of numbers printed into a text log: names above, rows below, in every style that is common."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from wganlint.read.text import TextFacts, TextReader, read_text

Row = tuple[int, float, float]
ROWS: list[Row] = [(at * 10, -1.5 + at / 7, 0.25 * at - 0.1) for at in range(40)]


def _rich(rows: list[Row]) -> list[str]:
    top = ["┏━━━━━━━┳━━━━━━━━━┳━━━━━━━━━┓", "┃ step  ┃  D loss ┃  G loss ┃", "┡━━━━━━━╇━━━━━━━━━╇━━━━━━━━━┩"]
    return [*top, *(f"│ {s:5d} │ {d:7.4f} │ {g:7.4f} │" for s, d, g in rows), "└───────┴─────────┴─────────┘"]


def _ascii(rows: list[Row]) -> list[str]:
    rule = "+-------+---------+---------+"
    return [rule, "| step  | D loss  | G loss  |", rule, *(f"| {s:5d} | {d:.4f} | {g:.4f} |" for s, d, g in rows), rule]


def _grid(rows: list[Row]) -> list[str]:
    lines = ["╒═══════╤═════════╤═════════╕", "│ step  │ D loss  │ G loss  │", "╞═══════╪═════════╪═════════╡"]
    for s, d, g in rows:
        lines += [f"│ {s:5d} │ {d:.4f} │ {g:.4f} │", "├───────┼─────────┼─────────┤"]
    return lines


def _markdown(rows: list[Row]) -> list[str]:
    return [
        "| step | D loss | G loss |",
        "|-----:|:------:|--------|",
        *(f"| {s} | {d:.4f} | {g:.4f} |" for s, d, g in rows),
    ]


def _bars(rows: list[Row]) -> list[str]:
    return ["step | D loss | G loss", *(f"{s:5d} | {d:.4f} | {g:.4f}" for s, d, g in rows)]


def _aligned(rows: list[Row]) -> list[str]:
    return ["   step    D loss    G loss", *(f"{s:7d}  {d:8.4f}  {g:8.4f}" for s, d, g in rows)]


def _tabulate(rows: list[Row]) -> list[str]:
    return [
        "  step    D loss    G loss",
        "------  --------  --------",
        *(f"{s:6d}  {d:8.4f}  {g:8.4f}" for s, d, g in rows),
    ]


def _pandas(rows: list[Row]) -> list[str]:
    return ["     step  D loss  G loss", *(f"{at:<5d}{s:4d} {d:9.4f} {g:9.4f}" for at, (s, d, g) in enumerate(rows))]


def _prefixed(rows: list[Row]) -> list[str]:
    return [
        "10:00:00 INFO | step | D loss | G loss |",
        *(f"10:00:01 INFO | {s} | {d:.4f} | {g:.4f} |" for s, d, g in rows),
    ]


STYLES = [_rich, _ascii, _grid, _markdown, _bars, _aligned, _tabulate, _pandas, _prefixed]


def _read(lines: list[str], *, learn: bool = True) -> TextFacts:
    return TextReader(learn=learn).read(io.BytesIO("\n".join(lines).encode()), "log")


def _told(facts: TextFacts) -> dict[str, list[tuple[float, float, int]]]:
    series = [builder.build() for builder in facts.series]
    return {s.name: list(zip(s.steps.tolist(), s.values.tolist(), s.lines.tolist(), strict=True)) for s in series}


def _expected(lines: list[str], rows: list[Row]) -> dict[str, list[tuple[float, float, int]]]:
    at = [next(n for n, line in enumerate(lines, 1) if f"{d:.4f}" in line and f"{g:.4f}" in line) for _, d, g in rows]
    return {
        "D loss": [(float(s), float(f"{d:.4f}"), n) for (s, d, _), n in zip(rows, at, strict=True)],
        "G loss": [(float(s), float(f"{g:.4f}"), n) for (s, _, g), n in zip(rows, at, strict=True)],
    }


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("learn", [True, False])
def test_one_growing_table(style: Callable[[list[Row]], list[str]], learn: bool) -> None:
    lines = ["Training starts", *style(ROWS), "done"]
    assert _told(_read(lines, learn=learn)) == _expected(lines, ROWS)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("learn", [True, False])
def test_one_table_at_each_record(style: Callable[[list[Row]], list[str]], learn: bool) -> None:
    lines = [line for row in ROWS for line in ("Summary of training", *style([row]), "")]
    facts = _read(lines, learn=learn)
    assert _told(facts) == _expected(lines, ROWS)
    assert not facts.restarts


def test_a_table_without_a_step_takes_the_step_announced_above_it() -> None:
    lines = [
        line
        for at in range(12)
        for line in (f"Epoch {at}", "┃  D loss ┃  G loss ┃", "┡━━━━━━━━━╇━━━━━━━━━┩", f"│ {at / 8} │ {at / 4} │")
    ]
    assert _told(_read(lines))["D loss"] == [(float(at), at / 8, 4 * at + 4) for at in range(12)]


def test_two_tables_of_one_look_keep_their_names() -> None:
    lines = []
    for at in range(30):
        lines += ["| step | D loss |", f"| {at} | {at / 8} |", "| step | FID loss |", f"| {at} | {at + 100} |"]
    told = _told(_read(lines))
    assert [value for _, value, _ in told["D loss"]] == [at / 8 for at in range(30)]
    assert [value for _, value, _ in told["FID loss"]] == [float(at + 100) for at in range(30)]


def test_cells_that_hold_no_number_are_passed() -> None:
    lines = [
        "| step | D loss | note | took |",
        *(f"| {at}/50 | {at / 8}{'*' * (at == 3)} | {'saved' if at == 2 else ''} | 00:1{at} |" for at in range(6)),
    ]
    assert [value for _, value, _ in _told(_read(lines))["D loss"]] == [at / 8 for at in range(6)]
    assert set(_told(_read(lines))) == {"D loss"}


@pytest.mark.parametrize(
    "text",
    [
        "the loss of each epoch\n1 2 3\n4 5 6",  # prose above numbers
        "confusion\nepoch loss acc\nsaved\nsaved\nsaved\nsaved\nsaved\n1 2 3",  # no row follows
        "| model | params | size |\n|---|---|---|\n| a | 12 | 4 |\n| b | 13 | 4 |",  # speaks of no training
        "layer   loss   shape\nconv1 12 3\nconv2 13 4",  # rows of words
        "1 2 3\n4 5 6",
    ],
)
def test_what_is_no_record_is_not_read(text: str) -> None:
    assert read_text(io.BytesIO(text.encode()), "log").series == []
