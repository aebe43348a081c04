"""A Report as text, one pure function a format; last stop of findings -> chain -> Report -> render.

`screen` prints `full` with colors and alone knows Rich. A format is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from wganlint.finding import Report

__all__ = ["FORMATS", "Format"]

Format = Callable[[Report], str]


def _lazy(module: str, name: str) -> Format:
    def render(report: Report) -> str:
        function: Format = getattr(import_module(f"wganlint.render.{module}"), name)
        return function(report)

    render.__name__ = name
    return render


FORMATS: dict[str, Format] = {
    "full": _lazy("full", "full"),
    "concise": _lazy("concise", "concise"),
    "markdown": _lazy("markdown", "markdown"),
    "json": _lazy("report_json", "as_json"),
}
