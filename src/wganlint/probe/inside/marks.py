"""What is known of a tensor while it lives: which networks it came through, its range, the site that made it.

Kept beside the tensors, never on them, by id with a weak reference: nothing lives longer for it.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .tally import Stats, stats_of

# A mark of sides is one number: for network n the bits OUT (came out of it) and IN (was given to it, of no network).
MOST = 16  # networks that have bits
OUT, IN = 0, MOST
MIXED = 1 << (2 * MOST)  # a network was given something between its real and generated inputs
JOINED = MIXED << 1  # rows of several sides in one batch
OUTS = (1 << MOST) - 1


def out_of(number: int) -> int:
    """Return the bit of what came out of a network."""
    return 1 << (OUT + number) if number < MOST else 0


def into(number: int) -> int:
    """Return the bit of what a network was given, and no network made."""
    return 1 << (IN + number) if number < MOST else 0


class Made:
    """The operation that made large values, or a bound or mask, of which a tensor consists."""

    __slots__ = ("below", "kind", "line", "op", "value")

    def __init__(self, op: str, line: Any, kind: str, value: float, below: float | None) -> None:
        self.op, self.line, self.kind, self.value, self.below = op, line, kind, value, below


class Known(weakref.ref[Tensor]):
    """What is known of one tensor: a weak reference to it that carries it."""

    __slots__ = ("bound", "key", "made", "mask", "scale", "side", "stats", "version")

    def __new__(cls, tensor: Tensor, gone: Callable[[Any], None]) -> Known:
        """Refer to a tensor; `gone` is called when it ends."""
        known = super().__new__(cls, tensor, gone)
        known.key = id(tensor)
        known.side = 0
        known.stats = None
        known.version = -1
        known.made = None
        known.bound = None
        known.scale = 0.0
        known.mask = 0
        return known

    key: int
    side: int
    stats: Stats | None
    version: int
    made: Made | None  # of its large values
    bound: Any  # the site of a bound whose result this is, up to scaling
    scale: float  # of a loss: what a GradScaler multiplied it by
    mask: int  # a mask: 1 tells what is not finite, -1 what is


class Marks:
    """All that is known of living tensors."""

    def __init__(self) -> None:
        table: dict[int, Known] = {}
        self._known = table
        self._storages: dict[int, tuple[Any, int]] = {}

        def gone(known: Known) -> None:
            if table.get(known.key) is known:
                del table[known.key]

        self._gone = gone

    def get(self, tensor: Tensor) -> Known | None:
        """Return what is known of a tensor."""
        known = self._known.get(id(tensor))
        return known if known is not None and known() is tensor else None

    def of(self, tensor: Tensor) -> Known:
        """Return what is known of a tensor, made anew if it is not."""
        known = self._known.get(id(tensor))
        if known is None or known() is not tensor:
            known = self._known[id(tensor)] = Known(tensor, self._gone)
        return known

    def side(self, tensor: Tensor) -> int:
        """Return the mark of sides of a tensor, 0 for one that no network made or saw."""
        known = self._known.get(id(tensor))
        return known.side if known is not None and known() is tensor else 0

    def keep_storage(self, tensor: Tensor, mark: int) -> None:
        """Remember the memory of a network's result, so that it is known behind a detach (where no mode sees that)."""
        with contextlib.suppress(RuntimeError, NotImplementedError):
            storage = tensor.untyped_storage()
            if storage.nbytes():
                self._storages[storage.data_ptr()] = (StorageWeakRef(storage), mark)  # type: ignore[no-untyped-call]
        if len(self._storages) > 256:
            self._storages = {key: one for key, one in self._storages.items() if not one[0].expired()}

    def of_storage(self, tensor: Tensor) -> int:
        """Return the mark of the memory that a tensor shares, 0 if it is none that is known."""
        with contextlib.suppress(RuntimeError, NotImplementedError):
            found = self._storages.get(tensor.untyped_storage().data_ptr())
            return found[1] if found is not None and not found[0].expired() else 0
        return 0

    def stats(self, tensor: Tensor) -> Stats | None:
        """Return the range of a tensor; computed once as long as nobody writes into it."""
        known = self.get(tensor)
        if known is not None and known.stats is not None and known.version == version_of(tensor):
            return known.stats
        found = stats_of(tensor)
        if found is not None:
            known = known or self.of(tensor)
            known.stats, known.version = found, version_of(tensor)
        return found

    def __len__(self) -> int:
        return len(self._known)


def version_of(tensor: Tensor) -> int:
    """Return how often somebody wrote into a tensor; 0 for one that does not count."""
    return 0 if tensor.is_inference() else tensor._version


def tensors_in(value: Any, depth: int = 0) -> list[Tensor]:
    """Return the tensors in arguments or results: themselves, in lists, tuples, dicts and plain objects."""
    if isinstance(value, Tensor):
        return [value]
    if depth > 3:
        return []
    if isinstance(value, (list, tuple)):
        return [one for part in value[:64] for one in tensors_in(part, depth + 1)]
    if isinstance(value, dict):
        return [one for part in list(value.values())[:64] for one in tensors_in(part, depth + 1)]
    if hasattr(value, "__dataclass_fields__"):
        return [one for part in list(vars(value).values())[:64] for one in tensors_in(part, depth + 1)]
    return []
