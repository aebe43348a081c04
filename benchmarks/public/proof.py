"""What the bugs of known.toml do, each shown in isolation: `python benchmarks/public/proof.py` prints both figures.

Each test returns (as it should be, with the bug); judged.toml and known.toml name them. Own code, a few lines each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def _penalty(critic: nn.Module, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_(True)
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return slopes


def penalty_axis() -> tuple[float, float]:
    """The slope of a critic of 1x16x16 pictures whose penalty is 0: norm over all axes, or over the channels only."""

    def slope(norm: Callable[[Tensor], Tensor]) -> float:
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Flatten(), nn.Linear(256, 1))
        optimizer = torch.optim.Adam(critic.parameters(), 3e-2)
        for _ in range(150):
            slopes = _penalty(critic, torch.randn(16, 1, 16, 16))
            optimizer.zero_grad()
            (norm(slopes) - 1).square().mean().backward()
            optimizer.step()
        return float(_penalty(critic, torch.randn(4, 1, 16, 16)).flatten(1).norm(dim=1).mean().detach())

    return slope(lambda g: g.flatten(1).norm(dim=1)), slope(lambda g: g.norm(dim=1))


def generator_sign() -> tuple[float, float]:
    """How far a generator of points ends from the data: against a critic that scores fakes high it must descend D."""

    def distance(sign: float) -> float:
        torch.manual_seed(0)
        critic, generator = nn.Linear(1, 1), nn.Linear(1, 1)
        slow = [torch.optim.RMSprop(one.parameters(), 2e-2) for one in (critic, generator)]
        for _ in range(75):
            for _ in range(5):
                for weight in critic.parameters():
                    weight.data.clamp_(-0.01, 0.01)
                slow[0].zero_grad()
                fakes = generator(torch.randn(64, 1)).detach()
                (critic(torch.randn(64, 1) * 0.1 + 3).mean() - critic(fakes).mean()).backward()
                slow[0].step()
            slow[1].zero_grad()
            (sign * critic(generator(torch.randn(64, 1))).mean()).backward()
            slow[1].step()
        return abs(float(generator(torch.randn(512, 1)).detach().mean()) - 3)

    return distance(1.0), distance(-1.0)


def sigmoid_critic() -> tuple[float, float]:
    """The gradient that reaches a fake far from the data, after the critic has learnt to tell both sides apart."""

    def gradient(*last: nn.Module) -> float:
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1), *last)
        optimizer = torch.optim.Adam(critic.parameters(), 3e-2)
        fakes = torch.randn(64, 1) * 0.1 - 3
        for _ in range(200):
            real = torch.randn(64, 1) * 0.1 + 3
            slopes = _penalty(critic, torch.rand(64, 1) * 6 - 3)
            optimizer.zero_grad()
            penalty = 10 * (slopes.norm(dim=1) - 1).square().mean() if not last else torch.zeros(())
            (critic(fakes).mean() - critic(real).mean() + penalty).backward()
            optimizer.step()
        return float(_penalty(critic, fakes).abs().mean().detach())

    return gradient(), gradient(nn.Sigmoid())


def batchnorm_mixes_samples() -> tuple[float, float]:
    """How much the slope at one sample depends on the others of its batch."""

    def change(*layers: nn.Module) -> float:
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(4, 16), *layers, nn.ReLU(), nn.Linear(16, 1))
        one, rest, other = torch.randn(1, 4), torch.randn(7, 4), torch.randn(7, 4) * 5
        first, second = (_penalty(critic, torch.cat([one, beside]))[0].detach() for beside in (rest, other))
        return float((first - second).norm() / first.norm())

    return change(nn.LayerNorm(16)), change(nn.BatchNorm1d(16))


def detached_generator() -> tuple[float, float]:
    """The gradient that the generator gets from its adversarial loss."""

    def gradient(cut: bool) -> float:
        torch.manual_seed(0)
        critic, generator = nn.Linear(2, 1), nn.Linear(2, 2)
        fakes = generator(torch.randn(8, 2))
        loss = -critic(fakes.detach() if cut else fakes).mean()
        loss.backward()
        return 0.0 if generator.weight.grad is None else float(generator.weight.grad.norm())

    return gradient(False), gradient(True)


def loss_without_backward() -> tuple[float, float]:
    """The accuracy of a discriminator whose loss is computed, with and without the call of backward()."""

    def accuracy(used: bool) -> float:
        torch.manual_seed(0)
        critic = nn.Linear(1, 1)
        optimizer = torch.optim.Adam(critic.parameters(), 3e-2)
        real, fakes = torch.randn(256, 1) + 2, torch.randn(256, 1) - 2
        with torch.no_grad():
            critic.weight.fill_(-0.5)  # wrong at first
        for _ in range(100):
            loss = nn.functional.softplus(-critic(real)).mean() + nn.functional.softplus(critic(fakes)).mean()
            penalty = (_penalty(critic, real).norm(dim=1) - 1).square().mean()
            optimizer.zero_grad()
            (loss + penalty if used else penalty).backward()
            optimizer.step()
        return float(((critic(real) > 0).sum() + (critic(fakes) < 0).sum()) / 512)

    return accuracy(True), accuracy(False)


def untrained_parameters() -> tuple[float, float]:
    """How far the weights of a discriminator move when its optimizer does not hold or does not step them."""

    def moved(held: bool) -> float:
        torch.manual_seed(0)
        critic, other = nn.Linear(1, 1), nn.Linear(1, 1)
        start = critic.weight.detach().clone()
        optimizer = torch.optim.Adam((critic if held else other).parameters(), 1e-2)
        for _ in range(20):
            optimizer.zero_grad()
            (critic(torch.randn(8, 1) - 2).mean() - critic(torch.randn(8, 1) + 2).mean()).backward()
            optimizer.step()
        return float((critic.weight.detach() - start).abs().sum())

    return moved(True), moved(False)


def gradients_not_cleared() -> tuple[float, float]:
    """The size of the gradient in step 50 of a constant loss slope, with and without zero_grad."""

    def size(clear: bool) -> float:
        weight = torch.ones(1, requires_grad=True)
        for _ in range(50):
            if clear:
                weight.grad = None
            (3 * weight).sum().backward()
        return float(weight.grad) if weight.grad is not None else 0.0

    return size(True), size(False)


def backward_with_graph() -> tuple[float, float]:
    """The critic's gradient after its penalty was computed: by autograd.grad, or by backward(create_graph=True)."""

    def left(by_backward: bool) -> float:
        torch.manual_seed(0)
        critic = nn.Linear(2, 1)
        points = torch.randn(8, 2, requires_grad=True)
        if by_backward:
            critic(points).sum().backward(create_graph=True)
        else:
            torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        size = 0.0 if critic.weight.grad is None else float(critic.weight.grad.detach().norm())
        critic.weight.grad = points.grad = None  # break the cycle that would stay in memory
        return size

    return left(False), left(True)


def sqrt_at_zero() -> tuple[float, float]:
    """How many gradients of a penalty are NaN where a slope is exactly 0, with and without an epsilon in the root."""

    def broken(epsilon: float) -> float:
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
        with torch.no_grad():
            critic[0].bias.fill_(-100.0)  # every unit is dead, so every slope is 0
        slopes = _penalty(critic, torch.randn(8, 2))
        ((slopes.square().sum(1) + epsilon).sqrt() - 1).square().mean().backward()
        return float(sum(p.grad.isnan().sum() for p in critic.parameters() if p.grad is not None))

    return broken(1e-12), broken(0.0)


TESTS: dict[str, Callable[[], tuple[float, float]]] = {
    one.__name__: one
    for one in (
        penalty_axis, generator_sign, sigmoid_critic, batchnorm_mixes_samples, detached_generator,
        loss_without_backward, untrained_parameters, gradients_not_cleared, backward_with_graph, sqrt_at_zero,
    )
}  # fmt: skip

if __name__ == "__main__":
    for title, test in TESTS.items():
        right, wrong = test()
        print(f"{title:26} {right:10.4g} {wrong:10.4g}   {(test.__doc__ or '').splitlines()[0]}")
