"""The line that says that a log was made with other settings than the command gives; silent where that is on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint.otherwise import Told, options, otherwise

SCRIPT = """
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=1e-4)
parser.add_argument("--n-critic", type=int, default=5)
parser.add_argument("--optimizer", default="adam", choices=["adam", "sgd"])
parser.add_argument("--iters", type=int, default=1000)
"""


def line(told: dict[str, str], *arguments: str) -> str:
    settings = [Told(name, value, f"train.log:{at}") for at, (name, value) in enumerate(told.items(), 1)]
    return otherwise(settings, arguments, options(SCRIPT))


def test_another_seed_by_default_is_told_with_its_place() -> None:
    assert line({"seed": "1"}) == (
        "the log was made with other settings than this command gives: seed 1 (train.log:1), here 0 by default"
    )


def test_what_the_command_line_says_comes_before_the_default() -> None:
    assert line({"seed": "1", "lr": "1e-05"}, "--seed", "1", "--lr=1e-5") == ""
    assert line({"optimizer": "SGD"}, "--optimizer", "sgd") == ""
    assert "optimizer SGD (train.log:1), here adam by default" in line({"optimizer": "SGD"})
    assert "n_critic 2 (train.log:1), here 3" in line({"n_critic": "2"}, "--n-critic", "3")


@pytest.mark.parametrize("told", [{"lr": "0.0001"}, {"iters": "20"}, {"gamma": "3"}, {"lr": "auto"}, {}])
def test_what_is_the_same_or_unknown_or_only_shorter_is_not_told(told: dict[str, str]) -> None:
    assert line(told) == ""


def test_of_several_attempts_one_that_fits_is_enough() -> None:
    told = [Told("lr", "1e-3", "a.log:1"), Told("lr", "1e-4", "b.log:1")]
    assert otherwise(told, [], options(SCRIPT)) == ""


def test_the_seed_of_a_program_is_found_though_it_is_no_hyper_parameter() -> None:
    script = Path(__file__).parents[1] / "fixtures/sick/run/training/train.py"
    assert "--seed" in options(script.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ["", "def (", "x = 1", "parser.add_argument(name, default=f())", "(" * 5000])
def test_a_script_that_tells_no_options_is_no_trouble(text: str) -> None:
    assert options(text) == {}
