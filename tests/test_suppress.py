"""Inline ignores: a comment with a reason hides a finding on its line, and no other; one that does nothing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint import Report, analyze
from wganlint.finding import Outcome
from wganlint.render.full import full
from wganlint.render.markdown import markdown

SOURCE = """
import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(8, 1)

    def forward(self, x):
        return self.net(x)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 8)

    def forward(self, z):
        return self.net(z)


critic, generator = Critic(), Generator()
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-4)
opt_g = torch.optim.Adam(
    critic.parameters(),{inside}
    lr=1e-4,
)
for real in load():
    opt_c.zero_grad()
    c_loss = critic(generator(torch.randn(64, 4)).detach()).mean() - critic(real).mean()
    c_loss.backward()
    opt_c.step()
    opt_g.zero_grad()
{above}
    g_loss = critic(generator(torch.randn(64, 4))).mean(){after}
    g_loss.backward()
    opt_g.step()
"""


def told(folder: Path, inside: str = "", above: str = "", after: str = "") -> Report:
    (folder / "train.py").write_text(
        SOURCE.replace("{inside}", inside).replace("{above}", above).replace("{after}", after)
    )
    return analyze(folder)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def notes(report: Report) -> list[str]:
    return [text for text, _ in report.runs[0].notes]


def test_without_a_comment_both_faults_are_told(tmp_path: Path) -> None:
    assert {"GAN005", "OPT004"} <= codes(told(tmp_path))


@pytest.mark.parametrize(
    "where",
    [
        {"after": "  # wganlint: ignore[GAN005] a cooperative game"},
        {"after": "  # noqa: E501 # wganlint: ignore[GAN005] a cooperative game"},
        {"after": "  #wganlint:ignore[gan005, ARC004]: a cooperative game"},
        {"above": "    # wganlint: ignore[wrong-loss-sign] a cooperative game"},
        {"above": "    # wganlint: ignore[GAN005] a cooperative game\n    # and more about it\n"},
    ],
)
def test_a_comment_hides_the_finding_of_its_statement(tmp_path: Path, where: dict[str, str]) -> None:
    report = told(tmp_path, **where)
    assert "GAN005" not in codes(report)
    assert "OPT004" in codes(report)
    verdict = next(v for v in report.verdicts if v.code == "GAN005")
    assert verdict.outcome is Outcome.IGNORED
    assert "a cooperative game" in verdict.note


def test_a_comment_inside_a_statement_of_many_lines_counts_for_it(tmp_path: Path) -> None:
    report = told(tmp_path, inside="  # wganlint: ignore[OPT004] shared on purpose")
    assert "OPT004" not in codes(report)
    assert "GAN005" in codes(report)


def test_the_reason_is_shown(tmp_path: Path) -> None:
    report = told(tmp_path, after="  # wganlint: ignore[GAN005] a cooperative game")
    text = full(report, width=200)
    assert "ignored on request GAN005 wrong-loss-sign" in text
    assert "a cooperative game" in text
    assert "a cooperative game" in markdown(report)


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("# wganlint: ignore[GAN005]", "gives no reason"),
        ("# wganlint: ignore all of it", "name the rules"),
        ("# wganlint: ignore[GAN999] a cooperative game", "no such rule"),
        ("# wganlint: ignore[OPT005] a cooperative game", "OPT005 finds nothing here"),
    ],
)
def test_a_comment_that_does_nothing_is_told(tmp_path: Path, comment: str, said: str) -> None:
    report = told(tmp_path, after="  " + comment)
    assert "GAN005" in codes(report)
    assert any(said in note for note in notes(report))


def test_the_words_inside_a_string_are_no_comment(tmp_path: Path) -> None:
    report = told(tmp_path, after=' + len("# wganlint: ignore[GAN005] a text")')
    assert "GAN005" in codes(report)
    assert not notes(report)


def test_one_comment_hides_one_place_only(tmp_path: Path) -> None:
    first = SOURCE.replace("{inside}", "").replace("{above}", "").replace("{after}", "")
    second = first[first.index("for real") :].replace("c_loss", "d_loss").replace("g_loss", "adv_g_loss")
    lines = first.splitlines()
    at = next(i for i, line in enumerate(lines) if "g_loss = critic" in line)
    lines[at] += "  # wganlint: ignore[GAN005] a cooperative game"
    again = "".join(f"    {line}\n" for line in second.splitlines())
    (tmp_path / "train.py").write_text("\n".join(lines) + "\n\n\ndef again():\n" + again)
    found = [finding for finding in analyze(tmp_path).findings if finding.code == "GAN005"]
    assert len(found) == 1
    assert found[0].place is not None
    assert found[0].place.line is not None
    assert found[0].place.line > at + 1
