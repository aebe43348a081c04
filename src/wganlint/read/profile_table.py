"""Printed `key_averages().table()` texts inside a log become `OpTable`s; on the way from files to a `Run`.

The text reader offers every line; what belongs to a table is taken here and never read as a metric. A table
is known by its header text (`Name` ... `# of Calls`) beside runs of dashes, so all eras and devices are read
by one rule: columns are mapped by their header, cells are cut at the dash runs, or at two blanks where one
overflows.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import combinations, pairwise

from msgspec import Struct, field

from wganlint.evidence import Place
from wganlint.late import late
from wganlint.read.kept import TABLES, Kept, Numbered, Passed
from wganlint.read.opnames import kind_of
from wganlint.run import Note, OpRow, OpTable

ROWS = 20_000  # kept per table
LONGEST = 50_000  # characters of a line that may still be a table's
COLUMNS = 64  # of a table; torch prints at most 21
FOREIGN = 3  # lines of other output in a row that end an unfinished table
CLOSE = 0.005  # share of the footer's time that rounding may hide before a sum proves nothing
FINE = 20e-6  # seconds of rounding under which a sum is proof even at a round number of rows

_RUN = late(r"-{3,}")
_GAP = late(r"\s{2,}|\t")
_BORDER = " \t\r\n│┃|"
_TEXT = {"Overload Name", "Input Shapes", "Source Location", "Calling Stack Tree"}
_STACK = {"Source Location", "Calling Stack Tree"}
_CALLS = {"# of Calls", "Number of Calls"}
_COUNT = "[0-9]{1,15}"
_SCALE = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1.0}
_TIME = late(r"([-+]?\d{1,15}(?:\.(\d{1,15}))?)([nuµ\u03bcm]?s)")
_NUMBER = late(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?(?:%| ?[KMGTP]?i?[Bb]|[nuµ\u03bcm]?s)?|[-+]?(?:nan|NaN|inf)%?|--")
_SHARE = late(r"[-+]?\d+(?:\.\d+)?%|NaN|0")
_STUMP = late(r"[-+]?\d*\.?\d*(?:%|[a-zA-Z]{0,2})")
_FOOTER = late(r"(?:Self )?(\S+) time total:\s*(\S+)")
_RULE = late(r"[\s=\-#*~_+|│─═]*")
_TOP_LEVEL = "This report only display top-level ops"


# -- finding tables ------------------------------------------------------------------


class _Dashes(Struct, frozen=True):
    """A line of dash runs: where each run starts and stops, and whether bars (Markdown) divide them."""

    number: int
    line: str
    prefix: int
    spans: tuple[tuple[int, int], ...]
    bars: bool


class TableReader:
    """Takes the lines of one file in order and picks the profiler tables out of them.

    `inside` is true while a table is open or about to open. While it is false, a line without `---` changes
    nothing but the memory of the last lines, from which the heading of the next table is taken.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.tables: list[OpTable] = []  # once the file is finished
        self.last: OpTable | None = None  # the table that was closed last, unless it was passed
        self._kept = Kept()
        self.notes: list[Note] = []
        self.inside = False
        self._recent: deque[tuple[int, str]] = deque(maxlen=8)
        self._pending: _Dashes | None = None
        self._draft: _Draft | None = None
        self._end = 0  # last line of the table before

    def feed(self, number: int, line: str) -> bool:
        """Offer the next line (1-based number, no newline, no ANSI codes); True if it belongs to a table."""
        if not self.inside and "---" not in line:
            self._recent.append((number, line))
            return False
        if self._draft is not None:
            return self._continue(self._draft, number, line)
        return self._search(number, line)

    @property
    def closed(self) -> int:
        """Tables so far, kept or not."""
        return self._kept.closed

    def skip(self, passed: Passed, end: int) -> None:
        """Take whole tables, of which the last ends at line `end`, without reading them; none may be open."""
        self._recent.clear()
        self._pending, self.inside, self._end, self.last = None, False, end, None
        self._kept.pass_by(passed)

    def settle(self) -> None:
        """Copy what is kept of a block before it goes."""
        self._kept.settle()

    def finish(self) -> None:
        """End of file: a table that is still open is closed as cut; `tables` are those that were kept."""
        if self._draft is not None:
            self._close(self._draft)
        self.tables += self._kept.tables(self._read)
        dropped = self._kept.closed - len(self.tables)
        if dropped:
            text = f"{dropped} profiler tables in the middle of the file were counted but not kept"
            self.notes.append(Note(text, Place(self.file)))
        self._kept, self.last = Kept(), None

    def _read(self, lines: Iterator[Numbered]) -> list[OpTable]:
        """Return the tables of some lines."""
        reader = TableReader(self.file)
        for number, line in lines:
            reader.feed(number, line)
        reader.finish()
        return reader.tables

    def _search(self, number: int, line: str) -> bool:
        pending, self._pending, self.inside = self._pending, None, False
        if pending is not None and is_header(line):
            return self._open(pending.number, number, line, pending)
        dashes = _dashes(number, line)
        if dashes is not None and self._recent and is_header(self._recent[-1][1]):
            first, header = self._recent.pop()
            self._open(first, first, header, None)
            if self._draft is not None:
                self._draft.take(number, line)
                return True
        self._recent.append((number, line))
        if dashes is None:
            return False
        self._pending, self.inside = dashes, True
        return not line[: dashes.prefix].strip()

    def _open(self, first: int, number: int, header: str, dashes: _Dashes | None) -> bool:
        columns = _columns(header)
        if columns is None:
            self._recent.append((number, header))
            return False
        draft = _Draft(self.file, first, number, columns)
        if dashes is not None:
            draft.align(dashes)
        draft.heading, draft.heading_place, draft.top_level = self._heading(first)
        self._draft, self._pending, self.inside = draft, None, True
        return True

    def _heading(self, first: int) -> tuple[str, Place | None, bool]:
        """Return the nearest text line within three lines above `first`; drawn rules do not count."""
        top_level, lowest = False, first - 3
        for number, line in reversed(self._recent):
            if number >= first:
                continue
            if number < lowest or number <= self._end:
                break
            text = line.strip()
            if not text:
                continue
            if _TOP_LEVEL in text:
                top_level, lowest = True, lowest - 1
            elif _RULE.fullmatch(text):
                lowest -= 1
            else:
                column = line.index(text) + 1
                return text, Place(self.file, number, column, column + len(text)), top_level
        return "", None, top_level

    def _continue(self, draft: _Draft, number: int, line: str) -> bool:
        if is_header(line) and draft.ready:
            before = draft.give_back_dashes(number)
            self._close(draft)
            return self._open(before.number if before else number, number, line, before)
        if draft.take(number, line):
            return True
        if draft.foreign:
            self._recent.append((number, line))
            if draft.foreign >= FOREIGN:
                self._close(draft)
            return False
        self._close(draft)
        return self.feed(number, line)

    def _close(self, draft: _Draft) -> None:
        self._draft, self.inside = None, False
        self._end = draft.end
        table = draft.table()
        if table is None:
            return
        if table.damage:
            self.notes.append(Note(f"profiler table: {table.damage}", Place(self.file, draft.end)))
            del self.notes[TABLES:]
        self.last = table
        self._kept.add(table)


def is_header(line: str) -> bool:
    """Whether a line may be the header of a table."""
    return " of Calls" in line and "Name" in line and len(line) <= LONGEST


def row_test(columns: tuple[str, ...], line: str) -> Callable[[str], bool]:
    """Return what tells the rows of a table with these columns, whose places a line of dashes shows, at first sight."""
    draft, dashes = _Draft("", 0, 0, columns), _dashes(0, line)
    if dashes is not None:
        draft.align(dashes)
    signs = ("---", "time total:", " of Calls")
    return lambda row: draft.plain and not any(sign in row for sign in signs) and draft.is_row(row)


def _dashes(number: int, line: str) -> _Dashes | None:
    if len(line) > LONGEST or "---" not in line:
        return None
    bare = line.rstrip(_BORDER + "+:")
    prefix = len(bare.rstrip("-:|+ \t"))
    spans = tuple(match.span() for match in _RUN.finditer(bare, prefix))
    if len(spans) < 3:
        return None
    between = [bare[left[1] : right[0]] for left, right in pairwise(spans)]
    return _Dashes(number, line, prefix, spans, all("|" in gap or "+" in gap for gap in between))


def _columns(header: str) -> tuple[str, ...] | None:
    """Return the column names of a header line, None if it is not one that torch prints."""
    text = header.strip(_BORDER)
    parts = [part.strip(" `*") for part in (text.split("|") if text.count("|") > 3 else _GAP.split(text))]
    first = next((at for at, part in enumerate(parts) if part.rpartition(" ")[2] == "Name"), len(parts))
    columns = ("Name", *parts[first + 1 :])
    known = set(columns)
    times = known & {"Self CPU", "Self CPU total", "CPU total"}
    whole = len(known) == len(columns) <= COLUMNS
    return columns if known & _CALLS and times and whole else None


# -- one table -----------------------------------------------------------------------


class _Draft(Struct):
    """A table while its lines come in."""

    file: str
    first: int
    end: int
    columns: tuple[str, ...]
    fits: re.Pattern[str] | None = None
    spans: tuple[tuple[int, int], ...] = ()
    prefix: int = 0
    bars: bool = False
    heading: str = ""
    heading_place: Place | None = None
    top_level: bool = False
    ready: bool = False  # the dash line under the header, or a row, was seen
    closing: _Dashes | None = None
    before_closing: tuple[int, int] = (0, 0)  # end and mixed without it
    cells: list[dict[str, str]] = field(default_factory=list)
    places: list[tuple[int, str]] = field(default_factory=list)
    rows: int = 0
    times: dict[str, str] = field(default_factory=dict)  # footer: device word -> time
    foreign: int = 0
    mixed: int = 0
    cut: int = 0  # line of the first row that breaks off

    def align(self, dashes: _Dashes) -> None:
        """Take the places of the columns from a line of dashes."""
        self.bars = dashes.bars
        self.prefix = dashes.prefix if dashes.line[: dashes.prefix].strip() else 0
        self.spans = dashes.spans if len(dashes.spans) == len(self.columns) and not dashes.bars else ()

    def take(self, number: int, line: str) -> bool:
        """Take a line of this table. If it is none, `foreign` counts such lines; 0: the table is over."""
        if len(line) > LONGEST:
            return self._other()
        if not line.strip(_BORDER):
            return not (self.closing and self.times) and not (self.bars and not line.strip())
        dashes = _dashes(number, line)
        if dashes is not None:
            return self._dashes(dashes)
        footer = _FOOTER.search(line) if "time total:" in line else None
        if footer is not None:
            self.times.setdefault(footer[1], footer[2])
            return self._own(number)
        if self.closing is not None or self.times:
            self.foreign = 0
            return False
        cells = self._cells(line)
        if cells is not None:
            self._row(number, line, cells)
            return self._own(number)
        if self._continues(line):
            return self._own(number)
        if self._stump(line):
            self.cut = self.cut or number
            return self._own(number)
        return self._other()

    def _own(self, number: int) -> bool:
        self.ready, self.end = True, number
        self.mixed += self.foreign
        self.foreign = 0
        return True

    def _other(self) -> bool:
        self.foreign = FOREIGN if self.bars else self.foreign + 1
        return False

    def _dashes(self, dashes: _Dashes) -> bool:
        if self.closing is not None or self.times:
            self.foreign = 0
            return False
        if self.rows:
            self.closing, self.before_closing = dashes, (self.end, self.mixed)
        else:
            self.align(dashes)
        return self._own(dashes.number)

    def give_back_dashes(self, number: int) -> _Dashes | None:
        """Return the line of dashes right above a header inside this table: it belongs to the next table."""
        dashes = self.closing
        if dashes is None or dashes.number != number - 1 or self.times:
            return None
        self.closing, (self.end, self.mixed) = None, self.before_closing
        return dashes

    def _row(self, number: int, line: str, cells: list[str]) -> None:
        self.rows += 1
        if self.rows <= ROWS:
            self.cells.append(dict(zip(self.columns, cells, strict=True)))
            self.places.append((number, line))

    def _cells(self, line: str) -> list[str] | None:
        """Return the cells of a row, None if the line is none."""
        if self.bars:
            cells = [cell.strip(" \t`*") for cell in line.strip(_BORDER).split("|")]
            return cells if len(cells) == len(self.columns) and self._fit(cells) else None
        return self._cells_by_place(line) or self._cells_by_blanks(line)

    @property
    def plain(self) -> bool:
        """Whether its columns have places, and nothing stands before them."""
        return bool(self.spans) and not self.prefix

    def is_row(self, line: str) -> bool:
        """Whether the cells of a line stand at their places."""
        return self._cells_by_place(line) is not None

    def _cells_by_place(self, line: str) -> list[str] | None:
        spans = self.spans
        if not spans or len(line) <= spans[1][0]:
            return None
        if any(line[left[1] : right[0]].strip() for left, right in pairwise(spans)):
            return None
        cells = [line[start:stop].strip() for start, stop in spans[:-1]]
        cells.append(line[spans[-1][0] :].strip(_BORDER))
        return cells if self._fit(cells) else None

    def _cells_by_blanks(self, line: str) -> list[str] | None:
        body = line[self.prefix :] if line[: self.prefix].strip() else line
        parts = _GAP.split(body.strip(_BORDER))
        columns = self.columns
        texts = [at for at, column in enumerate(columns) if column in _TEXT]
        if len(parts) > len(columns) and not texts:  # the name itself holds two blanks
            extra = len(parts) - len(columns)
            parts = ["  ".join(parts[: extra + 1]), *parts[extra + 1 :]]
        absent = len(columns) - len(parts)
        if not 0 <= absent <= len(texts):
            return None
        for chosen in _choices(texts, absent):
            left = iter(parts)
            cells = ["" if at in chosen else next(left) for at in range(len(columns))]
            if self._fit(cells):
                return cells
        return None

    def _fit(self, cells: list[str]) -> bool:
        """Whether every cell is of the type of its column."""
        if self.fits is None:
            self.fits = _types(self.columns)
        return self.fits.fullmatch("\n".join(cells)) is not None

    def _continues(self, line: str) -> bool:
        """Take a further line of a stack: only the last column is filled."""
        if not (self.cells and self.spans and _STACK & set(self.columns)):
            return False
        start = self.spans[-1][0]
        if line[self.prefix : start].strip(_BORDER):
            return False
        column = self.columns[-1]
        if self.rows <= ROWS and len(self.cells[-1][column]) < LONGEST:
            self.cells[-1][column] += "\n" + line[start:].strip(_BORDER)
        return True

    def _stump(self, line: str) -> bool:
        """Whether the line is the beginning of a row, as a killed process leaves it."""
        edge = self.spans[0][1] if self.spans else 0
        aligned = line[:1].isspace() and edge > 0 and len(line[:edge].rstrip()) == edge and not line[edge:].strip()
        body = line[self.prefix :] if line[: self.prefix].strip() else line
        parts = _GAP.split(body.strip())
        if len(parts) == 1 or len(parts) >= len(self.columns):
            return aligned
        start = 2 if "Overload Name" in self.columns and not _SHARE.fullmatch(parts[1]) else 1
        numbers = parts[start:]
        if not numbers or not _STUMP.fullmatch(numbers[-1]):
            return False
        if len(numbers) == 1:
            return numbers[0].endswith("%") or (edge > 0 and len(line[:edge].rstrip()) == edge)
        return bool(_SHARE.fullmatch(numbers[0])) and all(_NUMBER.fullmatch(part) for part in numbers[:-1])

    # -- the finished table --

    def table(self) -> OpTable | None:
        """Return the table, None if it has not a single row."""
        if not self.cells:
            return None
        self._swap_stack_and_flops()
        device = next((word for column in self.columns if (word := _device(column))), None)
        rows = self._rows(device)
        cpu = _seconds(self.times.get("CPU", ""))
        other = next((_seconds(time) for word, time in self.times.items() if word != "CPU"), None)
        return OpTable(
            Place(self.file, self.first), self.end, rows, self.columns, device, _steps(rows, device),
            self.heading, self.heading_place, _one_step(self.heading), self._limited(rows, cpu), cpu, other,
            self._damage(rows),
        )  # fmt: skip

    def _swap_stack_and_flops(self) -> None:
        """Undo a slip of torch: with stacks and FLOPs, cells stand in the other order than their headers."""
        if len(self.columns) < 2 or self.columns[-2] not in _STACK or not self.columns[-1].endswith("FLOPs"):
            return
        stack, flops = self.columns[-2:]
        if all(_NUMBER.fullmatch(cells[stack]) for cells in self.cells):
            for cells in self.cells:
                cells[stack], cells[flops] = cells[flops], cells[stack]

    def _rows(self, device: str | None) -> tuple[OpRow, ...]:
        column_of = {role: column for column in self.columns if (role := _role(column, device))}
        columns = [column_of.get(role) for role in ("self_cpu", "cpu_total", "self_device", "device_total")]
        times = [[_seconds(cells[at]) if at else None for at in columns] for cells in self.cells]
        modern = any(cells["Name"].startswith("aten::") for cells in self.cells)
        host = {cells["Name"] for cells, row in zip(self.cells, times, strict=True) if row[0] or row[1]}
        rows: list[OpRow] = []
        for cells, (self_cpu, cpu_total, self_device, device_total), (number, line) in zip(
            self.cells, times, self.places, strict=True
        ):
            name, text = cells["Name"], line.strip()
            column = line.index(text) + 1
            alone = bool(self_device) and name not in host
            row = OpRow(
                name, kind_of(name, modern, alone), int(cells[column_of["calls"]]), self_cpu, cpu_total,
                self_device, device_total, cells, name.endswith("..."),
                Place(self.file, number, column, column + len(text)), text,
            )  # fmt: skip
            rows.append(row)
        return tuple(rows)

    def _limited(self, rows: tuple[OpRow, ...], total: float | None) -> bool:
        """Whether rows may be missing.

        Self times are disjoint and the footer adds up all rows, printed or not (`row_limit` only hides them),
        so nothing is missing where the printed self CPU times, wrappers included, add up to the footer within
        the rounding of what was printed. Rounding must be small against the footer (`CLOSE`) to prove
        anything; where it could hide a short row all the same (a footer in seconds), a number of rows that
        looks like a limit (a multiple of five) is not believed. Kernels have no CPU time: only of those may
        rows be missing unnoticed.
        """
        column = next((c for c in self.columns if c in {"Self CPU", "Self CPU total"}), None)
        if total is None or column is None or self.top_level or self.cut or self.rows > ROWS or not rows:
            return True
        if any(row.self_cpu is None for row in rows):
            return True
        steps = [_resolution(row.cells[column]) for row in rows] + [_resolution(self.times["CPU"])]
        worst, likely = sum(steps) / 2, 4 * math.sqrt(sum(step * step for step in steps) / 12)
        rounding = min(worst, likely) + 1e-12
        if rounding > CLOSE * abs(total) or (rounding > FINE and self.rows % 5 == 0):
            return True
        return abs(math.fsum(row.self_cpu or 0.0 for row in rows) - total) > rounding

    def _damage(self, rows: tuple[OpRow, ...]) -> str:
        parts = []
        if not self.times:
            whole = self.closing is not None or self.bars
            parts.append("no footer" if whole else f"cut after line {self.end}")
        if self.cut:
            parts.append(f"row at line {self.cut} is cut")
        if self.mixed:
            parts.append(f"{self.mixed} lines of other output between its rows")
        if self.rows > ROWS:
            parts.append(f"{self.rows - ROWS} rows not kept")
        if any(row.self_cpu is None and row.cpu_total is None for row in rows):
            parts.append("times that could not be read")
        return ", ".join(parts)


_CELL = late(r"%|CPU|total|time|Self|Mem|FLOPs|Node ID")


@lru_cache(maxsize=64)
def _types(columns: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for the cells of a row, one a line."""
    stack = bool(_STACK & set(columns))  # then FLOPs and stacks may stand in each other's place
    types: list[str] = []
    for column in columns:
        if column == "Name":
            types.append(".+")
        elif column in _CALLS:
            types.append(_COUNT)
        elif column in _TEXT or (stack and column.endswith("FLOPs")) or not _CELL.search(column):
            types.append(".*")
        else:
            types.append(f"(?:{_NUMBER.pattern})")
    return re.compile("\n".join(types))


def _choices(places: list[int], count: int) -> list[set[int]]:
    if count == 0:
        return [set()]
    return [set(chosen) for chosen in combinations(places, count)]


def _device(column: str) -> str:
    """Return the device's word of a column such as `Self CUDA` or `XPU total`, or an empty string."""
    match = re.fullmatch(r"Self (\S+)|Self (\S+) total|(\S+) total|(\S+) Mem", column)
    word = next((group for group in match.groups() if group), "") if match else ""
    return "" if word in {"CPU", "Self"} else word


def _role(column: str, device: str | None) -> str:
    if column in _CALLS:
        return "calls"
    roles = {"Self CPU": "self_cpu", "Self CPU total": "self_cpu", "CPU total": "cpu_total"}
    if device:
        roles |= {f"Self {device}": "self_device", f"Self {device} total": "self_device"}
        roles[f"{device} total"] = "device_total"
    return roles.get(column, "")


def _seconds(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    return float(f"{match[1]}e{_EXPONENT[match[3]]}") if match else None


_EXPONENT = {unit: round(math.log10(scale)) for unit, scale in _SCALE.items()}


def _resolution(text: str) -> float:
    """Return the last printed digit's worth in seconds."""
    match = _TIME.fullmatch(text)
    return 10.0 ** -len(match[2] or "") * _SCALE[match[3]] if match else 0.0


# -- steps ---------------------------------------------------------------------------


def _steps(rows: tuple[OpRow, ...], device: str | None) -> int | None:
    """Return the calls of the CPU's `ProfilerStep*` rows; the device's row of it sees the same steps."""
    steps = [row for row in rows if row.name.startswith(("ProfilerStep*", "ProfilerStep#"))]
    if device is not None:
        steps = [row for row in steps if row.self_cpu or row.cpu_total]
    return sum(row.calls or 0 for row in steps) or None


_STEP = r"(?:step|iteration|iter|batch)\s*[#:=]?\s*\d+"
_RANGE = r"(?![\w-]|\.\d|\s*(?:-|\u2013|to|and|&|,|\.\.|/|of)\s*\d)"
_ONE_STEP = late(
    rf"(?<![\w-])(?:{_STEP}\s*(?:/|of)\s*\d+|(?:one|single|1)[ -](?:step|iteration|batch)){_RANGE}",
    re.IGNORECASE,
)
_PROFILED_STEP = late(rf"(?<=\s){_STEP}{_RANGE}", re.IGNORECASE)
_MANY = late(r"\b(?:steps|iterations|iters|batches|average[ds]?|mean)\b", re.IGNORECASE)


def _one_step(heading: str) -> str:
    """Return the part of a heading that says that the table covers exactly one step, or an empty string.

    `[profile mf step 1/10]` and `profile step 3` do. `steps 1-10` and `10 steps` do not, nor does `step 5` in
    `[profiler] step 5`: that is when the profiler reported, at the end of a window of any length. A position
    within other text (`step 500/1000 loss=...`) is training progress, not the window.
    """
    if len(heading) > 200 or _MANY.search(heading):
        return ""
    match = _ONE_STEP.search(heading)
    if match is None and re.search(r"\bprofil(?:e|ed|ing)\b", heading, re.IGNORECASE):
        match = _PROFILED_STEP.search(heading)
    if match is None:
        return ""
    rest = heading[: match.start()] + heading[match.end() :]
    profiled = "profil" in rest.lower() and not re.search(r"[A-Za-z_]\s*[=:]\s*[-+]?\d", rest)
    return match[0] if profiled or not re.search(r"\w", rest) else ""
