"""Which series is what: critic loss, generator loss, gap, penalty, ...; then the sign convention and the loss family.

Names decide first (`rules/roles.toml`), the numbers correct them (a constant `gp=10.0000` is the weight, not the
penalty), the user overrides both. Everything is inferred with its reason kept; nothing is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from wganlint.errors import ConfigError, UsageError
from wganlint.evidence import Standing
from wganlint.late import late
from wganlint.run import RoleGuess, Run, Series
from wganlint.shipped import parsed

_PIECE = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[α-ω]")  # noqa: RUF001


# Names that mean something only beside one of these words.
_VAGUE = {"every": ("penalty", "gp", "regular"), "clip": ("weight", "critic"), "lam": ("penalty", "gp")}


class RolePattern(Struct, frozen=True):
    """A role as `roles.toml` describes it."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    never: frozenset[str]
    spare: frozenset[str]
    alone: tuple[tuple[str, ...], ...] = ()


class LineKind(Struct, frozen=True):
    """A kind of line that is no record: any of `words` is in it (lower case), and none of `never`."""

    kind: str
    words: tuple[str, ...]
    never: tuple[str, ...]
    failure: bool


class RoleBook(Struct, frozen=True):
    """All words and roles."""

    words: Mapping[str, frozenset[str]]
    roles: tuple[RolePattern, ...]
    auxiliary: RolePattern
    settings: Mapping[str, frozenset[str]]
    known: frozenset[str]  # all words
    lines: tuple[LineKind, ...]
    benign: tuple[str, ...]  # behind a line with one of these a failure is none
    signs: tuple[str, ...]  # each word of `lines` holds one of these: most lines hold none

    @property
    def names(self) -> tuple[str, ...]:
        """All role names that a user may assign."""
        return tuple(role.name for role in self.roles)

    def meaning(self, name: str, context: str = "") -> str:
        """Return what a setting's name stands for, such as "learning_rate", or "" where that is not known.

        `every=2` means the penalty's interval only on a line that speaks of a penalty.
        """
        bare = name.lower().split(".")[-1].lstrip("-").replace("-", "_")
        for meaning, names in self.settings.items():
            if bare in names:
                spoken = bare not in _VAGUE or any(word in context.lower() for word in _VAGUE[bare])
                return meaning if spoken else ""
        return ""


@cache
def role_book() -> RoleBook:
    """Return the shipped role book.

    Raises:
        ConfigError: the file is not what it should be (a broken installation).
    """
    try:
        return _book(parsed()["roles.toml"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"roles.toml cannot be used: {error}", file="roles.toml") from None


def _book(data: Mapping[str, Any]) -> RoleBook:
    def pattern(name: str, entry: Mapping[str, Any]) -> RolePattern:
        needs, alone = (tuple(map(tuple, entry.get(key, []))) for key in ("needs", "alone"))
        return RolePattern(name, needs, frozenset(entry["never"]), frozenset(entry.get("spare", ["*"])), alone)

    words = {name: frozenset(values) for name, values in data["words"].items()}
    roles = tuple(pattern(entry["name"], entry) for entry in data["role"])
    settings = {name: frozenset(values) for name, values in data["settings"].items()}
    known = frozenset(word for listed in words.values() for word in listed)
    lines = tuple(
        LineKind(entry["kind"], tuple(entry["words"]), tuple(entry["never"]), entry.get("failure", False))
        for entry in data["line"]
    )
    benign, signs = tuple(data["lines"]["benign"]), tuple(data["lines"]["signs"])
    return RoleBook(words, roles, pattern("auxiliary", data["auxiliary"]), settings, known, lines, benign, signs)


def words_of(name: str, book: RoleBook) -> list[str]:
    """Split a name into words: `G_lossTotal` -> g, loss, total; `dloss` -> d, loss; `D(G(z))` -> d, g, z."""
    return list(_split(name, book.known))


@lru_cache(maxsize=8192)
def _split(name: str, known: frozenset[str]) -> tuple[str, ...]:
    words: list[str] = []
    end = -1
    for piece in _PIECE.finditer(name):
        word = piece[0].lower()
        if word.isdigit() and piece.start() == end and words[-1] + word in known:  # l1, r1
            words[-1] += word
        else:
            words += [word] if word in known else _fused(word, known)
        end = piece.end()
    return tuple(words)


def _fused(word: str, known: frozenset[str]) -> list[str]:
    for at in range(1, len(word)):
        left, right = word[:at], word[at:]
        if left in known and right in known and max(len(left), len(right)) >= 2:
            return [left, right]
    return [word]


def _score(words: Sequence[str], pattern: RolePattern, book: RoleBook) -> float | None:
    """Return how well a name fits a role (0 is perfect, lower is worse), or None if it does not."""
    best: float | None = None
    for needs in (*pattern.needs, *pattern.alone):
        used: set[int] = set()
        for need in needs:
            lists = book.words.get(need, frozenset({need}))
            at = next((i for i, word in enumerate(words) if i not in used and word in lists), None)
            if at is None:
                break
            used.add(at)
        else:
            rest = [word for i, word in enumerate(words) if i not in used and not word.isdigit()]
            if rest and needs in pattern.alone:
                continue
            if any(word in book.words.get(never, frozenset()) for never in pattern.never for word in rest):
                continue
            spare = {word for name in pattern.spare for word in book.words.get(name, frozenset())}
            left = 0 if "*" in pattern.spare else sum(word not in spare for word in rest)
            score = -1.0 * left + 0.1 * len(needs) - 0.01 * len(rest)
            best = score if best is None else max(best, score)
    return best


def speaks_of(name: str) -> bool:
    """Whether a name is one of a role, of a side loss or of a figure of merit."""
    book = role_book()
    words = words_of(name, book)
    if any(word in book.words["loss"] or (word in book.words["quality"] and word != "is") for word in words):
        return True
    return any((score := _score(words, role, book)) is not None and score > -1.5 for role in book.roles)


def assign(run: Run, given: Mapping[str, str] | None = None) -> Run:
    """Return the run with roles, side losses, sign convention and loss family filled in.

    `given` maps roles to series names and wins over everything.

    Raises:
        UsageError: a given role or series does not exist.
    """
    from wganlint.read.family import convention, family
    from wganlint.read.pairs import pairs

    book = role_book()
    run = _meanings(run, book)
    told = _given(run, given or {}, book)
    spoken_for = {guess.series for guess in told.values()}
    roles = {r: g for r, g in _by_name(run, book).items() if g.series not in spoken_for} | told
    taken = {guess.series for guess in roles.values()}
    auxiliary = tuple(_auxiliary(run, book, taken, roles))
    run = replace(run, roles=roles, auxiliary=auxiliary)
    run = replace(run, pairs=pairs(run, roles, lambda name: _fits(name, run, book)))
    run = replace(run, convention=convention(run))
    return replace(run, family=family(run))


def _meanings(run: Run, book: RoleBook) -> Run:
    settings = tuple(replace(s, meaning=book.meaning(s.name, s.context or s.quote)) for s in run.settings)
    source = run.source
    if source is not None:
        defaults = tuple(replace(d, meaning=book.meaning(d.name, d.quote)) for d in source.defaults)
        source = replace(source, defaults=defaults)
    return replace(run, settings=settings, source=source)


def _by_name(run: Run, book: RoleBook) -> dict[str, RoleGuess]:
    """Assign each role to the series whose name fits it best; the form of line that serves most roles wins ties."""
    fits: list[tuple[float, str, Series]] = []
    for series in run.series:
        if _unspoken(series):
            continue
        words = _known(_bare(series.key), book)
        scores = [(score, role.name) for role in book.roles if (score := _score(words, role, book)) is not None]
        if "_" in series.key and series.key in book.names:  # a role by its own name, as a described line may say it
            scores = [(1.0, series.key)]
        may_score = any(role in _SCORES for _, role in scores)
        if may_score and not _scored(series, words, run, book):
            scores = [(score, _HALF_OF.get(role, role)) for score, role in scores]
        # A name with more than one leftover word is about something else.
        fits += [(score, role, series) for score, role in scores if score > -1.5]
    served: dict[str, set[str]] = {}
    for _, role, series in fits:
        if role in _ADVERSARIAL:
            served.setdefault(series.form, set()).add(role)

    def rank(fit: tuple[float, str, Series]) -> tuple[bool, float, int, int]:
        score, _, series = fit
        return (series.kind != "redraw", round(score), len(served.get(series.form, ())), len(series))

    roles: dict[str, RoleGuess] = {}
    used: set[str] = set()
    for score, role, series in sorted(fits, key=lambda fit: (rank(fit), fit[0]), reverse=True):
        if role == "penalty" and _echoed(series):
            if series.name not in used:
                roles["penalty_weight"] = _weight(run, series)
                used.add(series.name)
        elif role not in roles and series.name not in used and _plausible(role, series):
            sure = Standing.DERIVED if score > -0.5 else Standing.ASSUMED
            roles[role] = RoleGuess(role, series.name, sure, f"its name, {series.key}")
            used.add(series.name)
    return roles


_SCORES = frozenset({"real_score", "fake_score"})


def _fits(name: str, run: Run, book: RoleBook) -> list[tuple[float, str]]:
    """Return the roles that a bare name fits; a score of the critic counts as half of its loss unless it says so."""
    words = _known(name, book)
    found = [(score, role.name) for role in book.roles if (score := _score(words, role, book)) is not None]
    said = "(" in name or any(word in book.words["score"] for word in words)
    return [(score, role if said else _HALF_OF.get(role, role)) for score, role in found]


_HALF_OF = {"real_score": "critic_loss_real", "fake_score": "critic_loss_fake"}
_ADVERSARIAL = frozenset(
    {"critic_loss", "generator_loss", "gap", "real_score", "fake_score", "penalty", *_HALF_OF.values()}
)


_PLAYER = "(?:[dg]|disc|gen|critic|discriminator|generator)"
_BOTH = late(rf"(?<!\w){_PLAYER}/{_PLAYER}(?!\w)", re.IGNORECASE)


def _unspoken(series: Series) -> bool:
    """Whether the name does not say what it is: a figure of a histogram, one of several values under one tag or name
    (`D/G loss: 0.61/0.97`).
    """
    return (series.kind == "events" and series.form != "scalar") or _BOTH.search(series.key) is not None


def _known(key: str, book: RoleBook) -> list[str]:
    """Return the words of a name; of its folders (`tmp/mnist/train disc cost`) only those that are known words."""
    folders, slash, name = key.rpartition("/")
    if not slash:
        return words_of(key, book)
    return [word for word in words_of(folders, book) if word in book.known] + words_of(name, book)


def _scored(series: Series, words: list[str], run: Run, book: RoleBook) -> bool:
    """Whether a name such as `D_real` may be a mean score: many logs print the two halves of the loss by that name.

    It is one if it says so (`score`, `D(x)`), or if the critic's loss is logged beside it under a name of its own.
    A log that prints losses of the generator beside it and no other of the critic prints the halves.
    """
    if "(" in series.key or any(word in book.words["score"] for word in words):
        return True
    halves = False
    for other in run.series:
        if other is series or (other.form != series.form and other.kind == "text"):
            continue
        names = _known(_bare(other.key), book)
        rest = [word for word in names if word not in book.words["loss"]]
        if len(rest) < len(names) and any(word in book.words["critic"] for word in rest):
            return True
        halves = halves or (any(word in book.words["generator"] for word in names[:1]) and "grad" not in names)
    return not halves


def _bare(key: str) -> str:
    return re.sub(r"#\d+$", "", key)


def _plausible(role: str, series: Series) -> bool:
    if role in {"fake_count", "real_count"}:
        values = series.values[np.isfinite(series.values)]
        whole = series.decimals == 0 or (series.decimals is None and bool((values == np.floor(values)).all()))
        return bool((values >= 0).all()) and whole
    return role != "learning_rate" or "/" not in series.unit  # `rate: 2.75 batch/s`


def _echoed(series: Series) -> bool:
    """Whether a series never changes and is not 0: a `gp` of this kind is the printed weight, not the penalty."""
    longest = series.tally.longest
    return len(series) >= 3 and longest is not None and longest.length == len(series) and series.first.value != 0


def _weight(run: Run, series: Series) -> RoleGuess:
    """Return the role of a penalty weight that is printed on each line."""
    why = f"{series.key}={series.first.text} on all {len(series)} records: a setting that is echoed, not a measurement"
    header = next((s for s in run.settings if s.meaning == "penalty_weight"), None)
    if header is not None and header.number is not None and np.isclose(header.number, series.first.value):
        why += f"; it equals {header.name}={header.value} in the header"
    return RoleGuess("penalty_weight", series.name, Standing.DERIVED, why)


def _given(run: Run, given: Mapping[str, str], book: RoleBook) -> dict[str, RoleGuess]:
    roles: dict[str, RoleGuess] = {}
    for role, name in given.items():
        if role not in book.names:
            raise UsageError(f"unknown role {role!r}", hint=f"roles: {', '.join(book.names)}")
        series = run.named(name) or next((s for s in run.series if s.key == name), None)
        if series is not None:
            roles[role] = RoleGuess(role, series.name, Standing.OBSERVED, "given by --role")
    return roles


def _auxiliary(run: Run, book: RoleBook, taken: set[str], roles: Mapping[str, RoleGuess]) -> Iterable[str]:
    """Yield names of side losses: loss-like names in the forms of line that carry the adversarial series."""
    forms = {s.form for s in run.series if s.name in {g.series for r, g in roles.items() if r in _ADVERSARIAL}}
    keys: set[str] = set()
    for series in run.series:
        if series.name in taken or (forms and series.form not in forms) or series.key in keys or _unspoken(series):
            continue
        words = words_of(_bare(series.key), book)
        if any(word in book.words["side"] for word in words):  # G_L1, G_VGG: what the generator pays beside the game
            words = [word for word in words if word not in book.words["generator"]]
        timed = bool(words) and words[-1] in book.words["clock"]  # `cycle_loss_time`; not TimeGAN/loss
        if words and not timed and words != ["loss"] and _score(words, book.auxiliary, book) is not None:
            keys.add(series.key)
            yield series.name
