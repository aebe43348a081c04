"""files -> read -> Run: how often NaN cleaning lies on the graph of a training step, from each loss to its weights."""

from __future__ import annotations

import ast

from msgspec import Struct, field

from wganlint.read.source.classes import Function, callee
from wganlint.read.source.layers import kind_of_call
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths, is_gradient
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.roundings import field_of
from wganlint.read.source.steps import CUT, NAN, ROUND, operand
from wganlint.source import StepCount, StepPart

_MOST = 4000  # expressions that are looked at for one step
_DEEP = 120  # expressions within each other, names followed; keeps far from Python's recursion limit
_WHOLE = ROUND | CUT | frozenset({"long", "int", "argmax", "multinomial", "item", "tolist", "bool"})


class Frame(Struct, eq=False):
    """One call of a function: what its parameters stand for, and the calls made from it."""

    arguments: dict[ast.arg, ast.expr] = field(default_factory=dict)
    outer: Frame | None = None
    inner: dict[tuple[ast.Call, Function], Frame] = field(default_factory=dict)
    depth: int = 0


class Way(Struct, frozen=True):
    """What lies on the graph behind a value: cleanings, each in its frame; `live`: a gradient runs through it."""

    sites: frozenset[tuple[ast.AST, int]] = frozenset()
    live: bool = False

    def __or__(self, other: Way) -> Way:
        return Way(self.sites | other.sites, self.live or other.live)


NOTHING = Way()


def step_count(paths: Paths, penalties: Penalties, losses: Losses) -> StepCount | None:
    """Return the count for the training step of the files, or None where its shape is not understood.

    Backward nodes of `nan_to_num` run once for each call that lies between a loss and weights; those in front of all
    weights, behind a detach or without gradients never do. The penalty, which runs nodes twice, is left out.
    """
    if not any(callee(call) in NAN for call in paths.project.calls):
        return None
    minimized = [(call, value) for group in losses.groups() for call, value, _ in group]
    if not minimized:
        return None
    walk = _Walk(paths, penalties)
    root = _root([call for call, _ in minimized], paths)
    if root is None:
        return None
    parts = []
    for call, value in minimized:
        times = _times(call, root, paths)
        if times is None:
            return None
        count = len(walk.of(value, Frame()).sites)
        site = paths.project.site(call)
        parts.append(StepPart(site.place, site.quote, site.owner, count, *times))
    inside = set(penalties.functions)
    own = sum(1 for call in paths.project.calls if callee(call) in NAN and paths.project.function(call) in inside)
    scored = [call for source in penalties.sources for call in penalties.scored(source)]
    critic = sum(len(walk.of(call, Frame()).sites) for call in scored[:1])
    if walk.lost:
        return None
    site = paths.project.site(root)
    name = ".".join(one for one in (site.owner, root.name) if one)
    return StepCount(site.place, site.quote, name, tuple(parts), own + critic)


class _Walk:
    """Follows values back along the graph, call by call."""

    def __init__(self, paths: Paths, penalties: Penalties) -> None:
        self.paths, self.project, self.penalties = paths, paths.project, penalties
        self.known: dict[tuple[ast.AST, int], Way] = {}
        self.spent = 0
        self.level = 0
        self.lost = False  # a network that is not among the files, or a way that is too long

    def of(self, node: ast.AST, frame: Frame) -> Way:
        """Return what lies on the graph behind a value within a frame."""
        key = (node, id(frame))
        if key in self.known:
            return self.known[key]
        self.known[key] = NOTHING  # a loop ends here
        self.spent += 1
        if self.spent > _MOST or frame.depth > 12 or self.level > _DEEP:
            self.lost = True
            return NOTHING
        self.level += 1
        self.known[key] = self._of(node, frame)
        self.level -= 1
        return self.known[key]

    def _of(self, node: ast.AST, frame: Frame) -> Way:
        match node:
            case ast.Call():
                return self._call(node, frame)
            case ast.Name() | ast.Attribute():
                return self._named(node, frame)
            case ast.arg():
                value = frame.arguments.get(node)
                return self.of(value, frame.outer) if value is not None and frame.outer is not None else NOTHING
            case ast.Compare() | ast.Constant() | ast.Lambda() | ast.JoinedStr():
                return NOTHING
            case ast.Subscript(value=value) | ast.Starred(value=value):
                return self.of(value, frame)
            case ast.IfExp(body=body, orelse=orelse):
                return self.of(body, frame) | self.of(orelse, frame)
        found = NOTHING
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                found |= self.of(child, frame)
        return found

    def _named(self, node: ast.Name | ast.Attribute, frame: Frame) -> Way:
        found = NOTHING
        bindings = self.project.holds(node)
        for binding in bindings:
            if binding.how not in ("is", "part"):
                continue
            value = binding.value
            if binding.item is not None and isinstance(value, ast.Call):
                found |= self._results(value, frame, binding.item)
            elif (
                binding.item is not None and isinstance(value, ast.Tuple | ast.List) and binding.item < len(value.elts)
            ):
                found |= self.of(value.elts[binding.item], frame)
            elif not isinstance(value, ast.stmt):
                found |= self.of(value, frame)
        if not bindings and isinstance(node, ast.Attribute) and node.attr != "data":
            made = self._field(node, frame)
            return made if made is not None else self.of(node.value, frame)
        return found

    def _field(self, node: ast.Attribute, frame: Frame) -> Way | None:
        """`fake.tracks` where the network returns FakeEvents(tracks, counts, p): only that field's way."""
        for binding in self.project.holds(node.value):
            call, at = binding.value, frame
            while isinstance(call, ast.arg) and call in at.arguments and at.outer is not None:
                passed = at.arguments[call]
                at = at.outer
                held = self.project.holds(passed)
                call = held[0].value if len(held) == 1 else passed
            if not isinstance(call, ast.Call):
                return None
            found: Way | None = None
            for function in self._targets(call):
                inner = self._frame(call, function, at)
                for result in self.project.returned(function):
                    value = field_of(result, node.attr, self.project) if isinstance(result, ast.Call) else None
                    if value is not None:
                        found = (found or NOTHING) | self.of(value, inner)
            return found
        return None

    def _call(self, call: ast.Call, frame: Frame) -> Way:
        name = callee(call)
        if name in _WHOLE or is_gradient(call) or self.paths.idle(call):
            return NOTHING
        if name in NAN:
            value = operand(call)
            inner = self.of(value, frame) if value is not None else NOTHING
            return Way(inner.sites | {(call, id(frame))}, True) if inner.live else inner
        targets = self._targets(call)
        if any(function in self.penalties.functions for function in targets):
            return NOTHING
        if targets:
            return self._results(call, frame, None)
        found = NOTHING
        parts: list[ast.expr] = [*call.args, *(known.value for known in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        for part in parts:
            found |= self.of(part, frame)
        if kind_of_call(call, self.project) == "learned":
            return Way(found.sites, True)
        return found

    def _targets(self, call: ast.Call) -> tuple[Function, ...]:
        """Return the functions that a call runs; of a network that no name tells, the only one of its part."""
        found = tuple(one for one in self.project.targets(call) if one.name != "__init__")
        part = self.paths.roles.call_part(call)
        if found or not part:
            return found
        of_part = [node for node, (one, _) in self.paths.roles.part.items() if one == part]
        forward = self.project.classes[of_part[0]].forward() if len(of_part) == 1 else None
        if forward is None:
            self.lost = True
            return ()
        return (forward,)

    def _frame(self, call: ast.Call, function: Function, frame: Frame) -> Frame:
        key = (call, function)
        if key not in frame.inner:
            arguments = dict(self.project.passed(call, function))
            frame.inner[key] = Frame(arguments, frame, depth=frame.depth + 1)
        return frame.inner[key]

    def _results(self, call: ast.Call, frame: Frame, item: int | None) -> Way:
        if self.paths.idle(call):
            return NOTHING
        found = NOTHING
        targets = self._targets(call)
        for function in targets:
            inner = self._frame(call, function, frame)
            for result in self.project.returned(function):
                if item is not None and isinstance(result, ast.Tuple) and item < len(result.elts):
                    result = result.elts[item]
                found |= self.of(result, inner)
        return found if targets else self.of(call, frame)


# -- how often a loss is descended in one step


def _root(calls: list[ast.Call], paths: Paths) -> Function | None:
    """Return the smallest function from which all backward calls are reached."""
    homes = {paths.project.function(call) for call in calls}
    if None in homes:
        return None
    above = [_above(home, paths) for home in homes if home is not None]
    fitting = set.intersection(*above)
    sizes = {function: len(fitting & _above(function, paths)) for function in fitting}
    return max(fitting, key=lambda function: (sizes[function], -function.lineno), default=None)


def _above(function: Function, paths: Paths) -> set[Function]:
    """Return a function and all from which it is reached."""
    seen = {function}
    queue = [function]
    while queue:
        for call in paths.project.callers.get(queue.pop(), ()):
            home = paths.project.function(call)
            if home is not None and home not in seen:
                seen.add(home)
                queue.append(home)
    return seen


def _times(call: ast.AST, root: Function, paths: Paths, depth: int = 5) -> tuple[int, str] | None:
    """Return (how often a call runs for one call of the root, the loop's range as written), or None if not told.

    In the root itself the outermost loop over data is the training loop and counts once.
    """
    times, loop = 1, ""
    chain = list(paths.project.around(call))
    for parent, child in chain:
        match parent:
            case ast.For(iter=each) if child in parent.body:
                count = _range(each, paths)
                if count is None:
                    return (times, loop) if paths.project.function(parent) is root else None
                times, loop = times * count, paths.project.text(each)
            case ast.While() | ast.If() | ast.IfExp() | ast.ExceptHandler() | ast.ListComp() | ast.GeneratorExp():
                return None
    home = paths.project.function(call)
    if home is root:
        return times, loop
    if depth == 0 or home is None:
        return None
    inside = [one for one in paths.project.callers.get(home, ()) if _belongs(one, root, paths)]
    ways = [_times(one, root, paths, depth - 1) for one in inside]
    if not ways or None in ways:
        return None
    known = [way for way in ways if way is not None]
    loops = [one for _, one in known if one]
    return times * sum(count for count, _ in known), loop or (loops[0] if loops else "")


def _belongs(call: ast.Call, root: Function, paths: Paths) -> bool:
    home = paths.project.function(call)
    return home is root or (home is not None and root in _above(home, paths))


def _range(each: ast.expr, paths: Paths) -> int | None:
    if isinstance(each, ast.Call) and callee(each) in ("range", "xrange") and len(each.args) == 1:
        number = paths.values.number(each.args[0])
        if number is not None and 1 <= number.value <= 100 and float(number.value).is_integer():
            return int(number.value)
    return None
