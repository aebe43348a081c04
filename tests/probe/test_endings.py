"""A script that crashes, hangs, forks, swallows or exits gets a clear account, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from programs import ROOT, Done, probe

from wganlint.errors import UsageError
from wganlint.probe.command import command_of

GAME = """
import sys, os, time
import torch
from torch import nn
torch.manual_seed(1)
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    def forward(self, z):
        return self.net(z)
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    def forward(self, x):
        return self.net(x)
G, D = Generator(), Critic()
opt_G, opt_D = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
def step(real, G=G, D=D):
    fake = G(torch.randn(len(real), 4)).detach()
    loss = D(fake).mean() - D(real).mean()
    opt_D.zero_grad(); loss.backward(); opt_D.step()
    loss = -D(G(torch.randn(len(real), 4))).mean()
    opt_G.zero_grad(); loss.backward(); opt_G.step()
"""


def alive(token: str) -> list[str]:
    """Return the processes of which a word of the command line is this token."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if token in (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0"):
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_a_crash_is_told_with_its_line_and_what_was_measured_is_kept(program: Callable[..., Done]) -> None:
    done = program(
        GAME
        + "for n in range(9):\n    step(torch.randn(16, 2))\n    if n == 2:\n        raise RuntimeError('the disk is full')\n",
        "--no-plain",
    )
    assert done.code == 2
    assert done.probe.ending.kind == "crashed"
    assert done.probe.steps == 6
    assert "RuntimeError: the disk is full at train.py:" in " ".join(done.out.split())
    assert len(done.probe.networks) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_a_hang_is_ended_with_all_that_it_started(program: Callable[..., Done]) -> None:
    token = f"wganlint-test-{os.getpid()}-{time.monotonic_ns()}"
    text = (
        GAME
        + f"""
import subprocess
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', {token!r}])
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', {token!r}], start_new_session=True)
step(torch.randn(16, 2))
while True:
    time.sleep(0.1)
"""
    )
    begun = time.monotonic()
    done = program(text, "--no-plain", "--timeout", "30")
    assert time.monotonic() - begun < 90
    assert done.code == 2
    assert done.probe.ending.kind == "timeout"
    assert "still running after 30 s" in done.out
    assert "train.py:" in done.out
    assert done.probe.steps == 2
    assert alive(token) == []


def test_a_script_that_is_busy_before_its_first_step_is_told_where(program: Callable[..., Done]) -> None:
    text = """
import torch

def deep(n):
    return 0 if n == 0 else 1 + deep(n - 1)

while True:
    deep(60)
    torch.zeros(3).clamp(0, 1)
"""
    done = program(text, "--no-plain", "--timeout", "12")
    assert done.code == 2
    assert "still running after 12 s, and was ended at train.py:" in " ".join(done.out.split())
    assert f"(torch {version('torch')}" in done.out  # what was seen until then is told
    assert "clamp [0, 1] holds 100 % of all: train.py:9" in done.out


def test_exit_is_told_with_its_code(program: Callable[..., Done]) -> None:
    done = program(GAME + "step(torch.randn(16, 2))\nsys.exit(4)\n", "--no-plain")
    assert done.code == 2
    assert done.probe.ending.text == "the script called exit(4)"


def test_a_process_that_ends_without_a_word_is_told(program: Callable[..., Done]) -> None:
    done = program(GAME + "step(torch.randn(16, 2))\nos._exit(0)\n", "--no-plain")
    assert done.code == 2
    assert "without a word" in done.out


def test_exit_in_the_middle_of_a_good_run_is_no_failure(program: Callable[..., Done]) -> None:
    done = program(GAME + "step(torch.randn(16, 2))\nsys.exit()\n", "--no-plain")
    assert done.code == 0
    assert (done.probe.ending.kind, done.probe.steps) == ("finished", 2)


def test_a_hard_exit_with_a_code_is_told_with_what_was_printed_last(program: Callable[..., Done]) -> None:
    done = program(
        GAME + "step(torch.randn(16, 2))\nprint('CUDA error: gone', flush=True)\nos._exit(7)\n", "--no-plain"
    )
    assert done.code == 2
    assert (done.probe.ending.kind, done.probe.steps) == ("crashed", 2)
    assert "its process ended with code 7: CUDA error: gone" in done.out


def test_a_signal_is_told_by_its_name(program: Callable[..., Done]) -> None:
    done = program(GAME + "step(torch.randn(16, 2))\nos.kill(os.getpid(), 9)\n", "--no-plain")
    assert done.code == 2
    assert (done.probe.ending.kind, done.probe.steps) == ("killed", 2)
    assert "its process was ended by SIGKILL, as when memory runs out" in done.out


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_a_fork_is_left_alone_and_ended_with_the_script(program: Callable[..., Done]) -> None:
    token = f"wganlint-test-{os.getpid()}-{time.monotonic_ns()}"
    text = (
        GAME
        + f"""
torch.set_num_threads(1)
short = os.fork()
if not short:
    step(torch.randn(16, 2))  # seen by nobody
    os._exit(0)
os.waitpid(short, 0)
if not os.fork():
    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(100)', {token!r}])
for n in range(20):
    step(torch.randn(16, 2))
"""
    )
    done = program(text, "--steps", "6")
    assert done.code == 0, done.err
    assert (done.probe.ending.kind, done.probe.steps, done.probe.unchanged) == ("steps", 6, True)
    assert alive(token) == []


def test_every_way_to_compile_runs_eagerly_and_is_said(program: Callable[..., Done]) -> None:
    text = (
        GAME
        + """
@torch.compile(fullgraph=True)
def score(x):
    return D(x).clamp(-1, 1).mean()
G.compile()
for n in range(9):
    loss = score(G(torch.randn(16, 4)).detach()) - score(torch.randn(16, 2))
    opt_D.zero_grad(); loss.backward(); opt_D.step()
    loss = -score(G(torch.randn(16, 4)))
    opt_G.zero_grad(); loss.backward(); opt_G.step()
"""
    )
    done = program(text, "--no-plain", "--steps", "6")
    assert done.code == 0, done.out
    assert done.probe.steps == 6
    (clamp,) = [one for one in done.probe.bounds if one.op == "clamp"]
    assert {share.side: share.calls for share in clamp.sides} == {"real": 3, "fake": 6}
    assert "torch.compile: it is turned off under the probe" in " ".join(done.out.split())


def begun(folder: Path, text: str, token: str, *options: str) -> subprocess.Popen[str]:
    """Start a probe and wait until its program has started a process with this token."""
    folder.mkdir()
    (folder / "train.py").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "wganlint", "probe", "--no-analyze", "--yes", *options, "--", sys.executable, "train.py"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    until = time.monotonic() + 90
    while not alive(token) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.1)
    assert alive(token), process.communicate()
    return process


def endless(token: str) -> str:
    return (
        GAME
        + f"""
import subprocess
for n in range(3):
    step(torch.randn(16, 2))
time.sleep(2.5)  # a thread writes what is known each second
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', {token!r}], start_new_session=True)
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)', {token!r}])
while True:
    time.sleep(0.1)
"""
    )


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("plain", ["--plain", "--no-plain"])
def test_ctrl_c_gives_an_account_and_leaves_nothing_running(plain: str, tmp_path: Path) -> None:
    token = f"wganlint-test-{os.getpid()}-{time.monotonic_ns()}"
    process = begun(tmp_path / "project", endless(token), token, plain)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "how it ended: you stopped it (Ctrl-C)" in out
    assert "Traceback" not in out + err
    assert alive(token) == []
    if plain == "--no-plain":
        assert "6 optimizer steps" in out
        assert (tmp_path / "project" / "probe.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_a_probe_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    token = f"wganlint-test-{os.getpid()}-{time.monotonic_ns()}"
    process = begun(tmp_path / "project", endless(token), token, "--no-plain")
    process.kill()
    process.communicate(timeout=60)
    until = time.monotonic() + 20
    while alive(token) and time.monotonic() < until:
        time.sleep(0.1)
    assert alive(token) == []


def test_a_script_without_an_optimizer_step_gives_code_3(program: Callable[..., Done]) -> None:
    done = program("print('nothing to do')", "--no-plain")
    assert done.code == 3
    assert "0 optimizer steps" in done.out
    assert not (done.folder / "probe.json").exists()


def test_a_script_that_swallows_the_stop_is_ended(program: Callable[..., Done]) -> None:
    text = GAME + "while True:\n    try:\n        step(torch.randn(16, 2))\n    except BaseException:\n        pass\n"
    done = program(text, "--no-plain", "--steps", "6")
    assert done.code == 0
    assert done.probe.ending.kind == "stopped-hard"
    assert done.probe.steps == 6


def test_workers_compile_and_data_parallel_are_measured_as_they_are(program: Callable[..., Done]) -> None:
    text = (
        GAME
        + """
from torch.utils.data import DataLoader, TensorDataset
def pick(rows):
    return torch.stack([row[0] for row in rows]).clamp(-3, 3)
def main():
    parallel, compiled = nn.DataParallel(D), torch.compile(G)
    data = TensorDataset(torch.randn(640, 2))
    loader = DataLoader(data, batch_size=16, num_workers=2, collate_fn=pick)
    for real in loader:
        step(real, compiled, parallel)
if __name__ == '__main__':
    main()
"""
    )
    done = program(text)
    assert done.code == 0, done.err
    probe = done.probe
    assert probe.unchanged is True
    roles = {one.class_name: (one.role, one.calls.get("real", 0), one.calls.get("fake", 0)) for one in probe.networks}
    assert roles == {"Critic": ("critic", 10, 20), "Generator": ("generator", 0, 0)}
    assert not [one for one in probe.bounds if one.op == "clamp"]  # it ran in the workers, which are left alone
    assert any("compile" in one.what for one in probe.gaps)


ALIVE = """
import gc, weakref
seen, counts = [], []
def count():
    gc.collect()
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())
for n in range(40):
    real = torch.randn(16, 2)
    fake = G(torch.randn(16, 4))
    inner = fake * 2
    seen.append((weakref.ref(real), weakref.ref(fake), weakref.ref(inner)))
    del fake, inner
    step(real)
    del real
    if n in (FIRST, SECOND):
        counts.append(count())
        assert not [one for refs in seen[1:n + 1 - LAST] for one in refs if one() is not None], n
assert counts[0] == counts[1], counts
"""


@pytest.mark.parametrize("mode", [(), ("--light",)], ids=["default", "light"])
def test_no_tensor_outlives_its_step(program: Callable[..., Done], mode: tuple[str, ...]) -> None:
    text = "FIRST, SECOND, LAST = 8, 24, 0\n" + GAME + ALIVE
    done = program(text, "--no-plain", "--steps", "79", *mode)
    assert done.code == 0, done.out
    assert done.probe.ending.kind in ("steps", "finished"), done.out


@pytest.mark.parametrize("mode", [(), ("--light",)], ids=["default", "light"])
def test_for_the_experiments_only_the_last_batch_is_held(program: Callable[..., Done], mode: tuple[str, ...]) -> None:
    text = "FIRST, SECOND, LAST = 7, 8, 1\n" + GAME + ALIVE
    done = program(text, "--no-plain", *mode)
    assert done.code == 0, done.out
    assert done.probe.trials


def test_the_project_is_not_written_and_the_attempt_is_told(program: Callable[..., Done], tmp_path: Path) -> None:
    text = (
        GAME
        + """
import pathlib
pathlib.Path('out').mkdir()
torch.save(D.state_dict(), 'out/last.pt')
step(torch.randn(16, 2))
torch.save(D.state_dict(), HOME + '/last.pt')
"""
    )
    done = program(f"HOME = {str(tmp_path / 'project')!r}\n{text}", "--no-plain")
    assert done.code == 2
    assert "the probe changes nothing there" in done.out
    assert sorted(path.name for path in done.folder.iterdir()) == ["probe.json", "train.py"]


def test_in_ci_it_runs_nothing_unless_asked(tmp_path: Path) -> None:
    from wganlint.probe.probing import Options
    from wganlint.probe.session import probe_and_write

    (tmp_path / "train.py").write_text("open('ran', 'w')")
    old = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        with pytest.raises(UsageError, match="CI"):
            probe_and_write(
                command_of([sys.executable, str(tmp_path / "train.py")]), Options(), tmp_path / "probe.json",
                yes=False, say=lambda text: None,
            )  # fmt: skip
    finally:
        os.environ.pop("CI") if old is None else os.environ.update(CI=old)


def test_without_torch_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import torch")
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "torch.py").write_text("raise ImportError('No module named torch')")
    old = os.environ.get("PYTHONPATH")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from wganlint.cli import run; sys.exit(run(sys.argv[1:]))",
         "probe", "--yes", "--", sys.executable, "train.py"],
        capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60, env=os.environ | {"PYTHONPATH": str(tmp_path / "fake")},
    )  # fmt: skip
    assert old == os.environ.get("PYTHONPATH")
    assert done.returncode == 2
    assert "there is no torch in" in done.stderr
    assert "pip install torch" in done.stderr


def test_a_file_that_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("1")
    (tmp_path / "probe.json").write_text("{}")
    done = probe(tmp_path)
    assert done.code == 2
    assert "not the file of a probe" in done.err
    assert (tmp_path / "probe.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to run"),
        (["torchrun", "train.py"], "one process"),
        (["bash", "x.sh"], "no Python command"),
        (["python", "nowhere.py"], "no script nowhere.py"),
        (["python", "-u"], "no script is named"),
        (["python", "-m"], "needs a value"),
    ],
)
def test_what_is_no_python_command_is_told(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=says):
        command_of(words)


def test_the_parts_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    one = command_of(["nice", "-n", "5", sys.executable, "-u", "-W", "ignore", "train.py", "--lr", "1", "-m"])
    assert (one.prefix, one.options, one.kind, one.name) == (
        ("nice", "-n", "5"),
        ("-u", "-W", "ignore"),
        "script",
        "train.py",
    )
    assert one.arguments == ("--lr", "1", "-m")
    two = command_of([sys.executable, "-m", "pkg.train", "--x"])
    assert (two.kind, two.name, two.arguments) == ("module", "pkg.train", ("--x",))
    assert command_of(["train.py", "a"]).interpreter == sys.executable
