"""Report and source -> candidates: fixes that are edits, each with the text of the files that it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from wganlint.finding import Check, Finding
from wganlint.measured import Probe
from wganlint.probe.edits import apply
from wganlint.probe.syntax import NotApplied
from wganlint.source import SourceModel
from wganlint.verify.plans import Plan
from wganlint.verify.policy import Policy
from wganlint.verify.seen import Seen, plan_of


class Candidate(Struct, frozen=True):
    """A fix that can be tried: `rank` is the report's (None: not of the report), `plan` what is edited where."""

    title: str
    code: str
    edit: str
    rank: int | None
    plan: Plan
    check: Check | None = None
    told: str = ""
    changes: dict[str, str] = field(default_factory=dict)  # by itself: file -> text


class Left(Struct, frozen=True):
    """A fix of the report that is not tried, and why."""

    title: str
    code: str
    why: str


def candidates(
    findings: Sequence[Finding], source: SourceModel, texts: Mapping[str, str], book: Policy, probe: Probe | None = None
) -> tuple[list[Candidate], list[Left]]:
    """Return what can be tried, in the order of the report, and what cannot; `probe`: the run without a fix."""
    known = {(entry["code"], entry["fix"]): entry for entry in book.edits}
    facts = Seen(source, texts, probe)
    found: list[Candidate] = []
    left: list[Left] = []
    titles: set[str] = set()
    fixes = sorted(((fix.rank, one.code, fix) for one in findings for fix in one.fixes), key=lambda entry: entry[0])
    for rank, code, fix in fixes:
        if fix.title in titles or fix.kind == "measure":
            continue
        entry = known.get((code, fix.title))
        titles.add(fix.title)
        if entry is None:
            left.append(Left(fix.title, code, "wganlint knows no edit for it"))
            continue
        _add(entry, fix.title, code, rank, fix.check, facts, found, left)
    codes = {one.code for one in findings}
    for entry in book.tried:
        if codes & set(entry["beside"]):
            _add(entry, entry["title"], "", None, None, facts, found, left)
    return found, left


def _add(
    entry: Mapping[str, Any], title: str, code: str, rank: int | None, check: Check | None, seen: Seen,
    found: list[Candidate], left: list[Left],
) -> None:  # fmt: skip
    try:
        plan = plan_of(entry, seen)
        if not plan:
            if not code:  # often tried, and here it has no place
                return
            raise NotApplied("the source does not show where")
        changes = applied(plan, seen.texts)
    except NotApplied as error:
        left.append(Left(title, code, str(error)))
        return
    if any(one.changes == changes for one in found):
        if code:
            left.append(Left(title, code, "the same edit as another fix"))
        return
    found.append(Candidate(title, code, entry["edit"], rank, plan, check, _told(entry, plan), changes))


def _told(entry: Mapping[str, Any], plan: Plan) -> str:
    """Return what is to be known of an edit; `told_of`: it holds where the plan has that part, else `told_else`."""
    part = entry.get("told_of")
    known = part is None or any(name == part for name, _ in plan)
    return str(entry.get("told" if known else "told_else", ""))


def applied(plan: Plan, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the changed files, file -> text.

    Raises:
        NotApplied: it does not fit in exactly one place, or is no Python afterwards.
    """
    now: dict[str, str] = {}
    for name, spot in sorted(plan, key=lambda step: (-step[1].line, -step[1].column)):
        if spot.file not in texts:
            raise NotApplied(f"{spot.file} cannot be read")
        now[spot.file] = apply(name, now.get(spot.file, texts[spot.file]), [spot])
    changed = {file: text for file, text in now.items() if text != texts[file]}
    if not changed:
        raise NotApplied("it is so already")
    return changed
