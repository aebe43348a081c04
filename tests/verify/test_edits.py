"""Edits of source: formatting stays, one place or none, and what cannot be done is told."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("libcst") is None:
    pytest.skip("LibCST is not installed (pip install 'wganlint[probe]')", allow_module_level=True)

from msgspec.structs import replace

from wganlint.analysis import judged, load_runs
from wganlint.measured import Probe
from wganlint.probe.edits import EDITS, apply
from wganlint.probe.syntax import NotApplied, Spot
from wganlint.read.probed import read_probe
from wganlint.verify.account import diff
from wganlint.verify.candidates import Candidate, Left, applied, candidates
from wganlint.verify.plans import PLANS
from wganlint.verify.policy import policy
from wganlint.verify.seen import MEASURED

ROOT = Path(__file__).parents[2]


def changed(edit: str, text: str, line: int, column: int = 0, **values: object) -> str:
    """The lines that an edit makes, of those that it changes."""
    text = textwrap.dedent(text).lstrip("\n")
    new = apply(edit, text, [Spot("model.py", line, column, values=values)])
    return "\n".join(one.strip() for one in new.splitlines() if one not in text.splitlines())


@pytest.mark.parametrize(
    ("name", "before", "after", "values"),
    [
        ("remove-clamp", "return torch.clamp(s, -5, 5)  # guard", "return s  # guard", {}),
        ("remove-clamp", "return (a + b).clamp(-5, 5)", "return (a + b)", {}),
        ("tanh", "return s.clamp(min=-9, max=9)", "return 100.0 * torch.tanh(s / 100.0)", {"bound": 100}),
        ("remove-scale", "s = s / math.sqrt(n)\n    return s", "", {}),
        ("remove-guard", "g = torch.nan_to_num(g) * 2", "g = g * 2", {}),
        ("create-graph", "g = torch.autograd.grad(d.sum(), x)[0]", "g = torch.autograd.grad(d.sum(), x, create_graph=True)[0]", {}),
        ("create-graph", "g = grad(d.sum(), x, create_graph=False)", "g = grad(d.sum(), x, create_graph=True)", {}),
        ("remove-detach", "d = critic(fake.detach(), cond)", "d = critic(fake, cond)", {}),
        ("eps-root", "n = g.norm(2, dim=1)", "n = (g.square().sum(dim=1) + 1e-12).sqrt()", {"eps": "1e-12"}),
        ("eps-root", "n = torch.sqrt(a + b)", "n = torch.sqrt(a + b + 1e-12)", {"eps": "1e-12"}),
        ("negate", "loss = -d.mean()", "loss = d.mean()", {}),
        ("negate", "loss = a - b", "loss = -(a - b)", {}),
        ("group-norm", "x = nn.BatchNorm2d(64)(x)", "x = nn.GroupNorm(1, 64)(x)", {}),
        (
            "optimizer", "o = optim.SGD(p, lr=a.lr, momentum=0.5)", "o = optim.Adam(p, lr=1e-4, betas=(0.0, 0.9))",
            {"class": "Adam", "drop": ["momentum"], "set": {"lr": "1e-4", "betas": "(0.0, 0.9)"}},
        ),
        ("neutral-fill", "p = torch.full((n, d), -1e9)", "p = torch.full((n, d), 0.0)", {"value": -1e9}),
        ("neutral-fill", "p = h.masked_fill(empty, -1e9)", "p = h.masked_fill(empty, 0.0)", {"value": -1e9}),
        ("unsquash", "return 10.0 * torch.tanh(self.main(x) / 10.0)", "return self.main(x)", {}),
        ("unsquash", "return torch.sigmoid(h)", "return h", {}),
        ("eps-root", "n = g.norm(2, dim=1, keepdim=True)",
         "n = (g.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()", {"eps": "1e-12"}),
        ("inside-domain", "s = torch.sqrt(v)", "s = torch.sqrt(v.clamp(min=1e-12))", {"op": "sqrt", "direction": "forward"}),
        ("inside-domain", "s = v.sum(dim=1).sqrt()", "s = (v.sum(dim=1) + 1e-12).sqrt()",
         {"op": "SqrtBackward0", "direction": "backward"}),
        ("inside-domain", "s = torch.sqrt(a if b else c)", "s = torch.sqrt((a if b else c) + 1e-12)",
         {"op": "SqrtBackward0", "direction": "backward"}),
        ("inside-domain", "l = where(m, (a + b).log(), 0)", "l = where(m, (a + b).clamp(min=1e-12).log(), 0)", {"op": "log"}),
        ("inside-domain", "a = torch.acos(c)", "a = torch.acos(c.clamp(-0.999999, 0.999999))", {"op": "acos"}),
        ("inside-domain", "m = total / number", "m = total / number.where(number != 0, 1.0)", {"op": "div"}),
        ("inside-domain", "d = x / x.norm(dim=1)", "d = x / (x.square().sum(dim=1) + 1e-8).sqrt()", {"op": "div"}),
        ("inside-domain", "s = x.std(dim=0, unbiased=True)", "s = x.std(dim=0, correction=0)", {"op": "std"}),
        ("inside-domain", "w = torch.softmax(h, dim=1)", "w = torch.softmax(h.clamp(min=-1e4), dim=1)", {"op": "softmax"}),
        ("inside-domain", "r = third.pow(1 / 3)", "r = third.clamp(min=1e-12).pow(1 / 3)", {"op": "pow"}),
        ("inside-domain", "r = (a + b) ** 0.5", "r = (a + b).clamp(min=1e-12) ** 0.5",
         {"op": "PowBackward0", "direction": "backward"}),
        ("own-weights", "o = Adam(self.critic.parameters(), lr=1e-4)", "o = Adam(self.generator.parameters(), lr=1e-4)",
         {"name": "self.generator"}),
        ("own-weights", "o = optim.Adam(D.parameters())", "o = optim.Adam(G.parameters())", {"name": "G"}),
        ("bfloat16", "with torch.autocast('cpu', dtype=torch.float16):\n        y = f(x)",
         "with torch.autocast('cpu', dtype=torch.bfloat16):", {}),
    ],
)  # fmt: skip
def test_an_edit_changes_its_expression_alone(name: str, before: str, after: str, values: dict[str, object]) -> None:
    assert changed(name, f"def f():\n    {before}\n", 2, **values) == after


@pytest.mark.parametrize(
    ("name", "line", "why"),
    [
        ("remove-clamp", "return s", "0 places"),
        ("remove-clamp", "return s.clamp(0, 1) + t.clamp(0, 1)", "2 places"),
        ("eps-root", "n = g.norm(1, dim=1)", "not of order 2"),
        ("optimizer", "o = torch.optim.SGD(p, 0.1)", "by position"),
        ("tanh", "return s.clamp(", "does not read"),
        ("inside-domain", "w = torch.cumprod(x, dim=1)", "no edit is known that keeps cumprod finite"),
        ("own-weights", "o = torch.optim.Adam(params, lr=1e-4)", "not given the parameters of one network"),
        ("bfloat16", "y = f(x)", "no autocast to float16"),
    ],
)
def test_what_does_not_fit_in_one_place_is_told(name: str, line: str, why: str) -> None:
    with pytest.raises(NotApplied, match=why):
        changed(name, f"def f():\n    {line}\n", 2, bound=1, eps="1e-12", op="cumprod", name="generator")


def test_a_power_of_a_number_is_no_broken_power() -> None:
    with pytest.raises(NotApplied, match="0 places"):
        changed("inside-domain", "x = 10 ** p\n", 1, op="pow")


def test_a_drift_term_goes_where_the_loss_is_first_set() -> None:
    text = """
    def step(self):
        real = self.critic(x)
        fake = self.critic(g)
        gap = real.mean() - fake.mean()
        loss = -gap
        if self.penalty:
            loss = loss + 10 * p
        loss.backward()
    """
    assert (
        changed("drift", text, 7, weight=0.001)
        == "loss = (-gap) + 0.001 * (real.square().mean() + fake.square().mean())"
    )


def test_a_penalty_of_what_is_beyond_a_bound_leaves_the_rest_alone() -> None:
    text = """
    real = critic(x)
    fake = critic(g)
    loss = fake.mean() - real.mean()
    """
    new = changed("drift", text, 3, weight=0.001, beyond=1000.0)
    assert new.endswith(
        "0.001 * (fake.abs().sub(1000).relu().square().mean() + real.abs().sub(1000).relu().square().mean())"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("p = torch.full((n, d), 0.0)", "p = torch.full((n, d), 0.0) + self.empty_fill"),
        ("p = h.new_full((n, d), 0.0).scatter_reduce_(0, i, h, 'amax', include_self=False)",
         "p = (h.new_full((n, d), 0.0) + self.empty_fill).scatter_reduce_(0, i, h, 'amax', include_self=False)"),
    ],
)  # fmt: skip
def test_an_empty_group_is_a_weight_where_one_value_fills_a_whole_tensor(before: str, after: str) -> None:
    assert changed("learned-fill", f"def f():\n    {before}\n", 2) == after


def test_the_weight_of_empty_groups_learns_from_them_alone(tmp_path: Path) -> None:
    found, _, _ = tried(ROOT / "fixtures/sick/run")
    shutil.copytree(ROOT / "fixtures/sick/run/training", tmp_path / "training")
    for name, text in found["neutral-fill"].changes.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = (
        "import torch, model\n"
        "critic = model.TrackCritic()\n"
        "features, owner = torch.randn(3, critic.hidden, requires_grad=True), torch.tensor([0, 0, 2])\n"
        "pooled = critic.pool(features, owner, 3)\n"
        "assert torch.equal(pooled[1], torch.zeros(critic.hidden))\n"
        "assert torch.equal(pooled[0], features[:2].amax(dim=0))\n"
        "pooled.sum().backward()\n"
        "print(critic.empty_fill.grad.item() == critic.hidden, 'empty_fill' in critic.state_dict())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "training", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]


def test_a_layer_norm_takes_the_width_and_the_shape_of_the_list() -> None:
    text = """
    net = nn.Sequential(
        nn.Linear(3, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )
    """
    new = apply("layer-norm", textwrap.dedent(text).lstrip("\n"), [Spot("m.py", 2)])
    assert new.splitlines()[1:3] == ["    nn.Linear(3, width),", "    nn.LayerNorm(width),"]


def tried(folder: Path, probe: Probe | None = None) -> tuple[dict[str, Candidate], list[Left], dict[str, str]]:
    run = load_runs([folder])[0]
    assert run.source is not None
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in run.source.files}
    found, left = candidates(judged(replace(run, probe=probe)), run.source, texts, policy(), probe)
    return {one.edit: one for one in found if one.code != "OPT003"}, left, texts


def test_the_reference_fault_has_its_fixes_as_edits() -> None:
    found, left, texts = tried(ROOT / "fixtures/sick/run")
    assert {"count-bias", "remove-clamp", "tanh", "optimizer", "neutral-fill", "layer-norm", "xavier"} <= found.keys()
    assert found["count-bias"].rank == 1
    # the variants that were edited by hand read the same but for their comments and spellings
    model = found["layer-norm"].changes["training/model.py"]
    assert model == (ROOT / "fixtures/fix-layernorm/run/training/model.py").read_text(encoding="utf-8")
    for one in found.values():
        for name, text in one.changes.items():
            ast.parse(text)
            assert text != texts[name]
    assert any("true counts" in one.title and one.why for one in left)


@pytest.mark.parametrize(
    ("name", "edit", "line"),
    [
        ("no-create-graph", "create-graph", "create_graph=True)"),
        ("detached-generator", "remove-detach", "fake = generator(torch.randn(size, Z_DIM))"),
        ("wrong-sign", "negate", "critic(fake).mean()"),
        ("batchnorm-critic", "group-norm", "nn.LayerNorm(hidden),"),
        ("tanh-saturated", "unsquash", "score = self.main(4000.0 + 1000.0 * x)"),
    ],
)
def test_edits_of_other_faults_are_found_by_the_facts_of_the_source(name: str, edit: str, line: str) -> None:
    found, _, texts = tried(ROOT / "fixtures/probe" / name / "run")
    new = [
        row for file, text in found[edit].changes.items()
        for row in text.splitlines() if row not in texts[file].splitlines()
    ]  # fmt: skip
    assert len(new) == 1
    assert line in new[0]


@pytest.mark.parametrize(
    ("name", "edit", "line"),
    [
        ("wrong-parameters", "own-weights", "optim.Adam(generator.parameters()"),
        ("masked-sqrt-negative", "inside-domain", "torch.sqrt(variance.clamp(min=1e-12))"),
        ("masked-radius-backward", "inside-domain", "r = (xy.square().sum(dim=2) + 1e-12).sqrt()"),
        ("masked-penalty-backward", "inside-domain", "length = (squares + 1e-12).sqrt().sum(dim=1)"),
        ("masked-direction", "inside-domain", "/ (position.square().sum(dim=2, keepdim=True) + 1e-8).sqrt()"),
        ("float16-overflow", "bfloat16", "dtype=torch.bfloat16"),
    ],
)
def test_a_run_without_a_fix_shows_where_further_edits_go(name: str, edit: str, line: str) -> None:
    folder = ROOT / "fixtures/probe" / name
    probe = read_probe((folder / "probe.json").read_bytes(), "probe.json")
    found, _, texts = tried(folder / "run", probe)
    new = [
        row for file, text in found[edit].changes.items()
        for row in text.splitlines() if row not in texts[file].splitlines()
    ]  # fmt: skip
    assert new
    assert all(line in row for row in new)


def test_a_healthy_program_has_nothing_to_cure_but_settings() -> None:
    found, _, _ = tried(ROOT / "fixtures/healthy-twin/run")
    assert not found


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_diff_is_what_patch_takes(tmp_path: Path, ending: str) -> None:
    newline = ending or "\n"
    before = newline.join(["import torch", "", "def f(s):", "    return torch.clamp(s, -1, 1)"]) + ending
    changes = applied([("remove-clamp", Spot("a/model.py", 4))], {"a/model.py": before})
    (tmp_path / "a").mkdir()
    (tmp_path / "a/model.py").write_bytes(before.encode())
    (tmp_path / "fix.diff").write_bytes(diff({"a/model.py": before}, changes).encode())
    subprocess.run(["git", "apply", "fix.diff"], cwd=tmp_path, check=True)
    assert (tmp_path / "a/model.py").read_bytes().decode() == changes["a/model.py"]


def test_each_entry_names_a_fix_that_a_rule_has() -> None:
    import tomllib

    known = {}
    for file in (ROOT / "rules").glob("*/*.toml"):
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        known[data["code"]] = {fix["title"]: fix["kind"] for fix in data.get("fix", ())}
    book = policy()
    for entry in book.edits:
        assert known[entry["code"]].get(entry["fix"]) in ("edit", "setting"), entry
    for entry in (*book.edits, *book.tried):
        assert entry["edit"] in (PLANS | MEASURED)
    assert {"remove-clamp", "tanh", "neutral-fill", "optimizer"} <= EDITS.keys()
