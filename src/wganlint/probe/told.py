"""What a probe measured in a few plain lines: Probe -> text of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from wganlint.measured import FAKE, MIXED, REAL, Bound, Line, Probe, Share

WIDTH = 80
_SIDES = {REAL: "real", FAKE: "fake", MIXED: "interpolated", "": "all"}


def told(probe: Probe, profile: Sequence[str] = ()) -> str:
    """Return the account of a probe; `profile` is what is said of a profiler window."""
    lines: list[str] = []
    for title, part in (
        ("", _run(probe)), ("networks", _networks(probe)), ("what the critic is given", _inputs(probe)),
        ("scores", _scores(probe)), ("bounds", _bounds(probe)), ("not finite", _finite(probe)),
        ("gradients", _gradients(probe)), ("which way the losses pull the scores", _pulls(probe)),
        ("penalty", _penalties(probe)), ("optimizers", _optimizers(probe)),
        ("experiments on copies", _trials(probe)), ("inputs exchanged on copies", _exchanges(probe)),
        ("numbers read back from the device", _syncs(probe)),
        ("profile", iter(profile)), ("not measured", _gaps(probe)),
    ):  # fmt: skip
        some = [one for text in part for one in _wrapped(text, bool(title))]
        if some:
            lines += [*([title] if title else []), *some]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, inner: bool) -> list[str]:
    indent = "  " if inner else ""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    ) or [""]  # fmt: skip


def _at(line: Line | None) -> str:
    return f"{line.file}:{line.line}" if line is not None else "an unknown line"


def number(value: float | None) -> str:
    """Return a number in four digits."""
    if value is None:
        return "not finite"
    if value == 0:
        return "0"
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def percent(share: Share) -> str:
    """Return a share such that 100 % and 0 % mean all and none."""
    if not share.elements:
        return "nothing"
    if share.hit in (0, share.elements):
        return "0 %" if share.hit == 0 else "100 %"
    value = 100 * share.share
    return f"{value:.1f} %" if 0.1 <= value <= 99.9 else "under 0.1 %" if value < 1 else "over 99.9 %"


def of(share: Share) -> str:
    """Return counts in words."""
    return f"{share.hit:,} of {share.elements:,}"


def _plural(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def _run(probe: Probe) -> Iterator[str]:
    where = f" at {_at(probe.ending.line)}" if probe.ending.line is not None else ""
    versions = f"torch {probe.torch}, {probe.device}" if probe.torch else "torch was not reached"
    yield f"{' '.join(probe.command)}"
    steps = f"{_plural(probe.steps, 'optimizer step')}, {_plural(probe.rounds, 'round')}"
    yield f"{steps}, {probe.timing.wall:.1f} s ({versions})"
    yield f"how it ended: {probe.ending.text}{where}"
    yield from _cost(probe)
    if probe.memory_peak is not None:
        yield f"memory of the device at most: {probe.memory_peak / (1 << 20):,.1f} MiB in tensors"
    if probe.unchanged is not None:
        word = "bit-equal to" if probe.unchanged else "NOT equal to"
        yield f"weights, buffers and random state after the last step: {word} a run without instruments"
    if probe.target and probe.ending.kind == "steps":
        yield "the loop was the probe's own: what your loop does shows with wganlint probe -- python your_script.py"
    for line in probe.output.splitlines()[-6:]:
        yield f"| {line}"


def _cost(probe: Probe) -> Iterator[str]:
    """What the instruments cost, with its formula; what the light mode looked at."""
    time = probe.timing
    if time.overhead is not None and time.plain_step is not None and time.probed_step is not None:
        yield (
            f"cost of the instruments: {time.overhead:.1f}x = {1000 * time.probed_step:.2f} ms / "
            f"{1000 * time.plain_step:.2f} ms (mean time of a step without the slowest tenth, with / without them; "
            f"{time.how})"
        )
    if time.experiments is not None and probe.trials:
        yield f"the experiments after the last step took {time.experiments:.1f} s, which is not in that"
    for one in probe.sampled:
        yield f"light mode: {one.what} looked at in {one.looked:,} of {one.all:,} {one.unit}"


def _networks(probe: Probe) -> Iterator[str]:
    for one in probe.networks:
        calls = ", ".join(f"{count} {_SIDES.get(side, side)}" for side, count in one.calls.items())
        yield f"{one.name}: {one.role} ({one.sure}; {one.why}); {_plural(one.parameters, 'parameter')}; calls: {calls}"


def _inputs(probe: Probe) -> Iterator[str]:
    for empty in probe.empties:
        for share in empty.sides:
            if share.hit:
                what = "generated samples are empty" if empty.what == "samples" else "groups are empty"
                side = "" if empty.what == "samples" else f" on the {_SIDES[share.side]} side"
                keeps = f" and keep {number(empty.keeps)}" if empty.keeps is not None else ""
                yield (
                    f"{of(share)} {what}{side}{keeps} ({percent(share)}; first call {share.first_hit:,} of"
                    f" {share.first_elements:,}, last {share.last_hit:,} of {share.last_elements:,}): {_at(empty.line)}"
                )
    for jump in probe.jumps:
        origin = f"made by {jump.op} at {_at(jump.line)}" if jump.line is not None else "as it came from the data"
        yield (
            f"{jump.elements:,} of {jump.total:,} values of size up to {number(jump.value)} enter"
            f" {jump.network}.{jump.module} ({jump.class_name}) on the {_SIDES[jump.side]} side, first at step"
            f" {jump.step}; {origin}"
        )


def _scores(probe: Probe) -> Iterator[str]:
    both = [one for one in probe.scores if one.gap is not None]
    for one in dict.fromkeys((both[0], both[-1])) if both else ():
        yield (
            f"step {one.step}: real {number(one.real)}, fake {number(one.fake)}, gap {number(one.gap)} ({one.critic})"
        )
    for slope in probe.slopes:
        if slope.samples:
            yield (
                f"slope of {slope.critic} on {_SIDES[slope.side]}: mean {number(slope.mean)}, up to"
                f" {number(slope.highest)}, exactly 0 in {slope.zero:,} of {slope.samples:,} rows"
            )
        else:
            yield f"slope of {slope.critic} on {_SIDES[slope.side]}: it was given nothing"


def _bounds(probe: Probe) -> Iterator[str]:
    for one in sorted(probe.bounds, key=lambda bound: not bound.score):
        if not (one.score or one.weights or any(share.hit for share in one.sides)):
            continue
        held = ", ".join(f"{percent(share)} of {_SIDES[share.side]}" for share in one.sides)
        what = "weights, " if one.weights else "the score, " if one.score else ""
        yield f"{one.op} [{_limits(one)}] holds {what}{held}: {_at(one.line)}"


def _limits(one: Bound) -> str:
    return f"{'' if one.low is None else number(one.low)}, {'' if one.high is None else number(one.high)}"


def _finite(probe: Probe) -> Iterator[str]:
    guarded = sum(share.elements for one in probe.guards for share in one.sides)
    held = sum(share.hit for one in probe.guards for share in one.sides)
    if probe.guards:
        yield f"{held:,} of {guarded:,} elements that entered {_plural(len(probe.guards), 'guard')} were not finite"
    for guard in probe.guards:
        for share in guard.sides:
            if share.hit:
                yield f"{guard.op} replaced {of(share)} on the {_SIDES[share.side]} side: {_at(guard.line)}"
        back = guard.backward
        if back is not None and back.hit:
            yield f"{of(back)} gradients that came back to {guard.op} were not finite, and pass it: {_at(guard.line)}"
    for origin in probe.origins[:5]:
        first = "first " if origin.first else ""
        yield (
            f"{first}{origin.values} made by {origin.op} ({origin.direction}, step {origin.step},"
            f" {origin.elements:,} of {origin.total:,} elements): {_at(origin.line)}"
        )
    if not probe.guards and not probe.origins and probe.mode == "default":
        yield "nothing that was not finite was seen"


def _gradients(probe: Probe) -> Iterator[str]:
    for network in probe.networks:
        still = probe.ending.kind == "forward"  # nothing was stepped: what each loss would give
        of_it = [one for one in probe.gradients if one.network == network.name and not one.module]
        mine = [one for one in of_it if one.stepped or still]
        for one in mine:
            norms = "exactly 0 at each call" if one.highest == 0 else f"{number(one.first)} -> {number(one.last)}"
            none = f", {one.none} of {one.parameters} tensors without any" if one.none else ""
            yield f"{network.name}, loss at {_at(one.loss)}: {norms} ({_plural(one.calls, 'call')}{none})"
        for module in probe.dead(network.name):
            yield f"dead: {network.name}{'.' + module if module else ''} gets no gradient, or exactly 0, from any loss"


def _penalties(probe: Probe) -> Iterator[str]:
    for one in probe.penalties:
        ran = "never took a gradient" if one.ran == 0 else f"took a gradient {one.ran} times"
        gave = f", gave a constant {one.constant} times" if one.constant else ""
        graph = ", without create_graph" if one.ran and not one.graph else ""
        value = f"; value {number(one.first)} -> {number(one.last)}" if one.first is not None else ""
        yield f"{one.function} was called {one.calls} times and {ran}{gave}{graph}{value}: {_at(one.line)}"


def _optimizers(probe: Probe) -> Iterator[str]:
    for one in probe.optimizers:
        rates = ", ".join(number(rate) for rate in one.rates[:3])
        nothing = f"; {one.stepped_on_nothing} steps without any gradient" if one.stepped_on_nothing else ""
        yield (
            f"{one.name} ({one.class_name}, lr {rates}): {_plural(one.steps, 'step')}, update/weight"
            f" {number(one.ratio) if one.ratio is not None else 'not known'}{nothing}"
        )
    for scaler in probe.scalers:
        yield (
            f"the scaler left out {scaler.skipped} of {_plural(scaler.asked, 'step')} of {scaler.optimizer}; its scale:"
            f" {number(scaler.first)} -> {number(scaler.last)}"
        )
    for said in probe.printed[:5]:
        yield f"the script printed {said.name}={said.value}"
    for stray in probe.strays:
        name = f"{stray.network}{'.' + stray.module if stray.module else ''}"
        held = (
            f"in {len(stray.optimizers)} optimizers ({', '.join(stray.optimizers)})" if stray.optimizers else "in none"
        )
        yield f"{_plural(stray.parameters, 'parameter tensor')} of {name}: {held}"


def _trials(probe: Probe) -> Iterator[str]:
    for one in probe.trials:
        if one.why_not:
            yield f"{one.name}: not done: {one.why_not}"
        else:
            change = one.after - one.before if one.after is not None and one.before is not None else None
            word = f"rises by {number(change)}" if one.works else "does not rise, as it should"
            yield f"{one.name}, {one.steps} steps: {number(one.before)} -> {number(one.after)}, {word} ({one.text})"


def _pulls(probe: Probe) -> Iterator[str]:
    for one in probe.pulls:
        way = "up" if one.up and not one.down else "down" if one.down and not one.up else "both ways"
        ways = f"{one.up:,} up and {one.down:,} down" if way == "both ways" else f"{way}, {one.up + one.down:,}"
        if one.up + one.down:
            side = _SIDES[one.side]
            yield f"{one.network} is stepped to move {side} scores {ways} of {one.elements:,}: {_at(one.loss)}"


def _exchanges(probe: Probe) -> Iterator[str]:
    for use in probe.uses:
        what = use.argument or "the random numbers that it draws itself"
        what += f" ({use.kind})" if use.argument and use.kind != "input" else ""
        if use.why_not:
            yield f"{use.network}: {what}: not done: {use.why_not}"
        elif use.alike:
            yield f"{use.network}: {what}: all {use.rows} rows are the same"
        else:
            by = f", by {number(use.effect)} (size {number(use.size)})" if use.effect is not None else ""
            how = f"exchanged between {_plural(use.rows, 'row')}" if use.argument else "drawn anew"
            again = f"; the very same values at all of the last {use.repeated} calls" if use.repeated else ""
            yield (
                f"{use.network}: {what}, {how}: changes"
                f" {use.changed:,} of {use.elements:,} numbers of its samples{by}{again}"
            )
    for one in probe.varieties:
        same = f"{one.alike:,} of {one.samples:,} equal the first one; " if one.alike > 1 else ""
        beside = f", of the real ones {number(one.real)}" if one.real is not None else ""
        yield f"samples of {one.network}: {same}standard deviation over the batch {number(one.spread)}{beside}"
    for talk in probe.crosstalk:
        moved = f"by up to {number(talk.change)} (spread of all scores {number(talk.deviation)})"
        moved = moved if talk.change else "not at all"
        through = f", through {talk.layer}" if talk.layer else ""
        half = f"; in half the batch all change by a factor {number(talk.half)}" if talk.half is not None else ""
        yield (
            f"scores of {talk.critic}, {talk.kept} of {_plural(talk.samples, 'sample')} kept and the others exchanged:"
            f" they move {moved}{through}{half}"
        )


def _syncs(probe: Probe) -> Iterator[str]:
    total = sum(one.per_step for one in probe.syncs)
    if total:
        cheap = "; cheap here, on a GPU each one waits" if probe.device == "cpu" else "; each one waits for the GPU"
        most = ", ".join(f"{one.op} {number(one.per_step)} at {_at(one.line)}" for one in probe.syncs[:3])
        yield f"{number(total)} a step in all{cheap}; most: {most}"


def _gaps(probe: Probe) -> Iterator[str]:
    for one in probe.gaps:
        yield f"{one.what}: {one.why}"
