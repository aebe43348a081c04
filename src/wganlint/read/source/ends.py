"""files -> read -> Run: how a critic's score ends: in tanh, sigmoid and the like, called or as the last modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from wganlint.evidence import Place
from wganlint.read.source.classes import Function, callee, walk_own
from wganlint.read.source.gates import NEVER, gate
from wganlint.read.source.layers import BOUNDING, constructors, kind_of_call, learns, type_of
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword
from wganlint.read.source.values import Number

_CALLED = {"tanh": -1.0, "softsign": -1.0, "sigmoid": 0.0, "hardsigmoid": 0.0, "hard_sigmoid": 0.0, "relu": 0.0}
_MADE = BOUNDING | {"Softsign": "softsign", "Softmax2d": "softmax", "ReLU": "relu"}
_ACTIVATIONS = frozenset({"tanh", "sigmoid", "softmax", "softsign", "hard_sigmoid"})
SOFT = frozenset({"tanh", "sigmoid", "softmax", "softsign", "hardsigmoid"})


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """A bounded end of a critic's score: the call or constructor, its kind, its bounds, and the network it ends."""

    call: ast.Call
    kind: str
    low: Number | None
    high: Number | None
    network: Place | None
    gate: str = ""


def ends(paths: Paths) -> Iterator[End]:
    """Yield every bounded end of the critics of the files."""
    seen: set[ast.Call] = set()
    for end in [*_called(paths), *_modules(paths), *_built(paths)]:
        if end.call not in seen and end.gate != NEVER:
            seen.add(end.call)
            yield end


def _called(paths: Paths) -> Iterator[End]:
    """C * tanh(x / C), tanh(x) and sigmoid(x) on the way of the score out of the critic."""
    for call in paths.project.calls:
        name = callee(call)
        if name not in _CALLED or call not in paths.score_nodes:
            continue
        factor = _factor(call, paths) or Number(1.0)
        low = Number(_CALLED[name] * abs(factor.value), factor.names)
        high = Number(abs(factor.value), factor.names)
        kind = name.replace("_", "")
        yield End(call, kind, low, high if kind != "relu" else None, _network(call, paths), gate(call, paths.project))


def _factor(call: ast.Call, paths: Paths) -> Number | None:
    parent = paths.project.parents.get(call)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        return paths.values.number(parent.right if parent.left is call else parent.left)
    return None


def _network(node: ast.AST, paths: Paths) -> Place | None:
    info = paths.project.owner_class(node)
    if info is None or paths.roles.part.get(info.node, ("", ""))[0] != "critic":
        return None
    return paths.project.site(info.node).place


def _modules(paths: Paths) -> Iterator[End]:
    """nn.Sigmoid() and the like behind the last weights that the score passes."""
    used = paths.score_ends | {node for node in paths.score_nodes if isinstance(node, ast.Call)}
    for call in used:
        if not kind_of_call(call, paths.project):
            continue
        made = constructors(call.func, paths.project) if not isinstance(call.func, ast.Call) else [call.func]
        for constructor in made:
            for last in _trailing(constructor, paths):
                yield _end(last, _MADE[callee(last)], _network(call, paths), paths)


def _trailing(constructor: ast.Call, paths: Paths) -> Iterator[ast.Call]:
    """Yield the bounding modules after the last weights of a Sequential, or the module itself."""
    if callee(constructor) != "Sequential":
        if callee(constructor) in _MADE:
            yield constructor
        return
    parts = constructor.args
    if len(parts) == 1 and isinstance(parts[0], ast.List):
        parts = parts[0].elts
    for part in reversed(parts):
        if not isinstance(part, ast.Call) or learns(type_of(part, paths.project)):
            return
        if callee(part) == "Sequential":
            yield from _trailing(part, paths)
            return
        if callee(part) in _MADE:
            yield part


def _built(paths: Paths) -> Iterator[End]:
    """The end of a critic that a function builds: make_critic() -> nn.Sequential(..., nn.Sigmoid())."""
    for function, info in paths.project.functions.items():
        if paths.roles.built_part(function) != "critic" or (info is not None and info.is_network):
            continue
        last = _last_weights(function, paths)
        if last is None:
            continue
        place = paths.project.site(function).place
        given = keyword(last, "activation")
        if isinstance(given, ast.Constant) and given.value in _ACTIVATIONS:
            yield _end(last, str(given.value).replace("_", ""), place, paths)
        for call in _after(function, last):
            kind = _MADE.get(callee(call), "")
            first = call.args[0] if call.args else None
            if callee(call) == "Activation" and isinstance(first, ast.Constant) and first.value in _ACTIVATIONS:
                kind = str(first.value).replace("_", "")
            if kind:
                yield _end(call, kind, place, paths)


def _last_weights(function: Function, paths: Paths) -> ast.Call | None:
    made = [node for node in walk_own(function) if isinstance(node, ast.Call)]
    made = [node for node in made if learns(type_of(node, paths.project))]
    return max(made, key=lambda node: (node.lineno, node.col_offset), default=None)


def _after(function: Function, last: ast.Call) -> Iterator[ast.Call]:
    for node in walk_own(function):
        if isinstance(node, ast.Call) and (node.lineno, node.col_offset) > (last.lineno, last.col_offset):
            yield node


def _end(call: ast.Call, kind: str, network: Place | None, paths: Paths) -> End:
    low, high = _module_bounds(call, kind, paths)
    return End(call, kind, low, high, network, gate(call, paths.project))


def _module_bounds(call: ast.Call, kind: str, paths: Paths) -> tuple[Number | None, Number | None]:
    if kind in ("tanh", "softsign"):
        return Number(-1.0), Number(1.0)
    if kind == "relu":
        return Number(0.0), None
    if kind == "relu6":
        return Number(0.0), Number(6.0)
    if kind == "hardtanh":
        low = keyword(call, "min_val") or (call.args[0] if call.args else None)
        high = keyword(call, "max_val") or (call.args[1] if len(call.args) > 1 else None)
        return paths.values.number(low) if low else Number(-1.0), paths.values.number(high) if high else Number(1.0)
    return Number(0.0), Number(1.0)
