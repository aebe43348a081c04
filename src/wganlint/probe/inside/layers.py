"""What enters and leaves each layer: ranges, the first large values, constants that come far, empty samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from .marks import Made
from .networks import Call, Root, first_float
from .ops import LARGE
from .tally import Key, Share, Spread, Stats

if TYPE_CHECKING:
    from .watch import Watch

GIVEN: Literal[1] = 1  # place in an entry of the ranges
GAVE: Literal[2] = 2


class Jump:
    """The first layer that was given large values."""

    def __init__(self, root: Root, path: str, module: nn.Module, key: Key, step: int) -> None:
        self.root, self.path, self.class_name, self.key, self.step = root, path, type(module).__name__, key, step
        self.value = 0.0
        self.median: float | None = None
        self.elements = self.total = 0
        self.made: Made | None = None


class Layers:
    """Listens at the layers that hold parameters, and at what networks give."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.ranges: dict[tuple[int, str], tuple[str, dict[Key, Spread], dict[Key, Spread]]] = {}
        self.jumps: dict[tuple[int, int], Jump] = {}
        self.reaching: dict[tuple[int, str, Any, float], dict[Key, Share]] = {}
        self.samples: dict[tuple[int, str], dict[Key, Share]] = {}

    def _add(self, module: nn.Module, value: Any, way: Literal[1, 2]) -> tuple[Call, Tensor, Spread, Stats] | None:
        """Add to the range of what a layer is given or gives; None where there is nothing to measure."""
        call, tensor = self.watch.networks.call, first_float(value)
        path = call.root.paths.get(id(module)) if call is not None else None
        if call is None or path is None or tensor is None:
            return None
        entry = self.ranges.setdefault((call.root.number, path), (type(module).__name__, {}, {}))
        spread = entry[way].setdefault(call.key, Spread())
        stats = self.watch.marks.stats(tensor)
        if stats is None:
            return None
        spread.add(tensor, stats)
        return call, tensor, spread, stats

    def given(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A layer is called."""
        seen = self._add(module, args, GIVEN)
        if seen is None:
            return
        call, tensor, spread, stats = seen
        if stats.finite and stats.largest >= LARGE:
            self._is_large(module, call, tensor, stats.largest, spread)

    def _is_large(self, module: nn.Module, call: Call, tensor: Tensor, largest: float, spread: Spread) -> None:
        known = self.watch.marks.get(tensor)
        made = known.made if known is not None else None
        path = call.root.paths.get(id(module), "")
        if made is not None and made.kind == "fill":
            hit = int((tensor == made.value).sum().item())
            name = (call.root.number, path, (made.line, made.op), made.value)
            first = {key[:1] + key[2:] for key in self.reaching}
            if hit and (name in self.reaching or name[:1] + name[2:] not in first):
                shares = self.reaching.setdefault(name, {})
                shares.setdefault(call.key, Share()).add(tensor.numel(), hit, self.watch.step + 1)
        if call.key in self.jumps:
            return
        jump = self.jumps[call.key] = Jump(call.root, path, module, call.key, self.watch.step + 1)
        jump.value, jump.median, jump.made = largest, spread.median, made
        jump.elements = int((tensor.abs() >= LARGE).sum().item())
        jump.total = tensor.numel()

    def gave(self, module: nn.Module, output: Any) -> None:
        """A layer returns."""
        self._add(module, output, GAVE)

    def count_samples(self, call: Call, outs: list[Tensor]) -> None:
        """A network has returned: count the samples that are empty."""
        rows = {one.shape[0] for one in outs if one.is_floating_point() and one.dim() > 1}
        for one in outs:
            if one.dtype in (torch.int64, torch.int32) and one.dim() == 1 and int(one.sum().item()) in rows:
                share = self.samples.setdefault((call.root.number, "counts"), {}).setdefault(call.key, Share())
                share.add(one.numel(), int((one == 0).sum().item()), self.watch.step + 1)
                return
        floats = [one for one in outs if one.is_floating_point()]
        if floats:
            share = self.samples.setdefault((call.root.number, "batch"), {}).setdefault(call.key, Share())
            share.add(1, int(all(one.numel() == 0 for one in floats)), self.watch.step + 1)
