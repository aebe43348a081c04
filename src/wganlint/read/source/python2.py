"""files -> read -> Run: statements of Python 2, rewritten line by line for the parser of Python 3."""

from __future__ import annotations

import re

_PRINT = re.compile(
    r"^(\s*(?:(?:if|else|for|while|try|except|elif)\b[^#\n]{0,200}:\s*)?)print\b(?!\s*[(=.])[ \t]*(>>[^,\n]*,?[ \t]*)?"
)
_PRINTED = re.compile(r"^(\s*)print[ \t]+\(")
_EXCEPT = re.compile(r"^(\s*except\s+[\w.]+|\s*except\s*\([^)]*\))\s*,\s*(\w+)\s*:")
_RAISE = re.compile(r"^(\s*raise\s+[\w.]+)\s*,\s*(.+)$")
_STRING = re.compile(r"'''|\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|#.*")


def rewritten(text: str) -> str:
    """Return a text of Python 2 with its print statements, `except X, e` and `raise X, y` in the form of Python 3."""
    lines, found, open_print = text.split("\n"), [], 0
    depth, block = 0, False
    for line in lines:
        if not block and depth == 0:
            line, open_print = _line(line)
        opened, block = _depth(line, block)
        depth = max(0, depth + opened)
        if open_print and depth <= 1 and not block and not line.rstrip().endswith("\\"):
            line = _closed(line)
            depth, open_print = 0, 0
        found.append(line)
    return "\n".join(found)


def _line(line: str) -> tuple[str, int]:
    """Return a line that begins a statement, and 1 if a print was opened on it."""
    line = _EXCEPT.sub(r"\1 as \2:", line)
    line = _RAISE.sub(r"\1(\2)", line)
    match = _PRINT.match(line)
    if match is None:
        match = _PRINTED.match(line)
        if match is None or not _goes_on(line[match.end() :]):
            return line, 0
        return f"{match[1]}print({line[match.end() - 1 :]}", 1
    return f"{match[1]}print({line[match.end() :]}", 1


def _goes_on(rest: str) -> bool:
    """Return whether something follows the bracket that a print statement begins with: print ("%d") % x."""
    depth = 1
    for number, letter in enumerate(_STRING.sub(lambda found: " " * len(found[0]), rest)):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0:
            return bool(rest[number + 1 :].strip(" \t;#\r"))
    return False


def _depth(line: str, block: bool) -> tuple[int, bool]:
    """Return (brackets opened less those closed, inside a text of three quotes at the end)."""
    bare = []
    position = 0
    for match in _STRING.finditer(line):
        if match[0] in ("'''", '"""'):
            if not block:
                bare.append(line[position : match.start()])
            block = not block
        elif not block:
            bare.append(line[position : match.start()])
        position = match.end()
    if not block:
        bare.append(line[position:])
    text = "".join(bare)
    return sum(text.count(one) for one in "([{") - sum(text.count(one) for one in ")]}"), block


def _closed(line: str) -> str:
    """Return the last line of a print statement with its closing bracket, before a comment."""
    end = len(line.rstrip("\r"))
    for match in _STRING.finditer(line):
        if match[0].startswith("#"):
            end = match.start()
            break
    head = line[:end].rstrip()
    gap = line[len(head) :]
    return f"{head.rstrip(',')}){gap}"
