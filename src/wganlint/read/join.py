"""The files of one run become a Run: attempts joined, second sources merged; files -> read -> Run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import File
from wganlint.read.discover import RunFiles
from wganlint.read.naming import name_series
from wganlint.read.opening import open_file
from wganlint.read.text import TextFacts, TextReader
from wganlint.read.twins import merge
from wganlint.run import Input, Note, OpTable, Run, Setting
from wganlint.series import Series, SeriesBuilder

if TYPE_CHECKING:
    from wganlint.source import SourceModel

LARGEST_SOURCE = 4 << 20  # bytes of one Python file
LISTED = 20  # restarts listed as notes


@dataclass(slots=True)
class _Parts:
    """A run while it is being read."""

    inputs: list[Input] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    tables: list[OpTable] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_run(files: RunFiles) -> Run:
    """Read all files of one run. A file that cannot be read is listed with its reason."""
    parts = _Parts()
    outs, errs = TextReader(), TextReader()
    for attempt in files.logs:
        if attempt.out is not None:
            _log(outs, attempt.out, "log", parts)
        if attempt.err is not None:
            _log(outs if attempt.out is None else errs, attempt.err, "errlog", parts)
    sources = [outs.series, errs.series, _tables(files.tables, parts), _events(files.events, parts)]
    name_series([builder for builders in sources for builder in builders])
    built = [[builder.build() for builder in builders] for builders in sources]
    joined: list[Series] = []
    for kind in ("text", "table", "redraw", "events"):
        for one in built:
            joined = merge(joined, [series for series in one if series.kind == kind])
    _traces(files.traces, parts)
    source = _source(files.source, parts)
    parts.inputs += [Input(shown, "other", False, reason) for shown, reason in files.skipped]
    return Run(
        id=files.id, root=files.root, inputs=tuple(parts.inputs), series=tuple(joined),
        settings=tuple(parts.settings), tables=tuple(parts.tables), source=source, notes=tuple(parts.notes),
    )  # fmt: skip


def _log(reader: TextReader, file: File, kind: str, parts: _Parts) -> None:
    try:
        with open_file(file.path) as stream:
            facts = reader.read(stream, file.shown)
    except InputError as error:
        parts.inputs.append(Input(file.shown, kind, False, error.what))
        return
    except OSError as error:
        parts.inputs.append(Input(file.shown, kind, False, (error.strerror or str(error)).lower()))
        return
    parts.settings += facts.settings
    parts.tables += facts.tables
    parts.notes += facts.notes
    parts.notes += [
        Note(f"training starts again: {restart.text}", Place(file.shown, restart.line))
        for restart in facts.restarts[:LISTED]
    ]
    if len(facts.restarts) > LISTED:
        more = len(facts.restarts) - LISTED
        parts.notes.append(Note(f"training starts again at {more} more places", Place(file.shown)))
    parts.inputs.append(Input(file.shown, kind, bool(facts.fed or facts.settings or facts.tables), _gave(facts)))


def _gave(facts: TextFacts) -> str:
    """Return what a log gave, in words."""
    told = []
    if facts.fed:
        told.append(f"{_count(facts.records, 'record')} of {_count(facts.fed, 'series', 'series')}")
    if facts.tables:
        told.append(_count(len(facts.tables), "profiler table"))
    if facts.settings:
        told.append(_count(len(facts.settings), "setting"))
    return ", ".join(told) or "no numbers with names in it"


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _events(files: list[File], parts: _Parts) -> list[SeriesBuilder]:
    """Read the TensorBoard files into one series for each tag."""
    if not files:
        return []
    from wganlint.read.events import read_event_files

    facts = read_event_files(files)
    for one in facts.files:
        told = TextFacts(one.shown, settings=facts.settings[: one.settings], records=one.records, fed=one.series)
        used = bool(one.series or one.settings)
        parts.inputs.append(Input(one.shown, "events", used, one.error or _gave(told)))
    parts.settings += facts.settings
    parts.notes += facts.notes
    return facts.series


def _tables(files: list[File], parts: _Parts) -> list[SeriesBuilder]:
    """Read CSV, JSON and their kin into one series for each column."""
    for file in files:
        parts.inputs.append(Input(file.shown, "table", False, "not read yet"))
    return []


def _traces(files: list[File], parts: _Parts) -> None:
    """Read the Chrome traces."""
    for file in files:
        parts.inputs.append(Input(file.shown, "trace", False, "not read yet"))


def _source(files: list[File], parts: _Parts) -> SourceModel | None:
    read: list[tuple[str, bytes]] = []
    for file in files:
        try:
            if file.path.stat().st_size > LARGEST_SOURCE:
                parts.inputs.append(Input(file.shown, "source", False, f"larger than {LARGEST_SOURCE >> 20} MiB"))
                continue
            read.append((file.shown, file.path.read_bytes()))
        except OSError as error:
            parts.inputs.append(Input(file.shown, "source", False, (error.strerror or str(error)).lower()))
    if not read:
        return None
    from wganlint.read.source import read_source

    model, notes = read_source(read)
    parts.notes += notes
    known = set(model.files)
    for shown, _ in read:
        why = "parsed, never run" if shown in known else "not understood as Python"
        parts.inputs.append(Input(shown, "source", shown in known, why))
    return model
