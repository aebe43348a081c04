"""Run the rules on public GAN implementations: `python benchmarks/public/check.py --folder CHECKOUTS`.

    python benchmarks/public/check.py --folder CHECKOUTS [--clone] [--base ADDRESS] [--only TEXT ...] [--json FILE]

`CHECKOUTS` holds one folder for each repository, `owner+name` (at the commit of repositories.toml) or
`owner+name@short` (at another commit that known.toml names). With `--clone` the missing ones are fetched by git from
ADDRESS/owner/name, which needs the network and room. Only Python files are shown to wganlint. What it says of medium or
worse is held against judged.toml, what it says of low or worse against known.toml; findings without a judgement are
listed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wganlint import Finding, __version__, analyze
from wganlint.evidence import Place
from wganlint.finding import Severity

HERE = Path(__file__).parent
RESULT = HERE / "result.json"
NEAR = 2  # lines that a place may lie from a known one


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository at a commit."""

    name: str
    commit: str
    programs: tuple[str, ...]

    def folder(self, root: Path) -> Path | None:
        """Where it lies; a folder without a commit in its name is at the one of repositories.toml."""
        plain = self.name.replace("/", "+")
        usual = any(one["commit"] == self.commit for one in table("repositories.toml", "repository"))
        for name in (f"{plain}@{self.commit[:7]}", *((plain,) if usual else ())):
            if (root / name).is_dir():
                return root / name
        return None


@dataclass(frozen=True, slots=True)
class Program:
    """The Python files that make one training program, relative to the repository."""

    name: str
    files: tuple[str, ...]


def table(name: str, kind: str) -> list[dict[str, Any]]:
    """The entries of one of the tables beside this file."""
    found: list[dict[str, Any]] = tomllib.loads((HERE / name).read_text(encoding="utf-8")).get(kind, [])
    return found


def programs(folder: Path, patterns: tuple[str, ...]) -> Iterator[Program]:
    """The programs of a checkout; see repositories.toml for the patterns."""
    for pattern in patterns:
        if pattern == ".":
            yield Program(".", _python(folder, folder))
        elif " + " in pattern:
            parts = [file for part in pattern.split(" + ") for file in _python(folder / part, folder)]
            yield Program(pattern, tuple(parts))
        else:
            for path in sorted(folder.glob(pattern)):
                if files := _python(path, folder):
                    yield Program(path.relative_to(folder).as_posix(), files)


def _python(path: Path, folder: Path) -> tuple[str, ...]:
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.suffix == ".py" and path.is_file() else []
    return tuple(file.relative_to(folder).as_posix() for file in files)


def said(folder: Path, program: Program) -> list[Finding]:
    """What wganlint says about the Python files of one program, all severities."""
    with tempfile.TemporaryDirectory() as scratch:
        for file in program.files:
            copy = Path(scratch) / "code" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / file, copy)
        return list(analyze(Path(scratch) / "code").findings)


def places(finding: Finding, program: Program) -> list[tuple[str, int]]:
    """File and line of everything that the finding points at, its own place first; files as in the repository."""
    ahead = [finding.place, *(one.place for one in finding.evidence)]
    found = [_named(place, program) for place in ahead if place is not None and place.line is not None]
    return list(dict.fromkeys(one for one in found if one is not None))


def _named(place: Place, program: Program) -> tuple[str, int] | None:
    ends = [file for file in program.files if f"/{place.file}".endswith(f"/{file}")]
    return (max(ends, key=len), place.line or 0) if ends else None


def row(finding: Finding, program: Program) -> dict[str, Any]:
    """One finding as it is kept."""
    at = places(finding, program)
    file, line = at[0] if at else ("", 0)
    return {
        "program": program.name, "file": file, "line": line, "code": finding.code, "severity": str(finding.severity),
        "confidence": str(finding.confidence), "title": finding.title, "places": [list(one) for one in at],
    }  # fmt: skip


def look(checkout: Checkout, folder: Path) -> dict[str, Any]:
    """Everything about one repository; a crash of ours is a finding against us and is kept."""
    rows: list[dict[str, Any]] = []
    files: set[str] = set()
    broken: list[str] = []
    count = 0
    for program in programs(folder, checkout.programs):
        count += 1
        files.update(program.files)
        try:
            rows += [row(finding, program) for finding in said(folder, program)]
        except Exception as error:  # one program must not end the measurement
            broken.append(f"{program.name}: {type(error).__name__}: {error}")
    code = [(folder / file).read_text(encoding="utf-8", errors="replace") for file in sorted(files)]
    return {
        "repository": checkout.name, "commit": checkout.commit, "programs": count,
        "lines": sum(bool(line.strip()) for text in code for line in text.splitlines()),
        "findings": [one for one in rows if one["severity"] != str(Severity.INFO)], "broken": broken,
    }  # fmt: skip


def loud(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Its findings of medium or worse."""
    return [one for one in found["findings"] if Severity[one["severity"].upper()] >= Severity.MEDIUM]


def is_found(bug: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """The code and the severity that found a known bug, or nothing."""
    for one in rows:
        near = any(
            file == bug["path"] and any(abs(line - wanted) <= NEAR for wanted in bug["lines"])
            for file, line in one["places"]
        )
        if one["code"] in bug["codes"] and near:
            return f"{one['code']} ({one['severity']})"
    return ""


def clone(checkout: Checkout, root: Path, base: str) -> None:
    """Fetch one repository at its commit."""
    folder = root / f"{checkout.name.replace('/', '+')}@{checkout.commit[:7]}"
    folder.mkdir(parents=True)
    for words in (
        ("init", "--quiet"),
        ("fetch", "--quiet", "--depth", "1", f"{base}/{checkout.name}", checkout.commit),
        ("checkout", "--quiet", "FETCH_HEAD"),
    ):
        if subprocess.run(["git", *words], cwd=folder, check=False).returncode:
            shutil.rmtree(folder)
            return


def judgement(repository: str, one: dict[str, Any], judged: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What a person found when looking at this finding."""
    key = (repository, one["file"], one["line"], one["code"])
    return next((j for j in judged if (j["repository"], j["file"], j["line"], j["code"]) == key), None)


def measure(root: Path, only: list[str]) -> dict[str, Any]:
    """Look at every repository and every known bug that has a checkout."""
    repositories, missing = [], []
    for entry in table("repositories.toml", "repository"):
        checkout = Checkout(entry["name"], entry["commit"], tuple(entry.get("programs", ["."])))
        if only and not any(text in checkout.name for text in only):
            continue
        if folder := checkout.folder(root):
            repositories.append(look(checkout, folder))
            print(f"  {checkout.name}: {len(loud(repositories[-1]))} of medium or worse", file=sys.stderr)
        else:
            missing.append(checkout.name)
    known = []
    for bug in table("known.toml", "bug"):
        checkout = Checkout(bug["repository"], bug["commit"], (bug.get("program", "."),))
        if only and not any(text in checkout.name for text in only):
            continue
        if folder := checkout.folder(root):
            seen = look(checkout, folder)
            by = is_found(bug, seen["findings"])
            known.append({"id": bug["id"], "wanted": bug["codes"], "found": by})
        else:
            missing.append(f"{bug['repository']} at {bug['commit'][:7]}")
    return {"version": __version__, "repositories": repositories, "known": known, "missing": sorted(set(missing))}


def page(result: dict[str, Any]) -> str:
    """The result for people."""
    judged = table("judged.toml", "judgement")
    lines = [f"{'repository':44} {'lines':>7} {'programs':>8} {'medium+':>8} {'per 1,000':>9}"]
    total, size, wrong, open_ = 0, 0, 0, []
    for one in result["repositories"]:
        found = loud(one)
        total, size = total + len(found), size + one["lines"]
        rate = 1000 * len(found) / max(1, one["lines"])
        lines.append(f"{one['repository']:44} {one['lines']:7} {one['programs']:8} {len(found):8} {rate:9.2f}")
        lines += [f"  BROKEN {text}" for text in one["broken"]]
        for finding in found:
            if (known := judgement(one["repository"], finding, judged)) is None:
                open_.append((one["repository"], finding))
            else:
                wrong += not known["true"]
    lines.append(f"{'in all':44} {size:7} {'':8} {total:8} {1000 * total / max(1, size):9.2f}")
    settled = total - len(open_)
    lines += ["", f"{settled} of {total} findings judged, {wrong} of them false"]
    lines += [
        f"  not judged: {name} {one['file']}:{one['line']} {one['code']} ({one['severity']}) {one['title']}"
        for name, one in open_
    ]
    hits = [bug for bug in result["known"] if bug["found"]]
    lines += ["", f"{len(hits)} of {len(result['known'])} known bugs found"]
    lines += [f"  {bug['id']:40} {bug['found'] or 'NOT FOUND: ' + '/'.join(bug['wanted'])}" for bug in result["known"]]
    lines += [f"not there: {name}" for name in result["missing"]]
    return "\n".join(lines)


def main() -> None:
    """Parse, fetch, look, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where the checkouts lie")
    parser.add_argument("--clone", action="store_true", help="fetch what is missing")
    parser.add_argument("--base", default="https://github.com", help="where to fetch from")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json", type=Path, help=f"usually {RESULT.name} beside this file")
    options = parser.parse_args()
    if options.clone:
        wanted = [(one["name"], one["commit"]) for one in table("repositories.toml", "repository")]
        wanted += [(bug["repository"], bug["commit"]) for bug in table("known.toml", "bug")]
        for name, commit in dict.fromkeys(wanted):
            checkout = Checkout(name, commit, ())
            exact = options.folder / f"{name.replace('/', '+')}@{commit[:7]}"
            if not exact.is_dir():
                clone(checkout, options.folder, options.base)
    result = measure(options.folder, options.only)
    print(page(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
