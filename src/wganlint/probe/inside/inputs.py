"""What a network was given, by the names that its forward has for it, and in what it runs: autocast, random numbers."""

from __future__ import annotations

import inspect
import zlib
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from .marks import tensors_in

MOST = 100_000  # elements of a tensor that are compared between calls


def held(module: nn.Module, given: Any) -> dict[str, int]:
    """Return a checksum of each tensor of floats that a network was given, by its name."""
    found = {}
    for name, one in named_tensors(module, given):
        if one.is_floating_point() and one.numel():
            part = one.detach().reshape(-1)[:MOST].contiguous().cpu()
            found[name] = zlib.crc32(part.view(torch.uint8).numpy().data)
    return found


def named_tensors(module: nn.Module, given: Any) -> list[tuple[str, Tensor]]:
    """Return the tensors that a network was given, by the names that its forward has for them."""
    args, kwargs, _ = given
    words = _words(type(module))  # type: ignore[arg-type]
    named = [(words[n] if n < len(words) else f"argument {n + 1}", one) for n, one in enumerate(args)]
    return [
        (name if len(parts) == 1 else f"{name}[{n}]", one)
        for name, value in [*named, *kwargs.items()]
        for parts in [[one for one in tensors_in(value) if one.dim()]]
        for n, one in enumerate(parts)
    ]


@lru_cache(maxsize=1000)
def _words(kind: type[nn.Module]) -> list[str]:
    """Return the names of what the forward of a class takes."""
    try:
        taken = list(inspect.signature(kind.forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    return [one.name for one in taken if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


class Buffers:
    """The buffers of a copy, to be given back before each call: spectral norm and running statistics move with each."""

    def __init__(self, module: nn.Module) -> None:
        self.kept = [
            (one, name, value.detach().clone())
            for one in module.modules()
            for name, value in one._buffers.items()
            if value is not None
        ]

    def give_back(self) -> None:
        """Set them as they were."""
        for module, name, value in self.kept:
            module._buffers[name] = value.clone()


def casting() -> tuple[str, torch.dtype] | None:
    """Return where autocast is on, and to which number type."""
    for device in ("cuda", "cpu"):
        if torch.is_autocast_enabled(device):
            return device, torch.get_autocast_dtype(device)
    return None


def cast_as(cast: tuple[str, torch.dtype] | None) -> AbstractContextManager[Any]:
    """Return autocast as it was where `casting` was asked."""
    return torch.autocast(cast[0], dtype=cast[1]) if cast else nullcontext()


def random_state() -> list[Tensor]:
    """Return the states of PyTorch's random generators, of the CPU first."""
    there = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if there else [])]


def give_back(state: list[Tensor]) -> None:
    """Set the random generators back."""
    torch.set_rng_state(state[0])
    if len(state) > 1:
        torch.cuda.set_rng_state_all(state[1:])
