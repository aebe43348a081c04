"""Imports a package that lies beside it, and a module of that package by its full name."""

import beside.settings
from beside import networks, train

parts = networks()
for step in range(1, beside.settings.STEPS + 1):
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
