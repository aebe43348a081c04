"""Rule -> page: what it looks for, what it says, how it can be wrong, what to do; the same text as its rule file."""

from __future__ import annotations

from wganlint.rules.rule import FixTemplate, Rule, Say


def page(rule: Rule) -> str:
    """Return the page of a rule as plain text that is also good Markdown."""
    families = ", ".join(rule.families) or "all"
    lines = [
        f"# {rule.code} {rule.name}",
        "",
        rule.about,
        "",
        f"Severity: {_severities(rule)}. Loss families: {families}. Status: {rule.status}.",
        "",
        "## It fires when",
        "",
        "```",
        " ".join(rule.condition.text.split()),
        "```",
        "",
        *(f"- `{find.name}`: {_call(find.detector, find.parameters)}" for find in rule.finds),
    ]
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
        lines += [f"- {link.how} {link.to}: {_plain(link.why.text)}" for link in rule.body.links]
    lines += ["", "## What to do", ""]
    for fix in rule.body.fixes:
        lines += _fix(fix)
    if rule.body.references:
        lines += ["", "## References", "", *(f"- {reference}" for reference in rule.body.references)]
    return "\n".join(lines) + "\n"


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
