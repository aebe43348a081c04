"""One logged quantity over training: its kept points, and exact figures over all of its records; part of `run`.

Of a large file neighbours are folded into buckets (builder): extremes, first, last, non-finite places and the tallies
stay exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from wganlint import units
from wganlint.evidence import Evidence, Place, observed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


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


def median(values: npt.ArrayLike) -> float:
    """Return the median, NaN of nothing or where a value is NaN: `numpy.median` without its import of numpy.ma."""
    array = np.sort(np.asarray(values, dtype=np.float64), axis=None)
    half = len(array) // 2
    if not len(array) or np.isnan(array[-1]):
        return float("nan")
    return float(array[half] if len(array) % 2 else (array[half - 1] + array[half]) / 2)


def distinct(values: npt.ArrayLike) -> int:
    """Return how many different values there are, all NaN as one: `numpy.unique` without its import of numpy.ma."""
    array = np.asarray(values, dtype=np.float64).ravel()
    known = np.sort(array[~np.isnan(array)])
    return int(np.count_nonzero(known[1:] != known[:-1])) + bool(len(known)) + (len(known) < len(array))
