"""files -> read -> Run: who is the critic and who the generator, and which calls are theirs."""

from __future__ import annotations

import ast
from collections import defaultdict

from wganlint.read.source import words
from wganlint.read.source.classes import Class, Function, callee
from wganlint.read.source.flow import FUNCTIONS, dotted
from wganlint.read.source.layers import kind_of_call
from wganlint.read.source.project import Project
from wganlint.read.source.steps import CUT, operand

_NOT_NETWORKS = frozenset({"step", "zero_grad", "parameters", "backward", "state_dict", "load_state_dict", "mean"})


class Roles:
    """Parts of the classes, and the side (real, fake) of data and scores."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.part: dict[ast.ClassDef, tuple[str, str]] = {}
        self.inside: dict[ast.ClassDef, set[str]] = defaultdict(set)  # parts that hold an instance of the class
        self._calls: dict[ast.Call, str] = {}
        self._sides: dict[ast.AST, str] = {}
        used = self._uses()
        for node, info in project.classes.items():
            if info.is_network:
                self.part[node] = self._decide(info, used.get(node, []))
        for _ in range(3):
            self._spread()

    # -- classes

    def _uses(self) -> dict[ast.ClassDef, list[tuple[str, str]]]:
        """Collect what variables and optimizers call the instances of each class."""
        used: dict[ast.ClassDef, list[tuple[str, str]]] = defaultdict(list)
        for node in self.project.by_class["Assign"]:
            assert isinstance(node, ast.Assign)
            if not isinstance(node.value, ast.Call):
                continue
            for target in node.targets:
                if isinstance(target, ast.Tuple) or not dotted(target):
                    continue
                name = dotted(target).split(".")[-1]
                part = words.network_part(name)
                if part:
                    for info in self.project.classes_of(node.value):
                        used[info.node].append((part, f"held by {name}"))
                part = words.part_of(name) if words.lowered(name) & {"opt", "optim", "optimizer", "solver"} else ""
                for owner in self._trained(node.value) if part else ():
                    used[owner.node].append((part, f"trained by {name}"))
        return used

    def _trained(self, call: ast.Call) -> tuple[Class, ...]:
        first = call.args[0] if call.args else None
        if isinstance(first, ast.Call) and callee(first) == "parameters" and isinstance(first.func, ast.Attribute):
            return self.project.classes_of(first.func.value)
        return ()

    def _decide(self, info: Class, used: list[tuple[str, str]]) -> tuple[str, str]:
        named = words.class_part(info.name)
        parts = {part for part, _ in used}
        if named and parts <= {named}:
            return named, "its name"
        if not named and len(parts) == 1 and not _is_piece(info.name):
            return used[0]
        if named and not parts:
            return named, "its name"
        if named and parts:  # the class says one thing, a variable another: believe the class
            return named, "its name"
        return "other", "no name or use tells"

    def _spread(self) -> None:
        """A network that a critic holds is inside the critic."""
        for info in self.project.classes.values():
            if not info.is_network:
                continue
            parts = {self.part[info.node][0]} - {"other"} or self.inside[info.node]
            for bindings in list(info.attributes.values()):
                for binding in bindings:
                    for call in _calls_in(binding.value):
                        for held in self.project.definitions(call.func):
                            if isinstance(held, ast.ClassDef) and held is not info.node:
                                self.inside[held] |= parts

    def parts_of(self, info: Class | None) -> set[str]:
        """Return the parts a class is or belongs to."""
        if info is None:
            return set()
        own = self.part.get(info.node, ("other", ""))[0]
        return ({own} - {"other"}) or self.inside.get(info.node, set())

    def built_part(self, function: Function) -> str:
        """Return the part of the network that a function builds by its name: build_critic, make_discriminator."""
        verbs = words.lowered(function.name) & {"build", "make", "define", "create", "get", "model", "net"}
        return words.part_of(function.name) if verbs or words.network_part(function.name) else ""

    # -- calls

    def call_part(self, call: ast.Call) -> str:
        """Return "critic" or "generator" where a call runs that network."""
        if call not in self._calls:
            self._calls[call] = ""
            self._calls[call] = self._call_part(call)
        return self._calls[call]

    def _call_part(self, call: ast.Call) -> str:
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in ("forward", "__call__", "generate", "sample", "predict"):
            holder = self.object_part(func.value)
            if holder == "generator" or func.attr not in ("generate", "sample"):
                return holder
            return ""
        if isinstance(func, ast.Attribute) and func.attr.startswith(("generate", "sample")):
            return "generator" if self.object_part(func.value) == "generator" else ""
        return self.object_part(func)

    def object_part(self, node: ast.expr) -> str:
        """Return the part of a network object by its class, or by its name where the class is not known."""
        found = {part for info in self.project.classes_of(node) if info.is_network
                 for part in [self.part[info.node][0]]} - {"other"}  # fmt: skip
        if len(found) == 1:
            return found.pop()
        if isinstance(node, ast.Call) and callee(node) in ("DataParallel", "unwrap_model", "DDP", "to", "cuda"):
            inner = operand(node)
            return self.object_part(inner) if inner is not None else ""
        name = dotted(node)
        if not name:
            return ""
        last = name.split(".")[-1]
        if last == "module" and isinstance(node, ast.Attribute):
            return self.object_part(node.value)
        part = words.network_part(last)
        if not part or last in _NOT_NETWORKS:
            return ""
        held = self.project.definitions(node)
        if any(isinstance(one, ast.Call) and callee(one).endswith(("Loss", "loss")) for one in held):
            return ""
        if any(isinstance(one, FUNCTIONS) for one in held) and not any(
            "build" in one.name or "make" in one.name or _is_static(one) for one in held if isinstance(one, FUNCTIONS)
        ):
            return ""
        return part

    def learned(self, call: ast.Call) -> bool:
        """Return whether a call runs weights: a layer, a Sequential, a network."""
        return bool(self.call_part(call)) or kind_of_call(call, self.project) == "learned"

    # -- sides

    def side(self, node: ast.AST, depth: int = 14) -> str:
        """Return "real", "fake", "mixed" or "" for data: generator output is fake, names may tell otherwise."""
        if node in self._sides:
            return self._sides[node]
        self._sides[node] = ""
        found = self._side(node, depth) if depth else ""
        self._sides[node] = found
        return found

    def _side(self, node: ast.AST, depth: int) -> str:
        match node:
            case ast.Call():
                return self._side_of_call(node, depth)
            case ast.Name() | ast.Attribute():
                name = node.id if isinstance(node, ast.Name) else node.attr
                own = words.side_of(name)
                if own == "mixed":
                    return own
                found = {
                    self.side(binding.value, depth - 1)
                    for binding in self.project.holds(node)
                    if binding.how in ("is", "with")
                } - {""}
                if isinstance(node, ast.Attribute) and not found:
                    found = {self.side(node.value, depth - 1)} - {""}
                if len(found) == 1:
                    return found.pop()
                return own
            case ast.arg():
                own = words.side_of(node.arg)
                passed = {self.side(value, depth - 1) for value in self.project.arguments(node)} - {""}
                return own or (passed.pop() if len(passed) == 1 else "")
            case ast.BinOp(left=left, right=right):
                return _joined({self.side(left, depth - 1), self.side(right, depth - 1)})
            case ast.Subscript(value=value) | ast.UnaryOp(operand=value) | ast.Starred(value=value):
                return self.side(value, depth - 1)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return _joined({self.side(part, depth - 1) for part in parts})
            case ast.IfExp(body=body, orelse=orelse):
                return _joined({self.side(body, depth - 1), self.side(orelse, depth - 1)})
        return ""

    def _side_of_call(self, call: ast.Call, depth: int) -> str:
        part = self.call_part(call)
        if part == "generator":
            return "fake"
        if part == "critic":
            return ""
        for function in self.project.targets(call):
            found = {self.side(value, depth - 1) for value in self.project.returned(function)} - {""}
            if len(found) == 1:
                own = found.pop()
                made = any(self.call_part(one) == "generator" for one in _calls_in(function))
                given = "" if made else _joined({self.side(one, depth - 1) for one in call.args[:1]})
                return given or ("" if not made and self._handed(function) else own)
        parts: list[ast.AST] = list(call.args)
        if isinstance(call.func, ast.Attribute):
            parts.append(call.func.value)
        return _joined({self.side(one, depth - 1) for one in parts})

    def _handed(self, function: Function) -> bool:
        """Return whether a function gives back its first parameter in another form, also for data of another side."""
        calls = self.project.callers.get(function, ())
        sides = {self.side(call.args[0], 6) for call in calls if call.args}
        return len(sides) > 1

    def cut(self, node: ast.AST) -> bool:
        """Return whether a call or attribute cuts the gradient path."""
        if isinstance(node, ast.Call):
            return callee(node) in CUT
        return isinstance(node, ast.Attribute) and node.attr == "data"


def _is_static(function: Function) -> bool:
    """Return whether a function is a network of old TensorFlow: def Discriminator(x): ... tf.layers.dense(...)."""
    if not words.network_part(function.name):
        return False
    calls = [dotted(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(name.split(".")[0] in ("tf", "lib", "slim", "tcl", "tl") for name in calls if "." in name)


def _is_piece(name: str) -> bool:
    return bool(words.lowered(name) & {"block", "layer", "loss", "dataset", "trainer", "gan", "wgan", "attention"})


def _joined(sides: set[str]) -> str:
    sides = sides - {""}
    return "mixed" if len(sides) > 1 else sides.pop() if sides else ""


def _calls_in(node: ast.AST) -> list[ast.Call]:
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
