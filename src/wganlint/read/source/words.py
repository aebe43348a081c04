"""files -> read -> Run: what names say; which words mean critic, generator, real, fake or a penalty."""

from __future__ import annotations

import re
from functools import cache

_HALF = re.compile(r"[DG](main|gen|real|fake|reg|loss|adv|total|pl)$")  # loss_Gmain, loss_Dreal
_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def listed(text: str) -> frozenset[str]:
    """Return the words of a text as a set, for long lists of names."""
    return frozenset(text.split())


CRITIC = listed("critic crit critics disc discriminator discriminators discr dis adversary netd")
GENERATOR = frozenset({"generator", "generators", "gen", "netg"})
_NET = frozenset({"net", "nets", "network", "model", "module", "ema", "self", "the", "my", "parallel", "unwrapped",
                  "a", "b", "x", "y", "1", "2", "ab", "ba", "s", "local", "global", "image", "video"})  # fmt: skip
_BESIDE = frozenset({"opt", "optim", "optimizer", "loss", "losses", "cost", "err", "error", "step", "solver", "lr",
                     "net", "train", "trainer", "update", "iters", "total", "sum", "adv", "optimiser"})  # fmt: skip
_PIECE = frozenset({"block", "blocks", "layer", "loss", "losses", "res", "attention", "dataset", "config", "epilogue"})
FAKE = frozenset({"fake", "fakes", "generated", "synthetic", "synth", "gen", "generate", "faked"})
REAL = frozenset({"real", "reals", "true"})
PENALTY = frozenset({"penalty", "gp", "gradpen", "penalties", "lipschitz"})
_R1 = re.compile(r"(^|_)[rR][12](_|$)")
_MIXED = frozenset({"interp", "interpolates", "interpolated", "interpolate", "interpolation", "hat", "mixed", "mix"})


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Return the words of an identifier: netD -> net, D; score_clamp -> score, clamp."""
    return tuple(_TOKEN.findall(name))


@cache
def lowered(name: str) -> frozenset[str]:
    """Return the words of an identifier in lower case."""
    return frozenset(token.lower() for token in tokens(name))


@cache
def part_of(name: str) -> str:
    """Return "critic" or "generator" where a name says so: critic, netD, opt_D, d_loss, G; else an empty string."""
    words, low = tokens(name), lowered(name)
    critic, generator = bool(low & CRITIC), bool(low & GENERATOR)
    if not critic and not generator:
        single = [word for word in words if len(word) == 1]
        beside = bool(low & _BESIDE) or len(words) == 1
        for word in single + [word[0] for word in words if _HALF.match(word)]:
            critic |= word == "D" or (word in "dcC" and beside and (word != "d" or len(words) > 1))
            generator |= word == "G" or (word == "g" and beside and len(words) > 1)
        if len(words) == 1 and name in ("c", "C"):
            critic = False
    return "critic" if critic and not generator else "generator" if generator and not critic else ""


@cache
def network_part(name: str) -> str:
    """Return the part where a whole name is that of a network object (critic, netD, D_ema), not of its loss."""
    part = part_of(name)
    if not part:
        return ""
    rest = {word.lower() for word in tokens(name)} - _NET
    return part if rest <= CRITIC | GENERATOR | {"d", "g", "c"} else ""


@cache
def class_part(name: str) -> str:
    """Return the part that the name of a network class says; pieces such as a DiscriminatorBlock have none."""
    low = lowered(name)
    if low & _PIECE:
        return ""
    words = tokens(name)
    if low & CRITIC and not low & GENERATOR:
        return "critic"
    if low & GENERATOR and not low & CRITIC:
        return "generator"
    alone = {word for word, before in zip(words, ("", *words), strict=False) if not before.isdigit()}
    ends = {*words[-1:], *words[:1], *name.split("_")} & alone
    if "D" in ends and "G" not in ends:
        return "critic"
    return "generator" if "G" in ends and "D" not in ends else ""


@cache
def side_of(name: str) -> str:
    """Return "real", "fake" or "mixed" where a name of data or of a score says so, else an empty string."""
    low = lowered(name)
    if low & _MIXED:
        return "mixed"
    fake, real = bool(low & FAKE), bool(low & REAL)
    if "label" in low or "labels" in low or "target" in low:
        return ""
    return "fake" if fake and not real else "real" if real and not fake else ""


@cache
def is_penalty(name: str) -> bool:
    """Return whether a name is that of a gradient penalty."""
    low = lowered(name)
    if low & {"lambda", "weight", "lam", "coef", "every", "interval", "scale", "gamma"}:
        return False
    return bool(low & PENALTY or _R1.search(name))
