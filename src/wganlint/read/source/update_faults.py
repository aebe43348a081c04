"""files -> read -> Run: what in the making, clearing and stepping of optimizers cannot be meant, with its lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from wganlint.evidence import Place
from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.starved import barred, starved, uncalled
from wganlint.read.source.trained import Trained, last_name
from wganlint.read.source.updates import CLEARS, Updates
from wganlint.source import Site, UpdateFault

_ACCUMULATES = frozenset({"accum", "accumulate", "accumulation", "accumulated"})
_EVENTS = CLEARS | {"backward", "manual_backward", "step"}
_BACKWARD = re.compile(r"^\s*#.*\.backward\(")
_OTHER = {"critic": "generator", "generator": "critic"}
Marks = tuple[tuple[Site, str], ...]


def update_faults(updates: Updates) -> tuple[UpdateFault, ...]:
    """Return every such fault, in the order of the files."""
    found = [*_wrong(updates), *_shared(updates), *_still(updates), *_heaped(updates), *_met(updates), *_shut(updates)]
    found += [*_guarded(updates), *_idle(updates), *_unmoved(updates)]
    return tuple(sorted(found, key=lambda fault: fault.place))


def steps(updates: Updates) -> tuple[Site, ...]:
    """Return where the optimizers of critic and generator are stepped."""
    calls = {call for known, sites in updates.steps.items() if known.trains for call in sites}
    return tuple(sorted((updates.project.site(call) for call in calls), key=lambda site: site.place))


def _fault(
    updates: Updates, node: ast.AST, kind: str, known: Trained, other: str = "", marks: Marks = ()
) -> UpdateFault:
    site = updates.project.site(node)
    return UpdateFault(site.place, site.quote, site.owner, kind, known.name, known.trains, other, marks)


# -- whose weights (OPT004)


def _wrong(updates: Updates) -> Iterator[UpdateFault]:
    """An optimizer that is named for one part and holds only weights of the other."""
    for known in updates.optimizers.all:
        if not (known.part and known.known and known.nets):
            continue
        if {net.part for net in known.nets} != {_OTHER[known.part]}:
            continue
        if any(words.part_of(net.name) == known.part for net in known.nets):
            continue  # its own name says that it is the right one: what it is made of was not understood
        right = [one for one in updates.optimizers.all if one is not known and one.part == _OTHER[known.part]]
        twice = [one for one in right if any(one.holds(net) for net in known.nets)]
        marks = [(updates.project.site(one.call), f"{one.name} holds the same weights") for one in twice[:1]]
        marks += [(updates.project.site(call), f"{known.name} is stepped here") for call in updates.steps[known][:1]]
        names = ", ".join(dict.fromkeys(net.name for net in known.nets))
        yield _fault(updates, known.call, "wrong weights", known, names, tuple(marks))


def _shared(updates: Updates) -> Iterator[UpdateFault]:
    """Two optimizers that are named for the two parts, one of which holds weights of both."""
    for known in updates.optimizers.all:
        if not (known.part and known.known):
            continue
        theirs = [net for net in known.nets if net.part == _OTHER[known.part]]
        mine = [net for net in known.nets if net.part == known.part]
        for one in updates.optimizers.all:
            same_file = updates.project.code(one.call) is updates.project.code(known.call)
            if one.part != _OTHER[known.part] or not mine or not same_file:
                continue
            common = [net for net in theirs if one.holds(net)]
            if common and updates.steps[known] and updates.steps[one]:
                marks = ((updates.project.site(one.call), f"{one.name} holds {common[0].name} too"),)
                yield _fault(updates, known.call, "shared weights", known, common[0].name, marks)
                break


# -- what is done with them (OPT005)


def _still(updates: Updates) -> Iterator[UpdateFault]:
    """An optimizer that nothing steps while another one is stepped."""
    if updates.blind or not (updates.backwards or any(callee(call) == "gradient" for call in updates.project.calls)):
        return
    for known in updates.optimizers.all:
        if known.trains not in _OTHER or not known.known or updates.steps[known] or updates.optimizers.escapes(known):
            continue
        others = [one for one in _beside(updates, known) if updates.steps[one]]
        if any(one.name == known.name for one in others):
            continue  # made anew under the same name: the later one is stepped
        if not others or any(known.nets and one.holds(net) for one in others for net in known.nets):
            continue
        marks: Marks = tuple(_commented(updates, known, "step"))
        marks += tuple(
            (updates.project.site(call), f"{others[0].name} is stepped") for call in updates.steps[others[0]][:1]
        )
        yield _fault(updates, known.call, "never stepped", known, others[0].name, marks)


def _beside(updates: Updates, known: Trained) -> list[Trained]:
    code = updates.project.code(known.call)
    return [one for one in updates.optimizers.all if one is not known and updates.project.code(one.call) is code]


def _heaped(updates: Updates) -> Iterator[UpdateFault]:
    """An optimizer whose gradients nothing clears."""
    if updates.vague or not updates.backwards:
        return
    for known in updates.optimizers.all:
        sites = [call for call in updates.steps[known] if callee(call) in ("step", "optimizer_step")]
        if known.trains not in _OTHER or not sites or updates.clears[known] or not known.known:
            continue
        if updates.optimizers.escapes(known) or not _gathers(updates, known):
            continue
        marks: Marks = ((updates.project.site(known.call), "the optimizer"), *_commented(updates, known, "zero_grad"))
        yield _fault(updates, sites[0], "never cleared", known, "", marks)


def _gathers(updates: Updates, known: Trained) -> bool:
    """Return whether a backward call of the files fills its gradients (and no functional gradient does).

    A backward of which it is not told whose loss it is counts for the steps of its own function.
    """
    homes = {updates.project.function(call) for call in updates.steps[known]}
    return any(
        known in backward.own or (not backward.own and updates.project.function(backward.node) in homes)
        for backward in updates.backwards
    )


def _commented(updates: Updates, known: Trained, what: str) -> Iterator[tuple[Site, str]]:
    """Yield a comment that once was the call."""
    code = updates.project.code(known.call)
    pattern = re.compile(rf"^\s*#.*\b{re.escape(known.name)}\.{what}\(")
    for number, line in enumerate(code.lines, 1):
        if pattern.match(line):
            at = line.index("#") + 1
            yield Site(Place(code.path, number, at), line, ""), "commented out"
            return


def _met(updates: Updates) -> Iterator[UpdateFault]:
    for meeting in updates.meetings():
        known = meeting.whose
        if not updates.clears[known] and meeting.kind == "stale":
            continue  # told as never cleared
        label = {"foreign": "this backward fills its gradients too", "stale": "this backward was used by a step before"}
        site = updates.project.site(meeting.backward)
        cleared = [(updates.project.site(node), "cleared here, which is no help") for node in updates.clears[known][:1]]
        marks = ((site, label[meeting.kind]), *cleared)
        yield _fault(updates, meeting.step, meeting.kind, known, updates.project.text(meeting.backward), marks)


def _guarded(updates: Updates) -> Iterator[UpdateFault]:
    """Every step of an optimizer stands under `if accum_steps == 1`: with accumulation nothing is ever stepped."""
    for known in updates.optimizers.all:
        if known.trains not in _OTHER or not updates.steps[known]:
            continue
        tests = [_one(call, updates) for call in updates.steps[known]]
        if all(test is not None for test in tests) and tests[0] is not None:
            yield _fault(updates, updates.steps[known][0], "guarded", known, updates.project.text(tests[0]))


def _one(call: ast.Call, updates: Updates) -> ast.expr | None:
    """Return the condition around a step that wants a number of accumulated batches to be one."""
    for parent, child in updates.project.around(call):
        if not (isinstance(parent, ast.If) and child in parent.body and isinstance(parent.test, ast.Compare)):
            continue
        test = parent.test
        number = updates.paths.values.number(test.comparators[0])
        names = words.lowered(last_name(test.left))
        if (
            isinstance(test.ops[0], ast.Eq | ast.LtE)
            and number is not None
            and number.value == 1
            and names & _ACCUMULATES
        ):
            return test
    return None


def _unmoved(updates: Updates) -> Iterator[UpdateFault]:
    """Steps that move nothing: never come to, in a function that nothing calls, or without any gradient."""
    told: set[Trained] = set()
    for known, call, test in barred(updates):
        told.add(known)
        marks = ((updates.project.site(test), "never true"),)
        yield _fault(updates, call, "barred", known, updates.project.text(test), marks)
    for known, call, function in uncalled(updates):
        told.add(known)
        marks = ((updates.project.site(function), "nothing calls this"),)
        yield _fault(updates, call, "uncalled", known, function.name, marks)
    for known, call in starved(updates):
        if known not in told:
            cleared = [(updates.project.site(node), "cleared here") for node in updates.clears[known][:1]]
            yield _fault(updates, call, "unfed", known, "", tuple(cleared))


def _idle(updates: Updates) -> Iterator[UpdateFault]:
    """A step whose backward is commented out: nothing fills the gradients between their clearing and it."""
    events = [call for call in updates.project.calls if callee(call) in _EVENTS]
    for known in updates.optimizers.all:
        for call in updates.steps[known] if known.trains in _OTHER else ():
            function = updates.project.function(call)
            code = updates.project.code(call)
            near = [
                other for other in events
                if other.lineno < call.lineno and updates.project.function(other) is function
                and updates.project.code(other) is code
            ]  # fmt: skip
            before = max(near, key=lambda other: other.lineno, default=None)
            if before is None or callee(before) not in CLEARS:
                continue
            for number in range(before.lineno + 1, call.lineno):
                line = code.lines[number - 1]
                if _BACKWARD.match(line):
                    at = line.index("#") + 1
                    mark = (Site(Place(code.path, number, at), line, ""), "commented out")
                    yield _fault(updates, call, "idle", known, "", (mark,))
                    break


def _shut(updates: Updates) -> Iterator[UpdateFault]:
    """Weights whose gradients are switched off in the files and never on again."""
    for known in updates.optimizers.all:
        if known.trains not in _OTHER or not known.known or len(known.nets) != 1 or not updates.steps[known]:
            continue
        codes = [updates.project.code(node) for node in (known.call, *updates.steps[known])]
        codes += [updates.project.code(net.root[0]) for net in known.nets]
        mine = [f for f in updates.frozen.all if f.net is None or known.holds(f.net) or f.net.part == known.trains]
        here = [f for f in mine if f.net is not None and known.holds(f.net) and updates.project.code(f.node) in codes]
        if here and all(f.on is False for f in mine):
            site = updates.project.site(updates.steps[known][0])
            yield _fault(updates, here[0].node, "frozen", known, known.nets[0].name, ((site, "stepped all the same"),))
