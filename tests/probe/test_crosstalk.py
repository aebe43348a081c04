"""What the samples of one batch share in a critic, measured on a copy; layers of single samples share exactly nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (pip install 'wganlint[probe]')")


class Scaled(torch.nn.Module):  # type: ignore[misc,name-defined]
    def forward(self, x: Any) -> Any:
        return x / len(x) ** 0.5


def measured(*layers: Any, rows: int = 16, train: bool = True, shape: tuple[int, ...] = (6,)) -> dict[str, Any]:
    from wganlint.probe.inside.crosstalk import crosstalk

    torch.manual_seed(5)
    critic = torch.nn.Sequential(*layers).train(train)
    given = (torch.randn(rows, *shape),)
    watch = SimpleNamespace(kept={(0, 0): (given, {}, None)})
    account = SimpleNamespace(side=lambda key: "real", of=lambda where: "critic")
    before = [one.clone() for one in critic.state_dict().values()]
    (found,) = crosstalk(watch, account, SimpleNamespace(number=0, module=critic))  # type: ignore[arg-type]
    assert all(map(torch.equal, before, critic.state_dict().values()))
    return found


def dense(*layers: Any) -> list[Any]:
    return [torch.nn.Linear(6, 32), *layers, torch.nn.LeakyReLU(0.2), torch.nn.Linear(32, 1)]


def test_layers_of_single_samples_share_exactly_nothing() -> None:
    nn = torch.nn
    assert measured(*dense())["change"] == 0
    assert measured(*dense(nn.LayerNorm(32)))["change"] == 0
    assert measured(*dense(nn.GroupNorm(4, 32)))["change"] == 0
    picture = [nn.Conv2d(1, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.LeakyReLU(), nn.Flatten(), nn.Linear(144, 1)]
    assert measured(*picture, shape=(1, 8, 8))["change"] == 0
    assert measured(*dense(nn.BatchNorm1d(32)), train=False)["change"] == 0
    spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(32, 32))  # moves a little with each call
    found = measured(*dense(spectral))
    assert found["change"] == 0 < found["twice"]


def test_batch_normalization_lets_the_others_through_and_is_named() -> None:
    found = measured(*dense(torch.nn.BatchNorm1d(32)))
    assert found["change"] > 0.1 * found["deviation"] > 0
    assert found["layer"] == "1 (BatchNorm1d)"
    assert (found["kept"], found["samples"]) == (8, 16)


def test_a_score_that_is_divided_by_the_root_of_the_batch_size() -> None:
    assert measured(*dense())["half"] == pytest.approx(1, abs=1e-5)
    found = measured(*dense(), Scaled())
    assert found["half"] == pytest.approx(2**0.5, rel=1e-4)
    assert found["change"] == 0
    assert measured(*dense(torch.nn.BatchNorm1d(32)))["half"] is None
