"""Is a fix that helps settled, or would more steps tell more? Figures: fixtures/sick/fixes.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wganlint.verify.policy import policy
from wganlint.verify.signs import Effect, Signs
from wganlint.verify.trend import awake, open_at_first, trend

FIXES = json.loads((Path(__file__).parents[2] / "fixtures/sick/fixes.json").read_text(encoding="utf-8"))
BOOK = policy()


def measured(fix: str, seed: str, step: str) -> Signs:
    share = FIXES["runs"][fix][seed][step]["fake_empty_share"]
    return Signs(4 * int(step), "steps", empty=share, gradient=0.1)


def share(steps: int, empty: float) -> Signs:
    return Signs(steps, "steps", empty=empty, gradient=0.1)


def test_a_share_that_still_falls_is_not_settled_and_tells_the_steps() -> None:
    found = trend(share(240, 0.99), share(840, 0.39), BOOK.vital)
    assert found is not None
    assert found.moving
    assert found.steps == 1300  # 840 + 0.39 * 600 / 0.6 = 1230, rounded up
    assert "empty 99.0 % at 240 steps, 39.0 % at 840" in found.text


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_count_head_that_helps_is_settled_as_it_is(seed: str) -> None:
    found = trend(measured("count-bias", seed, "60"), measured("count-bias", seed, "200"), BOOK.vital)
    assert found is not None
    assert not found.moving
    assert found.steps is None
    assert found.text.startswith("settled as it is: empty")


def test_what_is_well_has_no_trend() -> None:
    assert trend(share(240, 0.5), share(840, 0.0), BOOK.vital) is None


def test_a_fix_that_only_wakes_the_weights_is_left_open_by_a_short_run() -> None:
    before = Signs(40, "steps", empty=1.0, gradient=0.0, ratios={"opt_c": 2e-7})
    after = Signs(40, "steps", empty=1.0, gradient=0.0, ratios={"opt_c": 1e-3})
    assert "2.0e-07 -> 1.0e-03" in awake(before, after, BOOK)
    assert open_at_first(Effect.NOTHING, before, after, BOOK)
    assert not open_at_first(Effect.NOTHING, before, before, BOOK)
    assert open_at_first(Effect.HELPS, before, before, BOOK)
    assert not open_at_first(Effect.CURES, before, after, BOOK)
