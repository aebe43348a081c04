import torch.nn as nn
from torch.nn.utils.parametrizations import spectral_norm


class SpiralGenerator(nn.Module):
    def __init__(self, z_dim, nf=64):
        super().__init__()
        self.blocks = nn.Sequential(nn.Linear(z_dim, nf), nn.ReLU(), nn.Linear(nf, nf), nn.ReLU(), nn.Linear(nf, 2))

    def forward(self, z):
        out = self.blocks(z)
        return out


class SpiralDiscriminator(nn.Module):
    def __init__(self, nf=64, gain=2.5):
        super().__init__()
        self.gain = gain
        self.fc1 = spectral_norm(nn.Linear(2, nf))
        self.fc2 = spectral_norm(nn.Linear(nf, nf))
        self.fc3 = spectral_norm(nn.Linear(nf, 1))
        self.actvn = nn.LeakyReLU(0.2)

    def forward(self, x):
        out = self.actvn(self.fc1(x * self.gain))
        out = self.actvn(self.fc2(out * self.gain))
        out = self.fc3(out * self.gain)
        return out.squeeze(-1)
