"""What one JSON file gives: records in sheets, and scalars that are none; part of read/columns."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from wganlint.evidence import Place
from wganlint.read.json_walk import Path
from wganlint.read.sheet import Sheet, form_of
from wganlint.run import Note

WIDEST = 4_000  # numbers of one record
CONFIG = r"(?:config|cfg|args|hparams|params|hyper_?param\w*|settings|options|opts?)"  # what configuration stands under


class Told(Struct, frozen=True):
    """A scalar that is no record of training: a setting, maybe."""

    path: Path
    value: str
    line: int
    column: int
    quote: str


class Records:
    """Gathers the sheets of one JSON file, and what is no record into `told`. `names`: of columns without any."""

    def __init__(self, shown: str, names: Sequence[str] = ()) -> None:
        self.shown = shown
        self.names = tuple(names)
        self.notes: list[Note] = []
        self.told: list[Told] = []
        self.sheets: dict[str, Sheet] = {}
        self.rows = 0
        self.bad = 0  # lines that are no record
        self.first_bad = 0

    def sheet(self, where: str) -> Sheet:
        """Return the sheet for records under this path."""
        if where not in self.sheets:
            form = form_of(self.shown) + (f" {where}" if where and self.sheets else "")
            self.sheets[where] = Sheet(self.shown, form)
        return self.sheets[where]

    def finish(self) -> None:
        """Say what the sheets have to say, and how much was left out."""
        for sheet in self.sheets.values():
            sheet.finish()
            self.notes += sheet.notes
        if self.bad:
            what = "1 line is no JSON record" if self.bad == 1 else f"{self.bad} lines are no JSON records"
            self.notes.append(Note(f"{what} and was left out" if self.bad == 1 else f"{what} and were left out",
                                   Place(self.shown, self.first_bad)))  # fmt: skip


def names_of(paths: Sequence[Path]) -> dict[Path, str | None]:
    """Return the names of series for the numbers of a record; `{num, mean, std}` is one quantity with its spread."""
    inner: dict[Path, set[str | int]] = {}
    for path in paths:
        inner.setdefault(path[:-1], set()).add(path[-1])
    names: dict[Path, str | None] = {}
    taken: set[str] = set()
    for path in paths:
        if path in names:
            continue
        name: str | None = "/".join(map(str, path))
        if len(path) > 1 and inner[path[:-1]] == {"num", "mean", "std"}:
            above = "/".join(map(str, path[:-1]))
            name = {"mean": above, "std": f"{above}/std"}.get(str(path[-1]))
        if name in taken:
            name = None  # `{"a/b": 1, "a": {"b": 2}}`: the first counts
        if name is not None:
            taken.add(name)
        names[path] = name
    return names
