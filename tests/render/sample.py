"""Reports made by hand for the tests of rendering: sick, healthy, hostile, two runs, source only."""

from __future__ import annotations

import math

from wganlint.evidence import Evidence, Place, Standing, assumed, derived, observed
from wganlint.finding import (
    Chain,
    Check,
    Confidence,
    Edge,
    Effect,
    Finding,
    Fix,
    InputSummary,
    LinkKind,
    Outcome,
    Report,
    RunSummary,
    SeriesSummary,
    SettingSummary,
    Severity,
    Statement,
    Verdict,
)

LOG = "logs_training/train_0000000-0000999_attempt1_20260114-154159.out.log"
EVENTS = "logs_tensorboard/20260114/events.out.tfevents.1768405319.node.1.0"
MODEL = "training/model.py"
OBSERVED, DERIVED, ASSUMED = Standing.OBSERVED, Standing.DERIVED, Standing.ASSUMED


def record(at: int) -> str:
    """Return the log line of record `at`, 0-based."""
    return (
        f"[global] batches={20 * (at + 1)} events={30621 + 30770 * at} muons={79642 + 80250 * at} "
        "c_loss=-1000.0048 "
        f"g_loss=1000.0000 m_loss={0.4409 - 0.0037 * at:.4f} w_gap=1000.0048 w_ma=1000.0048 cs=2 gp=10.0000 "
    )


def seen(at: int, key: str, label: str = "") -> Evidence:
    """Return the value of `key` in record `at` as evidence."""
    quote = record(at)
    start = quote.index(f" {key}=") + len(key) + 2
    stop = quote.index(" ", start)
    return observed("log", quote, Place(LOG, 288 + at, start + 1, stop + 1), label, 20.0 * (at + 1))


def source(line: int, quote: str, part: str, label: str = "") -> Evidence:
    """Return a line of source as evidence, with `part` of it marked."""
    start = quote.index(part)
    return observed("source", quote, Place(MODEL, line, start + 1, start + len(part) + 1), label)


def statement(standing: Standing, text: str, settle: str = "") -> Statement:
    return Statement(standing, text, settle)


CLAMP = "        score = torch.clamp(score, min=-1000.0, max=1000.0)"
SCATTER = '        pooled = torch.full((batch, width), -1e9).scatter_reduce(0, index, features, reduce="amax")'

FILL = Fix(
    "Give an empty event a neutral feature and tell the critic that it is empty",
    "edit",
    "manual",
    "Fill with zero, leave the fill out of the maximum, and add the number of points as a feature.",
    Effect.MOVES,
    Check(
        "the largest input of every layer stays below 10,000",
        {"f": {"detect": "level", "of": "c_loss"}},
        "f.median < 100",
    ),
    diff=(
        "-        pooled = torch.full((batch, width), -1e9)"
        '.scatter_reduce(0, index, features, reduce="amax")\n'
        "+        pooled = torch.zeros(batch, width)"
        '.scatter_reduce(0, index, features, reduce="amax", include_self=False)\n'
    ),
    rank=2,
)
ADAM = Fix(
    "Train with Adam at 1e-4 instead of SGD at 1e-5",
    "setting",
    "safe",
    "The head that says how many points an event gets must climb past 0.176; at SGD 1e-5 that is slow.\n"
    "    --optimizer adam --lr 1e-4",
    Effect.CURES,
    Check("|g_loss| leaves 1000 and the count of generated points is above 0", {}, "g.share < 0.01", "50 steps"),
    rank=1,
    excludes=("Start the count head above zero",),
    conflicts=(3,),
)
BIAS = Fix(
    "Start the count head above zero",
    "edit",
    "manual",
    "Set the bias of its last layer to 0.5, so that the first events are not empty.",
    Effect.CURES,
    Check("the first record already has generated points", {}, "", "1 record"),
    diff="+        nn.init.constant_(self.multiplicity_net[-1].bias, 0.5)\n",
    rank=3,
    conflicts=(1,),
)
NORM = Fix(
    "Add LayerNorm to the critic",
    "edit",
    "manual",
    "Worth having for its own sake, later. It maps every -1e9 row to the same vector, so the "
    "loss looks reasonable while "
    "the generator still gets no gradient.",
    Effect.HIDES,
    Check("c_loss varies by more than the batch noise and generated points are above 0", {}, "", "200 steps"),
    rank=5,
    hides=("SAT001", "SAT002"),
)
UNCLAMP = Fix(
    "Remove the clamp on the score",
    "edit",
    "manual",
    "A bound on the score has no gradient beyond it. Control the critic by its penalty.",
    Effect.MOVES,
    Check("no score stands at a bound", {}, "", "50 steps"),
    diff="-        score = torch.clamp(score, min=-1000.0, max=1000.0)\n",
    rank=4,
)

EMPTY = Finding(
    "sick/DAT004",
    "sick",
    "DAT004",
    "empty-or-degenerate-fakes",
    Severity.CRITICAL,
    Confidence.MEDIUM,
    "the log carries no count of generated points; the arithmetic fits empty events only",
    "The generator starts with events that hold no points",
    (
        statement(OBSERVED, "The number of points is `round(10**p - 1)`, which is 0 while p is below 0.176."),
        statement(DERIVED, "A head that starts near 0 therefore makes empty events: round(10^0 - 1) = 0."),
        statement(
            ASSUMED,
            "All generated events were empty in these 400 steps.",
            "log the number of generated points per batch: it is 0 if this is right",
        ),
    ),
    Place(MODEL, 118, 18, 47),
    (
        source(
            118,
            "        counts = torch.round(10.0 ** p - 1.0).long().clamp(min=0)",
            "torch.round(10.0 ** p - 1.0).",
            "0 for every p below 0.176",
        ),
        derived("p > log10(1.5) = 0.176", "where the first point appears"),
        assumed("log", "generated points per batch = 0", "print counts.sum() beside the losses"),
    ),
    alternatives=(
        statement(ASSUMED, "The fakes are padded with a sentinel for another reason.", "inspect one fake batch"),
    ),
    fixes=(ADAM, BIAS),
    references=("briedel/cr_muons, docs/INSTABILITY_ANALYSIS.md",),
    root=True,
    causes=("sick/SAT006",),
)
SENTINEL = Finding(
    "sick/SAT006",
    "sick",
    "SAT006",
    "sentinel-reaches-network",
    Severity.CRITICAL,
    Confidence.HIGH,
    "the fill value is in the source, and the log shows its effect on one side only",
    "The fill value -1e9 of an empty event reaches the critic's layers",
    (
        statement(OBSERVED, "The maximum starts from -1e9 and an event without points keeps it."),
        statement(DERIVED, "From there on every layer multiplies -1e9: no score in any usual range comes out."),
    ),
    Place(MODEL, 251, 45, 49),
    (
        source(251, SCATTER, "-1e9", "kept where nothing is scattered"),
        source(
            258,
            "        score = self.decision_net(torch.cat([pooled, cond], dim=1))",
            "self.decision_net",
            "goes in here",
        ),
    ),
    fixes=(FILL,),
    causes=("sick/SAT002",),
    caused_by=("sick/DAT004",),
    references=("https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_reduce_.html",),
)
ONE_SIDED = Finding(
    "sick/SAT002",
    "sick",
    "SAT002",
    "one-sided-saturation",
    Severity.CRITICAL,
    Confidence.HIGH,
    "both sides follow from the two losses, and 1000 is written in the source",
    "Only the fake scores are at the bound; the real ones are ordinary",
    (
        statement(DERIVED, "mean(fake) = -g_loss = -1000.0000, the bound itself."),
        statement(
            DERIVED,
            "mean(real) = w_gap + mean(fake) = 0.0048, an untrained critic's score: "
            "a critic that explodes would "
            "not leave the real side there. Look at what the generator feeds it.",
        ),
    ),
    seen(0, "g_loss").place,
    (
        seen(0, "g_loss", "mean(fake) = -1000"),
        seen(0, "w_gap", "mean(real) = 0.0048"),
        derived("mean(real) = w_gap - g_loss = 1000.0048 - 1000.0000 = 0.0048"),
    ),
    series=("c_loss", "w_gap"),
    causes=("sick/SAT001",),
    caused_by=("sick/SAT006",),
)
PINNED = Finding(
    "sick/SAT001",
    "sick",
    "SAT001",
    "score-pinned-at-bound",
    Severity.CRITICAL,
    Confidence.HIGH,
    "the bound is a literal in the source and all 20 records stand at it",
    "g_loss has stood at 1000.0000 since the first record",
    (statement(OBSERVED, "All 20 records print 1000.0000, and the score is clamped at 1000."),),
    seen(0, "g_loss").place,
    (
        *(seen(at, "g_loss", "the bound" if at == 0 else "") for at in range(20)),
        source(273, CLAMP, "torch.clamp(score, min=-1000.0, max=1000.0)", "no gradient beyond the bound"),
    ),
    fixes=(UNCLAMP, NORM),
    series=("g_loss",),
    causes=("sick/GAN011", "sick/OPT001"),
    caused_by=("sick/SAT002",),
)
STARVED = Finding(
    "sick/GAN011",
    "sick",
    "GAN011",
    "generator-gradient-path-broken",
    Severity.HIGH,
    Confidence.MEDIUM,
    "the source shows the rounding; the gradient itself was not logged",
    "The generator gets no gradient from the critic",
    (statement(OBSERVED, "The count passes through round().long(), which has no derivative."),),
    Place(MODEL, 118, 18),
    (source(118, "        counts = torch.round(10.0 ** p - 1.0).long().clamp(min=0)", ".long()", "cut here"),),
    causes=(),
    caused_by=("sick/SAT001",),
)
FROZEN = Finding(
    "sick/OPT001",
    "sick",
    "OPT001",
    "metric-frozen",
    Severity.MEDIUM,
    Confidence.HIGH,
    "20 of 20 records print one text",
    "w_gap does not move",
    (statement(OBSERVED, "It prints 1000.0048 or 1000.0049 throughout."),),
    Place(LOG, 288),
    (derived("spread / size = 0.0001 / 1000.0048 = 1e-7"),),
    caused_by=("sick/SAT001",),
)
ALIVE = Finding(
    "sick/OPT007",
    "sick",
    "OPT007",
    "only-auxiliary-loss-learns",
    Severity.LOW,
    Confidence.HIGH,
    "it falls steadily while both adversarial losses stand still",
    "m_loss is the only loss that learns",
    (
        statement(OBSERVED, "m_loss falls from 0.4409 to 0.3706."),
        statement(OBSERVED, "It is a plain regression on real labels; the critic has no part in it."),
    ),
    Place(LOG, 288),
    (seen(0, "m_loss", "first"), seen(19, "m_loss", "last")),
    series=("m_loss",),
)
MASKING = Finding(
    "sick/NUM002",
    "sick",
    "NUM002",
    "nan-masking",
    Severity.MEDIUM,
    Confidence.HIGH,
    "the call is in the source",
    "nan_to_num in the forward pass would hide a NaN",
    (
        statement(
            OBSERVED,
            "The pooled features pass torch.nan_to_num. That says masking, not that a NaN occurred.",
        ),
    ),
    Place(MODEL, 255, 18),
    (source(255, "        pooled = torch.nan_to_num(pooled)", "torch.nan_to_num(pooled)"),),
    fixes=(
        Fix(
            "Count what nan_to_num replaces",
            "measure",
            "safe",
            "Log (~torch.isfinite(x)).sum() before the call.",
            Effect.UNKNOWN,
            Check("the count is 0 in every record"),
            rank=6,
        ),
    ),
    root=True,
    masks=("sick/GAN011",),
)
SLOW = Finding(
    "sick/PRF003",
    "sick",
    "PRF003",
    "throughput-decline",
    Severity.INFO,
    Confidence.LOW,
    "two stretches of 10 records only",
    "Throughput falls from 3.0 to 2.6 batches a second",
    (statement(DERIVED, "20 batches took 6.7 s at first, 7.7 s at last."),),
    Place(LOG, 300),
    root=False,
)


def edge(
    source: str, target: str, how: LinkKind = LinkKind.CAUSES, standing: Standing = DERIVED, why: str = ""
) -> Edge:
    return Edge(f"sick/{source}", f"sick/{target}", how, standing, why)


EDGES = (
    edge("DAT004", "SAT006", standing=OBSERVED, why="an empty event keeps the fill"),
    edge("SAT006", "SAT002", why="only the fakes can be empty"),
    edge("SAT002", "SAT001", why="the mean of the fakes is the bound"),
    edge("SAT001", "GAN011", why="the clamp has gradient 0 at the bound"),
    edge("SAT001", "OPT001"),
    edge(
        "GAN011",
        "DAT004",
        LinkKind.KEEPS_ALIVE,
        ASSUMED,
        "without a gradient the count head learns from m_loss alone",
    ),
    edge("NUM002", "GAN011", LinkKind.MASKS, OBSERVED, "a NaN would become 0"),
)
LOOP = ("sick/DAT004", "sick/SAT006", "sick/SAT002", "sick/SAT001", "sick/GAN011")


def series(name: str, role: str, first: str, last: str, values: tuple[float, ...]) -> SeriesSummary:
    broken = sum(not math.isfinite(value) for value in values)
    return SeriesSummary(name, role, 20, 20.0, 400.0, broken, first, last, values, (LOG,))


SICK_RUN = RunSummary(
    "sick",
    ".",
    (
        InputSummary(LOG, "log", True, "20 records"),
        InputSummary(EVENTS, "events", True, "20 records"),
        InputSummary(MODEL, "source", True, "2 networks"),
        InputSummary("logs_training/train.err.log", "errlog", False, "progress bars only"),
        InputSummary("checkpoint.pt", "other", False, "a checkpoint; wganlint never loads one"),
    ),
    "wgan-gp",
    "line 3 of the log names a gradient penalty with weight 10",
    "c_loss = mean(fake) - mean(real) + penalty; g_loss = -mean(fake)",
    "w_gap + g_loss and c_loss agree in sign in all 20 records",
    DERIVED,
    {"critic_loss": "c_loss", "generator_loss": "g_loss", "gap": "w_gap", "auxiliary_loss": "m_loss"},
    (
        series("c_loss", "critic_loss", "-1000.0048", "-1000.0049", (-1000.0048,) * 11 + (-1000.0049,) * 9),
        series("g_loss", "generator_loss", "1000.0000", "1000.0000", (1000.0,) * 20),
        series("w_gap", "gap", "1000.0048", "1000.0049", (1000.0048,) * 11 + (1000.0049,) * 9),
        series("m_loss", "auxiliary_loss", "0.4409", "0.3706", tuple(0.4409 - 0.0037 * at for at in range(20))),
    ),
    (SettingSummary("lr", "1e-05", LOG, 6), SettingSummary("momentum", "0.5", LOG, 6)),
    (("the last line is cut off", Place(LOG, 1204)),),
)


def verdicts(run: str, fired: tuple[str, ...] = ()) -> tuple[Verdict, ...]:
    lacking = {
        "GP004 implied-gp-inconsistent": ("gradient_penalty",),
        "GAN012 update-ratio-imbalance": ("profile",),
        "PRF001 host-sync-storm": ("profile",),
        "PRF004 debug-or-gp-overhead": ("profile",),
        "NUM004 gradient-norm-explosion": ("gradient_norm",),
        "GP001 create-graph-missing": ("source",),
        "ARC002 no-lipschitz-control": ("source",),
    }
    quiet = [
        "GAN003 critic-score-runaway",
        "GAN007 limit-cycle",
        "NUM001 nonfinite-value",
        "RUN002 restart-loop",
    ]
    said = [Verdict(run, code, "fired-rule", Outcome.FIRED) for code in fired]
    said += [Verdict(run, *_split(name), Outcome.COULD_NOT_TELL, missing) for name, missing in lacking.items()]
    said += [Verdict(run, *_split(name), Outcome.QUIET) for name in quiet]
    said += [
        Verdict(run, "SAT003", "bce-floor", Outcome.NOT_APPLICABLE, note="not a BCE loss"),
        Verdict(
            run,
            "LOG005",
            "impossible-metric",
            Outcome.IGNORED,
            note="known, see ticket 12 (until 2026-03-01)",
        ),
        Verdict(run, "TEAM01", "our-own-rule", Outcome.BROKEN, note="rules/team01.toml:4:9: unknown fact `shar`"),
    ]
    return tuple(said)


def _split(name: str) -> tuple[str, str]:
    code, _, rest = name.partition(" ")
    return code, rest


def sick() -> Report:
    """Return a run like the reference case: one root, a loop, a mask, a fix that only hides."""
    findings = (EMPTY, SENTINEL, ONE_SIDED, PINNED, STARVED, FROZEN, MASKING, ALIVE, SLOW)
    nodes = (*LOOP, "sick/OPT001", "sick/NUM002")
    chain = Chain("sick", nodes, EDGES, (LOOP,), ("sick/OPT007", "sick/PRF003"))
    fired = tuple(finding.code for finding in findings)
    return Report("0.1.0", (SICK_RUN,), findings, verdicts("sick", fired), (chain,))


def healthy() -> Report:
    """Return a run with nothing to complain about but a remark."""
    values = tuple(math.sin(at / 3) / 10 for at in range(20))
    run = RunSummary(
        "fixed",
        "runs/fixed",
        (InputSummary("runs/fixed/train.log", "log", True, "20 records"),),
        "wgan-gp",
        "line 3 names a gradient penalty",
        "",
        "",
        ASSUMED,
        {"critic_loss": "c_loss"},
        (series("c_loss", "critic_loss", "0.0000", "0.0030", values),),
        (),
    )
    remark = Finding(
        "fixed/GAN004",
        "fixed",
        "GAN004",
        "negative-wasserstein-gap",
        Severity.LOW,
        Confidence.MEDIUM,
        "the gap is small",
        "w_gap drifts below zero, to -0.21",
        (statement(OBSERVED, "It is -0.2100 in the last record."),),
        Place("runs/fixed/train.log", 307, 96),
        root=True,
        references=("arXiv:1704.00028",),
    )
    return Report("0.1.0", (run,), (remark,), verdicts("fixed"), (Chain("fixed", apart=(remark.id,)),))


EVIL = (
    "\t\x1b[31mloss\x1b[0m=[bold]nan[/bold] \r\x07 <script>alert(1)</script> | `` ``` ~~~ "
    "# $x$ \u202eesrever\u200b "
    "漢字の損失=1e999 \udcff e\u0301 &amp; [a](javascript:b) "
)


def hostile() -> Report:
    """Return a report in which every text of an input tries to break the page."""
    long = EVIL + "x" * 5000 + " 損失=nan " + "y" * 5000
    at = long.index("損失=nan")
    places = (Place("logs/``` |\x1b[2J\n.log", 7, at + 1, at + 7), Place("logs/``` |\x1b[2J\n.log", 8, 2, 9))
    name = "evil\x1b[0m`|<b>"
    findings = (
        Finding(
            "r#1",
            "run\n# no heading",
            "SAT001",
            "score-pinned-at-bound",
            Severity.CRITICAL,
            Confidence.HIGH,
            "it prints `` ` `` and [bold]",
            f"{EVIL}\n# not a heading\n```\nnot a fence",
            (
                statement(OBSERVED, f"{EVIL}\n- not a list\n| not | a table |"),
                statement(ASSUMED, "1. not a list", "<img src=x onerror=alert(1)>"),
            ),
            places[0],
            (
                observed("log", long, places[0], "here, 漢字 \x1b[31m", math.nan),
                observed("log", EVIL, places[1], EVIL),
                observed("log", "```\n```mermaid\n~~~\n" + EVIL, Place("b.log", 1)),
                derived("```` ` " + EVIL, "|"),
                assumed("log", EVIL, EVIL),
            ),
            fixes=(
                Fix(
                    "```\n# title",
                    "edit",
                    "manual",
                    "```\n<b>text</b>",
                    Effect.HIDES,
                    Check("[link](x) `", {"f\udcff": {"bound": math.inf, "at": (1, math.nan)}}),
                    diff="```\n+```\n-~~~\n+\x1b[31mred",
                    rank=1,
                    hides=("<b>",),
                    conflicts=(2,),
                ),
            ),
            references=("https://example.org/<script>", "](x) ```"),
            series=(name,),
            root=True,
            causes=("r#2",),
        ),
        Finding(
            "r#2",
            "run\n# no heading",
            "SAT001",
            'name"]; click n1 "x',
            Severity.HIGH,
            Confidence.LOW,
            "",
            "x" * 400,
            (),
            Place("w" * 200 + ".log", 1, 1),
            (observed("log", "\ta\tb = 1", Place("w" * 200 + ".log", 1, 6, 7), "under the 1"),),
            caused_by=("r#1",),
        ),
    )
    run = RunSummary(
        "run\n# no heading",
        "\udcff",
        (InputSummary("a`|\x1b.log", "log", True, ""), InputSummary(EVIL, "\x1b", False, EVIL)),
        "unknown",
        EVIL,
        EVIL,
        EVIL,
        ASSUMED,
        {"critic_loss": name},
        (SeriesSummary(name, "critic_loss", 3, math.nan, math.inf, 2, "nan\x1b", EVIL, (1e308, math.nan, -1e308), ()),),
        (SettingSummary("lr", EVIL, "a", None),),
        ((EVIL, places[0]),),
    )
    chain = Chain(
        run.id,
        ("r#1", "r#2"),
        (
            Edge("r#1", "r#2", LinkKind.CAUSES, ASSUMED, EVIL),
            Edge("r#2", "r#1", LinkKind.ENABLES, OBSERVED),
            Edge("r#2", "gone```", LinkKind.MASKS, OBSERVED),
        ),
        (("r#1", "r#2"),),
    )
    said = (
        Verdict(run.id, "X`1", "n|", Outcome.COULD_NOT_TELL, (EVIL,)),
        Verdict(run.id, "X2", "n", Outcome.BROKEN, (), EVIL),
    )
    return Report("0.1.0", (run,), findings, said, (chain,), (EVIL,))


def source_only() -> Report:
    """Return a check of source without a log."""
    found = Finding(
        "src/SAT004",
        "src",
        "SAT004",
        "hard-clamp-on-score",
        Severity.MEDIUM,
        Confidence.HIGH,
        "the call is in the source",
        "The critic clamps its score",
        (statement(OBSERVED, "Beyond the bound the derivative of clamp is 0."),),
        Place(MODEL, 273, 17, 60),
        (source(273, CLAMP, "torch.clamp(score, min=-1000.0, max=1000.0)", "what it returns"),),
        fixes=(UNCLAMP,),
        root=True,
    )
    run = RunSummary(
        "src",
        "training",
        (InputSummary(MODEL, "source", True, "2 networks"),),
        "unknown",
        "",
        "",
        "",
        ASSUMED,
        {},
        (),
        (),
    )
    return Report("0.1.0", (run,), (found,), verdicts("src", ("SAT004",)), (Chain("src", apart=("src/SAT004",)),))


def two_runs() -> Report:
    """Return two runs in one report, one of which could not be judged."""
    first, second = healthy(), source_only()
    blind = RunSummary(
        "empty",
        "runs/empty",
        (InputSummary("runs/empty/train.log", "log", True, "no numbers in it"),),
        "unknown",
        "",
        "",
        "",
        ASSUMED,
        {},
        (),
        (),
        judged=False,
    )
    lost = tuple(Verdict("empty", f"SAT00{at}", "rule", Outcome.COULD_NOT_TELL, ("critic_loss",)) for at in range(1, 6))
    return Report(
        "0.1.0",
        (*first.runs, *second.runs, blind),
        (*first.findings, *second.findings),
        (*first.verdicts, *second.verdicts, *lost),
        (*first.chains, *second.chains),
        ("rules/team01.toml:4:9: unknown fact",),
    )


SAMPLES = {
    "sick": sick,
    "healthy": healthy,
    "hostile": hostile,
    "source_only": source_only,
    "two_runs": two_runs,
}
