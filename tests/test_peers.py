"""The rivals as judges: what they are shown, how their words are read, and what is said where one is missing."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "accuracy"

LOG = "".join(
    f"step={step} d_loss={-step / 10:.3f} g_loss={0.5 + step / 100:.3f} lr=1e-4 grad_norm={1 + step / 1000:.3f}\n"
    for step in range(10, 310, 10)
)

FAKE = '''
"""Stands in for a rival: it reads a CSV with pandas' names and finds what the test wants."""
class _One:
    def __init__(self, name, severity, evidence):
        self.name, self.severity, self.evidence = name, severity, evidence

def lint_csv(path):
    text = open(path).read()
    if text.count("\\n") < 5:
        raise ValueError("too short for me")
    return [
        _One("Train/val divergence (overfitting)", "warning", "odd"),
        _One("Loss became NaN/Inf", "error", "first at step 10"),
    ]
'''


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import corpus
    import judges
    import peers
    import score

    monkeypatch.setattr(peers, "KEPT", tmp_path / "kept")
    peers.version.cache_clear()
    peers._tables.cache_clear()
    yield SimpleNamespace(judges=judges, peers=peers, score=score, corpus=corpus)
    peers.version.cache_clear()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "job" / "run"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text("print('hi')\n", encoding="utf-8")
    (folder / "train.log").write_text(LOG, encoding="utf-8")
    return folder


@pytest.fixture
def rival(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment with a stand-in of gradsnitch."""
    place = tmp_path / "site"
    (place / "gradsnitch-0.1.0.dist-info").mkdir(parents=True)
    (place / "gradsnitch-0.1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gradsnitch\nVersion: 0.1.0\n", encoding="utf-8"
    )
    (place / "gradsnitch.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.setenv("PEERS_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(place))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_rival_is_shown_each_loss_under_the_name_that_it_knows(bench: Any, run: Path) -> None:
    found = bench.peers._tables(run)
    critic, generator = rows(found["critic"]), rows(found["generator"])
    assert len(critic) == len(generator) == 30
    assert (critic[0]["step"], float(critic[0]["loss"])) == ("10", -1.0)
    assert (critic[-1]["step"], float(critic[-1]["loss"])) == ("300", -30.0)
    assert float(generator[-1]["loss"]) == 3.5
    assert float(critic[4]["lr"]) == 1e-4
    assert float(critic[-1]["grad_norm"]) == 1.3


def test_a_value_logged_more_rarely_stands_until_the_next(bench: Any, tmp_path: Path) -> None:
    log = [f"step={step} d_loss=0.5 g_loss=0.7{' lr=1e-3' if step == 3 else ''}" for step in range(1, 7)]
    log.insert(0, "step=0 d_loss=0.5 g_loss=0.7 lr=1e-2")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "train.log").write_text("\n".join(log) + "\n", encoding="utf-8")
    table = rows(bench.peers._tables(folder)["critic"])
    assert [float(row["lr"]) for row in table] == [1e-2] * 3 + [1e-3] * 4


def test_a_run_without_a_loss_is_shown_to_nobody(bench: Any, tmp_path: Path, rival: None) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "train.log").write_text("hello\n", encoding="utf-8")
    said = bench.judges.judge("gradsnitch, both", [folder])
    assert (said.said, said.error) == ((), "")


def test_words_become_codes_in_the_rivals_favor_and_the_worst_leads(bench: Any, run: Path, rival: None) -> None:
    said = bench.judges.judge("gradsnitch, both", [run])
    assert said.error == ""
    assert [(one.code, one.severity) for one in said.said] == [("NUM001", "high"), ("OTHER", "medium")]
    assert said.said[0].meant == {"NUM001", "NUM003"}
    assert "NUM001" in said.known and "SAT001" not in said.known


def test_source_alone_tells_a_rival_nothing(bench: Any, run: Path, rival: None) -> None:
    assert bench.judges.judge("gradsnitch, critic", [run / "code"]).said == ()


def test_what_a_rival_cannot_read_is_told_and_kept(bench: Any, tmp_path: Path, rival: None) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "train.log").write_text("".join(LOG.splitlines(keepends=True)[:3]), encoding="utf-8")
    for _ in range(2):  # the second time from what was kept
        assert bench.judges.judge("gradsnitch, critic", [folder]).error == "ValueError: too short for me"
    assert len(list(bench.peers.KEPT.iterdir())) == 1


def test_many_runs_are_asked_about_in_one_start(
    bench: Any, run: Path, rival: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.peers.version("gradsnitch")
    starts = []
    start = bench.peers.subprocess.run

    def counted(*words: Any, **how: Any) -> Any:
        starts.append(words[0])
        return start(*words, **how)

    monkeypatch.setattr(bench.peers.subprocess, "run", counted)
    other = run.parent / "other"
    other.mkdir()
    (other / "train.log").write_text(LOG.replace("-", "-1"), encoding="utf-8")
    peer = bench.judges.JUDGES["gradsnitch, both"]
    peer.prepare([run, other])
    assert len(starts) == 1
    assert peer([run]).said and peer([other]).said
    assert len(starts) == 1


def test_a_rival_that_is_not_installed_is_said_to_be(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEERS_PYTHON", "no-such-python")
    assert bench.judges.JUDGES["runmedic, critic"].missing() == "not installed"


def test_a_word_that_stands_for_several_causes_hits_any_of_them(bench: Any) -> None:
    from said import Judgement, Said

    job = bench.corpus.jobs("tuning", [0], ["ringwalk/lr-too-high"])[0]
    fault = bench.corpus.faults()["lr-too-high"]
    vague = Said("GAN003", "high", False, "diverged", frozenset({"GAN003", "OPT002"}))
    for said, hit, first in ((vague, 1, 1), (Said("OTHER", "high", False, "overfitting"), 0, 0)):
        tally = bench.score.Tally()
        tally.add_fault(job, fault, Judgement((said,)), decidable=True)
        assert (tally.recall.hits, tally.top1.hits) == (hit, first)


def test_every_word_names_codes_and_a_grade_that_we_know(bench: Any) -> None:
    import re

    from said import SEVERITIES

    for name, peer in bench.peers.words().items():
        assert set(peer["grades"].values()) <= set(SEVERITIES), name
        for word, codes in peer["words"].items():
            assert codes and all(re.fullmatch(r"[A-Z]{2,3}\d{3}", code) for code in codes), (name, word)


def test_the_page_and_the_block_of_the_readme_are_those_of_the_kept_results(bench: Any) -> None:
    import report

    assert (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8") == report.page(), "run `make docs`"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{report.BEGIN}\n{report.block()}\n{report.END}" in readme, "run `make docs`"


def test_figures_of_the_tuning_part_are_said_to_be_no_proof(bench: Any, tmp_path: Path) -> None:
    import report

    text = report.page()
    if not report.results("test"):
        assert "There are no figures of the test part yet" in text
        assert "the test part has not been scored yet" in report.block()
    assert text.index("## The tuning part") > text.index("# How often")
    assert "how well the rules fit what they were made on" in text


def test_the_fresh_part_has_its_own_section_or_is_said_to_have_none_yet(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    import report

    kept = {part: report.results(part) for part in report.PARTS}
    blind: dict[str, Any] = {}
    monkeypatch.setattr(report, "results", lambda part, folder=None: kept[part] if folder is None else blind)
    kept["fresh"] = {}
    assert "There are no figures of the fresh part yet" in report.page()
    assert "fresh" not in report.block()
    kept["test"] = {"wganlint": json.loads((FOLDER / "results" / "tuning-wganlint.json").read_text(encoding="utf-8"))}
    kept["fresh"] = {"wganlint": kept["test"]["wganlint"] | {"hurting": {"a/b/0": "crashed"}}}
    text = report.page()
    assert "There are no figures" not in text
    assert text.index("## The fresh part") < text.index("## The test part") < text.index("## The tuning part")
    assert "neither rules nor detectors" in text
    block = report.block()
    assert "1 small GANs trained with a fault that hurts" in block
    assert block.index("the test part") < block.index("the fresh part")
    assert block.count("| judge |") == 2
    assert "first scoring |" not in block
    blind["wganlint"] = kept["test"]["wganlint"] | {"commit": "0123456789abcdef"}
    assert report.block().count("| wganlint, first scoring | all |") == 2
    assert "first at `0123456789ab`" in report.page()


def test_the_view_that_serves_a_rival_best_stands_in_the_table(bench: Any) -> None:
    import report

    def one(judge: str, recall: float, quiet: float) -> dict[str, Any]:
        figures = {"recall": {"share": recall}, "healthy_runs_without_alarm": {"share": quiet}}
        return {"judge": judge, "modes": {"log": figures}}

    found = {j["judge"]: j for j in (one("a, critic", 0.5, 0.4), one("a, both", 0.6, 0.2), one("b, critic", 0.1, 0.1))}
    assert [best["judge"] for best in report.best_views(found, "log").values()] == ["a, critic", "b, critic"]
    absent = {"b, critic": {"judge": "b, critic", "absent": "not installed"}}
    assert "| b | log | not installed |" in "\n".join(report.judges_table(report.best_views(absent, "log")))
