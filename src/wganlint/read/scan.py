"""A shape of line that comes often becomes a template that reads all its rows of a block at once; part of read/text.

A template is taken from one line that the tokenizer understood: the bytes around its numbers, and where they stand.
In a block, a few bytes of that text (anchors, such as `=`) tell where all its pieces are; every other byte of it is
then compared. What differs in anything is left to the shape's regular expression, so a template decides nothing.
This is the place where a compiled kernel may come in: `Template.read`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from wganlint.read.digits import WIDEST, Bytes, Flags, Floats, Ints, inside, read_numbers
from wganlint.read.rows import Rows
from wganlint.read.tokens import Field
from wganlint.texts import Picked, pick

LONGEST = 2000  # bytes of a line that may become a template
MOST_PARTS = 120
_OF_TABLES = ("---", " of Calls", "time total:")  # a line with these may belong to a table
_DIGITS = re.compile(rb"[0-9]+")
_IN_NUMBERS = frozenset(b"-+.0123456789eEnNaAiIfFtTyY \t")  # bytes that are no anchors
_LONGEST_RUN = 18  # digits of a run in literal text, as in the shapes
_MOST_BLANKS = WIDEST  # before a number that is padded
_RARE = 4  # of so many lines at most one may be of a template: then these are copied first
_TOGETHER = 4096  # numbers of several columns that are read at once
_CHECK = 32  # bytes of literal text that are compared at once

Words = npt.NDArray[np.uint64]


class Lines:
    """The bytes of a block, and where its lines begin and end."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.bytes = np.frombuffer(rows.data, dtype=np.uint8)
        self.size = rows.size
        self.starts = rows.starts
        self.stops = rows.stops
        self._anchors: dict[bytes, tuple[Ints, Ints, Ints]] = {}

    def windows(self, at: Ints, width: int) -> Bytes:
        """Return the `width` bytes from each place on, shape (places, width)."""
        every = np.ndarray((len(self.bytes) - width + 1,), dtype=f"S{width}", buffer=self.bytes, strides=(1,))
        return every[at].view(np.uint8).reshape(len(at), width)

    def words(self, at: Ints) -> Words:
        """Return the 8 bytes from each place on."""
        every = np.ndarray((len(self.bytes) - 7,), dtype="S8", buffer=self.bytes, strides=(1,))
        found: Words = every[at].view(np.uint64)
        return found

    def fours(self, at: Ints) -> npt.NDArray[np.uint32]:
        """Return the 4 bytes from each place on."""
        every = np.ndarray((len(self.bytes) - 3,), dtype="S4", buffer=self.bytes, strides=(1,))
        found: npt.NDArray[np.uint32] = every[at].view(np.uint32)
        return found

    def anchors(self, letters: bytes) -> tuple[Ints, Ints, Ints]:
        """Return where any of these bytes stand, which of these places is the first of each line, and how many."""
        found = self._anchors.get(letters)
        if found is None:
            data = self.bytes[: self.size]
            is_anchor: Flags = data == letters[0]
            for letter in letters[1:]:
                is_anchor |= data == letter
            places = np.flatnonzero(is_anchor)
            first = np.searchsorted(places, self.starts)
            counts = np.diff(first, append=len(places))
            found = self._anchors[letters] = places, first, counts
        return found


class Found(Struct, frozen=True):
    """What a template read: the lines (their order in the block), and for each number a column."""

    orders: Ints
    texts: list[npt.NDArray[np.bytes_]]
    values: list[Floats]
    starts: list[Ints]  # columns in characters, 1-based
    longest: int  # bytes of the longest line
    lines: Picked

    def at(self, keep: Flags) -> Found:
        """Return some of the rows."""
        return Found(
            self.orders[keep], [text[keep] for text in self.texts], [column[keep] for column in self.values],
            [start[keep] for start in self.starts], self.longest, pick(self.lines, np.flatnonzero(keep)),
        )  # fmt: skip


class _Part(Struct, frozen=True):
    """A stretch of a line that differs from row to row: a number, or a run of digits within literal text."""

    start: int
    stop: int
    number: int  # which number of the line, -1: digits
    padded: bool = False  # blanks may stand before the number
    shift: int = 0  # bytes less characters before it


class _Literal(Struct, frozen=True):
    """Text between two parts: how long, where its anchor is, and what it must be."""

    size: int
    anchor: int  # which anchor of the line, -1: it is the first literal, -2: the last
    offset: int  # of that anchor in the literal
    checks: tuple[tuple[int, int, bool, Words, Words], ...]  # offset, width, digits alike, mask, expected


class Template:
    """Literal text and numbers of one shape of line, exact in everything but the numbers."""

    def __init__(self, letters: bytes, count: int, literals: list[_Literal], parts: list[_Part]) -> None:
        self.letters = letters
        self.count = count
        self.rows = 0  # read in the last block
        self._literals = literals
        self._parts = parts

    def read(self, lines: Lines, orders: Ints) -> Found | None:
        """Read those of the lines that are of this template; None if there is none."""
        self.rows = 0
        orders = self._begun(lines, orders)
        if not len(orders):
            return None
        if len(orders) * _RARE > len(lines.starts):
            return self._read(lines, orders)
        found = self._read(Lines(lines.rows.only(orders)), np.arange(len(orders)))
        return found and replace(found, orders=orders[found.orders])

    def _begun(self, lines: Lines, orders: Ints) -> Ints:
        """Return those of the lines that begin as the template does."""
        checks = self._literals[0].checks
        if not checks or checks[0][2]:  # it begins with a number, or digits of its text may differ
            return orders
        *_, mask, expected = checks[0]
        begun: Ints = orders[(lines.words(lines.starts[orders]) & mask[0]) == expected[0]]
        return begun

    def _read(self, lines: Lines, orders: Ints) -> Found | None:
        places, first, counts = lines.anchors(self.letters)
        rows = orders[counts[orders] == self.count]
        if not len(rows):
            return None
        begins, ends = self._places(lines, rows, places, first[rows])
        sizes = begins[1:] - ends[:-1]
        keep = np.asarray(((sizes > 0) & (sizes <= self._most())).all(axis=0))
        if not keep.all():
            rows, begins, ends = rows[keep], begins[:, keep], ends[:, keep]
        for at, literal in enumerate(self._literals):
            for check in literal.checks:
                if not len(rows):
                    return None
                same = _same(lines, begins[at], check)
                if not same.all():
                    rows, begins, ends = rows[same], begins[:, same], ends[:, same]
        return self._columns(lines, rows, begins, ends) if len(rows) else None

    def _most(self) -> Ints:
        most = [_LONGEST_RUN if p.number < 0 else WIDEST + _MOST_BLANKS if p.padded else WIDEST for p in self._parts]
        return np.array(most, dtype=np.int64)[:, None]

    def _places(self, lines: Lines, rows: Ints, places: Ints, first: Ints) -> tuple[Ints, Ints]:
        """Return where each literal begins and ends, shape (literals, rows)."""
        begins = np.empty((len(self._literals), len(rows)), dtype=np.int64)
        for at, literal in enumerate(self._literals):
            if literal.anchor == -1:
                begins[at] = lines.starts[rows]
            elif literal.anchor == -2:
                np.subtract(lines.stops[rows], literal.size, out=begins[at])
            else:
                np.subtract(places[first + literal.anchor], literal.offset, out=begins[at])
        return begins, begins + np.array([literal.size for literal in self._literals])[:, None]

    def _columns(self, lines: Lines, rows: Ints, begins: Ints, ends: Ints) -> Found | None:
        good = np.ones(len(rows), dtype=np.bool_)
        places: list[Ints] = []
        sizes: list[Ints] = []
        for at, part in enumerate(self._parts):
            start, size = ends[at], begins[at + 1] - ends[at]
            if part.number < 0:
                good &= _are_digits(lines, start, size)
                continue
            if part.padded:
                start, size, fits = _unpadded(lines, start, size)
                good &= fits
            places.append(start)
            sizes.append(size)
        texts, values, numbers = _numbers(lines, places, sizes)
        good &= numbers
        shifts = [part.shift for part in self._parts if part.number >= 0]
        starts = [start - lines.starts[rows] + (1 - shift) for start, shift in zip(places, shifts, strict=True)]
        self.rows = int(np.count_nonzero(good))
        if not self.rows:
            return None
        longest = int((lines.stops[rows] - lines.starts[rows]).max())
        found = Found(rows, texts, values, starts, longest, Picked(lines.rows, rows))
        return found if self.rows == len(rows) else found.at(good)


def _numbers(
    lines: Lines, starts: list[Ints], sizes: list[Ints]
) -> tuple[list[npt.NDArray[np.bytes_]], list[Floats], Flags]:
    """Return the texts and values of columns of numbers, and in which rows all are numbers.

    Few rows are read several columns at once: what is done once a call is most of the work then.
    """
    count = len(starts[0]) if starts else 0
    texts: list[npt.NDArray[np.bytes_]] = []
    values: list[Floats] = []
    good = np.ones(count, dtype=np.bool_)
    each = max(1, _TOGETHER // max(count, 1))
    for low in range(0, len(starts), each):
        size = np.concatenate(sizes[low : low + each])
        columns = len(size) // count
        width = max(8, -(-int(size.max()) // 8) * 8)
        window = lines.windows(np.concatenate(starts[low : low + each]), width)
        column, text, numbers = read_numbers(window, size, columns)
        texts += list(text.reshape(columns, count))
        values += list(column.reshape(columns, count))
        good &= numbers.reshape(columns, count).all(axis=0)
    return texts, values, good


def _same(lines: Lines, begin: Ints, check: tuple[int, int, bool, Words, Words]) -> Flags:
    """Tell which rows carry the bytes of one check."""
    offset, width, alike, mask, expected = check
    window = lines.windows(begin + offset, width)
    if alike:
        digits = window - np.uint8(48)
        window = digits * (digits > 9)
    words = window.view(np.uint64)
    same: Flags = (words[:, 0] & mask[0]) == expected[0]
    for at in range(1, len(mask)):
        same &= (words[:, at] & mask[at]) == expected[at]
    return same


def _are_digits(lines: Lines, start: Ints, size: Ints) -> Flags:
    width = max(8, -(-int(size.max()) // 8) * 8)
    strange = (lines.windows(start, width) - np.uint8(48)) > 9
    return np.asarray(~(strange & (inside(size, width) > 0)).any(axis=1))


def _unpadded(lines: Lines, start: Ints, size: Ints) -> tuple[Ints, Ints, Flags]:
    """Return where the numbers begin behind their blanks, how long they are, and which rows are short enough."""
    if not (lines.bytes[start] == 32).any():
        fits = size <= WIDEST
        return start, np.minimum(size, WIDEST), fits
    width = _MOST_BLANKS
    blanks = np.argmax(lines.windows(start, width) != 32, axis=1)
    size = size - blanks
    fits = (size > 0) & (size <= WIDEST)
    return start + blanks, np.clip(size, 1, WIDEST), fits


def template_of(line: str, fields: Sequence[Field]) -> Template | None:
    """Make a template of a line with these fields; None where that is not possible."""
    data = line.encode("utf-8", errors="replace")
    if len(data) > LONGEST or "\n" in line or not fields or any(sign in line for sign in _OF_TABLES):
        return None
    parts, exact = _parts(line, data, fields)
    while True:
        gaps = _gaps(data, parts)
        bad = next((at for at in range(1, len(gaps) - 1) if not set(gaps[at]) - _IN_NUMBERS), None)
        if bad is None:
            break
        # Nothing tells where this text stands: take the digits beside it as literal text, of this length.
        if parts[bad - 1].number < 0:
            del parts[bad - 1]
        elif parts[bad].number < 0:
            del parts[bad]
        else:
            return None
    if len(parts) > MOST_PARTS:
        return None
    letters = _letters(gaps[1:-1]) if len(gaps) > 2 else bytes(sorted(set(data) - _IN_NUMBERS)[:1])
    if not letters:
        return None
    literals: list[_Literal] = []
    count = 0
    for at, gap in enumerate(gaps):
        offset = next((i for i, letter in enumerate(gap) if letter in letters), 0)
        anchor = -1 if at == 0 else -2 if at == len(gaps) - 1 else count
        begin = parts[at - 1].stop if at else 0
        literals.append(_Literal(len(gap), anchor, offset, _checks(gap, exact[begin : begin + len(gap)])))
        count += sum(letter in letters for letter in gap)
    return Template(letters, count, literals, parts)


def _parts(line: str, data: bytes, fields: Sequence[Field]) -> tuple[list[_Part], bytes]:
    """Return what differs from row to row, and for each byte of the line 1 if its digits are part of a name."""
    parts: list[_Part] = []
    exact = bytearray(len(data))
    before = 0
    for number, field in enumerate(fields):
        shift = 0 if line.isascii() else len(line[: field.start].encode("utf-8", errors="replace")) - field.start
        places = (field.key_start, field.key_end, field.start, field.end, field.unit_end)
        key, sign, first, last, end = (_offset(line, place) for place in places)
        start = first
        while start - 2 >= sign and data[start - 2 : start] == b"  ":
            start -= 1
        parts += [_Part(*match.span(), -1) for match in _DIGITS.finditer(data, before, key)]
        parts.append(_Part(start, last, number, data[first - 1 : first] == b" " and first > sign, shift))
        exact[key:first] = b"\1" * (first - key)
        exact[last:end] = b"\1" * (end - last)
        before = end
    parts += [_Part(*match.span(), -1) for match in _DIGITS.finditer(data, before)]
    return parts, bytes(exact)


def _offset(line: str, place: int) -> int:
    return place if line.isascii() else len(line[:place].encode("utf-8", errors="replace"))


def _gaps(data: bytes, parts: list[_Part]) -> list[bytes]:
    ends = [0, *(part.stop for part in parts)]
    begins = [*(part.start for part in parts), len(data)]
    return [data[end:begin] for end, begin in zip(ends, begins, strict=True)]


def _letters(gaps: list[bytes]) -> bytes:
    """Return few bytes of which each gap has at least one."""
    chosen = bytearray()
    left = [set(gap) - _IN_NUMBERS for gap in gaps]
    while left:
        votes = Counter(letter for gap in left for letter in gap)
        best = max(sorted(votes), key=lambda letter: votes[letter])
        chosen.append(best)
        left = [gap for gap in left if best not in gap]
    return bytes(sorted(chosen))


def _checks(gap: bytes, exact: bytes) -> tuple[tuple[int, int, bool, Words, Words], ...]:
    """Return comparisons of the bytes of a literal; digits that are no part of a name may be any digits."""
    checks = []
    at = 0
    while at < len(gap):
        end = at + 1
        while end < min(len(gap), at + _CHECK) and exact[end] == exact[at]:
            end += 1
        if _DIGITS.search(gap, at) is None:
            end = min(len(gap), at + _CHECK)
        piece = gap[at:end]
        width = -(-len(piece) // 8) * 8
        alike = not exact[at] and _DIGITS.search(piece) is not None
        codes = bytes(0 if 48 <= byte <= 57 else (byte - 48) & 255 for byte in piece) if alike else piece
        mask = np.frombuffer((b"\xff" * len(piece)).ljust(width, b"\0"), dtype=np.uint64)
        expected = np.frombuffer(codes.ljust(width, b"\0"), dtype=np.uint64)
        checks.append((at, width, alike, mask, expected))
        at = end
    return tuple(checks)
