"""Seeded training logs of any size to measure readers with.

    python benchmarks/logs.py dense|sparse|mixed FILE MB [--seed N]

dense: each line has twelve `key=value` fields, about 200 bytes; sparse: 19 of 20 lines are noise (profiler tables,
warnings, progress bars redrawn in place, log records without numbers); mixed: the form of the lines changes.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path

KEYS = (
    "events", "tracks", "c_loss", "g_loss", "m_loss", "w_gap", "gp", "grad_norm", "lr", "step_ms", "alloc_mib",
)  # fmt: skip
_START = "Device: cuda:0\nSeed: 77\nUsing Adam optimizer: lr=2e-05, betas=(0.0, 0.9)\nGradient penalty: lambda=10.0\n"
_COLUMNS = ("Self CPU %", "Self CPU", "CPU total", "Self CUDA", "CUDA total", "# of Calls")
_OPERATIONS = (
    "aten::linear", "aten::addmm", "AddmmBackward0", "aten::mm", "aten::leaky_relu", "LeakyReluBackward0",
    "aten::nan_to_num", "NanToNumBackward0", "aten::copy_", "Optimizer.step#Adam.step",
)  # fmt: skip


def record(draw: random.Random, step: int) -> str:
    """Return one line of a Wasserstein run that works."""
    odd = draw.random()
    norm = "nan" if odd < 0.005 else "inf" if odd < 0.008 else f"{abs(draw.gauss(0, 1e-2)):.3g}"
    gap = 12.0 + draw.gauss(0, 1.5)
    return (
        f"step={step}: events={step * 4096} tracks={step * 9811 + draw.randrange(4096)} c_loss={-gap:.4f} "
        f"g_loss={draw.gauss(0, 20):.4f} m_loss={0.25 + draw.random() / 20:.4f} w_gap={gap:.6f} "
        f"gp={abs(draw.gauss(0, 2)):.5f} grad_norm={norm} lr=2e-05 step_ms={35 + draw.random() * 80:.3f} "
        f"alloc_mib={7000 + draw.random() * 90:.1f}\n"
    )


def table(draw: random.Random) -> str:
    """Return one printed profiler table."""
    dashes = "  ".join(["-" * 40, *["-" * 12] * len(_COLUMNS)])
    rows = [dashes, "  ".join([f"{'Name':>40}", *(f"{name:>12}" for name in _COLUMNS)]), dashes]
    for name in _OPERATIONS:
        cells = (
            f"{draw.random() * 100:.2f}%", f"{draw.random() * 900:.3f}us", f"{draw.random() * 9:.3f}ms",
            f"{draw.random() * 900:.3f}us", f"{draw.random() * 9:.3f}ms", "13",
        )  # fmt: skip
        rows.append("  ".join([f"{name:>40}", *(f"{cell:>12}" for cell in cells)]))
    time = f"{draw.random() * 90:.3f}ms"
    return "\n".join([*rows, dashes, f"Self CPU time total: {time}", f"Self CUDA time total: {time}", "", ""])


def noise(draw: random.Random, step: int) -> str:
    """Return some lines that are no record."""
    kind = draw.randrange(4)
    if kind == 0:
        return table(draw)
    if kind == 1:
        return (
            "/opt/venv/lib/python3.11/site-packages/torch/nn/functional.py:1331: UserWarning: dropout2d: Received a "
            "2-D input to dropout2d, which will change (Triggered internally at ../aten/Context.cpp:42.)\n"
            "  warnings.warn(message)\n"
        )
    if kind == 2:
        parts = [
            f"\rEpoch 5: {part:3d}%|{'#' * (part // 10):10}| {part * 9}/900 [00:{part % 60:02d}<01:07, "
            f"{10 + draw.random() * 20:.2f}it/s]"
            for part in range(0, 100, 25)
        ]
        return "".join(parts) + "\n"
    second, thousandth = step % 60, step % 1000
    line = f"2026-02-11 09:30:{second:02d},{thousandth:03d} INFO loader {step % 8}: file part-{step % 977:05d} opened\n"
    return line * 4


def pieces(kind: str, draw: random.Random) -> Iterator[str]:
    """Yield the text of a log without end."""
    yield _START
    step = 0
    forms: tuple[Callable[[int], str], ...] = (
        lambda step: record(draw, step),
        lambda step: (
            f"[09:30:{step % 60:02d}] epoch: {step // 900} | step: {step} | loss: {draw.random():.4f} | lr: 1e-05\n"
        ),
        lambda step: f'{{"step": {step}, "loss": {draw.random():.6f}, "grad_norm": {draw.random() * 10!r}}}\n',
        lambda step: (
            f"[Epoch {step // 900}/200] [Batch {step % 900}/900] "
            f"[D loss: {draw.gauss(0, 1):f}] [G loss: {draw.random():f}]\n"
        ),
    )
    while True:
        if kind == "dense":
            step += 50
            yield record(draw, step)
        elif kind == "sparse":
            text = noise(draw, step)
            yield text
            for _ in range(text.count("\n")):
                if draw.random() < 1 / 19:
                    step += 50
                    yield record(draw, step)
        else:
            form = forms[draw.randrange(len(forms))]
            for _ in range(500):
                step += 50
                yield form(step)


def write(file: Path, kind: str, size: int, seed: int = 1) -> None:
    """Write a log of about `size` bytes."""
    left = size
    with file.open("w", encoding="utf-8", newline="") as out:
        for piece in pieces(kind, random.Random(seed)):
            out.write(piece)
            left -= len(piece)
            if left <= 0:
                return


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("dense", "sparse", "mixed"))
    parser.add_argument("file", type=Path)
    parser.add_argument("megabytes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.file, given.kind, int(given.megabytes * 1e6), given.seed)


if __name__ == "__main__":
    main()
