"""The same faults where networks, optimizers and losses sit in dicts or lists, come from factories or meet a driver."""

from __future__ import annotations

from pathlib import Path

import pytest
from held_idioms import HELD
from planting import Case, Ground

GROUND = Ground(HELD)
add, ok = GROUND.add, GROUND.ok
FG, WP, LG = ("OPT005", "OPT004"), ("OPT004",), ("OPT003", "OPT005", "OPT004")  # frozen, wrong weights, not cleared
DT, WS, ML = ("GAN011",), ("GAN005",), ("RUN001",)  # detached, wrong sign, memory leak
BC, CN, SF = ("ARC001", "SAT005"), ("GAN006", "DAT004"), ("SAT006",)  # bounded, constant noise, sentinel fill
HEAD = ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Tanh())")
# --- networks and optimizers in dicts, a dict comprehension
add("dict", FG, "no D step", ('            optims["D"].step()\n', ""))
add("dict", FG, "no G step", ('            optims["G"].step()\n', ""))
add("dict", FG, "no G backward", ("            loss_g.backward()\n", ""))
add("dict", FG, "G step on D", ('            optims["G"].step()\n', '            optims["D"].step()\n'))
add("dict", FG, "frozen D", ("    history = {", '    nets["D"].requires_grad_(False)\n    history = {'))
add(
    "dict",
    FG,
    "frozen G by weights",
    ("    history = {", '    for p in nets["G"].parameters():\n        p.requires_grad = False\n    history = {'),
)
add("dict", WP, "comprehension holds G", ("Adam(net.parameters()", 'Adam(nets["G"].parameters()'))
add(
    "dict",
    WP,
    "written out, D for G",
    (
        "{name: torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for name, net in nets.items()}",
        '{"G": torch.optim.Adam(nets["D"].parameters(), lr=2e-4), "D": torch.optim.Adam(nets["D"].parameters())}',
    ),
)
add("dict", LG, "no D zero", ('            optims["D"].zero_grad()\n', ""))
add("dict", LG, "no G zero", ('            optims["G"].zero_grad()\n', ""))
add("dict", DT, "detach at loss", ('generator_loss(nets["D"](fake))', 'generator_loss(nets["D"](fake.detach()))'))
add(
    "dict",
    DT,
    "no_grad",
    ('            fake = nets["G"](z)\n', '            with torch.no_grad():\n                fake = nets["G"](z)\n'),
)
add("dict", DT, "detach at G", ('fake = nets["G"](z)\n', 'fake = nets["G"](z).detach()\n'))
add(
    "dict",
    WS,
    "G to zeros",
    (
        "    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))",
        "    return F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))",
    ),
)
add(
    "dict",
    WS,
    "D fake to ones",
    ("(fake_logits, torch.zeros_like(fake_logits))", "(fake_logits, torch.ones_like(fake_logits))"),
)
add(
    "dict",
    WS,
    "arguments swapped",
    ('(nets["D"](real), nets["D"](fake.detach()))', '(nets["D"](fake.detach()), nets["D"](real))'),
)
add("dict", BC, "tanh", HEAD)
add("dict", BC, "sigmoid before logits", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid())"))
add("dict", CN, "zeros", ("torch.randn(real.size(0), 16)", "torch.zeros(real.size(0), 16)"))
add("dict", ML, "kept loss", ("loss_d.item()", "loss_d"))
add("dict", ML, "kept loss, list added", ('history["d"].append(loss_d.item())', 'history["d"] += [loss_d]'))
ok(
    "dict",
    "schedules in a dict",
    (
        '    history = {"d": [], "g": []}\n',
        "    scheds = {name: torch.optim.lr_scheduler.LambdaLR(o, lambda s: 1.0) for name, o in optims.items()}\n"
        '    history = {"d": [], "g": []}\n',
    ),
    (
        '            history["d"].append(loss_d.item())\n',
        "            for sched in scheds.values():\n                sched.step()\n"
        '            history["d"].append(loss_d.item())\n',
    ),
)
ok("dict", "detached", ("loss_d.item()", "loss_d.detach()"))
ok("dict", "for all", ("        for real in loader:\n", '        nets["G"].train()\n        for real in loader:\n'))
ok(
    "dict",
    "cleared in a loop",
    (
        '            optims["D"].zero_grad()\n',
        "            for opt in optims.values():\n                opt.zero_grad()\n",
    ),
)
ok(
    "dict",
    "items",
    (
        "    for net in nets.values():\n        net.train()\n",
        "    for key, net in nets.items():\n        print(key, net)\n",
    ),
)
ok(
    "dict",
    "filled in a loop",
    (
        "    optims = {name: torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for name, net in nets.items()}\n",
        "    optims = {}\n    for name in ('G', 'D'):\n        optims[name] = torch.optim.Adam(nets[name].parameters(), lr=2e-4)\n",
    ),
)
# --- returned as a dict, losses by a factory of nested functions, settings from a file
add("built", FG, "no D step", ('        self.optims["optD"].step()\n', ""))
add("built", FG, "no G step", ('        self.optims["optG"].step()\n', ""))
add("built", FG, "no G call", ("            self.g_step(len(real))\n", ""))
add(
    "built",
    FG,
    "no D backward",
    ('        loss.backward()\n        self.optims["optD"]', '        self.optims["optD"]'),
)
add(
    "built",
    FG,
    "frozen G",
    ("        self.optims = ", '        self.nets["netG"].requires_grad_(False)\n        self.optims = '),
)
add("built", WP, "D for G", ('Adam(nets["netG"].parameters()', 'Adam(nets["netD"].parameters()'))
add("built", WP, "G for D", ('Adam(nets["netD"].parameters()', 'Adam(nets["netG"].parameters()'))
add("built", LG, "no D zero", ('        self.optims["optD"].zero_grad()\n', ""))
add("built", LG, "no G zero", ('        self.optims["optG"].zero_grad()\n', ""))
add(
    "built",
    DT,
    "detach",
    ('loss = self.g_loss_fn(self.nets["netD"](fake))', 'loss = self.g_loss_fn(self.nets["netD"](fake.detach()))'),
)
add(
    "built",
    DT,
    "detach made",
    ('fake = self.nets["netG"](self.latent(n))', 'fake = self.nets["netG"](self.latent(n)).detach()'),
)
add(
    "built",
    WS,
    "G of the chosen",
    ("            return F.softplus(-fake).mean()", "            return F.softplus(fake).mean()"),
)
add(
    "built",
    WS,
    "D of the chosen",
    ("F.softplus(-real).mean() + F.softplus(fake).mean()", "F.softplus(real).mean() + F.softplus(-fake).mean()"),
)
add(
    "built",
    WS,
    "hinge chosen",
    ("            return -fake.mean()", "            return fake.mean()"),
    ('"loss": "ns"', '"loss": "hinge"'),
)
add("built", BC, "tanh", HEAD)
add("built", CN, "zeros", ("torch.randn(n, ", "torch.zeros(n, "))
add("built", ML, "kept loss", ('self.log["d"].append(loss.item())', 'self.log["d"].append(loss)'))
ok("built", "hinge chosen", ('"loss": "ns"', '"loss": "hinge"'))
ok("built", "hinge wrong but not chosen", ("            return -fake.mean()", "            return fake.mean()"))
ok("built", "other file absent", ('"loss": "ns",', '"loss_name": "ns",'))
# --- a tuple returned, namespaces, a dict of pairs of lambdas
add("pairs", FG, "no D step", ("        opts.d.step()\n", ""))
add("pairs", FG, "no G step", ("        opts.g.step()\n", ""))
add("pairs", FG, "no G backward", ("        g_loss.backward()\n", ""))
add(
    "pairs",
    FG,
    "frozen D",
    (
        "    losses = []\n",
        "    for p in networks.critic.parameters():\n        p.requires_grad = False\n    losses = []\n",
    ),
)
add("pairs", WP, "D for G", ("g=make_optimizer(netG, cfg)", "g=make_optimizer(netD, cfg)"))
add("pairs", WP, "G for D", ("d=make_optimizer(netD, cfg)", "d=make_optimizer(netG, cfg)"))
add("pairs", LG, "no D zero", ("        opts.d.zero_grad()\n", ""))
add("pairs", LG, "no G zero", ("        opts.g.zero_grad()\n", ""))
add("pairs", DT, "detach", ("g_criterion(networks.critic(fake))", "g_criterion(networks.critic(fake.detach()))"))
add("pairs", WS, "G", ("lambda fake: ((fake - 1) ** 2).mean()", "lambda fake: (fake**2).mean()"))
add("pairs", WS, "D", ("((real - 1) ** 2).mean() + (fake**2).mean()", "(real**2).mean() + ((fake - 1) ** 2).mean()"))
add(
    "pairs", WS, "G of wgan", ("lambda fake: -fake.mean()", "lambda fake: fake.mean()"), ('loss="lsgan"', 'loss="wgan"')
)
add("pairs", BC, "tanh", HEAD)
add("pairs", CN, "zeros", ("networks.generator(torch.randn(", "networks.generator(torch.zeros("))
add("pairs", ML, "kept pair", ("(d_loss.item(), g_loss.item())", "(d_loss, g_loss)"))
ok("pairs", "not chosen", ("lambda fake: -fake.mean()", "lambda fake: fake.mean()"))
ALSO = (
    "    losses = []\n",
    "    losses = []\n    every = [opts.g, opts.d]\n    print(every[0].param_groups[0]['lr'])\n",
)
add("pairs", FG, "no D step, all in a list", ALSO, ("        opts.d.step()\n", ""))
# --- a framework's step with the optimizer's number
add("indexed", FG, "G left out", (', {"optimizer": opt_g, "frequency": 1}]', "]"))
add("indexed", FG, "D left out", ('[{"optimizer": opt_c, "frequency": 1}, ', "["))
add(
    "indexed",
    FG,
    "frozen G",
    ("        self.logged = []\n", "        self.logged = []\n        self.generator.requires_grad_(False)\n"),
)
add("indexed", WP, "C for G", ("Adam(self.generator.parameters()", "Adam(self.critic.parameters()"))
add("indexed", WP, "G for C", ("Adam(self.critic.parameters()", "Adam(self.generator.parameters()"))
add("indexed", LG, "no zero", ("                optimizer.zero_grad()\n", ""))
add(
    "indexed",
    DT,
    "detach",
    (
        "            fake = self.generator(z)\n            loss = -",
        "            fake = self.generator(z).detach()\n            loss = -",
    ),
)
add("indexed", WS, "G", ("loss = -self.critic(fake).mean()", "loss = self.critic(fake).mean()"))
add(
    "indexed",
    WS,
    "D",
    (
        "F.relu(1.0 - self.critic(real)).mean() + F.relu(1.0 + self.critic(fake))",
        "F.relu(1.0 + self.critic(real)).mean() + F.relu(1.0 - self.critic(fake))",
    ),
)
add("indexed", BC, "tanh", HEAD)
add("indexed", CN, "zeros", ("z = torch.randn(real", "z = torch.zeros(real"))
add("indexed", ML, "kept", ("self.logged.append((name, float(value)))", "self.logged.append((name, value))"))
ok("indexed", "every fifth", ('"frequency": 1}, {"optimizer": opt_g', '"frequency": 5}, {"optimizer": opt_g'))
# --- a trainer with a configuration class, networks by a function, features with a mask
add("config class", FG, "no C step", ("        self.c_optimizer.step()\n", ""))
add("config class", FG, "no G step", ("        self.g_optimizer.step()\n", ""))
add(
    "config class",
    FG,
    "frozen C",
    (
        "        self.losses = []\n",
        "        self.losses = []\n        for p in self.critic.parameters():\n            p.requires_grad_(False)\n",
    ),
)
add("config class", WP, "C for G", ("Adam(self.generator.parameters()", "Adam(self.critic.parameters()"))
add("config class", LG, "no C zero", ("        self.c_optimizer.zero_grad()\n", ""))
add("config class", DT, "detach", ("featurize(self.generator(z), mask)", "featurize(self.generator(z).detach(), mask)"))
add(
    "config class",
    DT,
    "data of features",
    ("self.critic(fake).mean()\n        loss.backward()", "self.critic(fake.data).mean()\n        loss.backward()"),
)
add("config class", WS, "G", ("loss = -self.critic(fake).mean()", "loss = self.critic(fake).mean()"))
add(
    "config class",
    WS,
    "C",
    ("self.critic(fake).mean() - self.critic(real).mean()", "self.critic(real).mean() - self.critic(fake).mean()"),
)
add(
    "config class",
    BC,
    "last given",
    (
        "self.critic = mlp([4, cfg.hidden, cfg.hidden, 1])",
        "self.critic = mlp([4, cfg.hidden, cfg.hidden, 1], last=nn.Tanh())",
    ),
)
add(
    "config class",
    BC,
    "last appended",
    ("    if last is not None:\n        layers.append(last)\n", "    layers.append(nn.Sigmoid())\n"),
    ("self.generator = mlp([cfg.z_dim, cfg.hidden, 2], act=nn.ReLU)", "self.generator = nn.Linear(16, 2)"),
)
add(
    "config class",
    CN,
    "zeros",
    (
        "z = torch.randn(events.size(0), self.cfg.z_dim)\n        real",
        "z = torch.zeros(events.size(0), self.cfg.z_dim)\n        real",
    ),
    (
        "z = torch.randn(events.size(0), self.cfg.z_dim)\n        fake = featurize(self.generator(z), mask)",
        "z = torch.zeros(events.size(0), self.cfg.z_dim)\n        fake = featurize(self.generator(z), mask)",
    ),
)
add("config class", SF, "constant", ("MISSING = 0.0", "MISSING = -999.0"))
add(
    "config class",
    SF,
    "masked_fill",
    ("torch.where(mask, feats, torch.full_like(feats, MISSING))", "feats.masked_fill(~mask, -1e9)"),
)
add(
    "config class",
    SF,
    "where number",
    ("torch.where(mask, feats, torch.full_like(feats, MISSING))", "torch.where(mask, feats, 1e6)"),
)
add(
    "config class",
    SF,
    "where tensor",
    ("torch.where(mask, feats, torch.full_like(feats, MISSING))", "torch.where(mask, feats, torch.tensor(-999.0))"),
)
add(
    "config class",
    SF,
    "in place",
    (
        "    return torch.where(mask, feats, torch.full_like(feats, MISSING))",
        "    feats[~mask] = -999.0\n    return feats",
    ),
)
add(
    "config class",
    SF,
    "full",
    (
        "torch.where(mask, feats, torch.full_like(feats, MISSING))",
        "torch.where(mask, feats, torch.full(feats.shape, 1e6))",
    ),
)
add("config class", ML, "kept", ("self.losses.append(loss.item())", "self.losses.append(loss)"))
add("config class", ML, "added list", ("self.losses.append(loss.item())", "self.losses += [loss]"))
add("config class", ML, "extend", ("self.losses.append(loss.item())", "self.losses.extend([loss])"))
add(
    "config class",
    ML,
    "dict entry",
    ("self.losses.append(loss.item())", 'self.losses.append({"step": 1, "loss": loss})'),
)
add(
    "config class",
    ML,
    "sum",
    ("        self.losses = []\n", "        self.total = 0.0\n"),
    ("self.losses.append(loss.item())", "self.total = self.total + loss"),
)
add(
    "config class",
    ML,
    "deque of losses",
    ("        self.losses = []\n", "        self.losses = collections.deque()\n"),
    ("self.losses.append(loss.item())", "self.losses.append(loss)"),
)
add("config class", ML, "kept fakes", ("self.losses.append(loss.item())", "self.losses.append(self.critic(fake))"))
add("config class", ML, "kept value of a call", ("self.losses.append(loss.item())", "self.losses.append(loss.mean())"))
ok(
    "config class",
    "deque",
    ("        self.losses = []\n", "        self.losses = collections.deque(maxlen=100)\n"),
    ("self.losses.append(loss.item())", "self.losses.append(loss)"),
)
ok("config class", "detached", ("self.losses.append(loss.item())", "self.losses.append(loss.detach().cpu())"))
ok(
    "config class",
    "last given to the generator",
    ("mlp([cfg.z_dim, cfg.hidden, 2], act=nn.ReLU)", "mlp([cfg.z_dim, cfg.hidden, 2], act=nn.ReLU, last=nn.Tanh())"),
)
ok(
    "config class",
    "attention",
    (
        "MISSING = 0.0\n",
        "MISSING = 0.0\n\n\ndef attend(q, k, mask):\n    return (q @ k).masked_fill(~mask, -1e9).softmax(-1)\n",
    ),
)
# --- nn.ModuleDict, optimizers filled in a loop, a loss class
add("module dict", FG, "no D step", ('        self.opts["disc"].step()\n', ""))
add("module dict", FG, "no G step", ('        self.opts["gen"].step()\n', ""))
add("module dict", FG, "no D backward", ("        d_loss.backward()\n", ""))
add("module dict", WP, "all hold one", ("Adam(net.parameters()", 'Adam(self.nets["disc"].parameters()'))
add("module dict", LG, "no D zero", ('        self.opts["disc"].zero_grad()\n', ""))
add("module dict", LG, "no G zero", ('        self.opts["gen"].zero_grad()\n', ""))
add(
    "module dict",
    DT,
    "detach",
    ('self.gan_loss(self.nets["disc"](fake), True)', 'self.gan_loss(self.nets["disc"](fake.detach()), True)'),
)
add(
    "module dict",
    WS,
    "G False",
    ('self.gan_loss(self.nets["disc"](fake), True)', 'self.gan_loss(self.nets["disc"](fake), False)'),
)
add(
    "module dict",
    WS,
    "target turned",
    (
        "torch.ones_like(logits) if is_real else torch.zeros_like(logits)",
        "torch.zeros_like(logits) if is_real else torch.zeros_like(logits)",
    ),
)
add("module dict", BC, "tanh", HEAD)
add("module dict", CN, "zeros", ("torch.randn(", "torch.zeros("))
add("module dict", ML, "kept", ("d_loss.item()", "d_loss"))
add(
    "module dict",
    FG,
    "frozen D",
    (
        "        self.gan_loss = GAN",
        '        for p in self.nets["disc"].parameters():\n            p.requires_grad = False\n        self.gan_loss = GAN',
    ),
)
ok(
    "module dict",
    "frozen and freed",
    (
        '        self.opts["gen"].zero_grad()\n',
        '        self.requires_grad("disc", False)\n        self.opts["gen"].zero_grad()\n',
    ),
    ("        z = torch.randn", '        self.requires_grad("disc", True)\n        z = torch.randn'),
)
# --- lists, a dict of functions that a factory returns, partial
add("list", FG, "no D step", ("        optimizers[1].step()\n", ""))
add("list", FG, "no G step", ("        optimizers[0].step()\n", ""))
add("list", FG, "never freed", ("        set_grad(models[1], True)\n", ""))
add("list", LG, "no D zero", ("        optimizers[1].zero_grad()\n", ""))
add(
    "list",
    DT,
    "detach",
    ("models[1](models[0](torch.randn(len(real), 16)))", "models[1](models[0](torch.randn(len(real), 16)).detach())"),
)
add("list", WS, "G", ("    return -fake.mean()", "    return fake.mean()"))
add(
    "list",
    WS,
    "D",
    ("F.relu(margin - real).mean() + F.relu(margin + fake)", "F.relu(margin + real).mean() + F.relu(margin - fake)"),
)
add("list", BC, "tanh", HEAD)
add("list", CN, "zeros", ("models[0](torch.randn(len(real), 16))", "models[0](torch.zeros(len(real), 16))"))
add(
    "list",
    ML,
    "deque without end",
    ("deque(maxlen=100)", "deque()"),
    ("(d_loss.item(), g_loss.item())", "(d_loss, g_loss)"),
)

# --- losses in a module of their own, a named tuple of networks, an optimizer by a setting
add("modules", FG, "no D step", ('    optimizers["disc"].step()\n', ""))
add("modules", FG, "no G step", ('    optimizers["gen"].step()\n', ""))
add("modules", FG, "no G backward", ("    g_loss.backward()\n", ""))
add("modules", WP, "D for G", ("make_optimizer(nets.gen, cfg)", "make_optimizer(nets.disc, cfg)"))
add("modules", LG, "no D zero", ('    optimizers["disc"].zero_grad()\n', ""))
add("modules", DT, "detach", ("nets.disc(nets.gen(z))", "nets.disc(nets.gen(z).detach())"))
add("modules", WS, "G", ("torch.ones_like(fake_logits)", "torch.zeros_like(fake_logits)"))
add("modules", WS, "D", ("real_logits, ones)", "real_logits, zeros)"), ("fake_logits, zeros)", "fake_logits, ones)"))
add(
    "modules",
    WS,
    "other chosen",
    ("0.5 * (fake - 1).pow(2).mean()", "0.5 * fake.pow(2).mean()"),
    ('"loss": "ns"', '"loss": "ls"'),
)
add("modules", BC, "tanh", HEAD)
add("modules", CN, "zeros", ("torch.randn(", "torch.zeros("))
add("modules", ML, "kept", ('"d_loss": d_loss.item()', '"d_loss": d_loss'))
# --- a framework's step that returns a dict, a driver of its own
add("returned", FG, "D left out", ("return [g_opt, d_opt], []", "return [g_opt], []"))
add(
    "returned",
    FG,
    "frozen D",
    ('        self.losses = {"d"', '        self.D.requires_grad_(False)\n        self.losses = {"d"'),
)
add("returned", WP, "D for G", ("Adam(self.G.parameters()", "Adam(self.D.parameters()"))
add("returned", LG, "no zero", ("                    optimizer.zero_grad()\n", ""))
add("returned", DT, "detach", ("scores = self.D(self(z))", "scores = self.D(self(z).detach())"))
add(
    "returned",
    WS,
    "G",
    (
        "self.adversarial_loss(scores, torch.ones_like(scores))",
        "self.adversarial_loss(scores, torch.zeros_like(scores))",
    ),
)
add("returned", BC, "tanh", HEAD)
add("returned", CN, "zeros", ("z = torch.randn(", "z = torch.zeros("))
add("returned", ML, "kept", ("g_loss.item())\n            return", "g_loss)\n            return"))


@pytest.mark.parametrize("case", GROUND.faults, ids=str)
def test_a_fault_is_told_where_things_are_held(case: Case, tmp_path: Path) -> None:
    assert GROUND.told(case, tmp_path)


@pytest.mark.parametrize("case", GROUND.sound, ids=str)
def test_a_sound_form_stays_quiet_where_things_are_held(case: Case, tmp_path: Path) -> None:
    assert not GROUND.warned(case, tmp_path)
