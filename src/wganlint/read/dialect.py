"""How a delimited table is written: its delimiter, its header, its decimal mark; part of read/columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from wganlint.late import late
from wganlint.read.cells import cell, is_missing
from wganlint.read.tokens import NUMBER

OURS = ("run", "series", "role", "step", "value", "text", "file", "line")  # what our own export of points writes
LOOKED = 200  # lines that tell the dialect
PREAMBLE = 20  # lines before the header
BLANKS = " "  # the delimiter that stands for any run of blanks
_DELIMITERS = (",", "\t", ";", "|", BLANKS)
_COLUMNS = 10_000
_BARS = str.maketrans("│┃║┆┊", "|||||")  # between the cells of a drawn table
_RULE = late(r"[\s|+:=\u2500-\u257f-]*[-\u2500-\u257f][\s|+:=\u2500-\u257f-]*")  # |-----|-----|, ┡━━━╇━━━┩
_KEYED = late(rf"\s*[0-9]+\s*:\s+{NUMBER}\s*")  # 2000: 0.812
_PAIR = late(r"[^\s=:]\s?[=:]\s?[-+.0-9]")  # loss: 0.5
_DECIMAL = late(r"[+-]?[0-9]+,[0-9]+")
# Quoted, in brackets, or plain: a delimiter inside quotes or brackets parts nothing.
_WIDE = {
    mark: re.compile(
        rf'(?:"(?:[^"]|"")*+"|\((?:[^()]|\((?:[^()]|\([^()]*+\))*+\))*+\)|<[^<>{re.escape(mark)}]*+>|[^"({re.escape(mark)}]|["(])*+'
    )
    for mark in (*_DELIMITERS[:-1], ":")
}
_WORDS = late(r"\S+")


class Dialect(Struct, frozen=True):
    """How the rows of a table are written. `names`: of the columns, empty without a header."""

    delimiter: str
    width: int
    names: tuple[str, ...] = ()
    header: int = -1  # order number of the header among the lines looked at, or -1
    first: int = 0  # of the first row
    decimal: str = "."

    def plain(self, text: str) -> bool:
        """Whether lines with this text can be cut at each delimiter."""
        return self.delimiter not in (BLANKS, "|") and '"' not in text and "(" not in text

    def parts(self, data: bytes) -> bool:
        """Whether lines with these bytes can be cut at each delimiter."""
        return self.delimiter not in (BLANKS, "|") and b'"' not in data and b"(" not in data

    def cut(self, line: str) -> tuple[list[str], list[int]]:
        """Return the cells of a line without quotes and outer blanks, and where they start (0-based)."""
        if self.delimiter == BLANKS:
            found = list(_WORDS.finditer(line))
            return [match[0] for match in found], [match.start() for match in found]
        cells, starts, at, pattern = [], [], 0, _WIDE[self.delimiter]
        end = len(line)
        if self.delimiter == "|":
            line = line.translate(_BARS)
            inner = line.strip()
            if inner.startswith("|"):
                at = line.index("|") + 1
                end = line.rindex("|") if inner.endswith("|") and len(inner) > 1 else end
        while True:
            match = pattern.match(line, at, end)
            raw = match[0] if match else ""
            text = raw.strip()
            start = at + len(raw) - len(raw.lstrip())
            if len(text) > 1 and text[0] == text[-1] == '"':
                inner = text[1:-1].replace('""', '"')
                text = inner.strip()
                start += 1 + len(inner) - len(inner.lstrip())
            cells.append(text)
            starts.append(start)
            at += len(raw) + 1
            if at > end:
                return cells, starts


def is_rule(line: str) -> bool:
    """Whether a line only rules off, as below the header of a printed table."""
    return ("-" in line or not line.isascii()) and _RULE.fullmatch(line) is not None


def is_comment(line: str) -> bool:
    """Whether a line is none of the table's rows: blank, a comment, a rule."""
    bare = line.strip()
    return not bare or bare.startswith(("#", "//", "%")) or is_rule(bare)


def dialect_of(lines: Sequence[str], *, strict: bool) -> Dialect | None:
    """Return how these first lines of a file are written, or None where they are no table.

    `strict` is for files whose name does not say that they hold a table: prose and text logs must not pass.
    """
    lines = [line.translate(_BARS) for line in lines[:LOOKED] if len(line) < 1_000_000]
    rows = [(at, line) for at, line in enumerate(lines) if not is_comment(line)]
    if not rows:
        return None
    keyed = sum(_KEYED.fullmatch(line) is not None for _, line in rows)
    if keyed > 1 and keyed >= 0.95 * len(rows) - 1:  # the name of the file is the metric: BigGAN's `FID.log`
        return Dialect(":", 2, ("step", "value"), -1, rows[0][0])
    if strict and sum(_PAIR.search(line) is not None for _, line in rows) * 5 > len(rows):
        return None
    found = [_try(mark, rows, lines, strict) for mark in _DELIMITERS]
    best = [item for item in found if item is not None]
    return max(best, key=lambda item: item[0])[1] if best else None


def _try(
    mark: str, rows: list[tuple[int, str]], lines: list[str], strict: bool
) -> tuple[tuple[float, ...], Dialect] | None:
    plan = Dialect(mark, 0)
    if mark != BLANKS and not any(mark in line for _, line in rows):
        return None
    cut = [(at, plan.cut(line)[0]) for at, line in rows]
    tail = cut[1:] if len(cut) > 1 else cut
    width, times = Counter(len(cells) for _, cells in tail).most_common(1)[0]
    if times < (0.8 if strict else 0.6) * len(tail) or width > _COLUMNS or (width < 2 and mark != BLANKS):
        return None
    lead = next(at for at, (_, cells) in enumerate(cut) if len(cells) == width)
    if lead > (2 if strict else PREAMBLE):
        return None
    body = cut[lead:]
    if strict and any(len(cells) > width for _, cells in body):
        return None
    names = _names(body[0][1])
    header = body[0][0] if names else -1
    data = body[1:] if names else body
    decimal = _decimal(mark, [cells for _, cells in data])
    if not names:
        above = _commented(lines, body[0][0], mark, width)
        if above is not None:
            header, names = above
        if any(_words(cells, decimal) for _, cells in data[:-1]):
            return None  # words in the rows and no names over them: nothing says what is what
    if mark == BLANKS and not _all_numbers(data, decimal, width, bool(names)):
        return None
    numeric = _numeric(data, width, decimal)
    if data and not numeric:
        return None
    if not data and (strict or mark == BLANKS):
        return None
    if strict and (not numeric or numeric * 2 < width or len(data) < (2 if names else 3)):
        return None
    first = data[0][0] if data else (header + 1)
    score = (float(bool(names)), float(width if mark != BLANKS else width - 0.5), float(numeric))
    return score, Dialect(mark, width, names, header, first, decimal)


def _names(cells: list[str]) -> tuple[str, ...]:
    """Return the cells as names of columns, or nothing if they are none; a repeated name gets a number."""
    bare = [text.strip().strip("'") for text in cells]
    if any(cell(text) is not None for text in bare) or not any(bare):
        return ()
    if any(is_missing(text) and text for text in bare) or sum(not text for text in bare) > max(1, len(bare) // 2):
        return ()
    counts: dict[str, int] = {}
    names = []
    for text in bare:
        counts[text] = counts.get(text, 0) + 1
        names.append(text if counts[text] == 1 else f"{text}#{counts[text]}")
    return tuple(names)


def names_in(dialect: Dialect, line: str) -> tuple[str, ...]:
    """Return the names that a header line gives, or nothing if it is a row."""
    cells = dialect.cut(line)[0]
    names = _names(cells)
    return names if len(names) > 1 and all(name[:1].isalpha() or not name for name in names) else ()


def _commented(lines: list[str], before: int, mark: str, width: int) -> tuple[int, tuple[str, ...]] | None:
    """Return a header that stands in a comment above the first row: `# epoch loss_d loss_g`."""
    for at in range(before - 1, -1, -1):
        bare = lines[at].strip()
        if not bare.startswith(("#", "%")):
            continue
        names = _names(Dialect(mark, width).cut(bare.lstrip("#% \t"))[0])
        if len(names) == width and (width > 1 or len(bare) < 40):
            return at, names
        return None
    return None


def _words(cells: list[str], decimal: str) -> bool:
    return any(not is_missing(text) and cell(text, decimal=decimal) is None for text in cells)


def _all_numbers(data: list[tuple[int, list[str]]], decimal: str, width: int, named: bool) -> bool:
    good = sum(len(cells) == width and not _words(cells, decimal) for _, cells in data)
    return good >= 0.95 * len(data) - 1 and good > (0 if named else 1)


def _numeric(data: list[tuple[int, list[str]]], width: int, decimal: str) -> int:
    """Return how many columns hold numbers."""
    count = 0
    for column in range(width):
        texts = [cells[column] for _, cells in data if len(cells) == width]
        filled = [text for text in texts if not is_missing(text)]
        numbers = sum(cell(text, decimal=decimal) is not None for text in filled)
        count += bool(filled) and numbers >= 0.5 * len(filled)
    return count


def _decimal(mark: str, rows: list[list[str]]) -> str:
    """Return the decimal mark: a comma where cells are parted otherwise and no cell has a point."""
    if mark in (",", "|"):
        return "."
    texts = [text for cells in rows for text in cells]
    commas = sum(_DECIMAL.fullmatch(text) is not None for text in texts)
    points = sum("." in text and cell(text) is not None for text in texts)
    return "," if commas and not points else "."
