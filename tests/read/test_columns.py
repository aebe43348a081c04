"""Delimited tables: dialects, cells, steps, runs; every value and place against a slow, obvious reader."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import CORPUS, needs_corpus

from wganlint import analyze
from wganlint.analysis import load_runs
from wganlint.errors import InputError
from wganlint.read.cells import cell, is_missing
from wganlint.read.delimited import Delimited
from wganlint.read.dialect import dialect_of
from wganlint.run import Run
from wganlint.series import Series


def run_of(folder: Path, name: str, text: str | bytes, columns: tuple[str, ...] = ()) -> Run:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (run,) = load_runs(path, columns=columns)
    return run


def points(series: Series | None) -> list[tuple[float, str, int | None]]:
    assert series is not None
    return [(p.step, p.text, p.place.line) for p in map(series.point, range(len(series.values)))]


def notes(run: Run) -> list[tuple[str, str]]:
    return [(note.text, str(note.place)) for note in run.notes]


# -- against a slow, obvious reader


def slow(text: str, mark: str, step: str) -> dict[str, list[tuple[float, float, str, int]]]:
    """Read a table cell by cell with the csv module: step, value, text, line."""
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    header = next(reader)
    found: dict[str, list[tuple[float, float, str, int]]] = {}
    for row in filter(None, reader):
        at = float(row[header.index(step)]) if step else math.nan
        for name, raw in zip(header, row, strict=True):
            bare = raw.strip()
            if name == step or bare.lower() in {"", "na", "none", "-"}:
                continue
            match = re.search(r"\(([^,]+),", bare)
            found.setdefault(name, []).append(
                (at, float(match[1] if match else bare), match[1] if match else bare, reader.line_num)
            )
    return found


def check(run: Run, expected: dict[str, list[tuple[float, float, str, int]]]) -> None:
    assert [s.key for s in run.series] == [key for key in expected if expected[key]]
    for series in run.series:
        rows = expected[series.key]
        assert len(series) == len(rows) == len(series.values)
        steps, values, texts, lines = zip(*rows, strict=True)
        assert np.array_equal(series.steps, np.array(steps), equal_nan=True)
        assert series.values.tobytes() == np.array(values).tobytes(), series.key
        assert series.texts == texts
        assert tuple(series.lines.tolist()) == lines
        for at in range(len(rows)):
            point = series.point(at)
            if point.place.column is not None:
                begin = point.place.column - 1
                assert point.quote[begin : begin + len(point.text)] == point.text


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.4f}"),
    st.sampled_from(["1e-05", "+3", "-0.0", ".5", "5.", "inf", "-inf", "0012", "1.7976931348623157e308", "1E5"]),
)
CELLS = st.one_of(NUMBERS, st.sampled_from(["", "NA", "None", "-"]))


@settings(max_examples=60, deadline=None)
@given(
    mark=st.sampled_from([",", "\t", ";"]),
    end=st.sampled_from(["\n", "\r\n"]),
    rows=st.lists(st.tuples(NUMBERS, CELLS, CELLS), min_size=3, max_size=90),
    quoted=st.booleans(),
    blanks=st.booleans(),
)
def test_every_cell_reads_as_float_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    mark: str,
    end: str,
    rows: list[tuple[str, ...]],
    quoted: bool,
    blanks: bool,
) -> None:
    names = ["epoch", "d_loss", "g_loss", "pixel_loss"]
    wrap = '"{}"' if quoted else " {}" if blanks and mark != "\t" else "{}"
    lines = [mark.join(names)]
    lines += [mark.join([str(at), *(wrap.format(text) for text in row)]) for at, row in enumerate(rows)]
    text = end.join(lines) + end
    folder = tmp_path_factory.mktemp("t")
    run = run_of(folder, "losses.csv", text)
    expected = slow(text, mark, "epoch")
    check(run, {name: expected.get(name, []) for name in names[1:]})
    assert run.notes == ()


def test_tensors_as_text_with_and_without_quotes(tmp_path: Path) -> None:
    for name, wrap in (("quoted", '"{}"'), ("bare", "{}")):
        rows = [("tensor(10.5290, grad_fn=<AddBackward0>)", f"tensor({at}.25, device='cuda:0')") for at in range(4)]
        lines = ["losses_g,losses_d", *(",".join(wrap.format(text) for text in row) for row in rows)]
        run = run_of(tmp_path / name, "losses.csv", "\n".join(lines) + "\n")
        assert [t for _, t, _ in points(run.named("losses_g"))] == ["10.5290"] * 4
        series = run.named("losses_d")
        assert series is not None
        assert series.values.tolist() == [0.25, 1.25, 2.25, 3.25]
        assert series.first.quote[(series.first.place.column or 0) - 1 :].startswith("0.25")


@pytest.mark.parametrize(
    ("text", "value", "printed"),
    [
        ("0.5", 0.5, "0.5"), ("1,234.5", 1234.5, "1,234.5"), ("87%", 87.0, "87"), ("104/ 180", 104.0, "104"),
        ("[0.25]", 0.25, "0.25"), ("array([[1e-3]])", 1e-3, "1e-3"), ("np.float64(2.5)", 2.5, "2.5"),
        ("tf.Tensor(0.5, shape=(), dtype=float32)", 0.5, "0.5"), ("-inf", -math.inf, "-inf"),
        ("<tf.Tensor: shape=(), dtype=float32, numpy=0.75>", 0.75, "0.75"),
    ],
)  # fmt: skip
def test_cells(text: str, value: float, printed: str) -> None:
    found = cell(text)
    assert found is not None
    assert (found.value, found.text) == (value, printed)
    assert text[found.offset :].startswith(printed)


@pytest.mark.parametrize("text", ["1_000", "٣", "12ms", "0.5.1", "abc", "1;2", "tensor(a)", "2024-01-02", "1,2", "--5"])
def test_what_is_no_number(text: str) -> None:
    assert cell(text) is None


def test_missing_is_not_nan() -> None:
    assert is_missing("NA") and is_missing("") and is_missing("None") and not is_missing("nan")


# -- dialects


def test_byte_order_mark_comments_and_preamble(tmp_path: Path) -> None:
    text = "\ufeff# lr=0.0002\n# run of Monday\nepoch,d_loss,g_loss\n\n1,0.5,1\n# resumed\n2,0.25,2\n"
    run = run_of(tmp_path, "log.csv", text)
    assert points(run.named("d_loss")) == [(1, "0.5", 5), (2, "0.25", 7)]
    assert [(s.name, s.value, s.place.line) for s in run.settings] == [("lr", "0.0002", 1)]


def test_utf16_with_mark(tmp_path: Path) -> None:
    run = run_of(tmp_path, "log.csv", "epoch\td_loss\n1\t0.5\n2\t0.25\n".encode("utf-16"))
    assert points(run.named("d_loss")) == [(1, "0.5", 2), (2, "0.25", 3)]


def test_header_in_a_comment_and_blanks_between(tmp_path: Path) -> None:
    run = run_of(tmp_path, "losses.dat", "# epoch d_loss g_loss\n0 1.0e-1 2\n1 5.0e-2   3\n")
    assert points(run.named("g_loss")) == [(0, "2", 2), (1, "3", 3)]


def test_a_printed_table_with_rules(tmp_path: Path) -> None:
    text = "| epoch | d_loss | g_loss |\n|------:|-------:|-------:|\n| 1 | 0.5 | 1.5 |\n| 2 | 0.25 | 2.5 |\n| 3 | 0.2 | 3 |\n"
    run = run_of(tmp_path, "results.txt", text)
    assert points(run.named("d_loss")) == [(1, "0.5", 3), (2, "0.25", 4), (3, "0.2", 5)]


def test_decimal_commas(tmp_path: Path) -> None:
    run = run_of(tmp_path, "log.csv", "epoch;d_loss;g_loss\n1;0,125;-1,5\n2;0,250;-1,25\n")
    series = run.named("d_loss")
    assert series is not None
    assert series.values.tolist() == [0.125, 0.25]
    assert (series.decimals, series.first.quote) == (3, "1;0,125;-1,5")


def test_thousands_only_in_quotes(tmp_path: Path) -> None:
    run = run_of(tmp_path, "log.csv", 'step,d_loss\n"1,000",0.5\n"2,000",0.25\n')
    assert points(run.named("d_loss")) == [(1000, "0.5", 2), (2000, "0.25", 3)]


def test_index_column_of_pandas_is_the_row(tmp_path: Path) -> None:
    run = run_of(tmp_path, "loss.csv", ",loss_d,loss_g\n0,0.5,1\n1,0.25,2\n2,0.2,3\n")
    assert [s.key for s in run.series] == ["loss_d", "loss_g"]
    assert points(run.named("loss_d")) == [(0, "0.5", 2), (1, "0.25", 3), (2, "0.2", 4)]
    run = run_of(tmp_path, "loss2.csv", ",epoch,loss_d\n0,10,1\n1,20,2\n2,30,3\n")
    assert [s.key for s in run.series] == ["loss_d"]
    assert points(run.named("loss_d"))[0] == (10, "1", 2)


def test_names_that_come_twice_and_names_in_quotes(tmp_path: Path) -> None:
    run = run_of(tmp_path, "log.csv", '"epoch","D(G(z))","loss, G","loss, G"\n1,0.5,2,3\n2,0.25,4,5\n')
    assert [s.key for s in run.series] == ["D(G(z))", "loss, G", "loss, G#2"]


def test_number_files_have_no_roles_without_names(tmp_path: Path) -> None:
    text = "".join(
        f"  {at // 5}  |  {at % 5:3d}/ 5 |  67.{at:02d} |  60.75036{at % 10} | -16.1817{at % 9}\n" for at in range(30)
    )
    run = run_of(tmp_path, "log.txt", text)
    assert [s.key for s in run.series] == [f"column {at}" for at in range(1, 6)]
    assert run.roles == {}
    assert notes(run) == [("5 columns without names: --columns name1,name2,name3,name4,name5 names them", "log.txt:1")]
    run = run_of(tmp_path, "log.txt", text, ("epoch", "batch", "time", "c_loss", "g_loss"))
    assert {role: guess.series for role, guess in run.roles.items()} == {
        "critic_loss": "c_loss", "generator_loss": "g_loss",
    }  # fmt: skip
    assert run.notes == ()


def test_a_column_is_named_after_its_file_and_files_pair_up(tmp_path: Path) -> None:
    (tmp_path / "d_loss.txt").write_text("".join(f"{0.5 + at / 100}\n" for at in range(20)))
    (tmp_path / "g_loss.txt").write_text("".join(f"{1.5 + at / 100}\n" for at in range(20)))
    (run,) = load_runs(tmp_path)
    assert {role: guess.series for role, guess in run.roles.items()} == {
        "critic_loss": "d_loss", "generator_loss": "g_loss",
    }  # fmt: skip
    assert [s.steps.tolist() for s in run.series] == [list(map(float, range(20)))] * 2


def test_files_of_other_lengths_are_not_laid_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "d_loss.txt").write_text("0.5\n" * 20)
    (tmp_path / "g_loss.txt").write_text("0.5\n" * 10)
    (run,) = load_runs(tmp_path)
    assert all(np.isnan(s.steps).all() for s in run.series)


# -- rows that are off


def test_blank_cells_are_no_records(tmp_path: Path) -> None:
    text = "d_loss,epoch,g_loss,step,val_fid\n-0.5,0,,0,\n,0,1.5,1,\n-0.25,0,,2,\n,0,2.5,3,\n,0,,3,33.5\n"
    run = run_of(tmp_path, "metrics.csv", text)
    assert points(run.named("d_loss")) == [(0, "-0.5", 2), (2, "-0.25", 4)]
    assert points(run.named("g_loss")) == [(1, "1.5", 3), (3, "2.5", 5)]
    assert points(run.named("val_fid")) == [(3, "33.5", 6)]


def test_nan_that_fills_is_told_from_nan_that_happened(tmp_path: Path) -> None:
    rows = [f"{at},{'nan' if at % 2 else -0.5},{1.5 if at % 2 else 'nan'}" for at in range(40)]
    run = run_of(tmp_path, "a.csv", "step,d_loss,g_loss\n" + "\n".join(rows) + "\n")
    assert [s.tally.nonfinite_count for s in run.series] == [0, 0]
    assert notes(run) == [("NaN stands for a blank cell in columns that take turns: 40 cells", "a.csv")]
    rows = [f"{at},{'nan' if at > 25 else -0.5},{1.5 + at}" for at in range(40)]
    run = run_of(tmp_path, "b.csv", "step,d_loss,g_loss\n" + "\n".join(rows) + "\n")
    series = run.named("d_loss")
    assert series is not None
    assert (series.tally.nonfinite_count, series.tally.nonfinite[0].step) == (14, 26)
    rows = [f"{at},{'nan' if at > 25 else -0.5},{'nan' if at > 25 else 2.5}" for at in range(40)]
    run = run_of(tmp_path, "c.csv", "step,d_loss,g_loss\n" + "\n".join(rows) + "\n")
    assert [s.tally.nonfinite_count for s in run.series] == [14, 14]
    assert "NUM001" in {f.code for f in analyze(tmp_path / "c.csv").findings}


def test_ragged_and_cut_rows_are_told_with_their_line(tmp_path: Path) -> None:
    text = "step,d_loss,g_loss\n0,0.5,1\n1,0.5\n2,0.5,1,7\n3,0.25,2\n4,0.2,3\n5,0.1,2\n6,0.1,2\n7,0.1,2\n8,0.1,2\n9,0.1,2\n10,0.123"
    run = run_of(tmp_path, "a.csv", text)
    assert [line for _, _, line in points(run.named("d_loss"))] == [2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert sorted(notes(run)) == [
        ("1 row has more cells than the header: left out, because its columns are not certain", "a.csv:4"),
        ("2 rows have fewer cells than the header: read from the left", "a.csv:3"),
    ]


def test_words_among_numbers_are_told(tmp_path: Path) -> None:
    rows = "".join(f"{at},{'oops' if at == 7 else 0.5},x{at}\n" for at in range(20))
    run = run_of(tmp_path, "a.csv", "step,d_loss,comment\n" + rows)
    assert len(run.named("d_loss") or ()) == 19
    assert notes(run) == [("d_loss: 1 cell is no number: 'oops'", "a.csv:9")]
    assert run.inputs[0].why == "20 rows of 1 series, no numbers in comment"


def test_a_column_that_fills_late_is_not_lost(tmp_path: Path) -> None:
    rows = "".join(f"{at},0.5,{33.5 if at == 900 else ''}\n" for at in range(1000))
    run = run_of(tmp_path, "a.csv", "step,d_loss,fid\n" + rows)
    assert points(run.named("fid")) == [(900, "33.5", 902)]


# -- runs in one file


def test_a_run_column_parts_runs(tmp_path: Path) -> None:
    rows = [f"{run},{at},{-run - at / 10},{1.5}" for run in (26, 27) for at in range(12)]
    (tmp_path / "a.csv").write_text("run_id,epoch,d_loss,g_loss\n" + "\n".join(rows) + "\n")
    runs = load_runs(tmp_path / "a.csv")
    assert [run.id.rpartition("/")[2] for run in runs] == ["run_id=26", "run_id=27"]
    assert [(len(run.series[0]), run.series[0].first.place.line) for run in runs] == [(12, 2), (12, 14)]
    assert all(run.notes == () for run in runs)


def test_interleaved_seeds_are_parted_and_no_restart_is_told(tmp_path: Path) -> None:
    rows = [f"{at},{seed},{-seed - at / 10}" for at in range(12) for seed in (1, 2, 3)]
    (tmp_path / "a.csv").write_text("epoch,seed,d_loss\n" + "\n".join(rows) + "\n")
    runs = load_runs(tmp_path / "a.csv")
    assert [run.id.rpartition("/")[2] for run in runs] == ["seed=1", "seed=2", "seed=3"]
    assert all(run.notes == () and len(run.series[0]) == 12 for run in runs)


def test_a_number_of_its_own_on_each_row_is_no_run(tmp_path: Path) -> None:
    rows = [f"{at},{0.1 * at},{at * 3}" for at in range(12)]
    (tmp_path / "a.csv").write_text("trial,lr,best_fid\n" + "\n".join(rows) + "\n")
    assert len(load_runs(tmp_path / "a.csv")) == 1


def test_validation_rows_are_series_of_their_own(tmp_path: Path) -> None:
    rows = [f"{at},{phase},{at + (phase == 'val')}" for at in range(10) for phase in ("train", "val")]
    run = run_of(tmp_path, "a.csv", "epoch,phase,d_loss\n" + "\n".join(rows) + "\n")
    assert [(s.key, len(s)) for s in run.series] == [("d_loss", 10), ("val/d_loss", 10)]


def test_one_row_for_each_metric(tmp_path: Path) -> None:
    rows = [f"{at},{name},{at + 0.5}" for at in range(40) for name in ("d_loss", "g_loss")]
    run = run_of(tmp_path, "a.csv", "step,metric,value\n" + "\n".join(rows) + "\n")
    assert [(s.key, len(s), s.steps[1]) for s in run.series] == [("d_loss", 40, 1.0), ("g_loss", 40, 1.0)]
    assert run.notes == ()


def table(steps: range, header: str = "epoch,d_loss,g_loss\n") -> str:
    return header + "".join(f"{at},{-1 - at / 7:.4f},{1 + at / 9:.4f}\n" for at in steps)


def test_a_header_that_comes_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(range(20)) + table(range(25)))
    first, second = load_runs(tmp_path / "a.csv")
    assert (len(first.series[0]), len(second.series[0])) == (20, 25)
    assert second.series[0].first.place.line == 23
    (tmp_path / "b.csv").write_text(table(range(20)) + table(range(20, 45)))
    (run,) = load_runs(tmp_path / "b.csv")
    assert (len(run.series[0]), notes(run)) == (45, [("the header comes again; its steps go on", "b.csv:22")])
    (tmp_path / "c.csv").write_text(table(range(20)) + table(range(5), "epoch,d_loss,fid\n"))
    first, second = load_runs(tmp_path / "c.csv")
    assert [s.key for s in second.series] == ["d_loss", "fid"]


def test_a_step_that_falls_is_told(tmp_path: Path) -> None:
    run = run_of(tmp_path, "a.csv", table(range(20)) + table(range(20), ""))
    assert notes(run) == [("training starts again: epoch falls from 19 to 0", "a.csv:22")]


def test_a_batch_counter_that_starts_anew_is_no_step(tmp_path: Path) -> None:
    rows = "".join(f"{e},{b},{e + b / 10}\n" for e in range(5) for b in range(10))
    run = run_of(tmp_path, "a.csv", "epoch,batch,d_loss\n" + rows)
    series = run.named("d_loss")
    assert series is not None
    assert (series.step_key, run.notes) == ("epoch", ())


def test_the_finest_rising_counter_is_the_step(tmp_path: Path) -> None:
    rows = "".join(f"{at // 10},{at},{1e9 + at},{at / 10}\n" for at in range(50))
    run = run_of(tmp_path, "a.csv", "epoch,global_step,wall_time,d_loss\n" + rows)
    assert {s.step_key for s in run.series} == {"global_step"}


# -- TensorBoard's downloads


def test_downloads_are_named_after_their_files(tmp_path: Path) -> None:
    for name in ("D_loss", "G_loss"):
        rows = "".join(f"{1.6e9 + at},{at},{at / 7}\n" for at in range(9))
        (tmp_path / f"run-exp1-tag-{name}.csv").write_text("Wall time,Step,Value\n" + rows)
    (run,) = load_runs(tmp_path)
    assert [(s.key, s.step_key) for s in run.series] == [("D_loss", "step"), ("G_loss", "step")]
    assert set(run.roles) == {"critic_loss", "generator_loss"}
    (tmp_path / "run-exp2-tag-D_loss.csv").write_text("Wall time,Step,Value\n1.6e9,0,0.5\n1.6e9,1,0.25\n")
    assert [len(run.series) for run in load_runs(tmp_path)] == [2, 1]


# -- what is no table


@pytest.mark.parametrize(
    "text",
    [
        "iter 99\ttrain disc cost\t-3.21\ttrain wasserstein distance\t3.54\n" * 5,
        "[Epoch 3/200] [Batch 120/938] [D loss: -2.314502] [G loss: 0.482311]\n" * 5,
        "{'loss': 0.51, 'grad_norm': 1.2, 'epoch': 0.1}\n" * 5,
        "2024-01-01 10:00:00,123 INFO: d_loss: 0.5, g_loss: 0.25\n" * 5,
        "Loading data, please wait\nDone, 3 files\nEpoch 1, Loss G: 0.5, Loss D: 0.25\n",
        "step d_loss=0.5 g_loss=1\n" * 5,
        "This is prose, with commas\nand more, of it\n",
        "tick 1     kimg 4.0      time 13m 25s      sec/tick 291.6\n" * 4,
    ],
)
def test_text_logs_stay_text(text: str) -> None:
    assert dialect_of(text.splitlines(), strict=True) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 5000, b"a,b\n", b"x\n", b"\xff\xfe", b",,,\n,,,\n", b'"' * 3000, b"(" * 3000]
)
def test_hostile_bytes_give_our_own_error_at_most(data: bytes) -> None:
    try:
        Delimited("a.csv").read(io.BytesIO(data))
    except InputError as error:
        assert error.what


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for head in (b"", b"step,d_loss\n1,2\n2,3\n"):
        try:
            Delimited("a.csv").read(io.BytesIO(head + data))
        except InputError as error:
            assert error.what


def test_a_thousand_columns_and_a_long_cell(tmp_path: Path) -> None:
    header = ",".join(["step", *(f"loss_{at}" for at in range(1000))])
    rows = "\n".join(",".join(map(str, range(row, row + 1001))) for row in range(5))
    run = run_of(tmp_path, "a.csv", f"{header}\n{rows}\n")
    assert len(run.series) == 1000
    last = run.named("loss_999")
    assert last is not None
    assert (last.first.value, len(last.first.quote) <= 400) == (1000.0, True)
    run = run_of(tmp_path, "b.csv", "step,d_loss\n1,0.5\n2," + "9" * 5_000_000 + "\n3,0.25\n")
    assert [t for _, t, _ in points(run.named("d_loss"))] == ["0.5", "0.25"]
    assert any("long; read to character" in text for text, _ in notes(run))


def test_a_large_table_stays_small_in_memory(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "big.csv"
    line = "".join(f"{{at}},{at}.123{at % 10},-{at}.5,0.000{at % 7}1\n" for at in range(10))
    with path.open("w") as file:
        file.write("step,d_loss,g_loss,lr\n")
        for at in range(60_000):
            file.write(line.format(at=at))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (run,) = load_runs(path)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    series = run.named("d_loss")
    assert series is not None
    assert (len(series), series.last.place.line) == (600_000, 600_001)
    assert grown < 100


# -- the corpus


@needs_corpus
@pytest.mark.parametrize(
    ("folder", "step", "mark"),
    [
        ("apollo-short", "epoch", ","), ("brainct-srgan", "Epoch", ","), ("iimgan-x8", "Epoch", ","),
        ("qpo-cgan-csv", "epoch", ","), ("qpo-cgan-run1", "epoch", ","), ("ganinitial-tensorstr", "", ","),
    ],
)  # fmt: skip
def test_real_tables_element_by_element(folder: str, step: str, mark: str) -> None:
    (path,) = (CORPUS / folder).iterdir()
    (run,) = load_runs(CORPUS / folder)
    check(run, slow(path.read_bytes().decode().replace("\r", ""), mark, step))


@needs_corpus
@pytest.mark.parametrize(("folder", "name"), [("tbexport-disc", "disc_loss"), ("tbexport-gen", "gen_gan_loss")])
def test_real_downloads(folder: str, name: str) -> None:
    (path,) = (CORPUS / folder).iterdir()
    (run,) = load_runs(CORPUS / folder)
    rows = slow(path.read_text(), ",", "Step")["Value"]
    check(run, {name: rows})
    assert len(rows) == 875


@needs_corpus
def test_the_two_real_runs_of_one_table() -> None:
    (path,) = (CORPUS / "tabgan-himanshu-csv").iterdir()
    runs = load_runs(path)
    assert [len(run.named("d_loss") or ()) for run in runs] == [19, 100]
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    for run, number in zip(runs, ("26", "27"), strict=True):
        for series in run.series:
            mine = [row for row in rows if row["run_id"] == number and row[series.key]]
            assert series.texts == tuple(row[series.key] for row in mine)
            assert series.values.tolist() == [float(row[series.key]) for row in mine]
            assert series.steps.tolist() == [float(row["epoch"]) for row in mine]


@needs_corpus
@pytest.mark.parametrize(
    ("folder", "keys"), [("ganmnist-dloss", ["column 1", "column 2"]), ("ganmnist-gloss", ["g_loss"])]
)
def test_real_number_files(folder: str, keys: list[str]) -> None:
    (path,) = (CORPUS / folder).iterdir()
    (run,) = load_runs(path)
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    assert [s.key for s in run.series] == keys
    for at, series in enumerate(run.series):
        assert series.texts == tuple(row[at] for row in rows)
        assert series.values.tolist() == [float(row[at]) for row in rows]
        assert series.lines.tolist() == list(range(1, len(rows) + 1))
