import numpy as np
import torch


def load_grid(n, seed):
    """Nine Gaussians on a 3 x 3 grid, as a numpy array (n, 2) between -1.3 and 1.3."""
    rng = np.random.default_rng(seed)
    centers = np.array([(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)])
    return (centers[rng.integers(9, size=n)] + 0.07 * rng.standard_normal((n, 2))).astype("float32")


def grid(n, rng):
    seed = int(torch.randint(2**31, (1,), generator=rng))
    return torch.from_numpy(load_grid(n, seed))
