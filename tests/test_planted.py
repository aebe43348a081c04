"""Small programs with one planted fault each: what their log and source carry, and what a probe must find in them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from wganlint import Report, analyze

ROOT = Path(__file__).parents[1]
MAKE = ROOT / "fixtures" / "make"
PROBE = ROOT / "fixtures" / "probe"
DECLARED: dict[str, Any] = tomllib.loads((MAKE / "planted.toml").read_text(encoding="utf-8"))["case"]
CASES = sorted(DECLARED)
MASKED = [name for name in CASES if name.startswith("masked-")]
LEVELS = ("info", "low", "medium", "high", "critical")
REPORTS: dict[str, Report] = {}
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the programs need torch")


def report(case: str) -> Report:
    if case not in REPORTS:
        here = Path.cwd()
        os.chdir(PROBE / case)
        try:
            REPORTS[case] = analyze(Path("run"))
        finally:
            os.chdir(here)
    return REPORTS[case]


def expected(case: str) -> dict[str, Any]:
    return tomllib.loads((PROBE / case / "expect.toml").read_text(encoding="utf-8"))


def truth(case: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PROBE / case / "truth.json").read_text(encoding="utf-8"))
    return loaded


def text_of(case: str, place: dict[str, Any]) -> str:
    source = (PROBE / case / "run" / "src" / place["file"]).read_text(encoding="utf-8").splitlines()
    return source[place["line"] - 1].strip()


def test_every_case_is_there() -> None:
    assert sorted(path.parent.name for path in PROBE.glob("*/expect.toml")) == CASES
    assert sorted(path.parent.name for path in PROBE.glob("*/run")) == CASES
    assert len(MASKED) >= 10


@pytest.mark.parametrize("case", CASES)
def test_log_and_source_give_what_is_expected(case: str) -> None:
    findings = {finding.code: finding for finding in report(case).findings}
    for must in expected(case).get("must", []):
        assert must["code"] in findings, (must["code"], sorted(findings))
        finding = findings[must["code"]]
        if "severity" in must:
            assert finding.severity.name.lower() == must["severity"], finding.title
        if "line" in must:
            quotes = [e.quote for e in finding.evidence if e.place is not None]
            assert any(must["line"] in quote for quote in quotes), quotes
    for entry in expected(case).get("must-not", []):
        assert entry["code"] not in findings, findings[entry["code"]].title


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_yet_told_is_listed(case: str) -> None:
    """Once it is told, it moves to `must`."""
    codes = {finding.code for finding in report(case).findings}
    assert not codes & set(expected(case).get("not-yet", []))


@pytest.mark.parametrize("case", [name for name in CASES if not DECLARED[name].get("edit")])
def test_healthy_twins_get_no_warning(case: str) -> None:
    loud = [f.code for f in report(case).findings if LEVELS.index(f.severity.name.lower()) >= LEVELS.index("medium")]
    assert loud == []
    assert all(mask["nonfinite"] == 0 for mask in truth(case)["masks"])


@pytest.mark.parametrize("case", [name for name in CASES if DECLARED[name].get("edit")])
def test_the_planted_line_is_in_the_source_once_and_not_in_the_twin(case: str) -> None:
    probe = expected(case)["probe"]
    twin = expected(case)["twin"]
    source = (PROBE / case / "run" / "src" / probe["origin_file"]).read_text(encoding="utf-8")
    before = (PROBE / twin / "run" / "src" / probe["origin_file"]).read_text(encoding="utf-8")
    assert source.count(probe["origin_line"]) == 1
    assert source != before
    assert DECLARED[twin]["base"] == DECLARED[case]["base"]


@pytest.mark.parametrize("case", MASKED)
def test_the_makers_instruments_found_the_planted_origin(case: str) -> None:
    probe, measured = expected(case)["probe"], truth(case)
    origin = measured["origin"]
    assert (origin["file"], origin["phase"]) == (probe["origin_file"], probe["phase"])
    if probe["origin_line"] in text_of(case, origin):
        assert origin["op"] == probe["op"]
    else:
        assert probe["also"] in text_of(case, origin)
    first = sum(sum(mask["steps"][: probe["optimizer_steps"]]) for mask in measured["masks"])
    assert first == probe["count"] > 0
    for mask in measured["masks"]:
        assert text_of(case, mask) == mask["text"]


@pytest.mark.parametrize(
    ("case", "sick", "well"),
    [
        ("no-create-graph", lambda t: t["slopes"]["with_graph"] == 0, lambda t: t["slopes"]["without_graph"] == 0),
        (
            "wrong-parameters",
            lambda t: [o["generator"] for o in t["optimizers"]] == [0, 0] and t["generator_moved"] == 0,
            lambda t: [o["generator"] for o in t["optimizers"]] == [0, 6] and t["generator_moved"] > 0,
        ),
        (
            "wrong-sign",
            lambda t: t["real_score_last"] < t["fake_score_last"] - 1,
            lambda t: t["real_score_last"] > t["fake_score_last"],
        ),
        ("batchnorm-critic", lambda t: t["cross_talk"] > 1e-4, lambda t: t["cross_talk"] == 0),
        (
            "detached-generator",
            lambda t: t["generator_moved"] == 0 and t["generator_grad_none_mean"] == 1,
            lambda t: t["generator_moved"] > 0 and t["generator_grad_none_mean"] == 0,
        ),
        (
            "tanh-saturated",
            lambda t: t["fake_at_bound_last"] == t["real_at_bound_last"] == 1 and t["generator_grad_norm_last"] == 0,
            lambda t: t["generator_grad_norm_last"] > 0,
        ),
        (
            "float16-overflow",
            lambda t: t["scaler"]["skipped"] >= 150 and t["scaler"]["lowest_scale"] < 1,
            lambda t: t["scaler"]["skipped"] == 0,
        ),
    ],
)
def test_the_measured_truth_is_the_planted_fault(case: str, sick: Any, well: Any) -> None:
    assert sick(truth(case))
    assert well(truth(expected(case)["twin"]))


@needs_torch
def test_the_maker_gives_the_committed_runs_again() -> None:
    """One case of each program, their first steps; counts that hang on rounding are left out."""
    wanted = ["masked-empty-layer", "masked-radius-backward", "no-create-graph", "tanh-saturated", "float16-overflow"]
    done = subprocess.run(
        [sys.executable, str(MAKE / "planted.py"), "--check", *wanted],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [f"{case}: the same" for case in wanted]


def test_the_table_of_single_fixes_says_which_cure() -> None:
    """Held against the ground truth of the reference case: empty fakes after the last step."""
    table = json.loads((ROOT / "fixtures" / "sick" / "fixes.json").read_text(encoding="utf-8"))
    last = str(table["steps"][-1])
    empty, other = table["seeds"]["all-empty"], table["seeds"]["not-all-empty"]
    assert (len(empty), len(other)) == (5, 3)

    def signs(fix: str, name: str, seeds: list[int]) -> list[float]:
        return [table["runs"][fix][str(seed)][last][name] for seed in seeds]

    start = [table["runs"]["none"][str(seed)]["1"]["fake_empty_share"] for seed in (*empty, *other)]
    assert [share == 1.0 for share in start] == [True] * 5 + [False] * 3
    for fix in ("none", "layernorm", "xavier", "tanh", "neutral-fill"):
        assert min(signs(fix, "fake_empty_share", empty)) > 0.95, fix
    for fix in ("layernorm", "neutral-fill"):
        assert max(signs(fix, "fake_at_bound_share", [*empty, *other])) == 0
    assert min(signs("tanh", "fake_at_bound_share", empty)) > 0.95
    assert table["bounds"]["tanh"] == 100
    assert max(signs("adam-1e-4", "fake_empty_share", [*empty, *other])) == 0
    assert max(signs("count-bias", "fake_empty_share", [*empty, *other])) < 0.3
    assert min(signs("count-bias", "generator_grad_norm", [*empty, *other])) > 0
