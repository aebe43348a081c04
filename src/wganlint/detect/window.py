"""Which records of a series are looked at: the last stretch of a run, or the first part of the next one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.run import Run, Series
from wganlint.series import Ints

RECORDS, SHARE = 20, 0.10  # the window: long enough for a median, short enough to speak of the end of the run
FEW = 50  # spans of up to so many points are told from RECORDS of them: many runs log no more


def window(series: Series) -> Ints:
    """Return positions of the kept, sampled points in the last max(20 records, 10 %) of a series."""
    first = series.tally.count - max(RECORDS, int(np.ceil(SHARE * series.tally.count)))
    sample = series.sample()
    return sample[series.index[sample] >= first]


def finite(series: Series, at: Ints) -> Ints:
    """Return those positions whose value is a number."""
    return at[np.isfinite(series.values[at])]


def first_part(run: Run, within: str) -> tuple[Run, bool] | None:
    """Return the run cut to its first `within` ("50 points", "200 steps"), and whether it is that long.

    The cut is the first part because a check says how soon a fix must show. It holds every record of the span: None
    where a series that plays a role was folded within it. Other series are left out where they were.

    It is complete where at least one series that plays a role reaches the whole span. Only of spans of up to 50 points
    min(span, 20) are enough, because many runs log no more and that is enough for a median.
    """
    number, unit = within.split()
    most = int(number)
    roles = {guess.series for guess in run.roles.values()} | set(run.auxiliary)
    parts: list[Series] = []
    for series in run.series:
        at = _within(series, most, unit)
        if at is None and series.name in roles:
            return None
        if at is not None and len(at):
            parts.append(_cut(series, at))
    complete = any(_reaches(series, most, unit) for series in run.series if series.name in roles)
    return replace(run, series=tuple(parts)), complete


def _reaches(series: Series, most: int, unit: str) -> bool:
    if unit == "points":
        return len(series) >= (min(most, RECORDS) if most <= FEW else most)
    return bool(np.nanmax(series.axis(), initial=-np.inf) >= most)


def _within(series: Series, most: int, unit: str) -> Ints | None:
    """Return positions of all records of the span, or None where some of them may have been folded away."""
    if unit == "points":
        head = series.head(most)
        return head if len(head) == min(most, len(series)) else None
    at = np.flatnonzero(series.axis() <= most)
    known = not series.folded or not len(at) or at[-1] + 1 < len(series.head())
    return at if known else None


def _cut(series: Series, at: Ints) -> Series:
    builder = SeriesBuilder(
        series.name,
        key=series.key,
        form=series.form,
        kind=series.kind,
        step_key=series.step_key,
        unit=series.unit,
    )
    for file_at, positions in _by_file(series, at):
        builder.extend(
            Chunk(
                series.steps[positions], series.values[positions], [series.texts[i] for i in positions.tolist()],
                series.lines[positions], series.columns[positions], [series.quotes[i] for i in positions.tolist()],
                series.files[file_at],
            )
        )  # fmt: skip
    return replace(builder.build(), also_in=series.also_in)


def _by_file(series: Series, at: Ints) -> Iterable[tuple[int, Ints]]:
    files = series.file_of[at]
    for file_at in dict.fromkeys(files.tolist()):
        yield file_at, at[files == file_at]
