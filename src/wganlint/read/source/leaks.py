"""files -> read -> Run: graphs that the source keeps alive from step to step: a list of losses, a sum, a cycle."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source.classes import callee, walk_own
from wganlint.read.source.flow import dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword
from wganlint.source import Leak

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FREED = {"clear", "pop", "popleft", "popitem"}


def leaks(paths: Paths) -> tuple[Leak, ...]:
    """Return the places where a graph outlives its step.

    A loss counts as one with a graph only if `backward` is called on that very name in the same function and the name
    is not given a plain number there; a list counts only if nothing in its function (or class) empties it.
    """
    project = paths.project
    found: list[Leak] = []
    scopes: dict[ast.AST, dict[str, list[ast.Call]]] = {}
    for call in project.calls:
        if callee(call) == "backward" and isinstance(call.func, ast.Attribute):
            scopes.setdefault(project.scope(call), {}).setdefault(dotted(call.func.value), []).append(call)
            if _true(keyword(call, "create_graph")):
                site = project.site(call)
                found.append(Leak(site.place, site.quote, site.owner, "cycle", dotted(call.func.value) or "the loss"))
    for scope, backward in scopes.items():
        tensors = {name for name in backward if name and name not in _numbers(scope)}
        for node, into, name in _kept(scope):
            if name not in tensors or _bounded(paths, scope, node, into) or into in backward:
                continue
            site = project.site(node)
            kind = "sum" if isinstance(node, ast.AugAssign) else "list"
            retained = any(_true(keyword(call, "retain_graph")) for call in backward[name])
            found.append(Leak(site.place, site.quote, site.owner, kind, name, into, retained))
    return tuple(sorted(found, key=lambda leak: leak.place))


def _true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _kept(scope: ast.AST) -> Iterator[tuple[ast.Call | ast.AugAssign, str, str]]:
    """Yield what is appended or added as it is: the node, the list or sum, and the name of the value."""
    for node in walk_own(scope):
        if isinstance(node, ast.Call) and callee(node) == "append" and isinstance(node.func, ast.Attribute):
            values = node.args[0].elts if node.args and isinstance(node.args[0], ast.Tuple) else node.args[:1]
            yield from ((node, dotted(node.func.value), dotted(value)) for value in values if dotted(value))
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and dotted(node.value):
            yield node, dotted(node.target), dotted(node.value)


def _numbers(scope: ast.AST) -> set[str]:
    """Return the names that are given something without a graph: `loss = loss.item()`."""
    plain = ("item", "detach", "float", "numpy", "detach_")
    return {
        dotted(target)
        for node in walk_own(scope)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and callee(node.value) in plain
        for target in node.targets
    }


def _bounded(paths: Paths, scope: ast.AST, node: ast.AST, into: str) -> bool:
    """Whether what keeps the values is emptied, begun anew within a loop around it, or not known by a name."""
    if not into:
        return True
    project = paths.project
    loops = [parent for parent, _ in project.around(node) if isinstance(parent, _LOOPS)]
    places: list[ast.AST] = [scope]
    info = project.self_class(node) if into.startswith("self.") else None
    if info is not None:
        places = [method for method in info.node.body if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)]
    for place in places:
        for one in walk_own(place):
            if _frees(one, into) and one is not node:
                return True
            if isinstance(one, ast.Assign | ast.AnnAssign) and into in _targets(one):
                inside = [parent for parent, _ in project.around(one) if isinstance(parent, _LOOPS)]
                if inside or (info is not None and getattr(place, "name", "") != "__init__"):
                    return True
    return not loops and isinstance(node, ast.AugAssign)


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
