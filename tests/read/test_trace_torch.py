"""A trace that torch writes here and now is read as torch itself counts it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wganlint.read.opening import open_file
from wganlint.read.trace import read_trace

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")

# In a process of its own: a profiler with stacks does not bear the tracing of a test runner.
PROGRAM = """
import json, sys
import torch
from torch import profiler


def critic(weights, batch):
    scores = torch.nan_to_num(batch @ weights)
    return torch.clamp(scores, -1.0, 1.0).mean()


def ready(profile):
    print(json.dumps({row.key: row.count for row in profile.key_averages()}))
    profile.export_chrome_trace(sys.argv[1])


weights = torch.randn(4, 1, requires_grad=True)
optimizer = torch.optim.SGD([weights], lr=0.1)
with profiler.profile(
    activities=[profiler.ProfilerActivity.CPU],
    schedule=profiler.schedule(wait=0, warmup=1, active=3),
    on_trace_ready=ready,
    with_stack=True,
) as profile:
    for number in range(4):
        optimizer.zero_grad()
        for _ in range(1 + number):
            critic(weights, torch.randn(8, 4)).backward()
        optimizer.step()
        profile.step()
"""


@pytest.mark.parametrize("ending", ["json", "json.gz"])
def test_counts_and_sites_agree_with_torch(tmp_path: Path, ending: str) -> None:
    program, path = tmp_path / "train.py", tmp_path / f"t.{ending}"
    program.write_text(PROGRAM)
    done = subprocess.run([sys.executable, str(program), str(path)], capture_output=True, text=True, check=True)
    counted = json.loads(done.stdout.splitlines()[-1])
    with open_file(path, fast=True) as stream:
        trace, notes = read_trace(stream, path.name)
    assert trace is not None
    assert notes == []
    assert [step.number for step in trace.steps] == [1, 2, 3]
    node = trace.operations["NanToNumBackward0"]
    assert node.calls.tolist() == [2, 3, 4]
    assert trace.operations["aten::nan_to_num"].calls.tolist() == [2, 3, 4]
    assert trace.operations["Optimizer.step#SGD.step"].calls.tolist() == [1, 1, 1]
    line = PROGRAM.split("\n").index("def critic(weights, batch):") + 1
    assert [(site.function, site.line, site.calls) for site in node.sites] == [("critic", line, 9)]
    for name, operation in trace.operations.items():
        if operation.kind in {"node", "wrapper"}:
            assert operation.total_calls == counted[name], name
    assert {name for name in counted if name.startswith("aten::")} == {
        name for name in trace.operations if name.startswith("aten::")
    }
