"""Losses, detaches, penalties and their skips, optimizers, defaults and networks in several styles of writing."""

from __future__ import annotations

from functools import partial
from textwrap import dedent

import pytest
from source_text import read_texts

from wganlint.source import Loss, PenaltySkip, SourceModel

HEAD = """
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import autograd, optim
"""


read = partial(read_texts, HEAD)


def loss(model: SourceModel, part: str) -> Loss:
    (found,) = [one for one in model.losses if one.part == part]
    return found


def signs(one: Loss) -> tuple[int, int, str, bool]:
    return one.real_sign, one.fake_sign, one.family, one.penalty


# -- losses


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("loss = D(fake).mean() - D(real).mean()\nloss.backward()", (-1, 1, "wgan", False)),
        ("loss = -(torch.mean(D(real)) - torch.mean(D(fake)))\nloss.backward()", (-1, 1, "wgan", False)),
        ("loss = D(real).mean() - D(fake).mean()\nloss.backward()", (1, -1, "wgan", False)),
        ("real_score = D(real)\nfake_score = D(fake.detach())\n"
         "loss = fake_score.mean() - real_score.mean() + 10 * gradient_penalty(D, real, fake)\nloss.backward()",
         (-1, 1, "wgan", True)),
        ("gap = D(real).mean() - D(fake).mean()\nloss = -gap\nloss = loss + 10 * gp\nloss.backward()",
         (-1, 1, "wgan", True)),
        ("loss = -D(real).mean()\nloss += D(fake).mean()\n(loss / 4).backward()", (-1, 1, "wgan", False)),
        ("loss = F.relu(1 - D(real)).mean() + F.relu(1 + D(fake)).mean()\nloss.backward()", (-1, 1, "hinge", False)),
        ("loss = -torch.min(zero, -1 + D(real)).mean() - torch.min(zero, -1 - D(fake)).mean()\nloss.backward()",
         (-1, 1, "hinge", False)),
        ("loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()\nloss.backward()", (-1, 1, "bce", False)),
        ("loss = -(torch.log(D(real)) + torch.log(1 - D(fake))).mean()\nloss.backward()", (-1, 1, "bce", False)),
        ("bce = nn.BCEWithLogitsLoss()\na = bce(D(real), torch.ones(8, 1))\nb = bce(D(fake), torch.zeros(8, 1))\n"
         "loss = (a + b) / 2\nloss.backward()", (-1, 1, "bce", False)),
        ("loss = ((D(real) - 1) ** 2).mean() + (D(fake) ** 2).mean()\nloss.backward()", (-1, 1, "lsgan", False)),
        ("one = torch.FloatTensor([1])\nmone = one * -1\nD_real = D(real).mean()\nD_real.backward(mone)\n"
         "D_fake = D(fake).mean()\nD_fake.backward(one)\nopt_D.step()", (-1, 1, "wgan", False)),
        ("scaler.scale(D(fake).mean() - D(real).mean()).backward()\nscaler.step(opt_D)", (-1, 1, "wgan", False)),
        ("loss = D(fake).mean() - D(real).mean()\naccelerator.backward(loss)", (-1, 1, "wgan", False)),
        ("loss = D(fake).mean() - D(real).mean() + 0.001 * (D(real) ** 2).mean()\nloss.backward()",
         (-1, 1, "wgan", False)),
        ("r, f = D(real), D(fake)\nloss = f.mean() - r.mean()\nloss.backward()", (-1, 1, "wgan", False)),
    ],
)  # fmt: skip
def test_loss_of_the_critic(lines: str, expected: tuple[int, int, str, bool]) -> None:
    body = "\n".join("    " + line for line in lines.splitlines())
    model = read(f"def d_step(D, G, real, z, opt_D):\n    fake = G(z)\n{body}\n")
    assert signs(loss(model, "critic")) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("g_loss = -D(G(z)).mean()\ng_loss.backward()", (0, -1, "wgan", False)),
        ("fake = G(z)\ng_loss = D(fake).mean()\ng_loss.backward()", (0, 1, "wgan", False)),
        ("g_loss = -torch.mean(D(G(z))) + 10 * F.l1_loss(G(z), x)\ng_loss.backward()", (0, -1, "wgan", False)),
        ("fake = G(z)\nloss = F.softplus(-D(fake)).mean()\nloss.backward()\nopt_G.step()", (0, -1, "bce", False)),
        ("valid = torch.ones(8, 1)\nerrG = nn.BCELoss()(D(G(z)), valid)\nerrG.backward()", (0, -1, "bce", False)),
        ("errG = D(G(z)).mean()\nerrG.backward(one)", (0, 1, "wgan", False)),
        ("errG = D(G(z)).mean()\nerrG.backward(mone)", (0, -1, "wgan", False)),
    ],
)
def test_loss_of_the_generator(lines: str, expected: tuple[int, int, str, bool]) -> None:
    body = "\n".join("    " + line for line in lines.splitlines())
    model = read(f"one = torch.tensor(1.0)\nmone = -1 * one\n\ndef step(D, G, x, z, opt_G):\n{body}\n")
    assert signs(loss(model, "generator")) == expected


def test_losses_as_functions() -> None:
    model = read(
        """
        def discriminator_loss(real_logits, fake_logits):
            return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()

        def generator_loss(fake_logits):
            return -fake_logits.mean()
        """
    )
    assert signs(loss(model, "critic")) == (-1, 1, "hinge", False)
    assert signs(loss(model, "generator")) == (0, -1, "wgan", False)


def test_losses_of_tensorflow() -> None:
    model = read(
        """
        import tensorflow as tf

        def train_step(generator, discriminator, images, noise):
            with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
                fake = generator(noise)
                d_loss = tf.reduce_mean(discriminator(fake)) - tf.reduce_mean(discriminator(images))
                g_loss = -tf.reduce_mean(discriminator(fake))
            g_grads = g_tape.gradient(g_loss, generator.trainable_variables)
            d_grads = d_tape.gradient(d_loss, discriminator.trainable_variables)
        """
    )
    assert signs(loss(model, "critic")) == (-1, 1, "wgan", False)
    assert signs(loss(model, "generator")) == (0, -1, "wgan", False)


@pytest.mark.parametrize(
    "text",
    [
        "loss = F.mse_loss(net(x), y)\nloss.backward()",
        "loss = -model(x).mean()\nloss.backward()",
        "def loss(z):\n    return z.mean() - z.std()",
        "kl_loss = 0.5 * (mu ** 2 + var.exp()).mean()\nkl_loss.backward()",
        "def g_step(D, G, z):\n    y = D(G(z))\n    g_loss = ((torch.log(y) - torch.log(1 - y)) ** 2).mean()\n    g_loss.backward()",
        "def g_step(D, G, z):\n    g_loss = some.loss(D(G(z))) + 0.1 * D(G(z)).mean()\n    g_loss.backward()",
        "def d_step(D, real, z):\n    d_loss = -D(real).mean()\n    d_loss.backward()",
        "def d_step(D, real, fake):\n    d_loss = torch.logsumexp(D(real), 0) - D(fake).mean()\n    d_loss.backward()",
    ],
)
def test_other_losses_are_not_adversarial(text: str) -> None:
    assert not read(text).losses


# -- detaches


@pytest.mark.parametrize(
    ("lines", "how"),
    [
        ("fake = G(z)\ng_loss = -D(fake.detach()).mean()\ng_loss.backward()", "detach"),
        ("fake = G(z).detach()\ng_loss = -D(fake).mean()\ng_loss.backward()", "detach"),
        ("fake = G(z).data\ng_loss = -D(fake).mean()\ng_loss.backward()", "data"),
        ("with torch.no_grad():\n        fake = G(z)\n    g_loss = -D(fake).mean()\n    g_loss.backward()", "no_grad"),
        ("fake = torch.from_numpy(G(z).cpu().numpy())\ng_loss = -D(fake).mean()\ng_loss.backward()", "numpy"),
        (
            "bce = nn.BCELoss()\nfake = G(z)\nscore = D(fake).detach()\n"
            "g_loss = 10 * F.l1_loss(fake, z) + 0.1 * bce(score, torch.ones(8))\ng_loss.backward()",
            "detach",
        ),
    ],
)
def test_generator_without_a_path(lines: str, how: str) -> None:
    body = lines if "    " in lines else lines.replace("\n", "\n    ")
    model = read(f"def g_step(D, G, z):\n    {body}\n")
    assert [detach.how for detach in model.detaches] == [how]


@pytest.mark.parametrize(
    "lines",
    [
        "fake = G(z)\nd_loss = D(fake.detach()).mean() - D(real).mean()\nd_loss.backward()\nopt_D.step()\n"
        "g_loss = -D(fake).mean()\ng_loss.backward()",
        "with torch.no_grad():\n    fake = G(z)\nd_loss = D(fake).mean() - D(real).mean()\nd_loss.backward()\n"
        "fake = G(z)\ng_loss = -D(fake).mean()\ng_loss.backward()",
        "fake = G(z)\ntarget = features(real).detach()\ng_loss = -D(fake).mean() + F.l1_loss(features(fake), target)\n"
        "g_loss.backward()",
    ],
)
def test_detaches_in_the_right_place(lines: str) -> None:
    body = "\n".join("    " + line for line in lines.splitlines())
    assert not read(f"def step(D, G, real, z, opt_D):\n{body}\n").detaches


# -- penalties

PENALTY = """
def gradient_penalty(critic, real, fake, weight=10.0):
    {before}
    alpha = torch.rand(real.size(0), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    grads = autograd.grad(outputs=critic(mixed).sum(), inputs=mixed{graph})[0]
    return weight * ((grads.norm(2, dim=1) - 1) ** 2).mean()
"""


@pytest.mark.parametrize(
    ("graph", "expected"),
    [(", create_graph=True", True), ("", False), (", create_graph=False", False), (", **options", None)],
)
def test_penalty(graph: str, expected: bool | None) -> None:
    (penalty,) = read(PENALTY.format(graph=graph, before="pass")).penalties
    assert penalty.create_graph is expected
    assert (penalty.weight, penalty.weight_text) == (10.0, "weight")


def test_penalty_by_an_imported_name() -> None:
    model = read(
        """
        from torch.autograd import grad as torch_grad

        def r1(scores, images):
            g = torch_grad(outputs=scores, inputs=images, grad_outputs=torch.ones_like(scores), create_graph=True)[0]
            return 10 * g.square().sum([1, 2, 3]).mean()
        """
    )
    assert [(penalty.create_graph, penalty.weight) for penalty in model.penalties] == [(True, 10.0)]


@pytest.mark.parametrize(
    "text",
    [
        "def sensitivity(net, x):\n    g = autograd.grad(net(x).sum(), x)[0]\n    return g",
        "grads = autograd.grad(loss, net.parameters())\nnorm = sum(g.norm() for g in grads)",
        "def path_length(G, w):\n    image = G(w)\n    g = autograd.grad(image.sum(), w, create_graph=True)[0]\n"
        "    return g.norm(2, dim=1).mean()",
    ],
)
def test_other_gradients_are_no_penalty(text: str) -> None:
    assert not read(text).penalties


def skips(before: str = "pass", after: str = "") -> list[PenaltySkip]:
    return list(read(PENALTY.format(graph=", create_graph=True", before=before) + dedent(after)).skips)


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ("if fake.numel() == 0:\n        return torch.tensor(0.0)", "empty"),
        ("if len(fake) == 0:\n        return torch.zeros(())", "empty"),
        ("if fake.shape[0] < 1: return 0.0", "empty"),
        ("if not weight:\n        return torch.zeros(1, device=real.device)", "zero weight"),
    ],
)
def test_penalty_that_returns_a_constant(before: str, kind: str) -> None:
    (skip,) = skips(before)
    assert skip.kind == kind and skip.condition and skip.result


STEP = """
parser = argparse.ArgumentParser()
parser.add_argument("--critic-steps", type=int, default={steps})
parser.add_argument("--gp-every", type=int, default={every})
parser.add_argument("--lambda-gp", type=float, default={weight})
args = parser.parse_args()

for i, real in enumerate(loader):
    for substep in range(args.critic_steps):
        fake = G(z)
        loss = critic(fake).mean() - critic(real).mean()
        if {condition}:
            loss = loss + gradient_penalty(critic, real, fake)
        loss.backward()
"""


@pytest.mark.parametrize(
    ("steps", "every", "weight", "condition", "expected"),
    [
        (2, 2, 10, "substep % args.gp_every == 0", [("interval", 2, True)]),
        (5, 2, 10, "substep % args.gp_every == 0", [("interval", 2, False)]),
        (5, 1, 10, "substep % args.gp_every == 0", []),
        (5, 4, 10, "args.lambda_gp > 0 and i % args.gp_every == 0", [("interval", 4, None)]),
        (5, 1, 0, "args.lambda_gp > 0", [("zero weight", None, None)]),
        (5, 1, 10, "args.lambda_gp > 0", []),
    ],
)
def test_penalty_under_a_condition(
    steps: int, every: int, weight: int, condition: str, expected: list[tuple[str, int | None, bool | None]]
) -> None:
    text = STEP.format(steps=steps, every=every, weight=weight, condition=condition)
    assert [(skip.kind, skip.every, skip.last_substep_skipped) for skip in skips(after=text)] == expected


def test_penalty_in_a_try() -> None:
    (skip,) = skips(
        after="""
        def add(loss, D, real, fake):
            try:
                loss = loss + gradient_penalty(D, real, fake)
            except RuntimeError:
                pass
            return loss
        """
    )
    assert (skip.kind, skip.condition) == ("except", "except RuntimeError")


def test_a_whole_critic_update_every_k_steps_is_no_skip() -> None:
    assert not skips(
        after="""
        for i, real in enumerate(loader):
            if i % 5 == 0:
                fake = G(z)
                loss = critic(fake).mean() - critic(real).mean() + gradient_penalty(critic, real, fake)
                loss.backward()
        """
    )


# -- optimizers and defaults


@pytest.mark.parametrize(
    ("line", "part", "lr", "betas", "momentum"),
    [
        ("optim.Adam(D.parameters(), lr=1e-4, betas=(0.0, 0.9))", "critic", 1e-4, (0.0, 0.9), None),
        ("torch.optim.Adam(generator.parameters(), 2e-4)", "generator", 2e-4, None, None),
        ("optim.SGD(netD.parameters(), lr=args.lr, momentum=args.momentum)", "critic", 1e-5, None, 0.5),
        ("optim.RMSprop(list(D.parameters()) + list(G.parameters()), lr=5e-5)", "other", 5e-5, None, None),
        ("optim.Adam(filter(lambda p: p.requires_grad, D.parameters()), lr=args.lr)", "critic", 1e-5, None, None),
        ("optim.AdamW(params, lr=lr)", "other", None, None, None),
        ("tf.keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)", "other", 1e-4, (0.5, 0.9), None),
    ],
)
def test_optimizer(
    line: str, part: str, lr: float | None, betas: tuple[float, float] | None, momentum: float | None
) -> None:
    model = read(
        f"""
import tensorflow as tf
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-5)
parser.add_argument("--momentum", type=float, default=0.5)
args = parser.parse_args()
made = {line}
"""
    )
    (optimizer,) = model.optimizers
    assert (optimizer.part, optimizer.lr, optimizer.betas, optimizer.momentum) == (part, lr, betas, momentum)


def test_optimizers_under_a_choice() -> None:
    model = read(
        """
        if args.optimizer == "sgd":
            opt_C = optim.SGD(crit.parameters(), lr=1e-5)
        else:
            opt_C = optim.Adam(crit.parameters(), lr=1e-4)
        """
    )
    assert [(one.name, one.part, one.choice) for one in model.optimizers] == [
        ("SGD", "critic", 'args.optimizer == "sgd"'),
        ("Adam", "critic", 'not (args.optimizer == "sgd")'),
    ]


def test_defaults() -> None:
    model = read(
        """
        from dataclasses import dataclass

        LAMBDA_GP = 10
        WIDTH = 64
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=1e-5)
        parser.add_argument("--optimizer", default="sgd", help="adam or sgd")
        parser.add_argument("--name", default="run")

        @dataclass
        class Config:
            batch_size: int = 64
            workers: int = 4

        def train(critic_steps=5, verbose=True):
            pass
        """
    )
    assert {(one.name, one.value, one.number, one.kind) for one in model.defaults} == {
        ("LAMBDA_GP", "10", 10.0, "constant"),
        ("lr", "1e-05", 1e-5, "option"),
        ("optimizer", "sgd", None, "option"),
        ("batch_size", "64", 64.0, "constant"),
        ("critic_steps", "5", 5.0, "parameter"),
    }


# -- networks


def test_parts_by_name_and_by_use() -> None:
    model = read(
        """
        class Scorer(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Linear(3, 1)

            def forward(self, x):
                return self.net(x)

        class Decoder(Scorer):
            pass

        class Embedding3D(nn.Module):
            def __init__(self):
                super().__init__()

        class TinyGenerator(nn.Module):
            def __init__(self):
                super().__init__()

        class DataGenerator:
            def __init__(self):
                pass

        critic = Scorer().to("cpu")
        net = Decoder()
        opt_G = optim.Adam(net.parameters())
        """
    )
    parts = {network.name: (network.part, network.why) for network in model.networks}
    assert parts == {
        "Scorer": ("critic", "held by critic"),
        "Decoder": ("generator", "trained by opt_G"),
        "Embedding3D": ("other", "no name or use tells"),
        "TinyGenerator": ("generator", "its name"),
    }


def test_layers() -> None:
    model = read(
        """
        from torch.nn.utils import spectral_norm as sn

        def block(a, b):
            return nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b))

        class Critic(nn.Module):
            def __init__(self, depth, norm=nn.InstanceNorm2d):
                super().__init__()
                self.first = nn.utils.spectral_norm(nn.Conv2d(3, 8, 3))
                layers = []
                for _ in range(depth):
                    layers.append(nn.Conv2d(8, 8, 3))
                    layers += [norm(8), nn.ReLU()]
                self.body = nn.Sequential(*layers)
                self.tail = block(8, 8)
                self.table = nn.ModuleDict({"a": nn.Linear(2, 2)})
                self.scale = nn.Parameter(torch.ones(1))
        """
    )
    (network,) = model.networks
    assert [(layer.attribute, layer.type, layer.normalizes, layer.learns) for layer in network.layers] == [
        ("first", "spectral_norm(Conv2d)", True, True),
        ("body", "Conv2d", False, True),
        ("body", "InstanceNorm2d", True, False),
        ("body", "ReLU", False, False),
        ("tail.0", "Linear", False, True),
        ("tail.1", "BatchNorm1d", True, False),
        ("table.a", "Linear", False, True),
    ]


CRITIC = """
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)
        {line}
"""


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("nn.init.xavier_normal_(self.net.weight)", "", True),
        ("self.net.weight.data.normal_(0, 0.02)", "", True),
        ("self.apply(weights_init)", "", True),
        ("pass", "critic = Critic()\ncritic.apply(weights_init)", True),
        ("pass", "critic = Critic()\nfor p in critic.parameters():\n    nn.init.normal_(p, 0.0, 0.02)", True),
        ("nn.init.constant_(self.net.bias, 0.5)", "", False),
        ("pass", "other.apply(weights_init)", False),
    ],
)
def test_initialized(line: str, after: str, expected: bool) -> None:
    (network,) = read(CRITIC.format(line=line) + after).networks
    assert (network.initialized is not None) is expected


@pytest.mark.parametrize(
    "target", ["1.0 if target_is_real else 0.0", "float(target_is_real)", "self.label(target_is_real)"]
)
def test_a_squared_distance_to_a_label_that_the_caller_chooses(target: str) -> None:
    model = read(f"""
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 1)

    def forward(self, x):
        return self.last(x)

class LSGANLoss(nn.Module):
    def forward(self, pred, target_is_real, is_disc=False):
        target = {target}
        loss = (pred - target).square().mean()
        return loss if is_disc else loss * 0.5

class Trainer:
    def __init__(self):
        self.net_g, self.net_d, self.cri_gan = Net(), Net(), LSGANLoss()
        self.optimizer_g = torch.optim.Adam(self.net_g.parameters())
        self.optimizer_d = torch.optim.Adam(self.net_d.parameters())

    def step(self, gt, z):
        output = self.net_g(z)
        l_g = self.cri_gan(self.net_d(output), True, is_disc=False)
        self.optimizer_g.zero_grad()
        l_g.backward()
        self.optimizer_g.step()
        self.optimizer_d.zero_grad()
        l_d_real = self.cri_gan(self.net_d(gt), True, is_disc=True)
        l_d_real.backward()
        l_d_fake = self.cri_gan(self.net_d(output.detach()), False, is_disc=True)
        l_d_fake.backward()
        self.optimizer_d.step()
""")
    assert model.sign_faults == ()
    for loss in model.losses:  # read right, or not at all
        assert (loss.part, loss.real_sign, loss.fake_sign) in {
            ("critic", -1, 1), ("critic", 0, 0), ("generator", 0, -1), ("generator", 0, 0),
        }  # fmt: skip
