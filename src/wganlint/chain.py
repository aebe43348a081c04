"""The causal graph of one run's findings: roots, loops, masks, and the order of fixes that follows from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from wganlint.engine import Judgement
from wganlint.finding import Chain, Edge, Effect, Finding, Fix, LinkKind

FAR = 1_000  # depth of a finding that no root leads to


def link(run: str, judgements: Sequence[Judgement]) -> tuple[tuple[Finding, ...], Chain]:
    """Return the findings of a run with their place in the chain, ordered root first, and the chain itself.

    A root causes another finding and is caused by none; only `causes` counts. Findings without an arrow are apart.
    """
    found = {j.finding.code: j.finding for j in judgements if j.finding is not None}
    edges = _edges(judgements, found)
    causes = [edge for edge in edges if edge.how is LinkKind.CAUSES]
    roots = _roots(found, causes)
    depth = _depths(roots, causes)
    ordered = sorted(
        found.values(),
        key=lambda f: (f.id not in roots, depth.get(f.id, FAR), -f.severity, -f.confidence, f.code),
    )
    linked = [_linked(finding, finding.id in roots, edges) for finding in ordered]
    ranked = _rank(linked, depth)
    touched = {end for edge in edges for end in (edge.source, edge.target)}
    chain = Chain(
        run,
        nodes=tuple(f.id for f in ranked if f.id in touched),
        edges=tuple(sorted(edges, key=lambda e: (depth.get(e.source, FAR), e.source, e.how, e.target))),
        loops=_loops(edges, causes),
        apart=tuple(f.id for f in ranked if f.id not in touched),
    )
    return tuple(ranked), chain


def _edges(judgements: Sequence[Judgement], found: dict[str, Finding]) -> list[Edge]:
    edges: dict[tuple[str, str, LinkKind], Edge] = {}
    for judgement in judgements:
        if judgement.finding is None:
            continue
        for bond in judgement.bonds:
            target = found.get(bond.to)
            if target is not None and target.id != judgement.finding.id:
                edge = Edge(judgement.finding.id, target.id, bond.how, bond.standing, bond.why)
                edges.setdefault((edge.source, edge.target, edge.how), edge)
    return list(edges.values())


def _roots(found: dict[str, Finding], causes: list[Edge]) -> set[str]:
    sources = {edge.source for edge in causes}
    targets = {edge.target for edge in causes}
    roots = sources - targets
    reached = _depths(roots, causes)
    # A ring of causes has no first member: its most severe one stands for it.
    for finding in sorted(found.values(), key=lambda f: (-f.severity, -f.confidence, f.code)):
        if finding.id in sources and finding.id not in reached:
            roots.add(finding.id)
            reached = _depths(roots, causes)
    return roots


def _depths(roots: set[str], causes: list[Edge]) -> dict[str, int]:
    """Return the longest distance from a root along `causes`, so that an effect comes after all its causes."""
    depth = dict.fromkeys(roots, 0)
    queue = deque(sorted(roots))
    most = len(causes) + 1
    while queue:
        here = queue.popleft()
        for edge in causes:
            if edge.source == here and depth.get(edge.target, -1) < depth[here] + 1 <= most:
                depth[edge.target] = depth[here] + 1
                queue.append(edge.target)
    return depth


def _linked(finding: Finding, root: bool, edges: list[Edge]) -> Finding:
    def ends(how: LinkKind) -> tuple[str, ...]:
        return tuple(e.target for e in edges if e.source == finding.id and e.how is how)

    caused_by = tuple(e.source for e in edges if e.target == finding.id and e.how is LinkKind.CAUSES)
    return replace(
        finding, root=root, causes=ends(LinkKind.CAUSES), caused_by=caused_by, masks=ends(LinkKind.MASKS)
    )


def _loops(edges: list[Edge], causes: list[Edge]) -> tuple[tuple[str, ...], ...]:
    """Return each ring that a keeps-alive arrow closes: the shortest way by causes, then back."""
    loops: dict[frozenset[str], tuple[str, ...]] = {}
    for edge in edges:
        if edge.how is LinkKind.KEEPS_ALIVE:
            way = _way(edge.target, edge.source, causes)
            if way:
                loops.setdefault(frozenset(way), way)
    return tuple(loops.values())


def _way(start: str, end: str, causes: list[Edge]) -> tuple[str, ...]:
    """Return the longest simple way from start to end along causes (it tells the whole story), or ()."""
    best: tuple[str, ...] = ()
    stack: list[tuple[str, ...]] = [(start,)]
    steps = 0
    while stack and steps < 10_000:
        steps += 1
        way = stack.pop()
        if way[-1] == end:
            best = way if len(way) > len(best) else best
            continue
        stack += [(*way, e.target) for e in causes if e.source == way[-1] and e.target not in way]
    return best


def _rank(findings: list[Finding], depth: dict[str, int]) -> list[Finding]:
    """Number all fixes of a run: what cuts the root first, what only hides a symptom last; name conflicts."""
    entries = [
        ((fix.effect is Effect.HIDES, depth.get(f.id, FAR), -f.severity, at, f.code), f.id, fix)
        for f in findings
        for at, fix in enumerate(f.fixes)
    ]
    ranks: dict[str, int] = {}
    for _, _, fix in sorted(entries, key=lambda entry: entry[0]):
        ranks.setdefault(fix.title, len(ranks) + 1)
    excluded = {
        title: {t for t in ranks if t in fix.excludes} for _, _, fix in entries for title in [fix.title]
    }
    for title, others in list(excluded.items()):
        for other in others:
            excluded[other].add(title)

    def ranked(fix: Fix) -> Fix:
        conflicts = tuple(sorted(ranks[title] for title in excluded[fix.title]))
        return replace(fix, rank=ranks[fix.title], conflicts=conflicts)

    return [replace(f, fixes=tuple(sorted(map(ranked, f.fixes), key=lambda fix: fix.rank))) for f in findings]
