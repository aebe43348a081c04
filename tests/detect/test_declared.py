"""A run that is called one thing and does another."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint import analyze

LOG = """[INFO] 2021-01-15 11:59:40 > {{'adv_loss': 'wasserstein', 'weight_clipping_for_dis': {clip}, \
'weight_clipping_bound': {bound}, 'gradient_penalty_lambda': {weight}, 'max_norm_for_gradient_clipping': 5.0}}
step=100 d_loss=-1.10 g_loss=0.52
step=200 d_loss=-1.21 g_loss=0.57
step=300 d_loss=-1.19 g_loss=0.61
"""
CLIPS = {"clip": "True", "bound": "0.01", "weight": "'N/A'"}
PENALTY = {"clip": "False", "bound": "'N/A'", "weight": "10.0"}


def said(folder: Path, name: str, **values: str) -> list[str]:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(LOG.format(**values))
    return [finding.title for finding in analyze(folder).findings if finding.code == "LOG003"]


@pytest.mark.parametrize("name", ["WGAN-GP-train.log", "wgan_gp/train.log", "tiny_WGANGP_2.log"])
def test_a_run_called_gp_that_clips_is_told(tmp_path: Path, name: str) -> None:
    (title,) = said(tmp_path, name, **CLIPS)
    assert "WGAN-GP" in title
    assert "weight_clipping_for_dis=True" in title


def test_a_run_called_clipping_that_has_a_penalty_is_told(tmp_path: Path) -> None:
    (title,) = said(tmp_path, "WGAN-WC-train.log", **PENALTY)
    assert "gradient_penalty_lambda=10.0" in title


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("WGAN-GP-train.log", PENALTY),
        ("WGAN-WC-train.log", CLIPS),
        ("WGAN-train.log", CLIPS),
        ("compare-WGAN-GP-with-WGAN-WC.log", CLIPS),
    ],
)
def test_names_that_fit_or_say_nothing_stay_quiet(tmp_path: Path, name: str, values: dict[str, str]) -> None:
    assert said(tmp_path, name, **values) == []


def test_clipped_gradients_are_no_clipped_weights(tmp_path: Path) -> None:
    (tmp_path / "WGAN-GP.log").write_text("clip_grad_norm: 5.0\nlambda_gp: 10\n" + LOG[LOG.index("step=100") :])
    assert [f for f in analyze(tmp_path).findings if f.code == "LOG003"] == []
