"""Prints the report in color; the only module that knows Rich (Report -> render -> screen)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, TextIO

from wganlint.render.spans import Line, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from wganlint.finding import Report
    from wganlint.inspection import Inspection

Color = Literal["auto", "always", "never"]

NARROW, WIDE, PIPE = 60, 120, 100  # columns: least, most, and where the output is not a terminal

LOOK = {
    "critical": "bold red",
    "high": "bold bright_red",
    "medium": "bold yellow",
    "low": "bold cyan",
    "info": "bold blue",
    "head": "bold",
    "strong": "bold",
    "dim": "dim",
    "code": "cyan",
    "path": "underline",
    "gutter": "blue",
    "label": "italic",
    "quote": "none",
    "add": "green",
    "del": "red",
    "cures": "green",
    "hides": "magenta",
    "moves": "yellow",
    "unknown": "dim",
    "observed": "green",
    "derived": "cyan",
    "assumed": "yellow",
    "good": "bold green",
    "spark": "bright_blue",
}

_ASCII = str.maketrans(
    {
        "─": "-",
        "│": "|",
        "└": "`",
        "├": "|",
        "▶": ">",
        "╌": "-",
        "…": "~",
        "≈": "~",
        "→": ">",
        "\ufffd": "?",
        "\N{MULTIPLICATION SIGN}": "x",
        **dict(zip("▁▂▃▄▅▆▇█", "__..--==", strict=True)),
    }
)


def show(report: Report, *, width: int | None = None, color: Color = "auto", file: TextIO | None = None) -> None:
    """Print the report for a person, in the colors and the width that the terminal takes.

    "auto" colors a terminal only, and heeds NO_COLOR. Input text is never read as markup.
    """
    from wganlint.render.full import lines

    _show(lambda wide: lines(report, wide), width=width, color=color, file=file)


def show_inspection(
    inspection: Inspection,
    *,
    all: bool = False,
    width: int | None = None,
    color: Color = "auto",
    file: TextIO | None = None,
) -> None:
    """Print an inspection for a person, as `show` does a report; `all` folds no list."""
    from wganlint.render.inspected import lines

    _show(lambda wide: lines(inspection, wide, all=all), width=width, color=color, file=file)


def _show(draw: Callable[[int], list[Line]], *, width: int | None, color: Color, file: TextIO | None) -> None:
    """Print what `draw` gives for the width at hand."""
    target = file or sys.stdout
    if color == "never" or (color == "auto" and not target.isatty() and not os.environ.get("FORCE_COLOR")):
        wide = width or (_terminal_width() if target.isatty() else PIPE)
        echo(plain(list(_trimmed(draw(wide)))), file)  # nothing to color: Rich need not be loaded
        return
    from rich.text import Text

    console = _console(color, file)
    wide = width or (min(max(console.width, NARROW), WIDE) if console.is_terminal else PIPE)
    encoding = getattr(console.file, "encoding", None) or "utf-8"
    for spans in _trimmed(draw(wide)):
        text = Text(no_wrap=True, overflow="ignore", end="\n")
        for part, style in spans:
            text.append(fit(part, encoding), LOOK.get(style) if style else None)
        console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _terminal_width() -> int:
    return min(max(shutil.get_terminal_size().columns, NARROW), WIDE)


def echo(text: str, file: TextIO | None = None) -> None:
    """Print any rendered text; characters that the stream cannot hold are replaced, never an error."""
    target = file or sys.stdout
    target.write(fit(text, getattr(target, "encoding", None) or "utf-8"))


def bar() -> Progress:
    """Return a bar for standard error that vanishes at its end: what, share, speed and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TaskProgressColumn(), Speed(),
        TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), transient=True)


def fit(text: str, encoding: str) -> str:
    """Return `text` with the characters that `encoding` lacks replaced, drawings by their plain twins."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text


def _console(color: Color, file: TextIO | None) -> Console:
    from rich.console import Console

    match color:
        case "always":
            return Console(file=file, force_terminal=True, no_color=False, color_system="256")
        case "never":
            return Console(file=file, no_color=True, color_system=None)
        case "auto":
            return Console(file=file)


def _trimmed(found: Iterable[Line]) -> Iterable[Line]:
    """Yield lines without blanks at their end."""
    for spans in found:
        kept = list(spans)
        while kept and not kept[-1][0].strip():
            kept.pop()
        if kept:
            kept[-1] = (kept[-1][0].rstrip(), kept[-1][1])
        yield tuple(kept)
