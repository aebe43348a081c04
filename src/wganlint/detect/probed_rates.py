"""Detectors on what optimizers did under a probe: the rate in force, steps that were left out, steps without effect."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from wganlint.detect.probed import at, counted, measured, place_of, probed_steps, ratio, seen
from wganlint.detect.registry import ABSENT, Fact, Found, detector
from wganlint.evidence import observed
from wganlint.measured import Optimizer, Printed
from wganlint.run import Run
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "stated": Kind.TEXT, "line": Kind.TEXT, "name": Kind.TEXT, "rate": Kind.NUMBER, "all": Kind.TEXT,
        "factor": Kind.FACTOR, "where": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_rate(run: Run) -> Found:
    """A learning rate that the probed program printed as a setting, where no optimizer steps with any that it printed.

    Compared at the precision of the print, with the rates of each optimizer at its first and last probed step and the
    rate that a schedule starts from. Optimizers whose rate changes between steps are followed no further: a warm-up
    need not have reached what is printed.
    """
    probe = run.probe
    if probe is None or not probe.printed or not probe.optimizers:
        return ABSENT
    if any(one.constant is not True or not one.rates for one in probe.optimizers):
        return ABSENT
    rates = [rate for one in probe.optimizers for rate in (*one.rates, *one.bases)]
    if any(_same(said, rate) for said in probe.printed for rate in rates):
        return ABSENT
    said = next((one for one in probe.printed if one.number > 0), None)
    if said is None:
        return ABSENT
    main = max(probe.optimizers, key=lambda one: _factor(one.rates[0], said.number))
    fields: dict[str, Quantity | bool | str] = {
        "stated": f"{said.name}={said.value}",
        "line": said.line,
        "name": main.name,
        "rate": measured(main.rates[0]),
        "all": ", ".join(f"{one.name} {_rates(one)}" for one in probe.optimizers),
        "factor": Quantity(_factor(main.rates[0], said.number), Kind.FACTOR),
        "where": at(main.line),
        "steps": probed_steps(probe),
    }
    evidence = (
        observed("probe", said.line, None, "printed while it was probed"),
        *seen(main.line, f"{main.name} steps with lr {main.rates[0]:.6g} at each of {main.steps} steps"),
    )
    return Fact(fields, evidence, place_of(main.line))


def _rates(optimizer: Optimizer) -> str:
    return " and ".join(f"{rate:.6g}" for rate in dict.fromkeys(optimizer.rates))


def _same(said: Printed, rate: float) -> bool:
    """Whether a rate prints as it was said."""
    if abs(said.number - rate) <= 1e-6 * abs(rate):
        return True
    try:
        exponent = Decimal(said.value).as_tuple().exponent
    except (InvalidOperation, ValueError):
        return False
    return isinstance(exponent, int) and abs(said.number - rate) <= 0.5 * 10.0**exponent * (1 + 1e-9)


def _factor(one: float, other: float) -> float:
    low, high = sorted((abs(one), abs(other)))
    return high / low if low > 0 else float("inf")


@detector(
    fields={
        "name": Kind.TEXT, "skipped": Kind.COUNT, "asked": Kind.COUNT, "share": Kind.RATIO, "row": Kind.COUNT,
        "scale": Kind.NUMBER, "first": Kind.NUMBER, "where": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_scaler(run: Run) -> Found:
    """How many steps of an optimizer the gradient scaler of AMP left out under a probe; of several the worst.

    row: the last ones, left out without one taken between; first, scale: its scale at the first and the last call.
    """
    if run.probe is None or not run.probe.scalers:
        return ABSENT
    one = max(run.probe.scalers, key=lambda scaler: (scaler.row, scaler.skipped))
    fields: dict[str, Quantity | bool | str] = {
        "name": one.optimizer,
        "skipped": counted(one.skipped),
        "asked": counted(one.asked),
        "share": ratio(one.skipped, one.asked),
        "row": counted(one.row),
        "scale": measured(one.last),
        "first": measured(one.first),
        "where": at(one.line),
        "steps": probed_steps(run.probe),
    }
    label = f"{one.skipped} of {one.asked} steps of {one.optimizer} were left out"
    return Fact(fields, seen(one.line, label) if one.skipped else (), place_of(one.line) if one.skipped else None)


@detector(
    fields={
        "name": Kind.TEXT, "network": Kind.TEXT, "count": Kind.COUNT, "rate": Kind.NUMBER, "norm": Kind.NUMBER,
        "none": Kind.FLAG, "where": Kind.TEXT, "loss": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_still(run: Run) -> Found:
    """An optimizer that moved no weight at any probed step, although a backward gave its network a gradient.

    Only of one that holds all of a network: the part that one of several holds may get none. none: at each of its
    steps (count) all gradients were None; norm: the last gradient that did come, behind loss.
    """
    probe = run.probe
    for one in probe.optimizers if probe is not None else ():
        known = [size for size in one.ratios if size is not None]
        if probe is None or one.steps < 2 or not known or any(known) or not any(one.rates):
            continue
        came = [
            part
            for part in probe.gradients
            if one.networks.get(part.network) == part.parameters and not part.module and not part.dead and part.last
        ]
        if not came:
            continue
        fields: dict[str, Quantity | bool | str] = {
            "name": one.name,
            "network": came[-1].network,
            "count": counted(len(known)),
            "rate": measured(one.rates[0]),
            "norm": measured(came[-1].last),
            "none": one.stepped_on_nothing == one.steps,
            "where": at(one.line),
            "loss": at(came[-1].loss),
            "steps": probed_steps(probe),
        }
        label = f"{one.name}: no weight moved at any of {len(known)} steps"
        evidence = (*seen(one.line, label), *seen(came[-1].loss, f"gives {came[-1].network} a gradient"))
        return Fact(fields, evidence, place_of(one.line))
    return ABSENT
