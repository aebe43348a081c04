"""Write a large Chrome trace: a real one, over and over, later each time.

    python benchmarks/big_trace.py SMALL TARGET MEGABYTES

Times, correlation ids, sequence numbers, external ids and step numbers are shifted from copy to copy: the copies
follow each other as the steps of one long window would. The layout of the text stays as the profiler wrote it.
Prints one JSON line: copies, bytes.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

IDS = 10_000_000  # distance of the ids of two copies
_SHIFTED = re.compile(
    rb'("ts": ?)([0-9.]+)|("(?:External id|correlation|Sequence number|id)": ?)(\d+)|(ProfilerStep#)(\d+)'
)


def enlarge(small: Path, target: Path, megabytes: int) -> dict[str, int]:
    """Write copies of `small` until `target` has about this size."""
    data = small.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    start = data.index(b"[", data.index(b'"traceEvents"')) + 1
    stop = data.rindex(b"]")
    head, body, tail = data[:start], data[start:stop].strip(), data[stop:]
    events = json.loads(b"[" + body + b"]")
    calls = [event for event in events if event.get("ph") == "X" and event.get("cat") != "Trace"]
    span = max(event["ts"] for event in calls) - min(event["ts"] for event in calls) + 1e5
    steps = sum(event["name"].startswith("ProfilerStep#") for event in calls) + 4
    whole = all(float(event["ts"]).is_integer() for event in calls)
    copies = max(1, round(megabytes * 1_000_000 / len(body)))
    with target.open("wb") as file:
        file.write(head)
        for copy in range(copies):
            file.write(b",\n" if copy else b"")
            file.write(_shift(body, copy, span, steps, whole) if copy else body)
        file.write(b"\n" + tail)
    return {"copies": copies, "bytes": target.stat().st_size, "events": copies * len(events)}


def _shift(body: bytes, copy: int, span: float, steps: int, whole: bool) -> bytes:
    def moved(found: re.Match[bytes]) -> bytes:
        if found[1]:
            time = float(found[2]) + copy * span
            return found[1] + (b"%d" % time if whole else b"%.3f" % time)
        if found[3]:
            return found[3] + b"%d" % (int(found[4]) + copy * IDS)
        return found[5] + b"%d" % (int(found[6]) + copy * steps)

    return _SHIFTED.sub(moved, body)


if __name__ == "__main__":
    print(json.dumps(enlarge(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))))
