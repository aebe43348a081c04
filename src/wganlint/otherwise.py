"""What a log says of its settings against the command that is to be run: one line where they differ, no finding."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

MOST = 4  # settings that are named in the line
LARGEST = 2_000_000  # characters of a script that is parsed
_LENGTH = re.compile(  # who runs it shorter, elsewhere or more quietly does so on purpose
    r"(n_|num_|max_)?(iter|iters|iterations|epochs?|steps|batches|workers|gpus?|threads)|(log|save|print|sample|eval)_.*"
    r"|.*(_every|_interval|_freq|_dir|_path|name)|device|out|output|resume|verbose|profile.*|start.*"
)


class Told(Struct, frozen=True):
    """A setting as an input states it, with its place as shown."""

    name: str
    value: str
    where: str

    @classmethod
    def at(cls, name: str, value: str, file: str, line: int | None) -> Told:
        """Return a setting with its file by name."""
        return cls(name, value, f"{Path(file).name}:{line}")


class Given(Struct, frozen=True):
    """The value that a command gives an option; `default`: it is not on the command line."""

    value: str
    default: bool = False


def options(text: str) -> dict[str, str]:
    """Return the options that a script takes by `add_argument("--name", default=...)`: name -> default, "" without."""
    if len(text) > LARGEST:
        return {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            names = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            given = next((one.value for one in node.keywords if one.arg == "default"), None)
            value = str(given.value) if isinstance(given, ast.Constant) and given.value is not None else ""
            found.update({one: value for one in names if one.startswith("-")})
    return found


def given(arguments: Sequence[str], known: Mapping[str, str]) -> dict[str, Given]:
    """Return the values in force by name: what the command line says, else the script's own defaults."""
    found = {_plain(name): Given(value, default=True) for name, value in known.items() if value}
    for at, word in enumerate(arguments):
        if not word.startswith("--"):
            continue
        name, equal, value = word.partition("=")
        if not equal:
            value = arguments[at + 1] if at + 1 < len(arguments) else ""
        if value and not value.startswith("--"):
            found[_plain(name)] = Given(value)
    return found


def script_options(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the options of the script of that name, else, where it has none, those of the other files."""
    script = next((text for file, text in texts.items() if Path(name).as_posix().endswith(file)), "")
    return options(script) or {one: value for text in texts.values() for one, value in options(text).items()}


def otherwise(told: Iterable[Told], arguments: Sequence[str], known: Mapping[str, str]) -> str:
    """Return one line if a command runs with other values than an input states, else "".

    `known`: the options of its script, as `script_options` gives them.
    """
    now = given(arguments, known)
    said: dict[str, list[Told]] = {}
    for one in told:
        said.setdefault(_plain(one.name), []).append(one)
    found = [text for name, ones in said.items() for text in _differs(ones, now.get(name))]
    if not found:
        return ""
    more = f", and {len(found) - MOST} more" if len(found) > MOST else ""
    return f"the log was made with other settings than this command gives: {'; '.join(found[:MOST])}{more}"


def _differs(ones: Sequence[Told], now: Given | None) -> Iterator[str]:
    name = _plain(ones[0].name)
    if now is None or _LENGTH.fullmatch(name):
        return
    number = _number(now.value)
    if number is None:
        known = [one for one in ones if one.value.isidentifier()] if name == "optimizer" else []
        differs = bool(known) and all(one.value.lower() != now.value.lower() for one in known)
    else:
        values = [_number(one.value) for one in ones]
        same = any(one is not None and math.isclose(number, one, rel_tol=1e-6) for one in values)
        differs = None not in values and not same
    if differs:
        source = " by default" if now.default else ""
        yield f"{name} {ones[0].value} ({ones[0].where}), here {now.value}{source}"


def _plain(name: str) -> str:
    return name.lstrip("-").replace("-", "_").lower()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
