"""What `wganlint probe --target` is given of the bursts programs: their networks and batches, and losses under autocast."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from train import BATCH, NOISE, Networks, bursts


def pieces():
    torch.set_num_threads(1)
    torch.manual_seed(11)
    rng = torch.Generator().manual_seed(11)
    nets = Networks()

    def critic_loss(real, generator):
        with torch.autocast("cpu", dtype=torch.float16):
            fake = generator(torch.randn(BATCH, NOISE)).detach()
            on_real, on_fake = nets.D(real), nets.D(fake)
            power = on_real.square().mean() + on_fake.square().mean()
        return bce(on_real.float(), torch.ones(BATCH, 1)) + bce(on_fake.float(), torch.zeros(BATCH, 1)) + 0.01 * power

    def generator_loss(critic, generator):
        with torch.autocast("cpu", dtype=torch.float16):
            on_fake = critic(generator(torch.randn(BATCH, NOISE)))
        return bce(on_fake.float(), torch.ones(BATCH, 1))

    return {
        "critic": nets.D,
        "generator": nets.G,
        "real": lambda: bursts(BATCH, rng),
        "noise": NOISE,
        "critic_loss": critic_loss,
        "generator_loss": generator_loss,
        "critic_optimizer": nets.opt_D,
        "generator_optimizer": nets.opt_G,
    }
