"""Every shipped run is analyzed and held to its `expect.toml`; the whole JSON and terminal text are snapshots."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from snapshot import compare

from wganlint import Report, analyze
from wganlint.render.concise import concise
from wganlint.render.full import full
from wganlint.render.markdown import markdown
from wganlint.render.report_json import as_json

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
CASES = sorted(path.parent.name for path in FIXTURES.glob("*/expect.toml"))
LEVELS = ("info", "low", "medium", "high", "critical")
REPORTS: dict[str, Report] = {}


def report(case: str) -> Report:
    if case not in REPORTS:
        here = Path.cwd()
        os.chdir(ROOT)  # the report shows the path as it was given
        try:
            REPORTS[case] = analyze(Path("fixtures") / case / "run")
        finally:
            os.chdir(here)
    return REPORTS[case]


def expected(case: str) -> dict[str, Any]:
    return tomllib.loads((FIXTURES / case / "expect.toml").read_text(encoding="utf-8"))


def findings(case: str) -> dict[str, dict[str, Any]]:
    found = json.loads(as_json(report(case)))["findings"]
    return {finding["code"]: finding for finding in found}


def test_every_fixture_says_what_it_expects() -> None:
    runs = sorted(path.parent.name for path in FIXTURES.glob("*/run"))
    assert runs == CASES
    assert len(runs) >= 12


@pytest.mark.parametrize("case", CASES)
def test_must(case: str) -> None:
    found = findings(case)
    verdicts = {verdict.code: verdict for verdict in report(case).verdicts}
    for must in expected(case).get("must", []):
        code = must["code"]
        if must.get("outcome"):
            assert verdicts[code].outcome == must["outcome"], verdicts[code]
            assert must["missing"] in " ".join(verdicts[code].missing)
            continue
        assert code in found, f"{code} was not found: {verdicts[code]}"
        finding = found[code]
        for key in ("severity", "confidence"):
            if key in must:
                assert finding[key] == must[key], (code, finding["title"], finding["because"])
        for text in must.get("says", []):
            assert text in f"{finding['title']} {finding['why']}", code
        if "line" in must:
            quotes = [e for e in finding["evidence"] if e["file"] == must["file"] and must["line"] in e["quote"]]
            assert quotes, (code, finding["evidence"])
            for quote in quotes:
                source = (FIXTURES / case / "run" / quote["file"]).read_text(encoding="utf-8").splitlines()
                assert source[quote["line"] - 1] == quote["quote"]
        if "hides" in must:
            assert any(must["hides"] in fix["hides"] and fix["effect"] == "hides" for fix in finding["fixes"])


@pytest.mark.parametrize("case", CASES)
def test_must_not(case: str) -> None:
    found = findings(case)
    for entry in expected(case).get("must-not", []):
        assert entry["code"] not in found, found[entry["code"]]["title"]
    quiet = expected(case).get("quiet_from")
    if quiet:
        loud = [
            f"{f['code']} {f['severity']}" for f in found.values() if LEVELS.index(f["severity"]) >= LEVELS.index(quiet)
        ]
        assert loud == []


@pytest.mark.parametrize("case", CASES)
def test_root_and_loop(case: str) -> None:
    wanted = expected(case)
    if "root" in wanted:
        assert [f["code"] for f in findings(case).values() if f["root"]] == [wanted["root"]]
        assert next(iter(findings(case))) == wanted["root"]
    if "loop" in wanted:
        loops = [[node.split(":")[1] for node in loop] for chain in report(case).chains for loop in chain.loops]
        assert wanted["loop"] in loops
        text = full(report(case), 100)
        assert "back to the top" in text


@pytest.mark.parametrize("case", CASES)
def test_nothing_untrue_is_said(case: str) -> None:
    for text in (full(report(case), 100), markdown(report(case)), concise(report(case))):
        for never in expected(case)["never"]:
            assert never.lower() not in text.lower()


@pytest.mark.parametrize("case", CASES)
def test_what_is_cured_and_what_is_dead_agrees_with_the_measured_truth(case: str) -> None:
    """The maker counted empty fakes with instruments of its own: a dead run must not be called fine."""
    truth = json.loads((FIXTURES / case / "truth.json").read_text(encoding="utf-8"))
    if truth.get("fake_empty_share_last") != 1.0:
        return
    verdict = next(v for v in report(case).verdicts if v.code == "DAT004")
    assert verdict.outcome in ("fired", "could-not-tell")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [80, 120])
def test_terminal_snapshot(case: str, width: int) -> None:
    compare(full(report(case), width), FIXTURES / case / f"report-{width}.txt")


@pytest.mark.parametrize("case", CASES)
def test_json_snapshot(case: str) -> None:
    compare(as_json(report(case)), FIXTURES / case / "report.json")


def test_the_order_of_fixes_starts_at_the_root_and_ends_with_what_hides() -> None:
    fixes = sorted((fix["rank"], fix["effect"], f["code"]) for f in findings("sick").values() for fix in f["fixes"])
    assert fixes[0][1:] == ("cures", "DAT004")
    assert fixes[-1][1] == "hides"
    ranks = {fix["rank"]: fix for f in findings("sick").values() for fix in f["fixes"]}
    for rank, fix in ranks.items():
        for other in fix["conflicts"]:
            assert rank in ranks[other]["conflicts"]
