"""files -> read -> Run: Python source becomes a SourceModel by its syntax tree alone; nothing is imported or run."""

from __future__ import annotations

from collections.abc import Sequence

from wganlint.evidence import Place
from wganlint.read.source.alarms import alarms
from wganlint.read.source.bounds import clamps, scales, weight_clips
from wganlint.read.source.control import Control
from wganlint.read.source.controllers import biased_prints, controllers
from wganlint.read.source.counts import step_count
from wganlint.read.source.defaults import defaults
from wganlint.read.source.fills import fills
from wganlint.read.source.guards import guards
from wganlint.read.source.heads import count_heads
from wganlint.read.source.leaks import leaks
from wganlint.read.source.losses import Losses, detaches
from wganlint.read.source.networks import networks
from wganlint.read.source.noise import noises
from wganlint.read.source.optimizers import optimizers
from wganlint.read.source.pardons import pardons
from wganlint.read.source.parse import Code, parse
from wganlint.read.source.paths import Paths
from wganlint.read.source.penalties import Penalties
from wganlint.read.source.plain import plainer
from wganlint.read.source.project import Project
from wganlint.read.source.resets import resets
from wganlint.read.source.rhythms import rhythms
from wganlint.read.source.roles import Roles
from wganlint.read.source.roots import bare_roots
from wganlint.read.source.roundings import roundings
from wganlint.read.source.signs import sign_faults
from wganlint.read.source.skips import Skips
from wganlint.read.source.swallows import swallows
from wganlint.read.source.terms import Terms
from wganlint.read.source.trained import Optimizers
from wganlint.read.source.update_faults import steps, update_faults
from wganlint.read.source.updates import Updates
from wganlint.read.source.values import Values
from wganlint.run import Note, Setting
from wganlint.source import SourceModel

__all__ = ["read_source"]


def read_source(
    files: Sequence[tuple[str, bytes]], settings: Sequence[Setting] = ()
) -> tuple[SourceModel, tuple[Note, ...]]:
    """Return all facts of the given files (path as shown, content), and notes on those that could not be parsed.

    `settings`: what configuration files beside them say, for `cfg["lr"]`.
    """
    notes: list[Note] = []
    codes: list[Code] = []
    for path, content in files:
        parsed = parse(path, content)
        if isinstance(parsed, Note):
            notes.append(parsed)
        else:
            codes.append(parsed)
    try:
        return _facts(codes, settings), tuple(notes)
    except RecursionError:
        notes.append(Note("not read: nested too deep", Place(codes[0].path if codes else "")))
        return SourceModel(files=tuple(code.path for code in codes)), tuple(notes)


def _facts(codes: list[Code], settings: Sequence[Setting]) -> SourceModel:
    plainer(codes)
    project = Project(codes)
    values = Values(project, settings)
    roles = Roles(project)
    paths = Paths(project, roles, values)
    penalties = Penalties(paths)
    optimizers_of = Optimizers(paths)
    losses = Losses(paths, Terms(paths, penalties), optimizers_of)
    nets, slopes, clips = networks(project, roles), penalties.facts(), weight_clips(paths)
    updates = Updates(paths, losses, optimizers_of)
    return SourceModel(
        files=tuple(code.path for code in codes),
        networks=nets,
        clamps=clamps(paths, losses),
        scales=scales(paths),
        fills=fills(paths),
        guards=guards(paths),
        roundings=roundings(paths),
        count_heads=count_heads(paths),
        penalties=slopes,
        skips=Skips(paths, penalties).facts(),
        optimizers=optimizers(paths),
        losses=Control(paths, nets, slopes, clips).told(losses.facts),
        detaches=detaches(losses),
        update_faults=update_faults(updates),
        sign_faults=sign_faults(losses, optimizers_of),
        resets=resets(updates),
        rhythms=rhythms(updates),
        swallows=swallows(paths, penalties),
        steps=steps(updates),
        defaults=defaults(paths),
        noises=noises(paths, losses),
        controllers=controllers(paths),
        biased=biased_prints(paths),
        leaks=leaks(paths),
        clips=clips,
        roots=bare_roots(paths),
        alarms=alarms(paths),
        step_count=step_count(paths, penalties, losses),
        pardons=pardons(codes),
    )
