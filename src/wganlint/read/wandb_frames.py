"""W&B's own file is cut into records whose checksums hold, damage is passed; part of read/wandb_file.

The file is a header of 7 bytes and then LevelDB's log format: blocks of 32 KiB (the header counts as part of the first)
of chunks, each a CRC-32 of type and data, the length of the data (2 bytes), a type, and the data. A record is one full
chunk, or a first, middle ones and a last. Where fewer than 7 bytes of a block are left, they are zeros.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from wganlint.read.opening import BROKEN

HEADER = b":W&B\xe1\xbe\0"  # mark, magic number, version
BLOCK = 32_768
BATCH = 16 * BLOCK  # bytes read at once
LARGEST = 32 << 20  # bytes of a record beyond which it is passed over
LISTED = 20  # places of damage that are listed
TRIED = 512  # blocks whose bytes are checked in search of the next chunk
_DAMAGE, _FULL, _FIRST, _LAST = 0, 1, 2, 4
_HEAD = struct.Struct("<IHB")
_SEEDS = [zlib.crc32(bytes([kind])) for kind in range(_LAST + 1)]

Chunk = tuple[int, int, bytes]  # offset in the file, type, data


class Frames:
    """Cuts a file into its records. `damage` tells what was left out, each with its offset; `lost` counts."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.damage: list[str] = []
        self.lost = 0
        self.records = 0
        self._bad = -1  # where damage began of which the end was not met yet

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield the offset and the bytes of each whole record."""
        parts: list[bytes] = []
        begin, size, torn = -1, 0, False  # of the record that is open (begin < 0: none); torn: its start is lost
        for at, kind, data in self._chunks():
            if kind == _DAMAGE:  # it was counted; what is open has a hole now
                begin, torn = -1, True
                continue
            if kind in (_FULL, _FIRST):
                if begin >= 0:
                    self._lose(f"the record at byte {begin} does not end and was left out")
                begin, torn = -1, False
                if kind == _FULL:
                    self.records += 1
                    yield at, data
                else:
                    begin, parts, size = at, [data], len(data)
                continue
            if begin < 0:
                if not torn:
                    self._lose(f"the record at byte {at} does not begin and was left out")
                torn = True
                continue
            size += len(data)
            if size <= LARGEST:
                parts.append(data)
            else:
                parts.clear()
            if kind == _LAST:
                if size <= LARGEST:
                    self.records += 1
                    yield begin, b"".join(parts)
                else:
                    self._lose(f"the record at byte {begin} is larger than {LARGEST >> 20} MiB and was left out")
                begin = -1
        if begin >= 0:
            self._lose(f"the last record is cut, at byte {begin}, and was left out")

    def notes(self) -> list[str]:
        """Return what was left out, in words, the first places one by one."""
        more = self.lost - len(self.damage)
        return [*self.damage, *([f"{more} more places are damaged"] if more else [])]

    def _lose(self, what: str) -> None:
        self.lost += 1
        if len(self.damage) < LISTED:
            self.damage.append(what)

    # -- chunks of blocks

    def _chunks(self) -> Iterator[Chunk]:
        """Yield the chunks that check; where one does not, the reading goes on at the next that does."""
        for base, block, last in self._blocks():
            at = 0
            if base == 0:
                at = len(HEADER)
                if not block.startswith(HEADER):
                    self._lose("the header of the file is damaged, or of a newer W&B")
            while len(block) - at >= _HEAD.size:
                stop = _chunk_end(block, at)
                if stop:
                    if self._mend(base + at):
                        yield base + at, _DAMAGE, b""
                    yield base + at, block[at + 6], block[at + _HEAD.size : stop]
                    at = stop
                    continue
                if self._bad < 0 and last and _is_cut(block, at):
                    self._lose(f"the last record is cut, at byte {base + at}, and was left out")
                    return
                self._bad = base + at if self._bad < 0 else self._bad
                at = _next_chunk(block, at)
            rest = block[at:]
            if last and rest and len(block) < BLOCK and self._bad < 0:
                self._lose(f"the last record is cut, at byte {base + at}, and was left out")
            if last and self._mend(base + len(block)):
                yield base + len(block), _DAMAGE, b""

    def _mend(self, end: int) -> bool:
        """Say that damage ends here; whether there was any."""
        if self._bad < 0:
            return False
        self._lose(f"bytes {self._bad} to {end - 1} are damaged and were left out")
        self._bad = -1
        return True

    def _blocks(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield offset and bytes of each block, and whether it is the last."""
        base, held = 0, b""
        while True:
            try:
                more = self.stream.read(BATCH)
            except BROKEN as error:
                self._lose(f"reading failed after byte {base + len(held)}: {error}")
                more = b""
            held += more
            whole = (len(held) - 1) // BLOCK * BLOCK if more else len(held)  # the last is held back until it is known
            for at in range(0, whole, BLOCK):
                yield base + at, held[at : at + BLOCK], not more and at + BLOCK >= len(held)
            base, held = base + whole, held[whole:]
            if not more:
                return


def _chunk_end(block: bytes, at: int) -> int:
    """Return where the chunk at this place ends, 0 if none stands there whose checksum holds."""
    crc, length, kind = _HEAD.unpack_from(block, at)
    start = at + _HEAD.size
    stop: int = start + length
    if not _FULL <= kind <= _LAST or stop > len(block):
        return 0
    return stop if zlib.crc32(memoryview(block)[start:stop], _SEEDS[kind]) == crc else 0


def _is_cut(block: bytes, at: int) -> bool:
    """Whether the file ends within the chunk at this place of its last block."""
    _, length, kind = _HEAD.unpack_from(block, at)
    stop: int = at + _HEAD.size + length
    return bool(_FULL <= kind <= _LAST) and len(block) < stop <= BLOCK


def _next_chunk(block: bytes, at: int) -> int:
    """Return where the next chunk begins after damage, the end of the block if none is found.

    Each place costs a checksum of up to a block, so a file that is made to look like chunks is not searched for long.
    """
    tried, end = 0, len(block) - _HEAD.size
    stated = at + _HEAD.size + int(_HEAD.unpack_from(block, at)[1])
    if stated <= end and _chunk_end(block, stated):
        return stated
    for place in range(at + 1, end + 1):
        length = block[place + 4] + 256 * block[place + 5]
        if _FULL <= block[place + 6] <= _LAST and place + length <= end:
            if _chunk_end(block, place):
                return place
            tried += length
            if tried > TRIED * BLOCK:
                break
    return len(block)
