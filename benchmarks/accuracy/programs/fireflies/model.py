import torch.nn as nn


def dense(n_in, n_out, norm=False):
    layers = [nn.Linear(n_in, n_out)]
    if norm:
        layers.append(nn.BatchNorm1d(n_out))
    layers.append(nn.LeakyReLU(0.2))
    return nn.Sequential(*layers)


def mlp(sizes, norm=False):
    return nn.Sequential(*(dense(a, b, norm) for a, b in zip(sizes, sizes[1:])))


class Generator(nn.Module):
    def __init__(self, z_dim=16, width=96, norm=False):
        super().__init__()
        self.body = mlp([z_dim, width, width], norm)
        self.to_pixels = nn.Linear(width, 36)

    def forward(self, z):
        x = self.to_pixels(self.body(z))
        x = 1.2 * x.tanh()
        return x.view(-1, 1, 6, 6)


class Discriminator(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.body = mlp([36, width, width])
        self.to_logit = nn.Linear(width, 1)

    def forward(self, x):
        h = self.body(x.flatten(1))
        logit = self.to_logit(h)
        return logit
