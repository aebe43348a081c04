"""Reads source that a test writes down: what the reader tests of `read/source` share."""

from __future__ import annotations

from textwrap import dedent, indent

from wganlint.read.source import read_source
from wganlint.source import SourceModel


def read_texts(head: str, *texts: str) -> SourceModel:
    """Read files that all begin with `head` (the imports), and assert that nothing had to be noted."""
    files = [(f"file{number}.py", (head + dedent(text)).encode()) for number, text in enumerate(texts)]
    model, notes = read_source(files)
    assert not notes
    return model


def inside(text: str) -> str:
    """Return statements indented as the body of a method."""
    return indent(dedent(text).strip(), " " * 8)
