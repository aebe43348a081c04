"""How much may be run, how long that takes, and what shows meanwhile; each measured run passes here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct, field


class Spent(Exception):
    """No further run is to be begun: a limit is met, or the user has stopped it."""


class Show(Protocol):
    """Where somebody sees what is running."""

    def begin(self, doing: str, expected: float | None, after: float | None) -> None:
        """A run begins; `expected` seconds for it, `after` for those that follow, where that is known."""

    def end(self) -> None:
        """The run has ended."""

    def line(self, text: str) -> None:
        """Something that may be read later."""


class Silent:
    """Shows nothing: nobody looks."""

    def begin(self, doing: str, expected: float | None, after: float | None) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""

    def line(self, text: str) -> None:
        """Show nothing."""


class Pace(Struct):
    """Counts runs and their time against the limits: `most` runs, `seconds` in all."""

    most: int
    seconds: float
    show: Show = field(default_factory=Silent)
    clock: Callable[[], float] = time.monotonic
    begun: float | None = None
    runs: int = 0
    took: list[tuple[int, float]] = field(default_factory=list)  # steps and seconds of the runs so far
    doing: str = ""
    coming: list[int] = field(default_factory=list)  # steps of the runs that are planned
    why: str = ""  # why no further run is begun
    stopped: bool = False  # the user did

    def expected(self, steps: int) -> float | None:
        """Return how long a run of so many steps will take: as the nearest ones took, a longer one in proportion."""
        if not self.took:
            return None
        near = min((known for known, _ in self.took), key=lambda known: abs(known - steps))
        mine = [seconds for known, seconds in self.took if known == near]
        return sum(mine) / len(mine) * max(1.0, steps / max(1, near))

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.seconds if self.begun is None else self.seconds - (self.clock() - self.begun)

    def plan(self, runs: int, steps: int) -> None:
        """So many runs of so many steps are to come."""
        self.coming += [steps] * runs

    def forecast(self) -> float | None:
        """Return how long what is planned will take."""
        each = [self.expected(steps) for steps in self.coming]
        return sum(one for one in each if one is not None) if self.took else None

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Take Ctrl-C as a wish to hear what was measured so far.

        Raises:
            Spent: the user has stopped it.
        """
        try:
            yield
        except KeyboardInterrupt:
            self.why, self.stopped = "you stopped it before", True
            raise Spent from None

    @contextmanager
    def run(self, steps: int) -> Iterator[None]:
        """Let one run pass, and time it.

        Raises:
            Spent: it would go beyond a limit, or the user has stopped it.
        """
        if self.begun is None:
            self.begun = self.clock()
        if steps in self.coming:
            self.coming.remove(steps)
        expected = self.expected(steps)
        if not self.why and self.runs >= self.most:
            self.why = f"the limit of {self.most} runs was met (--most-runs)"
        if not self.why and expected is not None and expected > self.left():
            self.why = f"the limit of {in_words(self.seconds)} was met (--minutes)"
        if self.why:
            raise Spent
        at = self.clock()
        self.show.begin(self.doing, expected, self.forecast())
        try:
            with self.heeding():
                yield
        finally:
            self.show.end()
        self.runs += 1
        self.took.append((steps, self.clock() - at))


def in_words(seconds: float) -> str:
    """Return a time as somebody says it: 40 s, 3 min, 1 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
