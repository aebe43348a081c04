"""Families of log lines as training programs print them: keys, values and steps; and prose that must not become numbers."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wganlint.analysis import load_runs
from wganlint.read.loose import all_fields
from wganlint.read.naming import name_series
from wganlint.read.text import TextFacts, TextReader, read_text
from wganlint.read.tokens import bar_of
from wganlint.series import Series


def pairs(line: str) -> list[tuple[str, str]]:
    return [(field.key, line[field.start : field.end]) for field in all_fields(line, bar_of(line))]


def read(text: str) -> TextFacts:
    return read_text(io.BytesIO(text.encode()), "train.log")


def named(facts: TextFacts) -> dict[str, Series]:
    name_series(facts.series)
    return {series.name: series for series in (builder.build() for builder in facts.series)}


LINES = [
    ("[Epoch 3/200] [Batch 120/938] [D loss: -2.314502] [G loss: 0.482311]",
     "Epoch=3 Batch=120 D loss=-2.314502 G loss=0.482311"),
    ("[Epoch 3/200] [Batch 12/938] [D loss: 0.5, acc: 87%] [G loss: 0.4, adv: 0.1, cycle: 2] ETA: 0:01:02.123",
     "Epoch=3 Batch=12 D loss=0.5 acc=87 G loss=0.4 adv=0.1 cycle=2"),
    ("[0] [Epoch 0/50] [Batch 4/19] [D loss: 1.47] [C loss: [0.69, 0.67]]",
     "Epoch=0 Batch=4 D loss=1.47 C loss=0.69 C loss=0.67"),
    ("4999 [D loss: 0.693147, acc.: 50.00%] [G loss: 0.712345]", "step=4999 D loss=0.693147 acc.=50.00 G loss=0.712345"),
    ("[0/25][115/1000][1] Loss_D: -0.523 Loss_G: 0.311 Loss_D_real: -0.210 Loss_D_fake 0.313",
     "epoch=0 batch=115 Loss_D=-0.523 Loss_G=0.311 Loss_D_real=-0.210 Loss_D_fake=0.313"),
    ("[0/25][10/782]\tLoss_D: 0.4321\tD(x): 0.8012\tD(G(z)): 0.1503 / 0.0456",
     "epoch=0 batch=10 Loss_D=0.4321 D(x)=0.8012 D(G(z))=0.1503 D(G(z))=0.0456"),
    ("iter 99\ttmp/mnist/train disc cost\t-3.21\ttmp/mnist/time\t0.08",
     "iter=99 tmp/mnist/train disc cost=-3.21 tmp/mnist/time=0.08"),
    ("(epoch: 1, iters: 100, time: 0.092, data: 0.154) D_A: 0.508 D_real+fake: -2",
     "epoch=1 iters=100 time=0.092 data=0.154 D_A=0.508 D_real+fake=-2"),
    ("tick 1     kimg 4.0      time 13m 25s      sec/tick 291.6   cpumem 5.20   augment 0.007",
     "tick=1 kimg=4.0 sec/tick=291.6 cpumem=5.20 augment=0.007"),
    ("tick 1401  kimg 5738.6   time 1d 06h 06m   sec/tick 71.0    gpumem 8.9",
     "tick=1401 kimg=5738.6 sec/tick=71.0 gpumem=8.9"),
    ("1/3003 (  0.03%) (TE/ET1k: 1:20 / 13:20) itr: 2000, G_loss : -0.123, D_loss_real : +0.812",
     "itr=2000 G_loss=-0.123 D_loss_real=+0.812"),
    ("[INFO] 2020-09-16 14:17:43 > Step:     100 Progress: 0.1% Elapsed: 0:00:35 temperature: no ada_p: No "
     "Discriminator_loss: -2.8998", "Step=100 Progress=0.1 Discriminator_loss=-2.8998"),
    ("FID score (Step: 2000, Using test moments): 61.17", "Step=2000 FID score=61.17"),
    ("Steps : 5, Gen Loss Total : 98.236, Mel-Spec. Error : 1.852, s/b : 1.101",
     "Steps=5 Gen Loss Total=98.236 Mel-Spec. Error=1.852 s/b=1.101"),
    ("19-08-09 08:25:25.996 - INFO: <epoch: 86, iter: 107,200, lr:2.500e-05> l_d_real: 1.4378e-05 D_real: -2.56e+01 ",
     "epoch=86 iter=107,200 lr=2.500e-05 l_d_real=1.4378e-05 D_real=-2.56e+01"),
    ("2021-08-17 10:00:00,123 INFO: [train..][epoch:  0, iter:     100, lr:(1.000e-04,)] [eta: 1 day, 3:02:11, "
     "time (data): 0.421 (0.012)] l_g_pix: 5.1e-02",
     "epoch=0 iter=100 lr=1.000e-04 time (data)=0.421 time (data)=0.012 l_g_pix=5.1e-02"),
    ("     | > G_adv_loss: 0.10000  (0.05000)", "G_adv_loss=0.10000 G_adv_loss=0.05000"),
    ("LWG</results/>:   0% 45/1000000 [01:07<430:59:20,  1.55s/it]G: 1.09 | D: 0.42 | GP: 69.44",
     "G=1.09 D=0.42 GP=69.44"),
    ("d: 0.6931; g: 0.7012; mean path: 0.0000; augment: 0.1:   0%|      | 3/800000 [00:01<10:00:00,  1.2it/s]",
     "d=0.6931 g=0.7012 mean path=0.0000 augment=0.1"),
    ("D_loss: nan, D_loss_grad_norm: nan, D_lr: 0.001882 D_reg: 0.002352,",
     "D_loss=nan D_loss_grad_norm=nan D_lr=0.001882 D_reg=0.002352"),
    ("Training:  17%|█▋  | 3/18 [00:14<01:13,  4.87s/it, c_loss=-0.0217, g_loss=0.0076]",
     "c_loss=-0.0217 g_loss=0.0076"),
    ("[cub_64 epoch 7, it 7990, t 1.099] g_loss = 1.0365, d_loss = 1.1345, reg=0.0230",
     "epoch=7 it=7990 t=1.099 g_loss=1.0365 d_loss=1.1345 reg=0.0230"),
    ("938/938 [==============================] - 12s 13ms/step - d_loss: -2.31 - g_loss: 0.48",
     "d_loss=-2.31 g_loss=0.48"),
    ("938/938 ━━━━━━━━━━━━━━━━━━━━ 12s 13ms/step - d_loss: -2.31", "d_loss=-2.31"),
    ("{'loss': 0.51, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 0.1}",
     "loss=0.51 grad_norm=1.2 learning_rate=5e-05 epoch=0.1"),
    ('{"step": 100, "d_loss": NaN, "g_loss": -Infinity}', "step=100 d_loss=NaN g_loss=-Infinity"),
    ("2020-01-01 10:00:00,123 - x - INFO - Iter [100/800002]\tlr_generator: 1.0e-03, eta: 1 day, 3:02:11, loss_g: 0.69",
     "Iter=100 lr_generator=1.0e-03 loss_g=0.69"),
    ("epoch: 3 loss: tensor(0.5000, device='cuda:0', grad_fn=<MeanBackward0>) g_loss: tensor(nan)",
     "epoch=3 loss=0.5000 g_loss=nan"),
    ("epoch 3 loss tensor(0.5, grad_fn=<MeanBackward0>)", "epoch=3 loss=0.5"),
    ("learning rate 0.0002000 -> 0.0001990", "learning rate=0.0002000"),
    ("epoch: 3 loss: np.float64(0.5) g: array([0.25], dtype=float32)", "epoch=3 loss=0.5 g=0.25"),
    ("│ d_loss │ 0.5 │", "d_loss=0.5"),
    ("| rollout/ep_rew_mean | 1.25e+02 |", "rollout/ep_rew_mean=1.25e+02"),
    ("2024-01-01 10:00:00.123 | INFO     | mod.train:main:42 - epoch 3 step 100 d_loss 0.5 g_loss 0.3",
     "epoch=3 step=100 d_loss=0.5 g_loss=0.3"),
    ("I0814 10:00:00.123456 140 train.py:120] step 5 loss 0.5", "step=5 loss=0.5"),
    ("[rank3]: step 100 loss_d 0.5 loss_g 1.2", "step=100 loss_d=0.5 loss_g=1.2"),
    ("[1,3]<stdout>:step 100 loss=0.5", "step=100 loss=0.5"),
    ("Loss D 0.3 Loss G 0.5", "Loss D=0.3 Loss G=0.5"),
    ("epoch 1 | d 0.1 | g 0.2", "epoch=1 d=0.1 g=0.2"),
    ("epoch 1 gp 10 d 0.1 s 3", "epoch=1 gp=10 d=0.1 s=3"),
    ("Epoch: [ 0] [3164/3165] time: 1273.0494, dis_loss: 0.32416642", "Epoch=0 batch=3164 time=1273.0494 dis_loss=0.32416642"),
    ("... Iteration 10 ... Epoch 0.00 ... Loss 0.645 ... Accuracy 0.676", "Iteration=10 Epoch=0.00 Loss=0.645 Accuracy=0.676"),
    ("[4 :    100] loss G : 614.970 loss D : 750532.237", "stage=4 step=100 loss G=614.970 loss D=750532.237"),
    ("Epoch 1/50 | D_loss=4.3829 | Time=11.22s", "Epoch=1 D_loss=4.3829 Time=11.22"),
    ("epoch 5 batch 10/100 loss 0.5 (0.61) acc 87% 12ms", "epoch=5 batch=10 loss=0.5 loss=0.61 acc=87"),
    ("Train Epoch: 3 [1280/60000 (2%)]\tLoss: 0.523", "Train Epoch=3 batch=1280 Loss=0.523"),
    ("Epoch 3 Step 100: D_loss -> 0.5, G_loss -> 0.7", "Epoch=3 Step=100 D_loss=0.5 G_loss=0.7"),
    ("step #100: loss 1.5e-3 / 2e-3", "step=100 loss=1.5e-3 loss=2e-3"),
    ("20/06/2017 02:23:29 PM Epoch: 3 gen_loss: 1.5", "Epoch=3 gen_loss=1.5"),
    ("INFO:root:step 3: loss_d=0.5", "step=3 loss_d=0.5"),
    ("INFO:train.gan:Epoch 3 loss_d 0.5 loss_g 1.2", "Epoch=3 loss_d=0.5 loss_g=1.2"),
    ("INFO:tensorflow:loss = -0.49, step = 400 (2.4 sec)", "loss=-0.49 step=400"),
    ("[1,  2000] loss: 2.230", "epoch=1 batch=2000 loss=2.230"),
    ("(3, 200) d_loss=0.3, g_loss=1.0", "epoch=3 batch=200 d_loss=0.3 g_loss=1.0"),
    ("[  1/3,  200/938] L_D = -0.4", "epoch=1 batch=200 L_D=-0.4"),
    ("[E 1/20][I 200/938] D:-0.5 G:1.5", "epoch=1 batch=200 D=-0.5 G=1.5"),
    ("Epoch 3/20 200/938: loss_d: 0.5", "Epoch=3 batch=200 loss_d=0.5"),
    ("epoch: 3/20, 200/938, loss_d=0.5", "epoch=3 batch=200 loss_d=0.5"),
    ("Epoch [3/20] 200/938 | d_loss 1.0 g_loss 2.0", "Epoch=3 batch=200 d_loss=1.0 g_loss=2.0"),
    ("epoch 3/20 7/24 14:33 loss_d: 0.5", "epoch=3 loss_d=0.5"),
    ("epoch 3 12/31/2020 loss_d=0.5", "epoch=3 loss_d=0.5"),
    ("3/20 200/938 d_loss=0.3", "epoch=3 batch=200 d_loss=0.3"),
    ("epoch[3] iter[200/938] loss_D[-0.63] loss_G[ 1.35]", "epoch=3 iter=200 loss_D=-0.63 loss_G=1.35"),
    ("After 400 steps the critic loss is -0.40 and the generator loss is 1.05.", "critic loss=-0.40 generator loss=1.05"),
    ("Epoch 3: D loss is 0.53", "Epoch=3 D loss=0.53"),
    ("Iteration 29/600: Wasserstein Distance: 1.39, D_loss: -1.42", "Iteration=29 Wasserstein Distance=1.39 D_loss=-1.42"),
    ("Step 1,000: WM Loss = 1.57, Critic Loss = 1.58", "Step=1,000 WM Loss=1.57 Critic Loss=1.58"),
    ("[0 3] [2 20]\t Loss_D : 1.53\t D(G(z)) : 0.40 / 0.39", "epoch=0 batch=2 Loss_D=1.53 D(G(z))=0.40 D(G(z))=0.39"),
    ("[ 0][  2] Loss of D = 1.39, Loss of G = 0.83", "epoch=0 batch=2 Loss of D=1.39 Loss of G=0.83"),
    ("[0/3/1][2/20] Loss_D: 1.38  Loss_G: 0.85", "epoch=0 batch=2 Loss_D=1.38 Loss_G=0.85"),
    ("0| 2|lossD:1.54|lossG:0.95", "epoch=0 batch=2 lossD=1.54 lossG=0.95"),
    ("epoch 003-00090: loss_d 1.35 loss_g 0.88", "epoch=003 batch=00090 loss_d=1.35 loss_g=0.88"),
    ("[0h 3m 2s-1,     3] D loss: 1.328 ; G loss: 0.925", "epoch=1 batch=3 D loss=1.328 G loss=0.925"),
    ("| epoch   0 |     2/   20 batches | lr 0.00020 | ms/batch 32.10 | loss_d  1.38 | loss_g     0.80",
     "epoch=0 batch=2 lr=0.00020 ms/batch=32.10 loss_d=1.38 loss_g=0.80"),
    ("it      2  D 1.374e+00  G 8.022e-01  lr 1.0e-04", "it=2 D=1.374e+00 G=8.022e-01 lr=1.0e-04"),
    ("epoch 0 iter 2 D loss | 1.51 ; G loss | 0.90", "epoch=0 iter=2 D loss=1.51 G loss=0.90"),
    ("('Epoch', 0, 'Batch', 2, 'D loss:', 1.376, 'G loss', 0.982)", "Epoch=0 Batch=2 D loss=1.376 G loss=0.982"),
    ("errD is 1.4698013639820808", "errD=1.4698013639820808"),
    ("step[3/20] \t DLoss: 1.30 \t Gloss\uff1a1.17", "step=3 DLoss=1.30 Gloss=1.17"),
    ("Epoch [0/3], Step [2/20], D Loss: 1.3 + 1.5, G Loss: 0.9",
     "Epoch=0 Step=2 D Loss summand=1.3 D Loss summand=1.5 G Loss=0.9"),
    ("Epoch-0, Iter-200; Duration: 1.20s, D_loss: 1.532", "Epoch=0 Iter=200 Duration=1.20 D_loss=1.532"),
    ("Iter-2000; D_loss: 1.431; G_loss: 0.9944", "Iter=2000 D_loss=1.431 G_loss=0.9944"),
    ("Epoch-[2], loss_g: 1.15, real_score: 0.60", "Epoch=2 loss_g=1.15 real_score=0.60"),
    ("Epoch[0] Iteration[2/20] Time cost: 1.2, loss_d: 1.594", "Epoch=0 Iteration=2 Time cost=1.2 loss_d=1.594"),
    ("Epoch 0 [2/20] D/G loss: 1.3650/0.8401", "Epoch=0 batch=2 D/G loss=1.3650 D/G loss=0.8401"),
    ("epo: 2, lossD: -1.34, lossG: -1.09", "epo=2 lossD=-1.34 lossG=-1.09"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), LINES, ids=lambda text: text[:40])
def test_a_line_of_each_family(line: str, expected: str) -> None:
    assert " ".join(f"{key}={value}" for key, value in pairs(line)) == expected


@pytest.mark.parametrize(("line", "expected"), LINES, ids=lambda text: text[:40])
def test_a_learned_line_is_read_like_the_first(line: str, expected: str) -> None:
    data = "\n".join([line] * 8).encode()
    facts = [TextReader(learn=learn).read(io.BytesIO(data), "x") for learn in (True, False)]
    rows = [
        [(b.name, b.form, s.values.tobytes(), s.steps.tobytes(), s.lines.tolist(), s.columns.tolist(), s.quotes)
         for b in one.series for s in [b.build()]]
        for one in facts
    ]  # fmt: skip
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    "line",
    [
        "Error 404", "Python 3.11", "CUDA 12.1", "torch 2.1.0", "Found 3 images belonging to 10 classes",
        'File "train.py", line 42, in step', "  loss.backward() line 3", '  warnings.warn("step 3 loss 4")',
        "Collecting torch 2.1.0", "Downloading loss-1.2.tar.gz (10 kB)", "Successfully installed torch-2.1 losses-3.0.6",
        "Epoch 3/50", "Epoch 0 Starting @ 2020-07-31 15:12:44", "Training step 500 took 3.2 seconds",
        "Warning: step 5 skipped 3 batches", "saved checkpoint at step 5000", "iteration 3 of 5",
        "NllLossBackward0 0.11% 20.6us 1.12% 202.5us 67.5us 3", "The loss was 5 times higher than at step 3",
        "the loss is 3 lines below", "the learning rate is set in config[3] of args[4]", "losses[0] and losses[1]: see step[2]",
        "Requirement already satisfied: numpy in /usr/lib/python3 (1.26.4)", "exit code 137", "Killed 12345",
        "synthesis.b4.conv1    2622465     32       [32, 512, 4, 4]      float32",
        "| NVIDIA-SMI 535.104 Driver 535.104 CUDA 12.2 |", "Traceback (most recent call last):",
        "('step', 3)", "('cuda', 0, 'loss', 'mse')", "epochs 1-10: see the loss of page 3", "[3/25][115/1000]",
        "3 | 4 | 5 |", "it 5 is", "loss | step", "2 / 5 batches failed", "errors is 5 of them",
        "process 5 terminated with signal 9 after step", "please see page 3 of the step guide",
    ],
)  # fmt: skip
def test_prose_is_no_record(line: str) -> None:
    assert pairs(line) == []
    assert read(f"{line}\n" * 30).series == []


def test_a_record_over_several_lines_takes_the_step_above_it() -> None:
    text = "".join(
        f"   --> STEP: {n}/352 -- GLOBAL_STEP: {1000 + n}\n     | > G_loss: {n}.5  (0.1)\n     | > D_loss: {n}.25  (0.2)\n"
        for n in range(5)
    )
    series = named(read(text))
    for name in ("G_loss", "D_loss", "G_loss#2"):
        assert series[name].step_key == "GLOBAL_STEP"
        assert series[name].steps.tolist() == [1000, 1001, 1002, 1003, 1004]
    assert series["D_loss"].lines.tolist() == [3, 6, 9, 12, 15]


def test_counters_on_a_line_of_their_own_hold_for_the_lines_below() -> None:
    text = "".join(
        f"[{e}/3][{b}/20]\nLossD: {e}.{b} lossD_gp: 0.1\nlossR: 0.5 \n" for e in range(3) for b in range(0, 20, 5)
    )
    loss = named(read(text))["LossD"]
    assert (loss.step_key, loss.steps.tolist()) == ("epoch", [0] * 4 + [1] * 4 + [2] * 4)


def test_summands_of_a_loss_are_not_the_loss(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text("".join(f"Epoch {n}: D loss: 0.{n} + 0.6, G loss: 1.{n}\n" for n in range(1, 9)))
    (run,) = load_runs([log])
    assert "critic_loss" not in run.roles
    generator = run.role("generator_loss")
    assert generator is not None
    assert generator.name == "G loss"


def test_a_batch_that_starts_anew_under_epoch_lines_gives_way_to_the_epoch() -> None:
    text = "".join(
        f"Epoch {e}/3\n" + "".join(f"[{b}/50] loss_d: {e}.{b}\n" for b in range(0, 50, 10)) for e in (1, 2, 3)
    )
    facts = read(text)
    loss = named(facts)["loss_d"]
    assert (loss.step_key, loss.steps.tolist()) == ("Epoch", [1] * 5 + [2] * 5 + [3] * 5)
    assert facts.restarts == []


def test_settings_above_the_records_announce_no_step() -> None:
    loss = named(read("epochs: 50\nbatch: 64\n" * 2 + "d_loss: 1 g_loss: 2\n" * 4))["d_loss"]
    assert loss.step_key is None


def test_ranks_are_kept_apart() -> None:
    text = "".join(f"[rank{r}]: step={n} loss={n + r}\n" for n in range(40) for r in (0, 1))
    series = named(read(text))
    assert sorted(len(one) for one in series.values()) in ([40, 40], [80])
    assert all(len({q[:7] for q in one.quotes}) == 1 for one in series.values())


numbers = st.one_of(
    st.floats(-1e4, 1e4).map(lambda value: f"{value:.4f}"),
    st.floats(-1, 1).map(lambda value: f"{value:.3e}"),
    st.sampled_from(["nan", "-inf", "0.0000", "1e-05", "+0.812"]),
)
names = st.lists(
    st.sampled_from(["d_loss", "g_loss", "Loss_D", "gp", "d", "w_gap", "sec/kimg", "mem"]),
    min_size=2,
    max_size=5,
    unique=True,
)
styles = st.sampled_from([
    ("epoch {n} | ", " | ", " "), ("tick {n}   ", "   ", " "), ("[Epoch {n}/900] ", "] [", ": "), ("iter {n}\t", "\t", "\t"),
    ("step {n}: ", ", ", " = "), ("[{n}/900] ", " ", ": "), ("Iter [{n}/900]\t", ", ", ": "), ("Epoch {n}/900 - ", " - ", ": "),
    ("2024-01-01 10:00:00 INFO step {n} ", " ", " "), ("[rank0] it {n} ", ", ", " -> "), ("{n} [", "] [", ": "),
])  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(styles, names, st.data())
def test_a_record_in_any_style_reads_back_the_same(
    style: tuple[str, str, str], keys: list[str], data: st.DataObject
) -> None:
    head, gap, joint = style
    rows = [[data.draw(numbers) for _ in keys] for _ in range(6)]
    text = "".join(
        head.format(n=n) + gap.join(f"{key}{joint}{value}" for key, value in zip(keys, row, strict=True)) + "\n"
        for n, row in enumerate(rows, 1)
    )
    series = named(read(text))
    for at, key in enumerate(keys):
        one = series[key]
        assert list(one.texts) == [row[at] for row in rows]
        assert [struct.pack("d", value) for value in one.values] == [struct.pack("d", float(row[at])) for row in rows]
        assert one.steps.tolist() == [1, 2, 3, 4, 5, 6]
        assert one.lines.tolist() == [1, 2, 3, 4, 5, 6]


WORDS = ["epoch", "step 3", "loss", "0.5", "12%", "nan", "3/200", "[2/5]", "d_loss 0.1", "│", "|", "tensor(0.5)", "(0.2)",
         " / ", "->", "4 : 5", "1d 02h", "rank3", "saved", "x:", "y=", "[", "]", ",", "\t", "  "]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join), st.integers(1, 6))
def test_any_mixture_is_read_alike_with_and_without_patterns(line: str, times: int) -> None:
    data = f"{line}\n".encode() * times + b"epoch 9 loss 0.25\n" * 4
    rows = [
        [(b.name, b.form, s.values.tobytes(), s.lines.tolist()) for b in one.series for s in [b.build()]]
        for one in (TextReader(learn=learn).read(io.BytesIO(data), "x") for learn in (True, False))
    ]
    assert rows[0] == rows[1]
