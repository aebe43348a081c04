"""wganlint, the linter for (W)GAN training runs.

`analyze(paths)` reads what training runs left behind and returns a `Report` of `Finding`s; `load_runs(paths)` returns
the runs as they were read, each with its `frame()`. Nothing else is public.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wganlint.analysis import analyze, load_runs
    from wganlint.finding import Finding, Report

__version__ = "0.1.0"
__all__ = ["Finding", "Report", "__version__", "analyze", "load_runs"]


def __getattr__(name: str) -> object:
    """Import the public names on first use, so that `wganlint --version` costs nothing."""
    if name in ("analyze", "load_runs"):
        from wganlint import analysis

        return getattr(analysis, name)
    if name in ("Finding", "Report"):
        from wganlint import finding

        return getattr(finding, name)
    raise AttributeError(f"module 'wganlint' has no attribute {name!r}")
