"""Healthy programs in the styles of other hands: nothing is called dead, and sides are told as they are."""

from __future__ import annotations

from collections.abc import Callable

from programs import Done
from test_endings import GAME

FROZEN_FIRST = (
    GAME.replace("nn.Linear(8, 1))", "nn.utils.spectral_norm(nn.Linear(8, 1)))").replace(
        "nn.Linear(8, 2))", "nn.utils.parametrizations.weight_norm(nn.Linear(8, 2)))"
    )
    + """
def wants(net, yes):
    for one in net.parameters():
        one.requires_grad_(yes)
def penalty(real, fake):
    mixed = torch.lerp(real, fake, torch.rand(len(real), 1)).requires_grad_(True)
    (slope,) = torch.autograd.grad(D(mixed).sum(), mixed, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()
while True:
    real = torch.randn(16, 2)
    wants(D, False); wants(G, True)
    opt_G.zero_grad(set_to_none=False)
    torch.autograd.backward(-D(G(torch.randn(16, 4))).mean())
    opt_G.step()
    wants(D, True); wants(G, False)
    opt_D.zero_grad(set_to_none=False)
    fake = G(torch.randn(16, 4))
    D(real).mean().neg().backward()
    (D(fake).mean() + 10 * penalty(real, fake)).backward()
    opt_D.step()
"""
)


def test_networks_that_are_frozen_at_first_and_normalized_weights(program: Callable[..., Done]) -> None:
    done = program(FROZEN_FIRST, "--steps", "8")
    assert done.code == 0, done.out
    probe = done.probe
    assert probe.unchanged is True
    roles = {one.name: (one.role, one.sure, one.calls) for one in probe.networks}
    assert roles == {
        "G": ("generator", "high", {"": 8}),
        "D": ("critic", "high", {"real": 4, "fake": 8, "mixed": 4}),
    }
    assert probe.dead("G") == probe.dead("D") == ()
    losses = {
        (one.network, one.loss.text.split("(")[0], one.calls)
        for one in probe.gradients
        if one.stepped and not one.module and one.loss
    }
    assert losses == {("G", "torch.autograd.backward", 4), ("D", "D", 4), ("D", "", 4)}
    (penalty,) = probe.penalties
    assert (penalty.function, penalty.calls, penalty.ran, penalty.graph) == ("penalty", 4, 4, 4)
    assert {one.side for one in probe.slopes} == {"real", "fake", "mixed"}
    assert probe.strays == ()
    assert probe.origins == ()
    trials = {one.name: one for one in probe.trials}
    assert trials["generator-alone"].works is True
    assert "cannot be copied" in trials["critic-alone"].why_not
    assert probe.gaps == ()


WRONG = (
    GAME.replace("Adam(D.parameters(), 1e-3)", "Adam(G.parameters(), 1e-3)")
    + """
for n in range(9):
    step(torch.randn(16, 2))
"""
)


def test_parameters_in_two_optimizers_and_in_none(program: Callable[..., Done]) -> None:
    done = program(WRONG, "--no-plain", "--steps", "8")
    strays = {(one.network, one.module): one.optimizers for one in done.probe.strays}
    assert strays == {("D", ""): (), ("G", ""): ("opt_D", "opt_G")}


NAN = (
    GAME
    + """
for n in range(9):
    real = torch.randn(16, 2)
    real[:3] = 0.0
    real = real / real.norm(dim=1, keepdim=True)
    real = torch.where(torch.isnan(real), torch.zeros_like(real), real)
    step(real)
"""
)


def test_a_masked_nan_is_counted_and_its_origin_named(program: Callable[..., Done]) -> None:
    done = program(NAN, "--no-plain", "--steps", "8")
    probe = done.probe
    (guard,) = probe.guards
    assert guard.op == "where"
    assert (guard.sides[0].first_elements, guard.sides[0].first_hit) == (32, 6)
    (origin,) = probe.origins
    assert origin.line is not None
    assert origin.line.text == "real = real / real.norm(dim=1, keepdim=True)"
    assert (origin.direction, origin.values, origin.step, origin.first) == ("forward", "nan", 1, True)
    assert origin.elements == 4 * 6
