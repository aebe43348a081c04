"""Quality, diversity, collapse, rates, restarts and controllers, as analyze() tells them of small logs and sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wganlint import Finding, analyze
from wganlint.finding import Severity

RANDOM = np.random.default_rng(11)


def findings(folder: Path, **files: str) -> dict[str, Finding]:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_log", ".log").replace(
            "_jsonl", ".jsonl"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return {finding.code: finding for finding in analyze(folder).findings}


def log(*columns: str, records: int = 60, **series: np.ndarray) -> str:
    rows = []
    for at in range(records):
        values = " ".join(f"{name}={series[name][at]:.4f}" for name in series)
        rows.append(" ".join([f"step={10 * (at + 1)}", values, *columns]))
    return "\n".join(rows) + "\n"


def game(records: int = 60) -> dict[str, np.ndarray]:
    return {
        "d_loss": RANDOM.normal(-1.2, 0.05, records),
        "g_loss": RANDOM.normal(0.5, 0.05, records),
    }


def loud(found: dict[str, Finding]) -> set[str]:
    return {code for code, finding in found.items() if finding.severity >= Severity.MEDIUM}


# -- measures of quality


@pytest.mark.parametrize("name", ["fid", "FID", "metrics/fid50k_full", "val_FID"])
def test_a_negative_fid_is_a_broken_measure_under_any_name(tmp_path: Path, name: str) -> None:
    rows = [f'{{"step": {at}, "{name}": {value}}}' for at, value in enumerate([101.2, 88.0, -3.1e40, 70.2])]
    found = findings(tmp_path, metrics_jsonl="\n".join(rows))
    assert found["LOG005"].title.startswith(f"{name} cannot be negative")
    assert loud(found) == set()


@pytest.mark.parametrize("name", ["fid_time", "num_fid_samples", "fid_every", "best_fid_step"])
def test_what_only_speaks_of_a_measure_is_none(tmp_path: Path, name: str) -> None:
    rows = [f'{{"step": {at}, "d_loss": -1.2, "{name}": {value}}}' for at, value in enumerate([5e4, 5e4, 5e4, 6e4])]
    assert "LOG005" not in findings(tmp_path, metrics_jsonl="\n".join(rows))


def test_a_measure_where_more_is_better_regresses_when_it_falls(tmp_path: Path) -> None:
    scores = [2.0, 4.1, 6.0, 7.2, 7.4, 6.1, 4.4, 3.1, 2.9]
    found = findings(tmp_path, log_jsonl="\n".join(f'{{"itr": {i}, "IS_mean": {v}}}' for i, v in enumerate(scores)))
    assert "IS_mean ends at 3.1, its best was 7.4" in found["GAN009"].title


def test_a_best_that_comes_last_is_no_regress(tmp_path: Path) -> None:
    scores = [170.0, 61.0, 93.0, 40.2, 31.0, 26.4, 22.0, 21.0]
    found = findings(tmp_path, log_jsonl="\n".join(f'{{"itr": {i}, "FID": {v}}}' for i, v in enumerate(scores)))
    assert "GAN009" not in found


# -- collapse in the losses


def test_a_collapse_is_told_at_its_step_in_a_log_of_many_records(tmp_path: Path) -> None:
    records = 30_000  # folded
    series = game(records)
    series["d_loss"][24_000:] -= 60
    series["g_loss"][24_000:] += 45
    found = findings(tmp_path, train_log=log(records=records, **series))
    step = float(found["GAN009"].title.split("at step ")[1].split(" ")[0])
    assert step == pytest.approx(240_000, rel=0.01)


def test_drift_noise_and_a_passing_spike_are_no_collapse(tmp_path: Path) -> None:
    series = game(200)
    series["g_loss"] += np.linspace(0, 300, 200)
    series["d_loss"][150] = -4000.0
    assert "GAN009" not in findings(tmp_path, train_log=log(records=200, **series))


# -- rates


@pytest.mark.parametrize(
    ("head", "severity"),
    [
        ("Namespace(lr_g=0.0002, lr_d=0.3, beta1=0.5, batch=64)", "medium"),  # betas are Adam's
        ("Namespace(lr_g=0.0002, lr_d=0.3, batch=64)", "low"),
        ("Namespace(lr_g=0.0002, lr_d=0.3, optimizer='adam')", "medium"),
        ("Namespace(lr_g=0.0002, lr_d=0.3, optimizer='sgd')", ""),
        ("Namespace(lr_g=0.0002, lr_d=0.0008, beta1=0.5)", ""),
    ],
)
def test_rates_of_an_option_dump_are_judged_by_what_names_the_optimizer(
    tmp_path: Path, head: str, severity: str
) -> None:
    found = findings(tmp_path, train_log=f"{head}\n{log(**game())}")
    assert str(found["OPT002"].severity if "OPT002" in found else "") == severity


def test_the_rate_at_the_peak_counts_not_the_end_of_a_schedule(tmp_path: Path) -> None:
    series = game()
    text = "\n".join(f"{line} lr={2e-4 * (1 - at / 60):.3e}" for at, line in enumerate(log(**series).splitlines()))
    assert "OPT002" not in findings(tmp_path, train_log="Namespace(beta1=0.5)\n" + text)


# -- restarts


def attempts(folder: Path, back: bool) -> dict[str, Finding]:
    curve = -8 * np.exp(-np.arange(120) / 8) - 1 + RANDOM.normal(0, 0.03, 120)
    g = 4 * np.exp(-np.arange(120) / 8) + 0.5 + RANDOM.normal(0, 0.03, 120)
    second = slice(0, 60) if back else slice(60, 120)
    for number, (part, offset) in enumerate([(slice(0, 60), 0), (second, 60)], start=1):
        rows = [f"step={10 * (offset + at + 1)} d_loss={d:.4f} g_loss={x:.4f}" for at, (d, x) in
                enumerate(zip(curve[part], g[part], strict=True))]  # fmt: skip
        (folder / f"train_attempt{number}_2026011{number}-154159.out.log").write_text("\n".join(rows))
    return {finding.code: finding for finding in analyze(folder).findings}


def test_losses_that_begin_anew_in_the_next_attempt_are_told(tmp_path: Path) -> None:
    found = attempts(tmp_path, back=True)
    assert "at step 610" in found["RUN003"].title


def test_losses_that_go_on_in_the_next_attempt_are_fine(tmp_path: Path) -> None:
    assert "RUN003" not in attempts(tmp_path, back=False)


# -- noise that is none

NETS = """
import torch
from torch import nn

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 3)

    def forward(self, z, y=None):
        return self.net(z)

class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(3, 1)

    def forward(self, x):
        return self.net(x)

def train(loader, opt_g, batch, args):
    generator, critic = Generator(), Critic()
    for real in loader:
"""


@pytest.mark.parametrize(
    ("lines", "constant"),
    [
        ("z = torch.zeros(batch, 8).cuda()\nfake = generator(z)", True),
        ("z = torch.full((batch, 8), 0.5)\nfake = generator(z.to(args.device))", True),
        ("fake = generator(torch.ones(batch, 8) * 0.1)", True),
        ("z = torch.randn(batch, 8)\nfake = generator(z)", False),
        ("z = torch.zeros(batch, 8)\nz.normal_()\nfake = generator(z)", False),
        ("z = torch.zeros(batch, 8)\nz[:, 0] = torch.rand(batch)\nfake = generator(z)", False),
        ("z = torch.zeros(batch, 8) + torch.randn(batch, 8)\nfake = generator(z)", False),
        ("fake = generator(real)", False),
        ("fake = generator(torch.zeros(batch, 8), real)", False),
        ("z = torch.randn(batch, 8)\nfake = generator(z)\nshape = generator(torch.zeros(1, 8)).shape", False),
    ],
)
def test_only_a_sure_constant_is_no_noise(tmp_path: Path, lines: str, constant: bool) -> None:
    body = "\n".join(f"        {line}" for line in (*lines.split("\n"), "loss = -critic(fake).mean()"))
    found = findings(tmp_path, train_py=f"{NETS}{body}\n        loss.backward()\n        opt_g.step()\n")
    assert ("GAN006" in found) == constant


# -- controllers in the source


@pytest.mark.parametrize(
    ("branch", "told"),
    [
        ("if w_gap < -5:\n    n_critic -= 1", "weakens"),
        ("if stats['w_gap'] < 0:\n    args.lambda_gp *= 1.5", "weakens"),
        ("if 0 > args.w_ma:\n    args.lambda_gp = min(40, args.lambda_gp * 2)", "weakens"),
        ("if w_gap < 0:\n    n_critic += 1\nelse:\n    pass", ""),
        ("if w_gap > 50:\n    n_critic = max(1, n_critic - 1)\nelif w_gap < 1:\n    n_critic += 1", ""),
        ("if w_gap > 50:\n    n_critic -= 1\nelif w_gap < 50:\n    n_critic += 1", "swing"),
        ("if w_gap < -5:\n    print('negative')", ""),
        ("if epoch > 10:\n    n_critic -= 1", ""),
    ],
)
def test_branches_that_act_against_the_gap(tmp_path: Path, branch: str, told: str) -> None:
    body = "\n".join(f"    {line}" for line in branch.split("\n"))
    source = f"import torch\n\ndef adapt(args, stats, w_gap, n_critic, epoch):\n{body}\n    return n_critic\n"
    found = findings(tmp_path, adapt_py=source)
    assert (told in found["GAN008"].title) if told else "GAN008" not in found
