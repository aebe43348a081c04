"""Which tables of one folder are one run, and which are rivals (`run_1.csv`, `run_2.csv`); part of read/discover."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from wganlint.errors import InputError
from wganlint.read.attempts import File, log_name, stem_of
from wganlint.read.cells import cell
from wganlint.read.dialect import dialect_of, is_comment
from wganlint.read.json_walk import BrokenJSON, leaves
from wganlint.read.opening import BROKEN, head_of
from wganlint.read.sheet import is_label, plain, rank

TAIL = 65_536  # bytes at the end of a table that tell its last step
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?", re.IGNORECASE)
_SPLIT = re.compile(
    r"(?<![a-z])(?:train|training|val|valid|validation|test|testing|eval|evaluation|dev|epochs?|iters?|iterations?|steps?"
    r"|batch(?:es)?|metrics?|log|logs|history|losses|loss)(?![a-z])",
    re.IGNORECASE,
)
_EXPORT = re.compile(r"run-(?P<run>.+?)-tag-(?P<tag>.+)", re.IGNORECASE)


class Peek(Struct, frozen=True):
    """What the head and the tail of a table tell: columns, first and last step, and the parts of its name."""

    file: File
    names: tuple[str, ...]
    first: float | None
    last: float | None
    run: str  # of an export of TensorBoard
    skeleton: str
    digits: tuple[str, ...]


def runs_of(files: Sequence[File]) -> list[list[File]]:
    """Return the tables of one folder, grouped by run, each group in the order of its steps."""
    if len(files) < 2:
        return [list(files)]
    peeks = [peek(file) for file in files]
    keys = _keys(peeks)
    groups: dict[tuple[str, ...], list[Peek]] = {}
    for one in peeks:
        groups.setdefault(keys.get(one.file.shown, ("",)), []).append(one)
    return [_ordered(group) for group in groups.values()]


def peek(file: File) -> Peek:
    """Look at the head and the tail of a table; what cannot be read tells nothing."""
    stem = stem_of(file.path.name)
    bare = file.path.name.rpartition(".")[0] or file.path.name
    export = _EXPORT.fullmatch(bare)
    names, first, last = _columns(file)
    attempt = log_name(stem)
    named = attempt.stem if attempt.number else stem
    digits = tuple(_DIGITS.findall(named))
    return Peek(file, names, first, last, export["run"] if export else "", _DIGITS.sub("#", named), digits)


def _columns(file: File) -> tuple[tuple[str, ...], float | None, float | None]:
    """Return the names of the columns, and the first and the last step."""
    try:
        text = head_of(file.path).decode("utf-8", "replace").lstrip("\ufeff")
    except InputError:
        return (), None, None
    bare = text.lstrip()
    if bare.startswith(("{", "[")):
        return _keys_of_record(bare), None, None
    lines = text.splitlines()
    dialect = dialect_of(lines, strict=False)
    if dialect is None:
        return (), None, None
    ranked = sorted((r, at) for at, name in enumerate(dialect.names) if (r := rank(name)) is not None)
    if not ranked:
        return dialect.names, None, None

    def step(rows: Sequence[str]) -> float | None:
        for line in rows:
            cells = dialect.cut(line)[0] if not is_comment(line) else []
            found = cell(cells[ranked[0][1]]) if len(cells) == dialect.width else None
            if found is not None:
                return found.value
        return None

    return dialect.names, step(lines[dialect.first :]), step(_tail(file)[::-1])


def _tail(file: File) -> list[str]:
    """Return the last lines of a file that is not compressed."""
    try:
        with file.path.open("rb") as stream:
            size = stream.seek(0, io.SEEK_END)
            stream.seek(max(0, size - TAIL))
            return stream.read().decode("utf-8", "replace").splitlines()[-200:]
    except BROKEN:
        return []


def _keys_of_record(text: str) -> tuple[str, ...]:
    line = text.partition("\n")[0].strip().rstrip(",")
    try:
        return tuple("/".join(map(str, leaf.path)) for leaf in leaves(line) if leaf.kind == "number")
    except BrokenJSON:
        return ()


def _keys(peeks: Sequence[Peek]) -> dict[str, tuple[str, ...]]:
    """Return for tables that are rivals what tells their runs apart."""
    exported = [one for one in peeks if one.run]
    tags = [(one.file.path.name.partition("-tag-")[2]) for one in exported]
    if len(set(tags)) < len(tags) and len({one.run for one in exported}) > 1:
        return {one.file.shown: ("run", one.run) for one in exported}
    alike: dict[tuple[str, ...], list[Peek]] = {}
    for one in peeks:
        if not one.run:
            alike.setdefault(one.names, []).append(one)
    if any(_numbered(same) for same in alike.values()):
        return {one.file.shown: ("digits", *one.digits) for one in peeks if one.digits}
    keys: dict[str, tuple[str, ...]] = {}
    for names, same in alike.items():
        measured = [name for name in names if rank(name) is None and not is_label(name) and plain(name) != "wall_time"]
        stripped = {_SPLIT.sub("", one.skeleton).strip("_-. ") for one in same}
        if len(same) > 1 and len(measured) > 1 and len(stripped) == len(same) and _overlap(same):
            keys |= {one.file.shown: ("name", one.file.path.name) for one in same}
    return keys


def _numbered(same: Sequence[Peek]) -> bool:
    """Whether tables of one kind differ in the numbers of their names, and cover the same steps."""
    by_skeleton: dict[str, list[Peek]] = {}
    for one in same:
        if one.digits:
            by_skeleton.setdefault(one.skeleton, []).append(one)
    return any(
        len({one.digits for one in group}) > 1 and _overlap(group) for group in by_skeleton.values() if len(group) > 1
    )


def _overlap(same: Sequence[Peek]) -> bool:
    """Whether the steps of tables overlap; parts of one long run follow one another."""
    spans = sorted((one.first, one.last) for one in same if one.first is not None and one.last is not None)
    if len(spans) < len(same):
        return True
    return any(after[0] <= before[1] for before, after in pairwise(spans))


def _ordered(group: list[Peek]) -> list[File]:
    """Return the files of a run in the order of their steps, those without steps by name."""
    at = {one.file.shown: (0.0 if one.first is None else one.first) for one in group}
    alike = {one.names for one in group}
    if len(alike) > 1:
        return [one.file for one in group]
    return [one.file for one in sorted(group, key=lambda one: (at[one.file.shown], one.file.shown))]
