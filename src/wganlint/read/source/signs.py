"""files -> read -> Run: losses that pull a score the wrong way, told by comparing the two sides of one game."""

from __future__ import annotations

import ast

from wganlint.read.source.batches import label_faults
from wganlint.read.source.classes import callee
from wganlint.read.source.losses import Losses, cut_losses
from wganlint.read.source.steps import keyword
from wganlint.read.source.trained import Optimizers
from wganlint.source import Loss, SignFault

_TURNS = frozenset({"GradientReversal", "GradReverse", "grad_reverse", "gradient_reversal", "ReverseLayerF",
                    "reverse_gradient", "RevGrad", "revgrad", "flip_gradient"})  # fmt: skip


def sign_faults(losses: Losses, optimizers: Optimizers) -> tuple[SignFault, ...]:
    """Return the losses whose signs contradict each other.

    In minimized losses the critic pulls real and fake scores apart, and the generator pulls fake scores the other way
    than the critic (both may be mirrored). Nothing is said where a gradient or an optimizer turns signs itself.
    """
    if _turned(losses, optimizers):
        return ()
    cut = cut_losses(losses)
    sure = [loss for loss in losses.facts if loss.sure and loss.family and loss.place not in cut]
    critics = [loss for loss in sure if loss.part == "critic" and loss.real_sign and loss.fake_sign]
    faults: dict[object, SignFault] = {fault.place: fault for fault in label_faults(losses.paths)}
    for loss in critics:
        if loss.real_sign == loss.fake_sign:
            faults[loss.place] = _fault(loss, "alike", loss.fake_sign, None)
    for loss in sure:
        rivals = _rivals(loss, critics) if loss.part == "generator" and loss.fake_sign else []
        if any(_above(losses.targets.get(loss.place, set()), losses.targets.get(one.place, set())) for one in rivals):
            continue  # fakes at -1 for the critic, at 0 for the generator
        if rivals and all(rival.fake_sign == loss.fake_sign for rival in rivals):
            faults[loss.place] = _fault(loss, "along", loss.fake_sign, rivals[0])
    return tuple(sorted(faults.values(), key=lambda fault: fault.place))


def _above(own: set[float], theirs: set[float]) -> bool:
    """Whether the generator pulls fakes to 0 and the critic to less: with labels -1, 1 and 0 that is upwards."""
    return own == {0.0} and bool(theirs) and max(theirs) < 0


def _fault(loss: Loss, kind: str, sign: int, rival: Loss | None) -> SignFault:
    marks = ((rival, "the critic's loss pulls fake scores the same way"),) if rival is not None else ()
    formula = rival.formula if rival is not None else ""
    return SignFault(
        loss.place, loss.quote, loss.owner, kind, loss.part, loss.formula, formula, sign < 0, marks
    )  # fmt: skip


def _rivals(loss: Loss, critics: list[Loss]) -> list[Loss]:
    """Return the critic's losses of the same game: of the same function, else class, else file."""
    critics = [critic for critic in critics if critic.real_sign != critic.fake_sign]
    home = loss.owner.rsplit(".", 1)[0] if "." in loss.owner else ""
    file = [critic for critic in critics if critic.place.file == loss.place.file]
    for near in (
        [critic for critic in file if critic.owner == loss.owner],
        [critic for critic in file if home and critic.owner.startswith(home + ".")],
        [] if home else file,
    ):
        if near:
            return near
    return []


def _turned(losses: Losses, optimizers: Optimizers) -> bool:
    """Return whether something in the files turns gradients: maximize=True, a reversal layer, p.grad.neg_()."""
    for known in optimizers.all:
        value = keyword(known.call, "maximize")
        if value is not None and losses.paths.values.literal(value) is not False:
            return True
    for call in losses.project.calls:
        if callee(call) in _TURNS:
            return True
        edits = callee(call) in ("neg_", "mul_") and isinstance(call.func, ast.Attribute)
        if edits and any(isinstance(one, ast.Attribute) and one.attr == "grad" for one in ast.walk(call.func)):
            return True
    return False
