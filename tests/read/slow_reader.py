"""Slow, obvious readers of the corpus, written for the tests alone: one plain pattern or one standard parser a file.

They yield every record of every series that the table names, element by element, as (line, printed text), and for event
files as (step, value). Nothing of the package is used.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
Rows = list[tuple[Any, Any]]


class Number(str):
    """A JSON number as it is printed."""


def name_of(series: Entry) -> str:
    """Return the key, with its form where the table gives one."""
    return f"{series['key']} [{series['form']}]" if "form" in series else str(series["key"])


def read(path: Path, entry: Entry) -> dict[str, Rows]:
    """Return the records of each series of an entry of the table."""
    return FAMILIES[entry["family"]](path, entry)


def steps(path: Path, entry: Entry) -> dict[int, tuple[str, ...]]:
    """Return the printed counters of each line that has some (not for event files)."""
    step = entry["step"]
    match entry["family"]:
        case "lines":
            found = {line: re.search(step["counters"], text) for line, text in _lines(path)}
            return {line: match.groups() for line, match in found.items() if match}
        case "csv" | "tb-csv":
            return {line: (row[step["key"]],) for line, row in _table(path)}
        case "jsonl":
            return {line: (flat[step["key"]],) for line, flat in _objects(path)}
        case "json-array":
            return {line: (record["iteration"],) for record, lines in _array(path) for line in lines.values()}
    raise ValueError(entry["family"])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines as `grep -n` counts them; no file of the corpus has a carriage return inside of a line."""
    for line, text in enumerate(path.read_bytes().decode().split("\n"), start=1):
        assert "\r" not in text.rstrip("\r")
        yield line, text.rstrip("\r")


def _in_lines(path: Path, entry: Entry) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for series in entry["series"]:
        pattern = series.get("find", entry.get("find", "")).replace("KEY", re.escape(series["key"]))
        rows = [(line, match[1]) for line, text in _lines(path) for match in re.finditer(pattern, text)]
        found[name_of(series)] = rows
    return found


def left_out(path: Path, entry: Entry) -> list[tuple[int, str]]:
    """Return the fractions of lines with a record that the table does not name, be it as a series, a counter or absent."""
    named: dict[int, set[int]] = {}
    patterns = [s.get("find", entry.get("find", "")).replace("KEY", re.escape(s["key"])) for s in entry["series"]]
    for line, text in _lines(path):
        for match in (match for pattern in patterns for match in re.finditer(pattern, text)):
            named.setdefault(line, set()).add(match.start(1))
        if line in named and (match := re.search(entry.get("step", {}).get("counters", "$^"), text)):
            named[line] |= {match.start(group) for group in range(1, len(match.groups()) + 1)}
    return [
        (line, match[0])
        for line, text in _lines(path)
        if line in named
        for match in re.finditer(r"(?<![\w.])[-+]?\d+\.\d+(?:e[-+]?\d+)?", text)
        if match.start() not in named[line]
        and not any(re.search(rf"{re.escape(name)}\W*$", text[: match.start()]) for name in entry.get("absent", ()))
    ]


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows with their line: no cell of the corpus runs over two lines."""
    lines = _lines(path)
    names = next(csv.reader([next(lines)[1]]))
    for line, text in lines:
        if text:
            yield line, dict(zip(names, next(csv.reader([text])), strict=True))


def _in_csv(path: Path, entry: Entry) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for line, row in _table(path):
        for name, cell in row.items():
            match = re.search(entry["cell"], cell) if "cell" in entry else None
            text = match[1] if match else cell
            if text not in ("", "NA"):
                found.setdefault(name, []).append((line, text))
    return found


def _in_export(path: Path, entry: Entry) -> dict[str, Rows]:
    return {path.stem: [(line, row["Value"]) for line, row in _table(path)]}


def _in_columns(path: Path, entry: Entry) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for line, text in _lines(path):
        for column, cell in enumerate(text.split(), start=1):
            found.setdefault(str(column), []).append((line, cell))
    return found


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


def _flat(value: Any, name: str) -> Iterator[tuple[str, Number]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}/{key}" if name else key)
    elif isinstance(value, Number):
        yield name, value


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Number]]]:
    for line, text in _lines(path):
        if text:
            yield line, dict(_flat(_loads(text), ""))


def _in_json_lines(path: Path, entry: Entry) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for line, flat in _objects(path):
        for key, number in flat.items():
            found.setdefault(key, []).append((line, str(number)))
    return found


def _array(path: Path) -> Iterator[tuple[dict[str, Number], dict[str, int]]]:
    """Yield each object of a printed array with the line on which each of its numbers stands (one a line)."""
    records = _loads(path.read_text(encoding="utf-8"))
    places: list[dict[str, int]] = []
    for line, text in _lines(path):
        if text.strip() == "{":
            places.append({})
        elif match := re.fullmatch(r'\s*"([^"]+)": ([^\s,]+),?', text):
            assert records[len(places) - 1][match[1]] == match[2]
            places[-1][match[1]] = line
    yield from zip(records, places, strict=True)


def _in_array(path: Path, entry: Entry) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for record, lines in _array(path):
        for key, number in record.items():
            found.setdefault(key, []).append((lines[key], str(number)))
    return found


def events(path: Path) -> Iterator[Any]:
    """Yield the events of a TensorBoard file as its own loader gives them; it stops where the file is cut."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    yield from LegacyEventFileLoader(str(path)).Load()


def _in_events(path: Path, entry: Entry) -> dict[str, Rows]:
    from tensorboard.util import tensor_util

    found: dict[str, Rows] = {}
    for event in events(path):
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            elif value.WhichOneof("value") == "tensor":
                array = tensor_util.make_ndarray(value.tensor)
                if array.dtype.kind == "f" and array.ndim == 0:
                    found.setdefault(value.tag, []).append((event.step, float(array)))
    return found


def histograms(path: Path) -> set[str]:
    """Return the tags of an event file that hold histograms."""
    return {
        value.tag
        for event in events(path)
        for value in event.summary.value
        if value.WhichOneof("value") == "histo" or value.metadata.plugin_data.plugin_name == "histograms"
    }


def tables(path: Path) -> list[tuple[int, int, list[tuple[str, int]], list[str]]]:
    """Return (line of the header, number of columns, rows as (name, calls), footers) of each printed table."""
    found: list[tuple[int, int, list[tuple[str, int]], list[str]]] = []
    rules = 0
    for line, text in _lines(path):
        cells = re.split(r"  +", text.strip())
        if cells[0] == "Name":
            found.append((line, len(cells), [], []))
            rules = 0
        elif text.startswith("---"):
            rules += 1
        elif found and rules == 1 and text:
            found[-1][2].append((cells[0], int(cells[-1])))
        elif found and " time total: " in text:
            found[-1][3].append(text.split(": ")[1])
    return found


def _no_series(path: Path, entry: Entry) -> dict[str, Rows]:
    return {}


def trace(path: Path) -> dict[str, Any]:
    """Return what the table says of a trace, counted in the whole parsed file."""
    with gzip.open(path) as file:
        root = json.load(file)
    every = root["traceEvents"]
    complete = [event for event in every if event.get("ph") == "X"]
    begun = [
        (int(event["name"].split("#")[1]), event["ts"], event["ts"] + event["dur"])
        for event in complete
        if event["name"].startswith("ProfilerStep#") and event["cat"] == "user_annotation"
    ]
    figures = {
        "events": len(every),
        "complete": len(complete),
        "kernels": sum(event.get("cat") == "kernel" for event in complete),
        "device_work": sum(event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset") for event in complete),
        "steps": [number for number, _, _ in begun],
    }
    told = root.get("distributedInfo", {})
    figures |= {key: told[key] for key in ("rank", "world_size", "backend") if key in told}
    return figures | {"of": lambda name: _operation(name, complete, begun)}


def _operation(name: str, complete: list[Any], begun: list[tuple[int, float, float]]) -> dict[str, Any]:
    """Count an operation: all its events, and calls that do not stand inside another call of it on their thread."""
    mine = [event for event in complete if event["name"] == name and event.get("cat") == "cpu_op"]
    calls: list[Any] = []
    ends: dict[Any, float] = {}  # of the last outermost call of each thread
    for event in sorted(mine, key=lambda event: (event["ts"], -event["dur"])):
        thread = (event["pid"], event["tid"])
        if thread in ends and event["ts"] < ends[thread]:
            assert event["ts"] + event["dur"] <= ends[thread], "calls of one thread overlap"
            continue
        ends[thread] = event["ts"] + event["dur"]
        calls.append(event)
    per = [sum(start <= event["ts"] < end for event in calls) for _, start, end in begun]
    return {"name": name, "events": len(mine), "calls": len(calls), "per_step": per}


FAMILIES: dict[str, Callable[[Path, Entry], dict[str, Rows]]] = {
    "lines": _in_lines,
    "csv": _in_csv,
    "tb-csv": _in_export,
    "columns": _in_columns,
    "jsonl": _in_json_lines,
    "json-array": _in_array,
    "events": _in_events,
    "tables": _no_series,
}
