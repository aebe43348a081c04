"""files -> read -> Run: where the files switch the gradients of a network off and on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from wganlint.read.source.classes import callee
from wganlint.read.source.paths import Paths
from wganlint.read.source.trained import Net, Optimizers

_HELPERS = frozenset({"requires_grad", "set_requires_grad", "toggle_grad", "freeze", "unfreeze", "toggle_optimizer",
                      "untoggle_optimizer", "set_grad", "requires_gradient", "freeze_model", "unfreeze_model",
                      "set_trainable", "reset_requires_grad", "frozen_params", "free_params", "make_trainable",
                      "peel_model_grad", "change_grad", "toggle_model"})  # fmt: skip
_OFF = frozenset({"freeze", "freeze_model", "frozen_params"})
_ON = frozenset({"unfreeze", "unfreeze_model", "free_params"})


class Freeze(Struct, frozen=True, eq=False):
    """Gradients of a network (None: not told which) are switched `on`, off, or (None) either."""

    node: ast.AST
    net: Net | None
    on: bool | None


class Freezes:
    """All such places."""

    def __init__(self, paths: Paths, optimizers: Optimizers) -> None:
        self.paths, self.project, self.optimizers = paths, paths.project, optimizers
        self.all = tuple(self._find())

    def _find(self) -> Iterator[Freeze]:
        for call in self.project.calls:
            name = callee(call)
            if name == "requires_grad_" and isinstance(call.func, ast.Attribute):
                net = self.optimizers.net(call.func.value)
                on = self.paths.values.literal(call.args[0]) if call.args else True
                if net.part:
                    yield Freeze(call, net, on)
                elif isinstance(call.func.value, ast.Name):
                    yield from self._of_loop(call, call.func.value, on)
            elif name in _HELPERS:
                yield from self._of_helper(call, name)
        for node in self.project.by_class["Assign"]:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Attribute):
                continue
            target = node.targets[0]
            if target.attr == "requires_grad":
                yield from self._of_loop(node, target.value, self.paths.values.literal(node.value))
            elif target.attr == "trainable":
                yield Freeze(node, self.optimizers.net(target.value), self.paths.values.literal(node.value))

    def _of_loop(self, node: ast.AST, weight: ast.expr, on: bool | None) -> Iterator[Freeze]:
        """`for p in netD.parameters(): p.requires_grad = False`; a tensor's own flag is no freeze."""
        for binding in self.project.holds(weight):
            if binding.how != "each":
                continue
            nets = self.optimizers.nets(binding.value)
            if nets is None:
                yield Freeze(node, None, on)
            for net in nets or ():
                function = self.project.function(node)
                if function is not None and function.name in _HELPERS:
                    continue  # its calls count
                yield Freeze(node, net if net.part else None, on)

    def _of_helper(self, call: ast.Call, name: str) -> Iterator[Freeze]:
        states = [self.paths.values.literal(value) for value in [*call.args, *(known.value for known in call.keywords)]]
        told = [state for state in states if state is not None]
        on = told[0] if len(told) == 1 else False if name in _OFF else True if name in _ON else None
        nets = [self.optimizers.net(value) for argument in call.args for value in _each(argument)]
        named = [net for net in nets if net.part]
        for net in named:
            yield Freeze(call, net, on)
        if not named:
            yield Freeze(call, None, on)

    def touches(self, part: str) -> bool:
        """Return whether gradients of a part may be off at times."""
        return any(freeze.net is None or freeze.net.part == part for freeze in self.all)


def _each(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.List | ast.Tuple) else [node]
