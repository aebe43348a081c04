import math

import torch


def outline(n, rng=None):
    """(n, 2): points along the outline of a flower with five petals, off the middle of the sheet."""
    theta = 2 * math.pi * torch.rand(n, generator=rng)
    radius = 1.0 + 0.35 * torch.cos(5 * theta) + 0.05 * torch.randn(n, generator=rng)
    flower = torch.stack([radius * theta.cos(), radius * theta.sin()], dim=1)
    return flower + torch.tensor([1.0, -0.5])


class FlowerDataModule:
    """train_dataloader() gives the batches of one epoch, drawn anew each time."""

    def __init__(self, batch_size, batches, seed):
        self.batch_size = batch_size
        self.batches = batches
        self.rng = torch.Generator().manual_seed(1000 + seed)

    def train_dataloader(self):
        for _ in range(self.batches):
            yield outline(self.batch_size, self.rng)

    def val_batch(self):
        return outline(512, torch.Generator().manual_seed(99))
