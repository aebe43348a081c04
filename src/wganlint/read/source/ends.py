"""files -> read -> Run: how a critic's score ends: in tanh, sigmoid and the like, called or as the last modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from wganlint.evidence import Place
from wganlint.read.source.classes import Class, Function, callee, walk_own
from wganlint.read.source.flow import dotted
from wganlint.read.source.gates import NEVER, gate
from wganlint.read.source.layers import BOUNDING, constructors, kind_of_call, learns, type_of
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword, operand, rest
from wganlint.read.source.values import Number

_CALLED = {
    "hardtanh": -1.0,
    "tanh": -1.0,
    "softsign": -1.0,
    "sigmoid": 0.0,
    "hardsigmoid": 0.0,
    "hard_sigmoid": 0.0,
    "relu": 0.0,
}
_MADE = BOUNDING | {"Softsign": "softsign", "Softmax2d": "softmax", "ReLU": "relu"}
_ACTIVATIONS = frozenset({"tanh", "sigmoid", "softmax", "softsign", "hard_sigmoid"})
SOFT = frozenset({"tanh", "sigmoid", "softmax", "softsign", "hardsigmoid"})


class End(Struct, frozen=True, eq=False):
    """A bounded end of a critic's score: the call or constructor, its kind, its bounds, and the network it ends.

    `inner`: another such end stands behind it on the same way."""

    call: ast.expr
    kind: str
    low: Number | None
    high: Number | None
    network: Place | None
    gate: str = ""
    inner: bool = False


def ends(paths: Paths, losses: Losses) -> Iterator[End]:
    """Yield every bounded end of the critics of the files, also where their scores are used."""
    seen: set[ast.expr] = set()
    used = list(_used(paths, losses))
    outside = {end.network for end in used if end.network is not None}
    within = [replace(end, inner=end.inner or end.network in outside)
              for end in [*_called(paths), *_by_hand(paths), *_modules(paths), *_built(paths)]]  # fmt: skip
    for end in [*within, *used]:
        if end.call not in seen and end.gate != NEVER:
            seen.add(end.call)
            yield end


def _called(paths: Paths) -> Iterator[End]:
    """C * tanh(x / C), tanh(x) and sigmoid(x) on the way of the score out of the critic."""
    for call in paths.project.calls:
        name = callee(call)
        if name not in _CALLED or call not in paths.score_nodes:
            continue
        yield _squash(call, name, _network(call, paths), paths)


def _by_hand(paths: Paths) -> Iterator[End]:
    """Softsign as x / (1 + |x|)."""
    for node in paths.score_nodes:
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.BinOp)):
            continue
        sides = (node.right.left, node.right.right)
        size = next((one for one in sides if isinstance(one, ast.Call) and callee(one) == "abs"), None)
        inner = operand(size) if size is not None else None
        plain = any(isinstance(one, ast.Constant) and one.value == 1 for one in sides)
        if (
            plain
            and isinstance(node.right.op, ast.Add)
            and inner is not None
            and ast.dump(inner) == ast.dump(node.left)
        ):
            low, high = Number(-1.0), Number(1.0)
            yield End(node, "softsign", low, high, _network(node, paths), gate(node, paths.project))


def _squash(call: ast.Call, name: str, network: Place | None, paths: Paths) -> End:
    """The end that a call of tanh and the like makes, with the factor in front of it."""
    kind = name.replace("_", "")
    if kind == "hardtanh":
        low, high = _module_bounds(call, kind, paths, rest(call))
        return End(call, kind, low, high, network, gate(call, paths.project))
    factor = _factor(call, paths) or Number(1.0)
    low = Number(_CALLED[name] * abs(factor.value), factor.names)
    high = Number(abs(factor.value), factor.names) if kind != "relu" else None
    return End(call, kind, low, high, network, gate(call, paths.project))


def _used(paths: Paths, losses: Losses) -> Iterator[End]:
    """Bounds between a critic and its loss: softplus(-tanh(D(x))), D = nn.Sequential(Critic(), nn.Tanh())."""
    for call, networks in losses.squashed.items():
        place = paths.project.site(networks[0]).place
        name = callee(call)
        if name in _CALLED:
            yield _squash(call, name, place, paths)
            continue
        for made in constructors(call.func, paths.project) if not isinstance(call.func, ast.Call) else [call.func]:
            if callee(made) in _MADE:
                yield _end(call, _MADE[callee(made)], place, paths)
    for call, networks in losses.critic_calls.items():
        for made in constructors(call.func, paths.project) if networks else ():
            if callee(made) == "Sequential":
                yield from _behind(made, paths.project.site(networks[0]).place, paths)
            else:
                yield from _made_by(made, paths)


def _made_by(made: ast.Call, paths: Paths) -> Iterator[End]:
    """The end of a critic that a function of the files builds for this call: mlp([4, 64, 1], last=nn.Tanh())."""
    for function in paths.project.targets(made):
        if function.name == "__init__" or paths.roles.built_part(function):
            continue
        place = paths.project.site(function).place
        for result in paths.project.returned(function):
            for built in constructors(result, paths.project):
                if callee(built) == "Sequential" and paths.project.function(built) is function:
                    yield from _behind(built, place, paths, made)


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
            yield from _behind(constructor, _network(call, paths), paths)


def _behind(
    constructor: ast.Call, network: Place | None, paths: Paths, caller: ast.Call | None = None
) -> Iterator[End]:
    """Yield the ends that bounding modules behind the last weights make; `caller`: as its function builds it there."""
    found: list[End] = []
    for last in _trailing(constructor, paths, caller):
        if callee(last) in _MADE:
            found.append(_end(last, _MADE[callee(last)], network, paths))
        found += [_squash(call, callee(call), network, paths) for call in _own_squash(last, paths)]
    for at, end in enumerate(found):  # the last one first
        yield replace(end, inner=any(other.kind in SOFT and not other.gate for other in found[:at]))


def _own_squash(made: ast.Call, paths: Paths) -> Iterator[ast.Call]:
    """Yield the tanh and the like in the forward of a user's module that has no weights: class Squash(nn.Module)."""
    for info in paths.project.classes_of(made):
        forward = info.forward()
        if not info.is_network or forward is None or _weighs(info, paths):
            continue
        for result in paths.project.returned(forward):
            for node in paths.upstream(result, many=False):
                if isinstance(node, ast.Call) and callee(node) in _CALLED:
                    yield node


def _trailing(constructor: ast.Call, paths: Paths, caller: ast.Call | None = None) -> Iterator[ast.Call]:
    """Yield the modules that may bound after the last weights of a Sequential, or the module itself."""
    if callee(constructor) != "Sequential":
        yield constructor
        return
    parts = list(_parts(constructor, paths))
    for part in reversed(parts if caller is None else _for_caller(parts, constructor, caller, paths)):
        if not isinstance(part, ast.Call) or learns(type_of(part, paths.project)):
            return
        if callee(part) == "Sequential":
            yield from _trailing(part, paths)
            return
        if any(info.is_network and _weighs(info, paths) for info in paths.project.classes_of(part)):
            return
        yield part


def _for_caller(parts: list[ast.expr], built: ast.Call, caller: ast.Call, paths: Paths) -> list[ast.expr]:
    """Return the parts that a function adds in one call of it, with what the caller passes for parameters."""
    project, home = paths.project, paths.project.function(built)
    if home is None:
        return parts
    found: list[ast.expr] = []
    for part in parts:
        if not project.reached(part, caller, home):
            continue
        held = project.holds(part)
        parameter = held[0].value if len(held) == 1 else None
        if isinstance(parameter, ast.arg):
            value = project.given(parameter, caller, home)
            if value is None:
                return []
            made = [*constructors(value, project), value]
            found += [] if isinstance(value, ast.Constant) else made[:1]
        else:
            found.append(part)
    return found


def _weighs(info: Class, paths: Paths) -> bool:
    """Whether a user's module has weights, as far as its own lines tell."""
    calls = (node for known in info.lineage() for node in ast.walk(known.node) if isinstance(node, ast.Call))
    return any(learns(type_of(call, paths.project)) or callee(call) == "Parameter" for call in calls)


def _parts(constructor: ast.Call, paths: Paths) -> Iterator[ast.expr]:
    """Yield the modules of a Sequential in order: its arguments, a list that is built up, what is added after."""
    for part in constructor.args:
        if isinstance(part, ast.List):
            yield from part.elts
        elif isinstance(part, ast.Starred):
            yield from _listed(part.value, constructor, paths)
        else:
            yield part
    for call in paths.project.calls:
        if (
            callee(call) in ("add_module", "append")
            and isinstance(call.func, ast.Attribute)
            and call.args
            and paths.project.code(call) is paths.project.code(constructor)
            and constructor in constructors(call.func.value, paths.project)
        ):
            yield call.args[-1]


def _listed(node: ast.expr, before: ast.Call, paths: Paths) -> Iterator[ast.expr]:
    """Yield the items of a list of modules, with what is appended to it before it is used."""
    name = dotted(node)
    for binding in paths.project.holds(node) if name else ():
        if isinstance(binding.value, ast.List):
            yield from binding.value.elts
    if isinstance(node, ast.List):
        yield from node.elts
    home = paths.project.function(before)
    calls = [
        call for call in (paths.project.calls if name else ())
        if callee(call) in ("append", "extend") and isinstance(call.func, ast.Attribute)
        and dotted(call.func.value) == name and paths.project.function(call) is home
        and call.lineno < before.lineno and call.args
    ]  # fmt: skip
    for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        added = call.args[0]
        yield from added.elts if isinstance(added, ast.List | ast.Tuple) else [added]


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


def _module_bounds(
    call: ast.Call, kind: str, paths: Paths, args: list[ast.expr] | None = None
) -> tuple[Number | None, Number | None]:
    if kind in ("tanh", "softsign"):
        return Number(-1.0), Number(1.0)
    if kind == "relu":
        return Number(0.0), None
    if kind == "relu6":
        return Number(0.0), Number(6.0)
    if kind == "hardtanh":
        args = call.args if args is None else args
        low = keyword(call, "min_val") or (args[0] if args else None)
        high = keyword(call, "max_val") or (args[1] if len(args) > 1 else None)
        return paths.values.number(low) if low else Number(-1.0), paths.values.number(high) if high else Number(1.0)
    return Number(0.0), Number(1.0)
