"""files -> read -> Run: named defaults that matter for a (W)GAN: options, parameters, constants."""

from __future__ import annotations

import ast

from wganlint.read.source import words
from wganlint.read.source.classes import parameter_defaults
from wganlint.read.source.flow import FUNCTIONS
from wganlint.read.source.paths import Paths
from wganlint.source import Default

_WORDS = frozenset({"lr", "momentum", "beta", "betas", "beta1", "beta2", "b1", "b2", "lambda", "lam", "gp", "lambd",
                    "optimizer", "optim", "clip", "clamp", "gamma", "lrd", "lrg", "adam", "bound"})  # fmt: skip
_PAIRS = ({"learning", "rate"}, {"batch", "size"}, {"critic", "steps"}, {"critic", "iters"}, {"n", "critic"},
          {"penalty", "weight"}, {"critic", "iter"}, {"d", "steps"}, {"num", "d", "steps"}, {"disc", "iters"},
          {"penalty", "coefficient"}, {"gradient", "penalty"}, {"gp", "weight"}, {"d", "reg", "every"},
          {"critic", "iterations"}, {"reg", "interval"}, {"n", "dis"}, {"k", "critic"})  # fmt: skip
_WHOLE = words.listed("b1 b2 r1 batchSize Diters n_critic ncritic num_D_steps batchsize CRITIC_ITERS bs")


def defaults(paths: Paths) -> tuple[Default, ...]:
    """Return the defaults for rates, momentum, penalty weight, critic steps, batch size, clips and the optimizer."""
    found: list[Default] = []
    for options in paths.values.options.values():
        for option in options:
            if option.value is not None and _matters(option.name):
                found.append(_default(option.node, option.name, option.value, option.kind, paths))
    for function in paths.project.functions:
        if _is_layer_code(function, paths):
            continue
        for parameter, value in parameter_defaults(function):
            if _matters(parameter.arg) and _is_literal(value, paths):
                found.append(_default(parameter, parameter.arg, value, "parameter", paths))
    for node in paths.project.by_class["Assign"]:
        assert isinstance(node, ast.Assign)
        if len(node.targets) != 1 or not _is_constant_place(node, paths):
            continue
        target = node.targets[0]
        name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
        if _matters(name) and _is_literal(node.value, paths):
            found.append(_default(node, name, node.value, "constant", paths))
    return tuple(sorted(set(found), key=lambda default: (default.place, default.name)))


def _default(node: ast.AST, name: str, value: ast.expr, kind: str, paths: Paths) -> Default:
    site = paths.project.site(node)
    number = paths.values.number(value)
    text = str(value.value) if isinstance(value, ast.Constant) else paths.project.text(value)
    return Default(site.place, site.quote, site.owner, name, text, number.value if number else None, kind)


def _matters(name: str) -> bool:
    low = words.lowered(name.replace("beta1", "beta_1"))
    return bool(low & _WORDS) or name in _WHOLE or any(pair <= low for pair in _PAIRS)


def _is_literal(node: ast.expr, paths: Paths) -> bool:
    match node:
        case ast.Constant(value=value):
            return value is not None and not isinstance(value, bool)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return bool(parts) and all(isinstance(part, ast.Constant) for part in parts)
    return not isinstance(node, ast.Name | ast.Attribute) and paths.values.number(node) is not None


def _is_constant_place(node: ast.Assign, paths: Paths) -> bool:
    """A module constant, or `self.lambda_term = 10` in a constructor."""
    target = node.targets[0]
    scope = paths.project.scope(node)
    if isinstance(target, ast.Name):
        return isinstance(scope, ast.Module) and isinstance(paths.project.parents.get(node), ast.Module | ast.If)
    return isinstance(scope, FUNCTIONS) and scope.name == "__init__" and isinstance(target, ast.Attribute)


def _is_layer_code(function: ast.FunctionDef | ast.AsyncFunctionDef, paths: Paths) -> bool:
    info = paths.project.functions.get(function)
    return (
        info is not None
        and info.is_network
        and paths.roles.part[info.node][0] == "other"
        and (function.name == "forward")
    )
