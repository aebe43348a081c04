"""Score judges on the accuracy corpus: `python benchmarks/accuracy/score.py --part tuning`.

    python benchmarks/accuracy/score.py [--part tuning|test|fresh] [--only TEXT ...] [--judge NAME ...] [--json FILE]
                                        [--into FOLDER] [--verbose]

Each trained run of the part is judged three times: from all that it left, from its logs alone, from its source alone.
Only faults that hurt are counted, and only where faults.toml calls them decidable from what the judge was shown. Parts
are never mixed; all but the tuning part are refused while rules, tables or code differ from the last commit: what is
measured must be what was written down.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus import FAMILIES, HERE, MODES, PARTS, Fault, Job, faults, jobs
from harm import harm, unhealthy
from judges import JUDGES, judge
from peers import Peer, version
from said import Judgement
from train import CACHE, HEALTHY_SEEDS, SEEDS, is_done

Z = 1.959964  # two-sided 95 %


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (E. B. Wilson, JASA 22, 1927); (0, 1) without observations."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, Z * Z / total
    middle = (share + square / 2) / (1 + square)
    reach = Z * (share * (1 - share) / total + square / (4 * total)) ** 0.5 / (1 + square)
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(slots=True)
class Share:
    """Hits among a number of tries."""

    hits: int = 0
    total: int = 0

    def add(self, hit: bool) -> None:
        """Count one try."""
        self.hits += hit
        self.total += 1

    def data(self) -> dict[str, Any]:
        """For JSON."""
        low, high = wilson(self.hits, self.total)
        value = round(self.hits / self.total, 4) if self.total else None
        return {"hits": self.hits, "of": self.total, "share": value, "low": round(low, 4), "high": round(high, 4)}

    def __str__(self) -> str:
        if not self.total:
            return "-"
        low, high = wilson(self.hits, self.total)
        return f"{self.hits}/{self.total} = {self.hits / self.total:.2f} [{low:.2f}, {high:.2f}]"


@dataclass(slots=True)
class Tally:
    """What is counted in one mode."""

    recall: Share = field(default_factory=Share)
    recall_covered: Share = field(default_factory=Share)  # where the judge has a rule for the fault
    top1: Share = field(default_factory=Share)
    top3: Share = field(default_factory=Share)
    quiet: Share = field(default_factory=Share)  # healthy runs without an alarm
    alarms: int = 0
    abstained: int = 0
    missed: int = 0
    by_fault: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    by_family: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    precision: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    rule_recall: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    rule_alarms: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    broken: int = 0  # runs that the judge could not read or fell over

    def add_fault(self, job: Job, fault: Fault, said: Judgement, decidable: bool) -> None:
        """Count a run with a fault that hurts."""
        for finding in {s.code: s for s in said.said if s.loud}.values():
            self.precision[finding.code].add(bool(finding.meant & (fault.codes | fault.also)))
        if not decidable:
            return
        hit = any(s.named and s.meant & fault.codes for s in said.said)
        self.recall.add(hit)
        if not said.known or said.known & fault.root:
            self.recall_covered.add(hit)
        self.by_fault[fault.kind].add(hit)
        self.by_family[job.program.family].add(hit)
        for code in fault.root:
            self.rule_recall[code].add(any(s.named and code in s.meant for s in said.said))
        ahead = [bool(s.meant & fault.root) for s in said.said if s.named]  # in the order of the report: roots first
        self.top1.add(any(ahead[:1]))
        self.top3.add(any(ahead[:3]))
        if not hit:
            self.missed += 1
            self.abstained += bool(said.abstained & fault.codes)
            named = ", ".join(s.code for s in said.said if s.named) or "nothing"
            self.examples.append(f"missed {job.name}: said {named}")

    def add_healthy(self, job: Job, said: Judgement) -> None:
        """Count a healthy run."""
        loud = [s for s in said.said if s.loud]
        self.quiet.add(not loud)
        self.alarms += len(loud)
        for code in {s.code for s in loud}:
            self.precision[code].add(False)
            self.rule_alarms[code] += 1
        self.examples += [f"false alarm {job.name}: {s.code} {s.title}" for s in loud]

    def data(self) -> dict[str, Any]:
        """For JSON."""
        healthy = self.quiet.total
        return {
            "recall": self.recall.data(),
            "recall_where_a_rule_exists": self.recall_covered.data(),
            "root_top1": self.top1.data(),
            "root_top3": self.top3.data(),
            "healthy_runs_without_alarm": self.quiet.data(),
            "alarms_on_healthy": self.alarms,
            "alarms_per_healthy_run": round(self.alarms / healthy, 4) if healthy else None,
            "broken": self.broken,
            "missed": self.missed,
            "missed_but_said_could_not_tell": self.abstained,
            "by_fault": {kind: share.data() for kind, share in sorted(self.by_fault.items())},
            "by_family": {name: share.data() for name, share in sorted(self.by_family.items())},
            "rules": {
                code: {
                    "recall": self.rule_recall[code].data() if code in self.rule_recall else None,
                    "precision": self.precision[code].data() if code in self.precision else None,
                    "alarms_per_healthy_run": round(self.rule_alarms[code] / healthy, 4) if healthy else None,
                }
                for code in sorted({*self.rule_recall, *self.precision})
            },
            "examples": self.examples,
        }


@dataclass(slots=True)
class Sorted:
    """The trained runs by what their truth says."""

    hurting: list[tuple[Job, str]] = field(default_factory=list)
    harmless: list[Job] = field(default_factory=list)
    healthy: list[Job] = field(default_factory=list)
    spoilt: list[tuple[Job, str]] = field(default_factory=list)  # meant healthy, are not
    missing: list[Job] = field(default_factory=list)


def sort(todo: list[Job], cache: Path, extra: tuple[str, ...] = ()) -> Sorted:
    """Sort runs by harm; a fault whose twin is missing is missing, one whose twin is unhealthy is unusable."""
    out = Sorted()
    truths: dict[str, dict[str, Any]] = {}
    for job in todo:
        if is_done(job, cache, extra):
            truths[job.name] = json.loads((cache / job.name / "truth.json").read_text(encoding="utf-8"))
    for job in todo:
        truth = truths.get(job.name)
        twin = truths.get(f"{job.program.name}/{job.variant.twin}/{job.seed}")
        if truth is None or (twin is None and not job.variant.healthy):
            out.missing.append(job)
        elif twin is None:
            why = unhealthy(truth, job.variant.short)
            if why:
                out.spoilt.append((job, why))
            else:
                out.healthy.append(job)
        elif unhealthy(twin, short=False):
            out.spoilt.append((job, "its twin is not healthy"))
        elif how := harm(truth, twin):
            out.hurting.append((job, how))
        else:
            out.harmless.append(job)
    return out


def ask(name: str, run: Path, mode: str) -> Judgement:
    """Show one judge what `mode` allows; for `log`, a copy of the run without its sources, as one folder."""
    if mode == "source":
        return judge(name, [run / "code"])
    if mode == "all" or isinstance(JUDGES[name], Peer):  # rivals read no source
        return judge(name, [run])
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "run"
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("code"))
        return judge(name, [copy])


def score(runs: Sorted, cache: Path, name: str, modes: tuple[str, ...] = MODES) -> dict[str, Tally]:
    """Judge every run in every mode."""
    table = faults()
    tallies = {mode: Tally() for mode in modes}
    if isinstance(rival := JUDGES[name], Peer):
        rival.prepare([cache / job.name / "run" for job in [*(job for job, _ in runs.hurting), *runs.healthy]])
    for mode, tally in tallies.items():
        for job in [*(job for job, _ in runs.hurting), *runs.healthy]:
            said = ask(name, cache / job.name / "run", mode)
            if job.variant.healthy:
                tally.add_healthy(job, said)
            else:
                fault = table[job.variant.kind]
                tally.add_fault(job, fault, said, fault.decidable(mode, job.variant))
            if said.error:
                tally.broken += 1
                tally.examples.append(f"broken {job.name}: {said.error}")
    return tallies


def page(name: str, runs: Sorted, tallies: dict[str, Tally], verbose: bool) -> str:
    """The result for people."""
    lines = [
        f"{len(runs.hurting)} runs with a fault that hurts, {len(runs.harmless)} with one that does not (not counted), "
        f"{len(runs.healthy)} healthy, {len(runs.spoilt)} unusable, {len(runs.missing)} not trained",
    ]
    for mode, tally in tallies.items():
        healthy = max(1, tally.quiet.total)
        lines += [
            "",
            f"{name}, shown {mode}",
            f"  recall over decidable faults    {tally.recall}",
            f"    where a root rule exists      {tally.recall_covered}",
            f"  root first                      {tally.top1}",
            f"  root among the first three      {tally.top3}",
            f"  missed                          {tally.missed}, of these {tally.abstained} with a `could not tell`",
            f"  healthy runs without an alarm   {tally.quiet}",
            f"  alarms per healthy run          {tally.alarms / healthy:.3f}",
            f"  runs that it fell over          {tally.broken}",
        ]
        lines += [f"  {family:30}  {tally.by_family[family]}" for family in FAMILIES if family in tally.by_family]
        lines += [f"    {kind:28}  {share}" for kind, share in sorted(tally.by_fault.items())]
        lines.append("  rule      recall as root                precision                     alarms per healthy run")
        for code in sorted({*tally.rule_recall, *tally.precision}):
            recall, precision = (table.get(code, Share()) for table in (tally.rule_recall, tally.precision))
            lines.append(f"  {code:8}  {recall!s:28}  {precision!s:28}  {tally.rule_alarms[code] / healthy:.3f}")
        if verbose:
            lines += [f"  {example}" for example in tally.examples]
    if verbose:
        lines += ["", *(f"{job.name}: not counted, it does not hurt" for job in runs.harmless)]
        lines += [f"{job.name}: unusable, {why}" for job, why in runs.spoilt]
    return "\n".join(lines)


def commit() -> tuple[str, bool]:
    """The commit of this checkout, and whether rules, code or tables differ from it."""
    root = HERE.parents[1]

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", "rules", "src", "benchmarks/accuracy"))


def result(name: str, options: argparse.Namespace, runs: Sorted, tallies: dict[str, Tally]) -> dict[str, Any]:
    """What is kept of one judge; docs/accuracy.md is made from it."""
    at, dirty = commit()
    return {
        "part": options.part,
        "judge": name,
        "commit": at,
        "differs_from_commit": dirty,
        "seeds": options.seeds,
        "healthy_seeds": options.healthy_seeds,
        "hurting": {job.name: how for job, how in runs.hurting},
        "harmless": [job.name for job in runs.harmless],
        "healthy": [job.name for job in runs.healthy],
        "unusable": {job.name: why for job, why in runs.spoilt},
        "missing": [job.name for job in runs.missing],
        "families": dict(Counter(job.program.family for job in (*(job for job, _ in runs.hurting), *runs.healthy))),
        "modes": {mode: tally.data() for mode, tally in tallies.items()},
    }


def main() -> None:
    """Parse, score, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="tuning")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--healthy-seeds", type=int, nargs="+", default=HEALTHY_SEEDS)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--judge", nargs="+", default=["wganlint"], help=f"all, rivals, or {', '.join(JUDGES)}")
    parser.add_argument("--modes", choices=MODES, nargs="+", default=list(MODES))
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--extra", default="", help="as in train.py")
    parser.add_argument("--json", type=Path, help="write the result of the (last) judge here")
    parser.add_argument("--into", type=Path, help="folder for one result a judge, as docs/accuracy.md is made from")
    parser.add_argument("--verbose", action="store_true", help="name the runs that were missed or alarmed on")
    options = parser.parse_args()
    rivals = [name for name in JUDGES if name != "wganlint"]
    names = {"all": list(JUDGES), "rivals": rivals}.get(options.judge[0], options.judge)
    if unknown := [name for name in names if name not in JUDGES]:
        parser.error(f"no judge {unknown[0]!r}; there are {', '.join(JUDGES)}")
    if options.part != "tuning" and commit()[1]:
        sys.exit(f"the {options.part} part is scored only as committed, and rules, src or benchmarks/accuracy differ")
    todo = jobs(options.part, options.seeds, options.only, options.healthy_seeds)
    runs = sort(todo, options.cache, tuple(shlex.split(options.extra)))
    for name in names:
        rival = JUDGES[name]
        if isinstance(rival, Peer) and (why := rival.missing()):
            print(f"{name}: {why}")
            found = {"part": options.part, "judge": name, "absent": why}
        else:
            tallies = score(runs, options.cache, name, tuple(options.modes))
            print(page(name, runs, tallies, options.verbose), flush=True)
            found = result(name, options, runs, tallies)
            if isinstance(rival, Peer):
                found["version"] = version(rival.name)
                for lists in ("hurting", "harmless", "healthy", "unusable", "missing"):
                    del found[lists]  # as in wganlint's own result
                found["modes"].pop("source", None)  # they read none
                for figures in found["modes"].values():
                    del figures["examples"], figures["rules"]  # what they miss is theirs to list
        text = json.dumps(found, indent=1) + "\n"
        if options.json:
            options.json.write_text(text, encoding="utf-8")
        if options.into:
            options.into.mkdir(parents=True, exist_ok=True)
            file = f"{options.part}-{name.replace(',', '').replace(' ', '-')}.json"
            (options.into / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
