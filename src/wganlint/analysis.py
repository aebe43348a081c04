"""The whole way in one function: files -> runs -> facts -> rules -> findings -> chain -> Report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint import __version__, chain, suppress
from wganlint.engine import judge, was_judged
from wganlint.errors import UsageError
from wganlint.evidence import Place
from wganlint.expect import expectations
from wganlint.finding import (
    Chain,
    Finding,
    InputSummary,
    Report,
    RunSummary,
    SeriesSummary,
    SettingSummary,
    Verdict,
)
from wganlint.fleet import spread
from wganlint.read.attempts import File
from wganlint.read.discover import RunFiles, discover
from wganlint.read.given import local, relabel
from wganlint.read.join import read_runs
from wganlint.read.logline import log_lines as compiled
from wganlint.read.roles import assign
from wganlint.read.verified import Verified, read_verified
from wganlint.read.watch import Watch
from wganlint.rules.catalogue import Catalogue, catalogue
from wganlint.run import SIGNS, Note, Run

if TYPE_CHECKING:
    from wganlint.export import Export
    from wganlint.inspection import Inspection, RunView

Given = str | PathLike[str]
T = TypeVar("T")


def analyze(
    paths: Sequence[Given] | Given,
    *,
    source: Sequence[Given] = (),
    events: Sequence[Given] = (),
    roles: Mapping[str, str] | None = None,
    usual_roles: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
    rules: Sequence[Given] = (),
    ignore: Collection[str] = (),
    log_lines: Sequence[str] = (),
    expect: Sequence[str] = (),
    jobs: int | None = 1,
    watch: Watch | None = None,
) -> Report:
    """Read the runs under `paths` and judge them by the shipped rules and those in the folders `rules`.

    A path is a file, a folder, a pattern (`runs/**/train.log`), `-` for standard input, or an address that fsspec
    knows (`s3://bucket/run`). `source` and `events` name further folders that belong to the runs; `roles` maps a role
    to the name of the series that plays it, `usual_roles` does so where a run has such a series; `columns` names the
    columns of tables without a header; `ignore` holds codes or names of rules; `log_lines` patterns of lines such as
    `epoch {epoch:step} D {critic_loss:num}`; `expect` what must hold on each record (`muons >= events`).
    `jobs` processes share the runs (None: as many as pay off; then the caller's main module must be importable);
    `watch` is told how far reading has come.

    Raises:
        UsageError: a path does not exist, a role or series is not known, or a pattern or an expectation says nothing.
    """
    folders = tuple(Path(folder) for folder in rules)
    book = catalogue(folders)
    unknown = [word for word in ignore if book.find(word) is None]
    if unknown:
        raise UsageError(f"no such rule to ignore: {', '.join(unknown)}", hint="`wganlint rules list` shows all rules")
    task = _Judging(_Way.of(roles, usual_roles, columns, log_lines, expect), folders, tuple(ignore), book)
    judged = _each(task, paths, source=source, events=events, jobs=jobs, watch=watch)
    _check_roles(roles, judged)
    verdicts = tuple(verdict for one in judged for verdict in one.verdicts)
    broken = [f"{v.code} broke on {v.run}: {v.note}" for v in verdicts if v.note and v.outcome == "broken"]
    return Report(
        __version__,
        tuple(one.summary for one in judged),
        tuple(finding for one in judged for finding in one.findings),
        verdicts,
        tuple(one.chain for one in judged),
        (*(str(error) for error in book.broken), *broken),
    )


def inspect(
    paths: Sequence[Given] | Given,
    *,
    source: Sequence[Given] = (),
    events: Sequence[Given] = (),
    roles: Mapping[str, str] | None = None,
    usual_roles: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
    log_lines: Sequence[str] = (),
    jobs: int | None = 1,
    watch: Watch | None = None,
    export: Export | None = None,
) -> Inspection:
    """Read the runs under `paths` and say how they were understood; arguments as in `analyze`, nothing is judged.

    `export` is handed all points of each run; then one process reads.

    Raises:
        UsageError: a path does not exist, a role or series is not known, or a pattern of a line says nothing.
    """
    from wganlint.inspection import Inspection

    task = partial(_described, _Way.of(roles, usual_roles, columns, log_lines), export)
    found = _each(task, paths, source=source, events=events, jobs=1 if export else jobs, watch=watch)
    _check_roles(roles, found)
    return Inspection(__version__, tuple(one.view for one in found))


def load_runs(
    paths: Sequence[Given] | Given,
    *,
    source: Sequence[Given] = (),
    events: Sequence[Given] = (),
    roles: Mapping[str, str] | None = None,
    usual_roles: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
    log_lines: Sequence[str] = (),
    watch: Watch | None = None,
) -> list[Run]:
    """Return the runs under `paths` as the readers understand them, roles assigned, nothing judged.

    Arguments are those of `analyze`. Of a series with more than 10,000 records the first ones and the first, last,
    lowest and highest of each stretch of the others are kept.

    Raises:
        UsageError: a path does not exist, or a role or series is not known.
    """
    task = partial(_loaded, _Way.of(roles, usual_roles, columns, log_lines))
    found = _each(task, paths, source=source, events=events, jobs=1, watch=watch)
    _check_roles(roles, found)
    return [one.run for one in found]


def judged(run: Run) -> tuple[Finding, ...]:
    """Return what the shipped rules find in a run that was read; it may hold more than its files, a new probe say."""
    return _Judging(_Way.of(None, None, (), ()), (), (), catalogue(()))._judged(run).findings


# -- one run


class _Way(Struct, frozen=True):
    """How the files of a run are to be read."""

    roles: tuple[tuple[str, str], ...]
    usual_roles: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    log_lines: tuple[str, ...]
    expect: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        roles: Mapping[str, str] | None,
        usual_roles: Mapping[str, str] | None,
        columns: Sequence[str],
        log_lines: Sequence[str],
        expect: Sequence[str] = (),
    ) -> _Way:
        compiled(log_lines)  # a mistake in a pattern or an expectation is told before anything is read
        expectations(expect)
        given = tuple((roles or {}).items()), tuple((usual_roles or {}).items())
        return cls(*given, tuple(columns), tuple(log_lines), tuple(expect))

    def read(self, files: RunFiles) -> list[Run]:
        """Read what looks like one run, and may hold several, and assign their roles."""
        with np.errstate(all="ignore"):  # a log may print 1e308; what overflows is infinite and told so
            roles = {**dict(self.usual_roles), **dict(self.roles)}
            runs = read_runs(files, self.columns, compiled(self.log_lines))
            told = expectations(self.expect)
            return [assign(replace(run, expected=told) if told else run, roles) for run in runs]

    def told(self, run: Run) -> _Told:
        """Return what is needed to check the roles that the user gave."""
        if not self.roles:
            return _Told()
        played = [role for role, guess in run.roles.items() if guess.why == "given by --role"]
        return _Told(tuple(played), tuple(series.name for series in run.series))


class _Told(Struct, frozen=True):
    """Roles that a run has because they were given, and its series."""

    played: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class _Judged(Struct, frozen=True):
    told: _Told
    summary: RunSummary
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    chain: Chain


class _Described(Struct, frozen=True):
    told: _Told
    view: RunView


class _Loaded(Struct, frozen=True):
    told: _Told
    run: Run


class _Judging:
    """Reads and judges one run. Rules do not travel to another process: they are loaded there once."""

    def __init__(self, way: _Way, folders: tuple[Path, ...], ignore: tuple[str, ...], book: Catalogue) -> None:
        self.way, self.folders, self.ignore, self.book = way, folders, ignore, book

    def __reduce__(self) -> tuple[Any, ...]:
        return _judging, (self.way, self.folders, self.ignore)

    def __call__(self, files: RunFiles) -> list[_Judged]:
        return [self._judged(run) for run in self.way.read(files) if run.judged]

    def _judged(self, run: Run) -> _Judged:
        with np.errstate(all="ignore"):
            judged = judge(run, self.book.rules, self.ignore)
            judgements, told = suppress.inline(run, judged, self.book.rules)
        tried = read_verified(run.root)
        found, graph = chain.link(run.id, judgements, _measured(tried))
        verdicts = tuple(judgement.verdict for judgement in judgements)
        summary = _summary(replace(run, notes=(*told, *_followed(tried), *run.notes)), was_judged(judgements))
        return _Judged(self.way.told(run), summary, tuple(found), verdicts, graph)


def _measured(tried: Verified | None) -> dict[str, str]:
    """Return the effects that fixes had when they were tried, the smallest set as "first"; none of another source."""
    if tried is None or tried.stale:
        return {}
    return tried.effects | dict.fromkeys(tried.first, "first")


def _followed(tried: Verified | None) -> tuple[Note, ...]:
    if tried is None:
        return ()
    if tried.stale:
        return (Note(f"fixes were verified, but {tried.stale} has changed since: not followed", Place(tried.file)),)
    return (Note("the order of fixes and their effects follow what `wganlint verify` measured", Place(tried.file)),)


@lru_cache(maxsize=1)
def _judging(way: _Way, folders: tuple[Path, ...], ignore: tuple[str, ...]) -> _Judging:
    return _Judging(way, folders, ignore, catalogue(folders))


def _described(way: _Way, export: Export | None, files: RunFiles) -> list[_Described]:
    from wganlint.describe import describe

    runs = export.read(lambda: way.read(files)) if export is not None else way.read(files)
    return [_Described(way.told(run), describe(run)) for run in runs]


def _loaded(way: _Way, files: RunFiles) -> list[_Loaded]:
    return [_Loaded(way.told(run), run) for run in way.read(files)]


# -- all runs


def _each(
    task: Callable[[RunFiles], list[T]],
    paths: Sequence[Given] | Given,
    *,
    source: Sequence[Given],
    events: Sequence[Given],
    jobs: int | None,
    watch: Watch | None,
) -> list[T]:
    """Find the runs and do the task with the files of each, while copies of what lies elsewhere are there."""
    given = [paths] if isinstance(paths, str | PathLike) else list(paths)
    with local([*given, *source, *events], watch=watch) as places:
        mine = [place for place in places if place.part < len(given)]
        further = [place for place in places if place.part >= len(given)]
        found = discover(
            [place.path for place in mine],
            source=[place.path for place in further if place.part < len(given) + len(source)],
            events=[place.path for place in further if place.part >= len(given) + len(source)],
        )
        relabel(found, mine)
        sizes = [_size(files) for files in found]
        if watch is not None:
            watch.plan("reading", sum(len(_files(files)) for files in found), sum(sizes))
        return [one for several in spread(task, found, sizes, jobs=jobs, watch=watch) for one in several]


def _files(files: RunFiles) -> list[File]:
    logs = [file for attempt in files.logs for file in attempt.files]
    return [*logs, *files.events, *files.tables, *files.traces]


def _size(files: RunFiles) -> int:
    """Return the bytes of what will be read, as they lie on the disk."""
    total = 0
    for file in _files(files):
        try:
            total += file.path.stat().st_size
        except OSError:  # gone since: told when it is read
            continue
    return total


def _check_roles(roles: Mapping[str, str] | None, found: Iterable[_Judged | _Described | _Loaded]) -> None:
    told = [one.told for one in found]
    for role, name in (roles or {}).items():
        if not any(role in one.played for one in told):
            known = sorted({name for one in told for name in one.names})
            raise UsageError(f"no series {name!r} for --role {role}", hint=f"series: {', '.join(known[:30]) or 'none'}")


def _summary(run: Run, judged: bool) -> RunSummary:
    role_of: dict[str, str] = {guess.series: role for role, guess in run.roles.items()}
    role_of |= {name: "auxiliary_loss" for name in run.auxiliary if name not in role_of}
    series = tuple(
        SeriesSummary(
            s.name, role_of.get(s.name, ""), len(s), _step(s.first.step), _step(s.last.step), s.tally.nonfinite_count,
            s.first.text, s.last.text, s.thumbnail() if s.name in role_of else (), (*s.files, *s.also_in),
        )
        for s in run.series
    )  # fmt: skip
    wasserstein = run.family.name.startswith("wgan")
    return RunSummary(
        id=run.id,
        root=run.root,
        inputs=tuple(InputSummary(i.path, i.kind, i.used, i.why) for i in run.inputs),
        loss_family=run.family.name,
        family_why=run.family.why,
        convention=SIGNS.get(run.convention.sign, "") if wasserstein else "",
        convention_why=run.convention.why if wasserstein else "",
        convention_standing=run.convention.standing,
        roles={role: guess.series for role, guess in run.roles.items()},
        series=series,
        settings=tuple(SettingSummary(s.name, s.value, s.place.file, s.place.line) for s in run.settings),
        notes=tuple((note.text, note.place) for note in run.notes),
        judged=judged,
    )


def _step(value: float) -> float | None:
    return None if value != value else value
