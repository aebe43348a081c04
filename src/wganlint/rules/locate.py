"""Where in a TOML file a value stands: `tomllib` keeps no places, and an error without a line is half an error."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=\s*""")
_TRIPLE = ('"""', "'''")


@dataclass(frozen=True, slots=True)
class Spot:
    """1-based line and column of the first character of a value's content; `raw` if no escapes can shift columns."""

    line: int
    column: int
    multiline: bool


def spots(text: str) -> dict[tuple[str | int, ...], Spot]:
    """Return the place of every `key = value` in a TOML text, by path: ("finds", "pin"), ("fix", 0, "check", "text").

    Good for files that `tomllib` accepts; keys inside inline tables stand at their table's place.
    """
    found: dict[tuple[str | int, ...], Spot] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    closing = ""
    for number, line in enumerate(text.split("\n"), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        header = _HEADER.match(line)
        if header and "=" not in header[2]:
            table = _table(header[2], header[1] == "[[", counts)
            found.setdefault(table, Spot(number, line.index("[") + 1, False))
            continue
        key = _KEY.match(line)
        if key is None:
            continue
        start = key.end()
        rest = line[start:]
        triple = next((mark for mark in _TRIPLE if rest.startswith(mark)), "")
        path = (*table, *_parts(key[1]))
        if triple:
            at_once = len(rest) > 3 and rest[3:].strip() != ""
            found[path] = Spot(number, start + 4, True) if at_once else Spot(number + 1, 1, True)
            closing = "" if triple in rest[3:] else triple
        else:
            found[path] = Spot(number, start + 1 + (rest[:1] in {'"', "'"}), False)
    return found


def place(found: dict[tuple[str | int, ...], Spot], path: tuple[str | int, ...]) -> Spot | None:
    """Return the place of a path, or of the nearest table around it."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None


def _parts(key: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", key)]


def _table(name: str, array: bool, counts: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    path: tuple[str | int, ...] = ()
    parts = _parts(name)
    for at, part in enumerate(parts):
        path = (*path, part)
        last = at == len(parts) - 1
        if array and last:
            counts[path] = counts.get(path, -1) + 1
            for deeper in [p for p in counts if len(p) > len(path) and p[: len(path)] == path]:
                if deeper[len(path)] == counts[path]:
                    del counts[deeper]
        if path in counts:
            path = (*path, counts[path])
    return path
