"""A run as the readers understood it: series, settings, profiler tables and source; nothing here judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from wganlint.evidence import Evidence, Place, Standing, observed
from wganlint.series import Point, Series

if TYPE_CHECKING:  # pandas is imported when somebody asks for a frame, the source model when there is source
    import pandas as pd

    from wganlint.expect import Expectation
    from wganlint.measured import Probe
    from wganlint.source import SourceModel
    from wganlint.trace import Trace

__all__ = [
    "Convention", "Family", "Input", "Launch", "Note", "OpRow", "OpTable", "Pair", "Point", "RoleGuess", "Run", "Said",
    "Series", "Setting", "Stated",
]  # fmt: skip


class Input(Struct, frozen=True):
    """A file that was looked at. `why` says what it gave, or why it was not used."""

    path: str
    kind: str  # "log", "errlog", "events", "source", "table", "settings", "trace", "probe", "other"
    used: bool
    why: str


RESUMED = "training was resumed"  # how a note begins that tells of a resume within a file, at its place


class Note(Struct, frozen=True):
    """Something about an input that the reader must know: damage, a repair, a cut."""

    text: str
    place: Place


class Setting(Struct, frozen=True):
    """A hyper-parameter as an input states it.

    `origin`: "header" (printed at start), "restored" (printed where a checkpoint is loaded), "events" (TensorBoard
    text), "config" (a configuration file). `context` is the rest of the line, lower case, so that `lr` of two
    optimizers can be told apart. `meaning`
    is what `roles.toml` takes the name for ("learning_rate", "penalty_weight", ...), or empty.
    """

    name: str
    value: str
    number: float | None
    place: Place
    quote: str
    origin: str = "header"
    context: str = ""
    meaning: str = ""

    def evidence(self, label: str = "") -> Evidence:
        """Return the line of this setting as quoted evidence."""
        return observed("setting", self.quote, self.place, label or self.name)


class Said(Struct, frozen=True):
    """A line that tells of the program and is no record: out of memory, a traceback, an announced end.

    `kind` is what `roles.toml` calls it. `count` lines of this kind were read in all; of each file the first few and
    the last one are kept, each with the number that it has among them (from 1).
    """

    kind: str
    count: int
    lines: tuple[tuple[Place, str], ...]

    def evidence(self, label: str = "", at: int = 0) -> Evidence:
        """Return one of the kept lines as quoted evidence."""
        place, quote = self.lines[at]
        return observed("log", quote, place, label)


class Launch(Struct, frozen=True):
    """One start of the program, as far as a log shows it; all in the order of time.

    `place` is its first line. `records`: of the form of line with most of them; `names` are their counters, coarse to
    fine, `first` and `last` what they show at its first and last record (empty without records). `resumed`: training
    goes on from about where the launch before left it. `ending` is the last line that it printed, `outcome` the kind of
    `Said` that stands behind its last record (out_of_memory, stopped, finished ...), or empty. `mixed`: its counters
    fall back every few records, as where two processes write one file in turn. `head` is the text of its first line.
    """

    place: Place
    records: int
    names: tuple[str, ...] = ()
    first: tuple[float, ...] = ()
    last: tuple[float, ...] = ()
    resumed: bool = False
    mixed: bool = False
    head: str = ""
    ending: str = ""
    end: Place | None = None
    outcome: str = ""
    own: bool = True  # False: of another run of the same file, told here because this is its first


class Stated(Struct, frozen=True):
    """A value that an input states, with where: `origin` as in `Setting`, or "default" for one in the source."""

    name: str
    value: str
    number: float | None
    origin: str
    evidence: Evidence


class OpRow(Struct, frozen=True):
    """One row of a printed profiler table. Times in seconds, None where the table has no such column."""

    name: str
    kind: str  # "op", "node" (backward), "wrapper", "runtime", "kernel", "annotation", "other"
    calls: int | None
    self_cpu: float | None
    cpu_total: float | None
    self_device: float | None
    device_total: float | None
    cells: dict[str, str]
    cut: bool  # the table shortened the name
    place: Place
    quote: str


class OpTable(Struct, frozen=True):
    """A printed `key_averages().table()`.

    `device` is the word of its device columns (CUDA, XPU, ...) or None. `steps` is the number of `ProfilerStep*`
    calls, None without such a row. `heading` is the nearest text line before the table; `one_step` is the part of
    it that says that the table covers one step. `limited`: rows may be missing (row_limit), so an absent op proves
    nothing. Self times of all rows that are not wrappers add up to the footer where nothing is missing.
    """

    place: Place
    end_line: int
    rows: tuple[OpRow, ...]
    columns: tuple[str, ...]
    device: str | None
    steps: int | None
    heading: str
    heading_place: Place | None
    one_step: str
    limited: bool
    cpu_time: float | None
    device_time: float | None
    damage: str = ""


class RoleGuess(Struct, frozen=True):
    """Which series plays a role, and why it is thought so."""

    role: str
    series: str
    standing: Standing
    why: str


SIGNS = {  # of `Convention`, in formulas
    1: "c = mean(fake) - mean(real) + penalty, g = -mean(fake)",
    -1: "c = mean(real) - mean(fake) + penalty, g = mean(fake)",
}


class Convention(Struct, frozen=True):
    """The sign convention of the critic's loss.

    `sign` +1: c = E[D(fake)] - E[D(real)] + P is minimized and g = -E[D(fake)] (arXiv:1704.00028); -1: both mirrored
    (martinarjovsky/WassersteinGAN); 0: not told.
    """

    sign: int = 0
    standing: Standing = Standing.ASSUMED
    why: str = ""
    evidence: tuple[Evidence, ...] = ()


class Family(Struct, frozen=True):
    """The loss family: wgan-gp, wgan-clip, wgan, hinge, bce, lsgan, not-wasserstein (one of the three) or unknown."""

    name: str = "unknown"
    standing: Standing = Standing.ASSUMED
    why: str = ""
    evidence: tuple[Evidence, ...] = ()


class Pair(Struct, frozen=True):
    """A discriminator with the generator loss that answers it; a run may play several games (D_A, G_A; D_B, G_B).

    `label` tells them apart ("A", "#1"), empty for the only one. `series` maps roles to names of series. The roles
    "one" and "other" are two losses under one name, of which it is not known who has which.
    """

    label: str
    series: dict[str, str]


class Run(Struct, frozen=True):
    """One training run, all attempts and inputs joined."""

    id: str
    root: str
    inputs: tuple[Input, ...] = ()
    series: tuple[Series, ...] = ()
    settings: tuple[Setting, ...] = ()
    tables: tuple[OpTable, ...] = ()
    traces: tuple[Trace, ...] = ()
    source: SourceModel | None = None
    probe: Probe | None = None  # what a live probe measured
    roles: dict[str, RoleGuess] = field(default_factory=dict)
    auxiliary: tuple[str, ...] = ()  # names of the side losses, in file order
    pairs: tuple[Pair, ...] = ()  # the games that are played, each with its series
    convention: Convention = Convention()
    family: Family = Family()
    notes: tuple[Note, ...] = ()
    said: tuple[Said, ...] = ()
    launches: tuple[Launch, ...] = ()  # of a log that holds several runs all of them, with its first run
    expected: tuple[Expectation, ...] = ()  # what must hold on each record, as the user says
    judged: bool = True  # False: starts of training that are too short to be judged, or too many; readable all the same

    def named(self, name: str) -> Series | None:
        """Return the series of this name, or None."""
        return next((s for s in self.series if s.name == name), None)

    def role(self, role: str) -> Series | None:
        """Return the series that plays `role`, or None."""
        guess = self.roles.get(role)
        return self.named(guess.series) if guess else None

    def played(self, pair: Pair, role: str) -> Series | None:
        """Return the series that plays `role` in one of the games, or None."""
        name = pair.series.get(role)
        return self.named(name) if name else None

    def stated(self, meaning: str) -> Iterator[Stated]:
        """Yield what inputs state for a meaning: settings of the log first, then defaults of the source."""
        for setting in self.latest(meaning):
            yield Stated(setting.name, setting.value, setting.number, setting.origin, setting.evidence())
        for default in self.source.defaults if self.source else ():
            if default.meaning == meaning:
                evidence = default.evidence(f"default of {default.name}")
                yield Stated(default.name, default.value, default.number, "default", evidence)

    def latest(self, meaning: str) -> tuple[Setting, ...]:
        """Return the settings of a meaning from the last log that has one (a later attempt may change them).

        What TensorBoard holds is asked where no log states it.
        """
        every = [s for s in self.settings if s.meaning == meaning]
        found = [s for s in every if s.origin != "events"] or every
        return tuple(s for s in found if s.place.file == found[-1].place.file)

    def number(self, meaning: str) -> Stated | None:
        """Return the first number that is stated for a meaning, or None."""
        return next((stated for stated in self.stated(meaning) if stated.number is not None), None)

    def frame(self) -> pd.DataFrame:
        """Return all kept points as a pandas frame, series after series.

        Columns: series, role, file (categories), step, value (float64), text, line (Int64, missing where the input has
        no lines). Of a series that is `folded` not every point is kept; `wganlint inspect --csv` writes all.
        """
        import pandas as pd

        sizes = [len(series.values) for series in self.series]
        role_of = {guess.series: role for role, guess in self.roles.items()}
        roles = [role_of.get(series.name, "") for series in self.series]
        files = list(dict.fromkeys(file for series in self.series for file in series.files))
        code_of = {file: code for code, file in enumerate(files)}
        codes = [np.array([code_of[file] for file in series.files])[series.file_of] for series in self.series]
        lines = _joined([series.lines for series in self.series], np.int64)
        kinds = list(dict.fromkeys(roles))
        names = pd.Index([series.name for series in self.series], dtype=object)
        played = np.array([kinds.index(role) for role in roles], dtype=np.int64)
        return pd.DataFrame(
            {
                "series": pd.Categorical.from_codes(np.repeat(np.arange(len(sizes)), sizes), categories=names),
                "role": pd.Categorical.from_codes(np.repeat(played, sizes), categories=pd.Index(kinds, dtype=object)),
                "step": _joined([series.steps for series in self.series], np.float64),
                "value": _joined([series.values for series in self.series], np.float64),
                "text": [text for series in self.series for text in series.texts],
                "file": pd.Categorical.from_codes(_joined(codes, np.int64), categories=pd.Index(files, dtype=object)),
                "line": pd.arrays.IntegerArray(lines, lines <= 0),
            }
        )


def _joined(parts: list[Any], kind: type) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)
