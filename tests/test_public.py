"""The run on public code: its tables hold together, findings are placed, judged and counted, and the harm is shown."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "public"

SICK = """
import torch
from torch import nn

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 2)
    def forward(self, z):
        return self.net(z)

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)
    def forward(self, x):
        return self.net(x)

generator, discriminator = Generator(), Discriminator()
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
opt_d = torch.optim.Adam(discriminator.parameters(), lr=1e-4, betas=(0.0, 0.9))
for step in range(100):
    real, fake = torch.randn(16, 2), generator(torch.randn(16, 8))
    d_loss = torch.relu(1 - discriminator(real)).mean() + torch.relu(1 + discriminator(fake.detach())).mean()
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()
    fake = generator(torch.randn(16, 8)).detach()
    g_loss = -discriminator(fake).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
"""
CUT = SICK.split("\n").index("    fake = generator(torch.randn(16, 8)).detach()") + 1


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("check", monkeypatch)


def tables(check: ModuleType, folder: Path, lines: list[int]) -> None:
    """Tables for one repository with one program, one known bug and no judgement."""
    folder.mkdir()
    (folder / "repositories.toml").write_text(
        '[[repository]]\nname = "a/b"\ncommit = "0123456789"\nprograms = ["*.py"]\n', encoding="utf-8"
    )
    (folder / "known.toml").write_text(
        '[[bug]]\nid = "cut"\nrepository = "a/b"\ncommit = "0123456789"\nprogram = "train.py"\npath = "train.py"\n'
        f'lines = {lines}\ncodes = ["GAN011"]\nwhat = ""\nthread = ""\n',
        encoding="utf-8",
    )
    (folder / "judged.toml").write_text("", encoding="utf-8")
    check.HERE = folder


def test_the_tables_hold_together(check: ModuleType) -> None:
    repositories = check.table("repositories.toml", "repository")
    assert len(repositories) >= 15
    assert all(len(one["commit"]) == 40 for one in repositories)
    known = check.table("known.toml", "bug")
    assert len(known) >= 8
    assert len({bug["id"] for bug in known}) == len(known)
    for bug in known:
        assert len(bug["commit"]) == 40 and bug["lines"] and bug["codes"] and bug["thread"], bug["id"]
    names = {one["name"] for one in repositories}
    for verdict in check.table("judged.toml", "judgement"):
        assert verdict["repository"] in names, verdict
        assert isinstance(verdict["true"], bool) and verdict["why"], verdict
        assert not verdict["true"] or verdict.get("test") or verdict.get("thread"), verdict


def test_a_finding_is_placed_in_the_repository_and_the_known_bug_is_found(check: ModuleType, tmp_path: Path) -> None:
    tables(check, tmp_path / "tables", [CUT])
    (tmp_path / "a+b").mkdir()
    (tmp_path / "a+b" / "train.py").write_text(SICK, encoding="utf-8")
    result = check.measure(tmp_path, [])
    (one,) = result["repositories"]
    assert one["lines"] == sum(bool(line.strip()) for line in SICK.splitlines())
    cut = next(finding for finding in check.loud(one) if finding["code"] == "GAN011")
    assert cut["file"] == "train.py"
    assert any(abs(line - CUT) <= 2 for _, line in cut["places"])
    assert result["known"][0]["found"].startswith("GAN011")
    assert "not judged: a/b train.py" in check.page(result)


def test_a_judgement_settles_a_finding(check: ModuleType, tmp_path: Path) -> None:
    tables(check, tmp_path / "tables", [CUT])
    (tmp_path / "a+b").mkdir()
    (tmp_path / "a+b" / "train.py").write_text(SICK, encoding="utf-8")
    result = check.measure(tmp_path, [])
    found = check.loud(result["repositories"][0])
    check.HERE.joinpath("judged.toml").write_text(
        "".join(
            f'[[judgement]]\nrepository = "a/b"\nfile = "train.py"\nline = {one["line"]}\ncode = "{one["code"]}"\n'
            f'true = {"true" if one["code"] == "GAN011" else "false"}\nwhy = "seen"\n'
            for one in found
        ),
        encoding="utf-8",
    )
    text = check.page(result)
    assert "not judged" not in text
    assert f"{len(found)} of {len(found)} findings judged, {len(found) - 1} of them false" in text


def test_a_bug_elsewhere_is_not_found(check: ModuleType, tmp_path: Path) -> None:
    tables(check, tmp_path / "tables", [1])
    (tmp_path / "a+b").mkdir()
    (tmp_path / "a+b" / "train.py").write_text(SICK, encoding="utf-8")
    assert check.measure(tmp_path, [])["known"][0]["found"] == ""


def test_a_checkout_without_its_commit_counts_only_at_the_usual_one(check: ModuleType, tmp_path: Path) -> None:
    tables(check, tmp_path / "tables", [1])
    (tmp_path / "a+b").mkdir()
    assert check.Checkout("a/b", "0123456789", (".",)).folder(tmp_path) == tmp_path / "a+b"
    assert check.Checkout("a/b", "ffff456789", (".",)).folder(tmp_path) is None
    (tmp_path / "a+b@ffff456").mkdir()
    assert check.Checkout("a/b", "ffff456789", (".",)).folder(tmp_path) == tmp_path / "a+b@ffff456"


def test_patterns_say_what_one_program_is(check: ModuleType, tmp_path: Path) -> None:
    for name in ("one/train.py", "two/train.py", "two/model.py", "shared.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = {one.name: one.files for one in check.programs(tmp_path, ("*", "shared.py + two"))}
    assert found == {
        "one": ("one/train.py",),
        "two": ("two/model.py", "two/train.py"),
        "shared.py": ("shared.py",),
        "shared.py + two": ("shared.py", "two/model.py", "two/train.py"),
    }


def test_what_is_kept_holds_no_code_of_others_and_no_place_of_ours() -> None:
    path = FOLDER / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    for one in result["repositories"]:
        for finding in one["findings"]:
            assert set(finding) == {
                "program", "file", "line", "code", "severity", "confidence", "title", "places",
            }  # fmt: skip
            assert not finding["file"].startswith("/")
    assert result["missing"] == []


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("penalty_axis", lambda right, wrong: 0.8 < right < 1.2 and wrong > 8),
        ("generator_sign", lambda right, wrong: wrong > 3.9 > right),  # it starts 3.9 away
        ("sigmoid_critic", lambda right, wrong: right > 100 * wrong),
        ("batchnorm_mixes_samples", lambda right, wrong: right == 0 and wrong > 0.1),
        ("detached_generator", lambda right, wrong: right > 0 and wrong == 0),
        ("loss_without_backward", lambda right, wrong: right > 0.9 and wrong < 0.1),
        ("untrained_parameters", lambda right, wrong: right > 0.1 and wrong == 0),
        ("gradients_not_cleared", lambda right, wrong: (right, wrong) == (3, 150)),
        ("sqrt_at_zero", lambda right, wrong: right == 0 and wrong > 0),
    ],
)
def test_the_harm_of_the_known_bugs_is_real(test: str, holds: object, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    assert callable(holds)
    assert holds(*module("proof", monkeypatch).TESTS[test]())


def test_the_gradients_of_a_penalty_by_backward_stay_in_the_critic(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    proof = module("proof", monkeypatch)
    with pytest.warns(UserWarning, match="create_graph=True"):
        right, wrong = proof.backward_with_graph()
    assert right == 0 and wrong > 0


def test_every_test_that_a_table_names_exists(check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    tests = module("proof", monkeypatch).TESTS
    assert {bug["harm"] for bug in check.table("known.toml", "bug")} <= tests.keys()
    assert {one["test"] for one in check.table("judged.toml", "judgement") if "test" in one} <= tests.keys()
