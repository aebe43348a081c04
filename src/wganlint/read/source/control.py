"""files -> read -> Run: what bounds the slope of a Wasserstein critic: a penalty, clipped weights, spectral norms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from wganlint.read.source import words
from wganlint.read.source.classes import callee
from wganlint.read.source.flow import dotted
from wganlint.read.source.layers import WRAPS
from wganlint.read.source.paths import Paths
from wganlint.read.source.project import Project
from wganlint.source import Loss, Network, Penalty, Site, WeightClip

_SPECTRAL = words.listed(
    "spectral_norm SpectralNorm SpectralNormalization sn snconv2d snlinear SNConv2d SNLinear spectral orthogonal "
    "GroupSort BjorckLinear bjorck lipschitz MaxMin"
)


class Control:
    """Answers, for one loss after the other, what keeps its critic's slope in bounds."""

    def __init__(
        self, paths: Paths, networks: Sequence[Network], penalties: Sequence[Penalty], clips: Sequence[WeightClip]
    ) -> None:
        self.paths, self.project = paths, paths.project
        self.networks, self.penalties, self.clips = networks, penalties, clips
        self.units: dict[str, frozenset[str]] = {}
        self.spectral: list[Site] = []

    def told(self, losses: Sequence[Loss]) -> tuple[Loss, ...]:
        """Return the losses, those of a Wasserstein critic with their control."""
        if not any(_wasserstein(loss) for loss in losses):
            return tuple(losses)
        self.units = _units(self.project)
        self.spectral = [self.project.site(node) for node in _spectral(self.project)]
        return tuple(self._of(loss) if _wasserstein(loss) else loss for loss in losses)

    def _of(self, loss: Loss) -> Loss:
        file = loss.place.file
        unit = self.units[file]
        penalties = [one for one in self.penalties if one.place.file in unit]
        if loss.penalty:
            near = [one for one in penalties if one.place.file == file] or penalties
            if near and all(one.weight == 0 for one in near):
                return replace(loss, control="zero weight", control_site=near[0])
            return replace(loss, control="penalty", control_site=near[0] if near else None)
        spectral = self._normed(loss)
        if spectral is not None:
            return replace(loss, control="spectral", control_site=spectral)
        clip = next((one for one in self.clips if one.place.file == file), None)
        if clip is not None:
            return replace(loss, control="clip", control_site=clip)
        others: list[Site] = [one for one in penalties if one.used is not False]
        others += [one for one in self.clips if one.place.file in unit]
        others += [one for one in self.spectral if one.place.file in unit]
        if others:
            return replace(loss, control="elsewhere", control_site=others[0])
        if self._more(loss) or not self._complete(loss):
            return replace(loss, control="")
        if penalties:
            return replace(loss, control="unused penalty", control_site=penalties[0])
        return replace(loss, control="none")

    def _normed(self, loss: Loss) -> Site | None:
        """Return a spectral norm in a network that the loss scores."""
        places = {site.place for site in loss.critics}
        for network in self.networks:
            if network.place in places:
                start, end = network.place.line or 0, self._end(network)
                for site in self.spectral:
                    if site.place.file == network.place.file and start <= (site.place.line or 0) <= end:
                        return site
        return None

    def _end(self, network: Network) -> int:
        for node in [*self.project.classes, *self.project.functions]:
            if node.name == network.name and self.project.site(node).place == network.place:
                return node.end_lineno or 0
        return 0

    def _complete(self, loss: Loss) -> bool:
        """Return whether the files hold the training step itself, where a clip or penalty would stand."""
        for call in self.project.calls:
            steps = callee(call) in ("backward", "manual_backward", "minimize", "gradient")
            if steps and self.project.code(call).path in self.units[loss.place.file]:
                return True
        return False

    def _more(self, loss: Loss) -> bool:
        """Return whether calls in the joined files speak of a control that is not understood."""
        unit = self.units[loss.place.file]
        read = any(one.place.file in unit for one in self.penalties)
        for call in self.project.calls:
            low = words.lowered(callee(call))
            if not low or self.project.code(call).path not in unit:
                continue
            if not read and low & {"penalty", "lipschitz", "regularizer", "regularization", "regularize"}:
                return True
            if low & {"clip", "clipping", "clipper"} and not low & {"grad", "gradient", "gradients", "norm"}:
                return True
        return False


def _wasserstein(loss: Loss) -> bool:
    return loss.part == "critic" and loss.family == "wgan" and loss.real_sign * loss.fake_sign == -1


def _units(project: Project) -> dict[str, frozenset[str]]:
    """Return for each file the files that are joined with it by imports, however far."""
    joined: dict[str, set[str]] = {code.path: {code.path} for code in project.codes}
    for node in [*project.by_class["Import"], *project.by_class["ImportFrom"]]:
        here = project.code(node).path
        for name in _imported(node):
            for other in project.files_named(name, here):
                joined[here].add(other)
                joined[other].add(here)
    units: dict[str, frozenset[str]] = {}
    for path in joined:
        if path in units:
            continue
        unit, queue = {path}, [path]
        while queue:
            for other in joined[queue.pop()] - unit:
                unit.add(other)
                queue.append(other)
        units |= dict.fromkeys(unit, frozenset(unit))
    return units


def _imported(node: ast.AST) -> list[str]:
    """Return the last names of what a statement imports, which may be files."""
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[-1], *(alias.name for alias in node.names)]
    return [alias.name.split(".")[-1] for alias in node.names] if isinstance(node, ast.Import) else []


def _spectral(project: Project) -> Iterator[ast.AST]:
    for call in project.calls:
        name = callee(call)
        if (
            name in _SPECTRAL
            or name in WRAPS - {"weight_norm", "WeightNorm", "WeightNormalization"}
            or (name in ("apply", "partial") and any(dotted(arg).split(".")[-1] in _SPECTRAL for arg in call.args))
            or words.lowered(name) & {"spectral"}
        ):
            yield call
    for node in project.by_class["ClassDef"]:
        if isinstance(node, ast.ClassDef) and words.lowered(node.name) & {"spectral", "spectralnorm"}:
            yield node
