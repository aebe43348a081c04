"""Which device the program sees, what its memory held, and a window of torch.profiler through our own readers."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from programs import ROOT, Done
from test_endings import GAME
from test_target import probe_target

from wganlint.read.profile_table import TableReader
from wganlint.read.trace import read_trace

STEPS = GAME + "for n in range(9):\n    step(torch.randn(16, 2))\n"


def has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def cuda() -> None:
    if not has_cuda():
        pytest.skip("there is no CUDA device here")


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return probe_target(tmp_path_factory.mktemp("profiled"), "pieces", "", "--steps", "9", "--profile", "--no-plain")


def test_the_window_is_written_and_told(profiled: Done) -> None:
    assert profiled.code == 0, profiled.err
    assert "written: probe.trace.json.gz, probe.profile" in profiled.err
    flat = " ".join(profiled.out.split())
    assert "profile steps 5 to 8, without instruments:" in flat
    assert "calls of operations" in flat
    assert "ms of its own on CPU" in flat
    assert all(len(line) <= 80 for line in profiled.out.splitlines())


def test_trace_and_table_of_the_window_agree_in_our_readers(profiled: Done) -> None:
    with gzip.open(profiled.folder / "probe.trace.json.gz") as stream:
        trace, _ = read_trace(stream, "probe.trace.json.gz")  # type: ignore[arg-type]
    reader = TableReader("probe.profile")
    for number, line in enumerate((profiled.folder / "probe.profile").read_text().split("\n"), 1):
        reader.feed(number, line)
    reader.finish()
    assert trace is not None
    assert trace.complete
    (table,) = reader.tables
    assert not table.limited
    calls = {row.name: row.calls for row in table.rows if row.kind in ("op", "node")}
    assert len(calls) > 20
    own = {name: calls[name] for name in ("aten::addmm", "aten::leaky_relu", "AddmmBackward0", "aten::clamp")}
    assert own == {name: trace.operations[name].total_calls for name in own}
    # steps 5 to 8: three of the critic (real, fake, mixed), one of the generator (fake)
    assert trace.operations["aten::clamp"].total_calls == 3 * 3 + 1


def test_the_window_is_an_input_of_the_run_unless_it_has_a_profile_of_its_own(profiled: Done, tmp_path: Path) -> None:
    from wganlint.analysis import load_runs

    (run,) = load_runs([profiled.folder])
    assert [trace.place.file for trace in run.traces] == ["probe.trace.json.gz"]
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/sick/run", folder)
    for name in ("probe.json", "probe.trace.json.gz", "probe.profile"):
        shutil.copy(profiled.folder / name, folder / name)
    (run,) = load_runs([folder])
    assert len(run.tables) == 3
    assert run.traces == ()
    (one,) = [one for one in run.inputs if one.path == "probe.trace.json.gz"]
    assert (one.used, one.why) == (False, "a probe's profiler window: the run's own profile is taken")


def test_a_program_that_profiles_itself_is_left_alone(program: Callable[..., Done]) -> None:
    text = STEPS + "from torch.profiler import profile\nwith profile():\n    step(torch.randn(16, 2))\nprint('done')\n"
    done = program(text, "--no-plain", "--profile", "--steps", "20")
    assert done.code == 0, done.err
    assert "no profile: the program started a profiler of its own meanwhile" in done.err
    assert not (done.folder / "probe.trace.json.gz").exists()


def test_too_few_steps_for_a_window_are_said(program: Callable[..., Done]) -> None:
    done = program(STEPS, "--no-plain", "--profile", "--steps", "2")
    assert done.code == 0
    assert "no profile: --steps 2 leaves no room for it" in done.err


def test_the_cpu_is_wanted_so_no_cuda_device_is_seen(program: Callable[..., Done]) -> None:
    text = "import os\nassert os.environ['CUDA_VISIBLE_DEVICES'] == ''\n" + STEPS
    assert program(text, "--no-plain", "--device", "cpu", "--steps", "4").code == 0


def test_cuda_without_a_device_is_an_error_that_says_what_to_do(
    program: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = program(STEPS, "--no-plain", "--device", "cuda", "--steps", "4")
    assert done.code == 2
    assert "--device cuda: " in done.err
    assert "run it where there is one, or --device cpu" in done.err
    assert not (done.folder / "probe.json").exists()


def test_cuda_for_a_target_is_refused_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wganlint.probe.inside.device import device_of
    from wganlint.probe.inside.pieces import Refused

    if has_cuda():
        pytest.skip("there is a CUDA device here")
    with pytest.raises(Refused, match="--device cuda"):
        device_of("cuda")
    assert device_of("auto") is None
    assert str(device_of("cpu")) == "cpu"


def test_there_is_no_memory_peak_without_a_device(profiled: Done) -> None:
    if not has_cuda():
        assert profiled.probe.memory_peak is None
        assert "memory of the device" not in profiled.out


@pytest.mark.cuda
@pytest.mark.usefixtures("cuda")
def test_a_target_on_cuda_has_kernels_and_a_memory_peak(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "pieces", "", "--steps", "9", "--profile", "--device", "cuda")
    assert done.code == 0, done.err
    probe = done.probe
    assert probe.device.startswith("cuda")
    assert probe.memory_peak is not None
    assert probe.memory_peak > 0
    assert "memory of the device at most:" in done.out
    with gzip.open(tmp_path / "probe.trace.json.gz") as stream:
        trace, _ = read_trace(stream, "probe.trace.json.gz")  # type: ignore[arg-type]
    assert trace is not None
    assert trace.kernels > 0
    assert trace.operations["aten::addmm"].total_device_ns > 0
    flat = " ".join(done.out.split())
    assert "kernels on" in flat
    assert "ms of its own on CUDA" in flat


@pytest.mark.cuda
@pytest.mark.usefixtures("cuda")
def test_the_cpu_is_used_although_there_is_cuda(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "bare", "", "--device", "cpu")
    assert done.code == 0, done.err
    assert done.probe.device == "cpu"
