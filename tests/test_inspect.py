"""`wganlint inspect` as a user meets it: what it shows, what it exports, where it reads from, how it shares work."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from markdown_it import MarkdownIt
from snapshot import compare

from wganlint import fleet
from wganlint.analysis import analyze, inspect, load_runs
from wganlint.builder import LIMIT
from wganlint.cli import run
from wganlint.errors import UsageError
from wganlint.render.cells import cells
from wganlint.render.inspected import full
from wganlint.render.inspected_json import document, schema
from wganlint.render.inspected_markdown import markdown
from wganlint.render.report_json import as_json

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
SICK = FIXTURES / "sick" / "run"
STORED = Path(__file__).parent / "inspected"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str | Path) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return invoke


def log(count: int = 40, *, odd: bool = False) -> str:
    """A log whose values are written with as many digits as a float has; every ninth g_loss is not finite."""
    rows = []
    for n in range(count):
        c = math.sin(n * 1.37) * 10.0 ** (n % 7 - 3)
        g = "nan" if odd and n % 9 == 8 else repr(math.cos(n) / 3)
        rows.append(f"step={n * 10} c_loss={c!r} g_loss={g} gp={n / 7:.3e}\n")
    return "".join(rows)


def truth(text: str) -> dict[str, list[tuple[float, int, float]]]:
    """The slow and obvious reader: step, line and value of each series but the step."""
    found: dict[str, list[tuple[float, int, float]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        pairs = [part.split("=") for part in line.split()]
        for key, value in pairs[1:]:
            found.setdefault(key, []).append((float(pairs[0][1]), number, float(value)))
    return found


def bits(value: float) -> bytes:
    return struct.pack("<d", value) if value == value else b"nan"


# -- what it shows


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", ["sick", "healthy-gp", "healthy-twin"])
def test_a_fixture_as_it_is_shown(case: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    compare(full(inspect(f"fixtures/{case}/run"), width), STORED / f"{case}.{width}.txt")


def wide(series: int) -> str:
    layers = [f"grad/layer.{n}.weight" for n in range(series - 12)]
    others = [f"metric_{word}" for word in ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr"]]
    return "".join(
        f"step={step} d_loss={step / 7:.4f} g_loss={-step / 9:.4f} "
        + " ".join(f"{name}={step * (at + 1) / 13:.5f}" for at, name in enumerate(layers + others))
        + "\n"
        for step in range(1, 30)
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_screen(tmp_path: Path, width: int) -> None:
    (tmp_path / "train.log").write_text(wide(200))
    for all in (False, True):
        rows = full(inspect(tmp_path / "train.log"), width, all=all).splitlines()
        assert max(map(cells, rows)) <= width


def test_many_series_are_folded_by_their_names_and_all_shows_each(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(wide(200))
    found = inspect(tmp_path / "train.log")
    brief, whole = full(found, 80), full(found, 80, all=True)
    assert "grad/layer.*.weight" in brief
    assert "188 series" in brief
    assert len(brief.splitlines()) < 60
    assert all(word in brief for word in ("d_loss", "critic_loss", "--all"))
    for one in found.runs[0].series:
        assert one.name in whole
    assert "--all" not in whole


def test_a_value_that_is_not_finite_is_told_with_its_first_place(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(log(odd=True))
    (one,) = [one for one in inspect(tmp_path / "train.log").runs[0].series if one.key == "g_loss"]
    assert (one.nonfinite, one.points) == (4, 40)
    assert one.first_nonfinite is not None
    assert (one.first_nonfinite.place.line, one.first_nonfinite.step) == (9, 80.0)
    assert "4 of 40 not finite: first nan at step 80, line 9\n" in full(inspect(tmp_path / "train.log"), 80)


def test_values_that_stay_not_finite_are_told_from_where(tmp_path: Path) -> None:
    """A first infinity that passes is not where it begins to last; the end is."""
    values = [*["1.0"] * 3, "inf", *["2.0"] * 3, *["nan"] * 5]
    (tmp_path / "train.log").write_text("".join(f"step={n} c_loss={v} g_loss=1.{n}\n" for n, v in enumerate(values)))
    shown = full(inspect(tmp_path / "train.log"), 120)
    assert "6 of 12 not finite: first inf at step 3, line 4; none finite from step 7, line 8 on" in shown
    (tmp_path / "other.log").write_text(
        "".join(f"step={n} c_loss={v} g_loss=1.{n}\n" for n, v in enumerate(values[4:]))
    )
    shown = full(inspect(tmp_path / "other.log"), 120)
    assert "5 of 8 not finite: first nan at step 3, line 4, and so to the end" in shown


def test_extremes_are_those_of_all_records_however_many_are_kept(tmp_path: Path) -> None:
    text = log(LIMIT + 5_000)
    (tmp_path / "train.log").write_text(text)
    want = {key: [value for _, _, value in rows] for key, rows in truth(text).items()}
    for one in inspect(tmp_path / "train.log").runs[0].series:
        assert one.kept < one.points == LIMIT + 5_000
        assert one.lowest is not None and one.highest is not None
        assert (one.lowest.value, one.highest.value) == (min(want[one.key]), max(want[one.key]))
        assert one.most_step == (one.points - 1) * 10


def test_a_long_number_is_never_shown_as_if_it_was_printed_so(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("".join(f"step={n} c_loss=0.123456789012345{n}e-05\n" for n in range(9)))
    row = next(row for row in full(inspect(tmp_path / "train.log"), 80).splitlines() if row.startswith("    c_loss"))
    assert "≈1.23457e-06" in row


def test_the_json_follows_its_schema_and_the_markdown_is_one_document(tmp_path: Path) -> None:
    hostile = tmp_path / "a|b `c` <x>.log"
    hostile.write_text(log(odd=True) + "step=999 <b>|x=1.0 \x1b[31m`y`=2\n" * 3)
    for path in (SICK, FIXTURES / "healthy-sn" / "run", hostile):
        found = inspect(path)
        jsonschema.validate(document(found), schema())
        jsonschema.validate(json.loads(json.dumps(document(found)).replace("NaN", "null")), schema())
        text = markdown(found)
        assert "\x1b" not in text
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
        assert not [token for token in tokens if token.type == "html_block"]
        rows = [row for row in text.splitlines() if row.startswith("| ")]
        assert {row.replace("\\|", "").count("|") for row in rows} <= {9}


@pytest.mark.parametrize("format", ["full", "markdown", "json"])
def test_each_format_prints_and_says_fine(call: Call, format: str) -> None:
    code, out, err = call("inspect", SICK, "--format", format)
    assert (code, err) == (0, "")
    assert "c_loss" in out


def test_exit_codes(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.md").write_text("nothing")
    assert call("inspect", tmp_path / "empty")[0] == 3
    assert call("inspect", tmp_path / "nowhere")[0] == 2
    assert call("inspect", SICK, "--role", "critic_loss=nothing")[0] == 2
    assert call("inspect", SICK, "--format", "xml")[0] == 2
    assert call("inspect", SICK, "--csv", "-", "--json", "-")[0] == 2
    assert call("inspect", SICK, "--csv", tmp_path / "empty" / "notes.md" / "x.csv")[0] == 2


# -- exports


def test_every_export_holds_every_point_to_the_last_bit(call: Call, tmp_path: Path) -> None:
    """Above and below the number of points that are kept; values, lines and steps equal the slow reader's."""
    import pandas as pd

    for name, count in (("few", 50), ("many", LIMIT + 3_000)):
        text = log(count, odd=True)
        (tmp_path / f"{name}.log").write_text(text)
        code, _, err = call(
            "inspect", f"{name}.log", "--csv", f"{name}.csv", "--parquet", f"{name}.parquet", "--json", f"{name}.json"
        )
        assert code == 0
        assert f"{3 * count} points written" in err
        rows = list(csv.DictReader(io.StringIO((tmp_path / f"{name}.csv").read_text())))
        frame = pd.read_parquet(tmp_path / f"{name}.parquet")
        listed = json.loads((tmp_path / f"{name}.json").read_text())
        for key, want in truth(text).items():
            lines = [line for _, line, _ in want]
            steps = [step for step, _, _ in want]
            values = [bits(value) for _, _, value in want]
            mine = [row for row in rows if row["series"] == key]
            assert [bits(float(row["value"])) for row in mine] == values
            assert [bits(float(row["text"])) for row in mine] == values
            assert [int(row["line"]) for row in mine] == lines
            assert [float(row["step"]) for row in mine] == steps
            part = frame[frame["series"] == key]
            assert [bits(value) for value in part["value"].tolist()] == values
            assert part["line"].tolist() == lines
            own = [row for row in listed if row["series"] == key]
            assert [bits(math.nan if row["value"] is None else row["value"]) for row in own] == values
            assert [row["line"] for row in own] == lines
        assert {row["role"] for row in rows} >= {"critic_loss", "generator_loss"}
        assert not list(tmp_path.glob("*.part"))


def test_an_export_to_standard_output_is_all_that_is_printed(call: Call, tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(log(5))
    code, out, err = call("inspect", "train.log", "--csv", "-")
    rows = list(csv.reader(io.StringIO(out)))
    assert (code, err, len(rows)) == (0, "", 16)
    assert json.loads(call("inspect", "train.log", "--json", "-")[1])[0]["series"] == "c_loss"


def test_an_export_never_writes_over_its_input(call: Call, tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(log(5))
    code, _, err = call("inspect", "train.log", "--csv", "train.log")
    assert (code, (tmp_path / "train.log").read_text()) == (2, log(5))
    assert "one of the inputs" in err


def test_a_failed_export_leaves_no_file(call: Call, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("kept")
    assert call("inspect", "nowhere.log", "--csv", "old.csv")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "kept"


def test_parquet_without_pyarrow_says_what_to_install(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "train.log").write_text(log(5))
    code, _, err = call("inspect", "train.log", "--parquet", "x.parquet")
    assert code == 2
    assert "pip install 'wganlint[parquet]'" in err


def test_the_frame_equals_the_points_one_by_one() -> None:
    (one,) = load_runs(SICK)
    frame = one.frame()
    at = 0
    for series in one.series:
        for number in range(len(series.values)):
            point, row = series.point(number), frame.iloc[at]
            assert (row["series"], row["text"], row["file"]) == (series.name, point.text, point.place.file)
            assert bits(row["value"]) == bits(point.value)
            assert (row["line"] if point.place.line else None) == point.place.line
            at += 1
    assert len(frame) == at
    assert frame["line"].dtype == "Int64"
    assert set(frame["role"]) >= {"critic_loss", ""}
    assert len(frame["series"].cat.categories) == len(one.series)


def test_a_run_without_series_gives_an_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("hello\n")
    frame = load_runs(tmp_path / "train.log")[0].frame()
    assert list(frame.columns) == ["series", "role", "step", "value", "text", "file", "line"]
    assert len(frame) == 0


# -- where it reads from


def piped(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wganlint", *arguments], input=text, capture_output=True, timeout=120, check=False
    )


def test_standard_input_is_read_and_named() -> None:
    done = piped(log().encode(), "inspect", "-", "--format", "json")
    (one,) = json.loads(done.stdout)["runs"]
    assert (one["id"], one["root"]) == ("stdin", "<stdin>")
    assert {series["points"] for series in one["series"]} == {40}
    assert one["series"][0]["first"]["place"]["file"] == "<stdin>"
    empty = piped(b"", "analyze", "-")
    assert empty.returncode == 3
    assert b"<stdin>: empty" in empty.stderr


def test_a_pattern_is_what_the_shell_would_make_of_it(call: Call, tmp_path: Path) -> None:
    for name in ("a", "b", "c/d"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "train.log").write_text(log(5))
    given = [f"runs/{name}/train.log" for name in ("a", "b")]
    assert analyze("runs/*/train.log") == analyze(given)
    assert [run.id for run in inspect("runs/**/train.log").runs] == ["a/train", "b/train", "d/train"]
    (tmp_path / "odd[1].log").write_text(log(5))
    assert [run.root for run in inspect("odd[1].log").runs] == ["odd[1].log"]
    code, _, err = call("inspect", "runs/*/nothing")
    assert code == 2
    assert "nothing matches" in err


@pytest.fixture
def store() -> Iterator[object]:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    yield memory
    memory.rm("/", recursive=True)


def test_an_address_is_read_like_a_folder(store: object, tmp_path: Path) -> None:
    fill = store.pipe_file  # type: ignore[attr-defined]
    fill("/bucket/exp7/train.log", log().encode())
    fill("/bucket/exp7/sub/model.pt", b"\0" * 100_000)
    fill("/bucket/exp8/train.log", log().encode())
    found = inspect("memory://bucket/exp7")
    (one,) = found.runs
    assert (one.id, one.root) == ("exp7", "memory://bucket/exp7")
    assert {series.points for series in one.series} == {40}
    assert [(i.path, i.why) for i in one.inputs if not i.used] == [("sub/model.pt", "weights: not read")]
    assert len(inspect("memory://bucket/*/train.log").runs) == 2
    with pytest.raises(UsageError, match="does not exist"):
        inspect("memory://bucket/none")
    with pytest.raises(UsageError, match="nothing matches"):
        inspect("memory://bucket/none/*.log")


def test_an_address_names_no_file_outside_of_the_copy(store: object, tmp_path: Path) -> None:
    from wganlint.read.given import _Remote

    remote = _Remote("memory://bucket", None)
    for name in ("/bucket/../../etc/x", "../x", "a/../../../x"):
        assert remote._target(tmp_path, name) is None
    assert remote._target(tmp_path, "/etc/passwd") == tmp_path / "memory" / "etc" / "passwd"


def test_an_address_without_fsspec_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError) as error:
        inspect("s3://bucket/run")
    assert "pip install 'wganlint[remote]'" in error.value.hint


def test_an_unknown_kind_of_address_is_our_error() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(UsageError, match="nosuchkind"):
        inspect("nosuchkind://bucket/run")


# -- several processes


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for n in range(7):
        (tmp_path / f"run{n}").mkdir()
        (tmp_path / f"run{n}" / "train.log").write_text(log(20 + n, odd=n % 2 == 0))
    return tmp_path


def test_the_result_does_not_depend_on_the_number_of_processes(many: Path) -> None:
    assert as_json(analyze(many, jobs=2)) == as_json(analyze(many, jobs=1))  # NaN is not equal to itself
    one, two = inspect(many, jobs=1), inspect(many, jobs=2)
    assert full(one, 80, all=True) == full(two, 80, all=True)
    assert [run.id for run in two.runs] == [f"run{n}" for n in range(7)]


def test_an_error_of_another_process_is_told_as_ever(many: Path) -> None:
    with pytest.raises(UsageError, match="unknown role 'boss'") as error:
        analyze(many, jobs=2, roles={"boss": "c_loss"})
    assert error.value.hint.startswith("roles: ")


def test_processes_are_started_only_where_they_pay() -> None:
    assert fleet.processes(None, 100, fleet.WORTH - 1) == 1
    assert fleet.processes(None, 1, 10 * fleet.WORTH) == 1
    assert fleet.processes(3, 2, 0) == 2
    assert fleet.processes(1, 100, 10 * fleet.WORTH) == 1


def test_batches_hold_each_item_once() -> None:
    rng = np.random.default_rng(5)
    for count in (1, 2, 17, 200):
        sizes = rng.integers(0, 1000, count).tolist()
        found = sorted(fleet._batches(sizes, 16))
        assert [at for first, stop in found for at in range(first, stop)] == list(range(count))


# -- how far it is


class Seen:
    """A watch that keeps what it is told."""

    def __init__(self) -> None:
        self.planned: tuple[str, int, int] = ("", 0, 0)
        self.files: list[str] = []
        self.size = 0

    def plan(self, doing: str, files: int, size: int) -> None:
        self.planned = (doing, files, size)

    def reading(self, name: str) -> None:
        self.files.append(name)

    def took(self, count: int) -> None:
        self.size += count


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_watch_is_told_all_bytes_of_all_files(many: Path, jobs: int) -> None:
    import gzip

    (many / "run3" / "train.log").unlink()
    (many / "run3" / "train.log.gz").write_bytes(gzip.compress(log(500).encode()))
    size = sum(path.stat().st_size for path in many.rglob("train.log*"))
    seen = Seen()
    analyze(many, jobs=jobs, watch=seen)
    assert seen.planned == ("reading", 7, size)
    assert len(seen.files) == 7
    assert seen.size == size


LOOKED_AT = """
import sys
import wganlint.render.progress as progress
progress.Progress.__init__.__kwdefaults__["after"] = 0.0
from wganlint.cli import run
raise SystemExit(run(sys.argv[1:]))
"""


def on_terminal(path: Path, **more: str) -> bytes:
    """Return what the command line writes to a terminal as its standard error."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}} | {"TERM": "xterm"}
    try:
        subprocess.run(
            [sys.executable, "-c", LOOKED_AT, "inspect", str(path)],
            stderr=theirs, stdout=subprocess.PIPE, env=env | more, timeout=120, check=True,
        )  # fmt: skip
        os.set_blocking(ours, False)
        try:
            return os.read(ours, 1 << 16)
        except BlockingIOError:
            return b""
    finally:
        os.close(ours)
        os.close(theirs)


def test_long_work_shows_itself_on_a_terminal_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(log(300))
    shown = on_terminal(tmp_path / "train.log")
    assert b"reading train.log" in shown
    assert shown.endswith((b"\x1b[2K", b"\x1b[?25h", b"\x1b[1A\x1b[2K")) or b"\x1b[2K" in shown[-40:]


@pytest.mark.parametrize("more", [{"CI": "true"}, {"TERM": "dumb"}])
def test_long_work_is_silent_where_nobody_looks(tmp_path: Path, more: dict[str, str]) -> None:
    (tmp_path / "train.log").write_text(log(300))
    assert on_terminal(tmp_path / "train.log", **more) == b""


def test_long_work_is_silent_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(log(300))
    done = subprocess.run(
        [sys.executable, "-c", LOOKED_AT, "inspect", str(tmp_path / "train.log")],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stderr == b""


def test_short_work_shows_nothing_and_imports_no_bar() -> None:
    from wganlint.render.progress import Progress

    now = 0.0
    with Progress(clock=lambda: now) as progress:
        progress.plan("reading", 1, 10)
        progress.took(5)
        assert progress._bar is None
