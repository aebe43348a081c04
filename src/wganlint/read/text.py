"""One text log becomes series, settings, profiler tables and notes in a single pass; files -> read -> Run.

A line is first offered to the patterns of the shapes seen before (`shapes`); what none of them knows goes
through the tokenizer (`tokens`). Lines of one form (`forms`) feed one set of series.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from wganlint.builder import SeriesBuilder
from wganlint.errors import InputError
from wganlint.evidence import Place
from wganlint.read.banner import Banner
from wganlint.read.digits import Flags
from wganlint.read.feed import Feed
from wganlint.read.forms import COUNTER, Form, Restart, head_of
from wganlint.read.headed import Headed
from wganlint.read.header import Headers, is_restored, settings_of
from wganlint.read.lines import Block, Damage, blocks
from wganlint.read.logline import LogLine, given_fields
from wganlint.read.loose import all_fields, marks_of, spoken
from wganlint.read.marks import Marks
from wganlint.read.masks import Masks, View
from wganlint.read.rows import Ints, Rows
from wganlint.read.said import Ear
from wganlint.read.scan import Found, Lines
from wganlint.read.shapes import Shape, signature
from wganlint.read.starts import Seen
from wganlint.read.tokens import WIDE, Bar, Field, bar_of, is_counter, step_rank
from wganlint.run import Note, OpTable, Said, Setting

PATTERNS = 48  # shapes with a pattern
STUDY_AT = 200  # lines of one block that a pattern must match before a template is made of one
TOGETHER = 1 << 21  # characters of records of several blocks that are fed at once: each feed has its price
SHAPES = 4000  # shapes remembered
FORMS = 1000  # forms read; a log has a handful
WORDY = 5000  # lines without a number that are known when they come again
SERIES = 2000  # series of all forms
_MAYBE = re.compile(rf"[=:{WIDE}]\s*[\"']?(?:[-+.0-9nNiI\[(]|[a-zA-Z.]{{3,20}}[0-9]{{0,2}}\()")

_OWN = re.compile(r"wganlint \d+\.\d+\.\d+   run ")


class TextFacts(Struct):
    """What one text log holds. `series` are those of the reader, so also of the files that it read before."""

    file: str
    series: list[SeriesBuilder] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    tables: list[OpTable] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)
    lines: int = 0
    records: int = 0  # lines that fed a series
    fed: int = 0  # series that this file fed
    seen: Seen = field(default_factory=Seen)  # the counters of the form with most records
    said: list[Said] = field(default_factory=list)
    head: tuple[int, str] = (0, "")  # the first line that is not blank
    ending: tuple[int, str] = (0, "")  # and the last


def read_text(stream: BinaryIO, shown: str) -> TextFacts:
    """Read one log. `shown` is the name of the file in places and notes.

    Raises:
        InputError: the file is binary or cannot be read.
    """
    return TextReader().read(stream, shown)


class TextReader:
    """Reads the logs of one run one after the other, into one set of series."""

    def __init__(
        self, *, learn: bool = True, avoid: frozenset[str] = frozenset(), log_lines: Sequence[LogLine] = ()
    ) -> None:
        self._log_lines = log_lines  # lines that the user describes
        self._learn = learn  # False: every line goes through the tokenizer; for tests
        self._forms: dict[tuple[str, str, str], Form] = {}
        self._shapes: dict[str, Shape] = {}
        self._patterns: list[Shape] = []
        self._masks = Masks()
        self._dropped = 0
        self._headed = Headed()
        self._wordy: dict[str, list[tuple[str, str]]] = {}  # lines without a number, and the steps they announce
        self._silent = False  # the line before says nothing, whatever its digits
        self._wide = 0  # series of all forms
        self._marks = Marks(avoid)
        self._ear = Ear("")
        self._heard: set[int] = set()  # lines of the present block that must not be known at sight

    @property
    def series(self) -> list[SeriesBuilder]:
        """All series so far, in the order of their first record."""
        return [builder for form in self._forms.values() for builder in form.builders.values()]

    def read(self, stream: BinaryIO, shown: str) -> TextFacts:
        """Read the next file.

        Raises:
            InputError: the file is binary or cannot be read.
        """
        damage = Damage(shown)
        return self.read_blocks(blocks(stream, damage), shown, damage)

    def read_blocks(self, given: Iterable[Block], shown: str, damage: Damage, *, starts: int = 0) -> TextFacts:
        """Read the next file, or a part of one, whose lines come in blocks.

        `starts`: of the whole file, if known.

        Raises:
            InputError: the file cannot be read.
        """
        facts = TextFacts(shown)
        tables, banner, headers = Feed(shown, self._masks), Banner(shown), Headers()
        before = {id(builder): len(builder) for builder in self.series}
        self._dropped = 0
        self._ear = Ear(shown)
        self._marks.heads = banner.heads
        for form in self._active():
            form.told = Seen()
        for block in given:
            if not facts.lines and len(block.rows) and _OWN.match(block.rows[0]):
                raise InputError("a report of wganlint itself, not a log", file=shown)
            banner.look(block)
            lines = Lines(block.rows) if self._learn else None
            scanned, view = ([], None) if lines is None else self._sight(lines, facts.lines == 0)
            self._block(block, tables.take(block, view), headers, scanned, view)
            facts.lines = max(facts.lines, block.number(-1) if len(block.rows) else 0)
            if not facts.head[0]:
                facts.head = spoken_at(block, range(len(block.rows))) or facts.head
            facts.ending = spoken_at(block, range(len(block.rows) - 1, -1, -1)) or facts.ending
            numbers = block.places
            forms = sorted(self._active(), key=lambda form: not form.counting)
            wait = sum(form.waiting for form in forms) < TOGETHER
            for form in forms:
                form.end_block(numbers, shown, wait)
            self._tidy()
            del block, lines, scanned, view  # before the next one is read
        tables.reader.finish()
        facts.tables = tables.reader.tables
        self._end(facts, banner, headers, starts)
        facts.seen = max((form.told for form in self._active()), key=lambda seen: seen.records, default=Seen())
        facts.seen.heads = banner.heads
        self._marks.clear()
        facts.said = self._ear.said()
        facts.notes = [*damage.all_notes(), *tables.reader.notes, *self._limits(shown)]
        facts.series = self.series
        fed = [len(builder) - before.get(id(builder), 0) for builder in facts.series if not is_counter(builder.key)]
        facts.fed = sum(count > 0 for count in fed)
        facts.records = max(fed, default=0)
        return facts

    def leave_out(self, names: tuple[str, ...], position: tuple[float, ...] | None) -> None:
        """From now on leave out records whose counters have reached `position`: a resume repeats them."""
        self._marks.until = None if position is None else (names, position)

    @property
    def wrapped(self) -> frozenset[str]:
        """Counters taken for steps that start anew with each epoch after all: read again, with `avoid`."""
        return frozenset(self._marks.wrapped)

    @property
    def left_out(self) -> int:
        """Records left out."""
        return self._marks.dropped

    def _active(self) -> list[Form]:
        return list(self._forms.values())

    def _sight(self, lines: Lines, first: bool) -> tuple[list[tuple[Shape, Found]], View | None]:
        """Read the lines whose shape has a template; look up what is known of the others, but in the first block."""
        rows = self._masks.rows(lines)
        scanned = self._scan(lines, np.flatnonzero(rows == 0))
        if first:
            return scanned, None
        read = np.zeros(len(lines.starts), dtype=np.bool_)
        for _, found in scanned:
            read[found.orders] = True
        return scanned, self._masks.look(lines, read, rows)

    def _scan(self, lines: Lines, left: Ints) -> list[tuple[Shape, Found]]:
        """Read those of some lines whose shape has a template."""
        scanned: list[tuple[Shape, Found]] = []
        ready = [(shape, template) for shape in self._patterns for template in shape.templates]
        if not ready or not len(left):
            return scanned
        for shape, template in sorted(ready, key=lambda pair: -pair[1].rows):
            found = template.read(lines, left)
            if found is not None:
                scanned.append((shape, found))
                taken = np.zeros(len(lines.starts), dtype=np.bool_)
                taken[found.orders] = True
                left = left[~taken[left]]
        return scanned

    def _rest(self, block: Block, taken: Flags, scanned: list[tuple[Shape, Found]], view: View | None) -> list[int]:
        """Hand over what the templates read; return the order numbers of the other lines that may tell something."""
        lines, ear = block.rows, self._ear
        left = ~taken
        for shape, found in scanned:
            mine = left[found.orders]
            whole = found if mine.all() else found.at(mine)
            if len(whole.orders):
                shape.take(whole)
                shape.hits += len(whole.orders)
            left[found.orders] = False
        orders: list[int] = []
        unknown = np.flatnonzero(left if view is None else left & view.unknown()).tolist()
        ear.listen(lines[at] for at in unknown)
        for at in unknown:
            line = lines[at]
            heard = ear.hears(block.number(at), line)
            if self._tells(line) or self._headed.may(line):
                orders.append(at)
                if heard:
                    self._heard.add(at)
            elif not heard and view is not None:
                self._masks.noise(view, at, line)
        return orders

    def _tells(self, line: str) -> bool:
        """Whether a line may carry a number with a name, or a setting; one that the user describes may look anyhow."""
        if self._log_lines:
            return True
        if "=" in line or ":" in line or WIDE in line or spoken(line):
            return True
        return " --" in line or "ptimi" in line or ("][" in line and bool(marks_of(line)))

    def _block(
        self, block: Block, taken: Flags, headers: Headers, scanned: list[tuple[Shape, Found]], view: View | None
    ) -> None:
        """Read the lines of a block: known shapes by their patterns, others by the tokenizer."""
        lines = block.rows
        self._heard.clear()
        orders = self._new(self._rest(block, taken, scanned, view), block, headers)
        for shape in sorted(self._patterns, key=lambda shape: -shape.hits):
            shape.hits = 0
            orders = _match(shape, orders, lines)
            if shape.hits >= STUDY_AT:
                shape.study(lines[shape.sample])
        used: dict[int, Shape] = {}
        at = 0
        while at < len(orders):
            order = orders[at]
            at += 1
            new = self._line(lines[order], order, block.number(order), headers)
            if new is None:
                if self._silent and view is not None and order not in self._heard:
                    self._masks.noise(view, order, lines[order])
                continue
            used[id(new)] = new
            if self._learn and new.learn():
                self._patterns.append(new)
                orders, at = _match(new, orders[at:], lines), 0
        for shape in used.values():
            shape.flush()

    def _new(self, orders: list[int], block: Block, headers: Headers) -> list[int]:
        """Take lines without a number that came before word by word; return the order numbers of the others."""
        if not self._wordy:
            return orders
        left = []
        for order, line in zip(orders, block.rows.chosen(np.array(orders, dtype=np.int64)).tolist(), strict=True):
            marks = self._wordy.get(line)
            if marks is None:
                left.append(order)
                continue
            number = block.number(order)
            headers.offer(number, line)
            for key, text in marks:
                self._marks.add(key, number, text)
        return left

    def _line(self, line: str, order: int, number: int, headers: Headers) -> Shape | None:
        bar = bar_of(line)
        fields = given_fields(line, self._log_lines) if self._log_lines else []
        bar = None if fields else bar
        fields = fields or all_fields(line, bar, keyed=_MAYBE.search(line) is not None)
        self._silent = rows = False
        if not fields and bar is None:
            fields = self._headed.row(line, number)
            rows = bool(fields)
        if not fields and bar is None and self._headed.heading(line, number):
            return None
        if not fields:
            self._silent = bar is not None or not (headers.offer(number, line) or self._headed.may(line))
            marks = marks_of(line) if bar is None else []
            for key, text in marks:
                self._marks.add(key, number, text)
                self._silent = False
            said = not self._silent or "---" in line  # rules of dashes are never noise: they may belong to a table
            if self._learn and said and len(self._wordy) < WORDY and len(line) < 1000:
                self._wordy[line] = marks
            return None
        before = 0 if bar is None else sum(field.start < bar.start for field in fields)
        name, pieces, exact = signature(line, fields, bar)
        name = f"row {name}" if rows else name
        shape = self._shapes.get(name)
        if shape is None:
            form, names = self._form(line, fields, bar)
            if form is None:
                self._dropped += 1
                return None
            units = [field.unit for field in fields]
            if bar is not None:
                names.insert(before, COUNTER)
                units.insert(before, "")
            shape = self._shapes[name] = Shape(form, names, units, None if rows else pieces, exact)
        texts = [line[field.start : field.end] for field in fields]
        starts = [field.start for field in fields]
        if bar is not None:
            texts.insert(before, line[bar.start : bar.end])
            starts.insert(before, bar.start)
        shape.add(order, line, texts, starts)
        return shape

    def _form(self, line: str, fields: list[Field], bar: Bar | None) -> tuple[Form | None, list[str]]:
        """Return the form of this line, and the name of the series that each field feeds."""
        counts: dict[str, int] = {}
        names = []
        for item in fields:
            counts[item.key] = counts.get(item.key, 0) + 1
            names.append(item.key if counts[item.key] == 1 else f"{item.key}#{counts[item.key]}")
        kind = "redraw" if bar is not None else "header" if is_restored(line) else "text"
        ranks = [(rank, item.key) for item in fields if (rank := step_rank(item.key)) is not None]
        keyed = bool(ranks) and kind == "text"
        by = _written(line, fields, min(ranks)[1]) if keyed else fields[0].key if bar is None else ""
        begin = fields[0].key_start if bar is None else min(fields[0].key_start, bar.begin)
        head = head_of(line[:begin]) if bar is None else f"{head_of(line[:begin])} bar".strip()
        form = self._forms.get((kind, head, by))
        if form is None and len(self._forms) < FORMS and self._wide + len(names) <= SERIES:
            form = self._forms[kind, head, by] = Form(head, kind, keyed, self._marks)
        if form is not None:
            new = [name for name in names if name not in form.names]
            if self._wide + len(new) > SERIES:
                return None, names
            form.names.update(new)
            self._wide += len(new)
        return form, names

    def _tidy(self) -> None:
        """Forget shapes that came once or twice, and patterns that no longer match, when there are many."""
        if len(self._shapes) > SHAPES:
            self._shapes = {name: shape for name, shape in self._shapes.items() if shape.match is not None}
        if len(self._patterns) > PATTERNS:
            self._patterns.sort(key=lambda shape: -shape.hits)
            for shape in self._patterns[PATTERNS // 2 :]:
                shape.forget()
            del self._patterns[PATTERNS // 2 :]
            self._shapes = {name: shape for name, shape in self._shapes.items() if shape.match is not None}

    def _end(self, facts: TextFacts, banner: Banner, headers: Headers, starts: int) -> None:
        """End of file: tell headers from series, and feed what is left."""
        forms = self._active()
        recurs = any(form.in_file > 1 for form in forms if form.keyed)
        for form in forms:
            if form.keyed and not (recurs and form.in_file == 1 and not form.decided and form.plural):
                form.end_file(facts.file)
        sources = [banner.restarts, *(form.take_restarts() for form in forms)]
        facts.restarts = _clusters(sources)
        most = 2 + max(len(facts.restarts), starts)
        again: list[Setting] = []  # settings in lines that come again and again
        lines = headers.lines(most)
        for form in forms:
            few = form.in_file <= most and not form.measures
            if not form.decided and (form.kind == "header" or (form.kind == "text" and few)):
                lines += form.header
                form.drop()
            else:
                again += form.stated.settings(facts.file) if not form.measures else []
                form.end_file(facts.file)
        facts.settings = settings_of(lines, facts.file)
        if again:
            facts.settings = sorted([*facts.settings, *again], key=lambda one: one.place.line or 0)

    def _limits(self, shown: str) -> list[Note]:
        if not self._dropped:
            return []
        text = f"{self._dropped} lines were not read: more than {FORMS} forms of lines or {SERIES} series"
        return [Note(text, Place(shown))]


def spoken_at(block: Block, orders: range) -> tuple[int, str] | None:
    """Return the first of some lines that is not blank, with its number."""
    for at in orders[:100]:
        line = block.rows[at].strip()
        if line:
            return block.number(at), line[:400]
    return None


def _written(line: str, fields: list[Field], key: str) -> str:
    """Return the name of a step and how it is joined to its number: `Epoch: 5` and `Epoch [5/90]` are two forms."""
    step = next(field for field in fields if field.key == key)
    return f"{key}{''.join(line[step.key_end : step.start].split())}"


def _match(shape: Shape, orders: list[int], lines: Rows) -> list[int]:
    """Read the lines that the pattern of this shape knows; return the order numbers of the others."""
    if not orders or shape.match is None:
        return orders
    texts = lines.chosen(np.array(orders, dtype=np.int64)).tolist()
    found = list(map(shape.match.fullmatch, texts))
    hits = [match for match in found if match is not None]
    if not hits:
        return orders
    mine = orders if len(hits) == len(orders) else [at for at, match in zip(orders, found, strict=True) if match]
    others = [] if mine is orders else [at for at, match in zip(orders, found, strict=True) if match is None]
    shape.hits += len(hits)
    shape.sample = mine[-1]
    mine_texts = texts if mine is orders else [text for text, match in zip(texts, found, strict=True) if match]
    bad = shape.read(mine, mine_texts, hits)
    return sorted([*others, *(mine[at] for at in bad)]) if bad else others


def _clusters(sources: list[list[Restart]]) -> list[Restart]:
    """Join what several sources tell of one restart: the first stands, until a source tells of another."""
    events = sorted(((item.line, at, item) for at, items in enumerate(sources) for item in items), key=lambda e: e[:2])
    joined: list[Restart] = []
    told: set[int] = set()
    for _, source, item in events:
        if not joined or source in told:
            joined.append(item)
            told = set()
        told.add(source)
    return joined
