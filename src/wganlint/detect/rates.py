"""Detectors on learning rates: with which optimizer they are used, and how a schedule moves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, Parameter, detector
from wganlint.detect.window import finite
from wganlint.detect.words import since
from wganlint.evidence import Evidence, derived
from wganlint.read.roles import role_book, words_of
from wganlint.run import Run, Series, Setting, Stated
from wganlint.units import Kind, Quantity

ADAPTIVE = frozenset(
    [
        "adam",
        "adamw",
        "rmsprop",
        "nadam",
        "radam",
        "adamax",
        "adagrad",
        "adadelta",
        "adabelief",
        "amsgrad",
        "fusedadam",
        "extraadam",
        "oadam",
        "adamoptimizer",
        "rmspropoptimizer",
        "adagradoptimizer",
        "optimisticadam",
    ]
)
SGD = frozenset(("sgd", "gradientdescentoptimizer", "momentumoptimizer"))
OF_ADAM = frozenset(
    [
        "beta1",
        "beta2",
        "betas",
        "adam_b1",
        "adam_b2",
        "b1",
        "b2",
        "beta_1",
        "beta_2",
        "adam_beta1",
        "adam_beta2",
        "d_b1",
        "g_b1",
    ]
)
_WHOSE = frozenset(["opt", "optim", "optimizer", "model", "net", "network", "group", "pg", "value", "current", "of"])
BETWEEN = 0.3  # of the run: up to there a rate may warm up


class Rate(Struct, frozen=True):
    """A learning rate with its optimizer. `how` the optimizer is known: "stated", "source", "betas" or "assumed"."""

    optimizer: str
    lr: Stated
    momentum: Stated | None
    evidence: tuple[Evidence, ...]
    how: str = "stated"
    peak: Stated | None = None  # the largest value of a series that echoes it

    @property
    def effective(self) -> float:
        """Return lr / (1 - momentum)."""
        mu = self.momentum.number if self.momentum is not None and self.momentum.number is not None else 0.0
        return (self.lr.number or 0.0) / (1 - mu) if 0 <= mu < 1 else self.lr.number or 0.0


@detector(
    fields={
        "optimizer": Kind.TEXT, "lr": Kind.NUMBER, "momentum": Kind.NUMBER, "effective": Kind.NUMBER, "sgd": Kind.FLAG,
        "adaptive": Kind.FLAG, "below_adam": Kind.FACTOR, "has_momentum": Kind.FLAG, "from_source": Kind.FLAG,
        "highest": Kind.NUMBER, "lowest": Kind.NUMBER, "name": Kind.TEXT, "highest_name": Kind.TEXT,
        "lowest_name": Kind.TEXT, "assumed": Kind.FLAG,
    },
)  # fmt: skip
def learning_rate(run: Run) -> Found:
    """The learning rates that the log states (else those that the source states without a choice), and the optimizer.

    effective = lr / (1 - momentum): the size that a constant gradient's steps reach under momentum (heavy ball);
    below_adam = 1e-4 / lr, for the record: steps of SGD and Adam do not compare by lr. With several optimizers lr is
    the one with the smallest effective rate. A rate restored from a checkpoint counts, not the printed one. highest and
    lowest: over the networks, of a series that echoes a rate by its peak. assumed: nothing names the optimizer; betas
    and most GAN programs say Adam.
    """
    rates = _from_log(run) or _from_parts(run) or _from_source(run)
    if not rates:
        return Missing("the optimizer and its learning rate")
    rates = [rate for rate in rates if rate.lr.number is not None and rate.lr.number > 0]
    if not rates:
        return Missing("a learning rate above 0")
    rate = min(rates, key=lambda one: one.effective)
    lr, momentum = rate.lr, rate.momentum
    assert lr.number is not None
    mu = momentum.number if momentum is not None and momentum.number is not None else 0.0
    kind = rate.optimizer.lower()
    high = max((one.peak or one.lr for one in rates), key=lambda stated: stated.number or 0.0)
    low = min((one.peak or one.lr for one in rates), key=lambda stated: stated.number or 0.0)
    formula = f"lr / (1 - momentum) = {lr.value} / (1 - {momentum.value if momentum else '0'}) = {rate.effective:.2g}"
    fields: dict[str, Quantity | bool | str] = {
        "optimizer": rate.optimizer if rate.how != "assumed" else "an optimizer that is not named",
        "lr": Quantity(lr.number, Kind.NUMBER, None, lr.value),
        "name": lr.name,
        "momentum": Quantity(mu, Kind.NUMBER, None, momentum.value if momentum else "0"),
        "effective": Quantity(rate.effective, Kind.NUMBER),
        "sgd": kind in SGD,
        "adaptive": kind in ADAPTIVE,
        "below_adam": Quantity(1e-4 / lr.number, Kind.FACTOR),
        "has_momentum": mu > 0,
        "from_source": lr.origin == "default",
        "highest": Quantity(high.number or 0.0, Kind.NUMBER, None, high.value),
        "highest_name": high.name,
        "lowest": Quantity(low.number or 0.0, Kind.NUMBER, None, low.value),
        "lowest_name": low.name,
        "assumed": rate.how == "assumed",
    }
    extra = (derived(formula),) if kind in SGD and mu > 0 else ()
    shown = dict.fromkeys([*rate.evidence, *([high.evidence] if high is not lr else [])])
    return Fact(fields, (*shown, *extra), rate.evidence[0].place)


def _same_line(run: Run, setting: Setting, meaning: str) -> list[Setting]:
    line = (setting.place.file, setting.place.line)
    return [s for s in run.settings if s.meaning == meaning and (s.place.file, s.place.line) == line]


def _stated(setting: Setting) -> Stated:
    return Stated(setting.name, setting.value, setting.number, setting.origin, setting.evidence())


def _line(setting: Setting) -> Evidence:
    label = "the learning rate in force" if setting.origin == "restored" else "optimizer and learning rate"
    return setting.evidence(label)


def _from_log(run: Run) -> list[Rate]:
    """Return the rates of optimizers that the log names beside their rate."""
    rates: list[Rate] = []
    optimizers = run.latest("optimizer")
    file = optimizers[-1].place.file if optimizers else ""
    files = list(dict.fromkeys(s.place.file for s in run.settings))
    later = files[files.index(file) :] if file in files else []
    restored = [s for s in run.settings if s.origin == "restored" and s.number and s.place.file in later]
    restored = [s for s in restored if s.meaning == "learning_rate"]
    for optimizer in optimizers:
        beside = _same_line(run, optimizer, "learning_rate")
        if len(optimizers) == 1 and len(beside) > 1:
            return []  # an option dump: one optimizer for several rates
        lr = beside[0] if beside else None
        if lr is None and len(optimizers) == 1:
            lr = next((s for s in run.latest("learning_rate") if s.number), None)
        if lr is None or lr.number is None:
            continue
        momentum = next(iter(_same_line(run, optimizer, "momentum")), None)
        # A restored rate without a name of its own is in force where there is one optimizer to restore.
        used = restored[-1] if restored and len(optimizers) == 1 else lr
        quotes = tuple(dict.fromkeys([_line(optimizer), *([_line(used)] if used is not lr else [])]))
        found = _stated(momentum) if momentum is not None else None
        rate = Rate(optimizer.value, _stated(used), found, quotes)
        rates.append(_echoed(run, rate) if len(optimizers) == 1 else rate)
    return rates


def _echoed(run: Run, rate: Rate) -> Rate:
    """Return the rate as the records show it, where a series echoes it."""
    echo = run.role("learning_rate")
    if echo is None or not echo.last.value > 0:
        return rate
    shown = echo.last.evidence("the rate in force at the last record")
    in_force = Stated(echo.key, echo.last.text, echo.last.value, "records", shown)
    return replace(rate, lr=in_force, evidence=(*rate.evidence, shown), peak=_peak(echo))


def _peak(series: Series) -> Stated | None:
    at = finite(series, np.arange(len(series.values)))
    if not len(at):
        return None
    point = series.point(int(at[np.argmax(series.values[at])]))
    return Stated(series.key, point.text, point.value, "records", point.evidence("the rate at its peak"))


def _from_parts(run: Run) -> list[Rate]:
    """Return the rates that a log states without an optimizer beside them: option dumps, per network, or as a series.

    The optimizer is what another line, the source, or betas say; else the rule is told that it is assumed.
    """
    stated = [s for s in run.latest("learning_rate") if s.number is not None and s.number > 0]
    echoes = [series for series in rate_series(run) if (series.values > 0).any()]
    if not stated and not echoes:
        return []
    name, how = _optimizer(run)
    rates = [Rate(name, _stated(s), None, (s.evidence("learning rate"),), how) for s in stated]
    for echo in echoes:
        peak = _peak(echo)
        if peak is None:
            continue
        own = [r for r in rates if r.lr.name.lower() == echo.key.lower()]
        if own:
            rates[rates.index(own[0])] = replace(own[0], peak=peak)
        else:
            rates.append(Rate(name, peak, None, (peak.evidence,), how, peak))
    return rates


def _optimizer(run: Run) -> tuple[str, str]:
    told = {s.value.strip("'\"") for s in run.latest("optimizer")}
    if len(told) == 1:
        return told.pop(), "stated"
    made = {o.name for o in (run.source.optimizers if run.source else ())}
    if len(made) == 1 or (made and all(name.lower() in ADAPTIVE for name in made)):
        return min(made), "source"
    # An option dump that counts something (`batch=64`) is read as a record.
    names = [s.name for s in run.settings] + [s.key for s in run.series if len(s) == 1]
    if any(name.lower().split(".")[-1].lstrip("-").replace("-", "_") in OF_ADAM for name in names):
        return "Adam", "betas"
    return ("" if made else "Adam"), "assumed"


def _from_source(run: Run) -> list[Rate]:
    found = [o for o in (run.source.optimizers if run.source else ()) if o.lr is not None]
    names = {o.name.lower() for o in found}
    if not found or (len(names) != 1 and not names <= ADAPTIVE):
        return []
    rates = []
    for one in found:
        lr = Stated("lr", f"{one.lr:g}", one.lr, "default", one.evidence("optimizer"))
        momentum = None
        if one.momentum is not None:
            momentum = Stated("momentum", f"{one.momentum:g}", one.momentum, "default", lr.evidence)
        rates.append(Rate(one.name, lr, momentum, (lr.evidence,), "source"))
    return rates


def rate_series(run: Run) -> Iterator[Series]:
    """Yield the series that echo a learning rate: `lr`, `lr_d`, `opt/lr_G`, `learning rate`, `lr/generator`, `lr-Adam`.

    Where only a folder of the name says so, the rest must name a network or an optimizer (not `lr/steps`).
    """
    book = role_book()
    whose = book.words["critic"] | book.words["generator"] | book.words["rate"] | ADAPTIVE | SGD | _WHOSE
    for series in run.series:
        words, last = words_of(series.key, book), words_of(series.key.rpartition("/")[2], book)
        if not _says_rate(words) or not book.words["loss"].isdisjoint(words):
            continue
        if not book.words["clock"].isdisjoint(last) or "weight" in last or "decay" in last:
            continue
        if _says_rate(last) or all(word in whose or word.isdigit() for word in last):
            yield series


def _says_rate(words: Sequence[str]) -> bool:
    return not {"lr", "lrs", "learning_rate", "learning_rates"}.isdisjoint(words) or (
        "learning" in words and not {"rate", "rates"}.isdisjoint(words)
    )


@detector(
    fields={
        "name": Kind.TEXT, "peak": Kind.NUMBER, "last": Kind.NUMBER, "gone": Kind.RATIO, "since": Kind.TEXT,
        "records": Kind.POINTS, "rise": Kind.FACTOR, "rise_since": Kind.TEXT, "before": Kind.NUMBER,
        "after": Kind.NUMBER,
    },
    parameters={"small": Parameter(float, None, "share of the peak below which a rate is as good as gone")},
)  # fmt: skip
def rate_course(run: Run, small: float) -> Found:
    """How a logged learning rate moves: the series whose rate is gone longest, or that jumps most.

    gone: share of the records at the end with a rate below `small` times the peak; since: where that begins. rise: the
    largest rate after the first 30 % over the largest before it (a restart of a schedule comes back to its peak, it
    does not exceed it); before, after: those two rates.
    """
    echoes = [s for s in rate_series(run) if len(s) >= 10]
    if not echoes:
        return Missing("the learning rate on each record")
    courses = [c for s in echoes if (c := _rate_course(s, small)) is not None]
    if not courses:
        return ABSENT
    return max(courses, key=lambda c: (_number(c, "rise") > 1.01, _number(c, "gone")))


def _number(fact: Fact, field: str) -> float:
    value = fact.fields[field]
    return value.value if isinstance(value, Quantity) else 0.0


def _rate_course(series: Series, small: float) -> Fact | None:
    at = finite(series, np.arange(len(series.values)))
    values = series.values[at]
    if len(values) < 5 or not (values > 0).any():
        return None
    peak = int(np.argmax(values))
    above = np.flatnonzero(values >= small * values[peak])
    tail = int(above[-1]) + 1
    gone = 1.0 - float(series.index[at[tail]]) / len(series) if tail < len(at) else 0.0
    split = max(1, int(np.searchsorted(series.index[at], BETWEEN * len(series))))
    head = float(np.max(values[:split]))
    grown = values[split:]
    later = int(np.argmax(grown)) + split if len(grown) else split - 1
    rise = float(values[later]) / head if head > 0 else 1.0
    first = series.point(int(at[min(tail, len(at) - 1)]))
    jump = later
    while jump > split and values[jump - 1] > 0.5 * values[later]:
        jump -= 1
    point = series.point(int(at[jump]))
    shown = point if rise > 1.01 else first
    fields: dict[str, Quantity | bool | str] = {
        "name": series.key,
        "peak": Quantity(float(values[peak]), Kind.NUMBER, None, series.texts[int(at[peak])]),
        "last": Quantity(float(values[-1]), Kind.NUMBER, None, series.texts[int(at[-1])]),
        "gone": Quantity(gone, Kind.RATIO),
        "since": since(first),
        "records": Quantity(len(series), Kind.POINTS),
        "rise": Quantity(rise, Kind.FACTOR),
        "rise_since": since(point),
        "before": Quantity(head, Kind.NUMBER, None, series.texts[int(at[int(np.argmax(values[:split]))])]),
        "after": Quantity(float(values[later]), Kind.NUMBER, None, series.texts[int(at[later])]),
    }
    evidence = (series.point(int(at[peak])).evidence("the rate at its peak"), shown.evidence("the rate here"))
    return Fact(fields, evidence, shown.place, (series.name,))
