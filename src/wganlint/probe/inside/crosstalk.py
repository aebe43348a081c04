"""Measured at the last step, on a copy of the critic: what the samples of one batch share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .account import Account
from .exchanges import ROUNDING
from .inputs import Buffers, cast_as, give_back, random_state
from .marks import tensors_in
from .networks import Root, first_float
from .tally import number
from .trials import Impossible, again, copy_of

if TYPE_CHECKING:
    from .watch import Watch


def crosstalk(watch: Watch, account: Account, root: Root) -> list[dict[str, Any]]:
    """Keep half of the last batch of a critic and exchange the other half: do the scores of the first half move?"""
    sides = {account.side(key): value for key, value in watch.kept.items() if key[0] == root.number}
    side = next((one for one in ("real", "fake", "mixed") if one in sides), None)
    if side is None:
        return []
    args, kwargs, cast = sides[side]
    mine = copy_of(root.module)
    state, buffers = random_state(), Buffers(mine)
    given = [one for one in tensors_in([args, kwargs]) if one.dim() and one.is_floating_point()]
    rows = len(given[0]) if given else 0
    half = rows // 2
    seen: list[tuple[str, Tensor]] = []
    for path, module in mine.named_modules():
        if path and not any(True for _ in module.children()):
            module.register_forward_hook(_listener(f"{path} ({type(module).__name__})", seen))

    def scored(change: dict[int, Tensor], *, again_as: bool = True) -> Tensor:
        seen.clear()
        if again_as:
            buffers.give_back()
        give_back(state)
        with torch.no_grad(), cast_as(cast):
            found = first_float(mine(*again(args, change), **again(kwargs, change)))
        if found is None or not found.dim() or len(found) != rows:
            raise Impossible("its scores are not one a row of what it is given")
        if not bool(torch.isfinite(found).all()):
            raise Impossible("its scores are not finite")
        return found.detach().reshape(rows, -1).double()

    if half < 1 or any(len(one) != rows for one in given):
        raise Impossible("what it is given has not one row a sample")
    before = scored({})
    layers = [(name, one[:half].clone()) for name, one in seen if one.dim() and len(one) == rows]
    twice = scored({}, again_as=False)
    after = scored({id(one): _exchanged(one.detach(), half) for one in given})
    now = {name: one[:half] for name, one in seen if one.dim() and len(one) == rows}
    size = before.abs().max().item()
    buffers.give_back()
    struck = next((name for name, one in layers if name in now and _differs(one, now[name])), "")
    change = (after - before)[:half].abs().max().item()
    return [{
        "critic": account.of(root.number), "change": number(change if change > ROUNDING * size else 0.0),
        "deviation": number(before.std(correction=0).item()), "layer": struck, "kept": half, "samples": rows,
        "twice": number((twice - before).abs().max().item()),
        "half": _half(mine, sides[side], before, half, state),
    }]  # fmt: skip


def _listener(name: str, seen: list[tuple[str, Tensor]]) -> Any:
    def left(module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.is_floating_point():
            seen.append((name, output.detach()))

    return left


def _exchanged(tensor: Tensor, half: int) -> Tensor:
    """Return a batch whose second half is another one: twice as far from its middle, and moved by its spread."""
    other = tensor.clone()
    part = tensor[half:]
    middle, spread = part.mean(dim=0, keepdim=True), part.float().std(correction=0).to(part.dtype)
    other[half:] = middle + 2 * (part - middle) + spread
    return other


def _differs(one: Tensor, two: Tensor) -> bool:
    size = one.abs().max().item() if one.numel() else 0.0
    return one.shape == two.shape and bool(((one - two).abs() > ROUNDING * max(size, 1e-30)).any())


def _half(critic: nn.Module, given: Any, before: Tensor, half: int, state: list[Tensor]) -> float | None:
    """Return by what factor the scores of a half batch differ from those of the same samples in a whole one."""
    args, kwargs, cast = given
    rows = len(before)
    change = {id(one): one.detach()[:half] for one in tensors_in([args, kwargs]) if one.dim() and len(one) == rows}
    give_back(state)
    try:
        with torch.no_grad(), cast_as(cast):
            found = first_float(critic(*again(args, change), **again(kwargs, change)))
    except Exception:
        return None
    if found is None or not found.dim() or len(found) != half:
        return None
    ratios = found.detach().reshape(half, -1).double() / before[:half]
    ratios = ratios[torch.isfinite(ratios)]
    if not ratios.numel() or (ratios - ratios.mean()).abs().max().item() > 1e-3 * ratios.mean().abs().item():
        return None
    return number(ratios.mean().item())
