"""Start-up and small logs, as ratios to `python -c pass`, everything interleaved in one run; medians.

    python benchmarks/startup.py [--rounds N]

Nothing here is a test: figures go to benchmarks/startup.json and from there, by hand, into README.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
FINE = 0


def dense_log(file: Path, size: int) -> None:
    """Write a seeded log of about `size` bytes, fourteen `key=value` fields on each line."""
    draw = random.Random(1).gauss
    with file.open("w", encoding="utf-8") as out:
        out.write("Using Adam optimizer: lr=0.0001\nGradient penalty: lambda=10.0\n")
        step = 0
        while out.tell() < size:
            step += 10
            out.write(
                f"[global] batches={step} events={step * 256} tracks={step * 650} c_loss={draw(-3, 0.4):.4f} "
                f"g_loss={draw(0.5, 0.4):.4f} m_loss={abs(draw(0.3, 0.02)):.4f} w_gap={draw(3.3, 0.4):.4f} "
                f"w_ma={draw(3.3, 0.1):.4f} gp={abs(draw(0.3, 0.1)):.4f} grad_norm={abs(draw(1, 0.2)):.4f} "
                f"lr=0.0001 alloc={2500 + step % 7}MiB rate={draw(3, 0.1):.2f}\n"
            )


def main() -> None:
    """Run all candidates in turn, print and store the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        dense_log(log, 1_000_000)
        module = [sys.executable, "-m", "wganlint"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import numpy, typer'": [sys.executable, "-c", "import numpy, typer"],
            "wganlint --version": [*module, "--version"],
            "wganlint --help": [*module, "--help"],
            "wganlint analyze (1 MB dense log)": [*module, "analyze", str(log)],
        }
        walls: dict[str, list[float]] = {name: [] for name in commands}
        for at in range(rounds + 1):
            for name, command in commands.items():
                start = time.perf_counter()
                done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
                wall = time.perf_counter() - start
                if done.returncode != FINE:
                    raise SystemExit(f"{name} failed with {done.returncode}")
                if at:  # the first round writes byte code and fills the page cache
                    walls[name].append(wall)
    base = statistics.median(walls["python -c pass"])
    result = {
        "python": platform.python_version(),
        "rounds": rounds,
        "ratios": {name: round(statistics.median(wall) / base, 1) for name, wall in walls.items()},
        "milliseconds": {name: round(1e3 * statistics.median(wall)) for name, wall in walls.items()},
    }
    (HERE / "startup.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, ratio in result["ratios"].items():
        print(f"{ratio:6.1f}x  {result['milliseconds'][name]:5d} ms  {name}")


if __name__ == "__main__":
    main()
