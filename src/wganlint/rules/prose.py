"""Sentences of rules: text with {find.field} places, checked at load, filled at the input's own precision.

`{op.calls:time}` prints "1 time" or "11 times".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from wganlint.detect.registry import Fact, Found
from wganlint.errors import RuleError
from wganlint.late import late
from wganlint.rules.condition import Scope, Shape
from wganlint.units import Kind, Quantity, show

_HOLE = late(r"\{(\{|[^{}]*\}?)|\}\}?")
_NAME = late(r"([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*)(?::([a-z]+(?: [a-z]+)?))?)?\Z")
# Digits that are part of a name or of code are no claim about the run: `x1`, SAT001, arXiv:1704.00028, L2, 1-Lipschitz.
_HARMLESS = re.compile(r"`[^`]*`|\b[A-Za-z]+[-:]?\d[\w.]*|\b1-Lipschitz\b|\b2 a\.m\.")


class Prose(Struct, frozen=True):
    """A checked text: literal parts and holes, alternating."""

    text: str
    parts: tuple[str | tuple[str, str, str], ...]

    def fill(self, scope: Scope) -> str:
        """Return the text with its holes filled."""
        return "".join(part if isinstance(part, str) else _value(scope, *part) for part in self.parts)


def parse(text: str, shape: Shape, given: frozenset[str], *, numbers: bool = True) -> Prose:
    """Check a text and return it ready to fill; `given` are the finds that are certainly there when it prints.

    With `numbers` False a literal number is an error: what a rule claims about a run it must take from a fact.

    Raises:
        RuleError: an unknown or unguarded field, a stray brace, or a literal number; at its column in `text`.
    """
    parts: list[str | tuple[str, str, str]] = []
    end = 0
    for hole in _HOLE.finditer(text):
        parts.append(text[end : hole.start()])
        end = hole.end()
        if hole[0] in ("{{", "}}"):
            parts.append(hole[0][0])
            continue
        try:
            parts.append(_hole(hole[0], shape, given))
        except RuleError as error:
            raise RuleError(error.what, line=1, column=hole.start() + 1, hint=error.hint) from None
    parts.append(text[end:])
    if not numbers:
        literal = _HARMLESS.sub(_blank, _HOLE.sub(_blank, text))
        digit = re.search(r"\S*\d\S*", literal)
        if digit:
            raise RuleError(
                f"the literal number {digit[0]!r} in a statement about the run",
                line=1,
                column=digit.start() + 1,
                hint="take it from a fact as {find.field}, or put code in backticks",
            )
    return Prose(text, tuple(parts))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _hole(hole: str, shape: Shape, given: frozenset[str]) -> tuple[str, str, str]:
    match = _NAME.match(hole[1:-1]) if hole.endswith("}") and len(hole) > 2 else None
    if match is None:
        raise RuleError(f"{hole!r} is not a place for a number", hint="write {find.field}, or {{ for a brace")
    name, field, noun = match[1], match[2] or "", match[3] or ""
    if not field:
        if name in (shape.parameters or {}):
            return name, "", ""
        raise RuleError(f"unknown parameter {name!r} in {hole}", hint="fields are written {find.field}")
    fields = shape.finds.get(name)
    if fields is None:
        raise RuleError(f"unknown find {name!r} in {hole}", hint=f"known here: {', '.join(sorted(shape.finds))}")
    if field not in fields:
        raise RuleError(f"{name} has no field {field!r}", hint=f"it has {', '.join(sorted(fields))}")
    if name not in given:
        raise RuleError(f"{hole} may be absent here", hint=f'add `when = "{name}"` to this text')
    if fields[field] is Kind.FLAG:
        raise RuleError(f"{hole} is a flag and does not print", hint="use it in a `when`")
    if noun and fields[field] not in (Kind.COUNT, Kind.POINTS, Kind.STEPS):
        raise RuleError(f"{hole}: only what is counted takes a noun", hint=f"write {{{name}.{field}}}")
    return name, field, noun


def _value(scope: Scope, name: str, field: str, noun: str) -> str:
    if not field:
        parameter = scope.parameters[name]
        return parameter if isinstance(parameter, str) else f"{parameter:g}"
    found = scope.finds[name]
    value = _field(found, field)
    text = show(value) if isinstance(value, Quantity) else str(value)
    return f"{text} {noun if text == '1' else _several(noun)}" if noun else text


def _several(noun: str) -> str:
    """Return the plural: steps, batches, axes, copies."""
    if noun.endswith("is"):
        return f"{noun[:-2]}es"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"


def _field(found: Found, field: str) -> Quantity | bool | str:
    if not isinstance(found, Fact):
        raise RuleError(f"a text reads {field}, which is not there")
    fields: Mapping[str, Quantity | bool | str] = found.fields
    return fields[field]
