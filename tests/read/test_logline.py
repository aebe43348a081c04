"""Lines that a user describes: what a pattern may say, what it reads, and that it stays fast on hostile lines."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wganlint.analysis import load_runs
from wganlint.errors import ConfigError, UsageError
from wganlint.read.logline import PatternError, log_line
from wganlint.settings import load_settings


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        ("epoch {epoch:step} D {critic_loss:num}", "INFO epoch 3 D  -0.5 G 4", "epoch=3 critic_loss=-0.5"),
        ("{n:step} {a} {b}", "  12\t0.5\t-0.25 tail", "step=12 a=0.5 b=-0.25"),
        ("D={a};{:any}G={b:num}", "x D=1.5;any thing G=nan", "a=1.5 b=nan"),
        ("{{{a}}} z", "{5} z", "a=5"),
        ("took {time}s", "took 3.25s", "time=3.25"),
        ("a {x:int} b", "a 1.5 b", ""),
        ("epoch {epoch:step} D {a}", "epoch 3 D 1.5.2", ""),
        ("loss {a}", "loss: 3", ""),
        ("x {a}", "x y x 5", "a=5"),
    ],
)
def test_what_a_pattern_reads(pattern: str, line: str, expected: str) -> None:
    found = log_line(pattern).fields(line)
    assert " ".join(f"{field.key}={line[field.start : field.end]}" for field in found) == expected


@pytest.mark.parametrize(
    ("pattern", "what", "at"),
    [
        ("x {a}{b}", "two names in a row", 5), ("no number", "no number to read", 0), ("{a:foo} y", "unknown kind 'foo'", 0),
        ("} {a}", "'}' alone", 0), ("a {b", "'{' alone", 2), ("{epoch}", "no number to read", 0), ("{a} {a}", "'a' stands twice", 4),
        ("{}", "'' is no name", 0), ("x" * 1001, "at most 1000", 0),
    ],
)  # fmt: skip
def test_what_a_pattern_may_not_say(pattern: str, what: str, at: int) -> None:
    with pytest.raises(PatternError, match=what.replace("{", r"\{")) as caught:
        log_line(pattern)
    assert caught.value.at == at


def test_a_described_line_is_read_and_plays_its_role(tmp_path: Path) -> None:
    text = "".join(f"{n} ~ {n * 0.5:.3f} ~ {-n}\n" for n in range(1, 60))
    (tmp_path / "a.log").write_text(text)
    (run,) = load_runs(tmp_path / "a.log", log_lines=["{epoch:step} ~ {critic_loss} ~ {generator_loss}"])
    loss = run.role("critic_loss")
    assert loss is not None
    assert (loss.steps.tolist(), loss.values.tolist()) == (list(range(1, 60)), [n * 0.5 for n in range(1, 60)])
    assert loss.lines.tolist() == list(range(1, 60))
    assert run.role("generator_loss") is not None
    (plain,) = load_runs(tmp_path / "a.log")
    assert plain.series == ()


def test_a_caller_is_told_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("x\n")
    with pytest.raises(UsageError, match="no number to read"):
        load_runs(tmp_path / "a.log", log_lines=["nothing"])


@pytest.mark.parametrize("line", ["a" * 20_000, "a 1 " * 5000, "1" * 20_000, "a " * 10_000 + "1"])
def test_a_hostile_line_costs_little(line: str) -> None:
    pattern = log_line("a {x} {:any} a {y} {:any} b {z} {:any} c {w}")
    start = time.process_time()
    assert pattern.fields(line) == []
    assert time.process_time() - start < 1.0


def test_the_configuration_holds_patterns(tmp_path: Path) -> None:
    good = '[[log-line]]\npattern = "epoch {epoch:step} D {critic_loss:num}"\n'
    (tmp_path / "wganlint.toml").write_text(good)
    assert load_settings(tmp_path).log_lines == ("epoch {epoch:step} D {critic_loss:num}",)
    (tmp_path / "wganlint.toml").unlink()
    (tmp_path / "pyproject.toml").write_text(good.replace("[[log", "[[tool.wganlint.log"))
    assert len(load_settings(tmp_path).log_lines) == 1


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ('[[log-line]]\npattern = "ep {epoch:step}{foo}"\n', 2, 27, "two names in a row"),
        ('[[log-line]]\npattern = "{a}"\n[[log-line]]\npatern = "{a}"\n', 3, 3, "needs a pattern"),
        ('[[log-line]]\npattern = "{a}"\nx = 1\n', 3, 1, "unknown key 'x'"),
        ("log-line = 3\n", 1, 1, "must be a list"),
        ("[[log-line]]\npattern = 3\n", 1, 3, "needs a pattern"),
    ],
)
def test_a_mistake_in_a_pattern_is_told_with_its_place(
    tmp_path: Path, text: str, line: int, column: int, what: str
) -> None:
    (tmp_path / "wganlint.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert what in caught.value.what
