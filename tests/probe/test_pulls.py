"""Which way each loss pulls the critic's scores: exact for a Wasserstein game, unknown where it cannot be told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from programs import Done
from test_endings import GAME

SIDES = ("real", "fake")


def pulls(done: Done) -> dict[tuple[str, tuple[str, ...]], tuple[int, int, float]]:
    return {(one.side, one.stepped): (one.up, one.down, one.mean) for one in done.probe.pulls}


def test_the_critic_pulls_reals_up_and_fakes_down_and_the_generator_fakes_up(program: Callable[..., Done]) -> None:
    found = pulls(program(GAME + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found == {
        ("real", ("D",)): (4, 0, pytest.approx(-1)),
        ("fake", ("D",)): (0, 4, pytest.approx(1)),
        ("fake", ("G",)): (3, 0, pytest.approx(-1)),  # the last step is not followed by a loss
    }


def test_maximize_turns_the_pull(program: Callable[..., Done]) -> None:
    text = GAME.replace(
        "torch.optim.Adam(D.parameters(), 1e-3)", "torch.optim.Adam(D.parameters(), 1e-3, maximize=True)"
    )
    found = pulls(program(text + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found["real", ("D",)][:2] == (0, 4)
    assert found["fake", ("G",)][:2] == (3, 0)


def test_a_slope_penalty_on_reals_is_no_loss_of_their_scores(program: Callable[..., Done]) -> None:
    text = GAME.replace(
        "    loss = D(fake).mean() - D(real).mean()\n",
        "    real = real.requires_grad_(True)\n    out = D(real)\n"
        "    slope, = torch.autograd.grad(out.sum(), real, create_graph=True)\n"
        "    loss = D(fake).mean() - out.mean() + slope.square().sum(1).mean()\n",
    )
    found = pulls(program(text + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found["real", ("D",)] == (4, 0, pytest.approx(-1))


def test_two_steps_behind_two_losses_leave_it_unknown(program: Callable[..., Done]) -> None:
    text = (
        GAME.partition("def step")[0]
        + """
def step(real):
    made = G(torch.randn(len(real), 4))
    d_loss = D(made.detach()).mean() - D(real).mean()
    g_loss = -D(made).mean()
    opt_D.zero_grad(); opt_G.zero_grad()
    d_loss.backward(); g_loss.backward()
    opt_D.step(); opt_G.step()
while True: step(torch.randn(16, 2))
"""
    )
    assert pulls(program(text, "--no-plain", "--steps", "8")) == {}
