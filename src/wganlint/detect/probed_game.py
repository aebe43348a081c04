"""Detectors on what a probe measured of the game: how each loss pulls the scores, and what samples follow."""

from __future__ import annotations

from msgspec import Struct

from wganlint.detect.probed import at, counted, measured, place_of, probed_steps, seen
from wganlint.detect.registry import ABSENT, Fact, Found, detector
from wganlint.evidence import Evidence
from wganlint.measured import FAKE, REAL, Line, Probe
from wganlint.run import Run
from wganlint.units import Kind, Quantity

SIGNED = ("bce", "hinge")  # families in which a loss pulls all scores of a side one way, wherever they are
ALIKE = 1e-3  # of a slope that is constant in the score


class _Way(Struct, frozen=True):
    """Which way the losses of one network pull one side: 1 up, -1 down, 0 both or neither."""

    way: int
    elements: int
    linear: bool
    line: Line | None


def _way(probe: Probe, network: str, side: str) -> _Way | None:
    way = probe.pull(network, side)
    if way is None:
        return None
    mine = [one for one in probe.pulls if one.network == network and one.side == side and one.up + one.down]
    lows = [one.lowest for one in mine if one.lowest is not None]
    highs = [one.highest for one in mine if one.highest is not None]
    size = max((abs(one) for one in (*lows, *highs)), default=0.0)
    linear = bool(lows and highs) and max(highs) - min(lows) <= ALIKE * size
    return _Way(way, sum(one.up + one.down for one in mine), linear, mine[-1].loss)


def _player(probe: Probe, role: str) -> str:
    """Return the name of the only network of this role, if it is well told."""
    mine = [one for one in probe.networks if one.role == role]
    return mine[0].name if len(mine) == 1 and mine[0].sure != "low" else ""


@detector(
    fields={
        "along": Kind.FLAG, "same": Kind.FLAG, "right": Kind.FLAG, "up": Kind.FLAG, "critic": Kind.TEXT,
        "generator": Kind.TEXT, "real": Kind.COUNT, "fake": Kind.COUNT, "made": Kind.COUNT, "where": Kind.TEXT,
        "code": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_pull(run: Run) -> Found:
    """Which way the losses that are descended pull the critic's scores, by the sign of their gradient to each score.

    right: the critic pulls reals and fakes apart, and the generator pulls the fakes the other way; along: the generator
    pulls the fakes where the critic does (up: to higher scores); same: the critic pulls both sides one way. Seen only
    where every score of a side is pulled one way at every call, and the loss is linear in the score, or of a family
    (BCE, hinge) whose sign does not hang on the score. real, fake, made: scores that were looked at.
    """
    probe = run.probe
    critic, generator = (_player(probe, "critic"), _player(probe, "generator")) if probe else ("", "")
    if probe is None or not critic or not generator:
        return ABSENT
    real = _way(probe, critic, REAL)
    fake = _way(probe, critic, FAKE)
    made = _way(probe, generator, FAKE)
    if real is None or fake is None or made is None or not (real.way and fake.way and made.way):
        return ABSENT
    if run.family.name not in SIGNED and not (real.linear and fake.linear and made.linear):
        return ABSENT
    same, along = real.way == fake.way, made.way == fake.way
    wrong = made if along and not same else fake
    fields: dict[str, Quantity | bool | str] = {
        "along": along and not same,
        "same": same,
        "right": not along and not same,
        "up": wrong.way > 0,
        "critic": critic,
        "generator": generator,
        "real": counted(real.elements),
        "fake": counted(fake.elements),
        "made": counted(made.elements),
        "where": at(wrong.line),
        "code": wrong.line.text.strip() if wrong.line else "",
        "steps": probed_steps(probe),
    }
    if not (same or along):
        return Fact(fields)
    evidence: list[Evidence] = []
    for name, way, side in ((critic, real, "real"), (critic, fake, "fake"), (generator, made, "fake")):
        word = "raise" if way.way > 0 else "lower"
        evidence += seen(way.line, f"steps of {name} are to {word} {way.elements:,} of {way.elements:,} {side} scores")
    return Fact(fields, tuple(evidence), place_of(wrong.line))


@detector(
    fields={
        "same": Kind.FLAG, "noise": Kind.FLAG, "condition": Kind.FLAG, "repeated": Kind.FLAG, "flat": Kind.FLAG,
        "any": Kind.FLAG, "network": Kind.TEXT, "what": Kind.TEXT, "given": Kind.TEXT, "samples": Kind.COUNT,
        "elements": Kind.COUNT, "rows": Kind.COUNT, "calls": Kind.COUNT, "spread": Kind.NUMBER, "real": Kind.NUMBER,
        "others": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_samples(run: Run) -> Found:
    """What a generator makes of its inputs, each exchanged alone between the samples of its last probed batch.

    noise: no noise (nor anything else that the critic is not given too) changes any of the elements of its samples,
    condition: a condition (what) does not; same: all samples of the batch are the same although the real ones differ;
    flat: because all rows of what it is given are; repeated: its noise held the very same values at all of the last
    calls. Nothing is seen where something counts only a little: a young generator may be so. others: what does count.
    """
    probe = run.probe
    network = _player(probe, "generator") if probe else ""
    if probe is None or not network:
        return ABSENT
    uses = [one for one in probe.uses if one.network == network and not one.why_not]
    free = [one for one in uses if one.kind != "condition"]
    tried = [one for one in free if not one.alike and one.elements]
    dead = [one for one in uses if one.kind == "condition" and not one.alike and one.elements and not one.changed]
    variety = next((one for one in probe.varieties if one.network == network), None)
    same = variety is not None and variety.alike == variety.samples > 1 and bool(variety.real)
    again = max((one for one in free if one.repeated), key=lambda one: one.repeated, default=None)
    noise = bool(tried) and not any(one.changed for one in tried) and len(tried) == len(free)
    condition = bool(dead) and not noise and not same
    main = dead[0] if condition else again if again and not noise else tried[0] if tried else free[0] if free else None
    if variety is None and main is None:
        return ABSENT
    line = next((one.line for one in probe.networks if one.name == network), None)
    live = [_name(one.argument) for one in uses if one.changed]
    fields: dict[str, Quantity | bool | str] = {
        "same": same,
        "noise": noise,
        "condition": condition,
        "repeated": again is not None and not noise and not same,
        "flat": same and bool(free) and all(one.alike for one in free),
        "any": same or noise or condition or again is not None,
        "network": network,
        "what": ", ".join(_name(one.argument) for one in dead) if condition else _name(main.argument if main else ""),
        "given": " and ".join(_name(one.argument) for one in free) or "what it is given",
        "samples": counted(variety.samples if variety else 0),
        "elements": counted(main.elements if main else 0),
        "rows": counted(main.rows if main else 0),
        "calls": counted(again.repeated if again else 0),
        "spread": measured(variety.spread if variety else None),
        "real": measured(variety.real if variety else None),
        "others": ", ".join(live),
        "steps": probed_steps(probe),
    }
    if not fields["any"]:
        return Fact(fields)
    return Fact(fields, seen(line, "the generator that was probed"), place_of(line))


def _name(argument: str) -> str:
    return f"`{argument}`" if argument else "the random numbers that it draws itself"
