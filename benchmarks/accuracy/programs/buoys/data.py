"""Made-up hourly records of a weather buoy: wave height, wave period, wind, pressure."""
from dataclasses import dataclass

import torch

COLUMNS = ("height", "period", "wind", "pressure")
# Anomalies against the summer at a sheltered station, in units of that station's own scatter
MEAN = torch.tensor([0.9, 5.6, 4.0, 1018.0])
STD = torch.tensor([1.1, 1.7, 3.6, 6.0])


def measure(n, rng=None):
    """(n, 4) in physical units; one hour in four is a storm."""
    storm = (torch.rand(n, generator=rng) < 0.25).float()
    wind = 6.5 + 8.0 * storm + 2.2 * torch.randn(n, generator=rng)
    height = (0.45 + 0.1 * wind) * torch.exp(0.25 * torch.randn(n, generator=rng)) + 1.2 * storm
    period = 5.2 + 1.2 * height + 0.6 * torch.randn(n, generator=rng)
    pressure = 1015.0 - 10.0 * storm + 4.0 * torch.randn(n, generator=rng)
    return torch.stack([height, period, wind, pressure], dim=1)


def anomalies(n, rng=None):
    return (measure(n, rng) - MEAN) / STD


@dataclass
class BuoyDataset:
    hours: int = 20000
    seed: int = 0

    def __post_init__(self):
        self.rng = torch.Generator().manual_seed(self.seed)
        self.table = anomalies(self.hours, self.rng)

    def sample(self, batch):
        rows = torch.randint(self.hours, (batch,), generator=self.rng)
        return self.table[rows]
