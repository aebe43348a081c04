"""Read one TensorBoard event file with one reader and print what it found: one JSON line.

    python benchmarks/events.py CANDIDATE FILE

Candidates: `wganlint`, `tbparse` (its frame of scalars), `accumulator` (TensorBoard's EventAccumulator, uncapped).
All print the number of points and the last value of each tag, so that a driver can check that they read the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def wganlint(path: Path) -> dict[str, float]:
    """Read with wganlint: series with exact tallies; checksums checked."""
    from wganlint.read.events import read_events

    with path.open("rb") as file:
        builders, _, _ = read_events(file, path.name)
    built = [builder.build() for builder in builders]
    scalars = [series for series in built if series.form == "scalar"]
    return {"points": sum(map(len, scalars))} | {series.name: series.last.value for series in scalars}


def tbparse(path: Path) -> dict[str, float]:
    """Read with tbparse into its long frame of scalars."""
    from tbparse import SummaryReader

    frame = SummaryReader(str(path), event_types={"scalars"}).scalars
    return {"points": len(frame)} | {tag: float(rows["value"].iloc[-1]) for tag, rows in frame.groupby("tag")}


def accumulator(path: Path) -> dict[str, float]:
    """Read with TensorBoard's own EventAccumulator, told to keep every scalar and nothing else."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    sizes = {"scalars": 0, "tensors": 0, "histograms": 1, "compressedHistograms": 1, "images": 1, "audio": 1}
    read = EventAccumulator(str(path), size_guidance=sizes)
    read.Reload()
    found: dict[str, float] = {}
    points = 0
    for tag in read.Tags()["scalars"]:
        events = read.Scalars(tag)
        points += len(events)
        found[tag] = events[-1].value
    for tag in read.Tags()["tensors"]:
        if read.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            tensors = read.Tensors(tag)
            points += len(tensors)
            found[tag] = float(tensor_util.make_ndarray(tensors[-1].tensor_proto))
    return {"points": points} | found


CANDIDATES = {"wganlint": wganlint, "tbparse": tbparse, "accumulator": accumulator}


def main(candidate: str, file: str) -> None:
    """Run one candidate and print its line."""
    found = CANDIDATES[candidate](Path(file))
    points = found.pop("points")
    last = {tag: str(value) for tag, value in sorted(found.items())}
    print(json.dumps({"candidate": candidate, "points": points, "last": last}))


if __name__ == "__main__":
    main(*sys.argv[1:])
