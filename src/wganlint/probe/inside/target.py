"""`--target`: builds what the user's function returns and trains it in a loop of our own, under the instruments."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from . import checkpoint
from .device import device_of, usual
from .networks import first_float
from .pieces import Pieces, Refused, Supply, by_name, called, moved, noise_like, rows_of
from .trials import again

if TYPE_CHECKING:
    from .session import Session
    from .watch import Watch

STAND_IN = "Adam with lr 0.0001 and betas (0, 0.9), as no optimizer was given"


def run_target(session: Session) -> dict[str, Any]:
    """Do the steps, or one forward of both sides where the function gives no losses; return how it ended.

    Raises:
        Refused: the function, the checkpoint or the device cannot be used.
        Stop: enough steps are done.
    """
    order, watch = session.order, session.watch
    function = _function(order["name"])
    device = device_of(order.get("device", "auto"))
    files: dict[str, str] = order.get("checkpoint") or {}
    own = "checkpoint" in _parameters(function)  # it loads the file itself
    known = {"device": lambda: device or usual(), "checkpoint": lambda: checkpoint.read(next(iter(files.values())))}
    if own and not files:
        known["checkpoint"] = lambda: None
    pieces = Pieces(by_name(function, known, function.__name__), function.__name__)
    if files and not own:
        networks = {"critic": pieces.critic, "generator": pieces.generator}
        session.notes += checkpoint.load(files, networks)
    if device is not None:
        pieces.to(device)
    game = Game(pieces, function, watch)
    if watch is not None:
        watch.networks.told_by = f"returned as '{{role}}' by {function.__name__}()"
        watch.told = session.order["roles"] = {"critic": "critic", "generator": "generator"}
    try:
        return game.play()
    finally:
        if watch is not None:
            watch.where.otherwise = None
            game.name()


def _function(target: str) -> Callable[..., Any]:
    """Import the user's function.

    Raises:
        Refused: there is no such module or function.
    """
    module_name, _, name = target.rpartition(":")
    path, short = os.getcwd(), module_name
    if module_name.endswith(".py"):
        path, short = os.path.dirname(os.path.realpath(module_name)), os.path.basename(module_name)[:-3]
    sys.path.insert(0, path)
    try:
        module = importlib.import_module(short)
    except ModuleNotFoundError as error:
        if error.name and (short == error.name or short.startswith(error.name + ".")):
            raise Refused(
                f"there is no module {short} here", "name it as Python imports it from this folder, or as a file"
            ) from None
        raise
    function = getattr(module, name, None)
    if not callable(function):
        there = [key for key, one in vars(module).items() if getattr(one, "__module__", "") == short and _plain(one)]
        word = "is no function" if function is not None else "is not there"
        hint = f"functions there: {', '.join(there[:8])}" if there else "it has no function"
        raise Refused(f"{name} of {module_name} {word}", hint)
    found: Callable[..., Any] = function
    return found


def _plain(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _parameters(function: Callable[..., Any]) -> set[str]:
    code = getattr(function, "__code__", None)
    return set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) if code is not None else set()


class Game:
    """The two players, their batches, and whose turn it is."""

    def __init__(self, pieces: Pieces, function: Callable[..., Any], watch: Watch | None) -> None:
        self.pieces, self.function, self.watch = pieces, function, watch
        self.device = next((one.device for one in pieces.critic.parameters()), torch.device("cpu"))
        self.real, self.noise = Supply(pieces.real, "real"), Supply(pieces.noise, "noise")
        self.conditions = Supply(pieces.conditions, "conditions")
        self.shape: tuple[int, ...] | None = None
        if isinstance(pieces.noise, int):
            self.shape = (pieces.noise,)
        elif isinstance(pieces.noise, tuple) and all(isinstance(one, int) for one in pieces.noise):
            self.shape = pieces.noise
        elif pieces.noise is None and pieces.conditions is None and pieces.fake is None:
            self.shape, why = noise_like(pieces.generator, self.device)
            if watch is not None:
                watch.gaps["your own noise"] = f"none was given; normal noise was drawn for the generator: {why}"

    def play(self) -> dict[str, Any]:
        """Alternate until the instruments say stop; without losses and optimizers, one turn."""
        if self.pieces.trains:
            while True:
                for _ in range(self.pieces.critic_steps):
                    self.step("critic")
                self.step("generator")
        if self.watch is None or self.watch.mode == "plain":
            return {"kind": "forward", "text": "nothing is trained", "code": 0}
        if self.pieces.losses["critic"] is None:
            turn = Turn(self, "generator")
            _ = turn.real_score, turn.fake_score
            text = f"{self.pieces.name}() returned no losses: one forward of both sides, and experiments on copies"
        else:
            for side in ("critic", "generator"):
                self.loss(side).backward()  # type: ignore[no-untyped-call]
                self.pieces.critic.zero_grad()
                self.pieces.generator.zero_grad()
            text = f"{self.pieces.name}() returned no optimizers: each loss forward and backward once, no step"
        self.name()
        self._experiments(self.watch)
        return {"kind": "forward", "text": text, "code": 0}

    def _experiments(self, watch: Watch) -> None:
        watch.gradients.finish()
        if watch.at_steps is None:
            return
        if not self.pieces.optimizers["critic"]:
            watch.pace, watch.lent = STAND_IN, f", {STAND_IN}"
        watch.spare = self._spare
        watch.active = False
        watch.at_steps(watch)
        watch.active = True

    def _spare(self, module: nn.Module, mine: nn.Module) -> torch.optim.Optimizer:
        """Return an optimizer for a copy: of the kind that was given, else one that suits most critics."""
        ids = {id(one) for one in module.parameters()}
        leaves = [one for one in mine.parameters() if one.is_leaf]
        for one in (*self.pieces.optimizers["critic"], *self.pieces.optimizers["generator"]):
            group = one.param_groups[0]
            if ids & {id(two) for two in group["params"]}:
                return type(one)(leaves, **{key: group[key] for key in one.defaults if key in group})
        return torch.optim.Adam(leaves, lr=1e-4, betas=(0.0, 0.9))

    def step(self, side: str) -> None:
        """One step of one player."""
        loss = self.loss(side)
        optimizers = self.pieces.optimizers[side]
        for one in optimizers:
            one.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.name()
        for one in optimizers:
            self._stand(self.function)
            one.step()

    def loss(self, side: str) -> Tensor:
        """Return the loss of one player on a batch of its own."""
        function = self.pieces.losses[side]
        if function is None:
            raise Refused(f"there is no {side}_loss")
        self._stand(function)
        value = by_name(function, Turn(self, side).known(), f"{side}_loss")
        self._stand(function)
        if not isinstance(value, Tensor) or value.numel() != 1:
            kind = (
                f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            )
            raise Refused(f"{side}_loss() returned {kind}, not a tensor of one number", "return the loss itself")
        if not value.requires_grad:
            raise Refused(
                f"{side}_loss() returned a value without a graph: no weight can learn from it",
                "look for detach(), .data, .item() or no_grad on the way, or frozen weights",
            )
        return value

    def _stand(self, function: Any) -> None:
        """What is called by this loop belongs to the line where the user's function begins."""
        code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
        if self.watch is not None:
            self.watch.where.otherwise = (code, code.co_firstlineno) if code is not None else None

    def name(self) -> None:
        """Call networks and optimizers by the keys that they came under."""
        if self.watch is None:
            return
        for role, module in (("critic", self.pieces.critic), ("generator", self.pieces.generator)):
            inner = {id(one) for one in module.modules()}
            mine = [root for root in self.watch.networks.roots if id(root.module) in inner]
            for root in sorted(mine, key=lambda one: -len(one.paths))[:1]:
                root.name = role
        for side, optimizers in self.pieces.optimizers.items():
            for number, one in enumerate(optimizers):
                known = self.watch.optimizers.get(id(one))
                if known is not None:
                    known.name = f"{side}_optimizer{f'[{number}]' if len(optimizers) > 1 else ''}"


class Turn:
    """One turn of one player: batches are drawn and networks called when they are first asked for."""

    def __init__(self, game: Game, side: str) -> None:
        self.game, self.side = game, side
        self._made: dict[str, Any] = {}

    def known(self) -> dict[str, Callable[[], Any]]:
        """Return what a function of the user's may name as its parameters."""
        names = ("real", "noise", "conditions", "fake", "real_score", "fake_score")
        given: dict[str, Callable[[], Any]] = {
            "critic": lambda: self.game.pieces.critic, "generator": lambda: self.game.pieces.generator,
        }  # fmt: skip
        return {**given, **{name: lambda name=name: getattr(self, name) for name in names}}  # type: ignore[misc]

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _supplied(self, name: str, supply: Supply, *without: str) -> Any:
        known = {key: one for key, one in self.known().items() if key not in (name, *without)}
        return self._once(name, lambda: moved(supply.next(known), self.game.device))

    @property
    def real(self) -> Any:
        """What the critic is given of real samples."""
        return self._supplied(
            "real", self.game.real, "noise", "conditions", "fake", "real_score", "fake_score", "critic", "generator"
        )

    @property
    def conditions(self) -> Any:
        """What both players are given beside."""
        return self._supplied("conditions", self.game.conditions, "noise", "fake", "real_score", "fake_score")

    @property
    def noise(self) -> Any:
        """What the generator is given."""
        game = self.game
        if game.shape is not None:
            shape = game.shape
            return self._once("noise", lambda: torch.randn(rows_of(self.real), *shape, device=game.device))
        return self._supplied("noise", game.noise, "fake", "real_score", "fake_score")

    @property
    def fake(self) -> Any:
        """What the critic is given of generated samples; in the critic's own turn without a way back."""
        return self._once("fake", self._generated)

    def _generated(self) -> Any:
        pieces = self.game.pieces
        if pieces.fake is not None:
            known = {key: one for key, one in self.known().items() if key not in ("fake", "fake_score")}
            made = by_name(pieces.fake, known, "fake")
        else:
            beside = _listed(self.conditions) if pieces.conditions is not None else []
            noise = [] if self.game.shape is None and pieces.noise is None else _listed(self.noise)
            words = [word for word, some in (("'noise'", noise), ("'conditions'", beside)) if some]
            out = called(pieces.generator, [*noise, *beside], " and ".join(words))
            made = (*_listed(out), *beside)
            made = made[0] if len(made) == 1 else made
        return again(made, {}) if self.side == "critic" else made

    @property
    def real_score(self) -> Tensor:
        """What the critic says of real samples."""
        return self._score("real_score", lambda: self.real, "'real'")

    @property
    def fake_score(self) -> Tensor:
        """What the critic says of generated samples."""
        own = "'fake'" if self.game.pieces.fake is not None else "what the generator returns"
        return self._score("fake_score", lambda: self.fake, own)

    def _score(self, name: str, given: Callable[[], Any], word: str) -> Tensor:
        def make() -> Any:
            batch = given()
            score = first_float(called(self.game.pieces.critic, batch, word))
            if score is None:
                raise Refused(f"the critic gives no score for {word}", "its forward must return a tensor")
            return score

        score: Tensor = self._once(name, make)
        return score


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]
