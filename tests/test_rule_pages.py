"""The pages of the rules are what the rule files say now, and the index leads from what people see to rules."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from wganlint.errors import RuleError
from wganlint.explain import symptom_page
from wganlint.rules.catalogue import Catalogue, catalogue
from wganlint.rules.load import load_rule
from wganlint.rules.symptoms import meant, rules_of, symptoms

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "rules"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def book() -> Catalogue:
    return catalogue()


@pytest.fixture(scope="module")
def pages(make: ModuleType, book: Catalogue) -> dict[str, str]:
    found: dict[str, str] = make.rule_pages(book)
    return found


def test_the_pages_are_those_of_the_rules(pages: dict[str, str]) -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    assert sorted(kept) == sorted(pages), "run `make docs`"
    stale = [name for name, text in pages.items() if kept[name] != text]
    assert stale == [], "run `make docs`"


def test_each_page_shows_what_the_rule_really_prints(pages: dict[str, str], book: Catalogue) -> None:
    for rule in book.rules:
        shown = re.search(r"## What it looks like\n\n```text\n(\w+)\[(\w+)\]", pages[f"{rule.code}.md"])
        assert shown, rule.code
        assert shown[2] == rule.code


def test_pages_name_no_place_of_the_machine_that_made_them(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        assert "/tmp" not in text and str(ROOT) not in text, name


def test_links_between_pages_lead_somewhere(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        for target in re.findall(r"\]\((\w+\.md)\)", text):
            assert target in pages, (name, target)


def test_the_index_names_every_rule_by_code(pages: dict[str, str], book: Catalogue) -> None:
    for rule in book.rules:
        assert f"| [{rule.code}]({rule.code}.md) | {rule.name} |" in pages["index.md"]


@pytest.mark.parametrize(
    ("said", "key", "code"),
    [
        ("my loss is stuck at a number", "stuck", "SAT001"),
        ("my loss is pinned at 1000", "stuck", "SAT002"),
        ("NaN", "nan", "NUM001"),
        ("training gets slower", "slow", "PRF001"),
        ("only the l1 loss improves", "only-side-loss", "OPT007"),
        ("mode collapse", "samples-alike", "DAT004"),
    ],
)
def test_what_people_say_leads_to_a_rule(said: str, key: str, code: str, book: Catalogue) -> None:
    symptom = meant(said)
    assert symptom is not None and symptom.key == key
    assert code in {rule.code for rule in rules_of(symptom, book.rules)}
    assert code in symptom_page(symptom, book.rules)


def test_nonsense_means_nothing() -> None:
    assert meant("SAT999") is None
    assert meant("") is None


def test_a_symptom_that_is_not_in_the_vocabulary_is_an_error_with_its_place() -> None:
    text = (ROOT / "rules/saturation/sat001.toml").read_text(encoding="utf-8")
    wrong = re.sub(r"^symptoms = .*$", 'symptoms = ["stuck", "sad"]', text, count=1, flags=re.M)
    with pytest.raises(RuleError) as caught:
        load_rule(wrong, "team.toml")
    line = wrong[: wrong.index('"sad"')].count("\n") + 1
    assert (caught.value.line, "'sad'" in caught.value.what) == (line, True)
    assert "stuck" in caught.value.hint


def test_a_rule_without_symptoms_is_fine() -> None:
    text = (ROOT / "rules/saturation/sat001.toml").read_text(encoding="utf-8")
    assert load_rule(re.sub(r"^symptoms = .*\n", "", text, flags=re.M), "team.toml").symptoms == ()


def test_shipped_rules_use_the_vocabulary(book: Catalogue) -> None:
    for rule in book.rules:
        assert set(rule.symptoms) <= symptoms().keys(), rule.code
