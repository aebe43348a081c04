"""The learning rate that optimizers step with against the one that the program printed, both under one probe."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from wganlint.detect.probed import at, measured, place_of, probed_steps, seen
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
