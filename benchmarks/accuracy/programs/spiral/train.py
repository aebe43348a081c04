import argparse
import time

import torch
from data import spiral
from model import SpiralDiscriminator, SpiralGenerator
from torch.utils.tensorboard import SummaryWriter


def toggle_grad(model, requires_grad):
    for p in model.parameters():
        p.requires_grad_(requires_grad)


def compute_loss(d_out, kind):
    """Hinge loss: `real` and `fake` for the discriminator, `gen` for the generator."""
    if kind == "real":
        return torch.clamp(1 - d_out, min=0).mean()
    if kind == "fake":
        return torch.clamp(1 + d_out, min=0).mean()
    return -d_out.mean()


class Trainer(object):
    def __init__(self, generator, discriminator, g_optimizer, d_optimizer):
        self.generator = generator
        self.discriminator = discriminator
        self.g_optimizer = g_optimizer
        self.d_optimizer = d_optimizer

    def generator_trainstep(self, z):
        toggle_grad(self.generator, True)
        toggle_grad(self.discriminator, False)
        self.g_optimizer.zero_grad()
        x_fake = self.generator(z)
        d_fake = self.discriminator(x_fake)
        gloss = compute_loss(d_fake, "gen")
        gloss.backward()
        self.g_optimizer.step()
        return gloss.item(), x_fake.std(0).mean().item()

    def discriminator_trainstep(self, x_real, z):
        toggle_grad(self.generator, False)
        toggle_grad(self.discriminator, True)
        self.d_optimizer.zero_grad()
        d_real = self.discriminator(x_real)
        dloss_real = compute_loss(d_real, "real")
        with torch.no_grad():
            x_fake = self.generator(z)
        d_fake = self.discriminator(x_fake)
        dloss_fake = compute_loss(d_fake, "fake")
        dloss = dloss_real + dloss_fake
        dloss.backward()
        self.d_optimizer.step()
        return dloss.item(), d_real.mean().item(), d_fake.mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nepochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr_g", type=float, default=1e-3)
    parser.add_argument("--lr_d", type=float, default=4e-3)
    parser.add_argument("--d_steps", type=int, default=2)
    parser.add_argument("--print_every", type=int, default=5)
    config = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    rng = torch.Generator().manual_seed(config.seed)
    generator = SpiralGenerator(6)
    discriminator = SpiralDiscriminator()
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=config.lr_g, betas=(0.0, 0.99))
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=config.lr_d, betas=(0.0, 0.99))
    trainer = Trainer(generator, discriminator, g_optimizer, d_optimizer)
    logger = SummaryWriter("logs")
    tstart = t0 = time.time()
    it = 0
    for epoch in range(config.nepochs):
        for _ in range(45):
            it += 1
            for _ in range(config.d_steps):
                x_real = spiral(config.batch, rng)
                dloss, d_real, d_fake = trainer.discriminator_trainstep(x_real, torch.randn(config.batch, 6))
            gloss, spread = trainer.generator_trainstep(torch.randn(config.batch, 6))
            if it % config.print_every == 0:
                dt = time.time() - t0
                t0 = time.time()
                print("[spiral epoch %d, it %d, t %.3f] g_loss = %.4f, d_loss = %.4f" % (epoch, it, dt, gloss, dloss))
                logger.add_scalar("loss/generator", gloss, it)
                logger.add_scalar("loss/discriminator", dloss, it)
                logger.add_scalar("discriminator/real", d_real, it)
                logger.add_scalar("discriminator/fake", d_fake, it)
                logger.add_scalar("samples/std", spread, it)
                logger.add_scalar("learning_rates/generator", g_optimizer.param_groups[0]["lr"], it)
    logger.close()
    print("done in %.1f s" % (time.time() - tstart))


if __name__ == "__main__":
    main()
