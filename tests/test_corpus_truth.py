"""What the corpus holds, by three witnesses that must agree: a table made by hand, a slow reader, and ours."""

from __future__ import annotations

import functools
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from agreement import absent, assign, bits, differences, kept, rows, said, ways
from shared_data import CORPUS, needs_corpus
from slow_reader import Entry, Rows, events, histograms, left_out, name_of, read, steps, tables, trace

from wganlint.analysis import load_runs
from wganlint.run import Run
from wganlint.series import Series

pytestmark = needs_corpus
TABLE = tomllib.loads(Path(__file__).with_name("corpus_truth.toml").read_text(encoding="utf-8"))
FILES: list[Entry] = TABLE["file"]
TRACES: list[Entry] = TABLE["trace"]
each_file = pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["path"].split("/")[0])
each_trace = pytest.mark.parametrize("entry", TRACES, ids=lambda entry: Path(entry["path"]).name.split(".")[0])


def only(test: Any) -> list[Entry]:
    return [entry for entry in FILES if test(entry)]


def ids(entry: Entry) -> str:
    return str(entry["path"].split("/")[0])


@functools.cache
def runs_of(path: str) -> tuple[Run, ...]:
    return tuple(load_runs([CORPUS / path]))


@functools.cache
def slow(path: str) -> dict[str, Rows]:
    (entry,) = [entry for entry in FILES if entry["path"] == path]
    return read(CORPUS / path, entry)


def keys(entry: Entry) -> list[str]:
    """Return the names under which series of this entry may be read, each once."""
    names = (name for s in entry["series"] for name in (s["key"], *s.get("also", ())))
    return list(dict.fromkeys([*names, *entry.get("allowed", ())]))


def read_as(entry: Entry, series: Entry) -> list[Series]:
    """Return what our reader took for this series of the table."""
    of, _ = assign(keys(entry), runs_of(entry["path"]))
    found = [one for name in (series["key"], *series.get("also", ())) for one in of[name]]
    if "form" not in series:
        return found
    here = {line for line, _ in slow(entry["path"])[name_of(series)]}
    return [one for one in found if here & set(one.lines.tolist())]


# -- the table against the slow reader ----------------------------------------------------------------------------------


def test_every_file_of_the_corpus_has_its_entry() -> None:
    there = {str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*") if path.suffix != ".md"}
    assert there == {entry["path"] for entry in FILES + TRACES}


@each_file
def test_the_table_equals_the_slow_reader(entry: Entry) -> None:
    found = slow(entry["path"])
    for series in entry["series"]:
        every = found[name_of(series)]
        bad = sum(not math.isfinite(float(text)) for _, text in every)
        ends = [list(every[0]), list(every[-1])]
        assert (len(every), bad) == (series["count"], series.get("nonfinite", 0)), name_of(series)
        if entry["family"] == "events":
            assert [(step, bits(value)) for step, value in ends] == [
                (step, bits(value)) for step, value in (series["first"], series["last"])
            ]
        else:
            assert ends == [series["first"], series["last"]], name_of(series)
    if "events" in entry:
        assert sum(1 for _ in events(CORPUS / entry["path"])) == entry["events"]
    if "starts" in entry:
        text = (CORPUS / entry["path"]).read_text(encoding="utf-8")
        starts = sum(bool(re.search(entry["starts"]["find"], line)) for line in text.split("\n"))
        assert starts == entry["starts"]["count"]


@pytest.mark.parametrize("entry", only(lambda e: e["family"] == "lines"), ids=ids)
def test_the_table_leaves_no_fraction_out(entry: Entry) -> None:
    assert left_out(CORPUS / entry["path"], entry) == []


@pytest.mark.parametrize("entry", only(lambda e: e["family"] in ("csv", "tb-csv", "jsonl", "json-array")), ids=ids)
def test_the_table_leaves_no_column_out(entry: Entry) -> None:
    step = {entry["step"]["key"]} if "step" in entry else set()
    named = {series["key"] for series in entry["series"]} | set(entry.get("absent", ())) | step
    assert set(slow(entry["path"])) <= named


@pytest.mark.parametrize("entry", only(lambda e: "step" in e), ids=ids)
def test_the_table_knows_the_steps(entry: Entry) -> None:
    printed = list(steps(CORPUS / entry["path"], entry).values())
    first, last = entry["step"]["first"], entry["step"]["last"]
    assert [list(printed[0]), list(printed[-1])] == [
        first if isinstance(first, list) else [first],
        last if isinstance(last, list) else [last],
    ]


# -- our reader against both --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", only(lambda e: e["series"] and e["family"] != "events"), ids=ids)
def test_every_record_is_read(entry: Entry) -> None:
    wrong: list[str] = []
    for series in entry["series"]:
        truth = slow(entry["path"])[name_of(series)]
        if series.get("nameless"):
            wrong += nameless(series["key"], truth, runs_of(entry["path"]))
            continue
        found = read_as(entry, series)
        if series.get("optional") and not found:
            continue
        if series.get("apart") and len(found) != 1:
            wrong.append(f"{name_of(series)}: has to be a series of its own, is {[one.name for one in found]}")
            continue
        loose = set(series.get("loose", ())) - {int(line) for one in found for line in one.lines}
        truth = [row for row in truth if row[0] not in loose]
        printed = steps(CORPUS / entry["path"], entry) if "step" in entry else {}
        counters = [tuple(map(said, printed[line])) for line, _ in truth if line in printed]
        wrong += differences(name_of(series), kept(truth, counters, found, runs_of(entry["path"])), found)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("entry", only(lambda e: e["series"] and e["family"] != "events"), ids=ids)
def test_places_point_at_the_printed_number(entry: Entry) -> None:
    lines = (CORPUS / entry["path"]).read_bytes().decode().split("\n")
    for one in (one for run in runs_of(entry["path"]) for one in run.series):
        for line, column, text in zip(one.lines.tolist(), one.columns.tolist(), one.texts, strict=True):
            if column > 0:
                assert lines[line - 1][column - 1 :].startswith(text), (one.name, line, column, text)


@pytest.mark.parametrize("entry", only(lambda e: e["family"] == "events"), ids=ids)
def test_every_event_is_read(entry: Entry) -> None:
    wrong: list[str] = []
    for series in entry["series"]:
        truth = sorted(slow(entry["path"])[series["key"]], key=lambda row: row[0])
        every = rows(read_as(entry, series))
        found = sorted(((step, value, text) for _, text, value, step in every), key=lambda row: row[0])
        if [(step, bits(value)) for step, value in truth] != [(step, bits(value)) for step, value, _ in found]:
            wrong.append(f"{series['key']}: {len(truth)} points are there, {len(found)} were read, not the same")
        wrong += [f"{series['key']}: {text} shown for {value}" for _, value, text in found if not shows(text, value)][
            :3
        ]
    assert not wrong, "\n".join(wrong)


def shows(text: str, value: float) -> bool:
    """Return whether a shown text is this value to the six digits or more that a float32 carries."""
    return math.isclose(float(text), value, rel_tol=1e-6) or bits(float(text)) == bits(value)


@each_file
def test_nothing_else_is_a_series(entry: Entry) -> None:
    runs = runs_of(entry["path"])
    assert absent(entry.get("absent", ()), runs) == []
    _, rest = assign(keys(entry), runs)
    if any(series.get("nameless") for series in entry["series"]):
        assert len(rest) <= len(entry["series"])
        return
    if entry["family"] == "events":  # what a histogram says in one number (its mean) is no misreading
        tags = histograms(CORPUS / entry["path"])
        rest = [one for one in rest if one.key not in tags and one.key.rpartition("/")[0] not in tags]
    more = [f"{one.name}: {one.first.text} .. {one.last.text}" for one in rest]
    assert not more, "\n".join(more)


@pytest.mark.parametrize("entry", only(lambda e: "step" in e), ids=ids)
def test_steps_are_those_of_the_file(entry: Entry) -> None:
    printed = steps(CORPUS / entry["path"], entry)
    wrong: list[str] = []
    for series in entry["series"]:
        found = rows(read_as(entry, series))
        if series.get("optional") or any(line not in printed for line, _, _, _ in found):
            continue
        counters = [tuple(said(text) for text in printed[line]) for line, _, _, _ in found]
        complaint = unsound([step for _, _, _, step in found], counters, entry)
        wrong += [f"{name_of(series)}: {complaint}"] if complaint else []
    assert not wrong, "\n".join(wrong)


def unsound(found: list[float], counters: list[tuple[float, ...]], entry: Entry) -> str:
    """Return why steps do not follow the counters of their lines; empty: they are one sound axis."""
    if not found:
        return "not read"
    for weights in entry["step"].get("axes", [[1]]):
        if found == [sum(w * c for w, c in zip(weights, counter, strict=True)) for counter in counters]:
            return ""
    if "or" in entry["step"]:
        other = [float(text) for _, text in slow(entry["path"])[entry["step"]["or"]]]
        if found == other:
            return ""
    if len(counters[0]) > 1 and ways(found) == ways(counters):
        return ""
    return f"steps {found[:3]} .. {found[-2:]}, the file counts {counters[:3]} .. {counters[-2:]}"


def nameless(column: str, truth: Rows, runs: tuple[Run, ...]) -> list[str]:
    """Columns without names are known by their numbers, whatever they are called."""
    every = [rows([series]) for run in runs for series in run.series]
    same = [found for found in every if [(line, text) for line, text, _, _ in found] == truth]
    if len(same) != 1:
        return [f"column {column}: {len(same)} series hold its numbers"]
    return [f"{text} was read as {value}" for _, text, value, _ in same[0] if bits(value) != bits(said(text))]


@pytest.mark.parametrize("entry", only(lambda e: e.get("starts", {}).get("count", 1) > 1), ids=ids)
def test_more_than_one_start_is_split_or_told(entry: Entry) -> None:
    runs = runs_of(entry["path"])
    told = [note.text for run in runs for note in run.notes] + [i.why for run in runs for i in run.inputs]
    words = r"again|restart|resum|append|in turn|interleav|two processes|two runs|several runs|starts"
    assert len(runs) > 1 or any(re.search(words, text) for text in told), told


@pytest.mark.parametrize("entry", only(lambda e: any("split" in s for s in e["series"])), ids=ids)
def test_curves_under_one_tag_are_told_apart(entry: Entry) -> None:
    for series in entry["series"]:
        if "split" not in series:
            continue
        truth = slow(entry["path"])[series["key"]]
        curves = [[bits(value) for _, value in truth[at :: series["split"]]] for at in range(series["split"])]
        found = [[bits(value) for _, _, value, _ in rows([one])] for one in read_as(entry, series)]
        assert sorted(map(len, found)) == sorted(map(len, curves)), [len(one) for one in found]
        assert all(curve in found for curve in curves)


@pytest.mark.parametrize("path", ["control-classifier/collapse.out", "profiler-tables-rocm/rocm-profiler-tables.txt"])
def test_what_is_no_gan_plays_no_role_in_one(path: str) -> None:
    for run in runs_of(path):
        assert set(run.roles) <= {"memory"}
        assert run.auxiliary == ()
        assert run.family.name == "unknown"


@pytest.mark.parametrize("entry", only(lambda e: "tables" in e), ids=ids)
def test_printed_tables(entry: Entry) -> None:
    there = tables(CORPUS / entry["path"])
    for table, (line, columns, ops, feet) in zip(entry["tables"], there, strict=True):
        assert (line, columns, len(ops)) == (table["line"], table["columns"], table["rows"])
        assert [list(ops[0]), list(ops[-1]), feet] == [table["first"], table["last"], table["foot"]]
        assert sum(calls for _, calls in ops) == table["calls"]
        assert sum(name.endswith("...") for name, _ in ops) == table["cut"]
    found = [table for run in runs_of(entry["path"]) for table in run.tables]
    assert [[(row.name.removesuffix("..."), row.calls) for row in table.rows] for table in found] == [
        [(name.removesuffix("..."), calls) for name, calls in ops] for _, _, ops, _ in there
    ]
    assert [sum(row.cut for row in table.rows) for table in found] == [table["cut"] for table in entry["tables"]]


# -- traces -------------------------------------------------------------------------------------------------------------


@functools.cache
def parsed(path: str) -> dict[str, Any]:
    return trace(CORPUS / path)


@each_trace
def test_the_table_equals_the_parsed_trace(entry: Entry) -> None:
    figures = parsed(entry["path"])
    for key in ("events", "complete", "kernels", "device_work", "steps", "rank", "world_size", "backend"):
        assert figures.get(key) == entry.get(key), key
    for operation in entry["ops"]:
        assert figures["of"](operation["name"]) == operation


@each_trace
def test_our_reading_of_a_trace(entry: Entry) -> None:
    (run,) = runs_of(entry["path"])
    (found,) = run.traces
    assert found.complete
    assert [step.number for step in found.steps] == entry["steps"]
    assert (found.rank, found.world_size, found.backend) == (
        entry.get("rank"),
        entry.get("world_size"),
        entry.get("backend", ""),
    )
    assert (found.events, found.kernels) == (entry["events"], entry["device_work"])
    for operation in entry["ops"]:
        ours = found.operations[operation["name"]]
        assert (ours.total_calls, list(ours.calls)) == (operation["calls"], operation["per_step"]), operation["name"]
