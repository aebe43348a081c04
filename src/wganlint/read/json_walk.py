"""JSON cut into its scalars, each with its path and place, without recursion; part of read/records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from wganlint.late import late

LONGEST = 1 << 20  # characters of a string
_BEGIN = frozenset('"-+0123456789tfnNIi')  # of a scalar that the end of a piece may cut
DEEPEST = 64  # nesting that is followed
NUMBER = r"-?(?:[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|Infinity|inf)|[+-]?nan|NaN"
_TOKEN = late(
    rf'[\s\ufeff]*+(?:(?P<mark>[{{}}\[\]:,])|(?P<number>{NUMBER})|"(?P<string>(?:[^"\\\n]|\\.)*+)"|(?P<word>true|false|null))'
)
_BLANK = late(r"[\s\ufeff]*+")

Path = tuple[str | int, ...]


class BrokenJSON(ValueError):
    """The text is no JSON at `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"not JSON at {offset}")
        self.offset = offset


class Leaf(NamedTuple):
    """A scalar: its path (keys and places), kind ("number", "string", "word"), text as written, and offset."""

    path: Path
    kind: str
    text: str
    start: int
    end: int


class Walker:
    """Cuts a JSON text that comes in pieces. `done` once a whole value was seen; `opened` is "{" or "[" or ""."""

    def __init__(self) -> None:
        self.opened = ""
        self.done = False
        self.closed: list[tuple[Path, str]] = []  # containers that ended, to be taken by the caller
        self._kinds: list[str] = []
        self._path: list[str | int] = []
        self._await = "value"

    @property
    def depth(self) -> int:
        """How many containers are open."""
        return len(self._kinds)

    def feed(self, text: str, at: int = 0, *, last: bool = True) -> Iterator[Leaf | int]:
        """Yield the scalars of `text` from `at` on, and at the end the offset of what needs more text.

        Raises:
            BrokenJSON: the text is no JSON, or nested too deep.
        """
        match, size = _TOKEN.match, len(text)
        while True:
            found = match(text, at)
            if found is None:
                blank = _BLANK.match(text, at)
                end = blank.end() if blank else at
                if end == size or (not last and text[end] in _BEGIN and size - end < LONGEST):
                    yield end
                    return
                raise BrokenJSON(end)
            kind = found.lastgroup or ""
            if not last and found.end() == size and kind in {"number", "word"}:
                yield at
                return
            if self.done:
                raise BrokenJSON(found.start(kind))
            at = found.end()
            if kind == "mark":
                self._mark(found["mark"], found.start("mark"))
            elif kind == "string" and self._await in {"key", "first key"}:
                self._path[-1] = _unescape(found["string"])
                self._await = "colon"
            elif self._await in {"value", "first value"}:
                yield Leaf(tuple(self._path), kind, found[kind], *found.span(kind))
                self._after()
            else:
                raise BrokenJSON(found.start(kind))

    def _mark(self, mark: str, offset: int) -> None:
        if mark in "{[" and self._await in {"value", "first value"} and len(self._kinds) < DEEPEST:
            self.opened = self.opened or mark
            self._kinds.append(mark)
            self._path.append("" if mark == "{" else 0)
            self._await = "first key" if mark == "{" else "first value"
        elif (
            mark in "}]"
            and self._kinds
            and "{}[]".index(mark) == "{}[]".index(self._kinds[-1]) + 1
            and (self._await in {"comma", "first key" if mark == "}" else "first value"})
        ):
            self._kinds.pop()
            self._path.pop()
            self.closed.append((tuple(self._path), mark))
            self._after()
        elif mark == ":" and self._await == "colon":
            self._await = "value"
        elif mark == "," and self._await == "comma":
            last = self._path[-1]
            if isinstance(last, int):
                self._path[-1] = last + 1
                self._await = "value"
            else:
                self._await = "key"
        else:
            raise BrokenJSON(offset)

    def _after(self) -> None:
        self.done = not self._kinds
        self._await = "comma" if self._kinds else "value"


def leaves(text: str) -> list[Leaf]:
    """Return the scalars of one whole JSON value.

    Raises:
        BrokenJSON: the text is no JSON, holds more than one value, or is cut.
    """
    walker = Walker()
    found = [leaf for leaf in walker.feed(text) if isinstance(leaf, Leaf)]
    if not walker.done:
        raise BrokenJSON(len(text))
    return found


def unquoted(leaf: Leaf) -> str:
    """Return what a scalar says: a string without its escapes, else its text."""
    return _unescape(leaf.text) if leaf.kind == "string" else leaf.text


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"')).encode(errors="replace").decode()
    except ValueError:
        return text
