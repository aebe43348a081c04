import torch
from torch import nn


def block(i, o, act):
    return [nn.Linear(i, o), act]


class GeneratorNet(nn.Module):
    def __init__(self, latent_dim=4, width=64, depth=2):
        super().__init__()
        layers = block(latent_dim, width, nn.ReLU())
        for _ in range(depth - 1):
            layers += block(width, width, nn.ReLU())
        self.layers = nn.Sequential(*layers)
        self.xy = nn.Linear(width, 2)

    def forward(self, z):
        xy = self.xy(self.layers(z))
        return xy


class DiscriminatorNet(nn.Module):
    def __init__(self, width=64, depth=2):
        super().__init__()
        layers = block(2, width, nn.SiLU())
        for _ in range(depth - 1):
            layers += block(width, width, nn.SiLU())
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(width, 1)

    def forward(self, xy):
        score = self.score(self.layers(xy))
        return score


def hinge_d(real, fake):
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def hinge_g(fake):
    return -fake.mean()
