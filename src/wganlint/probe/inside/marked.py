"""The processes that a run started, told by a mark in their environment: also those that left its group (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal

TOKEN = "WGANLINT_PROBE"  # noqa: S105 - the name of a variable that marks our processes


def end_marked(token: str) -> int:
    """End all processes of this machine that carry the mark, but for this one; return how many."""
    wanted = f"{TOKEN}={token}".encode()
    ended = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/environ", "rb") as stream:
                mine = wanted in stream.read().split(b"\0")
            if mine:
                ended += 1
                os.kill(int(name), signal.SIGKILL)
    return ended
