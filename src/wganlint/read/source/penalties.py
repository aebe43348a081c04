"""files -> read -> Run: gradient penalties, and the ways in which a step can go without one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import Class, Function, callee, walk_own
from wganlint.read.source.flow import dotted
from wganlint.read.source.gates import gate_of_calls
from wganlint.read.source.mixing import input_rank, mixing, static_rank
from wganlint.read.source.paths import Paths, is_gradient
from wganlint.read.source.pooling import pooled
from wganlint.read.source.slopes import slope
from wganlint.read.source.steps import keyword, passes
from wganlint.read.source.values import Number
from wganlint.source import Penalty

_NORMED = frozenset({"norm", "square", "pow", "sqrt", "vector_norm", "reduce_sum", "einsum", "pow_"})
_EMPTY = frozenset({"numel", "size", "shape", "len", "nelement", "any", "sum", "count_nonzero", "is_empty"})


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
        function = project.function(call)
        named = function is not None and _named(function)
        scored = any(
            isinstance(one, ast.Call) and self.paths.roles.call_part(one) == "critic"
            for one in self.paths.upstream(outputs)
        )
        generated = any(
            isinstance(one, ast.Call) and self.paths.roles.call_part(one) == "generator"
            for one in self.paths.upstream(
                outputs, lambda one: isinstance(one, ast.Call) and bool(self.paths.roles.call_part(one))
            )
        )
        if (generated or not scored) and not named:
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
        if _named(function):
            return True
        returns = self.paths.project.returned(function)
        attributes = {node.attr for node in walk_own(function) if isinstance(node, ast.Attribute)}
        whole = any(isinstance(node, ast.Call) and self.paths.roles.call_part(node) == "generator"
                    for node in walk_own(function))  # fmt: skip
        whole = whole or bool(attributes & {"backward", "step"})
        return not whole and any(self.paths.from_gradient(one) for one in returns)

    def calls(self) -> Iterator[ast.Call]:
        """Yield the calls of the functions that compute a penalty."""
        for function in self.functions:
            yield from self.paths.project.callers.get(function, ())

    # -- facts

    def facts(self) -> tuple[Penalty, ...]:
        """Return every penalty with its weight."""
        return tuple(sorted(map(self._fact, self.sources), key=lambda penalty: penalty.place))

    def _fact(self, call: ast.Call) -> Penalty:
        site = self.paths.project.site(call)
        weight, text = self._weight(call)
        way, mixed, critics = slope(call, self.paths), mixing(call, self.paths), self.critics(call)
        ranks = {input_rank(info, self.paths) for info in critics}
        nodes: list[ast.AST] = [info.node for info in critics]
        if not critics:
            ranks = {static_rank(one, self.paths) for one in self.scored(call)}
            nodes += self.builders(call)
        rank = mixed.rank or way.rank or (ranks.pop() if len(ranks) == 1 else None)
        return Penalty(
            site.place, site.quote, site.owner, self._create_graph(call), weight.value if weight else None, text,
            way.used, way.cut, way.masked, way.norms, tuple(self.paths.project.site(node) for node in nodes),
            mixed.kind, mixed.site, rank, pooled(way.norms, rank, critics, call, self.paths),
            gate_of_calls(call, self.paths.project),
        )  # fmt: skip

    def scored(self, call: ast.Call) -> list[ast.Call]:
        """Return the critic's calls whose score is differentiated."""
        outputs = keyword(call, "outputs", "target", "loss", "ys") or (call.args[0] if call.args else None)
        if isinstance(outputs, ast.List | ast.Tuple) and outputs.elts:
            outputs = outputs.elts[0]
        ways = self.paths.upstream(outputs) if outputs is not None else ()
        calls = [one for one in ways if isinstance(one, ast.Call)]
        return [one for one in calls if self.paths.roles.call_part(one) == "critic"]

    def builders(self, call: ast.Call) -> list[Function]:
        """Return the functions that build the network whose score is differentiated: critic = make_critic()."""
        made = [known for one in self.scored(call) for known in self._made(one.func)]
        found = dict.fromkeys(node for known in made for node in self.paths.project.targets(known))
        return [node for node in found if self.paths.roles.built_part(node) == "critic"]

    def _made(self, node: ast.AST, depth: int = 6) -> Iterator[ast.Call]:
        """Yield the calls that make what an expression holds, through parameters too."""
        project = self.paths.project
        match node:
            case ast.Call():
                yield node
            case ast.arg() if depth:
                for given in project.arguments(node):
                    yield from self._made(given, depth - 1)
            case ast.Name() | ast.Attribute() if depth:
                for binding in project.holds(node):
                    if binding.how == "is":
                        yield from self._made(binding.value, depth - 1)

    def critics(self, call: ast.Call) -> list[Class]:
        """Return the classes of the network whose score is differentiated; else the only critic of the file."""
        project, roles = self.paths.project, self.paths.roles
        found: list[Class] = []
        for one in self.scored(call):
            found += [info for info in project.classes_of(one.func) if info.is_network and info not in found]
        if not found:
            code = project.code(call)
            found = [project.classes[node] for node, (part, _) in roles.part.items()
                     if part == "critic" and project.classes[node].code is code]  # fmt: skip
            found = found if len(found) == 1 else []
        return found

    def _create_graph(self, call: ast.Call) -> bool | None:
        if not callee(call).endswith("grad"):
            return self._recorded(call)
        given = keyword(call, "create_graph")
        if given is None and len(call.args) > 4:
            given = call.args[4]
        if given is None:
            return None if any(known.arg is None for known in call.keywords) else False
        return self.paths.values.literal(given)

    def _recorded(self, call: ast.Call) -> bool | None:
        """Return False where a tape's gradient is taken outside of all other tapes: nothing records the penalty."""
        tape = call.func.value if isinstance(call.func, ast.Attribute) else None
        made = [one.value for one in self.paths.project.holds(tape) if one.how == "with"] if tape is not None else []
        if not made or any(callee(one) != "GradientTape" for one in made):
            return None  # a static graph has all of it
        home = self.paths.project.function(call)
        callers = list(self.paths.project.callers.get(home, ())) if home is not None else []
        if home in self.functions and not callers:
            return None
        chain = [call, *callers]
        for one in callers:
            above = self.paths.project.function(one)
            chain += self.paths.project.callers.get(above, ()) if above is not None else ()
        if any(self._taped(one, made) for one in chain):
            return True
        return False if any(self._steps(one, made) for one in chain) else None

    def _steps(self, node: ast.AST, own: list[ast.AST]) -> bool:
        """Return whether the training step itself is in sight: its tape, or an optimizer, stands in the same scope."""
        for one in ast.walk(self.paths.project.scope(node)):
            if isinstance(one, ast.Call) and one not in own and callee(one) in ("GradientTape", "apply_gradients"):
                return True
        return False

    def _taped(self, node: ast.AST, own: list[ast.AST]) -> bool:
        for parent, child in self.paths.project.around(node):
            if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body:
                tapes = [item.context_expr for item in parent.items]
                if any(callee(one) == "GradientTape" and one not in own for one in tapes):
                    return True
        return False

    def _weight(self, call: ast.Call) -> tuple[Number | None, str]:
        """Return the factor that the penalty gets on its way into the loss."""
        starts: list[ast.AST] = [call]
        function = self.paths.project.function(call)
        if function in self.functions:
            starts += list(self.paths.project.callers.get(function, ()))

        def through(before: ast.AST, after: ast.AST) -> bool:
            return before in passes(after) or isinstance(after, ast.Attribute | ast.Subscript | ast.Tuple)

        factors: list[tuple[int, Number | None, str]] = []
        for start in starts:
            for after in [start, *self.paths.downstream(start, through)]:
                factor = self._factor(after)
                if factor is not None:
                    number = self.paths.values.number(factor)
                    named = bool(
                        words.lowered(dotted(factor).split(".")[-1])
                        & {"lambda", "gp", "weight", "lam", "penalty", "term", "gamma", "coef", "coeff", "c", "lambd"}
                    )
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


def _named(function: Function) -> bool:
    """Return whether a function is called a penalty: gradient_penalty, calc_gp, grad_pen, r1_loss."""
    return words.is_penalty(function.name) or words.lowered(function.name) >= {"grad", "pen"}


def _trains_weights(inputs: ast.expr | None) -> bool:
    """Return whether a gradient is taken by weights (an update step), not by an input."""
    for node in ast.walk(inputs) if inputs is not None else ():
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in ("trainable_variables", "trainable_weights", "parameters", "variables", "weights", "params"):
            return True
    return False
