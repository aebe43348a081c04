"""Names of series, unique in their run; part of read/join."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.builder import SeriesBuilder

_ORDER = {"text": 0, "table": 1, "redraw": 2, "events": 3}


def name_series(builders: Sequence[SeriesBuilder]) -> None:
    """Set the names: the plain key for the form with most records, `key [form]` for the others.

    Text comes before progress bars, those before events, however many records each has.
    """
    rivals: dict[str, list[SeriesBuilder]] = {}
    for builder in builders:
        rivals.setdefault(builder.name, []).append(builder)
    taken = set(rivals)
    for name, same in rivals.items():
        for other in sorted(same, key=lambda builder: (_ORDER.get(builder.kind, 4), -len(builder)))[1:]:
            form = other.form.replace("[", "").replace("]", "") or other.step_key or other.kind
            other.name = _free(f"{name} [{form}]", taken)
            taken.add(other.name)


def _free(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free
