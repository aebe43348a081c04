"""The door: answers `--version` at once, then hands over to the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from wganlint import __version__

        print(f"wganlint {__version__}")
        raise SystemExit(0)
    import gc

    gc.set_threshold(100_000)  # a short-lived process: at the default, collecting costs a tenth of a small analysis
    from wganlint.cli import run

    raise SystemExit(run(sys.argv[1:]))
