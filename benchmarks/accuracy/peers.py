"""The rivals as judges: a run's log becomes a table that they read well, their words become codes, in their favor.

A rival knows one loss. `critic`, `generator` and `both` say which of the two it is shown as `loss`, with the learning
rate, the gradient norm and the memory under names that all of them know; `as it is` shows the files as the program left
them. Which view serves a rival best is seen in the results; the best one stands in the table of docs/accuracy.md.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from said import Judgement, Said

from wganlint import load_runs
from wganlint.run import Run
from wganlint.series import Series

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DRIVER = HERE / "peers_driver.py"
KEPT = ROOT / "build" / "accuracy" / "peers"
AT_ONCE = 200  # files a start
LOSS = {"critic": "critic_loss", "generator": "generator_loss"}
BESIDE = {  # column -> roles, the loss's own first
    "lr": ("learning_rate",),
    "grad_norm": ("{side}_gradient_norm", "gradient_norm"),
    "gpu_memory_allocated": ("memory",),
}


def python() -> str:
    """The rivals' Python: `make accuracy-peers` sets it up; PEERS_PYTHON names another."""
    return os.environ.get("PEERS_PYTHON", str(ROOT / ".venv" / "peers" / "bin" / "python"))


@cache
def words() -> dict[str, Any]:
    """The table of words."""
    return tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))


@cache
def version(peer: str) -> str:
    """The installed version; empty if it is not there."""
    code = f"import importlib.metadata as m; print(m.version({words()[peer]['package']!r}))"
    try:
        done = subprocess.run([python(), "-c", code], capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def table(run: Run, side: str) -> str:
    """The log of a run as CSV: a row for each record of one side's loss; empty if it logs none."""
    loss = run.role(LOSS[side])
    if loss is None or not len(loss):
        return ""
    columns: dict[str, Series] = {}
    for column, roles in BESIDE.items():
        found = (run.role(role.format(side=side)) for role in roles)
        if (series := next((one for one in found if one is not None), None)) is not None:
            columns[column] = series
    steps = loss.axis()
    cells = {name: _at(series, steps) for name, series in columns.items()}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["step", "loss", *cells])
    for place, step in enumerate(steps):
        beside = [repr(float(values[place])) for values in cells.values()]
        rows.writerow([f"{step:.0f}", repr(float(loss.values[place])), *beside])
    return text.getvalue()


def _at(series: Series, steps: Any) -> Any:
    """The latest value of a series at each step, its first one before that."""
    places = np.searchsorted(series.axis(), steps, side="right") - 1
    return series.values[np.clip(places, 0, len(series) - 1)]


@dataclass(frozen=True, slots=True)
class Peer:
    """One rival with one view of a run."""

    name: str
    view: str

    def missing(self) -> str:
        """Why it cannot be asked; empty if it can."""
        return "" if version(self.name) else "not installed"

    @property
    def known(self) -> frozenset[str]:
        """All codes that any of its words can stand for."""
        return frozenset(code for codes in words()[self.name]["words"].values() for code in codes)

    def prepare(self, runs: list[Path]) -> None:
        """Ask about many runs in few starts and keep the answers."""
        open_ = [(key, text, path) for run in runs for key, text, path in self._shown(run) if not self._kept(key)]
        open_ = list({key: (key, text, path) for key, text, path in open_}.values())
        for start in range(0, len(open_), AT_ONCE):
            self._ask(open_[start : start + AT_ONCE])

    def __call__(self, paths: list[Path]) -> Judgement:
        """Judge one run; source is not for them."""
        (run,) = paths
        if run.name == "code":
            return Judgement((), known=self.known)
        self.prepare([run])
        said: dict[str, Said] = {}
        errors = []
        for key, _, _ in self._shown(run):
            answer = json.loads((KEPT / f"{key}.json").read_text(encoding="utf-8"))
            errors += [answer["error"]] if "error" in answer else []
            for one in self._read(answer.get("said", [])):
                said.setdefault(one.title, one)
        order = sorted(said.values(), key=lambda one: -one.rank)
        return Judgement(tuple(order), known=self.known, error="; ".join(errors))

    def _read(self, answer: list[dict[str, str]]) -> list[Said]:
        peer = words()[self.name]
        found = []
        for one in answer:
            if one["word"] in peer.get("silent", ()):
                continue
            codes = peer["words"].get(one["word"], [])
            severity = peer["grades"].get(one["grade"], "info")
            found.append(Said(codes[0] if codes else "OTHER", severity, False, one["word"], frozenset(codes)))
        return found

    def _shown(self, run: Path) -> list[tuple[str, str, Path]]:
        """What it is shown of a run: (key of the answer, text of a table, path where there is no table)."""
        if self.view == "as it is":
            files = [path for path in sorted(run.rglob("*")) if path.is_file() and path.suffix != ".py"]
            text = "\0".join(path.name + hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
            return [(self._key(text), "", run)]
        texts = _tables(run)
        sides = tuple(LOSS) if self.view == "both" else (self.view,)
        return [(self._key(texts[side]), texts[side], run) for side in sides if texts[side]]

    def _key(self, text: str) -> str:
        parts = (self.name, version(self.name), DRIVER.read_text(encoding="utf-8"), text)
        return f"{self.name}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:24]}"

    def _kept(self, key: str) -> bool:
        return (KEPT / f"{key}.json").is_file()

    def _ask(self, shown: list[tuple[str, str, Path]]) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            paths = []
            for key, text, path in shown:
                if text:
                    path = Path(scratch) / f"{key}.csv"
                    path.write_text(text, encoding="utf-8")
                paths.append(str(path))
            request = json.dumps({"peer": self.name, "paths": paths})
            done = subprocess.run(
                [python(), str(DRIVER)], input=request, capture_output=True, text=True, check=False, cwd=scratch
            )
        answers = done.stdout.splitlines()
        for place, (key, _, _) in enumerate(shown):
            lost = json.dumps({"error": f"no answer: {done.stderr.strip()[-300:]}"})
            answer = answers[place] if place < len(answers) else lost
            (KEPT / f"{key}.json").write_text(answer, encoding="utf-8")


@cache
def _tables(run: Path) -> dict[str, str]:
    """Both tables of a run, from the logs that our readers understand; read in a copy without its code, so cached."""
    logs = [path for path in sorted(run.iterdir()) if path.name != "code"]
    read = load_runs(logs) if logs else []
    found = {}
    for side in LOSS:
        texts = [table(one, side) for one in read]
        found[side] = max(texts, key=len, default="")
    return found


def peers() -> dict[str, Peer]:
    """All rivals in all their views, by the name of the judge."""
    return {f"{name}, {view}": Peer(name, view) for name, peer in words().items() for view in peer["views"]}
