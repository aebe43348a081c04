"""Each fix says how to see that it worked, and a machine can look: met, not met, or cannot tell."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace

from wganlint import analyze
from wganlint.analysis import load_runs
from wganlint.engine import check_outcome
from wganlint.finding import Check
from wganlint.run import Run

FIXTURES = Path(__file__).parents[1] / "fixtures"


@cache
def run(case: str) -> Run:
    return load_runs(FIXTURES / case / "run")[0]


@cache
def check(code: str, title: str) -> Check:
    found = next(f for f in analyze(FIXTURES / "sick" / "run").findings if f.code == code)
    return next(fix.check for fix in found.fixes if fix.title.startswith(title))


@pytest.mark.parametrize(
    ("code", "title", "case", "outcome"),
    [
        ("SAT002", "Look at one batch", "sick", "not met"),
        ("SAT002", "Look at one batch", "fix-xavier", "not met"),
        ("SAT002", "Look at one batch", "healthy-twin", "met"),
        ("DAT004", "Start the count head", "sick", "not met"),
        ("DAT004", "Start the count head", "fix-layernorm", "cannot tell"),
        ("DAT004", "Start the count head", "healthy-twin", "met"),
        ("DAT004", "Start the count head", "short", "not met"),
        ("ARC003", "Put a LayerNorm", "fix-layernorm", "cannot tell"),
        ("SAT004", "Remove the hard clamp", "fix-tanh", "not met"),
        ("OPT007", "Cure the adversarial path", "healthy-twin", "met"),
    ],
)
def test_checks_of_the_sick_run_on_other_runs(code: str, title: str, case: str, outcome: str) -> None:
    result, missing = check_outcome(check(code, title), run(case))
    assert result == outcome, missing
    if outcome == "cannot tell":
        assert missing and all(missing)


def test_a_reasonable_loss_is_not_recovery() -> None:
    """LayerNorm lets the loss leave the bound, and the check that counts still does not hold."""
    assert check_outcome(check("SAT002", "Look at one batch"), run("fix-layernorm"))[0] == "met"
    assert check_outcome(check("DAT004", "Start the count head"), run("fix-layernorm"))[0] == "cannot tell"


def test_a_run_that_is_too_short_cannot_tell(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("".join(f"step={n} c_loss=-1.{n} g_loss=0.{n}\n" for n in range(1, 6)))
    result, missing = check_outcome(check("SAT002", "Look at one batch"), load_runs(tmp_path)[0])
    assert result == "cannot tell"
    assert missing


CASES = sorted(path.parent.name for path in FIXTURES.glob("*/run"))


@pytest.mark.parametrize("case", CASES)
def test_no_cure_is_met_by_the_run_that_needs_it(case: str) -> None:
    """A check that already holds on the run that fired could not tell whether its fix worked."""
    for found in analyze(FIXTURES / case / "run").findings:
        for fix in found.fixes:
            if fix.effect in ("cures", "hides") and found.severity >= 2:
                outcome, _ = check_outcome(fix.check, run(case))
                assert outcome != "met", (found.code, fix.title)


def log(path: Path, count: int, bad: int = -1) -> Run:
    lines = (f"step={n} c_loss={'nan' if n == bad else f'-1.{n % 7}'} g_loss=0.{n % 5}\n" for n in range(count))
    (path / "train.log").write_text("".join(lines))
    return load_runs(path)[0]


FINITE = Check("No loss is NaN.", {"bad": {"detector": "nonfinite"}}, "not bad", "200 points")


@pytest.mark.parametrize(
    ("count", "bad", "within", "outcome", "missing"),
    [
        (25, -1, "200 points", "cannot tell", "a run of at least 200 points"),
        (25, 7, "200 points", "not met", ""),
        (200, -1, "200 points", "met", ""),
        (25, -1, "50 points", "met", ""),
        (25, -1, "25 steps", "cannot tell", "a run of at least 25 steps"),
        (26, -1, "25 steps", "met", ""),
        (21_000, 117, "200 points", "not met", ""),  # each of the first records is looked at, however long the log
        (21_000, 117, "200 steps", "not met", ""),
        (21_000, 300, "200 steps", "met", ""),
        (21_000, -1, "2000 points", "cannot tell", "all of the first 2000 points"),
    ],
)
def test_a_check_holds_only_on_all_of_its_span(
    tmp_path: Path, count: int, bad: int, within: str, outcome: str, missing: str
) -> None:
    result, lacking = check_outcome(replace(FINITE, within=within), log(tmp_path, count, bad))
    assert result == outcome, lacking
    assert missing in " ".join(lacking)
    assert bool(lacking) == (outcome == "cannot tell")
