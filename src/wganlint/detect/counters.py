"""Detectors on counters: how much the generator makes."""

from __future__ import annotations

import numpy as np

from wganlint.detect.registry import Fact, Found, Missing, detector
from wganlint.detect.window import finite, window
from wganlint.evidence import Evidence
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import median
from wganlint.units import Kind, Quantity

LOG_COUNTS = "how much the generator makes: log the number of generated items and of empty samples on each line"


def _stale(run: Run, series: Series) -> str:
    """A counter that is printed only now and then says nothing of the end of the run if its last record is older."""
    losses = [s for role in ("generator_loss", "critic_loss") if (s := run.role(role)) is not None]
    if not losses or np.isnan(series.last.step):
        return ""
    at = window(losses[0])
    start = float(losses[0].steps[at[0]]) if len(at) else float("nan")
    if np.isfinite(start) and series.last.step < start:
        return f"{LOG_COUNTS} ({series.key} was last printed at step {series.last.step:g})"
    return ""


def _speaks_of_items(series: Series) -> bool:
    """Whether the name says what is counted: `total_fake_points`, not `num_fake`, which may be a count of images."""
    book = role_book()
    whole = {"samples", "events", "instances"}  # of these a batch has its number, whatever is in them
    return not (book.words["items"] - whole).isdisjoint(words_of(series.key, book))


def _uncounted(series: Series, real: Series | None) -> str:
    """Return why a count that is mostly 0 may count something else than what the generator makes, or an empty text."""
    values = series.values[np.isfinite(series.values)]
    if _speaks_of_items(series) or not len(values) or np.mean(values > 0) > 0.5 or np.all(values[:3] > 0):
        return ""
    if real is None:
        return f"what {series.key} counts: it is 0 on most lines, and no count of real items stands beside it"
    if not _speaks_of_items(real) and len(set(real.values[np.isfinite(real.values)].tolist())) < 2:
        return f"what {series.key} counts: it is 0 on most lines, and {real.key} beside it never moves"
    return ""


@detector(fields={"name": Kind.TEXT, "largest": Kind.COUNT}, reads="all")
def nonfinite_count(run: Run) -> Found:
    """A logged counter of values that are not finite (`n_nonfinite`, `nan_count`): the largest it shows."""
    series = run.role("nonfinite_count")
    if series is None:
        return Missing("a counter of values that are not finite (n_nonfinite=...)")
    largest = float(np.max(series.values[np.isfinite(series.values)], initial=0.0))
    return Fact({"name": series.key, "largest": Quantity(largest, Kind.COUNT)}, (), series.last.place, (series.name,))


@detector(
    fields={
        "name": Kind.TEXT, "empty": Kind.RATIO, "records": Kind.POINTS, "median": Kind.COUNT, "last": Kind.COUNT,
        "to_real": Kind.RATIO, "with_real": Kind.FLAG, "all": Kind.POINTS,
    },
)  # fmt: skip
def fake_items(run: Run) -> Found:
    """A logged counter of generated items (`total_fake*`, `n_fake*`): the share of its last records that are 0.

    to_real: its median over that of the real counter on the same run (1 if there is none).
    """
    series = run.role("fake_count")
    if series is None:
        return Missing(LOG_COUNTS)
    at = finite(series, window(series))
    if len(at) < 1:
        return Missing(LOG_COUNTS)
    stale = _stale(run, series)
    if stale:
        return Missing(stale)
    values = series.values[at]
    real = run.role("real_count")
    why = _uncounted(series, real)
    if why:
        return Missing(why)
    if real is not None and not real.values[np.isfinite(real.values)].any():
        return Missing(f"real items to compare with: {real.key} is 0 as well")
    share = 1.0
    if real is not None:
        middle = median(real.values[finite(real, window(real))])
        share = median(values) / middle if middle > 0 else 1.0
    zeros = [series.point(i) for i in at.tolist() if series.values[i] == 0]
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "empty": Quantity(float(np.mean(values == 0)), Kind.RATIO),
        "records": Quantity(int(series.index[at[-1]] - series.index[at[0]]) + 1, Kind.POINTS),
        "all": Quantity(len(series), Kind.POINTS),
        "median": Quantity(median(values), Kind.COUNT),
        "last": Quantity(series.last.value, Kind.COUNT, None, series.last.text),
        "to_real": Quantity(share, Kind.RATIO),
        "with_real": real is not None,
    }
    shown = [zeros[0], zeros[-1]] if zeros else [series.last]
    evidence: dict[int, Evidence] = {point.index: point.evidence(f"{series.key}={point.text}") for point in shown}
    return Fact(fields, tuple(evidence.values()), shown[0].place, (series.name,))
