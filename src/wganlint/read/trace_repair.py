"""One event of a Chrome trace as data, and the mending of one that is not JSON; part of read/trace."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

import msgspec

Word: TypeAlias = int | float | str | None

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_CONTROL = re.compile(r"[\x00-\x1f]")
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
_NO_VALUE = re.compile(_QUOTED + r"|(?<![\w.+-])(?:N/A|n/a|[-+]?(?:NaN|nan|Infinity|inf)|None|undefined)(?![\w/.])")
_NO_COMMA = re.compile(_QUOTED + r"|,(?=[\s,]*[}\]])")


class Arguments(msgspec.Struct, gc=False, frozen=True):
    """What is read of an event's `args`; -1 and 0 stand for what it has not."""

    correlation: Word = -1
    sequence: Word = msgspec.field(name="Sequence number", default=-1)
    forward: Word = msgspec.field(name="Fwd thread id", default=0)


class Event(msgspec.Struct, gc=False):
    """One event; times in microseconds, as the file gives them."""

    ph: str = ""
    cat: str = ""
    name: str = ""
    ts: float | str | None = None
    dur: float | str | None = 0.0
    pid: Word = None
    tid: Word = None
    args: Arguments | None = Arguments()


def mend(text: bytes) -> Event | None:
    """Return the event that a damaged text still holds, None if it cannot be told.

    Bad UTF-8 is replaced, control characters become blanks, lone backslashes are doubled, words that are no JSON
    value (N/A, NaN, Infinity) become null, and commas before a closing bracket go.
    """
    whole = _CONTROL.sub(" ", text.decode("utf-8", "replace")).strip(" ,\ufeff")
    whole = _ESCAPE.sub(lambda found: found[0] if found[1] else "\\\\", whole)
    whole = _NO_VALUE.sub(lambda found: found[0] if found[0][0] == '"' else "null", whole)
    whole = _NO_COMMA.sub(lambda found: found[0] if found[0][0] == '"' else "", whole)
    try:
        return msgspec.json.decode(whole.encode("utf-8", "replace"), type=Event)
    except (msgspec.DecodeError, RecursionError, ValueError):
        pass
    try:
        data = json.loads(whole, strict=False)
    except (RecursionError, ValueError):
        return None
    return _loose(data) if isinstance(data, dict) else None


def _loose(data: dict[str, object]) -> Event | None:
    """Return an event whose values are of other types than usual; what has no meaning is left out."""
    if not any(key in data for key in ("ph", "name", "cat", "ts")):
        return None
    args = data.get("args")
    args = args if isinstance(args, dict) else {}
    time, length = (data.get(key) for key in ("ts", "dur"))
    return Event(
        _text(data.get("ph")), _text(data.get("cat")), _text(data.get("name")),
        float(time) if isinstance(time, int | float) else time if isinstance(time, str) else None,
        float(length) if isinstance(length, int | float) else length if isinstance(length, str) else None,
        _word(data.get("pid")), _word(data.get("tid")),
        Arguments(
            _word(args.get("correlation", -1)), _word(args.get("Sequence number", -1)),
            _word(args.get("Fwd thread id")),
        ),
    )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)[:200]


def _word(value: object) -> Word:
    return value if isinstance(value, int | float | str) else None
