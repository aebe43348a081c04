"""What a statement stands on: a place in an input, a piece of arithmetic, or a named assumption."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Standing(StrEnum):
    """How a statement is known."""

    OBSERVED = "observed"  # quoted from an input, with file and line
    DERIVED = "derived"  # arithmetic on what was observed; the formula is shown
    ASSUMED = "assumed"  # a hypothesis; what would settle it is named


class Place(Struct, frozen=True, order=True):
    """A place in an input: path as given, 1-based line and column in characters (None where the input has none)."""

    file: str
    line: int | None = None
    column: int | None = None
    end_column: int | None = None

    def __str__(self) -> str:
        parts = [self.file]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None and self.column > 1:
                parts.append(str(self.column))
        return ":".join(parts)


class Evidence(Struct, frozen=True):
    """One thing that was seen or computed.

    `kind` names where it is from: log, source, table, event, setting, formula, absence. `quote` is the input's own
    text (for a formula: the arithmetic with its numbers); `label` is our note on it; `step` is where it stands in
    training, in the log's own steps.
    """

    kind: str
    standing: Standing
    quote: str
    label: str = ""
    place: Place | None = None
    step: float | None = None


def observed(kind: str, quote: str, place: Place | None, label: str = "", step: float | None = None) -> Evidence:
    """Return evidence that is quoted from an input."""
    return Evidence(kind, Standing.OBSERVED, quote, label, place, step)


def derived(formula: str, label: str = "") -> Evidence:
    """Return evidence that is arithmetic on what was observed; `formula` shows it with its numbers."""
    return Evidence("formula", Standing.DERIVED, formula, label)


def assumed(kind: str, quote: str, label: str) -> Evidence:
    """Return a hypothesis; `label` names what would settle it."""
    return Evidence(kind, Standing.ASSUMED, quote, label)
