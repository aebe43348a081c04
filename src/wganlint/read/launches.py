"""How often a program was started, how far each start came and how it ended, as its logs tell it; part of read/join."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import File
from wganlint.read.lines import Block, Damage, blocks
from wganlint.read.opening import open_file
from wganlint.read.said import failures
from wganlint.read.starts import Seen, Start, resumes, turns_of
from wganlint.read.text import TextFacts, spoken_at
from wganlint.run import Launch, Said

MOST = 5000  # launches of one file that are kept
CLOSE = 100  # lines before the end of an error stream where a failure belongs to the end
SKEW = 3  # falls back within which the ranks of a job come to the same steps
_VAGUE = "traceback"  # any other kind of failure says more
_Line = tuple[int, str]


class _Stretch(Struct, frozen=True):
    """The lines of one launch, `begin` to before `end`, and its records in the file, `first` to before `last`."""

    begin: int
    end: int
    first: int
    last: int
    start: Start | None  # what was seen at its first record, if it has one


def launches_of(file: File, facts: TextFacts, error: TextFacts | None, before: Launch | None) -> list[Launch]:
    """Return the launches of one log; `error` is its error stream, `before` the last launch of the file before."""
    if not facts.lines:
        return []
    seen = facts.seen
    starts, turns = _parted(seen)
    stretches = _stretches(seen, starts, facts.lines)[:MOST]
    texts = _texts(file, stretches, facts)
    size = 1.0 + max([0.0, *(start.before[-1] for start in starts[1:]), *seen.last[-1:]])
    following = {start.record: start for start in reversed(starts[1:])}
    said = _lines(facts.said)
    found = []
    for stretch, (head, ending) in zip(stretches, texts, strict=True):
        after = following.get(stretch.last)
        has = stretch.last > stretch.first
        since = (after.last if after is not None else seen.last_line) if has else stretch.begin
        found.append(
            Launch(
                Place(file.shown, head[0] or stretch.begin), stretch.last - stretch.first, seen.names,
                stretch.start.after if stretch.start is not None else (),
                (after.before if after is not None else seen.last) if has else (),
                resumed=stretch.start is not None and stretch.first > 0 and resumes(stretch.start, seen.first, size),
                mixed=bisect_left(turns, stretch.begin) < bisect_left(turns, stretch.end),
                head=head[1], ending=ending[1], end=Place(file.shown, ending[0]) if ending[0] else None,
                outcome=_outcome(said, since, stretch.end),
            )
        )  # fmt: skip
    first, last = found[0], found[-1]
    if before is not None and first.first and before.last and first.names == before.names:
        start = Start(0, 0, before.last, first.first, 0)
        found[0] = replace(first, resumed=resumes(start, before.first, size))
    outcome = _outcome(_lines(error.said), error.lines - CLOSE, error.lines + 1) if error is not None else ""
    if error is not None and outcome and last.outcome in ("", _VAGUE):
        line, text = error.ending
        found[-1] = replace(found[-1], outcome=outcome, ending=text, end=Place(error.file, line))
    return found


def _parted(seen: Seen) -> tuple[list[Start], list[int]]:
    """Return the first records of all starts, and the lines where counters fall back as two writers take turns."""
    turns = turns_of(seen.starts)
    starts = [start for at, start in enumerate(seen.starts) if at not in turns]
    if seen.records:
        starts.insert(0, Start(0, seen.first_line, (), seen.first, 0))
    back = [start for at, start in enumerate(seen.starts) if at in turns]
    return starts, [] if _ranks(back) else [start.line for start in back]


def _ranks(back: Sequence[Start]) -> bool:
    """Whether the ranks of one job print the same steps, not quite in time: falls come back where others just were."""
    just = sum(
        start.after in {earlier.before for earlier in back[max(0, at - SKEW) : at]} for at, start in enumerate(back)
    )
    return just * 2 > len(back)


def _stretches(seen: Seen, starts: Sequence[Start], lines: int) -> list[_Stretch]:
    """Return the launches of a file: each begins where its first lines come again, or where its counters fall back."""
    records = [start.line for start in starts]
    heads = [line for line in seen.heads if line > 1]
    begins = [1]
    for at, start in enumerate(starts):
        low = starts[at - 1].line if at else 1
        begins += heads[bisect_right(heads, low) : bisect_left(heads, start.line)] or ([start.cut] if at else [])
    begins += heads[bisect_right(heads, records[-1] if records else 1) :]
    begins = sorted(set(begins))
    found = []
    for begin, end in zip(begins, [*begins[1:], lines + 1], strict=True):
        own, following = bisect_left(records, begin), bisect_left(records, end)
        first = starts[own].record if own < len(starts) else seen.records
        last = starts[following].record if following < len(starts) else seen.records
        found.append(_Stretch(begin, end, first, last, starts[own] if own < following else None))
    return found


def _lines(said: Sequence[Said]) -> list[_Line]:
    """Return the numbers of the lines that were heard, with their kind, in the order of the file."""
    return sorted((place.line or 0, one.kind) for one in said for place, _ in one.lines)


def _outcome(said: Sequence[_Line], after: int, end: int) -> str:
    """Return what is told between two lines of how the program ended; whoever stopped it comes before the traceback."""
    told = {kind for _, kind in said[bisect_left(said, (after, "")) : bisect_left(said, (end, ""))]}
    failed = told & failures()
    for kind in ("stopped", *sorted(failed - {_VAGUE}), _VAGUE):
        if kind in told:
            return kind
    return next(iter(sorted(told)), "")


def _texts(file: File, stretches: Sequence[_Stretch], facts: TextFacts) -> list[tuple[_Line, _Line]]:
    """Return the first and the last line of each launch that is not blank; for several the file is read once more."""
    if len(stretches) == 1:
        return [(facts.head, facts.ending)]
    begins = np.array([stretch.begin for stretch in stretches], dtype=np.int64)
    heads: list[_Line] = [(0, "")] * len(begins)
    endings = list(heads)
    at = 0  # the launch that the lines belong to
    try:
        with open_file(file.path) as stream:
            for block in blocks(stream, Damage(file.shown)):
                cuts = np.searchsorted(np.asarray(block.places), begins[at + 1 :]).tolist()
                for number, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(block.rows)], strict=True), at):
                    if low >= len(block.rows):
                        break
                    at = number
                    heads[at] = heads[at] if heads[at][0] else _first(block, low, high)
                    endings[at] = _first(block, high - 1, low - 1) if high > low else endings[at]
    except (InputError, OSError):  # it changed since
        pass
    return list(zip(heads, endings, strict=True))


def _first(block: Block, low: int, high: int) -> _Line:
    """Return the first line from `low` on (backwards if `high` is lower) that is not blank."""
    return spoken_at(block, range(low, high, 1 if high >= low else -1)) or (0, "")
