"""README's section on speed, made from benchmarks/results/*.json and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
ORDER = (
    "startup", "text-dense", "text-sparse", "text-dense-300", "text-sparse-300", "files", "tables",
    "tables-floats", "tables-jsonl",
    "events-simple", "events-tensor", "events-mixed", "events-1m", "events-5m", "traces",
)  # fmt: skip


def results() -> list[dict[str, Any]]:
    """Return the kept results in the order of the table."""
    kept = {path.stem: path for path in (HERE / "results").glob("*.json")}
    names = [name for name in ORDER if name in kept] + sorted(set(kept) - {*ORDER, "overhead"})
    return [json.loads(kept[name].read_text(encoding="utf-8")) for name in names]


def table() -> str:
    """Return the section: how it was measured, and one row for each candidate."""
    found = results()
    machines = sorted({f"{one['cores']} cores, Python {one['python']}" for one in found})
    lines = [
        "Measured by `make benchmark`: each candidate reads the same file in a process of its own, in interleaved",
        f"rounds; medians of CPU seconds, start and imports included, and the peak of memory ({'; '.join(machines)}).",
        "`times` is the cost beside the first row of each block; the candidates' counts and last values were compared.",
        "",
        "| input | reader | CPU s | times | peak MB |",
        "|---|---|--:|--:|--:|",
    ]
    for one in found:
        size = f", {_plain(one['megabytes'])} MB" if "megabytes" in one else ""
        title = one["title"] + size
        disagree = [figure for figure, same in one["agree"].items() if same is not True]
        for row in one["rows"]:
            name = f"{row['name']} {row['mark']}".strip().replace("|", "\\|")
            if row.get("missing"):
                lines.append(f"| {title} | {name} | {row['missing']} | | |")
            else:
                wall = f" ({row['wall_s']:.3g} s wall)" if one["by"] == "wall_s" else ""
                times = "" if row["times"] is None else f"{row['times']:.3g}"
                lines.append(f"| {title} | {name} | {row['cpu_s']:.3g}{wall} | {times} | {row['peak_mb']} |")
            title = ""
        if disagree:
            lines.append(f"| | *they disagree on {', '.join(disagree)}* | | | |")
    return "\n".join([*lines, *overhead()])


def overhead() -> list[str]:
    """Return the table of what the probe costs a step, if that was measured."""
    kept = HERE / "results" / "overhead.json"
    if not kept.exists():
        return []
    found = json.loads(kept.read_text(encoding="utf-8"))
    rounds = min(one["rounds"] for one in found["rows"])
    lines = [
        "",
        "What the probe costs a step of an optimizer (`make benchmark ONLY=overhead`): CPU time on one thread of steps",
        f"{1 + found['steps'] // 4} to {found['steps']}, the median of {rounds} interleaved rounds",
        f"(torch {found['torch']}). A bare mode: a `TorchDispatchMode` that only counts. Experiments on copies come",
        "after the last step and are not in it. `images` is a convolutional WGAN-GP, the others are fixtures.",
        "",
        "| program | plain, ms a step | operations a step | a bare mode | `--light` | default |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    return lines + [
        f"| {one['name']} | {one['plain_ms']:.3g} | {one['operations']} | {one['bare']:.3g}x | {one['light']:.3g}x "
        f"| {one['default']:.3g}x |"
        for one in found["rows"]
    ]


def _plain(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def write_table() -> str:
    """Put the section between its markers in README and return it."""
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    section = table()
    README.write_text(f"{head}{BEGIN}\n{section}\n{END}{tail}", encoding="utf-8")
    return section
