"""What `wganlint probe --target` is given of the tones programs: a script without functions, so its networks are written again."""

import math

import torch
import torch.nn as nn

batch_size, nz, lam = 64, 8, 10.0
t = torch.linspace(0, 1, 16)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(16, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
        )

    def forward(self, x):
        score = self.main(x)
        return score


def real_batch():
    phase = 2 * math.pi * torch.rand(batch_size, 1)
    pitch = 1 + torch.rand(batch_size, 1)
    return torch.sin(2 * math.pi * pitch * t + phase) + 0.02 * torch.randn(batch_size, 16)


def critic_loss(real, fake, critic, real_score, fake_score):
    u = torch.rand(batch_size, 1)
    mix = (u * real + (1 - u) * fake).requires_grad_(True)
    slope = torch.autograd.grad(critic(mix).sum(), mix, create_graph=True)[0]
    return fake_score.mean() - real_score.mean() + lam * ((slope.norm(dim=1) - 1) ** 2).mean()


def generator_loss(fake_score):
    return -fake_score.mean()


def pieces():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    generator = nn.Sequential(nn.Linear(nz, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    critic = Critic()
    return {
        "critic": critic,
        "generator": generator,
        "real": real_batch,
        "noise": nz,
        "critic_loss": critic_loss,
        "generator_loss": generator_loss,
        "critic_optimizer": torch.optim.Adam(critic.parameters(), lr=5e-4, betas=(0.0, 0.9)),
        "generator_optimizer": torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.0, 0.9)),
        "critic_steps": 2,
    }
