import torch

N_SAMPLES = 24


def chirps(n, rng):
    """Gaussian bumps (n, 24) with a ripple inside; place and width vary."""
    t = torch.linspace(-1, 1, N_SAMPLES)
    center = 0.8 * (torch.rand(n, 1, generator=rng) - 0.5)
    width = 0.25 + 0.15 * torch.rand(n, 1, generator=rng)
    x = (t - center) / width
    return torch.exp(-0.5 * x * x) * torch.cos(2.0 * x) + 0.02 * torch.randn(n, N_SAMPLES, generator=rng)
