"""Detectors on what the samples are: their scale as logged or stated, and how many there are."""

from __future__ import annotations

import numpy as np

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.window import finite, window
from wganlint.evidence import Evidence
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series, Setting
from wganlint.series import median
from wganlint.units import Kind, Quantity

LOG = "mean and standard deviation of a real batch (real_mean=, real_std=)"
_ABOUT_SCORES = (
    "critic",
    "score",
    "loss",
    "gradient",
    "gap",
    "penalty",
    "norm",
    "rate",
    "quality",
    "weight",
    "parameter",
    "clock",
)


def _is(series: Series, side: str, figure: str) -> bool:
    """Whether a name is that of a figure of the samples: `real_std`, not `d_real_std`, which is one of scores."""
    book = role_book()
    words = words_of(series.key.rpartition("/")[2] if series.kind == "events" else series.key, book)
    every = set(words_of(series.key, book))
    if not every & book.words[side] - {"x"} or not set(words) & book.words[f"sample_{figure}"]:
        return False
    if len(set(words) & (book.words["sample_std"] | book.words["sample_mean"] | book.words["sample_extreme"])) > 1:
        return False
    return not any(every & book.words[kind] - {"x", "gen", "generated"} for kind in _ABOUT_SCORES)


def _middle(series: Series | None, *, end: bool) -> float:
    if series is None:
        return float("nan")
    at = finite(series, window(series) if end else series.sample()[:20])
    return median(series.values[at]) if len(at) else float("nan")


@detector(
    fields={
        "name": Kind.TEXT, "std": Kind.NUMBER, "mean": Kind.NUMBER, "has_mean": Kind.FLAG, "shift": Kind.FACTOR,
        "shifted": Kind.FLAG, "wide": Kind.FLAG, "narrow": Kind.FLAG, "fake": Kind.NUMBER, "has_fake": Kind.FLAG,
        "unlike": Kind.FACTOR, "apart": Kind.FLAG, "bounded": Kind.FLAG, "where": Kind.TEXT, "stated": Kind.FLAG,
    },
    reads="sample",
)  # fmt: skip
def real_scale(run: Run) -> Found:
    """The scale of the real samples: their logged standard deviation and mean, or those that a header states.

    shift: |mean| / std. wide, narrow, shifted: std above 1, below 1, |mean| above std; rules set how far. fake: the
    standard deviation of the fakes over the last records, unlike: the larger of both over the smaller; apart: it is
    logged. Data do not change while one trains: a figure that does is one of scores, and is not used. bounded: the
    generator's last layer is a Tanh or a Sigmoid (where), so its samples lie within 1 of 0.
    """
    std = next((s for s in run.series if _is(s, "real", "std") and _steady(s)), None)
    mean = next((s for s in run.series if _is(s, "real", "mean") and std is not None and _steady(s, std)), None)
    fake = next((s for s in run.series if _is(s, "fake", "std")), None)
    value, shift = _middle(std, end=False), _middle(mean, end=False)
    evidence: list[Evidence] = []
    stated = False
    if std is not None:
        evidence.append(std.first.evidence("the real batch"))
    elif (found := _stated(run, "std")) is not None and found.number is not None:
        value, stated = found.number, True
        evidence.append(found.evidence("the data"))
    if mean is None and (found := _stated(run, "mean")) is not None and found.number is not None:
        shift = found.number
        evidence.append(found.evidence("the data"))
    if not np.isfinite(value) or value <= 0:
        return Missing(LOG)
    other = _middle(fake, end=True)
    if fake is not None:
        evidence.append(fake.last.evidence("the generated batch, at the end"))
    last = _squash(run)
    unlike = max(value / other, other / value) if np.isfinite(other) and other > 0 else float("inf")
    has_mean = bool(np.isfinite(shift))
    fields: dict[str, Quantity | bool | str] = {
        "name": std.key if std is not None else "std of the data",
        "std": std.quantity(value) if std is not None else Quantity(value),
        "mean": mean.quantity(shift) if mean is not None else Quantity(shift),
        "has_mean": has_mean,
        "shift": Quantity(abs(shift) / value if has_mean else 0.0, Kind.FACTOR),
        "shifted": has_mean and abs(shift) > value,
        "wide": value > 1,
        "narrow": value < 1,
        "fake": fake.quantity(other) if fake is not None else Quantity(0.0),
        "has_fake": fake is not None and bool(np.isfinite(other)),
        "unlike": Quantity(unlike, Kind.FACTOR),
        "apart": fake is not None and bool(np.isfinite(other)),
        "bounded": bool(last),
        "where": last,
        "stated": stated,
    }
    return Fact(fields, tuple(evidence), evidence[0].place, (std.name,) if std is not None else ())


def _steady(series: Series, scale: Series | None = None) -> bool:
    """Whether a figure stays within a fifth of itself (a mean: within half a standard deviation) throughout."""
    values = series.values[finite(series, series.sample())]
    if len(values) < 3:
        return False
    part = max(1, len(values) // 5)
    middles = [median(chunk) for chunk in np.array_split(values, max(1, min(5, len(values) // part)))]
    room = 0.2 * abs(median(values)) if scale is None else 0.5 * abs(_middle(scale, end=False))
    return max(middles) - min(middles) <= room


def _stated(run: Run, figure: str) -> Setting | None:
    """Return a setting such as `data_std=57.1`: one that names the data and nothing else."""
    book = role_book()
    for setting in run.settings:
        words = words_of(setting.name, book)
        if setting.number is None or len(words) != 2:
            continue
        if words[0] in {"data", "real", "dataset"} and words[1] in book.words[f"sample_{figure}"]:
            return setting
    return None


def _squash(run: Run) -> str:
    """Return the last layer of the generator if it bounds its samples: `Tanh at model.py:31`."""
    for network in run.source.part("generator") if run.source else ():
        if network.layers and network.layers[-1].type in ("Tanh", "Sigmoid"):
            layer = network.layers[-1]
            return f"{layer.type} at {layer.place.file.rsplit('/', 1)[-1]}:{layer.place.line}"
    return ""


@detector(
    fields={
        "name": Kind.TEXT, "first": Kind.NUMBER, "early": Kind.NUMBER, "late": Kind.NUMBER, "records": Kind.POINTS,
        "sides": Kind.FLAG, "times": Kind.FACTOR,
    },
    reads="sample",
)  # fmt: skip
def score_scale(run: Run) -> Found:
    """The size of the gap (else of the critic's loss) of a Wasserstein run, from its first records on.

    early: median of |x| over the first five records; late: over the last max(20, 10 %). A critic of bounded slope K
    scores apart by at most K times the distance of what it scores (Kantorovich and Rubinstein 1958), so a gap that is
    huge before anything has grown speaks of the size of the inputs. times: |mean real| over |mean fake| of the first
    records, where both scores are logged (sides).
    """
    if not run.family.name.startswith("wgan"):
        return ABSENT
    series = run.role("gap") or run.role("critic_loss")
    if series is None:
        return Missing("a critic loss or the gap")
    at = finite(series, series.sample())
    if len(at) < 3:
        return Missing("at least 3 records of the critic loss or the gap")
    sizes = np.abs(series.values)
    real, fake = run.role("real_score"), run.role("fake_score")
    f, r = (abs(_middle(one, end=False)) if one is not None else float("nan") for one in (fake, real))
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "first": series.quantity(series.first.value, series.first.text),
        "early": Quantity(median(sizes[at[:5]])),
        "late": Quantity(median(sizes[finite(series, window(series))])),
        "records": Quantity(len(series), Kind.POINTS),
        "sides": bool(f > 0 and np.isfinite(r)),
        "times": Quantity(r / f if f > 0 and np.isfinite(r) else 0.0, Kind.FACTOR),
    }
    shown = (series.first.evidence("the first record"), series.last.evidence("the last"))
    return Fact(fields, shown, series.first.place, (series.name,))


@detector(fields={"name": Kind.TEXT, "count": Kind.COUNT, "augmented": Kind.FLAG}, reads="tally")
def data_size(run: Run) -> Found:
    """How many training samples a header states (`Num images: 912`), and whether anything augments them."""
    book = role_book()
    for setting in run.settings:
        words = words_of(setting.name, book)
        if setting.number is None or not setting.number >= 2 or not float(setting.number).is_integer():
            continue
        counted = bool(set(words) & book.words["data_items"]) and bool(
            set(words) & {"num", "n", "number", "total", "count"}
        )
        if (counted or words in (["dataset", "size"], ["train", "size"])) and len(words) <= 3:
            names = [s.key for s in run.series] + [s.name for s in run.settings if s.value.lower() not in _OFF]
            augmented = any("aug" in name.lower() or name.lower().startswith("ada") for name in names)
            fields: dict[str, Quantity | bool | str] = {
                "name": setting.name,
                "count": Quantity(setting.number, Kind.COUNT, None, setting.value),
                "augmented": augmented,
            }
            return Fact(fields, (setting.evidence("the data"),), setting.place)
    return Missing("how many training samples there are (num_images=)")


_OFF = {"false", "none", "no", "0", "noaug", "off"}
