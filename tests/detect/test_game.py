"""Who is ahead in a game, log losses at their floor, and mean-score critics that are flat, run away or drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wganlint.analysis import load_runs
from wganlint.detect.registry import DETECTORS, Absent, Fact, Found, Missing, run_detector
from wganlint.rules.catalogue import catalogue
from wganlint.run import Run

LAMBDA = "Gradient penalty: lambda=10.0\n"


def noise(at: int, seed: int = 0) -> float:
    """Return a number in [-0.5, 0.5) that looks random."""
    return ((at * 7919 + seed * 104729 + 13) % 1000) / 1000 - 0.5


def run_of(folder: Path, line: Callable[[int], str], records: int = 60, header: str = "") -> Run:
    log = folder / "train.log"
    text = header + "".join(f"step={at * 50} {line(at)}\n" for at in range(records))
    log.write_text(text, encoding="utf-8")
    (run,) = load_runs(log)
    return run


def shipped(detector: str, run: Run) -> Found:
    """Call a detector with the thresholds of the shipped rule that uses it."""
    for rule in catalogue().rules:
        knobs: Mapping[str, Any] = {knob.name: knob.default for knob in rule.knobs}
        for find in rule.finds:
            if find.detector == detector:
                given = {key: knobs[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
                         for key, value in find.parameters.items()}  # fmt: skip
                whole = DETECTORS[detector].parameters
                return run_detector(detector, run, {k: int(v) if whole[k].type is int else v for k, v in given.items()})
    raise AssertionError(detector)


def fields(found: Found) -> dict[str, Any]:
    assert isinstance(found, Fact)
    return {name: getattr(value, "value", value) for name, value in found.fields.items()}


# -- who is ahead


def test_the_stretch_to_the_end_counts_from_where_it_begins(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        lambda at: f"d_loss={1.1 + noise(at) / 5 if at < 20 else 0.004:.4f} g_loss={0.9 if at < 20 else 8:.4f}",
    )
    fact = fields(shipped("discriminator_ahead", run))
    assert (fact["by"], fact["since"], fact["records"]) == ("loss", "step 1000", 40)


def test_a_discriminator_that_was_ahead_and_is_no_more_has_not_won(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        lambda at: f"d_loss={1.1 + noise(at) / 5 if at > 30 else 0.004:.4f} g_loss={0.9 if at > 30 else 8:.4f}",
    )
    assert isinstance(shipped("discriminator_ahead", run), Absent)


def test_a_generator_loss_with_side_losses_in_it_says_nothing_of_the_game(tmp_path: Path) -> None:
    def line(name: str) -> Callable[[int], str]:
        return lambda at: f"d_loss={0.4 + noise(at) / 5:.4f} {name}={30 + noise(at):.4f} l1_loss={9 - at / 9:.3f}"

    assert isinstance(shipped("discriminator_ahead", run_of(tmp_path, line("g_loss"))), Absent)
    fact = fields(shipped("discriminator_ahead", run_of(tmp_path, line("g_adv_loss"))))
    assert fact["by"] == "answer"
    assert fact["fooled"] < 1e-12


def test_answers_outrank_losses_and_every_game_is_judged(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        lambda at: f"d_loss=0.0{at + 10} g_loss=4.1 D(x)={0.99 + noise(at) / 200:.4f} D(G(z))=0.0{at % 9 + 10}",
    )
    assert fields(shipped("discriminator_ahead", run))["by"] == "scores"
    run = run_of(
        tmp_path,
        lambda at: (
            f"D_A={0.2 + noise(at) / 5:.3f} G_A={0.4 + noise(at) / 5:.3f} D_B=0.003 G_B=0.99 D_C={noise(at) + 1:.3f}"
        ),
    )
    fact = fields(shipped("discriminator_ahead", run))
    assert (fact["pair"], fact["beaten"], fact["several"]) == ("B", 1, True)


def test_a_squared_loss_of_one_is_a_rejected_generator(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, lambda at: f"G_GAN={0.95 + noise(at) / 10:.3f} D_real={0.03 + noise(at) / 50:.3f} D_fake=0.02{at % 9}"
    )
    assert fields(shipped("discriminator_ahead", run))["by"] == "rejected"


def test_no_game_no_answer(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: f"loss={1 + noise(at):.3f} acc=0.9{at}")
    assert isinstance(shipped("discriminator_ahead", run), Missing)


# -- log losses at their floor


@pytest.mark.parametrize(
    ("number", "what", "part"),
    [
        ("100.0000", "the clamp of BCELoss at -100", ""),
        ("50.0000", "the clamp of BCELoss at -100", "half of "),
        ("90.0000", "the clamp of BCELoss at -100", "for a label smoothed, the larger part of "),
        ("27.6310", "-ln 1e-12", ""),
        ("18.4207", "-ln 1e-8", ""),
        ("16.1181", "-ln 1e-7", ""),
        ("15.9424", "-ln of the float32 step below 1", ""),
        ("13.8155", "-ln 1e-6", ""),
        ("8.0590", "-ln 1e-7", "half of "),
    ],
)
def test_each_floor_is_known_by_its_number(tmp_path: Path, number: str, what: str, part: str) -> None:
    run = run_of(tmp_path, lambda at: f"d_loss={number if at > 20 else 1 + noise(at) / 5} g_loss=0.1{at}")
    fact = fields(shipped("log_floor", run))
    assert (fact["what"], fact["part"], fact["ends"]) == (what, part, True)


@pytest.mark.parametrize("number", ["12.3456", "99.0000", "100", "16", "0.0000"])
def test_other_numbers_and_coarse_ones_are_no_floor(tmp_path: Path, number: str) -> None:
    run = run_of(tmp_path, lambda at: f"d_loss={number if at > 20 else 1 + noise(at) / 5} g_loss=0.1{at}")
    assert isinstance(shipped("log_floor", run), Absent)  # 100 is printed to a hundredth of itself


def test_single_hits_are_no_stand(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, lambda at: f"d_loss={1 + noise(at) / 5:.4f} g_loss={16.1181 if at % 4 == 0 else 9 + noise(at)}"
    )
    assert isinstance(shipped("log_floor", run), Absent)


# -- mean-score critics


def test_a_flat_critic_is_told_only_where_the_print_is_fine_enough(tmp_path: Path) -> None:
    def run(zero: str) -> Run:
        header = "Config: clip_value=0.01\n"
        return run_of(tmp_path, lambda at: f"d_loss={-0.5 if at < 3 else zero} g_loss=0.5{at + 10}", header=header)

    assert fields(shipped("critic_flat", run("0.0000000")))["by"] == "zero"
    assert isinstance(shipped("critic_flat", run("0.00")), Missing)


def test_a_hinge_discriminator_that_drifts_to_a_guess_is_told_apart_from_one_that_starts_there(tmp_path: Path) -> None:
    def run(start: float) -> Run:
        header = "Config: gan_mode=hinge\n"
        return run_of(
            tmp_path,
            lambda at: f"d_loss={start if at < 6 else 1.91 + noise(at) / 50:.4f} g_loss={0.1 + noise(at) / 20:.4f}",
            header=header,
        )

    assert fields(shipped("critic_flat", run(1.1)))["by"] == "chance"
    assert isinstance(shipped("critic_flat", run(1.99)), Absent)


def test_a_game_of_exact_zeros_is_dead_in_any_family(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: "one_loss=0.1 D=0.0000 G=0.0000" if at > 30 else f"D={at + 1}.5 G=0.5")
    fact = fields(shipped("critic_flat", run))
    assert (fact["by"], fact["since"]) == ("dead", "step 1550")
    assert isinstance(shipped("critic_flat", run_of(tmp_path, lambda at: "D=0.0000 G=0.0000")), Absent | Missing)


def test_runaway_reads_the_slope_from_a_column_with_or_without_its_weight(tmp_path: Path) -> None:
    def line(held: float) -> Callable[[int], str]:
        return lambda at: (
            f"c_loss={-5 + 4 + noise(at):.3f} w_gap={5 + noise(at, 1) - noise(at):.3f} gp={held * (1 + noise(at, 2) / 10):.3f}"
        )

    weighed = fields(shipped("runaway", run_of(tmp_path, line(4.0), header=LAMBDA)))
    assert weighed["weighed"] and weighed["penalty"] == pytest.approx(0.4, abs=0.05)
    bare = fields(shipped("runaway", run_of(tmp_path, line(0.4), header=LAMBDA)))
    assert not bare["weighed"] and bare["penalty"] == pytest.approx(0.4, abs=0.05)
    assert bare["slope"] == pytest.approx(1.632, abs=0.05)


def test_the_size_of_the_generators_loss_never_counts_as_runaway(tmp_path: Path) -> None:
    run = run_of(tmp_path, lambda at: f"c_loss={-4 + noise(at):.3f} w_gap={4.3 + noise(at):.3f} g_loss={900 * at}.0")
    assert fields(shipped("runaway", run))["growth"] < 2
    assert fields(shipped("offset_drift", run))["growth"] < 2


def test_the_sign_of_the_gap_is_read_against_the_critics_loss(tmp_path: Path) -> None:
    fakes_above = run_of(tmp_path, lambda at: f"c_loss={5 + noise(at):.3f} w_gap={-4.6 + noise(at):.3f}", header=LAMBDA)
    assert fields(shipped("negative_gap", fakes_above))["negative"] == 1
    mirrored = run_of(tmp_path, lambda at: f"c_loss={-4 + noise(at):.3f} w_gap={-4.6 + noise(at):.3f}", header=LAMBDA)
    assert isinstance(shipped("negative_gap", mirrored), Absent)
