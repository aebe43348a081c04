"""Probes of small programs, as somebody calls them; used by the tests of the probe."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wganlint.measured import Probe
from wganlint.read.probed import read_probe

ROOT = Path(__file__).parents[2]
SICK = ["--seed", "71", "--optimizer", "sgd", "--lr", "1e-5", "--momentum", "0.5", "--profile-steps", "0"]
HALF = ["--seed", "26", "--optimizer", "sgd", "--lr", "1e-4", "--momentum", "0.5", "--profile-steps", "0"]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def probe(self) -> Probe:
        return read_probe((self.folder / "probe.json").read_bytes(), "probe.json")


def probe(folder: Path, *options: str, script: str = "train.py", arguments: list[str] | None = None) -> Done:
    words = ["probe", "--no-analyze", "--yes", *options, "--", sys.executable, script, *(arguments or [])]
    done = subprocess.run(
        [sys.executable, "-m", "wganlint", *words],
        capture_output=True, text=True, cwd=folder, check=False, timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr, folder)


def of_fixture(name: str, into: Path, arguments: list[str], *options: str) -> Done:
    shutil.copytree(ROOT / "fixtures" / name / "run", into / name)
    return probe(into / name, *options, script="training/train.py", arguments=arguments)
