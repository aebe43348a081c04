"""The measured run without a fix -> where an edit goes: plans that the source alone does not carry; beside plans."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from wganlint.measured import Origin, Probe
from wganlint.probe.syntax import NotApplied, Spot
from wganlint.source import SourceModel
from wganlint.verify.plans import PLANS, Parameters, Plan

_HALF = re.compile(r"autocast[^\n]*dtype\s*=\s*torch\.(?:float16|half)\b")


class Seen(Struct, frozen=True):
    """What tells where an edit goes: facts and texts of the source, and the run without a fix, where there is one."""

    source: SourceModel
    texts: Mapping[str, str]
    probe: Probe | None = None


def plan_of(given: Parameters, seen: Seen) -> Plan:
    """Return the plan of an edit; empty where nothing shows where it goes.

    Raises:
        NotApplied: why it cannot be done.
    """
    name = given["edit"]
    return MEASURED[name](seen, given) if name in MEASURED else PLANS[name](seen.source, given)


def inside_domain(probe: Probe) -> Plan:
    """Go to the operation that first makes what is not finite, by its forward call where that makes some too."""
    origins = [one for one in probe.origins if one.line is not None]
    if not origins:
        return []
    first = next((one for one in origins if one.first), min(origins, key=lambda one: one.step))
    same = [one for one in origins if _key(one) == _key(first)]
    main = next((one for one in same if one.direction == "forward"), first)
    file, line = _key(main)
    return [("inside-domain", Spot(file, line, values={"op": main.op, "direction": main.direction}))]


def _key(origin: Origin) -> tuple[str, int]:
    return (origin.line.file, origin.line.line) if origin.line else ("", 0)


def _bfloat16(seen: Seen, given: Parameters) -> Plan:
    return [("bfloat16", Spot(name)) for name, text in sorted(seen.texts.items()) if _HALF.search(text)]


def _own_weights(seen: Seen, given: Parameters) -> Plan:
    """Give an optimizer that is named for one network and holds the other the network that no optimizer holds."""
    plan: Plan = []
    for fault in seen.source.update_faults:
        if fault.kind != "wrong weights":
            continue
        right = seen.probe.network(fault.part) if seen.probe else None
        if right is None:
            raise NotApplied(f"how the program calls its {fault.part} is not told by a run of it")
        spot = Spot(fault.place.file, fault.place.line or 0, fault.place.column or 0)
        plan.append(("own-weights", Spot(spot.file, spot.line, spot.column, values={"name": right.name})))
    return plan


MEASURED: dict[str, Callable[[Seen, Parameters], Plan]] = {
    "inside-domain": lambda seen, given: inside_domain(seen.probe) if seen.probe else [],
    "bfloat16": _bfloat16, "own-weights": _own_weights,
}  # fmt: skip
