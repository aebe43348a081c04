"""One JSON value over a whole file, piece by piece: a list of records, or an object of lists; part of read/columns."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.attempts import stem_of
from wganlint.read.json_walk import BrokenJSON, Leaf, Path, Walker, unquoted
from wganlint.read.opening import BROKEN
from wganlint.read.records import CONFIG, WIDEST, Records, Told, names_of
from wganlint.read.sheet import Column, Rows, Sheet, is_label, rank
from wganlint.read.tokens import is_number
from wganlint.run import Note

PIECE = 1 << 20  # bytes read at once
BATCH = 4096  # records handed on at once
HELD = 500_000  # numbers of lists that are held until their lengths are known
LEAVES = 5_000  # scalars outside lists that are kept as settings
_CONFIG = re.compile(f"^{CONFIG}$", re.IGNORECASE)
_LOSS = re.compile(r"loss|score|fid|(?<![a-z])gap", re.IGNORECASE)
_WEIGHT = re.compile(r"weight|lambda|coef|scale|type|name|_fn|mode", re.IGNORECASE)


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


class Document:
    """Reads a list of records or an object of lists, piece by piece."""

    def __init__(self, into: Records) -> None:
        self.into, self.shown = into, into.shown
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
            self.into.notes.append(Note("the JSON is broken here; what follows was not read", Place(self.shown, line)))
        except BROKEN as error:
            raise InputError(
                f"reading failed: {error}", file=self.shown, hint="Check the file and the disk."
            ) from error
        else:
            if not walker.done and any_leaf:
                line += text.count("\n", max(before, 0))
                self.into.notes.append(Note("the file is cut: its JSON does not end", Place(self.shown, line)))
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
        if len(self.into.told) < LEAVES:
            self.into.told.append(Told(leaf.path, unquoted(leaf), line, column, quote))

    def _listed(self, leaf: Leaf, line: int, column: int, quote: str) -> None:
        held = self._lists.setdefault(leaf.path[:-1], _List())
        if held.rows and int(leaf.path[-1]) <= held.rows[-1]:  # a list of this name ended before
            name = "/".join(map(str, leaf.path[:-1])) or stem_of(self.shown)
            text = f"`{name}` stands twice here: the later list counts"
            self.into.notes.append(Note(text, Place(self.shown, line)))
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
                self.into.notes.append(Note(text, Place(self.shown, line)))
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
        self.into.rows += len(rows)
        columns = self._nameless(where, columns)
        sheet = self.into.sheet(where)
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
        if where not in self.into.sheets:
            text = f"{len(keys)} columns without names: --columns name1,name2,... names them"
            self.into.notes.append(Note(text, Place(self.shown, 1)))
        return columns

    def _given_for(self, width: int) -> tuple[str, ...]:
        return self.into.names if len(self.into.names) == width else ()

    def _finish(self) -> None:
        for where in list(self._rows):
            if self._rows[where]:
                self._flush(where)
        records = bool(self.into.sheets)
        tables: dict[Path, dict[Path, _List]] = {}
        for path, held in self._lists.items():
            if _is_history(path, held):
                tables.setdefault(path[:-1], {})[path] = held
        plain = [path for path, held in self._lists.items() if not any(path in one for one in tables.values())]
        many = sum(len(one) for one in tables.values())
        named = any(
            _LOSS.search(str(p[-1])) or rank(str(p[-1])) is not None for one in tables.values() for p in one if p
        )
        if tables and (records or named or many >= len(self.into.told) + len(plain) or () in tables):
            for above, lists in tables.items():
                self._table(above, lists)
        else:
            plain = list(self._lists)
        if stem_of(self.shown) == "wandb-summary":
            self._summary()
        if self.into.sheets:
            kept = [told for told in self.into.told if any(_CONFIG.match(str(part)) for part in told.path[:-1])]
            self.into.told = kept
            return
        for path in plain:
            held = self._lists[path]
            if not held.lines:
                continue
            value = f"[{', '.join(held.texts[:20])}]"
            self.into.told.append(Told(path, value, held.lines[0], 0, held.quotes[0]))
        self.into.told.sort(key=lambda told: told.line)

    def _summary(self) -> None:
        """Take the numbers of one object as one record: W&B's last value of each metric."""
        told, self.into.told = [item for item in self.into.told if is_number(item.value)], []
        columns = {
            "/".join(map(str, item.path)): Column(
                np.array([0]), np.array([float(item.value)]), [item.value], np.array([item.column]),
                np.array([item.line]), quotes=[item.quote],
            )
            for item in told
        }  # fmt: skip
        self.into.rows = 1
        self.into.sheet("").take(Rows(np.array([1]), [""], columns))

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
        self.into.rows += count
        lines = np.full(count, longest.lines[0], dtype=np.int64)
        lines[np.array(longest.rows)] = longest.lines
        self.into.sheet(where).take(Rows(lines, [""] * count, columns))


def _is_history(path: Path, held: _List) -> bool:
    if held.mixed or len(held.values) < 2 or not held.rows or (path and _WEIGHT.search(str(path[-1]))):
        return False
    return len(held.values) >= 3 or bool(path and _LOSS.search(str(path[-1])))
