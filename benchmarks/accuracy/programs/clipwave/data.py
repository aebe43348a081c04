import math

import torch

LENGTH = 16


def waves(size, rng):
    """Sine waves (size, 16) of varying phase and height, between -1 and 1."""
    t = torch.linspace(0, 2 * math.pi, LENGTH)
    phase = 2 * math.pi * torch.rand(size, 1, generator=rng)
    height = 0.5 + 0.4 * torch.rand(size, 1, generator=rng)
    return height * torch.sin(t + phase) + 0.02 * torch.randn(size, LENGTH, generator=rng)


class Loader:
    def __init__(self, batch_size, seed, length=2048):
        rng = torch.Generator().manual_seed(seed)
        self.data = waves(length, rng)
        self.rng = rng
        self.batch_size = batch_size

    def __len__(self):
        return len(self.data) // self.batch_size

    def __iter__(self):
        order = torch.randperm(len(self.data), generator=self.rng)
        for i in range(len(self)):
            yield self.data[order[i * self.batch_size:(i + 1) * self.batch_size]]
