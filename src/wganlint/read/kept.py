"""Which profiler tables of a file are kept, its first and its last ones; those passed at sight stay unread until then.

A log may print a table every step. Most of them are of one layout and are known at sight (`masks`), so cutting one into
cells, and even copying its lines, is work for those only that are kept in the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct, field

from wganlint.read.rows import Held, Ints, Rows
from wganlint.run import OpTable

TABLES = 200  # kept per file: the first and the last half

Numbered = tuple[int, str]  # a line and its number


class Unread(Struct, frozen=True):
    """The lines of a table that is known to be whole, and some before it, as a copy of their bytes."""

    before: Sequence[Numbered]
    numbers: Sequence[int]
    held: Held

    def lines(self) -> Iterator[Numbered]:
        """Yield the lines in order."""
        yield from self.before
        yield from zip(self.numbers, self.held.lines(), strict=True)


class Passed(Struct):
    """Tables of one block, one after the other, all known to be whole; not copied.

    Table `i` with some lines before it is `rows[begins[i]:stops[i]]`; `before`: lines of the block before, for the
    first. `places[at]` is the physical line of `rows[at]`.
    """

    rows: Rows
    places: range | Ints
    begins: Ints
    stops: Ints
    before: Sequence[Numbered] = ()

    def __len__(self) -> int:
        return len(self.begins)

    def part(self, low: int, high: int) -> Passed:
        """Return some of them."""
        before = self.before if low == 0 else ()
        return Passed(self.rows, self.places, self.begins[low:high], self.stops[low:high], before)

    def apart(self) -> Iterator[Unread]:
        """Yield each as a copy, so that the block can go."""
        for at, (begin, stop) in enumerate(zip(self.begins.tolist(), self.stops.tolist(), strict=True)):
            places = self.places[begin:stop]
            numbers = places if isinstance(places, range) else places.tolist()
            yield Unread(self.before if at == 0 else (), numbers, self.rows.held(begin, stop))


class Kept(Struct):
    """The tables of one file: the first `TABLES // 2` that come, and as many of the last."""

    closed: int = 0  # tables so far, kept or not
    _first: list[OpTable | Unread] = field(default_factory=list)
    _last: deque[OpTable | Unread | Passed] = field(default_factory=deque)
    _later: int = 0  # tables in `_last`
    _new: int = 0  # entries of `_last` that came with this block

    def add(self, table: OpTable) -> None:
        """Take a table that was read."""
        self.closed += 1
        if len(self._first) < TABLES // 2:
            self._first.append(table)
        else:
            self._push(table, 1)

    def pass_by(self, passed: Passed) -> None:
        """Take tables that were not read."""
        self.closed += len(passed)
        early = min(len(passed), TABLES // 2 - len(self._first))
        if early:
            self._first += passed.part(0, early).apart()
        if early < len(passed):
            self._push(passed.part(early, len(passed)), len(passed) - early)

    def _push(self, table: OpTable | Passed, count: int) -> None:
        self._last.append(table)
        self._later += count
        self._new += 1
        while self._later - _count(self._last[0]) >= TABLES // 2:
            self._later -= _count(self._last.popleft())
        self._new = min(self._new, len(self._last))

    def settle(self) -> None:
        """Copy what is kept of a block before it goes; a block of which most is kept stays as it is."""
        new = [self._last.pop() for _ in range(self._new)]
        for table in reversed(new):
            if isinstance(table, Passed) and len(table) < TABLES // 2:
                self._last.extend(table.apart())
            else:
                self._last.append(table)
        self._new = 0

    def tables(self, read: Callable[[Iterator[Numbered]], list[OpTable]]) -> list[OpTable]:
        """Return what was kept; `read` makes tables of lines."""
        last: list[OpTable | Unread] = []
        for table in self._last:
            last += table.apart() if isinstance(table, Passed) else [table]
        kept = self._first + last[max(0, len(last) - TABLES // 2) :]
        return [made for table in kept for made in (read(table.lines()) if isinstance(table, Unread) else [table])]


def _count(table: OpTable | Unread | Passed) -> int:
    return len(table) if isinstance(table, Passed) else 1
