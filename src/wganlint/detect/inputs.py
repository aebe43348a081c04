"""What kinds of input a run has: rules grade a hazard in the source by whether a run could show it."""

from __future__ import annotations

from wganlint.detect.registry import ABSENT, Fact, Found, Missing, detector
from wganlint.detect.window import finite, window
from wganlint.run import Run
from wganlint.series import median
from wganlint.units import Kind, Quantity

ADVERSARIAL = ("critic_loss", "generator_loss", "gap", "fake_score", "real_score")


@detector(fields={"records": Kind.POINTS})
def training_log(run: Run) -> Found:
    """A log with an adversarial series; absent when only source was given."""
    series = [s for role in ADVERSARIAL if (s := run.role(role)) is not None]
    series += [s for pair in run.pairs for name in pair.series.values() if (s := run.named(name)) is not None]
    if not series:
        return ABSENT
    return Fact({"records": Quantity(max(len(s) for s in series), Kind.POINTS)})


@detector(fields={"real": Kind.TEXT, "fake": Kind.TEXT})
def mean_scores_logged(run: Run) -> Found:
    """The mean scores of reals and fakes are logged, each as a series of its own."""
    real, fake = run.role("real_score"), run.role("fake_score")
    if real is None or fake is None:
        return ABSENT
    return Fact({"real": real.key, "fake": fake.key}, series=(real.name, fake.name))


@detector(fields={"name": Kind.TEXT, "median": Kind.NUMBER})
def generator_gradient(run: Run) -> Found:
    """The logged gradient norm of the generator: its median over the last max(20, 10 %) records."""
    series = run.role("generator_gradient_norm")
    if series is None:
        return Missing("the gradient norm of the generator")
    value = median(series.values[finite(series, window(series))])
    return Fact({"name": series.key, "median": series.quantity(value)}, (series.last.evidence(),), series.last.place)


@detector(fields={"missing": Kind.TEXT, "rules": Kind.TEXT, "count": Kind.COUNT})
def missing_metrics(run: Run) -> Found:
    """Which of the quantities that decide most rules a run does not log."""
    series = [s for role in ADVERSARIAL if (s := run.role(role)) is not None]
    if not series:
        return Missing("a critic or generator loss")
    scores = run.role("real_score") is not None and run.role("fake_score") is not None
    gradient = any(run.role(r) for r in ("critic_gradient_norm", "generator_gradient_norm", "gradient_norm"))
    lacking = [
        (what, rules)
        for what, there, rules in (
            ("the gap or both mean scores", run.role("gap") is not None or scores, "SAT002, GP004"),
            ("the penalty", run.family.name != "wgan-gp" or run.role("penalty") is not None, "GP004, GP005"),
            ("gradient norms", gradient, "OPT002"),
            (
                "how much the generator makes (items or empty samples a batch)",
                run.role("fake_count") is not None,
                "DAT004",
            ),
            ("a step on each line", any(s.step_key for s in series), "the onset of anything"),
        )
        if not there
    ]
    if not lacking:
        return ABSENT
    names, rules = "; ".join(what for what, _ in lacking), "; ".join(dict.fromkeys(r for _, r in lacking))
    return Fact(
        {"missing": names, "rules": rules, "count": Quantity(len(lacking), Kind.COUNT)},
        place=series[0].first.place,
    )
