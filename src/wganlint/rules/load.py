"""Rule files become Rules; every error carries file, line and column, and one bad rule never stops the others."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from wganlint.detect.registry import DETECTORS
from wganlint.errors import ConditionError, RuleError
from wganlint.evidence import Standing
from wganlint.finding import Confidence, Effect, LinkKind, Outcome, Severity
from wganlint.late import late
from wganlint.rules import condition as conditions
from wganlint.rules import prose
from wganlint.rules.condition import Condition, Shape
from wganlint.rules.locate import Path, Spot, place, spots
from wganlint.rules.prose import Prose
from wganlint.rules.rule import (
    Belief,
    Body,
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
FAMILIES = frozenset({"wgan", "wgan-gp", "wgan-clip", "hinge", "bce", "lsgan", "not-wasserstein", "unknown"})
_CODE = late(r"[A-Z]{2,6}\d{3}\Z")
_NAME = late(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_IDENTIFIER = late(r"[a-z_][a-z0-9_]*\Z")
_WITHIN = late(r"[1-9][0-9]{0,8} (points|steps)\Z")
# `tomllib` takes quadratic time in the number of a key's parts.
_DEEP = late(r"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
_SPAN = late(r"\A\{\w+\.\w+\}")
_TOP = {
    "code", "name", "status", "severity", "tags", "symptoms", "families", "about", "healthy", "parameters", "finds",
    "condition", "grade", "confidence", "title", "say", "alternative", "link", "fix", "references", "example",
}  # fmt: skip


def load_rule(text: str, file: str, *, whole: bool = True, data: dict[str, Any] | None = None) -> Rule:
    """Return the rule that a TOML text holds; unless `whole`, its body is read and checked on first use.

    `data`: what the text says but for `BODY`, where that is known.

    Raises:
        RuleError: with file, line and column.
    """
    loader = _Loader(_parsed(text, file) if data is None else data, text, file, whole=data is None)
    rule = loader.rule()
    if whole:
        _ = rule.body
        loader.no_idle_parameters()
        loader.known_symptoms()
    return rule


def _parsed(text: str, file: str) -> dict[str, Any]:
    if len(text) > MOST_BYTES:
        raise RuleError(
            "a rule file of this size",
            file=file,
            line=1,
            column=1,
            hint=f"the most is {MOST_BYTES} characters",
        )
    deep = _DEEP.search(text)
    if deep:
        line = text.count("\n", 0, deep.start()) + 1
        raise RuleError("not TOML: a key of too many parts", file=file, line=line, column=1)
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        end = text.rstrip().split("\n")
        line, column = (int(at[1]), int(at[2])) if at else (len(end), len(end[-1]) + 1)
        what = re.sub(r" \(at .*\)$", "", str(error))
        raise RuleError(f"not TOML: {what}", file=file, line=line, column=column) from None
    except (RecursionError, ValueError):
        raise RuleError("not TOML: nested too deeply or a bad number", file=file, line=1, column=1) from None


class _Loader:
    def __init__(self, data: dict[str, Any], text: str, file: str, *, whole: bool = True) -> None:
        self.data, self.text, self.file = data, text, file
        self.whole = whole  # `data` holds the body, too
        self.shape = Shape({})
        self.proved: frozenset[str] = frozenset()
        self.own: tuple[Find, ...] = ()

    # -- errors ---------------------------------------------------------------------------------------------------
    def fail(self, path: Path, what: str, hint: str = "", *, key: bool = False) -> NoReturn:
        """Raise at the value of `path`, or at its key."""
        spot = place(spots(self.text), path) or Spot(1, 1, 1, 1)
        line, column = (spot.key_line, spot.key_column) if key else (spot.line, spot.column)
        raise RuleError(what, file=self.file, line=line, column=column, hint=hint)

    def _at(self, path: Path, error: RuleError, line: int | None, column: int | None) -> NoReturn:
        """Raise an error that was found at `line` and `column` inside the text of `path`."""
        spot = place(spots(self.text), path) or Spot(1, 1, 1, 1)
        line, column = spot.inside(line or 1, column or 1)
        kind = ConditionError if isinstance(error, ConditionError) else RuleError
        raise kind(error.what, file=self.file, line=line, column=column, hint=error.hint) from None

    # -- values ---------------------------------------------------------------------------------------------------
    def value(self, table: Mapping[str, Any], path: Path, key: str, kind: type, default: Any = None) -> Any:
        if key not in table:
            if default is None:
                self.fail(path, f"{key} is missing", f"{_WORDS[kind]} is needed")
            return default
        value = table[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail((*path, key), f"{key} must be {_WORDS[kind]}, not {_word(value)}")
        return value

    def texts(self, table: Mapping[str, Any], path: Path, key: str) -> tuple[str, ...]:
        values = self.value(table, path, key, list, [])
        for at, value in enumerate(values):
            if not isinstance(value, str):
                self.fail((*path, key, at), f"{key} must be a list of texts; this is {_word(value)}")
        return tuple(values)

    def tables(self, key: str) -> list[tuple[Path, dict[str, Any]]]:
        values = self.value(self.data, (), key, list, [])
        for at, value in enumerate(values):
            if not isinstance(value, dict):
                self.fail((key, at), f"{key} must be written as [[{key}]] tables")
        return [((key, at), value) for at, value in enumerate(values)]

    def known(self, table: Mapping[str, Any], path: Path, allowed: set[str]) -> None:
        for key in table:
            if key not in allowed:
                hint = f"known here: {', '.join(sorted(allowed))}"
                self.fail((*path, key), f"unknown key {key!r}", hint, key=True)

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
            self._at(path, error, error.line, error.column)

    def prose(
        self, table: Mapping[str, Any], path: Path, key: str, when: Condition | None, *, numbers: bool = True
    ) -> Prose:
        text = self.value(table, path, key, str)
        printed = text.strip() if key == "diff" else " ".join(text.split())
        given = self.shape.required | self.proved | (when.proves if when else frozenset())
        try:
            return prose.parse(printed, self.shape, given, numbers=numbers)
        except RuleError as error:
            self._at((*path, key), error, *_unfolded(text, printed, (error.column or 1) - 1))

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
        for at, family in enumerate(families):
            if family not in FAMILIES:
                self.fail(("families", at), f"unknown loss family {family!r}", f"one of {', '.join(sorted(FAMILIES))}")
        knobs = self.knobs()
        self.own = finds = self.finds(("finds",), self.value(data, (), "finds", dict))
        self.shape = self._shape(finds, knobs)
        condition = self.condition(self.value(data, (), "condition", str), ("condition",), frozenset())
        self.proved = condition.proves
        return Rule(
            code=code, name=name, status=self.choice(data, (), "status", _STATUS, "stable"), file=self.file,
            about=_fold(self.value(data, (), "about", str)), healthy=_fold(self.value(data, (), "healthy", str)),
            tags=self.texts(data, (), "tags"), symptoms=self.texts(data, (), "symptoms"), families=families,
            severity=self.choice(data, (), "severity", _SEVERITIES), knobs=knobs, finds=finds, shape=self.shape,
            condition=condition, read_body=self.body,
        )  # fmt: skip

    def body(self) -> Body:
        if not self.whole:
            self.data, self.whole = _parsed(self.text, self.file), True
        return Body(
            grades=self.grades(), beliefs=self.beliefs(), titles=self.titles(), says=self.says("say"),
            alternatives=self.says("alternative"), links=self.links(), fixes=self.fixes(),
            references=self.texts(self.data, (), "references"), examples=self.examples(),
        )  # fmt: skip

    def knobs(self) -> tuple[Knob, ...]:
        table = self.value(self.data, (), "parameters", dict, {})
        knobs = []
        for name, entry in table.items():
            path: Path = ("parameters", name)
            if not isinstance(entry, dict):
                self.fail(path, f"parameter {name} must be a table", "{ default, kind, doc, source }")
            self.identifier(path, name)
            self.known(entry, path, {"default", "kind", "doc", "source"})
            kind = self.choice(entry, path, "kind", {str(k): k for k in Kind}, "number")
            default = entry.get("default")
            if isinstance(default, bool) or not isinstance(default, str if kind is Kind.TEXT else int | float):
                self.fail((*path, "default"), f"the default of {name} must be a {kind}, not {_word(default)}")
            if not isinstance(default, str) and not _finite(default):
                self.fail((*path, "default"), f"the default of {name} must be a finite number")
            doc, source = self.value(entry, path, "doc", str), self.value(entry, path, "source", str)
            knobs.append(Knob(name, default, str(kind), doc, source))
        return tuple(knobs)

    def no_idle_parameters(self) -> None:
        """Refuse a parameter that nothing reads: whoever changes it would change nothing."""
        import json

        rest = json.dumps({key: value for key, value in self.data.items() if key not in ("parameters", "example")})
        for name in self.data.get("parameters", {}):
            if not re.search(rf"\b{name}\b", rest):
                self.fail(
                    ("parameters", name), f"nothing reads the parameter {name!r}", "use it or leave it out", key=True
                )

    def known_symptoms(self) -> None:
        """Refuse a symptom that the vocabulary lacks: the index would not show it."""
        from wganlint.rules.symptoms import symptoms

        for at, word in enumerate(self.texts(self.data, (), "symptoms")):
            if word not in symptoms():
                self.fail(("symptoms", at), f"unknown symptom {word!r}", f"one of {', '.join(symptoms())}")

    def identifier(self, path: Path, name: str) -> None:
        if not _IDENTIFIER.match(name) or keyword.iskeyword(name):
            hint = "small letters, digits and _; no word of the condition language"
            self.fail(path, f"{name!r} cannot be read in a condition", hint, key=True)

    def finds(
        self, path: Path, table: Mapping[str, Any], lenders: Mapping[str, Find] | None = None
    ) -> tuple[Find, ...]:
        """Return the detector calls of a table; a call may borrow fields of `lenders`, by default the earlier calls.

        Finds of a check borrow from the rule's own finds: those values are frozen into the report as numbers.
        """
        finds: dict[str, Find] = {}
        for name, entry in table.items():
            here = (*path, name)
            if not isinstance(entry, dict):
                self.fail(here, f"find {name!r} must be a table", '{ detector = "..." }')
            self.identifier(here, name)
            if lenders is None and name in self.data.get("parameters", {}):
                self.fail(here, f"{name!r} is already a parameter of this rule", key=True)
            call = self.value(entry, here, "detector", str)
            if call not in DETECTORS:
                self.fail(
                    (*here, "detector"),
                    f"unknown detector {call!r}",
                    f"known: {', '.join(sorted(DETECTORS))}",
                )
            if lenders is not None and call == "finding":
                self.fail((*here, "detector"), "a check looks at the next run, not at other findings")
            if call == "finding":
                self.choice(entry, here, "least", _SEVERITIES, "info")
                for at, code in enumerate(self.texts(entry, here, "codes")):
                    if not _CODE.match(code):
                        self.fail((*here, "codes", at), f"{code!r} is not a code", "such as SAT001")
            given = {k: self._lent(v) for k, v in entry.items() if k not in ("detector", "required")}
            find = Find(name, call, given, self.value(entry, here, "required", bool, False))
            self._check_call(find, here, finds if lenders is None else lenders)
            finds[name] = find
        return tuple(finds.values())

    def _lent(self, value: Any) -> Any:
        """Return the default of a parameter of this rule where a find writes "{name}"; anything else as it is."""
        name = value[1:-1] if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}" else ""
        table = self.data.get("parameters", {})
        return table[name]["default"] if name in table else value

    def _check_call(self, find: Find, path: Path, earlier: Mapping[str, Find]) -> None:
        known = DETECTORS[find.detector].parameters
        for key, value in find.parameters.items():
            if key not in known:
                self.fail(
                    (*path, key),
                    f"{find.detector} has no parameter {key!r}",
                    f"it has {', '.join(sorted(known)) or 'none'}",
                    key=True,
                )
            wanted = known[key].type
            if key in find.borrows:
                other, field = find.borrows[key]
                lent = DETECTORS[earlier[other].detector].fields.get(field) if other in earlier else None
                if lent is None:
                    self.fail((*path, key), f"{value} is not a field of an earlier find")
                if wanted not in {Kind.TEXT: (str,), Kind.FLAG: (bool,)}.get(lent, (int, float)):
                    self.fail((*path, key), f"{value} is a {lent}; {key} must be {_WORDS[wanted]}")
                continue
            if not isinstance(value, (int, float) if wanted is float else wanted) or (
                isinstance(value, bool) and wanted is not bool
            ):
                self.fail((*path, key), f"{key} of {find.detector} must be {_WORDS[wanted]}, not {_word(value)}")
            if isinstance(value, int | float) and not _finite(value):
                self.fail((*path, key), f"{key} of {find.detector} must be a finite number")
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
        span = self.value(entry, path, "within", str)
        if not _WITHIN.match(_SPAN.sub("50", span)):
            self.fail(
                (*path, "within"), f"{span!r} is no span", 'write "50 points", "200 steps" or "{find.field} points"'
            )
        within = self.prose(entry, path, "within", when)
        if "condition" not in entry:  # nothing that a machine could look at: the outcome is "cannot tell"
            return CheckTemplate(text, (), "", within)
        own = {find.name: find for find in self.own}
        finds = self.finds((*path, "finds"), self.value(entry, path, "finds", dict), own)
        shape = self._shape(finds, ())
        source = self.value(entry, path, "condition", str)
        try:
            conditions.parse(source, shape)
        except ConditionError as error:
            self._at((*path, "condition"), error, error.line, error.column)
        return CheckTemplate(text, finds, source, within)

    def examples(self) -> tuple[Example, ...]:
        examples = []
        for path, entry in self.tables("example"):
            self.known(
                entry, path, {"title", "outcome", "log", "source", "trace", "expect", "severity", "says", "probe"}
            )
            outcome = self.choice(entry, path, "outcome", {str(o): str(o) for o in Outcome})
            if "severity" in entry:
                self.choice(entry, path, "severity", _SEVERITIES)
            examples.append(
                Example(
                    self.value(entry, path, "title", str), outcome, self.value(entry, path, "log", str, ""),
                    self.value(entry, path, "source", str, ""), self.value(entry, path, "severity", str, ""),
                    self.texts(entry, path, "says"), self.value(entry, path, "trace", str, ""),
                    self.texts(entry, path, "expect"), self.value(entry, path, "probe", str, ""),
                )
            )  # fmt: skip
        return tuple(examples)


_WORDS = {
    str: "a text",
    dict: "a table",
    list: "a list",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}


def _word(value: object) -> str:
    if value is None:
        return "missing"
    return _WORDS.get(type(value), "a date or a time")


def _finite(number: float) -> bool:
    return abs(number) < 1e300 and math.isfinite(number)


def _fold(text: str) -> str:
    return " ".join(text.split())


def _unfolded(text: str, folded: str, at: int) -> tuple[int, int]:
    """Return line and column in `text` of the character `at` in the same text with its white space folded."""
    inked = len("".join(folded[:at].split()))
    black = [here for here, character in enumerate(text) if not character.isspace()]
    here = black[min(inked, len(black) - 1)] if black else 0
    return text.count("\n", 0, here) + 1, here - text.rfind("\n", 0, here)


def _same(*words: str) -> dict[str, str]:
    return {word: word for word in words}


_STATUS = _same("preview", "stable")
_SEVERITIES = {str(level): level for level in Severity}
_CONFIDENCES = {str(level): level for level in Confidence}
_STANDINGS = {str(standing): standing for standing in Standing}
_LINKS = {str(how): how for how in LinkKind}
