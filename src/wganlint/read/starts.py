"""Several starts of training in one file: which are runs of their own, which go on, which are mixed; part of read/join.

The file is read once as a whole; each place where its counters fall back, or where its first lines come again, is a
start. From those alone a plan is made, and the file is read a second time by that plan.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from wganlint.read.tokens import step_rank

FEW = 5  # records of a start that is worth a judgement
MOST_RUNS = 40  # runs of one file that are judged
KEPT = 0.5  # share of the progress that a resume keeps; what loses more begins anew
TURNS = 4  # falls close together that tell of two writers
NEAR = 8  # records between those


class Start(Struct, frozen=True):
    """A place where training starts again, seen from the counters (coarse to fine) of the records around it."""

    last: int  # line of the record before
    line: int  # line of the record after
    before: tuple[float, ...]
    after: tuple[float, ...]
    record: int  # number of the record after, in the file
    head: int = 0  # the line that the program prints first, if it stands between them

    @property
    def cut(self) -> int:
        """The first line of what follows."""
        return self.head or self.line


class Segment(Struct):
    """Lines `begin` to `end` (inclusive; 0: to the end) of a file: one run."""

    begin: int
    end: int = 0
    records: int = 0
    resumes: list[Start] = field(default_factory=list)
    mixed: bool = False

    @property
    def lines(self) -> str:
        """The lines in words."""
        return f"lines {self.begin} to {self.end}" if self.end else f"lines {self.begin} to the end"


class Plan(Struct):
    """How a file is to be read: `names` are the counters, coarse to fine."""

    names: tuple[str, ...]
    segments: list[Segment]
    died: int = 0  # starts with fewer than FEW records
    rest: list[Segment] = field(default_factory=list)  # what is not judged but has records: too short, or too many
    more: int = 0  # runs above MOST_RUNS
    together: bool = False  # nothing lasted: all starts are read as one, in the order of the file
    cycles: bool = False  # the counter starts anew with each epoch: it is no step

    @property
    def starts(self) -> int:
        """How often the program was started, as far as the log tells."""
        return len(self.segments) + self.died + self.more + sum(len(segment.resumes) for segment in self.segments)


class Seen(Struct):
    """What the first reading saw of the counters of a file."""

    names: tuple[str, ...] = ()
    first: tuple[float, ...] = ()
    starts: list[Start] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    records: int = 0
    last: tuple[float, ...] = ()
    first_line: int = 0  # of the first record
    last_line: int = 0  # and the last
    avoid: frozenset[str] = frozenset()  # counters finer than the step


def plan_of(seen: Seen) -> Plan | None:
    """Return how the file must be read again, or None where one reading is right."""
    starts = seen.starts
    if not starts:
        return None
    if _cycles(seen):
        return Plan(seen.names, [Segment(1, records=seen.records)], cycles=True)
    turns = turns_of(starts)
    size = 1.0 + max(start.before[-1] for start in starts)
    segments = [Segment(1)]
    first, begun = seen.first, 0
    for at, start in enumerate(starts):
        if at in turns:
            segments[-1].mixed = True
            continue
        if resumes(start, first, size):
            segments[-1].resumes.append(start)
            continue
        segments[-1].end, segments[-1].records = start.cut - 1, start.record - begun
        segments.append(Segment(start.cut))
        first, begun = start.after, start.record
    segments[-1].records = seen.records - begun
    heads = sum(1 for start in starts if start.head)
    died = max(0, len(seen.heads) - heads)
    lasting = [segment for segment in segments if segment.records >= FEW]
    died += len(segments) - len(lasting)
    if not lasting:
        return Plan(seen.names, [Segment(1, records=seen.records)], died=died, together=True)
    kept = sorted(sorted(lasting, key=lambda s: -s.records)[:MOST_RUNS], key=lambda s: s.begin)
    rest = [segment for segment in segments if all(segment is not one for one in kept)]
    return Plan(seen.names, kept, died=died, rest=rest, more=len(lasting) - len(kept))


def _cycles(seen: Seen) -> bool:
    """Whether a counter that is alone on its line just starts anew with each epoch, which is not printed."""
    starts = seen.starts
    if len(starts) < 2 or len(seen.names) != 1 or any(start.head for start in starts):
        return False
    if (step_rank(seen.names[0]) or 0) >= (step_rank("epochs") or 0):
        return False
    lengths = {start.record - before for start, before in zip(starts, [0, *(s.record for s in starts)], strict=False)}
    return len({start.before for start in starts}) == 1 and len({s.after for s in starts}) == 1 and len(lengths) == 1


def turns_of(starts: Sequence[Start]) -> set[int]:
    """Return the numbers of the starts that are none: two processes write the same file in turn."""
    found: set[int] = set()
    group: list[int] = []
    for at, start in enumerate(starts):
        if start.head:
            found.update(group if len(group) >= TURNS else ())
            group = []
            continue
        if group and start.record - starts[group[-1]].record > NEAR:
            found.update(group if len(group) >= TURNS else ())
            group = []
        group.append(at)
    found.update(group if len(group) >= TURNS else ())
    return found


def resumes(start: Start, first: tuple[float, ...], size: float) -> bool:
    """Whether training goes on after a start, at once or from a little before."""
    if start.after > start.before:
        return True
    before = _progress(start.before, first, size)
    after = _progress(start.after, first, size)
    return after > 0 and after >= KEPT * before


def _progress(position: tuple[float, ...], first: tuple[float, ...], size: float) -> float:
    if len(position) == 1:
        return position[0] - first[0]
    return (position[0] - first[0]) + (position[-1] - first[-1]) / size
