"""The accuracy corpus: its tables hold together, and two tiny trainings go through the trainer and the scorer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "accuracy"


@pytest.fixture(scope="module")
def bench() -> Any:
    """The modules of the benchmark, which are scripts and no package."""
    sys.path.insert(0, str(FOLDER))
    import corpus
    import harm
    import judges
    import score

    yield SimpleNamespace(corpus=corpus, harm=harm, judges=judges, score=score)
    sys.path.remove(str(FOLDER))


def test_every_variant_can_be_written_and_parsed(bench: Any) -> None:
    jobs = bench.corpus.jobs("all", [0], [])
    assert len(jobs) > 300
    for job in jobs:
        plain = {name: (job.program.folder / name).read_text(encoding="utf-8") for name in job.sources()}
        assert "program.toml" not in plain, job.name  # it tells the fault
        for name, text in job.sources().items():
            if name.endswith(".py"):
                compile(text, f"{job.name}/{name}", "exec")
            else:
                json.loads(text)
        assert job.variant.name == "plain" or job.variant.args or job.sources() != plain, job.name


def test_the_corpus_is_as_wide_as_it_says(bench: Any) -> None:
    programs = bench.corpus.programs().values()
    for family in bench.corpus.FAMILIES:
        ours = {part: [p for p in programs if (p.family, p.part) == (family, part)] for part in bench.corpus.PARTS}
        assert {part: len(found) for part, found in ours.items()} == {"tuning": 2, "test": 2, "fresh": 1}
        styles = [{s for p in found for s in p.styles} for found in ours.values()]
        assert len(set.union(*styles)) == sum(map(len, styles)), family  # no style in two parts
        for part, found in ours.items():
            kinds = {v.kind for p in found for v in p.variants if not v.healthy}
            assert len(kinds) >= 12, (family, part, kinds)
    from train import HEALTHY_SEEDS, SEEDS

    for part, least in (("tuning", 200), ("test", 200), ("fresh", 300)):
        runs = bench.corpus.jobs(part, SEEDS, [], HEALTHY_SEEDS)
        healthy = sum(job.variant.healthy for job in runs)
        assert healthy >= least
        assert healthy >= len(runs) - healthy


def test_parts_are_never_mixed(bench: Any) -> None:
    parts = {part: {job.name for job in bench.corpus.jobs(part, [0], [])} for part in bench.corpus.PARTS}
    everything = {job.name for job in bench.corpus.jobs("all", [0], [])}
    assert sum(map(len, parts.values())) == len(everything)
    assert set.union(*parts.values()) == everything


def test_a_part_that_the_rules_have_not_seen_is_scored_only_as_committed(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench.score, "commit", lambda: ("0" * 40, True))
    for part in ("test", "fresh"):
        monkeypatch.setattr(sys, "argv", ["score.py", "--part", part, "--cache", str(tmp_path)])
        with pytest.raises(SystemExit, match=f"the {part} part is scored only as committed"):
            bench.score.main()


def test_every_fault_names_codes_of_the_catalogue_and_a_root_among_them(bench: Any) -> None:
    used = {v.kind for p in bench.corpus.programs().values() for v in p.variants if not v.healthy}
    for kind, fault in bench.corpus.faults().items():
        assert all(re.fullmatch(r"[A-Z]{2,3}\d{3}", code) for code in fault.codes), kind
        assert fault.root, kind
        assert fault.root <= fault.codes, kind
        assert fault.source or fault.log, kind
        assert kind in used, kind


def test_what_is_decidable_follows_from_what_is_shown(bench: Any) -> None:
    faults = bench.corpus.faults()
    program = next(iter(bench.corpus.programs().values()))

    def variant(*logged: str, edited: bool = True) -> Any:
        edits = (("train.py", "a", "b"),) if edited else ()
        return replace(program.variants[0], edits=edits, logged=frozenset(logged))

    falls = faults["lr-collapses"]
    assert falls.decidable("log", variant("lr", "g_loss"))
    assert not falls.decidable("log", variant("g_loss"))
    assert not falls.decidable("source", variant("lr"))
    signs = faults["wrong-sign"]
    assert signs.decidable("source", variant())
    assert signs.decidable("all", variant())
    assert not signs.decidable("log", variant("c_loss"))
    high = faults["lr-too-high"]
    assert high.decidable("source", variant())
    assert not high.decidable("source", variant(edited=False))  # only the command line carries the rate
    assert high.decidable("all", variant("lr", edited=False))


GOOD = {
    "exit": 0, "weights_finite": True, "distance_start": 1.0, "distance_end": 0.1, "generator_moved": 1.0,
    "memory_growth_mib": 10.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "hurts"),
    [
        ({}, False),
        ({"distance_end": 0.16}, False),  # half as bad again, but still good samples
        ({"distance_end": 0.3}, True),
        ({"distance_end": None}, True),
        ({"weights_finite": False}, True),
        ({"generator_moved": 0.0}, True),
        ({"exit": 1}, True),
        ({"memory_growth_mib": 200.0}, True),
    ],
)
def test_a_fault_counts_only_where_it_hurts(bench: Any, change: dict[str, Any], hurts: bool) -> None:
    assert bool(bench.harm.harm(GOOD | change, GOOD)) is hurts


def test_a_run_that_learnt_nothing_is_not_called_healthy(bench: Any) -> None:
    assert bench.harm.unhealthy(GOOD, short=False) == ""
    assert "0.70" in bench.harm.unhealthy(GOOD | {"distance_end": 0.7}, short=False)
    assert bench.harm.unhealthy(GOOD | {"distance_end": 0.7}, short=True) == ""
    assert bench.harm.unhealthy(GOOD | {"distance_end": None}, short=True)


def test_wilson(bench: Any) -> None:
    """Against the worked example of Newcombe, Statistics in Medicine 17 (1998) 857, table I: 81 of 263."""
    low, high = bench.score.wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert bench.score.wilson(0, 0) == (0.0, 1.0)
    assert bench.score.wilson(0, 20)[0] == 0.0
    assert round(bench.score.wilson(0, 20)[1], 4) == 0.1611


def test_a_judge_that_breaks_has_said_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(paths: list[Path]) -> Any:
        raise ValueError("no")

    monkeypatch.setitem(bench.judges.JUDGES, "broken", broken)
    said = bench.judges.judge("broken", [])
    assert said.said == ()
    assert said.error == "ValueError: no"


def call(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *arguments], capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_healthy_and_a_faulty_program_are_trained_measured_and_scored(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("tensorboard")
    chosen = (
        "--only", "blobs/plain", "blobs/detached-fakes", "--seeds", "0", "--healthy-seeds", "0",
        "--cache", str(tmp_path), "--extra", "--num_iters 120",
    )  # fmt: skip
    assert "2 runs, 2 to train" in call("train.py", *chosen)
    healthy = json.loads((tmp_path / "blobs/plain/0/truth.json").read_text())
    dead = json.loads((tmp_path / "blobs/detached-fakes/0/truth.json").read_text())
    assert healthy["distance_end"] < healthy["distance_start"]
    assert healthy["generator_moved"] > 0.01
    assert dead["generator_moved"] == 0.0
    assert dead["distance_end"] == dead["distance_start"]
    lines = (tmp_path / "blobs/plain/0/run/train.log").read_text().splitlines()
    assert [json.loads(line).get("itr") for line in lines] == [None, *range(10, 121, 10)]

    assert "2 runs, 0 to train" in call("train.py", *chosen)
    out = tmp_path / "result.json"
    call("score.py", *chosen, "--json", str(out))
    result = json.loads(out.read_text())
    assert result["hurting"] == {"blobs/detached-fakes/0": "generator did not move"}
    assert result["healthy"] == ["blobs/plain/0"]
    everything = result["modes"]["all"]
    assert everything["recall"]["hits"] == everything["recall"]["of"] == 1
    assert everything["root_top1"]["hits"] == 1
    assert everything["alarms_on_healthy"] == 0
    # A log without the generator's gradients would not be held to it; this one prints them
    assert result["modes"]["log"]["recall"]["of"] == 1
