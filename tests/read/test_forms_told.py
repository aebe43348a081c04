"""Ways to write a record that once were lost or misread, each under names that no test had before."""

from __future__ import annotations

from pathlib import Path

import pytest

from wganlint.analysis import load_runs
from wganlint.read.tokens import fields_of
from wganlint.run import Run


def read(tmp_path: Path, lines: list[str]) -> Run:
    (tmp_path / "out.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (run,) = load_runs(tmp_path / "out.log")
    return run


def told(run: Run) -> dict[str, tuple[list[str], list[float]]]:
    return {one.name: (list(one.texts), one.steps.tolist()) for one in run.series}


def pairs(line: str) -> list[tuple[str, str]]:
    return [(field.key, line[field.start : field.end]) for field in fields_of(line)]


def test_pairs_without_a_blank_between_them() -> None:
    assert pairs("it: 40, sec: 2.25err_adv: -1.5e-3pix_l1: 12.gp_x=7score: nanFAKE: inf") == [
        ("it", "40"), ("sec", "2.25"), ("err_adv", "-1.5e-3"), ("pix_l1", "12."), ("gp_x", "7"),
        ("score", "nan"), ("FAKE", "inf"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["out/x2loss: 5", "who: nanny: 3", "at: 12:30PM: 5", "id: 4f3a: dead", "kind: 3x3conv", "a: 5b c: d"]
)
def test_what_only_looks_glued(line: str) -> None:
    assert {key for key, _ in pairs(line)} <= {"out/x2loss", "nanny"}  # a name is never cut inside a word


@pytest.mark.parametrize("mark", ['"', "'"])
def test_values_in_quotes_behind_names_in_quotes(tmp_path: Path, mark: str) -> None:
    texts = [f"{at / 8:.3f}" for at in range(9)]
    run = read(
        tmp_path,
        [f"log {{'iter': '{at}', 'critic_cost': '{text}', 'git': '1.2.{at}', 'day': '3 days'}}".replace("'", mark)
         for at, text in enumerate(texts)],
    )  # fmt: skip
    assert told(run) == {"critic_cost": (texts, list(range(9)))}
    line = f"{{{mark}a_loss{mark}: {mark}0.5{mark}, {mark}b{mark}: {mark}5 of 7{mark}}}"
    assert pairs(line) == [("a_loss", "0.5")]


def test_meters_with_their_running_mean(tmp_path: Path) -> None:
    lines = [
        f"Train: [{e}][ {b:>3}/400]\tData {b / 7:.3f} ( {b / 9:.3f})\tAdv_loss {e}.{b:03d} ({b / 3:.4e})"
        for e in range(3)
        for b in range(0, 400, 40)
    ]
    found = told(read(tmp_path, ["Epoch" + line[5:] for line in lines]))
    assert len(found["Adv_loss"][0]) == 30
    assert found["Adv_loss"][0][11] == "1.040"
    assert found["Adv_loss#2"][0][1] == f"{40 / 3:.4e}"
    assert found["Adv_loss"][1] == [float(e) for e in range(3) for _ in range(10)]  # batches start anew


def test_the_way_a_step_is_written_parts_two_curves(tmp_path: Path) -> None:
    lines = []
    for at in range(40):
        lines.append(f"Iter [{at}/40]   cost C: {at / 3:.9f}")
        if at % 4 == 0:
            lines.append(f"Iter: {at}, cost C: {at / 3:.2f}")
    found = told(read(tmp_path, lines))
    assert sorted(len(texts) for texts, _ in found.values()) == [10, 40]
    assert {len(text.partition(".")[2]) for text in found["cost C"][0]} == {9}


def test_the_number_of_a_process_before_a_step_is_none(tmp_path: Path) -> None:
    found = told(read(tmp_path, [f"3: iter {at * 7}: w_dist={at / 2}" for at in range(20)]))
    assert found == {"w_dist": ([str(at / 2) for at in range(20)], [at * 7.0 for at in range(20)])}


def test_a_bare_step_in_brackets_before_values_with_their_spread(tmp_path: Path) -> None:
    found = told(read(tmp_path, [f"[{at * 50}] wass: {at}.5 ± 0.25  gen cost: -{at}.75" for at in range(20)]))
    assert found["wass"] == ([f"{at}.5" for at in range(20)], [at * 50.0 for at in range(20)])
    assert found["gen cost"][1] == [at * 50.0 for at in range(20)]


@pytest.mark.parametrize(
    ("top", "bar", "rule", "end"),
    [("┏━━┳━━┳━━┓", "┃", "┡━━╇━━╇━━┩", "└──┴──┴──┘"), ("╔══╦══╦══╗", "║", "╠══╬══╬══╣", "╚══╩══╩══╝"),
     ("+---+---+---+", "|", "+===+===+===+", "+---+---+---+")],
)  # fmt: skip
def test_a_drawn_table_with_names_over_it(tmp_path: Path, top: str, bar: str, rule: str, end: str) -> None:
    rows = [f"{bar} {at * 5:<5} {bar} {at / 4:<9} {bar} {-at / 8:<7} {bar}" for at in range(30)]
    run = read(tmp_path, [top, f"{bar} iter  {bar} netD_loss {bar} netG_loss {bar}", rule, *rows, end])
    found = told(run)
    assert found.keys() == {"netD_loss", "netG_loss"}
    assert found["netD_loss"] == ([str(at / 4) for at in range(30)], [at * 5.0 for at in range(30)])
    loss = run.named("netG_loss")
    assert loss is not None
    assert loss.lines.tolist() == list(range(4, 34))
    assert all(quote[column - 1 :].startswith(text) for quote, column, text in zip(
        loss.quotes, loss.columns.tolist(), loss.texts, strict=True))  # fmt: skip


def test_a_counter_that_stands_still_while_epochs_rise_is_no_step(tmp_path: Path) -> None:
    lines = [f"(epoch: {at // 2}, iters: {[8, 8, 16][at % 3]}, time: 0.1) C_adv: {at}.25" for at in range(0, 60, 2)]
    found = told(read(tmp_path, lines))
    assert found["C_adv"][1] == list(range(30))
