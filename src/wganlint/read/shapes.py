"""Shapes of lines: a line understood once becomes a pattern for all lines like it; part of read/text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from wganlint.read.forms import Batch, Floats, Form, Ints
from wganlint.read.loose import all_fields
from wganlint.read.scan import Found, Template, template_of
from wganlint.read.tokens import NUMBER, Bar, Field, is_number, number

LEARN_AT = 3  # sightings after which a pattern pays
TEMPLATES = 4  # of one shape: where runs of digits or blanks in its text have several lengths
LONGEST = 4000  # characters of a line that is worth a pattern
_DIGITS_OR_BLANKS = re.compile(r"(?<![0-9])(?<!rank)(?<!rank[ :=])[0-9]+|\s+", re.IGNORECASE)  # ranks stay apart
_BLANKS = re.compile(r"\s+")
_LOOSE = "-+.0123456789eEnNaAiIfFtTyY"  # all characters of a plain number
_PLAIN = f"([{re.escape(_LOOSE)}]{{1,100}}+)"
_STRICT = f"((?>{NUMBER}))"
_THOUSANDS = "(?!,[0-9]{3}(?![0-9]))"


class Shape:
    """One shape of line: literal text around numbers, its digits and blanks loosely; and the rows so far.

    A line has the same shape exactly if the tokenizer finds the same keys and literals in it, so it does not
    matter whether a row was read by the tokenizer or by the pattern.
    """

    def __init__(self, form: Form, names: list[str], units: list[str], pieces: list[str] | None, exact: bool) -> None:
        self.form = form
        self.names = names  # one for each number: the series of the form it feeds
        self.units = units
        self.pieces = pieces  # regular expressions, or None where no pattern can be made
        self.exact = exact  # literals have one length, so columns follow from the lengths of the numbers
        self.match: re.Pattern[str] | None = None
        self.seen = 0
        self.hits = 0
        self.templates: list[Template] = []
        self.sample = 0  # order number of the last line that the pattern matched
        self._orders: list[int] = []
        self._lines: list[str] = []
        self._texts: list[Sequence[str]] = []
        self._starts: list[Sequence[int]] = []

    def learn(self) -> bool:
        """Compile the pattern once the shape was seen often enough; True if there is a new one."""
        self.seen += 1
        if self.seen != LEARN_AT or self.pieces is None:
            return False
        self.match = re.compile("".join(self.pieces))
        return True

    def forget(self) -> None:
        """Drop the pattern."""
        self.match, self.seen = None, 0

    def add(self, order: int, line: str, texts: Sequence[str], starts: Sequence[int]) -> None:
        """Take a row that the tokenizer read."""
        self._orders.append(order)
        self._lines.append(line)
        self._texts.append(texts)
        self._starts.append(starts)

    def read(self, orders: list[int], lines: list[str], found: list[re.Match[str]]) -> list[int]:
        """Take rows that the pattern matched; return the positions of those that are no numbers after all."""
        texts = list(zip(*map(re.Match.groups, found), strict=True))
        values: list[Floats] = []
        bad: set[int] = set()
        for column in texts:
            try:
                values.append(np.fromiter(map(float, column), np.float64, len(column)))
            except ValueError:
                bad.update(at for at, text in enumerate(column) if not is_number(text))
                values.append(np.array([number(t) if is_number(t) else 0.0 for t in column], dtype=np.float64))
            else:
                if len(max(column, key=len)) > 25:
                    bad.update(at for at, text in enumerate(column) if not is_number(text))
        if bad:
            keep = [at for at in range(len(found)) if at not in bad]
            if keep:
                self.read([orders[i] for i in keep], [lines[i] for i in keep], [found[i] for i in keep])
            return sorted(bad)
        starts = self._columns(texts, found)
        self.form.take(Batch(np.array(orders, dtype=np.int64), lines, self.names, self.units, texts, values, starts))
        return []

    def _columns(self, texts: list[tuple[str, ...]], found: list[re.Match[str]]) -> list[Ints]:
        if not self.exact:
            places = [match.regs for match in found]
            return [
                np.fromiter((row[at][0] + 1 for row in places), np.int64, len(found)) for at in range(1, len(texts) + 1)
            ]
        first = found[0].regs
        begin = np.full(len(found), first[1][0] + 1, dtype=np.int64)
        starts = [begin]
        for at, column in enumerate(texts[:-1], 1):
            gap = first[at + 1][0] - first[at][1]
            begin = begin + np.fromiter(map(len, column), np.int64, len(column)) + gap
            starts.append(begin)
        return starts

    def study(self, line: str) -> Template | None:
        """Make a template of a line that the pattern matched, unless there are several already."""
        if len(self.templates) >= TEMPLATES or not self.plain:
            return None
        fields = all_fields(line)
        if not fields or signature(line, fields, None)[1] != self.pieces:  # matched, but no number after all
            return None
        template = template_of(line, fields)
        if template is not None:
            self.templates.append(template)
        return template

    def take(self, found: Found) -> None:
        """Take the rows that a template read."""
        self.form.take(
            Batch(
                found.orders, found.lines, self.names, self.units, found.texts, found.values, found.starts,
                longest=found.longest,
            )
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """Whether its rows are literal text around plain numbers, so that a template can read them."""
        pieces = self.pieces or []
        groups = [piece for piece in pieces if piece.startswith("(")]
        return len(groups) == len(self.names) and all(piece == _PLAIN for piece in groups)

    def flush(self) -> None:
        """Hand the rows that the tokenizer read to the form."""
        if not self._orders:
            return
        texts = list(zip(*self._texts, strict=True))
        values = [np.array([number(text) for text in column], dtype=np.float64) for column in texts]
        starts = [np.array(column, dtype=np.int64) + 1 for column in zip(*self._starts, strict=True)]
        orders = np.array(self._orders, dtype=np.int64)
        self.form.take(Batch(orders, self._lines, self.names, self.units, texts, values, starts))
        self._orders, self._lines, self._texts, self._starts = [], [], [], []


def signature(line: str, fields: list[Field], bar: Bar | None) -> tuple[str, list[str] | None, bool]:
    """Return the name of a line's shape, its regular expressions (or None), whether literals are exact."""
    pieces: list[str] = []
    names: list[str] = []
    exact = bar is None
    fits = len(line) <= LONGEST and len(fields) <= 90
    at = 0
    for index, field in enumerate(fields):
        if bar is not None and field.start > bar.start:
            at, bar = _bar(line, at, bar, names, pieces), None
        name, piece, same = _literal(line[at : field.key_start])
        fits = fits and field.key_start - at <= 70
        separator, pattern = _separator(line[field.key_end : field.start])
        unit = line[field.end : field.unit_end]
        stop = fields[index + 1].key_start if index + 1 < len(fields) else len(line)
        group, mark = _group(line[field.start : field.end], line[field.end : stop])
        names += [name, field.key, separator, mark, unit]
        pieces += [piece, re.escape(line[field.key_start : field.key_end]), pattern, group, re.escape(unit)]
        exact = exact and same and "\\s" not in pattern
        at = field.unit_end
    if bar is not None:
        at = _bar(line, at, bar, names, pieces)
    name, piece, _ = _literal(line[at:])
    names.append(name)
    pieces.append(piece)
    whole = "\0".join(names)
    return whole, pieces if fits and "\4" not in whole else None, exact


def _bar(line: str, at: int, bar: Bar, names: list[str], pieces: list[str]) -> int:
    """Add the parts of a progress bar up to the end of its counter; return that end."""
    if bar.drawn >= 0:
        name, piece, _ = _literal(line[at : bar.drawn])
        names += [name, "\1"]
        pieces += [piece, "[^|]*+"]
        at = bar.drawn_end
    name, piece, _ = _literal(line[at : bar.start])
    names += [name, "\0"]
    pieces += [piece, "([0-9]{1,18}+)"]
    return bar.end


def _literal(text: str) -> tuple[str, str, bool]:
    """Return a name and a pattern for literal text, digits and blanks loosely; is its length fixed?"""
    if not text:
        return "", "", True
    if text == " " or text == ", ":
        return text, re.escape(text), True
    name = _DIGITS_OR_BLANKS.sub(_loose_name, text)
    pattern: list[str] = []
    at = 0
    same = True
    for match in _DIGITS_OR_BLANKS.finditer(text):
        pattern.append(re.escape(text[at : match.start()]))
        run = match[0]
        if run.isspace():
            pattern.append(re.escape(run) if len(run) == 1 else r"\s{2,}+")
            same = same and len(run) == 1
        else:
            pattern.append("[0-9]{1,18}+")
            same = False
        at = match.end()
    pattern.append(re.escape(text[at:]))
    return name, "".join(pattern), same


def _loose_name(match: re.Match[str]) -> str:
    run = match[0]
    if run.isspace():
        return run if len(run) == 1 else "\2"
    return "\3" if len(run) <= 18 else "\4"


def _separator(text: str) -> tuple[str, str]:
    name = _BLANKS.sub("\2", text)
    return name, r"\s++".join(re.escape(part) for part in _BLANKS.split(text))


def _group(text: str, after: str) -> tuple[str, str]:
    """Return the pattern of a number and the mark that it leaves in the name of the shape."""
    if "," in text or (after and after[0] in _LOOSE):
        return _STRICT, "S"
    if after[:1] == "," and after[1:2].isdigit():
        return _PLAIN + _THOUSANDS, "P"
    return _PLAIN, "P"
