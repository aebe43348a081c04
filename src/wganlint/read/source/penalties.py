"""files -> read -> Run: gradient penalties, and the ways in which a step can go without one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.paths import Paths, is_gradient
from wganlint.read.source.project import Function, callee, walk_own
from wganlint.read.source.steps import SHAPE, keyword, operand, passes
from wganlint.read.source.values import Number
from wganlint.source import Penalty, PenaltySkip

_NORMED = frozenset({"norm", "square", "pow", "sqrt", "vector_norm", "reduce_sum", "einsum", "pow_"})
_EMPTY = frozenset({"numel", "size", "shape", "len", "nelement", "any", "sum", "count_nonzero", "is_empty"})
_NAMED = frozenset({"penalty", "gp", "r1", "lipschitz", "gradpen", "r2"})


class Penalties:
    """The penalties of the files: the gradient calls, their functions and the calls of these."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.sources = [call for call in paths.project.calls if is_gradient(call) and self._is_penalty(call)]
        homes = [paths.project.function(call) for call in self.sources]
        self.functions: list[Function] = []
        for home in homes:
            if home is not None and home not in self.functions and self._gives_penalty(home):
                self.functions.append(home)

    def _is_penalty(self, call: ast.Call) -> bool:
        """Return whether the critic's score is differentiated and the gradient is normed."""
        project = self.paths.project
        outputs = keyword(call, "outputs", "target", "loss") or (call.args[0] if call.args else None)
        inputs = keyword(call, "inputs", "sources") or (call.args[1] if len(call.args) > 1 else None)
        if isinstance(outputs, ast.List | ast.Tuple) and outputs.elts:
            outputs = outputs.elts[0]
        if outputs is None or _trains_weights(inputs):
            return False
        names = set()
        for parent, _ in project.around(call):
            if isinstance(parent, FUNCTIONS):
                names = set(words.lowered(parent.name))
        function = project.function(call)
        scored = any(
            isinstance(one, ast.Call) and self.paths.roles.call_part(one) == "critic"
            for one in self.paths.upstream(outputs)
        )
        generated = any(
            isinstance(one, ast.Call) and self.paths.roles.call_part(one) == "generator"
            for one in self.paths.upstream(outputs, lambda one: isinstance(one, ast.Call) and bool(
                self.paths.roles.call_part(one)))
        )
        if generated or not (scored or names & _NAMED or names >= {"grad", "pen"}):
            return False
        return self._normed(call, function)

    def _normed(self, call: ast.Call, function: Function | None) -> bool:
        def through(before: ast.AST, after: ast.AST) -> bool:
            return before in passes(after) or isinstance(after, ast.Attribute | ast.Subscript | ast.Tuple)

        for after in self.paths.downstream(call, through):
            if isinstance(after, ast.Call) and callee(after) in _NORMED:
                return True
            if isinstance(after, ast.BinOp) and isinstance(after.op, ast.Pow):
                return True
        return False

    def _gives_penalty(self, function: Function) -> bool:
        """Return whether a function is there to compute the penalty (and not the whole training step)."""
        names = words.lowered(function.name)
        if names & _NAMED or names >= {"grad", "pen"}:
            return True
        returns = self.paths.project.returned(function)
        steps = any(isinstance(node, ast.Attribute) and node.attr in ("backward", "step") for node in walk_own(function))
        return bool(returns) and not steps and any(self.paths.from_gradient(one) for one in returns)

    def calls(self) -> Iterator[ast.Call]:
        """Yield the calls of the functions that compute a penalty."""
        for function in self.functions:
            yield from self.paths.project.callers.get(function, ())

    # -- facts

    def facts(self) -> tuple[Penalty, ...]:
        """Return every penalty with its weight."""
        found = []
        for call in self.sources:
            site = self.paths.project.site(call)
            graph = self._create_graph(call)
            weight, text = self._weight(call)
            found.append(Penalty(site.place, site.quote, site.owner, graph, weight.value if weight else None, text))
        return tuple(sorted(found, key=lambda penalty: penalty.place))

    def _create_graph(self, call: ast.Call) -> bool | None:
        if callee(call) != "grad":
            return None  # tapes record by themselves
        given = keyword(call, "create_graph")
        if given is None and len(call.args) > 4:
            given = call.args[4]
        if given is None:
            return None if any(known.arg is None for known in call.keywords) else False
        return self.paths.values.literal(given)

    def _weight(self, call: ast.Call) -> tuple[Number | None, str]:
        """Return the factor that the penalty gets on its way into the loss."""
        starts: list[ast.AST] = [call]
        function = self.paths.project.function(call)
        if function in self.functions:
            starts += list(self.paths.project.callers.get(function, ()))  # type: ignore[arg-type]

        def through(before: ast.AST, after: ast.AST) -> bool:
            return before in passes(after) or isinstance(after, ast.Attribute | ast.Subscript | ast.Tuple)

        factors: list[tuple[int, Number | None, str]] = []
        for start in starts:
            for after in [start, *self.paths.downstream(start, through)]:
                factor = self._factor(after)
                if factor is not None:
                    number = self.paths.values.number(factor)
                    named = bool(words.lowered(dotted(factor).split(".")[-1]) & {
                        "lambda", "gp", "weight", "lam", "penalty", "term", "gamma", "coef", "coeff", "c", "lambd"})
                    if named or (number is not None and number.value not in (0.5, 2.0, 1.0)):
                        factors.append((0 if named else 1, number, self.paths.project.text(factor)))
        factors.sort(key=lambda factor: factor[0])
        return (factors[0][1], factors[0][2]) if factors else (None, "")

    def _factor(self, node: ast.AST) -> ast.expr | None:
        """Return the other side of a product with a penalty, where that is a number or a name."""
        parent = self.paths.project.parents.get(node)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
            other = parent.left if parent.right is node else parent.right
            while isinstance(other, ast.BinOp) and isinstance(other.op, ast.Div):
                other = other.left
            if isinstance(other, ast.Name | ast.Attribute | ast.Constant | ast.Subscript):
                gradient = self.paths.from_gradient(other)
                return None if gradient else other
        return None

    # -- ways around

    def skips(self) -> tuple[PenaltySkip, ...]:
        """Return every way around a penalty."""
        found: list[PenaltySkip] = []
        for function in self.functions:
            found += self._early_returns(function)
        for node in [*self.calls(), *[c for c in self.sources if self.paths.project.function(c) not in self.functions]]:
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
            isinstance(node, ast.Compare) and (number := self.paths.values.number(node.comparators[0])) is not None
            and number.value in (0, 1)
            for node in ast.walk(test)
        )

    def _holds_scores(self, body: list[ast.stmt], penalty: ast.AST) -> bool:
        """Return whether a block also computes the critic's adversarial scores, so that it is a whole update."""
        inside = set(self.functions)
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


def _trains_weights(inputs: ast.expr | None) -> bool:
    """Return whether a gradient is taken by weights (an update step), not by an input."""
    for node in ast.walk(inputs) if inputs is not None else ():
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in ("trainable_variables", "trainable_weights", "parameters", "variables", "weights", "params"):
            return True
    return False


def _handler(node: ast.ExceptHandler, paths: Paths) -> str:
    return f"except {paths.project.text(node.type)}" if node.type is not None else "except"
