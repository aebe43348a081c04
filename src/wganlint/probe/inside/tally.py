"""Exact counts and ranges that grow call by call and hold no tensor."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

Key = tuple[int, int]  # (number of the network that is running, or -1; marks of what it was given)


class Stats:
    """Range of one tensor: lowest and highest, as they are (nan where it holds one)."""

    __slots__ = ("high", "low", "numel")

    def __init__(self, low: float, high: float, numel: int) -> None:
        self.low, self.high, self.numel = low, high, numel

    @property
    def finite(self) -> bool:
        """Whether all elements are."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def largest(self) -> float:
        """The largest size; nan where the tensor holds one."""
        return max(abs(self.low), abs(self.high)) if self.low == self.low else math.nan


def stats_of(tensor: Tensor) -> Stats | None:
    """Return the range of a tensor of floats in one pass; None of what is none, or has no elements."""
    if not tensor.is_floating_point() or tensor.layout is not torch.strided or tensor.device.type == "meta":
        return None
    numel = tensor.numel()
    if numel == 0:
        return Stats(0.0, 0.0, 0)
    try:
        low, high = torch.aminmax(tensor.detach())
        return Stats(low.item(), high.item(), numel)
    except RuntimeError:  # a number type without an order, or a tensor of torch.func that has no values to show
        return None


def mean_of(tensor: Tensor) -> float | None:
    """Return the mean of a tensor of floats; None where it is not finite, or there is none."""
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or not tensor.numel():
        return None
    try:
        return number(tensor.detach().sum(dtype=torch.float64).item() / tensor.numel())  # `mean` takes twice as long
    except RuntimeError:  # a tensor of torch.func that has no values to show
        return None


def finite(tensor: Tensor) -> bool:
    """Whether all elements are finite; the sum tells, and where it does not, each element."""
    if tensor.numel() == 0 or math.isfinite(tensor.detach().sum().item()):
        return True
    return bool(torch.isfinite(tensor.detach()).all().item())


class Share:
    """Counts of elements and hits of one side."""

    __slots__ = ("calls", "elements", "first", "hit", "last")

    def __init__(self) -> None:
        self.calls = self.elements = self.hit = 0
        self.first: tuple[int, int, int] | None = None
        self.last = (0, 0, 0)

    def add(self, elements: int, hit: int, step: int) -> None:
        """Count one call."""
        self.calls += 1
        self.elements += elements
        self.hit += hit
        self.last = (elements, hit, step)
        if self.first is None:
            self.first = self.last

    def join(self, other: Share) -> None:
        """Take in the counts of another one."""
        self.calls += other.calls
        self.elements += other.elements
        self.hit += other.hit
        if other.first is not None and (self.first is None or other.first[2] < self.first[2]):
            self.first = other.first
        if other.last[2] >= self.last[2]:
            self.last = other.last

    def told(self, side: str) -> dict[str, Any]:
        """Return the counts as they are written."""
        first = self.first or (0, 0, 0)
        return {
            "side": side, "calls": self.calls, "elements": self.elements, "hit": self.hit,
            "first_elements": first[0], "first_hit": first[1], "first_step": first[2],
            "last_elements": self.last[0], "last_hit": self.last[1], "last_step": self.last[2],
        }  # fmt: skip


class Spread:
    """Range of the values of one side at each call; mean, deviation and median at the first calls and now and then."""

    __slots__ = ("calls", "finite", "high", "low", "median", "nonfinite", "sampled", "square", "total")

    def __init__(self) -> None:
        self.calls = self.finite = self.nonfinite = self.sampled = 0
        self.low, self.high = math.inf, -math.inf
        self.total = self.square = 0.0
        self.median: float | None = None

    @property
    def due(self) -> bool:
        """Whether the costly part is due at the next call."""
        return self.calls < 2 or self.calls % 8 == 0

    def add(self, tensor: Tensor, stats: Stats) -> None:
        """Count one call; what is not finite is left out of all but its count."""
        due = self.due
        self.calls += 1
        numel = stats.numel
        if numel == 0:
            return
        low, high = stats.low, stats.high
        part = tensor.detach()
        if not stats.finite:
            part = part[torch.isfinite(part)]
            self.nonfinite += numel - part.numel()
            numel = part.numel()
            if numel == 0:
                return
            smallest, largest = torch.aminmax(part)
            low, high = smallest.item(), largest.item()
        self.finite += numel
        self.low, self.high = min(self.low, low), max(self.high, high)
        if not due:
            return
        if part.dtype != torch.float64 and (max(abs(low), abs(high)) > 1e15 or part.dtype != torch.float32):
            part = part.double()
        variance, mean = torch.var_mean(part, correction=0)
        middle, var = mean.item(), variance.item()
        self.sampled += numel
        self.total += middle * numel
        self.square += (var + middle * middle) * numel
        self.median = part.abs().median().item()

    def join(self, other: Spread) -> None:
        """Take in another one."""
        self.calls += other.calls
        self.finite += other.finite
        self.nonfinite += other.nonfinite
        self.sampled += other.sampled
        self.total += other.total
        self.square += other.square
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.median = other.median if other.median is not None else self.median

    def told(self, side: str) -> dict[str, Any]:
        """Return the spread as it is written."""
        mean = self.total / self.sampled if self.sampled else None
        deviation = math.sqrt(max(0.0, self.square / self.sampled - mean * mean)) if mean is not None else None
        low, high = (self.low, self.high) if self.finite else (None, None)
        return {
            "side": side, "calls": self.calls, "elements": self.finite + self.nonfinite, "nonfinite": self.nonfinite,
            "lowest": number(low), "highest": number(high),
            "largest": None if low is None or high is None else number(max(abs(low), abs(high))),
            "median": number(self.median), "mean": number(mean), "deviation": number(deviation),
        }  # fmt: skip


def number(value: float | None) -> float | None:
    """Return a number that can be written, None for one that is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None
