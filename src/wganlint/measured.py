"""What a live probe measured, as data (Probe); written by `wganlint probe`, read like any other input of a run.

Sides. A measurement that passes the critic belongs to a side: "real", "fake" (computed from what a generator gave,
also behind a detach), "mixed" (between the two, as a gradient penalty has it), or "" (neither, or not told).

Steps are steps of optimizers, counted from 1 over all of them; `rounds` counts those of the one that steps least.
Figures are exact counts of elements. Measured numbers are finite; what was not finite is counted, and a number that
itself was not finite is None. Lines are of the user's files, as the interpreter had them when they ran.
"""

from __future__ import annotations

from msgspec import Struct, field

VERSION = 1  # of the file; the value of its first key
REAL, FAKE, MIXED, OTHER = "real", "fake", "mixed", ""
SIDES = (REAL, FAKE, MIXED, OTHER)


class Line(Struct, frozen=True):
    """A line of the user's source: `file` as seen from where the command ran, `function` that it is in."""

    file: str
    line: int
    text: str = ""
    function: str = ""


class Ending(Struct, frozen=True):
    """How the run under the probe ended.

    `kind`: "steps" (as many as were asked for), "forward" (a target without losses or optimizers: one turn, no step),
    "finished" (the script came to its end first), "crashed", "exited" (it called exit with another code than 0),
    "timeout", "interrupted" (by Ctrl-C), "killed" (by a signal), "stopped-hard" (it went on after it was told to stop).
    `text` says it in one sentence; `line` is where it was.
    """

    kind: str
    text: str
    code: int | None = None
    line: Line | None = None


class Timing(Struct, frozen=True):
    """Seconds from one step of an optimizer to the next, bare and under instruments; None: not measured.

    The mean without the slowest tenth. `how` says which steps were run bare. `overhead` is probed / plain.
    `experiments`: seconds that those on copies took after the last step, which are in neither.
    """

    wall: float
    plain_step: float | None = None
    probed_step: float | None = None
    overhead: float | None = None
    how: str = ""
    experiments: float | None = None


class Sampled(Struct, frozen=True):
    """What the light mode looks at now and then: at `looked` of `all` calls or steps (`unit`)."""

    what: str
    looked: int
    all: int
    unit: str


class Network(Struct, frozen=True):
    """A top-level module of the program that ran.

    `role`: "generator", "critic" or "other". `why` says how it was told, `sure`: "told" (by the user), "high",
    "medium", "low". `name` is that of the variable or attribute that holds it, `class_name` and `line` its class.
    `calls` counts forward calls by side of what it was given.
    """

    name: str
    role: str
    class_name: str
    why: str
    sure: str
    parameters: int
    line: Line | None = None
    calls: dict[str, int] = field(default_factory=dict)
    training: bool = True  # in train mode at its last call
    batch_norm: bool = False  # holds a BatchNorm layer


class Share(Struct, frozen=True):
    """How many elements of one side were at a bound (or guarded, empty ...): in all, at the first and the last call.

    `first_step`, `last_step` are the steps of those calls; a step that is under way has the number that it will get.
    """

    side: str
    calls: int
    elements: int
    hit: int
    first_elements: int
    first_hit: int
    first_step: int
    last_elements: int
    last_hit: int
    last_step: int

    @property
    def share(self) -> float:
        """Share of all elements, 0 if there were none."""
        return self.hit / self.elements if self.elements else 0.0

    @property
    def last_share(self) -> float:
        """Share at the last call."""
        return self.last_hit / self.last_elements if self.last_elements else 0.0


class Spread(Struct, frozen=True):
    """Values of one side: smallest, largest, largest size, median size, mean and standard deviation of what is finite.

    `nonfinite` counts the others. Mean and deviation are over all calls together, the median is that of the last call.
    """

    side: str
    calls: int
    elements: int
    nonfinite: int
    lowest: float | None
    highest: float | None
    largest: float | None  # max |x|
    median: float | None  # of |x|
    mean: float | None
    deviation: float | None


class Bound(Struct, frozen=True):
    """A place that holds values within bounds: clamp, clip, hardtanh, relu6, tanh, sigmoid.

    At the bound are elements that entered at or beyond it (clamp: x <= low or x >= high; beyond, the gradient is 0); of
    tanh and sigmoid those whose result is as large as it can be in its number type. `entered` is what came in.
    `weights`: what is bounded are parameters (weight clipping), not values. `score`: what leaves is the critic's score,
    up to scaling.
    """

    line: Line
    op: str
    low: float | None
    high: float | None
    sides: tuple[Share, ...]
    entered: tuple[Spread, ...] = ()
    network: str = ""
    weights: bool = False
    score: bool = False


class Guard(Struct, frozen=True):
    """A place that replaces what is not finite (nan_to_num, where with isnan or isfinite): `hit` are such elements.

    `backward` is the same for gradients that came back to it: they pass a guard as they are, so `hit` are not replaced.
    """

    line: Line
    op: str
    sides: tuple[Share, ...]
    backward: Share | None = None
    network: str = ""


class Origin(Struct, frozen=True):
    """An operation that made something that is not finite of what was finite; the first one of each line.

    `direction`: "forward" or "backward" (`op` is then the node that gave the gradient, `line` that of its forward
    call). `values` are "nan", "inf" or both. `first`: the earliest one of the whole run.
    """

    line: Line | None
    op: str
    direction: str
    step: int
    elements: int
    total: int
    values: str
    side: str = ""
    network: str = ""
    first: bool = False


class Range(Struct, frozen=True):
    """What enters and leaves a layer, by side. `module` is its path in the network (`decision_net.0`)."""

    network: str
    module: str
    class_name: str
    entered: tuple[Spread, ...]
    left: tuple[Spread, ...]


class Jump(Struct, frozen=True):
    """Where values first became large (|x| >= 1e4): the layer that was given them, and the operation that made them.

    `value` is the largest size, `below` the largest size of what went into `op` (None: it had no input, as `full`).
    `layer_median` is the median size of what entered the layer; a few large values among small ones are a fill.
    """

    network: str
    module: str
    class_name: str
    side: str
    step: int
    value: float
    layer_median: float | None
    elements: int
    total: int
    op: str
    line: Line | None
    below: float | None = None
    kind: str = ""  # "fill" (a constant), "division", "exp", "product", "other"


class Sentinel(Struct, frozen=True):
    """A constant of large size that was written into a tensor (full, fill, masked_fill, where), and how far it came.

    `reaching` are elements of just this value in what enters a layer of `network`, called `module`.
    """

    line: Line
    op: str
    value: float
    calls: int
    elements: int
    network: str = ""
    module: str = ""
    reaching: tuple[Share, ...] = ()


class Empty(Struct, frozen=True):
    """Groups without a member: in a scatter or segment reduction, or samples that a generator gave nothing for.

    `what`: "groups" (rows of the result that no element was written to) or "samples" (zeros among the counts that a
    generator gave, or a batch with no element at all). `keeps` is the value that such a row keeps. `hit` are the empty
    ones.
    """

    line: Line | None
    op: str
    what: str
    sides: tuple[Share, ...]
    keeps: float | None = None
    network: str = ""


class Gradient(Struct, frozen=True):
    """Gradient of a part of a network, behind one `backward()` call (one loss), over its calls.

    `module` is a path in the network, "" for the whole. Norms are L2 over its parameters of what this call added.
    `none`, `zero` count parameter tensors whose gradient was None, or exactly 0 in all elements, at *each* call;
    `parameters` are all tensors. `stepped`: an optimizer that holds these parameters stepped on this gradient before
    it was cleared; else it is a by-product (the generator's of the critic's loss).
    """

    network: str
    module: str
    loss: Line | None
    calls: int
    parameters: int
    none: int
    zero: int
    first: float | None
    last: float | None
    lowest: float | None
    highest: float | None
    stepped: bool
    nonfinite: int = 0  # calls with a gradient that was not finite
    first_step: int = 0
    last_step: int = 0

    @property
    def dead(self) -> bool:
        """Whether nothing at all came back at any call."""
        return self.parameters > 0 and self.none + self.zero >= self.parameters


class Penalty(Struct, frozen=True):
    """A penalty on the slope of the critic: a function that takes the gradient of scores to inputs, or gives up.

    `calls` of the function; `ran` of them that took a gradient; `constant` that returned a value without a graph.
    `graph`: calls of `autograd.grad` with create_graph. `first`, `last` are the values that it returned. `slope`:
    the norms that it saw, over its batch.
    """

    line: Line
    function: str
    calls: int
    ran: int
    constant: int
    graph: int
    first: float | None
    last: float | None
    slope: Spread | None = None


class Slope(Struct, frozen=True):
    """Norm of the critic's gradient to its input, by side, one norm a sample; measured by the probe on a copy of the
    graph that the step itself used, or on a call of its own. `step` is when."""

    critic: str
    side: str
    step: int
    samples: int
    mean: float | None
    lowest: float | None
    highest: float | None
    zero: int = 0  # samples whose gradient is exactly 0


class Score(Struct, frozen=True):
    """Mean scores of the critic at one step: of the last call on each side before an optimizer stepped."""

    critic: str
    step: int
    real: float | None = None
    fake: float | None = None

    @property
    def gap(self) -> float | None:
        """mean(real) - mean(fake)."""
        return None if self.real is None or self.fake is None else self.real - self.fake


class Pull(Struct, frozen=True):
    """Which way a loss pulls the scores of one side: the signs of its gradient to them, over the steps of a network.

    `network` was stepped on this loss. `up`, `down` of `elements` are scores that the step is to raise or lower (an
    optimizer with maximize=True is taken into account). `lowest`, `highest`: gradient times number of scores, of those
    that are not 0; both alike in all calls where the loss is linear in the score (a mean; hinge).
    """

    network: str
    loss: Line | None
    side: str
    calls: int
    elements: int
    up: int
    down: int
    lowest: float | None = None
    highest: float | None = None


class Optimizer(Struct, frozen=True):
    """An optimizer and its effect: `ratios` are |update| / |weights| (L2 over all its parameters), step by step.

    `rates` are the learning rates in force at its last step, by group, `first_rates` at its first; `constant`: they
    were the same at all steps between. `bases` are the rates that a schedule of PyTorch starts from. `networks` maps
    names of networks to the number of their parameter tensors that it holds. `stepped_on_nothing`: steps with all
    gradients None.
    """

    name: str
    class_name: str
    line: Line | None
    rates: tuple[float, ...]
    steps: int
    parameters: int
    networks: dict[str, int]
    ratios: tuple[float | None, ...] = ()
    betas: tuple[float, float] | None = None
    momentum: float | None = None
    stepped_on_nothing: int = 0
    first_rates: tuple[float, ...] = ()
    bases: tuple[float, ...] = ()
    constant: bool | None = None

    @property
    def ratio(self) -> float | None:
        """The median of |update| / |weights|, None without any."""
        known = sorted(one for one in self.ratios if one is not None)
        return known[len(known) // 2] if known else None


class Printed(Struct, frozen=True):
    """A learning rate that the script printed as a setting while it was probed: `value` as it stands in `line`."""

    name: str
    value: str
    number: float
    line: str = ""


class Scaler(Struct, frozen=True):
    """A gradient scaler of AMP and one optimizer: how often it was asked for a step, and left it out.

    `row`: the last ones, that were left out without one between; `first`, `last`: its scale at these calls.
    """

    optimizer: str
    line: Line | None
    asked: int
    skipped: int
    row: int = 0
    first: float | None = None
    last: float | None = None


class Stray(Struct, frozen=True):
    """Parameters of one submodule that no optimizer holds (`optimizers` is empty), or several do.

    `frozen`: they do not require a gradient, so it is meant.
    """

    network: str
    module: str
    parameters: int
    optimizers: tuple[str, ...]
    frozen: bool = False


class Sync(Struct, frozen=True):
    """A line that makes the program wait for the device (item, float, a tensor printed or copied to the CPU).

    Cheap where the device is the CPU.
    """

    line: Line
    op: str
    calls: int
    per_step: float


class Crosstalk(Struct, frozen=True):
    """Whether the critic's scores hang on the other samples of their batch: half of one was kept, the others exchanged.

    `change`: the largest move of a kept score (0: none beyond rounding), `deviation`: the spread of all scores.
    `layer`: the first one whose result moved. `twice`: the largest move when the same batch is scored twice. `half`:
    the factor by which all scores change in a batch of half the size, None if it is not the same for all.
    """

    critic: str
    change: float | None
    deviation: float | None
    layer: str = ""
    kept: int = 0
    samples: int = 0
    twice: float | None = None
    half: float | None = None


class Use(Struct, frozen=True):
    """What a generator makes of one of its inputs: rows of it were exchanged between the samples of the last batch.

    `argument` is the name that its forward has for it, "" for the random numbers that it draws itself (drawn anew).
    `kind`: "noise" (by its name), "condition" (whole numbers, or given to the critic too), "input" (neither). All else
    was kept. `changed` of `elements` of its samples; `effect`: root mean square of the change, `size`: of the samples.
    `alike`: all rows were the same, so there was nothing to exchange. `repeated`: calls of the last steps, if it
    held the very same values at all of them (and the data did not), else 0. `why_not`: it could not be done.
    """

    network: str
    argument: str
    kind: str
    rows: int
    alike: bool = False
    elements: int = 0
    changed: int = 0
    effect: float | None = None
    size: float | None = None
    repeated: int = 0
    why_not: str = ""


class Variety(Struct, frozen=True):
    """How the samples of the last batch of a generator differ: `alike` of them equal the first one (up to rounding).

    `spread`: standard deviation over the batch (root mean square over the features), `real`: the same of the real
    batch, `size`: root mean square of the samples.
    """

    network: str
    samples: int
    alike: int
    spread: float | None = None
    real: float | None = None
    size: float | None = None


class Trial(Struct, frozen=True):
    """An experiment on copies, after the last step, on its batches, with mean scores for a loss and no penalty.

    `name`: "critic-alone" (generator frozen: the gap must rise), "generator-alone" (critic frozen: the mean fake score
    must rise). `before`, `after` are the gap, or the score. `why_not`: it was not done.
    """

    name: str
    steps: int = 0
    before: float | None = None
    after: float | None = None
    works: bool | None = None
    text: str = ""
    why_not: str = ""


class Gap(Struct, frozen=True):
    """Something that was not measured, and why."""

    what: str
    why: str


class Probe(Struct, frozen=True):
    """All that one run of `wganlint probe` measured. `file` is the place of the file that was read, as shown."""

    command: tuple[str, ...]
    script: str
    folder: str
    python: str
    torch: str
    device: str
    mode: str  # "default" or "light"
    asked_steps: int
    steps: int
    rounds: int
    ending: Ending
    timing: Timing
    seed: int | None = None
    wganlint: str = ""
    file: str = ""
    networks: tuple[Network, ...] = ()
    bounds: tuple[Bound, ...] = ()
    guards: tuple[Guard, ...] = ()
    origins: tuple[Origin, ...] = ()
    ranges: tuple[Range, ...] = ()
    jumps: tuple[Jump, ...] = ()
    sentinels: tuple[Sentinel, ...] = ()
    empties: tuple[Empty, ...] = ()
    gradients: tuple[Gradient, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    slopes: tuple[Slope, ...] = ()
    scores: tuple[Score, ...] = ()
    pulls: tuple[Pull, ...] = ()
    optimizers: tuple[Optimizer, ...] = ()
    scalers: tuple[Scaler, ...] = ()
    printed: tuple[Printed, ...] = ()
    strays: tuple[Stray, ...] = ()
    syncs: tuple[Sync, ...] = ()
    crosstalk: tuple[Crosstalk, ...] = ()
    trials: tuple[Trial, ...] = ()
    uses: tuple[Use, ...] = ()
    varieties: tuple[Variety, ...] = ()
    gaps: tuple[Gap, ...] = ()
    target: bool = False  # a function's pieces in a loop of the probe's own: it cannot clear the program's own loop
    sampled: tuple[Sampled, ...] = ()
    memory_peak: int | None = None  # bytes on the device
    unchanged: bool | None = None  # weights, buffers and random state are bit-equal to a run without instruments
    output: str = ""  # the last lines that the script printed, where it failed

    def network(self, role: str) -> Network | None:
        """Return the network of this role, the first if there are several."""
        return next((one for one in self.networks if one.role == role), None)

    def gradient(self, network: str, module: str = "") -> Gradient | None:
        """Return the gradient on which an optimizer stepped this part of a network; of several losses the last."""
        mine = [one for one in self.gradients if one.network == network and one.module == module and one.stepped]
        return mine[-1] if mine else None

    def pull(self, network: str, side: str) -> int | None:
        """Return which way the losses that a network is stepped on pull the scores of a side: 1 up, -1 down, 0 both."""
        mine = [one for one in self.pulls if one.network == network and one.side == side]
        up, down = sum(one.up for one in mine), sum(one.down for one in mine)
        return (0 if up and down else 1 if up else -1) if up or down else None

    def dead(self, network: str) -> tuple[str, ...]:
        """Return the outermost submodules of a network that no loss gave a gradient on which it was stepped."""
        alive = {one.module for one in self.gradients if one.network == network and one.stepped and not one.dead}
        seen = {one.module for one in self.gradients if one.network == network and one.stepped}
        dead = sorted(seen - alive)
        return tuple(one for one in dead if not any(one != up and (not up or one.startswith(up + ".")) for up in dead))
