"""What a live probe measured is an input like any other, and a stranger's file gives a note, never a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins as asdict

from wganlint.analysis import analyze, load_runs
from wganlint.errors import InputError
from wganlint.measured import Bound, Ending, Gradient, Line, Probe, Share, Timing
from wganlint.read.probed import read_probe

CLAMP = Bound(
    Line("training/model.py", 114, "return torch.clamp(score)", "forward"),
    "clamp", -1000.0, 1000.0, (Share("fake", 2, 512, 512, 256, 256, 1, 256, 256, 4),), score=True,
)  # fmt: skip
DEAD = Gradient("critic", "", None, 3, 6, 0, 6, 0.0, 0.0, 0.0, 0.0, True)
PROBE = Probe(
    ("python", "training/train.py"), "training/train.py", "run", "3.11", "2.13.0", "cpu", "default", 20, 20, 5,
    Ending("steps", "stopped after 20 steps"), Timing(1.0), bounds=(CLAMP,), gradients=(DEAD,),
)  # fmt: skip


def written(probe: Probe = PROBE, **changed: object) -> bytes:
    return json.dumps({"wganlint-probe": 1, **asdict(probe), **changed}).encode()


def test_what_was_written_is_read_and_shares_are_arithmetic() -> None:
    probe = read_probe(written(), "probe.json")
    assert probe.bounds[0].sides[0].share == 1.0
    assert probe.bounds[0].line == CLAMP.line
    assert probe.dead("critic") == ("",)
    assert probe.file == "probe.json"


def test_lines_are_named_as_seen_from_the_file() -> None:
    assert read_probe(written(), "a/b/probe.json").bounds[0].line.file == "a/b/training/model.py"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"{", "not readable"),
        (b"[]", "another version"),
        (b'{"wganlint-probe": 99}', "another version (99"),
        (b'{"wganlint-probe": true}', "another version"),
        (b'{"wganlint-probe": 1}', "missing required field"),
        (written(steps="many"), "Expected `int`"),
        (written(steps=-1), "negative"),
        (written(script="x" * 3000), "3000 characters"),
        (written(memory_peak=1 << 62), "beyond"),
        (written(bounds=[{**asdict(CLAMP), "sides": [{**asdict(CLAMP.sides[0]), "hit": 513}]}]), "513 of 512"),
        (written(bounds=[{**asdict(CLAMP), "sides": [{**asdict(CLAMP.sides[0]), "side": "evil"}]}]), "side"),
        (written().replace(b"1000.0", b"1e999"), "not"),
        (b'{"wganlint-probe": ' + b"[" * 100_000, "not readable"),
    ],
)
def test_a_strangers_file_is_refused_with_its_reason(data: bytes, says: str) -> None:
    with pytest.raises(InputError) as told:
        read_probe(data, "probe.json")
    assert says in told.value.what


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 5000), st.binary(max_size=6))
def test_damage_never_escapes(at: int, what: bytes) -> None:
    data = written()
    at %= len(data)
    with suppress(InputError):
        read_probe(data[:at] + what + data[at + len(what) :], "probe.json")


def log_of(folder: Path) -> Path:
    log = folder / "train.log"
    log.write_text("".join(f"step={n} c_loss=-0.{n} g_loss=0.{n + 1}\n" for n in range(10, 40)))
    return log


def test_a_folder_with_a_probe_gives_a_run_with_a_probe(tmp_path: Path) -> None:
    log_of(tmp_path)
    (tmp_path / "probe.json").write_bytes(written())
    (run,) = load_runs(tmp_path)
    assert run.probe is not None
    assert run.probe.steps == 20
    assert next(one for one in run.inputs if one.kind == "probe").used


def test_a_probe_that_is_named_by_itself_joins_the_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    log = log_of(tmp_path / "run")
    (tmp_path / "measured.json").write_bytes(written())
    (run,) = load_runs([log.parent, tmp_path / "measured.json"])
    assert run.series
    assert run.probe is not None


def test_a_probe_alone_is_a_run(tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_bytes(written())
    (run,) = load_runs(tmp_path / "probe.json")
    assert run.probe is not None


def test_a_broken_probe_is_told_and_the_log_is_judged(tmp_path: Path) -> None:
    log_of(tmp_path)
    (tmp_path / "probe.json").write_bytes(b'{"wganlint-probe": 1, "steps": []}')
    report = analyze(tmp_path)
    (note,) = [text for text, _ in report.runs[0].notes if "probe" in text]
    assert note.startswith("the probe is not used")


def test_the_latest_of_several_probes_counts(tmp_path: Path) -> None:
    import os

    log_of(tmp_path)
    for name, when, steps in (("a.json", 2000, 7), ("b.json", 1000, 8)):
        (tmp_path / name).write_bytes(written(steps=steps))
        os.utime(tmp_path / name, (when, when))
    (run,) = load_runs(tmp_path)
    assert run.probe is not None
    assert run.probe.steps == 7
