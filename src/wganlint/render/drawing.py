"""The causal chain as a tree of text, and as Mermaid (Report -> render)."""

from __future__ import annotations

from wganlint.evidence import Standing
from wganlint.finding import Edge, LinkKind
from wganlint.render.cells import CUT, cells, clean, clip
from wganlint.render.spans import Line, Span, line, wrap
from wganlint.render.story import Story

VERBS = {
    LinkKind.CAUSES: "causes",
    LinkKind.ENABLES: "enables",
    LinkKind.KEEPS_ALIVE: "keeps alive",
    LinkKind.MASKS: "masks",
}
_ORDER = list(VERBS)


def tree(story: Story, width: int) -> list[Line]:
    """Return the chain, roots at the left, each arrow with its verb; an arrow back up says so."""
    drawn: set[str] = set()
    lines: list[Line] = []
    for top in _tops(story):
        if top not in drawn:
            lines.append(_node(story, top, "", width))
            lines += _below(story, top, (top,), "", drawn, width)
    return lines


def below(story: Story, width: int) -> list[Line]:
    """Return what stands beside the tree: what masks what, and the findings without an arrow."""
    lines: list[Line] = []
    for edge in story.chain.edges:
        if edge.how is LinkKind.MASKS:
            verb = f" ╌ {_verb(edge)} ╌▶ "
            lines += wrap([_name(story, edge.source), (verb, "dim"), _name(story, edge.target)], width, "", "    ")
    if story.chain.apart:
        names: list[Span] = []
        for id in story.chain.apart:
            names += [(", ", ""), _name(story, id)]
        lines += wrap([("apart from this chain:", "dim"), (" ", ""), *names[1:]], width, "", "    ")
    return lines


def mermaid(story: Story) -> list[str]:
    """Return the chain as the lines of a Mermaid flowchart; masks are dashed."""
    named = {id: f"n{at}" for at, id in enumerate(_ids(story), start=1)}
    lines = ["flowchart TD"]
    for id, node in named.items():
        found = story.find(id)
        lines.append(f'    {node}["{_entities(story.label(id))}"]' + (":::root" if found and found.root else ""))
    for edge in story.chain.edges:
        arrow = "-.->" if edge.how is LinkKind.MASKS else "-->"
        lines.append(f'    {named[edge.source]} {arrow}|"{_entities(_verb(edge))}"| {named[edge.target]}')
    lines.append("    classDef root stroke-width:3px")
    return lines


def _ids(story: Story) -> list[str]:
    ends = [id for edge in story.chain.edges for id in (edge.source, edge.target)]
    return list(dict.fromkeys([*story.chain.nodes, *ends]))


def _tops(story: Story) -> list[str]:
    """Return where trees may begin: roots, then the others, for loops and arrows that no root reaches."""
    ids = _ids(story)
    roots = [finding.id for finding in story.findings if finding.root and finding.id in ids]
    onward = {id for edge in story.chain.edges if edge.how is not LinkKind.MASKS for id in (edge.source, edge.target)}
    reached = {edge.target for edge in story.chain.edges if edge.how is not LinkKind.MASKS}
    return [id for id in dict.fromkeys([*roots, *(i for i in ids if i not in reached), *ids]) if id in onward]


def _below(story: Story, id: str, path: tuple[str, ...], prefix: str, drawn: set[str], width: int) -> list[Line]:
    """Return the arrows that leave `id`, each followed by what its target leads to."""
    drawn.add(id)
    edges = [edge for edge in story.chain.edges if edge.source == id and edge.how is not LinkKind.MASKS]
    edges.sort(key=lambda edge: _ORDER.index(edge.how))
    lines: list[Line] = []
    for edge in edges:
        last = edge is edges[-1]
        arrow = f"{prefix}{'└─' if last else '├─'} {_verb(edge)} ─▶ "
        if edge.target in path:
            back = "(back to the top)" if edge.target == path[0] else "(back up: a loop)"
            lines.append(_node(story, edge.target, arrow, width, back, short=True))
        elif edge.target in drawn:
            lines.append(_node(story, edge.target, arrow, width, "(drawn above)", short=True))
        else:
            lines.append(_node(story, edge.target, arrow, width))
            further = prefix + ("   " if last else "│  ")
            lines += _below(story, edge.target, (*path, edge.target), further, drawn, width)
    return lines


def _node(story: Story, id: str, arrow: str, width: int, note: str = "", short: bool = False) -> Line:
    found = story.find(id)
    if found is not None and found.root and not note:
        note = "(root)"
    name, style = _name(story, id, short)
    arrow = _shortened(arrow, width - 8 - cells(note) - 1)
    room = width - cells(arrow) - cells(note) - 1
    said = line((arrow, "dim"), (clip(name, room), style))
    return (*said, (f" {note}", "dim")) if note else said


def _shortened(arrow: str, room: int) -> str:
    """Return `arrow`, cut on its left where a deep tree leaves no room."""
    return arrow if cells(arrow) <= room else CUT + arrow[len(arrow) - room + 1 :]


def _name(story: Story, id: str, short: bool = False) -> Span:
    found = story.find(id)
    return story.code(id) if short else story.label(id), str(found.severity) if found else ""


def _verb(edge: Edge) -> str:
    return f"{VERBS[edge.how]} (assumed)" if edge.standing is Standing.ASSUMED else VERBS[edge.how]


def _entities(text: str) -> str:
    """Return `text` for a quoted Mermaid label: all but plain characters as numeric entities."""
    return "".join(char if char.isalnum() or char in " -_.,:/()+" else f"#{ord(char)};" for char in clean(text))
