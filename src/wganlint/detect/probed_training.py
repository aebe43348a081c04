"""Detectors on what a probe measured of learning: gradients, penalties, and what optimizers hold and move."""

from __future__ import annotations

from wganlint.detect.probed import at, counted, measured, of, place_of, probed_steps, seen
from wganlint.detect.registry import ABSENT, Fact, Found, Parameter, detector
from wganlint.measured import Gradient, Optimizer, Probe
from wganlint.run import Run
from wganlint.units import Kind, Quantity


@detector(
    fields={
        "network": Kind.TEXT, "where": Kind.TEXT, "code": Kind.TEXT, "calls": Kind.COUNT, "exact": Kind.FLAG,
        "none": Kind.COUNT, "zero": Kind.COUNT, "parameters": Kind.COUNT, "cut": Kind.FLAG, "first": Kind.NUMBER,
        "last": Kind.NUMBER, "dead": Kind.TEXT, "has_dead": Kind.FLAG, "other": Kind.TEXT, "with_other": Kind.FLAG,
        "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_path(run: Run) -> Found:
    """The gradient that the loss of the game gives the generator: the backward that also passes the critic.

    exact: at each of its calls all of it was None or exactly 0; cut: all of it was None, so no graph leads there;
    none, zero of parameters (tensors); dead: submodules that no loss moved; other: the line of another loss that does
    reach the generator.
    """
    probe = run.probe
    generator = probe.network("generator") if probe else None
    if probe is None or generator is None:
        return ABSENT
    mine = [one for one in probe.gradients if one.network == generator.name and one.module == ""]
    game = next((one for one in mine if _through_critic(probe, one)), None)
    if game is None:
        return ABSENT
    exact = game.dead and game.nonfinite == 0 and game.calls > 0
    if probe.target and not exact:
        return ABSENT  # of a loop of the probe's own
    other = next((one for one in mine if one.loss != game.loss and one.stepped and not one.dead), None)
    dead = probe.dead(generator.name)
    names = [".".join(part for part in (generator.name, module) if part) for module in dead]
    fields: dict[str, Quantity | bool | str] = {
        "network": generator.name,
        "where": at(game.loss),
        "code": game.loss.text.strip() if game.loss else "",
        "calls": counted(game.calls),
        "exact": exact,
        "none": counted(game.none),
        "zero": counted(game.zero),
        "parameters": counted(game.parameters),
        "cut": exact and game.none >= game.parameters,
        "first": measured(game.first),
        "last": measured(game.last),
        "dead": ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else ""),
        "has_dead": bool(names),
        "other": at(other.loss) if other else "",
        "with_other": other is not None,
        "steps": probed_steps(probe),
    }
    if not exact:
        return Fact(fields)
    label = f"its gradient of {generator.name} is exactly 0 or none in {of(game.none + game.zero, game.parameters)}"
    return Fact(fields, seen(game.loss, f"{label} tensors, at each of {game.calls} calls"), place_of(game.loss))


def _through_critic(probe: Probe, gradient: Gradient) -> bool:
    """Whether the same backward gave the critic a gradient on which no optimizer stepped, or is the only loss."""
    critics = {one.name for one in probe.networks if one.role == "critic"}
    beside = [one for one in probe.gradients if one.network in critics and one.module == "" and one.calls]
    if any(one.loss == gradient.loss for one in beside):
        own = {one.loss for one in beside if one.stepped}
        return gradient.loss not in own or len({one.loss for one in beside}) == 1
    losses = {one.loss for one in probe.gradients if one.network == gradient.network and one.module == ""}
    return len(losses) == 1


@detector(
    fields={
        "function": Kind.TEXT, "where": Kind.TEXT, "code": Kind.TEXT, "calls": Kind.COUNT, "ran": Kind.COUNT,
        "constant": Kind.COUNT, "never": Kind.FLAG, "partly": Kind.FLAG, "free": Kind.FLAG, "first": Kind.NUMBER,
        "last": Kind.NUMBER, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_penalty(run: Run) -> Found:
    """What a probe saw of the penalty: how often it was called, took a gradient, or gave a constant.

    never: it took none; partly: it gave a constant at some calls; free: it took gradients, each without a graph
    (`create_graph`), so that no weight has a derivative of it.
    """
    if run.probe is None or not run.probe.penalties:
        return ABSENT
    penalty = max(run.probe.penalties, key=lambda one: one.calls)
    fields: dict[str, Quantity | bool | str] = {
        "function": penalty.function,
        "where": at(penalty.line),
        "code": penalty.line.text.strip(),
        "calls": counted(penalty.calls),
        "ran": counted(penalty.ran),
        "constant": counted(penalty.constant),
        "never": penalty.calls > 0 and penalty.ran == 0,
        "partly": penalty.ran > 0 and penalty.constant > 0,
        "free": penalty.ran > 0 and penalty.graph == 0,
        "first": measured(penalty.first),
        "last": measured(penalty.last),
        "steps": probed_steps(run.probe),
    }
    if run.probe.target and not (fields["never"] or fields["partly"] or fields["free"]):
        return ABSENT  # of a loop of the probe's own
    label = f"called {penalty.calls} times, took a gradient {penalty.ran} times, with a graph {penalty.graph} times"
    return Fact(fields, seen(penalty.line, label), place_of(penalty.line))


@detector(
    fields={
        "part": Kind.TEXT, "network": Kind.TEXT, "tensors": Kind.COUNT, "whole": Kind.FLAG, "twice": Kind.FLAG,
        "holders": Kind.TEXT, "other": Kind.TEXT, "where": Kind.TEXT, "steps": Kind.COUNT,
    },
)  # fmt: skip
def probed_holdings(run: Run) -> Found:
    """Parameters of the generator or the critic that no optimizer holds although they could be trained.

    whole: all of the network; twice: meanwhile two optimizers hold the same parameters of the other network (other,
    holders).
    """
    probe = run.probe
    if probe is None:
        return ABSENT
    roles = {one.name: one.role for one in probe.networks if one.role in ("generator", "critic")}
    lost = [one for one in probe.strays if not one.optimizers and not one.frozen and one.network in roles]
    if not lost:
        return ABSENT
    stray = max(lost, key=lambda one: (one.module == "", one.parameters))
    shared = next(
        (one for one in probe.strays if len(one.optimizers) > 1 and roles.get(one.network, "") != roles[stray.network]),
        None,
    )
    line = next((one.line for one in probe.optimizers if shared and one.name in shared.optimizers[1:]), None)
    fields: dict[str, Quantity | bool | str] = {
        "part": roles[stray.network],
        "network": ".".join(part for part in (stray.network, stray.module) if part),
        "tensors": counted(stray.parameters),
        "whole": stray.module == "",
        "twice": shared is not None,
        "holders": " and ".join(shared.optimizers) if shared else "",
        "other": shared.network if shared else "",
        "where": at(line),
        "steps": probed_steps(probe),
    }
    return Fact(fields, seen(line, f"steps {fields['other']}; no optimizer holds {fields['network']}"))


@detector(
    fields={
        "name": Kind.TEXT, "ratio": Kind.NUMBER, "kind": Kind.TEXT, "rate": Kind.NUMBER, "where": Kind.TEXT,
        "all": Kind.TEXT, "slowest": Kind.NUMBER, "fastest": Kind.NUMBER, "steps": Kind.COUNT,
    },
    parameters={"low": Parameter(float, None, "ratio under which an optimizer is too slow, for the choice of one")},
)  # fmt: skip
def probed_updates(run: Run, low: float) -> Found:
    """How far a step of each optimizer moves its weights: the median of |update| / |weights| over the probed steps.

    The optimizer that is told is the slowest below `low`, else the fastest. One whose every step had a gradient of
    exactly 0 is left out: that is no matter of its rate. all: each with its ratio.
    """
    if run.probe is None:
        return ABSENT
    moving = [one for one in run.probe.optimizers if one.ratio]
    if not moving:
        return ABSENT
    slowest, fastest = min(moving, key=_ratio), max(moving, key=_ratio)
    main = slowest if _ratio(slowest) < low else fastest
    if run.probe.target and main is fastest:
        return ABSENT  # of a loop of the probe's own
    fields: dict[str, Quantity | bool | str] = {
        "name": main.name,
        "ratio": measured(main.ratio),
        "kind": main.class_name,
        "rate": measured(main.rates[0] if main.rates else None),
        "where": at(main.line),
        "all": ", ".join(f"{one.name} {_ratio(one):.3g}" for one in run.probe.optimizers if one.ratio is not None),
        "slowest": measured(slowest.ratio),
        "fastest": measured(fastest.ratio),
        "steps": probed_steps(run.probe),
    }
    return Fact(fields, seen(main.line, f"{main.name}: |update| / |weights| = {_ratio(main):.3g} in the middle"))


def _ratio(optimizer: Optimizer) -> float:
    return optimizer.ratio or 0.0
