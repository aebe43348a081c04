"""Bars and crosses on 8 x 8 pixels."""

import torch


def sample_images(n: int, rng: torch.Generator) -> torch.Tensor:
    """Images (n, 1, 8, 8) between -1 and 1: one vertical and one horizontal bar, blurred, of varying place."""
    grid = torch.arange(8, dtype=torch.float32)
    column = 2 + 4 * torch.rand(n, 1, generator=rng)
    row = 2 + 4 * torch.rand(n, 1, generator=rng)
    vertical = torch.exp(-((grid - column) ** 2)).unsqueeze(1)
    horizontal = torch.exp(-((grid - row) ** 2)).unsqueeze(2)
    image = torch.maximum(vertical.expand(n, 8, 8), horizontal.expand(n, 8, 8))
    return (2 * image - 1).unsqueeze(1)
