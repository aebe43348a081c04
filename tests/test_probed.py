"""What rules make of a probe: committed measurements of the planted programs, as `wganlint probe` wrote them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_planted import CASES, DECLARED, LEVELS, MAKE, MASKED, PROBE, expected

from wganlint import Finding, Report, analyze
from wganlint.errors import InputError
from wganlint.read.probed import read_probe

SICK = [name for name in CASES if DECLARED[name].get("edit")]
NO_LINE = {"batchnorm-critic"}  # a probe knows that the critic holds the layer, not the line that made it
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="the programs need torch")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Analyze each run with its probe beside it, as `wganlint probe` leaves it."""
    folder, found, here = tmp_path_factory.mktemp("probed"), {}, Path.cwd()
    for case in CASES:
        shutil.copytree(PROBE / case / "run", folder / case)
        shutil.copy(PROBE / case / "probe.json", folder / case)
        os.chdir(folder / case)
        try:
            found[case] = analyze(Path())
        finally:
            os.chdir(here)
    return found


def line_of(case: str) -> set[str]:
    """Return the right answers of a case, as `file.py:12`."""
    probe = expected(case)["probe"]
    lines = (PROBE / case / "run" / "src" / probe["origin_file"]).read_text(encoding="utf-8").splitlines()
    texts = [probe["origin_line"], *([probe["also"]] if "also" in probe else [])]
    return {
        f"{probe['origin_file']}:{number}"
        for number, line in enumerate(lines, 1)
        if any(text.partition("\n")[0] in line for text in texts)
    }


def named(finding: Finding) -> set[str]:
    """Return the lines that a finding names."""
    places = [finding.place, *(evidence.place for evidence in finding.evidence)]
    return {f"{place.file.rsplit('/', 1)[-1]}:{place.line}" for place in places if place is not None}


def masking(report: Report) -> Finding:
    return next(finding for finding in report.findings if finding.code == "NUM002")


@pytest.mark.parametrize("case", [name for name in CASES if name not in SICK])
def test_healthy_twins_get_no_warning_with_a_probe(case: str, reports: dict[str, Report]) -> None:
    loud = [f"{f.code} {f.title}" for f in reports[case].findings if str(f.severity) in LEVELS[2:]]
    assert loud == []


@pytest.mark.parametrize("case", [name for name in SICK if name not in NO_LINE])
def test_the_planted_line_is_named(case: str, reports: dict[str, Report]) -> None:
    loud = [f for f in reports[case].findings if str(f.severity) in LEVELS[2:]]
    assert any(named(finding) & line_of(case) for finding in loud), {f.code: named(f) for f in loud}


def test_a_batch_normalized_critic_is_told(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["batchnorm-critic"].findings if f.code == "GP002")
    assert str(finding.confidence) == "high"


@pytest.mark.parametrize("case", MASKED)
def test_masked_elements_are_counted_exactly(case: str, reports: dict[str, Report]) -> None:
    if DECLARED[case].get("rounding"):
        pytest.skip("its counts hang on the last bit of floats")
    assert f"{expected(case)['probe']['count']:,} of 121,160 elements" in masking(reports[case]).title


def test_the_operation_and_its_line_are_named(reports: dict[str, Report]) -> None:
    """At least nine of ten."""
    right = []
    for case in MASKED:
        finding, op = masking(reports[case]), expected(case)["probe"]["op"]
        place = finding.place
        assert place is not None
        here = f"{place.file.rsplit('/', 1)[-1]}:{place.line}"
        right.append(here in line_of(case) and f"made by `{op}` at {here}" in finding.title)
    assert sum(right) >= 0.9 * len(MASKED), dict(zip(MASKED, right, strict=True))


@pytest.mark.parametrize("case", MASKED)
def test_what_was_counted_is_no_longer_assumed(case: str, reports: dict[str, Report]) -> None:
    assert not [one.text for one in masking(reports[case]).statements if str(one.standing) == "assumed"]
    assert str(masking(reports[case]).confidence) == "high"


def test_masking_that_masks_nothing_is_information(reports: dict[str, Report]) -> None:
    finding = masking(reports["showers-healthy"])
    assert str(finding.severity) == "info"
    assert "nothing was masked in 20 probed steps" in finding.title


def test_what_makes_the_nan_of_the_log_is_named(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["float16-overflow"].findings if f.code == "NUM001")
    assert any("`linear`" in statement.text for statement in finding.statements)


def test_a_squashed_score_is_counted(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["tanh-saturated"].findings if f.code == "SAT005")
    assert "1,152 of 1,280 fake scores (90 %)" in " ".join(statement.text for statement in finding.statements)


def test_a_log_that_shows_what_the_probe_does_not_is_told_so(tmp_path: Path) -> None:
    """A healthy probe beside a pinned log: the finding stays, and says that the probe does not show it."""
    bound = (
        '{"line": {"file": "model.py", "line": 9, "text": "torch.clamp(s, -1000, 1000)"}, "op": "clamp", "low": -1000.0,'
        ' "high": 1000.0, "score": true, "sides": [{"side": "fake", "calls": 5, "elements": 640, "hit": 0,'
        ' "first_elements": 128, "first_hit": 0, "first_step": 1, "last_elements": 128, "last_hit": 0, "last_step": 9}]}'
    )
    from wganlint.trial import probe_file

    (tmp_path / "probe.json").write_bytes(probe_file(f'{{"bounds": [{bound}]}}'))
    lines = [f"step={n}0 c_loss=-1000.0002 g_loss=1000.0000" for n in range(1, 21)]
    (tmp_path / "train.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    finding = next(f for f in analyze(tmp_path).findings if f.code == "SAT001")
    assert any("The probe does not show it" in statement.text for statement in finding.statements)
    assert str(finding.severity) == "critical"


NEW = {"pulls", "uses", "varieties", "scalers", "printed", "first_rates", "bases", "kept", "half", "twice"}


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(part, names) for key, part in value.items() if key not in names}
    return [without(part, names) for part in value] if isinstance(value, list) else value


def test_a_file_without_the_later_measurements_is_read() -> None:
    data = json.loads((PROBE / "wrong-sign" / "probe.json").read_bytes())
    assert data["pulls"]
    assert data["optimizers"][0]["first_rates"]
    old = without(data, NEW)
    for one in old["optimizers"]:
        del one["constant"]
    probe = read_probe(json.dumps(old).encode(), "probe.json")
    assert (probe.pulls, probe.uses, probe.optimizers[0].constant) == ((), (), None)
    assert probe.optimizers[0].steps == data["optimizers"][0]["steps"]


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("pulls", {"up": 10**9}), ("pulls", {"down": -1}), ("pulls", {"side": "left"}), ("uses", {"changed": 10**9}),
        ("uses", {"repeated": -2}), ("varieties", {"alike": 65}), ("crosstalk", {"kept": 65}),
    ],
)  # fmt: skip
def test_counts_that_no_probe_can_have_measured_are_refused(part: str, change: dict[str, Any]) -> None:
    data = json.loads((PROBE / "wrong-sign" / "probe.json").read_bytes())
    data[part][0] |= change
    with pytest.raises(InputError, match="not what a probe measures"):
        read_probe(json.dumps(data).encode(), "probe.json")


def test_a_wrong_sign_is_settled_by_the_gradient_at_the_scores(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["wrong-sign"].findings if f.code == "GAN005")
    assert (str(finding.severity), str(finding.confidence)) == ("high", "high")
    text = " ".join(statement.text for statement in finding.statements)
    assert "raises all 896 scores of fakes and lowers all 896 of reals" in text
    assert not [one for one in finding.statements if str(one.standing) == "assumed"]


def test_what_batch_normalization_lets_through_is_measured(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["batchnorm-critic"].findings if f.code == "GP002")
    text = " ".join(statement.text for statement in finding.statements)
    assert "The first layer that lets it through is 3 (BatchNorm1d)" in text


def test_gradients_that_pass_a_guard_are_counted(reports: dict[str, Report]) -> None:
    text = " ".join(statement.text for statement in masking(reports["masked-penalty-backward"]).statements)
    assert "2,880 of " in text
    assert "elements of the gradients that came back to them were not finite" in text


def test_steps_that_the_scaler_left_out_are_counted(reports: dict[str, Report]) -> None:
    finding = next(f for f in reports["float16-overflow"].findings if f.code == "NUM005")
    assert str(finding.severity) == "medium"
    assert "left out 20 of 20 steps of nets.opt_D" in finding.title


@needs_torch
def test_the_maker_probes_the_committed_measurements_again() -> None:
    done = subprocess.run(
        [sys.executable, str(MAKE / "probes.py"), "--check", "masked-empty-layer", "no-create-graph"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
