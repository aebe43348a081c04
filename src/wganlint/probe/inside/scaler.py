"""Gradient scalers of AMP: how often they were asked for a step, and how often they left it out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from .where import best, names_in

if TYPE_CHECKING:
    from .watch import Watch


class Scaler:
    """One scaler with one optimizer."""

    def __init__(self, name: str, place: Any) -> None:
        self.name, self.place = name, place
        self.asked = self.skipped = self.row = 0  # row: left out without a break, up to now
        self.first: float | None = None
        self.last: float | None = None


class Scalers:
    """Follows `GradScaler.step`; a step that does not reach the optimizer was left out."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.found: dict[int, Scaler] = {}  # by optimizer
        self._original: Any = None

    def attach(self) -> None:
        """Listen to all scalers."""
        original = self._original = torch.amp.GradScaler.step

        @functools.wraps(original)
        def step(scaler: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            before = self.watch.step
            try:
                return original(scaler, optimizer, *args, **kwargs)
            finally:
                if self.watch.active and scaler.is_enabled():
                    self._asked(scaler, optimizer, taken=self.watch.step > before)

        torch.amp.GradScaler.step = step  # type: ignore[method-assign,assignment]

    def detach(self) -> None:
        """Let go."""
        if self._original is not None:
            torch.amp.GradScaler.step = self._original  # type: ignore[method-assign]
            self._original = None

    def _asked(self, scaler: Any, optimizer: Any, *, taken: bool) -> None:
        one = self.found.get(id(optimizer))
        if one is None:
            names = names_in(self.watch.where.frame(), self.watch.where).get(id(optimizer), [])
            one = Scaler(best(names) or type(optimizer).__name__, self.watch.where.line())
            self.found[id(optimizer)] = one
        was, self.watch.busy = self.watch.busy, True
        try:
            one.last = float(scaler.get_scale())
        finally:
            self.watch.busy = was
        one.first = one.last if one.first is None else one.first
        one.asked += 1
        one.skipped += not taken
        one.row = 0 if taken else one.row + 1
