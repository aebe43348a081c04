"""Rule x run: each verdict, the ladders, what a finding carries, and checks that are frozen and asked again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from wganlint.analysis import load_runs
from wganlint.detect.registry import ABSENT, DETECTORS, Detector, Fact, Found, Missing, Parameter
from wganlint.engine import Judgement, check_outcome, judge, was_judged
from wganlint.evidence import Place, derived, observed
from wganlint.finding import Check, CheckOutcome, Finding, Outcome
from wganlint.rules.catalogue import catalogue
from wganlint.rules.load import load_rule
from wganlint.rules.rule import Rule
from wganlint.run import Family, Run
from wganlint.units import Kind, Quantity

RUN = Run("run", "")


def probe(run: Run, answer: str, value: float, records: int) -> Found:
    """Answer as told: the detector of this file's rules."""
    match answer:
        case "raise":
            raise ZeroDivisionError("by design")
        case "absent":
            return ABSENT
        case "fact":
            place = Place("a.log", 3)
            return Fact(
                {"share": Quantity(value, Kind.RATIO), "name": "c_loss", "high": value > 0.5,
                 "records": Quantity(float(records), Kind.POINTS)},
                (observed("log", "c_loss=1", place), derived("1 + 1 = 2")), place, ("c_loss",),
            )  # fmt: skip
        case "bare":
            return Fact({"share": Quantity(value, Kind.RATIO), "name": "g_loss", "high": True,
                         "records": Quantity(1.0, Kind.POINTS)}, (derived("1 + 1 = 2"),))  # fmt: skip
        case "short":
            return Fact({})
        case _:
            return Missing(answer)


@pytest.fixture(autouse=True)
def _probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fields = {"share": Kind.RATIO, "name": Kind.TEXT, "high": Kind.FLAG, "records": Kind.POINTS}
    parameters = {
        "answer": Parameter(str, "fact", "what to answer"),
        "value": Parameter(float, 0.25, "the share"),
        "records": Parameter(int, 7, "the records"),
    }
    monkeypatch.setitem(DETECTORS, "probe", Detector("probe", probe, parameters, fields, "all", "A probe."))
    yield


def rule(finds: str = "", condition: str = "a", code: str = "TEAM001", more: str = "", check: str = "") -> Rule:
    return load_rule(
        f'''
code = "{code}"
name = "name-of-{code.lower()}"
severity = "low"
about = "About."
healthy = "Healthy."
condition = "{condition}"
[parameters]
most = {{ default = 0.5, kind = "ratio", doc = "d", source = "s" }}
[finds]
{finds or 'a = { detector = "probe" }'}
[[confidence]]
level = "high"
when = "seen(a) and a.share > most"
because = "much: {{a.share}}"
[[confidence]]
level = "low"
because = "little"
[[title]]
when = "seen(a) and a.high"
text = "{{a.name}} is high"
[[title]]
text = "so it is"
[[grade]]
severity = "critical"
when = "seen(a) and a.share > 0.9"
[[grade]]
severity = "high"
when = "seen(a) and a.share > 0.5"
[[say]]
standing = "observed"
when = "a"
text = "{{a.name}} has {{a.share}} of {{a.records}} records."
[[say]]
when = "not a"
text = "Nothing was seen."
settle = "look"
{more}
[[fix]]
title = "Later"
kind = "edit"
safety = "manual"
effect = "cures"
text = "Now it is {{most}}."
order = 2
[fix.check]
text = "It is less."
within = "50 points"
{
            check
            or """condition = "b and b.share < 0.5"
[fix.check.finds]
b = { detector = "probe", value = "{a.share}", records = "{a.records}", required = true }"""
        }
[[fix]]
title = "First"
kind = "edit"
safety = "manual"
effect = "cures"
when = "not a or a.share < 0.9"
text = "Do."
order = 1
[fix.check]
text = "Done."
within = "20 steps"
condition = "not b"
[fix.check.finds]
b = {{ detector = "probe", answer = "absent" }}
''',
        "team.toml",
    )


def told(*rules: Rule, ignored: tuple[str, ...] = (), run: Run = RUN) -> list[Judgement]:
    return judge(run, rules, ignored)


def outcome(*rules: Rule, ignored: tuple[str, ...] = (), run: Run = RUN) -> tuple[Outcome, tuple[str, ...]]:
    verdict = told(*rules, ignored=ignored, run=run)[-1].verdict
    return verdict.outcome, verdict.missing


def finding(a_rule: Rule, run: Run = RUN) -> Finding:
    found = told(a_rule, run=run)[0].finding
    assert found is not None
    return found


def finds(**answers: str) -> str:
    return "\n".join(f"{name} = {{ detector = 'probe', {call} }}" for name, call in answers.items())


@pytest.mark.parametrize(
    ("calls", "condition", "expected"),
    [
        ({"a": "value = 0.2"}, "a", (Outcome.FIRED, ())),
        ({"a": "answer = 'absent'"}, "a", (Outcome.QUIET, ())),
        ({"a": "answer = 'a gap'"}, "a", (Outcome.COULD_NOT_TELL, ("a gap",))),
        ({"a": "value = 0.2"}, "a and a.share > most", (Outcome.QUIET, ())),
        ({"a": "value = 0.6"}, "a and a.share > most", (Outcome.FIRED, ())),
        ({"a": "value = 0.0"}, "a and 1 / a.share > 2", (Outcome.COULD_NOT_TELL, ("a divisor that is not zero",))),
        ({"a": "value = 0.2", "b": "answer = 'a gap'"}, "a or b", (Outcome.FIRED, ())),
        ({"a": "answer = 'absent'", "b": "answer = 'a gap'"}, "a and b", (Outcome.QUIET, ())),
        ({"a": "answer = 'x'", "b": "answer = 'y'"}, "a or b", (Outcome.COULD_NOT_TELL, ("x", "y"))),
        ({"a": "answer = 'x', required = true", "b": "value = 1"}, "a or b", (Outcome.COULD_NOT_TELL, ("x",))),
        ({"a": "answer = 'absent', required = true", "b": "value = 1"}, "a or b", (Outcome.QUIET, ())),
        ({"a": "answer = 'x', required = true", "b": "answer = 'y', required = true"}, "a", (Outcome.COULD_NOT_TELL, ("x", "y"))),
        ({"a": "answer = 'x', required = true", "b": "answer = 'absent', required = true"}, "a", (Outcome.QUIET, ())),
        ({"a": "answer = 'raise'"}, "a", (Outcome.BROKEN, ())),
        ({"a": "answer = 'short'"}, "a", (Outcome.BROKEN, ())),
    ],
)  # fmt: skip
def test_each_verdict(calls: dict[str, str], condition: str, expected: tuple[Outcome, tuple[str, ...]]) -> None:
    assert outcome(rule(finds(**calls), condition)) == expected


def test_a_broken_rule_says_why_and_stops_no_other() -> None:
    first, second = told(rule(finds(a="answer = 'raise'")), rule(code="TEAM002"))
    assert first.verdict.note == "ZeroDivisionError: by design"
    assert first.finding is None
    assert second.verdict.outcome is Outcome.FIRED


@pytest.mark.parametrize("word", ["TEAM001", "team001", "name-of-team001", "Name-Of-Team001"])
def test_a_rule_is_ignored_by_code_or_name(word: str) -> None:
    first, second = told(rule(finds(a="answer = 'raise'")), rule(code="TEAM002"), ignored=(word,))
    assert (first.verdict.outcome, first.finding) == (Outcome.IGNORED, None)
    assert second.verdict.outcome is Outcome.FIRED


def test_a_rule_of_another_loss_family_does_not_apply() -> None:
    wasserstein = replace(rule(), families=("wgan", "wgan-gp"))
    assert outcome(wasserstein, run=replace(RUN, family=Family("wgan")))[0] is Outcome.FIRED
    verdict = told(wasserstein, run=replace(RUN, family=Family("bce")))[0].verdict
    assert verdict.outcome is Outcome.NOT_APPLICABLE
    assert verdict.note == "for wgan, wgan-gp; this run is bce"
    unknown, missing = outcome(wasserstein)
    assert unknown is Outcome.COULD_NOT_TELL
    assert "the loss family" in missing[0]


def test_a_run_is_judged_if_a_rule_other_than_of_logging_answered() -> None:
    log, gone = rule(code="LOG001"), rule(finds(a="answer = 'x'"))
    assert not was_judged(told(log, gone))
    assert was_judged(told(log, rule(finds(a="answer = 'absent'"))))


# -- what a finding carries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "severity", "confidence", "title"),
    [
        ("0.25", "low", "low: little", "so it is"),
        ("0.6", "high", "high: much: 60 %", "c_loss is high"),
        ("0.95", "critical", "high: much: 95 %", "c_loss is high"),
    ],
)
def test_the_first_rung_that_holds_is_taken(value: str, severity: str, confidence: str, title: str) -> None:
    found = finding(rule(finds(a=f"value = {value}")))
    assert str(found.severity) == severity
    assert f"{found.confidence}: {found.because}" == confidence
    assert found.title == title


def test_a_finding_says_what_holds_and_quotes_each_thing_once() -> None:
    found = finding(rule(finds(z="answer = 'bare'", a="value = 0.25", b="value = 0.3"), "a"))
    assert found.id == "run:TEAM001"
    assert found.why == "c_loss has 25 % of 7 records."
    assert found.place == Place("a.log", 3)
    assert [e.quote for e in found.evidence] == ["1 + 1 = 2", "c_loss=1"]
    assert found.series == ("c_loss",)


def test_what_could_not_be_looked_at_counts_as_not_seen_once_a_rule_has_fired() -> None:
    found = finding(rule(finds(a="answer = 'a gap'", b="value = 1"), "a or b"))
    assert (found.title, found.why, str(found.severity)) == ("so it is", "Nothing was seen.", "low")
    assert found.statements[0].settle == "look"


def test_fixes_come_in_their_order_and_only_where_they_apply() -> None:
    assert [fix.title for fix in finding(rule()).fixes] == ["First", "Later"]
    high = finding(rule(finds(a="value = 0.95")))
    assert [(fix.title, fix.text) for fix in high.fixes] == [("Later", "Now it is 0.5.")]


def test_links_are_kept_where_they_hold() -> None:
    more = '''
[[link]]
to = "SAT001"
how = "causes"
why = "{a.name} does"
when = "a"
[[link]]
to = "SAT002"
how = "masks"
why = "no"
when = "not a"'''
    bonds = told(rule(more=more))[0].bonds
    assert [(bond.to, str(bond.how), bond.why) for bond in bonds] == [("SAT001", "causes", "c_loss does")]


# -- rules about other rules -------------------------------------------------------------------------------------------


def asking(*codes: str, least: str = "info", condition: str = "f") -> Rule:
    listed = ", ".join(f"'{code}'" for code in codes)
    return rule(
        f"a = {{ detector = 'probe', answer = 'absent' }}\n"
        f"f = {{ detector = 'finding', codes = [{listed}], least = '{least}' }}",
        condition, code="TEAM009",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "least", "expected"),
    [
        ("value = 0.25", "info", (Outcome.FIRED, ())),
        ("value = 0.25", "high", (Outcome.QUIET, ())),
        ("value = 0.6", "high", (Outcome.FIRED, ())),
        ("answer = 'absent'", "info", (Outcome.QUIET, ())),
        ("answer = 'a gap'", "info", (Outcome.COULD_NOT_TELL, ("a gap",))),
        ("answer = 'raise'", "info", (Outcome.COULD_NOT_TELL, ("TEAM001, which is broken",))),
    ],
)
def test_a_rule_can_ask_what_another_found(other: str, least: str, expected: tuple[Outcome, tuple[str, ...]]) -> None:
    assert outcome(rule(finds(a=other)), asking("TEAM001", least=least)) == expected


def test_one_answer_among_the_codes_is_enough() -> None:
    gone, quiet = rule(finds(a="answer = 'x'")), rule(finds(a="answer = 'absent'"), code="TEAM002")
    assert outcome(gone, quiet, asking("TEAM001", "TEAM002", "SAT999")) == (Outcome.QUIET, ())
    assert outcome(gone, asking("SAT999")) == (Outcome.QUIET, ())


# -- checks ------------------------------------------------------------------------------------------------------------


def log_run(folder: Path, *, pinned: bool, records: int = 60) -> Run:
    losses = ("-1000.0048", "1000.0000") if pinned else ("-{n}.2113", "2{n:02d}.2001")
    gap = "1000.0048" if pinned else "9.{n:04d}"
    lines = [f"batch={n}0 c_loss={losses[0]} g_loss={losses[1]} w_gap={gap}\n" for n in range(1, records + 1)]
    (folder / "train.log").write_text("".join(line.format(n=n) for n, line in enumerate(lines, 1)), encoding="utf-8")
    (run,) = load_runs(folder / "train.log")
    return run


def later(value: str) -> Check:
    return next(fix.check for fix in finding(rule(finds(a=f"value = {value}"))).fixes if fix.title == "Later")


def test_a_check_carries_the_numbers_that_it_borrowed() -> None:
    check = later("0.25")
    assert check.finds == {"b": {"detector": "probe", "value": 0.25, "records": 7, "required": True}}
    assert isinstance(check.finds["b"]["records"], int)
    assert (check.condition, check.within, check.text) == ("b and b.share < 0.5", "50 points", "It is less.")


def test_a_check_that_borrows_from_what_was_not_seen_is_for_people_only(tmp_path: Path) -> None:
    found = finding(rule(finds(a="answer = 'absent'"), "not a"))
    check = next(fix.check for fix in found.fixes if fix.title == "Later")
    assert (check.text, check.finds, check.condition) == ("It is less.", {}, "")
    result, missing = check_outcome(check, log_run(tmp_path, pinned=False))
    assert result is CheckOutcome.CANNOT_TELL
    assert "no machine-readable part" in missing[0]


PIN = {"detector": "pinned", "least": 5, "few": 3, "odd": 8}
PINNED = Check("gone", {"pin": PIN}, "not pin", "50 points")


def test_a_check_is_met_by_a_run_that_is_better_and_not_by_one_that_is_not(tmp_path: Path) -> None:
    for name, pinned, expected in (("free", False, CheckOutcome.MET), ("stuck", True, CheckOutcome.NOT_MET)):
        (tmp_path / name).mkdir()
        assert check_outcome(PINNED, log_run(tmp_path / name, pinned=pinned)) == (expected, ())


def check(call: dict[str, object], condition: str = "b", within: str = "50 points") -> Check:
    return Check("text", {"b": {"detector": "probe", **call}}, condition, within)


@pytest.mark.parametrize(
    ("asked", "expected", "missing"),
    [
        (check({}), CheckOutcome.MET, ""),
        (check({"value": 0.6}, "b and b.share > 0.5"), CheckOutcome.MET, ""),
        (check({"value": 0.4}, "b and b.share > 0.5"), CheckOutcome.NOT_MET, ""),
        (check({"value": 0.6, "required": True}, "b.share > 0.5"), CheckOutcome.MET, ""),
        (check({"answer": "absent", "required": True}, "not b"), CheckOutcome.NOT_MET, ""),
        (check({"answer": "a gap", "required": True}, "not b"), CheckOutcome.CANNOT_TELL, "a gap"),
        (check({"answer": "a gap"}, "not b"), CheckOutcome.CANNOT_TELL, "a gap"),
        (check({}, within="61 points"), CheckOutcome.CANNOT_TELL, "a run of at least 61 points"),
        (check({}, within="601 steps"), CheckOutcome.CANNOT_TELL, "a run of at least 601 steps"),
        (check({}, within="600 steps"), CheckOutcome.MET, ""),
        # what an older or edited report may hold
        (check({"answer": "raise"}), CheckOutcome.CANNOT_TELL, "ZeroDivisionError: by design"),
        (check({"detector": "gone"}), CheckOutcome.CANNOT_TELL, "KeyError"),
        (check({"volume": 3}), CheckOutcome.CANNOT_TELL, "TypeError"),
        (check({}, "b.share > 3"), CheckOutcome.CANNOT_TELL, "ConditionError"),
        (check({}, within="soon"), CheckOutcome.CANNOT_TELL, "ValueError"),
    ],
)
def test_a_check_says_met_not_met_or_what_it_lacks(
    tmp_path: Path, asked: Check, expected: CheckOutcome, missing: str
) -> None:
    result, lacking = check_outcome(asked, log_run(tmp_path, pinned=False))
    assert result is expected
    assert missing in " ".join(lacking)
    assert bool(lacking) == (expected is CheckOutcome.CANNOT_TELL)


def test_a_check_looks_at_the_first_part_of_the_next_run_only(tmp_path: Path) -> None:
    moving = "".join(f"batch={n}0 c_loss=-{n}.2 g_loss=2{n:02d}.2 w_gap=9.{n:04d}\n" for n in range(1, 31))
    stuck = "".join(f"batch={n}0 c_loss=-1000.0 g_loss=1000.0 w_gap=1000.0\n" for n in range(31, 90))
    (tmp_path / "train.log").write_text(moving + stuck, encoding="utf-8")
    (run,) = load_runs(tmp_path / "train.log")
    assert check_outcome(replace(PINNED, within="30 points"), run)[0] is CheckOutcome.MET
    assert check_outcome(replace(PINNED, within="300 steps"), run)[0] is CheckOutcome.MET
    assert check_outcome(replace(PINNED, within="89 points"), run)[0] is CheckOutcome.NOT_MET


def test_every_check_of_a_shipped_rule_can_be_asked_of_a_run(tmp_path: Path) -> None:
    run = log_run(tmp_path, pinned=True)
    asked = [fix.check for j in judge(run, catalogue().rules) if j.finding for fix in j.finding.fixes]
    assert asked
    for one in asked:
        result, missing = check_outcome(one, run)
        assert "check that works" not in " ".join(missing)
        assert result in CheckOutcome
