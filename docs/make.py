"""Write the pages that follow from the rules and from the kept results: `make docs`.

`docs/rules/<CODE>.md` and `docs/rules/index.md` from the rule files, with what each rule really prints on its own first
example; `docs/accuracy.md` and README's block from benchmarks/accuracy/results and benchmarks/public. Tests hold the
pages equal to what this makes.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from wganlint import analyze
from wganlint.explain import index, page
from wganlint.finding import Outcome
from wganlint.render.full import full
from wganlint.rules.catalogue import Catalogue, catalogue
from wganlint.rules.rule import Example, Rule
from wganlint.trial import probe_file

HERE = Path(__file__).parent
ROOT = HERE.parent


def shown(rule: Rule, width: int = 100) -> str:
    """What the rule prints on its first example that fires: its own finding, without the rest of the report.

    The example is read in a folder of its own that becomes the working directory meanwhile, so that paths are short and
    the same everywhere.
    """
    example = next((one for one in rule.body.examples if one.outcome == Outcome.FIRED), None)
    if example is None:
        return ""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        lay(example, Path("run"))
        told = {"expect": example.expect} if getattr(example, "expect", ()) else {}
        report = analyze("run", **told)
    own = tuple(finding for finding in report.findings if finding.code == rule.code)
    alone = tuple(replace(one, root=False, causes=(), caused_by=(), masks=()) for one in own)
    parts = full(replace(report, findings=alone, chains=(), verdicts=()), width).split("\n\n")
    ends = next((at for at, part in enumerate(parts) if part.startswith("What to do, in this order")), len(parts))
    return "\n\n".join(parts[1:ends]).rstrip()


def lay(example: Example, root: Path) -> None:
    """Write the inputs of an example into a new folder, as a run would leave them."""
    files = {
        "example.log": example.log,
        "training/model.py": example.source,
        "example.pt.trace.json": example.trace,
        "probe.json": probe_file(example.probe).decode() if example.probe else "",
    }
    for name, text in files.items():
        if text:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")


def rule_page(rule: Rule, book: Catalogue) -> str:
    """The page of one rule, with its example and the links of other rules to it."""
    into = [(one, link) for one in book.rules for link in one.body.links if link.to == rule.code]
    return page(rule, shown=shown(rule), into=sorted(into, key=lambda pair: pair[0].code), code=_linked(book))


def rule_pages(book: Catalogue) -> dict[str, str]:
    """The pages of all rules and their index, by file name."""
    pages = {f"{rule.code}.md": rule_page(rule, book) for rule in book.rules}
    return {**pages, "index.md": index(book.rules, _linked(book))}


def _linked(book: Catalogue) -> Callable[[str], str]:
    known = {rule.code for rule in book.rules}
    return lambda code: f"[{code}]({code}.md)" if code in known else code


def main() -> None:
    """Write everything."""
    folder = HERE / "rules"
    folder.mkdir(exist_ok=True)
    pages = rule_pages(catalogue())
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    sys.path.insert(0, str(ROOT / "benchmarks" / "accuracy"))
    import report

    report.write(ROOT)


if __name__ == "__main__":
    main()
