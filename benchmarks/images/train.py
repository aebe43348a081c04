"""A WGAN-GP of small images, for what the probe costs where a step takes long: 50 ms and more on one core of 2026."""

import argparse

import torch
from torch import Tensor, nn

SIZE, CHANNELS, NOISE = 32, 48, 64


class Generator(nn.Module):
    """Noise -> images of three channels."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Linear(NOISE, 4 * CHANNELS * 16)
        self.main = nn.Sequential(
            nn.BatchNorm2d(4 * CHANNELS), nn.ReLU(),
            nn.ConvTranspose2d(4 * CHANNELS, 2 * CHANNELS, 4, 2, 1), nn.BatchNorm2d(2 * CHANNELS), nn.ReLU(),
            nn.ConvTranspose2d(2 * CHANNELS, CHANNELS, 4, 2, 1), nn.BatchNorm2d(CHANNELS), nn.ReLU(),
            nn.ConvTranspose2d(CHANNELS, 3, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        images: Tensor = self.main(self.start(noise).view(-1, 4 * CHANNELS, 4, 4))
        return images


class Critic(nn.Module):
    """Images -> one score each."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, CHANNELS, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(CHANNELS, 2 * CHANNELS, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * CHANNELS, 4 * CHANNELS, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(4 * CHANNELS * 16, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.main(images)
        return scores


def penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Two-sided gradient penalty at points between the sides."""
    share = torch.rand(len(real), 1, 1, 1)
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def disks(count: int) -> Tensor:
    """Images of one disk each, with place, size and color by chance."""
    grid = torch.linspace(-1, 1, SIZE)
    x, y = grid.view(1, 1, SIZE, 1), grid.view(1, 1, 1, SIZE)
    middle, radius, color = (
        torch.rand(count, 2, 1, 1) - 0.5,
        0.2 + 0.3 * torch.rand(count, 1, 1, 1),
        torch.rand(count, 3, 1, 1),
    )
    inside = ((x - middle[:, :1]) ** 2 + (y - middle[:, 1:]) ** 2 < radius**2).float()
    return 2 * inside * color - 1


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(1)
    generator, critic = Generator(), Critic()
    opt_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
    opt_d = torch.optim.Adam(critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
    for number in range(args.rounds):
        for _ in range(2):
            real = disks(args.batch_size)
            fake = generator(torch.randn(args.batch_size, NOISE)).detach()
            gap = critic(real).mean() - critic(fake).mean()
            loss = -gap + 10 * penalty(critic, real, fake)
            opt_d.zero_grad()
            loss.backward()
            opt_d.step()
        g_loss = -critic(generator(torch.randn(args.batch_size, NOISE))).mean()
        opt_g.zero_grad()
        g_loss.backward()
        opt_g.step()
        print(f"round {number} gap {gap.item():.4f} g_loss {g_loss.item():.4f}")


if __name__ == "__main__":
    main()
