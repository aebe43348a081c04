"""files -> read -> Run: what the generator is fed in training, where that is one constant instead of noise."""

from __future__ import annotations

import ast

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.losses import Losses
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import operand
from wganlint.source import Noise

_FILLS = frozenset({"zeros", "ones", "full", "new_zeros", "new_ones", "new_full"})
_KEEPS = words.listed(
    "to cuda cpu float double half view reshape expand repeat detach requires_grad_ type contiguous unsqueeze squeeze "
    "clone Variable tensor as_tensor from_numpy constant astype convert_to_tensor stack cat"
)
DEPTH = 8


def noises(paths: Paths, losses: Losses) -> tuple[Noise, ...]:
    """Return the constants that the generator is fed for its own loss (of loops that hide it: for every critic call).

    Nothing where one such call has an input that is not surely constant: drawn at random, loaded, changed in place, or
    given by who calls.
    """
    own = [call for call, _ in losses.generator_calls]
    critics = own or [call for call in paths.project.calls if paths.roles.call_part(call) == "critic"]
    feeding: dict[ast.Call, None] = {}
    for call in critics:
        for arg in call.args:
            for node in paths.upstream(arg):
                if isinstance(node, ast.Call) and paths.roles.call_part(node) == "generator":
                    feeding[node] = None
    found: dict[ast.Call, None] = {}
    for call in feeding:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        sources = [_constant(arg, paths, DEPTH) for arg in given]
        if not given or any(source is None for source in sources):
            return ()
        found |= dict.fromkeys(one for source in sources for one in source or ())
    made = []
    for call in found:
        site = paths.project.site(call)
        made.append(Noise(site.place, site.quote, site.owner, dotted(call.func) or callee(call)))
    return tuple(sorted(made, key=lambda noise: noise.place))


def _constant(node: ast.AST, paths: Paths, depth: int) -> tuple[ast.Call, ...] | None:
    """Return the calls that make the constant which a value surely is, or None."""
    if depth <= 0:
        return None
    match node:
        case ast.Call() if callee(node) in _FILLS:
            return (node,)
        case ast.Call() if callee(node) in _KEEPS:
            inner = operand(node)
            return _constant(inner, paths, depth - 1) if inner is not None else None
        case ast.Call() if not paths.roles.call_part(node):
            results = [one for function in paths.project.targets(node) for one in paths.project.returned(function)]
            return _all(results, paths, depth)
        case ast.Name() | ast.Attribute():
            bindings = paths.project.holds(node)
            if not bindings or any(binding.how != "is" for binding in bindings) or _changed(node, paths):
                return None
            return _all([binding.value for binding in bindings], paths, depth)
        case ast.arg():
            return _all(list(paths.project.arguments(node)), paths, depth)
        case ast.BinOp(left=left, right=right):
            sides = [side for side in (left, right) if not isinstance(side, ast.Constant)]
            return _all(list(sides), paths, depth)
    return None


def _all(nodes: list[ast.AST] | list[ast.expr], paths: Paths, depth: int) -> tuple[ast.Call, ...] | None:
    found: list[ast.Call] = []
    for node in nodes:
        one = _constant(node, paths, depth - 1)
        if one is None:
            return None
        found += one
    return tuple(found) or None


def _changed(node: ast.Name | ast.Attribute, paths: Paths) -> bool:
    """Return whether a tensor of this name is filled in place anywhere: z.normal_(), z[...] = x, randn(out=z)."""
    name = dotted(node)
    if not name:
        return True
    for call in paths.project.calls:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr.endswith("_") and func.attr != "requires_grad_":
            holder: ast.expr = func.value
            while isinstance(holder, ast.Call | ast.Attribute | ast.Subscript) and dotted(holder) != name:
                holder = holder.func if isinstance(holder, ast.Call) else holder.value
            if dotted(holder) == name:
                return True
        if any(keyword.arg == "out" and dotted(keyword.value) == name for keyword in call.keywords):
            return True
    return any(
        isinstance(target, ast.Subscript) and dotted(target.value) == name
        for statement in (*paths.project.by_class["Assign"], *paths.project.by_class["AugAssign"])
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])  # type: ignore[attr-defined]
    )
