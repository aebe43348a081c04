"""What a user declares with --expect: read with a place for every mistake, held against the records, never run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wganlint import analyze
from wganlint.analysis import load_runs
from wganlint.cli import run as command
from wganlint.errors import ConfigError, UsageError
from wganlint.expect import ExpectError, expectation
from wganlint.settings import load_settings

LOG = "".join(
    f"step={n} c_loss=-1.{n:02d} events={100 * n} hits={150 * n if n < 7 else 90 * n}\n" for n in range(1, 11)
)


def holds(text: str, **values: list[float]) -> list[bool]:
    result, known = expectation(text).holds({name: np.array(value) for name, value in values.items()})
    return [bool(one) for one, told in zip(result, known, strict=True) if told]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a >= b", [True, False]),
        ("0 <= a < 2", [True, False]),
        ("a + b == 4 and not b > a", [False, False]),
        ("abs(a - b) <= 1 or a * 2 >= 3", [True, True]),
        ("min(a, b, 2) == 1", [True, False]),
        ('"a" / b > -1', [True, True]),
        ("a != b", [False, True]),
    ],
)
def test_the_grammar_means_what_it_says(text: str, expected: list[bool]) -> None:
    assert holds(text, a=[1.0, 2.0], b=[1.0, 3.0]) == expected


def test_what_is_no_number_is_not_judged() -> None:
    assert holds("a > b", a=[1.0, float("nan"), 3.0], b=[2.0, 1.0, float("inf")]) == [False]


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("", 0, "empty"),
        ("events", 0, "nothing that could be false"),
        ("1 < 2", 0, "no series"),
        ("a = b", 2, "write =="),
        ("a > D(x)", 4, "quotes"),
        ("a > loss/d.mean", 9, "quotes"),
        ("a > (b > c) + 1", 5, "a number is needed"),
        ("a > 1 and b", 10, "join comparisons"),
        ("a in b", 0, "compare here"),
        ("a > [1]", 4, "no meaning"),
        ("(lambda: 1)() > a", 0, "quotes"),
        ("__import__('os').system('x') > a", 0, "quotes"),
        ("a > 1 if b else 2", 0, "no meaning"),
        ("a >", 3, "not an expression"),
        ("min(a) > 1", 0, "two numbers"),
        ("-" * 60 + "a > 1", 30, "nested"),
        ("a > 1 or " * 60 + "a > 1", 0, "characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, at: int, what: str) -> None:
    with pytest.raises(ExpectError) as error:
        expectation(text)
    assert what in error.value.what
    assert abs(error.value.at - at) <= 3


def test_what_fails_is_quoted_from_the_first_record_on(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(LOG)
    (found,) = [f for f in analyze(tmp_path, expect=["hits >= events", "c_loss < 0"]).findings if f.code == "DAT001"]
    assert "hits >= events fails on 4 of 10 records" in found.title
    assert found.place is not None
    assert found.place.line == 7
    assert "step 7" in found.why
    assert "hits=630, events=700" in found.why


def test_a_series_that_is_not_there_is_said_and_no_pass(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(LOG)
    report = analyze(tmp_path, expect=["tracks >= events"])
    (verdict,) = [v for v in report.verdicts if v.code == "DAT001"]
    assert str(verdict.outcome) == "could-not-tell"
    assert "tracks" in verdict.missing[0]


def test_roles_are_names_too(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(LOG)
    found = [f.code for f in analyze(tmp_path, expect=["critic_loss > -1.05"]).findings]
    assert "DAT001" in found
    assert load_runs(tmp_path)[0].expected == ()


def test_the_command_line_and_the_configuration_take_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.log").write_text(LOG)
    monkeypatch.chdir(tmp_path)
    assert (
        command(["analyze", "train.log", "--expect", "hits>=events", "--fail-on", "high", "--format", "concise"]) == 1
    )
    assert "hits>=events fails on 4" in capsys.readouterr().out
    assert command(["analyze", "train.log", "--expect", "hits=>events"]) == 2
    assert "--expect 'hits=>events', character" in capsys.readouterr().err
    (tmp_path / "wganlint.toml").write_text('expect = ["events > 0", "hits >= events"]\n')
    assert command(["gate", "train.log"]) == 1
    with pytest.raises(UsageError):
        analyze(tmp_path, expect=["a"] * 101)


def test_a_mistake_in_the_configuration_has_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "wganlint.toml").write_text('ignore = []\nexpect = ["events > 0", "hits = events"]\n')
    with pytest.raises(ConfigError) as error:
        load_settings(tmp_path)
    assert (error.value.line, error.value.column) == (2, 26 + 5)
    assert "write ==" in error.value.what
