"""What a file is, told by its name and its first bytes; part of read/walk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from wganlint.late import late
from wganlint.read.attempts import stem_of
from wganlint.read.json_walk import BrokenJSON, Leaf, Walker, leaves
from wganlint.read.opening import HEAD
from wganlint.read.roles import role_book, speaks_of

SUMMARY = "wandb-summary.json"  # the last value of each metric, written by W&B
_TRACE = late(rb'"(?:traceEvents|schemaVersion|deviceProperties)"\s*:|[\[,]\s*\{[^{}]*"ph"\s*:\s*"[A-Za-z]"')
_MARKS = (b"\xff\xfe", b"\xfe\xff")
CONFIG = late(
    r"(?:^|[_.-])(?:config|cfg|hparams|hyper[_-]?param(?:eter)?s|params|parameters|args|arguments|opts?|options|settings"
    r"|flags|overrides|cmd_?args|commandline_args)(?:[_.-]|$)",
    re.IGNORECASE,
)
PROBE = "wganlint-probe"  # the first key in the file of a probe
WINDOW = ".trace.json.gz"  # behind the stem of a probe's file: the trace of its profiler window
SKELETON = "wganlint_probe.py"  # what `wganlint probe init` writes: no source of the run
VERIFY = "wganlint-verify"  # the first key in the file of `wganlint verify`
_TABLES = frozenset({"csv", "tsv", "jsonl", "ndjson", "dat"})


def is_trace(head: bytes) -> bool:
    """Whether JSON that begins with these bytes is a Chrome trace."""
    return _TRACE.search(head) is not None


def is_config(name: str) -> bool:
    """Whether a file of this name holds options of a program: `config.yaml`, `train_opt.txt`, `hparams.json`."""
    return CONFIG.search(name.partition(".")[0]) is not None


def is_wandb(name: str) -> bool:
    """Whether a file of this name is W&B's own record of a run: `run-abc123.wandb`."""
    return re.search(r"\.wandb(?:\.(?:gz|bz2|xz|zst))?$", name, re.IGNORECASE) is not None


def is_run_folder(names: set[str]) -> bool:
    """Whether a folder with these entries is a run of MLflow."""
    return "meta.yaml" in names and "metrics" in names and bool(names & {"params", "tags", "artifacts"})


def kind_of(name: str, head: bytes, *, given: bool) -> tuple[str, str]:
    """Return what a file is ("log", "table", "settings", "trace", "probe" or "" for none), and why it is none.

    `name` is its name without the ending of a compression. `given`: the user named this very file, so it is read
    even if nothing in it speaks of training.
    """
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    text = _text(head)
    bare = text.lstrip("\ufeff \t\r\n")
    if bare.startswith("{") and bare[1:100].lstrip().startswith(f'"{PROBE}"'):
        return "probe", ""
    if bare.startswith("{") and bare[1:100].lstrip().startswith(f'"{VERIFY}"'):
        return "", "what `wganlint verify` measured"
    if ending == "json" or bare.startswith(("{", "[")):
        found = _json_kind(name, ending, bare, head, given)
        if found is not None:
            return found
    if ending in {"yaml", "yml"}:
        return (
            ("settings", "")
            if given or is_config(name) or name == "overrides.yaml"
            else ("", "not configuration of a run by its name")
        )
    if ending in _TABLES:
        return _table_kind(text, given)
    if is_config(name):
        return "settings", ""
    if ending not in {"err", "stderr"}:
        if _is_keyed(text):
            return "log", ""
        from wganlint.read.dialect import dialect_of

        lines = _lines(text, len(head) < HEAD)
        dialect = dialect_of(lines, strict=True)
        if dialect is not None and (not dialect.names or _speaks(dialect.names)):
            return "table", ""
    return "log", ""


def _text(head: bytes) -> str:
    if head.startswith(_MARKS):
        return head.decode("utf-16", "replace")
    return head.decode("utf-8", "replace")


def _is_keyed(text: str) -> bool:
    """Whether most of the first lines carry `key=`: no table does, and what looks into tables need not be imported."""
    lines = [line for line in text[:4000].split("\n")[:20] if line.strip()]
    return len(lines) > 3 and sum("=" in line for line in lines) * 2 > len(lines)


def _lines(text: str, whole: bool) -> list[str]:
    from wganlint.read.dialect import LOOKED

    lines = text.lstrip("\ufeff").splitlines()
    return lines[: LOOKED * 2] if whole or len(lines) < 2 else lines[:-1][: LOOKED * 2]


def _table_kind(text: str, given: bool) -> tuple[str, str]:
    if given:
        return "table", ""
    from wganlint.read.dialect import OURS, dialect_of

    dialect = dialect_of(_lines(text, True), strict=False)
    if dialect is None:
        return "", "no table of numbers with names over them"
    if dialect.names == OURS:
        return "", "points that wganlint wrote of other inputs: name the file itself to read it"
    if dialect.names and not _speaks(dialect.names):
        return "", "a table without a step or a metric of training: name the file itself to read it"
    return "table", ""


def _json_kind(name: str, ending: str, bare: str, head: bytes, given: bool) -> tuple[str, str] | None:
    """Return what a file that begins like JSON is; None: it only looks so."""
    if is_trace(head):
        return "trace", ""
    first, _, rest = bare.partition("\n")
    leafs = _head_leaves(bare)
    if name == SUMMARY and leafs:
        return "table", ""
    if not leafs:
        return None if ending not in {"json", "jsonl", "ndjson"} else ("table", "") if given else ("", "not JSON")
    records = bare.startswith("[") or (rest.strip() and _is_object(first)) or ending in {"jsonl", "ndjson"}
    inner = [leaf for leaf in leafs if any(isinstance(part, int) for part in leaf.path) and leaf.kind == "number"]
    if ending not in {"json", "jsonl", "ndjson"} and not (records or inner):
        return ("settings", "") if is_config(name) else None
    names = {"/".join(p for p in leaf.path if isinstance(p, str)) for leaf in leafs if leaf.kind == "number"}
    if records:
        speaks = given or not names or _speaks(names) or (names == {""} and _speaks([stem_of(name)]))
        if not speaks and ending not in {"json", "jsonl", "ndjson"}:
            return None
        return ("table", "") if speaks else ("", "records without a step or a metric of training")
    listed = {str(p[-2]) for p in (leaf.path for leaf in inner) if len(p) > 1}
    if inner and (given or is_config(name) or _speaks({n for n in names if n}) or _speaks(listed)):
        return "table", ""  # its reader tells lists of records from settings
    if given or is_config(name) or _known(leafs):
        return "settings", ""
    return "", "JSON that is neither records nor settings of a run"


def _head_leaves(text: str) -> list[Leaf] | None:
    """Return the scalars at the start of a JSON text that may be cut, or None if it is none."""
    found: list[Leaf] = []
    lines = [line for line in text.split("\n")[:20] if line.startswith("{")]
    for line in lines if _is_object(lines[0] if lines else "") else ():
        with suppress(BrokenJSON):
            found += leaves(line)
    if found:
        return found[:2000]
    for part, last in ((text.partition("\n")[0], True), (text, False)):
        walker = Walker()
        found = []
        try:
            for leaf in walker.feed(part, last=last):
                if isinstance(leaf, Leaf):
                    found.append(leaf)
                    if len(found) >= 2000:
                        return found
        except BrokenJSON:
            continue
        if walker.done or not last:
            return found
    return found if len(found) > 20 else None


def _is_object(line: str) -> bool:
    try:
        leaves(line)
    except BrokenJSON:
        return False
    return line.startswith("{")


def _speaks(names: Iterable[str]) -> bool:
    """Whether columns of these names are those of training: a step, a loss, a score."""
    from wganlint.read.sheet import rank

    return any(name and (rank(name) is not None or speaks_of(name)) for name in names)


def _known(leafs: list[Leaf]) -> bool:
    book = role_book()
    return (
        sum(bool(book.meaning(str(leaf.path[-1]))) for leaf in leafs if leaf.path and isinstance(leaf.path[-1], str))
        > 1
    )
