"""The door of the process that runs the user's script: loads this folder as a package, then gives way to the script.

Called as `python start.py ORDER.json`; the order says what to run and what to measure.
"""

from __future__ import annotations

import importlib.util
import os
import sys

NAME = "_wganlint_probe"


def main(order: str) -> int:
    """Load the package from its folder, whatever is installed, and run the order."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(
        NAME, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError(here)
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    session = importlib.import_module(NAME + ".session")
    code: int = session.run(order)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
