"""One quantity in two inputs (log and progress bar, log and TensorBoard) is one series; part of read/join."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from wganlint.series import Series

COMMON = 3  # steps that two series of like name must share
AGREE = 0.9  # share of them with equal values
COMMON_NAMELESS = 5  # steps that two series of unlike name must share, all equal
DISTINCT = 3  # different values among those
_SYNONYMS = {
    "c": "critic", "critic": "critic", "d": "critic", "dis": "critic", "disc": "critic",
    "discriminator": "critic",
    "g": "generator", "gen": "generator", "generator": "generator", "w": "wasserstein", "wass": "wasserstein",
    "wasserstein": "wasserstein", "wd": "wasserstein", "distance": "gap", "dist": "gap", "gap": "gap",
    "learning": "lr", "gradient": "grad", "grads": "grad", "losses": "loss", "multiplicity": "m", "mult": "m",
    "avg": "ma", "average": "ma", "mean": "ma", "moving": "ma",
}  # fmt: skip
_FILLER = frozenset({"train", "training", "scalars", "batch", "step", "rate"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def merge(main: list[Series], others: Iterable[Series]) -> list[Series]:
    """Return the series of `main`, each with the inputs that carry it too, and the rest of `others`."""
    merged = list(main)
    rest: list[Series] = []
    for other in others:
        at = _twin(other, merged)
        if at is None:
            rest.append(other)
        else:
            paths = [path for path in other.files if path not in merged[at].also_in]
            merged[at] = replace(merged[at], also_in=(*merged[at].also_in, *paths))
    return merged + rest


def _twin(other: Series, main: list[Series]) -> int | None:
    named = [at for at, series in enumerate(main) if _alike(series.key, other.key)]
    for at in named:
        common, equal, _ = _compare(main[at], other)
        if common >= COMMON and equal >= AGREE * common:
            return at
    for at, series in enumerate(main):
        common, equal, distinct = _compare(series, other)
        related = _related(series.key, other.key)
        if common >= COMMON_NAMELESS and equal == common and (distinct >= DISTINCT or related):
            return at
    return None


def _alike(key: str, other: str) -> bool:
    mine = _tokens(key)
    return bool(mine) and mine in (_tokens(other), _tokens(re.split(r"[/.]", other)[-1]))


def _related(key: str, other: str) -> bool:
    """Whether one name holds all words of the other, two or more: `w_ma`, `train/w_gap_ma_500`."""
    mine, its = _tokens(key), _tokens(other)
    return len(mine & its) > 1 and (mine <= its or its <= mine)


def _tokens(key: str) -> frozenset[str]:
    words = [word.lower() for word in _WORDS.findall(key)]
    return frozenset(_SYNONYMS.get(word, word) for word in words if word not in _FILLER and not word.isdigit())


def _compare(one: Series, two: Series) -> tuple[int, int, int]:
    """Return the number of common steps, of those with equal values as printed, and of different values."""
    if np.isnan(one.steps).any() or np.isnan(two.steps).any():
        return 0, 0, 0
    steps, at_one, at_two = np.intersect1d(one.steps[::-1], two.steps[::-1], return_indices=True)
    if not len(steps):
        return 0, 0, 0
    left, right = one.values[::-1][at_one], two.values[::-1][at_two]
    slack = _half(one) + _half(two)
    with np.errstate(invalid="ignore"):
        near = np.abs(left - right) <= slack * 1.001 + 2e-7 * np.maximum(np.abs(left), np.abs(right))
    equal = near | (left == right) | (np.isnan(left) & np.isnan(right))
    return len(steps), int(np.sum(equal)), len(np.unique(left))


def _half(series: Series) -> float:
    """Return half a unit in the last printed place."""
    return 0.5 * 10.0**-series.decimals if series.decimals is not None and series.kind != "events" else 0.0
