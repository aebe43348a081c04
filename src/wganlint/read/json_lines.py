"""JSON lines become rows: each line a record, read by the pattern of the lines that look like it; part of read/columns.

A form of line that comes often is read many at a time, as bytes (read/json_scan).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from wganlint.evidence import Place
from wganlint.read.json_scan import LineScan
from wganlint.read.json_walk import NUMBER, BrokenJSON, Leaf, leaves, unquoted
from wganlint.read.lines import Damage, blocks
from wganlint.read.records import CONFIG, WIDEST, Records, Told, names_of
from wganlint.read.rows import Rows as Lines
from wganlint.read.scan import Found
from wganlint.read.scan import Lines as Bytes
from wganlint.read.sheet import Column, Rows, is_label
from wganlint.run import Note
from wganlint.series import Ints
from wganlint.texts import strings

OFTEN = 50  # lines of one form in a block that are worth a template
TEMPLATES = 16  # forms of JSON lines with a pattern
FIRST = 50  # lines among which a line of JSON may be the configuration
_STATES = re.compile(rf'^\ufeff?\s*\{{\s*"{CONFIG}"\s*:\s*\{{', re.IGNORECASE)

_Matched = Sequence[tuple["_Template", list[int], list[re.Match[str]]]]  # rows and matches of each template

_Scanned = Sequence[tuple[LineScan, Found, Ints]]  # with the places of the rows among all records of the block


def is_lines(head: bytes) -> bool:
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


class JsonLines:
    """Reads a file whose lines are records."""

    def __init__(self, into: Records) -> None:
        self.into = into
        self._templates: list[_Template] = []
        self._scans: list[LineScan] = []

    def read(self, stream: BinaryIO) -> None:
        """Read to the end.

        Raises:
            InputError: the file cannot be read.
        """
        into = self.into
        damage = Damage(into.shown)
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
                    into.bad += 1
                    into.first_bad = into.first_bad or number
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
        into.notes += damage.all_notes()
        if last[0] and last[1].lstrip().startswith("{"):
            into.bad -= 1
            into.notes.append(Note("the last line is cut and was left out", Place(into.shown, last[0])))

    def _stated(self, line: str, number: int) -> bool:
        """Whether a line among the first is no record but the configuration: {"config": {"lr": 0.1, ...}}."""
        if self.into.told or _STATES.match(line) is None:
            return False
        try:
            found = leaves(line)
        except BrokenJSON:
            return False
        if not found or len(found) > WIDEST or len({leaf.path[0] for leaf in found}) > 1:
            return False
        self.into.told += [Told(leaf.path[1:], unquoted(leaf), number, leaf.start + 1, line) for leaf in found]
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
        self.into.rows += len(every)
        columns = {name: _join(parts) for name, parts in pieces.items()}
        numbers = places.start + every if isinstance(places, range) else places[every]
        longest = int((lines.stops[every] - lines.starts[every]).max())
        quotes = lines if len(every) == len(lines) else lines.chosen(every)
        self.into.sheet("").take(Rows(numbers, quotes, columns, dict(words), longest))


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
