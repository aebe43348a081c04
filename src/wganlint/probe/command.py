"""What the user wrote behind `--` becomes an order: which interpreter runs which script with which arguments."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from wganlint.errors import UsageError

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*(?:\.exe)?")
_TAKES_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_LAUNCHERS = frozenset({"torchrun", "accelerate", "deepspeed", "mpirun", "srun", "horovodrun"})


class Command(Struct, frozen=True):
    """A Python command in parts: `prefix` and `interpreter` with its `options`, then what it runs."""

    words: tuple[str, ...]
    prefix: tuple[str, ...]
    interpreter: str
    options: tuple[str, ...]
    kind: str  # "script", "module" or "code"
    name: str
    arguments: tuple[str, ...]


def command_of(words: Sequence[str]) -> Command:
    """Return the parts of `python [options] script.py ARGS`, `python -m module ARGS` or `script.py ARGS`.

    What stands before the interpreter (`uv run`, `env A=1`, `nice`) is kept.

    Raises:
        UsageError: nothing was given, or it is no Python command.
    """
    example = "wganlint probe -- python training/train.py --epochs 1"
    if not words:
        raise UsageError("nothing to run", hint=f"write the training command behind `--`: {example}")
    name = Path(words[0]).name
    if name in _LAUNCHERS:
        raise UsageError(
            f"the probe runs one process, not {name}",
            hint=f"write the script's own command with one process: {example}",
        )
    at = next((place for place, word in enumerate(words[:8]) if _PYTHON.fullmatch(Path(word).name)), None)
    if at is None:
        if words[0].endswith(".py"):
            return _script(words, (), sys.executable, (), words[0], words[1:])
        raise UsageError(f"{words[0]} is no Python command", hint=f"for example: {example}")
    interpreter = shutil.which(words[at]) or ("" if at == 0 else words[at])
    if not interpreter:
        raise UsageError(f"there is no {words[at]} here", hint="give the path of the interpreter that has torch")
    return _behind(words, tuple(words[:at]), interpreter, list(words[at + 1 :]))


def _behind(words: Sequence[str], prefix: tuple[str, ...], interpreter: str, rest: list[str]) -> Command:
    options: list[str] = []
    while rest:
        word = rest.pop(0)
        if word in ("-m", "-c"):
            if not rest:
                raise UsageError(f"{word} needs a value", hint="for example: python -m package.train")
            kind = "module" if word == "-m" else "code"
            return Command(tuple(words), prefix, interpreter, tuple(options), kind, rest[0], tuple(rest[1:]))
        if word in _TAKES_VALUE and rest:
            options += [word, rest.pop(0)]
        elif word.startswith("-") and word != "-":
            options.append(word)
        else:
            return _script(words, prefix, interpreter, tuple(options), word, rest)
    raise UsageError("no script is named", hint="for example: wganlint probe -- python training/train.py")


def _script(
    words: Sequence[str],
    prefix: tuple[str, ...],
    interpreter: str,
    options: tuple[str, ...],
    script: str,
    arguments: Sequence[str],
) -> Command:
    if not Path(script).is_file():
        raise UsageError(f"there is no script {script}", hint="the path is relative to the current folder")
    return Command(tuple(words), prefix, interpreter, options, "script", script, tuple(arguments))
