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
    from wganlint.source import Reset, SignFault, UpdateFault

STEPS = "the training steps in the source: no optimizer of critic or generator is stepped in these files"
_WEIGHTS = ("wrong weights", "shared weights")
_LABELS = {  # by kind; the gravest of an update first
    "wrong weights": "named for the {part}, holds {other}",
    "shared weights": "named for the {part}, holds {other} too",
    "never stepped": "the {part}'s optimizer; nothing steps it",
    "barred": "the {part}'s step stands under {other}, which never holds",
    "uncalled": "the {part}'s step stands in {other}, which nothing calls",
    "frozen": "gradients of {other} are switched off here and never on again",
    "unfed": "no backward has filled its gradients here",
    "never cleared": "nothing clears its gradients",
    "foreign": "this step uses gradients of the other loss as well",
    "stale": "this step uses old gradients again",
    "guarded": "the only way to this step is {other}",
    "idle": "nothing fills the gradients before this step",
}
_ORDER = tuple(_LABELS)


def _shown(faults: Sequence[UpdateFault | SignFault | Reset], labels: Sequence[str]) -> tuple[Evidence, ...]:
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
    faults = [f for f in source.update_faults if f.kind in _WEIGHTS]
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
        "frozen": Kind.FLAG, "guarded": Kind.FLAG, "idle": Kind.FLAG, "barred": Kind.FLAG, "uncalled": Kind.FLAG,
        "unfed": Kind.FLAG, "of_critic": Kind.FLAG, "sites": Kind.COUNT,
    },
)  # fmt: skip
def broken_update(run: Run) -> Found:
    """A cycle of clear, backward and step that is broken: never stepped, never cleared, gradients of the other loss
    (foreign) or of an earlier step (stale) in a step, weights whose gradients stay switched off (frozen), steps that
    are never come to (barred, uncalled), that no backward feeds (unfed; idle: it is commented out), or made only
    without accumulation (guarded)."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    faults = [f for f in source.update_faults if f.kind not in _WEIGHTS]
    if not faults:
        return ABSENT if source.steps else Missing(STEPS)
    faults.sort(key=lambda fault: (_ORDER.index(fault.kind), fault.part != "generator"))
    fault = faults[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(fault.place),
        "code": fault.quote.strip(),
        "optimizer": fault.optimizer,
        "part": fault.part,
        "other": fault.other,
        **{kind.replace(" ", "_"): fault.kind == kind for kind in _ORDER if kind not in _WEIGHTS},
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
    source = model(run) or run.source
    if source is None or not (source.sign_faults or model(run)):
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


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "optimizer": Kind.TEXT, "loop": Kind.TEXT, "guard": Kind.TEXT,
        "cleared": Kind.FLAG, "anew": Kind.FLAG, "dropped": Kind.FLAG, "not_restored": Kind.FLAG, "looped": Kind.FLAG,
        "guarded": Kind.FLAG, "sites": Kind.COUNT,
    },
)  # fmt: skip
def state_reset(run: Run) -> Found:
    """Where an optimizer loses its moments: cleared, made anew in the loop that trains (looped; guarded: only under a
    condition), dropped after an error while loading, or not restored by a resume that loads the weights."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.resets:
        return ABSENT if source.optimizers else Missing("the optimizers in the source")
    order = ("made anew", "cleared", "dropped", "not restored")
    resets = sorted(source.resets, key=lambda reset: (bool(reset.guard), not reset.loop, order.index(reset.kind)))
    reset = resets[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(reset.place),
        "code": reset.quote.strip(),
        "optimizer": reset.optimizer,
        "loop": reset.loop,
        "guard": reset.guard,
        "cleared": reset.kind == "cleared",
        "anew": reset.kind == "made anew",
        "dropped": reset.kind == "dropped",
        "not_restored": reset.kind == "not restored",
        "looped": bool(reset.loop),
        "guarded": bool(reset.guard),
        "sites": Quantity(len(resets), Kind.COUNT),
    }
    labels = {
        "made anew": "a new optimizer: its moments start at 0",
        "cleared": "throws the moments away",
        "dropped": "the state may not get here",
        "not restored": "the weights are restored, the moments are not",
    }
    return Fact(fields, _shown(resets, [labels[one.kind] for one in resets]), reset.place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "what": Kind.TEXT, "instead": Kind.TEXT, "caught": Kind.FLAG,
        "vital": Kind.FLAG, "told": Kind.FLAG, "zeroed": Kind.FLAG, "unread": Kind.FLAG, "undefined": Kind.FLAG,
        "penalty": Kind.FLAG, "sites": Kind.COUNT,
    },
)  # fmt: skip
def swallowed(run: Run) -> Found:
    """A fault that the code hides: an except clause that makes up a loss, a penalty, a gap or a metric (caught; vital:
    one that trains; told: it prints or logs it), a setting of 0 that becomes the default (zeroed), an option that
    nothing reads (unread) or that is defined nowhere (undefined)."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.swallows:
        return ABSENT
    kinds, objects = ("except", "or", "undefined", "unread"), ("penalty", "loss", "step", "gap", "metric")
    sites = sorted(
        source.swallows,
        key=lambda s: (kinds.index(s.kind), s.told, objects.index(s.what) if s.what in objects else 9),
    )
    site = sites[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": where(site.place),
        "code": site.quote.strip(),
        "what": site.what,
        "instead": site.instead,
        "caught": site.kind == "except",
        "vital": site.kind == "except" and site.what in ("penalty", "loss", "step"),
        "told": site.told,
        "zeroed": site.kind == "or",
        "unread": site.kind == "unread",
        "undefined": site.kind == "undefined",
        "penalty": site.what == "penalty",
        "sites": Quantity(len(sites), Kind.COUNT),
    }
    labels = {
        "except": "an error becomes {instead}",
        "or": "0 becomes {instead}",
        "unread": "nothing reads {what}",
        "undefined": "{what} is defined nowhere: always {instead}",
    }
    shown = [s.evidence(labels[s.kind].format(instead=s.instead, what=s.what)) for s in sites[:5]]
    return Fact(fields, tuple(shown), site.place)
