"""One reader of text logs on one file, for the driver that measures several in turn.

    python benchmarks/text.py CANDIDATE FILE

wganlint: the reader of `wganlint analyze`, up to finished series; naive: what a researcher writes, one `re.search`
a key on each line with a `=`, into a pandas frame; extract: pandas `str.extract` with one pattern for the whole line;
grep: `grep -c =`. Prints one line of JSON: CPU seconds of the work without imports, peak memory, and what was found
(number of values of the keys in logs.py, of non-finite ones, the last line and the sum of its values), so that one
sees that the candidates agree.
"""

from __future__ import annotations

import json
import math
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

KEYS = (
    "events", "tracks", "c_loss", "g_loss", "m_loss", "w_gap", "gp", "grad_norm", "lr", "step_ms", "alloc_mib",
)  # fmt: skip
NUMBER = r"([-+.0-9eE]+|nan|inf)"

Counts = dict[str, int | float]


def wganlint() -> Callable[[Path], Counts]:
    """Read with this project."""
    from wganlint.read.text import read_text

    def run(file: Path) -> Counts:
        with file.open("rb") as stream:
            facts = read_text(stream, file.name)
        built = [builder.build() for builder in facts.series]
        known = [series for series in built if series.key in KEYS]
        exact = [series for series in known if series.key == "lr"]
        return {
            "values": sum(len(series) for series in known),
            "nonfinite": sum(series.tally.nonfinite_count for series in known),
            "last_line": max(series.last.place.line or 0 for series in known),
            "last": sum(series.last.value for series in known if math.isfinite(series.last.value)),
            "lr": sum(len(series) for series in exact),
        }

    return run


def naive() -> Callable[[Path], Counts]:
    """Read as an obvious script does."""
    import pandas as pd

    def run(file: Path) -> Counts:
        patterns = {key: re.compile(rf"\b{key}={NUMBER}") for key in KEYS}
        rows = []
        with file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                if "=" not in line:
                    continue
                row: dict[str, float] = {}
                for key, pattern in patterns.items():
                    match = pattern.search(line)
                    if match:
                        row[key] = float(match[1])
                if len(row) > 1:
                    row["line"] = number
                    rows.append(row)
        return _of_frame(pd.DataFrame(rows))

    return run


def extract() -> Callable[[Path], Counts]:
    """Read with pandas `str.extract`."""
    import pandas as pd

    def run(file: Path) -> Counts:
        pattern = " ".join(f"{key}=(?P<{key}>{NUMBER[1:-1]})" for key in KEYS)
        with file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            lines = pd.Series(list(stream))
        frame = lines.str.extract(pattern).dropna(how="all").astype(float)
        frame["line"] = frame.index + 1
        return _of_frame(frame)

    return run


def _of_frame(frame) -> Counts:  # type: ignore[no-untyped-def]
    found = frame[[key for key in KEYS if key in frame]]
    last = found.iloc[-1]
    return {
        "values": int(found.size),
        "nonfinite": int((~(found.abs() < math.inf)).sum().sum()),
        "last_line": int(frame["line"].iloc[-1]),
        "last": float(last[last.abs() < math.inf].sum()),
        "lr": int(found["lr"].count()),
    }


def grep() -> Callable[[Path], Counts]:
    """Count the lines with a `=`."""

    def run(file: Path) -> Counts:
        done = subprocess.run(["grep", "-c", "=", str(file)], capture_output=True, text=True, check=True)
        return {"lines": int(done.stdout)}

    return run


CANDIDATES = {"wganlint": wganlint, "naive": naive, "extract": extract, "grep": grep}


def main() -> None:
    """Run one candidate and print what it found."""
    name, file = sys.argv[1], Path(sys.argv[2])
    run = CANDIDATES[name]()
    who = resource.RUSAGE_CHILDREN if name == "grep" else resource.RUSAGE_SELF
    before, start = resource.getrusage(who), time.perf_counter()
    found = run(file)
    wall, after = time.perf_counter() - start, resource.getrusage(who)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = {
        "candidate": name, "bytes": file.stat().st_size, "cpu_s": round(cpu, 4), "wall_s": round(wall, 4),
        "rss_mb": round(after.ru_maxrss / 1024, 1), **found,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
