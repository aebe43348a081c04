"""Programs that are probed once for several tests; without torch all of this folder is skipped."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from programs import HALF, SICK, Done, of_fixture, probe


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_spec("torch") is None:
        for item in items:
            if Path(item.path).parent == Path(__file__).parent:
                item.add_marker(pytest.mark.skip(reason="torch is not installed (pip install 'wganlint[probe]')"))


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Done]:
    """Probe a program that is given as text."""

    def run(text: str, *options: str) -> Done:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "train.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return probe(folder, *options)

    return run


@pytest.fixture(scope="session")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return of_fixture("sick", tmp_path_factory.mktemp("sick"), SICK)


@pytest.fixture(scope="session")
def half(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return of_fixture("half-empty", tmp_path_factory.mktemp("half"), HALF, "--no-plain", "--steps", "4")
