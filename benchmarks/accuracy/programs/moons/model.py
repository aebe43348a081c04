from torch import Tensor, nn


def mlp(n_in: int, n_out: int, hidden: int, layers: int) -> nn.Sequential:
    blocks: list[nn.Module] = []
    width = n_in
    for _ in range(layers):
        blocks += [nn.Linear(width, hidden), nn.SiLU()]
        width = hidden
    return nn.Sequential(*blocks, nn.Linear(width, n_out))


class MoonGenerator(nn.Module):
    def __init__(self, latent: int, hidden: int = 48) -> None:
        super().__init__()
        self.body = mlp(latent, 2, hidden, layers=2)

    def forward(self, z: Tensor) -> Tensor:
        return self.body(z)


class MoonDiscriminator(nn.Module):
    """Returns logits."""

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.body = mlp(2, 1, hidden, layers=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).squeeze(-1)
