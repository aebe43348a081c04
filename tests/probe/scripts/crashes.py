"""Crashes at step 3, with a traceback of its own."""

from beside import networks, train

parts = networks()
for step in range(1, 31):
    if step == 3:
        raise ValueError("the detector file is damaged")
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
