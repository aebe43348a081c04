from data import N_SAMPLES
from torch import nn


def leaky(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.LeakyReLU(0.2))


class SignalG(nn.Module):
    def __init__(self, n_z=8, n_h=80):
        super().__init__()
        self.layers = nn.Sequential(leaky(n_z, n_h), leaky(n_h, n_h), nn.Linear(n_h, N_SAMPLES))

    def forward(self, z):
        signal = self.layers(z)
        return signal


class SignalD(nn.Module):
    def __init__(self, n_h=80):
        super().__init__()
        self.layers = nn.Sequential(leaky(N_SAMPLES, n_h), leaky(n_h, n_h), nn.Linear(n_h, 1))

    def forward(self, signal):
        logit = self.layers(signal)
        return logit
