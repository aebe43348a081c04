"""What the probe costs a step, beside the script alone and beside a mode that only counts operations.

    python benchmarks/overhead.py [--rounds N] [--steps N] [--variants plain,light] [PROGRAM ...]

plain: the script alone; bare: under a TorchDispatchMode that only counts; light and default: under the probe. All go
through the probe's own door, on one thread, each in a fork of this process, in interleaved rounds. Programs are seeded,
so step n is the same work each time. CPU time of a step is compared within a round, where all run within seconds of
each other, and the median of the rounds is kept. (The least of each step over nine rounds, which was kept before, came
out at 1.05 and at 1.53 for the same program and code, the median at 1.35 and 1.47: others use the machine's caches,
too.) As in the probe's own account the first quarter of the steps is left out, and the experiments that begin when the
last step has ended. Kept in results/overhead.json; rows of programs not named stay as they are.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from race import RESULTS, machine, three

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
VARIANTS = ("plain", "bare", "light", "default")
STEPS = 20  # the probe's own default
SICK = ("--optimizer", "sgd", "--lr", "1e-5", "--momentum", "0.5", "--profile-steps", "0")
PROGRAMS: dict[str, tuple[Path, str, tuple[str, ...]]] = {
    "sick": (FIXTURES / "sick/run", "training/train.py", ("--seed", "71", *SICK)),
    "healthy-twin": (FIXTURES / "healthy-twin/run", "training/train.py", ("--seed", "1", "--profile-steps", "0")),
    **{
        name: (FIXTURES / name / "run", "training/train.py", ("--seed", "1"))
        for name in ("healthy-gp", "healthy-clip", "healthy-sn")
    },
    **{
        name: (FIXTURES / "probe" / name / "run", "src/train.py", ("--seed", "1"))
        for name in ("showers-healthy", "arcs-healthy", "tones-healthy", "halves-healthy", "masked-attention")
    },
    "images": (HERE / "images", "train.py", ()),
}


def once(name: str, variant: str, steps: int) -> dict[str, Any]:
    """Run a program in a fork, in a copy of its folder: the CPU time at each step's end, operations, peak memory.

    Raises:
        SystemExit: it did not take that many steps.
    """
    folder, script, arguments = PROGRAMS[name]
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, Path(place, "run"), ignore=shutil.ignore_patterns("__pycache__"))
        child = os.fork()
        if child == 0:
            os.chdir(Path(place, "run"))
            with Path(place, "printed").open("w") as printed:
                os.dup2(printed.fileno(), 1)
                os.dup2(printed.fileno(), 2)
            try:
                _run(variant, steps, script, arguments, Path(place))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        os.waitpid(child, 0)
        try:
            found: dict[str, Any] = json.loads(Path(place, "found.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        if not found:
            raise SystemExit(f"{name}, {variant}: {Path(place, 'printed').read_text()[-1000:]}")
    return found


def _run(variant: str, steps: int, script: str, arguments: Sequence[str], place: Path) -> None:
    """In the fork: run the script as the probe does, with a clock at each step of an optimizer."""
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch.utils._python_dispatch import TorchDispatchMode

    ticks: list[float] = []
    counted = 0

    def stepped(*_: object) -> None:
        ticks.append(time.process_time())
        if len(ticks) == steps:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found = {"ticks": ticks, "operations": counted, "peak_mb": peak}
            (place / "found.json").write_text(json.dumps(found), encoding="utf-8")
            os._exit(0)

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal counted
            counted += 1
            return func(*args, **(kwargs or {}))

    order = {
        "mode": "plain" if variant == "bare" else variant, "steps": steps, "seed": 0, "roles": {}, "guarded": [],
        "shown": {}, "kind": "script", "name": script, "argv": list(arguments), "out": str(place / "out.json"),
    }  # fmt: skip
    (place / "order.json").write_text(json.dumps(order), encoding="utf-8")
    torch.set_num_threads(1)
    register_optimizer_step_post_hook(stepped)  # before the probe's own, so without its experiments
    if variant == "bare":
        Counting().__enter__()
    import_module("start").main(str(place / "order.json"))


def step_of(ticks: Sequence[float]) -> tuple[float, float]:
    """Return the mean time of a step in seconds: the first quarter of the steps left out; all but the very first."""
    times = [b - a for a, b in pairwise(ticks)]
    first = (len(times) + 1) // 4
    return statistics.mean(times[first - 1 :]), statistics.mean(times)


def row_of(name: str, variants: Sequence[str], rounds: int, steps: int) -> dict[str, object]:
    """Measure one program."""
    ticks: dict[str, list[list[float]]] = {variant: [] for variant in variants}
    peaks: dict[str, float] = {}
    operations = 0
    for turn in range(rounds):
        for variant in variants:
            print(f"  overhead: {name}, round {turn + 1} of {rounds}, {variant}", file=sys.stderr)
            found = once(name, variant, steps)
            ticks[variant].append(found["ticks"])
            peaks[variant] = max(peaks.get(variant, 0.0), found["peak_mb"])
            operations = operations or found["operations"]
    plain = [step_of(one) for one in ticks["plain"]]
    row: dict[str, object] = {
        "name": name, "rounds": rounds, "plain_ms": three(1000 * statistics.median(late for late, _ in plain)),
        "operations": operations // steps,
    }  # fmt: skip
    for variant in variants[1:]:
        pairs = list(zip(map(step_of, ticks[variant]), plain, strict=True))
        late, every = (statistics.median(one[at] / beside[at] for one, beside in pairs) for at in (0, 1))
        row |= {variant: three(late), f"{variant}_from_start": three(every)}
        row[f"{variant}_mb"] = round(peaks[variant] - peaks["plain"])
    return row


def main() -> None:
    """Measure, and keep the result."""
    parser = argparse.ArgumentParser(description="What the probe costs a step.")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"any of: {', '.join(PROGRAMS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}  # before torch is loaded
    import torch

    with contextlib.suppress(ImportError):
        import_module("torch.utils.tensorboard")  # what some scripts load: once, not in each fork
    from wganlint.probe import inside

    sys.path.insert(0, str(Path(inside.__file__).parent))
    kept = RESULTS / "overhead.json"
    rows = {one["name"]: one for one in json.loads(kept.read_text(encoding="utf-8"))["rows"]} if kept.exists() else {}
    for name in given.programs or PROGRAMS:
        rows[name] = row_of(name, given.variants.split(","), given.rounds, given.steps)
        print(rows[name], flush=True)
        if given.variants == ",".join(VARIANTS):
            result = {"name": "overhead", "steps": given.steps, "torch": torch.__version__, **machine()}
            result["rows"] = [rows[name] for name in PROGRAMS if name in rows]
            kept.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
