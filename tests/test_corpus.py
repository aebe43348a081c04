"""Real logs of other people's GANs: what is healthy is left in peace, and nothing breaks on what cannot be read yet."""

from __future__ import annotations

import pytest
from shared_data import CORPUS, needs_corpus

from wganlint import analyze
from wganlint.finding import Severity
from wganlint.render.full import full

pytestmark = needs_corpus
FOLDERS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) if CORPUS.is_dir() else []


def verdicts() -> dict[str, str]:
    rows = [
        line.split("|")
        for line in (CORPUS / "INDEX.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    return {row[1].strip(): row[2].strip() for row in rows if len(row) > 3}


@pytest.mark.parametrize("name", FOLDERS)
def test_no_alarm_on_what_is_healthy_and_no_crash_on_anything(name: str) -> None:
    report = analyze(CORPUS / name)
    assert full(report, 80)
    assert report.problems == ()
    verdict = verdicts().get(name, "")
    if verdict.startswith(("healthy", "control", "too-short", "empty")):
        loud = [f"{f.code} {f.severity} {f.title}" for f in report.findings if f.severity >= Severity.MEDIUM]
        assert loud == []


def test_nan_in_a_real_event_file_is_found_where_it_stays() -> None:
    report = analyze(CORPUS / "timegan-normal3-nan")
    (found,) = [f for f in report.findings if f.severity >= Severity.MEDIUM]
    assert found.code == "NUM001"
    assert "from step 238 to the end" in found.title


@pytest.mark.parametrize(
    ("name", "code", "least", "says"),
    [
        ("iimgan-x8", "GAN001", Severity.HIGH, "Score_D"),
        ("pix2pixhd-monet", "GAN001", Severity.HIGH, "D_real + D_fake"),
        ("xsrgan-gan", "GAN001", Severity.HIGH, "Discriminator Loss"),
        ("cyclegan-ganilla", "GAN001", Severity.HIGH, "discriminator B has won"),
        ("chainer-dcgan64", "GAN001", Severity.MEDIUM, "far ahead"),
        ("celebagan-tfevents", "GAN001", Severity.MEDIUM, "far ahead"),
        ("mcnet", "SAT003", Severity.HIGH, "27.631"),
        ("vanilla-notconverging", "SAT003", Severity.HIGH, "half of the clamp of BCELoss"),
        ("timegan-wgangp2", "GAN002", Severity.HIGH, "exactly zero from step 266"),
        ("pgan-paddle", "GAN003", Severity.MEDIUM, "came back"),
        ("sndcgan-hinge", "GAN002", Severity.LOW, "a guess pays 2"),
    ],
)
def test_what_is_sick_in_the_game_is_named(name: str, code: str, least: Severity, says: str) -> None:
    found = [f for f in analyze(CORPUS / name).findings if f.code == code]
    assert found
    assert max(f.severity for f in found) >= least
    assert any(says in f.title for f in found)
