"""Striped patches of 8 x 8 pixels."""
import torch


def patches(size, rng):
    """(size, 64), stripes of two directions, two phases, some contrast; between -1 and 1"""
    axis = torch.arange(8).float()
    across = torch.rand(size, 1, 1, generator=rng) < 0.5
    phase = 2 * torch.randint(2, (size, 1, 1), generator=rng)
    contrast = 0.6 + 0.35 * torch.rand(size, 1, 1, generator=rng)
    place = torch.where(across, axis.view(1, 8, 1), axis.view(1, 1, 8)).expand(size, 8, 8)
    image = contrast * torch.where(((place + phase) % 4) < 2, 1.0, -1.0)
    return (image + 0.1 * torch.randn(size, 8, 8, generator=rng)).flatten(1)
