"""files -> read -> Run: comments that ask for silence, `# wganlint: ignore[CODE] reason`, and the lines they mean."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from wganlint.evidence import Place
from wganlint.read.source.parse import Code
from wganlint.source import Pardon

_COMMENT = re.compile(
    r"#\s*wganlint\s*:\s*ignore\b(?:\s*\[(?P<codes>[^\]]*)\])?(?P<reason>.*)", re.IGNORECASE | re.DOTALL
)


def pardons(codes: Sequence[Code]) -> tuple[Pardon, ...]:
    """Return every such comment of the files, also those without a code or a reason."""
    return tuple(pardon for code in codes for pardon in _of(code))


def _of(code: Code) -> Iterator[Pardon]:
    if not any("wganlint" in line.lower() and "#" in line for line in code.lines):
        return
    for line, column, text in _comments(code):
        found = _COMMENT.search(text)
        if found is None:
            continue
        names = tuple(dict.fromkeys(name.strip() for name in (found["codes"] or "").split(",") if name.strip()))
        reason = found["reason"].split("#")[0].strip(" \t-:")
        alone = not code.lines[line - 1][:column].strip()
        first, last = _statement(code, _next(code, line) if alone else line)
        place = Place(code.path, line, column + 1)
        yield Pardon(place, code.lines[line - 1], "", names, reason, min(first, line), max(last, line))


def _comments(code: Code) -> Iterator[tuple[int, int, str]]:
    """Yield (line, offset, text) of the comments; texts in quotes are none."""
    source = "\n".join(code.lines)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError, IndentationError):  # it parsed, so what came before holds
        return


def _next(code: Code, line: int) -> int:
    """Return the line of code that a comment on a line of its own stands above."""
    for number in range(line + 1, min(line + 50, len(code.lines)) + 1):
        text = code.lines[number - 1].strip()
        if text and not text.startswith("#"):
            return number
    return line


def _statement(code: Code, line: int) -> tuple[int, int]:
    """Return the lines of the innermost statement around a line; of one with a body only its head."""
    found: list[tuple[int, int]] = []
    for node in ast.walk(code.tree):
        if not isinstance(node, ast.stmt | ast.ExceptHandler):
            continue
        first, last = node.lineno, node.end_lineno or node.lineno
        body = getattr(node, "body", None)
        if isinstance(body, list) and body:
            last = max(first, body[0].lineno - 1)
        if first <= line <= last:
            found.append((first, last))
    return min(found, key=lambda lines: lines[1] - lines[0], default=(line, line))
