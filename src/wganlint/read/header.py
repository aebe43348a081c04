"""Hyper-parameters that a log prints at its start or where a checkpoint is loaded; part of read/text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wganlint.evidence import Place
from wganlint.late import late
from wganlint.read.tokens import fields_of, is_number, number
from wganlint.run import Setting

OPTIMIZERS = (
    "AdamW", "Adamax", "Adam", "SGD", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "SparseAdam",
    "LBFGS", "Rprop", "ASGD", "Lion", "Adafactor", "LAMB", "LARS", "Adan", "Prodigy", "Shampoo", "Muon",
    "Sophia", "SOAP", "ExtraAdam", "OAdam", "AdaBelief", "Ranger", "AdamP", "Yogi", "NovoGrad",
)  # fmt: skip
_OPTIMIZER = late(r"(?<![\w.-])(" + "|".join(OPTIMIZERS) + r")(?![\w-])", re.IGNORECASE)
_NEAR = late(r"optimi[sz]er|(?<![a-z])lr(?![a-z])|learning[ _-]rate", re.IGNORECASE)
_YAML = late(r"\s{0,80}[\"']?([A-Za-z_][\w.-]{0,60})[\"']?:\s{1,40}(\S{1,300}?),?(?:\s{2,}\[default.*|\s*#.*|\s*)$")
_PAIR = late(
    r"(?<![\w.:/\\@$~&-])([^\W\d][\w.-]{0,60})[\"']?"
    r"(\s{0,4}=(?!=)\s{0,4}|:\s{1,4}(?=[\"'\[(]|True|False|None|true|false|null))"
    r"(\"[^\"]{0,200}\"|'[^']{0,200}'|\[[^\[\]]{0,200}\]|\([^()]{0,200}\)|<[^<>]{0,200}>"
    r"|[^\s,;|()\[\]{}=\"']{1,200})(?![\w(\[=])"
)
_OPTION = late(r"(?<!\S)--([A-Za-z][\w-]{0,60})(?:(?:=|\s+)(\"[^\"]{0,200}\"|'[^']{0,200}'|(?!--?[A-Za-z])\S{1,200}))?")
_COMMAND = late(r"\.py\b|\bpython|torchrun|accelerate|deepspeed|srun|(?<!\S)--[A-Za-z][^-]*\s--[A-Za-z]")
_RESTORED = re.compile(r"\b(?:restor|resum|load)(?:ed|ing|es?)\b", re.IGNORECASE)
_CODE = late(r"^\s++[\w., *]++= .*\(|^\s*(?:File \"|return |raise |assert |import |from |def |class |if |for )")
_VALUE = late(r"([=:]\s{0,20}|--\S{1,60}\s)\S+|[0-9]+")
_DEFAULT = late(r"\s\[default: .*$")
_HINTS = ("ptimi", "lr", "LR", "earning")
MOST = 500  # different lines that carry only text
MOST_CHARACTERS = 4_000_000  # of all such lines
EACH = 64  # lines kept that differ in their values only
KNOWN = 5000  # texts that are known when they come again
CONTEXT = 200


class Headers:
    """Collects lines without numbers that may carry settings; a line that comes again and again is none."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[int, str]]] = {}
        self._size = 0  # characters of the lines that are kept
        self._names: dict[str, str] = {}  # of lines that were offered; empty: it can carry no setting

    def offer(self, number: int, line: str) -> bool:
        """Take a line without numeric fields; False if no line that differs in digits only can carry a setting."""
        if self._size > MOST_CHARACTERS or len(line) > 20_000:
            return True
        name = self._names.get(line)
        if name is None:
            name = _VALUE.sub(r"\1", line[:200]) or line[:200] if _worth(line) else ""
            if len(self._names) < KNOWN and len(line) < 1000:
                self._names[line] = name
        if not name:
            return False
        kept = self._lines.get(name)
        if kept is None and len(self._lines) < MOST:
            kept = self._lines[name] = []
        if kept is not None and len(kept) < EACH:
            kept.append((number, line))
            self._size += len(line)
        return True

    def lines(self, most: int) -> list[tuple[int, str]]:
        """Return the lines that came at most `most` times."""
        return [row for rows in self._lines.values() if len(rows) <= most for row in rows]


def _worth(line: str) -> bool:
    if _CODE.match(line):
        return False
    return (
        "=" in line or _YAML.match(line) is not None or ("--" in line and _COMMAND.search(line) is not None)
        or (any(word in line for word in _HINTS) and _OPTIMIZER.search(line) is not None)
    )  # fmt: skip


def settings_of(lines: Iterable[tuple[int, str]], file: str) -> list[Setting]:
    """Return the settings that these numbered lines state, in file order."""
    found: list[Setting] = []
    for at, line in sorted(set(lines)):
        found += _settings(at, line, file)
    return found


def is_restored(line: str) -> bool:
    """Whether a line tells of a checkpoint being loaded, with a learning rate."""
    return _RESTORED.search(line) is not None and _NEAR.search(line) is not None


def _settings(at: int, line: str, file: str) -> list[Setting]:
    origin = "restored" if is_restored(line) else "header"
    context = " ".join(line[:2000].split()).lower()[:CONTEXT]
    whole, line = line, _DEFAULT.sub("", line)
    spans: dict[int, tuple[str, str, int]] = {}  # where the value begins -> name, value, its end
    if "--" in line and _COMMAND.search(line):
        for match in _OPTION.finditer(line):
            begin, end = match.span(2) if match[2] else match.span(1)
            spans[begin] = match[1], _unquoted(match[2] or "true"), end
    else:
        for field in fields_of(line):
            if line[field.key_end : field.start].rstrip().endswith(("(", "[")):
                continue  # a list or a call is one value
            spans[field.start] = field.key, line[field.start : field.end], field.end
        if not _CODE.match(line):
            for match in _PAIR.finditer(line):
                spans.setdefault(match.start(3), (match[1], _unquoted(match[3]), match.end(3)))
            yaml = _YAML.match(line)
            if yaml is not None:
                spans.setdefault(yaml.start(2), (yaml[1], _unquoted(yaml[2]), yaml.end(2)))
    names = {name.lower() for name, _, _ in spans.values()}
    word = _OPTIMIZER.search(line)
    if word is not None and _NEAR.search(line) and not any("optim" in name for name in names):
        spans[word.start()] = "optimizer", word[1], word.end()
    quote = whole[:400]
    settings = []
    for start, (name, value, end) in sorted(spans.items()):
        place = Place(file, at, start + 1, end + 1) if end <= 400 else Place(file, at)
        amount = number(value) if is_number(value) else None
        settings.append(Setting(name, value, amount, place, quote, origin, context))
    return settings


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
