"""files -> read -> Run: syntax trees are put in plainer words: what sits in a dict or a list gets a name of its own.

`nets["D"]` becomes the attribute D of nets, a comprehension or a short loop over known keys is written out, and a
lambda that is kept becomes a function. Lines and columns stay; nothing is left out.
"""

from __future__ import annotations

import ast
import copy
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, TypeVar

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import FUNCTIONS, TURN, Key, fields, indexed
from wganlint.read.source.parse import Code

ROUNDS = 3  # a dict made from a dict made from a dict
_MOST = 4  # entries of a dict or a list that is written out
_LONGEST = 40  # statements of a loop's body that is written out
_WORKS = frozenset({"step", "backward", "zero_grad", "manual_backward", "training_step", "append", "requires_grad_"})
Shape = tuple[Key, ...]
Node = TypeVar("Node", bound=ast.AST)


def plainer(codes: Sequence[Code]) -> None:
    """Rewrite the trees of all files."""
    for code in codes:
        _Lambdas().visit(code.tree)
    shapes = Shapes(codes)
    for _ in range(ROUNDS):
        rounds = [_Unroll(shapes, code) for code in codes]
        for one in rounds:
            one.visit(one.code.tree)
        if not any(one.changed for one in rounds):
            break
        shapes = Shapes(codes)
    for code in codes:
        _Keys(shapes, code).visit(code.tree)
        ast.fix_missing_locations(code.tree)


class Shapes:
    """Which keys a name can have, by its last name; those of the same file first."""

    def __init__(self, codes: Sequence[Code]) -> None:
        self.values: dict[tuple[str, str], list[ast.expr]] = defaultdict(list)  # (file, name) -> what it is given
        self.anywhere: dict[str, list[ast.expr]] = defaultdict(list)
        self.returns: dict[str, list[ast.expr]] = defaultdict(list)
        self.added: dict[tuple[str, str], list[str]] = defaultdict(list)  # opts["d"] = ...
        for code in codes:
            self._look(code)

    def _look(self, code: Code) -> None:
        """Take note of all assignments of a file, and of what its functions return."""
        functions: list[tuple[str, list[ast.expr]]] = []
        nodes: deque[tuple[ast.AST, tuple[list[ast.expr], ...]]] = deque([(code.tree, ())])
        while nodes:
            node, around = nodes.popleft()
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self._note(code, target, node.value)
            elif isinstance(node, FUNCTIONS):
                functions.append((node.name, []))
                around = (*around, functions[-1][1])
            elif isinstance(node, ast.Return) and node.value is not None:
                for returned in around:
                    returned.append(node.value)
            nodes.extend((child, around) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))
        for name, returned in functions:
            self.returns[name] += returned

    def _note(self, code: Code, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Call | ast.Name | ast.Attribute):
            for at, one in enumerate(target.elts):
                self._note(code, one, entry(value, at, value))
        name = _last(target)
        if name:
            self.values[code.path, name].append(value)
            self.anywhere[name].append(value)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            key = target.slice.value
            if isinstance(key, str) and key.isidentifier() and key not in self.added[code.path, _last(target.value)]:
                self.added[code.path, _last(target.value)].append(key)

    def of(self, node: ast.expr, code: Code, depth: int = 6) -> Shape:
        """Return the keys of an expression; none where they are not known."""
        entries = self.entries(node, code, depth)
        return tuple(key for key, _ in entries)

    def entries(self, node: ast.expr, code: Code, depth: int = 6) -> list[tuple[Key, ast.expr | None]]:
        """Return keys and values of an expression."""
        if depth <= 0:
            return []
        own = fields(node)
        if own:
            return list(own) if len(own) <= 16 else []
        match node:
            case ast.Attribute(value=base, attr=name) if name.endswith("]"):
                at = name[name.rindex("[") + 1 : -1]
                picked = [value for key, value in self.entries(base, code, depth - 1) if str(key) == at]
                return self.entries(picked[0], code, depth - 1) if picked and picked[0] is not None else []
            case ast.Name() | ast.Attribute():
                name = _last(node)
                values = self.values.get((code.path, name)) or self.anywhere.get(name, [])
                found = self._agreed([self.entries(value, code, depth - 1) for value in values[:6]
                                      if not _empty(value)])  # fmt: skip
                more = (
                    self.added.get((code.path, name), [])
                    if all(_empty(value) or fields(value) for value in values)
                    else []
                )
                keys = {key for key, _ in found}
                return [*found, *((key, None) for key in more if key not in keys)]
            case ast.Call(func=ast.Name() | ast.Attribute()):
                made = self.returns.get(callee(node), [])
                return self._agreed([self.entries(value, code, depth - 1) for value in made[:6]])
        return []

    def _agreed(self, every: list[list[tuple[Key, ast.expr | None]]]) -> list[tuple[Key, ast.expr | None]]:
        shapes = {tuple(key for key, _ in entries) for entries in every}
        return every[0] if len(shapes) == 1 else []


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _empty(node: ast.expr) -> bool:
    match node:
        case ast.Dict(keys=[]) | ast.List(elts=[]) | ast.Constant(value=None):
            return True
        case ast.Call(args=[], keywords=[]):
            return callee(node) in ("dict", "list", "ModuleDict", "ModuleList", "SimpleNamespace")
    return False


def entry(base: ast.expr, key: Key, at: ast.expr) -> ast.Attribute:
    """Return the expression for one entry of a dict or list, as an attribute."""
    name = key if isinstance(key, str) else indexed(_last(base) or callee(base), key)
    return ast.copy_location(ast.Attribute(base, name, ast.Load()), at)


# -- lambdas


class _Lambdas(ast.NodeTransformer):
    """`return lambda x: ...` and `{"d": lambda x: ...}` become functions before the statement."""

    def __init__(self) -> None:
        self.in_class = False

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, ast.expr) else super().visit(node)  # no statement stands in an expression

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer, self.in_class = self.in_class, True
        self.generic_visit(node)
        self.in_class = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer, self.in_class = self.in_class, False
        self.generic_visit(node)
        self.in_class = outer
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        return self._statement(node)

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        return self._statement(node)

    def _statement(self, node: ast.Assign | ast.Return) -> ast.AST | list[ast.stmt]:
        if self.in_class or node.value is None:
            return node
        made: list[ast.stmt] = []
        node.value = _unlambda(node.value, made, 4)
        return [*made, node] if made else node


def _unlambda(node: ast.expr, made: list[ast.stmt], depth: int) -> ast.expr:
    match node:
        case ast.Lambda(args=args, body=body):
            name = f"<lambda {node.lineno}:{node.col_offset}>"
            back = ast.copy_location(ast.Return(body), body)
            function = ast.FunctionDef(name=name, args=args, body=[back], decorator_list=[], returns=None)
            made.append(ast.copy_location(function, node))
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) if depth:
            node.elts = [_unlambda(part, made, depth - 1) for part in parts]
        case ast.Dict(values=values) if depth:
            node.values = [_unlambda(value, made, depth - 1) for value in values]
        case ast.IfExp(body=body, orelse=orelse) if depth:
            node.body, node.orelse = _unlambda(body, made, depth - 1), _unlambda(orelse, made, depth - 1)
        case ast.Subscript(value=value) if depth:  # {"wgan": lambda ...}[name]
            node.value = _unlambda(value, made, depth - 1)
        case ast.Call(keywords=known) if depth and callee(node) in ("dict", "SimpleNamespace"):
            for one in known:
                one.value = _unlambda(one.value, made, depth - 1)
    return node


# -- comprehensions and loops over known keys


class _Unroll(ast.NodeTransformer):
    """`{k: Adam(n.parameters()) for k, n in nets.items()}` and loops that step each of a few optimizers."""

    def __init__(self, shapes: Shapes, code: Code) -> None:
        self.shapes, self.code = shapes, code
        self.changed = False

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        self.generic_visit(node)
        rounds = self._rounds_of(node.generators)
        if not rounds or not _makes(node.value):
            return node
        keys = [_filled(node.key, names) for names in rounds]
        if not all(isinstance(key, ast.Constant) for key in keys):
            return node
        self.changed = True
        made = ast.Dict(list(keys), [_filled(node.value, names) for names in rounds])
        return ast.copy_location(made, node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        self.generic_visit(node)
        rounds = self._rounds_of(node.generators)
        picks = isinstance(node.elt, ast.Subscript) and isinstance(node.elt.slice, ast.Constant)
        if not rounds or not (_makes(node.elt) or picks):
            return node
        self.changed = True
        return ast.copy_location(ast.List([_filled(node.elt, names) for names in rounds], ast.Load()), node)

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        inner = [one for statement in node.body for one in ast.walk(statement)]
        if node.orelse or sum(isinstance(one, ast.stmt) for one in inner) > _LONGEST or not self._worth(node, inner):
            return node
        if any(isinstance(one, ast.Break | ast.Continue | ast.FunctionDef | ast.Return) for one in inner):
            return node
        rounds = self._rounds(node.target, node.iter)
        if not rounds:
            return node
        set_here = {_last(one) for one in inner if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        if set_here & set(rounds[0]):
            return node
        self.changed = True
        copies: list[ast.stmt] = []
        for at, names in enumerate(rounds):
            for statement in node.body:
                filled = _filled(statement, names)
                for one in ast.walk(filled):
                    setattr(one, TURN, (node.lineno, at))
                copies.append(filled)
        return copies

    def _worth(self, node: ast.For, inner: list[ast.AST]) -> bool:
        named = {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
        for one in inner:
            if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store):
                if isinstance(one.slice, ast.Name) and one.slice.id in named:
                    return True
            elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in _WORKS:
                used = {name.id for name in ast.walk(one) if isinstance(name, ast.Name)}
                if used & named:
                    return True
        return False

    def _rounds_of(self, generators: list[ast.comprehension]) -> list[dict[str, ast.expr]]:
        if len(generators) != 1 or generators[0].ifs:
            return []
        return self._rounds(generators[0].target, generators[0].iter)

    def _rounds(self, target: ast.expr, walked: ast.expr) -> list[dict[str, ast.expr]]:
        """Return what the names of a loop's target are in each round; nothing where that is not told."""
        values = self._walked(walked)
        if not values or len(values) > _MOST:
            return []
        rounds = [_matched(target, value) for value in values]
        return [one for one in rounds if one is not None] if all(one is not None for one in rounds) else []

    def _walked(self, node: ast.expr) -> list[ast.expr]:
        """Return the values that a loop over an expression sees."""
        match node:
            case ast.Call(func=ast.Attribute(value=base, attr="items" | "values" | "keys" as way), args=[]):
                keys = self.shapes.of(base, self.code)
                if not all(isinstance(key, str) for key in keys):
                    return []
                if way == "items":
                    return [_pair(_word(key, node), entry(base, key, node), node) for key in keys]
                return [entry(base, key, node) if way == "values" else _word(key, node) for key in keys]
            case ast.Call(func=ast.Name(id="enumerate"), args=[base], keywords=[]):
                return [_pair(_word(at, node), value, node) for at, value in enumerate(self._walked(base))]
            case ast.Call(func=ast.Name(id="zip"), args=[first, second]):
                pairs = list(zip(self._walked(first), self._walked(second), strict=False))
                return [_pair(one, other, node) for one, other in pairs]
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return [] if any(isinstance(part, ast.Starred) for part in parts) else list(parts)
            case ast.Name() | ast.Attribute() | ast.Call():
                entries = self.shapes.entries(node, self.code)
                if entries and all(isinstance(key, int) for key, _ in entries):
                    if isinstance(node, ast.Call) or any(value is not None and _thing(value) for _, value in entries):
                        return [entry(node, key, node) for key, _ in entries]
                elif entries and isinstance(node, ast.Name | ast.Attribute):
                    return [_word(key, node) for key, _ in entries]
        return []


def _word(key: Key, at: ast.AST) -> ast.Constant:
    return ast.copy_location(ast.Constant(key), at)


def _pair(first: ast.expr, second: ast.expr, at: ast.AST) -> ast.Tuple:
    return ast.copy_location(ast.Tuple([first, second], ast.Load()), at)


def _matched(target: ast.expr, value: ast.expr) -> dict[str, ast.expr] | None:
    match target:
        case ast.Name(id=name):
            return {name: value}
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            if not isinstance(value, ast.Tuple | ast.List) or len(value.elts) != len(parts):
                return None
            found: dict[str, ast.expr] = {}
            for part, one in zip(parts, value.elts, strict=True):
                inner = _matched(part, one)
                if inner is None:
                    return None
                found |= inner
            return found
    return None


class _Fill(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self.names.get(node.id)
        return ast.copy_location(copy.deepcopy(value), node) if value is not None else node


def _filled(node: Node, names: dict[str, ast.expr]) -> Node:
    """Return a copy of a node in which names stand for these values."""
    filled: Node = _Fill(names).visit(copy.deepcopy(node))
    return filled


def _makes(node: ast.expr) -> bool:
    """Whether an expression makes an object: a class or a function is called, not a method of a value."""
    if not isinstance(node, ast.Call):
        return False
    name = callee(node)
    made = isinstance(node.func, ast.Name) and name not in ("float", "int", "str", "len", "sum")
    inner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return name[:1].isupper() or made or (name in ("to", "cuda") and isinstance(inner, ast.Call) and _makes(inner))


def _thing(node: ast.expr) -> bool:
    """Whether an entry of a list is an object that is worth a name: a network, an optimizer, a function, a dict."""
    name = _last(node)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    told = bool(words.part_of(name)) or bool(words.lowered(name) & {"optimizer", "opt", "optim"})
    return told or _makes(node) or isinstance(node, ast.Dict)


# -- keys


class _Keys(ast.NodeTransformer):
    """`nets["D"]` is read as `nets.D`, `optimizers[1]` as an attribute of that name."""

    def __init__(self, shapes: Shapes, code: Code) -> None:
        self.shapes, self.code = shapes, code
        self.known: dict[str, list[tuple[Key, ast.expr | None]]] = {}

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.slice, ast.Constant):
            key = node.slice.value
            if isinstance(key, str) and key.isidentifier() and self._has(node.value, key):
                found = ast.copy_location(ast.Attribute(node.value, key, node.ctx), node)
                return self.generic_visit(found)
            if (
                isinstance(key, int)
                and not isinstance(key, bool)
                and _last(node.value)
                and self._holds(node.value, key)
            ):
                found = ast.copy_location(ast.Attribute(node.value, indexed(_last(node.value), key), node.ctx), node)
                return self.generic_visit(found)
        return self.generic_visit(node)

    def _entries(self, base: ast.expr) -> list[tuple[Key, ast.expr | None]]:
        name = _last(base)
        if not name:
            return self.shapes.entries(base, self.code)
        if name not in self.known:
            self.known[name] = self.shapes.entries(base, self.code)
        return self.known[name]

    def _has(self, base: ast.expr, key: str) -> bool:
        if words.network_part(key) or (words.part_of(key) and words.lowered(key) & _HELD):
            return True
        return any(known == key for known, _ in self._entries(base))

    def _holds(self, base: ast.expr, key: int) -> bool:
        entries = self._entries(base)
        held = [value for known, value in entries if known == key]
        return bool(held) and any(value is not None and _thing(value) for _, value in entries)


_HELD = frozenset({"opt", "optim", "optimizer", "optimiser", "solver", "net", "loss"})
