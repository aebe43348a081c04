"""Read one Chrome trace with one reader and print what it found: one JSON line.

    python benchmarks/traces.py CANDIDATE FILE [OPERATION]

Candidates: `wganlint` (counts by step, kernels attributed to operations), `hta` (HolisticTraceAnalysis' parser: a frame
of all events, nothing attributed), `json` (json.load and a plain count). Each says how many events it found and how
often one operation occurs: `raw` counts its events, `calls` leaves out calls that it makes to itself; for an operation
that never calls itself both agree. `rss_mb` is the peak of the whole process; `import_cpu_s` is
spent before the reading and not part of `cpu_s`.
"""

from __future__ import annotations

import gzip
import importlib
import json
import resource
import sys
import time
from pathlib import Path

OPERATION = "aten::mul"


def wganlint(path: Path, operation: str) -> dict[str, object]:
    """Read with wganlint; calls of an operation inside itself are one, so `calls` may be less than the raw events."""
    from wganlint.read.opening import open_file
    from wganlint.read.trace import read_trace

    with open_file(path, fast=True) as stream:
        trace, _ = read_trace(stream, path.name)
    if trace is None:
        return {"events": 0}
    found = trace.operations.get(operation)
    return {
        "events": trace.events,
        "calls": found.total_calls if found else 0,
        "per_step": found.calls.tolist()[:10] if found else [],
        "device_us": found.total_device_ns / 1000 if found else 0,
        "steps": trace.steps_seen,
        "kernels": trace.kernels,
        "unattributed": trace.unlaunched + trace.unowned,
    }


def hta(path: Path, operation: str) -> dict[str, object]:
    """Read with HolisticTraceAnalysis' own parser, as its users do."""
    import logging

    from hta.common.trace_parser import parse_trace_dataframe
    from hta.configs.parser_config import ParserConfig

    logging.disable(logging.CRITICAL)
    _, frame, symbols = parse_trace_dataframe(str(path), ParserConfig.get_default_cfg())
    number = symbols.sym_index.get(operation, -1)
    return {"events_kept": len(frame), "raw": int((frame["name"] == number).sum())}


def plain(path: Path, operation: str) -> dict[str, object]:
    """Read with json.load and count."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        data = json.load(stream)
    events = data["traceEvents"] if isinstance(data, dict) else data
    return {"events": len(events), "raw": sum(event.get("name") == operation for event in events)}


MODULES = {"wganlint": "wganlint.read.trace", "hta": "hta.common.trace_parser", "json": "json"}
CANDIDATES = {"wganlint": wganlint, "hta": hta, "json": plain}


def main(candidate: str, file: str, operation: str = OPERATION) -> None:
    """Run one candidate and print its line."""
    start = time.process_time()
    importlib.import_module(MODULES[candidate])
    imports = time.process_time() - start
    wall, cpu = time.perf_counter(), time.process_time()
    found = CANDIDATES[candidate](Path(file), operation)
    result = {
        "candidate": candidate, "file": Path(file).name, "bytes": Path(file).stat().st_size, "operation": operation,
        "wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3),
        "import_cpu_s": round(imports, 3),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1), **found,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
