"""Asks a question on standard input before it trains; an empty answer is yes."""

import sys

from beside import networks, train

print("Overwrite the last checkpoint? [Y/n] ", end="", flush=True)
if sys.stdin.readline().strip().lower() == "n":
    sys.exit("nothing done")
parts = networks()
for step in range(1, 31):
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
