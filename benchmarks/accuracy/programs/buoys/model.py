import torch
from torch import nn


class Residual(nn.Module):
    """As in tabular GANs: the input is kept beside what was made of it."""

    def __init__(self, i, o):
        super().__init__()
        self.fc = nn.Linear(i, o)

    def forward(self, x):
        return torch.cat([torch.relu(self.fc(x)), x], dim=1)


class TableGenerator(nn.Module):
    def __init__(self, z_dim, hidden=(48, 48), columns=4):
        super().__init__()
        blocks, dim = [], z_dim
        for width in hidden:
            blocks.append(Residual(dim, width))
            dim += width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(dim, columns)

    def forward(self, z):
        rows = self.head(self.blocks(z))
        return rows


class TableCritic(nn.Module):
    def __init__(self, columns=4, hidden=(64, 64)):
        super().__init__()
        layers, dim = [], columns
        for width in hidden:
            layers += [nn.Linear(dim, width), nn.LeakyReLU(0.2)]
            dim = width
        layers.append(nn.Linear(dim, 1))
        self.net = nn.Sequential(*layers)

    def forward(self, rows):
        score = self.net(rows).squeeze(1)
        return score
