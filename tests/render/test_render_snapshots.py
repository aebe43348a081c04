"""Every sample in every format, as stored text."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample import SAMPLES
from snapshot import compare

from wganlint.render import FORMATS
from wganlint.render.full import full

STORED = Path(__file__).parent / "snapshots"
ENDING = {"concise": "txt", "markdown": "md", "json": "json"}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_full(name: str, width: int) -> None:
    compare(full(SAMPLES[name](), width), STORED / f"{name}.full.{width}.txt")


@pytest.mark.parametrize("form", ENDING)
@pytest.mark.parametrize("name", SAMPLES)
def test_format(name: str, form: str) -> None:
    compare(FORMATS[form](SAMPLES[name]()), STORED / f"{name}.{form}.{ENDING[form]}")
