"""files -> read -> Run: graphs that the source keeps alive from step to step: a list of losses, a sum, a cycle."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source.classes import callee, walk_own
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import CUT, keyword, passes
from wganlint.source import Leak

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FREED = {"clear", "pop", "popleft", "popitem"}
_ADDS = frozenset({"append", "appendleft", "add", "insert", "extend"})
_NUMBERS = frozenset({"float", "int", "str", "bool", "round", "len", "repr", "format"})
_COUNTERS = frozenset({"step", "epoch", "it", "i", "iteration", "batch_idx", "global_step", "n_iter"})
_DEEP = 16
Kept = tuple[ast.AST, str, ast.expr]  # the statement or call, what keeps it, and the value


def leaks(paths: Paths) -> tuple[Leak, ...]:
    """Return the places where a graph outlives its step.

    A value counts as one with a graph if `backward` is called on that very name in the same function and the name is
    not given a plain number there, or if it comes from a network without a cut; a list, dict or sum counts only if
    nothing in its function (or class) empties it, and if it outlives the step: it is kept on `self`, or around a loop.
    """
    project = paths.project
    found: dict[ast.AST, Leak] = {}
    scopes: dict[ast.AST, dict[str, list[ast.Call]]] = {}
    for call in project.calls:
        if callee(call) == "backward" and isinstance(call.func, ast.Attribute):
            scopes.setdefault(project.scope(call), {}).setdefault(dotted(call.func.value), []).append(call)
            if _true(keyword(call, "create_graph")):
                site = project.site(call)
                name = dotted(call.func.value) or "the loss"
                found[call] = Leak(site.place, site.quote, site.owner, "cycle", name)
    for scope in [*scopes, *(one for one in project.functions if one not in scopes)]:
        backward = scopes.get(scope, {})
        tensors = {name for name in backward if name and name not in _numbers(scope)}
        for node, into, value in _kept(scope):
            name = dotted(value)
            told = name in tensors
            if into in backward or _bounded(paths, scope, node, into):
                continue
            if not told and not (_lasts(paths, scope, node, into) and _Graph(paths).carried(value, _DEEP)):
                continue
            site = project.site(node)
            kind = "sum" if isinstance(node, ast.AugAssign | ast.Assign) and not _list_of(node) else "list"
            calls = backward.get(name, ())
            retained = any(_true(keyword(call, "retain_graph")) for call in calls)
            text = name or project.text(value)[:60]
            found.setdefault(node, Leak(site.place, site.quote, site.owner, kind, text, into, retained))
    return tuple(sorted(found.values(), key=lambda leak: leak.place))


def _true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _list_of(node: ast.AST) -> bool:
    """Whether a statement adds a list to a list, or sets an entry, rather than summing up."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        return True
    return isinstance(getattr(node, "value", None), ast.List | ast.Tuple)


# -- what is kept


def _kept(scope: ast.AST) -> Iterator[Kept]:
    """Yield what is appended, added or set under a new key: the node, the list or sum, and each value."""
    for node in walk_own(scope):
        match node:
            case ast.Call(func=ast.Attribute(value=holder), args=args) if callee(node) in _ADDS and args:
                for value in _values(args[-1], callee(node) == "extend"):
                    yield node, _holder(holder), value
            case ast.AugAssign(target=target, op=ast.Add(), value=value):
                for one in _values(value, isinstance(value, ast.List | ast.Tuple)):
                    yield node, _holder(target), one
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as target],
                            value=ast.BinOp(left=left, op=ast.Add(), right=right)):  # fmt: skip
                if dotted(left) and dotted(left) == dotted(target) and isinstance(target, ast.Attribute):
                    yield node, dotted(target), right
            case ast.Assign(targets=[ast.Subscript(value=holder, slice=index)], value=value):
                if isinstance(index, ast.Name) and index.id in _COUNTERS and dotted(holder):
                    yield node, dotted(holder), value


def _values(node: ast.expr, spread: bool) -> list[ast.expr]:
    """Return the single values of what is appended: of a pair, of a dict, of a list that is added as a whole."""
    match node:
        case ast.Tuple(elts=parts):
            return parts
        case ast.List(elts=parts):
            return parts
        case ast.Dict(values=values):
            return values
    return [] if spread else [node]


def _holder(node: ast.expr) -> str:
    """Return the name of what keeps: losses for losses["d"] and for losses.setdefault("d", [])."""
    while not dotted(node):
        if isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call) and callee(node) == "setdefault" and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return ""
    return dotted(node)


def _numbers(scope: ast.AST) -> set[str]:
    """Return the names that are given something without a graph: `loss = loss.item()`."""
    plain = ("item", "detach", "float", "numpy", "detach_")
    return {
        dotted(target)
        for node in walk_own(scope)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and callee(node.value) in plain
        for target in node.targets
    }


class _Graph:
    """Tells values that surely hold a graph: all their ways come from a network without a cut."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.project = paths, paths.project
        self.left = 200

    def carried(self, node: ast.AST, depth: int) -> bool:
        """Return whether a value surely comes from the weights of a network."""
        self.left -= 1
        if depth <= 0 or self.left < 0 or self.paths.idle(node):
            return False
        match node:
            case ast.Name() | ast.Attribute():
                held = self.project.holds(node)
                values = [self.paths.unpacked(b.value, b.item) for b in held if b.how == "is"]
                whole = len(values) == len(held) and not any(
                    b.item is not None and value is b.value for b, value in zip(held, values, strict=False)
                )
                return bool(values) and whole and all(self.carried(value, depth - 1) for value in values)
            case ast.arg():
                passed = self.project.arguments(node)
                return bool(passed) and all(self.carried(value, depth - 1) for value in passed)
            case ast.Call():
                return self._called(node, depth)
            case ast.BinOp() | ast.UnaryOp():
                return any(self.carried(one, depth - 1) for one in passes(node))
        return False

    def _called(self, call: ast.Call, depth: int) -> bool:
        name = callee(call)
        if name in CUT or (name in _NUMBERS and (isinstance(call.func, ast.Name) or name == "format")):
            return False
        if self.paths.roles.call_part(call):
            return True
        targets = [one for one in self.project.targets(call) if one.name != "__init__"]
        if targets:
            results = [result for one in targets for result in self.project.returned(one)]
            handed = any(self.carried(one, depth - 1) for one in call.args)
            return bool(results) and all(
                not self.paths.idle(one) and (self.carried(one, depth - 1) or (handed and bool(passes(one))))
                for one in results
            )
        if name in ("relu", "softplus", "logsigmoid", "binary_cross_entropy_with_logits", "mse_loss"):
            return bool(call.args) and self.carried(call.args[0], depth - 1)
        return any(self.carried(one, depth - 1) for one in passes(call))


# -- how long it is kept


def _lasts(paths: Paths, scope: ast.AST, node: ast.AST, into: str) -> bool:
    """Whether a list outlives the step in which it is filled: kept on self, or around a loop that trains."""
    if into.startswith("self."):
        return True
    loops = [parent for parent, _ in paths.project.around(node) if isinstance(parent, _LOOPS)]
    trains = {"backward", "step"}
    return any(isinstance(one, ast.Call) and callee(one) in trains for loop in loops for one in ast.walk(loop))


def _bounded(paths: Paths, scope: ast.AST, node: ast.AST, into: str) -> bool:
    """Whether what keeps the values is emptied, begun anew within a loop around it, or not known by a name."""
    if not into:
        return True
    project = paths.project
    loops = [parent for parent, _ in project.around(node) if isinstance(parent, _LOOPS)]
    places: list[ast.AST] = [scope]
    info = project.self_class(node) if into.startswith("self.") else None
    if info is not None:
        places = [method for method in info.node.body if isinstance(method, FUNCTIONS)]
    names = {into, ".".join(into.split(".")[: 2 if info is not None else 1])}
    for place in places:
        for one in walk_own(place):
            if any(_frees(one, name) for name in names) and one is not node:
                return True
            if isinstance(one, ast.Assign | ast.AnnAssign) and one is not node and names & _targets(one):
                inside = [parent for parent, _ in project.around(one) if isinstance(parent, _LOOPS)]
                if inside or (info is not None and getattr(place, "name", "") != "__init__"):
                    return True
    return not loops and isinstance(node, ast.AugAssign | ast.Assign) and info is None


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    every = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    bounded = isinstance(node.value, ast.Call) and keyword(node.value, "maxlen") is not None
    return {dotted(one) for one in every} if not bounded else set()


def _frees(node: ast.AST, into: str) -> bool:
    if isinstance(node, ast.Call) and callee(node) in _FREED and isinstance(node.func, ast.Attribute):
        return dotted(node.func.value) == into
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return keyword(node.value, "maxlen") is not None and into in {dotted(target) for target in targets}
    if isinstance(node, ast.Delete):
        return any(dotted(part.value if isinstance(part, ast.Subscript) else part) == into for part in node.targets)
    return False
