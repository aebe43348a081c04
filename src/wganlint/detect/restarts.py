"""Detectors on what a restart does to the numbers: losses or learning rate that begin anew where a run was resumed."""

from __future__ import annotations

import numpy as np

from wganlint.detect.bounds import resolution_at
from wganlint.detect.rates import rate_series
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.series import ADVERSARIAL, roles
from wganlint.detect.statistics import spread
from wganlint.detect.window import finite
from wganlint.detect.words import since
from wganlint.run import RESUMED, Run, Series
from wganlint.series import Ints, median
from wganlint.units import Kind, Quantity

BEFORE = 20  # records that tell what the resumed run should go on from
LEAST = 10
YOUNG = 5  # first records of all, which a training that begins anew repeats


def _boundaries(run: Run, series: Series) -> list[int]:
    """Return the first kept points behind each resume: of later files, and where notes tell of one."""
    found = (np.flatnonzero(np.diff(series.file_of)) + 1).tolist() if len(series.files) > 1 else []
    for note in run.notes:
        if not note.text.startswith(RESUMED) or note.place.file not in series.files or note.place.line is None:
            continue
        here = series.file_of == series.files.index(note.place.file)
        behind = np.flatnonzero(here & (series.lines >= note.place.line))
        if len(behind) and behind[0] > 0:
            found.append(int(behind[0]))
    return sorted(set(found))


@detector(
    fields={
        "name": Kind.TEXT, "names": Kind.TEXT, "before": Kind.NUMBER, "after": Kind.NUMBER, "first": Kind.NUMBER,
        "since": Kind.TEXT, "size": Kind.NUMBER, "near": Kind.RATIO, "file": Kind.TEXT, "series": Kind.COUNT,
        "was": Kind.RATIO,
    },
)  # fmt: skip
def restart_jump(run: Run) -> Found:
    """A jump of an adversarial series where the run was resumed, back to what it was at the very first.

    size: distance of the first record there from the median of the 20 before, in their spreads (1.4826 MAD, at least
    one printed unit); near: its distance from the first record of all, over that of the first record from the level
    before; was: the same for the nearest of the first records; series: how many series jump at that place. Of several
    places the one with the most series, then the largest size.
    """
    series = [s for _, s in roles(run, ADVERSARIAL)]
    if not series:
        return Missing("a critic or generator loss")
    jumps: dict[tuple[str, float], list[tuple[float, Fact]]] = {}
    for one in series:
        for at in _boundaries(run, one):
            told = _jump(one, at)
            if told is not None:
                point = one.point(at)
                jumps.setdefault((point.place.file, point.step), []).append(told)
    if not jumps:
        return ABSENT
    (file, _), best = max(jumps.items(), key=lambda item: (len(item[1]), max(size for size, _ in item[1])))
    fact = max(best, key=lambda one: one[0])[1]
    names = ", ".join(str(told.fields["name"]) for _, told in best)
    fields = {**fact.fields, "names": names, "file": file, "series": Quantity(len(best), Kind.COUNT)}
    return Fact(fields, fact.evidence, fact.place, fact.series)


def _jump(series: Series, boundary: int) -> tuple[float, Fact] | None:
    """Return how far the first record of a later file lies from those before, where it lies beyond their noise."""
    at: Ints = finite(series, np.arange(len(series.values)))
    earlier, later = at[at < boundary][-BEFORE:], at[at >= boundary]
    if len(earlier) < LEAST or not len(later):
        return None
    values = series.values
    level, here, first = median(values[earlier]), float(values[later[0]]), float(values[at[0]])
    unit = max(spread(values[earlier]), resolution_at(series, at) or 0.0, 1e-9)
    size = abs(here - level) / unit
    away = abs(first - level)
    if size <= 1 or away <= 0:
        return None
    young = values[at[:YOUNG]]
    point, last = series.point(int(later[0])), series.point(int(earlier[-1]))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "names": series.key,
        "before": series.quantity(level),
        "after": series.quantity(here, point.text),
        "first": series.quantity(first, series.first.text),
        "since": since(point),
        "size": Quantity(size, Kind.NUMBER, 0),
        "near": Quantity(abs(here - first) / away, Kind.RATIO),
        "was": Quantity(float(np.min(np.abs(here - young))) / away, Kind.RATIO),
        "file": point.place.file,
        "series": Quantity(1, Kind.COUNT),
    }
    evidence = (
        last.evidence(f"{series.key}, the last record before"),
        point.evidence("the first record of the resumed run"),
        series.first.evidence("the first record of all"),
    )
    return size, Fact(fields, evidence, point.place, (series.name,))


@detector(
    fields={"name": Kind.TEXT, "before": Kind.NUMBER, "after": Kind.NUMBER, "rise": Kind.FACTOR, "since": Kind.TEXT},
)
def restart_rate(run: Run) -> Found:
    """A learning rate that had fallen and is back at its first value where the run was resumed.

    rise: the rate after the restart over the one before; only where it comes within 2 % of the first rate of all.
    """
    found: list[tuple[float, Fact]] = []
    looked = False
    for series in rate_series(run):
        looked = True
        for at in _boundaries(run, series):
            before, after, first = float(series.values[at - 1]), float(series.values[at]), float(series.first.value)
            if not (before > 0 and after > before and abs(after - first) <= 0.02 * abs(first)):
                continue
            point = series.point(at)
            fields: dict[str, Quantity | bool | str] = {
                "name": series.key,
                "before": series.quantity(before, series.texts[at - 1]),
                "after": series.quantity(after, series.texts[at]),
                "rise": Quantity(after / before, Kind.FACTOR),
                "since": since(point),
            }
            evidence = (series.point(at - 1).evidence("the rate before"), point.evidence("the rate after the restart"))
            found.append((after / before, Fact(fields, evidence, point.place, (series.name,))))
    if found:
        return max(found, key=lambda one: one[0])[1]
    return ABSENT if looked else Missing("the learning rate on each record")


@detector(fields={"line": Kind.TEXT, "count": Kind.COUNT, "restored": Kind.FLAG})
def state_reset_said(run: Run) -> Found:
    """Lines by which the program itself tells that an optimizer's state was cleared, reset or could not be loaded.

    restored: it stands where a checkpoint is loaded ("could not load optimizer state"), not in the middle of training.
    """
    said = next((one for one in run.said if one.kind == "optimizer_state_lost"), None)
    if said is None or not said.lines:
        return ABSENT
    place, quote = said.lines[0]
    low = quote.lower()
    fields: dict[str, Quantity | bool | str] = {
        "line": quote[:80],
        "count": Quantity(said.count, Kind.COUNT),
        "restored": any(word in low for word in ("load", "restor", "resum", "checkpoint")),
    }
    return Fact(fields, (said.evidence("the program says so"),), place)
