"""The wheel carries everything that a run needs: rules, schema, type marker."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    (built,) = out.glob("*.whl")
    return built


def test_the_rules_in_the_wheel_are_the_rules_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        inside = {
            name.removeprefix("wganlint/rulebook/"): packed.read(name)
            for name in packed.namelist()
            if name.startswith("wganlint/rulebook/")
        }
    here = {path.relative_to(ROOT / "rules").as_posix(): path.read_bytes() for path in (ROOT / "rules").rglob("*.toml")}
    assert inside == here
    assert len(here) > 15


def test_the_wheel_is_typed_and_holds_the_schema_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "wganlint/py.typed" in names
    assert "wganlint/render/report.schema.json" in names
    assert not [name for name in names if "test" in name or "fixtures" in name]


def test_an_installed_wheel_analyzes_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    log = tmp_path / "train.log"
    log.write_text(
        "".join(f"step={n} c_loss=-1000.0048 g_loss=1000.0000 w_gap=1000.0048\n" for n in range(10, 400, 10))
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from wganlint.cli import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "analyze", str(log), "--format", "concise"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "SAT001" in done.stdout


def test_one_version_everywhere() -> None:
    import tomllib

    from wganlint import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
