"""Detectors on what a run is called, and what its code does whatever its settings say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from wganlint.detect.registry import ABSENT, Fact, Found, detector
from wganlint.detect.words import where
from wganlint.evidence import Evidence, Place, derived
from wganlint.late import late
from wganlint.run import Run, Setting
from wganlint.units import Kind, Quantity

_GP = late(r"(?<![a-z])wgan[-_. ]?gp(?![a-z])", re.IGNORECASE)
_CLIP = late(r"(?<![a-z])wgan[-_. ]?(?:wc|clip|clipping|weight[-_]?clip(?:ping)?)(?![a-z])", re.IGNORECASE)
_OFF = frozenset({"n/a", "none", "false", "null", "no", "off", ""})
_WORDS = late(r"[a-z]+")


def _is_on(settings: Sequence[Setting]) -> tuple[bool | None, Setting | None]:
    """Return whether settings switch something on, with the one that tells; None where nothing is stated."""
    for setting in settings:
        if (setting.number is not None and setting.number != 0) or setting.value.lower() in ("true", "yes", "on"):
            return True, setting
    return (False, settings[0]) if settings else (None, None)


def _clips(run: Run) -> list[Setting]:
    """Return the settings of weight clipping; those of gradient clipping are others."""
    found = []
    for setting in run.settings:
        low = set(_WORDS.findall(setting.name.lower()))
        clips = bool(low & {"clip", "clipping", "clipped", "cliping", "clamp"}) and bool(low & {"weight", "weights"})
        if (clips or setting.meaning == "weight_clip") and not low & {"grad", "gradient", "norm"}:
            found.append(setting)
    return found


@detector(
    fields={"name": Kind.TEXT, "says": Kind.TEXT, "does": Kind.TEXT, "where": Kind.TEXT, "setting": Kind.TEXT},
)
def misnamed(run: Run) -> Found:
    """A log, a folder or a script that is called WGAN-GP although the weights are clipped and no penalty is on, or the
    other way round; told by the run's own settings, else by the loss and the clipping in the source."""
    logs = [item.path for item in run.inputs if item.used and item.kind in ("log", "table", "events", "settings")]
    names = [run.id, *(PurePosixPath(path).name for path in logs), *(str(PurePosixPath(path).parent) for path in logs)]
    said = _said(names)
    if said is not None and run.settings:
        gp, weight = _is_on([s for s in run.settings if s.meaning == "penalty_weight"])
        clip, clipping = _is_on(_clips(run))
        name, wants = said
        if wants == "gp" and clip and clipping is not None and not gp:
            return _misnamed(name, "WGAN-GP", "the weights are clipped", clipping, weight)
        if wants == "clip" and gp and weight is not None and clip is False:
            return _misnamed(name, "weight clipping", "a gradient penalty is on", weight, clipping)
    return _script(run)


def _said(names: Sequence[str]) -> tuple[str, str] | None:
    named = [name for name in names if "wgan" in name.lower()]
    found = {(name, "gp") for name in named if _GP.search(name)} | {
        (name, "clip") for name in named if _CLIP.search(name)
    }
    kinds = {kind for _, kind in found}
    return min(found) if len(kinds) == 1 else None


def _misnamed(name: str, says: str, does: str, setting: Setting, other: Setting | None) -> Fact:
    evidence = [setting.evidence("in force"), *([other.evidence("switched off")] if other is not None else [])]
    fields: dict[str, Quantity | bool | str] = {
        "name": name,
        "says": says,
        "does": does,
        "where": where(setting.place),
        "setting": f"{setting.name}={setting.value}",
    }
    return Fact(fields, tuple(evidence), setting.place)


def _script(run: Run) -> Found:
    source = run.source
    if source is None or run.family.name != "wgan-clip" or not source.clips or source.penalties:
        return ABSENT
    clip = source.clips[0]
    stem = PurePosixPath(clip.place.file).stem
    if not _GP.search(stem):
        return ABSENT
    fields: dict[str, Quantity | bool | str] = {
        "name": PurePosixPath(clip.place.file).name,
        "says": "WGAN-GP",
        "does": "the weights are clipped",
        "where": where(clip.place),
        "setting": clip.quote.strip(),
    }
    return Fact(fields, (clip.evidence("clips the weights; no penalty is in these files"),), clip.place)


@detector(
    fields={"what": Kind.TEXT, "stated": Kind.TEXT, "code": Kind.NUMBER, "where": Kind.TEXT, "factor": Kind.FACTOR,
            "comparable": Kind.FLAG},
)  # fmt: skip
def hard_coded(run: Run) -> Found:
    """A number that the run states as a setting while the source uses another one that is written into the code.

    Compared: penalty weight, learning rate and clip bound, where every place in the source has the same plain number
    and no option or name behind it.
    """
    source = run.source
    if source is None or not run.settings:
        return ABSENT
    penalties: list[tuple[float | None, str, Evidence, Place]] = [
        (p.weight, p.weight_text, p.evidence("the penalty"), p.place) for p in source.penalties
    ]
    rates = [(o.lr, o.lr_text, o.evidence("the optimizer"), o.place) for o in source.optimizers if o.part != "other"]
    for meaning, what, sites in (
        ("penalty_weight", "penalty weight", penalties),
        ("learning_rate", "learning rate", rates),
    ):
        stated = [s for s in run.latest(meaning) if s.number is not None and s.origin in ("header", "config", "events")]
        literal = {value for value, text, _, _ in sites if value is not None and _is_plain(text)}
        if len(literal) != 1 or len({value for value, *_ in sites}) != 1 or not stated:
            continue
        value = literal.pop()
        if any(s.number is not None and abs(s.number - value) <= 1e-6 * abs(value) for s in stated):
            continue
        setting, (_, _, shown, place) = stated[0], sites[0]
        number = setting.number or 0.0
        low, high = sorted((abs(number), abs(value)))
        fields: dict[str, Quantity | bool | str] = {
            "what": what,
            "stated": f"{setting.name}={setting.value}",
            "code": Quantity(value, Kind.NUMBER),
            "where": where(place),
            "factor": Quantity(high / low if low > 0 else float("inf"), Kind.FACTOR),
            "comparable": low > 0,
        }
        formula = (
            derived(f"{high:g} / {low:g} = {high / low:.3g}") if low > 0 else derived(f"{value:g} against {number:g}")
        )
        return Fact(fields, (setting.evidence("stated"), shown, formula), place)
    return ABSENT


def _is_plain(text: str) -> bool:
    """A number as it stands in code: 10, 1e-4."""
    try:
        float(text)
    except ValueError:
        return False
    return True
