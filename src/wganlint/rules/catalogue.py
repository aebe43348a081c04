"""All rules together: the shipped ones and the user's, in the order in which they can be judged, with self-checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct

import wganlint.detect.all  # noqa: F401  (registers the detectors that rules may use)
from wganlint.errors import RuleError, UsageError
from wganlint.finding import Outcome
from wganlint.rules.load import MOST_BYTES, load_rule
from wganlint.rules.rule import Rule
from wganlint.shipped import parsed, rules_folder


class Catalogue(Struct, frozen=True):
    """Rules in the order of judging, and what is wrong with the files that did not become rules."""

    rules: tuple[Rule, ...]
    broken: tuple[RuleError, ...] = ()

    def find(self, word: str) -> Rule | None:
        """Return the rule with this code or name, in any case."""
        return next((r for r in self.rules if word.lower() in (r.code.lower(), r.name)), None)


def catalogue(folders: Sequence[Path] = ()) -> Catalogue:
    """Return the shipped rules and those of further folders.

    Raises:
        UsageError: a folder does not exist or holds no rule file.
    """
    rules, broken = list(_shipped().rules), list(_shipped().broken)
    for folder in folders:
        if not folder.exists():
            raise UsageError(f"no such rule folder: {folder}", hint="give the folder that holds your .toml rule files")
        files = sorted(folder.rglob("*.toml")) if folder.is_dir() else [folder]
        if not files:
            raise UsageError(f"no rule files in {folder}", hint="a rule is a .toml file; see docs/rules.md")
        more = load_files(files, folder if folder.is_dir() else folder.parent)
        rules += more.rules
        broken += more.broken
    return _ordered(rules, broken)


@cache
def _shipped() -> Catalogue:
    folder = rules_folder()
    return load_files(sorted(folder.glob("*/*.toml")), folder, whole=False, known=parsed())


def load_files(
    files: Iterable[Path], root: Path, *, whole: bool = True, known: Mapping[str, dict[str, Any]] = MappingProxyType({})
) -> Catalogue:
    """Load rule files; a file that is wrong is listed and does not stop the others.

    Unless `whole`, only what decides whether a rule fires is read; its body on first use. `known`: what files say.
    """
    rules: list[Rule] = []
    broken: list[RuleError] = []
    for file in files:
        shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
        try:
            if file.stat().st_size > MOST_BYTES:
                hint = f"the most is {MOST_BYTES} bytes"
                raise RuleError("a rule file of this size", file=shown, line=1, column=1, hint=hint)
            rule = load_rule(file.read_bytes().decode("utf-8"), shown, whole=whole, data=known.get(shown))
            if whole:
                _self_check(rule)
            rules.append(rule)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode("utf-8")
            broken.append(
                RuleError(
                    "not UTF-8",
                    file=shown,
                    line=before.count("\n") + 1,
                    column=len(before.rpartition("\n")[2]) + 1,
                    hint="save the file as UTF-8",
                )
            )
        except OSError as error:
            broken.append(RuleError(f"cannot be read: {error.strerror}", file=shown))
        except RuleError as error:
            broken.append(error)
    return _ordered(rules, broken)


def _self_check(rule: Rule) -> None:
    """Hold a rule to what every rule owes: an example that fires, one that stays quiet, a fix with a check."""
    outcomes = {example.outcome for example in rule.body.examples}
    if str(Outcome.FIRED) not in outcomes:
        raise RuleError("no [[example]] that fires", file=rule.file, line=1, column=1)
    if str(Outcome.QUIET) not in outcomes:
        raise RuleError(
            "no [[example]] that stays quiet", file=rule.file, line=1, column=1,
            hint="show a healthy run that looks alike",
        )  # fmt: skip
    if not rule.body.fixes:
        raise RuleError("no [[fix]]", file=rule.file, line=1, column=1, hint="a measurement to take is a fix too")


def _ordered(rules: list[Rule], broken: list[RuleError]) -> Catalogue:
    """Order rules so that each comes after those whose findings it asks about.

    Later twins of a code or a name are broken, and so are rules that wait for each other.
    """
    by_code: dict[str, Rule] = {}
    by_name: dict[str, Rule] = {}
    broken = list(broken)
    for rule in rules:
        twin = by_code.get(rule.code) or by_name.get(rule.name)
        if twin is None:
            by_code[rule.code] = by_name[rule.name] = rule
            continue
        word, what = (rule.code, "code") if rule.code == twin.code else (rule.name, "name")
        broken.append(_wrong(rule, f"{word} is already the {what} of {twin.file}"))
    ordered: list[Rule] = []
    waiting = dict(sorted(by_code.items()))
    while waiting:
        ready = [code for code, rule in waiting.items() if not rule.waits_for & waiting.keys()]
        ordered += [waiting.pop(code) for code in ready]
        if not ready:
            for code, ring in {code: _ring(code, waiting) for code in waiting}.items():
                if not ring:
                    continue
                others = sorted(ring - {code})
                what = f"{' and '.join([code, *others])} wait for each other's findings"
                broken.append(_wrong(waiting.pop(code), what if others else f"{code} waits for its own finding"))
    return Catalogue(tuple(ordered), tuple(broken))


def _wrong(rule: Rule, what: str) -> RuleError:
    return RuleError(what, file=rule.file, line=1, column=1)


def _ring(code: str, rules: Mapping[str, Rule]) -> frozenset[str]:
    """Return the codes that `code` waits for and that wait for `code`, itself among them; empty if there are none."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        stack = [start]
        while stack:
            more = rules[stack.pop()].waits_for & rules.keys() - found
            found |= more
            stack += more
        return found

    own = reached(code)
    return frozenset(other for other in own if code in reached(other)) if code in own else frozenset()
