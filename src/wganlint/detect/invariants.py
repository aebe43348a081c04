"""Detectors on counters that cannot be: what the user says must hold, what only rises, what is at least one each."""

from __future__ import annotations

import numpy as np

from wganlint.align import align
from wganlint.detect.launches import stretches
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite, window
from wganlint.detect.words import since
from wganlint.evidence import Evidence, derived
from wganlint.expect import Expectation
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series, Setting
from wganlint.series import Ints, median
from wganlint.units import Kind, Quantity

COUNTERS = "counters of what was read (events=, items=), or a rule of yours (--expect 'items>=events')"
_OFF = {"false", "none", "no", "0", "off", ""}


def _said(name: str, *kinds: str) -> bool:
    """Whether a name has a word of each of these lists."""
    book = role_book()
    words = set(words_of(name, book))
    return all(words & book.words[kind] for kind in kinds)


def _named(run: Run, name: str) -> Series | None:
    found = run.named(name) or next((s for s in run.series if s.key == name), None)
    return found or run.role(name)


@detector(
    fields={
        "text": Kind.TEXT, "count": Kind.POINTS, "records": Kind.POINTS, "since": Kind.TEXT, "values": Kind.TEXT,
        "to_end": Kind.FLAG, "others": Kind.COUNT,
    },
    reads="all",
)  # fmt: skip
def expectation_broken(run: Run) -> Found:
    """What the user said must hold (`--expect`) and does not: the expectation that fails most often.

    count: kept records where it fails, of the records that carry all its series; since: the first; values: what they
    are there; others: further expectations that fail.
    """
    if not run.expected:
        return ABSENT
    lacking: list[str] = []
    broken: list[tuple[int, int, Expectation, list[tuple[Series, Ints]]]] = []
    for expectation in run.expected:
        series = [_named(run, name) for name in expectation.names]
        known = [one for one in series if one is not None]
        if len(known) < len(series):
            lacking += [name for name, one in zip(expectation.names, series, strict=True) if one is None]
            continue
        at, others = align(known[0], known[1:], np.arange(len(known[0].values)))
        places = [at, *others]
        if not len(at):
            lacking.append(f"a record that carries {' and '.join(expectation.names)}")
            continue
        columns = {name: one.values[p] for name, one, p in zip(expectation.names, known, places, strict=True)}
        holds, told = expectation.holds(columns)
        wrong = np.flatnonzero(~holds & told)
        if len(wrong):
            broken.append(
                (len(wrong), int(told.sum()), expectation, [(s, p[wrong]) for s, p in zip(known, places, strict=True)])
            )
    if not broken:
        return Missing(f"what --expect names: {', '.join(dict.fromkeys(lacking))}") if lacking else ABSENT
    count, records, worst, found = max(broken, key=lambda one: one[0])
    first = [series.point(int(at[0])) for series, at in found]
    lead = found[0][0]
    fields: dict[str, Quantity | bool | str] = {
        "text": worst.text,
        "count": Quantity(count, Kind.POINTS),
        "records": Quantity(records, Kind.POINTS),
        "since": since(first[0]),
        "values": ", ".join(f"{series.key}={point.text}" for (series, _), point in zip(found, first, strict=True)),
        "to_end": bool(found[0][1][-1] == len(lead.values) - 1),
        "others": Quantity(len(broken) - 1, Kind.COUNT),
    }
    shown = list(
        dict.fromkeys(point.evidence(f"{s.key}={point.text}") for (s, _), point in zip(found, first, strict=True))
    )
    return Fact(fields, tuple(shown[:3]), first[0].place, tuple(series.name for series, _ in found))


@detector(fields={"what": Kind.TEXT})
def counted(run: Run) -> Found:
    """Something that can be counted on: what the user declared, two counters of one line, or one that only rises."""
    if run.expected:
        return Fact({"what": ", ".join(one.text for one in run.expected)})
    pair = _pair(run)
    if pair is not None:
        return Fact({"what": f"{pair[0].key} and {pair[1].key}"})
    for series in _counters(run):
        if any(len(at) >= 20 and cumulative(series, at) for at in stretches(run, series)):
            return Fact({"what": series.key})
    return Missing(COUNTERS)


def _counters(run: Run) -> list[Series]:
    """Return the series that may be counters: those that play no role, and are no clock, memory or bar."""
    book = role_book()
    taken = {guess.series for guess in run.roles.values()} | set(run.auxiliary)
    other = book.words["clock"] | book.words["memory"]
    return [
        series for series in run.series
        if series.name not in taken and series.kind != "redraw" and not series.unit
        and not other & set(words_of(series.key, book))
    ]  # fmt: skip


def cumulative(series: Series, at: Ints, most: float = 0.05) -> bool:
    """Whether a stretch of a series counts up: whole numbers that rise nearly everywhere and hardly ever fall."""
    values = series.values[at]
    if len(values) < 4 or not np.all(values == np.floor(values)) or values[0] < 0:
        return False
    change = np.diff(values)
    return bool(np.mean(change > 0) >= 0.9 and np.mean(change < 0) <= most and values[-1] > values[0])


@detector(
    fields={
        "name": Kind.TEXT, "before": Kind.TEXT, "after": Kind.TEXT, "since": Kind.TEXT, "falls": Kind.COUNT,
        "records": Kind.POINTS, "total": Kind.FLAG,
    },
    parameters={
        "records": Parameter(int, None, "fewest records of one start"),
        "rare": Parameter(float, None, "most falls, as a share of the records"),
        "kept": Parameter(float, None, "share of its value that a fall keeps; what falls lower was reset"),
        "rises": Parameter(float, None, "size of the fall over the usual rise"),
    },
    reads="all",
)  # fmt: skip
def counter_falls(run: Run, records: int, rare: float, kept: float, rises: float) -> Found:
    """A counter that rises on nearly every record and falls at some, inside one start of the program.

    A fall to a small part of its value is a reset, one within the usual rise the disorder of several writers: both are
    left out, and so are clocks, memory and what plays a role. total: its name says that it adds up.
    """
    book = role_book()
    looked = False
    for series in _counters(run):
        words = set(words_of(series.key, book))
        for at in stretches(run, series):
            if len(at) < records or not cumulative(series, at, rare):
                continue
            looked = True
            values, steps = series.values[at], series.steps[at]
            change = np.diff(values)
            usual = median(change[change > 0])
            falls = np.flatnonzero(
                (change < -rises * usual) & (values[1:] > kept * values[:-1]) & (values[1:] > values[0])
            )
            falls = falls[~(steps[falls + 1] < steps[falls])]
            if len(falls):
                before, after = series.point(int(at[falls[0]])), series.point(int(at[falls[0] + 1]))
                fields: dict[str, Quantity | bool | str] = {
                    "name": series.key,
                    "before": before.text,
                    "after": after.text,
                    "since": since(after),
                    "falls": Quantity(len(falls), Kind.COUNT),
                    "records": Quantity(len(at), Kind.POINTS),
                    "total": bool(words & (book.words["adds_up"] | book.words["groups"] | book.words["elements"])),
                }
                shown = (before.evidence("before"), after.evidence("and then less"))
                return Fact(fields, shown, after.place, (series.name,))
    return ABSENT if looked else Missing(COUNTERS)


@detector(
    fields={
        "elements": Kind.TEXT, "groups": Kind.TEXT, "ratio": Kind.NUMBER, "option": Kind.TEXT, "counted": Kind.TEXT,
        "idle": Kind.FLAG, "dropped": Kind.FLAG, "since": Kind.TEXT,
    },
)  # fmt: skip
def items_per_group(run: Run) -> Found:
    """How many elements (points, hits, muons) there are for each group (event, graph, sample), by two counters
    of one line.

    ratio: rise of one over rise of the other over the last max(20, 10 %) records, or their quotient where neither adds
    up. dropped: a setting or a counter says that empty groups are dropped, so that at least one each is left; idle:
    that counter stands at 0.
    """
    pair = _pair(run)
    if pair is None:
        return Missing(
            "two counters on one line: of elements (points=, hits=) and of the groups that hold them (events=)"
        )
    elements, groups = pair
    at, (other,) = align(groups, [elements], finite(groups, window(groups)))
    keep = np.isfinite(elements.values[other])
    at, other = at[keep], other[keep]
    if len(at) < 2:
        return Missing(COUNTERS)
    rise, base = elements.values[other[-1]] - elements.values[other[0]], groups.values[at[-1]] - groups.values[at[0]]
    adds = cumulative(groups, at) and cumulative(elements, other) and base > 0
    if not adds:
        rise, base = median(elements.values[other]), median(groups.values[at])
    ratio = rise / base if base > 0 else float("inf")
    option, counter = _drops_empty(run)
    first, last = elements.point(int(other[0])), groups.point(int(at[-1]))
    fields: dict[str, Quantity | bool | str] = {
        "elements": elements.key,
        "groups": groups.key,
        "ratio": Quantity(ratio, Kind.NUMBER, 3),
        "option": f"{option.name}={option.value}" if option is not None else "",
        "counted": f"{counter.key}={counter.last.text}" if counter is not None else "",
        "idle": counter is not None and not counter.values[np.isfinite(counter.values)].any(),
        "dropped": option is not None or counter is not None,
        "since": since(first),
    }
    formula = f"{elements.key} / {groups.key} = {rise:.10g} / {base:.10g} = {ratio:.3f}"
    evidence: list[Evidence] = [last.evidence("the last record with both"), derived(formula, "over the last records")]
    evidence += [counter.last.evidence("the counter of what is dropped")] if counter is not None else []
    evidence += [option.evidence("the option")] if option is not None else []
    return Fact(fields, tuple(evidence), last.place, (elements.name, groups.name))


def _pair(run: Run) -> tuple[Series, Series] | None:
    book = role_book()
    out = (
        {"real", "fake", "generated", "gen"}
        | book.words["dropped"]
        | book.words["aim"]
        | book.words["mean"]
        | book.words["loss"]
    )
    plain = [s for s in run.series if not set(words_of(s.key, book)) & out and s.kind != "redraw" and len(s) >= 2]
    for groups in plain:
        if not _said(groups.key, "groups"):
            continue
        for elements in plain:
            if _said(elements.key, "elements") and elements.form == groups.form and elements.files == groups.files:
                return elements, groups
    return None


def _drops_empty(run: Run) -> tuple[Setting | None, Series | None]:
    """Return what says that empty groups are dropped: a setting that is on, and a counter of them."""
    options = (s for s in run.settings if _said(s.name, "dropped", "empty") and s.value.lower() not in _OFF)
    counters = (s for s in run.series if _said(s.key, "dropped", "empty"))
    return next(options, None), next(counters, None)


@detector(
    fields={
        "name": Kind.TEXT, "records": Kind.POINTS, "span": Kind.STEPS, "option": Kind.TEXT, "known": Kind.FLAG,
        "empty": Kind.FLAG,
    },
    reads="all",
)  # fmt: skip
def filter_count(run: Run) -> Found:
    """A counter of what a filter drops (`skipped_empty`, `dropped_oversize`) that is 0 on every record.

    option: the setting that turns the filter on, known: there is one; empty: it drops empty groups. Counters of faults
    (NaN, overflow, out of memory) stand at 0 in a sound run and are none.
    """
    counters = [s for s in run.series if _said(s.key, "dropped") and not _said(s.key, "faults") and s.kind != "redraw"]
    if not counters:
        return Missing("a counter of what a filter drops (skipped_empty=, dropped=)")
    idle = [s for s in counters if s.tally.finite and not s.values[np.isfinite(s.values)].any()]
    if not idle:
        return ABSENT
    series, option = max(((s, _option(run, s)) for s in idle), key=lambda pair: (pair[1] is not None, len(pair[0])))
    axis = series.axis()
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "records": Quantity(len(series), Kind.POINTS),
        "span": Quantity(float(np.nanmax(axis) - np.nanmin(axis)) if len(axis) else 0.0, Kind.STEPS),
        "option": f"{option.name}={option.value}" if option is not None else "",
        "known": option is not None,
        "empty": _said(series.key, "empty"),
    }
    shown = [series.first.evidence("from the first record"), series.last.evidence("to the last")]
    shown += [option.evidence("the option is on")] if option is not None else []
    return Fact(fields, tuple(shown), series.last.place, (series.name,))


def _option(run: Run, counter: Series) -> Setting | None:
    """Return the setting that turns on the filter of a counter: it shares the word that says what is dropped."""
    book = role_book()
    what = set(words_of(counter.key, book)) - book.words["dropped"] - book.words["count"]
    for setting in run.settings:
        words = set(words_of(setting.name, book))
        shared = words & what or (what & book.words["empty"] and words & book.words["empty"])
        if words & book.words["dropped"] and shared and setting.value.lower() not in _OFF:
            return setting
    return None


@detector(
    fields={
        "name": Kind.TEXT, "largest": Kind.COUNT, "usual": Kind.COUNT, "times": Kind.FACTOR, "records": Kind.POINTS,
        "since": Kind.TEXT, "cap": Kind.COUNT, "capped": Kind.FLAG, "within": Kind.FLAG,
    },
    parameters={"records": Parameter(int, None, "fewest records")},
    reads="all",
)  # fmt: skip
def heavy_tail(run: Run, records: int) -> Found:
    """A count of items that is far larger on some records than usual: batches, or single groups, with a heavy tail.

    largest over usual (times): of a series of items per record, its highest value over its median; or (within) a logged
    maximum over the logged average beside it. cap: a limit that is stated for it, if any.
    """
    book = role_book()
    found: list[tuple[float, Series, int, float, bool]] = []
    looked = False
    for series in run.series:
        words = set(words_of(series.key, book))
        if not words & (book.words["elements"] | book.words["items"]) or words & (
            book.words["dropped"] | {"fake", "generated", "gen"}
        ):
            continue
        values = series.values
        at = np.flatnonzero(np.isfinite(values))
        if len(at) < records or not np.all(values[at] == np.floor(values[at])) or cumulative(series, at[:10_000]):
            continue
        top = int(at[np.argmax(values[at])])
        if words & book.words["memory_peak"]:
            usual = _beside(run, series)
            within = True
        else:
            usual, within = median(values[finite(series, series.sample())]), False
        looked = True
        if usual > 0:
            found.append((float(values[top]) / usual, series, top, usual, within))
    if not found:
        return ABSENT if looked else Missing("the number of items of each batch (items=, points=)")
    times, series, top, usual, within = max(found, key=lambda one: one[0])
    cap = next((s for s in run.settings if s.number and _said(s.name, "aim") and _said(s.name, "items")), None)
    point = series.point(top)
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "largest": Quantity(point.value, Kind.COUNT, None, point.text),
        "usual": Quantity(usual, Kind.COUNT),
        "times": Quantity(times, Kind.FACTOR),
        "records": Quantity(len(series), Kind.POINTS),
        "since": since(point),
        "cap": Quantity(cap.number or 0.0, Kind.COUNT) if cap is not None else Quantity(0.0, Kind.COUNT),
        "capped": cap is not None,
        "within": within,
    }
    return Fact(fields, (point.evidence("the largest"),), point.place, (series.name,))


def _beside(run: Run, series: Series) -> float:
    """Return the median of the average that is logged in the same form of line, 0 where there is none."""
    book = role_book()
    plain = book.words["sample_mean"] | book.words["items"] | book.words["elements"] | book.words["groups"]
    for other in run.series:
        words = set(words_of(other.key, book))
        if other.form == series.form and other is not series and words & book.words["sample_mean"] and words <= plain:
            return median(other.values[finite(other, other.sample())])
    return 0.0
