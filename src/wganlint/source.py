"""What the source of a run says, as data: sites in files, nothing judged, nothing ever imported; part of `run`.

`read/source.py` fills this from the syntax tree alone. Every fact is a `Site`: a place (file, line, column, all
1-based and in characters), the quoted line, and the owner (`Class.method` or function) that holds it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from wganlint.evidence import Evidence, Place, observed


class Site(Struct, frozen=True):
    """A place in the source that matters."""

    place: Place
    quote: str
    owner: str

    def evidence(self, label: str = "") -> Evidence:
        """Return this place as quoted evidence."""
        return observed("source", self.quote, self.place, label)


class Layer(Site, frozen=True):
    """A layer that a network creates: `attribute` as in the source (`point_net.0`), `type` as written (`Linear`)."""

    attribute: str = ""
    type: str = ""
    normalizes: bool = False  # LayerNorm, BatchNorm, InstanceNorm, GroupNorm, RMSNorm, spectral or weight norm
    learns: bool = False  # Linear, Conv*, ConvTranspose*, Embedding, GRU ...
    gate: str = ""  # the condition that may leave it out, where that is not told by the files


class Network(Site, frozen=True):
    """A class that is a network. `part`: "critic", "generator" or "other"; `why` says how that was told."""

    name: str = ""
    part: str = "other"
    why: str = ""
    layers: tuple[Layer, ...] = ()
    initialized: Site | None = None  # where weights are set by hand (nn.init.*), if anywhere


class Clamp(Site, frozen=True):
    """A bound put on a value. `on`: "score" (what the critic returns), "floor" (a score that ends in a ReLU), "loss",
    "features", "norm", "other".

    `soft` for C*tanh(x/C) and the like. A None bound is open or not a literal; names with a literal default
    (constructor or function default, module constant, class attribute, argparse default) are resolved and
    `resolved` then names them.
    """

    on: str = "other"
    low: float | None = None
    high: float | None = None
    soft: bool = False
    call: str = ""
    resolved: str = ""
    gate: str = ""  # the condition that may leave it out, where that is not told by the files
    network: Place | None = None  # where the network stands whose score it bounds
    inner: bool = False  # the score is squashed once more behind it


class Scale(Site, frozen=True):
    """The critic divides its score by something that depends on the batch. `divisor` as written, e.g. sqrt(batch)."""

    divisor: str = ""
    kind: str = ""  # "batch" or "running" (a statistic of earlier scores)


class Fill(Site, frozen=True):
    """A large constant (|value| >= 1e4) that stands for missing or empty.

    `reaches`: "network" (a Linear, conv or mean sees it), "masking" (only softmax, logsumexp, argmax, topk or a max
    with include_self=False see it), "guarded" (where, mask or isfinite replaces it first), "unknown".
    `path`: the lines it passes on the way. `norm_after`: a normalizing layer that its value passes, if any.
    """

    value: float = 0.0
    call: str = ""
    reaches: str = "unknown"
    path: tuple[Site, ...] = ()
    norm_after: Layer | None = None


class NanGuard(Site, frozen=True):
    """A call that replaces or skips non-finite values. `on`: "score", "features", "loss", "norm", "gradient", "metric".

    `call`: "nan_to_num", "where(isnan)", "skip step". `producer`: code that feeds it and could really make a NaN
    (0/0, log or sqrt of <= 0), or empty.
    """

    call: str = "nan_to_num"
    on: str = "other"
    producer: str = ""


class Rounding(Site, frozen=True):
    """round, floor, ceil, long, int, argmax, multinomial or a threshold on a quantity that the generator learns."""

    call: str = ""  # "round().long()"
    quantity: str = ""  # the learned quantity as written
    straight_through: bool = False
    supervised: Site | None = None  # a separate loss that trains the same quantity


class CountHead(Site, frozen=True):
    """How many items a sample gets is read from a network: count = round(base**h - offset), or round(h), round(exp h).

    `alive_above`: the head's output above which a count of at least 1 results (log10(1.5) = 0.176 for
    round(10**h - 1)), None if the form is not understood. `bias`: the value that the last bias is set to, with its
    site, or None where it keeps the library's default (near 0).
    """

    expression: str = ""
    head: str = ""
    alive_above: float | None = None
    bias: float | None = None
    bias_site: Site | None = None
    minimum: int = 0  # a lower clamp on the count


class SlopeNorm(Site, frozen=True):
    """The norm of the critic's slope in a penalty. `over`: "sample" (one number a sample), "axis" (one of several axes
    of a sample), "batch" (the axis of the samples), "whole" (all at once) or "unknown". `bare`: a square root whose
    derivative is infinite at 0, with nothing added under it; `centered`: the target that it is pulled to, if read.
    `dims`: the axes as written."""

    over: str = "unknown"
    bare: bool = False
    centered: float | None = None
    dims: str = ""


class Penalty(Site, frozen=True):
    """A gradient penalty: the function or block that differentiates the critic's score by its input.

    `used`: it reaches a backward call or leaves as a loss; False: it is only read out, or never called; None: not
    told. `cut`: where it loses its graph on the way. `masked`: where the slope or its norm is clamped from above or
    cleaned of NaN. `critics`: where the networks stand whose slope it is; empty where not told. `mixing`: how the point
    between real and fake is drawn ("sample", "batch", "element", "vector": one number an item of the last axis,
    "unequal": weights that do not add up to 1), with its site. `rank`: axes of the input, None where not told;
    `pooled`: where the critic takes the maximum over the elements of a sample while the norm is taken element by
    element.
    """

    create_graph: bool | None = None
    weight: float | None = None
    weight_text: str = ""
    used: bool | None = None
    cut: Site | None = None
    masked: tuple[Site, ...] = ()
    norms: tuple[SlopeNorm, ...] = ()
    critics: tuple[Site, ...] = ()
    mixing: str = ""
    mixing_site: Site | None = None
    rank: int | None = None
    pooled: Site | None = None
    gate: str = ""  # the condition under which alone it is computed, where the files have one


class PenaltySkip(Site, frozen=True):
    """A way around the penalty. `kind`: "empty" (returns a constant when the fakes are empty), "interval" (every k-th
    substep), "except", "zero weight". `condition` and `result` as written; `every` for an interval."""

    kind: str = ""
    condition: str = ""
    result: str = ""
    every: int | None = None
    last_substep_skipped: bool | None = None  # with the default critic steps, if both are literal


class Optimizer(Site, frozen=True):
    """An optimizer that the source creates. `part`: whose parameters. Numbers are literals or resolved defaults."""

    name: str = ""
    part: str = "other"
    lr: float | None = None
    lr_text: str = ""
    momentum: float | None = None
    betas: tuple[float, float] | None = None
    betas_text: str = ""  # as written; empty where none are given, so that the library's default holds
    choice: str = ""  # the branch that selects it, e.g. args.optimizer == "sgd"


class Loss(Site, frozen=True):
    """A loss formula. `part`: "critic" or "generator". Signs are those of E[D(real)] and E[D(fake)] in the value that
    is minimized (0: not present or not told). `family`: wgan, bce, hinge, lsgan, labels (bce or
    lsgan, as an option says) or "". `penalty`: it adds one.

    `critics`: where the networks stand that give its scores, where told. `logits`: a cross-entropy that applies the
    sigmoid itself. `control`: what bounds the slope of the critic: "penalty", "clip", "spectral", "elsewhere" (stands
    in the files, not certainly for this loss), "zero weight", "unused penalty", "none", or "" where not told. `sure`:
    no other way through the code gives the formula other signs.
    """

    part: str = ""
    formula: str = ""
    real_sign: int = 0
    fake_sign: int = 0
    family: str = ""
    penalty: bool = False
    sure: bool = True
    critics: tuple[Site, ...] = ()
    logits: bool = False
    control: str = ""
    control_site: Site | None = None


class Detach(Site, frozen=True):
    """In the generator's own loss the fakes reach the critic without a gradient path. `how`: detach, no_grad, data,
    item, numpy."""

    how: str = ""


class UpdateFault(Site, frozen=True):
    """Something in how an optimizer is made, cleared or stepped that cannot be meant.

    `kind`: "wrong weights" (it is named for one part and holds the other's), "shared weights" (it holds both),
    "never stepped", "never cleared", "foreign" (its step uses gradients of the other part's loss), "stale" (it uses
    those of an earlier step again), "frozen" (its weights never get a gradient), "guarded" (its steps stand under
    `accum_steps == 1`), "idle" (the backward before its step is commented out), "barred" (its steps stand where `other`
    never lets the code come), "uncalled" (they stand in a function that nothing calls), "unfed" (no backward fills its
    gradients between clearing and step). `optimizer` and `part`: whose;
    `other`: the other network as written; `marks`: further lines, each with what it shows.
    """

    kind: str = ""
    optimizer: str = ""
    part: str = ""
    other: str = ""
    marks: tuple[tuple[Site, str], ...] = ()


class SignFault(Site, frozen=True):
    """A loss that pulls a score the wrong way. `kind`: "alike" (the critic's loss pulls real and fake scores the same
    way) or "along" (the generator's pulls fake scores the way that the critic's does). `formula` as written, `rival`
    the critic's formula beside it, with its line in `marks`."""

    kind: str = ""
    part: str = ""
    formula: str = ""
    rival: str = ""
    up: bool = False  # the common direction
    marks: tuple[tuple[Site, str], ...] = ()


class Reset(Site, frozen=True):
    """Where an optimizer loses its state. `kind`: "cleared", "made anew" (inside the training loop), "not restored" (a
    resume loads the weights only) or "dropped" (an error while loading is ignored). `loop`: the loop that repeats it as
    written; `guard`: the condition under which, if any."""

    kind: str = ""
    optimizer: str = ""
    loop: str = ""
    guard: str = ""
    marks: tuple[tuple[Site, str], ...] = ()


class Rhythm(Site, frozen=True):
    """How often the critic steps for one step of the generator, told by the loops and conditions around both.

    `number`: by default; `text` as written (`opt.n_critic`), empty where both step once a round."""

    number: float | None = None
    text: str = ""


class Swallow(Site, frozen=True):
    """A fault that the code hides. `kind`: "except" (an error becomes a constant or nothing), "or" (a setting of 0
    becomes the default), "unread" (an option that nothing reads), "undefined" (an option that is read with a default
    and defined nowhere). `what`: "penalty", "loss", "gap", "metric", "step" or the option's name; `instead`: what it
    becomes; `told`: the handler prints or logs it."""

    kind: str = ""
    what: str = ""
    instead: str = ""
    told: bool = False


class Default(Site, frozen=True):
    """A named default in the source: an argparse option, a function parameter or a constant."""

    name: str = ""
    value: str = ""
    number: float | None = None
    kind: str = ""  # "option", "parameter", "constant"
    meaning: str = ""  # as `Setting.meaning`; filled by `read/roles`


class WeightClip(Site, frozen=True):
    """Weights clipped to +-bound after a step: `p.data.clamp_(-c, c)`."""

    bound: float | None = None
    resolved: str = ""  # the names behind the bound
    gate: str = ""  # the condition under which alone it is done, where the files have one


class BareRoot(Site, frozen=True):
    """A square root that a loss differentiates and that is 0 for some samples by construction. `why`: "itself" (the
    distance of samples to each other holds that of each to itself)."""

    why: str = ""


class Alarm(Site, frozen=True):
    """A test of a loss or score beside which the program warns. `low`, `high`: the range that it calls normal (None:
    open); `on`: the value as written; `why`: a comment that calls a bound normal ("due to clamp"), or empty."""

    low: float | None = None
    high: float | None = None
    on: str = ""
    why: str = ""


class StepPart(Site, frozen=True):
    """A backward call of a training step: how many NaN cleanings lie between its loss and weights (without a penalty),
    how often it is run in a step by default, and the range of the loop that says so, as written."""

    cleanings: int = 0
    times: int = 1
    loop: str = ""


class StepCount(Site, frozen=True):
    """The NaN cleanings on the graph of one training step (the function that reaches all backward calls), by its parts.

    `penalty`: how many more a penalty would add at least, on each critic step that runs it.
    """

    parts: tuple[StepPart, ...] = ()
    penalty: int = 0


class Noise(Site, frozen=True):
    """What the generator is fed in training instead of fresh noise, with the call that makes it: `torch.zeros`.

    `kind`: "constant", "scaled" (a draw times 0, or without width), "row" (one draw for the whole batch), "once" (drawn
    before the loop) or "seeded" (the seed is set back before each draw)."""

    call: str = ""
    kind: str = "constant"


class Controller(Site, frozen=True):
    """A branch on the gap that changes critic steps or the penalty's weight.

    `against`: at a negative gap it weakens the critic; `both`: an opposite branch shares its limit and nothing keeps
    them apart.
    """

    test: str = ""
    action: str = ""
    against: bool = False
    both: bool = False


class BiasedPrint(Site, frozen=True):
    """A print of the gap under a condition on the gap, with no other print of it. `test` as written."""

    test: str = ""


class Leak(Site, frozen=True):
    """A graph that outlives its step. `kind`: "list" (a loss with its graph is appended to `into`), "sum" (added to
    it), "cycle" (`backward(create_graph=True)`). `retained`: its backward keeps the buffers too (retain_graph=True)."""

    kind: str = "list"
    name: str = ""
    into: str = ""
    retained: bool = False


class Pardon(Site, frozen=True):
    """A comment `# wganlint: ignore[CODE, CODE2] reason`: findings of these rules on lines `first` to `last` (the
    statement that it stands in or above) are not to be reported. `codes` as written."""

    codes: tuple[str, ...] = ()
    reason: str = ""
    first: int = 0
    last: int = 0

    def covers(self, place: Place | None) -> bool:
        """Return whether a finding stands on its lines."""
        if place is None or place.line is None or place.file != self.place.file:
            return False
        return self.first <= place.line <= self.last


class SourceModel(Struct, frozen=True):
    """All facts of the source files of one run."""

    files: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    clamps: tuple[Clamp, ...] = ()
    scales: tuple[Scale, ...] = ()
    fills: tuple[Fill, ...] = ()
    guards: tuple[NanGuard, ...] = ()
    roundings: tuple[Rounding, ...] = ()
    count_heads: tuple[CountHead, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    skips: tuple[PenaltySkip, ...] = ()
    optimizers: tuple[Optimizer, ...] = ()
    losses: tuple[Loss, ...] = ()
    detaches: tuple[Detach, ...] = ()
    update_faults: tuple[UpdateFault, ...] = ()
    sign_faults: tuple[SignFault, ...] = ()
    resets: tuple[Reset, ...] = ()
    rhythms: tuple[Rhythm, ...] = ()
    swallows: tuple[Swallow, ...] = ()
    steps: tuple[Site, ...] = ()  # where optimizers of critic or generator are stepped
    defaults: tuple[Default, ...] = ()
    clips: tuple[WeightClip, ...] = ()
    noises: tuple[Noise, ...] = ()
    controllers: tuple[Controller, ...] = ()
    biased: tuple[BiasedPrint, ...] = ()
    leaks: tuple[Leak, ...] = ()
    roots: tuple[BareRoot, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    step_count: StepCount | None = None
    pardons: tuple[Pardon, ...] = ()

    def without(self, pardon: Pardon) -> SourceModel:
        """Return the model without what stands on a pardon's lines; networks, losses and settings are kept."""
        kept = {
            "files", "networks", "losses", "optimizers", "defaults", "steps", "rhythms", "pardons", "step_count",
        }  # fmt: skip
        parts: dict[str, Any] = {
            part: tuple(site for site in getattr(self, part) if not pardon.covers(site.place))
            for part in self.__struct_fields__
            if part not in kept
        }
        return replace(self, **parts)

    def part(self, part: str) -> tuple[Network, ...]:
        """Return the networks of one part: "critic" or "generator"."""
        return tuple(network for network in self.networks if network.part == part)
