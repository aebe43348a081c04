"""Operations that are looked at closely: bounds, guards against what is not finite, fills, and reductions by group.

A handler is called before its operation with the arguments; what it returns is called with the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .tally import Key, Share, Spread, finite

if TYPE_CHECKING:
    from .watch import Watch

After = Callable[[Tensor], None]
Place = Any  # (code, line) of the user, or None
LARGE = 1e4


class Site:
    """Figures of one line and one operation, by what was running."""

    def __init__(self, op: str, place: Place) -> None:
        self.op, self.place = op, place
        self.low: float | None = None
        self.high: float | None = None
        self.shares: dict[Key, Share] = {}
        self.entered: dict[Key, Spread] = {}
        self.weights = False
        self.score_of: set[int] = set()
        self.value: float | None = None  # of a fill, or what an empty row keeps
        self.back = Share()

    def share(self, key: Key) -> Share:
        """Return the counts of one side."""
        return self.shares.setdefault(key, Share())


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor):
        return float(value.item()) if value.numel() == 1 else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, *names: str) -> Any:
    for name in names:
        if name in kwargs:
            return kwargs[name]
    return args[place] if len(args) > place else None


def _bound(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    value = _argument(args, kwargs, 0, "input")
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    plain = name.strip("_")
    if plain in ("clamp", "clip"):
        limits = _argument(args, kwargs, 1, "min"), _argument(args, kwargs, 2, "max")
    elif plain in ("clamp_min", "clamp_max"):
        limit = _argument(args, kwargs, 1, "min", "max")
        limits = (limit, None) if plain == "clamp_min" else (None, limit)
    elif plain == "hardtanh":
        low, high = _argument(args, kwargs, 1, "min_val"), _argument(args, kwargs, 2, "max_val")
        limits = (-1.0 if low is None else low), (1.0 if high is None else high)
    else:
        limits = (0.0, 6.0)
    low, high = _number(limits[0]), _number(limits[1])
    if low is None and high is None:
        return None
    site = watch.site("bound", plain.replace("clip", "clamp"))
    site.low, site.high = low, high
    key = watch.key((value,))
    stats = watch.marks.stats(value)
    hit = 0
    if (
        stats is not None
        and stats.numel
        and not ((low is None or stats.low > low) and (high is None or stats.high < high))
    ):
        held = torch.zeros_like(value, dtype=torch.bool)
        held = held | (value <= low) if low is not None else held
        held = held | (value >= high) if high is not None else held
        hit = int(held.sum().item())
    site.share(key).add(value.numel(), hit, watch.step + 1)
    if watch.is_parameter(value):
        site.weights = True
        return None
    if stats is not None:
        site.entered.setdefault(key, Spread()).add(value, stats)
    return lambda out: watch.bind(out, site)


def _squash(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    """Tanh and sigmoid: at the bound is what its number type cannot tell from it."""
    value = _argument(args, kwargs, 0, "input")
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    plain = name.strip("_")
    low, high = (-1.0, 1.0) if plain == "tanh" else (0.0, 1.0)
    stats = watch.marks.stats(value)
    site = watch.site("bound", plain)
    site.low, site.high = low, high
    key = watch.key((value,))
    if stats is not None:
        site.entered.setdefault(key, Spread()).add(value, stats)

    def after(out: Tensor) -> None:
        found = watch.marks.stats(out)
        hit = 0
        if found is not None and found.numel and not (found.low > low and found.high < high):
            hit = int(((out <= low) | (out >= high)).sum().item())
        site.share(key).add(out.numel(), hit, watch.step + 1)
        watch.bind(out, site)

    return after


def _guard(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    value = _argument(args, kwargs, 0, "input")
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return None
    site = _count_guard(watch, "nan_to_num", value)
    return lambda out: _comes_back(watch, site, out)


def _comes_back(watch: Watch, site: Site, out: Tensor) -> None:
    """Count what comes back to a guard in backward: it lets all of it through, finite or not."""
    register = getattr(out.grad_fn, "register_hook", None)
    if register is None:
        return

    def gave(inputs: Any, outputs: Any) -> None:
        if not watch.active:
            return
        was, watch.busy = watch.busy, True
        try:
            for one in outputs:
                if one is not None and one.is_floating_point() and not one.is_sparse:
                    bad = 0 if finite(one) else one.numel() - int(torch.isfinite(one).sum().item())
                    site.back.add(one.numel(), bad, watch.step + 1)
        finally:
            watch.busy = was

    register(gave)


def _count_guard(watch: Watch, op: str, value: Tensor) -> Site:
    stats = watch.marks.stats(value)
    hit = 0
    if stats is None or not stats.finite:
        hit = value.numel() - int(torch.isfinite(value).sum().item())
    site = watch.site("guard", op)
    site.share(watch.key((value,))).add(value.numel(), hit, watch.step + 1)
    return site


def _mask(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    """Remember masks that tell what is finite, so that `where` and its kin are known for guards."""
    if name in ("isnan", "isinf", "isfinite"):
        tells = -1 if name == "isfinite" else 1
    elif name in ("ne", "__ne__", "eq", "__eq__"):  # x != x
        if len(args) < 2 or args[0] is not args[1]:
            return None
        tells = 1 if "ne" in name else -1
    else:
        known = watch.marks.get(args[0]) if args and isinstance(args[0], Tensor) else None
        if known is None or not known.mask:
            return None
        tells = -known.mask if "not" in name or "invert" in name else known.mask

    def after(out: Tensor) -> None:
        watch.marks.of(out).mask = tells

    return after


def _masked(watch: Watch, mask: Any) -> int:
    known = watch.marks.get(mask) if isinstance(mask, Tensor) else None
    return known.mask if known is not None else 0


def _where(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    if len(args) < 3 or not isinstance(args[0], Tensor):
        return None
    condition, first, second = (
        args[:3] if name == "where" and args[0].dtype == torch.bool else (args[1], args[0], args[2])
    )
    tells = _masked(watch, condition)
    if tells:
        replaced = condition if tells == 1 else ~condition
        hit = int(replaced.sum().item())
        sources = [one for one in (first, second) if isinstance(one, Tensor)]
        site = watch.site("guard", "where")
        site.share(watch.key(tuple(sources))).add(condition.numel(), hit, watch.step + 1)
        return lambda out: _comes_back(watch, site, out)
    for value in (first, second):
        constant = _number(value) if not isinstance(value, Tensor) or value.numel() == 1 else None
        if constant is not None and abs(constant) >= LARGE:
            return _filled(watch, "where", constant)
    return None


def _fill(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    plain = name.strip("_")
    if plain == "setitem":
        value, mask = args[2] if len(args) > 2 else None, args[1] if len(args) > 1 else None
    elif plain == "masked_fill":
        value, mask = _argument(args, kwargs, 2, "value"), _argument(args, kwargs, 1, "mask")
    else:
        place = {"fill": 1, "full": 1, "full_like": 1, "new_full": 2}[plain]
        value, mask = _argument(args, kwargs, place, "fill_value", "value"), None
    if _masked(watch, mask) and isinstance(mask, Tensor):
        replaced = mask if _masked(watch, mask) == 1 else ~mask
        hit = int(replaced.sum().item())
        site = watch.site("guard", plain)
        site.share(watch.key((args[0],))).add(mask.numel(), hit, watch.step + 1)
        return lambda out: _comes_back(watch, site, out)
    constant = _number(value)
    if constant is None or not abs(constant) >= LARGE or not math.isfinite(constant):
        return None
    return _filled(watch, plain, constant)


def _filled(watch: Watch, op: str, constant: float) -> After:
    site = watch.site("fill", op)
    site.value = constant

    def after(out: Tensor) -> None:
        if out.is_floating_point():
            elements = int((out == constant).sum().item())
            site.share(watch.key(())).add(out.numel(), elements, watch.step + 1)

    return after


def _groups(watch: Watch, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> After | None:
    plain = name.strip("_")
    target = _argument(args, kwargs, 0, "input", "self")
    dim, index = _argument(args, kwargs, 1, "dim"), _argument(args, kwargs, 2, "index")
    if not isinstance(target, Tensor) or not isinstance(index, Tensor) or not isinstance(dim, int) or not target.dim():
        return None
    rows = target.shape[dim]
    one = index if index.dim() < 2 else index.movedim(dim, 0).flatten(1)[:, :1] if index.numel() else index
    written = torch.zeros(rows, dtype=torch.bool, device=target.device)
    written[one.reshape(-1)] = True
    empty = rows - int(written.sum().item())
    sources = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
    site = watch.site("group", plain)
    site.share(watch.key(tuple(sources))).add(rows, empty, watch.step + 1)
    if not empty:
        return None

    def after(out: Tensor) -> None:
        if site.value is None and out.is_floating_point():
            kept = out.detach().movedim(dim, 0)[~written]
            low, high = kept.min().item(), kept.max().item()
            site.value = float(low) if low == high and math.isfinite(low) else None

    return after


HANDLERS: dict[str, Callable[..., After | None]] = {
    **dict.fromkeys(
        ("clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_", "clamp_max", "clamp_max_", "hardtanh",
         "hardtanh_", "relu6"), _bound,
    ),
    **dict.fromkeys(("tanh", "tanh_", "sigmoid", "sigmoid_"), _squash),
    **dict.fromkeys(("nan_to_num", "nan_to_num_"), _guard),
    **dict.fromkeys(
        ("isnan", "isinf", "isfinite", "logical_not", "__invert__", "bitwise_not", "ne", "__ne__", "eq", "__eq__",
         "logical_or", "__or__", "bitwise_or", "any", "all"), _mask,
    ),
    "where": _where,
    **dict.fromkeys(
        ("full", "full_like", "new_full", "fill_", "fill", "masked_fill", "masked_fill_", "__setitem__"), _fill
    ),
    **dict.fromkeys(
        ("scatter_reduce", "scatter_reduce_", "scatter_add", "scatter_add_", "index_add", "index_add_", "index_reduce",
         "index_reduce_"), _groups,
    ),
}  # fmt: skip
