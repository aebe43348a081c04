"""The Markdown report, read back with a real parser: nothing of an input may become markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample import SAMPLES, healthy, hostile, sick

from wganlint.render.drawing import mermaid
from wganlint.render.markdown import markdown
from wganlint.render.markup import code, fence, prose
from wganlint.render.story import stories

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(text: str) -> list[tuple[str, str]]:
    """Return (type, content) of all tokens, inline ones included."""
    return [(token.type, token.content) for block in PARSER.parse(text) for token in [block, *(block.children or [])]]


def headings(text: str) -> list[str]:
    found = PARSER.parse(text)
    return [found[at + 1].content for at, token in enumerate(found) if token.type == "heading_open"]


def test_sections_of_a_sick_run_stand_in_their_order() -> None:
    text = markdown(sick())
    order = [
        "# Training analysis: run sick",
        "## Executive summary",
        "## Problem 1: The generator starts",
        "## Problem 7: nan_to",
        "## What still learns, and why",
        "## Smaller remarks",
        "## The cycle",
        "```mermaid",
        "## Fixes, in priority order",
        "## What the log should look like afterwards",
        "## References",
        "## Evidence",
        "## Not judged",
    ]
    places = [text.index(heading) for heading in order]
    assert places == sorted(places)


def test_a_healthy_run_has_no_empty_sections() -> None:
    text = markdown(healthy())
    assert "No findings of medium or worse." in text
    for absent in ("## Problem", "## What still learns", "## The c", "## Fixes", "## Evidence"):
        assert absent not in text


@pytest.mark.parametrize("name", SAMPLES)
def test_only_our_own_markup_is_markup(name: str) -> None:
    found = tokens(markdown(SAMPLES[name]()))
    kinds = {kind for kind, _ in found}
    assert not kinds & {"html_block", "html_inline", "image", "table_open", "s_open", "blockquote_open"}
    assert "code_block" not in kinds
    links = [content for kind, content in found if kind == "link_open"]
    assert len(links) == markdown(SAMPLES[name]()).count("<https://")


def test_hostile_headings_are_ours() -> None:
    ours = (
        *("Training analysis", "Executive", "Problem", "The cycle", "Fixes", "1. ", "What", "References"),
        *("Evidence", "Not judged", "Trouble"),
    )
    assert all(heading.startswith(ours) for heading in headings(markdown(hostile())))


def test_mermaid_labels_hold_no_syntax() -> None:
    (story,) = stories(hostile())
    for row in mermaid(story)[1:]:
        label = row.split('"')[1] if '"' in row else ""
        assert not set(label) & set('[]{}<>|`"')


@given(st.text())
def test_prose_is_literal(text: str) -> None:
    kinds = {kind for kind, _ in tokens(prose(text))}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline", "text_special"}


@given(st.text(alphabet="`*_[]()<>!#-+=~|.1 \\a\n&;:"))
def test_prose_of_markup_is_literal(text: str) -> None:
    kinds = {kind for kind, _ in tokens(prose(text))}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "code_inline", "text_special"}
    kinds = {kind for kind, _ in tokens(f"- {prose(text)}")}
    assert not kinds & {"heading_open", "hr", "html_inline", "link_open", "em_open", "fence"}


@given(st.text(alphabet="` ab|\\<", min_size=1))
def test_code_comes_back_as_it_was(text: str) -> None:
    found = [content for kind, content in tokens("x " + code(text)) if kind == "code_inline"]
    assert found == [text] or not text.strip()


@given(st.lists(st.text(alphabet="`~ ab\x1b")))
def test_a_fence_holds(rows: list[str]) -> None:
    assert [kind for kind, _ in tokens("\n".join(fence(rows, "text")))] == ["fence"]
