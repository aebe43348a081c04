"""What MLflow keeps on the disk: a folder for each run, or an SQLite database; part of read/tables."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import numpy as np
from msgspec.structs import replace

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.columns import TableFacts
from wganlint.read.configs import setting
from wganlint.read.lines import Damage, blocks
from wganlint.read.sheet import RUNS, SERIES
from wganlint.run import Note, Setting
from wganlint.series import Series

BATCH = 10_000  # rows handed on at once
VALUE = 4_000  # characters read of a parameter
NAME = 400  # characters read of a name: MLflow itself allows 250
PARAMETERS = 2_000  # read of one run
LARGEST = 1.7976931348623157e308


def read_store(path: Path, shown: str) -> TableFacts:
    """Read the folder of one run, or a database of runs; a run that was deleted is left out.

    Raises:
        InputError: the database cannot be read.
    """
    return _folder(path, shown) if path.is_dir() else _database(path, shown)


def is_store(path: Path) -> bool:
    """Whether a file is a database of MLflow."""
    try:
        with path.open("rb") as stream:
            if not stream.read(16).startswith(b"SQLite format 3\0"):
                return False
        with _connected(path) as base:
            names = {str(row[0]) for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except (OSError, sqlite3.Error):
        return False
    return {"metrics", "params", "runs"} <= names


class _Stored(SeriesBuilder):
    """A series of a database: nothing was printed, so no number of decimals is claimed."""

    def build(self) -> Series:
        """Return the series; ValueError if no record was ever added."""
        return replace(super().build(), decimals=None)


# -- a folder: metrics/<name> holds lines of `timestamp value step`, params/<name> a value


def _folder(path: Path, shown: str) -> TableFacts:
    facts = TableFacts(shown)
    series: list[SeriesBuilder] = []
    for file, name in _files(path / "metrics", path):
        if len(series) == SERIES:
            facts.notes.append(Note(f"more than {SERIES} metrics: the rest was not read", Place(shown)))
            break
        builder = _metric(file, name, f"{shown}/metrics/{name}", facts)
        if len(builder):
            series.append(builder)
    facts.runs = {"": series} if series else {}
    facts.rows = max((len(one) for one in series), default=0)
    for kind in ("params", "tags"):
        for file, name in islice(_files(path / kind, path), PARAMETERS):
            if not name.startswith("mlflow."):
                facts.settings += _parameter(file, name, f"{shown}/{kind}/{name}")
    return facts


def _files(folder: Path, inside: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder of a run with their names, links out of the run aside."""
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if file.is_file() and file.resolve().is_relative_to(inside.resolve()):
            yield file, file.relative_to(folder).as_posix()


def _parameter(file: Path, name: str, shown: str) -> list[Setting]:
    try:
        with file.open("rb") as stream:
            text = stream.read(VALUE).decode("utf-8", "replace").strip()
    except OSError:
        return []
    found = setting([name], text, shown, 1, 1, text) if text and "\n" not in text else None
    return [found] if found is not None else []


def _metric(file: Path, name: str, shown: str, facts: TableFacts) -> SeriesBuilder:
    builder = SeriesBuilder(name, form="MLflow", kind="table", step_key="step")
    damage, bad, first_bad = Damage(shown), 0, 0
    try:
        with file.open("rb") as stream:
            for block in blocks(stream, damage):
                rows = []
                for number, line in zip(block.numbers, block.lines, strict=True):
                    cells = line.split(" ")
                    row = _row(cells)
                    if row is not None:
                        rows.append((*row, number, line.index(" ") + 2, line))
                    elif line.strip():
                        bad, first_bad = bad + 1, first_bad or number
                if rows:
                    steps, values, texts, lines, columns, quotes = zip(*rows, strict=True)
                    builder.extend(
                        Chunk(
                            np.array(steps), np.array(values), texts, np.array(lines), np.array(columns), quotes, shown
                        )
                    )
    except (OSError, InputError) as error:
        facts.notes.append(Note(f"reading failed: {error}", Place(shown)))
    facts.notes += damage.all_notes()
    if bad:
        facts.notes.append(Note(f"{bad} lines are not `time value step`", Place(shown, first_bad)))
    return builder


def _row(cells: list[str]) -> tuple[float, float, str] | None:
    """Return step, value and its text; the oldest stores have no step."""
    if not 2 <= len(cells) <= 4:
        return None
    try:
        return (float(cells[2]) if len(cells) > 2 else np.nan), float(cells[1]), cells[1]
    except ValueError:
        return None


# -- a database: metrics(key, value, step, is_nan, run_uuid), params(key, value, run_uuid), runs(run_uuid, name, ...)


def _database(path: Path, shown: str) -> TableFacts:
    facts = TableFacts(shown)
    try:
        with _connected(path) as base:
            runs = _runs(base)
            for run, name in islice(runs.items(), RUNS):
                series = _metrics(base, run, shown, facts.notes)
                if not series:
                    continue
                facts.runs[name] = series
                facts.rows += max(len(one) for one in series)
                facts.settings_of[name] = _params(base, run, shown)
    except (sqlite3.Error, OverflowError) as error:
        raise InputError(f"not a database of MLflow that can be read: {error}", file=shown) from None
    if len(runs) > RUNS:
        facts.notes.append(Note(f"more than {RUNS} runs: the rest was not read", Place(shown)))
    log = path.with_name(path.name + "-wal")
    if log.is_file() and log.stat().st_size:
        text = f"what is still in {log.name} was not read: a program may be writing to this database"
        facts.notes.append(Note(text, Place(shown)))
    if len(facts.runs) == 1:
        facts.settings = facts.settings_of.pop(next(iter(facts.runs)), [])
        facts.runs = {"": next(iter(facts.runs.values()))}
    return facts


class _connected:  # noqa: N801
    """A connection that writes nothing, no lock either, and is closed; sqlite3's own context manager only commits."""

    def __init__(self, path: Path) -> None:
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._base = sqlite3.connect(uri, uri=True)
        self._base.text_factory = lambda data: data.decode("utf-8", "replace")

    def __enter__(self) -> sqlite3.Connection:
        return self._base

    def __exit__(self, *_: object) -> None:
        self._base.close()


def _runs(base: sqlite3.Connection) -> dict[str, str]:
    """Return the runs that are not deleted, with names that are their own."""
    rows = base.execute(
        "SELECT run_uuid, substr(name, 1, ?) FROM runs WHERE lifecycle_stage = 'active' ORDER BY start_time", (NAME,)
    ).fetchall()
    names = [str(name or "") for _, name in rows]
    times = Counter(names)
    return {
        str(run): name if name and times[name] == 1 else f"{name or 'run'} {str(run)[:8]}"
        for (run, _), name in zip(rows, names, strict=True)
    }


def _metrics(base: sqlite3.Connection, run: str, shown: str, notes: list[Note]) -> list[SeriesBuilder]:
    series: dict[str, SeriesBuilder] = {}
    bad, over = 0, False
    query = (
        "SELECT substr(key, 1, ?), value, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, timestamp"
    )
    rows = base.execute(query, (NAME, run))
    while batch := rows.fetchmany(BATCH):
        by_key: dict[str, list[tuple[float, float]]] = {}
        for key, value, step, is_nan in batch:
            if isinstance(value, int | float) and isinstance(step, int | float):
                by_key.setdefault(str(key), []).append((float(step), _value(value, is_nan)))
            else:
                bad += 1
        for key, points in by_key.items():
            if key not in series:
                if len(series) == SERIES:
                    over = True
                    continue
                series[key] = _Stored(key, form="MLflow", kind="table", step_key="step")
            steps, values = (np.array(column) for column in zip(*points, strict=True))
            none = np.zeros(len(points), dtype=np.int64)
            texts = [repr(value) for value in values.tolist()]
            series[key].extend(Chunk(steps, values, texts, none, none, [""] * len(points), shown))
    if bad:
        notes.append(Note(f"{bad} rows of metrics of run {run[:8]} hold no number or no step", Place(shown)))
    if over:
        notes.append(Note(f"more than {SERIES} metrics in run {run[:8]}: the rest was not read", Place(shown)))
    return list(series.values())


def _value(value: float, is_nan: int) -> float:
    """Return a value as it was logged: MLflow stores infinities as the largest number."""
    if is_nan:
        return np.nan
    return float(np.copysign(np.inf, value)) if abs(value) >= LARGEST else float(value)


def _params(base: sqlite3.Connection, run: str, shown: str) -> list[Setting]:
    query = "SELECT substr(key, 1, ?), substr(value, 1, ?) FROM params WHERE run_uuid = ?"
    rows = base.execute(query, (NAME, VALUE, run)).fetchmany(PARAMETERS)
    found = []
    for key, value in rows:
        text = f"{key} = {value}"
        item = setting([str(key)], str(value), shown, 0, 0, text)
        if item is not None:
            found.append(Setting(item.name, item.value, item.number, Place(shown), text[:400], "config", item.context))
    return found
