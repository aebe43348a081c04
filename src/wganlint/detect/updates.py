"""Detectors on how the source updates the two networks: whose weights, in which order, in which direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.source import SOURCE, model
from wganlint.detect.words import where
from wganlint.evidence import Evidence
from wganlint.run import Run
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import SignFault, UpdateFault

STEPS = "the training steps in the source: no optimizer of critic or generator is stepped in these files"
_LABELS = {
    "wrong weights": "named for the {part}, holds {other}",
    "shared weights": "named for the {part}, holds {other} too",
    "never stepped": "the {part}'s optimizer; nothing steps it",
    "never cleared": "nothing clears its gradients",
    "foreign": "this step uses gradients of the other loss as well",
    "stale": "this step uses old gradients again",
    "frozen": "gradients of {other} are switched off here and never on again",
}
_ORDER = tuple(_LABELS)


def _shown(faults: Sequence[UpdateFault | SignFault], labels: Sequence[str]) -> tuple[Evidence, ...]:
    shown: list[Evidence] = []
    for fault, label in list(zip(faults, labels, strict=True))[:3]:
        shown.append(fault.evidence(label))
        shown += [site.evidence(text) for site, text in fault.marks]
    return tuple(dict.fromkeys(shown))


def _label(fault: UpdateFault) -> str:
    return _LABELS[fault.kind].format(part=fault.part, other=fault.other)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "optimizer": Kind.TEXT, "part": Kind.TEXT, "other": Kind.TEXT,
        "only": Kind.FLAG, "twice": Kind.FLAG, "sites": Kind.COUNT,
    },
)  # fmt: skip
def wrong_weights(run: Run) -> Found:
    """An optimizer that is named for one network and holds weights of the other. only: it holds nothing else; twice:
    the other one's optimizer holds them too."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    faults = [f for f in source.update_faults if f.kind in ("wrong weights", "shared weights")]
    if not faults:
        return ABSENT if source.optimizers else Missing("the optimizers in the source")
    faults.sort(key=lambda fault: _ORDER.index(fault.kind))
    fault = faults[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(fault.place),
        "code": fault.quote.strip(),
        "optimizer": fault.optimizer,
        "part": fault.part,
        "other": fault.other,
        "only": fault.kind == "wrong weights",
        "twice": any("same weights" in text or "too" in text for _, text in fault.marks),
        "sites": Quantity(len(faults), Kind.COUNT),
    }
    return Fact(fields, _shown(faults, [_label(f) for f in faults]), fault.place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "optimizer": Kind.TEXT, "part": Kind.TEXT, "other": Kind.TEXT,
        "never_stepped": Kind.FLAG, "never_cleared": Kind.FLAG, "foreign": Kind.FLAG, "stale": Kind.FLAG,
        "frozen": Kind.FLAG, "of_critic": Kind.FLAG, "sites": Kind.COUNT,
    },
)  # fmt: skip
def broken_update(run: Run) -> Found:
    """A cycle of clear, backward and step that is broken: never stepped, never cleared, gradients of the other loss
    (foreign) or of an earlier step (stale) in a step, weights whose gradients stay switched off (frozen)."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    faults = [f for f in source.update_faults if f.kind not in ("wrong weights", "shared weights")]
    if not faults:
        return ABSENT if source.steps else Missing(STEPS)
    order = ("never stepped", "frozen", "never cleared", "foreign", "stale")
    faults.sort(key=lambda fault: (order.index(fault.kind), fault.part != "generator"))
    fault = faults[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(fault.place),
        "code": fault.quote.strip(),
        "optimizer": fault.optimizer,
        "part": fault.part,
        "other": fault.other,
        "never_stepped": fault.kind == "never stepped",
        "never_cleared": fault.kind == "never cleared",
        "foreign": fault.kind == "foreign",
        "stale": fault.kind == "stale",
        "frozen": fault.kind == "frozen",
        "of_critic": fault.part == "critic",
        "sites": Quantity(len(faults), Kind.COUNT),
    }
    return Fact(fields, _shown(faults, [_label(f) for f in faults]), fault.place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "formula": Kind.TEXT, "rival": Kind.TEXT, "along": Kind.FLAG,
        "up": Kind.FLAG, "owner": Kind.TEXT, "sites": Kind.COUNT,
    },
)  # fmt: skip
def wrong_sign(run: Run) -> Found:
    """A loss that pulls scores the wrong way: the critic's pulls real and fake alike, or the generator's pulls fakes
    along with the critic's (`along`), upwards or downwards."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.sign_faults:
        parts = {loss.part for loss in source.losses if loss.fake_sign}
        lacking = " and ".join(part for part in ("critic", "generator") if part not in parts)
        return ABSENT if not lacking else Missing(f"the loss of {lacking} in the source: none was understood")
    faults = sorted(source.sign_faults, key=lambda fault: fault.kind != "along")
    fault = faults[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(fault.place),
        "code": fault.quote.strip(),
        "formula": fault.formula,
        "rival": fault.rival,
        "along": fault.kind == "along",
        "up": fault.up,
        "owner": fault.owner,
        "sites": Quantity(len(faults), Kind.COUNT),
    }
    labels = [f"pulls {'fake' if f.kind == 'along' else 'all'} scores {'up' if f.up else 'down'}" for f in faults]
    return Fact(fields, _shown(faults, labels), fault.place)
