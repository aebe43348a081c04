"""What people say when they ask for help: a fixed vocabulary that rules name, for the index by symptom."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

from wganlint.rules.rule import Rule
from wganlint.shipped import rules_folder


class Symptom(Struct, frozen=True):
    """One thing that people see; `also` are other words for it."""

    key: str
    says: str
    also: tuple[str, ...] = ()


@cache
def symptoms() -> dict[str, Symptom]:
    """Return the vocabulary in the order of its file."""
    declared = tomllib.loads((rules_folder() / "symptoms.toml").read_text(encoding="utf-8"))
    return {key: Symptom(key, entry["says"], tuple(entry.get("also", ()))) for key, entry in declared.items()}


def meant(text: str) -> Symptom | None:
    """Return the symptom that a text of any wording shares the most words with, or None."""
    known = symptoms()
    if text.lower() in known:
        return known[text.lower()]
    asked = _words(text)
    shares = {one: len(asked & _words(" ".join((one.key, one.says, *one.also)))) for one in known.values()}
    best = max(shares, key=lambda one: shares[one])
    return best if shares[best] else None


def rules_of(symptom: Symptom, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that name a symptom, worst first."""
    found = [rule for rule in rules if symptom.key in rule.symptoms]
    return tuple(sorted(found, key=lambda rule: (-rule.severity, rule.code)))


_SMALL = frozenset({"a", "an", "the", "my", "is", "are", "it", "its", "to", "of", "or", "and", "at", "in", "s", "not"})


def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _SMALL)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
