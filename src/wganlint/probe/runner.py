"""Runs the order in a process of its own and waits: however it ends, nothing of it is left running."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from wganlint.errors import UsageError
from wganlint.probe.command import Command
from wganlint.probe.inside.marked import TOKEN, end_marked

START = Path(__file__).parent / "inside" / "start.py"
_FRAME = re.compile(r'File "([^"]+)", line ([0-9]+)')


class Outcome(Struct, frozen=True):
    """What a run left: what it wrote, the end of what it printed, how it ended as a process."""

    written: dict[str, Any]
    output: str
    code: int
    seconds: float
    timed_out: bool = False
    hang: str = ""
    place: Path = Path()  # what was exchanged
    left: int = 0  # processes that were still there and were ended
    interrupted: bool = False  # by Ctrl-C
    problems: list[str] = field(default_factory=list)


def execute(command: Command, order: dict[str, Any], *, folder: Path, place: Path, timeout: float) -> Outcome:
    """Run an order; `folder` is where the script runs, `place` an empty folder for what is exchanged.

    Raises:
        UsageError: the interpreter cannot be started.
    """
    order = {**order, "out": str(place / "out.json"), "hang": str(place / "hang.txt"), "timeout": timeout}
    order["parent"] = os.getpid()  # without it nobody would end the program
    (place / "order.json").write_text(json.dumps(order), encoding="utf-8")
    token = f"{os.getpid()}-{time.monotonic_ns()}"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TORCHDYNAMO_DISABLE": "1", TOKEN: token}
    environment |= {"PYTHONUNBUFFERED": "1", "MPLBACKEND": os.environ.get("MPLBACKEND", "Agg")}
    if order.get("device") == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""  # the script sees none
    words = [*command.prefix, command.interpreter, *command.options, str(START), str(place / "order.json")]
    begun = time.monotonic()
    with (place / "output.txt").open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            hint = "is it the interpreter that has torch?"
            raise UsageError(f"{words[0]} cannot be started: {error.strerror or error}", hint=hint) from None
        timed_out = interrupted = False
        try:
            with told_to_end():
                process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        except KeyboardInterrupt:
            interrupted = True
        finally:
            left = end(process, token)
    seconds = time.monotonic() - begun
    return Outcome(
        _json(place / "out.json"), _tail(place / "output.txt"), process.returncode, seconds, timed_out,
        _innermost(place / "hang.txt"), place, left, interrupted,
    )  # fmt: skip


@contextlib.contextmanager
def told_to_end() -> Iterator[None]:
    """Take a request to end, or a terminal that closes, as Ctrl-C: what was started is ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signals = [one for name in ("SIGTERM", "SIGHUP") if (one := getattr(signal, name, None)) is not None]
    before = {one: signal.signal(one, stop) for one in signals if signal.getsignal(one) is signal.SIG_DFL}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def end(process: subprocess.Popen[bytes], token: str) -> int:
    """End a process with all that it started, also what left its group; return how many others there were."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return end_marked(token)


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _tail(file: Path, most: int = 20_000) -> str:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - most))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _innermost(file: Path) -> str:
    """Return `file:line` of the stack that was dumped where the script hung: the first frame that is no library's."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return ""
    main = text.rpartition("most recent call first")[2]
    for match in _FRAME.finditer(main):
        if "site-packages" not in match[1] and "/lib/python" not in match[1] and str(START.parent) not in match[1]:
            return f"{match[1]}:{match[2]}"
    return ""
