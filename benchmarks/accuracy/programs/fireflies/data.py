import math

import torch

SIZE = 6


def night(n, rng=None):
    """n pictures (n, 1, 6, 6) in [-1, 1]: one glowing insect somewhere on a circle in the dark."""
    angle = 2 * math.pi * torch.rand(n, generator=rng)
    way = 1.5 + 0.25 * torch.randn(n, generator=rng)
    center = torch.stack([way * angle.cos(), way * angle.sin()], dim=1) + (SIZE - 1) / 2
    axis = torch.arange(SIZE, dtype=torch.float32)
    dy = (axis[None, :] - center[:, 1:]) ** 2
    dx = (axis[None, :] - center[:, :1]) ** 2
    light = torch.exp(-(dy[:, :, None] + dx[:, None, :]) / 2.0)
    return (2 * light - 1)[:, None]


def batches(batch_size, seed, count=8192):
    """Epochs without an end over a fixed set of pictures."""
    rng = torch.Generator().manual_seed(seed)
    pictures = night(count, rng)
    while True:
        order = torch.randperm(count, generator=rng)
        for part in order.split(batch_size):
            if len(part) == batch_size:
                yield pictures[part]
