"""Printed numbers and quoted lines as arrays: made into text when asked for, compared and counted without; for series.

Numbers are held as bytes of one width where they are short and ASCII, which compares and copies fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from wganlint.series import Flags, Ints

BOUNDS = 64  # distinct printed values followed for `share_at`
WIDEST = 64  # characters of a printed number that is held as fixed-width bytes

Words = npt.NDArray[np.uint64]
Objects = npt.NDArray[np.object_]
Texts = npt.NDArray[Any]  # printed numbers: bytes of one width (a multiple of 8, padded with NUL), or str objects


class Source(Protocol):
    """A list of texts that are made only when asked for."""

    def __getitem__(self, at: int, /) -> str:
        """Return one text."""

    def chosen(self, places: Ints) -> Objects:
        """Return some texts."""


class Picked(Sequence[str]):
    """Some texts of a longer list, by their places; nothing is copied until it is asked for."""

    __slots__ = ("places", "source")

    def __init__(self, source: Objects | Source, places: Ints) -> None:
        self.source = source
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Picked: ...
    def __getitem__(self, at: int | slice) -> str | Picked:
        if isinstance(at, slice):
            return Picked(self.source, self.places[at])
        return str(self.source[int(self.places[at])])

    def __iter__(self) -> Iterator[str]:
        return iter(objects(self))


def pick(texts: Sequence[str] | Objects, at: Ints) -> Picked:
    """Return the texts at some places."""
    if isinstance(texts, Picked):
        return Picked(texts.source, texts.places[at])
    return Picked(objects(texts), at)


def objects(texts: Sequence[str] | Objects) -> Objects:
    """Return texts as an array of str."""
    if isinstance(texts, Picked):
        chosen: Objects = (
            texts.source[texts.places] if isinstance(texts.source, np.ndarray) else texts.source.chosen(texts.places)
        )
        return chosen
    if isinstance(texts, np.ndarray):
        return texts
    array = np.empty(len(texts), dtype=np.object_)
    array[:] = list(texts)
    return array


def packed(texts: Sequence[str] | Texts) -> Texts:
    """Return texts as an array: of bytes where all are short ASCII, which compares and copies fast, else of str."""
    if isinstance(texts, np.ndarray):
        return texts
    longest = len(max(texts, key=len)) if texts else 0
    whole = "".join(texts)
    if longest <= WIDEST and whole.isascii() and "\0" not in whole:
        return np.array(texts, dtype=f"S{max(8, -(-longest // 8) * 8)}")
    return objects(texts)


def joined(parts: Sequence[Texts]) -> Texts:
    """Return several arrays of texts as one."""
    if len(parts) > 1 and len({part.dtype.kind for part in parts}) > 1:
        parts = [part if part.dtype.kind == "O" else part.astype("U").astype(np.object_) for part in parts]
    return np.concatenate(parts)


def text_of(texts: Texts, at: int) -> str:
    """Return one text of an array."""
    text = texts[at]
    return text.decode("ascii") if isinstance(text, bytes) else str(text)


def strings(texts: Sequence[str] | Texts) -> Sequence[str]:
    """Return texts as str, however they are held."""
    return texts_of(texts) if isinstance(texts, np.ndarray) else texts


def texts_of(texts: Texts) -> tuple[str, ...]:
    """Return all texts of an array."""
    return tuple(texts.astype("U").tolist() if texts.dtype.kind == "S" else texts.tolist())


def _words(texts: Texts) -> Words:
    """Return the bytes of texts as one row of 64-bit words each."""
    return np.ascontiguousarray(texts).view(np.uint64).reshape(len(texts), -1)


def changes(texts: Texts) -> Flags:
    """Tell for each text but the first whether it differs from the one before."""
    if texts.dtype.kind == "O":
        return np.asarray(texts[1:] != texts[:-1], dtype=np.bool_)
    words = _words(texts)
    changed: Flags = words[1:, 0] != words[:-1, 0]
    for at in range(1, words.shape[1]):
        changed |= words[1:, at] != words[:-1, at]
    return changed


def frequent(texts: Texts) -> Counter[str]:
    """Count the texts of a chunk; of more than `BOUNDS` different ones only the most frequent, less the next's count.

    That is the summary of Misra & Gries that `merged` merges, so the bound on the error stays.
    """
    if texts.dtype.kind == "O" or len(texts) < 100:
        return Counter(texts_of(texts))
    words = _words(texts)
    key = words[:, 0].copy()
    for at in range(1, words.shape[1]):
        if not words[:, at].any():  # wider than its texts
            break
        key *= np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
        key += words[:, at]
    shelves = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(52)
    if int(np.bincount(shelves.view(np.int64)).max()) * (BOUNDS + 1) <= len(texts):
        return Counter()  # none is frequent: forgetting all is within the bound
    ordered = np.sort(key)
    new = np.empty(len(ordered) + 1, dtype=np.bool_)
    new[0] = new[-1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:-1])
    starts = np.flatnonzero(new)
    counts, starts = starts[1:] - starts[:-1], starts[:-1]
    if len(counts) == len(texts) > BOUNDS:
        return Counter()
    cut = 0
    if len(counts) > BOUNDS:
        place = len(counts) - BOUNDS - 1
        cut = int(np.partition(counts, place)[place])
    often = np.flatnonzero(counts > cut)
    if not len(often):
        return Counter()
    names, counts = ordered[starts[often]], counts[often] - cut
    place_of = np.minimum(np.searchsorted(names, key), len(names) - 1)
    rows = np.flatnonzero(names[place_of] == key)
    group = place_of[rows]
    first = np.empty(len(names), dtype=np.int64)
    first[group[::-1]] = rows[::-1]
    if not np.array_equal(words[rows], words[first[group]]):  # two texts share a key
        return Counter(texts_of(texts))
    shown = np.argsort(first)
    return Counter(dict(zip(texts_of(texts[first[shown]]), counts[shown].tolist(), strict=True)))


def merged(counts: dict[str, int], new: Counter[str]) -> dict[str, int]:
    """Count frequent texts in constant space: undercounts by at most total / BOUNDS.

    Merges two summaries of Misra & Gries (1982) as in Agarwal et al., "Mergeable summaries" (2012).
    """
    for text, times in counts.items():
        new[text] += times
    if len(new) <= BOUNDS:
        return dict(new)
    cut = sorted(new.values(), reverse=True)[BOUNDS]
    return {text: times - cut for text, times in new.items() if times > cut}
