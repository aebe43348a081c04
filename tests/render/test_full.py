"""The terminal report: its width, its carets, its order, and what it must never let through."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import pytest
from msgspec.structs import replace
from sample import CLAMP, SAMPLES, healthy, hostile, seen, sick, two_runs

from wganlint.evidence import Evidence, Place, Standing, observed
from wganlint.finding import Chain, Edge, LinkKind, Outcome, Report, Severity, Verdict
from wganlint.render.cells import cells, clean, clip, glyphs, window
from wganlint.render.concise import concise
from wganlint.render.drawing import tree
from wganlint.render.excerpt import MOST, excerpt
from wganlint.render.full import full, lines
from wganlint.render.markdown import markdown
from wganlint.render.spans import STYLES, plain, wrap
from wganlint.render.sparkline import sparkline
from wganlint.render.story import stories

UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("name", SAMPLES)
def test_lines_fit_but_for_paths_and_diffs(name: str, width: int) -> None:
    for spans in lines(SAMPLES[name](), width):
        kept = any(style in {"path", "add", "del", "code"} for _, style in spans)
        assert kept or sum(cells(text) for text, _ in spans) <= width, spans


@pytest.mark.parametrize("name", SAMPLES)
def test_no_unsafe_character_and_no_trailing_blank(name: str) -> None:
    for text in (full(SAMPLES[name](), 80), concise(SAMPLES[name]())):
        assert not {char for char in text if unicodedata.category(char) in UNSAFE} - {"\n"}
        assert all(row == row.rstrip() for row in text.split("\n"))


@pytest.mark.parametrize("name", SAMPLES)
def test_styles_are_known(name: str) -> None:
    assert {style for spans in lines(SAMPLES[name]()) for _, style in spans} <= {*STYLES, ""}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_finding_is_visible(name: str) -> None:
    report = SAMPLES[name]()
    shown = full(report)
    for finding in report.findings:
        assert f"{finding.severity}[{finding.code}" in shown


def marked(rows: list[str]) -> list[str]:
    """Return what stands above each run of carets."""
    found = []
    for above, row in pairwise(rows):
        carets = re.search(r"\| ( *)(\^+)", row)
        if carets and not re.match(r" *\|", above):
            found.append(_slice(above, cells(row[: carets.start(2)]), len(carets[2])))
    return found


def _slice(row: str, start: int, size: int) -> str:
    at, kept = 0, ""
    for char in row:
        if start <= at < start + size:
            kept += char
        at += cells(char)
    return kept


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    ("quote", "part"),
    [
        (CLAMP, "torch.clamp"),
        ("\t\tx\t= clamp(a,\tb)", "clamp(a,"),
        ("漢字 損失=nan 続き", "損失=nan"),
        ("e\u0301te\u0301 c_loss=1.5", "c_loss=1.5"),
        ("\x1b[31mred\x1b[0m c_loss=nan", "c_loss=nan"),
        ("a" * 900 + " c_loss=nan " + "b" * 900, "c_loss=nan"),
        ("漢" * 300 + " c_loss=nan", "c_loss=nan"),
    ],
)
def test_carets_stand_under_their_value(quote: str, part: str, width: int) -> None:
    start = quote.index(part)
    place = Place("a.log", 7, start + 1, start + len(part) + 1)
    rows = plain(excerpt(place, [observed("log", quote, place, "label " * 9)], width, "")).split("\n")
    assert [" ".join(text.split()) for text in marked(rows)] == [" ".join(part.split())]
    assert max(cells(row) for row in rows) <= width


def test_quote_that_is_the_value_alone_is_marked_whole() -> None:
    place = Place("a.log", 7, 40, 50)
    rows = plain(excerpt(place, [observed("log", "-1000.0048", place)], 80, "")).split("\n")
    assert marked(rows) == ["-1000.0048"]


def test_values_of_one_line_share_its_quote() -> None:
    rows = plain(excerpt(None, [seen(0, "c_loss", "one"), seen(0, "g_loss", "two")], 100, "")).split("\n")
    assert sum("288 |" in row for row in rows) == 1
    assert sum("^" in row for row in rows) == 2


def test_many_quotes_are_counted() -> None:
    text = plain(excerpt(None, [seen(at, "g_loss") for at in range(20)], 100, ""))
    assert len(marked(text.split("\n"))) == MOST
    assert "and 16 more, lines 292-307" in text


def test_another_file_is_shown_before_more_of_the_first() -> None:
    other = Evidence("source", Standing.OBSERVED, CLAMP, "", Place("model.py", 273, 17, 28))
    text = plain(excerpt(None, [*(seen(at, "g_loss") for at in range(20)), other], 100, ""))
    assert "model.py:273:17" in text


def test_roots_stand_before_their_symptoms_and_loops_are_drawn() -> None:
    shown = full(sick())
    assert shown.index("critical[DAT004]") < shown.index("symptom of DAT004") < shown.index("How it hangs")
    assert "└─ keeps alive (assumed) ─▶ DAT004 (back to the top)" in shown
    assert "hides the symptom only" in shown
    assert "not together with fix 3" in shown


def test_a_symptom_worse_than_its_root_stands_alone() -> None:
    report = sick()
    weaker = replace(report.findings[0], severity=report.findings[6].severity)
    shown = full(replace(report, findings=(weaker, *report.findings[1:])))
    assert "\ncritical[SAT006]" in shown
    assert "    caused by DAT004 empty-or-degenerate-fakes" in shown


def test_unjudged_inputs_rules_and_runs_are_named() -> None:
    shown = full(two_runs(), 120)
    assert "needs source (--source DIR): GP001" in shown
    assert "could not be judged" in shown
    assert "broken rule TEAM01" in shown


NOT_FOR = {
    "GAN001": "for bce, hinge; this run is wgan-gp",
    "SAT003": "for bce; this run is wgan-gp",
    "SAT007": "for bce; this run is wgan-gp",
    "TEAM02": "no discriminator",
}


@pytest.mark.parametrize("show", [lambda report: full(report, 100), markdown])
def test_rules_that_lack_the_same_stand_in_one_line_and_none_is_lost(show: Callable[[Report], str]) -> None:
    run = healthy().runs[0].id
    aside = [Verdict(run, code, "name", Outcome.NOT_APPLICABLE, note=note) for code, note in NOT_FOR.items()]
    blind = [
        Verdict(run, code, "name", Outcome.COULD_NOT_TELL, missing=("the gap",))
        for code in ("GAN004", "GAN006", "GP005")
    ]
    shown = show(replace(healthy(), verdicts=(*aside, *blind)))
    rows = [row.strip().lstrip("- ") for row in shown.splitlines()]
    assert "eeds the gap: GAN004, GAN006, GP005" in shown
    assert [row for row in rows if row.lower().startswith("not for this kind")] == [
        f"{'N' if show is markdown else 'n'}ot for this kind of run (this run is wgan-gp): "
        "GAN001 (for bce, hinge); SAT003, SAT007 (for bce)",
        f"{'N' if show is markdown else 'n'}ot for this kind of run (no discriminator): TEAM02",
    ]


@pytest.mark.parametrize("show", [full, markdown])
def test_nobody_is_told_what_to_do_about_remarks(show: Callable[[Report], str]) -> None:
    report = sick()
    remarks = tuple(
        replace(finding, severity=Severity.INFO, root=False, causes=(), caused_by=(), masks=())
        for finding in report.findings
        if finding.fixes
    )
    shown = show(replace(report, findings=remarks, chains=()))
    assert "Nothing has to be done" in shown
    assert not any(word in shown for word in ("What to do", "priority"))
    assert "What to do, in this order" in full(report)


def test_healthy_is_short() -> None:
    assert "No findings of medium or worse." in full(healthy())
    assert len(full(healthy()).split("\n")) < 25


def test_nothing_found() -> None:
    empty = Report("0.1.0", (), (), (), ())
    assert "nothing that looks like a training run" in full(empty)
    assert concise(empty).startswith("No findings")


def test_concise_is_one_line_a_finding() -> None:
    rows = concise(hostile()).splitlines()
    assert len(rows) == 3
    assert concise(sick()).startswith("training/model.py:118:18: DAT004 critical (medium) ")
    assert concise(sick()).splitlines()[0].endswith(" [root]")


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([1.0, 2.0, 3.0], "▁▅█"),
        ([5.0] * 3, "▄▄▄"),
        ([-1000.0048, -1000.0049], "▄▄"),
        ([0.0, 0.0], "▄▄"),
        ([float("nan"), 1.0, float("inf")], "\N{MULTIPLICATION SIGN}▄\N{MULTIPLICATION SIGN}"),
        ([1e308, -1e308], "█▁"),
        ([5e-324, 0.0], "▄▄"),
    ],
)
def test_sparkline(values: list[float], shown: str) -> None:
    assert sparkline(values) == shown


def test_a_long_sparkline_keeps_its_spike_and_its_break() -> None:
    values = [1.0] * 500
    values[250], values[400] = 9.0, float("nan")
    drawn = sparkline(values, 40)
    assert len(drawn) == 40
    assert drawn.count("█") == 1
    assert drawn.count("\N{MULTIPLICATION SIGN}") == 1


def test_cells() -> None:
    assert clean("\x1b[1m\u202e\udcff\u2028\n") == "\\x1b[1m\\u202e\ufffd\\u2028\\n"
    assert (cells("漢字"), cells("e\u0301"), cells("abc")) == (4, 1, 3)
    assert clip("漢字漢字", 5) == "漢字…"
    assert "".join(glyphs("a\tb")) == "a   b"
    assert window("", [(3, 9)], 20) == ("", [(0, 0)])
    assert window("x" * 50, [], 10) == ("x" * 9 + "…", [])


def test_wrap_breaks_long_words_and_keeps_styles_together() -> None:
    found = wrap([("a", "head"), ("b" * 30, "dim"), " c"], 20, "  ")
    assert plain(found) == "  a" + "b" * 17 + "\n  " + "b" * 13 + " c\n"


def test_a_deep_chain_stays_within_its_width() -> None:
    report = sick()
    many = tuple(replace(report.findings[0], id=f"f{at}", root=at == 0, caused_by=()) for at in range(60))
    edges = tuple(Edge(f"f{at}", f"f{(at + 1) % 60}", LinkKind.CAUSES, Standing.ASSUMED) for at in range(60))
    chain = Chain("sick", tuple(finding.id for finding in many), edges)
    deep = replace(report, findings=many, chains=(chain,))
    (story,) = stories(deep)
    assert max(sum(cells(text) for text, _ in spans) for spans in tree(story, 78)) <= 78
    assert "(back to the top)" in full(deep, 80)
