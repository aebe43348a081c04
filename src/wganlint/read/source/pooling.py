"""files -> read -> Run: critics that keep only the largest element of a sample, under a penalty element by element."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from wganlint.read.source.classes import Class, callee
from wganlint.read.source.paths import Paths
from wganlint.read.source.steps import keyword, rest
from wganlint.source import Site, SlopeNorm

_BY_GROUP = frozenset({"scatter_max", "segment_max", "global_max_pool", "unsorted_segment_max"})
_REDUCED = frozenset({"scatter_reduce", "scatter_reduce_", "index_reduce", "index_reduce_"})
_GATHERED = frozenset({"scatter_add", "scatter_add_", "index_add", "index_add_", "segment_sum", "bincount",
                       "scatter_reduce", "scatter", "scatter_sum", "global_add_pool", "scatter_mean"})  # fmt: skip


def pooled(
    norms: Sequence[SlopeNorm], rank: int | None, critics: Sequence[Class], call: ast.Call, paths: Paths
) -> Site | None:
    """Return the maximum over a sample's elements if the norm is taken for each element on its own, else None.

    Elements of all samples in one list: any norm by rows is by element, unless squares are added up by sample. A padded
    set (samples, elements, features): a norm over the last axis is.
    """
    by_row = [norm for norm in norms if norm.over in ("sample", "axis") and norm.centered == 1.0]
    home = paths.project.function(call)
    if not by_row or home is None:
        return None
    names = {callee(node) for node in ast.walk(home) if isinstance(node, ast.Call)}
    if names & _GATHERED:
        return None
    for info in critics:
        for node in [inner for known in info.lineage() for inner in ast.walk(known.node)]:
            if not isinstance(node, ast.Call):
                continue
            if _takes_group_maximum(node):
                return paths.project.site(node)
            if rank == 3 and any(norm.dims in ("-1", "2") for norm in by_row) and _takes_set_maximum(node):
                return paths.project.site(node)
    return None


def _takes_group_maximum(call: ast.Call) -> bool:
    name = callee(call)
    if name in _BY_GROUP:
        return True
    given = keyword(call, "reduce") or (call.args[-1] if call.args else None)
    return name in _REDUCED and isinstance(given, ast.Constant) and given.value in ("amax", "max")


def _takes_set_maximum(call: ast.Call) -> bool:
    """x.max(dim=1), torch.max(x, 1), x.amax(1): over the elements of (samples, elements, features)."""
    if callee(call) not in ("max", "amax"):
        return False
    given = keyword(call, "dim", "axis") or next(iter(rest(call)), None)
    return isinstance(given, ast.Constant) and given.value == 1
