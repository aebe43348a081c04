"""The whole way in one function: files -> runs -> facts -> rules -> findings -> chain -> Report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from wganlint import __version__, chain
from wganlint.engine import judge, was_judged
from wganlint.errors import UsageError
from wganlint.finding import (
    Chain,
    Finding,
    InputSummary,
    Report,
    RunSummary,
    SeriesSummary,
    SettingSummary,
    Verdict,
)
from wganlint.read.discover import discover
from wganlint.read.join import read_runs
from wganlint.read.logline import log_lines as compiled
from wganlint.read.roles import assign
from wganlint.rules.catalogue import catalogue
from wganlint.run import Run


def analyze(
    paths: Sequence[str | PathLike[str]] | str | PathLike[str],
    *,
    source: Sequence[str | PathLike[str]] = (),
    events: Sequence[str | PathLike[str]] = (),
    roles: Mapping[str, str] | None = None,
    usual_roles: Mapping[str, str] | None = None,
    rules: Sequence[str | PathLike[str]] = (),
    ignore: Collection[str] = (),
    log_lines: Sequence[str] = (),
) -> Report:
    """Read the runs under `paths` and judge them by the shipped rules and those in the folders `rules`.

    `source` and `events` name further folders that belong to the runs; `roles` maps a role to the name of the series
    that plays it, `usual_roles` does so where a run has such a series; `ignore` holds codes or names of rules,
    `log_lines` patterns of lines such as `epoch {epoch:step} D {critic_loss:num}`.

    Raises:
        UsageError: a path does not exist, a role or series is not known, or a pattern of a line says nothing.
    """
    book = catalogue([Path(folder) for folder in rules])
    runs = load_runs(paths, source=source, events=events, roles=roles, usual_roles=usual_roles, log_lines=log_lines)
    unknown = [word for word in ignore if book.find(word) is None]
    if unknown:
        raise UsageError(f"no such rule to ignore: {', '.join(unknown)}", hint="`wganlint rules list` shows all rules")
    summaries: list[RunSummary] = []
    findings: list[Finding] = []
    verdicts: list[Verdict] = []
    chains: list[Chain] = []
    for run in runs:
        with np.errstate(all="ignore"):  # a log may print 1e308; what overflows is infinite and told so
            judgements = judge(run, book.rules, ignore)
        found, graph = chain.link(run.id, judgements)
        findings += found
        chains.append(graph)
        verdicts += [judgement.verdict for judgement in judgements]
        summaries.append(_summary(run, was_judged(judgements)))
    broken = [f"{v.code} broke on {v.run}: {v.note}" for v in verdicts if v.note and v.outcome == "broken"]
    problems = (*(str(error) for error in book.broken), *broken)
    return Report(__version__, tuple(summaries), tuple(findings), tuple(verdicts), tuple(chains), problems)


def load_runs(
    paths: Sequence[str | PathLike[str]] | str | PathLike[str],
    *,
    source: Sequence[str | PathLike[str]] = (),
    events: Sequence[str | PathLike[str]] = (),
    roles: Mapping[str, str] | None = None,
    usual_roles: Mapping[str, str] | None = None,
    log_lines: Sequence[str] = (),
) -> list[Run]:
    """Return the runs under `paths` as the readers understand them, roles assigned, nothing judged.

    Raises:
        UsageError: a path does not exist, a role or series is not known, or a pattern of a line says nothing.
    """
    described = compiled(log_lines)
    given = [paths] if isinstance(paths, str | PathLike) else list(paths)
    found = discover([Path(p) for p in given], source=[Path(p) for p in source], events=[Path(p) for p in events])
    with np.errstate(all="ignore"):
        given_roles = {**(usual_roles or {}), **(roles or {})}
        runs = [assign(run, given_roles) for files in found for run in read_runs(files, described)]
    for role, name in (roles or {}).items():
        if not any(role in run.roles and run.roles[role].why == "given by --role" for run in runs):
            known = sorted({series.name for run in runs for series in run.series})
            raise UsageError(f"no series {name!r} for --role {role}", hint=f"series: {', '.join(known[:30]) or 'none'}")
    return runs


def _summary(run: Run, judged: bool) -> RunSummary:
    role_of: dict[str, str] = {guess.series: role for role, guess in run.roles.items()}
    role_of |= {name: "auxiliary_loss" for name in run.auxiliary if name not in role_of}
    series = tuple(
        SeriesSummary(
            s.name, role_of.get(s.name, ""), len(s), _step(s.first.step), _step(s.last.step), s.tally.nonfinite_count,
            s.first.text, s.last.text, s.thumbnail() if s.name in role_of else (), (*s.files, *s.also_in),
        )
        for s in run.series
    )  # fmt: skip
    signs = {
        1: "c = mean(fake) - mean(real) + penalty, g = -mean(fake)",
        -1: "c = mean(real) - mean(fake) + penalty, g = mean(fake)",
    }
    wasserstein = run.family.name.startswith("wgan")
    return RunSummary(
        id=run.id,
        root=run.root,
        inputs=tuple(InputSummary(i.path, i.kind, i.used, i.why) for i in run.inputs),
        loss_family=run.family.name,
        family_why=run.family.why,
        convention=signs.get(run.convention.sign, "") if wasserstein else "",
        convention_why=run.convention.why if wasserstein else "",
        convention_standing=run.convention.standing,
        roles={role: guess.series for role, guess in run.roles.items()},
        series=series,
        settings=tuple(SettingSummary(s.name, s.value, s.place.file, s.place.line) for s in run.settings),
        notes=tuple((note.text, note.place) for note in run.notes),
        judged=judged,
    )


def _step(value: float) -> float | None:
    return None if value != value else value
