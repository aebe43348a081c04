"""Lets somebody watch how far reading has come: files and bytes; beside read/opening, knows no screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, BinaryIO, Protocol, cast

LINES = 4096  # lines between two looks at a file that is read line by line


class Watch(Protocol):
    """Is told what is read. Must return at once: it is called from the middle of reading."""

    def plan(self, doing: str, files: int, size: int) -> None:
        """Take note that `files` files of `size` bytes in all will be read (`doing`: "reading", "fetching")."""

    def reading(self, name: str) -> None:
        """Take note that a file was opened; the name is empty where another process opened it."""

    def took(self, count: int) -> None:
        """Take note that `count` more bytes of the files, as they lie on the disk, were read."""


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch | None) -> Iterator[None]:
    """Tell `watch` of every file that `open_file` opens inside."""
    token = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(token)


def watched(stream: BinaryIO, name: str) -> BinaryIO:
    """Return the stream, and tell who watches what is read from it; without a watch it is the very stream."""
    watch = _WATCH.get()
    if watch is None:
        return stream
    watch.reading(name)
    return cast(BinaryIO, _Watched(stream, watch))


class _Watched:
    """A stream that tells how far its file was read: of a compressed one the bytes on the disk count."""

    def __init__(self, stream: BinaryIO, watch: Watch) -> None:
        self._stream, self._watch = stream, watch
        self._told = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        for number, line in enumerate(self._stream):
            if number % LINES == 0:
                self._tell(0)
            yield line

    def close(self) -> None:
        if not self._stream.closed:
            self._tell(0)
        self._stream.close()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._tell(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        self._tell(count or 0)
        return count

    def _tell(self, count: int) -> None:
        try:
            at = os.lseek(self._stream.fileno(), 0, os.SEEK_CUR)
        except (OSError, AttributeError, ValueError):
            at = self._told + count
        if at > self._told:
            self._watch.took(at - self._told)
            self._told = at
