"""Detectors on what a probe measured of values: what is at a bound, filled in, or empty."""

from __future__ import annotations

from wganlint.detect.probed import (
    SIDE_WORDS,
    at,
    counted,
    fullest,
    measured,
    of,
    place_of,
    probed_steps,
    ratio,
    seen,
    side_of,
    spread_of,
)
from wganlint.detect.registry import ABSENT, Fact, Found, Parameter, detector
from wganlint.evidence import Evidence
from wganlint.measured import FAKE, REAL, Bound, Line, Share
from wganlint.run import Run
from wganlint.units import Kind, Quantity

SOFT = ("tanh", "sigmoid", "softsign")


@detector(
    fields={
        "op": Kind.TEXT, "where": Kind.TEXT, "code": Kind.TEXT, "side": Kind.TEXT, "hit": Kind.COUNT,
        "elements": Kind.COUNT, "share": Kind.RATIO, "first": Kind.RATIO, "last": Kind.RATIO, "largest": Kind.NUMBER,
        "sided": Kind.FLAG, "other": Kind.TEXT, "other_hit": Kind.COUNT, "other_elements": Kind.COUNT,
        "other_share": Kind.RATIO, "other_largest": Kind.NUMBER, "bound": Kind.NUMBER, "bounded": Kind.FLAG,
        "steps": Kind.COUNT,
    },
    parameters={"soft": Parameter(bool, False, "look at tanh and sigmoid instead of hard clamps")},
)  # fmt: skip
def probed_bound(run: Run, soft: bool) -> Found:
    """What a probe counted at the bound of the critic's score, real and fake apart.

    side: the one with the larger share, other: its opposite (sided: both were told apart); hit of elements: exact
    counts over all probed calls; first, last: share at the first and the last call; largest: of what entered.
    """
    bounds = [one for one in run.probe.bounds if one.score and not one.weights] if run.probe else []
    bounds = [one for one in bounds if (one.op.lower() in SOFT) is soft and fullest(one.sides) is not None]
    if run.probe is None or not bounds:
        return ABSENT
    bound = max(bounds, key=_share)
    mine = fullest(bound.sides)
    assert mine is not None  # held above
    opposite = REAL if mine.side == FAKE else FAKE
    other = side_of(bound.sides, opposite) if mine.side in (REAL, FAKE) else None
    size = max((abs(one) for one in (bound.low, bound.high) if one is not None), default=None)
    entered, beside = spread_of(bound.entered, mine.side), spread_of(bound.entered, opposite)
    fields: dict[str, Quantity | bool | str] = {
        "op": bound.op,
        "where": at(bound.line),
        "code": bound.line.text.strip(),
        "side": SIDE_WORDS[mine.side],
        "hit": counted(mine.hit),
        "elements": counted(mine.elements),
        "share": ratio(mine.hit, mine.elements),
        "first": ratio(mine.first_hit, mine.first_elements),
        "last": ratio(mine.last_hit, mine.last_elements),
        "largest": measured(entered.largest if entered else None),
        "sided": other is not None and other.elements > 0,
        "other": SIDE_WORDS[opposite],
        "other_hit": counted(other.hit if other else 0),
        "other_elements": counted(other.elements if other else 0),
        "other_share": ratio(other.hit, other.elements) if other else ratio(0, 0),
        "other_largest": measured(beside.largest if beside else None),
        "bound": measured(size),
        "bounded": size is not None,
        "steps": probed_steps(run.probe),
    }
    label = "; ".join(
        f"{of(one.hit, one.elements)} {SIDE_WORDS[one.side]} scores at the bound in the probed steps"
        for one in (mine, other)
        if one is not None
    )
    return Fact(fields, seen(bound.line, label), place_of(bound.line))


def _share(bound: Bound) -> float:
    mine = fullest(bound.sides)
    return mine.share if mine is not None else 0.0


@detector(
    fields={
        "value": Kind.NUMBER, "op": Kind.TEXT, "where": Kind.TEXT, "code": Kind.TEXT, "layer": Kind.TEXT,
        "side": Kind.TEXT, "hit": Kind.COUNT, "elements": Kind.COUNT, "share": Kind.RATIO, "last": Kind.RATIO,
        "other": Kind.TEXT, "sided": Kind.FLAG, "other_hit": Kind.COUNT, "other_elements": Kind.COUNT,
        "reaches": Kind.FLAG, "in_critic": Kind.FLAG, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_fill(run: Run) -> Found:
    """A constant of large size that the program wrote, and how many elements of just this value entered a layer.

    reaches: some did; the side is the one with the larger share, other its opposite. Counts are exact.
    """
    if run.probe is None or not run.probe.sentinels:
        return ABSENT
    fill = max(run.probe.sentinels, key=lambda one: sum(side.hit for side in one.reaching))
    mine = fullest(fill.reaching)
    opposite = REAL if mine is not None and mine.side == FAKE else FAKE
    other = side_of(fill.reaching, opposite) if mine is not None and mine.side in (REAL, FAKE) else None
    network = next((one for one in run.probe.networks if one.name == fill.network), None)
    hit, elements = (mine.hit, mine.elements) if mine else (0, 0)
    called = any(one.calls.get(opposite, 0) for one in run.probe.networks if one.name == fill.network)
    fields: dict[str, Quantity | bool | str] = {
        "value": Quantity(fill.value, Kind.NUMBER, None, f"{fill.value:.6g}"),
        "op": fill.op,
        "where": at(fill.line),
        "code": fill.line.text.strip(),
        "layer": ".".join(part for part in (fill.network, fill.module) if part) or "a layer",
        "side": SIDE_WORDS[mine.side] if mine else "",
        "hit": counted(hit),
        "elements": counted(elements),
        "share": ratio(hit, elements),
        "last": ratio(mine.last_hit, mine.last_elements) if mine else ratio(0, 0),
        "other": SIDE_WORDS[opposite],
        "sided": mine is not None and mine.side in (REAL, FAKE) and (other is not None or called),
        "other_hit": counted(other.hit if other else 0),
        "other_elements": counted(other.elements if other else 0),
        "reaches": hit > 0,
        "in_critic": network is not None and network.role == "critic",
        "steps": probed_steps(run.probe),
    }
    label = f"{of(hit, elements)} inputs of {fields['layer']} are this value ({fields['side']} side, probed steps)"
    return Fact(fields, seen(fill.line, label) if hit else (), place_of(fill.line) if hit else None)


@detector(
    fields={
        "what": Kind.TEXT, "op": Kind.TEXT, "where": Kind.TEXT, "hit": Kind.COUNT, "elements": Kind.COUNT,
        "share": Kind.RATIO, "first": Kind.RATIO, "first_hit": Kind.COUNT, "first_elements": Kind.COUNT,
        "last": Kind.RATIO, "last_hit": Kind.COUNT, "last_elements": Kind.COUNT, "real": Kind.RATIO,
        "real_hit": Kind.COUNT, "real_elements": Kind.COUNT, "with_real": Kind.FLAG, "excess": Kind.RATIO,
        "left": Kind.RATIO, "keeps": Kind.NUMBER, "kept": Kind.FLAG, "group_hit": Kind.COUNT,
        "group_elements": Kind.COUNT, "grouped": Kind.FLAG, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_empty(run: Run) -> Found:
    """How many generated samples, or groups of the fake side in a scatter reduction, had no member.

    Counts over all probed calls, and at the first and the last; real: the same of the real side, with_real: it was
    told; excess: fake share less real share over all calls, left: the same at the last call; keeps: the value that an
    empty group keeps (kept).
    """
    empties = run.probe.empties if run.probe else ()
    samples = next((one for one in empties if one.what == "samples" and side_of(one.sides, FAKE)), None)
    groups = [one for one in empties if one.what == "groups" and side_of(one.sides, FAKE)]
    group = max(groups, key=lambda one: (one.keeps is not None, _fake(one.sides).share), default=None)
    main = samples or group
    if run.probe is None or main is None:
        return ABSENT
    mine = _fake(main.sides)
    real = side_of(group.sides if group else main.sides, REAL)
    line = group.line if group is not None else main.line
    rows = _fake(group.sides) if group else mine
    fields: dict[str, Quantity | bool | str] = {
        "what": "generated samples" if samples else "groups of the fake side",
        "op": group.op if group else main.op,
        "where": at(line),
        "hit": counted(mine.hit),
        "elements": counted(mine.elements),
        "share": ratio(mine.hit, mine.elements),
        "first": ratio(mine.first_hit, mine.first_elements),
        "first_hit": counted(mine.first_hit),
        "first_elements": counted(mine.first_elements),
        "last": ratio(mine.last_hit, mine.last_elements),
        "last_hit": counted(mine.last_hit),
        "last_elements": counted(mine.last_elements),
        "real": ratio(real.hit, real.elements) if real else ratio(0, 0),
        "real_hit": counted(real.hit if real else 0),
        "real_elements": counted(real.elements if real else 0),
        "with_real": real is not None and real.elements > 0,
        "excess": Quantity(max(0.0, mine.share - (real.share if real else 0.0)), Kind.RATIO),
        "left": Quantity(max(0.0, mine.last_share - (real.share if real else 0.0)), Kind.RATIO),
        "keeps": _kept(group.keeps if group else None),
        "kept": group is not None and group.keeps is not None and group.keeps != 0,
        "group_hit": counted(rows.hit),
        "group_elements": counted(rows.elements),
        "grouped": group is not None,
        "steps": probed_steps(run.probe),
    }
    return Fact(fields, _empty_evidence(fields, rows, line), place_of(line) if mine.hit else None)


def _empty_evidence(fields: dict[str, Quantity | bool | str], rows: Share, line: Line | None) -> tuple[Evidence, ...]:
    if not rows.hit:
        return ()
    return seen(line, f"{of(rows.hit, rows.elements)} {fields['what']} are empty in the probed steps")


def _fake(shares: tuple[Share, ...]) -> Share:
    return next(one for one in shares if one.side == FAKE)


def _kept(value: float | None) -> Quantity:
    if value is None:
        return measured(None)
    return Quantity(value, Kind.NUMBER, None, f"{value:.6g}")
