"""Writes W&B's own files, byte by byte, for the tests: framing and the few messages that matter."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping

HEADER = b":W&B\xe1\xbe\0"
BLOCK = 32_768


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def item(path: str | Iterable[str], text: str) -> bytes:
    keys = field(1, path.encode()) if isinstance(path, str) else b"".join(field(2, key.encode()) for key in path)
    return keys + field(16, text.encode())


def history(row: Mapping[str, object], *, step: int | None = None, nested: bool = False) -> bytes:
    """Return a record of the history; `nested`: as later clients write it, a path of keys for each number."""
    items = []
    for key, value in row.items():
        flat = _flat((key,), value) if nested else [((key,), json.dumps(value))]
        items += [field(1, item(path if nested else path[0], text)) for path, text in flat]
    number = b"" if step is None else field(2, varint(1 << 3) + varint(step))
    return field(2, b"".join(items) + number)


def _flat(path: tuple[str, ...], value: object) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in _flat((*path, key), inner)]
    return [(path, json.dumps(value))]


def changes(values: Mapping[str, object], removed: Iterable[str] = ()) -> bytes:
    updates = b"".join(field(1, item(key, json.dumps(value))) for key, value in values.items())
    return updates + b"".join(field(2, item(key, "")) for key in removed)


def config(values: Mapping[str, object], removed: Iterable[str] = ()) -> bytes:
    return field(5, changes(values, removed))


def summary(values: Mapping[str, object]) -> bytes:
    return field(3, changes(values))


def run(name: str, values: Mapping[str, object]) -> bytes:
    return field(17, field(1, b"abc123") + field(4, changes(values)) + field(8, name.encode()))


def framed(records: Iterable[bytes]) -> bytes:
    """Return a file that holds these records."""
    out = bytearray(HEADER)
    for record in records:
        left = BLOCK - len(out) % BLOCK
        if left < 7:
            out += bytes(left)
            left = BLOCK
        if len(record) + 7 <= left:
            out += chunk(1, record)
            continue
        out += chunk(2, record[: left - 7])
        record = record[left - 7 :]
        while len(record) > BLOCK - 7:
            out += chunk(3, record[: BLOCK - 7])
            record = record[BLOCK - 7 :]
        out += chunk(4, record)
    return bytes(out)


def chunk(kind: int, data: bytes) -> bytes:
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data), len(data), kind) + data
