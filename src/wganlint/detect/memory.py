"""Detectors on memory: what grows from record to record, what only peaks, what is said when it runs out."""

from __future__ import annotations

import re

import numpy as np
from msgspec import Struct

from wganlint.detect.launches import stretches
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.series import PAIRED, mann_kendall
from wganlint.detect.source import SOURCE, model
from wganlint.detect.words import where
from wganlint.evidence import derived
from wganlint.late import late
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series
from wganlint.series import Floats, Ints, median
from wganlint.units import Kind, Quantity

LOG = "the memory in use on each record (`torch.cuda.memory_allocated()`, or the process's resident size)"
BYTES = {
    "B": 1.0, "bytes": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40, "KB": 1e3, "kB": 1e3,
    "MB": 1e6, "GB": 1e9, "TB": 1e12,
}  # fmt: skip
_ASKED = late(r"Tried to allocate ([0-9.]+) ([KMGT]iB)")
_TOTAL = late(r"total capacity of ([0-9.]+) ([KMGT]iB)|([0-9.]+) ([KMGT]iB) total capacity")
_IDLE = late(r"([0-9.]+) ([KMGT]iB) is reserved by PyTorch but unallocated")


class _Growth(Struct, frozen=True):
    """How one series grows over one stretch. `slope` by axis unit; `floor`: its lower envelope rises as well."""

    series: Series
    at: Ints
    slope: float
    first: float
    last: float
    trend: float
    late: float  # share of the growth that falls into the last third
    floor: float  # z of the trend of the minima of ten parts
    jumps: int  # the fewest rises from record to record that make four fifths of the growth

    @property
    def share(self) -> float:
        """The growth over where it began."""
        return (self.last - self.first) / self.first if self.first > 0 else 0.0


def _words(series: Series) -> set[str]:
    return set(words_of(series.key, role_book()))


def memory_series(run: Run) -> dict[str, list[Series]]:
    """Return the series of memory by kind: "used", "peak", "reserved", "free"; a limit or a share is none."""
    words = role_book().words
    found: dict[str, list[Series]] = {"used": [], "peak": [], "reserved": [], "free": []}
    for series in run.series:
        mine = _words(series)
        if not (mine & words["memory"] or series.unit in BYTES) or series.unit == "%" or mine & words["unmeasured"]:
            continue
        kind = next((kind for kind in ("free", "peak", "reserved") if mine & words[f"memory_{kind}"]), "used")
        found[kind].append(series)
    return found


def theil_sen(x: Floats, y: Floats) -> float:
    """Return the median of the slopes of all pairs (Theil 1950, Sen 1968, JASA 63); give it a few hundred points."""
    low, high = np.triu_indices(len(x), 1)
    run = x[high] - x[low]
    keep = run > 0
    return median((y[high] - y[low])[keep] / run[keep]) if keep.any() else 0.0


def _growth(series: Series, at: Ints, warm: float, warm_steps: float) -> _Growth | None:
    """Return how a stretch grows after its warm-up: the first `warm` of its records, at most `warm_steps` steps."""
    axis = series.axis()[at]
    if len(at) < 4 or not np.all(np.diff(axis) >= 0):
        axis = series.index[at].astype(np.float64)
    skip = min(int(np.ceil(warm * len(at))), int(np.searchsorted(axis, axis[0] + warm_steps, side="right")))
    at, axis = at[skip:], axis[skip:]
    if len(at) < 8:
        return None
    thin = np.linspace(0, len(at) - 1, min(len(at), PAIRED)).round().astype(np.int64)
    values = series.values[at]
    x, y = axis[thin], values[thin]
    part = max(2, len(at) // 10)
    first, last = median(values[:part]), median(values[-part:])
    third = median(values[-len(values) // 3 - part // 2 : -len(values) // 3 + part // 2 + 1])
    minima = np.array([chunk.min() for chunk in np.array_split(values, 10) if len(chunk)])
    late = (last - third) / (last - first) if last != first else 0.0
    return _Growth(
        series, at, theil_sen(x, y), first, last, mann_kendall(y), late, mann_kendall(minima), _jumps(values)
    )


def _jumps(values: Floats) -> int:
    """Return how few rises make four fifths of the net growth; the highest value so far counts, not its dips."""
    rises = np.sort(np.diff(np.maximum.accumulate(values)))[::-1]
    total = float(rises.sum())
    return int(np.searchsorted(np.cumsum(rises), 0.8 * total)) + 1 if total > 0 else 0


def _bytes(series: Series, value: float) -> Quantity:
    if series.unit in BYTES:
        return Quantity(value * BYTES[series.unit], Kind.BYTES)
    return Quantity(value, Kind.NUMBER, series.decimals)


def _text(series: Series, value: float) -> str:
    from wganlint.units import show

    return show(_bytes(series, value))


@detector(
    fields={
        "name": Kind.TEXT, "kind": Kind.TEXT, "first": Kind.TEXT, "last": Kind.TEXT, "gained": Kind.TEXT,
        "share": Kind.RATIO, "pace": Kind.RATIO, "per": Kind.TEXT, "trend": Kind.NUMBER, "late": Kind.RATIO,
        "floor": Kind.NUMBER, "records": Kind.POINTS, "stretches": Kind.COUNT, "full": Kind.STEPS, "limited": Kind.FLAG,
        "used_grows": Kind.FLAG, "peak_only": Kind.FLAG, "idle": Kind.FLAG, "large": Kind.FLAG,
        "jumps": Kind.COUNT,
    },
    parameters={
        "warm": Parameter(float, None, "share of a start's records that is left out as warm-up"),
        "warm_steps": Parameter(int, None, "most steps of that"),
        "records": Parameter(int, None, "fewest records after it"),
        "least": Parameter(float, None, "growth over the level from which a series counts as growing"),
        "sure": Parameter(float, None, "z of the trend test from which a growth is no chance"),
        "bytes": Parameter(float, None, "growth in bytes from which a growth is large, whatever its share"),
    },
)  # fmt: skip
def memory_growth(
    run: Run, warm: float, warm_steps: int, records: int, least: float, sure: float, bytes: float
) -> Found:
    """Memory that grows within one start of the program: the series and start that grow most, warm-up left out.

    share: (median of the last tenth - of the first tenth) / the latter; pace: share per 1000 of the log's steps (per
    record of a log without steps: `per`); trend, floor: z of the Mann-Kendall test on all records, and on the minima of
    ten parts: a leak lifts the floor, larger batches only the peaks (Mann 1945, Kendall 1975). late: the part of the
    growth that falls into the last third: near 1/3 for a steady leak, near 0 for a warm-up. full: steps until a logged
    limit is reached, at the Theil-Sen slope. jumps: the fewest rises that make four fifths of the growth: a
    leak takes many, a larger resolution one. used_grows: memory in use grows, not only a peak counter or the
    allocator's reserve; peak_only: only a peak counter is logged or grows; idle: reserve grows while what is in use
    does not. large: the growth has at least `bytes`.
    """
    found = memory_series(run)
    kinds = [(kind, series) for kind in ("used", "peak", "reserved") for series in found[kind]]
    if not kinds:
        return Missing(LOG)
    grown: dict[str, list[_Growth]] = {"used": [], "peak": [], "reserved": []}
    looked = 0
    for kind, series in kinds:
        for at in stretches(run, series):
            growth = _growth(series, at, warm, float(warm_steps))
            if growth is None or len(growth.at) < records:
                continue
            looked += 1
            if growth.slope > 0 and growth.trend >= sure and (growth.share >= least or _large(growth, bytes)):
                grown[kind].append(growth)
    if not looked:
        return Missing(f"{LOG}, over at least {records} records of one start")
    kind = next((kind for kind in ("used", "peak", "reserved") if grown[kind]), "")
    if not kind:
        return ABSENT
    best = max(grown[kind], key=lambda growth: growth.share)
    series = best.series
    axis = series.axis()[best.at]
    span = float(axis[-1] - axis[0]) if len(axis) and axis[-1] > axis[0] else float(len(axis))
    limit = _limit(found["free"], best)
    stepped = bool(series.step_key) and not np.isnan(series.steps[best.at]).any()
    first, last = series.point(int(best.at[0])), series.point(int(best.at[-1]))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "kind": kind,
        "first": _text(series, best.first),
        "last": _text(series, best.last),
        "gained": _text(series, best.last - best.first),
        "share": Quantity(best.share, Kind.RATIO),
        "pace": Quantity(best.share * 1000 / span, Kind.RATIO),
        "per": f"1000 of its {series.step_key}" if stepped else "1000 records",
        "trend": Quantity(best.trend, Kind.NUMBER, 1),
        "late": Quantity(best.late, Kind.RATIO),
        "floor": Quantity(best.floor, Kind.NUMBER, 1),
        "records": Quantity(len(best.at) if not series.folded else int(last.index - first.index) + 1, Kind.POINTS),
        "stretches": Quantity(
            len({int(growth.at[0]) for growth in grown[kind] if growth.series is series}), Kind.COUNT
        ),
        "full": Quantity(round(limit), Kind.STEPS),
        "limited": limit > 0,
        "used_grows": kind == "used",
        "peak_only": kind == "peak",
        "idle": kind == "reserved" and bool(found["used"]),
        "large": _large(best, bytes),
        "jumps": Quantity(best.jumps, Kind.COUNT),
    }
    formula = (
        f"slope (Theil-Sen) = {_text(series, best.slope * 1000)} per {fields['per']}; "
        f"{_text(series, best.first)} -> {_text(series, best.last)} = {best.share:+.0%}"
    )
    shown = (first.evidence("after the warm-up"), last.evidence("at the end of this start"), derived(formula))
    return Fact(fields, shown, first.place, (series.name,))


def _large(growth: _Growth, bytes: float) -> bool:
    unit = BYTES.get(growth.series.unit)
    return unit is not None and (growth.last - growth.first) * unit >= bytes


def _limit(free: list[Series], growth: _Growth) -> float:
    """Return how many steps are left until the logged free memory is used up, 0 where none is logged."""
    unit = BYTES.get(growth.series.unit)
    for series in free:
        if series.unit in BYTES and unit is not None and growth.slope > 0 and series.last.value > 0:
            return series.last.value * BYTES[series.unit] / (growth.slope * unit)
    return 0.0


@detector(
    fields={
        "count": Kind.COUNT, "asked": Kind.BYTES, "total": Kind.BYTES, "unused": Kind.BYTES, "fragmented": Kind.FLAG,
        "sized": Kind.FLAG, "last": Kind.FLAG,
    },
    reads="all",
)  # fmt: skip
def out_of_memory(run: Run) -> Found:
    """Out-of-memory errors in the log: how many, and the sizes that the first one states.

    fragmented: PyTorch holds at least as much reserved and unallocated as it asked for, so the memory is there but in
    pieces. last: a start of the program ended with it.
    """
    said = next((one for one in run.said if one.kind == "out_of_memory"), None)
    if said is None:
        return ABSENT if run.launches else Missing("a text log")
    sized = next((line for line in said.lines if _ASKED.search(line[1])), said.lines[0])
    asked, total, idle = (_size(pattern, sized[1]) for pattern in (_ASKED, _TOTAL, _IDLE))
    fields: dict[str, Quantity | bool | str] = {
        "count": Quantity(said.count, Kind.COUNT),
        "asked": Quantity(asked, Kind.BYTES),
        "total": Quantity(total, Kind.BYTES),
        "unused": Quantity(idle, Kind.BYTES),
        "fragmented": idle >= asked > 0,
        "sized": asked > 0,
        "last": any(launch.outcome == "out_of_memory" for launch in run.launches),
    }
    at = said.lines.index(sized)
    return Fact(fields, (said.evidence("out of memory", at),), sized[0])


@detector(
    fields={
        "kind": Kind.TEXT, "code": Kind.TEXT, "name": Kind.TEXT, "into": Kind.TEXT, "where": Kind.TEXT,
        "retained": Kind.FLAG, "cycle": Kind.FLAG, "sites": Kind.COUNT, "fixed": Kind.TEXT,
    },
)  # fmt: skip
def kept_graphs(run: Run) -> Found:
    """A place in the source where a graph outlives its step: a loss is appended or added with its graph, or
    `backward(create_graph=True)` makes a cycle between a parameter and its gradient. fixed: the line mended."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.leaks:
        return ABSENT
    site = min(source.leaks, key=lambda leak: (leak.kind == "cycle", not leak.retained, leak.kind != "list"))
    code = site.quote.strip()
    mended = (
        ""
        if site.kind == "cycle"
        else re.sub(rf"\b{re.escape(site.name)}\b(?!\.)(?=[^=]*$)", f"{site.name}.item()", code)
    )
    fields: dict[str, Quantity | bool | str] = {
        "kind": {"list": "appended to a list", "sum": "added to a sum", "cycle": "differentiated with create_graph"}[
            site.kind
        ],
        "code": code,
        "name": site.name,
        "into": site.into,
        "where": where(site.place),
        "retained": site.retained,
        "cycle": site.kind == "cycle",
        "sites": Quantity(len(source.leaks), Kind.COUNT),
        "fixed": mended,
    }
    return Fact(fields, tuple(leak.evidence("keeps its graph") for leak in source.leaks[:4]), site.place)


def _size(pattern: re.Pattern[str], text: str) -> float:
    match = pattern.search(text)
    if match is None:
        return 0.0
    number, unit = [group for group in match.groups() if group is not None]
    try:
        return float(number) * BYTES[unit]
    except ValueError:
        return 0.0
