"""Eight Gaussians on a circle."""

import math

import torch

MODES = 8


def sample(size, rng):
    angle = torch.randint(MODES, (size,), generator=rng) * (2 * math.pi / MODES)
    centers = torch.stack([angle.cos(), angle.sin()], dim=1)
    return centers + 0.06 * torch.randn(size, 2, generator=rng)
