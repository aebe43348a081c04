"""Collects scalars during a tick and reports their mean, like training_stats in the StyleGAN repositories."""
import json
import math
import time


class Collector:
    def __init__(self, path="stats.jsonl"):
        self.file = open(path, "w")
        self.values = {}
        self.began = time.time()

    def report(self, name, value):
        self.values.setdefault(name, []).append(float(value))

    def mean(self, name):
        seen = self.values.get(name, [])
        return sum(seen) / len(seen) if seen else float("nan")

    def flush(self, tick, kimg):
        line = {}
        for name, seen in self.values.items():
            mean = self.mean(name)
            std = math.sqrt(sum((v - mean) ** 2 for v in seen) / len(seen)) if math.isfinite(mean) else mean
            line[name] = {"num": len(seen), "mean": mean, "std": std}
        line["Progress/tick"] = {"num": 1, "mean": tick, "std": 0.0}
        line["Progress/kimg"] = {"num": 1, "mean": kimg, "std": 0.0}
        line["timestamp"] = time.time()
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        text = [f"tick {tick:<5d}", f"kimg {kimg:<8.1f}", f"time {time.time() - self.began:<6.1f}s"]
        text += [f"{name} {self.mean(name):<9.4g}" for name in self.values]
        print(" ".join(text).rstrip(), flush=True)
        self.values = {}
