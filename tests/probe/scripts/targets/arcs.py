"""What `wganlint probe --target` is given of the arcs programs: their networks, batches and penalty; losses as in train.py."""

import torch
from torch import optim

from networks import Z_DIM, make_critic, make_generator
from train import gradient_penalty, real_batch


def critic_loss(real, critic, generator, lambda_gp=10.0):
    fake = generator(torch.randn(real.size(0), Z_DIM)).detach()
    gap = critic(real).mean() - critic(fake).mean()
    gp = gradient_penalty(critic, real, fake)
    loss_d = -gap + lambda_gp * gp
    return loss_d


def generator_loss(critic, generator, size=64):
    fake = generator(torch.randn(size, Z_DIM))
    loss_g = -critic(fake).mean()
    return loss_g


def pieces(lr=1e-3):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = torch.Generator().manual_seed(1)
    generator, critic = make_generator(), make_critic()
    optimizer_G = optim.Adam(generator.parameters(), lr=lr, betas=(0.5, 0.9))
    optimizer_D = optim.Adam(critic.parameters(), lr=lr, betas=(0.5, 0.9))
    return {
        "critic": critic,
        "generator": generator,
        "real": lambda: real_batch(64, rng),
        "noise": Z_DIM,
        "critic_loss": critic_loss,
        "generator_loss": generator_loss,
        "critic_optimizer": optimizer_D,
        "generator_optimizer": optimizer_G,
        "critic_steps": 2,
    }
