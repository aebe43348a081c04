"""files -> read -> Run: all parsed files as one: who calls whom, and what a name stands for."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator

from wganlint.read.source.classes import WRAPPERS, Class, Function, args_hold, callee
from wganlint.read.source.flow import FUNCTIONS, MANY, Binding, Key, Scope, dotted, fields, indexed
from wganlint.read.source.index import Index
from wganlint.read.source.parse import Code


class Project(Index):
    """The parsed files and the answers to questions that span them; nothing is judged here."""

    def __init__(self, codes: list[Code]) -> None:
        super().__init__(codes)
        self.callers: dict[Function, list[ast.Call]] = defaultdict(list)
        self.said: Callable[[str], str | None] = lambda _: None  # the text of a setting by its name, once that is known
        self._classes_of: dict[ast.AST, tuple[Class, ...]] = {}
        self._targets: dict[ast.Call, tuple[Function, ...]] = {}
        self._asked: set[tuple[ast.AST, str]] = set()
        self._blind = True  # while callers are not known yet
        for call in self.calls:
            for target in self.targets(call):
                self.callers[target].append(call)
        self._blind = False
        self._classes_of.clear()
        self._targets.clear()
        seeing: dict[Function, list[ast.Call]] = defaultdict(list)
        for call in self.calls:  # what a parameter is, is asked of the callers that are known already: of all of them
            for target in self.targets(call):
                seeing[target].append(call)
        self.callers = seeing
        self._classes_of.clear()
        self._targets.clear()

    # -- values

    def hears(self, said: Callable[[str], str | None]) -> None:
        """Take over what settings say; which functions a call runs may hang on it."""
        self.said = said
        self._classes_of.clear()
        self._targets.clear()

    def holds(self, node: ast.AST) -> list[Binding]:
        """Return what a read of a name or of `self.x` can hold; empty where that is not known."""
        known = self.bindings.get(node)
        if known:
            return [found for binding in known for found in self._imported(binding)]
        if isinstance(node, ast.Attribute):
            base = dotted(node.value)
            info = self.self_class(node) if base in ("self", "cls") else None
            if info is not None:
                return info.attribute(node.attr)[:MANY]
            if base.startswith("self."):
                home = self.self_class(node)
                if home is not None and (kept := home.attribute(f"{base[5:]}.{node.attr}")):
                    return kept[:MANY]
            for owner in self.classes_of(node.value):
                if found := owner.attribute(node.attr):
                    return found
            return self.entry(node.value, node.attr)
        return []

    def entry(self, holder: ast.AST, key: str, depth: int = 6) -> list[Binding]:
        """Return what stands under a key of a dict, a list or a record class that an expression may be."""
        if depth <= 0 or (holder, key) in self._asked:
            return []
        self._asked.add((holder, key))
        try:
            return self._entry(holder, key, depth)
        finally:
            self._asked.discard((holder, key))

    def _entry(self, holder: ast.AST, key: str, depth: int) -> list[Binding]:
        number = int(key[key.rindex("[") + 1 : -1]) if key.endswith("]") else None
        wanted: Key = key if number is None else number
        own = [value for known, value in fields(holder) if known == wanted]
        if own:
            return [Binding(own[0])]
        found: list[Binding] = []
        match holder:
            case ast.Name() | ast.Attribute():
                for binding in self.holds(holder):
                    if binding.how == "is":
                        for value in self._picked(binding, depth):
                            found += self.entry(value, key, depth - 1)
            case ast.arg() if not self._blind:
                for value in self.arguments(holder):
                    found += self.entry(value, key, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                found = [*self.entry(body, key, depth - 1), *self.entry(orelse, key, depth - 1)]
            case ast.Subscript():
                for value in self.choices(holder):
                    found += self.entry(value, key, depth - 1)
            case ast.Call():
                for made in [*self.definitions(holder.func), *self.targets(holder)]:
                    if isinstance(made, FUNCTIONS) and made.name != "__init__":
                        for value in self.returned(made):
                            if self.reached(value, holder, made):
                                found += self._of_call(self.entry(value, key, depth - 1), holder, made)
                    elif isinstance(made, ast.ClassDef) and "__init__" not in self.classes[made].methods:
                        found += [Binding(word.value) for word in holder.keywords if word.arg == key]
                if not found and callee(holder) in WRAPPERS and isinstance(holder.func, ast.Attribute):
                    found = self.entry(holder.func.value, key, depth - 1)
        return list(dict.fromkeys(found))

    def _of_call(self, entries: list[Binding], call: ast.Call, maker: Function) -> list[Binding]:
        """Leave out the functions that a call of their maker does not come to: `if name == "hinge": def loss ...`."""
        kept: list[Binding] = []
        for binding in entries:
            made = self.definitions(binding.value)
            nested = [one for one in made if isinstance(one, FUNCTIONS) and self.function(one) is maker]
            if nested and len(nested) == len(made):
                kept += [Binding(one) for one in nested if self.reached(one, call, maker)]
            else:
                kept.append(binding)
        return kept

    def _picked(self, binding: Binding, depth: int) -> list[ast.AST]:
        """Return what a binding stands for: the item of a tuple, also of one that a function gives back."""
        if binding.item is None:
            return [binding.value]
        name = indexed("", binding.item)
        return [one.value for one in self.entry(binding.value, name, depth - 1) if one.item is None]

    def ever(self, node: ast.Name | ast.Attribute) -> list[Binding]:
        """Return what a read can hold in any round: also what a loop around it sets further down, or another method."""
        held = self.holds(node)
        if isinstance(node, ast.Attribute):
            info = self.self_class(node) if dotted(node.value) in ("self", "cls") else None
            return [*held, *(one for one in info.attribute(node.attr)[:MANY] if one not in held)] if info else held
        scope: ast.AST = self.function(node) or self.code(node).tree
        own = self.named.get(scope, {}).get(node.id, []) if isinstance(scope, Scope) else []
        for loop, _ in self.around(node):
            if not isinstance(loop, ast.For | ast.AsyncFor | ast.While) or all(_within(b.value, loop) for b in held):
                continue
            held = [*held, *(one for one in own if one not in held and _within(one.value, loop))]
        return held

    def _imported(self, binding: Binding) -> list[Binding]:
        """Follow `from model import X` to X in that file, if the file is among the ones given."""
        if not isinstance(binding.value, ast.alias):
            return [binding]
        statement = self.parents.get(binding.value)
        if not isinstance(statement, ast.ImportFrom):
            return [binding]
        stem = (statement.module or "").split(".")[-1]
        for code in self._nearest(stem, self.code(statement)):
            found = self.named.get(code.tree, {}).get(binding.value.name)
            if found:
                return [one for one in found if not isinstance(one.value, ast.alias)] or [binding]
        return [binding]

    def module_member(self, node: ast.Attribute) -> list[Binding]:
        """Return what `losses.name` stands for where `losses` is one of the files."""
        base = node.value
        if not isinstance(base, ast.Name):
            return []
        for binding in self.bindings.get(base, ()):
            if isinstance(binding.value, ast.alias):
                stem = binding.value.name.split(".")[-1]
                for code in self._stems.get(stem, ()):
                    if node.attr in self.named.get(code.tree, {}):
                        return self.named[code.tree][node.attr]
        return []

    def definitions(self, node: ast.AST, depth: int = 6) -> list[ast.AST]:
        """Return the functions, classes or other nodes that a callee expression stands for."""
        if isinstance(node, ast.Name | ast.Attribute) and depth:
            bindings = self.holds(node)
            if not bindings and isinstance(node, ast.Attribute):
                bindings = self.module_member(node)
            direct = [value for binding in bindings if binding.how == "is" for value in self._picked(binding, depth)]
            return list(dict.fromkeys(found for value in direct for found in self.definitions(value, depth - 1)))
        if isinstance(node, ast.Call) and depth:
            return list(self._given_back(node, depth)) or [node]
        if isinstance(node, ast.Subscript) and depth:
            made = [found for value in self.choices(node) for found in self.definitions(value, depth - 1)]
            return list(dict.fromkeys(made)) or [node]
        return [node]

    def _given_back(self, call: ast.Call, depth: int) -> dict[ast.AST, None]:
        """Return the user's functions that a call gives back: get_loss("hinge"), partial(loss, margin=1.0)."""
        found: dict[ast.AST, None] = {}
        if callee(call) == "partial" and len(call.args) == 1:
            return dict.fromkeys(self.definitions(call.args[0], depth - 1))
        if callee(call) in WRAPPERS:
            return found
        for maker in self.targets(call):
            for value in self.returned(maker) if maker.name != "__init__" else ():
                for made in self.definitions(value, depth - 1):
                    if isinstance(made, FUNCTIONS) and self.reached(made, call, maker):
                        found[made] = None
        return found

    def reached(self, node: ast.AST, call: ast.Call, function: Function) -> bool:
        """Return whether code in a function can be come to in this call, as far as its words and numbers tell."""
        given = dict(self.passed(call, function))
        for parent, child in self.around(node):
            if not isinstance(parent, ast.If) or child is parent.test:
                continue
            holds = self._compared(parent.test, given)
            if holds is not None and (child in parent.body) is not holds:
                return False
        return True

    def _compared(self, test: ast.expr, given: dict[ast.arg, ast.expr]) -> bool | None:
        match test:
            case ast.Name():
                value = self._given(test, given)
                return bool(value.value) if isinstance(value, ast.Constant) else None
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                held = self._compared(inner, given)
                return None if held is None else not held
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]):
                value = self._given(left, given)
                if value is None or isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
                    return None
                return (isinstance(value, ast.Constant) and value.value is None) is isinstance(op, ast.Is)
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq() as op], comparators=[right]):
                first, second = self._spoken(left, given), self._spoken(right, given)
                if first is None or second is None:
                    return None
                return (first == second) is isinstance(op, ast.Eq)
            case ast.Compare(left=left, ops=[ast.In()], comparators=[ast.Tuple(elts=parts) | ast.List(elts=parts)]):
                words_ = [self._spoken(part, given) for part in parts]
                first = self._spoken(left, given)
                return first in words_ if first is not None and None not in words_ else None
        return None

    def _given(self, node: ast.expr, given: dict[ast.arg, ast.expr]) -> ast.expr | None:
        """Return what a parameter is in one call: what is passed, else its default."""
        held = self.holds(node)
        parameter = held[0].value if len(held) == 1 else None
        return given.get(parameter) or self.default(parameter) if isinstance(parameter, ast.arg) else None

    def _spoken(self, node: ast.expr, given: dict[ast.arg, ast.expr]) -> str | None:
        for binding in self.holds(node):
            if isinstance(binding.value, ast.arg) and binding.value in given:
                return self.word(given[binding.value])
        return self.word(node)

    def word(self, node: ast.AST | None, depth: int = 8) -> str | None:
        """Return the text that an expression is by default: a constant, an option's default, an entry of a file."""
        if node is None or depth <= 0:
            return None
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name() | ast.Attribute():
                held = self.holds(node)
                if len(held) == 1 and held[0].item is None and held[0].how == "is":
                    return self.word(held[0].value, depth - 1)
                return self.said(node.attr) if isinstance(node, ast.Attribute) and not held else None
            case ast.Subscript(slice=ast.Constant(value=str() as key)):
                return self.said(key)
            case ast.arg():
                passed = {self.word(value, depth - 1) for value in self.arguments(node)}
                passed = passed or {self.word(self.default(node), depth - 1)}
                return passed.pop() if len(passed) == 1 else None
            case ast.Call(func=ast.Attribute(value=base, attr="lower" | "strip")):
                return self.word(base, depth - 1)
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str() as key), *rest]):
                return self.said(key) or (self.word(rest[0], depth - 1) if rest else None)
        return None

    def choices(self, node: ast.Subscript) -> list[ast.AST]:
        """Return what `table[name]` may be: the entry of that name, or every one where the name is not told."""
        tables = [node.value] if fields(node.value) else [
            value for binding in self._held(node.value) if binding.how == "is" for value in self._picked(binding, 4)
        ]  # fmt: skip
        name = self.word(node.slice)
        found: list[ast.AST] = []
        for table in tables:
            entries = fields(table)
            own = [value for key, value in entries if key == name]
            found += own or [value for _, value in entries]
        return found

    def _held(self, node: ast.AST) -> list[Binding]:
        held = self.holds(node)
        return held or (self.module_member(node) if isinstance(node, ast.Attribute) else [])

    def classes_of(self, node: ast.AST, depth: int = 8) -> tuple[Class, ...]:
        """Return the classes of which an expression may be an instance."""
        if node in self._classes_of:
            return self._classes_of[node]
        self._classes_of[node] = ()  # a cycle ends here
        found: list[Class] = []
        if depth:
            for info in self._find_classes(node, depth):
                if info not in found:
                    found.append(info)
        self._classes_of[node] = tuple(found)
        return tuple(found)

    def _find_classes(self, node: ast.AST, depth: int) -> Iterator[Class]:
        match node:
            case ast.Name(id="self"):
                info = self.self_class(node)
                if info is not None:
                    yield info
            case ast.Name() | ast.Attribute():
                for binding in self.holds(node):
                    for value in self._picked(binding, depth) if binding.how in ("is", "with") else ():
                        yield from self.classes_of(value, depth - 1)
            case ast.arg(annotation=annotation):
                if annotation is not None:
                    for found in self.definitions(annotation):
                        if isinstance(found, ast.ClassDef):
                            yield self.classes[found]
                if not self._blind:
                    for value in self.arguments(node):
                        yield from self.classes_of(value, depth - 1)
            case ast.IfExp(body=body, orelse=orelse):
                yield from self.classes_of(body, depth - 1)
                yield from self.classes_of(orelse, depth - 1)
            case ast.Call(func=func, args=args):
                for found in self.definitions(func):
                    if isinstance(found, ast.ClassDef):
                        yield self.classes[found]
                    elif isinstance(found, FUNCTIONS):
                        for value in self.returned(found):
                            yield from self.classes_of(value, depth - 1)
                name = callee(node)
                if name in WRAPPERS:
                    inner = func.value if isinstance(func, ast.Attribute) and not args_hold(func) else None
                    for value in [inner] if inner is not None else args[:1]:
                        yield from self.classes_of(value, depth - 1)
                    if args and inner is not None and name in ("compile", "prepare", "DataParallel", "deepcopy"):
                        yield from self.classes_of(args[0], depth - 1)

    def targets(self, call: ast.Call) -> tuple[Function, ...]:
        """Return the functions of the user that a call runs: functions, methods, or `forward` of a network."""
        if call in self._targets:
            return self._targets[call]
        self._targets[call] = ()
        found: list[Function] = []
        func = call.func
        for known in self.definitions(func):
            if isinstance(known, FUNCTIONS):
                found.append(known)
            elif isinstance(known, ast.ClassDef):
                start = self.classes[known].method("__init__")
                found.extend([start] if start else [])
        if not found and isinstance(func, ast.Attribute):
            for info in self.classes_of(func.value):
                method = info.method(func.attr)
                found.extend([method] if method else [])
        if not found:
            for info in self.classes_of(func):
                forward = info.forward()
                found.extend([forward] if forward and (info.is_network or forward.name == "__call__") else [])
        self._targets[call] = tuple(dict.fromkeys(found))
        return self._targets[call]

    def arguments(self, parameter: ast.arg) -> list[ast.expr]:
        """Return what the files pass for a parameter."""
        function = self.function_of(parameter)
        if function is None:
            return []
        calls = self.callers.get(function, ())[:12]
        return [value for call in calls for known, value in self.passed(call, function) if known is parameter]

    def users(self, node: ast.AST) -> list[tuple[ast.expr, Binding]]:
        """Return the reads that see a value which was assigned, passed or kept on `self`."""
        found = list(self.readers.get(node, ()))
        parent = self.parents.get(node)
        targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
        for target in targets:
            if isinstance(target, ast.Attribute) and dotted(target.value) == "self":
                info = self.self_class(target)
                for read in self.attribute_reads.get(target.attr, ()):
                    if dotted(read.value) == "self" and read not in self.bindings and self.self_class(read) is info:
                        found.append((read, Binding(node)))
        return found


def _within(node: ast.AST, around: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Whether a node of the same scope stands between the lines of a loop."""
    return around.lineno <= getattr(node, "lineno", 0) <= (around.end_lineno or 0)
