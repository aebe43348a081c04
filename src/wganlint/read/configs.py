"""Configuration files (JSON, YAML, dumps of options) become settings with their lines; part of read/columns.

YAML is read as far as hyper-parameters need it: nested `key: value`, short lists, comments. Nothing is constructed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO

from wganlint.evidence import Place
from wganlint.read.header import settings_of
from wganlint.read.lines import Damage, blocks
from wganlint.read.records import Told
from wganlint.read.tokens import is_number, number
from wganlint.run import Note, Setting

MOST = 5_000  # settings of one file
LINES = 100_000  # lines read of one file
CONTEXT = 200
_LINE = re.compile(
    r"(?P<indent> {0,400})(?P<dash>- {1,40})?"
    r"(?P<key>\"[^\"\n]{1,200}\"|'[^'\n]{1,200}'|[^\s#:\[\]{},&*!|>'\"%@`-][^:#\n]{0,200}?)"
    r"\s{0,40}:(?:\s+(?P<value>.*))?"
)
_QUOTED = re.compile(r"\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^']|'')*)'")
_HIDDEN = re.compile(r"pass(?:word|wd)|secret|token(?!iz)|api_?key|credential|private_?key", re.IGNORECASE)


def told_settings(told: Iterable[Told], shown: str) -> list[Setting]:
    """Return the scalars of a JSON file as settings."""
    found = []
    for item in told:
        path = [str(part) for part in item.path if part not in ("value", "desc")]
        if item.path and item.path[-1] == "desc":
            continue
        found.append(setting(path or ["value"], item.value, shown, item.line, item.column, item.quote))
    return [item for item in found if item is not None][:MOST]


def setting(path: list[str], value: str, shown: str, line: int, column: int, quote: str) -> Setting | None:
    """Return a setting of a configuration file; a secret is left out. Its context is where it stands in the file."""
    if _HIDDEN.search("/".join(path)) or len(value) > 2_000:
        return None
    amount = number(value) if is_number(value) else None
    end = column + len(value) if column > 0 else None
    place = Place(shown, line, column if column > 0 else None, end)
    context = " ".join([*path[:-1], *quote.split()]).lower()[:CONTEXT]
    name = ".".join(path)
    return Setting(name, value, amount, place, quote[:400], "config", context)


def read_yaml(stream: BinaryIO, shown: str) -> tuple[list[Setting], list[Note]]:
    """Return the settings of a YAML file, and notes on what was repaired.

    Raises:
        InputError: the file is binary, or cannot be read.
    """
    found: list[Setting] = []
    above: list[tuple[int, str]] = []  # indents and keys of the mappings around
    text_below: int | None = None  # indent of a key whose text (| or >) follows
    damage = Damage(shown)
    for at, line in _numbered(stream, damage):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        if text_below is not None and indent > text_below:
            continue
        text_below = None
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            continue
        indent += len(match["dash"] or "")
        while above and above[-1][0] >= indent:
            above.pop()
        key = match["key"].strip("\"'")
        value, column = _value(match["value"] or "", match.start("value") + 1)
        if value in ("|", ">", "|-", ">-", "|+", ">+"):
            text_below = indent
        elif value == "" or value.startswith(("&", "!")):
            above.append((indent, key))
        else:
            names = [name for _, name in above]
            if key == "value" and names:  # W&B writes lr: {desc: ..., value: 0.1}
                names, key = names[:-1], names[-1]
            elif key == "desc":
                continue
            item = setting([*names, key], value, shown, at, column, line.rstrip())
            if item is not None:
                found.append(item)
    return found[:MOST], damage.all_notes()


def _numbered(stream: BinaryIO, damage: Damage) -> Iterable[tuple[int, str]]:
    """Yield the first lines with their numbers."""
    for block in blocks(stream, damage):
        for at, line in zip(block.numbers, block.lines, strict=True):
            if at > LINES:
                return
            yield at, line[:4000]


def _value(text: str, column: int) -> tuple[str, int]:
    """Return a value without its quotes and comment, and its column."""
    quoted = _QUOTED.match(text)
    if quoted is not None:
        inner = quoted["double"] if quoted["double"] is not None else quoted["single"].replace("''", "'")
        return inner, column + 1
    return re.split(r"\s#", text, maxsplit=1)[0].strip(), column


def read_options(stream: BinaryIO, shown: str) -> tuple[list[Setting], list[Note]]:
    """Return the settings of a text that lists options: `batch_size: 1   [default: 4]`, `--lr 0.1`, `lr = 0.1`.

    Raises:
        InputError: the file is binary, or cannot be read.
    """
    damage = Damage(shown)
    found = settings_of(_numbered(stream, damage), shown)
    return [
        Setting(s.name, s.value, s.number, s.place, s.quote, "config", s.context)
        for s in found[:MOST]
        if not _HIDDEN.search(s.name)
    ], damage.all_notes()
