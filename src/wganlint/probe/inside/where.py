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
        self._own: dict[str, str] = {}  # how the files of modules are called, "" where they are not the user's
        self.otherwise: tuple[CodeType, int] | None = None  # where no frame of the user is on the stack

    def user_file(self, code: CodeType) -> str:
        """Return the name of the user's file that this code is of, or nothing."""
        known = self._known.get(code)
        if known is None:
            known = self._known[code] = self._name(code.co_filename)
        return known

    def is_own(self, module: Any) -> bool:
        """Whether a module is the user's."""
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            return False
        if file not in self._own:
            self._own[file] = self._name(file)
        return getattr(module, "__name__", "") == "__main__" or bool(self._own[file])

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
        return self.otherwise if frame is None else (frame.f_code, frame.f_lineno)

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


def names_in(frame: FrameType | None, user: Where) -> dict[int, list[str]]:
    """Return the names under which the frames of the user hold objects, by id: locals, what they hold, globals.

    Names of inner frames come first. The copy of the locals that Python keeps with a frame is emptied, so that it keeps
    nothing alive.
    """
    found: dict[int, list[str]] = {}

    def learn(value: Any, name: str) -> None:
        names = found.setdefault(id(value), [])
        if len(names) < 20 and name not in names:
            names.append(name)

    while frame is not None:
        if user.user_file(frame.f_code):
            local = frame.f_locals
            pairs = list(local.items())
            if frame.f_code.co_flags & _OPTIMIZED and type(local) is dict:
                local.clear()
            inner = pairs if frame.f_locals is frame.f_globals else [*pairs, *frame.f_globals.items()]
            for name, value in inner:
                learn(value, name)
                for key, one in _held(value, user):
                    learn(one, key if name == "self" else f"{name}{'' if key.startswith('[') else '.'}{key}"[:60])
        frame = frame.f_back
    return found


def _held(value: Any, user: Where) -> list[tuple[str, Any]]:
    """Return what a small container or an object of the user's own classes holds, by name."""
    if isinstance(value, (list, tuple)) and len(value) < 9:
        fields = getattr(value, "_fields", None)
        return list(zip(fields or [f"[{n}]" for n in range(len(value))], value))  # noqa: B905 - as long as each other
    if isinstance(value, dict):
        return [(f"[{key!r}]", one) for key, one in list(value.items())[:9]] if len(value) < 9 else []
    module = sys.modules.get(getattr(type(value), "__module__", "") or "")
    own = type(value).__name__ == "SimpleNamespace" or user.is_own(module)
    held = getattr(value, "__dict__", None) if own else None
    if not isinstance(held, dict):
        return []
    return [*list(held.items())[:100], *list((held.get("_modules") or {}).items())[:100]]


def best(names: list[str], pattern: Any = None) -> str:
    """Return the name that tells most: one that matches, else the outermost one that is more than a word for all."""
    matching = [name for name in names if pattern is not None and pattern.search(name)]
    plain = [name for name in names if name not in ("self", "model", "module", "network", "net", "optimizer", "opt")]
    bare = [name for name in matching or plain[::-1] if name.isidentifier()]
    return (bare or matching or plain[::-1] or names or [""])[0]
