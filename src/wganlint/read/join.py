"""The files of one run become a Run: attempts joined, second sources merged; files -> read -> Run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.builder import SeriesBuilder, shared
from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import File
from wganlint.read.discover import RunFiles
from wganlint.read.launches import launches_of
from wganlint.read.logline import LogLine
from wganlint.read.naming import name_series
from wganlint.read.opening import damage_of, open_file
from wganlint.read.pieces import REST, read_pieces, read_rest, told, unplaced, without_steps
from wganlint.read.said import together
from wganlint.read.sniff import WINDOW
from wganlint.read.starts import Plan, Seen, Segment, plan_of
from wganlint.read.text import TextFacts, TextReader
from wganlint.read.tokens import is_counter
from wganlint.read.twins import merge
from wganlint.run import Input, Launch, Note, OpTable, Run, Said, Setting
from wganlint.series import Series

if TYPE_CHECKING:
    from wganlint.measured import Probe
    from wganlint.source import SourceModel
    from wganlint.trace import Trace

LARGEST_SOURCE = 4 << 20  # bytes of one Python file
AGAIN = "training starts again"
LISTED = 20  # restarts listed as notes


class _Parts(Struct):
    """A run while it is being read."""

    inputs: list[Input] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    tables: list[OpTable] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    settings_of: dict[str, list[Setting]] = field(default_factory=dict)  # of a run that a table tells apart


def read_run(files: RunFiles) -> Run:
    """Read all files of one run; of what holds several runs the first."""
    return read_runs(files)[0]


def read_runs(files: RunFiles, columns: Sequence[str] = (), log_lines: Sequence[LogLine] = ()) -> list[Run]:
    """Read the files of what looks like one run; a log that holds several starts, or a table, may give several.

    Attempts in files of their own are joined as they are. A file that cannot be read is listed with its reason.
    `columns` are the names for tables that have none, `log_lines` the lines that the user described.
    """
    with shared():
        read = _read(files, columns, log_lines)
    run, *others = read.runs
    log = files.logs[0].out or files.logs[0].err if len(files.logs) == 1 else None
    plan = plan_of(read.seen) if read.seen is not None and log is not None else None
    if plan is None or log is None:
        return read.runs
    avoid = read.avoid | read.seen.avoid if read.seen else read.avoid
    with shared():
        parted = _split(files, log, plan, run, lambda: TextReader(avoid=avoid, log_lines=log_lines))
    return [*parted, *others]


class _Read(Struct):
    """The runs (of a table that tells several apart), what the first log shows of the counters, and no steps."""

    runs: list[Run]
    seen: Seen | None
    avoid: frozenset[str]  # counters that are no steps


def _read(
    files: RunFiles, columns: Sequence[str], log_lines: Sequence[LogLine], avoid: frozenset[str] = frozenset()
) -> _Read:
    """Read a run; a second time if a counter that was taken for the step starts anew with each epoch."""
    parts = _Parts()
    outs, errs = (TextReader(avoid=avoid, log_lines=log_lines) for _ in range(2))
    seen: Seen | None = None
    for attempt in files.logs:
        out = error = None
        if attempt.out is not None:
            out = _log(outs, attempt.out, "log", parts)
            seen = seen or (out.seen if out else None)
        if attempt.err is not None:
            error = _log(outs if attempt.out is None else errs, attempt.err, "errlog", parts)
            seen = seen or (error.seen if error else None)
        file, told_by = (attempt.out, out) if out is not None else (attempt.err, error)
        if file is not None and told_by is not None:
            last = parts.launches[-1] if parts.launches else None
            parts.launches += launches_of(file, told_by, error if told_by is out else None, last)
    wrapped = outs.wrapped | errs.wrapped
    if wrapped - avoid:
        return _read(files, columns, log_lines, avoid | wrapped)
    tables = _tables(files, columns, parts)
    several = tables.pop("", []), *tables.values()
    joined = _joined([outs.series, errs.series, several[0], _events(files.events, parts)])
    windows = {file.shown.removesuffix(".json") + WINDOW for file in files.probes}
    _traces([file for file in files.traces if file.shown not in windows], parts)
    _windows([file for file in files.traces if file.shown in windows], parts)
    probe = _probe(files.probes, parts)
    source = _source(files.source, parts)
    parts.inputs += [Input(shown, "other", False, reason) for shown, reason in files.skipped]
    run = Run(
        id=files.id, root=files.root, inputs=tuple(parts.inputs), series=tuple(joined),
        settings=tuple(parts.settings), tables=tuple(parts.tables), traces=tuple(parts.traces), source=source,
        probe=probe, notes=tuple(parts.notes), said=together(parts.said), launches=tuple(parts.launches),
    )  # fmt: skip
    others = [
        replace(run, id=f"{run.id}/{name}", series=tuple(_joined([series])), tables=(),
                settings=(*run.settings, *parts.settings_of.get(name, ())))
        for name, series in tables.items()
    ]  # fmt: skip
    return _Read(others if others and not run.series else [run, *others], seen, avoid)


def _joined(sources: list[list[SeriesBuilder]]) -> list[Series]:
    """Name the series of all sources, and make one of those that are one quantity."""
    sources = [_measured(builders) for builders in sources]
    name_series([builder for builders in sources for builder in builders])
    built = [[builder.build() for builder in builders] for builders in sources]
    if any(one.kind == "table" for series in built for one in series):
        from wganlint.read.tables import side_by_side

        built = [side_by_side(series) for series in built]
    joined: list[Series] = []
    for kind in ("text", "table", "redraw", "events"):
        for one in built:
            joined = merge(joined, [series for series in one if series.kind == kind])
    return joined


def _measured(builders: list[SeriesBuilder]) -> list[SeriesBuilder]:
    """Leave out what only counts: a second counter beside the step, time stamps."""
    return [builder for builder in builders if not is_counter(builder.key)]


def _split(files: RunFiles, log: File, plan: Plan, whole: Run, reader: Callable[[], TextReader]) -> list[Run]:
    """Read a log that holds several starts again, each run of it into series of its own."""
    if plan.cycles or plan.together:
        said = () if plan.cycles else tuple(n for n in whole.notes if not n.text.startswith(AGAIN))
        change = without_steps if plan.cycles else unplaced
        counted = tuple(change(one) if one.kind == "text" else one for one in whole.series)
        return [replace(whole, series=counted, notes=(*said, *told(plan, log.shown, files.id)))]
    try:
        with open_file(log.path) as stream:
            pieces = read_pieces(stream, log.shown, plan, reader)
        rest = _rest(log, plan, reader(), replace(whole, id=files.id)) if plan.rest else []
    except (InputError, OSError):  # it changed between the two readings; the first one says where it starts again
        return [whole]
    others = tuple(one for one in whole.inputs if one.path != log.shown)
    damage = tuple(note for note in whole.notes if not note.text.startswith(AGAIN))
    if len(pieces) == 1 and (files.events or files.tables or files.logs[0].err is not None):
        kept = [one for one in whole.series if log.shown not in one.files]
    else:
        kept = []
    runs = []
    for number, piece in enumerate(pieces, 1):
        builders = _measured(piece.facts.series)
        name_series(builders)
        series = [builder.build() for builder in builders]
        if piece.segment.mixed:
            series = [unplaced(one) for one in series]
        notes = [
            *(told(plan, log.shown, files.id) if number == 1 else ()),
            *piece.notes,
            *(damage if number == 1 else ()),
        ]
        why = _gave(piece.facts) if len(plan.segments) == 1 else f"{piece.segment.lines}: {_gave(piece.facts)}"
        runs.append(
            replace(
                whole,
                id=files.id if len(pieces) == 1 else f"{files.id}#{number}",
                inputs=(Input(log.shown, "log", True, why), *(others if number == 1 else ())),
                series=tuple(merge(series, kept)),
                settings=tuple(piece.facts.settings),
                tables=tuple(piece.facts.tables),
                notes=tuple(notes),
                said=tuple(piece.facts.said),
                launches=_launches(whole, piece.segment, number),
            )
        )
    if len(runs) > 1 and any(log.shown not in one.files for one in whole.series):  # a second source of one of them
        second = tuple(one for one in whole.series if log.shown not in one.files)
        runs.append(replace(whole, inputs=others, series=second, settings=(), tables=(), notes=(), launches=()))
    return runs + rest


def _launches(whole: Run, segment: Segment, number: int) -> tuple[Launch, ...]:
    """Return the launches of one run of a file; the first run holds those of the whole file, so they are told once."""
    end = segment.end or float("inf")
    if number == 1:
        mine = [(one.place.line or 0) <= end for one in whole.launches]
        pairs = zip(whole.launches, mine, strict=True)
        return tuple(replace(one, mixed=one.mixed and own, own=own) for one, own in pairs)
    return tuple(one for one in whole.launches if segment.begin <= (one.place.line or 0) <= end)


def _rest(log: File, plan: Plan, reader: TextReader, whole: Run) -> list[Run]:
    """Read the starts that are not judged into one run, in the order of the file."""
    with open_file(log.path) as stream:
        facts = read_rest(stream, log.shown, plan, reader)
    builders = _measured(facts.series)
    name_series(builders)
    why = f"starts of training that are not judged: {_gave(facts)}"
    return [
        Run(
            id=f"{whole.id}{REST}", root=whole.root, inputs=(Input(log.shown, "log", True, why),),
            series=tuple(unplaced(builder.build()) for builder in builders), settings=tuple(facts.settings),
            notes=(Note("short starts of training, one after the other: read, not judged", Place(log.shown, 1)),),
            judged=False,
        )
    ]  # fmt: skip


def _log(reader: TextReader, file: File, kind: str, parts: _Parts) -> TextFacts | None:
    try:
        with open_file(file.path) as stream:
            facts = reader.read(stream, file.shown)
        if damage := damage_of(stream):
            facts.notes.append(Note(damage, Place(file.shown)))
    except InputError as error:
        parts.inputs.append(Input(file.shown, kind, False, error.what))
        return None
    except OSError as error:
        parts.inputs.append(Input(file.shown, kind, False, (error.strerror or str(error)).lower()))
        return None
    parts.settings += facts.settings
    parts.tables += facts.tables
    parts.said += facts.said
    parts.notes += facts.notes
    parts.notes += [
        Note(f"{AGAIN}: {restart.text}", Place(file.shown, restart.line)) for restart in facts.restarts[:LISTED]
    ]
    if len(facts.restarts) > LISTED:
        more = len(facts.restarts) - LISTED
        parts.notes.append(Note(f"{AGAIN} at {more} more places", Place(file.shown)))
    parts.inputs.append(Input(file.shown, kind, bool(facts.fed or facts.settings or facts.tables), _gave(facts)))
    return facts


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


def _tables(files: RunFiles, columns: Sequence[str], parts: _Parts) -> dict[str, list[SeriesBuilder]]:
    """Read CSV, JSON and their kin into one series for each column, the runs of a table apart."""
    if not (files.tables or files.settings or files.stores):
        return {}
    from wganlint.read.tables import read_tables

    found = read_tables(files, columns)
    parts.inputs += found.inputs
    parts.notes += found.notes
    parts.settings = found.settings + parts.settings  # what a log prints comes after the configuration
    parts.settings_of = found.settings_of
    return found.runs


def _traces(files: list[File], parts: _Parts) -> None:
    """Read the Chrome traces; those of several ranks stay apart, each judged by its own steps."""
    if not files:
        return
    from wganlint.read.trace import in_words, read_trace

    for file in files:
        try:
            with open_file(file.path, fast=True) as stream:
                trace, notes = read_trace(stream, file.shown)
                if damage := damage_of(stream):
                    notes = [*notes, Note(damage, Place(file.shown))]
        except OSError as error:
            parts.inputs.append(Input(file.shown, "trace", False, (error.strerror or str(error)).lower()))
            continue
        if trace is None:
            parts.inputs.append(Input(file.shown, "trace", False, notes[0].text))
            continue
        parts.notes += notes
        parts.traces.append(trace)
        parts.inputs.append(Input(file.shown, "trace", bool(trace.operations), in_words(trace)))


def _windows(files: list[File], parts: _Parts) -> None:
    """Read the profiler windows of probes, which mark no steps, where the run has no profile of its own."""
    if parts.tables or parts.traces:
        why = "a probe's profiler window: the run's own profile is taken"
        parts.inputs += [Input(file.shown, "trace", False, why) for file in files]
    else:
        _traces(files, parts)


def _probe(files: list[File], parts: _Parts) -> Probe | None:
    """Read what a live probe measured: of several files the one that was written last."""
    if not files:
        return None
    from wganlint.read.probed import LARGEST, in_words, read_probe

    probe = None
    for file in sorted(files, key=_written, reverse=True):
        if probe is not None:
            parts.inputs.append(Input(file.shown, "probe", False, f"an earlier probe than {probe.file}: not used"))
            continue
        try:
            with open_file(file.path) as stream:
                probe = read_probe(stream.read(LARGEST + 1), file.shown)
            parts.inputs.append(Input(file.shown, "probe", True, in_words(probe)))
        except InputError as error:
            parts.inputs.append(Input(file.shown, "probe", False, error.what))
            parts.notes.append(Note(f"the probe is not used: {error.what}", Place(file.shown)))
        except OSError as error:
            parts.inputs.append(Input(file.shown, "probe", False, (error.strerror or str(error)).lower()))
    return probe


def _written(file: File) -> float:
    try:
        return file.path.stat().st_mtime
    except OSError:
        return 0.0


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

    model, notes = read_source(read, [one for one in parts.settings if one.origin == "config"])
    parts.notes += notes
    known = set(model.files)
    for shown, _ in read:
        why = "parsed, never run" if shown in known else "not understood as Python"
        parts.inputs.append(Input(shown, "source", shown in known, why))
    return model
