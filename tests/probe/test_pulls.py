"""Which way each loss pulls the critic's scores: exact for a Wasserstein game, unknown where it cannot be told."""

from __future__ import annotations

from collections.abc import Callable

from programs import Done
from test_endings import GAME

SIDES = ("real", "fake")


def pulls(done: Done) -> dict[str, int | None]:
    """Which way each network is stepped to move the scores of each side: 1 up, -1 down."""
    return {f"{network} {side}": done.probe.pull(network, side) for network in "DG" for side in SIDES}


def test_the_critic_pulls_reals_up_and_fakes_down_and_the_generator_fakes_up(program: Callable[..., Done]) -> None:
    found = pulls(program(GAME + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found == {"D real": 1, "D fake": -1, "G real": None, "G fake": 1}


def test_maximize_turns_the_pull(program: Callable[..., Done]) -> None:
    text = GAME.replace(
        "torch.optim.Adam(D.parameters(), 1e-3)", "torch.optim.Adam(D.parameters(), 1e-3, maximize=True)"
    )
    found = pulls(program(text + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found == {"D real": -1, "D fake": 1, "G real": None, "G fake": 1}


def test_a_slope_penalty_on_reals_is_no_loss_of_their_scores(program: Callable[..., Done]) -> None:
    text = GAME.replace(
        "    loss = D(fake).mean() - D(real).mean()\n",
        "    real = real.requires_grad_(True)\n    out = D(real)\n"
        "    slope, = torch.autograd.grad(out.sum(), real, create_graph=True)\n"
        "    loss = D(fake).mean() - out.mean() + slope.square().sum(1).mean()\n",
    )
    found = pulls(program(text + "while True: step(torch.randn(16, 2))\n", "--no-plain", "--steps", "8"))
    assert found["D real"] == 1


def test_a_critic_that_is_stepped_on_both_losses_is_pulled_both_ways(program: Callable[..., Done]) -> None:
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
    found = pulls(program(text, "--no-plain", "--steps", "8"))
    assert (found["D real"], found["D fake"], found["G fake"]) == (1, 0, 1)
