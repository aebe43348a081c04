"""files -> read -> Run: where an optimizer loses its moments: cleared, made anew in the training loop, not restored."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import Function, callee
from wganlint.read.source.flow import FUNCTIONS
from wganlint.read.source.trained import Trained, last_name
from wganlint.read.source.updates import Updates
from wganlint.source import Reset, Site

_OPTIMIZERS = frozenset({"opt", "optim", "optimizer", "optimiser", "solver"})
_RESUMES = frozenset({"resume", "resumed", "epoch", "start", "continue", "iteration", "iter", "restore", "checkpoint"})
_STAGES = words.listed(
    "res resolution depth scale stage phase level size fold seed trial config run task experiment lod octave pass "
    "split block dataset class domain lr rate setting restart round"
)
_EMPTY = frozenset({"defaultdict", "dict"})
Loop = ast.For | ast.AsyncFor | ast.While


def resets(updates: Updates) -> tuple[Reset, ...]:
    """Return every such place, in the order of the files."""
    found = [*_cleared(updates), *_made_anew(updates), *_dropped(updates), *_not_restored(updates)]
    unique = {(reset.place, reset.kind): reset for reset in found}
    return tuple(sorted(unique.values(), key=lambda reset: reset.place))


def _reset(updates: Updates, node: ast.AST, kind: str, name: str, loop: str = "", guard: str = "",
           marks: tuple[tuple[Site, str], ...] = ()) -> Reset:  # fmt: skip
    site = updates.project.site(node)
    return Reset(site.place, site.quote, site.owner, kind, name, loop, guard, marks)


# -- opt.state.clear(), opt.state = {}


def _cleared(updates: Updates) -> Iterator[Reset]:
    for call in updates.project.calls:
        func = call.func
        if not (callee(call) == "clear" and isinstance(func, ast.Attribute) and isinstance(func.value, ast.Attribute)):
            continue
        if func.value.attr == "state" and _is_optimizer(func.value.value, updates):
            yield from _at(call, func.value.value, updates)
    for node in updates.project.by_class["Assign"]:
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)):
            continue
        target, value = node.targets[0], node.value
        empty = (isinstance(value, ast.Dict) and not value.keys) or callee(value) in _EMPTY
        if target.attr == "state" and empty and _is_optimizer(target.value, updates):
            yield from _at(node, target.value, updates)


def _at(node: ast.AST, optimizer: ast.expr, updates: Updates) -> Iterator[Reset]:
    loop, guard = _repeated(node, updates)
    text = _header(loop, updates) if loop is not None else ""
    marks = ((updates.project.site(loop), "the loop that repeats it"),) if loop is not None else ()
    yield _reset(updates, node, "cleared", last_name(optimizer), text, guard, marks)


def _is_optimizer(node: ast.expr, updates: Updates) -> bool:
    return bool(updates.optimizers.resolve(node)) or bool(words.lowered(last_name(node)) & _OPTIMIZERS)


# -- a new optimizer inside the loop that trains


def _made_anew(updates: Updates) -> Iterator[Reset]:
    for known in updates.optimizers.all:
        if (
            not known.known
            or not _keeps_state(known)
            or not any(net.part for net in known.nets)
            or not updates.steps[known]
        ):
            continue
        loop, guard = _repeated(known.call, updates, known)
        if loop is None or any(_inside(net.root[0], loop, updates) for net in known.nets) or _is_stage(loop, updates):
            continue
        marks = ((updates.project.site(loop), "the loop that repeats it"),)
        yield _reset(updates, known.call, "made anew", known.name, _header(loop, updates), guard, marks)


def _is_stage(loop: Loop, updates: Updates) -> bool:
    """Return whether a loop goes over stages of growth, folds or seeds, where a new optimizer is meant."""
    target = loop.target if isinstance(loop, ast.For | ast.AsyncFor) else loop.test
    names = {word for one in ast.walk(target) if isinstance(one, ast.Name | ast.Attribute)
             for word in words.lowered(last_name(one))}  # fmt: skip
    return bool(names & _STAGES)


def _repeated(node: ast.AST, updates: Updates, known: Trained | None = None, depth: int = 3) -> tuple[Loop | None, str]:
    """Return the nearest loop around a node that also trains, and the condition between them; callers are looked at."""
    project = updates.project
    guard = ""
    function: Function | None = None
    for parent, child in project.around(node):
        if isinstance(parent, ast.If) and not guard:
            test = project.text(parent.test)
            guard = test if child in parent.body else f"not ({test})" if child in parent.orelse else ""
        elif isinstance(parent, ast.For | ast.AsyncFor | ast.While) and child in parent.body:
            if _trains(parent, updates, known):
                return parent, guard
        elif isinstance(parent, ast.ExceptHandler):
            guard = guard or "an exception"
        elif isinstance(parent, FUNCTIONS):
            function = parent
    if function is None or function.name == "__init__" or depth <= 0:
        return None, ""
    for call in project.callers.get(function, ())[:4]:
        loop, outer = _repeated(call, updates, known, depth - 1)
        if loop is not None:
            return loop, guard or outer
    return None, ""


def _trains(loop: Loop, updates: Updates, known: Trained | None) -> bool:
    """Return whether a loop steps the optimizer (any of the two networks' where it is not told which)."""
    steps = {call for one, calls in updates.steps.items() if known in (None, one) and one.trains for call in calls}
    return any(call in steps for call in _called(loop, updates, 3))


def _called(node: ast.AST, updates: Updates, depth: int) -> Iterator[ast.Call]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield inner
            for function in updates.project.targets(inner)[:1] if depth > 0 else ():
                yield from _called(function, updates, depth - 1)


def _inside(node: ast.AST, loop: Loop, updates: Updates) -> bool:
    current: ast.AST | None = node
    while current is not None:
        if current is loop:
            return True
        current = updates.project.parents.get(current)
    return False


def _header(loop: Loop, updates: Updates) -> str:
    """Return the first line of a loop: for step in range(n)."""
    return updates.project.code(loop).quote(loop).strip().rstrip(":")


# -- loading


def _loads(updates: Updates) -> Iterator[tuple[ast.Call, ast.expr]]:
    for call in updates.project.calls:
        if callee(call) == "load_state_dict" and isinstance(call.func, ast.Attribute):
            yield call, call.func.value


def _dropped(updates: Updates) -> Iterator[Reset]:
    """An error while the optimizer's state is loaded is ignored."""
    for call, receiver in _loads(updates):
        if not _is_optimizer(receiver, updates):
            continue
        for parent, child in updates.project.around(call):
            if isinstance(parent, ast.Try) and child in parent.body:
                if any(_loads_net(one, updates) for statement in parent.body for one in ast.walk(statement)):
                    break  # all or nothing: then training starts anew
                for handler in parent.handlers:
                    if not any(isinstance(one, ast.Raise) for one in ast.walk(handler)):
                        mark = ((updates.project.site(handler), "an error here starts without state"),)
                        yield _reset(updates, call, "dropped", last_name(receiver), "", "an exception", mark)
                break


def _loads_net(node: ast.AST, updates: Updates) -> bool:
    if not (isinstance(node, ast.Call) and callee(node) == "load_state_dict" and isinstance(node.func, ast.Attribute)):
        return False
    return not _is_optimizer(node.func.value, updates)


def _not_restored(updates: Updates) -> Iterator[Reset]:
    """A resume that loads the weights of a trained network, in files that load no optimizer's state."""
    loads = list(_loads(updates))
    if any(_may_be_optimizer(receiver, updates) for _, receiver in loads):
        return
    for call, receiver in loads:
        net = updates.optimizers.net(receiver)
        mine = [one for one in updates.optimizers.all if one.trains and one.holds(net) and updates.steps[one]]
        code = updates.project.code(call)
        mine = [one for one in mine if updates.project.code(one.call) is code and _keeps_state(one)]
        guard = _resumes(call, updates) if net.part and mine else ""
        if guard:
            site = updates.project.site(mine[0].call)
            yield _reset(
                updates, call, "not restored", mine[0].name, "", guard, ((site, "starts without its moments"),)
            )
            return


def _may_be_optimizer(node: ast.expr, updates: Updates) -> bool:
    if _is_optimizer(node, updates):
        return True
    return not updates.optimizers.net(node).part and not words.lowered(last_name(node)) & {"scheduler", "scaler", "ema"}


def _keeps_state(known: Trained) -> bool:
    """SGD without momentum has nothing to lose."""
    return callee(known.call) != "SGD" or any(word.arg == "momentum" for word in known.call.keywords)


def _resumes(call: ast.Call, updates: Updates) -> str:
    """Return the condition around a load that speaks of going on, not of a model trained elsewhere."""
    for parent, child in updates.project.around(call):
        if isinstance(parent, ast.If) and child in parent.body:
            names = {word for one in ast.walk(parent.test) if isinstance(one, ast.Name | ast.Attribute)
                     for word in words.lowered(last_name(one))}  # fmt: skip
            if names & _RESUMES and not names & {"pretrained", "pretrain", "finetune", "test", "eval"}:
                return updates.project.text(parent.test)
    return ""
