"""Optimizers: what they hold, how large their steps are beside the weights, and when enough steps are done."""

from __future__ import annotations

import hashlib
import math
import random
import sys
import time
import weakref
from typing import Any

import torch
from torch import Tensor, nn

LARGE = 20_000_000  # elements from which not each step is measured


class Optimizer:
    """One optimizer and its steps."""

    def __init__(self, optimizer: torch.optim.Optimizer, place: Any, number: int) -> None:
        self.ref = weakref.ref(optimizer)
        self.place, self.number = place, number
        self.name = ""
        self.class_name = type(optimizer).__name__
        self.steps = self.on_nothing = 0
        self.looks, self.looked = True, 0  # at this step; at how many
        self.ratios: list[float | None] = []
        self.rates: list[float] = []
        self.first_rates: list[float] = []
        self.bases: list[float] = []  # that a schedule starts from
        self.constant = True
        self.betas: tuple[float, float] | None = None
        self.momentum: float | None = None
        self.held = [id(one) for one in parameters_of(optimizer)]
        self.before: Tensor | None = None
        self.nothing = False  # no parameter has a gradient at this step
        self.ascends = False  # maximize=True

    def pre(self, optimizer: torch.optim.Optimizer, *, light: bool) -> None:
        """Keep the weights until the step is done; the light mode looks at the first steps and each fourth."""
        params = parameters_of(optimizer)
        self.held = [id(one) for one in params]
        self.nothing = bool(params) and all(one.grad is None for one in params)
        self.on_nothing += self.nothing
        self.ascends = bool(optimizer.param_groups and optimizer.param_groups[0].get("maximize"))
        self.looks = not light or self.steps < 2 or self.steps % 4 == 0
        self.looked += self.looks
        size = sum(one.numel() for one in params) if self.looks else 0
        self.before = flat(params) if size and (size <= LARGE or self.steps < 2 or self.steps % 10 == 0) else None

    def post(self, optimizer: torch.optim.Optimizer) -> None:
        """Compare the weights with those before."""
        self.steps += 1
        groups = optimizer.param_groups
        self.rates = [value for group in groups if (value := as_number(group.get("lr"))) is not None]
        if self.steps == 1:
            self.first_rates = self.rates
            self.bases = [value for group in groups if (value := as_number(group.get("initial_lr"))) is not None]
        self.constant = self.constant and self.rates == self.first_rates
        betas = groups[0].get("betas") if groups else None
        if isinstance(betas, (tuple, list)) and len(betas) == 2:
            first, second = as_number(betas[0]), as_number(betas[1])
            self.betas = (first, second) if first is not None and second is not None else None
        self.momentum = as_number(groups[0].get("momentum")) if groups else None
        if self.before is None:
            return
        before, self.before = self.before, None
        now = flat(parameters_of(optimizer))
        if now.shape != before.shape:
            return
        size = torch.linalg.vector_norm(before).item()
        moved = torch.linalg.vector_norm(now.sub_(before)).item()
        ratio = moved / size if size > 0 and math.isfinite(size) else math.nan
        if len(self.ratios) < 1000:
            self.ratios.append(ratio if math.isfinite(ratio) else None)


def as_number(value: Any) -> float | None:
    """Return a rate, also of one that is kept as a tensor."""
    if isinstance(value, Tensor):
        value = value.item() if value.numel() == 1 else None
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def parameters_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return all parameters of an optimizer."""
    return [one for group in optimizer.param_groups for one in group["params"] if isinstance(one, Tensor)]


def flat(params: list[Tensor]) -> Tensor:
    """Return the values of parameters as one vector."""
    place, kind = params[0].device, params[0].dtype
    if any(one.device != place or one.dtype != kind for one in params):
        params = [one.detach().to(place, torch.float32) for one in params]
    return torch.cat([one.detach().reshape(-1) for one in params]).float()


def fingerprint(optimizers: list[torch.optim.Optimizer]) -> str:
    """Return a hash of all weights, all buffers of modules, and the state of the random generators.

    What lies where in memory does not count: hashes of tensors are sorted.
    """
    import gc

    parts = {one for optimizer in optimizers for one in parameters_of(optimizer)}
    hashes = [_digest(one) for one in parts]
    seen: set[int] = set()
    for thing in gc.get_objects():
        if issubclass(type(thing), nn.Module):  # isinstance would wake proxies
            for buffer in thing.__dict__.get("_buffers", {}).values():
                if isinstance(buffer, Tensor) and id(buffer) not in seen:
                    seen.add(id(buffer))
                    hashes.append(_digest(buffer))
    states = [repr(random.getstate()), hashlib.sha256(bytes(torch.get_rng_state().tolist())).hexdigest()]
    if "numpy" in sys.modules:
        states.append(repr(sys.modules["numpy"].random.get_state()))
    return hashlib.sha256("".join([*sorted(hashes), *states]).encode()).hexdigest()


def others_than(known: set[int]) -> list[tuple[str, list[int]]]:
    """Return what living optimizers hold that are not known: those that never stepped."""
    import gc

    every = [one for one in gc.get_objects() if issubclass(type(one), torch.optim.Optimizer) and id(one) not in known]
    return [
        (f"{type(one).__name__} that did not step", [id(two) for two in parameters_of(one)])
        for one in every
        if hasattr(one, "param_groups")
    ]


def _digest(tensor: Tensor) -> str:
    data = tensor.detach().cpu().contiguous().reshape(-1)
    raw = bytes(data.view(torch.uint8).numpy()) if data.numel() else b""
    return hashlib.sha256(raw).hexdigest()


class Clock:
    """Times of steps, to compare a run with instruments with one without."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.ticks: list[float] = []

    def tick(self) -> None:
        """A step is done."""
        self.ticks.append(time.perf_counter() - self.begun)
