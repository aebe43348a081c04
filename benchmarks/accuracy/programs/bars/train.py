"""WGAN-GP with small convolutions; scalars go to TensorBoard, a bar to the terminal."""

from argparse import ArgumentParser

import torch
from data import sample_images
from model import ConvCritic, ConvGenerator
from progress import tqdm
from torch.utils.tensorboard import SummaryWriter


class WGANGP:
    def __init__(self, hparams):
        self.hparams = hparams
        self.netG = ConvGenerator(hparams.dim_z)
        self.netC = ConvCritic()
        self.optG = torch.optim.Adam(self.netG.parameters(), lr=hparams.lr_g, betas=(0.0, 0.9))
        self.optC = torch.optim.Adam(self.netC.parameters(), lr=hparams.lr_c, betas=(0.0, 0.9))
        self.rng = torch.Generator().manual_seed(hparams.seed)

    def sample_z(self):
        return torch.randn(self.hparams.batch_size, self.hparams.dim_z)

    def real_batch(self):
        return sample_images(self.hparams.batch_size, self.rng)

    def penalty(self, real, fake):
        eps = torch.rand(real.shape[0], 1, 1, 1)
        mix = torch.lerp(fake, real, eps).requires_grad_()
        score = self.netC(mix)
        grad = torch.autograd.grad(score.sum(), mix, create_graph=True)[0]
        norm = grad.flatten(1).norm(2, dim=1)
        return (norm - 1).square().mean()

    def critic_step(self):
        real = self.real_batch()
        with torch.no_grad():
            fake = self.netG(self.sample_z())
        score_real = self.netC(real).mean()
        score_fake = self.netC(fake).mean()
        gp = self.penalty(real, fake)
        loss = score_fake - score_real + self.hparams.gp_weight * gp
        self.optC.zero_grad()
        loss.backward()
        self.optC.step()
        return {
            "critic/loss": loss, "critic/real": score_real, "critic/fake": score_fake,
            "critic/gp": gp, "critic/wasserstein": score_real - score_fake,
        }

    def generator_step(self):
        fake = self.netG(self.sample_z())
        loss = -self.netC(fake).mean()
        self.optG.zero_grad()
        loss.backward()
        self.optG.step()
        return {"generator/loss": loss, "generator/std": fake.std(dim=0).mean()}


def main():
    parser = ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-iters", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=48)
    parser.add_argument("--dim-z", type=int, default=8)
    parser.add_argument("--n-critic", type=int, default=3)
    parser.add_argument("--lr-g", type=float, default=2e-3)
    parser.add_argument("--lr-c", type=float, default=3e-3)
    parser.add_argument("--gp-weight", type=float, default=10.0)
    parser.add_argument("--log-every", type=int, default=5)
    hparams = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(hparams.seed)
    wgan = WGANGP(hparams)
    writer = SummaryWriter("runs/bars")
    writer.add_text("hparams", str(vars(hparams)))
    bar = tqdm(range(1, hparams.max_iters + 1), desc="bars", mininterval=0.05)
    for it in bar:
        for _ in range(hparams.n_critic):
            scalars = wgan.critic_step()
        scalars.update(wgan.generator_step())
        if it % hparams.log_every == 0:
            for tag, value in scalars.items():
                writer.add_scalar(tag, value.item(), it)
            writer.add_scalar("lr", wgan.optG.param_groups[0]["lr"], it)
            bar.set_postfix(c=f"{scalars['critic/loss'].item():.3f}", g=f"{scalars['generator/loss'].item():.3f}")
    writer.close()


if __name__ == "__main__":
    main()
