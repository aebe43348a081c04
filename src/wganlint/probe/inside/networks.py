"""The networks of the program: its top-level modules, what each call was given, and which is generator or critic."""

from __future__ import annotations

import inspect
import re
import sys
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from .marks import IN, JOINED, MIXED, OUTS, Marks, into, out_of, tensors_in
from .tally import Key

CRITIC = re.compile(r"crit|discrim|(?:^|[._])(?:net_?)?d(?:is|isc)?(?:[._\[]?[0-9a-z]?\]?)?$|net_?d(?![a-z])", re.I)
GENERATOR = re.compile(r"gener|(?:^|[._])(?:net_?)?g(?:en)?(?:[._\[]?[0-9a-z]?\]?)?$|net_?g(?![a-z])", re.I)
PLAYER = re.compile(f"{CRITIC.pattern}|{GENERATOR.pattern}", re.I)
_CLEAR = (
    "DataParallel", "DistributedDataParallel", "OptimizedModule", "FullyShardedDataParallel", "ParametrizationList",
)  # fmt: skip
_NAMED = 8  # CO_VARKEYWORDS


class Root:
    """A network: a module that is called while no other is running, or a part of one that holds both players."""

    def __init__(self, module: nn.Module, number: int) -> None:
        self.module, self.number = module, number
        self.name = ""
        self.paths = {id(one): path for path, one in module.named_modules()}
        self.calls: dict[Key, int] = {}
        self.looked = 0  # calls in which the layers were looked at
        self.averaged = 0  # calls of whose result the mean was taken
        self.steps: list[tuple[int, int, float | None]] = []  # step, marks, mean score at its last call in it
        self.main: set[int] = set()  # places of arguments that are samples: those that another network made
        self.training = True
        self.entered_from = 0  # bits of networks whose results it was given
        self.entered_bare = False  # it was given what no network made
        self.scalar = False  # gives one number a sample
        self.trained = False  # a parameter wanted a gradient at some call
        self.listening = False  # its parameters are known to what looks at gradients


class Call:
    """A call that is under way."""

    __slots__ = ("depth", "key", "looks", "module", "root")

    def __init__(self, root: Root, key: Key, module: nn.Module, *, looks: bool) -> None:
        self.root, self.key, self.module, self.looks = root, key, module, looks
        self.depth = 1  # how often the module is entered and not yet left


class Networks:
    """Finds the networks while the program runs, and tells afterwards which is which."""

    def __init__(self, marks: Marks, *, by_storage: bool) -> None:
        self.marks, self.by_storage = marks, by_storage
        self.roots: list[Root] = []
        self.owner: dict[int, Root] = {}  # of each module, by id
        self.of_parameter: dict[int, Root] = {}
        self.next_number = 0
        self.clear: dict[int, bool] = {}  # of each module that was called by the program, by id
        self.call: Call | None = None
        self.names: dict[int, list[str]] = {}
        self.told_by = "named by --{role}"

    # -- while the program runs

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Root | None:
        """A module is called while no network is running; return the network whose call begins."""
        clear = self.clear.get(id(module))
        if clear is None:
            clear = self.clear[id(module)] = is_clear(module)
        if clear:
            return None
        root = self.owner.get(id(module))
        if root is None:
            if not any(True for _ in module.parameters()):
                return None
            root = self._new(module)
        key = self._key(root, args, kwargs)
        before = root.calls.get(key, 0)
        root.calls[key] = before + 1
        looks = not self.by_storage or before < 2 or before % 16 == 0
        self.call = Call(root, key, module, looks=looks)
        root.looked += looks
        root.training = root.module.training
        root.trained = root.trained or trains(root)
        return root

    def leave(self, call: Call, output: Any) -> list[Tensor]:
        """A call ends (or fails): what it gives came out of its network; return its tensors."""
        self.call = None
        number = out_of(call.root.number)
        mark = (call.key[1] & (OUTS | MIXED | JOINED)) | number
        scores = call.root.scalar and call.root.entered_from  # nobody is given these again
        outs = tensors_in(output)
        for tensor in outs:
            self.marks.of(tensor).side = mark
            if self.by_storage and not scores:
                self.marks.keep_storage(tensor, mark)
        return outs

    def _new(self, module: nn.Module) -> Root:
        root = Root(module, 0)
        inner = {id(one) for one in module.modules()}
        parts = [one for one in self.roots if id(one.module) in inner]
        if parts:  # called before the whole: the first of them becomes the whole, without what it was given
            root = parts[0]
            root.module, root.paths, root.name = module, {id(one): path for path, one in module.named_modules()}, ""
            root.listening, root.entered_from, root.entered_bare = False, 0, False
            self.roots = [one for one in self.roots if one is root or one not in parts]
        else:
            root.number = self.next_number
            self.next_number += 1
            self.roots.append(root)
        self.of_parameter.update({id(one): root for one in module.parameters()})
        for one in inner:
            self.owner[one] = root
        return root

    def _key(self, root: Root, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key:
        """Return what the call was given, as marks, and mark what it was given for the first time."""
        marks, own = self.marks, out_of(root.number)
        every = 0
        places = [*enumerate(args), *enumerate(kwargs.values(), start=100)]
        floats = []
        for place, value in places:
            for tensor in tensors_in(value):
                side = marks.side(tensor) or (self._guess(root, tensor) if self.by_storage else 0)
                made = side & OUTS & ~own
                if made and tensor.is_floating_point():
                    root.main.add(place)
                    if side & into(root.number) or (tensor.is_leaf and tensor.requires_grad):
                        every |= MIXED
                every |= made | (side & (MIXED | JOINED))
                if tensor.is_floating_point():
                    floats.append((place, tensor))
        if every & OUTS:
            root.entered_from |= every & OUTS
        else:
            root.entered_bare = True
            chosen = [(place, one) for place, one in floats if place in root.main] or floats[:1]
            for _, tensor in chosen:
                marks.of(tensor).side |= into(root.number)
        return root.number, every

    def _guess(self, root: Root, tensor: Tensor) -> int:
        """Without a mode: tell a side by shared memory, or by the graph; a leaf that wants a gradient is left open."""
        mark = self.marks.of_storage(tensor)
        if mark or not tensor.is_floating_point():
            return mark
        if tensor.grad_fn is None:
            return JOINED if tensor.requires_grad and not isinstance(tensor, nn.Parameter) else 0
        seen: set[Any] = set()
        nodes, found = [tensor.grad_fn], 0
        while nodes and len(seen) < 1000:
            node = nodes.pop()
            if node in seen:
                continue
            seen.add(node)
            leaf = getattr(node, "variable", None)
            owner = self.of_parameter.get(id(leaf)) if leaf is not None else None
            if owner is not None and owner is not root:
                found |= out_of(owner.number)
            nodes += [one for one, _ in node.next_functions if one is not None]
        return found

    # -- afterwards

    def roles(self, told: dict[str, str]) -> list[tuple[Root, str, str, str]]:
        """Return each network with its role, why, and how sure that is; `told` are names that the user gave."""
        roots = [root for root in self.roots if root.calls]
        found: dict[int, tuple[str, str, str]] = {}
        for role, name in told.items():
            for root in roots:
                if name in (root.name, type(root.module).__name__, *self.names.get(id(root.module), ())):
                    found[root.number] = (role, self.told_by.format(role=role), "told")
        if not any(role == "critic" for role, _, _ in found.values()):
            self._find_critic(roots, found)
        critics = [root for root in roots if found.get(root.number, ("",))[0] == "critic"]
        if not any(role == "generator" for role, _, _ in found.values()):
            self._find_generator(roots, critics, found)
        other = ("other", "neither gives scores nor what is scored", "medium")
        return [(root, *found.get(root.number, other)) for root in roots]

    def _find_critic(self, roots: list[Root], found: dict[int, tuple[str, str, str]]) -> None:
        both = [root for root in roots if root.entered_bare and root.entered_from and root.trained]
        both = [root for root in both if root.number not in found]
        named = [root for root in both if self._reads(root, CRITIC) and not self._reads(root, GENERATOR)]
        for root in named or [one for one in both if one.scalar] or both[:1]:
            sure = "high" if root in named or len(both) == 1 else "medium"
            found[root.number] = ("critic", "was given both data and what another network made", sure)
        if both:
            return
        for root in roots:
            if root.number not in found and self._reads(root, CRITIC) and not self._reads(root, GENERATOR):
                found[root.number] = ("critic", "by its name", "medium" if root.entered_from else "low")

    def _find_generator(self, roots: list[Root], critics: list[Root], found: dict[int, tuple[str, str, str]]) -> None:
        bits = 0
        for critic in critics:
            bits |= critic.entered_from
        free = [root for root in roots if root.number not in found]
        makers = [root for root in free if bits & out_of(root.number)]
        named = [root for root in makers if self._reads(root, GENERATOR)]
        for root in named or makers:
            sure = "high" if root in named or len(makers) == 1 else "medium"
            found[root.number] = ("generator", "what it made was given to the critic", sure)
        if makers:
            return
        for root in free:
            if self._reads(root, GENERATOR):
                found[root.number] = ("generator", "by its name", "low")

    def _reads(self, root: Root, pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(root.name) or pattern.search(type(root.module).__name__))


def trains(root: Root) -> bool:
    """Whether any parameter of a network wants a gradient."""
    return any(one.requires_grad for one in root.module.parameters())


def is_clear(module: nn.Module) -> bool:
    """Whether a module only wraps others: data parallel, compiled, or one that holds both players."""
    if type(module).__name__ in _CLEAR:
        return True
    names = [name for name, child in module.named_children() if any(True for _ in child.parameters())]
    return any(CRITIC.search(name) for name in names) and any(GENERATOR.search(name) for name in names)


def class_line(module: nn.Module) -> tuple[CodeType, int] | None:
    """Return where the class of a module is written: the code of its forward, and the line of `class`."""
    try:
        forward = type(module).forward
        code: CodeType = forward.__code__
        return code, inspect.getsourcelines(type(module))[1]
    except (OSError, TypeError, AttributeError):
        return None


def kwargs_of_call(module: nn.Module, given: int) -> dict[str, Any]:
    """Return the keyword arguments of the module call under way, which global hooks are not given; {} if not seen.

    Where all that `forward` takes was given by place, there are none: frames are slow to read.
    """
    code = getattr(type(module).forward, "__code__", None)
    if code is not None and code.co_argcount == given + 1 and not code.co_kwonlyargcount and not code.co_flags & _NAMED:
        return {}
    frame = sys._getframe(2)
    for _ in range(3):
        found = frame.f_locals.get("kwargs") if frame.f_code.co_name in ("inner", "_call_impl") else None
        if isinstance(found, dict):
            return found
        if frame.f_back is None:
            break
        frame = frame.f_back
    return {}


def first_float(output: Any) -> Tensor | None:
    """Return the first tensor of floats in a result."""
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else None
    if isinstance(output, tuple) and output and isinstance(output[0], Tensor) and output[0].is_floating_point():
        return output[0]
    return next((one for one in tensors_in(output) if one.is_floating_point()), None)


__all__ = ["IN", "Call", "Networks", "Root", "class_line", "first_float", "kwargs_of_call", "torch", "trains"]
