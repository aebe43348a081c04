"""CRC-32C (Castagnoli) of many stretches of bytes at once, masked as TFRecord does; part of read/events/records."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]

PIECE = 512  # bytes of a long stretch that are taken in at once; even


def stored(data: bytes, at: Ints) -> Words:
    """Return the little-endian 32-bit words at these places."""
    if len(data) < 4:
        return np.zeros(0, dtype=np.uint32)
    words: npt.NDArray[np.uint32] = np.ndarray((len(data) - 3,), np.dtype("<u4"), data, strides=(1,))
    taken: Words = words[at]
    return taken


def checksums(data: bytes, starts: Ints, lengths: Ints) -> Words:
    """Return the masked checksums of the stretches `data[start : start + length]`.

    A long stretch is cut into a head and whole pieces, so that all pieces advance side by side; the register
    of what is before a piece is then moved over the piece's length and joined with the piece's own (CRC is
    linear).
    """
    pieces = np.where(lengths > 2 * PIECE, lengths // PIECE, 0)
    crc = _advance(data, starts, lengths - pieces * PIECE, 0xFFFFFFFF)
    longs = np.flatnonzero(pieces)
    if len(longs):
        longs = longs[np.argsort(-pieces[longs], kind="stable")]
        count = pieces[longs]
        first = np.cumsum(count) - count  # of the pieces of each long stretch
        turn = np.arange(int(count.sum()), dtype=np.int64) - np.repeat(first, count)
        begin = np.repeat((starts + lengths - pieces * PIECE)[longs], count) + turn * PIECE
        own = _advance(data, begin, np.full(len(begin), PIECE, dtype=np.int64), 0)
        register = crc[longs]
        for at in range(int(count[0])):
            open_ = int(np.searchsorted(-count, -at))  # stretches with more than `at` pieces
            register[:open_] = _over_piece(register[:open_]) ^ own[first[:open_] + at]
        crc[longs] = register
    return _mask(crc ^ np.uint32(0xFFFFFFFF))


def checksums_of_eight(data: bytes, starts: Ints) -> Words:
    """Return the masked checksums of the eight bytes at each place; few different ones are the rule."""
    words: npt.NDArray[np.uint64] = np.ndarray((max(len(data) - 7, 0),), np.dtype("<u8"), data, strides=(1,))
    kinds, which = np.unique(words[starts], return_inverse=True)
    places = np.arange(len(kinds), dtype=np.int64) * 8
    each: Words = checksums(kinds.astype("<u8").tobytes(), places, np.full(len(kinds), 8, dtype=np.int64))[which]
    return each


def _mask(crc: Words) -> Words:
    masked: Words = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)
    return masked


def _advance(data: bytes, starts: Ints, lengths: Ints, register: int) -> Words:
    """Return the register after each stretch; of every stretch two bytes are taken in a turn, an odd last one alone."""
    order = np.argsort(-lengths, kind="stable")
    at, pairs = starts[order], lengths[order] // 2
    crc = np.full(len(at), register, dtype=np.uint32)
    if len(at) and int(pairs[0]):
        table, low, sixteen = _table_of_two(), np.uint32(0xFFFF), np.uint32(16)
        twos: npt.NDArray[np.uint16] = np.ndarray((len(data) - 1,), np.dtype("<u2"), data, strides=(1,))
        for turn in range(int(pairs[0])):
            open_ = int(np.searchsorted(-pairs, -turn))  # stretches with more than `turn` pairs
            part = crc[:open_]
            crc[:open_] = table[(part ^ twos[at[:open_] + 2 * turn]) & low] ^ (part >> sixteen)
    odd = np.flatnonzero(lengths[order] & 1)
    last = np.frombuffer(data, dtype=np.uint8)[at[odd] + 2 * pairs[odd]]
    crc[odd] = _table()[(crc[odd] ^ last) & np.uint32(0xFF)] ^ (crc[odd] >> np.uint32(8))
    result = np.empty_like(crc)
    result[order] = crc
    return result


def _over_piece(register: Words) -> Words:
    """Return the registers after `PIECE` zero bytes."""
    moved, low = _moved(), np.uint32(0xFF)
    joined: Words = moved[0][register & low]
    for byte in range(1, 4):
        joined = joined ^ moved[byte][(register >> np.uint32(8 * byte)) & low]
    return joined


@cache
def _table() -> Words:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & np.uint32(1), (crc >> np.uint32(1)) ^ np.uint32(0x82F63B78), crc >> np.uint32(1))
    return crc.astype(np.uint32)


@cache
def _table_of_two() -> Words:
    """Return the register after two zero bytes for each of its lower halves."""
    crc, table = np.arange(1 << 16, dtype=np.uint32), _table()
    for _ in range(2):
        crc = table[crc & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc


@cache
def _moved() -> tuple[Words, ...]:
    """Return, for each byte of a register and each of its values, the register after `PIECE` zero bytes."""
    table, tables = _table_of_two(), []
    for byte in range(4):
        crc = np.arange(256, dtype=np.uint32) << np.uint32(8 * byte)
        for _ in range(PIECE // 2):
            crc = table[crc & np.uint32(0xFFFF)] ^ (crc >> np.uint32(16))
        tables.append(crc)
    return tuple(tables)
