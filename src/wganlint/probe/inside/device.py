"""The device that was asked for, and what its memory held at most."""

from __future__ import annotations

import torch

from .pieces import Refused


def device_of(wanted: str) -> torch.device | None:
    """Return the device that was asked for, None where the program chooses.

    Raises:
        Refused: CUDA was asked for and there is none.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        why = "this torch is built without CUDA" if torch.version.cuda is None else "torch sees no CUDA device"
        raise Refused(f"--device cuda: {why} (torch {torch.__version__})", "run it where there is one, or --device cpu")
    return None if wanted == "auto" else torch.device(wanted)


def usual() -> torch.device:
    """Return CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def in_use() -> bool:
    """Whether this process has begun to use CUDA."""
    return torch.cuda.is_available() and bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def memory_peak() -> int | None:
    """Return the bytes that tensors of this process held at most on all CUDA devices together; None without any."""
    if not in_use():
        return None
    return sum(torch.cuda.max_memory_allocated(number) for number in range(torch.cuda.device_count())) or None
