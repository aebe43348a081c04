"""Text that goes into Markdown without changing it: prose, code and fences (Report -> render)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wganlint.render.cells import clean

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&()*+,;=%-]+")
_OPENING = re.compile(r"^([-+](?=\s|$)|-(?=[-\s]*$)|=(?=[=\s]*$)|#(?=#*(?:\s|$))|\d{1,9}[.)](?=\s|$))")


def prose(text: str) -> str:
    """Return `text` as inline Markdown on one line: code in single backticks stays code, all else is literal.

    Pipes stay: the documents have no tables, and one line alone cannot become one.
    """
    shown = re.sub(r"[ \t\r\n]+", " ", text).strip()
    parts: list[str] = []
    at = 0
    for span in _SPAN.finditer(shown):
        parts += [_literal(shown[at : span.start()]), code(span[1])]
        at = span.end()
    parts.append(_literal(shown[at:]))
    return _OPENING.sub(_escaped_opening, "".join(parts))


def code(text: str) -> str:
    """Return `text` as a code span, fenced by more backticks than it holds."""
    shown = clean(text) or " "
    ticks = "`" * (_longest(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or (shown.startswith(" ") and shown.strip()) else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fence(lines: Iterable[str], language: str = "") -> list[str]:
    """Return a fenced block that none of `lines` can close. Control characters are written out."""
    shown = [clean(line).rstrip() for line in lines]
    ticks = "`" * max(3, 1 + max((_longest(line) for line in shown), default=0))
    return [ticks + language, *shown, ticks]


def reference(text: str) -> str:
    """Return a reference with its addresses as links."""
    parts: list[str] = []
    at = 0
    for link in _LINK.finditer(text):
        address = link[0].rstrip(".,;:)")
        parts += [prose(text[at : link.start()]), f"<{address}>"]
        at = link.start() + len(address)
    parts.append(prose(text[at:]))
    return " ".join(part for part in parts if part)


def _literal(text: str) -> str:
    shown = "".join(_ENTITIES.get(char, char) for char in clean(text))
    shown = re.sub(r"([\\`*\[\]~])", r"\\\1", shown)
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", shown)


def _escaped_opening(found: re.Match[str]) -> str:
    mark = found[1]
    return f"{mark[:-1]}\\{mark[-1]}"


def _longest(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
