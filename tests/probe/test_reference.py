"""The reference fault, measured in the unmodified program; figures are held against the independent count of truth.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from programs import ROOT, SICK, Done, of_fixture

from wganlint.measured import FAKE, REAL, Share


def truth(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((ROOT / "fixtures" / name / "truth.json").read_text(encoding="utf-8"))
    return data


def line_of(name: str, text: str, file: str = "model.py") -> int:
    lines = (ROOT / "fixtures" / name / "run" / "training" / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def by_side(shares: tuple[Share, ...]) -> dict[str, Share]:
    return {share.side: share for share in shares}


def test_every_event_is_empty_and_the_clamp_holds_all_fakes_and_no_real(sick: Done) -> None:
    assert sick.code == 0, sick.err
    probe = sick.probe
    (clamp,) = [one for one in probe.bounds if one.score]
    assert (clamp.line.file, clamp.line.line) == ("training/model.py", line_of("sick", "return torch.clamp(score"))
    assert (clamp.low, clamp.high) == (-1000.0, 1000.0)
    assert by_side(clamp.sides)[FAKE].share == truth("sick")["fake_at_bound_share_first"] == 1.0
    assert by_side(clamp.sides)[REAL].share == truth("sick")["real_at_bound_share_first"] == 0.0
    (samples,) = [one for one in probe.empties if one.what == "samples"]
    assert samples.sides[0].share == truth("sick")["fake_empty_share_first"] == 1.0
    assert samples.sides[0].first_elements == 256


def test_the_fill_is_traced_to_its_line_and_to_the_layer_that_it_reaches(sick: Done) -> None:
    (fill,) = sick.probe.sentinels
    assert (fill.line.line, fill.op, fill.value) == (line_of("sick", "torch.full("), "full", -1e9)
    assert (fill.network, fill.module) == ("critic", "decision_net.0")
    (jump,) = sick.probe.jumps
    assert (jump.op, jump.kind, jump.side, jump.value) == ("full", "fill", FAKE, 1e9)
    assert jump.line == fill.line
    groups = next(one for one in sick.probe.empties if one.what == "groups")
    assert groups.keeps == -1e9
    assert by_side(groups.sides)[FAKE].share == 1.0
    assert by_side(groups.sides)[REAL].share == 0.0


def test_nothing_was_ever_not_finite_and_elements_are_counted_exactly(sick: Done) -> None:
    probe, known = sick.probe, truth("sick")
    assert probe.rounds == 5
    guarded = [share for guard in probe.guards for share in guard.sides]
    assert sum(share.elements for share in guarded) == known["nan_to_num_elements"] // known["steps"] * 5
    assert sum(share.hit for share in guarded) == known["nan_to_num_nonfinite"] == 0
    assert probe.origins == ()


def test_the_penalty_never_ran(sick: Done) -> None:
    (penalty,) = sick.probe.penalties
    assert (penalty.function, penalty.calls, penalty.ran, penalty.constant) == ("gradient_penalty", 5, 0, 5)


def test_the_generator_gets_exactly_nothing_and_its_dead_module_is_named(sick: Done) -> None:
    probe = sick.probe
    gradient = next(
        one for one in probe.gradients if one.module == "point_net" and one.network == "generator" and one.stepped
    )
    assert gradient.highest == truth("sick")["generator_grad_norm_max"] == 0.0
    assert probe.dead("generator") == ("point_net",)
    assert probe.dead("critic") == ()
    critic = probe.gradient("critic")
    assert critic is not None
    assert critic.first == pytest.approx(truth("sick")["critic_grad_norm_first"], rel=1e-3)


def test_the_players_are_told_apart_and_scores_are_true(sick: Done) -> None:
    roles = {one.name: (one.role, one.sure) for one in sick.probe.networks}
    assert roles == {"generator": ("generator", "high"), "critic": ("critic", "high")}
    score = sick.probe.scores[0]
    assert score.real == pytest.approx(truth("sick")["real_score_mean_first"], rel=1e-4)
    assert score.fake == truth("sick")["fake_score_mean_first"] == -1000.0
    assert {one.name: one.steps for one in sick.probe.optimizers} == {"opt_critic": 10, "opt_points": 5, "opt_count": 5}


def test_the_probe_changed_nothing(sick: Done) -> None:
    assert sick.probe.unchanged is True
    assert sick.probe.timing.overhead is not None
    left = {path.relative_to(sick.folder).as_posix() for path in sick.folder.rglob("*") if path.is_file()}
    there = {
        path.relative_to(ROOT / "fixtures/sick/run").as_posix()
        for path in (ROOT / "fixtures/sick/run").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert left - there == {"probe.json"}


def test_the_account_says_it_in_eighty_columns(sick: Done) -> None:
    assert all(len(line) <= 80 for line in sick.out.splitlines())
    flat = " ".join(sick.out.split())
    for sentence in (
        "clamp [-1000, 1000] holds the score, 0 % of real, 100 % of fake: training/model.py:98",
        "generated samples are empty (100 %",
        "0 of 416,000 elements that entered 3 guards were not finite",
        "dead: generator.point_net",
        "gradient_penalty was called 5 times and never took a gradient",
        "bit-equal to a run without instruments",
    ):
        assert sentence in flat, sentence


def test_half_empty_is_half_empty(half: Done) -> None:
    probe, known = half.probe, truth("half-empty")
    (samples,) = [one for one in probe.empties if one.what == "samples"]
    assert samples.sides[0].share == pytest.approx(known["fake_empty_share_first"], abs=1e-6)
    (clamp,) = [one for one in probe.bounds if one.score]
    assert by_side(clamp.sides)[FAKE].share == pytest.approx(known["fake_at_bound_share_first"], abs=1e-6)
    gradient = probe.gradient("generator", "point_net")
    assert gradient is not None
    assert gradient.first == pytest.approx(known["generator_grad_norm_first"], rel=1e-4)
    (penalty,) = probe.penalties
    assert (penalty.ran, penalty.constant) == (1, 0)
    assert penalty.first == pytest.approx(known["penalty_first"], rel=1e-4)
    assert probe.dead("generator") == ()


def test_the_file_is_read_as_an_input_of_the_run(sick: Done) -> None:
    from wganlint.analysis import load_runs

    (run,) = load_runs(sick.folder)
    assert run.probe is not None
    assert run.probe.bounds == sick.probe.bounds
    assert Path(run.probe.bounds[0].line.file).parts[0] == "training"


def test_the_light_mode_tells_the_sides_apart_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    done = of_fixture("sick", tmp_path, SICK, "--light", "--steps", "8")
    assert done.code == 0, done.err
    probe = done.probe
    assert probe.unchanged is True
    critic = probe.network("critic")
    assert critic is not None
    assert critic.calls == {"real": 4, "fake": 6}
    assert probe.scores[0].fake == -1000.0
    assert probe.bounds == ()
    assert [gap.what for gap in probe.gaps] == ["operations", "what the samples of a batch share in critic"]
    assert probe.pulls == ()
    assert probe.dead("generator") == ("point_net",)


def test_the_light_mode_says_what_it_looked_at_and_the_cost_is_told_with_its_formula(tmp_path: Path) -> None:
    done = of_fixture("sick", tmp_path, SICK, "--light")
    (layers, means, steps) = done.probe.sampled
    critic = done.probe.network("critic")
    assert critic is not None
    assert (steps.looked, steps.all) == (4 + 3 + 3, 20)  # of 10, 5 and 5: the first two and each fourth
    assert 0 < means.looked < means.all == layers.all
    assert {one.step for one in done.probe.scores} <= {1, 2, 5, 9, 13, 17, 18, 19, 20}
    assert 0 < layers.looked < layers.all == sum(sum(one.calls.values()) for one in done.probe.networks)
    assert {one.name: len(one.ratios) for one in done.probe.optimizers} == {
        "opt_critic": 4, "opt_points": 3, "opt_count": 3,
    }  # fmt: skip
    timing = done.probe.timing
    assert timing.probed_step is not None and timing.plain_step is not None
    assert timing.overhead == pytest.approx(timing.probed_step / timing.plain_step)
    flat = " ".join(done.out.split())
    formula = f"{timing.overhead:.1f}x = {1000 * timing.probed_step:.2f} ms / {1000 * timing.plain_step:.2f} ms"
    assert f"cost of the instruments: {formula} (mean time of a step without the slowest tenth" in flat
    assert f"light mode: gradients and update sizes looked at in {steps.looked} of 20 optimizer steps" in flat
    assert f"the experiments after the last step took {timing.experiments:.1f} s" in flat


def test_the_generator_cannot_learn_even_alone(sick: Done) -> None:
    trials = {one.name: one for one in sick.probe.trials}
    assert (trials["generator-alone"].before, trials["generator-alone"].after) == (-1000.0, -1000.0)
    assert trials["generator-alone"].works is False
    assert trials["critic-alone"].steps == 20
