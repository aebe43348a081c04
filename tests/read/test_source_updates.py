"""How training steps are written by people: sound idioms stay quiet, and the fault in the same idiom is told."""

from __future__ import annotations

import pytest

from wganlint.read.source import read_source

NETS = """
import itertools

import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 1)

    def forward(self, x):
        return self.net(x)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 8)

    def forward(self, z):
        return self.net(z)

"""
MADE = """
D, G = Critic(), Generator()
opt_d = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.0, 0.9))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.0, 0.9))
"""
SOUND = {
    "a relativistic loss: each score against the other's mean": MADE
    + """
def distance(score, target):
    return torch.mean((score - target) ** 2)

for step in range(9):
    real, fake, one = torch.randn(64, 8), G(torch.randn(64, 4)), torch.ones(64, 1)
    opt_d.zero_grad()
    c_real, c_fake = D(real), D(fake.detach())
    d_loss = distance(c_real, c_fake.mean() + one) + distance(c_fake, c_real.mean() - one)
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    c_real, c_fake = D(real), D(fake)
    g_loss = distance(c_fake, c_real.mean() + one) + distance(c_real, c_fake.mean() - one)
    g_loss.backward()
    opt_g.step()
""",
    "networks from a factory that both share": """
def init_net(net):
    net.apply(print)
    return net

def define_g(opt):
    net = None
    net = Generator()
    return init_net(net)

def define_d(opt):
    net = None
    net = Critic()
    return init_net(net)

netg, netd = define_g(1), define_d(1)
optimizer_d = torch.optim.Adam(netd.parameters())
optimizer_g = torch.optim.Adam(netg.parameters())
for step in range(9):
    optimizer_d.zero_grad()
    (netd(netg(torch.randn(64, 4)).detach()).mean() - netd(torch.randn(64, 8)).mean()).backward()
    optimizer_d.step()
    optimizer_g.zero_grad()
    (-netd(netg(torch.randn(64, 4))).mean()).backward()
    optimizer_g.step()
""",
    "optimizers in a dict": """
D, G = Critic(), Generator()
opts = {"D": torch.optim.Adam(D.parameters()), "G": torch.optim.Adam(G.parameters())}
for real in load():
    opts["D"].zero_grad()
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    opts["D"].step()
    opts["G"].zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    opts["G"].step()
""",
    "optimizers in a list": MADE
    + """
optims = [opt_d, opt_g]
for real in load():
    for o in optims:
        o.zero_grad()
    d_loss = D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()
    d_loss.backward()
    optims[0].step()
    for o in optims:
        o.zero_grad()
    g_loss = -D(G(torch.randn(64, 4))).mean()
    g_loss.backward()
    optims[1].step()
""",
    "a helper makes them": """
def adam(net, lr=1e-4):
    return torch.optim.Adam(net.parameters(), lr=lr, betas=(0.0, 0.9))

D, G = Critic(), Generator()
opt_d, opt_g = adam(D), adam(G)
for real in load():
    opt_d.zero_grad()
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    opt_d.step()
    opt_g.zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    opt_g.step()
""",
    "a helper makes everything": """
def build():
    D, G = Critic(), Generator()
    opt_d = torch.optim.Adam(D.parameters())
    opt_g = torch.optim.Adam(G.parameters())
    return D, G, opt_d, opt_g

D, G, od, og = build()
for real in load():
    od.zero_grad()
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    od.step()
    og.zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    og.step()
""",
    "accelerate": """
from accelerate import Accelerator

accelerator = Accelerator()
D, G = Critic(), Generator()
opt_d, opt_g = torch.optim.Adam(D.parameters()), torch.optim.Adam(G.parameters())
D, G, opt_d, opt_g = accelerator.prepare(D, G, opt_d, opt_g)
for real in load():
    with accelerator.accumulate(D):
        d_loss = D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()
        accelerator.backward(d_loss)
        opt_d.step()
        opt_d.zero_grad()
    g_loss = -D(G(torch.randn(64, 4))).mean()
    accelerator.backward(g_loss)
    opt_g.step()
    opt_g.zero_grad()
    opt_d.zero_grad()
""",
    "manual optimization of Lightning": """
class Gan(LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.D, self.G = Critic(), Generator()

    def training_step(self, real, batch_idx):
        opt_g, opt_d = self.optimizers()
        fake = self.G(torch.randn(64, 4))
        d_loss = self.D(fake.detach()).mean() - self.D(real).mean()
        opt_d.zero_grad()
        self.manual_backward(d_loss)
        opt_d.step()
        g_loss = -self.D(fake).mean()
        opt_g.zero_grad()
        self.manual_backward(g_loss)
        opt_g.step()

    def configure_optimizers(self):
        opt_g = torch.optim.Adam(self.G.parameters())
        opt_d = torch.optim.Adam(self.D.parameters())
        return opt_g, opt_d
""",
    "closures": MADE
    + """
for real in load():
    def d_closure():
        opt_d.zero_grad()
        loss = D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()
        loss.backward()
        return loss

    def g_closure():
        opt_g.zero_grad()
        loss = -D(G(torch.randn(64, 4))).mean()
        loss.backward()
        return loss

    opt_d.step(d_closure)
    opt_g.step(g_closure)
""",
    "a step function for each network": """
def train_d(D, G, real, opt):
    opt.zero_grad()
    d_loss = D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()
    d_loss.backward()
    opt.step()
    return d_loss.item()

def train_g(D, G, opt):
    opt.zero_grad()
    g_loss = -D(G(torch.randn(64, 4))).mean()
    g_loss.backward()
    opt.step()
    return g_loss.item()

def main():
    D, G = Critic(), Generator()
    opt_d, opt_g = torch.optim.Adam(D.parameters()), torch.optim.Adam(G.parameters())
    for real in load():
        train_d(D, G, real, opt_d)
        train_g(D, G, opt_g)
""",
    "one update function for both": MADE
    + """
def update(loss, opt):
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(opt.param_groups[0]["params"], 1.0)
    opt.step()

for real in load():
    update(D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean(), opt_d)
    update(-D(G(torch.randn(64, 4))).mean(), opt_g)
""",
    "cleared at the end of a round": MADE
    + """
for real in load():
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    opt_d.step()
    opt_d.zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    opt_g.step()
    opt_g.zero_grad(set_to_none=True)
    opt_d.zero_grad(set_to_none=True)
""",
    "one graph for both": MADE
    + """
for real in load():
    fake = G(torch.randn(64, 4))
    opt_d.zero_grad()
    d_loss = D(fake).mean() - D(real).mean()
    d_loss.backward(retain_graph=True)
    opt_d.step()
    opt_g.zero_grad()
    g_loss = -D(fake).mean()
    g_loss.backward()
    opt_g.step()
""",
    "networks that grow": """
D, G = Critic(), Generator()
for res in (4, 8, 16):
    G.grow(res)
    D.grow(res)
    opt_d = torch.optim.Adam(D.parameters())
    opt_g = torch.optim.Adam(G.parameters())
    for real in load(res):
        opt_d.zero_grad()
        (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
        opt_d.step()
        opt_g.zero_grad()
        (-D(G(torch.randn(64, 4))).mean()).backward()
        opt_g.step()
""",
    "two critics and one optimizer": """
D_a, D_b, G = Critic(), Critic(), Generator()
opt_d = torch.optim.Adam(itertools.chain(D_a.parameters(), D_b.parameters()))
opt_g = torch.optim.Adam(G.parameters())
for real in load():
    fake = G(torch.randn(64, 4))
    opt_d.zero_grad()
    for D in (D_a, D_b):
        (D(fake.detach()).mean() - D(real).mean()).backward()
    opt_d.step()
    opt_g.zero_grad()
    (-D_a(fake).mean() - D_b(fake).mean()).backward()
    opt_g.step()
""",
    "the methods of a class, one of them frozen in turns": """
class Model:
    def __init__(self):
        self.netD, self.netG = Critic(), Generator()
        self.optimizers = []
        self.optimizer_G = torch.optim.Adam(self.netG.parameters())
        self.optimizer_D = torch.optim.Adam(self.netD.parameters())
        self.optimizers.append(self.optimizer_G)
        self.optimizers.append(self.optimizer_D)
        self.schedulers = [torch.optim.lr_scheduler.StepLR(o, 10) for o in self.optimizers]

    def set_requires_grad(self, nets, requires_grad=False):
        for net in nets if isinstance(nets, list) else [nets]:
            for param in net.parameters():
                param.requires_grad = requires_grad

    def backward_D(self):
        self.loss_D = self.netD(self.fake.detach()).mean() - self.netD(self.real).mean()
        self.loss_D.backward()

    def backward_G(self):
        self.loss_G = -self.netD(self.fake).mean()
        self.loss_G.backward()

    def optimize_parameters(self):
        self.fake = self.netG(torch.randn(64, 4))
        self.set_requires_grad(self.netD, True)
        self.optimizer_D.zero_grad()
        self.backward_D()
        self.optimizer_D.step()
        self.set_requires_grad([self.netD], False)
        self.optimizer_G.zero_grad()
        self.backward_G()
        self.optimizer_G.step()
""",
    "steps that code elsewhere makes": MADE
    + """
from engine import train

for real in load():
    opt_d.zero_grad()
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    opt_d.step()
train(G, opt_g)
""",
    "a gradient that is computed by hand": MADE
    + """
for real in load():
    d_loss = D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()
    for p, g in zip(D.parameters(), torch.autograd.grad(d_loss, list(D.parameters()))):
        p.grad = g
    opt_d.step()
    opt_g.zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    opt_g.step()
""",
    "an engine that steps by itself": """
D, G = Critic(), Generator()
opt_d, opt_g = torch.optim.Adam(D.parameters()), torch.optim.Adam(G.parameters())
d_engine, *_ = deepspeed.initialize(model=D, optimizer=opt_d)
g_engine, *_ = deepspeed.initialize(model=G, optimizer=opt_g)
for real in load():
    d_engine.backward(D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean())
    d_engine.step()
    g_engine.backward(-D(G(torch.randn(64, 4))).mean())
    g_engine.step()
""",
    "a critic that warms up alone": MADE
    + """
for step, real in enumerate(load()):
    opt_d.zero_grad()
    (D(G(torch.randn(64, 4)).detach()).mean() - D(real).mean()).backward()
    opt_d.step()
    if step < 100:
        continue
    opt_g.zero_grad()
    (-D(G(torch.randn(64, 4))).mean()).backward()
    opt_g.step()
""",
    "a saturating and a relativistic loss": MADE
    + """
bce = nn.BCEWithLogitsLoss()
ones = torch.ones(64, 1)
for real in load():
    fake = G(torch.randn(64, 4))
    opt_d.zero_grad()
    d_loss = bce(D(real) - D(fake.detach()), ones)
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    g_loss = bce(D(fake) - D(real), ones)
    g_loss.backward()
    opt_g.step()
""",
}


def faults(text: str) -> list[str]:
    model, notes = read_source([("train.py", (NETS + text).encode())])
    assert not notes
    said = [f"{fault.kind} {fault.optimizer}" for fault in model.update_faults]
    said += [f"{fault.kind} {fault.formula}" for fault in model.sign_faults]
    return said + [f"{reset.kind} {reset.optimizer}" for reset in model.resets]


@pytest.mark.parametrize("name", SOUND)
def test_sound_idioms_are_quiet(name: str) -> None:
    assert faults(SOUND[name]) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("optimizers in a list", "    optims[1].step()\n", "", "never stepped opt_g"),
        ("a helper makes them", "    opt_g.step()\n", "", "never stepped opt_g"),
        ("a helper makes them", "adam(D), adam(G)", "adam(D), adam(D)", "wrong weights opt_g"),
        ("a step function for each network", "        train_g(D, G, opt_g)\n", "", None),  # others may call it
        ("a step function for each network", "train_g(D, G, opt_g)", "train_g(D, G, opt_d)", "never stepped opt_g"),
        ("one update function for both", "    opt.zero_grad()\n", "", "never cleared opt_g"),
        ("cleared at the end of a round", "    opt_d.zero_grad(set_to_none=True)\n", "", "foreign opt_d"),
        ("one graph for both", "    opt_g.zero_grad()\n", "", "foreign opt_g"),
        ("the methods of a class, one of them frozen in turns", "        self.optimizer_G.step()\n", "",
         "never stepped optimizer_G"),
        ("the methods of a class, one of them frozen in turns", "        self.set_requires_grad(self.netD, True)\n", "",
         "frozen optimizer_D"),
        ("accelerate", "    opt_g.zero_grad()\n", "", "never cleared opt_g"),
        ("closures", "        loss = -D(G", "        loss = D(G", "along"),
        ("a critic that warms up alone", "torch.optim.Adam(G", "torch.optim.Adam(D", "wrong weights opt_g"),
        ("networks that grow", "for res in (4, 8, 16):\n    G.grow(res)\n    D.grow(res)\n", "for epoch in range(9):\n    res = 4\n",
         "made anew opt_g"),
    ],
)  # fmt: skip
def test_the_fault_in_the_same_idiom_is_told(name: str, old: str, new: str, said: str | None) -> None:
    assert SOUND[name].count(old) == 1 or name == "a helper makes them"
    found = faults(SOUND[name].replace(old, new))
    assert (said is None and not found) or any(said is not None and said in one for one in found), found
