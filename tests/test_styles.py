"""Numbers of healthy and sick runs, printed in many styles: a healthy run gets no warning in any of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from wganlint import analyze
from wganlint.analysis import load_runs
from wganlint.finding import Severity

RUNS = Path(__file__).resolve().parents[1] / "fixtures"
HEALTHY = {
    "healthy-gp": ("critic_loss", "gen_loss", "w_dist", "gp"),
    "healthy-clip": ("Loss_D", "Loss_G", "", ""),
    "healthy-sn": ("d_loss", "g_loss", "", ""),
    "healthy-twin": ("c_loss", "g_loss", "w_gap", "penalty"),
}
SICK = ("c_loss", "g_loss", "w_gap", "")
Row = tuple[int, str, str, str]  # index, critic, generator, gap and penalty as `name=value`


@cache
def rows(case: str, style: str) -> list[Row]:
    (run,) = load_runs([RUNS / case / "run" / "logs_training"])
    by = {series.name: series.values.tolist() for series in run.series}
    critic, generator, gap, penalty = HEALTHY.get(case, SICK)
    found = []
    for at, value in enumerate(by[critic]):
        pairs = [f"{k}={by[n][at]:{style}}" for k, n in (("w_dist", gap), ("gp", penalty)) if n]
        found.append((at, format(value, style), format(by[generator][at], style), " ".join(pairs)))
    return found


STYLES: dict[str, Callable[[Row], str]] = {
    "brackets": lambda r: f"[Epoch {r[0]}/200] [Batch 0/938] [D loss: {r[1]}] [G loss: {r[2]}]\n",
    "tqdm": lambda r: f"\rTrain: {r[0]:2d}%|##  | {r[0]}/99 [00:01<00:10, 5.0it/s, d_loss={r[1]}, g_loss={r[2]}]",
    "jsonl": lambda r: json.dumps({"step": r[0], "d_loss": float(r[1]), "g_loss": float(r[2]), "lr": 1e-4}) + "\n",
    "keras": lambda r: f"Epoch {r[0] + 1}/99\n93/93 [====] - 12s 13ms/step - d_loss: {r[1]} - g_loss: {r[2]}\n",
    "dcgan": lambda r: f"[{r[0] // 10}/25][{r[0] % 10 * 50}/500]\tLoss_D: {r[1]}\tLoss_G: {r[2]}\n",
    "ranks": lambda r: "".join(f"[rank{k}] step {r[0]}: d_loss={r[1]} g_loss={r[2]}\n" for k in range(4)),
    "evaluated": lambda r: (
        f"step {r[0]}: d_loss={r[1]} g_loss={r[2]}\n" + "eval: fid=40.1 best=50.0\n" * (r[0] % 5 == 0)
    ),
    "echo": lambda r: f"step={r[0]} lr=0.0001 lambda_gp=10.0 n_critic=5 d_loss={r[1]} g_loss={r[2]} {r[3]} mem=11.2\n",
    "words": lambda r: f"epoch {r[0] + 1} | critic_loss {r[1]} | gen_loss {r[2]} | lr 1e-04\n",
    "csv": lambda r: ("step,d_loss,g_loss\n" if r[0] == 0 else "") + f"{r[0]},{r[1]},{r[2]}\n",
}


def written(folder: Path, case: str, style: str) -> list[Path]:
    paths = []
    for name, line in STYLES.items():
        path = (
            folder / f"{case}-{name}{style[1:]}" / ({"csv": "loss.csv", "jsonl": "loss.jsonl"}.get(name, "train.log"))
        )
        path.parent.mkdir()
        path.write_text("".join(map(line, rows(case, style))) + "\n")
        paths.append(path)
    return paths


@pytest.mark.parametrize("style", [".4f", ".1f", ".0f"])
@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_run_gets_no_warning(case: str, style: str, tmp_path: Path) -> None:
    report = analyze(written(tmp_path, case, style))
    loud = [f"{one.run} {one.code}: {one.title}" for one in report.findings if one.severity >= Severity.MEDIUM]
    assert not loud, "\n".join(loud)


def test_a_sick_run_is_sick_in_every_style(tmp_path: Path) -> None:
    report = analyze(written(tmp_path, "sick", ".4f"))
    assert len(report.runs) == len(STYLES)
    told = {(one.run, one.code) for one in report.findings}
    quiet = [(run.id, code) for run in report.runs for code in ("SAT001", "SAT002") if (run.id, code) not in told]
    assert not quiet
