"""Detectors that hold a profile against the source: which code path ran, told by how often an operation did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wganlint.detect.profile import operation
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.source import SOURCE, model
from wganlint.detect.words import where
from wganlint.evidence import Evidence, derived
from wganlint.run import Run
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import StepCount

STEP = "a training step in the source whose loops are told, with NaN cleaning on its graph"


@detector(
    fields={
        "observed": Kind.COUNT, "explained": Kind.COUNT, "formula": Kind.TEXT, "more": Kind.COUNT, "without": Kind.FLAG,
        "beyond": Kind.FLAG, "steps": Kind.TEXT, "step": Kind.TEXT,
    },
    reads="all",
)  # fmt: skip
def cleaning_count(run: Run) -> Found:
    """Backward calls of nan_to_num a step, as profiled (observed), against what the source's own cleanings give without
    any penalty: explained = sum over the losses of a step of (times it is run) * (cleanings between it and weights).

    without: all profiled steps show exactly that number although a penalty would add `more` at least, so none ran in
    them; beyond: there are more, as a penalty would make them. Times follow the critic steps that the log states.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if source.step_count is None or not source.step_count.parts:
        return Missing(STEP) if source.guards else ABSENT
    op = operation(run, "NanToNumBackward0")
    if not isinstance(op, Fact):
        return op
    low, high = op.fields["low"], op.fields["high"]
    assert isinstance(low, Quantity) and isinstance(high, Quantity)
    if not op.fields["per_step"]:
        return Missing("the number of steps that the profile covers")
    count = source.step_count
    if not any(part.cleanings for part in count.parts):
        return ABSENT
    steps = _critic_steps(run)
    terms, explained = _explained(count, steps)
    formula = " + ".join(terms) + f" = {explained}"
    without = count.penalty > 0 and low.value == high.value == explained
    fields: dict[str, Quantity | bool | str] = {
        "observed": op.fields["calls"],
        "explained": Quantity(explained, Kind.COUNT),
        "formula": formula,
        "more": Quantity(count.penalty, Kind.COUNT),
        "without": without,
        "beyond": low.value > explained,
        "steps": steps[1] if steps is not None else "",
        "step": f"{count.owner} ({where(count.place)})",
    }
    evidence: list[Evidence] = [derived(formula, "NaN cleanings on the graph of a step, without a penalty")]
    evidence += [part.evidence(f"{part.cleanings} for each run") for part in count.parts if part.cleanings][:3]
    return Fact(fields, tuple(evidence), count.place)


def _critic_steps(run: Run) -> tuple[int, str] | None:
    """Return the critic steps that the log states and how it says so; None where only the source does."""
    echo = run.role("critic_steps")
    if echo is not None and len(echo) and echo.last.value >= 1 and float(echo.last.value).is_integer():
        return int(echo.last.value), f"{echo.key}={echo.last.text}"
    for stated in run.stated("critic_steps"):
        if stated.origin != "default" and stated.number and float(stated.number).is_integer():
            return int(stated.number), f"{stated.name}={stated.value}"
    return None


def _explained(count: StepCount, steps: tuple[int, str] | None) -> tuple[list[str], int]:
    terms, total = [], 0
    for part in count.parts:
        if not part.cleanings:
            continue
        times = steps[0] if part.loop and steps is not None else part.times
        terms.append(f"{times} * {part.cleanings}" if part.loop else str(part.times * part.cleanings))
        total += times * part.cleanings
    return terms, total
