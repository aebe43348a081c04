"""files -> read -> Run: the network classes, their layers, and where their weights are set by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec.structs import replace

from wganlint.read.source.classes import Class, Function, callee, walk_own
from wganlint.read.source.flow import dotted
from wganlint.read.source.gates import gate
from wganlint.read.source.layers import CONTAINERS, learns, normalizes, type_of
from wganlint.read.source.project import Project
from wganlint.read.source.roles import Roles
from wganlint.source import Layer, Network, Site

_DRAWS = frozenset({"normal_", "uniform_", "fill_", "zero_", "trunc_normal_", "copy_", "orthogonal_", "constant_"})


def networks(project: Project, roles: Roles) -> tuple[Network, ...]:
    """Return every network of the files in the order of the files."""
    set_by_hand = _initialized(project)
    found = []
    for node, info in project.classes.items():
        if not info.is_network:
            continue
        part, why = roles.part[node]
        site = project.site(node)
        layers = class_layers(info, project, roles)
        hand = next((set_by_hand[known.node] for known in info.lineage() if known.node in set_by_hand), None)
        found.append(Network(site.place, site.quote, site.owner, info.name, part, why, layers, hand))
    return (*found, *_built(project, roles))


def class_layers(info: Class, project: Project, roles: Roles) -> tuple[Layer, ...]:
    """Return the layers that a class creates, in source order; those of a base class in the files come first."""
    found: list[Layer] = []
    for known in reversed(list(info.lineage())):
        locals_ = _kept_locals(known, project)
        calls = [node for node in ast.walk(known.node) if isinstance(node, ast.Call)]
        for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
            layer = _layer(call, project, locals_)
            if layer is not None:
                found.append(layer)
            else:
                found += _helped(call, known, project, locals_)
    return tuple(found)


def _helped(call: ast.Call, info: Class, project: Project, locals_: dict[str, str]) -> Iterator[Layer]:
    """Yield the layers that a function outside the class makes for it: self.net = perceptron(3, 64, 1)."""
    for function in project.targets(call):
        if project.functions.get(function) is not None or project.owner_class(function) is info:
            continue
        attribute = _attribute(call, project, locals_)
        for layer in _function_layers(function, project) if attribute else ():
            yield replace(layer, attribute=f"{attribute}.{layer.attribute}".rstrip("."))


def _layer(call: ast.Call, project: Project, locals_: dict[str, str]) -> Layer | None:
    kind = type_of(call, project)
    if not kind:
        return None
    parent = project.parents.get(call)
    if isinstance(parent, ast.Call) and call in parent.args and type_of(parent, project):
        return None  # inside spectral_norm(...), which stands for it
    if isinstance(parent, ast.Attribute):  # nn.Linear(3, 4).weight, Block().apply(...)
        return None
    site = project.site(call)
    attribute = _attribute(call, project, locals_)
    inner = [node for node in project.definitions(call.func) if isinstance(node, ast.ClassDef)]
    weights = learns(kind) or any(_has_weights(project.classes[node], project) for node in inner)
    return Layer(site.place, site.quote, site.owner, attribute, kind, normalizes(kind), weights, gate(call, project))


def _has_weights(info: Class, project: Project) -> bool:
    calls = (node for known in info.lineage() for node in ast.walk(known.node) if isinstance(node, ast.Call))
    return any(learns(type_of(call, project)) or callee(call) in ("Parameter", "add_weight") for call in calls)


def _kept_locals(info: Class, project: Project) -> dict[str, str]:
    """Map local names to the attribute that keeps them: layers -> net in `self.net = nn.Sequential(*layers)`."""
    kept: dict[str, str] = {}
    for attribute, bindings in info.attributes.items():
        for binding in bindings:
            for node in ast.walk(binding.value):
                if isinstance(node, ast.Name) and node.id != "self":
                    kept.setdefault(node.id, attribute)
    return kept


def _attribute(call: ast.Call, project: Project, locals_: dict[str, str]) -> str:
    path: list[str] = []
    child: ast.AST = call
    for parent, child in project.around(call):
        match parent:
            case ast.FunctionDef():
                return locals_.get(parent.name, "")
            case ast.Call() if callee(parent) in CONTAINERS and child in parent.args:
                before = parent.args[: parent.args.index(child)]
                starred = any(isinstance(one, ast.Starred) for one in before)
                if not isinstance(child, ast.List | ast.Tuple | ast.ListComp | ast.Dict) and not starred:
                    path.append(str(len(before)))
            case ast.List(elts=parts) | ast.Tuple(elts=parts) if child in parts:
                path.append(str(parts.index(child)))
            case ast.Dict(keys=keys, values=held) if child in held:
                key = keys[held.index(child)]
                path.append(str(key.value) if isinstance(key, ast.Constant) else "")
            case ast.Call() if callee(parent) == "add_module" and isinstance(parent.func, ast.Attribute):
                return _kept(dotted(parent.func.value), locals_, path)
            case ast.Call() if callee(parent) in ("append", "extend", "add") and isinstance(parent.func, ast.Attribute):
                found = _kept(dotted(parent.func.value), locals_, [])
                if found:
                    return found
            case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                direct = not isinstance(parent, ast.AugAssign) and dotted(target).startswith("self.")
                found = _kept(dotted(target), locals_, path if direct else [])
                if found:
                    return found
    return ""


def _index(call: ast.Call, project: Project) -> str:
    """Return the position in the Sequential that a function returns, or an empty string."""
    parent = project.parents.get(call)
    if isinstance(parent, ast.Call) and callee(parent) == "Sequential" and call in parent.args:
        before = parent.args[: parent.args.index(call)]
        if isinstance(project.parents.get(parent), ast.Return):
            return "" if any(isinstance(one, ast.Starred) for one in before) else str(len(before))
    return ""


def _kept(name: str, locals_: dict[str, str], path: list[str]) -> str:
    base = name.removeprefix("self.") if name.startswith("self.") else locals_.get(name, "")
    return ".".join([base, *reversed(path)]) if base else ""


def _initialized(project: Project) -> dict[ast.ClassDef, Site]:
    """Return where the weights of each class are set by hand."""
    found: dict[ast.ClassDef, Site] = {}
    for call in project.calls:
        for info in _initializes(call, project):
            if info.is_network:
                found.setdefault(info.node, project.site(call))
    return found


def _initializes(call: ast.Call, project: Project) -> Iterator[Class]:
    name, func = callee(call), call.func
    if name == "apply" and isinstance(func, ast.Attribute) and call.args:
        applied = dotted(call.args[0]).lower()
        if "init" in applied or any(_sets_weights(node) for node in project.definitions(call.args[0])):
            yield from project.classes_of(func.value)
    elif isinstance(func, ast.Name) and "init" in name.lower() and call.args:
        if any(_sets_weights(node) for node in project.targets(call)):
            yield from project.classes_of(call.args[0])
    elif _draws(call):
        info = project.owner_class(call)
        if info is not None and _own_weights(call, info, project):
            yield info
        for parent, _ in project.around(call):
            if isinstance(parent, ast.For) and isinstance(parent.iter, ast.Call):
                walked = parent.iter.func
                if isinstance(walked, ast.Attribute) and walked.attr in ("modules", "parameters", "named_parameters"):
                    yield from project.classes_of(walked.value)


def _own_weights(call: ast.Call, info: Class, project: Project) -> bool:
    """Return whether a draw in a class reaches the weights of its own layers."""
    function = project.function(call)
    if function is None or function not in info.methods.values():
        return any(function is not None and node is function for node in ast.walk(info.node))
    return True


def _draws(call: ast.Call) -> bool:
    """nn.init.xavier_normal_(m.weight) or m.weight.data.normal_(0, 0.02); not a bias."""
    func, name = call.func, callee(call)
    if not isinstance(func, ast.Attribute) or not name.endswith("_"):
        return False
    if dotted(func.value).split(".")[-1] == "init" and call.args:
        return _is_weight(call.args[0])
    return name in _DRAWS and _is_weight(func.value)


def _is_weight(node: ast.expr) -> bool:
    names = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    names |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return bool(names & {"weight", "p", "param", "params", "w", "weight_ih", "kernel"}) and "bias" not in names


def _sets_weights(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) and _draws(inner) for inner in ast.walk(node))


def _built(project: Project, roles: Roles) -> list[Network]:
    """Return networks that a function builds from layers: def build_critic(): ... Dense(64) ... return Model(x, y)."""
    found = []
    for function, info in project.functions.items():
        part = roles.built_part(function)
        if not part or (info is not None and info.is_network):
            continue
        layers = _function_layers(function, project)
        if any(layer.learns for layer in layers):
            site = project.site(function)
            owner = project.owner(function)
            found.append(Network(site.place, site.quote, owner, function.name, part, "its name", layers))
    return found


def _function_layers(function: Function, project: Project) -> tuple[Layer, ...]:
    calls = [node for node in walk_own(function) if isinstance(node, ast.Call)]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    found = []
    for call in calls:
        kind = type_of(call, project)
        user = any(isinstance(node, ast.ClassDef) for node in project.definitions(call.func))
        if kind and not user:
            site = project.site(call)
            path = _index(call, project)
            told = gate(call, project)
            found.append(Layer(site.place, site.quote, site.owner, path, kind, normalizes(kind), learns(kind), told))
    return tuple(found)
