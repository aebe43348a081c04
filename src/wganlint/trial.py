"""The examples of rules, run through the real readers: test, documentation and tutorial at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from msgspec.structs import replace

from wganlint.engine import Judgement, judge
from wganlint.expect import expectations
from wganlint.measured import VERSION
from wganlint.read.discover import discover
from wganlint.read.join import read_run
from wganlint.read.roles import assign
from wganlint.read.sniff import PROBE
from wganlint.rules.catalogue import Catalogue, catalogue
from wganlint.rules.rule import Example, Rule


def failures(book: Catalogue, *, only_added: bool = False) -> tuple[int, list[str]]:
    """Run the examples of a catalogue, or only of the rules that are not shipped; return how many, and what failed."""
    shipped = {rule.code for rule in catalogue().rules} if only_added else set()
    tried, failed = 0, []
    for rule in book.rules:
        if rule.code in shipped:
            continue
        for example in rule.body.examples:
            tried += 1
            wrong = trial(rule, example, book)
            if wrong:
                failed.append(f"{rule.file}: {rule.code}: {example.title!r}: {wrong}")
    return tried, failed


def trial(rule: Rule, example: Example, book: Catalogue) -> str:
    """Run one example; return what is wrong with its outcome, or an empty text."""
    judgement = _judge(rule, example, book)
    if judgement is None:
        return "the example holds nothing that could be read"
    outcome = str(judgement.verdict.outcome)
    if outcome != example.outcome:
        why = judgement.verdict.note or ", ".join(judgement.verdict.missing)
        return f"expected {example.outcome}, got {outcome}" + (f" ({why})" if why else "")
    finding = judgement.finding
    if finding is None:
        return ""
    if example.severity and str(finding.severity) != example.severity:
        return f"expected severity {example.severity}, got {finding.severity}"
    text = f"{finding.title} {finding.why}"
    lost = [part for part in example.says if part not in text]
    return f"does not say {lost[0]!r}: {text}" if lost else ""


def probe_file(measured: str) -> bytes:
    """Return the file of a probe that holds what an example says was measured, in 20 steps of a small program.

    Text that is no JSON object stays as it is: its reader says what is wrong.
    """
    try:
        given = msgspec.json.decode(measured.encode())
    except msgspec.DecodeError:
        return measured.encode()
    head = {
        PROBE: VERSION, "command": ["python", "train.py"], "script": "train.py", "folder": "", "python": "3.11",
        "torch": "2.4", "device": "cpu", "mode": "default", "asked_steps": 20, "steps": 20, "rounds": 5,
        "ending": {"kind": "steps", "text": "stopped after 20 steps"}, "timing": {"wall": 1.0},
    }  # fmt: skip
    return msgspec.json.encode(head | given) if isinstance(given, dict) else measured.encode()


def _judge(rule: Rule, example: Example, book: Catalogue) -> Judgement | None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if example.log:
            (root / "example.log").write_text(example.log, encoding="utf-8")
        if example.source:
            (root / "training").mkdir()
            (root / "training" / "model.py").write_text(example.source, encoding="utf-8")
        if example.trace:
            (root / "example.pt.trace.json").write_text(example.trace, encoding="utf-8")
        if example.probe:
            (root / "probe.json").write_bytes(probe_file(example.probe))
        told = expectations(example.expect)
        runs = [assign(replace(read_run(files), expected=told)) for files in discover([root])]
    judgements = [j for run in runs for j in judge(run, book.rules) if j.rule.code == rule.code]
    return judgements[0] if judgements else None
