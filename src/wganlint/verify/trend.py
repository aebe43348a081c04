"""Two measured runs of one change, a short and a long one -> does it still get better, and when would it be well."""

from __future__ import annotations

from math import ceil, log10

from msgspec import Struct

from wganlint.verify.policy import Policy, Rulings
from wganlint.verify.signs import Effect, Signs, percent


class Trend(Struct, frozen=True):
    """Where a share goes: `moving` if it still falls; `steps`: when it would be gone at this pace (None: never)."""

    moving: bool
    text: str
    steps: int | None = None


def trend(early: Signs, late: Signs, limits: Rulings) -> Trend | None:
    """Return how the share that is still sick has changed from a shorter run to a longer one, None without one."""
    for name in ("empty", "pinned"):
        before, after = getattr(early, name), getattr(late, name)
        if before is None or after is None or after < limits.empty:
            continue
        told = f"{_WORDS[name]} {percent(before)} at {early.steps:,} steps, {percent(after)} at {late.steps:,}"
        if before - after <= limits.better:
            return Trend(False, f"settled as it is: {told}")
        need = _round(late.steps + after * (late.steps - early.steps) / (before - after))
        return Trend(True, f"not settled: {told}; at this pace well at about {need:,}", need)
    return None


_WORDS = {"empty": "empty", "pinned": "at bound"}


def _round(steps: float) -> int:
    """Return two digits, rounded up."""
    unit = 10 ** max(0, int(log10(max(1.0, steps))) - 1)
    return int(ceil(steps / unit) * unit)


def awake(without: Signs, now: Signs, book: Policy) -> str:
    """Return in words how much faster weights move now, where they hardly moved before; "" if they do not."""
    limits = book.vital
    for name, ratio in now.ratios.items():
        before = without.ratios.get(name)
        well = limits.ratio_low <= ratio <= limits.ratio_high
        if before is not None and well and ratio >= book.budget.awake * before:
            return f"update/weight of {name} {before:.1e} -> {ratio:.1e}"
    return ""


def open_at_first(effect: Effect, without: Signs, now: Signs, book: Policy) -> bool:
    """Whether a short run leaves open what a fix does: it gets better, or only its pace is another one."""
    return effect is Effect.HELPS or (effect in (Effect.NOTHING, Effect.HIDES) and bool(awake(without, now, book)))
