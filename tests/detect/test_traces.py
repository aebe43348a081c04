"""What rules read in traces, through analyze(): the sick fire with their counts, the healthy stay silent."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from shared_data import CORPUS, SHARED
from test_trace import event, job

from wganlint import Finding, analyze

SAMPLES = SHARED / "profiler-samples"
needs_traces = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real traces are not beside this checkout")
CHECK = "aten::_amp_foreach_non_finite_check_and_unscale_"


def findings(folder: Path, *events: list[dict[str, Any]]) -> dict[str, Finding]:
    for rank, one in enumerate(events):
        document = {"distributedInfo": {"rank": rank, "world_size": len(events)}, "traceEvents": one}
        with gzip.open(folder / f"rank{rank}.pt.trace.json.gz", "wt") as file:
            json.dump(document, file)
    return {finding.code: finding for finding in analyze(folder).findings}


def steps(count: int, *inside: dict[str, Any], length: float = 900) -> list[dict[str, Any]]:
    """`count` steps of a millisecond, each with these events at these times after its start."""
    events = []
    for n in range(count):
        events.append(event(f"ProfilerStep#{n}", n * 1000, length, "user_annotation"))
        events += [{**one, "ts": one["ts"] + n * 1000} for one in inside]
    return events


def test_masking_is_told_with_counts_cost_and_place(tmp_path: Path) -> None:
    found = findings(tmp_path, job())
    masking = found["NUM002"]
    assert masking.title == "NaN masking is in place: NanToNumBackward0 runs 1 time per step"
    assert "ProfilerStep#7 to #9" in masking.why and "0.060ms per step by kernels that it launched" in masking.why
    assert str(masking.severity) == "info"
    quotes = [(item.kind, item.quote, str(item.place)) for item in masking.evidence]
    assert (
        "trace", "NanToNumBackward0: 1, 1, 1 in ProfilerStep#7, #8, #9", "rank0.pt.trace.json.gz",
    ) in quotes  # fmt: skip
    assert set(found) == {"NUM002"}


def test_two_ranks_are_one_run_and_both_are_counted(tmp_path: Path) -> None:
    masking = findings(tmp_path, job(), job(5))["NUM002"]
    assert "in 2 traces" in masking.why
    (run,) = analyze(tmp_path).runs
    assert [(one.kind, one.used, one.why) for one in run.inputs] == [
        ("trace", True, "3 steps, 34 events, rank 0"),
        ("trace", True, "5 steps, 56 events, rank 1"),
    ]


def test_a_table_beside_a_trace_yields_to_it(tmp_path: Path) -> None:
    dashes = "  ".join(["-" * 34, *["-" * 12] * 6])
    table = f"""{dashes}
                              Name    Self CPU %      Self CPU   CPU total %     CPU total  CPU time avg    # of Calls
{dashes}
                 NanToNumBackward0        20.00%      20.000us        20.00%      20.000us       6.667us           999
{dashes}
Self CPU time total: 100.000us
"""
    (tmp_path / "train.log").write_text(table)
    masking = findings(tmp_path, job())["NUM002"]
    assert "1 time per step" in masking.title and "999" not in masking.why


@pytest.mark.parametrize("hidden", ["truncated", "compiled", "forward only"])
def test_absence_is_believed_only_where_it_would_show(tmp_path: Path, hidden: str) -> None:
    events = steps(3, event("aten::mul", 10, 5), event("MulBackward0", 100, 5))
    if hidden == "compiled":
        events.append(event("CompiledFunctionBackward", 200, 5))
    if hidden == "forward only":
        events = [one for one in events if one["name"] != "MulBackward0"]
    text = json.dumps({"traceEvents": events})
    (tmp_path / "t.json").write_text(text[:-40] if hidden == "truncated" else text)
    (verdict,) = [one for one in analyze(tmp_path).verdicts if one.code == "NUM002"]
    assert str(verdict.outcome) == "could-not-tell"
    assert any("NanToNumBackward0 may be missing" in text for text in verdict.missing)


def test_a_skipped_step_is_direct_evidence(tmp_path: Path) -> None:
    check, taken = event(CHECK, 400, 5), event("Optimizer.step#Adam.step", 500, 50, "user_annotation")
    events = [one for one in steps(4, check, taken) if not (one["name"].startswith("Opt") and one["ts"] == 2500)]
    skipped = findings(tmp_path, events)["NUM005"]
    assert skipped.title == "AMP skipped 1 of 4 steps: a gradient was infinite or NaN"
    assert "In ProfilerStep#2 the scaler" in skipped.why


@pytest.mark.parametrize(
    "pattern", ["critic only", "accumulation", "own optimizer", "no scaler", "generator every third"]
)
def test_healthy_schedules_are_no_skipped_steps(tmp_path: Path, pattern: str) -> None:
    check, taken = event(CHECK, 400, 5), event("Optimizer.step#Adam.step", 500, 50, "user_annotation")
    events = {
        "critic only": steps(6, check, taken),
        "accumulation": [one for one in steps(6, check, taken) if one["ts"] // 1000 % 2 or one["ts"] % 1000 == 0],
        "own optimizer": steps(6, check),
        "no scaler": [one for one in steps(6, taken) if one["ts"] != 2500],
        "generator every third": steps(6, check, taken)
        + [event(CHECK, n * 1000 + 600, 5) for n in (0, 3)]
        + [event("Optimizer.step#Adam.step", n * 1000 + 700, 5, "user_annotation") for n in (0, 3)],
    }[pattern]
    assert "NUM005" not in findings(tmp_path, events)


def waits(count: int) -> list[dict[str, Any]]:
    fetch = [event("aten::_local_scalar_dense", 10 + n, 0.9) for n in range(count)]
    wait = [event("cudaStreamSynchronize", 10.1 + n, 0.7, "cuda_runtime", correlation=n + 5) for n in range(count)]
    return [*fetch, *wait]


def test_a_storm_of_fetches_needs_a_device(tmp_path: Path) -> None:
    kernel = event("gemm", 5, 1, "kernel", correlation=5)
    storm = findings(tmp_path, [*steps(3, *waits(80)), kernel])["PRF001"]
    assert storm.title == "each step waits 80 times for the device to fetch one number"
    assert str(storm.severity) == "low"


def test_a_few_fetches_or_no_device_are_silent(tmp_path: Path) -> None:
    kernel = event("gemm", 5, 1, "kernel", correlation=5)
    for name, events in (("few", [*steps(3, *waits(5)), kernel]), ("cpu", steps(3, *waits(80)))):
        folder = tmp_path / name
        folder.mkdir()
        assert "PRF001" not in findings(folder, events)


@pytest.mark.parametrize(("share", "severity"), [(0.02, None), (0.15, "info"), (0.7, "low")])
def test_waiting_for_the_loader(tmp_path: Path, share: float, severity: str | None) -> None:
    name = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
    loader = event(name, 5, 900 * share, "user_annotation")
    found = findings(tmp_path, steps(5, loader)).get("PRF002")
    assert (str(found.severity) if found else None) == severity


@needs_traces
def test_real_traces_of_healthy_jobs_get_no_warning() -> None:
    report = analyze(CORPUS / "traces")
    assert {str(finding.severity) for finding in report.findings} <= {"info"}
    assert {finding.code for finding in report.findings} == {"NUM002"}


@needs_traces
def test_the_samples_say_what_happened_in_them(tmp_path: Path) -> None:
    def codes(name: str) -> dict[str, str]:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(SAMPLES / f"{name}.pt.trace.json.gz", folder)
        return {finding.code: finding.title for finding in analyze(folder).findings}

    assert codes("gradscaler")["NUM005"].startswith("AMP skipped 1 of 3 steps")
    assert codes("anomaly")["PRF004"].startswith("anomaly detection is on")
    assert codes("plain.1") == {"NUM002": "NaN masking is in place: NanToNumBackward0 runs 14 times per step"}
    (tmp_path / "stack").mkdir()
    shutil.copy(SAMPLES / "stack.worker.pt.trace.json.gz", tmp_path / "stack")
    (finding,) = analyze(tmp_path / "stack").findings
    assert "critic (make_samples.py:14) 36x, gp (make_samples.py:19) 6x" in finding.why
