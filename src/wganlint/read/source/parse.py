"""files -> read -> Run: bytes become a syntax tree with its lines, or a note that says why not; nothing is executed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from pathlib import PurePosixPath

from msgspec import Struct

from wganlint.evidence import Place
from wganlint.read.source.python2 import rewritten
from wganlint.run import Note

LARGEST = 2_000_000  # bytes; a training script is a hundred times smaller
DEEPEST = 160  # levels of nesting; keeps every later walk far from Python's recursion limit

_BREAK = re.compile(r"\r\n|\r|\n")


class Code(Struct, frozen=True, eq=False):
    """One parsed file: its path as shown, the name it is imported by, its physical lines and its tree."""

    path: str
    stem: str
    lines: tuple[str, ...]
    tree: ast.Module

    def column(self, line: int, offset: int) -> int:
        """Return the 1-based column in characters of a UTF-8 byte offset in a line (both as `ast` gives them)."""
        if not 1 <= line <= len(self.lines):
            return offset + 1
        text = self.lines[line - 1]
        if text.isascii():
            return offset + 1
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1

    def place(self, node: ast.AST) -> Place:
        """Return where a node stands; the end column only where it ends on its own first line."""
        line = getattr(node, "lineno", 1)
        column = self.column(line, getattr(node, "col_offset", 0))
        end = None
        if getattr(node, "end_lineno", None) == line and getattr(node, "end_col_offset", None) is not None:
            end = self.column(line, getattr(node, "end_col_offset", 0))
        return Place(self.path, line, column, end)

    def quote(self, node: ast.AST) -> str:
        """Return the physical line on which a node starts, so that columns point into it."""
        line = getattr(node, "lineno", 1)
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else ""

    def text(self, node: ast.AST, limit: int = 200) -> str:
        """Return the source of a node on one line, cut after `limit` characters."""
        line, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) or 0
        if not 1 <= line <= last <= len(self.lines):
            return ""
        start = self.column(line, getattr(node, "col_offset", 0)) - 1
        stop = self.column(last, getattr(node, "end_col_offset", 0) or 0) - 1
        if line == last:
            parts = [self.lines[line - 1][start:stop]]
        else:
            parts = [self.lines[line - 1][start:], *self.lines[line : last - 1], self.lines[last - 1][:stop]]
        text = " ".join(" ".join(part for part in map(_uncommented, parts) if part).split())
        text = text.replace("( ", "(").replace(", )", ")").replace(" )", ")")
        return text if len(text) <= limit else text[: limit - 3] + "..."


def parse(path: str, content: bytes) -> Code | Note:
    """Return the parsed file, or a note with the place at which parsing stopped."""
    if len(content) > LARGEST:
        return Note(f"not parsed: {len(content)} bytes, more than {LARGEST}", Place(path))
    if b"\0" in content:
        return Note("not parsed: holds a NUL byte", _byte_place(path, content, content.index(b"\0")))
    text = _decoded(path, content)
    if isinstance(text, Note):
        return text
    lines = tuple(_BREAK.split(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape sequence in the user's source is not our business
            tree = ast.parse(text)
    except SyntaxError as error:
        old = _python2(text)
        if old is None:
            return Note(f"not parsed: {error.msg}", _error_place(path, lines, error))
        tree = old
    except (RecursionError, MemoryError):
        return Note("not parsed: nested too deep", Place(path))
    except (ValueError, OverflowError) as error:
        return Note(f"not parsed: {error}", Place(path))
    deep = _too_deep(tree)
    if deep is not None:
        return Note("not parsed: nested too deep", Place(path, getattr(deep, "lineno", None)))
    return Code(path, _stem(path), lines, tree)


def _python2(text: str) -> ast.Module | None:
    """Return the tree of a file of Python 2, whose lines keep their numbers, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(rewritten(text))
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None


def _decoded(path: str, content: bytes) -> str | Note:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        place = _byte_place(path, content, error.start)
        return Note(f"not parsed: byte 0x{content[error.start]:02x} is not {error.encoding}", place)
    except (SyntaxError, LookupError, ValueError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        return Note(f"not parsed: {message}", Place(path, 1))


def _byte_place(path: str, content: bytes, position: int) -> Place:
    before = content[:position]
    return Place(path, before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1)


def _error_place(path: str, lines: tuple[str, ...], error: SyntaxError) -> Place:
    line = error.lineno
    if line is None or not 1 <= line <= len(lines):
        return Place(path, min(max(line or 1, 1), len(lines)))
    column = error.offset
    return Place(path, line, column if column and 1 <= column <= len(lines[line - 1]) + 1 else None)


def _stem(path: str) -> str:
    pure = PurePosixPath(path.replace("\\", "/"))
    return pure.parent.name if pure.name == "__init__.py" and pure.parent.name else pure.stem


def _too_deep(tree: ast.Module) -> ast.AST | None:
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return level[0]


def _uncommented(line: str) -> str:
    """Return a physical line without its trailing comment (a '#' that no quote mark precedes)."""
    cut = line.find("#")
    if cut >= 0 and not any(mark in line[:cut] for mark in "\"'"):
        return line[:cut].strip()
    return line.strip()
