"""Which records of a series are looked at: the last stretch of a run, or the first part of the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from wganlint.run import Run, Series
from wganlint.series import Chunk, Floats, Ints, SeriesBuilder

RECORDS, SHARE = 20, 0.10  # the window: long enough for a median, short enough to speak of the end of the run
QUADRATIC = 2_000  # most points for statistics that compare all pairs


def window(series: Series) -> Ints:
    """Return positions of the kept, sampled points in the last max(20 records, 10 %) of a series."""
    first = series.tally.count - max(RECORDS, int(np.ceil(SHARE * series.tally.count)))
    sample = series.sample()
    return sample[series.index[sample] >= first]


def finite(series: Series, at: Ints) -> Ints:
    """Return those positions whose value is a number."""
    return at[np.isfinite(series.values[at])]


def median(values: Floats) -> float:
    """Return the median, NaN where there are no values."""
    return float(np.median(values)) if len(values) else float("nan")


def first_part(run: Run, within: str) -> Run | None:
    """Return the run cut to its first `within` ("50 points", "200 steps"), or None if no series is that long.

    The cut is the first part because a check says how soon a fix must show.
    """
    number, unit = within.split()
    most = int(number)
    cut = [part for series in run.series if (part := _cut(series, most, unit)) is not None]
    if not any(_reaches(series, most, unit) for series in run.series):
        return None
    return replace(run, series=tuple(cut))


def _reaches(series: Series, most: int, unit: str) -> bool:
    if unit == "points":
        return len(series) >= min(most, RECORDS)
    return bool(np.nanmax(series.axis(), initial=-np.inf) >= most)


def _cut(series: Series, most: int, unit: str) -> Series | None:
    keep = series.index < most if unit == "points" else series.axis() <= most
    at = np.flatnonzero(keep)
    if not len(at):
        return None
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
