"""Detectors on logged gradient norms: where they go, and whether a stated clip ever or always acts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite, window
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import median
from wganlint.units import Kind, Quantity

NORMS = "gradient norms"
FIRST, EARLY = 50.0, 500.0  # steps of the first stretch that is no longer the very start
NOT_NORMS = ("penalty", "rate", "clock", "weight", "nonfinite", "nan")


def gradient_norms(run: Run) -> Iterator[Series]:
    """Yield the logged norms of gradients: the roles first, then others by name (`grad_norm/G`, `netD grad norm`)."""
    book = role_book()
    told = [s for r in ("critic_gradient_norm", "generator_gradient_norm", "gradient_norm") if (s := run.role(r))]
    yield from told
    for series in run.series:
        words = set(words_of(series.key, book))
        if series in told or not words & book.words["gradient"] or not words & book.words["norm"]:
            continue
        if any(words & book.words[never] for never in NOT_NORMS) or {"max", "clip", "threshold"} & words:
            continue
        yield series


@detector(
    fields={
        "name": Kind.TEXT, "early": Kind.NUMBER, "late": Kind.NUMBER, "growth": Kind.FACTOR, "records": Kind.POINTS,
        "peak": Kind.NUMBER,
    },
)  # fmt: skip
def norm_course(run: Run) -> Found:
    """The gradient norm that grows most: median over the last max(20, 10 %) records over that of an early stretch.

    Early: steps 50 to 500 where at least 5 records lie there, else the second tenth of the records (at least 5). peak:
    the largest value anywhere.
    """
    series = list(gradient_norms(run))
    if not series:
        return Missing(NORMS)
    courses = [f for one in series if (f := _course(one)) is not None]
    if not courses:
        return Missing("at least 20 records of a gradient norm")
    return max(courses, key=_growth)


def _growth(fact: Fact) -> float:
    late = fact.fields["late"]
    growth = fact.fields["growth"]
    assert isinstance(late, Quantity) and isinstance(growth, Quantity)
    return growth.value * float(max(late.value, 1e-30) ** 0.01)


def _course(series: Series) -> Fact | None:
    at = finite(series, series.sample())
    if len(at) < 20 or (series.values[at] < 0).any():
        return None
    axis = series.axis()[at]
    chosen = np.flatnonzero((axis >= FIRST) & (axis <= EARLY))
    if len(chosen) < 5 or len(chosen) > len(at) // 2:
        tenth = max(5, len(at) // 10)
        chosen = np.arange(tenth, min(2 * tenth, len(at)))
    early = median(series.values[at[chosen]])
    end = finite(series, window(series))[-max(3, len(at) // 3) :]
    late = median(series.values[end])
    everything = finite(series, np.arange(len(series.values)))
    peak = series.point(int(everything[np.argmax(series.values[everything])]))
    first = series.point(int(at[chosen[0]]))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "early": series.quantity(early),
        "late": series.quantity(late),
        "growth": Quantity(late / early if early > 0 else 1.0, Kind.FACTOR),
        "records": Quantity(int(series.index[end[-1]] - series.index[end[0]]) + 1, Kind.POINTS),
        "peak": series.quantity(peak.value, peak.text),
    }
    evidence = (first.evidence(f"{series.key} early"), series.last.evidence(f"{series.key} at the end"))
    return Fact(fields, evidence, series.last.place, (series.name,))


@detector(
    fields={"name": Kind.TEXT, "bound": Kind.NUMBER, "acts": Kind.RATIO, "norm": Kind.TEXT, "with_norms": Kind.FLAG},
)
def gradient_clip(run: Run) -> Found:
    """A stated bound on the gradient norm (max_grad_norm, clip_grad_norm ...) and how often logged norms exceed it.

    acts: share of the sampled records of a logged norm above the bound; norms that never exceed it although they come
    within 1 % of it are norms after clipping and count as 0 with with_norms false.
    """
    stated = next((s for s in run.stated("gradient_clip") if s.number is not None and s.number > 0), None)
    if stated is None or stated.number is None:
        return Missing("a bound on the gradient norm")
    bound = stated.number
    shares: list[tuple[float, str]] = []
    for series in gradient_norms(run):
        values = series.values[finite(series, series.sample())]
        if len(values) < 10:
            continue
        clipped = bool(np.max(values) <= 1.001 * bound and np.mean(values >= 0.99 * bound) > 0.05)
        if not clipped:
            shares.append((float(np.mean(values > bound)), series.key))
    acts, name = max(shares, default=(0.0, ""))
    fields: dict[str, Quantity | bool | str] = {
        "name": stated.name,
        "bound": Quantity(bound, Kind.NUMBER, None, stated.value),
        "acts": Quantity(acts, Kind.RATIO),
        "norm": name,
        "with_norms": bool(shares),
    }
    return Fact(fields, (stated.evidence,), stated.evidence.place)


@detector(fields={"what": Kind.TEXT})
def norms_told(run: Run) -> Found:
    """Gradient norms or a bound on them: something to judge either by."""
    if isinstance(norm_course(run), Fact):
        return Fact({"what": NORMS})
    if isinstance(gradient_clip(run), Fact):
        return Fact({"what": "a bound on the gradient norm"})
    return Missing(NORMS) if not list(gradient_norms(run)) else ABSENT


FINE = 4  # decimals from which a printed 0 is taken for no gradient: 0.00 may be any small one


@detector(
    fields={"name": Kind.TEXT, "text": Kind.TEXT, "share": Kind.RATIO, "records": Kind.POINTS, "whole": Kind.FLAG},
    parameters={"records": Parameter(int, None, "fewest records")},
)
def dead_gradient(run: Run, records: int) -> Found:
    """The logged gradient norm of the generator is exactly 0 where it is printed finely enough to tell.

    Fields: share: of the last max(20, 10 %) records; whole: of all records the log carries, each is 0. A number that
    JSON writes as 0.0 is as fine as the others of its record.
    """
    series = run.role("generator_gradient_norm")
    if series is None:
        return Missing("the gradient norm of the generator")
    at = finite(series, window(series))
    if len(at) < records:
        return Missing(f"at least {records} records of the generator's gradient norm")
    zero = series.values[at] == 0
    if not zero.any():
        return ABSENT
    if not _is_fine(run, series):
        return Missing(f"{series.key} with more decimals: a small gradient would print as 0")
    first = series.point(int(at[np.flatnonzero(zero)[0]]))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "text": first.text,
        "share": Quantity(float(np.mean(zero)), Kind.RATIO),
        "records": Quantity(int(series.index[at[-1]] - series.index[at[0]]) + 1, Kind.POINTS),
        "whole": not series.values[finite(series, series.sample())].any(),
    }
    evidence = (first.evidence(f"{series.key} is 0"), series.last.evidence("at the last record"))
    return Fact(fields, evidence, first.place, (series.name,))


def _is_fine(run: Run, series: Series) -> bool:
    if series.decimals is None or series.decimals >= FINE:
        return True
    beside = [s.decimals or 0 for s in run.series if s is not series and s.kind == "table" == series.kind]
    return series.texts[-1] == "0.0" and max(beside, default=0) >= FINE
