"""Printed profiler tables: every era, every layout, every kind of damage."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.detect.calls import calls_per_step
from wganlint.read.kept import TABLES
from wganlint.read.profile_table import ROWS, TableReader
from wganlint.run import OpTable

SHARED = Path(__file__).parents[2].parent / "shared"

CPU = ["Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
CUDA = ["Self CUDA", "Self CUDA %", "CUDA total", "CUDA time avg"]
NODE = "NanToNumBackward0"
WRAPPER = "autograd::engine::evaluate_function: NanToNumBackwar..."


def table(
    rows: list[list[str]], columns: list[str], footer: tuple[str, ...] = (), width: int = 55, text: str = ">"
) -> list[str]:
    """Lay out a table as torch does: dash runs, two blanks, two trailing ones; cells overflow, never cut."""
    heads = ["Name", *columns]
    widths = [width, *(75 if head in {"Source Location"} else 12 for head in columns)]
    sides = [text, *("<" if head == "Source Location" else ">" for head in columns)]
    dashes = "".join("-" * size + "  " for size in widths)

    def line(cells: list[str]) -> str:
        return "".join(f"{cell:{side}{size}}  " for cell, side, size in zip(cells, sides, widths, strict=True))

    return [dashes, line(heads), dashes, *(line(row) for row in rows), dashes, *footer]


def simple(calls: int = 11, total: str = "60.000us") -> list[str]:
    """Return a complete CPU table of three rows whose self times add up to 60 us."""
    return table(
        [
            ["aten::mul", "50.00%", "30.000us", "50.00%", "30.000us", "1.000us", "30"],
            [WRAPPER, "16.67%", "10.000us", "50.00%", "30.000us", "2.727us", str(calls)],
            [NODE, "33.33%", "20.000us", "33.33%", "20.000us", "1.818us", str(calls)],
        ],
        [*CPU, "# of Calls"],
        (f"Self CPU time total: {total}",),
    )


def read(lines: list[str]) -> TableReader:
    reader = TableReader("run.log")
    for number, line in enumerate(lines, 1):
        reader.feed(number, line)
    reader.finish()
    return reader


def only(lines: list[str]) -> OpTable:
    tables = read(lines).tables
    assert len(tables) == 1
    return tables[0]


def owned(lines: list[str]) -> list[bool]:
    reader = TableReader("run.log")
    flags = [reader.feed(number, line) for number, line in enumerate(lines, 1)]
    reader.finish()
    return flags


# -- what a complete table gives


def test_rows_places_and_times() -> None:
    lines = ["batch=0: c_loss=1.0", "[profile mf step 1/10]", *simple(), "", "batch=1: c_loss=2.0"]
    reader = read(lines)
    [found] = reader.tables
    assert not reader.notes
    assert owned(lines) == [False, False] + [True] * 8 + [False, False]
    assert (found.place.line, found.end_line, found.place.file) == (3, 10, "run.log")
    assert [row.name for row in found.rows] == ["aten::mul", WRAPPER, NODE]
    assert [row.kind for row in found.rows] == ["op", "wrapper", "node"]
    assert [row.cut for row in found.rows] == [False, True, False]
    node = found.rows[2]
    assert (node.calls, node.self_cpu, node.cpu_total, node.self_device) == (11, 20e-6, 20e-6, None)
    assert node.place.line == 8 and node.quote.startswith(NODE)
    assert lines[7][node.place.column - 1 :].startswith(NODE) if node.place.column else False
    assert node.cells["CPU total %"] == "33.33%"
    assert (found.heading, found.one_step) == ("[profile mf step 1/10]", "step 1/10")
    assert found.heading_place is not None and found.heading_place.line == 2
    assert (found.limited, found.cpu_time, found.device, found.steps, found.damage) == (
        False,
        60e-6,
        None,
        None,
        "",
    )


def test_counting_by_exact_name() -> None:
    found = only(["profile step 3", *simple()])
    node = calls_per_step(found, NODE)
    assert node is not None
    assert (node.calls, node.basis, node.halved, node.cpu_time) == (11.0, "heading", False, 20e-6)
    assert len(node.rows) == 1
    absent = calls_per_step(found, "aten::clamp")
    assert absent is not None and absent.calls == 0 and absent.rows == ()


def test_absent_from_a_limited_table_is_unknown() -> None:
    found = only(simple(total="90.000us"))
    assert found.limited
    assert calls_per_step(found, "aten::clamp") is None
    counted = calls_per_step(found, NODE)
    assert counted is not None and (counted.calls, counted.basis) == (11, "table")


def test_a_shortened_name_may_hide_the_operation() -> None:
    lines = table([["NanToNumB...", "100.00%", "9.000us", "100.00%", "9.000us", "1.000us", "9"]],
                  [*CPU, "# of Calls"], ("Self CPU time total: 9.000us",), width=15)  # fmt: skip
    found = only(lines)
    assert not found.limited
    assert calls_per_step(found, NODE) is None
    assert calls_per_step(found, "aten::mul") is not None


def steps_table(columns: list[str], rows: list[list[str]], *footer: str) -> OpTable:
    return only(table(rows, columns, footer))


def test_steps_are_counted_once_on_a_device() -> None:
    zero = ["0.00%", "0.000us"]
    rows = [
        ["ProfilerStep*", "50.00%", "3.000ms", "100.00%", "6.000ms", "2.000ms", "0.000us", "0.00%", "0.000us",
         "0.000us", "3"],
        ["ProfilerStep*", *zero, *zero, "0.000us", "5.000ms", "686.73%", "5.000ms", "1.667ms", "3"],
        [NODE, "50.00%", "3.000ms", "50.00%", "3.000ms", "71.429us", "0.000us", "0.00%", "2.893ms",
         "68.881us",
         "42"],
        ["void at::native::vectorized_elementwise_kernel<4, at...", *zero, *zero, "0.000us", "728.000us",
         "100.00%",
         "728.000us", "8.667us", "84"],
        ["mystery_kernel", *zero, *zero, "0.000us", "1.000us", "0.00%", "1.000us", "1.000us", "1"],
        ["cudaLaunchKernel", "0.00%", "0.000us", "0.00%", "0.000us", "0.000us", "0.000us", "0.00%", "0.000us",
         "0.000us", "84"],
    ]  # fmt: skip
    footer = ("Self CPU time total: 6.000ms", "Self CUDA time total: 729.000us")
    found = steps_table([*CPU, *CUDA, "# of Calls"], rows, *footer)
    assert (found.device, found.steps, found.device_time) == ("CUDA", 3, 729e-6)
    assert [row.kind for row in found.rows] == [
        "annotation",
        "annotation",
        "node",
        "kernel",
        "kernel",
        "runtime",
    ]
    node = calls_per_step(found, NODE)
    assert node is not None and (node.calls, node.basis) == (14.0, "ProfilerStep*")
    assert node.device_time == pytest.approx(2.893e-3 / 3)
    assert node.cpu_time == pytest.approx(1e-3)
    step = calls_per_step(found, "ProfilerStep*")
    assert step is not None and step.calls == 1 and len(step.rows) == 1


def test_nan_to_num_calls_itself_once() -> None:
    row = ["10.00%", "10.000us", "10.00%", "10.000us", "1.000us"]
    columns = [*CPU, "# of Calls"]
    found = steps_table(columns, [["aten::nan_to_num", *row, "96"], ["ProfilerStep*", *row, "3"]])
    counted = calls_per_step(found, "aten::nan_to_num")
    assert counted is not None and (counted.calls, counted.halved) == (16.0, True)
    found = steps_table(columns, [["aten::nan_to_num", *row, "9"], ["aten::nan_to_num_", *row, "5"]])
    counted = calls_per_step(found, "aten::nan_to_num")
    assert counted is not None and counted.calls == 2.0  # five of the nine were made by the in-place operation


def test_overloads_and_in_place_calls() -> None:
    row = ["50.00%", "10.000us", "50.00%", "10.000us", "1.000us"]
    columns = ["Overload Name", *CPU, "# of Calls"]
    rows = [["aten::nan_to_num", "", *row, "5"], ["aten::nan_to_num", "out", *row, "5"]]
    found = steps_table(columns, rows, "Self CPU time total: 20.000us")
    assert [row.cells["Overload Name"] for row in found.rows] == ["", "out"]
    counted = calls_per_step(found, "aten::nan_to_num")
    assert counted is not None and counted.calls == 5
    cut = steps_table(columns, rows, "Self CPU time total: 30.000us")
    assert calls_per_step(cut, "aten::nan_to_num") is None


def test_rows_of_one_name_are_added_and_unknown_where_limited() -> None:
    row = ["50.00%", "10.000us", "50.00%", "10.000us", "1.000us"]
    columns = [*CPU, "# of Calls", "Input Shapes"]
    rows = [[NODE, *row, "8", "[[16, 32], []]"], [NODE, *row, "3", "[]"]]
    counted = calls_per_step(steps_table(columns, rows, "Self CPU time total: 20.000us"), NODE)
    assert counted is not None and counted.calls == 11 and len(counted.rows) == 2
    assert calls_per_step(steps_table(columns, rows, "Self CPU time total: 25.000us"), NODE) is None


# -- eras, units, layouts


def test_era_1_6_left_aligned() -> None:
    columns = ["Self CPU total %", "Self CPU total", "CPU total %", "CPU total", "CPU time avg",
               "CUDA total %",
               "CUDA total", "CUDA time avg", "Number of Calls"]  # fmt: skip
    rows = [
        ["mul", "60.00%", "6.000us", "60.00%", "6.000us", "1.000us", "50.00%", "5.000us", "1.000us", "6"],
        [
            "MulBackward0",
            "40.00%",
            "4.000us",
            "40.00%",
            "4.000us",
            "1.000us",
            "NaN",
            "5.000us",
            "1.250us",
            "4",
        ],
    ]
    for side in "<>":
        lines = table(rows, columns, ("Self CPU time total: 10.000us", "CUDA time total: 10.000us"), text=side)
        found = only(lines)
        assert [(row.name, row.kind, row.calls) for row in found.rows] == [
            ("mul", "op", 6),
            ("MulBackward0", "node", 4),
        ]
        assert (found.device, found.cpu_time, found.device_time, found.limited) == (
            "CUDA",
            10e-6,
            10e-6,
            False,
        )
        assert found.rows[1].device_total == 5e-6


@pytest.mark.parametrize("word", ["CUDA", "XPU", "HPU", "MTIA", "PRIVATEUSEONE", "NPU"])
def test_device_words(word: str) -> None:
    columns = [*CPU, *(column.replace("CUDA", word) for column in CUDA), "# of Calls", "Node ID"]
    row = [NODE, "100.00%", "9.000us", "100.00%", "9.000us", "1.000us", "2.000us", "1.00%", "7.000us",
           "0.778us",
           "9", "0"]  # fmt: skip
    found = steps_table(columns, [row], "Self CPU time total: 9.000us", f"Self {word} time total: 7.000us")
    assert (found.device, found.device_time) == (word, 7e-6)
    assert (found.rows[0].self_device, found.rows[0].device_total) == (2e-6, 7e-6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.500us", 1.5e-6),
        ("-65.419us", -65.419e-6),
        ("1517.000ms", 1.517),
        ("0.000s", 0.0),
        ("3600.000s", 3600.0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    row = ["aten::mm", "-0.21%", text, "NaN", text, "0.000us", "1"]
    found = steps_table([*CPU, "# of Calls"], [row])
    assert found.rows[0].self_cpu == seconds


def test_memory_flops_and_overflowing_cells() -> None:
    columns = [*CPU, "CPU Mem", "Self CPU Mem", "CUDA Mem", "# of Calls", "Total MFLOPs"]
    rows = [
        ["aten::mm", "0.00%", "123456789.123us", "100.00%", "123456789.123us", "1.000us", "-25.23 KB", "0 b",
         "3.79 Mb", "7", "96256.000"],
        ["aten::t  <a,  b>", "0.00%", "0.000us", "0", "0.000us", "0.000us", "8 b", "0 B", "0 b", "3", "--"],
    ]  # fmt: skip
    found = steps_table(columns, rows, "Self CPU time total: 123.457s")
    assert [row.calls for row in found.rows] == [7, 3]
    assert found.rows[0].self_cpu == 123.456789123
    assert found.rows[0].cells["CPU Mem"] == "-25.23 KB"
    assert found.rows[1].name == "aten::t  <a,  b>"
    assert found.rows[1].cells["Total MFLOPs"] == "--"
    assert found.device == "CUDA"


def test_stacks_shapes_and_the_swapped_flops() -> None:
    columns = [*CPU, "# of Calls", "Input Shapes", "Source Location"]
    row = [
        "aten::mm",
        "10.00%",
        "9.000us",
        "100.00%",
        "9.000us",
        "1.000us",
        "9",
        "[[4, 4], []]",
        "a.py(3): critic",
    ]
    lines = table([row], columns, ("Self CPU time total: 9.000us",))
    start = lines[1].index("Source Location")
    lines[4:4] = [" " * start + "b.py(7): <module>", " " * start, ""]
    found = only(lines)
    assert found.rows[0].cells["Source Location"] == "a.py(3): critic\nb.py(7): <module>"
    assert found.damage == ""
    swapped = ["aten::mm", "10.00%", "9.000us", "100.00%", "9.000us", "1.000us", "9", "--", "a.py(3): critic"]
    found = steps_table([*CPU, "# of Calls", "Source Location", "Total FLOPs"], [swapped])
    assert found.rows[0].cells["Total FLOPs"] == "--"
    assert found.rows[0].cells["Source Location"] == "a.py(3): critic"


@pytest.mark.parametrize("prefix", ["    ", "│ ", "# ", "#", "[rank0]: ", "2024-05-01 12:00:00,123 INFO - ", "\t"])
def test_prefixes(prefix: str) -> None:
    found = only([prefix + line for line in ["profile step 3", *simple()]])
    assert [row.name for row in found.rows] == ["aten::mul", WRAPPER, NODE]
    assert found.one_step == "step 3"
    assert not found.limited


def test_logger_prefix_on_the_first_line_only() -> None:
    lines = simple()
    found = only(["2024-05-01 12:00:00 INFO " + lines[0], *lines[1:]])
    assert [row.calls for row in found.rows] == [30, 11, 11]


def test_carriage_returns_and_stripped_blanks() -> None:
    for lines in ([line + "\r" for line in simple()], [line.rstrip() for line in simple()],
                  [line.strip() for line in simple()]):  # fmt: skip
        found = only(lines)
        assert [(row.name, row.calls) for row in found.rows] == [("aten::mul", 30), (WRAPPER, 11), (NODE, 11)]
        assert not found.limited


def test_header_argument_and_top_level_note() -> None:
    rule = "=" * 150
    found = only(["text", rule, "profile step 2", *simple()])
    assert found.heading == "profile step 2"
    found = only([rule, "one step", rule, "This report only display top-level ops statistics", *simple()])
    assert (found.heading, found.one_step, found.limited) == ("one step", "one step", True)


def test_markdown() -> None:
    lines = [
        "Profile of step 3/10:",
        "",
        "| Name | Self CPU % | Self CPU | CPU total % | CPU total | CPU time avg | # of Calls |",
        "|:-----|-----------:|---------:|------------:|----------:|-------------:|-----------:|",
        "| `aten::mul` | 50.00% | 30.000us | 50.00% | 30.000us | 1.000us | 30 |",
        f"| {NODE} | 50.00% | 30.000us | 50.00% | 30.000us | 1.000us | 11 |",
        "",
        "loss: 3",
    ]
    found = only(lines)
    assert [(row.name, row.calls) for row in found.rows] == [("aten::mul", 30), (NODE, 11)]
    assert (found.one_step, found.limited, found.end_line) == ("step 3/10", True, 6)
    assert owned(lines)[-1] is False


# -- headings


@pytest.mark.parametrize(
    ("heading", "one"),
    [
        ("[profile mf step 1/10]", "step 1/10"),
        ("step 1/4", "step 1/4"),
        ("profile step 3", "step 3"),
        ("Profiled iteration 7:", "iteration 7"),
        ("profile of one step", "one step"),
        ("2024-01-01 12:00:00 INFO profile step 2 of 5", "step 2 of 5"),
        ("profile steps 1-10", ""),
        ("profile step 1-10", ""),
        ("profile step 1 to 10", ""),
        ("profile 10 steps", ""),
        ("profile, averages of step 3", ""),
        ("[profiler] step 5", ""),
        ("step 500/1000 loss=0.3", ""),
        ("step 500/1000 profile_loss=0.3", ""),
        ("epoch 3", ""),
        ("", ""),
    ],
)
def test_one_step(heading: str, one: str) -> None:
    assert only([heading, *simple()]).one_step == one


def test_heading_is_near() -> None:
    assert only(["profile step 3", "", "", *simple()]).heading == "profile step 3"
    assert only(["profile step 3", "", "", "", *simple()]).heading == ""
    tables = read(["profile step 3", *simple(), *simple()]).tables
    assert [found.heading for found in tables] == ["profile step 3", ""]


# -- damage


def test_cut_in_the_middle_of_a_row() -> None:
    lines = simple()
    reader = read([*lines[:5], lines[5][:80]])
    [found] = reader.tables
    assert [row.name for row in found.rows] == ["aten::mul", WRAPPER]
    assert found.limited and found.damage == "cut after line 6, row at line 6 is cut"
    assert [note.place.line for note in reader.notes] == [6]


@pytest.mark.parametrize("stop", range(3, 400, 7))
def test_cut_anywhere(stop: int) -> None:
    text = "\n".join(simple())
    reader = read(text[:stop].split("\n"))
    for found in reader.tables:
        assert found.limited
        assert [row.calls for row in found.rows] == [30, 11, 11][: len(found.rows)]


def test_cut_table_then_a_new_attempt() -> None:
    lines = [*simple()[:5], "batch=0: c_loss=1.0", "profile step 2", *simple(calls=7)]
    reader = read(lines)
    first, second = reader.tables
    assert (first.end_line, first.damage, first.limited) == (5, "cut after line 5", True)
    assert (second.place.line, second.one_step, second.rows[2].calls) == (8, "step 2", 7)
    assert not second.damage
    flags = owned(lines)
    assert flags[5] is False and flags[6] is False


def test_new_table_straight_inside() -> None:
    first, second = read([*simple()[:5], *simple()]).tables
    assert len(first.rows) == 2 and len(second.rows) == 3
    assert (first.end_line, second.place.line) == (5, 6)


def test_other_output_between_rows() -> None:
    lines = simple()
    lines.insert(4, "step=3 loss=0.5")
    reader = read(lines)
    assert len(reader.tables[0].rows) == 3 and not reader.tables[0].limited
    assert reader.tables[0].damage == "1 lines of other output between its rows"
    assert owned(lines)[4] is False


def test_text_after_a_cut_table_is_not_taken() -> None:
    lines = [*simple()[:5], *(f"step={at}  loss  0.{at}" for at in range(10))]
    assert owned(lines)[5:] == [False] * 10


def test_no_footer() -> None:
    found = only(simple()[:-1])
    assert found.limited and found.damage == "no footer" and found.cpu_time is None


@pytest.mark.parametrize(
    "lines",
    [
        ["Name      Self CPU %    # calls", "--------  ----------  --------", "aten::mm  1.0%  5"],
        [
            "--------  ----------  --------",
            "Name      CUDA avg    # calls",
            "--------  ----------  --------",
            "a  1 ms  2",
        ],
        [
            "--------  ----------  --------",
            "Name      Loss        # of Calls",
            "--------  ----------  --------",
            "a  1  2",
        ],
        ["--- epoch 3 --- loss=0.5 ---", "--- --- ---", "loss=3"],
        ["----- ----- -----"] * 50,
    ],
)
def test_look_alikes(lines: list[str]) -> None:
    reader = read(lines)
    assert not reader.tables and not reader.notes
    assert not any(flag for flag, line in zip(owned(lines), lines, strict=True) if re.search(r"\w", line))


def test_blank_in_times_is_not_torch() -> None:
    lines = [line.replace("us", " us") for line in simple()]
    assert not read(lines).tables


def test_completeness_needs_fine_figures() -> None:
    row = ["20.00%", "2.000s", "20.00%", "2.000s", "2.000s", "1"]
    columns = [*CPU, "# of Calls"]
    assert steps_table(columns, [[f"a::x{at}", *row] for at in range(5)], "Self CPU time total: 10.000s").limited
    assert not steps_table(columns, [[f"a::x{at}", *row] for at in range(6)], "Self CPU time total: 12.000s").limited
    coarse = ["20.00%", "0.001s", "20.00%", "0.001s", "0.001s", "1"]
    assert steps_table(columns, [[f"a::x{at}", *coarse] for at in range(6)], "Self CPU time total: 0.006s").limited


def test_bounded_in_memory() -> None:
    lines = simple()
    reader = read(lines * (TABLES + 20))
    assert len(reader.tables) == TABLES
    assert reader.tables[-1].end_line == len(lines) * (TABLES + 20)
    assert "20 profiler tables" in reader.notes[-1].text
    found = only([*lines[:3], *[lines[3]] * (ROWS + 5), *lines[-2:]])
    assert len(found.rows) == ROWS and found.limited and "5 rows not kept" in found.damage


# -- fuzzing: nothing escapes


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.text(max_size=6)), max_size=8), st.integers(0, 5000))
def test_mutations(edits: list[tuple[int, str]], stop: int) -> None:
    text = "\n".join(["profile step 1/3", *simple(), "", *simple(calls=3)])
    for place, piece in edits:
        at = place % (len(text) + 1)
        text = text[:at] + piece + text[at + len(piece) :]
    reader = read(text[: stop % (len(text) + 1)].split("\n"))
    for found in reader.tables:
        calls_per_step(found, NODE)
        calls_per_step(found, "aten::nan_to_num")


PIECES = [*simple(), "|---|---|---|", "", "Self CPU time total: " + "9" * 5000 + "s",
          "| Name | CPU total | # of Calls |",
          "x" * 60_000, "-" * 60_000, "--- " * 5000, f"aten::x  1%  1us  1%  1us  1us  {'9' * 5000}",
          "Name  CPU total  " + "  ".join(f"c{at}" for at in range(500)) + "  # of Calls"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=80)), max_size=30))
def test_random_lines(lines: list[str]) -> None:
    read(lines)


# -- real tables


def real(name: str) -> list[OpTable]:
    found = sorted(SHARED.glob(name))
    if not found:
        pytest.skip(f"shared/{name} is not beside this checkout")
    return [table for path in found for table in read(path.read_text().split("\n")).tables]


def test_real_complete_and_limited_tables() -> None:
    complete = real("case/runs/sick-profile/logs_training/*.out.log")
    assert [len(found.rows) for found in complete] == [144, 143, 143, 143]
    assert not any(found.limited for found in complete)
    counts = [calls_per_step(found, NODE) for found in complete]
    assert [(count.calls, count.basis) for count in counts if count] == [(11.0, "heading")] * 4
    limited = real("case/runs/sick/logs_training/*.out.log")
    assert len(limited) == 10 and all(found.limited and len(found.rows) == 15 for found in limited)
    assert all(calls_per_step(found, NODE) is None for found in limited)


def test_real_cuda_tables() -> None:
    tables = real("case/runs/cuda-shaped/logs_training/*.out.log")
    assert len(tables) == 10
    for found in tables:
        node = calls_per_step(found, NODE)
        assert node is not None and node.calls == 11 and node.device_time and node.device_time > 2e-3
        assert found.device == "CUDA" and found.limited and found.device_time


def test_real_samples() -> None:
    for name in ("plain", "unlimited_ms"):
        for found in real(f"profiler-samples/{name}.out.log"):
            node, op = calls_per_step(found, NODE), calls_per_step(found, "aten::nan_to_num")
            assert node is not None and (node.calls, node.basis) == (14.0, "ProfilerStep*")
            assert op is not None and (op.calls, op.halved) == (16.0, True)
    [found] = real("profiler-samples/unlimited_ms.out.log")
    assert (len(found.rows), found.limited, found.heading) == (99, False, "WGAN step")
    [found] = real("profiler-samples/stack.out.log")
    assert (len(found.rows), found.steps) == (30, 3)
    assert [len(found.rows) for found in real("corpus/profiler-tables-rocm/*.txt")] == [10, 10, 10, 10]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_limit": 7},
        {"time_unit": "ms"},
        {"time_unit": "s", "row_limit": 11},
        {"max_name_column_width": 20},
        {"max_name_column_width": None},
        {"row_limit": -1, "sort_by": "self_cpu_time_total", "header": "profile step 1/1"},
    ],
)
@pytest.mark.parametrize("how", ["plain", "shapes", "stack", "all"])
def test_against_torch(options: dict[str, object], how: str) -> None:
    torch = pytest.importorskip("torch")
    deep = how in {"stack", "all"}
    extra = {
        "with_flops": how == "all",
        "profile_memory": how == "all",
        "record_shapes": how in {"shapes", "all"},
    }
    if deep:
        extra["experimental_config"] = torch._C._profiler._ExperimentalConfig(verbose=True)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], with_stack=deep, schedule=None, **extra
    ) as prof:
        weight = torch.randn(8, 8, requires_grad=True)
        for size in (2, 3):
            y = torch.nan_to_num(torch.randn(size, 8) @ weight).clamp(-1, 1)
            torch.nan_to_num_(y * 2).sum().backward()
    grouped = prof.key_averages(group_by_input_shape=how in {"shapes", "all"}, group_by_stack_n=4 if deep else 0)
    found = only(grouped.table(**options).split("\n"))
    if "sort_by" in options:
        grouped = type(grouped)(sorted(grouped, key=lambda event: event.self_cpu_time_total, reverse=True))
    limit = int(str(options.get("row_limit", 100)))
    expected = list(grouped)[: limit if limit >= 0 else None]
    assert [row.calls for row in found.rows] == [event.count for event in expected]
    for row, event in zip(found.rows, expected, strict=True):
        assert event.key.startswith(row.name.removesuffix("...")) if row.cut else row.name == event.key
        assert row.self_cpu == pytest.approx(event.self_cpu_time_total * 1e-6, rel=1e-3, abs=1e-3)
        if deep and event.stack and event.stack[0]:
            assert row.cells["Source Location"].split("\n")[0][-20:] == event.stack[0][-20:]
        if "Input Shapes" in found.columns:
            assert str(event.input_shapes).startswith(row.cells["Input Shapes"])
    if found.limited is False:
        assert len(expected) == len(grouped)
    if how == "plain" and options.get("time_unit") is None and len(expected) == len(grouped):
        assert not found.limited
