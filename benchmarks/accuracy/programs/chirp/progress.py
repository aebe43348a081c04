"""A progress bar on stderr that prints as tqdm does."""

import sys
import time


def clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes:02d}:{seconds:02d}"


class tqdm:
    def __init__(self, items, desc="", mininterval=0.1, **_):
        self.items, self.total = items, len(items)
        self.desc, self.postfix, self.mininterval = desc, "", mininterval
        self.n, self.begun, self.shown = 0, time.time(), 0.0

    def __iter__(self):
        for item in self.items:
            yield item
            self.n += 1
            if time.time() - self.shown >= self.mininterval or self.n == self.total:
                self.refresh()
        sys.stderr.write("\n")

    def set_description(self, desc):
        self.desc = desc

    def set_postfix(self, **values):
        self.postfix = ", " + ", ".join(f"{k}={v}" for k, v in values.items())

    def refresh(self):
        self.shown = time.time()
        passed = self.shown - self.begun
        rate = self.n / max(passed, 1e-9)
        left = (self.total - self.n) / max(rate, 1e-9)
        share = self.n / self.total
        bar = "█" * int(10 * share) + " " * (10 - int(10 * share))
        pace = f"{rate:5.2f}it/s" if rate >= 1 else f"{1 / rate:5.2f}s/it"
        head = f"{self.desc}: " if self.desc else ""
        line = f"\r{head}{share:4.0%}|{bar}| {self.n}/{self.total} [{clock(passed)}<{clock(left)}, {pace}{self.postfix}]"
        sys.stderr.write(line)
