"""Where the shared reference runs lie beside a checkout; tests that need them skip without."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
CASE = SHARED / "case" / "runs"
CORPUS = SHARED / "corpus"

needs_case = pytest.mark.skipif(not CASE.is_dir(), reason="the reference runs are not beside this checkout")
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real logs is not beside this checkout")
