"""Counters that say which epoch or batch a line is about, in forms of their own; part of read/loose.

`[0/25][115/1000]`, `[1,  2000]`, `3| 12|`, `Epoch[3]`, `Iter-2000`, `200/ 938 batches`: most have no name at all.
"""

from __future__ import annotations

import re

from wganlint.late import late
from wganlint.read.tokens import NUMBER, Field, step_rank

_COUNTERS = late(
    rf"(?<![^ \t\[\]])\[[ \t]*+(?P<a>(?>{NUMBER}))[ \t]*+(?P<sign>[/:])[ \t]*+(?P<b>(?>{NUMBER}))"
    r"(?:/[0-9]++)?+(?:[ ]?\([ ]*+[0-9.]++%\))?+[ \t]*+\]"
)
# `4999 [D loss: ...`, `10: loss=...`, `[0] critic: ...`
_LEAD = late(
    rf"\s*+(?:\[[ \t]*+(?P<inner>(?>{NUMBER}))[ \t]*+\]|(?P<value>(?>{NUMBER})))[ \t]*+[:|,]?+[ \t]*+[\[(]?+[ \t]*+"
)
# `[1,  2000] loss: 2.2`, `[ 1/3, 200/938]`, `[E 1/20][I 200/938]`, `3/20 200/938`: epoch and batch at the head
_PLACES = tuple(
    late(rf"\s*+{text}\s*+[:|,>\-]{{0,3}}+\s*+[\[(]?+\s*+", re.IGNORECASE)
    for text in (
        r"[\[(]\s*+(?P<a>[0-9]{1,9}+)(?:/[0-9]++)?+\s*+,\s*+(?P<b>[0-9]{1,9}+)(?:/[0-9]++)?+\s*+[\])]",
        r"\[\s*+ep?[ .:]{0,2}(?P<a>[0-9]{1,9}+)(?:/[0-9]++)?+\s*+\]\s*+"
        r"\[\s*+(?:it?|b|s)[ .:]{0,2}(?P<b>[0-9]{1,9}+)(?:/[0-9]++)?+\s*+\]",
        r"(?P<a>[0-9]{1,9}+)/[0-9]++[ ,|]++(?P<b>[0-9]{1,9}+)/[0-9]++",
        # `[0][ 12]`, `[0 25] [12 938]`, `3| 12|`, `epoch 003-00090:`, `[0h 3m 2s-1,  90]`
        r"\[\s*+(?P<a>[0-9]{1,9}+)(?:[ ][0-9]++)?+\s*+\]\s*+\[\s*+(?P<b>[0-9]{1,9}+)(?:[ ][0-9]++)?+\s*+\]",
        r"(?P<a>[0-9]{1,9}+)\s*+\|\s*+(?P<b>[0-9]{1,9}+)\s*+(?=\|)",
        r"ep(?:och)?+[ :#]{0,2}(?P<a>[0-9]{1,9}+)-(?P<b>[0-9]{1,9}+)",
        r"\[(?:[0-9]++[dhms][ ]?){1,4}+-(?P<a>[0-9]{1,9}+),\s*+(?P<b>[0-9]{1,9}+)\s*+\]",
    )
)
# `|   200/  938 batches |`: the count before its name
_AMONG = late(r"(?<![\w./])(?P<a>[0-9]{1,9}+)[ ]?/[ ]*+[0-9]{1,9}+[ ](?P<key>batches|steps|iters|iterations|it)(?!\w)")
# `Iter-2000; D_loss: 1.4`, `Epoch-[3], loss_g: 0.9`
_DASHED = late(
    r"(?<![\w./\-])(?P<key>epoch|step|iteration|iter|batch)-\[?+(?P<value>[0-9]{1,9}+)\]?+(?=[\s,;:|)]|$)",
    re.IGNORECASE,
)
_AMONG_WHAT = {"b": "batch", "s": "step", "i": "iter"}
# `[3/25][115/1000]` on a line of its own, above the lines that measure
_ALONE = late(r"\s*+\[(?P<a>[0-9]{1,9}+)/[0-9]++\][ \t]*+\[(?P<b>[0-9]{1,9}+)/[0-9]++\]\s*+")
# behind an epoch that is named, its batch without a name: `Epoch 3/20 200/938:`
_BATCH = late(
    r"(?:[ \t]*+/[ \t]*+[0-9]++)?+[\])]?[ \t]*+(?:[,|:;\-][ \t]*+|(?<=[ \t]))(?P<a>[0-9]{1,9}+)/[0-9]{1,9}+"
    r"(?=[ \t]*+[\])]?[ \t]*+[:|,;>\-]{0,3}+[ \t]*+[\[(]?+[ \t]*+[^\W\d])"
)
# epoch[3] batch[200] loss_D[-0.63]
BOXED = late(
    rf"(?<![\w.\])])(?P<key>[^\W\d][\w.]*+)\[[ ]*+(?P<value>(?>{NUMBER}))(?P<unit>)(?:[ ]?/[ ]?[0-9]++)?+[ ]*+\](?!\[)"
)


def leading(line: str, found: list[Field]) -> list[Field]:
    """Return the counters before the first field that have no name: `[0/25][115/1000]`, `4999 [D loss: ...`."""
    counted = any(step_rank(field.key) is not None for field in found)
    for pattern in () if counted else _PLACES:
        places = pattern.fullmatch(line, 0, found[0].key_start)
        if places is not None:
            return [counter("epoch", *places.span("a")), counter("batch", *places.span("b"))]
    lead = _LEAD.fullmatch(line, 0, found[0].key_start)
    if lead is not None:
        if counted:
            return []  # the number of a process, or a line number, before `step 10: loss=...`
        return [counter("step", *lead.span("inner" if lead["inner"] is not None else "value"))]
    end = next(field.key_start for field in found if step_rank(field.key) is None)
    taken = {field.start for field in found}
    groups = [match for match in _COUNTERS.finditer(line, 0, end) if match.start("a") not in taken]
    over = [match for match in groups if match["sign"] == "/"]
    if len(over) == 2 and len(groups) == 2:
        return [counter("epoch", *over[0].span("a")), counter("batch", *over[1].span("a"))]
    if len(over) == 1 and len(groups) == 1:
        name = "batch" if any("epoch" in field.key.lower() for field in found) else "step"
        return [counter(name, *over[0].span("a"))]
    if len(groups) == 1:
        return [counter("stage", *groups[0].span("a")), counter("step", *groups[0].span("b"))]
    return []


def behind(line: str, epoch: Field, stop: int) -> tuple[Field, int] | None:
    """Return the batch that stands without a name behind an epoch, and where its text ends; None if there is none."""
    match = _BATCH.match(line, epoch.unit_end) if epoch.key.lower() == "epoch" else None
    return None if match is None or match.end() > stop else (counter("batch", *match.span("a")), match.end())


def between(line: str, begin: int, end: int) -> list[Field]:
    """Return the counters of a part of a line whose names stand in another way than before a blank, `=` or `:`."""
    text = line[begin:end]
    found = []
    if "/" in text:
        among = _AMONG.finditer(line, begin, end)
        found = [counter(_AMONG_WHAT[match["key"][0]], *match.span("a")) for match in among]
    for pattern, sign in ((BOXED, "["), (_DASHED, "-")):
        for match in pattern.finditer(line, begin, end) if sign in text else ():
            if step_rank(match["key"]) is not None:
                start, stop = match.span("value")
                found.append(Field(match["key"], *match.span("key"), start, stop, "", stop))
    return found


def alone(line: str) -> list[tuple[str, str]]:
    """Return epoch and batch of a line that consists of them: `[3/25][115/1000]`."""
    match = _ALONE.fullmatch(line) if "][" in line else None
    return [] if match is None else [("epoch", match["a"]), ("batch", match["b"])]


def without(text: str) -> str:
    """Return text with such counters blanked out."""
    return _COUNTERS.sub(" ", _DASHED.sub(" ", _AMONG.sub(" ", text)))


def counter(name: str, start: int, end: int) -> Field:
    """Return the field of a counter without a name of its own."""
    return Field(name, start, start, start, end, "", end)
