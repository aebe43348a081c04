"""Ends with os._exit(1) at step 3: no handler and no finally clause runs."""

import os

from beside import networks, train

parts = networks()
for step in range(1, 31):
    if step == 3:
        os._exit(1)
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)), flush=True)
