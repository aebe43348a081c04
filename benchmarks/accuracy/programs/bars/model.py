import torch
from torch import nn


class ConvGenerator(nn.Module):
    def __init__(self, dim_z: int, ch: int = 16) -> None:
        super().__init__()
        self.ch = ch
        self.proj = nn.Linear(dim_z, ch * 4 * 4)
        self.up = nn.Upsample(scale_factor=2)
        self.conv1 = nn.Conv2d(ch, ch, 3, padding=1)
        self.conv2 = nn.Conv2d(ch, 1, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        h = self.act(self.proj(z)).view(-1, self.ch, 4, 4)
        h = self.act(self.conv1(self.up(h)))
        return torch.tanh(self.conv2(h))


class ConvCritic(nn.Module):
    def __init__(self, ch: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, ch, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(ch, 2 * ch, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm([2 * ch, 2, 2])
        self.linear = nn.Linear(2 * ch * 4, 1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.conv1(x))
        h = self.act(self.norm(self.conv2(h)))
        return self.linear(h.flatten(1)).squeeze(1)
