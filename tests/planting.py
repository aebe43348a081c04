"""Faults and sound forms as textual edits of small programs: which finding must tell each, and what must stay quiet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from wganlint import analyze
from wganlint.finding import Severity

Edit = tuple[str, str]  # what stands in a program, once or more, and what its first place becomes


class Case(NamedTuple):
    """One program of a ground, edited."""

    idiom: str
    name: str
    codes: tuple[str, ...]  # any of them tells it; none for a sound form
    edits: tuple[Edit, ...]

    def __str__(self) -> str:
        return f"{self.idiom}-{self.name}"


class Ground:
    """The programs of a test file, idiom -> file -> text, and the cases that are written on them."""

    def __init__(self, programs: Mapping[str, Mapping[str, str]]) -> None:
        self.programs = programs
        self.faults: list[Case] = []
        self.sound = [Case(idiom, "as it is", (), ()) for idiom in programs]

    def add(self, idiom: str, codes: tuple[str, ...], name: str, *edits: Edit) -> None:
        """Plant a fault."""
        self.faults.append(Case(idiom, name, codes, edits))

    def ok(self, idiom: str, name: str, *edits: Edit) -> None:
        """Write a sound form."""
        self.sound.append(Case(idiom, name, (), edits))

    def told(self, case: Case, folder: Path) -> set[str]:
        """Which of the case's codes are found once it is written into `folder`."""
        self._write(case, folder)
        return {finding.code for finding in analyze(folder).findings} & set(case.codes)

    def warned(self, case: Case, folder: Path) -> list[str]:
        """Codes of all findings of medium or worse."""
        self._write(case, folder)
        return [finding.code for finding in analyze(folder).findings if finding.severity >= Severity.MEDIUM]

    def _write(self, case: Case, folder: Path) -> None:
        files = dict(self.programs[case.idiom])
        for old, new in case.edits:
            home = next((name for name, text in files.items() if old in text), "")
            assert home, old
            files[home] = files[home].replace(old, new, 1)
        for name, text in files.items():
            if name.endswith(".py"):
                compile(text, name, "exec")
            (folder / name).write_text(text)
