"""A swiss roll in the plane."""
import math

import torch


class SwissRoll:
    def __init__(self, seed):
        self.rng = torch.Generator().manual_seed(seed)

    def next_batch(self, n):
        return roll(n, self.rng)


def roll(n, rng):
    t = 1.5 * math.pi * (1 + 1.4 * torch.rand(n, generator=rng).sqrt())
    xy = torch.stack([t * t.cos(), t * t.sin()], dim=1)
    return xy / 8 + 0.03 * torch.randn(n, 2, generator=rng)
