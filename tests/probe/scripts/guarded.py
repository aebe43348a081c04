"""Trains only under `if __name__ == "__main__"`, with arguments of its own."""

import argparse

from beside import networks, train

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()
    parts = networks()
    for step in range(1, args.steps + 1):
        print("step %d c_loss %.4f g_loss %.4f" % (step, *train(*parts)))
