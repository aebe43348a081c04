"""An export of ours is no second source of the run that it lies in; named by itself it gives its series back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wganlint.analysis import load_runs
from wganlint.export import COLUMNS, Export
from wganlint.read.dialect import OURS


def export(log: Path, file: Path) -> None:
    with Export.to({"csv": str(file)}) as target:
        assert target is not None
        target.read(lambda: load_runs(log))


def make(folder: Path) -> Path:
    folder.mkdir()
    log = folder / "train.log"
    rows = [(at * 10, f"{np.sin(at):.4f}", f"{at / 7:.3e}") for at in range(200)]
    log.write_text("".join(f"step={step} d_loss={d} g_loss={g}\n" for step, d, g in rows))
    return log


def test_in_a_folder_it_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    log = make(tmp_path / "run")
    export(log, log.with_name("points.csv"))
    (run,) = load_runs(log.parent)
    assert {s.key for s in run.series} == {"d_loss", "g_loss"}
    assert all(not s.also_in for s in run.series)
    (passed,) = [one for one in run.inputs if one.path.endswith("points.csv")]
    assert not passed.used and "name the file itself" in passed.why


def test_named_by_itself_it_gives_the_series_back(tmp_path: Path) -> None:
    assert OURS == COLUMNS
    log = make(tmp_path / "run")
    export(log, tmp_path / "points.csv")
    (run,), (back,) = load_runs(log), load_runs(tmp_path / "points.csv")
    mine, its = ({s.key: s for s in one.series} for one in (run, back))
    assert mine.keys() == its.keys()
    for key, series in mine.items():
        assert its[key].values.tobytes() == series.values.tobytes()
        assert its[key].steps.tobytes() == series.steps.tobytes()
