import math

import torch


def spiral(num, rng):
    """Two-armed spiral, points (num, 2) within a circle of radius 1.2."""
    u = torch.rand(num, generator=rng).sqrt()
    arm = math.pi * (torch.rand(num, generator=rng) < 0.5)
    angle = 3.5 * u + arm
    r = 0.1 + u
    return torch.stack([r * angle.cos(), r * angle.sin()], 1) + 0.03 * torch.randn(num, 2, generator=rng)
