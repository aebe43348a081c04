"""What a fix did, told by vital signs: the figures are those of fixtures/sick/fixes.json, measured without wganlint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wganlint.verify.policy import policy
from wganlint.verify.signs import Effect, Signs, effect, left, sick

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


def test_a_root_that_begins_to_give_way_is_not_hidden() -> None:
    now = Signs(160, "steps", empty=0.969, gradient=0.0019, pinned=0.969, bound="clamp at model.py:98", size=1000.0)
    assert effect(measured("none", "1"), now, LIMITS) is Effect.HELPS
