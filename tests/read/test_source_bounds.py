"""Clamps, soft bounds, scales and weight clips in several styles of writing, each with a healthy look-alike."""

from __future__ import annotations

from functools import partial

import pytest
from source_text import inside, read_texts

from wganlint.source import Clamp, SourceModel

HEAD = """
import math
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


read = partial(read_texts, HEAD)


def critic(body: str, signature: str = "self, x", init: str = "") -> SourceModel:
    """Read a critic whose forward has this body; `h` is what its last layer gives."""
    lines = inside(body)
    setup = inside(init)
    return read(
        f"""
class Critic(nn.Module):
    def __init__(self, bound=50.0):
        super().__init__()
        self.bound = bound
        self.features = nn.Linear(3, 8)
        self.out = nn.Linear(8, 1)
{setup}

    def forward({signature}):
        h = self.out(self.features(x))
{lines}
"""
    )


def on(model: SourceModel, kind: str) -> list[Clamp]:
    return [clamp for clamp in model.clamps if clamp.on == kind]


@pytest.mark.parametrize(
    ("body", "low", "high"),
    [
        ("return torch.clamp(h, -1000, 1000)", -1000, 1000),
        ("return torch.clamp(h, min=-1e3, max=1e3)", -1000, 1000),
        ("return h.squeeze(-1).clamp(-5, 5)", -5, 5),
        ("h = h / math.sqrt(len(x))\nh = torch.nan_to_num(h)\nh = h.clamp(-7.0, 7.0)\nreturn h.view(-1)", -7, 7),
        ("h.clamp_(-9, 9)\nreturn h", -9, 9),
        ("return F.hardtanh(h, -20, 20)", -20, 20),
        ("return torch.clip(h, -2.5, 2.5)", -2.5, 2.5),
        ("return h.clamp_max(30)", None, 30),
        ("return torch.minimum(torch.maximum(h, torch.tensor(-4.0)), torch.tensor(4.0))", -4, 4),
        ("return torch.clamp(h, -self.bound, self.bound)", -50, 50),
        ("return F.relu6(h)", 0, 6),
    ],
)
def test_hard_bound_on_the_score(body: str, low: float | None, high: float | None) -> None:
    (clamp,) = on(critic(body), "score")
    assert (clamp.low, clamp.high, clamp.soft) == (low, high, False)
    assert clamp.owner == "Critic.forward"


@pytest.mark.parametrize(
    "body",
    [
        "return self.out(self.features(x.clamp(-1, 1)))",  # an input
        "n = torch.tensor(len(x)).clamp(min=1)\nreturn h / n",  # a divisor
        "return torch.sqrt(torch.clamp(h ** 2 + 1, min=1e-7)).transpose(0, 1)",  # an epsilon ahead of a root
        "return h.pow(2).clamp(min=1e-12).sqrt()",
        "return torch.log(h.exp().clamp_min(1e-8))",
        "return x.sum() / h.abs().clamp(min=1e-6)",
        "mask = x[:, :1].clamp(0, 1)\nreturn h * mask",  # a mask
        "w = torch.softmax(h, 0).log().clamp(min=-5).exp().detach()\nreturn h",  # never returned
        "i = x[:, 0].long().clamp(0, 3)\nreturn h[i]",  # an index
        "return h",
    ],
)
def test_other_clamps_in_a_critic_are_not_on_the_score(body: str) -> None:
    assert not on(critic(body), "score")


def test_clamp_between_layers_is_on_features() -> None:
    model = critic("y = self.features(x).clamp(-10, 10)\nreturn self.out(y)")
    (clamp,) = model.clamps
    assert clamp.on == "features"


def test_clamp_in_a_method_that_forward_calls() -> None:
    model = read(
        """
        class Disc(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))

            def limit(self, s):
                return torch.clamp(s, -100.0, 100.0)

            def forward(self, x):
                return self.limit(self.net(x))
        """
    )
    (clamp,) = model.clamps
    assert (clamp.on, clamp.low, clamp.high) == ("score", -100, 100)


def test_bound_is_resolved_through_constructor_and_option() -> None:
    model = read(
        """
        class Critic(nn.Module):
            def __init__(self, bound=10.0):
                super().__init__()
                self.bound = bound
                self.out = nn.Linear(2, 1)

            def forward(self, x):
                return self.out(x).clamp(-self.bound, self.bound)
        """,
        """
        import argparse
        from file0 import Critic
        parser = argparse.ArgumentParser()
        parser.add_argument("--score-clamp", type=float, default=250.0)
        args = parser.parse_args()
        critic = Critic(bound=args.score_clamp)
        """,
    )
    (clamp,) = model.clamps
    assert (clamp.low, clamp.high) == (-250, 250)
    assert "self.bound" in clamp.resolved and "--score-clamp" in clamp.resolved


def test_bound_that_nobody_knows_is_none() -> None:
    (clamp,) = on(critic("return torch.clamp(h, -limit, limit)", "self, x, limit"), "score")
    assert clamp.low is None and clamp.high is None


def test_two_callers_that_disagree_leave_the_bound_open() -> None:
    model = read(
        """
        class Critic(nn.Module):
            def __init__(self, bound=10.0):
                super().__init__()
                self.bound = bound
                self.out = nn.Linear(2, 1)

            def forward(self, x):
                return self.out(x).clamp(-self.bound, self.bound)

        first, second = Critic(1.0), Critic(2.0)
        """
    )
    (clamp,) = model.clamps
    assert clamp.high is None


@pytest.mark.parametrize(
    ("body", "low", "high"),
    [
        ("return 100.0 * torch.tanh(h / 100.0)", -100, 100),
        ("return torch.tanh(h)", -1, 1),
        ("return self.bound * torch.tanh(h / self.bound)", -50, 50),
        ("return torch.sigmoid(h)", 0, 1),
    ],
)
def test_soft_bound_on_the_score(body: str, low: float, high: float) -> None:
    (clamp,) = on(critic(body), "score")
    assert (clamp.low, clamp.high, clamp.soft) == (low, high, True)


def test_last_module_of_a_critic_bounds_the_score() -> None:
    text = """
        class Discriminator(nn.Module):
            def __init__(self):
                super().__init__()
                self.main = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), {last})

            def forward(self, x):
                return self.main(x).view(-1)
        """
    (clamp,) = read(text.format(last="nn.Sigmoid()")).clamps
    assert (clamp.on, clamp.soft, clamp.low, clamp.high) == ("score", True, 0, 1)
    (clamp,) = read(text.format(last="nn.Hardtanh(-3, 3)")).clamps
    assert (clamp.on, clamp.soft, clamp.low, clamp.high) == ("score", False, -3, 3)
    assert not read(text.format(last="nn.Flatten()")).clamps  # the Tanh between layers bounds no score


def test_tanh_of_a_generator_is_no_bound() -> None:
    model = read(
        """
        class Generator(nn.Module):
            def __init__(self):
                super().__init__()
                self.main = nn.Sequential(nn.Linear(2, 4), nn.Tanh())

            def forward(self, z):
                return self.main(z)
        """
    )
    assert not model.clamps


def test_clamp_of_the_score_where_it_is_used() -> None:
    model = read(
        """
        def step(critic, generator, real, z, opt_c):
            fake_score = critic(generator(z).detach()).clamp(-100, 100)
            loss = fake_score.mean() - critic(real).mean()
            loss = torch.clamp(loss, -10.0, 10.0)
            loss.backward()
            with torch.no_grad():
                shown = critic(real).clamp(-1, 1)
        """
    )
    assert [(clamp.on, clamp.high) for clamp in model.clamps] == [("score", 100), ("loss", 10), ("other", 1)]


@pytest.mark.parametrize(
    "line",
    [
        "loss = torch.clamp(1 - critic(real), min=0).mean()",
        "loss = (1 + critic(fake)).clamp(min=0).mean()",
        "loss = F.relu(1 - critic(real)).mean()",
        "loss = -torch.log(torch.sigmoid(critic(real)).clamp(min=1e-7)).mean()",
        "loss = (0.5 * logvar.clamp(-10, 10).exp()).mean()",
    ],
)
def test_hinge_and_guards_are_no_bounds(line: str) -> None:
    model = read(f"def step(critic, real, fake, logvar):\n    {line}\n    loss.backward()\n")
    assert all(clamp.on == "other" for clamp in model.clamps)


def test_clamped_gradient_norm_is_on_the_norm() -> None:
    model = read(
        """
        def gradient_penalty(critic, mixed):
            grads = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
            norm = grads.flatten(1).norm(2, dim=1).clamp(max=10.0)
            return ((norm - 1) ** 2).mean()
        """
    )
    (clamp,) = model.clamps
    assert (clamp.on, clamp.high) == ("norm", 10)


@pytest.mark.parametrize(
    ("line", "bound"),
    [
        ("p.data.clamp_(-0.01, 0.01)", 0.01),
        ("p.data = p.data.clamp(-c, c)", 0.05),
        ("p.data.copy_(torch.clamp(p.data, -CLIP, CLIP))", 0.02),
        ("p.clamp_(-0.03, 0.03)", 0.03),
    ],
)
def test_clipped_weights(line: str, bound: float) -> None:
    model = read(f"CLIP = 0.02\n\ndef clip(critic, c=0.05):\n    for p in critic.parameters():\n        {line}\n")
    assert [clip.bound for clip in model.clips] == [bound]
    assert not model.clamps


def test_clamp_in_another_loop_is_no_weight_clip() -> None:
    model = read("for p in batches:\n    p.clamp_(-1, 1)\n")
    assert not model.clips


@pytest.mark.parametrize(
    ("body", "signature", "kind"),
    [
        ("return h / math.sqrt(len(x))", "self, x", "batch"),
        ("return h / x.size(0)", "self, x", "batch"),
        ("return h / max(1.0, float(batch_size) ** 0.5)", "self, x, batch_size", "batch"),
        ("b = x.shape[0]\nh = h.div(np.sqrt(b))\nreturn h", "self, x", "batch"),
        ("return h * (1.0 / math.sqrt(x.shape[0]))", "self, x", "batch"),
        ("return h / self.running_scale", "self, x", "running"),
        ("s = h.abs().mean().item()\nreturn h / s", "self, x", "running"),
    ],
)
def test_rescaled_score(body: str, signature: str, kind: str) -> None:
    (scale,) = critic(body, signature).scales
    assert scale.kind == kind and scale.divisor


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        ("return h / 10.0", "self, x"),
        ("return h / math.sqrt(self.features.in_features)", "self, x"),
        ("return h / self.temperature", "self, x"),
        ("y = x / x.size(0)\nreturn self.out(self.features(y))", "self, x"),
        ("return h * (1 / np.sqrt(x.shape[1]))", "self, x"),
    ],
)
def test_fixed_scales_are_fine(body: str, signature: str) -> None:
    assert not critic(body, signature).scales
