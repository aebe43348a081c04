"""The grammar of `key=value` and `key: value` in one line; part of read/text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from wganlint.late import late

MOST = 512  # fields of one line

# 107,200 | 1.4819e-03, .5, 5. | nan, inf, Infinity
NUMBER = (
    r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})++(?![0-9])(?:\.[0-9]{1,40})?"
    r"|(?:[0-9]{1,40}+(?:\.[0-9]{0,40}+)?+|\.[0-9]{1,40}+)(?:[eE][+-]?[0-9]{1,10}+)?+"
    r"|[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?+)"
)
UNIT = (
    r"%|°C|[munµμ]?s|secs?|mins?|hrs?|[kKMBGTCWJxdhm]|[kKMGT]i?B|[kKMGT]b|bytes|[kMG]?Hz|dB|px|fps|k?imgs?"
    r"|[KMGTP]?FLOPS?|[A-Za-z]{1,12}/[A-Za-z]{1,12}"
)
_SPACED_UNIT = (
    r"(?:[kKMGT]i?B|[mnuµμ]s|secs?|bytes|%|[A-Za-z]{1,12}/(?:s|sec|it|iter|batch|step|epoch|img))"
    r"(?![\w=:/])"
)
END = r"(?=$|[\s,;|)\]}>\"'(*±\uff0c\uff1b\uff09]|/(?![0-9]+/)|\+/-|:(?!\S)|\.+(?!\S))"
# The next pair follows without a blank: `time: 10.019G_GAN: -0.000`
_JOIN = (
    r"(?:(?<=[0-9.])|(?:(?<=nan)|(?<=NaN)|(?<=inf))(?=[A-Z_]))"
    r"(?=[A-Za-z_][A-Za-z0-9_]++(?:=|:[ ])[ ]?(?:[-+]?\.?[0-9]|nan|NaN|-?inf))"
)
KEY = r"[^\W\d][\w./+\-]*+(?:\([^\s()=:,]*+(?:\([^\s()=:,]*+\))?+[^\s()=:,]*+\))?+[\w./+\-]*+(?:\[\w++\])?+"
# A number in brackets, or in the printed type of a number: lr:(1.0e-04,) loss=tensor(0.5, grad_fn=<...>)
WRAP = (
    r"(?:(?:[a-z]{1,6}+\.)?+(?:[tT]ensor|[aA]rray|(?:float|int)[0-9]{0,2}+|Parameter|DeviceArray)\()?+[\[(]{0,2}+\s*+"
)
WIDE = "\uff1a"  # the colon that an input method for Chinese or Japanese types
# The key of a mapping may have its value in quotes too: {"d_loss": "1.040"}
_BODY = (
    rf"(?P<key>{KEY})(?P<quote>[\"'])?+(?P<separator>\s*+=(?!=)\s*+|\s*+[:{WIDE}](?!:)\s*+)(?(quote)(?P<text>(?P=quote))?+)"
    rf"(?P<wrap>{WRAP})?+(?P<value>(?>{NUMBER}))(?:(?P<unit>{UNIT})(?!\w))?+(?:{END}|{_JOIN})(?(text)(?=(?P=quote)))"
    rf"(?:\s(?P<spaced>{_SPACED_UNIT}))?+"
)
_FIELD = late(rf"(?<![\w./\\+\-@#$~&])(?<!(?<!>):){_BODY}")
_GLUED = late(_BODY)
_NUMBER = late(NUMBER)
_BREAK = late(r"[,;|\[\](){}<>=:\"'#*\t~→\uff0c\uff1b\uff1a\uff08\uff09]|\s\s| [-\u2013\u2014] |[.!?] ")
_WORD = late(r"[^\W\d][\w./+\-]*")
_COUNTED = late(r"(?<![\w.])[0-9][0-9,./]*+\s*+$")  # what stands before the colon of `Step 1,000: WM Loss = 1.5`
_DAYS = late(r"\s+(?:days?|hours?|hrs?)\b")  # 1 day, 3:02:11
_PARTS = late(r"\s+[0-9]+(?:h|m|s|min|sec)\b")  # 13m 25s

DEVICES = frozenset(
    {"cuda", "cpu", "gpu", "mps", "xpu", "npu", "hpu", "tpu", "xla", "hip", "localhost", "host", "port"}
)
_CLOCK = frozenset({"d", "h", "hr", "hrs", "m", "min", "mins"})
_PROSE = frozenset(
    {
        "warning",
        "error",
        "note",
        "info",
        "debug",
        "notice",
        "hint",
        "usage",
        "exception",
        "critical",
        "fatal",
        "todo",
    }
)
_STOP = frozenset(
    {
        "am",
        "pm",
        "at",
        "for",
        "with",
        "from",
        "after",
        "and",
        "then",
        "is",
        "was",
        "info",
        "debug",
        "warning",
        "error",
        "critical",
    }
)

# Names of the x axis of a log, the finest first.
STEP_KEYS = (
    "batches", "batch", "batch_idx", "global_step", "steps", "step", "total_steps", "current_step", "n_steps",
    "iterations", "iteration", "iters", "iter", "itr", "it", "n_iter", "gen_iterations", "gen_iters",
    "updates", "num_updates", "update", "minibatch", "kimg", "nimg", "cur_nimg", "tick",
    "epochs", "epoch", "ep", "epo", "stage",
)  # fmt: skip
_RANK = {key: rank for rank, key in enumerate(STEP_KEYS)}
_CLOCKS = frozenset({"timestamp", "stamp", "wall_time", "walltime", "unix_time", "eta", "progress", "v_num"})
_BEFORE_STEP = frozenset({"train", "training", "current", "cur", "global", "gan"})


class Field(NamedTuple):
    """A number with its key; positions are 0-based offsets into the line."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int
    unit: str
    unit_end: int


class Bar(Struct, frozen=True):
    """A progress bar in a line: its name, the offsets of its counter, and of the drawn part (or -1)."""

    name: str
    start: int
    end: int
    drawn: int
    drawn_end: int
    begin: int = 0  # where the bar begins; what stands before it is its description


_BAR = late(
    r"(?<![0-9.])(?:[0-9]{1,3}%(?:\|(?P<drawn>[^|]*+)\||(?=[ ]))\s*+(?P<n>[0-9]{1,18}+)/(?:[0-9.]{1,18}+[kMGT]?|\?)"
    r"|(?P<count>[0-9]{1,18}+)[A-Za-z]{0,20}+)\s*+"
    r"\[(?:[0-9]+:)?[0-9]+:[0-9]+(?:<[^,\]\[]*+)?,\s*+(?:\?|[0-9.]+[kMGT]?)\s?[\w?]{1,20}/[\w?]{1,20}"
    r"(?P<after>[^\]]*+)\]"
    r"|(?<![0-9./])(?P<fit>[0-9]{1,18}+)/(?:[0-9]{1,18}+|Unknown|\?)\s(?:\[[=>.#\- ]++\]|[━─╸╺]++)"  # Keras
)


def bar_of(line: str) -> Bar | None:
    """Return the tqdm-like bar of this line, or None."""
    if "/" not in line or ("[" not in line and "━" not in line) or len(line) > 4000:
        return None
    match = _BAR.search(line)
    if match is None:
        return None
    group = "n" if match["n"] is not None else "count" if match["count"] is not None else "fit"
    name = line[: match.start()].strip().rstrip(":").strip()
    drawn = match.span("drawn") if match["drawn"] is not None else (-1, -1)
    return Bar(name, *match.span(group), *drawn, match.start())


def fields_of(line: str, bar: Bar | None = None) -> list[Field]:
    """Return the numeric fields of a line, in order; of a progress bar those of its description and behind it."""
    found: list[Field] = []
    if bar is not None and bar.begin:
        _collect(line, 0, bar.begin, found)
    _collect(line, 0 if bar is None else bar.end, len(line), found)
    return found


def _collect(line: str, last: int, end: int, found: list[Field]) -> None:
    """Add the fields between two offsets."""
    at = last
    while (match := _FIELD.search(line, at, end)) is not None:
        while match is not None:
            at = match.end()
            field = _field(line, match, last)
            if field is not None:
                found.append(field)
                last = field.unit_end
                if len(found) >= MOST:
                    return
            glued = line[at : at + 1]
            match = _GLUED.match(line, at, end) if glued.isalpha() or glued == "_" else None


def _field(line: str, match: re.Match[str], last: int) -> Field | None:
    key, separator, unit = match["key"], match["separator"], match["unit"] or match["spaced"] or ""
    start, end = match.span("value")
    after = match.end()
    if key[-1] in "+-/" or _DAYS.match(line, end) or (unit in _CLOCK and _PARTS.match(line, after)):
        return None
    key_start, key_end = match.span("key")
    colon = ":" in separator or WIDE in separator
    glued = separator == ":"
    if glued and (key.rstrip("0123456789").lower() in DEVICES or "/" in key or "." in key):
        return None
    bare = key.lower()
    if (colon or separator[0] == " ") and key_start > last and line[key_start - 1] == " ":
        key_start = _widened(line, last, key_start)
        key = line[key_start:key_end]
    if colon and key.endswith(("Warning", "Exception")):  # the class of a warning, not what is measured
        return None
    if colon and bare in _PROSE and not (last and len(key) > len(bare)):  # an `Error` in a list of measurements
        return None
    return Field(key, key_start, key_end, start, end, unit, after)


def _widened(line: str, last: int, start: int) -> int:
    """Return where the words of a key begin: `Gen Loss Total : 98.2`."""
    low = max(last, start - 80)
    ends = list(_BREAK.finditer(line, low, start))
    if (
        last
        and len(ends) > 1
        and ends[-1][0] == ". "
        and ends[-2][0] in ",;|"
        and ends[-1].start() - ends[-2].end() < 20
    ):
        ends.pop()  # Mel-Spec. Error, in a list of measurements
    begin = ends[-1].end() if ends else low
    if not ends and low > last:
        return start  # prose
    if begin >= start:
        return start
    # The word behind `key:` is that key's own value, but for one behind a count: `Step 10: Critic Loss: 0.5`.
    skip = bool(ends) and ends[-1][0] in ":=" and not _COUNTED.search(line[low : ends[-1].start()][-20:])
    words = line[begin : start - 1].split(" ")
    if skip:
        words = words[1:] if words[0] else words[2:]
    kept = 0
    for word in reversed(words):
        if not _WORD.fullmatch(word) or word.lower() in _STOP:
            break
        kept += 1
    if kept == 0 or kept > 3:
        return start
    return start - sum(len(word) + 1 for word in words[-kept:])


def step_rank(key: str) -> int | None:
    """Return the place of this key in `STEP_KEYS` (0 is the finest), or None if it counts no steps."""
    words = key.lower().rstrip(".").replace("-", "_").split(" ")
    name = "_".join(words)
    if name in _RANK:
        return _RANK[name]
    if len(words) > 1 and all(word in _BEFORE_STEP for word in words[:-1]):
        return _RANK.get(words[-1])
    return None


@lru_cache(maxsize=4096)
def is_counter(key: str) -> bool:
    """Whether a number of this name counts and measures nothing: a step, a time stamp, how much is left."""
    return step_rank(key) is not None or key.lower().strip("_ ").replace(" ", "_") in _CLOCKS


def number(text: str) -> float:
    """Return a number as printed, thousands separators allowed: exactly `float(text)` where that works."""
    try:
        return float(text)
    except ValueError:
        return float(text.replace(",", ""))


def is_number(text: str) -> bool:
    """Whether the whole text is one number of this grammar."""
    return _NUMBER.fullmatch(text) is not None
