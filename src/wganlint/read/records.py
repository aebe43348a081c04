"""JSON lines, lists of records and objects of lists become rows; part of read/columns."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import stem_of
from wganlint.read.json_scan import LineScan
from wganlint.read.json_walk import NUMBER, BrokenJSON, Leaf, Path, Walker, leaves, unquoted
from wganlint.read.lines import Damage, blocks
from wganlint.read.opening import BROKEN
from wganlint.read.rows import Rows as Lines
from wganlint.read.scan import Found
from wganlint.read.scan import Lines as Bytes
from wganlint.read.sheet import Column, Rows, Sheet, form_of, is_label, rank
from wganlint.read.tokens import is_number
from wganlint.run import Note
from wganlint.series import Ints, strings

PIECE = 1 << 20  # bytes read at once
BATCH = 4096  # records handed on at once
OFTEN = 50  # lines of one form in a block that are worth a template
TEMPLATES = 16  # forms of JSON lines with a pattern
HELD = 500_000  # numbers of lists that are held until their lengths are known
LEAVES = 5_000  # scalars outside lists that are kept as settings
WIDEST = 4_000  # numbers of one record
_CONFIG = re.compile(r"^(?:config|cfg|args|hparams|params|hyper_?param\w*|settings|options|opts?)$", re.IGNORECASE)
_STATES = re.compile(
    r'^\ufeff?\s*\{\s*"(?:config|cfg|args|hparams|params|hyper_?param\w*|settings|options|opts?)"\s*:\s*\{',
    re.IGNORECASE,
)
FIRST = 50  # lines among which a line of JSON may be the configuration
_LOSS = re.compile(r"loss|score|fid|(?<![a-z])gap", re.IGNORECASE)
_WEIGHT = re.compile(r"weight|lambda|coef|scale|type|name|_fn|mode", re.IGNORECASE)


class Told(Struct, frozen=True):
    """A scalar that is no record of training: a setting, maybe."""

    path: Path
    value: str
    line: int
    column: int
    quote: str


class _List(Struct):
    """The numbers of one list of an object of lists."""

    values: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    quotes: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # places in the list; null leaves a gap
    mixed: bool = False

    def add(self, leaf: Leaf, text: str, value: float, line: int, column: int, quote: str) -> None:
        """Add an element."""
        self.values.append(value)
        self.texts.append(text)
        self.lines.append(line)
        self.starts.append(column)
        self.quotes.append(quote)
        self.rows.append(int(leaf.path[-1]))


_Matched = Sequence[tuple["_Template", list[int], list[re.Match[str]]]]  # rows and matches of each template

_Scanned = Sequence[tuple[LineScan, Found, Ints]]  # with the places of the rows among all records of the block


class Records:
    """Reads one JSON file into sheets, and what is no record into `told`."""

    def __init__(self, shown: str, names: Sequence[str] = ()) -> None:
        self.shown = shown
        self.notes: list[Note] = []
        self.told: list[Told] = []
        self.sheets: dict[str, Sheet] = {}
        self.rows = 0
        self._given = tuple(names)
        self._bad = 0
        self._first_bad = 0
        self._templates: list[_Template] = []
        self._scans: list[LineScan] = []

    def read(self, stream: BinaryIO, head: bytes) -> None:
        """Read the whole file; `head` are its first bytes.

        Raises:
            InputError: the file cannot be read, or is no JSON from the start.
        """
        if _is_lines(head):
            self._lines(stream)
        else:
            _Document(self).read(stream)
        for sheet in self.sheets.values():
            sheet.finish()
            self.notes += sheet.notes
        if self._bad:
            what = "1 line is no JSON record" if self._bad == 1 else f"{self._bad} lines are no JSON records"
            self.notes.append(Note(f"{what} and was left out" if self._bad == 1 else f"{what} and were left out",
                                   Place(self.shown, self._first_bad)))  # fmt: skip

    def sheet(self, where: str) -> Sheet:
        """Return the sheet for records under this path."""
        if where not in self.sheets:
            form = form_of(self.shown) + (f" {where}" if where and self.sheets else "")
            self.sheets[where] = Sheet(self.shown, form)
        return self.sheets[where]

    # -- JSON lines

    def _lines(self, stream: BinaryIO) -> None:
        damage = Damage(self.shown)
        last = (0, "")
        for block in blocks(stream, damage):
            lines = block.rows
            scanned, left = self._scan(lines)
            rows: list[tuple[_Template, list[int], list[re.Match[str]]]] = [(t, [], []) for t in self._templates]
            kept: list[int] = []
            for at in left.tolist():
                line = lines[at]
                if not line or line.isspace():
                    continue
                number = block.number(at)
                if number <= FIRST and self._stated(line, number):
                    continue
                found = self._match(line, rows)
                if found is None:
                    self._bad += 1
                    self._first_bad = self._first_bad or number
                    last = (number, line)
                    continue
                template, match = found
                template[1].append(len(kept))
                template[2].append(match)
                kept.append(at)
                last = (0, "")
            every = np.sort(np.concatenate([np.array(kept, dtype=np.int64), *(part.orders for _, part in scanned)]))
            if not len(every):
                continue
            if last[0] and block.number(int(every[-1])) > last[0]:
                last = (0, "")
            if scanned and len(kept):
                where = np.searchsorted(every, kept).tolist()
                for row in rows:
                    row[1][:] = [where[at] for at in row[1]]
            chosen = [(scan, part, np.searchsorted(every, part.orders)) for scan, part in scanned]
            self._take(lines, block.places, every, rows, chosen)
            self._study(rows, lines, every)
        self.notes += damage.all_notes()
        if last[0] and last[1].lstrip().startswith("{"):
            self._bad -= 1
            self.notes.append(Note("the last line is cut and was left out", Place(self.shown, last[0])))

    def _stated(self, line: str, number: int) -> bool:
        """Whether a line among the first is no record but the configuration: {"config": {"lr": 0.1, ...}}."""
        if self.told or _STATES.match(line) is None:
            return False
        try:
            found = leaves(line)
        except BrokenJSON:
            return False
        if not found or len(found) > WIDEST or len({leaf.path[0] for leaf in found}) > 1:
            return False
        self.told += [Told(leaf.path[1:], unquoted(leaf), number, leaf.start + 1, line) for leaf in found]
        return True

    def _match(
        self, line: str, rows: list[tuple[_Template, list[int], list[re.Match[str]]]]
    ) -> tuple[tuple[_Template, list[int], list[re.Match[str]]], re.Match[str]] | None:
        for at, row in enumerate(rows):
            match = row[0].pattern.fullmatch(line)
            if match is not None:
                if at:
                    rows.insert(0, rows.pop(at))
                return row, match
        try:
            found = leaves(line)
        except BrokenJSON:
            return None
        if not line.lstrip("\ufeff \t").startswith("{") or len(found) > WIDEST:
            return None
        template = _Template(line, found)
        match = template.pattern.fullmatch(line)
        if match is None:
            return None
        self._templates.insert(0, template)
        del self._templates[TEMPLATES:]
        rows.insert(0, (template, [], []))
        return rows[0], match

    def _scan(self, lines: Lines) -> tuple[list[tuple[LineScan, Found]], Ints]:
        """Read the lines of a block that fit a template, and return the others."""
        left = np.arange(len(lines))
        scanned: list[tuple[LineScan, Found]] = []
        view = Bytes(lines) if self._scans else None
        for scan in self._scans:
            part = scan.read(view, left) if view is not None and len(left) else None
            if part is not None:
                scanned.append((scan, part))
                left = np.setdiff1d(left, part.orders, assume_unique=True)
        return scanned, left

    def _study(self, rows: _Matched, lines: Lines, every: Ints) -> None:
        """Make templates of the forms of line that a block had many of."""
        for template, at, _ in rows:
            if len(at) >= OFTEN and len(self._scans) < TEMPLATES:
                line = lines[int(every[at[-1]])]
                scan = LineScan.of(line, leaves(line), [*template.series])
                if scan is not None:
                    self._scans.append(scan)

    def _take(self, lines: Lines, places: range | Ints, every: Ints, rows: _Matched, scanned: _Scanned) -> None:
        """Turn what was read of a block into columns; `every` are the lines that are records."""
        pieces: dict[str, list[Column]] = {}
        words: dict[str, list[str]] = {}
        for template, at, matches in rows:
            if not at:
                continue
            where = np.array(at, dtype=np.int64)
            texts = list(zip(*(match.groups() for match in matches), strict=True))
            spans = np.array([match.regs for match in matches], dtype=np.int64)[:, 1:, 0] + 1
            for group, name in enumerate(template.names):
                if name is not None:
                    values = np.array(list(map(float, texts[group])))
                    pieces.setdefault(name, []).append(Column(where, values, texts[group], spans[:, group]))
            for name, label in template.labels.items():
                cells = words.setdefault(name, [""] * len(every))
                for row, match in zip(at, matches, strict=True):
                    cells[row] = match[label + 1]
        for scan, part, where in scanned:
            for group, name in enumerate(scan.names):
                if name is not None:
                    column = Column(where, part.values[group], part.texts[group], part.starts[group])
                    pieces.setdefault(name, []).append(column)
            for name, told in scan.labels(part):
                if len(where) == len(every):
                    words[name] = list(told)
                    continue
                cells = words.setdefault(name, [""] * len(every))
                for row, cell in zip(where.tolist(), told, strict=True):
                    cells[row] = cell
        self.rows += len(every)
        columns = {name: _join(parts) for name, parts in pieces.items()}
        numbers = places.start + every if isinstance(places, range) else places[every]
        longest = int((lines.stops[every] - lines.starts[every]).max())
        quotes = lines if len(every) == len(lines) else lines.chosen(every)
        self.sheet("").take(Rows(numbers, quotes, columns, dict(words), longest))


class _Template:
    """The pattern of JSON lines that differ in their scalars only. `names`: of each group, None for no series."""

    def __init__(self, line: str, found: list[Leaf]) -> None:
        names = names_of([leaf.path for leaf in found if leaf.kind == "number"])
        pieces, at = [], 0
        last = {leaf.path: order for order, leaf in enumerate(found)}  # a key that comes twice: the last counts
        self.names: list[str | None] = []
        self.series: list[str | None] = []  # the same for the numbers alone
        self.labels: dict[str, int] = {}
        for order, leaf in enumerate(found):
            pieces.append(re.escape(line[at : leaf.start]))
            name = "/".join(map(str, leaf.path))
            if leaf.kind == "number":
                if is_label(name):
                    self.labels[name] = len(self.names)
                self.names.append(names[leaf.path] if last[leaf.path] == order else None)
                self.series.append(self.names[-1])
                pieces.append(f"({NUMBER})")
            elif leaf.kind == "string" and is_label(name):
                self.labels[name] = len(self.names)
                self.names.append(None)
                pieces.append(r"([^\"\\]*+|(?:[^\"\\]|\\.)*+)")
            elif leaf.kind == "string":
                pieces.append(r"(?:[^\"\\]|\\.)*+")
            else:
                pieces.append("(?:true|false|null)")
            at = leaf.end
        pieces.append(re.escape(line[at:]))
        self.pattern = re.compile("".join(pieces))


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


def _join(parts: list[Column]) -> Column:
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    texts = [text for part in parts for text in strings(part.texts)]
    lines = None if parts[0].lines is None else np.concatenate([p.lines for p in parts if p.lines is not None])[order]
    return Column(
        rows[order], np.concatenate([p.values for p in parts])[order], [texts[at] for at in order.tolist()],
        np.concatenate([p.starts for p in parts])[order], lines,
    )  # fmt: skip


def _is_lines(head: bytes) -> bool:
    """Whether each line is a record of its own: the first line is a whole object, or is too long to tell."""
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("{"):
        return False
    first, _, rest = text.partition("\n")
    try:
        leaves(first)
    except BrokenJSON:
        second = rest.lstrip()[:1]
        return second == "{" and first.rstrip().endswith("}")
    return bool(rest.strip()) or len(first) < len(text)


# -- one JSON value over the whole file


class _Document:
    """Reads a list of records or an object of lists, piece by piece."""

    def __init__(self, owner: Records) -> None:
        self.owner, self.shown = owner, owner.shown
        self._record: dict[str, list[tuple[Leaf, int, int, str]]] = {}
        self._rows: dict[str, list[list[tuple[Leaf, int, int, str]]]] = {}
        self._lists: dict[Path, _List] = {}
        self._held = 0
        self._over = False

    def read(self, stream: BinaryIO) -> None:
        """Read to the end; what is cut or broken ends the reading with a note."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        walker, text, line, before, any_leaf = Walker(), "", 1, 0, False
        at = begin = 0  # begin: where the present line starts in `text`, negative if before it
        last = False
        try:
            while not last:
                piece = stream.read(PIECE)
                last = not piece
                cut = max(0, at - 200)
                text, at, begin, before = text[cut:] + decoder.decode(piece, last), at - cut, begin - cut, before - cut
                for leaf in walker.feed(text, at, last=last):
                    if isinstance(leaf, int):
                        at = leaf
                        continue
                    news = text.count("\n", max(before, 0), leaf.start)
                    if news:
                        line += news
                        begin = text.rfind("\n", 0, leaf.start) + 1
                    before = leaf.start
                    any_leaf = True
                    if walker.closed:
                        self._close(walker)
                    self._leaf(leaf, line, begin, text)
                if walker.closed:
                    self._close(walker)
        except BrokenJSON as error:
            line += text.count("\n", max(before, 0), error.offset)
            if not any_leaf:
                raise InputError("not JSON", file=self.shown, line=line) from None
            self.owner.notes.append(Note("the JSON is broken here; what follows was not read", Place(self.shown, line)))
        except BROKEN as error:
            raise InputError(
                f"reading failed: {error}", file=self.shown, hint="Check the file and the disk."
            ) from error
        else:
            if not walker.done and any_leaf:
                line += text.count("\n", max(before, 0))
                self.owner.notes.append(Note("the file is cut: its JSON does not end", Place(self.shown, line)))
        if not any_leaf:
            raise InputError("no values in it", file=self.shown)
        self._finish()

    def _leaf(self, leaf: Leaf, line: int, begin: int, text: str) -> None:
        low = max(begin, leaf.start - 150, 0)
        end = text.find("\n", leaf.end, leaf.end + 200)
        quote = text[low : end if end >= 0 else leaf.end + 200].rstrip()
        column = leaf.start - begin + 1 if low == begin else 0
        path = leaf.path
        outer = next((at for at, part in enumerate(path) if isinstance(part, int)), None)
        if outer is None:
            self._tell(leaf, line, column, quote)
        elif outer == len(path) - 1:
            self._listed(leaf, line, column, quote)
        else:
            where = "/".join(map(str, path[:outer]))
            self._record.setdefault(where, []).append((leaf._replace(path=path[outer + 1 :]), line, column, quote))

    def _tell(self, leaf: Leaf, line: int, column: int, quote: str) -> None:
        if len(self.owner.told) < LEAVES:
            self.owner.told.append(Told(leaf.path, unquoted(leaf), line, column, quote))

    def _listed(self, leaf: Leaf, line: int, column: int, quote: str) -> None:
        held = self._lists.setdefault(leaf.path[:-1], _List())
        if held.rows and int(leaf.path[-1]) <= held.rows[-1]:  # a list of this name ended before
            name = "/".join(map(str, leaf.path[:-1])) or stem_of(self.shown)
            text = f"`{name}` stands twice here: the later list counts"
            self.owner.notes.append(Note(text, Place(self.shown, line)))
            self._held -= len(held.values)
            held = self._lists[leaf.path[:-1]] = _List()
        if leaf.kind != "number":
            held.mixed = held.mixed or leaf.text != "null"
            if leaf.text != "null" and len(held.texts) < 100:
                held.add(leaf, unquoted(leaf)[:200], np.nan, line, column, quote)
            return
        self._held += 1
        if self._held > HELD:
            if not self._over:
                text = f"more than {HELD} numbers in lists: the rest was not read; JSON lines or CSV have no such limit"
                self.owner.notes.append(Note(text, Place(self.shown, line)))
            self._over = True
            return
        held.add(leaf, leaf.text, float(leaf.text), line, column, quote)

    def _close(self, walker: Walker) -> None:
        """A record ends where the element of its list ends."""
        for path, _ in walker.closed:
            outer = next((at for at, part in enumerate(path) if isinstance(part, int)), None)
            if outer is None or outer != len(path) - 1:
                continue
            where = "/".join(map(str, path[:-1]))
            record = self._record.pop(where, None)
            if record:
                rows = self._rows.setdefault(where, [])
                rows.append(record[:WIDEST])
                if len(rows) >= BATCH:
                    self._flush(where)
        walker.closed.clear()

    def _flush(self, where: str) -> None:
        """Hand on the records under a path."""
        rows, self._rows[where] = self._rows[where], []
        pieces: dict[str, list[tuple[int, str, int, int]]] = {}
        words: dict[str, list[str]] = {}
        names: dict[tuple[Path, ...], dict[Path, str | None]] = {}
        for at, record in enumerate(rows):
            key = tuple(leaf.path for leaf, *_ in record if leaf.kind == "number")
            known = names.setdefault(key, {}) or names_of(key)
            names[key] = known
            for leaf, line, column, _ in {item[0].path: item for item in record}.values():
                name = "/".join(map(str, leaf.path))
                if is_label(name) and leaf.kind != "word":
                    words.setdefault(name, [""] * len(rows))[at] = unquoted(leaf)
                shown = known.get(leaf.path) if leaf.kind == "number" else None
                if shown is not None:
                    if isinstance(leaf.path[0], int):
                        shown = f"column {leaf.path[0] + 1}"
                    pieces.setdefault(shown, []).append((at, leaf.text, line, column))
        columns = {}
        for name, items in pieces.items():
            places, texts, lines, starts = zip(*items, strict=True)
            columns[name] = Column(
                np.array(places), np.array(list(map(float, texts))), texts, np.array(starts), np.array(lines)
            )
        self.owner.rows += len(rows)
        columns = self._nameless(where, columns)
        sheet = self.owner.sheet(where)
        self._hand(sheet, rows, columns, words)

    def _hand(
        self, sheet: Sheet, rows: list[list[tuple[Leaf, int, int, str]]], columns: dict[str, Column],
        words: dict[str, list[str]],
    ) -> None:  # fmt: skip
        """Feed the sheet: a number is quoted with its own line, so each column brings its quotes."""
        lines = np.array([record[0][1] for record in rows], dtype=np.int64)
        quotes = [record[0][3] for record in rows]
        same = all(record[0][1] == record[-1][1] for record in rows)
        if not same:
            for column in columns.values():
                column.quotes = self._own_quotes(column, rows)
        sheet.take(Rows(lines, quotes, columns, dict(words)))

    def _own_quotes(self, column: Column, rows: list[list[tuple[Leaf, int, int, str]]]) -> list[str]:
        """Return the line of each number of a column."""
        quotes = []
        for at, text, start in zip(column.rows.tolist(), column.texts, column.starts.tolist(), strict=True):
            fits = (quote for leaf, _, begin, quote in rows[at] if leaf.text == text and begin == start)
            quotes.append(next(fits, ""))
        return quotes

    def _nameless(self, where: str, columns: dict[str, Column]) -> dict[str, Column]:
        """Name the columns of a list of lists: by the user, or as what TensorBoard's download button writes."""
        if not columns or not all(re.fullmatch(r"column [0-9]+", name) for name in columns):
            return columns
        if len(self._given_for(len(columns))):
            return dict(zip(self._given_for(len(columns)), columns.values(), strict=True))
        keys = list(columns)
        wall, step = columns[keys[0]].values, columns[keys[min(1, len(keys) - 1)]].values
        if len(keys) == 3 and bool((wall > 1e9).all()) and bool((step == np.floor(step)).all()):
            return {"step": columns[keys[1]], stem_of(self.shown): columns[keys[2]]}
        if where not in self.owner.sheets:
            text = f"{len(keys)} columns without names: --columns name1,name2,... names them"
            self.owner.notes.append(Note(text, Place(self.shown, 1)))
        return columns

    def _given_for(self, width: int) -> tuple[str, ...]:
        return self.owner._given if len(self.owner._given) == width else ()

    def _finish(self) -> None:
        for where in list(self._rows):
            if self._rows[where]:
                self._flush(where)
        records = bool(self.owner.sheets)
        tables: dict[Path, dict[Path, _List]] = {}
        for path, held in self._lists.items():
            if _is_history(path, held):
                tables.setdefault(path[:-1], {})[path] = held
        plain = [path for path, held in self._lists.items() if not any(path in one for one in tables.values())]
        many = sum(len(one) for one in tables.values())
        named = any(
            _LOSS.search(str(p[-1])) or rank(str(p[-1])) is not None for one in tables.values() for p in one if p
        )
        if tables and (records or named or many >= len(self.owner.told) + len(plain) or () in tables):
            for above, lists in tables.items():
                self._table(above, lists)
        else:
            plain = list(self._lists)
        if stem_of(self.shown) == "wandb-summary":
            self._summary()
        if self.owner.sheets:
            kept = [told for told in self.owner.told if any(_CONFIG.match(str(part)) for part in told.path[:-1])]
            self.owner.told = kept
            return
        for path in plain:
            held = self._lists[path]
            if not held.lines:
                continue
            value = f"[{', '.join(held.texts[:20])}]"
            self.owner.told.append(Told(path, value, held.lines[0], 0, held.quotes[0]))
        self.owner.told.sort(key=lambda told: told.line)

    def _summary(self) -> None:
        """Take the numbers of one object as one record: W&B's last value of each metric."""
        told, self.owner.told = [item for item in self.owner.told if is_number(item.value)], []
        columns = {
            "/".join(map(str, item.path)): Column(
                np.array([0]), np.array([float(item.value)]), [item.value], np.array([item.column]),
                np.array([item.line]), quotes=[item.quote],
            )
            for item in told
        }  # fmt: skip
        self.owner.rows = 1
        self.owner.sheet("").take(Rows(np.array([1]), [""], columns))

    def _table(self, above: Path, lists: dict[Path, _List]) -> None:
        """Hand on the lists of one object as the columns of a table."""
        where = "/".join(map(str, above))
        count = max(held.rows[-1] + 1 for held in lists.values())
        columns = {}
        for path, held in lists.items():
            name = str(path[-1]) if path else stem_of(self.shown)
            columns[name] = Column(
                np.array(held.rows), np.array(held.values), held.texts, np.array(held.starts), np.array(held.lines),
                quotes=held.quotes,
            )  # fmt: skip
        longest = max(lists.values(), key=lambda held: len(held.values))
        self.owner.rows += count
        lines = np.full(count, longest.lines[0], dtype=np.int64)
        lines[np.array(longest.rows)] = longest.lines
        self.owner.sheet(where).take(Rows(lines, [""] * count, columns))


def _is_history(path: Path, held: _List) -> bool:
    if held.mixed or len(held.values) < 2 or not held.rows or (path and _WEIGHT.search(str(path[-1]))):
        return False
    return len(held.values) >= 3 or bool(path and _LOSS.search(str(path[-1])))
