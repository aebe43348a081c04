"""Instruments of the trainer: they watch a program from outside and say how good its samples are.

Nothing here draws from torch's default generator while the program trains, so the program's numbers are the same with
and without them.
"""

from __future__ import annotations

import copy
import importlib
import resource
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import optimizer as optimizers

SIZE = 1024  # samples a side
NEAR = 5  # neighbours whose distance is the radius of coverage
KEPT = 8  # snapshots of the generator along the way


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 64) -> float:
    """Mean over random directions of the 1-D Wasserstein-1 distance; a and b (n, d), of equal size."""
    rng = torch.Generator().manual_seed(0)
    along = torch.nn.functional.normalize(torch.randn(a.shape[1], directions, generator=rng), dim=0)
    return ((a @ along).sort(dim=0).values - (b @ along).sort(dim=0).values).abs().mean().item()


def distance(real: Tensor, fake: Tensor) -> float | None:
    """Sliced Wasserstein distance in units of the reals' own spread: 1 is as bad as one point at their mean."""
    if not bool(torch.isfinite(fake).all()):
        return None
    point = real.mean(dim=0, keepdim=True).expand_as(real)
    return sliced_wasserstein(real, fake) / sliced_wasserstein(real, point)


def coverage(real: Tensor, fake: Tensor) -> float:
    """Share of reals with a fake nearer than their own fifth neighbour (Naeem et al., arXiv:2002.09797)."""
    if not bool(torch.isfinite(fake).all()):
        return 0.0
    radius = torch.cdist(real, real).kthvalue(NEAR + 1, dim=1).values
    return (torch.cdist(real, fake).min(dim=1).values <= radius).float().mean().item()


def memory() -> float:
    """Largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Instruments:
    """Remembers the generator, the critic, and snapshots of the generator along the way."""

    def __init__(self, generator: str, critic: str, noise: int, reals: str) -> None:
        self.noise = noise
        self.generators: list[nn.Module] = []
        self.critics: list[nn.Module] = []
        self.snapshots: list[tuple[int, nn.Module]] = []
        self.start: dict[str, list[Tensor]] = {}
        self.every = 1
        self.steps = 0
        self.memory_first = 0.0
        self.draw: Callable[..., Tensor] = getattr(importlib.import_module("data"), reals)
        model = importlib.import_module("model")
        self._remember(getattr(model, generator), self.generators)
        self._remember(getattr(model, critic), self.critics)
        optimizers.register_optimizer_step_pre_hook(self._before_step)

    def _remember(self, kind: type[nn.Module], where: list[nn.Module]) -> None:
        original = kind.__init__

        def init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            original(module, *args, **kwargs)
            where.append(module)

        kind.__init__ = init  # type: ignore[method-assign]

    def _before_step(self, *_: Any) -> None:
        if not self.start:
            players = {"generator": self.generators[0], "critic": self.critics[0]}
            self.start = {name: [p.detach().clone() for p in m.parameters()] for name, m in players.items()}
        if self.steps % self.every == 0:
            self.snapshots.append((self.steps, copy.deepcopy(self.generators[0])))
            if len(self.snapshots) > KEPT:
                self.snapshots = self.snapshots[::2]  # the first one stays
                self.every *= 2
        self.steps += 1
        if self.steps == 50:
            self.memory_first = memory()

    def _samples(self, generator: nn.Module) -> Tensor:
        """(SIZE, d), always from the same noise."""
        torch.manual_seed(12345)
        with torch.no_grad():
            return generator(torch.randn(SIZE, self.noise)).flatten(1)

    def _moved(self, name: str, module: nn.Module) -> float:
        """Length of the way of the weights from the first step to the end, by their length at the first step."""
        pairs = list(zip(self.start[name], module.parameters(), strict=True))
        way = sum(float((b.detach() - a).square().sum()) for a, b in pairs)
        return float((way / max(1e-30, sum(float(a.square().sum()) for a, _ in pairs))) ** 0.5)

    def measurements(self) -> dict[str, Any]:
        """What is stored in truth.json; distances that are not finite are null."""
        peak = memory()
        real, other = (self.draw(SIZE, torch.Generator().manual_seed(seed)).flatten(1) for seed in (777, 778))
        generator, critic = self.generators[0], self.critics[0]
        fake = self._samples(generator)
        finite = all(bool(torch.isfinite(p).all()) for m in (generator, critic) for p in m.parameters())
        way = [(step, distance(real, self._samples(snapshot))) for step, snapshot in self.snapshots]
        return {
            "optimizer_steps": self.steps,
            "weights_finite": finite,
            "samples_finite": bool(torch.isfinite(fake).all()),
            "distance_start": way[0][1],
            "distance_end": distance(real, fake),
            "distance_floor": distance(real, other),
            "distance_way": way,
            "coverage": coverage(real, fake),
            "generator_moved": self._moved("generator", generator),
            "critic_moved": self._moved("critic", critic),
            "memory_growth_mib": peak - self.memory_first,
        }
