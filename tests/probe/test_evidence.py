"""What a probe measured of the reference fault, in the report: every figure held against the independent count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from programs import Done
from test_reference import line_of, truth

from wganlint import Finding, Report, analyze


def findings(folder: Path) -> dict[str, Finding]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        report: Report = analyze(Path())
    finally:
        os.chdir(here)
    return {finding.code: finding for finding in report.findings}


@pytest.fixture(scope="module")
def told(sick: Done) -> dict[str, Finding]:
    return findings(sick.folder)


def text(finding: Finding) -> str:
    return " ".join([finding.title, *(statement.text for statement in finding.statements)])


def assumed(finding: Finding) -> list[str]:
    return [str(one.text) for one in finding.statements if str(one.standing) == "assumed"]


def test_all_generated_samples_are_empty(told: dict[str, Finding]) -> None:
    known, finding = truth("sick"), told["DAT004"]
    assert (str(finding.severity), str(finding.confidence)) == ("critical", "high")
    calls, size = 15, 256  # two critic steps and one of the generator a round, five rounds
    assert known["fake_empty_share_first"] == 1.0
    assert f"{calls * size:,} of {calls * size:,} generated samples as empty" in text(finding)
    assert "256 of 256 at the first call, 256 of 256 at the last" in text(finding)
    assert f"{calls * size:,} of {calls * size:,} groups of the fake side have no member" in text(finding)
    assert "0 of 2,560 of the real side" in text(finding)
    assert "keeps the value -1e+09" in text(finding)
    assert assumed(finding) == []


def test_the_fill_value_reaches_the_critic(told: dict[str, Finding]) -> None:
    finding, line = told["SAT006"], line_of("sick", "torch.full(")
    assert f"written by `full` at model.py:{line}" in text(finding)
    assert "245,760 of 261,120 elements that entered critic.decision_net.0 on the fake side" in text(finding)
    assert finding.place is not None
    assert finding.place.line == line
    assert str(finding.confidence) == "high"
    assert assumed(finding) == []


def test_the_clamp_holds_every_fake_and_no_real_score(told: dict[str, Finding]) -> None:
    known, line = truth("sick"), line_of("sick", "return torch.clamp(score")
    assert (known["fake_at_bound_share_first"], known["real_at_bound_share_first"]) == (1.0, 0.0)
    for code in ("SAT002", "SAT004"):
        shown = text(told[code])
        assert "3,840 of 3,840 fake scores (100 %)" in shown, code
        assert "0 of 2,560 real scores (0 %)" in shown, code
        assert f"model.py:{line}" in shown
        assert str(told[code].confidence) == "high"
    assert "holds 3,840 of 3,840 fake scores at its bound and 0 of 2,560 real ones" in text(told["SAT001"])
    assert told["SAT002"].place is not None
    assert told["SAT002"].place.line == line


def test_the_generators_gradient_is_exactly_zero_and_the_dead_module_is_listed(told: dict[str, Finding]) -> None:
    assert truth("sick")["generator_grad_norm_max"] == 0.0
    line = line_of("sick", "loss.backward()", "train.py")
    for code in ("GAN011", "OPT007"):
        finding = told[code]
        assert "exactly zero" in finding.title
        assert "No loss at all moves generator.point_net." in text(finding)
        assert finding.place is not None
        assert finding.place.file.endswith("train.py")
        assert finding.place.line is not None
        assert finding.place.line > line  # the second backward of the file: the generator's


def test_the_penalty_never_ran(told: dict[str, Finding]) -> None:
    assert told["GP004"].title.startswith("the penalty never ran: gradient_penalty was called 5 times in 20")
    assert "took a gradient 0 times and gave a constant 5 times" in text(told["GP005"])
    assert str(told["GP004"].confidence) == str(told["GP005"].confidence) == "high"


def test_nothing_was_masked_so_masking_hides_nothing(told: dict[str, Finding]) -> None:
    known, finding = truth("sick"), told["NUM002"]
    elements = known["nan_to_num_elements"] // known["steps"] * 5
    assert f"Nothing was masked: 0 of {elements:,} elements" in text(finding)
    assert known["nan_to_num_nonfinite"] == 0
    assert str(finding.severity) == "info"
    assert assumed(finding) == []


def test_the_rate_is_judged_by_its_effect(told: dict[str, Finding], sick: Done) -> None:
    critic = next(one for one in sick.probe.optimizers if one.name == "opt_critic")
    assert critic.ratio is not None
    assert f"{critic.ratio:.3g}" in told["OPT002"].title
    assert str(told["OPT002"].confidence) == "high"
    assert not any("too small for this run" in one for one in assumed(told["OPT002"]))


def test_the_root_is_still_the_empty_sample(told: dict[str, Finding]) -> None:
    assert told["DAT004"].root
    assert told["GAN011"].caused_by
    assert told["SAT004"].id not in told["GAN011"].caused_by


def test_half_empty_is_told_with_its_share(half: Done) -> None:
    finding, known = findings(half.folder)["DAT004"], truth("half-empty")
    first = round(known["fake_empty_share_first"] * 256)
    assert f"{first} of 256 at the first call" in text(finding)
    assert "GAN011" not in findings(half.folder)
