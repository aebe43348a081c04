"""Detectors find a quantity by any of its usual names: learning rates, spreads of samples, measures of quality."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint import load_runs
from wganlint.detect.diversity import fake_spread
from wganlint.detect.quality import measures
from wganlint.detect.rates import rate_series
from wganlint.detect.registry import Fact
from wganlint.run import Run


def _run(folder: Path, *names: str) -> Run:
    rows = [",".join(["step", "d_loss", *names])]
    rows += [
        f"{step},{0.7 + step % 7 / 10},{','.join(str(0.01 + number) for number in range(len(names)))}"
        for step in range(1, 31)
    ]
    (folder / "metrics.csv").write_text("\n".join(rows))
    return load_runs([str(folder)])[0]


@pytest.mark.parametrize(
    "name",
    ["lr", "lr/generator", "learning_rates/g", "optim/lr_d", "LR-G", "lrG", "lr-Adam", "lr/pg0", "learning_rate_disc"],
)
def test_a_learning_rate_by_any_name(name: str, tmp_path: Path) -> None:
    assert [series.key for series in rate_series(_run(tmp_path, name))] == [name]


@pytest.mark.parametrize("name", ["lr/steps", "lr/loss", "lr_time", "lr/weight_decay"])
def test_what_only_resembles_a_learning_rate(name: str, tmp_path: Path) -> None:
    assert not list(rate_series(_run(tmp_path, name)))


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        ("fake_std", "real_std"),
        ("samples/std", "data/std"),
        ("gen_variance", "real_variance"),
        ("std/generated", "std/real"),
    ],
)
def test_a_spread_by_any_name(fake: str, real: str, tmp_path: Path) -> None:
    fact = fake_spread(_run(tmp_path, fake, real))
    assert isinstance(fact, Fact)
    assert (fact.fields["name"], fact.fields["real_name"]) == (fake, real)


@pytest.mark.parametrize("name", ["noise_std", "grad_std", "latent/std", "weight_variance", "fid_std"])
def test_spreads_of_something_else(name: str, tmp_path: Path) -> None:
    assert not isinstance(fake_spread(_run(tmp_path, name)), Fact)


@pytest.mark.parametrize(
    "name",
    ["swd", "metrics/swd", "sliced_wasserstein", "energy_distance", "val/distance", "recall", "FID", "modes_covered"],
)
def test_a_measure_by_any_name(name: str, tmp_path: Path) -> None:
    assert [series.key for series, _ in measures(_run(tmp_path, name))] == [name]


@pytest.mark.parametrize("name", ["energy", "w_distance", "distance_loss", "recall_loss", "fid_interval"])
def test_what_only_resembles_a_measure(name: str, tmp_path: Path) -> None:
    assert not list(measures(_run(tmp_path, name)))
