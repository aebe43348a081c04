"""`wganlint probe init` writes what the source tells, says what is left, and its file runs."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT, Done
from test_target import probe_target

from wganlint.cli import run
from wganlint.errors import UsageError
from wganlint.probe.skeleton import Skeleton, skeleton, write


def of(folder: Path, **files: str) -> Skeleton:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return skeleton(folder, folder / "wganlint_probe.py")


def of_fixture(name: str) -> Skeleton:
    folder = ROOT / "fixtures" / name / "run"
    return skeleton(folder, folder / "wganlint_probe.py")


def test_the_skeleton_of_the_reference_needs_only_the_batch() -> None:
    made = of_fixture("sick")
    lines = made.text.splitlines()
    assert [lines[number - 1].strip() for number in made.todo] == [
        'raise NotImplementedError("TODO: return the tuple (tracks, counts, cond) of one batch of your data")'
    ]
    for text in (
        "from model import TrackCritic, TrackGenerator",
        "sys.path.insert(0, str(Path(__file__).parent / 'training'))",
        "critic = TrackCritic(score_clamp=1000.0)",
        "return made.tracks, made.counts, cond",
        "return fake_score.mean() - real_score.mean()",
        "return -fake_score.mean()",
        '"critic_optimizer": torch.optim.Adam(critic.parameters(), lr=0.0001, betas=(0.0, 0.9)),',
        '# not taken: SGD at training/train.py:39, if args.optimizer == "sgd"',
        '"critic_steps": 2,',
        "# left out: the penalty of gradient_penalty, training/model.py:",
    ):
        assert text in made.text, text
    assert max(len(line) for line in lines) <= 120


def test_places_are_those_of_the_source() -> None:
    made = of_fixture("sick")
    for line in made.text.splitlines():
        place, sign, quoted = line.strip().removeprefix("# ").partition("  ")
        file, _, number = place.rpartition(":")
        if sign and number.isdigit() and ".forward(" not in quoted:
            source = (ROOT / "fixtures/sick/run" / file).read_text().splitlines()[int(number) - 1]
            assert source.strip()[:100] == quoted


@pytest.mark.parametrize("name", ["healthy-gp", "healthy-clip", "healthy-sn", "sick", "probe/wrong-sign"])
def test_every_skeleton_is_python(name: str) -> None:
    ast.parse(of_fixture(name).text)


def test_signs_penalty_and_clipping_are_those_of_the_project() -> None:
    assert "2.0 * gradient_penalty(critic, real, fake)" in of_fixture("healthy-gp").text
    assert "real_score.mean() - fake_score.mean() + 10.0 *" in of_fixture("probe/wrong-sign").text
    clipped = of_fixture("healthy-clip").text
    assert "weights.clamp_(-0.01, 0.01)" in clipped
    assert "torch.optim.RMSprop(critic.parameters(), lr=5e-05)" in clipped


DCGAN = """
import argparse
import torch
from torch import nn, optim
parser = argparse.ArgumentParser()
parser.add_argument("--nz", type=int, default=100)
opt = parser.parse_args()
class Generator(nn.Module):
    def __init__(self, nz):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(nz, 2))
    def forward(self, z):
        return self.main(z)
class Discriminator(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    def forward(self, x):
        return self.main(x)
netG, netD = Generator(opt.nz), Discriminator(unknown())
criterion = nn.BCELoss()
optD = optim.Adam(netD.parameters(), lr=rate(), betas=(0.5, 0.999))
optG = optim.Adam(netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
for real in data:
    netD.zero_grad()
    lossD = criterion(netD(real), torch.ones(4, 1)) + criterion(netD(netG(noise).detach()), torch.zeros(4, 1))
    lossD.backward()
    optD.step()
    lossG = criterion(netD(netG(noise)), torch.ones(4, 1))
    lossG.backward()
    optG.step()
"""


def test_a_script_that_trains_when_it_is_imported_is_not_imported(tmp_path: Path) -> None:
    made = of(tmp_path, main=DCGAN)
    assert "import main" not in made.text
    assert "from main" not in made.text
    assert "importing main.py would run it" in made.text
    assert 'generator = todo("import Generator of main.py:8 and build it")' in made.text
    assert 'lr=todo("lr of the critic: rate()")' in made.text
    assert "or, as it is: " in write(tmp_path)
    assert "wganlint probe -- python main.py\n" in write(tmp_path, force=True)


def test_what_a_constructor_needs_is_taken_from_its_call_or_asked_for(tmp_path: Path) -> None:
    nets, _, rest = DCGAN.partition("netG, netD")
    head, _, classes = nets.partition("class Generator")
    classes = "from torch import nn\nclass Generator" + classes
    made = of(tmp_path, nets=classes, train=f"{head}from nets import Generator, Discriminator\nnetG, netD{rest}")
    assert "Generator(nz=100)" in made.text
    assert 'Discriminator(width=todo("width of Discriminator (train.py:' in made.text
    assert "functional.binary_cross_entropy(real_score, torch.ones_like(real_score))" in made.text
    assert "from torch.nn import functional" in made.text
    assert "from nets import Discriminator, Generator" in made.text


def test_nothing_that_is_known_still_gives_a_file_that_says_what_to_do(tmp_path: Path) -> None:
    made = of(tmp_path, empty="x = 1\n")
    ast.parse(made.text)
    for text in (
        "build the critic",
        "build the generator",
        "return the loss of the critic",
        "the optimizer of the critic",
    ):
        assert text in made.text
    assert len(made.todo) == 7


def test_a_hostile_source_writes_no_code_into_the_skeleton(tmp_path: Path) -> None:
    evil = DCGAN.replace("rate()", "('\"); import os; os.abort()  #' 'x\\x0c')").replace(
        "unknown()", "f('\"), print(1)' + '''\n\n\"\"\"\nimport os''')"
    )
    nets, _, rest = evil.partition("netG, netD")
    head, _, classes = nets.partition("class Generator")
    made = of(
        tmp_path, nets="from torch import nn\nclass Generator" + classes,
        train=f"{head}from nets import Generator, Discriminator\nnetG, netD{rest}",
    )  # fmt: skip
    tree = ast.parse(made.text)
    imports = [ast.unparse(one) for one in ast.walk(tree) if isinstance(one, (ast.Import, ast.ImportFrom))]
    assert imports == ["import torch", "from torch.nn import functional", "from nets import Discriminator, Generator"]
    names = {one.func.id for one in ast.walk(tree) if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)}
    assert names == {"todo", "Generator", "Discriminator", "NotImplementedError"}


def test_it_never_writes_over_a_file_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "fixtures/sick/run", folder)
    assert run(["probe", "init", str(folder)]) == 0
    told = capsys.readouterr().out
    file = folder / "wganlint_probe.py"
    assert f"written: {file}; fill in: line " in told
    assert f"then run: cd {folder} && wganlint probe --target wganlint_probe:pieces" in told
    file.write_text("mine")
    assert run(["probe", "init", str(folder)]) == 2
    assert "is there already\n  --force writes over it" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert run(["probe", "init", str(folder), "--force"]) == 0
    assert "TrackCritic" in file.read_text()


def test_it_takes_a_name_and_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("from torch import nn\nclass A(nn.Module): pass\nclass B(nn.Module): pass\n")
    write(tmp_path / "mine.py", "A", "B")
    assert "critic = A()" in (tmp_path / "mine.py").read_text()
    with pytest.raises(UsageError, match="no network C") as caught:
        write(tmp_path / "more.py", "C")
    assert "A, B" in caught.value.hint
    with pytest.raises(UsageError, match="no folder"):
        write(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no Python source"):
        write(tmp_path / "empty")


def test_the_file_is_no_source_of_the_run(tmp_path: Path) -> None:
    from wganlint.analysis import load_runs

    shutil.copytree(ROOT / "fixtures/sick/run", tmp_path / "run")
    write(tmp_path / "run")
    (one,) = load_runs([tmp_path / "run"])
    assert one.source is not None
    assert "wganlint_probe.py" not in one.source.files


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The skeleton of the reference, with nothing but its batch filled in, under the probe."""
    folder = tmp_path_factory.mktemp("filled") / "run"
    shutil.copytree(ROOT / "fixtures/sick/run", folder)
    write(folder)
    file = folder / "wganlint_probe.py"
    text = file.read_text()
    (line,) = [one for one in text.splitlines() if "raise NotImplementedError" in one and "batch" in one]
    batch = "    from data import batches\n    one = next(iter(batches(1, 256, 71)))\n    return one.tracks, one.counts, one.cond"
    file.write_text(text.replace(line, batch))
    return probe_target(folder, "wganlint_probe:pieces", "", "--steps", "6", "--seed", "71")


def test_the_filled_skeleton_of_the_reference_finds_the_reference_fault(filled: Done) -> None:
    assert filled.code == 0, filled.err
    probe = filled.probe
    (clamp,) = [one for one in probe.bounds if one.score]
    shares = {share.side: share.share for share in clamp.sides}
    assert shares == {"real": 0.0, "fake": 1.0}
    assert clamp.line.file == "training/model.py"
    assert probe.jumps[0].op == "full"
    assert {one.name: one.works for one in probe.trials}["generator-alone"] is False
    (samples,) = [one for one in probe.empties if one.what == "samples"]
    assert samples.sides[0].share == 1.0


def test_an_unfilled_skeleton_says_which_line_to_fill_in(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/sick/run", folder)
    write(folder)
    done = probe_target(folder, "wganlint_probe:pieces")
    assert done.code == 2
    flat = " ".join(done.out.split())
    assert "TODO: return the tuple (tracks, counts, cond) of one batch of your data at wganlint_probe.py:" in flat


def test_init_imports_no_torch() -> None:
    code = (
        "import sys; from wganlint.cli import run; run(['probe', 'init', '--help']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_target_cannot_clear_the_loop_of_the_program(tmp_path: Path) -> None:
    """The skeleton's own loop gives the generator a gradient; that of the source, which detaches, still does not."""
    from wganlint import analyze

    folder = tmp_path / "run"
    shutil.copytree(ROOT / "fixtures/probe/detached-generator/run", folder)
    before = {one.code: (one.severity, one.confidence) for one in analyze(folder).findings}
    assert str(before["GAN011"][0]) == "high"
    write(folder)
    file = folder / "wganlint_probe.py"
    text = file.read_text()
    (line,) = [one for one in text.splitlines() if "raise NotImplementedError" in one]
    file.write_text(text.replace(line, "    return torch.randn(64, 2)"))
    done = probe_target(folder, "wganlint_probe:pieces", "", "--steps", "6", "--no-plain")
    assert done.code == 0, done.err
    assert done.probe.target is True
    assert done.probe.gradient("generator") is not None
    assert not done.probe.dead("generator")
    (folder / "net.py").unlink()
    assert {one.code: (one.severity, one.confidence) for one in analyze(folder).findings} == before
