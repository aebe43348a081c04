"""Read one CSV of metrics, or one file of JSON lines, with one reader and print what it found: one JSON line.

    python benchmarks/tables.py CANDIDATE FILE

Candidates: `wganlint`, `dictreader` (what people write: csv.DictReader, float() of each cell), `pandas` (read_csv);
of JSON lines `wganlint` and `jsonloads` (what people write: json.loads of each line).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def wganlint(path: Path) -> tuple[int, float]:
    """Read with wganlint: series with exact tallies, places and quotes."""
    from wganlint.read.columns import read_table

    facts = read_table(lambda: path.open("rb"), path.name)
    built = [builder.build() for series in facts.runs.values() for builder in series]
    return sum(map(len, built)), sum(series.last.value for series in built)


def dictreader(path: Path) -> tuple[int, float]:
    """Read as an obvious script does."""
    import csv

    columns: dict[str, list[float]] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for name, text in row.items():
                columns.setdefault(name, []).append(float(text))
    columns.pop("step")
    return sum(map(len, columns.values())), sum(column[-1] for column in columns.values())


def pandas(path: Path) -> tuple[int, float]:
    """Read with pandas; its numbers may differ from those printed in the last bit."""
    import pandas as pd

    frame = pd.read_csv(path).drop(columns="step")
    return int(frame.size), float(sum(frame.iloc[-1]))


def jsonloads(path: Path) -> tuple[int, float]:
    """Read JSON lines as an obvious script does."""
    columns: dict[str, list[float]] = {}
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            for name, value in json.loads(line).items():
                if isinstance(value, int | float):
                    columns.setdefault(name, []).append(float(value))
    columns.pop("step")
    return sum(map(len, columns.values())), sum(column[-1] for column in columns.values())


CANDIDATES = {"wganlint": wganlint, "dictreader": dictreader, "pandas": pandas, "jsonloads": jsonloads}


if __name__ == "__main__":
    points, last = CANDIDATES[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"points": points, "last": round(last, 9)}))
