"""files -> read -> Run: optimizers whose steps no gradient reaches: no backward, cleared too late, or never come to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct, field

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.terms import TOP
from wganlint.read.source.trained import Trained
from wganlint.read.source.updates import CLEARS, Backward, Branch, Called, Clear, Events, Leave, Loop, Step, Updates
from wganlint.read.source.ways import Scope

State = frozenset[Trained]  # the optimizers whose weights may hold gradients
_HIDES = words.listed("backward backprop backpropagate propagate update optimize fit minimize closure train learn")
_PLAIN = CLEARS | words.listed(
    "train step backward manual_backward update_ema ema_update toggle_optimizer untoggle_optimizer set_train update "
    "train_test_split train_dataloader update_average"
)
_MOST = 20_000  # events played for one scope


class _Play(Struct):
    """Runs through events with what may be filled; every way counts."""

    fills: dict[ast.AST, State]
    fed: dict[ast.AST, bool] = field(default_factory=dict)  # a step: something may have filled it
    after_clear: set[ast.AST] = field(default_factory=set)
    seen: set[ast.AST] = field(default_factory=set)
    cleared: set[Trained] = field(default_factory=set)
    jumps: list[State] = field(default_factory=list)
    returns: list[State] = field(default_factory=list)
    left: int = _MOST

    def run(self, events: Events, state: State | None) -> State | None:
        for event in events:
            if state is None or self.left <= 0:
                return state
            self.left -= 1
            match event:
                case Clear(whose=whose):
                    self.cleared |= whose or frozenset()
                    state -= whose or frozenset()
                case Backward(node=node):
                    self.seen.add(node)
                    state |= self.fills.get(node, frozenset())
                case Step(node=node, whose=whose):
                    self.fed[node] = self.fed.get(node, False) or bool(whose & state) or len(whose) != 1
                    if whose <= self.cleared:
                        self.after_clear.add(node)
                case Branch(body=body, orelse=orelse):
                    state = _either(self.run(body, state), self.run(orelse, state))
                case Loop(body=body):
                    state = self._rounds(body, state)
                case Leave(back=back):
                    (self.returns if back else self.jumps).append(state)
                    return None
                case Called(body=body):
                    outer, self.returns = self.returns, []
                    done = self.run(body, state)
                    for other in self.returns:
                        done = _either(done, other)
                    self.returns, state = outer, done
        return state

    def _rounds(self, body: Events, state: State) -> State:
        outer, self.jumps = self.jumps, []
        for _ in range(2):
            done = self.run(body, state)
            for other in (done, *self.jumps):
                state |= other or frozenset()
        self.jumps = outer
        return state


def _either(first: State | None, second: State | None) -> State | None:
    if first is None or second is None:
        return first if second is None else second
    return first | second


def starved(updates: Updates) -> Iterator[tuple[Trained, ast.Call]]:
    """Yield optimizers, each with a step, that meet no gradient at any of their steps after a clearing.

    Nothing where a backward, a closure or a gradient set by hand is not understood.
    """
    if updates.blind or _by_hand(updates):
        return
    fills = {backward.node: _filled(backward, updates) for backward in updates.backwards}
    plays = []
    for events, repeated in updates.played():
        play = _Play(fills)
        play.run((Loop(events),) if repeated else events, frozenset())
        plays.append(play)
        if play.left <= 0:
            return
    for known in updates.optimizers.all:
        sites = updates.steps[known]
        if known.trains not in ("critic", "generator") or not known.known or not sites:
            continue
        mine = [play for play in plays if any(site in play.fed for site in sites)]
        if not mine or updates.optimizers.escapes(known) or _hidden(sites[0], updates):
            continue
        if any(play.fed.get(site, False) for play in mine for site in sites):
            continue
        if not all(site in play.after_clear for play in mine for site in sites if site in play.fed):
            continue
        own = {backward.node for backward in updates.backwards if known in backward.own}
        dead = {node for node in own if updates.barred(node) is not None or updates.loose(node) is not None}
        if all(own - dead <= play.seen for play in mine):
            yield known, sites[0]


def _filled(backward: Backward, updates: Updates) -> State:
    """Return the optimizers whose weights a backward may fill; all of them where that is not told."""
    everything = frozenset(updates.optimizers.all)
    minimized = updates.losses.minimized(backward.node) if isinstance(backward.node, ast.Call) else None
    if minimized is None or not backward.own or not isinstance(backward.node, ast.Call):
        return everything
    value = minimized[0]
    if any(isinstance(binding.value, ast.arg) for binding in updates.project.holds(value)):
        return everything
    function = updates.project.function(backward.node)
    named = words.part_of(dotted(value).split(".")[-1]) or (words.part_of(function.name) if function else "")
    terms = updates.losses.terms.of(value, minimized[1], Scope(), TOP)
    part = next(iter(backward.own)).trains
    if named != part:
        signs = {term.sign for term in terms if term.side == "fake"}
        real = any(term.side == "real" for term in terms)
        if len(signs) != 1 or real is not (part == "critic"):
            return everything
    found = set(backward.own | backward.foreign)
    if part == "generator" or _reaches(value, updates):
        found |= {known for known in everything if known.trains != part}
    return frozenset(found | {known for known in everything if known.trains not in ("critic", "generator")})


def _reaches(value: ast.AST, updates: Updates) -> bool:
    """Whether a generator's output may be in a critic's loss with its graph."""
    paths, seen, queue = updates.paths, {value}, [value]
    entered: set[ast.AST | None] = set()  # functions whose arguments are looked at where they are called
    while queue:
        node = queue.pop()
        if len(seen) > 600:
            return True
        if paths.idle(node) or paths.roles.cut(node):
            continue
        if isinstance(node, ast.Call) and paths.roles.call_part(node) == "generator":
            return True
        if isinstance(node, ast.arg):
            if updates.project.function_of(node) in entered:
                continue
            values = updates.project.arguments(node)
            if not values and paths.roles.side(node) == "fake":
                return True
            after: list[ast.AST] = list(values)
        else:
            after = [one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr_context)]
            after += [binding.value for binding in updates.project.holds(node) if not isinstance(node, ast.Call)]
            targets = updates.project.targets(node) if isinstance(node, ast.Call) else ()
            entered.update(targets)
            after += [one for known in targets for one in updates.project.returned(known)]
        after = [one for one in after if one not in seen and not isinstance(one, (ast.alias, ast.ClassDef, *FUNCTIONS))]
        seen.update(after)
        queue += after
    return False


def _by_hand(updates: Updates) -> bool:
    """Whether gradients are set, or steps made, in a way that is not played: p.grad = g, step(closure), a tape."""
    for call in updates.project.calls:
        name = callee(call)
        if name in ("gradient", "minimize", "apply_gradients"):
            return True
        if "backward" in name and not updates.followed(call):
            return True
        if name == "step" and call.args and updates.optimizers.resolve(call.func) == set():
            given = updates.optimizers.resolve(call.args[0])
            receiver = call.func.value if isinstance(call.func, ast.Attribute) else call.func
            if not given and updates.optimizers.resolve(receiver):
                return True
    for node in updates.project.by_class["Assign"]:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Attribute) and target.attr == "grad" and isinstance(node, ast.Assign):
            none = isinstance(node.value, ast.Constant) and node.value.value is None
            if not none:
                return True
    return False


def _hidden(step: ast.Call, updates: Updates) -> bool:
    """Whether code that is not here may do the backward: a call with such a name in the same file."""
    code = updates.project.code(step)
    return any(
        words.lowered(callee(call)) & _HIDES
        and callee(call) not in _PLAIN
        and not callee(call).endswith("_")
        and not updates.project.targets(call)
        and updates.project.code(call) is code
        for call in updates.project.calls
    )


def barred(updates: Updates) -> Iterator[tuple[Trained, ast.Call, ast.expr]]:
    """Yield optimizers all of whose steps stand where the code never comes, each with a step and the test."""
    for known in updates.optimizers.all:
        sites = updates.steps[known]
        if known.trains not in ("critic", "generator") or not sites or updates.optimizers.escapes(known):
            continue
        tests = [updates.barred(site) for site in sites]
        if all(test is not None for test in tests) and tests[0] is not None:
            yield known, sites[0], tests[0]


def uncalled(updates: Updates) -> Iterator[tuple[Trained, ast.Call, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield optimizers that only a function steps which nothing here calls, while the other one's are called."""
    for known in updates.optimizers.all:
        if known.trains not in ("critic", "generator") or not updates.steps[known]:
            continue
        homes = [updates.loose(site) for site in updates.steps[known]]
        code = updates.project.code(updates.steps[known][0])
        rivals = [
            site for other in updates.optimizers.all for site in updates.steps[other]
            if other is not known and other.trains not in ("", known.trains) and updates.project.code(site) is code
        ]  # fmt: skip
        if not rivals or any(updates.loose(site) is not None for site in rivals):
            continue
        if homes[0] is not None and all(home is not None for home in homes):
            yield known, updates.steps[known][0], homes[0]
