"""Measured at the last step, on copies: the slope of the critic on each side."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .account import Account
from .networks import Root, first_float
from .tally import number

if TYPE_CHECKING:
    from .watch import Watch


@contextmanager
def untouched() -> Iterator[None]:
    """Give back the state of all random generators."""
    state, there = random.getstate(), "numpy" in sys.modules
    numpy_state = sys.modules["numpy"].random.get_state() if there else None
    try:
        with torch.random.fork_rng(), torch.enable_grad():
            yield
    finally:
        random.setstate(state)
        if numpy_state is not None:
            sys.modules["numpy"].random.set_state(numpy_state)


def at_steps(watch: Watch) -> None:
    """Measure what needs calls of our own; what cannot be measured is said with its reason."""
    account = Account(watch, watch.told)
    slopes: list[dict[str, Any]] = []
    with untouched():
        for root, role, *_ in account.networks:
            if role == "critic":
                slopes += _slopes(watch, account, root)
    watch.later["slopes"] = slopes
    watch.kept.clear()


def _slopes(watch: Watch, account: Account, root: Root) -> list[dict[str, Any]]:
    sides = {account.side(key): value for key, value in watch.kept.items() if key[0] == root.number}
    found = []
    for side in ("real", "fake", "mixed"):
        if side not in sides:
            continue
        try:
            args, kwargs, cast = sides[side]
            with torch.autocast(cast[0], dtype=cast[1]) if cast else nullcontext():
                norms = slope_norms(copy_of(root.module), args, kwargs)
        except Exception as error:
            name = f"slope of {account.of(root.number)} on {side}"
            watch.gaps[name] = f"{type(error).__name__}: {error}"[:300]
            continue
        known = norms[torch.isfinite(norms)] if norms is not None else None
        if norms is None or known is None:
            continue
        some = known.numel() > 0
        found.append({
            "critic": account.of(root.number), "side": side, "step": watch.step, "samples": norms.numel(),
            "mean": number(known.mean().item()) if some else None,
            "lowest": number(known.min().item()) if some else None,
            "highest": number(known.max().item()) if some else None, "zero": int((known == 0).sum().item()),
        })  # fmt: skip
    return found


def copy_of(module: nn.Module) -> nn.Module:
    """Return a copy that trains nothing of the original; hooks of the program are left behind."""
    made = {  # weights that weight_norm or spectral_norm have made are no leaves, which deepcopy refuses
        id(value): value.detach().clone()
        for one in module.modules()
        for value in vars(one).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    mine = copy.deepcopy(module, dict(made))
    for one in mine.modules():
        one._forward_hooks.clear()
        one._forward_pre_hooks.clear()
        one._backward_hooks.clear()
    return mine.requires_grad_(False)


def again(value: Any, change: dict[int, Tensor]) -> Any:
    """Return arguments with other tensors in them, by id; the rest detached."""
    if isinstance(value, Tensor):
        return change.get(id(value), value.detach())
    if isinstance(value, tuple):
        parts = [again(one, change) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [again(one, change) for one in value]
    if isinstance(value, dict):
        return {key: again(one, change) for key, one in value.items()}
    return value


def slope_norms(critic: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the norm of the gradient of the score to the first input of floats, one a row of it."""
    given = first_float([args, kwargs])
    if given is None:
        return None
    if given.numel() == 0:
        return torch.zeros(0)
    leaf = given.detach().clone().requires_grad_(True)
    score = first_float(critic(*again(args, {id(given): leaf}), **again(kwargs, {id(given): leaf})))
    if score is None or not score.requires_grad:
        return torch.zeros(len(leaf))
    (slope,) = torch.autograd.grad(score.sum(), leaf, allow_unused=True)
    if slope is None:
        return torch.zeros(len(leaf))
    norms: Tensor = torch.linalg.vector_norm(slope.reshape(len(leaf), -1), dim=1)
    return norms
