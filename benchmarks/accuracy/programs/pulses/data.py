"""Rising edges: 12 readings of a sensor."""

import torch
from torch.utils.data import Dataset

READINGS = 12


def edges(n: int, rng: torch.Generator) -> torch.Tensor:
    t = torch.linspace(0.0, 1.0, READINGS)
    place = 0.15 + 0.7 * torch.rand(n, 1, generator=rng)
    steep = 5 + 3 * torch.rand(n, 1, generator=rng)
    return torch.tanh(steep * (t - place)) + 0.05 * torch.randn(n, READINGS, generator=rng)


class EdgeDataset(Dataset):
    def __init__(self, opt):
        self.gt = edges(opt["num_samples"], torch.Generator().manual_seed(opt["manual_seed"]))

    def __getitem__(self, index):
        return {"gt": self.gt[index]}

    def __len__(self):
        return len(self.gt)
