"""What the documentation shows works as it is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wganlint.rules.catalogue import catalogue
from wganlint.trial import failures

ROOT = Path(__file__).parents[1]


def test_the_rule_of_the_tutorial_works(tmp_path: Path) -> None:
    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- rule: (\S+) -->\n```toml\n(.*?)\n```", text, re.S)
    assert [name for name, _ in blocks] == ["side_loss_rises.toml"]
    for name, body in blocks:
        (tmp_path / name).write_text(body, encoding="utf-8")
    book = catalogue([tmp_path])
    assert book.broken == ()
    tried, failed = failures(book, only_added=True)
    assert failed == []
    assert tried == 2
    assert f"{tried} examples, 0 failed" in text


def test_the_tutorial_names_every_part_of_a_rule_file() -> None:
    from wganlint.rules.load import _TOP

    text = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    for key in _TOP - {"status", "tags"}:
        assert key in text, key


def readme_blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def wganlint(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wganlint", *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120, env=os.environ | {"COLUMNS": "80"},
    )  # fmt: skip


@pytest.mark.parametrize("command", ["", "analyze", "inspect", "gate", "explain"])
def test_readme_shows_help_as_it_is(command: str) -> None:
    arguments = [command, "--help"] if command else ["--help"]
    shown = wganlint(*arguments).stdout.rstrip()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"$ wganlint {' '.join(arguments)}\n{shown}\n" in readme


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = [
        shlex.split(line.split(" && ")[0], comments=True)[1:]
        for block in readme_blocks("sh")
        for line in block.splitlines()
        if line.startswith("wganlint ") and "fixtures/" in line
    ]
    assert len(commands) >= 5
    for command in commands:
        done = wganlint(*[part.replace("OUT/", f"{tmp_path}/") for part in command])
        assert done.returncode in (0, 1), (command, done.stderr)
        assert done.stdout


def test_readme_output_is_real() -> None:
    """Each `$ wganlint ...` block shows what that command prints now, whole or up to a line of `...`."""
    seen = 0
    for block in readme_blocks("text"):
        first, _, shown = block.partition("\n")
        if not first.startswith("$ wganlint") or "--help" in first:
            continue
        seen += 1
        printed = wganlint(*first.split()[2:]).stdout.splitlines()
        at = 0
        for line in shown.splitlines():
            if line.strip() == "...":
                continue
            assert line in printed[at:], line
            at = printed.index(line, at) + 1
    assert seen >= 1


def test_the_architecture_shows_the_house_as_it_is() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    house = ROOT / "src/wganlint"
    rooms = [path for path in house.rglob("*.py") if not path.name.startswith("__")]
    plain = [path for path in rooms if path.relative_to(house).parts[0] != "render" and "source" not in path.parts[:-1]]
    missing = [path.relative_to(house).as_posix() for path in plain if path.name not in text]
    assert missing == []
    named = set(re.findall(r"\b(\w+\.py)\b", text))
    assert named <= {path.name for path in rooms}


def test_the_keys_of_a_target_are_those_that_are_documented() -> None:
    text = (ROOT / "docs/probe.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \|", text, re.M)
    documented = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    source = (ROOT / "src/wganlint/probe/inside/pieces.py").read_text(encoding="utf-8")
    told = set(re.findall(r'"(\w+)"', source.partition("NEEDED =")[2].partition("class ")[0]))
    assert documented == told
