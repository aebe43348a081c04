"""Backward nodes are led back to the Python function that made them; part of read/trace_fold.

Node -> `Sequence number` -> the forward operation of that number -> the innermost function around it that is not
torch's own. The line in a name such as `train.py(14): critic` is that of the `def`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias

import numpy as np

from wganlint.read.trace_gather import BACKWARD, CONTEXT
from wganlint.read.trace_nest import Nested
from wganlint.trace import Site

Frame: TypeAlias = tuple[str, int, str]

SITES = 20  # kept of one node
REMEMBERED = 100_000  # forward calls whose backward node was not seen yet

_FRAME = re.compile(r"(?P<file>[^<>]+\.pyw?)\((?P<line>\d{1,9})\): (?P<function>.+)", re.DOTALL)
_FOREIGN = re.compile(r"(?:^|[/\\])(?:torch|functorch|site-packages|dist-packages|lib[/\\]python3[^/\\]*)[/\\]")
_LIBRARY = frozenset({"contextlib.py", "functools.py", "threading.py", "runpy.py", "_contextlib.py"})
_NODE = re.compile(r"(\w+?)Backward\d*\Z")


class Sites:
    """Collects for each backward node the functions whose calls made it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._frames: dict[int, Frame | None] = {}
        self._nodes = {at: _plain(found[1]) for at, name in enumerate(names) if (found := _NODE.match(name))}
        wanted = set(self._nodes.values())
        plain = ((at, _plain(name.rpartition("::")[2])) for at, name in enumerate(names))
        self._ops = {at: name for at, name in plain if name in wanted}  # operations that make such nodes
        self._made: dict[tuple[int, str], Frame | None] = {}
        self._sites: dict[int, Counter[Frame]] = {}
        self._unplaced: Counter[int] = Counter()

    def take(self, ops: Nested, functions: Nested) -> None:
        """Take the operations and the Python functions of a window."""
        records = ops.records
        known = (records["sequence"] >= 0) & ((records["kind"] & CONTEXT) == 0)
        back = (records["kind"] & BACKWARD) != 0
        nodes = np.flatnonzero(known & back & np.isin(records["name"], list(self._nodes)))
        forward = np.flatnonzero(known & ~back & np.isin(records["name"], list(self._ops)))
        owners = functions.around(records["thread"][forward], records["start"][forward])
        for number, name, owner in zip(
            records["sequence"][forward].tolist(), records["name"][forward].tolist(), owners.tolist(), strict=True
        ):
            key = (number, self._ops[name])
            if key not in self._made:
                self._made[key] = self._own(functions, owner)
        for number, name in zip(records["sequence"][nodes].tolist(), records["name"][nodes].tolist(), strict=True):
            frame = self._made.get((number, self._nodes[name]))
            if frame is None:
                self._unplaced[name] += 1
            else:
                self._sites.setdefault(name, Counter())[frame] += 1
        if len(self._made) > REMEMBERED:  # the backward pass may lie in a later window
            self._made = dict(islice(self._made.items(), len(self._made) - REMEMBERED // 2, None))

    def of(self, name: int) -> tuple[tuple[Site, ...], int]:
        """Return where a node comes from, most calls first, and how many of its calls could not be placed."""
        found = self._sites.get(name, Counter())
        return tuple(Site(*frame, calls) for frame, calls in found.most_common(SITES)), self._unplaced[name]

    def _own(self, functions: Nested, at: int) -> Frame | None:
        """Return the innermost function from here outwards that is not torch's or Python's own."""
        while at >= 0:
            name = int(functions.records["name"][at])
            if name not in self._frames:
                self._frames[name] = _frame(self._names[name])
            frame = self._frames[name]
            if frame is not None:
                return frame
            at = int(functions.parent[at])
        return None


def _frame(name: str) -> Frame | None:
    found = _FRAME.fullmatch(name)
    if found is None or _FOREIGN.search(found["file"]) or found["file"] in _LIBRARY:
        return None
    return found["file"], int(found["line"]), found["function"]


def _plain(name: str) -> str:
    """Return a name without what differs between an operation and its node: `nan_to_num` and `NanToNum`."""
    return name.replace("_", "").lower()
