"""Detectors on what a probe measured of the critic: its slope, its experiments, and what its samples share."""

from __future__ import annotations

from wganlint.detect.probed import SIDE_WORDS, at, counted, measured, place_of, probed_steps, seen
from wganlint.detect.registry import ABSENT, Fact, Found, Parameter, detector
from wganlint.measured import MIXED, Slope
from wganlint.run import Run
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "critic": Kind.TEXT, "sides": Kind.TEXT, "highest": Kind.NUMBER, "lowest": Kind.NUMBER, "mixed": Kind.NUMBER,
        "has_mixed": Kind.FLAG, "samples": Kind.COUNT, "zero": Kind.COUNT, "step": Kind.STEPS, "dead": Kind.FLAG,
        "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_slope(run: Run) -> Found:
    """The norm of the critic's gradient to its input at the last probed step, one norm a sample, by side.

    lowest, highest: of the means of the sides; mixed: the mean between data and samples; zero of samples: exactly 0;
    dead: on some side all of them are.
    """
    if run.probe is None:
        return ABSENT
    slopes = [one for one in run.probe.slopes if one.samples and one.mean is not None]
    if not slopes:
        return ABSENT
    means = [one.mean for one in slopes if one.mean is not None]
    mixed = next((one.mean for one in slopes if one.side == MIXED), None)
    fields: dict[str, Quantity | bool | str] = {
        "critic": slopes[0].critic,
        "sides": ", ".join(f"{one.mean:.3g} on {SIDE_WORDS[one.side]}" for one in slopes),
        "highest": measured(max(means)),
        "lowest": measured(min(means)),
        "mixed": measured(mixed),
        "has_mixed": mixed is not None,
        "samples": counted(sum(one.samples for one in slopes)),
        "zero": counted(sum(one.zero for one in slopes)),
        "step": Quantity(slopes[-1].step, Kind.STEPS),
        "dead": any(map(_dead, slopes)),
        "steps": probed_steps(run.probe),
    }
    return Fact(fields)


def _dead(slope: Slope) -> bool:
    return slope.samples > 0 and slope.zero == slope.samples


@detector(
    fields={
        "critic": Kind.TEXT, "norm": Kind.FLAG, "training": Kind.FLAG, "tried": Kind.FLAG, "change": Kind.NUMBER,
        "times": Kind.FACTOR, "penalized": Kind.FLAG, "where": Kind.TEXT, "layer": Kind.TEXT, "kept": Kind.COUNT,
        "samples": Kind.COUNT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_crosstalk(run: Run) -> Found:
    """Whether the critic that ran mixes the samples of its batch under a penalty.

    norm: it holds a BatchNorm layer, training: in train mode at its last call; tried: half of a batch (kept of samples)
    was kept and the rest exchanged; times: the largest change of a kept score over the spread of the scores; layer: the
    first one whose result changed; penalized: a penalty took its slope with a graph.
    """
    probe = run.probe
    critic = probe.network("critic") if probe else None
    if probe is None or critic is None:
        return ABSENT
    tried = next((one for one in probe.crosstalk if one.change is not None), None)
    penalty = next((one for one in probe.penalties if one.ran and one.graph), None)
    change = tried.change if tried is not None and tried.change is not None else 0.0
    spread = tried.deviation if tried is not None and tried.deviation else 0.0
    fields: dict[str, Quantity | bool | str] = {
        "critic": critic.name,
        "norm": critic.batch_norm,
        "training": critic.training,
        "tried": tried is not None,
        "change": measured(change),
        "times": Quantity(change / spread if spread else 0.0, Kind.FACTOR),
        "penalized": penalty is not None,
        "where": at(penalty.line if penalty else None),
        "layer": tried.layer if tried is not None and tried.layer else "a BatchNorm layer",
        "kept": counted(tried.kept if tried is not None else 0),
        "samples": counted(tried.samples if tried is not None else 0),
        "steps": probed_steps(probe),
    }
    if penalty is None or not critic.batch_norm:
        return Fact(fields)
    label = f"takes the slope of {critic.name}, which holds a BatchNorm layer"
    if tried is not None and change:
        label += f"; a score moves by up to {change:.3g} with the rest of its batch"
    return Fact(fields, seen(penalty.line, label), place_of(penalty.line))


@detector(
    fields={
        "critic": Kind.TEXT, "tried": Kind.FLAG, "half": Kind.NUMBER, "kept": Kind.COUNT, "samples": Kind.COUNT,
        "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_rescale(run: Run) -> Found:
    """By what factor all scores of the critic change where the same samples stand in a batch of half the size.

    tried: the factor was the same for all kept of samples, else it is 1 and nothing is said.
    """
    tried = next((one for one in run.probe.crosstalk if one.half is not None), None) if run.probe else None
    if run.probe is None or not run.probe.crosstalk:
        return ABSENT
    fields: dict[str, Quantity | bool | str] = {
        "critic": run.probe.crosstalk[0].critic,
        "tried": tried is not None,
        "half": measured(tried.half if tried is not None else 1.0),
        "kept": counted(tried.kept if tried is not None else 0),
        "samples": counted(tried.samples if tried is not None else 0),
        "steps": probed_steps(run.probe),
    }
    return Fact(fields)


@detector(
    fields={
        "tried": Kind.FLAG, "works": Kind.FLAG, "fails": Kind.FLAG, "before": Kind.NUMBER, "after": Kind.NUMBER,
        "count": Kind.COUNT,
    },
    parameters={"name": Parameter(str, None, 'experiment: "critic-alone" or "generator-alone"')},
)  # fmt: skip
def probed_trial(run: Run, name: str) -> Found:
    """An experiment of a probe: a copy of one player is trained alone on the last batches, with mean scores for a loss.

    before, after: the gap (critic), or the mean score of the fakes (generator); both must rise. works, fails: whether
    it did; neither where it was not done. It says nothing of the program's own losses.
    """
    trial = next((one for one in run.probe.trials if one.name == name), None) if run.probe else None
    if trial is None:
        return ABSENT
    fields: dict[str, Quantity | bool | str] = {
        "tried": not trial.why_not,
        "works": trial.works is True,
        "fails": trial.works is False,
        "before": measured(trial.before),
        "after": measured(trial.after),
        "count": counted(trial.steps),
    }
    return Fact(fields)
