"""Wraps both networks in DataParallel; without a GPU this passes calls through."""

from torch import nn

from beside import networks, train

generator, critic, opt_g, opt_c = networks()
generator, critic = nn.DataParallel(generator), nn.DataParallel(critic)
for step in range(1, 31):
    print("step %d c_loss %.4f g_loss %.4f" % (step, *train(generator, critic, opt_g, opt_c)))
