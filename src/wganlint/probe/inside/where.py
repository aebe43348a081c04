"""Which line of the user's program is running: the innermost frame that is neither a library's nor ours."""

from __future__ import annotations

import linecache
import os
import site
import sys
import sysconfig
from types import CodeType, FrameType
from typing import Any

_OPTIMIZED = 1  # CO_OPTIMIZED: locals of the frame are no dict


class Where:
    """Tells files of the user from libraries and names them as seen from where the command ran."""

    def __init__(self, folder: str, shown: dict[str, str]) -> None:
        """`folder`: where the script runs; `shown`: other folders (a scratch copy) and what they stand for."""
        self.folder = os.path.realpath(folder)
        self.shown = {os.path.realpath(inner): outer for inner, outer in shown.items()}
        paths = sysconfig.get_paths()
        homes = [paths.get(key) or "" for key in ("stdlib", "platstdlib", "purelib", "platlib")]
        homes += [os.path.dirname(os.path.realpath(__file__)), *site.getsitepackages(), site.getusersitepackages()]
        self.libraries = tuple({os.path.realpath(home) + os.sep for home in homes if home})
        self._known: dict[CodeType, str] = {}

    def user_file(self, code: CodeType) -> str:
        """Return the name of the user's file that this code is of, or nothing."""
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = self._name(code.co_filename)
        return known

    def _name(self, file: str) -> str:
        if file.startswith("<") or not file:
            return ""
        real = os.path.realpath(file)
        inner = real.startswith(self.folder + os.sep)
        parts = real.split(os.sep)
        if "site-packages" in parts or "dist-packages" in parts or (not inner and real.startswith(self.libraries)):
            return ""
        for place, outer in self.shown.items():
            if real.startswith(place + os.sep):
                return os.path.normpath(os.path.join(outer, os.path.relpath(real, place))).replace(os.sep, "/")
        return os.path.relpath(real, self.folder).replace(os.sep, "/") if inner else real

    def frame(self) -> FrameType | None:
        """Return the innermost frame of the user."""
        frame: FrameType | None = sys._getframe(1)
        known = self._known
        while frame is not None:
            code = frame.f_code
            name = known.get(code)
            if name is None:
                name = self.user_file(code)
            if name:
                return frame
            frame = frame.f_back
        return None

    def line(self) -> tuple[CodeType, int] | None:
        """Return the code and line of the innermost frame of the user."""
        frame = self.frame()
        return None if frame is None else (frame.f_code, frame.f_lineno)

    def of_traceback(self, trace: Any) -> tuple[CodeType, int] | None:
        """Return the innermost user's line of a traceback."""
        found = None
        while trace is not None:
            if self.user_file(trace.tb_frame.f_code):
                found = (trace.tb_frame.f_code, trace.tb_lineno)
            trace = trace.tb_next
        return found

    def told(self, place: tuple[CodeType, int] | None) -> dict[str, Any] | None:
        """Return a place as it is written."""
        if place is None:
            return None
        code, line = place
        text = linecache.getline(code.co_filename, line).strip()
        return {"file": self.user_file(code)[:500], "line": line, "text": text[:300], "function": code.co_name[:100]}


def names_in(frame: FrameType | None, user: Where) -> dict[int, str]:
    """Return the names under which the frames of the user hold objects, by id: locals, attributes of self, globals.

    Inner names win. The copy of the locals that Python keeps with a frame is emptied, so that it keeps nothing alive.
    """
    found: dict[int, str] = {}
    while frame is not None:
        if user.user_file(frame.f_code):
            local = frame.f_locals
            pairs = list(local.items())
            owner = local.get("self")
            if frame.f_code.co_flags & _OPTIMIZED and type(local) is dict:
                local.clear()
            for name, value in pairs:
                found.setdefault(id(value), name)
                if isinstance(value, (list, tuple)) and len(value) < 9:
                    for number, one in enumerate(value):
                        found.setdefault(id(one), f"{name}[{number}]")
                elif isinstance(value, dict) and len(value) < 9:
                    for key, one in value.items():
                        found.setdefault(id(one), f"{name}[{key!r}]"[:60])
            for inner in (owner, getattr(owner, "_modules", None)):
                held = inner if isinstance(inner, dict) else getattr(inner, "__dict__", None)
                for name, value in list(held.items()) if isinstance(held, dict) else ():
                    found.setdefault(id(value), name)
            for name, value in list(frame.f_globals.items()):
                found.setdefault(id(value), name)
        frame = frame.f_back
    return found
