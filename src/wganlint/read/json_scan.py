"""JSON lines that differ in their numbers only are read many at a time, as bytes; part of read/records.

A template is taken from a line that was read in the ordinary way. Text around the numbers must be the same byte for
byte, but for digits in strings that tell no runs apart (a date). What differs in anything else is left to the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wganlint.read.digits import Flags
from wganlint.read.json_walk import Leaf
from wganlint.read.scan import Found, Lines, Template, template_of
from wganlint.read.sheet import is_label
from wganlint.read.tokens import Field
from wganlint.series import Ints
from wganlint.texts import strings

_WORDS = np.array([b"NaN", b"nan", b"-nan", b"+nan", b"Infinity", b"-Infinity", b"inf", b"-inf"])
_DIGIT = re.compile("[0-9]")


class LineScan:
    """Reads the lines of one template: `names` for each number, None for no series; `labels` as they are written."""

    def __init__(
        self, names: Sequence[str | None], template: Template, numbers: Mapping[str, int], words: Mapping[str, str]
    ) -> None:
        self.names = names
        self.numbers = numbers  # labels that are numbers: which number
        self.words = words  # labels that are strings: the string, which is the same in all lines
        self._template = template

    @staticmethod
    def of(line: str, found: Sequence[Leaf], names: Sequence[str | None]) -> LineScan | None:
        """Make a template of one line, of which `names` names the numbers; None where that cannot be."""
        fields: list[Field] = []
        numbers: dict[str, int] = {}
        words: dict[str, str] = {}
        end = 0  # of the number before
        loose = 0  # digits before this place may differ
        for leaf in found:
            name = "/".join(map(str, leaf.path))
            if leaf.kind == "number":
                if is_label(name):
                    numbers[name] = len(fields)
                fields.append(Field(name, max(loose, end), leaf.start, leaf.start, leaf.end, "", leaf.end))
                end = loose = leaf.end
            elif leaf.kind == "string":
                text = line[leaf.start : leaf.end]
                if is_label(name):
                    words[name] = text
                if is_label(name) and _DIGIT.search(text) is not None:
                    loose = -1  # up to the next number all is as in this line
                elif loose >= 0:
                    loose = leaf.end
        if len(fields) != len(names) or _DIGIT.search(line, end) is not None:
            return None
        template = template_of(line, fields) if fields else None
        return None if template is None else LineScan(names, template, numbers, words)

    def labels(self, found: Found) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield the cells of each label."""
        for name, word in self.words.items():
            yield name, [word] * len(found.orders)
        for name, at in self.numbers.items():
            yield name, strings(found.texts[at])

    def read(self, lines: Lines, orders: Ints) -> Found | None:
        """Return those of the lines that are of this template."""
        found = self._template.read(lines, orders)
        if found is None:
            return None
        good = np.ones(len(found.orders), dtype=np.bool_)
        for texts in found.texts:
            good &= _is_json(texts)
        return found if good.all() else found.at(good)


def _is_json(texts: npt.NDArray[np.bytes_]) -> Flags:
    """Tell which numbers JSON allows: no plus before them, digits on both sides of a point."""
    width = texts.dtype.itemsize
    letters = np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), width)
    digits = (letters - np.uint8(48)) < 10
    points = letters == 46
    good: Flags = digits[:, 0] | ((letters[:, 0] == 45) & digits[:, min(1, width - 1)])
    good &= ~(points[:, :-1] & ~digits[:, 1:]).any(axis=1) & ~points[:, -1]
    odd = ~good
    if odd.any():
        good[odd] = np.isin(texts[odd], _WORDS)
    return good
