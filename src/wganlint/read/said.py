"""Lines that tell of the program and are no records: out of memory, a traceback, an announced end; part of read/text.

What is looked for stands in `roles.toml`. Only lines that no pattern knows are asked, so a long log pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from wganlint.evidence import Place
from wganlint.read.roles import LineKind, role_book
from wganlint.run import Said

KEPT = 200  # lines of one kind and file that are kept
LONGEST = 2000  # characters of a line that are looked at
QUOTE = 400
NEAR = 2  # lines below a benign one


class _Kind(Struct):
    count: int = 0
    lines: list[tuple[Place, str]] = field(default_factory=list)


class Ear:
    """Listens to the lines of one file."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._kinds = role_book().lines
        self._signs, self._benign = role_book().signs, role_book().benign
        self._near: list[tuple[LineKind, tuple[str, ...]]] = []  # kinds and words that these lines hold
        self._alert = False  # these lines hold such words, or benign ones
        self._passed = -NEAR - 1  # line of the last benign one
        self._heard: dict[str, _Kind] = {}

    def listen(self, lines: Iterable[str]) -> None:
        """Look through the lines that come next: what none of them says need not be sought in each."""
        self._near, self._alert = [], False
        text = " ".join([" ", *(line[:LONGEST] for line in lines)]).lower()
        if not any(sign in text for sign in self._signs):
            return
        for kind in self._kinds:
            words = tuple(word for word in kind.words if word in text)
            if words:
                self._near.append((kind, words))
        self._alert = bool(self._near) or any(word in text for word in self._benign)

    def hears(self, number: int, line: str) -> bool:
        """Whether a line, one of those that were looked through, is of one of the kinds; it is then kept."""
        if not self._alert:
            return False
        low = f" {line[:LONGEST].lower()}"
        heard = False
        if any(word in low for word in self._benign):
            self._passed = number
        passed = 0 <= number - self._passed <= NEAR
        for kind, words in self._near:
            if kind.failure and passed:
                continue
            if any(word in low for word in words) and not any(word in low for word in kind.never):
                found = self._heard.setdefault(kind.kind, _Kind())
                found.count += 1
                if len(found.lines) > KEPT:
                    found.lines.pop()
                found.lines.append((Place(self._shown, number), line.strip()[:QUOTE]))
                heard = True
        return heard

    def said(self) -> list[Said]:
        """Return what was heard."""
        return [Said(kind, heard.count, tuple(heard.lines)) for kind, heard in self._heard.items()]


def together(said: Iterable[Said]) -> tuple[Said, ...]:
    """Return what several files said, one entry for each kind."""
    kinds: dict[str, list[Said]] = {}
    for one in said:
        kinds.setdefault(one.kind, []).append(one)
    return tuple(
        Said(kind, sum(one.count for one in every), tuple(line for one in every for line in one.lines))
        for kind, every in kinds.items()
    )


def failures() -> frozenset[str]:
    """Return the kinds that tell of a failure."""
    return frozenset(kind.kind for kind in role_book().lines if kind.failure)
