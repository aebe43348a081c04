"""The planted programs once more, through `--target`: a function that hands over their pieces, and a loop of the probe's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_planted import CASES, DECLARED, LEVELS, MASKED, PROBE, expected

from wganlint import Finding, Report, analyze

pytest.importorskip("torch", reason="the programs need torch")
TARGETS = Path(__file__).parent / "scripts" / "targets"
SICK = [name for name in CASES if DECLARED[name].get("edit")]
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("modes")


def probed(case: str, folder: Path) -> tuple[Report, dict[str, Any]]:
    """Probe the pieces of a planted program; what is planted where its target has the same line is planted there too."""
    here, back = folder / case, Path.cwd()
    shutil.copytree(PROBE / case / "run" / "src", here, ignore=shutil.ignore_patterns("__pycache__"))
    text = (TARGETS / f"{DECLARED[case]['base']}.py").read_text(encoding="utf-8")
    for edit in DECLARED[case].get("edit", []):
        if edit["file"] == "train.py":
            text = text.replace(edit["old"].strip("\n"), edit["new"].strip("\n"))
    (here / "given.py").write_text(text, encoding="utf-8")
    options = ["--no-analyze", "--no-plain", "--yes", "--target", "given:pieces"]
    done = subprocess.run(
        [sys.executable, "-m", "wganlint", "probe", *options], cwd=here, capture_output=True, text=True, check=False, timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    os.chdir(here)
    try:
        return analyze(Path()), json.loads((here / "probe.json").read_text(encoding="utf-8"))
    finally:
        os.chdir(back)


def lines_of(case: str, folder: Path) -> set[str]:
    """Return the places where the planted lines stand, as `file.py:12`."""
    probe = expected(case)["probe"]
    texts = [text.partition("\n")[0] for text in (probe["origin_line"], probe.get("also", probe["origin_line"]))]
    return {
        f"{file.name}:{number}"
        for file in (folder / case).glob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if any(text in line for text in texts)
    }


def named(finding: Finding) -> set[str]:
    places = [finding.place, *(evidence.place for evidence in finding.evidence)]
    return {f"{place.file.rsplit('/', 1)[-1]}:{place.line}" for place in places if place is not None}


def loud(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if str(finding.severity) in LEVELS[2:]]


@pytest.mark.parametrize("case", CASES)
def test_the_pieces_of_a_program_tell_what_its_script_tells(case: str, folder: Path) -> None:
    report, measured = probed(case, folder)
    findings = loud(report)
    said = [f"{f.code} {f.title} {sorted(named(f))}" for f in findings]
    if case not in SICK:
        assert said == []
    elif case == "batchnorm-critic":
        assert any(f.code == "GP002" and str(f.confidence) == "high" for f in findings), said
    else:
        assert any(named(f) & lines_of(case, folder) for f in findings), said
    if case in MASKED:
        shares = [one for guard in measured["guards"] for one in (*guard["sides"], guard["backward"]) if one]
        hits = [one["hit"] for one in shares]
        assert any(hits) or measured["origins"], measured["guards"]
