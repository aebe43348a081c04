"""Two half moons in the plane."""

import math

import torch
from torch import Tensor


def moons(size: int, rng: torch.Generator) -> Tensor:
    """Draw points (size, 2), about within a circle of radius 1.5."""
    angle = math.pi * torch.rand(size, generator=rng)
    upper = torch.rand(size, generator=rng) < 0.5
    x = torch.where(upper, angle.cos(), 1 - angle.cos())
    y = torch.where(upper, angle.sin(), 0.5 - angle.sin())
    points = torch.stack([x - 0.5, y - 0.25], dim=1)
    return points + 0.05 * torch.randn(size, 2, generator=rng)
