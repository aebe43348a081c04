"""The tables, configuration files and MLflow stores of one run are read; part of read/join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.builder import SeriesBuilder
from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import File
from wganlint.read.columns import TableFacts, read_settings, read_table
from wganlint.read.delimited import Delimited
from wganlint.read.discover import RunFiles
from wganlint.read.opening import damage_of, head_of, open_file
from wganlint.read.sniff import is_wandb
from wganlint.run import Input, Note, Setting
from wganlint.series import Series


class Tables(Struct):
    """What the tables of a run hold. `runs`: the series of each run that they tell apart, "" for the run itself."""

    runs: dict[str, list[SeriesBuilder]] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    settings_of: dict[str, list[Setting]] = field(default_factory=dict)  # of a run that a table tells apart
    parts: dict[str, Delimited] = field(default_factory=dict)  # by their name without its numbers: files that go on


def read_tables(files: RunFiles, names: Sequence[str] = ()) -> Tables:
    """Read all tables of a run; a file that cannot be read is listed with its reason."""
    found = Tables()
    for file in files.settings:
        _take(file, "settings", found, names)
    for file in files.tables:
        _take(file, "table", found, names)
    for file in files.stores:
        _store(file, found)
    return found


def _take(file: File, kind: str, found: Tables, names: Sequence[str]) -> None:
    streams: list[BinaryIO] = []

    def opened() -> BinaryIO:
        streams.append(open_file(file.path))
        return streams[-1]

    try:
        if kind == "settings":
            with open_file(file.path) as stream:
                facts = read_settings(stream, file.shown, head_of(file.path))
        elif is_wandb(file.path.name):
            from wganlint.read.wandb_file import read_wandb

            with opened() as stream:
                facts = read_wandb(stream, file.shown)
            known = {setting.name for setting in found.settings}  # its config.yaml has lines
            facts.settings = [setting for setting in facts.settings if setting.name not in known]
        else:
            facts = read_table(opened, file.shown, names, found.parts)
    except InputError as error:
        found.inputs.append(Input(file.shown, kind, False, error.what))
        return
    except OSError as error:
        found.inputs.append(Input(file.shown, kind, False, (error.strerror or str(error)).lower()))
        return
    damage = damage_of(streams[-1]) if streams else ""
    if damage:
        found.notes.append(Note(damage, Place(file.shown)))
    _enter(file, kind, facts, found)


def _enter(file: File, kind: str, facts: TableFacts, found: Tables) -> None:
    found.settings += facts.settings
    found.notes += facts.notes
    for run, series in facts.runs.items():
        found.runs.setdefault(run, []).extend(series)
    for run, settings in facts.settings_of.items():
        found.settings_of.setdefault(run, []).extend(settings)
    used = bool(facts.fed or facts.settings or facts.settings_of)
    kind = "table" if facts.fed else "settings" if facts.settings else kind
    found.inputs.append(Input(file.shown, kind, used, gave(facts)))


def _store(file: File, found: Tables) -> None:
    if is_wandb(file.path.name):
        _take(file, "table", found, ())
        return
    from wganlint.read.mlflow import read_store

    try:
        facts = read_store(file.path, file.shown)
    except InputError as error:
        found.inputs.append(Input(file.shown, "table", False, error.what))
        return
    _enter(file, "table", facts, found)


def gave(facts: TableFacts) -> str:
    """Return what a table gave, in words."""
    told = []
    if facts.fed:
        told.append(f"{_count(facts.rows, 'row')} of {_count(facts.fed, 'series', 'series')}")
        if len(facts.runs) > 1:
            told.append(f"{len(facts.runs)} runs")
    if facts.settings:
        told.append(_count(len(facts.settings), "setting"))
    if facts.skipped:
        more = f" and {len(facts.skipped) - 4} more" if len(facts.skipped) > 4 else ""
        told.append(f"no numbers in {', '.join(facts.skipped[:4])}{more}")
    return ", ".join(told) or "no rows of numbers in it"


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def side_by_side(series: Sequence[Series]) -> list[Series]:
    """Give rows without a step their number as the step, where columns stand on lines of their own.

    Lists of one JSON object, or `d_loss.txt` beside `g_loss.txt`: what has equally many rows goes row by row.
    """
    bare = [one for one in series if one.kind == "table" and len(one.steps) and bool(np.isnan(one.steps).all())]
    if not bare or all(bare[0].same_records(other) for other in bare[1:]):
        return list(series)
    by_count: dict[int, list[Series]] = {}
    for one in bare:
        by_count.setdefault(len(one), []).append(one)
    numbered = {id(one) for same in by_count.values() if len(same) > 1 for one in same}
    return [_numbered(one) if id(one) in numbered else one for one in series]


def _numbered(one: Series) -> Series:
    first, last = replace(one.first, step=float(one.first.index)), replace(one.last, step=float(one.last.index))
    tally = replace(
        one.tally,
        nonfinite=tuple(replace(point, step=float(point.index)) for point in one.tally.nonfinite),
        stuck=replace(one.tally.stuck, step=float(one.tally.stuck.index)) if one.tally.stuck else None,
    )
    return replace(one, steps=one.index.astype(np.float64), step_key="row", first=first, last=last, tally=tally)
