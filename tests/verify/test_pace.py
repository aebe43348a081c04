"""Limits of runs and time: what is begun, what is told before and after, and what a stop leaves."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("libcst") is None:
    pytest.skip("LibCST is not installed (pip install 'wganlint[probe]')", allow_module_level=True)

import sys

from wganlint.finding import Check
from wganlint.probe.command import command_of
from wganlint.probe.probing import Options
from wganlint.probe.syntax import Spot
from wganlint.verify.account import Verified, told
from wganlint.verify.candidates import Candidate, applied
from wganlint.verify.pace import Pace, Spent, in_words
from wganlint.verify.policy import policy
from wganlint.verify.signs import Effect, Signs
from wganlint.verify.trying import Bench, Result, alone, smallest

TEXT = "def f(s):\n" + "".join(f"    s = s.clamp(-{line}, {line})\n" for line in range(2, 6)) + "    return s\n"
SICK = Signs(8, "steps", empty=1.0, gradient=0.0)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Shown:
    """Keeps what somebody would have seen."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float | None, float | None]] = []
        self.lines: list[str] = []

    def begin(self, doing: str, expected: float | None, after: float | None) -> None:
        self.begun.append((doing, expected, after))

    def end(self) -> None:
        pass

    def line(self, text: str) -> None:
        self.lines.append(text)


class Timed(Bench):
    """A bench whose runs take ten seconds of a clock; `stop_at`: somebody presses Ctrl-C in this run."""

    stop_at: int = 0

    def base(self, seed: int | None, steps: int) -> Signs:
        return SICK

    def _compared(self, changes: Mapping[str, str], seed: int | None, steps: int, check: Check | None) -> Result:
        with self.pace.run(steps):
            self.pace.clock.now += 10.0  # type: ignore[attr-defined]
            if self.pace.runs + 1 == self.stop_at:
                raise KeyboardInterrupt
        return Result(Effect.NOTHING, SICK, steps)


def bench(most: int = 100, seconds: float = 1000, stop_at: int = 0) -> Timed:
    pace = Pace(most, seconds, Shown(), Clock())
    return Timed(
        command_of([sys.executable, __file__]), Path(), Options(steps=8), policy(), {"m.py": TEXT},
        lambda got, changes: None, pace, stop_at=stop_at,
    )  # fmt: skip


def found() -> list[Candidate]:
    plans = {line: [("remove-clamp", Spot("m.py", line))] for line in range(2, 6)}
    return [
        Candidate(f"fix {line}", "SAT001", "remove-clamp", line, plan, changes=applied(plan, {"m.py": TEXT}))
        for line, plan in plans.items()
    ]  # fmt: skip


def test_at_the_limit_of_runs_what_was_measured_is_kept_and_the_rest_is_known() -> None:
    tried = bench(most=5)
    trials = alone(tried, found(), [0, 1])
    assert [(one.candidate.title, list(one.results)) for one in trials] == [
        ("fix 2", [0, 1]),
        ("fix 3", [0, 1]),
        ("fix 4", [0]),
    ]
    assert tried.pace.why == "the limit of 5 runs was met (--most-runs)"
    assert smallest(tried, trials, [0, 1]) == []
    assert tried.runs == 5


def test_no_run_is_begun_that_would_end_after_the_limit() -> None:
    tried = bench(seconds=35)
    alone(tried, found(), [0, 1])
    assert tried.runs == 3  # a fourth would end after 40 s
    assert "the limit of 35 s was met (--minutes)" in tried.pace.why


def test_ctrl_c_keeps_what_was_measured_before() -> None:
    tried = bench(stop_at=3)
    trials = alone(tried, found(), [0])
    assert [one.candidate.title for one in trials] == ["fix 2", "fix 3"]
    assert tried.pace.stopped
    with pytest.raises(Spent), tried.pace.run(8):
        pass


def test_the_account_says_what_a_limit_left_out() -> None:
    tried = bench(most=3)
    trials = alone(tried, found(), [0, 1])
    text = told(
        Verified(("python",), 8, {0: SICK, 1: SICK}, tuple(trials), (), (), 3, tried.texts, (), tried.pace.why),
        policy(),
    )
    assert "not all was tried: the limit of 3 runs was met (--most-runs)" in text
    assert "not measured under 1 of 2 seeds" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_shows_which_it_is_and_what_is_left() -> None:
    tried = bench()
    alone(tried, found(), [0])
    shown = tried.pace.show
    assert isinstance(shown, Shown)
    assert shown.begun[0] == ("1 of 4: fix 2", None, None)
    assert shown.begun[1] == ("2 of 4: fix 3", 10.0, 20.0)
    assert shown.begun[3] == ("4 of 4: fix 5", 10.0, 0)
    assert shown.lines[0] == "nothing  fix 2"


def test_a_longer_run_is_expected_to_take_longer() -> None:
    tried = bench()
    alone(tried, found()[:1], [0])
    assert tried.pace.expected(8) == 10
    assert tried.pace.expected(28) == 35


@pytest.mark.parametrize(
    ("seconds", "words"), [(12, "12 s"), (89, "89 s"), (180, "3 min"), (5400, "1 h 30 min"), (7200, "2 h")]
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
