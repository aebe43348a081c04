"""Small GANs whose networks, optimizers and losses are held in dicts, made by factories or driven by a framework.

Each is a folder of files; `HELD[idiom]` names them. test_held.py writes faults and sound forms on them.
"""

from idioms import NETS

MODELS = NETS
SPREAD = """
def mlp(sizes, act=nn.LeakyReLU, last=None):
    layers = []
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):
        layers.append(nn.Linear(n_in, n_out))
        layers.append(act())
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    if last is not None:
        layers.append(last)
    return nn.Sequential(*layers)
"""
HELD: dict[str, dict[str, str]] = {}
HELD["dict"] = {
    "train.py": NETS
    + """

def discriminator_loss(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return real + fake


def generator_loss(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def main(loader, epochs=10):
    nets = {"G": Generator(), "D": Discriminator()}
    optims = {name: torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for name, net in nets.items()}
    history = {"d": [], "g": []}
    for net in nets.values():
        net.train()
    for epoch in range(epochs):
        for real in loader:
            z = torch.randn(real.size(0), 16)
            fake = nets["G"](z)
            loss_d = discriminator_loss(nets["D"](real), nets["D"](fake.detach()))
            optims["D"].zero_grad()
            loss_d.backward()
            optims["D"].step()

            loss_g = generator_loss(nets["D"](fake))
            optims["G"].zero_grad()
            loss_g.backward()
            optims["G"].step()
            history["d"].append(loss_d.item())
            history["g"].append(loss_g.item())
        print(f"epoch {epoch} d {history['d'][-1]:.4f} g {history['g'][-1]:.4f}")
"""
}
HELD["built"] = {
    "models.py": NETS
    + """

def build_models(cfg):
    return {"netG": Generator().to(cfg["device"]), "netD": Discriminator().to(cfg["device"])}


def build_optimizers(nets, cfg):
    return {
        "optG": torch.optim.Adam(nets["netG"].parameters(), lr=cfg["lr_g"], betas=tuple(cfg["betas"])),
        "optD": torch.optim.Adam(nets["netD"].parameters(), lr=cfg["lr_d"], betas=tuple(cfg["betas"])),
    }
""",
    "losses.py": """
import torch
import torch.nn.functional as F


def get_gan_loss(name):
    if name == "hinge":
        def d_loss(real, fake):
            return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()

        def g_loss(fake):
            return -fake.mean()
    elif name == "ns":
        def d_loss(real, fake):
            return F.softplus(-real).mean() + F.softplus(fake).mean()

        def g_loss(fake):
            return F.softplus(-fake).mean()
    else:
        raise ValueError(name)
    return d_loss, g_loss
""",
    "train.py": """
import json

import torch

from losses import get_gan_loss
from models import build_models, build_optimizers


class Runner:
    def __init__(self, cfg):
        self.cfg = cfg
        self.nets = build_models(cfg)
        self.optims = build_optimizers(self.nets, cfg)
        self.d_loss_fn, self.g_loss_fn = get_gan_loss(cfg["loss"])
        self.log = {"d": [], "g": []}

    def latent(self, n):
        return torch.randn(n, self.cfg["z_dim"], device=self.cfg["device"])

    def d_step(self, real):
        self.optims["optD"].zero_grad()
        with torch.no_grad():
            fake = self.nets["netG"](self.latent(len(real)))
        loss = self.d_loss_fn(self.nets["netD"](real), self.nets["netD"](fake))
        loss.backward()
        self.optims["optD"].step()
        self.log["d"].append(loss.item())

    def g_step(self, n):
        self.optims["optG"].zero_grad()
        fake = self.nets["netG"](self.latent(n))
        loss = self.g_loss_fn(self.nets["netD"](fake))
        loss.backward()
        self.optims["optG"].step()
        self.log["g"].append(loss.item())

    def run(self, loader):
        for step, real in enumerate(loader):
            self.d_step(real)
            self.g_step(len(real))
            if step % 100 == 0:
                print(step, self.log["d"][-1], self.log["g"][-1])


if __name__ == "__main__":
    with open("config.json") as handle:
        cfg = json.load(handle)
    Runner(cfg).run(make_loader(cfg))
""",
    "config.json": """{
  "loss": "ns",
  "lr_g": 0.0002,
  "lr_d": 0.0002,
  "betas": [0.5, 0.99],
  "z_dim": 16,
  "device": "cpu"
}
""",
}
HELD["pairs"] = {
    "train.py": MODELS
    + """
from types import SimpleNamespace

LOSSES = {
    "wgan": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
    "lsgan": (
        lambda real, fake: ((real - 1) ** 2).mean() + (fake**2).mean(),
        lambda fake: ((fake - 1) ** 2).mean(),
    ),
}


def build_models(cfg):
    netG = Generator()
    netD = Discriminator()
    return netG, netD


def make_optimizer(net, cfg):
    return torch.optim.RMSprop(net.parameters(), lr=cfg.lr)


def train(loader):
    cfg = SimpleNamespace(lr=5e-5, loss="lsgan", steps=10000)
    netG, netD = build_models(cfg)
    networks = SimpleNamespace(generator=netG, critic=netD)
    opts = SimpleNamespace(g=make_optimizer(netG, cfg), d=make_optimizer(netD, cfg))
    d_criterion, g_criterion = LOSSES[cfg.loss]
    losses = []
    for step in range(cfg.steps):
        real = next(loader)
        z = torch.randn(real.size(0), 16)
        fake = networks.generator(z).detach()
        opts.d.zero_grad()
        d_loss = d_criterion(networks.critic(real), networks.critic(fake))
        d_loss.backward()
        opts.d.step()

        opts.g.zero_grad()
        fake = networks.generator(torch.randn(real.size(0), 16))
        g_loss = g_criterion(networks.critic(fake))
        g_loss.backward()
        opts.g.step()
        losses.append((d_loss.item(), g_loss.item()))
"""
}
HELD["indexed"] = {
    "gan.py": MODELS
    + """

class LitGAN(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.generator = Generator()
        self.critic = Discriminator()
        self.logged = []

    def log(self, name, value):
        self.logged.append((name, float(value)))

    def configure_optimizers(self):
        opt_c = torch.optim.Adam(self.critic.parameters(), lr=self.cfg.lr, betas=(0.0, 0.9))
        opt_g = torch.optim.Adam(self.generator.parameters(), lr=self.cfg.lr, betas=(0.0, 0.9))
        return [{"optimizer": opt_c, "frequency": 1}, {"optimizer": opt_g, "frequency": 1}]

    def training_step(self, batch, batch_idx, optimizer_idx):
        real = batch
        z = torch.randn(real.size(0), 16)
        if optimizer_idx == 0:
            fake = self.generator(z).detach()
            loss = F.relu(1.0 - self.critic(real)).mean() + F.relu(1.0 + self.critic(fake)).mean()
            if batch_idx % 16 == 0:
                x = real.detach().requires_grad_(True)
                grad = torch.autograd.grad(self.critic(x).sum(), x, create_graph=True)[0]
                loss = loss + 0.5 * self.cfg.r1 * 16 * grad.square().sum(1).mean()
            self.log("d_loss", loss)
            return loss
        if optimizer_idx == 1:
            fake = self.generator(z)
            loss = -self.critic(fake).mean()
            self.log("g_loss", loss)
            return loss
""",
    "main.py": """
from gan import LitGAN


def fit(module, loader, epochs):
    optimizers = [entry["optimizer"] for entry in module.configure_optimizers()]
    for epoch in range(epochs):
        for batch_idx, batch in enumerate(loader):
            for idx, optimizer in enumerate(optimizers):
                optimizer.zero_grad()
                loss = module.training_step(batch, batch_idx, idx)
                loss.backward()
                optimizer.step()
        print(epoch, module.logged[-2:])


fit(LitGAN(cfg), loader, 10)
""",
}
HELD["config class"] = {
    "train.py": """
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

MISSING = 0.0


@dataclass
class Config:
    z_dim: int = 16
    hidden: int = 64
    lr: float = 1e-4
    gp_weight: float = 10.0
    n_critic: int = 5


"""
    + SPREAD
    + """

def featurize(events, mask):
    feats = torch.cat([events, events.square()], dim=1)
    return torch.where(mask, feats, torch.full_like(feats, MISSING))


class Trainer:
    def __init__(self, cfg: Config):
        self.cfg = cfg
        self.generator = mlp([cfg.z_dim, cfg.hidden, 2], act=nn.ReLU)
        self.critic = mlp([4, cfg.hidden, cfg.hidden, 1])
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr=cfg.lr, betas=(0.0, 0.9))
        self.c_optimizer = torch.optim.Adam(self.critic.parameters(), lr=cfg.lr, betas=(0.0, 0.9))
        self.losses = []

    def gradient_penalty(self, real, fake):
        eps = torch.rand(real.size(0), 1)
        mixed = (eps * real + (1 - eps) * fake).requires_grad_(True)
        score = self.critic(mixed)
        grads = torch.autograd.grad(score.sum(), mixed, create_graph=True)[0]
        return ((grads.norm(2, dim=1) - 1) ** 2).mean()

    def train_discriminator(self, events, mask):
        z = torch.randn(events.size(0), self.cfg.z_dim)
        real = featurize(events, mask)
        fake = featurize(self.generator(z).detach(), mask)
        self.c_optimizer.zero_grad()
        loss = self.critic(fake).mean() - self.critic(real).mean()
        loss = loss + self.cfg.gp_weight * self.gradient_penalty(real, fake)
        loss.backward()
        self.c_optimizer.step()
        self.losses.append(loss.item())
        return loss.item()

    def train_generator(self, events, mask):
        z = torch.randn(events.size(0), self.cfg.z_dim)
        fake = featurize(self.generator(z), mask)
        self.g_optimizer.zero_grad()
        loss = -self.critic(fake).mean()
        loss.backward()
        self.g_optimizer.step()
        return loss.item()

    def fit(self, loader):
        for step, (events, mask) in enumerate(loader):
            c_loss = self.train_discriminator(events, mask)
            if step % self.cfg.n_critic == 0:
                g_loss = self.train_generator(events, mask)
                print(f"step {step} c_loss {c_loss:.4f} g_loss {g_loss:.4f}")
""",
}
HELD["module dict"] = {
    "train.py": MODELS
    + """
from collections import defaultdict


class GANLoss:
    def __init__(self, mode="ns"):
        self.mode = mode

    def __call__(self, logits, is_real):
        target = torch.ones_like(logits) if is_real else torch.zeros_like(logits)
        return F.binary_cross_entropy_with_logits(logits, target)


class System:
    def __init__(self, cfg):
        self.nets = nn.ModuleDict({"gen": Generator(), "disc": Discriminator()})
        self.opts = {}
        for name, net in self.nets.items():
            self.opts[name] = torch.optim.Adam(net.parameters(), lr=cfg["lr"], betas=(0.5, 0.99))
        self.gan_loss = GANLoss(cfg["mode"])
        self.stats = defaultdict(list)

    def requires_grad(self, name, flag):
        for p in self.nets[name].parameters():
            p.requires_grad_(flag)

    def step(self, real):
        z = torch.randn(real.size(0), 16)
        fake = self.nets["gen"](z)
        self.opts["disc"].zero_grad()
        d_loss = self.gan_loss(self.nets["disc"](real), True) + self.gan_loss(self.nets["disc"](fake.detach()), False)
        d_loss.backward()
        self.opts["disc"].step()

        self.opts["gen"].zero_grad()
        g_loss = self.gan_loss(self.nets["disc"](fake), True)
        g_loss.backward()
        self.opts["gen"].step()
        self.stats["d_loss"].append(d_loss.item())
        self.stats["g_loss"].append(g_loss.item())


def main(cfg, loader):
    system = System(cfg)
    for step, real in enumerate(loader):
        system.step(real)
"""
}
HELD["list"] = {
    "train.py": MODELS
    + """
import functools
from collections import deque


def hinge_d(real, fake, margin=1.0):
    return F.relu(margin - real).mean() + F.relu(margin + fake).mean()


def hinge_g(fake):
    return -fake.mean()


def get_losses(kind):
    return {"d": functools.partial(hinge_d, margin=1.0), "g": hinge_g}


def set_grad(net, flag):
    for p in net.parameters():
        p.requires_grad_(flag)


def main(args, loader):
    models = [Generator(), Discriminator()]
    optimizers = [torch.optim.Adam(m.parameters(), lr=args.lr, betas=(0.0, 0.9)) for m in models]
    loss_fns = get_losses(args.loss)
    recent = deque(maxlen=100)
    for real in loader:
        set_grad(models[1], True)
        z = torch.randn(len(real), 16)
        with torch.no_grad():
            fake = models[0](z)
        d_loss = loss_fns["d"](models[1](real), models[1](fake))
        optimizers[1].zero_grad()
        d_loss.backward()
        optimizers[1].step()
        set_grad(models[1], False)
        g_loss = loss_fns["g"](models[1](models[0](torch.randn(len(real), 16))))
        optimizers[0].zero_grad()
        g_loss.backward()
        optimizers[0].step()
        recent.append((d_loss.item(), g_loss.item()))
"""
}
HELD["modules"] = {
    "losses.py": """
import torch
import torch.nn.functional as F


def d_ns(real_logits, fake_logits):
    ones, zeros = torch.ones_like(real_logits), torch.zeros_like(fake_logits)
    return F.binary_cross_entropy_with_logits(real_logits, ones) + F.binary_cross_entropy_with_logits(fake_logits, zeros)


def g_ns(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def d_ls(real, fake):
    return 0.5 * ((real - 1).pow(2).mean() + fake.pow(2).mean())


def g_ls(fake):
    return 0.5 * (fake - 1).pow(2).mean()


LOSSES = {"ns": (d_ns, g_ns), "ls": (d_ls, g_ls)}
""",
    "train.py": MODELS
    + """
import json
from typing import NamedTuple

from losses import LOSSES


class Nets(NamedTuple):
    gen: nn.Module
    disc: nn.Module


def make_optimizer(net, cfg):
    if cfg["optimizer"] == "adam":
        return torch.optim.Adam(net.parameters(), lr=cfg["lr"], betas=(0.5, 0.999))
    return torch.optim.RMSprop(net.parameters(), lr=cfg["lr"])


def train_step(nets, optimizers, losses, real, history):
    d_loss_fn, g_loss_fn = losses
    z = torch.randn(real.size(0), 16)
    optimizers["disc"].zero_grad()
    fake = nets.gen(z).detach()
    d_loss = d_loss_fn(nets.disc(real), nets.disc(fake))
    d_loss.backward()
    optimizers["disc"].step()

    optimizers["gen"].zero_grad()
    g_loss = g_loss_fn(nets.disc(nets.gen(z)))
    g_loss.backward()
    optimizers["gen"].step()
    history.append({"d_loss": d_loss.item(), "g_loss": g_loss.item()})


def main(loader):
    cfg = json.load(open("config.json"))
    nets = Nets(gen=Generator(), disc=Discriminator())
    optimizers = {"gen": make_optimizer(nets.gen, cfg), "disc": make_optimizer(nets.disc, cfg)}
    history = []
    for real in loader:
        train_step(nets, optimizers, LOSSES[cfg["loss"]], real, history)
""",
    "config.json": """{
  "loss": "ns",
  "optimizer": "adam",
  "lr": 0.0002
}
""",
}
HELD["returned"] = {
    "gan.py": MODELS
    + """

class GAN(nn.Module):
    def __init__(self, lr=2e-4):
        super().__init__()
        self.lr = lr
        self.G = Generator()
        self.D = Discriminator()
        self.losses = {"d": [], "g": []}

    def forward(self, z):
        return self.G(z)

    def adversarial_loss(self, logits, target):
        return F.binary_cross_entropy_with_logits(logits, target)

    def training_step(self, batch, batch_idx, optimizer_idx):
        real, _ = batch
        z = torch.randn(real.shape[0], 16)
        if optimizer_idx == 0:
            scores = self.D(self(z))
            g_loss = self.adversarial_loss(scores, torch.ones_like(scores))
            self.losses["g"].append(g_loss.item())
            return {"loss": g_loss, "log": {"g_loss": g_loss.item()}}
        elif optimizer_idx == 1:
            real_scores, fake_scores = self.D(real), self.D(self(z).detach())
            real_loss = self.adversarial_loss(real_scores, torch.ones_like(real_scores))
            fake_loss = self.adversarial_loss(fake_scores, torch.zeros_like(fake_scores))
            d_loss = (real_loss + fake_loss) / 2
            self.losses["d"].append(d_loss.item())
            return {"loss": d_loss, "log": {"d_loss": d_loss.item()}}

    def configure_optimizers(self):
        g_opt = torch.optim.Adam(self.G.parameters(), lr=self.lr, betas=(0.5, 0.999))
        d_opt = torch.optim.Adam(self.D.parameters(), lr=self.lr, betas=(0.5, 0.999))
        return [g_opt, d_opt], []
""",
    "main.py": """
from gan import GAN


class MiniTrainer:
    def __init__(self, module, max_epochs=10):
        self.module = module
        self.max_epochs = max_epochs
        self.optimizers, _ = module.configure_optimizers()

    def fit(self, loader):
        for epoch in range(self.max_epochs):
            for batch_idx, batch in enumerate(loader):
                for optimizer_idx, optimizer in enumerate(self.optimizers):
                    out = self.module.training_step(batch, batch_idx, optimizer_idx)
                    optimizer.zero_grad()
                    out["loss"].backward()
                    optimizer.step()


MiniTrainer(GAN()).fit(loader)
""",
}
