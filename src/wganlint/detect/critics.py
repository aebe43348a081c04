"""Detectors on what bounds a critic: its slope (penalty, clipping, weights' norm) and its output (a squashing end)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.source import CRITIC, SOURCE, model
from wganlint.detect.words import where
from wganlint.evidence import Evidence
from wganlint.run import Run, Stated
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import Clamp, Layer, Loss, Site

LOSS = "a Wasserstein critic's loss in the source: none was understood whole"


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "formula": Kind.TEXT, "kind": Kind.TEXT, "unused": Kind.FLAG,
        "zero": Kind.FLAG, "stated": Kind.TEXT, "by_log": Kind.FLAG,
    },
)  # fmt: skip
def uncontrolled_slope(run: Run) -> Found:
    """A loss c = mean D(fake) - mean D(real) whose critic nothing keeps in bounds: no penalty in the loss, no clipped
    weights, no spectral norm.

    unused: a penalty is computed and does not enter the loss; zero: its weight is 0 (stated), by the log or by default.
    Losses for which a control stands elsewhere in the joined files are left out.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    known = [loss for loss in source.losses if loss.control]
    if not known:
        return Missing(LOSS)
    weight = next((one for one in run.stated("penalty_weight") if one.number is not None), None)
    by_log = weight is not None and weight.origin != "default"
    bare = [loss for loss in known if loss.control in ("none", "unused penalty")]
    if by_log and weight is not None and weight.number == 0:
        bare = bare or [loss for loss in known if loss.control in ("penalty", "zero weight")]
    elif not by_log:
        bare = bare or [loss for loss in known if loss.control == "zero weight"]
    if not bare:
        return ABSENT
    loss = bare[0]
    zero = loss.control in ("penalty", "zero weight")
    fields: dict[str, Quantity | bool | str] = {
        "where": where(loss.place),
        "code": loss.quote.strip(),
        "formula": loss.formula,
        "kind": loss.control,
        "unused": loss.control == "unused penalty",
        "zero": zero,
        "stated": _shown(weight) if zero else "",
        "by_log": zero and by_log,
    }
    evidence: list[Evidence] = [loss.evidence("the critic's loss")]
    evidence += [other.evidence("and so is this one") for other in bare[1:3]]
    if loss.control_site is not None and loss.control == "unused penalty":
        evidence.append(loss.control_site.evidence("this penalty is computed, and no loss takes it"))
    if zero and by_log and weight is not None:
        evidence.append(weight.evidence)
    elif zero and loss.control_site is not None:
        evidence.append(loss.control_site.evidence("the weight of this penalty is 0"))
    return Fact(fields, tuple(evidence), loss.place)


def _shown(weight: Stated | None) -> str:
    return f"{weight.name}={weight.value}" if weight is not None else "its default"


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "end": Kind.TEXT, "family": Kind.TEXT, "twice": Kind.FLAG,
        "loss": Kind.TEXT, "low": Kind.NUMBER, "high": Kind.NUMBER, "network": Kind.TEXT, "floor": Kind.FLAG,
        "squares": Kind.FLAG, "inner": Kind.FLAG,
    },
)  # fmt: skip
def bounded_score(run: Run) -> Found:
    """A critic that ends in tanh, sigmoid or the like although its loss wants a free score.

    Told for the loss that takes this very network's scores: mean scores (wgan), hinge, least squares; twice: a
    cross-entropy that applies the sigmoid itself; inner: it is squashed once more before a plain one. A discriminator
    that gives probabilities to a plain cross-entropy is none, nor is an end that stands behind a condition which the
    files do not tell.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.part("critic") and not any(loss.critics for loss in source.losses if loss.part == "critic"):
        return Missing(CRITIC)
    hits = []
    for clamp in source.clamps:
        if clamp.on not in ("score", "floor") or clamp.network is None or clamp.gate or not _squashes(clamp):
            continue
        for loss in source.losses:
            free = loss.family in ("wgan", "hinge", "lsgan") or (loss.family in ("bce", "labels") and loss.logits)
            free = free or (loss.family == "bce" and clamp.inner)
            if free and loss.part == "critic" and any(site.place == clamp.network for site in loss.critics):
                hits.append((clamp, loss))
                break
    hits.sort(key=lambda hit: (hit[1].family == "lsgan", hit[0].on == "floor"))
    return _bounded(hits) if hits else ABSENT


def _squashes(clamp: Clamp) -> bool:
    return clamp.on == "floor" or (
        clamp.call in ("tanh", "sigmoid", "softmax", "softsign", "hardsigmoid", "hardtanh")
        and clamp.high in (1.0, None)
    )


def _bounded(hits: list[tuple[Clamp, Loss]]) -> Fact:
    clamp, loss = hits[0]
    names = {
        "wgan": "mean scores",
        "hinge": "hinge",
        "lsgan": "least squares",
        "bce": "cross-entropy with logits" if loss.logits else "cross-entropy",
        "labels": "logits or least squares",
    }
    fields: dict[str, Quantity | bool | str] = {
        "where": where(clamp.place),
        "code": clamp.quote.strip(),
        "end": clamp.call,
        "family": names[loss.family],
        "twice": loss.family == "bce" and loss.logits,
        "inner": loss.family == "bce" and not loss.logits,
        "loss": where(loss.place),
        "low": Quantity(clamp.low if clamp.low is not None else float("nan"), Kind.NUMBER, 0),
        "high": Quantity(clamp.high if clamp.high is not None else float("nan"), Kind.NUMBER, 0),
        "network": clamp.owner.split(".")[0],
        "floor": clamp.on == "floor",
        "squares": loss.family == "lsgan",
    }
    evidence = [clamp.evidence("the score ends here"), loss.evidence(f"the loss on it: {names[loss.family]}")]
    evidence += [other.evidence("and here another critic's score ends") for other, _ in hits[1:3]]
    return Fact(fields, tuple(evidence), clamp.place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "network": Kind.TEXT, "layer": Kind.TEXT, "penalty": Kind.TEXT,
        "sites": Kind.COUNT, "centered": Kind.FLAG,
    },
)  # fmt: skip
def batch_norm(run: Run) -> Found:
    """A batch-normalized critic whose slope a penalty takes sample by sample: D(x)[0] depends on all samples.

    Only layers that are certainly made; a norm that a condition or an option chooses is left out. centered: the
    penalty pulls the norm to 1.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.penalties:
        return Missing("a gradient penalty in the source")
    for penalty in source.penalties:
        if penalty.used is False:
            continue
        places = {site.place for site in penalty.critics}
        for network in source.networks:
            if network.place not in places:
                continue
            layers = [layer for layer in network.layers if _is_batch_norm(layer)]
            if layers:
                fields: dict[str, Quantity | bool | str] = {
                    "where": where(layers[0].place),
                    "code": layers[0].quote.strip(),
                    "network": network.name,
                    "layer": layers[0].type,
                    "penalty": where(penalty.place),
                    "sites": Quantity(len(layers), Kind.COUNT),
                    "centered": any(norm.centered == 1.0 for norm in penalty.norms),
                }
                evidence = (
                    layers[0].evidence(f"a layer of {network.name}"),
                    penalty.evidence("its slope is taken sample by sample"),
                )
                return Fact(fields, evidence, layers[0].place)
    return ABSENT


def _is_batch_norm(layer: Layer) -> bool:
    return layer.type.startswith(("BatchNorm", "SyncBatchNorm", "SynchronizedBatchNorm")) and not layer.gate


@detector(
    fields={
        "bound": Kind.NUMBER, "where": Kind.TEXT, "code": Kind.TEXT, "beside": Kind.TEXT, "with_penalty": Kind.FLAG,
        "tight": Kind.FLAG, "loose": Kind.FLAG, "stated": Kind.TEXT, "known": Kind.FLAG,
    },
    parameters={
        "tight": Parameter(float, None, "bounds below this are called tight"),
        "loose": Parameter(float, None, "bounds above this are called loose"),
    },
)  # fmt: skip
def weight_clipping(run: Run, tight: float, loose: float) -> Found:
    """Weights clipped to +-c after a step, with the c that the log states (else the default of the source).

    with_penalty: a penalty that reaches a loss stands in the same file (beside), and no condition chooses between them.
    """
    source = model(run)
    clips = source.clips if source is not None else ()
    stated = next((one for one in run.stated("weight_clip") if one.number and one.origin != "default"), None)
    if not clips and stated is None:
        return ABSENT if source is not None else Missing(SOURCE)
    site: Site | None = clips[0] if clips else None
    bound = abs(stated.number) if stated is not None and stated.number else clips[0].bound if clips else None
    penalties = [one for one in source.penalties if one.used is not False] if source is not None else []
    both = [p for p in penalties for c in clips if p.place.file == c.place.file and not p.gate and not c.gate]
    beside = both[0] if both else None
    fields: dict[str, Quantity | bool | str] = {
        "bound": Quantity(
            bound if bound is not None else float("nan"), Kind.NUMBER, None, f"{bound:g}" if bound else ""
        ),
        "known": bound is not None,
        "where": where(site.place) if site is not None else "",
        "code": site.quote.strip() if site is not None else "",
        "beside": where(beside.place) if beside is not None else "",
        "with_penalty": beside is not None,
        "tight": bound is not None and bound < tight,
        "loose": bound is not None and bound > loose,
        "stated": f"{stated.name}={stated.value}" if stated is not None else "",
    }
    evidence: list[Evidence] = []
    if site is not None:
        evidence.append(site.evidence("weights are clipped here"))
    if stated is not None:
        evidence.append(stated.evidence)
    if beside is not None:
        evidence.append(beside.evidence("and the slope is penalized here"))
    place = site.place if site is not None else stated.evidence.place if stated is not None else None
    return Fact(fields, tuple(evidence), place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "on": Kind.TEXT, "low": Kind.NUMBER, "high": Kind.NUMBER,
        "upper": Kind.FLAG, "bound": Kind.NUMBER, "known": Kind.FLAG, "why": Kind.TEXT, "said": Kind.FLAG,
    },
)  # fmt: skip
def tame_alarm(run: Run) -> Found:
    """A warning that is silent at the very bound to which the source clamps the score: 0 < low <= bound <= high.

    said: a comment beside it calls the bound the reason (why); then it counts without a clamp in the files as well.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    bounds = {abs(b) for c in source.clamps if c.on in ("score", "loss") for b in (c.low, c.high) if b}
    bounds |= {abs(s.number) for s in run.settings if s.meaning == "score_bound" and s.number}
    for alarm in source.alarms:
        if alarm.low is None or alarm.low <= 0:
            continue
        inside = [b for b in bounds if alarm.low <= b and (alarm.high is None or b <= alarm.high)]
        if not inside and not alarm.why:
            continue
        high = alarm.high if alarm.high is not None else float("nan")
        fields: dict[str, Quantity | bool | str] = {
            "where": where(alarm.place),
            "code": alarm.quote.strip(),
            "on": alarm.on,
            "low": _whole(alarm.low),
            "high": _whole(high),
            "upper": alarm.high is not None,
            "bound": _whole(inside[0] if inside else float("nan")),
            "known": bool(inside),
            "why": alarm.why,
            "said": bool(alarm.why),
        }
        clamp = next((c for c in source.clamps if c.on in ("score", "loss") and inside and c.high in inside), None)
        evidence = [alarm.evidence(f"warns when {alarm.on} is below {alarm.low:g}")]
        if clamp is not None:
            evidence.append(clamp.evidence(f"bounds the {clamp.on} at {inside[0]:g}"))
        return Fact(fields, tuple(evidence), alarm.place)
    return ABSENT


def _whole(value: float) -> Quantity:
    return Quantity(value, Kind.NUMBER, 0 if float(value).is_integer() else None)
