"""files -> read -> Run: where values come from and where they go: a score, a loss, a filled tensor."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import WRAPPERS, Function, callee
from wganlint.read.source.flow import FUNCTIONS
from wganlint.read.source.layers import kind_of_call
from wganlint.read.source.project import Project
from wganlint.read.source.roles import Roles
from wganlint.read.source.steps import keyword, operand, passes
from wganlint.read.source.values import Values

FAR = 400  # nodes looked at for one question
_NORMS = frozenset({"norm", "vector_norm", "sqrt", "square", "pow"})
_BACKWARD = frozenset({"backward", "manual_backward", "minimize", "gradient", "apply_gradients"})


class Paths:
    """Questions about the ways of values, over all files."""

    def __init__(self, project: Project, roles: Roles, values: Values) -> None:
        self.project, self.roles, self.values = project, roles, values
        self.score_nodes: set[ast.AST] = set()
        self.score_ends: set[ast.Call] = set()
        for node, (part, _) in roles.part.items():
            info = project.classes[node]
            forward = info.forward()
            if part == "critic" and forward is not None:
                self._score_way(forward)

    # -- backwards

    def back(self, node: ast.AST, *, reduce: bool = True, many: bool = True, calls: bool = True) -> list[ast.AST]:
        """Return the nodes whose value a node passes on: operands, bindings of a name, returns of a user's function."""
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            bindings = self.project.holds(node)
            if bindings:
                return [self.unpacked(b.value, b.item) for b in bindings if b.how in ("is", "part")]
        if isinstance(node, ast.arg):
            return list(self.project.arguments(node))
        steps: list[ast.AST] = list(passes(node, many=many, reduce=reduce))
        if isinstance(node, ast.Call) and not steps and calls and not self.roles.call_part(node):
            for function in self.project.targets(node):
                if function.name != "__init__":
                    steps += self.project.returned(function)
            steps += [known.body for known in self.project.definitions(node.func) if isinstance(known, ast.Lambda)]
        return steps

    def unpacked(self, value: ast.AST, item: int | None) -> ast.AST:
        """Return the item of a tuple, directly or as a user's function returns it; else the value itself."""
        if item is None:
            return value
        if isinstance(value, ast.Tuple | ast.List) and item < len(value.elts):
            return value.elts[item]
        if isinstance(value, ast.Call) and not self.roles.call_part(value):
            for function in self.project.targets(value):
                for result in self.project.returned(function):
                    if isinstance(result, ast.Tuple) and item < len(result.elts):
                        return result.elts[item]
        return value

    def upstream(self, start: ast.AST, stop: Callable[[ast.AST], bool] | None = None, **how: bool) -> Iterator[ast.AST]:
        """Yield the nodes that a value comes from, itself first; not beyond those where `stop` holds."""
        seen: set[ast.AST] = {start}
        queue = [start]
        while queue and len(seen) < FAR:
            node = queue.pop(0)
            yield node
            if stop is not None and stop(node):
                continue
            for before in self.back(node, **how):
                if before not in seen:
                    seen.add(before)
                    queue.append(before)

    def _score_way(self, forward: Function) -> None:
        """Collect the nodes between the last weights of a critic and what it returns."""
        queue: list[ast.AST] = [
            result.elts[0] if isinstance(result, ast.Tuple) and result.elts else result
            for result in self.project.returned(forward)
        ]
        seen: set[ast.AST] = set()
        order: dict[ast.AST, list[ast.AST]] = {}
        ends: list[ast.AST] = []
        while queue and len(seen) < FAR:
            node = queue.pop()
            if node in seen:
                continue
            seen.add(node)
            before: list[ast.AST] = []
            if isinstance(node, ast.Call) and kind_of_call(node, self.project):
                kind = kind_of_call(node, self.project)
                self.score_ends.add(node)
                inner = [r for f in self.project.targets(node) for r in self.project.returned(f)]
                before = [r.elts[0] if isinstance(r, ast.Tuple) and r.elts else r for r in inner]
                if kind == "plain" and node.args:
                    before.append(node.args[0])
                elif not before or kind == "learned":
                    ends.append(node)
            elif isinstance(node, ast.arg):  # a helper's parameter: on to what its own class passes
                home = self.project.owner_class(node)
                before = [one for one in self.project.arguments(node) if self.project.owner_class(one) is home]
            else:
                before = self.back(node, many=False)
            for one in before:
                order.setdefault(one, []).append(node)
            queue.extend(before)
        while ends:  # keep what leads from weights to the result
            node = ends.pop()
            if node not in self.score_nodes:
                self.score_nodes.add(node)
                ends.extend(order.get(node, ()))

    def is_score(self, node: ast.AST) -> bool:
        """Return whether a node is on the way of the critic's score."""
        if node in self.score_nodes:
            return True
        return any(binding.value in self.score_nodes for binding in self.project.holds(node))

    def from_gradient(self, node: ast.AST) -> bool:
        """Return whether a value comes from autograd.grad or a tape's gradient."""
        return any(is_gradient(one) for one in self.upstream(node, is_gradient))

    def from_gradient_norm(self, node: ast.AST) -> bool:
        """Return whether a value comes from the norm of such a gradient."""
        return any(
            (isinstance(one, ast.Call) and callee(one) in _NORMS)
            or (isinstance(one, ast.BinOp) and isinstance(one.op, ast.Pow))
            for one in self.upstream(node, is_gradient)
        ) and self.from_gradient(node)

    def critic_values(self, node: ast.AST) -> str:
        """Return "score" for what a critic's call gives, "loss" for a reduction of it, else an empty string."""

        def stop(one: ast.AST) -> bool:
            return isinstance(one, ast.Call) and bool(self.roles.call_part(one) or _nonlinear(one))

        for one in self.upstream(node, stop, reduce=False, many=False):
            if isinstance(one, ast.Call) and self.roles.call_part(one) == "critic":
                return "score"
        for one in self.upstream(node, stop, many=False):
            if isinstance(one, ast.Call) and self.roles.call_part(one) == "critic":
                return "loss"
        return ""

    def from_layer(self, node: ast.AST) -> bool:
        """Return whether a value comes from weights within its network."""
        return any(isinstance(one, ast.Call) and self.roles.learned(one) for one in self.upstream(node, self._learned))

    def _learned(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and self.roles.learned(node)

    def is_hinge(self, call: ast.Call, value: ast.AST) -> bool:
        """Return whether a clamp at 0 is the hinge itself: clamp(1 - score, min=0)."""
        low, high = keyword(call, "min"), keyword(call, "max")
        lows = [low, *call.args] if high is None else []
        zero = any((number := self.values.number(one)) is not None and number.value == 0 for one in lows if one)
        return zero and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub)

    def networks_of(self, node: ast.AST) -> tuple[ast.AST, ...]:
        """Return the classes, or the functions that build it, behind a network object."""
        classes = [info.node for info in self.project.classes_of(node) if info.is_network]
        return tuple(classes or self.builders_of(node))

    def builders_of(self, node: ast.AST) -> list[Function]:
        """Return the functions that make a network: `critic = make_critic(64)`, `self.critic = self.build_critic()`."""
        found: list[Function] = []
        for made in self.project.definitions(node):
            while isinstance(made, ast.Call) and not self.project.targets(made) and callee(made) in WRAPPERS:
                inner = operand(made)
                made = next(iter(self.project.definitions(inner)), made.func) if inner is not None else made.func
            if isinstance(made, ast.Call):
                found += [one for one in self.project.targets(made) if one.name != "__init__" and one not in found]
        return found

    # -- onwards

    def onward(self, node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
        """Yield (next node, how) one step on: "into" the expression around, "name", "result", "argument"."""
        parent = self.project.parents.get(node)
        for read, binding in self.project.users(node):
            if binding.how in ("is", "part", "each"):
                yield read, "name"
        if isinstance(parent, ast.Return):
            function = self.project.function(parent)
            for call in self.project.callers.get(function, ()) if function is not None else ():
                yield call, "result"
        elif isinstance(parent, ast.Tuple | ast.List) and isinstance(self.project.parents.get(parent), ast.Return):
            yield from self._item_results(node, parent)
        elif isinstance(parent, ast.keyword):
            around = self.project.parents.get(parent)
            if isinstance(around, ast.Call):
                yield from self._into_call(node, around)
        elif isinstance(parent, ast.Call):
            yield from self._into_call(node, parent)
        elif isinstance(parent, ast.Attribute) and (method := self._called(parent)) is not None:
            yield method, "into"
        elif isinstance(parent, ast.expr):
            yield parent, "into"

    def _called(self, method: ast.Attribute) -> ast.Call | None:
        parent = self.project.parents.get(method)
        return parent if isinstance(parent, ast.Call) and parent.func is method else None

    def _into_call(self, node: ast.AST, call: ast.Call) -> Iterator[tuple[ast.AST, str]]:
        targets = () if self.roles.call_part(call) else self.project.targets(call)
        for function in targets:
            for parameter, value in self.project.passed(call, function):
                if value is node:
                    yield parameter, "argument"
        if not targets:
            yield call, "into"

    def _item_results(self, node: ast.AST, parent: ast.Tuple | ast.List) -> Iterator[tuple[ast.AST, str]]:
        number = next((i for i, one in enumerate(parent.elts) if one is node), None)
        function = self.project.function(parent)
        for call in self.project.callers.get(function, ()) if function is not None else ():
            for read, binding in self.project.readers.get(call, ()):
                if binding.item is None or binding.item == number:
                    yield read, "result"

    def downstream(self, start: ast.AST, through: Callable[[ast.AST, ast.AST], bool]) -> Iterator[ast.AST]:
        """Yield the nodes that a value reaches; `through(node, next)` says whether it survives an expression."""
        seen: set[ast.AST] = {start}
        queue = [start]
        while queue and len(seen) < FAR:
            node = queue.pop(0)
            for after, how in self.onward(node):
                if after in seen:
                    continue
                seen.add(after)
                yield after
                if how != "into" or through(node, after):
                    queue.append(after)

    def trains(self, node: ast.AST) -> bool:
        """Return whether a value ends in a backward call, or is returned as a loss."""

        def through(before: ast.AST, after: ast.AST) -> bool:
            return before in passes(after) or isinstance(after, ast.Attribute)

        for after in self.downstream(node, through):
            if isinstance(after, ast.Call) and callee(after) in _BACKWARD | {"scale"}:
                return True
        function = self.project.function(node)
        return function is not None and bool(words.lowered(function.name) & {"loss"})

    def feeds_layer(self, node: ast.AST) -> bool:
        """Return whether a value goes on into weights."""

        def through(before: ast.AST, after: ast.AST) -> bool:
            return before in passes(after) or isinstance(after, ast.Tuple | ast.List)

        return any(self._learned(after) for after in self.downstream(node, through))

    # -- circumstances

    def idle(self, node: ast.AST) -> bool:
        """Return whether code runs without gradients: in `with torch.no_grad()` or a function decorated so."""
        for parent, _ in self.project.around(node):
            if isinstance(parent, ast.With | ast.AsyncWith):
                if any(_is_no_grad(item.context_expr) for item in parent.items):
                    return True
            elif isinstance(parent, FUNCTIONS) and any(_is_no_grad(one) for one in parent.decorator_list):
                return True
        return False

    def one_file(self, nodes: list[ast.AST]) -> list[ast.AST]:
        """Return nodes in the order of the source."""
        return sorted(nodes, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))


def is_gradient(node: ast.AST) -> bool:
    """Return whether a node is a call of autograd.grad or tape.gradient (or K.gradients)."""
    if not isinstance(node, ast.Call):
        return False
    name = callee(node)
    if name != "grad" and name.endswith("grad") and any(known.arg == "grad_outputs" for known in node.keywords):
        return True  # from torch.autograd import grad as torch_grad
    if name == "grad":
        base = node.func.value if isinstance(node.func, ast.Attribute) else None
        return base is None or callee(base) in ("autograd", "torch")
    return name in ("gradient", "gradients", "batch_jacobian") and bool(node.args or node.keywords)


def _is_no_grad(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and callee(node) == "set_grad_enabled" and node.args:
        return isinstance(node.args[0], ast.Constant) and node.args[0].value is False
    return callee(node) in ("no_grad", "inference_mode")


def _nonlinear(call: ast.Call) -> bool:
    return callee(call) in ("log", "softplus", "sigmoid", "exp", "relu", "log1p", "logsigmoid", "sqrt")
