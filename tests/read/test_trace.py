"""Chrome traces: every count equals the slow reader's; damage costs only what is damaged."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from shared_data import CORPUS, SHARED
from slow_trace import slow_figures

from wganlint import load_runs
from wganlint.read import trace_events, trace_fold, trace_gather
from wganlint.read.opening import damage_of, open_file
from wganlint.read.sniff import is_trace
from wganlint.read.trace import in_words, read_trace
from wganlint.trace import Trace

SAMPLES = SHARED / "profiler-samples"
REAL = [*sorted((CORPUS / "traces").glob("*.gz")), *sorted(SAMPLES.glob("*.json.gz"))]
INTACT = [path for path in REAL if not re.match("bad_|truncated", path.name)]
needs_traces = pytest.mark.skipif(not REAL, reason="the real traces are not beside this checkout")


def read(data: bytes) -> Trace:
    trace, _ = read_trace(io.BytesIO(data), "t.json")
    assert trace is not None
    return trace


def sample(name: str) -> bytes:
    return gzip.decompress((SAMPLES / f"{name}.pt.trace.json.gz").read_bytes())


def same_as_slow(trace: Trace, document: Any) -> None:
    slow = slow_figures(document)
    numbers = [step.number for step in trace.steps]
    for figures, of_step, total in (
        (slow.calls, "calls", "total_calls"),
        (slow.cpu, "cpu_ns", "total_cpu_ns"),
        (slow.device, "device_ns", "total_device_ns"),
    ):
        for name in {name for name, _ in figures}:
            operation = trace.operations[name]
            assert [int(n) for n in getattr(operation, of_step)] == [figures.get((name, n), 0) for n in numbers], name
            assert getattr(operation, total) == sum(n for key, n in figures.items() if key[0] == name), name
    assert {name for name, _ in slow.calls} == set(trace.operations)
    assert (trace.unlaunched, trace.unowned) == (slow.unlaunched, slow.unowned)


# -- real traces ---------------------------------------------------------------------


@needs_traces
@pytest.mark.parametrize("path", INTACT, ids=lambda path: path.name)
def test_every_count_of_a_real_trace_equals_the_slow_reader(path: Path) -> None:
    data = gzip.decompress(path.read_bytes())
    document = json.loads(data)
    trace = read(data)
    events = document["traceEvents"] if isinstance(document, dict) else document
    assert trace.events == len(events)
    assert not trace.truncated and not trace.dropped and not trace.repaired
    same_as_slow(trace, document)


@needs_traces
def test_the_masking_of_a_real_job_is_counted_by_step_and_timed_by_its_kernels() -> None:
    trace = read(gzip.decompress((CORPUS / "traces" / "hta-control.json.gz").read_bytes()))
    masking = trace.operations["aten::nan_to_num"]
    assert [step.number for step in trace.steps] == [1009, 1010, 1011, 1012, 1013, 1014]
    assert masking.calls.tolist() == [13] * 6
    assert masking.total_device_ns == 1_291_000
    assert trace.operations["ClampBackward1"].calls.tolist() == [2] * 6
    assert (trace.rank, trace.world_size, trace.backend) == (3, 8, "nccl")
    assert in_words(trace) == "6 steps, 109,123 events, rank 3"


@needs_traces
@pytest.mark.parametrize("name", ["plain.1", "plain.2", "shapes_mem.1", "stack.worker", "unlimited_ms.1"])
def test_backward_nodes_of_the_samples(name: str) -> None:
    assert read(sample(name)).operations["NanToNumBackward0"].calls.tolist() == [14, 14, 14]


@needs_traces
def test_backward_nodes_lead_to_the_functions_that_made_them() -> None:
    node = read(sample("stack.worker")).operations["NanToNumBackward0"]
    assert [(s.file, s.line, s.function, s.calls) for s in node.sites] == [
        ("make_samples.py", 14, "critic", 36),
        ("make_samples.py", 19, "gp", 6),
    ]
    assert node.unplaced == 0


@needs_traces
@pytest.mark.parametrize("name", ["bad_utf8", "bad_escape"])
def test_damaged_samples_keep_every_event(name: str) -> None:
    trace, notes = read_trace(io.BytesIO(sample(name)), "t.json")
    whole = read(sample("plain.1"))
    assert trace is not None
    assert (trace.events, trace.repaired, trace.dropped) == (whole.events, 3, 0)
    assert trace.operations["NanToNumBackward0"].calls.tolist() == [14, 14, 14]
    data = sample(name)
    assert notes[0].text.startswith("trace: 3 events not valid JSON, mended (at bytes ")
    bad = b"\xff" if name == "bad_utf8" else b"\\c"
    for place in re.findall(r"[\d,]{4,}", notes[0].text):
        assert bad in data[int(place.strip(",").replace(",", "")) :][:400]


@needs_traces
def test_a_killed_run_keeps_whole_events_and_judges_whole_steps() -> None:
    trace, notes = read_trace(io.BytesIO(sample("truncated")), "t.json")
    assert trace is not None
    assert trace.events == sample("truncated").count(b'"ph":') - 1
    assert trace.truncated and not trace.complete
    assert [step.number for step in trace.steps] == [2, 3]
    assert trace.operations["NanToNumBackward0"].calls.tolist() == [14, 14]
    assert any("breaks off after 4,144 events" in note.text for note in notes)


# -- layouts -------------------------------------------------------------------------


def event(name: str, ts: float, dur: float, cat: str = "cpu_op", tid: Any = 1, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": cat, "name": name, "pid": 1, "tid": tid, "ts": ts, "dur": dur, "args": args}


def job(steps: int = 3) -> list[dict[str, Any]]:
    """A job on a device: kernels of a step run in the next one."""
    events: list[dict[str, Any]] = [{"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "ts": 0, "args": {}}]
    for n in range(steps):
        t = n * 1000
        events += [
            event(f"ProfilerStep#{n + 7}", t, 990, "user_annotation"),
            event("aten::nan_to_num", t + 10, 50), event("aten::nan_to_num", t + 20, 30),
            event("cudaLaunchKernel", t + 25, 5, "cuda_runtime", correlation=n + 1),
            event("autograd::engine::evaluate_function: NanToNumBackward0", t + 300, 90, tid=2),
            event("NanToNumBackward0", t + 310, 70, tid=2),
            event("aten::mul", t + 320, 20, tid=2),
            event("cudaLaunchKernel", t + 325, 5, "cuda_runtime", tid=2, correlation=n + 1001),
            {"ph": "s", "id": n, "pid": 1, "tid": 1, "ts": t, "cat": "ac2g", "name": "ac2g"},
            event("nan_kernel", t + 1100, 40.5, "kernel", tid=7, correlation=n + 1),
            event("mul_kernel", t + 1200, 60.25, "kernel", tid=7, correlation=n + 1001),
        ]  # fmt: skip
    return events


DOCUMENT = {
    "schemaVersion": 1,
    "metadata": {"note": 'a text with "traceEvents" }, { in it', "list": [{"a": 1}, {"b": 2}]},
    "distributedInfo": {"backend": "nccl", "rank": 5, "world_size": 16},
    "traceEvents": job(),
    "deviceProperties": [{"id": 0, "name": "Accelerator 9"}, {"id": 1, "name": "Accelerator 9"}],
    "traceName": "x.json",
}


def check_job(trace: Trace) -> None:
    assert [step.number for step in trace.steps] == [7, 8, 9]
    masking, node = trace.operations["aten::nan_to_num"], trace.operations["NanToNumBackward0"]
    assert masking.calls.tolist() == [1, 1, 1]
    assert masking.device_ns.tolist() == [40_500] * 3
    assert node.calls.tolist() == [1, 1, 1]
    assert node.device_ns.tolist() == [60_250] * 3
    assert (trace.kernels, trace.unlaunched, trace.unowned) == (6, 0, 0)


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
@pytest.mark.parametrize("shuffled", [False, True])
def test_dumped_again_by_another_tool(indent: int | None, shuffled: bool) -> None:
    document: dict[str, Any] = dict(DOCUMENT)
    if shuffled:
        order = random.Random(1)
        document["traceEvents"] = [dict(order.sample(sorted(e.items()), len(e))) for e in job()]
        document = dict(sorted(document.items(), reverse=True))
    for separators in ((",", ":"), (", ", ": "), None):
        trace = read(json.dumps(document, indent=indent, separators=separators).encode())
        check_job(trace)
        assert (trace.rank, trace.world_size, trace.device) == (5, 16, "Accelerator 9")


@pytest.mark.parametrize("chunk", [64, 200, 1000])
def test_chunks_of_any_size_say_the_same(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_events, "CHUNK", chunk)
    for data in (json.dumps(DOCUMENT), json.dumps(DOCUMENT, indent=2), json.dumps(job())):
        check_job(read(data.encode()))


def test_a_bare_list_with_threads_as_text_and_old_categories() -> None:
    old = {"cpu_op": "Operator", "cuda_runtime": "Runtime", "kernel": "Kernel", "user_annotation": "Operator"}
    events = [{**e, "cat": old.get(e.get("cat", ""), "async"), "tid": str(e["tid"]), "pid": "1"} for e in job()]
    check_job(read(b"\xef\xbb\xbf\n" + json.dumps(events).encode()))
    check_job(read(json.dumps(events).encode()[:-1]))  # the viewer's format allows the closing bracket to be missing


def test_arguments_with_objects_and_texts_like_borders() -> None:
    events = job()
    for at, one in enumerate(events):
        one.setdefault("args", {})["Inputs"] = [{"a": 1}, {"b": [{"c": "}, {"}, {"d": "}]"}]}] * (1 + at % 3)
    check_job(read(json.dumps({"traceEvents": events, "traceName": "}, {"}).encode()))


@pytest.mark.parametrize("times", [1e9, 1.7e15])
def test_nanoseconds_survive(times: float) -> None:
    trace = read(json.dumps([event("aten::mul", times, 0.123), event("aten::mul", times + 1, 1.877)]).encode())
    assert trace.operations["aten::mul"].total_cpu_ns == 2000


@pytest.mark.parametrize("date", [0, 1_661_203_462_598_738])
def test_calls_that_touch_follow_each_other(date: int) -> None:
    """A clock of whole microseconds: short calls last 0 us and end where the next of their name begins."""
    times = [(at, length) for at in range(100, 700, 3) for length in (1, 2)]
    siblings = [event("aten::as_strided", date + at + (length == 2), length) for at, length in times]
    instants = [event("aten::as_strided", date + at, 0) for at in (800, 800, 801, 802, 802)]
    outer = [event("aten::nan_to_num", date + 900, 9), event("aten::nan_to_num", date + 903, 6)]
    events = [*siblings, *instants, *outer]
    trace = read(json.dumps(events).encode())
    assert trace.operations["aten::as_strided"].total_calls == len(siblings) + len(instants)
    assert trace.operations["aten::as_strided"].total_cpu_ns == 1000 * sum(length for _, length in times)
    assert (trace.operations["aten::nan_to_num"].total_calls, trace.operations["aten::nan_to_num"].total_cpu_ns) == (
        1,
        9000,
    )
    same_as_slow(trace, events)


def test_no_events_is_no_trace() -> None:
    for text in (
        b"",
        b"{}",
        b"[]",
        b'{"traceEvents": []}',
        b'{"a": [1, 2]}',
        b"\0" * 100,
        b"[1, 2]",
        b'{"traceEvents"',
    ):
        trace, notes = read_trace(io.BytesIO(text), "t.json")
        assert trace is None
        assert notes and notes[0].place.file == "t.json"


def test_traces_are_told_from_other_json() -> None:
    assert is_trace(json.dumps(DOCUMENT).encode())
    assert is_trace(json.dumps(job(), indent=2).encode())
    assert not is_trace(b'{"train_loss": [1.0, 2.0], "phase": "X"}')
    assert not is_trace(b'[{"step": 1, "d_loss": 0.5}]')


# -- large traces: the same figures from temporary files -----------------------------


@st.composite
def jobs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Random calls: nested or overlapping, of no length, several threads, launches and kernels of all kinds."""
    events = []
    time = st.integers(0, 400)
    for n in range(draw(st.integers(0, 4))):
        events.append(event(f"ProfilerStep#{n}", n * 100, draw(st.sampled_from([100, 90])), "user_annotation"))
    for _ in range(draw(st.integers(0, 40))):
        start, length = draw(time), draw(st.sampled_from([0, 1, 5, 20, 150]))
        name = draw(st.sampled_from(["aten::a", "aten::b", "autograd::engine::evaluate_function: X", "XBackward0"]))
        category = draw(st.sampled_from(["cpu_op", "cpu_op", "user_annotation"]))
        kind = "annotation" if category != "cpu_op" else ""
        events.append(event(name + kind, start, length, category, tid=draw(st.integers(1, 2))))
    for n in range(draw(st.integers(0, 10))):
        events.append(
            event("cudaLaunchKernel", draw(time), 1, "cuda_runtime", tid=draw(st.integers(1, 3)), correlation=n)
        )
    for _ in range(draw(st.integers(0, 10))):
        events.append(event("k", draw(time), draw(st.integers(0, 9)), "kernel", correlation=draw(st.integers(0, 12))))
    return draw(st.permutations(events))


@settings(max_examples=150, deadline=None)
@given(jobs())
def test_any_order_and_nesting_equals_the_slow_reader(events: list[dict[str, Any]]) -> None:
    if events:
        same_as_slow(read(json.dumps(events).encode()), events)


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything goes through temporary files and many windows."""
    monkeypatch.setattr(trace_gather, "KEPT", 20)
    monkeypatch.setattr(trace_gather, "BATCH", 10)
    monkeypatch.setattr(trace_fold, "WINDOW", 15)
    monkeypatch.setattr(trace_events, "CHUNK", 4096)
    yield


def test_windows_say_the_same_as_one_piece(tight: None) -> None:
    events = job(60)
    events.append(event("a long call", 500, 40_000, "user_annotation"))
    events.append(event("aten::nan_to_num", 500, 30_000, tid=9))
    events.append(event("aten::nan_to_num", 20_500, 100, tid=9))
    trace = read(json.dumps(events).encode())
    same_as_slow(trace, events)
    assert len(trace.steps) == 60
    random.Random(3).shuffle(events)
    same_as_slow(read(json.dumps(events).encode()), events)


@needs_traces
@pytest.mark.parametrize("name", ["plain.1", "stack.worker"])
def test_windows_of_a_real_trace_say_the_same(name: str, tight: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_fold, "WINDOW", 700)
    trace = read(sample(name))
    same_as_slow(trace, json.loads(sample(name)))
    if name == "stack.worker":
        assert [site.calls for site in trace.operations["NanToNumBackward0"].sites] == [36, 6]


def test_figures_by_step_are_bounded_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_fold, "CELLS", 50)
    trace, notes = read_trace(io.BytesIO(json.dumps(job(30)).encode()), "t.json")
    assert trace is not None
    assert (trace.steps_seen, trace.operations["NanToNumBackward0"].total_calls) == (30, 30)
    assert len(trace.steps) < 30
    assert any("of 30 steps" in note.text for note in notes)


# -- damage --------------------------------------------------------------------------

TEXT = json.dumps(DOCUMENT, indent=1).encode()
WHOLE = len(job())


@pytest.mark.parametrize(
    ("old", "new", "mended"),
    [
        (b'"aten::mul"', b'"aten::mul\xff\x80"', True),
        (b'"aten::mul"', b'"aten\n\x01mul"', True),
        (b'"aten::mul"', b'"C:\\code\\my mul"', True),
        (b'"args": {}', b'"args": {"Device": N/A}', True),
        (b'"args": {}', b'"args": {"x": NaN, "y": [-Infinity, 1,],}', True),
        (b'"args": {}', b'"args": [1]', True),
        (b'"dur": 20', b'"dur": NaN', True),
        (b'"dur": 20', b'"dur": "20"', True),
        (b'"dur": 20', b'"dur" 20', False),
        (b'"name": "aten::mul",', b'"name": "aten::mul, ', False),
    ],
)
def test_one_bad_event_costs_at_most_itself(old: bytes, new: bytes, mended: bool) -> None:
    place = TEXT.index(old, len(TEXT) // 2)
    damaged = TEXT[:place] + new + TEXT[place + len(old) :]
    trace, notes = read_trace(io.BytesIO(damaged), "t.json")
    assert trace is not None
    assert trace.events == (WHOLE if mended else WHOLE - 1)
    assert trace.dropped == (0 if mended else 1)
    assert trace.operations["NanToNumBackward0"].calls.tolist() == [1, 1, 1]
    if trace.repaired or trace.dropped:
        told = next(note.text for note in notes if "at byte" in note.text)
        offset = int(re.findall(r"at byte ([\d,]+)", told)[0].replace(",", ""))
        assert damaged.rfind(b"}", 0, place) < offset <= place + 2


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(TEXT)))
def test_cut_anywhere_keeps_all_whole_events(at: int) -> None:
    trace, _ = read_trace(io.BytesIO(TEXT[:at]), "t.json")
    first = TEXT.index(b'"traceEvents": [')
    whole = len(re.findall(rb"\n  \},?(?=\n|\Z)", TEXT[first:at])) if at > first else 0
    assert (trace.events if trace else 0) in (min(whole, WHOLE), min(whole + 1, WHOLE))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_noise_never_breaks_the_reader(data: st.DataObject) -> None:
    noisy = bytearray(TEXT)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(noisy) - 1))
        noisy[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    read_trace(io.BytesIO(bytes(noisy)), "t.json")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_garbage_inside_the_list_is_left_out(garbage: bytes) -> None:
    rows = [json.dumps(one).encode() for one in job()]
    half = len(rows) // 2
    text = b'{"traceEvents": [' + b", ".join([*rows[:half], b'{"x": ' + garbage + b"}", *rows[half:]]) + b"]}"
    trace, _ = read_trace(io.BytesIO(text), "t.json")
    assert trace is not None
    if not re.search(rb'[{}\[\]"\\]', garbage):
        assert trace.operations["NanToNumBackward0"].total_calls == 3


def test_a_huge_text_and_deep_nesting_cost_neither_time_nor_memory() -> None:
    rows = [json.dumps(one).encode() for one in job()]
    deep = b'{"ph": "X", "args": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
    huge = b'{"ph": "X", "cat": "cpu_op", "name": "' + b"x" * (30 << 20) + b'", "ts": 1, "dur": 1}'
    text = b'{"traceEvents": [' + b",\n".join([rows[0], deep, *rows[1:20], huge, *rows[20:]]) + b"]}"
    stream = io.BytesIO(text)
    tracemalloc.start()
    try:
        trace, notes = read_trace(stream, "t.json")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert trace is not None
    assert trace.operations["NanToNumBackward0"].calls.tolist() == [1, 1, 1]
    assert trace.dropped == 2
    assert peak < 64 << 20
    assert any("2 events unreadable, left out" in note.text for note in notes)


def test_a_damaged_gz_gives_what_could_be_read(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps({"traceEvents": job(3000)}).encode())
    (tmp_path / "t.json.gz").write_bytes(whole[: len(whole) // 2])
    with open_file(tmp_path / "t.json.gz", fast=True) as stream:
        trace, notes = read_trace(stream, "t.json.gz")
        damage = damage_of(stream)
    assert trace is not None
    assert trace.truncated and 5_000 < trace.events < 33_001
    assert "it breaks off after" in notes[0].text and "the archive is cut after" in damage


@pytest.mark.parametrize("size", [3_000, 30_000])
def test_a_damaged_event_among_long_ones_costs_at_most_itself(size: int) -> None:
    """Few events fill the room for reading: what belongs to the damaged one is told only from more of the text."""
    texts = [json.dumps(event("aten::mul", at * 10, 5, stack="x" * size)) for at in range(900_000 // size)]
    texts[len(texts) // 3] = texts[len(texts) // 3].replace('"args": {', '"args": {{{"')
    trace = read(('{"traceEvents": [' + ", ".join(texts) + "]}").encode())
    assert trace.operations["aten::mul"].total_calls == len(texts) - 1
    assert trace.dropped == 1


def test_many_names_and_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_gather, "NAMES", 50)
    monkeypatch.setattr(trace_gather, "THREADS", 20)
    events = [event(f"op{n}", n, 1, tid=n) for n in range(500)]
    trace, notes = read_trace(io.BytesIO(json.dumps(events).encode()), "t.json")
    assert trace is not None
    assert sum(one.total_calls for one in trace.operations.values()) == 500
    assert len(trace.operations) <= 51
    assert any("different names" in note.text for note in notes)


def test_words_say_what_a_trace_gave() -> None:
    trace = read(TEXT)
    assert in_words(trace) == f"3 steps, {WHOLE} events, rank 5"
    assert in_words(replace(trace, steps=(), steps_seen=0, rank=None)) == f"no steps marked, {WHOLE} events"


@pytest.mark.parametrize("harm", ["checksum", "trailer", "appended", "cut"])
def test_a_damaged_archive_loses_nothing_that_unpacks(tmp_path: Path, harm: str) -> None:
    events = ",".join(
        json.dumps(
            {"ph": "X", "cat": "cpu_op", "name": f"aten::op{at % 7}", "pid": 1, "tid": 1, "ts": at * 10, "dur": 5}
        )
        for at in range(20_000)
    )
    packed = gzip.compress(f'{{"traceEvents": [{events}], "traceName": "x"}}'.encode())
    damaged = {
        "checksum": packed[:-8] + bytes(4) + packed[-4:], "trailer": packed[:-8], "appended": packed + b"more text",
        "cut": packed[: len(packed) * 9 // 10],
    }[harm]  # fmt: skip
    (tmp_path / "a.pt.trace.json.gz").write_bytes(damaged)
    (run,) = load_runs(tmp_path)
    (trace,) = run.traces
    whole = zlib.decompressobj(wbits=31).decompress(damaged) if harm == "cut" else gzip.decompress(packed)
    assert trace.events == whole.count(b"}", whole.index(b"[")) - (harm != "cut")
    assert any("archive is" in note.text for note in run.notes)
