"""files -> read -> Run: the ways in which a training step can go without its gradient penalty."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import Function, callee, walk_own
from wganlint.read.source.flow import dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.steps import SHAPE, operand
from wganlint.source import PenaltySkip

_EMPTY = frozenset({"numel", "size", "shape", "len", "nelement", "any", "sum", "count_nonzero", "is_empty"})


class Skips:
    """Early returns, conditions and handlers around the penalties of the files."""

    def __init__(self, paths: Paths, penalties: Penalties) -> None:
        self.paths, self.penalties = paths, penalties

    def facts(self) -> tuple[PenaltySkip, ...]:
        """Return every way around a penalty."""
        found: list[PenaltySkip] = []
        for function in self.penalties.functions:
            found += self._early_returns(function)
        home = self.paths.project.function
        inline = [call for call in self.penalties.sources if home(call) not in self.penalties.functions]
        for node in [*self.penalties.calls(), *inline]:
            found += self._around(node)
        unique = {(skip.place, skip.kind): skip for skip in found}
        return tuple(sorted(unique.values(), key=lambda skip: skip.place))

    def _early_returns(self, function: Function) -> Iterator[PenaltySkip]:
        for node in walk_own(function):
            if not (isinstance(node, ast.Return) and node.value is not None and self._constant(node.value)):
                continue
            for parent, child in self.paths.project.around(node):
                if isinstance(parent, ast.ExceptHandler):
                    yield self._skip(parent, "except", _handler(parent, self.paths), node.value)
                    break
                if isinstance(parent, ast.If):
                    test = self.paths.project.text(parent.test)
                    condition = test if child in parent.body else f"not ({test})"
                    kind = self._kind(parent.test)
                    every = self._interval(parent.test)
                    if kind == "interval":
                        yield self._skip(node, kind, condition, node.value, every, self._last_skipped(parent.test))
                    else:
                        yield self._skip(node, kind, condition, node.value)
                    break

    def _kind(self, test: ast.expr) -> str:
        if self._interval(test) is not None or self._modulo(test) is not None:
            return "interval"
        for node in ast.walk(test):
            name = callee(node) if isinstance(node, ast.Call) else node.attr if isinstance(node, ast.Attribute) else ""
            if name in _EMPTY:
                return "empty"
        names = [dotted(node) for node in ast.walk(test) if isinstance(node, ast.Name | ast.Attribute)]
        low = {word for name in names for word in words.lowered(name)}
        if low & {"lambda", "weight", "gp", "lam", "gamma"}:
            return "zero weight"
        if low & {"empty", "count", "counts", "n", "num"}:
            return "empty"
        return "other"

    def _constant(self, node: ast.expr) -> bool:
        """torch.tensor(0.0), zeros(...), 0.0, x.new_zeros(()), also over a name and .to(device)."""
        if self.paths.values.number(node) is not None:
            return True
        if isinstance(node, ast.Call):
            if callee(node) in ("zeros", "new_zeros", "zeros_like", "new_tensor", "full"):
                return True
            if callee(node) in SHAPE | {"requires_grad_", "sum", "mean"}:
                inner = operand(node)
                return inner is not None and self._constant(inner)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return any((number := self.paths.values.number(side)) is not None and number.value == 0
                       for side in (node.left, node.right))  # fmt: skip
        return False

    def _skip(
        self, node: ast.AST, kind: str, condition: str, result: ast.expr | None = None,
        every: int | None = None, last: bool | None = None,
    ) -> PenaltySkip:  # fmt: skip
        site = self.paths.project.site(node)
        text = self.paths.project.text(result) if result is not None else ""
        return PenaltySkip(site.place, site.quote, site.owner, kind, condition, text, every, last)

    def _around(self, node: ast.AST) -> Iterator[PenaltySkip]:
        """Conditions around the call of a penalty that do not enclose the critic's own loss."""
        for parent, child in self.paths.project.around(node):
            match parent:
                case ast.If(test=test) if child in parent.body:
                    if self._holds_scores(parent.body, node):
                        return
                    yield from self._conditions(parent, test, None)
                case ast.IfExp(test=test, body=body, orelse=orelse) if child is body:
                    yield from self._conditions(parent, test, orelse)
                case ast.Try(handlers=handlers) if child in parent.body:
                    if self._holds_scores(parent.body, node):
                        return
                    for handler in handlers:
                        yield self._skip(handler, "except", _handler(handler, self.paths))

    def _conditions(self, node: ast.AST, test: ast.expr, result: ast.expr | None) -> Iterator[PenaltySkip]:
        """Yield the interval and the zero weight that a condition states, followed over names."""
        for part in self._parts(test):
            text = self.paths.project.text(part)
            modulo = self._modulo(part)
            if modulo is not None and self._interval(part) == 1:
                continue
            if modulo is not None:
                yield self._skip(node, "interval", text, result, self._interval(part), self._last_skipped(part))
                continue
            zero = self._weight_is_zero(part)
            if zero:
                yield self._skip(node, "zero weight", text, result)
            elif self._is_empty_test(part):
                yield self._skip(node, "empty", text, result)

    def _parts(self, test: ast.expr, depth: int = 4) -> Iterator[ast.expr]:
        match test:
            case ast.BoolOp(op=ast.And(), values=parts):
                for part in parts:
                    yield from self._parts(part, depth)
            case ast.Name() | ast.Attribute() if depth:
                held = [b.value for b in self.paths.project.holds(test) if isinstance(b.value, ast.expr)]
                if held and not isinstance(held[0], ast.Name | ast.Attribute | ast.Constant):
                    for value in held:
                        yield from self._parts(value, depth - 1)
                else:
                    yield test
            case _:
                yield test

    def _weight_is_zero(self, test: ast.expr) -> bool:
        match test:
            case ast.Compare(left=left, ops=[ast.Gt() | ast.NotEq()], comparators=[right]):
                zero = self.paths.values.number(right)
                weight = self.paths.values.number(left)
                return bool(zero and zero.value == 0 and weight and weight.value == 0)
            case ast.Name() | ast.Attribute():
                weight = self.paths.values.number(test)
                return weight is not None and weight.value == 0
        return False

    def _is_empty_test(self, test: ast.expr) -> bool:
        if not isinstance(test, ast.Compare | ast.Call):
            return False
        return self._kind(test) == "empty" and any(
            isinstance(node, ast.Compare)
            and (number := self.paths.values.number(node.comparators[0])) is not None
            and number.value in (0, 1)
            for node in ast.walk(test)
        )

    def _holds_scores(self, body: list[ast.stmt], penalty: ast.AST) -> bool:
        """Return whether a block also computes the critic's adversarial scores, so that it is a whole update."""
        inside = set(self.penalties.functions)
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and self.paths.roles.call_part(node) == "critic":
                    side = self.paths.roles.side(node.args[0]) if node.args else ""
                    if side == "fake" and self.paths.project.function(node) not in inside:
                        return True
        return False

    # -- intervals

    def _modulo(self, test: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """Return (counter, divisor) of `i % k == 0`, `not i % k`, `i % int(k) == 0`, `i % k != 0`."""
        for node in ast.walk(test):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and not isinstance(node.left, ast.Constant):
                return node.left, node.right
        return None

    def _interval(self, test: ast.expr) -> int | None:
        modulo = self._modulo(test)
        number = self.paths.values.number(modulo[1]) if modulo else None
        return int(number.value) if number is not None and 1 <= number.value < 1e9 else None

    def _last_skipped(self, test: ast.expr) -> bool | None:
        """Return whether the last critic substep goes without, for a counter over range(critic steps)."""
        modulo, every = self._modulo(test), self._interval(test)
        if modulo is None or every is None:
            return None
        for node in self.paths.upstream(modulo[0], calls=False):
            steps = self._range(node)
            if steps is not None:
                return (steps - 1) % every != 0
        for read in self._loop_counters(modulo[0]):
            return (read - 1) % every != 0
        return None

    def _loop_counters(self, counter: ast.expr, depth: int = 3) -> Iterator[int]:
        if depth == 0:
            return
        for binding in self.paths.project.holds(counter):
            if binding.how == "each":
                steps = self._range(binding.value)
                if steps is not None:
                    yield steps
            elif isinstance(binding.value, ast.arg):
                for value in self.paths.project.arguments(binding.value):
                    yield from self._loop_counters(value, depth - 1)

    def _range(self, node: ast.AST) -> int | None:
        if not (isinstance(node, ast.Call) and callee(node) in ("range", "xrange") and len(node.args) == 1):
            return None
        number = self.paths.values.number(node.args[0])
        return int(number.value) if number is not None and 1 <= number.value <= 200 else None


def _handler(node: ast.ExceptHandler, paths: Paths) -> str:
    return f"except {paths.project.text(node.type)}" if node.type is not None else "except"
