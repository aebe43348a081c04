"""Which way each loss pulls the critic's score: the derivative that comes back to it, by side and by who steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .networks import Call

if TYPE_CHECKING:
    from .account import Account
    from .watch import Watch


class Pull:
    """Derivatives of one loss to the score, summed over a batch, over the steps that were taken on it."""

    def __init__(self) -> None:
        self.up = self.down = self.steps = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one step: a loss that falls as the score rises pulls it up."""
        self.steps += 1
        self.up += value < 0
        self.down += value > 0
        self.total += value if value == value else 0.0


class Pulls:
    """Listens at the scores; what came back belongs to the optimizer that steps next, if only one does."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.found: dict[tuple[int, int, tuple[int, ...]], Pull] = {}  # network, what it was given, who was stepped
        self._came: dict[tuple[int, int], Tensor] = {}
        self._held: tuple[tuple[int, ...], dict[tuple[int, int], float]] | None = None

    def listen(self, call: Call, score: Tensor) -> None:
        """A network that may be the critic has given a score."""
        if not score.requires_grad or not call.root.scalar or self.watch.mode != "default":
            return
        key = (call.root.number, call.key[1])

        def came(grad: Tensor) -> None:
            if not self.watch.active or self.watch.gradients.event is None:  # of no loss: a penalty takes its slope
                return
            part = grad.detach().sum(dtype=torch.float64)
            self._came[key] = self._came[key] + part if key in self._came else part

        score.register_hook(came)  # type: ignore[no-untyped-call]

    def stepping(self, held: list[int], turned: bool) -> None:
        """An optimizer steps; one that follows without a loss of its own makes it unknown whose the last one was."""
        came, self._came = self._came, {}
        of = self.watch.gradients.parameters
        stepped = tuple(sorted({of[key][0].number for key in held if key in of}))
        last, self._held = self._held, None
        if not came:
            return
        if last is not None:
            self._count(last)
        self._held = stepped, {key: (-1 if turned else 1) * float(value) for key, value in came.items()}

    def _count(self, one: tuple[tuple[int, ...], dict[tuple[int, int], float]]) -> None:
        stepped, values = one
        for (number, marks), value in values.items():
            self.found.setdefault((number, marks, stepped), Pull()).add(value)

    def told(self, account: Account) -> list[dict[str, Any]]:
        """Return what pulled at each critic, side by side."""
        sides: dict[tuple[int, str, tuple[int, ...]], Pull] = {}
        for (number, marks, stepped), pull in self.found.items():
            side = account.side((number, marks))
            if number in account.critics and side in ("real", "fake"):
                mine = sides.setdefault((number, side, stepped), Pull())
                mine.steps, mine.up, mine.down = mine.steps + pull.steps, mine.up + pull.up, mine.down + pull.down
                mine.total += pull.total
        return [
            {
                "critic": account.of(number), "side": side, "stepped": [account.of(one) for one in stepped],
                "steps": pull.steps, "up": pull.up, "down": pull.down, "mean": pull.total / max(1, pull.steps),
            }
            for (number, side, stepped), pull in sides.items()
        ]  # fmt: skip
