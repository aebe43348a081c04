"""Detectors on how fast each network moves: momentum of the critic, rates and steps of one against the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.words import where
from wganlint.evidence import Evidence, derived
from wganlint.late import late
from wganlint.run import Run, Setting
from wganlint.units import Kind, Quantity

if TYPE_CHECKING:
    from wganlint.source import Optimizer

_MOMENTS = frozenset({"adam", "adamw", "nadam", "radam", "adamax", "fusedadam", "adamoptimizer", "adamw8bit", "lamb"})
_DEFAULT = 0.9  # beta1 of Adam where none is given, in PyTorch, Keras and TensorFlow
_NAME = late(r"[A-Za-z_]\w*")


def _override(run: Run, text: str) -> Setting | None:
    """Return what the run states for an option that the source reads at a place: `opt.b1` and `b1=0.9` in the log."""
    names = _NAME.findall(text.replace("'", " ").replace('"', " "))
    last = names[-1].lower() if names else ""
    if not last or not re.fullmatch(r"[\w.\[\]'\"]+", text.strip()):
        return None
    found = [s for s in run.settings if s.name.lower().replace("-", "_") == last and s.number is not None]
    return found[-1] if found else None


def _critics(run: Run) -> Sequence[Optimizer]:
    found = [o for o in (run.source.optimizers if run.source else ()) if o.part == "critic"]
    stated = {s.value.lower() for s in run.latest("optimizer")}
    chosen = [o for o in found if o.name.lower() in stated]
    return chosen or found


@detector(
    fields={
        "optimizer": Kind.TEXT, "beta1": Kind.NUMBER, "momentum": Kind.NUMBER, "by_default": Kind.FLAG,
        "adam": Kind.FLAG, "where": Kind.TEXT, "code": Kind.TEXT,
    },
)  # fmt: skip
def critic_momentum(run: Run) -> Found:
    """The first-moment decay of the critic's optimizer: beta1 of Adam and its kin (by_default: none is given, so 0.9
    holds), momentum of SGD. Where the source chooses between several, the one with the least memory counts."""
    if run.source is None or not run.source.optimizers:
        return Missing("the optimizers in the source (--source DIR)")
    found: list[tuple[float, Fact]] = []
    for optimizer in _critics(run):
        adam = optimizer.name.lower() in _MOMENTS
        evidence: tuple[Evidence, ...] = (optimizer.evidence("the critic's optimizer"),)
        memory, text = 0.0, ""
        if adam:
            parts = optimizer.betas_text.strip("()[] ").split(",")
            stated = _override(run, parts[0]) if optimizer.betas_text else None
            if stated is not None and stated.number is not None:
                memory, text, evidence = stated.number, stated.value, (*evidence, stated.evidence("beta1 in force"))
            elif optimizer.betas is not None:
                memory = optimizer.betas[0]
            elif optimizer.betas_text:
                return Missing("the betas of the critic's optimizer: the source does not fix them")
            else:
                memory = _DEFAULT
        elif optimizer.momentum is not None:
            memory = optimizer.momentum
        fields: dict[str, Quantity | bool | str] = {
            "optimizer": optimizer.name,
            "beta1": Quantity(memory, Kind.NUMBER, None, text or f"{memory:g}"),
            "momentum": Quantity(memory, Kind.NUMBER, None, text or f"{memory:g}"),
            "by_default": adam and not optimizer.betas_text,
            "adam": adam,
            "where": where(optimizer.place),
            "code": optimizer.quote.strip(),
        }
        found.append((memory, Fact(fields, evidence, optimizer.place)))
    if not found:
        return Missing("the critic's optimizer in the source")
    memory, fact = min(found, key=lambda one: one[0])
    return fact if memory > 0 else ABSENT


def _pairs(run: Run) -> list[tuple[Optimizer, Optimizer]]:
    """Return critic's and generator's optimizers of one file, kind and branch, each with the nearest of the other."""
    every = run.source.optimizers if run.source else ()
    found = []
    for one in every:
        near = [
            other for other in every
            if other.part == "generator" and one.part == "critic"
            and (one.place.file, one.owner, one.name, one.choice)
            == (other.place.file, other.owner, other.name, other.choice)
        ]  # fmt: skip
        if near:
            found.append((one, min(near, key=lambda other: abs((other.place.line or 0) - (one.place.line or 0)))))
    return found


def _rate(run: Run, optimizer: Optimizer) -> tuple[float | None, Evidence]:
    stated = _override(run, optimizer.lr_text) if optimizer.lr_text else None
    if stated is not None and stated.number is not None:
        return stated.number, stated.evidence(f"the {optimizer.part}'s rate in force")
    return optimizer.lr, optimizer.evidence(f"the {optimizer.part}'s rate")


@detector(
    fields={
        "critic": Kind.NUMBER, "generator": Kind.NUMBER, "ratio": Kind.FACTOR, "inverse": Kind.FACTOR,
        "optimizer": Kind.TEXT, "faster": Kind.TEXT,
    },
)  # fmt: skip
def rate_ratio(run: Run) -> Found:
    """Learning rate of the critic over that of the generator, of two optimizers of one kind made side by side.

    The rates that the run states are taken where the source reads them from options, else the source's defaults.
    `ratio` = lr_D / lr_G, `inverse` = lr_G / lr_D; the pair that is farthest from 1 counts.
    """
    if run.source is None or not run.source.optimizers:
        return Missing("the optimizers in the source (--source DIR)")
    told: list[tuple[float, Fact]] = []
    for one, other in _pairs(run):
        (critic, first), (generator, second) = _rate(run, one), _rate(run, other)
        if critic is None or generator is None or critic <= 0 or generator <= 0:
            continue
        ratio = critic / generator
        fields: dict[str, Quantity | bool | str] = {
            "critic": Quantity(critic, Kind.NUMBER),
            "generator": Quantity(generator, Kind.NUMBER),
            "ratio": Quantity(ratio, Kind.FACTOR),
            "inverse": Quantity(1 / ratio, Kind.FACTOR),
            "optimizer": one.name,
            "faster": "critic" if ratio > 1 else "generator",
        }
        formula = derived(f"lr_D / lr_G = {critic:g} / {generator:g} = {ratio:.3g}")
        told.append((max(ratio, 1 / ratio), Fact(fields, (first, second, formula), first.place)))
    if not told:
        return Missing("the learning rates of critic and generator")
    return max(told, key=lambda one: one[0])[1]


@detector(
    fields={"steps": Kind.NUMBER, "name": Kind.TEXT, "where": Kind.TEXT, "from_log": Kind.FLAG},
)
def step_ratio(run: Run) -> Found:
    """Critic steps for one generator step: as the run states them, else by the loops of the source."""
    stated = next((s for s in run.latest("critic_steps") if s.number is not None), None)
    if stated is not None and stated.number is not None:
        fields: dict[str, Quantity | bool | str] = {
            "steps": Quantity(stated.number, Kind.NUMBER, None, stated.value),
            "name": stated.name,
            "where": where(stated.place),
            "from_log": True,
        }
        return Fact(fields, (stated.evidence("critic steps"),), stated.place)
    rhythms = [r for r in (run.source.rhythms if run.source else ()) if r.number is not None]
    numbers = {r.number for r in rhythms}
    if len(numbers) != 1:
        return Missing("how often the critic steps for one step of the generator")
    rhythm = rhythms[0]
    number = rhythm.number or 0.0
    fields = {
        "steps": Quantity(number, Kind.NUMBER, 0, f"{number:g}"),
        "name": rhythm.text,
        "where": where(rhythm.place),
        "from_log": False,
    }
    return Fact(fields, (rhythm.evidence(f"{number:g} critic steps for one of the generator"),), rhythm.place)


@detector(fields={"how": Kind.TEXT})
def held_by_norm(run: Run) -> Found:
    """The critic is held by spectral normalization, so that one step is enough; told by its layers in the source."""
    if run.source is None or not run.source.part("critic"):
        return Missing("the critic in the source")
    for network in run.source.part("critic"):
        for layer in network.layers:
            if "spectral" in (layer.type + layer.quote).lower() or layer.type.lower().startswith("sn"):
                return Fact({"how": layer.type}, (layer.evidence("spectral normalization"),), layer.place)
    return ABSENT


@detector(
    fields={"name": Kind.TEXT, "why": Kind.TEXT},
    parameters={"names": Parameter(list, None, "loss families")},
)
def of_family(run: Run, names: list[str]) -> Found:
    """The run's loss family is one of these."""
    if run.family.name == "unknown":
        return Missing("the loss family (log the gap or the scores, or give the source: --source DIR)")
    if run.family.name not in names:
        return ABSENT
    return Fact({"name": run.family.name, "why": run.family.why}, run.family.evidence[:1])
