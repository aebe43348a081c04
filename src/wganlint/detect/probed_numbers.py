"""Detectors on what a probe measured of values that are not finite: what guards replaced, and what made it."""

from __future__ import annotations

from wganlint.detect.probed import at, counted, of, place_of, probed_steps, ratio, seen
from wganlint.detect.registry import ABSENT, Fact, Found, Parameter, detector
from wganlint.evidence import Evidence
from wganlint.measured import Guard, Origin
from wganlint.run import Run
from wganlint.units import Kind, Quantity

LAST = 3  # updates at the end that are not finite, or all that there are: a broken batch gives one, weights give all
ROOTS = ("sqrt", "norm", "pow", "rsqrt")  # their derivative is infinite at 0


@detector(
    fields={
        "sites": Kind.COUNT, "hit": Kind.COUNT, "elements": Kind.COUNT, "share": Kind.RATIO, "clean": Kind.FLAG,
        "where": Kind.TEXT, "each": Kind.TEXT, "back_hit": Kind.COUNT, "back_elements": Kind.COUNT,
        "backward": Kind.FLAG, "inside": Kind.FLAG, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_guards(run: Run) -> Found:
    """How many elements that entered the NaN guards were not finite: exact counts over all probed calls and sides.

    sites: lines with a guard that ran on at least one element; clean: none was replaced; inside: one that replaced
    some stands in a network; each: the counts of every line that replaced some; back_*: the same of gradients that came
    back to a guard (backward: looked at).
    """
    if run.probe is None:
        return ABSENT
    guards = [one for one in run.probe.guards if _elements(one)]
    if not guards:
        return ABSENT
    hit, elements = sum(map(_hit, guards)), sum(map(_elements, guards))
    if not hit and run.probe.ending.kind == "forward":
        return ABSENT  # one forward clears nothing
    back = [one.backward for one in guards if one.backward is not None]
    struck = sorted((one for one in guards if _hit(one)), key=_hit, reverse=True)
    fields: dict[str, Quantity | bool | str] = {
        "sites": counted(len({(one.line.file, one.line.line) for one in guards})),
        "hit": counted(hit),
        "elements": counted(elements),
        "share": ratio(hit, elements),
        "clean": hit == 0 and not any(one.hit for one in back),
        "where": _places(struck or guards),
        "each": ", ".join(f"{of(_hit(one), _elements(one))} at {at(one.line)}" for one in struck[:4]),
        "back_hit": counted(sum(one.hit for one in back)),
        "back_elements": counted(sum(one.elements for one in back)),
        "backward": any(one.elements for one in back),
        "inside": any(one.network for one in struck),
        "steps": probed_steps(run.probe),
    }
    evidence: list[Evidence] = []
    for guard in struck[:3]:
        label = f"{of(_hit(guard), _elements(guard))} elements that entered here were not finite"
        evidence += seen(guard.line, label)
    return Fact(fields, tuple(evidence), place_of(struck[0].line) if struck else None)


def _hit(guard: Guard) -> int:
    return sum(side.hit for side in guard.sides)


def _elements(guard: Guard) -> int:
    return sum(side.elements for side in guard.sides)


def _places(guards: list[Guard]) -> str:
    named = list(dict.fromkeys(at(one.line) for one in guards))
    return ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")


@detector(
    fields={
        "op": Kind.TEXT, "where": Kind.TEXT, "code": Kind.TEXT, "backward": Kind.FLAG, "root": Kind.FLAG,
        "elements": Kind.COUNT, "total": Kind.COUNT, "values": Kind.TEXT, "step": Kind.STEPS, "lines": Kind.COUNT,
        "many": Kind.FLAG, "others": Kind.TEXT, "way": Kind.TEXT, "steps": Kind.COUNT,
    },
    parameters={"direction": Parameter(str, "", '"forward" or "backward": only these; left out: the first of both')},
)  # fmt: skip
def probed_origin(run: Run, direction: str) -> Found:
    """The operation that first made a value that is not finite of values that were.

    elements of total: of its result at that step; way: forward or backward (op is then the node that gave the
    gradient, where the line of its forward call); root: its derivative is infinite at zero; lines: how many lines did
    it, others: the next ones.
    """
    origins = [one for one in run.probe.origins if direction in ("", one.direction)] if run.probe else []
    if run.probe is None or not origins:
        return ABSENT
    main = _main(origins)
    others = [one for one in origins if _key(one) != _key(main)]
    also = next((one for one in origins if _key(one) == _key(main) and one.direction != main.direction), None)
    fields: dict[str, Quantity | bool | str] = {
        "op": main.op,
        "where": at(main.line),
        "code": main.line.text.strip() if main.line else "",
        "backward": main.direction == "backward",
        "root": any(word in main.op.lower() for word in ROOTS),
        "elements": counted(main.elements),
        "total": counted(main.total),
        "values": main.values,
        "step": Quantity(main.step, Kind.STEPS),
        "lines": counted(len({_key(one) for one in origins})),
        "many": bool(others),
        "others": ", ".join(dict.fromkeys(f"{one.op} at {at(one.line)} ({one.direction})" for one in others[:3])),
        "way": f"forward and {also.direction}" if also is not None else main.direction,
        "steps": probed_steps(run.probe),
    }
    label = f"{main.op} made {main.values} of finite values ({main.direction}): {of(main.elements, main.total)}"
    return Fact(fields, seen(main.line, f"{label} at step {main.step}"), place_of(main.line))


def _main(origins: list[Origin]) -> Origin:
    """Return the earliest origin, its forward call where the same line made one in both directions.

    A gradient that is not finite at the line of an operation whose own result is not finite either is of one cause.
    """
    first = next((one for one in origins if one.first), min(origins, key=lambda one: one.step))
    same = [one for one in origins if _key(one) == _key(first) and one.direction == "forward"]
    return same[0] if same else first


def _key(origin: Origin) -> tuple[str, int]:
    return (origin.line.file, origin.line.line) if origin.line else ("", 0)


@detector(
    fields={"network": Kind.TEXT, "optimizer": Kind.TEXT, "steps": Kind.COUNT, "of": Kind.COUNT, "probed": Kind.COUNT},
)
def probed_broken(run: Run) -> Found:
    """An optimizer whose last updates were not finite, nor the gradients of its network: the weights are lost.

    steps of `of`: so many of its last steps; probed: steps of all optimizers. Steps that a scaler leaves out are none.
    """
    if run.probe is None:
        return ABSENT
    for one in run.probe.optimizers:
        lost = len(one.ratios) - max((at for at, ratio in enumerate(one.ratios, 1) if ratio is not None), default=0)
        if lost < min(LAST, one.steps) or not lost:
            continue
        for gradient in run.probe.gradients:
            if gradient.network in one.networks and gradient.stepped and gradient.nonfinite and gradient.last is None:
                fields: dict[str, Quantity | bool | str] = {
                    "network": gradient.network,
                    "optimizer": one.name,
                    "steps": counted(lost),
                    "of": counted(one.steps),
                    "probed": probed_steps(run.probe),
                }
                label = f"gradients that are not finite in {gradient.nonfinite} of {gradient.calls} calls"
                return Fact(fields, seen(gradient.loss, label), place_of(gradient.loss))
    return ABSENT


@detector(fields={"steps": Kind.COUNT, "full": Kind.FLAG})
def probe_run(run: Run) -> Found:
    """That a probe ran, and over how many steps of optimizers; full: with all instruments."""
    if run.probe is None or run.probe.steps < 1:
        return ABSENT
    return Fact({"steps": probed_steps(run.probe), "full": run.probe.mode == "default"})
