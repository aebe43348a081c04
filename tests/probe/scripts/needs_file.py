"""Needs a file that lies beside it, whatever the working directory is."""

import json
from pathlib import Path

from beside import networks, train

config = json.loads((Path(__file__).parent / "needs_file.json").read_text())
parts = networks()
for step in range(1, config["steps"] + 1):
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
