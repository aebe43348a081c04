"""One logged quantity over training, built for files of any size; part of `run`.

Up to `LIMIT` records every point is kept. Above it, neighbours are folded into buckets that keep their first, lowest,
highest and first non-finite point, so memory stays flat while extremes, first, last, non-finite places and the tallies
stay exact. The first `HEAD` records are never folded: a check of a fix looks at them one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, overload
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from wganlint import units
from wganlint.evidence import Evidence, Place, observed

LIMIT = 10_000  # points kept before folding: 12 series of this size, with their quotes, are about 35 MB
PARTS = 32  # chunks kept apart: once a chunk leaves a few points only, its arrays weigh more than these
SHARE = 160 << 20  # bytes that the kept points of all series of a run may take, by estimate
POINT = 150  # bytes of a kept point without its quote: its columns, and its text once it is a str
HEAD = 512  # first records that are never folded; well below LIMIT
PLACES = 50  # non-finite places kept
BOUNDS = 64  # distinct printed values followed for `share_at`
WIDEST = 64  # characters of a printed number that is held as fixed-width bytes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]
Objects = npt.NDArray[np.object_]
Texts = npt.NDArray[Any]  # printed numbers: bytes of one width (a multiple of 8, padded with NUL), or str objects


class Point(Struct, frozen=True):
    """One record: its step (NaN where the line has none), value, the text as printed, and its place."""

    index: int
    step: float
    value: float
    text: str
    place: Place
    quote: str

    def evidence(self, label: str = "") -> Evidence:
        """Return this record as quoted evidence."""
        step = None if np.isnan(self.step) else self.step
        return observed("log", self.quote or self.text, self.place, label, step)


class Repeat(Struct, frozen=True):
    """A stretch of records that print the very same text, as (first record, last record), 0-based and inclusive."""

    text: str
    first: int
    last: int

    @property
    def length(self) -> int:
        """Number of records."""
        return self.last - self.first + 1


class Tally(Struct, frozen=True):
    """Exact figures over all records, kept however large the file is.

    `printed` counts how often a text was printed (the most frequent `BOUNDS` texts, undercounted at most by
    `count / BOUNDS`); `longest` and `trailing` are the longest and the last stretch of equal text;
    `stuck` is the first record of a stretch without finite values that lasts to the end.
    """

    count: int = 0
    finite: int = 0
    nonfinite: tuple[Point, ...] = ()
    nonfinite_count: int = 0
    stuck: Point | None = None
    longest: Repeat | None = None
    trailing: Repeat | None = None
    printed: dict[str, int] = field(default_factory=dict)


class Series(Struct, frozen=True, eq=False):
    """A named series of one run. Arrays have one entry per kept point, in the order of the file.

    `values` float64; `steps` float64 in the log's own step (NaN: the line has none, then `index` counts);
    `index` int64 record number from 0; `lines` and `columns` int64, 1-based, in characters; `sampled` marks the
    points that are an even sample in time (all of them unless folded): statistics read those, extremes read all. Of a
    folded series the head is denser than the rest, and of the head too only the first point of each bucket is sampled.
    """

    name: str  # unique in its run: the key, made distinct by its form where needed
    key: str  # as the input prints it
    form: str  # the form of line it comes from, for people
    kind: str  # "text", "table", "redraw" (a progress bar), "events"
    step_key: str | None
    unit: str
    decimals: int | None
    files: tuple[str, ...]
    index: Ints
    steps: Floats
    values: Floats
    texts: tuple[str, ...]
    file_of: Ints
    lines: Ints
    columns: Ints
    quotes: tuple[str, ...]
    sampled: Flags
    tally: Tally
    first: Point
    last: Point
    also_in: tuple[str, ...] = ()  # other inputs that carry the same series
    number: int = -1  # of its builder, while a tap listens

    def __len__(self) -> int:
        """Number of records in the input (not of kept points)."""
        return self.tally.count

    @property
    def folded(self) -> bool:
        """Whether points were folded into buckets."""
        return len(self.values) < self.tally.count

    def point(self, at: int) -> Point:
        """Return the kept point number `at`."""
        line = int(self.lines[at]) if self.lines[at] > 0 else None
        text = self.texts[at]
        column = int(self.columns[at]) if self.columns[at] > 0 else None
        end = column + len(text) if column is not None else None
        place = Place(self.files[int(self.file_of[at])], line, column, end)
        return Point(int(self.index[at]), float(self.steps[at]), float(self.values[at]), text, place, self.quotes[at])

    def same_records(self, other: Series) -> bool:
        """Return whether the kept points of both stand on the same lines of the same files, one for one."""
        return (
            self.files == other.files
            and len(self.lines) == len(other.lines)
            and bool(np.array_equal(self.lines, other.lines))
            and bool(np.array_equal(self.file_of, other.file_of))
            and bool((self.lines > 0).all())
        )

    def sample(self, most: int | None = None) -> Ints:
        """Return positions of kept points that are an even sample in time, at most `most` of them."""
        places = np.flatnonzero(self.sampled)
        if most is not None and len(places) > most:
            places = places[np.linspace(0, len(places) - 1, most).round().astype(np.int64)]
        return places

    def head(self, most: int | None = None) -> Ints:
        """Return positions of the first records, at most `most`, up to where the first record was folded away."""
        gaps = np.flatnonzero(self.index != np.arange(len(self.index)))
        whole = int(gaps[0]) if len(gaps) else len(self.index)
        return np.arange(whole if most is None else min(whole, most))

    def axis(self) -> Floats:
        """Return the x axis of the kept points: steps where every line has one that places it, else record numbers."""
        placed = self.step_key != "" and not bool(np.isnan(self.steps).any())
        return self.steps if placed else self.index.astype(np.float64)

    def quantity(self, value: float, text: str | None = None) -> units.Quantity:
        """Return a number that prints at the precision of this series."""
        return units.Quantity(value, units.Kind.NUMBER, self.decimals, text)

    def thumbnail(self, width: int = 60) -> tuple[float, ...]:
        """Return at most `width` values, evenly in time, for a sparkline."""
        return tuple(float(v) for v in self.values[self.sample(width)])


class Source(Protocol):
    """A list of texts that are made only when asked for."""

    def __getitem__(self, at: int, /) -> str:
        """Return one text."""

    def chosen(self, places: Ints) -> Objects:
        """Return some texts."""


class Picked(Sequence[str]):
    """Some texts of a longer list, by their places; nothing is copied until it is asked for."""

    __slots__ = ("places", "source")

    def __init__(self, source: Objects | Source, places: Ints) -> None:
        self.source = source
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Picked: ...
    def __getitem__(self, at: int | slice) -> str | Picked:
        if isinstance(at, slice):
            return Picked(self.source, self.places[at])
        return str(self.source[int(self.places[at])])

    def __iter__(self) -> Iterator[str]:
        return iter(_objects(self))


def pick(texts: Sequence[str] | Objects, at: Ints) -> Picked:
    """Return the texts at some places."""
    if isinstance(texts, Picked):
        return Picked(texts.source, texts.places[at])
    return Picked(_objects(texts), at)


def _objects(texts: Sequence[str] | Objects) -> Objects:
    """Return texts as an array of str."""
    if isinstance(texts, Picked):
        chosen: Objects = (
            texts.source[texts.places] if isinstance(texts.source, np.ndarray) else texts.source.chosen(texts.places)
        )
        return chosen
    if isinstance(texts, np.ndarray):
        return texts
    array = np.empty(len(texts), dtype=np.object_)
    array[:] = list(texts)
    return array


def packed(texts: Sequence[str] | Texts) -> Texts:
    """Return texts as an array: of bytes where all are short ASCII, which compares and copies fast, else of str."""
    if isinstance(texts, np.ndarray):
        return texts
    longest = len(max(texts, key=len)) if texts else 0
    whole = "".join(texts)
    if longest <= WIDEST and whole.isascii() and "\0" not in whole:
        return np.array(texts, dtype=f"S{max(8, -(-longest // 8) * 8)}")
    return _objects(texts)


def joined(parts: Sequence[Texts]) -> Texts:
    """Return several arrays of texts as one."""
    if len(parts) > 1 and len({part.dtype.kind for part in parts}) > 1:
        parts = [part if part.dtype.kind == "O" else part.astype("U").astype(np.object_) for part in parts]
    return np.concatenate(parts)


def text_of(texts: Texts, at: int) -> str:
    """Return one text of an array."""
    text = texts[at]
    return text.decode("ascii") if isinstance(text, bytes) else str(text)


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
        kept.quotes = _objects(kept.quotes)  # no longer bound to the reader's block
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
        texts = {*_strings(new.texts[: 8 if self._count else 50]), text_of(new.texts, -1)}
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
        stops = np.flatnonzero(_changes(texts)) + 1
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
        self._printed = _merge_counts(self._printed, _frequent(texts))

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
            kept.index, kept.steps, kept.values, _strings(kept.texts), kept.file_of, kept.lines, kept.columns,
            tuple(_objects(kept.quotes).tolist()), kept.sampled, tally, self._first, self._last, number=self._number,
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
            np.concatenate([p.columns for p in parts]), np.concatenate([_objects(p.quotes) for p in parts]),
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


def median(values: npt.ArrayLike) -> float:
    """Return the median, NaN of nothing or where a value is NaN: `numpy.median` without its import of numpy.ma."""
    array = np.sort(np.asarray(values, dtype=np.float64), axis=None)
    half = len(array) // 2
    if not len(array) or np.isnan(array[-1]):
        return float("nan")
    return float(array[half] if len(array) % 2 else (array[half - 1] + array[half]) / 2)


def _lowest(values: Floats, starts: Ints) -> Ints:
    """Return the place of the first lowest value of each stretch; stretches begin at `starts`."""
    lengths = np.diff(starts, append=len(values))
    equal = np.flatnonzero(values == np.repeat(np.minimum.reduceat(values, starts), lengths))
    stretch = np.searchsorted(starts, equal, side="right")
    return equal[np.flatnonzero(np.diff(stretch, prepend=0))]


def strings(texts: Sequence[str] | Texts) -> Sequence[str]:
    """Return texts as str, however they are held."""
    return _strings(texts) if isinstance(texts, np.ndarray) else texts


def _strings(texts: Texts) -> tuple[str, ...]:
    return tuple(texts.astype("U").tolist() if texts.dtype.kind == "S" else texts.tolist())


def _words(texts: Texts) -> Words:
    """Return the bytes of texts as one row of 64-bit words each."""
    return np.ascontiguousarray(texts).view(np.uint64).reshape(len(texts), -1)


def _changes(texts: Texts) -> Flags:
    """Tell for each text but the first whether it differs from the one before."""
    if texts.dtype.kind == "O":
        return np.asarray(texts[1:] != texts[:-1], dtype=np.bool_)
    words = _words(texts)
    changed: Flags = words[1:, 0] != words[:-1, 0]
    for at in range(1, words.shape[1]):
        changed |= words[1:, at] != words[:-1, at]
    return changed


def _frequent(texts: Texts) -> Counter[str]:
    """Count the texts of a chunk; of more than `BOUNDS` different ones only the most frequent, less the next's count.

    That is the summary of Misra & Gries that `_merge_counts` merges, so the bound on the error stays.
    """
    if texts.dtype.kind == "O" or len(texts) < 100:
        return Counter(_strings(texts))
    words = _words(texts)
    key = words[:, 0].copy()
    for at in range(1, words.shape[1]):
        if not words[:, at].any():  # wider than its texts
            break
        key *= np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
        key += words[:, at]
    shelves = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(52)
    if int(np.bincount(shelves.view(np.int64)).max()) * (BOUNDS + 1) <= len(texts):
        return Counter()  # none is frequent: forgetting all is within the bound
    ordered = np.sort(key)
    new = np.empty(len(ordered) + 1, dtype=np.bool_)
    new[0] = new[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:-1])
    starts = np.flatnonzero(new)
    counts, starts = starts[1:] - starts[:-1], starts[:-1]
    if len(counts) == len(texts) > BOUNDS:
        return Counter()
    cut = 0
    if len(counts) > BOUNDS:
        place = len(counts) - BOUNDS - 1
        cut = int(np.partition(counts, place)[place])
    often = np.flatnonzero(counts > cut)
    if not len(often):
        return Counter()
    names, counts = ordered[starts[often]], counts[often] - cut
    place_of = np.minimum(np.searchsorted(names, key), len(names) - 1)
    rows = np.flatnonzero(names[place_of] == key)
    group = place_of[rows]
    first = np.empty(len(names), dtype=np.int64)
    first[group[::-1]] = rows[::-1]
    if not np.array_equal(words[rows], words[first[group]]):  # two texts share a key
        return Counter(_strings(texts))
    shown = np.argsort(first)
    return Counter(dict(zip(_strings(texts[first[shown]]), counts[shown].tolist(), strict=True)))


def _merge_counts(counts: dict[str, int], new: Counter[str]) -> dict[str, int]:
    """Count frequent texts in constant space: undercounts by at most total / BOUNDS.

    Merges two summaries of Misra & Gries (1982) as in Agarwal et al., "Mergeable summaries" (2012).
    """
    for text, times in counts.items():
        new[text] += times
    if len(new) <= BOUNDS:
        return dict(new)
    cut = sorted(new.values(), reverse=True)[BOUNDS]
    return {text: times - cut for text, times in new.items() if times > cut}
