import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm as sn


class Gen(nn.Module):
    def __init__(self, z=6, h=64):
        super().__init__()
        self.l1 = nn.Linear(z, h)
        self.l2 = nn.Linear(h, h)
        self.out = nn.Linear(h, 2)

    def forward(self, z):
        h = F.relu(self.l1(z))
        h = F.relu(self.l2(h))
        return self.out(h)


class Disc(nn.Module):
    def __init__(self, h=64):
        super().__init__()
        self.l1 = sn(nn.Linear(2, h))
        self.l2 = sn(nn.Linear(h, h))
        self.out = sn(nn.Linear(h, 1))

    def forward(self, x):
        h = F.leaky_relu(self.l1(2 * x), 0.2)
        h = F.leaky_relu(self.l2(2 * h), 0.2)
        y = 2 * self.out(h)
        return y.flatten()


def loss_hinge_dis(dis_fake, dis_real):
    loss_real = torch.mean(F.relu(1. - dis_real))
    loss_fake = torch.mean(F.relu(1. + dis_fake))
    return loss_real, loss_fake


def loss_hinge_gen(dis_fake):
    return -torch.mean(dis_fake)
