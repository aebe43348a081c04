"""Runs the races and writes README's table from their results: `make benchmark`; a part: `make benchmark ONLY=events`.

    python benchmarks/run.py [--rounds N] [--table] [PART ...]

Inputs are drawn in a temporary folder. A peer or a script that is not there is said in its row. `--table` runs nothing
and only writes the table again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from race import Entry, race
from table import write_table

HERE = Path(__file__).parent
PYTHON = sys.executable
WGANLINT = (PYTHON, "-m", "wganlint")
PACKAGE = {
    "tbparse": "tbparse",
    "accumulator": "tensorboard",
    "hta": "HolisticTraceAnalysis",
    "extract": "pandas",
    "pandas": "pandas",
}
TITLE = {
    "accumulator": "TensorBoard's EventAccumulator", "hta": "HolisticTraceAnalysis", "json": "json.load and count",
    "dictreader": "script: csv.DictReader, float()", "pandas": "pandas.read_csv",
    "jsonloads": "script: json.loads a line",
    "read": "wganlint, reading only", "judge": "wganlint, reading and all rules",
    "naive": "script: one re.search a key and line, then pandas", "extract": "pandas str.extract", "grep": "grep -c =",
}  # fmt: skip


def reader(script: str, candidate: str, file: Path) -> Entry:
    """Return a candidate of one of the reading scripts beside this one, with why it is missing, if it is."""
    missing, mark = "", ""
    if candidate in PACKAGE:
        try:
            mark = version(PACKAGE[candidate])
        except PackageNotFoundError:
            missing = "not installed"
    if not (HERE / script).exists():
        missing = f"no benchmarks/{script} yet"
    return Entry(TITLE.get(candidate, candidate), (PYTHON, str(HERE / script), candidate, str(file)), mark, missing)


def drawn(kind: str, path: Path, *sizes: object) -> Path:
    """Draw an input in a process of its own, so that the driver stays small."""
    subprocess.run([PYTHON, str(HERE / "inputs.py"), kind, str(path), *map(str, sizes)], check=True)
    return path


def size(path: Path) -> dict[str, object]:
    """Return the size of an input, for its result."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {"megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 1)}


def startup(folder: Path, rounds: int) -> None:
    """Start and small logs, beside an empty Python program."""
    log = drawn("dense", folder / "train.log", 1)
    entries = [
        Entry("python -c pass", (PYTHON, "-c", "pass")),
        Entry("python -c 'import numpy, typer'", (PYTHON, "-c", "import numpy, typer")),
        Entry("wganlint --version", (*WGANLINT, "--version")),
        Entry("wganlint --help", (*WGANLINT, "--help")),
        Entry("wganlint analyze (1 MB dense log)", (*WGANLINT, "analyze", str(log))),
    ]
    for entry in entries:  # writes byte code and fills the page cache
        subprocess.run(entry.command, check=False, stdout=subprocess.DEVNULL)
    race("startup", "Start, and a small log", entries, rounds=3 * rounds)


def text(folder: Path, rounds: int) -> None:
    """Text logs, dense and sparse, against what people write themselves."""
    text_logs(folder, rounds, (("dense", 60), ("sparse", 120)))


def large(folder: Path, rounds: int) -> None:
    """The same at sizes where start and learning no longer count."""
    text_logs(folder, 1 + rounds // 3, (("dense", 300), ("sparse", 300)), "-300")


def text_logs(folder: Path, rounds: int, kinds: Sequence[tuple[str, int]], mark: str = "") -> None:
    """Race the readers of text on logs of these kinds and megabytes."""
    for kind, megabytes in kinds:
        log = drawn(kind, folder / f"{kind}.log", megabytes)
        entries = [reader("text.py", name, log) for name in ("wganlint", "naive", "extract", "grep")]
        same = ("values", "nonfinite", "last_line")
        race(f"text-{kind}{mark}", f"Text log, {kind}", entries, rounds=rounds, same=same, about=size(log))
        log.unlink()


def files(folder: Path, rounds: int) -> None:
    """Many logs with one process and with two."""
    many = drawn("logs", folder / "logs", 1000, 200)
    command = next((name for name in ("inspect", "analyze") if "--jobs" in _help(name)), "analyze")
    missing = "" if "--jobs" in _help(command) else "no --jobs yet"
    entries = [
        Entry(
            f"{jobs} process{'es' if jobs > 1 else ''}",
            (*WGANLINT, command, str(many), "--jobs", str(jobs)),
            "",
            missing,
        )
        for jobs in (2, 1)
    ]
    race("files", "1,000 logs of 200 kB", entries, rounds=rounds, by="wall_s", about=size(many))


@cache
def _help(command: str) -> str:
    return subprocess.run([*WGANLINT, command, "--help"], capture_output=True, text=True, check=False).stdout


def events(folder: Path, rounds: int) -> None:
    """Event files of both layouts, against the readers that people use; at 5 million events wganlint alone."""
    for name, layout, count, peers in (
        ("simple", "simple", 200_000, ("tbparse", "accumulator")),
        ("tensor", "tensor", 200_000, ("tbparse", "accumulator")),
        ("mixed", "mixed", 200_000, ("tbparse", "accumulator")),
        ("1m", "simple", 1_000_000, ("tbparse",)),
        ("5m", "simple", 5_000_000, ()),
    ):
        file = drawn(layout, folder / f"events.out.tfevents.{name}", count)
        entries = [reader("events.py", candidate, file) for candidate in ("wganlint", *peers)]
        added = {"simple": "", "tensor": " as tensors", "mixed": " with histograms, images, texts"}[layout]
        title = f"Event file, {count:,} scalars{added}"
        race(
            f"events-{name}", title, entries, rounds=rounds if count < 10**6 else 1 + rounds // 3,
            same=("points", "last"), about=size(file),
        )  # fmt: skip
        file.unlink()


def traces(folder: Path, rounds: int) -> None:
    """A Chrome trace of the profiler."""
    file = drawn("trace", folder / "trace.json", 100)
    entries = [reader("traces.py", name, file) for name in ("wganlint", "hta", "json")]
    same = [{"wganlint": "calls", TITLE["hta"]: "raw", TITLE["json"]: "raw"}]
    race("traces", "Chrome trace", entries, rounds=rounds, same=same, about=size(file))
    file.unlink()


def tables(folder: Path, rounds: int) -> None:
    """Two CSVs of metrics, of few digits and of all, and JSON lines."""
    csv = ("wganlint", "dictreader", "pandas")
    for kind, ending, name, title, readers in (
        ("csv", "csv", "tables", "CSV", csv),
        ("floats", "csv", "tables-floats", "CSV of whole floats", csv),
        ("jsonl", "jsonl", "tables-jsonl", "JSON lines", ("wganlint", "jsonloads")),
    ):
        file = drawn(kind, folder / f"metrics.{ending}", 50)
        entries = [reader("tables.py", one, file) for one in readers]
        race(name, title, entries, rounds=rounds, same=("points", "last"), about=size(file))
        file.unlink()


def judging(folder: Path, rounds: int) -> None:
    """What all rules cost beside reading, on a log of a million records."""
    log = drawn("dense", folder / "train.log", 187)
    entries = [reader("judging.py", name, log) for name in ("read", "judge")]
    race("judging", "A run of a million records", entries, rounds=rounds, same=("records",), about=size(log))


def overhead(folder: Path, rounds: int) -> None:
    """What the probe costs a step; it keeps its own result."""
    subprocess.run([PYTHON, str(HERE / "overhead.py"), "--rounds", str(rounds)], check=False)


PARTS: Mapping[str, Callable[[Path, int], None]] = {
    "startup": startup, "text": text, "large": large, "files": files, "events": events, "traces": traces,
    "tables": tables, "judging": judging, "overhead": overhead,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts that are asked for, all by default."""
    parser = argparse.ArgumentParser(description="Race wganlint against what people use, and write README's table.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="only write the table again")
    given = parser.parse_args(arguments)
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)} (there are {', '.join(PARTS)})")
    for part in () if given.table else given.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](Path(folder), given.rounds)
    print(write_table())


if __name__ == "__main__":
    main()
