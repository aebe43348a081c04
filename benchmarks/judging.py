"""What judging costs beside reading, on one run.

    python benchmarks/judging.py read|judge PATH

read: all inputs of the run, up to finished series and their roles; judge: the same, then every rule, the chain and the
order of fixes. Prints one line of JSON: CPU seconds without imports, peak memory, records, rules that could tell.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from wganlint import analyze
from wganlint.analysis import load_runs
from wganlint.finding import Outcome


def read(path: Path) -> dict[str, int]:
    """Read only."""
    runs = load_runs(path)
    return {"records": max(len(series) for run in runs for series in run.series)}


def judge(path: Path) -> dict[str, int]:
    """Read and judge."""
    report = analyze(path)
    told = [v for v in report.verdicts if v.outcome in (Outcome.FIRED, Outcome.QUIET)]
    return {
        "records": max(series.points for run in report.runs for series in run.series),
        "rules": len(report.verdicts),
        "told": len(told),
    }


CANDIDATES = {"read": read, "judge": judge}


def main() -> None:
    """Run one candidate and print what it cost."""
    name, path = sys.argv[1], Path(sys.argv[2])
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = CANDIDATES[name](path)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    costs = {"cpu_s": round(cpu, 4), "wall_s": round(wall, 4), "rss_mb": round(after.ru_maxrss / 1024, 1)}
    print(json.dumps({"candidate": name, **costs, **found}))


if __name__ == "__main__":
    main()
