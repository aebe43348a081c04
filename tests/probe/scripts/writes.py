"""Writes files relative to its working directory and relative to itself."""

from pathlib import Path

import torch

from beside import networks, train

parts = networks()
Path("out").mkdir(exist_ok=True)
(Path(__file__).parent / "written").mkdir(exist_ok=True)
for step in range(1, 31):
    losses = train(*parts)
    with Path("out/losses.csv").open("a") as log:
        log.write("%d,%.4f,%.4f\n" % (step, *losses))
    torch.save(parts[0].state_dict(), Path(__file__).parent / "written" / "generator.pt")
