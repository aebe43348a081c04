"""Rule files become Rules; every error carries file, line and column, and one bad rule never stops the others."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

from wganlint.detect.registry import DETECTORS
from wganlint.errors import ConditionError, RuleError
from wganlint.evidence import Standing
from wganlint.finding import Confidence, Effect, LinkKind, Outcome, Severity
from wganlint.rules import condition as conditions
from wganlint.rules import prose
from wganlint.rules.condition import Condition, Shape
from wganlint.rules.locate import Spot, place, spots
from wganlint.rules.prose import Prose
from wganlint.rules.rule import (
    Belief,
    CheckTemplate,
    Example,
    Find,
    FixTemplate,
    Grade,
    Knob,
    Link,
    Rule,
    Say,
    Title,
)
from wganlint.units import Kind

MOST_BYTES = 262_144
FAMILIES = frozenset({"wgan", "wgan-gp", "wgan-clip", "hinge", "bce", "lsgan", "unknown"})
_CODE = re.compile(r"[A-Z]{2,6}\d{3}\Z")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*\Z")
_WITHIN = re.compile(r"\d+ (points|steps)\Z")
_TOP = {
    "code", "name", "status", "severity", "tags", "families", "about", "healthy", "parameters", "finds", "condition",
    "grade", "confidence", "title", "say", "alternative", "link", "fix", "references", "example",
}  # fmt: skip

Path: TypeAlias = tuple[str | int, ...]


def load_rule(text: str, file: str) -> Rule:
    """Return the rule that a TOML text holds.

    Raises:
        RuleError: with file, line and column.
    """
    if len(text) > MOST_BYTES:
        raise RuleError("a rule file of this size", file=file, hint=f"the most is {MOST_BYTES} characters")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        end = text.count("\n") + 1
        line, column = (int(at[1]), int(at[2])) if at else (end, 1)
        what = re.sub(r" \(at .*\)$", "", str(error))
        raise RuleError(f"not TOML: {what}", file=file, line=line, column=column) from None
    except (RecursionError, ValueError):
        raise RuleError("not TOML: nested too deeply or a bad number", file=file, line=1, column=1) from None
    return _Loader(data, spots(text), file).rule()


class _Loader:
    def __init__(self, data: dict[str, Any], places: dict[Path, Spot], file: str) -> None:
        self.data, self.places, self.file = data, places, file
        self.shape = Shape({})
        self.proved: frozenset[str] = frozenset()
        self.own: tuple[Find, ...] = ()

    # -- errors ---------------------------------------------------------------------------------------------------
    def fail(self, path: Path, what: str, hint: str = "") -> NoReturn:
        spot = place(self.places, path)
        line, column = (spot.line, spot.column) if spot else (1, 1)
        raise RuleError(what, file=self.file, line=line, column=column, hint=hint)

    def _at(self, path: Path, error: RuleError) -> NoReturn:
        spot = place(self.places, path) or Spot(1, 1, False)
        line, column = spot.line, spot.column
        if error.line is not None and error.column is not None:
            line = spot.line + error.line - 1
            column = error.column + (spot.column - 1 if error.line == 1 else 0)
        kind = ConditionError if isinstance(error, ConditionError) else RuleError
        raise kind(error.what, file=self.file, line=line, column=column, hint=error.hint) from None

    # -- values ---------------------------------------------------------------------------------------------------
    def value(self, table: Mapping[str, Any], path: Path, key: str, kind: type, default: Any = None) -> Any:
        if key not in table:
            if default is None:
                self.fail(path, f"{key} is missing", f"a {kind.__name__} is needed")
            return default
        value = table[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail((*path, key), f"{key} must be a {kind.__name__}, not {type(value).__name__}")
        return value

    def texts(self, table: Mapping[str, Any], path: Path, key: str) -> tuple[str, ...]:
        values = self.value(table, path, key, list, [])
        if not all(isinstance(value, str) for value in values):
            self.fail((*path, key), f"{key} must be a list of texts")
        return tuple(values)

    def tables(self, key: str) -> list[tuple[Path, dict[str, Any]]]:
        values = self.value(self.data, (), key, list, [])
        if not all(isinstance(value, dict) for value in values):
            self.fail((key,), f"{key} must be written as [[{key}]] tables")
        return [((key, at), value) for at, value in enumerate(values)]

    def known(self, table: Mapping[str, Any], path: Path, allowed: set[str]) -> None:
        for key in table:
            if key not in allowed:
                self.fail((*path, key), f"unknown key {key!r}", f"known here: {', '.join(sorted(allowed))}")

    def choice(
        self, table: Mapping[str, Any], path: Path, key: str, choices: Mapping[str, Any], default: str = ""
    ) -> Any:
        word = self.value(table, path, key, str, default or None)
        if word not in choices:
            self.fail((*path, key), f"{key} is {word!r}", f"one of {', '.join(choices)}")
        return choices[word]

    def when(self, table: Mapping[str, Any], path: Path) -> Condition | None:
        text = self.value(table, path, "when", str, "")
        return self.condition(text, (*path, "when"), self.proved) if text else None

    def condition(self, text: str, path: Path, given: frozenset[str]) -> Condition:
        try:
            return conditions.parse(text, self.shape, given=given)
        except ConditionError as error:
            self._at(path, error)

    def prose(
        self, table: Mapping[str, Any], path: Path, key: str, when: Condition | None, *, numbers: bool = True
    ) -> Prose:
        text = self.value(table, path, key, str).strip()
        given = self.shape.required | self.proved | (when.proves if when else frozenset())
        try:
            return prose.parse(
                " ".join(text.split()) if key != "diff" else text, self.shape, given, numbers=numbers
            )
        except RuleError as error:
            self._at((*path, key), RuleError(error.what, hint=error.hint))

    # -- parts ----------------------------------------------------------------------------------------------------
    def rule(self) -> Rule:
        data = self.data
        self.known(data, (), _TOP)
        code = self.value(data, (), "code", str)
        if not _CODE.match(code):
            self.fail(("code",), f"{code!r} is not a code", "letters and three digits: SAT001, TEAM042")
        name = self.value(data, (), "name", str)
        if not _NAME.match(name):
            self.fail(
                ("name",),
                f"{name!r} is not a name",
                "small letters and hyphens; it says the fault, not the cure",
            )
        families = self.texts(data, (), "families")
        for family in families:
            if family not in FAMILIES:
                self.fail(
                    ("families",), f"unknown loss family {family!r}", f"one of {', '.join(sorted(FAMILIES))}"
                )
        knobs = self.knobs()
        self.own = finds = self.finds(("finds",), self.value(data, (), "finds", dict))
        self.shape = self._shape(finds, knobs)
        condition = self.condition(self.value(data, (), "condition", str), ("condition",), frozenset())
        self.proved = condition.proves
        return Rule(
            code=code, name=name, status=self.choice(data, (), "status", _STATUS, "stable"), file=self.file,
            about=_fold(self.value(data, (), "about", str)), healthy=_fold(self.value(data, (), "healthy", str)),
            tags=self.texts(data, (), "tags"), families=families,
            severity=self.choice(data, (), "severity", _SEVERITIES), grades=self.grades(), beliefs=self.beliefs(),
            knobs=knobs, finds=finds, shape=self.shape, condition=condition, titles=self.titles(),
            says=self.says("say"), alternatives=self.says("alternative"), links=self.links(), fixes=self.fixes(),
            references=self.texts(data, (), "references"), examples=self.examples(),
        )  # fmt: skip

    def knobs(self) -> tuple[Knob, ...]:
        table = self.value(self.data, (), "parameters", dict, {})
        knobs = []
        for name, entry in table.items():
            path: Path = ("parameters", name)
            if not isinstance(entry, dict) or not _IDENTIFIER.match(name):
                self.fail(path, f"parameter {name} must be a table", "{ default, kind, doc, source }")
            self.known(entry, path, {"default", "kind", "doc", "source"})
            kind = self.choice(entry, path, "kind", {str(k): k for k in Kind}, "number")
            default = entry.get("default")
            if isinstance(default, bool) or not isinstance(
                default, str if kind is Kind.TEXT else int | float
            ):
                self.fail(path, f"the default of {name} must be a {kind}")
            doc, source = self.value(entry, path, "doc", str), self.value(entry, path, "source", str)
            knobs.append(Knob(name, default, str(kind), doc, source))
        return tuple(knobs)

    def finds(
        self, path: Path, table: Mapping[str, Any], lenders: Mapping[str, Find] | None = None
    ) -> tuple[Find, ...]:
        """Return the detector calls of a table; a call may borrow fields of `lenders`, by default the earlier calls.

        Finds of a check borrow from the rule's own finds: those values are frozen into the report as numbers.
        """
        finds: dict[str, Find] = {}
        for name, entry in table.items():
            here = (*path, name)
            if not _IDENTIFIER.match(name) or not isinstance(entry, dict):
                self.fail(here, f"find {name!r} must be a table", '{ detector = "..." }')
            call = self.value(entry, here, "detector", str)
            if call not in DETECTORS:
                self.fail(
                    (*here, "detector"),
                    f"unknown detector {call!r}",
                    f"known: {', '.join(sorted(DETECTORS))}",
                )
            if lenders is not None and call == "finding":
                self.fail((*here, "detector"), "a check looks at the next run, not at other findings")
            if call == "finding" and entry.get("least", "info") not in _SEVERITIES:
                self.fail(
                    (*here, "least"), f"least is {entry['least']!r}", f"one of {', '.join(_SEVERITIES)}"
                )
            given = {key: value for key, value in entry.items() if key not in ("detector", "required")}
            find = Find(name, call, given, self.value(entry, here, "required", bool, False))
            self._check_call(find, here, finds if lenders is None else lenders)
            finds[name] = find
        return tuple(finds.values())

    def _check_call(self, find: Find, path: Path, earlier: Mapping[str, Find]) -> None:
        known = DETECTORS[find.detector].parameters
        for key, value in find.parameters.items():
            if key not in known:
                self.fail(
                    (*path, key),
                    f"{find.detector} has no parameter {key!r}",
                    f"it has {', '.join(sorted(known))}",
                )
            if key in find.borrows:
                other, field = find.borrows[key]
                if other not in earlier or field not in DETECTORS[earlier[other].detector].fields:
                    self.fail((*path, key), f"{value} is not a field of an earlier find")
                continue
            wanted = known[key].type
            if not isinstance(value, (int, float) if wanted is float else wanted) or (
                isinstance(value, bool) and wanted is not bool
            ):
                self.fail((*path, key), f"{key} of {find.detector} must be a {wanted.__name__}")
        for key, parameter in known.items():
            if parameter.default is None and key not in find.parameters:
                self.fail(path, f"{find.detector} needs the parameter {key!r}", parameter.doc)

    @staticmethod
    def _shape(finds: tuple[Find, ...], knobs: tuple[Knob, ...]) -> Shape:
        return Shape(
            {find.name: DETECTORS[find.detector].fields for find in finds},
            frozenset(find.name for find in finds if find.required),
            {knob.name: Kind(knob.kind) for knob in knobs},
        )

    def grades(self) -> tuple[Grade, ...]:
        grades = []
        for path, entry in self.tables("grade"):
            self.known(entry, path, {"severity", "when"})
            grades.append(Grade(self.choice(entry, path, "severity", _SEVERITIES), self.when(entry, path)))
        return tuple(grades)

    def beliefs(self) -> tuple[Belief, ...]:
        beliefs = []
        for path, entry in self.tables("confidence"):
            self.known(entry, path, {"level", "when", "because"})
            when = self.when(entry, path)
            level = self.choice(entry, path, "level", _CONFIDENCES)
            beliefs.append(Belief(level, when, self.prose(entry, path, "because", when)))
        if not beliefs or beliefs[-1].when is not None:
            self.fail(("confidence",), "the last [[confidence]] must hold always", "leave out its `when`")
        return tuple(beliefs)

    def titles(self) -> tuple[Title, ...]:
        titles = []
        for path, entry in self.tables("title"):
            self.known(entry, path, {"text", "when"})
            when = self.when(entry, path)
            titles.append(Title(self.prose(entry, path, "text", when, numbers=False), when))
        if not titles or titles[-1].when is not None:
            self.fail(("title",), "the last [[title]] must hold always", "leave out its `when`")
        return tuple(titles)

    def says(self, key: str) -> tuple[Say, ...]:
        says = []
        for path, entry in self.tables(key):
            self.known(entry, path, {"text", "when", "standing", "settle"})
            when = self.when(entry, path)
            standing = self.choice(entry, path, "standing", _STANDINGS, "assumed")
            settle = self.prose(entry, path, "settle", when) if "settle" in entry else None
            if standing is Standing.ASSUMED and settle is None:
                self.fail(path, "an assumed statement must name what would settle it", 'add settle = "..."')
            text = self.prose(entry, path, "text", when, numbers=standing is Standing.ASSUMED)
            says.append(Say(standing, text, when, settle))
        return tuple(says)

    def links(self) -> tuple[Link, ...]:
        links = []
        for path, entry in self.tables("link"):
            self.known(entry, path, {"to", "how", "standing", "why", "when"})
            when = self.when(entry, path)
            to = self.value(entry, path, "to", str)
            if not _CODE.match(to):
                self.fail((*path, "to"), f"{to!r} is not a code")
            how = self.choice(entry, path, "how", _LINKS)
            standing = self.choice(entry, path, "standing", _STANDINGS, "derived")
            links.append(Link(to, how, standing, self.prose(entry, path, "why", when), when))
        return tuple(links)

    def fixes(self) -> tuple[FixTemplate, ...]:
        fixes = []
        allowed = {
            "title",
            "kind",
            "safety",
            "effect",
            "text",
            "diff",
            "hides",
            "excludes",
            "when",
            "check",
            "order",
        }
        for path, entry in self.tables("fix"):
            self.known(entry, path, allowed)
            when = self.when(entry, path)
            check_path = (*path, "check")
            fixes.append(
                FixTemplate(
                    title=self.prose(entry, path, "title", when),
                    kind=self.choice(entry, path, "kind", _same("edit", "setting", "measure")),
                    safety=self.choice(entry, path, "safety", _same("safe", "unsafe", "manual"), "manual"),
                    effect=self.choice(entry, path, "effect", {str(e): e for e in Effect}),
                    text=self.prose(entry, path, "text", when),
                    diff=self.prose(entry, path, "diff", when) if "diff" in entry else None,
                    hides=self.texts(entry, path, "hides"),
                    excludes=self.texts(entry, path, "excludes"),
                    when=when,
                    check=self.check(self.value(entry, path, "check", dict), check_path, when),
                    order=self.value(entry, path, "order", int, 50),
                )
            )
        return tuple(fixes)

    def check(self, entry: Mapping[str, Any], path: Path, when: Condition | None) -> CheckTemplate:
        self.known(entry, path, {"text", "finds", "condition", "within"})
        text = self.prose(entry, path, "text", when)
        within = self.value(entry, path, "within", str)
        if not _WITHIN.match(within):
            self.fail((*path, "within"), f"{within!r} is no span", 'write "50 points" or "200 steps"')
        own = {find.name: find for find in self.own}
        finds = self.finds((*path, "finds"), self.value(entry, path, "finds", dict), own)
        shape = self._shape(finds, ())
        source = self.value(entry, path, "condition", str)
        try:
            conditions.parse(source, shape)
        except ConditionError as error:
            self._at((*path, "condition"), error)
        return CheckTemplate(text, finds, source, within)

    def examples(self) -> tuple[Example, ...]:
        examples = []
        for path, entry in self.tables("example"):
            self.known(entry, path, {"title", "outcome", "log", "source", "severity", "says"})
            outcome = self.choice(entry, path, "outcome", {str(o): str(o) for o in Outcome})
            examples.append(
                Example(
                    self.value(entry, path, "title", str), outcome, self.value(entry, path, "log", str, ""),
                    self.value(entry, path, "source", str, ""), self.value(entry, path, "severity", str, ""),
                    self.texts(entry, path, "says"),
                )
            )  # fmt: skip
        return tuple(examples)


def _fold(text: str) -> str:
    return " ".join(text.split())


def _same(*words: str) -> dict[str, str]:
    return {word: word for word in words}


_STATUS = _same("preview", "stable")
_SEVERITIES = {str(level): level for level in Severity}
_CONFIDENCES = {str(level): level for level in Confidence}
_STANDINGS = {str(standing): standing for standing in Standing}
_LINKS = {str(how): how for how in LinkKind}
