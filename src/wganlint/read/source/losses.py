"""files -> read -> Run: what is minimized for the critic and for the generator, with the signs of the scores in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wganlint.read.source import words
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import constructors
from wganlint.read.source.paths import Paths, is_gradient
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.project import Function, callee
from wganlint.read.source.steps import CUT, SHAPE, keyword, operand, rest
from wganlint.source import Detach, Loss

_BCE = frozenset({"binary_cross_entropy", "binary_cross_entropy_with_logits", "BCELoss", "BCEWithLogitsLoss",
                  "BinaryCrossentropy", "sigmoid_cross_entropy_with_logits", "binary_crossentropy"})  # fmt: skip
_SQUARED = frozenset({"mse_loss", "MSELoss", "mean_squared_error", "MeanSquaredError"})
_SAME = SHAPE | frozenset({"mean", "sum", "reduce_mean", "reduce_sum", "mul", "div", "add_n", "nanmean", "detach",
                           "nan_to_num", "clamp", "all_reduce", "unwrap", "clip"})  # fmt: skip
_TOP = 12  # levels of names and calls that one formula is followed


@dataclass(frozen=True, slots=True)
class Term:
    """One score in a loss: the sign of its influence, its side, how it enters, and the critic's call or the name."""

    sign: int
    side: str  # "real", "fake", "score" (not told) or "penalty"
    family: str
    node: ast.AST


@dataclass(frozen=True, slots=True)
class _Scope:
    """What parameters stand for while a user's function is followed, and names seen on the way."""

    arguments: tuple[tuple[ast.arg, ast.expr], ...] = ()
    hint: str = ""
    outer: _Scope | None = None

    def argument(self, node: ast.AST) -> ast.expr | None:
        return next((value for known, value in self.arguments if known is node), None)


class Losses:
    """The adversarial losses of the files."""

    def __init__(self, paths: Paths, penalties: Penalties) -> None:
        self.paths, self.penalties = paths, penalties
        self.project, self.roles = paths.project, paths.roles
        self.seen: set[ast.AST] = set()
        self.generator_calls: list[tuple[ast.Call, ast.AST]] = []
        self.facts = self._all()

    # -- which expressions are minimized

    def _all(self) -> tuple[Loss, ...]:
        found: list[Loss] = []
        for group in self._groups():
            found += self._of_group(group)
        for function in self.project.functions:
            if words.lowered(function.name) & {"loss", "losses", "cost", "criterion"} and function not in self.seen:
                found += self._of_function(function)
        unique = {(loss.place, loss.part): loss for loss in found}
        return tuple(sorted(unique.values(), key=lambda loss: loss.place))

    def _groups(self) -> Iterator[list[tuple[ast.Call, ast.expr, int]]]:
        """Yield the backward calls between two optimizer steps of a scope: (call, loss, sign) each."""
        by_scope: dict[ast.AST, list[ast.Call]] = {}
        for call in self.project.calls:
            if callee(call) in ("backward", "step", "manual_backward", "minimize", "gradient", "scale"):
                by_scope.setdefault(self.project.scope(call), []).append(call)
        for calls in by_scope.values():
            group: list[tuple[ast.Call, ast.expr, int]] = []
            for call in sorted(calls, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0)):
                if callee(call) == "step":
                    if group:
                        yield group
                    group = []
                    continue
                minimized = self._minimized(call)
                if minimized is not None:
                    group.append((call, *minimized))
            if group:
                yield group

    def _minimized(self, call: ast.Call) -> tuple[ast.expr, int] | None:
        """Return (loss, sign) of loss.backward(), loss.backward(mone), accelerator.backward(loss), tape.gradient(...)."""
        func, name = call.func, callee(call)
        if not isinstance(func, ast.Attribute):
            return None
        if name == "gradient":
            weights = call.args[1] if len(call.args) > 1 else keyword(call, "sources")
            names = {node.attr for node in ast.walk(weights) if isinstance(node, ast.Attribute)} if weights else set()
            trained = bool(names & {"trainable_variables", "trainable_weights", "variables"})
            return (call.args[0], 1) if trained and call.args else None
        if name in ("manual_backward", "minimize"):
            return (call.args[0], 1) if call.args else None
        if name != "backward":
            return None
        base = dotted(func.value).split(".")[-1]
        if call.args and base in ("accelerator", "fabric", "engine", "self", "strategy", "model_engine"):
            return call.args[0], 1
        weight = call.args[0] if call.args else keyword(call, "gradient")
        sign = 1
        if weight is not None:
            number = self.paths.values.number(weight)
            if number is not None and number.value != 0:
                sign = 1 if number.value > 0 else -1
            elif not _ones(weight, self.paths):
                return None
        value = func.value
        if isinstance(value, ast.Call) and callee(value) == "scale" and value.args:
            value = value.args[0]
        return value, sign

    # -- from terms to facts

    def _of_group(self, group: list[tuple[ast.Call, ast.expr, int]]) -> Iterator[Loss]:
        by_part: dict[str, list[tuple[ast.Call, ast.expr, list[Term]]]] = {}
        for call, value, sign in group:
            for expression, terms in self._alternatives(value, sign):
                names = [dotted(_bare(value)).split(".")[-1], *_target_names(expression, self.project)]
                part = self._part(names, terms, call)
                if terms:
                    shown = call if callee(call) == "backward" and call.args and value is not call.args[0] else expression
                    by_part.setdefault(part, []).append((call, shown, terms))
        if "" in by_part and len(by_part) == 2:  # a lone penalty belongs to the loss beside it
            rest_of = by_part.pop("")
            by_part[next(iter(by_part))] += rest_of
        for part, entries in by_part.items():
            losses = [self._loss(entry[1], entry[2], part, entry[0]) for entry in entries]
            yield from self._combined([loss for loss in losses if loss is not None], entries)

    def _combined(
        self, losses: list[Loss], entries: list[tuple[ast.Call, ast.expr, list[Term]]]
    ) -> Iterator[Loss]:
        """Join errD_real.backward(one) and errD_fake.backward(mone) into one loss."""
        penalty = any(terms and all(term.side == "penalty" for term in terms) for _, _, terms in entries)
        halves = [loss for loss in losses if (loss.real_sign == 0) != (loss.fake_sign == 0)]
        reals = [loss for loss in halves if loss.real_sign]
        fakes = [loss for loss in halves if loss.fake_sign]
        if len(losses) >= 2 and len(halves) == len(losses) and reals and fakes and losses[0].part == "critic":
            first, second = reals[0], fakes[0]
            calls = [entry[0] for entry in entries]
            formula = "; ".join(dict.fromkeys(self.project.text(call) for call in calls))
            yield replace(first, formula=formula, fake_sign=second.fake_sign, penalty=penalty)
            return
        for loss in losses:
            yield replace(loss, penalty=loss.penalty or (penalty and loss.part == "critic"))

    def _loss(self, expression: ast.AST, terms: list[Term], part: str, call: ast.AST | None) -> Loss | None:
        scores = [term for term in terms if term.side in ("real", "fake", "score")]
        if not scores or not part or any(term.side == "opaque" for term in terms):
            return None
        sides = {term.side for term in scores}
        if "score" in sides:
            if part == "generator" and sides <= {"score", "fake"}:
                scores = [replace(term, side="fake") if term.side == "score" else term for term in scores]
            elif part == "critic" and sides == {"score", "fake"}:
                scores = [replace(term, side="real") if term.side == "score" else term for term in scores]
        real, fake = _sign(scores, "real"), _sign(scores, "fake")
        if real == 0 and fake == 0:
            return None
        if part == "generator":
            for term in scores:
                if isinstance(term.node, ast.Call):
                    self.generator_calls.append((term.node, expression))
        families = {term.family for term in scores if term.side in ("real", "fake")}
        family = families.pop() if len(families) == 1 else ""
        penalty = any(term.side == "penalty" for term in terms)
        site = self.project.site(expression)
        return Loss(
            site.place, site.quote, site.owner, part, self.project.text(expression), real, fake, family,
            penalty and part == "critic",
        )  # fmt: skip

    def _alternatives(self, value: ast.expr, sign: int) -> Iterator[tuple[ast.expr, list[Term]]]:
        """Yield the expressions that a minimized name can stand for, each with its terms."""
        held: list[ast.AST] = []
        current = _bare(value)
        if isinstance(current, ast.Name | ast.Attribute):
            held = [b.value for b in self.project.holds(current) if b.item is None and isinstance(b.value, ast.expr)]
        found = False
        within = {one for other in held for one in self.paths.upstream(other) if one is not other}
        for expression in held if len(held) > 1 else ():
            if expression in within:  # loss = loss + penalty goes on from it
                continue
            terms = self._terms(expression, sign, _Scope(hint=dotted(current)), _TOP)
            if any(term.side != "penalty" for term in terms):
                found = True
                yield _home(expression), terms
        if not found:
            terms = self._terms(value, sign, _Scope(), _TOP)
            base = held[0] if len(held) == 1 and isinstance(held[0], ast.expr) else value
            yield self._telling(base), terms

    def _telling(self, expression: ast.expr, depth: int = 3) -> ast.expr:
        """Return the expression that shows the formula: not a bare name or a scaled name."""
        if depth and isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Div):
            held = self.project.holds(expression.left)
            if len(held) == 1 and isinstance(held[0].value, ast.expr):
                return self._telling(held[0].value, depth - 1)
        if depth and isinstance(expression, ast.Name | ast.Attribute):
            held = self.project.holds(expression)
            if len(held) == 1 and isinstance(held[0].value, ast.expr) and held[0].item is None:
                return self._telling(held[0].value, depth - 1)
        return _home(expression)

    def _part(self, names: list[str], terms: list[Term], call: ast.AST | None) -> str:
        for name in names:
            part = words.part_of(name)
            if part:
                return part
        sides = {term.side for term in terms}
        if "real" in sides:
            return "critic"
        function = self.project.function(call) if call is not None else None
        if function is not None and words.part_of(function.name):
            return words.part_of(function.name)
        stepped = self._stepped(call) if call is not None else ""
        if stepped:
            return stepped
        return ""

    def _stepped(self, call: ast.AST) -> str:
        """Return the part whose optimizer steps next after a backward call."""
        scope = self.project.scope(call)
        line = getattr(call, "lineno", 0)
        best: tuple[int, str] | None = None
        for other in self.project.calls:
            if callee(other) == "step" and isinstance(other.func, ast.Attribute) and other.lineno >= line:
                if self.project.scope(other) is scope and (best is None or other.lineno < best[0]):
                    best = (other.lineno, words.part_of(dotted(other.func.value).split(".")[-1]))
        return best[1] if best else ""

    def _of_function(self, function: Function) -> Iterator[Loss]:
        """Losses that a function of the files gives back and that no backward call in the files reaches."""
        for result in self.project.returned(function):
            parts = list(result.elts) if isinstance(result, ast.Tuple) else [result]
            terms = [term for part in parts for term in self._terms(part, 1, _Scope(), _TOP)]
            named = words.part_of(function.name)
            part = named or self._part([], terms, None)
            loss = self._loss(_home(result), terms, part, None)
            if loss is not None:
                formula = self.project.text(self._telling(parts[0])) if len(parts) == 1 else loss.formula
                yield replace(loss, formula=formula)

    # -- terms

    def _terms(self, node: ast.AST, sign: int, scope: _Scope, depth: int, family: str = "wgan") -> list[Term]:
        if depth <= 0:
            return []
        if self._is_penalty(node):
            return [Term(sign, "penalty", "", node)]
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return self._terms(inner, -sign, scope, depth, family)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._terms(left, sign, scope, depth, family) + self._terms(right, sign, scope, depth, family)
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return self._terms(left, sign, scope, depth, family) + self._terms(right, -sign, scope, depth, family)
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return self._product(left, right, sign, scope, depth, family)
            case ast.BinOp(op=ast.Div(), left=left):
                return self._terms(left, sign, scope, depth, family)
            case ast.BinOp(op=ast.Pow(), left=left):
                return self._squared(left, sign, scope, depth)
            case ast.IfExp(body=body, orelse=orelse):
                first = self._terms(body, sign, scope, depth - 1, family)
                return first or self._terms(orelse, sign, scope, depth - 1, family)
            case ast.Subscript(value=value):
                return self._terms(value, sign, scope, depth, family)
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

    def _product(
        self, left: ast.expr, right: ast.expr, sign: int, scope: _Scope, depth: int, family: str
    ) -> list[Term]:
        for factor, value in ((left, right), (right, left)):
            number = self.paths.values.number(factor)
            if number is not None and number.value != 0:
                return self._terms(value, sign if number.value > 0 else -sign, scope, depth, family)
        for value in (right, left):
            terms = self._terms(value, sign, scope, depth, family)
            if terms:
                return terms
        return []

    def _squared(self, base: ast.expr, sign: int, scope: _Scope, depth: int) -> list[Term]:
        """(D(x) - 1)^2 pulls the score up to 1, D(x)^2 down to 0."""
        inner = base
        target = 0.0
        if isinstance(base, ast.BinOp) and isinstance(base.op, ast.Sub):
            number = self.paths.values.number(base.right)
            target = number.value if number is not None else 1.0 if _ones(base.right, self.paths) else 0.0
            inner = base.left
        terms = self._terms(inner, sign, scope, depth, "lsgan")
        return [replace(term, sign=-term.sign if target > 0 else term.sign, family="lsgan") for term in terms]

    def _named(self, node: ast.Name | ast.Attribute, sign: int, scope: _Scope, depth: int, family: str) -> list[Term]:
        name = node.id if isinstance(node, ast.Name) else node.attr
        hint = words.side_of(name)
        inner = replace(scope, hint=name) if hint in ("real", "fake") else scope
        bindings = self.project.holds(node)
        for binding in bindings:
            if binding.how not in ("is", "each"):
                continue
            value = self.paths.unpacked(binding.value, binding.item)
            if isinstance(value, ast.Constant):
                continue
            split = binding.item is not None and value is binding.value
            if split and hint in ("real", "fake"):
                if isinstance(value, ast.Call) and self._scores_inside(value):
                    return [Term(sign, hint, family, value)]
            terms = self._terms(value, sign, inner, depth - 1, family)
            if split and isinstance(value, ast.Call) and self.roles.call_part(value) == "critic":
                return terms if binding.item == 0 else []
            if split and terms:
                return [term for term in terms if term.side == hint] or []
            if terms:
                return terms
        if not bindings and hint in ("real", "fake") and words.lowered(name) & _SCORES:
            return [Term(sign, hint, family, node)]
        return []

    def _scores_inside(self, call: ast.Call) -> bool:
        return self.roles.call_part(call) == "critic" or callee(call) in ("chunk", "split", "GD", "self.GD") or any(
            self.roles.call_part(inner) == "critic"
            for function in self.project.targets(call) for inner in ast.walk(function) if isinstance(inner, ast.Call)
        )

    def _parameter(self, node: ast.arg, sign: int, scope: _Scope, depth: int, family: str) -> list[Term]:
        known: _Scope | None = scope
        while known is not None:
            value = known.argument(node)
            if value is not None:
                outer = known.outer or _Scope()
                hint = node.arg if words.side_of(node.arg) in ("real", "fake") else scope.hint
                found = self._terms(value, sign, replace(outer, hint=hint), depth - 1, family)
                if found:
                    return found
                break
            known = known.outer
        side = words.side_of(node.arg)
        if side in ("real", "fake") and not _is_data(node, self):
            return [Term(sign, side, family, node)]
        return []

    def _called(self, call: ast.Call, sign: int, scope: _Scope, depth: int, family: str) -> list[Term]:
        name = callee(call)
        if self.roles.call_part(call) == "critic":
            side = self._side_of_call(call, scope)
            return [Term(sign, side, family, call)] if side != "mixed" else []
        targets = self.project.targets(call)
        if targets and not self.roles.call_part(call):
            return self._function_terms(call, targets[0], sign, scope, depth, family)
        return self._library(call, name, sign, scope, depth, family)

    def _function_terms(
        self, call: ast.Call, function: Function, sign: int, scope: _Scope, depth: int, family: str
    ) -> list[Term]:
        self.seen.add(function)
        arguments = tuple(self.project.passed(call, function))
        inner = _Scope(arguments, scope.hint, scope)
        for result in self.project.returned(function):
            parts = result.elts if isinstance(result, ast.Tuple) else [result]
            terms = [term for part in parts for term in self._terms(part, sign, inner, depth - 1, family)]
            if terms:
                return terms
        return []

    def _library(self, call: ast.Call, name: str, sign: int, scope: _Scope, depth: int, family: str) -> list[Term]:
        value = operand(call)
        if value is None:
            return []
        made = {callee(one) for one in constructors(call.func, self.project)} | {name}
        if made & (_BCE | _SQUARED):
            return self._criterion(call, bool(made & _BCE), sign, scope, depth)
        if name in ("neg", "negative"):
            return self._terms(value, -sign, scope, depth, family)
        if name in ("softplus", "logsigmoid", "log_sigmoid", "log", "log1p", "sigmoid"):
            return self._terms(value, sign, scope, depth, "bce" if name != "sigmoid" else family)
        if name in ("relu", "ReLU") or (name in ("clamp", "clamp_min", "maximum", "minimum", "min", "max")
                                        and self._is_hinge(call, value)):  # fmt: skip
            inner = value if isinstance(value, ast.BinOp) else next(
                (arg for arg in call.args if isinstance(arg, ast.BinOp)), value
            )
            return self._terms(inner, sign, scope, depth, "hinge")
        if "ReLU" in made and call.args:
            return self._terms(call.args[0], sign, scope, depth, "hinge")
        if name in ("square",):
            return self._squared(value, sign, scope, depth)
        if name in ("add", "sub") and rest(call):
            other = rest(call)[0]
            turned = sign if name == "add" else -sign
            return self._terms(value, sign, scope, depth, family) + self._terms(other, turned, scope, depth, family)
        if name in ("mul", "multiply") and rest(call):
            return self._product(value, rest(call)[0], sign, scope, depth, family)
        if name in _SAME or name in ("stack", "cat"):
            if isinstance(value, ast.List | ast.Tuple):
                return [term for one in value.elts for term in self._terms(one, sign, scope, depth, family)]
            return self._terms(value, sign, scope, depth, family)
        if name in ("exp", "logsumexp", "softmax", "tanh", "cumsum") and self.paths.critic_values(value):
            return [Term(0, "opaque", "", call)]
        return []

    def _is_hinge(self, call: ast.Call, value: ast.expr) -> bool:
        if callee(call) in ("clamp", "clamp_min"):
            return self.paths.is_hinge(call, value)
        return len(call.args) == 2 and any(isinstance(arg, ast.BinOp) for arg in call.args)

    def _criterion(self, call: ast.Call, bce: bool, sign: int, scope: _Scope, depth: int) -> list[Term]:
        """BCE or squared distance of a score to a label: a label of 1 pulls the score up."""
        value = keyword(call, "logits", "input") or (call.args[0] if call.args else None)
        target = keyword(call, "labels", "target", "y_true") or (call.args[1] if len(call.args) > 1 else None)
        if value is None or target is None:
            return []
        family = "bce" if bce else "lsgan"
        terms = self._terms(value, sign, scope, depth, family)
        if not terms:  # Keras puts the label first
            value, target = target, value
            terms = self._terms(value, sign, scope, depth, family)
        label = self._label(target)
        if label is None:
            return []
        return [replace(term, sign=-term.sign if label > 0.5 else term.sign, family=family) for term in terms]

    def _label(self, node: ast.expr, depth: int = 6) -> float | None:
        number = self.paths.values.number(node)
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
                inner = operand(node)
                return self._label(inner, depth - 1) if inner is not None and depth and name in _SAME else None
            case ast.Name() | ast.Attribute() if depth:
                held = self.project.holds(node)
                if len(held) == 1 and isinstance(held[0].value, ast.expr):
                    found_label = self._label(held[0].value, depth - 1)
                    if found_label is not None:
                        return found_label
                low = words.lowered(node.id if isinstance(node, ast.Name) else node.attr)
                if low & {"valid", "real", "ones", "one"}:
                    return 1.0
                return 0.0 if low & {"fake", "zeros", "zero"} else None
            case ast.BinOp(left=left, op=ast.Mult() | ast.Sub()):
                return self._label(left, depth - 1) if depth else None
        return None

    def _side_of_call(self, call: ast.Call, scope: _Scope) -> str:
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
        if found and hinted and found != hinted:
            return found if found == "fake" and self._generated(call, scope) else hinted
        return found or hinted or "score"

    def _generated(self, call: ast.Call, scope: _Scope) -> bool:
        return any(
            isinstance(one, ast.Call) and self.roles.call_part(one) == "generator"
            for argument in call.args[:1] for one in self.paths.upstream(self._resolved(argument, scope))
        )

    def _resolved(self, node: ast.expr, scope: _Scope) -> ast.expr:
        for binding in self.project.holds(node):
            if isinstance(binding.value, ast.arg):
                known: _Scope | None = scope
                while known is not None:
                    value = known.argument(binding.value)
                    if value is not None:
                        return self._resolved(value, known.outer or _Scope()) if known.outer else value
                    known = known.outer
        return node


def detaches(losses: Losses) -> tuple[Detach, ...]:
    """Return where, in the generator's own loss, the fakes reach the critic without a gradient path."""
    found: dict[object, Detach] = {}
    paths = losses.paths
    for call, _ in losses.generator_calls:
        if not (call.args and paths.roles.call_part(call) == "critic"):
            continue
        for node, how in _cuts(call, paths):
            site = paths.project.site(node)
            found[site.place] = Detach(site.place, site.quote, site.owner, how)
    return tuple(sorted(found.values(), key=lambda detach: detach.place))


def _cuts(call: ast.Call, paths: Paths) -> Iterator[tuple[ast.AST, str]]:
    if paths.idle(call):
        yield call, "no_grad"
        return

    def stop(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and bool(paths.roles.call_part(node)) and node is not call

    first = call.args[0]
    generated = [n for n in paths.upstream(first, stop) if isinstance(n, ast.Call)
                 and paths.roles.call_part(n) == "generator"]  # fmt: skip
    sided = paths.roles.side(first) == "fake"
    if not generated and not sided:
        return
    for node in paths.upstream(first, stop):
        if isinstance(node, ast.Call) and callee(node) in CUT | {"detach"}:
            yield node, "detach" if callee(node) in ("detach", "detach_", "stop_gradient") else callee(node)
        elif isinstance(node, ast.Attribute) and node.attr == "data" and not paths.project.bindings.get(node):
            yield node, "data"
        elif node in generated and paths.idle(node) and not _other_live(generated, node, paths):
            yield node, "no_grad"


def _other_live(calls: list[ast.Call], node: ast.AST, paths: Paths) -> bool:
    return any(one is not node and not paths.idle(one) for one in calls)


_SCORES = frozenset({"score", "scores", "logit", "logits", "pred", "validity", "output", "out", "d", "D", "dis", "disc",
                     "critic", "predictions", "prediction", "preds", "value", "err"})  # fmt: skip


def _is_data(node: ast.arg, losses: Losses) -> bool:
    """A parameter named real that goes into a critic's call is data, not a score."""
    for read, _ in losses.project.readers.get(node, ()):
        parent = losses.project.parents.get(read)
        if isinstance(parent, ast.Call) and losses.roles.call_part(parent):
            return True
    low = words.lowered(node.arg)
    return bool(low & {"data", "img", "imgs", "images", "image", "samples", "sample", "x", "batch", "label", "labels"})


def _sign(terms: list[Term], side: str) -> int:
    signs = {term.sign for term in terms if term.side == side}
    return signs.pop() if len(signs) == 1 else 0


def _ones(node: ast.expr, paths: Paths) -> bool:
    for one in [node, *(binding.value for binding in paths.project.holds(node))]:
        if any(isinstance(inner, ast.Call) and callee(inner) in ("ones", "ones_like") for inner in ast.walk(one)):
            return True
    return False


def _bare(node: ast.expr) -> ast.expr:
    """Return a loss without mean(), mul(gain) and the like around it."""
    for _ in range(4):
        inner = operand(node) if isinstance(node, ast.Call) and callee(node) in _SAME else None
        if inner is None:
            return node
        node = inner
    return node


def _home(node: ast.expr) -> ast.expr:
    return node


def _target_names(node: ast.AST, project: object) -> list[str]:
    parents = getattr(project, "parents", {})
    parent = parents.get(node)
    targets = parent.targets if isinstance(parent, ast.Assign) else []
    return [dotted(target).split(".")[-1] for target in targets if dotted(target)]


