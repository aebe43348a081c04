"""What the user's function returns for `--target` becomes pieces: networks, batches, losses, optimizers; checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .marks import tensors_in

NEEDED = ("critic", "generator", "real")
PAIRS = (("critic_loss", "generator_loss"), ("critic_optimizer", "generator_optimizer"))
KEYS = (*NEEDED, "noise", "conditions", "fake", *PAIRS[0], *PAIRS[1], "critic_steps")


class Refused(Exception):
    """What was given cannot be used; told in one line with a hint, not as a crash of the user's program."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class Pieces:
    """The pieces of a training, as the user's function returned them."""

    def __init__(self, returned: Any, name: str) -> None:
        """Check what was returned.

        Raises:
            Refused: something is missing, unknown, or of a kind that cannot be used.
        """
        self.name = name
        given = _given(returned, name)
        for key in NEEDED:
            if given.get(key) is None:
                raise Refused(f"{name}() returned no '{key}'", _CONTRACT)
        for first, second in PAIRS:
            one, other = (first, second) if given.get(first) is not None else (second, first)
            if given.get(one) is not None and given.get(other) is None:
                raise Refused(f"{name}() returned '{one}' but no '{other}'", "give both, or none of them")
        self.critic: nn.Module = _module(given, "critic", name)
        self.generator: nn.Module = _module(given, "generator", name)
        self.real = given["real"]
        self.noise, self.conditions, self.fake = given.get("noise"), given.get("conditions"), given.get("fake")
        for key in ("fake", *PAIRS[0]):
            if given.get(key) is not None and not callable(given[key]):
                raise Refused(f"'{key}' of {name}() is {_kind(given[key])}, not a function", _CONTRACT)
        self.losses: dict[str, Callable[..., Any] | None] = {
            "critic": given.get("critic_loss"), "generator": given.get("generator_loss"),
        }  # fmt: skip
        self.optimizers = {side: _optimizers(given, f"{side}_optimizer", name) for side in ("critic", "generator")}
        steps = given.get("critic_steps")
        self.critic_steps = 1 if steps is None else steps
        if not isinstance(self.critic_steps, int) or isinstance(self.critic_steps, bool) or self.critic_steps < 1:
            raise Refused(f"'critic_steps' of {name}() is {self.critic_steps!r}, not a number of at least 1", _CONTRACT)

    @property
    def trains(self) -> bool:
        """Whether losses and optimizers are there, so that steps can be done."""
        return self.losses["critic"] is not None and bool(self.optimizers["critic"])

    def to(self, device: torch.device) -> None:
        """Move the networks, and what optimizers keep beside their weights."""
        for module in (self.critic, self.generator):
            module.to(device)
        for optimizer in (*self.optimizers["critic"], *self.optimizers["generator"]):
            for held in optimizer.state.values():
                for key, value in held.items() if isinstance(held, dict) else ():
                    if isinstance(value, Tensor) and value.dim():
                        held[key] = value.to(device)


_CONTRACT = (
    "return a dict with critic, generator and real, and if you like noise, conditions, fake, critic_loss,"
    " generator_loss, critic_optimizer, generator_optimizer, critic_steps; wganlint probe init writes one"
)


def _given(returned: Any, name: str) -> dict[str, Any]:
    """Return what was returned by key; a misspelled key of a mapping or record is refused."""
    if isinstance(returned, Mapping):
        found, strict = dict(returned), True
    elif hasattr(returned, "_asdict"):
        found, strict = dict(returned._asdict()), True
    elif hasattr(returned, "__dataclass_fields__"):
        found, strict = {key: getattr(returned, key) for key in returned.__dataclass_fields__}, True
    elif returned is None or isinstance(returned, (tuple, list, Tensor, nn.Module, str, int, float)):
        raise Refused(f"{name}() returned {_kind(returned)}, which does not say what is what", _CONTRACT)
    else:
        names = (*KEYS, *(key.replace("critic", "discriminator") for key in KEYS if "critic" in key))
        found, strict = {key: getattr(returned, key) for key in names if hasattr(returned, key)}, False
    plain = {str(key).replace("discriminator", "critic"): value for key, value in found.items()}
    unknown = [key for key in plain if key not in KEYS]
    if unknown and strict:
        raise Refused(f"{name}() returned '{unknown[0][:60]}', which the probe does not know", _CONTRACT)
    return plain


def _module(given: dict[str, Any], key: str, name: str) -> nn.Module:
    value = given[key]
    if not isinstance(value, nn.Module):
        raise Refused(f"'{key}' of {name}() is {_kind(value)}, not a torch.nn.Module", _CONTRACT)
    return value


def _optimizers(given: dict[str, Any], key: str, name: str) -> list[torch.optim.Optimizer]:
    value = given.get(key)
    found = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
    for one in found:
        if not isinstance(one, torch.optim.Optimizer):
            raise Refused(f"'{key}' of {name}() is {_kind(one)}, not a torch.optim.Optimizer", _CONTRACT)
    return found


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


class Supply:
    """Gives a value each time: the same one, what a function returns, or the next one of an iterable."""

    def __init__(self, value: Any, key: str) -> None:
        self.value, self.key = value, key
        self._steady = isinstance(value, (Tensor, tuple, list, dict)) or hasattr(value, "_asdict")
        self._steady |= not callable(value) and not hasattr(value, "__iter__")
        self._iterator: Iterator[Any] | None = None

    def next(self, known: dict[str, Callable[[], Any]]) -> Any:
        """Return the value for this step.

        Raises:
            Refused: an iterable gave nothing, or a function wants what is not known.
        """
        if self._steady:
            return self.value
        if not hasattr(self.value, "__iter__"):
            return by_name(self.value, known, self.key)
        for _ in range(2):
            if self._iterator is None:
                self._iterator = iter(self.value)
            for one in self._iterator:
                return one
            self._iterator = None  # its end: once more from the start
        raise Refused(f"'{self.key}' gives no further batch", "give a tensor, a DataLoader, or a function")


def by_name(function: Callable[..., Any], known: dict[str, Callable[[], Any]], what: str) -> Any:
    """Call a function of the user's with what its parameters are named for.

    Raises:
        Refused: a parameter without a default has a name that is not known.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise Refused(f"the parameters of '{what}' cannot be read", "give a plain function") from None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for one in parameters:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        if one.name in known:
            if one.kind is one.POSITIONAL_ONLY:
                args.append(known[one.name]())
            else:
                kwargs[one.name] = known[one.name]()
        elif one.default is one.empty:
            raise Refused(
                f"{what}() takes '{one.name}', which the probe cannot give", f"it can give: {', '.join(known)}"
            )
    return function(*args, **kwargs)


_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}


def called(module: nn.Module, given: Any, what: str) -> Any:
    """Call a network with a batch: a tuple or list is its arguments, a dict its keyword arguments.

    Raises:
        Refused: its forward does not take so many; `what` says what they are.
    """
    args = given if isinstance(given, (tuple, list)) else () if isinstance(given, dict) else (given,)
    kwargs = given if isinstance(given, dict) else {}
    inner = module
    while type(inner).__name__ in _WRAPPERS:
        inner = getattr(inner, _WRAPPERS[type(inner).__name__])
    try:
        signature = inspect.signature(inner.forward)
    except (TypeError, ValueError):
        return module(*args, **kwargs)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        count = f"{len(kwargs) or len(args)} argument{'s'[: (len(kwargs) or len(args)) != 1]}"
        names = f"({', '.join(map(str, kwargs))})" if kwargs else ""
        gives = "give" if " and " in what else "gives"
        raise Refused(
            f"{type(inner).__name__}.forward takes {signature}, and {what} {gives} it {count}{names}"[:400],
            f"let {what} give just what it takes; a batch of a DataLoader may hold labels, too",
        ) from None
    return module(*args, **kwargs)


def moved(value: Any, device: torch.device) -> Any:
    """Return a batch with its tensors on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        parts = [moved(one, device) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: moved(one, device) for key, one in value.items()}
    return value


def rows_of(batch: Any) -> int:
    """Return how many samples a batch has: the rows of its first tensor."""
    first = next(iter(tensors_in(batch)), None)
    return int(first.shape[0]) if first is not None and first.dim() else 1


def noise_like(generator: nn.Module, device: torch.device) -> tuple[tuple[int, ...], str]:
    """Return the shape of one sample of noise that the first layer of a generator takes, and what says so.

    Raises:
        Refused: its first layer does not tell.
    """
    for path, module in generator.named_modules():
        size = getattr(module, "in_features", None) if isinstance(module, nn.Linear) else None
        if size is not None:
            return (int(size),), f"its first layer ({path or type(module).__name__}) takes {size} numbers"
        if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
            shape = (module.in_channels, *[1] * len(module.kernel_size))
            return shape, f"its first layer ({path or type(module).__name__}) takes {module.in_channels} channels"
        if any(True for _ in module.parameters(recurse=False)):
            break
    raise Refused(
        "what the generator is to be given is not known",
        "add 'noise' (a number of dimensions, or a function that draws it), 'conditions', or 'fake'",
    )
