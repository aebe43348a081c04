import copy

import torch
from data import BuoyDataset
from model import TableCritic, TableGenerator
from stats import Collector


class WGANTrainer:
    def __init__(self, cfg):
        self.cfg = cfg
        self.dataset = BuoyDataset(seed=cfg.seed)
        self.G = TableGenerator(cfg.z_dim)
        self.D = TableCritic()
        self.G_ema = copy.deepcopy(self.G) if cfg.ema else None
        self.G_opt = torch.optim.Adam(self.G.parameters(), lr=cfg.glr, betas=(cfg.beta1, cfg.beta2))
        self.D_opt = torch.optim.Adam(self.D.parameters(), lr=cfg.dlr, betas=(cfg.beta1, cfg.beta2))
        self.stats = Collector()
        self.cur_nimg = 0

    def run_G(self):
        z = torch.randn(self.cfg.batch_size, self.cfg.z_dim)
        return self.G(z)

    def gradient_penalty(self, real, fake):
        eps = torch.rand(real.shape[0], 1)
        mix = torch.lerp(fake, real, eps).requires_grad_(True)
        score = self.D(mix)
        (grad,) = torch.autograd.grad(score.sum(), mix, create_graph=True)
        slope = grad.norm(dim=1)
        return (slope - 1).square().mean()

    def train_discriminator(self):
        real = self.dataset.sample(self.cfg.batch_size)
        with torch.no_grad():
            fake = self.run_G()
        real_score = self.D(real)
        fake_score = self.D(fake)
        penalty = self.gradient_penalty(real, fake)
        loss = fake_score.mean() - real_score.mean() + self.cfg.gp_weight * penalty
        self.D_opt.zero_grad(set_to_none=True)
        loss.backward()
        self.D_opt.step()
        self.stats.report("Loss/scores/real", real_score.mean())
        self.stats.report("Loss/scores/fake", fake_score.mean())
        self.stats.report("Loss/D/loss", loss)
        self.stats.report("Loss/D/gp", penalty)

    def train_generator(self):
        fake = self.run_G()
        loss = -self.D(fake).mean()
        self.G_opt.zero_grad(set_to_none=True)
        loss.backward()
        self.G_opt.step()
        self.stats.report("Loss/G/loss", loss)

    def set_rates(self):
        """Both rates climb from 0 during the first warmup_kimg."""
        share = min(1.0, self.cur_nimg / (1000 * self.cfg.warmup_kimg)) if self.cfg.warmup_kimg else 1.0
        self.G_opt.param_groups[0]["lr"] = self.cfg.glr * share
        self.D_opt.param_groups[0]["lr"] = self.cfg.dlr * share

    def fit(self):
        tick, tick_start = 0, 0
        while self.cur_nimg < self.cfg.total_kimg * 1000:
            self.set_rates()
            for _ in range(self.cfg.n_critic):
                self.train_discriminator()
            self.train_generator()
            if self.G_ema is not None:
                for slow, fast in zip(self.G_ema.parameters(), self.G.parameters()):
                    slow.data.lerp_(fast.data, 1 - self.cfg.ema)
            self.cur_nimg += self.cfg.batch_size
            if self.cur_nimg - tick_start >= self.cfg.kimg_per_tick * 1000:
                self.stats.report("Progress/G_lr", self.G_opt.param_groups[0]["lr"])
                self.stats.report("Progress/D_lr", self.D_opt.param_groups[0]["lr"])
                self.stats.flush(tick, self.cur_nimg / 1000)
                tick, tick_start = tick + 1, self.cur_nimg
        print("Exiting...")
