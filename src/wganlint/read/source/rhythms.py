"""files -> read -> Run: how often the critic steps for one step of the generator."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from wganlint.read.source.classes import callee
from wganlint.read.source.flow import FUNCTIONS
from wganlint.read.source.updates import Updates
from wganlint.source import Rhythm

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
Way = list[tuple[ast.AST, ast.AST]]  # (around, child), outwards


def rhythms(updates: Updates) -> tuple[Rhythm, ...]:
    """Return the rhythm of each pair of optimizers that step within one loop, where it is told."""
    found: list[Rhythm] = []
    critics = [known for known in updates.optimizers.all if known.trains == "critic"]
    generators = [known for known in updates.optimizers.all if known.trains == "generator"]
    for critic in critics:
        for generator in generators:
            if len(updates.steps[critic]) != 1 or len(updates.steps[generator]) != 1:
                continue
            rhythm = _of(updates.steps[critic][0], updates.steps[generator][0], updates)
            if rhythm is not None and rhythm not in found:
                found.append(rhythm)
    return tuple(sorted(found, key=lambda rhythm: rhythm.place))


def _of(critic: ast.Call, generator: ast.Call, updates: Updates) -> Rhythm | None:
    ours, theirs = list(_way(critic, updates)), list(_way(generator, updates))
    round_ = next(
        (node for node, _ in ours if isinstance(node, _LOOPS) and any(node is one for one, _ in theirs)), None
    )
    if round_ is None:
        return None
    inner, outer = _before(ours, round_), _before(theirs, round_)
    often = [node for node, _ in inner if isinstance(node, _LOOPS)]
    seldom = [(node, child) for node, child in outer if isinstance(node, ast.If)]
    if any(isinstance(node, ast.If) for node, _ in inner) or any(isinstance(node, _LOOPS) for node, _ in outer):
        return None
    site = updates.project.site(critic)
    if not often and not seldom:
        return Rhythm(site.place, site.quote, site.owner, 1.0, "")
    if len(often) + len(seldom) != 1:
        return None
    count = _count(often[0]) if often else _every(*seldom[0])
    if count is None:
        return None
    site = updates.project.site(often[0] if often else seldom[0][0])
    number = updates.paths.values.number(count)
    return Rhythm(
        site.place, site.quote, site.owner, number.value if number else None, updates.project.text(count)
    )  # fmt: skip


def _way(node: ast.AST, updates: Updates, depth: int = 5) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield what stands around a step, on through the only caller of its function."""
    function = None
    for parent, child in updates.project.around(node):
        yield parent, child
        function = parent if isinstance(parent, FUNCTIONS) else function
    callers = updates.project.callers.get(function, ()) if isinstance(function, FUNCTIONS) else ()
    if len(callers) == 1 and depth > 0:
        yield from _way(callers[0], updates, depth - 1)


def _before(way: Way, end: ast.AST) -> Way:
    found: Way = []
    for node, child in way:
        if node is end:
            break
        found.append((node, child))
    return found


def _count(loop: ast.AST) -> ast.expr | None:
    """Return n of `for _ in range(n)` and of `while j < n [and ...]`."""
    match loop:
        case ast.For(iter=ast.Call(args=[count]) as call) if callee(call) in ("range", "xrange", "trange"):
            return count
        case ast.While(test=test):
            tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
            first = tests[0]
            if isinstance(first, ast.Compare) and isinstance(first.ops[0], ast.Lt):
                return first.comparators[0]
    return None


def _every(node: ast.AST, child: ast.AST) -> ast.expr | None:
    """Return n of `if i % n == 0:` around the generator's step."""
    if not isinstance(node, ast.If) or child not in node.body:
        return None
    test = node.test
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq):
        test = test.left
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    else:
        return None
    return test.right if isinstance(test, ast.BinOp) and isinstance(test.op, ast.Mod) else None
