"""The report follows what was verified in its folder, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from wganlint.analysis import analyze
from wganlint.finding import Report
from wganlint.read.verified import digest

ROOT = Path(__file__).parents[2]
ADAM, BIAS = "Use Adam with lr 1e-4 and betas (0, 0.9)", "Start the count head above its dead zone"
NORM, SCALE = "Put a LayerNorm into the critic", "Return the score as it is and average in the loss"


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    folder = tmp_path / "sick"
    shutil.copytree(ROOT / "fixtures/sick/run", folder)
    return folder


def write(folder: Path, **more: object) -> None:
    effects = {ADAM: "cures", BIAS: "helps", NORM: "hides", SCALE: "nothing"}
    sources = {
        name: digest((folder / name).read_bytes())
        for name in ("training/train.py", "training/model.py", "training/data.py")
    }
    data = {
        "wganlint-verify": 1, "sources": sources, "smallest": [[{"title": ADAM}]],
        "fixes": [{"title": title, "effect": effect} for title, effect in effects.items()],
    }  # fmt: skip
    (folder / "verify.json").write_text(json.dumps(data | more), encoding="utf-8")


def order(report: Report) -> list[tuple[str, str]]:
    fixes = {fix.rank: (fix.title, str(fix.effect)) for one in report.findings for fix in one.fixes}
    return [fixes[rank] for rank in sorted(fixes)]


def notes(report: Report) -> str:
    return " ".join(text for run in report.runs for text, _ in run.notes)


def test_what_cured_when_it_was_tried_comes_first(sick: Path) -> None:
    before = order(analyze([sick]))
    write(sick)
    report = analyze([sick])
    after = order(report)
    assert before[0] == (BIAS, "cures")
    assert after[:2] == [(ADAM, "cures"), (BIAS, "cures")]
    assert after[-1] == (NORM, "hides")
    assert (SCALE, "cures") in after  # it cures its own finding, whatever it does to the fault
    assert "follow what `wganlint verify` measured" in notes(report)


def test_of_another_state_of_the_source_nothing_is_followed(sick: Path) -> None:
    before = order(analyze([sick]))
    write(sick)
    with (sick / "training/model.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    report = analyze([sick])
    assert order(report) == before
    assert "training/model.py has changed since" in notes(report)


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"wganlint-verify": 1}', '{"wganlint-verify": 2, "fixes": [], "sources": {"a": "b"}}', "[" * 5000,
     '{"wganlint-verify": 1, "fixes": [{"title": 3}], "sources": {"../../etc/passwd": "x"}}'],
)  # fmt: skip
def test_a_file_that_is_not_as_it_should_be_changes_nothing(sick: Path, text: str) -> None:
    before = order(analyze([sick]))
    (sick / "verify.json").write_text(text, encoding="utf-8")
    report = analyze([sick])
    assert order(report) == before
    assert "verify` measured" not in notes(report)
