"""TensorBoard event files become series and settings; on the way from files to a `Run`.

The records (TFRecord framing) and the few protobuf fields that matter are read here, from bytes, without
TensorBoard: every scalar of both layouts (`simple_value`, and tensors of one number), texts,
hyper-parameters. Both checksums of every record are checked. A batch is decoded by columns: records that
differ from one another only in time, step and value share one layout, which is parsed once.
"""

from __future__ import annotations

import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from wganlint.evidence import Place
from wganlint.run import Note, Setting
from wganlint.series import Chunk, Series, SeriesBuilder

BATCH = 2 << 20  # bytes read at once
LARGE = 32 << 20  # bytes of a record whose data is passed over
SEARCH = 32 << 20  # bytes searched for the next record after damage
WINDOW = 1 << 14  # places searched at once
LOSSES = 100  # of a file after which it is given up
TAGS = 2_000  # series kept per file
SETTINGS = 1_000  # kept per file
PIECE = 512  # bytes of a long record that its checksum takes in at once
NOTES = 20  # places of damage named per file
TEXT = 1 << 16  # characters read of one text
LAYOUTS = 64  # tried per record length and batch
SLOTS = 1 << 20  # values of one record that keep their order

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]
Batch = tuple[int, bytes, Ints, Ints]  # offset in the file, bytes, where the data of each record starts, its length


class EventSeries(SeriesBuilder):
    """A series of an event file: its values are float32, so no number of decimals is claimed."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag or "(no tag)", form="scalar", kind="events", step_key="step")

    def build(self) -> Series:
        """Return the series; ValueError if no record was ever added."""
        return replace(super().build(), decimals=None)


def read_events(
    file: BinaryIO, shown: str, into: dict[str, SeriesBuilder] | None = None
) -> tuple[list[SeriesBuilder], list[Setting], list[Note]]:
    """Read an event file that is open for reading bytes; `shown` is its path as places should name it.

    Returns the series (named by their tags, every point in the order of the file), the settings that its
    texts and hyper-parameters state, and notes on what is damaged or was passed over. Values are float32 and
    their texts the shortest that name the float32. Places have no line. What is not an event file gives a
    note and nothing else. `into` holds the series of earlier files of the same run by tag: points of those
    tags are added to them.
    """
    reading = _Reading(shown, {} if into is None else into)
    for batch in _Records(file, reading).batches():
        reading.take(batch)
    return reading.finish()


# -- records: length, checksum of the length, data, checksum of the data


class _Records:
    """Cuts a file into batches of whole records whose lengths check."""

    def __init__(self, file: BinaryIO, reading: _Reading) -> None:
        self.file, self.note = file, reading.note
        self.base, self.rest = 0, b""  # what is read and not yet cut, and its offset in the file
        self.lost: int | None = None  # offset of damage, while the next record is looked for
        self.losses = 0
        self.over = False

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of the file in order."""
        while self._more():
            if self.lost is None:
                yield from self._frame()
            while self.lost is not None and self._found():
                yield from self._frame()
        if self.lost is not None:
            self.note(f"damaged from byte {self.lost} on; what follows was not read")
        elif self.rest:
            self.note(f"the last record is cut, at byte {self.base}, and was left out")
        elif self.base == 0 and not self.over:
            self.note("the file is empty")

    def _more(self) -> bool:
        if self.over:
            return False
        block = self.file.read(BATCH)
        self.rest = self.rest + block if self.rest else block
        return bool(block)

    def _frame(self) -> Iterator[Batch]:
        """Cut whole records off the front of `rest`; set `lost` at the first length that does not check."""
        rest, at, ends = self.rest, 0, [0]
        unpack, size = struct.Struct("<Q").unpack_from, len(self.rest)
        while at + 12 <= size and (at := at + 16 + unpack(rest, at)[0]) <= size:
            ends.append(at)
        begins = np.array(ends, dtype=np.int64)
        whole = begins[:-1]
        good = _stored(rest, whole + 8) == _checksums(rest, whole, np.full(len(whole), 8, dtype=np.int64))
        count = len(whole) if good.all() else int(np.argmin(good))
        at = ends[count]
        broken = count < len(whole) or (at + 12 <= size and not _header_checks(rest, at))
        if count:
            yield self.base, rest, whole[:count] + 12, np.diff(begins[: count + 1]) - 16
        if broken and self.base + at == 0:
            self.note("not a TensorBoard event file: its first record does not check")
            self.rest, self.over = b"", True
        elif broken:
            self.lost = self.base + at
            self.losses += 1
            self._drop(at + 1)
        else:
            self._drop(at)
            self._pass_over()

    def _drop(self, count: int) -> None:
        self.rest, self.base = self.rest[count:], self.base + count

    def _pass_over(self) -> None:
        """Skip a record that is too large to be a scalar's, unread."""
        if len(self.rest) < 12:
            return
        length = struct.unpack_from("<Q", self.rest)[0]
        left = length + 16 - len(self.rest)
        if length <= LARGE or left <= 0:
            return
        while left > 0 and (block := self.file.read(min(BATCH, left))):
            left -= len(block)
        if left > 0:
            self.note(f"the last record is cut, at byte {self.base}, and was left out")
        else:
            self.note(f"the record at byte {self.base} ({length} bytes) was passed over, its data not checked")
        self.rest, self.base, self.over = b"", self.base + length + 16, left > 0

    def _found(self) -> bool:
        """Look for the next record in `rest`, after damage."""
        assert self.lost is not None
        if self.losses > LOSSES:
            self.over = True
            return False
        at = _next_header(self.rest)
        if at is None:
            self._drop(max(0, len(self.rest) - 11))
            self.over = self.base - self.lost > SEARCH
            return False
        self._drop(at)
        self.note(f"bytes {self.lost} to {self.base - 1} are damaged; reading went on after them")
        self.lost = None
        return True


def _header_checks(data: bytes, at: int) -> bool:
    return bool(_next_header(data[at : at + 12]) == 0)


def _next_header(data: bytes) -> int | None:
    """Return the first place whose eight bytes are followed by their own checksum."""
    for begin in range(0, len(data) - 11, WINDOW):
        places = np.arange(begin, min(begin + WINDOW, len(data) - 11), dtype=np.int64)
        eight = np.full(len(places), 8, dtype=np.int64)
        hits = np.flatnonzero(_stored(data, places + 8) == _checksums(data, places, eight))
        if len(hits):
            return begin + int(hits[0])
    return None


# -- CRC-32C (Castagnoli) of many stretches at once, masked as TFRecord does


def _stored(data: bytes, at: Ints) -> Words:
    """Return the little-endian 32-bit words at these places."""
    array = np.frombuffer(data, dtype=np.uint8)
    words = np.zeros(len(at), dtype=np.uint32)
    for byte in range(4):
        words |= array[at + byte].astype(np.uint32) << np.uint32(8 * byte)
    return words


def _checksums(data: bytes, starts: Ints, lengths: Ints) -> Words:
    """Return the masked checksums of the stretches `data[start : start + length]`.

    A long stretch is cut into a head and whole pieces, so that all pieces advance side by side; the register
    of what is before a piece is then moved over the piece's length and joined with the piece's own (CRC is
    linear).
    """
    array = np.frombuffer(data, dtype=np.uint8)
    pieces = np.where(lengths > 2 * PIECE, lengths // PIECE, 0)
    crc = _advance(array, starts, lengths - pieces * PIECE, 0xFFFFFFFF)
    longs = np.flatnonzero(pieces)
    if len(longs):
        longs = longs[np.argsort(-pieces[longs], kind="stable")]
        count = pieces[longs]
        first = np.cumsum(count) - count  # of the pieces of each long stretch
        turn = np.arange(int(count.sum()), dtype=np.int64) - np.repeat(first, count)
        begin = np.repeat((starts + lengths - pieces * PIECE)[longs], count) + turn * PIECE
        own = _advance(array, begin, np.full(len(begin), PIECE, dtype=np.int64), 0)
        register = crc[longs]
        for at in range(int(count[0])):
            open_ = int(np.searchsorted(-count, -at))  # stretches with more than `at` pieces
            register[:open_] = _over_piece(register[:open_]) ^ own[first[:open_] + at]
        crc[longs] = register
    crc ^= np.uint32(0xFFFFFFFF)
    masked: Words = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    return masked


def _advance(data: Bytes, starts: Ints, lengths: Ints, register: int) -> Words:
    """Return the register after each stretch, one byte of every stretch a turn."""
    table, low, eight = _table(), np.uint32(0xFF), np.uint32(8)
    order = np.argsort(-lengths, kind="stable")
    at, ends = starts[order], -lengths[order]
    crc = np.full(len(at), register, dtype=np.uint32)
    for turn in range(int(-ends[0]) if len(ends) else 0):
        open_ = int(np.searchsorted(ends, -turn))
        part = crc[:open_]
        crc[:open_] = table[(part ^ data[at[:open_] + turn]) & low] ^ (part >> eight)
    result = np.empty_like(crc)
    result[order] = crc
    return result


def _over_piece(register: Words) -> Words:
    """Return the registers after `PIECE` zero bytes."""
    moved, low = _moved(), np.uint32(0xFF)
    joined: Words = moved[0][register & low]
    for byte in range(1, 4):
        joined = joined ^ moved[byte][(register >> np.uint32(8 * byte)) & low]
    return joined


@cache
def _table() -> Words:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & np.uint32(1), (crc >> np.uint32(1)) ^ np.uint32(0x82F63B78), crc >> np.uint32(1))
    return crc.astype(np.uint32)


@cache
def _moved() -> tuple[Words, ...]:
    """Return, for each byte of a register and each of its values, the register after `PIECE` zero bytes."""
    table, tables = _table(), []
    for byte in range(4):
        crc = np.arange(256, dtype=np.uint32) << np.uint32(8 * byte)
        for _ in range(PIECE):
            crc = table[crc & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
        tables.append(crc)
    return tuple(tables)


# -- protobuf: the fields of an event that matter


class _Malformed(ValueError):
    """The bytes are not the message that they should be."""


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield field number, wire type, start and stop of each field's payload."""
    while at < end:
        key, at = _varint(data, at, end)
        wire, start = key & 7, at
        if wire == 0:
            _, at = _varint(data, at, end)
        elif wire == 1:
            at += 8
        elif wire == 2:
            length, start = _varint(data, at, end)
            at = start + length
        elif wire == 5:
            at += 4
        else:
            raise _Malformed(f"wire type {wire}")
        if at > end:
            raise _Malformed("a field runs over its end")
        yield key >> 3, wire, start, at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise _Malformed("an integer does not end")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


@dataclass(slots=True)
class _Value:
    """One value of a summary: `kind` is "scalar", "text", "hparams" or the name of what is passed over.

    `at` and `format` say where the bytes of a scalar of fixed width stand.
    """

    tag: str = ""
    kind: str = ""
    number: float = 0.0
    text: str = ""
    at: int = 0
    format: str = ""
    strings: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Event:
    """One event, and where its time and step stand."""

    step: int = 0
    time_at: tuple[int, int] = (0, 0)
    step_at: tuple[int, int] = (0, 0)
    values: list[_Value] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


_OTHERS = {4: "graphs", 6: "log messages", 7: "session marks", 8: "run metadata", 9: "graphs"}
_KINDS = {3: "histograms", 4: "images", 5: "histograms", 6: "audio clips"}
_FORMATS = {1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "?", 17: "<u2",
            19: "<f2", 22: "<u4", 23: "<u8"}  # fmt: skip
_LISTS = {5: "<f4", 6: "<f8", 7: "", 10: "", 11: "", 16: "", 17: ""}  # float_val, double_val, int_val, ...
_STRING = 7


def _event(data: bytes) -> _Event:
    """Parse an event; _Malformed where it is none."""
    event = _Event()
    for number, wire, start, stop in _fields(data, 0, len(data)):
        if number == 1 and wire == 1:
            event.time_at = (start, stop)
        elif number == 2 and wire == 0:
            event.step, event.step_at = _signed(_varint(data, start, stop)[0]), (start, stop)
        elif number == 5 and wire == 2:
            for inner, wire_, begin, end in _fields(data, start, stop):
                if inner == 1 and wire_ == 2:
                    event.values.append(_value(data, begin, end))
        elif number in _OTHERS:
            event.others.append(_OTHERS[number])
    return event


def _value(data: bytes, at: int, end: int) -> _Value:
    value, plugin, content, tensor = _Value(), "", b"", None
    for number, wire, start, stop in _fields(data, at, end):
        if number == 1 and wire == 2:
            value.tag = data[start:stop].decode(errors="replace")
        elif number == 2 and wire == 5:
            _set_number(value, data, start, "<f4")
            value.kind = "scalar"
        elif number == 8 and wire == 2:
            tensor = (start, stop)
        elif number == 9 and wire == 2:
            plugin, content = _plugin(data, start, stop)
        elif number in _KINDS:
            value.kind = _KINDS[number]
    if plugin == "hparams":
        value.kind, value.strings = "hparams", [content]
    elif tensor is not None and not value.kind:
        value.kind = _plugged(_tensor(value, data, *tensor), plugin)
    return value


def _plugged(kind: str, plugin: str) -> str:
    """Return the kind of a tensor's value, given the plugin that it is meant for ("" where not said)."""
    if kind == "scalar" and plugin in {"", "scalars"}:
        return "scalar"
    if kind == "strings" and plugin in {"", "text"}:
        return "text"
    return plugin or kind


def _plugin(data: bytes, at: int, end: int) -> tuple[str, bytes]:
    name, content = "", b""
    for number, wire, start, stop in _fields(data, at, end):
        if number == 1 and wire == 2:
            for inner, wire_, begin, close in _fields(data, start, stop):
                if inner == 1 and wire_ == 2:
                    name = data[begin:close].decode(errors="replace")
                elif inner == 2 and wire_ == 2:
                    content = data[begin:close]
    return name, content


def _set_number(value: _Value, data: bytes, at: int, format_: str) -> None:
    number = np.frombuffer(data, dtype=format_, count=1, offset=at)
    value.at, value.format = at, format_
    value.number, value.text = float(number[0]), _texts(number)[0]


def _tensor(value: _Value, data: bytes, at: int, end: int) -> str:
    """Read a tensor; return "scalar" for one number, "strings", or "tensors" for all others."""
    type_, count, size = 0, 0, 1
    content = (0, 0)
    for number, wire, start, stop in _fields(data, at, end):
        if number == 1 and wire == 0:
            type_ = _varint(data, start, stop)[0]
        elif number == 2 and wire == 2:
            size = _size(data, start, stop)
        elif number == 4 and wire == 2:
            content = (start, stop)
        elif number == 8 and wire == 2:
            value.strings.append(data[start:stop])
        elif number in _LISTS:
            count += _list(value, data, start, stop, wire, _LISTS[number], type_)
    if type_ == _STRING:
        return "strings"
    if type_ in _FORMATS and size == 1:
        width = np.dtype(_FORMATS[type_]).itemsize
        if content[1] - content[0] == width and count == 0:
            _set_number(value, data, content[0], _FORMATS[type_])
            return "scalar"
        if count == 1 and content[0] == content[1]:
            return "scalar"
    return "tensors"


def _size(data: bytes, at: int, end: int) -> int:
    """Return the number of elements of a shape."""
    size = 1
    for number, wire, start, stop in _fields(data, at, end):
        if number == 2 and wire == 2:
            for inner, wire_, begin, close in _fields(data, start, stop):
                if inner == 1 and wire_ == 0:
                    size = min(size * _varint(data, begin, close)[0], 1 << 62)
    return size


def _list(value: _Value, data: bytes, start: int, stop: int, wire: int, format_: str, type_: int) -> int:
    """Read a list of numbers, packed or not; return how many it has. The value takes the last of them."""
    if format_:
        width = int(format_[-1])
        if wire not in {1, 2, 5} or (stop - start) % width:
            raise _Malformed("a list of floats")
        if stop - start == width:
            _set_number(value, data, start, format_)
        return (stop - start) // width
    count = 0
    while start < stop:
        number, start = _varint(data, start, stop)
        number = number if type_ in {22, 23} else _signed(number)
        value.number, value.text, value.format = float(number), str(number), ""
        count += 1
    return count


def _texts(numbers: npt.NDArray[np.generic]) -> list[str]:
    """Return the shortest text of each number in its own precision: `0.1` for the float32 nearest to 0.1."""
    return [str(number) for number in numbers]


# -- batches become series


@dataclass(slots=True)
class _Part:
    """Points of one tag: their order in the batch, steps, values and texts."""

    keys: list[Ints] = field(default_factory=list)
    steps: list[npt.NDArray[np.float64]] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    loose: list[tuple[int, float, float, str]] = field(default_factory=list)

    def first(self) -> int:
        """Return where the first point stands in the batch."""
        return min([int(keys.min()) for keys in self.keys] + [key for key, *_ in self.loose])

    def chunk(self, file: str) -> Chunk:
        """Return the points in the order of the file."""
        if self.loose:
            keys, steps, values, texts = zip(*self.loose, strict=True)
            self.keys.append(np.array(keys, dtype=np.int64))
            self.steps.append(np.array(steps, dtype=np.float64))
            self.values.append(np.array(values, dtype=np.float64))
            self.texts.extend(texts)
        keys_ = np.concatenate(self.keys)
        order = np.argsort(keys_, kind="stable")
        none = np.zeros(len(order), dtype=np.int64)
        return Chunk(
            np.concatenate(self.steps)[order], np.concatenate(self.values)[order],
            [self.texts[at] for at in order.tolist()], none, none, [""] * len(order), file,
        )  # fmt: skip


class _Reading:
    """What one file gives."""

    def __init__(self, shown: str, series: dict[str, SeriesBuilder]) -> None:
        self.shown, self.series = shown, series
        self.settings: dict[tuple[str, str, str], Setting] = {}
        self.notes: list[Note] = []
        self.tags: dict[str, None] = {}  # of this file, in order
        self.seen: set[str] = set()
        self.stated: list[tuple[int, Setting]] = []  # settings of this batch, with their place in it
        self.passed: Counter[str] = Counter()
        self.parts: dict[str, _Part] = {}
        self.damages = 0

    def note(self, text: str) -> None:
        self.damages += 1
        if self.damages <= NOTES:
            self.notes.append(Note(text, Place(self.shown)))

    def take(self, batch: Batch) -> None:
        """Check and decode a batch of records."""
        base, data, starts, lengths = batch
        good = _stored(data, starts + lengths) == _checksums(data, starts, lengths)
        for at in starts[~good].tolist():
            self.note(f"the record at byte {base + at - 12} is damaged (its checksum is wrong) and was left out")
        starts, lengths = starts[good], lengths[good]
        array = np.frombuffer(data, dtype=np.uint8)
        order = np.argsort(lengths, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
            if len(rows):
                self._same_length(base, array, data, starts, rows, int(lengths[rows[0]]))
        for tag, part in sorted(self.parts.items(), key=lambda item: item[1].first()):
            self.tags[tag] = None
            self.series.setdefault(tag, EventSeries(tag)).extend(part.chunk(self.shown))
        for _, setting in sorted(self.stated, key=lambda item: item[0]):
            if len(self.settings) < SETTINGS:
                self.settings.setdefault((setting.name, setting.value, setting.context), setting)
        self.parts, self.stated = {}, []

    def _same_length(self, base: int, array: Bytes, data: bytes, starts: Ints, rows: Ints, length: int) -> None:
        left = rows
        if len(rows) > 1 and length <= 512:
            bytes_ = array[starts[rows][:, None] + np.arange(length)]
            for _ in range(LAYOUTS):
                if not len(left):
                    break
                event = self._parse(base, data, int(starts[left[0]]), length)
                same = _alike(event, bytes_) if event else np.zeros(len(left), dtype=np.bool_)
                if event and same.any():
                    self._columns(event, bytes_[same], left[same])
                else:
                    self._single(event, int(left[0]))
                    same[0] = True
                left, bytes_ = left[~same], bytes_[~same]
        for row in left.tolist():
            self._single(self._parse(base, data, int(starts[row]), length), row)

    def _parse(self, base: int, data: bytes, start: int, length: int) -> _Event | None:
        try:
            return _event(data[start : start + length])
        except _Malformed:
            self.note(f"the record at byte {base + start - 12} holds no event that can be read and was left out")
            return None

    def _part(self, tag: str) -> _Part | None:
        """Return the points of a tag in this batch, None if there are too many tags."""
        part = self.parts.get(tag)
        if part is None:
            if tag not in self.seen and len(self.seen) >= TAGS:
                self.passed["scalars of further tags"] += 1
                return None
            self.seen.add(tag)
            part = self.parts[tag] = _Part()
        return part

    def _columns(self, event: _Event, bytes_: Bytes, rows: Ints) -> None:
        """Take records of one layout; `bytes_` has one row for each."""
        steps = _steps(bytes_[:, event.step_at[0] : event.step_at[1]])
        for slot, value in enumerate(event.values):
            part = self._part(value.tag)
            if part is None:
                continue
            width = np.dtype(value.format).itemsize
            raw = np.ascontiguousarray(bytes_[:, value.at : value.at + width]).view(value.format)[:, 0]
            part.keys.append(rows * SLOTS + slot)
            part.steps.append(steps)
            part.values.append(raw.astype(np.float64))
            part.texts.extend(_texts(raw))

    def _single(self, event: _Event | None, row: int) -> None:
        if event is None:
            return
        self.passed.update(event.others)
        for slot, value in enumerate(event.values):
            if value.kind == "scalar":
                part = self._part(value.tag)
                if part is not None:
                    part.loose.append((row * SLOTS + slot, float(event.step), value.number, value.text))
            elif value.kind in {"text", "hparams"}:
                self._settings(row * SLOTS + slot, value)
            else:
                self.passed[value.kind or "empty values"] += 1

    def _settings(self, key: int, value: _Value) -> None:
        for content in value.strings:
            for name, text, quote in _hparams(content) if value.kind == "hparams" else _text(value.tag, content):
                context = f"{value.tag} {quote}".lower()
                setting = Setting(name, text, _number(text), Place(self.shown), quote, "events", context)
                if len(self.stated) < SETTINGS:
                    self.stated.append((key, setting))

    def finish(self) -> tuple[list[SeriesBuilder], list[Setting], list[Note]]:
        """Return the series, settings and notes."""
        place = Place(self.shown)
        if self.damages > NOTES:
            self.notes.append(Note(f"{self.damages - NOTES} further places of damage", place))
        if self.passed:
            parts = ", ".join(f"{count} {name}" for name, count in self.passed.most_common(10))
            self.notes.append(Note(f"passed over: {parts}", place))
        if not self.tags and not self.damages:
            self.notes.append(Note("no scalars in it", place))
        return [self.series[tag] for tag in self.tags], list(self.settings.values()), self.notes


def _alike(event: _Event, bytes_: Bytes) -> npt.NDArray[np.bool_]:
    """Return which records have the layout of `event`, the first one: bytes equal but time, step, values."""
    none = np.zeros(len(bytes_), dtype=np.bool_)
    if event.others or not event.values or any(not value.format or value.kind != "scalar" for value in event.values):
        return none
    literal = np.ones(bytes_.shape[1], dtype=np.bool_)
    start, stop = event.step_at
    literal[event.time_at[0] : event.time_at[1]] = False
    literal[start:stop] = False
    for value in event.values:
        literal[value.at : value.at + np.dtype(value.format).itemsize] = False
    columns = np.flatnonzero(literal)
    alike: npt.NDArray[np.bool_] = (bytes_[:, columns] == bytes_[0, columns]).all(axis=1)
    if stop > start:
        more = bytes_[:, start:stop] >= 0x80
        alike &= (more == more[0]).all(axis=1)
    return alike


def _steps(bytes_: Bytes) -> npt.NDArray[np.float64]:
    """Decode varints, one a row."""
    value = np.zeros(len(bytes_), dtype=np.uint64)
    for at in range(bytes_.shape[1]):
        value |= (bytes_[:, at] & 0x7F).astype(np.uint64) << np.uint64(7 * at)
    return value.view(np.int64).astype(np.float64)


# -- texts and hyper-parameters become settings

_PAIR = re.compile(
    r"""(?<![\w.\-/])(?P<q>["']?)(?P<name>[A-Za-z_][\w.\-/]{0,80})(?P=q)\s{0,4}[:=]\s{0,4}"""
    r"""(?P<value>"[^"\n]{0,300}"|'[^'\n]{0,300}'|[^\s,;|)}\]\[({"'=:][^\s,;|)}\]]{0,300})"""
    r"""(?=\s*(?:[,;|)}\]]|\n|\Z)|[ \t]+[\w.\-]{1,80}\s{0,4}[=:])"""
)
_OPTION = re.compile(r"(?<!\S)--?(?P<name>[A-Za-z][\w.\-]{0,80})(?:=|[ \t]+)(?P<value>[^\s\-]\S{0,300}|-[\d.]\S{0,30})")
_ROW = re.compile(
    r"^[ \t]*\|[ \t]*[`*]*(?P<name>[A-Za-z_][\w.\-/]{0,80})[`*]*[ \t]*\|(?P<value>[^|\n]{1,300})\|?[ \t]*$",
    re.M,
)


def _text(tag: str, content: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and quote of JSON, `key: value`, `key=value`, options and table rows in a text."""
    text = content[:TEXT].decode(errors="replace")
    short = tag.removesuffix("/text_summary")
    if text.lstrip().startswith("{"):
        found = _json(text)
        if found is not None:
            yield from found
            return
    any_ = False
    for pattern in (_PAIR, _OPTION, _ROW):
        for match in pattern.finditer(text):
            value = match["value"].strip(" \t`*")
            if value and not set(value) <= set("-: "):
                any_ = True
                yield match["name"].lstrip("-"), value.strip("\"'"), match[0].strip()
    if not any_ and 0 < len(text.strip()) <= 64 and len(text.split()) == 1:
        yield short.rpartition("/")[2] or short, text.strip(), text.strip()


class _Literal(str):
    """A number of a JSON text, as written there."""

    __slots__ = ()


def _json(text: str) -> list[tuple[str, str, str]] | None:
    try:
        tree = json.loads(text, parse_float=_Literal, parse_int=_Literal, parse_constant=_Literal)
    except (ValueError, RecursionError):
        return None
    found: list[tuple[str, str, str]] = []
    stack: list[tuple[str, str, object]] = [("", "", tree)]
    while stack:
        path, key, node = stack.pop()
        if isinstance(node, dict):
            stack.extend((f"{path}.{inner}" if path else inner, inner, node[inner]) for inner in reversed(node))
        elif isinstance(node, str | bool) or node is None:
            words = {True: "true", False: "false", None: "null"}
            value = str(node) if isinstance(node, str) else words[node]
            shown = value if isinstance(node, _Literal) or not isinstance(node, str) else json.dumps(value)
            found.append((path, value, f'"{key}": {shown}'))
    return found


def _hparams(content: bytes) -> list[tuple[str, str, str]]:
    """Return the hyper-parameters of TensorBoard's hparams plugin: names of numbers, texts and flags."""
    found: list[tuple[str, str, str]] = []
    try:
        for entry in _path(content, 3, 1):
            names, values = list(_path(entry, 1)), list(_path(entry, 2))
            if names and values:
                name, value = names[-1].decode(errors="replace"), _variant(values[-1])
                if value:
                    found.append((name, value, f"{name}: {value}"))
    except _Malformed:
        return found
    return found


def _path(data: bytes, *numbers: int) -> Iterator[bytes]:
    """Yield the messages at a path of field numbers."""
    for number, wire, start, stop in _fields(data, 0, len(data)):
        if number == numbers[0] and wire == 2:
            if len(numbers) == 1:
                yield data[start:stop]
            else:
                yield from _path(data[start:stop], *numbers[1:])


def _variant(data: bytes) -> str:
    for number, wire, start, stop in _fields(data, 0, len(data)):
        if number == 2 and wire == 1:
            return repr(struct.unpack_from("<d", data, start)[0]).removesuffix(".0")
        if number == 3 and wire == 2:
            return data[start:stop][:TEXT].decode(errors="replace")
        if number == 4 and wire == 0:
            return "true" if _varint(data, start, stop)[0] else "false"
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
