"""Lines that a user describes, `epoch {epoch:step} D {critic_loss:num}`: compiled to a safe pattern; part of read/text.

A pattern is literal text and names in braces. It may stand anywhere in a line; blanks stand for any blanks. A user
writes no regular expression, and each pattern is tried in time that grows with the length of the line alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from wganlint.errors import UsageError
from wganlint.late import late
from wganlint.read.tokens import NUMBER, Field, step_rank

MOST = 200  # patterns
LONGEST = 1000  # characters of a pattern
TRIES = 20  # places of a line where a pattern is tried
LINE = 20_000  # characters of a line that is looked at
_KINDS = ("num", "step", "int", "any")
_PART = late(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = late(r"[^\W\d][\w ./()+\-]{0,60}")
_END = r"(?![\w]|[.,][0-9])"


class PatternError(ValueError):
    """A pattern that says nothing or cannot be told apart; `at` is the 0-based offset of the fault."""

    def __init__(self, what: str, at: int = 0) -> None:
        super().__init__(what)
        self.what, self.at = what, at


class LogLine(Struct, frozen=True):
    """A compiled pattern. `keys` are those of its groups; `anchor` is the text that it begins with."""

    text: str
    anchor: str
    match: re.Pattern[str]
    keys: tuple[str, ...]

    def fields(self, line: str) -> list[Field]:
        """Return the fields of a line that fits, else nothing."""
        if len(line) > LINE:
            return []
        begin = 0
        for _ in range(TRIES):
            if self.anchor:
                begin = line.find(self.anchor, begin)
                if begin < 0:
                    return []
            found = self.match.match(line, begin)
            if found is not None:
                spans = [found.span(group) for group in range(1, len(self.keys) + 1)]
                return [
                    Field(key, start, start, start, end, "", end)
                    for key, (start, end) in zip(self.keys, spans, strict=True)
                ]
            if not self.anchor:
                return []
            begin += 1
        return []


def log_line(text: str) -> LogLine:
    """Compile a pattern.

    Raises:
        PatternError: it is empty, has no number, an unknown kind, a bad or double name, or two names in a row.
    """
    if len(text) > LONGEST:
        raise PatternError(f"a pattern has at most {LONGEST} characters")
    parts = _parts(text)
    pieces: list[str] = []
    keys: list[str] = []
    for index, (literal, name, kind, at) in enumerate(parts):
        if not name and kind != "any":
            pieces.append(_literal(literal))
            continue
        after = _literal(parts[index + 1][0]) if index + 1 < len(parts) else ""
        if kind == "any":
            pieces.append(rf"(?>(?:(?!{after})[^\n])*+)" if after else r"[^\n]*+")
            continue
        key = "step" if kind == "step" and step_rank(name) is None else name
        if key in keys:
            raise PatternError(f"{name!r} stands twice", at)
        keys.append(key)
        glued = bool(after) and not after.startswith(r"\s")
        pieces.append(rf"({'[+-]?[0-9]{1,18}+' if kind == 'int' else f'(?>{NUMBER})'}){'' if glued else _END}")
    if not any(step_rank(key) is None for key in keys):
        raise PatternError("no number to read: write {name} where one stands")
    first = parts[0][0].split()
    anchor = first[0] if first and parts[0][0][:1].strip() else ""
    begin = r"\s*+" if not anchor else ""
    return LogLine(text, anchor, re.compile(begin + "".join(pieces)), tuple(keys))


def log_lines(texts: Iterable[str | LogLine]) -> tuple[LogLine, ...]:
    """Compile patterns that a caller gives.

    Raises:
        UsageError: one of them is no pattern.
    """
    found = []
    for text in texts:
        try:
            found.append(text if isinstance(text, LogLine) else log_line(text))
        except PatternError as error:
            hint = 'write "epoch {epoch:step} D {critic_loss:num}"'
            raise UsageError(f"log line {text!r}: {error.what}", hint=hint) from None
    return tuple(found)


def given_fields(line: str, patterns: Sequence[LogLine]) -> list[Field]:
    """Return the fields of the first pattern that fits a line."""
    for pattern in patterns:
        found = pattern.fields(line)
        if found:
            return found
    return []


def _parts(text: str) -> list[tuple[str, str, str, int]]:
    """Return literal text and placeholders in order: (literal, name, kind, offset)."""
    parts: list[tuple[str, str, str, int]] = []
    literal, at = "", 0
    for match in _PART.finditer(text):
        literal += text[at : match.start()]
        at = match.end()
        if match[0] in ("{{", "}}"):
            literal += match[0][0]
            continue
        if match[1] is None:
            raise PatternError(f"{match[0]!r} alone: write {match[0] * 2} for a brace", match.start())
        name, _, kind = (part.strip() for part in match[1].partition(":"))
        kind = kind or "num"
        if kind not in _KINDS:
            raise PatternError(f"unknown kind {kind!r}, known: {', '.join(_KINDS)}", match.start())
        if kind != "any" and not _NAME.fullmatch(name):
            raise PatternError(f"{name!r} is no name", match.start())
        if literal:
            parts.append((literal, "", "", match.start()))
        elif parts:
            raise PatternError("two names in a row: nothing tells where one ends", match.start())
        parts.append(("", name, kind, match.start()))
        literal = ""
    literal += text[at:]
    if literal.strip():
        parts.append((literal.rstrip(), "", "", at))
    if not any(kind for _, _, kind, _ in parts):
        raise PatternError("no number to read: write {name} where one stands")
    return parts


def _literal(text: str) -> str:
    """Return a pattern for literal text, in which blanks stand for any blanks."""
    pieces = re.split(r"(\s+)", text)
    return "".join(r"\s++" if piece.isspace() else re.escape(piece) for piece in pieces)
