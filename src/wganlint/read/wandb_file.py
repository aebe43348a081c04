"""W&B's own file of a run becomes series and settings, without W&B's package; part of read/tables.

Field numbers are those of wandb/proto/wandb_internal.proto. Clients before 0.17 write a nested value as one JSON text
under its key, later ones each number under a path of keys; both give the names that a history in JSON gives.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path as File
from typing import BinaryIO, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.columns import TableFacts
from wganlint.read.configs import setting
from wganlint.read.events.messages import Malformed, fields, varint
from wganlint.read.json_walk import NUMBER, BrokenJSON, Leaf, Path, leaves, unquoted
from wganlint.read.opening import BROKEN, open_file
from wganlint.read.records import WIDEST, names_of
from wganlint.read.sheet import Column, Rows, Sheet, is_label
from wganlint.read.wandb_frames import Frames
from wganlint.run import Note, Setting

BATCH = 2_048  # records handed on at once
GLANCED = 64  # records that tell what a file holds
LONGEST = 1 << 20  # characters of one value that are read
NAMES = 5_000  # of settings and of a summary
KNOWN = 20_000  # keys and plain numbers that are remembered
_HISTORY, _SUMMARY, _CONFIG, _OUTPUT, _RUN = 2, 3, 5, 13, 17  # fields of a Record
# An item of the history as nearly all are: length, keys (which have to be known), length, a number.
_ITEM = re.compile(
    rb"\n(.)([\n\x12][^\x82]*?)\x82\x01(.)(-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|NaN|-?Infinity)", re.DOTALL
)
_IS_NUMBER = re.compile(NUMBER).fullmatch
_PASSED = frozenset({"_runtime", "_timestamp", "_wandb"})  # W&B's clocks, and what it keeps for itself
_WORDS = frozenset({'"NaN"', '"Infinity"', '"-Infinity"'})  # how some clients put what JSON has no number for


class Glance(Struct, frozen=True):
    """What the start of a file tells: the name of the run, and whether it has a history and a configuration."""

    name: str = ""
    history: bool = False
    config: bool = False


class Value(NamedTuple):
    """One item of a record: its path of keys, and what it holds as JSON text."""

    path: tuple[str, ...]
    text: str


def glance(path: File) -> Glance:
    """Return what a file holds, by its first records up to the first of the history; nothing if it cannot be read."""
    name, config, records = "", False, 0
    try:
        with open_file(path) as stream:
            for _, data in Frames(stream):
                kind, start, stop = _kind(data)
                if kind == _HISTORY:
                    return Glance(name, True, config)
                if kind == _RUN:
                    told = _run(data, start, stop)
                    name, config = told.name, config or any(value.path[0] != "_wandb" for value in told.config)
                records += kind not in (_OUTPUT, _SUMMARY)
                if records > 100 * GLANCED:
                    break
    except (*BROKEN, InputError):
        pass
    return Glance(name, False, config)


def read_wandb(stream: BinaryIO, shown: str) -> TableFacts:
    """Read the history and the configuration of a run; system metrics, media and printed lines are passed over.

    Raises:
        InputError: no record of the file checks.
    """
    reader = _Reader(shown)
    frames = Frames(stream)
    for at, data in frames:
        try:
            reader.take(data)
        except Malformed as error:
            reader.malformed(at, str(error))
    if not frames.records:
        raise InputError("no record of W&B in it that checks", file=shown)
    facts = reader.facts()
    facts.notes[:0] = [Note(text, Place(shown)) for text in frames.notes()]
    return facts


class _Run(NamedTuple):
    name: str
    config: list[Value]


class _Reader:
    """Takes the records of one file in their order."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._sheet = Sheet(shown, "W&B")
        self._held: list[dict[str, str]] = []
        self._names: dict[tuple[str, ...], str] = {}
        self._labels: dict[str, bool] = {}
        self._known: dict[bytes, str] = {}  # the bytes of keys that hold plain numbers, and their name; "" for clocks
        self._config: dict[tuple[str, ...], str] = {}
        self._summary: dict[tuple[str, ...], str] = {}
        self._words: set[str] = set()  # keys without numbers
        self._numeric: set[str] = set()
        self._printed = 0
        self._bad: list[tuple[int, str]] = []
        self._bad_count = self._wide = 0

    def take(self, data: bytes) -> None:
        """Take one record.

        Raises:
            Malformed: its bytes are no record of W&B.
        """
        kind, start, stop = _kind(data)
        if kind == _HISTORY:
            self._row(data, start, stop)
        elif kind == _RUN:
            self._settings(_run(data, start, stop).config)
        elif kind == _CONFIG:
            updates, removed = _changes(data, start, stop)
            self._settings(updates)
            for gone in removed:
                for path in [path for path in self._config if path[: len(gone.path)] == gone.path]:
                    del self._config[path]
        elif kind == _SUMMARY and not self._sheet.rows and not self._held:
            for value in _changes(data, start, stop)[0]:
                if len(self._summary) < NAMES:
                    self._summary[value.path] = value.text
        elif kind == _OUTPUT:
            self._printed += 1

    def malformed(self, at: int, why: str) -> None:
        """Count a record whose bytes check, but are no record of W&B."""
        self._bad_count += 1
        if not self._bad:
            self._bad.append((at, why))

    def facts(self) -> TableFacts:
        """Return what the file holds."""
        facts = TableFacts(self.shown)
        if not self._sheet.rows and not self._held and self._summary:
            self._add([Value(path, text) for path, text in self._summary.items()], None)
            if self._held:
                facts.notes.append(Note("no history in it: the last values only", Place(self.shown)))
        self._flush()
        self._sheet.finish()
        facts.runs = self._sheet.by_run()
        facts.rows = self._sheet.rows
        facts.skipped = sorted(self._words - self._numeric)
        facts.notes += self._sheet.notes
        for at, why in self._bad:
            count = "1 record is" if self._bad_count == 1 else f"{self._bad_count} records are"
            facts.notes.append(Note(f"{count} not understood, the first at byte {at}: {why}", Place(self.shown)))
        if self._wide:
            text = f"{self._wide} values of more than {WIDEST} numbers or broken JSON were left out"
            facts.notes.append(Note(text, Place(self.shown)))
        if self._printed and not facts.rows:
            text = "it holds printed lines, which are not read from it: give the log of the training too"
            facts.notes.append(Note(text, Place(self.shown)))
        for path, text in self._config.items():
            facts.settings += _stated(path, text, self.shown)
        facts.settings = facts.settings[:NAMES]
        return facts

    # -- settings

    def _settings(self, values: list[Value]) -> None:
        for value in values:
            if value.path[0] == "_wandb":
                continue
            for path in [path for path in self._config if path[: len(value.path)] == value.path]:
                del self._config[path]  # a later value comes after what is known
            if len(self._config) < NAMES:
                self._config[value.path] = value.text

    # -- the history

    def _row(self, data: bytes, at: int, end: int) -> None:
        row = self._quick_row(data, at, end)
        if row is not None:
            self._hold(row)
            return
        step: str | None = None
        values = []
        for number, wire, start, stop in fields(data, at, end):
            if number == 1 and wire == 2:
                value = _item(data, start, stop)
                if value is not None:
                    values.append(value)
                    self._learn(value, data[start:stop])
            elif number == 2 and wire == 2:
                for inner, wire_, begin, close in fields(data, start, stop):
                    if inner == 1 and wire_ == 0:
                        step = str(_signed(varint(data, begin, close)[0]))
        self._add(values, step)

    def _quick_row(self, data: bytes, at: int, end: int) -> dict[str, str] | None:
        """Return the numbers of a record whose items are all plain numbers under known keys, else None."""
        row: dict[str, str] = {}
        known, match = self._known, _ITEM.match
        while at < end:
            found = match(data, at, end)
            if found is None:
                break
            whole, keys, size, text = found.groups()
            name = known.get(keys)
            at_end = found.end()
            if name is None or whole[0] != at_end - at - 2 or size[0] != len(text):
                return None
            if name:
                row.setdefault(name, text.decode("ascii"))
            at = at_end
        if at < end and (
            "_step" not in row or data[at] != 0x12 or data[at + 1 : at + 2] != bytes([(end - at - 2) & 0x7F])
        ):
            return None
        return row

    def _learn(self, value: Value, item: bytes) -> None:
        """Remember the keys of a plain number as they stand in the file."""
        keys = item[: len(item) - len(value.text) - 3]
        plain = item == keys + b"\x82\x01" + bytes([len(value.text) & 0x7F]) + value.text.encode()
        if plain and value.path[-1] not in ("std", "_type") and _IS_NUMBER(value.text) and len(self._known) < KNOWN:
            self._known[keys] = "" if value.path[0] in _PASSED else "/".join(value.path)

    def _add(self, values: Sequence[Value], step: str | None) -> None:
        """Add a record of the history: the numbers in it by their names."""
        media = {value.path[:-1] for value in values if len(value.path) > 1 and value.path[-1] == "_type"}
        row: dict[str, str] = {}
        paths: list[Path] = []
        for path, text in values:
            first = path[0]
            if first in _PASSED:
                continue
            if media and any(path[:at] in media for at in range(1, len(path))):
                self._words.add("/".join(path[: next(at for at in range(1, len(path)) if path[:at] in media)]))
                continue
            if _IS_NUMBER(text):
                self._number(path, text, row)
                paths.append(path)
            elif text in _WORDS:
                self._number(path, text[1:-1], row)
                paths.append(path)
            else:
                self._other(path, text, row, paths)
        if step is not None:
            row.setdefault("_step", step)
        if any(path[-1] == "std" for path in paths):
            row = _spread(row, paths)
        self._hold(row)

    def _hold(self, row: dict[str, str]) -> None:
        if row:
            self._held.append(row)
            if len(self._held) == BATCH:
                self._flush()

    def _number(self, path: tuple[str, ...], text: str, row: dict[str, str]) -> None:
        name = self._names.get(path)
        if name is None:
            name = "/".join(path)
            if len(self._names) < KNOWN:
                self._names[path] = name
        row.setdefault(name, text)

    def _other(self, path: tuple[str, ...], text: str, row: dict[str, str], paths: list[Path]) -> None:
        """Take what is no plain number: an object or list of numbers, a word."""
        name = "/".join(path)
        if len(self._words) < KNOWN:
            self._words.add(name)
        try:
            inner = leaves(text) if text[:1] in "[{" and len(text) <= LONGEST else []
        except BrokenJSON:
            inner, text = [], ""
        if not text or len(text) > LONGEST or len(inner) > WIDEST:
            self._wide += 1
            return
        if text[0] not in "[{":
            if is_label(name):
                row[name] = text
            return
        media = {leaf.path[:-1] for leaf in inner if leaf.path and leaf.path[-1] == "_type"}
        for leaf in inner:
            if media and any(leaf.path[:at] in media for at in range(len(leaf.path))):
                continue
            whole = (*path, *map(str, leaf.path))
            if leaf.kind == "number":
                self._number(whole, leaf.text, row)
                paths.append((*path, *leaf.path))
                self._words.discard(name)

    def _flush(self) -> None:
        """Hand the held records on as columns."""
        held, self._held = self._held, []
        if not held:
            return
        found: dict[str, tuple[list[int], list[str]]] = {}
        words: dict[str, list[str]] = {}
        for at, row in enumerate(held):
            for name, text in row.items():
                label = self._labels.get(name)
                if label is None:
                    if len(self._labels) >= KNOWN:
                        self._labels.clear()
                    label = self._labels[name] = is_label(name)
                if label:
                    words.setdefault(name, [""] * len(held))[at] = text.strip('"')
                    if not _IS_NUMBER(text):
                        continue
                rows, texts = found.setdefault(name, ([], []))
                rows.append(at)
                texts.append(text)
        none = np.zeros(len(held), dtype=np.int64)  # a binary file has no lines
        columns = {
            name: Column(
                np.array(rows, dtype=np.int64), np.array(list(map(float, texts))), texts, none[: len(rows)],
                none[: len(rows)],
            )
            for name, (rows, texts) in found.items()
        }  # fmt: skip
        self._numeric.update(columns)
        self._sheet.take(Rows(none, [""] * len(held), columns, dict(words)))


def _spread(row: dict[str, str], paths: list[Path]) -> dict[str, str]:
    """Name `{num, mean, std}` as one quantity with its spread, as in a history in JSON."""
    names = {"/".join(map(str, path)): name for path, name in names_of(paths).items()}
    return {name: text for old, text in row.items() if (name := names.get(old, old)) is not None}


# -- messages


def _kind(data: bytes) -> tuple[int, int, int]:
    """Return which kind of record this is, and where its message stands; 0 for one that is not read.

    Raises:
        Malformed: the bytes are no record.
    """
    found = (0, 0, 0)
    for number, wire, start, stop in fields(data, 0, len(data)):
        if wire == 2 and number in (_HISTORY, _SUMMARY, _CONFIG, _OUTPUT, _RUN):
            found = (number, start, stop)
    return found


def _run(data: bytes, at: int, end: int) -> _Run:
    name, config = "", []
    for number, wire, start, stop in fields(data, at, end):
        if number == 4 and wire == 2:
            config += _changes(data, start, stop)[0]
        elif number == 8 and wire == 2:
            name = _text(data[start:stop])
    return _Run(name, config)


def _changes(data: bytes, at: int, end: int) -> tuple[list[Value], list[Value]]:
    """Return the items that a configuration or summary sets, and those that it removes."""
    updates: list[Value] = []
    removed: list[Value] = []
    for number, wire, start, stop in fields(data, at, end):
        if wire == 2 and number in (1, 2):
            value = _item(data, start, stop)
            if value is not None:
                (updates if number == 1 else removed).append(value)
    return updates, removed


def _item(data: bytes, at: int, end: int) -> Value | None:
    """Return one item of a history, configuration or summary; None without a key."""
    key, nested, text = "", [], ""
    for number, wire, start, stop in fields(data, at, end):
        if wire == 2:
            if number == 2:
                nested.append(_text(data[start:stop]))
            elif number == 1:
                key = _text(data[start:stop])
            elif number in (8, 16):
                text = _text(data[start:stop])
        elif number == 5 and wire == 0:  # zigzag
            whole = varint(data, start, stop)[0]
            text = str((whole >> 1) ^ -(whole & 1))
        elif number == 6 and wire == 1:
            text = repr(struct.unpack_from("<d", data, start)[0])
    path = tuple(nested) if nested else (key,)
    return Value(path, text) if any(path) else None


def _text(data: bytes) -> str:
    text = data.decode(errors="replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _stated(path: tuple[str, ...], text: str, shown: str) -> list[Setting]:
    """Return the settings of one item of the configuration; a list of values is one."""
    try:
        found = leaves(text) if len(text) <= LONGEST else []
    except BrokenJSON:
        return []
    lists: dict[tuple[str, ...], list[Leaf]] = {}
    for leaf in found[:NAMES]:
        outer = next((at for at, part in enumerate(leaf.path) if isinstance(part, int)), len(leaf.path))
        lists.setdefault((*path, *map(str, leaf.path[:outer])), []).append(leaf)
    settings = []
    for where, parts in lists.items():
        listed = any(isinstance(part, int) for part in parts[0].path)
        value = f"[{', '.join(map(unquoted, parts[:20]))}]" if listed else unquoted(parts[-1])
        item = setting(list(where), value, shown, 0, 0, f"{'.'.join(where)} = {value}")
        if item is not None:
            settings.append(replace(item, place=Place(shown)))
    return settings
