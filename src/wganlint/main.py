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
    import os

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy starts threads for linear algebra, and we do none

    gc.set_threshold(100_000)  # a short-lived process: at the default, collecting costs a tenth of a small analysis
    try:
        from wganlint.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)
