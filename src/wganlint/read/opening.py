"""Files are opened here, compressed ones as what they hold; the first stop of files -> read -> Run."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from wganlint.errors import InputError
from wganlint.read.watch import watched

HEAD = 65_536  # bytes that tell what a file is
PIECE = 1 << 20  # bytes unpacked at once
FREE = 32 << 20  # bytes that a compressed file may always hold
SWELL = 120  # beyond that, times its own size that it may hold: logs stay below 100, bombs are far above
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)  # what reading a damaged file raises


def _zstd(file: BinaryIO) -> BinaryIO:
    """Return the reader of Zstandard: of the standard library (3.14), else of the zstandard package.

    Raises:
        InputError: there is neither.
    """
    try:
        return cast(BinaryIO, import_module("compression.zstd").ZstdFile(file))
    except ImportError:
        pass
    try:
        reader = import_module("zstandard").ZstdDecompressor(max_window_size=1 << 27)
        return cast(BinaryIO, reader.stream_reader(file, read_across_frames=True))
    except ImportError:
        hint = "pip install zstandard, or unpack it first: zstd -d FILE"
        raise InputError("Zstandard cannot be read here", hint=hint) from None


def _gzip(file: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=file))


_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _zstd,
}


class Unpacked(io.RawIOBase):
    """What a compressed file holds, read forward. `damage` says why it ended early, or is empty.

    A cut or damaged archive ends where its last whole piece ends; what swells beyond reason is not followed. `by_line`:
    what follows the last line end before damage is not given: a number that is cut would be another one.
    """

    def __init__(self, file: BinaryIO, inner: BinaryIO, *, by_line: bool = True) -> None:
        self._file, self._inner, self._by_line = file, inner, by_line
        self._size = max(1, file.seek(0, io.SEEK_END))
        file.seek(0)
        self._given = 0
        self._ready = self._held = b""
        self._over = False
        self.damage = ""

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the compressed file: where it stands tells how far reading has come."""
        return self._file.fileno()

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; 0 at the end, or at the damage."""
        size = len(buffer)
        while not self._ready and not self._over:
            self._more()
        data, self._ready = self._ready[:size], self._ready[size:]
        buffer[: len(data)] = data
        return len(data)

    def _more(self) -> None:
        """Unpack the next piece; what follows its last line end is held back, as damage may be next."""
        try:
            data = getattr(self._inner, "read1", self._inner.read)(PIECE)
        except BROKEN as error:
            what = "cut" if isinstance(error, EOFError) else "damaged"
            self.damage = f"the archive is {what} after {self._given} unpacked bytes; what came before was read"
            self._over = True
            return
        self._given += len(data)
        if self._given > FREE and self._given > SWELL * self._size:
            self.damage = (
                f"the archive swells to more than {SWELL} times its size; reading ended after {self._given} bytes"
            )
            data, self._over = b"", True
        held = self._held + data
        whole = not self._by_line or not data or len(held) > HEAD + len(data)
        end = len(held) if whole else held.rfind(b"\n") + 1
        self._ready, self._held = held[:end], held[end:]
        self._over = self._over or not data

    def close(self) -> None:
        """Close it and the file below."""
        self._inner.close()
        self._file.close()
        super().close()


def open_file(path: Path, *, fast: bool = False) -> BinaryIO:
    """Open a file for reading bytes; what is compressed (told by its first bytes) reads as what it holds.

    `fast`: gzip is read by isal where that is installed; then the caller bounds what it holds.

    Raises:
        OSError: the file cannot be opened.
        InputError: nothing here unpacks it.
    """
    file = path.open("rb")
    mark = file.read(6)
    file.seek(0)
    opener = next((opener for magic, opener in _OPENERS.items() if mark.startswith(magic)), None)
    if opener is None:
        return watched(file, path.name)
    if fast and opener is _gzip:
        file.close()
        return watched(_fastest_gzip(path), path.name)
    try:
        return watched(cast(BinaryIO, io.BufferedReader(Unpacked(file, opener(file)))), path.name)
    except InputError:
        file.close()
        raise


class Swift(io.RawIOBase):
    """What a gzip file holds, by isal: the same bytes in less than half the time.

    Where isal meets damage it gives nothing of what it unpacked last; the slower reader then goes on at that place.
    """

    def __init__(self, path: Path, inner: BinaryIO) -> None:
        self._path, self._inner = path, inner
        self._given = 0
        self._slow: Unpacked | None = None

    @property
    def damage(self) -> str:
        """Why it ended early, or an empty string."""
        return self._slow.damage if self._slow is not None else ""

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the compressed file."""
        return self._inner.fileno() if self._slow is None else self._slow.fileno()

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; 0 at the end, or at the damage."""
        if self._slow is None:
            try:
                data = self._inner.read(len(buffer))
            except Exception:  # isal's errors stand in no tree of their own
                self._go_on()
            else:
                self._given += len(data)
                buffer[: len(data)] = data
                return len(data)
        assert self._slow is not None
        return self._slow.readinto(buffer)

    def _go_on(self) -> None:
        self._inner.close()
        file = self._path.open("rb")
        self._slow = Unpacked(file, _gzip(file), by_line=False)
        left = bytearray(PIECE)
        while self._given > 0 and (count := self._slow.readinto(memoryview(left)[: min(PIECE, self._given)])):
            self._given -= count

    def close(self) -> None:
        """Close the file."""
        (self._inner if self._slow is None else self._slow).close()
        super().close()


def _fastest_gzip(path: Path) -> BinaryIO:
    try:
        inner = import_module("isal.igzip").open(path)
    except ImportError:
        file = path.open("rb")
        return cast(BinaryIO, io.BufferedReader(Unpacked(file, _gzip(file), by_line=False)))
    return cast(BinaryIO, io.BufferedReader(Swift(path, inner), 1 << 18))


def damage_of(stream: BinaryIO) -> str:
    """Return why the reading of a compressed file ended early, or an empty string."""
    raw = getattr(stream, "raw", None)
    return raw.damage if isinstance(raw, Unpacked | Swift) else ""


def head_of(path: Path) -> bytes:
    """Return the first bytes of what a file holds.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with open_file(path) as stream:
            return stream.read(HEAD)
    except BROKEN as error:
        raise InputError(f"reading failed: {error}", file=path.name, hint="Check the file and the disk.") from error
