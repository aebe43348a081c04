"""files -> read -> Run: what is minimized for the critic and for the generator, with the signs of the scores in it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from wganlint.read.source import words
from wganlint.read.source.classes import Function, callee
from wganlint.read.source.flow import FUNCTIONS, dotted, order
from wganlint.read.source.paths import Paths
from wganlint.read.source.project import Project
from wganlint.read.source.steps import CUT, keyword, operand
from wganlint.read.source.terms import SAME, TOP, Term, Terms, all_ones
from wganlint.read.source.trained import Optimizers
from wganlint.read.source.ways import Scope
from wganlint.source import Detach, Loss, Site


class Losses:
    """The adversarial losses of the files."""

    def __init__(self, paths: Paths, terms: Terms, optimizers: Optimizers) -> None:
        self.paths, self.terms, self.optimizers = paths, terms, optimizers
        self.project = paths.project
        self.generator_calls: list[tuple[ast.Call, ast.AST]] = []
        self.unsure: set[ast.AST] = set()  # formulas that other ways through the code give other signs
        self.squashed: dict[ast.Call, tuple[ast.AST, ...]] = {}  # bounds between critic and its loss, and the critics
        self.critic_calls: dict[ast.Call, tuple[ast.AST, ...]] = {}  # scores in the critic's losses, and their networks
        self.targets: dict[object, set[float]] = {}  # the place of a loss: the labels that fakes are pulled to
        self.facts = self._all()

    # -- which expressions are minimized

    def _all(self) -> tuple[Loss, ...]:
        found: list[Loss] = []
        for group in self.groups():
            found += self._of_group(group)
        for function in self.project.functions:
            named = words.lowered(function.name) & {"loss", "losses", "cost", "criterion"}
            if named and function not in self.terms.followed and not self._not_chosen(function):
                found += self._of_function(function)
        unique = {(loss.place, loss.part): loss for loss in found}
        return tuple(sorted(unique.values(), key=lambda loss: loss.place))

    def _not_chosen(self, function: Function) -> bool:
        """Whether each call of the function that makes this one comes past it: `if name == "hinge": def loss ...`."""
        home = self.project.scope(function)
        calls = self.project.callers.get(home, ()) if isinstance(home, FUNCTIONS) else ()
        return bool(calls) and isinstance(home, FUNCTIONS) and not any(
            self.project.reached(function, call, home) for call in calls
        )  # fmt: skip

    def groups(self) -> Iterator[list[tuple[ast.Call, ast.expr, int]]]:
        """Yield the backward calls between two optimizer steps of a scope: (call, loss, sign) each."""
        by_scope: dict[ast.AST, list[ast.Call]] = {}
        for call in self.project.calls:
            if callee(call) in ("backward", "step", "manual_backward", "minimize", "gradient", "scale"):
                by_scope.setdefault(self.project.scope(call), []).append(call)
        for calls in by_scope.values():
            group: list[tuple[ast.Call, ast.expr, int]] = []
            for call in sorted(calls, key=lambda node: order(node, end=True)):
                if callee(call) == "step":
                    if group:
                        yield group
                    group = []
                    continue
                minimized = self.minimized(call)
                if minimized is not None:
                    group.append((call, *minimized))
            if group:
                yield group

    def minimized(self, call: ast.Call) -> tuple[ast.expr, int] | None:
        """Return (loss, sign) of loss.backward(mone), accelerator.backward(loss), tape.gradient(loss, weights)."""
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
            elif not all_ones(weight, self.paths):
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
                part = self.part(names, terms, call)
                if terms:
                    weighted = callee(call) == "backward" and call.args and value is not call.args[0]
                    shown = call if weighted else expression
                    if self.terms.forked:
                        self.unsure.add(shown)
                    by_part.setdefault(part, []).append((call, shown, terms))
        if "" in by_part and len(by_part) == 2:  # a lone penalty belongs to the loss beside it
            rest_of = by_part.pop("")
            by_part[next(iter(by_part))] += rest_of
        for part, entries in by_part.items():
            losses = [self._loss(entry[1], entry[2], part, entry[0]) for entry in entries]
            yield from self._combined([loss for loss in losses if loss is not None], entries)

    def _combined(self, losses: list[Loss], entries: list[tuple[ast.Call, ast.expr, list[Term]]]) -> Iterator[Loss]:
        """Join errD_real.backward(one) and errD_fake.backward(mone) into one loss."""
        penalty = any(terms and all(term.side == "penalty" for term in terms) for _, _, terms in entries)
        halves = [loss for loss in losses if (loss.real_sign == 0) != (loss.fake_sign == 0)]
        reals = [loss for loss in halves if loss.real_sign]
        fakes = [loss for loss in halves if loss.fake_sign]
        if len(losses) >= 2 and len(halves) == len(losses) and reals and fakes and losses[0].part == "critic":
            first, second = reals[0], fakes[0]
            calls = [entry[0] for entry in entries]
            formula = "; ".join(dict.fromkeys(self.project.text(call) for call in calls))
            penalty = penalty or any(loss.penalty for loss in losses)
            sure = first.sure and second.sure
            self.targets.setdefault(first.place, set()).update(self.targets.get(second.place, ()))
            yield replace(first, formula=formula, fake_sign=second.fake_sign, penalty=penalty, sure=sure)
            return
        for loss in losses:
            if loss.part == "critic" and loss in halves:
                continue  # a lone half is not the critic's loss
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
        if part == "critic":
            self._remember(scores)
        families = {term.family for term in scores if term.side in ("real", "fake")}
        weighted = {term.scaled for term in scores if term.side in ("real", "fake")}
        family = families.pop() if len(families) == 1 and len(weighted) == 1 else ""
        penalty = any(term.side == "penalty" for term in terms)
        site = self.project.site(expression)
        labels = {term.target for term in scores if term.side == "fake" and term.target is not None}
        self.targets.setdefault(site.place, set()).update(labels)
        return Loss(
            site.place, site.quote, site.owner, part, self.project.text(expression), real, fake, family,
            penalty and part == "critic", expression not in self.unsure,
            critics=self._networks(scores), logits=any(term.logits for term in scores),
        )  # fmt: skip

    def _remember(self, scores: list[Term]) -> None:
        """Keep where the critic's scores are taken, and what bounds them on the way."""
        for term in scores:
            for call in self._calls_of(term.node):
                networks = tuple(self.paths.networks_of(call.func) or self._only_critic(call))
                self.critic_calls[call] = networks
                if term.squash is not None and networks:
                    self.squashed[term.squash] = networks

    def _networks(self, scores: list[Term]) -> tuple[Site, ...]:
        """Return where the networks stand whose scores a loss takes."""
        found: dict[ast.AST, None] = {}
        for term in scores:
            for call in self._calls_of(term.node):
                found |= dict.fromkeys(self.paths.networks_of(call.func) or self._only_critic(call))
        return tuple(self.project.site(node) for node in found)

    def _calls_of(self, node: ast.AST) -> list[ast.Call]:
        """Return the critic's calls that a score is or comes from: D_fake, D_real = D(both).split(n)."""

        def network(one: ast.AST) -> bool:
            return isinstance(one, ast.Call) and bool(self.paths.roles.call_part(one))

        calls = [one for one in self.paths.upstream(node, network) if isinstance(one, ast.Call) and network(one)]
        return [one for one in calls if self.paths.roles.call_part(one) == "critic"]

    def _only_critic(self, call: ast.Call) -> list[ast.AST]:
        """Return the critic of a call whose network is not told by its name, if the file has only one."""
        roles, code = self.paths.roles, self.project.code(call)
        here = [node for node, (part, _) in roles.part.items() if part == "critic" and self.project.code(node) is code]
        return list(here) if len(here) == 1 else []

    def _alternatives(self, value: ast.expr, sign: int) -> Iterator[tuple[ast.expr, list[Term]]]:
        """Yield the expressions that a minimized name can stand for, each with its terms."""
        held: list[ast.expr] = []
        current = _bare(value)
        if isinstance(current, ast.Name | ast.Attribute):
            held = [b.value for b in self.project.holds(current) if b.item is None and isinstance(b.value, ast.expr)]
        found = False
        within = {one for other in held for one in self.paths.upstream(other) if one is not other}
        for expression in held if len(held) > 1 else ():
            if expression in within:  # loss = loss + penalty goes on from it
                continue
            terms = self.terms.of(expression, sign, Scope(hint=dotted(current)), TOP)
            if any(term.side != "penalty" for term in terms):
                found = True
                yield expression, terms
        if not found:
            terms = self.terms.of(value, sign, Scope(), TOP)
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
        return expression

    def part(self, names: list[str], terms: list[Term], call: ast.AST | None) -> str:
        """Return whose loss this is: by its names, its terms, its function, or the optimizer that steps next."""
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
        start = order(call)
        best: tuple[tuple[int, ...], str] | None = None
        for other in self.project.calls:
            if callee(other) != "step" or order(other) < start or self.project.scope(other) is not scope:
                continue
            if isinstance(other.func, ast.Attribute) and (best is None or order(other) < best[0]):
                best = (order(other), self._trains(other.func.value))
        if best:
            return best[1]
        cleared = {words.part_of(dotted(other.func.value).split(".")[-1]) for other in self.project.calls
                   if callee(other) == "zero_grad" and isinstance(other.func, ast.Attribute)
                   and self.project.scope(other) is scope}  # fmt: skip
        return cleared.pop() if len(cleared) == 1 else ""

    def _trains(self, node: ast.expr) -> str:
        """Return the part that an optimizer is for: by its name, else by the weights that it holds."""
        named = words.part_of(dotted(node).split(".")[-1])
        parts = {known.trains for known in self.optimizers.resolve(node)} if not named else set()
        return named or (parts.pop() if len(parts) == 1 else "")

    def _of_function(self, function: Function) -> Iterator[Loss]:
        """Losses that a function of the files gives back and that no backward call in the files reaches."""
        for result in self.project.returned(function):
            parts = list(result.elts) if isinstance(result, ast.Tuple) else [result]
            terms = [term for part in parts for term in self.terms.of(part, 1, Scope(), TOP)]
            if self.terms.forked:
                self.unsure.add(result)
            named = words.part_of(function.name)
            part = named or self.part([], terms, None)
            loss = self._loss(result, terms, part, None)
            if loss is not None:
                formula = self.project.text(self._telling(parts[0])) if len(parts) == 1 else loss.formula
                yield replace(loss, formula=formula)


_DETACH = frozenset({"detach", "detach_", "stop_gradient"})


def detaches(losses: Losses) -> tuple[Detach, ...]:
    """Return where, in the generator's own loss, the fakes reach the critic without a gradient path."""
    found: dict[object, Detach] = {}
    paths = losses.paths
    for call, loss in losses.generator_calls:
        if not (call.args and paths.roles.call_part(call) == "critic"):
            continue
        for node, how in [*_cuts(call, paths), *_cut_scores(call, loss, paths)]:
            site = paths.project.site(node)
            found[site.place] = Detach(site.place, site.quote, site.owner, how)
    return tuple(sorted(found.values(), key=lambda detach: detach.place))


def _cuts(call: ast.Call, paths: Paths) -> Iterator[tuple[ast.AST, str]]:
    """Where the fakes are cut on every way from the generator into the critic's call."""
    if paths.idle(call):
        yield call, "no_grad"
        return
    first = call.args[0]

    def stop(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and bool(paths.roles.call_part(node)) and node is not call

    made = {one for one in paths.upstream(first, stop)
            if isinstance(one, ast.Call) and paths.roles.call_part(one) == "generator"}  # fmt: skip
    if not made and paths.roles.side(first) != "fake":
        return
    cuts = {node: how for node in paths.upstream(first, lambda one: stop(one) or bool(_cut(one, made, paths)))
            if (how := _cut(node, made, paths)) or node in made}  # fmt: skip
    if all(cuts.values()):
        yield from cuts.items()


def _cut(node: ast.AST, made: set[ast.Call], paths: Paths) -> str:
    """Return how a gradient path ends at a node; empty where it goes on."""
    if isinstance(node, ast.Attribute):
        return "data" if node.attr == "data" and not paths.project.bindings.get(node) else ""
    if not isinstance(node, ast.Call):
        return ""
    name = callee(node)
    if name in CUT | {"detach"}:
        return "detach" if name in _DETACH else name
    if name == "tensor" and made:
        return "torch.tensor"
    if made and paths.idle(node) and _runs(node, made, paths):
        return "no_grad"
    return _cut_inside(node, paths) if node in made else ""


def _runs(node: ast.Call, made: set[ast.Call], paths: Paths) -> bool:
    """Whether a call is, or gives back, what the generator made."""
    return node in made or any(one in made for one in paths.upstream(node))


def _cut_inside(call: ast.Call, paths: Paths) -> str:
    """Return how a generator cuts its own output: in each `return` of its forward, behind its weights."""
    hows: list[str] = []
    for function in paths.project.targets(call):
        for result in paths.project.returned(function):
            ends = [_cut(one, set(), paths) for one in paths.upstream(result, lambda one: paths.roles.cut(one))]
            first = result.elts[0] if isinstance(result, ast.Tuple) and result.elts else result
            inside = _kept(first, paths, 12)
            hows.append("" if inside is not False else next((end for end in ends if end), "no_grad"))
    return hows[0] if hows and all(hows) else ""


def _kept(node: ast.AST, paths: Paths, depth: int) -> bool | None:
    """Return whether a gradient path leads on from a result to weights: False where each way is surely cut."""
    if depth <= 0:
        return None
    if paths.idle(node) or paths.roles.cut(node):
        return False
    if isinstance(node, ast.Call) and paths.roles.learned(node):
        return True
    before = paths.back(node)
    if not before:
        return False if isinstance(node, ast.Constant) else None
    answers = {_kept(one, paths, depth - 1) for one in before}
    return True if True in answers else None if None in answers else False


def _cut_scores(call: ast.Call, loss: ast.AST, paths: Paths) -> Iterator[tuple[ast.AST, str]]:
    """Where the score itself is cut on every way from the critic into the loss."""

    def is_cut(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and callee(node) in CUT | _DETACH

    if call in _ways(loss, paths, lambda node: node is call or is_cut(node)):
        return
    for node in _ways(loss, paths, lambda node: node is call):
        if is_cut(node) and call in paths.upstream(node, lambda one: one is call):
            yield node, "detach" if isinstance(node, ast.Call) and callee(node) in _DETACH else _name(node)


def _ways(loss: ast.AST, paths: Paths, stop: Callable[[ast.AST], bool]) -> Iterator[ast.AST]:
    """Yield what a loss comes from, also through what a criterion (`bce(score, label)`) is given."""
    seen: set[ast.AST] = {loss}
    queue = [loss]
    while queue and len(seen) < 400:
        node = queue.pop(0)
        yield node
        if stop(node):
            continue
        before = paths.back(node)
        if not before and isinstance(node, ast.Call) and not paths.roles.call_part(node):
            before = list(node.args[:2])
        queue += [one for one in before if one not in seen]
        seen.update(before)


def cut_losses(losses: Losses) -> frozenset[object]:
    """Return the places of generator losses whose score is cut: they move nothing, in no direction."""
    paths = losses.paths
    return frozenset(
        paths.project.site(loss).place
        for call, loss in losses.generator_calls
        if paths.roles.call_part(call) == "critic" and any(_cut_scores(call, loss, paths))
    )


def _name(node: ast.AST) -> str:
    return callee(node) if isinstance(node, ast.Call) else ""


def _sign(terms: list[Term], side: str) -> int:
    signs = {term.sign for term in terms if term.side == side}
    return signs.pop() if len(signs) == 1 else 0


def _bare(node: ast.expr) -> ast.expr:
    """Return a loss without mean(), mul(gain) and the like around it."""
    for _ in range(4):
        inner = operand(node) if isinstance(node, ast.Call) and callee(node) in SAME else None
        if inner is None:
            return node
        node = inner
    return node


def _target_names(node: ast.AST, project: Project) -> list[str]:
    parent = project.parents.get(node)
    targets = parent.targets if isinstance(parent, ast.Assign) else []
    return [dotted(target).split(".")[-1] for target in targets if dotted(target)]
