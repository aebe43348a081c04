"""All rules together: the shipped ones and the user's, in the order in which they can be judged, with self-checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import wganlint.detect.all  # noqa: F401  (registers the detectors that rules may use)
from wganlint.errors import RuleError, UsageError
from wganlint.finding import Outcome
from wganlint.rules.load import MOST_BYTES, load_rule
from wganlint.rules.rule import Rule
from wganlint.shipped import rules_folder


@dataclass(frozen=True, slots=True)
class Catalogue:
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
            raise UsageError(
                f"no such rule folder: {folder}", hint="give the folder that holds your .toml rule files"
            )
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
    return load_files([f for f in sorted(folder.glob("*/*.toml"))], folder)


def load_files(files: Iterable[Path], root: Path) -> Catalogue:
    """Load rule files; a file that is wrong is listed and does not stop the others."""
    rules: list[Rule] = []
    broken: list[RuleError] = []
    for file in files:
        shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.as_posix()
        try:
            if file.stat().st_size > MOST_BYTES:
                raise RuleError(
                    "a rule file of this size", file=shown, hint=f"the most is {MOST_BYTES} bytes"
                )
            rule = load_rule(file.read_bytes().decode("utf-8"), shown)
            _self_check(rule)
            rules.append(rule)
        except UnicodeDecodeError as error:
            broken.append(RuleError(f"not UTF-8 at byte {error.start}", file=shown, line=1, column=1))
        except OSError as error:
            broken.append(RuleError(f"cannot be read: {error.strerror}", file=shown))
        except RuleError as error:
            broken.append(error)
    return _ordered(rules, broken)


def _self_check(rule: Rule) -> None:
    """Hold a rule to what every rule owes: an example that fires, one that stays quiet, a fix with a check."""
    outcomes = {example.outcome for example in rule.examples}
    if str(Outcome.FIRED) not in outcomes:
        raise RuleError("no [[example]] that fires", file=rule.file, line=1, column=1)
    if str(Outcome.QUIET) not in outcomes:
        raise RuleError(
            "no [[example]] that stays quiet", file=rule.file, line=1, column=1,
            hint="show a healthy run that looks alike",
        )  # fmt: skip
    if not rule.fixes:
        raise RuleError(
            "no [[fix]]", file=rule.file, line=1, column=1, hint="a measurement to take is a fix too"
        )


def _ordered(rules: list[Rule], broken: list[RuleError]) -> Catalogue:
    """Order rules so that each comes after those whose findings it asks about; later twins of a code are broken."""
    by_code: dict[str, Rule] = {}
    broken = list(broken)
    for rule in rules:
        if rule.code in by_code:
            broken.append(
                RuleError(
                    f"{rule.code} is already the code of {by_code[rule.code].file}",
                    file=rule.file,
                    line=1,
                    column=1,
                )
            )
        else:
            by_code[rule.code] = rule
    ordered: list[Rule] = []
    waiting = dict(sorted(by_code.items()))
    while waiting:
        ready = [code for code, rule in waiting.items() if not (rule.waits_for - {code}) & waiting.keys()]
        if not ready:
            for code, rule in waiting.items():
                others = ", ".join(sorted((rule.waits_for & waiting.keys()) - {code}))
                broken.append(
                    RuleError(
                        f"{code} and {others} wait for each other's findings",
                        file=rule.file,
                        line=1,
                        column=1,
                    )
                )
            break
        ordered += [waiting.pop(code) for code in ready]
    return Catalogue(tuple(ordered), tuple(broken))
