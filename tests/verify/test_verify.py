"""`wganlint verify` as somebody calls it: on the reference fault, in CI, without LibCST, on what is well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SICK = ["training/train.py", "--optimizer", "sgd", "--lr", "1e-5", "--momentum", "0.5", "--profile-steps", "0"]
need = [name for name in ("torch", "libcst") if find_spec(name) is None]
able = pytest.mark.skipif(bool(need), reason=f"{' and '.join(need)} not installed (pip install 'wganlint[probe]')")


def verify(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    gates = {"CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "JENKINS_URL", "TF_BUILD"}
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    mine = {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONPATH": path, **environment}
    return subprocess.run(
        [sys.executable, "-m", "wganlint", "verify", *words],
        capture_output=True, text=True, cwd=folder, check=False, timeout=600,
        env={name: value for name, value in os.environ.items() if name not in gates} | mine,
    )  # fmt: skip


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "fixtures/sick/run", tmp_path / "sick")
    return tmp_path / "sick"


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@able
def test_the_reference_fault_gets_one_verified_edit_and_a_patch_that_trains(sick: Path) -> None:
    before = files(sick)
    done = verify(
        sick, "--steps", "8", "--seeds", "0", "--only", "DAT004,SAT006", "--patch", "fix.diff", "--",
        sys.executable, *SICK,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "CURES    Start the count head above its dead zone (DAT004)" in done.stdout
    assert "HIDES    Fill empty groups with zero" in done.stdout
    assert "still sick: 100 % of the fakes empty; generator gradient 0" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "this runs your code in copies of this folder" in done.stderr
    after = files(sick)
    assert {name: after.pop(name) for name in ("verify.json", "fix.diff")}
    assert after == before
    kept = json.loads((sick / "verify.json").read_text(encoding="utf-8"))
    assert kept["smallest"] == [
        [{"title": "Start the count head above its dead zone", "code": "DAT004", "edit": "count-bias"}]
    ]
    assert kept["fixes"][1]["seeds"]["0"]["signs"]["empty"] == 1.0
    subprocess.run(["git", "apply", "fix.diff"], cwd=sick, check=True)
    trained = subprocess.run(
        [sys.executable, *SICK, "--seed", "0", "--batches", "10"], cwd=sick, capture_output=True, text=True, check=True
    )
    assert "[global] batches=10" in trained.stdout
    assert "c_loss=-1000" not in trained.stdout


@able
def test_a_command_under_which_nothing_is_sick_is_said_to_be_so(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/probe/detached-generator/run", folder)
    source = folder / "src/train.py"
    source.write_text(source.read_text(encoding="utf-8").replace("fake = generator(torch.randn(size, Z_DIM)).detach()", "fake = generator(torch.randn(size, Z_DIM))"), encoding="utf-8")  # fmt: skip
    done = verify(folder, "--steps", "8", "--", sys.executable, "src/train.py")
    assert done.returncode == 3
    assert "after 8 steps of this command no vital sign is sick" in done.stdout


@able
def test_a_detached_generator_is_cured_by_the_path_that_was_cut(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/probe/detached-generator/run", folder)
    done = verify(folder, "--steps", "24", "--only", "GAN011", "--", sys.executable, "src/train.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CURES    Give the critic fresh fakes with their graph" in done.stdout


@able
@pytest.mark.parametrize(
    ("name", "code", "sick", "line"),
    [
        (
            "wrong-parameters",
            "OPT004",
            "no optimizer holds generator",
            "optimizer_G = optim.Adam(generator.parameters(),",
        ),
        ("batchnorm-critic", "GP002", "", "nn.LayerNorm(hidden),"),
        (
            "masked-radius-backward",
            "NUM002",
            "non-finite elements masked",
            "r = (xy.square().sum(dim=2) + 1e-12).sqrt()",
        ),
    ],
)
def test_a_planted_fault_is_sick_and_its_fix_cures_it(
    tmp_path: Path, name: str, code: str, sick: str, line: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/probe" / name / "run", folder)
    done = verify(folder, "--steps", "12", "--only", code, "--patch", "fix.diff", "--", sys.executable, "src/train.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sick: {sick}" in " ".join(done.stdout.split()) or sick.partition(" ")[2] in done.stdout
    assert f"({code})" in done.stdout.partition("CURES")[2].partition("Do this first")[0]
    assert "1 fix to try: 1 run of about" in done.stderr
    assert f"+ {line}"[:40] in done.stdout
    subprocess.run(["git", "apply", "fix.diff"], cwd=folder, check=True)
    assert any(line in one.read_text(encoding="utf-8") for one in folder.rglob("*.py"))


@able
def test_a_limit_of_runs_lists_what_was_not_tried(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/probe/wrong-sign/run", folder)
    done = verify(folder, "--steps", "8", "--most-runs", "2", "--", sys.executable, "src/train.py")
    assert done.returncode == 0
    assert "at most 2 times" in done.stderr
    assert "1 of 2" not in done.stderr  # nobody looks: only what must be known
    assert "sick: both losses pull the scores of fakes up" in done.stdout
    assert "CURES    Turn the sign of the generator's loss (GAN005)" in done.stdout
    assert "+ loss_g = critic(fake).mean()" in done.stdout
    assert "not all was tried: the limit of 2 runs was met (--most-runs)" in done.stdout
    left = done.stdout.partition("Not tried")[2]
    assert "Give the critic betas (0, 0.9), or RMSprop (OPT003): the limit of 2 runs was met" in " ".join(left.split())


def running(word: str) -> list[str]:
    """Return the processes of which the command line holds a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word in (folder / "cmdline").read_bytes().decode("utf-8", "replace"):
                found.append(folder.name)
        except OSError:
            continue
    return found


@able
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_what_runs_and_is_told(sick: Path, how: signal.Signals) -> None:
    room = sick.parent / "room"
    room.mkdir()
    words = ["verify", "--yes", "--steps", "4", "--", sys.executable, *SICK]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(room), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "wganlint", *words], cwd=sick, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "to try" in line:
            break
    for _ in range(200):
        if running(str(room)):
            break
        time.sleep(0.05)
    process.send_signal(how)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "you stopped it before" in out
    assert running(str(room)) == []
    assert [one.name for one in room.iterdir() if one.name.startswith("wganlint")] == []


@able
def test_a_script_that_fails_is_told(sick: Path) -> None:
    done = verify(sick, "--steps", "4", "--", sys.executable, "training/train.py", "--no-such-option")
    assert done.returncode == 2
    assert "the script itself fails" in done.stdout


def test_user_code_does_not_run_in_ci_unless_asked(sick: Path) -> None:
    if "libcst" in need:
        pytest.skip("LibCST is asked for first")
    done = verify(sick, "--", sys.executable, *SICK, CI="true")
    assert done.returncode == 2
    assert "this is CI" in done.stderr
    assert "--yes" in done.stderr


def test_a_file_of_somebody_else_is_not_written_over(sick: Path) -> None:
    if "libcst" in need:
        pytest.skip("LibCST is asked for first")
    (sick / "verify.json").write_text('{"mine": 1}', encoding="utf-8")
    done = verify(sick, "--", sys.executable, *SICK)
    assert done.returncode == 2
    assert "is not a file of verify" in done.stderr


def test_without_libcst_one_line_says_how_to_get_it(sick: Path, tmp_path: Path) -> None:
    (tmp_path / "block").mkdir()
    (tmp_path / "block/libcst.py").write_text("raise ImportError", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "block"), str(ROOT / "src")])
    done = verify(sick, "--", sys.executable, *SICK, PYTHONPATH=path)
    assert done.returncode == 2
    assert "needs LibCST" in done.stderr
    assert "pip install 'wganlint[probe]'" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr
