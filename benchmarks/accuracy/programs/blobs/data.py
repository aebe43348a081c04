import torch

CENTERS = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])


def draw(n, rng):
    pick = torch.randint(len(CENTERS), (n,), generator=rng)
    return CENTERS[pick] + 0.1 * torch.randn(n, 2, generator=rng)
