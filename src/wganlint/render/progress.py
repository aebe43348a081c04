"""Shows how far long work is, on standard error, once it takes a while; the drawing itself is done by `screen`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wganlint.render.cells import clean, clip

if TYPE_CHECKING:
    from types import TracebackType

AFTER = 1.0  # seconds of work before anything is shown
NAME = 28  # cells of a file name


class Progress:
    """Is told what is read (`plan`, `reading`, `took`) and draws a bar from the first second on, gone at the end."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, after: float = AFTER) -> None:
        self._clock, self._begin, self._after = clock, clock(), after
        self._bar: Any = None
        self._task: Any = None
        self._doing, self._name = "reading", ""
        self._files = self._of_files = self._size = self._of_size = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def plan(self, doing: str, files: int, size: int) -> None:
        """Begin a new piece of work: `files` files of `size` bytes."""
        self._stop()
        self._doing, self._name = doing, ""
        self._files, self._of_files, self._size, self._of_size = 0, files, 0, size

    def reading(self, name: str) -> None:
        """Take note that the next file was opened."""
        self._files, self._name = self._files + 1, clip(clean(name), NAME)
        self._show()

    def took(self, count: int) -> None:
        """Take note that `count` more bytes are done."""
        self._size += count
        self._show()

    def _show(self) -> None:
        if self._bar is None:
            if self._clock() - self._begin < self._after:
                return
            from wganlint.render.screen import bar

            self._bar = bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=self._of_size or None)
        # A file may be opened twice, or grow while it is read: never more than all.
        size = min(self._size, self._of_size) if self._of_size else self._size
        files = f"{min(self._files, self._of_files)} of {self._of_files} files" if self._of_files > 1 else self._name
        self._bar.update(self._task, completed=size, description=f"{self._doing} {files}".rstrip())

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None
