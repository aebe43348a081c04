"""Printed numbers in a block of bytes become float64 columns, many rows at once; part of read/scan.

Numbers of one column fall into a few patterns (`-0000.0000`: every digit as 0), and of one pattern all digits
stand at known places. A number of at most 15 digits times or by a power of ten up to 22 is rounded once, so it
equals `float()` of its text (Clinger, "How to read floating point numbers accurately", 1990); others go to `float()`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from wganlint.read.tokens import is_number

WIDEST = 32  # characters of a number that is read here
PATTERNS = 24  # patterns of one column of a block that are read together; rows of further ones one by one
MORE = 3  # times as many for several columns
_EXACT_DIGITS = 15  # 57 (the byte of 9) * 111,111,111,111,111 is below 2**53, so sums of digits are exact
_SHORT = 7  # digits of a number below 2**24, which float32 holds exactly: half the bytes to move
_LONG = _EXACT_DIGITS + 2  # characters: what is longer has more digits, but for an exponent
_WORTH = 64  # such numbers
_EXACT_POWER = 22  # 10**22 is the last power of ten that a float64 holds exactly
_NUMBER = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?)([0-9]+))?")

Floats = npt.NDArray[np.float64]
Worths = npt.NDArray[Any]  # float32 or float64
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

POWERS = 10.0 ** np.arange(_EXACT_POWER + 1)
_WITHIN = np.where(np.arange(WIDEST) < np.arange(WIDEST + 1)[:, None], 255, 0).astype(np.uint8)
_INSIDE = {width: np.ascontiguousarray(_WITHIN[:, :width]) for width in range(8, WIDEST + 1, 8)}


class _Plan(Struct, frozen=True):
    """How to read the numbers of one pattern."""

    constant: float | None = None  # nan, inf
    negative: bool = False
    decimals: int = 0
    digits: Worths | None = None  # what a digit at each place is worth; None: by `float()`
    power: Worths | None = None  # the same for the digits of the exponent
    small: bool = False  # the exponent is negative


def inside(lengths: Ints, width: int) -> Bytes:
    """Return 255 for each byte of a window that belongs to its text, else 0; shape (rows, width), or (1, width)."""
    first = lengths[:1]
    return _INSIDE[width].take(first if (lengths == first).all() else lengths, axis=0)


def read_numbers(windows: Bytes, lengths: Ints, columns: int = 1) -> tuple[Floats, npt.NDArray[np.bytes_], Flags]:
    """Return the values and texts of numbers, and which rows are numbers at all.

    `windows` has one row of bytes for each number, which begins at its first byte and is `lengths` (1 to `WIDEST`)
    long; what stands behind it does not matter. They may be those of several columns, one below the other.
    """
    width = windows.shape[1]
    within = inside(lengths, width)
    texts = windows & within
    values = np.zeros(len(windows))
    good = np.ones(len(windows), dtype=np.bool_)
    left = _long(lengths, texts, values)
    if left is not None and not len(left):
        return values, texts.view(f"S{width}").ravel(), good
    digits = windows - np.uint8(48)
    patterns = (digits * (digits > 9)) & within
    patterns |= ~within & np.uint8(1)  # 1 stands for no character, 0 for a digit, 10 to 255 for another one
    words = patterns.view(np.uint64)
    mine = words if left is None else words.take(left, axis=0)
    for _ in range(PATTERNS * min(columns, MORE)):
        count = len(windows) if left is None else len(left)
        if not count:
            break
        same = mine[:, 0] == mine[0, 0]
        for at in range(1, mine.shape[1]):
            same &= mine[:, at] == mine[0, at]
        plan = _plan(patterns[0 if left is None else left[0]].tobytes())
        whole = bool(same.all())
        rows = left if whole else np.flatnonzero(same) if left is None else left[same]
        if plan is None:
            good[slice(None) if rows is None else rows] = False
        elif rows is None:
            values = _read(plan, digits, texts, None)
        else:
            values[rows] = _read(plan, digits.take(rows, axis=0), texts, rows)
        if whole:
            left = np.empty(0, dtype=np.int64)
            break
        other = np.flatnonzero(~same)
        left, mine = other if left is None else left[other], mine.take(other, axis=0)
    for at in [] if left is None else left.tolist():
        text = _text(texts[at])
        good[at] = is_number(text) and "," not in text
        values[at] = float(text) if good[at] else 0.0
    return values, texts.view(f"S{width}").ravel(), good


def _long(lengths: Ints, texts: Bytes, values: Floats) -> Ints | None:
    """Read the numbers with too many digits for any plan, if all are written as in JSON; return the others."""
    long = lengths > _LONG
    count = int(np.count_nonzero(long))
    if count < _WORTH:
        return None
    whole = count == len(lengths)
    found = _decoded(texts if whole else texts[long])
    if found is None:
        return None
    values[slice(None) if whole else long] = found
    return np.flatnonzero(~long)


def _decoded(texts: Bytes) -> Floats | None:
    """Return the numbers of a JSON list of these texts; None if they make none."""
    import msgspec  # rounds as `float()` does (Lemire, "Number parsing at a gigabyte per second", 2021)

    rows, width = texts.shape
    if (texts - np.uint8(1) < 32).any():  # a blank within
        return None
    data = np.full((rows, width + 1), ord(","), dtype=np.uint8)
    data[:, :width] = np.where(texts == 0, np.uint8(32), texts)
    try:
        found = msgspec.json.decode(b"[%s]" % data.reshape(-1)[:-1].tobytes(), type=list[float])
    except msgspec.DecodeError:  # no number, or one that JSON does not allow, or beyond all numbers
        return None
    return np.array(found, dtype=np.float64) if len(found) == rows else None


def _read(plan: _Plan, digits: Bytes, texts: Bytes, rows: Ints | None) -> Floats:
    """Return the values of rows of one pattern; `digits` are those of these rows, `texts` of all."""
    if plan.constant is not None:
        return np.full(len(digits), plan.constant)
    if plan.digits is None:
        return _floats(texts if rows is None else texts[rows])
    numbers = digits.astype(plan.digits.dtype)
    found: Floats = np.einsum("ij,j->i", numbers, plan.digits).astype(np.float64, copy=False)
    if plan.power is None:
        if plan.decimals:
            found /= POWERS[plan.decimals]
    else:
        power = np.einsum("ij,j->i", numbers, plan.power).astype(np.float64, copy=False)
        power = (-power if plan.small else power) - plan.decimals
        far = np.abs(power) > _EXACT_POWER
        shift = POWERS[np.where(far, 0, np.abs(power)).astype(np.int64)]
        found = np.where(power < 0, found / shift, found * shift)
        if far.any():
            at = np.flatnonzero(far)
            found[at] = np.abs(_floats(texts[at if rows is None else rows[at]]))
    return -found if plan.negative else found


def _floats(texts: Bytes) -> Floats:
    """Return `float()` of each row: zero bytes at its end are no part of a text."""
    found = _decoded(texts) if len(texts) >= _WORTH else None
    if found is not None:
        return found
    column = np.ascontiguousarray(texts).view(f"S{texts.shape[1]}").ravel().tolist()
    return np.fromiter(map(float, column), np.float64, len(column))


def _text(row: Bytes) -> str:
    return row.tobytes().rstrip(b"\0").decode("latin-1")


@lru_cache(maxsize=4096)
def _plan(pattern: bytes) -> _Plan | None:
    """Return how to read a pattern, None if its rows are no numbers. Whether they are does not depend on digits."""
    size = pattern.find(1)
    shown = bytes((code + 48) & 255 for code in (pattern if size < 0 else pattern[:size]))
    text = shown.decode("latin-1")
    if not is_number(text) or "," in text:
        return None
    if not re.search("[0-9]", text):
        return _Plan(constant=float(text))
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _Plan()
    sign, whole, decimals, exponent_sign, exponent = match.groups()
    if len(whole) + len(decimals) > _EXACT_DIGITS or len(exponent or "") > 4:
        return _Plan()
    kind = np.float32 if len(whole) + len(decimals) <= _SHORT else np.float64
    worth, power = np.zeros(len(pattern), kind), np.zeros(len(pattern), kind)
    places = [*range(*match.span(2)), *range(*match.span(3))]
    for at, place in enumerate(reversed(places)):
        worth[place] = 10.0**at
    for at, place in enumerate(reversed(range(*match.span(5)))) if exponent else ():
        power[place] = 10.0**at
    return _Plan(None, sign == "-", len(decimals), worth, power if exponent else None, exponent_sign == "-")
