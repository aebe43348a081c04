"""Compiles the critic with torch.compile, backend eager."""

import torch

from beside import networks, train

generator, critic, opt_g, opt_c = networks()
compiled = torch.compile(critic, backend="eager")
for step in range(1, 31):
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(generator, compiled, opt_g, opt_c)))
