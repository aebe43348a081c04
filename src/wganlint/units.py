"""Kinds of number: how they combine and how they print. Bottom of the house, beside `errors`.

A number that wganlint prints carries its kind and the precision of the input it came from; a sentence never
shows more digits than the log did.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What a number counts or measures."""

    NUMBER = "number"  # a loss, a score, a learning rate: no unit of its own
    RATIO = "ratio"  # a share or a quotient of like things; prints as a share
    FACTOR = "factor"  # a quotient read as "times": 10 prints as 10x
    STEPS = "steps"  # optimizer steps, batches, epochs: the x axis of a log
    POINTS = "points"  # records of a series
    COUNT = "count"  # calls, events, elements
    SECONDS = "seconds"
    BYTES = "bytes"
    TEXT = "text"
    FLAG = "flag"


class KindError(ValueError):
    """Two kinds do not combine."""


class Quantity(Struct, frozen=True):
    """A number with its kind, and how precisely the input gave it.

    `decimals` is the number of digits after the point that the input carries (None: unknown, three significant
    digits are shown). `text` is the number exactly as the input printed it, where it was not computed.
    """

    value: float
    kind: Kind = Kind.NUMBER
    decimals: int | None = None
    text: str | None = None


_NUMERIC = {
    Kind.NUMBER,
    Kind.RATIO,
    Kind.FACTOR,
    Kind.STEPS,
    Kind.POINTS,
    Kind.COUNT,
    Kind.SECONDS,
    Kind.BYTES,
}
PURE = {Kind.NUMBER, Kind.RATIO, Kind.FACTOR}


def combine(operator: str, left: Kind | None, right: Kind | None) -> Kind | None:
    """Return the kind of `left operator right`; None stands for a bare number in the text of a rule.

    Sums and comparisons need like kinds (a bare number goes with all); a product with a pure number keeps the
    kind; a quotient of like kinds is a ratio.

    Raises:
        KindError: the two do not combine, for example seconds + steps.
    """
    for side in (left, right):
        if side is not None and side not in _NUMERIC and (operator != "==" or left != right):
            raise KindError(f"{side} is not a number")
    if operator in {"+", "-", "<", "==", "min", "max"}:
        if left is None or right is None or left == right or (left in PURE and right in PURE):
            return left if left is not None else right
        raise KindError(f"{left} and {right} cannot be {_VERBS[operator]}")
    if operator == "*":
        if left is None or left in PURE:
            return right if right is not None else left
        if right is None or right in PURE:
            return left
        raise KindError(f"{left} * {right} has no meaning here")
    if operator == "/":
        if left is not None and left == right:
            return Kind.RATIO
        if right is None or right in PURE:
            return left
        if left is None:
            raise KindError(f"a number / {right} has no meaning here")
        raise KindError(f"{left} / {right} has no meaning here")
    raise KindError(f"unknown operator {operator}")


_VERBS = {
    "+": "added",
    "-": "subtracted",
    "<": "compared",
    "==": "compared",
    "min": "compared",
    "max": "compared",
}


_PRINTED = re.compile(r"(?:\d(?:[\d,_]*\d)?(?:\.(\d*))?|\.(\d+))(?:[eE]([-+]?\d+))?")


def decimals(text: str) -> int | None:
    """Return how many digits after the point a printed number carries.

    `0.0048` 4, `.5` 1, `1e-05` 5, `12` 0, `nan` None.
    """
    places = _places(text)
    return None if places is None else max(0, places)


def resolution(text: str) -> float | None:
    """Return what one unit of the last printed digit is worth: `0.0048` 1e-4, `12` 1, `1.00e+03` 10, `nan` None."""
    places = _places(text)
    return None if places is None else float(10.0**-places)


def _places(text: str) -> int | None:
    match = _PRINTED.search(text)
    if match is None:
        return None
    places = len(match[1] or match[2] or "")
    if match[3]:
        exponent = int(match[3][:5])
        return places - exponent if -300 < places - exponent < 300 else None
    return places


def places_of(unit: float | None) -> int | None:
    """Return how many digits after the point a number of this resolution carries; None where it is not known."""
    if unit is None or not unit > 0:
        return None
    return max(0, -math.floor(math.log10(unit) + 1e-9))


def show(quantity: Quantity) -> str:
    """Return the number as text, at the precision that its input carries."""
    if quantity.text is not None:
        return quantity.text
    value = quantity.value + 0.0  # -0.0 becomes 0.0
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    match quantity.kind:
        case Kind.RATIO:
            return _share(value)
        case Kind.FACTOR:
            return f"{_significant(value, 2)}x"
        case Kind.STEPS | Kind.POINTS | Kind.COUNT:
            return f"{value:.0f}" if float(value).is_integer() else _significant(value, 4)
        case Kind.SECONDS:
            return _seconds(value)
        case Kind.BYTES:
            return _bytes(value)
        case _:
            return fixed(value, quantity.decimals)


def fixed(value: float, places: int | None) -> str:
    """Return `value` with `places` digits after the point, or three significant digits where that is unknown."""
    if places is None:
        return _significant(value, 3)
    text = f"{value:.{places}f}"
    if len(text) > 18:
        return _significant(value, 3)
    return "0" + text[2:] if text.startswith("-0") and float(text) == 0 else text


def _share(value: float) -> str:
    percent = 100 * abs(value)
    sign = "-" if value < 0 else ""
    if 0 < percent < 0.1:
        return f"{sign}{_significant(percent, 1)} %" if sign else "under 0.1 %"
    if 99.9 < percent < 100:
        return "-99.9 %" if sign else "over 99.9 %"
    rounded = f"{percent:.1f}" if percent < 10 or percent > 99 else f"{percent:.0f}"
    return f"{sign}{rounded.removesuffix('.0')} %"


def _significant(value: float, digits: int) -> str:
    text = f"{value + 0.0:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e7:
        return f"{value:.0f}"
    return text


def _seconds(value: float) -> str:
    size = abs(value)
    if size >= 1 or size == 0:
        return f"{_significant(value, 3)} s"
    if size >= 1e-3:
        return f"{_significant(value * 1e3, 3)} ms"
    return f"{_significant(value * 1e6, 3)} us"


def _bytes(value: float) -> str:
    size = abs(value)
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{_significant(value / scale, 3)} {unit}"
    return f"{fixed(value, 0)} B"
