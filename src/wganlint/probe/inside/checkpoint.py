"""A checkpoint is data: read with `weights_only=True` and loaded strictly into critic and generator."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .pieces import Refused

_NAMES = {
    role: re.compile(rf"(?:model_|net_?)?(?:{words})(?:_?(?:state|model|net|dict|weights))*", re.I)
    for role, words in (("critic", "critic|discriminator|disc|dis|d"), ("generator", "generator|gen|g"))
}
_HOW = "save {'critic': critic.state_dict(), 'generator': generator.state_dict()} with torch.save"


def read(path: str) -> Any:
    """Return what a checkpoint holds: tensors, numbers, texts and containers of them.

    Raises:
        Refused: it is none, or it holds objects that need code.
    """
    name = os.path.basename(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        if wanted is None:
            raise Refused(f"{name} is no checkpoint that torch can read", _HOW) from None
        what = f" ({wanted[1]})"
        raise Refused(
            f"{name} holds objects that need code to be loaded{what}; a checkpoint is read as data only", _HOW
        ) from None
    except OSError as error:
        raise Refused(f"{name} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged file: torch raises what its parts raise
        first = str(error).partition("\n")[0][:200]
        raise Refused(f"{name} is no checkpoint that torch can read: {first}", _HOW) from None


def load(given: Mapping[str, str], networks: Mapping[str, nn.Module]) -> list[str]:
    """Load files into the networks, by role ("" for one file of both); return what was not loaded of them.

    Raises:
        Refused: a file has no state dict for a network, or it does not fit.
    """
    left: list[str] = []
    for role, path in given.items():
        name, data = os.path.basename(path), read(path)
        if role:
            if not isinstance(data, Mapping):
                raise Refused(f"{name} holds a {type(data).__name__}, not a state dict", _HOW)
            states = {role: data if _is_state(data) else _inner(data, role, name)}
        else:
            states = {one: _inner(data, one, name) for one in networks}
        for one, state in states.items():
            _fill(networks[one], state, one, name)
        held = list(data) if isinstance(data, Mapping) and not _is_state(data) else []
        if rest := [str(key)[:40] for key in held if not any(data[key] is state for state in states.values())]:
            left.append(f"not loaded of {name}: {', '.join(rest[:6])}")
    return left


def _is_state(data: Any) -> bool:
    return isinstance(data, Mapping) and bool(data) and all(isinstance(one, Tensor) for one in data.values())


def _inner(data: Any, role: str, name: str) -> Mapping[str, Any]:
    """Return the state dict of a role: under its own name, or the only key that reads like it."""
    if _is_state(data):
        hint = f"write --checkpoint {role}={name} for the network that it is of"
        raise Refused(f"{name} is one state dict, which does not say of which network", hint)
    states: dict[str, Mapping[str, Any]]
    states = {str(key): one for key, one in data.items() if _is_state(one)} if isinstance(data, Mapping) else {}
    named = [key for key in states if key == role] or [key for key in states if _NAMES[role].fullmatch(key)]
    if len(named) == 1:
        return states[named[0]]
    held = ", ".join(str(key)[:40] for key in list(data)[:8]) if isinstance(data, Mapping) else type(data).__name__
    if named:
        raise Refused(f"{name} has several state dicts for the {role}: {', '.join(named)}", _HOW)
    raise Refused(f"{name} has no state dict for the {role}; it holds {held or 'nothing'}", _HOW)


def _fill(module: nn.Module, state: Mapping[str, Any], role: str, name: str) -> None:
    mine = module.state_dict()
    missing = [key for key in mine if key not in state]
    more = [key for key in state if key not in mine]
    if missing or more:
        parts = [f"it lacks {missing[0]}{_and(missing)}"] if missing else []
        parts += [f"it has {more[0]}{_and(more)}, which the {role} has not"] if more else []
        wrapped = all(str(key).startswith("module.") for key in state)
        hint = "it was saved from DataParallel: save critic.module.state_dict()" if wrapped else "is it of this model?"
        raise Refused(f"{name} does not fit the {role}: {'; '.join(parts)}", hint)
    for key, value in mine.items():
        if isinstance(value, Tensor) and isinstance(state[key], Tensor) and value.shape != state[key].shape:
            there, here = tuple(state[key].shape), tuple(value.shape)
            raise Refused(f"{name} does not fit the {role}: {key} has {there}, the model {here}", "other arguments?")
    module.load_state_dict(dict(state), strict=True)


def _and(keys: list[str]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""
