"""Detectors on the source: each picks the sites of one kind and says what rules need to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wganlint.detect.bounds import pin
from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.words import where
from wganlint.evidence import Evidence, derived
from wganlint.run import Run
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import Clamp, Fill, Site, SourceModel

SOURCE = "the model source (--source DIR)"
CRITIC = "the critic in the source: no class is known to be one, by its name or by its use"


def model(run: Run) -> SourceModel | None:
    """Return the source model if it holds a network or a loss; anything else is not the model's source."""
    source = run.source
    return source if source is not None and (source.networks or source.losses) else None


def _list(sites: Sequence[Site], most: int = 4) -> str:
    named = list(dict.fromkeys(where(site.place) for site in sites))
    return ", ".join(named[:most]) + (f" and {len(named) - most} more" if len(named) > most else "")


def _number(value: float) -> Quantity:
    whole = float(value).is_integer() and abs(value) < 1e7
    return Quantity(value, Kind.NUMBER, 0 if whole else None)


@detector(
    fields={
        "bound": Kind.NUMBER, "code": Kind.TEXT, "where": Kind.TEXT, "owner": Kind.TEXT, "soft": Kind.FLAG,
        "on": Kind.TEXT, "matches": Kind.FLAG, "sites": Kind.COUNT, "known": Kind.FLAG, "overridden": Kind.FLAG,
        "held": Kind.NUMBER,
    },
    parameters={"soft": Parameter(bool, False, "look for C*tanh(x/C) and the like instead of hard clamps")},
)  # fmt: skip
def score_clamp(run: Run, soft: bool) -> Found:
    """A clamp on what the critic returns, or on a loss. matches: the run sits at its bound; overridden: at another one
    than the default that stands in the source (the bound is an option or parameter); held: where the run sits."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    sites = [c for c in source.clamps if c.on in ("score", "loss") and c.soft is soft]
    if not sites:
        return ABSENT if source.part("critic") else Missing(CRITIC)
    pins = [
        p
        for role in ("generator_loss", "critic_loss", "fake_score", "real_score")
        if (s := run.role(role)) and (p := pin(run, s))
    ]

    def hit(clamp: Clamp) -> bool:
        bounds = [abs(b) for b in (clamp.low, clamp.high) if b is not None]
        return any(bool(np.isclose(p.bound, b, rtol=2e-3)) for p in pins for b in bounds)

    stated = [s.number for s in run.settings if s.meaning == "score_bound" and s.number is not None]
    set_by_log = any(bool(np.isclose(p.bound, number, rtol=2e-3)) for p in pins for number in stated)
    site = next((c for c in sites if hit(c)), next((c for c in sites if c.resolved), sites[0]))
    overridden = not hit(site) and bool(site.resolved) and set_by_log
    bound = max((abs(b) for b in (site.low, site.high) if b is not None), default=float("nan"))
    fields: dict[str, Quantity | bool | str] = {
        "bound": _number(bound),
        "known": bool(np.isfinite(bound)),
        "code": site.quote.strip(),
        "where": where(site.place),
        "owner": site.owner,
        "soft": site.soft,
        "on": site.on,
        "matches": hit(site) or overridden,
        "overridden": overridden,
        "held": _number(pins[0].bound if pins else float("nan")),
        "sites": Quantity(len(sites), Kind.COUNT),
    }
    label = f"bounds the {site.on} at +-{bound:g}" if np.isfinite(bound) else f"bounds the {site.on}"
    if site.resolved:
        label += f" ({site.resolved})"
    return Fact(fields, (site.evidence(label),), site.place)


@detector(
    fields={
        "value": Kind.NUMBER, "code": Kind.TEXT, "where": Kind.TEXT, "owner": Kind.TEXT, "norm": Kind.TEXT,
        "has_norm": Kind.FLAG, "in_critic": Kind.FLAG,
    },
)  # fmt: skip
def sentinel(run: Run) -> Found:
    """A fill value of at least 1e4 in size that reaches a learned layer or a mean.

    norm: a normalizing layer after it; in_critic: the critic's code holds it or a step on its way, or no class does.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    sites = [f for f in source.fills if f.reaches == "network"]
    if not sites:
        return ABSENT
    critics = {network.name for network in source.part("critic")}
    classes = {network.name for network in source.networks}

    def owners(fill: Fill) -> set[str]:
        return {step.owner.split(".")[0] for step in (fill, *fill.path)}

    sites.sort(key=lambda fill: not owners(fill) & critics)
    site = sites[0]
    norm = next((f.norm_after for f in sites if f.norm_after is not None), None)
    fields: dict[str, Quantity | bool | str] = {
        "value": Quantity(site.value, Kind.NUMBER, None, f"{site.value:.6g}"),
        "code": site.quote.strip(),
        "where": _list(sites),
        "owner": site.owner,
        "norm": f"{norm.type} ({where(norm.place)})" if norm is not None else "",
        "has_norm": norm is not None,
        "in_critic": bool(owners(site) & critics) or not owners(site) & classes,
    }
    return Fact(fields, tuple(_fill_evidence(sites)), site.place)


def _fill_evidence(sites: Sequence[Fill]) -> list[Evidence]:
    evidence: list[Evidence] = []
    for site in sites[:3]:
        evidence.append(site.evidence(f"the fill value {site.value:g}"))
        evidence += [step.evidence("it passes here") for step in site.path[-2:]]
        if site.norm_after is not None:
            evidence.append(site.norm_after.evidence("this layer maps it to ordinary numbers"))
    return evidence


@detector(
    fields={
        "where": Kind.TEXT, "sites": Kind.COUNT, "code": Kind.TEXT, "producer": Kind.TEXT, "feeds": Kind.FLAG,
        "on": Kind.TEXT, "vital": Kind.FLAG,
    },
)  # fmt: skip
def nan_guards(run: Run) -> Found:
    """Calls that replace or skip non-finite values. feeds: code before one could really make a NaN (producer);
    vital: one stands on a score, feature, loss or norm, not only on metrics or gradients."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.guards:
        return ABSENT
    vital = [g for g in source.guards if g.on in ("score", "features", "loss", "norm")]
    fed = [g for g in vital if g.producer]
    shown = [*fed, *(g for g in (vital or source.guards) if g not in fed)]
    fields: dict[str, Quantity | bool | str] = {
        "where": _list(shown, 6),
        "sites": Quantity(len(source.guards), Kind.COUNT),
        "code": shown[0].quote.strip(),
        "producer": fed[0].producer if fed else "",
        "feeds": bool(fed),
        "on": ", ".join(dict.fromkeys(g.on for g in shown)),
        "vital": bool(vital),
    }
    evidence = tuple(g.evidence(f"{g.call} on {g.on}" if g.on != "other" else g.call) for g in shown[:6])
    return Fact(fields, evidence, shown[0].place)


@detector(
    fields={
        "where": Kind.TEXT, "call": Kind.TEXT, "quantity": Kind.TEXT, "supervised": Kind.FLAG, "by": Kind.TEXT,
        "sites": Kind.COUNT, "code": Kind.TEXT, "is_count": Kind.FLAG,
    },
)  # fmt: skip
def rounding(run: Run) -> Found:
    """round, long, argmax and the like on a quantity that the generator learns, without a straight-through path.

    is_count: the quantity says how many items a sample gets; supervised: another loss trains it (by).
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    sites = [r for r in source.roundings if not r.straight_through]
    if not sites:
        return ABSENT
    counts = {(h.place.file, h.place.line) for h in source.count_heads}
    sites.sort(key=lambda r: (r.place.file, r.place.line) not in counts)
    site = sites[0]
    supervised = next((r.supervised for r in sites if r.supervised is not None), None)
    fields: dict[str, Quantity | bool | str] = {
        "where": _list(sites),
        "call": site.call,
        "quantity": site.quantity,
        "supervised": supervised is not None,
        "by": where(supervised.place) if supervised is not None else "",
        "sites": Quantity(len(sites), Kind.COUNT),
        "code": site.quote.strip(),
        "is_count": (site.place.file, site.place.line) in counts,
    }
    evidence = [r.evidence(f"{r.call} passes no gradient back to {r.quantity}") for r in sites[:3]]
    if supervised is not None:
        evidence.append(supervised.evidence("the only loss that trains it"))
    return Fact(fields, tuple(evidence), site.place)


@detector(
    fields={
        "where": Kind.TEXT, "code": Kind.TEXT, "expression": Kind.TEXT, "threshold": Kind.NUMBER, "bias": Kind.NUMBER,
        "bias_set": Kind.FLAG, "at_risk": Kind.FLAG, "head": Kind.TEXT, "understood": Kind.FLAG,
    },
)  # fmt: skip
def count_head(run: Run) -> Found:
    """How many items a sample gets is read from a network: below `threshold` the sample is empty.

    at_risk: the form is understood, nothing keeps the count at 1 or more, and the last bias is not set above the
    threshold, so that an untrained head (output near 0) makes empty samples.
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.count_heads:
        return ABSENT
    site = source.count_heads[0]
    bias = site.bias if site.bias is not None else 0.0
    understood = site.alive_above is not None
    at_risk = site.alive_above is not None and site.minimum < 1 and bias < site.alive_above
    fields: dict[str, Quantity | bool | str] = {
        "where": where(site.place),
        "code": site.quote.strip(),
        "expression": site.expression,
        "threshold": Quantity(site.alive_above if site.alive_above is not None else float("nan"), Kind.NUMBER, 3),
        "bias": Quantity(bias, Kind.NUMBER),
        "bias_set": site.bias is not None,
        "at_risk": at_risk,
        "head": site.head,
        "understood": understood,
    }
    evidence = [site.evidence("how many items a sample gets")]
    if site.alive_above is not None:
        evidence.append(derived(f"{site.expression} is 0 while {site.head or 'the head'} < {site.alive_above:.3f}"))
    if site.bias_site is not None:
        evidence.append(site.bias_site.evidence(f"the last bias starts at {bias:g}"))
    return Fact(fields, tuple(evidence), site.place)


@detector(
    fields={
        "where": Kind.TEXT, "kind": Kind.TEXT, "condition": Kind.TEXT, "result": Kind.TEXT, "empty": Kind.FLAG,
        "always": Kind.FLAG, "interval": Kind.FLAG, "caught": Kind.FLAG, "every": Kind.COUNT,
        "sites": Kind.COUNT, "code": Kind.TEXT,
    },
)  # fmt: skip
def penalty_skip(run: Run) -> Found:
    """A way around the gradient penalty. empty: it returns a constant for empty fakes; interval: every k-th substep
    only; always: its weight is 0; caught: an error of it is."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    order = {"empty": 0, "except": 1, "zero weight": 2, "interval": 3}
    sites = sorted(source.skips, key=lambda s: order.get(s.kind, 9))
    if not sites:
        return ABSENT
    site = sites[0]
    every = next((s.every for s in sites if s.every is not None), None)
    fields: dict[str, Quantity | bool | str] = {
        "where": _list(sites),
        "kind": site.kind,
        "condition": site.condition,
        "result": site.result,
        "empty": any(s.kind == "empty" for s in sites),
        "always": any(s.kind == "zero weight" for s in sites),
        "interval": any(s.kind == "interval" for s in sites),
        "caught": any(s.kind == "except" for s in sites),
        "every": Quantity(every if every is not None else float("nan"), Kind.COUNT),
        "sites": Quantity(len(sites), Kind.COUNT),
        "code": site.quote.strip(),
    }
    labels = {
        "empty": "returns a constant when there is nothing to penalize",
        "except": "an error makes the penalty a constant",
        "zero weight": "the weight is 0",
        "interval": "only every k-th critic step",
    }
    return Fact(fields, tuple(s.evidence(labels.get(s.kind, s.kind)) for s in sites[:4]), site.place)


@detector(
    fields={
        "critic": Kind.TEXT, "generator": Kind.TEXT, "layers": Kind.COUNT, "norms": Kind.COUNT, "where": Kind.TEXT,
        "initialized": Kind.FLAG,
    },
)  # fmt: skip
def bare_critic(run: Run) -> Found:
    """A critic of at least two learned layers without any normalizing layer beside a generator that has one."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    critics, generators = source.part("critic"), source.part("generator")
    if not critics or not generators:
        return Missing("the classes of critic and generator in the source")
    norms = [layer for network in generators for layer in network.layers if layer.normalizes]
    for critic in critics:
        learned = [layer for layer in critic.layers if layer.learns]
        if len(learned) >= 2 and not any(layer.normalizes for layer in critic.layers) and norms:
            fields: dict[str, Quantity | bool | str] = {
                "critic": critic.name,
                "generator": generators[0].name,
                "layers": Quantity(len(learned), Kind.COUNT),
                "norms": Quantity(len(norms), Kind.COUNT),
                "where": where(critic.place),
                "initialized": critic.initialized is not None,
            }
            evidence = (
                critic.evidence(f"{len(learned)} learned layers, none normalized"),
                norms[0].evidence(f"{generators[0].name} has {len(norms)} normalizing layers"),
            )
            return Fact(fields, evidence, critic.place)
    return ABSENT


@detector(
    fields={
        "where": Kind.TEXT,
        "divisor": Kind.TEXT,
        "code": Kind.TEXT,
        "kind": Kind.TEXT,
        "owner": Kind.TEXT,
    },
)
def batch_scale(run: Run) -> Found:
    """The critic divides its score by something that depends on the batch or on earlier scores."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.scales:
        return ABSENT if source.part("critic") else Missing(CRITIC)
    site = source.scales[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": _list(source.scales),
        "divisor": site.divisor,
        "code": site.quote.strip(),
        "kind": site.kind,
        "owner": site.owner,
    }
    return Fact(fields, tuple(s.evidence(f"divided by {s.divisor}") for s in source.scales[:3]), site.place)


@detector(
    fields={"where": Kind.TEXT, "how": Kind.TEXT, "code": Kind.TEXT, "owner": Kind.TEXT, "sites": Kind.COUNT},
)
def cut_generator(run: Run) -> Found:
    """In the generator's own loss the fakes reach the critic without a gradient path."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    if not source.detaches:
        known = any(loss.part == "generator" for loss in source.losses)
        return ABSENT if known else Missing("the generator's loss in the source: none was understood")
    site = source.detaches[0]
    fields: dict[str, Quantity | bool | str] = {
        "where": _list(source.detaches),
        "how": site.how,
        "code": site.quote.strip(),
        "owner": site.owner,
        "sites": Quantity(len(source.detaches), Kind.COUNT),
    }
    return Fact(fields, tuple(s.evidence(f"{s.how} cuts the gradient") for s in source.detaches[:3]), site.place)
