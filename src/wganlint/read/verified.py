"""The file that `wganlint verify` leaves in a folder becomes measured effects of fixes: strict, as of a stranger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from wganlint.read.sniff import VERIFY

NAME = "verify.json"
VERSION = 1
LARGEST = 8 << 20  # bytes


class Verified(Struct, frozen=True):
    """What fixes did when they were tried: title -> "cures", "helps", "hides", "moves", "nothing", "breaks".

    `first` are the titles of the smallest set that cures. `stale`: a source file is not what it was then.
    """

    file: str
    effects: dict[str, str]
    first: tuple[str, ...] = ()
    stale: str = ""


class _Fix(Struct, frozen=True):
    title: str
    effect: str = ""


class _File(Struct, frozen=True):
    fixes: tuple[_Fix, ...]
    sources: dict[str, str]
    smallest: tuple[tuple[_Fix, ...], ...] = ()


def read_verified(root: str) -> Verified | None:
    """Return what was verified in the folder of a run, None if nothing was or the file is not as it should be."""
    folder = Path(root)
    try:
        with (folder / NAME).open("rb") as stream:
            data = stream.read(LARGEST + 1)
        raw: Any = msgspec.json.decode(data) if len(data) <= LARGEST else None
        if not isinstance(raw, dict) or raw.get(VERIFY) != VERSION:
            return None
        told = msgspec.convert(raw, _File)
        if not told.sources:
            return None
        changed = next((name for name, digest in told.sources.items() if _digest(folder, name) != digest), "")
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
    first = tuple(one.title for one in told.smallest[0]) if told.smallest else ()
    shown = NAME if root in ("", ".") else f"{root}/{NAME}"
    return Verified(shown, {one.title: one.effect for one in told.fixes}, first, changed)


def _digest(folder: Path, name: str) -> str:
    """Return the digest of a source file; what lies outside of the folder is not looked at."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file() or file.stat().st_size > LARGEST:
        return ""
    return digest(file.read_bytes())


def digest(data: bytes) -> str:
    """Return what tells one state of a file from another."""
    import hashlib  # brings OpenSSL with it

    return hashlib.sha256(data).hexdigest()[:16]
