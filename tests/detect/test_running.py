"""How a program ran: memory, speed, starts and ends, told from logs that differ in one thing each."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from wganlint import Report, analyze
from wganlint.finding import Severity
from wganlint.source import Leak, SourceModel


def log(count: int, tail: Callable[[int], str], *, seed: int = 3, begin: int = 1) -> str:
    draw = random.Random(seed)
    return "".join(
        f"step={100 * n} c_loss={-1 + draw.gauss(0, 0.1):.4f} g_loss={draw.gauss(0.5, 0.1):.4f} {tail(n)}\n"
        for n in range(begin, begin + count)
    )


def report(tmp_path: Path, text: str) -> Report:
    (tmp_path / "train.log").write_text(text)
    return analyze(tmp_path)


def severity(found: Report, code: str) -> str:
    return next((str(f.severity) for f in found.findings if f.code == code), "")


def noise(n: int) -> float:
    return ((n * 7919) % 97 - 48) / 48


GROWTH: dict[str, tuple[Callable[[int], str], str]] = {
    "steady": (lambda n: f"mem={2000 + 20 * n}MiB", "medium"),
    "steady under noise": (lambda n: f"mem_gb={2 + 0.04 * n + 0.04 * noise(n):.3f}GB", "medium"),
    "resident size of the process": (lambda n: f"rss={250 + 3 * n}MB", "medium"),
    "peaks of larger batches": (lambda n: f"alloc={2000 + (15 * n if n % 4 == 0 else 0)}MiB", ""),
    "a peak counter": (lambda n: f"max_alloc={2000 + 20 * n}MiB", "info"),
    "a reserve": (lambda n: f"alloc=2000MiB reserved={3000 + 30 * n}MiB", "info"),
    "a warm-up": (lambda n: f"mem={min(2000, 900 + 400 * n)}MiB", ""),
    "a warm-up that takes long": (lambda n: f"mem={2000 - 800 / n:.0f}MiB", ""),
    "one larger resolution": (lambda n: f"mem={2000 if n < 30 else 2600}MiB", ""),
    "two larger resolutions": (lambda n: f"mem={2000 if n < 20 else 2600 if n < 55 else 3300}MiB", "low"),
    "noise": (lambda n: f"mem={2000 + 300 * noise(n):.0f}MiB", ""),
    "a share of it": (lambda n: f"mem_util={20 + n}%", ""),
    "free memory that falls": (lambda n: f"mem_free={9000 - 20 * n}MiB", ""),
}


@pytest.mark.parametrize("name", GROWTH)
def test_memory_that_grows_is_told_from_memory_that_does_not(name: str, tmp_path: Path) -> None:
    tail, expected = GROWTH[name]
    assert severity(report(tmp_path, log(60, tail)), "RUN001") == expected


def test_memory_is_not_compared_across_starts(tmp_path: Path) -> None:
    head = "Using device: cuda:0\nbatch size is small\n"
    parts = [head + log(25, lambda n, k=k: f"mem={2000 + 300 * k}MiB", begin=25 * k + 1) for k in range(4)]
    assert severity(report(tmp_path, "".join(parts)), "RUN001") == ""


def test_what_is_left_of_the_memory_is_turned_into_steps(tmp_path: Path) -> None:
    found = report(tmp_path, log(60, lambda n: f"alloc={2000 + 20 * n}MiB free={4000 - 20 * n}MiB"))
    (leak,) = [f for f in found.findings if f.code == "RUN001"]
    assert "lasts 14000 steps" in leak.why  # 2800 MiB at 20 MiB in 100 steps


def test_a_long_log_is_folded_and_judged_all_the_same(tmp_path: Path) -> None:
    text = "".join(f"step={n} c_loss={noise(n):.4f} mem={2000 + 0.05 * n:.1f}MiB\n" for n in range(30_000))
    assert severity(report(tmp_path, text), "RUN001") in ("low", "medium")


def test_an_error_that_was_caught_is_low(tmp_path: Path) -> None:
    text = (
        log(20, lambda n: "")
        + "CUDA out of memory. Tried to allocate 2.00 GiB; skipped\n"
        + log(20, lambda n: "", begin=21)
    )
    found = report(tmp_path, text)
    assert severity(found, "RUN001") == "low"
    assert severity(found, "RUN002") == ""


@pytest.mark.parametrize(
    ("name", "tail", "expected"),
    [
        ("a rate that falls", lambda n: f"speed={3 if n < 30 else 2.2:.1f} it/s", "low"),
        (
            "a rate that falls with memory that grows",
            lambda n: f"speed={3 - n / 40:.2f} it/s mem={2000 + 30 * n}MiB",
            "medium",
        ),
        ("seconds a batch that rise", lambda n: f"s/b : {0.4 + 0.005 * n:.3f}", "low"),
        ("a steady rate", lambda n: f"rate: {3 + 0.2 * noise(n):.2f} batch/s", ""),
        ("single slow records", lambda n: f"rate: {0.4 if n % 5 == 0 else 3:.2f} batch/s", ""),
        ("the time that is left", lambda n: f"eta: {6000 - 90 * n}s", ""),
        ("a learning rate that falls", lambda n: f"lr={1e-3 * 0.9**n:.3e}", ""),
    ],
)
def test_training_that_gets_slower(name: str, tail: Callable[[int], str], expected: str, tmp_path: Path) -> None:
    assert severity(report(tmp_path, log(60, tail)), "PRF003") == expected


def test_a_rate_of_batches_is_no_learning_rate(tmp_path: Path) -> None:
    from wganlint.analysis import load_runs

    (tmp_path / "train.log").write_text(log(30, lambda n: f"rate: {3 + noise(n):.2f} batch/s"))
    assert "learning_rate" not in load_runs(tmp_path)[0].roles


def test_starts_that_fail_alike_are_one_finding_over_files(tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        (tmp_path / f"train_attempt{number}.out.log").write_text(log(20 + number, lambda n: ""))
        error = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB"
        (tmp_path / f"train_attempt{number}.err.log").write_text(f"Traceback (most recent call last):\n{error}\n")
    found = analyze(tmp_path)
    (loop,) = [f for f in found.findings if f.code == "RUN002"]
    assert loop.title == "4 of 4 starts end with an out-of-memory error, the last one too"
    assert loop.severity is Severity.HIGH
    assert next(e.place.file.rsplit("/", 1)[-1] for e in loop.evidence if e.place) == "train_attempt1.err.log"
    assert severity(found, "RUN001") == "high"


def test_a_failure_that_was_cured_is_history(tmp_path: Path) -> None:
    head = "Using device: cuda:0\nbatch size is small\n"
    oom = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
    parts = [head + log(10, lambda n: "") + oom for _ in range(3)]
    found = report(tmp_path, "".join([*parts, head, log(60, lambda n: ""), "Training finished\n"]))
    assert severity(found, "RUN002") == "low"


def test_seeds_that_are_appended_are_no_loop(tmp_path: Path) -> None:
    head = "TRAIN started at Fri Oct 24 19:45:03 2025\n"
    found = report(tmp_path, "".join(head + log(30, lambda n: "", seed=k) for k in range(5)))
    assert severity(found, "RUN002") == ""


def leaks(tmp_path: Path, body: str, before: str = "history = []") -> tuple[Leak, ...]:
    from wganlint.read.source import read_source

    lines = "\n".join(f"        {line}" for line in body.splitlines())
    text = f"def train(g, d, opt, noise, history):\n    {before}\n    for step in range(9):\n        loss = d(g(noise())).mean()\n{lines}\n"
    model, notes = read_source([("train.py", text.encode())])
    assert notes == ()
    assert isinstance(model, SourceModel)
    return model.leaks


@pytest.mark.parametrize(
    ("body", "before", "kinds"),
    [
        ("loss.backward()\nhistory.append(loss)", "history = []", ["list"]),
        ("loss.backward(retain_graph=True)\nhistory.append((step, loss))", "history = []", ["list"]),
        ("loss.backward()\ntotal += loss", "total = 0", ["sum"]),
        ("loss.backward(create_graph=True)", "pass", ["cycle"]),
        ("loss.backward()\nhistory.append(loss.item())", "history = []", []),
        ("loss.backward()\nhistory.append(float(loss))", "history = []", []),
        ("loss.backward()\nloss = loss.detach()\nhistory.append(loss)", "history = []", []),
        ("loss.backward()\nhistory.append(loss)\nhistory.clear()", "history = []", []),
        ("loss.backward()\nhistory.append(loss)", "history = deque(maxlen=50)", []),
        ("history = []\nloss.backward()\nhistory.append(loss)", "pass", []),
        ("total = 0\nloss.backward()\ntotal += loss", "pass", []),
        ("total += loss\ntotal.backward()\nloss.backward()", "total = 0", []),
        ("history.append(loss)", "history = []", []),
        ("loss.backward(retain_graph=True)", "pass", []),
    ],
)
def test_graphs_that_outlive_their_step(body: str, before: str, kinds: list[str], tmp_path: Path) -> None:
    assert [leak.kind for leak in leaks(tmp_path, body, before)] == kinds


def test_the_mended_line_is_shown(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import torch.nn as nn\n\nclass Critic(nn.Module):\n    def forward(self, x):\n        return self.net(x)\n\n"
        "def train(g, critic, opt, noise):\n    g_losses = []\n    for step in range(9):\n"
        "        g_loss = -critic(g(noise())).mean()\n        g_loss.backward()\n        opt.step()\n        g_losses.append(g_loss)\n"
    )
    (found,) = [f for f in analyze(tmp_path).findings if f.code == "RUN001"]
    assert "+ g_losses.append(g_loss.item())" in found.fixes[0].diff
    assert found.severity is Severity.MEDIUM
