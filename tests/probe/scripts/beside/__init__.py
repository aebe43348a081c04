"""A package beside the scripts: networks and one training step that all of them share."""

import torch
from torch import nn


def networks():
    """Generator (n, 3) -> (n, 2), critic (n, 2) -> (n, 1), and an optimizer for each."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    generator = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    return generator, critic, torch.optim.Adam(generator.parameters()), torch.optim.Adam(critic.parameters())


def train(generator, critic, opt_g, opt_c, real=None):
    """One step of the critic and one of the generator; the two losses."""
    real = torch.randn(16, 2) if real is None else real
    c_loss = critic(generator(torch.randn(len(real), 3)).detach()).mean() - critic(real).mean()
    opt_c.zero_grad()
    c_loss.backward()
    opt_c.step()
    g_loss = -critic(generator(torch.randn(len(real), 3))).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    return c_loss.item(), g_loss.item()
