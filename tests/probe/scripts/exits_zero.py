"""Ends itself with sys.exit(0) at step 3, as if all were done."""

import sys

from beside import networks, train

parts = networks()
for step in range(1, 31):
    if step == 3:
        sys.exit(0)
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
