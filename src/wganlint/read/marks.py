"""Steps that stand on lines of their own, `Epoch 3/50` above the lines that measure; part of read/text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wganlint.read.tokens import is_number, number, step_rank

MOST = 200_000  # marks of one file that are kept

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Marks:
    """The lines of one file that announce a step, by the name of the step."""

    def __init__(self, avoid: frozenset[str] = frozenset()) -> None:
        self.avoid = avoid  # counters that are known to start anew within the run: no steps
        self.wrapped: set[str] = set()  # counters that turned out to do so after they had been taken for steps
        self._lines: dict[str, list[int]] = {}
        self._values: dict[str, list[float]] = {}
        self._count = 0
        self.heads: list[int] = []  # where the program says again what it says first
        self.until: tuple[tuple[str, ...], tuple[float, ...]] | None = None  # what a later resume repeats is left out
        self.dropped = 0  # records left out

    def add(self, key: str, line: int, text: str) -> None:
        """Take the step of one line."""
        if self._count < MOST and is_number(text):
            self._count += 1
            self._lines.setdefault(key, []).append(line)
            self._values.setdefault(key, []).append(number(text))

    def extend(self, key: str, lines: Ints, values: Floats) -> None:
        """Take the steps of many lines in file order."""
        if self._count + len(lines) <= MOST:
            self._count += len(lines)
            self._lines.setdefault(key, []).extend(lines.tolist())
            self._values.setdefault(key, []).extend(values.tolist())

    def key(self) -> str | None:
        """Return the name of the finest step that rises, or None: neither `epochs: 50`, a setting, nor a batch that
        starts anew where the epoch rises.
        """
        usable = [key for key in self._lines if not key.lower().endswith("s") and _rises(self._sorted(key)[1])]
        usable.sort(key=lambda key: step_rank(key) or 0)
        for at, key in enumerate(usable):
            lines, values = self._sorted(key)
            if not within(np.diff(values), [self.at(other, lines) for other in usable[at + 1 :]]):
                return key
        return None

    def at(self, key: str, lines: Ints) -> Floats:
        """Return the step that holds on each line: the last that was announced above it, else NaN."""
        announced, values = self._sorted(key)
        return np.concatenate([[np.nan], values])[np.searchsorted(announced, lines, side="right")]

    def _sorted(self, key: str) -> tuple[Ints, Floats]:
        """Return lines and values in file order: lines that a pattern read come before those of the tokenizer."""
        order = np.argsort(self._lines[key], kind="stable")
        return np.array(self._lines[key], dtype=np.int64)[order], np.array(self._values[key], dtype=np.float64)[order]

    def rose(self, before: Ints, after: Ints) -> npt.NDArray[np.bool_]:
        """Tell for pairs of lines whether an announced step rose between them."""
        risen = np.zeros(len(after), dtype=np.bool_)
        for key in self._lines:
            if not key.lower().endswith("s"):
                risen |= self.at(key, after) > self.at(key, before)
        return risen

    def clear(self) -> None:
        """Forget all: the next file begins."""
        self._lines, self._values, self._count, self.heads, self.until = {}, {}, 0, [], None


def _rises(values: Floats) -> bool:
    change = np.diff(values)
    return len(values) > 1 and bool(values[-1] > values[0]) and bool((change > 0).sum() > (change < 0).sum())


def within(change: Floats, coarse: list[Floats]) -> bool:
    """Whether a counter counts within an epoch or part: it mostly does not rise where a coarser one does."""
    risen = np.zeros(len(change), dtype=np.bool_)
    for column in coarse:
        risen |= np.diff(column) > 0
    return bool(np.count_nonzero(risen & (change <= 0)) * 2 > np.count_nonzero(risen))
