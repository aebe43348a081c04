"""Bytes of a log become numbered, clean lines in bounded memory; the first stop of files -> read -> Run."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import cached_property
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.late import late
from wganlint.read.rows import PAD, Bytes, Ints, Rows, controls
from wganlint.run import Note

BLOCK = 1 << 20  # bytes read at once, and the longest line that is read in full
MANY = 2  # such blocks at once in a large file
EARLY = 16  # the first one is this much smaller, and they double: what one teaches serves the next
PIECE = 1 << 16  # bytes asked for at once
LONG_LINES = 10  # notes on such lines
HEAD = 8192  # bytes that tell text from binary

_C1 = late("[\x80-\x9f]")
_TEXT = bytes([9, 10, 13, 27, 8, *range(32, 127)])
_FINE = np.isin(np.arange(32), (9, 10, 13))
_ESCAPES = late(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colors, cursor moves
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n\r]*(?:\x07|\x1b\\|\x9c)?"  # window titles, links
    r"|\x1b[PX^_][^\x1b\n\r]*(?:\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_BACKSPACES = late("\x08+")
_DROP = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)


class Block:
    """Consecutive lines. `numbers[i]` is the physical line of `lines[i]`; parts of a redrawn line share it.

    `redrawn`: a carriage return stood in this block, so `numbers` may repeat.
    """

    def __init__(self, places: range | Ints, rows: Rows, redrawn: bool = False) -> None:
        self.places = places  # the same as `numbers`; an array where they are not consecutive
        self.rows = rows
        self.redrawn = redrawn

    @staticmethod
    def of(numbers: range | list[int], lines: list[str]) -> Block:
        """Return a block of lines that are text already."""
        return Block(numbers if isinstance(numbers, range) else np.array(numbers, dtype=np.int64), Rows.of(lines))

    @cached_property
    def numbers(self) -> range | list[int]:
        """The physical line of each line."""
        return self.places if isinstance(self.places, range) else self.places.tolist()

    def number(self, at: int) -> int:
        """Return the physical line of one line, without a list of all."""
        return int(self.places[at])

    @property
    def lines(self) -> list[str]:
        """All lines as text."""
        return self.rows.every

    def part(self, low: int, high: int) -> Block:
        """Return some of the lines, one after the other."""
        return Block(self.places[low:high], self.rows.part(low, high), self.redrawn)


class Damage(Struct):
    """What had to be repaired in one file, collected on the way."""

    shown: str
    next: int = 1  # the line after those that were handed out
    bad: int = 0
    first_bad: Place | None = None
    cut: int = 0
    notes: list[Note] = field(default_factory=list)

    def all_notes(self) -> list[Note]:
        """Return one note for each kind of repair."""
        notes = list(self.notes)
        if self.cut > LONG_LINES:
            notes.append(Note(f"{self.cut - LONG_LINES} more lines are longer than {BLOCK} bytes", Place(self.shown)))
        if self.first_bad is not None:
            what = "1 place is" if self.bad == 1 else f"{self.bad} places are"
            notes.append(Note(f"{what} not UTF-8; read as \N{REPLACEMENT CHARACTER}", self.first_bad))
        return notes


def blocks(stream: BinaryIO, damage: Damage) -> Iterator[Block]:
    """Yield the lines of `stream` in blocks of about `MANY * BLOCK` bytes.

    Lines end at a newline only, so numbers equal those of `grep -n`; carriage returns (and backspaces) part
    a line into redraws. Escape codes and control characters are removed. A line longer than `BLOCK` is cut.

    Raises:
        InputError: the stream is binary, or reading it fails.
    """
    for data in _whole_lines(_bytes(stream, damage.shown), damage):
        ready = [_block(data, damage)]
        yield ready.pop()  # no reference stays here, so that it can go before the next one is made


def _block(padded: bytes, damage: Damage) -> Block:
    """Return the lines of some bytes, of which the first is line `damage.next`; `PAD` zero bytes end them."""
    number, size = damage.next, len(padded) - PAD
    places, codes = controls(padded, size)
    damage.next += int(np.count_nonzero(codes == 10))
    dirty = not _FINE[codes].all() or b"\x7f" in padded
    text = "" if padded.isascii() and not dirty else _decode(padded[:size], number, damage)
    if text and not dirty and not text.isascii():
        dirty = _C1.search(text) is not None
    if text and (dirty or damage.bad):
        padded = (_clean(text) if dirty else text).encode(errors="replace") + bytes(PAD)
        places, codes = controls(padded, len(padded) - PAD)
    del text
    if _is_dos(places, codes):
        padded = padded.replace(b"\r\n", b"\n")
        places, codes = controls(padded, len(padded) - PAD)
    rows, parts = Rows.cut_at(padded, places, codes)
    if parts is None:
        return Block(range(number, number + len(rows)), rows)
    return Block(parts + number, rows, redrawn=True)


def _is_dos(places: Ints, codes: Bytes) -> bool:
    """Whether a line ends with a carriage return and a newline; to search for both takes ten times as long."""
    returns = np.flatnonzero(codes[:-1] == 13)
    return bool(((codes[returns + 1] == 10) & (places[returns + 1] == places[returns] + 1)).any())


def _clean(text: str) -> str:
    if "\x1b" in text or "\x9b" in text or "\x9d" in text:
        text = _ESCAPES.sub("", text)
    if "\x08" in text:
        text = _BACKSPACES.sub("\r", text)
    return text.translate(_DROP)


def _decode(data: bytes, number: int, damage: Damage) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if damage.first_bad is None:
            start = data.rfind(b"\n", 0, error.start) + 1
            line = number + data.count(b"\n", 0, error.start)
            column = len(data[start : error.start].decode(errors="replace")) + 1
            damage.first_bad = Place(damage.shown, line, column, column + 1)
    text = data.decode(errors="replace")
    damage.bad += text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    return text


def _whole_lines(reads: Iterator[list[bytes]], damage: Damage) -> Iterator[bytes]:
    """Yield the bytes again, each time up to a line end and with `PAD` zero bytes behind.

    What is longer than `BLOCK` without a line end is cut.
    """
    rest = b""
    dropped = 0  # bytes of a long line that are not kept
    pad = bytes(PAD)
    for pieces in reads:
        if dropped:
            piece = b"".join(pieces)
            end = _first_end(piece)
            dropped += len(piece) if end < 0 else end
            if end < 0:
                continue
            _cut(damage, damage.next, rest, dropped)
            dropped, pieces = 0, [piece[end:]]
        lines, behind = _parted(pieces)
        if lines:
            yield b"".join((rest, *lines, pad))
            rest = behind
        else:
            rest += behind
        if len(rest) > BLOCK:
            keep = BLOCK
            while keep > BLOCK - 4 and rest[keep] & 0xC0 == 0x80:  # never inside a character
                keep -= 1
            dropped = len(rest) - keep
            rest = rest[:keep]
    if dropped:
        _cut(damage, damage.next, rest, dropped)
    if rest:
        yield rest + pad


def _parted(pieces: list[bytes]) -> tuple[list[bytes | memoryview], bytes]:
    """Return what reaches to the last line end, and what is behind it."""
    for at in reversed(range(len(pieces))):
        piece = pieces[at]
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
        if end:
            return [*pieces[:at], memoryview(piece)[:end]], b"".join((piece[end:], *pieces[at + 1 :]))
    return [], b"".join(pieces)


def _first_end(piece: bytes) -> int:
    ends = [at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0]
    return min(ends) if ends else -1


def _cut(damage: Damage, number: int, kept: bytes, dropped: int) -> None:
    size = float(len(kept) + dropped)
    long = next((f"{size / scale:.1f} {unit}" for unit, scale in (("GB", 1e9), ("MB", 1e6)) if size >= scale), "")
    last = len(kept.decode(errors="replace"))
    text = f"line {number} is {long or f'{size:.0f} bytes'} long; read to character {last}"
    damage.cut += 1
    if damage.cut <= LONG_LINES:
        damage.notes.append(Note(text, Place(damage.shown, number)))


def _bytes(stream: BinaryIO, shown: str) -> Iterator[list[bytes]]:
    """Yield the stream as UTF-8 bytes without a byte order mark, each time in pieces.

    Small pieces lie in memory that is there already; to read a block at once took twice as long, by page faults.

    Raises:
        InputError: the stream is binary, or reading it fails.
    """
    try:
        first = stream.read(max(1, BLOCK // EARLY))
        encoding = next(((mark, name) for mark, name in _MARKS if first.startswith(mark)), None)
        decoder = None
        if encoding is not None:
            first = first[len(encoding[0]) :]
            if encoding[1] != "utf-8":
                decoder = codecs.getincrementaldecoder(encoding[1])(errors="replace")
        elif _is_binary(first.lstrip(b"\0")[:HEAD] or first[:HEAD]):
            raise InputError(
                "this is a binary file, not a text log",
                file=shown,
                hint="Give the text that the training printed.",
            )
        size, pieces = 0, [first]
        while pieces[0]:
            yield pieces if decoder is None else [decoder.decode(one).encode(errors="replace") for one in pieces]
            size += sum(map(len, pieces))
            pieces = _pieces(stream, max(1, min(size, MANY * BLOCK)))
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"reading failed: {error}", file=shown, hint="Check the file and the disk.") from error


def _pieces(stream: BinaryIO, size: int) -> list[bytes]:
    """Read so many bytes, or up to the end: at least one piece, which may be empty."""
    pieces = [stream.read(min(size, PIECE))]
    size -= PIECE
    while pieces[-1] and size > 0:
        pieces.append(stream.read(min(size, PIECE)))
        size -= PIECE
    return pieces


def _is_binary(head: bytes) -> bool:
    """Whether more than 30 % of the first bytes are no text."""
    strange = head.translate(None, _TEXT)
    if len(strange) * 10 <= len(head) and b"\0" not in strange:
        return False
    decoded = codecs.getincrementaldecoder("utf-8")(errors="replace").decode(head)
    bad = sum(letter == "\ufffd" or (letter < " " and letter not in "\t\n\r\x08\x1b") for letter in decoded)
    return bad * 10 > 3 * len(decoded)
