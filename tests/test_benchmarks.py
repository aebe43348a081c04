"""The benchmarks' driver: what it measures, what it says of candidates that fail or are missing, README's table."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    module = _module("race", monkeypatch)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def _module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def test_work_costs_cpu_and_memory_and_waiting_does_not(race: ModuleType, tmp_path: Path) -> None:
    found = race.race(
        "test",
        "A test",
        [
            race.Entry("works", python("b = bytearray(900 << 20); sum(range(6_000_000)); print('{\"n\": 1}')")),
            race.Entry("waits", python("import time; time.sleep(0.3); print('noise'); print('{\"n\": 1}')")),
        ],
        rounds=1,
        same=("n",),
    )
    works, waits = found["rows"]
    assert works["cpu_s"] > 2 * waits["cpu_s"] and waits["wall_s"] >= 0.3
    assert works["peak_mb"] >= 900 > waits["peak_mb"]  # never below the memory of the driver, here the test runner
    assert works["times"] == 1 and waits["times"] < 0.5
    assert found["agree"] == {"n": True}
    assert json.loads((tmp_path / "test.json").read_text(encoding="utf-8")) == found


def test_what_fails_or_is_missing_has_a_row_that_says_so(race: ModuleType) -> None:
    entries = [
        race.Entry("fine", python("print('{}')")),
        race.Entry("fails", python("raise SystemExit(3)")),
        race.Entry("absent", ("no-such-program",), "", "not installed"),
    ]
    rows = race.race("test", "A test", entries, rounds=2)["rows"]
    assert [row.get("missing", "") for row in rows] == ["", "failed with 3: ", "not installed"]


def test_a_disagreement_is_kept(race: ModuleType) -> None:
    found = {"a": {"points": 5, "calls": 7}, "b": {"points": 6}, "c": {"raw": 7}}
    assert race.agreement(("points", "lines", {"a": "calls", "c": "raw"}), found) == {
        "points": {"a": 5, "b": 6},
        "calls/raw": True,
    }


def test_the_table_of_the_readme_is_that_of_the_kept_results(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _module("table", monkeypatch)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{table.BEGIN}\n{table.table()}\n{table.END}" in readme


def test_the_kept_results_hold_what_was_promised_and_name_no_place() -> None:
    kept = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "benchmarks/results").glob("*.json")
    }
    times = {row["name"]: row["times"] for row in kept["startup"]["rows"]}
    assert times["wganlint --version"] <= 3 and times["wganlint --help"] <= 12
    for name, result in kept.items():
        assert all(same is True for same in result.get("agree", {}).values()), name
        assert "/" not in json.dumps(result).replace("points/last", "").replace("calls/raw", "")
    for name in ("events-simple", "events-tensor", "events-mixed", "events-1m"):
        rows = {row["name"]: row for row in kept[name]["rows"]}
        assert rows["tbparse"]["times"] >= 5, name
    assert kept["events-5m"]["rows"][0]["peak_mb"] <= 300


def test_the_kept_cost_of_the_probe_is_within_what_is_promised() -> None:
    kept = json.loads((ROOT / "benchmarks/results/overhead.json").read_text(encoding="utf-8"))
    assert {"sick", "healthy-gp", "tones-healthy", "images"} <= {one["name"] for one in kept["rows"]}
    for one in kept["rows"]:
        assert one["light"] <= 1.5, one
        assert one["default"] <= (1.5 if one["plain_ms"] >= 50 else 6), one


def test_steps_are_compared_within_a_round_and_the_median_of_the_rounds_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    overhead = _module("overhead", monkeypatch)
    assert overhead.step_of([0, 9, 12, 13, 14, 15, 16, 17, 19]) == (10 / 7, 19 / 8)  # without the first quarter
    busy = iter([1, 1, 3, 3, 1, 5])  # plain and light of three rounds: a busy machine, then one in the midst of a round

    def once(name: str, variant: str, steps: int) -> dict[str, object]:
        pace = next(busy) * (2 if variant == "light" else 1)
        return {"ticks": [pace * at for at in range(steps)], "operations": 40, "peak_mb": 100.0}

    monkeypatch.setattr(overhead, "once", once)
    row = overhead.row_of("sick", ("plain", "light"), 3, 8)
    assert (row["light"], row["plain_ms"], row["operations"]) == (2.0, 1000.0, 5)
