"""One fault, many spellings: each is told in every idiom, and the sound spelling of the same pattern stays quiet."""

from __future__ import annotations

from pathlib import Path

import pytest
from idioms import GANS
from planting import Case, Ground

SPELLINGS = Ground({idiom: {"train.py": text} for idiom, text in GANS.items()})
add, ok = SPELLINGS.add, SPELLINGS.ok
FG, DT, WS = ("OPT005", "OPT004"), ("GAN011",), ("GAN005",)  # frozen, detached, wrong sign
BC, CN, CL = ("ARC001", "SAT005"), ("GAN006", "DAT004"), ("SAT004",)  # bounded, constant noise, clamped
# --- dcgan
add("dcgan", FG, "no D step", ("        optimizerD.step()\n", ""))
add("dcgan", FG, "no G step", ("        optimizerG.step()\n", ""))
add(
    "dcgan",
    FG,
    "G step under never-true",
    ("        optimizerG.step()\n", "        if i < 0:\n            optimizerG.step()\n"),
)
add(
    "dcgan",
    FG,
    "D step under False flag",
    ("        optimizerD.step()\n", "        if train_d:\n            optimizerD.step()\n"),
    ("real_label = 1.0\n", "real_label = 1.0\ntrain_d = False\n"),
)
add(
    "dcgan",
    FG,
    "D step: epoch > range",
    ("        optimizerD.step()\n", "        if epoch > 100:\n            optimizerD.step()\n"),
)
add("dcgan", FG, "no G backward", ("        errG.backward()\n", ""))
add("dcgan", FG, "no D backward", ("        errD_real.backward()\n", ""), ("        errD_fake.backward()\n", ""))
add("dcgan", FG, "D step twice on wrong opt", ("        optimizerG.step()\n", "        optimizerD.step()\n"))
add(
    "dcgan",
    FG,
    "requires_grad False all G",
    ("criterion = nn", "for p in netG.parameters():\n    p.requires_grad = False\ncriterion = nn"),
)
add("dcgan", FG, "requires_grad_ False D", ("criterion = nn", "netD.requires_grad_(False)\ncriterion = nn"))
add("dcgan", DT, "detach", ("output = netD(fake).view(-1)", "output = netD(fake.detach()).view(-1)"))
add("dcgan", DT, "data", ("output = netD(fake).view(-1)", "output = netD(fake.data).view(-1)"))
add(
    "dcgan",
    DT,
    "gen no_grad",
    ("        fake = netG(noise)\n", "        with torch.no_grad():\n            fake = netG(noise)\n"),
)
add("dcgan", DT, "detach at gen", ("fake = netG(noise)", "fake = netG(noise).detach()"))
add(
    "dcgan",
    DT,
    "clone detach reqgrad",
    ("fake = netG(noise)", "fake = netG(noise).clone().detach().requires_grad_(True)"),
)
add("dcgan", DT, "torch.tensor", ("output = netD(fake).view(-1)", "output = netD(torch.tensor(fake)).view(-1)"))
add(
    "dcgan",
    DT,
    "from_numpy",
    ("output = netD(fake).view(-1)", "output = netD(torch.from_numpy(fake.detach().cpu().numpy())).view(-1)"),
)
add(
    "dcgan",
    DT,
    "helper",
    (
        "netG, netD = Gen",
        "def sample(net, n):\n    with torch.no_grad():\n        return net(torch.randn(n, 16))\n\nnetG, netD = Gen",
    ),
    ("fake = netG(noise)", "fake = sample(netG, real.size(0))"),
)
add(
    "dcgan",
    DT,
    "decorated helper",
    (
        "netG, netD = Gen",
        "@torch.no_grad()\ndef sample(net, n):\n    return net(torch.randn(n, 16))\n\nnetG, netD = Gen",
    ),
    ("fake = netG(noise)", "fake = sample(netG, real.size(0))"),
)
add(
    "dcgan",
    DT,
    "no_grad score",
    (
        "        output = netD(fake).view(-1)\n",
        "        with torch.no_grad():\n            output = netD(fake).view(-1)\n",
    ),
)
add("dcgan", DT, "in forward", ("        return self.net(z)\n", "        return self.net(z).detach()\n"))
add(
    "dcgan",
    DT,
    "in forward no_grad",
    ("        return self.net(z)\n", "        with torch.no_grad():\n            return self.net(z)\n"),
)
add(
    "dcgan",
    DT,
    "detach_ in place",
    ("        fake = netG(noise)\n", "        fake = netG(noise)\n        fake.detach_()\n"),
)
add(
    "dcgan",
    DT,
    "detached reassign",
    ("        fake = netG(noise)\n", "        fake = netG(noise)\n        fake = fake.detach()\n"),
)
add(
    "dcgan",
    DT,
    "set_grad_enabled",
    ("        fake = netG(noise)\n", "        with torch.set_grad_enabled(False):\n            fake = netG(noise)\n"),
)
add(
    "dcgan",
    DT,
    "Variable data",
    ("output = netD(fake).view(-1)", "output = netD(Variable(fake.data, requires_grad=True)).view(-1)"),
)
add("dcgan", BC, "tanh before sigmoid", ("nn.Linear(64, 1), nn.Sigmoid()", "nn.Linear(64, 1), nn.Tanh(), nn.Sigmoid()"))
add("dcgan", BC, "double sigmoid logits", ("nn.BCELoss()", "nn.BCEWithLogitsLoss()"))
add("dcgan", BC, "sigmoid twice", ("nn.Linear(64, 1), nn.Sigmoid()", "nn.Linear(64, 1), nn.Sigmoid(), nn.Sigmoid()"))
add(
    "dcgan",
    BC,
    "sigmoid on output",
    ("output = netD(fake).view(-1)", "output = torch.sigmoid(netD(fake)).view(-1)"),
    ("output = netD(real).view(-1)", "output = torch.sigmoid(netD(real)).view(-1)"),
    ("output = netD(fake.detach()).view(-1)", "output = torch.sigmoid(netD(fake.detach())).view(-1)"),
)
add("dcgan", WS, "G label fake", ("        label.fill_(real_label)\n", "        label.fill_(fake_label)\n"))
add("dcgan", WS, "G label not refilled", ("        label.fill_(real_label)\n", ""))
add("dcgan", WS, "G minus", ("errG.backward()", "(-errG).backward()"))
add("dcgan", WS, "D fake label real", ("        label.fill_(fake_label)\n", "        label.fill_(real_label)\n"))
add("dcgan", WS, "D not refilled", ("        label.fill_(fake_label)\n", ""))
add(
    "dcgan",
    WS,
    "labels swapped D",
    ("        label.fill_(fake_label)\n", "        label.fill_(real_label)\n"),
    ("(real.size(0),), real_label", "(real.size(0),), fake_label"),
)
add("dcgan", WS, "log(1-D) sign", ("errG = criterion(output, label)", "errG = -torch.log(1 - output).mean()"))
add("dcgan", CN, "zeros noise", ("noise = torch.randn(real.size(0), 16)", "noise = torch.zeros(real.size(0), 16)"))
add("dcgan", CN, "randn*0", ("noise = torch.randn(real.size(0), 16)", "noise = torch.randn(real.size(0), 16) * 0"))
add(
    "dcgan",
    CN,
    "randn*sigma0",
    ("noise = torch.randn(real.size(0), 16)", "noise = sigma * torch.randn(real.size(0), 16)"),
    ("real_label = 1.0\n", "real_label = 1.0\nsigma = 0.0\n"),
)
add("dcgan", CN, "mul_(0)", ("noise = torch.randn(real.size(0), 16)", "noise = torch.randn(real.size(0), 16).mul_(0)"))
add("dcgan", CN, "fixed noise", ("netG(noise)", "netG(fixed_noise)"))
add(
    "dcgan",
    CN,
    "seed inside",
    ("        noise = torch.randn", "        torch.manual_seed(0)\n        noise = torch.randn"),
)
add(
    "dcgan",
    CN,
    "one row expanded",
    ("noise = torch.randn(real.size(0), 16)", "noise = torch.randn(1, 16).expand(real.size(0), 16)"),
)
add(
    "dcgan",
    CN,
    "one row repeat",
    ("noise = torch.randn(real.size(0), 16)", "noise = torch.randn(1, 16).repeat(real.size(0), 1)"),
)
add(
    "dcgan",
    CN,
    "normal std 0",
    ("noise = torch.randn(real.size(0), 16)", "noise = torch.normal(0.0, 0.0, size=(real.size(0), 16))"),
)
add(
    "dcgan",
    CN,
    "normal_ std 0",
    ("noise = torch.randn(real.size(0), 16)", "noise = torch.empty(real.size(0), 16).normal_(0, 0)"),
)
add("dcgan", CN, "ones_like", ("noise = torch.randn(real.size(0), 16)", "noise = torch.ones(real.size(0), 16)"))
add(
    "dcgan",
    CN,
    "empty z const fill",
    ("noise = torch.randn(real.size(0), 16)", "noise = torch.full((real.size(0), 16), 0.5)"),
)
# --- softplus
add("softplus", FG, "no D step", ("        d_opt.step()\n", ""))
add("softplus", FG, "no G step", ("        g_opt.step()\n", ""))
add("softplus", FG, "G step mod steps", ("        g_opt.step()\n", "        if step < 0:\n            g_opt.step()\n"))
add("softplus", FG, "if False", ("        g_opt.step()\n", "        if False:\n            g_opt.step()\n"))
add("softplus", FG, "no D backward", ("        d_loss.backward()\n", ""))
add("softplus", FG, "no G backward", ("        g_loss.backward()\n", ""))
add(
    "softplus",
    FG,
    "zero after backward",
    (
        "        g_loss.backward()\n        g_opt.step()",
        "        g_loss.backward()\n        g_opt.zero_grad()\n        g_opt.step()",
    ),
)
add("softplus", FG, "G opt holds D", ("torch.optim.Adam(gen.parameters()", "torch.optim.Adam(disc.parameters()"))
add("softplus", DT, "samples detach", ("disc(samples)", "disc(samples.detach())"))
add(
    "softplus",
    DT,
    "inference",
    ("        samples = gen(z)", "        with torch.inference_mode():\n            samples = gen(z)"),
)
add("softplus", DT, "eval reuse", ("        samples = gen(z)", "        samples = fake"))
add("softplus", DT, "reuse with req", ("        samples = gen(z)", "        samples = fake.requires_grad_(True)"))
add(
    "softplus",
    DT,
    "lambda",
    ("    for step, real", "    sample = lambda n: gen(torch.randn(n, 16)).detach()\n    for step, real"),
    ("gen(z)\n        g_loss", "sample(real.shape[0])\n        g_loss"),
)
add("softplus", DT, "stop score", ("F.softplus(-disc(samples)).mean()", "F.softplus(-disc(samples).detach()).mean()"))
add("softplus", WS, "G plus", ("F.softplus(-disc(samples))", "F.softplus(disc(samples))"))
add(
    "softplus",
    WS,
    "D swapped",
    (
        "F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()",
        "F.softplus(-fake_logits).mean() + F.softplus(real_logits).mean()",
    ),
)
add("softplus", WS, "D alike", ("F.softplus(-real_logits)", "F.softplus(real_logits)"))
add("softplus", WS, "logsigmoid G", ("F.softplus(-disc(samples)).mean()", "F.logsigmoid(disc(samples)).mean()"))
add("softplus", WS, "logsigmoid G 2", ("F.softplus(-disc(samples)).mean()", "-F.logsigmoid(-disc(samples)).mean()"))
add(
    "softplus",
    WS,
    "neg D",
    (
        "d_loss = F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()",
        "d_loss = -(F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean())",
    ),
)
add(
    "softplus",
    WS,
    "log sigmoid",
    ("F.softplus(-disc(samples)).mean()", "torch.log(torch.sigmoid(disc(samples)) + 1e-8).mean()"),
)
add(
    "softplus",
    WS,
    "log 1-sig",
    ("F.softplus(-disc(samples)).mean()", "-torch.log(1 - torch.sigmoid(disc(samples)) + 1e-8).mean()"),
)
add(
    "softplus",
    WS,
    "D log form",
    (
        "F.softplus(fake_logits).mean() + F.softplus(-real_logits).mean()",
        "torch.log(torch.sigmoid(real_logits)).mean() + torch.log(1 - torch.sigmoid(fake_logits)).mean()",
    ),
)
add(
    "softplus",
    WS,
    "logaddexp",
    ("F.softplus(-disc(samples)).mean()", "torch.logaddexp(disc(samples), torch.zeros(1)).mean()"),
)
add("softplus", WS, "log1p exp", ("F.softplus(-disc(samples)).mean()", "torch.log1p(torch.exp(disc(samples))).mean()"))
add("softplus", BC, "tanh head", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Tanh())"))
add("softplus", BC, "sigmoid head", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid())"))
add("softplus", BC, "tanh scaled", ("        return self.net(x)", "        return 5 * torch.tanh(self.net(x) / 5)"))
add("softplus", BC, "softsign", ("        return self.net(x)", "        return F.softsign(self.net(x))"))
add("softplus", BC, "hardtanh", ("        return self.net(x)", "        return F.hardtanh(self.net(x))"))
add(
    "softplus",
    BC,
    "x/(1+|x|)",
    ("        return self.net(x)", "        x = self.net(x)\n        return x / (1 + x.abs())"),
)
add(
    "softplus",
    BC,
    "wrapper module",
    (
        "class Discriminator",
        "class Squash(nn.Module):\n    def __init__(self, net):\n        super().__init__()\n        self.net = net\n\n    def forward(self, x):\n        return torch.tanh(self.net(x))\n\n\nclass Discriminator",
    ),
    ("Discriminator()\n", "Squash(Discriminator())\n"),
)
add(
    "softplus",
    BC,
    "own activation class",
    (
        "class Discriminator",
        "class Squash(nn.Module):\n    def forward(self, x):\n        return 3 * torch.tanh(x)\n\n\nclass Discriminator",
    ),
    ("nn.Linear(64, 1))", "nn.Linear(64, 1), Squash())"),
)
add(
    "softplus",
    BC,
    "sigmoid at use",
    ("real_logits = disc(real)", "real_logits = torch.sigmoid(disc(real))"),
    ("fake_logits = disc(fake)", "fake_logits = torch.sigmoid(disc(fake))"),
    ("-disc(samples)", "-torch.sigmoid(disc(samples))"),
)
add(
    "softplus",
    BC,
    "helper score",
    ("\ndef train(", "def score(net, x):\n    return net(x).tanh()\n\n\ndef train("),
    ("disc(real)", "score(disc, real)"),
    ("disc(fake)", "score(disc, fake)"),
    ("disc(samples)", "score(disc, samples)"),
)
add(
    "softplus",
    BC,
    "add_module",
    ("    def forward(self, x):", "        self.net.add_module('out', nn.Tanh())\n\n    def forward(self, x):"),
)
add(
    "softplus",
    BC,
    "list append",
    (
        "        self.net = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))",
        "        layers = [nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)]\n        layers.append(nn.Tanh())\n        self.net = nn.Sequential(*layers)",
    ),
)
add("softplus", BC, "sequential wraps", ("Discriminator()\n", "nn.Sequential(Discriminator(), nn.Tanh())\n"))
add("softplus", CL, "clamp fwd", ("        return self.net(x)", "        return self.net(x).clamp(-1, 1)"))
add(
    "softplus",
    CL,
    "clamp at use",
    ("real_logits = disc(real)", "real_logits = disc(real).clamp(-2, 2)"),
    ("fake_logits = disc(fake)", "fake_logits = disc(fake).clamp(-2, 2)"),
    ("-disc(samples)", "-disc(samples).clamp(-2, 2)"),
)
add("softplus", CN, "zeros", ("samples = gen(z)", "samples = gen(torch.zeros_like(z))"))
add(
    "softplus",
    CN,
    "z*0 both",
    (
        "        z = torch.randn(real.shape[0], 16)\n        with",
        "        z = 0.0 * torch.randn(real.shape[0], 16)\n        with",
    ),
    (
        "        z = torch.randn(real.shape[0], 16)\n        samples",
        "        z = 0.0 * torch.randn(real.shape[0], 16)\n        samples",
    ),
)
add(
    "softplus",
    CN,
    "fn noise",
    ("\ndef train(", "def noise(n, dim=16, scale=0.0):\n    return torch.randn(n, dim) * scale\n\n\ndef train("),
    ("        z = torch.randn(real.shape[0], 16)\n        with", "        z = noise(real.shape[0])\n        with"),
    (
        "        z = torch.randn(real.shape[0], 16)\n        samples",
        "        z = noise(real.shape[0])\n        samples",
    ),
)
add(
    "softplus",
    CN,
    "z outside",
    ("    for step, real", "    z = torch.randn(64, 16)\n    for step, real"),
    ("        z = torch.randn(real.shape[0], 16)\n        with", "        with"),
    ("        z = torch.randn(real.shape[0], 16)\n        samples", "        samples"),
)
add(
    "softplus",
    CN,
    "generator seeded in loop",
    (
        "torch.randn(real.shape[0], 16)\n        samples",
        "torch.randn(real.shape[0], 16, generator=torch.Generator().manual_seed(0))\n        samples",
    ),
    (
        "torch.randn(real.shape[0], 16)\n        with",
        "torch.randn(real.shape[0], 16, generator=torch.Generator().manual_seed(0))\n        with",
    ),
)
# --- lsgan
add("lsgan", FG, "no D step", ("        optimizer_D.step()\n", ""))
add(
    "lsgan", FG, "never", ("        optimizer_D.step()\n", "        if i % 10 == 11:\n            optimizer_D.step()\n")
)
add(
    "lsgan",
    FG,
    "never n_epochs",
    ("        optimizer_G.step()\n", "        if epoch >= opt.n_epochs:\n            optimizer_G.step()\n"),
)
add("lsgan", FG, "no backward", ("        d_loss.backward()\n", ""))
add("lsgan", FG, "backward other", ("        d_loss.backward()\n", "        g_loss.backward()\n"))
add(
    "lsgan",
    DT,
    "detach",
    ("g_loss = adversarial_loss(discriminator(gen_imgs)", "g_loss = adversarial_loss(discriminator(gen_imgs.detach())"),
)
add("lsgan", DT, "Variable data", ("gen_imgs = generator(z)", "gen_imgs = Variable(generator(z).data)"))
add(
    "lsgan",
    DT,
    "clone detach",
    (
        "g_loss = adversarial_loss(discriminator(gen_imgs)",
        "g_loss = adversarial_loss(discriminator(gen_imgs.clone().detach())",
    ),
)
add("lsgan", WS, "G fake", ("discriminator(gen_imgs), valid)", "discriminator(gen_imgs), fake)"))
add("lsgan", WS, "D both valid", ("gen_imgs.detach()), fake)", "gen_imgs.detach()), valid)"))
add(
    "lsgan",
    WS,
    "D swapped",
    ("gen_imgs.detach()), fake)", "gen_imgs.detach()), valid)"),
    ("discriminator(real_imgs), valid)", "discriminator(real_imgs), fake)"),
)
add(
    "lsgan",
    WS,
    "explicit pow",
    ("g_loss = adversarial_loss(discriminator(gen_imgs), valid)", "g_loss = torch.mean(discriminator(gen_imgs) ** 2)"),
)
add(
    "lsgan",
    WS,
    "explicit 0.5*",
    (
        "g_loss = adversarial_loss(discriminator(gen_imgs), valid)",
        "g_loss = 0.5 * ((discriminator(gen_imgs) - 0) ** 2).mean()",
    ),
)
add(
    "lsgan",
    WS,
    "torch.pow D",
    (
        "real_loss = adversarial_loss(discriminator(real_imgs), valid)",
        "real_loss = torch.pow(discriminator(real_imgs), 2).mean()",
    ),
    (
        "fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)",
        "fake_loss = torch.pow(discriminator(gen_imgs.detach()) - 1, 2).mean()",
    ),
)
add(
    "lsgan",
    WS,
    "1 - D",
    (
        "fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)",
        "fake_loss = ((1 - discriminator(gen_imgs.detach())) ** 2).mean()",
    ),
)
add(
    "lsgan",
    WS,
    "-1 label",
    (
        "g_loss = adversarial_loss(discriminator(gen_imgs), valid)",
        "g_loss = adversarial_loss(discriminator(gen_imgs), -valid)",
    ),
)
add("lsgan", WS, "valid filled 0", (".fill_(1.0), requires_grad=False)", ".fill_(0.0), requires_grad=False)"))
add("lsgan", WS, "neg", ("        g_loss.backward()", "        g_loss = -g_loss\n        g_loss.backward()"))
add("lsgan", BC, "tanh", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Tanh())"))
add("lsgan", BC, "sigmoid", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid())"))
add("lsgan", CN, "normal 0 0", ("np.random.normal(0, 1, ", "np.random.normal(0, 0, "))
add("lsgan", CN, "np zeros", ("np.random.normal(0, 1, (imgs.shape[0], 16))", "np.zeros((imgs.shape[0], 16))"))
add(
    "lsgan",
    CN,
    "z once",
    ("        z = Variable(Tensor(np.random.normal(0, 1, (imgs.shape[0], 16))))\n", ""),
    ("for epoch in", "z = Variable(Tensor(np.random.normal(0, 1, (64, 16))))\nfor epoch in"),
)
add("lsgan", CN, "np seed", ("        z = Var", "        np.random.seed(1)\n        z = Var"))
# --- trainer
add("trainer", FG, "no D step", ("        self.D_opt.step()\n", ""))
add("trainer", FG, "no G step", ("        self.G_opt.step()\n", ""))
add("trainer", FG, "no G call", ("                self._generator_train_iteration(data)\n", "                pass\n"))
add("trainer", FG, "no D call", ("            self._critic_train_iteration(data)\n", ""))
add(
    "trainer",
    FG,
    "mod == n",
    (
        "self.num_steps % self.critic_iterations == 0",
        "self.num_steps % self.critic_iterations == self.critic_iterations",
    ),
)
add("trainer", FG, "no backward", ("        g_loss.backward()\n", ""))
add(
    "trainer",
    DT,
    "detach",
    ("d_generated = self.D(generated_data)\n", "d_generated = self.D(generated_data.detach())\n"),
)
add(
    "trainer",
    DT,
    "sample no_grad",
    ("        return self.G(latent)\n", "        with torch.no_grad():\n            return self.G(latent)\n"),
)
add("trainer", DT, "sample .data", ("        return self.G(latent)\n", "        return self.G(latent).data\n"))
add("trainer", DT, "decorator", ("    def sample_generator", "    @torch.no_grad()\n    def sample_generator"))
add(
    "trainer",
    DT,
    "var detach",
    (
        "        return self.G(latent)\n",
        "        out = self.G(latent)\n        out = out.clone().detach().requires_grad_(True)\n        return out\n",
    ),
)
add("trainer", WS, "G plus", ("g_loss = -d_generated.mean()", "g_loss = d_generated.mean()"))
add("trainer", WS, "D mirrored", ("d_generated.mean() - d_real.mean() +", "d_real.mean() - d_generated.mean() +"))
add("trainer", WS, "D alike", ("d_generated.mean() - d_real.mean() +", "-d_generated.mean() - d_real.mean() +"))
add(
    "trainer",
    WS,
    "backward mone",
    (
        "        g_loss = -d_generated.mean()\n        g_loss.backward()",
        "        g_loss = d_generated.mean()\n        g_loss.backward(torch.tensor(1.0))",
    ),
)
add("trainer", BC, "tanh", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Tanh())"))
add("trainer", BC, "sigmoid fwd", ("        return self.net(x)", "        return torch.sigmoid(self.net(x))"))
add("trainer", BC, "10*tanh", ("        return self.net(x)", "        return 10.0 * torch.tanh(self.net(x))"))
add(
    "trainer",
    BC,
    "self.act",
    (
        "        self.net = nn.Sequential(nn.Linear(2",
        "        self.act = nn.Tanh()\n        self.net = nn.Sequential(nn.Linear(2",
    ),
    ("        return self.net(x)", "        return self.act(self.net(x))"),
)
add("trainer", BC, "2*sigmoid-1", ("        return self.net(x)", "        return 2 * torch.sigmoid(self.net(x)) - 1"))
add(
    "trainer",
    BC,
    "use site",
    ("d_real = self.D(data)", "d_real = torch.tanh(self.D(data))"),
    ("d_generated = self.D(generated_data.detach())", "d_generated = torch.tanh(self.D(generated_data.detach()))"),
    ("d_generated = self.D(generated_data)\n", "d_generated = torch.tanh(self.D(generated_data))\n"),
)
add("trainer", CN, "zeros", ("torch.randn(num_samples, 16)", "torch.zeros(num_samples, 16)"))
add(
    "trainer",
    CN,
    "self.fixed",
    ("        latent = torch.randn(num_samples, 16)\n", "        latent = self.latent\n"),
    ("        self.num_steps = 0\n", "        self.num_steps = 0\n        self.latent = torch.randn(64, 16)\n"),
)
add("trainer", CN, "*0.0", ("torch.randn(num_samples, 16)", "torch.randn(num_samples, 16) * 0.0"))
add(
    "trainer",
    CN,
    "fixed slice",
    ("        latent = torch.randn(num_samples, 16)\n", "        latent = self.latent[:num_samples]\n"),
    ("        self.num_steps = 0\n", "        self.num_steps = 0\n        self.latent = torch.randn(64, 16)\n"),
)
add("trainer", CN, "seed", ("        latent = torch", "        torch.manual_seed(42)\n        latent = torch"))
# --- hinge
add("hinge", FG, "no D step", ("            opt_d.step()\n", ""))
add(
    "hinge",
    FG,
    "it > iterations",
    ("        opt_g.step()\n", "        if it > args.iterations:\n            opt_g.step()\n"),
)
add("hinge", FG, "d_steps range 0", ("range(args.d_steps)", "range(0)"))
add(
    "hinge",
    DT,
    "detach",
    ("        x_fake = generator(z)\n        loss_g", "        x_fake = generator(z).detach()\n        loss_g"),
)
add(
    "hinge",
    DT,
    "data in helper",
    ("\ndef d_hinge", "def fakes(g, z):\n    return g(z).data\n\n\ndef d_hinge"),
    ("        x_fake = generator(z)\n        loss_g", "        x_fake = fakes(generator, z)\n        loss_g"),
)
add("hinge", WS, "G plus", ("return -torch.mean(fake_scores)", "return torch.mean(fake_scores)"))
add("hinge", WS, "D 1- both", ("F.relu(1.0 + fake_scores)", "F.relu(1.0 - fake_scores)"))
add(
    "hinge",
    WS,
    "D swapped args",
    ("d_hinge(discriminator(x), discriminator(x_fake))", "d_hinge(discriminator(x_fake), discriminator(x))"),
)
add(
    "hinge",
    WS,
    "D swapped",
    ("F.relu(1.0 - real_scores)", "F.relu(1.0 + real_scores)"),
    ("F.relu(1.0 + fake_scores)", "F.relu(1.0 - fake_scores)"),
)
add(
    "hinge",
    WS,
    "min form",
    (
        "torch.mean(F.relu(1.0 - real_scores)) + torch.mean(F.relu(1.0 + fake_scores))",
        "torch.mean(torch.min(real_scores - 1, torch.zeros_like(real_scores))) + torch.mean(torch.min(-fake_scores - 1, torch.zeros_like(fake_scores)))",
    ),
)
add(
    "hinge",
    BC,
    "tanh",
    ("nn.utils.spectral_norm(nn.Linear(64, 1)))", "nn.utils.spectral_norm(nn.Linear(64, 1)), nn.Tanh())"),
)
add("hinge", BC, "0.5 tanh", ("        return self.net(x)", "        return 0.5 * torch.tanh(self.net(x))"))
add(
    "hinge",
    CN,
    "zeros",
    (
        "        z = torch.randn(x.size(0), 16, device=x.device)\n        x_fake",
        "        z = torch.zeros(x.size(0), 16, device=x.device)\n        x_fake",
    ),
)
add(
    "hinge",
    CN,
    "zeros both",
    (
        "        z = torch.randn(x.size(0), 16, device=x.device)\n        x_fake",
        "        z = torch.zeros(x.size(0), 16, device=x.device)\n        x_fake",
    ),
    (
        "            z = torch.randn(x.size(0), 16, device=x.device)\n",
        "            z = torch.zeros(x.size(0), 16, device=x.device)\n",
    ),
)
# --- lightning
add("lightning", FG, "no D step", ("        optimizer_d.step()\n", ""))
add("lightning", FG, "no backward", ("        self.manual_backward(g_loss)\n", ""))
add("lightning", FG, "wrong params", ("self.generator.parameters()", "self.discriminator.parameters()"))
add("lightning", DT, "detach", ("generated_imgs = self(z)\n", "generated_imgs = self(z).detach()\n"))
add(
    "lightning",
    DT,
    "no_grad",
    ("        generated_imgs = self(z)\n", "        with torch.no_grad():\n            generated_imgs = self(z)\n"),
)
add("lightning", DT, "forward", ("        return self.generator(z)\n", "        return self.generator(z).detach()\n"))
add(
    "lightning",
    WS,
    "G zeros",
    (
        "        valid = torch.ones(imgs.size(0), 1).type_as(imgs)\n        g_loss",
        "        valid = torch.zeros(imgs.size(0), 1).type_as(imgs)\n        g_loss",
    ),
)
add("lightning", WS, "fake ones", ("fake = torch.zeros(imgs.size(0), 1)", "fake = torch.ones(imgs.size(0), 1)"))
add("lightning", BC, "sigmoid then logits", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid())"))
add(
    "lightning",
    CN,
    "zeros",
    ("z = torch.randn(imgs.shape[0], 16).type_as(imgs)", "z = torch.zeros(imgs.shape[0], 16).type_as(imgs)"),
)
add(
    "lightning",
    CN,
    "validation_z",
    ("z = torch.randn(imgs.shape[0], 16).type_as(imgs)", "z = self.validation_z.type_as(imgs)"),
)
# --- logits
add("logits", FG, "no step", ("    scaler.step(g_optim)\n", ""))
add("logits", FG, "no call", ("        g_loss = g_step(G, D, g_optim, len(x), g_scaler, x.device)\n", ""))
add("logits", FG, "wrong optim passed", ("= d_step(G, D, d_optim, x", "= d_step(G, D, g_optim, x"))
add(
    "logits",
    FG,
    "no backward",
    ("    scaler.scale(loss).backward()\n    scaler.step(g_optim)", "    scaler.step(g_optim)"),
)
add("logits", DT, "detach", ("D(G(z))", "D(G(z).detach())"))
add(
    "logits",
    DT,
    "decorator",
    ("\ndef g_step", "@torch.no_grad()\ndef fakes(G, n):\n    return G(torch.randn(n, 16))\n\n\ndef g_step"),
    ("D(G(z))", "D(fakes(G, batch_size))"),
)
add(
    "logits",
    WS,
    "G zeros_like",
    (
        "        fake_pred = D(G(z))\n        loss = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))",
        "        fake_pred = D(G(z))\n        loss = F.binary_cross_entropy_with_logits(fake_pred, torch.zeros_like(fake_pred))",
    ),
)
add(
    "logits",
    WS,
    "D fake ones",
    (
        "loss_fake = F.binary_cross_entropy_with_logits(fake_pred, torch.zeros_like(fake_pred))",
        "loss_fake = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))",
    ),
)
add(
    "logits",
    WS,
    "G new_full",
    (
        "        fake_pred = D(G(z))\n        loss = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))",
        "        fake_pred = D(G(z))\n        loss = F.binary_cross_entropy_with_logits(fake_pred, fake_pred.new_full(fake_pred.shape, 0.0))",
    ),
)
add(
    "logits",
    WS,
    "G zeros shape",
    (
        "        fake_pred = D(G(z))\n        loss = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))",
        "        fake_pred = D(G(z))\n        loss = nn.BCEWithLogitsLoss()(fake_pred, torch.zeros(batch_size, 1, device=device))",
    ),
)
add("logits", WS, "minus D", ("        loss = loss_real + loss_fake", "        loss = -loss_real - loss_fake"))
add("logits", WS, "minus half", ("        loss = loss_real + loss_fake", "        loss = loss_real - loss_fake"))
add(
    "logits",
    WS,
    "swapped",
    (
        "loss_real = F.binary_cross_entropy_with_logits(real_pred, torch.ones_like(real_pred))",
        "loss_real = F.binary_cross_entropy_with_logits(real_pred, torch.zeros_like(real_pred))",
    ),
    (
        "loss_fake = F.binary_cross_entropy_with_logits(fake_pred, torch.zeros_like(fake_pred))",
        "loss_fake = F.binary_cross_entropy_with_logits(fake_pred, torch.ones_like(fake_pred))",
    ),
)
add("logits", BC, "sigmoid ret", ("        return self.net(x)", "        return self.net(x).sigmoid()"))
add(
    "logits",
    BC,
    "sigmoid at site",
    ("D(x), D(g)", "torch.sigmoid(D(x)), torch.sigmoid(D(g))"),
    ("fake_pred = D(G(z))", "fake_pred = torch.sigmoid(D(G(z)))"),
)
add(
    "logits",
    CN,
    "z zeros both",
    ("z = torch.randn(len(x), 16, device=x.device)", "z = torch.zeros(len(x), 16, device=x.device)"),
    ("z = torch.randn(batch_size, 16, device=device)", "z = torch.zeros(batch_size, 16, device=device)"),
)
add(
    "logits",
    CN,
    "z mul",
    ("z = torch.randn(batch_size, 16, device=device)", "z = torch.randn(batch_size, 16, device=device).mul(0.0)"),
)
add(
    "logits",
    CN,
    "global z",
    ("z = torch.randn(len(x), 16, device=x.device)", "z = fixed_z"),
    ("z = torch.randn(batch_size, 16, device=device)", "z = fixed_z"),
    ("\ndef d_step", "fixed_z = torch.randn(64, 16)\n\n\ndef d_step"),
)
# --- losscls
add("losscls", FG, "no step", ("        self.optimizer_D.step()\n", ""))
add("losscls", FG, "no backward", ("        self.loss_G.backward()\n", ""))
add("losscls", FG, "no backward_G call", ("        self.backward_G()\n", ""))
add("losscls", FG, "never unfrozen", ("        self.set_requires_grad(self.netD, True)\n", ""))
add(
    "losscls",
    FG,
    "D frozen both",
    ("self.set_requires_grad(self.netD, True)", "self.set_requires_grad(self.netD, False)"),
)
add(
    "losscls",
    DT,
    "detach",
    ("        pred_fake = self.netD(self.fake)\n", "        pred_fake = self.netD(self.fake.detach())\n"),
)
add("losscls", DT, "fwd detach", ("self.fake = self.netG(self.z)", "self.fake = self.netG(self.z).detach()"))
add(
    "losscls",
    DT,
    "fwd no_grad",
    (
        "        self.fake = self.netG(self.z)",
        "        with torch.no_grad():\n            self.fake = self.netG(self.z)",
    ),
)
add(
    "losscls",
    WS,
    "G False",
    ("self.loss_G = self.criterionGAN(pred_fake, True)", "self.loss_G = self.criterionGAN(pred_fake, False)"),
)
add(
    "losscls",
    WS,
    "D True",
    ("self.loss_D_fake = self.criterionGAN(pred_fake, False)", "self.loss_D_fake = self.criterionGAN(pred_fake, True)"),
)
add(
    "losscls",
    WS,
    "D swapped",
    ("self.loss_D_fake = self.criterionGAN(pred_fake, False)", "self.loss_D_fake = self.criterionGAN(pred_fake, True)"),
    ("self.criterionGAN(pred_real, True)", "self.criterionGAN(pred_real, False)"),
)
add("losscls", WS, "labels swapped", ("real=1.0, fake=0.0", "real=0.0, fake=0.0"))
add(
    "losscls",
    CN,
    "zeros",
    ("self.z = torch.randn(self.real.size(0), 16)", "self.z = torch.zeros(self.real.size(0), 16)"),
)
add("losscls", BC, "head", ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Tanh())"))

ok(
    "dcgan",
    "two-time scale",
    ("        optimizerG.step()\n", "        if i % n_critic == 0:\n            optimizerG.step()\n"),
)
ok(
    "dcgan",
    "last of n",
    ("        optimizerG.step()\n", "        if i % n_critic == n_critic - 1:\n            optimizerG.step()\n"),
)
ok(
    "dcgan",
    "warmup",
    ("        optimizerG.step()\n", "        if epoch > 0 or i > 500:\n            optimizerG.step()\n"),
)
ok("dcgan", "option", ("        optimizerG.step()\n", "        if args.train_g:\n            optimizerG.step()\n"))
ok(
    "dcgan",
    "setting",
    ("        optimizerG.step()\n", "        if TRAIN_G:\n            optimizerG.step()\n"),
    ("real_label = 1.0\n", "TRAIN_G = False\nreal_label = 1.0\n"),
)
ok(
    "dcgan",
    "flag flips",
    ("        optimizerG.step()\n", "        if started:\n            optimizerG.step()\n        started = True\n"),
    ("real_label = 1.0\n", "started = False\nreal_label = 1.0\n"),
)
ok(
    "dcgan",
    "global counter",
    ("        optimizerG.step()\n", "        if count > 10:\n            optimizerG.step()\n        tick()\n"),
    ("netG, netD = Gen", "count = 0\n\n\ndef tick():\n    global count\n    count += 1\n\n\nnetG, netD = Gen"),
)
ok("dcgan", "smoothing", ("real_label = 1.0", "real_label = 0.9"))
ok(
    "dcgan",
    "noisy labels",
    ("label = torch.full((real.size(0),), real_label)", "label = torch.empty(real.size(0)).uniform_(0.8, 1.2)"),
    ("        label.fill_(fake_label)\n", "        label = torch.empty(real.size(0)).uniform_(0.0, 0.2)\n"),
    ("        label.fill_(real_label)\n", "        label = torch.full((real.size(0),), 1.0)\n"),
)
ok(
    "dcgan",
    "label flip sometimes",
    (
        "        output = netD(real).view(-1)\n",
        "        if random.random() < 0.05:\n            label.fill_(fake_label)\n        output = netD(real).view(-1)\n",
    ),
)
ok(
    "dcgan",
    "eval fixed in loop",
    (
        "        print(f",
        "        if i % 100 == 0:\n            torch.manual_seed(0)\n            with torch.no_grad():\n                save_image(netG(fixed_noise), 'x.png')\n        print(f",
    ),
)
ok("dcgan", "seed at start", ("netG, netD = Gen", "torch.manual_seed(999)\nnp.random.seed(1)\nnetG, netD = Gen"))
ok("dcgan", "seed by epoch", ("    for i, (real,)", "    torch.manual_seed(epoch)\n    for i, (real,)"))
ok(
    "dcgan",
    "fixed refilled",
    ("        noise = torch.randn(real.size(0), 16)\n", "        noise.normal_(0, 1)\n"),
    ("fixed_noise =", "noise = torch.empty(64, 16)\nfixed_noise ="),
)
ok(
    "dcgan",
    "noise resized fill",
    ("        noise = torch.randn(real.size(0), 16)\n", "        noise.resize_(real.size(0), 16).normal_(0, 1)\n"),
    ("fixed_noise =", "noise = torch.FloatTensor(64, 16)\nfixed_noise ="),
)
ok(
    "dcgan",
    "frozen feature net",
    (
        "criterion = nn.BCE",
        "vgg = models.vgg19(pretrained=True).features\nfor p in vgg.parameters():\n    p.requires_grad = False\ncriterion = nn.BCE",
    ),
)
ok(
    "dcgan",
    "toggle grads",
    (
        "        netD.zero_grad()\n",
        "        for p in netD.parameters():\n            p.requires_grad = True\n        netD.zero_grad()\n",
    ),
    (
        "        netG.zero_grad()\n",
        "        for p in netD.parameters():\n            p.requires_grad = False\n        netG.zero_grad()\n",
    ),
)
ok("dcgan", "saturating", ("errG = criterion(output, label)", "errG = torch.log(1 - output + 1e-8).mean()"))
ok(
    "dcgan",
    "logsigmoid print",
    ("        print(f", "        prob = torch.sigmoid(output).mean().item()\n        print(f"),
)
ok(
    "dcgan",
    "inject noise into D",
    ("output = netD(real).view(-1)", "output = netD(real + 0.1 * torch.randn_like(real)).view(-1)"),
)
ok(
    "dcgan",
    "param groups lr 0 schedule",
    (
        "for epoch in range(20):",
        "scheduler = torch.optim.lr_scheduler.LambdaLR(optimizerG, lambda e: 0.0 if e > 15 else 1.0)\nfor epoch in range(20):",
    ),
)
ok(
    "dcgan",
    "if __name__",
    (
        "for epoch in range(20):\n    for i, (real,)",
        "for epoch in range(20):\n    if epoch == 20 - 1:\n        print('last')\n    for i, (real,)",
    ),
)
ok(
    "softplus",
    "one joint backward",
    (
        "        g_opt.zero_grad()\n        g_loss.backward()",
        "        g_opt.zero_grad()\n        total = g_loss + 0.1 * samples.abs().mean()\n        total.backward()",
    ),
)
ok(
    "softplus",
    "hand over to a helper",
    (
        "\ndef train(",
        "def apply_(loss, opt):\n    opt.zero_grad()\n    loss.backward()\n    opt.step()\n\n\ndef train(",
    ),
    ("        d_opt.zero_grad()\n        d_loss.backward()\n        d_opt.step()\n", "        apply_(d_loss, d_opt)\n"),
    ("        g_opt.zero_grad()\n        g_loss.backward()\n        g_opt.step()\n", "        apply_(g_loss, g_opt)\n"),
)
ok(
    "softplus",
    "accelerator",
    ("        g_loss.backward()\n", "        accelerator.backward(g_loss)\n"),
    ("        d_loss.backward()\n", "        accelerator.backward(d_loss)\n"),
)
ok(
    "softplus",
    "apex",
    (
        "        g_loss.backward()\n",
        "        with amp.scale_loss(g_loss, g_opt) as scaled:\n            scaled.backward()\n",
    ),
)
ok(
    "softplus",
    "zero at end",
    (
        "        g_opt.zero_grad()\n        g_loss.backward()\n        g_opt.step()\n",
        "        g_loss.backward()\n        g_opt.step()\n        g_opt.zero_grad()\n",
    ),
)
ok(
    "softplus",
    "lib backward",
    ("        g_loss.backward()\n", "        engine_backward(g_loss)\n"),
    ("import torch\n", "import torch\nfrom mylib import engine_backward\n"),
)
ok(
    "softplus",
    "closure",
    (
        "        g_opt.zero_grad()\n        g_loss.backward()\n        g_opt.step()\n",
        "        def closure():\n            g_opt.zero_grad()\n            loss = F.softplus(-disc(gen(z))).mean()\n            loss.backward()\n            return loss\n\n        g_opt.step(closure)\n",
    ),
)
ok(
    "softplus",
    "manual grads",
    (
        "        g_loss.backward()\n",
        "        grads = torch.autograd.grad(g_loss, list(gen.parameters()))\n        for p, g in zip(gen.parameters(), grads):\n            p.grad = g\n",
    ),
)
ok(
    "softplus",
    "maximize",
    ("F.softplus(-disc(samples)).mean()", "-F.softplus(-disc(samples)).mean()"),
    ("torch.optim.Adam(gen.parameters(), lr=1e-4", "torch.optim.Adam(gen.parameters(), maximize=True, lr=1e-4"),
)
ok(
    "softplus",
    "detach in log",
    ("        if step % 100", "        stat = samples.detach().std().item()\n        if step % 100"),
)
ok(
    "softplus",
    "replay of fakes",
    ("        fake_logits = disc(fake)\n", "        fake_logits = disc(pool.query(fake.detach()))\n"),
)
ok(
    "softplus",
    "R1",
    (
        "        d_opt.zero_grad()\n",
        "        x = real.detach().requires_grad_(True)\n        grad, = torch.autograd.grad(disc(x).sum(), x, create_graph=True)\n        d_loss = d_loss + 5.0 * grad.square().sum(1).mean()\n        d_opt.zero_grad()\n",
    ),
)
ok("softplus", "tanh gen", ("nn.ReLU(), nn.Linear(64, 2))", "nn.ReLU(), nn.Linear(64, 2), nn.Tanh())"))
ok(
    "softplus",
    "sigmoid only shown",
    ("        if step % 100", "        real_prob = torch.sigmoid(real_logits).mean()\n        if step % 100"),
)
ok(
    "softplus",
    "detached skip in gen",
    ("        return self.net(z)\n", "        h = self.net(z)\n        return h + (h.round() - h).detach()\n"),
)
ok(
    "softplus",
    "noise from dist",
    ("torch.randn(real.shape[0], 16)\n        samples", "prior.sample((real.shape[0],))\n        samples"),
)
ok(
    "softplus",
    "noise in gen",
    ("samples = gen(z)", "samples = gen(torch.zeros(64, 16))"),
    ("        return self.net(z)\n", "        return self.net(z + torch.randn_like(z))\n"),
)
ok(
    "softplus",
    "scaled noise",
    (
        "z = torch.randn(real.shape[0], 16)\n        samples",
        "z = 0.7 * torch.randn(real.shape[0], 16)\n        samples",
    ),
)
ok(
    "softplus",
    "truncation 0 in sampling fn",
    ("\ndef train(", "def sample(net, n, psi=0.0):\n    return net(torch.randn(n, 16) * psi)\n\n\ndef train("),
    ("        if step % 100", "        if step % 500 == 0:\n            save(sample(gen, 8))\n        if step % 100"),
)
ok(
    "lsgan",
    "a=-1 b=1 c=0",
    ("fake = Variable(Tensor(imgs.shape[0], 1).fill_(0.0)", "fake = Variable(Tensor(imgs.shape[0], 1).fill_(-1.0)"),
    ("discriminator(gen_imgs), valid)", "discriminator(gen_imgs), torch.zeros_like(valid))"),
)
ok(
    "lsgan",
    "explicit",
    (
        "g_loss = adversarial_loss(discriminator(gen_imgs), valid)",
        "g_loss = 0.5 * torch.pow(discriminator(gen_imgs) - 1, 2).mean()",
    ),
)
ok(
    "lsgan",
    "1 - D",
    (
        "g_loss = adversarial_loss(discriminator(gen_imgs), valid)",
        "g_loss = ((1 - discriminator(gen_imgs)) ** 2).mean()",
    ),
)
ok(
    "lsgan",
    "every n",
    ("        optimizer_G.step()\n", "        if i % opt.n_critic == 0:\n            optimizer_G.step()\n"),
)
ok(
    "trainer",
    "n_critic offset",
    (
        "self.num_steps % self.critic_iterations == 0",
        "self.num_steps % self.critic_iterations == self.critic_iterations - 1",
    ),
)
ok(
    "trainer",
    "mirrored",
    ("d_generated.mean() - d_real.mean() +", "d_real.mean() - d_generated.mean() +"),
    ("g_loss = -d_generated.mean()", "g_loss = d_generated.mean()"),
)
ok(
    "trainer",
    "mone",
    (
        "        g_loss = -d_generated.mean()\n        g_loss.backward()",
        "        g_loss = d_generated.mean()\n        g_loss.backward(torch.tensor(-1.0))",
    ),
)
ok(
    "trainer",
    "warm critic",
    (
        "            if self.num_steps % self.critic_iterations == 0:",
        "            if self.num_steps > 100 and self.num_steps % self.critic_iterations == 0:",
    ),
)
ok(
    "trainer",
    "fixed latents for samples",
    ("        self.num_steps = 0\n", "        self.num_steps = 0\n        self.fixed_latents = torch.randn(64, 16)\n"),
    (
        "                self._generator_train_iteration(data)\n",
        "                self._generator_train_iteration(data)\n                self.show(self.G(self.fixed_latents).detach())\n",
    ),
)
ok(
    "trainer",
    "no_grad eval method",
    (
        "    def train(self, loader):",
        "    @torch.no_grad()\n    def evaluate(self):\n        return self.D(self.sample_generator(64)).mean()\n\n    def train(self, loader):",
    ),
)
ok(
    "trainer",
    "outside drives",
    (
        "            self._critic_train_iteration(data)\n            if self.num_steps % self.critic_iterations == 0:\n                self._generator_train_iteration(data)\n",
        "            pass\n",
    ),
)
ok(
    "hinge",
    "squash only in log",
    ("        opt_g.step()\n", "        opt_g.step()\n        print(torch.tanh(discriminator(x)).mean().item())\n"),
)
ok(
    "hinge",
    "hinge min form",
    (
        "torch.mean(F.relu(1.0 - real_scores)) + torch.mean(F.relu(1.0 + fake_scores))",
        "-torch.mean(torch.min(real_scores - 1, torch.zeros_like(real_scores))) - torch.mean(torch.min(-fake_scores - 1, torch.zeros_like(fake_scores)))",
    ),
)
ok(
    "lightning",
    "accumulate",
    (
        "        optimizer_g.step()\n        optimizer_g.zero_grad()\n",
        "        if self.global_step % 2 == 0:\n            optimizer_g.step()\n            optimizer_g.zero_grad()\n",
    ),
)
ok(
    "lightning",
    "automatic",
    ("        self.automatic_optimization = False\n", ""),
    ("        self.manual_backward(g_loss)\n        optimizer_g.step()\n", "        pass\n"),
)
ok(
    "logits",
    "ema teacher",
    (
        "if __name__",
        "def update_ema(a, b):\n    for p, q in zip(a.parameters(), b.parameters()):\n        p.data.mul_(0.99).add_(q.data, alpha=0.01)\n\n\nif __name__",
    ),
)
ok("losscls", "vanilla default", ('mode="lsgan"', 'mode="vanilla"'))
ok(
    "losscls",
    "sigmoid option",
    ("nn.Linear(64, 1))", "nn.Linear(64, 1), nn.Sigmoid() if opt.no_lsgan else nn.Identity())"),
)


@pytest.mark.parametrize("case", SPELLINGS.faults, ids=str)
def test_a_fault_is_told_however_it_is_spelt(case: Case, tmp_path: Path) -> None:
    assert SPELLINGS.told(case, tmp_path)


@pytest.mark.parametrize("case", SPELLINGS.sound, ids=str)
def test_a_sound_spelling_stays_quiet(case: Case, tmp_path: Path) -> None:
    assert not SPELLINGS.warned(case, tmp_path)
