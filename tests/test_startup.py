"""Start-up is a feature: what `--help` and the analysis of text logs must not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "tensorboard", "pandas", "scipy", "google.protobuf", "matplotlib", "libcst")
PROBE = """
import sys
from wganlint.cli import run
code = run(sys.argv[1:])
print("MODULES", " ".join(sorted(sys.modules)), file=sys.stderr)
raise SystemExit(code)
"""


def modules(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rsplit("MODULES ", 1)[1].split())


LOGS = "fixtures/sick/run/logs_training"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("analyze", "--help"),
        ("probe", "--help"),
        ("analyze", LOGS),
        ("analyze", LOGS, "--format", "json"),
        ("explain", "SAT001"),
    ],
)
def test_nothing_heavy_is_imported(arguments: tuple[str, ...]) -> None:
    loaded = modules(*arguments)
    assert not [name for name in HEAVY if name in loaded]


def test_help_needs_no_numpy_and_json_no_rich() -> None:
    assert "numpy" not in modules("--help")
    assert "rich" not in modules("analyze", LOGS, "--format", "json")


def test_masked_arrays_are_not_imported_for_a_log() -> None:
    """NumPy loads them on its first median or count of different values."""
    assert "numpy.ma" not in modules("analyze", LOGS)


def test_the_version_is_answered_before_anything_is_imported() -> None:
    code = "import sys; from wganlint.main import main\ntry: main()\nexcept SystemExit: print(len(sys.modules), 'typer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    version, rest = done.stdout.splitlines()
    assert version.startswith("wganlint ")
    assert rest.endswith("False")
