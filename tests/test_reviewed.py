"""Cases that a review of the first version got wrong answers on; each is what a user's log could hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from wganlint import Report, analyze
from wganlint.finding import Finding, Severity

Analyze = Callable[[str], Report]


@pytest.fixture
def read(tmp_path: Path) -> Analyze:
    def run(text: str) -> Report:
        (tmp_path / "train.log").write_text(text, encoding="utf-8")
        return analyze(tmp_path)

    return run


def found(report: Report, code: str) -> Finding | None:
    return next((f for f in report.findings if f.code == code), None)


def loud(report: Report) -> list[str]:
    return [f"{f.code} {f.severity} {f.title}" for f in report.findings if f.severity >= Severity.MEDIUM]


def table(count: int, **columns: str) -> str:
    draw = random.Random(7).gauss
    lines = []
    for n in range(1, count + 1):
        cells = " ".join(f"{name}={eval(text, {'n': n, 'draw': draw})}" for name, text in columns.items())
        lines.append(f"step={n * 10} {cells}")
    return "\n".join(lines) + "\n"


def test_event_files_alone_carry_the_whole_arithmetic(tmp_path: Path) -> None:
    """Event files have no lines: their series are joined by step."""
    folder = Path(__file__).parents[1] / "fixtures/sick/run/logs_tensorboard"
    report = analyze(folder)
    assert found(report, "SAT002") is not None
    assert found(report, "SAT001") is not None


def test_series_of_two_forms_of_line_are_joined_by_step(read: Analyze) -> None:
    lines = []
    for n in range(1, 41):
        lines.append(f"[critic] batch={n * 10} c_loss={-1000.0048:.4f}")
        lines.append(f"[gen] batch={n * 10} g_loss=1000.0000")
    side = found(read("\n".join(lines)), "SAT002")
    assert side is not None and "mean(real) - penalty = 0.0048" in side.why


def test_a_flat_critic_is_not_called_steep(read: Analyze) -> None:
    log = "Gradient penalty: lambda=10.0\n" + table(
        79,
        c_loss="f'{10.0012+draw(0,1e-3):.4f}'",
        w_gap="f'{draw(0.0003,1e-4):.4f}'",
        g_loss="f'{draw(0.01,0.001):.4f}'",
    )
    gp = found(read(log), "GP004")
    assert gp is not None and "flat or untrained" in gp.title


def test_a_live_loss_near_a_round_number_is_left_alone(read: Analyze) -> None:
    for g in ("f'{draw(0.5,2e-4):.5f}'", "f'{draw(1000,3):.2e}'", "f'{draw(100,0.05):.4f}'"):
        log = table(40, c_loss="f'{draw(-2,0.3):.4f}'", g_loss=g, w_gap="f'{draw(2.3,0.3):.4f}'")
        assert loud(read(log)) == [], g


@pytest.mark.parametrize(
    "log",
    [
        "clip=0.01\n" + table(60, d_loss="'-0.0001'", g_loss="'0.5001'"),  # a clipped critic with an offset
        table(60, d_loss="f'{draw(-1.1,0.1):.3f}'", g_loss="'50.000'", rec_loss="f'{0.5/n:.4f}'"),
        "".join(f"it={n} d_loss={-1 - n % 7 / 10:.4f} g_loss={0.51 + n // 100 / 50:.4f}\n" for n in range(250)),
    ],
    ids=["clipped", "offset", "re-printed"],
)
def test_an_offset_or_a_re_printed_value_is_no_bound(read: Analyze, log: str) -> None:
    assert not [f for f in read(log).findings if f.code == "SAT001"]


def test_a_re_printed_loss_is_not_frozen(read: Analyze) -> None:
    log = "".join(f"it={n} d_loss={-1 - n % 7 / 10:.4f} g_loss={0.51 + n // 100 / 50:.4f}\n" for n in range(250))
    assert loud(read(log)) == []


def test_a_saturation_that_ended_is_told(read: Analyze) -> None:
    log = "Config: score_clamp=1000\n" + table(
        79,
        c_loss="f'{-1000.0048:.4f}' if 20 <= n < 60 else f'{draw(-2,0.3):.4f}'",
        g_loss="'1000.0000' if 20 <= n < 60 else f'{draw(0.5,0.3):.4f}'",
        w_gap="'1000.0048' if 20 <= n < 60 else f'{draw(2.2,0.3):.4f}'",
    )
    pinned = found(read(log), "SAT001")
    assert pinned is not None and "came out of it" in pinned.title
    assert pinned.severity is Severity.INFO


def test_one_nan_at_the_last_record_is_not_yet_the_end(read: Analyze) -> None:
    good = table(60, d_loss="f'{draw(-1,0.1):.4f}'", g_loss="f'{draw(1,0.1):.4f}'")
    one = found(read(good + "step=610 d_loss=nan g_loss=1.0\n"), "NUM001")
    assert one is not None and one.severity is Severity.MEDIUM
    assert "at the last record" in one.title
    many = found(read(good + "".join(f"step={n} d_loss=nan g_loss=nan\n" for n in range(610, 660, 10))), "NUM001")
    assert many is not None and many.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "column",
    ["'nan' if n % 5 else f'{0.5:.3f}'", "'nan'"],
)
def test_placeholders_of_side_losses_are_no_fault(read: Analyze, column: str) -> None:
    log = table(60, d_loss="f'{draw(-1,0.1):.4f}'", g_loss="f'{draw(1,0.1):.4f}'", cycle_loss=column)
    assert loud(read(log)) == []


def test_ignoring_a_rule_changes_no_other_finding() -> None:
    sick = Path(__file__).parents[1] / "fixtures/sick/run"
    whole = {f.code: (f.severity, f.title) for f in analyze(sick).findings}
    for code in ("SAT001", "SAT002", "DAT004"):
        rest = {f.code: (f.severity, f.title) for f in analyze(sick, ignore=[code]).findings}
        assert rest == {k: v for k, v in whole.items() if k != code}


def test_counts_of_a_huge_log_are_its_own(read: Analyze) -> None:
    log = "".join(
        f"step={n} c_loss=-1000.0048 g_loss=1000.0000 m_loss={0.5 - n * 1e-6:.6f}\n" for n in range(1, 60_001)
    )
    report = read(log)
    frozen = found(report, "OPT001")
    assert frozen is not None and "over 59" in frozen.title and "records" in frozen.title
    pinned = found(report, "SAT001")
    assert pinned is not None and pinned.evidence[1].step == 60_000


def test_the_last_attempt_says_what_is_in_force(tmp_path: Path) -> None:
    head = {1: "Using SGD optimizer: lr=1e-05, momentum=0.5\n", 2: "Using Adam optimizer: lr=0.0001\n"}
    for n, line in head.items():
        body = "".join(f"step={k} c_loss=-1000.0048 g_loss=1000.0000\n" for k in range(10, 310, 10))
        (tmp_path / f"train_0-999_attempt{n}_20260114-15415{n}.out.log").write_text(line + body)
    report = analyze(tmp_path)
    assert len(report.runs) == 1
    assert found(report, "SAT001") is not None
    assert found(report, "OPT002") is None


def test_a_schedule_that_the_log_refutes_is_not_claimed(read: Analyze) -> None:
    head = "Gradient penalty: lambda=10.0, every=2\n"
    log = head + table(
        40, c_loss="f'{draw(-1,0.05):.4f}'", g_loss="f'{draw(0.4,0.1):.4f}'", w_gap="f'{draw(1.4,0.05):.4f}'", cs="2"
    )
    assert found(read(log), "GP005") is None


def test_two_mean_scores_apart_by_one_ten_thousandth_of_scientific_print(read: Analyze) -> None:
    log = table(30, c_loss="'-1.00e+03'", g_loss="'1.00e+03'")
    report = read(log)
    assert found(report, "SAT002") is None or "+-10" in found(report, "SAT002").why  # type: ignore[union-attr]


def test_a_named_path_with_nothing_in_it_fails_the_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wganlint.cli import run

    (tmp_path / "empty").mkdir()
    healthy = Path(__file__).parents[1] / "fixtures/healthy-gp/run"
    assert run(["gate", str(healthy), str(tmp_path / "empty")]) == 3
    assert "empty" in capsys.readouterr().err


def test_a_folder_of_runs_names_none_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wganlint.cli import run

    (tmp_path / "good.log").write_text(table(40, c_loss="f'{draw(-1,0.1):.4f}'", g_loss="f'{draw(1,0.1):.4f}'"))
    (tmp_path / "notes.log").write_text("hello\n")
    assert run(["gate", str(tmp_path)]) == 0
    assert "notes" in capsys.readouterr().err


def test_our_own_report_is_no_training_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from wganlint.cli import run

    (tmp_path / "train.log").write_text(table(40, c_loss="'-1000.0048'", g_loss="'1000.0000'"))
    assert run(["analyze", str(tmp_path), "--output", f"full={tmp_path / 'report.txt'}"]) == 0
    capsys.readouterr()
    report = analyze(tmp_path)
    judged = [one for one in report.runs if one.judged]
    assert len(judged) == 1 and judged[0].id.endswith("train")


@pytest.mark.parametrize("bound", ["2.5000", "5.0000", "1.0000"])
def test_a_mirrored_pin_without_a_gap(read: Analyze, bound: str) -> None:
    report = read(table(25, critic=f"f'{{{bound}+0.0048:.4f}}'", gen=f"'-{bound}'"))
    assert found(report, "SAT001") is not None
    assert found(report, "SAT002") is not None
