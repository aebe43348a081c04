"""Measured at the last step, on copies: the slope of the critic on each side, and whether each player learns alone."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .account import Account
from .inputs import cast_as
from .marks import tensors_in
from .networks import Root, first_float
from .tally import number

if TYPE_CHECKING:
    from .watch import Watch

STEPS = 20  # of each experiment
WORDS = {
    "uses": "what {} makes of each of its inputs", "varieties": "how the samples of {} differ",
    "crosstalk": "what the samples of a batch share in {}",
}  # fmt: skip
LARGEST = 20_000_000  # parameters of a network that is trained on for an experiment


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
    trials: list[dict[str, Any]] = []
    for root, role, *_ in account.networks:
        if role == "critic":
            for name, trial in (("critic-alone", critic_alone), ("generator-alone", generator_alone)):
                with untouched():
                    trials.append(_tried(name, trial, watch, account, root))
    watch.later["trials"] = trials
    exchanged(watch, account)
    watch.kept.clear()
    watch.results.clear()
    watch.replay.clear()


def exchanged(watch: Watch, account: Account) -> None:
    """Exchange inputs between samples; what cannot be done is said."""
    from .crosstalk import crosstalk
    from .exchanges import uses, variety

    found: dict[str, list[dict[str, Any]]] = {"uses": [], "varieties": [], "crosstalk": []}
    for root, role, *_ in account.networks:
        if role == "other" or sum(one.numel() for one in root.module.parameters()) > LARGEST:
            continue
        tries = [("crosstalk", crosstalk)] if role == "critic" else [("uses", uses), ("varieties", variety)]
        for what, experiment in tries:
            try:
                with untouched():
                    found[what] += experiment(watch, account, root)
            except Impossible as error:
                watch.gaps[WORDS[what].format(account.of(root.number))] = str(error)
            except Exception as error:
                watch.gaps[WORDS[what].format(account.of(root.number))] = f"{type(error).__name__}: {error}"[:300]
    watch.later.update(found)


def _tried(name: str, trial: Any, watch: Watch, account: Account, root: Root) -> dict[str, Any]:
    """Do one experiment; what stands against it is said."""
    found: dict[str, Any] = {"name": name, "steps": 0}
    if sum(one.numel() for one in root.module.parameters()) > LARGEST:
        return {**found, "why_not": "the networks are large; it was left out to save time"}
    try:
        before, after, text = trial(watch, account, root)
    except Impossible as error:
        return {**found, "why_not": str(error)}
    except Exception as error:
        return {**found, "why_not": f"{type(error).__name__}: {error}"[:300]}
    works = bool(after > before) if number(before) is not None and number(after) is not None else None
    return {
        **found, "steps": STEPS, "before": number(before), "after": number(after), "works": works, "text": text,
    }  # fmt: skip


class Impossible(Exception):
    """An experiment cannot be done here, and why."""


def _same_kind(watch: Watch, module: nn.Module, mine: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer for a copy, of the kind and with the rates of the one that steps the original."""
    ids = {id(one) for one in module.parameters()}
    for known in watch.optimizers.values():
        optimizer = known.ref()
        if optimizer is not None and ids & set(known.held):
            group = optimizer.param_groups[0]
            options = {key: group[key] for key in optimizer.defaults if key in group}
            return type(optimizer)([one for one in mine.parameters() if one.is_leaf], **options)
    if watch.spare is not None:
        return watch.spare(module, mine)
    raise Impossible("no optimizer that steps it was seen")


def _trainable(module: nn.Module) -> nn.Module:
    if any(not value.is_leaf for one in module.modules() for value in vars(one).values() if isinstance(value, Tensor)):
        raise Impossible("its weights are made by weight_norm or spectral_norm of the old kind, which cannot be copied")
    return copy.deepcopy(module).requires_grad_(True)


def _mean(value: Any) -> Tensor:
    score = first_float(value)
    if score is None or not score.numel():
        raise Impossible("the critic gives no score")
    return score.double().mean()


def _ascended(value: Callable[[], Tensor], optimizer: torch.optim.Optimizer) -> tuple[float, float]:
    """Train towards a larger value; return it before and after."""
    before = value().item()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = -value()
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return before, value().item()


def critic_alone(watch: Watch, account: Account, root: Root) -> tuple[float, float, str]:
    """Train a copy of the critic on the last batches alone: its gap must rise."""
    sides = {account.side(key): value for key, value in watch.kept.items() if key[0] == root.number}
    if "real" not in sides or "fake" not in sides:
        raise Impossible("no batch of both sides was seen at the last steps")
    mine = _trainable(root.module)
    optimizer = _same_kind(watch, root.module, mine)

    def gap() -> Tensor:
        (real, more, _), (fake, other, cast) = sides["real"], sides["fake"]
        with cast_as(cast):
            return _mean(mine(*again(real, {}), **again(more, {}))) - _mean(mine(*again(fake, {}), **again(other, {})))

    before, after = _ascended(gap, optimizer)
    text = f"gap of {account.of(root.number)} on the last batches, {watch.pace}, no penalty"
    return before, after, text


def generator_alone(watch: Watch, account: Account, root: Root) -> tuple[float, float, str]:
    """Train a copy of the generator against a frozen copy of the critic: the mean score of its samples must rise."""
    if root.number not in watch.replay:
        raise Impossible("the critic was not given just what the generator returned, so that cannot be done again")
    number_of, (outs, given), (args, kwargs, cast) = watch.replay[root.number]
    maker = next((one for one, *_ in account.networks if one.number == number_of), None)
    if maker is None:
        raise Impossible("no generator is known")
    mine, critic = _trainable(maker.module), copy_of(root.module)
    optimizer = _same_kind(watch, maker.module, mine)
    state = torch.get_rng_state()

    def score() -> Tensor:
        torch.set_rng_state(state)
        with cast_as(cast):
            made = tensors_in(mine(*again(given[0], {}), **again(given[1], {})))
            if len(made) != len(outs):
                raise Impossible("the generator returns another number of tensors each time")
            change = {id(old): new for old, new in zip(outs, made, strict=True)}
            return _mean(critic(*again(args, change), **again(kwargs, change)))

    before, after = _ascended(score, optimizer)
    text = f"mean score of what {account.of(number_of)} makes of the last input, the same noise each time{watch.lent}"
    return before, after, text


def _slopes(watch: Watch, account: Account, root: Root) -> list[dict[str, Any]]:
    sides = {account.side(key): value for key, value in watch.kept.items() if key[0] == root.number}
    found = []
    for side in ("real", "fake", "mixed"):
        if side not in sides:
            continue
        try:
            args, kwargs, cast = sides[side]
            with cast_as(cast):
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
