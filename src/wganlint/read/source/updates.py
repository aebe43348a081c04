"""files -> read -> Run: a training step as events (clear, backward, step), played through to see what meets."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from wganlint.read.source.classes import Function, callee
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.freezes import Freezes
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths
from wganlint.read.source.reach import Reach
from wganlint.read.source.steps import passes
from wganlint.read.source.terms import TOP
from wganlint.read.source.trained import Net, Optimizers, Trained
from wganlint.read.source.ways import Scope

CLEARS = frozenset({"zero_grad", "cleargrads", "zero_grads", "clear_grad", "clear_gradients"})
_DEEP = 6  # calls of the user's functions that are followed into
_MOST = 20_000  # events played for one file


class Clear(Struct, frozen=True, eq=False):
    """Gradients are set to zero: of these optimizers' weights, or (None) of something that is not told."""

    node: ast.AST
    whose: frozenset[Trained] | None


class Backward(Struct, frozen=True, eq=False):
    """Gradients are added: `own` to the weights that the loss is for, `foreign` to others that it reaches as well."""

    node: ast.AST
    own: frozenset[Trained]
    foreign: frozenset[Trained]


class Step(Struct, frozen=True, eq=False):
    """Optimizers use what has gathered."""

    node: ast.AST
    whose: frozenset[Trained]


class Branch(Struct, frozen=True, eq=False):
    """Two ways; on a way that leaves (continue, break, raise) nothing goes on."""

    body: Events
    orelse: Events


class Loop(Struct, frozen=True, eq=False):
    """Something that is done at least once, and again."""

    body: Events


class Leave(Struct, frozen=True, eq=False):
    """The way ends here; `back`: a return, so that the caller goes on."""

    back: bool


class Called(Struct, frozen=True, eq=False):
    """A function of the user runs here."""

    body: Events


Event = Clear | Backward | Step | Branch | Loop | Leave | Called
Events = tuple[Event, ...]
Tag = tuple[str, ast.AST]  # ("own" | "foreign" | "stale", the backward call)
State = dict[Trained, frozenset[Tag]]


class Meeting(Struct, frozen=True, eq=False):
    """A step that surely meets gradients that are not its own. `kind`: "foreign" or "stale"."""

    kind: str
    whose: Trained
    step: ast.AST
    backward: ast.AST


class _Play(Struct):
    found: dict[tuple[str, Trained], Meeting] = field(default_factory=dict)
    left: int = _MOST
    returns: list[list[State]] = field(default_factory=list)

    def run(self, events: Events, state: State | None) -> State | None:
        for event in events:
            if state is None or self.left <= 0:
                return state
            self.left -= 1
            state = self._one(event, state)
        return state

    def _one(self, event: Event, state: State) -> State | None:
        match event:
            case Clear(whose=whose):
                return {} if whose is None else {known: tags for known, tags in state.items() if known not in whose}
            case Backward(node=node, own=own, foreign=foreign):
                state = dict(state)
                for kind, whose in (("own", own), ("foreign", foreign)):
                    for known in whose:
                        state[known] = state.get(known, frozenset()) | {(kind, node)}
                return state
            case Step(node=node, whose=whose):
                return self._step(node, whose, state)
            case Branch(body=body, orelse=orelse):
                return _meet(self.run(body, state), self.run(orelse, state))
            case Loop(body=body):
                once = self.run(body, state)
                return self.run(body, once if once is not None else state)
            case Leave(back=back):
                if back and self.returns:
                    self.returns[-1].append(state)
                return None
            case Called(body=body):
                self.returns.append([])
                done = self.run(body, state)
                for other in self.returns.pop():
                    done = _meet(done, other)
                return done

    def _step(self, node: ast.AST, whose: frozenset[Trained], state: State) -> State:
        state = dict(state)
        for known in whose:
            tags = state.get(known, frozenset())
            for kind, backward in sorted(tags, key=lambda tag: (tag[0], getattr(tag[1], "lineno", 0))):
                if kind != "own" and len(whose) == 1:
                    self.found.setdefault((kind, known), Meeting(kind, known, node, backward))
            state[known] = frozenset(("stale" if kind == "own" else kind, backward) for kind, backward in tags)
        return state


def _meet(first: State | None, second: State | None) -> State | None:
    """Return what holds on both ways."""
    if first is None or second is None:
        return first if second is None else second
    return {known: tags & second[known] for known, tags in first.items() if known in second}


class Updates:
    """The events of the files."""

    def __init__(self, paths: Paths, losses: Losses, optimizers: Optimizers) -> None:
        self.paths, self.project, self.losses, self.optimizers = paths, paths.project, losses, optimizers
        self.steps: dict[Trained, list[ast.Call]] = {known: [] for known in optimizers.all}
        self.clears: dict[Trained, list[ast.AST]] = {known: [] for known in optimizers.all}
        self.blind: list[ast.Call] = []  # steps of something that is not told
        self.vague: list[ast.AST] = []  # clears of something that is not told
        self.backwards: list[Backward] = []
        self.frozen = Freezes(paths, optimizers)
        self.reach = Reach(paths)
        self._events: dict[ast.AST, Event | None] = {}
        self._busy: dict[ast.AST, None] = {}  # scopes in which something happens
        self._trees: dict[ast.AST, Events] = {}
        for call in self.project.calls:
            self._call_event(call)
        for node in self.project.by_class["Assign"]:
            self._assigned(node)

    # -- single events

    def _call_event(self, call: ast.Call) -> None:
        name = callee(call)
        event: Event | None = None
        if name in CLEARS:
            event = self._clear(call)
        elif name in ("zero_", "detach_", "fill_") and _of_gradient(call.func):
            event = self._cleared_by_hand(call, call.func)
        elif name == "backward" or name == "manual_backward":
            event = self._backward(call)
        else:
            whose = self.optimizers.stepped(call)
            if whose is None:
                self.blind.append(call)
            elif whose:
                event = Step(call, frozenset(whose))
                for known in whose:
                    self.steps[known].append(call)
        if event is not None:
            self._events[call] = event

    def _clear(self, call: ast.Call) -> Event | None:
        if not isinstance(call.func, ast.Attribute) or self.project.targets(call):
            return None  # a function of the user: its own events count
        receiver = call.func.value
        whose = self.optimizers.resolve(receiver)
        if not whose:
            net = self.optimizers.net(receiver)
            whose = {known for known in self.optimizers.all if known.holds(net)}
        for known in whose:
            self.clears[known].append(call)
        if not whose:
            self.vague.append(call)
        return Clear(call, frozenset(whose) if whose else None)

    def _cleared_by_hand(self, node: ast.AST, target: ast.AST) -> Event:
        whose: set[Trained] = set()
        base = target
        while isinstance(base, ast.Attribute):
            base = base.value
        if isinstance(base, ast.Name):
            for binding in self.project.holds(base):
                nets = self.optimizers.nets(binding.value) if binding.how == "each" else None
                for net in nets or ():
                    whose |= {known for known in self.optimizers.all if known.holds(net)}
        for known in whose:
            self.clears[known].append(node)
        if not whose:
            self.vague.append(node)
        return Clear(node, frozenset(whose) if whose else None)

    def _assigned(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            target = node.targets[0]
            if target.attr == "grad":
                self._events[node] = self._cleared_by_hand(node, target)

    def _backward(self, call: ast.Call) -> Event | None:
        minimized = self.losses.minimized(call)
        if minimized is None:
            return None
        value, sign = minimized
        terms = self.losses.terms.of(value, sign, Scope(), TOP)
        part = self.losses.part([dotted(value).split(".")[-1]], terms, call)
        critics: list[Net] = []
        made: list[Net] = []
        for term in terms:
            if isinstance(term.node, ast.Call) and self.paths.roles.call_part(term.node) == "critic":
                critics.append(self.optimizers.net(_called(term.node)))
                made += self._reached(term.node)
        own: set[Trained] = set()
        foreign: set[Trained] = set()
        for known in self.optimizers.all:
            if not part or known.trains not in ("critic", "generator"):
                continue
            reached = any(known.holds(net) for net in (critics if known.trains == "critic" else made))
            if known.trains == part and (reached or not (critics and made)):
                own.add(known)
            elif known.trains != part and reached and not self.frozen.touches(known.trains):
                foreign.add(known)
        event = Backward(call, frozenset(own), frozenset(foreign))
        self.backwards.append(event)
        return event

    def _reached(self, call: ast.Call) -> list[Net]:
        """Return the generators that surely get a gradient through the critic's argument."""
        found: list[Net] = []
        if call.args and self._live(call.args[0], found, 12) is True:
            return found
        return []

    def _live(self, node: ast.AST, found: list[Net], depth: int) -> bool | None:
        """Return whether a gradient path leads on to a generator: True, False (cut, or none there), None (not told)."""
        if depth <= 0:
            return None
        if self.paths.idle(node) or self.paths.roles.cut(node):
            return False
        if isinstance(node, ast.Call) and self.paths.roles.call_part(node) == "generator":
            found.append(self.optimizers.net(_called(node)))
            return True
        ways: Sequence[ast.AST]
        if isinstance(node, ast.Name | ast.Attribute) and (held := self.project.holds(node)):
            ways = [self.paths.unpacked(b.value, b.item) for b in held if b.how in ("is", "part", "each")]
            return _all([self._live(way, found, depth - 1) for way in ways])
        if isinstance(node, ast.arg):
            return _all([self._live(way, found, depth - 1) for way in self.project.arguments(node)])
        ways = passes(node)
        if ways:
            answers = [self._live(way, found, depth - 1) for way in ways]
            return True if True in answers else None if None in answers else False
        if isinstance(node, ast.Call) and (targets := self.project.targets(node)):
            results = [result for function in targets for result in self.project.returned(function)]
            return _all([self._live(result, found, depth - 1) for result in results])
        return None if isinstance(node, ast.Call | ast.Name | ast.Attribute) else False

    # -- the order of events

    def meetings(self) -> list[Meeting]:
        """Return the steps that surely meet gradients of another loss or of an earlier step."""
        play = _Play()
        for events, repeated in self.played():
            play.left = _MOST
            play.returns = [[]]
            play.run((Loop(events),) if repeated else events, {})
        return sorted(play.found.values(), key=lambda meeting: getattr(meeting.step, "lineno", 0))

    def played(self) -> Iterator[tuple[Events, bool]]:
        """Yield the events of each scope from which training runs, and whether it may run many times (a function)."""
        self._busy = self._busy or self._with_events()
        for scope in self._roots():
            yield self.tree(scope), isinstance(scope, FUNCTIONS)

    # -- what is never come to

    def followed(self, call: ast.Call) -> bool:
        """Return whether a call is understood: an event, or a function of the files."""
        return call in self._events or bool(self.project.targets(call))

    def barred(self, site: ast.AST) -> ast.expr | None:
        """Return the test that keeps a place from ever being reached, around it or around all calls of its function."""
        own = self.reach.barred(site)
        home = self.project.function(site)
        if own is not None or home is None:
            return own
        tests = [self.reach.barred(call) for call in self.project.callers.get(home, ())]
        return tests[0] if tests and all(test is not None for test in tests) else None

    def loose(self, site: ast.AST) -> Function | None:
        """Return the function around a place if nothing in the files calls or names it, and nothing else could."""
        home = self.project.function(site)
        if home is None or home.decorator_list or self.project.callers.get(home):
            return None
        info = self.project.functions.get(home)
        bases = {base.split(".")[-1] for known in info.lineage() for base in known.bases} if info is not None else set()
        known = {one.name for one in info.lineage()} if info is not None else set()
        if bases - known - {"object", "Module"} or home.name.startswith("__"):
            return None  # a framework may call it
        named = self.project.attribute_reads.get(home.name) or any(
            isinstance(one, ast.Name) and one.id == home.name for one in self.project.by_class["Name"]
        )
        return None if named else home

    def _roots(self) -> Iterator[ast.AST]:
        """Yield the scopes from which training runs: modules, and functions that nothing here calls."""
        for scope in self._busy:
            if not isinstance(scope, FUNCTIONS) or not self.project.callers.get(scope):
                yield scope

    def _with_events(self) -> dict[ast.AST, None]:
        """Return the scopes in which something happens, directly or in a function that they call."""
        found = [self.project.function(node) or self.project.code(node).tree for node in self._events]
        busy: dict[ast.AST, None] = dict.fromkeys(found)
        queue = list(busy)
        while queue:
            scope = queue.pop()
            for call in self.project.callers.get(scope, ()) if isinstance(scope, FUNCTIONS) else ():
                outer = self.project.function(call) or self.project.code(call).tree
                if outer not in busy:
                    busy[outer] = None
                    queue.append(outer)
        return busy

    def tree(self, scope: ast.AST, depth: int = _DEEP) -> Events:
        """Return the events of a scope in their order, calls of the user's functions followed."""
        if scope not in self._trees:
            self._trees[scope] = ()  # a recursion ends here
            body = getattr(scope, "body", [])
            self._trees[scope] = self._block(body, depth) if isinstance(body, list) else ()
        return self._trees[scope]

    def _block(self, body: Sequence[ast.stmt], depth: int) -> Events:
        return tuple(event for statement in body for event in self._statement(statement, depth))

    def _statement(self, node: ast.stmt, depth: int) -> Events:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return ()
            case ast.If(test=test, body=body, orelse=orelse):
                held = self.reach.truth(test)
                first = self._block(body, depth) if held is not False else ()
                second = self._block(orelse, depth) if held is not True else ()
                if held is not None:
                    return (*self._calls(test, depth), *first, *second)
                return (*self._calls(test, depth), *((Branch(first, second),) if first or second else ()))
            case ast.For(body=body) | ast.AsyncFor(body=body) | ast.While(body=body):
                inner = self._block(body, depth) if not self.reach.idle(node) else ()
                return (Loop(inner),) if inner else ()
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                before = tuple(event for item in items for event in self._calls(item.context_expr, depth))
                return (*before, *self._block(body, depth))
            case (
                ast.Try(body=body, orelse=orelse, finalbody=last)
                | ast.TryStar(body=body, orelse=orelse, finalbody=last)
            ):
                return (*self._block(body, depth), *self._block(orelse, depth), *self._block(last, depth))
            case ast.Return():
                return (*self._calls(node, depth), Leave(True))
            case ast.Raise() | ast.Continue() | ast.Break():
                return (Leave(False),)
            case ast.Match(cases=cases):
                events: Events = ()
                for case in cases:
                    events = (Branch(self._block(case.body, depth), events),)
                return events
        found = self._calls(node, depth)
        event = self._events.get(node)
        return (*found, event) if event is not None else found

    def _calls(self, node: ast.AST, depth: int) -> Events:
        """Return the events of the calls in an expression, in the order in which they end."""
        calls = [one for one in _walk_now(node) if isinstance(one, ast.Call)]
        calls.sort(key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0))
        found: list[Event] = []
        for call in calls:
            event = self._events.get(call)
            if event is not None:
                found.append(event)
                continue
            for function in self.project.targets(call)[:1] if depth > 0 else ():
                inner = self._inlined(function, depth)
                if inner:
                    found.append(Called(inner))
        return tuple(found)

    def _inlined(self, function: Function, depth: int) -> Events:
        inner = self.tree(function, depth - 1) if function in self._busy else ()
        return inner if any(not isinstance(event, Leave) for event in inner) else ()


def _all(answers: list[bool | None]) -> bool | None:
    if not answers or None in answers:
        return None
    return True if all(answers) else False if not any(answers) else None


def _called(call: ast.Call) -> ast.expr:
    """Return the network that a call runs: netD for netD(x) and netD.forward(x)."""
    func = call.func
    return func.value if isinstance(func, ast.Attribute) and func.attr in ("forward", "__call__") else func


def _of_gradient(func: ast.AST) -> bool:
    """`p.grad.zero_`, `p.grad.data.zero_`."""
    while isinstance(func, ast.Attribute):
        if func.attr == "grad":
            return True
        func = func.value
    return False


def _walk_now(node: ast.AST) -> Iterator[ast.AST]:
    """Walk an expression without lambdas, whose body runs later."""
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, ast.Lambda):
            continue
        yield one
        stack.extend(ast.iter_child_nodes(one))
