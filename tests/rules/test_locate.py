"""The scanner that gives back the places that `tomllib` throws away."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from wganlint.rules.locate import place, spots
from wganlint.shipped import rules_folder

TEXT = '''# a comment with [brackets] = "and a text"
code = "X"
"quoted key" = 'literal'
dotted . deep = 1
list = [
    "a = b",   # ] not the end
    [1, 2], { in = "line" },
]
story = """
[finds]
key = value"""

[finds]
pin = { detector = "d", at = 0.5, more = { x = 'y' } }

  [[fix]]
  title = "one"
  [fix.check]
  text = """first \\
     joined"""
[[fix]]
title = "two"
day = 1979-05-27 07:32:00
'''


def snippet(path: tuple[str | int, ...], size: int = 6) -> str:
    spot = spots(TEXT)[path]
    return TEXT.split("\n")[spot.line - 1][spot.column - 1 :][:size]


@pytest.mark.parametrize(
    ("path", "start"),
    [
        (("code",), 'X"'),
        (("quoted key",), "litera"),
        (("dotted", "deep"), "1"),
        (("list",), "["),
        (("list", 0), "a = b"),
        (("list", 1), "[1, 2]"),
        (("list", 1, 1), "2]"),
        (("list", 2, "in"), "line"),
        (("story",), "[finds"),
        (("finds", "pin"), "{ dete"),
        (("finds", "pin", "detector"), 'd"'),
        (("finds", "pin", "at"), "0.5"),
        (("finds", "pin", "more", "x"), "y'"),
        (("fix", 0), "[[fix]"),
        (("fix", 0, "title"), "one"),
        (("fix", 0, "check"), "[fix.c"),
        (("fix", 0, "check", "text"), "first"),
        (("fix", 1, "title"), "two"),
        (("fix", 1, "day"), "1979-0"),
    ],
    ids=str,
)
def test_each_value_has_its_place(path: tuple[str | int, ...], start: str) -> None:
    assert snippet(path).startswith(start)


def test_what_looks_like_a_key_inside_a_text_or_list_is_none() -> None:
    found = spots(TEXT)
    assert not {("key",), ("a",), ("list", 3), ("fix", 2)} & found.keys()
    assert place(found, ("finds", "pin", "nothing", 3)) == found["finds", "pin"]
    assert place(found, ("nothing",)) is None


def test_a_place_inside_a_text_counts_escapes_and_joined_lines() -> None:
    text = 'one = "a\\"b\\u00e9c"\ntwo = """\nfirst \\\n   joined\nlast"""\n'
    data, found = tomllib.loads(text), spots(text)
    lines = text.split("\n")
    for key, letter in [("one", "b"), ("one", "c"), ("two", "j"), ("two", "l")]:
        value: str = data[key]
        at = value.index(letter)
        line, column = found[key,].inside(value.count("\n", 0, at) + 1, at - value.rfind("\n", 0, at))
        assert lines[line - 1][column - 1] == letter


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inside for found in [(*path, key), *paths(item, (*path, key))]]


@pytest.mark.parametrize("file", sorted(rules_folder().glob("**/*.toml")), ids=lambda file: file.name)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_every_value_of_a_shipped_file_is_found_where_it_stands(file: Path, newline: str) -> None:
    text = file.read_text(encoding="utf-8").replace("\n", newline)
    lines = text.replace("\r\n", "\n").split("\n")
    data, found = tomllib.loads(text), spots(text)
    for path in paths(data):
        assert path in found, path
        value: Any = data
        for step in path:
            value = value[step]
        spot = found[path]
        line, column = spot.line, spot.column
        if isinstance(value, str) and value:
            line, column = spot.inside(1, 1)
            assert lines[line - 1][column - 1 :].startswith(value.split("\n")[0][:1])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            assert float(lines[line - 1][column - 1 :].split()[0].rstrip(",]}")) == value
        if isinstance(path[-1], str):
            assert lines[spot.key_line - 1][spot.key_column - 1 :].lstrip("\"'").startswith(path[-1])
