"""One line on a terminal that says what is running, how far it is and how long it still takes; beside progress."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TextIO

from wganlint.render.cells import clean, clip
from wganlint.render.screen import fit

EVERY = 0.5  # seconds between two looks at the clock
SECONDS = 90  # from here on minutes are told


class Ticker:
    """Shows a run while it runs; its line vanishes at the end, and lines for good stay above it."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def begin(self, doing: str, expected: float | None, after: float | None) -> None:
        """A run begins; `expected` seconds for it, `after` for those that follow, where that is known."""
        self.end()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, args=(self._stop, doing, expected, after), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The run has ended."""
        if self._stop is not None and self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._stop = self._thread = None
            self._write("\r\x1b[K")

    def line(self, text: str) -> None:
        """Write a line that stays."""
        self._write(f"{clip(clean(text), self._width())}\n")

    def _tick(self, stop: threading.Event, doing: str, expected: float | None, after: float | None) -> None:
        begun = time.monotonic()
        while True:
            told = status(doing, time.monotonic() - begun, expected, after)
            self._write("\r" + clip(told, self._width()) + "\x1b[K")
            if stop.wait(EVERY):
                return

    def _width(self) -> int:
        return max(20, shutil.get_terminal_size().columns - 1)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(fit(text, getattr(self._stream, "encoding", None) or "utf-8"))
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone
            return


def status(doing: str, elapsed: float, expected: float | None, after: float | None) -> str:
    """Return the line: time first, so that a narrow terminal cuts the name."""
    if expected is None:
        return f"{_time(elapsed)}  {clean(doing)}"
    left = max(0.0, expected - elapsed) + (after or 0.0)
    return f"{_time(elapsed)} of about {_time(expected)}, {_time(left)} left  {clean(doing)}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < SECONDS else f"{seconds / 60:.0f} min"
