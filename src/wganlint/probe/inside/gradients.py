"""What comes back: gradients of each network behind each loss, and the first node that gives what is not finite."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .networks import Root
from .pulls import Seen
from .tally import finite

if TYPE_CHECKING:
    from .watch import Watch

Place = Any


class Part:
    """Gradients of one module behind one loss, over its calls."""

    __slots__ = ("calls", "first", "highest", "held", "last", "lowest", "nonfinite", "steps", "stepped")

    def __init__(self) -> None:
        self.calls = self.nonfinite = 0
        self.first: float | None = None
        self.last: float | None = None
        self.lowest, self.highest = math.inf, -math.inf
        self.steps = [0, 0]
        self.stepped = False
        self.held: list[int] = []  # the parameters of the module, by id

    def add(self, square: float, step: int) -> None:
        """Count one backward call with this squared norm."""
        norm = math.sqrt(square) if square == square and square >= 0 else math.nan
        value = norm if math.isfinite(norm) else None
        if self.calls == 0:
            self.first, self.steps[0] = value, step
        self.calls += 1
        self.last, self.steps[1] = value, step
        if value is None:
            self.nonfinite += 1
        else:
            self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)


class Event:
    """One backward call: which parameters it gave a gradient, and the norms."""

    __slots__ = ("counted", "got", "norms", "place", "pulls", "scale")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.got: list[int] = []  # numbers of parameters
        self.norms: list[Tensor] = []
        self.scale = 1.0
        self.pulls: list[Seen] = []  # on scores
        self.counted: set[int] = set()  # networks for which these were counted


class Layout:
    """The parameters of a network by id, each with the places of the modules that it is in; and those with theirs."""

    def __init__(self) -> None:
        self.parameters: list[tuple[int, list[int]]] = []
        self.modules: list[tuple[str, list[int]]] = []
        self._places: dict[str, int] = {}

    def add(self, key: int, path: str) -> None:
        """Take in one parameter."""
        places = []
        for module in above(path):
            place = self._places.get(module)
            if place is None:
                place = self._places[module] = len(self.modules)
                self.modules.append((module, []))
            self.modules[place][1].append(key)
            places.append(place)
        self.parameters.append((key, places))


class Gradients:
    """Listens at each parameter of the networks, and at the nodes of operations."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.parameters: dict[int, tuple[Root, int, str]] = {}  # by id: network, number in it, path
        self.of_root: dict[int, Layout] = {}
        self.parts: dict[tuple[int, str, Place], Part] = {}
        self.seen: dict[tuple[int, Place], dict[int, int]] = {}  # of each parameter: 1 only zeros so far, 2 more
        self.pending: dict[int, list[Event]] = {}  # of each network: backward calls since its gradients were cleared
        self.first: dict[int, nn.Parameter] = {}
        self.hooked: set[int] = set()
        self.complete: set[int] = set()  # networks of which all parameters are hooked
        self.event: Event | None = None
        self.last: Event | None = None
        self.calls = 0

    def listen(self, root: Root) -> None:
        """Learn the parameters of a network; those of a part that was known before it are its own now."""
        root.listening = True
        layout = self.of_root[root.number] = Layout()
        for number, (path, one) in enumerate(root.module.named_parameters()):
            self.parameters[id(one)] = (root, number, path)
            layout.add(id(one), path)
            if one.requires_grad:
                self.first.setdefault(root.number, one)

    def hook(self, root: Root) -> None:
        """Hook on to the parameters of a network that want a gradient now; at first they may want none."""
        if root.number in self.complete and root.listening:
            return
        every = True
        for one in root.module.parameters():
            if id(one) in self.hooked:
                continue
            if one.requires_grad and one.is_leaf:
                self.hooked.add(id(one))
                self.first.setdefault(root.number, one)
                one.register_hook(self._hook(id(one)))  # type: ignore[no-untyped-call]
            else:
                every = False
        if every:
            self.complete.add(root.number)

    def _hook(self, key: int) -> Any:
        watch = self.watch

        def came(grad: Tensor) -> None:
            if not watch.active or not isinstance(grad, Tensor) or grad.is_sparse:
                return
            was, watch.busy = watch.busy, True
            try:
                if self.event is None:
                    self.begin(watch.where.line())
                event = self.event
                if event is not None:
                    event.got.append(key)
                    event.norms.append(torch.linalg.vector_norm(grad.detach(), dtype=torch.float64))
            finally:
                watch.busy = was

        return came

    # -- one backward call

    def begin(self, place: Place) -> None:
        """A backward call starts: what was cleared since is no longer pending."""
        self.finish()
        for number, one in self.first.items():
            if self.pending.get(number) and (one.grad is None or not one.grad.any()):
                self.pending[number] = []
        self.event = Event(place)
        self.calls += 1

    def finish(self) -> None:
        """A backward call has ended: add up what came."""
        event, self.event = self.event, None
        if event is None:
            return
        self.last = event
        norms = numbers_of(event.norms)
        event.norms = []
        roots = {self.parameters[key][0].number for key in event.got}
        values: dict[int, float] = {}
        for key, value in zip(event.got, norms, strict=True):
            norm = value / event.scale
            values[key] = math.hypot(values.get(key, 0.0), norm) if math.isfinite(norm) else math.nan
        for number in roots:
            self._add(number, event.place, values)
            queue = self.pending.setdefault(number, [])
            queue.append(event)
            del queue[:-40]

    def _add(self, number: int, place: Place, values: dict[int, float]) -> None:
        layout, step = self.of_root[number], self.watch.step + 1
        seen = self.seen.setdefault((number, place), {})
        sums = [0.0] * len(layout.modules)
        for key, modules in layout.parameters:
            value = values.get(key)
            if value is None:
                continue
            if seen.get(key) != 2:
                seen[key] = 1 if value == 0 else 2
            square = value * value
            for one in modules:
                sums[one] += square
        for (module, held), square in zip(layout.modules, sums, strict=True):
            part = self.parts.get((number, module, place))
            if part is None:
                part = self.parts[number, module, place] = Part()
            part.held = held
            part.add(square, step)

    def read(self, params: list[Tensor]) -> None:
        """Without hooks: take what lies in `.grad` of the parameters that are about to be stepped."""
        self.calls += 1
        mine = [one for one in params if id(one) in self.parameters and one.grad is not None and not one.grad.is_sparse]
        event = self.event = Event(self.watch.where.line())
        if mine:
            event.got = [id(one) for one in mine]
            event.norms = list(torch._foreach_norm([one.grad for one in mine if one.grad is not None]))
            for number in {self.parameters[key][0].number for key in event.got}:
                self.pending[number] = []  # what lies there is all that there is
        self.finish()

    def stepping(self, held: list[int], *, nothing: bool, ascends: bool = False) -> None:
        """An optimizer that holds these parameters steps on what is pending; `nothing`: none has a gradient."""
        self.finish()
        mine = set(held)
        for number in {known[0].number for key in held if (known := self.parameters.get(key)) is not None}:
            events = [event for event in self.pending.get(number, []) if mine & set(event.got)]
            if not events and not nothing:
                self.watch.gaps["gradients"] = (
                    "some came a way that was not seen: written into .grad, or before any call"
                )
                continue
            if not events and self.last is not None:  # it was given nothing at all
                self._add(number, self.last.place, {})
                events = [self.last]
                got = [key for key in held if key in self.parameters and self.parameters[key][0].number == number]
            else:
                got = [key for event in events for key in event.got if key in mine]
            some = set(got)
            modules = [module for module, ids in self.of_root[number].modules if not some.isdisjoint(ids)]
            for event in events:
                if number not in event.counted:
                    event.counted.add(number)
                    self.watch.pulls.stepped(number, event.place, event.pulls, ascends=ascends)
                for module in modules:
                    part = self.parts.get((number, module, event.place))
                    if part is not None:
                        part.stepped = True

    # -- nodes

    def watch_node(self, node: Any, name: str) -> None:
        """Look at what a node of the graph is given and gives in backward."""
        watch = self.watch
        place, key = watch.where.line(), watch.key_now
        register = getattr(node, "register_hook", None)
        if register is None:
            return

        def gave(inputs: Any, outputs: Any) -> None:
            if not watch.active or watch.nonfinite_backward > 200:
                return
            for one in inputs:
                if one is None or not one.is_floating_point() or one.is_sparse or finite(one):
                    continue
                was, watch.busy = watch.busy, True
                try:
                    self._broken(node_name, place, key, one, outputs)
                finally:
                    watch.busy = was
                return

        node_name = type(node).__name__
        register(gave)

    def _broken(self, node: str, place: Place, key: Any, one: Tensor, outputs: Any) -> None:
        """A node gave what is not finite: it is the origin if it was given what is."""
        watch = self.watch
        watch.nonfinite_backward += 1
        given = [two for two in outputs if two is not None and two.is_floating_point()]
        if all(finite(two) for two in given) or not watch.origins_in(self.calls):
            watch.origin(node, one, "backward", place, key)


def numbers_of(scalars: list[Tensor]) -> list[float]:
    """Return the values of tensors of one number each: one wait for the device where they lie on one."""
    if not scalars:
        return []
    if len({(one.device, one.dtype) for one in scalars}) > 1:
        scalars = [one.cpu().double() for one in scalars]
    values: list[float] = torch.stack(scalars).tolist()
    return values


@lru_cache(maxsize=10_000)
def above(path: str) -> tuple[str, ...]:
    """Return the modules that a parameter is in, from the whole network on: `a.0.weight` is in "", "a" and "a.0"."""
    parts = path.split(".")[:-1]
    return ("", *(".".join(parts[: n + 1]) for n in range(len(parts))))
