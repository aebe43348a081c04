"""Loads data with two workers and leaves a subprocess running when it ends."""

import subprocess
import sys

import torch
from torch.utils.data import DataLoader, TensorDataset

from beside import networks, train


def main():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"child {child.pid}", flush=True)
    parts = networks()
    data = TensorDataset(torch.randn(160, 2))
    step = 0
    for _ in range(2):
        for (real,) in DataLoader(data, batch_size=16, num_workers=2):
            step += 1
            print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts, real)))


if __name__ == "__main__":
    main()
