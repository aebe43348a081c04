"""The event files of one run, one after the other, become its series and settings; the way into read/events.

Where a run has several files they are looked through first: which were resumed, which were written side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from wganlint.builder import SeriesBuilder
from wganlint.evidence import Place
from wganlint.read.attempts import File
from wganlint.read.events.layouts import Decoder, Tag
from wganlint.read.events.records import Records
from wganlint.read.events.series import TagSet
from wganlint.read.events.stated import settings_of
from wganlint.read.opening import damage_of, open_file
from wganlint.run import Note, Setting

NOTES = 20  # places of damage named per file
SETTINGS = 1_000  # kept per file
ROUGH = "means of histograms are taken from their buckets: good to half a bucket"


class FileFacts(Struct, frozen=True):
    """What one file gave: points of its longest series, series, settings; or why it could not be read."""

    shown: str
    records: int = 0
    series: int = 0
    settings: int = 0
    error: str = ""


class EventFacts(Struct):
    """What the event files of a run gave."""

    series: list[SeriesBuilder] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    files: list[FileFacts] = field(default_factory=list)


class _Survey(Struct):
    """What a first look at a file gave: the lowest and highest step of each tag, its session starts and time stamps."""

    file: File
    steps: dict[Tag, tuple[float, float]] = field(default_factory=dict)
    counts: dict[Tag, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    walls: tuple[float, float] = (0.0, 0.0)

    @property
    def folder(self) -> PurePosixPath:
        """The folder of the file."""
        return PurePosixPath(self.file.shown).parent

    def stepless(self, tag: Tag) -> bool:
        """Whether all of several records of a tag stand at step 0."""
        return self.counts[tag] > 1 and self.steps[tag] == (0.0, 0.0)


def read_events(file: BinaryIO, shown: str) -> tuple[list[SeriesBuilder], list[Setting], list[Note]]:
    """Read one event file that is open for reading bytes; `shown` is its path as places should name it.

    Returns the series (named by their tags, every point in the order of the file), the settings that its texts and
    hyper-parameters state, and notes on what is damaged or was passed over. Values are float32 as a rule and their
    texts the shortest that name the float32. Places have no line. What is not an event file gives a note and nothing
    else.
    """
    facts, tags = EventFacts(), TagSet()
    _read(file, shown, tags, facts, {}, {})
    _finish(tags, facts, shown)
    return facts.series, facts.settings, facts.notes


def read_event_files(files: Sequence[File]) -> EventFacts:
    """Read the event files of one run.

    A file that goes on where an earlier one was (a resumed run) takes over from its first step on, tag by tag, and at
    the step of a session's start for all tags: TensorBoard's rule. Folders that were written at the same time and
    share tags (`train/`, `validation/`) keep series of their own.
    """
    facts, tags = EventFacts(), TagSet()
    surveys = [_survey(file) for file in files] if len(files) > 1 else [_Survey(file) for file in files]
    surveys.sort(key=lambda one: (one.walls, one.file.shown))
    names = _names(surveys)
    for one, below in zip(surveys, _taken_over(surveys, names), strict=True):
        _open(one.file, tags, facts, below, names.get(one.folder, {}))
    given = {file.shown: at for at, file in enumerate(files)}
    facts.files.sort(key=lambda one: given[one.shown])
    if files:
        _finish(tags, facts, surveys[-1].file.shown)
    return facts


def _open(file: File, tags: TagSet, facts: EventFacts, below: Mapping[Tag, float], names: Mapping[Tag, str]) -> None:
    try:
        with open_file(file.path) as stream:
            _read(stream, file.shown, tags, facts, below, names)
            if damage := damage_of(stream):
                facts.notes.append(Note(damage, Place(file.shown)))
    except OSError as error:
        facts.files.append(FileFacts(file.shown, error=(error.strerror or str(error)).lower()))


def _read(
    stream: BinaryIO, shown: str, tags: TagSet, facts: EventFacts, below: Mapping[Tag, float], names: Mapping[Tag, str]
) -> None:
    """Read one file into the tags of the run; `below` has the step at which a later file takes over each tag."""
    damage = _Damage(shown)
    decoder = Decoder(damage.note)
    settings: dict[tuple[str, str, str], Setting] = {}
    counts: dict[Tag, int] = {}
    superseded = stated = 0
    for batch in Records(stream, damage.note).batches():
        parts, texts = decoder.decode(batch)
        for tag, part in parts.items():
            counts[tag] = counts.get(tag, 0) + len(part)
        superseded += tags.take(shown, parts, below, names)
        for value in texts:
            for setting in settings_of(value, shown) if stated < SETTINGS else ():
                stated += 1
                settings.setdefault((setting.name, setting.value, setting.context), setting)
    place = Place(shown)
    facts.notes += damage.notes()
    if superseded:
        facts.notes.append(Note(f"{superseded} points were replaced by a later file that starts before them", place))
    if decoder.rough:
        facts.notes.append(Note(ROUGH, place))
    if decoder.passed:
        passed = ", ".join(f"{count} {name}" for name, count in decoder.passed.most_common(10))
        facts.notes.append(Note(f"passed over: {passed}", place))
    if stated >= SETTINGS:
        facts.notes.append(Note(f"only the first {SETTINGS} settings of its texts were kept", place))
    if not counts and not damage.count:
        facts.notes.append(Note("no scalars in it", place))
    facts.settings += settings.values()
    facts.files.append(FileFacts(shown, max(counts.values(), default=0), len(counts), len(settings)))


def _finish(tags: TagSet, facts: EventFacts, shown: str) -> None:
    facts.series = tags.finish()
    facts.notes += [Note(text, Place(shown)) for text in tags.told()]
    if tags.left_out:
        left = ", ".join(f"{count} {name}" for name, count in tags.left_out.items())
        facts.notes.append(Note(f"too many tags, left out: {left}", Place(shown)))


class _Damage:
    """Notes on damage; of many the first are named and the rest counted."""

    def __init__(self, shown: str) -> None:
        self.shown, self.count = shown, 0
        self._texts: list[str] = []

    def note(self, text: str) -> None:
        self.count += 1
        if self.count <= NOTES:
            self._texts.append(text)

    def notes(self) -> list[Note]:
        more = [f"{self.count - NOTES} further places of damage"] if self.count > NOTES else []
        return [Note(text, Place(self.shown)) for text in self._texts + more]


# -- several files


def _survey(file: File) -> _Survey:
    """Look through a file; what is damaged or cannot be read is told when it is read."""
    one = _Survey(file)
    decoder = Decoder(lambda text: None)
    try:
        with open_file(file.path) as stream:
            for batch in Records(stream, lambda text: None).batches():
                for tag, part in decoder.decode(batch)[0].items():
                    low, high = part.span()
                    known = one.steps.get(tag, (low, high))
                    one.steps[tag] = min(low, known[0]), max(high, known[1])
                    one.counts[tag] = one.counts.get(tag, 0) + len(part)
    except OSError:
        return one
    one.starts = decoder.starts
    one.walls = decoder.walls or one.walls
    return one


def _taken_over(surveys: Sequence[_Survey], names: Mapping[PurePosixPath, Mapping[Tag, str]]) -> list[dict[Tag, float]]:
    """Return for each file and each of its tags the step at which a later file of the same series takes over."""
    lowest: dict[Tag, float] = {}  # of the files looked at so far, the last one first
    started: dict[PurePosixPath, float] = {}
    below: list[dict[Tag, float]] = []
    for one in reversed(surveys):
        renamed = names.get(one.folder, {})
        known = {tag: Tag(renamed.get(tag, tag.name), tag.form) for tag in one.steps if not one.stepless(tag)}
        session = started.get(one.folder, np.inf)
        until = {tag: min(lowest.get(series, np.inf), session) for tag, series in known.items()}
        below.append({tag: step for tag, step in until.items() if step <= one.steps[tag][1]})
        for tag, series in known.items():
            lowest[series] = min(lowest.get(series, np.inf), one.steps[tag][0])
        started[one.folder] = min([session, *map(float, one.starts)])
    return below[::-1]


def _names(surveys: Sequence[_Survey]) -> dict[PurePosixPath, dict[Tag, str]]:
    """Return names for the tags that several folders carry which were written at the same time, by folder.

    Folders that follow one another in time are attempts of one run: their tags keep their names, and are joined.
    """
    walls: dict[PurePosixPath, tuple[float, float]] = {}
    carriers: dict[Tag, dict[PurePosixPath, None]] = {}
    for one in surveys:
        first, last = walls.get(one.folder, one.walls)
        walls[one.folder] = min(first, one.walls[0]), max(last, one.walls[1])
        for tag in one.steps:
            carriers.setdefault(tag, {})[one.folder] = None
    names: dict[PurePosixPath, dict[Tag, str]] = {}
    for tag, folders in carriers.items():
        if not _at_once([walls[folder] for folder in folders]):
            continue
        groups: dict[str, list[tuple[float, float]]] = {}
        for folder in folders:
            groups.setdefault(folder.name, []).append(walls[folder])
        plain = not any(_at_once(group) for group in groups.values())
        for folder in folders:
            nested = str(folder.parent) == tag.name or str(folder.parent).endswith(f"/{tag.name}")
            name = folder.name if plain and not nested else str(folder)
            names.setdefault(folder, {})[tag] = joined(name, tag.name)
    return names


def _at_once(spans: Sequence[tuple[float, float]]) -> bool:
    """Whether two spans of time overlap."""
    ordered = sorted(spans)
    return any(after[0] < before[1] for before, after in pairwise(ordered))


def joined(folder: str, tag: str) -> str:
    """Return `train/loss` for a tag in a folder; `loss/critic` where `add_scalars` made the folder `loss_critic`."""
    above, _, curve = folder.rpartition("/")
    if above == tag or above.endswith(f"/{tag}"):  # TensorBoard's own layout: loss/critic
        return f"{tag}/{curve}"
    stem = tag.replace("/", "_") + "_"
    if folder.startswith(stem) and len(folder) > len(stem):
        return f"{tag}/{folder.removeprefix(stem)}"
    return f"{folder}/{tag}" if folder not in {"", "."} else tag
