"""files -> read -> Run: the scores in a loss formula, each with its sign and side, by expanding names and calls."""

from __future__ import annotations

import ast

from msgspec import Struct
from msgspec.structs import replace

from wganlint.read.source import words
from wganlint.read.source.classes import Function, callee
from wganlint.read.source.flow import Binding, dotted
from wganlint.read.source.layers import constructors
from wganlint.read.source.paths import Paths, is_gradient
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.steps import SHAPE, keyword, operand, rest
from wganlint.read.source.ways import Scope, Ways

_BCE = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits", "BCELoss", "BCEWithLogitsLoss",
                  "BinaryCrossentropy", "sigmoid_cross_entropy_with_logits", "binary_crossentropy"})  # fmt: skip
_LOGITS = frozenset({"binary_cross_entropy_with_logits", "BCEWithLogitsLoss", "sigmoid_cross_entropy_with_logits"})
_SQUARED = frozenset({"mse_loss", "MSELoss", "mean_squared_error", "MeanSquaredError"})
SAME = SHAPE | frozenset({"mean", "sum", "reduce_mean", "reduce_sum", "mul", "div", "add_n", "nanmean", "detach",
                           "nan_to_num", "clamp", "all_reduce", "unwrap", "clip"})  # fmt: skip
_SCORES = frozenset({"score", "scores", "logit", "logits", "pred", "validity", "output", "out", "d", "D", "dis", "disc",
                     "critic", "predictions", "prediction", "preds", "value", "err", "adv"})  # fmt: skip


SQUASHES = words.listed(
    "tanh sigmoid softsign hardsigmoid hard_sigmoid hardtanh Tanh Sigmoid Softsign Hardsigmoid Hardtanh"
)
SMALL = 0.01  # a factor up to this makes a drift term
_DRIFT = frozenset({"drift", "eps", "epsilon"})
_BESIDE = words.listed(
    "CrossEntropyLoss cross_entropy L1Loss l1_loss NLLLoss nll_loss SmoothL1Loss smooth_l1_loss kl_div KLDivLoss "
    "cosine_similarity"
)
_LOADERS = words.listed("loader dataloader dataset data batches train iterator trainloader")
TOP = 12  # levels of names and calls that one formula is followed


class Term(Struct, frozen=True):
    """One score in a loss: the sign of its influence, its side, how it enters, and the critic's call or the name."""

    sign: int
    side: str  # "real", "fake", "score" (not told) or "penalty"
    family: str
    node: ast.AST
    logits: bool = False  # a cross-entropy that applies the sigmoid itself
    scaled: bool = False  # it has a factor whose value is not told
    target: float | None = None  # the label that it is pulled to
    squash: ast.Call | None = None  # where it is bounded on its way into the loss


class Terms:
    """Expands loss formulas over the files."""

    def __init__(self, paths: Paths, penalties: Penalties) -> None:
        self.paths, self.penalties = paths, penalties
        self.project, self.roles = paths.project, paths.roles
        self.ways = Ways(paths)
        self.forked = False  # the last formula had two ways that pull differently
        self.budget = 0  # expressions still to be looked at for one formula
        self.followed: set[Function] = set()  # loss functions that some formula went through

    def of(self, node: ast.AST, sign: int, scope: Scope, depth: int, family: str = "wgan") -> list[Term]:
        """Return the scores in an expression that is minimized with this sign."""
        self.budget = 3000 if depth >= TOP else self.budget - 1
        self.forked = False if depth >= TOP else self.forked
        if depth <= 0 or self.budget < 0:
            return []
        if self._is_penalty(node):
            return [Term(sign, "penalty", "", node)]
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self.of(inner, -sign, scope, depth, family)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self.of(left, sign, scope, depth, family) + self.of(right, sign, scope, depth, family)
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return self.of(left, sign, scope, depth, family) + self.of(right, -sign, scope, depth, family)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return self._product(left, right, sign, scope, depth, family)
            case ast.BinOp(op=ast.Div(), left=left):
                return self.of(left, sign, scope, depth, family)
            case ast.BinOp(op=ast.Pow(), left=left):
                return self._squared(left, sign, scope, depth)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                flag = self.ways.flag(test, scope)
                if flag is not None:
                    return self.of(body if flag else orelse, sign, scope, depth - 1, family)
                first = self.of(body, sign, scope, depth - 1, family)
                second = self.of(orelse, sign, scope, depth - 1, family)
                self._compare(first, second)
                return first or second
            case ast.Subscript(slice=ast.Constant(value=str() as key)) if not words.lowered(key) & _SCORES:
                return []
            case ast.Subscript(value=value):
                return self.of(value, sign, scope, depth, family)
            case ast.Name() | ast.Attribute():
                return self._named(node, sign, scope, depth, family)
            case ast.arg():
                return self._parameter(node, sign, scope, depth, family)
            case ast.Call():
                return self._called(node, sign, scope, depth, family)
        return []

    def _is_penalty(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            if is_gradient(node):
                return True
            if any(function in self.penalties.functions for function in self.project.targets(node)):
                return True
            return words.is_penalty(callee(node)) and callee(node) not in ("mean",)
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            return words.is_penalty(name)
        return False

    def _product(self, left: ast.expr, right: ast.expr, sign: int, scope: Scope, depth: int, family: str) -> list[Term]:
        for factor, value in ((left, right), (right, left)):
            number = self.paths.values.number(factor)
            if words.lowered(dotted(factor)) & _DRIFT or (number is not None and abs(number.value) <= SMALL):
                return []  # 0 * score, or the drift term that keeps scores near 0
            if number is None and not isinstance(factor, ast.Call):
                number = self.ways.number(factor, scope)
            if number is not None:
                return self.of(value, sign if number.value > 0 else -sign, scope, depth, family)
            if self.ways.depends(factor, scope) and self.of(value, sign, scope, depth, family):
                self.forked = True  # a factor that the caller chooses may turn the sign
        for value in (right, left):
            terms = self.of(value, sign, scope, depth, family)
            if terms:
                return [replace(term, scaled=True) for term in terms]
        return []

    def _squared(self, base: ast.expr, sign: int, scope: Scope, depth: int) -> list[Term]:
        """(D(x) - 1)^2 pulls the score up to 1, D(x)^2 down to 0."""
        inner, target = self._shifted(base, scope)
        if target is None:  # not told; or one score against another, as relativistic losses do
            return [Term(0, "opaque", "", base)]
        terms = self.of(inner, sign, scope, depth, "lsgan")
        if terms and all(term.side == "penalty" for term in terms):
            return terms
        if target == 0 and (len(terms) > 1 or any(term.family != "lsgan" for term in terms)):
            return [Term(0, "opaque", "", base)]  # has its least value somewhere between
        turn = -1 if target > 0 else 1
        return [replace(term, sign=turn * term.sign, family="lsgan", target=target) for term in terms]

    def _shifted(self, base: ast.expr, scope: Scope) -> tuple[ast.expr, float | None]:
        """Return (score, label) of what is squared: D - 1, 1 - D, D + 1, D; None where the label is not told."""
        if not (isinstance(base, ast.BinOp) and isinstance(base.op, ast.Sub | ast.Add)):
            return base, 0.0
        minus = isinstance(base.op, ast.Sub)
        label = self._told(base.right, scope)
        if label is not None:
            return base.left, label if minus else -label
        label = self._told(base.left, scope)
        return base.right, None if label is None else label if minus else -label

    def _told(self, node: ast.expr, scope: Scope) -> float | None:
        label = self._label(node, scope)
        return label if label is not None else 1.0 if all_ones(node, self.paths) else None

    def _named(self, node: ast.Name | ast.Attribute, sign: int, scope: Scope, depth: int, family: str) -> list[Term]:
        name = node.id if isinstance(node, ast.Name) else node.attr
        hint = words.side_of(name)
        inner = replace(scope, hint=name) if hint in ("real", "fake") else scope
        bindings = [b for b in self.project.holds(node) if self.ways.taken(b.value, scope)]
        self._fork(bindings, sign, inner, depth, family)
        for binding in bindings:
            if binding.how not in ("is", "each"):
                continue
            value = self.paths.unpacked(binding.value, binding.item)
            if isinstance(value, ast.Constant):
                continue
            split = binding.item is not None and value is binding.value and "loss" not in words.lowered(name)
            if split and hint in ("real", "fake") and isinstance(value, ast.Call) and self._scores_inside(value):
                return [Term(sign, hint, family, value)]
            terms = self.of(value, sign, inner, depth - 1, family)
            if split and isinstance(value, ast.Call) and self.roles.call_part(value) == "critic":
                return terms if binding.item == 0 else []
            if split and terms:
                return [term for term in terms if term.side == hint] or []
            if terms:
                return terms
        if not bindings and hint in ("real", "fake") and words.lowered(name) & _SCORES:
            return [Term(sign, hint, family, node)]
        return []

    def _fork(self, bindings: list[Binding], sign: int, scope: Scope, depth: int, family: str) -> None:
        """Remember where a name can hold two formulas that pull differently: then no sign is sure."""
        whole = [
            b.value for b in bindings if b.how == "is" and b.item is None and not isinstance(b.value, ast.Constant)
        ]
        if len(whole) < 2 or self.forked or depth < 3:
            return
        inner = {one for value in whole for one in ast.walk(value)} | set(whole)
        first: list[Term] = []
        for value in whole:
            if any(bound.value in inner for one in ast.walk(value) if isinstance(one, ast.Name)
                   for bound in self.project.holds(one)):  # fmt: skip
                continue  # loss = loss + more goes on from the other
            terms = self.of(value, sign, scope, depth - 2, family)
            self._compare(first, terms)
            first = first or terms

    def _compare(self, first: list[Term], second: list[Term]) -> None:
        """Two ways to one value: with scores that pull differently nothing is sure."""
        pulls = [{(term.side, term.sign) for term in terms if term.side != "penalty"} for terms in (first, second)]
        if all(pulls) and pulls[0] != pulls[1]:
            self.forked = True

    def _scores_inside(self, call: ast.Call) -> bool:
        return (
            self.roles.call_part(call) == "critic"
            or callee(call) in ("chunk", "split", "GD", "self.GD")
            or any(
                self.roles.call_part(inner) == "critic"
                for function in self.project.targets(call)
                for inner in ast.walk(function)
                if isinstance(inner, ast.Call)
            )
        )

    def _parameter(self, node: ast.arg, sign: int, scope: Scope, depth: int, family: str) -> list[Term]:
        known: Scope | None = scope
        while known is not None:
            value = known.argument(node)
            if value is not None:
                outer = known.outer or Scope()
                hint = node.arg if words.side_of(node.arg) in ("real", "fake") else scope.hint
                found = self.of(value, sign, replace(outer, hint=hint), depth - 1, family)
                if found:
                    return found
                break
            known = known.outer
        side = words.side_of(node.arg)
        if side in ("real", "fake") and not _is_data(node, self):
            return [Term(sign, side, family, node)]
        return []

    def _called(self, call: ast.Call, sign: int, scope: Scope, depth: int, family: str) -> list[Term]:
        name = callee(call)
        if self.roles.call_part(call) == "critic":
            side = self._side_of_call(call, scope)
            return [Term(sign, side, family, call)] if side != "mixed" else []
        targets = self.project.targets(call)
        if targets and not self.roles.call_part(call):
            return self._chosen_terms(call, targets, sign, scope, depth, family)
        return self._library(call, name, sign, scope, depth, family)

    def _chosen_terms(
        self, call: ast.Call, targets: tuple[Function, ...], sign: int, scope: Scope, depth: int, family: str
    ) -> list[Term]:
        """Return the scores of a call that may run one of several functions; none is sure if they pull differently."""
        found = self._function_terms(call, targets[0], sign, scope, depth, family)
        for other in targets[1:4]:
            self._compare(found, self._function_terms(call, other, sign, scope, depth, family))
        return found

    def _function_terms(
        self, call: ast.Call, function: Function, sign: int, scope: Scope, depth: int, family: str
    ) -> list[Term]:
        self.followed.add(function)
        arguments = tuple(self.project.passed(call, function))
        inner = Scope(arguments, scope.hint, scope)
        found: list[Term] = []
        for result in self.ways.results(function, inner):
            parts = result.elts if isinstance(result, ast.Tuple) else [result]
            terms = [term for part in parts for term in self.of(part, sign, inner, depth - 1, family)]
            self._compare(found, terms)
            found = found or terms
        if found:
            return found
        beside = words.lowered(callee(call)) & {"match", "matching", "feature", "features", "fm", "aux", "class", "l1"}
        return [] if beside else self._opaque(call)

    def _library(self, call: ast.Call, name: str, sign: int, scope: Scope, depth: int, family: str) -> list[Term]:
        value = operand(call)
        if value is None:
            return []
        made = {callee(one) for one in constructors(call.func, self.project)} | {name}
        if made & (_BCE | _SQUARED):
            family = "labels" if made & _BCE and made & _SQUARED else "bce" if made & _BCE else "lsgan"
            return self._criterion(call, family, sign, scope, depth, bool(made & _LOGITS))
        if name in ("neg", "negative"):
            return self.of(value, -sign, scope, depth, family)
        if (inner := _grown(name, value)) is not None:  # log(1 + exp(x)) is softplus
            return [replace(term, logits=True) for term in self.of(inner, sign, scope, depth, "bce")]
        if name in ("softplus", "logsigmoid", "log_sigmoid", "log", "log1p"):
            found = self.of(value, sign, scope, depth, "bce")
            own = name in ("softplus", "logsigmoid", "log_sigmoid")
            return [replace(term, logits=True) for term in found] if own else found
        if made & SQUASHES:
            inside = value if name in SQUASHES else call.args[0]
            return [replace(term, squash=call) for term in self.of(inside, sign, scope, depth, family)]
        if name in ("relu", "ReLU") or (name in ("clamp", "clamp_min", "maximum", "minimum", "min", "max")
                                        and self._is_hinge(call, value)):  # fmt: skip
            inner = (
                value
                if isinstance(value, ast.BinOp)
                else next((arg for arg in call.args if isinstance(arg, ast.BinOp)), value)
            )
            return self.of(inner, sign, scope, depth, "hinge")
        if "ReLU" in made and call.args:
            return self.of(call.args[0], sign, scope, depth, "hinge")
        if name == "square" or (name == "pow" and self._even(rest(call))):
            return self._squared(value, sign, scope, depth)
        if name == "logaddexp" and rest(call) and self._label(rest(call)[0], scope) == 0:  # softplus
            return [replace(term, logits=True) for term in self.of(value, sign, scope, depth, "bce")]
        if name in ("add", "sub") and rest(call):
            other = rest(call)[0]
            turned = sign if name == "add" else -sign
            return self.of(value, sign, scope, depth, family) + self.of(other, turned, scope, depth, family)
        if name in ("mul", "multiply") and rest(call):
            return self._product(value, rest(call)[0], sign, scope, depth, family)
        if name in SAME or name in ("stack", "cat"):
            if isinstance(value, ast.List | ast.Tuple):
                return [term for one in value.elts for term in self.of(one, sign, scope, depth, family)]
            return self.of(value, sign, scope, depth, family)
        return [] if made & _BESIDE else self._opaque(call)

    def _even(self, exponent: list[ast.expr]) -> bool:
        number = self.paths.values.number(exponent[0]) if exponent else None
        return number is not None and number.value > 0 and number.value % 2 == 0

    def _opaque(self, call: ast.Call) -> list[Term]:
        """Return a mark where a call that is not understood takes scores, so that no half-read loss is reported."""

        def stop(node: ast.AST) -> bool:
            return isinstance(node, ast.Call) and bool(self.roles.call_part(node))

        parts: list[ast.expr] = [*call.args, *(known.value for known in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        for part in parts:
            if any(stop(one) and self.roles.call_part(one) == "critic" for one in self.paths.upstream(part, stop)
                   if isinstance(one, ast.Call)):  # fmt: skip
                return [Term(0, "opaque", "", call)]
        return []

    def _is_hinge(self, call: ast.Call, value: ast.expr) -> bool:
        if callee(call) in ("clamp", "clamp_min"):
            return self.paths.is_hinge(call, value)
        return len(call.args) == 2 and any(isinstance(arg, ast.BinOp) for arg in call.args)

    def _criterion(self, call: ast.Call, family: str, sign: int, scope: Scope, depth: int, logits: bool) -> list[Term]:
        """BCE or squared distance of a score to a label: a label of 1 pulls the score up. "labels": one of the two."""
        value = keyword(call, "logits", "input") or (call.args[0] if call.args else None)
        target = keyword(call, "labels", "target", "y_true") or (call.args[1] if len(call.args) > 1 else None)
        if value is None or target is None:
            return []
        terms = self.of(value, sign, scope, depth, family)
        if not terms:  # Keras puts the label first
            value, target = target, value
            terms = self.of(value, sign, scope, depth, family)
        label = self._label(target, scope)
        if label is None:
            return []
        turn = -1 if label > 0.5 else 1
        return [replace(term, sign=turn * term.sign, family=family, logits=logits, target=label) for term in terms]

    def _label(self, node: ast.expr, scope: Scope, depth: int = 8) -> float | None:
        number = self.paths.values.number(node) or self.ways.number(node, scope)
        if number is not None:
            return number.value
        match node:
            case ast.Call():
                name = callee(node)
                if name in ("ones", "ones_like", "new_ones"):
                    return 1.0
                if name in ("zeros", "zeros_like", "new_zeros"):
                    return 0.0
                if name in ("full", "full_like", "fill_", "new_full") and node.args:
                    found = self.paths.values.number(keyword(node, "fill_value") or node.args[-1])
                    if found is None and len(node.args) > 1:
                        found = self.paths.values.number(node.args[1])
                    return found.value if found else None
                if self.project.targets(node) and depth and not self.roles.call_part(node):
                    return self._label_of_function(node, scope, depth)
                inner = operand(node)
                return self._label(inner, scope, depth - 1) if inner is not None and depth and name in SAME else None
            case ast.Name() | ast.Attribute() if depth:
                held = [b for b in self.project.holds(node) if self.ways.taken(b.value, scope)]
                if len(held) == 1 and isinstance(held[0].value, ast.arg):
                    given = scope.argument(held[0].value)
                    return self._label(given, scope.outer or Scope(), depth - 1) if given is not None else None
                if len(held) > 1 and any(not isinstance(b.value, ast.Constant) for b in held):
                    labels = {self._label(b.value, scope, depth - 1) for b in held if isinstance(b.value, ast.expr)}
                    return labels.pop() if len(labels) == 1 else None
                if len(held) == 1 and isinstance(held[0].value, ast.expr):
                    found_label = self._label(held[0].value, scope, depth - 1)
                    if found_label is not None:
                        return found_label
                low = words.lowered(node.id if isinstance(node, ast.Name) else node.attr)
                if low & {"valid", "real", "ones", "one"}:
                    return 1.0
                return 0.0 if low & {"fake", "zeros", "zero"} else None
            case ast.UnaryOp(op=ast.USub(), operand=inner_label) if depth:
                turned = self._label(inner_label, scope, depth - 1)
                return -turned if turned is not None else None
            case ast.IfExp(test=test, body=body, orelse=orelse) if depth:
                flag = self.ways.flag(test, scope)
                return self._label(body if flag else orelse, scope, depth - 1) if flag is not None else None
            case ast.BinOp(left=left, op=ast.Mult() | ast.Sub() as op, right=right) if depth:
                base = self._label(left, scope, depth - 1)
                by = self.paths.values.number(right)
                if base is None or by is None:
                    return base
                return base * by.value if isinstance(op, ast.Mult) else base - by.value
        return None

    def _label_of_function(self, call: ast.Call, scope: Scope, depth: int) -> float | None:
        """Return the label that a user's function gives back for the arguments of this call."""
        labels: set[float | None] = set()
        for function in self.project.targets(call)[:1]:
            inner = Scope(tuple(self.project.passed(call, function)), scope.hint, scope)
            labels = {self._label(result, inner, depth - 1) for result in self.ways.results(function, inner)}
        return labels.pop() if len(labels) == 1 else None

    def _side_of_call(self, call: ast.Call, scope: Scope) -> str:
        """Return the side of the data that a critic's call scores; else of the names that hold the score."""
        found = ""
        for argument in call.args:
            value = self._resolved(argument, scope)
            found = self.roles.side(value) or self.roles.side(argument)
            if found:
                break
        hinted = words.side_of(scope.hint.split(".")[-1]) if scope.hint else ""
        statement = self.project.statement(call)
        if isinstance(statement, ast.Assign):
            own = words.side_of(dotted(statement.targets[0]).split(".")[-1])
            hinted = own if own in ("real", "fake") else hinted
        if found == "mixed":
            return "mixed"
        if not found and hinted == "fake" and any(self._loaded(self._resolved(one, scope)) for one in call.args[:1]):
            return "real"
        if found and hinted and found != hinted:
            loaded = found == "real" and any(self._loaded(self._resolved(one, scope)) for one in call.args[:1])
            return found if loaded or (found == "fake" and self._generated(call, scope)) else hinted
        return found or hinted or "score"

    def _loaded(self, node: ast.expr) -> bool:
        """Whether data surely come from a loader: `for x in loader`, `x = next(batches)`."""
        for one in self.paths.upstream(node):
            given = one.args[:1] if isinstance(one, ast.Call) and callee(one) == "next" else []
            if any(words.lowered(dotted(walked).split(".")[-1]) & _LOADERS for walked in given):
                return True
            for binding in self.project.holds(one) if isinstance(one, ast.Name) else ():
                named = {word for inner in ast.walk(binding.value) if isinstance(inner, ast.Name | ast.Attribute)
                          for word in words.lowered(dotted(inner).split(".")[-1])}  # fmt: skip
                if binding.how == "each" and named & _LOADERS:
                    return True
        return False

    def _generated(self, call: ast.Call, scope: Scope) -> bool:
        return any(
            isinstance(one, ast.Call) and self.roles.call_part(one) == "generator"
            for argument in call.args[:1]
            for one in self.paths.upstream(self._resolved(argument, scope))
        )

    def _resolved(self, node: ast.expr, scope: Scope) -> ast.expr:
        for binding in self.project.holds(node):
            if isinstance(binding.value, ast.arg):
                known: Scope | None = scope
                while known is not None:
                    value = known.argument(binding.value)
                    if value is not None:
                        return self._resolved(value, known.outer or Scope()) if known.outer else value
                    known = known.outer
        return node


def _grown(name: str, value: ast.expr) -> ast.expr | None:
    """Return x of log1p(exp(x)) and log(1 + exp(x))."""
    if name == "log" and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        sides = (value.left, value.right)
        if not any(isinstance(one, ast.Constant) and one.value == 1 for one in sides):
            return None
        value = next((one for one in sides if isinstance(one, ast.Call)), value)
    elif name != "log1p":
        return None
    return operand(value) if isinstance(value, ast.Call) and callee(value) == "exp" else None


def _is_data(node: ast.arg, terms: Terms) -> bool:
    """A parameter named real that goes into a critic's call is data, not a score."""
    for read, _ in terms.project.readers.get(node, ()):
        parent = terms.project.parents.get(read)
        if isinstance(parent, ast.Call) and terms.roles.call_part(parent):
            return True
    low = words.lowered(node.arg)
    return bool(low & {"data", "img", "imgs", "images", "image", "samples", "sample", "x", "batch", "label", "labels"})


def all_ones(node: ast.expr, paths: Paths) -> bool:
    """Return whether an expression is a tensor of ones, as a weight of backward() or a label."""
    for one in [node, *(binding.value for binding in paths.project.holds(node))]:
        if any(isinstance(inner, ast.Call) and callee(inner) in ("ones", "ones_like") for inner in ast.walk(one)):
            return True
    return False
