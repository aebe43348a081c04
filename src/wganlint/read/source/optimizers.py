"""files -> read -> Run: the optimizers that the source creates, for whom, and under which condition."""

from __future__ import annotations

import ast

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword
from wganlint.source import Optimizer

NAMES = words.listed(
    "Adam AdamW SGD RMSprop RMSProp Adagrad AdagradOptimizer Adadelta Adamax NAdam RAdam AdamOptimizer "
    "RMSPropOptimizer GradientDescentOptimizer MomentumOptimizer Lion LBFGS AdaBelief FusedAdam ExtraAdam "
    "AdamW8bit LAMB Nadam OAdam OptimisticAdam Ranger"
)


def optimizers(paths: Paths) -> tuple[Optimizer, ...]:
    """Return every optimizer; one that a function creates for several callers is given once for each part."""
    found: list[Optimizer] = []
    for call in paths.project.calls:
        if callee(call) not in NAMES or not (call.args or call.keywords):
            continue
        for part in _parts(call, paths):
            made = _optimizer(call, part, paths)
            if made not in found:
                found.append(made)
    return tuple(sorted(found, key=lambda optimizer: optimizer.place))


def _optimizer(call: ast.Call, part: str, paths: Paths) -> Optimizer:
    site = paths.project.site(call)
    name = callee(call)
    values = paths.values
    lr = keyword(call, "lr", "learning_rate")
    keras = not any(known.arg == "params" for known in call.keywords) and not takes_parameters(call)
    if lr is None:
        lr = call.args[0] if keras and call.args else call.args[1] if len(call.args) > 1 else None
    number = values.number(lr)
    momentum = values.number(keyword(call, "momentum"))
    return Optimizer(
        site.place, site.quote, site.owner, name, part,
        number.value if number else None, paths.project.text(lr) if lr is not None else "",
        momentum.value if momentum else None, _betas(call, paths), _betas_text(call, paths), _choice(call, paths),
    )  # fmt: skip


def takes_parameters(call: ast.Call) -> bool:
    """Return whether the first argument of an optimizer is its weights; Keras starts with the rate."""
    if not call.args:
        return False
    first = call.args[0]
    if isinstance(first, ast.Constant):
        return False
    return not (words.lowered(dotted(first)) & {"lr", "rate"})


def _betas(call: ast.Call, paths: Paths) -> tuple[float, float] | None:
    betas = keyword(call, "betas")
    if betas is None:
        first, second = keyword(call, "beta_1", "beta1"), keyword(call, "beta_2", "beta2")
        numbers = [paths.values.number(first), paths.values.number(second)]
    else:
        pair = _pair(betas, paths)
        numbers = [paths.values.number(one) for one in pair] if pair else []
    if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
        return numbers[0].value, numbers[1].value
    return None


def _betas_text(call: ast.Call, paths: Paths) -> str:
    given = keyword(call, "betas", "beta_1", "beta1") or (call.args[2] if len(call.args) > 2 else None)
    if given is None and any(known.arg is None for known in call.keywords):
        return "**"  # may be anything
    return paths.project.text(given) if given is not None else ""


def _pair(node: ast.AST | None, paths: Paths, depth: int = 6) -> list[ast.expr]:
    """Return the two parts of a tuple, followed through names, tuple(...) and the default of an option."""
    match node:
        case ast.Tuple(elts=[first, second]) | ast.List(elts=[first, second]):
            return [first, second]
        case ast.Call(args=[inner]) if callee(node) in ("tuple", "list") and depth:
            return _pair(inner, paths, depth - 1)
        case ast.arg():
            return _pair(paths.project.default(node), paths, depth - 1) if depth else []
        case ast.Name() | ast.Attribute() if depth:
            held = paths.project.holds(node)
            if len(held) == 1:
                return _pair(held[0].value, paths, depth - 1)
            options = paths.values.options.get(node.attr, []) if isinstance(node, ast.Attribute) and not held else []
            return _pair(options[0].value, paths, depth - 1) if len(options) == 1 else []
    return []


# -- whose parameters


def _parts(call: ast.Call, paths: Paths) -> list[str]:
    given = call.args[0] if call.args else keyword(call, "params", "parameters")
    if given is None or (not takes_parameters(call) and call.args):
        return [_target_part(call, paths)]
    found = _owners(given, paths)
    if not found:
        found = [_target_part(call, paths)]
    if "mixed" in found:
        return ["other"]
    return list(dict.fromkeys(found))


def _target_part(call: ast.Call, paths: Paths) -> str:
    """Return the part that the variable's name says: opt_D = ..."""
    for parent, _ in paths.project.around(call):
        if isinstance(parent, ast.Assign):
            names = {words.part_of(dotted(target).split(".")[-1]) for target in parent.targets} - {""}
            return names.pop() if len(names) == 1 else "other"
    return "other"


def _owners(node: ast.AST, paths: Paths, depth: int = 6) -> list[str]:
    """Return the parts of the networks whose parameters an expression holds; one entry for each caller."""
    match node:
        case ast.Call() if callee(node) in ("parameters", "named_parameters") and isinstance(node.func, ast.Attribute):
            return [holder_part(node.func.value, paths) or "other"]
        case ast.Attribute(attr="trainable_variables" | "trainable_weights", value=value):
            return [holder_part(value, paths) or "other"]
        case ast.Call() if callee(node) in ("chain", "list", "filter", "iter"):
            inner = {part for arg in node.args for part in _owners(arg, paths, depth - 1)} if depth else set()
            return list(inner) if len(inner) <= 1 else ["mixed"]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            both = {*_owners(left, paths, depth - 1), *_owners(right, paths, depth - 1)} if depth else set()
            return list(both) if len(both) <= 1 else ["mixed"]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            inner = {part for one in parts for part in _owners(one, paths, depth - 1)} if depth else set()
            return list(inner) if len(inner) <= 1 else ["mixed"]
        case ast.Dict(keys=keys, values=held):
            for key, value in zip(keys, held, strict=True):
                if isinstance(key, ast.Constant) and key.value == "params":
                    return _owners(value, paths, depth - 1) if depth else []
        case ast.ListComp(generators=[generator, *_]):
            return _owners(generator.iter, paths, depth - 1) if depth else []
        case ast.Name() | ast.Attribute() if depth:
            found = [part for binding in paths.project.holds(node) if binding.how == "is"
                     for part in _owners(binding.value, paths, depth - 1)]  # fmt: skip
            name = dotted(node).split(".")[-1]
            if not found and words.part_of(name):
                return [words.part_of(name)]
            return found
        case ast.arg() if depth:
            return [part for value in paths.project.arguments(node) for part in _owners(value, paths, depth - 1)]
    return []


def holder_part(node: ast.expr, paths: Paths) -> str:
    """Return the part of a network or of a piece of one: self.generator.count_head."""
    part = paths.roles.object_part(node)
    if part:
        return part
    for info in paths.project.classes_of(node):
        parts = paths.roles.parts_of(info)
        if len(parts) == 1:
            return next(iter(parts))
    current: ast.expr = node
    while isinstance(current, ast.Attribute | ast.Subscript):
        current = current.value
        part = paths.roles.object_part(current)
        if part:
            return part
    return words.part_of(dotted(node).split(".")[-1])


# -- under which condition


def _choice(call: ast.Call, paths: Paths) -> str:
    """Return the nearest condition that selects this optimizer, `not (...)` for the other branch."""
    for parent, child in paths.project.around(call):
        if isinstance(parent, ast.If):
            if not _selects(parent, paths):
                continue
            test = paths.project.text(parent.test)
            return test if child in parent.body else f"not ({test})"
        if isinstance(parent, ast.IfExp) and child is not parent.test:
            test = paths.project.text(parent.test)
            return test if child is parent.body else f"not ({test})"
        if isinstance(parent, FUNCTIONS):
            return _left_before(parent, child, paths)
    return ""


def _selects(node: ast.If, paths: Paths) -> bool:
    """Return whether an `if` is about the choice, and not `if __name__ == "__main__"`."""
    return "__name__" not in paths.project.text(node.test)


def _left_before(function: ast.FunctionDef | ast.AsyncFunctionDef, child: ast.AST, paths: Paths) -> str:
    """`if sgd: return SGD(...)` before `return Adam(...)` selects the latter by `not (sgd)`."""
    for statement in reversed(function.body[: function.body.index(child)] if child in function.body else []):
        if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return) and not statement.orelse:
            made = [node for node in ast.walk(statement.body[-1]) if isinstance(node, ast.Call)]
            if any(callee(node) in NAMES for node in made):
                return f"not ({paths.project.text(statement.test)})"
    return ""
