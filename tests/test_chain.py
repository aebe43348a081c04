"""The causal graph: who is a root, what is a loop, and in which order to fix."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from wganlint.chain import link
from wganlint.engine import Bond, Judgement
from wganlint.evidence import Standing
from wganlint.finding import (
    Chain,
    Check,
    Confidence,
    Effect,
    Finding,
    Fix,
    LinkKind,
    Outcome,
    Severity,
    Verdict,
)
from wganlint.rules.catalogue import catalogue

RULE = catalogue().rules[0]
ARROWS = {"->": LinkKind.CAUSES, "~>": LinkKind.KEEPS_ALIVE, "=>": LinkKind.ENABLES, "|>": LinkKind.MASKS}


def fix(title: str, effect: Effect = Effect.CURES, excludes: tuple[str, ...] = ()) -> Fix:
    return Fix(title, "edit", "manual", "do it", effect, Check("it is gone"), excludes=excludes)


def judged(
    arrows: str, severity: dict[str, Severity] | None = None, fixes: dict[str, tuple[Fix, ...]] | None = None,
    quiet: str = "",
) -> list[Judgement]:  # fmt: skip
    """Read `A -> B, C ~> A, D` as judgements whose findings are linked so; `quiet` ones have no finding."""
    bonds: dict[str, list[Bond]] = {}
    for part in arrows.split(","):
        words = part.split()
        bonds.setdefault(words[0], [])
        if len(words) == 3:
            bonds.setdefault(words[2], [])
            bonds[words[0]].append(Bond(words[2], ARROWS[words[1]], Standing.DERIVED, f"{part} because"))
    return [
        Judgement(
            replace(RULE, code=code),
            Verdict("run", code, code, Outcome.QUIET if code in quiet.split() else Outcome.FIRED),
            None
            if code in quiet.split()
            else Finding(
                code, "run", code, code, (severity or {}).get(code, Severity.HIGH), Confidence.HIGH, "", code, (),
                fixes=(fixes or {}).get(code, ()),
            ),
            tuple(found),
        )
        for code, found in bonds.items()
    ]  # fmt: skip


def linked(arrows: str, **rest: dict[str, Severity]) -> tuple[list[str], list[str], Chain]:
    """Return the order of findings, the roots among them, and the chain."""
    findings, chain = link("run", judged(arrows, **rest))
    return [f.code for f in findings], [f.code for f in findings if f.root], chain


@pytest.mark.parametrize(
    ("arrows", "order", "roots"),
    [
        ("A -> B", "A B", "A"),
        ("B -> A", "B A", "B"),
        ("A -> B, B -> C", "A B C", "A"),
        ("C -> B, B -> A", "C B A", "C"),
        ("A -> B, A -> C, B -> C", "A B C", "A"),
        ("A -> C, B -> C", "A B C", "A B"),
        ("A => B", "A B", ""),
        ("A ~> B", "A B", ""),
        ("A |> B", "A B", ""),
        ("A", "A", ""),
        ("B => A, A -> C", "A C B", "A"),
        ("B ~> A, A -> C", "A C B", "A"),
        ("A |> B, B -> C", "B C A", "B"),
        ("A -> B, B ~> A", "A B", "A"),
        ("A -> A", "A", ""),
        # rings: one stands for all
        ("A -> B, B -> A", "A B", "A"),
        ("B -> C, C -> B, C -> D", "B C D", "B"),
        ("A -> B, B -> C, C -> A", "A B C", "A"),
        ("R -> A, A -> B, B -> A", "R A B", "R"),
        ("A -> B, B -> A, C -> D, D -> C", "A C B D", "A C"),
        ("B -> A, A -> B, B -> C, C -> D", "A B C D", "A"),
    ],
)
def test_only_causes_make_roots_and_roots_come_first(arrows: str, order: str, roots: str) -> None:
    found, first, _ = linked(arrows)
    assert " ".join(first) == roots
    assert " ".join(found) == order


def test_the_most_severe_of_a_ring_stands_for_it() -> None:
    order, roots, _ = linked("A -> B, B -> A", severity={"B": Severity.CRITICAL})
    assert (order, roots) == (["B", "A"], ["B"])


def test_a_severe_effect_of_a_ring_is_no_root() -> None:
    order, roots, _ = linked("A -> B, B -> A, B -> C, C -> D", severity={"C": Severity.CRITICAL})
    assert roots == ["A"]
    assert order == ["A", "B", "C", "D"]


def test_findings_without_an_arrow_stand_apart_after_the_chain() -> None:
    order, _, chain = linked("Z, A -> B, Y", severity={"Y": Severity.HIGH, "Z": Severity.LOW})
    assert order == ["A", "B", "Y", "Z"]
    assert chain.nodes == ("A", "B")
    assert chain.apart == ("Y", "Z")


def test_what_stands_apart_comes_first_if_it_is_graver_than_the_chain() -> None:
    grave = {"A": Severity.INFO, "B": Severity.LOW, "C": Severity.CRITICAL, "D": Severity.LOW}
    findings, chain = link("run", judged("A -> B, C, D", grave))
    assert [f.code for f in findings] == ["C", "A", "B", "D"]
    assert chain.apart == (findings[0].id, findings[3].id)


def test_of_two_roots_the_one_that_leads_to_the_gravest_comes_first() -> None:
    grave = {"A": Severity.MEDIUM, "B": Severity.LOW, "C": Severity.LOW, "D": Severity.HIGH}
    findings, _ = link("run", judged("A -> B, C -> D", grave))
    assert [f.code for f in findings][:2] == ["C", "A"]


def test_arrows_to_what_was_not_found_are_dropped() -> None:
    findings, chain = link("run", judged("A -> B, B -> C", quiet="B"))
    assert chain.edges == ()
    assert [(f.code, f.root) for f in findings] == [("A", False), ("C", False)]


def test_a_finding_names_its_neighbors() -> None:
    findings, chain = link("run", judged("A -> B, A |> C, D => B, A -> B"))
    found = {f.code: f for f in findings}
    assert found["A"].causes == ("B",)
    assert found["A"].masks == ("C",)
    assert found["B"].caused_by == ("A",)
    assert [(e.source, e.target, str(e.how)) for e in chain.edges] == [
        ("A", "B", "causes"), ("A", "C", "masks"), ("D", "B", "enables"),
    ]  # fmt: skip


def test_a_loop_is_drawn_once() -> None:
    _, _, chain = linked("A -> B, B -> C, C ~> A, C ~> A")
    assert chain.loops == (("A", "B", "C"),)
    _, _, twice = linked("A -> B, B -> A, B ~> A, A ~> B")
    assert len(twice.loops) == 1
    assert set(twice.loops[0]) == {"A", "B"}
    _, _, none = linked("A -> B, C ~> A, B |> A, B => A")
    assert none.loops == ()


def ranks(judgements: list[Judgement]) -> dict[str, int]:
    findings, _ = link("run", judgements)
    return {fix.title: fix.rank for f in findings for fix in f.fixes}


def test_the_cure_of_the_root_comes_first_and_what_hides_comes_last() -> None:
    fixes = {
        "A": (fix("hide A", Effect.HIDES), fix("cure A"), fix("measure A", Effect.UNKNOWN)),
        "B": (fix("cure B"),),
        "C": (fix("hide C", Effect.HIDES), fix("cure C")),
    }
    found = ranks(judged("A -> B, C", fixes=fixes))
    assert sorted(found, key=found.__getitem__) == ["cure A", "measure A", "cure B", "cure C", "hide A", "hide C"]
    assert sorted(found.values()) == [1, 2, 3, 4, 5, 6]
    found = ranks(judged("A -> B, C", severity={"C": Severity.CRITICAL}, fixes=fixes))
    assert sorted(found, key=found.__getitem__) == ["cure C", "cure A", "measure A", "cure B", "hide C", "hide A"]


def test_in_a_ring_the_cure_of_its_representative_comes_first() -> None:
    fixes = {code: (fix(f"cure {code}"),) for code in "ABC"}
    found = ranks(judged("A -> B, B -> A, B -> C", fixes=fixes))
    assert found == {"cure A": 1, "cure B": 2, "cure C": 3}


def test_one_change_that_several_findings_ask_for_has_one_rank() -> None:
    fixes = {"A": (fix("cure A"), fix("log more")), "B": (fix("log more"), fix("cure B"))}
    findings, _ = link("run", judged("A -> B", fixes=fixes))
    assert [[(f.title, f.rank) for f in finding.fixes] for finding in findings] == [
        [("cure A", 1), ("log more", 2)], [("log more", 2), ("cure B", 3)],
    ]  # fmt: skip


def test_conflicts_are_named_on_both_sides() -> None:
    fixes = {
        "A": (fix("clamp", excludes=("no clamp", "unknown fix", "clamp")), fix("log")),
        "B": (fix("no clamp"), fix("clamp")),
    }
    findings, _ = link("run", judged("A -> B", fixes=fixes))
    conflicts = {(f.title, f.rank): f.conflicts for finding in findings for f in finding.fixes}
    assert conflicts == {("clamp", 1): (3,), ("log", 2): (), ("no clamp", 3): (1,)}


def test_no_findings_make_an_empty_chain() -> None:
    assert link("run", judged("A", quiet="A")) == ((), Chain("run"))


GRAPHS = st.lists(
    st.builds(lambda a, how, b: f"{a} {how} {b}", st.sampled_from("ABCDEF"), st.sampled_from(list(ARROWS)),
              st.sampled_from("ABCDEF")),
    min_size=1, max_size=14,
).map(", ".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(GRAPHS, st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from(list(Severity))))
def test_any_graph_has_an_order_in_which_every_effect_has_its_root(arrows: str, severity: dict[str, Severity]) -> None:
    fixes = {code: (fix(f"cure {code}"), fix("log more")) for code in "ABCDEF"}
    findings, chain = link("run", judged(arrows, severity, fixes))
    assert {f.id for f in findings} == {*chain.nodes, *chain.apart}
    roots = {f.id for f in findings if f.root}
    causes = [(e.source, e.target) for e in chain.edges if e.how is LinkKind.CAUSES]
    reached = set(roots)
    while more := {b for a, b in causes if a in reached} - reached:
        reached |= more
    assert {end for pair in causes for end in pair} == reached
    gravest = max((f.severity for f in findings if f.id in reached), default=Severity.CRITICAL)
    later = [f for f in findings if f.id in reached or f.severity <= gravest]
    assert findings[len(findings) - len(later) :] == tuple(later)  # what is graver than any chain comes first
    assert [f.root for f in later] == sorted((f.root for f in later), reverse=True)
    for root in roots:  # a root that is caused by something is caused by its own effects only
        effects, before = {root}, {root}
        for _ in causes:
            effects |= {b for a, b in causes if a in effects}
            before |= {a for a, b in causes if b in before}
        assert before <= effects
        assert before & roots == {root}
    numbers = {f.title: f.rank for finding in findings for f in finding.fixes}
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    for loop in chain.loops:
        assert all(pair in causes for pair in pairwise(loop))
