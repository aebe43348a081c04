"""files -> read -> Run: which optimizer holds the weights of which network, and what becomes of an optimizer."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from wganlint.read.source import words
from wganlint.read.source.classes import WRAPPERS, Function, args_hold, callee
from wganlint.read.source.flow import dotted, fields, indexed
from wganlint.read.source.optimizers import NAMES, holder_part, takes_parameters
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword

Root = tuple[ast.AST, int | None]
_JOINS = frozenset({"chain", "list", "tuple", "filter", "iter", "from_iterable", "sum"})
_WALKS = frozenset({"zip", "enumerate", "reversed", "list", "tuple", "values", "items", "iter"})
_KEPT = frozenset({"zero_grad", "step", "state_dict", "load_state_dict", "param_groups", "defaults", "state",
                   "add_param_group", "train", "eval", "lr", "learning_rate", "minimize", "apply_gradients",
                   "iterations", "__class__", "register_step_post_hook"})  # fmt: skip
_HARMLESS = frozenset({"print", "len", "isinstance", "type", "id", "str", "repr", "unscale_", "save", "step", "append",
                       "format", "info", "get_lr", "set_lr", "adjust_learning_rate", "prepare", "setup"})  # fmt: skip
_SCHEDULES = ("LR", "Scheduler", "scheduler", "Restarts")  # ends of the names of what steps a rate, not weights
STEPS = frozenset({"step", "minimize", "apply_gradients", "optimizer_step"})
_OTHER_STEPS = words.listed(
    "scheduler schedulers sched lr prof profiler p pbar bar progress env ema writer wandb scaler meter clock timer "
    "annealer warmup decay logger gamma"
)


class Net(Struct, frozen=True, eq=False):
    """A network as code names it: its last name, its part, and where the object comes from."""

    name: str
    part: str
    root: Root

    def same(self, other: Net) -> bool:
        """Return whether two names are one network, as far as that is told."""
        return self.root == other.root or (self.name == other.name and self.part == other.part)


class Trained(Struct, frozen=True, eq=False):
    """An optimizer: the call that makes it, the variable that holds it, and the networks whose weights it holds.

    `part` is what the variable's name says. `known`: all its weights were understood."""

    call: ast.Call
    name: str
    part: str
    nets: tuple[Net, ...]
    known: bool

    @property
    def trains(self) -> str:
        """The part that it is for: by its name, else by its weights."""
        parts = {net.part for net in self.nets}
        return self.part or (next(iter(parts)) if len(parts) == 1 else "")

    def holds(self, net: Net) -> bool:
        """Return whether the weights of a network are among its own."""
        return any(own.same(net) for own in self.nets)


class Optimizers:
    """The optimizers of the files, and the answers to who steps and clears which."""

    def __init__(self, paths: Paths) -> None:
        self.paths, self.project = paths, paths.project
        self._given: dict[ast.AST, ast.expr] = {}  # what the caller at hand passes for parameters
        self._reads: dict[str, list[ast.expr]] = defaultdict(list)
        for kind in ("Name", "Attribute"):
            for node in self.project.by_class[kind]:
                if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                    self._reads[last_name(node)].append(node)
        self.appends: dict[str, list[ast.Call]] = defaultdict(list)  # by the last name of the list
        for call in self.project.calls:
            if callee(call) in ("append", "extend") and isinstance(call.func, ast.Attribute) and call.args:
                self.appends[last_name(call.func.value)].append(call)
        self.all = self._find()
        self.by_node = {known.call: known for known in self.all}
        self._named: dict[str, list[Trained]] = defaultdict(list)
        for known in self.all:
            self._named[known.name].append(known)

    # -- finding them

    def _find(self) -> list[Trained]:
        found: list[Trained] = []
        for call in self.project.calls:
            if callee(call) not in NAMES or not (call.args or call.keywords):
                continue
            for made, params, given in self._made(call):
                name = self._target(made)
                self._given = given
                nets = self.nets(params) if params is not None else None
                self._given = {}
                if name or nets:
                    known = nets is not None or params is None  # Keras hands the weights over with each step
                    part = words.part_of(name) or words.part_of(f"{name}_optimizer")
                    found.append(Trained(made, name, part, tuple(nets or ()), known))
        return sorted(found, key=lambda known: (self.project.code(known.call).path, known.call.lineno))

    def _made(self, call: ast.Call) -> Iterator[tuple[ast.Call, ast.expr | None, dict[ast.AST, ast.expr]]]:
        """Yield the optimizer, or one for each caller of a user's function that makes and returns it."""
        params = call.args[0] if takes_parameters(call) else keyword(call, "params", "parameters")
        function = self.project.function(call)
        if function is not None and call in self.project.returned(function):
            for caller in self.project.callers.get(function, ())[:8]:
                given: dict[ast.AST, ast.expr] = dict(self.project.passed(caller, function))
                yield caller, params, given
            if self.project.callers.get(function):
                return
        yield call, params, {}

    def _target(self, call: ast.Call) -> str:
        """Return the last name of the variable that holds the result of a call; empty where none does."""
        child: ast.AST = call
        for parent, child in self.project.around(call):
            match parent:
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(
                    values
                ):
                    at = next((i for i, value in enumerate(values) if value is child or call in ast.walk(value)), None)
                    return last_name(names[at]) if at is not None else ""
                case ast.Assign(targets=targets):
                    return last_name(targets[0]) if child is call or isinstance(child, ast.IfExp) else ""
                case ast.AnnAssign(target=target):
                    return last_name(target) if child is call else ""
                case ast.IfExp() | ast.Tuple():
                    continue
                case ast.Dict() | ast.List() | ast.Call() if child is not getattr(parent, "func", None):
                    return self._entry_name(parent, child)
                case ast.keyword(arg=str() as name):
                    return name if fields(self.project.parents[parent]) else ""
                case _:
                    return ""
        return ""

    def _entry_name(self, holder: ast.AST, value: ast.AST) -> str:
        """Return the name of an entry of a dict or a list that is written out: its key, or optimizers[1]."""
        key = next((key for key, one in fields(holder) if one is value), None)
        if not isinstance(key, int):
            return key or ""
        parent = self.project.parents.get(holder)
        base = last_name(parent.targets[0]) if isinstance(parent, ast.Assign) else ""
        return indexed(base, key) if base else ""

    # -- whose weights

    def nets(self, node: ast.expr | ast.AST, depth: int = 8) -> list[Net] | None:
        """Return the networks whose weights an expression holds; None where that is not understood."""
        if depth <= 0:
            return None
        match node:
            case ast.Call(func=ast.Attribute(value=owner)) if callee(node) in ("parameters", "named_parameters"):
                return [self.net(owner)]
            case ast.Attribute(attr="trainable_variables" | "trainable_weights", value=owner):
                return [self.net(owner)]
            case ast.Call(args=args) if callee(node) in _JOINS and args:
                return self._joined(args[-1:] if callee(node) == "filter" else args, depth)
            case ast.Call(args=args) if args:  # parameter_groups(net.parameters(), ...)
                handed = [nets for one in args if (nets := self.nets(one, depth - 1))]
                return handed[0] if len(handed) == 1 else None
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._joined([left, right], depth)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return self._joined(parts, depth)
            case ast.Starred(value=value):
                return self.nets(value, depth - 1)
            case ast.Dict(keys=keys, values=held):
                own = [
                    v for k, v in zip(keys, held, strict=True) if isinstance(k, ast.Constant) and k.value == "params"
                ]
                return self._joined(own, depth) if own else None
            case ast.ListComp(generators=[generator]) | ast.GeneratorExp(generators=[generator]):
                return self.nets(generator.iter, depth - 1)
            case ast.Name() | ast.Attribute():
                held_values = [b for b in self.project.holds(node) if b.how != "part"]
                if not held_values or any(b.item is not None or b.how != "is" for b in held_values):
                    return None
                return self._joined([b.value for b in held_values], depth)
            case ast.arg() if node in self._given:
                return self.nets(self._given[node], depth - 1)
            case ast.arg():
                values = self.project.arguments(node)
                return self.nets(values[0], depth - 1) if len(values) == 1 else None
        return None

    def _joined(self, parts: Iterable[ast.AST], depth: int) -> list[Net] | None:
        found: list[Net] = []
        for part in parts:
            nets = self.nets(part, depth - 1)
            if nets is None:
                return None
            found += [net for net in nets if not any(net.root == known.root for known in found)]
        return found

    def net(self, node: ast.expr) -> Net:
        """Return the network that an expression stands for."""
        while isinstance(node, ast.Attribute) and node.attr == "module":
            node = node.value
        for binding in self.project.holds(node) if self._given else ():
            if binding.value in self._given:
                node = self._given[binding.value]
                break
        return Net(last_name(node), holder_part(node, self.paths), self.root(node))

    def root(self, node: ast.AST, depth: int = 10) -> Root:
        """Return where an object comes from: the call that makes it, past wrappers, names and single callers."""
        if depth <= 0:
            return node, None
        match node:
            case ast.Attribute(attr="module", value=value):
                return self.root(value, depth - 1)
            case ast.Call(func=func, args=args) if callee(node) in WRAPPERS:
                if isinstance(func, ast.Attribute) and not args_hold(func) and not args:
                    return self.root(func.value, depth - 1)
                if isinstance(func, ast.Attribute) and not args_hold(func) and callee(node) in ("to", "cuda", "apply"):
                    return self.root(func.value, depth - 1)
                return self.root(args[0], depth - 1) if args else (node, None)
            case ast.Name() | ast.Attribute():
                roots: set[Root] = set()
                for binding in self.project.holds(node):
                    if binding.how != "is":
                        return node, None
                    if binding.item is not None:
                        inner = self.paths.unpacked(binding.value, binding.item)
                        at = (binding.value, binding.item) if inner is binding.value else self.root(inner, depth - 1)
                        roots.add(at)
                    elif binding.value is not node:
                        roots.add(self.root(binding.value, depth - 1))
                # One of several branches made it: the first stands for all of them.
                return min(roots, key=lambda root: getattr(root[0], "lineno", 0)) if roots else (node, None)
            case ast.arg():
                passed = {self.root(value, depth - 1) for value in self.project.arguments(node)}
                return passed.pop() if len(passed) == 1 else (node, None)
        return node, None

    # -- which optimizer an expression is

    def resolve(self, node: ast.AST, depth: int = 6) -> set[Trained]:
        """Return the optimizers that an expression may be; empty where it is not known to be any."""
        if node in self.by_node and isinstance(node, ast.Call):
            return {self.by_node[node]}
        found: set[Trained] = set()
        if depth <= 0:
            return found
        match node:
            case ast.Name() | ast.Attribute():
                for binding in self.project.holds(node):
                    if binding.how == "each":
                        found |= self.elements(binding.value, depth - 1, binding.item)
                    elif binding.how == "is" and binding.item is None:
                        found |= self.resolve(binding.value, depth - 1)
                    elif binding.how == "is":
                        found |= self._item(binding.value, binding.item or 0, depth)
                return found or self._by_name(node)
            case ast.Subscript(value=value):
                return self.elements(value, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                return self.resolve(body, depth - 1) | self.resolve(orelse, depth - 1)
            case ast.Call(args=[first, *_]) if callee(node) in ("prepare", "setup", "setup_optimizers"):
                return self.resolve(first, depth - 1)
            case ast.arg():
                for value in self.project.arguments(node):
                    found |= self.resolve(value, depth - 1)
        return found

    def _item(self, value: ast.AST, item: int, depth: int) -> set[Trained]:
        inner = self.paths.unpacked(value, item)
        if inner is not value:
            return self.resolve(inner, depth - 1)
        if isinstance(value, ast.Call) and callee(value) in ("prepare", "initialize") and item < len(value.args):
            return self.resolve(value.args[item], depth - 1)
        made = self._configured(value)
        return self.resolve(made[item], depth - 1) if item < len(made) else set()

    def _configured(self, value: ast.AST) -> list[ast.expr]:
        """Return what Lightning's self.optimizers() gives: what configure_optimizers of the class returns."""
        if not (isinstance(value, ast.Call) and dotted(value.func) == "self.optimizers" and not value.args):
            return []
        info = self.project.owner_class(value)
        method = info.method("configure_optimizers") if info is not None else None
        results = self.project.returned(method) if method is not None else []
        made = results[0] if len(results) == 1 else None
        while isinstance(made, ast.Tuple | ast.List) and made.elts and isinstance(made.elts[0], ast.List | ast.Tuple):
            made = made.elts[0]  # ([opt_g, opt_d], [schedulers])
        return list(made.elts) if isinstance(made, ast.Tuple | ast.List) else []

    def _by_name(self, node: ast.Name | ast.Attribute) -> set[Trained]:
        if self._elsewhere(node):
            return set()
        known = self._named.get(last_name(node), [])
        code = self.project.code(node)
        same = [one for one in known if self.project.code(one.call) is code]
        return set(same or known)

    def _elsewhere(self, node: ast.Name | ast.Attribute) -> bool:
        """Return whether a name is known to hold something else: nets["D"] beside optimizers["D"]."""
        held = self.project.holds(node) if isinstance(node, ast.Attribute) else []
        return bool(held) and all(
            isinstance(b.value, ast.Call) and b.value not in self.by_node and callee(b.value) not in NAMES
            and (callee(b.value).endswith(_SCHEDULES) or bool(self.project.classes_of(b.value))
                 or bool(self.paths.builders_of(b.value))) for b in held
        )  # fmt: skip

    def elements(self, node: ast.AST, depth: int = 5, item: int | None = None) -> set[Trained]:
        """Return the optimizers that a list, a dict or a loop over one holds."""
        found: set[Trained] = set()
        if depth <= 0:
            return found
        match node:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                for part in parts:
                    found |= self.resolve(part, depth - 1)
                    found |= self.elements(part, depth - 1) if isinstance(part, ast.Tuple) else set()
            case ast.Dict(values=parts):
                for part in parts:
                    found |= self.resolve(part, depth - 1)
            case ast.Call(func=func, args=args) if callee(node) in _WALKS:
                for one in [*args, *([func.value] if isinstance(func, ast.Attribute) else [])]:
                    found |= self.elements(one, depth - 1)
            case ast.Name() | ast.Attribute():
                for binding in self.project.holds(node):
                    if binding.item is None and binding.how in ("is", "part"):
                        found |= self.elements(binding.value, depth - 1)
                        found |= self.resolve(binding.value, depth - 1) if binding.how == "part" else set()
                for call in self.appends.get(last_name(node), ()):
                    found |= self.resolve(call.args[0], depth - 1) | self.elements(call.args[0], depth - 1)
        return found

    # -- steps, and what is not understood

    def stepped(self, call: ast.Call) -> set[Trained] | None:
        """Return the optimizers that a call steps: none for another kind of step, None where that is not told."""
        if callee(call) not in STEPS or not isinstance(call.func, ast.Attribute):
            return set()
        for argument in call.args[:1]:
            known = self.resolve(argument)
            if known:
                return known
        receiver = call.func.value
        known = self.resolve(receiver)
        if known:
            return known
        if self.project.targets(call) or words.lowered(last_name(receiver)) & _OTHER_STEPS:
            return set()
        if isinstance(receiver, ast.Name | ast.Attribute):
            made = [callee(b.value) for b in self.project.holds(receiver) if isinstance(b.value, ast.Call)]
            if made and all(name.endswith((*_SCHEDULES, "profile", "tqdm")) for name in made):
                return set()
            if any(words.lowered(last_name(b.value)) & _OTHER_STEPS for b in self.project.holds(receiver)):
                return set()
        return None

    def escapes(self, known: Trained) -> bool:
        """Return whether an optimizer is handed to code that is not understood, so that nobody knows who steps it."""
        if not known.name:
            return True
        reads = [read for read in self._reads[known.name] if isinstance(read, ast.Name | ast.Attribute)]
        return any(self._escapes(read, 5) for read in reads if not self._elsewhere(read))

    def _escapes(self, read: ast.AST, depth: int) -> bool:
        if depth <= 0:
            return True
        parent = self.project.parents.get(read)
        match parent:
            case ast.Attribute():
                return parent.attr not in _KEPT
            case ast.Call() if parent.func is not read:
                return self._escapes_into(read, parent, depth)
            case ast.keyword():
                around = self.project.parents.get(parent)
                return not isinstance(around, ast.Call) or self._escapes_into(read, around, depth)
            case ast.List() | ast.Tuple() | ast.Dict() | ast.Subscript():
                return self._container_escapes(parent, depth, read)
            case ast.Return():
                return self._result_escapes(parent, None, depth)
            case ast.FormattedValue() | ast.Compare() | ast.Expr() | ast.If():
                return False
            case ast.Assign():
                names = {last_name(target) for target in parent.targets} - {last_name(read)}
                return "" in names or any(self._escapes(one, depth - 1) for name in names for one in self._reads[name])
        return True

    def _result_escapes(self, node: ast.AST, item: int | None, depth: int) -> bool:
        """Whether what a function gives back gets out of sight at one of its callers."""
        function = self.project.function(node)
        callers = self.project.callers.get(function, ()) if function is not None else ()
        if not callers:
            return function is None or not self._by_hand(function)
        for call in callers:
            reads = [read for read, binding in self.project.readers.get(call, ()) if binding.item in (item, None)]
            if any(self._escapes(read, depth - 1) for read in reads):
                return True
            if not reads and not isinstance(self.project.parents.get(call), ast.Assign | ast.Expr):
                return True
        return False

    def _by_hand(self, function: Function) -> bool:
        """Return whether a Lightning module steps the optimizers itself that it makes in this function."""
        info = self.project.functions.get(function)
        if info is None or function.name != "configure_optimizers":
            return False
        off = info.attribute("automatic_optimization")
        asks = [
            call for call in self.project.calls if self._configured(call) and self.project.owner_class(call) is info
        ]
        reads = [binding for call in asks for _, binding in self.project.readers.get(call, ())]
        whole = bool(asks) and bool(reads) and all(binding.item is not None for binding in reads)
        return whole and bool(off) and all(getattr(binding.value, "value", None) is False for binding in off)

    def _escapes_into(self, read: ast.AST, call: ast.Call, depth: int) -> bool:
        name = callee(call)
        if name in _HARMLESS or name.endswith(_SCHEDULES):
            return name == "append" and self._append_escapes(call, depth)
        targets: tuple[Function, ...] = self.project.targets(call)
        if not targets:
            return True
        for function in targets:
            for parameter, value in self.project.passed(call, function):
                if value is read and any(self._escapes(one, depth - 1) for one, _ in self.project.users(parameter)):
                    return True
        return False

    def _append_escapes(self, call: ast.Call, depth: int) -> bool:
        holder = last_name(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        return not holder or any(self._element_escapes(one, depth - 1) for one in self._reads[holder])

    def _container_escapes(self, node: ast.AST, depth: int, read: ast.AST) -> bool:
        parent = self.project.parents.get(node)
        if isinstance(parent, ast.Return) and isinstance(node, ast.Tuple | ast.List):
            return self._result_escapes(parent, next(i for i, one in enumerate(node.elts) if one is read), depth)
        if isinstance(parent, ast.Tuple) and isinstance(self.project.parents.get(parent), ast.Return):
            return self._result_escapes(parent, None, depth)
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and last_name(parent.targets[0]):
            return any(self._element_escapes(one, depth - 1) for one in self._reads[last_name(parent.targets[0])])
        if isinstance(parent, ast.For | ast.comprehension):
            return self._element_escapes(node, depth)
        return True

    def _element_escapes(self, read: ast.AST, depth: int) -> bool:
        parent = self.project.parents.get(read)
        match parent:
            case ast.Attribute(attr="append" | "extend"):
                return False
            case ast.Subscript():
                return self._escapes(parent, depth)
            case ast.Attribute() if self.project.entry(read, parent.attr):
                return self._escapes(parent, depth)
            case ast.For() | ast.comprehension() if parent.iter is read:
                reads = [one for one, binding in self.project.readers.get(read, ()) if binding.how == "each"]
                return any(self._escapes(one, depth) for one in reads)
            case ast.Call() if callee(parent) in ("enumerate", "len", "zip"):
                return callee(parent) == "zip"
        return True


def last_name(node: ast.AST | None) -> str:
    """Return the last name of an expression: netG for self.netG and for models["netG"]."""
    if isinstance(node, ast.Subscript):
        key = node.slice
        return str(key.value) if isinstance(key, ast.Constant) and isinstance(key.value, str) else last_name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return dotted(node).rsplit(".", 1)[-1]
