"""Points become series: several under one tag are told apart, tags without steps counted; part of read/events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from msgspec.structs import replace

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.read.events.checksum import Ints
from wganlint.read.events.layouts import Part, Shown, Tag
from wganlint.series import Floats, Series

TAGS = 2_000  # scalar series kept per run
HISTOGRAMS = 1_000  # histogram series kept per run: four a tag
HELD = 1_024  # points of a tag that are handed over at once, and by which it is decided whether it holds several series
MOST = 8  # series that one tag may hold; more values at a step are taken for one series
STEPS = 3  # steps that must carry the same number of values
SHARE = 0.8  # of the steps that must do so

Columns = tuple[Floats, Floats, Sequence[str]]  # steps, values, texts


class EventSeries(SeriesBuilder):
    """A series of an event file: its values are float32 as a rule, so no number of decimals is claimed."""

    def __init__(self, name: str, form: str) -> None:
        super().__init__(name or "(no tag)", form=form, kind="events", step_key="step")

    def build(self) -> Series:
        """Return the series; ValueError if no record was ever added."""
        return replace(super().build(), decimals=None)


class TagSeries:
    """What one tag holds: one series, or as many as it has values at each step.

    `places` counts steps by their number of values, `back` is the first step that is followed by an earlier one, with
    that one; `stepless` says that every record is at step 0, as where no step was given.
    """

    def __init__(self, tag: Tag) -> None:
        self.tag = tag
        self.builders: list[EventSeries] = []
        self.places: Counter[int] = Counter()
        self.count = 0
        self.backs = 0
        self.back: tuple[float, float] | None = None
        self.stepless = False
        self._waiting: list[tuple[str, Columns]] = []
        self._held = 0
        self._many = 0  # series under the tag; 0: not decided yet
        self._last: tuple[float, int] = (np.nan, 0)  # step of the last record, and records at it so far

    @property
    def shown(self) -> str:
        """The tag as the file has it."""
        return self.tag.name if self.tag.form == "scalar" else self.tag.name.rpartition("/")[0]

    @property
    def many(self) -> int:
        """How many series the tag holds."""
        return max(self._many, 1)

    def take(self, file: str, columns: Columns) -> None:
        """Add points in the order of the file."""
        if not len(columns[0]):
            return
        self.count += len(columns[0])
        self._held += len(columns[0])
        self._waiting.append((file, columns))
        if self._held >= HELD:
            self._hand_over()

    def finish(self) -> None:
        """Hand over what was held back."""
        self._hand_over()
        if self._last[1]:
            self.places[self._last[1]] += 1

    def _hand_over(self) -> None:
        waiting, self._waiting, self._held = self._waiting, [], 0
        if waiting and not self._many:
            self._decide(np.concatenate([columns[0] for _, columns in waiting]))
        for file, some in groupby(waiting, key=itemgetter(0)):
            self._feed(file, _joined([columns for _, columns in some]))

    def _decide(self, steps: Floats) -> None:
        stops = np.flatnonzero(np.diff(steps)) + 1
        runs = Counter(np.diff(stops, prepend=0).tolist())  # without the last, which may go on
        many, times = runs.most_common(1)[0] if runs else (1, 0)
        several = 2 <= many <= MOST and len(stops) >= STEPS and times >= SHARE * len(stops)
        self._many = many if several else 1
        self.stepless = len(steps) >= STEPS and not steps.any()
        name, form = self.tag
        if several:
            self.builders = [
                EventSeries(f"{name}#{at + 1}", f"{form}, value {at + 1} of {many} at each step") for at in range(many)
            ]
        else:
            self.builders = [EventSeries(name, form)]

    def _feed(self, file: str, columns: Columns) -> None:
        steps, values, texts = columns
        turn = self._turns(steps)
        if self.stepless:
            steps = np.where(steps == 0, np.nan, steps)
        if self._many == 1:
            self._extend(0, file, (steps, values, texts))
            return
        turn = np.minimum(turn, MOST - 1)
        for at in np.unique(turn).tolist():
            while at >= len(self.builders):
                number = len(self.builders) + 1
                self.builders.append(
                    EventSeries(f"{self.tag.name}#{number}", f"{self.tag.form}, value {number} at some steps")
                )
            own = np.flatnonzero(turn == at)
            some = Shown(texts.numbers[own]) if isinstance(texts, Shown) else [texts[i] for i in own.tolist()]
            self._extend(at, file, (steps[own], values[own], some))

    def _extend(self, at: int, file: str, columns: Columns) -> None:
        steps, values, texts = columns
        none = np.zeros(len(steps), dtype=np.int64)
        self.builders[at].extend(Chunk(steps, values, texts, none, none, [""] * len(steps), file))

    def _turns(self, steps: Floats) -> Ints:
        """Return for each record how many before it stand at the same step without a break; note where steps fall."""
        before, held = self._last
        starts = np.flatnonzero(np.concatenate([[True], steps[1:] != steps[:-1]]))
        turn = np.arange(len(steps)) - np.repeat(starts, np.diff(starts, append=len(steps)))
        stop = int(starts[1]) if len(starts) > 1 else len(steps)
        if steps[0] == before:
            turn[:stop] += held
        elif held:
            self.places[held] += 1
        ends = turn[np.append(starts[1:], len(steps)) - 1] + 1
        self.places.update(ends[:-1].tolist())
        previous = np.concatenate([[before], steps[:-1]])
        falls = np.flatnonzero(steps < previous)
        self.backs += len(falls)
        if len(falls) and self.back is None:
            self.back = float(previous[falls[0]]), float(steps[falls[0]])
        self._last = float(steps[-1]), int(ends[-1])
        return turn


class TagSet:
    """The tags of a run, in the order in which they were met. `left_out` counts points of tags beyond the limits."""

    def __init__(self) -> None:
        self.tags: dict[Tag, TagSeries] = {}
        self.left_out: Counter[str] = Counter()
        self._room = {"scalar": TAGS, "histogram": HISTOGRAMS}

    def take(self, file: str, parts: Mapping[Tag, Part], below: Mapping[Tag, float], names: Mapping[Tag, str]) -> int:
        """Add the points of a batch; return how many were left out because they stand at or after a step in `below`.

        `names` renames tags that several folders have.
        """
        superseded = 0
        for tag, part in parts.items():
            known = Tag(names.get(tag, tag.name), tag.form)
            series = self.tags.get(known)
            if series is None:
                if not self._room[tag.form]:
                    self.left_out[f"{tag.form}s of further tags"] += len(part)
                    continue
                self._room[tag.form] -= 1
                series = self.tags[known] = TagSeries(known)
            steps, values, texts = part.columns()
            until = below.get(tag)
            if until is not None and (keep := np.flatnonzero(steps < until)).size < len(steps):
                superseded += len(steps) - len(keep)
                some = Shown(texts.numbers[keep]) if isinstance(texts, Shown) else [texts[i] for i in keep.tolist()]
                steps, values, texts = steps[keep], values[keep], some
            series.take(file, (steps, values, texts))
        return superseded

    def finish(self) -> list[SeriesBuilder]:
        """Return the series; a tag whose points are all superseded has none."""
        for series in self.tags.values():
            if series.count:
                series.finish()
        return [builder for series in self.tags.values() for builder in series.builders if len(builder)]

    def told(self) -> Iterator[str]:
        """Yield what a reader must know about the tags, in sentences."""
        every = list({series.shown: series for series in self.tags.values()}.values())  # of a histogram one of four
        yield from _each(
            [
                f'"{s.shown}" ({s.places[s.many]} of {s.places.total()} steps, {s.many} each)'
                for s in every
                if s.many > 1
            ],
            "several values of one tag at a step: read as separate series #1, #2, ... in the order of the file:",
        )  # fmt: skip
        yield from _each(
            [f'"{s.shown}"' for s in every if s.stepless], "logged without steps, so records are counted instead:"
        )
        yield from _each(
            [f'"{s.shown}" (from {s.back[0]:.0f} to {s.back[1]:.0f})' for s in every if s.back],
            "steps go back; all points are kept, in the order of the file:",
        )


def _joined(columns: Sequence[Columns]) -> Columns:
    if len(columns) == 1:
        return columns[0]
    steps, values, texts = zip(*columns, strict=True)
    if all(isinstance(some, Shown) for some in texts) and len({some.numbers.dtype for some in texts}) == 1:
        return np.concatenate(steps), np.concatenate(values), Shown(np.concatenate([some.numbers for some in texts]))
    return np.concatenate(steps), np.concatenate(values), [text for some in texts for text in some]


def _each(names: list[str], what: str) -> Iterator[str]:
    if names:
        more = f" and {len(names) - 5} more tags" if len(names) > 5 else ""
        yield f"{what} {', '.join(names[:5])}{more}"
