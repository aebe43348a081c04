"""Detectors on what a probe measured of the game itself: which way each loss pulls the scores, and what samples follow."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from wganlint.detect.probed import at, counted, place_of, probed_steps, seen
from wganlint.detect.registry import ABSENT, Fact, Found, detector
from wganlint.evidence import Evidence
from wganlint.measured import FAKE, REAL, Line, Probe, Pull
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


def _way(pulls: Iterable[Pull]) -> _Way | None:
    mine = [one for one in pulls if one.up + one.down]
    if not mine:
        return None
    up, down = sum(one.up for one in mine), sum(one.down for one in mine)
    lows = [one.lowest for one in mine if one.lowest is not None]
    highs = [one.highest for one in mine if one.highest is not None]
    size = max((abs(one) for one in (*lows, *highs)), default=0.0)
    linear = bool(lows and highs) and max(highs) - min(lows) <= ALIKE * size
    way = 1 if not down else -1 if not up else 0
    return _Way(way, up + down, linear, mine[-1].loss)


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
    real = _way(one for one in probe.pulls if one.network == critic and one.side == REAL)
    fake = _way(one for one in probe.pulls if one.network == critic and one.side == FAKE)
    made = _way(one for one in probe.pulls if one.network == generator and one.side == FAKE)
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
