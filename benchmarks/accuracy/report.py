"""docs/accuracy.md and README's block, made from the kept results and nothing else: results/*.json and ../public/."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wganlint.rules.catalogue import catalogue

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PUBLIC = HERE.parent / "public"
BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"
PARTS = ("fresh", "test", "tuning")  # what the rules have seen least first: it is what counts
MODES = ("all", "log", "source")
LOUD = ("medium", "high", "critical")
Result = dict[str, Any]


def results(part: str, folder: Path = RESULTS) -> dict[str, Result]:
    """The kept results of a part by judge, wganlint first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(f"{part}-*.json"))]
    found.sort(key=lambda one: (one["judge"] != "wganlint", one["judge"]))
    return {one["judge"]: one for one in found}


def share(one: Result) -> str:
    """A share with Wilson's interval, as printed everywhere."""
    if not one["of"]:
        return "-"
    return f"{one['share']:.2f} [{one['low']:.2f}, {one['high']:.2f}] ({one['hits']}/{one['of']})"


def best_views(found: dict[str, Result], mode: str) -> dict[str, Result]:
    """Of each rival the view that serves it best: the greatest recall less the share of healthy runs it alarms on."""
    best: dict[str, Result] = {}
    for name, one in found.items():
        peer = name.split(",")[0]
        if peer not in best or _worth(one, mode) > _worth(best[peer], mode):
            best[peer] = one
    return best


def _worth(one: Result, mode: str) -> float:
    if "absent" in one:
        return -2.0
    figures = one["modes"].get(mode)
    if figures is None:
        return -2.0
    return float((figures["recall"]["share"] or 0) + (figures["healthy_runs_without_alarm"]["share"] or 0))


def first(part: str, now: Result) -> Result | None:
    """Our first scoring of a part, when nobody had seen what the rules say there; None where it is the present one."""
    kept = results(part, RESULTS / "first").get("wganlint")
    return kept if kept is not None and kept["commit"] != now["commit"] else None


def judges_table(found: dict[str, Result], blind: Result | None = None) -> list[str]:
    """Wganlint and the rivals side by side, and below wganlint its first scoring of the part."""
    lines = [
        "| judge | shown | recall of decidable faults | root first | root among the first three | healthy runs without"
        " an alarm | alarms a healthy run |",
        "|---|---|---|---|---|---|--:|",
    ]
    for mode in MODES:
        for name, one in found.items():
            if "absent" in one:
                lines += [f"| {name} | {mode} | {one['absent']} | | | | |"] if mode == "log" else []
                continue
            if mode not in one["modes"]:
                continue
            if mode == "source" and name != "wganlint":
                continue  # rivals read no source
            peer, _, view = one["judge"].partition(", ")
            lines.append(_row(f"{peer} {one['version']} ({view})" if view else peer, mode, one))
            if name == "wganlint" and blind is not None:
                lines.append(_row("wganlint, first scoring", mode, blind))
    return lines


def _row(title: str, mode: str, one: Result) -> str:
    figures = one["modes"][mode]
    return (
        f"| {title} | {mode} | {share(figures['recall'])} | {share(figures['root_top1'])} |"
        f" {share(figures['root_top3'])} | {share(figures['healthy_runs_without_alarm'])} |"
        f" {figures['alarms_per_healthy_run']:.3f} |"
    )


def faults_table(one: Result) -> list[str]:
    """Recall by fault and by what was shown; a blank where it cannot be told from that."""
    kinds = sorted({kind for mode in one["modes"].values() for kind in mode["by_fault"]})
    what = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))["fault"]
    lines = ["| fault | what was done | all | log | source |", "|---|---|---|---|---|"]
    for kind in kinds:
        cells = []
        for mode in MODES:
            figures = one["modes"].get(mode, {}).get("by_fault", {}).get(kind)
            cells.append(share(figures) if figures and figures["of"] else "")
        lines.append(f"| {kind} | {what[kind]['what']} | {' | '.join(cells)} |")
    return lines


def rules_table(figures: Result) -> list[str]:
    """Recall, precision and false alarms of each rule that had an occasion."""
    lines = [
        "| rule | recall where it is a root | precision of its alarms | alarms a healthy run |",
        "|---|---|---|--:|",
    ]
    for code, one in figures["rules"].items():
        recall, precision = ("-" if one[key] is None else share(one[key]) for key in ("recall", "precision"))
        lines.append(f"| {code} | {recall} | {precision} | {one['alarms_per_healthy_run']:.3f} |")
    return lines


def scored() -> dict[str, dict[str, Result]]:
    """The parts that were scored, by name, in the order of PARTS."""
    return {part: found for part in PARTS if "wganlint" in (found := results(part))}


def part_section(part: str, found: dict[str, Result]) -> list[str]:
    """All tables of one part."""
    own = found["wganlint"]
    figures = own["modes"]["all"]
    best = best_views(found, "log")
    seeds = f"seeds {_range(own['seeds'])}, healthy runs {_range(own['healthy_seeds'])}"
    lines = [
        f"## The {part} part",
        "",
        _standing(part, own),
        "",
        f"{len(own['hurting'])} runs with a fault that hurts, {len(own['healthy'])} healthy runs; not counted:"
        f" {len(own['harmless'])} whose fault did no harm, {len(own['unusable'])} unusable,"
        f" {len(own['missing'])} not trained yet ({seeds}).",
        "",
        "### wganlint and the others",
        "",
        "A rival is shown the run as a table that it reads well. Of several ways to show it (which of the two losses",
        "is its `loss`, both in turn, the files as they are) the one with the best balance stands here; all are",
        "[below](#all-views-of-the-rivals). Its words count for every cause that their text names",
        "([peers.toml](../benchmarks/accuracy/peers.toml)). Rivals read no source, so `all` is their log.",
        "",
        *judges_table(best, first(part, own)),
        "",
        "### By fault and by what was shown",
        "",
        "A blank cell: not decidable from that, so neither a finding nor silence counts"
        " ([faults.toml](../benchmarks/accuracy/faults.toml)).",
        "",
        *faults_table(own),
        "",
        "### By family, everything shown",
        "",
        "| family | recall |",
        "|---|---|",
        *(f"| {name} | {share(one)} |" for name, one in figures["by_family"].items()),
        "",
        "### By rule, everything shown",
        "",
        *rules_table(figures),
        "",
        "### Silence and mistakes",
        "",
        f"Of {figures['missed']} missed faults {figures['missed_but_said_could_not_tell']} come with a `could not tell`"
        " of a rule that would have named them. Alarms on healthy runs:",
        "",
        *_listed(text for text in figures["examples"] if text.startswith("false alarm")),
        "",
    ]
    if len(found) > len(best):
        lines += ["### All views of the rivals", "", *judges_table(dict(list(found.items())[1:])), ""]
    return lines


def _standing(part: str, own: Result) -> str:
    if part == "tuning":
        return (
            "The rules were written and their thresholds set while looking at these runs. **These figures say how well"
            " the rules fit what they were made on, not how they do on runs that nobody has seen.**"
        )
    at = f"Scored at commit `{own['commit'][:12]}`, from a tree without changes"
    blind = first(part, own)
    if blind is not None:
        at += (
            f"; first at `{blind['commit'][:12]}`. What was changed between the two stands in"
            " [benchmarks/accuracy](../benchmarks/accuracy/README.md); only the first scoring is blind"
        )
    if part == "fresh":
        return (
            f"{at}. Its programs were written after the first scoring of the test part, by an author who had read"
            " neither rules nor detectors nor their pages: the estimate for runs that nobody has seen."
        )
    return f"{at}."


def _range(seeds: list[int]) -> str:
    whole = seeds == list(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 1
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


def _listed(texts: Iterable[str]) -> list[str]:
    return [f"- {text}" for text in texts] or ["- none"]


# -- public implementations


def public_section() -> list[str]:
    """Findings on public code with their judgement, and the bugs that were known before."""
    result = json.loads((PUBLIC / "result.json").read_text(encoding="utf-8"))
    judged = tomllib.loads((PUBLIC / "judged.toml").read_text(encoding="utf-8")).get("judgement", [])
    known = {bug["id"]: bug for bug in tomllib.loads((PUBLIC / "known.toml").read_text(encoding="utf-8"))["bug"]}
    by_key = {(one["repository"], one["file"], one["line"], one["code"]): one for one in judged}
    rows: list[tuple[str, Result, Result | None]] = []
    for one in result["repositories"]:
        name = one["repository"]
        rows += [
            (
                one["repository"],
                finding,
                by_key.get((one["repository"], finding["file"], finding["line"], finding["code"])),
            )
            for finding in one["findings"]
            if finding["severity"] in LOUD
        ]
    size = sum(one["lines"] for one in result["repositories"])
    settled = [verdict for _, _, verdict in rows if verdict is not None]
    wrong = sum(not verdict["true"] for verdict in settled)
    hits = sum(bool(bug["found"]) for bug in result["known"])
    lines = [
        "## Public implementations",
        "",
        f"{len(result['repositories'])} repositories at named commits, {size} lines of Python that are not blank, read"
        " as source alone: the rules see no log. Each finding of medium or worse was looked at by hand: true where the"
        " line does what is said *and* the harm is shown: by a test of [proof.py](../benchmarks/public/proof.py), a"
        " thread or a paper.",
        "",
        f"{len(rows)} findings of medium or worse ({1000 * len(rows) / max(1, size):.2f} per 1,000 lines),"
        f" {len(settled)} judged, {wrong} of them false. {hits} of {len(result['known'])} bugs that were known before"
        " are found.",
        "",
        "| repository | lines | programs | of medium or worse | per 1,000 lines |",
        "|---|--:|--:|--:|--:|",
    ]
    for one in result["repositories"]:
        count = sum(finding["severity"] in LOUD for finding in one["findings"])
        rate = 1000 * count / max(1, one["lines"])
        lines.append(f"| {_repository(one)} | {one['lines']} | {one['programs']} | {count} | {rate:.2f} |")
    lines += ["", "### Each finding", "", "| where | finding | judged | why |", "|---|---|---|---|"]
    for name, finding, verdict in rows:
        judged_as, why = (
            ("not yet", "") if verdict is None else ("true" if verdict["true"] else "**false**", _why(verdict))
        )
        where = f"{name} {finding['file']}:{finding['line']}"
        lines.append(
            f"| {where} | {finding['code']} ({finding['severity']}): {_cell(finding['title'])} | {judged_as} | {why} |"
        )
    lines += ["", "### Bugs that were known before", "", "| bug | what | said by | found |", "|---|---|---|---|"]
    for bug in result["known"]:
        told = known[bug["id"]]
        where = f"{told['repository']} at {told['commit'][:7]}, {told['path']}:{told['lines'][0]}"
        found = bug["found"] or f"no (wanted {' or '.join(bug['wanted'])})"
        lines.append(f"| {where} | {_cell(told['what'])} | {_cell(told['thread'])} | {found} |")
    tables = tomllib.loads((PUBLIC / "known.toml").read_text(encoding="utf-8"))
    lines += [
        f"\nTaken out of the list: {one['repository']}, {one['path']}: {_cell(one['what'])} {_cell(one['why'])}"
        for one in tables.get("withdrawn", [])
    ]
    return [*lines, ""]


def _repository(one: Result) -> str:
    return f"{one['repository']} at {one['commit'][:7]}"


def _why(verdict: Result) -> str:
    parts = [verdict["why"], verdict.get("thread", "")]
    if "test" in verdict:
        parts.append(f"test: {verdict['test']}")
    return _cell("; ".join(part for part in parts if part))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# -- thresholds and exceptions


def thresholds_section() -> list[str]:
    """Every threshold of every rule with its source."""
    lines = ["## Thresholds", "", "| rule | threshold | value | source |", "|---|---|--:|---|"]
    for rule in sorted(catalogue().rules, key=lambda one: one.code):
        for knob in rule.knobs:
            value = f"{knob.default:g}" if isinstance(knob.default, int | float) else knob.default
            lines.append(f"| [{rule.code}](rules/{rule.code}.md) | {knob.name} | {value} | {_cell(knob.source)} |")
    return [*lines, ""]


def exceptions_section() -> list[str]:
    """Where a report differs from the label of a public log."""
    table = tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8")).get("exception", [])
    lines = [
        "## Public logs",
        "",
        "A corpus of public logs, tables, event files and traces with verdicts of a person lies beside the project;",
        "it is no part of it, for its licences are unclear. The tests hold every file there to its verdict, but for:",
        "",
    ]
    if not table:
        return [*lines, "- none is listed yet", ""]
    lines += ["| file | labelled | the report says | why |", "|---|---|---|---|"]
    cells = ([_cell(one[key]) for key in ("file", "label", "said", "why")] for one in table)
    return [*lines, *(f"| {' | '.join(row)} |" for row in cells), ""]


# -- pages


def page() -> str:
    """docs/accuracy.md."""
    parts = scored()
    lines = [
        "# How often is wganlint right?",
        "",
        "Generated by `make docs` from kept results; `make accuracy`, `make accuracy-peers` and `make public` measure",
        "again. How the corpus is made, what counts as a fault, a hit and an alarm:",
        "[benchmarks/accuracy](../benchmarks/accuracy/README.md). Intervals are Wilson's, 95 %.",
        "",
    ]
    if "test" not in parts:
        lines += [
            "**There are no figures of the test part yet.** It is scored once, after rules and thresholds are frozen;"
            " until then everything here is from the tuning part.",
            "",
        ]
    if "fresh" not in parts:
        lines += [
            "**There are no figures of the fresh part yet**, whose programs were written after the first scoring of the"
            " test part, by an author who had read neither rules nor detectors.",
            "",
        ]
    for part, found in parts.items():
        lines += part_section(part, found)
    if (PUBLIC / "result.json").is_file():
        lines += public_section()
    lines += exceptions_section()
    lines += thresholds_section()
    return "\n".join(lines).rstrip() + "\n"


STANDING = {
    "fresh": "the fresh part, written later by an author who had not read the rules",
    "test": "the test part",
    "tuning": "the *tuning* part, on which the rules were written; the test part has not been scored yet",
}


def block() -> str:
    """README's block: the judges of the parts that the rules were not written on, each apart."""
    parts = scored()
    if not parts:
        return "No results are kept yet: `make accuracy`."
    shown = [part for part in ("test", "fresh") if part in parts] or ["tuning"]
    lines = []
    for part in shown:
        own = parts[part]["wganlint"]
        lines += [
            f"{len(own['hurting'])} small GANs trained with a fault that hurts and {len(own['healthy'])} healthy ones:"
            f" {STANDING[part]}.",
            "",
            *judges_table(best_views(parts[part], "log"), first(part, own)),
            "",
        ]
    lines += [
        "The rules were frozen before the first scoring of a part; what was changed later is"
        " [listed](benchmarks/accuracy/README.md), and only the first scoring is blind.",
        "",
        "Shown: everything a run left (`all`), its logs, or its source. Intervals are 95 %. By fault, by rule, on"
        " public code, and every threshold: [docs/accuracy.md](docs/accuracy.md).",
    ]
    return "\n".join(lines)


def write(root: Path) -> None:
    """Write the page and README's block."""
    (root / "docs" / "accuracy.md").write_text(page(), encoding="utf-8")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    readme.write_text(f"{head}{BEGIN}\n{block()}\n{END}{tail}", encoding="utf-8")
