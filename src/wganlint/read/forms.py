"""Forms of lines: lines of one form feed one set of series and have one step; part of read/text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.late import late
from wganlint.read.marks import Marks, within
from wganlint.read.rows import Rows
from wganlint.read.starts import Seen, Start
from wganlint.read.stated import Rows as Stating
from wganlint.read.stated import Stated
from wganlint.read.tokens import step_rank
from wganlint.texts import Picked, Texts, joined, packed, pick

QUOTE = 400  # characters of a line that are quoted
DECIDE_AT = 64  # records after which the step of a form, or that it is no header, is decided
MOST_HELD = 300_000  # characters of lines that wait for that decision
HEADER_LINE = 4000  # characters of a possible header line that are kept
MOST_RESTARTS = 100  # places listed
MOST_STARTS = 5000  # places where training may start again
LONGEST_HEAD = 2000  # characters before the first key that tell forms apart
COUNTER = "\0counter"  # the name under which a progress bar hands over its counter

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun"
TIMES = late(
    r"(?<![0-9])(?:[0-9]++[-/.][0-9]++[-/.][0-9]++|[0-9]++:[0-9]++(?::[0-9]++)?(?:[.,][0-9]++)?)"
    r"|(?<=[0-9])[TZ](?=[0-9 ]|$)|\b[AP]M\b"
    rf"|\b(?:{MONTHS})[a-z]*\b(?= +[0-9]| +(?:{MONTHS}))",
    re.IGNORECASE,
)
_LOSS = late(r"loss|wasserstein|(?<![a-z])gap", re.IGNORECASE)
_WEIGHT = late(r"weight|lambda|coef|scale|type|name|_fn|mode", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![0-9])(?<!rank)(?<!rank[ :=])[0-9]+", re.IGNORECASE)  # the ranks of a job stay apart
_GAPS = late(r"(?<=[\[(])\s+|\s+(?=[\])])")
_SCALES = {
    "B": ("bytes", 1.0), "bytes": ("bytes", 1.0), "KiB": ("bytes", 2.0**10), "MiB": ("bytes", 2.0**20),
    "GiB": ("bytes", 2.0**30), "TiB": ("bytes", 2.0**40), "KB": ("bytes", 1e3), "kB": ("bytes", 1e3),
    "MB": ("bytes", 1e6), "GB": ("bytes", 1e9), "TB": ("bytes", 1e12),
    "ns": ("time", 1e-9), "us": ("time", 1e-6), "µs": ("time", 1e-6), "μs": ("time", 1e-6),
    "ms": ("time", 1e-3), "s": ("time", 1.0), "sec": ("time", 1.0), "secs": ("time", 1.0),
    "min": ("time", 60.0), "h": ("time", 3600.0),
}  # fmt: skip


class Batch(Struct):
    """Rows of one form that carry the same fields. `orders`: running number of the line in the block."""

    orders: Ints
    lines: Sequence[str]
    names: list[str]
    units: list[str]
    texts: Sequence[Sequence[str] | Texts]
    values: list[Floats]
    starts: list[Ints]
    numbers: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    longest: int = -1  # characters of the longest line, where it is known

    @property
    def size(self) -> int:
        """Characters of its lines, at most."""
        return self.longest * len(self.lines) if self.longest >= 0 else sum(map(len, self.lines))

    def leave_block(self) -> None:
        """Keep a copy of the lines, so that their block can go."""
        if isinstance(self.lines, Picked) and isinstance(self.lines.source, Rows):
            rows, places = self.lines.source, self.lines.places
            if len(places) < len(rows):
                self.lines = Picked(rows.only(places), np.arange(len(places)))

    @staticmethod
    def together(batches: list[Batch]) -> list[Batch]:
        """Return batches of which those of one shape are joined; rows stay in order."""
        shapes: dict[int, list[tuple[Batch, Rows]]] = {}
        others = []
        for batch in batches:
            if isinstance(batch.lines, Picked) and isinstance(batch.lines.source, Rows):
                shapes.setdefault(id(batch.names), []).append((batch, batch.lines.source))
            else:
                others.append(batch)
        return [*others, *(_joined(mine) if len(mine) > 1 else mine[0][0] for mine in shapes.values())]


def _joined(parts: list[tuple[Batch, Rows]]) -> Batch:
    """Return rows of one shape, of several blocks, as one batch."""
    batches = [batch for batch, _ in parts]
    first = batches[0]
    offsets = np.cumsum([0, *(len(rows) for _, rows in parts)]).tolist()
    places = [_places(batch) + at for batch, at in zip(batches, offsets, strict=False)]
    return Batch(
        np.concatenate([batch.orders for batch in batches]),
        Picked(Rows.joined_of([rows for _, rows in parts]), np.concatenate(places)), first.names, first.units,
        [joined([packed(batch.texts[at]) for batch in batches]) for at in range(len(first.names))],
        [np.concatenate([batch.values[at] for batch in batches]) for at in range(len(first.names))],
        [np.concatenate([batch.starts[at] for batch in batches]) for at in range(len(first.names))],
        np.concatenate([batch.numbers for batch in batches]), max(batch.longest for batch in batches),
    )  # fmt: skip


def _places(batch: Batch) -> Ints:
    return batch.lines.places if isinstance(batch.lines, Picked) else np.arange(len(batch.lines))


class Restart(Struct, frozen=True):
    """A place where training seems to start again, and what tells it."""

    line: int
    text: str


class _Rows(Struct, frozen=True):
    """Rows of one series in file order."""

    steps: Floats
    values: Floats
    texts: Texts
    numbers: Ints
    starts: Ints
    quotes: Sequence[str]

    def __getitem__(self, at: slice | Ints) -> _Rows:
        if isinstance(at, slice):
            return _Rows(
                self.steps[at],
                self.values[at],
                self.texts[at],
                self.numbers[at],
                self.starts[at],
                self.quotes[at],
            )
        return _Rows(
            self.steps[at], self.values[at], self.texts[at], self.numbers[at], self.starts[at], pick(self.quotes, at)
        )

    @staticmethod
    def join(parts: list[_Rows]) -> _Rows:
        if len(parts) == 1:
            return parts[0]
        return _Rows(
            np.concatenate([p.steps for p in parts]), np.concatenate([p.values for p in parts]),
            joined([p.texts for p in parts]), np.concatenate([p.numbers for p in parts]),
            np.concatenate([p.starts for p in parts]), [q for p in parts for q in p.quotes],
        )  # fmt: skip


class Form:
    """A form of line: its head (the text before the first key), its step, and the series that it feeds.

    The step is the finest counter on the line which rises. A counter that stands still, or that starts anew
    with each epoch or part (`[file 2/10]`), is no step: then the epoch is, else the record number.
    """

    def __init__(self, head: str, kind: str, keyed: bool, marks: Marks | None = None) -> None:
        self.head = head
        self._marks = marks or Marks()
        self._marked: str | None = None  # the announced step that serves where the lines have none
        self.kind = kind
        self.keyed = keyed  # its lines carry a step key
        self.in_file = 0  # records of the present file
        self.decided = False
        self.step: str | None = None
        self.names: set[str] = set()
        self.builders: dict[str, SeriesBuilder] = {}
        self.header: list[tuple[int, str]] = []  # full lines, while this may be a header
        self.stated = Stated()
        self._coarse: tuple[str, ...] = ()
        self.restarts: list[Restart] = []
        self._pending: list[Batch] = []
        self._held: dict[str, _Rows] = {}
        self._blocks = 0
        self._last_line = 0
        self.seen = Seen()
        self.told = Seen()  # of the file that ended last
        self._position: tuple[float, ...] = ()
        self._last: tuple[float, float, list[str]] | None = None  # step, coarser counter, numbers in the head

    def take(self, batch: Batch) -> None:
        """Add rows of the present block."""
        self._pending.append(batch)

    def end_block(self, numbers: Ints | range, file: str, wait: bool = False) -> None:
        """Give the pending rows their line numbers and feed the series, once it is known what they are.

        `wait`: rows are few, so those of several blocks are fed together.
        """
        if not self._pending:
            return
        fresh: list[Stating] = []
        for batch in self._pending:
            if not len(batch.numbers):
                batch.numbers = batch.orders + numbers.start if isinstance(numbers, range) else numbers[batch.orders]
                batch.orders = batch.orders + (self._blocks << 24)
                if self._marks.until is not None:
                    self._leave_out(batch)
                self.in_file += len(batch.orders)
                if self.kind == "text" and not self.keyed and len(batch.orders):
                    fresh.append((batch.names, batch.values, batch.numbers, batch.lines))
                if self.counting:
                    for at, name in enumerate(batch.names):
                        self._marks.extend(name, batch.numbers, batch.values[at])
                if not self.decided and len(self.header) < DECIDE_AT:
                    rows = zip(batch.numbers[:DECIDE_AT].tolist(), batch.lines[:DECIDE_AT], strict=True)
                    self.header += [(at, line[:HEADER_LINE]) for at, line in rows]
        self.stated.see(fresh)
        self._blocks += 1
        held = 0 if self.decided else sum(len(line) for batch in self._pending for line in batch.lines)
        if self.decided and wait:
            for batch in self._pending:
                batch.leave_block()
        elif self.decided or self.in_file >= DECIDE_AT or held > MOST_HELD:
            self._feed(file)

    def end_file(self, file: str) -> None:
        """Feed what is left; the next file begins."""
        if self._pending:
            self._feed(file)
        for name, rows in self._held.items():
            self._extend(name, rows, file)
        self._held.clear()
        self._last = None
        self._forget()

    @property
    def waiting(self) -> int:
        """Characters of the rows that wait to be fed, at most."""
        return sum(batch.size for batch in self._pending)

    @property
    def counting(self) -> bool:
        """Whether its lines carry nothing but steps, so that they announce those of the lines below."""
        return self.kind == "text" and self.keyed and all(step_rank(name) is not None for name in self.names)

    @property
    def plural(self) -> bool:
        """Whether its step key may as well be a setting: `epochs=100`, `steps=5000`."""
        return any(name.endswith("s") and step_rank(name) is not None for name in self.names)

    @property
    def measures(self) -> bool:
        """Whether it looks like a record of training although it has no step: two lines with losses."""
        return self.in_file > 1 and any(_LOSS.search(name) and not _WEIGHT.search(name) for name in self.names)

    def take_restarts(self) -> list[Restart]:
        """Return the places where the step of this file goes back."""
        found, self.restarts = self.restarts, []
        return found if self.builders else []

    def drop(self) -> None:
        """Forget the rows of the present file: they are header lines."""
        self._pending.clear()
        self._forget()

    def _forget(self) -> None:
        last_line = self._last_line
        self.header, self.in_file, self._blocks, self._last_line = [], 0, 0, 0
        self.stated = Stated()
        if self.seen.records:
            self.told = self.seen
            self.told.last, self.told.last_line = self._position, last_line
            if self.step in self.seen.names:
                self.told.avoid = frozenset(self.seen.names[self.seen.names.index(self.step) + 1 :])
        self.seen, self._position = Seen(self.seen.names), ()

    def _feed(self, file: str) -> None:
        batches, self._pending = Batch.together([batch for batch in self._pending if len(batch.orders)]), []
        if not batches:
            return
        if not self.decided:
            self._decide(batches)
            self.header = []
        if self.seen.names:
            self._count(batches)
        if self.step is not None and self.kind == "text":
            self._watch(batches)
        self._last_line = int(max(batch.numbers[-1] for batch in batches if len(batch.numbers)))
        parts: dict[str, list[tuple[Ints, _Rows]]] = {}
        units: dict[str, str] = {}
        for batch in batches:
            steps = self._steps(batch)
            longest = batch.longest if batch.longest >= 0 else len(max(batch.lines, key=len))
            short = longest <= QUOTE
            for at, name in enumerate(batch.names):
                if name == self.step:
                    continue
                starts = batch.starts[at]
                quotes = batch.lines
                if not short:
                    quotes, starts = _cut_all(batch.lines, starts, batch.texts[at])
                unit = batch.units[at]
                values = batch.values[at]
                factor = self._factor(name, unit, units)
                if factor != 1.0:
                    values = values * factor
                rows = _Rows(steps, values, packed(batch.texts[at]), batch.numbers, starts, quotes)
                parts.setdefault(name, []).append((batch.orders, rows))
        # A pattern hands over its rows before the tokenizer: series are begun in the order of the lines all the same.
        for name, pieces in sorted(parts.items(), key=lambda part: min(int(orders[0]) for orders, _ in part[1])):
            if name not in self.builders:
                key = name.partition("#")[0]
                self.builders[name] = SeriesBuilder(
                    name, key=key, form=self.head, kind=self.kind,
                    step_key="counter" if self.step == COUNTER else self.step or self._marked, unit=units[name],
                )  # fmt: skip
            rows = _Rows.join([rows for _, rows in pieces])
            if len(pieces) > 1:
                orders = np.concatenate([orders for orders, _ in pieces])
                if np.any(orders[1:] < orders[:-1]):
                    rows = rows[np.argsort(orders, kind="stable")]
            self._extend(name, self._last_redraws(name, rows) if self.kind == "redraw" else rows, file)

    def _factor(self, name: str, unit: str, units: dict[str, str]) -> float:
        """Return what turns a value of this unit into the unit that the series began with."""
        known = self.builders[name].unit if name in self.builders else units.get(name)
        if known is None or known == unit:
            units[name] = known if known is not None else unit
            return 1.0
        units[name] = known
        if unit in _SCALES and known in _SCALES and _SCALES[unit][0] == _SCALES[known][0]:
            return _SCALES[unit][1] / _SCALES[known][1]
        return 1.0

    def _extend(self, name: str, rows: _Rows, file: str) -> None:
        if len(rows.values):
            self.builders[name].extend(
                Chunk(rows.steps, rows.values, rows.texts, rows.numbers, rows.starts, rows.quotes, file)
            )

    def _last_redraws(self, name: str, rows: _Rows) -> _Rows:
        """Of redraws of one step in one epoch keep the last; hold the last step of all back, as more may come."""
        held = self._held.pop(name, None)
        if held is not None:
            rows = _Rows.join([held, rows])
        over = rows.steps[1:] != rows.steps[:-1]
        still = np.flatnonzero(~over & (rows.numbers[1:] != rows.numbers[:-1]))
        over[still] = self._marks.rose(rows.numbers[still], rows.numbers[still + 1])  # the last bar of the next epoch
        keep = np.flatnonzero(over)
        self._held[name] = rows[-1:]
        return rows[keep]

    def _steps(self, batch: Batch) -> Floats:
        if self.step is not None and self.step in batch.names:
            return batch.values[batch.names.index(self.step)]
        if self.step is None and self._marked is not None:
            return self._marks.at(self._marked, batch.numbers)
        return np.full(len(batch.orders), np.nan)

    def _decide(self, batches: list[Batch]) -> None:
        self.decided = True
        if self.kind == "header":  # it came too often
            self.kind = "text"
        if self.kind == "redraw":
            done = _column(COUNTER, batches)
            self.step, marked = COUNTER, self._marks.key()
            if len(done) > 2 and not np.any(np.diff(done)) and marked is not None:  # only full bars: epochs count
                self.step, self._marked = None, marked
            return
        names = {name for batch in batches for name in batch.names if step_rank(name) is not None}
        ranked = sorted(names, key=lambda name: (step_rank(name) or 0, name))
        if self.kind == "text" and not self.counting:
            self.seen.names = tuple(reversed(ranked))
        for at, name in enumerate(ranked):
            column = _column(name, batches)
            change = np.diff(column)
            still = len(column) > 2 and not np.any(change)
            if (still and not self._marks.avoid) or name in self._marks.avoid:
                continue
            coarse = tuple(ranked[at + 1 :])
            if within(change, [_column(other, batches) for other in coarse]):
                continue
            self.step, self._coarse = name, coarse
            backs = np.flatnonzero(change < 0) + 1
            if len(backs) == 0 or sum(self._anew(batches, backs)) * 2 <= len(backs):
                return
        self.step, self._coarse = None, ()
        if not self.counting:
            self._marked = self._marks.key()

    def _anew(self, batches: list[Batch], backs: Ints) -> list[bool]:
        """Tell for each place where the step goes back whether a new epoch or part begins there."""
        anew = np.zeros(len(backs), dtype=np.bool_)
        for name in self._coarse:
            column = _column(name, batches)
            before = np.where(backs > 0, column[backs - 1], self._last[1] if self._last else np.nan)
            anew |= column[backs] > before
        if not anew.all() and not self.counting:
            numbers = _numbers(batches)
            earlier = np.where(backs > 0, numbers[backs - 1], self._last_line)
            anew |= self._marks.rose(earlier, numbers[backs])
        parts = self.head.count("#")
        if parts and not anew.all():
            lines = _sorted_lines(batches)
            for place, at in enumerate(backs.tolist()):
                before_part = _part(lines[at - 1], parts) if at else (self._last[2] if self._last else [])
                anew[place] |= _part(lines[at], parts) != before_part
        return [bool(flag) for flag in anew]

    def _leave_out(self, batch: Batch) -> None:
        """Drop the records that a later resume repeats."""
        names, position = self._marks.until or ((), ())
        if not names or not all(name in batch.names for name in names):
            return
        columns = [batch.values[batch.names.index(name)] for name in names]
        keep = np.flatnonzero(_below(columns, position))
        if len(keep) == len(batch.orders):
            return
        self._marks.dropped += len(batch.orders) - len(keep)
        where = keep.tolist()
        batch.orders, batch.numbers = batch.orders[keep], batch.numbers[keep]
        batch.lines = [batch.lines[at] for at in where]
        batch.texts = [
            column[keep] if isinstance(column, np.ndarray) else [column[at] for at in where] for column in batch.texts
        ]
        batch.values = [column[keep] for column in batch.values]
        batch.starts = [column[keep] for column in batch.starts]

    def _count(self, batches: list[Batch]) -> None:
        """Follow the counters, all of them together, and note where they fall back or where a start is announced."""
        seen = self.seen
        columns = [_column(name, batches) for name in seen.names]
        numbers = _numbers(batches)
        rows = [(self._position[at] if self._position else column[0], column) for at, column in enumerate(columns)]
        shifted = [np.concatenate([[last], column[:-1]]) for last, column in rows]
        falls = np.zeros(len(numbers), dtype=np.bool_)
        equal = np.ones(len(numbers), dtype=np.bool_)
        for column, before in zip(columns, shifted, strict=True):
            falls |= equal & (column < before)
            equal &= ~((column < before) | (column > before))
        earlier = np.concatenate([[self._last_line or numbers[0]], numbers[:-1]])
        heads = np.array(self._marks.heads, dtype=np.int64)
        order = np.searchsorted(heads, numbers, side="right")
        headed = order > np.searchsorted(heads, earlier, side="right")
        places = np.flatnonzero(falls | headed)
        if len(places):
            for at, anew in zip(places.tolist(), self._anew(batches, places), strict=True):
                if (anew and not headed[at]) or len(seen.starts) >= MOST_STARTS:
                    continue
                head = int(heads[np.searchsorted(heads, earlier[at], side="right")]) if headed[at] else 0
                seen.starts.append(
                    Start(
                        int(earlier[at]),
                        int(numbers[at]),
                        tuple(float(c[at]) for c in shifted),
                        tuple(float(c[at]) for c in columns),
                        seen.records + at,
                        head,
                    )
                )
        if not seen.first:
            seen.first, seen.first_line = tuple(float(column[0]) for column in columns), int(numbers[0])
        seen.records += len(numbers)
        self._position = tuple(float(column[-1]) for column in columns)

    def _watch(self, batches: list[Batch]) -> None:
        """Note places where the step goes back without a new epoch or part."""
        order = np.argsort(np.concatenate([batch.orders for batch in batches]), kind="stable")
        steps = np.concatenate([self._steps(batch) for batch in batches])[order]
        before = np.concatenate([[self._last[0] if self._last else np.nan], steps[:-1]])
        backs = np.flatnonzero(steps < before)
        if len(backs):
            numbers = np.concatenate([batch.numbers for batch in batches])[order]
            for at, anew in zip(backs.tolist(), self._anew(batches, backs), strict=True):
                if anew:
                    self._marks.wrapped.add(self.step or "")
                    continue
                if len(self.restarts) < MOST_RESTARTS:
                    text = f"{self.step} falls from {before[at]:.15g} to {steps[at]:.15g}"
                    self.restarts.append(Restart(int(numbers[at]), text))
        last = max(batches, key=lambda batch: int(batch.orders[-1]))
        coarse = [_column(name, [last])[-1] for name in self._coarse if name in last.names]
        parts = self.head.count("#")
        self._last = (
            float(steps[-1]),
            coarse[0] if coarse else np.nan,
            _part(last.lines[-1], parts) if parts else [],
        )


def _column(name: str, batches: list[Batch]) -> Floats:
    """Return the values of one key in file order, NaN where a line lacks it."""
    orders = np.concatenate([batch.orders for batch in batches])
    values = [
        batch.values[batch.names.index(name)] if name in batch.names else np.full(len(batch.orders), np.nan)
        for batch in batches
    ]
    return np.concatenate(values)[np.argsort(orders, kind="stable")]


def _numbers(batches: list[Batch]) -> Ints:
    """Return the line numbers of all rows in file order."""
    return np.sort(np.concatenate([batch.numbers for batch in batches]))


def _below(columns: list[Floats], position: tuple[float, ...]) -> npt.NDArray[np.bool_]:
    """Tell which rows come before a position, the first column first."""
    below = np.zeros(len(columns[0]), dtype=np.bool_)
    equal = np.ones(len(columns[0]), dtype=np.bool_)
    for column, bound in zip(columns, position, strict=True):
        below |= equal & ~(column >= bound)
        equal &= column == bound
    return below


def _sorted_lines(batches: list[Batch]) -> list[str]:
    lines = [line for batch in batches for line in batch.lines]
    order = np.argsort(np.concatenate([batch.orders for batch in batches]), kind="stable")
    return [lines[at] for at in order.tolist()]


def _part(line: str, count: int) -> list[str]:
    """Return the first `count` numbers of a line, times aside: the numbers in its head."""
    return re.findall(r"[0-9]+", TIMES.sub(" ", line[:300]))[:count]


def head_of(text: str) -> str:
    """Return the head of a form: times dropped, other digits as `#` (but for ranks), blanks single."""
    text = TIMES.sub(" ", text[:LONGEST_HEAD])
    text = " ".join(_GAPS.sub(lambda gap: gap[0].strip(), _DIGITS.sub("#", text)).split())
    return text.replace("[]", "").replace("()", "").strip(" -,;:>|").rstrip(" ([{<\"'-,;:>|")


def _cut_all(lines: Sequence[str], starts: Ints, texts: Sequence[str] | Texts) -> tuple[list[str], Ints]:
    columns = starts.copy()
    quotes = list(lines)
    for at, line in enumerate(lines):
        if len(line) > QUOTE:
            end = int(starts[at]) - 1 + len(texts[at])
            if end <= QUOTE:
                quotes[at] = line[:QUOTE]
            else:
                begin = max(0, end - len(texts[at]) - 150)
                quotes[at] = f"{line[:150]} ... {line[begin : begin + QUOTE - 155]}"
                columns[at] = 0
    return quotes, columns
