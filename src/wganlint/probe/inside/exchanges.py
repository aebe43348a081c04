"""Measured at the last step, on copies: what a generator makes of each of its inputs, and how its samples differ.

One thing is exchanged between the samples of the last batch, all else is kept, random numbers too; what changes is
counted. So no distribution has to be known, and nothing of the program is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .account import Account
from .inputs import Buffers, cast_as, give_back, named_tensors, random_state
from .marks import tensors_in
from .networks import Root, first_float
from .tally import number
from .trials import Impossible, again, copy_of

if TYPE_CHECKING:
    from .watch import Watch

NOISE = re.compile(r"^(?:z\d?|zs|noise|latents?|eps|epsilon)$|noise|latent", re.I)
CALLS = 4  # of a generator, from which the same values again and again say something
ROUNDING = 1e-6  # of the size of what is compared


def uses(watch: Watch, account: Account, root: Root) -> list[dict[str, Any]]:
    """Exchange each input of a generator between the samples of its last batch, and draw its own numbers anew."""
    if root.number not in watch.results:
        return []
    _, given = watch.results[root.number]
    mine = copy_of(root.module)
    maker = Maker(mine, given)
    before = maker.made({})
    if not all(bool(torch.isfinite(one).all()) for one in before):
        raise Impossible("its samples are not finite")
    if not sum(one.numel() for one in before):
        raise Impossible("it made nothing: all samples are empty")
    found = []
    shared = _given_to_critics(watch, account)
    names = named_tensors(root.module, given)
    rows = next((len(one) for _, one in names if one.is_floating_point()), 0)
    for name, one in names:
        if len(one) < 2 or len(one) != rows or not one.numel():
            continue
        entry: dict[str, Any] = {"network": account.of(root.number), "argument": name, "rows": len(one)}
        entry["kind"] = _kind(name, one, shared)
        if entry["kind"] != "condition":
            entry["repeated"] = _repeated(watch, account, root, name)
        if bool((one == one[:1]).all()):
            found.append({**entry, "alike": True})
            continue
        try:
            found.append({**entry, **change_of(before, maker.made({id(one): one.detach().roll(1, 0)}))})
        except Exception as error:
            found.append({**entry, "why_not": f"{type(error).__name__}: {error}"[:300]})
    if maker.draws:
        entry = {"network": account.of(root.number), "argument": "", "rows": rows, "kind": "noise"}
        found.append({**entry, **change_of(before, maker.made({}, other=True))})
    return found


def variety(watch: Watch, account: Account, root: Root) -> list[dict[str, Any]]:
    """How far the samples of the last batch of a generator differ, beside the real ones that its critic was given."""
    if root.number not in watch.results:
        return []
    outs, _ = watch.results[root.number]
    sample = first_float(outs)
    if sample is None or sample.dim() < 2 or len(sample) < 2 or not sample.numel():
        return []
    real = None
    for key, (args, kwargs, _) in watch.kept.items():
        one = first_float([args, kwargs]) if account.side(key) == "real" else None
        if one is not None and one.shape[1:] == sample.shape[1:] and len(one) > 1:
            real = spread_of(one)
    flat = sample.detach().reshape(len(sample), -1).double()
    size = flat.square().mean().sqrt().item()
    alike = int(((flat - flat[:1]).abs().amax(dim=1) <= ROUNDING * size).sum().item())
    return [{
        "network": account.of(root.number), "samples": len(sample), "alike": alike, "size": number(size),
        "spread": number(spread_of(sample)), "real": number(real),
    }]  # fmt: skip


class Maker:
    """Calls a copy of a generator as it was called last, with some of its inputs exchanged."""

    def __init__(self, module: nn.Module, given: Any) -> None:
        self.module, self.given = module, given
        self.state, self.buffers = random_state(), Buffers(module)
        self.draws = False

    def made(self, change: dict[int, Tensor], *, other: bool = False) -> list[Tensor]:
        """Return what it makes; `other`: with other random numbers."""
        args, kwargs, cast = self.given
        self.buffers.give_back()
        give_back(self.state)
        if other:
            torch.manual_seed(20071 + int(self.state[0][:8].sum().item()))
        before = random_state()
        with torch.no_grad(), cast_as(cast):
            found = tensors_in(self.module(*again(args, change), **again(kwargs, change)))
        self.draws = self.draws or any(
            not torch.equal(one, two) for one, two in zip(before, random_state(), strict=True)
        )
        return [one for one in found if one.is_floating_point()]


def change_of(before: list[Tensor], after: list[Tensor]) -> dict[str, Any]:
    """Count the elements that changed; samples of another shape have changed all."""
    elements = sum(one.numel() for one in before)
    if [one.shape for one in before] != [one.shape for one in after]:
        return {"elements": elements, "changed": elements, "effect": None, "size": None}
    one, two = (torch.cat([part.detach().reshape(-1).double() for part in side]) for side in (before, after))
    size, change = one.square().mean().sqrt().item(), two - one
    changed = int((~(change.abs() <= ROUNDING * size)).sum().item())
    effect = change.square().mean().sqrt().item()
    return {"elements": elements, "changed": changed, "effect": number(effect), "size": number(size)}


def spread_of(samples: Tensor) -> float:
    """Return the standard deviation of samples over their batch, root mean square over the features."""
    flat = samples.detach().reshape(len(samples), -1).double()
    return float(flat.var(dim=0, correction=0).mean().sqrt().item())


def _given_to_critics(watch: Watch, account: Account) -> set[int]:
    """Return what the critics were given as well: itself, or a view of the same memory."""
    found = set()
    for key, (args, kwargs, _) in watch.kept.items():
        if key[0] in account.critics:
            found |= {place_of(one) for one in tensors_in([args, kwargs])}
    return found


def place_of(tensor: Tensor) -> int:
    """Return what tells the memory of a tensor."""
    return int(tensor.data_ptr()) if tensor.numel() else 0


def _kind(name: str, tensor: Tensor, shared: set[int]) -> str:
    if not tensor.is_floating_point() or place_of(tensor) in shared:
        return "condition"
    return "noise" if NOISE.search(name) else "input"


def _repeated(watch: Watch, account: Account, root: Root, name: str) -> int:
    """Return in how many of the last calls an input held the very same values; 0 if not always, or the data do, too."""
    mine: list[dict[str, int]] = []
    for key, calls in watch.held.items():
        values = [tuple(one.values()) for one in calls]
        if account.side(key) == "real" and len(values) > 1 and len(set(values)) == 1:
            return 0
        if key[0] == root.number:
            mine += calls
    known = [one[name] for one in mine if name in one]
    return len(known) if len(known) >= CALLS and len(set(known)) == 1 else 0
