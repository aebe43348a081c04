"""A log that holds several starts is read a second time, run by run, by the plan of the first reading; read/join."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from wganlint.evidence import Place
from wganlint.read.lines import Block, Damage, blocks
from wganlint.read.starts import FEW, MOST_RUNS, Plan, Segment
from wganlint.read.text import TextFacts, TextReader
from wganlint.run import RESUMED, Note
from wganlint.series import Series

REST = "#short"  # behind the name of a run: its starts that are not judged


class Piece(Struct):
    """One run of a file."""

    segment: Segment
    facts: TextFacts
    notes: list[Note] = field(default_factory=list)


def read_pieces(stream: BinaryIO, shown: str, plan: Plan, reader: Callable[[], TextReader]) -> list[Piece]:
    """Read the runs of one file in a single pass, each into series of its own.

    Raises:
        InputError: the file cannot be read.
    """
    source = _Lines(blocks(stream, Damage(shown)))
    found = []
    for segment in plan.segments:
        one = reader()
        facts = one.read_blocks(_parts(source, segment, plan, one), shown, Damage(shown), starts=plan.starts)
        found.append(Piece(segment, facts, _notes(segment, one.left_out, plan, shown)))
    return found


def read_rest(stream: BinaryIO, shown: str, plan: Plan, reader: TextReader) -> TextFacts:
    """Read the starts that are not judged, one after the other, so that none of their records is lost.

    Raises:
        InputError: the file cannot be read.
    """
    source = _Lines(blocks(stream, Damage(shown)))
    parts = (block for segment in plan.rest for block in source.take(segment.begin, segment.end))
    return reader.read_blocks(parts, shown, Damage(shown), starts=plan.starts)


class _Lines:
    """The lines of a file, handed out up to a given line; what is left of a block comes next."""

    def __init__(self, source: Iterator[Block]) -> None:
        self._source = source
        self._rest: Block | None = None

    def take(self, begin: int, end: int) -> Iterator[Block]:
        """Yield the lines from `begin` to `end` (0: all that are left)."""
        while True:
            block = self._rest if self._rest is not None else next(self._source, None)
            self._rest = None
            if block is None:
                return
            numbers = block.places
            low = int(np.searchsorted(numbers, begin)) if len(numbers) and numbers[0] < begin else 0
            high = int(np.searchsorted(numbers, end, side="right")) if end and len(numbers) else len(numbers)
            if high > low:
                yield block.part(low, high)
            if high < len(numbers):
                self._rest = block.part(high, len(numbers))
                return


def _parts(source: _Lines, segment: Segment, plan: Plan, reader: TextReader) -> Iterator[Block]:
    """Yield the lines of a run; before each resume the records that it repeats are left out."""
    begin = segment.begin
    for at, resume in enumerate(segment.resumes):
        reader.leave_out(plan.names, min(later.after for later in segment.resumes[at:]))
        yield from source.take(begin, resume.line - 1)
        begin = resume.line
    reader.leave_out(plan.names, None)
    yield from source.take(begin, segment.end)


def _notes(segment: Segment, left_out: int, plan: Plan, shown: str) -> list[Note]:
    notes = []
    for resume in segment.resumes[:MOST_RUNS]:
        place = Place(shown, resume.cut)
        if resume.after > resume.before:
            notes.append(Note("the program was started again here; training goes on where it was", place))
            continue
        name = plan.names[0]
        back = f"{name} {resume.before[0]:.15g} to {resume.after[0]:.15g}"
        if resume.before[0] == resume.after[0]:
            back = (
                f"{plan.names[-1]} {resume.before[-1]:.15g} to {resume.after[-1]:.15g} of {name} {resume.after[0]:.15g}"
            )
        notes.append(Note(f"{RESUMED} here and goes back from {back}", place))
    if left_out:
        text = f"records that a resume repeats are kept once, the later ones: {left_out} earlier ones are left out"
        notes.append(Note(text, Place(shown, segment.begin)))
    if segment.mixed:
        text = (
            "the counters fall back every few records: two processes seem to write this file in turn. "
            "They cannot be told apart, so records are placed by their order, not by step"
        )
        notes.append(Note(text, Place(shown, segment.begin)))
    return notes


def told(plan: Plan, shown: str, name: str) -> list[Note]:
    """Return what is to be said about the whole file; `name` is that of its run."""
    notes = []
    place = Place(shown, 1)
    if plan.together:
        what = "the file holds several starts of training; none lasts"
        notes.append(Note(f"{what} {FEW} records: they are read together, placed by their order, not by step", place))
    elif plan.died:
        one = plan.died == 1
        text = (
            f"{plan.died} more start{'' if one else 's'} of training end{'s' if one else ''} within {FEW - 1} records"
        )
        notes.append(Note(f"{text}: not judged", place))
    if plan.more:
        notes.append(Note(f"{plan.more} more runs in this file are not judged: the {MOST_RUNS} longest are", place))
    if plan.rest:
        text = "what they logged is read all the same: `wganlint inspect` shows it"
        notes.append(Note(f"{text} as {name}{REST}", place))
    if plan.cycles:
        text = f"{plan.names[0]} starts anew again and again in equal stretches: it counts within an epoch"
        notes.append(Note(f"{text} and is not used as the step", place))
    return notes


def unplaced(series: Series) -> Series:
    """Return a series whose records keep the steps that their lines print, but are placed by their order."""
    return replace(series, step_key="")


def without_steps(series: Series) -> Series:
    """Return a series whose counter is no step: its records are counted."""
    return replace(series, steps=np.full(len(series.steps), np.nan), step_key=None)
