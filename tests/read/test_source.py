"""The reader as a whole: damage, places, hostile input, the reference case, and that nothing is ever run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.evidence import Place
from wganlint.read.source import read_source
from wganlint.source import SourceModel

SAMPLE = '''
import torch
import torch.nn as nn

class Critic(nn.Module):
    """Größe der Ströme."""
    def __init__(self, bound=1000.0):
        super().__init__()
        self.bound = bound
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 1))

    def forward(self, x, n):
        p = torch.full((n, 3), -1e9).scatter_reduce(0, x.long(), x, reduce="amax")
        größe = "ä"; s = torch.clamp(self.net(torch.nan_to_num(p)), -self.bound, self.bound)
        return s / len(x)

def gradient_penalty(D, x):
    if x.numel() == 0:
        return torch.tensor(0.0)
    g = torch.autograd.grad(D(x).sum(), x, create_graph=True)[0]
    return ((g.norm(2, 1) - 1) ** 2).mean()

def step(D, G, real, z, opt_D):
    fake = G(z)
    loss = D(fake).mean() - D(real).mean() + 10 * gradient_penalty(D, real)
    loss.backward()
'''


@pytest.mark.parametrize(
    ("content", "text", "line"),
    [
        (b"x = 1\nprint 'old'\nexec code\n", "not parsed: Missing parentheses", 2),
        (b"def f(:\n", "not parsed: ", 1),
        (b"x = 1\ny = '\xff'\n", "not parsed: byte 0xff is not utf-8", 2),
        (b"x = 1\n\0\n", "not parsed: holds a NUL byte", 2),
        (b"# -*- coding: klingon -*-\n", "not parsed: unknown encoding", 1),
        (b"x = " + b"(" * 5000 + b"1" + b")" * 5000, "not parsed: ", None),
        (b"x = " + b"[" * 180 + b"1" + b"]" * 180, "not parsed: ", None),
        (b"x = " + b"-" * 100_000 + b"1", "not parsed: ", None),
        (b"x = " + b"a." * 100_000 + b"b", "not parsed: nested too deep", None),
        (b"x = " + b"1 + " * 50_000 + b"1", "not parsed: nested too deep", None),
        (b"x = " + b"9" * 5000, "not parsed: ", None),
        (b"#" * 2_000_001, "not parsed: 2000001 bytes", None),
    ],
    ids=["python 2", "syntax", "utf-8", "nul", "cookie", "parens", "lists", "minus", "dots", "plus", "digits", "huge"],
)
def test_what_cannot_be_parsed_becomes_a_note(content: bytes, text: str, line: int | None) -> None:
    model, notes = read_source([("bad.py", content), ("good.py", SAMPLE.encode())])
    (note,) = notes
    assert note.text.startswith(text)
    assert note.place.file == "bad.py"
    if line is not None:
        assert note.place.line == line
    assert model.files == ("good.py",) and model.clamps


def test_no_files() -> None:
    assert read_source([]) == (SourceModel(), ())


def test_columns_are_in_characters_and_quotes_are_whole_lines() -> None:
    model, _ = read_source([("a.py", SAMPLE.encode())])
    (clamp,) = model.clamps
    line = SAMPLE.splitlines()[13]
    assert clamp.quote == line
    assert clamp.place == Place("a.py", 14, line.index("torch.clamp") + 1, len(line) + 1)
    assert clamp.owner == "Critic.forward"
    assert (clamp.low, clamp.high, clamp.resolved) == (-1000, 1000, "self.bound <- bound")


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends(end: str) -> None:
    plain, _ = read_source([("a.py", SAMPLE.encode())])
    other, _ = read_source([("a.py", SAMPLE.replace("\n", end).encode())])
    assert other == plain


def test_byte_order_mark_and_other_encodings() -> None:
    plain, _ = read_source([("a.py", SAMPLE.encode())])
    marked, notes = read_source([("a.py", b"\xef\xbb\xbf" + SAMPLE.encode())])
    assert marked == plain and not notes
    latin, notes = read_source([("a.py", b"# coding: latin-1" + SAMPLE.encode("latin-1"))])
    assert [clamp.place for clamp in latin.clamps] == [clamp.place for clamp in plain.clamps] and not notes


def test_a_form_feed_is_no_line_break() -> None:
    model, _ = read_source([("a.py", b"# \x0c \x0b \xe2\x80\xa8 one line" + SAMPLE.encode())])
    assert model.clamps[0].quote == SAMPLE.splitlines()[13]


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"import torch_does_not_exist\nopen({str(mark)!r}, 'w')\nassert False\n"
    assert read_source([("a.py", text.encode())]) == (SourceModel(files=("a.py",)), ())
    assert not mark.exists()


def test_odd_escapes_warn_nobody(recwarn: pytest.WarningsRecorder) -> None:
    read_source([("a.py", b"x = '\\d' is 1\n")])
    assert not recwarn.list


def test_names_that_go_round_in_circles() -> None:
    text = """
class Critic(Critic):
    def __init__(self):
        self.a = self.b
        self.b = self.a
    def forward(self, x):
        x = self.forward(self.a(x))
        return self.forward(x)
a = b
b = a
def f(x=f): return f(f(x))
class A(B): pass
class B(A): pass
loss = f(loss)
loss.backward()
opt_D = Adam(a, lr=b)
"""
    model, notes = read_source([("a.py", text.encode())])
    assert not notes and model.files == ("a.py",)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise(content: bytes) -> None:
    read_source([("a.py", content)])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(0, 60), st.text(max_size=8))
def test_mutated_source_never_raises(start: int, cut: int, put: str) -> None:
    text = SAMPLE[:start] + put + SAMPLE[start + cut :]
    model, notes = read_source([("a.py", text.encode("utf-8", "replace"))])
    assert len(notes) + len(model.files) == 1


WORDS = ["D", "G", "loss", "fake", "real", "self.net", "x", "torch.clamp", "p", "score", "torch.full", "nn.Linear"]


def _expressions() -> st.SearchStrategy[str]:
    atoms = st.sampled_from([*WORDS, "1.0", "-1e9", "'a'"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds("({} + {})".format, inner, inner),
            st.builds("({} / {})".format, inner, inner),
            st.builds("({} ** {})".format, inner, inner),
            st.builds("{}({}, {})".format, st.sampled_from(WORDS), inner, inner),
            st.builds("({}).{}({})".format, inner, st.sampled_from(
                ["clamp", "mean", "round", "backward", "fill_", "nan_to_num", "scatter_reduce", "detach", "long"]), inner),
            st.builds("({} if {} else {})".format, inner, inner, inner),
            st.builds("({})[{}]".format, inner, inner),
            st.builds("[{} for x in {}]".format, inner, inner),
            st.builds("(lambda x: {})".format, inner),
        ),
        max_leaves=12,
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["{} = {}", "self.{} = {}", "{} += {}", "return {1}", "for {} in {}: pass",
                                           "if {1}: {0} = 1", "{}, x = {}", "{}.backward({})", "{}[x] = {}"]),
                          st.sampled_from(["x", "loss", "p", "fake", "score"]), _expressions()), max_size=8))  # fmt: skip
def test_generated_programs_never_raise(lines: list[tuple[str, str, str]]) -> None:
    body = "\n".join("        " + form.format(name, value) for form, name, value in lines)
    text = f"import torch\nimport torch.nn as nn\nclass Critic(nn.Module):\n    def forward(self, x, p):\n        pass\n{body}\n"
    model, notes = read_source([("a.py", text.encode())])
    assert not notes
    for group in (model.clamps, model.fills, model.losses, model.guards):
        for fact in group:
            assert fact.quote == text.splitlines()[(fact.place.line or 0) - 1]


def test_own_source_gives_no_facts_of_a_run() -> None:
    root = Path(__file__).parents[2] / "src" / "wganlint" / "read"
    files = [(str(path), path.read_bytes()) for path in sorted(root.rglob("*.py"))]
    model, notes = read_source(files)
    assert not notes
    assert not (model.networks or model.losses or model.penalties or model.clips or model.optimizers)
    assert all(clamp.on == "other" for clamp in model.clamps)


FIXTURES = Path(__file__).parents[2] / "fixtures"


def fixture(name: str) -> SourceModel:
    paths = sorted((FIXTURES / "make" / name).glob("*.py"))
    if not paths:
        pytest.skip(f"fixtures/make/{name} is not there")
    model, notes = read_source([(path.name, path.read_bytes()) for path in paths])
    assert not notes
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in paths}
    for group in (model.networks, model.clamps, model.fills, model.guards, model.losses, model.optimizers):
        for fact in group:
            assert fact.quote == lines[fact.place.file][(fact.place.line or 0) - 1]
    return model


def test_sick_point_set_program() -> None:
    model = fixture("pointset")
    assert [(clamp.low, clamp.high) for clamp in model.clamps if clamp.on == "score"] == [(-1000, 1000)]
    assert [(fill.value, fill.reaches) for fill in model.fills] == [(-1e9, "network")]
    assert [scale.kind for scale in model.scales] == ["batch"]
    assert [round(head.alive_above or 0, 4) for head in model.count_heads] == [0.1761]
    assert {skip.kind for skip in model.skips} == {"empty", "interval"}
    assert {loss.part: (loss.real_sign, loss.fake_sign) for loss in model.losses} == {
        "critic": (-1, 1), "generator": (0, -1)}  # fmt: skip
    assert [rounding.supervised is not None for rounding in model.roundings] == [True]


@pytest.mark.parametrize("name", ["ring_gp", "pulse_clip", "star_sn", "twin"])
def test_healthy_programs(name: str) -> None:
    model = fixture(name)
    assert not [clamp for clamp in model.clamps if clamp.on in ("score", "loss")]
    assert not [fill for fill in model.fills if fill.reaches == "network"]
    assert not (model.scales or model.skips or model.detaches)
    critic, generator = (next(loss for loss in model.losses if loss.part == part) for part in ("critic", "generator"))
    assert critic.fake_sign == -critic.real_sign == -generator.fake_sign


def test_no_reader_imports_more_than_it_needs() -> None:
    folder = Path(__file__).parents[2] / "src" / "wganlint" / "read" / "source"
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), path.name
