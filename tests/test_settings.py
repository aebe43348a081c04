"""`wganlint.toml` and `[tool.wganlint]`: which file holds, what it may say, and where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint.errors import ConfigError
from wganlint.settings import MOST_BYTES, Settings, load_settings

GOOD = """
rules = ["team-rules"]
ignore = ["OPT002"]
source = ["training"]
fail-on = "high"
min-confidence = "medium"
[roles]
critic_loss = "my_loss"
"""


def write(folder: Path, text: str, name: str = "wganlint.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refusal(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(folder)
    return caught.value


def test_no_file_means_no_settings(tmp_path: Path) -> None:
    write(tmp_path, "[tool.other]\nx = 1\n", "pyproject.toml")
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wganlint.toml", GOOD),
        ("pyproject.toml", "[tool.wganlint]" + GOOD.replace("[roles]", "[tool.wganlint.roles]")),
    ],
)
def test_a_file_here_or_above_holds_and_its_paths_are_its_own(tmp_path: Path, name: str, text: str) -> None:
    below = write(tmp_path, text, name) / "a" / "b"
    below.mkdir(parents=True)
    for folder in (tmp_path, below):
        assert load_settings(folder) == Settings(
            (tmp_path / "team-rules",), ("OPT002",), {"critic_loss": "my_loss"}, (tmp_path / "training",),
            "high", "medium", name,
        )  # fmt: skip


def test_the_nearest_file_holds_and_its_own_name_before_pyproject(tmp_path: Path) -> None:
    write(tmp_path, 'ignore = ["A"]')
    below = tmp_path / "below"
    below.mkdir()
    write(below, '[tool.wganlint]\nignore = ["B"]', "pyproject.toml")
    assert load_settings(below).ignore == ("B",)
    write(below, 'ignore = ["C"]')
    assert load_settings(below).ignore == ("C",)


@pytest.mark.parametrize(
    ("text", "line", "column", "what", "hint"),
    [
        ('rules = ["a"]\nignor = []\n', 2, 1, "unknown key 'ignor'", "known: columns, expect, fail-on, ignore"),
        ("\nrules = 3\n", 2, 1, "rules must be a list of texts", "README"),
        ("ignore = [1]\n", 1, 1, "ignore must be a list of texts", ""),
        ('fail-on = "grave"\n', 1, 1, "fail-on must be one of info, low", ""),
        ("fail-on = [1]\n", 1, 1, "fail-on must be one of", ""),
        ("min-confidence = true\n", 1, 1, "min-confidence must be one of low, medium, high", ""),
        ("[roles]\ncritic_loss = 3\n", 1, 2, "roles must be a table of texts", ""),
        ("roles = 3\n", 1, 1, "roles must be a table of texts", ""),
        ("rules = [\n", 1, None, "not TOML", ""),
        ("rules 3\n", 1, 7, "not TOML: Expected '='", ""),
        ("a = " + "[" * 9000, 1, None, "not TOML", ""),
        ("a = " + "9" * 9000, 1, None, "not TOML", ""),
        ("#" * (MOST_BYTES + 1), None, None, "of this size", "1 MiB"),
    ],
    ids=lambda v: str(v)[:20],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, text: str, line: int | None, column: int | None, what: str, hint: str
) -> None:
    error = refusal(write(tmp_path, text))
    assert error.file == "wganlint.toml"
    assert what in error.what
    assert hint in error.hint
    assert error.line == line or column is None
    assert error.column == column or column is None


def test_a_mistake_in_pyproject_is_told_with_its_place(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, '[project]\nname = "x"\n[tool.wganlint]\nrules = 3\n', "pyproject.toml"))
    assert (error.file, error.line, error.column) == ("pyproject.toml", 4, 1)
    error = refusal(write(tmp_path, "[tool]\nwganlint = 3\n", "pyproject.toml"))
    assert (error.what, error.line, error.column) == ("wganlint must be a table", 2, 1)


@pytest.mark.parametrize("text", ["tool = 3\n", "[[tool]]\nx = 1\n", ""])
def test_another_tools_odd_pyproject_is_not_ours_to_judge(tmp_path: Path, text: str) -> None:
    assert load_settings(write(tmp_path, text, "pyproject.toml")) == Settings()


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "wganlint.toml").write_bytes(b"rules = ['\xff']\n")
    assert "not TOML" in refusal(tmp_path).what


def test_a_file_of_any_nesting_is_refused_with_a_clear_error(tmp_path: Path) -> None:
    for depth in range(1, 520):  # the reader's own limit lies somewhere in between
        write(tmp_path, "unknown = " + "[" * depth + "]" * depth)
        assert refusal(tmp_path).file == "wganlint.toml"
