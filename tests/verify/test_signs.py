"""What a fix did, told by vital signs: the figures are those of fixtures/sick/fixes.json, measured without wganlint."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from wganlint.measured import Probe
from wganlint.verify.policy import policy
from wganlint.verify.signs import Effect, Signs, effect, left, sick, signs

FIXES = json.loads((Path(__file__).parents[2] / "fixtures/sick/fixes.json").read_text(encoding="utf-8"))
LIMITS = policy().vital
SEEDS = [str(seed) for kind in ("all-empty", "not-all-empty") for seed in FIXES["seeds"][kind]]


def measured(fix: str, seed: str, step: str = "200") -> Signs:
    """The independent record of one run as the vital signs that verify would have."""
    one = FIXES["runs"][fix][seed][step]
    size = FIXES["bounds"][fix]
    return Signs(
        4 * int(step), "steps", empty=one["fake_empty_share"], gradient=one["generator_grad_norm"],
        pinned=max(one["fake_at_bound_share"], one["real_at_bound_share"]), size=size, gap=one["gap"],
        bound=f"{'tanh' if size == 100 else 'clamp'} at model.py:98", scores=abs(one["fake_score_mean"]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("fix", "expected"),
    [
        ("layernorm", {Effect.HIDES}), ("xavier", {Effect.NOTHING}), ("tanh", {Effect.MOVES}),
        ("neutral-fill", {Effect.HIDES}), ("adam-1e-4", {Effect.CURES}),
        ("count-bias", {Effect.CURES, Effect.HELPS}),  # a share stays empty on some seeds
    ],
)  # fmt: skip
def test_each_fix_of_the_reference_fault_is_told_as_it_is(fix: str, expected: set[Effect], seed: str) -> None:
    assert effect(measured("none", seed), measured(fix, seed), LIMITS) in expected


def test_a_count_head_that_starts_higher_is_a_cure_only_where_no_share_stays_empty() -> None:
    said = {seed: effect(measured("none", seed), measured("count-bias", seed), LIMITS) for seed in SEEDS}
    assert {seed for seed, one in said.items() if one is Effect.HELPS} == {"1", "2", "3"}


def test_what_was_measured_too_early_is_no_cure() -> None:
    assert effect(measured("none", "1", "20"), measured("adam-1e-4", "1", "20"), LIMITS) is Effect.NOTHING
    assert effect(measured("none", "1", "60"), measured("adam-1e-4", "1", "60"), LIMITS) is Effect.HELPS


def test_a_gap_a_little_below_zero_is_told_beside_the_cure() -> None:
    now = measured("adam-1e-4", "0")
    assert not sick(now, LIMITS)
    assert left(now, LIMITS) == ["the gap is -0.13, a little below zero"]


def test_scores_that_run_away_without_their_bound_moved_the_fault() -> None:
    before = measured("none", "0")
    now = Signs(80, "steps", empty=1.0, gradient=0.0, scores=1.6e6, gap=1.6e6)
    assert effect(before, now, LIMITS) is Effect.MOVES


def test_a_script_that_fails_is_broken_by_the_fix_whatever_its_signs() -> None:
    assert effect(measured("none", "0"), Signs(3, "crashed", empty=0.0, gradient=1.0), LIMITS) is Effect.BREAKS


def test_nothing_is_a_cure_of_what_was_well() -> None:
    well = measured("adam-1e-4", "0")
    assert effect(well, well, LIMITS) is Effect.NOTHING


def player(name: str, role: str) -> dict[str, object]:
    return {"name": name, "role": role, "class_name": name, "why": "", "sure": "high", "parameters": 9}


def pulled(real: float, fakes: float, generator: float, **more: object) -> Probe:
    """A probe in which three losses pulled so (the derivative of the loss to the score), on 8 steps each of 8 scores."""

    def pull(side: str, stepped: str, mean: float) -> dict[str, object]:
        ways = {"up": 64 * (mean < 0), "down": 64 * (mean > 0)}
        return {"network": stepped, "loss": None, "side": side, "calls": 8, "elements": 64, **ways}

    pulls = [pull("real", "D", real), pull("fake", "D", fakes), pull("fake", "G", generator)]
    told = {
        "command": [], "script": "", "folder": "", "python": "", "torch": "", "device": "", "mode": "default",
        "asked_steps": 8, "steps": 8, "rounds": 4, "ending": {"kind": "steps", "text": ""}, "timing": {"wall": 1.0},
        "pulls": pulls, "networks": [player("D", "critic"), player("G", "generator")], **more,
    }  # fmt: skip
    return msgspec.convert(told, Probe)


@pytest.mark.parametrize(
    ("pulls", "along"),
    [
        ((-1, 1, -1), ""), ((1, -1, 1), ""),  # the usual form, and its mirror
        ((1, -1, -1), "up"), ((-1, 1, 1), "down"),  # one loss of two is turned
        ((-0.9, -0.1, -1), ""),  # least squares at the start: both are pulled up to their targets
        ((-1, -0.99, -1), ""),  # the critic's loss tells nothing apart: not this fault
    ],
)  # fmt: skip
def test_a_wrong_sign_is_told_by_which_way_both_losses_pull(pulls: tuple[float, float, float], along: str) -> None:
    now = signs(pulled(*pulls))
    assert now.along == along
    assert ("along" in sick(now, LIMITS)) == bool(along)


def test_a_player_that_no_optimizer_holds_and_one_that_learns_nothing_alone_are_sick() -> None:
    network = {"name": "G", "role": "generator", "class_name": "G", "why": "", "sure": "high", "parameters": 9}
    stray = {"network": "G", "module": "", "parameters": 4, "optimizers": []}
    trial = {"name": "generator-alone", "steps": 20, "before": 10.0, "after": 10.0, "works": False}
    held = {"name": "opt", "class_name": "Adam", "line": None, "rates": [1e-3], "steps": 4, "parameters": 4}
    moves = {**held, "networks": {"G": 4}, "ratios": [1e-3, 1e-3]}
    rests = {**moves, "ratios": [1e-9, 1e-9]}
    now = signs(pulled(-1, 1, -1, networks=[network], strays=[stray], trials=[trial], optimizers=[moves]))
    assert list(sick(now, LIMITS).values()) == ["no optimizer holds G", "generator-alone on copies gets no better"]
    slow = signs(pulled(-1, 1, -1, networks=[network], trials=[trial], optimizers=[rests]))
    assert sick(slow, LIMITS) == {}  # a rate this small shows nothing in twenty steps, whatever the network is
    frozen = signs(pulled(-1, 1, -1, networks=[network], strays=[{**stray, "frozen": True}]))
    assert sick(frozen, LIMITS) == {}


def test_batchnorm_in_the_critic_is_sick_only_under_a_penalty_and_where_samples_mix() -> None:
    critic = {"name": "D", "role": "critic", "class_name": "D", "why": "", "sure": "high", "parameters": 9}
    line = {"file": "m.py", "line": 1}
    penalty = {"line": line, "function": "gp", "calls": 4, "ran": 4, "constant": 0, "graph": 4, "first": 1, "last": 1}
    norm = signs(pulled(-1, 1, -1, networks=[{**critic, "batch_norm": True}], penalties=[penalty]))
    assert "mixes" in sick(norm, LIMITS)
    assert sick(signs(pulled(-1, 1, -1, networks=[{**critic, "batch_norm": True}])), LIMITS) == {}
    talk = {"critic": "D", "change": 1e-7, "deviation": 1.0}
    apart = signs(pulled(-1, 1, -1, networks=[{**critic, "batch_norm": True}], penalties=[penalty], crosstalk=[talk]))
    assert sick(apart, LIMITS) == {}


def test_less_that_is_masked_helps_and_more_does_not() -> None:
    before = Signs(24, "steps", masked=20_000, made=2)
    assert effect(before, Signs(24, "steps", masked=700, made=1), LIMITS) is Effect.HELPS
    assert effect(before, Signs(24, "steps", masked=42_000, made=2), LIMITS) is Effect.NOTHING
    assert effect(before, Signs(24, "steps", made=1), LIMITS) is Effect.HELPS  # made, and nothing is masked any more
    assert effect(before, Signs(24, "steps"), LIMITS) is Effect.CURES


def test_a_squashed_score_that_keeps_its_size_has_not_burst() -> None:
    before = Signs(24, "steps", gradient=0.0, pinned=1.0, bound="tanh at m.py:30", size=1.0, scores=10.0)
    after = Signs(24, "steps", gradient=0.0, pinned=1.0, bound="tanh at m.py:35", size=1.0, scores=10.0)
    assert effect(before, after, LIMITS) is Effect.NOTHING


def test_a_root_that_begins_to_give_way_is_not_hidden() -> None:
    now = Signs(160, "steps", empty=0.969, gradient=0.0019, pinned=0.969, bound="clamp at model.py:98", size=1000.0)
    assert effect(measured("none", "1"), now, LIMITS) is Effect.HELPS
