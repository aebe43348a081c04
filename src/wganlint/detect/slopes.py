"""Detectors on the penalties of the source: graph, axis, interpolation, masks, pooling, roots without an epsilon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.source import SOURCE, model
from wganlint.detect.words import where
from wganlint.run import Run
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import Penalty, Site, SlopeNorm

PENALTY = "a gradient penalty in the source"
_BASE = {"where": Kind.TEXT, "code": Kind.TEXT, "owner": Kind.TEXT, "sites": Kind.COUNT}


def _base(sites: Sequence[Site]) -> dict[str, Quantity | bool | str]:
    names = list(dict.fromkeys(where(site.place) for site in sites))
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return {
        "where": ", ".join(names[:4]) + more,
        "code": sites[0].quote.strip(),
        "owner": sites[0].owner or "the script",
        "sites": Quantity(len(sites), Kind.COUNT),
    }


def _penalties(run: Run) -> tuple[Penalty, ...] | Missing:
    """Return the penalties that may reach a loss; those that are only read out are no part of the training."""
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    return source.penalties


@detector(fields={**_BASE, "cut": Kind.FLAG, "how": Kind.TEXT, "followed": Kind.FLAG})
def lost_graph(run: Run) -> Found:
    """A penalty whose gradient is taken without create_graph, or that reaches the loss as a bare number.

    Then d(penalty)/d(weights) = 0 for every weight. cut: the graph is lost behind the gradient (how); followed: the
    penalty is seen to reach a backward call.
    """
    found = _penalties(run)
    if isinstance(found, Missing):
        return found
    lost = [one for one in found if (one.create_graph is False and one.used is not False) or one.cut is not None]
    if not lost:
        return ABSENT
    lost.sort(key=lambda one: one.used is not True)
    site = lost[0]
    cut = site.cut if site.create_graph is not False else None
    shown: list[Site] = [one.cut if one.cut is not None and one.create_graph is not False else one for one in lost]
    fields = _base(shown) | {
        "cut": cut is not None,
        "how": cut.quote.strip() if cut is not None else "create_graph",
        "followed": site.used is True,
    }
    label = "the graph ends here" if cut is not None else "differentiated without create_graph=True"
    return Fact(fields, tuple(one.evidence(label) for one in shown[:4]), shown[0].place)


@detector(fields=_BASE)
def idle_penalty(run: Run) -> Found:
    """A whole penalty (with a graph, its norm pulled to 1) that no loss takes, while something else holds the critic.

    A critic that nothing else holds is no_lipschitz's. A slope that is only logged has no graph or no target.
    """
    found = _penalties(run)
    if isinstance(found, Missing):
        return found
    idle = [one for one in found if one.used is False and one.create_graph]
    idle = [one for one in idle if any(norm.centered == 1.0 for norm in one.norms)]
    source = model(run)
    losses = source.losses if source is not None else ()
    if not idle or any(loss.control == "unused penalty" for loss in losses):
        return ABSENT if found else Missing(PENALTY)
    return Fact(_base(idle), tuple(one.evidence("computed, and no loss takes it") for one in idle[:4]), idle[0].place)


@detector(fields={**_BASE, "kind": Kind.TEXT, "dims": Kind.TEXT, "rank": Kind.COUNT, "wrong": Kind.FLAG})
def penalty_geometry(run: Run) -> Found:
    """Where the norm of the slope, or the point that it is taken at, is not one for each sample.

    kind: "axis" (one axis of a sample that has several: the norm of a pixel), "batch" (over the samples), "whole" (all
    samples at once), for a norm that is pulled to 1; "vector" (one weight an item of the last axis), "unequal"
    (weights that do not add up to 1); and, not wrong, "one weight" (the same for the whole batch), "each element".
    """
    found = _penalties(run)
    if isinstance(found, Missing):
        return found
    hits: list[tuple[int, str, Site, Penalty, SlopeNorm | None]] = []
    for one in found:
        if one.used is False:
            continue
        for norm in one.norms:
            if norm.centered != 1.0:
                continue
            if norm.over in ("batch", "whole"):
                hits.append((0, norm.over, norm, one, norm))
            elif norm.over == "axis" and one.rank is not None and one.rank >= 3:
                hits.append((0, "axis", norm, one, norm))
        if one.mixing_site is None:
            continue
        if one.mixing in ("vector", "unequal"):
            hits.append((1, one.mixing, one.mixing_site, one, None))
        elif one.mixing in ("batch", "element"):
            kind = "one weight" if one.mixing == "batch" else "each element"
            hits.append((2, kind, one.mixing_site, one, None))
    if not hits:
        return ABSENT if found else Missing(PENALTY)
    hits.sort(key=lambda hit: hit[0])
    rank, kind, site, penalty, first = hits[0]
    same = [hit for hit in hits if hit[0] <= 1] or hits[:1]
    fields = _base([hit[2] for hit in same]) | {
        "kind": kind,
        "dims": first.dims if first is not None else "",
        "rank": Quantity(float(penalty.rank) if penalty.rank is not None else float("nan"), Kind.COUNT),
        "wrong": rank < 2,
    }
    labels = {
        "axis": "the norm over one axis of several",
        "batch": "the norm over the samples",
        "whole": "one norm for all samples together",
        "vector": "one weight for each item of the last axis",
        "unequal": "these weights do not add up to 1",
        "one weight": "one weight for the whole batch",
        "each element": "a weight of its own for each element",
    }
    return Fact(fields, tuple(hit[2].evidence(labels[hit[1]]) for hit in same[:4]), site.place)


@detector(fields={**_BASE, "clean": Kind.FLAG, "bound": Kind.FLAG})
def masked_norm(run: Run) -> Found:
    """The slope, or its norm, is clamped from above (bound) or cleaned of NaN (clean) inside the penalty."""
    found = _penalties(run)
    if isinstance(found, Missing):
        return found
    sites = [(site, one) for one in found if one.used is not False for site in one.masked]
    if not sites:
        return ABSENT if found else Missing(PENALTY)
    clean = ["nan_to_num" in site.quote for site, _ in sites]
    fields = _base([site for site, _ in sites]) | {"clean": any(clean), "bound": not all(clean)}
    shown = sites if all(clean) else [pair for pair, is_clean in zip(sites, clean, strict=True) if not is_clean]
    labels = ["cleans NaN from the slope" if "nan_to_num" in s.quote else "bounds the slope" for s, _ in shown]
    evidence = tuple(site.evidence(label) for (site, _), label in zip(shown[:4], labels, strict=False))
    return Fact(fields, evidence, shown[0][0].place)


@detector(fields={**_BASE, "pool": Kind.TEXT})
def pooled_norm(run: Run) -> Found:
    """A penalty whose norm is taken for each element of a set, before a critic that keeps the largest only."""
    found = _penalties(run)
    if isinstance(found, Missing):
        return found
    hits = [one for one in found if one.pooled is not None and one.used is not False]
    if not hits:
        return ABSENT if found else Missing(PENALTY)
    one = hits[0]
    norm = next((norm for norm in one.norms if norm.centered == 1.0), None)
    assert one.pooled is not None
    fields = _base([norm or one]) | {"pool": where(one.pooled.place)}
    evidence = (
        (norm or one).evidence("one norm for each element"),
        one.pooled.evidence("only the largest element passes"),
    )
    return Fact(fields, evidence, (norm or one).place)


@detector(fields={**_BASE, "kind": Kind.TEXT})
def bare_root(run: Run) -> Found:
    """A square root of a sum of squares with nothing added under it: its derivative 1 / (2 sqrt(s)) is infinite at 0.

    kind: "slope" (of the critic's slope, 0 for dead units and padding) or "itself" (distances of samples to each other,
    0 for each to itself).
    """
    source = model(run)
    if source is None:
        return Missing(SOURCE)
    roots: list[Site] = [norm for one in source.penalties if one.used is not False for norm in one.norms if norm.bare]
    kind = "slope" if roots else "itself"
    sites = [*roots, *source.roots]
    if not sites:
        return ABSENT
    fields = _base(sites) | {"kind": kind}
    return Fact(fields, tuple(site.evidence("nothing is added under the root") for site in sites[:4]), sites[0].place)
