"""The smallest sets that work: single fixes where one cures, else what delta debugging leaves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("libcst") is None:
    pytest.skip("LibCST is not installed (pip install 'wganlint[probe]')", allow_module_level=True)

from wganlint.finding import Check
from wganlint.probe.command import command_of
from wganlint.probe.probing import Options
from wganlint.probe.syntax import Spot
from wganlint.verify.candidates import Candidate, applied
from wganlint.verify.pace import Pace
from wganlint.verify.policy import policy
from wganlint.verify.signs import Effect, Signs
from wganlint.verify.trying import Bench, Result, alone, smallest

TEXT = "def f(s):\n" + "".join(f"    s = s.clamp(-{line}, {line})\n" for line in range(2, 8)) + "    return s\n"


class Told(Bench):
    """A bench that cures when all lines that matter are changed, and breaks when a bad one is."""

    cure: frozenset[int] = frozenset()
    bad: int = 0

    def base(self, seed: int | None, steps: int) -> Signs:
        return Signs(8, "steps")

    def tried(self, changes: Mapping[str, str], seed: int | None, check: Check | None = None) -> Result:
        self.pace.runs += 1
        gone = {line for line in range(2, 8) if f"clamp(-{line}, {line})" not in changes["m.py"]}
        if self.bad in gone:
            return Result(Effect.BREAKS, Signs(0, "crashed"), 8)
        effect = Effect.CURES if self.cure <= gone else Effect.HIDES if gone & self.cure else Effect.NOTHING
        return Result(effect, Signs(8, "steps"), 8)


def bench(cure: set[int], bad: int = 0) -> Told:
    command = command_of([sys.executable, __file__])
    return Told(
        command, Path(), Options(), policy(), {"m.py": TEXT}, lambda got, changes: None, Pace(1000, 1000),
        cure=frozenset(cure), bad=bad,
    )  # fmt: skip


def found() -> list[Candidate]:
    plans = {line: [("remove-clamp", Spot("m.py", line))] for line in range(2, 8)}
    return [
        Candidate(f"fix {line}", "SAT001", "remove-clamp", line, plan, changes=applied(plan, {"m.py": TEXT}))
        for line, plan in plans.items()
    ]  # fmt: skip


def sets(cure: set[int], bad: int = 0) -> tuple[list[set[str]], Told]:
    tried = bench(cure, bad)
    some = smallest(tried, alone(tried, found(), [0, 1]), [0, 1])
    return [{one.title for one in each.members} for each in some], tried


def test_where_a_single_fix_cures_no_set_is_tried() -> None:
    some, tried = sets({4})
    assert some == [{"fix 4"}]
    assert tried.runs == 12  # six fixes under two seeds


@pytest.mark.parametrize("cure", [{2, 7}, {3, 4}, {2, 4, 6}])
def test_of_a_set_nothing_can_be_left_out(cure: set[int]) -> None:
    some, tried = sets(cure)
    assert some == [{f"fix {line}" for line in cure}]
    assert tried.runs <= 12 + 2 * policy().budget.sets


def test_what_breaks_the_script_is_in_no_set() -> None:
    some, _ = sets({2, 6}, bad=4)
    assert some == [{"fix 2", "fix 6"}]


def test_where_nothing_cures_no_set_is_recommended() -> None:
    some, _ = sets({2, 40})
    assert some == []
