"""Where in a TOML file a value stands: `tomllib` keeps no places, and an error without a line is half an error."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TypeAlias

from msgspec import Struct

from wganlint.late import late

Path: TypeAlias = tuple[str | int, ...]

_BLANK = late(r"[ \t]*")
_GAP = late(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = late(r"[A-Za-z0-9_-]+")
_SCALAR = late(r"[^,\]}#\n]+")
_TEXT = re.compile(
    r'"""(?:\n)?(?P<a>(?:\\.|[^\\])*?)"""(?!")|\'\'\'(?:\n)?(?P<b>.*?)\'\'\'(?!\')'
    r'|"(?P<c>(?:\\.|[^"\\\n])*)"|\'(?P<d>[^\'\n]*)\'',
    re.DOTALL,
)
_CONTINUED = late(r"\\[ \t]*\n[ \t\n]*")
_ESCAPES = {"u": 6, "U": 10}


class Spot(Struct, frozen=True):
    """Where a value stands: 1-based line and column of its first character, inside the quotes if it is a text.

    `key_line` and `key_column` are those of its key; `raw` is a text as the file writes it, `escaped` if a backslash
    in it means something.
    """

    line: int
    column: int
    key_line: int
    key_column: int
    raw: str = ""
    escaped: bool = False

    def inside(self, line: int, column: int) -> tuple[int, int]:
        """Return the place in the file of the character at `line`, `column` of the text that stands here."""
        at, there, here = 0, (1, 1), (self.line, self.column)
        while at < len(self.raw):
            continued = _CONTINUED.match(self.raw, at) if self.escaped else None
            if there >= (line, column) and continued is None:
                break
            size = len(continued[0]) if continued else self._size(at)
            piece = self.raw[at : at + size]
            if continued is None:
                there = (there[0] + 1, 1) if piece in ("\n", "\\n") else (there[0], there[1] + 1)
            lines = piece.count("\n")
            here = (here[0] + lines, (1 if lines else here[1]) + len(piece.rpartition("\n")[2]))
            at += size
        return here

    def _size(self, at: int) -> int:
        return _ESCAPES.get(self.raw[at + 1], 2) if self.escaped and self.raw[at] == "\\" else 1


def spots(text: str) -> dict[Path, Spot]:
    """Return the place of every value in a TOML text that `tomllib` accepts, by path.

    Paths go through tables, inline tables and lists: ("finds", "pin", "detector"), ("fix", 0, "check", "text"),
    ("references", 1).
    """
    scan = _Scan(text.replace("\r\n", "\n"))
    scan.document()
    return scan.found


def place(found: dict[Path, Spot], path: Path) -> Spot | None:
    """Return the place of a path, or of the nearest table around it."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, Spot] = {}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def where(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.starts, at)
        return line, at - self.starts[line - 1] + 1

    def put(self, path: Path, at: int, key: int, raw: str = "", escaped: bool = False) -> None:
        self.found.setdefault(path, Spot(*self.where(at), *self.where(key), raw, escaped))

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def next_is(self, mark: str) -> bool:
        return self.text.startswith(mark, self.at)

    def document(self) -> None:
        table: Path = ()
        counts: dict[Path, int] = {}
        self.skip(_GAP)
        while self.at < len(self.text):
            start = self.at
            if self.next_is("["):
                array = self.next_is("[[")
                self.at += 2 if array else 1
                table = self.header(start, array, counts)
                self.at += 2 if array else 1
            else:
                self.pair(table)
            self.skip(_GAP)
            if self.at == start:  # not TOML: `tomllib` has said so
                return

    def header(self, start: int, array: bool, counts: dict[Path, int]) -> Path:
        parts = self.key()
        table: Path = ()
        for at, (name, key) in enumerate(parts):
            table = (*table, name)
            if array and at == len(parts) - 1:
                counts[table] = counts.get(table, -1) + 1
            self.put(table, start, key)
            if table in counts:
                table = (*table, counts[table])
                self.put(table, start, key)
        return table

    def key(self) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self.skip(_BLANK)
            match = _TEXT.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if match is None:
                return parts
            parts.append((_content(match)[1] if match.re is _TEXT else match[0], self.at))
            self.at = match.end()
            self.skip(_BLANK)
            if not self.next_is("."):
                return parts
            self.at += 1

    def pair(self, table: Path) -> None:
        parts = self.key()
        path = table
        for name, key in parts:
            path = (*path, name)
            if path != (*table, *(part for part, _ in parts)):
                self.put(path, key, key)
        if parts and self.next_is("="):
            self.at += 1
            self.value(path, parts[-1][1])

    def value(self, path: Path, key: int) -> None:
        self.skip(_BLANK)
        text = _TEXT.match(self.text, self.at)
        if text is not None:
            start, raw, escaped = _content(text)
            self.put(path, start, key, raw, escaped)
            self.at = text.end()
            return
        self.put(path, self.at, key)
        if self.next_is("["):
            self.items(path)
        elif self.next_is("{"):
            self.at += 1
            self.skip(_BLANK)
            while self.at < len(self.text) and not self.next_is("}"):
                start = self.at
                self.pair(path)
                self.skip(_BLANK)
                self.at += self.next_is(",")
                self.skip(_BLANK)
                if self.at == start:
                    return
            self.at += 1
        else:
            self.skip(_SCALAR)

    def items(self, path: Path) -> None:
        self.at += 1
        number = 0
        self.skip(_GAP)
        while self.at < len(self.text) and not self.next_is("]"):
            start = self.at
            self.value((*path, number), self.at)
            number += 1
            self.skip(_GAP)
            self.at += self.next_is(",")
            self.skip(_GAP)
            if self.at == start:
                return
        self.at += 1


def _content(match: re.Match[str]) -> tuple[int, str, bool]:
    """Return start and raw content of a text, and whether backslashes in it are escapes."""
    name = match.lastgroup or "d"
    return match.start(name), match[name], name in "ac"
