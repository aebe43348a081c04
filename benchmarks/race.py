"""Races commands against each other: interleaved rounds, each a process of its own, medians; results kept as JSON.

A command does its work and prints one JSON line with what it found. CPU seconds (user and system, with children) and
the peak of resident memory are those that the kernel kept for that process. The driver stays small on purpose: the peak
of a child is never below the memory of the process that started it.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
LONGEST = 900.0  # seconds of one command


@dataclass(frozen=True)
class Entry:
    """One candidate: `missing` says why it cannot run ("not installed"); `mark` is its name's version for people."""

    name: str
    command: tuple[str, ...]
    mark: str = ""
    missing: str = ""


@dataclass
class Measured:
    """What the rounds of one candidate gave."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    found: dict[str, object] = field(default_factory=dict)
    failed: str = ""


def once(command: Sequence[str], into: Measured) -> None:
    """Run a command and add what it took, in seconds and MiB."""
    # Byte code is kept, as for any installed program.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # The command wganlint sets this for itself; where only a part of it is raced, all candidates are given it.
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    start = time.perf_counter()
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    clock = threading.Timer(LONGEST, child.kill)
    clock.start()
    assert child.stdout is not None and child.stderr is not None
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
    reader.start()
    printed = child.stdout.read()
    reader.join()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    clock.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    child.stderr.close()
    if child.returncode < 0 and wall >= LONGEST:
        into.failed = f"took longer than {LONGEST:.0f} s"
    elif child.returncode not in {0, 1}:  # 1: findings
        last = b"".join(errors).decode(errors="replace").strip().splitlines()[-1:]
        into.failed = f"failed with {child.returncode}: {''.join(last)[:200]}"
    else:
        into.cpu.append(used.ru_utime + used.ru_stime)
        into.wall.append(wall)
        into.rss.append(used.ru_maxrss / 1024)
        lines = printed.decode(errors="replace").strip().splitlines()
        try:
            found = json.loads(lines[-1]) if lines else {}
        except ValueError:
            found = {}
        into.found = found if isinstance(found, dict) else {}


def race(
    name: str,
    title: str,
    entries: Sequence[Entry],
    *,
    rounds: int,
    same: Sequence[str | Mapping[str, str]] = (),
    by: str = "cpu_s",
    about: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Run all entries in turn, `rounds` times, and keep the result under `results/NAME.json`.

    `same` names figures that all who print them must agree on; a mapping gives the figure's name for each entry. The
    first entry is the measure: `times` of another is its `by` ("cpu_s" or "wall_s") over that of the first.
    """
    measured = {entry.name: Measured() for entry in entries}
    able = [entry for entry in entries if not entry.missing]
    for turn in range(rounds):
        for entry in able:
            one = measured[entry.name]
            if not one.failed:
                print(f"  {name}: round {turn + 1} of {rounds}, {entry.name}", file=sys.stderr)
                once(entry.command, one)
    rows: list[dict[str, object]] = []
    base = _median(measured[entries[0].name], by)
    for entry in entries:
        one = measured[entry.name]
        if entry.missing or one.failed:
            rows.append({"name": entry.name, "mark": entry.mark, "missing": entry.missing or one.failed})
            continue
        rows.append({
            "name": entry.name, "mark": entry.mark, "cpu_s": three(_median(one, "cpu_s")),
            "wall_s": three(_median(one, "wall_s")), "peak_mb": round(max(one.rss)),
            "times": three(_median(one, by) / base) if base else None,
        })  # fmt: skip
    result: dict[str, object] = {
        "name": name, "title": title, "rounds": rounds, "by": by, **(about or {}), **machine(),
        "agree": agreement(same, {entry.name: measured[entry.name].found for entry in able}), "rows": rows,
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def three(number: float) -> float:
    """Round to three figures that mean something."""
    return float(f"{number:.3g}")


def agreement(same: Sequence[str | Mapping[str, str]], found: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return for each figure that at least two candidates print whether they agree, or what each says."""
    told: dict[str, object] = {}
    for figure in same:
        keys = figure if isinstance(figure, Mapping) else dict.fromkeys(found, figure)
        label = figure if isinstance(figure, str) else "/".join(dict.fromkeys(figure.values()))
        values = {name: found[name][key] for name, key in keys.items() if name in found and key in found[name]}
        if len(values) > 1:
            first = next(iter(values.values()))
            told[label] = True if all(value == first for value in values.values()) else values
    return told


def _median(one: Measured, what: str) -> float:
    times = one.cpu if what == "cpu_s" else one.wall
    return statistics.median(times) if times else 0.0


def machine() -> dict[str, object]:
    return {"python": platform.python_version(), "system": platform.system(), "cores": len(os.sched_getaffinity(0))}
