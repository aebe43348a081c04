"""A batch of records becomes points by tag, decoded in columns; part of read/events.

Records of one length that differ from one another only in tag, time, step and value share one layout; of each tag one
record is parsed, and the numbers of all are taken out at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from wganlint.read.events.checksum import Bytes, Ints
from wganlint.read.events.messages import Event, Malformed, Number, Value, event_of
from wganlint.read.events.records import Batch
from wganlint.series import Floats

LAYOUTS = 16  # that fit few records: tried per record length and batch before the rest is parsed one by one
WIDEST = 512  # bytes of a record that is decoded in columns
CROWD = 8  # records of one tag and layout, on average, that make it worth while to take other tags along
SLOTS = 1 << 20  # values of one record that keep their order

_MIX = np.random.default_rng(0).integers(1, 1 << 62, WIDEST, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


class Tag(NamedTuple):
    """What a series of a file is known by: its tag, and "scalar" or "histogram"."""

    name: str
    form: str


class Shown(Sequence[str]):
    """The texts of numbers, made when asked for: the shortest that name each in its own type (`0.1` for a float32)."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: Number) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Shown: ...
    def __getitem__(self, at: int | slice) -> str | Shown:
        return Shown(self.numbers[at]) if isinstance(at, slice) else str(self.numbers[at])

    def __iter__(self) -> Iterator[str]:
        return map(str, self.numbers)


class Part(Struct):
    """Points of one tag in a batch: their order there, steps and numbers."""

    keys: list[Ints] = field(default_factory=list)
    steps: list[Floats] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    loose: list[tuple[int, int, Number]] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, self.keys)) + len(self.loose)

    def span(self) -> tuple[float, float]:
        """Return the lowest and the highest step."""
        steps = [float(step) for _, step, _ in self.loose]
        steps += [float(edge) for some in self.steps for edge in (some.min(), some.max())]
        return min(steps), max(steps)

    def first(self) -> int:
        """Return where the first point stands in the batch."""
        return min([int(keys.min()) for keys in self.keys] + [key for key, *_ in self.loose])

    def columns(self) -> tuple[Floats, Floats, Sequence[str]]:
        """Return steps, values and texts in the order of the file."""
        if self.loose:
            keys, steps, _ = zip(*self.loose, strict=True)
            self.keys.append(np.array(keys, dtype=np.int64))
            self.steps.append(np.array(steps, dtype=np.float64))
            self.numbers += [number for _, _, number in self.loose]
            self.loose = []
        order = np.argsort(np.concatenate(self.keys), kind="stable")
        values = np.concatenate([number.astype(np.float64) for number in self.numbers])[order]
        texts: Sequence[str]
        if len({number.dtype for number in self.numbers}) == 1:
            texts = Shown(np.concatenate(self.numbers)[order])
        else:
            every = [text for number in self.numbers for text in Shown(number)]
            texts = [every[at] for at in order.tolist()]
        return np.concatenate(self.steps)[order], values, texts


class Decoder:
    """Decodes the batches of one file; `note` is told of records that hold no event.

    `passed` counts what is passed over, `starts` has the steps at which sessions start, `walls` the first and last
    time stamp (seconds), `rough` whether the mean of a histogram was taken from its buckets.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note
        self.passed: Counter[str] = Counter()
        self.starts: list[int] = []
        self.walls: tuple[float, float] | None = None
        self.rough = False
        self._parts: dict[Tag, Part] = {}
        self._stated: list[tuple[int, Value]] = []

    def decode(self, batch: Batch) -> tuple[dict[Tag, Part], list[Value]]:
        """Return the points of a batch by tag, in the order of their first ones, and its texts in order."""
        base, data, starts, lengths = batch
        self._parts, self._stated = {}, []
        order = np.argsort(lengths, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
            if len(rows):
                self._same_length(base, data, starts, rows, int(lengths[rows[0]]))
        parts = dict(sorted(self._parts.items(), key=lambda item: item[1].first()))
        stated = [value for _, value in sorted(self._stated, key=lambda item: item[0])]
        return parts, stated

    def _same_length(self, base: int, data: bytes, starts: Ints, rows: Ints, length: int) -> None:
        left = rows
        if len(rows) > 1 and 0 < length <= WIDEST:
            windows: Bytes = np.ndarray((len(data) - length + 1, length), np.dtype(np.uint8), data, strides=(1, 1))
            bytes_ = windows[starts[rows]]
            poor = 0
            while len(left) and poor < LAYOUTS:
                event = self._parse(base, data, int(starts[left[0]]), length)
                taken = np.zeros(len(left), dtype=np.bool_)
                if event is None or not _columnar(event):
                    self._single(event, data, int(starts[left[0]]), int(left[0]))
                    taken[0] = True
                else:
                    for alike in _groups(event, bytes_):
                        first = int(starts[left[alike[0]]])
                        other = event if alike[0] == 0 else self._parse(base, data, first, length)
                        if other is None:
                            taken[alike[0]] = True
                        elif _shape(other) == _shape(event):
                            self._columns(other, bytes_[alike], left[alike])
                            taken[alike] = True
                poor += int(taken.sum()) < CROWD
                left, bytes_ = left[~taken], bytes_[~taken]
        for row in left.tolist():
            self._single(self._parse(base, data, int(starts[row]), length), data, int(starts[row]), row)

    def _parse(self, base: int, data: bytes, start: int, length: int) -> Event | None:
        try:
            return event_of(data[start : start + length])
        except Malformed:
            self.note(f"the record at byte {base + start - 12} holds no event that can be read and was left out")
            return None

    def _part(self, name: str, form: str) -> Part:
        return self._parts.setdefault(Tag(name, form), Part())

    def _columns(self, event: Event, bytes_: Bytes, rows: Ints) -> None:
        """Take records of one layout and tag; `bytes_` has one row for each."""
        steps = _steps(bytes_[:, slice(*event.step_at)])
        start, stop = event.time_at
        if stop > start:
            walls = np.ascontiguousarray(bytes_[:, start:stop]).view("<f8")
            self._wall(float(walls.min()), float(walls.max()))
        for slot, value in enumerate(event.values):
            part = self._part(value.tag, "scalar")
            width = np.dtype(value.format).itemsize
            part.keys.append(rows * SLOTS + slot)
            part.steps.append(steps)
            part.numbers.append(np.ascontiguousarray(bytes_[:, value.at : value.at + width]).view(value.format)[:, 0])

    def _single(self, event: Event | None, data: bytes, start: int, row: int) -> None:
        if event is None:
            return
        begin, stop = event.time_at
        if stop > begin:
            wall = float(np.frombuffer(data, "<f8", 1, start + begin)[0])
            self._wall(wall, wall)
        self.passed.update(event.others)
        if event.start:
            self.starts.append(event.step)
        for slot, value in enumerate(event.values):
            key = row * SLOTS + slot
            if value.kind == "scalar":
                self._part(value.tag, "scalar").loose.append((key, event.step, value.number))
            elif value.kind == "histogram":
                self.rough = self.rough or value.rough
                for name, number in value.summary.items():
                    loose = self._part(f"{value.tag}/{name}", "histogram").loose
                    loose.append((key, event.step, np.array([number], dtype=np.float64)))
            elif value.kind in {"text", "hparams"}:
                self._stated.append((key, value))
            else:
                self.passed[value.kind or "empty values"] += 1

    def _wall(self, first: float, last: float) -> None:
        if first == first and last == last:  # no NaN
            low, high = self.walls or (first, last)
            self.walls = min(low, first), max(high, last)


def _columnar(event: Event) -> bool:
    return bool(event.values) and not event.others and all(v.format and v.kind == "scalar" for v in event.values)


def _shape(event: Event) -> tuple[object, ...]:
    """Return where time, step and values of an event stand."""
    return event.time_at, event.step_at, *((value.at, value.format) for value in event.values)


def _groups(event: Event, bytes_: Bytes) -> Iterator[Ints]:
    """Yield rows whose bytes are equal but for time, step and values; the first group holds row 0, that of `event`."""
    literal = np.ones(bytes_.shape[1], dtype=np.bool_)
    literal[slice(*event.time_at)] = False
    literal[slice(*event.step_at)] = False
    for value in event.values:
        literal[value.at : value.at + np.dtype(value.format).itemsize] = False
    fixed = bytes_[:, literal]
    if event.step_at[1] > event.step_at[0]:  # which bytes of the step go on is part of the layout
        fixed = np.hstack([fixed, bytes_[:, slice(*event.step_at)] & 0x80])
    same = (fixed == fixed[0]).all(axis=1)
    yield np.flatnonzero(same)
    rest = np.flatnonzero(~same)
    if len(rest):
        others = fixed[rest]
        mixed = others.astype(np.uint64) @ _MIX[: others.shape[1]]
        order = np.argsort(mixed, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(mixed[order])) + 1)
        if len(groups) * CROWD > len(rest):  # the rest stands elsewhere: what is time or step there is literal here
            return
        for rows in groups:
            exact = (others[rows] == others[rows[0]]).all(axis=1)  # two mixes may be equal by chance
            yield rest[rows[exact]]


def _steps(bytes_: Bytes) -> npt.NDArray[np.float64]:
    """Decode varints, one a row."""
    value = np.zeros(len(bytes_), dtype=np.uint64)
    for at in range(bytes_.shape[1]):
        value |= (bytes_[:, at] & 0x7F).astype(np.uint64) << np.uint64(7 * at)
    return value.view(np.int64).astype(np.float64)
