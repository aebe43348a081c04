"""The shipped TOML is parsed once and kept beside it, as Python keeps modules."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from wganlint.shipped import parse

RULE = 'code = "AAA001"\ncondition = "x"\n[[example]]\nlog = "text"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "a.toml").write_text(RULE)
    return tmp_path


def test_what_is_kept_is_not_parsed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse(folder)
    assert first == {"group/a.toml": {"code": "AAA001", "condition": "x"}}
    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("parsed again"))
    assert parse(folder) == first


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    parse(folder)
    file = folder / "group" / "a.toml"
    file.write_text(RULE.replace("AAA001", "AAA002"))
    os.utime(file, ns=(1, 1))
    assert parse(folder)["group/a.toml"]["code"] == "AAA002"
    (folder / "group" / "b.toml").write_text("wrong [")
    assert list(parse(folder)) == ["group/a.toml"]
    file.unlink()
    assert parse(folder) == {}


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"[", b"[1, 2]", b"[[], []]", b"null", b"[" * 100_000])
def test_damage_does_no_harm(folder: Path, damage: bytes) -> None:
    first = parse(folder)
    (folder / "__pycache__" / "rules.json").write_bytes(damage)
    assert parse(folder) == first


def test_a_folder_that_cannot_be_written_is_read_all_the_same(folder: Path) -> None:
    (folder / "__pycache__").write_text("in the way")
    assert parse(folder)["group/a.toml"]["code"] == "AAA001"


def test_nothing_is_kept_where_python_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    parse(folder)
    assert not (folder / "__pycache__").exists()
