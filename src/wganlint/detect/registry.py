"""Detectors: the verbs that rules may use, each a pure function from a Run to a fact; no thresholds of judgement here.

A detector declares its parameters and the fields, with kinds, of the fact it returns, so that a rule is checked when
it is loaded. It returns a `Fact` (seen), `ABSENT` (looked, nothing there) or `Missing` (could not look: what lacks).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from wganlint.evidence import Evidence, Place
from wganlint.run import Run
from wganlint.units import Kind, Quantity

Value: TypeAlias = Quantity | bool | str


class Fact(Struct, frozen=True):
    """What a detector saw: fields by name, the evidence for them, the place that stands for all of it."""

    fields: Mapping[str, Value]
    evidence: tuple[Evidence, ...] = ()
    place: Place | None = None
    series: tuple[str, ...] = ()


class Absent(Struct, frozen=True):
    """The detector looked and there is nothing."""


class Missing(Struct, frozen=True):
    """The detector could not look; `what` names the input that would be needed, as people call it."""

    what: str


ABSENT: Final = Absent()

Found: TypeAlias = Fact | Absent | Missing


class Parameter(Struct, frozen=True):
    """A parameter of a detector: the TOML type it takes, its default (None: must be given) and what it means."""

    type: type
    default: Any
    doc: str


class Detector(Struct, frozen=True):
    """A registered detector. `reads` says what it needs of a series: "sample", "all" (kept points) or "tally"."""

    name: str
    function: Callable[..., Found] | None
    parameters: Mapping[str, Parameter]
    fields: Mapping[str, Kind]
    reads: str
    doc: str = ""


DETECTORS: dict[str, Detector] = {}


def detector(
    *, fields: Mapping[str, Kind], parameters: Mapping[str, Parameter] | None = None, reads: str = "sample"
) -> Callable[[Callable[..., Found]], Callable[..., Found]]:
    """Register a detector under the name of its function.

    Raises:
        ValueError: the name is taken, or the function has no docstring.
    """

    def register(function: Callable[..., Found]) -> Callable[..., Found]:
        name = function.__name__
        if name in DETECTORS:
            raise ValueError(f"detector {name} is registered twice")
        if not function.__doc__:
            raise ValueError(f"detector {name} has no docstring")
        DETECTORS[name] = Detector(name, function, parameters or {}, fields, reads, function.__doc__)
        return function

    return register


def run_detector(name: str, run: Run, parameters: Mapping[str, Any]) -> Found:
    """Call a registered detector and hold it to its own declaration.

    Raises:
        KeyError: no such detector.
        ValueError: the fact does not carry exactly the declared fields.
    """
    found = DETECTORS[name]
    if found.function is None:
        raise KeyError(name)
    given = {key: parameter.default for key, parameter in found.parameters.items()} | dict(parameters)
    result = found.function(run, **given)
    if isinstance(result, Fact) and set(result.fields) != set(found.fields):
        raise ValueError(f"detector {name} returned {sorted(result.fields)}, declared {sorted(found.fields)}")
    return result


# The engine itself answers this one: it looks at what other rules said.
DETECTORS["finding"] = Detector(
    "finding",
    None,
    {
        "codes": Parameter(list, None, "codes of rules; the fact is there if one of them fired in this run"),
        "least": Parameter(str, "info", "least severity that the finding must have"),
    },
    {"code": Kind.TEXT, "title": Kind.TEXT},
    "tally",
    "Another rule's finding in the same run.",
)
