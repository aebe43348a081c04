"""Detectors on what a run says about itself: one part of the same input against another."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from wganlint import units
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.evidence import Evidence
from wganlint.run import Run, Series, Setting
from wganlint.series import Floats
from wganlint.units import Kind, Quantity

CONFLICTS = ("learning_rate", "penalty_weight", "critic_steps", "weight_clip")


@detector(
    fields={
        "what": Kind.TEXT, "stated": Kind.TEXT, "effective": Kind.TEXT, "factor": Kind.FACTOR, "restored": Kind.FLAG,
        "comparable": Kind.FLAG,
    },
)  # fmt: skip
def contradiction(run: Run) -> Found:
    """A setting that one part of the same input states one way and another part another way.

    Compared: what a header prints against what is restored from a checkpoint later, and against the first value of a
    series that echoes it. A source default that the command line overrides is no contradiction, nor are two optimizers.
    """
    if not run.settings:
        return Missing("settings in the log (optimizer, learning rate, penalty weight)")
    conflicts = [c for meaning in CONFLICTS if (c := _conflict(run, meaning)) is not None]
    if not conflicts:
        return ABSENT
    meaning, header, value, number, _, restored = conflicts[0]
    assert header.number is not None
    low, high = sorted((abs(header.number), abs(number)))
    fields: dict[str, Quantity | bool | str] = {
        "what": meaning.replace("_", " "),
        "stated": f"{header.name}={header.value}",
        "effective": value,
        "factor": Quantity(high / low if low > 0 else float("inf"), Kind.FACTOR),
        "restored": restored,
        "comparable": low > 0,
    }
    every = [e for c in conflicts for e in (c[1].evidence("stated here"), c[4])]
    return Fact(fields, tuple(every), header.place)


_Conflict: TypeAlias = tuple[str, Setting, str, float, Evidence, bool]


def _conflict(run: Run, meaning: str) -> _Conflict | None:
    headers = [s for s in run.latest(meaning) if s.origin == "header" and s.number is not None]
    if not headers:
        return None
    header = headers[0]
    for setting in run.latest(meaning):
        if setting.origin == "restored" and setting.number is not None:
            same = [h for h in headers if h.name == setting.name] or headers
            if not any(_equal(h.number, setting.number) for h in same):
                text = f"{setting.name}={setting.value}"
                return meaning, same[0], text, setting.number, setting.evidence("in force here"), True
    series = _echo(run, meaning)
    if series is None or not len(series.values) or len({h.number for h in headers}) != 1:
        return None
    first = series.first
    # A schedule may move it later: only the very first record contradicts the header, and only beyond its rounding.
    unit = 0.5 * (units.resolution(first.text) or 0.0)
    if (
        not np.isfinite(first.value)
        or _equal(header.number, first.value, unit)
        or (meaning == "learning_rate" and (_warms(series.values) or _falls_from(header.number, series.values)))
    ):
        return None
    return (
        meaning,
        header,
        f"{series.key}={first.text}",
        first.value,
        first.evidence("the first record"),
        False,
    )


def _echo(run: Run, meaning: str) -> Series | None:
    if meaning in ("learning_rate", "penalty_weight"):
        return run.role(meaning)
    return None


def _warms(values: Floats) -> bool:
    """A rate that rises is a warm-up: its first value is no contradiction."""
    return bool(np.any(values > 1.01 * float(values[0])))


def _falls_from(stated: float | None, values: Floats) -> bool:
    """A schedule that acts at each iteration has left the stated rate before the first record.

    Told by the next records: the fall to the first one is no more than three times (in logarithms) the fall to the
    second; a cosine falls slowest at its start, a line and a power law evenly.
    """
    if stated is None or len(values) < 2 or not stated > values[0] > values[1] > 0:
        return False
    return bool(np.log(stated / values[0]) <= 3 * np.log(values[0] / values[1]))


def _equal(a: float | None, b: float | None, slack: float = 0.0) -> bool:
    return a is not None and b is not None and abs(a - b) <= max(slack, 1e-6 * max(abs(a), abs(b)))
