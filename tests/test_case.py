"""The reference case: what is true of those runs is said, and what the commissioned analysis got wrong is not."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from shared_data import CASE, needs_case

from wganlint import Report, analyze
from wganlint.finding import Finding
from wganlint.render.full import full
from wganlint.render.markdown import markdown
from wganlint.render.report_json import as_json

pytestmark = needs_case
UNTRUE = ("nan gradient", "nan/inf grad", "gradients are nan", "explod", "100x", "real side is at the bound")


@cache
def report(name: str) -> Report:
    return analyze(CASE / name)


def finding(name: str, code: str) -> Finding:
    return next(f for f in report(name).findings if f.code == code)


def codes(name: str) -> list[str]:
    return [f.code for f in report(name).findings]


def formulas(found: Finding) -> str:
    return " | ".join(f"{e.quote} ({e.label})" for e in found.evidence if e.kind == "formula")


def test_the_sick_run_is_told_as_it_is() -> None:
    assert codes("sick")[:2] == ["SAT002", "SAT001"]
    pinned, side = finding("sick", "SAT001"), finding("sick", "SAT002")
    assert side.root
    assert str(pinned.severity) == "critical"
    assert [e.place.line for e in pinned.evidence if e.place][:2] == [288, 307]
    assert "only the fake side" in side.title
    assert "the generator's samples are the first thing to check" in side.why


def test_the_real_side_is_derived_with_its_formula_and_its_rounding() -> None:
    side = finding("sick", "SAT002")
    shown = formulas(side)
    assert "mean(real) - penalty = -g_loss - c_loss = -1000.0000 - (-1000.0048) = 0.0048" in shown
    assert "0.0048 on 11 of 20 records, 0.0049 on the other 9" in shown
    assert "+-0.0001" in shown
    assert "mean(real) = mean(fake) + w_gap" in shown
    assert "mean(real) = 0.0048 and the penalty in the logged loss is 0.0000" in side.why
    assumed = [s for s in side.statements if s.standing == "assumed"]
    assert any("Under the mirrored one both signs flip" in s.text and s.settle for s in assumed)


def test_what_learns_and_what_keeps_the_cycle() -> None:
    assert "0.4409 -> 0.3696" in finding("sick", "OPT007").title
    rate = finding("sick", "OPT002")
    assert (str(rate.severity), str(rate.confidence), rate.root) == ("medium", "low", False)
    assert "2e-05" in rate.why
    assert "10x below" in rate.why and "do not compare" in rate.why
    assert rate.place is not None and rate.place.line == 6
    (chain,) = report("sick").chains
    kept = [(e.source.split(":")[1], e.target.split(":")[1]) for e in chain.edges if e.how == "keeps-alive"]
    assert ("OPT002", "SAT001") in kept


def test_the_logged_loss_carries_no_penalty() -> None:
    found = finding("sick", "GP004")
    assert str(found.severity) == "info"
    assert "-w_gap on 100 % of 20 records" in found.title


def test_masking_is_no_proof_of_nan() -> None:
    found = finding("sick-profile", "NUM002")
    assert str(found.severity) == "medium"
    assert "11 times per step" in found.title
    assert "does not say that any value was NaN" in found.why
    assert "step 1/4" in found.why
    assert any("NanToNumBackward0" in e.quote and e.place and e.place.line == 98 for e in found.evidence)
    assert str(finding("sick-profile", "SAT001").confidence) == "medium"


def test_a_table_that_is_cut_could_not_tell() -> None:
    verdict = next(v for v in report("sick").verdicts if v.code == "NUM002")
    assert verdict.outcome == "could-not-tell"
    assert "row_limit" in " ".join(verdict.missing)


def test_device_time_is_the_cuda_total() -> None:
    found = finding("cuda-shaped", "NUM002")
    assert "11 times per step" in found.title
    assert "CUDA total" in found.why
    assert "2.571ms to 2.897ms" in found.why
    assert "34.819ms" not in found.why


def test_the_fixed_run_is_left_in_peace() -> None:
    loud = [f"{f.code} {f.severity}" for f in report("fixed").findings if f.severity >= 1]
    assert loud == []
    assert not {"SAT001", "SAT002", "NUM001", "DAT004", "OPT001"} & set(codes("fixed"))


def test_four_runs_and_no_restart() -> None:
    whole = report(".")
    assert [run.id for run in whole.runs] == ["cuda-shaped", "fixed", "sick", "sick-profile"]
    assert not any("restart" in text.lower() for run in whole.runs for text, _ in run.notes)


@pytest.mark.parametrize("name", ["sick", "sick-profile", "fixed", "cuda-shaped"])
def test_nothing_untrue_is_said(name: str) -> None:
    for text in (full(report(name), 100), markdown(report(name)), as_json(report(name))):
        for untrue in UNTRUE:
            assert untrue not in text.lower()


@pytest.mark.parametrize("name", ["sick", "sick-profile", "fixed", "cuda-shaped"])
def test_every_quote_stands_where_it_is_said_to_stand(name: str) -> None:
    data: dict[str, Any] = json.loads(as_json(report(name)))
    checked = 0
    for found in data["findings"]:
        for evidence in found["evidence"]:
            if evidence["standing"] != "observed" or evidence["line"] is None or evidence["kind"] == "table":
                continue
            line = (CASE / name / evidence["file"]).read_text(encoding="utf-8").split("\n")[evidence["line"] - 1]
            assert evidence["quote"].strip() == line.strip()
            checked += 1
    assert checked > 0
