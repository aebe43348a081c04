"""Inputs of the benchmarks, drawn with a seed: logs, event files, a trace.

python benchmarks/inputs.py dense|sparse FILE MEGABYTES
python benchmarks/inputs.py logs FOLDER COUNT KILOBYTES
python benchmarks/inputs.py simple|tensor|mixed FILE EVENTS [TAGS]
python benchmarks/inputs.py trace FILE MEGABYTES
python benchmarks/inputs.py csv|floats|jsonl FILE MEGABYTES
"""

from __future__ import annotations

import json
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import logs

TAGS = ("loss/critic", "loss/generator", "loss/reconstruction", "grad_norm/critic", "lr/generator")
WALL = 1.7e9  # seconds; when the runs begin


# -- logs


def many(folder: Path, count: int, size: int) -> None:
    """Write `count` dense logs of `size` bytes, each a run of its own."""
    for at in range(count):
        run = folder / f"run{at:04d}"
        run.mkdir(parents=True)
        logs.write(run / "train.log", "dense", size, seed=at)


def table(file: Path, size: int) -> None:
    """Write a CSV of about `size` bytes: a step and nine columns of metrics."""
    draw = random.Random(5)
    with file.open("w", encoding="utf-8") as out:
        written = out.write("step," + ",".join(f"loss_{at}" for at in range(9)) + "\n")
        step = 0
        while written < size:
            step += 10
            written += out.write(
                f"{step}," + ",".join(f"{draw.gauss(at, 0.4):.{4 + at % 4}f}" for at in range(9)) + "\n"
            )


def floats(file: Path, size: int, *, lines: bool) -> None:
    """Write about `size` bytes of metrics with all their digits, as Python prints floats: a CSV or JSON lines."""
    draw = random.Random(6)
    names = ("d_loss", "g_loss", "gp", "w_dist", "grad_norm")
    with file.open("w", encoding="utf-8") as out:
        written = 0 if lines else out.write(f"step,{','.join(names)}\n")
        step = 0
        while written < size:
            step += 10
            values = [draw.gauss(0.0, scale) for scale in (10.0, 3.0, 0.01, 1.0, 100.0)]
            if lines:
                record = {"step": step, **dict(zip(names, values, strict=True)), "phase": "train"}
                written += out.write(json.dumps(record) + "\n")
            else:
                written += out.write(f"{step},{','.join(map(repr, values))}\n")


# -- TensorBoard events


def varint(number: int) -> bytes:
    """Return a protobuf integer."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    """Return a protobuf message or bytes field."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def events(file: Path, count: int, layout: str, tags: int = len(TAGS)) -> None:
    """Write `count` scalars, one an event; "mixed" adds histograms, images and texts every hundred steps."""
    import numpy as np

    from wganlint.read.events.checksum import checksums

    with file.open("wb") as out:
        waiting: list[bytes] = []

        def flush() -> None:
            lengths = np.array([len(one) for one in waiting], dtype=np.int64)
            heads = lengths.astype("<u8").tobytes()
            eight = np.full(len(waiting), 8, dtype=np.int64)
            head_sums = checksums(heads, np.arange(len(waiting)) * 8, eight).astype("<u4").tobytes()
            sums = checksums(b"".join(waiting), np.cumsum(lengths) - lengths, lengths).astype("<u4").tobytes()
            for at, one in enumerate(waiting):
                out.write(heads[8 * at : 8 * at + 8] + head_sums[4 * at : 4 * at + 4] + one + sums[4 * at : 4 * at + 4])
            waiting.clear()

        for one in drawn_events(count, layout, tags):
            waiting.append(one)
            if len(waiting) == 20_000:
                flush()
        flush()


def drawn_events(count: int, layout: str, tags: int) -> Iterator[bytes]:
    """Yield the data of the records."""
    draw = random.Random(7)
    names = [name.encode() for name in (*TAGS, *(f"layer{at:03d}/grad_norm" for at in range(tags)))][:tags]
    about = field(9, field(1, field(1, b"scalars")))
    yield b"\x09" + struct.pack("<d", WALL) + field(3, b"brain.Event:2")
    for at in range(count):
        step, which = divmod(at, tags)
        number = struct.pack("<f", float("nan") if draw.random() < 0.002 else draw.gauss(which, 0.1))
        value = b"\x15" + number if layout != "tensor" else field(8, b"\x08\x01\x12\x00" + field(5, number)) + about
        yield event(step, field(1, field(1, names[which]) + value))
        if layout == "mixed" and which == 0 and step % 100 == 0:
            yield from others(draw, step)


def event(step: int, summary: bytes) -> bytes:
    """Return an event of one summary."""
    return (
        b"\x09" + struct.pack("<d", WALL + 0.04 * step) + (b"\x10" + varint(step) if step else b"") + field(5, summary)
    )


def others(draw: random.Random, step: int) -> Iterator[bytes]:
    """Yield three histograms, an image and a text."""
    limits = struct.pack("<64d", *(at / 32 - 1 for at in range(64)))
    for layer in range(3):
        counts = [float(draw.randrange(900)) for _ in range(64)]
        stated = b"".join(
            bytes([at << 3 | 1]) + struct.pack("<d", v) for at, v in enumerate((-1, 1, sum(counts), 0, 9), 1)
        )
        body = stated + field(6, limits) + field(7, struct.pack("<64d", *counts))
        yield event(step, field(1, field(1, b"weights/layer%d" % layer) + field(5, body)))
    yield event(step, field(1, field(1, b"samples/0") + field(4, field(4, b"\x89PNG" + draw.randbytes(40_000)))))
    text = field(8, b"\x08\x07" + field(8, b"step %d ok" % step)) + field(9, field(1, field(1, b"text")))
    yield event(step, field(1, field(1, b"notes") + text))


# -- a Chrome trace


def trace(file: Path, size: int) -> None:
    """Write a trace of about `size` bytes in the layout of torch.profiler: steps, nested operations, kernels."""
    draw = random.Random(3)
    head = {
        "schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "GPU", "totalGlobalMem": 1 << 34}],
        "distributedInfo": {"backend": "nccl", "rank": 0, "world_size": 1}, "trace_id": "0",
    }  # fmt: skip
    with file.open("w", encoding="utf-8") as out:
        written = out.write(json.dumps(head)[:-1] + ', "traceEvents": [\n')
        first = True
        for one in drawn_trace(draw):
            written += out.write(("  " if first else ",\n  ") + json.dumps(one))
            first = False
            if written > size and one["name"].startswith("ProfilerStep#"):
                break
        out.write('\n], "traceName": "trace.json", "displayTimeUnit": "ms", "baseTimeNanoseconds": 0}\n')


def drawn_trace(draw: random.Random) -> Iterator[dict[str, object]]:
    """Yield events of a training loop, a step's operations first, then the step itself."""
    for pid, name in ((1, "python"), (0, "GPU 0")):
        yield {"ph": "M", "ts": 0, "pid": pid, "tid": 0, "name": "process_name", "args": {"name": name}}
    now, ids, step = 1000.0, 0, 0
    operations = ("aten::linear", "aten::mul", "aten::add", "aten::nan_to_num", "aten::leaky_relu", "aten::sum")
    while True:
        began = now
        for _ in range(60):
            ids += 1
            name, length = draw.choice(operations), round(draw.uniform(20, 60), 3)
            yield call("cpu_op", name, 1, 1, now, length, {"External id": ids, "Record function id": 0, "Ev Idx": ids})
            if name == "aten::linear":
                inner = {"External id": ids + 10**8, "Ev Idx": ids + 10**8}
                yield call("cpu_op", "aten::addmm", 1, 1, round(now + 2, 3), round(length - 4, 3), inner)
            launch = {"External id": ids, "cbid": 211, "correlation": ids}
            yield call("cuda_runtime", "cudaLaunchKernel", 1, 1, round(now + 5, 3), 4.0, launch)
            kernel = {
                "External id": ids, "device": 0, "context": 1, "stream": 7, "correlation": ids,
                "registers per thread": 32, "grid": [64, 1, 1], "block": [128, 1, 1],
            }  # fmt: skip
            yield call("kernel", f"void kernel_{name[6:]}<float>(int, float*)", 0, 7, round(now + 15, 3), 9.0, kernel)
            now = round(now + length + 1, 3)
        yield call("user_annotation", f"ProfilerStep#{step}", 1, 1, began, round(now - began, 3), {"External id": 0})
        now, step = now + 50, step + 1


def call(
    cat: str, name: str, pid: int, tid: int, begin: float, length: float, args: dict[str, object]
) -> dict[str, object]:
    """Return one complete event, times in microseconds."""
    return {"ph": "X", "cat": cat, "name": name, "pid": pid, "tid": tid, "ts": begin, "dur": length, "args": args}


def main(kind: str, path: str, size: str, more: str = "") -> None:
    """Write one input."""
    target = Path(path)
    match kind:
        case "dense" | "sparse":
            logs.write(target, kind, int(float(size) * 1e6))
        case "logs":
            many(target, int(size), int(float(more) * 1e3))
        case "simple" | "tensor" | "mixed":
            events(target, int(size), kind, int(more or len(TAGS)))
        case "csv":
            table(target, int(float(size) * 1e6))
        case "floats" | "jsonl":
            floats(target, int(float(size) * 1e6), lines=kind == "jsonl")
        case "trace":
            trace(target, int(float(size) * 1e6))
        case _:
            raise SystemExit(f"no such input: {kind}")


if __name__ == "__main__":
    main(*sys.argv[1:])
