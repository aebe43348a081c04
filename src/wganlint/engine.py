"""Rule x Run -> verdict and finding: evaluates finds, conditions and prose; knows no rule and no threshold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from wganlint.detect.registry import ABSENT, DETECTORS, Fact, Found, Missing, run_detector
from wganlint.detect.window import first_part
from wganlint.evidence import Evidence, Place, Standing
from wganlint.finding import (
    Check,
    CheckOutcome,
    Confidence,
    Finding,
    Fix,
    LinkKind,
    Outcome,
    Severity,
    Statement,
    Verdict,
)
from wganlint.rules import condition as conditions
from wganlint.rules.condition import Condition, Scope, Shape, Unknown
from wganlint.rules.rule import CheckTemplate, Find, FixTemplate, Rule, Say
from wganlint.run import Run
from wganlint.units import Quantity

FAMILY = "the loss family (log the gap or the scores, or give the source: --source DIR)"


class Bond(Struct, frozen=True):
    """A link of a finding to a code, filled: the chain keeps those whose target was found too."""

    to: str
    how: LinkKind
    standing: Standing
    why: str


class Judgement(Struct, frozen=True):
    """What one rule said about one run."""

    rule: Rule
    verdict: Verdict
    finding: Finding | None = None
    bonds: tuple[Bond, ...] = ()


def judge(run: Run, rules: Sequence[Rule], ignored: Collection[str] = ()) -> list[Judgement]:
    """Judge one run by rules that come in the order of the catalogue. A rule whose detector fails is `broken`.

    Ignored rules (by code or name, in any case) are judged too, because others ask what they say; then their findings
    are taken back.
    """
    cache: dict[tuple[str, str], Found] = {}
    said: dict[str, Judgement] = {}
    unwanted = {word.lower() for word in ignored}
    for rule in rules:
        try:
            said[rule.code] = _judge(run, rule, cache, said)
        except Exception as error:  # a fault of ours or of a user's detector must not stop the others
            note = f"{type(error).__name__}: {error}"
            said[rule.code] = Judgement(rule, Verdict(run.id, rule.code, rule.name, Outcome.BROKEN, note=note))
    return [
        Judgement(j.rule, Verdict(run.id, j.rule.code, j.rule.name, Outcome.IGNORED))
        if {j.rule.code.lower(), j.rule.name} & unwanted
        else j
        for j in said.values()
    ]


def _judge(
    run: Run, rule: Rule, cache: dict[tuple[str, str], Found], said: Mapping[str, Judgement]
) -> Judgement:  # fmt: skip
    def verdict(outcome: Outcome, missing: tuple[str, ...] = (), note: str = "") -> Judgement:
        return Judgement(rule, Verdict(run.id, rule.code, rule.name, outcome, missing, note))

    if rule.families and run.family.name not in rule.families:
        if run.family.name == "unknown":
            return verdict(Outcome.COULD_NOT_TELL, (FAMILY,))
        return verdict(Outcome.NOT_APPLICABLE, note=f"for {', '.join(rule.families)}; this run is {run.family.name}")
    finds: dict[str, Found] = {}
    lacking: list[str] = []
    for find in rule.finds:
        found = _find(run, find, finds, cache, said)
        finds[find.name] = found
        if find.required and isinstance(found, Missing):
            lacking.append(found.what)
        elif find.required and not isinstance(found, Fact):
            return verdict(Outcome.QUIET)
    if lacking:
        return verdict(Outcome.COULD_NOT_TELL, tuple(dict.fromkeys(lacking)))
    scope = Scope(finds, {knob.name: knob.default for knob in rule.knobs})
    holds = rule.condition.evaluate(scope)
    if isinstance(holds, Unknown):
        return verdict(Outcome.COULD_NOT_TELL, holds.missing)
    if not holds:
        return verdict(Outcome.QUIET)
    return _fired(run, rule, scope, verdict(Outcome.FIRED))


def _find(
    run: Run,
    find: Find,
    earlier: Mapping[str, Found],
    cache: dict[tuple[str, str], Found],
    said: Mapping[str, Judgement],
) -> Found:
    if find.detector == "finding":
        least = Severity[str(find.parameters.get("least", "info")).upper()]
        return _finding_fact(find.parameters["codes"], least, said)
    parameters = _borrow(find, earlier)
    if not isinstance(parameters, dict):
        return parameters
    key = (find.detector, repr(sorted(parameters.items())))
    if key not in cache:
        cache[key] = run_detector(find.detector, run, parameters)
    return cache[key]


def _borrow(find: Find, earlier: Mapping[str, Found]) -> dict[str, Any] | Found:
    """Return the parameters with borrowed fields filled in, or why they cannot be."""
    parameters = dict(find.parameters)
    for key, (name, field) in find.borrows.items():
        lender = earlier[name]
        if not isinstance(lender, Fact):
            return lender
        value = lender.fields[field]
        number = value.value if isinstance(value, Quantity) else value
        whole = DETECTORS[find.detector].parameters[key].type is int and isinstance(value, Quantity)
        parameters[key] = int(number) if whole else number
    return parameters


def _finding_fact(codes: Sequence[str], least: Severity, said: Mapping[str, Judgement]) -> Found:
    """Return the first finding among the codes; unknown only if every one of those rules could not tell."""
    unknown: list[str] = []
    told = 0
    for code in codes:
        judgement = said.get(code)
        if judgement is None:
            continue
        told += judgement.verdict.outcome not in (Outcome.COULD_NOT_TELL, Outcome.BROKEN)
        if judgement.finding is not None and judgement.finding.severity >= least:
            found = judgement.finding
            return Fact({"code": found.code, "title": found.title})
        if judgement.verdict.outcome is Outcome.BROKEN:
            unknown.append(f"{code}, which is broken")
        if judgement.verdict.outcome is Outcome.COULD_NOT_TELL:
            unknown += judgement.verdict.missing
    return Missing(", ".join(dict.fromkeys(unknown))) if unknown and not told else ABSENT


def _holds(when: Condition | None, scope: Scope) -> bool:
    """Whether a text or grade applies. The rule has fired: what could not be looked at counts as not seen."""
    return when is None or when.evaluate(scope) is True


def _fired(run: Run, rule: Rule, scope: Scope, judged: Judgement) -> Judgement:
    facts = [found for found in scope.finds.values() if isinstance(found, Fact)]
    scope = Scope({n: f if isinstance(f, Fact) else ABSENT for n, f in scope.finds.items()}, scope.parameters)
    severity = next((grade.level for grade in rule.body.grades if _holds(grade.when, scope)), rule.severity)
    belief = next(belief for belief in rule.body.beliefs if _holds(belief.when, scope))
    title = next(title for title in rule.body.titles if _holds(title.when, scope))
    fixes = [fix for fix in rule.body.fixes if _holds(fix.when, scope)]
    finding = Finding(
        id=f"{run.id}:{rule.code}",
        run=run.id,
        code=rule.code,
        name=rule.name,
        severity=severity,
        confidence=belief.level,
        because=belief.because.fill(scope),
        title=title.text.fill(scope),
        statements=_statements(rule.body.says, scope),
        place=_place(facts),
        evidence=_evidence(facts),
        alternatives=_statements(rule.body.alternatives, scope),
        fixes=tuple(_fix(fix, scope) for fix in sorted(fixes, key=lambda fix: fix.order)),
        references=rule.body.references,
        series=tuple(dict.fromkeys(name for fact in facts for name in fact.series)),
    )
    bonds = tuple(
        Bond(link.to, link.how, link.standing, link.why.fill(scope))
        for link in rule.body.links
        if _holds(link.when, scope)
    )
    return replace(judged, finding=finding, bonds=bonds)


def _statements(says: Sequence[Say], scope: Scope) -> tuple[Statement, ...]:
    return tuple(
        Statement(say.standing, say.text.fill(scope), say.settle.fill(scope) if say.settle else "")
        for say in says
        if _holds(say.when, scope)
    )


def _place(facts: Sequence[Fact]) -> Place | None:
    return next((fact.place for fact in facts if fact.place is not None), None)


def _evidence(facts: Sequence[Fact]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence for fact in facts for evidence in fact.evidence))


def _fix(fix: FixTemplate, scope: Scope) -> Fix:
    return Fix(
        title=fix.title.fill(scope),
        kind=fix.kind,
        safety=fix.safety,
        text=fix.text.fill(scope),
        effect=fix.effect,
        check=_check(fix.check, scope),
        diff=fix.diff.fill(scope) if fix.diff else "",
        order=fix.order,
        hides=fix.hides,
        excludes=fix.excludes,
    )


def _check(check: CheckTemplate, scope: Scope) -> Check:
    """Fill a check; what it borrows from this run's facts is frozen into it as numbers."""
    finds: dict[str, dict[str, Any]] = {}
    for find in check.finds:
        parameters = _borrow(find, scope.finds)
        if not isinstance(parameters, dict):
            return Check(check.text.fill(scope), {}, "", check.within.fill(scope))
        finds[find.name] = {"detector": find.detector, **parameters}
        if find.required:
            finds[find.name]["required"] = True
    return Check(check.text.fill(scope), finds, check.condition, check.within.fill(scope))


def check_outcome(check: Check, run: Run) -> tuple[CheckOutcome, tuple[str, ...]]:
    """Return whether a fix's check holds in another run, and what was missing where that cannot be told.

    The run is cut to the first `within` points or steps before the detectors look. In a run that is shorter than that a
    check can fail but not hold.
    """
    if not check.condition:
        return CheckOutcome.CANNOT_TELL, ("the check of this fix has no machine-readable part",)
    try:
        found = first_part(run, check.within)
        if found is None:
            return CheckOutcome.CANNOT_TELL, (f"all of the first {check.within}: this log is too long to keep them",)
        part, complete = found
        outcome, missing = _check_outcome(check, part)
        if outcome is CheckOutcome.MET and not complete:
            return CheckOutcome.CANNOT_TELL, (f"a run of at least {check.within}",)
        return outcome, missing
    except Exception as error:  # a fault of ours, of a user's detector, or a check that an older report froze
        return CheckOutcome.CANNOT_TELL, (f"a check that works ({type(error).__name__}: {error})",)


def _check_outcome(check: Check, run: Run) -> tuple[CheckOutcome, tuple[str, ...]]:
    shapes = {name: DETECTORS[str(call["detector"])].fields for name, call in check.finds.items()}
    required = frozenset(name for name, call in check.finds.items() if call.get("required"))
    condition = conditions.parse(check.condition, Shape(shapes, required))
    finds: dict[str, Found] = {}
    for name, call in check.finds.items():
        parameters = {key: value for key, value in call.items() if key not in ("detector", "required")}
        finds[name] = run_detector(str(call["detector"]), run, parameters)
    needed = [finds[name] for name in finds if name in required]
    missing = tuple(dict.fromkeys(found.what for found in needed if isinstance(found, Missing)))
    if ABSENT in needed:
        return CheckOutcome.NOT_MET, ()
    if missing:
        return CheckOutcome.CANNOT_TELL, missing
    holds = condition.evaluate(Scope(finds, {}))
    if isinstance(holds, Unknown):
        return CheckOutcome.CANNOT_TELL, holds.missing
    return (CheckOutcome.MET, ()) if holds else (CheckOutcome.NOT_MET, ())


def was_judged(judgements: Sequence[Judgement]) -> bool:
    """Return whether a rule other than LOG* was fired or quiet.

    A rule on how the program ran (tag `run`) can be quiet on any text: then nothing is known of what was trained.
    """
    return any(
        not judgement.rule.code.startswith("LOG")
        and (
            judgement.verdict.outcome is Outcome.FIRED
            or (judgement.verdict.outcome is Outcome.QUIET and "run" not in judgement.rule.tags)
        )
        for judgement in judgements
    )


__all__ = ["Bond", "Confidence", "Judgement", "Severity", "check_outcome", "judge", "was_judged"]
