"""Decisive experiments of the probe on small programs with one fault each, and on the same program without it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import Done

from wganlint import Finding, analyze

GAME = """
import torch
from torch import nn
torch.manual_seed(1)
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.kinds = nn.Embedding(3, 4)
        self.net = nn.Sequential(nn.Linear(4 + 4, 16), nn.ReLU(), nn.Linear(16, 2))
    def forward(self, z, labels):
        x = torch.cat([z, self.kinds(labels)], dim=1)
        return self.net(x)
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2 + 3, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    def forward(self, x, labels):
        return self.net(torch.cat([x, nn.functional.one_hot(labels, 3)], dim=1))
G, D = Generator(), Critic()
opt_G, opt_D = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
z = torch.randn(32, 4)
def noise():
    return torch.randn(32, 4)
while True:
    labels = torch.randint(3, (32,))
    real = torch.randn(32, 2) + labels[:, None]
    fake = G(noise(), labels).detach()
    loss = D(fake, labels).mean() - D(real, labels).mean()
    opt_D.zero_grad(); loss.backward(); opt_D.step()
    loss = -D(G(noise(), labels), labels).mean()
    opt_G.zero_grad(); loss.backward(); opt_G.step()
"""


def found(folder: Path) -> dict[str, Finding]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        return {finding.code: finding for finding in analyze(Path("probe.json")).findings}
    finally:
        os.chdir(here)


def changed(done: Done) -> dict[str, bool]:
    return {one.argument: one.changed > 0 for one in done.probe.uses}


def test_a_sound_game_follows_noise_and_condition(program: Callable[..., Done]) -> None:
    done = program(GAME)
    probe = done.probe
    assert probe.unchanged is True
    assert {one.argument: one.kind for one in probe.uses} == {"z": "noise", "labels": "condition"}
    assert changed(done) == {"z": True, "labels": True}
    assert probe.varieties[0].samples == 32
    assert probe.varieties[0].alike == 1
    pulls = {(one.network, one.side): (one.up, one.down) for one in probe.pulls}
    assert pulls == {("D", "real"): (320, 0), ("D", "fake"): (0, 320), ("G", "fake"): (320, 0)}
    assert not {"GAN005", "GAN006", "GP002", "ARC004"} & set(found(done.folder))


@pytest.mark.parametrize(
    ("before", "after", "title"),
    [
        ("return self.net(x)", "return self.net(x * (torch.arange(8) >= 4))", "G ignores its noise: `z` changes none of 64"),
        ("return self.net(x)", "return self.net(x * (torch.arange(8) < 4))", "G ignores its condition: `labels` changes none"),
        ("    return torch.randn(32, 4)", "    return z", "G is given the same noise at each step: `z` held"),
    ],
)  # fmt: skip
def test_what_the_generator_ignores_is_named(before: str, after: str, title: str, program: Callable[..., Done]) -> None:
    assert GAME.count(before) == 1
    done = program(GAME.replace(before, after), "--no-plain")
    findings = found(done.folder)
    assert findings["GAN006"].title.startswith(title), findings["GAN006"].title
    assert str(findings["GAN006"].confidence) == "high"


def test_samples_that_are_all_the_same(program: Callable[..., Done]) -> None:
    text = GAME.replace("return self.net(x)", "return self.net(torch.relu(x - 100))")
    finding = found(program(text, "--no-plain").folder)["GAN006"]
    assert str(finding.severity) == "high"
    assert "all 32 samples of its last probed batch are the same" in finding.title


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"loss = -D(G(": "loss = D(G("}, "the generator helps the critic: the losses of both lower the scores"),
        ({"loss = D(fake, labels).mean() - D(real, labels).mean()": "loss = D(real, labels).mean() - D(fake, labels).mean()",
          "Adam(D.parameters(), 1e-3)": "Adam(D.parameters(), 1e-3, maximize=True)"}, ""),
        ({"loss = D(fake, labels).mean() - D(real, labels).mean()":
          "loss = ((D(real, labels) - 1) ** 2).mean() + (D(fake, labels) ** 2).mean()",
          "loss = -D(G(noise(), labels), labels).mean()": "loss = ((D(G(noise(), labels), labels) - 1) ** 2).mean()"}, ""),
    ],
)  # fmt: skip
def test_the_sign_of_a_loss_is_read_off_its_gradient(
    change: dict[str, str], code: str, program: Callable[..., Done]
) -> None:
    text = GAME
    for before, after in change.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    findings = found(program(text, "--no-plain").folder)
    if code:
        assert findings["GAN005"].title.startswith(code)
        assert (str(findings["GAN005"].severity), str(findings["GAN005"].confidence)) == ("high", "high")
    else:
        assert "GAN005" not in findings


def test_gradients_that_are_not_finite_are_counted_where_they_pass_a_guard(program: Callable[..., Done]) -> None:
    """A root of 0 behind a guard makes NaN in backward, and the guard hands them on."""
    root = "y = torch.nan_to_num(self.net(x))\n        root = (0 * y).sqrt()\n        return y + 0 * root"
    done = program(GAME.replace("return self.net(x)", root), "--no-plain", "--steps", "2")
    (guard,) = done.probe.guards
    assert [(one.hit, one.elements) for one in guard.sides] == [(0, 128)]
    assert guard.backward is not None
    assert (guard.backward.hit, guard.backward.elements) == (64, 64)
    finding = found(done.folder)["NUM002"]
    assert finding.title == "gradients that are not finite pass the NaN guards: 64 of 64 elements in 2 probed steps"


def test_the_rate_in_force_is_held_against_the_printed_one(program: Callable[..., Done]) -> None:
    said = GAME.replace("z = torch.randn(32, 4)\n", "print('Namespace(batch=32, lr=0.01, seed=1)', flush=True)\n")
    done = program(said, "--no-plain", "--steps", "4")
    assert [(one.name, one.value) for one in done.probe.printed] == [("lr", "0.01")]
    finding = found(done.folder)["LOG003"]
    assert finding.title == "the program prints lr=0.01, but opt_D steps with 0.001"
    assert str(finding.severity) == "medium"
    assert "10x apart" in " ".join(statement.text for statement in finding.statements)


def test_a_schedule_that_starts_from_the_printed_rate_is_no_contradiction(program: Callable[..., Done]) -> None:
    said = GAME.replace(
        "z = torch.randn(32, 4)\n",
        """print('Namespace(batch=32, lr=0.001, seed=1)', flush=True)
slow = [torch.optim.lr_scheduler.LambdaLR(one, lambda epoch: 0.1) for one in (opt_G, opt_D)]
""",
    )
    done = program(said, "--no-plain", "--steps", "4")
    assert [(one.rates, one.bases, one.constant) for one in done.probe.optimizers] == [((1e-4,), (1e-3,), True)] * 2
    assert [(one.name, one.number) for one in done.probe.printed] == [("lr", 0.001)]
    assert "LOG003" not in found(done.folder)


def test_gradients_that_are_cleared_before_the_step(program: Callable[..., Done]) -> None:
    before = "opt_G.zero_grad(); loss.backward(); opt_G.step()"
    assert GAME.count(before) == 1
    done = program(GAME.replace(before, "loss.backward(); opt_G.zero_grad(); opt_G.step()"), "--no-plain")
    finding = found(done.folder)["OPT005"]
    assert finding.title == "opt_G moves nothing: no weight changed at any of its 10 probed steps"
    assert (str(finding.severity), str(finding.confidence)) == ("high", "high")
