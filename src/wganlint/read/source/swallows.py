"""files -> read -> Run: faults that the code hides: an except clause that makes a number up, options without effect."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.paths import Paths
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.trained import last_name
from wganlint.source import Swallow

_BROAD = frozenset({"", "Exception", "BaseException", "RuntimeError", "ValueError", "ArithmeticError", "TypeError"})
_TELLS = frozenset({"print", "warning", "warn", "error", "exception", "info", "debug", "log", "print_exc", "critical",
                    "write", "echo", "exit", "_exit", "abort"})  # fmt: skip
_LOSSES = frozenset({"loss", "losses", "cost", "err"})
_GAPS = frozenset({"gap", "wasserstein", "distance", "wdist"})
_METRICS = frozenset({"fid", "kid", "metric", "metrics", "precision", "recall", "coverage", "accuracy", "inception"})
_KNOBS = words.listed(
    "lambda lam gp weight clip lr momentum gamma drift noise beta critic decay warmup penalty b1 b2 beta1 beta2 alpha "
    "margin every"
)
_SHOWS = frozenset({"print", "dump", "dumps", "info", "pformat", "pprint", "log"})
_BULK = frozenset({"asdict", "add_argparse_args", "set_defaults", "add_arguments", "from_argparse_args",
                   "parse_args_into_dataclasses", "namedtuple"})  # fmt: skip
_ZEROABLE = frozenset({"lambda", "lam", "gp", "weight", "clip", "momentum", "gamma", "drift", "noise", "beta", "decay",
                       "warmup", "penalty", "alpha", "margin", "dropout", "reg", "r1"})  # fmt: skip
_COUNTS = frozenset(
    {"every", "steps", "interval", "factor", "iters", "freq", "size", "step"}
)  # 0 of these means nothing


def swallows(paths: Paths, penalties: Penalties) -> tuple[Swallow, ...]:
    """Return every such place, in the order of the files."""
    found = [*_handlers(paths, penalties), *_zeros(paths), *_options(paths)]
    unique = {(swallow.place, swallow.kind, swallow.what): swallow for swallow in found}
    return tuple(sorted(unique.values(), key=lambda swallow: (swallow.place, swallow.what)))


def _swallow(node: ast.AST, paths: Paths, kind: str, what: str, instead: str = "", told: bool = False) -> Swallow:
    site = paths.project.site(node)
    return Swallow(site.place, site.quote, site.owner, kind, what, instead, told)


# -- except


def _handlers(paths: Paths, penalties: Penalties) -> Iterator[Swallow]:
    for node in paths.project.by_class["Try"]:
        assert isinstance(node, ast.Try)
        for handler in node.handlers:
            if not _is_broad(handler) or any(isinstance(one, ast.Raise) for one in ast.walk(handler)):
                continue
            told = any(isinstance(one, ast.Call) and callee(one) in _TELLS for one in ast.walk(handler))
            what, instead = _made_up(node, handler, paths, penalties)
            if what:
                yield _swallow(handler, paths, "except", what, instead, told)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(dotted(kind).split(".")[-1] in _BROAD for kind in kinds)


def _made_up(
    node: ast.Try, handler: ast.ExceptHandler, paths: Paths, penalties: Penalties
) -> tuple[str, str]:  # fmt: skip
    """Return what the handler makes up and how: ("penalty", "0.0"); ("step", "pass")."""
    inside = [one for statement in node.body for one in ast.walk(statement)]
    assigned = {last_name(target): statement.value for statement in inside if isinstance(statement, ast.Assign)
                for target in statement.targets}  # fmt: skip
    for statement in handler.body:
        if isinstance(statement, ast.Assign) and _constant(statement.value, paths):
            name = last_name(statement.targets[0])
            if name in assigned:
                what = _kind(name, assigned[name], paths, penalties)
                if what:
                    return what, paths.project.text(statement.value)
        if isinstance(statement, ast.Return) and statement.value is not None and _constant(statement.value, paths):
            function = paths.project.function(statement)
            returned = [one for one in inside if isinstance(one, ast.Return) and one.value is not None]
            if function is not None and returned and returned[0].value is not None:
                what = _kind(function.name, returned[0].value, paths, penalties)
                if what:
                    return what, paths.project.text(statement.value)
    calls = {callee(one) for one in inside if isinstance(one, ast.Call)}
    last = handler.body[-1]
    if len(handler.body) == 1 and isinstance(last, ast.Pass | ast.Continue) and "backward" in calls and "step" in calls:
        return "step", "continue" if isinstance(last, ast.Continue) else "pass"
    return "", ""


def _kind(name: str, value: ast.AST, paths: Paths, penalties: Penalties) -> str:
    low = words.lowered(name)
    targets = paths.project.targets(value) if isinstance(value, ast.Call) else ()
    if words.is_penalty(name) or any(function in penalties.functions for function in targets):
        return "penalty"
    if low & _LOSSES:
        return "loss"
    if low & _GAPS:
        return "gap"
    return "metric" if low & _METRICS else ""


def _constant(node: ast.expr, paths: Paths) -> bool:
    """0.0, torch.tensor(0.0), torch.zeros(...), float("nan") is none: it shows."""
    if isinstance(node, ast.Call):
        if callee(node) in ("zeros", "zeros_like", "new_zeros"):
            return True
        if callee(node) in ("to", "cuda", "requires_grad_", "sum", "mean") and isinstance(node.func, ast.Attribute):
            return _constant(node.func.value, paths)
        if callee(node) not in ("tensor", "as_tensor", "constant", "FloatTensor", "new_tensor", "float", "Tensor"):
            return False
    number = paths.values.number(node)
    return number is not None and number.value == number.value


# -- a setting of 0 that becomes the default


def _zeros(paths: Paths) -> Iterator[Swallow]:
    for node in paths.project.by_class["BoolOp"]:
        if not (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2):
            continue
        first, second = node.values
        name = _setting(first, paths)
        number = paths.values.number(second)
        low = words.lowered(name)
        is_test = isinstance(paths.project.parents.get(node), ast.If | ast.While | ast.BoolOp)
        if low & _ZEROABLE and not low & _COUNTS and number is not None and number.value != 0 and not is_test:
            yield _swallow(node, paths, "or", name, paths.project.text(second))


def _setting(node: ast.expr, paths: Paths) -> str:
    """Return the option that `args.k` or `getattr(args, "k", d)` reads."""
    if isinstance(node, ast.Call) and callee(node) == "getattr" and len(node.args) >= 2:
        key = node.args[1]
        return str(key.value) if isinstance(key, ast.Constant) and _is_namespace(node.args[0], paths) else ""
    if isinstance(node, ast.Attribute) and _is_namespace(node.value, paths):
        return node.attr
    return ""


def _is_namespace(node: ast.expr, paths: Paths) -> bool:
    return last_name(node).lower() in ("args", "opt", "opts", "config", "cfg", "hparams", "flags", "conf")


# -- options


def _options(paths: Paths) -> Iterator[Swallow]:
    """Options of argparse that nothing reads, and reads with a default of options that are defined nowhere."""
    project = paths.project
    parses = [call for call in project.calls if callee(call) in ("parse_args", "parse_known_args")]
    defined = {name: option for name, options in paths.values.options.items() for option in options
               if isinstance(option.node, ast.Call) and callee(option.node) == "add_argument"}  # fmt: skip
    if not parses or not defined or _open(paths):
        return
    texts = [node.value for node in project.by_class["Constant"]
             if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in defined]  # fmt: skip
    for name, option in defined.items():
        if not project.attribute_reads.get(name) and name not in texts and words.lowered(name) & _KNOBS:
            yield _swallow(option.node, paths, "unread", name, option.flag)
    stored = {node.attr for node in project.by_class["Attribute"]
              if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}  # fmt: skip
    for call in project.calls:
        if callee(call) != "getattr" or len(call.args) != 3 or not isinstance(call.args[1], ast.Constant):
            continue
        name = str(call.args[1].value)
        if name in defined or name in stored or not _from_parser(call.args[0], parses, paths):
            continue
        if name in paths.values.options or not words.lowered(name) & _KNOBS:
            continue
        yield _swallow(call, paths, "undefined", name, paths.project.text(call.args[2]))


def _from_parser(node: ast.expr, parses: list[ast.Call], paths: Paths) -> bool:
    return any(one in parses for one in paths.upstream(node, calls=True))


def _open(paths: Paths) -> bool:
    """Return whether options are read or defined in a way that names do not show: vars(args), **kwargs, parents=."""
    for call in paths.project.calls:
        name = callee(call)
        if name in _BULK or (name == "vars" and not _only_shown(call, paths)):
            return True
        if name == "ArgumentParser" and any(known.arg == "parents" for known in call.keywords):
            return True
        if name in ("update", "EasyDict", "Namespace") and any(known.arg is None for known in call.keywords):
            return True
    return bool(paths.project.attribute_reads.get("__dict__"))


def _only_shown(call: ast.Call, paths: Paths) -> bool:
    """`for k, v in sorted(vars(opt).items()): print(...)` and json.dump only show options."""
    for parent, _ in paths.project.around(call):
        if isinstance(parent, ast.For):
            return not any(isinstance(one, ast.Call) and callee(one) in ("setattr",) for one in ast.walk(parent))
        if isinstance(parent, ast.Call) and callee(parent) in _SHOWS:
            return True
    return False
