"""Robust statistics of a series of numbers: spread, ranks, change point, autocorrelation; part of `detect`.

All are vectorized NumPy, at worst n log n beside a running median over a few hundred values; no thresholds.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from msgspec import Struct

from wganlint.series import Floats, median

NORMAL = 1.4826  # MAD times this estimates the standard deviation of normal noise (Rousseeuw & Croux 1993)
MOST = 2_000  # points that autocorrelation and running medians look at; longer series are averaged in groups
WIDE = 32  # from this width on a running median moves one sorted window instead of sorting each


def spread(values: Floats) -> float:
    """Return 1.4826 * median(|x - median(x)|), the standard deviation as told by the median; 0 of nothing."""
    if not len(values):
        return 0.0
    return NORMAL * median(np.abs(values - median(values)))


def noise(values: Floats) -> float:
    """Return the standard deviation of the noise about a slow curve: spread of the second differences over sqrt(6).

    e_t = (x_t-1 + x_t+1) / 2 - x_t has 3/2 of the variance of white noise, and takes a slope out.
    (Gasser, Sroka & Jennen-Steinmetz 1986, Biometrika 73, 625-633; with the MAD for the mean square.)
    """
    return spread(np.diff(values, 2)) / float(np.sqrt(6.0)) if len(values) > 2 else 0.0


def ranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    _, inverse, counts = np.unique(values[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared = (ends - counts + 1 + ends) / 2
    result = np.empty(len(values))
    result[order] = shared[inverse]
    return result


class Shift(Struct, frozen=True):
    """The most likely change of level: the first record after it, and how likely noise would show as much."""

    at: int
    chance: float


def shift(values: Floats) -> Shift | None:
    """Return the change point by ranks, or None below eight values.

    K = max |U_t|, U_t = 2 * sum of the first t ranks - t (n + 1); chance = 2 exp(-6 K^2 / (n^3 + n^2)).
    (Pettitt 1979, Applied Statistics 28, 126-135.) The place that this gives leans to the middle; it is moved to where
    most values lie on their own side of the middle between both medians.
    """
    n = len(values)
    if n < 8:
        return None
    u = 2 * np.cumsum(ranks(values))[:-1] - np.arange(1, n) * (n + 1)
    at = int(np.argmax(np.abs(u))) + 1
    k = float(abs(u[at - 1]))
    chance = min(1.0, 2 * float(np.exp(-6 * k * k / (float(n) ** 3 + float(n) ** 2))))
    before, after = median(values[:at]), median(values[at:])
    side = np.where((values > (before + after) / 2) == (after > before), 1, -1)
    return Shift(int(np.argmin(np.cumsum(side)[:-1])) + 1, chance)


def running_median(values: Floats, width: int) -> Floats:
    """Return the median of the `width` values around each (odd; ends repeat the outermost value)."""
    width = max(1, width | 1)
    if width == 1 or not len(values):
        return values.copy()
    padded = np.pad(values, width // 2, mode="edge")
    half = width // 2
    if width < WIDE:
        windows = np.lib.stride_tricks.sliding_window_view(padded, width)
        return np.asarray(np.partition(windows, half, axis=1)[:, half])
    ahead = padded.tolist()
    window = sorted(ahead[:width])
    medians = [window[half]]
    for old, new in zip(ahead, ahead[width:], strict=False):
        del window[bisect_left(window, old)]
        insort(window, new)
        medians.append(window[half])
    return np.array(medians)


def running_mean(values: Floats, width: int) -> Floats:
    """Return the mean of the `width` values around each (odd; ends repeat the outermost value)."""
    width = max(1, width | 1)
    if width == 1 or not len(values):
        return values.copy()
    padded = np.pad(values, width // 2, mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    return np.asarray((total[width:] - total[:-width]) / width)


def thinned(values: Floats, most: int = MOST) -> tuple[Floats, int]:
    """Return at most `most` means of groups of neighbors, and how many values make one group."""
    size = -(-len(values) // most) if len(values) else 1
    whole = len(values) // size * size
    return values[:whole].reshape(-1, size).mean(axis=1), size


def autocorrelation(values: Floats) -> Floats:
    """Return r_k = sum (x_t - m)(x_t+k - m) / sum (x_t - m)^2 for all lags, by FFT; zeros of a constant.

    (Wiener-Khinchin; the biased estimate of Box & Jenkins, Time Series Analysis, section 2.1.)
    """
    n = len(values)
    if not n:
        return np.zeros(0)
    size = 1 << (2 * n - 1).bit_length()
    centered = values - np.mean(values)
    power = np.abs(np.fft.rfft(centered, size)) ** 2
    result = np.fft.irfft(power, size)[:n]
    return np.asarray(result / result[0]) if result[0] > 0 else np.zeros(n)


class Cycle(Struct, frozen=True):
    """A stable period: `lag` in values, autocorrelation there and at twice the lag, how many periods were seen.

    `growth`: spread of the last quarter over that of the first one.
    """

    lag: float
    score: float
    second: float
    cycles: float
    growth: float


def cycle(values: Floats, shortest: int = 8) -> Cycle | None:
    """Return the period that a series shows beyond its trend, or None where no lag stands out.

    The trend (running median over a fifth) is taken out and the rest smoothed over five values. The period is the
    highest peak of the autocorrelation behind its first negative lobe, between `shortest` values and a quarter of all.
    None too where the values themselves repeat within fewer than `shortest`.
    """
    coarse, size = thinned(values)
    n = len(coarse)
    if n < 4 * shortest:
        return None
    raw = coarse - running_median(coarse, n // 5)
    rest = running_mean(raw, 5)
    r = autocorrelation(rest)
    below = np.flatnonzero(r < 0)
    if not len(below):
        return None
    first, last = max(int(below[0]), shortest), n // 4
    if first >= last:
        return None
    lag = first + int(np.argmax(r[first : last + 1]))
    if not r[lag] > max(r[lag - 1], r[lag + 1]):
        return None  # a slope that goes on, no peak
    if _shorter(raw, shortest) >= 0.8 * r[lag]:
        return None  # a multiple of a period that is too short to be told
    reach = max(1, lag // 5)
    quarter = max(1, n // 4)
    early, late = spread(rest[:quarter]), spread(rest[-quarter:])
    second = float(np.max(r[2 * lag - reach : 2 * lag + reach + 1]))
    return Cycle(float(lag * size), float(r[lag]), second, n / lag, late / early if early > 0 else float("inf"))


def _shorter(values: Floats, shortest: int) -> float:
    """Return the highest autocorrelation that peaks behind the first negative lobe, below lag `shortest`; else 0."""
    r = autocorrelation(values)
    below = np.flatnonzero(r[: shortest + 1] < 0)
    if not len(below):
        return 0.0
    lags = np.arange(int(below[0]) + 1, shortest)
    peaks = r[lags][(r[lags] > r[lags - 1]) & (r[lags] > r[lags + 1])]
    return float(np.max(peaks, initial=0.0))
