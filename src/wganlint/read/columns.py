"""Tables of every kind become series, settings and notes: CSV, number files, JSON; files -> read -> Run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from msgspec import Struct, field

from wganlint.builder import SeriesBuilder
from wganlint.read.configs import read_options, read_yaml, told_settings
from wganlint.read.delimited import Delimited
from wganlint.read.header import settings_of
from wganlint.read.json_document import Document
from wganlint.read.json_lines import JsonLines, is_lines
from wganlint.read.opening import HEAD
from wganlint.read.records import Records
from wganlint.read.sheet import Sheet
from wganlint.run import Note, Setting


class TableFacts(Struct):
    """What one table holds. `runs`: the series of each run in it; a table of one run has it under an empty name."""

    file: str
    runs: dict[str, list[SeriesBuilder]] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    rows: int = 0
    skipped: list[str] = field(default_factory=list)  # columns without numbers
    settings_of: dict[str, list[Setting]] = field(default_factory=dict)  # of one run of several

    goes_on: int = 0  # series of an earlier file that this one fed

    @property
    def fed(self) -> int:
        """Number of series of all runs."""
        return self.goes_on + sum(len(series) for series in self.runs.values())


def read_table(
    open_again: Callable[[], BinaryIO],
    shown: str,
    names: Sequence[str] = (),
    parts: dict[str, Delimited] | None = None,
) -> TableFacts:
    """Read a table of any kind. `names` are those of the columns of a table without a header.

    `open_again` opens the file from its start: its first bytes tell which reader it is for. `parts` are the tables read
    before: one that differs in the numbers of its name only, and whose steps go on, feeds the same series.

    Raises:
        InputError: the file is binary, cannot be read, or is no table.
        OSError: the file cannot be opened.
    """
    with open_again() as stream:
        head = stream.read(HEAD)
    with open_again() as stream:
        bare = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        ending = PurePosixPath(shown).name.removesuffix(".gz").rpartition(".")[2].lower()
        if bare.startswith((b"{", b"[")) and ending not in {"csv", "tsv"}:
            return _records(stream, head, shown, names)
        return _delimited(stream, shown, names, {} if parts is None else parts)


def read_settings(stream: BinaryIO, shown: str, head: bytes) -> TableFacts:
    """Read a file of options: JSON, YAML or a dump of `name: value` lines.

    Raises:
        InputError: the file is binary or cannot be read.
    """
    facts = TableFacts(shown)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _records(stream, head, shown, ())
    yaml = PurePosixPath(shown).name.rpartition(".")[2].lower() in {"yaml", "yml"}
    facts.settings, facts.notes = (read_yaml if yaml else read_options)(stream, shown)
    return facts


def read_json(stream: BinaryIO, head: bytes, shown: str, names: Sequence[str] = ()) -> Records:
    """Read a JSON file; `head` are its first bytes.

    Raises:
        InputError: the file cannot be read, or is no JSON from the start.
    """
    found = Records(shown, names)
    (JsonLines if is_lines(head) else Document)(found).read(stream)
    found.finish()
    return found


def _records(stream: BinaryIO, head: bytes, shown: str, names: Sequence[str]) -> TableFacts:
    found = read_json(stream, head, shown, names)
    facts = TableFacts(shown, notes=found.notes, rows=found.rows)
    facts.settings = told_settings(found.told, shown)
    _runs(list(found.sheets.values()), facts)
    return facts


def _delimited(stream: BinaryIO, shown: str, names: Sequence[str], parts: dict[str, Delimited]) -> TableFacts:
    skeleton = re.sub("[0-9]+", "#", shown)
    reader = Delimited(shown, names, parts.get(skeleton))
    reader.read(stream)
    parts[skeleton] = reader
    facts = TableFacts(shown, notes=reader.notes, rows=reader.rows, skipped=reader.skipped)
    facts.settings = settings_of(reader.comments, shown)
    if reader.goes_on:
        facts.goes_on = sum(len(series) for series in reader.sheets[0].by_run().values())
    _runs(reader.sheets[1:] if reader.goes_on else reader.sheets, facts)
    return facts


def _runs(sheets: list[Sheet], facts: TableFacts) -> None:
    """Put the series of several sheets together: runs of one name are one; parts of a file are runs of their own."""
    several = len([sheet for sheet in sheets if sheet.rows]) > 1
    parts = several and len({sheet.form for sheet in sheets}) == 1
    for at, sheet in enumerate(sheets, 1):
        for run, series in sheet.by_run().items():
            name = " ".join(word for word in (f"part={at}" if parts else "", run) if word)
            facts.runs.setdefault(name, []).extend(series)
