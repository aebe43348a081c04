"""Rule -> page: what it looks for, what it says, how it can be wrong, what to do; the same text as its rule file."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wganlint.rules.rule import FixTemplate, Link, Rule, Say
from wganlint.rules.symptoms import Symptom, rules_of, symptoms


def page(
    rule: Rule,
    *,
    shown: str = "",
    into: Iterable[tuple[Rule, Link]] = (),
    code: Callable[[str], str] = str,
) -> str:
    """Return the page of a rule as plain text that is also good Markdown.

    `shown` is what the rule prints on an example; `into` are the links of other rules to this one; `code` writes the
    code of another rule, as a link where pages stand beside each other.
    """
    families = ", ".join(rule.families) or "all"
    lines = [f"# {rule.code} {rule.name}", "", rule.about, ""]
    lines += [f"Severity: {_severities(rule)}. Loss families: {families}. Status: {rule.status}."]
    if rule.symptoms:
        said = ", ".join(f'"{symptoms()[key].says}"' for key in rule.symptoms)
        lines += ["", f"People say: {said}."]
    if shown:
        lines += ["", "## What it looks like", "", "```text", *shown.rstrip().split("\n"), "```"]
    lines += ["", "## It fires when", "", "```", " ".join(rule.condition.text.split()), "```", ""]
    lines += [f"- `{find.name}`: {_call(find.detector, find.parameters)}" for find in rule.finds]
    if rule.knobs:
        lines += ["", "## Thresholds", ""]
        lines += [
            f"- `{knob.name}` = {knob.default:g}: {knob.doc} Source: {knob.source}"
            if isinstance(knob.default, float | int)
            else f"- `{knob.name}` = {knob.default}: {knob.doc}"
            for knob in rule.knobs
        ]
    lines += ["", "## How sure", ""]
    lines += [
        f"- {belief.level}: {_plain(belief.because.text)}" + (f" (when `{belief.when.text}`)" if belief.when else "")
        for belief in rule.body.beliefs
    ]
    lines += ["", "## What it says", ""]
    lines += [_say(say) for say in rule.body.says]
    lines += ["", "## How a healthy run could trigger it, and why it does not", "", rule.healthy]
    if rule.body.alternatives:
        lines += ["", "## What else it could be", ""]
        lines += [_say(say) for say in rule.body.alternatives]
    if rule.body.links:
        lines += ["", "## What it leads to", ""]
        lines += [f"- {link.how} {code(link.to)}: {_plain(link.why.text)}" for link in rule.body.links]
    if incoming := [f"- {code(one.code)} {link.how} it: {_plain(link.why.text)}" for one, link in into]:
        lines += ["", "## What leads to it", "", *incoming]
    lines += ["", "## What to do", ""]
    for fix in rule.body.fixes:
        lines += _fix(fix)
    if rule.body.references:
        lines += ["", "## References", "", *(f"- {reference}" for reference in rule.body.references)]
    return "\n".join(lines) + "\n"


def symptom_page(symptom: Symptom, rules: Iterable[Rule]) -> str:
    """Return what to look at when somebody sees this: the rules that name the symptom, worst first."""
    found = rules_of(symptom, tuple(rules))
    lines = [f'# "{symptom.says}"', ""]
    lines += [f"- {rule.code} {rule.name} ({rule.severity}): {_first(rule.about)}" for rule in found]
    if not found:
        lines.append("No rule names this yet.")
    lines += ["", "The losses alone rarely tell which: `wganlint analyze` looks at the whole run."]
    return "\n".join(lines) + "\n"


def index(rules: Iterable[Rule], code: Callable[[str], str] = str) -> str:
    """Return the index of all rules, by what people see and by code."""
    every = sorted(rules, key=lambda rule: rule.code)
    lines = ["# The rules", "", "Generated from the rule files by `make docs`.", "", "## By what you see", ""]
    for symptom in symptoms().values():
        if found := rules_of(symptom, every):
            lines += [f'### "{symptom.says}"', ""]
            lines += [f"- {code(rule.code)} {rule.name}: {_first(rule.about)}" for rule in found]
            lines.append("")
    lines += ["## By code", "", "| code | name | severity | loss families |", "|---|---|---|---|"]
    lines += [
        f"| {code(rule.code)} | {rule.name} | {rule.severity} | {', '.join(rule.families) or 'all'} |" for rule in every
    ]
    return "\n".join(lines) + "\n"


def _first(text: str) -> str:
    """The first sentence."""
    head, stop, _ = text.partition(". ")
    return head + "." if stop else text


def _severities(rule: Rule) -> str:
    grades = [f"{grade.level} when `{grade.when.text}`" for grade in rule.body.grades if grade.when is not None]
    return "; ".join([*grades, f"else {rule.severity}" if grades else str(rule.severity)])


def _call(detector: str, parameters: dict[str, object]) -> str:
    return f"{detector}({', '.join(f'{key}={value!r}' for key, value in parameters.items())})"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _say(say: Say) -> str:
    settle = f" Would settle it: {say.settle.text}" if say.settle else ""
    return f"- ({say.standing}) {_plain(say.text.text)}{settle}"


def _fix(fix: FixTemplate) -> list[str]:
    lines = [f"- **{fix.title.text}** ({fix.effect}; {fix.kind}): {_plain(fix.text.text)}"]
    if fix.diff:
        lines += ["", "  ```diff", *(f"  {line}" for line in fix.diff.text.splitlines()), "  ```", ""]
    lines.append(f"  Check: {_plain(fix.check.text.text)} (within {fix.check.within.text})")
    return lines
