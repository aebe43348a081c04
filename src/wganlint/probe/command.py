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
_TARGET = re.compile(r"(?P<module>[^:]+):(?P<function>[^\W\d]\w*)")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_LAUNCHERS = frozenset({"torchrun", "accelerate", "deepspeed", "mpirun", "srun", "horovodrun"})


class Command(Struct, frozen=True):
    """A Python command in parts: `prefix` and `interpreter` with its `options`, then what it runs."""

    words: tuple[str, ...]
    prefix: tuple[str, ...]
    interpreter: str
    options: tuple[str, ...]
    kind: str  # "script", "module", "code" or "target" (a function that returns the pieces)
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


def target_of(target: str, words: Sequence[str] = ()) -> Command:
    """Return the order to build what `pkg.module:function` returns, by the interpreter in `words` or by this one.

    Raises:
        UsageError: the target is not written so, or the words are more than an interpreter.
    """
    match = _TARGET.fullmatch(target)
    module = match["module"] if match else ""
    if module.endswith(".py") and not Path(module).is_file():
        raise UsageError(f"there is no file {module}", hint="wganlint probe init writes one to begin with")
    if not match or not (module.endswith(".py") or _DOTTED.fullmatch(module)):
        hint = "write --target package.module:function, or --target file.py:function"
        raise UsageError(f"--target {target!r} does not name a function", hint=hint)
    name = Path(words[0]).name if words else "python"
    if not _PYTHON.fullmatch(name) or len(words) > 1:
        hint = "with --target only an interpreter stands behind `--`; the function takes no command line"
        raise UsageError(f"--target and a command ({' '.join(words[:3])}) do not go together", hint=hint)
    interpreter = shutil.which(words[0]) if words else sys.executable
    if not interpreter:
        raise UsageError(f"there is no {words[0]} here", hint="give the path of the interpreter that has torch")
    shown = ("wganlint", "probe", "--target", target)
    return Command(shown, (), interpreter, (), "target", target, ())


def checkpoints_of(given: Sequence[str], command: Command) -> dict[str, str]:
    """Return the files of weights by role, "" for one file of both.

    Raises:
        UsageError: there is no such file, or the command is none that can be given weights.
    """
    if given and command.kind != "target":
        raise UsageError("--checkpoint goes with --target", hint="a script loads its weights by its own options")
    found: dict[str, str] = {}
    for text in given:
        role, sign, name = text.partition("=")
        role = role.replace("discriminator", "critic")
        if not sign or role not in ("critic", "generator"):
            role, name = "", text
        if not Path(name).is_file():
            raise UsageError(
                f"there is no checkpoint {name}", hint="write --checkpoint FILE or --checkpoint critic=FILE"
            )
        if role in found:
            raise UsageError(f"two checkpoints for {role or 'both networks'}", hint="give each network one")
        found[role] = str(Path(name).resolve())
    return found


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
