"""Rows of a table, whatever it is written in, become series: step, runs, splits; part of read/columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from wganlint.builder import Chunk, SeriesBuilder
from wganlint.evidence import Place
from wganlint.read.rows import Rows as Lines
from wganlint.read.tokens import step_rank
from wganlint.run import Note
from wganlint.series import Floats, Ints
from wganlint.texts import Objects, Picked, Texts, pick, strings

DECIDE_AT = 64  # rows that tell which column is the step and which tell runs apart
SERIES = 2_000  # of one table
RUNS = 200  # of one table
QUOTE = 400  # characters of a row that are quoted
LISTED = 20  # restarts listed
_INDEX = frozenset({"", "unnamed: 0", "index", "row", "column 1"})
_RUNS = frozenset({
    "run", "run_id", "runid", "run_name", "run_uuid", "run_number", "run_no", "seed", "random_seed", "fold", "trial",
    "trial_id", "trial_name", "experiment", "experiment_id", "experiment_name", "exp", "exp_id", "exp_name",
    "replicate", "repeat", "repetition", "attempt", "job_id",
})  # fmt: skip
_SPLITS = frozenset({"mode", "phase", "split", "stage", "subset", "partition", "set"})
_TAGS = frozenset({"tag", "metric", "metric_name", "key", "variable", "name", "series", "quantity"})
_VALUES = frozenset({"value", "val", "metric_value", "scalar", "y"})
_TRAIN = frozenset({"train", "training", ""})


class Column(Struct):
    """The numbers of one column in a batch of rows. `rows`: which rows have one; `starts` 1-based, 0 unknown."""

    rows: Ints
    values: Floats
    texts: Sequence[str] | Texts
    starts: Ints
    lines: Ints | None = None  # where they are not those of the rows
    unit: str = ""
    quotes: Sequence[str] | None = None  # where they are not those of the rows


class Rows(Struct):
    """A batch of consecutive rows. `words`: the cells of columns that may tell runs, splits or metrics apart."""

    lines: Ints
    quotes: Sequence[str] | Objects
    columns: dict[str, Column]
    words: dict[str, Sequence[str]] = field(default_factory=dict)
    longest: int = -1  # characters of the longest quote, where known


def is_label(name: str) -> bool:
    """Whether the cells of a column of this name may tell runs, splits or metrics apart."""
    return plain(name) in _RUNS | _SPLITS | _TAGS


def plain(name: str) -> str:
    """Return a column's name as names are compared: its last part in lower case, blanks as underscores."""
    return name.rpartition("/")[2].strip().lower().strip("_").replace(" ", "_").replace("-", "_")


def rank(name: str) -> int | None:
    """Return how fine a step a column of this name counts (0 is the finest), or None."""
    return step_rank(plain(name))


class Sheet:
    """Takes the rows of one table in the order of the file and keeps one series for each column and run."""

    def __init__(self, shown: str, form: str, *, named: Callable[[str], str] = str) -> None:
        self.shown, self.form = shown, form
        self.runs: dict[tuple[str, ...], dict[str, SeriesBuilder]] = {}
        self.step: str | None = None
        self.notes: list[Note] = []
        self.rows = 0
        self.last_step = np.nan
        self._named = named  # key of the series of a column
        self._held: list[Rows] = []
        self._decided = False
        self._labels: list[str] = []  # columns that tell runs apart
        self._split: str | None = None
        self._tag: str | None = None
        self._value = ""
        self._plain_index = ""  # a column that only counts rows
        self._last: dict[tuple[str, ...], float] = {}
        self._restarts = 0
        self._dropped: set[str] = set()

    def take(self, rows: Rows) -> None:
        """Add rows."""
        if not len(rows.lines):
            return
        self.rows += len(rows.lines)
        if self._decided:
            self._feed(rows)
            return
        self._held.append(rows)
        if self.rows >= DECIDE_AT:
            self._decide()

    def begin(self, shown: str) -> None:
        """Go on with the next file."""
        self.finish()
        self.shown = shown

    def finish(self) -> None:
        """Feed what was held back, and say what was left out."""
        if not self._decided and self._held:
            self._decide()
        if self._restarts > LISTED:
            more = self._restarts - LISTED
            self.notes.append(Note(f"training starts again at {more} more places", Place(self.shown)))
            self._restarts = 0
        if self._dropped:
            text = f"{len(self._dropped)} columns or runs were not read: more than {SERIES} series or {RUNS} runs"
            self.notes.append(Note(text, Place(self.shown)))
            self._dropped.clear()

    def by_run(self) -> dict[str, list[SeriesBuilder]]:
        """Return the series of each run; a table that holds one run has it under an empty name."""
        runs = {key: list(series.values()) for key, series in self.runs.items() if series}
        if len(runs) < 2:
            return {"": next(iter(runs.values()))} if runs else {}
        vary = [at for at in range(len(self._labels)) if len({key[at] for key in runs}) > 1]
        names = {key: " ".join(f"{self._labels[at]}={key[at]}" for at in vary) for key in runs}
        return {names[key]: series for key, series in runs.items()}

    # -- what the columns are, told by the first rows

    def _decide(self) -> None:
        self._decided = True
        held, self._held = self._held, []
        words: dict[str, list[str]] = {}
        for rows in held:
            for name, texts in rows.words.items():
                words.setdefault(name, []).extend(texts)
        count = sum(len(rows.lines) for rows in held)
        full = {name: texts for name, texts in words.items() if len(texts) == count}
        for name, texts in full.items():
            self._tell(name, texts, {name for rows in held for name in rows.columns})
        with np.errstate(invalid="ignore"):  # a step may be infinite
            self._choose_step(held, full)
        for rows in held:
            self._feed(rows)

    def _tell(self, name: str, texts: list[str], numeric: set[str]) -> None:
        """Take a column of words as what tells runs, splits or metrics apart, if its cells come again."""
        kinds = len(set(texts))
        again = kinds * 2 <= len(texts) or kinds == 1
        if not again:
            return
        filled = sum(map(bool, texts)) >= 0.9 * len(texts)
        if plain(name) in _RUNS and filled:
            self._labels.append(name)
        elif plain(name) in _SPLITS and name not in numeric and kinds <= 8:
            self._split = self._split or name
        elif plain(name) in _TAGS and filled and name not in numeric and self._tag is None:
            value = [column for column in numeric if plain(column) in _VALUES]
            if len(value) == 1:
                self._tag, self._value = name, value[0]

    def _choose_step(self, held: list[Rows], words: dict[str, list[str]]) -> None:
        names = list(dict.fromkeys(name for rows in held for name in rows.columns))
        apart = [words[name] for name in [*self._labels, self._split, self._tag] if name]
        order, same = _apart(apart)
        ranked = sorted((r, at, name) for at, name in enumerate(names) if (r := rank(name)) is not None)
        columns = {name: _whole(name, held) for _, _, name in ranked}
        for at, (_, _, name) in enumerate(ranked):
            column = columns[name]
            known = np.isfinite(column)
            change = np.diff(column[order])[same] if apart else np.diff(column)
            if known.mean() < 0.8 or (len(column) > 2 and not np.any(change[np.isfinite(change)])):
                continue
            backs = np.flatnonzero((np.diff(column[order]) < 0) & same if apart else np.diff(column) < 0)
            coarse = [columns[other][order] if apart else columns[other] for _, _, other in ranked[at + 1 :]]
            anew = sum(any(other[b + 1] > other[b] for other in coarse) for b in backs.tolist())
            if not len(backs) or anew * 2 <= len(backs):
                self.step = name
                break
        for name in names[:1]:
            if plain(name) in _INDEX and self.rows > 1:
                column = _whole(name, held)
                if np.array_equal(column, column[0] + np.arange(len(column))) and column[0] in (0, 1):
                    if self.step is None and plain(name) != "column_1":
                        self.step = name
                    self._plain_index = name

    # -- rows into series

    def _feed(self, rows: Rows) -> None:
        count = len(rows.lines)
        steps = np.full(count, np.nan)
        step = rows.columns.get(self.step) if self.step is not None else None
        if step is not None:
            steps[step.rows] = step.values
        apart = [*self._labels, *([self._split] if self._split else []), *([self._tag] if self._tag else [])]
        if not apart:
            self._part((), "", "", rows, steps, None)
            return
        blank = [""] * count
        kinds = [set(rows.words.get(name, blank)) for name in apart]
        if all(len(words) == 1 for words in kinds):  # the usual batch
            key = tuple(word for words in kinds for word in words)
            split, tag = key[len(self._labels)] if self._split else "", key[-1] if self._tag else ""
            self._part(key[: len(self._labels)], split, tag, rows, steps, None)
            return
        keys = list(zip(*(rows.words.get(name, blank) for name in apart), strict=True))
        parts: dict[tuple[str, ...], list[int]] = {}
        for at, key in enumerate(keys):
            parts.setdefault(key, []).append(at)
        runs = len(self._labels)
        for key, places in parts.items():
            split = key[runs] if self._split else ""
            tag = key[-1] if self._tag else ""
            self._part(key[:runs], split, tag, rows, steps, np.array(places, dtype=np.int64))

    def _part(self, run: tuple[str, ...], split: str, tag: str, rows: Rows, steps: Floats, places: Ints | None) -> None:
        """Feed the rows of one run, split and metric; `places` are their numbers in the batch, None for all."""
        self._watch((*run, split, tag), rows, steps, places)
        if run not in self.runs and len(self.runs) >= RUNS:
            self._dropped.add(" ".join(run))
            return
        series = self.runs.setdefault(run, {})
        mask = None
        if places is not None:
            mask = np.zeros(len(rows.lines), dtype=np.bool_)
            mask[places] = True
        for name, column in rows.columns.items():
            if name == self.step or name in self._labels or name == self._plain_index:
                continue
            key = tag if tag and name == self._value else name
            if split.lower() not in _TRAIN:
                key = f"{split}/{key}"
            chosen: slice | Ints = slice(None)
            texts = column.texts
            if mask is not None:
                at = np.flatnonzero(mask[column.rows])
                if not len(at):
                    continue
                chosen, texts = at, _chosen(column.texts, at)
            here = column.rows[chosen]
            self._extend(series, key, column, here, chosen, texts, rows, steps)

    def _extend(
        self, series: dict[str, SeriesBuilder], key: str, column: Column, here: Ints, chosen: slice | Ints,
        texts: Sequence[str] | Texts, rows: Rows, steps: Floats,
    ) -> None:  # fmt: skip
        builder = series.get(key)
        if builder is None:
            if sum(len(one) for one in self.runs.values()) >= SERIES:
                self._dropped.add(key)
                return
            step = None if self.step is None else (plain(self.step) or "row")
            builder = series[key] = SeriesBuilder(
                self._named(key), form=self.form, kind="table", step_key=step, unit=column.unit
            )
        lines = rows.lines[here] if column.lines is None else column.lines[chosen]
        if column.quotes is not None:
            quotes: Sequence[str] = [column.quotes[i] for i in np.arange(len(column.rows))[chosen].tolist()]
        elif isinstance(rows.quotes, Lines):  # only those of the points that are kept become text
            quotes = Picked(rows.quotes, here)
        elif len(here) == len(rows.quotes) and not isinstance(rows.quotes, np.ndarray):
            quotes = rows.quotes
        else:
            quotes = pick(rows.quotes, here)
        starts = column.starts[chosen]
        if not 0 <= rows.longest <= QUOTE or column.quotes is not None:
            quotes, starts = excerpts(quotes, starts, strings(texts))
        builder.extend(Chunk(steps[here], column.values[chosen], texts, lines, starts, quotes, self.shown))

    def _watch(self, key: tuple[str, ...], rows: Rows, steps: Floats, places: Ints | None) -> None:
        """Note where the step goes back."""
        if self.step is None:
            return
        mine = steps if places is None else steps[places]
        before = np.concatenate([[self._last.get(key, np.nan)], mine[:-1]])
        for at in np.flatnonzero(mine < before).tolist():
            self._restarts += 1
            if self._restarts <= LISTED:
                line = int(rows.lines[at if places is None else int(places[at])])
                text = f"{plain(self.step) or 'row'} falls from {before[at]:.15g} to {mine[at]:.15g}"
                self.notes.append(Note(f"training starts again: {text}", Place(self.shown, line or None)))
        known = mine[np.isfinite(mine)]
        if len(known):
            self._last[key] = self.last_step = float(known[-1])


def _chosen(texts: Sequence[str] | Texts, at: Ints) -> Sequence[str] | Texts:
    return texts[at] if isinstance(texts, np.ndarray) else [texts[i] for i in at.tolist()]


def _apart(words: list[list[str]]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return an order of rows in which those of one run, split and metric stand together, and which neighbors do."""
    if not words:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    numbers: dict[tuple[str, ...], int] = {}
    ids = np.array([numbers.setdefault(key, len(numbers)) for key in zip(*words, strict=True)], dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    return order, ids[order][1:] == ids[order][:-1]


def _whole(name: str, held: Iterable[Rows]) -> Floats:
    """Return a column over all held rows, NaN where a row has no number."""
    parts = []
    for rows in held:
        part = np.full(len(rows.lines), np.nan)
        if name in rows.columns:
            part[rows.columns[name].rows] = rows.columns[name].values
        parts.append(part)
    return np.concatenate(parts)


def excerpts(quotes: Sequence[str], starts: Ints, texts: Sequence[str]) -> tuple[Sequence[str], Ints]:
    """Cut rows that are too long to quote around their value; then no column can be shown."""
    if not quotes or len(max(quotes, key=len)) <= QUOTE:
        return quotes, starts
    cut, columns = list(quotes), starts.copy()
    for at, quote in enumerate(cut):
        if len(quote) <= QUOTE:
            continue
        begin = max(int(starts[at]) - 1, 0)
        end = begin + len(texts[at])
        if starts[at] <= 0:
            cut[at] = texts[at][:QUOTE]
        elif end <= QUOTE:
            cut[at] = quote[:QUOTE]
        else:
            low = max(0, begin - 150)
            cut[at] = f"{quote[:150]} ... {quote[low : low + QUOTE - 155]}"
            columns[at] = 0
    return cut, columns


def form_of(shown: str) -> str:
    """Return the form that the series of a table file share: its name."""
    return PurePosixPath(shown).name
