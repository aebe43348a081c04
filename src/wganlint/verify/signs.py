"""Probe -> vital signs -> what a fix did: cures, helps, hides, moves, nothing, breaks. Limits: rules/edits.toml."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean, median

from msgspec import Struct

from wganlint.measured import FAKE, REAL, Bound, Probe
from wganlint.verify.policy import Rulings

LAST = 5  # steps whose gap is averaged


class Effect(StrEnum):
    """What a fix did, from best to worst. `helps`: what was sick is clearly better, and not yet well."""

    CURES = "cures"
    HELPS = "helps"
    HIDES = "hides"
    MOVES = "moves"
    NOTHING = "nothing"
    BREAKS = "breaks"


class Signs(Struct, frozen=True):
    """The vital signs at the end of one measured run; None: not there to be measured.

    `empty`: share of the last generated samples without content. `gradient`: norm of the generator's gradient behind
    the loss that goes through the critic. `pinned`: the largest share of one side's scores at a bound, at `bound`
    (operation and line), of that `size`. `scores`: largest mean score by size. `masked`: elements that a guard
    replaced. `made`: operations that made something not finite. `graphless`: the penalty took its gradient without
    create_graph. `ratios`: update/weight of each optimizer over its last quarter. `stray`: the player that no optimizer
    holds. `along`: "up" or "down" where the generator's loss pulls the scores of fakes the way that the critic's does.
    `stuck`: the experiments on copies in which a player alone gets no better, with update/weight of that player's
    optimizer: where weights hardly move, the experiment tells nothing. `mixes`: how far the others of a batch
    change a sample's score, over its spread; `batch_norm`: the critic has one, and a penalty on its slope.
    """

    steps: int
    ending: str
    text: str = ""
    empty: float | None = None
    gradient: float | None = None
    pinned: float | None = None
    bound: str = ""
    size: float | None = None
    scores: float | None = None
    gap: float | None = None
    masked: int = 0
    made: int = 0
    graphless: bool = False
    ratios: dict[str, float] = {}
    stray: str = ""
    along: str = ""
    stuck: dict[str, float] = {}
    mixes: float | None = None
    batch_norm: bool = False

    @property
    def broken(self) -> bool:
        """Whether the script came to no good end."""
        return self.ending not in ("steps", "finished", "stopped-hard") or self.steps == 0


def signs(probe: Probe, turned: bool = False) -> Signs:
    """Return the vital signs of a measured run. `turned`: its critic scores fakes above reals, so gaps are mirrored."""
    shares = [one.last_share for empty in probe.empties if empty.what == "samples" for one in empty.sides]
    bound, pinned = _pinned(probe)
    gaps = [one.gap for one in probe.scores if one.gap is not None]
    last = [abs(value) for one in probe.scores[-LAST:] for value in (one.real, one.fake) if value is not None]
    size = max((abs(one) for one in (bound.low, bound.high) if one is not None), default=None) if bound else None
    ratios = {one.name: value for one in probe.optimizers if (value := _late(one.ratios)) is not None}
    line = probe.ending.line
    where = f" at {line.file}:{line.line}" if line is not None else ""
    return Signs(
        probe.steps, probe.ending.kind, (probe.ending.text + where)[:200], max(shares, default=None), _gradient(probe),
        pinned, f"{bound.op} at {bound.line.file}:{bound.line.line}" if bound else "", size, max(last, default=None),
        (-1 if turned else 1) * fmean(gaps[-LAST:]) if gaps else None,
        sum(share.hit for one in probe.guards for share in one.sides), len(probe.origins),
        any(one.ran > one.graph for one in probe.penalties), ratios, _stray(probe), _along(probe),
        _stuck(probe), _mixes(probe), _batch_norm(probe),
    )  # fmt: skip


def _stuck(probe: Probe) -> dict[str, float]:
    found: dict[str, float] = {}
    for trial in probe.trials:
        players = {one.name for one in probe.networks if one.role == trial.name.partition("-")[0]}
        mine = [one for one in probe.optimizers if players & one.networks.keys()]
        if trial.works is False:
            found[trial.name] = max((ratio for one in mine if (ratio := _late(one.ratios)) is not None), default=0.0)
    return found


def _stray(probe: Probe) -> str:
    players = [one.name for one in probe.networks if one.role in ("generator", "critic")]
    lost = [one for one in probe.strays if not one.module and not one.optimizers and not one.frozen]
    return next((one.network for one in lost if one.network in players), "")


def _along(probe: Probe) -> str:
    """Return which way both losses pull the scores of fakes, "" where they pull opposite ways or it is not told.

    Only where the critic's loss pulls reals the other way: least squares pull both to a target.
    """
    critics, generators = ([one.name for one in probe.networks if one.role == role] for role in ("critic", "generator"))
    if len(critics) != 1 or len(generators) != 1:
        return ""
    real, fake, made = probe.pull(critics[0], REAL), probe.pull(critics[0], FAKE), probe.pull(generators[0], FAKE)
    if not fake or real != -fake or made != fake:
        return ""
    return "up" if fake > 0 else "down"


def _mixes(probe: Probe) -> float | None:
    known = [one.change / one.deviation for one in probe.crosstalk if one.change is not None and one.deviation]
    return max(known, default=None)


def _batch_norm(probe: Probe) -> bool:
    critics = [one for one in probe.networks if one.role == "critic"]
    return any(one.batch_norm and one.training for one in critics) and any(one.ran for one in probe.penalties)


def _late(ratios: Sequence[float | None]) -> float | None:
    known = [one for one in ratios if one is not None]
    return median(known[-max(1, len(known) // 4) :]) if known else None


def _pinned(probe: Probe) -> tuple[Bound | None, float | None]:
    """Return the bound of the score that holds most of a side at its last call, and that share."""
    found = [
        (share.last_share, bound) for bound in probe.bounds if bound.score and not bound.weights
        for share in bound.sides if share.side in (REAL, FAKE) and share.elements
    ]  # fmt: skip
    if not found:
        return None, None
    share, bound = max(found, key=lambda entry: entry[0])
    return bound, share


def _gradient(probe: Probe) -> float | None:
    """Return the norm behind the generator's loss that also reaches the critic; 0 if that loss leaves it without."""
    generator, critic = probe.network("generator"), probe.network("critic")
    if generator is None:
        return None
    mine = [one for one in probe.gradients if one.network == generator.name and not one.module and one.stepped]
    passed = {
        one.loss for one in probe.gradients
        if critic is not None and one.network == critic.name and not one.module and not one.stepped
    }  # fmt: skip
    through = [one for one in mine if one.loss in passed]
    if not through and passed:
        return 0.0
    known = [one.last for one in (through or mine) if one.last is not None]
    return min(known, default=None)


def sick(now: Signs, limits: Rulings) -> dict[str, str]:
    """Return what is sick in a run: the sign's name and its figure in words."""
    found: dict[str, str] = {}
    if now.empty is not None and now.empty >= limits.empty:
        found["empty"] = f"{percent(now.empty)} of the fakes empty"
    if now.gradient == 0:
        found["gradient"] = "generator gradient 0"
    if now.pinned is not None and now.pinned >= limits.empty:
        found["pinned"] = f"{percent(now.pinned)} of a side at {now.bound}"
    if now.gap is not None and now.gap < limits.gap and "pinned" not in found:
        found["gap"] = f"gap {now.gap:.3g}"
    if now.masked:
        found["masked"] = f"{now.masked:,} non-finite elements masked"
    if now.made and not now.masked:
        found["made"] = "1 operation makes NaN or Inf" if now.made == 1 else f"{now.made} operations make NaN or Inf"
    if now.graphless:
        found["graphless"] = "the penalty has no graph"
    if now.stray:
        found["stray"] = f"no optimizer holds {now.stray}"
    if now.along:
        found["along"] = f"both losses pull the scores of fakes {now.along}"
    if now.batch_norm and now.mixes is None:
        found["mixes"] = "BatchNorm in the critic under its penalty"
    elif now.batch_norm and now.mixes is not None and now.mixes >= limits.mixes:
        found["mixes"] = f"the others of its batch change a score by {percent(now.mixes)} of the spread"
    for name, ratio in now.stuck.items():
        if ratio >= limits.ratio_low:
            found[f"stuck {name}"] = f"{name} on copies gets no better"
    return found


ROOTS = (
    "empty", "gradient", "masked", "made", "graphless", "gap", "stray", "along", "mixes",
)  # fmt: skip


NEW = ("masked", "made", "gap", "along", "stray", "stuck generator-alone", "stuck critic-alone")  # a fault of the fix


def effect(without: Signs, now: Signs, limits: Rulings) -> Effect:
    """Return what a fix did, by the same run without it, over the same steps and seed."""
    if now.broken:
        return Effect.BREAKS
    before, after = sick(without, limits), sick(now, limits)
    if not after and not _burst(without, now, limits):
        return Effect.CURES if before else Effect.NOTHING
    if _better(without, now, limits):
        return Effect.HELPS
    if _elsewhere(without, now, before, after, limits):
        return Effect.MOVES
    gone = {one for one in before.keys() - after.keys() if not one.startswith("stuck")}  # follows from other signs
    if any(one in ROOTS for one in gone):  # a first gradient, say: a root gives way
        return Effect.HELPS
    return Effect.HIDES if gone and any(one in after for one in ROOTS) else Effect.HELPS if gone else Effect.NOTHING


def _better(without: Signs, now: Signs, limits: Rulings) -> bool:
    """Whether the root is clearly less sick: fewer empty samples, fewer scores at the same bound, less masked."""
    if without.empty is not None and now.empty is not None and without.empty >= limits.empty:
        return now.empty <= without.empty - limits.better and now.gradient != 0
    if without.pinned and now.pinned is not None and now.bound.partition(" ")[0] == without.bound.partition(" ")[0]:
        return now.pinned <= without.pinned - limits.better
    return 0 < now.masked <= limits.fewer * without.masked


def _burst(without: Signs, now: Signs, limits: Rulings) -> bool:
    """Whether scores now run beyond the bound that held them, and beyond what they were (10 * tanh is bound by 1)."""
    most = max(without.size or 0.0, without.scores or 0.0)
    return bool(without.size and now.scores is not None and now.scores > limits.size * most)


def _elsewhere(
    without: Signs, now: Signs, before: dict[str, str], after: dict[str, str], limits: Rulings
) -> bool:  # fmt: skip
    fresh = [one for one in NEW if one in after and one not in before and not (one == "made" and without.made)]
    if _burst(without, now, limits) or fresh:
        return True
    if "pinned" not in after:
        return False
    other = now.bound.partition(" ")[0] != without.bound.partition(" ")[0] or now.size != without.size
    return "pinned" not in before or other


def left(now: Signs, limits: Rulings) -> list[str]:
    """Return what is not as it should be beside the fault: rates by their effect, a gap below zero."""
    odd = {name: one for name, one in now.ratios.items() if not limits.ratio_low <= one <= limits.ratio_high}
    found = []
    if odd:
        rates = ", ".join(f"{name} {ratio:.1e}" for name, ratio in odd.items())
        found.append(f"update/weight of a step outside {limits.ratio_low:g} to {limits.ratio_high:g}: {rates}")
    if now.gap is not None and limits.gap <= now.gap < limits.gap_told:
        found.append(f"the gap is {now.gap:.2g}, a little below zero")
    return found


def percent(share: float) -> str:
    """Return a share such that 100 % and 0 % mean all and none."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"
