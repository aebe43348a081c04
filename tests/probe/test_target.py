"""A function that returns the pieces is trained by a loop of the probe's own, and feeds the same instruments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import ROOT, Done

from wganlint.errors import UsageError
from wganlint.probe.command import checkpoints_of, command_of, target_of

NET = """
import os
import torch
from torch import nn

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    def forward(self, z):
        return self.net(z)

class Critic(nn.Module):
    def __init__(self, bound=1000.0):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        self.bound = bound
    def forward(self, x):
        return torch.clamp(self.net(x), -self.bound, self.bound)

def penalty(critic, real, fake):
    alpha = torch.rand(len(real), 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()

def critic_loss(critic, real, fake, real_score, fake_score):
    return fake_score.mean() - real_score.mean() + 10 * penalty(critic, real, fake)

def generator_loss(fake_score):
    return -fake_score.mean()

def bare(**more):
    return {"critic": Critic(), "generator": Generator(), "real": torch.randn(32, 2) + 3, **more}

def losses(**more):
    return bare(critic_loss=critic_loss, generator_loss=generator_loss, **more)

def pieces():
    found = losses(noise=lambda real: torch.randn(len(real), 4), critic_steps=2)
    found["critic_optimizer"] = torch.optim.Adam(found["critic"].parameters(), 1e-3)
    found["generator_optimizer"] = torch.optim.Adam(found["generator"].parameters(), 1e-3)
    return found
"""


def probe_target(folder: Path, function: str, text: str = "", *options: str) -> Done:
    folder.mkdir(exist_ok=True)
    (folder / "net.py").write_text(NET + text, encoding="utf-8")
    target = function if ":" in function else f"net:{function}"
    done = subprocess.run(
        [sys.executable, "-m", "wganlint", "probe", "--no-analyze", "--yes", *options, "--target", target],
        capture_output=True, text=True, cwd=folder, check=False, timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr, folder)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(NET.splitlines(), 1) if text in line)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return probe_target(tmp_path_factory.mktemp("trained"), "pieces", "", "--steps", "9")


def test_the_pieces_are_trained_and_measured_as_a_script_is(trained: Done) -> None:
    assert trained.code == 0, trained.err
    probe = trained.probe
    assert (probe.ending.kind, probe.steps, probe.rounds, probe.script) == ("steps", 9, 3, "net:pieces")
    assert {one.name: (one.role, one.sure) for one in probe.networks} == {
        "critic": ("critic", "told"), "generator": ("generator", "told"),
    }  # fmt: skip
    critic = probe.network("critic")
    assert critic is not None
    assert critic.why == "returned as 'critic' by pieces()"
    assert critic.calls == {"real": 6, "fake": 9, "mixed": 6}
    assert {one.name: (one.steps, one.rates) for one in probe.optimizers} == {
        "critic_optimizer": (6, (0.001,)), "generator_optimizer": (3, (0.001,)),
    }  # fmt: skip
    (clamp,) = probe.bounds
    assert (clamp.score, clamp.line.line) == (True, line_of("torch.clamp"))
    (penalty,) = probe.penalties
    assert (penalty.function, penalty.calls, penalty.ran) == ("penalty", 6, 6)
    losses = {(one.network, one.loss.line) for one in probe.gradients if one.loss and one.stepped and not one.module}
    assert losses == {("critic", line_of("def critic_loss")), ("generator", line_of("def generator_loss"))}
    assert {one.name: bool(one.why_not) for one in probe.trials} == {"critic-alone": False, "generator-alone": False}


def test_the_target_is_compared_with_a_run_without_instruments(trained: Done) -> None:
    assert trained.probe.unchanged is True
    assert trained.probe.timing.overhead is not None
    assert "bit-equal to a run without instruments" in " ".join(trained.out.split())
    assert all(len(line) <= 80 for line in trained.out.splitlines())


def test_a_loop_of_the_probe_clears_nothing_of_the_program(trained: Done) -> None:
    from msgspec.structs import replace

    from wganlint.analysis import load_runs
    from wganlint.detect.probed_training import probed_path, probed_penalty, probed_updates
    from wganlint.detect.registry import ABSENT

    (run,) = load_runs([trained.folder])
    assert run.probe is not None
    assert run.probe.target
    plain = replace(run, probe=replace(run.probe, target=False))
    for detect in (probed_path, probed_penalty, lambda one: probed_updates(one, 1e-9)):
        assert detect(run) is ABSENT
        assert detect(plain) is not ABSENT
    assert probed_updates(run, 1.0) is not ABSENT  # what is too slow is told
    dead = [
        replace(one, zero=one.parameters, none=0) if one.network == "generator" else one for one in run.probe.gradients
    ]
    assert probed_path(replace(run, probe=replace(run.probe, gradients=tuple(dead)))) is not ABSENT


def test_without_losses_one_forward_of_both_sides_is_measured(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "bare")
    assert done.code == 0, done.err
    probe = done.probe
    assert (probe.ending.kind, probe.steps, probe.optimizers) == ("forward", 0, ())
    critic = probe.network("critic")
    assert critic is not None
    assert critic.calls == {"real": 1, "fake": 1}
    assert [(share.side, share.elements) for share in probe.bounds[0].sides] == [("real", 32), ("fake", 32)]
    assert {one.side for one in probe.slopes} == {"real", "fake"}
    trials = {one.name: one for one in probe.trials}
    assert trials["critic-alone"].steps == trials["generator-alone"].steps == 20
    assert all("as no optimizer was given" in one.text for one in probe.trials)
    assert any("noise" in gap.what and "(net.0) takes 4 numbers" in gap.why for gap in probe.gaps)


def test_one_forward_without_a_nan_clears_no_guard(tmp_path: Path) -> None:
    from wganlint.analysis import load_runs
    from wganlint.detect.probed_numbers import probed_guards
    from wganlint.detect.registry import ABSENT, Fact

    text = """
class Guarded(Critic):
    def forward(self, x):
        return torch.nan_to_num(super().forward(x))
def guarded(value=0.0):
    found = bare()
    return {**found, "critic": Guarded(), "real": found["real"] + value}
def broken():
    return guarded(float("nan"))
"""
    for function, seen in (("guarded", False), ("broken", True)):
        done = probe_target(tmp_path / function, function, text)
        (run,) = load_runs([tmp_path / function])
        assert done.probe.guards
        found = probed_guards(run)
        assert isinstance(found, Fact) is seen
        assert (found is ABSENT) is not seen


def test_losses_alone_are_taken_backward_and_nothing_is_stepped(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "losses", "")
    assert done.code == 0, done.err
    assert (done.probe.ending.kind, done.probe.steps) == ("forward", 0)
    assert done.probe.penalties[0].ran == 1
    assert f"generator, loss at net.py:{line_of('def generator_loss')}" in done.out
    assert not any(one.stepped for one in done.probe.gradients)


def test_a_saturated_critic_is_seen_dead_in_one_forward(tmp_path: Path) -> None:
    text = """
def pinned():
    critic = Critic(bound=1e-9)
    return {**bare(), "critic": critic}
"""
    probe = probe_target(tmp_path, "pinned", text).probe
    assert all(share.hit == share.elements for share in probe.bounds[0].sides)
    trials = {one.name: one for one in probe.trials}
    assert trials["generator-alone"].works is False


def test_objects_batches_of_several_tensors_and_own_fakes_are_taken(tmp_path: Path) -> None:
    text = """
from dataclasses import dataclass
from typing import Any
class Two(Critic):
    def forward(self, x, c):
        return super().forward(x + c)
@dataclass
class Parts:
    discriminator: Any
    generator: Any
    real: Any
    conditions: Any
    noise: Any = 4
def object_of():
    data = [(torch.randn(8, 2), torch.randn(8, 2)), (torch.randn(4, 2), torch.randn(4, 2))]
    class Gen(Generator):
        def forward(self, z, c):
            return super().forward(z) + c
    return Parts(Two(), Gen(), data_of(data), lambda real: real[1])
def data_of(data):
    return torch.utils.data.DataLoader([(a, b) for x, y in data for a, b in zip(x, y)], batch_size=6)
def fakes():
    def fake(generator, real):
        return {"x": generator(torch.randn(3, 4)), "c": real["c"][:3]}
    return {"critic": Two(), "generator": Generator(), "real": {"x": torch.randn(5, 2), "c": torch.ones(5, 2)}, "fake": fake}
"""
    for function, rows in (("object_of", (6, 6)), ("fakes", (5, 3))):
        done = probe_target(tmp_path / function, function, text)
        assert done.code == 0, done.err
        assert tuple(share.elements for share in done.probe.bounds[0].sides) == rows


def names() -> dict[str, Any]:
    """Run the text of the module here."""
    found: dict[str, Any] = {}
    exec(NET, found)
    return found


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{'generator': Generator(), 'real': torch.ones(2, 2)}", "f() returned no 'critic'"),
        ("bare(critic_optimiser=1)", "'critic_optimiser', which the probe does not know"),
        ("bare(critic_loss=critic_loss)", "'critic_loss' but no 'generator_loss'"),
        ("(Critic(), Generator())", "returned a tuple, which does not say what is what"),
        ("{**bare(), 'generator': 3}", "'generator' of f() is a int, not a torch.nn.Module"),
        ("losses(critic_optimizer=3, generator_optimizer=3)", "not a torch.optim.Optimizer"),
        ("bare(fake=3)", "'fake' of f() is a int, not a function"),
        ("bare(critic_steps=0)", "is 0, not a number of at least 1"),
        ("bare(critic_loss=lambda labels: 0, generator_loss=generator_loss)", "takes 'labels'"),
        ("bare(critic_loss=lambda real: 1.0, generator_loss=generator_loss)", "returned a float, not a tensor"),
        ("bare(critic_loss=lambda real: real.sum(), generator_loss=generator_loss)", "without a graph"),
        ("bare(critic_loss=lambda fake: 0, generator_loss=generator_loss, noise=iter([]))", "gives no further batch"),
        ("losses(noise=4) | {'real': (torch.ones(2, 2), torch.ones(2))}", "Critic.forward takes (x), and 'real' gives it 2 arguments"),
        ("losses(conditions=torch.ones(2, 1), noise=4)", "Generator.forward takes (z), and 'noise' and 'conditions' give it 2"),
        ("losses() | {'critic': nn.DataParallel(Critic()), 'real': {'y': torch.ones(2, 2)}}", "'real' gives it 1 argument(y)"),
        ("{**bare(), 'generator': nn.Embedding(3, 2)}", "what the generator is to be given is not known"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_one_line(body: str, says: str) -> None:
    from wganlint.probe.inside.pieces import Pieces, Refused
    from wganlint.probe.inside.target import Game

    def f() -> Any:
        return eval(body, names())

    with pytest.raises(Refused) as caught:
        Game(Pieces(f(), "f"), f, None).loss("critic")
    assert says in str(caught.value)
    assert caught.value.hint


def test_a_refusal_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "nowhere")
    assert done.code == 2
    assert "nowhere of net is not there\n  functions there: penalty, critic_loss" in done.err
    assert "Traceback" not in done.err + done.out
    assert not (tmp_path / "probe.json").exists()


def test_a_module_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from wganlint.probe.inside.pieces import Refused
    from wganlint.probe.inside.target import _function

    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(Refused, match="no module nowhere_at_all here"):
        _function("nowhere_at_all:f")


def test_a_crash_in_the_function_is_told_with_its_line(tmp_path: Path) -> None:
    done = probe_target(tmp_path, "f", "\ndef f():\n    return {}['data']\n")
    assert done.code == 2
    assert f"KeyError: 'data' at net.py:{len(NET.splitlines()) + 3}" in " ".join(done.out.split())


OWN = """
def own(checkpoint):
    critic = Critic()
    critic.load_state_dict(checkpoint["a"])
    return {**bare(), "critic": critic}
"""


def saved(text: str, into: Path) -> dict[str, Any]:
    """Save what the text says, of a critic that gives 7.5 for all."""
    import torch

    found = names()
    found["critic"], found["generator"] = found["Critic"](), found["Generator"]()
    with torch.no_grad():
        found["critic"].net[2].bias.fill_(7.5)
        found["critic"].net[2].weight.zero_()
    torch.save(eval(text, found), into)
    return found


def test_a_checkpoint_is_loaded_into_both(tmp_path: Path) -> None:
    text = "{'epoch': 3, 'netD': critic.state_dict(), 'generator_state_dict': generator.state_dict()}"
    saved(text, tmp_path / "a.pt")
    done = probe_target(tmp_path, "bare", "", "--checkpoint", "a.pt")
    assert done.code == 0, done.err
    assert done.probe.scores[0].real == 7.5
    assert "not loaded of a.pt: epoch" in done.err
    assert done.out.startswith("wganlint probe --target net:bare --checkpoint=a.pt\n")


def test_a_function_that_asks_for_it_loads_the_checkpoint_itself(tmp_path: Path) -> None:
    saved("{'a': critic.state_dict()}", tmp_path / "c.pt")
    done = probe_target(tmp_path, "own", OWN, "--checkpoint", "c.pt")
    assert done.code == 0, done.err
    assert done.probe.scores[0].real == 7.5


def test_a_state_dict_of_one_network_is_loaded_into_it(tmp_path: Path) -> None:
    from wganlint.probe.inside import checkpoint

    found = saved("critic.state_dict()", tmp_path / "c.pt")
    fresh = found["Critic"]()
    assert checkpoint.load({"critic": str(tmp_path / "c.pt")}, {"critic": fresh}) == []
    assert fresh.net[2].bias.item() == 7.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("critic.state_dict()", "does not say of which network"),
        ("{'critic': critic.state_dict(), 'step': 3}", "no state dict for the generator; it holds critic, step"),
        ("{'critic': generator.state_dict(), 'generator': generator.state_dict()}", "net.0.weight has (16, 4), the model (16, 2)"),
        ("{'generator': generator.state_dict(), 'D': {'module.' + k: v for k, v in critic.state_dict().items()}}", "it lacks net.0.weight and 3 more"),
        ("{'D': critic.state_dict(), 'netD': critic.state_dict()}", "several state dicts for the critic: D, netD"),
        ("[1, 2]", "it holds list"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_says_why(text: str, says: str, tmp_path: Path) -> None:
    from wganlint.probe.inside import checkpoint
    from wganlint.probe.inside.pieces import Refused

    found = saved(text, tmp_path / "a.pt")
    with pytest.raises(Refused) as caught:
        checkpoint.load({"": str(tmp_path / "a.pt")}, {"critic": found["Critic"](), "generator": found["Generator"]()})
    assert says in str(caught.value)
    assert caught.value.hint


class Bad:
    def __reduce__(self) -> Any:
        return (open, ("ran", "w"))


def test_a_checkpoint_that_needs_code_is_refused_and_runs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from wganlint.probe.inside import checkpoint
    from wganlint.probe.inside.pieces import Refused

    monkeypatch.chdir(tmp_path)
    torch.save({"critic": Bad()}, "a.pt")
    with pytest.raises(Refused, match=r"a.pt holds objects that need code to be loaded \(\S*open\)"):
        checkpoint.read("a.pt")
    assert not (tmp_path / "ran").exists()
    torch.save(torch.nn.Linear(2, 2), "whole.pt")
    with pytest.raises(Refused, match="need code"):
        checkpoint.read("whole.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 99, b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    from wganlint.probe.inside import checkpoint
    from wganlint.probe.inside.pieces import Refused

    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(Refused, match=r"a\.pt is no checkpoint that torch can read"):
        checkpoint.read(str(tmp_path / "a.pt"))


@pytest.mark.parametrize("target", ["net", "net:", ":f", "a b:f", "net:f:g", "net:f()", "missing.py:f"])
def test_a_target_must_name_a_function(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        target_of(target)


def test_a_file_and_another_interpreter_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("")
    assert target_of("net.py:f", [sys.executable]).interpreter == sys.executable
    with pytest.raises(UsageError, match="do not go together"):
        target_of("net:f", ["python", "train.py"])


def test_checkpoints_go_with_a_target_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("")
    (tmp_path / "c.pt").write_text("")
    with pytest.raises(UsageError, match="goes with --target"):
        checkpoints_of(["c.pt"], command_of(["train.py"]))
    with pytest.raises(UsageError, match="no checkpoint"):
        checkpoints_of(["nowhere.pt"], target_of("net:f"))
    assert checkpoints_of(["discriminator=c.pt"], target_of("net:f")) == {"critic": str(tmp_path / "c.pt")}


def test_a_target_in_a_file_finds_its_neighbors(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "start.py").write_text("from other import bare\ndef f():\n    return bare()\n")
    (tmp_path / "inner" / "other.py").write_text(NET)
    done = probe_target(tmp_path, "inner/start.py:f")
    assert done.code == 0, done.err
    assert done.probe.bounds[0].line.file == "inner/other.py"
