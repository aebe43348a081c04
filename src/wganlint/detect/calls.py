"""How often an operation ran, by the counting rules of printed profiler tables; part of `detect/profile`."""

from __future__ import annotations

import math

from msgspec import Struct

from wganlint.run import OpRow, OpTable

# Columns that split one operation over several rows.
_SPLITTING = {"Input Shapes", "Source Location", "Calling Stack Tree"}


class PerStep(Struct, frozen=True):
    """How often an operation ran, and its time in seconds, per step where the table says how many it covers.

    `basis` is "ProfilerStep*" (divided by the calls of that row), "heading" (the heading says that the table
    covers one step) or "table" (figures of the whole table: nothing says how many steps it covers). `halved`:
    the calls that the operation makes to itself were taken out. Times are the total columns, None where
    absent.
    """

    calls: float
    rows: tuple[OpRow, ...]
    basis: str
    halved: bool
    cpu_time: float | None
    device_time: float | None


def calls_per_step(table: OpTable, name: str) -> PerStep | None:
    """Return how often `name` ran, counted from the rows of exactly this name; None if the table cannot tell.

    Rows of one name are added (they are split by shapes, stacks or overloads); wrappers (`evaluate_function:
    ...`) never count. `aten::nan_to_num` calls itself once, so its inner calls are left out: the `out` rows
    where overloads are printed, else the calls made by `aten::nan_to_num_` and half of the rest.

    An operation that is absent from a complete table ran 0 times. Nothing is known if it is absent from a
    limited one, may stand behind a shortened name, or is split in a limited table, where further rows may be
    hidden.
    """
    steps = table.steps or 1
    basis = "ProfilerStep*" if table.steps else "heading" if table.one_step else "table"
    rows = _host(table, tuple(row for row in table.rows if row.name == name and not row.cut))
    if not rows:
        if table.limited or any(row.cut and name.startswith(row.name[:-3]) for row in table.rows):
            return None
        return PerStep(0.0, (), basis, False, 0.0, 0.0 if table.device else None)
    halved = name == "aten::nan_to_num"
    calls = _outer_calls(table, rows) if halved else _calls(rows)
    if calls is None or (table.limited and _split(table, rows[0])):
        return None
    cpu, device = _sum([row.cpu_total for row in rows]), _sum([row.device_total for row in rows])
    return PerStep(
        calls / steps, rows, basis, halved,
        None if cpu is None else cpu / steps, None if device is None else device / steps,
    )  # fmt: skip


def _host(table: OpTable, rows: tuple[OpRow, ...]) -> tuple[OpRow, ...]:
    """Drop the device's rows where the CPU has rows of the same name: the same calls, seen twice."""
    if table.device is None:
        return rows
    return tuple(row for row in rows if row.self_cpu or row.cpu_total) or rows


def _split(table: OpTable, row: OpRow) -> bool:
    """Whether the table prints several rows of one name; overloads split operations, not backward nodes."""
    columns = set(table.columns)
    return bool(columns & _SPLITTING) or ("Overload Name" in columns and row.kind == "op")


def _calls(rows: tuple[OpRow, ...]) -> float | None:
    return _sum([None if row.calls is None else float(row.calls) for row in rows])


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None


def _outer_calls(table: OpTable, rows: tuple[OpRow, ...]) -> float | None:
    if "Overload Name" in table.columns:
        return _calls(tuple(row for row in rows if row.cells.get("Overload Name") != "out")) or 0.0
    calls = _calls(rows)
    inside = _calls(tuple(row for row in table.rows if row.name == "aten::nan_to_num_")) or 0.0
    return None if calls is None else max(0.0, (calls - inside) / 2)
