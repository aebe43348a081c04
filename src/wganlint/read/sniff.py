"""What a file is, told by its first bytes; part of read/walk."""

from __future__ import annotations

import re

_TRACE = re.compile(rb'"(?:traceEvents|schemaVersion|deviceProperties)"\s*:|[\[,]\s*\{[^{}]*"ph"\s*:\s*"[A-Za-z]"')


def is_trace(head: bytes) -> bool:
    """Whether JSON that begins with these bytes is a Chrome trace."""
    return _TRACE.search(head) is not None
