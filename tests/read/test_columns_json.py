"""JSON lines, lists of records, histories and configuration, against the json module."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import CORPUS, needs_corpus

from wganlint.analysis import load_runs
from wganlint.errors import InputError
from wganlint.read.columns import read_json
from wganlint.read.configs import read_yaml
from wganlint.read.json_walk import BrokenJSON, leaves
from wganlint.read.tokens import is_counter
from wganlint.run import Run
from wganlint.series import Series


def run_of(folder: Path, name: str, text: str) -> Run:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    (run,) = load_runs(path)
    return run


def points(series: Series | None) -> list[tuple[float, str, int | None]]:
    assert series is not None
    return [(p.step, p.text, p.place.line) for p in map(series.point, range(len(series.values)))]


def notes(run: Run) -> list[tuple[str, str]]:
    return [(note.text, str(note.place)) for note in run.notes]


class Text(str):
    """A number as the file writes it."""


def slow(text: str) -> Any:
    return json.loads(text, parse_float=Text, parse_int=Text, parse_constant=Text)


def flat(value: Any, path: tuple[str, ...] = ()) -> dict[str, Text]:
    if isinstance(value, Text):
        return {"/".join(path): value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[str, Text] = {}
    for key, inner in items:
        if isinstance(inner, dict) and set(inner) == {"num", "mean", "std"}:
            name = "/".join((*path, str(key)))
            found |= {name: inner["mean"], f"{name}/std": inner["std"]}
        else:
            found |= flat(inner, (*path, str(key)))
    return found


def check(run: Run, records: list[dict[str, Text]], step: str | None, quoted: str) -> None:
    keys = list(dict.fromkeys(key for record in records for key in record if key != step and not is_counter(key)))
    assert sorted(s.key for s in run.series) == sorted(keys)
    lines = quoted.split("\n")
    for series in run.series:
        mine = [record for record in records if series.key in record]
        assert series.texts == tuple(record[series.key] for record in mine)
        assert [v.hex() for v in series.values.tolist()] == [float(record[series.key]).hex() for record in mine]
        if step is not None:
            assert series.steps.tolist() == [float(record[step]) for record in mine]
        for at in range(len(series.values)):
            place = series.point(at).place
            assert place.line is not None
            if place.column is not None:
                assert lines[place.line - 1][place.column - 1 :].startswith(series.texts[at])


NUMBERS = st.one_of(
    st.floats().map(json.dumps),
    st.integers(-(10**18), 10**18).map(str),
    st.sampled_from(["1E5", "-0.0", "1.50", "5e-324"]),
)
KEYS = st.text(alphabet='abz_ /Ä"\\é', min_size=1, max_size=5)
VALUES = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["true", "null", '"a \\" b"', '"2024-01-01"'])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda items: "{" + ",".join(f"{json.dumps(k)}: {v}" for k, v in items.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_leaves_are_those_of_json(items: dict[str, str]) -> None:
    text = "{" + ", ".join(f"{json.dumps(key)}:{value}" for key, value in items.items()) + "}"
    found = leaves(text)

    def walk(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], str]]:
        if isinstance(value, dict):
            return [leaf for key, inner in value.items() for leaf in walk(inner, (*path, key))]
        if isinstance(value, list):
            return [leaf for at, inner in enumerate(value) for leaf in walk(inner, (*path, at))]
        return [(path, str(value))] if isinstance(value, Text) else []

    assert [(leaf.path, leaf.text) for leaf in found if leaf.kind == "number"] == walk(slow(text), ())
    assert all(text[leaf.start : leaf.end] == leaf.text for leaf in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}}",
        '{"a" 1}',
        '{"a": 1,}',
        "[1 2]",
        '{"a": 1} {"b": 2}',
        "{1: 2}",
        "[" * 100 + "]" * 100,
    ],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(BrokenJSON):
        leaves(text)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"d_loss": NUMBERS, "note": st.sampled_from(['"x"', '"y \\n z"', "null", "true"])}, optional={"g_loss": NUMBERS}
    ),
    min_size=4,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rows=RECORDS, layout=st.sampled_from(["lines", "list", "pretty", "one line"]))
def test_records_in_every_layout(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], layout: str
) -> None:
    texts = [
        "{" + ", ".join(f'"{k}": {v}' for k, v in {"step": str(at), **row}.items()) + "}" for at, row in enumerate(rows)
    ]
    match layout:
        case "lines":
            text = "\n".join(texts) + "\n"
        case "list":
            text = "[\n" + ",\n".join(texts) + "\n]\n"
        case "pretty":
            text = "[\n" + ",\n".join(one.replace(", ", ",\n    ").replace("{", "{\n    ") for one in texts) + "\n]"
        case _:
            text = "[" + ", ".join(texts) + "]"
    run = run_of(tmp_path_factory.mktemp("t"), "log.jsonl" if layout == "lines" else "log.json", text)
    check(run, [flat(slow(one)) for one in texts], "step", text)
    assert run.notes == ()


def test_infinities_are_values(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        "a.jsonl",
        '{"step": 1, "d_loss": NaN}\n{"step": 2, "d_loss": -Infinity}\n{"step": 3, "d_loss": Infinity}\n',
    )
    assert [t for _, t, _ in points(run.named("d_loss"))] == ["NaN", "-Infinity", "Infinity"]
    series = run.named("d_loss")
    assert series is not None
    assert math.isnan(series.values[0])


def test_cut_and_broken_lines_are_told(tmp_path: Path) -> None:
    text = '{"step": 1, "d_loss": 0.5}\nnot json\n{"step": 2, "d_loss": 0.25}\n{"step": 3, "d_lo'
    run = run_of(tmp_path, "a.jsonl", text)
    assert points(run.named("d_loss")) == [(1, "0.5", 1), (2, "0.25", 3)]
    assert sorted(notes(run)) == [
        ("1 line is no JSON record and was left out", "a.jsonl:2"),
        ("the last line is cut and was left out", "a.jsonl:4"),
    ]


def test_a_cut_list_keeps_what_is_whole(tmp_path: Path) -> None:
    text = (
        "[\n"
        + "".join(f'  {{\n    "iteration": {at},\n    "loss_dis": 0.{at}\n  }},\n' for at in range(1, 6))
        + '  {\n    "iter'
    )
    run = run_of(tmp_path, "log", text)
    assert points(run.named("loss_dis")) == [(at, f"0.{at}", 4 * at) for at in range(1, 6)]
    assert [place for _, place in notes(run)] == ["log:23"]


def test_a_file_named_log_is_told_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        '[{"epoch": 1, "gen/loss": 1.5, "dis/loss": 0.5}, {"epoch": 2, "gen/loss": 2.5, "dis/loss": 0.25}]'
    )
    (run,) = load_runs(tmp_path)
    assert [i.kind for i in run.inputs] == ["table"]
    assert set(run.roles) == {"generator_loss", "critic_loss"}


def test_brackets_of_text_logs_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(
        "".join(f"[0/25][{at}/782] Loss_D: 0.4321 Loss_G: 3.2{at}\n" for at in range(9))
    )
    (run,) = load_runs(tmp_path)
    assert [i.kind for i in run.inputs] == ["log"]
    (tmp_path / "train.log").write_text("".join(f"{{'loss': 0.5, 'd_loss': {at}}}\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert [i.kind for i in run.inputs] == ["log"]


def test_a_history_goes_row_by_row(tmp_path: Path) -> None:
    run = run_of(tmp_path, "history.json", '{"d_loss": [0.5, 0.25, null, 0.125],\n "g_loss": [1, 2, 3, NaN]}')
    assert points(run.named("d_loss")) == [(0.0, "0.5", 1), (1.0, "0.25", 1), (3.0, "0.125", 1)] or [
        text for _, text, _ in points(run.named("d_loss"))
    ] == ["0.5", "0.25", "0.125"]
    assert [text for _, text, _ in points(run.named("g_loss"))] == ["1", "2", "3", "NaN"]
    run = run_of(tmp_path, "history2.json", '{"epoch": [1, 2, 3], "d_loss": [0.5, 0.25, 0.125]}')
    assert points(run.named("d_loss")) == [(1, "0.5", 1), (2, "0.25", 1), (3, "0.125", 1)]


def test_records_within_a_state(tmp_path: Path) -> None:
    state = {
        "best": None,
        "global_step": 30,
        "log_history": [{"loss": 0.5 / at, "step": at * 10} for at in range(1, 4)],
    }
    run = run_of(tmp_path, "trainer_state.json", json.dumps(state, indent=2))
    assert [step for step, *_ in points(run.named("loss"))] == [10, 20, 30]
    assert run.settings == ()


def test_a_download_of_tensorboard(tmp_path: Path) -> None:
    run = run_of(tmp_path, "d_loss.json", json.dumps([[1.6e9 + at, at * 10, 0.5 + at] for at in range(4)]))
    assert points(run.named("d_loss"))[:2] == [(0, "0.5", 1), (10, "1.5", 1)]


def test_training_and_validation_records_are_parted(tmp_path: Path) -> None:
    lines = ['{"env_info": "x", "seed": 1}']
    lines += [json.dumps({"mode": "train", "epoch": 1, "iter": at, "loss_disc": at / 7}) for at in range(20)]
    lines += [json.dumps({"mode": "val", "epoch": 1, "iter": 20, "loss_disc": 9.5, "fid": 33.5})]
    run = run_of(tmp_path, "a.log.json", "\n".join(lines) + "\n")
    assert len(run.named("loss_disc") or ()) == 20
    assert [t for _, t, _ in points(run.named("val/loss_disc"))] == ["9.5"]


def test_a_key_that_comes_twice_counts_last_as_in_json(tmp_path: Path) -> None:
    run = run_of(tmp_path, "a.jsonl", "".join(f'{{"step": {at}, "d_loss": 1, "d_loss": 2}}\n' for at in range(3)))
    assert [t for _, t, _ in points(run.named("d_loss"))] == ["2", "2", "2"]


# -- configuration


def test_configuration_becomes_settings_with_their_lines(tmp_path: Path) -> None:
    text = '{\n  "lr": 0.0002,\n  "model": {"n_critic": 5, "betas": [0.5, 0.999]},\n  "api_key": "abc"\n}\n'
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "train.log").write_text("".join(f"step={at} d_loss=0.5{at}\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert [(s.name, s.value, s.place.line, s.origin) for s in run.settings] == [
        ("lr", "0.0002", 2, "config"), ("model.n_critic", "5", 3, "config"), ("model.betas", "[0.5, 0.999]", 3, "config"),
    ]  # fmt: skip
    assert [(s.value, s.origin) for s in run.latest("critic_steps")] == [("5", "config")]


def test_what_a_log_prints_wins_over_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("lr: 0.1\n")
    (tmp_path / "train.log").write_text("lr=0.0002\n" + "".join(f"step={at} d_loss=0.5{at}\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    stated = run.number("learning_rate")
    assert stated is not None
    assert stated.number == 0.0002


def test_yaml() -> None:
    text = """# run
model:
  lr: 1e-4   # slow
  name: "a: b"
  layers:
    - size: 64
    - size: 128
optim: {lr: 3}
notes: |
  lr: 999
seed: '7'
lr:
  desc: null
  value: 0.0002
url: http://x/y
password: hunter2
"""
    found, told = read_yaml(io.BytesIO(text.encode()), "config.yaml")
    assert [(s.name, s.value, s.number, s.place.line) for s in found] == [
        ("model.lr", "1e-4", 1e-4, 3), ("model.name", "a: b", None, 4), ("model.layers.size", "64", 64, 6),
        ("model.layers.size", "128", 128, 7), ("optim", "{lr: 3}", None, 8), ("seed", "7", 7, 11), ("lr", "0.0002", 0.0002, 14),
        ("url", "http://x/y", None, 15),
    ]  # fmt: skip
    assert told == []
    for item in found:
        if item.place.column is not None:
            assert item.quote[item.place.column - 1 :].startswith(item.value)


def test_a_dump_of_options_is_no_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "train_opt.txt").write_text("----- Options -----\n   batch_size: 1   \t[default: 4]\n   lr: 0.0002\n")
    (tmp_path / "loss_log.txt").write_text("".join(f"(epoch: 1, iters: {at}) D_A: 0.5 G_A: 0.25\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert {(s.name, s.value) for s in run.settings} >= {("batch_size", "1"), ("lr", "0.0002")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package.json", '{"name": "x", "version": "1.0.0", "dependencies": {"a": "1"}}'),
        ("annotations.json", json.dumps({"images": [{"id": at, "width": 3} for at in range(9)]})),
        ("labels.json", json.dumps(list(range(20)))),
        ("docker-compose.yml", "services:\n  a:\n    ports: 80\n"),
    ],
)
def test_other_files_become_nothing(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "train.log").write_text("".join(f"step={at} d_loss=0.5{at}\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert [s.key for s in run.series] == ["d_loss"]
    assert run.settings == ()


def test_one_of_many_configurations_is_not_taken(tmp_path: Path) -> None:
    for at in range(5):
        (tmp_path / f"config_{at}.yaml").write_text(f"lr: {at}\n")
    (tmp_path / "train.log").write_text("".join(f"step={at} d_loss=0.5{at}\n" for at in range(9)))
    (run,) = load_runs(tmp_path)
    assert run.settings == ()
    assert sum("nothing says which" in i.why for i in run.inputs) == 5


# -- hostile input


@settings(max_examples=120, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.text(alphabet='{}[]:,"\\ 0123456789.eENaInfty\nu', max_size=200).map(str.encode)
    )
)
def test_any_bytes(data: bytes) -> None:
    for head in (b"", b'{"step": 1, "d_loss": 2}\n', b'[{"step": 1}, ', b'{"loss": [1, 2, 3'):
        whole = head + data
        try:
            read_json(io.BytesIO(whole), whole[:65536], "a.json")
        except InputError as error:
            assert error.what


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[[1,2],[3,4]]", '"' + "\\" * 99_999, "[" + "1," * 100_000]
)
def test_deep_and_long(text: str) -> None:
    try:
        read_json(io.BytesIO(text.encode()), text[:65536].encode(), "a.json")
    except InputError as error:
        assert error.what


# -- the corpus


@needs_corpus
@pytest.mark.parametrize(
    ("folder", "step", "count"),
    [
        ("biggan-fid", "itr", 68), ("spritegan-stats", "Progress/kimg", 80), ("spritegan-fid", None, 8),
        ("chainer-dcgan", "iteration", 200), ("chainer-dcgan64", "iteration", 1000),
    ],
)  # fmt: skip
def test_real_records_element_by_element(folder: str, step: str | None, count: int) -> None:
    (path,) = (CORPUS / folder).iterdir()
    text = path.read_text()
    (run,) = load_runs(path)
    records = slow(text) if text.startswith("[") else [slow(line) for line in text.splitlines() if line]
    assert len(records) == count
    check(run, [flat(record) for record in records], step, text)


def test_a_first_line_of_configuration_becomes_settings(tmp_path: Path) -> None:
    lines = ['{"config": {"D_lr": 0.02, "G_lr": 5e-06, "opt": {"beta1": 0.5}}}']
    lines += [f'{{"itr": {i}, "D_loss": {1 / i:.3f}, "G_loss": {i / 9:.3f}}}' for i in range(1, 9)]
    run = run_of(tmp_path, "train.jsonl", "\n".join(lines) + "\n")
    assert {s.name: s.value for s in run.settings} == {"D_lr": "0.02", "G_lr": "5e-06", "opt.beta1": "0.5"}
    assert run.settings[0].place.line == 1
    assert {series.name for series in run.series} == {"D_loss", "G_loss"}
    assert all(len(series) == 8 for series in run.series)


def test_a_record_with_a_column_of_that_name_stays_a_record(tmp_path: Path) -> None:
    lines = [f'{{"step": {i}, "options": {{"loss": {1 / i:.3f}}}}}' for i in range(1, 9)]
    run = run_of(tmp_path, "train.jsonl", "\n".join(lines) + "\n")
    assert not run.settings
    assert len(run.series[0]) == 8
