"""Texts and hyper-parameters of an event file become settings; part of read/events."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator

from wganlint.evidence import Place
from wganlint.read.events.messages import Malformed, Value, fields, varint
from wganlint.run import Setting

TEXT = 1 << 16  # characters read of one text

_PAIR = re.compile(
    r"""(?<![\w.\-/])(?P<q>["']?)(?P<name>[A-Za-z_][\w.\-/]{0,80})(?P=q)\s{0,4}[:=]\s{0,4}"""
    r"""(?P<value>"[^"\n]{0,300}"|'[^'\n]{0,300}'|[^\s,;|)}\]\[({"'=:][^\s,;|)}\]]{0,300})"""
    r"""(?=\s*(?:[,;|)}\]]|\n|\Z)|[ \t]+[\w.\-]{1,80}\s{0,4}[=:])"""
)
_OPTION = re.compile(r"(?<!\S)--?(?P<name>[A-Za-z][\w.\-]{0,80})(?:=|[ \t]+)(?P<value>[^\s\-]\S{0,300}|-[\d.]\S{0,30})")
_ROW = re.compile(
    r"^[ \t]*\|[ \t]*[`*]*(?P<name>[A-Za-z_][\w.\-/]{0,80})[`*]*[ \t]*\|(?P<value>[^|\n]{1,300})\|?[ \t]*$",
    re.M,
)


def settings_of(value: Value, shown: str) -> Iterator[Setting]:
    """Yield what a text or the hyper-parameters state; `shown` is the path of the file."""
    for content in value.strings:
        for name, text, quote in _hparams(content) if value.kind == "hparams" else _text(value.tag, content):
            context = f"{value.tag} {quote}".lower()
            yield Setting(name, text, _number(text), Place(shown), quote, "events", context)


def _text(tag: str, content: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and quote of JSON, `key: value`, `key=value`, options and table rows in a text."""
    text = content[:TEXT].decode(errors="replace")
    short = tag.removesuffix("/text_summary")
    if text.lstrip().startswith("{"):
        found = _json(text)
        if found is not None:
            yield from found
            return
    any_ = False
    for pattern in (_PAIR, _OPTION, _ROW):
        for match in pattern.finditer(text):
            value = match["value"].strip(" \t`*")
            if value and not set(value) <= set("-: "):
                any_ = True
                yield match["name"].lstrip("-"), value.strip("\"'"), match[0].strip()
    if not any_ and 0 < len(text.strip()) <= 64 and len(text.split()) == 1:
        yield short.rpartition("/")[2] or short, text.strip(), text.strip()


class _Literal(str):
    """A number of a JSON text, as written there."""

    __slots__ = ()


def _json(text: str) -> list[tuple[str, str, str]] | None:
    try:
        tree = json.loads(text, parse_float=_Literal, parse_int=_Literal, parse_constant=_Literal)
    except (ValueError, RecursionError):
        return None
    found: list[tuple[str, str, str]] = []
    stack: list[tuple[str, str, object]] = [("", "", tree)]
    while stack:
        path, key, node = stack.pop()
        if isinstance(node, dict):
            stack.extend((f"{path}.{inner}" if path else inner, inner, node[inner]) for inner in reversed(node))
        elif isinstance(node, str | bool) or node is None:
            words = {True: "true", False: "false", None: "null"}
            value = str(node) if isinstance(node, str) else words[node]
            shown = value if isinstance(node, _Literal) or not isinstance(node, str) else json.dumps(value)
            found.append((path, value, f'"{key}": {shown}'))
    return found


def _hparams(content: bytes) -> list[tuple[str, str, str]]:
    """Return the hyper-parameters of TensorBoard's hparams plugin: names of numbers, texts and flags."""
    found: list[tuple[str, str, str]] = []
    try:
        for entry in _path(content, 3, 1):
            names, values = list(_path(entry, 1)), list(_path(entry, 2))
            if names and values:
                name, value = names[-1].decode(errors="replace"), _variant(values[-1])
                if value:
                    found.append((name, value, f"{name}: {value}"))
    except Malformed:
        return found
    return found


def _path(data: bytes, *numbers: int) -> Iterator[bytes]:
    """Yield the messages at a path of field numbers."""
    for number, wire, start, stop in fields(data, 0, len(data)):
        if number == numbers[0] and wire == 2:
            if len(numbers) == 1:
                yield data[start:stop]
            else:
                yield from _path(data[start:stop], *numbers[1:])


def _variant(data: bytes) -> str:
    for number, wire, start, stop in fields(data, 0, len(data)):
        if number == 2 and wire == 1:
            return repr(struct.unpack_from("<d", data, start)[0]).removesuffix(".0")
        if number == 3 and wire == 2:
            return data[start:stop][:TEXT].decode(errors="replace")
        if number == 4 and wire == 0:
            return "true" if varint(data, start, stop)[0] else "false"
    return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
