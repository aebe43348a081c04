"""What was read and how it was understood, as plain data: `describe` fills it, renderers read it and no more."""

from __future__ import annotations

from msgspec import Struct

from wganlint.evidence import Place, Standing
from wganlint.finding import InputSummary


class Record(Struct, frozen=True):
    """One record of a series: its step (None where the line has none), value, text as printed, and place."""

    step: float | None
    value: float
    text: str
    place: Place


class SeriesView(Struct, frozen=True):
    """One series and how it was understood.

    `points` counts all records of the input, `kept` those that are held in memory; first, last, lowest, highest and
    the first that is not finite are exact. `backs` counts where the step goes back (restarts, or a step that counts
    within an epoch), among kept points.
    """

    name: str
    key: str
    form: str
    kind: str
    role: str
    role_why: str
    role_standing: Standing | None
    step_key: str
    least_step: float | None
    most_step: float | None
    backs: int
    points: int
    kept: int
    first: Record
    last: Record
    lowest: Record | None
    highest: Record | None
    nonfinite: int
    first_nonfinite: Record | None
    stuck: Record | None  # the first of a stretch without finite values that lasts to the end
    stuck_at_once: bool  # and that is the first one that is not finite at all
    files: tuple[str, ...]
    also_in: tuple[str, ...]
    thumbnail: tuple[float, ...]


class SettingView(Struct, frozen=True):
    """A setting as an input states it. `meaning` is what its name was taken to mean, or empty."""

    name: str
    value: str
    meaning: str
    origin: str
    place: Place
    quote: str


class TableView(Struct, frozen=True):
    """A printed profiler table: its lines, device, profiled steps (None: it does not say) and rows."""

    place: Place
    end_line: int
    rows: int
    steps: int | None
    device: str
    heading: str
    limited: bool
    damage: str


class TraceView(Struct, frozen=True):
    """A profiler trace: its file and its figures, name and text."""

    file: str
    facts: tuple[tuple[str, str], ...]


class RunView(Struct, frozen=True):
    """One run as it was understood."""

    id: str
    root: str
    inputs: tuple[InputSummary, ...]
    family: str
    family_why: str
    family_standing: Standing
    convention: str
    convention_why: str
    convention_standing: Standing
    series: tuple[SeriesView, ...]
    settings: tuple[SettingView, ...]
    tables: tuple[TableView, ...]
    traces: tuple[TraceView, ...]
    source: tuple[tuple[str, int], ...]  # what the source says: kind and count
    notes: tuple[tuple[str, Place], ...]

    @property
    def empty(self) -> bool:
        """Whether nothing of use was found."""
        return not any(one.used for one in self.inputs)


class Inspection(Struct, frozen=True):
    """All runs that were found."""

    version: str
    runs: tuple[RunView, ...]

    @property
    def empty(self) -> bool:
        """Whether no run holds anything of use."""
        return all(run.empty for run in self.runs)
