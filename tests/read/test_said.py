"""Failures that a log tells of: heard in whatever block of lines they come, and not where Python only cleans up."""

from __future__ import annotations

from wganlint.read.said import Ear


def heard(*blocks: list[str]) -> list[str]:
    ear, number = Ear("train.log"), 0
    for block in blocks:
        ear.listen(block)
        for line in block:
            number += 1
            ear.hears(number, line)
    return [said.kind for said in ear.said()]


def test_a_failure_is_heard_beside_lines_that_hold_other_signs() -> None:
    assert heard(["CPU time total", "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB"]) == ["out_of_memory"]
    assert heard(["CPU time total"], ["slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 12:00 ***"]) == ["stopped"]


def test_what_python_says_at_its_end_is_none_even_in_the_next_block() -> None:
    ignored = "Exception ignored in: <function DataLoader.__del__>"
    trace = "Traceback (most recent call last):"
    assert heard([ignored], [trace]) == []
    assert heard([ignored], ["a line", "another", trace]) == ["traceback"]


def test_lines_without_a_sign_are_passed() -> None:
    assert heard(["step 1 loss 0.5", "a skilled critic"]) == []
