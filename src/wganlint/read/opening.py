"""Files are opened here, compressed ones as what they hold; the first stop of files -> read -> Run."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from wganlint.errors import InputError
from wganlint.read.watch import watched

HEAD = 65_536  # bytes that tell what a file is
_OPENERS: dict[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)  # what reading a damaged file raises


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading bytes; what is compressed (told by its first bytes) reads as what it holds.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        mark = file.read(6)
    opener = next((opener for magic, opener in _OPENERS.items() if mark.startswith(magic)), None)
    return watched(path.open("rb") if opener is None else cast(BinaryIO, opener(path)), path.name)


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
