"""Small seeded logs, one or more for each known family of format, each with the truth of what it holds.

A writer prints a line and notes, as it prints, which number of that line belongs to which series: the truth is never read
back from the text. No reader of the package is used here. The logs are our own: they follow a format, not a file.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

RECORDS = 40


@dataclass(frozen=True, slots=True)
class Record:
    """One printed number: its physical line (as `\\n` counts them), its text, and each step that may be said of it.

    Where a line counts twice ("epoch 3, batch 10 of 200") several axes are sound; each is one position of `steps`, and
    a reader has to use one of them throughout. Empty: the line has no step.
    """

    line: int
    text: str
    steps: tuple[float, ...] = ()


@dataclass(slots=True)
class Truth:
    """What one series holds. `optional`: a counter, a time or a constant that a reader may leave out, not misread."""

    records: list[Record] = field(default_factory=list)
    optional: bool = False
    nameless: bool = False  # a column without a name: it is known by its numbers, whatever it is called


@dataclass(slots=True)
class Log:
    """A written log. `allowed`: keys that may appear beside the truth and are not checked. `rows`: names and calls of a
    profiler table. `needs_columns`: may be left unread if the report says that the columns have no names.
    """

    name: str
    row: int
    file: str
    data: bytes
    truth: dict[str, Truth]
    allowed: frozenset[str] = frozenset()
    rows: tuple[tuple[str, int], ...] = ()
    needs_columns: bool = False


class Writer:
    """Prints lines and notes the truth of each."""

    def __init__(self, seed: int, *, eol: str = "\n", prefix: Callable[[Writer], str] | None = None) -> None:
        self.rng = random.Random(seed)
        self.truth: dict[str, Truth] = {}
        self.tell_prefix = prefix
        self._eol = eol
        self._out: list[str] = []
        self.line = 1
        self._pending: list[tuple[str, str, bool, bool]] = []
        self._drawn: dict[str, Record] = {}

    def v(self, key: str, text: str, *, optional: bool = False, nameless: bool = False) -> str:
        """Return `text`, noted as a number of the series `key` on the line that is printed next."""
        self._pending.append((key, text.strip(), optional, nameless))
        return text

    def say(self, text: str = "", *steps: float, prefix: bool = True) -> None:
        """Print one line; `steps` are the axes that its numbers may be told by."""
        self._flush_drawn()
        self._out.append((self.tell_prefix(self) if prefix and self.tell_prefix else "") + text + self._eol)
        for key, record, optional, nameless in self._noted(steps):
            self._add(key, record, optional, nameless)
        self.line += text.count("\n") + 1

    def cut(self, text: str) -> None:
        """Print the beginning of a line that a killed process left behind."""
        self._out.append(text)

    def draw(self, text: str, *steps: float, before: str = "\r") -> None:
        """Draw a progress bar over the one before; of draws with the same first step the last one stays."""
        self._out.append(before + text)
        for key, record, optional, nameless in self._noted(steps):
            old = self._drawn.get(key)
            if old is not None and old.steps[:1] != record.steps[:1]:
                self._add(key, old, optional, nameless)
            self._drawn[key] = record
            self.truth.setdefault(key, Truth(optional=optional))

    def end_draw(self) -> None:
        """End the line of a progress bar."""
        self._flush_drawn()
        self._out.append(self._eol)
        self.line += 1

    def log(self, name: str, row: int, file: str = "train.log", **more: object) -> Log:
        """Return what was written."""
        self._flush_drawn()
        data = "".join(self._out).encode()
        return Log(name, row, file, data, self.truth, **more)  # type: ignore[arg-type]

    def number(self, low: float, high: float, style: str = ".4f") -> str:
        """Return a random number as printed in `style`."""
        return format(self.rng.uniform(low, high), style)

    def _noted(self, steps: tuple[float, ...]) -> list[tuple[str, Record, bool, bool]]:
        noted = [
            (key, Record(self.line, text, tuple(map(float, steps))), optional, nameless)
            for key, text, optional, nameless in self._pending
        ]
        self._pending.clear()
        return noted

    def _flush_drawn(self) -> None:
        for key, record in self._drawn.items():
            self._add(key, record, self.truth[key].optional, False)
        self._drawn.clear()

    def _add(self, key: str, record: Record, optional: bool, nameless: bool) -> None:
        self.truth.setdefault(key, Truth(optional=optional, nameless=nameless)).records.append(record)


# -- prefixes that loggers put before a line ---------------------------------------------------------------------------


def _clock(w: Writer) -> str:
    """Return a time of day that goes on with the lines."""
    seconds = 7 * 3600 + 53 * w.line
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def python_logging(w: Writer) -> str:
    return f"2024-03-05 {_clock(w)},{w.rng.randrange(1000):03} - trainer - INFO - "


def loguru(w: Writer) -> str:
    return f"2024-03-05 {_clock(w)}.{w.rng.randrange(1000):03} | INFO     | gan.train:fit:118 - "


def colored_loguru(w: Writer) -> str:
    return (
        f"\x1b[32m2024-03-05 {_clock(w)}.{w.rng.randrange(1000):03}\x1b[0m | \x1b[1mINFO    \x1b[0m | "
        f"\x1b[36mgan.train\x1b[0m:\x1b[36mfit\x1b[0m:\x1b[36m118\x1b[0m - "
    )


def absl(w: Writer) -> str:
    return f"I0305 {_clock(w)}.{w.rng.randrange(10**6):06} 139872 train_gan.py:214] "


def ranked(w: Writer) -> str:
    return f"[rank0]: [{_clock(w)}] "


def lightning_rank(w: Writer) -> str:
    return "0: "


def _split_epochs(per: int) -> list[tuple[int, int]]:
    return [(at // per, at % per) for at in range(RECORDS)]


# -- the rows of the list ----------------------------------------------------------------------------------------------


def global_pairs() -> Log:
    """Key=value pairs with glued units, a banner, a resume that goes back, nan at the end."""
    w = Writer(1)

    def banner() -> None:
        w.say("=== critic training on 4 GPUs, torch 2.4.1+cu121 ===")
        w.say("Gradient penalty: λ=10.0, max_pairs=2048, every=3")
        w.say("Using SGD optimizer: lr=1e-05, momentum=0.5")

    def record(step: int, bad: bool = False) -> None:
        c = "nan" if bad else w.number(-1000, 10)
        w.say(
            f"[global] batches={step} events={w.v('events', str(step * 105_000), optional=True)} "
            f"c_loss={w.v('c_loss', c)} g_loss={w.v('g_loss', w.number(-5, 1000))} aux_loss={w.v('aux_loss', w.number(0, 1))} "
            f"w_gap={w.v('w_gap', w.number(0, 1000))} cs={w.v('cs', '2', optional=True)} gp={w.v('gp', '10.0000', optional=True)} "
            f"cuda:0 alloc={w.v('alloc', w.number(2000, 3000, '.0f'))}MiB "
            f"usage={w.v('usage', w.number(1, 99, '.1f'))}%",
            step,
        )

    banner()
    for at in range(25):
        record(20 * (at + 1))
    w.say("[memory] optimizer state cleared and rebuilt at step 500")
    banner()
    for at in range(15):
        record(20 * (at + 18), bad=at > 12)
    return w.log("global-pairs", 1)


def file_pairs() -> Log:
    """Pairs after words, times that are called step, rates with a unit of two words."""
    w = Writer(2)
    for at in range(RECORDS):
        w.say(
            f"[file {at + 1}/76] batches={100 * (at + 1)} skipped_empty={w.v('skipped_empty', str(w.rng.randrange(5)), optional=True)} "
            f"rate: {w.v('rate', w.number(2, 3, '.2f'), optional=True)} batch/s "
            f"avg: load={w.v('load', w.number(8, 20, '.1f'), optional=True)}ms "
            f"forward={w.v('forward', w.number(200, 400, '.1f'), optional=True)}ms "
            f"c_loss={w.v('c_loss', w.number(-20, 0))} g_loss={w.v('g_loss', w.number(0, 20))}",
            100 * (at + 1),
            at + 1,
        )
    return w.log("file-pairs", 2, allowed=frozenset({"avg load"}))


def batch_colon() -> Log:
    """`batch=100:  c_loss=...   g_loss=...`: a colon after a pair, wide blanks."""
    w = Writer(102, prefix=ranked)
    for at in range(RECORDS):
        w.say(
            f"batch={100 * at}:  c_loss={w.v('c_loss', w.number(-20, 0))}   g_loss={w.v('g_loss', w.number(0, 20))}",
            100 * at,
        )
    return w.log("batch-colon", 2)


def conditional_lines() -> Log:
    """A line that appears only sometimes, and lines of prose with numbers between."""
    w = Writer(3)
    w.say("Using SGD optimizer: lr=1e-05, momentum=0.5")
    for at in range(RECORDS):
        step = 20 * (at + 1)
        w.say(
            f"[global] batches={step} c_loss={w.v('c_loss', w.number(-3, 3))} g_loss={w.v('g_loss', w.number(-3, 3))}",
            step,
        )
        if w.rng.random() < 0.4:
            gap = w.number(-0.5, -0.01)
            w.say(
                f"[Debug] batches={step} Substep losses: w_gap={w.v('w_gap', gap)}, total_fakes=0, vram_used=1.2 GB",
                step,
            )
        if w.rng.random() < 0.2:
            w.say(f"[preflight] splitting batch {step + 1}: total_rows=690000 cap=420000 (source=disk)")
    return w.log("conditional-lines", 3, allowed=frozenset({"total_fakes", "vram_used", "total_rows", "cap"}))


def bracket_fields() -> Log:
    """[Epoch 3/200] [Batch 120/938] [D loss: ..., acc: 87%] [G loss: ..., adv: ...] ETA."""
    w = Writer(4)
    w.say("Namespace(n_epochs=200, batch_size=64, lr=0.0002, b1=0.5, latent_dim=100)")
    for epoch, batch in _split_epochs(10):
        w.say(
            f"\r[Epoch {epoch}/200] [Batch {batch * 90}/938] [D loss: {w.v('D loss', w.number(-3, 0, '.6f'))}, "
            f"acc: {w.v('acc', str(w.rng.randrange(101)))}%] [G loss: {w.v('G loss', w.number(0, 3, '.6f'))}, "
            f"adv: {w.v('adv', w.number(0, 1, '.6f'))}, cycle: {w.v('cycle', w.number(0, 1, '.6f'))}] "
            f"ETA: {w.rng.randrange(9)}:{w.rng.randrange(60):02}:{w.rng.randrange(60):02}.{w.rng.randrange(10**6):06}",
            *_axes(epoch, batch * 90, 938),
        )
    return w.log("bracket-fields", 4)


def bracket_tail() -> Log:
    """The brackets and a tail of other keys (`-- M: x, k: x`), CRLF, an absl prefix."""
    w = Writer(104, eol="\r\n", prefix=absl)
    for epoch, batch in _split_epochs(8):
        w.say(
            f"[Epoch {epoch}/60] [Batch {batch}/8] [D loss: {w.v('D loss', w.number(0, 3, '.6f'))}] "
            f"[G loss: {w.v('G loss', w.number(0, 3, '.6f'))}] -- M: {w.v('M', w.number(0, 1, '.6f'))}, k: {w.v('k', w.number(0, 1, '.6f'))}",
            *_axes(epoch, batch, 8),
        )
    return w.log("bracket-tail", 4)


def leading_step() -> Log:
    """`4999 [D loss: 0.69, acc.: 50.00%] [G loss: 0.71]`: the step has no name."""
    w = Writer(5)
    w.say("Using TensorFlow backend.")
    w.say("2019-05-02 11:04:11.123456: I tensorflow/core/platform/cpu_feature_guard.cc:141] Your CPU supports AVX2 FMA")
    for at in range(RECORDS):
        w.say(
            f"{at * 50} [D loss: {w.v('D loss', w.number(0, 1, '.6f'))}, acc.: {w.v('acc.', w.number(0, 100, '.2f'))}%] "
            f"[G loss: {w.v('G loss', 'nan' if at > 36 else w.number(0, 5, '.6f'))}]",
            at * 50,
        )
    return w.log("leading-step", 5)


def three_brackets() -> Log:
    """[0/25][115/1000][1] Loss_D: ... and one key without a colon."""
    w = Writer(6)
    w.say("Random Seed:  4711")
    for steps, (epoch, batch) in enumerate(_split_epochs(10), start=1):
        w.say(
            f"[{epoch}/25][{batch * 5}/50][{steps}] Loss_D: {w.v('Loss_D', w.number(-2, 0, '.6f'))} "
            f"Loss_G: {w.v('Loss_G', w.number(-1, 1, '.6f'))} Loss_D_real: {w.v('Loss_D_real', w.number(-1, 1, '.6f'))} "
            f"Loss_D_fake {w.v('Loss_D_fake', w.number(-1, 1, '.6f'))}",
            *_axes(epoch, batch * 5, 50),
            steps,
        )
    return w.log("three-brackets", 6)


def before_and_after() -> Log:
    """The DCGAN line: tabs, parentheses in keys, two values under one key."""
    w = Writer(7)
    w.say("Starting Training Loop...")
    for epoch, batch in _split_epochs(10):
        w.say(
            f"[{epoch}/5][{batch * 50}/782]\tLoss_D: {w.v('Loss_D', w.number(0, 3))}\tLoss_G: {w.v('Loss_G', w.number(0, 9))}"
            f"\tD(x): {w.v('D(x)', w.number(0, 1))}\tD(G(z)): {w.v('D(G(z))', w.number(0, 1))} / {w.v('D(G(z))#2', w.number(0, 1))}",
            *_axes(epoch, batch * 50, 782),
        )
    return w.log("before-and-after", 7)


def tab_pairs() -> Log:
    """`iter 99<tab>name<tab>value<tab>name<tab>value`, names with blanks and slashes, in changing order."""
    w = Writer(8)
    for at in range(RECORDS):
        fields = [
            ("out/digits/critic cost", w.number(-9, 0, ".15f"), False),
            ("out/digits/earth mover distance", w.number(0, 9, ".15f"), False),
            ("out/digits/time", w.number(0, 1, ".15f"), True),
        ]
        if at % 10 == 9:
            fields.append(("out/digits/dev critic cost", w.number(-9, 0, ".15f"), False))
        w.rng.shuffle(fields)
        cells = "\t".join(f"{name}\t{w.v(name, text, optional=optional)}" for name, text, optional in fields)
        w.say(f"iter {at * 100 + 99}\t{cells}", at * 100 + 99)
    return w.log("tab-pairs", 8)


def loss_log() -> Log:
    """(epoch: 1, iters: 100, time: ..., data: ...) and pairs; a header for each start, one of them a resume."""
    w = Writer(9)
    w.say("================ Training Loss (Tue Mar  5 09:12:44 2024) ================")
    for at, (epoch, batch) in enumerate(_split_epochs(8)):
        if at == 20:
            w.say("================ Training Loss (Wed Mar  6 01:00:09 2024) ================")
        w.say(
            f"(epoch: {epoch + 1}, iters: {batch * 100 + 100}, time: {w.v('time', w.number(0, 1, '.3f'), optional=True)}, "
            f"data: {w.v('data', w.number(0, 1, '.3f'), optional=True)}) "
            f"G_GAN: {w.v('G_GAN', w.number(0, 2, '.3f'))} G_L1: {w.v('G_L1', w.number(0, 99, '.3f'))} "
            f"D_real+fake: {w.v('D_real+fake', w.number(-9, 0, '.3f'))} D_Y: {w.v('D_Y', w.number(0, 1, '.3f'))} ",
            *_axes(epoch + 1, batch * 100 + 100, 800),
        )
    return w.log("loss-log", 9, "loss_log.txt")


def ticks() -> Log:
    """Columns of name and value without a sign between; times such as `13m 25s` are no numbers."""
    w = Writer(10)
    w.say(
        "Loading training set...\nNum images:  5000\nImage shape: [3, 64, 64]\nLabel shape: [0]\n\nConstructing networks..."
    )
    w.say("Generator    Parameters  Buffers  Output shape        Datatype")
    w.say("---          ---         ---      ---                 ---     ")
    w.say("mapping.fc0  262656      -        [32, 512]           float32 ")
    w.say("synthesis.b4 2622465     32       [32, 512, 4, 4]     float16 ")
    w.say()
    w.say("Training for 25000 kimg...")
    for at in range(RECORDS):
        w.say(
            f"tick {at:<5d} kimg {at * 4.0:<8.1f} time {at // 60 + 1}m {at % 60:02d}s       "
            f"sec/tick {w.v('sec/tick', w.number(100, 300, '<7.1f').rstrip(), optional=True)}   "
            f"sec/kimg {w.v('sec/kimg', w.number(10, 99, '.2f'), optional=True)}   "
            f"maintenance {w.v('maintenance', w.number(0, 400, '.1f'), optional=True)}  "
            f"cpumem {w.v('cpumem', w.number(5, 6, '.2f'))}   gpumem {w.v('gpumem', w.number(4, 5, '.2f'))}   "
            f"reserved {w.v('reserved', w.number(6, 7, '.2f'))}   augment {w.v('augment', w.number(0, 1, '.3f'))}",
            at * 4.0,
            at,
        )
        if at % 10 == 0:
            w.say("Evaluating metrics...")
    return w.log("ticks", 10, "log.txt", allowed=frozenset({"kimg", "tick"}))


def nested_stats() -> Log:
    """stats.jsonl: each metric is an object of num, mean, std; NaN literals; the last line is cut."""
    w = Writer(11)
    names = ["Loss/scores/fake", "Loss/scores/real", "Loss/G/loss", "Loss/D/loss", "Loss/r1_penalty"]
    for at in range(RECORDS):
        cells = []
        for name in names:
            mean = "NaN" if at == 30 and name == "Loss/r1_penalty" else repr(w.rng.uniform(-9, 9))
            cells.append(
                f'"{name}": {{"num": {w.v(name + "/num", str(w.rng.randrange(1, 9000)), optional=True)}, '
                f'"mean": {w.v(name + "/mean", mean)}, "std": {w.v(name + "/std", repr(w.rng.random()))}}}'
            )
        tick, kimg = at, 4.0 * at
        w.say(
            "{" + ", ".join(cells) + f', "Progress/tick": {{"num": 1, "mean": {float(tick)}, "std": 0.0}}, '
            f'"Progress/kimg": {{"num": 1, "mean": {kimg}, "std": 0.0}}, "timestamp": {1714469542.25 + 150 * at}}}',
            kimg,
            tick,
        )
    w.cut('{"Loss/scores/fake": {"num": 8000, "mean": -1.25, "std"')
    allowed = {f"Progress/{name}{tail}" for name in ("tick", "kimg") for tail in ("", "/num", "/mean", "/std")}
    return w.log("nested-stats", 11, "stats.jsonl", allowed=frozenset(allowed))


def metric_lines() -> Log:
    """metric-*.jsonl: the value lies one object deeper, the step is in the name of a snapshot."""
    w = Writer(111)
    for at in range(RECORDS):
        w.say(
            f'{{"results": {{"kid50k": {w.v("results/kid50k", repr(w.rng.random()))}}}, "metric": "kid50k", '
            f'"total_time": {w.v("total_time", repr(w.rng.uniform(400, 600)), optional=True)}, "total_time_str": "9m 02s", '
            f'"num_gpus": {w.v("num_gpus", "1", optional=True)}, "snapshot_pkl": "network-snapshot-{at * 40:06d}.pkl", '
            f'"timestamp": {1714470115.75 + at}}}'
        )
    return w.log("metric-lines", 11, "metric-kid50k.jsonl")


def signed_bar() -> Log:
    """`itr: 2000, G_loss : -0.123, D_loss_real : +0.812` after a bar that is drawn over and over."""
    w = Writer(12)
    w.say("Beginning training at epoch 0...")
    for at in range(RECORDS):
        itr = at + 1
        w.draw(
            f"{at + 1}/3003 ({100 * (at + 1) / 3003:5.2f}%) ETA: {at}:0{at % 10} itr: {itr}, G_loss : {w.v('G_loss', w.number(-3, 3, '+4.3f'))}, "
            f"D_loss_real : {w.v('D_loss_real', w.number(-3, 3, '+4.3f'))}, D_loss_fake : {w.v('D_loss_fake', w.number(-3, 3, '+4.3f'))}",
            itr,
        )
    w.end_draw()
    return w.log("signed-bar", 12)


def scores_lines() -> Log:
    """JSON lines with an epoch-second stamp, which is no metric."""
    w = Writer(13)
    for at in range(RECORDS):
        step = 1000 * (at + 1)
        w.say(
            f'{{"itr": {step}, "IS_mean": {w.v("IS_mean", repr(w.rng.uniform(1, 99)))}, '
            f'"IS_std": {w.v("IS_std", repr(w.rng.random()))}, "FID": {w.v("FID", repr(w.rng.uniform(5, 200)))}, '
            f'"_stamp": {1551403232.0425167 + 900 * at}}}',
            step,
        )
    return w.log("scores-lines", 13, "conv_ch64_bs128.jsonl")


def named_by_file() -> Log:
    """`2000: 0.812`: the file is named after the metric."""
    w = Writer(113)
    for at in range(RECORDS):
        w.say(f"{at * 50}: {w.v('G_loss', repr(w.rng.uniform(-2, 2)))}", at * 50)
    return w.log("named-by-file", 13, "G_loss.log")


def studio_2020() -> Log:
    """[INFO] time > Step: 100 Progress: 0.1% Elapsed: 0:00:35 temperature: no ... and lines of scores."""
    w = Writer(14, prefix=lambda w: f"[INFO] 2020-09-16 {_clock(w)} > ")
    w.say("{'architecture': 'resnet', 'd_lr': 0.0002, 'g_lr': 5e-05, 'beta1': 0.0, 'batch_size4prcsing': 256}")
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f"Step: {step:>7d} Progress: {step / 1000:.1f}% Elapsed: 0:{at:02}:35 temperature: no ada_p: No "
            f"Discriminator_loss: {w.v('Discriminator_loss', w.number(-3, 3, '.5g'))} "
            f"Generator_loss: {w.v('Generator_loss', w.number(-3, 3, '.5g'))}",
            step,
        )
        if step % 1000 == 0:
            w.say(f"FID score (Step: {step}, Using test moments): {w.v('FID score', w.number(5, 200, '.6g'))}", step)
    return w.log("studio-2020", 14)


def studio_2022() -> Log:
    """The later line, with `Topk: N/A` at its end."""
    w = Writer(15, prefix=lambda w: f" [INFO] 2022-11-02 {_clock(w)} > ")
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f"Step: {step:>6d} Progress: {step / 1000:.1f}% Elapsed: 0:{at:02}:59 Gen_loss: {w.v('Gen_loss', w.number(-3, 13, '.4g'))} "
            f"Dis_loss: {w.v('Dis_loss', w.number(-3, 3, '.4g'))} Topk: N/A aa_p: N/A ",
            step,
        )
    return w.log("studio-2022", 15)


def blank_keys() -> Log:
    """Keys with blanks, dots and hyphens and blanks before the colon."""
    w = Writer(16)
    w.say("checkpoints directory :  cp_vocoder")
    w.say("Epoch: 1")
    for at in range(RECORDS):
        w.say(
            f"Steps : {at * 5}, Gen Loss Total : {w.v('Gen Loss Total', w.number(20, 99, '4.3f'))}, "
            f"Mel-Spec. Error : {w.v('Mel-Spec. Error', w.number(0, 2, '4.3f'))}, s/b : {w.v('s/b', w.number(0, 2, '4.3f'), optional=True)}",
            at * 5,
        )
        if at % 20 == 19:
            w.say(f"Time taken for epoch {at // 20 + 1} is {w.rng.randrange(60, 90)} sec\n")
            w.say(f"Epoch: {at // 20 + 2}")
    return w.log("blank-keys", 16)


def angle_head() -> Log:
    """<epoch: 86, iter: 107,200, lr:2.500e-05> with thousands commas, after a dated logging prefix."""
    w = Writer(17, prefix=lambda w: f"19-08-09 {_clock(w)}.{w.rng.randrange(1000):03} - INFO: ")
    w.say("Number of train images: 23,744, iters: 1,484")
    w.say("Start training from epoch: 80, iter: 100000")
    for at in range(RECORDS):
        step = 100_000 + 200 * at
        w.say(
            f"<epoch:{80 + at // 8:3d}, iter:{step:8,d}, lr:{w.v('lr', w.number(1e-5, 1e-4, '.3e'))}> "
            f"l_g_pix: {w.v('l_g_pix', w.number(0, 1e-2, '.4e'))} l_g_gan: {w.v('l_g_gan', w.number(0, 1, '.4e'))} "
            f"l_d_real: {w.v('l_d_real', w.number(0, 1e-5, '.4e'))} l_d_fake: {w.v('l_d_fake', w.number(0, 1e-5, '.4e'))} "
            f"D_real: {w.v('D_real', w.number(-30, 0, '.4e'))} D_fake: {w.v('D_fake', w.number(-50, 0, '.4e'))} ",
            step,
        )
    return w.log("angle-head", 17)


def bracket_head() -> Log:
    """[train..][epoch: 0, iter: 100, lr:(1.000e-04,)] [eta: 1 day, 3:02:11, time (data): 0.421 (0.012)]."""
    w = Writer(18, prefix=lambda w: f"2021-08-17 {_clock(w)},{w.rng.randrange(1000):03} INFO: ")
    w.say("Model [RRGAN] is created.")
    w.say("Start training from epoch: 0, step: 0")
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f"[train..][epoch:{at // 9:3d}, iter:{step:8,d}, lr:({w.v('lr', w.number(1e-5, 1e-4, '.3e'))},)] "
            f"[eta: 1 day, 3:{at:02}:11, time (data): {w.v('time (data)', w.number(0.4, 0.5, '.3f'), optional=True)} (0.012)] "
            f"l_g_pix: {w.v('l_g_pix', w.number(0, 0.1, '.4e'))} l_g_gan: {w.v('l_g_gan', w.number(0, 0.1, '.4e'))} "
            f"out_d_real: {w.v('out_d_real', w.number(-3, 3, '.4e'))} out_d_fake: {w.v('out_d_fake', w.number(-3, 3, '.4e'))} ",
            step,
        )
    return w.log("bracket-head", 18, allowed=frozenset({"time", "data", "time (data)#2"}))


def record_of_lines() -> Log:
    """A record over several lines: the step stands on the first, each value (with its running mean) on its own."""
    w = Writer(19)
    w.say(" > Training Environment:\n | > Num. of CPUs: 16\n | > Num. of Torch Threads: 8")
    w.say("\x1b[1m > TRAINING (2024-03-05 11:04:11) \x1b[0m")
    for at in range(RECORDS):
        step = 244300 + 25 * at
        w.say(f"\x1b[1m   --> STEP: {(at * 25) % 352}/352 -- GLOBAL_STEP: {step}\x1b[0m")
        for key in ("D_mse_gan_loss", "G_adv_loss", "G_l1_spec_loss"):
            value, mean = w.number(0, 9, ".5f"), w.number(0, 9, ".5f")
            w.say(f"     | > {key}: {w.v(key, value)}  ({w.v(key + '#2', mean, optional=True)})", step)
        w.say(f"     | > current_lr_0: {w.v('current_lr_0', w.number(1e-5, 1e-4, '.6g'))} ", step)
        w.say(
            f"     | > step_time: {w.v('step_time', w.number(0.5, 0.9), optional=True)}  ({w.v('step_time#2', w.number(0.5, 0.9), optional=True)})",
            step,
        )
        w.say()
    return w.log("record-of-lines", 19)


def glued_to_bar() -> Log:
    """`0% 45/1000000 [01:07<430:59:20, 1.55s/it]G: 1.09 | D: 0.42`: values glued to a bar without a line end."""
    w = Writer(20)
    for at in range(RECORDS):
        w.draw(
            f"own</results/>:   0% {at * 10}/1000000 [0{at // 60}:{at % 60:02}<430:59:20,  1.55s/it]"
            f"G: {w.v('G', w.number(0, 3, '.2f'))} | D: {w.v('D', w.number(0, 3, '.2f'))} | GP: {w.v('GP', w.number(0, 99, '.2f'))}"
            f" | SS: {w.v('SS', w.number(0, 1, '.2f'))}",
            at * 10,
        )
    w.end_draw()
    return w.log("glued-to-bar", 20)


def described_bar() -> Log:
    """The values are the description before the bar: `d: 0.69; g: 0.70; mean path: 0.0: 0%|...`."""
    w = Writer(21)
    for at in range(RECORDS):
        w.draw(
            f"d: {w.v('d', w.number(0, 3))}; g: {w.v('g', w.number(0, 3))}; r1: {w.v('r1', w.number(0, 1))}; "
            f"path: {w.v('path', w.number(0, 1))}; mean path: {w.v('mean path', w.number(0, 1))}; augment: {w.v('augment', w.number(0, 1))}:"
            f"   {at // 8}%|▏         | {at * 10}/80000 [00:{at:02}<4:11:0{at % 10},  5.30it/s]",
            at * 10,
        )
    w.end_draw()
    return w.log("described-bar", 21)


def list_over_lines() -> Log:
    """A comma list that runs over three lines, with nan. `seen` closes it on a line below: it is no step that a line has."""
    w = Writer(22)
    for at in range(RECORDS):
        seen = 16 * (at + 1)
        late = at > 30
        g = "nan" if late else w.number(0, 3)
        w.say(
            f"D_loss: {w.v('D_loss', 'nan' if late else w.number(0, 3))}, "
            f"D_loss_grad_norm: {w.v('D_loss_grad_norm', 'nan' if late else w.number(0, 9))}, D_lr: {w.v('D_lr', w.number(1e-3, 2e-3, '.6f'))}"
        )
        w.say(
            f"D_reg: {w.v('D_reg', w.number(0, 1, '.6f'))}, G_loss: {w.v('G_loss', g)}, G_lr: {w.v('G_lr', w.number(1e-3, 2e-3, '.6f'))},"
        )
        w.say(f"pl_avg: {w.v('pl_avg', 'nan' if late else w.number(0, 1))}, seen: {seen}")
        w.say()
    return w.log("list-over-lines", 22, allowed=frozenset({"seen"}))


def postfix_bar() -> Log:
    """A tqdm bar with a postfix; it/s turns into s/it; equal counters are drawn again."""
    w = Writer(23)
    w.say("Loaded 18 shards in 3.2 s")
    for at in range(RECORDS):
        speed = f"{w.number(1, 9, '.2f')}s/it" if at % 3 else f"{w.number(1, 9, '.2f')}it/s"
        for _ in range(1 + at % 2):
            w.draw(
                f"Training: {at * 2:3d}%|█▋        | {at}/50 [00:{at:02}<01:13,  {speed}, c_loss={w.v('c_loss', w.number(-9, 9, '.3g'))}, "
                f"g_loss={w.v('g_loss', w.number(-9, 9, '.3g'))}]",
                at,
            )
    w.end_draw()
    w.say("Done.")
    return w.log("postfix-bar", 23)


def lightning_bar() -> Log:
    """Epoch 0: 22%|##2 | 4/18 [..., loss=9.9, v_num=193315, g_loss=...]: v_num is a version, not a metric."""
    w = Writer(24)
    w.say("GPU available: True (cuda), used: True")
    w.say("  | Name          | Type          | Params\n------------------------------------------------")
    w.say("0 | generator     | Generator     | 1.5 M \n1 | discriminator | Discriminator | 533 K ")
    for epoch, batch in _split_epochs(10):
        w.draw(
            f"Epoch {epoch}:  {batch * 10 + 10}%|##2       | {batch + 1}/10 [00:{batch:02}<00:0{9 - batch},  4.47s/it, "
            f"loss={w.v('loss', w.number(0, 9, '.3f'))}, v_num=193315, g_loss={w.v('g_loss', w.number(0, 3, '.3f'))}, "
            f"d_loss={w.v('d_loss', w.number(0, 3, '.3f'))}]",
            epoch * 10 + batch + 1,
            batch + 1,
            epoch + (batch + 1) / 10,
            epoch * 10 + batch,
            epoch,
        )
        if batch == 9:
            w.end_draw()
    return w.log("lightning-bar", 24)


def lightning_metrics() -> Log:
    """metrics.csv: blank cells where a metric was not logged in a row, CRLF."""
    w = Writer(124, eol="\r\n")
    w.say("d_loss,epoch,fid,g_loss,step")
    for at in range(RECORDS):
        step = 50 * at + 49
        if at % 8 == 7:
            w.say(f",{at // 8},{w.v('fid', w.number(5, 99, '.6f'))},,{step}", step)
        else:
            d, g = w.v("d_loss", w.number(0, 1, ".16f")), w.v("g_loss", w.number(0, 3, ".16f"))
            w.say(f"{d},{at // 8},,{g},{step}", step)
    return w.log("lightning-metrics", 24, "metrics.csv", allowed=frozenset({"epoch"}))


def equals_with_blanks() -> Log:
    """[run epoch 7, it 7990, t 1.099] g_loss = 1.03, d_loss = 1.13, reg=0.02."""
    w = Writer(25)
    for at in range(RECORDS):
        it = 7000 + 10 * at
        w.say(
            f"[cubes_64 epoch {at // 6:2d}, it {it}, t {w.v('t', w.number(1, 2, '.3f'), optional=True)}] g_loss = {w.v('g_loss', w.number(0, 3))}, "
            f"d_loss = {w.v('d_loss', w.number(0, 3))}, reg={w.v('reg', w.number(0, 1))}",
            it,
            at // 6,
        )
    return w.log("equals-with-blanks", 25)


def plain_csv() -> Log:
    """A table with a header, inf in one cell."""
    w = Writer(26)
    w.say("epoch,D_loss,G_loss,D_real,D_fake")
    for at in range(RECORDS):
        g = "inf" if at == 17 else repr(w.rng.uniform(0, 5))
        w.say(
            f"{at},{w.v('D_loss', repr(w.rng.random()))},{w.v('G_loss', g)},{w.v('D_real', repr(w.rng.random()))},"
            f"{w.v('D_fake', repr(w.rng.random()))}",
            at,
        )
    return w.log("plain-csv", 26, "history.csv")


def tagged_pairs() -> Log:
    """[Sample] d_loss: -2668.97485352, g_loss: 1374.26965332, with the TF1 epoch line before."""
    w = Writer(126)
    for at in range(RECORDS):
        w.say(
            f"Epoch: [{at // 10:2d}] [{at % 10:4d}/  10] time: {w.v('time', w.number(1, 99), optional=True)}, "
            f"d_loss: {w.v('d_loss', w.number(-3000, 0, '.8f'))}, g_loss: {w.v('g_loss', w.number(0, 3000, '.8f'))}",
            *_axes(at // 10, at % 10, 10),
        )
    return w.log("tagged-pairs", 26)


def sampled_pairs() -> Log:
    """A tag before the pairs, and no step at all."""
    w = Writer(226)
    for _ in range(RECORDS):
        w.say(
            f"[Sample] d_loss: {w.v('d_loss', w.number(-3000, 0, '.8f'))}, g_loss: {w.v('g_loss', w.number(0, 3000, '.8f'))}"
        )
    return w.log("sampled-pairs", 26)


def nameless_columns() -> Log:
    """Columns between bars, without names."""
    w = Writer(326)
    for at in range(RECORDS):
        w.say(
            f"{1 + at // 10:4d}  |{18 * (at % 10):5d}/ 180 |{w.v('3', w.number(9, 99, '7.2f').strip(), optional=True, nameless=True):>7s} |"
            f"{w.v('4', w.number(0, 99, '.6f'), nameless=True):>14s} |{w.v('5', w.number(-99, 0, '.6f'), nameless=True):>15s}"
        )
    return w.log("nameless-columns", 26, needs_columns=True)


def keras_fit() -> Log:
    """Keras' bar, drawn over itself with backspaces; the last draw of an epoch carries its mean."""
    w = Writer(27)
    for epoch in range(8):
        w.say(f"Epoch {epoch + 1}/8")
        shown = 0
        for batch in range(5):
            done = (batch + 1) * 20
            dots = "=" * (batch * 6) + ">" + "." * (29 - batch * 6) if batch < 4 else "=" * 30
            tail = "ETA: 25s" if batch < 4 else "12s 117ms/step"
            text = f"{done:3d}/100 [{dots}] - {tail} - d_loss: {w.v('d_loss', w.number(-3, 3))} - g_loss: {w.v('g_loss', w.number(-3, 3))}"
            epoch_axes = _axes(epoch + 1, done, 100)
            w.draw(text, epoch * 100 + done, done, *epoch_axes, before="\b" * shown + "\r" if shown else "")
            shown = len(text)
        w.end_draw()
    return w.log("keras-fit", 27)


def trainer_dicts() -> Log:
    """Python dictionaries (not JSON), bars between them."""
    w = Writer(28)
    for at in range(RECORDS):
        epoch = f"{0.1 * (at + 1):.2f}"
        w.say(f"  {at}%|█         | {at * 10}/4000 [00:{at:02}<10:00,  6.6it/s]")
        loss = "nan" if at > 35 else w.number(0, 1)
        w.say(
            f"{{'loss': {w.v('loss', loss)}, 'grad_norm': {w.v('grad_norm', repr(w.rng.uniform(0, 9)))}, "
            f"'learning_rate': {w.v('learning_rate', w.number(1e-6, 5e-5, '.6e'))}, 'epoch': {epoch}}}",
            float(epoch),
        )
    w.say("{'train_runtime': 312.25, 'train_samples_per_second': 12.8, 'train_loss': 0.4, 'epoch': 4.0}")
    allowed = frozenset({"train_runtime", "train_samples_per_second", "train_loss"})
    return w.log("trainer-dicts", 28, allowed=allowed)


def iter_list() -> Log:
    """Lines such as mmgen - INFO - Iter [100/800002]<tab>lr_generator: ..., eta: ..., loss_disc_fake: ..."""
    w = Writer(29, prefix=lambda w: f"2023-02-01 {_clock(w)},{w.rng.randrange(1000):03} - mmown - INFO - ")
    w.say("workflow: [('train', 10000)], max: 800002 iters")
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f"Iter [{step}/800002]\tlr_generator: {w.v('lr_generator', w.number(1e-4, 1e-3, '.3e'))}, "
            f"lr_discriminator: {w.v('lr_discriminator', w.number(1e-4, 1e-3, '.3e'))}, eta: 3 days, {at % 24}:12:44, "
            f"time: {w.v('time', w.number(0, 1, '.3f'), optional=True)}, data_time: {w.v('data_time', w.number(0, 1, '.3f'), optional=True)}, "
            f"memory: {w.v('memory', w.number(3000, 4000, '.0f'))}, loss_disc_fake: {w.v('loss_disc_fake', w.number(0, 1))}, "
            f"loss_disc_real: {w.v('loss_disc_real', w.number(0, 1))}, loss_gen: {w.v('loss_gen', w.number(0, 3))}",
            step,
        )
    return w.log("iter-list", 29)


def iter_json() -> Log:
    """.log.json: the first line is the environment, then JSON lines with words and a nested rate."""
    w = Writer(129)
    w.say('{"env_info": "sys.platform: linux\\nPython: 3.8.12", "seed": 2021, "exp_name": "own_128.py"}')
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f'{{"mode": "train", "epoch": 1, "iter": {step}, "lr": {{"generator": {w.v("lr/generator", w.number(1e-4, 1e-3, ".6f"))}}}, '
            f'"memory": {w.v("memory", w.number(3000, 4000, ".0f"))}, "data_time": {w.v("data_time", w.number(0, 1, ".5f"), optional=True)}, '
            f'"loss_disc_fake": {w.v("loss_disc_fake", w.number(0, 1, ".5f"))}, "loss_gen": {w.v("loss_gen", w.number(0, 3, ".5f"))}, '
            f'"time": {w.v("time", w.number(0, 1, ".5f"), optional=True)}}}',
            step,
        )
    return w.log("iter-json", 29, "20230201_101010.log.json", allowed=frozenset({"seed"}))


def step_json() -> Log:
    """JSON lines with the literals NaN, Infinity and -Infinity."""
    w = Writer(30)
    odd = {11: "Infinity", 12: "-Infinity", 13: "NaN"}
    for at in range(RECORDS):
        step = 100 * (at + 1)
        w.say(
            f'{{"step": {step}, "d_loss": {w.v("d_loss", odd.get(at, repr(w.rng.uniform(-2, 2))))}, '
            f'"g_loss": {w.v("g_loss", repr(w.rng.uniform(-2, 2)))}, "note": "ok 3"}}',
            step,
        )
    return w.log("step-json", 30, "metrics.jsonl")


def json_text_values() -> Log:
    """JSON lines as fairseq prints them: numbers in quotes, after a logging prefix."""
    w = Writer(130, prefix=lambda w: f"2024-01-02 {_clock(w)} | INFO | train_inner | ")
    for at in range(RECORDS):
        updates = 100 * (at + 1)
        w.say(
            f'{{"epoch": {1 + at // 10}, "d_loss": "{w.v("d_loss", w.number(0, 2, ".3f"))}", "g_loss": "{w.v("g_loss", w.number(0, 2, ".3f"))}", '
            f'"wps": "{w.v("wps", w.number(900, 999, ".1f"), optional=True)}", "num_updates": "{updates}", "lr": "{w.v("lr", w.number(1e-5, 1e-4, ".5e"))}"}}',
            updates,
            1 + at // 10,
        )
    return w.log("json-text-values", 30)


def profiler_table() -> Log:
    """A printed key_averages() table: rows of ops, and no series."""
    w = Writer(31)
    ops = [
        ("aten::conv2d", 40),
        ("aten::nan_to_num", 13),
        ("NanToNumBackward0", 13),
        ("cudaLaunchKernel", 512),
        ("aten::add_", 96),
    ]
    rule = "-" * 28 + ("  " + "-" * 12) * 6 + "  "
    w.say(rule)
    w.say(
        f"{'Name':>28}  "
        + "  ".join(
            f"{head:>12}"
            for head in ("Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls")
        )
        + "  "
    )
    w.say(rule)
    for name, calls in ops:
        cells = (f"{w.number(0, 9, '.2f')}%", f"{w.number(10, 900, '.3f')}us", f"{w.number(0, 9, '.2f')}%",
                 f"{w.number(1, 9, '.3f')}ms", f"{w.number(10, 90, '.3f')}us", str(calls))  # fmt: skip
        w.say(f"{name:>28}  " + "  ".join(f"{cell:>12}" for cell in cells) + "  ")
    w.say(rule)
    w.say("Self CPU time total: 18.097ms")
    return w.log("profiler-table", 31, rows=tuple(ops))


def _axes(epoch: int, batch: int, per: int) -> tuple[float, ...]:
    """Return the sound axes of `[epoch] [batch/per]`, whether epochs count from 0 or from 1."""
    return (epoch, epoch * per + batch, (epoch - 1) * per + batch, epoch + batch / per, epoch - 1 + batch / per)


# -- prefixes and number styles over one plain line --------------------------------------------------------------------


def prefixed(name: str, prefix: Callable[[Writer], str], style: str, eol: str = "\n") -> Log:
    """`step 120: critic=..., gen=...` behind a logger's prefix, in one style of number, with nan and inf."""
    w = Writer(len(name) * 31 + len(style), eol=eol, prefix=prefix)
    w.say("Loaded checkpoint 'ckpt_10.pt' (12.5 MB) in 0.8s")
    for at in range(RECORDS):
        bad = {20: "nan", 21: "inf", 22: "-inf"}.get(at)
        if at % 7 == 3:
            w.say(f"WARNING worker {at} is 2.5 s late, 3 of 16 batches were skipped")
        w.say(
            f"step {at * 10}: critic={w.v('critic', bad or w.number(-9, 9, style))}, gen={w.v('gen', w.number(-9, 9, style))}",
            at * 10,
        )
    return w.log(name, 0)


def colored() -> Log:
    """Values in colors, the whole line bold."""
    w = Writer(401, prefix=colored_loguru)
    for at in range(RECORDS):
        w.say(
            f"\x1b[1mepoch {at + 1}\x1b[0m critic_loss=\x1b[31m{w.v('critic_loss', w.number(-9, 9))}\x1b[0m "
            f"gen_loss=\x1b[32m{w.v('gen_loss', w.number(-9, 9))}\x1b[0m",
            at + 1,
        )
    return w.log("colored", 0)


def box_table() -> Log:
    """A table drawn with box characters, its header printed once."""
    w = Writer(402)
    w.say("┏━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━┓")
    w.say("┃ step  ┃ d_loss     ┃ g_loss     ┃")
    w.say("┡━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━┩")
    for at in range(RECORDS):
        w.say(
            f"│ {at * 10:<5d} │ {w.v('d_loss', w.number(-9, 9)):<10} │ {w.v('g_loss', w.number(-9, 9)):<10} │", at * 10
        )
    w.say("└───────┴────────────┴────────────┘")
    return w.log("box-table", 0)


def words_and_numbers() -> Log:
    """Prose with many numbers, no metric at all."""
    w = Writer(403)
    for at in range(RECORDS):
        w.say(
            f"Saved {at} of 40 images to /data/run_{at}/epoch-{at}.png after 3.{at}s (12:0{at % 10}:11), torch 2.4.{at}"
        )
        w.say(f'  File "/opt/gan/train.py", line {at + 10}, in step')
        w.say("UserWarning: 16 workers were asked for, 2 are suggested")
    return w.log("words-and-numbers", 0)


# -- relatives of these formats that users write as well ----------------------------------------------------------------


def average_meter() -> Log:
    """Name, value and (mean) without a sign, tabs between: the meter of PyTorch's ImageNet example."""
    w = Writer(501)
    for epoch, batch in _split_epochs(10):
        cells = [f"Time {w.v('Time', w.number(0, 1, '6.3f'), optional=True)} ({w.number(0, 1, '6.3f')})"]
        for key in ("Loss_D", "Loss_G"):
            value, mean = w.number(0, 3, ".4e"), w.number(0, 3, ".4e")
            cells.append(f"{key} {w.v(key, value)} ({w.v(key + '#2', mean, optional=True)})")
        w.say(f"Epoch: [{epoch}][{batch * 10:3d}/100]\t" + "\t".join(cells), *_axes(epoch, batch * 10, 100))
    return w.log("average-meter", 0, allowed=frozenset({"Time#2"}))


def piped_words() -> Log:
    """`epoch 3 | d_loss 0.51 | g_loss 1.23 | lr 0.0002`: names and values, no sign at all."""
    w = Writer(502, prefix=loguru)
    w.say("42 files, 3 workers, seed 7")
    for at in range(RECORDS):
        d, g, lr = w.v("d_loss", w.number(0, 3)), w.v("g_loss", w.number(0, 3)), w.v("lr", w.number(1e-5, 1e-4, ".2e"))
        w.say(f"epoch {at + 1} | d_loss {d} | g_loss {g} | lr {lr}", at + 1)
    return w.log("piped-words", 0)


def markdown_table() -> Log:
    """A Markdown table, its header once."""
    w = Writer(503)
    w.say("| step | d_loss | g_loss |")
    w.say("|-----:|-------:|-------:|")
    for at in range(RECORDS):
        w.say(f"| {at * 10:4d} | {w.v('d_loss', w.number(-3, 3))} | {w.v('g_loss', w.number(-3, 3))} |", at * 10)
    return w.log("markdown-table", 0, "results.md.txt")


def aligned_table() -> Log:
    """Columns under a header that is printed again and again."""
    w = Writer(504)
    for at in range(RECORDS):
        if at % 10 == 0:
            w.say("    step      d_loss      g_loss      fid")
        d, g = w.v("d_loss", w.number(-3, 3, "12.5f")), w.v("g_loss", w.number(-3, 3, "12.5f"))
        w.say(f"{at * 10:8d}{d}{g}{w.v('fid', w.number(5, 99, '9.2f'))}", at * 10)
    return w.log("aligned-table", 0)


def plus_minus() -> Log:
    """Value and spread: `critic: -1.234 ± 0.012`."""
    w = Writer(505)
    for at in range(RECORDS):
        critic, spread, gen = w.number(-3, 3), w.number(0, 1), w.number(-3, 3)
        w.say(
            f"[{at * 5}] critic: {w.v('critic', critic)} ± {w.v('critic#2', spread, optional=True)}  gen: {w.v('gen', gen)}",
            at * 5,
        )
    return w.log("plus-minus", 0)


def list_values() -> Log:
    """A list under one key: `[C loss: [0.69, 0.71]]`."""
    w = Writer(506)
    for at in range(RECORDS):
        w.say(
            f"[Epoch {at}/50] [D loss: {w.v('D loss', repr(w.rng.random()))}] "
            f"[C loss: [{w.v('C loss', repr(w.rng.random()))}, {w.v('C loss#2', repr(w.rng.random()))}]]",
            at,
        )
    return w.log("list-values", 0)


def semicolon_table() -> Log:
    """Semicolons, quoted names with blanks and units, a comment above, a byte order mark, CRLF."""
    w = Writer(507, eol="\r\n")
    w.say('\ufeff"global step";"critic loss";"generator loss";"time of day";"gpu mem (GiB)"')
    for at in range(RECORDS):
        c, g = w.v("critic loss", repr(w.rng.uniform(-9, 9))), w.v("generator loss", w.number(-9, 9, ".3E"))
        memory = w.v("gpu mem (GiB)", w.number(1, 9, ".1f"))
        w.say(f'{at * 100};{c};{g};"12:0{at % 10}:00";{memory}', at * 100)
    return w.log("semicolon-table", 0, "losses.csv")


def repeated_header() -> Log:
    """A tab table that a resumed run appended to: the header stands twice, steps go back."""
    w = Writer(508)
    for start in (0, 15):
        w.say("iteration\td_loss\tg_loss")
        for at in range(start, start + 20):
            w.say(f"{at}\t{w.v('d_loss', repr(w.rng.random()))}\t{w.v('g_loss', repr(w.rng.random()))}", at)
    return w.log("repeated-header", 0, "progress.tsv")


def one_line_array() -> Log:
    """An array of objects on one line."""
    w = Writer(509)
    records = [
        f'{{"iteration": {at}, "d_loss": {w.v("d_loss", repr(w.rng.random()))}, "g_loss": {w.v("g_loss", repr(w.rng.random()))}}}'
        for at in range(RECORDS)
    ]
    w.say("[" + ", ".join(records) + "]")
    return w.log("one-line-array", 0, "history.json")


def two_writers() -> Log:
    """Two ranks print into one file in turn, with the same names."""
    w = Writer(510)
    for at in range(RECORDS):
        for rank in (0, 1):
            d, g = w.v("d_loss", w.number(0, 3)), w.v("g_loss", w.number(0, 3))
            w.say(f"[rank {rank}] step {at}: d_loss={d} g_loss={g}", at)
    return w.log("two-writers", 0)


def number_styles() -> Log:
    """The same two keys in every style of number, after a tag in brackets."""
    w = Writer(511)
    styles = [
        "-0.000",
        "1.",
        ".5",
        "-.25",
        "1E-5",
        "+3.5e+02",
        "12,345.5",
        "1e308",
        "5e-324",
        "NaN",
        "Infinity",
        "-inf",
        "0",
    ]
    for at in range(RECORDS):
        w.say(
            f"[train] step: {at + 1:>8,d}; critic: {w.v('critic', styles[at % len(styles)])}; gen: {w.v('gen', w.number(-3, 3, '+.2e'))}",
            at + 1,
        )
    return w.log("number-styles", 0)


def sixteen_bits() -> Log:
    """UTF-16 with a byte order mark, as PowerShell redirects it."""
    w = Writer(512, eol="\r\n")
    for at in range(RECORDS):
        w.say(f"epoch {at}: d_loss={w.v('d_loss', w.number(0, 3))}, g_loss={w.v('g_loss', w.number(0, 3))}", at)
    log = w.log("sixteen-bits", 0)
    log.data = log.data.decode().encode("utf-16")
    return log


WRITERS: tuple[Callable[[], Log], ...] = (
    global_pairs, file_pairs, batch_colon, conditional_lines, bracket_fields, bracket_tail, leading_step, three_brackets,
    before_and_after, tab_pairs, loss_log, ticks, nested_stats, metric_lines, signed_bar, scores_lines, named_by_file,
    studio_2020, studio_2022, blank_keys, angle_head, bracket_head, record_of_lines, glued_to_bar, described_bar,
    list_over_lines, postfix_bar, lightning_bar, lightning_metrics, equals_with_blanks, plain_csv, tagged_pairs,
    sampled_pairs, nameless_columns, keras_fit, trainer_dicts, iter_list, iter_json, step_json, json_text_values,
    profiler_table, colored, box_table, words_and_numbers, average_meter, piped_words, markdown_table, aligned_table,
    plus_minus, list_values, semicolon_table, repeated_header, one_line_array, two_writers, number_styles, sixteen_bits,
    lambda: prefixed("python-logging", python_logging, ".6f"),
    lambda: prefixed("loguru", loguru, "+.3f"),
    lambda: prefixed("absl", absl, ".4e", "\r\n"),
    lambda: prefixed("ranked", ranked, "12.4f"),
    lambda: prefixed("rank-number", lightning_rank, ".17g"),
)  # fmt: skip


def logs() -> list[Log]:
    """Return every log with its truth."""
    return [write() for write in WRITERS]
