"""Which way each loss pulls the scores: the gradient that comes back to what the critic returned, by side."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .tally import Key

if TYPE_CHECKING:
    from .watch import Watch

Seen = tuple[Key, int, int, int, float, float]  # what was scored; elements, raised, lowered; lowest, highest


class Pull:
    """Counts of one loss on one side, over the steps of one network."""

    __slots__ = ("calls", "down", "elements", "high", "low", "up")

    def __init__(self) -> None:
        self.calls = self.elements = self.up = self.down = 0
        self.low, self.high = math.inf, -math.inf

    def add(self, seen: Seen, *, ascends: bool) -> None:
        """Count one backward call on which an optimizer stepped; one that ascends turns all of it."""
        _, elements, up, down, low, high = seen
        self.calls += 1
        self.elements += elements
        self.up += down if ascends else up
        self.down += up if ascends else down
        self.low, self.high = min(self.low, low), max(self.high, high)

    def join(self, other: Pull) -> None:
        """Take in another one."""
        self.calls += other.calls
        self.elements += other.elements
        self.up += other.up
        self.down += other.down
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)


class Pulls:
    """Listens at scores; a backward call counts for the networks that are stepped on it."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.found: dict[tuple[int, Any, Key], Pull] = {}  # by network that was stepped, loss, and what was scored

    def score(self, tensor: Tensor, key: Key) -> None:
        """A network returned this: listen to what comes back to it."""
        if self.watch.mode != "default" or not tensor.requires_grad or tensor.is_leaf:
            return
        with contextlib.suppress(RuntimeError):
            tensor.register_hook(lambda grad: self._came(grad, key))  # type: ignore[no-untyped-call]

    def _came(self, grad: Any, key: Key) -> None:
        event = self.watch.gradients.event
        if not self.watch.active or event is None or not isinstance(grad, Tensor) or grad.is_sparse:
            return
        low, high = (value.item() for value in torch.aminmax(grad.detach())) if grad.numel() else (0.0, 0.0)
        if low == high and low and math.isfinite(low):  # of a mean: all alike
            size = low * (grad.numel() / event.scale)
            up = grad.numel() if size < 0 else 0
            event.pulls.append((key, grad.numel(), up, grad.numel() - up, size, size))
            return
        values = grad.detach().reshape(-1).double()
        values = values[values != 0] * (grad.numel() / event.scale)
        up, count = int((values < 0).sum().item()), values.numel()
        low, high = (values.min().item(), values.max().item()) if count else (math.inf, -math.inf)
        if low == low and high == high:
            event.pulls.append((key, grad.numel(), up, count - up, low, high))

    def stepped(self, number: int, place: Any, seen: list[Seen], *, ascends: bool) -> None:
        """A network was stepped on a backward call."""
        for one in seen:
            self.found.setdefault((number, place, one[0]), Pull()).add(one, ascends=ascends)
