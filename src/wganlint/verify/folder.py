"""What a folder holds that fixes are tried on: its run, its source, and what wganlint says of a trial."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wganlint.analysis import judged, load_runs
from wganlint.finding import Finding
from wganlint.probe.changed import Measured
from wganlint.probe.probing import as_json
from wganlint.run import Run


def run_of(folder: Path) -> tuple[Run | None, Sequence[Finding]]:
    """Return the run of a folder that has source, with what was found in it."""
    runs = [run for run in load_runs([folder]) if run.source is not None]
    if not runs:
        return None, ()
    mine = {run.id: judged(run) for run in runs}
    best = max(runs, key=lambda run: sum(int(one.severity) for one in mine[run.id]))
    return best, mine[best.id]


def texts_of(folder: Path, files: Sequence[str]) -> dict[str, str]:
    """Return the files that can be read as UTF-8, by name."""
    texts = {}
    for name in files:
        try:
            texts[name] = (folder / name).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # an edit there is told to be impossible
    return texts


def reader(texts: Mapping[str, str]) -> Callable[[Measured, Mapping[str, str]], Run | None]:
    """Return what reads the run of a trial: its output, its probe and the changed source, and no other file."""

    def read(got: Measured, changes: Mapping[str, str]) -> Run | None:
        with tempfile.TemporaryDirectory(prefix="wganlint-read-") as room:
            Path(room, "train.log").write_text(got.output, encoding="utf-8")
            Path(room, "probe.json").write_bytes(as_json(got.probe))
            for name, text in {**texts, **changes}.items():
                file = Path(room, name)
                if file.resolve().is_relative_to(Path(room).resolve()):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(text.encode("utf-8"))
            try:
                runs = load_runs([room])
            except Exception:  # what the user's script printed must not stop the trials
                return None
        return max(runs, key=lambda run: len(run.series), default=None)

    return read
