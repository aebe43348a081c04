"""All points of all series in long form - CSV, Parquet, JSON - in constant memory; beside analysis."""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from msgspec import Struct

from wganlint.builder import Chunk, SeriesBuilder, tapped
from wganlint.errors import UsageError
from wganlint.run import Run
from wganlint.series import Floats, Ints, Series
from wganlint.texts import strings

COLUMNS = ("run", "series", "role", "step", "value", "text", "file", "line")
ROWS = 1 << 17  # rows of one group of a Parquet file


class Rows(Struct, frozen=True):
    """Consecutive records of one series in one file; NaN steps and lines below 1 mean that there is none."""

    run: str
    series: str
    role: str
    steps: Floats
    values: Floats
    texts: Sequence[str]
    file: str
    lines: Ints


class Writer(Protocol):
    """Writes rows in one format."""

    def write(self, rows: Rows) -> None:
        """Write some rows."""

    def finish(self) -> None:
        """Write what is left."""


class Export:
    """Takes runs and writes all their points. What a run had to fold is read a second time, as it streams by."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers
        self.points = 0
        self.notices: list[str] = []

    @staticmethod
    @contextmanager
    def to(files: Mapping[str, str]) -> Iterator[Export | None]:
        """Yield what writes to these files (format -> file, `-` prints); None without any.

        A file appears under its name when it is whole.

        Raises:
            UsageError: a file cannot be written, or pyarrow is needed and not there.
        """
        if not files:
            yield None
            return
        if sum(file == "-" for file in files.values()) > 1:
            raise UsageError("only one export can be printed", hint="Give the others a file.")
        with ExitStack() as stack:
            writers = [_FORMATS[name](stack.enter_context(_target(name, file))) for name, file in files.items()]
            export = Export(writers)
            yield export
            for writer in writers:
                writer.finish()
            named = [file for file in files.values() if file != "-"]
            if named:
                export.notices.append(f"{export.points} points written to {', '.join(named)}")

    def read(self, read: Callable[[], list[Run]]) -> list[Run]:
        """Return the runs that `read` gives, their points written."""
        with tapped(_Numbers()):
            runs = read()
        if any(series.folded for run in runs for series in run.series):
            stream = _Stream(self._write, runs)
            with tapped(stream):
                read()
            self.notices += stream.lost()
            return runs
        for run in runs:
            role_of = _roles(run)
            for series in run.series:
                for rows in _rows(run.id, role_of.get(series.name, ""), series):
                    self._write(rows)
        return runs

    def _write(self, rows: Rows) -> None:
        self.points += len(rows.values)
        for writer in self._writers:
            writer.write(rows)


def _roles(run: Run) -> dict[str, str]:
    return dict.fromkeys(run.auxiliary, "auxiliary_loss") | {g.series: role for role, g in run.roles.items()}


def _rows(run: str, role: str, series: Series) -> Iterator[Rows]:
    """Yield the points of a series that keeps them all, file by file."""
    cuts = [0, *(np.flatnonzero(np.diff(series.file_of)) + 1).tolist(), len(series.values)]
    for first, stop in pairwise(cuts):
        part = slice(first, stop)
        file = series.files[int(series.file_of[first])]
        yield Rows(
            run, series.name, role, series.steps[part], series.values[part], series.texts[part], file,
            series.lines[part],
        )  # fmt: skip


class _Numbers:
    """Numbers the series as they are begun: the second reading begins them in the same order."""

    def __init__(self) -> None:
        self.begun = 0

    def join(self, builder: SeriesBuilder) -> int:
        self.begun += 1
        return self.begun - 1

    def take(self, number: int, chunk: Chunk) -> None:
        pass


class _Stream(_Numbers):
    """Writes the records of runs as they are read; of series that two inputs carry only those of the first."""

    def __init__(self, write: Callable[[Rows], None], runs: Sequence[Run]) -> None:
        super().__init__()
        self._write = write
        self._wanted = {
            series.number: (run.id, _roles(run).get(series.name, ""), series) for run in runs for series in run.series
        }
        self._counts: Counter[int] = Counter()

    def take(self, number: int, chunk: Chunk) -> None:
        if number in self._wanted:
            run, role, series = self._wanted[number]
            self._counts[number] += len(chunk.values)
            texts = strings(chunk.texts)
            self._write(Rows(run, series.name, role, chunk.steps, chunk.values, texts, chunk.file, chunk.lines))

    def lost(self) -> list[str]:
        """Return what to say where the second reading gave another number of points than the first."""
        return [
            f"{run}: {self._counts[number]} points of {series.name} written, {len(series)} were read"
            " before: the file changed meanwhile"
            for number, (run, _, series) in self._wanted.items()
            if self._counts[number] != len(series)
        ]


# -- where to


def same_file(one: str, other: str) -> bool:
    """Whether both name one and the same file that is there."""
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


@contextmanager
def _target(name: str, file: str) -> Iterator[BinaryIO]:
    """Yield a stream for the bytes; what is cut off half-way leaves nothing under the name of the file."""
    if file == "-":
        if name == "parquet" and sys.stdout.isatty():
            raise UsageError("Parquet is not for a terminal", hint="Name a file: --parquet points.parquet")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    odd = path.exists() and not path.is_file()  # a pipe or a device
    part = path if odd else path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = part.open("wb")
    except OSError as error:
        what = f"cannot write {file}: {(error.strerror or str(error)).lower()}"
        raise UsageError(what, hint="check the folder and your permissions") from None
    try:
        with stream:
            yield stream
        if not odd:
            part.replace(path)
    except BaseException as error:
        if not odd:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, os.fspath(part)) and error.errno:
            raise UsageError(f"cannot write {file}: {(error.strerror or '').lower()}") from None
        raise


# -- formats


def _cells(rows: Rows) -> Iterator[tuple[Any, ...]]:
    """Yield rows of plain values: None where there is no step or line."""
    return zip(
        repeat(_told(rows.run)), repeat(_told(rows.series)), repeat(rows.role), _steps(rows.steps),
        rows.values.tolist(), rows.texts, repeat(_told(rows.file)),
        [line if line > 0 else None for line in rows.lines.tolist()],
        strict=False,
    )  # fmt: skip


def _steps(steps: Floats) -> list[Any]:
    """Return whole steps as integers, as the log has them."""
    if bool((np.abs(steps) < 2**53).all()) and bool((steps == np.trunc(steps)).all()):
        return list(steps.astype(np.int64).tolist())
    return [None if step != step else int(step) if step.is_integer() else step for step in steps.tolist()]


def _told(text: str) -> str:
    """Return `text` as UTF-8 can carry it: a file may have any name."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


class _Csv:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._writer = csv.writer(self, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, rows: Rows | str) -> None:
        if isinstance(rows, str):  # what csv hands back
            self._stream.write(rows.encode("utf-8", "backslashreplace"))
        else:
            self._writer.writerows(_cells(rows))

    def finish(self) -> None:
        pass


class _Json:
    """An array with one object a line; a value that is not finite is null, its text says what was printed."""

    def __init__(self, stream: BinaryIO) -> None:
        import msgspec

        self._stream, self._encoder = stream, msgspec.json.Encoder()
        self._any = False

    def write(self, rows: Rows) -> None:
        lines = self._encoder.encode_lines([dict(zip(COLUMNS, row, strict=True)) for row in _cells(rows)])
        self._stream.write(b",\n" if self._any else b"[\n")
        self._stream.write(lines.rstrip(b"\n").replace(b"\n", b",\n"))  # inside of texts a line break is written \n
        self._any = True

    def finish(self) -> None:
        self._stream.write(b"\n]\n" if self._any else b"[]\n")


class _Parquet:
    def __init__(self, stream: BinaryIO) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError("--parquet needs pyarrow", hint="pip install 'wganlint[parquet]'") from None
        self._arrow: Any = pyarrow
        text = pyarrow.string()
        kinds = (text, text, text, pyarrow.float64(), pyarrow.float64(), text, text, pyarrow.int64())
        self._schema = pyarrow.schema(list(zip(COLUMNS, kinds, strict=True)))
        self._writer: Any = pyarrow.parquet.ParquetWriter(stream, self._schema)
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, rows: Rows) -> None:
        count, arrow = len(rows.values), self._arrow
        columns = [
            *(self._same(text, count) for text in (rows.run, rows.series, rows.role)),
            arrow.array(rows.steps, mask=np.isnan(rows.steps)), arrow.array(rows.values),
            arrow.array(list(rows.texts), arrow.string()),
            self._same(rows.file, count),
            arrow.array(rows.lines, mask=rows.lines <= 0),
        ]  # fmt: skip
        self._waiting.append(arrow.record_batch(columns, schema=self._schema))
        self._rows += count
        if self._rows >= ROWS:
            self._flush()

    def _same(self, text: str, count: int) -> Any:
        return self._arrow.repeat(self._arrow.scalar(_told(text), self._arrow.string()), count)

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._arrow.Table.from_batches(self._waiting).combine_chunks())
        self._waiting, self._rows = [], 0

    def finish(self) -> None:
        self._flush()
        self._writer.close()


_FORMATS: dict[str, Callable[[BinaryIO], Writer]] = {"csv": _Csv, "json": _Json, "parquet": _Parquet}
