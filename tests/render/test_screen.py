"""What reaches a terminal: the same text as `full`, with colors where they are wanted and never as markup."""

from __future__ import annotations

import io
import re

import pytest
from sample import SAMPLES, hostile, sick

from wganlint.render.full import full
from wganlint.render.screen import LOOK, Color, echo, fit, show
from wganlint.render.spans import STYLES

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_style_has_a_look() -> None:
    assert set(LOOK) == set(STYLES)


@pytest.mark.parametrize("color", ["auto", "never", "always"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_is_that_of_full(name: str, color: Color) -> None:
    target = io.StringIO()
    show(SAMPLES[name](), width=80, color=color, file=target)
    text = target.getvalue()
    assert ("\x1b[" in text) == (color == "always")
    assert ESCAPE.sub("", text) == full(SAMPLES[name](), 80)


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    target = Terminal()
    show(sick(), width=80, file=target)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", target.getvalue())


def test_markup_of_an_input_is_printed_as_it_is() -> None:
    target = io.StringIO()
    show(hostile(), width=120, color="never", file=target)
    assert "[bold]nan[/bold]" in target.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_a_poor_encoding_is_no_error(encoding: str) -> None:
    raw = io.BytesIO()
    target = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    show(hostile(), width=80, file=target)
    echo(full(sick(), 80), target)
    target.flush()
    assert b"`- causes -> SAT001" in raw.getvalue() or encoding == "cp437"
    assert fit("─▶ …", "ascii") == "-> ~"
