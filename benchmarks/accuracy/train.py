"""Train the accuracy corpus: `python benchmarks/accuracy/train.py`, into a cache that is not committed.

    python benchmarks/accuracy/train.py [--part tuning|test|fresh|all] [--seeds 0 1 ...] [--only TEXT ...] [--jobs N]

Only what is missing or stale is trained, so it can be stopped and called again. Each run is a folder with what a
researcher would leave behind (sources, logs) and, beside it, truth.json: what the instruments measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import runpy
import shlex
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from corpus import PARTS, Job, jobs

CACHE = Path(__file__).parents[2] / "build" / "accuracy"
SEEDS = [0, 1, 2, 3, 4]
HEALTHY_SEEDS = [*range(10)]
CPU_LIMIT = 120  # seconds a run


def is_done(job: Job, cache: Path, extra: tuple[str, ...]) -> bool:
    """The run is there and was made from the present sources."""
    truth = cache / job.name / "truth.json"
    if not truth.exists():
        return False
    return bool(json.loads(truth.read_text(encoding="utf-8"))["key"] == job.key(extra))


def write_sources(job: Job, run: Path) -> None:
    """Put the variant's sources where its log will lie."""
    (run / "code").mkdir(parents=True)
    for name, text in job.sources().items():
        (run / "code" / name).write_text(text, encoding="utf-8")


def play(job: Job, folder: Path, extra: tuple[str, ...]) -> None:
    """Train in this process, which is a child that does nothing else, and write truth.json."""
    run = folder / "run"
    os.chdir(run)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
    for stream, name in ((1, "train.log"), (2, "train.err")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, stream)
    # After the streams were replaced: a parent under test may have put something else in their place
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1)
    sys.dont_write_bytecode = True
    sys.path.insert(0, "code")
    sys.argv = ["code/train.py", *job.command(extra)]
    from measure import Instruments

    spec = job.program
    instruments = Instruments(spec.generator, spec.critic, spec.noise, spec.reals)
    status = 0
    try:
        runpy.run_path("code/train.py", run_name="__main__")
    except SystemExit as done:
        status = int(done.code or 0) if not isinstance(done.code, str) else 1
    except Exception:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    used = resource.getrusage(resource.RUSAGE_SELF)
    truth: dict[str, Any] = {
        "key": job.key(extra),
        "program": spec.name,
        "variant": job.variant.name,
        "kind": job.variant.kind,
        "seed": job.seed,
        "exit": status,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        **instruments.measurements(),
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def start(job: Job, cache: Path, extra: tuple[str, ...]) -> int:
    """Fork a child that plays the job; torch is imported only once, in the parent."""
    folder = cache / job.name
    shutil.rmtree(folder, ignore_errors=True)
    write_sources(job, folder / "run")
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        play(job, folder, extra)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def train(todo: list[Job], cache: Path, extra: tuple[str, ...] = (), workers: int = 1) -> list[str]:
    """Train what is missing, `workers` at a time; the names of runs that could not be measured."""
    import torch

    torch.set_num_threads(1)
    # What torch imports with the first optimizer takes longer than a short training: once, here, not in each child
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    cache = cache.resolve()
    waiting = [job for job in todo if not is_done(job, cache, extra)]
    if any("tensorboard" in text for job in waiting for text in job.sources().values()):
        importlib.import_module("torch.utils.tensorboard")
    print(f"{len(todo)} runs, {len(waiting)} to train", flush=True)
    running: dict[int, Job] = {}
    failed: list[str] = []
    begun = time.perf_counter()
    done = 0
    while waiting or running:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            running[start(job, cache, extra)] = job
        child, status = os.wait()
        if child not in running:
            continue
        job = running.pop(child)
        done += 1
        if status:
            failed.append(job.name)
            print(f"{job.name}: no measurement, status {status}", flush=True)
        else:
            print(f"{done:5} {time.perf_counter() - begun:7.0f} s  {job.name}  {brief(cache, job)}", flush=True)
    return failed


def brief(cache: Path, job: Job) -> str:
    """A run in a few numbers."""
    truth = json.loads((cache / job.name / "truth.json").read_text(encoding="utf-8"))

    def number(name: str) -> str:
        return "nan" if truth[name] is None else f"{truth[name]:.3f}"

    return (
        f"distance {number('distance_start')} -> {number('distance_end')}, coverage {number('coverage')}, "
        f"{truth['cpu_seconds']} s" + (f", exit {truth['exit']}" if truth["exit"] else "")
    )


def main() -> None:
    """Parse, train, say what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--healthy-seeds", type=int, nargs="+", default=HEALTHY_SEEDS)
    parser.add_argument("--only", nargs="+", default=[], help="runs whose program/variant/seed contains one of these")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--extra", default="", help="further arguments of the programs, for a quick trial")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    todo = jobs(options.part, options.seeds, options.only, options.healthy_seeds)
    failed = train(todo, options.cache, tuple(shlex.split(options.extra)), options.jobs)
    if failed:
        raise SystemExit(f"{len(failed)} runs could not be measured")


if __name__ == "__main__":
    main()
