"""Records become a series, built for files of any size: chunk by chunk, folded as it grows; read -> Run.

Up to `LIMIT` records every point is kept. Above it, neighbours are folded into buckets that keep their first, lowest,
highest and first non-finite point, so memory stays flat while extremes, first, last, non-finite places and the tallies
stay exact. The first `HEAD` records are never folded: a check of a fix looks at them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol
from weakref import WeakSet

import numpy as np
from msgspec import Struct

from wganlint import units
from wganlint.evidence import Place
from wganlint.series import Flags, Floats, Ints, Point, Repeat, Series, Tally
from wganlint.texts import Objects, Texts, changes, frequent, joined, merged, objects, packed, pick, text_of, texts_of

LIMIT = 10_000  # points kept before folding: 12 series of this size, with their quotes, are about 35 MB
PARTS = 32  # chunks kept apart: once a chunk leaves a few points only, its arrays weigh more than these
SHARE = 160 << 20  # bytes that the kept points of all series of a run may take, by estimate
POINT = 150  # bytes of a kept point without its quote: its columns, and its text once it is a str
HEAD = 512  # first records that are never folded; well below LIMIT
PLACES = 50  # non-finite places kept


class Chunk(Struct):
    """A batch of consecutive records of one series, as a reader hands it over (columns as in `Series`).

    Texts may come as an array of bytes and quotes as `Picked`: then only those of points that are kept are made.
    """

    steps: Floats
    values: Floats
    texts: Sequence[str] | Texts
    lines: Ints
    columns: Ints
    quotes: Sequence[str]
    file: str


class Tap(Protocol):
    """Is handed every record on its way into a series, before any folding: an export writes them as they come."""

    def join(self, builder: SeriesBuilder) -> int:
        """Take note of a new series; return its number, in order of their making."""

    def take(self, number: int, chunk: Chunk) -> None:
        """Take the next records of series `number`."""


_TAP: ContextVar[Tap | None] = ContextVar("tap", default=None)


@contextmanager
def tapped(tap: Tap) -> Iterator[None]:
    """Hand all records of the series that are begun inside to `tap` as well."""
    token = _TAP.set(tap)
    try:
        yield
    finally:
        _TAP.reset(token)


class Share:
    """What the series of one run may keep together: where they pass it, the largest ones are folded further."""

    def __init__(self, most: int = SHARE) -> None:
        self.most = most
        self._builders: WeakSet[SeriesBuilder] = WeakSet()
        self._held = 0.0

    def join(self, builder: SeriesBuilder) -> None:
        """Take note of a new series."""
        self._builders.add(builder)

    def grow(self, size: float) -> None:
        """Note what a series keeps more (or less, as it was folded)."""
        self._held += size
        if self._held <= self.most:
            return
        builders = list(self._builders)
        sizes = np.sort([builder.held for builder in builders])
        below = np.concatenate([[0.0], np.cumsum(sizes)[:-1]])  # what the smaller ones keep
        caps = (0.6 * self.most - below) / np.arange(len(sizes), 0, -1)  # if all from here on are cut to one size
        cap = float(caps[min(int(np.argmax(caps < sizes)), len(caps) - 1)])
        for builder in builders:
            if builder.held > cap:
                builder.shrink(cap)
        self._held = sum(builder.held for builder in builders)
        self.most = max(self.most, int(1.25 * self._held))  # so many series that their heads alone are more


_SHARE: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def shared(share: Share | None = None) -> Iterator[None]:
    """Let the series that are begun inside share what they may keep."""
    token = _SHARE.set(share or Share())
    try:
        yield
    finally:
        _SHARE.reset(token)


class SeriesBuilder:
    """Takes chunks of one series in file order and keeps it within `LIMIT` points."""

    def __init__(
        self,
        name: str,
        *,
        key: str = "",
        form: str = "",
        kind: str = "text",
        step_key: str | None = None,
        unit: str = "",
    ) -> None:
        self.name, self.key, self.form, self.kind = name, key or name, form, kind
        self.step_key, self.unit = step_key, unit
        self._files: list[str] = []
        self._kept: list[_Columns] = []
        self._size = 0
        self._bucket = 1
        self._count = 0
        self._nonfinite: list[Point] = []
        self._nonfinite_count = 0
        self._stuck: Point | None = None
        self._repeat: Repeat | None = None
        self._longest: Repeat | None = None
        self._printed: dict[str, int] = {}
        self._decimals: int | None = None
        self._first: Point | None = None
        self._last: Point | None = None
        self._tap = _TAP.get()
        self._number = self._tap.join(self) if self._tap is not None else -1
        self._weight = float(POINT)  # bytes of a point
        self._share = _SHARE.get()
        if self._share is not None:
            self._share.join(self)

    def __len__(self) -> int:
        return self._count

    def extend(self, chunk: Chunk) -> None:
        """Add consecutive records."""
        if not len(chunk.values):
            return
        if self._tap is not None:
            self._tap.take(self._number, chunk)
        if not self._files or self._files[-1] != chunk.file:
            self._files.append(chunk.file)
        columns = _Columns(
            np.arange(self._count, self._count + len(chunk.values), dtype=np.int64),
            chunk.steps, chunk.values, packed(chunk.texts),
            np.full(len(chunk.values), len(self._files) - 1, dtype=np.int64),
            chunk.lines, chunk.columns, chunk.quotes, np.ones(len(chunk.values), dtype=np.bool_),
        )  # fmt: skip
        self._tally(columns, chunk.file)
        self._count += len(chunk.values)
        kept = columns.fold(self._bucket) if self._bucket > 1 else columns
        kept.quotes = objects(kept.quotes)  # no longer bound to the reader's block
        before = self.held
        self._kept.append(kept)
        self._size += len(kept.values)
        if len(kept.values):
            quote = sum(map(len, kept.quotes[:8])) / min(8, len(kept.values))
            self._weight = max(self._weight, POINT + quote)
        if self._size > LIMIT:
            self._fold(0.8 * LIMIT)
        elif len(self._kept) > PARTS:
            self._kept = [_Columns.join(self._kept)]
        if self._share is not None:
            self._share.grow(self.held - before)

    @property
    def held(self) -> float:
        """Bytes that the kept points take, by estimate."""
        return self._size * self._weight

    def shrink(self, most: float) -> None:
        """Fold until the kept points take at most `most` bytes, or are hardly more than the head."""
        self._fold(max(2.0 * HEAD, most / self._weight))

    def _fold(self, most: float) -> None:
        kept = _Columns.join(self._kept).fold(self._bucket)  # chunks may have cut buckets
        while len(kept.values) > most:
            self._bucket *= 4
            kept = kept.fold(self._bucket)
        self._kept, self._size = [kept], len(kept.values)

    def _tally(self, new: _Columns, file: str) -> None:
        if self._first is None:
            self._first = new.point(0, file)
        self._last = new.point(len(new.values) - 1, file)
        self._follow_nonfinite(new, file)
        self._count_texts(new.texts)
        texts = {*texts_of(new.texts[: 8 if self._count else 50]), text_of(new.texts, -1)}
        places = [d for d in (units.decimals(text) for text in texts) if d is not None]
        if places:
            self._decimals = max(places) if self._decimals is None else max(self._decimals, *places)

    def _follow_nonfinite(self, new: _Columns, file: str) -> None:
        finite = np.isfinite(new.values)
        bad = np.flatnonzero(~finite)
        self._nonfinite_count += len(bad)
        for at in bad[: PLACES - len(self._nonfinite)].tolist():
            self._nonfinite.append(new.point(at, file))
        if finite[-1]:
            self._stuck = None
        elif finite.any():
            self._stuck = new.point(int(np.flatnonzero(finite)[-1]) + 1, file)
        elif self._stuck is None:
            self._stuck = new.point(0, file)

    def _count_texts(self, texts: Texts) -> None:
        """Follow stretches of equal text and count texts; `self._count` is still the number of records before."""
        stops = np.flatnonzero(changes(texts)) + 1
        starts = np.concatenate([[0], stops])
        lengths = np.diff(np.concatenate([starts, [len(texts)]]))
        for at in sorted({0, int(np.argmax(lengths)), len(lengths) - 1}):
            first = self._count + int(starts[at])
            text = text_of(texts, int(starts[at]))
            previous = self._repeat
            if at == 0 and previous is not None and previous.text == text:
                first = previous.first
            self._repeat = Repeat(text, first, self._count + int(starts[at] + lengths[at]) - 1)
            if self._longest is None or self._repeat.length > self._longest.length:
                self._longest = self._repeat
        self._printed = merged(self._printed, frequent(texts))

    def build(self) -> Series:
        """Return the series.

        Raises:
            ValueError: no record was ever added.
        """
        if self._first is None or self._last is None:
            raise ValueError(f"series {self.name} has no records")
        kept = _Columns.join(self._kept)
        if self._bucket > 1:  # chunks may have cut buckets
            kept = kept.fold(self._bucket)
        tally = Tally(
            self._count, self._count - self._nonfinite_count, tuple(self._nonfinite), self._nonfinite_count,
            self._stuck, self._longest, self._repeat, dict(self._printed),
        )  # fmt: skip
        return Series(
            self.name, self.key, self.form, self.kind, self.step_key, self.unit, self._decimals, tuple(self._files),
            kept.index, kept.steps, kept.values, texts_of(kept.texts), kept.file_of, kept.lines, kept.columns,
            tuple(objects(kept.quotes).tolist()), kept.sampled, tally, self._first, self._last, number=self._number,
        )  # fmt: skip


class _Columns(Struct):
    index: Ints
    steps: Floats
    values: Floats
    texts: Texts
    file_of: Ints
    lines: Ints
    columns: Ints
    quotes: Sequence[str] | Objects
    sampled: Flags

    def point(self, at: int, file: str) -> Point:
        line = int(self.lines[at]) if self.lines[at] > 0 else None
        column = int(self.columns[at]) if self.columns[at] > 0 else None
        text = text_of(self.texts, at)
        place = Place(file, line, column, column + len(text) if column is not None else None)
        return Point(int(self.index[at]), float(self.steps[at]), float(self.values[at]), text, place, self.quotes[at])

    def fold(self, bucket: int) -> _Columns:
        """Keep the head, and the first, lowest, highest and first non-finite point of each `bucket` records."""
        group = self.index // bucket
        starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
        finite = np.isfinite(self.values)
        keep = self.index < HEAD
        keep[starts] = True
        low = high = self.values
        if not finite.all():
            bad = np.flatnonzero(~finite)
            keep[bad[np.flatnonzero(np.diff(group[bad], prepend=-1))]] = True
            low, high = np.where(finite, low, np.inf), np.where(finite, high, -np.inf)
        keep[_extremes(low, high, starts, int(self.index[0] % bucket), bucket)] = True
        sampled = np.zeros(len(self.values), dtype=np.bool_)
        sampled[starts] = True
        return self._take(np.flatnonzero(keep), sampled)

    def _take(self, at: Ints, sampled: Flags) -> _Columns:
        return _Columns(
            self.index[at], self.steps[at], self.values[at], self.texts[at], self.file_of[at],
            self.lines[at], self.columns[at], pick(self.quotes, at), sampled[at],
        )  # fmt: skip

    @staticmethod
    def join(parts: list[_Columns]) -> _Columns:
        if len(parts) == 1:
            return parts[0]
        return _Columns(
            np.concatenate([p.index for p in parts]), np.concatenate([p.steps for p in parts]),
            np.concatenate([p.values for p in parts]), joined([p.texts for p in parts]),
            np.concatenate([p.file_of for p in parts]), np.concatenate([p.lines for p in parts]),
            np.concatenate([p.columns for p in parts]), np.concatenate([objects(p.quotes) for p in parts]),
            np.concatenate([p.sampled for p in parts]),
        )  # fmt: skip


def _extremes(low: Floats, high: Floats, starts: Ints, skipped: int, bucket: int) -> Ints:
    """Return the places of the first lowest and the first highest value of each stretch; stretches begin at `starts`.

    `skipped`: records of the first bucket that came before. Where no record is missing, buckets are rows of a matrix.
    """
    size = len(low)
    count = -(-(skipped + size) // bucket)
    rows = np.arange(count) * bucket - skipped
    if count * bucket > 4 * size or not np.array_equal(starts, np.maximum(rows, 0)):
        return np.concatenate([_lowest(low, starts), _lowest(-high, starts)])
    padded = np.full(count * bucket, np.inf)
    padded[skipped : skipped + size] = low
    lowest = padded.reshape(count, bucket).argmin(axis=1)
    padded.fill(-np.inf)
    padded[skipped : skipped + size] = high
    highest = padded.reshape(count, bucket).argmax(axis=1)
    return np.asarray(np.maximum(np.concatenate([rows + lowest, rows + highest]), 0))


def _lowest(values: Floats, starts: Ints) -> Ints:
    """Return the place of the first lowest value of each stretch; stretches begin at `starts`."""
    lengths = np.diff(starts, append=len(values))
    equal = np.flatnonzero(values == np.repeat(np.minimum.reduceat(values, starts), lengths))
    stretch = np.searchsorted(starts, equal, side="right")
    return equal[np.flatnonzero(np.diff(stretch, prepend=0))]
