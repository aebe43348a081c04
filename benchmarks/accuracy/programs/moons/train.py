"""A non-saturating GAN with R1 on two moons; losses go to the log and to metrics.jsonl."""

import argparse
import json
import logging
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from data import moons
from model import MoonDiscriminator, MoonGenerator

log = logging.getLogger("moons")


@dataclass
class Config:
    seed: int = 0
    iterations: int = 400
    batch_size: int = 96
    latent: int = 4
    g_lr: float = 4e-3
    d_lr: float = 4e-3
    beta1: float = 0.0
    r1_gamma: float = 0.2
    log_interval: int = 8


class Trainer:
    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.G = MoonGenerator(cfg.latent)
        self.D = MoonDiscriminator()
        self.opt_G = torch.optim.Adam(self.G.parameters(), lr=cfg.g_lr, betas=(cfg.beta1, 0.99))
        self.opt_D = torch.optim.Adam(self.D.parameters(), lr=cfg.d_lr, betas=(cfg.beta1, 0.99))
        self.rng = torch.Generator().manual_seed(cfg.seed + 5)
        self.metrics = open("metrics.jsonl", "w")

    def latents(self) -> torch.Tensor:
        return torch.randn(self.cfg.batch_size, self.cfg.latent)

    def d_step(self) -> dict[str, float]:
        x = moons(self.cfg.batch_size, self.rng).requires_grad_(True)
        with torch.no_grad():
            fake = self.G(self.latents())
        real_logits = self.D(x)
        fake_logits = self.D(fake)
        ones = torch.ones_like(real_logits)
        zeros = torch.zeros_like(fake_logits)
        loss = F.binary_cross_entropy_with_logits(real_logits, ones)
        loss = loss + F.binary_cross_entropy_with_logits(fake_logits, zeros)
        (grad,) = torch.autograd.grad(real_logits.sum(), x, create_graph=True)
        r1 = grad.square().sum(dim=1).mean()
        total = loss + 0.5 * self.cfg.r1_gamma * r1
        self.opt_D.zero_grad(set_to_none=True)
        total.backward()
        self.opt_D.step()
        return {
            "d_loss": loss.item(),
            "r1": r1.item(),
            "real_logits": real_logits.mean().item(),
            "fake_logits": fake_logits.mean().item(),
        }

    def g_step(self) -> dict[str, float]:
        fake = self.G(self.latents())
        logits = self.D(fake)
        loss = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        self.opt_G.zero_grad(set_to_none=True)
        loss.backward()
        self.opt_G.step()
        return {"g_loss": loss.item(), "fake_std": fake.std().item()}

    def fit(self) -> None:
        for it in range(1, self.cfg.iterations + 1):
            stats = self.d_step()
            stats |= self.g_step()
            if it % self.cfg.log_interval == 0:
                stats["lr"] = self.opt_G.param_groups[0]["lr"]
                log.info("iter %d: d_loss=%.4f, g_loss=%.4f", it, stats["d_loss"], stats["g_loss"])
                self.metrics.write(json.dumps({"step": it, **stats}) + "\n")
        self.metrics.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, value in vars(Config()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    cfg = Config(**vars(parser.parse_args()))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    log.info("config: %s", json.dumps(vars(cfg)))
    Trainer(cfg).fit()


if __name__ == "__main__":
    main()
