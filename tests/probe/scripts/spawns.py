"""Starts the training in two processes with multiprocessing's spawn."""

import torch.multiprocessing as mp

from beside import networks, train


def work(rank):
    parts = networks()
    for step in range(1, 11):
        print("rank %d step %d c_loss %.4f g_loss %.4f" % (rank, step, *train(*parts)), flush=True)


if __name__ == "__main__":
    mp.spawn(work, nprocs=2)
