"""The few protobuf fields of an event that matter, and where in its bytes they stand; part of read/events.

Field numbers are those of tensorboard/compat/proto: event.proto, summary.proto, tensor.proto, histogram.proto.
Nothing here recurses: what a message nests is followed to a fixed depth.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

Number = npt.NDArray[np.generic]  # one number in the type that the file has it in

EMPTY = "empty histograms"
CROWDED = 1 << 16  # values of one event that are read
_OTHERS = {4: "graphs", 6: "log messages", 8: "run metadata", 9: "graphs"}
_KINDS = {3: "old histograms", 4: "images", 6: "audio clips"}
_FORMATS = {1: "<f4", 2: "<f8", 3: "<i4", 4: "<u1", 5: "<i2", 6: "<i1", 9: "<i8", 10: "?", 17: "<u2",
            19: "<f2", 22: "<u4", 23: "<u8"}  # fmt: skip
_LISTS = {5: "<f4", 6: "<f8", 7: "", 10: "", 11: "", 13: "", 16: "", 17: ""}  # float_val, double_val, int_val, ...
_STRING, _HALF, _BFLOAT = 7, 19, 14


class Malformed(ValueError):
    """The bytes are not the message that they should be."""


class Value(Struct):
    """One value of a summary: `kind` is "scalar", "histogram", "text", "hparams" or the name of what is passed over.

    `at` and `format` say where the bytes of a scalar of fixed width stand. `summary` holds of a histogram its lowest
    and highest value, mean and count; `rough` says that the mean was taken from its buckets.
    """

    tag: str = ""
    kind: str = ""
    number: Number = field(default_factory=lambda: np.zeros(1, dtype=np.float32))
    at: int = 0
    format: str = ""
    strings: list[bytes] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    rough: bool = False


class Event(Struct):
    """One event, and where its time and step stand. `start`: it marks the start of a session (a resumed run)."""

    step: int = 0
    time_at: tuple[int, int] = (0, 0)
    step_at: tuple[int, int] = (0, 0)
    values: list[Value] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    start: bool = False


def event_of(data: bytes) -> Event:
    """Parse an event.

    Raises:
        Malformed: the bytes are none.
    """
    event = Event()
    for number, wire, start, stop in fields(data, 0, len(data)):
        if number == 1 and wire == 1:
            event.time_at = (start, stop)
        elif number == 2 and wire == 0:
            event.step, event.step_at = _signed(varint(data, start, stop)[0]), (start, stop)
        elif number == 5 and wire == 2:
            for inner, wire_, begin, end in fields(data, start, stop):
                if inner == 1 and wire_ == 2 and len(event.values) < CROWDED:
                    event.values.append(_value(data, begin, end))
                elif inner == 1:
                    event.others.append(f"values beyond the first {CROWDED} of an event")
        elif number == 7 and wire == 2:
            event.start = any(
                inner == 1 and wire_ == 0 and varint(data, begin, end)[0] == 1
                for inner, wire_, begin, end in fields(data, start, stop)
            )
            event.others.append("session marks")
        elif number in _OTHERS:
            event.others.append(_OTHERS[number])
    return event


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield field number, wire type, start and stop of each field's payload.

    Raises:
        Malformed: a field does not fit into the bytes.
    """
    while at < end:
        key, at = varint(data, at, end)
        wire, start = key & 7, at
        if wire == 0:
            _, at = varint(data, at, end)
        elif wire == 1:
            at += 8
        elif wire == 2:
            length, start = varint(data, at, end)
            at = start + length
        elif wire == 5:
            at += 4
        else:
            raise Malformed(f"wire type {wire}")
        if at > end:
            raise Malformed("a field runs over its end")
        yield key >> 3, wire, start, at


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the integer at a place (unsigned, 64 bits) and where it ends.

    Raises:
        Malformed: it does not end.
    """
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed("an integer does not end")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _value(data: bytes, at: int, end: int) -> Value:
    value, plugin, content, tensor = Value(), "", b"", None
    for number, wire, start, stop in fields(data, at, end):
        if number == 1 and wire == 2:
            value.tag = data[start:stop].decode(errors="replace")
        elif number == 2 and wire == 5:
            _set_number(value, data, start, "<f4")
            value.kind = "scalar"
        elif number == 5 and wire == 2:
            value.summary = _histogram(data, start, stop)
            value.kind = "histogram" if value.summary else EMPTY
        elif number == 8 and wire == 2:
            tensor = (start, stop)
        elif number == 9 and wire == 2:
            plugin, content = _plugin(data, start, stop)
        elif number in _KINDS:
            value.kind = _KINDS[number]
    if plugin == "hparams":
        value.kind, value.strings = "hparams", [content]
    elif tensor is not None and not value.kind:
        value.kind = _tensor(value, data, *tensor, plugin)
    return value


def _plugin(data: bytes, at: int, end: int) -> tuple[str, bytes]:
    name, content = "", b""
    for number, wire, start, stop in fields(data, at, end):
        if number == 1 and wire == 2:
            for inner, wire_, begin, close in fields(data, start, stop):
                if inner == 1 and wire_ == 2:
                    name = data[begin:close].decode(errors="replace")
                elif inner == 2 and wire_ == 2:
                    content = data[begin:close]
    return name, content


def _set_number(value: Value, data: bytes, at: int, format_: str) -> None:
    value.at, value.format = at, format_
    value.number = np.frombuffer(data, dtype=format_, count=1, offset=at)


# -- histograms: of TensorFlow 1 and torch (a message), and of TensorFlow 2 (a tensor)


def _histogram(data: bytes, at: int, end: int) -> dict[str, float]:
    """Return the figures of a HistogramProto: min, max, num and sum are stated in it; its buckets are not needed."""
    stated = {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0}
    for number, wire, start, _ in fields(data, at, end):
        if number in stated and wire == 1:
            stated[number] = struct.unpack_from("<d", data, start)[0]
    low, high, count, total = stated.values()
    if not count > 0:
        return {}
    return {"min": low, "max": high, "mean": total / count, "num": count}


def _buckets(data: bytes, at: int, end: int, format_: str) -> dict[str, float]:
    """Return the figures of rows of left edge, right edge and count.

    The edges span exactly from the lowest to the highest value; the mean is that of the buckets' middles. Where no
    value is finite, the edges are not finite and the counts 0: lowest, highest and mean are then NaN.
    """
    rows = np.frombuffer(data, dtype=format_, count=(end - at) // np.dtype(format_).itemsize, offset=at)
    left, right, count = rows.reshape(-1, 3).astype(np.float64).T
    with np.errstate(all="ignore"):
        total = float(count.sum())
        if not total > 0:
            lost = len(left) and not np.isfinite(left).any()
            return {"min": np.nan, "max": np.nan, "mean": np.nan} if lost else {}
        full = np.flatnonzero(count > 0)
        mean = float((0.5 * (left[full] + right[full]) * count[full]).sum() / total)
    return {"min": float(left[full[0]]), "max": float(right[full[-1]]), "mean": mean, "num": total}


# -- tensors


def _tensor(value: Value, data: bytes, at: int, end: int, plugin: str) -> str:
    """Read a tensor and return the kind of its value, given the plugin that it is meant for ("" where not said)."""
    type_, count, shape = 0, 0, []
    content = (0, 0)
    for number, wire, start, stop in fields(data, at, end):
        if number == 1 and wire == 0:
            type_ = varint(data, start, stop)[0]
        elif number == 2 and wire == 2:
            shape = _shape(data, start, stop)
        elif number == 4 and wire == 2:
            content = (start, stop)
        elif number == 8 and wire == 2:
            value.strings.append(data[start:stop])
        elif number in _LISTS and plugin != "histograms":
            count += _list(value, data, start, stop, wire, _LISTS[number], type_)
    if plugin == "histograms":
        return _tensor_histogram(value, data, content, type_, shape)
    if type_ == _STRING:
        return "text" if plugin in {"", "text"} else plugin
    if _one_number(value, data, content, type_, count) and all(size == 1 for size in shape):
        return "scalar" if plugin in {"", "scalars"} else plugin
    return plugin or "tensors"


def _one_number(value: Value, data: bytes, content: tuple[int, int], type_: int, count: int) -> bool:
    """Whether a tensor holds one number, in its bytes or in a list; it is then set."""
    start, stop = content
    if start == stop:
        return count == 1
    if count:
        return False
    if type_ == _BFLOAT and stop - start == 2:
        value.number, value.format = _bfloat(int.from_bytes(data[start:stop], "little")), ""
        return True
    if type_ not in _FORMATS or stop - start != np.dtype(_FORMATS[type_]).itemsize:
        return False
    _set_number(value, data, start, _FORMATS[type_])
    return True


def _tensor_histogram(value: Value, data: bytes, content: tuple[int, int], type_: int, shape: list[int]) -> str:
    start, stop = content
    if type_ not in {1, 2} or len(shape) != 2 or shape[1] != 3:
        return "histograms"
    if start == stop and shape[0] == 0:
        return EMPTY
    if stop - start != shape[0] * 3 * np.dtype(_FORMATS[type_]).itemsize:
        return "histograms"
    value.summary, value.rough = _buckets(data, start, stop, _FORMATS[type_]), True
    return "histogram" if value.summary else EMPTY


def _shape(data: bytes, at: int, end: int) -> list[int]:
    """Return the sizes of a tensor's axes, as stated; an axis without a size has none (0)."""
    sizes: list[int] = []
    for number, wire, start, stop in fields(data, at, end):
        if number == 2 and wire == 2:
            size = 0
            for inner, wire_, begin, close in fields(data, start, stop):
                if inner == 1 and wire_ == 0:
                    size = _signed(varint(data, begin, close)[0])
            sizes.append(size)
    return sizes


def _list(value: Value, data: bytes, start: int, stop: int, wire: int, format_: str, type_: int) -> int:
    """Read a list of numbers, packed or not; return how many it has. The value takes a lone one."""
    if format_:
        width = int(format_[-1])
        if wire not in {1, 2, 5} or (stop - start) % width:
            raise Malformed("a list of floats")
        if stop - start == width:
            _set_number(value, data, start, format_)
        return (stop - start) // width
    count = 0
    while start < stop and count < 2:  # more than one is no scalar
        number, start = varint(data, start, stop)
        value.number, value.format = _whole(number, type_), ""
        count += 1
    return count


def _whole(number: int, type_: int) -> Number:
    """Return a number of an integer list in its type; half floats are kept there by their bits."""
    if type_ == _HALF:
        return np.array([number & 0xFFFF], dtype=np.uint16).view(np.float16)
    if type_ == _BFLOAT:
        return _bfloat(number)
    if type_ in {22, 23}:
        return np.array([number], dtype=np.uint64)
    return np.array([_signed(number)], dtype=np.int64)


def _bfloat(bits: int) -> Number:
    return np.array([(bits & 0xFFFF) << 16], dtype=np.uint32).view(np.float32)
