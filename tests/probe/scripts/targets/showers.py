"""What `wganlint probe --target` is given of the shower programs: their own trainer, batches and penalty."""

import argparse

import torch

from data import epoch, simulate
from train import Trainer


def pieces():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = torch.Generator().manual_seed(1)
    showers = simulate(225, rng)
    trainer = Trainer(argparse.Namespace(lambda_gp=10.0, lr=1e-3))

    def batches():
        while True:
            yield from epoch(showers, 32, rng)

    def fake(real):
        return trainer.fakes(real), real.mask, real.layer

    def critic_loss(real, fake, real_score, fake_score):
        return fake_score.mean() - real_score.mean() + trainer.lambda_gp * trainer.penalty(real, fake[0])

    def generator_loss(fake_score):
        return -fake_score.mean()

    def guard(optimizer, *_):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.grad = torch.nan_to_num(parameter.grad, nan=0.0, posinf=0.0, neginf=0.0)

    trainer.opt_g.register_step_pre_hook(guard)
    trainer.opt_d.register_step_pre_hook(guard)
    return {
        "critic": trainer.critic,
        "generator": trainer.generator,
        "real": batches(),
        "fake": fake,
        "critic_loss": critic_loss,
        "generator_loss": generator_loss,
        "critic_optimizer": trainer.opt_d,
        "generator_optimizer": trainer.opt_g,
    }
