"""Which records series share: the same line where they stand on one form of line, else the same step; part of `run`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wganlint.series import Ints, Series


def align(first: Series, others: Sequence[Series], at: Ints) -> tuple[Ints, list[Ints]]:
    """Return the positions among `at` whose record all `others` carry too, and the matching positions in each of them.

    Event files have no lines and forms have lines of their own: those are matched by step, and a record without a step
    matches nothing. Where a step comes twice the later record counts.
    """
    if all(first.same_records(other) for other in others):
        return at, [at for _ in others]
    where: list[dict[tuple[float, ...], int]] = []
    keys: list[list[tuple[float, ...]]] = []
    for other in others:
        by_line = first.form == other.form and first.files == other.files and bool((other.lines > 0).all())
        by_line = by_line and bool(np.isin(first.lines, other.lines).any())  # a JSON record spans lines
        keys.append(_keys(first, at, by_line))
        every = np.arange(len(other.values))
        where.append({key: place for place, key in enumerate(_keys(other, every, by_line)) if key[-1] == key[-1]})
    shared = [i for i in range(len(at)) if all(k[i] in w for k, w in zip(keys, where, strict=True))]
    places = [np.array([w[k[i]] for i in shared], dtype=np.int64) for k, w in zip(keys, where, strict=True)]
    return at[shared], places


def _keys(series: Series, at: Ints, by_line: bool) -> list[tuple[float, ...]]:
    if by_line:
        return list(zip(series.file_of[at].tolist(), series.lines[at].tolist(), strict=True))
    placed = series.step_key != ""
    return [(step if placed else float("nan"),) for step in series.steps[at].tolist()]
