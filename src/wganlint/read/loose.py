"""Numbers that stand behind their name without `=` or `:`, and counters without a name; part of read/text.

`epoch 3 | d 0.1`, `[Epoch 3/200]`, `kimg 4.0  gpumem 4.27`, `train disc cost<tab>-3.21`, `[0/25][115/1000]`, a row of a
drawn table. Prose looks much the same, so a pair counts only on a line that reads as a record: see `all_fields`.
Whether it does follows from the words of the line alone, never from its numbers: lines of one shape are read alike.
"""

from __future__ import annotations

import re

from wganlint.late import late
from wganlint.read.counters import BOXED, alone, behind, between, leading, without
from wganlint.read.tokens import END, KEY, MOST, NUMBER, UNIT, WRAP, Bar, Field, fields_of, step_rank

LONGEST = 4000  # characters of a line that is looked through
_WORD = rf"(?!(?i:nan|inf|infinity)(?!\w))(?!(?:[a-z]{{1,6}}\.)?+(?:[tT]ensor|[aA]rray|float[0-9]*+|int[0-9]*+)\(){KEY}"
_UNITS = rf"(?:(?P<unit>{UNIT})(?!\w))?+"
_OF = r"(?:[ \t]*+/[ \t]*+[0-9][0-9,.]*+[kMGT]?+(?![\w/]))?+"
_PAIR = late(
    rf"(?<![\w./\\@#$~&+\-])(?<!(?<!>):)(?P<key>{_WORD}(?:[ ]{_WORD}){{0,3}}+)"
    rf"(?P<gap>[ \t]++(?:#|{WRAP})|[ \t]*+[\[(][ \t]*+|[ \t]*+(?:->|=>|→|(?<=[lL]oss[ \t])\|)[ \t]*+)"
    rf"(?P<value>(?>{NUMBER})){_UNITS}(?P<of>{_OF}){END}"
)
_CELLS = late(
    rf"\s*+[│┃║|][ \t]*+(?P<key>{_WORD}(?:[ ]{_WORD}){{0,3}}+)[ \t]*+[│┃║|][ \t]*+"
    rf"(?P<value>(?>{NUMBER})){_UNITS}[ \t]*+[│┃║|]\s*+"
)
# `0.15 / 0.04` before and after a step; `0.5 (0.61)` with its running mean
_SECOND = late(
    rf"[ \t]++/[ \t]++(?P<value>(?>{NUMBER})){_UNITS}{END}"
    rf"|[ \t]{{1,4}}+\([ \t]{{0,12}}+(?P<mean>(?>{NUMBER}))[ \t]{{0,12}}+\)(?!\w)"
)
_BESIDE = late(rf"/(?P<value>(?>{NUMBER})){_UNITS}{END}")  # D/G loss: 0.61/0.97
# `D loss: 0.61 + 0.55`: neither number is the loss that the name tells
_ADDED = late(rf"[ \t]++\+[ \t]++(?P<value>(?>{NUMBER})){_UNITS}{END}")
_NEXT = late(rf",[ \t]*+(?P<value>(?>{NUMBER}))(?=[ \t]*+[,\])])")
_DURATION = late(
    r"(?<![\w.])(?:(?:time|elapsed|eta|took|total|sec)[ \t:]++)?"
    r"(?:[0-9]++[ \t]?(?:d|h|m|s|min|sec|days?|hours?)(?!\w)[ ,\t]*+){1,4}"
    r"(?:[0-9]++:[0-9:.]++)?|(?<![\w.])(?:[A-Za-z]++[ \t]++)?[0-9]++:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]++)?(?!\w)",
    re.IGNORECASE,
)
_BARE = late(rf"(?<![\w.])[0-9][0-9.]*+[ ]?(?:{UNIT})(?!\w)")  # a quantity without a name: 12ms/step
_PRINTED = re.compile(r"\b(?:grad_fn=<\w++>|device='[\w:]*+'|dtype=[\w.]++|requires_grad=\w++|shape=\(\))")
_NAMED = late(
    rf"(?<![\w./\\@#$~&+\-])(?P<key>{_WORD}(?:[ ]{_WORD}){{0,3}}+)[ ]\((?P<inner>[^()]{{1,80}}+)\)[ ]?[:=][ ]*+"
    rf"(?P<value>(?>{NUMBER})){_UNITS}{END}"
)  # FID score (Step: 2000): 61.17
# CycleGAN at the end of an epoch: `learning rate 0.0002000 -> 0.0001990`; the first one was in force until here
_MOVES = late(rf"\s*+(?P<key>learning rate)[ ]++(?P<value>(?>{NUMBER}))(?P<unit>)[ ]++->[ ]++(?>{NUMBER})\s*+")
# ('Epoch', 3, 'D loss:', 0.53): what Python 2 makes of print("Epoch", 3, ...)
_QUOTED = late(
    rf"(?P<quote>[\"'])(?P<key>[^\W\d][^\"']{{0,60}}?)[ ]?[:=]?[ ]?(?P=quote),[ ]"
    rf"(?P<value>(?>{NUMBER}))(?P<unit>)(?=[,)])"
)
# INFO:root:step 3: the form of Python's logging where nothing else was asked for
_LOGGED = late(r"(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL):[\w.\-]{1,80}+:(?=[^\W\d]|[\[(])")
# the critic loss is 0.53
_IS = late(
    rf"(?P<key>(?:{_WORD}[ ]){{0,2}}(?:loss|err(?:or)?+_?+[dg]))[ ](?:is|was)[ ]:?[ ]?"
    rf"(?P<value>(?>{NUMBER}))(?P<unit>){END}"
    r"(?=\s*+(?:$|[,;|)]|\.(?!\d)|(?:and|while|at|after|for|in|with)\b))",
    re.IGNORECASE,
)
_LETTER = late(r"\w")
_LOSS = late(r"loss|cost|(?<![a-z])err|wasserstein", re.IGNORECASE)
_DRAWN = frozenset("│┃║|")
_ENDS = frozenset("│┃║| \t")

# Words that say which process or part speaks: they name no quantity.
_LABELS = frozenset({
    "rank", "worker", "gpu", "gpus", "device", "pid", "node", "seed", "file", "part", "shard", "fold",
    "version", "port", "job", "task", "process", "thread", "id", "line", "replica", "host", "phase", "level",
    "chunk", "attempt", "trial", "run",
})  # fmt: skip
# Words of sentences: a number behind them belongs to prose.
_PROSE = frozenset({
    "a", "about", "after", "all", "an", "and", "another", "any", "are", "as", "at", "be", "been", "before",
    "between", "both", "but", "by", "can", "code", "did", "do", "does", "done", "each", "error", "errors",
    "every", "exit", "failed", "first", "for", "found", "from", "get", "got", "had", "has", "have", "in",
    "into", "is", "it", "its", "just", "last", "less", "line", "loaded", "loading", "more", "most", "much",
    "next", "no", "not", "of", "off", "on", "once", "only", "or", "out", "over", "page", "per", "python",
    "reached", "saved", "saving", "see", "since", "skipped", "skipping", "status", "still", "takes", "than",
    "that", "the", "then", "there", "these", "this", "those", "through", "to", "took", "top", "until", "up",
    "used", "using", "waiting", "was", "were", "when", "where", "which", "while", "will", "with", "within",
    "without", "wrote", "writing", "you", "your",
})  # fmt: skip


def all_fields(line: str, bar: Bar | None = None, *, keyed: bool = True) -> list[Field]:
    """Return the fields of a line, those without `=` or `:` among them where the line reads as a record.

    A record carries a measurement (a field with `=` or `:` that counts no steps), or says a step or a loss in a line
    that consists of such pairs alone. `keyed` False: the line is known to have no `=` and no `:`.
    """
    line = _begun(line)
    fields = fields_of(line, bar) if keyed else []
    if len(line) > LONGEST or len(fields) >= MOST:
        return fields
    if not fields and " -> " in line and (moves := _MOVES.fullmatch(line)) is not None:
        return [_field(moves, moves["key"], *moves.span("key"))]
    if not fields and (bar is not None or not spoken(line)):
        return fields
    if not fields and ('("' in line or "('" in line):
        return _quoted(line)
    if not fields and "[" in line and (boxed := _boxed(line)):
        return boxed
    return _Loose(line, fields, bar).merged()


def _begun(line: str) -> str:
    """Return the line with a blank before what is logged, in the same place: `INFO:root:step 3` is a step."""
    match = _LOGGED.match(line) if line[:1] in "DIWEC" else None
    return line if match is None else f"{line[: match.end() - 1]} {line[match.end() :]}"


def _quoted(line: str) -> list[Field]:
    """Return the fields of a printed tuple in which each number stands behind its name, a step or a loss among them."""
    if not line.lstrip().startswith("(") or not line.rstrip().endswith(")"):
        return []
    found = [_field(match, match["key"], *match.span("key")) for match in _QUOTED.finditer(line)]
    told = any(step_rank(field.key) is not None or _LOSS.search(field.key) for field in found)
    measured = any(step_rank(field.key) is None for field in found)
    return found if told and measured and not _LETTER.search(_QUOTED.sub("", line)) else []


def _boxed(line: str) -> list[Field]:
    """Return the fields of a line in which each value, and a step or a loss among them, stands in brackets."""
    found = [_field(match, match["key"], *match.span("key")) for match in BOXED.finditer(line)]
    counted = any(step_rank(field.key) is not None for field in found)
    measured = [field for field in found if step_rank(field.key) is None]
    told = counted or any(_LOSS.search(field.key) for field in measured)
    if len(found) < 2 or not measured or not told:
        return []
    rest = BOXED.sub("", line[found[0].key_start :])
    return [] if _LETTER.search(rest) else found


def spoken(line: str) -> bool:
    """Whether a line has a word without which no pair in it counts, or is a row of a drawn table."""
    low = line.lower()
    if (
        "step" in low or "loss" in low or "epoch" in low or "iter" in low or "tick" in low or "batch" in low
        or "cost" in low or "err" in low or "update" in low or "kimg" in low or "itr" in low or " it " in low
        or "learning rate" in low or low.startswith("it ")
    ):  # fmt: skip
        return True
    return low[-1:] in _ENDS and line.lstrip()[:1] in _DRAWN and line.rstrip()[-1:] in _DRAWN


class _Loose:
    """One line: its keyed fields, and what stands in the gaps between them."""

    def __init__(self, line: str, keyed: list[Field], bar: Bar | None) -> None:
        self.line, self.keyed = line, keyed
        self.low = 0 if bar is None else bar.end
        self.steps: list[Field] = []
        self.measures: list[Field] = []
        self.seconds: list[Field] = []
        self.tiled: list[tuple[list[Field], bool]] = []

    def merged(self) -> list[Field]:
        """Return all fields in order."""
        line, keyed = self.line, self.keyed
        cells = _CELLS.fullmatch(line) if not keyed else None
        if cells is not None:
            return [_field(cells, cells["key"], *cells.span("key"))]
        ends = [self.low]
        keyed = [field for field in keyed if field.start >= self.low]  # gaps of a bar's description are left alone
        if "): " in line or ") :" in line or ") =" in line or ")=" in line:
            self._named()
        if " is " in line or " was " in line:
            self._said()
        for index, field in enumerate(keyed):
            stop = keyed[index + 1].key_start if index + 1 < len(keyed) else len(line)
            ends.append(self._behind(field, stop))
        starts = [*(field.key_start for field in keyed), len(line)]
        for index, (begin, end) in enumerate(zip(ends, starts, strict=True)):
            if end - begin >= 3:
                self._gap(begin, end, head=index == 0)
        measured = any(step_rank(field.key) is None for field in (*self.keyed, *self.seconds))
        counted = bool(self.steps) or any(step_rank(field.key) is not None for field in keyed)
        pairs = [field for fields, whole in self.tiled if whole for field in fields]
        lossy = any(_LOSS.search(field.key) for field in pairs)
        if not (measured or counted or (lossy and len(pairs) > 1)):
            pairs = []
        if not (measured or pairs):
            return self.keyed  # no record: a step alone measures nothing
        found = sorted([*self.keyed, *self.seconds, *self.steps, *pairs], key=lambda field: field.start)
        if self.low == 0:
            found = [*leading(line, found), *found]
        return sorted(found, key=lambda field: field.start)[:MOST]

    def _behind(self, field: Field, stop: int) -> int:
        """Take further values of a keyed field; return where its text ends."""
        line, at = self.line, field.unit_end
        if step_rank(field.key) is not None:
            of = re.compile(_OF).match(line, at, stop)
            return self._batch(field, stop) or (of.end() if of else at)
        if line[field.key_end : field.start].rstrip()[-1:] in ("[", "("):
            for _ in range(7):
                match = _NEXT.match(line, at, stop)
                if match is None:
                    return at
                start, at = match.span("value")
                self.seconds.append(Field(field.key, start, start, start, at, "", at))
            return at
        if (match := _ADDED.match(line, at, stop)) is not None:
            key = f"{field.key} summand"
            self.keyed = [one._replace(key=key) if one is field else one for one in self.keyed]
            self.seconds.append(_second(match, key))
            return match.end()
        match = _SECOND.match(line, at, stop) or ("/" in field.key and _BESIDE.match(line, at, stop)) or None
        if match is None:
            return at
        self.seconds.append(_second(match, field.key))
        return match.end()

    def _batch(self, field: Field, stop: int) -> int:
        """Take the batch that stands without a name behind an epoch; return where its text ends, 0 if there is none."""
        found = behind(self.line, field, stop)
        if found is None:
            return 0
        self.steps.append(found[0])
        return found[1]

    def _named(self) -> None:
        """Take values behind a name with a remark in brackets."""
        for match in _NAMED.finditer(self.line, self.low):
            start, end = match.span("value")
            if any(field.start == start for field in self.keyed):
                continue
            plain = not any(sign in match["inner"] for sign in ":=,")
            key = f"{match['key']} ({match['inner']})" if plain else match["key"]
            if step_rank(match["key"]) is None:
                at = match.end("inner")
                self.seconds.append(Field(key, at, at, start, end, match["unit"] or "", end + len(match["unit"] or "")))
                second = _SECOND.match(self.line, self.seconds[-1].unit_end)
                if second is not None:
                    self.seconds.append(_second(second, key))

    def _said(self) -> None:
        """Take losses that a sentence tells: `the critic loss is 0.53`."""
        for match in _IS.finditer(self.line, self.low):
            key, at = match["key"], match.start("key")
            words = key.split(" ")
            while words[0].lower() in _PROSE:
                at += len(words.pop(0)) + 1
            self.seconds.append(_field(match, " ".join(words), at, match.end("key")))

    def _gap(self, begin: int, end: int, *, head: bool) -> None:
        """Find the pairs between two keyed fields, and whether nothing else stands there."""
        line = self.line
        measures: list[Field] = []
        left: list[str] = []
        at = begin
        opened = not head  # words before the first pair of a line are its head
        for match in _PAIR.finditer(line, begin, end):
            key, key_start, key_end = _trimmed(match)
            words = key.lower().split(" ")
            rank = step_rank(key)
            if opened:
                left.append(line[at:key_start])
            if rank is None and any(word in _PROSE for word in words):
                left.append(key)
            elif rank is not None:
                step = _field(match, key, key_start, key_end)
                self.steps.append(step)
                opened = True
                at = max(self._batch(step, end), match.end())
                continue
            elif words[-1] not in _LABELS:
                measures.append(_field(match, key, key_start, key_end))
                opened = True
            at = match.end()
            if rank is None:
                lasting = _DURATION.match(line, match.start("value"), end)
                if (
                    match["unit"]
                    and lasting is not None
                    and lasting.end() > match.end("value") + len(match["unit"] or "") + 1
                ):
                    at = lasting.end()  # 13m 25s
                    if measures and measures[-1].start == match.start("value"):
                        measures.pop()
                    continue
                at = match.start("of")
                second = _SECOND.match(line, at, end)
                if second is not None and measures and measures[-1].start == match.start("value"):
                    measures.append(_second(second, key))
                    at = second.end()
        left.append(line[at:end] if opened else "")
        taken = {step.start for step in self.steps}
        self.steps += [step for step in between(line, begin, end) if step.start not in taken]
        said = without(" \0 ".join(left))
        rest = _BARE.sub(" ", _DURATION.sub(" ", _PRINTED.sub(" ", said)))
        self.tiled.append((measures, _LETTER.search(rest) is None))


def marks_of(line: str) -> list[tuple[str, str]]:
    """Return the steps that a line without measurements announces: `Epoch 3/50`, `--- step 100 ---`."""
    if len(line) > 200:
        return []
    if not spoken(line):
        return alone(line)
    line, found = _begun(line), []
    for match in _PAIR.finditer(line):
        key, _, _ = _trimmed(match)
        if step_rank(key) is not None:
            found.append((key, match["value"]))
    return found


def _trimmed(match: re.Match[str]) -> tuple[str, int, int]:
    """Return the key of a pair and its place; of `INFO train epoch 3` only what names the step."""
    key, (start, end) = match["key"], match.span("key")
    words = key.split(" ")
    for count in range(1, len(words) + 1):
        name = " ".join(words[-count:])
        if step_rank(name) is not None:
            longer = " ".join(words[-count - 1 :])
            if count < len(words) and step_rank(longer) is not None:
                name = longer
            return name, end - len(name), end
    return key, start, end


def _field(match: re.Match[str], key: str, key_start: int, key_end: int) -> Field:
    start, end = match.span("value")
    unit = match["unit"] or ""
    return Field(key, key_start, key_end, start, end, unit, end + len(unit))


def _second(match: re.Match[str], key: str) -> Field:
    start, end = match.span("value" if match["value"] is not None else "mean")
    unit = match["unit"] or ""
    return Field(key, start, start, start, end, unit, end + len(unit))
