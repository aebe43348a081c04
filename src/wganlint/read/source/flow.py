"""files -> read -> Run: which values a name can hold where it is read, by one pass over each scope."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LIBRARY = "of_library"  # set on calls such as torch.clamp(x) whose root is an imported name
MANY = 24  # bindings kept of one name in a whole scope
MOST = 8  # bindings kept for one name; more say nothing


class Binding(Struct, frozen=True):
    """A way a name gets its value: a syntax node, and which item of it (unpacking) or how ("each", "with", "part")."""

    value: ast.AST
    item: int | None = None
    how: str = "is"


Names = dict[str, tuple[Binding, ...]]
Key = str | int
TURN = "turn_of_loop"  # set on nodes of a loop that was written out: (its line, the round)
_RECORDS = frozenset({"dict", "SimpleNamespace", "Namespace", "ModuleDict", "EasyDict", "edict", "Munch", "AttrDict",
                      "Box", "DotDict", "OrderedDict", "ModuleList", "list", "tuple"})  # fmt: skip


def fields(node: ast.AST) -> list[tuple[Key, ast.expr]]:
    """Return the entries of a dict, a namespace, a list or a tuple that is written out: (key or position, value)."""
    match node:
        case ast.Dict(keys=keys, values=values):
            named = [(key.value, value) for key, value in zip(keys, values, strict=True)
                     if isinstance(key, ast.Constant) and isinstance(key.value, str)]  # fmt: skip
            return [(key, value) for key, value in named if key.isidentifier()] if len(named) == len(keys) else []
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [] if any(isinstance(one, ast.Starred) for one in parts) else list(enumerate(parts))
        case ast.Call(func=func, args=args, keywords=keywords):
            name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
            if name in ("to", "cuda") and isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call):
                return fields(func.value)  # nn.ModuleDict({...}).to(device)
            if name not in _RECORDS or len(args) > 1:
                return []
            given = [(one.arg, one.value) for one in keywords if one.arg is not None]
            return [*(fields(args[0]) if args else []), *given]
    return []


def order(node: ast.AST, *, end: bool = False) -> tuple[int, int, int, int]:
    """Return what sorts nodes of a file in the order in which they run, as far as lines and written-out loops tell."""
    which = ("end_lineno", "end_col_offset") if end else ("lineno", "col_offset")
    line, column = (getattr(node, one, 0) or 0 for one in which)
    turn = getattr(node, TURN, None)
    return (turn[0], turn[1], line, column) if turn else (line, 0, line, column)


def indexed(base: str, key: int) -> str:
    """Return the name for an entry of a list: optimizers[1]."""
    return f"{base}[{key}]"


class Flow(Struct):
    """What the pass found in one file."""

    bindings: dict[ast.AST, tuple[Binding, ...]] = field(default_factory=dict)  # a read -> what it can hold
    readers: dict[ast.AST, list[tuple[ast.expr, Binding]]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    named: dict[Scope, dict[str, list[Binding]]] = field(default_factory=dict)  # all bindings of a scope
    nodes: list[ast.AST] = field(default_factory=list)  # all nodes, outer ones first
    free: list[tuple[ast.expr, Scope, str]] = field(default_factory=list)  # reads that the own scope does not bind

    def bind(self, reader: ast.expr, bindings: Iterable[Binding]) -> None:
        """Record that a read sees these bindings."""
        known = self.bindings.get(reader, ())
        fresh = tuple(binding for binding in bindings if binding not in known)[: MOST - len(known)]
        if fresh:
            self.bindings[reader] = known + fresh
            for binding in fresh:
                self.readers[binding.value].append((reader, binding))


def dotted(node: ast.AST | None) -> str:
    """Return `a.b.c` for a chain of names, else an empty string."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def follow(tree: ast.Module) -> Flow:
    """Return the flow of values in one file."""
    flow = Flow()
    imported: set[str] = set()
    calls: list[ast.Call] = []
    flow.nodes.append(tree)
    for node in flow.nodes:  # grows while it is walked
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.expr_context | ast.operator):
                flow.parents[child] = node
                flow.nodes.append(child)
        if isinstance(node, ast.alias):
            imported.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Call):
            calls.append(node)
    for call in calls:
        if isinstance(call.func, ast.Attribute) and dotted(call.func).split(".")[0] in imported:
            setattr(call, LIBRARY, True)
    walker = _Walker(flow)
    walker.scope(tree, {})
    _bind_free(flow)
    return flow


def _bind_free(flow: Flow) -> None:
    for reader, scope, name in flow.free:
        node: ast.AST | None = flow.parents.get(scope)
        while node is not None:
            if isinstance(node, Scope) and name in flow.named.get(node, {}):
                flow.bind(reader, flow.named[node][name])
                break
            node = flow.parents.get(node)


def _merge(first: Names | None, second: Names | None) -> Names | None:
    if first is None or second is None:
        return first if second is None else second
    if first is second:
        return first
    merged = dict(first)
    for name, bindings in second.items():
        known = merged.get(name)
        if known is None:
            merged[name] = bindings
        elif known is not bindings:
            merged[name] = known + tuple(b for b in bindings if b not in known)[: max(0, MOST - len(known))]
    return merged


class _Walker:
    """Runs through statements with what each name holds; branches join, a branch that leaves does not."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.here: list[Scope] = []
        self.jumps: list[list[Names]] = []
        self.later: list[tuple[Scope, Names]] = []
        self.prefixes: set[str] = set()  # of dotted names that were ever bound

    def scope(self, tree: ast.Module, names: Names) -> None:
        self.later.append((tree, names))
        while self.later:
            scope, known = self.later.pop(0)
            self.here, self.jumps = [scope], []
            self.flow.named.setdefault(scope, {})
            if isinstance(scope, FUNCTIONS):
                for parameter in parameters(scope):
                    self.put(known, parameter.arg, Binding(parameter))
            self.block(scope.body, known)

    # -- names

    def put(self, names: Names, name: str, *bindings: Binding) -> None:
        if name in self.prefixes:
            for key in [key for key in names if key.startswith(name + ".")]:
                del names[key]
        for position, letter in enumerate(name):
            if letter == ".":
                self.prefixes.add(name[:position])
        names[name] = bindings[:MOST]
        store = self.flow.named[self.here[-1]].setdefault(name, [])
        if len(store) < MANY:
            store.extend(binding for binding in bindings if binding not in store)

    def assign(self, target: ast.expr, value: ast.AST, names: Names, item: int | None = None, how: str = "is") -> None:
        match target:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                whole = value.elts if isinstance(value, ast.Tuple | ast.List) and how == "is" else None
                starred = any(isinstance(part, ast.Starred) for part in parts)
                for number, part in enumerate(parts):
                    inner = part.value if isinstance(part, ast.Starred) else part
                    if whole is not None and len(whole) == len(parts) and not starred:
                        self.assign(inner, whole[number], names)
                    else:
                        self.assign(inner, value, names, None if starred else number, how)
            case ast.Subscript(value=base):
                self.expression(target.slice, names)
                self.expression(base, names)
                name = dotted(base)
                if name:
                    self.put(names, name, *names.get(name, ()), Binding(value, None, "part"))
            case ast.Name() | ast.Attribute():
                name = dotted(target)
                if isinstance(target, ast.Attribute):
                    self.expression(target.value, names)
                if name:
                    self.put(names, name, Binding(value, item, how))
                    if item is None and how == "is":
                        self.entries(names, name, value)

    def entries(self, names: Names, name: str, value: ast.AST) -> None:
        """`nets = {"D": critic}` gives nets.D a value, too."""
        for key, one in fields(value)[:MANY]:
            inner = key if isinstance(key, str) else indexed(name.rsplit(".", 1)[-1], key)
            self.put(names, f"{name}.{inner}", Binding(one))

    # -- expressions

    def expression(self, node: ast.AST | None, names: Names) -> None:
        match node:
            case None:
                return
            case ast.Name(ctx=ast.Load()):
                self.read(node, node.id, names)
            case ast.Attribute():
                name = dotted(node)
                if name and name in names:
                    self.flow.bind(node, names[name])
                self.expression(node.value, names)
            case ast.NamedExpr(target=target, value=value):
                self.expression(value, names)
                self.assign(target, value, names)
            case ast.Lambda():
                inner = dict(names)
                for parameter in parameters(node):
                    inner[parameter.arg] = (Binding(parameter),)
                for default in [*node.args.defaults, *node.args.kw_defaults]:
                    self.expression(default, names)
                self.expression(node.body, inner)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                self.comprehension(node, dict(names))
            case ast.Call():
                for child in ast.iter_child_nodes(node):
                    self.expression(child, names)
                self.edit(node, names)
            case _:
                for child in ast.iter_child_nodes(node):
                    self.expression(child, names)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, names: Names) -> None:
        for generator in node.generators:
            self.expression(generator.iter, names)
            self.assign(generator.target, generator.iter, names, how="each")
            for test in generator.ifs:
                self.expression(test, names)
        if isinstance(node, ast.DictComp):
            self.expression(node.key, names)
            self.expression(node.value, names)
        else:
            self.expression(node.elt, names)

    def read(self, node: ast.Name, name: str, names: Names) -> None:
        if name in names:
            self.flow.bind(node, names[name])
        else:
            self.flow.free.append((node, self.here[-1], name))

    def edit(self, call: ast.Call, names: Names) -> None:
        """`x.fill_(v)` makes x hold the call; `x[m].fill_(v)` and `x.data.clamp_()` edit a part of it."""
        func = call.func
        if not (isinstance(func, ast.Attribute) and func.attr.endswith("_") and not func.attr.startswith("_")):
            return
        name = dotted(func.value)
        if name and name != "self" and not name.endswith("init"):
            self.put(names, name, Binding(call))
        elif isinstance(func.value, ast.Subscript) and dotted(func.value.value):
            name = dotted(func.value.value)
            self.put(names, name, *names.get(name, ()), Binding(call, None, "part"))

    # -- statements

    def block(self, body: list[ast.stmt], names: Names | None) -> Names | None:
        for statement in body:
            if names is None:
                return None
            names = self.statement(statement, names)
        return names

    def statement(self, node: ast.stmt, names: Names) -> Names | None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return self.definition(node, names)
            case ast.Assign(targets=targets, value=value):
                self.expression(value, names)
                for target in targets:
                    self.assign(target, value, names)
            case ast.AnnAssign(target=target, value=value):
                self.expression(value, names)
                if value is not None:
                    self.assign(target, value, names)
            case ast.AugAssign():
                self.augment(node, names)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    self.put(names, (alias.asname or alias.name).split(".")[0], Binding(alias))
            case ast.Return(value=value) | ast.Raise(exc=value):
                self.expression(value, names)
                return None
            case ast.Break() | ast.Continue():
                if self.jumps:
                    self.jumps[-1].append(names)
                return None
            case _:
                return self.compound(node, names)
        return names

    def compound(self, node: ast.stmt, names: Names) -> Names | None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self.expression(test, names)
                return _merge(self.block(body, dict(names)), self.block(orelse, dict(names)))
            case ast.For() | ast.AsyncFor() | ast.While():
                return self.loop(node, names)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    self.expression(item.context_expr, names)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, item.context_expr, names, how="with")
                return self.block(body, names)
            case ast.Try() | ast.TryStar():
                return self.attempt(node, names)
            case ast.Match(subject=subject, cases=cases):
                self.expression(subject, names)
                result: Names | None = names
                for case in cases:
                    result = _merge(result, self.block(case.body, dict(names)))
                return result
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.expression(child, names)
        return names

    def definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, names: Names) -> Names:
        for decorator in node.decorator_list:
            self.expression(decorator, names)
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                self.expression(base, names)
            inner = dict(names)
            for statement in node.body:  # names of a class body are kept apart from those around it
                keep = self.flow.named[self.here[-1]]
                self.flow.named[self.here[-1]] = {}
                self.statement(statement, inner)
                self.flow.named[self.here[-1]] = keep
        else:
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                self.expression(default, names)
            for parameter in parameters(node):
                self.expression(parameter.annotation, names)
            self.later.append((node, {}))
        self.put(names, node.name, Binding(node))
        return names

    def augment(self, node: ast.AugAssign, names: Names) -> None:
        """`x += y` is read as x = x + y, with a fresh read of x."""
        self.expression(node.value, names)
        if not isinstance(node.target, ast.Name | ast.Attribute):
            return
        name = dotted(node.target)
        left: ast.expr
        if isinstance(node.target, ast.Name):
            left = ast.Name(node.target.id, ast.Load())
        else:
            left = ast.Attribute(node.target.value, node.target.attr, ast.Load())
        ast.copy_location(left, node.target)
        total = ast.copy_location(ast.BinOp(left, node.op, node.value), node)
        self.flow.parents[left] = self.flow.parents[node.value] = total
        self.flow.parents[total] = node
        if name in names:
            self.flow.bind(left, names[name])
        elif isinstance(left, ast.Name):
            self.flow.free.append((left, self.here[-1], name))
        if name:
            self.put(names, name, Binding(total))

    def loop(self, node: ast.For | ast.AsyncFor | ast.While, names: Names) -> Names | None:
        self.jumps.append([])
        inner = dict(names)
        if isinstance(node, ast.While):
            self.expression(node.test, inner)
        else:
            self.expression(node.iter, inner)
            self.assign(node.target, node.iter, inner, how="each")
        result = _merge(names, self.block(node.body, inner))
        for jump in self.jumps.pop():
            result = _merge(result, jump)
        return self.block(node.orelse, result) if node.orelse else result

    def attempt(self, node: ast.Try | ast.TryStar, names: Names) -> Names | None:
        done = self.block(node.body, dict(names))
        started = _merge(names, done) or names
        done = self.block(node.orelse, done) if node.orelse else done
        for handler in node.handlers:
            done = _merge(done, self.block(handler.body, dict(started)))
        return self.block(node.finalbody, done) if node.finalbody else done


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.arg]:
    """Yield all parameters of a function in their order."""
    yield from node.args.posonlyargs
    yield from node.args.args
    if node.args.vararg:
        yield node.args.vararg
    yield from node.args.kwonlyargs
    if node.args.kwarg:
        yield node.args.kwarg
