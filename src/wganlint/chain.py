"""The causal graph of one run's findings: roots, loops, masks, and the order of fixes that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from wganlint.engine import Judgement
from wganlint.finding import Chain, Edge, Effect, Finding, Fix, LinkKind

_TRIED = {"first": 0, "cures": 1, "helps": 1, "hides": 3, "moves": 3, "breaks": 3}  # untried, or of no effect here: 2
AFTERWARDS = 80  # from this order on, a fix is for later, wherever its finding stands
FIRST = -1  # depth of a finding that no root leads to and that is graver than all that roots lead to
FAR = 1_000  # depth of a finding that no root leads to


def link(
    run: str, judgements: Sequence[Judgement], measured: Mapping[str, str] | None = None
) -> tuple[tuple[Finding, ...], Chain]:  # fmt: skip
    """Return the findings of a run with their place in the chain, ordered root first, and the chain itself.

    A root causes another finding and is caused by none; only `causes` counts. Findings without an arrow are apart, and
    come after the chain unless they are graver than all that is in it. Of several roots the one that leads to the
    gravest finding comes first. `measured` are effects of fixes that were tried, by title ("first": in the smallest
    set).
    """
    found = {j.finding.code: j.finding for j in judgements if j.finding is not None}
    edges = _edges(judgements, found)
    causes = [edge for edge in edges if edge.how is LinkKind.CAUSES]
    roots = _roots(found, causes)
    depth = _depths(roots, causes)
    weight = _weights(found, roots, causes)
    if roots:
        gravest = max(weight.values())
        depth |= {f.id: FIRST for f in found.values() if f.id not in depth and f.severity > gravest}
    ordered = sorted(
        found.values(),
        key=lambda f: (
            depth.get(f.id) != FIRST,
            f.id not in roots,
            depth.get(f.id, FAR),
            -weight.get(f.id, f.severity),
            -f.severity,
            -f.confidence,
            f.code,
        ),
    )
    linked = [_linked(finding, finding.id in roots, edges) for finding in ordered]
    ranked = _rank(linked, depth, measured or {})
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
    effects = {source: _reached(source, causes) for source in sources}
    roots = sources - {edge.target for edge in causes}
    # A ring of causes that nothing outside it causes has no first member: its most severe one stands for it.
    for finding in sorted(found.values(), key=lambda f: (-f.severity, -f.confidence, f.code)):
        here = finding.id
        before = {source for source in sources if here in effects[source]}
        if here in before and before <= effects[here] and not before & roots:
            roots.add(here)
    return roots


def _weights(found: dict[str, Finding], roots: set[str], causes: list[Edge]) -> dict[str, int]:
    """Return for each root how grave the gravest finding is that it leads to, itself among them."""
    severity = {finding.id: int(finding.severity) for finding in found.values()}
    return {root: max(severity[here] for here in {root, *_reached(root, causes)}) for root in roots}


def _reached(start: str, causes: list[Edge]) -> set[str]:
    found: set[str] = set()
    stack = [start]
    while stack:
        here = stack.pop()
        more = {edge.target for edge in causes if edge.source == here} - found
        found |= more
        stack += more
    return found


def _depths(roots: set[str], causes: list[Edge]) -> dict[str, int]:
    """Return the longest distance from a root along `causes`, so that an effect comes after all its causes.

    An arrow back to where the way came from (a ring) does not count.
    """
    order = _forward(roots, causes)
    rank = {here: at for at, here in enumerate(order)}
    depth = dict.fromkeys(roots, 0)
    for here in order:
        for edge in causes:
            if edge.source == here and rank[edge.target] > rank[here]:
                depth[edge.target] = max(depth.get(edge.target, 0), depth[here] + 1)
    return depth


def _forward(roots: set[str], causes: list[Edge]) -> list[str]:
    """Return what roots lead to, each after its causes where no ring forbids it (depth-first, last left first)."""
    left: list[str] = []
    seen: set[str] = set()

    def visit(here: str) -> None:
        seen.add(here)
        for target in sorted({edge.target for edge in causes if edge.source == here}, reverse=True):
            if target not in seen:
                visit(target)
        left.append(here)

    for root in sorted(roots, reverse=True):
        if root not in seen:
            visit(root)
    return left[::-1]


def _linked(finding: Finding, root: bool, edges: list[Edge]) -> Finding:
    def ends(how: LinkKind) -> tuple[str, ...]:
        return tuple(e.target for e in edges if e.source == finding.id and e.how is how)

    caused_by = tuple(e.source for e in edges if e.target == finding.id and e.how is LinkKind.CAUSES)
    return replace(finding, root=root, causes=ends(LinkKind.CAUSES), caused_by=caused_by, masks=ends(LinkKind.MASKS))


def _loops(edges: list[Edge], causes: list[Edge]) -> tuple[tuple[str, ...], ...]:
    """Return each ring that a keeps-alive arrow closes: the longest way by causes, then back."""
    loops: dict[frozenset[str], tuple[str, ...]] = {}
    for edge in edges:
        if edge.how is LinkKind.KEEPS_ALIVE:
            way = _way(edge.target, edge.source, causes)
            if way:
                loops.setdefault(frozenset(way), way)
    return tuple(loops.values())


def _way(start: str, end: str, causes: list[Edge]) -> tuple[str, ...]:
    """Return the longest simple way from start to end along causes (it tells the whole story), or ().

    Rules are few; beyond 10,000 tries the longest way found so far is told.
    """
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


def _as_measured(fix: Fix, measured: Mapping[str, str]) -> Fix:
    told = {"first": Effect.CURES, "cures": Effect.CURES, "hides": Effect.HIDES, "moves": Effect.MOVES}
    return replace(
        fix, effect=told.get(measured.get(fix.title, ""), fix.effect)
    )  # "nothing": it may cure its own finding


def _rank(findings: list[Finding], depth: dict[str, int], measured: Mapping[str, str]) -> list[Finding]:
    """Number all fixes of a run: what cuts the root first, what only hides a symptom last; name conflicts.

    What was measured goes before what a rule says.
    """
    if measured:
        findings = [replace(f, fixes=tuple(_as_measured(fix, measured) for fix in f.fixes)) for f in findings]
    entries = [
        (
            (
                _TRIED.get(measured.get(fix.title, ""), 2),
                fix.effect is Effect.HIDES,
                fix.order >= AFTERWARDS,
                depth.get(f.id, FAR),
                -f.severity,
                at,
                f.code,
            ),
            f.id,
            fix,
        )
        for f in findings
        for at, fix in enumerate(f.fixes)
    ]
    ranks: dict[str, int] = {}
    for _, _, fix in sorted(entries, key=lambda entry: entry[0]):
        ranks.setdefault(fix.title, len(ranks) + 1)
    excluded: dict[str, set[str]] = {title: set() for title in ranks}
    for _, _, fix in entries:
        for other in set(fix.excludes) & ranks.keys() - {fix.title}:
            excluded[fix.title].add(other)
            excluded[other].add(fix.title)

    def ranked(fix: Fix) -> Fix:
        conflicts = tuple(sorted(ranks[title] for title in excluded[fix.title]))
        return replace(fix, rank=ranks[fix.title], conflicts=conflicts)

    return [replace(f, fixes=tuple(sorted(map(ranked, f.fixes), key=lambda fix: fix.rank))) for f in findings]
