"""The shipped rules: what every one of them owes its readers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from wganlint.detect.registry import DETECTORS
from wganlint.errors import UsageError
from wganlint.explain import page
from wganlint.finding import Outcome
from wganlint.rules.catalogue import catalogue
from wganlint.rules.rule import Rule
from wganlint.shipped import rules_folder
from wganlint.trial import failures, trial

BOOK = catalogue()
SHARED = Path(__file__).parents[2].parent / "shared" / "catalogue.md"
each_rule = pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.code)


def test_every_shipped_file_is_a_rule() -> None:
    assert [str(error) for error in BOOK.broken] == []
    assert len(BOOK.rules) == len(list(rules_folder().glob("*/*.toml")))


def test_all_examples_hold() -> None:
    tried, failed = failures(BOOK)
    assert failed == []
    assert tried >= 2 * len(BOOK.rules)


def test_a_rule_comes_after_those_it_asks_about() -> None:
    place = {rule.code: at for at, rule in enumerate(BOOK.rules)}
    late = [
        (rule.code, code) for rule in BOOK.rules for code in rule.waits_for if place.get(code, -1) > place[rule.code]
    ]
    assert late == []


def test_a_rule_is_found_by_code_or_name_in_any_case() -> None:
    rule = BOOK.find("sat001")
    assert rule is not None
    assert rule.name == "score-pinned-at-bound"
    assert BOOK.find("Score-Pinned-At-Bound") is rule
    assert BOOK.find("SAT") is None


@each_rule
def test_a_rule_owes_what_a_reader_needs(rule: Rule) -> None:
    assert len(rule.about) > 60
    assert len(rule.healthy) > 60
    assert rule.body.references
    assert rule.body.fixes
    assert {example.outcome for example in rule.body.examples} >= {"fired", "quiet"}
    for fix in rule.body.fixes:
        assert fix.check.finds, fix.title.text
        assert fix.check.condition, fix.title.text
    for knob in rule.knobs:
        assert knob.doc and knob.source, knob.name
    for link in rule.body.links:
        assert re.fullmatch(r"[A-Z]{2,3}\d{3}", link.to)
        assert link.to != rule.code


@each_rule
def test_a_rule_lies_in_a_file_of_its_code(rule: Rule) -> None:
    assert Path(rule.file).stem == rule.code.lower()


@each_rule
def test_the_page_of_a_rule_tells_all_of_it(rule: Rule) -> None:
    text = page(rule)
    assert text.startswith(f"# {rule.code} {rule.name}\n")
    for part in ("## It fires when", "## How sure", "## What it says", "## What to do", "## References"):
        assert part in text
    assert rule.healthy in text
    for fix in rule.body.fixes:
        assert fix.title.text in text
        assert f"within {fix.check.within.text}" in text
    for find in rule.finds:
        assert f"- `{find.name}`: {find.detector}(" in text


@each_rule
def test_each_threshold_on_a_page_is_one_that_the_rule_uses(rule: Rule) -> None:
    texts = [rule.condition.text, *(g.when.text for g in rule.body.grades if g.when)]
    texts += [
        item.when.text
        for item in (*rule.body.beliefs, *rule.body.titles, *rule.body.says, *rule.body.links)
        if item.when
    ]
    texts += [fix.when.text for fix in rule.body.fixes if fix.when]
    prose = [say.text.text for say in rule.body.says] + [belief.because.text for belief in rule.body.beliefs]
    passed = [(key, value) for find in rule.finds for key, value in find.parameters.items()]
    for knob in rule.knobs:
        read = any(re.search(rf"\b{knob.name}\b", text) for text in [*texts, *prose])
        assert read or (knob.name, knob.default) in passed, knob.name


def test_an_example_that_does_not_hold_says_why() -> None:
    rule = BOOK.find("SAT001")
    assert rule is not None
    fires = next(example for example in rule.body.examples if example.outcome == "fired")
    assert "expected quiet, got fired" in trial(rule, replace(fires, outcome="quiet"), BOOK)
    assert "expected severity info" in trial(rule, replace(fires, severity="info"), BOOK)
    assert "does not say 'purple'" in trial(rule, replace(fires, says=("purple",)), BOOK)
    lone = replace(fires, outcome=str(Outcome.QUIET), log="Using Adam optimizer: lr=0.0001\n")
    assert "expected quiet, got could-not-tell (" in trial(rule, lone, BOOK)


def test_detectors_that_rules_use_are_documented() -> None:
    used = {find.detector for rule in BOOK.rules for find in rule.finds}
    assert [name for name in used if not DETECTORS[name].doc.strip()] == []


def test_a_folder_without_rules_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rule files"):
        catalogue([tmp_path])
    with pytest.raises(UsageError, match="no such rule folder"):
        catalogue([tmp_path / "nowhere"])


@pytest.mark.skipif(not SHARED.is_file(), reason="the written catalogue is not beside this checkout")
def test_codes_and_names_are_those_of_the_written_catalogue() -> None:
    heading = re.compile(r"^### ([A-Z]{2,3}\d{3})(?: ★)? ([a-z0-9-]+)", re.MULTILINE)
    written = dict(heading.findall(SHARED.read_text(encoding="utf-8")))
    assert {rule.code: rule.name for rule in BOOK.rules} == {rule.code: written.get(rule.code) for rule in BOOK.rules}
    linked = {link.to for rule in BOOK.rules for link in rule.body.links}
    assert linked <= written.keys()
