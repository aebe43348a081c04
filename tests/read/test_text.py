"""Free-text logs: exact values, texts, lines, columns, forms, steps, settings and restarts for many shapes of line."""

from __future__ import annotations

import io
import math

import pytest

from wganlint.errors import InputError
from wganlint.read.naming import name_series
from wganlint.read.text import TextFacts, TextReader, read_text
from wganlint.read.tokens import bar_of, fields_of, number, step_rank
from wganlint.series import Series


def read(text: str | bytes) -> TextFacts:
    data = text.encode() if isinstance(text, str) else text
    return read_text(io.BytesIO(data), "train.log")


def named(facts: TextFacts) -> dict[str, Series]:
    name_series(facts.series)
    return {series.name: series for series in (builder.build() for builder in facts.series)}


def pairs(line: str) -> list[tuple[str, str, str]]:
    return [(field.key, line[field.start : field.end], field.unit) for field in fields_of(line)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("c_loss=-1000.0048 g_loss=+0.812", [("c_loss", "-1000.0048", ""), ("g_loss", "+0.812", "")]),
        ("g_loss = 1.0365, reg=0.0230", [("g_loss", "1.0365", ""), ("reg", "0.0230", "")]),
        ("l_g_pix: 1.4819e-03 lr: 1e-05", [("l_g_pix", "1.4819e-03", ""), ("lr", "1e-05", "")]),
        ("a=.5|b=5.;c=nan\td=NaN e=-inf f=Infinity", [
            ("a", ".5", ""), ("b", "5.", ""), ("c", "nan", ""), ("d", "NaN", ""), ("e", "-inf", ""),
            ("f", "Infinity", ""),
        ]),
        ("iter: 107,200, lr:2.500e-05> l: 1", [("iter", "107,200", ""), ("lr", "2.500e-05", ""), ("l", "1", "")]),
        ("alloc=2510MiB usage=32.0% load=12.0ms", [("alloc", "2510", "MiB"), ("usage", "32.0", "%"),
                                                   ("load", "12.0", "ms")]),
        ("vram=1.2 GB rate: 2.75 batch/s x=3.4it/s", [("vram", "1.2", "GB"), ("rate", "2.75", "batch/s"),
                                                     ("x", "3.4", "it/s")]),
        ("λ=10.0, β1=0.5", [("λ", "10.0", ""), ("β1", "0.5", "")]),
        ("D(x): 0.8012 D(G(z)): 0.1503 / 0.0456", [("D(x)", "0.8012", ""), ("D(G(z))", "0.1503", "")]),
        ("Loss/scores/fake: -12.43", [("Loss/scores/fake", "-12.43", "")]),
        ("[D loss: -2.31] [G loss: 0.48]", [("D loss", "-2.31", ""), ("G loss", "0.48", "")]),
        ("Steps : 5, Gen Loss Total : 98.236", [("Steps", "5", ""), ("Gen Loss Total", "98.236", "")]),
        ("loss G : 614.970 loss D : 750532.237", [("loss G", "614.970", ""), ("loss D", "750532.237", "")]),
        ("Loss D: 0.56, GPU Memory: 207/8192 MiB", [("Loss D", "0.56", ""), ("GPU Memory", "207", "")]),
        ("(epoch: 1, iters: 100) G_L1: 1.5 D_real+fake: -2", [
            ("epoch", "1", ""), ("iters", "100", ""), ("G_L1", "1.5", ""), ("D_real+fake", "-2", ""),
        ]),
        ("{'loss': 0.51, 'epoch': 0.1}", [("loss", "0.51", ""), ("epoch", "0.1", "")]),
        ("2026-01-14 15:41:07,123 INFO: loss=3", [("loss", "3", "")]),
        ("loss=0.5. Next", [("loss", "0.5", "")]),
        ("cuda:0 loss=1", [("loss", "1", "")]),
        ("INFO Loss: 0.5", [("Loss", "0.5", "")]),
    ],
)  # fmt: skip
def test_fields(line: str, expected: list[tuple[str, str, str]]) -> None:
    assert pairs(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "12:34:56 started",
        "time=12:34:56",
        "date: 2026-01-14",
        "path=/data/run7/0.5",
        "see http://host:8080/x?y=1.2.3.4",
        "version=1.2.3",
        "torch: 2.4.1",
        "Warning: 3 files were skipped",
        "hf_dataloader.py:403: UserWarning",
        "cuda:0",
        "eta: 1 day, 3:02:11",
        "id=4f3a9",
        "x==5 y!=6 z>=7",
        "std::vector::size: aten::to",
        "--lr=0.1",
        "range=5-10",
        "a=b=c",
        "",
        "====: ====",
        "n=" + "1" * 200,
    ],
)
def test_no_fields(line: str) -> None:
    assert pairs(line) == []


def test_prose_with_a_question_of_order() -> None:
    line = "training of the new model that we made reached step: 5"
    assert [key for key, _, _ in pairs(line)] == ["step"]


@pytest.mark.parametrize(
    ("line", "name", "counter", "keys"),
    [
        ("Batches: 400batch [00:54,  6.79batch/s, c_loss=-1000.0049, g=1]", "Batches", "400", ["c_loss", "g"]),
        ("Training:  17%|█▋  | 3/18 [00:14<01:13,  4.87s/it, c_loss=-0.0217]", "Training", "3", ["c_loss"]),
        ("Epoch 0:  22%|##2  | 4/18 [00:17<01:02,  4.47s/it, loss=9.9, v_num=1]", "Epoch 0", "4", ["loss", "v_num"]),
        ("0% 45/1000000 nothing", "", "", []),
        ("  0%|   | 45/1000000 [01:07<430:59:20,  1.55s/it]G: 1.09 | D: 0.42", "", "45", ["G", "D"]),
        ("Batches: 0batch [00:00, ?batch/s]", "Batches", "0", []),
    ],
)
def test_bars(line: str, name: str, counter: str, keys: list[str]) -> None:
    bar = bar_of(line)
    if not counter:
        assert bar is None
        return
    assert bar is not None
    assert (bar.name, line[bar.start : bar.end]) == (name, counter)
    assert [field.key for field in fields_of(line, bar)] == keys


@pytest.mark.parametrize(
    ("key", "is_step"),
    [("batches", True), ("Step", True), ("global_step", True), ("Global Step", True), ("Train Epoch", True),
     ("iters", True), ("kimg", True), ("loss", False), ("Total batches", False), ("batch_size", False)],
)  # fmt: skip
def test_step_keys(key: str, is_step: bool) -> None:
    assert (step_rank(key) is not None) == is_step


def test_numbers() -> None:
    assert number("107,200") == 107200.0
    assert number("0.1") == float("0.1")
    assert math.isnan(number("NaN"))
    assert number("-Infinity") == -math.inf


def test_places_and_values() -> None:
    facts = read("start\n\n[global] batches=20 c_loss=-1.50 gp=10.0\nnoise\n[global] batches=40 c_loss=nan gp=10.0\n")
    series = named(facts)
    assert list(series) == ["c_loss", "gp"]
    loss = series["c_loss"]
    assert loss.form == "[global]"
    assert loss.step_key == "batches"
    assert loss.steps.tolist() == [20, 40]
    assert loss.texts == ("-1.50", "nan")
    assert loss.lines.tolist() == [3, 5]
    assert loss.columns.tolist() == [28, 28]
    assert loss.quotes[0] == "[global] batches=20 c_loss=-1.50 gp=10.0"
    assert loss.tally.nonfinite_count == 1
    place = loss.point(0).place
    assert (place.file, place.line, place.column, place.end_column) == ("train.log", 3, 28, 33)
    assert loss.quotes[0][27:32] == "-1.50"


def test_columns_with_padding() -> None:
    lines = [f"step {n} |  loss={n * 0.5:8.3f} | x= {n}" for n in range(1, 30)]
    loss = named(read("\n".join(lines)))["loss"]
    for at in range(len(loss)):
        column = int(loss.columns[at])
        assert loss.quotes[at][column - 1 :].startswith(loss.texts[at])
    assert loss.values.tolist() == [n * 0.5 for n in range(1, 30)]


def test_key_twice_and_forms_apart() -> None:
    text = "".join(f"[train] step={n} loss={n} loss={n + 1}\n" for n in range(1, 9))
    text += "".join(f"[eval] step={n} loss={n * 10}\n" for n in range(1, 6))
    series = named(read(text))
    assert {name: one.form for name, one in series.items()} == {
        "loss": "[train]", "loss#2": "[train]", "loss [eval]": "[eval]",
    }  # fmt: skip
    assert series["loss#2"].key == "loss"
    assert series["loss#2"].values.tolist() == [n + 1 for n in range(1, 9)]
    assert series["loss [eval]"].values.tolist() == [10, 20, 30, 40, 50]


def test_heads_with_numbers_are_one_form() -> None:
    text = "".join(f"2026-01-14 15:41:{n:02d} [file {n}/76] batches={n * 100} c_loss={n}.5\n" for n in range(1, 7))
    series = named(read(text))
    assert series["c_loss"].form == "[file #/#]"
    assert series["c_loss"].steps.tolist() == [100, 200, 300, 400, 500, 600]


def test_counter_that_stands_still_is_no_step() -> None:
    text = "".join(f"[file {n}/10] done batches=40 events={n}\n" for n in range(1, 6))
    facts = read(text)
    series = named(facts)
    assert series["events"].step_key is None
    assert all(math.isnan(step) for step in series["events"].steps)
    assert series["batches"].values.tolist() == [40] * 5
    assert facts.restarts == []


def test_counter_within_epochs_gives_way_to_the_epoch() -> None:
    text = "".join(f"(epoch: {e}, iters: {i}) loss: {e}.{i}\n" for e in range(1, 6) for i in (100, 200, 300))
    facts = read(text)
    loss = named(facts)["loss"]
    assert loss.step_key == "epoch"
    assert loss.steps.tolist() == [e for e in range(1, 6) for _ in range(3)]
    assert facts.restarts == []


def test_counter_within_parts_is_no_step() -> None:
    text = "".join(f"[file {f}/3] batches={b} loss={b}\n" for f in (1, 2, 3) for b in (10, 20, 30))
    facts = read(text)
    assert named(facts)["loss"].step_key is None
    assert facts.restarts == []


def test_finest_rising_counter_is_the_step() -> None:
    text = "".join(f"epoch={n // 10} step={n} loss={n}\n" for n in range(50))
    series = named(read(text))
    assert series["loss"].step_key == "step"
    assert series["epoch"].values.tolist() == [n // 10 for n in range(50)]


def test_restart_where_the_step_falls() -> None:
    text = "".join(f"step={n} loss={n}\n" for n in (10, 20, 30, 10, 20, 30, 40))
    facts = read(text)
    assert [(restart.line, restart.text) for restart in facts.restarts] == [(4, "step falls from 30 to 10")]
    assert len(named(facts)["loss"]) == 7


def test_restart_where_the_banner_comes_again() -> None:
    part = "Using device: cpu\nSeed: 7\n2026-01-14 loading data\nstep={} loss=1\nstep={} loss=2\n"
    facts = read(part.format(1, 2) + part.format(3, 4))
    assert [restart.line for restart in facts.restarts] == [6]
    both = read(part.format(1, 2) + part.format(1, 2))
    assert [restart.line for restart in both.restarts] == [6]


def test_settings_of_a_header() -> None:
    text = (
        "Using device: cpu (cpu)\n"
        "Warning: --allow-tf32 was set but device is not CUDA; ignoring.\n"
        "Gradient penalty: λ=10.0, max_pairs=4096, every=2\n"
        "Config: critic_pooling=amax, tf32=disabled\n"
        "TensorBoard logging enabled: ./logs_tensorboard/20261122-235703\n"
        "Using SGD optimizer: lr=1e-05, momentum=0.5\n"
    ) + "".join(f"step={n} loss={n}\n" for n in range(5))
    facts = read(text)
    assert [(s.name, s.value, s.number) for s in facts.settings] == [
        ("λ", "10.0", 10.0), ("max_pairs", "4096", 4096.0), ("every", "2", 2.0), ("critic_pooling", "amax", None),
        ("tf32", "disabled", None), ("optimizer", "SGD", None), ("lr", "1e-05", 1e-05), ("momentum", "0.5", 0.5),
    ]  # fmt: skip
    penalty = facts.settings[0]
    assert penalty.context == "gradient penalty: λ=10.0, max_pairs=4096, every=2"
    assert (penalty.place.line, penalty.place.column, penalty.origin) == (3, 21, "header")
    assert facts.settings[5].place.column == 7


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Namespace(lr=0.0001, betas=[0.5, 0.9], name='a b', amp=True)", {
            "lr": "0.0001", "betas": "[0.5, 0.9]", "name": "a b", "amp": "True",
        }),
        ("python train.py --lr 1e-4 --optimizer sgd --amp", {"lr": "1e-4", "optimizer": "sgd", "amp": "true"}),
        ("lr: 0.0002", {"lr": "0.0002"}),
        ("mode: train", {"mode": "train"}),
        ("                beta1: 0.5                           \t[default: 0.9]", {"beta1": "0.5"}),
        ("Optimizer is AdamW", {"optimizer": "AdamW"}),
        ("optimizer=adam lr=0.1", {"optimizer": "adam", "lr": "0.1"}),
        ("Critic params: 34,177", {"Critic params": "34,177"}),
        ("  prims = torch.as_tensor(prim_np, dtype=torch.float32)", {}),
        ("Adam and Eve went home", {}),
    ],
)  # fmt: skip
def test_settings(line: str, expected: dict[str, str]) -> None:
    found = read(f"hello\n{line}\n").settings
    assert {setting.name: setting.value for setting in found} == expected


def test_restored_settings() -> None:
    text = "Using SGD optimizer: lr=0.001\nResumed from step=5000 with lr=1e-05\nstep=5001 loss=1\n"
    facts = read(text)
    assert [(s.name, s.value, s.origin) for s in facts.settings] == [
        ("optimizer", "SGD", "header"), ("lr", "0.001", "header"), ("step", "5000", "restored"),
        ("lr", "1e-05", "restored"),
    ]  # fmt: skip
    assert list(named(facts)) == ["loss"]


def test_metric_lines_that_speak_of_loading_are_series() -> None:
    facts = read("".join(f"loaded shard {n} step={n} lr=0.1 loss={n}\n" for n in range(100)))
    assert facts.settings == []
    assert named(facts)["loss"].steps.tolist() == list(range(100))


def test_text_values_that_change_all_the_time_are_no_settings() -> None:
    assert read("".join(f"saved file={chr(97 + n % 26)}{chr(97 + n // 26)} ok\n" for n in range(90))).settings == []


def test_header_of_each_start_is_no_series() -> None:
    part = "Run begins\nUsing SGD optimizer: lr=0.1\nstep=1 loss=1\nstep=2 loss=1\n"
    facts = read(part * 4)
    assert len(facts.restarts) == 3
    assert [setting.place.line for setting in facts.settings if setting.name == "lr"] == [2, 6, 10, 14]


def test_plural_step_key_may_be_a_setting() -> None:
    text = "Config: epochs=100, batch_size=64\n" + "".join(f"epoch={n} loss={n}\n" for n in range(4))
    facts = read(text)
    assert {setting.name: setting.value for setting in facts.settings} == {"epochs": "100", "batch_size": "64"}
    assert list(named(facts)) == ["loss"]


def test_two_lines_of_losses_are_records() -> None:
    series = named(read("d_loss: 5.0, g_loss: -4.0\nd_loss: 7.0, g_loss: -5.0\n"))
    assert series["d_loss"].values.tolist() == [5, 7]


def test_redraws() -> None:
    bar = "\rB: {}batch [00:0{}, 6.5batch/s, c_loss={}]"
    text = "head\n" + "".join(bar.format(n, n, v) for n, v in ((1, 5), (1, 6), (1, 7), (2, 8), (3, 9), (3, 10)))
    text += "\nnext line\n" + bar.format(4, 4, 11)
    facts = read(text)
    loss = named(facts)["c_loss"]
    assert loss.kind == "redraw"
    assert loss.form == "B bar"
    assert loss.steps.tolist() == [1, 2, 3, 4]
    assert loss.values.tolist() == [7, 8, 10, 11]
    assert loss.lines.tolist() == [2, 2, 2, 4]
    assert loss.quotes[0] == "B: 1batch [00:01, 6.5batch/s, c_loss=7]"
    assert facts.lines == 4


def test_windows_line_ends() -> None:
    facts = read(b"a: 1\r\nstep=1 loss=2\r\nstep=2 loss=3\r\n")
    loss = named(facts)["loss"]
    assert loss.lines.tolist() == [2, 3]
    assert loss.quotes == ("step=1 loss=2", "step=2 loss=3")


def test_escape_codes_and_control_characters() -> None:
    line = "\x1b[1m\x1b[38;5;208mstep=1\x1b[0m \x1b]0;title\x07lo\x00ss=\x1b[31m2.5\x1b[0m\x1b[K\x0b\x85\n"
    loss = named(read(line * 2))["loss"]
    assert loss.values.tolist() == [2.5, 2.5]
    assert loss.quotes[0] == "step=1 loss=2.5"
    assert loss.columns.tolist() == [13, 13]


def test_leading_nuls_of_a_truncated_log() -> None:
    loss = named(read(b"\0" * 20000 + b"step=1 loss=2\nstep=2 loss=3\n"))["loss"]
    assert loss.values.tolist() == [2, 3]


def test_bad_utf8_is_one_note() -> None:
    facts = read(b"ok\nbad \xff here \xfe\nstep=1 loss=2\nstep=2 l\xe9oss=3\nstep=3 loss=4\n")
    assert [(str(note.place), note.text) for note in facts.notes] == [
        ("train.log:2:5", "3 places are not UTF-8; read as \N{REPLACEMENT CHARACTER}")
    ]
    assert named(facts)["loss"].values.tolist() == [2, 4]


def test_utf16() -> None:
    text = "step=1 loss=2 λ\nstep=2 loss=3 λ\n"
    assert named(read(text.encode("utf-16")))["loss"].values.tolist() == [2, 3]
    assert named(read(b"\xef\xbb\xbf" + text.encode()))["loss"].lines.tolist() == [1, 2]


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, b"\x80\x02}q" * 900]
)
def test_binary(data: bytes) -> None:
    with pytest.raises(InputError, match="binary"):
        read(data)


def test_empty() -> None:
    facts = read(b"")
    assert (facts.series, facts.settings, facts.notes, facts.lines) == ([], [], [], 0)


def test_long_line_keeps_its_first_part() -> None:
    text = "step=1 loss=2\n" + "x" * (2 << 20) + " loss=9\nstep=2 loss=3\n" + "y" * 1_100_000
    facts = read(text)
    assert named(facts)["loss"].lines.tolist() == [1, 3]
    assert [(note.place.line, note.text) for note in facts.notes] == [
        (2, "line 2 is 2.1 MB long; read to character 1048576"),
        (4, "line 4 is 1.1 MB long; read to character 1048576"),
    ]


def test_quotes_are_cut() -> None:
    long = "step={} " + " ".join(f"k{n}={n}" for n in range(100)) + "\n"
    series = named(read("".join(long.format(n) for n in range(5))))
    near, far = series["k0"], series["k99"]
    assert len(near.quotes[0]) == 400
    assert near.quotes[0][near.columns[0] - 1 :].startswith("0 k1=1")
    assert len(far.quotes[0]) <= 400
    assert "k99=99" in far.quotes[0]
    assert far.columns.tolist() == [0] * 5


def test_units_of_one_series_are_brought_together() -> None:
    text = "step=1 mem=512KiB\nstep=2 mem=1MiB\nstep=3 mem=2MiB\n"
    series = named(read(text))["mem"]
    assert series.unit == "KiB"
    assert series.values.tolist() == [512, 1024, 2048]
    assert series.texts == ("512", "1", "2")


def test_profiler_tables_are_taken_out() -> None:
    table = (
        "[profile step 1]\n"
        "-----------  ------------  ------------  \n"
        "       Name      Self CPU    # of Calls  \n"
        "-----------  ------------  ------------  \n"
        "   aten::mm      91.040ms            60  \n"
        "-----------  ------------  ------------  \n"
        "Self CPU time total: 91.040ms\n\n"
    )
    text = "start\n" + "".join(f"{table}step={n} loss={n}\n" for n in range(3))
    facts = read(text)
    assert [one.heading for one in facts.tables] == ["[profile step 1]"] * 3
    assert [one.place.line for one in facts.tables] == [3, 12, 21]
    assert list(named(facts)) == ["loss"]
    assert facts.restarts == []


def test_attempts_share_series() -> None:
    reader = TextReader()
    reader.read(io.BytesIO(b"lr: 0.1\nstep=1 loss=2\nstep=2 loss=3\n"), "one.log")
    facts = reader.read(io.BytesIO(b"lr: 0.1\nstep=2 loss=5\nstep=3 loss=6\n"), "two.log")
    loss = named(facts)["loss"]
    assert loss.files == ("one.log", "two.log")
    assert loss.steps.tolist() == [1, 2, 2, 3]
    assert loss.file_of.tolist() == [0, 0, 1, 1]
    assert facts.restarts == []
    assert (facts.fed, facts.records) == (1, 2)


def test_interleaved_shapes_keep_file_order() -> None:
    text = "".join(f"step={n} loss={n}" + (" val=1" if n % 3 == 0 else "") + "\n" for n in range(40))
    loss = named(read(text))["loss"]
    assert loss.steps.tolist() == list(range(40))
    assert loss.lines.tolist() == list(range(1, 41))


def test_huge_line_of_fields_is_bounded() -> None:
    facts = read("step=1 " + "a=1 " * 200_000 + "\n")
    assert len(facts.series) < 600
    facts = read("".join(f"step={n} " + " ".join(f"k{n}_{i}=1" for i in range(300)) + "\n" for n in range(20)))
    assert len(facts.series) <= 2000
    assert "were not read" in facts.notes[-1].text
