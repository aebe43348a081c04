"""Which discriminator plays which generator, and the loss family that the numbers of a game give away."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from wganlint.analysis import load_runs
from wganlint.run import Run


def noise(at: int, seed: int = 0) -> float:
    """Return a number in [0, 1) that looks random."""
    return ((at * 7919 + seed * 104729 + 13) % 1000) / 1000


def run_of(folder: Path, line: Callable[[int], str], records: int = 40, header: str = "") -> Run:
    log = folder / "train.log"
    log.write_text(header + "".join(f"{line(at)}\n" for at in range(records)), encoding="utf-8")
    (run,) = load_runs(log)
    return run


def games(run: Run) -> dict[str, dict[str, str]]:
    return {
        pair.label: {role: s.key for role in pair.series if (s := run.played(pair, role)) is not None}
        for pair in run.pairs
    }


def test_two_discriminators_are_two_games(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        lambda at: (
            f"(epoch: {at}, iters: 100, time: 0.3) D_A: {0.2 + noise(at):.3f} G_A: 0.{at + 10} cycle_A: 1.{at}"
            f" D_B: {0.3 + noise(at, 1):.3f} G_B: 0.{at + 11} cycle_B: 2.{at}"
        ),
    )
    assert games(run) == {
        "A": {"critic_loss": "D_A", "generator_loss": "G_A"},
        "B": {"critic_loss": "D_B", "generator_loss": "G_B"},
    }
    assert not run.roles
    assert run.auxiliary == ("cycle_A", "cycle_B")


def test_numbered_discriminators_beside_one_generator(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: f"step={at} D1_loss=0.7{at} D2_loss=0.6{at} G_loss=1.{at}")
    assert games(run) == {"1": {"critic_loss": "D1_loss"}, "2": {"critic_loss": "D2_loss"}}


def test_halves_of_a_loss_and_the_adversarial_term_are_one_game(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        lambda at: (
            f"step={at} loss_G={9 + noise(at):.3f} loss_G_GAN={1 + noise(at):.3f} G_L1={8 - at / 40:.3f} "
            f"loss_D_real={0.5 + noise(at):.3f} loss_D_fake={0.4 + noise(at):.3f}"
        ),
    )
    assert games(run) == {
        "": {"critic_loss_real": "loss_D_real", "critic_loss_fake": "loss_D_fake", "generator_loss": "loss_G_GAN"}
    }
    assert "G_L1" in run.auxiliary


def test_a_score_by_player_and_accuracy_count_beside_a_loss(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: f"step={at} Loss_D=0.9{at} Loss_G=0.7{at} Score_D=0.6{at} Score_G=0.3{at}")
    assert games(run)[""] == {
        "critic_loss": "Loss_D", "generator_loss": "Loss_G", "real_score": "Score_D", "fake_score": "Score_G"
    }  # fmt: skip
    run = run_of(tmp_path, lambda at: f"{at} [D loss: 0.6{at}, acc.: 7{at % 10}.00%] [G loss: 0.9{at}]")
    assert games(run)[""]["critic_accuracy"] == "acc."
    assert run_of(tmp_path, lambda at: f"step={at} loss=0.6{at} acc=0.7{at}").pairs == ()


def hinge(at: int) -> tuple[float, float]:
    f = -0.9 + 1.4 * noise(at, 3)
    return max(1 - 0.2 * noise(at), 0) + max(1 + f, 0.0), -f


def bce(at: int) -> tuple[float, float]:
    d = 0.3 + 0.2 * noise(at)
    return -math.log(0.7) - math.log(1 - d), -math.log(d)


@pytest.mark.parametrize(
    ("line", "header", "family", "why"),
    [
        (lambda at: "d_loss={:.4f} g_loss={:.4f}".format(*hinge(at)), "", "hinge", "stays above 1"),
        (lambda at: f"d_loss={1.386 - at / 60:.4f} g_loss={0.693 + at / 50:.4f}", "", "bce", "starts near 2 ln 2"),
        (lambda at: f"d_loss={0.693 - at / 90:.4f} g_loss={0.693 + at / 50:.4f}", "", "bce", "starts near ln 2"),
        (lambda at: "d_loss={:.4f} g_loss={:.4f}".format(*bce(at)), "", "not-wasserstein", "is ever negative"),
        (lambda at: "d_loss=50.0 g_loss=0.0", "", "bce", "where a log loss ends"),
        (lambda at: f"d_loss={0.2 + noise(at):.3f} g_loss={noise(at):.3f}", "Config: gan_mode=lsgan\n", "lsgan",
         "gan_mode is stated as lsgan"),
        (lambda at: f"D_real={0.2 + noise(at):.3f} D_fake={noise(at):.3f} G_GAN={1 + noise(at):.3f}", "",
         "not-wasserstein", "both halves"),
        (lambda at: "d_loss=0.000000 d_loss_real=0.000100 d_loss_fake=0.000100 g_loss=0.0001", "", "wgan",
         "the difference of its halves"),
        (lambda at: f"d_loss={9.4 + noise(at) / 4:.4f} g_loss={0.1 + noise(at):.4f}", "Gradient penalty: lambda=10.0\n",
         "wgan-gp", "starts at the weight of a gradient penalty"),
        (lambda at: f"d_loss={1.9 - 0.01 * noise(at):.4f} g_loss={0.1 + 0.02 * noise(at):.4f}", "", "hinge",
         "no log loss is that small"),
        (lambda at: f"d_loss={1 - noise(at) / 40 + 0.6 * 0:.4f} g_loss=1.0002", "", "unknown", "never negative"),
        (lambda at: f"d_loss={5e5 + at:.1f} g_loss={-4e5 - at:.1f}", "", "unknown", "never negative"),
    ],
)  # fmt: skip
def test_the_numbers_tell_the_family(
    tmp_path: Path, line: Callable[[int], str], header: str, family: str, why: str
) -> None:
    run = run_of(tmp_path, lambda at: f"step={at} {line(at)}", header=header)
    assert run.family.name == family
    assert why in run.family.why


def test_few_records_tell_less(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: "step={} d_loss={:.4f} g_loss={:.4f}".format(at, *bce(at)), records=8)
    assert run.family.name == "unknown"


SOURCE = """
import torch, torch.nn as nn, torch.nn.functional as F
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(4, 2)
    def forward(self, z):
        return self.l(z)
class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(2, 1)
    def forward(self, x):
        return self.l(x)
G, D = Generator(), Discriminator()
opt_d, opt_g = torch.optim.Adam(D.parameters()), torch.optim.Adam(G.parameters())
for real in data:
    fake = G(torch.randn(8, 4))
    d_loss = LOSS
    opt_d.zero_grad(); d_loss.backward(); opt_d.step()
    g_loss = -D(G(torch.randn(8, 4))).mean()
    opt_g.zero_grad(); g_loss.backward(); opt_g.step()
"""


@pytest.mark.parametrize(
    ("loss", "family"),
    [
        ("F.relu(1.0 - D(real)).mean() + F.relu(1.0 + D(fake.detach())).mean()", "hinge"),
        ("torch.relu(1 - D(real)).mean() + torch.relu(1 + D(fake.detach())).mean()", "hinge"),
        ("(1 - D(real)).clamp(min=0).mean() + (1 + D(fake.detach())).clamp(min=0).mean()", "hinge"),
        ("D(fake.detach()).mean() - D(real).mean()", "wgan"),
    ],
)
def test_the_discriminators_half_tells_a_hinge_loss_in_source(tmp_path: Path, loss: str, family: str) -> None:
    (tmp_path / "train.py").write_text(SOURCE.replace("LOSS", loss), encoding="utf-8")
    (run,) = load_runs([tmp_path])
    assert run.family.name == family
