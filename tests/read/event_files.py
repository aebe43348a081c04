"""A writer of TensorBoard event files for tests, independent of the reader."""

from __future__ import annotations

import struct


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, *values: bytes, wall: float = 1.7e9) -> bytes:
    summary = message(5, b"".join(message(1, value) for value in values)) if values else b""
    return b"\x09" + struct.pack("<d", wall) + (b"\x10" + varint(step) if step else b"") + summary


def scalar(tag: str, value: float) -> bytes:
    return message(1, tag.encode()) + b"\x15" + struct.pack("<f", value)


def plugin(name: str, content: bytes = b"") -> bytes:
    return message(9, message(1, message(1, name.encode()) + (message(2, content) if content else b"")))


def tensor(tag: str, type_: int, rest: bytes, name: str = "scalars", shape: bytes = b"\x12\x00") -> bytes:
    return message(1, tag.encode()) + message(8, b"\x08" + varint(type_) + shape + rest) + plugin(name)


def text(tag: str, content: str) -> bytes:
    return tensor(tag, 7, message(8, content.encode()), "text")


HEADER = record(b"\x09" + struct.pack("<d", 1.7e9) + message(3, b"brain.Event:2"))


def write(*datas: bytes) -> bytes:
    return HEADER + b"".join(record(data) for data in datas)
