"""The same fault in other clothes: signs, bounds, names, lengths, onsets; and look-alikes that are healthy."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from wganlint import Report, analyze
from wganlint.finding import Finding, Severity

Analyze = Callable[..., Report]


@pytest.fixture
def read(tmp_path: Path) -> Analyze:
    def run(lines: list[str], source: str = "") -> Report:
        (tmp_path / "train.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if source:
            (tmp_path / "training").mkdir(exist_ok=True)
            (tmp_path / "training" / "model.py").write_text(source, encoding="utf-8")
        return analyze(tmp_path)

    return run


def found(report: Report, code: str) -> Finding:
    hits = [f for f in report.findings if f.code == code]
    assert hits, [f"{f.code}: {f.title}" for f in report.findings]
    return hits[0]


def loud(report: Report) -> list[str]:
    return [f"{f.code} {f.severity} {f.title}" for f in report.findings if f.severity >= Severity.MEDIUM]


def stuck(
    bound: float, sign: int = 1, count: int = 30, names: tuple[str, str, str] = ("c_loss", "g_loss", "w_gap")
) -> list[str]:
    rng = random.Random(3)
    c, g, w = names
    lines = []
    for n in range(1, count + 1):
        real = 0.0048 + rng.uniform(-2e-4, 2e-4)
        lines.append(
            f"step={n * 10} {c}={-sign * bound - real:.4f} {g}={sign * bound:.4f} {w}={sign * bound + real:.4f} m_loss={0.5 - 0.004 * n:.4f}"
        )
    return lines


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("bound", [1000, 10, 1, 2.5, 37, 50000])
def test_any_bound_and_either_sign(read: Analyze, bound: float, sign: int) -> None:
    report = read(stuck(bound, sign))
    pinned, side = found(report, "SAT001"), found(report, "SAT002")
    assert f"{sign * bound:.4f}" in pinned.title
    assert "only the fake side" in side.title
    assert side.root and not pinned.root
    assert pinned.severity is Severity.CRITICAL
    assert found(report, "OPT007")


@pytest.mark.parametrize(
    "names",
    [
        ("d_loss", "g_loss", "wasserstein"), ("loss_D", "loss_G", "w_dist"), ("Loss/critic", "Loss/generator", "gap"),
        ("disc_loss", "gen_loss", "wasserstein_distance"), ("critic", "generator", "w_gap"), ("errD", "errG", "wd"),
        ("CriticLoss", "GeneratorLoss", "WassersteinDistance"),
    ],
)  # fmt: skip
def test_other_names(read: Analyze, names: tuple[str, str, str]) -> None:
    report = read(stuck(1000, names=names))
    assert found(report, "SAT001").severity is Severity.CRITICAL
    assert "only the fake side" in found(report, "SAT002").title


def test_twenty_five_records(read: Analyze) -> None:
    assert found(read(stuck(1000, count=25)), "SAT001").severity is Severity.CRITICAL


def test_two_losses_alone(read: Analyze) -> None:
    lines = [line.split(" w_gap")[0] for line in stuck(1000)]
    side = found(read(lines), "SAT002")
    assert "mean(real) - penalty = 0.00" in side.why
    assert "come apart" not in side.why


def test_a_real_side_at_the_bound(read: Analyze) -> None:
    lines = [
        f"step={n * 10} c_loss={-500 - 0.01 * n:.4f} g_loss={0.01 * n:.4f} w_gap={500 + 0.01 * n:.4f}"
        for n in range(1, 31)
    ]
    side = found(read(lines), "SAT002")
    assert "only the real side" in side.title
    assert "real batch is the first thing to check" in side.why


@pytest.mark.parametrize("count", [50, 100, 400])
def test_onset_at_sixty_percent(read: Analyze, count: int) -> None:
    rng = random.Random(1)
    start = int(0.6 * count)
    lines = [
        f"step={n * 10} c_loss={rng.gauss(-3, 0.5):.4f} g_loss={rng.gauss(1, 0.4):.4f} w_gap={rng.gauss(3.3, 0.5):.4f}"
        for n in range(1, start + 1)
    ]
    lines += stuck(1000, count=count)[start:]
    pinned = found(read(lines), "SAT001")
    assert f"from step {(start + 1) * 10} to the end" in pinned.title
    assert any(e.label == "the last record before" and e.step == start * 10 for e in pinned.evidence)


CLAMPED = """
import torch
from torch import nn

class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        score = self.net(x)
        return torch.clamp(score, -1000.0, 1000.0)
"""


def test_half_saturated_and_recovering_is_partial(read: Analyze) -> None:
    shares = [
        0.856,
        0.8,
        0.75,
        0.7,
        0.62,
        0.55,
        0.5,
        0.431,
        0.4,
        0.36,
        0.33,
        0.3,
        0.27,
        0.25,
        0.22,
        0.2,
        0.19,
        0.17,
        0.15,
        0.142,
    ]
    lines = [
        f"step={n * 10} c_loss={-1000 * s - 0.01:.4f} g_loss={1000 * s:.4f} w_gap={1000 * s + 0.01:.4f}"
        for n, s in enumerate(shares, 1)
    ]
    part = found(read(lines, CLAMPED), "SAT001")
    assert part.severity is Severity.MEDIUM
    assert "part of the fake scores" in part.title
    assert "80 % at first" in part.title and "14 % at the end" in part.title
    assert not [f for f in read(lines, CLAMPED).findings if f.code == "OPT007"]


def test_one_finding_carries_both_places(read: Analyze) -> None:
    pinned = found(read(stuck(1000), CLAMPED), "SAT001")
    files = {e.place.file: e.place.line for e in pinned.evidence if e.place}
    assert files["training/model.py"] == 12
    assert "train.log" in files
    alone = found(read(stuck(500), CLAMPED), "SAT001")
    assert "model.py" not in " ".join(e.place.file for e in alone.evidence if e.place and e.label.startswith("g_loss"))


def healthy(kind: str) -> list[str]:
    rng = random.Random(kind)
    match kind:
        case "drifting offset":
            return [
                f"step={n * 10} c_loss={-2 + rng.gauss(0, 0.2):.4f} g_loss={-1 + 2.3 * n:.4f} w_gap={2.4 + rng.gauss(0, 0.2):.4f}"
                for n in range(1, 120)
            ]
        case "coarse print":
            return [
                f"step={n * 10} c_loss={-0.1 + rng.gauss(0, 0.003):.2f} g_loss={1 + rng.gauss(0, 0.003):.2f} w_gap=0.10"
                for n in range(1, 60)
            ]
        case "starts at lambda":
            head = [
                f"step={n * 10} c_loss={10 - 0.4 * n:.4f} g_loss=0.0{n:03d} w_gap={0.01 * n:.4f} lambda_gp=10"
                for n in range(1, 10)
            ]
            tail = [
                f"step={n * 10} c_loss={-3 + rng.gauss(0, 0.3):.4f} g_loss={rng.gauss(0.5, 0.3):.4f} w_gap={3.3 + rng.gauss(0, 0.3):.4f} lambda_gp=10"
                for n in range(10, 60)
            ]
            return ["Gradient penalty: lambda=10.0", *head, *tail]
        case "converged":
            return [
                f"step={n * 10} c_loss={-0.0512 + rng.gauss(0, 4e-4):.5f} g_loss={0.3 + rng.gauss(0, 6e-4):.5f} w_gap={0.06 + rng.gauss(0, 4e-4):.5f}"
                for n in range(1, 100)
            ]
        case "warm-up without critic":
            head = [f"step={n * 10} c_loss=0.0000 g_loss=0.0000 l1_loss={1 / n:.4f}" for n in range(1, 30)]
            return head + [
                f"step={n * 10} c_loss={-2 + rng.gauss(0, 0.3):.4f} g_loss={rng.gauss(0.5, 0.3):.4f} l1_loss={0.03 + rng.gauss(0, 0.001):.4f}"
                for n in range(30, 90)
            ]
        case "two optimizers":
            return ["Using Adam optimizer for G: lr=0.0001", "Using Adam optimizer for D: lr=0.0004",
                    *[f"step={n * 10} c_loss={rng.gauss(-2, 0.3):.4f} g_loss={rng.gauss(0.5, 0.3):.4f}" for n in range(1, 60)]]  # fmt: skip
        case "short":
            return [
                f"step={n * 10} c_loss={rng.gauss(-2, 0.3):.4f} g_loss={rng.gauss(0.5, 0.3):.4f} w_gap={rng.gauss(2, 0.3):.4f}"
                for n in range(1, 6)
            ]
        case "large but live":
            return [
                f"step={n * 10} c_loss={rng.gauss(-9800, 400):.2f} g_loss={rng.gauss(1000, 300):.2f} w_gap={rng.gauss(10000, 400):.2f}"
                for n in range(1, 60)
            ]
        case "one spike":
            return [
                f"step={n * 10} c_loss={-1000 if n == 30 else rng.gauss(-2, 0.3):.4f} g_loss={1000 if n == 30 else rng.gauss(0.5, 0.3):.4f} w_gap={rng.gauss(2, 0.3):.4f}"
                for n in range(1, 60)
            ]
        case _:
            raise ValueError(kind)


@pytest.mark.parametrize(
    "kind",
    ["drifting offset", "coarse print", "starts at lambda", "converged", "warm-up without critic", "two optimizers", "short", "large but live", "one spike"],
)  # fmt: skip
def test_healthy_look_alikes_are_left_in_peace(read: Analyze, kind: str) -> None:
    assert loud(read(healthy(kind))) == []
    assert loud(read(healthy(kind), CLAMPED)) == []


def test_a_weight_that_is_echoed_is_no_penalty(read: Analyze) -> None:
    lines = [line + " gp=10.0000" for line in healthy("short")] * 1
    report = read(["Gradient penalty: λ=10.0", *lines])
    assert report.runs[0].roles["penalty_weight"] == "gp"
    assert "penalty" not in report.runs[0].roles


def test_a_restored_learning_rate_overrides_the_printed_one(read: Analyze) -> None:
    lines = [
        "Using SGD optimizer: lr=0.001, momentum=0.5",
        "Loaded checkpoint model.pt: restored optimizer state, lr=1e-05",
        *stuck(1000),
    ]
    report = read(lines)
    assert "lr=0.001" in found(report, "LOG003").title
    assert "lr=1e-05" in found(report, "OPT002").title


def test_source_alone_is_useful(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(CLAMPED)
    report = analyze(tmp_path)
    clamp = found(report, "SAT004")
    assert clamp.severity is Severity.MEDIUM
    assert clamp.place is not None and clamp.place.line == 12
    log = [f"step={n * 10} c_loss={-3 + 0.1 * (n % 3):.4f} g_loss=1.{n:04d}" for n in range(1, 40)]
    (tmp_path / "train.log").write_text("\n".join(log) + "\n")
    assert found(analyze(tmp_path), "SAT004").severity is Severity.LOW
