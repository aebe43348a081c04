"""How long healthy losses stand still by chance: the measurement behind the record counts of SAT001 and OPT001.

    python benchmarks/stands.py FOLDER [FOLDER ...]

For every critic loss, generator loss, gap and score in the logs under the folders: the longest stretch within 0.1 %
of a round number (1, 2, 5 times a power of ten) that its print resolves, and the longest stretch of one printed text.
The figures quoted in rules/ come from the `logs/` folder of POSTECH-CVLab/PyTorch-StudioGAN (49 runs with quality
scores, two of them dead), some twenty single logs of other public repositories, and the healthy runs in fixtures/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np

from wganlint.analysis import load_runs
from wganlint.detect.bounds import TOLERANCE, near_bound, nearest_round
from wganlint.run import Series

ROLES = ("critic_loss", "generator_loss", "gap", "fake_score", "real_score")


def longest(hits: Iterable[bool]) -> int:
    """Return the length of the longest stretch of True."""
    return max((len(list(group)) for hit, group in groupby(hits) if hit), default=0)


def stand(series: Series) -> int:
    """Return the longest stretch at one round number that the print resolves."""
    values = series.values[np.isfinite(series.values)]
    every = np.arange(len(series.values))
    bounds = {nearest_round(abs(float(v))) for v in values} - {0.0}
    fine = [b for b in bounds if series.decimals is None or 10.0**-series.decimals <= TOLERANCE * b]
    return max((longest(near_bound(series, every, bound).tolist()) for bound in fine), default=0)


def main() -> None:
    """Print the ten longest stands and repeats."""
    rows = []
    for folder in sys.argv[1:]:
        for run in load_runs(Path(folder)):
            for role in ROLES:
                series = run.role(role)
                if series is not None and len(series) >= 5 and series.tally.longest is not None:
                    repeat = series.tally.longest
                    rows.append((stand(series), repeat.length, repeat.text, f"{run.id} {series.name}"))
    print(f"{len(rows)} series")
    for what, at in (("records at a round number", 0), ("records of one text", 1)):
        print(f"longest {what}:")
        for row in sorted(rows, key=lambda row: -row[at])[:10]:
            print(f"  {row[at]:5d}  {row[2]:>12}  {row[3]}")


if __name__ == "__main__":
    main()
