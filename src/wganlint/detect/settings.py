"""Detectors on what a run says about itself: learning rate, optimizer, penalty schedule, contradictions."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from wganlint import units
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.evidence import Evidence, derived
from wganlint.run import Run, Series, Setting, Stated
from wganlint.series import Floats
from wganlint.units import Kind, Quantity


def _same_line(run: Run, setting: Setting, meaning: str) -> Setting | None:
    line = (setting.place.file, setting.place.line)
    return next((s for s in run.settings if s.meaning == meaning and (s.place.file, s.place.line) == line), None)


@detector(
    fields={
        "optimizer": Kind.TEXT, "lr": Kind.NUMBER, "momentum": Kind.NUMBER, "effective": Kind.NUMBER, "sgd": Kind.FLAG,
        "adaptive": Kind.FLAG, "below_adam": Kind.FACTOR, "has_momentum": Kind.FLAG, "from_source": Kind.FLAG,
    },
)  # fmt: skip
def learning_rate(run: Run) -> Found:
    """The optimizer and learning rate that the log states (else the one that the source states without a choice).

    effective = lr / (1 - momentum): the size that a constant gradient's steps reach under momentum (heavy ball);
    below_adam = 1e-4 / lr, for the record: steps of SGD and Adam do not compare by lr. With several optimizers the one
    with the smallest effective rate is taken. A rate restored from a checkpoint counts, not the printed one.
    """
    stated = _from_log(run) or _from_source(run)
    if stated is None:
        return Missing("the optimizer and its learning rate")
    name, lr, momentum, evidence, from_source = stated
    if lr.number is None or lr.number <= 0:
        return Missing("a learning rate above 0")
    mu = momentum.number if momentum is not None and momentum.number is not None else 0.0
    effective = lr.number / (1 - mu) if 0 <= mu < 1 else lr.number
    sgd = name.lower() == "sgd"
    formula = f"lr / (1 - momentum) = {lr.value} / (1 - {momentum.value if momentum else '0'}) = {effective:.2g}"
    fields: dict[str, Quantity | bool | str] = {
        "optimizer": name,
        "lr": Quantity(lr.number, Kind.NUMBER, None, lr.value),
        "momentum": Quantity(mu, Kind.NUMBER, None, momentum.value if momentum else "0"),
        "effective": Quantity(effective, Kind.NUMBER),
        "sgd": sgd,
        "adaptive": name.lower() in {"adam", "adamw", "rmsprop", "nadam", "radam", "adamax", "adagrad", "adadelta"},
        "below_adam": Quantity(1e-4 / lr.number, Kind.FACTOR),
        "has_momentum": mu > 0,
        "from_source": from_source,
    }
    extra = (derived(formula),) if sgd and mu > 0 else ()
    return Fact(fields, (*evidence, *extra), evidence[0].place)


_Rate: TypeAlias = tuple[str, Stated, Stated | None, tuple[Evidence, ...], bool]


def _stated(setting: Setting) -> Stated:
    return Stated(setting.name, setting.value, setting.number, setting.origin, setting.evidence())


def _from_log(run: Run) -> _Rate | None:
    rates: list[tuple[float, _Rate]] = []
    optimizers = run.latest("optimizer")
    file = optimizers[-1].place.file if optimizers else ""
    files = list(dict.fromkeys(s.place.file for s in run.settings))
    later = files[files.index(file) :] if file in files else []
    restored = [s for s in run.settings if s.origin == "restored" and s.number and s.place.file in later]
    restored = [s for s in restored if s.meaning == "learning_rate"]
    for optimizer in optimizers:
        lr = _same_line(run, optimizer, "learning_rate")
        if lr is None and len(optimizers) == 1:
            lr = next((s for s in run.latest("learning_rate") if s.number), None)
        if lr is None or lr.number is None:
            continue
        momentum = _same_line(run, optimizer, "momentum")
        # A restored rate without a name of its own is in force where there is one optimizer to restore.
        used = restored[-1] if restored and len(optimizers) == 1 else lr
        quotes = tuple(dict.fromkeys([_line(optimizer), *([_line(used)] if used is not lr else [])]))
        mu = momentum.number if momentum is not None and momentum.number is not None else 0.0
        effective = (used.number or 0.0) / (1 - mu) if 0 <= mu < 1 else used.number or 0.0
        found = _stated(momentum) if momentum is not None else None
        rate = _stated(used)
        echo = run.role("learning_rate")
        if echo is not None and len(optimizers) == 1 and echo.last.value > 0:
            shown = echo.last.evidence("the rate in force at the last record")
            rate = Stated(echo.key, echo.last.text, echo.last.value, "records", shown)
            effective, quotes = echo.last.value / (1 - mu) if 0 <= mu < 1 else echo.last.value, (*quotes, shown)
        rates.append((effective, (optimizer.value, rate, found, quotes, False)))
    return min(rates, key=lambda rate: rate[0])[1] if rates else None


def _line(setting: Setting) -> Evidence:
    label = "the learning rate in force" if setting.origin == "restored" else "optimizer and learning rate"
    return setting.evidence(label)


def _from_source(run: Run) -> _Rate | None:
    found = [o for o in (run.source.optimizers if run.source else ()) if o.lr is not None]
    if not found or len({(o.name, o.lr) for o in found}) != 1:
        return None
    optimizer = found[0]
    lr = Stated(
        "lr",
        optimizer.lr_text or f"{optimizer.lr:g}",
        optimizer.lr,
        "default",
        optimizer.evidence("optimizer"),
    )
    momentum = None
    if optimizer.momentum is not None:
        momentum = Stated("momentum", f"{optimizer.momentum:g}", optimizer.momentum, "default", lr.evidence)
    return optimizer.name, lr, momentum, (lr.evidence,), True


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
