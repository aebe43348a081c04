"""A rule as data, checked: what it looks for, when it fires, how sure it is, what it says and what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from msgspec import Struct

from wganlint.evidence import Standing
from wganlint.finding import Confidence, Effect, LinkKind, Severity
from wganlint.rules.condition import Condition, Shape
from wganlint.rules.prose import Prose


class Find(Struct, frozen=True):
    """A call of a detector. A parameter written "{other.field}" is taken from an earlier find."""

    name: str
    detector: str
    parameters: dict[str, Any]
    required: bool = False

    @property
    def borrows(self) -> dict[str, tuple[str, str]]:
        """Parameters taken from earlier finds, as name -> (find, field)."""
        return {
            key: (value[1:-1].split(".")[0], value[1:-1].split(".")[1])
            for key, value in self.parameters.items()
            if isinstance(value, str) and value.startswith("{") and value.endswith("}") and value.count(".") == 1
        }


class Knob(Struct, frozen=True):
    """A parameter of a rule: default, kind, meaning, and where the value comes from."""

    name: str
    default: float | str
    kind: str
    doc: str
    source: str


class Grade(Struct, frozen=True):
    """A severity that holds under a condition (None: always)."""

    level: Severity
    when: Condition | None


class Belief(Struct, frozen=True):
    """A confidence with its reason."""

    level: Confidence
    when: Condition | None
    because: Prose


class Say(Struct, frozen=True):
    """A sentence of the explanation with its standing."""

    standing: Standing
    text: Prose
    when: Condition | None
    settle: Prose | None


class Title(Struct, frozen=True):
    """A title that holds under a condition."""

    text: Prose
    when: Condition | None


class Link(Struct, frozen=True):
    """What this finding does to another one."""

    to: str
    how: LinkKind
    standing: Standing
    why: Prose
    when: Condition | None


class CheckTemplate(Struct, frozen=True):
    """What must hold after a fix: text for people; finds, condition and span for machines."""

    text: Prose
    finds: tuple[Find, ...]
    condition: str
    within: Prose


class FixTemplate(Struct, frozen=True):
    """A change to recommend."""

    title: Prose
    kind: str
    safety: str
    effect: Effect
    text: Prose
    diff: Prose | None
    hides: tuple[str, ...]
    excludes: tuple[str, ...]
    when: Condition | None
    check: CheckTemplate
    order: int


class Example(Struct, frozen=True):
    """A small input with what the rule must say about it; test, documentation and tutorial at once."""

    title: str
    outcome: str
    log: str
    source: str
    severity: str
    says: tuple[str, ...]
    trace: str = ""
    expect: tuple[str, ...] = ()  # as `--expect`
    probe: str = ""  # what a probe measured, as JSON without the head of its file


class Body(Struct, frozen=True):
    """What a rule says once it has fired."""

    grades: tuple[Grade, ...]
    beliefs: tuple[Belief, ...]
    titles: tuple[Title, ...]
    says: tuple[Say, ...]
    alternatives: tuple[Say, ...]
    links: tuple[Link, ...]
    fixes: tuple[FixTemplate, ...]
    references: tuple[str, ...]
    examples: tuple[Example, ...]


class Rule(Struct, frozen=True, eq=False, dict=True):
    """A checked rule: what decides whether it fires, and its body, which is read on first use.

    Most rules stay quiet on most runs, and the body is most of a rule file. `load_rule` reads it at once where the file
    may be wrong (a user's rules, tests); the shipped rules are held to their checks by the tests.
    """

    code: str
    name: str
    status: str
    file: str
    about: str
    healthy: str
    tags: tuple[str, ...]
    symptoms: tuple[str, ...]  # keys of rules/symptoms.toml
    families: tuple[str, ...]
    severity: Severity
    knobs: tuple[Knob, ...]
    finds: tuple[Find, ...]
    shape: Shape
    condition: Condition
    read_body: Callable[[], Body]

    @cached_property
    def body(self) -> Body:
        """What the rule says once it has fired.

        Raises:
            RuleError: the file is wrong there.
        """
        return self.read_body()

    @property
    def waits_for(self) -> frozenset[str]:
        """Codes of rules whose findings this rule asks about."""
        return frozenset(code for find in self.finds if find.detector == "finding" for code in find.parameters["codes"])
