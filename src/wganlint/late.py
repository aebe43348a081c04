"""Regular expressions that are compiled when they are first asked: most starts need few of them; imports nothing."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Late:
    """Stands for a pattern; once it was asked for a method, that method is the pattern's own."""

    def __init__(self, text: Any, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        text, flags = self._given
        value: Any = getattr(re.compile(text, flags), name)  # `re` remembers what it compiled
        self.__dict__[name] = value
        return value


def late(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what can be used like `re.compile(text, flags)`."""
    return cast("re.Pattern[AnyStr]", _Late(text, flags))
