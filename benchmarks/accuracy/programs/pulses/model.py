import torch
from data import READINGS
from torch import nn


class EdgeNet(nn.Module):
    def __init__(self, num_in=6, num_feat=96):
        super().__init__()
        self.first = nn.Linear(num_in, num_feat)
        self.mid = nn.Linear(num_feat, num_feat)
        self.last = nn.Linear(num_feat, READINGS)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2)

    def forward(self, x):
        feat = self.lrelu(self.first(x))
        feat = self.lrelu(self.mid(feat))
        return self.last(feat)


class EdgeDiscriminator(nn.Module):
    def __init__(self, num_feat=96, noise=0.3):
        super().__init__()
        self.noise = noise
        self.first = nn.Linear(READINGS, num_feat)
        self.mid = nn.Linear(num_feat, num_feat)
        self.last = nn.Linear(num_feat, 1)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2)

    def forward(self, x):
        x = x + self.noise * torch.randn_like(x)
        feat = self.lrelu(self.first(x))
        feat = self.lrelu(self.mid(feat))
        out = self.last(feat)
        return out


class LSGANLoss(nn.Module):
    def __init__(self, loss_weight=1.0):
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred, target_is_real, is_disc=False):
        target = 1.0 if target_is_real else 0.0
        loss = (pred - target).square().mean()
        # loss_weight is always 1.0 for discriminators
        return loss if is_disc else loss * self.loss_weight
