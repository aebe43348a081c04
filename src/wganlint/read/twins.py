"""One quantity in two inputs (log and progress bar, log and TensorBoard) is one series; part of read/join.

Inputs may carry thousands of series. Steps are matched once for each pair of step axes, and most pairs of series are
told apart by a few of their common points; only what is left is compared as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.series import Floats, Ints, Series, distinct

COMMON = 3  # steps that two series of like name must share
AGREE = 0.9  # share of them with equal values
COMMON_NAMELESS = 5  # steps that two series of unlike name must share, all equal
DISTINCT = 3  # different values among those
PROBES = 8  # common points that are looked at first, to leave most pairs out
_SYNONYMS = {
    "c": "critic", "critic": "critic", "d": "critic", "dis": "critic", "disc": "critic",
    "discriminator": "critic",
    "g": "generator", "gen": "generator", "generator": "generator", "w": "wasserstein", "wass": "wasserstein",
    "wasserstein": "wasserstein", "wd": "wasserstein", "distance": "gap", "dist": "gap", "gap": "gap",
    "learning": "lr", "gradient": "grad", "grads": "grad", "losses": "loss", "multiplicity": "m", "mult": "m",
    "avg": "ma", "average": "ma", "mean": "ma", "moving": "ma",
}  # fmt: skip
_FILLER = frozenset({"train", "training", "scalars", "batch", "step", "rate"})
_LAST = re.compile(r"[/.]")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def merge(main: list[Series], others: Iterable[Series]) -> list[Series]:
    """Return the series of `main`, each with the inputs that carry it too, and the rest of `others`."""
    merged = list(main)
    rest: list[Series] = []
    others = list(others)
    for other, at in zip(others, _twins(main, others), strict=True):
        if at is None:
            rest.append(other)
        else:
            paths = [path for path in other.files if path not in merged[at].also_in]
            merged[at] = replace(merged[at], also_in=(*merged[at].also_in, *paths))
    return merged + rest


class _Axis(Struct):
    """The series of an input that stand on the very same steps, all of which are known."""

    steps: Floats  # distinct, ascending
    at: Ints  # the last record of each
    numbers: list[int] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    ids: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # of the steps, among all axes
    by_name: dict[frozenset[str], list[int]] = field(default_factory=dict)

    def alike(self, key: str) -> Ints:
        """Return the rows whose name says the same as `key` or as its last part."""
        names = {_tokens(key), _tokens(_LAST.split(key)[-1])} - {frozenset()}
        return np.array(sorted(row for name in names for row in self.by_name.get(name, ())), dtype=np.int64)


def _twins(main: Sequence[Series], others: Sequence[Series]) -> list[int | None]:
    """Return for each of `others` the number of its twin: the first of like name, else the first of like values."""
    named: list[int | None] = [None] * len(others)
    nameless: list[int | None] = [None] * len(others)
    mine, its = (_axes(main), _axes(others)) if main and others else ([], [])
    if not mine or not its:
        return named
    steps, ids = np.unique(np.concatenate([axis.steps for axis in mine + its]), return_inverse=True)
    for axis, part in zip(mine + its, np.split(ids, np.cumsum([len(a.steps) for a in mine + its])[:-1]), strict=True):
        axis.ids = part
    record = np.full(len(steps), -1, dtype=np.int64)  # of each step on the axis that is looked at
    for axis in mine:
        record[axis.ids] = axis.at
        for other in its:
            here, there = _shared(record, other)
            if len(here) >= COMMON:
                _meet(_Meeting(axis, here), other, there, named, nameless)
        record[axis.ids] = -1
    return [nameless[at] if twin is None else twin for at, twin in enumerate(named)]


def _axis(steps: Floats) -> _Axis:
    """Return the steps in order, each with the last record that has it."""
    if (steps[1:] > steps[:-1]).all():
        return _Axis(steps, np.arange(len(steps)))
    ordered, last = np.unique(steps[::-1], return_index=True)
    return _Axis(ordered, len(steps) - 1 - last)


def _axes(series: Sequence[Series]) -> list[_Axis]:
    axes: dict[bytes, _Axis] = {}
    for number, one in enumerate(series):
        if one.step_key == "" or np.isnan(one.steps).any():
            continue
        key = one.steps.tobytes()
        if key not in axes:
            axes[key] = _axis(one.steps)
        axis = axes[key]
        axis.by_name.setdefault(_tokens(one.key), []).append(len(axis.series))
        axis.numbers.append(number)
        axis.series.append(one)
    return list(axes.values())


def _shared(record: Ints, other: _Axis) -> tuple[Ints, Ints]:
    """Return the records, here and on the other axis, of the steps that both have."""
    here = record[other.ids]
    both = here >= 0
    return here[both], other.at[both]


class _Meeting:
    """The series of one axis at the steps that another axis has too; a row is a series."""

    def __init__(self, axis: _Axis, here: Ints) -> None:
        self.axis, self.here = axis, here
        self._slack = np.array([_half(one) for one in axis.series])
        self._probed: dict[int, tuple[Ints, Floats]] = {}
        self._distinct: dict[int, int] = {}

    def distinct(self, row: int) -> int:
        """Return the number of different values of a series at the common steps."""
        if row not in self._distinct:
            self._distinct[row] = distinct(self.axis.series[row].values[self.here])
        return self._distinct[row]

    def plausible(self, rows: Ints, other: Series, there: Ints, most: int) -> list[int]:
        """Leave out rows that differ from `other` at more than `most` of the common steps; may keep a few of them.

        The bound is a hair wider than that of `_compare`, and infinities count as near, so none is wrongly left out.
        """
        size = most + PROBES
        while len(rows) and size < len(self.here):
            picked, values = self._probe(size)
            its = other.values[there[picked]]
            slack = self._slack[rows]
            slack = slack[:1] if (slack == slack[0]).all() else slack
            with np.errstate(invalid="ignore", over="ignore"):
                wide = ((slack[:, None] + _half(other)) * 1.001 + 2e-7 * np.abs(its)) * (1 + 1e-6)
                away = values[rows] - its
                far = np.abs(away, out=away) > wide
            rows = rows[np.count_nonzero(far, axis=1) <= most]
            size *= 8
        return [int(row) for row in rows]

    def _probe(self, size: int) -> tuple[Ints, Floats]:
        """Return places among the common steps, evenly, and the values of all rows there (NaN where infinite)."""
        if size not in self._probed:
            picked = np.arange(size) * (len(self.here) - 1) // (size - 1)
            values = np.stack([one.values[self.here[picked]] for one in self.axis.series])
            self._probed[size] = picked, np.where(np.isinf(values), np.nan, values)
        return self._probed[size]


def _meet(mine: _Meeting, its: _Axis, there: Ints, named: list[int | None], nameless: list[int | None]) -> None:
    """Enter the twins of the series of one axis, where they come before those that are known."""
    common = len(there)
    unequal = int(common - AGREE * common) + 1
    numbers, rows = np.array(mine.axis.numbers), np.arange(len(mine.axis.numbers))
    for at, other in zip(its.numbers, its.series, strict=True):
        alike = mine.axis.alike(other.key)
        for row in mine.plausible(alike[numbers[alike] < _before(named[at])], other, there, unequal):
            if _compare(mine.axis.series[row], other, mine.here, there) >= AGREE * common:
                named[at] = int(numbers[row])
                break
        if named[at] is not None or common < COMMON_NAMELESS:
            continue
        for row in mine.plausible(rows[numbers < _before(nameless[at])], other, there, 0):
            one = mine.axis.series[row]
            moves = mine.distinct(row) >= DISTINCT or _related(one.key, other.key)
            if moves and _compare(one, other, mine.here, there) == common:
                nameless[at] = int(numbers[row])
                break


def _before(known: int | None) -> float:
    return np.inf if known is None else known


def _related(key: str, other: str) -> bool:
    """Whether one name holds all words of the other, two or more: `w_ma`, `train/w_gap_ma_500`."""
    mine, its = _tokens(key), _tokens(other)
    return len(mine & its) > 1 and (mine <= its or its <= mine)


@lru_cache(maxsize=4096)
def _tokens(key: str) -> frozenset[str]:
    words = [word.lower() for word in _WORDS.findall(key)]
    return frozenset(_SYNONYMS.get(word, word) for word in words if word not in _FILLER and not word.isdigit())


def _compare(one: Series, two: Series, at_one: Ints, at_two: Ints) -> int:
    """Return at how many of their common records two series have equal values, as printed."""
    left, right = one.values[at_one], two.values[at_two]
    slack = _half(one) + _half(two)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(left - right) <= slack * 1.001 + 2e-7 * np.maximum(np.abs(left), np.abs(right))
    equal = near | (left == right) | (np.isnan(left) & np.isnan(right))
    return int(np.count_nonzero(equal))


def _half(series: Series) -> float:
    """Return half a unit in the last printed place."""
    return 0.5 * 10.0**-series.decimals if series.decimals is not None and series.kind != "events" else 0.0
