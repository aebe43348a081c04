"""The same fault told from its log alone, its source alone, its profile alone, and all together.

Less evidence must not change the story, only how much of it can be told, how surely, and as what: what the log shows is
observed or derived; a cause that only the source knows is assumed without it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wganlint import analyze
from wganlint.evidence import Standing
from wganlint.finding import Confidence, Finding, Outcome, Report, Severity

RUN = Path(__file__).parent.parent / "fixtures" / "sick" / "run"
LOG = next((RUN / "logs_training").glob("*.out.log"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    folder = tmp_path_factory.mktemp("ablation")
    for name in ("log", "source", "profile", "both"):
        (folder / name).mkdir()
    shutil.copy(LOG, folder / "log")
    shutil.copytree(RUN / "training", folder / "source" / "training")
    shutil.copy(LOG, folder / "both")
    shutil.copytree(RUN / "training", folder / "both" / "training")
    (folder / "profile" / "profile.log").write_text(_table(LOG.read_text()))
    return {part.name: analyze(part) for part in folder.iterdir()} | {"all": analyze(RUN)}


def _table(text: str) -> str:
    """Return the first profiler table of a log, with its heading."""
    lines = text.split("\n")
    first = next(at for at, line in enumerate(lines) if "# of Calls" in line)
    last = next(at for at in range(first, len(lines)) if "time total" in lines[at])
    return "\n".join([*lines[first - 2 : last + 2], ""])


def _finding(report: Report, code: str) -> Finding:
    return next(finding for finding in report.findings if finding.code == code)


def _codes(report: Report, least: Severity = Severity.INFO) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity >= least}


def _roots(report: Report) -> set[str]:
    return {finding.code for finding in report.findings if finding.root}


def test_the_log_alone_tells_which_side_but_not_why(parts: dict[str, Report]) -> None:
    report = parts["log"]
    assert {"SAT001", "SAT002", "OPT007"} <= _codes(report, Severity.HIGH)
    assert _roots(report) == {"SAT002"}
    assert not {"DAT004", "SAT006", "SAT004", "ARC005"} & _codes(report)  # these need the source
    texts = [statement for statement in _finding(report, "SAT002").statements if statement.standing is Standing.ASSUMED]
    assert texts and all(statement.settle for statement in texts)


def test_the_source_alone_names_hazards_and_no_more(parts: dict[str, Report]) -> None:
    report = parts["source"]
    assert {"DAT004", "SAT006", "SAT004", "ARC005"} <= _codes(report)
    assert _codes(report, Severity.HIGH) == set()  # nothing was seen to happen
    assert _roots(report) == {"DAT004"}
    assert _finding(report, "DAT004").confidence is Confidence.LOW
    unsure = {verdict.code for verdict in report.verdicts if verdict.outcome is Outcome.COULD_NOT_TELL}
    assert {"SAT001", "OPT001", "OPT007"} <= unsure


def test_the_profile_alone_tells_of_masking_and_of_no_nan(parts: dict[str, Report]) -> None:
    report = parts["profile"]
    assert "NUM002" in _codes(report)
    assert _codes(report, Severity.MEDIUM) == set()
    finding = _finding(report, "NUM002")
    assert "11 times per step" in finding.title
    assert "SAT001" in {v.code for v in report.verdicts if v.outcome is Outcome.COULD_NOT_TELL}


def test_all_together_give_the_cause(parts: dict[str, Report]) -> None:
    report = parts["all"]
    assert _roots(report) == {"DAT004"}
    codes = {finding.id: finding.code for finding in report.findings}
    loops = [[codes[at] for at in loop] for chain in report.chains for loop in chain.loops]
    assert ["DAT004", "SAT006", "SAT002", "SAT001", "OPT007"] in loops
    assert not any(chain.loops for chain in parts["log"].chains + parts["source"].chains)
    assert _codes(parts["both"], Severity.MEDIUM) >= {"DAT004", "SAT006", "SAT002", "SAT001", "OPT007"}


@pytest.mark.parametrize(
    ("code", "less", "more"),
    [("SAT001", "log", "both"), ("SAT002", "log", "both"), ("DAT004", "source", "both"), ("SAT006", "source", "both")],
)
def test_confidence_does_not_fall_with_more_evidence(parts: dict[str, Report], code: str, less: str, more: str) -> None:
    one, two = _finding(parts[less], code), _finding(parts[more], code)
    assert two.confidence >= one.confidence and two.severity >= one.severity
    assert (two.confidence, two.severity) != (one.confidence, one.severity)
    assert two.because != one.because


def test_what_was_assumed_is_derived_once_the_source_is_there(parts: dict[str, Report]) -> None:
    def standings(name: str) -> list[Standing]:
        finding = _finding(parts[name], "SAT002")
        return [statement.standing for statement in finding.statements]

    assert standings("log").count(Standing.ASSUMED) > standings("both").count(Standing.ASSUMED)
    assert standings("both").count(Standing.DERIVED) >= standings("log").count(Standing.DERIVED)
