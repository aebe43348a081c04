"""All instruments together: hooks of modules and optimizers, the operation mode, and what they feed."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.overrides import _get_current_function_mode

from .gradients import Gradients
from .inputs import casting, held
from .layers import Layers
from .marks import Marks, tensors_in
from .networks import PLAYER, Call, Networks, first_float, kwargs_of_call
from .ops import Operations, unseen
from .optimizers import Clock, Optimizer, fingerprint, others_than, parameters_of
from .penalties import Penalties
from .pulls import Pulls
from .scaler import Scalers
from .sites import Site
from .tally import Key, mean_of
from .where import Where, best, names_in


class Stop(BaseException):
    """Enough steps are done: leaves the user's script from its optimizer's step."""


class Listener(Protocol):
    """What the instruments need of the session around them."""

    def flush(self) -> None:
        """Write what is known, if it is time."""

    def stop(self, times: int) -> None:
        """The script is being told to stop, for this many times."""


class Origin:
    """Where something that is not finite was made first, on one line."""

    def __init__(self, op: str, place: Any, direction: str, step: int, key: Key, order: int) -> None:
        self.op, self.place, self.direction, self.step, self.key, self.order = op, place, direction, step, key, order
        self.elements = self.total = 0
        self.nan = self.inf = False
        self.event = 0


class Watch:
    """Listens while the program runs. `light`: modules and optimizers only."""

    def __init__(self, where: Where, steps: int, mode: str, session: Listener) -> None:
        self.where, self.asked, self.mode, self.session = where, steps, mode, session
        self.active, self.busy = True, False
        self.step = 0
        self.marks = Marks()
        self.networks = Networks(self.marks, by_storage=mode == "light")
        self.gradients = Gradients(self)
        self.penalties = Penalties(self)
        self.layers = Layers(self)
        self.pulls = Pulls(self)
        self.scalers = Scalers(self)
        self.clock = Clock()
        self.optimizers: dict[int, Optimizer] = {}
        self.sites: dict[tuple[Any, ...], Site] = {}
        self.origins: dict[tuple[Any, ...], Origin] = {}
        self.nonfinite_backward = 0
        self.syncs: dict[tuple[Any, str], int] = {}
        self.kept: dict[Key, tuple[tuple[Any, ...], dict[str, Any], Any]] = {}  # of a few steps only
        self.results: dict[int, tuple[list[Tensor], Any]] = {}  # of the same steps: what networks made, of what
        self.replay: dict[int, tuple[int, Any, Any]] = {}  # of a critic: who made what it was given, as it was given
        self.held: dict[Key, list[dict[str, int]]] = {}  # of the same steps: checksums of what networks were given
        self.stopping = 0
        self.gaps: dict[str, str] = {}
        if mode == "light":
            self.gaps["operations"] = (
                "left out in the light mode: bounds, guards, fills, origins, penalties, pulls, repeated inputs"
            )
        self.told: dict[str, str] = {}  # roles that the user gave
        self.print = ""
        self.spare: Callable[[nn.Module, nn.Module], torch.optim.Optimizer] | None = None  # where none steps a network
        self.pace = "its optimizer's own kind and rate"  # of the experiments
        self.lent = ""  # the same where the optimizer is not the program's
        self.later: dict[str, Any] = {}  # what experiments at the end gave, as it is written
        self.experiments: float | None = None  # seconds that they took
        self.at_steps: Callable[[Watch], None] | None = None
        self.idle: list[tuple[str, list[int]]] | None = None  # optimizers that did not step, at the end
        self.stepped: dict[int, weakref.ref[torch.optim.Optimizer]] = {}
        self._parameters: set[int] = set()
        self._handles: list[Any] = []
        self._mode: Operations | None = None
        self._paused = False

    # -- on and off

    def attach(self) -> None:
        """Hook on, by PyTorch's public hooks only."""
        self._handles = [optimizers.register_optimizer_step_post_hook(self._after_step)]
        if self.mode == "plain":
            return
        self._handles += [
            modules.register_module_forward_pre_hook(self._enter),
            modules.register_module_forward_hook(self._leave, always_call=True),
            optimizers.register_optimizer_step_pre_hook(self._before_step),
        ]
        self.scalers.attach()
        if self.mode == "default":
            self._mode = Operations(self)
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def detach(self) -> None:
        """Let go; nothing of the probe runs after this."""
        self.active = False
        if self._mode is not None:
            mode, self._mode = self._mode, None
            if not self._paused and _get_current_function_mode() is mode:  # type: ignore[no-untyped-call]
                mode.__exit__(None, None, None)
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self.scalers.detach()

    # -- what is running

    @property
    def key_now(self) -> Key:
        """What is running: the network and what it was given."""
        call = self.networks.call
        return call.key if call is not None else (-1, 0)

    def key(self, given: tuple[Any, ...]) -> Key:
        """What is running; outside of the networks, what these tensors came through."""
        call = self.networks.call
        if call is not None:
            return call.key
        side = 0
        for one in given:
            if isinstance(one, Tensor):
                side |= self.marks.side(one)
        return -1, side

    def site(self, kind: str, op: str) -> Site:
        """Return the site of an operation on the line of the user that is running."""
        place = self.where.line()
        number = self.key_now[0]
        found = self.sites.get((kind, op, place, number))
        if found is None:
            found = self.sites[(kind, op, place, number)] = Site(op, place)
        return found

    def bind(self, out: Tensor, site: Site) -> None:
        """A tensor is the result of a bound."""
        self.marks.of(out).bound = site

    def is_parameter(self, tensor: Tensor) -> bool:
        """Whether a tensor is (a view of) a parameter of a network or an optimizer."""
        if isinstance(tensor, nn.Parameter):
            return True
        with contextlib.suppress(RuntimeError, NotImplementedError):
            return tensor.untyped_storage().data_ptr() in self._parameters
        return False

    def sync(self, name: str) -> None:
        """The program waits for the device."""
        key = (self.where.line(), name)
        self.syncs[key] = self.syncs.get(key, 0) + 1

    def origin(self, op: str, tensor: Tensor, direction: str, place: Any = None, key: Key | None = None) -> None:
        """Something that is not finite was made."""
        place = place if place is not None else self.where.line()
        name = (op, place, direction)
        found = self.origins.get(name)
        if found is None:
            if len(self.origins) > 200:
                return
            found = Origin(op, place, direction, self.step + 1, key or self.key_now, len(self.origins))
            self.origins[name] = found
        found.event = self.gradients.calls
        data = tensor.detach()
        nan, inf = int(torch.isnan(data).sum().item()), int(torch.isinf(data).sum().item())
        found.elements += nan + inf
        found.total += data.numel()
        found.nan |= nan > 0
        found.inf |= inf > 0

    def origins_in(self, event: int) -> bool:
        """Whether a backward origin is known of this backward call."""
        return any(one.event == event and one.direction == "backward" for one in self.origins.values())

    # -- modules

    def _enter(self, module: nn.Module, args: Any) -> None:
        if self.busy or not self.active:
            return
        call = self.networks.call
        if call is not None:
            if module is call.module:
                call.depth += 1
            if not call.looks or not module._parameters:
                return
        self.busy = True
        try:
            given = args if isinstance(args, tuple) else (args,)
            kwargs = kwargs_of_call(module, len(given)) if call is None else {}
            with unseen():
                if call is None:
                    root = self.networks.enter(module, given, kwargs)
                    call = self.networks.call
                    if root is not None and call is not None:
                        self._new_call(call, given, kwargs)
                if call is not None and call.looks and module._parameters:
                    self.layers.given(module, given)
        finally:
            self.busy = False

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.busy or not self.active:
            return
        call = self.networks.call
        if call is None:
            return
        if module is call.module:
            call.depth -= 1
        looks = call.looks and module._parameters and output is not None
        if call.depth and not looks:
            return
        self.busy = True
        try:
            with unseen():
                if looks:
                    self.layers.gave(module, output)
                if not call.depth:
                    outs = self.networks.leave(call, output)
                    if output is not None:
                        self._result(call, outs)
        finally:
            self.busy = False

    def _new_call(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        root = call.root
        if self.mode == "default":
            self.gradients.hook(root)
        if not root.listening:
            self.gradients.listen(root)
            with contextlib.suppress(RuntimeError, NotImplementedError):
                self._parameters |= {one.untyped_storage().data_ptr() for one in root.module.parameters()}
        if self.step < 1 or self.step + 12 >= self.asked:
            cast = casting()
            self.kept[call.key] = (args, kwargs, cast)
            if self.step >= 1 and self.mode == "default":
                with contextlib.suppress(RuntimeError, TypeError):
                    self.held.setdefault(call.key, []).append(held(root.module, (args, kwargs, None)))
            ids = {id(one) for one in tensors_in([args, kwargs])}
            for number, made in self.results.items():
                if number != root.number and any(id(one) in ids for one in made[0]):
                    self.replay[root.number] = (number, made, (args, kwargs, cast))

    def _result(self, call: Call, outs: list[Tensor]) -> None:
        """A network has returned: its score, the bound that it comes from, empty samples."""
        root = call.root
        if call.key in self.kept:
            self.results[root.number] = (outs, self.kept[call.key])
        tensor = first_float(outs)
        if tensor is not None:
            if self._averages() and len(root.steps) < 4000:
                root.steps.append((self.step + 1, call.key[1], mean_of(tensor)))
                root.averaged += 1
            root.scalar = tensor.dim() < 2 or tensor.shape[-1] == 1
            self.pulls.score(tensor, call.key)
            known_of = self.marks.get(tensor)
            if known_of is not None and known_of.bound is not None:
                known_of.bound.score_of.add(root.number)
        if call.looks:
            self.layers.count_samples(call, outs)

    def _averages(self) -> bool:
        """Whether mean scores are taken at this step: both sides at the same one, so that gaps can be told."""
        return self.mode != "light" or self.step < 2 or self.step % 4 == 0 or self.step + 4 >= self.asked

    # -- backward

    def backward(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Tensor.backward, called by the program."""
        self.busy = True
        self.gradients.begin(self.where.line())
        known = self.marks.get(args[0]) if args and isinstance(args[0], Tensor) else None
        if self.gradients.event is not None and known is not None and known.scale:
            self.gradients.event.scale = known.scale
        try:
            func(*args, **kwargs)
        finally:
            self.gradients.finish()
            self.busy = False
        if self.gradients.calls >= 10 * self.asked + 20 and self.step < self.asked:
            self.gaps["steps"] = "backward was called far more often than an optimizer stepped; stopped by that count"
            self._stop()

    def slope(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """torch.autograd.grad, called by the program."""
        self.busy = True
        try:
            result = func(*args, **kwargs)
            with torch.no_grad():
                self.penalties.took(kwargs, result, self.key_now)
        finally:
            self.busy = False
        if self.networks.call is None:
            side = 0
            for one in [two for value in args for two in tensors_in(value)]:
                side |= self.marks.side(one)
            for one in tensors_in(result):
                self.marks.of(one).side |= side
        return result

    # -- optimizers

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self.active:
            return
        was, self.busy = self.busy, True
        try:
            with torch.no_grad(), unseen():
                known = self.optimizers.get(id(optimizer))
                if known is None or known.ref() is not optimizer:
                    number = len(self.optimizers)
                    known = self.optimizers[id(optimizer)] = Optimizer(optimizer, self.where.line(), number)
                    self._names()
                    with contextlib.suppress(RuntimeError, NotImplementedError):
                        self._parameters |= {one.untyped_storage().data_ptr() for one in parameters_of(optimizer)}
                self.gradients.finish()
                known.pre(optimizer, light=self.mode == "light")
                if self.mode == "light" and known.looks:
                    self.gradients.read(parameters_of(optimizer))
                if known.looks:
                    self.gradients.stepping(known.held, nothing=known.nothing, ascends=known.ascends)
            self._pause(closure=bool(args[1:] or kwargs))
        finally:
            self.busy = was

    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self.active:
            return
        self._resume()
        was, self.busy = self.busy, True
        try:
            if not self.stopping:
                self.step += 1
                self.clock.tick()
                if id(optimizer) not in self.stepped:
                    self.stepped[id(optimizer)] = weakref.ref(optimizer)
                with torch.no_grad(), unseen():
                    known = self.optimizers.get(id(optimizer))
                    if known is not None:
                        known.post(optimizer)
                if self.step < self.asked:
                    self.session.flush()
                elif not self.print:
                    self._names()
                    self.print = fingerprint([two for one in self.stepped.values() if (two := one()) is not None])
                    self.idle = others_than({key for key, ref in self.stepped.items() if ref() is not None})
                    if self.at_steps is not None:
                        self.active = False  # what the experiments do is not the program's
                        begun = time.perf_counter()
                        self.at_steps(self)
                        self.experiments = round(time.perf_counter() - begun, 3)
                        self.active = True
                if self.step >= 1 and self.step + 12 < self.asked:
                    self.kept.clear()
                    self.results.clear()
                    self.replay.clear()
                    self.held.clear()
        finally:
            self.busy = was
        if self.step >= self.asked:
            self._stop()

    def _pause(self, *, closure: bool) -> None:
        """Let the optimizer's own arithmetic pass unseen; not where it calls the program back."""
        if self._mode is not None and not closure and _get_current_function_mode() is self._mode:  # type: ignore[no-untyped-call]
            self._mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._paused = True

    def _resume(self) -> None:
        if self._mode is not None and self._paused:
            self._paused = False
            self._mode.__enter__()  # type: ignore[no-untyped-call]

    def _stop(self) -> None:
        self.stopping += 1
        self.session.stop(self.stopping)
        raise Stop

    def _names(self) -> None:
        """Learn under which names the program holds its networks and optimizers."""
        names = names_in(self.where.frame(), self.where)
        for root in self.networks.roots:
            known = names.get(id(root.module), [])
            if known and not root.name:
                root.name = best(known, PLAYER)
            self.networks.names.setdefault(id(root.module), []).extend(known)
        for one in self.optimizers.values():
            optimizer = one.ref()
            if optimizer is not None and not one.name:
                one.name = best(names.get(id(optimizer), []))
