"""The line that shows a run: what a terminal gets, also one that is narrow, plain or gone."""

from __future__ import annotations

import io
import time

import pytest

from wganlint.render.ticker import Ticker, status


class Stream(io.StringIO):
    encoding = "ascii"


def test_the_line_tells_the_time_the_rest_and_the_work() -> None:
    assert status("2 of 4: x", 3, 12, 24) == "3 s of about 12 s, 33 s left  2 of 4: x"
    assert status("without a fix", 3, None, None) == "3 s  without a fix"
    assert status("x", 20, 12, 600) == "20 s of about 12 s, 10 min left  x"


def test_a_name_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in status("a\x1b[2Jb", 1, None, None)


def test_the_line_vanishes_and_lines_for_good_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Stream()
    ticker = Ticker(stream)
    ticker.begin("1 of 2: a very long title of a fix that no narrow terminal holds", 10, 10)
    time.sleep(0.05)
    ticker.end()
    ticker.line("cures    a fix")
    text = stream.getvalue()
    assert text.endswith("\r\x1b[Kcures    a fix\n")
    assert all(len(part.removesuffix("\x1b[K")) < 40 for part in text.split("\r"))
    assert text.isascii()


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    stream = Stream()
    ticker = Ticker(stream)
    ticker.begin("x", None, None)
    time.sleep(0.02)
    stream.close()
    ticker.end()
    ticker.line("y")
