"""What was read against what is there: which series stands for which true key, and whether every record is the same.

A reader may call a series a little otherwise than the log does (`key [form]`, `key#2`, `key/mean` as `key`); it may not
lose, add, double or change a record. Used by the tests of the families of formats and of the corpus.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from wganlint.run import Run
from wganlint.series import Series

Row = tuple[int, str]  # line (0: an input without lines) and the text as printed

_SECOND = ("2", "second", "after", "mean", "avg", "average", "running", "running mean", "smoothed")


def plain(name: str) -> str:
    """Return a name without the signs between its words."""
    return re.sub(r"[^0-9A-Za-z%λ]+", " ", name).strip()


def _bare(name: str) -> str:
    """Return a name without what stands in brackets."""
    return plain(re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", name))


def assign(keys: Iterable[str], runs: Sequence[Run]) -> tuple[dict[str, list[Series]], list[Series]]:
    """Return the series that stand for each key, over all runs, and those that stand for none."""
    keys = list(keys)
    ways: list[dict[str, str]] = [{key: key for key in keys}, {plain(key): key for key in keys}]
    also: dict[str, str] = {}
    for key in keys:
        if key.endswith("/mean"):
            also[plain(key.removesuffix("/mean"))] = key
        if key.endswith("#2"):
            also |= {f"{plain(key.removesuffix('#2'))} {word}": key for word in _SECOND}
    of: dict[str, list[Series]] = {key: [] for key in keys}
    rest: list[Series] = []
    for series in (series for run in runs for series in run.series):
        names = (series.name, series.key)
        tries = [ways[0].get(name) for name in names]
        tries += [ways[1].get(plain(name)) for name in names]
        tries += [also.get(plain(name)) for name in names]
        tries += [ways[1].get(_bare(name)) for name in names]
        tries += [ways[0].get(re.sub(r" ?#\d+$", "", name)) for name in names]
        key = next((found for found in tries if found is not None), None)
        (rest if key is None else of[key]).append(series)
    return of, rest


def rows(series: Iterable[Series]) -> list[tuple[int, str, float, float]]:
    """Return (line, text, value, step) of every record of these series, in the order of the file."""
    every: list[tuple[int, str, float, float]] = []
    for one in series:
        assert not one.folded, f"{one.name} is folded"
        every += zip(one.lines.tolist(), one.texts, one.values.tolist(), one.steps.tolist(), strict=True)
    return sorted(every, key=lambda row: row[0])


def said(text: str) -> float:
    """Return the number that a printed text says."""
    return float(text.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text) else text)


def bits(value: float) -> bytes:
    """Return what two equal numbers share to the last bit (each nan is as good as another)."""
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def kept(truth: Sequence[Row], counters: Sequence[Any], series: Sequence[Series], runs: Sequence[Run]) -> list[Row]:
    """Return the true records, less those that a resume repeats if they are kept once and the report says how many.

    Where training goes back, the later records are the run that was trained on; the earlier ones may be left out.
    `counters`: what each record counts, one for one. All others have to be there.
    """
    have = {(line, text) for line, text, _, _ in rows(series)}
    lost = [at for at, row in enumerate(truth) if row not in have]
    repeated = all(any(later <= counters[at] for later in counters[at + 1 :]) for at in lost)
    told = [note.text for run in runs for note in run.notes]
    said_so = any(re.search(rf"\b{len(lost)}\b.*left out", text) for text in told)
    gone = set(lost) if len(counters) == len(truth) and repeated and said_so else set()
    return [row for at, row in enumerate(truth) if at not in gone]


def differences(key: str, truth: Sequence[Row], series: Sequence[Series]) -> list[str]:
    """Return how the records of these series differ from the true ones, in words; empty: not at all."""
    found = rows(series)
    names = ", ".join(one.name for one in series)
    if len(found) != len(truth):
        return [f"{key}: {len(truth)} records are there, {len(found)} were read ({names}); {_astray(truth, found)}"]
    bad: list[str] = []
    for at, ((line, text), (got_line, got_text, value, _)) in enumerate(zip(truth, found, strict=True)):
        if (line, text) != (got_line, got_text):
            bad.append(f"{key} record {at}: line {line} {text!r} is there, line {got_line} {got_text!r} was read")
        elif bits(value) != bits(said(text)):
            bad.append(f"{key} record {at}: {text!r} was read as {value!r}")
    for one in series:
        (line, text, _, _), (last_line, last_text, _, _) = rows([one])[0], rows([one])[-1]
        ends = (one.first.place.line or 0, one.first.text, one.last.place.line or 0, one.last.text)
        if ends != (line, text, last_line, last_text):
            bad.append(f"{one.name}: first and last record are said to be {ends}")
    return bad[:3]


def _astray(truth: Sequence[Row], found: Sequence[tuple[int, str, float, float]]) -> str:
    have = [(line, text) for line, text, _, _ in found]
    lost = [row for row in truth if row not in have][:3]
    more = [row for row in have if row not in truth][:3]
    return f"lost {lost}, never printed {more}"


def axes(truth: Sequence[tuple[float, ...]], series: Sequence[Series]) -> str:
    """Return what is wrong with the steps of these series; empty: they follow one of the sound axes throughout.

    Where a line counts twice, an axis of the reader's own is sound too if it rises and falls as the finest one does.
    """
    steps = [step for _, _, _, step in rows(series)]
    if len(steps) != len(truth) or not truth or not all(truth):
        return ""
    for at in range(len(truth[0])):
        if all(bits(step) == bits(wanted[at]) for step, wanted in zip(steps, truth, strict=True)):
            return ""
    if len(truth[0]) > 1 and ways(steps) == ways([wanted[1] for wanted in truth]):
        return ""
    return f"steps {steps[:3]} .. {steps[-2:]}; sound would be {truth[0]} .. {truth[-1]}"


def ways(numbers: Sequence[Any]) -> list[int]:
    """Return for each pair of neighbors whether it rises (1), falls (-1) or stays."""
    return [(b > a) - (b < a) for a, b in pairwise(numbers)]


def absent(names: Iterable[str], runs: Sequence[Run], truth: Mapping[str, object] | None = None) -> list[str]:
    """Return the series that bear one of these names (and are not among the true ones)."""
    wrong = {plain(name) for name in names} - {plain(name) for name in truth or ()}
    return [s.name for run in runs for s in run.series if plain(s.name) in wrong or plain(s.key) in wrong]
