"""Robust statistics against slow, obvious code."""

from __future__ import annotations

import numpy as np
import pytest

from wganlint.detect.statistics import (
    MOST,
    autocorrelation,
    cycle,
    noise,
    ranks,
    running_mean,
    running_median,
    shift,
    spread,
    thinned,
)

RANDOM = np.random.default_rng(7)


def test_spread_is_the_standard_deviation_of_normal_noise_and_outliers_do_not_move_it() -> None:
    values = RANDOM.normal(3.0, 2.0, 20_000)
    assert spread(values) == pytest.approx(2.0, rel=0.03)
    values[:500] = 1e9
    assert spread(values) == pytest.approx(2.0, rel=0.1)
    assert spread(np.zeros(0)) == 0.0


def test_noise_does_not_see_a_trend() -> None:
    values = RANDOM.normal(0.0, 0.5, 5_000) + np.linspace(0, 300, 5_000)
    assert noise(values) == pytest.approx(0.5, rel=0.05)
    assert noise(np.ones(1)) == 0.0


def test_ranks_share_ties() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_running_median_and_mean_are_those_of_each_window() -> None:
    values = RANDOM.normal(size=40)
    padded = np.pad(values, 3, mode="edge")
    windows = [padded[at : at + 7] for at in range(40)]
    assert running_median(values, 7) == pytest.approx([np.median(w) for w in windows])
    assert running_mean(values, 7) == pytest.approx([np.mean(w) for w in windows])
    assert running_median(values, 1).tolist() == values.tolist()


@pytest.mark.parametrize("width", [31, 32, 33, 64, 301, 999])
def test_a_wide_running_median_is_exactly_that_of_each_window_ties_too(width: int) -> None:
    values = RANDOM.normal(size=400).round(1)
    padded = np.pad(values, (width | 1) // 2, mode="edge")
    windows = [padded[at : at + (width | 1)] for at in range(400)]
    assert running_median(values, width).tolist() == [np.median(w) for w in windows]


def test_autocorrelation_is_that_of_the_definition() -> None:
    values = RANDOM.normal(size=101)
    centered = values - values.mean()
    slow = [float(np.sum(centered[: 101 - k] * centered[k:]) / np.sum(centered**2)) for k in range(101)]
    assert autocorrelation(values) == pytest.approx(slow, abs=1e-12)
    assert autocorrelation(np.full(9, 4.0)).tolist() == [0.0] * 9


def test_shift_finds_the_change_of_level_and_its_chance_is_small_only_there() -> None:
    values = RANDOM.normal(0, 1, 200)
    quiet = shift(values)
    assert quiet is not None and quiet.chance > 0.01
    values[140:] += 6
    found = shift(values)
    assert found is not None and abs(found.at - 140) <= 2 and found.chance < 1e-6
    assert shift(values[:7]) is None


@pytest.mark.parametrize("at", [15, 100, 185])
def test_shift_is_found_near_the_ends_too(at: int) -> None:
    values = np.random.default_rng(at).normal(0, 1, 200)
    values[at:] -= 8
    found = shift(values)
    assert found is not None and found.at == at and found.chance < 0.05


def test_cycle_tells_the_period_and_noise_has_none() -> None:
    steps = np.arange(600)
    wave = np.sin(2 * np.pi * steps / 40) + 0.3 * RANDOM.normal(size=600) + steps / 100
    found = cycle(wave)
    assert found is not None and found.lag == pytest.approx(40, abs=2)
    assert found.score > 0.6 and found.second > 0.3 and found.cycles == pytest.approx(15, abs=1)
    scores = [c.score for seed in range(20) if (c := cycle(np.random.default_rng(seed).normal(size=600)))]
    assert max(scores) < 0.5
    walks = [np.cumsum(np.random.default_rng(seed).normal(size=600)) for seed in range(20)]
    both = [c for walk in walks if (c := cycle(walk)) and c.score >= 0.6 and c.second >= 0.3]
    assert both == []


def test_growing_cycles_are_told_from_steady_ones() -> None:
    steps = np.arange(800)
    steady, growing = np.sin(steps / 8), np.exp(steps / 200) * np.sin(steps / 8)
    a, b = cycle(steady), cycle(growing)
    assert a is not None and b is not None and a.growth == pytest.approx(1, abs=0.3) and b.growth > 5


def test_long_series_are_averaged_not_cut() -> None:
    values = np.sin(2 * np.pi * np.arange(10_000) / 500)
    means, size = thinned(values)
    assert len(means) <= MOST and size == 5
    found = cycle(values)
    assert found is not None and found.lag == pytest.approx(500, abs=10)
    assert cycle(np.zeros(5)) is None and thinned(np.zeros(0))[0].size == 0


def test_a_multiple_of_a_short_period_is_no_period() -> None:
    assert cycle(np.arange(250) % 7 / 10.0) is None
    assert cycle(np.arange(250) % 20 / 10.0) is not None
