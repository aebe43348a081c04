"""The accuracy corpus as its tables declare it: programs, their variants, the faults, and the runs that follow."""

from __future__ import annotations

import hashlib
import shlex
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
FAMILIES = ("wasserstein", "non-saturating", "hinge-or-least-squares")
PARTS = ("tuning", "test", "fresh")
MODES = ("all", "log", "source")
TABLE = "program.toml"  # ours, not the program's
SOURCES = (".py", ".json", ".toml", ".yaml")  # what a program is made of: code and configuration


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: the rules of the catalogue that may name it, and from what it can be told at all."""

    kind: str
    what: str
    codes: frozenset[str]  # any of these is a hit
    root: frozenset[str]  # any of these may lead the report
    also: frozenset[str]  # true consequences: neither a hit nor a false alarm
    source: bool  # told by the source alone
    log: tuple[frozenset[str], ...]  # told by a log that carries all quantities of one of these sets

    def decidable(self, mode: str, variant: Variant) -> bool:
        """Whether an expert could tell this fault from what `mode` shows of a run.

        A fault that only the command line carries is not in the source, whatever its kind.
        """
        by_log = any(needed <= variant.logged for needed in self.log)
        by_source = self.source and bool(variant.edits)
        return {"source": by_source, "log": by_log, "all": by_source or by_log}[mode]


@dataclass(frozen=True, slots=True)
class Variant:
    """One program with arguments and textual edits; `kind` is a fault or a healthy pattern."""

    program: str
    name: str
    kind: str
    twin: str  # the healthy variant that a fault is held against; empty for a healthy one
    args: tuple[str, ...]
    edits: tuple[tuple[str, str, str], ...]  # file, old, new
    logged: frozenset[str]
    short: bool  # a healthy run that ends before it has converged

    @property
    def healthy(self) -> bool:
        """No fault was put in."""
        return not self.twin


@dataclass(frozen=True, slots=True)
class Program:
    """A small GAN with its own data, idiom and log style."""

    name: str
    family: str
    part: str  # of PARTS: for which scoring it is
    styles: tuple[str, ...]
    generator: str
    critic: str
    noise: int
    reals: str  # function of data.py: (size, rng) -> points
    args: tuple[str, ...]
    start: tuple[str, ...]  # arguments for a few steps, to see that it starts
    variants: tuple[Variant, ...]

    @property
    def folder(self) -> Path:
        """Where its sources lie."""
        return PROGRAMS / self.name


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the corpus: a variant with a seed."""

    program: Program
    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """The run's folder below the cache."""
        return f"{self.program.name}/{self.variant.name}/{self.seed}"

    def sources(self) -> dict[str, str]:
        """The program's files with the edits of the variant; each `old` must occur exactly once."""
        found = {
            p.name: p.read_text(encoding="utf-8")
            for p in sorted(self.program.folder.iterdir())
            if p.suffix in SOURCES and p.name != TABLE
        }
        for file, old, new in self.variant.edits:
            if found[file].count(old) != 1:
                raise SystemExit(f"{self.name}: {found[file].count(old)} times in {file}, not once: {old!r}")
            found[file] = found[file].replace(old, new)
        return found

    def command(self, extra: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Arguments of the program; the later ones win."""
        return ("--seed", str(self.seed), *self.program.args, *self.variant.args, *extra)

    def key(self, extra: tuple[str, ...] = ()) -> str:
        """Changes when the sources, the arguments or the measuring change, so that a stale run is trained again."""
        parts = [*self.command(extra), *(f"{name}\n{text}" for name, text in self.sources().items())]
        parts.append((HERE / "measure.py").read_text(encoding="utf-8"))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def faults() -> dict[str, Fault]:
    """The table of faults, by kind."""
    declared = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))["fault"]
    return {
        kind: Fault(
            kind=kind,
            what=entry["what"],
            codes=frozenset(entry["codes"]),
            root=frozenset(entry["root"]),
            also=frozenset(entry.get("also", ())),
            source=entry["source"],
            log=tuple(frozenset(needed) for needed in entry["log"]),
        )
        for kind, entry in declared.items()
    }


def _variants(name: str, declared: dict[str, Any], kinds: dict[str, Fault]) -> tuple[Variant, ...]:
    healthy = declared["healthy"]
    logged = frozenset(declared["logged"])
    found = []
    for title, entry in {**healthy, **declared["fault"]}.items():
        kind = entry.get("kind", title)
        if (title not in healthy) != (kind in kinds):
            raise SystemExit(f"{name}: {title!r} is {'no' if title not in healthy else 'a'} kind of faults.toml")
        edits = tuple((edit["file"], edit["old"].rstrip("\n"), edit["new"].rstrip("\n")) for edit in entry["edit"]) if (
            "edit" in entry
        ) else ()  # fmt: skip
        found.append(
            Variant(
                program=name,
                name=title,
                kind=kind,
                twin="" if title in healthy else entry.get("twin", "plain"),
                args=tuple(shlex.split(entry.get("args", ""))),
                edits=edits,
                logged=frozenset(entry["logged"]) if "logged" in entry else logged,
                short=entry.get("short", False),
            )
        )
    return tuple(found)


@cache
def programs() -> dict[str, Program]:
    """All programs, by name."""
    kinds = faults()
    found = {}
    for path in sorted(PROGRAMS.glob(f"*/{TABLE}")):
        declared = tomllib.loads(path.read_text(encoding="utf-8"))
        name = path.parent.name
        found[name] = Program(
            name=name,
            family=declared["family"],
            part=declared["part"],
            styles=tuple(declared["styles"]),
            generator=declared["generator"],
            critic=declared["critic"],
            noise=declared["noise"],
            reals=declared["reals"],
            args=tuple(shlex.split(declared.get("args", ""))),
            start=tuple(shlex.split(declared["start"])),
            variants=_variants(name, declared, kinds),
        )
    return found


def jobs(part: str, seeds: list[int], only: list[str], healthy_seeds: list[int] | None = None) -> list[Job]:
    """The runs of a part (or `all`); `only` keeps names that contain one of its texts. Twins come first.

    There are about twice as many kinds of faults as of healthy runs: `healthy_seeds` makes up for it.
    """
    wider = seeds if healthy_seeds is None else healthy_seeds
    found = [
        Job(program, variant, seed)
        for program in programs().values()
        if part in (program.part, "all")
        for seed in sorted({*seeds, *wider})
        for variant in sorted(program.variants, key=lambda variant: not variant.healthy)
        if seed in (wider if variant.healthy else seeds)
    ]
    return [job for job in found if not only or any(text in job.name for text in only)]
