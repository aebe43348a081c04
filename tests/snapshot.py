"""Compares text with a stored file; WGANLINT_UPDATE_SNAPSHOTS=1 accepts what is there now."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

UPDATE = "WGANLINT_UPDATE_SNAPSHOTS"


def compare(text: str, stored: Path) -> None:
    """Assert that `text` is what `stored` holds; with the variable set, store it instead."""
    if os.environ.get(UPDATE) == "1":
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(text.encode("utf-8"))
        return
    assert stored.exists(), f"{stored.name} is not stored yet: run once with {UPDATE}=1 and read it"
    before = stored.read_bytes().decode("utf-8")
    if text != before:
        rows = difflib.unified_diff(before.splitlines(), text.splitlines(), "stored", "now", lineterm="", n=2)
        raise AssertionError(f"{stored.name} has changed ({UPDATE}=1 accepts it):\n" + "\n".join(rows))
